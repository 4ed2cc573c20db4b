//! Ending the process: what is asked for from outside, and the exit that does not wait.
//!
//! The order in which the browser is taken apart is [`Browser::shut_down`](crate::browser::Browser::shut_down)'s. A
//! process with running JavaScript threads must not go through `exit`, whose static destructors those threads trip over;
//! so when taking apart takes too long, the process ends without them.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use net::embedding::Embedding;
use parking_lot::Mutex;
use servo::ServoDelegate;

use crate::event::{EventSender, ShellEvent};
use crate::network_log::NetworkLog;
use crate::profile::Profile;

/// How long the browser may take to close all pages.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long script's engine may take to end when everything else has: nothing that it still does is of use to anybody.
const ENGINE_DEADLINE: Duration = Duration::from_millis(500);

/// The exit code of a browser that had to be cut off.
const FORCED_EXIT_CODE: i32 = 70;

/// The exit code of a browser that could not do what it was started for.
const FAILURE_EXIT_CODE: i32 = 1;

/// What is left to do when the pages are gone. It is done once: by the main thread, or by one that ends the process in its
/// place. Clones are the same.
#[derive(Clone)]
pub struct Ending(Arc<Mutex<Option<Remains>>>);

struct Remains {
    network_log: Option<Arc<NetworkLog>>,
    /// Dropping it lets others open it, and deletes a temporary one.
    profile: Option<Profile>,
    error: Option<String>,
}

impl Ending {
    /// The end of a browser that writes this log and keeps what it remembers in this profile.
    pub fn new(network_log: Option<Arc<NetworkLog>>, profile: Profile) -> Self {
        Self(Arc::new(Mutex::new(Some(Remains {
            network_log,
            profile: Some(profile),
            error: None,
        }))))
    }

    /// Notes that the run failed, for a process that is ended before its main thread can say so.
    pub fn fail(&self, error: &anyhow::Error) {
        if let Some(remains) = &mut *self.0.lock() {
            remains.error = Some(format!("{error:#}"));
        }
    }

    /// Writes the log to its end and lets the profile go. To be called when Servo is gone; a second call does nothing.
    pub fn finish(&self) {
        if let Some(mut remains) = self.0.lock().take() {
            remains.finish();
        }
    }

    /// Finishes and ends the process, unless another thread has begun to finish.
    fn end_process(&self, code: impl FnOnce(&Remains) -> i32) {
        // NB: the lock is held to the end, so that the main thread does not return from `main` meanwhile.
        let Some(mut place) = self.0.try_lock() else {
            return;
        };
        if let Some(mut remains) = place.take() {
            remains.finish();
            force_exit(code(&remains));
        }
    }

    /// Tells Servo's last word: everything in it has ended but script's engine, for which its destructor waits.
    fn only_the_engine_is_left(&self) {
        let ending = self.clone();
        let watch = move || {
            thread::sleep(ENGINE_DEADLINE);
            ending.end_process(|remains| {
                remains.error.as_ref().map_or(0, |error| {
                    eprintln!("error: {error}");
                    FAILURE_EXIT_CODE
                })
            });
        };
        spawn_watch("EngineDeadline", watch);
    }
}

impl Remains {
    fn finish(&mut self) {
        // The profile has the ledger.
        if let Some(embedding) = Embedding::get() {
            embedding.settle_ledger();
        }
        if let Some(log) = self.network_log.take() {
            log.close();
        }
        drop(self.profile.take());
    }
}

/// What Servo holds while it is taken apart, and drops when it has saved everything and its threads have ended.
///
/// AD-HOC: Servo never tells a shared worker to end, and then waits for the end of all that runs script. By that time
/// nothing is left that such a worker could reach, so the process need not wait with it.
pub(crate) struct LastDelegate(pub(crate) Ending);

impl ServoDelegate for LastDelegate {}

impl Drop for LastDelegate {
    fn drop(&mut self) {
        self.0.only_the_engine_is_left();
    }
}

/// Ends the process at once, without running destructors or handlers.
pub fn force_exit(code: i32) -> ! {
    unsafe extern "C" {
        fn _exit(code: i32) -> !;
    }
    // SAFETY: `_exit` of the C library has this signature on every platform that Servo supports, and takes any code.
    unsafe { _exit(code) }
}

/// Ends the process if it has not ended by itself in ten seconds. To be called when quitting begins.
pub fn start_deadline(ending: Ending) {
    let watch = move || {
        thread::sleep(DEADLINE);
        eprintln!(
            "Latchkey could not close all pages in {} s and ends now.",
            DEADLINE.as_secs()
        );
        ending.end_process(|_| FORCED_EXIT_CODE);
        // Who finishes at this moment may take as long once more.
        thread::sleep(DEADLINE);
        force_exit(FORCED_EXIT_CODE)
    };
    spawn_watch("QuitDeadline", watch);
}

fn spawn_watch(name: &str, watch: impl FnOnce() + Send + 'static) {
    if let Err(error) = thread::Builder::new().name(name.to_owned()).spawn(watch) {
        log::warn!("Nothing watches over quitting: {error}");
    }
}

/// Turns requests to end the process (interrupt, terminate, hang up) into [`ShellEvent::Quit`]. A second one ends it at
/// once.
pub fn watch_signals(events: EventSender) {
    let watch = move || {
        let runtime = match tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
        {
            Ok(runtime) => runtime,
            Err(error) => {
                return log::warn!("Signals end the process without cleaning up: {error}");
            },
        };
        if let Err(error) = runtime.block_on(forward_signals(&events)) {
            log::warn!("Signals end the process without cleaning up: {error}");
        }
    };
    if let Err(error) = thread::Builder::new()
        .name("Signals".to_owned())
        .spawn(watch)
    {
        log::warn!("Signals end the process without cleaning up: {error}");
    }
}

#[cfg(unix)]
async fn forward_signals(events: &EventSender) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    for count in 0.. {
        let number = tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
            _ = hangup.recv() => SignalKind::hangup().as_raw_value(),
        };
        if count > 0 {
            // What a shell reports for a process that a signal ended.
            force_exit(128 + number);
        }
        events.send(ShellEvent::Quit);
    }
    Ok(())
}

#[cfg(not(unix))]
async fn forward_signals(events: &EventSender) -> std::io::Result<()> {
    tokio::signal::ctrl_c().await?;
    events.send(ShellEvent::Quit);
    tokio::signal::ctrl_c().await?;
    force_exit(FORCED_EXIT_CODE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_comes_once_and_takes_a_temporary_profile_along() {
        let profile = Profile::temporary().unwrap();
        let folder = profile.folder().to_owned();
        let ending = Ending::new(None, profile);
        ending.fail(&anyhow::anyhow!("no picture"));
        assert!(folder.is_dir());
        ending.clone().finish();
        assert!(!folder.exists());
        ending.finish();
        // Nothing is left to do, so the process is not ended either.
        ending.end_process(|_| unreachable!("it was finished"));
    }

    #[test]
    fn who_finishes_is_not_cut_off() {
        let ending = Ending::new(None, Profile::temporary().unwrap());
        let finishing = ending.0.lock();
        ending.end_process(|_| unreachable!("somebody else has begun to finish"));
        drop(finishing);
        ending.finish();
    }
}
