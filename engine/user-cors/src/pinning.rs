//! Pinning: a request under a grant goes to the addresses that were classified, and to no others.

use std::net::{IpAddr, SocketAddr};

use crate::address_space::{AddressSpace, Classification, RootsVerdict};

/// The classified set of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedAddresses {
    addresses: Vec<IpAddr>,
    port: u16,
    space: AddressSpace,
    public_roots: RootsVerdict,
}

/// What a new classification means for a pinned set whose addresses no longer answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repin {
    /// The class is the same; the request may go to the new set.
    Same(PinnedAddresses),
    /// The class changed: it has to be asked anew, and the old answer is not followed.
    Changed,
}

impl PinnedAddresses {
    /// The set of a classification.
    pub fn new(classification: &Classification) -> Self {
        Self {
            addresses: classification.addresses.clone(),
            port: classification.peer.port(),
            space: classification.space,
            public_roots: classification.public_roots,
        }
    }

    /// Whether a connection to this peer stays within the set.
    pub fn permits(&self, peer: SocketAddr) -> bool {
        peer.port() == self.port && self.addresses.contains(&peer.ip().to_canonical())
    }

    /// Where to connect, in the order of the resolution.
    pub fn sockets(&self) -> impl Iterator<Item = SocketAddr> {
        self.addresses
            .iter()
            .map(|address| SocketAddr::new(*address, self.port))
    }

    /// The space of the set.
    pub fn space(&self) -> AddressSpace {
        self.space
    }

    /// Compares with a new resolution, made because none of the addresses answers any more.
    pub fn repin(&self, newer: &Classification) -> Repin {
        let newer = Self::new(newer);
        let unchanged = newer.space == self.space
            && newer.public_roots == self.public_roots
            && newer.port == self.port;
        if unchanged {
            Repin::Same(newer)
        } else {
            Repin::Changed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address_space::{ConnectionFacts, ProxyUse, SourceAddress};

    fn classification(addresses: &[&str], space: AddressSpace) -> Classification {
        let addresses: Vec<IpAddr> = addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        Classification {
            peer: SocketAddr::new(*addresses.first().unwrap(), 443),
            facts: ConnectionFacts {
                host: url::Host::Domain("b.example".to_owned()),
                resolution: addresses.clone(),
                peer: None,
                source: SourceAddress::DefaultRoute,
                public_roots: RootsVerdict::Public,
                proxy: ProxyUse::Direct,
            },
            addresses,
            space,
            public_roots: RootsVerdict::Public,
            not_public: None,
            knowledge: Default::default(),
        }
    }

    #[test]
    fn only_members_are_permitted() {
        let pinned = PinnedAddresses::new(&classification(
            &["8.8.8.8", "8.8.4.4"],
            AddressSpace::Public,
        ));
        assert!(pinned.permits("8.8.4.4:443".parse().unwrap()));
        assert!(pinned.permits("[::ffff:8.8.4.4]:443".parse().unwrap()));
        assert!(!pinned.permits("8.8.4.4:80".parse().unwrap()));
        assert!(!pinned.permits("10.0.0.1:443".parse().unwrap()));
        assert_eq!(pinned.sockets().count(), 2);
    }

    #[test]
    fn a_rebound_name_is_not_followed() {
        let pinned = PinnedAddresses::new(&classification(&["8.8.8.8"], AddressSpace::Public));
        assert!(matches!(
            pinned.repin(&classification(&["9.9.9.9"], AddressSpace::Public)),
            Repin::Same(_)
        ));
        assert_eq!(
            pinned.repin(&classification(&["127.0.0.1"], AddressSpace::Loopback)),
            Repin::Changed
        );
        let private = Classification {
            public_roots: RootsVerdict::Private,
            ..classification(&["8.8.8.8"], AddressSpace::Public)
        };
        assert_eq!(pinned.repin(&private), Repin::Changed);
    }
}
