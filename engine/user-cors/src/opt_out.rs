//! Remembered opt-outs: what servers said with `Access-Control-Prevent-Origin` and a `max-age`.
//!
//! The memory is keyed by (top-level site, target), so that one site can never learn what a server told another.

use std::collections::{BTreeMap, HashMap};

use crate::{
    clock::Timestamp,
    origin::{Site, TupleOrigin},
    servers_word::{PreventOrigin, Prevented},
};

/// The most names remembered for one (top-level site, target); more become `*`.
const MAX_NAMES: usize = 64;

/// The most targets that are told apart for one top-level site. What is said by more is said by all others: a page that has
/// servers enough opt out must not make another's word forgotten.
const MAX_TARGETS: usize = 1024;

/// One remembered opt-out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OptOut {
    /// The top-level site under which the server said it.
    pub top_level_site: Site,
    /// The server's origin.
    pub target: TupleOrigin,
    /// Whom it named.
    pub prevented: Prevented,
    /// When it ends.
    pub expires: Timestamp,
}

type Names = BTreeMap<Prevented, Timestamp>;

/// What is remembered under one top-level site.
#[derive(Clone, Debug, Default)]
struct OfSite {
    targets: HashMap<TupleOrigin, Names>,
    /// Whether there were more targets, and until when each that is not among those above counts as one that wants nobody. The
    /// target is the one in whose name that is stored.
    others: Option<(TupleOrigin, Timestamp)>,
}

/// All remembered opt-outs.
#[derive(Clone, Debug, Default)]
pub struct OptOuts {
    sites: HashMap<Site, OfSite>,
}

impl OptOuts {
    /// Takes up what a response said. Returns the target for which something else is remembered than before, if any is.
    pub fn remember(
        &mut self,
        site: &Site,
        target: &TupleOrigin,
        said: &PreventOrigin,
        now: Timestamp,
    ) -> Option<TupleOrigin> {
        let mut changed = None;
        for member in said.remembered() {
            let Some(max_age) = member.max_age else {
                continue;
            };
            if max_age.is_zero() {
                self.forget(site, target, &member.prevented);
                changed = Some(target.clone());
                continue;
            }
            if let Some(of_site) = self.sites.get_mut(site)
                && of_site.is_full_for(target)
            {
                of_site.remove_expired(now);
            }
            changed = Some(self.insert(OptOut {
                top_level_site: site.clone(),
                target: target.clone(),
                prevented: member.prevented.clone(),
                expires: now.after(max_age),
            }));
        }
        changed
    }

    /// Adds one entry, in place of an earlier one for the same name. Returns the target in whose name it is remembered.
    pub(crate) fn insert(&mut self, entry: OptOut) -> TupleOrigin {
        let of_site = self.sites.entry(entry.top_level_site).or_default();
        if of_site.is_full_for(&entry.target) {
            return of_site.insert_among_others(entry.target, entry.expires);
        }
        let names = of_site.targets.entry(entry.target.clone()).or_default();
        names.insert(entry.prevented, entry.expires);
        if names.len() > MAX_NAMES {
            let last = names.values().max().copied().unwrap_or(entry.expires);
            *names = BTreeMap::from([(Prevented::Everyone, last)]);
        }
        entry.target
    }

    /// `*` forgets everything that this target said; an origin forgets that origin.
    fn forget(&mut self, site: &Site, target: &TupleOrigin, prevented: &Prevented) {
        let Some(of_site) = self.sites.get_mut(site) else {
            return;
        };
        match prevented {
            Prevented::Everyone => {
                of_site.targets.remove(target);
            },
            Prevented::Origin(_) => {
                if let Some(names) = of_site.targets.get_mut(target) {
                    names.remove(prevented);
                }
            },
        }
    }

    /// Whether the target's remembered word names the requester under this top-level site.
    pub fn names(
        &self,
        site: &Site,
        target: &TupleOrigin,
        requester: &TupleOrigin,
        now: Timestamp,
    ) -> bool {
        let Some(of_site) = self.sites.get(site) else {
            return false;
        };
        match (of_site.targets.get(target), &of_site.others) {
            (Some(names), _) => names
                .iter()
                .any(|(prevented, expires)| now < *expires && prevented.names(requester)),
            (None, Some((_, expires))) => now < *expires,
            (None, None) => false,
        }
    }

    /// What is remembered for one target under one site.
    pub(crate) fn of_target(&self, site: &Site, target: &TupleOrigin) -> Vec<OptOut> {
        let Some(of_site) = self.sites.get(site) else {
            return Vec::new();
        };
        // The one in whose name it is stored that there were more may have found room since.
        let mut names = Names::new();
        for entry in of_site.entries(site) {
            if entry.target == *target {
                let expires = names.entry(entry.prevented).or_insert(entry.expires);
                *expires = entry.expires.max(*expires);
            }
        }
        names
            .iter()
            .map(|(prevented, expires)| entry(site, target, prevented, *expires))
            .collect()
    }

    /// Everything remembered that has not ended, sorted.
    pub fn list(&self, now: Timestamp) -> Vec<OptOut> {
        let mut list: Vec<OptOut> = self
            .sites
            .iter()
            .flat_map(|(site, of_site)| of_site.entries(site))
            .filter(|entry| now < entry.expires)
            .collect();
        list.sort();
        list
    }
}

impl OfSite {
    /// Whether there is no room for another target, and this would be one.
    fn is_full_for(&self, target: &TupleOrigin) -> bool {
        self.targets.len() >= MAX_TARGETS && !self.targets.contains_key(target)
    }

    fn remove_expired(&mut self, now: Timestamp) {
        self.targets.retain(|_, names| {
            names.retain(|_, expires| now < *expires);
            !names.is_empty()
        });
    }

    /// One target too many: what it says holds for all that are not told apart.
    ///
    /// NB: for at least as long as any of them, since it is by chance which of those that were stored are read last.
    fn insert_among_others(&mut self, target: TupleOrigin, expires: Timestamp) -> TupleOrigin {
        let (carrier, until) = self.others.get_or_insert((target, expires));
        let longest = self.targets.values().flat_map(BTreeMap::values).max();
        *until = expires.max(*until).max(longest.copied().unwrap_or(expires));
        carrier.clone()
    }

    fn entries(&self, site: &Site) -> impl Iterator<Item = OptOut> {
        let apart = self.targets.iter().flat_map(move |(target, names)| {
            names
                .iter()
                .map(move |(prevented, expires)| entry(site, target, prevented, *expires))
        });
        let others = self
            .others
            .iter()
            .map(move |(target, expires)| entry(site, target, &Prevented::Everyone, *expires));
        apart.chain(others)
    }
}

fn entry(site: &Site, target: &TupleOrigin, prevented: &Prevented, expires: Timestamp) -> OptOut {
    OptOut {
        top_level_site: site.clone(),
        target: target.clone(),
        prevented: prevented.clone(),
        expires,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::servers_word::ACCESS_CONTROL_PREVENT_ORIGIN;

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap()
    }

    fn said(value: &str) -> PreventOrigin {
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCESS_CONTROL_PREVENT_ORIGIN,
            HeaderValue::from_str(value).unwrap(),
        );
        PreventOrigin::parse(&headers)
    }

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    #[test]
    fn remembered_until_it_ends_and_only_under_its_site() {
        let (site, other) = (
            origin("https://a.example").site(),
            origin("https://other.example").site(),
        );
        let (target, requester) = (origin("https://b.example"), origin("https://a.example"));
        let mut memory = OptOuts::default();
        assert_eq!(memory.remember(&site, &target, &said("*"), START), None);
        assert!(!memory.names(&site, &target, &requester, START));
        let remembered = memory.remember(&site, &target, &said("*;max-age=60"), START);
        assert_eq!(remembered.as_ref(), Some(&target));
        let end = START.after(Duration::from_secs(60));
        assert!(memory.names(
            &site,
            &target,
            &requester,
            end.before(Duration::from_millis(1))
        ));
        assert!(!memory.names(&site, &target, &requester, end));
        assert!(!memory.names(&other, &target, &requester, START));
        assert!(!memory.names(&site, &origin("https://c.b.example"), &requester, START));
    }

    #[test]
    fn zero_clears() {
        let site = origin("https://a.example").site();
        let (target, a, c) = (
            origin("https://b.example"),
            origin("https://a.example"),
            origin("https://c.example"),
        );
        let mut memory = OptOuts::default();
        memory.remember(
            &site,
            &target,
            &said("\"https://a.example\";max-age=9, \"https://c.example\";max-age=9"),
            START,
        );
        memory.remember(
            &site,
            &target,
            &said("\"https://a.example\";max-age=0"),
            START,
        );
        assert!(!memory.names(&site, &target, &a, START));
        assert!(memory.names(&site, &target, &c, START));
        memory.remember(&site, &target, &said("*;max-age=0"), START);
        assert!(memory.list(START).is_empty());
    }

    #[test]
    fn too_many_names_become_everyone() {
        let site = origin("https://a.example").site();
        let (target, stranger) = (
            origin("https://b.example"),
            origin("https://stranger.example"),
        );
        let mut memory = OptOuts::default();
        for n in 0..=MAX_NAMES {
            memory.remember(
                &site,
                &target,
                &said(&format!("\"https://n{n}.example\";max-age=60")),
                START,
            );
        }
        assert_eq!(memory.list(START).len(), 1);
        assert!(memory.names(&site, &target, &stranger, START));
    }

    #[test]
    fn no_target_makes_another_forgotten() {
        let site = origin("https://a.example").site();
        let requester = origin("https://a.example");
        let target = |n: usize| origin(&format!("https://t{n}.example"));
        let mut memory = OptOuts::default();
        let mut remember = |n: usize, says: &str, now: Timestamp| {
            memory.remember(&site, &target(n), &said(says), now)
        };
        for n in 0..MAX_TARGETS {
            let says = format!("*;max-age={}", if n == 0 { 10 } else { 60 });
            assert_eq!(remember(n, &says, START), Some(target(n)));
        }
        let first_too_many = target(MAX_TARGETS);
        for n in MAX_TARGETS..MAX_TARGETS + 10 {
            let carrier = remember(n, "*;max-age=30", START);
            assert_eq!(carrier.as_ref(), Some(&first_too_many));
        }
        // One that was there before, one too many, and one that nobody knows.
        let names = |memory: &OptOuts, n: usize, seconds: u64| {
            let now = START.after(Duration::from_secs(seconds));
            memory.names(&site, &target(n), &requester, now)
        };
        for n in [0, 1, MAX_TARGETS, MAX_TARGETS + 9, MAX_TARGETS + 99] {
            assert!(names(&memory, n, 9), "{n}");
        }
        assert!(!names(&memory, 0, 10));
        for n in [1, MAX_TARGETS, MAX_TARGETS + 99] {
            assert!(names(&memory, n, 59) && !names(&memory, n, 60), "{n}");
        }
        assert_eq!(memory.list(START).len(), MAX_TARGETS + 1);
        assert_eq!(memory.of_target(&site, &first_too_many).len(), 1);
        // What has ended makes room.
        let later = START.after(Duration::from_secs(10));
        let another = target(MAX_TARGETS + 20);
        let says = said("*;max-age=60");
        assert_eq!(
            memory.remember(&site, &another, &says, later),
            Some(another.clone())
        );
        // The one in whose name the others are stored is stored once, if it finds room.
        let much_later = START.after(Duration::from_secs(61));
        let mut emptied = memory.clone();
        emptied.remember(&site, &first_too_many, &says, much_later);
        assert_eq!(emptied.of_target(&site, &first_too_many).len(), 1);
        // In whatever order they are read again, nothing is less than it was.
        for reversed in [false, true] {
            let mut list = memory.list(START);
            if reversed {
                list.reverse();
            }
            let mut again = OptOuts::default();
            for entry in list {
                again.insert(entry);
            }
            for n in [1, MAX_TARGETS, MAX_TARGETS + 99] {
                assert!(names(&again, n, 59), "{n}");
            }
        }
    }
}
