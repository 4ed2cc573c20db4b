//! The user script that hands a test's results from the page to the runner, and how its lines are read.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::outcome::{Subtest, SubtestStatus, TestStatus};

/// The script, for a multiplier of 1.
const SCRIPT: &str = include_str!("../userscripts/report.js");

/// The line in the script that says how much longer than usual testharness.js waits.
const MULTIPLIER_LINE: &str =
    "const TIMEOUT_MULTIPLIER = /* the runner's --timeout-multiplier */ 1;";

/// How a line of the browser's output begins that carries a report: `alert()` without a window.
const PREFIX: &str = "ALERT: WPTRESULT:";

/// Writes the script into a folder of its own within `folder` and returns that folder, for `--userscripts`.
///
/// # Errors
///
/// If the file cannot be written.
pub fn write(folder: &Path, timeout_multiplier: f64) -> Result<PathBuf> {
    let folder = folder.join("userscripts");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join("report.js");
    fs::write(&path, with_multiplier(SCRIPT, timeout_multiplier)?)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(folder)
}

/// A script with the multiplier written into it.
///
/// # Errors
///
/// If it has no place for that.
pub fn with_multiplier(script: &str, timeout_multiplier: f64) -> Result<String> {
    if !script.contains(MULTIPLIER_LINE) {
        bail!("a report script has no place for the timeout multiplier");
    }
    let line = format!("const TIMEOUT_MULTIPLIER = {timeout_multiplier};");
    Ok(script.replace(MULTIPLIER_LINE, &line))
}

/// What a document says it came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageReport {
    /// The document's URL when its scripts began to run.
    pub url: String,
    /// What testharness.js says of the test as a whole.
    pub status: TestStatus,
    /// Why, if it is not [`TestStatus::Ok`].
    pub message: Option<String>,
    /// Its subtests, in the order in which they were made.
    pub subtests: Vec<Subtest>,
}

/// The report in a line of the browser's output. Lines that are none, and reports that cannot be understood, give nothing:
/// any page may call `alert()`.
pub fn read(line: &str) -> Option<PageReport> {
    read_json(line.strip_prefix(PREFIX)?)
}

/// The report in a text that is nothing else.
pub fn read_json(text: &str) -> Option<PageReport> {
    let wire: WireReport = serde_json::from_str(text).ok()?;
    let subtests = wire.subtests.into_iter().map(|subtest| {
        Some(Subtest {
            status: subtest_status(subtest.status)?,
            name: subtest.name,
            message: subtest.message,
        })
    });
    Some(PageReport {
        url: wire.url,
        // A document without the harness has no status, and is no test.
        status: wire.status.map_or(Some(TestStatus::Error), test_status)?,
        message: wire.message,
        subtests: subtests.collect::<Option<_>>()?,
    })
}

#[derive(Deserialize)]
struct WireReport {
    url: String,
    status: Option<u8>,
    message: Option<String>,
    subtests: Vec<WireSubtest>,
}

#[derive(Deserialize)]
struct WireSubtest {
    name: String,
    status: u8,
    message: Option<String>,
}

/// <https://web-platform-tests.org/writing-tests/testharness-api.html#TestsStatus>
fn test_status(number: u8) -> Option<TestStatus> {
    Some(match number {
        0 => TestStatus::Ok,
        1 => TestStatus::Error,
        2 => TestStatus::Timeout,
        3 => TestStatus::PreconditionFailed,
        _ => return None,
    })
}

/// <https://web-platform-tests.org/writing-tests/testharness-api.html#Test>
fn subtest_status(number: u8) -> Option<SubtestStatus> {
    Some(match number {
        0 => SubtestStatus::Pass,
        1 => SubtestStatus::Fail,
        2 => SubtestStatus::Timeout,
        3 => SubtestStatus::NotRun,
        4 => SubtestStatus::PreconditionFailed,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let line = r#"ALERT: WPTRESULT:{"url":"http://a.test/x","status":0,"message":null,"subtests":[
            {"name":"one","status":0,"message":null},{"name":"two","status":1,"message":"assert_equals: …"}]}"#;
        let report = read(line).expect("a report");
        assert_eq!(report.url, "http://a.test/x");
        assert_eq!(report.status, TestStatus::Ok);
        assert_eq!(report.message, None);
        let subtests: Vec<_> = report
            .subtests
            .iter()
            .map(|subtest| (subtest.name.as_str(), subtest.status))
            .collect();
        assert_eq!(
            subtests,
            [("one", SubtestStatus::Pass), ("two", SubtestStatus::Fail)]
        );
        assert_eq!(
            report.subtests[1].message.as_deref(),
            Some("assert_equals: …")
        );
    }

    #[test]
    fn a_document_without_the_harness_is_an_error() {
        let line =
            r#"ALERT: WPTRESULT:{"url":"u","status":null,"message":"without","subtests":[]}"#;
        let report = read(line).expect("a report");
        assert_eq!(report.status, TestStatus::Error);
    }

    #[test]
    fn what_is_no_report_is_ignored() {
        for line in [
            "",
            "ALERT: hello",
            "WPTRESULT:{}",
            "ALERT: WPTRESULT:",
            "ALERT: WPTRESULT:{",
            "ALERT: WPTRESULT:[]",
            r#"ALERT: WPTRESULT:{"url":"u","status":9,"message":null,"subtests":[]}"#,
            r#"ALERT: WPTRESULT:{"url":"u","status":0,"message":null,"subtests":[{"name":"n","status":9,"message":null}]}"#,
            r#"ALERT: WPTRESULT:{"url":"u","status":-1,"message":null,"subtests":[]}"#,
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }

    #[test]
    fn the_multiplier_is_written_into_the_script() {
        let folder = tempfile::tempdir().expect("a folder");
        let scripts = write(folder.path(), 2.5).expect("the script is written");
        let text = fs::read_to_string(scripts.join("report.js")).expect("the script");
        assert!(text.contains("const TIMEOUT_MULTIPLIER = 2.5;"));
        assert!(!text.contains(MULTIPLIER_LINE));
    }
}
