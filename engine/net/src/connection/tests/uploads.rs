//! Bodies of requests, from a page's script to the server.

use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use ipc_channel::ipc::{self, IpcReceiver};
use ipc_channel::router::ROUTER;
use net_traits::request::{BodyChunkRequest, BodyChunkResponse, BodySource, RequestBody};
use servo_base::generic_channel::GenericSharedMemory;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::connection::{ConnectionError, RequestBodyReader};

/// A server that answers with the body it got, the framing of which is `Content-Length` or chunks.
async fn echo_server() -> Server {
    Server::start(|mut stream, _| async move {
        let head = read_head(&mut stream).await?.to_ascii_lowercase();
        let mut body = Vec::new();
        let end: &[u8] = if head.contains("transfer-encoding: chunked") {
            b"0\r\n\r\n"
        } else {
            assert!(head.contains("content-length: 6"), "{head}");
            b"onetwo"
        };
        while !body.ends_with(end) {
            body.push(stream.read_u8().await?);
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&body).await
    })
    .await
}

/// A body of an object whose script answers with these chunks.
fn script_body(answers: Vec<BodyChunkResponse>, length: Option<usize>) -> RequestBody {
    body_from(BodySource::Object, answers, length)
}

/// A stream of a page's, with these chunks.
pub(super) fn stream(answers: Vec<BodyChunkResponse>) -> RequestBody {
    body_from(BodySource::Null, answers, None)
}

fn body_from(
    source: BodySource,
    answers: Vec<BodyChunkResponse>,
    length: Option<usize>,
) -> RequestBody {
    let (control, requests): (_, IpcReceiver<BodyChunkRequest>) = ipc::channel().unwrap();
    let mut answers = answers.into_iter();
    let mut net = None;
    ROUTER.add_typed_route(
        requests,
        Box::new(move |request| match request.unwrap() {
            BodyChunkRequest::Connect(sender) => net = Some(sender),
            BodyChunkRequest::Chunk => {
                if let (Some(net), Some(answer)) = (&net, answers.next()) {
                    let _ = net.send(answer);
                }
            },
            _ => {},
        }),
    );
    RequestBody::new(control, source, length)
}

pub(super) fn chunk(bytes: &[u8]) -> BodyChunkResponse {
    BodyChunkResponse::Chunk(GenericSharedMemory::from_bytes(bytes))
}

#[tokio::test]
async fn bodies_are_sent_in_order() {
    let server = echo_server().await;
    let connections = Connections::new(options(""));
    let cases = [
        (Some(6), "onetwo"),
        (None, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"),
    ];
    for (length, expected) in cases {
        let body = script_body(
            vec![chunk(b"one"), chunk(b"two"), BodyChunkResponse::Done],
            length,
        );
        let mut request = get(&server.url("/"));
        request.method = Method::POST;
        if length.is_some() {
            request
                .headers
                .insert(CONTENT_LENGTH, HeaderValue::from_static("6"));
        }
        request.body = Some(RequestBodyReader::connect(&body));
        let exchange = connections.exchange(request).await.unwrap();
        assert_eq!(text(exchange).await, expected);
    }
}

#[tokio::test]
async fn a_stream_is_not_sent_over_http_1() {
    let server = echo_server().await;
    let (control, requests) = ipc::channel::<BodyChunkRequest>().unwrap();
    let body = RequestBody::new(control, BodySource::Null, None);
    let mut request = get(&server.url("/"));
    request.method = Method::POST;
    request.body = Some(RequestBodyReader::connect(&body));
    let result = Connections::new(options("")).exchange(request).await;
    assert!(
        matches!(result, Err(ConnectionError::StreamedBody)),
        "{result:?}"
    );
    assert!(requests.try_recv().is_err(), "nothing is read of it");
}

#[tokio::test]
async fn a_body_that_fails_in_the_page_ends_the_exchange() {
    let server = echo_server().await;
    let body = script_body(vec![chunk(b"one"), BodyChunkResponse::Error], None);
    let mut request = get(&server.url("/"));
    request.method = Method::POST;
    request.body = Some(RequestBodyReader::connect(&body));
    let result = Connections::new(options("")).exchange(request).await;
    assert!(
        matches!(result, Err(ConnectionError::RequestBody)),
        "{result:?}"
    );
}
