//! Proxies that want to know who is there.

use http::{HeaderName, HeaderValue, StatusCode};
use parking_lot::RwLock;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::sync::mpsc;

use super::*;
use crate::connection::{ConnectionError, ProxyChallenge, ProxyChallenged, ProxyError};
use crate::http_authentication::{AuthenticationEntries, Credentials};

const BASIC: &str = "Basic realm=\"proxy\"";
const DIGEST: &str = "Digest realm=\"proxy\", qop=\"auth\", algorithm=SHA-256, nonce=";

/// A proxy that asks with `challenge(count)` for as long as `lets_in` does not take what it was sent; then it forwards, or
/// opens a tunnel to `target`. It reports the head of each request.
async fn asking_proxy(
    challenge: impl Fn(usize) -> String + Send + Sync + 'static,
    lets_in: fn(&str) -> bool,
    target: SocketAddr,
) -> (Server, mpsc::UnboundedReceiver<String>) {
    let (report, reports) = mpsc::unbounded_channel();
    let challenge = Arc::new(challenge);
    let count = Arc::new(AtomicUsize::new(0));
    let server = Server::start(move |mut stream, _| {
        let (report, challenge, count) = (report.clone(), challenge.clone(), count.clone());
        async move {
            loop {
                let head = read_head(&mut stream).await?;
                let _ = report.send(head.clone());
                let given = field(&head, "Proxy-Authorization");
                if !given.is_some_and(lets_in) {
                    let challenge = challenge(count.fetch_add(1, Ordering::SeqCst));
                    let answer = format!(
                        "HTTP/1.1 407 Who?\r\nProxy-Authenticate: {challenge}\r\nContent-Length: 0\r\n\r\n"
                    );
                    stream.write_all(answer.as_bytes()).await?;
                } else if head.starts_with("CONNECT ") {
                    let mut onward = TcpStream::connect(target).await?;
                    stream.write_all(b"HTTP/1.1 200 Go\r\n\r\n").await?;
                    copy_bidirectional(&mut stream, &mut onward).await?;
                    return Ok(());
                } else {
                    stream
                        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                        .await?;
                }
            }
        }
    })
    .await;
    (server, reports)
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(": "))
        .find_map(|(found, value)| (found == name).then_some(value))
}

fn is_digest(value: &str) -> bool {
    value.starts_with("Digest ") && value.contains("username=\"user\"")
}

fn through(proxy: &str) -> (Connections, Arc<RwLock<AuthenticationEntries>>) {
    let authentication: Arc<RwLock<AuthenticationEntries>> = Arc::default();
    let connections = Connections::new(ConnectionsOptions {
        proxies: Some(ProxySettings {
            http: proxy.to_owned(),
            https: proxy.to_owned(),
            exceptions: String::new(),
        }),
        authentication: Arc::clone(&authentication),
        ..options("")
    });
    (connections, authentication)
}

/// A WebSocket's request, which needs a tunnel.
fn socket() -> OutgoingRequest {
    let mut request = get("ws://far.test/");
    request.upgrade = true;
    request
}

fn user() -> Credentials {
    Credentials {
        username: "user".to_owned(),
        password: "secret".to_owned(),
    }
}

async fn websocket_server() -> (Server, mpsc::UnboundedReceiver<String>) {
    let (report, reports) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _| {
        let report = report.clone();
        async move {
            let _ = report.send(read_head(&mut stream).await?);
            stream
                .write_all(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                )
                .await
        }
    })
    .await;
    (server, reports)
}

fn asked(result: Result<Exchange, ConnectionError>) -> Box<ProxyChallenge> {
    match result {
        Err(ConnectionError::Proxy(ProxyError::Authentication {
            challenge: Some(challenge),
        })) => challenge,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tunnel_is_asked_for_again_with_what_the_person_gives() {
    let (server, mut heads) = websocket_server().await;
    for (challenge, lets_in) in [
        (
            BASIC,
            (|value| value == "Basic dXNlcjpzZWNyZXQ=") as fn(&str) -> bool,
        ),
        (&*format!("{DIGEST}\"1\""), is_digest),
    ] {
        let challenge = challenge.to_owned();
        let (proxy, mut reports) =
            asking_proxy(move |_| challenge.clone(), lets_in, server.address).await;
        let (connections, entries) = through(&proxy.address.to_string());
        let challenge = asked(connections.exchange(socket()).await);
        assert_eq!(
            challenge.proxy_url().unwrap().as_str(),
            format!("http://{}/", proxy.address)
        );
        challenge.answer(user(), &mut entries.write());
        assert!(
            connections
                .exchange(socket())
                .await
                .unwrap()
                .upgraded
                .is_some()
        );
        // What is known is sent unasked from here on.
        assert!(
            connections
                .exchange(socket())
                .await
                .unwrap()
                .upgraded
                .is_some()
        );
        let mut sent = Vec::new();
        while let Ok(head) = reports.try_recv() {
            assert!(head.starts_with("CONNECT far.test:80 "), "{head}");
            sent.push(field(&head, "Proxy-Authorization").is_some());
        }
        assert_eq!(sent, [false, true, true]);
        for _ in 0..2 {
            let head = heads.recv().await.unwrap();
            assert!(!head.contains("Authorization"), "{head}");
        }
    }
}

#[tokio::test]
async fn the_urls_credentials_answer_digest_without_anybodys_help() {
    let (server, _heads) = websocket_server().await;
    // Each nonce is good for one request.
    let (proxy, mut reports) = asking_proxy(
        |count| format!("{DIGEST}\"{count}\", stale=true"),
        is_digest,
        server.address,
    )
    .await;
    let (connections, _) = through(&format!("http://user:secret@{}", proxy.address));
    assert!(
        connections
            .exchange(socket())
            .await
            .unwrap()
            .upgraded
            .is_some()
    );
    let first = reports.recv().await.unwrap();
    assert!(
        field(&first, "Proxy-Authorization")
            .unwrap()
            .starts_with("Basic ")
    );
    let second = reports.recv().await.unwrap();
    assert!(
        field(&second, "Proxy-Authorization")
            .unwrap()
            .contains("uri=\"far.test:80\"")
    );
}

#[tokio::test]
async fn a_proxy_cannot_ask_forever() {
    let (proxy, mut reports) = asking_proxy(
        |count| format!("{DIGEST}\"{count}\", stale=true"),
        |_| false,
        "127.0.0.1:9".parse().unwrap(),
    )
    .await;
    let (connections, _) = through(&format!("http://user:secret@{}", proxy.address));
    let result = connections.exchange(socket()).await;
    assert!(
        matches!(
            &result,
            Err(ConnectionError::Proxy(ProxyError::Authentication { .. }))
        ),
        "{result:?}"
    );
    let mut count = 0;
    while reports.try_recv().is_ok() {
        count += 1;
    }
    assert!(count <= 4, "{count}");
}

#[tokio::test]
async fn a_forwarding_proxy_says_what_it_wants() {
    let (proxy, mut reports) = asking_proxy(
        |_| format!("{DIGEST}\"1\", {BASIC}"),
        is_digest,
        "127.0.0.1:9".parse().unwrap(),
    )
    .await;
    let (connections, entries) = through(&proxy.address.to_string());
    let request = || get("http://far.test/a?b");
    let exchange = connections.exchange(request()).await.unwrap();
    assert_eq!(exchange.status, StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    let Some(ProxyChallenged::Unanswered(challenge)) = &exchange.proxy_challenged else {
        panic!("{:?}", exchange.proxy_challenged);
    };
    challenge.answer(user(), &mut entries.write());
    let exchange = connections.exchange(request()).await.unwrap();
    assert_eq!(exchange.proxy_challenged, None);
    assert_eq!(text(exchange).await, "ok");
    let _ = reports.recv().await;
    let head = reports.recv().await.unwrap();
    let given = field(&head, "Proxy-Authorization").unwrap();
    assert!(given.contains("uri=\"http://far.test/a?b\""), "{given}");
}

#[tokio::test]
async fn no_server_gets_what_is_meant_for_a_proxy() {
    let (server, mut heads) = {
        let (report, reports) = mpsc::unbounded_channel();
        let server = Server::start(move |mut stream, _| {
            let report = report.clone();
            async move {
                let _ = report.send(read_head(&mut stream).await?);
                stream
                    .write_all(
                        format!(
                            "HTTP/1.1 407 Me?\r\nProxy-Authenticate: {BASIC}\r\nContent-Length: 0\r\n\r\n"
                        )
                        .as_bytes(),
                    )
                    .await
            }
        })
        .await;
        (server, reports)
    };
    let (connections, _) = through("http://user:secret@127.0.0.1:9");
    // Loopback is reached without the proxy; that its server plays a proxy changes nothing.
    let mut request = get(&server.url("/"));
    request.headers.insert(
        HeaderName::from_static("x-mine"),
        HeaderValue::from_static("1"),
    );
    let exchange = connections.exchange(request).await.unwrap();
    assert_eq!(exchange.status, StatusCode::PROXY_AUTHENTICATION_REQUIRED);
    assert_eq!(exchange.proxy_challenged, None);
    let head = heads.recv().await.unwrap();
    assert!(
        head.contains("x-mine: 1") || head.contains("X-Mine: 1"),
        "{head}"
    );
    assert!(!head.contains("Authorization"), "{head}");
}
