//! [WebSockets](https://websockets.spec.whatwg.org/): the handshake as a fetch, and the messages after it.
//!
//! The handshake is an ordinary request of the fetch stack, so cookies, HSTS, proxies, mixed content, Content Security
//! Policy and the connection's partition are as for any other; only afterwards the connection is the WebSocket's own.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod handshake;
mod script;
mod session;

use std::time::Duration;

use bytes::Bytes;
use content_security_policy::Violation;
use log::debug;
use net_traits::FetchTaskTarget;
use net_traits::request::Request;
use net_traits::response::Response;
use tokio_tungstenite::WebSocketStream;
use tungstenite::protocol::Role;

use self::handshake::accept;
pub(crate) use self::handshake::{Handshake, handshake_request};
use self::script::Events;
pub(crate) use self::script::Script;
use crate::connection::{Endpoint, Upgraded};
use crate::embedding::network_partition_key;
use crate::events::{self, Stage};
use crate::fetch::fetch_response;
use crate::network_state::FetchContext;

/// How long the handshake may take, from its first look-up to the server's 101.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(60);

/// [Establishes a WebSocket connection](https://websockets.spec.whatwg.org/#concept-websocket-establish), from step 11,
/// and runs it to its end. Script hears of exactly one end.
pub(crate) async fn connect(handshake: Handshake, script: Script, context: &FetchContext) {
    let request = handshake.request.clone();
    let Script {
        events,
        mut actions,
    } = script;
    let (connection, protocol) = match establish(handshake, &events, context).await {
        Some(established) => established,
        None => {
            end(&request, 0);
            return events.fail();
        },
    };
    events.established(protocol);
    let Upgraded(stream) = connection;
    let stream =
        WebSocketStream::from_raw_socket(stream, Role::Client, Some(session::configuration()))
            .await;
    let received = session::run(stream, &mut actions, events, &context.controller).await;
    end(&request, received);
}

/// The connection after a good handshake, and its subprotocol; `None` if the handshake failed for any reason.
async fn establish(
    handshake: Handshake,
    events: &Events,
    context: &FetchContext,
) -> Option<(Upgraded, Option<String>)> {
    let Handshake {
        request,
        key,
        protocols,
    } = handshake;
    let endpoint = Endpoint::of_url(&request.current_url())?;
    let partition = network_partition_key(&request);
    let _turn = tokio::select! {
        biased;
        () = context.controller.cancelled() => return None,
        turn = context.state.connections.handshake_turn(&partition, &endpoint) => turn,
    };
    // 11. Fetch request.
    let mut target = HandshakeTarget(events);
    let fetching = fetch_response(request, &mut target, context);
    let response = match tokio::time::timeout(HANDSHAKE_LIMIT, fetching).await {
        Ok(response) => response,
        Err(_) => {
            debug!("a WebSocket's handshake took too long");
            return None;
        },
    };
    // 11.1. A network error, or any status but 101, fails the connection.
    if response.is_network_error() {
        return None;
    }
    let head = response.head.actual_response();
    match accept(head.status.raw_code(), &head.headers, &key, &protocols) {
        Ok(protocol) => Some((response.upgraded?, protocol)),
        Err(refusal) => {
            debug!("a WebSocket's handshake failed: {refusal}");
            None
        },
    }
}

fn end(request: &Request, bytes: u64) {
    events::emit(request, || Stage::Ended { error: None, bytes });
}

/// What the handshake's fetch reports to: violations of Content Security Policy reach the page, all else is this module's
/// own business.
struct HandshakeTarget<'a>(&'a Events);

impl FetchTaskTarget for HandshakeTarget<'_> {
    fn process_request_body(&mut self, _: &Request) {}

    fn process_response(&mut self, _: &Request, _: &Response) {}

    fn process_response_chunk(&mut self, _: &Request, _: Bytes) {}

    fn process_response_eof(&mut self, _: &Request, _: &Response) {}

    fn process_csp_violations(&mut self, _: &Request, violations: Vec<Violation>) {
        self.0.violated(violations);
    }

    fn process_response_length_hint(&mut self, _: &Request, _: usize) {}
}
