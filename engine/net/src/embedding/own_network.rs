//! What this machine's own network says about an address: the prefixes of its interfaces, and which way connections leave.
//!
//! Both are facts of step 6 of user-enabled CORS. Neither asks anybody: interfaces are read from the system, and a UDP
//! socket that is connected but never written to tells the source address of a route.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use parking_lot::Mutex;
use user_cors::{Settlement, SourceAddress, Timestamp, UserCors};

/// How old what is known of the interfaces may be before it is read again.
const REFRESH: Duration = Duration::from_secs(5);

/// Addresses that only a default route leads to: they are set aside for documentation and are nobody's.
const BEYOND_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const BEYOND_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// When the interfaces were last read.
#[derive(Default)]
pub(super) struct OwnNetwork {
    read: Mutex<Option<Instant>>,
}

impl OwnNetwork {
    /// Tells the permission model of this machine's interfaces, unless that was done a moment ago. Returns what it settled.
    pub(super) fn refresh(&self, user_cors: &UserCors, now: Timestamp) -> Vec<Settlement> {
        {
            let mut read = self.read.lock();
            if read.is_some_and(|then| then.elapsed() < REFRESH) {
                return Vec::new();
            }
            *read = Some(Instant::now());
        }
        match if_addrs::get_if_addrs() {
            Ok(interfaces) => user_cors.set_interfaces(interfaces.iter().filter_map(prefix), now),
            Err(error) => {
                log::warn!("this machine's network interfaces cannot be read: {error}");
                Vec::new()
            },
        }
    }
}

/// An interface's address with its prefix.
fn prefix(interface: &if_addrs::Interface) -> Option<IpNet> {
    let netmask = match &interface.addr {
        if_addrs::IfAddr::V4(address) => IpAddr::V4(address.netmask),
        if_addrs::IfAddr::V6(address) => IpAddr::V6(address.netmask),
    };
    IpNet::with_netmask(interface.ip(), netmask).ok()
}

/// Whether a connection from `local` to `peer` left from the address of the default route.
///
/// Loopback peers are reached from loopback, which says nothing beyond their address.
pub(super) fn source_address(local: SocketAddr, peer: SocketAddr) -> SourceAddress {
    let peer = peer.ip().to_canonical();
    if peer.is_loopback() {
        return SourceAddress::DefaultRoute;
    }
    let (beyond, any) = match peer {
        IpAddr::V4(_) => (BEYOND_V4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        IpAddr::V6(_) => (BEYOND_V6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let default = UdpSocket::bind(SocketAddr::new(any, 0)).and_then(|socket| {
        socket.connect(SocketAddr::new(beyond, 9))?;
        socket.local_addr()
    });
    match default {
        Ok(default) if default.ip().to_canonical() == local.ip().to_canonical() => {
            SourceAddress::DefaultRoute
        },
        // IPv6 has several addresses an interface, and temporary ones are as good as the first.
        Ok(_) if peer.is_ipv6() => SourceAddress::Unknown,
        Ok(_) => SourceAddress::Other,
        Err(_) => SourceAddress::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_peers_say_nothing_more() {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        assert_eq!(source_address(here, here), SourceAddress::DefaultRoute);
    }

    #[test]
    fn another_source_address_is_another_route() {
        let peer = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 2), 443));
        let elsewhere = SocketAddr::from((Ipv4Addr::new(198, 51, 100, 77), 1));
        // Without any route at all it cannot be told.
        assert_ne!(source_address(elsewhere, peer), SourceAddress::DefaultRoute);
    }

    #[test]
    fn an_interface_has_a_prefix() {
        let interfaces = if_addrs::get_if_addrs().unwrap();
        let prefixes: Vec<IpNet> = interfaces.iter().filter_map(prefix).collect();
        assert!(
            prefixes
                .iter()
                .any(|net| net.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)))
        );
    }
}
