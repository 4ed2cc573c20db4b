//! Step 5: targets that are never asked about.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::{
    origin::TupleOrigin,
    pattern::{PatternError, exact_origin, host_name, is_subdomain},
    policy::Policy,
    refusal::Refusal,
};

/// An entry of the user's or the built-in list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockedTarget {
    /// One origin.
    Origin(TupleOrigin),
    /// A host and everything below it, whatever the scheme and port.
    Domain(String),
}

impl BlockedTarget {
    /// Whether the entry names the target.
    pub fn matches(&self, target: &TupleOrigin) -> bool {
        match self {
            Self::Origin(origin) => origin == target,
            Self::Domain(domain) => {
                let host = target.host().to_string();
                let host = host.strip_suffix('.').unwrap_or(&host);
                host == domain || is_subdomain(&url::Host::Domain(host.to_owned()), domain)
            },
        }
    }
}

impl FromStr for BlockedTarget {
    type Err = PatternError;

    /// Reads a serialized origin, or a host name in lower-case ASCII.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        exact_origin(text)
            .map(Self::Origin)
            .or_else(|| host_name(text).map(Self::Domain))
            .ok_or_else(|| PatternError::Malformed(text.to_owned()))
    }
}

impl fmt::Display for BlockedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => fmt::Display::fmt(origin, f),
            Self::Domain(domain) => f.write_str(domain),
        }
    }
}

/// The user's list and the built-in one. Policy's is part of [`Policy`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocklist {
    user: BTreeSet<BlockedTarget>,
}

/// Hosts that are blocked in every profile.
// NB: empty: which hosts belong here is a question of policy, and an entry cannot be removed by a person.
const BUILT_IN: &[&str] = &[];

impl Blocklist {
    /// A list with these entries of the user.
    pub fn new(user: impl IntoIterator<Item = BlockedTarget>) -> Self {
        Self {
            user: user.into_iter().collect(),
        }
    }

    /// The user's entries, sorted.
    pub fn entries(&self) -> impl Iterator<Item = &BlockedTarget> {
        self.user.iter()
    }

    /// Adds an entry; `false` if it is there already.
    pub fn insert(&mut self, entry: BlockedTarget) -> bool {
        self.user.insert(entry)
    }

    /// Removes an entry; `false` if it was not there.
    pub fn remove(&mut self, entry: &BlockedTarget) -> bool {
        self.user.remove(entry)
    }

    /// Step 5.
    ///
    /// # Errors
    /// If policy, the user or the built-in list blocks the target.
    pub fn check(&self, policy: &Policy, target: &TupleOrigin) -> Result<(), Refusal> {
        if policy.blocks_target(target) {
            return Err(Refusal::TargetBlockedByPolicy);
        }
        if self.user.iter().any(|entry| entry.matches(target)) {
            return Err(Refusal::TargetBlockedByUser);
        }
        if BUILT_IN
            .iter()
            .any(|domain| BlockedTarget::Domain((*domain).to_owned()).matches(target))
        {
            return Err(Refusal::TargetBlockedBuiltIn);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap()
    }

    #[test]
    fn domains_cover_every_scheme_port_and_subdomain() {
        let entry: BlockedTarget = "bank.example".parse().unwrap();
        for text in [
            "https://bank.example",
            "https://www.bank.example:8443",
            "http://bank.example",
            "https://bank.example.",
        ] {
            assert!(entry.matches(&origin(text)), "{text}");
        }
        assert!(!entry.matches(&origin("https://mybank.example")));
        let entry: BlockedTarget = "https://bank.example".parse().unwrap();
        assert!(!entry.matches(&origin("https://www.bank.example")));
        assert!("https://bank.example/x".parse::<BlockedTarget>().is_err());
    }

    #[test]
    fn the_user_can_block_and_unblock() {
        let mut list = Blocklist::default();
        let target = origin("https://bank.example");
        assert!(list.insert("bank.example".parse().unwrap()));
        assert_eq!(
            list.check(&Policy::default(), &target),
            Err(Refusal::TargetBlockedByUser)
        );
        assert!(list.remove(&"bank.example".parse().unwrap()));
        assert_eq!(list.check(&Policy::default(), &target), Ok(()));
    }
}
