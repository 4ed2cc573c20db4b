//! `cargo xtask wpt`: web platform tests on the browser.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::build::Cargo;
use crate::requirements::Purpose;
use crate::setup;
use crate::workspace::Workspace;

/// What upstream's tests are expected to come to, in the checkout.
const EXPECTATIONS: &str = "wpt/expectations/upstream.json";

/// `cargo xtask wpt [ARGUMENTS...]`: hands its arguments to the runner, and the browser and the expectations with them.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    setup::ensure(Purpose::Test)?;
    let cargo = Cargo::new(workspace)?;
    cargo.build()?;
    let mut command = cargo.program("wpt-runner");
    command.args(["--called-as", "cargo xtask wpt"]);
    if !has_option(arguments, "--expectations") {
        command
            .arg("--expectations")
            .arg(workspace.root().join(EXPECTATIONS));
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
