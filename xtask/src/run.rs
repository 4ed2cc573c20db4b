//! `cargo xtask run`: the browser, built and started.

use std::ffi::OsString;
use std::process::{ExitCode, ExitStatus};

use anyhow::{Context, Result};

use crate::build::Cargo;
use crate::requirements::Purpose;
use crate::setup;
use crate::workspace::Workspace;

/// `cargo xtask run [BROWSER ARGUMENTS...]`.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    setup::ensure(Purpose::Browse)?;
    let cargo = Cargo::new(workspace)?;
    cargo.build()?;
    let status = cargo
        .program("latchkey")
        .args(arguments)
        .status()
        .context("the browser cannot be started")?;
    Ok(exit_code(status))
}

/// The exit status to end with when a program that was started ended with its own.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    match status.code() {
        Some(code) => u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from),
        // Ended by a signal.
        None => ExitCode::FAILURE,
    }
}
