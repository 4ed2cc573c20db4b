//! The responses that are stored.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::CONTENT_RANGE;
use http::{HeaderMap, StatusCode};
use servo_url::ServoUrl;

use super::cache::CacheLimits;
use super::key::CacheKey;
use super::no_vary_search::UrlSearchVariance;
use super::range::{PartialContent, make_partial};
use super::stored_response::{Freshness, ResponseHead, StoredResponse};
use super::validation::{strong_validator, update_headers};
use super::vary::SelectingHeaders;

/// The most responses of one key; above it, the one goes that was not used for longest.
const MAX_VARIANTS: usize = 16;
/// The most keys that differ in the query only and are looked at for one of them that is equivalent.
const MAX_EQUIVALENT: usize = 16;
/// What an entry takes beside its body, headers and key, in bytes; an estimate.
const ENTRY_OVERHEAD: usize = 512;

/// Stored responses within a budget of bytes. The least recently used go first.
pub(super) struct Store {
    limits: CacheLimits,
    size: usize,
    /// No list is empty.
    entries: HashMap<CacheKey, Vec<Entry>>,
    /// The keys of entries that may answer requests for other queries, by the key without any. No list is empty.
    equivalent: HashMap<CacheKey, VecDeque<CacheKey>>,
    /// The keys by the entries' `last_use`.
    uses: BTreeMap<u64, CacheKey>,
    /// The responses that are arriving, by their writer's number.
    arriving: HashMap<u64, CacheKey>,
    /// For numbers that are never used twice.
    last_number: u64,
}

/// One stored response.
pub(super) struct Entry {
    pub(super) id: u64,
    last_use: u64,
    size: usize,
    pub(super) head: ResponseHead,
    pub(super) body: Bytes,
    /// What part of the complete body `body` is; `None` if it is all of it.
    pub(super) part: Option<PartialContent>,
    pub(super) selecting: SelectingHeaders,
    pub(super) request_time: SystemTime,
    pub(super) response_time: SystemTime,
}

impl Entry {
    /// A copy of the entry, whose age and freshness are yet to be found out.
    pub(super) fn to_response(&self, is_of_url: bool) -> StoredResponse {
        StoredResponse {
            head: self.head.clone(),
            body: self.body.clone(),
            request_time: self.request_time,
            response_time: self.response_time,
            age: Duration::ZERO,
            freshness: Freshness::MustRevalidate,
            is_of_url,
            id: self.id,
        }
    }
}

impl Store {
    /// An empty store.
    pub(super) fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            size: 0,
            entries: HashMap::new(),
            equivalent: HashMap::new(),
            uses: BTreeMap::new(),
            arriving: HashMap::new(),
            last_number: 0,
        }
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// The most recent response that a request with these headers selects. This is a use of it.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-4.1>
    pub(super) fn select(&mut self, key: &CacheKey, headers: &HeaderMap) -> Option<&Entry> {
        let last_use = self.number();
        let entry = self
            .entries
            .get_mut(key)?
            .iter_mut()
            .filter(|entry| entry.selecting.match_request(headers))
            .max_by_key(|entry| entry.response_time)?;
        self.uses.remove(&entry.last_use);
        self.uses.insert(last_use, key.clone());
        entry.last_use = last_use;
        Some(entry)
    }

    /// The most recent complete response under another key that says, by `No-Vary-Search`, that it is an answer to a request
    /// with this one, and that the request's headers select. This is a use of it.
    ///
    /// <https://httpwg.org/http-extensions/draft-ietf-httpbis-no-vary-search.html#name-extensions-to-http-caching>
    pub(super) fn select_equivalent(
        &mut self,
        key: &CacheKey,
        headers: &HeaderMap,
    ) -> Option<&Entry> {
        let candidates = self.equivalent.get(&key.without_query())?;
        let (_, found) = candidates
            .iter()
            .filter_map(|candidate| {
                let selected = self.entries.get(candidate)?.iter();
                let entry = selected
                    .filter(|entry| entry.selecting.match_request(headers))
                    .max_by_key(|entry| entry.response_time)?;
                (entry.part.is_none() && answers(entry, candidate, key.url()))
                    .then_some((entry.response_time, candidate))
            })
            .max_by_key(|(response_time, _)| *response_time)?;
        let found = found.clone();
        self.select(&found, headers)
    }

    /// Removes all responses that answer a request for this URL, whatever else is in the key, as far as `condition` holds
    /// for that.
    pub(super) fn remove_url(
        &mut self,
        url: &ServoUrl,
        mut condition: impl FnMut(&CacheKey) -> bool,
    ) {
        let equivalent: HashSet<CacheKey> = self
            .equivalent
            .values()
            .flatten()
            .filter(|key| {
                let mut entries = self.entries.get(*key).into_iter().flatten();
                entries.any(|entry| answers(entry, key, url))
            })
            .cloned()
            .collect();
        self.remove_keys(|key| (key.url() == url || equivalent.contains(key)) && condition(key));
    }

    /// Notes that a response is arriving and returns its writer's number.
    pub(super) fn begin(&mut self, key: &CacheKey) -> u64 {
        let writer = self.number();
        self.arriving.insert(writer, key.clone());
        writer
    }

    /// Notes that a response does not arrive any more. Returns whether nothing has happened meanwhile that keeps it from
    /// being stored.
    pub(super) fn end(&mut self, writer: u64) -> bool {
        self.arriving.remove(&writer).is_some()
    }

    /// Stores a response in the place of those that the same requests select. A part is combined with what is stored of the
    /// same representation, and not stored if all of that is.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-3.4>
    pub(super) fn insert(
        &mut self,
        key: CacheKey,
        mut head: ResponseHead,
        (mut body, mut part): (Bytes, Option<PartialContent>),
        selecting: SelectingHeaders,
        (request_time, response_time): (SystemTime, SystemTime),
    ) {
        let stored = self.entries.get(&key).into_iter().flatten();
        for stored in stored.filter(|entry| entry.selecting == selecting) {
            if stored.response_time > response_time {
                return;
            }
            let Some(arrived) = &part else { continue };
            let validators = (
                strong_validator(&stored.head.headers),
                strong_validator(&head.headers),
            );
            match (&stored.part, validators) {
                // What is complete stays, unless the part is of another representation.
                (None, (Some(old), Some(new))) if old != new => {},
                (None, _) => return,
                (Some(old_part), (Some(old), Some(new))) if old == new => {
                    let older = (old_part, &stored.body[..]);
                    let combined = PartialContent::combine(older, (arrived, &body[..]))
                        .filter(|(_, bytes)| bytes.len() <= self.limits.entry);
                    if let Some((combined, bytes)) = combined {
                        head = combined_head(&stored.head, &head, &combined);
                        part = (!combined.is_complete(bytes.len())).then_some(combined);
                        body = Bytes::from(bytes.into_boxed_slice());
                    }
                },
                _ => {},
            }
        }
        self.remove_of_key(&key, |entry| entry.selecting == selecting);
        let number = self.number();
        let has_equivalents = UrlSearchVariance::of(&head.headers).is_some();
        // The key is in two more places then.
        let keys = if has_equivalents { 3 } else { 1 };
        let entry = Entry {
            id: number,
            last_use: number,
            size: ENTRY_OVERHEAD
                + keys * key.url().as_str().len()
                + head_size(&head)
                + body.len()
                + selecting.size_of(),
            head,
            body,
            part,
            selecting,
            request_time,
            response_time,
        };
        self.size += entry.size;
        self.uses.insert(number, key.clone());
        if has_equivalents {
            let keys = self.equivalent.entry(key.without_query()).or_default();
            keys.retain(|other| *other != key);
            keys.push_back(key.clone());
            if keys.len() > MAX_EQUIVALENT {
                keys.pop_front();
            }
        }
        let variants = self.entries.entry(key.clone()).or_default();
        variants.push(entry);
        if variants.len() > MAX_VARIANTS {
            let oldest = variants.iter().map(|entry| entry.last_use).min();
            self.remove_of_key(&key, |entry| Some(entry.last_use) == oldest);
        }
        self.evict();
    }

    /// Changes the head and times of an entry, if it is still there. `update` returns whether it stays.
    pub(super) fn update(
        &mut self,
        key: &CacheKey,
        id: u64,
        update: impl FnOnce(&mut Entry) -> bool,
    ) {
        let Some(entry) = self
            .entries
            .get_mut(key)
            .and_then(|entries| entries.iter_mut().find(|entry| entry.id == id))
        else {
            return;
        };
        let head_before = head_size(&entry.head);
        let stays = update(entry);
        let head_after = head_size(&entry.head);
        entry.size = entry.size - head_before + head_after;
        self.size = self.size - head_before + head_after;
        if stays {
            self.evict();
        } else {
            self.remove_of_key(key, |entry| entry.id == id);
        }
    }

    /// Removes entries of a key.
    pub(super) fn remove_of_key(
        &mut self,
        key: &CacheKey,
        mut condition: impl FnMut(&Entry) -> bool,
    ) {
        let Some(entries) = self.entries.get_mut(key) else {
            return;
        };
        entries.retain(|entry| {
            let goes = condition(entry);
            if goes {
                self.size -= entry.size;
                self.uses.remove(&entry.last_use);
            }
            !goes
        });
        if entries.is_empty() {
            self.entries.remove(key);
            let without_query = key.without_query();
            if let Some(keys) = self.equivalent.get_mut(&without_query) {
                keys.retain(|other| other != key);
                if keys.is_empty() {
                    self.equivalent.remove(&without_query);
                }
            }
        }
    }

    /// Removes whole keys, and keeps what is arriving for them from being stored.
    pub(super) fn remove_keys(&mut self, mut condition: impl FnMut(&CacheKey) -> bool) {
        self.arriving.retain(|_, key| !condition(key));
        self.entries.retain(|key, entries| {
            let goes = condition(key);
            if goes {
                for entry in entries {
                    self.size -= entry.size;
                    self.uses.remove(&entry.last_use);
                }
            }
            !goes
        });
        self.equivalent.retain(|_, keys| {
            keys.retain(|key| self.entries.contains_key(key));
            !keys.is_empty()
        });
    }

    /// The keys that have responses.
    pub(super) fn keys(&self) -> impl Iterator<Item = &CacheKey> {
        self.entries.keys()
    }

    /// The bytes that the entries take.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    fn evict(&mut self) {
        while self.size > self.limits.total {
            let Some((last_use, key)) = self.uses.pop_first() else {
                return;
            };
            self.remove_of_key(&key, |entry| entry.last_use == last_use);
        }
    }
}

/// Whether an entry with this key says that it is an answer to requests for `url`.
fn answers(entry: &Entry, key: &CacheKey, url: &ServoUrl) -> bool {
    UrlSearchVariance::of(&entry.head.headers)
        .is_some_and(|variance| variance.are_equivalent(key.url(), url))
}

/// The head of a part that was put together, or of the complete response if that is what it has become.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7.3>
fn combined_head(
    stored: &ResponseHead,
    arrived: &ResponseHead,
    combined: &PartialContent,
) -> ResponseHead {
    let mut head = arrived.clone();
    head.headers = stored.headers.clone();
    update_headers(&mut head.headers, &arrived.headers);
    let bytes = combined.first..combined.first + combined.length;
    make_partial(&mut head, &bytes, combined.complete_length);
    if combined.is_complete(combined.length) {
        head.status = StatusCode::OK;
        head.reason = b"OK".to_vec();
        head.headers.remove(CONTENT_RANGE);
    }
    head
}

fn head_size(head: &ResponseHead) -> usize {
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 64);
    let certificates = head.tls.iter().flat_map(|tls| &tls.certificate_chain_der);
    head.reason.len() + headers.sum::<usize>() + certificates.map(Vec::len).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;
    use crate::connection::{ConnectionCredentials, NetworkPartitionKey};

    fn key(number: u16) -> CacheKey {
        let url = ServoUrl::parse(&format!("https://example.com/?{number}")).unwrap();
        CacheKey::new(
            NetworkPartitionKey::default(),
            ConnectionCredentials::Included,
            &url,
        )
    }

    fn store_of(total: usize) -> Store {
        Store::new(CacheLimits {
            total,
            entry: total,
        })
    }

    fn foo(value: u16) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static("foo"),
            HeaderValue::from(value),
        )])
    }

    fn insert(store: &mut Store, number: u16, variant: u16, length: usize) {
        let head = ResponseHead {
            status: StatusCode::OK,
            reason: Vec::new(),
            headers: HeaderMap::from_iter([
                (http::header::VARY, HeaderValue::from_static("foo")),
                // An even key is equivalent to none but itself.
                (
                    HeaderName::from_static("no-vary-search"),
                    HeaderValue::from_static(if number.is_multiple_of(2) {
                        ""
                    } else {
                        "params"
                    }),
                ),
            ]),
            tls: None,
        };
        let selecting = SelectingHeaders::of(&foo(variant), &head.headers).unwrap();
        let times = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
        store.insert(
            key(number),
            head,
            (vec![0; length].into(), None),
            selecting,
            times,
        );
    }

    fn is_consistent(store: &Store) -> bool {
        let entries = || store.entries.values().flatten();
        store.size == entries().map(|entry| entry.size).sum::<usize>()
            && store.uses.len() == entries().count()
            && entries().all(|entry| store.uses.contains_key(&entry.last_use))
            && store.entries.values().all(|entries| !entries.is_empty())
            && store.equivalent.values().all(|keys| {
                (1..=MAX_EQUIVALENT).contains(&keys.len())
                    && keys.iter().all(|key| store.entries.contains_key(key))
            })
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut store = store_of(35_000);
        for number in 0..3 {
            insert(&mut store, number, 0, 10_000);
        }
        assert!(store.select(&key(0), &foo(0)).is_some());
        insert(&mut store, 3, 0, 10_000);
        let left = |number| store.entries.contains_key(&key(number));
        assert_eq!(
            [left(0), left(1), left(2), left(3)],
            [true, false, true, true]
        );
        assert!(is_consistent(&store));
    }

    #[test]
    fn variants_replace_their_like_and_are_bounded() {
        let mut store = store_of(1_000_000);
        insert(&mut store, 0, 0, 10);
        insert(&mut store, 0, 1, 20);
        insert(&mut store, 0, 1, 30);
        let mut length = |variant| {
            let entry = store.select(&key(0), &foo(variant));
            entry.map(|entry| entry.body.len())
        };
        assert_eq!(
            [length(0), length(1), length(2)],
            [Some(10), Some(30), None]
        );
        for variant in 2..50 {
            insert(&mut store, 0, variant, 10);
        }
        assert_eq!(store.entries[&key(0)].len(), MAX_VARIANTS);
        assert!(is_consistent(&store));
    }

    #[test]
    fn equivalent_keys() {
        let mut store = store_of(1_000_000);
        insert(&mut store, 0, 0, 10);
        insert(&mut store, 1, 0, 20);
        let found = |store: &mut Store, variant| {
            let entry = store.select_equivalent(&key(5), &foo(variant));
            entry.map(|entry| entry.body.len())
        };
        assert_eq!(
            [found(&mut store, 0), found(&mut store, 1)],
            [Some(20), None]
        );
        assert!(store.select(&key(5), &foo(0)).is_none());
        let url = key(5).url().clone();
        store.remove_url(&url, |_| false);
        assert_eq!(found(&mut store, 0), Some(20));
        store.remove_url(&url, |_| true);
        assert_eq!(found(&mut store, 0), None);
        assert!(store.select(&key(0), &foo(0)).is_some());
        assert!(is_consistent(&store));
    }

    #[test]
    fn what_is_older_does_not_replace_what_is_newer() {
        let mut store = store_of(1_000_000);
        insert(&mut store, 0, 0, 10);
        let id = store.select(&key(0), &foo(0)).unwrap().id;
        store.update(&key(0), id, |entry| {
            entry.response_time += Duration::from_secs(1);
            true
        });
        insert(&mut store, 0, 0, 20);
        assert_eq!(store.select(&key(0), &foo(0)).unwrap().body.len(), 10);
    }

    #[test]
    fn what_is_removed_while_it_arrives_is_not_stored() {
        let mut store = store_of(1_000_000);
        let [kept, removed] = [store.begin(&key(0)), store.begin(&key(1))];
        store.remove_keys(|removed| *removed == key(1));
        assert!(store.end(kept) && !store.end(removed) && !store.end(kept));
    }

    proptest! {
        #[test]
        fn the_budget_holds(steps in prop::collection::vec((0..20_u16, 0..20_u16, 0..3000_usize, 0..5_u8), 0..200)) {
            let mut store = store_of(20_000);
            for (number, variant, length, action) in steps {
                match action {
                    0 => drop(store.select(&key(number), &foo(variant)).map(|entry| entry.id)),
                    1 => store.remove_keys(|found| *found == key(number)),
                    2 => {
                        if let Some(id) = store.select(&key(number), &foo(variant)).map(|entry| entry.id) {
                            store.update(&key(number), id, |entry| {
                                entry.head.reason = vec![0; length];
                                length % 2 == 0
                            });
                        }
                    },
                    _ => insert(&mut store, number, variant, length),
                }
                prop_assert!(store.size <= 20_000);
                prop_assert!(is_consistent(&store));
            }
        }
    }
}
