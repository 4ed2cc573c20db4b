//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

use crate::report::text::shell_word;
use crate::selection::{Chunk, Extra, Selection, SelectionError};

/// Runs web platform tests on the browser and compares what came out with what is expected.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "wpt-runner",
    version,
    after_help = "Exit status: 0 if everything was as expected, 1 if not, 2 if the tests could not be run."
)]
pub struct Arguments {
    /// Folders, files or tests to run, such as cors/ or /cors/basic.htm; without any, all
    #[arg(value_name = "TESTS")]
    pub include: Vec<String>,

    /// An unpacked tree of web-platform-tests, whose tests are run on its own server
    #[arg(long, value_name = "DIR", required_unless_present_any = ["suite", "from"])]
    pub upstream: Option<PathBuf>,

    /// The folder of our own tests, with the folders tests and harness
    #[arg(long, value_name = "DIR", conflicts_with = "upstream")]
    pub suite: Option<PathBuf>,

    /// The tree's manifest; without this DIR/MANIFEST.json, which is made if it is missing
    #[arg(
        long,
        value_name = "FILE",
        requires = "upstream",
        conflicts_with = "suite"
    )]
    pub manifest: Option<PathBuf>,

    /// Use the tree's server that runs already, instead of starting it
    #[arg(long, requires = "upstream", conflicts_with = "suite")]
    pub served: bool,

    /// Let the tests' server take any free ports, so that several runs can go on at a time
    #[arg(long, conflicts_with = "served")]
    pub free_ports: bool,

    /// The browser; without this the one beside this program
    #[arg(long, value_name = "PATH")]
    pub browser: Option<PathBuf>,

    /// An argument more for the browser (repeatable)
    #[arg(long, value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub browser_arg: Vec<OsString>,

    /// How many browsers run at a time
    #[arg(short = 'j', long, value_name = "N", default_value_t = 2)]
    pub processes: usize,

    /// How much longer than usual a test may take, for slow machines
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = parse_multiplier)]
    pub timeout_multiplier: f64,

    /// Leave these folders, files or tests out (repeatable)
    #[arg(long, value_name = "TESTS")]
    pub exclude: Vec<String>,

    /// Only tests whose name contains this text (repeatable: any of them)
    #[arg(long, value_name = "TEXT")]
    pub filter: Vec<String>,

    /// Run these kinds too (repeatable)
    #[arg(long, value_name = "KIND", value_enum)]
    pub with: Vec<Extra>,

    /// Which part of the tests to run, counted from 1
    #[arg(long, value_name = "K", requires = "total_chunks")]
    pub this_chunk: Option<usize>,

    /// Into how many parts the tests are dealt out
    #[arg(long, value_name = "N", requires = "this_chunk")]
    pub total_chunks: Option<usize>,

    /// Run everything this many times
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repeat: usize,

    /// Run everything again and again until something is unexpected
    #[arg(long, conflicts_with = "repeat")]
    pub until_unexpected: bool,

    /// Only print the tests that would be run
    #[arg(long)]
    pub list: bool,

    /// Do not run anything, but take the raw results in this file (repeatable, to put chunks together)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["upstream", "suite", "manifest", "include"])]
    pub from: Vec<PathBuf>,

    /// What is expected not to pass; without this nothing is
    #[arg(long, value_name = "FILE")]
    pub expectations: Option<PathBuf>,

    /// Take what comes out for what is expected, and write it to the file of --expectations
    #[arg(long, requires = "expectations")]
    pub rebaseline: bool,

    /// Write the raw results to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,

    /// Write the results to this file in WPT's own format
    #[arg(long, value_name = "FILE")]
    pub wptreport: Option<PathBuf>,

    /// How this program was started, for the commands it prints
    #[arg(
        long,
        value_name = "COMMAND",
        default_value = "wpt-runner",
        hide = true
    )]
    pub called_as: String,
}

fn parse_multiplier(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(multiplier) if (0.1..=100.0).contains(&multiplier) => Ok(multiplier),
        _ => Err("a number from 0.1 to 100 is needed".to_owned()),
    }
}

impl Arguments {
    /// Which tests are asked for.
    ///
    /// # Errors
    ///
    /// If there is no such chunk.
    pub fn selection(&self) -> Result<Selection, SelectionError> {
        let chunk = match (self.this_chunk, self.total_chunks) {
            (Some(this), Some(total)) => Some(Chunk::new(this, total)?),
            _ => None,
        };
        Ok(Selection {
            include: self.include.clone(),
            exclude: self.exclude.clone(),
            filters: self.filter.clone(),
            extras: self.with.clone(),
            chunk,
        })
    }

    /// The command that runs one of the tests as it was run.
    pub fn again(&self, test: &str) -> String {
        let mut words = vec![self.called_as.clone()];
        let paths = [
            ("--upstream", &self.upstream),
            ("--suite", &self.suite),
            ("--manifest", &self.manifest),
            ("--browser", &self.browser),
        ];
        for (option, path) in paths {
            if let Some(path) = path {
                words.push(option.to_owned());
                words.push(shell_word(&path.to_string_lossy()));
            }
        }
        for (option, is_set) in [("--served", self.served), ("--free-ports", self.free_ports)] {
            words.extend(is_set.then(|| option.to_owned()));
        }
        for argument in &self.browser_arg {
            words.push(shell_word(&format!(
                "--browser-arg={}",
                argument.to_string_lossy()
            )));
        }
        for extra in &self.with {
            words.push(format!("--with {}", extra.name()));
        }
        if self.timeout_multiplier != 1.0 {
            words.push(format!("--timeout-multiplier {}", self.timeout_multiplier));
        }
        words.push(shell_word(test));
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(["wpt-runner"].into_iter().chain(line.split_whitespace()))
    }

    #[test]
    fn the_grammar_holds_together() {
        <Arguments as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn command_lines() {
        for line in [
            "--upstream wpt",
            "--upstream wpt cors/ fetch/api/cors/ --exclude cors/304.htm",
            "--upstream wpt --this-chunk 1 --total-chunks 4 --results r.jsonl",
            "--upstream wpt --with sharedworker --with h2 -j 4 --timeout-multiplier 2.5",
            "--upstream wpt --browser-arg --pref --browser-arg a=b",
            "--upstream wpt --rebaseline --expectations e.json --repeat 3",
            "--from a.jsonl --from b.jsonl --wptreport w.json",
            "--suite wpt --free-ports user-enabled-cors/",
        ] {
            let arguments = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            arguments.selection().expect("a selection");
        }
    }

    #[test]
    fn command_lines_that_make_no_sense() {
        for line in [
            "",
            "cors/",
            "--upstream wpt --this-chunk 1",
            "--upstream wpt --rebaseline",
            "--upstream wpt --with everything",
            "--upstream wpt --timeout-multiplier 0",
            "--upstream wpt --timeout-multiplier NaN",
            "--upstream wpt --from a.jsonl",
            "--upstream wpt --suite wpt",
            "--suite wpt --served",
            "--manifest m.json --from a.jsonl",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        let arguments = parse("--upstream wpt --this-chunk 5 --total-chunks 4").expect("numbers");
        assert!(arguments.selection().is_err());
    }

    #[test]
    fn the_command_to_run_a_test_again() {
        let arguments = parse(
            "--upstream /a/wpt --with h2 --timeout-multiplier 2 cors/ --called-as cargo --browser-arg=--x=y",
        )
        .expect("arguments");
        assert_eq!(
            arguments.again("/cors/a.html?x&y"),
            "cargo --upstream /a/wpt --browser-arg=--x=y --with h2 --timeout-multiplier 2 '/cors/a.html?x&y'"
        );
    }
}
