//! The body of a request, as it comes from the page that sends it.
//!
//! Script hands out a body chunk by chunk, over a channel and only when asked: first `Connect` with the way back, then
//! `Chunk` for each chunk. A chunk is asked for when the connection has room for it, so a slow server slows the page's stream
//! down.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use ipc_channel::ipc::{self, IpcSender};
use ipc_channel::router::ROUTER;
use net_traits::request::{BodyChunkRequest, BodyChunkResponse, RequestBody};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

/// The largest piece in which a body is handed on. Script sends a body that it has in memory as one chunk, however large.
const PIECE: usize = 64 * 1024;

/// How much of a body is kept, in bytes, only so that it can be sent again: step 2.1 of
/// [HTTP-network fetch](https://fetch.spec.whatwg.org/#http-network-fetch) allows as much.
const KEPT: usize = 64 * 1024;

/// Why a request's body ended early.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum UploadError {
    /// The page's stream failed.
    #[error("the page's stream failed")]
    Page,
    /// The page is gone, or its body has been closed.
    #[error("the page's stream was closed")]
    Closed,
}

/// Reads the body of a request. Nothing is asked of script before the first read.
pub struct RequestBodyReader {
    source: Source,
    length: Option<u64>,
    /// Whether script has all of the body, so that it can be asked again without disturbing the page.
    from_object: bool,
    is_stream: bool,
    /// How many bytes script has given.
    received: u64,
    handed_on: u64,
    /// What was handed on so far; `None` if that is too much, or was released.
    kept: Option<Kept>,
    /// What is handed on before anything else is read.
    again: VecDeque<Bytes>,
    finished: Option<oneshot::Sender<()>>,
}

/// The pieces of a body that were handed on, which a connection may have lost.
#[derive(Default)]
struct Kept {
    pieces: VecDeque<Bytes>,
    /// How many bytes of them would be free otherwise.
    held: usize,
}

impl Kept {
    /// Keeps one more; `None` if that is too much. `in_memory`: the piece is part of memory that is there anyway.
    fn with(mut self, piece: &Bytes, in_memory: bool) -> Option<Self> {
        if !in_memory {
            self.held = self.held.saturating_add(piece.len());
        }
        self.pieces.push_back(piece.clone());
        (self.held <= KEPT).then_some(self)
    }
}

/// The way to script. NB: a sender is not `Sync`, but futures that are sent between threads refer to requests; the lock is never
/// contended.
type Control = Mutex<IpcSender<BodyChunkRequest>>;

enum Source {
    Unconnected(Control),
    Connected(Connected),
    Memory(Bytes),
    Ended,
    Failed(UploadError),
}

struct Connected {
    control: Control,
    chunks: mpsc::UnboundedReceiver<BodyChunkResponse>,
    /// Whether a chunk has been asked for and not come yet. NB: script panics when it is asked again after the last one.
    asked: bool,
    current: Bytes,
    /// Whether the current chunk is all of the body.
    is_whole: bool,
}

impl RequestBodyReader {
    /// A reader of `body`. If its stream has been closed, the first read fails.
    pub fn connect(body: &RequestBody) -> Self {
        let control = body.clone_stream().lock().clone();
        Self {
            source: match control {
                Some(control) => Source::Unconnected(Mutex::new(control)),
                None => Source::Failed(UploadError::Closed),
            },
            length: body.len().map(|length| length as u64),
            from_object: !body.source_is_null(),
            is_stream: body.source_is_null(),
            received: 0,
            handed_on: 0,
            kept: Some(Kept::default()),
            again: VecDeque::new(),
            finished: None,
        }
    }

    /// A reader of bytes at hand.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self {
            length: Some(bytes.len() as u64),
            source: Source::Memory(bytes),
            from_object: false,
            is_stream: false,
            received: 0,
            handed_on: 0,
            kept: Some(Kept::default()),
            again: VecDeque::new(),
            finished: None,
        }
    }

    /// How many bytes there are, if that is known before.
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether a stream of the page's is all there is of it (its [source](https://fetch.spec.whatwg.org/#concept-body-source) is
    /// null).
    pub(super) fn is_stream(&self) -> bool {
        self.is_stream
    }

    /// How many bytes have been read.
    pub(super) fn handed_on(&self) -> u64 {
        self.handed_on
    }

    /// A signal for the moment at which the whole body has been handed to the connection. It is dropped without a value if
    /// that never comes.
    pub fn finished(&mut self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.finished = Some(sender);
        receiver
    }

    /// Goes back to the beginning; whether that is possible. It is if nothing has been read, if all that was read is in memory, or
    /// if it was little.
    pub(super) fn rewind(&mut self) -> bool {
        if matches!(self.source, Source::Failed(_)) {
            return false;
        }
        if self.handed_on == 0 {
            return true;
        }
        let Some(kept) = self.kept.take() else {
            return false;
        };
        self.again = kept.pieces;
        self.handed_on = 0;
        true
    }

    /// Releases what is kept for [`Self::rewind`].
    pub(super) fn release(&mut self) {
        self.kept = None;
    }

    fn fail(&mut self, error: UploadError) -> Poll<Option<Result<Bytes, UploadError>>> {
        self.source = Source::Failed(error);
        Poll::Ready(Some(Err(error)))
    }

    fn signal_finished(&mut self) {
        if let Some(finished) = self.finished.take() {
            let _ = finished.send(());
        }
    }

    fn hand_on(
        &mut self,
        piece: Bytes,
        in_memory: bool,
    ) -> Poll<Option<Result<Bytes, UploadError>>> {
        self.kept = self
            .kept
            .take()
            .and_then(|kept| kept.with(&piece, in_memory));
        self.handed_on += piece.len() as u64;
        if self.length == Some(self.handed_on) {
            self.signal_finished();
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

impl Connected {
    fn new(control: IpcSender<BodyChunkRequest>) -> Result<Self, UploadError> {
        let (to_us, from_script) =
            ipc::channel::<BodyChunkResponse>().map_err(|_| UploadError::Closed)?;
        let (forward, chunks) = mpsc::unbounded_channel();
        ROUTER.add_typed_route(
            from_script,
            Box::new(move |message| {
                // A message that cannot be read is a failure of the page's process. The channel holds one chunk at most,
                // because one is asked for at a time.
                let _ = forward.send(message.unwrap_or(BodyChunkResponse::Error));
            }),
        );
        control
            .send(BodyChunkRequest::Connect(to_us))
            .map_err(|_| UploadError::Closed)?;
        Ok(Self {
            control: Mutex::new(control),
            chunks,
            asked: false,
            current: Bytes::new(),
            is_whole: false,
        })
    }
}

impl Stream for RequestBodyReader {
    type Item = Result<Bytes, UploadError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(piece) = self.again.pop_front() {
            return self.hand_on(piece, true);
        }
        let (length, from_object) = (self.length, self.from_object);
        loop {
            match &mut self.source {
                Source::Failed(error) => {
                    let error = *error;
                    return self.fail(error);
                },
                Source::Ended => return Poll::Ready(None),
                Source::Memory(bytes) => {
                    let piece = bytes.split_to(bytes.len().min(PIECE));
                    if piece.is_empty() {
                        self.source = Source::Ended;
                        self.signal_finished();
                        return Poll::Ready(None);
                    }
                    return self.hand_on(piece, true);
                },
                Source::Unconnected(control) => {
                    match Connected::new(control.get_mut().clone()) {
                        Ok(connected) => self.source = Source::Connected(connected),
                        Err(error) => return self.fail(error),
                    };
                },
                Source::Connected(script) => {
                    if !script.current.is_empty() {
                        let size = script.current.len().min(PIECE);
                        let piece = script.current.split_to(size);
                        let in_memory = script.is_whole;
                        return self.hand_on(piece, in_memory);
                    }
                    if !script.asked {
                        if script
                            .control
                            .get_mut()
                            .send(BodyChunkRequest::Chunk)
                            .is_err()
                        {
                            return self.fail(UploadError::Closed);
                        }
                        script.asked = true;
                    }
                    match ready!(script.chunks.poll_recv(cx)) {
                        Some(BodyChunkResponse::Chunk(chunk)) => {
                            script.asked = false;
                            script.current = Bytes::from_owner(chunk);
                            let size = script.current.len() as u64;
                            script.is_whole = from_object && length == Some(size);
                            self.received = self.received.saturating_add(size);
                        },
                        Some(BodyChunkResponse::Done) => {
                            self.source = Source::Ended;
                            self.signal_finished();
                            return Poll::Ready(None);
                        },
                        Some(BodyChunkResponse::Error) => return self.fail(UploadError::Page),
                        None => return self.fail(UploadError::Closed),
                    }
                },
            }
        }
    }
}

impl Drop for RequestBodyReader {
    fn drop(&mut self) {
        // NB: script keeps the body until it was asked once more after the last chunk, and a connection that has
        // Content-Length many bytes does not ask.
        if let Source::Connected(script) = &self.source
            && self.from_object
            && !script.asked
            && self.length == Some(self.received)
        {
            let _ = script.control.lock().send(BodyChunkRequest::Chunk);
        }
    }
}

impl fmt::Debug for RequestBodyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBodyReader")
            .field("length", &self.length)
            .field("handed_on", &self.handed_on)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use futures::StreamExt;
    use ipc_channel::ipc::IpcReceiver;
    use net_traits::request::BodySource;
    use servo_base::generic_channel::GenericSharedMemory;

    use super::*;

    /// Stands for script with an object as the body's source: answers each request with the next of `answers` and reports each
    /// request.
    fn script(
        answers: Vec<BodyChunkResponse>,
        length: Option<usize>,
    ) -> (RequestBody, mpsc::UnboundedReceiver<&'static str>) {
        script_with_source(BodySource::Object, answers, length)
    }

    fn script_with_source(
        source: BodySource,
        answers: Vec<BodyChunkResponse>,
        length: Option<usize>,
    ) -> (RequestBody, mpsc::UnboundedReceiver<&'static str>) {
        let (control, requests): (_, IpcReceiver<BodyChunkRequest>) = ipc::channel().unwrap();
        let (report, reports) = mpsc::unbounded_channel();
        let mut answers = VecDeque::from(answers);
        let mut net = None;
        ROUTER.add_typed_route(
            requests,
            Box::new(move |request| match request.unwrap() {
                BodyChunkRequest::Connect(sender) => {
                    net = Some(sender);
                    let _ = report.send("connect");
                },
                BodyChunkRequest::Chunk => {
                    if let Some(answer) = answers.pop_front() {
                        let _ = net.as_ref().unwrap().send(answer);
                    }
                    let _ = report.send("chunk");
                },
                _ => {
                    let _ = report.send("other");
                },
            }),
        );
        (RequestBody::new(control, source, length), reports)
    }

    fn chunk(bytes: &[u8]) -> BodyChunkResponse {
        BodyChunkResponse::Chunk(GenericSharedMemory::from_bytes(bytes))
    }

    #[tokio::test]
    async fn asks_for_one_chunk_at_a_time() {
        let (body, mut reports) = script(
            vec![chunk(b"one"), chunk(b"two"), BodyChunkResponse::Done],
            Some(6),
        );
        let mut reader = RequestBodyReader::connect(&body);
        assert!(
            reports.try_recv().is_err(),
            "nothing is asked before the first read"
        );
        let mut finished = reader.finished();
        assert_eq!(reader.next().await.unwrap().unwrap(), "one");
        assert_eq!(reports.recv().await, Some("connect"));
        assert_eq!(reports.recv().await, Some("chunk"));
        assert!(reports.try_recv().is_err(), "nothing is read ahead");
        assert!(finished.try_recv().is_err());
        assert_eq!(reader.next().await.unwrap().unwrap(), "two");
        assert!(finished.try_recv().is_ok());
        assert_eq!(reader.next().await, None);
        assert_eq!(reader.next().await, None);
    }

    #[tokio::test]
    async fn large_chunks_are_handed_on_in_pieces() {
        let bytes = vec![7; PIECE + 1];
        let (body, _reports) = script(vec![chunk(&bytes), BodyChunkResponse::Done], None);
        let reader = RequestBodyReader::connect(&body);
        let lengths: Vec<_> = reader
            .map(|piece| piece.map(|piece| piece.len()))
            .collect()
            .await;
        assert_eq!(lengths, [Ok(PIECE), Ok(1)]);
    }

    #[tokio::test]
    async fn failures_of_the_page_are_errors() {
        let (body, _reports) = script(vec![chunk(b"one"), BodyChunkResponse::Error], None);
        let mut reader = RequestBodyReader::connect(&body);
        assert!(reader.next().await.unwrap().is_ok());
        assert_eq!(reader.next().await, Some(Err(UploadError::Page)));

        let (body, _reports) = script(vec![], None);
        body.close_stream();
        let mut reader = RequestBodyReader::connect(&body);
        assert_eq!(reader.next().await, Some(Err(UploadError::Closed)));
    }

    #[tokio::test]
    async fn script_is_told_when_all_is_read() {
        let (body, mut reports) = script(vec![chunk(b"all"), BodyChunkResponse::Done], Some(3));
        let mut reader = RequestBodyReader::connect(&body);
        assert_eq!(reader.next().await.unwrap().unwrap(), "all");
        drop(reader);
        for expected in ["connect", "chunk", "chunk"] {
            assert_eq!(reports.recv().await, Some(expected));
        }
    }

    #[tokio::test]
    async fn what_was_little_can_be_read_again() {
        let (body, mut reports) = script(
            vec![chunk(b"one"), chunk(b"two"), BodyChunkResponse::Done],
            None,
        );
        let mut reader = RequestBodyReader::connect(&body);
        assert!(reader.rewind(), "nothing was read");
        assert_eq!(reader.next().await.unwrap().unwrap(), "one");
        assert_eq!(reader.handed_on(), 3);
        assert!(reader.rewind());
        assert_eq!(reader.handed_on(), 0);
        for expected in ["one", "two"] {
            assert_eq!(reader.next().await.unwrap().unwrap(), expected);
        }
        assert_eq!(reader.next().await, None);
        for expected in ["connect", "chunk", "chunk", "chunk"] {
            assert_eq!(
                reports.recv().await,
                Some(expected),
                "script gives each chunk once"
            );
        }
    }

    #[tokio::test]
    async fn what_was_much_is_kept_only_if_it_is_in_memory_anyway() {
        let bytes = vec![7; KEPT + 1];
        let half = vec![7; KEPT / 2 + 1];
        let cases = [
            // All of an object comes in one chunk.
            (BodySource::Object, vec![&bytes], Some(bytes.len()), true),
            (
                BodySource::Object,
                vec![&half, &half],
                Some(2 * half.len()),
                false,
            ),
            (BodySource::Null, vec![&bytes], Some(bytes.len()), false),
            (BodySource::Null, vec![&half], None, true),
        ];
        for (source, chunks, length, expected) in cases {
            let mut left: usize = chunks.iter().map(|chunk| chunk.len()).sum();
            let answers = chunks.into_iter().map(|bytes| chunk(bytes)).collect();
            let (body, _reports) = script_with_source(source, answers, length);
            let mut reader = RequestBodyReader::connect(&body);
            while left > 0 {
                left -= reader.next().await.unwrap().unwrap().len();
            }
            assert_eq!(reader.rewind(), expected, "{length:?}");
        }
    }

    #[tokio::test]
    async fn what_was_released_or_failed_cannot_be_read_again() {
        let mut reader = RequestBodyReader::from_bytes(Bytes::from_static(b"bytes"));
        reader.next().await.unwrap().unwrap();
        reader.release();
        assert!(!reader.rewind());

        let (body, _reports) = script(vec![BodyChunkResponse::Error], None);
        let mut reader = RequestBodyReader::connect(&body);
        reader.next().await.unwrap().unwrap_err();
        assert!(!reader.rewind());
    }

    #[tokio::test]
    async fn reads_bytes_at_hand() {
        let reader = RequestBodyReader::from_bytes(Bytes::from_static(b"bytes"));
        assert_eq!(reader.length(), Some(5));
        let pieces: Vec<_> = reader.collect().await;
        assert_eq!(pieces, [Ok(Bytes::from_static(b"bytes"))]);
    }
}
