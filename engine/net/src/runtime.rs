//! The runtime on which every network task runs.
//!
//! Servo makes the resource threads once for each `Servo`, and shuts the runtime down through
//! [`net_traits::AsyncRuntime`] when the last page is gone. A process may do that several times, so the handle here is
//! the latest runtime's.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

use crate::embedding::Embedding;

/// How long the end of the runtime waits for tasks in the middle of a poll, and for work on blocking threads.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(300);

static HANDLE: RwLock<Option<Handle>> = RwLock::new(None);

/// The network runtime of one `Servo`.
pub(crate) struct Runtime(Option<tokio::runtime::Runtime>);

impl Runtime {
    /// Starts the runtime's threads and makes it the one that [`spawn`] uses.
    ///
    /// # Panics
    /// If the operating system gives no threads; nothing can be fetched then.
    pub(crate) fn start() -> Self {
        let runtime = Self::build();
        *HANDLE.write() = Some(runtime.handle().clone());
        Self(Some(runtime))
    }

    fn build() -> tokio::runtime::Runtime {
        let most = usize::try_from(servo_config::pref!(thread_pool_async_runtime_workers_max))
            .unwrap_or(usize::MAX)
            .max(1);
        let workers = thread::available_parallelism().map_or_else(
            |_| usize::try_from(servo_config::pref!(thread_pool_fallback_workers)).unwrap_or(1),
            usize::from,
        );
        Builder::new_multi_thread()
            .thread_name_fn(|| {
                static COUNTER: AtomicUsize = AtomicUsize::new(0);
                format!("Network{}", COUNTER.fetch_add(1, Ordering::Relaxed))
            })
            .worker_threads(workers.clamp(1, most))
            .enable_all()
            .build()
            .expect("the operating system starts threads for the network")
    }
}

impl net_traits::AsyncRuntime for Runtime {
    /// Ends the runtime: tasks are dropped where they wait. Returns within [`SHUTDOWN_LIMIT`]; a second call does nothing.
    fn shutdown(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(SHUTDOWN_LIMIT);
            // What the tasks released until then is written before the process may end.
            if let Some(embedding) = Embedding::get() {
                embedding.settle_ledger();
            }
        }
    }
}

/// The runtime of the caller's own task if there is one, else the latest network runtime.
fn handle() -> Handle {
    Handle::try_current().unwrap_or_else(|_| {
        HANDLE
            .read()
            .clone()
            .expect("the resource threads are made before anything uses the network")
    })
}

/// Runs `task` on the network runtime. After [shutdown](net_traits::AsyncRuntime::shutdown) it is dropped at once.
pub(crate) fn spawn<F>(task: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    handle().spawn(task)
}

/// Runs `work` on a thread that may block: files, and the system's own look-ups.
pub(crate) fn spawn_blocking<F, R>(work: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    handle().spawn_blocking(work)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use net_traits::AsyncRuntime;
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn shutdown_drops_waiting_tasks_and_is_bounded() {
        // One of the test's own: the process's is in use by other tests.
        let own = Runtime::build();
        let handle = own.handle().clone();
        let mut runtime = Runtime(Some(own));
        let (dropped, mut was_dropped) = oneshot::channel::<()>();
        let (started, has_started) = oneshot::channel();
        handle.spawn(async move {
            let _kept = dropped;
            let _ = started.send(());
            std::future::pending::<()>().await;
        });
        has_started.blocking_recv().expect("the task runs");
        // A thread that never yields must not hold the end up.
        let (release, released) = std::sync::mpsc::channel::<()>();
        let _stuck = handle.spawn_blocking(move || released.recv());
        let begin = Instant::now();
        runtime.shutdown();
        assert!(begin.elapsed() < SHUTDOWN_LIMIT * 10);
        assert_eq!(
            was_dropped.try_recv(),
            Err(oneshot::error::TryRecvError::Closed)
        );
        runtime.shutdown();
        drop(release);
    }
}
