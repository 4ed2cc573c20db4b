//! One test in one process of this project's browser: started, listened to, and ended.
//!
//! A process that hangs or crashes takes no other test with it, and each test begins with an empty profile.

pub mod program;

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;
use url::Url;

use crate::interruption::{self, Interruption, send_signal};
use crate::manifest::Timeout;
use crate::outcome::{Browser, TestResult, TestStatus};
use crate::report_script::{self, PageReport};

/// The longest line of the browser's output that is read whole, in bytes. A page decides how long a report is.
const MAX_LINE: u64 = 32 * 1024 * 1024;

/// How many lines of the browser's output are kept to explain what happened, and how many characters of each.
const KEPT_LINES: usize = 40;
const KEPT_CHARACTERS: usize = 2000;

/// How many lines may wait to be looked at, before the browser has to wait.
const QUEUED_LINES: usize = 64;

/// How much longer than testharness.js the runner waits: for the browser's start and the way of the report.
const GRACE: Duration = Duration::from_secs(10);

/// How long the browser may take to end after it was told to.
pub(crate) const END_DEADLINE: Duration = Duration::from_secs(10);

/// How often it is looked whether a browser that has closed its streams has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How long the runner waits for the result of a test.
pub fn deadline(timeout: Timeout, multiplier: f64) -> Duration {
    // https://web-platform-tests.org/writing-tests/testharness-api.html#harness-timeout
    let of_the_harness = match timeout {
        Timeout::Normal => Duration::from_secs(10),
        Timeout::Long => Duration::from_secs(60),
    };
    // Slow machines start browsers slowly, too.
    (of_the_harness + GRACE).mul_f64(multiplier)
}

/// How the browser is started.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The program.
    pub program: PathBuf,
    /// What stands before the URL on its command line.
    pub arguments: Vec<OsString>,
    /// Variables that are set for it beside those of the runner.
    pub environment: Vec<(OsString, OsString)>,
    /// The folder in which each test gets a profile of its own, which lasts as a person's does; without this the profile is
    /// one that the browser makes and keeps in memory only.
    pub profiles: Option<PathBuf>,
    /// What it is.
    pub browser: Browser,
    /// Whether the run is to end, and the browser with it.
    pub interruption: Interruption,
}

impl Launcher {
    /// Runs a test to its end, or until the deadline.
    ///
    /// # Errors
    ///
    /// If the browser cannot be started at all, or not be ended: then no other test could be run either; or if a signal ends
    /// the run. What a test does to a browser that runs is a result.
    pub fn run(&self, test: &str, url: &Url, deadline: Duration) -> Result<TestResult> {
        self.interruption.check()?;
        let began = Instant::now();
        let profile = match &self.profiles {
            Some(folder) => Some(
                tempfile::Builder::new()
                    .prefix("profile-")
                    .tempdir_in(folder)
                    .context("no profile can be made")?,
            ),
            None => None,
        };
        let mut process = Process::start(self, profile.as_ref().map(TempDir::path), url)?;
        let ending = process.wait_for_report(url, began + deadline, &self.interruption);
        let duration = began.elapsed();
        if let Err(interrupted) = self.interruption.check() {
            process.end(matches!(ending, Ending::Ended))?;
            return Err(interrupted.into());
        }
        let (status, message, subtests) = match ending {
            Ending::Report(report) => (report.status, report.message, report.subtests),
            Ending::Ended => (TestStatus::Crash, None, Vec::new()),
            Ending::TooLate => (
                TestStatus::Timeout,
                Some(format!("no result within {} s", deadline.as_secs())),
                Vec::new(),
            ),
        };
        let has_ended = status == TestStatus::Crash;
        let end = process.end(has_ended)?;
        Ok(TestResult {
            test: test.to_owned(),
            browser: self.browser.clone(),
            status,
            message: if has_ended {
                Some(format!(
                    "the browser ended ({}) before the test did",
                    end.description()
                ))
            } else {
                message
            },
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            output: if subtests.is_empty() {
                std::mem::take(&mut process.last_lines).into()
            } else {
                Vec::new()
            },
            subtests,
            bad_end: (!has_ended && !end.is_good()).then(|| end.description()),
        })
    }
}

/// What was waited for.
enum Ending {
    Report(PageReport),
    /// The browser has ended without a report.
    Ended,
    TooLate,
}

/// How a process ended.
enum End {
    ByItself(ExitStatus),
    /// It did not react to being told.
    Killed,
}

impl End {
    fn is_good(&self) -> bool {
        matches!(self, Self::ByItself(status) if status.success())
    }

    fn description(&self) -> String {
        match self {
            Self::ByItself(status) => status.to_string(),
            Self::Killed => format!(
                "it did not end within {} s of SIGTERM and was killed",
                END_DEADLINE.as_secs()
            ),
        }
    }
}

/// What a reading thread tells.
enum Event {
    /// A line of standard output.
    Output(String),
    /// A line of standard error.
    Error(String),
    /// A stream has ended.
    EndOfStream,
}

struct Process {
    child: Child,
    events: Receiver<Event>,
    open_streams: usize,
    last_lines: VecDeque<String>,
}

impl Process {
    fn start(launcher: &Launcher, profile: Option<&Path>, url: &Url) -> Result<Self> {
        let mut command = Command::new(&launcher.program);
        command.args(&launcher.arguments);
        match profile {
            Some(folder) => command.arg("--config-dir").arg(folder),
            None => command.arg("--temporary-profile"),
        };
        let mut child = command
            .arg(url.as_str())
            .envs(launcher.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl+C in a terminal goes to whole groups, and a browser that is told twice does not end as it should.
            .process_group(0)
            .spawn()
            .with_context(|| {
                format!(
                    "the browser {} cannot be started",
                    launcher.program.display()
                )
            })?;
        let (sender, events) = mpsc::sync_channel(QUEUED_LINES);
        if let Some(stream) = child.stdout.take() {
            listen(stream, sender.clone(), Event::Output);
        }
        if let Some(stream) = child.stderr.take() {
            listen(stream, sender, Event::Error);
        }
        Ok(Self {
            child,
            events,
            open_streams: 2,
            last_lines: VecDeque::new(),
        })
    }

    /// Waits until the deadline, or until the run is to end.
    fn wait_for_report(
        &mut self,
        url: &Url,
        deadline: Instant,
        interruption: &Interruption,
    ) -> Ending {
        while interruption.check().is_ok() {
            let look_again = Instant::now() + interruption::POLL_INTERVAL;
            match self.next_event(deadline.min(look_again)) {
                Ok(Event::Output(line)) => match report_script::read(&line) {
                    Some(report) if is_of(&report.url, url) => return Ending::Report(report),
                    _ => self.keep(line),
                },
                Ok(Event::Error(line)) => self.keep(line),
                Ok(Event::EndOfStream) | Err(RecvTimeoutError::Disconnected) => {
                    if self.open_streams == 0 {
                        return Ending::Ended;
                    }
                },
                Err(RecvTimeoutError::Timeout) if Instant::now() >= deadline => break,
                Err(RecvTimeoutError::Timeout) => {},
            }
        }
        Ending::TooLate
    }

    /// Sees to it that the process ends, and waits until it has.
    fn end(&mut self, has_ended: bool) -> Result<End> {
        if !has_ended {
            self.terminate()?;
        }
        let deadline = Instant::now() + END_DEADLINE;
        while self.open_streams > 0 {
            match self.next_event(deadline) {
                Ok(Event::Output(line) | Event::Error(line)) => self.keep(line),
                Ok(Event::EndOfStream) => {},
                Err(_) => break,
            }
        }
        // Its streams are closed just before a process has ended; but it may also have closed them itself.
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(End::ByItself(status));
            }
            if Instant::now() >= deadline {
                break;
            }
            thread::sleep(POLL_INTERVAL);
        }
        self.child.kill().context("a browser cannot be killed")?;
        self.child.wait().context("a browser's end was missed")?;
        Ok(End::Killed)
    }

    /// Tells the process to end as a person's session does: a temporary profile is then removed.
    fn terminate(&self) -> Result<()> {
        send_signal("TERM", &self.child.id().to_string()).context("a browser cannot be told to end")
    }

    fn next_event(&mut self, deadline: Instant) -> Result<Event, RecvTimeoutError> {
        let remaining = deadline.saturating_duration_since(Instant::now());
        let event = self.events.recv_timeout(remaining);
        match event {
            Ok(Event::EndOfStream) => self.open_streams = self.open_streams.saturating_sub(1),
            Err(RecvTimeoutError::Disconnected) => self.open_streams = 0,
            _ => {},
        }
        event
    }

    fn keep(&mut self, line: String) {
        if self.last_lines.len() >= KEPT_LINES {
            self.last_lines.pop_front();
        }
        self.last_lines
            .push_back(match line.char_indices().nth(KEPT_CHARACTERS) {
                Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
                None => line,
            });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only an error on the way leaves a process to end here; that it may have ended does not matter.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Whether a report from this address comes from the test's document, and not from one that the test has opened.
pub(crate) fn is_of(reported: &str, url: &Url) -> bool {
    let Ok(mut reported) = Url::parse(reported) else {
        return false;
    };
    let mut url = url.clone();
    reported.set_fragment(None);
    url.set_fragment(None);
    reported == url
}

/// Reads a stream to its end whatever happens: a full pipe would stop the browser.
fn listen(
    stream: impl Read + Send + 'static,
    events: SyncSender<Event>,
    event: fn(String) -> Event,
) {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        // Nobody listens any more once a result is there; then the rest is read and dropped.
        while let Ok(Some(line)) = read_line(&mut stream) {
            let _ = events.send(event(line));
        }
        let _ = events.send(Event::EndOfStream);
    });
}

/// A line without its end, cut off at [`MAX_LINE`] bytes; nothing at the end of the stream.
fn read_line(stream: &mut impl BufRead) -> Result<Option<String>> {
    let mut line = Vec::new();
    if stream.take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if u64::try_from(line.len()).is_ok_and(|length| length == MAX_LINE) {
        skip_line(stream)?;
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

/// Reads on to the end of the line.
fn skip_line(stream: &mut impl BufRead) -> Result<()> {
    loop {
        let buffer = stream.fill_buf()?;
        let (length, has_end) = match buffer.iter().position(|byte| *byte == b'\n') {
            Some(index) => (index + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        stream.consume(length);
        if has_end {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::SubtestStatus;
    use std::os::unix::process::ExitStatusExt;

    const URL: &str = "http://web-platform.test:8000/a.html";
    const REPORT: &str = r#"ALERT: WPTRESULT:{"url":"http://web-platform.test:8000/a.html","status":0,"message":null,"subtests":[{"name":"one","status":0,"message":null}]}"#;

    /// Long enough for any machine; a test that waits for it has failed.
    const LONG: Duration = Duration::from_secs(60);

    /// Runs a test on a stand-in for the browser, whose URL is `$1`.
    fn pretend(script: &str, deadline: Duration) -> TestResult {
        let launcher = Launcher {
            program: "sh".into(),
            arguments: vec![
                "-c".into(),
                // The URL comes last.
                format!("trap 'exit 0' TERM; while [ $# -gt 1 ]; do shift; done; {script}").into(),
                "browser".into(),
            ],
            environment: vec![("REPORT".into(), REPORT.into())],
            profiles: None,
            browser: Browser::latchkey("1"),
            interruption: Interruption::never(),
        };
        let url = Url::parse(URL).expect("a URL");
        launcher
            .run("/a.html", &url, deadline)
            .expect("a shell runs")
    }

    /// What a browser does that waits until it is told to end.
    const WAIT: &str = "while :; do sleep 0.05; done";

    #[test]
    fn a_report_is_the_result() {
        let script = format!("echo starting; echo 'ALERT: hello'; echo \"$REPORT\"; {WAIT}");
        let result = pretend(&script, LONG);
        assert_eq!(result.status, TestStatus::Ok);
        assert_eq!(result.subtests.len(), 1);
        assert_eq!(result.subtests[0].status, SubtestStatus::Pass);
        assert_eq!(result.bad_end, None);
        assert!(result.output.is_empty());
    }

    #[test]
    fn the_browser_is_given_the_url() {
        let script = format!("case \"$1\" in {URL}) echo \"$REPORT\";; *) exit 9;; esac; {WAIT}");
        assert_eq!(pretend(&script, LONG).status, TestStatus::Ok);
    }

    #[test]
    fn reports_of_other_documents_are_ignored() {
        let script =
            format!("echo \"$REPORT\" | sed s/a.html/popup.html/; echo \"$REPORT\"; {WAIT}");
        assert_eq!(pretend(&script, LONG).subtests.len(), 1);
        let script = format!("echo \"$REPORT\" | sed 's/a.html/a.html#there/'; {WAIT}");
        assert_eq!(pretend(&script, LONG).subtests.len(), 1);
    }

    #[test]
    fn a_crash_is_told_with_the_last_output() {
        let result = pretend("echo thread panicked >&2; kill -SEGV $$", LONG);
        assert_eq!(result.status, TestStatus::Crash);
        let message = result.message.expect("a message");
        assert!(
            message.contains(&ExitStatus::from_raw(11).to_string()),
            "{message}"
        );
        assert!(
            result
                .output
                .iter()
                .any(|line| line.contains("thread panicked"))
        );
    }

    #[test]
    fn an_early_end_is_a_crash_whatever_its_status() {
        assert_eq!(pretend("exit 0", LONG).status, TestStatus::Crash);
        assert_eq!(pretend("exit 2", LONG).status, TestStatus::Crash);
    }

    #[test]
    fn a_test_without_an_end_is_given_up() {
        let result = pretend(&format!("echo here; {WAIT}"), Duration::from_millis(300));
        assert_eq!(result.status, TestStatus::Timeout);
        assert_eq!(result.bad_end, None);
    }

    #[test]
    fn a_bad_end_after_the_result_is_told() {
        let script = "trap 'exit 7' TERM; echo \"$REPORT\"; while :; do sleep 0.05; done";
        let result = pretend(script, LONG);
        assert_eq!(result.status, TestStatus::Ok);
        let bad_end = result.bad_end.expect("a bad end");
        assert!(bad_end.contains('7'), "{bad_end}");
    }

    #[test]
    fn long_output_neither_blocks_nor_hides_the_report() {
        let script = format!(
            "i=0; while [ $i -lt 3000 ]; do echo line $i; echo error $i >&2; i=$((i+1)); done; echo \"$REPORT\"; {WAIT}"
        );
        assert_eq!(pretend(&script, LONG).status, TestStatus::Ok);
    }

    #[test]
    fn a_browser_that_is_not_there_is_an_error() {
        let launcher = Launcher {
            program: "/nonexistent/browser".into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            profiles: None,
            browser: Browser::latchkey("1"),
            interruption: Interruption::never(),
        };
        let url = Url::parse(URL).expect("a URL");
        assert!(launcher.run("/a.html", &url, LONG).is_err());
    }

    #[test]
    fn a_profile_that_lasts_is_removed_with_the_test() {
        let folder = tempfile::tempdir().expect("a folder");
        let script =
            r#"[ -d "$2" ] && touch "$2/kept" && echo "$REPORT"; while :; do sleep 0.05; done"#;
        let launcher = Launcher {
            program: "sh".into(),
            arguments: vec![
                "-c".into(),
                format!("trap 'exit 0' TERM; [ \"$1\" = --config-dir ] || exit 9; {script}").into(),
                "browser".into(),
            ],
            environment: vec![("REPORT".into(), REPORT.into())],
            profiles: Some(folder.path().to_owned()),
            browser: Browser::latchkey("1"),
            interruption: Interruption::never(),
        };
        let url = Url::parse(URL).expect("a URL");
        let result = launcher.run("/a.html", &url, LONG).expect("a shell runs");
        assert_eq!(result.status, TestStatus::Ok);
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("a folder").count(),
            0
        );
    }

    #[test]
    fn lines_are_read_whole_and_lossily() {
        let mut stream: &[u8] = b"one\n\n\xff\nlast";
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut stream).expect("memory can be read") {
            lines.push(line);
        }
        assert_eq!(lines, ["one", "", "\u{fffd}", "last"]);
        let mut stream: &[u8] = b"rest\nnext";
        skip_line(&mut stream).expect("memory can be read");
        assert_eq!(stream, b"next");
    }

    #[test]
    fn deadlines_are_longer_than_the_harness_waits() {
        assert!(deadline(Timeout::Normal, 1.0) > Duration::from_secs(10));
        assert!(deadline(Timeout::Long, 1.0) > Duration::from_secs(60));
        assert_eq!(
            deadline(Timeout::Long, 2.0),
            deadline(Timeout::Long, 1.0) * 2
        );
    }
}
