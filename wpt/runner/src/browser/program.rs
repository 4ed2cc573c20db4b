//! What the program of a browser says of itself, before any test is run in it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::POLL_INTERVAL;

/// How long the browser may take to tell its version or its options, and how many bytes of that are read.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);
const MAX_ANSWER: u64 = 1024 * 1024;

/// The version that a browser says it has; empty if it does not say.
///
/// # Errors
///
/// If it cannot be started.
pub fn version(program: &Path) -> Result<String> {
    let text = what_it_says(program, "--version", ANSWER_DEADLINE)?;
    let version = text
        .lines()
        .next()
        .and_then(|line| line.split_whitespace().last());
    Ok(version.unwrap_or_default().to_owned())
}

/// Whether a browser's `--help` lists this option.
///
/// # Errors
///
/// If it cannot be started.
pub fn has_option(program: &Path, option: &str) -> Result<bool> {
    let text = what_it_says(program, "--help", ANSWER_DEADLINE)?;
    Ok(text.split_whitespace().any(|word| word == option))
}

/// What a browser writes when it is asked about itself; nothing if it does not understand. One that does not end is killed.
fn what_it_says(program: &Path, question: &str, limit: Duration) -> Result<String> {
    let deadline = Instant::now() + limit;
    let mut child = Command::new(program)
        .arg(question)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("the browser {} cannot be started", program.display()))?;
    let (sender, answer) = mpsc::channel();
    if let Some(stream) = child.stdout.take() {
        thread::spawn(move || {
            let mut text = Vec::new();
            // What cannot be read is no answer; that nobody listens any more is no matter.
            let _ = stream.take(MAX_ANSWER).read_to_end(&mut text);
            let _ = sender.send(text);
        });
    }
    let remaining = || deadline.saturating_duration_since(Instant::now());
    let text = answer.recv_timeout(remaining());
    let status = loop {
        match child.try_wait()? {
            Some(status) => break Some(status),
            None if remaining().is_zero() => break None,
            None => thread::sleep(POLL_INTERVAL),
        }
    };
    let (Ok(text), Some(status)) = (text, status) else {
        child.kill().context("a browser cannot be killed")?;
        child.wait().context("a browser's end was missed")?;
        bail!(
            "the browser {} does not answer {question} within {} s",
            program.display(),
            limit.as_secs()
        );
    };
    Ok(if status.success() {
        String::from_utf8_lossy(&text).into_owned()
    } else {
        String::new()
    })
}

/// The browser that the same build made: beside this program.
///
/// # Errors
///
/// If there is none.
pub fn built_browser() -> Result<PathBuf> {
    let this = std::env::current_exe().context("this program cannot find itself")?;
    let path = this.with_file_name(format!("latchkey{}", std::env::consts::EXE_SUFFIX));
    if !path.is_file() {
        bail!("there is no browser beside this program; name one with --browser");
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(version(Path::new("/bin/false")).expect("it runs"), "");
        assert!(version(Path::new("/nonexistent/browser")).is_err());
        assert!(!has_option(Path::new("/bin/false"), "--help").expect("it runs"));
        assert!(has_option(Path::new("/bin/echo"), "--help").expect("it runs"));
        assert!(!has_option(Path::new("/bin/echo"), "--hel").expect("it runs"));
    }

    #[test]
    fn a_browser_that_does_not_answer_is_killed() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("fifo");
        // `cat` of a pipe that nobody writes to waits for ever.
        let made = Command::new("mkfifo").arg(&program).status();
        assert!(made.expect("mkfifo").success());
        let question = program.to_string_lossy();
        let error = what_it_says(Path::new("/bin/cat"), &question, Duration::from_millis(200))
            .expect_err("there is no answer");
        assert!(error.to_string().contains("does not answer"), "{error}");
    }
}
