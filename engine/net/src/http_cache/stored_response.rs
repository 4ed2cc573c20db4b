//! A response that comes out of the cache.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use net_traits::TlsSecurityInfo;

/// What comes before the body of a response.
#[derive(Clone)]
pub struct ResponseHead {
    /// The status.
    pub status: StatusCode,
    /// The reason phrase; empty in HTTP/2.
    pub reason: Vec<u8>,
    /// The headers.
    pub headers: HeaderMap,
    /// The facts of TLS on the connection that it came over; `None` without TLS.
    pub tls: Option<TlsSecurityInfo>,
}

/// Whether a stored response can be used without asking the server. It takes the request's own `Cache-Control` into
/// account; a cache mode that does not look at freshness ignores it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It can.
    Fresh,
    /// It can if the server is asked meanwhile, for those who come next.
    /// ([RFC 5861](https://www.rfc-editor.org/rfc/rfc5861#section-3))
    StaleWhileRevalidate,
    /// It cannot.
    MustRevalidate,
}

/// A [stored response](https://www.rfc-editor.org/rfc/rfc9111#section-3) for a request.
///
/// AD-HOC: No `Age` header is added, as in other browsers: script would see it.
#[derive(Clone)]
pub struct StoredResponse {
    /// Its head. If the request asked for a range, it is that of a 206.
    pub head: ResponseHead,
    /// Its body as it was transferred; empty for HEAD, and the part that was asked for if that is a range.
    pub body: Bytes,
    /// When the request was sent whose response this is.
    pub request_time: SystemTime,
    /// When its head arrived.
    pub response_time: SystemTime,
    /// Its [age](https://www.rfc-editor.org/rfc/rfc9111#section-4.2.3).
    pub age: Duration,
    /// Whether it can be used without asking the server.
    pub freshness: Freshness,
    /// Whether it was stored for the URL of the request, not for one that is equivalent.
    pub(super) is_of_url: bool,
    /// Which entry it is a copy of.
    pub(super) id: u64,
}

/// Header values stay out of it: they may be secrets.
impl fmt::Debug for ResponseHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHead")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for StoredResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredResponse")
            .field("head", &self.head)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .field("age", &self.age)
            .field("freshness", &self.freshness)
            .finish_non_exhaustive()
    }
}
