//! A whole run: which tests, how, and what came out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::arguments::Arguments;
use crate::browser::{self, Launcher};
use crate::expectations::Expectations;
use crate::manifest::TestCase;
use crate::outcome::TestResult;
use crate::progress::{Numbers, Progress};
use crate::report::{json_lines, text, wptreport};
use crate::report_script;
use crate::schedule;
use crate::suite::Suite;

/// Does what the arguments ask for; whether everything was as expected.
///
/// # Errors
///
/// If the tests cannot be run, or a file cannot be read or written.
pub fn run(arguments: &Arguments) -> Result<bool> {
    let mut expectations = match &arguments.expectations {
        Some(path) if path.exists() || !arguments.rebaseline => Expectations::load(path)?,
        _ => Expectations::default(),
    };
    let mut run = Run {
        arguments,
        expectations: &expectations,
        raw: match &arguments.results {
            Some(path) => Some(json_lines::Writer::create(path)?),
            None => None,
        },
        numbers: Numbers::default(),
    };
    let start = SystemTime::now();
    let (results, elapsed) = if arguments.from.is_empty() {
        match run.on_suite()? {
            Some((results, elapsed)) => (results, Some(elapsed)),
            None => return Ok(true),
        }
    } else {
        (run.read_files()?, None)
    };

    let with_unexpected = results
        .iter()
        .map(|result| (result, expectations.of(&result.test).compare(result).len()));
    let is_as_expected = with_unexpected
        .clone()
        .all(|(_, unexpected)| unexpected == 0);
    write!(stdout(), "{}", text::summary(with_unexpected, elapsed))?;

    if arguments.rebaseline
        && let Some(path) = &arguments.expectations
    {
        expectations.rebaseline(&results);
        expectations.save(path)?;
        writeln!(stdout(), "Rebaselined {}.", path.display())?;
    }
    if let Some(path) = &arguments.wptreport {
        let report =
            wptreport::Report::new(&results, &expectations, start, elapsed.unwrap_or_default());
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let mut file = BufWriter::new(file);
        serde_json::to_writer(&mut file, &report)?;
        file.flush()
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(is_as_expected || arguments.rebaseline)
}

struct Run<'a> {
    arguments: &'a Arguments,
    expectations: &'a Expectations,
    raw: Option<json_lines::Writer>,
    numbers: Numbers,
}

impl Run<'_> {
    /// Runs the tests of a suite; nothing if they were only to be listed.
    fn on_suite(&mut self) -> Result<Option<(Vec<TestResult>, Duration)>> {
        let arguments = self.arguments;
        let suite = Suite::open(arguments)?;
        let manifest = suite.manifest(arguments)?;
        let selection = arguments.selection()?;
        let tests = self.enabled(selection.select(&manifest)?)?;
        if arguments.list {
            for test in &tests {
                writeln!(stdout(), "{}", test.id)?;
            }
            return Ok(None);
        }
        if tests.is_empty() {
            bail!("nothing is left to run");
        }
        let others = manifest
            .others
            .iter()
            .filter(|source| selection.would_include(source))
            .count();
        if others > 0 {
            writeln!(
                stdout(),
                "Not run, as they are not made with testharness.js: {others} files."
            )?;
        }

        let scratch = tempfile::Builder::new().prefix("wpt-runner-").tempdir()?;
        let scripts = report_script::write(scratch.path(), arguments.timeout_multiplier)?;
        let served = suite.serve(arguments, scratch.path())?;
        let launcher = Launcher {
            program: match &arguments.browser {
                Some(path) => path.clone(),
                None => browser::built_browser()?,
            },
            arguments: [
                OsString::from("--headless"),
                "--hard-fail".into(),
                "--temporary-profile".into(),
                "--userscripts".into(),
                scripts.into(),
            ]
            .into_iter()
            .chain(served.browser_arguments())
            .chain(arguments.browser_arg.iter().cloned())
            .collect(),
            environment: vec![("HOST_FILE".into(), served.hosts().into())],
        };

        let mut progress = Progress::begin();
        let mut results = Vec::new();
        let mut pass = 0;
        while arguments.until_unexpected || pass < arguments.repeat {
            pass += 1;
            self.numbers.total += tests.len();
            results.extend(schedule::run_all(
                &tests,
                arguments.processes,
                |test| {
                    let deadline = browser::deadline(test.timeout, arguments.timeout_multiplier);
                    let mut result = launcher.run(&test.id, &served.url(test)?, deadline)?;
                    for subtest in &mut result.subtests {
                        subtest.name = served.as_usual(&subtest.name);
                    }
                    Ok(result)
                },
                |result| {
                    progress.clear();
                    self.take(result)?;
                    progress.show(self.numbers);
                    served.check()
                },
            )?);
            if arguments.until_unexpected && self.numbers.unexpected > 0 {
                break;
            }
        }
        progress.clear();
        Ok(Some((results, progress.elapsed())))
    }

    /// Takes the results of earlier runs.
    fn read_files(&mut self) -> Result<Vec<TestResult>> {
        let mut results = Vec::new();
        for path in &self.arguments.from {
            results.extend(json_lines::read(path)?);
        }
        results.sort_by(|one, other| one.test.cmp(&other.test));
        for result in &results {
            self.take(result)?;
        }
        Ok(results)
    }

    /// Leaves out what is disabled, and says so.
    fn enabled(&self, mut tests: Vec<TestCase>) -> Result<Vec<TestCase>> {
        let mut disabled: BTreeMap<String, usize> = BTreeMap::new();
        tests.retain(|test| match self.expectations.of(&test.id).disabled {
            // What is asked for by its own name is run.
            Some(reason) if !self.arguments.include.contains(&test.id) => {
                *disabled.entry(reason).or_default() += 1;
                false
            },
            _ => true,
        });
        for (reason, count) in disabled {
            writeln!(stdout(), "Disabled: {count} tests: {reason}.")?;
        }
        Ok(tests)
    }

    /// Counts and stores a result, and tells what is unexpected.
    fn take(&mut self, result: &TestResult) -> Result<()> {
        if let Some(raw) = &mut self.raw {
            raw.add(result)?;
        }
        let unexpected = self.expectations.of(&result.test).compare(result);
        self.numbers.done += 1;
        if !unexpected.is_empty() {
            self.numbers.unexpected += 1;
            // What is about to be expected is no news.
            if !self.arguments.rebaseline {
                let again = self.arguments.again(&result.test);
                write!(
                    stdout(),
                    "{}",
                    text::unexpected(result, &unexpected, &again)
                )?;
            }
        }
        Ok(())
    }
}
