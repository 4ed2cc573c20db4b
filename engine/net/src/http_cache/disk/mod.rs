//! The HTTP cache's disk tier: what the memory tier holds, kept in the profile from one run of the browser to the next.
//!
//! The memory tier decides everything. It tells this one of each change, in order, and a worker thread writes the changes
//! down; when a request comes for a key of which the disk may know more, the responses of that key are read back. Nobody
//! waits for the disk but a fetch that looks its own key up.
//!
//! `record` is what is written, `database` the SQLite file, `worker` the thread. On disk goes no more than the memory tier
//! stores, and less: nothing of anonymous requests, of requests with `Authorization`, of connections whose certificate
//! was accepted by hand, nothing that says `no-store`, and no `Set-Cookie`. Of request headers that select a response only
//! digests are kept.
//!
//! The file is a cache: one that is damaged, or written by a newer version, is deleted and begun anew. So is one that
//! cannot be written to, since it may hold what should be gone.

mod database;
mod record;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crossbeam_channel::Sender;
use log::error;
use parking_lot::Mutex;
use servo_url::ServoUrl;
use tokio::sync::oneshot;

use self::record::KeyDigest;
pub(super) use self::record::{Record, may_last};
use self::worker::{Command, Worker};
use super::key::CacheKey;
use super::vary::SelectingHeaders;
use crate::connection::NetworkPartitionKey;

/// How many bytes of bodies may wait to be written. What comes when they are that many stays in memory only.
const PENDING_LIMIT: usize = 32 << 20;

/// How much of the disk the cache may take, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct DiskLimits {
    /// All stored responses together. SQLite's own pages come on top, some percent of it.
    pub total: u64,
    /// The body of one response.
    pub entry: usize,
}

impl Default for DiskLimits {
    fn default() -> Self {
        Self {
            total: 256 << 20,
            entry: 8 << 20,
        }
    }
}

/// The memory tier's way to the disk. Its worker ends when it is dropped, after it has written what was told before.
pub(super) struct DiskTier {
    commands: Sender<Command>,
    shared: Arc<Shared>,
    limits: DiskLimits,
}

/// What the handle and the worker have in common.
struct Shared {
    index: Mutex<Index>,
    /// The bytes of bodies that wait to be written.
    pending: AtomicUsize,
}

/// Of which keys the disk may hold responses that are not in memory.
struct Index {
    state: IndexState,
    /// Some of them may be gone.
    keys: HashSet<KeyDigest>,
}

/// What is known of the file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IndexState {
    /// It has not been read yet, and may hold responses of any key.
    Opening,
    /// It holds responses of no other keys.
    Open,
    /// There is none.
    Off,
}

impl DiskTier {
    /// Starts the worker on the file at `path`, which is made if it does not exist. `None`, and a word in the log, if the
    /// operating system gives no thread.
    pub(super) fn start(path: &Path, limits: DiskLimits) -> Option<Self> {
        let shared = Arc::new(Shared {
            index: Mutex::new(Index {
                state: IndexState::Opening,
                keys: HashSet::new(),
            }),
            pending: AtomicUsize::new(0),
        });
        let (commands, received) = crossbeam_channel::unbounded();
        let worker = Worker::new(path.to_owned(), limits, Arc::clone(&shared), received);
        thread::Builder::new()
            .name("HttpCache".to_owned())
            .spawn(move || worker.run())
            .inspect_err(|error| error!("the HTTP cache stays in memory: {error}"))
            .ok()?;
        Some(Self {
            commands,
            shared,
            limits,
        })
    }

    /// Whether there is a file, as far as is known.
    fn is_on(&self) -> bool {
        self.shared.index.lock().state != IndexState::Off
    }

    fn tell(&self, command: Command) {
        // The worker goes after this handle.
        let _ = self.commands.send(command);
    }

    /// Writes a response in the place of what the same requests select, or only removes that if this one may not be
    /// written or too much is waiting already.
    pub(super) fn put(&self, record: Record, lasts: bool) {
        if !self.is_on() {
            return;
        }
        let length = record.body.len();
        let fits = lasts
            && length <= self.limits.entry
            && self.shared.pending.load(Ordering::Relaxed) + length <= PENDING_LIMIT;
        if fits {
            self.shared.pending.fetch_add(length, Ordering::Relaxed);
            self.tell(Command::Put(Box::new(record)));
        } else {
            let selecting = record.selecting;
            self.remove(&record.key, move |other| *other == selecting);
        }
    }

    /// Writes the head and times of a response that has been written before; its body is left as it is.
    pub(super) fn update(&self, record: Record) {
        if self.is_on() {
            self.tell(Command::Update(Box::new(record)));
        }
    }

    /// Removes responses of a key.
    pub(super) fn remove(
        &self,
        key: &CacheKey,
        condition: impl Fn(&SelectingHeaders) -> bool + Send + 'static,
    ) {
        if self.is_on() {
            self.tell(Command::Remove(key.clone(), Box::new(condition)));
        }
    }

    /// Removes what may answer a request for `url` in a partition.
    pub(super) fn remove_url(&self, partition: &NetworkPartitionKey, url: &ServoUrl) {
        if self.is_on() {
            self.tell(Command::RemoveUrl(partition.clone(), url.clone()));
        }
    }

    /// Removes whole keys.
    pub(super) fn remove_keys(&self, condition: impl FnMut(&CacheKey) -> bool + Send + 'static) {
        if self.is_on() {
            self.tell(Command::RemoveKeys(Box::new(condition)));
        }
    }

    /// Removes everything, then calls `done`, on the worker's thread.
    pub(super) fn clear(&self, done: impl FnOnce() + Send + 'static) {
        self.tell(Command::Clear);
        self.settle(done);
    }

    /// Notes that the responses of a key were used.
    pub(super) fn touch(&self, key: &CacheKey) {
        if self.is_on() {
            self.tell(Command::Touch(KeyDigest::of(key)));
        }
    }

    /// Calls `answer` with the URLs of what is stored, on the worker's thread.
    pub(super) fn urls(&self, answer: impl FnOnce(Vec<String>) + Send + 'static) {
        self.tell(Command::Urls(Box::new(answer)));
    }

    /// Calls `done` when all that was told before is in the file, on the worker's thread.
    pub(super) fn settle(&self, done: impl FnOnce() + Send + 'static) {
        self.tell(Command::Settle(Box::new(done)));
    }

    /// Asks for what the disk holds for a key, and for keys that may be equivalent; `None` if that is nothing beyond what
    /// is in memory.
    pub(super) fn request(&self, key: &CacheKey) -> Option<oneshot::Receiver<Vec<Record>>> {
        let wanted = {
            let index = self.shared.index.lock();
            match index.state {
                IndexState::Opening => true,
                IndexState::Open => {
                    index.keys.contains(&KeyDigest::of(key))
                        || index.keys.contains(&KeyDigest::of_equivalents(key))
                },
                IndexState::Off => false,
            }
        };
        if !wanted {
            return None;
        }
        let (reply, answer) = oneshot::channel();
        self.tell(Command::Load(key.clone(), reply));
        Some(answer)
    }

    /// Notes that all that the disk holds for a key is in memory.
    pub(super) fn is_loaded(&self, key: &CacheKey) {
        let mut index = self.shared.index.lock();
        index.keys.remove(&KeyDigest::of(key));
        index.keys.remove(&KeyDigest::of_equivalents(key));
    }

    /// Notes that a response has left the memory, which the disk may have.
    pub(super) fn is_evicted(&self, key: &CacheKey, has_equivalents: bool) {
        let mut index = self.shared.index.lock();
        if index.state == IndexState::Off {
            return;
        }
        index.keys.insert(KeyDigest::of(key));
        if has_equivalents {
            index.keys.insert(KeyDigest::of_equivalents(key));
        }
    }

    /// The bytes that this tier takes in memory: its index, and what waits to be written. SQLite's page cache, of 2 MB at
    /// most, is not counted.
    pub(super) fn size_of(&self) -> usize {
        let index = self.shared.index.lock().keys.capacity() * size_of::<KeyDigest>();
        index + self.shared.pending.load(Ordering::Relaxed)
    }
}
