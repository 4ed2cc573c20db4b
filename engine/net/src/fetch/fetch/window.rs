//! How much of a body may be on its way to script at once.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::fetch::body::Body;

/// Bytes that script has been sent and has not handled yet, at most.
const WINDOW: usize = 2 << 20;
/// The largest piece that is sent at once.
const PIECE: usize = 64 << 10;

/// A window of [`WINDOW`] bytes. Script takes what it is sent without asking; it lets go of a piece when it has handled
/// it, and only then is there room for the next.
pub(super) struct Window {
    room: Arc<Semaphore>,
}

impl Default for Window {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(WINDOW)),
        }
    }
}

/// Bytes that give their room back when the last clone of them is dropped.
struct Admitted {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Admitted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Window {
    /// Whether the whole of `body` is at hand and can be sent without waiting for script.
    pub(super) fn has_room_for(body: &Body) -> bool {
        match body {
            Body::Empty => true,
            Body::Bytes(bytes) => bytes.len() <= WINDOW,
            _ => false,
        }
    }

    /// Cuts `bytes` into pieces that [`admit`](Self::admit) takes.
    pub(super) fn pieces(mut bytes: Bytes) -> impl Iterator<Item = Bytes> {
        std::iter::from_fn(move || {
            (!bytes.is_empty()).then(|| bytes.split_to(bytes.len().min(PIECE)))
        })
    }

    /// Waits until there is room for `piece`, and returns it with its room attached.
    pub(super) async fn admit(&self, piece: Bytes) -> Bytes {
        let size = u32::try_from(piece.len().min(WINDOW)).unwrap_or(u32::MAX);
        match Arc::clone(&self.room).acquire_many_owned(size).await {
            Ok(room) => Bytes::from_owner(Admitted {
                bytes: piece,
                _room: room,
            }),
            // The semaphore is never closed; were it, the bytes would still be the page's.
            Err(_) => piece,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_reader_that_holds_on_stops_the_next_piece() {
        let window = Window::default();
        let mut held = Vec::new();
        for _ in 0..WINDOW / PIECE {
            held.push(window.admit(Bytes::from(vec![0; PIECE])).await);
        }
        assert!(
            window
                .admit(Bytes::from_static(b"more"))
                .now_or_never()
                .is_none()
        );
        held.pop();
        assert!(
            window
                .admit(Bytes::from_static(b"more"))
                .now_or_never()
                .is_some()
        );
    }

    #[test]
    fn what_need_not_wait_has_room() {
        for (body, expected) in [
            (Body::Empty, true),
            (Body::Bytes(vec![0; WINDOW].into()), true),
            (Body::Bytes(vec![0; WINDOW + 1].into()), false),
            (Body::from_stream(futures::stream::empty()), false),
        ] {
            assert_eq!(Window::has_room_for(&body), expected, "{body:?}");
        }
    }

    #[test]
    fn pieces_are_all_of_it_in_order() {
        let bytes = Bytes::from((0..PIECE * 2 + 7).map(|i| i as u8).collect::<Vec<_>>());
        let pieces: Vec<_> = Window::pieces(bytes.clone()).collect();
        assert_eq!(pieces.len(), 3);
        assert_eq!(pieces.concat(), bytes);
    }
}
