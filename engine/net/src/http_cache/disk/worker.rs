//! The thread that reads and writes the disk tier's file.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crossbeam_channel::Receiver;
use log::{error, warn};
use servo_url::ServoUrl;
use tokio::sync::oneshot;

use super::database::{Database, DatabaseError, delete};
use super::record::{KeyDigest, Record};
use super::{DiskLimits, IndexState, Shared};
use crate::connection::NetworkPartitionKey;
use crate::http_cache::key::CacheKey;
use crate::http_cache::vary::SelectingHeaders;

/// How many commands share a transaction.
const BATCH_COMMANDS: usize = 256;
/// How many bytes of bodies share a transaction.
const BATCH_BYTES: usize = 8 << 20;

/// What the memory tier tells the disk, in the order in which it happened.
pub(super) enum Command {
    /// A response was stored.
    Put(Box<Record>),
    /// The head and times of a stored response have changed.
    Update(Box<Record>),
    /// These responses of a key were removed.
    Remove(CacheKey, Box<dyn Fn(&SelectingHeaders) -> bool + Send>),
    /// What may answer requests for a URL was removed from a partition.
    RemoveUrl(NetworkPartitionKey, ServoUrl),
    /// These keys were removed.
    RemoveKeys(Box<dyn FnMut(&CacheKey) -> bool + Send>),
    /// Everything was removed.
    Clear,
    /// The responses of a key were used.
    Touch(KeyDigest),
    /// What is there for a key?
    Load(CacheKey, oneshot::Sender<Vec<Record>>),
    /// Which URLs are there?
    Urls(Box<dyn FnOnce(Vec<String>) + Send>),
    /// Call this when all that came before is in the file.
    Settle(Box<dyn FnOnce() + Send>),
}

/// The thread's state.
pub(super) struct Worker {
    path: PathBuf,
    limits: DiskLimits,
    shared: Arc<Shared>,
    commands: Receiver<Command>,
    /// `None` if there is no file.
    database: Option<Database>,
    /// To be called after the next commit.
    settled: Vec<Box<dyn FnOnce() + Send>>,
}

impl Worker {
    pub(super) fn new(
        path: PathBuf,
        limits: DiskLimits,
        shared: Arc<Shared>,
        commands: Receiver<Command>,
    ) -> Self {
        Self {
            path,
            limits,
            shared,
            commands,
            database: None,
            settled: Vec::new(),
        }
    }

    /// Works until the handle is gone.
    pub(super) fn run(mut self) {
        self.open();
        while let Ok(first) = self.commands.recv() {
            let (mut count, mut bytes) = (0, 0);
            let mut next = Some(first);
            while let Some(command) = next.take() {
                count += 1;
                if let Command::Put(record) = &command {
                    bytes += record.body.len();
                }
                if let Err(error) = self.obey(command) {
                    self.begin_anew(&error);
                }
                if count < BATCH_COMMANDS && bytes < BATCH_BYTES {
                    next = self.commands.try_recv().ok();
                }
            }
            if let Err(error) = self.database.as_mut().map_or(Ok(()), Database::commit) {
                self.begin_anew(&error);
            }
            for settled in self.settled.drain(..) {
                settled();
            }
        }
    }

    fn open(&mut self) {
        let opened = Database::open_or_begin_anew(&self.path, self.limits)
            .and_then(|database| Ok((database.index()?, database)));
        let mut index = self.shared.index.lock();
        match opened {
            Ok((keys, database)) => {
                self.database = Some(database);
                index.keys.extend(keys);
                index.state = IndexState::Open;
            },
            Err(error) => {
                error!(
                    "the HTTP cache stays in memory, since {} cannot be used: {}",
                    self.path.display(),
                    chain(&error)
                );
                index.keys.clear();
                index.state = IndexState::Off;
            },
        }
    }

    /// Deletes the file and makes a new one. What could not be written may have been a removal, so nothing of the old one
    /// must stay.
    fn begin_anew(&mut self, error: &DatabaseError) {
        warn!("the HTTP cache on disk is begun anew: {}", chain(error));
        self.delete();
    }

    fn delete(&mut self) {
        self.database = None;
        match delete(&self.path) {
            Ok(()) => self.open(),
            Err(error) => {
                error!(
                    "the HTTP cache stays in memory; delete {} yourself: {error}",
                    self.path.display()
                );
                self.shared.index.lock().state = IndexState::Off;
            },
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), DatabaseError> {
        if let Command::Put(record) = &command {
            self.shared
                .pending
                .fetch_sub(record.body.len(), Ordering::Relaxed);
        }
        let Some(database) = &mut self.database else {
            match command {
                Command::Load(_, reply) => {
                    // The fetch may have ended.
                    let _ = reply.send(Vec::new());
                },
                Command::Urls(answer) => answer(Vec::new()),
                Command::Settle(done) => self.settled.push(done),
                _ => {},
            }
            return Ok(());
        };
        match command {
            Command::Put(record) => database.put(&record),
            Command::Update(record) => database.update(&record),
            Command::Remove(key, condition) => database.remove(&key, &condition),
            Command::RemoveUrl(partition, url) => database.remove_url(&partition, &url),
            Command::RemoveKeys(mut condition) => database.remove_keys(&mut condition),
            Command::Clear => {
                self.delete();
                Ok(())
            },
            Command::Touch(key) => database.touch(key),
            Command::Load(key, reply) => {
                let loaded = database.load(&key);
                let (records, result) = match loaded {
                    Ok(records) => (records, Ok(())),
                    Err(error) => (Vec::new(), Err(error)),
                };
                // The fetch may have ended.
                let _ = reply.send(records);
                result
            },
            Command::Urls(answer) => {
                let (urls, result) = match database.urls() {
                    Ok(urls) => (urls, Ok(())),
                    Err(error) => (Vec::new(), Err(error)),
                };
                answer(urls);
                result
            },
            Command::Settle(done) => {
                self.settled.push(done);
                Ok(())
            },
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
