//! The HTTP cache as [`crate::fetch`] sees it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use net_traits::CacheEntryDescriptor;
use parking_lot::Mutex;

use super::cache_control::CacheControl;
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

/// An HTTP cache. Clones share what is stored.
///
/// No method blocks for longer than it takes to copy headers, so all of them can be called from async code.
#[derive(Clone, Default)]
pub struct HttpCache {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) limits: CacheLimits,
    pub(super) store: Mutex<Store>,
    /// The bytes that writers hold.
    pub(super) arriving: AtomicUsize,
}

impl Default for Shared {
    fn default() -> Self {
        Self::new(CacheLimits::default())
    }
}

impl Shared {
    fn new(limits: CacheLimits) -> Self {
        Self {
            limits,
            store: Mutex::new(Store::new(limits)),
            arriving: AtomicUsize::new(0),
        }
    }
}

impl HttpCache {
    /// An empty cache.
    pub fn new(limits: CacheLimits) -> Self {
        Self {
            shared: Arc::new(Shared::new(limits)),
        }
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
                let mut store = self.shared.store.lock();
                store.remove_of_key(request.key, |entry| {
                    entry.selecting.match_request(request.headers)
                });
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
            store.remove_url(url, |stored| stored.partition() == key.partition());
        }
    }

    /// Forgets everything, also what is arriving.
    pub fn clear(&self) {
        self.purge(|_| true);
    }

    /// Forgets the entries for whose key `predicate` is true, also those that are arriving.
    pub fn purge(&self, predicate: impl FnMut(&CacheKey) -> bool) {
        self.shared.store.lock().remove_keys(predicate);
    }

    /// What is stored, by URL.
    pub fn entries(&self) -> Vec<CacheEntryDescriptor> {
        let store = self.shared.store.lock();
        let mut urls: Vec<_> = store.keys().map(|key| key.url().to_string()).collect();
        drop(store);
        urls.sort_unstable();
        urls.dedup();
        urls.into_iter().map(CacheEntryDescriptor::new).collect()
    }

    /// The bytes that the cache takes in memory.
    pub fn size_of(&self) -> usize {
        self.shared.store.lock().size() + self.shared.arriving.load(Ordering::Relaxed)
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
