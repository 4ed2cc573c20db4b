//! A WebDriver server of our own, which ends with everything that it has started.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use url::Url;

use crate::interruption::Interruption;
use crate::last_lines::LastLines;
use crate::webdriver::client::Client;

/// How long the server may take until it answers.
const START_DEADLINE: Duration = Duration::from_secs(30);

/// How often it is asked whether it does.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Starts a program in a process group of its own, and kills the whole group when standard input is closed, even if that is
/// because the runner was killed, or when the program ends. A browser that its driver leaves behind is in that group.
const GUARD: &str = r#"
{ "$0" "$@" </dev/null; echo "it ended with status $?"; kill -KILL 0; } &
cat >/dev/null
kill -KILL 0
"#;

/// A WebDriver server. When dropped it is killed, and its browsers with it.
pub struct DriverProcess {
    child: Child,
    client: Client,
    output: LastLines,
}

impl DriverProcess {
    /// Starts one, and waits until it answers. What it writes to temporary files goes to `scratch`.
    ///
    /// # Errors
    ///
    /// If it does not start, in which case the error shows its last output; or if a signal ends the run.
    pub fn start(program: &Path, scratch: &Path, interruption: &Interruption) -> Result<Self> {
        let port = free_port()?;
        let url = Url::parse(&format!("http://127.0.0.1:{port}"))?;
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(GUARD)
            .arg(program)
            .arg(format!("--port={port}"))
            .env("TMPDIR", scratch)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("sh cannot be started")?;
        let output = LastLines::default();
        if let Some(stream) = child.stdout.take() {
            output.follow(stream);
        }
        if let Some(stream) = child.stderr.take() {
            output.follow(stream);
        }
        let mut process = Self {
            child,
            client: Client::new(&url, interruption)?,
            output,
        };
        process.wait_until_ready(interruption).with_context(|| {
            format!("the WebDriver server {} does not start", program.display())
        })?;
        Ok(process)
    }

    fn wait_until_ready(&mut self, interruption: &Interruption) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        // A refused connection is no error yet.
        while !matches!(self.client.is_ready(START_DEADLINE), Ok(true)) {
            interruption.check()?;
            if self.child.try_wait()?.is_some() || Instant::now() > deadline {
                bail!("it does not answer\n{}", self.output.block());
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }

    /// What takes commands for it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The last lines that it wrote.
    pub fn output(&self) -> &LastLines {
        &self.output
    }
}

impl Drop for DriverProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It was killed by a signal that cannot be refused.
        let _ = self.child.wait();
    }
}

/// A port that is free at this moment; drivers take one by number only.
fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port on loopback is free")?;
    Ok(listener.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    fn program(folder: &Path, script: &str) -> PathBuf {
        let path = folder.join("driver");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it may be run");
        path
    }

    #[test]
    fn a_driver_that_ends_at_once_is_told_with_its_output() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = program(folder.path(), "exit 3");
        let Err(error) = DriverProcess::start(&program, folder.path(), &Interruption::never())
        else {
            panic!("nothing answers");
        };
        let error = format!("{error:#}");
        assert!(error.contains("does not start"), "{error}");
    }

    #[test]
    fn a_driver_that_is_not_there_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = folder.path().join("missing");
        let Err(error) = DriverProcess::start(&missing, folder.path(), &Interruption::never())
        else {
            panic!("nothing answers");
        };
        assert!(format!("{error:#}").contains("missing"), "{error:#}");
    }

    #[test]
    fn what_it_has_started_ends_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let fifo = folder.path().join("fifo");
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .expect("mkfifo")
                .success()
        );
        // The pipe's reader gets its end when all that hold the other end have gone: the shell, and what it left behind.
        let mut child = Command::new("sh")
            .args([
                "-c",
                GUARD,
                "sh",
                "-c",
                "exec 3>\"$0\"; sleep 1000 & sleep 1000",
            ])
            .arg(&fifo)
            .process_group(0)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut reader = fs::File::open(&fifo).expect("somebody writes");
        drop(child.stdin.take());
        child.wait().expect("it ends");
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut rest).expect("the pipe's end");
        assert!(rest.is_empty());
    }
}
