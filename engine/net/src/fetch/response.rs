//! A response on its way through the algorithms of Fetch.

use net_traits::NetworkError;
use net_traits::response::Response;

use super::body::Body;
use super::cause::Cause;
use crate::connection::{ExchangeRecord, ProxyChallenged, Upgraded};

/// A [response](https://fetch.spec.whatwg.org/#concept-response): the part that script sees, and beside it what only the
/// stack knows.
#[derive(Debug)]
pub struct FetchResponse {
    /// What Servo's crates call a response: type, status, headers, URL list. Its own body field stays empty.
    pub head: Response,
    /// The body.
    pub body: Body,
    /// For a network error: why. It reaches the person in front of the browser, never the page.
    pub cause: Option<Box<Cause>>,
    /// How it was got from the network; `None` if it was not.
    pub exchange: Option<Box<ExchangeRecord>>,
    /// After a status 101: the connection, for the WebSocket that asked for it.
    pub upgraded: Option<Upgraded>,
    /// What a proxy between here and the server wants to have first.
    pub proxy_challenged: Option<Box<ProxyChallenged>>,
}

impl FetchResponse {
    /// A response that did not come over a connection.
    pub fn new(head: Response, body: Body) -> Self {
        Self {
            head,
            body,
            cause: None,
            exchange: None,
            upgraded: None,
            proxy_challenged: None,
        }
    }

    /// A [network error](https://fetch.spec.whatwg.org/#concept-network-error) with its cause.
    pub fn network_error(cause: Cause) -> Self {
        Self {
            head: Response::network_error(cause.network_error()),
            body: Body::Empty,
            cause: Some(Box::new(cause)),
            exchange: None,
            upgraded: None,
            proxy_challenged: None,
        }
    }

    /// Whether this is a network error.
    pub fn is_network_error(&self) -> bool {
        self.head.is_network_error()
    }

    /// The error that script is told, if this is a network error.
    pub fn error(&self) -> Option<&NetworkError> {
        self.head.get_network_error()
    }
}
