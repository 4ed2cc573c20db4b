//! `cargo xtask wpt`: web platform tests on the browser.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::build::Cargo;
use crate::requirements::Purpose;
use crate::setup;
use crate::workspace::Workspace;

/// The folder of our own tests, in the checkout.
const SUITE: &str = "wpt";

/// The subcommand of the runner that runs nothing.
const MERGE: &str = "merge";

/// The page of `--side-by-side`, beside the programs, if no other is named.
const SIDE_BY_SIDE: &str = "wpt-side-by-side.html";

/// `cargo xtask wpt [ARGUMENTS...]`: hands its arguments to the runner. Without `--upstream` our own tests are
/// run.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    setup::ensure(Purpose::Test)?;
    let cargo = Cargo::new(workspace)?;
    if !needs_browser(arguments) {
        cargo.run("build", &["build", "--package", "wpt-runner"])?;
        return become_runner(workspace, &cargo, arguments);
    }
    cargo.build()?;
    let mut arguments = arguments.to_vec();
    if needs_reference(&arguments) {
        arguments.extend(["--servo".into(), cargo.build_reference()?.into()]);
    }
    become_runner(workspace, &cargo, &arguments)
}

/// Starts the runner in the place of this program, so that a signal that is to end the run reaches it, which knows what it has
/// started.
fn become_runner(
    workspace: &Workspace,
    cargo: &Cargo<'_>,
    arguments: &[OsString],
) -> Result<ExitCode> {
    let error = runner(workspace, cargo, arguments).exec();
    Err(error).context("the runner cannot be started")
}

/// Runs the tests on the browser that is built.
pub(crate) fn play(
    workspace: &Workspace,
    cargo: &Cargo<'_>,
    arguments: &[OsString],
) -> Result<ExitCode> {
    let status = runner(workspace, cargo, arguments)
        .status()
        .context("the runner cannot be started")?;
    Ok(crate::run::exit_code(status))
}

fn runner(workspace: &Workspace, cargo: &Cargo<'_>, arguments: &[OsString]) -> Command {
    let suite = workspace.root().join(SUITE);
    let page = workspace.program("wpt").with_file_name(SIDE_BY_SIDE);
    // The runner finds the browser beside itself.
    let mut runner = cargo.program("wpt-runner");
    runner.args(completed(arguments, &suite, &page));
    runner
}

/// The runner's arguments, with those that follow from the others or from the checkout.
fn completed(arguments: &[OsString], suite: &Path, page: &Path) -> Vec<OsString> {
    let mut completed: Vec<OsString> = Vec::new();
    let (subcommand, rest) = match arguments.split_first() {
        Some((first, rest)) if first == MERGE => (Some(first), rest),
        _ => (None, arguments),
    };
    completed.extend(subcommand.cloned());
    completed.extend(["--called-as".into(), "cargo xtask wpt".into()]);
    let is_upstream = has_option(rest, "--upstream");
    if !has_option(rest, "--expectations") {
        let name = if is_upstream {
            "upstream.json"
        } else {
            "own.json"
        };
        completed.extend([
            "--expectations".into(),
            suite.join("expectations").join(name).into(),
        ]);
    }
    if subcommand.is_none() && !is_upstream && !has_option(rest, "--suite") {
        completed.extend(["--suite".into(), suite.into(), "--suite-is-implied".into()]);
    }
    if has_option(rest, "--side-by-side") && !has_option(rest, "--html") {
        completed.extend(["--html".into(), page.into()]);
    }
    completed.extend(rest.iter().cloned());
    completed
}

/// Whether anything is to be run: the runner alone is built in a minute, and the browser in half an hour.
fn needs_browser(arguments: &[OsString]) -> bool {
    let is_merge = arguments.first().is_some_and(|first| first == MERGE);
    let asks_for_words = |word: &OsString| word == "--help" || word == "-h" || word == "--version";
    !is_merge && !arguments.iter().any(asks_for_words)
}

/// Whether tests are to be run in Servo as it is published, and the program for that is not named.
fn needs_reference(arguments: &[OsString]) -> bool {
    let is_asked_for = arguments.iter().any(|word| word == "--product=servo")
        || arguments
            .windows(2)
            .any(|words| words[0] == "--product" && words[1] == "servo");
    is_asked_for && !has_option(arguments, "--servo")
}

/// Whether an option is there, with its value in the same word or the next.
fn has_option(arguments: &[OsString], name: &str) -> bool {
    arguments.iter().any(|argument| {
        argument
            .to_str()
            .and_then(|argument| argument.strip_prefix(name))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_that_follow_are_added() {
        for (line, expected) in [
            (
                &["cors/"][..],
                "--called-as cargo xtask wpt --expectations /c/wpt/expectations/own.json --suite /c/wpt --suite-is-implied cors/",
            ),
            (
                &["--upstream", "tree"],
                "--called-as cargo xtask wpt --expectations /c/wpt/expectations/upstream.json --upstream tree",
            ),
            (
                &["--side-by-side", "--expectations=e"],
                "--called-as cargo xtask wpt --suite /c/wpt --suite-is-implied --html /p.html --side-by-side --expectations=e",
            ),
            (
                &["merge", "a", "b"],
                "merge --called-as cargo xtask wpt --expectations /c/wpt/expectations/own.json a b",
            ),
        ] {
            let arguments: Vec<OsString> = line.iter().map(OsString::from).collect();
            let completed = completed(&arguments, Path::new("/c/wpt"), Path::new("/p.html"));
            assert_eq!(completed.join(" ".as_ref()), expected, "{line:?}");
        }
    }

    #[test]
    fn the_browser_is_built_if_tests_are_run() {
        for (line, expected) in [
            (&[][..], true),
            (&["cors/", "--list"], true),
            (&["--upstream", "merge"], true),
            (&["merge", "a.jsonl"], false),
            (&["--help"], false),
            (&["cors/", "-h"], false),
        ] {
            let arguments: Vec<OsString> = line.iter().map(OsString::from).collect();
            assert_eq!(needs_browser(&arguments), expected, "{line:?}");
        }
    }

    #[test]
    fn the_reference_is_built_if_it_is_asked_for() {
        for (line, expected) in [
            (&["--product", "latchkey", "--product", "servo"][..], true),
            (&["--product=servo", "cors/"], true),
            (&["--product", "servo", "--servo", "program"], false),
            (&["--product", "chromium", "servo"], false),
            (&["servo/"], false),
            (&[], false),
        ] {
            let arguments: Vec<OsString> = line.iter().map(OsString::from).collect();
            assert_eq!(needs_reference(&arguments), expected, "{line:?}");
        }
    }

    #[test]
    fn options_are_found_in_either_form() {
        for (line, expected) in [
            (&["--expectations", "a.json"][..], true),
            (&["cors/", "--expectations=a.json"], true),
            (&["--expectations-of-others"], false),
            (&["expectations"], false),
            (&[], false),
        ] {
            let arguments: Vec<OsString> = line.iter().map(OsString::from).collect();
            assert_eq!(
                has_option(&arguments, "--expectations"),
                expected,
                "{line:?}"
            );
        }
    }
}
