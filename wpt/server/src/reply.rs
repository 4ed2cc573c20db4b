//! What is answered: a response of HTTP, or bytes that may be none.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::gate::Gate;
use crate::stash::Stash;

/// A part of a body, or a pause before the next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// These bytes.
    Send(Bytes),
    /// Nothing for this long.
    Wait(Duration),
    /// Nothing until the gate is open.
    Hold(Gate),
    /// These bytes again and again, for as long as somebody reads.
    Endless(Bytes),
}

/// Where it is written how a response came to its end.
#[derive(Clone, Debug)]
pub struct Ending {
    /// What it is written into.
    pub stash: Stash,
    /// Under which token.
    pub token: String,
}

/// A response of HTTP.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// How long nothing is answered at all.
    pub delay: Duration,
    /// What it waits for before anything is answered.
    pub gate: Option<Gate>,
    /// Its body, bit by bit.
    pub body: Vec<Step>,
    /// Where its end is told, if anywhere.
    pub ending: Option<Ending>,
}

impl Response {
    /// A response with this body in one piece.
    pub fn new(status: StatusCode, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            delay: Duration::ZERO,
            gate: None,
            body: vec![Step::Send(body.into())],
            ending: None,
        }
    }

    /// A text.
    pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Self {
        let mut response = Self::new(status, body);
        response.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain;charset=utf-8"),
        );
        response
    }

    /// A file of this type.
    pub fn typed(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut response = Self::new(StatusCode::OK, body);
        response
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }

    /// All bytes of the body.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for step in &self.body {
            if let Step::Send(part) = step {
                bytes.extend_from_slice(part);
            }
        }
        bytes
    }
}

/// How a connection ends after [`Reply::Raw`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    /// As TCP does it: what was sent arrives first.
    Close,
    /// With a reset.
    Reset,
}

/// What is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A response.
    Http(Response),
    /// Bytes, whatever they are, and the connection's end. Over HTTP/2 the stream is reset instead.
    Raw {
        /// The bytes.
        steps: Vec<Step>,
        /// How the connection ends.
        end: End,
    },
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self::Http(response)
    }
}

/// A header field from its text. Nothing if that cannot be one.
pub fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((
        HeaderName::from_bytes(name.trim().as_bytes()).ok()?,
        HeaderValue::from_bytes(value.trim().as_bytes()).ok()?,
    ))
}
