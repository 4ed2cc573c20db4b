//! The [CORS-preflight cache](https://fetch.spec.whatwg.org/#cors-preflight-cache): what servers allowed, for as long as
//! they said.
//!
//! It is split by network partition and by requester, so that one page cannot learn what another has asked. Time comes
//! from the caller.

use std::collections::HashMap;
use std::collections::hash_map::Entry as MapEntry;
use std::time::{Duration, Instant};

use http::Method;
use http::header::HeaderName;
use net_traits::request::{CredentialsMode, Request};
use net_traits::response::RedirectTaint;
use servo_url::{ImmutableOrigin, ServoUrl};

use super::checks::cors_preflight_check::{PreflightAllowance, WILDCARD};
use super::checks::origin_header::request_origin;
use super::checks::redirect_taint::redirect_taint;
use super::headers::safelist::{
    cors_unsafe_request_header_names, is_cors_non_wildcard_request_header_name,
    is_cors_safelisted_method,
};
use crate::connection::NetworkPartitionKey;

/// How many entries are kept. Past that, those that end first make room.
pub const ENTRY_LIMIT: usize = 4096;

/// How many methods and how many names of one answer are kept.
const ALLOWANCE_LIMIT: usize = 128;

/// The CORS-preflight cache. `Default` is an empty one.
#[derive(Debug, Default)]
pub struct PreflightCache {
    /// The [entries](https://fetch.spec.whatwg.org/#concept-cache), each with the time at which it ends.
    entries: HashMap<Entry, Instant>,
}

/// All of a [cache entry](https://fetch.spec.whatwg.org/#concept-cache) but its max-age.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Entry {
    scope: Scope,
    /// Whether the preflight was for a request whose credentials mode is `include`.
    credentials: bool,
    allowance: Allowance,
}

/// Whose requests an entry is for, and where to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Scope {
    partition: NetworkPartitionKey,
    origin: ImmutableOrigin,
    /// Whether redirects made the serialized origin “null”, which a server that allows the origin need not allow.
    is_tainted: bool,
    /// Without its fragment, which no server sees.
    url: ServoUrl,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Allowance {
    Method(String),
    HeaderName(HeaderName),
}

impl Allowance {
    /// The entry that stands for this one and all of its kind, unless nothing stands for this one.
    fn wildcard(&self) -> Option<Self> {
        match self {
            Self::Method(_) => Some(Self::Method(WILDCARD.to_owned())),
            Self::HeaderName(name) if is_cors_non_wildcard_request_header_name(name) => None,
            Self::HeaderName(_) => Some(Self::HeaderName(HeaderName::from_static(WILDCARD))),
        }
    }
}

impl Scope {
    fn of(partition: &NetworkPartitionKey, request: &Request) -> Self {
        let mut url = request.current_url();
        url.set_fragment(None);
        Self {
            partition: partition.clone(),
            // NB: a request without an origin gets a fresh one, which matches nothing.
            origin: request_origin(request).unwrap_or_else(ImmutableOrigin::new_opaque),
            is_tainted: redirect_taint(request) != RedirectTaint::SameOrigin,
            url,
        }
    }
}

fn includes_credentials(request: &Request) -> bool {
    request.credentials_mode == CredentialsMode::Include
}

impl PreflightCache {
    /// Whether there is a [method cache entry match](https://fetch.spec.whatwg.org/#concept-cache-match-method) for `method`
    /// using `request`.
    pub fn method_matches(
        &self,
        partition: &NetworkPartitionKey,
        request: &Request,
        method: &Method,
        now: Instant,
    ) -> bool {
        let allowance = Allowance::Method(method.as_str().to_owned());
        self.matches(&Scope::of(partition, request), request, allowance, now)
    }

    /// Whether there is a [header-name cache entry match](https://fetch.spec.whatwg.org/#concept-cache-match-header) for
    /// `name` using `request`.
    pub fn header_name_matches(
        &self,
        partition: &NetworkPartitionKey,
        request: &Request,
        name: &HeaderName,
        now: Instant,
    ) -> bool {
        let allowance = Allowance::HeaderName(name.clone());
        self.matches(&Scope::of(partition, request), request, allowance, now)
    }

    /// Whether the cache allows all that `request` needs a preflight for: the condition in
    /// [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch) under which none is made.
    pub fn covers(&self, partition: &NetworkPartitionKey, request: &Request, now: Instant) -> bool {
        let scope = Scope::of(partition, request);
        let needs_method =
            request.use_cors_preflight || !is_cors_safelisted_method(&request.method);
        let method = Allowance::Method(request.method.as_str().to_owned());
        (!needs_method || self.matches(&scope, request, method, now))
            && cors_unsafe_request_header_names(&request.headers)
                .into_iter()
                .all(|name| self.matches(&scope, request, Allowance::HeaderName(name), now))
    }

    /// Whether an entry that has not ended [matches](https://fetch.spec.whatwg.org/#concept-cache-match): one made with
    /// credentials by name, or, for a request without them, one made without credentials by name or wildcard.
    ///
    /// AD-HOC: the standard also takes a `*` that was cached with credentials for a wildcard, though a preflight with
    /// credentials does not.
    fn matches(
        &self,
        scope: &Scope,
        request: &Request,
        allowance: Allowance,
        now: Instant,
    ) -> bool {
        let wildcard = allowance.wildcard();
        let is_live = |credentials, allowance| {
            let entry = Entry {
                scope: scope.clone(),
                credentials,
                allowance,
            };
            self.entries.get(&entry).is_some_and(|end| *end > now)
        };
        is_live(true, allowance.clone())
            || (!includes_credentials(request)
                && (is_live(false, allowance)
                    || wildcard.is_some_and(|wildcard| is_live(false, wildcard))))
    }

    /// Remembers what a preflight for `request` allowed: steps 7.12 to 7.15 of
    /// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch-0).
    ///
    /// AD-HOC: an answer changes only entries made with the same credentials mode. In the standard, an answer without
    /// credentials prolongs an entry with them.
    pub fn update(
        &mut self,
        partition: &NetworkPartitionKey,
        request: &Request,
        allowance: &PreflightAllowance,
        now: Instant,
    ) {
        let scope = Scope::of(partition, request);
        let credentials = includes_credentials(request);
        let methods = allowance
            .methods
            .iter()
            .take(ALLOWANCE_LIMIT)
            .map(|method| Allowance::Method(method.clone()));
        let names = allowance
            .header_names
            .iter()
            .take(ALLOWANCE_LIMIT)
            .map(|name| Allowance::HeaderName(name.clone()));
        for item in methods.chain(names) {
            let wildcard = item.wildcard().filter(|_| !credentials);
            let entry = |allowance| Entry {
                scope: scope.clone(),
                credentials,
                allowance,
            };
            // 7.12 and 7.14. Entries that match get the max-age.
            let mut has_match = false;
            for allowance_of_match in [Some(item.clone()), wildcard].into_iter().flatten() {
                has_match |= self.set_end(entry(allowance_of_match), allowance.max_age, now);
            }
            // 7.13 and 7.15. Without a match there is a new entry.
            if !has_match {
                self.insert(entry(item), allowance.max_age, now);
            }
        }
    }

    /// Gives an entry that has not ended another end; `false` if there is none.
    fn set_end(&mut self, entry: Entry, max_age: Duration, now: Instant) -> bool {
        let MapEntry::Occupied(mut occupied) = self.entries.entry(entry) else {
            return false;
        };
        if *occupied.get() <= now {
            occupied.remove();
            return false;
        }
        match now.checked_add(max_age) {
            Some(end) if !max_age.is_zero() => {
                occupied.insert(end);
            },
            _ => {
                occupied.remove();
            },
        }
        true
    }

    fn insert(&mut self, entry: Entry, max_age: Duration, now: Instant) {
        let Some(end) = now.checked_add(max_age).filter(|end| *end > now) else {
            return;
        };
        if self.entries.len() >= ENTRY_LIMIT {
            self.make_room(now);
        }
        self.entries.insert(entry, end);
    }

    /// Drops what has ended, and if that is not enough the eighth of the entries that ends first.
    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, end| *end > now);
        if self.entries.len() < ENTRY_LIMIT {
            return;
        }
        let mut ends: Vec<Instant> = self.entries.values().copied().collect();
        let (_, limit, _) = ends.select_nth_unstable(ENTRY_LIMIT / 8);
        let limit = *limit;
        self.entries.retain(|_, end| *end > limit);
    }

    /// [Clears cache entries](https://fetch.spec.whatwg.org/#concept-cache-clear) given a request: all of its requester for
    /// its URL.
    pub fn clear_for_request(&mut self, partition: &NetworkPartitionKey, request: &Request) {
        let scope = Scope::of(partition, request);
        self.entries.retain(|entry, _| entry.scope != scope);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// How many entries there are, ended ones included until they make room.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{AUTHORIZATION, CONTENT_TYPE};
    use proptest::prelude::*;
    use servo_default_resources as _;

    use super::super::checks::test_requests;
    use super::*;

    const PAGE: &str = "https://a.example";
    const TARGET: &str = "https://b.example/api";
    const NOBODY: NetworkPartitionKey = NetworkPartitionKey(None);

    fn put(page: &str, urls: &[&str]) -> Request {
        let mut request = test_requests::request(page, urls);
        request.method = Method::PUT;
        request.unsafe_request = true;
        request
    }

    fn with_credentials(mut request: Request) -> Request {
        request.credentials_mode = CredentialsMode::Include;
        request
    }

    fn allowance(methods: &[&str], names: &[HeaderName], seconds: u64) -> PreflightAllowance {
        PreflightAllowance {
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            header_names: names.to_vec(),
            max_age: Duration::from_secs(seconds),
        }
    }

    fn wildcard() -> HeaderName {
        HeaderName::from_static("*")
    }

    #[test]
    fn holds_for_its_max_age_and_its_own_requester_and_url() {
        let now = Instant::now();
        let mut cache = PreflightCache::default();
        let request = put(PAGE, &[TARGET]);
        assert!(!cache.covers(&NOBODY, &request, now));
        cache.update(&NOBODY, &request, &allowance(&["PUT"], &[], 5), now);
        assert!(cache.covers(&NOBODY, &request, now));
        assert!(cache.covers(&NOBODY, &request, now + Duration::from_millis(4999)));
        assert!(!cache.covers(&NOBODY, &request, now + Duration::from_secs(5)));
        assert!(!cache.method_matches(&NOBODY, &request, &Method::DELETE, now));

        let same = put(PAGE, &["https://b.example/api#part"]);
        assert!(cache.covers(&NOBODY, &same, now));
        for other in [
            put("https://c.example", &[TARGET]),
            put("http://a.example", &[TARGET]),
            put(PAGE, &["https://b.example/api?x"]),
            put(PAGE, &["https://b.example/api/"]),
            put(PAGE, &["https://c.example/", TARGET]),
        ] {
            assert!(!cache.covers(&NOBODY, &other, now));
        }
    }

    #[test]
    fn a_wildcard_needs_a_request_without_credentials() {
        let now = Instant::now();
        let plain = put(PAGE, &[TARGET]);
        let credentialed = with_credentials(put(PAGE, &[TARGET]));
        let all = allowance(&["*"], &[wildcard()], 60);

        let mut cache = PreflightCache::default();
        cache.update(&NOBODY, &plain, &all, now);
        assert!(cache.covers(&NOBODY, &plain, now));
        assert!(!cache.covers(&NOBODY, &credentialed, now));
        assert!(cache.header_name_matches(&NOBODY, &plain, &CONTENT_TYPE, now));
        assert!(!cache.header_name_matches(&NOBODY, &plain, &AUTHORIZATION, now));

        let mut cache = PreflightCache::default();
        cache.update(&NOBODY, &credentialed, &all, now);
        assert!(!cache.covers(&NOBODY, &credentialed, now));
        assert!(!cache.covers(&NOBODY, &plain, now));
        let star = Method::from_bytes(b"*").unwrap();
        assert!(cache.method_matches(&NOBODY, &credentialed, &star, now));
    }

    #[test]
    fn an_entry_with_credentials_serves_requests_without() {
        let now = Instant::now();
        let mut cache = PreflightCache::default();
        let credentialed = with_credentials(put(PAGE, &[TARGET]));
        cache.update(&NOBODY, &credentialed, &allowance(&["PUT"], &[], 60), now);
        assert!(cache.covers(&NOBODY, &credentialed, now));
        assert!(cache.covers(&NOBODY, &put(PAGE, &[TARGET]), now));
    }

    #[test]
    fn covers_asks_for_method_and_names() {
        let now = Instant::now();
        let mut cache = PreflightCache::default();
        let mut request = put(PAGE, &[TARGET]);
        request
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        cache.update(&NOBODY, &request, &allowance(&["PUT"], &[], 60), now);
        assert!(!cache.covers(&NOBODY, &request, now));
        cache.update(&NOBODY, &request, &allowance(&[], &[CONTENT_TYPE], 60), now);
        assert!(cache.covers(&NOBODY, &request, now));

        request.method = Method::POST;
        assert!(cache.covers(&NOBODY, &request, now));
        request.use_cors_preflight = true;
        assert!(!cache.covers(&NOBODY, &request, now));
    }

    #[test]
    fn a_later_answer_changes_the_end() {
        let now = Instant::now();
        let mut cache = PreflightCache::default();
        let request = put(PAGE, &[TARGET]);
        cache.update(&NOBODY, &request, &allowance(&["*"], &[], 600), now);
        cache.update(&NOBODY, &request, &allowance(&["PUT"], &[], 10), now);
        assert_eq!(cache.len(), 1);
        assert!(!cache.covers(&NOBODY, &request, now + Duration::from_secs(10)));
        cache.update(&NOBODY, &request, &allowance(&["PUT"], &[], 0), now);
        assert!(cache.is_empty());
    }

    #[test]
    fn an_answer_without_credentials_leaves_entries_with_them() {
        let now = Instant::now();
        let mut cache = PreflightCache::default();
        let credentialed = with_credentials(put(PAGE, &[TARGET]));
        let plain = put(PAGE, &[TARGET]);
        cache.update(&NOBODY, &credentialed, &allowance(&["PUT"], &[], 10), now);
        cache.update(&NOBODY, &plain, &allowance(&["PUT"], &[], 600), now);
        let later = now + Duration::from_secs(11);
        assert!(cache.covers(&NOBODY, &plain, later));
        assert!(!cache.covers(&NOBODY, &credentialed, later));
    }

    #[test]
    fn clearing_for_a_request_takes_its_whole_scope() {
        let now = Instant::now();
        let plain = put(PAGE, &[TARGET]);
        let credentialed = with_credentials(put(PAGE, &[TARGET]));
        let other = put(PAGE, &["https://b.example/other"]);
        let elsewhere = put("https://c.example", &[TARGET]);
        let mut cache = PreflightCache::default();
        for request in [&plain, &credentialed, &other, &elsewhere] {
            cache.update(&NOBODY, request, &allowance(&["PUT"], &[], 60), now);
        }
        assert_eq!(cache.len(), 4);
        cache.clear_for_request(&NOBODY, &plain);
        assert!(!cache.covers(&NOBODY, &credentialed, now));
        assert!(cache.covers(&NOBODY, &other, now));
        assert!(cache.covers(&NOBODY, &elsewhere, now));
        cache.clear();
        assert!(cache.is_empty());
    }

    #[test]
    fn the_number_of_entries_is_bounded() {
        let now = Instant::now();
        let mut cache = PreflightCache::default();
        for n in 0..ENTRY_LIMIT as u64 + 100 {
            let url = format!("https://b.example/{n}");
            let request = put(PAGE, &[&url]);
            cache.update(&NOBODY, &request, &allowance(&["PUT"], &[], 1 + n), now);
            assert!(cache.len() <= ENTRY_LIMIT);
        }
        let first = put(PAGE, &["https://b.example/0"]);
        assert!(!cache.covers(&NOBODY, &first, now));
        let last = put(PAGE, &[&format!("https://b.example/{}", ENTRY_LIMIT + 99)]);
        assert!(cache.covers(&NOBODY, &last, now));

        let many: Vec<String> = (0..1000).map(|n| format!("M{n}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let mut cache = PreflightCache::default();
        cache.update(&NOBODY, &first, &allowance(&many, &[], 60), now);
        assert_eq!(cache.len(), ALLOWANCE_LIMIT);
    }

    #[test]
    fn equal_ends_do_not_outgrow_the_limit() {
        let now = Instant::now();
        let mut cache = PreflightCache::default();
        for n in 0..=ENTRY_LIMIT {
            let url = format!("https://b.example/{n}");
            cache.update(
                &NOBODY,
                &put(PAGE, &[&url]),
                &allowance(&["PUT"], &[], 60),
                now,
            );
        }
        assert!(cache.len() <= ENTRY_LIMIT);
    }

    proptest! {
        #[test]
        fn a_request_is_covered_by_its_own_allowance_only(
            method in "[A-Z]{1,6}",
            other in "[A-Z]{1,6}",
            credentialed in any::<bool>(),
        ) {
            let now = Instant::now();
            let mut cache = PreflightCache::default();
            let mut request = put(PAGE, &[TARGET]);
            if credentialed {
                request = with_credentials(request);
            }
            cache.update(&NOBODY, &request, &allowance(&[&method], &[], 60), now);
            let matches = |method: &str| {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                cache.method_matches(&NOBODY, &request, &method, now)
            };
            prop_assert!(matches(&method));
            prop_assert_eq!(matches(&other), other == method);
        }
    }
}
