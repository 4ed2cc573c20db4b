//! HTTP/1.1 with servers that break its rules, break off, or take for ever.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use user_cors::PreventOrigin;

use super::*;
use crate::connection::error::Phase;
use crate::connection::{ConnectionError, InterimListener};
use crate::fetch::BodyError;
use crate::fetch::headers::access_control::{AllowOrigin, allow_origin};

/// A server that sends `answer` to the first request of each connection and then ends it.
async fn answering_server(answer: &'static [u8]) -> Server {
    Server::start(move |mut stream, _| async move {
        read_head(&mut stream).await?;
        stream.write_all(answer).await?;
        stream.shutdown().await
    })
    .await
}

#[tokio::test]
async fn a_flood_of_headers_is_an_error() {
    let server = Server::start(|mut stream, index| async move {
        read_head(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
        let line = if index == 0 {
            format!("X: {}\r\n", "y".repeat(60_000))
        } else {
            "X: y\r\n".to_owned()
        };
        loop {
            stream.write_all(line.as_bytes()).await?;
        }
    })
    .await;
    let connections = Connections::new(options(""));
    for _ in 0..2 {
        let result = connections.exchange(get(&server.url("/"))).await;
        assert!(
            matches!(result, Err(ConnectionError::HeadTooLarge)),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn what_is_not_http_is_an_error() {
    let answers: [&[u8]; 10] = [
        b"<p>Hello from HTTP/0.9</p>\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 O\x01K\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA\x01: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\x01\r\n\r\n1",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\x01\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Security-Policy:\x0Cdefault-src 'none'\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 030, 30\r\n\r\n012345678901234567890123456789",
    ];
    for answer in answers {
        let server = answering_server(answer).await;
        let result = Connections::new(options(""))
            .exchange(get(&server.url("/")))
            .await;
        assert!(
            matches!(result, Err(ConnectionError::Protocol { .. })),
            "{:?}: {result:?}",
            String::from_utf8_lossy(answer)
        );
    }
}

#[tokio::test]
async fn a_control_byte_in_a_header_value_spoils_that_header_only() {
    let server = Server::start(|mut stream, _| async move {
        loop {
            read_head(&mut stream).await?;
            // Piece by piece: each byte is received by itself, or with what came before it.
            for byte in b"HTTP/1.1 103 Early Hints\r\nLink: \x01\r\n\r\nHTTP/1.1 200 OK\r\n\
                Set-Cookie: a=\x01\r\nAccess-Control-Prevent-Origin: \x01\r\nAccess-Control-Allow-Origin: *\x7F\r\n\
                X: a\x0Bb\r\nX: c\r\nContent-Length: 6\r\n\r\na: \x01\r\n"
            {
                stream.write_all(&[*byte]).await?;
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    let connections = Connections::new(options(""));
    for reused in [false, true] {
        let exchange = connections.exchange(get(&server.url("/"))).await.unwrap();
        assert_eq!(exchange.record.reused, reused);
        let headers = &exchange.headers;
        let values: Vec<_> = headers.get_all("x").iter().collect();
        assert_eq!(values, [&b"a\xFFb"[..], b"c"]);
        assert!(!headers.contains_key("set-cookie"));
        assert_eq!(PreventOrigin::parse(headers), PreventOrigin::Unparsable);
        assert!(matches!(allow_origin(headers), AllowOrigin::Invalid(_)));
        assert_eq!(text(exchange).await, "a: \x01\r\n");
        until_idle(&connections, 1).await;
    }
}

#[tokio::test]
async fn a_length_that_is_no_number_is_none() {
    for (lengths, values) in [
        ("Content-Length: 2s\r\n", &["2s"][..]),
        (
            "Content-Length: -1\r\nX: y\r\nContent-Length: -1\r\n",
            &["-1", "-1"],
        ),
        ("Content-Length:\r\n", &[""]),
    ] {
        let answer = format!("HTTP/1.1 200 OK\r\n{lengths}\r\nhello");
        let server = Server::start(move |mut stream, _| {
            let answer = answer.clone();
            async move {
                read_head(&mut stream).await?;
                stream.write_all(answer.as_bytes()).await?;
                stream.shutdown().await
            }
        })
        .await;
        let connections = Connections::new(options(""));
        let exchange = connections.exchange(get(&server.url("/"))).await.unwrap();
        let received: Vec<_> = exchange.headers.get_all("content-length").iter().collect();
        assert_eq!(received, values);
        assert_eq!(text(exchange).await, "hello");
        assert_eq!(connections.idle_count(), 0, "nothing can come after it");
    }
}

#[tokio::test]
async fn a_101_that_nobody_asked_for_is_the_end_of_the_connection() {
    let server = answering_server(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello",
    )
    .await;
    let connections = Connections::new(options(""));
    let exchange = connections.exchange(get(&server.url("/"))).await.unwrap();
    assert_eq!(exchange.status, 101);
    assert!(exchange.upgraded.is_none());
    assert_eq!(text(exchange).await, "");
    assert_eq!(connections.idle_count(), 0);
}

#[tokio::test]
async fn a_connection_that_may_hold_a_forbidden_body_is_not_used_again() {
    for (status, reused) in [
        ("304 Not Modified\r\nContent-Length: 4", false),
        ("204 No Content\r\nTransfer-Encoding: chunked", false),
        ("304 Not Modified\r\nContent-Length: 0", true),
        ("204 No Content", true),
    ] {
        let server = Server::start(move |mut stream, _| async move {
            loop {
                read_head(&mut stream).await?;
                stream
                    .write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes())
                    .await?;
            }
        })
        .await;
        let connections = Connections::new(options(""));
        let first = connections.exchange(get(&server.url("/"))).await.unwrap();
        assert_eq!(text(first).await, "");
        if reused {
            until_idle(&connections, 1).await;
        }
        let second = connections.exchange(get(&server.url("/"))).await.unwrap();
        assert_eq!(second.record.reused, reused, "{status}");
    }
}

#[tokio::test]
async fn stray_bytes_before_an_answer_spoil_the_connection_and_not_a_safe_request() {
    let server = Server::start(|mut stream, _| async move {
        read_head(&mut stream).await?;
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await?;
        // As if they had been on the way for longer than the next request.
        read_head(&mut stream).await?;
        stream
            .write_all(b"TESTHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            .await
    })
    .await;
    let connections = Connections::new(options(""));
    for (method, sent_again) in [(Method::GET, true), (Method::POST, false)] {
        connections.close_idle();
        leave_idle(&connections, get(&server.url("/"))).await;
        let before = server.connections();
        let mut request = get(&server.url("/"));
        request.method = method;
        let result = connections.exchange(request).await;
        assert_eq!(result.is_ok(), sent_again, "{result:?}");
        assert_eq!(server.connections() - before, usize::from(sent_again));
    }
}

#[tokio::test]
async fn a_head_without_its_end_is_completed_and_recorded() {
    for (answer, completed) in [
        (&b"HTTP/1.0 280 HELLO\nx: 1\nx: 2\n"[..], true),
        (b"HTTP/1.0 280 HELLO\nx: 1\nx: 2\n\n", false),
    ] {
        let server = answering_server(answer).await;
        let exchange = Connections::new(options(""))
            .exchange(get(&server.url("/")))
            .await
            .unwrap();
        assert_eq!(exchange.status, 280);
        assert_eq!(exchange.headers.get_all("x").iter().count(), 2);
        assert_eq!(exchange.record.head_completed, completed);
        assert_eq!(text(exchange).await, "");
    }
    for answer in [
        &b"HTTP/1.0 280 HELLO\nx: 1\nx: 2"[..],
        b"HTTP/1.0 280 HELLO\nx: 1\nx: 2\n\r",
    ] {
        let server = answering_server(answer).await;
        let result = Connections::new(options(""))
            .exchange(get(&server.url("/")))
            .await;
        assert!(matches!(result, Err(ConnectionError::Reset)), "{result:?}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let answers: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nnonsense",
    ];
    for answer in answers {
        let server = answering_server(answer).await;
        let connections = Connections::new(options(""));
        let mut exchange = connections.exchange(get(&server.url("/"))).await.unwrap();
        assert_eq!(exchange.body.next().await.unwrap().unwrap(), "hello");
        assert_eq!(
            exchange.body.next().await,
            Some(Err(BodyError::Truncated)),
            "{:?}",
            String::from_utf8_lossy(answer)
        );
        assert_eq!(exchange.body.next().await, None);
        assert_eq!(connections.idle_count(), 0);
    }
    let server = answering_server(b"HTTP/1.1 200 OK\r\n\r\nto the end").await;
    let exchange = Connections::new(options(""))
        .exchange(get(&server.url("/")))
        .await
        .unwrap();
    assert_eq!(text(exchange).await, "to the end");
}

#[tokio::test]
async fn interim_responses_are_told_and_skipped() {
    let server = answering_server(
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
          HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    )
    .await;
    let (told, mut hears) = mpsc::unbounded_channel();
    let mut request = get(&server.url("/"));
    request.interim = Some(InterimListener::new(move |status, headers| {
        let _ = told.send((status.as_u16(), headers.contains_key("link")));
    }));
    let exchange = Connections::new(options(""))
        .exchange(request)
        .await
        .unwrap();
    assert_eq!(exchange.status, 200);
    assert!(!exchange.headers.contains_key("link"));
    assert_eq!(text(exchange).await, "ok");
    assert_eq!(hears.recv().await, Some((103, true)));
    assert_eq!(hears.recv().await, Some((100, false)));
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _| {
        let report = report.clone();
        async move {
            read_head(&mut stream).await?;
            let _ = report.send(());
            while stream.read_u8().await.is_ok() {}
            Ok(())
        }
    })
    .await;
    let connections = Connections::new(options(""));
    let mut exchange = Box::pin(connections.exchange(get(&server.url("/"))));
    tokio::select! {
        _ = &mut exchange => panic!("there is no response"),
        _ = reports.recv() => {},
    }
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let result = exchange.await;
    assert!(
        matches!(
            result,
            Err(ConnectionError::TimedOut {
                phase: Phase::Response
            })
        ),
        "{result:?}"
    );
    assert!(began.elapsed() >= Duration::from_secs(290));
}

#[tokio::test]
async fn a_server_that_answers_bit_by_bit_is_given_up() {
    let (report, mut reports) = mpsc::unbounded_channel();
    let server = Server::start(move |mut stream, _| {
        let report = report.clone();
        async move {
            read_head(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
            let _ = report.send(());
            loop {
                tokio::time::sleep(Duration::from_secs(5)).await;
                stream.write_all(b"X: y\r\n").await?;
            }
        }
    })
    .await;
    let connections = Connections::new(options(""));
    let mut exchange = Box::pin(connections.exchange(get(&server.url("/"))));
    tokio::select! {
        _ = &mut exchange => panic!("there is no response"),
        _ = reports.recv() => {},
    }
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let result = exchange.await;
    assert!(
        matches!(
            result,
            Err(ConnectionError::TimedOut {
                phase: Phase::Response
            })
        ),
        "{result:?}"
    );
    assert!(began.elapsed() <= Duration::from_secs(310));
}

#[tokio::test]
async fn interim_responses_without_end_are_an_error() {
    let server = Server::start(|mut stream, _| async move {
        read_head(&mut stream).await?;
        loop {
            stream
                .write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
                .await?;
        }
    })
    .await;
    let result = Connections::new(options(""))
        .exchange(get(&server.url("/")))
        .await;
    assert!(
        matches!(result, Err(ConnectionError::Protocol { .. })),
        "{result:?}"
    );
}
