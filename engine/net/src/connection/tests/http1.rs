//! HTTP/1.1: reuse, separation, limits and cancellation.

use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use http::HeaderValue;
use http::header::HeaderName;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, mpsc};
use user_cors::Site;

use super::*;
use crate::connection::{Admission, ConnectionError, HttpVersion, RequestBodyReader, Route};

/// A server that answers each request with the number of its connection.
async fn numbering_server() -> Server {
    Server::start(|mut stream, index| async move {
        loop {
            read_head(&mut stream).await?;
            let answer = format!("HTTP/1.1 200 Fine\r\nContent-Length: 1\r\n\r\n{index}");
            stream.write_all(answer.as_bytes()).await?;
        }
    })
    .await
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = numbering_server().await;
    let connections = Connections::new(options(""));

    let first = connections.exchange(get(&server.url("/"))).await.unwrap();
    assert_eq!(first.status, 200);
    assert_eq!(first.reason, b"Fine");
    assert!(!first.record.reused);
    assert!(first.record.timings.connect_start.is_some());
    assert_eq!(first.record.version, HttpVersion::Http1);
    assert_eq!(first.record.route, Route::Direct);
    assert_eq!(first.record.peer, server.address);
    assert_eq!(first.record.resolved, [server.address.ip()]);
    assert!(first.record.tls.is_none());
    assert_eq!(text(first).await, "0");
    until_idle(&connections, 1).await;

    let second = connections.exchange(get(&server.url("/"))).await.unwrap();
    assert!(second.record.reused);
    assert!(second.record.timings.connect_start.is_none());
    assert!(second.record.timings.request_start.is_some());
    assert_eq!(text(second).await, "0");
    until_idle(&connections, 1).await;

    let mut request = get(&server.url("/"));
    request.force_new_connection = true;
    let third = connections.exchange(request).await.unwrap();
    assert!(!third.record.reused);
    assert_eq!(text(third).await, "1");
}

#[tokio::test]
async fn a_connection_is_kept_only_after_the_whole_body() {
    let server = numbering_server().await;
    let connections = Connections::new(options(""));
    let unread = connections.exchange(get(&server.url("/"))).await.unwrap();
    let other = connections.exchange(get(&server.url("/"))).await.unwrap();
    assert!(!other.record.reused);
    assert_eq!(text(unread).await, "0");
    assert_eq!(text(other).await, "1");
}

#[tokio::test]
async fn keys_share_nothing() {
    let server = numbering_server().await;
    let connections = Connections::new(options(""));
    let site = |name: &str| Site::parse(&format!("https://{name}"));
    let requester = |name: &str| {
        ServoUrl::parse(&format!("https://{name}/"))
            .unwrap()
            .origin()
    };
    let variants = [
        (None, ConnectionCredentials::Included),
        (None, ConnectionCredentials::Excluded),
        (
            None,
            ConnectionCredentials::Anonymous(requester("a.test").into()),
        ),
        (
            None,
            ConnectionCredentials::Anonymous(requester("b.test").into()),
        ),
        (site("a.test"), ConnectionCredentials::Included),
        (site("b.test"), ConnectionCredentials::Included),
    ];
    for round in 0..2 {
        for (index, (partition, credentials)) in variants.iter().enumerate() {
            let mut request = get(&server.url("/"));
            request.key.partition = NetworkPartitionKey(partition.clone());
            request.key.credentials = credentials.clone();
            let exchange = connections.exchange(request).await.unwrap();
            assert_eq!(exchange.record.reused, round == 1);
            assert_eq!(exchange.record.key.credentials, *credentials);
            assert_eq!(text(exchange).await, index.to_string());
            let idle = if round == 0 {
                index + 1
            } else {
                variants.len()
            };
            until_idle(&connections, idle).await;
        }
    }
    connections.close_idle();
    assert_eq!(connections.idle_count(), 0);
}

/// A server that ends a connection when it gets a second request on it, which is for `/second`. It answers others with their
/// body, or `ok`.
async fn fickle_server() -> Server {
    Server::start(|mut stream, _| async move {
        for number in 0.. {
            let head = read_head(&mut stream).await?.to_ascii_lowercase();
            let mut body = Vec::new();
            if let Some((_, rest)) = head.split_once("content-length: ") {
                let length = rest.split("\r\n").next().unwrap_or_default();
                body.resize(length.parse().unwrap_or_default(), 0);
                stream.read_exact(&mut body).await?;
            }
            if number > 0 && head.contains("/second") {
                break;
            }
            if body.is_empty() {
                body.extend(b"ok");
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat()).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_safe_request_is_sent_again_when_a_used_connection_ends() {
    let server = fickle_server().await;
    let connections = Connections::new(options(""));
    leave_idle(&connections, get(&server.url("/first"))).await;
    let second = connections
        .exchange(get(&server.url("/second")))
        .await
        .unwrap();
    assert!(!second.record.reused);
    assert_eq!(text(second).await, "ok");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_unsafe_request_is_never_sent_twice() {
    let server = fickle_server().await;
    let connections = Connections::new(options(""));
    for body in [
        None,
        Some(RequestBodyReader::from_bytes(Bytes::from_static(b"x"))),
    ] {
        leave_idle(&connections, get(&server.url("/first"))).await;
        let before = server.connections();
        let mut request = get(&server.url("/second"));
        request.method = Method::POST;
        request.body = body;
        let result = connections.exchange(request).await;
        assert!(matches!(result, Err(ConnectionError::Reset)), "{result:?}");
        assert_eq!(server.connections(), before);
    }
}

#[tokio::test]
async fn an_idempotent_request_is_sent_again_with_all_of_its_body() {
    let server = fickle_server().await;
    let connections = Connections::new(options(""));
    let requester = ServoUrl::parse("https://a.test/").unwrap().origin();
    for (credentials, sent_again) in [
        (ConnectionCredentials::Included, true),
        // What user-enabled CORS lets through is never acted on twice.
        (ConnectionCredentials::Anonymous(requester.into()), false),
    ] {
        let mut first = get(&server.url("/first"));
        first.key.credentials = credentials.clone();
        leave_idle(&connections, first).await;
        let mut request = get(&server.url("/second"));
        request.key.credentials = credentials;
        request.method = Method::PUT;
        let body = "0123456789".repeat(20_000);
        request.body = Some(RequestBodyReader::from_bytes(body.clone().into()));
        let result = connections.exchange(request).await;
        assert_eq!(result.is_ok(), sent_again, "{result:?}");
        if let Ok(exchange) = result {
            assert_eq!(text(exchange).await, body);
        }
        connections.close_idle();
    }
}

#[tokio::test]
async fn a_failure_on_a_new_connection_is_final() {
    let server = Server::start(|mut stream, _| async move {
        read_head(&mut stream).await?;
        Ok(())
    })
    .await;
    let connections = Connections::new(options(""));
    let result = connections.exchange(get(&server.url("/"))).await;
    assert!(matches!(result, Err(ConnectionError::Reset)), "{result:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn six_connections_at_most() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let release = Arc::new(Semaphore::new(0));
    let gate = Arc::clone(&release);
    let server = Server::start(move |mut stream, _| {
        let arrived = arrived.clone();
        let gate = Arc::clone(&gate);
        async move {
            loop {
                read_head(&mut stream).await?;
                let _ = arrived.send(());
                gate.acquire().await.unwrap().forget();
                stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
            }
        }
    })
    .await;
    let connections = Connections::new(options(""));
    let url = server.url("/");
    let exchanges = tokio::spawn({
        let connections = connections.clone();
        async move {
            let requests = (0..10).map(|_| connections.exchange(get(&url)));
            join_all(requests).await
        }
    });
    for _ in 0..6 {
        arrivals.recv().await.unwrap();
    }
    assert!(arrivals.try_recv().is_err());
    release.add_permits(10);
    for exchange in exchanges.await.unwrap() {
        assert_eq!(exchange.unwrap().status, 204);
    }
    assert_eq!(server.connections(), 6);
}

#[tokio::test]
async fn dropping_the_future_closes_the_connection() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _| {
        let report = report.clone();
        async move {
            read_head(&mut stream).await?;
            let _ = report.send("head");
            while stream.read_u8().await.is_ok() {}
            let _ = report.send("end");
            Ok(())
        }
    })
    .await;
    let connections = Connections::new(options(""));
    let mut exchange = Box::pin(connections.exchange(get(&server.url("/"))));
    tokio::select! {
        _ = &mut exchange => panic!("there is no response"),
        head = reports.recv() => assert_eq!(head, Some("head")),
    }
    drop(exchange);
    assert_eq!(reports.recv().await, Some("end"));
}

#[tokio::test]
async fn dropping_the_body_closes_the_connection() {
    const PLENTY: usize = 256 << 20;
    let (report, mut reports) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _| {
        let report = report.clone();
        async move {
            read_head(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            let chunk = vec![0; 64 << 10];
            let mut written = 0;
            while written < PLENTY && stream.write_all(&chunk).await.is_ok() {
                written += chunk.len();
            }
            let _ = report.send(written);
            Ok(())
        }
    })
    .await;
    let connections = Connections::new(options(""));
    let mut exchange = connections.exchange(get(&server.url("/"))).await.unwrap();
    exchange.body.next().await.unwrap().unwrap();
    drop(exchange);
    // Nothing but the sockets' buffers was filled: the body is not read ahead.
    assert!(reports.recv().await.unwrap() < PLENTY / 4);
    assert_eq!(connections.idle_count(), 0);
}

#[tokio::test]
async fn pinned_addresses_are_not_looked_up_nor_left() {
    let server = numbering_server().await;
    let port = server.address.port();
    // The table would lead elsewhere.
    let connections = Connections::new(options("127.0.0.3 pinned.test"));
    let url = format!("http://pinned.test:{port}/");

    let mut request = get(&url);
    request.pinned = Some(vec![server.address.ip()]);
    let exchange = connections.exchange(request).await.unwrap();
    assert_eq!(exchange.record.resolved, [server.address.ip()]);
    assert!(exchange.record.timings.domain_lookup_start.is_none());
    text(exchange).await;
    until_idle(&connections, 1).await;

    // The open connection does not lead to the pinned address, and nothing listens there.
    let mut request = get(&url);
    request.pinned = Some(vec!["127.0.0.2".parse().unwrap()]);
    let result = connections.exchange(request).await;
    assert!(
        matches!(result, Err(ConnectionError::NoPinnedAddress)),
        "{result:?}"
    );
    let mut request = get(&url);
    request.pinned = Some(Vec::new());
    let result = connections.exchange(request).await;
    assert!(
        matches!(result, Err(ConnectionError::NoPinnedAddress)),
        "{result:?}"
    );
}

#[tokio::test]
async fn nothing_is_sent_over_a_connection_that_is_not_admitted() {
    let server = Server::start(|mut stream, _| async move {
        let head = read_head(&mut stream).await?;
        assert!(head.starts_with("GET /admitted "), "{head}");
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            .await
    })
    .await;
    let connections = Connections::new(options(""));
    let peer = server.address;
    for (path, admits, expected) in [("/refused", false, None), ("/admitted", true, Some("ok"))] {
        let mut request = get(&server.url(path));
        request.admission = Some(Admission::new(move |record| record.peer == peer && admits));
        match (connections.exchange(request).await, expected) {
            (Ok(exchange), Some(expected)) => assert_eq!(text(exchange).await, expected),
            (Err(ConnectionError::NotAdmitted), None) => {},
            (other, _) => panic!("{path}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn failures_have_names() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let connections = Connections::new(options("0.0.0.0 nowhere.test"));
    let result = connections
        .exchange(get(&format!("http://{closed}/")))
        .await;
    assert!(
        matches!(result, Err(ConnectionError::Refused)),
        "{result:?}"
    );
    let result = connections.exchange(get("http://nowhere.test/")).await;
    assert!(
        matches!(&result, Err(ConnectionError::Lookup { host }) if host == "nowhere.test"),
        "{result:?}"
    );
    let long = format!("http://{closed}/{}", "x".repeat(70_000));
    assert!(connections.exchange(get(&long)).await.is_err());
}

#[tokio::test]
async fn a_connection_leaves_http_after_101() {
    let server = Server::start(|mut stream, _| async move {
        let head = read_head(&mut stream).await?;
        assert!(head.contains("Upgrade: websocket\r\n"), "{head}");
        assert!(head.contains("Connection: Upgrade\r\n"), "{head}");
        stream
            .write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                  Connection: Upgrade\r\n\r\nhello",
            )
            .await?;
        let mut echo = [0; 5];
        stream.read_exact(&mut echo).await?;
        stream.write_all(&echo).await
    })
    .await;
    let url = server.url("/").replace("http:", "ws:");
    let mut request = get(&url);
    request.upgrade = true;
    let exchange = Connections::new(options(""))
        .exchange(request)
        .await
        .unwrap();
    assert_eq!(exchange.status, 101);
    let mut io = hyper_util::rt::TokioIo::new(exchange.upgraded.unwrap().0.into_inner());
    let mut bytes = [0; 5];
    io.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"hello");
    io.write_all(b"again").await.unwrap();
    io.flush().await.unwrap();
    io.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"again");
}

#[tokio::test]
async fn the_head_is_written_as_browsers_do() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _| {
        let report = report.clone();
        async move {
            let _ = report.send(read_head(&mut stream).await?);
            stream.write_all(b"HTTP/1.1 204 \r\n\r\n").await
        }
    })
    .await;
    let mut request = get(&server.url("/path?query=1|2#fragment"));
    request.headers.insert(
        HeaderName::from_static("x-custom"),
        HeaderValue::from_static("value"),
    );
    request
        .headers
        .insert("host", HeaderValue::from_static("forged.test"));
    let exchange = Connections::new(options(""))
        .exchange(request)
        .await
        .unwrap();
    assert_eq!(exchange.reason, b"");
    assert_eq!(
        reports.recv().await.unwrap(),
        format!(
            "GET /path?query=1|2 HTTP/1.1\r\nHost: {}\r\nConnection: keep-alive\r\nX-Custom: value\r\n\r\n",
            server.address
        )
    );
}

#[tokio::test]
async fn idle_connections_are_closed_after_a_while() {
    let server = numbering_server().await;
    let connections = Connections::new(options(""));
    leave_idle(&connections, get(&server.url("/"))).await;
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(connections.idle_count(), 1);
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(connections.idle_count(), 0);
}
