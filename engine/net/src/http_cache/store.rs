//! The responses that are stored.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::CONTENT_RANGE;
use http::{HeaderMap, StatusCode};
use servo_url::ServoUrl;

use super::cache::CacheLimits;
use super::disk::{DiskTier, Record, may_last};
use super::key::CacheKey;
use super::no_vary_search::UrlSearchVariance;
use super::range::{PartialContent, make_partial};
use super::stored_response::{Freshness, ResponseHead, StoredResponse};
use super::validation::{strong_validator, update_headers};
use super::vary::SelectingHeaders;
use crate::connection::NetworkPartitionKey;

/// The most responses of one key; above it, the one goes that was not used for longest.
pub(super) const MAX_VARIANTS: usize = 16;
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
    /// How often something was removed for another reason than room.
    removals: u64,
    /// The other tier, which is told of each change.
    disk: Option<DiskTier>,
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
    /// Whether it may be on disk.
    may_last: bool,
}

impl Entry {
    fn to_record(&self, key: &CacheKey) -> Record {
        Record {
            key: key.clone(),
            selecting: self.selecting.clone(),
            head: self.head.clone(),
            body: self.body.clone(),
            part: self.part,
            times: (self.request_time, self.response_time),
        }
    }

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
    /// An empty store, above another tier.
    pub(super) fn new(limits: CacheLimits, disk: Option<DiskTier>) -> Self {
        Self {
            limits,
            size: 0,
            entries: HashMap::new(),
            equivalent: HashMap::new(),
            uses: BTreeMap::new(),
            arriving: HashMap::new(),
            last_number: 0,
            removals: 0,
            disk,
        }
    }

    /// The other tier.
    pub(super) const fn disk(&self) -> Option<&DiskTier> {
        self.disk.as_ref()
    }

    /// A number that is another one after anything was removed for another reason than room.
    pub(super) const fn removals(&self) -> u64 {
        self.removals
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
        if let Some(disk) = &self.disk {
            disk.touch(key);
        }
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

    /// Removes all responses of a partition that answer a request for this URL, whatever else is in the key.
    pub(super) fn remove_url(&mut self, url: &ServoUrl, partition: &NetworkPartitionKey) {
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
        self.remove_keys(|key| {
            (key.url() == url || equivalent.contains(key)) && key.partition() == partition
        });
        if let Some(disk) = &self.disk {
            disk.remove_url(partition, url);
        }
    }

    /// Removes the responses of a key that a request with these headers selects.
    pub(super) fn remove_selected(&mut self, key: &CacheKey, headers: &HeaderMap) {
        self.removals += 1;
        self.forget(key, |entry| entry.selecting.match_request(headers));
        if let Some(disk) = &self.disk {
            let headers = headers.clone();
            disk.remove(key, move |selecting| selecting.match_request(&headers));
        }
    }

    /// Takes over what the disk holds for a key and for its equivalents. What is in memory is as new, or newer.
    pub(super) fn restore(&mut self, key: &CacheKey, records: Vec<Record>) {
        for record in records {
            let mut stored = self.entries.get(&record.key).into_iter().flatten();
            let is_known = stored.any(|entry| {
                entry.selecting == record.selecting && entry.response_time >= record.times.1
            });
            if !is_known {
                self.add(record, true);
            }
        }
        if let Some(disk) = &self.disk {
            disk.is_loaded(key);
        }
        self.evict();
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
    ///
    /// `may_last` says whether the response may go on disk, as far as its connection tells.
    pub(super) fn insert(&mut self, mut record: Record, may_last: bool) {
        let Record {
            key,
            selecting,
            head,
            body,
            part,
            times: (_, response_time),
        } = &mut record;
        let mut both_may_last = may_last;
        let stored = self.entries.get(key).into_iter().flatten();
        for stored in stored.filter(|entry| entry.selecting == *selecting) {
            if stored.response_time > *response_time {
                return;
            }
            let Some(arrived) = &*part else { continue };
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
                        *head = combined_head(&stored.head, head, &combined);
                        *part = (!combined.is_complete(bytes.len())).then_some(combined);
                        *body = Bytes::from(bytes.into_boxed_slice());
                        both_may_last &= stored.may_last;
                    }
                },
                _ => {},
            }
        }
        let may_last = both_may_last && may_last_on_disk(&record);
        if let Some(disk) = &self.disk {
            disk.put(record.clone(), may_last);
        }
        self.add(record, may_last);
        self.evict();
    }

    /// Adds an entry in the place of those that the same requests select.
    fn add(&mut self, record: Record, may_last: bool) {
        let Record {
            key,
            selecting,
            head,
            body,
            part,
            times: (request_time, response_time),
        } = record;
        self.forget(&key, |entry| entry.selecting == selecting);
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
            may_last,
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
            self.forget(&key, |entry| Some(entry.last_use) == oldest);
        }
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
        let record = entry.to_record(key);
        let lasted = entry.may_last;
        entry.may_last &= may_last_on_disk(&record);
        match &self.disk {
            Some(disk) if stays && entry.may_last => disk.update(record),
            Some(disk) if lasted => {
                let selecting = record.selecting;
                disk.remove(key, move |other| *other == selecting);
            },
            _ => {},
        }
        if stays {
            self.evict();
        } else {
            self.removals += 1;
            self.forget(key, |entry| entry.id == id);
        }
    }

    /// Removes entries of a key from memory.
    fn forget(&mut self, key: &CacheKey, mut condition: impl FnMut(&Entry) -> bool) {
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

    /// Removes whole keys from memory, and keeps what is arriving for them from being stored.
    pub(super) fn remove_keys(&mut self, mut condition: impl FnMut(&CacheKey) -> bool) {
        self.removals += 1;
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
            let mut has_equivalents = false;
            self.forget(&key, |entry| {
                let goes = entry.last_use == last_use;
                has_equivalents |= goes && UrlSearchVariance::of(&entry.head.headers).is_some();
                goes
            });
            if let Some(disk) = &self.disk {
                disk.is_evicted(&key, has_equivalents);
            }
        }
    }
}

fn may_last_on_disk(record: &Record) -> bool {
    may_last(&record.key, &record.selecting, &record.head.headers)
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
mod tests;
