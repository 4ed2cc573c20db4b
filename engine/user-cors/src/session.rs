//! Grants that end with the tab's visit, with the request, or with the browser: they are never written down.

use std::collections::HashMap;

use url::Url;

use crate::{
    budget::{Budget, Usage},
    clock::Timestamp,
    eligibility::{DocumentId, Initiator, TabId},
    machine_network::MachineNetwork,
    origin::Site,
    permission::{Coverage, Grant, GrantId, GrantScope, Need, PermissionKey},
};

/// Names of session grants start here, so that they never meet a row of the store.
const FIRST_SESSION_ID: u64 = 1 << 48;

/// The most once grants that one tab holds; the oldest makes room. One answer gives no more: a question lists 64 requests and 16
/// hosts.
const MAX_ONCE_GRANTS: usize = 64 * 16;

/// What a media element's further requests have to share with the one that was allowed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MediaResource {
    pub(crate) document: DocumentId,
    pub(crate) url: Url,
    pub(crate) initiator: Initiator,
}

/// A once grant. Found by name, or as a media element's.
#[derive(Debug)]
struct OnceGrant {
    grant: Grant,
    media: Option<MediaResource>,
}

#[derive(Debug)]
struct TabGrants {
    site: Site,
    visit: Vec<Grant>,
    once: Vec<OnceGrant>,
}

/// Visit and once grants of all tabs.
#[derive(Debug, Default)]
pub(crate) struct SessionGrants {
    tabs: HashMap<TabId, TabGrants>,
    issued: u64,
}

impl SessionGrants {
    /// Adds visit grants in a tab whose top-level document is of this site.
    pub(crate) fn grant_visit(
        &mut self,
        tab: TabId,
        site: &Site,
        coverages: &[Coverage],
        made_on: Option<&MachineNetwork>,
        now: Timestamp,
    ) -> Vec<Grant> {
        let grants: Vec<Grant> = coverages
            .iter()
            .map(|coverage| self.grant(tab, coverage.clone(), GrantScope::Visit, made_on, now))
            .collect();
        let held = &mut self.tab(tab, site).visit;
        for grant in &grants {
            // What the new one covers is not needed any more; an old one in use stays findable by the new key.
            held.retain(|old| (&old.coverage, &old.made_on) != (&grant.coverage, &grant.made_on));
            held.push(grant.clone());
        }
        grants
    }

    /// Adds once grants for one request.
    pub(crate) fn grant_once(
        &mut self,
        tab: TabId,
        site: &Site,
        coverages: &[Coverage],
        media: Option<&MediaResource>,
        made_on: Option<&MachineNetwork>,
        now: Timestamp,
    ) -> Vec<Grant> {
        let grants: Vec<Grant> = coverages
            .iter()
            .map(|coverage| self.grant(tab, coverage.clone(), GrantScope::Once, made_on, now))
            .collect();
        let held = &mut self.tab(tab, site).once;
        held.extend(grants.iter().map(|grant| OnceGrant {
            grant: grant.clone(),
            media: media.cloned(),
        }));
        let excess = held.len().saturating_sub(MAX_ONCE_GRANTS);
        held.drain(..excess);
        grants
    }

    fn grant(
        &mut self,
        tab: TabId,
        coverage: Coverage,
        scope: GrantScope,
        made_on: Option<&MachineNetwork>,
        now: Timestamp,
    ) -> Grant {
        self.issued += 1;
        let id = GrantId(FIRST_SESSION_ID + self.issued);
        Grant {
            id,
            coverage,
            scope,
            tab: Some(tab),
            created: now,
            last_used: now,
            expires: None,
            made_on: made_on.cloned(),
            usage: Usage::default(),
        }
    }

    /// The grants of a tab at this site; those of another site end.
    fn tab(&mut self, tab: TabId, site: &Site) -> &mut TabGrants {
        let fresh = || TabGrants {
            site: site.clone(),
            visit: Vec::new(),
            once: Vec::new(),
        };
        let grants = self.tabs.entry(tab).or_insert_with(fresh);
        if grants.site != *site {
            *grants = fresh();
        }
        grants
    }

    /// The grant in this tab that covers a request, among those that `counts` picks.
    pub(crate) fn find(
        &self,
        tab: TabId,
        need: &Need,
        media: Option<&MediaResource>,
        counts: impl Fn(&Grant) -> bool,
    ) -> Option<&Grant> {
        let grants = self
            .tabs
            .get(&tab)
            .filter(|grants| grants.site == need.key.top_level_site)?;
        let visit = grants
            .visit
            .iter()
            .find(|grant| grant.coverage.covers(need) && counts(grant));
        visit.or_else(|| {
            let media = media?;
            let once = grants.once.iter().find(|once| {
                once.media.as_ref() == Some(media)
                    && once.grant.coverage.covers(need)
                    && counts(&once.grant)
            });
            once.map(|once| &once.grant)
        })
    }

    /// The grant of this name in this tab.
    pub(crate) fn by_id(&self, tab: TabId, key: &PermissionKey, id: GrantId) -> Option<&Grant> {
        let grants = self
            .tabs
            .get(&tab)
            .filter(|grants| grants.site == key.top_level_site)?;
        let mut all = grants
            .visit
            .iter()
            .chain(grants.once.iter().map(|once| &once.grant));
        all.find(|grant| grant.id == id)
    }

    /// Notes a use, for display.
    pub(crate) fn touch(&mut self, tab: TabId, id: GrantId, now: Timestamp) {
        if let Some(grant) = self.in_use(tab, id) {
            grant.last_used = now;
        }
    }

    /// Counts one request under a grant.
    pub(crate) fn count_request(&mut self, tab: TabId, id: GrantId, now: Timestamp) {
        if let Some(grant) = self.in_use(tab, id) {
            grant.usage.count_request(now);
        }
    }

    /// Counts bytes of a response; `false` if the grant's budget does not have them.
    pub(crate) fn count_bytes(
        &mut self,
        tab: TabId,
        id: GrantId,
        (bytes, response_bytes): (u64, u64),
        budget: &Budget,
        now: Timestamp,
    ) -> bool {
        self.in_use(tab, id)
            .is_none_or(|grant| grant.usage.count_bytes(bytes, response_bytes, budget, now))
    }

    fn in_use(&mut self, tab: TabId, id: GrantId) -> Option<&mut Grant> {
        let grants = self.tabs.get_mut(&tab)?;
        let once = grants.once.iter_mut().map(|once| &mut once.grant);
        grants
            .visit
            .iter_mut()
            .chain(once)
            .find(|grant| grant.id == id)
    }

    /// Ends a once grant whose request has ended. A media element's stays for its further requests.
    pub(crate) fn finish(&mut self, id: GrantId) {
        for grants in self.tabs.values_mut() {
            grants
                .once
                .retain(|once| once.grant.id != id || once.media.is_some());
        }
    }

    /// The tab shows another document: once grants end, and visit grants too if its site is another one.
    pub(crate) fn navigated(&mut self, tab: TabId, site: Option<&Site>) {
        match self.tabs.get_mut(&tab) {
            Some(grants) if Some(&grants.site) == site => grants.once.clear(),
            _ => {
                self.tabs.remove(&tab);
            },
        }
    }

    /// The tab is gone.
    pub(crate) fn tab_closed(&mut self, tab: TabId) {
        self.tabs.remove(&tab);
    }

    /// Ends every grant that this test picks.
    pub(crate) fn revoke_where(&mut self, mut ends: impl FnMut(&Grant) -> bool) -> bool {
        let mut any = false;
        for grants in self.tabs.values_mut() {
            grants.visit.retain(|grant| {
                let end = ends(grant);
                any |= end;
                !end
            });
            grants.once.retain(|once| {
                let end = ends(&once.grant);
                any |= end;
                !end
            });
        }
        any
    }

    /// Ends every grant. NB: names that were issued stay so: what still runs under an ended grant must not come under one that
    /// is given later.
    pub(crate) fn end_all(&mut self) {
        self.tabs.clear();
    }

    /// All grants, by key and name.
    pub(crate) fn list(&self) -> Vec<Grant> {
        let held = self.tabs.values().flat_map(|grants| {
            grants
                .visit
                .iter()
                .chain(grants.once.iter().map(|once| &once.grant))
        });
        let mut list: Vec<Grant> = held.cloned().collect();
        list.sort_by(|a, b| (&a.coverage.key, a.id).cmp(&(&b.coverage.key, b.id)));
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        egress::WayOut, headers::HeaderNames, methods::MethodClass, origin::TupleOrigin,
        permission::TargetNetwork,
    };

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const TAB: TabId = TabId(1);

    fn need() -> Need {
        let requester = TupleOrigin::parse("https://app.example").unwrap();
        let target = TupleOrigin::parse("https://b.example").unwrap();
        let key = PermissionKey {
            top_level_site: requester.site(),
            requester,
            target,
        };
        Need {
            key,
            network: TargetNetwork::Public,
            way: WayOut::Direct,
            method: MethodClass::Get,
            headers: HeaderNames::new(),
        }
    }

    fn coverage() -> Coverage {
        Coverage::of(&need())
    }

    fn found(grants: &SessionGrants, tab: TabId, media: Option<&MediaResource>) -> bool {
        grants.find(tab, &need(), media, |_| true).is_some()
    }

    #[test]
    fn a_visit_ends_when_the_site_changes_and_does_not_come_back() {
        let mut grants = SessionGrants::default();
        let site = coverage().key.top_level_site;
        let other = TupleOrigin::parse("https://other.example").unwrap().site();
        grants.grant_visit(TAB, &site, &[coverage()], None, NOW);
        assert!(found(&grants, TAB, None));
        assert!(!found(&grants, TabId(2), None));
        grants.navigated(TAB, Some(&site));
        assert!(found(&grants, TAB, None));
        grants.navigated(TAB, Some(&other));
        grants.navigated(TAB, Some(&site));
        assert!(!found(&grants, TAB, None));
    }

    #[test]
    fn once_is_for_the_listed_request_or_media_resource() {
        let mut grants = SessionGrants::default();
        let site = coverage().key.top_level_site;
        let media = MediaResource {
            document: DocumentId(1),
            url: Url::parse("https://b.example/film").unwrap(),
            initiator: Initiator::Video,
        };
        let other = MediaResource {
            url: Url::parse("https://b.example/other").unwrap(),
            ..media.clone()
        };
        let once = grants.grant_once(TAB, &site, &[coverage()], None, None, NOW);
        assert!(!found(&grants, TAB, None) && !found(&grants, TAB, Some(&media)));
        let id = once.first().unwrap().id;
        assert!(grants.by_id(TAB, &coverage().key, id).is_some());
        grants.finish(id);
        assert!(grants.by_id(TAB, &coverage().key, id).is_none());

        let once = grants.grant_once(TAB, &site, &[coverage()], Some(&media), None, NOW);
        grants.finish(once.first().unwrap().id);
        assert!(found(&grants, TAB, Some(&media)) && !found(&grants, TAB, Some(&other)));
        grants.navigated(TAB, Some(&site));
        assert!(!found(&grants, TAB, Some(&media)));
    }

    #[test]
    fn once_grants_are_bounded_and_revocable() {
        let mut grants = SessionGrants::default();
        let site = coverage().key.top_level_site;
        for _ in 0..MAX_ONCE_GRANTS + 5 {
            grants.grant_once(TAB, &site, &[coverage()], None, None, NOW);
        }
        assert_eq!(grants.list().len(), MAX_ONCE_GRANTS);
        assert!(grants.revoke_where(|_| true));
        assert!(grants.list().is_empty());
    }
}
