//! The body of a response on its way to whoever asked for it.

use std::fmt;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use net_traits::NetworkError;
use thiserror::Error;

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
