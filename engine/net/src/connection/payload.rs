//! A request's body in the form in which hyper takes it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, Stream};
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::upload::{RequestBodyReader, UploadError};

/// The body of one attempt to send a request.
pub(super) struct Payload {
    body: Option<RequestBodyReader>,
    progress: Arc<Progress>,
    /// Ends without a value when the exchange is given up.
    given_up: Option<oneshot::Receiver<()>>,
}

/// How far a payload has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pieces: AtomicU64,
    failed: AtomicBool,
}

impl Progress {
    /// Whether the page failed to deliver the body.
    pub(super) fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// The output of `future`, or `None` when for `limit` neither it ended nor a piece of the body was sent.
    pub(super) async fn limit_stall<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        loop {
            let before = self.pieces.load(Ordering::Relaxed);
            if let Ok(output) = timeout(limit, future.as_mut()).await {
                return Some(output);
            }
            if self.pieces.load(Ordering::Relaxed) == before {
                return None;
            }
        }
    }
}

/// Stops the upload when it is dropped. HTTP/2 would otherwise go on sending the body of a request whose exchange was given
/// up.
pub(super) struct UploadGuard {
    _sender: oneshot::Sender<()>,
}

impl Payload {
    /// The payload for `body`, with the means to stop it and to see how far it has come.
    pub(super) fn new(body: Option<RequestBodyReader>) -> (Self, UploadGuard, Arc<Progress>) {
        let (sender, receiver) = oneshot::channel();
        let progress = Arc::<Progress>::default();
        let payload = Self {
            given_up: body.is_some().then_some(receiver),
            body,
            progress: Arc::clone(&progress),
        };
        (payload, UploadGuard { _sender: sender }, progress)
    }

    /// The body, of which nothing has been read, from a payload that was never sent.
    pub(super) fn into_body(self) -> Option<RequestBodyReader> {
        self.body
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        if let Some(given_up) = &mut self.given_up
            && given_up.poll_unpin(cx).is_ready()
        {
            self.body = None;
            self.given_up = None;
            return Poll::Ready(Some(Err(UploadError::Closed)));
        }
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        match ready!(Pin::new(body).poll_next(cx)) {
            Some(Ok(piece)) => {
                self.progress.pieces.fetch_add(1, Ordering::Relaxed);
                Poll::Ready(Some(Ok(Frame::data(piece))))
            },
            Some(Err(error)) => {
                self.progress.failed.store(true, Ordering::Release);
                self.body = None;
                Poll::Ready(Some(Err(error)))
            },
            None => {
                self.body = None;
                Poll::Ready(None)
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            None => SizeHint::with_exact(0),
            Some(body) => body.length().map_or_else(SizeHint::new, |length| {
                SizeHint::with_exact(length.saturating_sub(body.handed_on()))
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn an_upload_ends_with_its_guard() {
        let reader = RequestBodyReader::from_bytes(Bytes::from(vec![0; 200_000]));
        let (mut payload, guard, progress) = Payload::new(Some(reader));
        assert_eq!(payload.size_hint().exact(), Some(200_000));
        assert!(payload.frame().await.unwrap().is_ok());
        drop(guard);
        assert!(payload.frame().await.unwrap().is_err());
        assert!(payload.frame().await.is_none());
        assert!(!progress.failed(), "the page did not fail");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stall_is_noticed_and_progress_is_not_one() {
        let progress = Arc::new(Progress::default());
        let limit = Duration::from_secs(10);
        let stalled = progress.limit_stall(limit, std::future::pending::<()>());
        assert_eq!(stalled.await, None);

        let moving = Arc::clone(&progress);
        let work = async move {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_secs(8)).await;
                moving.pieces.fetch_add(1, Ordering::Relaxed);
            }
        };
        assert_eq!(progress.limit_stall(limit, work).await, Some(()));
    }
}
