//! Latchkey's shell: the window, the headless run and the permission bar around Servo.
//!
//! [`browser`] is the model, which knows no window. [`window`] shows it to a person and [`headless`] to a program. [`ui`]
//! only draws, and queues commands for the model; [`test_driver`] takes commands from pages, in tests. The fetch stack that Servo runs on is the crate `net`; what it asks the
//! person comes through `net::embedding`.

pub mod address;
pub mod browser;
pub mod cli;
pub mod egress_view;
pub mod event;
pub mod headless;
pub mod network_log;
pub mod own_settings;
pub mod permission_settings;
pub mod policy;
pub mod preferences;
pub mod profile;
pub mod quit;
pub mod startup;
pub mod test_driver;
pub mod ui;
pub mod window;

use std::process::ExitCode;

// Servo's allocator is the program's: it is set by the crate being linked.
use servo_allocator as _;

use crate::cli::{Arguments, UsageError};
use crate::startup::Startup;

/// Runs the browser with the process's command line.
pub fn main() -> ExitCode {
    env_logger::Builder::from_env(
        env_logger::Env::default().default_filter_or("error,rustls_platform_verifier=off"),
    )
    .init();
    match Arguments::parse_from(std::env::args_os())
        .map_err(anyhow::Error::from)
        .and_then(run)
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<UsageError>() {
            Some(usage) => ExitCode::from(usage.report()),
            None => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            },
        },
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.print_policy {
        return startup::print_policy(&arguments);
    }
    let headless = arguments.headless;
    let shown_to = arguments.show_egress.clone();
    let startup = Startup::prepare(arguments)?;
    if let Some(url) = shown_to {
        egress_view::run(startup, &url)
    } else if headless {
        headless::run(startup)
    } else {
        window::run(startup)
    }
}
