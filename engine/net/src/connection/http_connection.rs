//! One connection that speaks HTTP, over whatever carries it.
//!
//! hyper's connections are used bare (`hyper::client::conn`), so that pooling, partitions, provenance and cancellation are
//! decided here and nowhere else.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use log::debug;
use parking_lot::Mutex;
use servo_base::cross_process_instant::CrossProcessInstant;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::error::ConnectionError;
use super::exchange::{ConnectionTimings, ExchangeRecord, HttpVersion, Route};
use super::key::ConnectionKey;
use super::payload::Payload;
use super::proxy::ProxyServer;
use super::response_head::{MOST_HEAD_BYTES, MissingEnd, ResponseExpectation, ResponseHeads};
use super::tls::TlsFacts;
use super::transport::Metered;
use crate::embedding::ClassifiedRoute;

/// The most header lines in a response.
const MOST_HEADER_LINES: usize = 2000;

/// How much of one response HTTP/2 may send before it is read.
const STREAM_WINDOW: u32 = 1024 * 1024;

/// How much an HTTP/2 connection may send before it is read. As many times the window of a stream as there can be responses
/// that nobody reads (one tab holds 32 at most), so that these do not stall the others.
const CONNECTION_WINDOW: u32 = 48 * STREAM_WINDOW;

/// How often an HTTP/2 connection in use is asked whether it is alive.
const PING_INTERVAL: Duration = Duration::from_secs(45);

/// How long it may take to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// What is known of a connection from the time when it was made.
#[derive(Debug)]
pub(super) struct ConnectionFacts {
    pub(super) resolved: Vec<IpAddr>,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) route: Route,
    pub(super) proxy: Option<ProxyServer>,
    /// Whether the proxy, if there is one, opened a tunnel; otherwise it forwards requests.
    pub(super) tunnelled: bool,
    pub(super) version: HttpVersion,
    pub(super) tls: Option<TlsFacts>,
    /// Where it leads, if that was classified.
    pub(super) classified: ClassifiedRoute,
    /// When it was made; only the times up to `connect_end` are set.
    pub(super) timings: ConnectionTimings,
}

impl ConnectionFacts {
    /// The record of an exchange over this connection.
    pub(super) fn record(
        &self,
        key: &ConnectionKey,
        reused: bool,
        request_start: CrossProcessInstant,
        response_start: CrossProcessInstant,
    ) -> ExchangeRecord {
        let timings = if reused {
            ConnectionTimings::default()
        } else {
            self.timings.clone()
        };
        ExchangeRecord {
            key: key.clone(),
            resolved: self.resolved.clone(),
            peer: self.peer,
            local: self.local,
            route: self.route.clone(),
            version: self.version,
            reused,
            head_completed: false,
            made_for_host: true,
            client_certificate: false,
            tls_resumed: self.tls.as_ref().is_some_and(|tls| tls.resumed),
            tls: self.tls.as_ref().map(|tls| tls.info.clone()),
            certificate_error_overridden: self
                .tls
                .as_ref()
                .is_some_and(|tls| tls.certificate_error_overridden),
            verified_by_public_roots: self.tls.as_ref().map(|tls| tls.verified_by_public_roots),
            classified: self.classified.clone(),
            timings: ConnectionTimings {
                request_start: Some(request_start),
                response_start: Some(response_start),
                ..timings
            },
        }
    }

    /// The proxy that has to be told the whole URL, because it forwards requests.
    pub(super) fn forwarding_proxy(&self) -> Option<&ProxyServer> {
        self.proxy.as_ref().filter(|_| !self.tunnelled)
    }

    /// Whether the connection goes the way that a request has to go.
    pub(super) fn goes(&self, way: &Way<'_>) -> bool {
        let pinned = way.pinned.is_none_or(|addresses| {
            self.route == Route::Direct && addresses.contains(&self.peer.ip())
        });
        let egress = (self.route == Route::Egress) == way.egress.is_some();
        pinned && egress && self.proxy.as_ref() == way.proxy
    }
}

/// The way that a request has to go.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    /// Through this proxy; `None` for none.
    pub(super) proxy: Option<&'a ProxyServer>,
    /// The proxy is the egress of user-enabled CORS, and these of its addresses were checked; `None` if it is not.
    pub(super) egress: Option<&'a [IpAddr]>,
    /// To one of these addresses; `None` for any.
    pub(super) pinned: Option<&'a [IpAddr]>,
}

impl Way<'_> {
    /// Whether a failure on this way tells other requests for the same server something.
    pub(super) fn is_shared(&self) -> bool {
        self.pinned.is_none() && self.egress.is_none()
    }
}

/// The task that moves a connection's bytes. Dropping this ends the task, and with it the connection, at once.
struct Driver(AbortHandle);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection that serves one exchange after another.
pub(super) struct Http1Connection {
    pub(super) sender: http1::SendRequest<Payload>,
    pub(super) facts: Arc<ConnectionFacts>,
    received: Arc<AtomicU64>,
    /// To be told before each request.
    pub(super) expectation: ResponseExpectation,
    /// Whether an exchange has used it.
    pub(super) used: bool,
    runtime: Handle,
    _driver: Driver,
}

impl Http1Connection {
    /// Speaks HTTP/1.1 over `transport`.
    pub(super) async fn handshake(
        transport: Metered,
        facts: ConnectionFacts,
    ) -> Result<Self, ConnectionError> {
        let received = transport.received();
        let missing_end = if facts.tls.is_some() {
            MissingEnd::Error
        } else {
            MissingEnd::Completed
        };
        let transport = ResponseHeads::new(transport, missing_end);
        let expectation = transport.expectation();
        let (sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            // NOTE: a user agent replaces obsolete line folding by spaces, RFC 9112 section 5.2.
            .allow_obsolete_multiline_headers_in_responses(true)
            .max_headers(MOST_HEADER_LINES)
            .max_header_size(MOST_HEAD_BYTES)
            .max_buf_size(MOST_HEAD_BYTES)
            .handshake(TokioIo::new(transport))
            .await
            .map_err(|error| ConnectionError::of_hyper(&error))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                debug!("A connection of HTTP/1.1 ended: {error}");
            }
        });
        Ok(Self {
            sender,
            facts: Arc::new(facts),
            received,
            expectation,
            used: false,
            runtime: Handle::current(),
            _driver: Driver(driver.abort_handle()),
        })
    }

    /// Whether it can take a request.
    pub(super) fn is_ready(&self) -> bool {
        self.sender.is_ready() && !self.sender.is_closed()
    }

    /// Whether the server or a failure has closed it.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// The runtime that its driver runs on.
    pub(super) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// How many bytes have come from the server so far.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// A connection that serves many exchanges at once.
pub(super) struct Http2Connection {
    sender: http2::SendRequest<Payload>,
    pub(super) facts: Arc<ConnectionFacts>,
    used: AtomicBool,
    /// When an exchange last began or ended.
    last_used: Mutex<Instant>,
}

impl Http2Connection {
    /// Speaks HTTP/2 over `transport`.
    pub(super) async fn handshake(
        transport: Metered,
        facts: ConnectionFacts,
    ) -> Result<Self, ConnectionError> {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .adaptive_window(false)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MOST_HEAD_BYTES as u32)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(transport))
            .await
            .map_err(|error| ConnectionError::of_hyper(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!("A connection of HTTP/2 ended: {error}");
            }
        });
        Ok(Self {
            sender,
            facts: Arc::new(facts),
            used: AtomicBool::new(false),
            last_used: Mutex::new(Instant::now()),
        })
    }

    /// A handle that takes one request.
    pub(super) fn sender(&self) -> http2::SendRequest<Payload> {
        self.sender.clone()
    }

    /// Whether it takes no more requests.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Notes that an exchange begins; whether an earlier one used the connection.
    pub(super) fn begin_use(&self) -> bool {
        self.touch();
        self.used.swap(true, Ordering::Relaxed)
    }

    /// Notes that an exchange begins or ends.
    pub(super) fn touch(&self) {
        *self.last_used.lock() = Instant::now();
    }

    /// When an exchange last began or ended.
    pub(super) fn last_used(&self) -> Instant {
        *self.last_used.lock()
    }
}
