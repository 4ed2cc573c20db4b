//! WebSockets: every path echoes what it is sent. `token` records the opening handshake as handlers do, and `refuse` answers
//! it with that status.

use anyhow::Result;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::StatusCode;
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::handlers;
use crate::ports::Protocol;
use crate::request::{Connection, Request};
use crate::server::{Stream, url_of};
use crate::stash::Stash;

/// The longest message that is echoed, in bytes.
const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// Serves one connection to its end.
pub(crate) async fn serve(
    stream: impl Stream,
    connection: Connection,
    protocol: Protocol,
    stash: &Stash,
) -> Result<()> {
    let stash = stash.clone();
    // The type of the error is tungstenite's.
    #[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
    let handshake = move |request: &server::Request, response: server::Response| {
        open(request, response, connection, protocol, &stash)
    };
    let config = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
    let mut socket = accept_hdr_async_with_config(stream, handshake, Some(config)).await?;
    while let Some(message) = socket.next().await {
        let message = message?;
        if message.is_text() || message.is_binary() {
            socket.send(message).await?;
        }
    }
    Ok(())
}

#[expect(clippy::result_large_err, reason = "the signature is tungstenite's")]
fn open(
    request: &server::Request,
    response: server::Response,
    connection: Connection,
    protocol: Protocol,
    stash: &Stash,
) -> Result<server::Response, server::ErrorResponse> {
    let Some(url) = url_of(request.uri(), request.headers(), protocol) else {
        return Err(refusal(StatusCode::BAD_REQUEST));
    };
    let seen = Request {
        method: request.method().clone(),
        url,
        headers: request.headers().clone(),
        body: Bytes::new(),
        version: request.version(),
        connection,
    };
    if handlers::record(&seen, stash).is_err() {
        return Err(refusal(StatusCode::INSUFFICIENT_STORAGE));
    }
    match seen.parameter("refuse").map(|status| status.parse()) {
        None => Ok(response),
        Some(Ok(status)) => Err(refusal(status)),
        Some(Err(_)) => Err(refusal(StatusCode::BAD_REQUEST)),
    }
}

fn refusal(status: StatusCode) -> server::ErrorResponse {
    let mut response = server::ErrorResponse::new(None);
    *response.status_mut() = status;
    response
}
