//! Step 5: targets that are never asked about.
//!
//! There are several lists, and a target is blocked if one of them names it: policy's patterns and list files, the
//! user's entries and list files, and the built-in list. List files can be large; they are compiled, and looked up in
//! less than a microsecond.

mod built_in;
mod compiled;
mod files;
mod lines;

use std::{collections::BTreeSet, fmt, iter, path::PathBuf, str::FromStr};

use url::Host;

pub use self::{
    built_in::BuiltInCategory,
    compiled::{BadLines, BlocklistError, CompiledBlocklist, MAX_BAD_LINES, MAX_LIST_BYTES},
    files::{BlocklistFiles, BlocklistOwner, BlocklistSource, InstalledBlocklist},
    lines::{BadLine, LineProblem, MAX_LINE_BYTES},
};
use crate::{
    origin::TupleOrigin,
    pattern::{PatternError, exact_origin, host_name, is_subdomain},
    policy::Policy,
    refusal::Refusal,
};

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockedTarget {
    /// One origin.
    Origin(TupleOrigin),
    /// A host and everything below it, whatever the scheme and port. Also an IP address, which has nothing below it.
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

    /// Reads a serialized origin, a host name in lower-case ASCII, or a serialized IP address.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        exact_origin(text)
            .map(Self::Origin)
            .or_else(|| domain_name(text).map(Self::Domain))
            .or_else(|| ip_address(text).map(Self::Domain))
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

/// The user's entries and the built-in list. Policy's are part of [`Policy`], list files are [`InstalledBlocklist`]s.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blocklist {
    user: BTreeSet<BlockedTarget>,
}

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

    /// Step 5, as far as list files do not decide it.
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
        match BuiltInCategory::of(target) {
            Some(_) => Err(Refusal::TargetBlockedBuiltIn),
            None => Ok(()),
        }
    }
}

/// Everything that step 5 looks at, besides policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocklists<'a> {
    pub(crate) own: &'a Blocklist,
    pub(crate) installed: &'a [InstalledBlocklist],
}

impl Blocklists<'_> {
    /// Step 5.
    ///
    /// # Errors
    /// If a list blocks the target, or if one that has to be asked cannot be.
    pub(crate) fn check(&self, policy: &Policy, target: &TupleOrigin) -> Result<(), Refusal> {
        self.own.check(policy, target)?;
        for installed in self.installed {
            let Some(list) = &installed.list else {
                return Err(Refusal::BlocklistUnreadable);
            };
            if list.blocks(target) {
                return Err(match installed.source.owner {
                    BlocklistOwner::Administrator => Refusal::TargetBlockedByPolicy,
                    BlocklistOwner::User => Refusal::TargetBlockedByUser,
                });
            }
        }
        // Policy can have named a list that has not been read yet.
        let is_installed = |path: &PathBuf| {
            self.installed.iter().any(|installed| {
                installed.source.owner == BlocklistOwner::Administrator
                    && installed.source.path == *path
            })
        };
        if policy.blocklists.iter().all(is_installed) {
            Ok(())
        } else {
            Err(Refusal::BlocklistUnreadable)
        }
    }
}

/// The target's host and the names above it, without a final dot. An IP address is alone.
fn domains_above(target: &TupleOrigin) -> impl Iterator<Item = &str> {
    let name = match target.host() {
        Host::Domain(name) => Some(name.strip_suffix('.').unwrap_or(name)),
        Host::Ipv4(_) | Host::Ipv6(_) => None,
    };
    iter::successors(name, |name| name.split_once('.').map(|(_, above)| above))
}

/// A host name without an empty label. One that ends in a dot would name nothing: a domain is compared without it.
fn domain_name(text: &str) -> Option<String> {
    host_name(text).filter(|name| name.split('.').all(|label| !label.is_empty()))
}

/// An IP address in the form that [`Host`] writes; `None` if the text is anything else.
fn ip_address(text: &str) -> Option<String> {
    match Host::parse(text).ok()? {
        Host::Domain(_) => None,
        address => (address.to_string() == text).then(|| text.to_owned()),
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
        let entry: BlockedTarget = "93.184.216.34".parse().unwrap();
        assert!(entry.matches(&origin("https://93.184.216.34:8443")));
        for text in [
            "https://bank.example/x",
            "bank.example.",
            "0..",
            "93.184.216",
            "0x7f.1",
            "::1",
        ] {
            assert!(text.parse::<BlockedTarget>().is_err(), "{text}");
        }
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

    fn installed(owner: BlocklistOwner, lines: Option<&str>) -> InstalledBlocklist {
        InstalledBlocklist {
            source: BlocklistSource {
                owner,
                path: "/lists/one".into(),
            },
            list: lines.map(|lines| {
                CompiledBlocklist::from_reader(lines.as_bytes())
                    .unwrap()
                    .into()
            }),
            problem: None,
        }
    }

    #[test]
    fn lists_are_united_and_a_missing_one_blocks_everything() {
        let target = origin("https://www.bank.example");
        let check = |installed: Vec<InstalledBlocklist>, policy: &Policy| {
            let lists = Blocklists {
                own: &Blocklist::default(),
                installed: &installed,
            };
            lists.check(policy, &target)
        };
        let nothing = Policy::default();
        let named = Policy {
            blocklists: vec!["/lists/one".into()],
            ..Policy::default()
        };
        use BlocklistOwner::{Administrator, User};
        for (owner, lines, policy, expected) in [
            (
                User,
                Some("bank.example"),
                &nothing,
                Err(Refusal::TargetBlockedByUser),
            ),
            (
                Administrator,
                Some("bank.example"),
                &named,
                Err(Refusal::TargetBlockedByPolicy),
            ),
            (Administrator, Some("other.example"), &named, Ok(())),
            (
                User,
                Some("other.example"),
                &named,
                Err(Refusal::BlocklistUnreadable),
            ),
            (User, None, &nothing, Err(Refusal::BlocklistUnreadable)),
        ] {
            assert_eq!(
                check(vec![installed(owner, lines)], policy),
                expected,
                "{owner:?} {lines:?}"
            );
        }
        assert_eq!(check(Vec::new(), &nothing), Ok(()));
        assert_eq!(check(Vec::new(), &named), Err(Refusal::BlocklistUnreadable));
    }
}
