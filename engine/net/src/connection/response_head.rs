//! Heads of responses that HTTP/1.1 forbids and browsers take: control bytes in header values, and a head without its end.
//!
//! # Control bytes
//!
//! Fetch lets a [header value](https://fetch.spec.whatwg.org/#header-value) hold any byte but NUL, CR and LF. hyper and the
//! `http` crate refuse the other control bytes too, and with the one header the whole response. Leaving such a header out is
//! no way: it can be a server's refusal.
//!
//! AD-HOC: in the head of a response, and in values only, such a byte becomes [`REPLACEMENT`] before hyper sees it. The header
//! stays, and what it says can be no token, number or origin, so it is malformed to whoever reads it, as it would be with the
//! control byte. Script sees `ÿ` in place of the byte. Where that is not enough, the byte stays and the response fails
//! ([`KEPT`]).
//!
//! # Interim responses
//!
//! A response may be announced by any number of interim ones ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-15.2)),
//! which hyper reads past. More than [`MOST_INTERIM_RESPONSES`] are an error, so that no server keeps a core busy with them.
//!
//! # A head without its end
//!
//! A connection may end after a whole line of the head, where the empty line is missing. What is missing is not known then
//! ([RFC 9112](https://www.rfc-editor.org/rfc/rfc9112#section-8)).
//!
//! AD-HOC: without TLS the head is completed, and the exchange's record says so; whoever needs the whole head has to look. With
//! TLS somebody in the middle could choose where the head ends, so the response is an error.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::transport::Transport;

/// How many interim responses may come before the final one.
const MOST_INTERIM_RESPONSES: u32 = 100;

/// A server sends interim responses, and no final one. It comes out of reading as the inner error of an [`io::Error`].
#[derive(Clone, Copy, Debug, Error)]
#[error("more than {MOST_INTERIM_RESPONSES} interim responses")]
pub(super) struct EndlessInterimResponses;

/// What stands for a control byte: `obs-text`, which is opaque ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)),
/// and in no UTF-8.
const REPLACEMENT: u8 = 0xFF;

/// The headers whose control bytes are kept, so that the response is an error; in lower case.
const KEPT: [&[u8]; 18] = [
    // They say where the response ends and what comes after it.
    b"connection",
    b"content-length",
    b"transfer-encoding",
    b"upgrade",
    b"sec-websocket-accept",
    b"sec-websocket-extensions",
    b"sec-websocket-protocol",
    // NB: a cookie with a control byte is to be ignored, but one with the replacement could not be told from a good one.
    b"set-cookie",
    // The URL parser understands some control bytes, so that the replacement would lead to another URL.
    b"location",
    b"refresh",
    // They forbid something. Their readers understand some control bytes as white space, or ignore all of a value because
    // of the replacement.
    b"clear-site-data",
    b"content-security-policy",
    b"cross-origin-embedder-policy",
    b"cross-origin-opener-policy",
    b"cross-origin-resource-policy",
    b"permissions-policy",
    b"referrer-policy",
    b"x-frame-options",
];

/// More bytes than the longest name in [`KEPT`] has.
const NAME_START: usize = 32;

/// The start of a status line up to its status code, `HTTP/1.1 200`.
const STATUS_START: usize = 12;

/// The first bytes of something, and how many there are of it.
struct Start<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Start<N> {
    const EMPTY: Self = Self {
        bytes: [0; N],
        length: 0,
    };

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
        }
        self.length = self.length.saturating_add(1);
    }

    /// The whole of it, if it is no longer than its start.
    fn whole(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length)
    }
}

/// Which part of a response comes next.
enum Part {
    StatusLine(Start<STATUS_START>),
    /// A header, a continuation of the one before, or the line that ends the head.
    LineStart,
    Name(Start<NAME_START>),
    Value,
    /// What is no head: a body, or what another protocol sends.
    Rest,
}

/// Follows the head of a response, byte by byte, as hyper's parser does. What that parser takes for an error may be followed
/// in any way.
struct HeadScanner {
    part: Part,
    /// Whether the head is one of those that another one follows.
    interim: bool,
    /// How many such heads have ended.
    interim_count: u32,
    /// Whether control bytes are replaced in the current header.
    replaces: bool,
}

impl HeadScanner {
    const fn new(part: Part) -> Self {
        Self {
            part,
            interim: false,
            interim_count: 0,
            replaces: false,
        }
    }

    /// Whether more heads have come before the final one than are taken.
    fn is_endless(&self) -> bool {
        self.interim_count > MOST_INTERIM_RESPONSES
    }

    /// Whether all that has come is whole lines of the head of a final response.
    fn lacks_only_the_end(&self) -> bool {
        matches!(self.part, Part::LineStart) && !self.interim
    }

    /// Replaces control bytes in `bytes`, the next ones of the response.
    fn scan(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if matches!(self.part, Part::Rest) {
                return;
            }
            self.step(byte);
        }
    }

    fn step(&mut self, byte: &mut u8) {
        match (&mut self.part, *byte) {
            // NOTE: empty lines before a status line are skipped, as in RFC 9112 section 2.2.
            (Part::StatusLine(start), b'\r' | b'\n') if start.length == 0 => {},
            (Part::StatusLine(start), b'\n') => {
                self.interim = is_interim(start);
                self.replaces = false;
                self.part = Part::LineStart;
            },
            (Part::StatusLine(start), byte) => start.push(byte),
            (Part::LineStart, b'\r') => {},
            (Part::LineStart, b'\n') => {
                self.part = if self.interim {
                    self.interim_count = self.interim_count.saturating_add(1);
                    Part::StatusLine(Start::EMPTY)
                } else {
                    Part::Rest
                };
            },
            // NOTE: the value goes on, by obsolete line folding, RFC 9112 section 5.2.
            (Part::LineStart, b' ' | b'\t') => self.part = Part::Value,
            (Part::LineStart, byte) => {
                let mut name = Start::EMPTY;
                name.push(byte.to_ascii_lowercase());
                self.part = Part::Name(name);
            },
            (Part::Name(_) | Part::Value, b'\n') => self.part = Part::LineStart,
            (Part::Name(name), b':') => {
                self.replaces = !name.whole().is_some_and(|name| KEPT.contains(&name));
                self.part = Part::Value;
            },
            (Part::Name(name), byte) => name.push(byte.to_ascii_lowercase()),
            (Part::Value, control) if self.replaces && is_replaceable(control) => {
                *byte = REPLACEMENT;
            },
            (Part::Value | Part::Rest, _) => {},
        }
    }
}

/// Whether a status line is that of an interim response. After 101 comes another protocol.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-15.2>
fn is_interim(status_line: &Start<STATUS_START>) -> bool {
    let [.., b' ', b'1', tens, ones] = status_line.bytes else {
        return false;
    };
    (tens, ones) != (b'0', b'1')
}

/// Whether Fetch allows a byte in a header value, and hyper does not.
fn is_replaceable(byte: u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, b'\0' | b'\t' | b'\n' | b'\r')
}

/// What becomes of a head whose end is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MissingEnd {
    /// It is completed.
    Completed,
    /// It is an error.
    Error,
}

/// Tells a [`ResponseHeads`] that a request is about to be sent, and is told of the response.
#[derive(Clone, Default)]
pub(super) struct ResponseExpectation(Arc<Expected>);

#[derive(Default)]
struct Expected {
    next: AtomicBool,
    completed: AtomicBool,
}

impl ResponseExpectation {
    /// The next bytes to be received are those of a response. To be called before its request is handed to hyper, and after
    /// the response before has been read.
    pub(super) fn expect(&self) {
        self.0.completed.store(false, Ordering::Release);
        self.0.next.store(true, Ordering::Release);
    }

    /// Whether the end of the response's head was missing.
    pub(super) fn was_completed(&self) -> bool {
        self.0.completed.load(Ordering::Acquire)
    }

    fn take(&self) -> bool {
        self.0.next.swap(false, Ordering::Acquire)
    }
}

/// A transport that makes heads of responses what hyper takes.
pub(super) struct ResponseHeads<T> {
    io: T,
    missing_end: MissingEnd,
    expectation: ResponseExpectation,
    scanner: HeadScanner,
}

impl<T: Transport> ResponseHeads<T> {
    /// Wraps `io`, over which nothing has been received.
    pub(super) fn new(io: T, missing_end: MissingEnd) -> Self {
        Self {
            io,
            missing_end,
            expectation: ResponseExpectation::default(),
            scanner: HeadScanner::new(Part::Rest),
        }
    }

    /// The way to say that a response comes next.
    pub(super) fn expectation(&self) -> ResponseExpectation {
        self.expectation.clone()
    }
}

impl<T: Transport> AsyncRead for ResponseHeads<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // NB: the task that reads also writes the request, so that no answer to it can come between this and the reading.
        if this.expectation.take() {
            this.scanner = HeadScanner::new(Part::StatusLine(Start::EMPTY));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buffer))?;
        if buffer.filled().len() == before
            && buffer.remaining() > 0
            && this.missing_end == MissingEnd::Completed
            && this.scanner.lacks_only_the_end()
        {
            buffer.put_slice(b"\n");
            this.expectation.0.completed.store(true, Ordering::Release);
        }
        if let Some(received) = buffer.filled_mut().get_mut(before..) {
            this.scanner.scan(received);
        }
        if this.scanner.is_endless() {
            // An error comes without bytes.
            buffer.set_filled(before);
            return Poll::Ready(Err(io::Error::other(EndlessInterimResponses)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport> AsyncWrite for ResponseHeads<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncReadExt;

    use super::*;

    /// `response` as it comes out, received in pieces that end at `ends`.
    fn scanned(response: &[u8], ends: &[usize]) -> Vec<u8> {
        let mut scanner = HeadScanner::new(Part::StatusLine(Start::EMPTY));
        let mut bytes = response.to_vec();
        let mut rest = bytes.as_mut_slice();
        let mut begin = 0;
        for &end in ends {
            let (piece, after) = rest.split_at_mut(end - begin);
            scanner.scan(piece);
            rest = after;
            begin = end;
        }
        scanner.scan(rest);
        bytes
    }

    #[test]
    fn control_bytes_are_replaced_in_values_only() {
        let cases: [(&[u8], &[u8]); 9] = [
            (
                b"HTTP/1.1 200 \x01\r\nA\x01:\x01b\x7F\r\nc:\t\x0B\x0C\x1F\r\n\r\n\x01: \x01\r\n",
                b"HTTP/1.1 200 \x01\r\nA\x01:\xFFb\xFF\r\nc:\t\xFF\xFF\xFF\r\n\r\n\x01: \x01\r\n",
            ),
            (
                b"HTTP/1.1 200 OK\na:\x00\r\x08\x80\xFE~ \n\x01\n\n\x01",
                b"HTTP/1.1 200 OK\na:\x00\r\xFF\x80\xFE~ \n\x01\n\n\x01",
            ),
            (
                b"\r\n\nHTTP/1.1 200 OK\r\na: \x01\r\n\r\n",
                b"\r\n\nHTTP/1.1 200 OK\r\na: \xFF\r\n\r\n",
            ),
            (
                b"HTTP/1.1 200 OK\r\na:\x01\r\n \r\n\t\x02\r\n\r\na:\x01",
                b"HTTP/1.1 200 OK\r\na:\xFF\r\n \r\n\t\xFF\r\n\r\na:\x01",
            ),
            (
                b"HTTP/1.1 103 \r\na:\x01\r\n\r\nHTTP/1.1 200 OK\r\nb:\x01\r\n\r\nc:\x01",
                b"HTTP/1.1 103 \r\na:\xFF\r\n\r\nHTTP/1.1 200 OK\r\nb:\xFF\r\n\r\nc:\x01",
            ),
            (
                b"HTTP/1.1 101 \r\na:\x01\r\n\r\nHTTP/1.1 200 OK\r\nb:\x01\r\n\r\n",
                b"HTTP/1.1 101 \r\na:\xFF\r\n\r\nHTTP/1.1 200 OK\r\nb:\x01\r\n\r\n",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-LENGTH: 1\x01\r\n\x0C: \r\n 2\x02\r\nx: \x01\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-LENGTH: 1\x01\r\n\x0C: \r\n 2\xFF\r\nx: \xFF\r\n\r\n",
            ),
            (
                b"HTTP/1.1 200 OK\r\nSet-Cookie: a=\x01\r\n \x02\r\nset-cookie2: \x01\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nSet-Cookie: a=\x01\r\n \x02\r\nset-cookie2: \xFF\r\n\r\n",
            ),
            (b"HTTP/1.1 200 OK\r\n \x01", b"HTTP/1.1 200 OK\r\n \x01"),
        ];
        for (response, expected) in cases {
            assert_eq!(
                scanned(response, &[]).escape_ascii().to_string(),
                expected.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn names_are_compared_whole() {
        for name in KEPT {
            assert!(name.len() < NAME_START);
            assert!(!name.iter().any(u8::is_ascii_uppercase));
            for (name, kept) in [
                (name.to_ascii_uppercase(), true),
                ([name, b"x"].concat(), false),
                ([b"x", name].concat(), false),
                ([name, &[b'x'; NAME_START]].concat(), false),
            ] {
                let response = [b"HTTP/1.1 200 OK\r\n", &*name, b":\x01\r\n\r\n"].concat();
                assert_eq!(scanned(&response, &[]) == response, kept, "{name:?}");
            }
        }
    }

    #[test]
    fn every_control_byte_that_fetch_allows_is_replaced() {
        for byte in 0..=u8::MAX {
            let allowed_by_fetch = !matches!(byte, b'\0' | b'\r' | b'\n');
            let allowed_by_hyper = http::HeaderValue::from_bytes(&[byte]).is_ok();
            assert_eq!(is_replaceable(byte), allowed_by_fetch && !allowed_by_hyper);
        }
    }

    #[tokio::test]
    async fn a_missing_end_is_completed_after_whole_lines_of_a_final_head() {
        let cases: [(&[u8], bool); 9] = [
            (b"HTTP/1.1 200 OK\n", true),
            (b"HTTP/1.1 200 OK\r\na: b\r\n", true),
            (
                b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\n",
                true,
            ),
            (b"", false),
            (b"HTTP/1.1 200 OK", false),
            (b"HTTP/1.1 200 OK\r\na: b", false),
            (b"HTTP/1.1 200 OK\r\na", false),
            (b"HTTP/1.1 103 Hints\r\na: b\r\n", false),
            (b"HTTP/1.1 200 OK\r\n\r\nbody\n", false),
        ];
        for (response, lacks_end) in cases {
            for missing_end in [MissingEnd::Completed, MissingEnd::Error] {
                let io = std::io::Cursor::new(response.to_vec());
                let mut heads = ResponseHeads::new(io, missing_end);
                let expectation = heads.expectation();
                expectation.expect();
                let mut received = Vec::new();
                heads.read_to_end(&mut received).await.unwrap();
                let completed = lacks_end && missing_end == MissingEnd::Completed;
                let end: &[u8] = if completed { b"\n" } else { b"" };
                assert_eq!(received, [response, end].concat(), "{missing_end:?}");
                assert_eq!(expectation.was_completed(), completed);
                expectation.expect();
                assert!(!expectation.was_completed());
            }
        }
    }

    #[tokio::test]
    async fn interim_responses_come_to_an_end() {
        for (count, taken) in [
            (MOST_INTERIM_RESPONSES, true),
            (MOST_INTERIM_RESPONSES + 1, false),
        ] {
            let interim = "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n".repeat(count as usize);
            let response = format!("{interim}HTTP/1.1 200 OK\r\n\r\n");
            let io = std::io::Cursor::new(response.into_bytes());
            let mut heads = ResponseHeads::new(io, MissingEnd::Error);
            heads.expectation().expect();
            let result = heads.read_to_end(&mut Vec::new()).await;
            assert_eq!(result.is_ok(), taken, "{result:?}");
        }
    }

    /// Bytes of which many mean something in a head.
    fn head_bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            prop::sample::select(&b"\r\n\n\n:: \t\x01\x0C\x7F\0aB1"[..]),
            any::<u8>(),
        ];
        prop::collection::vec(byte, 0..80)
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            status in prop::sample::select(vec!["HTTP/1.1 103 x\r\n", "HTTP/1.1 200 OK\n", ""]),
            head in head_bytes(),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let response = [status.as_bytes(), &head].concat();
            let mut ends: Vec<_> = ends.iter().map(|end| end.index(response.len() + 1)).collect();
            ends.sort_unstable();
            prop_assert_eq!(scanned(&response, &ends), scanned(&response, &[]));
        }

        #[test]
        fn only_replaceable_bytes_change(response in head_bytes()) {
            for (before, after) in response.iter().zip(scanned(&response, &[])) {
                prop_assert!(*before == after || is_replaceable(*before) && after == REPLACEMENT);
            }
        }

        #[test]
        fn a_body_is_never_touched(
            value in "[a-z\x01 ]{0,9}",
            body in head_bytes(),
            more in prop::sample::select(vec!["", "HTTP/1.1 200 OK\r\na: \x01\r\n\r\n"]),
        ) {
            let head = format!("HTTP/1.1 200 OK\r\na: {value}\r\n\r\n");
            let body = [more.as_bytes(), &body].concat();
            let scanned = scanned(&[head.as_bytes(), &body].concat(), &[]);
            prop_assert_eq!(&scanned[head.len()..], &body);
            prop_assert!(http::HeaderValue::from_bytes(&scanned[20..head.len() - 4]).is_ok());
        }
    }
}
