//! Responses out of memory, for `crate::fuzzing`: from bytes on a connection to a decoded body.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::Request;
use servo_base::cross_process_instant::CrossProcessInstant;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;

use super::decoding::decode;
use super::exchange::{ConnectionTimings, HttpVersion, Route};
use super::http_connection::{ConnectionFacts, Http1Connection, Http2Connection};
use super::payload::Payload;
use super::transport::Metered;
use crate::embedding::ClassifiedRoute;
use crate::fetch::Body;

/// How much of a body is read.
const ENOUGH: usize = 1 << 20;

/// `bytes` in answer to a request of HTTP/1.1.
pub fn http1_response(bytes: &[u8]) {
    runtime().block_on(async {
        let (transport, server) = transport().await;
        let answer = async {
            let mut server = server;
            // The request's head is shorter than this.
            let _ = server.read(&mut [0; 1024]).await;
            let _ = server.write_all(bytes).await;
            let _ = server.shutdown().await;
        };
        let ask = async {
            let facts = facts(HttpVersion::Http1);
            let Ok(mut connection) = Http1Connection::handshake(transport, facts).await else {
                return;
            };
            connection.expectation.expect();
            let (payload, _guard, _) = Payload::new(None);
            let asked = connection.sender.send_request(Request::new(payload)).await;
            if let Ok(response) = asked {
                read(response).await;
            }
        };
        tokio::join!(answer, ask);
    });
}

/// `bytes` in answer to a request of HTTP/2, with the server's settings before them.
pub fn http2_response(bytes: &[u8]) {
    runtime().block_on(async {
        let (transport, server) = transport().await;
        let (mut reading, mut writing) = tokio::io::split(server);
        let ignore = async {
            let mut ignored = [0; 4096];
            while reading
                .read(&mut ignored)
                .await
                .is_ok_and(|count| count > 0)
            {}
        };
        let answer = async {
            let _ = writing.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await;
            let _ = writing.write_all(bytes).await;
            let _ = writing.shutdown().await;
        };
        let ask = async {
            let facts = facts(HttpVersion::Http2);
            let Ok(connection) = Http2Connection::handshake(transport, facts).await else {
                return;
            };
            let (payload, _guard, _) = Payload::new(None);
            let mut request = Request::new(payload);
            *request.uri_mut() = http::Uri::from_static("https://server.example/");
            if let Ok(response) = connection.sender().send_request(request).await {
                read(response).await;
            }
        };
        // The connection lives on its own until both sides are done.
        tokio::select! {
            () = async { tokio::join!(answer, ask); } => {},
            () = async { ignore.await; std::future::pending().await } => {},
        }
    });
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime")
}

/// A connection, and the server's end of it.
async fn transport() -> (Metered, DuplexStream) {
    let (client, server) = duplex(64 << 10);
    let place = Arc::new(Semaphore::new(1))
        .acquire_owned()
        .await
        .expect("the semaphore is not closed");
    (Metered::new(Box::new(client), place), server)
}

fn facts(version: HttpVersion) -> ConnectionFacts {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let now = CrossProcessInstant::now();
    ConnectionFacts {
        resolved: vec![address.ip()],
        peer: address,
        local: address,
        route: Route::Direct,
        proxy: None,
        tunnelled: false,
        version,
        tls: None,
        classified: ClassifiedRoute::default(),
        timings: ConnectionTimings {
            connect_end: Some(now),
            ..ConnectionTimings::default()
        },
    }
}

/// Reads a response's body as the fetch algorithms do.
async fn read(response: http::Response<hyper::body::Incoming>) {
    let (head, incoming) = response.into_parts();
    let pieces = http_body_util::BodyDataStream::new(incoming);
    let pieces = futures::StreamExt::map(pieces, |piece| {
        piece.map_err(|_| crate::fetch::BodyError::Truncated)
    });
    let body = decode(&head.headers, Body::from_stream(pieces));
    let _ = body.read_all(ENOUGH).await;
}
