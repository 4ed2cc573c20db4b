//! Results for people: each thing that is unexpected with the command that runs it again, and a table of folders.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};
use std::time::Duration;

use crate::expectations::{Expected, Unexpected};
use crate::manifest::folder_of;
use crate::outcome::{TestResult, TestStatus};
use crate::progress::readable;

/// How many folders deep the table goes.
const DEPTH: usize = 3;

/// How many characters of a message are shown.
const MESSAGE_CHARACTERS: usize = 400;

/// How many unexpected things of one test are shown.
const SHOWN_OF_A_TEST: usize = 20;

/// How many lines of the browser's output are shown of a test without a result.
const OUTPUT_LINES: usize = 10;

/// Tells what was unexpected in a test, and how it is run again.
pub fn unexpected(result: &TestResult, unexpected: &[Unexpected], again: &str) -> String {
    let mut text = format!("{}\n", result.test);
    for one in unexpected.iter().take(SHOWN_OF_A_TEST) {
        // Writing into a string cannot fail.
        let _ = match one {
            Unexpected::Test {
                expected,
                status,
                message,
            } => writeln!(
                text,
                "  {status} [expected {}] the test as a whole{}",
                alternatives(expected),
                shown(message.as_deref())
            ),
            Unexpected::Subtest {
                name,
                expected,
                status,
                message,
            } => writeln!(
                text,
                "  {status} [expected {}] {}{}",
                alternatives(expected),
                one_line(name),
                shown(message.as_deref())
            ),
            Unexpected::Missing { name } => writeln!(
                text,
                "  missing: {} is expected to fail, but is no subtest",
                one_line(name)
            ),
            Unexpected::BadEnd { how } => writeln!(
                text,
                "  the browser did not end well after the result: {}",
                one_line(how)
            ),
        };
    }
    if unexpected.len() > SHOWN_OF_A_TEST {
        let _ = writeln!(text, "  … and {} more", unexpected.len() - SHOWN_OF_A_TEST);
    }
    if matches!(result.status, TestStatus::Crash | TestStatus::Timeout) {
        let hidden = result.output.len().saturating_sub(OUTPUT_LINES);
        for line in result.output.iter().skip(hidden) {
            let _ = writeln!(text, "    | {}", one_line(line));
        }
    }
    let _ = writeln!(text, "  again: {again}");
    text
}

/// The statuses that are expected, in words.
pub fn alternatives<S: Copy + Ord + Display>(expected: &Expected<S>) -> String {
    let statuses: Vec<String> = expected
        .statuses()
        .into_iter()
        .map(|status| status.to_string())
        .collect();
    statuses.join(" or ")
}

fn shown(message: Option<&str>) -> String {
    message.map_or_else(String::new, |message| {
        format!("\n      {}", one_line(message))
    })
}

/// A page's text on one line, without what a terminal would take for a command, and not too long.
pub fn one_line(text: &str) -> String {
    let mut line: String = text
        .chars()
        .take(MESSAGE_CHARACTERS)
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    if text.chars().nth(MESSAGE_CHARACTERS).is_some() {
        line.push('…');
    }
    line
}

/// The numbers of one folder.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    tests: usize,
    tests_ok: usize,
    subtests: usize,
    subtests_passed: usize,
    unexpected: usize,
}

impl Row {
    fn add(&mut self, result: &TestResult, unexpected: usize) {
        self.tests += 1;
        self.tests_ok += usize::from(result.status == TestStatus::Ok);
        self.subtests += result.subtests.len();
        self.subtests_passed += result.passed();
        self.unexpected += unexpected;
    }
}

/// A table of folders and totals. Each result comes with how much in it was unexpected.
pub fn summary<'a>(results: impl IntoIterator<Item = (&'a TestResult, usize)>) -> String {
    let mut folders: BTreeMap<String, Row> = BTreeMap::new();
    let mut total = Row::default();
    let mut by_status: BTreeMap<TestStatus, usize> = BTreeMap::new();
    let mut bad_ends = 0;
    for (result, unexpected) in results {
        folders
            .entry(group_of(&result.test))
            .or_default()
            .add(result, unexpected);
        total.add(result, unexpected);
        *by_status.entry(result.status).or_default() += 1;
        bad_ends += usize::from(result.bad_end.is_some());
    }

    let width = folders
        .keys()
        .map(|folder| folder.chars().count())
        .max()
        .unwrap_or(0)
        .max("folder".len());
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(
        text,
        "{:width$}  {:>11}  {:>15}  {:>10}",
        "folder", "tests OK", "subtests passed", "unexpected"
    );
    let rows = folders
        .iter()
        .map(|(folder, row)| (folder.as_str(), row))
        .chain([("total", &total)]);
    for (name, row) in rows {
        let _ = writeln!(
            text,
            "{name:width$}  {:>11}  {:>15}  {:>10}",
            format!("{}/{}", row.tests_ok, row.tests),
            format!("{}/{}", row.subtests_passed, row.subtests),
            row.unexpected
        );
    }
    for (status, count) in by_status {
        if status != TestStatus::Ok {
            let _ = writeln!(text, "{count} ended with {status}.");
        }
    }
    if bad_ends > 0 {
        let _ = writeln!(
            text,
            "{bad_ends} times the browser did not end well after the result."
        );
    }
    text
}

/// The group of a test: its folder, up to some depth.
pub fn group_of(test: &str) -> String {
    let folder: Vec<&str> = folder_of(test).split('/').take(DEPTH).collect();
    match folder.join("/") {
        none if none.is_empty() => "/".to_owned(),
        folder => folder,
    }
}

/// Tells how long the tests took.
pub fn took(elapsed: Duration) -> String {
    format!("It took {}.", readable(elapsed))
}

/// A word of a POSIX shell that stands for exactly this text.
pub fn shell_word(text: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "/._-=:,+@%".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expectations::Expectations;
    use crate::outcome::{SubtestStatus, fake::result};

    #[test]
    fn unexpected_things_are_told_with_the_command() {
        let mut result = result(
            "/cors/a.htm?x",
            TestStatus::Timeout,
            &[("one\u{1b}[2Jline\ntwo", SubtestStatus::Fail)],
        );
        result.message = Some("no result within 20 s".to_owned());
        assert_eq!(took(Duration::from_secs(61)), "It took 1 min 01 s.");
        result.output = vec!["console error: oh no".to_owned()];
        let told = Expectations::default().of(&result.test).compare(&result);
        assert_eq!(
            unexpected(&result, &told, "cargo xtask wpt '/cors/a.htm?x'"),
            "/cors/a.htm?x
  TIMEOUT [expected OK] the test as a whole
      no result within 20 s
  FAIL [expected PASS] one [2Jline two
      because
    | console error: oh no
  again: cargo xtask wpt '/cors/a.htm?x'
"
        );
    }

    #[test]
    fn long_lists_and_messages_are_cut() {
        let names: Vec<String> = (0..30).map(|number| format!("subtest {number}")).collect();
        let subtests: Vec<_> = names
            .iter()
            .map(|name| (name.as_str(), SubtestStatus::Fail))
            .collect();
        let result = result("/a", TestStatus::Ok, &subtests);
        let told = Expectations::default().of("/a").compare(&result);
        let text = unexpected(&result, &told, "again");
        assert!(text.contains("… and 10 more"), "{text}");
        assert_eq!(
            one_line(&"x".repeat(1000)).chars().count(),
            MESSAGE_CHARACTERS + 1
        );
    }

    #[test]
    fn the_table_adds_up() {
        let results = [
            result("/cors/a.htm", TestStatus::Ok, &[("x", SubtestStatus::Pass)]),
            result(
                "/cors/b.htm",
                TestStatus::Crash,
                &[("x", SubtestStatus::Fail)],
            ),
            result(
                "/fetch/api/cors/deep/c.htm",
                TestStatus::Ok,
                &[("x", SubtestStatus::Pass), ("y", SubtestStatus::NotRun)],
            ),
        ];
        let text = summary(results.iter().zip([0, 2, 1]));
        assert_eq!(
            text,
            "\
folder             tests OK  subtests passed  unexpected
cors                    1/2              1/2           2
fetch/api/cors          1/1              1/2           1
total                   2/3              2/4           3
1 ended with CRASH.
"
        );
    }

    #[test]
    fn words_of_the_shell() {
        for (text, expected) in [
            ("/cors/basic.htm", "/cors/basic.htm"),
            ("/a.html?x=1&y", "'/a.html?x=1&y'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), expected);
        }
    }
}
