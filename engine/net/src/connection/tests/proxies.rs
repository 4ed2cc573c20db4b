//! Exchanges through proxies.

use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::sync::mpsc;

use super::*;
use crate::connection::{ConnectionError, ProxyError, Route};

fn through(proxy: &Server) -> Connections {
    Connections::new(ConnectionsOptions {
        proxies: Some(ProxySettings {
            http: format!("http://user:pass@{}", proxy.address),
            https: proxy.address.to_string(),
            exceptions: "direct.test".to_owned(),
        }),
        ..options("127.0.0.1 direct.test")
    })
}

/// A proxy that answers each request itself and reports its head.
async fn answering_proxy(answer: &'static str) -> (Server, mpsc::UnboundedReceiver<String>) {
    let (report, reports) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _| {
        let report = report.clone();
        async move {
            loop {
                let _ = report.send(read_head(&mut stream).await?);
                stream.write_all(answer.as_bytes()).await?;
            }
        }
    })
    .await;
    (server, reports)
}

#[tokio::test]
async fn http_is_forwarded() {
    let (proxy, mut reports) =
        answering_proxy("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let connections = through(&proxy);
    let exchange = connections
        .exchange(get("http://far.test/path?query"))
        .await
        .unwrap();
    assert_eq!(exchange.record.route, Route::Proxy);
    assert!(exchange.record.resolved.is_empty());
    assert_eq!(text(exchange).await, "ok");
    let head = reports.recv().await.unwrap();
    assert!(
        head.starts_with("GET http://far.test/path?query HTTP/1.1\r\nHost: far.test\r\n"),
        "{head}"
    );
    assert!(head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));

    // Without the proxy, the open connection is not used any more.
    until_idle(&connections, 1).await;
    connections.set_proxies(Some(ProxySettings::default()));
    let result = connections.exchange(get("http://far.test.invalid/")).await;
    assert!(result.is_err());
}

#[tokio::test]
async fn exceptions_and_loopback_go_directly() {
    let (proxy, mut reports) = answering_proxy("HTTP/1.1 500 No\r\n\r\n").await;
    let (server, _heads) = answering_proxy("HTTP/1.1 204 Direct\r\n\r\n").await;
    let connections = through(&proxy);
    for host in ["direct.test", "127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}/", server.address.port());
        let exchange = connections.exchange(get(&url)).await.unwrap();
        assert_eq!(exchange.record.route, Route::Direct);
        assert_eq!(exchange.status, 204, "{host}");
    }
    assert!(reports.try_recv().is_err());
}

#[tokio::test]
async fn a_tunnel_carries_what_is_not_forwarded() {
    let (server, mut heads) = answering_proxy(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    )
    .await;
    let target = server.address;
    let (report, mut reports) = mpsc::unbounded_channel();
    let proxy = Server::start(move |mut stream, _| {
        let report = report.clone();
        async move {
            let _ = report.send(read_head(&mut stream).await?);
            let mut onward = TcpStream::connect(target).await?;
            stream
                .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .await?;
            copy_bidirectional(&mut stream, &mut onward).await?;
            Ok(())
        }
    })
    .await;
    let mut request = get("ws://far.test:8080/socket");
    request.upgrade = true;
    let exchange = through(&proxy).exchange(request).await.unwrap();
    assert_eq!(exchange.record.route, Route::Proxy);
    assert!(exchange.upgraded.is_some());
    let head = reports.recv().await.unwrap();
    assert!(
        head.starts_with("CONNECT far.test:8080 HTTP/1.1\r\nHost: far.test:8080\r\n"),
        "{head}"
    );
    assert!(head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"));
    let head = heads.recv().await.unwrap();
    assert!(head.starts_with("GET /socket HTTP/1.1\r\n"), "{head}");
    assert!(!head.contains("Proxy-Authorization"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_fails_is_no_reason_to_go_directly() {
    let cases = [
        (
            "HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n",
            ProxyError::Authentication { challenge: None },
        ),
        (
            "HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n",
            ProxyError::Refused { status: 502 },
        ),
        ("gibberish\r\n\r\n", ProxyError::Protocol),
        ("HTTP/1.1 200 OK\r\n\r\nI speak first", ProxyError::Protocol),
    ];
    for (answer, expected) in cases {
        let (proxy, _reports) = answering_proxy(answer).await;
        let result = through(&proxy).exchange(get("https://far.test/")).await;
        assert!(
            matches!(&result, Err(ConnectionError::Proxy(error)) if *error == expected),
            "{answer:?}: {result:?}"
        );
    }

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let connections = Connections::new(ConnectionsOptions {
        proxies: Some(ProxySettings {
            http: closed.to_string(),
            https: format!("socks5://{closed}"),
            ..ProxySettings::default()
        }),
        ..options("")
    });
    for url in ["http://far.test/", "https://far.test/"] {
        let result = connections.exchange(get(url)).await;
        assert!(
            matches!(result, Err(ConnectionError::Proxy(_))),
            "{url}: {result:?}"
        );
    }
}

#[tokio::test]
async fn a_pinned_request_does_not_go_through_a_proxy() {
    let (proxy, mut reports) =
        answering_proxy("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let mut request = get("http://far.test/");
    request.pinned = Some(vec!["127.0.0.1".parse().unwrap()]);
    let result = through(&proxy).exchange(request).await;
    assert!(
        matches!(result, Err(ConnectionError::NoPinnedAddress)),
        "{result:?}"
    );
    assert!(reports.try_recv().is_err());
}
