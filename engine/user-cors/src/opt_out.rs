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

/// The most targets remembered for one top-level site; the one that ends first makes room.
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

/// All remembered opt-outs.
#[derive(Clone, Debug, Default)]
pub struct OptOuts {
    sites: HashMap<Site, HashMap<TupleOrigin, Names>>,
}

impl OptOuts {
    /// Takes up what a response said. Returns whether the memory changed for this target.
    pub fn remember(
        &mut self,
        site: &Site,
        target: &TupleOrigin,
        said: &PreventOrigin,
        now: Timestamp,
    ) -> bool {
        let mut changed = false;
        for member in said.remembered() {
            let Some(max_age) = member.max_age else {
                continue;
            };
            changed = true;
            if max_age.is_zero() {
                self.forget(site, target, &member.prevented);
            } else {
                self.insert(OptOut {
                    top_level_site: site.clone(),
                    target: target.clone(),
                    prevented: member.prevented.clone(),
                    expires: now.after(max_age),
                });
            }
        }
        changed
    }

    /// Adds one entry, in place of an earlier one for the same name.
    pub(crate) fn insert(&mut self, entry: OptOut) {
        let targets = self.sites.entry(entry.top_level_site).or_default();
        if targets.len() >= MAX_TARGETS && !targets.contains_key(&entry.target) {
            let first_to_end = targets
                .iter()
                .min_by_key(|(_, names)| names.values().max().copied())
                .map(|(target, _)| target.clone());
            if let Some(target) = first_to_end {
                targets.remove(&target);
            }
        }
        let names = targets.entry(entry.target).or_default();
        names.insert(entry.prevented, entry.expires);
        if names.len() > MAX_NAMES {
            let last = names.values().max().copied().unwrap_or(entry.expires);
            *names = BTreeMap::from([(Prevented::Everyone, last)]);
        }
    }

    /// `*` forgets everything that this target said; an origin forgets that origin.
    fn forget(&mut self, site: &Site, target: &TupleOrigin, prevented: &Prevented) {
        let Some(targets) = self.sites.get_mut(site) else {
            return;
        };
        match prevented {
            Prevented::Everyone => {
                targets.remove(target);
            },
            Prevented::Origin(_) => {
                if let Some(names) = targets.get_mut(target) {
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
        let Some(names) = self.sites.get(site).and_then(|targets| targets.get(target)) else {
            return false;
        };
        names
            .iter()
            .any(|(prevented, expires)| now < *expires && prevented.names(requester))
    }

    /// What is remembered for one target under one site.
    pub(crate) fn of_target(&self, site: &Site, target: &TupleOrigin) -> Vec<OptOut> {
        let names = self.sites.get(site).and_then(|targets| targets.get(target));
        names
            .into_iter()
            .flatten()
            .map(|(prevented, expires)| entry(site, target, prevented, *expires))
            .collect()
    }

    /// Everything remembered that has not ended, sorted.
    pub fn list(&self, now: Timestamp) -> Vec<OptOut> {
        let mut list: Vec<OptOut> = self
            .sites
            .iter()
            .flat_map(|(site, targets)| {
                targets
                    .iter()
                    .map(move |(target, names)| (site, target, names))
            })
            .flat_map(|(site, target, names)| {
                names
                    .iter()
                    .map(move |(prevented, expires)| entry(site, target, prevented, *expires))
            })
            .filter(|entry| now < entry.expires)
            .collect();
        list.sort();
        list
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
        assert!(!memory.remember(&site, &target, &said("*"), START));
        assert!(!memory.names(&site, &target, &requester, START));
        assert!(memory.remember(&site, &target, &said("*;max-age=60"), START));
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
    fn targets_of_one_site_are_bounded() {
        let site = origin("https://a.example").site();
        let mut memory = OptOuts::default();
        for n in 0..MAX_TARGETS + 10 {
            memory.remember(
                &site,
                &origin(&format!("https://t{n}.example")),
                &said("*;max-age=60"),
                START,
            );
        }
        assert_eq!(memory.list(START).len(), MAX_TARGETS);
    }
}
