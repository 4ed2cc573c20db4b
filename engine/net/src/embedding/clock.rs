//! The time by which permissions, questions and records go: the system's, unless a test of a whole browser stops or moves it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use user_cors::{Clock, Timestamp};

/// A clock that runs as another one does until it is stopped or moved forward.
pub(super) struct EmbeddingClock {
    base: Arc<dyn Clock>,
    change: Mutex<Change>,
}

#[derive(Clone, Copy, Default)]
struct Change {
    /// The moment at which the other clock was when this one was stopped.
    stopped: Option<Timestamp>,
    /// How far it was moved.
    moved: Duration,
}

impl EmbeddingClock {
    pub(super) fn new(base: Arc<dyn Clock>) -> Self {
        Self {
            base,
            change: Mutex::default(),
        }
    }

    /// Lets time pass only where [`advance`](Self::advance) says so. A clock that stands stays where it is.
    pub(super) fn stop(&self) {
        let mut change = self.change.lock();
        if change.stopped.is_none() {
            change.stopped = Some(self.base.now());
        }
    }

    pub(super) fn advance(&self, by: Duration) {
        let mut change = self.change.lock();
        change.moved = change.moved.saturating_add(by);
    }

    /// Takes back whatever was done to it.
    pub(super) fn reset(&self) {
        *self.change.lock() = Change::default();
    }
}

impl Clock for EmbeddingClock {
    fn now(&self) -> Timestamp {
        let Change { stopped, moved } = *self.change.lock();
        stopped.unwrap_or_else(|| self.base.now()).after(moved)
    }
}

#[cfg(test)]
mod tests {
    use user_cors::ManualClock;

    use super::*;

    #[test]
    fn it_runs_until_it_is_stopped_and_after_it_was_reset() {
        let base = Arc::new(ManualClock::new(Timestamp::from_millis(1000)));
        let clock = EmbeddingClock::new(base.clone());
        let tick = |millis| base.advance(Duration::from_millis(millis));
        tick(1);
        assert_eq!(clock.now(), Timestamp::from_millis(1001));
        clock.advance(Duration::from_millis(500));
        tick(1);
        assert_eq!(clock.now(), Timestamp::from_millis(1502));
        clock.stop();
        tick(1);
        clock.stop();
        assert_eq!(clock.now(), Timestamp::from_millis(1502));
        clock.advance(Duration::from_millis(8));
        assert_eq!(clock.now(), Timestamp::from_millis(1510));
        clock.reset();
        assert_eq!(clock.now(), Timestamp::from_millis(1003));
    }
}
