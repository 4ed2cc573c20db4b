//! Heads of responses that HTTP/1.1 forbids and browsers take, or the other way round: what is made of them before hyper's
//! parser sees them. A head is held until it is whole.
//!
//! # Control bytes
//!
//! Fetch lets a [header value](https://fetch.spec.whatwg.org/#header-value) hold any byte but NUL, CR and LF. hyper and the
//! `http` crate refuse the other control bytes too, and with the one header the whole response. Leaving such a header out is
//! no way: it can be a server's refusal.
//!
//! AD-HOC: in the head of a response, and in values only, such a byte becomes [`REPLACEMENT`](scanner::REPLACEMENT) before hyper
//! sees it. The header stays, and what it says can be no token, number or origin, so it is malformed to whoever reads it, as it
//! would be with the control byte. Script sees `ÿ` in place of the byte. Where that is not enough, the byte stays and the
//! response fails ([`KEPT`](scanner::KEPT)).
//!
//! # Fields that are left out
//!
//! A `Content-Length` that is no number is kept from hyper, so that the body goes on until the connection ends; one that
//! contradicts itself is an error. A `Set-Cookie` that has control bytes is left out as well, and so is a line without a colon.
//! See [`fields`].
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

mod fields;
mod scanner;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use http::HeaderMap;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::fields::{ContradictoryLengths, Tidied, tidy};
use self::scanner::{Found, HeadScanner};
use super::transport::Transport;

/// The largest head of a response, in bytes.
pub(super) const MOST_HEAD_BYTES: usize = 256 * 1024;

/// How many interim responses may come before the final one.
const MOST_INTERIM_RESPONSES: u32 = 100;

/// How much is read at once of a head.
const PIECE: usize = 8 * 1024;

/// Why the head of a response is none. It comes out of reading as the inner error of an [`io::Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum HeadError {
    /// A server sends interim responses, and no final one.
    #[error("more than {MOST_INTERIM_RESPONSES} interim responses")]
    EndlessInterimResponses,
    /// It is larger than what is taken.
    #[error("more than {MOST_HEAD_BYTES} bytes of a head")]
    TooLarge,
    /// A line does not end as it begins to.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9112#section-2.2>
    #[error("a carriage return without a line feed")]
    LoneCr,
    /// The body has several lengths.
    #[error("several values of Content-Length")]
    ContradictoryLengths,
}

impl From<HeadError> for io::Error {
    fn from(error: HeadError) -> Self {
        Self::other(error)
    }
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
    stray: AtomicBool,
    unusable_lengths: Mutex<HeaderMap>,
}

impl ResponseExpectation {
    /// What is sent next is a request, to which a response will come. To be called before the request is handed to hyper, and
    /// after the response before has been read.
    pub(super) fn expect(&self) {
        self.0.unusable_lengths.lock().clear();
        self.0.completed.store(false, Ordering::Release);
        self.0.stray.store(false, Ordering::Release);
        self.0.next.store(true, Ordering::Release);
    }

    /// Whether the end of the response's head was missing.
    pub(super) fn was_completed(&self) -> bool {
        self.0.completed.load(Ordering::Acquire)
    }

    /// Whether something else came than the first line of a response.
    pub(super) fn was_stray(&self) -> bool {
        self.0.stray.load(Ordering::Acquire)
    }

    /// Takes the response's `Content-Length`, if it is no number: then it is not among its headers.
    pub(super) fn take_unusable_lengths(&self) -> HeaderMap {
        std::mem::take(&mut *self.0.unusable_lengths.lock())
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
    interim_count: u32,
    /// What has come of a head that is not whole.
    head: Vec<u8>,
    /// What can be read.
    ready: BytesMut,
}

impl<T: Transport> ResponseHeads<T> {
    /// Wraps `io`, over which nothing has been received.
    pub(super) fn new(io: T, missing_end: MissingEnd) -> Self {
        Self {
            io,
            missing_end,
            expectation: ResponseExpectation::default(),
            scanner: HeadScanner::done(),
            interim_count: 0,
            head: Vec::new(),
            ready: BytesMut::new(),
        }
    }

    /// The way to say that a response comes next.
    pub(super) fn expectation(&self) -> ResponseExpectation {
        self.expectation.clone()
    }

    /// Begins to follow a response when its request is sent. NB: not earlier, since what comes while nothing is asked for is
    /// hyper's to refuse, and not to be held back from it.
    fn begin_if_expected(&mut self) {
        if self.expectation.take() {
            self.scanner = HeadScanner::new();
            self.interim_count = 0;
        }
    }

    /// Takes the next bytes of a response.
    fn feed(&mut self, mut bytes: &mut [u8]) -> Result<(), HeadError> {
        while !bytes.is_empty() && !self.scanner.is_done() {
            let (count, found) = self.scanner.scan(bytes);
            let (scanned, rest) = bytes.split_at_mut(count);
            self.head.extend_from_slice(scanned);
            bytes = rest;
            if self.head.len() > MOST_HEAD_BYTES {
                return Err(HeadError::TooLarge);
            }
            match found {
                None => {},
                Some(Found::InterimHead) => {
                    self.interim_count = self.interim_count.saturating_add(1);
                    if self.interim_count > MOST_INTERIM_RESPONSES {
                        return Err(HeadError::EndlessInterimResponses);
                    }
                    self.tidy_head()?;
                    self.give_out_head();
                },
                Some(Found::Head) => {
                    let unusable_lengths = self.tidy_head()?;
                    *self.expectation.0.unusable_lengths.lock() = unusable_lengths;
                    self.give_out_head();
                },
                Some(Found::Stray) => {
                    self.expectation.0.stray.store(true, Ordering::Release);
                    self.give_out_head();
                },
                Some(Found::Malformed) => self.give_out_head(),
                Some(Found::LoneCr) => return Err(HeadError::LoneCr),
            }
        }
        self.ready.extend_from_slice(bytes);
        Ok(())
    }

    /// Takes out of the head, which is whole, what hyper must not see. Its `Content-Length`, if that is no number.
    fn tidy_head(&mut self) -> Result<HeaderMap, HeadError> {
        let tidied = tidy(std::mem::take(&mut self.head));
        let Tidied {
            head,
            unusable_lengths,
        } = tidied.map_err(|ContradictoryLengths| HeadError::ContradictoryLengths)?;
        self.head = head;
        Ok(unusable_lengths)
    }

    fn give_out_head(&mut self) {
        self.ready.extend_from_slice(&self.head);
        self.head.clear();
    }

    /// The connection has ended.
    fn feed_end(&mut self) -> Result<(), HeadError> {
        if self.missing_end == MissingEnd::Completed && self.scanner.lacks_only_the_end() {
            self.expectation.0.completed.store(true, Ordering::Release);
            return self.feed(&mut [b'\n']);
        }
        self.scanner = HeadScanner::done();
        self.give_out_head();
        Ok(())
    }

    /// Nothing more of what has come is of use.
    fn fail(&mut self, error: HeadError) -> io::Error {
        self.scanner = HeadScanner::done();
        self.head = Vec::new();
        self.ready.clear();
        error.into()
    }
}

impl<T: Transport> AsyncRead for ResponseHeads<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if !this.ready.is_empty() {
                let count = this.ready.len().min(buffer.remaining());
                let (now, _) = this.ready.split_at(count);
                buffer.put_slice(now);
                this.ready.advance(count);
                return Poll::Ready(Ok(()));
            }
            if this.scanner.is_done() {
                return Pin::new(&mut this.io).poll_read(cx, buffer);
            }
            let mut piece = [0; PIECE];
            let mut piece = ReadBuf::new(&mut piece);
            ready!(Pin::new(&mut this.io).poll_read(cx, &mut piece))?;
            let fed = if piece.filled().is_empty() {
                this.feed_end()
            } else {
                this.feed(piece.filled_mut())
            };
            if let Err(error) = fed {
                return Poll::Ready(Err(this.fail(error)));
            }
        }
    }
}

impl<T: Transport> AsyncWrite for ResponseHeads<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.begin_if_expected();
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.begin_if_expected();
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
    use std::io::Cursor;

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, Join, Sink, join, sink};

    use super::*;

    /// A connection on which `response` comes as soon as something is sent, and nothing after it.
    async fn answered(
        response: &[u8],
        missing_end: MissingEnd,
    ) -> ResponseHeads<Join<Cursor<Vec<u8>>, Sink>> {
        let io = join(Cursor::new(response.to_vec()), sink());
        let mut heads = ResponseHeads::new(io, missing_end);
        heads.expectation().expect();
        heads.write_all(b"request").await.unwrap();
        heads
    }

    /// What comes of `response`.
    async fn read(response: &[u8]) -> io::Result<Vec<u8>> {
        let mut received = Vec::new();
        let mut heads = answered(response, MissingEnd::Error).await;
        heads.read_to_end(&mut received).await.map(|_| received)
    }

    #[tokio::test]
    async fn a_missing_end_is_completed_after_whole_lines_of_a_final_head() {
        let cases: [(&[u8], bool); 10] = [
            (b"HTTP/1.1 200 OK\n", true),
            (b"HTTP/1.1 200 OK\r\na: b\r\n", true),
            (
                b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\na: b\r\n",
                true,
            ),
            (b"", false),
            (b"HTTP/1.1 200 OK", false),
            (b"HTTP/1.1 200 OK\r\na: b", false),
            (b"HTTP/1.1 200 OK\r\na: b\r\n\r", false),
            (b"HTTP/1.1 200 OK\r\na", false),
            (b"HTTP/1.1 103 Hints\r\na: b\r\n", false),
            (b"HTTP/1.1 200 OK\r\n\r\nbody\n", false),
        ];
        for (response, lacks_end) in cases {
            for missing_end in [MissingEnd::Completed, MissingEnd::Error] {
                let mut heads = answered(response, missing_end).await;
                let expectation = heads.expectation();
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
            let result = read(format!("{interim}HTTP/1.1 200 OK\r\n\r\n").as_bytes()).await;
            assert_eq!(result.is_ok(), taken, "{result:?}");
        }
    }

    #[tokio::test]
    async fn heads_that_are_none() {
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(MOST_HEAD_BYTES));
        for (response, expected) in [
            (endless.as_str(), HeadError::TooLarge),
            ("HTTP/1.1 200 OK\r\nX: \ry\r\n\r\n", HeadError::LoneCr),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nab",
                HeadError::ContradictoryLengths,
            ),
        ] {
            let error = read(response.as_bytes()).await.unwrap_err();
            let inner = error.get_ref().unwrap().downcast_ref::<HeadError>();
            assert_eq!(inner, Some(&expected));
        }
    }

    #[tokio::test]
    async fn what_is_no_length_is_taken_out_and_told() {
        let response = b"HTTP/1.1 200 OK\r\nContent-Length: 42s\r\nA: b\r\n\r\nbody";
        let mut heads = answered(response, MissingEnd::Error).await;
        let expectation = heads.expectation();
        let mut received = String::new();
        heads.read_to_string(&mut received).await.unwrap();
        assert_eq!(received, "HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody");
        assert_eq!(expectation.take_unusable_lengths()["content-length"], "42s");
        assert!(expectation.take_unusable_lengths().is_empty());
    }

    #[tokio::test]
    async fn what_nobody_asked_for_is_not_held() {
        let bytes = b"HTTP/1.1 200 OK\r\nA: \x01";
        let io = join(Cursor::new(bytes.to_vec()), sink());
        let mut heads = ResponseHeads::new(io, MissingEnd::Error);
        heads.expectation().expect();
        let mut received = Vec::new();
        heads.read_buf(&mut received).await.unwrap();
        assert_eq!(received, bytes);
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told() {
        for (response, expected) in [("TESTHTTP/1.1 200 OK\r\n\r\n", true), ("HTTP/1", false)] {
            let mut heads = answered(response.as_bytes(), MissingEnd::Error).await;
            let mut received = String::new();
            heads.read_to_string(&mut received).await.unwrap();
            assert_eq!(received, response);
            assert_eq!(heads.expectation().was_stray(), expected);
            heads.expectation().expect();
            assert!(!heads.expectation().was_stray());
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            lines in "([ab]: [a-z]{0,5}\r?\n){0,4}",
            body in prop::collection::vec(any::<u8>(), 0..20_000),
        ) {
            let response = [format!("HTTP/1.1 200 OK\r\n{lines}\r\n").as_bytes(), &body].concat();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            prop_assert_eq!(runtime.block_on(read(&response)).unwrap(), response);
        }
    }
}
