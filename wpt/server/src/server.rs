//! The listeners: every kind of port on loopback, for as long as [`Server`] lives.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use futures::stream;
use http::uri::Authority;
use http::{HeaderMap, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use rustls::{HandshakeKind, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use url::Url;

use crate::ca::TestCa;
use crate::files::Roots;
use crate::handlers;
use crate::hosts;
use crate::ports::{KINDS, Ports, Protocol};
use crate::proxy::{self, Proxied};
use crate::reply::{End, Ending, Reply, Response, Step};
use crate::request::{Connection, Request};
use crate::stash::Stash;
use crate::substitution::Context;
use crate::websocket;

/// The longest request body that is read, in bytes.
const MAX_REQUEST_BODY: usize = 16 * 1024 * 1024;

/// The body of a response, while it is on its way.
type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Which numbers the ports have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Numbers {
    /// Those of [`KINDS`].
    Usual,
    /// Any that are free.
    Free,
}

/// A running server. It stops, and closes its connections, when dropped.
pub struct Server {
    ports: Arc<Ports>,
    stash: Stash,
    // Dropping it ends the tasks.
    _listeners: JoinSet<()>,
}

impl Server {
    /// Takes the ports and starts answering.
    ///
    /// # Errors
    ///
    /// If a port is taken, or no certificate can be made.
    pub async fn start(roots: Roots, numbers: Numbers, ca: &TestCa) -> Result<Self> {
        let mut ports = Ports::default();
        let mut listeners = Vec::new();
        for kind in KINDS {
            for usual in kind.usual {
                let number = match numbers {
                    Numbers::Usual => *usual,
                    Numbers::Free => 0,
                };
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, number))
                    .await
                    .with_context(|| format!("port {number} on loopback cannot be taken"))?;
                let number = listener.local_addr()?.port();
                ports.add(kind.name, number);
                listeners.push((listener, kind.protocol, number));
            }
        }
        let hosts = hosts::all();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let identity = ca.server_config(&hosts)?;
        let ports = Arc::new(ports);
        let stash = Stash::default();
        let mut tasks = JoinSet::new();
        let connections = Arc::new(AtomicU64::new(0));
        let proxied = Proxied::default();
        for (listener, protocol, port) in listeners {
            let site = Arc::new(Site {
                protocol,
                port,
                acceptor: protocol
                    .is_secure()
                    .then(|| TlsAcceptor::from(speaking(&identity, protocol))),
                roots: roots.clone(),
                ports: ports.clone(),
                stash: stash.clone(),
                connections: connections.clone(),
                proxied: proxied.clone(),
            });
            tasks.spawn(site.accept(listener));
        }
        Ok(Self {
            ports,
            stash,
            _listeners: tasks,
        })
    }

    /// Its ports.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// What its handlers have seen.
    pub fn stash(&self) -> &Stash {
        &self.stash
    }
}

/// The same certificate for another protocol, chosen by ALPN.
fn speaking(identity: &ServerConfig, protocol: Protocol) -> Arc<ServerConfig> {
    let mut config = identity.clone();
    let name: &[u8] = match protocol {
        Protocol::H2 => b"h2",
        _ => b"http/1.1",
    };
    config.alpn_protocols = vec![name.to_vec()];
    Arc::new(config)
}

/// One port.
struct Site {
    protocol: Protocol,
    port: u16,
    acceptor: Option<TlsAcceptor>,
    roots: Roots,
    ports: Arc<Ports>,
    stash: Stash,
    connections: Arc<AtomicU64>,
    proxied: Proxied,
}

impl Site {
    /// Accepts connections until the task is dropped, and their tasks with it.
    async fn accept(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        connections.spawn(self.clone().serve_connection(stream, peer));
                    },
                    // The client may be gone already; that ends no server.
                    Err(error) => log::debug!("a connection was not accepted: {error}"),
                },
                Some(_) = connections.join_next() => {},
            }
        }
    }

    async fn serve_connection(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // What is written bit by bit shall arrive so; without it tests only take longer.
        let _ = stream.set_nodelay(true);
        let mut connection = Connection {
            number: self.connections.fetch_add(1, Ordering::Relaxed),
            port: self.port,
            is_secure: self.acceptor.is_some(),
            is_resumed: false,
            is_proxied: self.proxied.contains(peer),
        };
        let outcome = match &self.acceptor {
            None if self.protocol == Protocol::Proxy => {
                proxy::serve(stream, self.ports.clone(), self.proxied.clone()).await
            },
            None => self.clone().speak(stream, connection).await,
            Some(acceptor) => match acceptor.accept(stream).await {
                Ok(stream) => {
                    let kind = stream.get_ref().1.handshake_kind();
                    connection.is_resumed = kind == Some(HandshakeKind::Resumed);
                    self.clone().speak(stream, connection).await
                },
                Err(error) => Err(error.into()),
            },
        };
        if let Err(error) = outcome {
            log::debug!("a connection ended early: {error:#}");
        }
    }

    async fn speak(self: Arc<Self>, stream: impl Stream, connection: Connection) -> Result<()> {
        match self.protocol {
            Protocol::Http | Protocol::Https => self.speak_http1(stream, connection).await,
            Protocol::H2 => self.speak_http2(stream, connection).await,
            Protocol::Ws | Protocol::Wss => {
                websocket::serve(stream, connection, self.protocol, &self.stash).await
            },
            Protocol::Proxy => bail!("a proxy is not spoken to over TLS"),
        }
    }

    async fn speak_http1(
        self: Arc<Self>,
        stream: impl Stream,
        connection: Connection,
    ) -> Result<()> {
        let raw = Arc::new(Mutex::new(None));
        let (site, place) = (self, raw.clone());
        let service = service_fn(move |request| {
            let (site, place) = (site.clone(), place.clone());
            Box::pin(async move {
                match site.answer(request, connection).await {
                    Reply::Http(response) => Ok(sent(response).await),
                    Reply::Raw { steps, end } => {
                        *place.lock() = Some((steps, end));
                        Err(TakenOver)
                    },
                }
            })
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        let outcome = poll_fn(|context| connection.poll_without_shutdown(context)).await;
        let mut stream = connection.into_parts().io.into_inner();
        let raw = raw.lock().take();
        match raw {
            Some((steps, end)) => write_raw(&mut stream, steps, end).await?,
            None => {
                outcome?;
                stream.shutdown().await?;
            },
        }
        Ok(())
    }

    async fn speak_http2(
        self: Arc<Self>,
        stream: impl Stream,
        connection: Connection,
    ) -> Result<()> {
        let service = service_fn(move |request| {
            let site = self.clone();
            async move {
                match site.answer(request, connection).await {
                    Reply::Http(response) => Ok(sent(response).await),
                    // The stream is reset.
                    Reply::Raw { .. } => Err(TakenOver),
                }
            }
        });
        http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await?;
        Ok(())
    }

    async fn answer(&self, request: http::Request<Incoming>, connection: Connection) -> Reply {
        let (parts, body) = request.into_parts();
        let Some(url) = url_of(&parts.uri, &parts.headers, self.protocol) else {
            return refusal(StatusCode::BAD_REQUEST, "the request names no host");
        };
        let body = match Limited::new(body, MAX_REQUEST_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => {
                return refusal(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "the body is too long, or ended early",
                );
            },
        };
        let request = Request {
            method: parts.method,
            url,
            headers: parts.headers,
            body,
            version: parts.version,
            connection,
        };
        let context = Context {
            request: &request,
            ports: &self.ports,
        };
        handlers::answer(&request, &self.stash)
            .or_else(|| self.roots.serve(context))
            .unwrap_or_else(|| refusal(StatusCode::NOT_FOUND, "there is no such file"))
    }
}

/// What a connection runs over, which can be ended as [`End`] says.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Makes dropping the stream reset the connection.
    fn prepare_reset(&self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn prepare_reset(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

impl Stream for TlsStream<TcpStream> {
    fn prepare_reset(&self) -> io::Result<()> {
        self.get_ref().0.set_zero_linger()
    }
}

/// Ends a connection's HTTP without a response: something else is written in its place.
#[derive(Debug)]
struct TakenOver;

impl fmt::Display for TakenOver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the response is no response of HTTP")
    }
}

impl std::error::Error for TakenOver {}

fn refusal(status: StatusCode, text: &'static str) -> Reply {
    Response::text(status, text).into()
}

/// The URL that the client asked for.
pub(crate) fn url_of(target: &http::Uri, headers: &HeaderMap, protocol: Protocol) -> Option<Url> {
    let host = headers
        .get(http::header::HOST)
        .and_then(|host| host.to_str().ok());
    let authority: Authority = match (target.authority(), host) {
        (Some(authority), _) => authority.clone(),
        (None, Some(host)) => host.parse().ok()?,
        (None, None) => return None,
    };
    let path = target.path_and_query().map_or("/", |path| path.as_str());
    Url::parse(&format!("{}://{authority}{path}", protocol.scheme())).ok()
}

/// Waits for the response's time, then makes it one of hyper's.
async fn sent(response: Response) -> http::Response<Body> {
    let end = response.ending.map(Watch::new);
    if !response.delay.is_zero() {
        sleep(response.delay).await;
    }
    if let Some(gate) = response.gate {
        gate.pass().await;
    }
    let mut sent = http::Response::new(body(response.body, end));
    *sent.status_mut() = response.status;
    *sent.headers_mut() = response.headers;
    sent
}

/// A body that is sent bit by bit; one of a single piece has a length, if nobody watches for its end.
fn body(steps: Vec<Step>, end: Option<Watch>) -> Body {
    if let ([Step::Send(whole)], None) = (steps.as_slice(), &end) {
        return Full::new(whole.clone()).boxed_unsync();
    }
    let state = (VecDeque::from(steps), end);
    let frames = stream::unfold(state, |(mut steps, mut end)| async move {
        loop {
            match steps.pop_front() {
                Some(Step::Send(bytes)) => return Some((Ok(Frame::data(bytes)), (steps, end))),
                Some(Step::Wait(time)) => sleep(time).await,
                Some(Step::Hold(gate)) => gate.pass().await,
                Some(Step::Endless(bytes)) => {
                    steps.push_front(Step::Endless(bytes.clone()));
                    return Some((Ok(Frame::data(bytes)), (steps, end)));
                },
                None => {
                    if let Some(end) = &mut end {
                        end.is_complete = true;
                    }
                    return None;
                },
            }
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Tells the end of a response when it is dropped: whether all of it was sent, or the client went away before.
struct Watch {
    ending: Ending,
    is_complete: bool,
}

impl Watch {
    fn new(ending: Ending) -> Self {
        Self {
            ending,
            is_complete: false,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let end = serde_json::json!({ "isComplete": self.is_complete });
        if !self.ending.stash.add(&self.ending.token, end) {
            log::warn!("the stash is full: an end is not told");
        }
    }
}

async fn write_raw(stream: &mut impl Stream, steps: Vec<Step>, end: End) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Send(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
            },
            Step::Wait(time) => sleep(time).await,
            Step::Hold(gate) => gate.pass().await,
            Step::Endless(bytes) => loop {
                stream.write_all(&bytes).await?;
            },
        }
    }
    match end {
        End::Close => stream.shutdown().await,
        End::Reset => stream.prepare_reset(),
    }
}
