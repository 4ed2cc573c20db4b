//! The responses that are stored.

use std::collections::{BTreeMap, HashMap};
use std::time::SystemTime;

use bytes::Bytes;
use http::HeaderMap;

use super::key::CacheKey;
use super::stored_response::ResponseHead;
use super::vary::SelectingHeaders;

/// The most responses of one key; above it, the one goes that was not used for longest.
const MAX_VARIANTS: usize = 16;
/// What an entry takes beside its body, headers and key, in bytes; an estimate.
const ENTRY_OVERHEAD: usize = 512;

/// Stored responses within a budget of bytes. The least recently used go first.
pub(super) struct Store {
    budget: usize,
    size: usize,
    /// No list is empty.
    entries: HashMap<CacheKey, Vec<Entry>>,
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
    pub(super) selecting: SelectingHeaders,
    pub(super) request_time: SystemTime,
    pub(super) response_time: SystemTime,
}

impl Store {
    /// An empty store for this many bytes.
    pub(super) fn new(budget: usize) -> Self {
        Self {
            budget,
            size: 0,
            entries: HashMap::new(),
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

    /// Stores a response in the place of those that the same requests select.
    pub(super) fn insert(
        &mut self,
        key: CacheKey,
        head: ResponseHead,
        body: Bytes,
        selecting: SelectingHeaders,
        (request_time, response_time): (SystemTime, SystemTime),
    ) {
        let is_older = self
            .entries
            .get(&key)
            .into_iter()
            .flatten()
            .any(|entry| entry.selecting == selecting && entry.response_time > response_time);
        if is_older {
            return;
        }
        self.remove_of_key(&key, |entry| entry.selecting == selecting);
        let number = self.number();
        let entry = Entry {
            id: number,
            last_use: number,
            size: ENTRY_OVERHEAD
                + key.url().as_str().len()
                + head_size(&head)
                + body.len()
                + selecting.size_of(),
            head,
            body,
            selecting,
            request_time,
            response_time,
        };
        self.size += entry.size;
        self.uses.insert(number, key.clone());
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
        while self.size > self.budget {
            let Some((last_use, key)) = self.uses.pop_first() else {
                return;
            };
            self.remove_of_key(&key, |entry| entry.last_use == last_use);
        }
    }
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
    use std::time::Duration;

    use http::{HeaderValue, StatusCode};
    use proptest::prelude::*;
    use servo_url::ServoUrl;

    use super::*;
    use crate::connection::{ConnectionCredentials, NetworkPartitionKey};

    fn key(number: u16) -> CacheKey {
        let url = ServoUrl::parse(&format!("https://example.com/{number}")).unwrap();
        CacheKey::new(
            NetworkPartitionKey::default(),
            ConnectionCredentials::Included,
            &url,
        )
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
            headers: HeaderMap::from_iter([(http::header::VARY, HeaderValue::from_static("foo"))]),
            tls: None,
        };
        let selecting = SelectingHeaders::of(&foo(variant), &head.headers).unwrap();
        let times = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
        store.insert(key(number), head, vec![0; length].into(), selecting, times);
    }

    fn is_consistent(store: &Store) -> bool {
        let entries = || store.entries.values().flatten();
        store.size == entries().map(|entry| entry.size).sum::<usize>()
            && store.uses.len() == entries().count()
            && entries().all(|entry| store.uses.contains_key(&entry.last_use))
            && store.entries.values().all(|entries| !entries.is_empty())
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut store = Store::new(35_000);
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
        let mut store = Store::new(1_000_000);
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
    fn what_is_older_does_not_replace_what_is_newer() {
        let mut store = Store::new(1_000_000);
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
        let mut store = Store::new(1_000_000);
        let [kept, removed] = [store.begin(&key(0)), store.begin(&key(1))];
        store.remove_keys(|removed| *removed == key(1));
        assert!(store.end(kept) && !store.end(removed) && !store.end(kept));
    }

    proptest! {
        #[test]
        fn the_budget_holds(steps in prop::collection::vec((0..20_u16, 0..20_u16, 0..3000_usize, 0..5_u8), 0..200)) {
            let mut store = Store::new(20_000);
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
