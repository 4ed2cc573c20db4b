//! Connections: from a URL's origin to one exchange of HTTP with a server.
//!
//! [`Connections::exchange`] is all that the fetch algorithms use. Behind it: names and addresses (`dns`, [`hosts`]), sockets
//! (`transport`) and proxies (`proxy`), TLS (`tls`, with `certificate_verifier` and [`certificate_overrides`]; what a person is
//! shown of a certificate is in `certificate`), put together by
//! the `connector`; the `pool`, keyed by [`ConnectionKey`] as the standard's
//! [connection pool](https://fetch.spec.whatwg.org/#concept-connection-pool); the request's body on its way up (`upload`),
//! and on the way down what HTTP's parser would choke on (`response_head`) and content codings ([`decoding`]).

mod certificate;
pub mod certificate_overrides;
mod certificate_verifier;
mod connections;
mod connector;
pub mod decoding;
mod dns;
mod error;
mod exchange;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod handshake_turns;
pub mod hosts;
mod http_connection;
mod key;
mod name_server;
mod payload;
mod pool;
mod proxy;
mod response_body;
mod response_head;
mod send;
#[cfg(test)]
mod tests;
mod tls;
mod transport;
mod upload;

pub use self::certificate::{CertificateSummary, CertificateSyntaxError, EntityName};
pub use self::connections::{Connections, ConnectionsOptions};
pub(crate) use self::dns::look_up;
pub use self::error::{ConnectionError, LeafCertificate, Phase, ProxyError};
pub use self::exchange::{
    Admission, ConnectionTimings, Exchange, ExchangeRecord, HttpVersion, InterimListener,
    OutgoingRequest, Route, Upgraded,
};
pub use self::handshake_turns::HandshakeTurn;
pub use self::key::{ConnectionCredentials, ConnectionKey, Endpoint, NetworkPartitionKey};
pub use self::proxy::{EgressPath, ProxyChallenge, ProxyChallenged, ProxySettings};
pub use self::tls::{CertificateFileError, load_certificates, prewarm_tls};
pub use self::upload::{RequestBodyReader, UploadError};
