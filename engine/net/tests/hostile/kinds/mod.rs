//! The kinds of misbehaviour, by what they abuse.

pub mod codings;
pub mod cors;
pub mod framing;
pub mod heads;
pub mod http2;
pub mod memory;
pub mod redirects;
pub mod tls;
pub mod websocket;

use std::io;
use std::pin::Pin;

use net_traits::request::RequestBuilder;

use crate::client::{Client, Heard};
use crate::server::{Conn, Over};

/// What a connection's server does.
type Serving = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// One kind of misbehaviour.
pub struct Kind {
    /// What the server does, in words.
    pub name: &'static str,
    /// What a page hears.
    pub outcome: Outcome,
    /// What the server speaks.
    pub over: Over,
    /// Makes the bytes that the server needs, before memory is watched.
    pub prepare: fn() -> &'static [u8],
    /// Serves one connection, with the prepared bytes.
    pub serve: fn(Conn, &'static [u8]) -> Serving,
    /// Makes the request out of a plain one.
    pub request: fn(RequestBuilder) -> RequestBuilder,
    /// How many requests are made, one after the other.
    pub rounds: usize,
    /// How much more memory may be used than before, in MiB: that of this process, with the server in it.
    pub memory: u64,
    /// Looks at the client after the rounds; the second argument is the server's URL.
    pub check: fn(&Client, &str) -> Result<(), String>,
}

/// What a page hears.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// A network error in place of a response.
    NetworkError,
    /// A response with this status, and an error in place of the end of its body.
    BrokenBody(u16),
    /// A network error, or a response whose body ends in an error: never a complete response.
    NeverComplete,
    /// A complete response with this status and this body.
    Complete(u16, &'static str),
    /// A complete response with this status and a body of so many bytes.
    CompleteOfLength(u16, u64),
    /// No end, for as long as the page waits; with or without a response before. When the page gives up, the connection
    /// is closed.
    GivenUp {
        /// Whether there is a response before.
        responded: bool,
    },
    /// These events of a WebSocket.
    Socket(&'static str),
}

impl Outcome {
    /// Whether this is what was heard.
    pub fn admits(self, heard: &Heard) -> bool {
        match self {
            Self::NetworkError => heard.status.is_none() && !heard.complete && heard.length == 0,
            Self::BrokenBody(status) => heard.status == Some(status) && !heard.complete,
            Self::NeverComplete => !heard.complete,
            Self::Complete(status, text) => {
                heard.complete
                    && heard.status == Some(status)
                    && heard.text == text
                    && heard.length == text.len() as u64
            },
            Self::CompleteOfLength(status, length) => {
                heard.complete && heard.status == Some(status) && heard.length == length
            },
            Self::GivenUp { responded } => heard.status.is_some() == responded,
            Self::Socket(_) => false,
        }
    }

    /// This, for the document.
    pub fn in_words(self) -> String {
        match self {
            Self::NetworkError => "network error".to_owned(),
            Self::BrokenBody(status) => format!("{status}, its body ends in an error"),
            Self::NeverComplete => "network error, or a body that ends in an error".to_owned(),
            Self::Complete(status, "") => format!("{status}, no body"),
            Self::Complete(status, text) => format!("{status}, “{text}”"),
            Self::CompleteOfLength(status, length) => format!("{status}, {length} bytes"),
            Self::GivenUp { responded: false } => {
                "no response; the connection closes when the page gives up".to_owned()
            },
            Self::GivenUp { responded: true } => {
                "no end; the connection closes when the page gives up".to_owned()
            },
            Self::Socket(events) => format!("socket: {events}"),
        }
    }
}

impl Kind {
    /// A kind that does what `serve` does after a request, over TCP.
    const fn new(
        name: &'static str,
        outcome: Outcome,
        serve: fn(Conn, &'static [u8]) -> Serving,
    ) -> Self {
        Self {
            name,
            outcome,
            over: Over::Tcp,
            prepare: || b"",
            serve,
            request: |request| request,
            rounds: 1,
            memory: 48,
            check: |_, _| Ok(()),
        }
    }

    /// A kind that answers the first request of each connection with the same bytes and ends.
    const fn answer(name: &'static str, outcome: Outcome, bytes: fn() -> &'static [u8]) -> Self {
        Self {
            prepare: bytes,
            ..Self::new(name, outcome, answer_and_end)
        }
    }

    const fn over(self, over: Over) -> Self {
        Self { over, ..self }
    }

    const fn prepared(self, prepare: fn() -> &'static [u8]) -> Self {
        Self { prepare, ..self }
    }

    const fn requested(self, request: fn(RequestBuilder) -> RequestBuilder) -> Self {
        Self { request, ..self }
    }

    const fn rounds(self, rounds: usize) -> Self {
        Self { rounds, ..self }
    }

    const fn memory(self, memory: u64) -> Self {
        Self { memory, ..self }
    }

    const fn checked(self, check: fn(&Client, &str) -> Result<(), String>) -> Self {
        Self { check, ..self }
    }
}

/// Answers the first request and ends the connection.
fn answer_and_end(mut conn: Conn, bytes: &'static [u8]) -> Serving {
    Box::pin(async move {
        conn.request().await?;
        conn.write(bytes).await?;
        tokio::io::AsyncWriteExt::shutdown(&mut conn.io).await
    })
}

/// Answers the first request, and serves all that follow on the connection honestly.
fn answer_and_go_on(mut conn: Conn, bytes: &'static [u8]) -> Serving {
    Box::pin(async move {
        conn.request().await?;
        conn.write(bytes).await?;
        conn.be_honest().await
    })
}

/// Bytes that live as long as the test.
fn keep(bytes: impl Into<Vec<u8>>) -> &'static [u8] {
    Vec::leak(bytes.into())
}

/// All kinds, under the headings of the document.
pub const AREAS: [(&str, &[Kind]); 9] = [
    ("Heads of responses", heads::KINDS),
    ("Lengths and chunks", framing::KINDS),
    ("Content codings", codings::KINDS),
    ("Redirects and addresses", redirects::KINDS),
    ("What a browser remembers", memory::KINDS),
    ("CORS and ranges", cors::KINDS),
    ("TLS", tls::KINDS),
    ("HTTP/2", http2::KINDS),
    ("WebSockets", websocket::KINDS),
];
