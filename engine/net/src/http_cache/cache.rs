//! The HTTP cache as [`crate::fetch`] sees it.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use net_traits::CacheEntryDescriptor;
use parking_lot::Mutex;

use super::cache_control::CacheControl;
use super::disk::{DiskLimits, DiskTier};
use super::freshness::{current_age, freshness};
use super::key::{CacheKey, CacheRequest};
use super::range::{Part, PartialContent, make_partial, requested_part};
use super::storable::{content_length, remove_connection_headers, storable};
use super::store::{Entry, Store};
use super::stored_response::{Freshness, ResponseHead, StoredResponse};
use super::validation::{invalidated_urls, is_about, update_headers};
use super::writer::StoreWriter;

/// How much memory the cache may take, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// All stored responses together. What is arriving may take another quarter.
    pub total: usize,
    /// The body of one response.
    pub entry: usize,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            total: 128 << 20,
            entry: 16 << 20,
        }
    }
}

/// How long a fetch waits for the disk; then it goes on as if nothing was there.
const LOAD_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a fetch asks the disk again because something was removed while it was read.
const LOAD_ATTEMPTS: usize = 3;

/// An HTTP cache. Clones share what is stored.
///
/// No method but [`Self::settle`] blocks for longer than it takes to copy headers, so all of them can be called from async
/// code.
#[derive(Clone, Default)]
pub struct HttpCache {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) limits: CacheLimits,
    pub(super) store: Mutex<Store>,
    /// The bytes that writers hold.
    pub(super) arriving: AtomicUsize,
}

impl Default for Shared {
    fn default() -> Self {
        Self::new(CacheLimits::default(), None)
    }
}

impl Shared {
    fn new(limits: CacheLimits, disk: Option<DiskTier>) -> Self {
        Self {
            limits,
            store: Mutex::new(Store::new(limits, disk)),
            arriving: AtomicUsize::new(0),
        }
    }
}

impl HttpCache {
    /// An empty cache, in memory only.
    pub fn new(limits: CacheLimits) -> Self {
        Self {
            shared: Arc::new(Shared::new(limits, None)),
        }
    }

    /// A cache that is also kept in the file at `path`, with what is there already. If the file cannot be used, the cache is
    /// in memory only, and the log says so.
    pub fn with_file(limits: CacheLimits, path: &Path, disk_limits: DiskLimits) -> Self {
        let disk = DiskTier::start(path, disk_limits);
        Self {
            shared: Arc::new(Shared::new(limits, disk)),
        }
    }

    /// Brings what the disk holds for a key into memory, before [`Self::lookup`] and [`Self::begin_store`]. Returns at once
    /// if that is nothing.
    pub async fn load(&self, key: &CacheKey) {
        for _ in 0..LOAD_ATTEMPTS {
            let (answer, removals) = {
                let store = self.shared.store.lock();
                let Some(answer) = store.disk().and_then(|disk| disk.request(key)) else {
                    return;
                };
                (answer, store.removals())
            };
            let Ok(Ok(records)) = tokio::time::timeout(LOAD_TIMEOUT, answer).await else {
                return;
            };
            let mut store = self.shared.store.lock();
            // What was removed meanwhile must not come back.
            if store.removals() == removals {
                store.restore(key, records);
                return;
            }
        }
    }

    /// Waits until all changes are in the file, for `limit` at most. Returns whether they are.
    pub fn settle(&self, limit: Duration) -> bool {
        let (done, is_done) = mpsc::channel();
        if let Some(disk) = self.shared.store.lock().disk() {
            disk.settle(move || {
                // Nobody waits any more after the limit.
                let _ = done.send(());
            });
        } else {
            return true;
        }
        is_done.recv_timeout(limit).is_ok()
    }

    /// The stored response for a request, whether it is fresh or not; `None` if there is none, or the request does not want
    /// any.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-4>
    pub fn lookup(&self, request: &CacheRequest<'_>, now: SystemTime) -> Option<StoredResponse> {
        let is_get = *request.method == Method::GET;
        if !is_get && *request.method != Method::HEAD
            || CacheControl::of(request.headers).has("no-store")
        {
            return None;
        }
        let (mut stored, part) = {
            let mut store = self.shared.store.lock();
            let copy = |is_of_url| move |entry: &Entry| (entry.to_response(is_of_url), entry.part);
            store
                .select(request.key, request.headers)
                .map(copy(true))
                .or_else(|| {
                    store
                        .select_equivalent(request.key, request.headers)
                        .map(copy(false))
                })?
        };
        let headers = &stored.head.headers;
        let response_time = stored.response_time;
        stored.age = current_age(headers, stored.request_time, response_time, now);
        stored.freshness = freshness(
            request.headers,
            stored.head.status,
            headers,
            response_time,
            stored.age,
        );
        // Another URL's response is used, but not validated.
        if !stored.is_of_url && stored.freshness == Freshness::MustRevalidate {
            return None;
        }
        if !is_get {
            // A part does not have the length of the whole.
            if part.is_some() {
                return None;
            }
            // https://www.rfc-editor.org/rfc/rfc9110#section-9.3.2
            stored.body = Bytes::new();
            return Some(stored);
        }
        let length = stored.body.len();
        let (requested, first, complete_length) = match part {
            None => (
                requested_part(request.headers, &stored.head, length),
                0,
                length,
            ),
            Some(part) => (
                part.requested_part(request.headers, &stored.head.headers, length),
                part.first,
                part.complete_length,
            ),
        };
        match requested {
            Part::Whole => {},
            // FIXME: What is missing of a part with a strong validator could be asked for by a range request, to complete it
            // (https://www.rfc-editor.org/rfc/rfc9111#section-3.3). The whole is asked for.
            Part::None => return None,
            Part::Bytes(bytes) => {
                let range = first + bytes.start..first + bytes.end;
                make_partial(&mut stored.head, &range, complete_length);
                stored.body = stored.body.slice(bytes);
            },
        }
        Some(stored)
    }

    /// Begins to store a response whose head has arrived; `None` if it is not to be stored. A response that takes the place
    /// of a stored one but is not to be stored removes it.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-3>
    pub fn begin_store(
        &self,
        request: &CacheRequest<'_>,
        head: &ResponseHead,
        request_time: SystemTime,
        response_time: SystemTime,
    ) -> Option<StoreWriter> {
        let content_length = content_length(&head.headers);
        let fits = content_length.is_none_or(|length| length <= self.shared.limits.entry);
        let selecting = storable(request, head.status, &head.headers).filter(|_| fits);
        let Some(selecting) = selecting else {
            if replaces_what_is_stored(request, head.status) {
                self.shared
                    .store
                    .lock()
                    .remove_selected(request.key, request.headers);
            }
            return None;
        };
        let part = (head.status == StatusCode::PARTIAL_CONTENT)
            .then(|| PartialContent::of(request.headers, &head.headers))
            .flatten();
        let mut head = head.clone();
        remove_connection_headers(&mut head.headers);
        Some(StoreWriter {
            number: self.shared.store.lock().begin(request.key),
            shared: Arc::clone(&self.shared),
            key: request.key.clone(),
            head,
            selecting,
            times: (request_time, response_time),
            content_length,
            part,
            may_last: true,
            body: Some(Vec::new()),
        })
    }

    /// What to answer with when the server said by a 304 that `stored` is still good. The entry is updated, too.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-4.3.4>
    pub fn freshen(
        &self,
        request: &CacheRequest<'_>,
        mut stored: StoredResponse,
        not_modified: &HeaderMap,
        request_time: SystemTime,
        response_time: SystemTime,
    ) -> StoredResponse {
        self.shared
            .store
            .lock()
            .update(request.key, stored.id, |entry| {
                // A 304 about another response says nothing good of this one.
                if !is_about(not_modified, &entry.head.headers) {
                    return false;
                }
                update_headers(&mut entry.head.headers, not_modified);
                (entry.request_time, entry.response_time) = (request_time, response_time);
                true
            });
        update_headers(&mut stored.head.headers, not_modified);
        (stored.request_time, stored.response_time) = (request_time, response_time);
        stored.age = current_age(
            &stored.head.headers,
            request_time,
            response_time,
            response_time,
        );
        stored.freshness = Freshness::Fresh;
        stored
    }

    /// Forgets what a successful response (2xx or 3xx) to a request with an unsafe method makes invalid, in the request's
    /// partition.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-4.4>
    pub fn invalidate(&self, key: &CacheKey, response_headers: &HeaderMap) {
        let urls = invalidated_urls(key.url(), response_headers);
        let mut store = self.shared.store.lock();
        for url in &urls {
            store.remove_url(url, key.partition());
        }
    }

    /// Forgets everything, also what is arriving, then calls `done`: at once, or from another thread if there is a file.
    pub fn clear(&self, done: impl FnOnce() + Send + 'static) {
        let mut store = self.shared.store.lock();
        store.remove_keys(|_| true);
        match store.disk() {
            Some(disk) => disk.clear(done),
            None => {
                drop(store);
                done();
            },
        }
    }

    /// Forgets the entries for whose key `predicate` is true, also those that are arriving and those on disk.
    pub fn purge(&self, mut predicate: impl FnMut(&CacheKey) -> bool + Send + 'static) {
        let mut store = self.shared.store.lock();
        store.remove_keys(&mut predicate);
        if let Some(disk) = store.disk() {
            disk.remove_keys(predicate);
        }
    }

    /// Calls `answer` with what is stored, by URL: at once, or from another thread if there is a file.
    pub fn entries(&self, answer: impl FnOnce(Vec<CacheEntryDescriptor>) + Send + 'static) {
        let store = self.shared.store.lock();
        let mut urls: Vec<_> = store.keys().map(|key| key.url().to_string()).collect();
        let finish = move |on_disk: Vec<String>| {
            urls.extend(on_disk);
            urls.sort_unstable();
            urls.dedup();
            answer(urls.into_iter().map(CacheEntryDescriptor::new).collect());
        };
        match store.disk() {
            Some(disk) => disk.urls(finish),
            None => {
                drop(store);
                finish(Vec::new());
            },
        }
    }

    /// The bytes that the cache takes in memory.
    pub fn size_of(&self) -> usize {
        let store = self.shared.store.lock();
        let disk = store.disk().map_or(0, DiskTier::size_of);
        store.size() + disk + self.shared.arriving.load(Ordering::Relaxed)
    }
}

/// Contents stay out of it: they may be secrets.
impl fmt::Debug for HttpCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpCache")
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

/// Whether a response to this request with this status says that what is stored for the request has been replaced. Errors
/// of the server and parts do not say so.
fn replaces_what_is_stored(request: &CacheRequest<'_>, status: StatusCode) -> bool {
    *request.method == Method::GET
        && (status.is_success() || status.is_redirection())
        && !matches!(
            status,
            StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED
        )
        && !CacheControl::of(request.headers).has("no-store")
}
