//! A whole run: which tests, how, and what came out.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Result, bail};

use crate::arguments::{Arguments, Command, Merge, Product};
use crate::browser;
use crate::driver::Driver;
use crate::interruption::Interruption;
use crate::manifest::TestCase;
use crate::progress::Progress;
use crate::record::Record;
use crate::report::json_lines;
use crate::report::text::shell_word;
use crate::schedule;
use crate::suite::Suite;

/// Does what the arguments ask for; whether everything was as expected.
///
/// # Errors
///
/// If the tests cannot be run, a signal ends the run, or a file cannot be read or written.
pub fn run(arguments: &Arguments, interruption: &Interruption) -> Result<bool> {
    match &arguments.command {
        Some(Command::Merge(arguments)) => merge(arguments),
        None => run_tests(arguments, interruption),
    }
}

/// Takes the results of earlier runs.
fn merge(arguments: &Merge) -> Result<bool> {
    let outputs = &arguments.outputs;
    let mut record = Record::begin(outputs, |test, browser| {
        let mut words = outputs.again(browser);
        words.push(shell_word(test));
        words.join(" ")
    })?;
    let mut results = Vec::new();
    for path in &arguments.files {
        results.extend(json_lines::read(path)?);
    }
    results.sort_by(|one, other| one.test.cmp(&other.test));
    for result in results {
        record.take(result)?;
    }
    record.end(SystemTime::now(), None)
}

fn run_tests(arguments: &Arguments, interruption: &Interruption) -> Result<bool> {
    let mut record = Record::begin(&arguments.outputs, |test, browser| {
        arguments.again(test, browser)
    })?;
    let suite = Suite::open(arguments)?;
    let manifest = suite.manifest(arguments, interruption)?;
    let selection = arguments.selection()?;
    let tests = selection.select(&manifest)?;
    if arguments.list {
        let product = arguments
            .products()
            .first()
            .map_or("", |product| product.name());
        for test in enabled(tests, product, arguments, &mut record)? {
            writeln!(stdout(), "{}", test.id)?;
        }
        return Ok(true);
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

    let products = arguments.products();
    let mut plan = Vec::new();
    for product in &products {
        let tests = enabled(tests.clone(), product.name(), arguments, &mut record)?;
        plan.push((*product, tests));
    }
    let tests_of_a_pass: usize = plan.iter().map(|(_, tests)| tests.len()).sum();
    if tests_of_a_pass == 0 {
        bail!("nothing is left to run");
    }

    let start = SystemTime::now();
    let scratch = tempfile::Builder::new().prefix("wpt-runner-").tempdir()?;
    let mut progress = Progress::begin();
    let each_pass = Passes {
        suite: &suite,
        arguments,
        interruption,
    };
    let (passes, mut pass) = match arguments.until_unexpected {
        true => (usize::MAX, 0),
        false => (arguments.repeat, 0),
    };
    record.numbers.total = tests_of_a_pass.saturating_mul(arguments.repeat);
    while pass < passes {
        pass += 1;
        record.numbers.pass = pass;
        if arguments.until_unexpected {
            record.numbers.total = tests_of_a_pass.saturating_mul(pass);
        }
        for (product, tests) in &plan {
            let folder = scratch.path().join(product.name());
            let outcome = each_pass.run(*product, tests, &folder, &mut record, &mut progress);
            // What is said of an error has a line of its own.
            progress.clear();
            outcome?;
        }
        if arguments.until_unexpected && record.numbers.unexpected > 0 {
            break;
        }
    }
    record.end(start, Some(progress.elapsed()))
}

/// What is the same for each pass through all tests.
struct Passes<'a> {
    suite: &'a Suite,
    arguments: &'a Arguments,
    interruption: &'a Interruption,
}

impl Passes<'_> {
    /// Runs all tests once in one browser.
    fn run(
        &self,
        product: Product,
        tests: &[TestCase],
        scratch: &Path,
        record: &mut Record<'_>,
        progress: &mut Progress,
    ) -> Result<()> {
        let Self {
            suite,
            arguments,
            interruption,
        } = self;
        std::fs::create_dir_all(scratch)?;
        let report_script = Driver::report_script(product, arguments, scratch)?;
        let served = suite.serve(arguments, scratch, report_script.as_deref(), interruption)?;
        let driver = Driver::new(product, arguments, &served, scratch, interruption)?;
        schedule::run_all(
            tests,
            arguments.processes,
            |test| {
                let deadline = browser::deadline(test.timeout, arguments.timeout_multiplier);
                let mut result = driver.run(&test.id, &served.url(test)?, deadline)?;
                for subtest in &mut result.subtests {
                    subtest.name = served.as_usual(&subtest.name);
                }
                Ok(result)
            },
            |result| {
                progress.clear();
                record.take(result)?;
                progress.show(record.numbers);
                served.check()
            },
        )
    }
}

/// Leaves out what is disabled, and says so.
fn enabled(
    mut tests: Vec<TestCase>,
    product: &str,
    arguments: &Arguments,
    record: &mut Record<'_>,
) -> Result<Vec<TestCase>> {
    let expectations = record.expectations_of(product)?;
    let mut disabled: BTreeMap<String, usize> = BTreeMap::new();
    tests.retain(|test| match expectations.of(&test.id).disabled {
        // What is asked for by its own name is run.
        Some(reason) if !arguments.include.contains(&test.id) => {
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
