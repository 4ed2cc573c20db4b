//! What this machine's own network says about an address: the prefixes of its interfaces, and which way connections leave.
//!
//! Both are facts of step 6 of user-enabled CORS. Neither asks anybody: interfaces are read from the system, and a UDP
//! socket that is connected but never written to tells the source address of a route.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::time::timeout;
use user_cors::{MachineNetwork, Nat64Prefix, SourceAddress};

use super::default_gateway::{InterfaceAddress, machine_network};
use super::network_watch::discovered;

/// How old what is known of the interfaces may be before it is read again.
pub(super) const REFRESH: Duration = Duration::from_secs(5);

/// How long what the network says of its translation holds, on one network.
const NAT64_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// How long it may take to ask the network for it. A network without an answer translates nothing.
const NAT64_TIMEOUT: Duration = Duration::from_secs(5);

/// Addresses that only a default route leads to: they are set aside for documentation and are nobody's.
const BEYOND_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const BEYOND_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// What is known of this machine's own network.
#[derive(Default)]
pub(super) struct OwnNetwork {
    known: Mutex<Known>,
    /// For which network the translation was asked for, and when. Whoever asks at the same time waits for the same answer.
    nat64: tokio::sync::Mutex<Option<(Option<MachineNetwork>, Instant)>>,
}

#[derive(Default)]
struct Known {
    read: Option<Instant>,
    network: Option<MachineNetwork>,
    pretended: Option<MachineNetwork>,
    routes: Routes,
    /// How often the routes were found to be others than before.
    changes: RouteChanges,
}

/// How often this machine's routes were found to be others: what was told by them holds for as long as this stays the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RouteChanges(u64);

/// From which addresses connections leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Routes {
    addresses: InterfaceAddresses,
    default: DefaultSources,
}

/// The addresses of this machine, each with the name of its interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct InterfaceAddresses(Vec<(String, IpAddr)>);

impl InterfaceAddresses {
    /// Whether both are addresses of one interface.
    fn share(&self, one: IpAddr, other: IpAddr) -> bool {
        self.0
            .iter()
            .any(|(name, address)| *address == one && self.0.contains(&(name.clone(), other)))
    }
}

/// The addresses from which packets leave by the default routes, as far as there are any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct DefaultSources {
    v4: Option<IpAddr>,
    v6: Option<IpAddr>,
}

impl DefaultSources {
    fn read() -> Self {
        Self {
            v4: local_address_towards(BEYOND_V4).ok(),
            v6: local_address_towards(BEYOND_V6).ok(),
        }
    }

    /// The one for packets to `peer`.
    fn towards(&self, peer: IpAddr) -> Option<IpAddr> {
        match peer {
            IpAddr::V4(_) => self.v4,
            IpAddr::V6(_) => self.v6,
        }
    }
}

/// What was read.
pub(super) struct Seen {
    /// The addresses of the interfaces, with their prefixes.
    pub prefixes: Vec<IpNet>,
    /// The network.
    pub network: Option<MachineNetwork>,
}

impl OwnNetwork {
    /// Reads what the system says, unless that was done a moment ago.
    pub(super) fn refresh(&self) -> Option<Seen> {
        let pretended = {
            let mut known = self.known.lock();
            if known.read.is_some_and(|then| then.elapsed() < REFRESH) {
                return None;
            }
            known.read = Some(Instant::now());
            known.pretended.clone()
        };
        let interfaces = match if_addrs::get_if_addrs() {
            Ok(interfaces) => interfaces,
            Err(error) => {
                log::warn!("this machine's network interfaces cannot be read: {error}");
                return None;
            },
        };
        let own: Vec<InterfaceAddress> = interfaces
            .iter()
            .filter_map(|interface| {
                Some(InterfaceAddress {
                    interface: interface.name.clone(),
                    prefix: prefix(interface)?,
                })
            })
            .collect();
        let default = DefaultSources::read();
        let sources: Vec<IpAddr> = [default.v4, default.v6].into_iter().flatten().collect();
        let network = pretended.or_else(|| machine_network(&own, &sources));
        let prefixes = own.into_iter().map(|own| own.prefix).collect();
        let addresses = interfaces
            .into_iter()
            .map(|interface| (interface.name.clone(), interface.ip().to_canonical()));
        let routes = Routes {
            addresses: InterfaceAddresses(addresses.collect()),
            default,
        };
        let mut known = self.known.lock();
        known.network.clone_from(&network);
        if known.routes != routes {
            known.routes = routes;
            known.changes.0 += 1;
        }
        drop(known);
        Some(Seen { prefixes, network })
    }

    /// Whether a connection from `local` to `peer` left by the default route.
    ///
    /// Loopback peers are reached from loopback, which says nothing beyond their address.
    pub(super) fn source_address(&self, local: IpAddr, peer: SocketAddr) -> SourceAddress {
        let peer = peer.ip().to_canonical();
        if peer.is_loopback() {
            return SourceAddress::DefaultRoute;
        }
        let local = local.to_canonical();
        let source = source_address(local, &self.known.lock().routes, peer);
        if source == SourceAddress::DefaultRoute {
            return source;
        }
        // NB: the default route may be newer than what was read of it.
        let newest = Routes {
            default: DefaultSources::read(),
            addresses: self.known.lock().routes.addresses.clone(),
        };
        source_address(local, &newest, peer)
    }

    /// Counts the changes of this machine's routes.
    pub(super) fn route_changes(&self) -> RouteChanges {
        self.known.lock().changes
    }

    /// The same for a connection that would be made.
    pub(super) fn source_address_towards(&self, peer: SocketAddr) -> SourceAddress {
        match local_address_towards(peer.ip().to_canonical()) {
            Ok(local) => self.source_address(local, peer),
            Err(_) => SourceAddress::Unknown,
        }
    }

    /// Forgets what was read of the routes, as if they had been others.
    #[cfg(test)]
    pub(super) fn forget_routes(&self) {
        let mut known = self.known.lock();
        (known.read, known.routes) = (None, Routes::default());
    }

    /// From here on, this is the network; `None`: what the system says.
    pub(super) fn pretend(&self, network: Option<MachineNetwork>) {
        let mut known = self.known.lock();
        known.pretended = network;
        known.read = None;
    }

    /// The prefixes by which the network translates to IPv4, unless they are known: those of a look-up of `ipv4only.arpa`.
    pub(super) async fn nat64_prefixes<F: Future<Output = Vec<IpAddr>>>(
        &self,
        look_up: impl FnOnce() -> F,
    ) -> Option<Vec<Nat64Prefix>> {
        let mut asked = self.nat64.lock().await;
        let network = self.known.lock().network.clone();
        if let Some((of, when)) = &*asked
            && *of == network
            && when.elapsed() < NAT64_LIFETIME
        {
            return None;
        }
        let addresses = timeout(NAT64_TIMEOUT, look_up()).await.unwrap_or_default();
        *asked = Some((network, Instant::now()));
        Some(discovered(&addresses))
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

/// Whether what left from `local` for `peer` left by the default route.
fn source_address(local: IpAddr, routes: &Routes, peer: IpAddr) -> SourceAddress {
    match routes.default.towards(peer) {
        Some(default) if default == local => SourceAddress::DefaultRoute,
        // IPv6 has several addresses an interface, and temporary ones are as good as the first.
        Some(default) if local.is_ipv6() && routes.addresses.share(default, local) => {
            SourceAddress::DefaultRoute
        },
        // NB: where there is no default route, whatever leads there is another one.
        Some(_) | None => SourceAddress::Other,
    }
}

/// The address from which packets to `peer` would leave.
fn local_address_towards(peer: IpAddr) -> io::Result<IpAddr> {
    let any = match peer {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
    socket.connect(SocketAddr::new(peer, 9))?;
    Ok(socket.local_addr()?.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_peers_say_nothing_more() {
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let source = OwnNetwork::default().source_address(here.ip(), here);
        assert_eq!(source, SourceAddress::DefaultRoute);
    }

    #[test]
    fn another_source_address_is_another_route() {
        let peer = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 2), 443));
        let elsewhere = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 77));
        let source = OwnNetwork::default().source_address(elsewhere, peer);
        assert_eq!(source, SourceAddress::Other);
    }

    #[test]
    fn the_default_route_is_that_of_its_interface() {
        let address = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let addresses = [
            ("eth0", "203.0.114.1"),
            ("eth0", "203.0.114.2"),
            ("eth0", "2001:db8:1::1"),
            ("eth0", "2001:db8:1::abcd"),
            ("tun0", "2001:db8:2::1"),
        ];
        let addresses = InterfaceAddresses(
            addresses
                .iter()
                .map(|(name, text)| ((*name).to_owned(), address(text)))
                .collect(),
        );
        let eth0 = "2001:db8:1::1";
        for (local, default, expected) in [
            (eth0, Some(eth0), SourceAddress::DefaultRoute),
            ("2001:db8:1::abcd", Some(eth0), SourceAddress::DefaultRoute),
            ("2001:db8:2::1", Some(eth0), SourceAddress::Other),
            ("2001:db8:3::1", Some(eth0), SourceAddress::Other),
            (eth0, None, SourceAddress::Other),
            (
                "203.0.114.1",
                Some("203.0.114.1"),
                SourceAddress::DefaultRoute,
            ),
            ("203.0.114.2", Some("203.0.114.1"), SourceAddress::Other),
        ] {
            let (local, default) = (address(local), default.map(address));
            let routes = Routes {
                addresses: addresses.clone(),
                default: DefaultSources {
                    v4: default.filter(IpAddr::is_ipv4),
                    v6: default.filter(IpAddr::is_ipv6),
                },
            };
            // A peer of the same family.
            let source = source_address(local, &routes, local);
            assert_eq!(source, expected, "{local}, {default:?}");
        }
    }

    #[test]
    fn a_connection_that_would_be_made() {
        let own = OwnNetwork::default();
        let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 443));
        assert_eq!(
            own.source_address_towards(here),
            SourceAddress::DefaultRoute
        );
        let beyond = SocketAddr::new(BEYOND_V4, 443);
        assert_ne!(own.source_address_towards(beyond), SourceAddress::Other);
    }

    #[tokio::test(start_paused = true)]
    async fn the_network_is_asked_once_how_it_translates() {
        let own = OwnNetwork::default();
        let answer = || async { vec!["2001:db8::192.0.0.170".parse().expect("an address")] };
        let expected = Nat64Prefix::new("2001:db8::/96".parse().expect("a prefix"));
        let first = own.nat64_prefixes(answer).await;
        assert_eq!(first, Some(expected.into_iter().collect()));
        assert_eq!(own.nat64_prefixes(answer).await, None);
        // Another network translates in another way, and one that does not answer not at all.
        own.known.lock().network = Some(MachineNetwork::new("another"));
        let silence = || std::future::pending::<Vec<IpAddr>>();
        assert_eq!(own.nat64_prefixes(silence).await, Some(Vec::new()));
    }

    #[test]
    fn a_pretended_network_counts_until_it_is_taken_back() {
        let own = OwnNetwork::default();
        let read = |own: &OwnNetwork| own.refresh().map(|seen| seen.network);
        let real = read(&own).expect("read for the first time");
        assert!(read(&own).is_none());
        let other = Some(MachineNetwork::new("another"));
        own.pretend(other.clone());
        assert_eq!(read(&own), Some(other));
        own.pretend(None);
        assert_eq!(read(&own), Some(real));
    }

    #[test]
    fn routes_that_stay_as_they_are_are_no_change() {
        let own = OwnNetwork::default();
        let before = own.route_changes();
        assert!(own.refresh().is_some());
        let read = own.route_changes();
        assert_ne!(read, before, "there is an interface at least");
        own.known.lock().read = None;
        assert!(own.refresh().is_some());
        assert_eq!(own.route_changes(), read);
        own.forget_routes();
        assert!(own.refresh().is_some());
        assert_ne!(own.route_changes(), read);
    }

    #[test]
    fn a_default_route_that_is_newer_than_what_was_read_counts() {
        let own = OwnNetwork::default();
        let peer = SocketAddr::new(BEYOND_V4, 443);
        if let Ok(local) = local_address_towards(BEYOND_V4) {
            assert_eq!(own.source_address(local, peer), SourceAddress::DefaultRoute);
        }
        // What was read is believed without another look.
        let elsewhere = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 77));
        own.known.lock().routes.default.v4 = Some(elsewhere);
        assert_eq!(
            own.source_address(elsewhere, peer),
            SourceAddress::DefaultRoute
        );
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
