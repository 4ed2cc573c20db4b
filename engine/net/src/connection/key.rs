//! What tells connections apart.

use std::sync::Arc;

use servo_url::{ImmutableOrigin, ServoUrl};
use url::Host;
use user_cors::Site;

/// A [network partition key](https://fetch.spec.whatwg.org/#network-partition-keys): the site of the tab's top-level
/// document, or `None` for what no tab asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NetworkPartitionKey(pub Option<Site>);

/// The server that a connection leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Whether TLS is used.
    pub secure: bool,
    /// The host of the URL, before any lookup.
    pub host: Host<String>,
    /// The port of the URL, or its scheme's default.
    pub port: u16,
}

impl Endpoint {
    /// The endpoint of an HTTP(S) or WebSocket URL; `None` if the URL has no host or another scheme.
    pub fn of_url(url: &ServoUrl) -> Option<Self> {
        let secure = match url.scheme() {
            "https" | "wss" => true,
            "http" | "ws" => false,
            _ => return None,
        };
        Some(Self {
            secure,
            host: url.host()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }
}

/// Whose authority a connection carries. Pools are split by it, because TLS sessions and HTTP/2 connections identify
/// who uses them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionCredentials {
    /// The standard's “credentials is true”.
    Included,
    /// The standard's “credentials is false”.
    Excluded,
    /// An anonymous request of user-enabled CORS, made for this requester and shared with nobody else.
    Anonymous(Arc<ImmutableOrigin>),
}

/// The key of the [connection pool](https://fetch.spec.whatwg.org/#concept-connection-pool).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionKey {
    /// Which top-level site asked.
    pub partition: NetworkPartitionKey,
    /// Which server.
    pub endpoint: Endpoint,
    /// With whose authority.
    pub credentials: ConnectionCredentials,
}
