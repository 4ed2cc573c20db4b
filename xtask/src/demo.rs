//! `cargo xtask demo`: the browser on the demo's own servers, or the scenes checked without a window.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::build::Cargo;
use crate::requirements::Purpose;
use crate::setup;
use crate::workspace::Workspace;

/// `cargo xtask demo [--check | --headless] [...]`: what it does not know it hands to the demo's program.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    setup::ensure(Purpose::Browse)?;
    let cargo = Cargo::new(workspace)?;
    cargo.build()?;
    play(workspace, &cargo, arguments)
}

/// Starts the demo's program on the browser that is built.
pub(crate) fn play(
    workspace: &Workspace,
    cargo: &Cargo<'_>,
    arguments: &[OsString],
) -> Result<ExitCode> {
    let mut command = cargo.program("latchkey-demo");
    command
        .arg("--browser")
        .arg(workspace.program("latchkey"))
        .args(arguments);
    let status = command.status().context("the demo cannot be started")?;
    Ok(crate::run::exit_code(status))
}
