//! Which network this machine is on: the default gateway, its hardware address and the prefix around it, and the tunnels by
//! which packets of either family leave, if they do not leave by the gateway's link.
//!
//! Read from the files in which Linux tells them. Other systems tell nothing here; then all networks count as one.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use user_cors::MachineNetwork;

/// An address of this machine.
#[derive(Clone, Debug)]
pub(super) struct InterfaceAddress {
    /// The name of its interface.
    pub interface: String,
    /// The address with its prefix.
    pub prefix: IpNet,
}

impl InterfaceAddress {
    /// The name of the device. NB: Linux gives a second IPv4 address a label for a name, with a colon in it.
    fn device(&self) -> &str {
        let name = self.interface.as_str();
        name.split_once(':').map_or(name, |(device, _)| device)
    }
}

/// The identity of the network, if the system tells a default gateway. `own` are the addresses of this machine, and `sources`
/// those of them, of either family, from which packets leave for hosts that none of its routes name.
pub(super) fn machine_network(
    own: &[InterfaceAddress],
    sources: &[IpAddr],
) -> Option<MachineNetwork> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let gateway = ipv4_gateway(&read("/proc/net/route"))
        .or_else(|| ipv6_gateway(&read("/proc/net/ipv6_route")))?;
    let hardware = hardware_address(&read("/proc/net/arp"), gateway.address);
    Some(identity(&gateway, hardware.as_deref(), own, sources))
}

#[derive(Debug, PartialEq, Eq)]
struct Gateway {
    address: IpAddr,
    interface: String,
}

/// NB: half of the routers in the world are 192.168.1.1; where the system knows the gateway's hardware address, that tells them
/// apart.
fn identity(
    gateway: &Gateway,
    hardware: Option<&str>,
    own: &[InterfaceAddress],
    sources: &[IpAddr],
) -> MachineNetwork {
    let around = if is_link_local(gateway.address) {
        prefix_of(&gateway.interface, own)
    } else {
        prefix_around(gateway.address, own)
    };
    let mut parts = vec![
        gateway.address.to_string(),
        around.map_or_else(
            || gateway.interface.clone(),
            |prefix| prefix.trunc().to_string(),
        ),
    ];
    parts.extend(hardware.map(str::to_owned));
    let tunnels = sources.iter().filter_map(|source| {
        let leaving = own.iter().find(|own| own.prefix.addr() == *source)?;
        (leaving.device() != gateway.interface).then(|| format!("via {}", leaving.prefix.trunc()))
    });
    parts.extend(tunnels);
    MachineNetwork::new(&parts.join(" "))
}

/// The narrowest prefix of this machine's that an address is in.
fn prefix_around(address: IpAddr, own: &[InterfaceAddress]) -> Option<IpNet> {
    own.iter()
        .map(|own| own.prefix)
        .filter(|prefix| prefix.contains(&address))
        .max_by_key(IpNet::prefix_len)
}

/// The prefix on an interface that is not of its link alone. Where there are several of IPv6, a unique local one goes before
/// those of the provider, which gives others from time to time.
///
/// NB: routers of IPv6 are known to hosts by their link's address, which half of them choose as fe80::1, and fe80::/64 is around it
/// everywhere. That says nothing of the network.
fn prefix_of(interface: &str, own: &[InterfaceAddress]) -> Option<IpNet> {
    own.iter()
        .filter(|own| own.device() == interface && !is_link_local(own.prefix.addr()))
        .map(|own| own.prefix.trunc())
        .filter(|prefix| matches!(prefix, IpNet::V6(_)))
        .max()
}

/// Whether it is an address of IPv6 that is of its link alone.
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// The default gateway with the lowest metric in the form of `/proc/net/route`.
fn ipv4_gateway(table: &str) -> Option<Gateway> {
    let routes = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [interface, destination, gateway, _, _, _, metric, mask, ..] = fields.as_slice() else {
            return None;
        };
        let gateway = u32::from_str_radix(gateway, 16).ok()?;
        let is_default = *destination == "00000000" && *mask == "00000000" && gateway != 0;
        is_default.then(|| {
            let gateway = Gateway {
                // The file has numbers as they lie in memory.
                address: IpAddr::V4(Ipv4Addr::from(gateway.to_ne_bytes())),
                interface: (*interface).to_owned(),
            };
            Some((metric.parse::<u32>().ok()?, gateway))
        })?
    });
    routes
        .min_by_key(|(metric, _)| *metric)
        .map(|(_, gateway)| gateway)
}

/// The default gateway with the lowest metric in the form of `/proc/net/ipv6_route`.
fn ipv6_gateway(table: &str) -> Option<Gateway> {
    let routes = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [destination, length, _, _, gateway, metric, .., interface] = fields.as_slice() else {
            return None;
        };
        let address = Ipv6Addr::from(u128::from_str_radix(gateway, 16).ok()?);
        let any = destination.bytes().all(|digit| digit == b'0') && *length == "00";
        if !any || address.is_unspecified() {
            return None;
        }
        let gateway = Gateway {
            address: IpAddr::V6(address),
            interface: (*interface).to_owned(),
        };
        Some((u32::from_str_radix(metric, 16).ok()?, gateway))
    });
    routes
        .min_by_key(|(metric, _)| *metric)
        .map(|(_, gateway)| gateway)
}

/// The hardware address of a neighbour in the form of `/proc/net/arp`, if it is known.
fn hardware_address(table: &str, neighbour: IpAddr) -> Option<String> {
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [address, _, flags, hardware, ..] = fields.as_slice() else {
            return None;
        };
        let is_known = *flags != "0x0" && *hardware != "00:00:00:00:00:00";
        (is_known && address.parse() == Ok(neighbour)).then(|| (*hardware).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	0101A8C0	0003	0	0	600	00000000	0	0	0
eth0	00000000	010200C0	0003	0	0	100	00000000	0	0	0
eth0	000200C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
";

    const NEIGHBOURS: &str = "\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.7        0x1         0x2         02:00:00:00:00:07     *        eth0
192.0.2.1        0x1         0x2         02:00:00:00:00:01     *        eth0
192.0.2.9        0x1         0x0         00:00:00:00:00:00     *        eth0
";

    fn gateway(address: &str) -> Gateway {
        Gateway {
            address: address.parse().expect("an address"),
            interface: "eth0".to_owned(),
        }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_default_route_with_the_lowest_metric() {
        assert_eq!(ipv4_gateway(ROUTES), Some(gateway("192.0.2.1")));
        for table in ["", "Iface\n", "Iface\neth0\t00000000\tzz\n"] {
            assert_eq!(ipv4_gateway(table), None, "{table}");
        }
    }

    #[test]
    fn the_default_route_of_ipv6() {
        let zero = "0".repeat(32);
        let line = |destination: &str, length: &str, gateway: &str, metric: &str| {
            format!(
                "{destination} {length} {zero} 00 {gateway} {metric} 00000003 00000000 00000003     eth0\n"
            )
        };
        let router = "fe800000000000000000000000000001";
        let table = [
            line("fd000000000000000000000000000000", "40", &zero, "00000100"),
            line(&zero, "00", "fe800000000000000000000000000002", "00000400"),
            line(&zero, "00", router, "00000100"),
            line(&zero, "00", &zero, "ffffffff"),
        ]
        .concat();
        assert_eq!(ipv6_gateway(&table), Some(gateway("fe80::1")));
        assert_eq!(ipv6_gateway("nothing of the kind"), None);
    }

    #[test]
    fn hardware_addresses() {
        let address = |text: &str| hardware_address(NEIGHBOURS, text.parse().expect("an address"));
        assert_eq!(address("192.0.2.1").as_deref(), Some("02:00:00:00:00:01"));
        assert_eq!(address("192.0.2.9"), None);
        assert_eq!(address("192.0.2.2"), None);
    }

    fn own(addresses: &[(&str, &str)]) -> Vec<InterfaceAddress> {
        addresses
            .iter()
            .map(|(interface, prefix)| InterfaceAddress {
                interface: (*interface).to_owned(),
                prefix: prefix.parse().expect("a prefix"),
            })
            .collect()
    }

    #[test]
    fn one_network_is_not_another() {
        let own = own(&[
            ("eth0", "192.0.2.7/24"),
            ("eth1", "192.0.0.0/8"),
            ("lo", "127.0.0.1/8"),
        ]);
        let known = |hardware| {
            let identity = identity(&gateway("192.0.2.1"), hardware, &own, &[]);
            identity.as_str().to_owned()
        };
        assert_eq!(known(None), "192.0.2.1 192.0.2.0/24");
        assert_ne!(
            known(Some("02:00:00:00:00:01")),
            known(Some("02:00:00:00:00:02"))
        );
        let link = identity(&gateway("fe80::1"), None, &own, &[]);
        assert_eq!(link.as_str(), "fe80::1 eth0");
    }

    #[test]
    fn routers_of_two_networks_may_have_the_same_address_of_their_links() {
        let on = |addresses: &[&str]| {
            let addresses: Vec<(&str, &str)> =
                addresses.iter().map(|address| ("eth0", *address)).collect();
            let own = own(&[&addresses[..], &[("eth1", "2001:db8:9::1/64")]].concat());
            let identity = identity(&gateway("fe80::1"), None, &own, &[]);
            identity.as_str().to_owned()
        };
        let one = on(&["fe80::7/64", "2001:db8:1::7/64"]);
        assert_eq!(one, "fe80::1 2001:db8:1::/64");
        // Another address of a while is of the same network.
        assert_eq!(on(&["fe80::7/64", "2001:db8:1::abcd/64"]), one);
        assert_ne!(on(&["fe80::7/64", "2001:db8:2::7/64"]), one);
        // The provider gives another prefix, and the network's own stays.
        let own = on(&["fe80::7/64", "2001:db8:1::7/64", "fd00:1::7/64"]);
        assert_eq!(own, "fe80::1 fd00:1::/64");
        assert_eq!(on(&["fe80::7/64", "fd00:1::8/64", "2001:db8:2::7/64"]), own);
        assert_eq!(on(&["fe80::7/64", "192.0.2.7/24"]), "fe80::1 eth0");
    }

    #[test]
    fn behind_a_tunnel_is_another_network() {
        let own = own(&[
            ("eth0", "10.1.2.7/8"),
            ("eth0:1", "10.1.2.8/8"),
            ("eth0", "2001:db8::7/64"),
            ("eth0", "2001:db8::abcd/64"),
            ("tun0", "198.51.100.9/32"),
            ("tun1", "10.8.0.2/24"),
            ("tun2", "2001:db8:2::9/64"),
        ]);
        let network = |gateway_at: &str, sources: &[&str]| {
            let sources: Vec<IpAddr> = sources
                .iter()
                .map(|source| source.parse().expect("an address"))
                .collect();
            let identity = identity(&gateway(gateway_at), Some("02::1"), &own, &sources);
            identity.as_str().to_owned()
        };
        let link = "10.1.2.1 10.0.0.0/8 02::1";
        for (sources, expected) in [
            (&[][..], link.to_owned()),
            (&["10.1.2.7", "2001:db8::7"], link.to_owned()),
            (&["10.1.2.8", "2001:db8::abcd"], link.to_owned()),
            // The address is on none of its interfaces.
            (&["203.0.113.1"], link.to_owned()),
            (&["198.51.100.9"], format!("{link} via 198.51.100.9/32")),
            // The link's prefix is so wide that the tunnel's lies within it.
            (&["10.8.0.2"], format!("{link} via 10.8.0.0/24")),
            // A tunnel for IPv6 alone.
            (
                &["10.1.2.7", "2001:db8:2::9"],
                format!("{link} via 2001:db8:2::/64"),
            ),
            (
                &["198.51.100.9", "2001:db8:2::9"],
                format!("{link} via 198.51.100.9/32 via 2001:db8:2::/64"),
            ),
        ] {
            assert_eq!(network("10.1.2.1", sources), expected, "{sources:?}");
        }
        // A gateway with an address of its link alone, of IPv6, and a tunnel for either family.
        let bare = "fe80::1 2001:db8::/64 02::1";
        for (sources, expected) in [
            (&["10.1.2.7", "2001:db8::7"][..], bare.to_owned()),
            (
                &["198.51.100.9", "2001:db8::7"],
                format!("{bare} via 198.51.100.9/32"),
            ),
        ] {
            assert_eq!(network("fe80::1", sources), expected, "{sources:?}");
        }
    }
}
