//! What a response waits at until its test lets it go on, so that no test has to guess how long something takes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long a response waits at most, so that a test that failed holds no connection for good.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// A gate, which is closed until it is opened, and open from then on. Clones are the same gate.
// NB: The semaphore has no permits; that it is closed is what those who wait are told.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }
}

impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Gate {}

impl Gate {
    /// Lets all pass that wait and that will come.
    pub fn open(&self) {
        self.0.close();
    }

    /// Waits until it is open, or for two minutes.
    pub async fn pass(&self) {
        // Both ends of the wait are ways through.
        let _ = timeout(LONGEST_WAIT, self.0.acquire()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[tokio::test]
    async fn who_waits_passes_when_it_opens() {
        let gate = Gate::default();
        let mut waiting = Box::pin(gate.pass());
        assert!((&mut waiting).now_or_never().is_none());
        gate.clone().open();
        waiting.await;
        assert!(gate.pass().now_or_never().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_good() {
        Gate::default().pass().await;
    }
}
