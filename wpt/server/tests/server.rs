//! The server over real connections: each protocol, raw answers, and what its handlers have seen.

use std::fs;
use std::io::ErrorKind;
use std::net::Ipv4Addr;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls_pki_types::ServerName;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use wpt_server::ca::TestCa;
use wpt_server::files::Roots;
use wpt_server::server::{Numbers, Server};

const HOST: &str = "www1.web-platform.test";

struct World {
    server: Server,
    ca: TestCa,
    _folder: TempDir,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [
            ("page.sub.html", "{{location[host]}} {{ports[http][0]}}"),
            ("text.txt", "0123456789"),
            ("raw.asis", "HTTP/1.1 299 Odd\r\nX: y\r\n\r\nbody"),
        ] {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        let mut roots = Roots::default();
        roots.add("/", folder.path());
        let ca = TestCa::new().expect("a root");
        let server = Server::start(roots, Numbers::Free, &ca)
            .await
            .expect("a server");
        Self {
            server,
            ca,
            _folder: folder,
        }
    }

    fn port(&self, kind: &str) -> u16 {
        self.server.ports().get(kind, 0).expect("a port")
    }

    async fn connect(&self, kind: &str) -> TcpStream {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port(kind)))
            .await
            .expect("a connection")
    }

    async fn connect_tls(&self, kind: &str, protocol: &[u8]) -> TlsStream<TcpStream> {
        let config = self.ca.client_config(&[protocol]).expect("a client");
        let name = ServerName::try_from(HOST).expect("a name");
        TlsConnector::from(config)
            .connect(name, self.connect(kind).await)
            .await
            .expect("a handshake")
    }

    /// Everything that comes for one request by HTTP/1.1.
    async fn get(&self, path: &str) -> String {
        let mut stream = self.connect("http").await;
        exchange(&mut stream, path).await.expect("an answer")
    }

    async fn records(&self, token: &str) -> Vec<Value> {
        let answer = self
            .get(&format!("/a/resources/records.py?token={token}"))
            .await;
        let (_, body) = answer.split_once("\r\n\r\n").expect("a header");
        serde_json::from_str(body).expect("JSON")
    }

    /// How the responses under a token ended, once there is one.
    async fn ends(&self, token: &str) -> Vec<bool> {
        loop {
            let ends = self.records(token).await;
            if !ends.is_empty() {
                return ends.iter().map(|end| end["isComplete"] == true).collect();
            }
            tokio::task::yield_now().await;
        }
    }
}

/// Sends a request and reads until the connection ends.
async fn exchange(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    path: &str,
) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}:8000\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8(answer).expect("UTF-8"))
}

#[tokio::test]
async fn files_are_served() {
    let world = World::start().await;
    let page = world.get("/page.sub.html").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    let expected = format!("{HOST}:8000 {}", world.port("http"));
    assert!(page.ends_with(&expected), "{page}");

    let missing = world.get("/missing.html").await;
    assert!(missing.starts_with("HTTP/1.1 404 "), "{missing}");

    let piped = world
        .get("/text.txt?pipe=slice(0,4)|trickle(2:d0.01:r2)|status(201)")
        .await;
    assert!(piped.starts_with("HTTP/1.1 201 "), "{piped}");
    assert!(piped.contains("2\r\n01\r\n2\r\n23\r\n0\r\n"), "{piped}");
}

#[tokio::test]
async fn raw_answers_are_sent_byte_by_byte() {
    let world = World::start().await;
    assert_eq!(
        world.get("/raw.asis").await,
        "HTTP/1.1 299 Odd\r\nX: y\r\n\r\nbody"
    );
    assert_eq!(world.get("/resources/broken.py?kind=close").await, "");
    let garbage = world.get("/resources/broken.py?kind=garbage").await;
    assert!(garbage.contains("this is no HTTP"), "{garbage}");

    let mut stream = world.connect("http").await;
    let error = exchange(&mut stream, "/resources/broken.py?kind=reset")
        .await
        .expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let mut stream = world.connect_tls("https", b"http/1.1").await;
    let cut = exchange(&mut stream, "/resources/broken.py?kind=cut-body").await;
    assert!(cut.expect("an answer").ends_with("the beginning"));
}

#[tokio::test]
async fn what_was_seen_can_be_told_apart() {
    let world = World::start().await;
    // Two requests over one connection, a third over another.
    let mut stream = world.connect_tls("https", b"http/1.1").await;
    let path = "/a/resources/respond.py?token=t";
    let first = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Test: 1\r\n\r\n");
    stream
        .write_all(first.as_bytes())
        .await
        .expect("it is sent");
    exchange(&mut stream, path).await.expect("an answer");
    world.get(path).await;

    let seen = world.records("t").await;
    let connections: Vec<&Value> = seen.iter().map(|seen| &seen["connection"]).collect();
    assert_eq!(seen.len(), 3);
    assert_eq!(connections[0]["number"], connections[1]["number"]);
    assert_ne!(connections[1]["number"], connections[2]["number"]);
    assert_eq!(connections[0]["isSecure"], true);
    assert_eq!(connections[2]["isSecure"], false);
    assert_eq!(connections[2]["port"], world.port("http"));
    assert_eq!(seen[0]["headers"][1], serde_json::json!(["x-test", "1"]));
    assert_eq!(seen[0]["url"], format!("https://{HOST}{path}"));
    assert_eq!(world.server.stash().list("t").len(), 3);
}

#[tokio::test]
async fn http2_is_spoken_on_its_port() {
    let world = World::start().await;
    let stream = world.connect_tls("h2", b"h2").await;
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .expect("HTTP/2");
    tokio::spawn(connection);
    let request = |path: &str| {
        Request::get(format!("https://{HOST}:9000{path}"))
            .body(Empty::<Bytes>::new())
            .expect("a request")
    };
    let response = sender
        .send_request(request("/resources/echo.py"))
        .await
        .expect("a response");
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.expect("a body");
    let seen: Value = serde_json::from_slice(&body.to_bytes()).expect("JSON");
    assert_eq!(seen["version"], "HTTP/2.0");
    assert_eq!(
        seen["url"],
        format!("https://{HOST}:9000/resources/echo.py")
    );

    // A broken answer ends its stream and no other.
    let broken = request("/resources/broken.py?kind=close");
    assert!(sender.send_request(broken).await.is_err());
    let response = sender.send_request(request("/text.txt")).await;
    assert_eq!(response.expect("a response").status(), StatusCode::OK);
}

#[tokio::test]
async fn messages_are_echoed() {
    let world = World::start().await;
    let stream = world.connect_tls("wss", b"http/1.1").await;
    let url = format!("wss://{HOST}:8667/echo?token=w");
    let (mut socket, _) = client_async(url, stream).await.expect("a handshake");
    socket
        .send(Message::text("hello"))
        .await
        .expect("it is sent");
    let echo = socket.next().await.expect("a message").expect("a message");
    assert_eq!(echo, Message::text("hello"));
    assert_eq!(world.records("w").await.len(), 1);

    let stream = world.connect("ws").await;
    let url = format!("ws://{HOST}/?refuse=403");
    assert!(client_async(url, stream).await.is_err());
}

#[tokio::test]
async fn held_responses_go_on_when_their_gate_opens() {
    let world = World::start().await;
    let mut stream = world.connect("http").await;
    let path = "/resources/respond.py?hold-body=g&body=abcd&ends=e";
    let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut answer = String::new();
    while !answer.ends_with("2\r\nab\r\n") {
        answer.push(char::from(stream.read_u8().await.expect("a byte")));
    }
    assert!(world.records("e").await.is_empty(), "it has not ended");
    world.get("/resources/release.py?gate=g").await;
    stream
        .read_to_string(&mut answer)
        .await
        .expect("all of the answer");
    assert!(answer.ends_with("2\r\ncd\r\n0\r\n\r\n"), "{answer}");
    assert_eq!(world.ends("e").await, [true]);
}

#[tokio::test]
async fn who_goes_away_early_is_told_of() {
    let world = World::start().await;
    for (query, token) in [
        ("hold=never&ends=head", "head"),
        ("hold-body=never&body=abcd&ends=body", "body"),
        ("endless&ends=endless", "endless"),
    ] {
        let mut stream = world.connect("http").await;
        let request = format!(
            "GET /resources/respond.py?{query}&token={token}-seen HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it is sent");
        while world.records(&format!("{token}-seen")).await.is_empty() {
            tokio::task::yield_now().await;
        }
        if token != "head" {
            stream.read_u8().await.expect("a byte");
        }
        drop(stream);
        assert_eq!(world.ends(token).await, [false], "{query}");
    }
}

#[tokio::test]
async fn certificates_are_good_for_all_hosts() {
    let world = World::start().await;
    let config = world.ca.client_config(&[b"http/1.1"]).expect("a client");
    for host in [
        "web-platform.test",
        "not-web-platform.test",
        "xn--lve-6lad.www2.not-web-platform.test",
    ] {
        let name = ServerName::try_from(host).expect("a name");
        TlsConnector::from(config.clone())
            .connect(name, world.connect("https-public").await)
            .await
            .expect(host);
    }
}

#[tokio::test]
async fn the_proxy_leads_to_the_other_ports() {
    let world = World::start().await;
    let asked = async |authority: &str| {
        let mut stream = world.connect("proxy").await;
        let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it is sent");
        let mut answer = String::new();
        while !answer.ends_with("\r\n\r\n") {
            answer.push(char::from(stream.read_u8().await.expect("a byte")));
        }
        (stream, answer)
    };
    let path = "/resources/respond.py?token=p";
    let (mut tunnel, answer) = asked(&format!("{HOST}:{}", world.port("http"))).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    exchange(&mut tunnel, path).await.expect("an answer");
    world.get(path).await;
    let proxied: Vec<Value> = world
        .records("p")
        .await
        .iter()
        .map(|seen| seen["connection"]["isProxied"].clone())
        .collect();
    assert_eq!(proxied, [true, false]);

    for elsewhere in ["elsewhere.test:80", "127.0.0.1:80"] {
        let (_, answer) = asked(elsewhere).await;
        assert!(answer.starts_with("HTTP/1.1 502 "), "{elsewhere}: {answer}");
    }
    let mut stream = world.connect("proxy").await;
    let answer = exchange(&mut stream, "/text.txt").await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}
