//! What tests came to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a test came to as a whole, by WPT's names.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TestStatus {
    /// It was run to its end, whatever its subtests came to.
    Ok,
    /// It could not be run: a script that does not parse, an exception outside of any subtest, no testharness.js.
    Error,
    /// It did not end in time; by testharness.js's clock or the runner's.
    Timeout,
    /// It does not apply here, by its own word.
    PreconditionFailed,
    /// The browser ended before the test did.
    Crash,
}

/// What a subtest came to, by WPT's names.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SubtestStatus {
    /// All its assertions held.
    Pass,
    /// One did not.
    Fail,
    /// It did not end in time.
    Timeout,
    /// The test ended before it began.
    #[serde(rename = "NOTRUN")]
    NotRun,
    /// It does not apply here, by its own word.
    PreconditionFailed,
}

impl fmt::Display for TestStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Ok => "OK",
            Self::Error => "ERROR",
            Self::Timeout => "TIMEOUT",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::Crash => "CRASH",
        })
    }
}

impl fmt::Display for SubtestStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Timeout => "TIMEOUT",
            Self::NotRun => "NOTRUN",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
        })
    }
}

/// One subtest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Subtest {
    /// Its name. Tests should not have two of one name, but some do.
    pub name: String,
    /// What it came to.
    pub status: SubtestStatus,
    /// Why, if it did not pass.
    #[serde(default)]
    pub message: Option<String>,
}

/// Which browser a test was run in.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Browser {
    /// Its name, such as `latchkey` or `chromium`.
    pub product: String,
    /// Its version; empty if that is not known.
    pub version: String,
}

impl Browser {
    /// The browser of this name and version.
    pub fn new(product: &str, version: &str) -> Self {
        Self {
            product: product.to_owned(),
            version: version.to_owned(),
        }
    }

    /// The browser of this project, of this version.
    pub fn latchkey(version: &str) -> Self {
        Self::new(LATCHKEY, version)
    }
}

impl Default for Browser {
    fn default() -> Self {
        Self::latchkey("")
    }
}

impl fmt::Display for Browser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.product, self.version)
    }
}

/// The name of the browser of this project.
pub const LATCHKEY: &str = "latchkey";

/// The name of Servo as it is published.
pub const SERVO: &str = "servo";

/// One test that was run: a line of the raw results.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TestResult {
    /// The test: the path and query of its URL, as in WPT's reports.
    pub test: String,
    /// The browser.
    #[serde(default)]
    pub browser: Browser,
    /// What it came to as a whole.
    pub status: TestStatus,
    /// Why, if that is not [`TestStatus::Ok`].
    #[serde(default)]
    pub message: Option<String>,
    /// How long it took, in milliseconds, the browser's start included.
    pub duration_ms: u64,
    /// Its subtests, in the order in which they were made.
    #[serde(default)]
    pub subtests: Vec<Subtest>,
    /// How the browser ended, if not as it was told to: what happened after the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_end: Option<String>,
    /// The last lines that the browser wrote, if there was no result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
}

impl TestResult {
    /// How many of its subtests passed.
    pub fn passed(&self) -> usize {
        self.subtests
            .iter()
            .filter(|subtest| subtest.status == SubtestStatus::Pass)
            .count()
    }
}

#[cfg(test)]
pub(crate) mod fake {
    use super::*;

    /// A result with these subtests.
    pub(crate) fn result(
        test: &str,
        status: TestStatus,
        subtests: &[(&str, SubtestStatus)],
    ) -> TestResult {
        TestResult {
            test: test.to_owned(),
            browser: Browser::default(),
            status,
            message: None,
            duration_ms: 1500,
            subtests: subtests
                .iter()
                .map(|(name, status)| Subtest {
                    name: (*name).to_owned(),
                    status: *status,
                    message: (*status != SubtestStatus::Pass).then(|| "because".to_owned()),
                })
                .collect(),
            bad_end: None,
            output: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_written_as_wpt_does() {
        for status in [
            TestStatus::Ok,
            TestStatus::Error,
            TestStatus::Timeout,
            TestStatus::PreconditionFailed,
            TestStatus::Crash,
        ] {
            assert_eq!(
                serde_json::to_value(status).expect("JSON"),
                status.to_string()
            );
        }
        for status in [
            SubtestStatus::Pass,
            SubtestStatus::Fail,
            SubtestStatus::Timeout,
            SubtestStatus::NotRun,
            SubtestStatus::PreconditionFailed,
        ] {
            assert_eq!(
                serde_json::to_value(status).expect("JSON"),
                status.to_string()
            );
        }
    }
}
