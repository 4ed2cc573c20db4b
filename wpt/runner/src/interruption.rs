//! The signals that end a run: what it has started ends with it, and the exit status says which signal it was.
//!
//! The first signal is only noted. Whatever waits looks at that again and again, ends what it waits for, and gives up with an
//! error, so that servers, browsers and temporary files go the way they go at the end of any run. The second one ends the
//! process at once.

use std::fs;
use std::future;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{self, Command, ExitStatus, Stdio};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use thiserror::Error;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How often those who wait look whether the run is to end.
pub const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The signals: the end of the terminal, Ctrl+C in it, and what a service manager or `timeout` sends.
fn signals() -> [(&'static str, SignalKind); 3] {
    [
        ("SIGHUP", SignalKind::hangup()),
        ("SIGINT", SignalKind::interrupt()),
        ("SIGTERM", SignalKind::terminate()),
    ]
}

/// That a signal ended the run.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("{name} ended the run")]
pub struct Interrupted {
    name: &'static str,
    number: u8,
}

impl Interrupted {
    /// The exit status to end with: what a shell says of a program that the signal itself has ended.
    pub fn exit_status(self) -> u8 {
        self.number.saturating_add(128)
    }
}

/// Whether the run is to end. Clones are the same.
#[derive(Clone, Debug)]
pub struct Interruption(watch::Receiver<Option<Interrupted>>);

impl Interruption {
    /// Listens for signals from here on, in a thread of its own. To be called before anything is started that has to end.
    ///
    /// # Errors
    ///
    /// If they cannot be listened for.
    pub fn watch() -> Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("no runtime")?;
        let entered = runtime.enter();
        let mut signals = Signals::listen().context("signals cannot be listened for")?;
        drop(entered);
        let (sender, receiver) = watch::channel(None);
        let listen = async move {
            sender.send_replace(Some(signals.next().await));
            process::exit(signals.next().await.exit_status().into());
        };
        thread::Builder::new()
            .name("Signals".to_owned())
            .spawn(move || runtime.block_on(listen))
            .context("no thread for signals")?;
        Ok(Self(receiver))
    }

    /// Of a run that no signal ends.
    pub fn never() -> Self {
        Self(watch::channel(None).1)
    }

    /// Whether the run goes on.
    ///
    /// # Errors
    ///
    /// If it is to end.
    pub fn check(&self) -> Result<(), Interrupted> {
        let interrupted = *self.0.borrow();
        interrupted.map_or(Ok(()), Err)
    }

    /// Waits until the run is to end.
    pub async fn wait(&self) -> Interrupted {
        let mut receiver = self.0.clone();
        let signal = receiver
            .wait_for(Option::is_some)
            .await
            .map(|signal| *signal);
        match signal {
            Ok(Some(interrupted)) => interrupted,
            // Nobody listens for signals.
            Ok(None) | Err(_) => future::pending().await,
        }
    }

    /// Runs a program to its end. One that would outlast the run is killed with all that it has started.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or the run is to end.
    pub fn status(&self, command: &mut Command) -> Result<ExitStatus> {
        let mut child = command.process_group(0).spawn()?;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if let Err(interrupted) = self.check() {
                send_signal("KILL", &format!("-{}", child.id()))?;
                child.wait()?;
                return Err(interrupted.into());
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

/// Sends a signal to a process, or to a group of them, which is a number with a minus sign. That it has ended meanwhile is no
/// error.
///
/// # Errors
///
/// If there is no shell.
pub(crate) fn send_signal(name: &str, process: &str) -> Result<()> {
    // Every POSIX shell has this `kill`; a program of that name is not everywhere.
    Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"$2\"", "sh", name, process])
        .stderr(Stdio::null())
        .status()
        .context("sh cannot be started")?;
    Ok(())
}

/// The signals that are listened for.
struct Signals(Vec<(Interrupted, Signal)>);

impl Signals {
    /// Those that whoever started this program does not have it ignore, as `nohup` does SIGHUP.
    fn listen() -> io::Result<Self> {
        // Where this cannot be read nothing is known to be ignored.
        let ignored = fs::read_to_string("/proc/self/status").map_or(0, |status| ignored(&status));
        let mut signals = Vec::new();
        for (name, kind) in self::signals() {
            let number = u8::try_from(kind.as_raw_value()).unwrap_or(u8::MAX);
            if !is_in(ignored, number) {
                signals.push((Interrupted { name, number }, signal(kind)?));
            }
        }
        Ok(Self(signals))
    }

    async fn next(&mut self) -> Interrupted {
        future::poll_fn(|context| {
            for (interrupted, signal) in &mut self.0 {
                if signal.poll_recv(context).is_ready() {
                    return Poll::Ready(*interrupted);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// The signals that a process ignores, of its `/proc/PID/status`: the lowest bit is signal 1.
fn ignored(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

fn is_in(mask: u64, number: u8) -> bool {
    let bit = u32::from(number).checked_sub(1);
    bit.and_then(|bit| mask.checked_shr(bit))
        .is_some_and(|rest| rest & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signals_that_a_process_ignores() {
        for (status, expected) in [
            (
                "Name:\tsh\nSigIgn:\t0000000000000001\nSigCgt:\t0\n",
                [true, false, false],
            ),
            ("SigIgn:\t0000000000001002\n", [false, true, false]),
            ("SigIgn:\t0000000000004000\n", [false, false, true]),
            ("SigIgn:\tnothing\n", [false; 3]),
            ("", [false; 3]),
        ] {
            let found = signals().map(|(_, kind)| {
                let number = u8::try_from(kind.as_raw_value()).expect("a small number");
                is_in(ignored(status), number)
            });
            assert_eq!(found, expected, "{status}");
        }
    }

    #[test]
    fn the_status_is_what_a_shell_says() {
        let script = "kill -s TERM $$";
        let status = Command::new("sh")
            .args(["-c", "sh -c \"$1\"; exit $?", "sh", script])
            .stderr(Stdio::null())
            .status()
            .expect("a shell");
        let interrupted = Interrupted {
            name: "SIGTERM",
            number: 15,
        };
        assert_eq!(status.code(), Some(interrupted.exit_status().into()));
    }

    #[test]
    fn a_program_runs_to_its_end() {
        let status = |script| {
            let mut command = Command::new("sh");
            Interruption::never().status(command.args(["-c", script]))
        };
        assert_eq!(status("exit 3").expect("a shell").code(), Some(3));
        assert!(status("exit 0").expect("a shell").success());
        let mut missing = Command::new("/nonexistent/program");
        assert!(Interruption::never().status(&mut missing).is_err());
    }

    #[test]
    fn a_program_that_would_outlast_the_run_is_killed_with_what_it_has_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        let made = Command::new("mkfifo").arg(&fifo).status();
        assert!(made.expect("mkfifo").success());
        let (sender, receiver) = watch::channel(None);
        let interruption = Interruption(receiver);
        let mut command = Command::new("sh");
        command
            .args(["-c", "exec 3>\"$1\"; sleep 1000 & sleep 1000", "sh"])
            .arg(&fifo);
        let run = thread::spawn(move || interruption.status(&mut command));
        // The pipe's reader gets its end when all that hold the other end have gone.
        let mut reader = fs::File::open(&fifo).expect("somebody writes");
        let interrupted = Interrupted {
            name: "SIGHUP",
            number: 1,
        };
        sender.send_replace(Some(interrupted));
        let error = run.join().expect("a thread").expect_err("it was ended");
        assert_eq!(error.downcast_ref::<Interrupted>(), Some(&interrupted));
        let mut rest = Vec::new();
        io::Read::read_to_end(&mut reader, &mut rest).expect("the pipe's end");
        assert!(rest.is_empty());
    }
}
