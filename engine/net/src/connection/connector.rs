//! Making connections: from an endpoint to a connection that speaks HTTP, directly or through a proxy.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::Method;
use log::debug;
use parking_lot::RwLock;
use servo_base::cross_process_instant::CrossProcessInstant;
use tokio::sync::Semaphore;

use super::dns::Resolver;
use super::error::{ConnectionError, ProxyError};
use super::exchange::{ConnectionTimings, HttpVersion, Route};
use super::http_connection::{ConnectionFacts, Http1Connection, Http2Connection, Way};
use super::key::{ConnectionKey, Endpoint};
use super::proxy::{
    ProxyAuthentication, ProxyChallenged, ProxyProtocol, ProxyServer, ProxySettings, Socks, Tunnel,
    socks_connect, tunnel,
};
use super::tls::{Offer, TlsClients};
use super::transport::{Metered, Transport, connect_to_any};
use crate::embedding::ClassifiedRoute;

/// How many connections may be with a WebSocket.
const MOST_UPGRADED: usize = 255;

/// How often a proxy is asked for one tunnel: it may want another scheme, or another nonce.
const MOST_TUNNEL_REQUESTS: usize = 4;

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
    pub(super) authentication: ProxyAuthentication,
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
        authentication: ProxyAuthentication,
        places: Arc<Semaphore>,
    ) -> Self {
        Self {
            resolver,
            tls,
            proxies: RwLock::new(proxies),
            authentication,
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

    /// All addresses of the egress of user-enabled CORS.
    ///
    /// # Errors
    /// [`ProxyError::Unreachable`].
    pub(super) async fn resolve_egress(
        &self,
        egress: &ProxyServer,
    ) -> Result<Vec<IpAddr>, ConnectionError> {
        let addresses = self.resolver.resolve(&egress.host, egress.port).await;
        let addresses = addresses.map_err(|_| ProxyError::Unreachable)?;
        Ok(addresses.iter().map(SocketAddr::ip).collect())
    }

    /// Makes a connection for `key` that goes this way.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn connect(
        &self,
        key: &ConnectionKey,
        way: &Way<'_>,
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
        let (socket, route) = match (way.proxy, way.egress) {
            (Some(_), _) if way.pinned.is_some() => return Err(ConnectionError::NoPinnedAddress),
            // Through the egress there is TLS end to end, or nothing.
            (_, Some(_)) if !key.endpoint.secure => return Err(ProxyError::EgressWithoutTls.into()),
            (Some(proxy), egress) => {
                let socket = self
                    .connect_to_proxy(key, proxy, egress, offer, &mut timings)
                    .await?;
                let route = if egress.is_some() {
                    Route::Egress
                } else {
                    Route::Proxy
                };
                (socket, route)
            },
            (None, Some(_)) => return Err(ProxyError::Unreachable.into()),
            (None, None) => {
                let socket = self.connect_directly(key, way.pinned, &mut timings).await?;
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
                .handshake(key, way.proxy, &key.endpoint.host, offer, socket.stream)
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
            tunnelled: way
                .proxy
                .is_some_and(|proxy| uses_tunnel(proxy, &key.endpoint, offer)),
            proxy: way.proxy.cloned(),
            version: if http2 {
                HttpVersion::Http2
            } else {
                HttpVersion::Http1
            },
            tls,
            classified: ClassifiedRoute::default(),
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

    /// A socket that leads to the server through `proxy`, or only to the proxy if that forwards requests.
    async fn connect_to_proxy(
        &self,
        key: &ConnectionKey,
        proxy: &ProxyServer,
        egress: Option<&[IpAddr]>,
        offer: Offer,
        timings: &mut ConnectionTimings,
    ) -> Result<Socket, ConnectionError> {
        timings.domain_lookup_start = Some(CrossProcessInstant::now());
        let addresses = match egress {
            Some(checked) => checked
                .iter()
                .map(|address| SocketAddr::new(*address, proxy.port))
                .collect(),
            None => self
                .resolver
                .resolve(&proxy.host, proxy.port)
                .await
                .map_err(|_| ProxyError::Unreachable)?,
        };
        timings.connect_start = Some(CrossProcessInstant::now());
        for _ in 0..MOST_TUNNEL_REQUESTS {
            let mut socket = Socket::connect(&addresses)
                .await
                .map_err(|_| ProxyError::Unreachable)?;
            // The proxy looks the server up, so nothing is known of the server's addresses.
            socket.resolved.clear();
            if proxy.protocol == ProxyProtocol::Https {
                let secured = self
                    .tls
                    .handshake(key, Some(proxy), &proxy.host, Offer::Http1, socket.stream)
                    .await?;
                socket.stream = secured.stream;
            }
            if !uses_tunnel(proxy, &key.endpoint, offer) {
                return Ok(socket);
            }
            // NB: the egress is told nothing of what other proxies know of this person.
            let authentication = egress.is_none().then_some(&self.authentication);
            match open_tunnel(proxy, socket.stream, &key.endpoint, authentication).await? {
                Ok(stream) => {
                    socket.stream = stream;
                    return Ok(socket);
                },
                Err(ProxyChallenged::Answerable) => {},
                Err(ProxyChallenged::Unanswered(challenge)) => {
                    return Err(ConnectionError::Proxy(ProxyError::Authentication {
                        challenge: Some(Box::new(challenge)),
                    }));
                },
                Err(ProxyChallenged::Unsupported) => break,
            }
        }
        Err(ConnectionError::Proxy(ProxyError::Authentication {
            challenge: None,
        }))
    }
}

/// Asks `proxy`, at the other end of `stream`, for a way to `endpoint`, with what `authentication` knows.
async fn open_tunnel(
    proxy: &ProxyServer,
    stream: Box<dyn Transport>,
    endpoint: &Endpoint,
    authentication: Option<&ProxyAuthentication>,
) -> Result<Result<Box<dyn Transport>, ProxyChallenged>, ConnectionError> {
    match proxy.protocol {
        ProxyProtocol::Http | ProxyProtocol::Https => {
            let authority = format!("{}:{}", endpoint.host, endpoint.port);
            let authorization = authentication
                .and_then(|known| known.authorization(proxy, &Method::CONNECT, &authority));
            let answer = tunnel(stream, &authority, authorization.clone()).await?;
            Ok(match answer {
                Tunnel::Open(stream) => Ok(stream),
                Tunnel::Challenged(headers) => Err(authentication
                    .map_or(ProxyChallenged::Unsupported, |known| {
                        known.challenged(proxy, &headers, &authority, authorization.as_ref())
                    })),
            })
        },
        ProxyProtocol::Socks5 => {
            let credentials = authentication.and_then(|known| known.credentials(proxy));
            let answer = socks_connect(stream, endpoint, credentials.as_ref()).await?;
            Ok(match answer {
                Socks::Open(stream) => Ok(stream),
                Socks::Unauthenticated => Err(authentication
                    .map_or(ProxyChallenged::Unsupported, |known| {
                        known.challenged_by_socks(proxy, credentials.as_ref())
                    })),
            })
        },
    }
}

/// Whether a proxy is asked for a tunnel rather than to forward requests.
fn uses_tunnel(proxy: &ProxyServer, endpoint: &Endpoint, offer: Offer) -> bool {
    endpoint.secure || offer == Offer::Http1 || proxy.protocol == ProxyProtocol::Socks5
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
