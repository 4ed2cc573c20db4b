//! Exchanges through SOCKS5 proxies.

use parking_lot::Mutex;
use tokio::io::{AsyncWriteExt, copy_bidirectional};

use super::*;
use crate::connection::{ConnectionError, ProxyChallenged, ProxyError, Route};
use crate::http_authentication::Credentials;

/// What a SOCKS5 proxy was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// The user name and password.
    pub(super) credentials: Option<(String, String)>,
    /// The type of the address, and the address.
    pub(super) address: (u8, Vec<u8>),
    /// The port.
    pub(super) port: u16,
}

/// A SOCKS5 proxy for which every server is `target`.
pub(super) struct SocksProxy {
    pub(super) server: Server,
    told: Arc<Mutex<Vec<Told>>>,
}

impl SocksProxy {
    /// With a password it takes this user and password only; otherwise it wants none.
    pub(super) async fn start(
        target: SocketAddr,
        password: Option<(&'static str, &'static str)>,
    ) -> Self {
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let log = Arc::clone(&told);
        let server = Server::start(move |mut stream, _| {
            let log = Arc::clone(&log);
            async move {
                let mut told = Told::default();
                let methods = read_short(&mut stream, 5).await?;
                let method = if password.is_some() { 2 } else { 0 };
                if !methods.contains(&method) {
                    return stream.write_all(&[5, 0xff]).await;
                }
                stream.write_all(&[5, method]).await?;
                if let Some((user, password)) = password {
                    let given = (
                        text_of(read_short(&mut stream, 1).await?),
                        text_of(read_string(&mut stream).await?),
                    );
                    let fits = (&*given.0, &*given.1) == (user, password);
                    stream.write_all(&[1, u8::from(!fits)]).await?;
                    told.credentials = Some(given);
                    if !fits {
                        log.lock().push(told);
                        return Ok(());
                    }
                }
                let mut request = [0; 4];
                stream.read_exact(&mut request).await?;
                assert_eq!(request[..3], [5, 1, 0]);
                told.address = match request[3] {
                    1 => (1, read_bytes(&mut stream, 4).await?),
                    4 => (4, read_bytes(&mut stream, 16).await?),
                    _ => (request[3], read_string(&mut stream).await?),
                };
                told.port = stream.read_u16().await?;
                log.lock().push(told);
                // The address from which the proxy connects, as a name, which is rare.
                stream.write_all(b"\x05\x00\x00\x03\x01x\x00\x01").await?;
                let mut onward = TcpStream::connect(target).await?;
                copy_bidirectional(&mut stream, &mut onward).await?;
                Ok(())
            }
        })
        .await;
        Self { server, told }
    }

    /// What it was told so far.
    pub(super) fn told(&self) -> Vec<Told> {
        self.told.lock().clone()
    }
}

async fn read_bytes(stream: &mut TcpStream, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn read_string(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u8().await?;
    read_bytes(stream, length.into()).await
}

/// A string after the number of the version.
async fn read_short(stream: &mut TcpStream, version: u8) -> io::Result<Vec<u8>> {
    assert_eq!(stream.read_u8().await?, version);
    read_string(stream).await
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn through(proxy: &str) -> Connections {
    Connections::new(ConnectionsOptions {
        proxies: Some(ProxySettings {
            http: proxy.to_owned(),
            https: proxy.to_owned(),
            exceptions: String::new(),
        }),
        ..options("")
    })
}

async fn server() -> Server {
    Server::start(|mut stream, _| async move {
        loop {
            let head = read_head(&mut stream).await?;
            let line = head.lines().next().unwrap_or_default();
            let answer = if head.contains("Upgrade: websocket") {
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                    .to_owned()
            } else {
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{line}", line.len())
            };
            stream.write_all(answer.as_bytes()).await?;
        }
    })
    .await
}

#[tokio::test]
async fn names_are_left_to_the_proxy() {
    let target = server().await;
    let proxy = SocksProxy::start(target.address, None).await;
    let connections = through(&format!("socks5://{}", proxy.server.address));
    for (host, address) in [
        ("no-such-name.test", (3, b"no-such-name.test".to_vec())),
        ("192.0.2.1", (1, vec![192, 0, 2, 1])),
        (
            "[2001:db8::1]",
            (4, {
                let mut bytes = vec![0; 16];
                bytes[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
                bytes[15] = 1;
                bytes
            }),
        ),
    ] {
        let url = format!("http://{host}:8080/path");
        let exchange = connections.exchange(get(&url)).await.unwrap();
        assert_eq!(exchange.record.route, Route::Proxy);
        assert!(exchange.record.resolved.is_empty());
        // The server is spoken to as if there were no proxy.
        assert_eq!(text(exchange).await, "GET /path HTTP/1.1");
        let told = proxy.told().pop().unwrap();
        assert_eq!(
            told,
            Told {
                credentials: None,
                address,
                port: 8080
            }
        );
    }
}

#[tokio::test]
async fn a_connection_through_the_proxy_is_used_again() {
    let target = server().await;
    let proxy = SocksProxy::start(target.address, None).await;
    let connections = through(&format!("socks5h://{}", proxy.server.address));
    for count in 0..3 {
        let exchange = connections.exchange(get("http://a.test/")).await.unwrap();
        assert_eq!(exchange.record.reused, count > 0);
        let _ = text(exchange).await;
        until_idle(&connections, 1).await;
    }
    assert_eq!(proxy.told().len(), 1);
}

#[tokio::test]
async fn websockets_go_through_it() {
    let target = server().await;
    let proxy = SocksProxy::start(target.address, Some(("user", "p:ss"))).await;
    let address = proxy.server.address;
    let connections = through(&format!("socks5://user:p%3Ass@{address}"));
    let mut request = get("ws://far.test/socket");
    request.upgrade = true;
    let exchange = connections.exchange(request).await.unwrap();
    assert!(exchange.upgraded.is_some());
    let told = proxy.told();
    assert_eq!(
        told[0].credentials,
        Some(("user".to_owned(), "p:ss".to_owned()))
    );
    assert_eq!(told[0].address, (3, b"far.test".to_vec()));
}

#[tokio::test]
async fn a_password_is_asked_for_and_kept() {
    let target = server().await;
    let proxy = SocksProxy::start(target.address, Some(("user", "secret"))).await;
    let authentication: Arc<parking_lot::RwLock<_>> = Arc::default();
    let connections = Connections::new(ConnectionsOptions {
        proxies: Some(ProxySettings {
            http: format!("socks5://{}", proxy.server.address),
            ..ProxySettings::default()
        }),
        authentication: Arc::clone(&authentication),
        ..options("")
    });
    for password in ["wrong", "secret"] {
        let result = connections.exchange(get("http://a.test/")).await;
        let Err(ConnectionError::Proxy(ProxyError::Authentication {
            challenge: Some(challenge),
        })) = result
        else {
            panic!("{result:?}");
        };
        let credentials = Credentials {
            username: "user".to_owned(),
            password: password.to_owned(),
        };
        challenge.answer(credentials, &mut authentication.write());
    }
    let exchange = connections.exchange(get("http://a.test/")).await.unwrap();
    assert_eq!(text(exchange).await, "GET / HTTP/1.1");
    assert_eq!(proxy.told().len(), 2);
}

#[tokio::test]
async fn failures_of_the_proxy_are_told_apart() {
    let cases: [(&'static [u8], ProxyError); 6] = [
        (
            b"\x05\x00\x05\x05\x00\x01",
            ProxyError::SocksRefused { reply: 5 },
        ),
        (
            b"\x05\x00\x05\x02\x00\x01",
            ProxyError::SocksRefused { reply: 2 },
        ),
        (b"\x04\x00", ProxyError::NotSocks),
        (b"\x05\x02", ProxyError::NotSocks),
        (b"\x05\x00\x05\x00\x00\x09", ProxyError::NotSocks),
        (b"HTTP/1.1 400 What?\r\n\r\n", ProxyError::NotSocks),
    ];
    for (answer, expected) in cases {
        let proxy = Server::start(move |mut stream, _| async move {
            stream.write_all(answer).await?;
            // Whatever else it is told is read, so that the answer is not lost in a reset.
            let mut rest = Vec::new();
            stream.shutdown().await?;
            stream.read_to_end(&mut rest).await?;
            Ok(())
        })
        .await;
        let connections = through(&format!("socks5://{}", proxy.address));
        let result = connections.exchange(get("http://far.test/")).await;
        assert!(
            matches!(&result, Err(ConnectionError::Proxy(error)) if *error == expected),
            "{answer:?}: {result:?}"
        );
    }
}

#[tokio::test]
async fn what_is_asked_for_is_no_secret() {
    let proxy = SocksProxy::start("127.0.0.1:9".parse().unwrap(), Some(("user", "secret"))).await;
    let address = proxy.server.address;
    let connections = through(&format!("socks5://user:hunter2@{address}"));
    let error = connections
        .exchange(get("http://a.test/"))
        .await
        .unwrap_err();
    let shown = format!("{error} {error:?} {:?}", ProxyChallenged::Unsupported);
    assert!(!shown.contains("hunter2"), "{shown}");
}
