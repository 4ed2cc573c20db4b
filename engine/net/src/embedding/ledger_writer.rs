//! Writing down what was released, beside the fetches.
//!
//! A page should wait neither for the digest of a body nor for its record and the store's transaction, and the threads of the
//! network should not wait for a disk. So a thread of its own makes them, in the order in which it is told, and for all that it was told within
//! a moment at once: waking it for every body would cost a small fetch more than the work itself.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::task::block_in_place;
use user_cors::{LedgerRecord, UserCors};

/// For how long the thread gathers what it then writes at once. What was released within it may be missing in the ledger when
/// the process is killed.
const GATHERING: Duration = Duration::from_millis(20);

/// How many bytes of bodies are gathered at most, before the thread begins with their digests.
const ENOUGH: usize = 4 << 20;

/// How many bytes of bodies may wait for their digests. A body that is faster than that waits.
const MOST: usize = 16 << 20;

/// One of the bodies that are being released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct BodyId(u64);

/// Makes what is to be written of a body, but for the digest.
type Records = Box<dyn FnOnce() -> Vec<LedgerRecord> + Send>;

/// What the thread is to do.
enum Work {
    /// A body goes on with these bytes.
    Digest(BodyId, Bytes),
    /// A body has ended, and this makes its records.
    Record(BodyId, BodyEnd, Records),
}

/// How a released body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// It was read to its end, so that its digest says what was read.
    Complete,
    /// It broke off, or was not read further.
    Incomplete,
}

/// The ledger's thread, and what it is to do. It starts with the first release.
#[derive(Default)]
pub(crate) struct LedgerWriter {
    queue: Arc<Queue>,
    bodies: AtomicU64,
}

#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// There is something to do, or it is urgent.
    work: Condvar,
    /// Something was done.
    done: Condvar,
}

#[derive(Default)]
struct Waiting {
    work: Vec<Work>,
    /// Bytes of bodies, with those of the work that goes on.
    bytes: usize,
    /// How many pieces of work there were ever, and how many of them are done.
    told: u64,
    done: u64,
    /// Whether somebody waits for it.
    is_urgent: bool,
    thread: Thread,
}

/// What the thread does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Thread {
    #[default]
    NotStarted,
    /// It waits for something to do.
    Idle,
    /// It gathers, or is at work, and looks again when it is done.
    Awake,
}

/// A body that is being released.
pub(crate) struct ReleasedBody {
    id: BodyId,
    queue: Arc<Queue>,
}

impl LedgerWriter {
    /// A body begins to be released.
    pub(crate) fn begin(&self, user_cors: &Arc<UserCors>) -> ReleasedBody {
        let mut waiting = self.queue.waiting.lock();
        if waiting.thread == Thread::NotStarted {
            waiting.thread = start(self.queue.clone(), user_cors.clone());
        }
        ReleasedBody {
            id: BodyId(self.bodies.fetch_add(1, Ordering::Relaxed)),
            queue: self.queue.clone(),
        }
    }

    /// Waits until what was released before this call is in the ledger.
    pub(crate) fn settle(&self) {
        let mut waiting = self.queue.waiting.lock();
        let told = waiting.told;
        while waiting.done < told && waiting.thread != Thread::NotStarted {
            waiting.is_urgent = true;
            self.queue.work.notify_one();
            self.queue.done.wait(&mut waiting);
        }
    }
}

impl ReleasedBody {
    /// The body goes on with these bytes.
    pub(crate) fn digest(&self, chunk: Bytes) {
        let mut waiting = self.queue.waiting.lock();
        if waiting.bytes >= MOST {
            drop(waiting);
            block_in_place(|| self.queue.wait_for_room());
            waiting = self.queue.waiting.lock();
        }
        self.queue.tell(waiting, Work::Digest(self.id, chunk));
    }

    /// The body has ended, and `records` makes what is to be written of it, but for the digest.
    pub(crate) fn end(
        &self,
        end: BodyEnd,
        records: impl FnOnce() -> Vec<LedgerRecord> + Send + 'static,
    ) {
        let work = Work::Record(self.id, end, Box::new(records));
        self.queue.tell(self.queue.waiting.lock(), work);
    }
}

impl Queue {
    fn tell(&self, mut waiting: MutexGuard<'_, Waiting>, work: Work) {
        if waiting.thread == Thread::NotStarted {
            return;
        }
        if let Work::Digest(_, chunk) = &work {
            waiting.bytes += chunk.len();
        }
        waiting.work.push(work);
        waiting.told += 1;
        if waiting.bytes >= ENOUGH {
            waiting.is_urgent = true;
        }
        let must_wake = waiting.thread == Thread::Idle || waiting.is_urgent;
        drop(waiting);
        if must_wake {
            self.work.notify_one();
        }
    }

    fn wait_for_room(&self) {
        let mut waiting = self.waiting.lock();
        while waiting.bytes >= MOST && waiting.thread != Thread::NotStarted {
            self.done.wait(&mut waiting);
        }
    }

    /// Waits for work, and for more of it to come.
    fn gather(&self) -> Vec<Work> {
        let mut waiting = self.waiting.lock();
        while waiting.work.is_empty() {
            waiting.is_urgent = false;
            waiting.thread = Thread::Idle;
            self.work.wait(&mut waiting);
        }
        waiting.thread = Thread::Awake;
        let until = Instant::now() + GATHERING;
        while !waiting.is_urgent && !self.work.wait_until(&mut waiting, until).timed_out() {}
        waiting.is_urgent = false;
        mem::take(&mut waiting.work)
    }

    fn finished(&self, pieces: u64, bytes: usize) {
        let mut waiting = self.waiting.lock();
        waiting.done += pieces;
        waiting.bytes -= bytes;
        self.done.notify_all();
    }
}

fn start(queue: Arc<Queue>, user_cors: Arc<UserCors>) -> Thread {
    let started = thread::Builder::new()
        .name("Ledger".to_owned())
        .spawn(move || run(&queue, &user_cors));
    match started {
        Ok(_) => Thread::Awake,
        Err(error) => {
            log::error!("nothing can be written to the ledger: {error}");
            Thread::NotStarted
        },
    }
}

/// The thread is there for as long as this is.
struct Alive<'a>(&'a Queue);

impl Drop for Alive<'_> {
    /// NB: the thread ends with the process. Should it ever end before, nobody is to wait for it, and the next release starts
    /// another one.
    fn drop(&mut self) {
        let mut waiting = self.0.waiting.lock();
        waiting.thread = Thread::NotStarted;
        waiting.work.clear();
        waiting.bytes = 0;
        waiting.done = waiting.told;
        self.0.done.notify_all();
    }
}

/// The thread.
fn run(queue: &Queue, user_cors: &UserCors) {
    let _alive = Alive(queue);
    let mut digests: HashMap<BodyId, Context> = HashMap::new();
    loop {
        let (mut pieces, mut bytes, mut records) = (0, 0, Vec::new());
        for work in queue.gather() {
            pieces += 1;
            match work {
                Work::Digest(id, chunk) => {
                    let digest = digests.entry(id).or_insert_with(|| Context::new(&SHA256));
                    digest.update(&chunk);
                    bytes += chunk.len();
                },
                Work::Record(id, end, ended) => {
                    let digest = digests.remove(&id);
                    let digest = match end {
                        BodyEnd::Complete => {
                            let digest = digest.unwrap_or_else(|| Context::new(&SHA256)).finish();
                            <[u8; 32]>::try_from(digest.as_ref()).ok()
                        },
                        BodyEnd::Incomplete => None,
                    };
                    let ended = ended().into_iter();
                    records.extend(ended.map(|record| LedgerRecord { digest, ..record }));
                },
            }
        }
        if let Err(error) = user_cors.record(&records) {
            log::error!("releases could not be written to the ledger: {error}");
        }
        queue.finished(pieces, bytes);
    }
}

#[cfg(test)]
mod tests {
    use user_cors::{
        LedgerBasis, LedgerQuery, PermissionKey, PermissionStore, Timestamp, TupleOrigin,
    };

    use super::*;

    fn model() -> Arc<UserCors> {
        Arc::new(UserCors::new(PermissionStore::in_memory().unwrap()))
    }

    fn record(path: &str) -> LedgerRecord {
        let requester = TupleOrigin::parse("https://app.example").unwrap();
        LedgerRecord {
            time: Timestamp::from_millis(1),
            key: PermissionKey {
                top_level_site: requester.site(),
                target: TupleOrigin::parse("https://api.example").unwrap(),
                requester,
            },
            path: path.to_owned(),
            method: "GET".to_owned(),
            status: 200,
            bytes: 0,
            digest: None,
            peer: None,
            basis: LedgerBasis::Policy,
        }
    }

    /// What is in the ledger, oldest first.
    fn written(model: &UserCors) -> Vec<(String, Option<[u8; 32]>)> {
        let page = model.ledger(&LedgerQuery::default(), 100_000).unwrap();
        let records = page.records.into_iter().rev();
        records.map(|record| (record.path, record.digest)).collect()
    }

    fn digest_of(bytes: &[u8]) -> Option<[u8; 32]> {
        let digest = aws_lc_rs::digest::digest(&SHA256, bytes);
        digest.as_ref().try_into().ok()
    }

    #[test]
    fn bodies_at_the_same_time_have_digests_of_their_own() {
        let (writer, model) = (LedgerWriter::default(), model());
        let (one, two, none) = (
            writer.begin(&model),
            writer.begin(&model),
            writer.begin(&model),
        );
        one.digest(Bytes::from_static(b"first "));
        two.digest(Bytes::from_static(b"other"));
        one.digest(Bytes::from_static(b"body"));
        one.end(BodyEnd::Complete, || vec![record("/one")]);
        none.end(BodyEnd::Complete, || vec![record("/none")]);
        two.end(BodyEnd::Incomplete, || vec![record("/two")]);
        writer.settle();
        assert_eq!(
            written(&model),
            [
                ("/one".to_owned(), digest_of(b"first body")),
                ("/none".to_owned(), digest_of(b"")),
                ("/two".to_owned(), None),
            ]
        );
    }

    #[test]
    fn whoever_settles_sees_what_was_released_before() {
        let (writer, model) = (LedgerWriter::default(), model());
        // There is nothing to wait for.
        writer.settle();
        for count in 1..=50 {
            let body = writer.begin(&model);
            body.end(BodyEnd::Complete, || vec![record("/a"), record("/b")]);
            writer.settle();
            assert_eq!(written(&model).len(), count * 2);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_body_that_is_faster_than_its_digest_waits() {
        let (writer, model) = (LedgerWriter::default(), model());
        let body = writer.begin(&model);
        let mut whole = Context::new(&SHA256);
        for byte in 0..100_u8 {
            let chunk = Bytes::from(vec![byte; 1 << 20]);
            whole.update(&chunk);
            body.digest(chunk);
            assert!(writer.queue.waiting.lock().bytes <= MOST + (1 << 20));
        }
        body.end(BodyEnd::Complete, || vec![record("/large")]);
        writer.settle();
        let [(_, digest)] = written(&model).try_into().unwrap();
        assert_eq!(
            digest.as_ref().map(<[u8; 32]>::as_slice),
            Some(whole.finish().as_ref())
        );
        assert_eq!(writer.queue.waiting.lock().bytes, 0);
    }

    #[test]
    fn nobody_waits_for_a_thread_that_has_ended() {
        let (writer, model) = (Arc::new(LedgerWriter::default()), model());
        writer.queue.waiting.lock().thread = Thread::Awake;
        let body = writer.begin(&model);
        body.digest(Bytes::from_static(b"lost"));
        let waiting = {
            let writer = writer.clone();
            thread::spawn(move || writer.settle())
        };
        drop(Alive(&writer.queue));
        waiting.join().unwrap();
        let body = writer.begin(&model);
        body.end(BodyEnd::Complete, || vec![record("/after")]);
        writer.settle();
        assert_eq!(written(&model).len(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn many_threads_tell_and_settle() {
        let (writer, model) = (Arc::new(LedgerWriter::default()), model());
        let threads = (0..8).map(|of| {
            let (writer, model) = (writer.clone(), model.clone());
            thread::spawn(move || {
                for count in 0..50 {
                    let body = writer.begin(&model);
                    body.digest(Bytes::from(vec![of; 1000]));
                    body.end(BodyEnd::Complete, move || {
                        vec![record(&format!("/{of}/{count}"))]
                    });
                    if count % 7 == 0 {
                        writer.settle();
                    }
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        writer.settle();
        let written = written(&model);
        assert_eq!(written.len(), 400);
        for (path, digest) in written {
            let of: u8 = path.split('/').nth(1).unwrap().parse().unwrap();
            assert_eq!(digest, digest_of(&vec![of; 1000]), "{path}");
        }
    }
}
