//! The body of a response as it comes from hyper, with the use of the connection that it comes over.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use hyper::body::{Body as _, Incoming};

use super::payload::UploadGuard;
use super::pool::Lease;
use crate::fetch::{Body, BodyError};

/// A body on the wire. It is read only when it is asked for, and ends the exchange when it is dropped before its end.
struct ResponseBody {
    incoming: Incoming,
    /// `None` once the body has ended.
    exchange: Option<OngoingExchange>,
}

/// What an exchange keeps for as long as its response is on the way.
pub(super) struct OngoingExchange {
    lease: Lease,
    _upload: UploadGuard,
    reuse: Reuse,
}

/// Whether the connection of an exchange serves others after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    /// As soon as the response is complete.
    AfterTheBody,
    /// It does not: what comes next over it may be part of this response.
    Never,
}

impl OngoingExchange {
    /// The exchange that `lease` is for.
    pub(super) fn new(lease: Lease, upload: UploadGuard, reuse: Reuse) -> Self {
        Self {
            lease,
            _upload: upload,
            reuse,
        }
    }

    /// The body of a response whose head has arrived.
    pub(super) fn body(self, incoming: Incoming) -> Body {
        if incoming.is_end_stream() {
            self.complete();
            return Body::Empty;
        }
        Body::from_stream(ResponseBody {
            incoming,
            exchange: Some(self),
        })
    }

    /// The response is complete.
    fn complete(self) {
        match self.lease {
            Lease::Http1(lease) if self.reuse == Reuse::AfterTheBody => lease.give_back(),
            Lease::Http1(_) | Lease::Http2(_) => {},
        }
    }
}

impl Stream for ResponseBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.exchange.is_none() {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut self.incoming).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if self.incoming.is_end_stream()
                        && let Some(exchange) = self.exchange.take()
                    {
                        exchange.complete();
                    }
                    // Trailers are left out: Fetch has none.
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        return Poll::Ready(Some(Ok(data)));
                    }
                },
                Some(Err(_)) => {
                    self.exchange = None;
                    return Poll::Ready(Some(Err(BodyError::Truncated)));
                },
                None => {
                    if let Some(exchange) = self.exchange.take() {
                        exchange.complete();
                    }
                    return Poll::Ready(None);
                },
            }
        }
    }
}
