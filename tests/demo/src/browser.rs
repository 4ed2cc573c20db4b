//! The browser as a process: started, listened to, and ended as a person's session ends.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How a line of the browser's output begins that carries a scene's report: the page's `alert()`, headless.
const REPORT: &str = "ALERT: SCENE ";

/// How many lines of output are kept to explain a failure.
const KEPT_LINES: usize = 40;

/// How long the browser may take to end after it was asked to.
pub const EXIT_DEADLINE: Duration = Duration::from_secs(10);

/// The path of the browser that the same build made: beside this program, or one folder up for a test.
pub fn built_browser() -> Option<PathBuf> {
    let this = env::current_exe().ok()?;
    let name = format!("latchkey{}", env::consts::EXE_SUFFIX);
    this.ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(&name))
        .find(|path| path.is_file())
}

/// A running browser without a window. It is killed when dropped.
pub struct Browser {
    child: Child,
    reports: mpsc::Receiver<Value>,
    output: Arc<Mutex<VecDeque<String>>>,
}

impl Browser {
    /// Starts it headless with these arguments.
    ///
    /// # Errors
    ///
    /// If the program cannot be started.
    pub fn start_headless(program: &Path, arguments: &[OsString]) -> Result<Self> {
        let mut child = Command::new(program)
            .arg("--headless")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("the browser {} cannot be started", program.display()))?;
        let (sender, reports) = mpsc::channel(8);
        let output = Arc::new(Mutex::new(VecDeque::new()));
        let (out, error) = (child.stdout.take(), child.stderr.take());
        // NB: Both are read to their end whatever happens: a full pipe would stop the browser.
        tokio::spawn(listen(
            out.context("no standard output")?,
            Some(sender),
            output.clone(),
        ));
        tokio::spawn(listen(
            error.context("no standard error")?,
            None,
            output.clone(),
        ));
        Ok(Self {
            child,
            reports,
            output,
        })
    }

    /// Waits for the report of a scene: what the page handed to `alert()` after the word `SCENE`.
    ///
    /// # Errors
    ///
    /// If none comes in time, or the browser ends before it; the error shows its last output.
    pub async fn report(&mut self, deadline: Duration) -> Result<Value> {
        match timeout(deadline, self.reports.recv()).await {
            Ok(Some(report)) => Ok(report),
            Ok(None) => bail!(
                "the browser ended before the scene did\n{}",
                self.last_output()
            ),
            Err(_) => {
                bail!(
                    "the scene did not end within {} seconds\n{}",
                    deadline.as_secs(),
                    self.last_output()
                )
            },
        }
    }

    /// Asks the browser to end, by SIGTERM, and waits until it has.
    ///
    /// # Errors
    ///
    /// If it does not end in time, or not with status 0.
    pub async fn quit(mut self) -> Result<()> {
        if let Some(id) = self.child.id() {
            // Every POSIX shell has this `kill`; a program of that name is not everywhere.
            let told = Command::new("sh")
                .args(["-c", "kill -TERM \"$1\"", "sh"])
                .arg(id.to_string())
                .status()
                .await;
            told.context("the browser cannot be told to end")?;
        }
        let status: ExitStatus = match timeout(EXIT_DEADLINE, self.child.wait()).await {
            Ok(status) => status.context("the browser's end was missed")?,
            Err(_) => {
                let error = anyhow!(
                    "the browser did not end within {} seconds of SIGTERM",
                    EXIT_DEADLINE.as_secs()
                );
                // The error counts; that it may have ended meanwhile does not matter.
                let _ = self.child.kill().await;
                return Err(error.context(self.last_output()));
            },
        };
        if !status.success() {
            bail!("the browser ended with {status}\n{}", self.last_output());
        }
        Ok(())
    }

    fn last_output(&self) -> String {
        let lines: Vec<String> = self
            .output
            .lock()
            .iter()
            .map(|line| format!("    | {line}"))
            .collect();
        if lines.is_empty() {
            "    | (it wrote nothing)".to_owned()
        } else {
            lines.join("\n")
        }
    }
}

/// Reads a stream of the browser's to its end, keeps the last lines, and passes reports on.
async fn listen(
    stream: impl AsyncRead + Unpin,
    reports: Option<mpsc::Sender<Value>>,
    output: Arc<Mutex<VecDeque<String>>>,
) {
    let mut lines = BufReader::new(stream).lines();
    // A line that is no UTF-8 ends the reading, and the browser's writing with it: it writes none.
    while let Ok(Some(line)) = lines.next_line().await {
        if let (Some(report), Some(reports)) = (report_in(&line), &reports) {
            // Nobody waits for a report any more: then it is not missed either.
            let _ = reports.try_send(report);
        }
        let mut output = output.lock();
        if output.len() >= KEPT_LINES {
            output.pop_front();
        }
        output.push_back(line);
    }
}

/// The report that a line of output carries.
fn report_in(line: &str) -> Option<Value> {
    let (_, report) = line.split_once(REPORT)?;
    serde_json::from_str(report).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_found_in_lines() {
        assert_eq!(
            report_in("ALERT: SCENE {\"a\":1}"),
            Some(serde_json::json!({ "a": 1 }))
        );
        assert_eq!(
            report_in("[log] ALERT: SCENE {\"a\":1}"),
            Some(serde_json::json!({ "a": 1 }))
        );
        assert_eq!(report_in("ALERT: SCENE {"), None);
        assert_eq!(report_in("ALERT: hello"), None);
    }

    /// A stand-in for the browser: a shell script that is given `--headless` as its first argument.
    fn pretend(script: &str) -> Browser {
        let arguments = ["-c", script, "--"].map(OsString::from);
        // `sh --headless` is an error, so the shell is reached through `env`, which ignores a name it sets.
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("browser");
        std::fs::write(&program, "#!/bin/sh\nshift\nexec sh \"$@\"\n").expect("a script");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, mode).expect("an executable");
        // Another test's fork may hold the script open for writing for a moment.
        let browser = (0..1000)
            .find_map(|_| {
                std::thread::yield_now();
                Browser::start_headless(&program, &arguments).ok()
            })
            .expect("it starts");
        // The script is open by now or exec has failed, which the test sees.
        std::mem::forget(folder);
        browser
    }

    #[tokio::test]
    async fn a_report_is_received_and_the_end_is_clean() {
        let mut browser = pretend(
            "trap 'exit 0' TERM; echo 'ALERT: SCENE {\"ok\":true}'; while :; do sleep 0.05; done",
        );
        let report = browser
            .report(Duration::from_secs(20))
            .await
            .expect("a report");
        assert_eq!(report, serde_json::json!({ "ok": true }));
        browser.quit().await.expect("a clean end");
    }

    #[tokio::test]
    async fn an_early_end_is_told_with_the_last_output() {
        let mut browser = pretend("echo oh no >&2; exit 3");
        let error = browser
            .report(Duration::from_secs(20))
            .await
            .expect_err("no report");
        assert!(error.to_string().contains("ended before"), "{error}");
        let error = browser.quit().await.expect_err("status 3");
        assert!(
            error.to_string().contains("exit status: 3") && error.to_string().contains("oh no"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_scene_that_does_not_end_is_given_up() {
        let mut browser = pretend("trap 'exit 0' TERM; while :; do sleep 0.05; done");
        let error = browser
            .report(Duration::from_millis(50))
            .await
            .expect_err("no report");
        assert!(error.to_string().contains("did not end"), "{error}");
    }
}
