//! The [connection pool](https://fetch.spec.whatwg.org/#concept-connection-pool): what is open, and who may use it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use http::HeaderMap;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::runtime::Handle;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use super::error::ConnectionError;
use super::exchange::HttpVersion;
use super::http_connection::{ConnectionFacts, Http1Connection, Http2Connection, Way};
use super::key::ConnectionKey;

/// How many connections of HTTP/1.1 one key has.
const HTTP1_CONNECTIONS: usize = 6;

/// How many unused connections of HTTP/1.1 are kept.
const IDLE_CONNECTIONS: usize = 256;

/// How long an unused connection is kept.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// How often unused connections are looked through.
const REAP_INTERVAL: Duration = Duration::from_secs(5);

/// How long a connection whose response is complete may take until it can be used again: until its request has been sent.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

/// The open connections.
pub(super) struct Pool {
    shelves: Mutex<Shelves>,
    /// One for each connection that may be open beside those that are.
    places: Arc<Semaphore>,
}

#[derive(Default)]
struct Shelves {
    by_key: FxHashMap<ConnectionKey, Shelf>,
    /// Whether the task that closes unused connections runs.
    reaping: bool,
}

/// The connections of one key.
#[derive(Default)]
struct Shelf {
    /// The one used last is at the end.
    idle: Vec<Idle>,
    http2: Option<Arc<Http2Connection>>,
    /// What the server spoke last; until that is known, one request goes ahead.
    version: Option<HttpVersion>,
    failure: Option<(Instant, ConnectionError)>,
    gate: Gate,
}

/// Where requests of one key wait for each other.
#[derive(Clone)]
struct Gate {
    /// Permits for connections of HTTP/1.1; given out in the order in which they were asked for.
    slots: Arc<Semaphore>,
    /// Held by the request that finds out which version of HTTP the server speaks.
    vanguard: Arc<AsyncMutex<()>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(HTTP1_CONNECTIONS)),
            vanguard: Arc::default(),
        }
    }
}

/// A request's place among those that wait for a connection of one key.
pub(super) struct Waiting {
    /// `None` only while this is dropped.
    gate: Option<Gate>,
    pool: Arc<Pool>,
    key: ConnectionKey,
}

impl Waiting {
    /// Waits for the turn to use a connection of HTTP/1.1.
    pub(super) async fn slot(&self) -> Result<OwnedSemaphorePermit, ConnectionError> {
        let gate = self.gate.as_ref().ok_or(ConnectionError::Cancelled)?;
        Arc::clone(&gate.slots)
            .acquire_owned()
            .await
            .map_err(|_| ConnectionError::Cancelled)
    }

    /// Waits for the turn to find out which version of HTTP the server speaks.
    pub(super) async fn vanguard(&self) -> Result<OwnedMutexGuard<()>, ConnectionError> {
        let gate = self.gate.as_ref().ok_or(ConnectionError::Cancelled)?;
        Ok(Arc::clone(&gate.vanguard).lock_owned().await)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.gate = None;
        self.pool.prune(&self.key);
    }
}

struct Idle {
    connection: Http1Connection,
    since: Instant,
}

impl Shelf {
    /// Whether nothing is lost without it.
    fn is_forgettable(&self) -> bool {
        self.idle.is_empty()
            && self.http2.is_none()
            && Arc::strong_count(&self.gate.slots) == 1
            && Arc::strong_count(&self.gate.vanguard) == 1
    }

    /// Since when the connection that was unused for longest is unused; `None` if there is none.
    fn unused_since(&self) -> Option<Instant> {
        let http1 = self.idle.first().map(|idle| idle.since);
        let http2 = self
            .http2
            .as_ref()
            .filter(|connection| Arc::strong_count(connection) == 1)
            .map(|connection| connection.last_used());
        http1.into_iter().chain(http2).min()
    }
}

impl Pool {
    /// An empty pool. `places` has a permit for each connection that may still be opened.
    pub(super) fn new(places: Arc<Semaphore>) -> Arc<Self> {
        Arc::new(Self {
            shelves: Mutex::default(),
            places,
        })
    }

    /// Makes sure that the next connection can be opened, if only connections that nobody uses are in its way.
    pub(super) fn make_place(&self) {
        if self.places.available_permits() == 0 {
            let oldest = self.shelves.lock().take_oldest();
            drop(oldest);
        }
    }

    /// A place among those that wait for a connection of `key`.
    pub(super) fn wait(self: &Arc<Self>, key: &ConnectionKey) -> Waiting {
        let gate = {
            let mut shelves = self.shelves.lock();
            shelves.by_key.entry(key.clone()).or_default().gate.clone()
        };
        Waiting {
            gate: Some(gate),
            pool: Arc::clone(self),
            key: key.clone(),
        }
    }

    /// Which version of HTTP the server of `key` spoke last, if that is known.
    pub(super) fn version(&self, key: &ConnectionKey) -> Option<HttpVersion> {
        self.shelves.lock().by_key.get(key)?.version
    }

    /// Remembers which version of HTTP the server of `key` speaks.
    pub(super) fn set_version(&self, key: &ConnectionKey, version: HttpVersion) {
        let mut shelves = self.shelves.lock();
        let shelf = shelves.by_key.entry(key.clone()).or_default();
        shelf.version = Some(version);
        shelf.failure = None;
    }

    /// Tells the requests that wait for a connection of `key` that there is none.
    pub(super) fn set_failure(&self, key: &ConnectionKey, error: &ConnectionError) {
        let mut shelves = self.shelves.lock();
        if let Some(shelf) = shelves.by_key.get_mut(key) {
            shelf.failure = Some((Instant::now(), error.clone()));
        }
    }

    /// Why there was no connection of `key` at some time after `began`.
    pub(super) fn failure_since(
        &self,
        key: &ConnectionKey,
        began: Instant,
    ) -> Option<ConnectionError> {
        let shelves = self.shelves.lock();
        let (at, error) = shelves.by_key.get(key)?.failure.as_ref()?;
        (*at >= began).then(|| error.clone())
    }

    /// The connection of HTTP/2 that requests of `key` share.
    pub(super) fn http2(&self, key: &ConnectionKey, way: &Way<'_>) -> Option<Arc<Http2Connection>> {
        let mut shelves = self.shelves.lock();
        let slot = &mut shelves.by_key.get_mut(key)?.http2;
        if slot
            .as_ref()
            .is_some_and(|connection| connection.is_closed())
        {
            *slot = None;
        }
        slot.clone().filter(|connection| connection.facts.goes(way))
    }

    /// Shares a connection with later requests of `key`.
    pub(super) fn share_http2(
        self: &Arc<Self>,
        key: &ConnectionKey,
        connection: &Arc<Http2Connection>,
    ) {
        let mut shelves = self.shelves.lock();
        let shelf = shelves.by_key.entry(key.clone()).or_default();
        shelf.http2 = Some(Arc::clone(connection));
        shelf.version = Some(HttpVersion::Http2);
        shelf.failure = None;
        self.reap_later(&mut shelves, &Handle::current());
    }

    /// Stops sharing a connection.
    pub(super) fn retire_http2(&self, key: &ConnectionKey, connection: &Arc<Http2Connection>) {
        let mut shelves = self.shelves.lock();
        if let Some(shelf) = shelves.by_key.get_mut(key)
            && shelf
                .http2
                .as_ref()
                .is_some_and(|shared| Arc::ptr_eq(shared, connection))
        {
            shelf.http2 = None;
        }
    }

    /// Takes the unused connection of `key` that was used last.
    pub(super) fn take_idle(&self, key: &ConnectionKey, way: &Way<'_>) -> Option<Http1Connection> {
        let mut shelves = self.shelves.lock();
        let idle = &mut shelves.by_key.get_mut(key)?.idle;
        idle.retain(|idle| idle.connection.is_ready());
        let index = idle
            .iter()
            .rposition(|idle| idle.connection.facts.goes(way))?;
        Some(idle.remove(index).connection)
    }

    fn put_idle(self: &Arc<Self>, key: &ConnectionKey, connection: Http1Connection) {
        // Someone may be waiting to open another connection, and would not learn of this one.
        if self.places.available_permits() == 0 {
            return;
        }
        let runtime = connection.runtime();
        let mut shelves = self.shelves.lock();
        let shelf = shelves.by_key.entry(key.clone()).or_default();
        shelf.idle.push(Idle {
            connection,
            since: Instant::now(),
        });
        let surplus = if shelf.idle.len() > HTTP1_CONNECTIONS {
            Some(Closed::Http1(shelf.idle.remove(0)))
        } else if shelves.idle_count() > IDLE_CONNECTIONS {
            shelves.take_oldest()
        } else {
            None
        };
        self.reap_later(&mut shelves, &runtime);
        drop(shelves);
        drop(surplus);
    }

    /// Closes all unused connections, and stops sharing those in use.
    pub(super) fn close_idle(&self) {
        let mut closed = Vec::new();
        let mut shelves = self.shelves.lock();
        for shelf in shelves.by_key.values_mut() {
            closed.extend(shelf.http2.take().map(Closed::Http2));
            closed.extend(shelf.idle.drain(..).map(Closed::Http1));
            shelf.version = None;
        }
        shelves.by_key.retain(|_, shelf| !shelf.is_forgettable());
        drop(shelves);
        drop(closed);
    }

    /// Forgets what is known of `key` if nothing is open or waited for.
    fn prune(&self, key: &ConnectionKey) {
        let mut shelves = self.shelves.lock();
        if shelves.by_key.get(key).is_some_and(Shelf::is_forgettable) {
            shelves.by_key.remove(key);
        }
    }

    fn reap_later(self: &Arc<Self>, shelves: &mut Shelves, runtime: &Handle) {
        if !shelves.reaping {
            shelves.reaping = true;
            runtime.spawn(reap(Arc::downgrade(self)));
        }
    }

    /// Closes what has been unused for too long; whether anything is left.
    fn remove_expired(&self, now: Instant) -> bool {
        let mut closed = Vec::new();
        let mut shelves = self.shelves.lock();
        for shelf in shelves.by_key.values_mut() {
            closed.extend(
                shelf
                    .idle
                    .extract_if(.., |idle| {
                        idle.connection.is_closed() || now - idle.since >= IDLE_TIMEOUT
                    })
                    .map(Closed::Http1),
            );
            let expired = shelf.http2.take_if(|connection| {
                connection.is_closed()
                    || Arc::strong_count(connection) == 1
                        && now.saturating_duration_since(connection.last_used()) >= IDLE_TIMEOUT
            });
            closed.extend(expired.map(Closed::Http2));
        }
        shelves.by_key.retain(|_, shelf| !shelf.is_forgettable());
        let remains = shelves
            .by_key
            .values()
            .any(|shelf| !shelf.idle.is_empty() || shelf.http2.is_some());
        shelves.reaping = remains;
        drop(shelves);
        drop(closed);
        remains
    }

    /// How many connections nobody uses, for tests.
    #[cfg(test)]
    pub(super) fn idle_count(&self) -> usize {
        self.shelves.lock().idle_count()
    }
}

/// A connection on its way out. Closing takes locks of its own, so it is done when that of the pool is free.
enum Closed {
    Http1(#[expect(dead_code, reason = "held to be dropped")] Idle),
    Http2(#[expect(dead_code, reason = "held to be dropped")] Arc<Http2Connection>),
}

impl Shelves {
    fn idle_count(&self) -> usize {
        self.by_key.values().map(|shelf| shelf.idle.len()).sum()
    }

    /// Takes the connection that was unused for longest.
    fn take_oldest(&mut self) -> Option<Closed> {
        let (_, shelf) = self
            .by_key
            .values_mut()
            .filter_map(|shelf| Some((shelf.unused_since()?, shelf)))
            .min_by_key(|(since, _)| *since)?;
        let oldest = shelf.idle.first().map(|idle| idle.since);
        if oldest.is_some() && oldest == shelf.unused_since() {
            Some(Closed::Http1(shelf.idle.remove(0)))
        } else {
            shelf.http2.take().map(Closed::Http2)
        }
    }
}

/// Closes unused connections until there are none.
async fn reap(pool: Weak<Pool>) {
    loop {
        sleep(REAP_INTERVAL).await;
        let Some(pool) = pool.upgrade() else {
            return;
        };
        if !pool.remove_expired(Instant::now()) {
            return;
        }
    }
}

/// The use of a connection for one exchange. Dropping it before the response is complete ends the exchange: HTTP/1.1 closes the
/// connection.
pub(super) enum Lease {
    /// Of HTTP/1.1.
    Http1(Http1Lease),
    /// Of HTTP/2.
    Http2(Http2Lease),
}

impl Lease {
    /// Whether an earlier exchange used the connection.
    pub(super) fn reused(&self) -> bool {
        match self {
            Self::Http1(lease) => lease.reused,
            Self::Http2(lease) => lease.reused,
        }
    }

    /// Whether the end of the current response's head was missing.
    pub(super) fn head_was_completed(&self) -> bool {
        match self {
            Self::Http1(lease) => lease
                .connection
                .as_ref()
                .is_some_and(|connection| connection.expectation.was_completed()),
            Self::Http2(_) => false,
        }
    }

    /// The current response's `Content-Length`, if it is no number: then it is not among its headers.
    pub(super) fn unusable_lengths(&self) -> HeaderMap {
        match self {
            Self::Http1(lease) => lease
                .connection
                .as_ref()
                .map(|connection| connection.expectation.take_unusable_lengths())
                .unwrap_or_default(),
            Self::Http2(_) => HeaderMap::new(),
        }
    }

    /// What is known of the connection.
    pub(super) fn facts(&self) -> Arc<ConnectionFacts> {
        match self {
            Self::Http1(lease) => Arc::clone(&lease.facts),
            Self::Http2(lease) => Arc::clone(&lease.connection.facts),
        }
    }
}

/// The sole use of a connection of HTTP/1.1.
pub(super) struct Http1Lease {
    /// `None` once it has been given back.
    connection: Option<Http1Connection>,
    facts: Arc<ConnectionFacts>,
    reused: bool,
    key: ConnectionKey,
    /// `None` for a connection that leaves HTTP.
    slot: Option<OwnedSemaphorePermit>,
    pool: Arc<Pool>,
}

impl Http1Lease {
    /// The use of `connection` by the holder of `slot`.
    pub(super) fn new(
        pool: &Arc<Pool>,
        key: &ConnectionKey,
        mut connection: Http1Connection,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Self {
        let reused = std::mem::replace(&mut connection.used, true);
        Self {
            facts: Arc::clone(&connection.facts),
            connection: Some(connection),
            reused,
            key: key.clone(),
            slot,
            pool: Arc::clone(pool),
        }
    }

    /// The connection.
    pub(super) fn connection(&mut self) -> Option<&mut Http1Connection> {
        self.connection.as_mut()
    }

    /// Ends the use after a complete response, so that others may use the connection as soon as its request has been sent.
    pub(super) fn give_back(mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        // A connection without a slot is outside of the pool.
        let Some(slot) = self.slot.take() else {
            return;
        };
        // OPTIMIZATION: mostly the connection is ready by now, and the next request need not wait for a task to say so.
        if connection.is_ready() {
            self.pool.put_idle(&self.key, connection);
            drop(slot);
            return;
        }
        let pool = Arc::clone(&self.pool);
        let key = self.key.clone();
        connection.runtime().spawn(async move {
            if let Ok(Ok(())) = timeout(SETTLE_TIMEOUT, connection.sender.ready()).await {
                pool.put_idle(&key, connection);
            }
            drop(slot);
            pool.prune(&key);
        });
    }
}

impl Drop for Http1Lease {
    fn drop(&mut self) {
        self.connection = None;
        self.slot = None;
        self.pool.prune(&self.key);
    }
}

/// One of the uses of a connection of HTTP/2.
pub(super) struct Http2Lease {
    /// The connection.
    pub(super) connection: Arc<Http2Connection>,
    reused: bool,
    key: ConnectionKey,
    pool: Arc<Pool>,
}

impl Http2Lease {
    /// A use of `connection`.
    pub(super) fn new(
        pool: &Arc<Pool>,
        key: &ConnectionKey,
        connection: Arc<Http2Connection>,
    ) -> Self {
        Self {
            reused: connection.begin_use(),
            connection,
            key: key.clone(),
            pool: Arc::clone(pool),
        }
    }

    /// Keeps later requests from a connection that failed.
    pub(super) fn retire(&self) {
        self.pool.retire_http2(&self.key, &self.connection);
    }
}

impl Drop for Http2Lease {
    fn drop(&mut self) {
        self.connection.touch();
    }
}
