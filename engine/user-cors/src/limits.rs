//! What is remembered for a minute under a grant: silent preflights, and how often a page writes.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use url::Url;

use crate::{
    address_space::Route,
    clock::Timestamp,
    headers::HeaderNames,
    methods::MethodClass,
    origin::{Site, TupleOrigin},
    permission::{ByKey, PermissionKey},
    refusal::Refusal,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Writes that one grant allows in a minute.
const MAX_WRITES: usize = 60;

/// The most silent preflights that are remembered.
const MAX_PREFLIGHTS: usize = 1024;

/// The longest URL of which that is remembered, in bytes; for a longer one the server is asked each time.
const MAX_URL: usize = 8192;

/// Counts writes under grants, by their key: revoking and allowing again does not start anew.
#[derive(Debug, Default)]
pub struct WriteLimiter(ByKey<VecDeque<Timestamp>>);

impl WriteLimiter {
    /// Counts one request, if it is a write.
    ///
    /// # Errors
    /// If there were as many in the last minute as one grant allows.
    pub fn count(
        &mut self,
        key: &PermissionKey,
        method: MethodClass,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if method.is_safe() {
            return Ok(());
        }
        self.0
            .retain(|_, writes| writes.back().is_some_and(|last| now.since(*last) < MINUTE));
        let writes = self.0.entry(key.clone()).or_default();
        writes.retain(|write| now.since(*write) < MINUTE);
        if writes.len() >= MAX_WRITES {
            return Err(Refusal::TooManyWrites);
        }
        writes.push_back(now);
        Ok(())
    }
}

/// A request whose preflight failed in silence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SilentPreflight {
    /// The partition.
    pub top_level_site: Site,
    /// Who asks.
    pub requester: TupleOrigin,
    /// The URL.
    pub url: Url,
    /// The method.
    pub method: MethodClass,
    /// The CORS-unsafe header names.
    pub unsafe_headers: HeaderNames,
}

/// Preflights that failed in silence within the last minute.
#[derive(Debug, Default)]
pub struct SilentPreflights(HashMap<SilentPreflight, Remembered>);

#[derive(Debug)]
struct Remembered {
    ends: Timestamp,
    /// The way that the preflight went: the addresses to which requests may go without another one.
    route: Route,
}

impl SilentPreflights {
    /// Remembers one.
    pub fn remember(&mut self, preflight: SilentPreflight, route: Route, now: Timestamp) {
        self.0.retain(|_, remembered| now < remembered.ends);
        if self.0.len() < MAX_PREFLIGHTS && preflight.url.as_str().len() <= MAX_URL {
            let ends = now.after(MINUTE);
            self.0.insert(preflight, Remembered { ends, route });
        }
    }

    /// The way that this one went, if it failed in silence within the last minute.
    pub fn route(&self, preflight: &SilentPreflight, now: Timestamp) -> Option<&Route> {
        // One that ends later than a minute from here was remembered before the clock was set back.
        self.0
            .get(preflight)
            .filter(|remembered| now < remembered.ends && remembered.ends <= now.after(MINUTE))
            .map(|remembered| &remembered.route)
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything is forgotten: the machine is on another network.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// A CORS check by this requester at this target passed: everything about the two is forgotten.
    pub fn cors_succeeded(
        &mut self,
        top_level_site: &Site,
        requester: &TupleOrigin,
        target: &TupleOrigin,
    ) {
        self.0.retain(|preflight, _| {
            preflight.top_level_site != *top_level_site
                || preflight.requester != *requester
                || TupleOrigin::from_url(&preflight.url).as_ref() != Some(target)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap()
    }

    #[test]
    fn sixty_writes_a_minute() {
        let requester = origin("https://a.example");
        let key = PermissionKey {
            top_level_site: requester.site(),
            target: origin("https://b.example"),
            requester,
        };
        let mut limiter = WriteLimiter::default();
        for n in 0..60 {
            assert_eq!(
                limiter.count(&key, MethodClass::Post, NOW.after(Duration::from_millis(n))),
                Ok(())
            );
        }
        let last = NOW.after(Duration::from_millis(59_999));
        assert_eq!(
            limiter.count(&key, MethodClass::Put, last),
            Err(Refusal::TooManyWrites)
        );
        assert_eq!(limiter.count(&key, MethodClass::Get, last), Ok(()));
        assert_eq!(
            limiter.count(&key, MethodClass::Put, NOW.after(MINUTE)),
            Ok(())
        );
    }

    #[test]
    fn silent_preflights_are_forgotten_after_a_minute_or_a_success() {
        let requester = origin("https://a.example");
        let preflight = SilentPreflight {
            top_level_site: requester.site(),
            requester: requester.clone(),
            url: Url::parse("https://b.example/x").unwrap(),
            method: MethodClass::Put,
            unsafe_headers: HeaderNames::new(),
        };
        let other = SilentPreflight {
            method: MethodClass::Delete,
            ..preflight.clone()
        };
        let mut memory = SilentPreflights::default();
        memory.remember(preflight.clone(), Route::Unknown, NOW);
        assert!(
            memory
                .route(&preflight, NOW.after(Duration::from_millis(59_999)))
                .is_some()
        );
        assert!(memory.route(&preflight, NOW.after(MINUTE)).is_none());
        assert!(memory.route(&preflight, NOW.before(MINUTE)).is_none());
        assert!(memory.route(&other, NOW).is_none());
        let long = SilentPreflight {
            url: Url::parse(&format!("https://b.example/{}", "x".repeat(MAX_URL))).unwrap(),
            ..preflight.clone()
        };
        memory.remember(long.clone(), Route::Unknown, NOW);
        assert!(memory.route(&long, NOW).is_none());
        memory.cors_succeeded(&requester.site(), &requester, &origin("https://c.example"));
        assert!(memory.route(&preflight, NOW).is_some());
        memory.cors_succeeded(&requester.site(), &requester, &origin("https://b.example"));
        assert!(memory.route(&preflight, NOW).is_none());
    }
}
