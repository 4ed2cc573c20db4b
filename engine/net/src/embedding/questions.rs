//! Requests that wait for an answer: the bridge from the permission model's tickets to the fetches that hold them.
//!
//! The model gives a ticket for each request that joins a question, and later says what became of it, in whatever call
//! settled it. The fetch meanwhile awaits: it holds no lock, and when it is dropped its ticket is withdrawn.

use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

/// Who waits with which ticket. A clone is another handle to the same waiters.
pub(crate) struct WaitingRequests<Ticket, Verdict>(Arc<Mutex<Waiters<Ticket, Verdict>>>);

struct Waiters<Ticket, Verdict> {
    waiting: FxHashMap<Ticket, oneshot::Sender<Verdict>>,
    /// How many tickets are being drawn.
    drawing: usize,
    /// What was settled meanwhile for tickets without a waiter: one of them may be a ticket that is just being drawn.
    early: FxHashMap<Ticket, Verdict>,
}

impl<Ticket, Verdict> Clone for WaitingRequests<Ticket, Verdict> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Ticket, Verdict> Default for WaitingRequests<Ticket, Verdict> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Waiters {
            waiting: FxHashMap::default(),
            drawing: 0,
            early: FxHashMap::default(),
        })))
    }
}

impl<Ticket: Copy + Eq + Hash, Verdict> WaitingRequests<Ticket, Verdict> {
    /// Draws a ticket with `draw` and waits with it. What `draw` decides at once is its error, and nobody waits.
    ///
    /// `draw` may call back and takes as long as it likes: no lock is held. An answer that comes while it runs is not
    /// missed.
    ///
    /// # Errors
    /// What `draw` gave instead of a ticket.
    pub fn wait<Decided>(
        &self,
        draw: impl FnOnce() -> Result<Ticket, Decided>,
    ) -> Result<Waiter<Ticket, Verdict>, Decided> {
        self.0.lock().drawing += 1;
        let drawn = draw();
        let (sender, verdict) = oneshot::channel();
        let mut waiters = self.0.lock();
        waiters.drawing -= 1;
        if let Ok(ticket) = &drawn {
            match waiters.early.remove(ticket) {
                Some(verdict) => {
                    let _ = sender.send(verdict);
                },
                None => {
                    waiters.waiting.insert(*ticket, sender);
                },
            }
        }
        if waiters.drawing == 0 {
            waiters.early.clear();
        }
        drop(waiters);
        Ok(Waiter {
            ticket: drawn?,
            verdict,
            waiting: self.clone(),
        })
    }

    /// Hands out what was decided. Tickets that nobody holds any more are passed over.
    pub fn settle(&self, settled: impl IntoIterator<Item = (Ticket, Verdict)>) {
        let mut waiters = self.0.lock();
        for (ticket, verdict) in settled {
            match waiters.waiting.remove(&ticket) {
                Some(waiter) => {
                    let _ = waiter.send(verdict);
                },
                None if waiters.drawing > 0 => {
                    waiters.early.insert(ticket, verdict);
                },
                None => {},
            }
        }
    }

    #[cfg(test)]
    fn is_idle(&self) -> bool {
        let waiters = self.0.lock();
        waiters.waiting.is_empty() && waiters.early.is_empty()
    }
}

/// A request with its ticket.
pub(crate) struct Waiter<Ticket: Copy + Eq + Hash, Verdict> {
    ticket: Ticket,
    verdict: oneshot::Receiver<Verdict>,
    waiting: WaitingRequests<Ticket, Verdict>,
}

impl<Ticket: Copy + Eq + Hash, Verdict> Waiter<Ticket, Verdict> {
    /// The ticket.
    pub fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// What was decided; `None` if nobody will decide any more. Cancelling this future loses nothing.
    pub async fn verdict(&mut self) -> Option<Verdict> {
        (&mut self.verdict).await.ok()
    }
}

impl<Ticket: Copy + Eq + Hash, Verdict> Drop for Waiter<Ticket, Verdict> {
    fn drop(&mut self) {
        self.waiting.0.lock().waiting.remove(&self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Waiting = WaitingRequests<u32, &'static str>;

    fn waiter(waiting: &Waiting, ticket: u32) -> Waiter<u32, &'static str> {
        waiting.wait(|| Ok::<_, ()>(ticket)).expect("a ticket")
    }

    #[tokio::test]
    async fn each_answer_reaches_its_own_waiter() {
        let waiting = Waiting::default();
        let mut first = waiter(&waiting, 1);
        let mut second = waiter(&waiting, 2);
        waiting.settle([(2, "declined"), (1, "granted"), (3, "nobody's")]);
        assert_eq!(first.verdict().await, Some("granted"));
        assert_eq!(second.verdict().await, Some("declined"));
        assert!(waiting.is_idle());
    }

    #[test]
    fn a_dropped_waiter_leaves_nothing_behind() {
        let waiting = Waiting::default();
        drop(waiter(&waiting, 1));
        assert!(waiting.is_idle());
        waiting.settle([(1, "too late")]);
    }

    #[test]
    fn what_is_decided_at_once_has_no_waiter() {
        let waiting = Waiting::default();
        assert_eq!(waiting.wait(|| Err("granted")).err(), Some("granted"));
        assert!(waiting.is_idle());
    }

    #[tokio::test]
    async fn an_answer_during_the_draw_is_not_missed() {
        let waiting = Waiting::default();
        let mut waiter = waiting
            .wait(|| {
                waiting.settle([(1, "granted"), (2, "nobody's")]);
                Ok::<_, ()>(1)
            })
            .expect("a ticket");
        assert_eq!(waiter.verdict().await, Some("granted"));
        assert!(waiting.is_idle());
    }
}
