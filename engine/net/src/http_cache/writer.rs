//! A response on its way into the cache.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use bytes::Bytes;

use super::cache::Shared;
use super::disk::Record;
use super::key::CacheKey;
use super::range::PartialContent;
use super::stored_response::ResponseHead;
use super::vary::SelectingHeaders;

/// Takes a response's body as it passes. [`Self::finish`] stores the response; without it, nothing is stored.
///
/// What is too large is given up silently, so that the body's reader is not disturbed.
#[must_use = "dropping it discards the response"]
pub struct StoreWriter {
    pub(super) shared: Arc<Shared>,
    /// The store's number for this writer.
    pub(super) number: u64,
    pub(super) key: CacheKey,
    pub(super) head: ResponseHead,
    pub(super) selecting: SelectingHeaders,
    pub(super) times: (SystemTime, SystemTime),
    /// The length that the response states, in bytes.
    pub(super) content_length: Option<usize>,
    /// The part that a 206 says it is.
    pub(super) part: Option<PartialContent>,
    /// Whether the response may go on disk.
    pub(super) may_last: bool,
    /// `None` once the writer has given up.
    pub(super) body: Option<Vec<u8>>,
}

impl StoreWriter {
    /// Keeps the response off the disk.
    pub fn keep_in_memory(&mut self) {
        self.may_last = false;
    }

    /// Takes the next piece of the body, as it was transferred.
    pub fn write(&mut self, chunk: &Bytes) {
        let Some(body) = &mut self.body else { return };
        let limits = &self.shared.limits;
        let arriving = self
            .shared
            .arriving
            .fetch_add(chunk.len(), Ordering::Relaxed);
        body.extend_from_slice(chunk);
        // Responses that arrive at the same time have a quarter of the budget.
        if body.len() > limits.entry || arriving + chunk.len() > limits.total / 4 {
            self.give_up();
        }
    }

    /// Stores the response. The body has been written completely.
    pub fn finish(mut self) {
        let Some(body) = self.body.take() else { return };
        self.shared
            .arriving
            .fetch_sub(body.len(), Ordering::Relaxed);
        if self
            .content_length
            .is_some_and(|length| length != body.len())
        {
            return;
        }
        // A part that is shorter than its range has to be framed as such, or it may have been cut off.
        if self.part.is_some_and(|part| {
            body.is_empty()
                || body.len() > part.length
                || body.len() < part.length && self.content_length.is_none()
        }) {
            return;
        }
        // A slice in a box has no room to spare.
        let body = Bytes::from(body.into_boxed_slice());
        let mut store = self.shared.store.lock();
        if store.end(self.number) {
            let record = Record {
                key: self.key.clone(),
                selecting: self.selecting.clone(),
                head: self.head.clone(),
                body,
                part: self.part,
                times: self.times,
            };
            store.insert(record, self.may_last);
        }
    }

    fn give_up(&mut self) {
        if let Some(body) = self.body.take() {
            self.shared
                .arriving
                .fetch_sub(body.len(), Ordering::Relaxed);
        }
    }
}

impl Drop for StoreWriter {
    fn drop(&mut self) {
        self.give_up();
        self.shared.store.lock().end(self.number);
    }
}

impl fmt::Debug for StoreWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreWriter").finish_non_exhaustive()
    }
}
