//! Embargo: a site that was refused three times in a day may not ask for a week.

use std::{collections::HashMap, time::Duration};

use crate::{
    clock::Timestamp,
    origin::{Site, TupleOrigin},
};

/// *Not now* clicks within [`DISMISSAL_WINDOW`] that make an embargo.
const DISMISSALS: usize = 3;

/// How long one *Not now* click counts.
pub(crate) const DISMISSAL_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an embargo lasts.
const EMBARGO: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Who is embargoed: a requester under a top-level site.
pub type EmbargoKey = (Site, TupleOrigin);

/// What is remembered about one requester.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dismissals {
    /// The clicks that still count, oldest first.
    pub clicks: Vec<Timestamp>,
    /// The end of the embargo, if there is one.
    pub embargoed_until: Option<Timestamp>,
}

/// All dismissals and embargoes.
#[derive(Clone, Debug, Default)]
pub struct Embargoes(HashMap<EmbargoKey, Dismissals>);

impl Embargoes {
    /// Counts one *Not now* click and returns what is remembered then.
    pub fn dismissed(&mut self, key: EmbargoKey, now: Timestamp) -> &Dismissals {
        let dismissals = self.0.entry(key).or_default();
        // A click that lies in the future is kept: a clock that was set back must not help the site.
        dismissals
            .clicks
            .retain(|click| now.since(*click) < DISMISSAL_WINDOW);
        dismissals.clicks.push(now);
        if dismissals.clicks.len() >= DISMISSALS {
            dismissals.clicks.clear();
            dismissals.embargoed_until = Some(now.after(EMBARGO));
        }
        dismissals
    }

    /// When the embargo ends, if there is one.
    pub fn embargoed_until(&self, key: &EmbargoKey, now: Timestamp) -> Option<Timestamp> {
        self.0
            .get(key)
            .and_then(|dismissals| dismissals.embargoed_until)
            .filter(|until| now < *until)
    }

    /// Forgets a requester; `false` if nothing was remembered.
    pub fn reset(&mut self, key: &EmbargoKey) -> bool {
        self.0.remove(key).is_some()
    }

    /// Forgets clicks that count no more and embargoes that have ended.
    pub(crate) fn remove_ended(&mut self, now: Timestamp) {
        self.0.retain(|_, dismissals| {
            dismissals
                .clicks
                .retain(|click| now.since(*click) < DISMISSAL_WINDOW);
            dismissals.embargoed_until = dismissals.embargoed_until.filter(|until| now < *until);
            !dismissals.clicks.is_empty() || dismissals.embargoed_until.is_some()
        });
    }

    /// Puts back what was stored.
    pub(crate) fn insert(&mut self, key: EmbargoKey, dismissals: Dismissals) {
        self.0.insert(key, dismissals);
    }

    /// Everyone who is embargoed at this moment, with the end, sorted.
    pub fn list(&self, now: Timestamp) -> Vec<(EmbargoKey, Timestamp)> {
        let mut list: Vec<_> = self
            .0
            .iter()
            .filter_map(|(key, dismissals)| {
                Some((
                    key.clone(),
                    dismissals.embargoed_until.filter(|until| now < *until)?,
                ))
            })
            .collect();
        list.sort();
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000_000_000);
    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn key() -> EmbargoKey {
        let origin = TupleOrigin::parse("https://a.example").unwrap();
        (origin.site(), origin)
    }

    #[test]
    fn three_clicks_in_a_day_make_a_week() {
        let mut embargoes = Embargoes::default();
        embargoes.dismissed(key(), START);
        embargoes.dismissed(key(), START.after(HOUR));
        assert_eq!(embargoes.embargoed_until(&key(), START.after(HOUR)), None);
        let third = START.after(HOUR * 2);
        embargoes.dismissed(key(), third);
        let end = third.after(EMBARGO);
        assert_eq!(embargoes.embargoed_until(&key(), third), Some(end));
        assert_eq!(embargoes.embargoed_until(&key(), end), None);
        assert_eq!(embargoes.list(third).len(), 1);
        assert!(embargoes.reset(&key()));
        assert_eq!(embargoes.embargoed_until(&key(), third), None);
    }

    #[test]
    fn clicks_on_different_days_do_not_add_up() {
        let mut embargoes = Embargoes::default();
        for day in 0..10 {
            embargoes.dismissed(key(), START.after(HOUR * 13 * day));
        }
        assert!(embargoes.list(START.after(HOUR * 130)).is_empty());
    }
}
