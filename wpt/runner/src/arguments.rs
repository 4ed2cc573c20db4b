//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use url::Url;

use crate::outcome::{Browser, LATCHKEY, SERVO};
use crate::report::text::shell_word;
use crate::selection::{Chunk, Extra, Selection, SelectionError};

/// Runs web platform tests on the browser and compares what came out with what is expected.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "wpt-runner",
    version,
    after_help = "Exit status: 0 if everything was as expected, 1 if not, 2 if the tests could not be run, 128 \
                  and its number if a signal ended the run.",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Arguments {
    /// What is done instead of running tests.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Folders, files or tests to run, such as cors/ or /cors/basic.htm; without any, all
    #[arg(value_name = "TESTS")]
    pub include: Vec<String>,

    /// An unpacked tree of web-platform-tests, whose tests are run on its own server
    #[arg(long, value_name = "DIR", required_unless_present = "suite")]
    pub upstream: Option<PathBuf>,

    /// The folder of our own tests, with the folders tests and harness
    #[arg(long, value_name = "DIR", conflicts_with = "upstream")]
    pub suite: Option<PathBuf>,

    /// Whoever started this program names the suite by itself, so that the commands it prints need not
    #[arg(long, hide = true, requires = "suite")]
    pub suite_is_implied: bool,

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

    /// The browser to run the tests in (repeatable, for results side by side)
    #[arg(long, value_name = "NAME", value_enum, default_values = ["latchkey"])]
    pub product: Vec<Product>,

    /// Run the tests in Latchkey and in Chromium, and write one page with both: short for --product latchkey
    /// --product chromium
    #[arg(long, conflicts_with = "product", requires = "html")]
    pub side_by_side: bool,

    /// Latchkey; without this the one beside this program
    #[arg(long, value_name = "PATH")]
    pub browser: Option<PathBuf>,

    /// The program of --product servo: wpt-reference, built with the network crate to compare with
    #[arg(long, value_name = "PATH", required_if_eq("product", "servo"))]
    pub servo: Option<PathBuf>,

    /// Chromium; without this the one that chromedriver finds
    #[arg(long, value_name = "PATH")]
    pub chromium: Option<PathBuf>,

    /// The WebDriver server that is started for browsers other than Latchkey
    #[arg(long, value_name = "PATH", default_value = CHROMEDRIVER)]
    pub webdriver_binary: PathBuf,

    /// The address of a WebDriver server that runs already, instead of starting one
    #[arg(long, value_name = "URL", conflicts_with = "webdriver_binary")]
    pub webdriver: Option<Url>,

    /// What is asked of --product other, as a JSON object of WebDriver capabilities
    #[arg(long, value_name = "FILE")]
    pub capabilities: Option<PathBuf>,

    /// An argument more for the browsers (repeatable)
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

    /// Where the results go.
    #[command(flatten)]
    pub outputs: Outputs,
}

/// What is done instead of running tests.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Put the raw results of several runs together, such as those of chunks, and of several browsers
    Merge(Merge),
}

/// `merge`.
#[derive(Args, Clone, Debug)]
pub struct Merge {
    /// Files written by --results
    #[arg(value_name = "RESULTS", required = true)]
    pub files: Vec<PathBuf>,

    /// Where the results go.
    #[command(flatten)]
    pub outputs: Outputs,
}

/// What is expected, and where the results go.
#[derive(Args, Clone, Debug)]
pub struct Outputs {
    /// What is expected not to pass; without this nothing is. For another browser than Latchkey this is the file that has
    /// the browser's name before its extension, if it is there
    #[arg(long, value_name = "FILE")]
    pub expectations: Option<PathBuf>,

    /// Take what comes out for what is expected, and write it to the file of --expectations
    #[arg(long, requires = "expectations")]
    pub rebaseline: bool,

    /// Write the raw results to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,

    /// Write the results to this file in WPT's own format; with several browsers to one for each, with the browser's name
    /// before the extension
    #[arg(long, value_name = "FILE")]
    pub wptreport: Option<PathBuf>,

    /// Write the results to this file as one page to look at
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

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

/// The WebDriver server of Chromium.
const CHROMEDRIVER: &str = "chromedriver";

/// A browser that tests can be run in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum Product {
    /// The browser of this project
    Latchkey,
    /// Servo as it is published, around which wpt-reference is the least that runs tests
    Servo,
    /// Chromium, by chromedriver
    Chromium,
    /// Any browser with a WebDriver server; the tests' hosts have to be in /etc/hosts
    Other,
}

impl Product {
    /// The value of `--product` that asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latchkey => LATCHKEY,
            Self::Servo => SERVO,
            Self::Chromium => "chromium",
            Self::Other => "other",
        }
    }

    /// The product whose results go by this name.
    pub fn of_browser(name: &str) -> Self {
        match name {
            LATCHKEY => Self::Latchkey,
            SERVO => Self::Servo,
            "chromium" => Self::Chromium,
            _ => Self::Other,
        }
    }
}

impl Arguments {
    /// The browsers, in the order in which they are run.
    pub fn products(&self) -> Vec<Product> {
        if self.side_by_side {
            return vec![Product::Latchkey, Product::Chromium];
        }
        let mut products = Vec::new();
        for product in &self.product {
            if !products.contains(product) {
                products.push(*product);
            }
        }
        products
    }

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

    /// The command that runs one of the tests as it was run in this browser.
    pub fn again(&self, test: &str, browser: &Browser) -> String {
        let mut words = self.outputs.again(browser);
        let webdriver = (self.webdriver_binary.as_os_str() != CHROMEDRIVER)
            .then(|| self.webdriver_binary.clone());
        let paths = [
            ("--upstream", &self.upstream),
            (
                "--suite",
                if self.suite_is_implied {
                    &None
                } else {
                    &self.suite
                },
            ),
            ("--manifest", &self.manifest),
            ("--browser", &self.browser),
            ("--servo", &self.servo),
            ("--chromium", &self.chromium),
            ("--webdriver-binary", &webdriver),
            ("--capabilities", &self.capabilities),
        ];
        for (option, path) in paths {
            if let Some(path) = path {
                words.push(option.to_owned());
                words.push(shell_word(&path.to_string_lossy()));
            }
        }
        if let Some(url) = &self.webdriver {
            words.push(format!("--webdriver {}", shell_word(url.as_str())));
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

impl Outputs {
    /// How a command begins that runs a test in this browser.
    pub fn again(&self, browser: &Browser) -> Vec<String> {
        let mut words = vec![self.called_as.clone()];
        let product = Product::of_browser(&browser.product);
        if product != Product::Latchkey {
            words.push(format!("--product {}", product.name()));
        }
        words
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
            "merge a.jsonl b.jsonl --wptreport w.json --html page.html",
            "merge --expectations e.json --rebaseline a.jsonl",
            "--suite wpt --free-ports user-enabled-cors/",
            "--suite wpt merge/",
            "--suite wpt merge",
            "--suite wpt --side-by-side --html page.html",
            "--upstream wpt --product latchkey --product servo --servo target/wpt-reference cors/",
            "--suite wpt --product latchkey --product other --webdriver http://127.0.0.1:4444 --capabilities c.json",
        ] {
            let arguments = parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            arguments.selection().expect("a selection");
            assert_eq!(
                arguments.command.is_some(),
                line.starts_with("merge"),
                "{line}"
            );
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
            "merge",
            "--suite wpt --side-by-side",
            "--suite wpt --side-by-side --html p.html --product latchkey",
            "--suite wpt --product netscape",
            "--upstream wpt --product servo cors/",
            "--suite wpt --webdriver nowhere",
            "--suite wpt --webdriver http://a --webdriver-binary b",
            "--upstream wpt --suite wpt",
            "--suite wpt --served",
            "--manifest m.json merge a.jsonl",
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
            arguments.again("/cors/a.html?x&y", &Browser::latchkey("1")),
            "cargo --upstream /a/wpt --browser-arg=--x=y --with h2 --timeout-multiplier 2 '/cors/a.html?x&y'"
        );
        let chromium = Browser {
            product: "chromium".to_owned(),
            version: "1".to_owned(),
        };
        let arguments = parse("--suite wpt --side-by-side --html p.html").expect("arguments");
        assert_eq!(
            arguments.again("/a", &chromium),
            "wpt-runner --product chromium --suite wpt /a"
        );
        let arguments = parse("--suite /a/wpt --suite-is-implied --free-ports").expect("arguments");
        assert_eq!(
            arguments.again("/a", &Browser::latchkey("1")),
            "wpt-runner --free-ports /a"
        );
    }

    #[test]
    fn each_browser_is_run_once() {
        let products = |line| parse(line).expect("arguments").products();
        assert_eq!(products("--suite wpt"), [Product::Latchkey]);
        assert_eq!(
            products("--suite wpt --product chromium --product latchkey --product chromium"),
            [Product::Chromium, Product::Latchkey]
        );
        assert_eq!(
            products("--suite wpt --side-by-side --html p.html"),
            [Product::Latchkey, Product::Chromium]
        );
    }
}
