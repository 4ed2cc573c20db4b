//! Sockets: getting one to any of a server's addresses, and what HTTP runs over.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{sleep, timeout};

use super::error::{ConnectionError, Phase};

/// How long one address may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait for an address before the next one is tried beside it.
///
/// <https://www.rfc-editor.org/rfc/rfc8305#section-5> (Connection Attempt Delay)
const CONNECTION_ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How many addresses of a name are tried.
const MOST_ATTEMPTS: usize = 16;

/// What carries bytes both ways: TCP, TLS, or a tunnel.
pub(super) trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Transport for T {}

/// Connects to the first of `addresses` that answers.
///
/// # Errors
/// Why the first one failed; a refusal is preferred, because it says most.
///
/// <https://www.rfc-editor.org/rfc/rfc8305#section-5>
pub(super) async fn connect_to_any(addresses: &[SocketAddr]) -> Result<TcpStream, ConnectionError> {
    let mut waiting = VecDeque::from(interleave_families(addresses));
    waiting.truncate(MOST_ATTEMPTS);
    let mut attempts = FuturesUnordered::new();
    let mut failure: Option<ConnectionError> = None;
    loop {
        if let Some(address) = waiting.pop_front() {
            attempts.push(connect(address));
        }
        let delay = sleep(CONNECTION_ATTEMPT_DELAY);
        tokio::select! {
            Some(attempt) = attempts.next() => match attempt {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    if failure.is_none() || matches!(error, ConnectionError::Refused) {
                        failure = Some(error);
                    }
                },
            },
            () = delay, if !waiting.is_empty() => {},
            else => {},
        }
        if attempts.is_empty() && waiting.is_empty() {
            return Err(failure.unwrap_or(ConnectionError::Unreachable));
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream, ConnectionError> {
    let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(address))
        .await
        .map_err(|_| ConnectionError::TimedOut {
            phase: Phase::Connect,
        })?
        .map_err(|error| ConnectionError::of_io(&error, Phase::Connect))?;
    // OPTIMIZATION: a request's head and body are written at once; Nagle's algorithm would hold the end of them back.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Takes addresses of the two families in turn, beginning with the family of the first.
///
/// <https://www.rfc-editor.org/rfc/rfc8305#section-4>
fn interleave_families(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let Some(first) = addresses.first() else {
        return Vec::new();
    };
    let (preferred, others): (Vec<_>, Vec<_>) = addresses
        .iter()
        .copied()
        .partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut others = others.into_iter();
    let mut interleaved = Vec::with_capacity(addresses.len());
    for address in preferred {
        interleaved.push(address);
        interleaved.extend(others.next());
    }
    interleaved.extend(others);
    interleaved
}

/// The transport of one HTTP connection. It counts what it receives, and holds the connection's place among all open ones
/// until the socket closes.
pub(super) struct Metered {
    io: Box<dyn Transport>,
    received: Arc<AtomicU64>,
    _place: OwnedSemaphorePermit,
}

impl Metered {
    /// Wraps `io`.
    pub(super) fn new(io: Box<dyn Transport>, place: OwnedSemaphorePermit) -> Self {
        Self {
            io,
            received: Arc::default(),
            _place: place,
        }
    }

    /// How many bytes have been received; goes on counting.
    pub(super) fn received(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.received)
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match ready!(Pin::new(&mut self.io).poll_read(cx, buffer)) {
            Ok(()) => {
                let count = buffer.filled().len().saturating_sub(before);
                self.received.fetch_add(count as u64, Ordering::Relaxed);
                Poll::Ready(Ok(()))
            },
            // AD-HOC: a TLS connection that ends without close_notify is taken for closed, as in other browsers; many
            // servers end a body without Content-Length so. Where the length is known, HTTP notices what is missing.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

impl AsyncWrite for Metered {
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
    use tokio::net::TcpListener;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        let cases: [(&[&str], &[&str]); 4] = [
            (&[], &[]),
            (
                &["[::1]:1", "[::2]:1", "1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"],
                &["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "3.3.3.3:1"],
            ),
            (
                &["1.1.1.1:1", "[::1]:1", "[::2]:1"],
                &["1.1.1.1:1", "[::1]:1", "[::2]:1"],
            ),
            (&["1.1.1.1:1", "2.2.2.2:1"], &["1.1.1.1:1", "2.2.2.2:1"]),
        ];
        for (given, expected) in cases {
            assert_eq!(interleave_families(&addresses(given)), addresses(expected));
        }
    }

    #[tokio::test]
    async fn goes_on_to_the_next_address() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // Nothing listens on the first address: the listener has 127.0.0.1 only.
        let stream = connect_to_any(&addresses(&[
            &format!("127.0.0.2:{port}"),
            &format!("127.0.0.1:{port}"),
        ]))
        .await
        .unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
    }

    #[tokio::test]
    async fn says_when_it_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let error = connect_to_any(&addresses(&[&format!("127.0.0.1:{port}")]))
            .await
            .unwrap_err();
        assert!(matches!(error, ConnectionError::Refused), "{error:?}");
        assert!(connect_to_any(&[]).await.is_err());
    }
}
