//! Results in WPT's own format, `wptreport.json`, which <https://wpt.fyi/> and its tools read.
//!
//! <https://web-platform-tests.org/running-tests/command-line-arguments.html>: what `wpt run --log-wptreport` writes.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::expectations::{Expectations, Expected};
use crate::outcome::{LATCHKEY, SubtestStatus, TestResult, TestStatus};

/// A whole report.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    run_info: RunInfo<'a>,
    /// In milliseconds since 1970.
    time_start: u64,
    /// In milliseconds since 1970.
    time_end: u64,
    results: Vec<Test<'a>>,
    /// Of other configurations of the browser, of which there are none here.
    subsuites: BTreeMap<String, RunInfo<'a>>,
}

#[derive(Debug, Serialize)]
struct RunInfo<'a> {
    product: &'a str,
    browser_version: &'a str,
    os: &'static str,
    processor: &'static str,
    bits: u32,
    debug: bool,
    headless: bool,
}

#[derive(Debug, Serialize)]
struct Test<'a> {
    test: &'a str,
    /// The configuration of the browser: the one that has no name.
    subsuite: &'static str,
    status: TestStatus,
    message: Option<&'a str>,
    /// In milliseconds.
    duration: u64,
    /// Only if it is another than the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<TestStatus>,
    /// Further statuses that are expected.
    known_intermittent: Vec<TestStatus>,
    subtests: Vec<Subtest<'a>>,
}

#[derive(Debug, Serialize)]
struct Subtest<'a> {
    name: &'a str,
    status: SubtestStatus,
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<SubtestStatus>,
    known_intermittent: Vec<SubtestStatus>,
}

impl<'a> Report<'a> {
    /// Makes a report of a run in one browser that began at `start` and took `elapsed`.
    pub fn new(
        results: &[&'a TestResult],
        expectations: &Expectations,
        start: SystemTime,
        elapsed: Duration,
    ) -> Self {
        // A clock before 1970 is wrong anyhow.
        let start = start.duration_since(UNIX_EPOCH).unwrap_or_default();
        let browser = results.first().map(|result| &result.browser);
        Self {
            run_info: RunInfo {
                product: browser.map_or(LATCHKEY, |browser| &browser.product),
                browser_version: browser.map_or("", |browser| &browser.version),
                os: match std::env::consts::OS {
                    "macos" => "mac",
                    "windows" => "win",
                    other => other,
                },
                processor: std::env::consts::ARCH,
                bits: usize::BITS,
                debug: cfg!(debug_assertions),
                headless: true,
            },
            time_start: milliseconds(start),
            time_end: milliseconds(start + elapsed),
            results: results
                .iter()
                .map(|result| test(result, expectations))
                .collect(),
            subsuites: BTreeMap::new(),
        }
    }
}

fn test<'a>(result: &'a TestResult, expectations: &Expectations) -> Test<'a> {
    let expectation = expectations.of(&result.test);
    let (expected, known_intermittent) = expected(&expectation.status(), result.status);
    Test {
        test: &result.test,
        subsuite: "",
        status: result.status,
        message: result.message.as_deref(),
        duration: result.duration_ms,
        expected,
        known_intermittent,
        subtests: result
            .subtests
            .iter()
            .map(|subtest| {
                let (expected, known_intermittent) =
                    self::expected(&expectation.subtest(&subtest.name), subtest.status);
                Subtest {
                    name: &subtest.name,
                    status: subtest.status,
                    message: subtest.message.as_deref(),
                    expected,
                    known_intermittent,
                }
            })
            .collect(),
    }
}

/// The first of the expected statuses, unless that is what came out, and the others.
fn expected<S: Copy + Ord>(expected: &Expected<S>, status: S) -> (Option<S>, Vec<S>) {
    let mut statuses = expected.statuses().into_iter();
    let first = statuses.next().filter(|first| *first != status);
    (first, statuses.collect())
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::fake::result;
    use serde_json::json;

    #[test]
    fn reports_are_as_wpt_writes_them() {
        let expectations: Expectations = serde_json::from_value(json!({
            "/a": {"subtests": {"fails": "FAIL", "varies": ["PASS", "FAIL"], "passes": "FAIL"}},
        }))
        .expect("expectations");
        let results = [
            result(
                "/a",
                TestStatus::Ok,
                &[
                    ("fails", SubtestStatus::Fail),
                    ("varies", SubtestStatus::Fail),
                    ("passes", SubtestStatus::Pass),
                ],
            ),
            result("/b?x", TestStatus::Timeout, &[]),
        ];
        let start = UNIX_EPOCH + Duration::from_secs(1000);
        let results: Vec<&TestResult> = results.iter().collect();
        let report = Report::new(&results, &expectations, start, Duration::from_secs(5));
        let report = serde_json::to_value(report).expect("JSON");
        assert_eq!(report["time_start"], 1_000_000);
        assert_eq!(report["time_end"], 1_005_000);
        assert_eq!(report["run_info"]["product"], "latchkey");
        assert_eq!(report["subsuites"], json!({}));
        assert_eq!(
            report["results"],
            json!([
                {
                    "test": "/a", "subsuite": "", "status": "OK", "message": null, "duration": 1500, "known_intermittent": [],
                    "subtests": [
                        {"name": "fails", "status": "FAIL", "message": "because", "known_intermittent": []},
                        {"name": "varies", "status": "FAIL", "message": "because", "expected": "PASS",
                         "known_intermittent": ["FAIL"]},
                        {"name": "passes", "status": "PASS", "message": null, "expected": "FAIL",
                         "known_intermittent": []},
                    ],
                },
                {
                    "test": "/b?x", "subsuite": "", "status": "TIMEOUT", "message": null, "duration": 1500, "expected": "OK",
                    "known_intermittent": [], "subtests": [],
                },
            ])
        );
    }
}
