//! The page's end of a WebSocket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use content_security_policy::Violation;
use log::warn;
use net_traits::{MessageData, WebSocketDomAction, WebSocketNetworkEvent};
use parking_lot::Mutex;
use profile_traits::generic_callback::GenericCallback as ProfileGenericCallback;
use servo_base::generic_channel::CallbackSetter;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How many bytes a page may have queued for sending; beyond that the WebSocket is
/// [full](https://websockets.spec.whatwg.org/#dom-websocket-send) and is closed.
const QUEUE_LIMIT: usize = 256 << 20;

/// Both directions between a page and its WebSocket.
pub(crate) struct Script {
    pub(super) events: Events,
    pub(super) actions: Actions,
}

impl Script {
    /// Connects both directions. From here on the page's calls are taken, and it hears of an end.
    ///
    /// NB: a page that sends waits until its actions are connected, and panics if they never are. So this comes before
    /// everything that may fail.
    pub(crate) fn new(
        events: ProfileGenericCallback<WebSocketNetworkEvent>,
        actions: CallbackSetter<WebSocketDomAction>,
    ) -> Self {
        Self {
            events: Events::new(move |event| {
                // The page may be gone.
                let _ = events.send(event);
            }),
            actions: Actions::connect(actions),
        }
    }
}

/// What the page wants.
#[derive(Debug)]
pub(super) enum Action {
    /// Send this message.
    Send(MessageData),
    /// Start the closing handshake.
    Close {
        /// The code, if the page gave one.
        code: Option<u16>,
        /// The reason; empty without a code.
        reason: String,
    },
    /// More is queued than may be: fail the connection.
    Full,
}

/// What the page wants, in order. What is queued is counted, and what has been taken must be [released](Self::release).
pub(super) struct Actions {
    receiver: UnboundedReceiver<Action>,
    queued: Arc<AtomicUsize>,
}

impl Actions {
    fn connect(setter: CallbackSetter<WebSocketDomAction>) -> Self {
        let (mut queue, actions) = Self::queue(QUEUE_LIMIT);
        setter.set_callback(move |action| match action {
            Ok(action) => queue(action),
            Err(error) => warn!("a page's message to its WebSocket could not be read: {error}"),
        });
        actions
    }

    /// A queue of `limit` bytes: where actions are put in, and where they come out.
    pub(super) fn queue(limit: usize) -> (impl FnMut(WebSocketDomAction) + Send + 'static, Self) {
        let (sender, receiver) = unbounded_channel();
        let queued = Arc::new(AtomicUsize::new(0));
        let counter = queued.clone();
        let mut ended = false;
        let put = move |action: WebSocketDomAction| {
            if ended {
                return;
            }
            let action = match action {
                WebSocketDomAction::SendMessage(data) => {
                    let length = length(&data);
                    let before = counter.fetch_add(length, Ordering::AcqRel);
                    if before.saturating_add(length) > limit {
                        ended = true;
                        Action::Full
                    } else {
                        Action::Send(data)
                    }
                },
                WebSocketDomAction::Close(code, reason) => {
                    ended = true;
                    Action::Close {
                        code,
                        reason: reason.unwrap_or_default(),
                    }
                },
            };
            // The connection may be gone.
            let _ = sender.send(action);
        };
        (put, Self { receiver, queued })
    }

    /// The next action; `None` if the page is gone.
    pub(super) async fn next(&mut self) -> Option<Action> {
        self.receiver.recv().await
    }

    /// So many bytes are queued no more.
    pub(super) fn release(&self, length: usize) {
        self.queued.fetch_sub(length, Ordering::AcqRel);
    }
}

/// The length of a message in bytes, as it is sent.
pub(super) fn length(data: &MessageData) -> usize {
    match data {
        MessageData::Text(text) => text.len(),
        MessageData::Binary(bytes) => bytes.len(),
    }
}

/// What the page hears. It hears of exactly one end: if nobody says how, the connection has failed.
///
/// NB: script takes messages without saying when it has handled them, so a page that is slower than its server holds them
/// all; only the size of each is bounded here.
pub(super) struct Events {
    page: Mutex<Box<dyn FnMut(WebSocketNetworkEvent) + Send>>,
    ended: AtomicBool,
}

impl Events {
    pub(super) fn new(page: impl FnMut(WebSocketNetworkEvent) + Send + 'static) -> Self {
        Self {
            page: Mutex::new(Box::new(page)),
            ended: AtomicBool::new(false),
        }
    }

    fn send(&self, event: WebSocketNetworkEvent) {
        (self.page.lock())(event);
    }

    /// The handshake is done.
    pub(super) fn established(&self, protocol_in_use: Option<String>) {
        self.send(WebSocketNetworkEvent::ConnectionEstablished { protocol_in_use });
    }

    /// A message came.
    pub(super) fn received(&self, data: MessageData) {
        self.send(WebSocketNetworkEvent::MessageReceived(data));
    }

    /// The page's Content Security Policy was violated.
    pub(super) fn violated(&self, violations: Vec<Violation>) {
        self.send(WebSocketNetworkEvent::ReportCSPViolations(violations));
    }

    /// The connection was closed cleanly, by a closing frame with this code and reason.
    pub(super) fn closed(self, code: Option<u16>, reason: String) {
        self.end(WebSocketNetworkEvent::Close(code, reason));
    }

    /// [Fails the WebSocket connection](https://websockets.spec.whatwg.org/#fail-the-websocket-connection), as far as the
    /// page is concerned.
    pub(super) fn fail(self) {
        drop(self);
    }

    fn end(&self, event: WebSocketNetworkEvent) {
        if !self.ended.swap(true, Ordering::AcqRel) {
            self.send(event);
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.end(WebSocketNetworkEvent::Fail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_ends_it_and_taking_makes_room() {
        let (mut put, mut actions) = Actions::queue(10);
        let text = |length| WebSocketDomAction::SendMessage(MessageData::Text("a".repeat(length)));
        put(text(6));
        assert!(matches!(actions.next().await, Some(Action::Send(_))));
        actions.release(6);
        put(text(10));
        put(text(1));
        put(text(0));
        assert!(matches!(actions.next().await, Some(Action::Send(_))));
        assert!(matches!(actions.next().await, Some(Action::Full)));
        drop(put);
        assert!(actions.next().await.is_none());
    }

    #[tokio::test]
    async fn nothing_is_sent_after_close() {
        let (mut put, mut actions) = Actions::queue(10);
        put(WebSocketDomAction::Close(Some(1000), None));
        put(WebSocketDomAction::SendMessage(MessageData::Binary(vec![
            1,
        ])));
        put(WebSocketDomAction::Close(None, None));
        drop(put);
        assert!(matches!(
            actions.next().await,
            Some(Action::Close {
                code: Some(1000),
                ..
            })
        ));
        assert!(actions.next().await.is_none());
    }
}
