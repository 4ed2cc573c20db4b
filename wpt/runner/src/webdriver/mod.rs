//! Tests in other browsers, by [WebDriver](https://w3c.github.io/webdriver/).
//!
//! Each test has a session of its own, which is a browser with an empty profile; each of the tests that run at a time has a
//! WebDriver server of its own, which goes on to the next test. One that does not answer, or whose browser does not end, is
//! killed with all that it has started, and the next test gets another.
//!
//! The page keeps its results, by a `testharnessreport.js` that is served in the place of the tests' own, and is asked for
//! them again and again.

pub mod capabilities;
pub mod client;
pub mod process;
pub mod trust;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::Deserialize;
use url::Url;

use crate::browser::{END_DEADLINE, is_of};
use crate::interruption::Interruption;
use crate::outcome::{TestResult, TestStatus};
use crate::report_script::{self, PageReport};
use crate::webdriver::capabilities::Capabilities;
use crate::webdriver::client::{Client, CommandError, Session};
use crate::webdriver::process::DriverProcess;

/// The script that keeps a test's results, for a multiplier of 1.
const SCRIPT: &str = include_str!("../../webdriver/testharnessreport.js");

/// What asks a page how far it is.
const ASK: &str = "return {
  report: typeof window.wptRunnerReport === 'string' ? window.wptRunnerReport : null,
  url: document.URL,
  is_loaded: document.readyState === 'complete',
  has_harness: typeof window.add_completion_callback === 'function',
};";

/// How often a page is asked.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// How long a browser may take to start.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// Writes the script that keeps results into a folder of its own within `folder` and returns that folder, which is served as
/// `/resources/` before the tests' own.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write_report_script(folder: &Path, timeout_multiplier: f64) -> Result<PathBuf> {
    let folder = folder.join("webdriver-resources");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join("testharnessreport.js");
    fs::write(
        &path,
        report_script::with_multiplier(SCRIPT, timeout_multiplier)?,
    )
    .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(folder)
}

/// Where WebDriver servers come from.
#[derive(Clone, Debug)]
pub enum Driver {
    /// A program that is started for each of the tests that run at a time.
    Program(PathBuf),
    /// A server that runs already.
    Running(Url),
}

/// The browsers.
pub struct Browsers {
    driver: Driver,
    capabilities: Capabilities,
    scratch: PathBuf,
    interruption: Interruption,
    /// The servers that no test uses at this moment.
    idle: Mutex<Vec<Server>>,
}

/// A WebDriver server in use.
enum Server {
    Own(DriverProcess),
    Others(Client),
}

impl Server {
    fn client(&self) -> &Client {
        match self {
            Self::Own(process) => process.client(),
            Self::Others(client) => client,
        }
    }

    fn last_lines(&self) -> Vec<String> {
        match self {
            Self::Own(process) => process.output().lines(),
            Self::Others(_) => Vec::new(),
        }
    }
}

/// What was waited for.
enum Ending {
    Report(PageReport),
    /// The browser, or its server, has gone.
    Crash(String),
    /// No result will come.
    Error(String),
    /// Neither, and what the server said last, if that was an error.
    TooLate(Option<String>),
}

impl Browsers {
    /// Browsers of this kind; none is started yet. Profiles and temporary files are made in `scratch`.
    pub fn new(
        driver: Driver,
        capabilities: Capabilities,
        scratch: &Path,
        interruption: &Interruption,
    ) -> Self {
        Self {
            driver,
            capabilities,
            scratch: scratch.to_owned(),
            interruption: interruption.clone(),
            idle: Mutex::new(Vec::new()),
        }
    }

    /// Runs a test to its end, or until the deadline.
    ///
    /// # Errors
    ///
    /// If no browser can be started at all: then no other test could be run either; or if a signal ends the run. What a test
    /// does to a browser that runs is a result.
    pub fn run(&self, test: &str, url: &Url, deadline: Duration) -> Result<TestResult> {
        self.interruption.check()?;
        let profile = tempfile::Builder::new()
            .prefix("profile-")
            .tempdir_in(&self.scratch)?;
        let script_timeout = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
        let asked = self
            .capabilities
            .always_match(profile.path(), script_timeout);
        let mut server = self.take()?;
        let mut has_failed = false;
        let session = loop {
            match server.client().new_session(&asked, START_DEADLINE) {
                Ok(session) => break session,
                // A server that has served other tests may have gone meanwhile, so one failure says nothing.
                Err(_) if !has_failed => {
                    has_failed = true;
                    server = self.start()?;
                },
                Err(error) => {
                    let lines = server.last_lines().join("\n    | ");
                    return Err(error).context(format!("no browser starts\n    | {lines}"));
                },
            }
        };
        let began = Instant::now();
        let ending = wait_for_report(&session, url, began + deadline);
        let duration = began.elapsed();
        let browser = session.browser.clone();
        let end = session.delete(END_DEADLINE);
        drop(session);
        self.interruption.check()?;

        let (status, message, subtests) = match ending {
            Ending::Report(report) => (report.status, report.message, report.subtests),
            Ending::Crash(message) => (TestStatus::Crash, Some(message), Vec::new()),
            Ending::Error(message) => (TestStatus::Error, Some(message), Vec::new()),
            Ending::TooLate(error) => {
                let mut message = format!("no result within {} s", deadline.as_secs());
                if let Some(error) = error {
                    message.push_str(&format!("; the last error was: {error}"));
                }
                (TestStatus::Timeout, Some(message), Vec::new())
            },
        };
        let has_ended = status == TestStatus::Crash;
        let output = if subtests.is_empty() {
            server.last_lines()
        } else {
            Vec::new()
        };
        let bad_end = match end {
            Ok(()) => None,
            Err(error) => Some(format!("the browser was killed: {error}")).filter(|_| !has_ended),
        };
        // After a crash, too, it is not known what is left of it.
        if has_ended || bad_end.is_some() {
            drop(server);
        } else {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(server);
        }
        Ok(TestResult {
            test: test.to_owned(),
            browser,
            status,
            message,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            subtests,
            bad_end,
            output,
        })
    }

    fn take(&self) -> Result<Server> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        match idle {
            Some(server) => Ok(server),
            None => self.start(),
        }
    }

    fn start(&self) -> Result<Server> {
        Ok(match &self.driver {
            Driver::Program(program) => Server::Own(DriverProcess::start(
                program,
                &self.scratch,
                &self.interruption,
            )?),
            Driver::Running(url) => Server::Others(Client::new(url, &self.interruption)?),
        })
    }
}

/// What a page says.
#[derive(Debug, Deserialize)]
struct PageState {
    report: Option<String>,
    url: String,
    is_loaded: bool,
    has_harness: bool,
}

fn wait_for_report(session: &Session<'_>, url: &Url, deadline: Instant) -> Ending {
    let remaining = || deadline.saturating_duration_since(Instant::now());
    let mut last_error = None;
    if let Err(error) = session.navigate(url, remaining()) {
        match judge(error) {
            Judgement::Final(ending) => return ending,
            // That the page cannot be opened does not pass.
            Judgement::Passing(error) => return Ending::Error(error),
        }
    }
    loop {
        let limit = remaining();
        if limit.is_zero() {
            return Ending::TooLate(last_error);
        }
        match session.execute(ASK, limit) {
            Ok(value) => {
                // A page may have replaced what it is asked about.
                if let Ok(state) = serde_json::from_value(value)
                    && let Some(ending) = ending_of(state, url)
                {
                    return ending;
                }
            },
            Err(error) => match judge(error) {
                Judgement::Final(ending) => return ending,
                Judgement::Passing(error) => last_error = Some(error),
            },
        }
        thread::sleep(POLL_INTERVAL.min(remaining()));
    }
}

fn ending_of(state: PageState, url: &Url) -> Option<Ending> {
    if let Some(report) = state.report.as_deref().and_then(report_script::read_json)
        && is_of(&report.url, url)
    {
        return Some(Ending::Report(report));
    }
    let is_without = is_of(&state.url, url) && state.is_loaded && !state.has_harness;
    is_without.then(|| Ending::Error("the document has loaded without testharness.js".to_owned()))
}

/// What an error means for the test.
enum Judgement {
    /// It is over.
    Final(Ending),
    /// It may be over in a moment: a page that is just changing, or that waits in a dialog.
    Passing(String),
}

fn judge(error: CommandError) -> Judgement {
    let text = error.to_string();
    match error {
        CommandError::TooLate(_) => Judgement::Final(Ending::TooLate(None)),
        CommandError::Unreachable(_) => Judgement::Final(Ending::Crash(text)),
        // Nothing is made of that.
        CommandError::Interrupted(_) => Judgement::Final(Ending::Error(text)),
        CommandError::Malformed(_) => Judgement::Passing(text),
        CommandError::Refused { code, message } => {
            // The first is WebDriver's; the others are chromedriver's and geckodriver's own.
            let is_gone = code == "invalid session id"
                || [
                    "crash",
                    "disconnected",
                    "not reachable",
                    "Failed to decode response from marionette",
                ]
                .iter()
                .any(|sign| code.contains(sign) || message.contains(sign));
            if is_gone {
                Judgement::Final(Ending::Crash(text))
            } else if code == "no such window" {
                Judgement::Final(Ending::Error(
                    "the test has closed its own window".to_owned(),
                ))
            } else {
                Judgement::Passing(text)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart() {
        let refused = |code: &str, message: &str| CommandError::Refused {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        for (error, expected) in [
            (CommandError::TooLate(Duration::from_secs(1)), "too late"),
            (CommandError::Unreachable("refused".to_owned()), "crash"),
            (CommandError::Malformed("hello".to_owned()), "passing"),
            (refused("invalid session id", ""), "crash"),
            (
                refused("tab crashed", "tab crashed\n (Session info…)"),
                "crash",
            ),
            (
                refused("unknown error", "session deleted because of page crash"),
                "crash",
            ),
            (
                refused("disconnected", "not connected to DevTools"),
                "crash",
            ),
            (
                refused("no such window", "target window already closed"),
                "error",
            ),
            (
                refused("javascript error", "window is not defined"),
                "passing",
            ),
            (
                refused("unexpected alert open", "{Alert text : hello}"),
                "passing",
            ),
        ] {
            let text = format!("{error:?}");
            let judgement = match judge(error) {
                Judgement::Final(Ending::TooLate(_)) => "too late",
                Judgement::Final(Ending::Crash(_)) => "crash",
                Judgement::Final(Ending::Error(_)) => "error",
                Judgement::Final(Ending::Report(_)) => "report",
                Judgement::Passing(_) => "passing",
            };
            assert_eq!(judgement, expected, "{text}");
        }
    }

    #[test]
    fn a_page_that_is_not_the_tests_says_nothing() {
        let url = Url::parse("http://a.test/x").expect("a URL");
        let state = |url: &str, report: Option<&str>, has_harness| PageState {
            report: report.map(str::to_owned),
            url: url.to_owned(),
            is_loaded: true,
            has_harness,
        };
        let of_another = r#"{"url":"http://a.test/y","status":0,"message":null,"subtests":[]}"#;
        let its_own = of_another.replace("/y", "/x");
        assert!(ending_of(state("about:blank", None, false), &url).is_none());
        assert!(ending_of(state("http://a.test/y", Some(of_another), true), &url).is_none());
        assert!(ending_of(state("http://a.test/x", Some("{}"), true), &url).is_none());
        assert!(matches!(
            ending_of(state("http://a.test/x#there", Some(&its_own), true), &url),
            Some(Ending::Report(_))
        ));
        assert!(matches!(
            ending_of(state("http://a.test/x", None, false), &url),
            Some(Ending::Error(_))
        ));
    }

    #[test]
    fn the_multiplier_is_written_into_the_script() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = write_report_script(folder.path(), 2.5).expect("it is written");
        let text = fs::read_to_string(folder.join("testharnessreport.js")).expect("the script");
        assert!(text.contains("const TIMEOUT_MULTIPLIER = 2.5;"));
    }
}
