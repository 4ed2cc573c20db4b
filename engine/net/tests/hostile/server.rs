//! A server that follows the rules or breaks them, connection by connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::http2;

/// The body of every honest answer.
pub const HONEST: &str = "honest";

/// How much a server writes at most, so that a client that takes everything fails by its memory and not the machine.
const ENDLESS: usize = 128 << 20;

/// What carries the bytes: TCP, or TLS over it.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// HTTP/1.1 over TCP.
    Tcp,
    /// The same; the connection ends in a reset.
    Reset,
    /// HTTP/1.1 over TLS.
    Tls,
    /// HTTP/2 over TLS.
    Http2,
    /// The kind does the TLS handshake itself, or does not.
    RawTls,
}

/// One connection to a server, as a kind of misbehaviour has it.
pub struct Conn {
    /// The bytes.
    pub io: Box<dyn Io>,
    /// The number of connections before this one.
    pub index: usize,
    /// Whether the client speaks HTTP/2.
    pub over: Over,
    /// Where the server listens.
    pub address: SocketAddr,
    signals: Arc<Signals>,
    tls: Arc<Tls>,
}

/// What the two sides of a test tell each other.
#[derive(Default)]
pub struct Signals {
    /// A server has done what it does without end long enough.
    pub enough: Notify,
    /// The client is done with the misbehaviour; servers end, and new connections are served honestly.
    honest: AtomicBool,
    ended: Notify,
    /// Connections that are being served.
    open: AtomicUsize,
}

impl Signals {
    /// Begins the time of honest answers.
    pub fn be_honest(&self) {
        self.honest.store(true, Ordering::Release);
        self.ended.notify_waiters();
    }

    fn is_honest(&self) -> bool {
        self.honest.load(Ordering::Acquire)
    }

    /// The number of connections that are being served.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Acquire)
    }
}

impl Conn {
    /// Reads the head of a request of HTTP/1.1.
    pub async fn request(&mut self) -> io::Result<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.io.read_u8().await?);
        }
        Ok(String::from_utf8_lossy(&head).into_owned())
    }

    /// Writes `bytes`.
    pub async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    /// Writes `bytes`, and says that this was enough as soon as the client reads no more of them.
    pub async fn write_and_signal(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.chunks(64 << 10) {
            let write = self.io.write_all(piece);
            tokio::pin!(write);
            loop {
                tokio::select! {
                    written = &mut write => break written?,
                    () = sleep(Duration::from_millis(300)) => {},
                }
                if self.signals.is_honest() {
                    return Ok(());
                }
                self.signals.enough.notify_one();
            }
        }
        self.until_left_alone().await;
        Ok(())
    }

    /// Writes `bytes` over and over, until the client leaves or has taken far too much.
    pub async fn write_endlessly(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut piece = Vec::new();
        while piece.len() < 64 << 10 {
            piece.extend_from_slice(bytes);
        }
        let mut written = 0;
        while written < ENDLESS {
            self.io.write_all(&piece).await?;
            written += piece.len();
            if written > 16 << 20 {
                self.signals.enough.notify_one();
            }
        }
        Ok(())
    }

    /// Writes `bytes` over and over, one at a time, until the client leaves.
    pub async fn drip(&mut self, bytes: &[u8]) -> io::Result<()> {
        for (count, byte) in bytes.iter().cycle().enumerate() {
            self.write(&[*byte]).await?;
            if count == 50 {
                self.signals.enough.notify_one();
            }
            sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    /// Says nothing more, until the client leaves.
    pub async fn keep_silent(&mut self) -> io::Result<()> {
        self.signals.enough.notify_one();
        let mut ignored = [0; 4096];
        while self.io.read(&mut ignored).await? > 0 {}
        Ok(())
    }

    /// Says nothing more and reads nothing, until the client is done with this kind.
    pub async fn until_left_alone(&mut self) {
        let ended = self.signals.ended.notified();
        self.signals.enough.notify_one();
        if !self.signals.is_honest() {
            ended.await;
        }
    }

    /// Serves the requests of this connection as a server should.
    pub async fn be_honest(&mut self) -> io::Result<()> {
        if self.over == Over::Http2 {
            return http2::be_honest(self).await;
        }
        loop {
            let request = self.request().await?;
            let body = if request.starts_with("HEAD") {
                ""
            } else {
                HONEST
            };
            let length = HONEST.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            self.write(answer.as_bytes()).await?;
        }
    }

    /// Makes the TLS handshake; the application protocol is HTTP/1.1.
    pub async fn handshake(self) -> io::Result<Self> {
        let acceptor = self.tls.http1.clone();
        let io = Box::new(acceptor.accept(self.io).await?);
        Ok(Self { io, ..self })
    }
}

/// The identity of all servers.
pub struct Tls {
    http1: TlsAcceptor,
    http2: TlsAcceptor,
    /// The certificate of the authority, in PEM.
    pub authority: String,
}

impl Tls {
    /// A new authority with a server for `localhost`.
    pub fn new() -> Arc<Self> {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new(vec!["localhost".to_owned()])
            .expect("a name")
            .signed_by(&key, &authority)
            .expect("a certificate");
        let acceptor = |protocol: &[u8]| {
            let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_no_client_auth()
                .with_single_cert(
                    vec![leaf.der().clone()],
                    PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
                )
                .expect("a certificate and its key");
            config.alpn_protocols = vec![protocol.to_vec()];
            TlsAcceptor::from(Arc::new(config))
        };
        Arc::new(Self {
            http1: acceptor(b"http/1.1"),
            http2: acceptor(b"h2"),
            authority: authority.pem(),
        })
    }
}

/// A server of one kind of misbehaviour.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What the two sides tell each other.
    pub signals: Arc<Signals>,
}

impl Server {
    /// Runs `serve` for each connection, until [`Signals::be_honest`].
    pub async fn start<F, R>(over: Over, tls: Arc<Tls>, serve: F) -> Self
    where
        F: Fn(Conn) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let signals = Arc::new(Signals::default());
        let shared = Arc::clone(&signals);
        tokio::spawn(async move {
            let mut index = 0;
            while let Ok((stream, _)) = listener.accept().await {
                if over == Over::Reset {
                    let _ = stream.set_zero_linger();
                }
                let conn = Conn {
                    io: Box::new(stream),
                    index,
                    over,
                    address,
                    signals: Arc::clone(&shared),
                    tls: Arc::clone(&tls),
                };
                index += 1;
                let serve = serve.clone();
                let signals = Arc::clone(&shared);
                signals.open.fetch_add(1, Ordering::AcqRel);
                tokio::spawn(async move {
                    // What a server does not manage to send shows in what its client got.
                    let _ = serve_one(conn, serve).await;
                    signals.open.fetch_sub(1, Ordering::AcqRel);
                });
            }
        });
        Self { address, signals }
    }
}

async fn serve_one<F, R>(conn: Conn, serve: F) -> io::Result<()>
where
    F: Fn(Conn) -> R,
    R: Future<Output = io::Result<()>>,
{
    let is_honest = conn.signals.is_honest();
    let mut conn = match conn.over {
        Over::Tcp | Over::Reset => conn,
        Over::RawTls if !is_honest => conn,
        Over::Tls | Over::RawTls => conn.handshake().await?,
        Over::Http2 => {
            let acceptor = conn.tls.http2.clone();
            let io = Box::new(acceptor.accept(conn.io).await?);
            Conn { io, ..conn }
        },
    };
    if is_honest {
        return conn.be_honest().await;
    }
    serve(conn).await
}
