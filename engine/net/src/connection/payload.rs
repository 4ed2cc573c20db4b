//! A request's body in the form in which hyper takes it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::{FutureExt, Stream};
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::upload::{RequestBodyReader, UploadError};

/// The body of one attempt to send a request.
pub(super) struct Payload {
    progress: Arc<Progress>,
    /// Whether there is nothing more to read.
    ended: bool,
    /// Ends without a value when the exchange is given up.
    given_up: Option<oneshot::Receiver<()>>,
}

/// How far a payload has come. It holds the body, so that whoever sends it has it back when the connection is gone.
#[derive(Default)]
pub(super) struct Progress {
    /// NB: only one side at a time reads or takes it, so that the lock is never contended.
    body: Mutex<Option<RequestBodyReader>>,
    pieces: AtomicU64,
    failed: AtomicBool,
}

impl Progress {
    /// Whether the page failed to deliver the body.
    pub(super) fn failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Takes the body back, from its beginning, to be sent again; `None` if there is none left, or it cannot be read again.
    pub(super) fn take_back(&self) -> Option<RequestBodyReader> {
        self.body.lock().take_if(|body| body.rewind())
    }

    /// The request will not be sent again.
    pub(super) fn release(&self) {
        if let Some(body) = &mut *self.body.lock() {
            body.release();
        }
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
        let has_body = body.is_some();
        let progress = Arc::new(Progress {
            body: Mutex::new(body),
            ..Progress::default()
        });
        let payload = Self {
            given_up: has_body.then_some(receiver),
            ended: !has_body,
            progress: Arc::clone(&progress),
        };
        (payload, UploadGuard { _sender: sender }, progress)
    }

    /// Nothing more is read.
    fn end(&mut self) {
        self.ended = true;
        self.given_up = None;
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = UploadError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UploadError>>> {
        let this = &mut *self;
        if let Some(given_up) = &mut this.given_up
            && given_up.poll_unpin(cx).is_ready()
        {
            this.progress.body.lock().take();
            this.end();
            return Poll::Ready(Some(Err(UploadError::Closed)));
        }
        if this.ended {
            return Poll::Ready(None);
        }
        let polled = match &mut *this.progress.body.lock() {
            Some(body) => ready!(Pin::new(body).poll_next(cx)),
            None => Some(Err(UploadError::Closed)),
        };
        match polled {
            Some(Ok(piece)) => {
                this.progress.pieces.fetch_add(1, Ordering::Relaxed);
                Poll::Ready(Some(Ok(Frame::data(piece))))
            },
            Some(Err(error)) => {
                this.progress.failed.store(true, Ordering::Release);
                this.end();
                Poll::Ready(Some(Err(error)))
            },
            None => {
                this.end();
                Poll::Ready(None)
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        if self.ended {
            return SizeHint::with_exact(0);
        }
        self.progress
            .body
            .lock()
            .as_ref()
            .and_then(|body| Some(body.length()?.saturating_sub(body.handed_on())))
            .map_or_else(SizeHint::new, SizeHint::with_exact)
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

    #[tokio::test]
    async fn a_body_comes_back_from_its_beginning() {
        let reader = RequestBodyReader::from_bytes(Bytes::from(vec![0; 200_000]));
        let (mut payload, _guard, progress) = Payload::new(Some(reader));
        assert!(payload.frame().await.unwrap().is_ok());
        assert!(payload.size_hint().exact() < Some(200_000));
        let (mut again, _guard, _) = Payload::new(Some(progress.take_back().unwrap()));
        assert_eq!(again.size_hint().exact(), Some(200_000));
        let mut size = 0;
        while let Some(frame) = again.frame().await {
            size += frame.unwrap().into_data().unwrap().len();
        }
        assert_eq!(size, 200_000);
        assert!(
            payload.frame().await.unwrap().is_err(),
            "it is read in one place only"
        );
    }

    #[tokio::test]
    async fn a_body_does_not_come_back_when_its_response_is_there() {
        let reader = RequestBodyReader::from_bytes(Bytes::from_static(b"bytes"));
        let (mut payload, _guard, progress) = Payload::new(Some(reader));
        assert!(payload.frame().await.unwrap().is_ok());
        progress.release();
        assert!(progress.take_back().is_none());
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
