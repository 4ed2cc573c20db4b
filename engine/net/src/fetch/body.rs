//! The body of a response on its way to whoever asked for it.

use std::fmt;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use net_traits::NetworkError;
use thiserror::Error;
use tokio::time::{Instant, timeout_at};

/// A [body](https://fetch.spec.whatwg.org/#concept-body): absent, at hand, or still arriving.
///
/// A stream is polled only when its reader has room, so that a slow reader slows the sender down and nothing piles up.
#[derive(Default)]
pub enum Body {
    /// Null, or of no bytes.
    #[default]
    Empty,
    /// All of it is at hand.
    Bytes(Bytes),
    /// It arrives as it is read.
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>),
}

/// Why a body ended before it was complete.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum BodyError {
    /// The connection ended, or broke the rules of its protocol, before the body was complete.
    #[error("the connection ended before the response was complete")]
    Truncated,
    /// The bytes are not what `Content-Encoding` says they are.
    #[error("the response's content encoding is broken")]
    Decoding,
    /// The bytes unpack to far more than they were.
    #[error("the response unpacks to more than {most} times its size")]
    Expansion {
        /// How many times is taken.
        most: u64,
    },
    /// A file could not be read further.
    #[error("the file could not be read")]
    File,
    /// The fetch was cancelled.
    #[error("the fetch was cancelled")]
    Cancelled,
    /// The permission under which the body was read was taken back.
    #[error("the permission to read the response was taken back")]
    Revoked,
    /// The body is larger than what this reader takes.
    #[error("the response is larger than {limit} bytes")]
    TooLarge {
        /// The reader's limit in bytes.
        limit: usize,
    },
}

impl BodyError {
    /// The error that script is told at the end of the body.
    ///
    /// AD-HOC: script takes a body that ends in any other error for complete, so a truncated one is reported as a
    /// decompression failure.
    pub fn network_error(&self) -> NetworkError {
        match self {
            Self::Cancelled => NetworkError::LoadCancelled,
            _ => NetworkError::DecompressionError,
        }
    }
}

impl Body {
    /// A body that arrives as `stream` yields it.
    pub fn from_stream(
        stream: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
    ) -> Self {
        Self::Stream(Box::pin(stream))
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::Stream(_) => false,
        }
    }

    /// The next piece, or `None` at the end. After an error the body has ended.
    ///
    /// # Errors
    /// [`BodyError`] if the body ended before it was complete.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        match self {
            Self::Empty => None,
            Self::Bytes(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                (!bytes.is_empty()).then_some(Ok(bytes))
            },
            Self::Stream(stream) => {
                let item = stream.next().await;
                if !matches!(item, Some(Ok(_))) {
                    *self = Self::Empty;
                }
                item
            },
        }
    }

    /// The first `length` bytes, or all if there are less, and whether they are all. They stay in the body. A body that breaks
    /// off before is as long as it came, and not complete.
    pub async fn first_bytes(&mut self, length: usize) -> (Bytes, bool) {
        self.first_bytes_until(length, None).await
    }

    /// As [`first_bytes`](Self::first_bytes), or as many as have come at `deadline`.
    pub async fn first_bytes_until(
        &mut self,
        length: usize,
        deadline: Option<Instant>,
    ) -> (Bytes, bool) {
        let mut first = BytesMut::new();
        let mut end = None;
        while first.len() < length {
            let next = match deadline {
                // NB: nothing is lost when the time is over: the stream keeps what it has not yielded.
                Some(deadline) => match timeout_at(deadline, self.next()).await {
                    Ok(next) => next,
                    Err(_) => break,
                },
                None => self.next().await,
            };
            match next {
                Some(Ok(chunk)) if first.is_empty() && chunk.len() >= length => {
                    first = chunk
                        .try_into_mut()
                        .unwrap_or_else(|chunk| chunk[..].into());
                },
                Some(Ok(chunk)) => first.extend_from_slice(&chunk),
                other => {
                    end = Some(other);
                    break;
                },
            }
        }
        let first = first.freeze();
        let is_complete = matches!(end, Some(None));
        let rest = std::mem::take(self);
        *self = match end {
            Some(None) => Self::Bytes(first.clone()),
            Some(Some(error)) => Self::from_stream(stream::iter([Ok(first.clone()), error])),
            None => {
                let rest = stream::unfold(rest, |mut rest| async move {
                    let item = rest.next().await?;
                    Some((item, rest))
                });
                Self::from_stream(stream::iter([Ok(first.clone())]).chain(rest))
            },
        };
        (first, is_complete)
    }

    /// A body that ends when and as this one does, and has no bytes.
    pub fn without_bytes(self) -> Self {
        Self::from_stream(stream::unfold(self, |mut body| async move {
            loop {
                if let Err(error) = body.next().await? {
                    return Some((Err(error), body));
                }
            }
        }))
    }

    /// [Fully reads](https://fetch.spec.whatwg.org/#body-fully-read) the body.
    ///
    /// # Errors
    /// [`BodyError::TooLarge`] past `limit` bytes, or what ended the body early.
    pub async fn read_all(mut self, limit: usize) -> Result<Bytes, BodyError> {
        if let Self::Bytes(bytes) = self {
            return if bytes.len() > limit {
                Err(BodyError::TooLarge { limit })
            } else {
                Ok(bytes)
            };
        }
        let mut all = BytesMut::new();
        while let Some(chunk) = self.next().await {
            let chunk = chunk?;
            if all.len() + chunk.len() > limit {
                return Err(BodyError::TooLarge { limit });
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(chunks: &[Result<&'static [u8], BodyError>]) -> Body {
        let chunks: Vec<_> = chunks
            .iter()
            .cloned()
            .map(|chunk| chunk.map(Bytes::from_static))
            .collect();
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn the_first_bytes_stay_in_the_body() {
        for (length, expected) in [
            (0, (0, false)),
            (2, (3, false)),
            (4, (6, false)),
            (7, (6, true)),
        ] {
            let mut body = body(&[Ok(b"abc"), Ok(b"def")]);
            let (first, is_complete) = body.first_bytes(length).await;
            assert_eq!((first.len(), is_complete), expected);
            assert!(b"abcdef".starts_with(&first));
            let (again, _) = body.first_bytes(5).await;
            assert!(again.len() >= 5);
            assert_eq!(body.read_all(100).await.unwrap(), "abcdef");
        }
        let mut bytes = Body::from(b"abc".to_vec());
        assert_eq!(bytes.first_bytes(9).await, ("abc".into(), true));
        assert_eq!(bytes.read_all(100).await.unwrap(), "abc");
        assert_eq!(Body::Empty.first_bytes(9).await, (Bytes::new(), true));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_not_waited_for() {
        let chunks = stream::iter([Ok(Bytes::from_static(b"abc"))]).chain(stream::pending());
        let mut body = Body::from_stream(chunks);
        let deadline = Instant::now() + std::time::Duration::from_secs(1);
        let first = body.first_bytes_until(9, Some(deadline)).await;
        assert_eq!(first, ("abc".into(), false));
        assert_eq!(body.next().await, Some(Ok("abc".into())));
    }

    #[tokio::test]
    async fn a_body_without_bytes_ends_as_it_would_have() {
        let mut whole = body(&[Ok(b"abc"), Ok(b"def")]).without_bytes();
        assert_eq!(whole.next().await, None);
        let mut broken = body(&[Ok(b"abc"), Err(BodyError::Truncated)]).without_bytes();
        assert_eq!(broken.next().await, Some(Err(BodyError::Truncated)));
        assert_eq!(broken.next().await, None);
    }

    #[tokio::test]
    async fn what_breaks_off_still_does() {
        let mut body = body(&[Ok(b"abc"), Err(BodyError::Truncated)]);
        assert_eq!(body.first_bytes(9).await, ("abc".into(), false));
        assert_eq!(body.next().await, Some(Ok("abc".into())));
        assert_eq!(body.next().await, Some(Err(BodyError::Truncated)));
        assert_eq!(body.next().await, None);
    }
}
