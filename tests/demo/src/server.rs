//! One HTTPS server on loopback, HTTP/2 or HTTP/1.1 by ALPN, that records what it saw.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::ca::TestCa;
use crate::record::{RequestLog, SeenRequest};

/// The longest request body that a server reads, in bytes.
const MAX_REQUEST_BODY: usize = 64 * 1024;

/// The address from which a request came, among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What a server does: it answers requests that have arrived whole.
pub trait Service: Send + Sync + 'static {
    /// Answers one request. Its URI has a path and a query; over HTTP/2 it has an authority too.
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes>;
}

/// A place on loopback that waits for its service: taken first, so that services can know each other's origins.
pub struct Site {
    host: String,
    listener: TcpListener,
    address: SocketAddr,
}

impl Site {
    /// Takes a port on loopback for a host; port 0 is any that is free.
    ///
    /// # Errors
    ///
    /// If the port is taken.
    pub async fn bind(host: &str, port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .with_context(|| format!("port {port} on loopback cannot be taken for {host}"))?;
        let address = listener.local_addr()?;
        Ok(Self {
            host: host.to_owned(),
            listener,
            address,
        })
    }

    /// The origin that pages see, as a URL.
    ///
    /// # Errors
    ///
    /// If the host is no DNS name.
    pub fn origin(&self) -> Result<Url> {
        Ok(Url::parse(&format!(
            "https://{}:{}/",
            self.host,
            self.address.port()
        ))?)
    }

    /// Starts answering.
    ///
    /// # Errors
    ///
    /// If no certificate can be made for the host.
    pub fn serve(self, ca: &TestCa, service: impl Service) -> Result<Server> {
        let tls = ca.server_config(&[&self.host])?;
        self.serve_with_tls(tls, service)
    }

    /// Starts answering with a certificate of the caller's choice, which a test may want to be a bad one.
    ///
    /// # Errors
    ///
    /// If the host is no DNS name.
    pub fn serve_with_tls(self, tls: Arc<ServerConfig>, service: impl Service) -> Result<Server> {
        let (origin, address, log) = (self.origin()?, self.address, RequestLog::default());
        let task = tokio::spawn(accept(self.listener, tls, Arc::new(service), log.clone()));
        Ok(Server {
            origin,
            address,
            log,
            task,
        })
    }
}

/// A running server. It stops, and closes its connections, when dropped.
pub struct Server {
    origin: Url,
    address: SocketAddr,
    log: RequestLog,
    task: JoinHandle<()>,
}

impl Server {
    /// The server's origin, as a URL with the path `/`.
    pub fn origin(&self) -> &Url {
        &self.origin
    }

    /// The URL of a path here; the origin itself if it is none.
    pub fn url(&self, path: &str) -> Url {
        self.origin
            .join(path)
            .unwrap_or_else(|_| self.origin.clone())
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it saw.
    pub fn log(&self) -> &RequestLog {
        &self.log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Accepts connections until the task is dropped, and their tasks with it.
async fn accept<S: Service>(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    service: Arc<S>,
    log: RequestLog,
) {
    let acceptor = TlsAcceptor::from(tls);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, acceptor.clone(), service.clone(), log.clone()));
                },
                // The client may be gone already; that ends no server.
                Err(error) => log::debug!("a connection was not accepted: {error}"),
            },
            Some(_) = connections.join_next() => {},
        }
    }
}

async fn serve_connection<S: Service>(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    service: Arc<S>,
    log: RequestLog,
) {
    let peer = match stream.peer_addr() {
        Ok(peer) => Peer(peer.ip()),
        Err(error) => return log::debug!("a client is gone: {error}"),
    };
    let stream = match acceptor.accept(stream).await {
        Ok(stream) => stream,
        Err(error) => return log::debug!("a TLS handshake failed: {error}"),
    };
    let answering = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        respond(request, service.clone(), log.clone())
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    if let Err(error) = builder
        .serve_connection(TokioIo::new(stream), answering)
        .await
    {
        log::debug!("a connection ended early: {error}");
    }
}

async fn respond<S: Service>(
    request: Request<Incoming>,
    service: Arc<S>,
    log: RequestLog,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let (request, response) = match Limited::new(body, MAX_REQUEST_BODY).collect().await {
        Ok(body) => {
            let request = Request::from_parts(parts, body.to_bytes());
            let response = service.answer(&request);
            (request, response)
        },
        Err(_) => {
            let request = Request::from_parts(parts, Bytes::new());
            (
                request,
                crate::reply::text(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "the body is too long or ended early",
                ),
            )
        },
    };
    log.push(SeenRequest::new(&request, response.status()));
    Ok(response.map(Full::new))
}
