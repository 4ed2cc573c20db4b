//! Ending the process: what is asked for from outside, and the exit that does not wait.
//!
//! The order in which the browser is taken apart is [`Browser::shut_down`](crate::browser::Browser::shut_down)'s. A
//! process with running JavaScript threads must not go through `exit`, whose static destructors those threads trip over;
//! so when taking apart takes too long, the process ends without them.

use std::thread;
use std::time::Duration;

use crate::event::{EventSender, ShellEvent};

/// How long the browser may take to close all pages.
const DEADLINE: Duration = Duration::from_secs(10);

/// The exit code of a browser that had to be cut off.
const FORCED_EXIT_CODE: i32 = 70;

/// Ends the process at once, without running destructors or handlers.
pub fn force_exit(code: i32) -> ! {
    unsafe extern "C" {
        fn _exit(code: i32) -> !;
    }
    // SAFETY: `_exit` of the C library has this signature on every platform that Servo supports, and takes any code.
    unsafe { _exit(code) }
}

/// Ends the process if it has not ended by itself in ten seconds. To be called when quitting begins.
pub fn start_deadline() {
    let watch = || {
        thread::sleep(DEADLINE);
        eprintln!(
            "Latchkey could not close all pages in {} s and ends now.",
            DEADLINE.as_secs()
        );
        force_exit(FORCED_EXIT_CODE)
    };
    if let Err(error) = thread::Builder::new()
        .name("QuitDeadline".to_owned())
        .spawn(watch)
    {
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
