//! `wpt-runner`: runs web platform tests on the browser.

use std::process::ExitCode;

use clap::Parser;
use wpt_runner::arguments::Arguments;
use wpt_runner::interruption::Interruption;
use wpt_runner::run::run;

/// The exit status when the tests could not be run; that of a command line that cannot be understood is the same.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let interruption = match Interruption::watch() {
        Ok(interruption) => interruption,
        Err(error) => return could_not_run(&error),
    };
    match run(&arguments, &interruption) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => match interruption.check() {
            Ok(()) => could_not_run(&error),
            // Whatever went wrong then, went wrong because of that.
            Err(interrupted) => {
                eprintln!("{interrupted}");
                ExitCode::from(interrupted.exit_status())
            },
        },
    }
}

fn could_not_run(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::from(COULD_NOT_RUN)
}
