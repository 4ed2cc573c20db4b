//! Making connections: from an endpoint to a connection that speaks HTTP, directly or through a proxy.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use log::debug;
use parking_lot::RwLock;
use servo_base::cross_process_instant::CrossProcessInstant;
use tokio::sync::Semaphore;

use super::dns::Resolver;
use super::error::{ConnectionError, ProxyError};
use super::exchange::{ConnectionTimings, HttpVersion, Route};
use super::http_connection::{ConnectionFacts, Http1Connection, Http2Connection};
use super::key::{ConnectionKey, Endpoint};
use super::proxy::{ProxyServer, ProxySettings};
use super::tls::{Offer, TlsClients};
use super::transport::{Metered, Transport, connect_to_any};

/// How many connections may be with a WebSocket.
const MOST_UPGRADED: usize = 255;

/// A new connection.
pub(super) enum Connected {
    /// It speaks HTTP/1.1.
    Http1(Http1Connection),
    /// It speaks HTTP/2.
    Http2(Http2Connection),
}

/// Makes connections.
pub(super) struct Connector {
    resolver: Resolver,
    pub(super) tls: TlsClients,
    /// `None`: as Servo's preferences say.
    proxies: RwLock<Option<ProxySettings>>,
    places: Arc<Semaphore>,
    upgraded_places: Arc<Semaphore>,
}

/// A socket, and how it was got.
struct Socket {
    stream: Box<dyn Transport>,
    resolved: Vec<IpAddr>,
    peer: SocketAddr,
    local: SocketAddr,
}

impl Connector {
    /// A connector with these parts. `places` has a permit for each connection that may be open.
    pub(super) fn new(
        resolver: Resolver,
        tls: TlsClients,
        proxies: Option<ProxySettings>,
        places: Arc<Semaphore>,
    ) -> Self {
        Self {
            resolver,
            tls,
            proxies: RwLock::new(proxies),
            places,
            upgraded_places: Arc::new(Semaphore::new(MOST_UPGRADED)),
        }
    }

    /// Sets the proxies; `None`: as Servo's preferences say.
    pub(super) fn set_proxies(&self, proxies: Option<ProxySettings>) {
        *self.proxies.write() = proxies;
    }

    /// The proxy on the way to `endpoint`.
    ///
    /// # Errors
    /// [`ConnectionError::Proxy`] if the setting makes no sense.
    pub(super) fn proxy_for(
        &self,
        endpoint: &Endpoint,
    ) -> Result<Option<ProxyServer>, ConnectionError> {
        let settings = self.proxies.read().clone();
        let settings = settings.unwrap_or_else(ProxySettings::of_preferences);
        Ok(settings.proxy_for(endpoint)?)
    }

    /// All addresses of the server at `endpoint`.
    ///
    /// # Errors
    /// [`ConnectionError::Lookup`] or a timeout, or [`ConnectionError::NoPinnedAddress`] if there is a proxy on the way.
    pub(super) async fn resolve(
        &self,
        endpoint: &Endpoint,
    ) -> Result<Vec<IpAddr>, ConnectionError> {
        if self.proxy_for(endpoint)?.is_some() {
            return Err(ConnectionError::NoPinnedAddress);
        }
        let addresses = self.resolver.resolve(&endpoint.host, endpoint.port).await?;
        Ok(addresses.iter().map(SocketAddr::ip).collect())
    }

    /// Makes a connection for `key`: through `proxy`, or with `pinned` only to these addresses and without a lookup.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn connect(
        &self,
        key: &ConnectionKey,
        proxy: Option<ProxyServer>,
        pinned: Option<&[IpAddr]>,
        offer: Offer,
    ) -> Result<Connected, ConnectionError> {
        let places = match offer {
            Offer::Any => &self.places,
            Offer::Http1 => &self.upgraded_places,
        };
        let place = Arc::clone(places)
            .acquire_owned()
            .await
            .map_err(|_| ConnectionError::Cancelled)?;
        let mut timings = ConnectionTimings::default();
        let (socket, route) = match &proxy {
            Some(_) if pinned.is_some() => return Err(ConnectionError::NoPinnedAddress),
            Some(proxy) => {
                let socket = self
                    .connect_to_proxy(key, proxy, offer, &mut timings)
                    .await?;
                (socket, Route::Proxy)
            },
            None => {
                let socket = self.connect_directly(key, pinned, &mut timings).await?;
                (socket, Route::Direct)
            },
        };
        debug!(
            "Connected to {}:{} at {}",
            key.endpoint.host, key.endpoint.port, socket.peer
        );

        let (stream, tls, http2) = if key.endpoint.secure {
            timings.secure_connection_start = Some(CrossProcessInstant::now());
            let secured = self
                .tls
                .handshake(key, &key.endpoint.host, offer, socket.stream)
                .await?;
            (secured.stream, Some(secured.facts), secured.http2)
        } else {
            (socket.stream, None, false)
        };
        timings.connect_end = Some(CrossProcessInstant::now());
        let facts = ConnectionFacts {
            resolved: socket.resolved,
            peer: socket.peer,
            local: socket.local,
            route,
            tunnelled: proxy.is_some() && uses_tunnel(&key.endpoint, offer),
            proxy,
            version: if http2 {
                HttpVersion::Http2
            } else {
                HttpVersion::Http1
            },
            tls,
            timings,
        };
        let transport = Metered::new(stream, place);
        Ok(if http2 {
            Connected::Http2(Http2Connection::handshake(transport, facts).await?)
        } else {
            Connected::Http1(Http1Connection::handshake(transport, facts).await?)
        })
    }

    async fn connect_directly(
        &self,
        key: &ConnectionKey,
        pinned: Option<&[IpAddr]>,
        timings: &mut ConnectionTimings,
    ) -> Result<Socket, ConnectionError> {
        let port = key.endpoint.port;
        let addresses = match pinned {
            Some(pinned) => pinned
                .iter()
                .map(|address| SocketAddr::new(*address, port))
                .collect(),
            None => {
                timings.domain_lookup_start = Some(CrossProcessInstant::now());
                self.resolver.resolve(&key.endpoint.host, port).await?
            },
        };
        timings.connect_start = Some(CrossProcessInstant::now());
        Socket::connect(&addresses).await.map_err(|error| {
            if pinned.is_some() {
                ConnectionError::NoPinnedAddress
            } else {
                error
            }
        })
    }

    async fn connect_to_proxy(
        &self,
        key: &ConnectionKey,
        proxy: &ProxyServer,
        offer: Offer,
        timings: &mut ConnectionTimings,
    ) -> Result<Socket, ConnectionError> {
        timings.domain_lookup_start = Some(CrossProcessInstant::now());
        let addresses = self
            .resolver
            .resolve(&proxy.host, proxy.port)
            .await
            .map_err(|_| ProxyError::Unreachable)?;
        timings.connect_start = Some(CrossProcessInstant::now());
        let mut socket = Socket::connect(&addresses)
            .await
            .map_err(|_| ProxyError::Unreachable)?;
        // The proxy looks the server up, so nothing is known of the server's addresses.
        socket.resolved.clear();
        if proxy.secure {
            let secured = self
                .tls
                .handshake(key, &proxy.host, Offer::Http1, socket.stream)
                .await?;
            socket.stream = secured.stream;
        }
        if uses_tunnel(&key.endpoint, offer) {
            socket.stream = proxy.tunnel(socket.stream, &key.endpoint).await?;
        }
        Ok(socket)
    }
}

/// Whether a proxy is asked for a tunnel rather than to forward requests.
fn uses_tunnel(endpoint: &Endpoint, offer: Offer) -> bool {
    endpoint.secure || offer == Offer::Http1
}

impl Socket {
    async fn connect(addresses: &[SocketAddr]) -> Result<Self, ConnectionError> {
        let stream = connect_to_any(addresses).await?;
        let peer = stream.peer_addr().map_err(|_| ConnectionError::Reset)?;
        let local = stream.local_addr().map_err(|_| ConnectionError::Reset)?;
        Ok(Self {
            stream: Box::new(stream),
            resolved: addresses.iter().map(SocketAddr::ip).collect(),
            peer,
            local,
        })
    }
}
