//! Classifying what a connection was made to.

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::Host;

use super::{
    AddressSpace, AddressSpaceOverrides, EgressTarget, Nat64Prefix, embedded::embedded_ipv4,
    is_never_public, table::table_space,
};
use crate::permission::TargetNetwork;

/// Which of this machine's addresses a connection left from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceAddress {
    /// The one of the default route.
    DefaultRoute,
    /// Another one: a second interface, a VPN, a tunnel.
    Other,
    /// Not known. Counts as the default route's: not every system tells.
    Unknown,
}

/// Whether the target's certificate chain verifies against the built-in public roots (or those that policy adds), whatever
/// the platform's own store says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootsVerdict {
    /// It does.
    Public,
    /// It does not: a private authority, or an intercepting proxy.
    Private,
    /// There was no TLS.
    NoTls,
}

/// Through what the exchange went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyUse {
    /// Nothing: a direct connection.
    Direct,
    /// The egress that `user_cors.egress` names.
    Egress,
    /// Another proxy.
    Other,
}

/// What was recorded when the failing exchange's connection was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// The host of the URL.
    pub host: Host<String>,
    /// All addresses that the name resolved to; may be empty for a literal address.
    pub resolution: Vec<IpAddr>,
    /// The address and port at the other end; through the egress, those of a literal address.
    pub peer: Option<SocketAddr>,
    /// Where the connection left from.
    pub source: SourceAddress,
    /// What public roots say about the certificate chain.
    pub public_roots: RootsVerdict,
    /// Through what it went.
    pub proxy: ProxyUse,
}

/// The outcome for a direct connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classification {
    /// The classified set: every address that was looked at, each once. Later requests use only these.
    pub addresses: Vec<IpAddr>,
    /// The address and port at the other end.
    pub peer: SocketAddr,
    /// The least public space of all.
    pub space: AddressSpace,
    /// What public roots say about the certificate chain.
    pub public_roots: RootsVerdict,
    /// What makes the target less than public, if something does.
    pub not_public: Option<NotPublic>,
    /// What was classified, to be classified again when the machine's networks or policy have changed.
    pub facts: ConnectionFacts,
    /// By what knowledge it was classified.
    pub(crate) knowledge: Knowledge,
}

/// The name of what a [`Classifier`] knows at one moment. It is equal to no other but its clones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knowledge(Arc<()>);

impl PartialEq for Knowledge {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Knowledge {}

/// How an exchange reached its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// By a direct connection to classified addresses.
    Direct(Arc<Classification>),
    /// Through the egress, which resolves names itself; there is no address to classify.
    Egress(EgressTarget),
    /// Through another proxy: there is no address space.
    OtherProxy,
    /// Its addresses are not known.
    Unknown,
}

impl Route {
    /// The address space, where there is one.
    pub fn space(&self) -> Option<AddressSpace> {
        match self {
            Self::Direct(classification) => Some(classification.space),
            Self::Egress(_) | Self::OtherProxy | Self::Unknown => None,
        }
    }

    /// The network of the target, where it is known. The egress leads to the public Internet only.
    pub fn network(&self) -> Option<TargetNetwork> {
        match self {
            Self::Direct(classification) if classification.space == AddressSpace::Public => {
                Some(TargetNetwork::Public)
            },
            Self::Direct(_) => Some(TargetNetwork::LocalNetwork),
            Self::Egress(target) if target.not_public.is_none() => Some(TargetNetwork::Public),
            Self::Egress(_) | Self::OtherProxy | Self::Unknown => None,
        }
    }

    /// The peer of a direct connection.
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Direct(classification) => Some(classification.peer),
            Self::Egress(_) | Self::OtherProxy | Self::Unknown => None,
        }
    }
}

/// What makes a target less than public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotPublic {
    /// One of its addresses.
    Address {
        /// The least public address.
        address: IpAddr,
        /// Its space.
        space: AddressSpace,
    },
    /// Its name, which only private networks use.
    Name,
    /// The connection left from another address than the default route's.
    SourceAddress,
    /// Its certificate does not verify against public roots.
    PrivateRoots,
    /// It has no certificate.
    NoTls,
}

impl fmt::Display for NotPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address {
                address,
                space: AddressSpace::Loopback,
            } => write!(f, "{address} is this computer"),
            Self::Address { address, .. } => {
                write!(f, "{address} is on your own or a special network")
            },
            Self::Name => f.write_str("its name is one that only private networks use"),
            Self::SourceAddress => {
                f.write_str("it is reached through another network than the Internet connection")
            },
            Self::PrivateRoots => f.write_str("its certificate comes from a private authority"),
            Self::NoTls => f.write_str("it has no certificate"),
        }
    }
}

/// Knows which addresses are public from here.
#[derive(Clone, Debug, Default)]
pub struct Classifier {
    known: Known,
    knowledge: Knowledge,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    overrides: AddressSpaceOverrides,
    policy: Vec<(IpNet, AddressSpace)>,
    own: Vec<IpNet>,
    nat64: Vec<Nat64Prefix>,
}

impl Classifier {
    /// A classifier that knows the table only.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with these overrides of the command line.
    #[must_use]
    pub fn with_overrides(mut self, overrides: AddressSpaceOverrides) -> Self {
        self.learn(|known| known.overrides = overrides);
        self
    }

    /// The overrides in force, for the interface to show.
    pub fn overrides(&self) -> &AddressSpaceOverrides {
        &self.known.overrides
    }

    /// Sets policy's ranges. The longest matching one decides, the less public one where two are equally long.
    pub fn set_policy_ranges(&mut self, ranges: impl IntoIterator<Item = (IpNet, AddressSpace)>) {
        let mut policy: Vec<_> = ranges
            .into_iter()
            .map(|(range, space)| (range.trunc(), space))
            .collect();
        policy.sort_by_key(|(range, space)| (std::cmp::Reverse(range.prefix_len()), *space));
        self.learn(|known| known.policy = policy);
    }

    /// Sets the addresses of this machine's interfaces, each with its prefix. Their prefixes are at most local, and so is
    /// the /24 or /48 around each public address: neighbours there trust each other's addresses.
    ///
    /// Returns whether anything changed.
    pub fn set_interfaces(&mut self, interfaces: impl IntoIterator<Item = IpNet>) -> bool {
        let mut own = Vec::new();
        for interface in interfaces {
            own.push(interface.trunc());
            let address = interface.addr();
            if table_space(address, &self.known.nat64) == AddressSpace::Public {
                let around = match address {
                    IpAddr::V4(address) => Ipv4Net::new(address, 24).map(IpNet::V4),
                    IpAddr::V6(address) => Ipv6Net::new(address, 48).map(IpNet::V6),
                };
                own.extend(around.ok().map(|net| net.trunc()));
            }
        }
        self.learn(|known| known.own = own)
    }

    /// Sets the NAT64 prefixes learned from the network. Returns whether anything changed.
    pub fn set_nat64_prefixes(&mut self, prefixes: impl IntoIterator<Item = Nat64Prefix>) -> bool {
        let nat64 = prefixes.into_iter().collect();
        self.learn(|known| known.nat64 = nat64)
    }

    /// Whether anything changed: what was classified before is then to be classified again.
    fn learn(&mut self, change: impl FnOnce(&mut Known)) -> bool {
        let before = self.known.clone();
        change(&mut self.known);
        let has_changed = self.known != before;
        if has_changed {
            self.knowledge = Knowledge::default();
        }
        has_changed
    }

    /// Whether a route was classified by what is known at this moment.
    pub fn is_current(&self, route: &Route) -> bool {
        matches!(route, Route::Direct(classification) if classification.knowledge == self.knowledge)
    }

    /// The address space of one address, at a port for which overrides may speak.
    pub fn address_space(&self, socket: SocketAddr) -> AddressSpace {
        // An IPv4-mapped address is the IPv4 address: ranges and overrides name it in one form only.
        let address = socket.ip().to_canonical();
        if let Some(space) = self.overridden(socket) {
            return space;
        }
        if let Some(space) = self.policy_space(address) {
            return space;
        }
        let mut space = table_space(address, &self.known.nat64);
        if self.is_own(address) {
            space = space.min(AddressSpace::Local);
        }
        if let IpAddr::V6(address) = address {
            for embedded in embedded_ipv4(address, &self.known.nat64).unwrap_or_default() {
                let embedded = IpAddr::V4(embedded);
                space = space.min(self.policy_space(embedded).unwrap_or(AddressSpace::Public));
                if self.is_own(embedded) {
                    space = space.min(AddressSpace::Local);
                }
            }
        }
        space
    }

    /// Classifies what a connection was made to, without any look-up.
    pub fn classify(&self, facts: &ConnectionFacts) -> Route {
        match facts.proxy {
            ProxyUse::Direct => {},
            ProxyUse::Egress => return Route::Egress(self.egress_target(facts)),
            ProxyUse::Other => return Route::OtherProxy,
        }
        let Some(peer) = facts.peer else {
            return Route::Unknown;
        };
        let mut addresses = Vec::with_capacity(facts.resolution.len() + 1);
        let literal = match &facts.host {
            Host::Domain(_) if facts.resolution.is_empty() => return Route::Unknown,
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        };
        for address in facts
            .resolution
            .iter()
            .copied()
            .chain(literal)
            .chain([peer.ip()])
        {
            let address = address.to_canonical();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let (space, not_public) = self.set_space(facts, peer, &addresses);
        Route::Direct(Arc::new(Classification {
            addresses,
            peer,
            space,
            public_roots: facts.public_roots,
            not_public,
            facts: facts.clone(),
            knowledge: self.knowledge.clone(),
        }))
    }

    /// Classifies by what is known at this moment what was classified before.
    pub fn classify_again<'a>(&self, route: &'a Route) -> Cow<'a, Route> {
        match route {
            Route::Direct(before) if before.knowledge != self.knowledge => {
                let (space, not_public) =
                    self.set_space(&before.facts, before.peer, &before.addresses);
                Cow::Owned(Route::Direct(Arc::new(Classification {
                    space,
                    not_public,
                    knowledge: self.knowledge.clone(),
                    ..Classification::clone(before)
                })))
            },
            Route::Egress(target) => Cow::Owned(self.classify(&target.facts)),
            Route::Direct(_) | Route::OtherProxy | Route::Unknown => Cow::Borrowed(route),
        }
    }

    fn set_space(
        &self,
        facts: &ConnectionFacts,
        peer: SocketAddr,
        addresses: &[IpAddr],
    ) -> (AddressSpace, Option<NotPublic>) {
        let least = addresses
            .iter()
            .map(|address| {
                (
                    self.address_space(SocketAddr::new(*address, peer.port())),
                    *address,
                )
            })
            .min_by_key(|(space, _)| *space);
        match least {
            None => return (AddressSpace::Loopback, Some(NotPublic::NoTls)),
            Some((AddressSpace::Public, _)) => {},
            Some((space, address)) => return (space, Some(NotPublic::Address { address, space })),
        }
        let local = |reason| (AddressSpace::Local, Some(reason));
        if let Host::Domain(name) = &facts.host
            && is_never_public(name)
        {
            return local(NotPublic::Name);
        }
        if facts.source == SourceAddress::Other {
            return local(NotPublic::SourceAddress);
        }
        match facts.public_roots {
            RootsVerdict::Public => (AddressSpace::Public, None),
            RootsVerdict::Private => local(NotPublic::PrivateRoots),
            // NB: step 3 lets plain http through between two loopback hosts only. Their addresses are public only by an
            // override, which is there to make them so.
            RootsVerdict::NoTls
                if addresses
                    .iter()
                    .all(|address| self.is_overridden_loopback(*address, peer.port())) =>
            {
                (AddressSpace::Public, None)
            },
            RootsVerdict::NoTls => local(NotPublic::NoTls),
        }
    }

    fn overridden(&self, socket: SocketAddr) -> Option<AddressSpace> {
        self.known
            .overrides
            .get(&SocketAddr::new(socket.ip().to_canonical(), socket.port()))
    }

    fn is_overridden_loopback(&self, address: IpAddr, port: u16) -> bool {
        table_space(address, &self.known.nat64) == AddressSpace::Loopback
            && self.overridden(SocketAddr::new(address, port)).is_some()
    }

    fn policy_space(&self, address: IpAddr) -> Option<AddressSpace> {
        self.known
            .policy
            .iter()
            .find(|(range, _)| range.contains(&address))
            .map(|(_, space)| *space)
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.known.own.iter().any(|range| range.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn facts(host: &str, resolution: &[&str], peer: &str) -> ConnectionFacts {
        ConnectionFacts {
            host: Host::parse(host).unwrap(),
            resolution: resolution.iter().map(|address| ip(address)).collect(),
            peer: Some(SocketAddr::new(ip(peer), 443)),
            source: SourceAddress::DefaultRoute,
            public_roots: RootsVerdict::Public,
            proxy: ProxyUse::Direct,
        }
    }

    fn space(classifier: &Classifier, facts: &ConnectionFacts) -> AddressSpace {
        match classifier.classify(facts) {
            Route::Direct(classification) => classification.space,
            other => panic!("not direct: {other:?}"),
        }
    }

    #[test]
    fn what_was_classified_is_current_until_something_is_learned() {
        let mut classifier = Classifier::new();
        let facts = facts("b.example", &["203.0.114.7"], "203.0.114.7");
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let nat64 = || Nat64Prefix::new("2001:db8::/96".parse().unwrap());
        type Learn<'a> = &'a dyn Fn(&mut Classifier);
        let steps: [(&str, Learn<'_>, AddressSpace); 4] = [
            (
                "interfaces",
                &|classifier| {
                    classifier.set_interfaces([net("203.0.114.9/24")]);
                },
                AddressSpace::Local,
            ),
            (
                "policy",
                &|classifier| {
                    classifier.set_policy_ranges([(net("203.0.114.0/28"), AddressSpace::Loopback)]);
                },
                AddressSpace::Loopback,
            ),
            (
                "translation",
                &|classifier| {
                    classifier.set_nat64_prefixes(nat64());
                },
                AddressSpace::Loopback,
            ),
            (
                "overrides",
                &|classifier| {
                    let overrides = "203.0.114.7:443=public".parse().unwrap();
                    *classifier = classifier.clone().with_overrides(overrides);
                },
                AddressSpace::Public,
            ),
        ];
        let mut route = classifier.classify(&facts);
        assert_eq!(route.space(), Some(AddressSpace::Public));
        for (what, learn, expected) in steps {
            assert!(classifier.is_current(&route), "before {what}");
            learn(&mut classifier);
            assert!(!classifier.is_current(&route), "{what}");
            let again = classifier.classify_again(&route).into_owned();
            assert_eq!(again.space(), Some(expected), "{what}");
            assert!(classifier.is_current(&again), "{what}");
            // What was known before is nothing new.
            learn(&mut classifier);
            assert!(classifier.is_current(&again), "{what} once more");
            route = again;
        }
        assert!(!Classifier::new().is_current(&route));
        assert!(!classifier.is_current(&Route::Unknown));
    }

    #[test]
    fn every_address_has_to_be_public() {
        let classifier = Classifier::new();
        for (resolution, peer, expected) in [
            (&["8.8.8.8"][..], "8.8.8.8", AddressSpace::Public),
            (&["8.8.8.8", "10.0.0.1"], "8.8.8.8", AddressSpace::Local),
            (
                &["8.8.8.8", "127.0.0.1", "10.0.0.1"],
                "8.8.8.8",
                AddressSpace::Loopback,
            ),
            (&["8.8.8.8"], "192.168.1.1", AddressSpace::Local),
            (
                &["8.8.8.8", "::ffff:10.0.0.1"],
                "8.8.8.8",
                AddressSpace::Local,
            ),
        ] {
            assert_eq!(
                space(&classifier, &facts("b.example", resolution, peer)),
                expected,
                "{resolution:?} {peer}"
            );
        }
    }

    #[test]
    fn name_source_and_certificate_can_each_take_it_away() {
        let classifier = Classifier::new();
        let public = facts("b.example", &["8.8.8.8"], "8.8.8.8");
        assert_eq!(space(&classifier, &public), AddressSpace::Public);
        for changed in [
            facts("intranet", &["8.8.8.8"], "8.8.8.8"),
            facts("nas.local.", &["8.8.8.8"], "8.8.8.8"),
            ConnectionFacts {
                source: SourceAddress::Other,
                ..public.clone()
            },
            ConnectionFacts {
                public_roots: RootsVerdict::Private,
                ..public.clone()
            },
            ConnectionFacts {
                public_roots: RootsVerdict::NoTls,
                ..public.clone()
            },
        ] {
            assert_eq!(
                space(&classifier, &changed),
                AddressSpace::Local,
                "{changed:?}"
            );
        }
    }

    #[test]
    fn proxied_and_unknown_exchanges_have_no_space() {
        let classifier = Classifier::new();
        let direct = facts("b.example", &["8.8.8.8"], "8.8.8.8");
        let with = |proxy| {
            classifier.classify(&ConnectionFacts {
                proxy,
                ..direct.clone()
            })
        };
        assert!(matches!(with(ProxyUse::Egress), Route::Egress(_)));
        assert_eq!(with(ProxyUse::Other), Route::OtherProxy);
        assert_eq!(
            classifier.classify(&ConnectionFacts {
                peer: None,
                ..direct.clone()
            }),
            Route::Unknown
        );
        assert_eq!(
            classifier.classify(&facts("b.example", &[], "8.8.8.8")),
            Route::Unknown
        );
        assert_eq!(
            space(&classifier, &facts("8.8.8.8", &[], "8.8.8.8")),
            AddressSpace::Public
        );
    }

    #[test]
    fn own_prefixes_are_local() {
        let mut classifier = Classifier::new();
        classifier.set_interfaces([
            "93.184.215.14/30".parse().unwrap(),
            "2606:4700:1:2::3/64".parse().unwrap(),
        ]);
        for (address, expected) in [
            ("93.184.215.13", AddressSpace::Local),
            ("93.184.215.200", AddressSpace::Local),
            ("93.184.216.1", AddressSpace::Public),
            ("2606:4700:1:ffff::1", AddressSpace::Local),
            ("2606:4700:2::1", AddressSpace::Public),
            ("::ffff:93.184.215.13", AddressSpace::Local),
            ("64:ff9b::93.184.215.13", AddressSpace::Local),
            ("127.0.0.1", AddressSpace::Loopback),
        ] {
            assert_eq!(
                classifier.address_space(SocketAddr::new(ip(address), 443)),
                expected,
                "{address}"
            );
        }
    }

    #[test]
    fn the_longest_range_of_policy_decides() {
        let mut classifier = Classifier::new();
        classifier.set_policy_ranges([
            ("93.0.0.0/8".parse().unwrap(), AddressSpace::Local),
            ("93.184.0.0/16".parse().unwrap(), AddressSpace::Public),
            ("10.1.0.0/16".parse().unwrap(), AddressSpace::Public),
        ]);
        for (address, expected) in [
            ("93.1.1.1", AddressSpace::Local),
            ("93.184.1.1", AddressSpace::Public),
            ("10.1.2.3", AddressSpace::Public),
            ("10.2.2.3", AddressSpace::Local),
            ("2002:5d01:101::1", AddressSpace::Local),
        ] {
            assert_eq!(
                classifier.address_space(SocketAddr::new(ip(address), 443)),
                expected,
                "{address}"
            );
        }
    }

    #[test]
    fn overrides_name_one_port() {
        let classifier = Classifier::new().with_overrides("127.0.0.1:443=public".parse().unwrap());
        let mut target = facts("photos.demo.localhost", &["127.0.0.1"], "127.0.0.1");
        assert_eq!(space(&classifier, &target), AddressSpace::Public);
        target.public_roots = RootsVerdict::NoTls;
        assert_eq!(space(&classifier, &target), AddressSpace::Public);
        target.public_roots = RootsVerdict::Private;
        assert_eq!(space(&classifier, &target), AddressSpace::Local);
        target.peer = Some("127.0.0.1:444".parse().unwrap());
        assert_eq!(space(&classifier, &target), AddressSpace::Loopback);
        assert_eq!(
            space(
                &classifier,
                &facts("localhost", &["127.0.0.1"], "127.0.0.1")
            ),
            AddressSpace::Local
        );
    }

    proptest! {
        #[test]
        fn one_more_address_never_makes_a_target_more_public(set in prop::collection::vec(any::<u32>(), 1..5), more: u32) {
            let classifier = Classifier::new();
            let texts: Vec<String> = set.iter().map(|bits| std::net::Ipv4Addr::from_bits(*bits).to_string()).collect();
            let resolution: Vec<&str> = texts.iter().map(String::as_str).collect();
            let peer = *resolution.first().unwrap();
            let before = space(&classifier, &facts("b.example", &resolution, peer));
            let mut wider = facts("b.example", &resolution, peer);
            wider.resolution.push(std::net::Ipv4Addr::from_bits(more).into());
            prop_assert!(space(&classifier, &wider) <= before);
        }
    }
}
