//! [`Connections`]: from a request to an exchange. Chooses or makes a connection, sends, and gives the head of the response back
//! as soon as it is there.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::StatusCode;
use log::debug;
use parking_lot::RwLock;
use rustls_pki_types::CertificateDer;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_url::ServoUrl;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use user_cors::EgressProxy;

use super::certificate_overrides::CertificateOverrides;
use super::certificate_verifier::Trust;
use super::connector::{Connected, Connector};
use super::dns::Resolver;
use super::error::ConnectionError;
use super::exchange::{Exchange, HttpVersion, OutgoingRequest};
use super::handshake_turns::{HandshakeTurn, HandshakeTurns};
use super::hosts::HostTable;
use super::http_connection::Way;
use super::key::{ConnectionKey, Endpoint, NetworkPartitionKey};
use super::pool::{Http1Lease, Http2Lease, Lease, Pool};
use super::proxy::{ProxyAuthentication, ProxyServer, ProxySettings};
use super::send::{Failure, Resend, send, target};
use super::tls::{Offer, TlsClients};
use super::upload::RequestBodyReader;
use crate::http_authentication::AuthenticationEntries;

/// How many connections may be open, beside those that left HTTP.
const MOST_CONNECTIONS: usize = 400;

/// How connections are made.
#[derive(Clone, Debug, Default)]
pub struct ConnectionsOptions {
    /// Accept every certificate. Exchanges say in their record that an error was overridden.
    pub ignore_certificate_errors: bool,
    /// Certificate authorities to trust beside the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// What the verdict [`verified_by_public_roots`](super::ExchangeRecord::verified_by_public_roots) goes by; `None`: the
    /// built-in public roots.
    pub public_roots: Option<Vec<CertificateDer<'static>>>,
    /// Names with addresses of their own; `None`: as the browser was started with ([`HostTable::of_browser`]).
    pub hosts: Option<HostTable>,
    /// Who is asked for the addresses of other names; `None`: the system.
    pub name_server: Option<SocketAddr>,
    /// The proxies; `None`: as Servo's preferences say at the time of each request.
    pub proxies: Option<ProxySettings>,
    /// What is known of proxies' wishes for credentials; shared with whoever asks a person for them.
    pub authentication: Arc<RwLock<AuthenticationEntries>>,
}

/// The connections of one resource thread, open and to be opened. Clones share them.
#[derive(Clone)]
pub struct Connections {
    pool: Arc<Pool>,
    connector: Arc<Connector>,
    public_roots: Arc<RwLock<PublicRoots>>,
    handshakes: Arc<HandshakeTurns>,
}

#[derive(Default)]
struct PublicRoots {
    roots: Option<Vec<CertificateDer<'static>>>,
    added: Vec<CertificateDer<'static>>,
}

impl Connections {
    /// Connections with these options. Nothing is opened yet; no runtime is needed.
    pub fn new(options: ConnectionsOptions) -> Self {
        let trust = Trust::new(
            options.extra_roots,
            options.public_roots.as_deref(),
            options.ignore_certificate_errors,
        );
        let hosts = options.hosts.unwrap_or_else(HostTable::of_browser);
        let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
        Self {
            pool: Pool::new(Arc::clone(&places)),
            connector: Arc::new(Connector::new(
                Resolver::new(hosts, options.name_server),
                TlsClients::new(Arc::new(trust)),
                options.proxies,
                ProxyAuthentication::new(options.authentication),
                places,
            )),
            public_roots: Arc::new(RwLock::new(PublicRoots {
                roots: options.public_roots,
                added: Vec::new(),
            })),
            handshakes: Arc::default(),
        }
    }

    /// Certificate errors that the person chose to disregard.
    pub fn certificate_overrides(&self) -> &CertificateOverrides {
        self.connector.tls.trust().overrides()
    }

    /// Closes the connections that no exchange uses. Those in use end with their exchanges and serve no later ones.
    pub fn close_idle(&self) {
        self.pool.close_idle();
    }

    /// Sets the proxies, for later requests; `None`: as Servo's preferences say at the time of each request.
    pub fn set_proxies(&self, proxies: Option<ProxySettings>) {
        self.connector.set_proxies(proxies);
        self.close_idle();
    }

    /// Sets what the verdict [`verified_by_public_roots`](super::ExchangeRecord::verified_by_public_roots) of later
    /// connections goes by; `None`: the built-in public roots.
    pub fn set_public_roots(&self, roots: Option<Vec<CertificateDer<'static>>>) {
        self.public_roots.write().roots = roots;
        self.apply_public_roots();
    }

    /// Adds to the public roots, in the place of what was added before: an administrator's policy may do so.
    pub fn set_added_public_roots(&self, added: Vec<CertificateDer<'static>>) {
        self.public_roots.write().added = added;
        self.apply_public_roots();
    }

    fn apply_public_roots(&self) {
        let public = self.public_roots.read();
        self.connector
            .tls
            .trust()
            .set_public_roots(public.roots.as_deref(), &public.added);
        drop(public);
        // The verdict is kept with each connection.
        self.close_idle();
    }

    /// Forgets everything by which a server could know this client again: connections and TLS sessions.
    pub fn forget(&self) {
        self.connector.tls.forget_sessions();
        self.close_idle();
    }

    /// How many connections of HTTP/1.1 nobody uses.
    #[cfg(test)]
    pub(super) fn idle_count(&self) -> usize {
        self.pool.idle_count()
    }

    /// Sends a request and waits for the head of its response.
    ///
    /// Dropping the future, or the body of the exchange before its end, ends the exchange at once: HTTP/1.1 closes the
    /// connection, HTTP/2 resets the stream. Must run on a tokio runtime.
    ///
    /// # Errors
    /// Why there is no response.
    pub async fn exchange(
        &self,
        mut request: OutgoingRequest,
    ) -> Result<Exchange, ConnectionError> {
        debug!("{} {}", request.method, without_query(&request.url));
        let body = request.body.take();
        let lease = self.acquire(&request, request.force_new_connection).await?;
        admit(&lease, &request, body.as_ref())?;
        let reused = lease.reused();
        let failure = match self.dispatch(lease, &request, body).await {
            Ok(exchange) => return Ok(exchange),
            Err(failure) => failure,
        };
        // NOTE: a server may close a connection that is not in use at any time, also just when a request is sent, so one that
        // may be sent twice is sent again once. See RFC 9112 section 9.3.1 and RFC 9113 section 8.7.
        match failure.resend {
            Resend::Allowed(body) if reused => {
                let lease = self.acquire(&request, true).await?;
                admit(&lease, &request, body.as_ref())?;
                self.dispatch(lease, &request, body)
                    .await
                    .map_err(|failure| failure.error)
            },
            _ => Err(failure.error),
        }
    }

    /// Sends a request over this connection, with what a proxy that forwards it has to be told.
    async fn dispatch(
        &self,
        lease: Lease,
        request: &OutgoingRequest,
        body: Option<RequestBodyReader>,
    ) -> Result<Exchange, Failure> {
        let facts = lease.facts();
        let Some(proxy) = facts.forwarding_proxy() else {
            return send(lease, request, body, None).await;
        };
        let authentication = &self.connector.authentication;
        let target = target(&facts, request)?.to_string();
        let authorization = authentication.authorization(proxy, &request.method, &target);
        let mut exchange = send(lease, request, body, authorization.clone()).await?;
        if exchange.status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            exchange.proxy_challenged = Some(authentication.challenged(
                proxy,
                &exchange.headers,
                &target,
                authorization.as_ref(),
            ));
        }
        Ok(exchange)
    }

    /// Waits for the turn to ask the server at `endpoint` for a WebSocket, for a page of `partition`. There is no limit to how
    /// long that takes.
    pub async fn handshake_turn(
        &self,
        partition: &NetworkPartitionKey,
        endpoint: &Endpoint,
    ) -> HandshakeTurn {
        self.handshakes.wait(partition, endpoint).await
    }

    /// All addresses of the server at `endpoint`, without connecting to any.
    ///
    /// # Errors
    /// If there are none, or a request would go through a proxy, which looks names up itself.
    pub async fn resolve(&self, endpoint: &Endpoint) -> Result<Vec<IpAddr>, ConnectionError> {
        self.connector.resolve(endpoint).await
    }

    /// All addresses of the egress of user-enabled CORS, without connecting to any.
    ///
    /// # Errors
    /// If there are none.
    pub async fn resolve_egress(
        &self,
        egress: &EgressProxy,
    ) -> Result<Vec<IpAddr>, ConnectionError> {
        let proxy = ProxyServer::of_egress(egress);
        self.connector.resolve_egress(&proxy).await
    }

    /// A connection for `request`.
    async fn acquire(
        &self,
        request: &OutgoingRequest,
        fresh: bool,
    ) -> Result<Lease, ConnectionError> {
        let key = &request.key;
        let proxy = match &request.egress {
            Some(egress) => Some(egress.proxy.clone()),
            None => self.connector.proxy_for(&key.endpoint)?,
        };
        let way = Way {
            proxy: proxy.as_ref(),
            egress: request.egress.as_ref().map(|egress| &*egress.addresses),
            pinned: request.pinned.as_deref(),
        };
        if request.upgrade {
            return match self.connect(key, &way, Offer::Http1).await? {
                Connected::Http1(connection) => Ok(Lease::Http1(Http1Lease::new(
                    &self.pool, key, connection, None,
                ))),
                Connected::Http2(_) => Err(ConnectionError::Protocol {
                    text: "the server speaks HTTP/2 without being asked to",
                }),
            };
        }
        let waiting = self.pool.wait(key);
        if fresh {
            let connected = self.connect(key, &way, Offer::Any).await?;
            return self.lease_new(key, connected, || waiting.slot()).await;
        }
        if let Some(connection) = self.pool.http2(key, &way) {
            return Ok(Lease::Http2(Http2Lease::new(&self.pool, key, connection)));
        }
        if key.endpoint.secure && self.pool.version(key) != Some(HttpVersion::Http1) {
            // One request goes ahead to learn which version the server speaks; HTTP/2 then serves all the others.
            let began = Instant::now();
            let vanguard = waiting.vanguard().await?;
            if let Some(connection) = self.pool.http2(key, &way) {
                return Ok(Lease::Http2(Http2Lease::new(&self.pool, key, connection)));
            }
            if way.is_shared()
                && let Some(error) = self.pool.failure_since(key, began)
            {
                return Err(error);
            }
            if self.pool.version(key) != Some(HttpVersion::Http1) {
                let connected = match self.connect(key, &way, Offer::Any).await {
                    Ok(connected) => connected,
                    Err(error) => {
                        if way.is_shared() {
                            self.pool.set_failure(key, &error);
                        }
                        return Err(error);
                    },
                };
                let lease = self.lease_new(key, connected, || waiting.slot()).await;
                drop(vanguard);
                return lease;
            }
        }
        let slot = waiting.slot().await?;
        if let Some(connection) = self.pool.take_idle(key, &way) {
            return Ok(Lease::Http1(Http1Lease::new(
                &self.pool,
                key,
                connection,
                Some(slot),
            )));
        }
        let connected = self.connect(key, &way, Offer::Any).await?;
        self.lease_new(key, connected, || std::future::ready(Ok(slot)))
            .await
    }

    async fn connect(
        &self,
        key: &ConnectionKey,
        way: &Way<'_>,
        offer: Offer,
    ) -> Result<Connected, ConnectionError> {
        if offer == Offer::Any {
            self.pool.make_place();
        }
        self.connector.connect(key, way, offer).await
    }

    /// The use of a new connection; `slot` is waited for if it turns out to be needed.
    async fn lease_new<F>(
        &self,
        key: &ConnectionKey,
        connected: Connected,
        slot: impl FnOnce() -> F,
    ) -> Result<Lease, ConnectionError>
    where
        F: Future<Output = Result<OwnedSemaphorePermit, ConnectionError>>,
    {
        match connected {
            Connected::Http1(connection) => {
                self.pool.set_version(key, HttpVersion::Http1);
                let slot = slot().await?;
                Ok(Lease::Http1(Http1Lease::new(
                    &self.pool,
                    key,
                    connection,
                    Some(slot),
                )))
            },
            Connected::Http2(connection) => {
                let connection = Arc::new(connection);
                self.pool.share_http2(key, &connection);
                Ok(Lease::Http2(Http2Lease::new(&self.pool, key, connection)))
            },
        }
    }
}

/// Whether `request` may be sent with `body` over the connection.
///
/// # Errors
/// [`ConnectionError::StreamedBody`] or [`ConnectionError::NotAdmitted`] if not.
fn admit(
    lease: &Lease,
    request: &OutgoingRequest,
    body: Option<&RequestBodyReader>,
) -> Result<(), ConnectionError> {
    // https://fetch.spec.whatwg.org/#http-network-fetch, the steps after obtaining a connection: 3. a body without a source
    // does not go over HTTP/1.
    if lease.facts().version == HttpVersion::Http1 && body.is_some_and(RequestBodyReader::is_stream)
    {
        return Err(ConnectionError::StreamedBody);
    }
    let Some(admission) = &request.admission else {
        return Ok(());
    };
    let now = CrossProcessInstant::now();
    let record = lease.facts().record(&request.key, lease.reused(), now, now);
    if admission.admits(&record) {
        Ok(())
    } else {
        Err(ConnectionError::NotAdmitted)
    }
}

/// A URL as it may be written down: a query can hold secrets, and so can a user name.
fn without_query(url: &ServoUrl) -> String {
    format!(
        "{}://{}{}",
        url.scheme(),
        url.host_str().unwrap_or_default(),
        url.path()
    )
}
