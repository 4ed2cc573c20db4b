//! The address spaces of all IP addresses, before this machine's own prefixes, policy and overrides are looked at.
//!
//! The Local Network Access draft's table, and what it leaves out: everything that IANA's special-purpose registries do
//! not call globally reachable is at most local.
//!
//! * <https://wicg.github.io/local-network-access/#non-public-ip-address-blocks>
//! * <https://www.iana.org/assignments/iana-ipv4-special-registry/>
//! * <https://www.iana.org/assignments/iana-ipv6-special-registry/>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{
    AddressSpace::{self, Local, Loopback, Public},
    embedded::{Nat64Prefix, embedded_ipv4, is_by_hearsay},
};

/// An IPv4 block: network, prefix length, space.
type Ipv4Row = (Ipv4Addr, u32, AddressSpace);

/// An IPv6 block: network, prefix length, space.
type Ipv6Row = (Ipv6Addr, u32, AddressSpace);

/// The first matching row decides; what matches none is public.
const IPV4: &[Ipv4Row] = &[
    // "This network": common systems connect to this machine.
    (Ipv4Addr::new(0, 0, 0, 0), 8, Loopback),
    // Private use (RFC 1918).
    (Ipv4Addr::new(10, 0, 0, 0), 8, Local),
    // Shared address space of carrier-grade NAT (RFC 6598).
    (Ipv4Addr::new(100, 64, 0, 0), 10, Local),
    // Loopback.
    (Ipv4Addr::new(127, 0, 0, 0), 8, Loopback),
    // Link-local (RFC 3927), and with it cloud metadata services.
    (Ipv4Addr::new(169, 254, 0, 0), 16, Local),
    // Private use (RFC 1918).
    (Ipv4Addr::new(172, 16, 0, 0), 12, Local),
    // IETF protocol assignments (RFC 6890).
    (Ipv4Addr::new(192, 0, 0, 0), 24, Local),
    // Documentation (RFC 5737).
    (Ipv4Addr::new(192, 0, 2, 0), 24, Local),
    // The deprecated 6to4 relay anycast prefix (RFC 7526).
    (Ipv4Addr::new(192, 88, 99, 0), 24, Local),
    // Private use (RFC 1918).
    (Ipv4Addr::new(192, 168, 0, 0), 16, Local),
    // Benchmarking (RFC 2544); the draft calls it loopback.
    (Ipv4Addr::new(198, 18, 0, 0), 15, Loopback),
    // Documentation (RFC 5737).
    (Ipv4Addr::new(198, 51, 100, 0), 24, Local),
    (Ipv4Addr::new(203, 0, 113, 0), 24, Local),
    // Multicast (RFC 5771).
    (Ipv4Addr::new(224, 0, 0, 0), 4, Local),
    // Reserved (RFC 1112), and limited broadcast.
    (Ipv4Addr::new(240, 0, 0, 0), 4, Local),
];

/// The first matching row decides; what matches none is local. Addresses that embed an IPv4 address never get here.
const IPV6: &[Ipv6Row] = &[
    // The unspecified address: common systems connect to this machine.
    (Ipv6Addr::UNSPECIFIED, 128, Loopback),
    (Ipv6Addr::LOCALHOST, 128, Loopback),
    // IETF protocol assignments (RFC 2928): benchmarking, ORCHID and others; Teredo embeds an address.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Local),
    // Documentation (RFC 3849, RFC 9637).
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Local),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Local),
    // Global unicast (RFC 4291). All else is unique local, link-local, site-local, multicast, discard-only, segment
    // routing or reserved.
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, Public),
];

/// The address space of an address by the table. An IPv6 address that embeds an IPv4 address has the space of that; if only the
/// network says so, it is no more public than it is by itself.
pub(super) fn table_space(address: IpAddr, nat64: &[Nat64Prefix]) -> AddressSpace {
    match address {
        IpAddr::V4(address) => ipv4_space(address),
        IpAddr::V6(address) => match embedded_ipv4(address, nat64) {
            Some(embedded) => {
                // A tunnel has two ends: the less public one counts.
                let least = embedded
                    .iter()
                    .map(|address| ipv4_space(*address))
                    .min()
                    .unwrap_or(Local);
                if is_by_hearsay(address, nat64) {
                    least.min(ipv6_space(address))
                } else {
                    least
                }
            },
            None => ipv6_space(address),
        },
    }
}

fn ipv4_space(address: Ipv4Addr) -> AddressSpace {
    let bits = address.to_bits();
    let row = IPV4.iter().find(|(network, length, _)| {
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        bits & mask == network.to_bits()
    });
    row.map_or(Public, |(_, _, space)| *space)
}

fn ipv6_space(address: Ipv6Addr) -> AddressSpace {
    let bits = address.to_bits();
    let row = IPV6.iter().find(|(network, length, _)| {
        let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
        bits & mask == network.to_bits()
    });
    row.map_or(Local, |(_, _, space)| *space)
}

#[cfg(test)]
mod tests {
    use ipnet::IpNet;
    use proptest::prelude::*;

    use super::*;

    fn space(address: &str) -> AddressSpace {
        table_space(address.parse().unwrap(), &[])
    }

    #[test]
    fn both_ends_of_each_block_and_their_neighbours() {
        for (address, expected) in [
            ("0.0.0.0", Loopback),
            ("0.255.255.255", Loopback),
            ("1.0.0.0", Public),
            ("9.255.255.255", Public),
            ("10.0.0.0", Local),
            ("10.255.255.255", Local),
            ("11.0.0.0", Public),
            ("100.63.255.255", Public),
            ("100.64.0.0", Local),
            ("100.127.255.255", Local),
            ("100.128.0.0", Public),
            ("126.255.255.255", Public),
            ("127.0.0.0", Loopback),
            ("127.255.255.255", Loopback),
            ("128.0.0.0", Public),
            ("169.253.255.255", Public),
            ("169.254.169.254", Local),
            ("169.255.0.0", Public),
            ("172.15.255.255", Public),
            ("172.16.0.0", Local),
            ("172.31.255.255", Local),
            ("172.32.0.0", Public),
            ("191.255.255.255", Public),
            ("192.0.0.0", Local),
            ("192.0.0.255", Local),
            ("192.0.1.0", Public),
            ("192.0.2.1", Local),
            ("192.0.3.0", Public),
            ("192.88.98.255", Public),
            ("192.88.99.1", Local),
            ("192.167.255.255", Public),
            ("192.168.0.0", Local),
            ("192.168.255.255", Local),
            ("192.169.0.0", Public),
            ("198.17.255.255", Public),
            ("198.18.0.0", Loopback),
            ("198.19.255.255", Loopback),
            ("198.20.0.0", Public),
            ("198.51.100.7", Local),
            ("203.0.113.7", Local),
            ("203.0.114.0", Public),
            ("223.255.255.255", Public),
            ("224.0.0.0", Local),
            ("239.255.255.255", Local),
            ("240.0.0.0", Local),
            ("255.255.255.255", Local),
            ("8.8.8.8", Public),
            ("93.184.215.14", Public),
            ("::", Loopback),
            ("::1", Loopback),
            ("2001:db8::1", Local),
            ("3fff::1", Local),
            ("3fff:1000::1", Public),
            ("2001:1ff:ffff::1", Local),
            ("2001:200::1", Public),
            ("2606:4700::1", Public),
            ("1fff:ffff::1", Local),
            ("2000::1", Public),
            ("3ffe::1", Public),
            ("4000::1", Local),
            ("fc00::1", Local),
            ("fdff::1", Local),
            ("fe80::1", Local),
            ("febf::1", Local),
            ("fec0::1", Local),
            ("ff02::1", Local),
            ("ff0e::1", Local),
            ("100::1", Local),
            ("5f00::1", Local),
            ("64:ff9b:1::1", Local),
            ("64:ff9b:2::1", Local),
        ] {
            assert_eq!(space(address), expected, "{address}");
        }
    }

    #[test]
    fn embedded_addresses_decide() {
        for (address, expected) in [
            ("::ffff:10.0.0.1", Local),
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:8.8.8.8", Public),
            ("::ffff:0.0.0.0", Loopback),
            ("::10.0.0.1", Local),
            ("::127.0.0.1", Loopback),
            ("::8.8.8.8", Public),
            ("::2", Loopback),
            ("::ffff:0:10.0.0.1", Local),
            ("::ffff:0:8.8.8.8", Public),
            ("64:ff9b::10.0.0.1", Local),
            ("64:ff9b::127.0.0.1", Loopback),
            ("64:ff9b::8.8.8.8", Public),
            ("64:ff9b::1:8.8.8.8", Local),
            ("2002:a00:1::1", Local),
            ("2002:7f00:1::1", Loopback),
            ("2002:808:808::1", Public),
            // Teredo: server 8.8.8.8; client 10.0.0.1, 127.0.0.1, 8.8.4.4, each with its bits inverted.
            ("2001:0:808:808:0:0:f5ff:fffe", Local),
            ("2001:0:808:808:0:0:80ff:fffe", Loopback),
            ("2001:0:808:808:0:0:f7f7:fbfb", Public),
            ("2001:0:a00:1:0:0:f7f7:fbfb", Local),
        ] {
            assert_eq!(space(address), expected, "{address}");
        }
    }

    #[test]
    fn what_a_network_says_of_its_translation_makes_nothing_public() {
        let prefix = |text: &str| Nat64Prefix::new(text.parse().unwrap()).unwrap();
        for (learned, address, expected) in [
            ("2606:4700:64::/96", "2606:4700:64::8.8.8.8", Public),
            ("2606:4700:64::/96", "2606:4700:64::10.0.0.1", Local),
            ("2606:4700:64::/96", "2606:4700:64::127.0.0.1", Loopback),
            ("64:ff9b::/96", "64:ff9b::8.8.8.8", Public),
            ("64:ff9b:1:fffe::/96", "64:ff9b:1:fffe::8.8.8.8", Public),
            ("64:ff9b:1:fffe::/96", "64:ff9b:1:fffe::10.0.0.1", Local),
            // A machine of the person's own network, whose address begins as the prefix does.
            ("fd00:1234::/32", "fd00:1234:808:808::", Local),
            ("fd00:1234::/96", "fd00:1234::8.8.8.8", Local),
            ("fe80::/64", "fe80::8:808:800:0", Local),
            ("2001:db8::/96", "2001:db8::8.8.8.8", Local),
        ] {
            let space = table_space(address.parse().unwrap(), &[prefix(learned)]);
            assert_eq!(space, expected, "{learned} {address}");
        }
    }

    proptest! {
        #[test]
        fn every_special_ipv4_block_is_not_public(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let special = address.is_private() || address.is_loopback() || address.is_link_local() || address.is_multicast()
                || address.is_broadcast() || address.is_documentation() || address.is_unspecified();
            if special {
                prop_assert_ne!(table_space(address.into(), &[]), Public);
            }
            // The three ways of writing it in IPv6 agree.
            prop_assert_eq!(table_space(address.to_ipv6_mapped().into(), &[]), table_space(address.into(), &[]));
            let translated = Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(bits));
            prop_assert_eq!(table_space(translated.into(), &[]), table_space(address.into(), &[]));
        }

        #[test]
        fn public_ipv6_is_global_unicast_or_embeds_ipv4(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            let global: IpNet = "2000::/3".parse().unwrap();
            if table_space(address.into(), &[]) == Public {
                prop_assert!(global.contains(&IpAddr::V6(address)) || embedded_ipv4(address, &[]).is_some());
            }
        }

        #[test]
        fn rows_agree_with_a_prefix_matcher(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            let expected = IPV4.iter()
                .find(|(network, length, _)| {
                    let length = u8::try_from(*length).unwrap();
                    IpNet::new((*network).into(), length).unwrap().contains(&IpAddr::V4(address))
                })
                .map_or(Public, |(_, _, space)| *space);
            prop_assert_eq!(ipv4_space(address), expected);
        }
    }
}
