//! One exchange with a server: what is sent, what comes back, and the record of how.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use hyper_util::rt::TokioIo;
use net_traits::TlsSecurityInfo;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_url::ServoUrl;

use super::key::ConnectionKey;
#[cfg(test)]
use super::key::{ConnectionCredentials, Endpoint, NetworkPartitionKey};
use super::proxy::{EgressPath, ProxyChallenged};
use super::upload::RequestBodyReader;
use crate::embedding::ClassifiedRoute;
use crate::fetch::Body;

/// A request in the form in which it goes to the wire.
pub struct OutgoingRequest {
    /// Where the connection comes from.
    pub key: ConnectionKey,
    /// The method.
    pub method: Method,
    /// The URL, without what is never sent (fragment, credentials).
    pub url: ServoUrl,
    /// All headers but `Host` (HTTP/1.1) and `:authority` (HTTP/2), which come from the URL, and hop-by-hop ones.
    pub headers: HeaderMap,
    /// The request's body, if it has one.
    pub body: Option<RequestBodyReader>,
    /// Connect only to these addresses and look nothing up: the classified set of user-enabled CORS.
    pub pinned: Option<Vec<IpAddr>>,
    /// Go through the egress of user-enabled CORS and in no other way.
    pub egress: Option<EgressPath>,
    /// Looks at the connection before anything is sent over it.
    pub admission: Option<Admission>,
    /// Hears of interim responses.
    pub interim: Option<InterimListener>,
    /// A connection of its own that was never used (the standard's forceNewConnection, and a WebSocket's).
    pub force_new_connection: bool,
    /// Ask for HTTP/1.1 and keep the connection after a 101 (WebSocket).
    pub upgrade: bool,
}

/// Hears of [interim responses](https://www.rfc-editor.org/rfc/rfc9110#section-15.2) such as 103, which change nothing. Those of
/// HTTP/2 are not told: hyper passes over them.
#[derive(Clone)]
pub struct InterimListener(Arc<Hears>);

type Hears = dyn Fn(StatusCode, &HeaderMap) + Send + Sync;

impl InterimListener {
    /// One that tells `hears`, which must return at once.
    pub fn new(hears: impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hears))
    }

    pub(super) fn tell(&self, status: StatusCode, headers: &HeaderMap) {
        (self.0)(status, headers);
    }
}

/// Looks at the record of a connection, and says whether a request may be sent over it.
pub struct Admission(Box<dyn Fn(&ExchangeRecord) -> bool + Send + Sync>);

impl Admission {
    /// One that goes by `admits`, which must return at once.
    pub fn new(admits: impl Fn(&ExchangeRecord) -> bool + Send + Sync + 'static) -> Self {
        Self(Box::new(admits))
    }

    pub(super) fn admits(&self, record: &ExchangeRecord) -> bool {
        (self.0)(record)
    }
}

/// What came back.
pub struct Exchange {
    /// The final status (not a 1xx other than 101).
    pub status: StatusCode,
    /// The reason phrase of HTTP/1.1; empty in HTTP/2.
    pub reason: Vec<u8>,
    /// The response's headers, in order, as received.
    pub headers: HeaderMap,
    /// The body as transferred: content codings are still on it.
    pub body: Body,
    /// How it was got.
    pub record: ExchangeRecord,
    /// The connection after a 101 to a request with `upgrade`.
    pub upgraded: Option<Upgraded>,
    /// For a 407 of a proxy that forwards requests: what it means. A 407 of the server itself means nothing.
    pub proxy_challenged: Option<ProxyChallenged>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // NB: header values can be secrets.
        f.debug_struct("Exchange")
            .field("status", &self.status)
            .field("body", &self.body)
            .field("version", &self.record.version)
            .field("peer", &self.record.peer)
            .finish_non_exhaustive()
    }
}

/// The version of HTTP that an exchange used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// How the bytes travelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Straight to the peer.
    Direct,
    /// Through a proxy, which looked the name up.
    Proxy,
    /// Through the egress of user-enabled CORS, which looked the name up.
    Egress,
}

/// The recorded facts of an exchange. User-enabled CORS decides by these, never by what might have been sent.
#[derive(Clone, Debug)]
pub struct ExchangeRecord {
    /// The pool that the connection belongs to.
    pub key: ConnectionKey,
    /// Every address that the name resolved to when the connection was made, in order; for a literal, that address.
    pub resolved: Vec<IpAddr>,
    /// The address at the other end of the socket.
    pub peer: SocketAddr,
    /// The address at this end.
    pub local: SocketAddr,
    /// Direct or through a proxy.
    pub route: Route,
    /// The version of HTTP.
    pub version: HttpVersion,
    /// Whether an earlier exchange used the connection.
    pub reused: bool,
    /// Whether the connection ended before the end of the response's head, so that headers may be missing.
    pub head_completed: bool,
    /// Whether the connection was made for this very host (HTTP/2 coalescing is not done, so always true today; it is
    /// recorded because a releasable exchange depends on it).
    pub made_for_host: bool,
    /// Whether a TLS client certificate was sent.
    pub client_certificate: bool,
    /// Whether TLS resumed a session.
    pub tls_resumed: bool,
    /// The facts of TLS; `None` without TLS.
    pub tls: Option<TlsSecurityInfo>,
    /// Whether a certificate error was overridden for this host (or verification is off).
    pub certificate_error_overridden: bool,
    /// Whether the server's chain also verifies for this host against the public roots (built in, or `--public-roots`).
    /// `None` without TLS.
    pub verified_by_public_roots: Option<bool>,
    /// Where the connection leads, if that was classified.
    pub(crate) classified: ClassifiedRoute,
    /// When things happened.
    pub timings: ConnectionTimings,
}

#[cfg(test)]
impl ExchangeRecord {
    /// The record of an exchange with `url`, whose host resolved to `peer`.
    pub(crate) fn direct(url: &ServoUrl, peer: SocketAddr) -> Self {
        let endpoint = Endpoint::of_url(url).expect("a URL of a server");
        Self {
            key: ConnectionKey {
                partition: NetworkPartitionKey(None),
                endpoint,
                credentials: ConnectionCredentials::Excluded,
            },
            resolved: vec![peer.ip()],
            peer,
            local: SocketAddr::new(peer.ip(), 1),
            route: Route::Direct,
            version: HttpVersion::Http1,
            reused: false,
            head_completed: true,
            made_for_host: true,
            client_certificate: false,
            tls_resumed: false,
            tls: None,
            certificate_error_overridden: false,
            verified_by_public_roots: Some(true),
            classified: ClassifiedRoute::default(),
            timings: ConnectionTimings::default(),
        }
    }
}

/// Points in time for [resource timing](https://w3c.github.io/resource-timing/#attribute-descriptions); the first four are
/// `None` on a reused connection.
#[derive(Clone, Debug, Default)]
pub struct ConnectionTimings {
    /// Before the name was looked up.
    pub domain_lookup_start: Option<CrossProcessInstant>,
    /// Before connecting.
    pub connect_start: Option<CrossProcessInstant>,
    /// Before the TLS handshake.
    pub secure_connection_start: Option<CrossProcessInstant>,
    /// When the connection was ready.
    pub connect_end: Option<CrossProcessInstant>,
    /// When the request's head began to be sent.
    pub request_start: Option<CrossProcessInstant>,
    /// When the response's head had arrived.
    pub response_start: Option<CrossProcessInstant>,
}

/// A connection that left HTTP after a 101.
pub struct Upgraded(pub TokioIo<hyper::upgrade::Upgraded>);

impl fmt::Debug for Upgraded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upgraded")
    }
}
