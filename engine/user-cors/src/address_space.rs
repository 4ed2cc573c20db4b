//! Step 6: in which network a target is, judged by the addresses that were used and never by its name alone.
//!
//! A name says nothing about where a server is: whoever owns it decides what it resolves to, and may decide anew between
//! two requests. So the [`Classifier`] looks at the whole resolution set and at the peer of the failing exchange's
//! connection, and a target is public only if every one of these addresses is, its name may be, and its certificate
//! verifies against public roots too.

mod classifier;
mod embedded;
mod overrides;
mod table;
mod through_egress;

use std::fmt;

pub use classifier::{
    Classification, Classifier, ConnectionFacts, NotPublic, ProxyUse, RootsVerdict, Route,
    SourceAddress,
};
pub use embedded::Nat64Prefix;
pub use overrides::{AddressSpaceOverrides, OverridesError};
pub use through_egress::EgressTarget;

/// The address space of an IP address. Ordered by how public it is: loopback is the least.
///
/// <https://wicg.github.io/local-network-access/#ip-address-space-section>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressSpace {
    /// This machine.
    Loopback,
    /// This machine's network, or one that only some networks reach.
    Local,
    /// The public Internet.
    Public,
}

impl AddressSpace {
    /// The keyword that overrides and policy use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "loopback",
            Self::Local => "local",
            Self::Public => "public",
        }
    }

    /// Reads a keyword.
    pub fn parse(keyword: &str) -> Option<Self> {
        [Self::Loopback, Self::Local, Self::Public]
            .into_iter()
            .find(|space| space.as_str() == keyword)
    }

    /// Whether this space is less public than the other.
    pub fn is_less_public_than(self, other: Self) -> bool {
        self < other
    }
}

impl fmt::Display for AddressSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a host name can never be public: one that ends in `.local`, `.internal` or `.home.arpa`, or has no dot.
/// A final dot does not count.
pub fn is_never_public(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    !name.contains('.')
        || [".local", ".internal", ".home.arpa"]
            .iter()
            .any(|suffix| name.ends_with(suffix))
        || name == "home.arpa"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_less_public_than_local_than_public() {
        assert!(AddressSpace::Loopback.is_less_public_than(AddressSpace::Local));
        assert!(AddressSpace::Local.is_less_public_than(AddressSpace::Public));
        assert!(!AddressSpace::Public.is_less_public_than(AddressSpace::Public));
        assert_eq!(AddressSpace::parse("local"), Some(AddressSpace::Local));
        assert_eq!(AddressSpace::parse("Local"), None);
    }

    #[test]
    fn names_that_are_never_public() {
        for name in [
            "printer",
            "printer.",
            "localhost",
            "nas.local",
            "nas.local.",
            "a.b.internal",
            "x.home.arpa",
            "home.arpa.",
        ] {
            assert!(is_never_public(name), "{name}");
        }
        for name in [
            "a.example",
            "a.example.",
            "local.example",
            "nas.locals",
            "a.localhost",
        ] {
            assert!(!is_never_public(name), "{name}");
        }
    }
}
