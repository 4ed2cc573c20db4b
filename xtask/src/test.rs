//! `cargo xtask test`: everything that has to hold before a change lands.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::build::Cargo;
use crate::demo;
use crate::requirements::Purpose;
use crate::setup;
use crate::workspace::Workspace;
use crate::wpt;

/// `cargo xtask test`: the cheap checks first, the lints after the tests, as they look at all of Servo again.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    if !arguments.is_empty() {
        return Ok(crate::usage_error("test takes no arguments"));
    }
    setup::ensure(Purpose::Test)?;
    let cargo = Cargo::new(workspace)?;
    cargo.run("fmt", &["fmt", "--all", "--check"])?;
    // The end-to-end tests start the browser, so it is there before them.
    cargo.build()?;
    cargo.run("test", &["test", "--workspace", "--no-fail-fast"])?;

    println!("\nThe demo's scenes:");
    let scenes = demo::play(workspace, &cargo, &["--check".into()])?;
    if scenes != ExitCode::SUCCESS {
        return Ok(scenes);
    }

    println!("\nThe conformance tests:");
    let conformance = wpt::play(workspace, &cargo, &["--free-ports".into()])?;
    if conformance != ExitCode::SUCCESS {
        return Ok(conformance);
    }

    println!(
        "\nLints. The first time this looks at all of Servo again: about 10 minutes on two cores."
    );
    cargo.run(
        "clippy",
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ],
    )?;
    println!("\nAll checks passed.");
    Ok(ExitCode::SUCCESS)
}
