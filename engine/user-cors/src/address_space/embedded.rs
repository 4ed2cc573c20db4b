//! IPv4 addresses inside IPv6 addresses: where a packet goes after a translator or a tunnel unpacks it.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv6Net;

/// A NAT64 prefix that the network announces, learned as RFC 7050 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nat64Prefix(Ipv6Net);

/// The lengths that a prefix can have.
///
/// <https://www.rfc-editor.org/rfc/rfc6052#section-2.2>
const LENGTHS: [u8; 6] = [96, 64, 56, 48, 40, 32];

/// The addresses of `ipv4only.arpa`.
const WELL_KNOWN: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];

impl Nat64Prefix {
    /// A prefix of one of the lengths 32, 40, 48, 56, 64 and 96; `None` for others.
    pub fn new(prefix: Ipv6Net) -> Option<Self> {
        LENGTHS
            .contains(&prefix.prefix_len())
            .then(|| Self(prefix.trunc()))
    }

    /// The prefixes by which the network writes the name `ipv4only.arpa`, which has the IPv4 addresses 192.0.0.170 and .171 and
    /// no IPv6 address of its own.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc7050#section-3>
    pub fn discovered(addresses: impl IntoIterator<Item = Ipv6Addr>) -> Vec<Self> {
        let mut prefixes = Vec::new();
        for address in addresses {
            let found = LENGTHS.iter().filter_map(|length| {
                let prefix = Self::new(Ipv6Net::new(address, *length).ok()?)?;
                let decoded = prefix.decode(address)??;
                WELL_KNOWN.contains(&decoded).then_some(prefix)
            });
            for prefix in found {
                if !prefixes.contains(&prefix) {
                    prefixes.push(prefix);
                }
            }
        }
        prefixes
    }

    /// The IPv4 address that follows the prefix, around the reserved octet 8.
    ///
    /// `Some(None)` if the address has this prefix and cannot be decoded, because octet 8 is not zero.
    fn decode(self, address: Ipv6Addr) -> Option<Option<Ipv4Addr>> {
        if !self.0.contains(&address) {
            return None;
        }
        let octets = address.octets();
        let start = usize::from(self.0.prefix_len() / 8);
        if start == 12 {
            let [.., a, b, c, d] = octets;
            return Some(Some(Ipv4Addr::new(a, b, c, d)));
        }
        if octets[8] != 0 {
            return Some(None);
        }
        let mut following = octets
            .iter()
            .enumerate()
            .skip(start)
            .filter(|(index, _)| *index != 8)
            .map(|(_, octet)| *octet);
        let mut next = || following.next();
        let (Some(a), Some(b), Some(c), Some(d)) = (next(), next(), next(), next()) else {
            return Some(None);
        };
        Some(Some(Ipv4Addr::new(a, b, c, d)))
    }
}

/// What is set aside for translators, on every network: the well-known prefix (RFC 6052) and the one for local use (RFC 8215).
const TRANSLATORS: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 47);

/// Whether only the network's own word says that this address is an IPv4 address.
///
/// NB: it says so by the answer to a look-up, which nobody signs.
pub(super) fn is_by_hearsay(address: Ipv6Addr, nat64: &[Nat64Prefix]) -> bool {
    !TRANSLATORS.contains(&address) && nat64.iter().any(|prefix| prefix.0.contains(&address))
}

/// The IPv4 addresses that an IPv6 address embeds; `None` if it is of no kind that embeds one, and an empty list if it is
/// and cannot be decoded.
pub(super) fn embedded_ipv4(address: Ipv6Addr, nat64: &[Nat64Prefix]) -> Option<Vec<Ipv4Addr>> {
    if address == Ipv6Addr::UNSPECIFIED || address == Ipv6Addr::LOCALHOST {
        return None;
    }
    // A learned prefix may lie within any other block, also within another one, so all are looked at, and first. NB: which of
    // them the translator means nobody knows.
    let decoded: Vec<Option<Ipv4Addr>> = nat64
        .iter()
        .filter_map(|prefix| prefix.decode(address))
        .collect();
    if !decoded.is_empty() {
        let all: Option<Vec<Ipv4Addr>> = decoded.into_iter().collect();
        return Some(all.unwrap_or_default());
    }
    let [_, _, _, _, _, _, g, h] = address.segments();
    let last = ipv4(g, h);
    match address.segments() {
        // IPv4-compatible (RFC 4291, 2.5.5.1), IPv4-mapped (2.5.5.2), IPv4-translated (RFC 2765).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Some(vec![last]),
        // The well-known NAT64 prefix (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => Some(vec![last]),
        // 6to4 (RFC 3056).
        [0x2002, b, c, ..] => Some(vec![ipv4(b, c)]),
        // Teredo (RFC 4380): the server, and the client with its bits inverted.
        [0x2001, 0, c, d, ..] => Some(vec![ipv4(c, d), ipv4(!g, !h)]),
        _ => None,
    }
}

fn ipv4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> Nat64Prefix {
        Nat64Prefix::new(text.parse().unwrap()).unwrap()
    }

    /// The examples of RFC 6052, section 2.4, with 192.0.2.33.
    #[test]
    fn learned_prefixes_of_each_length() {
        let expected = Some(vec![Ipv4Addr::new(192, 0, 2, 33)]);
        for (learned, address) in [
            ("2001:db8::/32", "2001:db8:c000:221::"),
            ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
        ] {
            assert_eq!(
                embedded_ipv4(address.parse().unwrap(), &[prefix(learned)]),
                expected,
                "{learned}"
            );
        }
    }

    #[test]
    fn prefixes_are_discovered_at_each_length() {
        for (address, expected) in [
            ("2001:db8:c000:aa::", "2001:db8::/32"),
            ("2001:db8:1c0:0:aa::", "2001:db8:100::/40"),
            ("2001:db8:122:c000:0:aa00::", "2001:db8:122::/48"),
            ("2001:db8:122:3c0:0:aa::", "2001:db8:122:300::/56"),
            ("2001:db8:122:344:c0:0:aa00::", "2001:db8:122:344::/64"),
            ("2001:db8:122:344::192.0.0.171", "2001:db8:122:344::/96"),
            ("64:ff9b::192.0.0.170", "64:ff9b::/96"),
        ] {
            let address: Ipv6Addr = address.parse().unwrap();
            assert_eq!(
                Nat64Prefix::discovered([address, address]),
                [prefix(expected)],
                "{address}"
            );
        }
        for address in ["2001:db8::1", "::1", "2001:db8:122:344::192.0.0.172"] {
            assert!(
                Nat64Prefix::discovered([address.parse().unwrap()]).is_empty(),
                "{address}"
            );
        }
    }

    #[test]
    fn octet_8_has_to_be_zero() {
        let address = "2001:db8:122:344:1c0:2:2100::".parse().unwrap();
        assert_eq!(
            embedded_ipv4(address, &[prefix("2001:db8:122:344::/64")]),
            Some(Vec::new())
        );
    }

    #[test]
    fn prefixes_within_each_other_are_all_decoded() {
        let both = [prefix("64:ff9b::/40"), prefix("64:ff9b:1:fffe::/96")];
        let address = "64:ff9b:1:fffe::10.0.0.1".parse().unwrap();
        for prefixes in [both, [both[1], both[0]]] {
            let mut found = embedded_ipv4(address, &prefixes).unwrap();
            found.sort();
            let expected = [[1, 255, 254, 0], [10, 0, 0, 1]].map(Ipv4Addr::from);
            assert_eq!(found, expected);
        }
        // One of them cannot be decoded: then nobody knows.
        let both = [prefix("2001:db8::/64"), prefix("2001:db8::/96")];
        let address = "2001:db8::100:0:8.8.8.8".parse().unwrap();
        assert_eq!(
            embedded_ipv4(address, &both[..1]),
            Some(Vec::new()),
            "octet 8"
        );
        let address = "2001:db8:0:0:0:0:808:808".parse().unwrap();
        assert_eq!(embedded_ipv4(address, &both).map(|all| all.len()), Some(2));
    }

    #[test]
    fn other_lengths_are_no_prefixes() {
        for text in ["2001:db8::/33", "::/0", "2001:db8::/128", "2001:db8::/95"] {
            assert_eq!(Nat64Prefix::new(text.parse().unwrap()), None, "{text}");
        }
    }

    #[test]
    fn a_learned_local_use_prefix_is_decoded() {
        let address = "64:ff9b:1:fffe::8.8.8.8".parse().unwrap();
        assert_eq!(embedded_ipv4(address, &[]), None);
        assert_eq!(
            embedded_ipv4(address, &[prefix("64:ff9b:1:fffe::/96")]),
            Some(vec![Ipv4Addr::new(8, 8, 8, 8)])
        );
    }
}
