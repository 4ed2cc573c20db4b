//! What can be told of a target that the egress reaches. The egress looks its name up, so there are no addresses.

use std::net::{IpAddr, SocketAddr};

use url::Host;

use super::{AddressSpace, Classifier, ConnectionFacts, NotPublic, RootsVerdict, is_never_public};

/// What is known of a target that the egress reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EgressTarget {
    /// What makes it less than public, if something does: a literal address, its name, or its certificate.
    pub not_public: Option<NotPublic>,
    /// What was looked at, to be looked at again when policy has changed.
    pub(super) facts: ConnectionFacts,
}

impl Classifier {
    /// The rules for literal addresses, names and certificates: all that can be told of a target without its addresses.
    pub(super) fn egress_target(&self, facts: &ConnectionFacts) -> EgressTarget {
        let literal = match &facts.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        };
        // NB: a port is of no account but for overrides.
        let port = facts.peer.map_or(443, |peer| peer.port());
        let literal = literal.map(|address| {
            let space = self.address_space(SocketAddr::new(address, port));
            (address, space)
        });
        let not_public = match (&facts.host, literal, facts.public_roots) {
            (_, Some((address, space)), _) if space != AddressSpace::Public => {
                Some(NotPublic::Address { address, space })
            },
            (Host::Domain(name), ..) if is_never_public(name) || is_this_machine(name) => {
                Some(NotPublic::Name)
            },
            (_, _, RootsVerdict::Public) => None,
            (_, _, RootsVerdict::Private) => Some(NotPublic::PrivateRoots),
            (_, _, RootsVerdict::NoTls) => Some(NotPublic::NoTls),
        };
        EgressTarget {
            not_public,
            facts: facts.clone(),
        }
    }
}

/// Whether a name leads to this machine wherever it is looked up.
///
/// <https://www.rfc-editor.org/rfc/rfc6761#section-6.3>
fn is_this_machine(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address_space::{ProxyUse, SourceAddress},
        permission::TargetNetwork,
    };

    #[test]
    fn the_egress_leads_to_public_names_and_literals_only() {
        use RootsVerdict::{NoTls, Private, Public};
        let mut classifier = Classifier::new();
        classifier.set_policy_ranges([("9.0.0.0/8".parse().unwrap(), AddressSpace::Local)]);
        for (host, public_roots, expected) in [
            ("b.example", Public, true),
            ("b.example", Private, false),
            ("b.example", NoTls, false),
            ("intranet", Public, false),
            ("printer.local", Public, false),
            ("a.internal.", Public, false),
            ("localhost", Public, false),
            ("a.localhost.", Public, false),
            ("8.8.8.8", Public, true),
            ("9.9.9.9", Public, false),
            ("127.0.0.1", Public, false),
            ("[::ffff:10.0.0.1]", Public, false),
            ("[2606:4700::1]", Public, true),
        ] {
            let route = classifier.classify(&ConnectionFacts {
                host: Host::parse(host).unwrap(),
                resolution: Vec::new(),
                peer: None,
                source: SourceAddress::Unknown,
                public_roots,
                proxy: ProxyUse::Egress,
            });
            assert_eq!(route.space(), None);
            assert_eq!(
                route.network(),
                expected.then_some(TargetNetwork::Public),
                "{host} {public_roots:?}"
            );
            assert_eq!(*classifier.classify_again(&route), route);
        }
    }
}
