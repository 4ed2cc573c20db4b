//! What wakes the browser's thread from outside: Servo, the fetch stack, the accessibility layer, signals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use net::events::Issue;
use servo::{EventLoopWaker, WebViewId};

use crate::browser::permissions::ConnectionFacts;
use crate::browser::tab::LoadFailure;
use crate::policy::Administration;

/// A message to the browser's thread.
#[derive(Debug)]
pub enum ShellEvent {
    /// Servo has work for this thread.
    Spin,
    /// The questions of a tab changed.
    QuestionsChanged(WebViewId),
    /// A tab asks for a document, or the request for one has ended.
    Navigation(WebViewId, Navigation),
    /// A tab's document came over this connection.
    Connected(WebViewId, Box<ConnectionFacts>),
    /// CORS stopped a request of a tab, for the person's console.
    Issue(WebViewId, Arc<Issue>),
    /// Another policy or other list files are in force.
    Administration(Administration),
    /// The interface wants to be drawn again.
    Redraw,
    /// Assistive technology speaks to the window.
    Accessibility(egui_winit::accesskit_winit::Event),
    /// The process was asked to end.
    Quit,
}

/// What became of a tab's request for a document. Servo tells of a document only when it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Navigation {
    /// It was sent.
    Started,
    /// It has ended, with a document or with nothing.
    Ended,
    /// It has failed. The tab shows why.
    Failed(LoadFailure),
}

impl From<egui_winit::accesskit_winit::Event> for ShellEvent {
    fn from(event: egui_winit::accesskit_winit::Event) -> Self {
        Self::Accessibility(event)
    }
}

/// Where messages to the browser's thread go in: winit's event loop, or a channel without a window. When the thread has
/// stopped listening, messages go nowhere.
#[derive(Clone)]
pub struct EventSender {
    send: Arc<dyn Fn(ShellEvent) + Send + Sync>,
    spin_is_pending: Arc<AtomicBool>,
}

impl EventSender {
    /// A sender that hands messages to `send`, which must return at once.
    pub fn new(send: impl Fn(ShellEvent) + Send + Sync + 'static) -> Self {
        Self {
            send: Arc::new(send),
            spin_is_pending: Arc::default(),
        }
    }

    /// Sends a message, from any thread.
    pub fn send(&self, event: ShellEvent) {
        (self.send)(event);
    }

    /// To be called by the browser's thread before it gives Servo time: from here on a call to wake sends a message again.
    pub fn spin_begins(&self) {
        self.spin_is_pending.store(false, Ordering::Release);
    }
}

impl EventLoopWaker for EventSender {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(self.clone())
    }

    fn wake(&self) {
        // OPTIMIZATION: Servo wakes for every message of every thread; one is enough until the thread has looked.
        if !self.spin_is_pending.swap(true, Ordering::AcqRel) {
            self.send(ShellEvent::Spin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waking_sends_one_message_until_the_thread_looks() {
        let (sender, receiver) = crossbeam_channel::unbounded();
        let events = EventSender::new(move |event| sender.send(event).unwrap());
        let waker = events.clone_box();
        waker.wake();
        events.wake();
        assert_eq!(receiver.len(), 1);
        events.spin_begins();
        waker.wake();
        assert_eq!(receiver.len(), 2);
    }
}
