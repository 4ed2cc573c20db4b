//! `wpt-runner`: runs web platform tests on the browser.

use std::process::ExitCode;

use clap::Parser;
use wpt_runner::arguments::Arguments;
use wpt_runner::run::run;

/// The exit status when the tests could not be run; that of a command line that cannot be understood is the same.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(COULD_NOT_RUN)
        },
    }
}
