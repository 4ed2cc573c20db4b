//! What results are compared with: a checked-in file that lists what does not pass, and nothing else.
//!
//! A test that is not listed is expected to be `OK`, and a subtest that is not listed to `PASS`. What passes although it is
//! listed is unexpected too, so that the list stays true. A status may be a list of several, for what is not always the
//! same; such an entry wants a reason in the test's `note`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::outcome::{SubtestStatus, TestResult, TestStatus};

/// Expectations that cannot be used.
#[derive(Debug, Error)]
pub enum ExpectationsError {
    /// The file cannot be read or written.
    #[error("the expectations {}", path.display())]
    File {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not JSON, or has a key or a status that there is not.
    #[error("the expectations {} are not understood", path.display())]
    Malformed {
        /// Where it is.
        path: PathBuf,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
}

/// One status, or several that are all right.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
#[serde(bound(deserialize = "S: Deserialize<'de> + Ord"))]
pub enum Expected<S: Ord> {
    /// Only this one.
    One(S),
    /// Any of these.
    AnyOf(BTreeSet<S>),
}

impl<S: Copy + Ord> Expected<S> {
    /// Whether this status is all right.
    pub fn allows(&self, status: S) -> bool {
        match self {
            Self::One(one) => *one == status,
            Self::AnyOf(any) => any.contains(&status),
        }
    }

    /// The statuses that are all right, in order.
    pub fn statuses(&self) -> Vec<S> {
        match self {
            Self::One(one) => vec![*one],
            Self::AnyOf(any) => any.iter().copied().collect(),
        }
    }

    fn of(statuses: &BTreeSet<S>) -> Option<Self> {
        let mut all = statuses.iter();
        match (all.next(), all.next()) {
            (None, _) => None,
            (Some(one), None) => Some(Self::One(*one)),
            _ => Some(Self::AnyOf(statuses.clone())),
        }
    }
}

/// What is expected of one test.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TestExpectation {
    /// Why the test is not run, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
    /// Why it is as it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// What it comes to as a whole, if not to `OK`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Expected<TestStatus>>,
    /// What its subtests come to, by name, if not to `PASS`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub subtests: BTreeMap<String, Expected<SubtestStatus>>,
}

impl TestExpectation {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What the test as a whole is expected to come to.
    pub fn status(&self) -> Expected<TestStatus> {
        self.status.clone().unwrap_or(Expected::One(TestStatus::Ok))
    }

    /// What one of its subtests is expected to come to.
    pub fn subtest(&self, name: &str) -> Expected<SubtestStatus> {
        self.subtests
            .get(name)
            .cloned()
            .unwrap_or(Expected::One(SubtestStatus::Pass))
    }

    /// What is not as expected.
    pub fn compare(&self, result: &TestResult) -> Vec<Unexpected> {
        let mut unexpected = Vec::new();
        let status = self.status();
        if !status.allows(result.status) {
            unexpected.push(Unexpected::Test {
                expected: status,
                status: result.status,
                message: result.message.clone(),
            });
        }
        for subtest in &result.subtests {
            let expected = self.subtest(&subtest.name);
            if !expected.allows(subtest.status) {
                unexpected.push(Unexpected::Subtest {
                    name: subtest.name.clone(),
                    expected,
                    status: subtest.status,
                    message: subtest.message.clone(),
                });
            }
        }
        // A test that did not come to its end may not have come to all of its subtests.
        if result.status == TestStatus::Ok {
            let names: BTreeSet<&str> = result
                .subtests
                .iter()
                .map(|subtest| subtest.name.as_str())
                .collect();
            for name in self.subtests.keys() {
                if !names.contains(name.as_str()) {
                    unexpected.push(Unexpected::Missing { name: name.clone() });
                }
            }
        }
        // What becomes of a browser that gave no result in time is a part of that.
        if result.status != TestStatus::Timeout
            && let Some(how) = &result.bad_end
        {
            unexpected.push(Unexpected::BadEnd { how: how.clone() });
        }
        unexpected
    }
}

/// One thing that is not as expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unexpected {
    /// The test as a whole.
    Test {
        /// What would have been all right.
        expected: Expected<TestStatus>,
        /// What it came to.
        status: TestStatus,
        /// Why.
        message: Option<String>,
    },
    /// A subtest.
    Subtest {
        /// Its name.
        name: String,
        /// What would have been all right.
        expected: Expected<SubtestStatus>,
        /// What it came to.
        status: SubtestStatus,
        /// Why.
        message: Option<String>,
    },
    /// A subtest is listed that the test does not have.
    Missing {
        /// Its name in the list.
        name: String,
    },
    /// After the result the browser crashed, or did not end when it was told to.
    BadEnd {
        /// How it ended.
        how: String,
    },
}

/// The expectations of a suite, by test.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Expectations {
    tests: BTreeMap<String, TestExpectation>,
}

impl Expectations {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not understood: a key that is not known may be a slip that hides a failure.
    pub fn load(path: &Path) -> Result<Self, ExpectationsError> {
        let text = fs::read(path).map_err(|source| ExpectationsError::File {
            path: path.to_owned(),
            source,
        })?;
        serde_json::from_slice(&text).map_err(|source| ExpectationsError::Malformed {
            path: path.to_owned(),
            source,
        })
    }

    /// Writes a file: sorted, and a line for each subtest, so that changes can be read.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), ExpectationsError> {
        let mut text =
            serde_json::to_string_pretty(self).map_err(|source| ExpectationsError::Malformed {
                path: path.to_owned(),
                source,
            })?;
        text.push('\n');
        fs::write(path, text).map_err(|source| ExpectationsError::File {
            path: path.to_owned(),
            source,
        })
    }

    /// What is expected of a test.
    pub fn of(&self, test: &str) -> TestExpectation {
        self.tests.get(test).cloned().unwrap_or_default()
    }

    /// Takes these results for what is expected of their tests, and leaves all other tests as they are.
    ///
    /// A list of several statuses stays if each of the results is in it; so does a reason, and what is disabled. Several
    /// results of one test make such lists.
    pub fn rebaseline(&mut self, results: &[&TestResult]) {
        let mut by_test: BTreeMap<&str, Vec<&TestResult>> = BTreeMap::new();
        for result in results {
            by_test.entry(&result.test).or_default().push(*result);
        }
        for (test, results) in by_test {
            let old = self.of(test);
            let expectation = rebaselined(&old, &results);
            if expectation.is_empty() {
                self.tests.remove(test);
            } else {
                self.tests.insert(test.to_owned(), expectation);
            }
        }
    }
}

fn rebaselined(old: &TestExpectation, results: &[&TestResult]) -> TestExpectation {
    let statuses: BTreeSet<TestStatus> = results.iter().map(|result| result.status).collect();
    let mut by_name: BTreeMap<&str, BTreeSet<SubtestStatus>> = BTreeMap::new();
    for subtest in results.iter().flat_map(|result| &result.subtests) {
        by_name
            .entry(&subtest.name)
            .or_default()
            .insert(subtest.status);
    }
    let status =
        merged(&old.status(), &statuses).filter(|status| *status != Expected::One(TestStatus::Ok));
    let subtests: BTreeMap<_, _> = by_name
        .into_iter()
        .filter_map(|(name, statuses)| Some((name, merged(&old.subtest(name), &statuses)?)))
        .filter(|(_, expected)| *expected != Expected::One(SubtestStatus::Pass))
        .map(|(name, expected)| (name.to_owned(), expected))
        .collect();
    // A reason for what no longer is would mislead.
    let is_needed = status.is_some() || !subtests.is_empty() || old.disabled.is_some();
    TestExpectation {
        disabled: old.disabled.clone(),
        note: old.note.clone().filter(|_| is_needed),
        status,
        subtests,
    }
}

/// The old expectation if it says what happened, else what happened.
fn merged<S: Copy + Ord>(old: &Expected<S>, statuses: &BTreeSet<S>) -> Option<Expected<S>> {
    if statuses.iter().all(|status| old.allows(*status)) {
        Some(old.clone())
    } else {
        Expected::of(statuses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::fake::result;
    use SubtestStatus::{Fail, NotRun, Pass};

    fn parse(text: &str) -> Expectations {
        serde_json::from_str(text).expect("expectations")
    }

    fn rebaseline(expectations: &mut Expectations, results: &[TestResult]) {
        expectations.rebaseline(&results.iter().collect::<Vec<_>>());
    }

    const LISTED: &str = r#"{
        "/a": {"subtests": {"fails": "FAIL", "varies": ["FAIL", "PASS"]}},
        "/b": {"status": "TIMEOUT", "note": "waits for ever"}
    }"#;

    #[test]
    fn what_is_expected_is_not_told() {
        let expectations = parse(LISTED);
        for result in [
            result(
                "/a",
                TestStatus::Ok,
                &[("fails", Fail), ("varies", Pass), ("other", Pass)],
            ),
            result("/a", TestStatus::Ok, &[("fails", Fail), ("varies", Fail)]),
            result("/b", TestStatus::Timeout, &[]),
            result("/unlisted", TestStatus::Ok, &[("x", Pass)]),
        ] {
            assert_eq!(
                expectations.of(&result.test).compare(&result),
                [],
                "{result:?}"
            );
        }
    }

    #[test]
    fn what_is_unexpected_is_told() {
        let expectations = parse(LISTED);
        for (result, expected) in [
            // A failure that is not listed.
            (
                result("/new", TestStatus::Ok, &[("x", Fail)]),
                vec![Unexpected::Subtest {
                    name: "x".to_owned(),
                    expected: Expected::One(Pass),
                    status: Fail,
                    message: Some("because".to_owned()),
                }],
            ),
            // A pass that is listed as a failure.
            (
                result("/a", TestStatus::Ok, &[("fails", Pass), ("varies", Pass)]),
                vec![Unexpected::Subtest {
                    name: "fails".to_owned(),
                    expected: Expected::One(Fail),
                    status: Pass,
                    message: None,
                }],
            ),
            // None of several.
            (
                result("/a", TestStatus::Ok, &[("fails", Fail), ("varies", NotRun)]),
                vec![Unexpected::Subtest {
                    name: "varies".to_owned(),
                    expected: Expected::AnyOf([Pass, Fail].into()),
                    status: NotRun,
                    message: Some("because".to_owned()),
                }],
            ),
            (
                result("/b", TestStatus::Ok, &[]),
                vec![Unexpected::Test {
                    expected: Expected::One(TestStatus::Timeout),
                    status: TestStatus::Ok,
                    message: None,
                }],
            ),
            (
                result("/a", TestStatus::Ok, &[("varies", Pass)]),
                vec![Unexpected::Missing {
                    name: "fails".to_owned(),
                }],
            ),
            // What did not come to its end is told once.
            (
                result("/a", TestStatus::Crash, &[]),
                vec![Unexpected::Test {
                    expected: Expected::One(TestStatus::Ok),
                    status: TestStatus::Crash,
                    message: None,
                }],
            ),
        ] {
            assert_eq!(expectations.of(&result.test).compare(&result), expected);
        }
    }

    #[test]
    fn a_browser_that_ends_badly_is_told() {
        let how = || "signal: 11 (SIGSEGV)".to_owned();
        for (status, expected) in [
            (TestStatus::Ok, vec![Unexpected::BadEnd { how: how() }]),
            (TestStatus::Timeout, vec![]),
        ] {
            let mut result = result("/a", status, &[("x", Pass)]);
            result.bad_end = Some(how());
            let expectation = TestExpectation {
                status: Some(Expected::One(status)),
                ..TestExpectation::default()
            };
            assert_eq!(expectation.compare(&result), expected);
        }
    }

    #[test]
    fn after_rebaselining_nothing_is_unexpected() {
        let mut expectations = parse(LISTED);
        let results = [
            result(
                "/a",
                TestStatus::Ok,
                &[("fails", Pass), ("varies", Pass), ("new", NotRun)],
            ),
            result("/c", TestStatus::Crash, &[]),
        ];
        rebaseline(&mut expectations, &results);
        for result in &results {
            assert_eq!(expectations.of(&result.test).compare(result), []);
        }
        assert_eq!(
            expectations,
            parse(
                r#"{
                "/a": {"subtests": {"varies": ["PASS", "FAIL"], "new": "NOTRUN"}},
                "/b": {"status": "TIMEOUT", "note": "waits for ever"},
                "/c": {"status": "CRASH"}
            }"#
            )
        );
    }

    #[test]
    fn what_passes_is_no_longer_listed() {
        let mut expectations = parse(LISTED);
        let results = [
            result("/b", TestStatus::Ok, &[("x", Pass)]),
            result("/a", TestStatus::Ok, &[("fails", Pass)]),
        ];
        rebaseline(&mut expectations, &results);
        assert_eq!(expectations, Expectations::default());
    }

    #[test]
    fn several_results_of_one_test_make_a_list() {
        let mut expectations = Expectations::default();
        let results = [
            result("/a", TestStatus::Ok, &[("x", Pass), ("twice", Pass)]),
            result("/a", TestStatus::Timeout, &[("x", Fail), ("twice", Pass)]),
        ];
        rebaseline(&mut expectations, &results);
        assert_eq!(
            expectations,
            parse(r#"{"/a": {"status": ["OK", "TIMEOUT"], "subtests": {"x": ["PASS", "FAIL"]}}}"#)
        );
    }

    #[test]
    fn slips_are_errors() {
        for text in [
            r#"{"/a": {"subtest": {}}}"#,
            r#"{"/a": {"status": "FAIL"}}"#,
            r#"{"/a": {"subtests": {"x": "OK"}}}"#,
            r#"{"/a": 1}"#,
            "[]",
        ] {
            assert!(
                serde_json::from_str::<Expectations>(text).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn files_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("expectations.json");
        let expectations = parse(LISTED);
        expectations.save(&path).expect("it is written");
        assert_eq!(Expectations::load(&path).expect("it is read"), expectations);
        let error =
            Expectations::load(&folder.path().join("missing")).expect_err("there is no file");
        assert!(error.to_string().contains("missing"), "{error}");
    }
}
