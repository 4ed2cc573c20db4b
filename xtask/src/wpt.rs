//! `cargo xtask wpt`: web platform tests on the browser.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::build::Cargo;
use crate::requirements::Purpose;
use crate::setup;
use crate::workspace::Workspace;

/// The folder of our own tests, in the checkout.
const SUITE: &str = "wpt";

/// `cargo xtask wpt [ARGUMENTS...]`: hands its arguments to the runner. Without `--upstream` our own tests are
/// run.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    setup::ensure(Purpose::Test)?;
    let cargo = Cargo::new(workspace)?;
    cargo.build()?;
    play(workspace, &cargo, arguments)
}

/// Runs the tests on the browser that is built.
pub(crate) fn play(
    workspace: &Workspace,
    cargo: &Cargo<'_>,
    arguments: &[OsString],
) -> Result<ExitCode> {
    // The runner finds the browser beside itself.
    let mut command = cargo.program("wpt-runner");
    command.args(["--called-as", "cargo xtask wpt"]);
    let suite = workspace.root().join(SUITE);
    let is_upstream = has_option(arguments, "--upstream");
    if !has_option(arguments, "--expectations") {
        let name = if is_upstream {
            "upstream.json"
        } else {
            "own.json"
        };
        command
            .arg("--expectations")
            .arg(suite.join("expectations").join(name));
    }
    let names_tests = ["--suite", "--from"]
        .iter()
        .any(|option| has_option(arguments, option));
    if !is_upstream && !names_tests {
        command.arg("--suite").arg(&suite);
    }
    let status = command
        .args(arguments)
        .status()
        .context("the runner cannot be started")?;
    Ok(crate::run::exit_code(status))
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
