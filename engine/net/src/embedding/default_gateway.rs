//! Which network this machine is on: the default gateway, its hardware address and the prefix around it, and the tunnel by
//! which packets leave, if they do not leave by the gateway's link.
//!
//! Read from the files in which Linux tells them. Other systems tell nothing here; then all networks count as one.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use user_cors::MachineNetwork;

/// The identity of the network, if the system tells a default gateway. `prefixes` are those of this machine's interfaces, and
/// `source` is the IPv4 address from which packets leave for hosts that none of its routes name.
pub(super) fn machine_network(
    prefixes: &[IpNet],
    source: Option<IpAddr>,
) -> Option<MachineNetwork> {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let gateway = ipv4_gateway(&read("/proc/net/route"))
        .or_else(|| ipv6_gateway(&read("/proc/net/ipv6_route")))?;
    let hardware = hardware_address(&read("/proc/net/arp"), gateway.address);
    Some(identity(&gateway, hardware.as_deref(), prefixes, source))
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
    prefixes: &[IpNet],
    source: Option<IpAddr>,
) -> MachineNetwork {
    let address = gateway.address;
    let around = prefix_around(address, prefixes);
    let tunnel = around.and_then(|link| {
        let source = source.filter(|source| source.is_ipv4() && link.addr().is_ipv4())?;
        (!link.contains(&source)).then(|| prefix_around(source, prefixes))?
    });
    let mut parts = vec![
        address.to_string(),
        around.map_or_else(
            // A gateway with an address of its link alone.
            || gateway.interface.clone(),
            |prefix| prefix.trunc().to_string(),
        ),
    ];
    parts.extend(hardware.map(str::to_owned));
    parts.extend(tunnel.map(|prefix| format!("via {}", prefix.trunc())));
    MachineNetwork::new(&parts.join(" "))
}

/// The narrowest of these prefixes that an address is in.
fn prefix_around(address: IpAddr, prefixes: &[IpNet]) -> Option<&IpNet> {
    prefixes
        .iter()
        .filter(|prefix| prefix.contains(&address))
        .max_by_key(|prefix| prefix.prefix_len())
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

    #[test]
    fn one_network_is_not_another() {
        let prefixes: Vec<IpNet> = ["192.0.2.7/24", "192.0.0.0/8", "127.0.0.1/8"]
            .map(|prefix| prefix.parse().expect("a prefix"))
            .to_vec();
        let known = |hardware| {
            let identity = identity(&gateway("192.0.2.1"), hardware, &prefixes, None);
            identity.as_str().to_owned()
        };
        assert_eq!(known(None), "192.0.2.1 192.0.2.0/24");
        assert_ne!(
            known(Some("02:00:00:00:00:01")),
            known(Some("02:00:00:00:00:02"))
        );
        let link = identity(&gateway("fe80::1"), None, &prefixes, None);
        assert_eq!(link.as_str(), "fe80::1 eth0");
    }

    #[test]
    fn behind_a_tunnel_is_another_network() {
        let prefixes: Vec<IpNet> = ["192.0.2.7/24", "198.51.100.9/32", "2001:db8::7/64"]
            .map(|prefix| prefix.parse().expect("a prefix"))
            .to_vec();
        let network = |gateway_at: &str, source: Option<&str>| {
            let source = source.map(|source| source.parse().expect("an address"));
            let identity = identity(&gateway(gateway_at), Some("02::1"), &prefixes, source);
            identity.as_str().to_owned()
        };
        let link = "192.0.2.1 192.0.2.0/24 02::1";
        for (source, expected) in [
            (None, link.to_owned()),
            (Some("192.0.2.7"), link.to_owned()),
            // The address is on none of its interfaces, or of another family.
            (Some("203.0.113.1"), link.to_owned()),
            (Some("2001:db8::7"), link.to_owned()),
            (Some("198.51.100.9"), format!("{link} via 198.51.100.9/32")),
        ] {
            assert_eq!(network("192.0.2.1", source), expected, "{source:?}");
        }
        // Where the gateway's link is not known, nothing can be said of tunnels.
        let beyond = network("203.0.113.1", Some("198.51.100.9"));
        assert_eq!(beyond, "203.0.113.1 eth0 02::1");
    }
}
