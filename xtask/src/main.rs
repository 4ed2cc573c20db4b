//! `cargo xtask`: the project's own commands, from an empty machine to a tested browser.
//!
//! Nothing here compiles C or Servo, so that this program builds wherever Rust and a linker are. What it starts does, and
//! it sees to it that everything is built with one set of features and one environment: the second command then reuses
//! the first one's work.

mod build;
mod demo;
mod machine;
mod mozjs_archive;
mod mutate;
mod requirements;
mod run;
mod setup;
mod test;
mod toolchain;
mod workspace;
mod wpt;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;

use crate::workspace::Workspace;

/// A subcommand: how it is called, what `--help` says of it, and what runs.
struct Subcommand {
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    run: fn(&Workspace, &[OsString]) -> Result<ExitCode>,
}

const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand {
        name: "setup",
        arguments: "[--dry-run] [--browse-only]",
        summary: "Install the system packages that are missing, or print the command that does",
        run: setup::run,
    },
    Subcommand {
        name: "demo",
        arguments: "[--check | --headless] [...]",
        summary: "Build, start the demo's servers and open the browser on them; --check plays the scenes and checks them",
        run: demo::run,
    },
    Subcommand {
        name: "run",
        arguments: "[BROWSER ARGUMENTS...]",
        summary: "Build and start the browser",
        run: run::run,
    },
    Subcommand {
        name: "test",
        arguments: "",
        summary: "Everything that CI checks: format, tests, the demo's scenes, our conformance tests, and lints",
        run: test::run,
    },
    Subcommand {
        name: "wpt",
        arguments: "[--upstream DIR] [TESTS...]",
        summary: "Build, and run web platform tests on the browser; --help lists what the runner takes",
        run: wpt::run,
    },
    Subcommand {
        name: "mutate",
        arguments: "[--no-build | --model] [NAME...]",
        summary: "Break the rules of user-enabled CORS one by one, and show which fixtures fail; --model: which invariants",
        run: mutate::run,
    },
    Subcommand {
        name: "env",
        arguments: "",
        summary: "Print the build's environment for a shell: eval \"$(cargo xtask env)\"",
        run: toolchain::print,
    },
];

/// The exit status of a command line that cannot be understood.
pub(crate) const USAGE_ERROR: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    match dispatch(&arguments) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
    }
}

fn dispatch(arguments: &[OsString]) -> Result<ExitCode> {
    let Some((name, rest)) = arguments.split_first() else {
        eprint!("{}", help());
        return Ok(ExitCode::from(USAGE_ERROR));
    };
    if name == "--help" || name == "-h" || name == "help" {
        print!("{}", help());
        return Ok(ExitCode::SUCCESS);
    }
    match SUBCOMMANDS
        .iter()
        .find(|subcommand| name == subcommand.name)
    {
        Some(subcommand) => (subcommand.run)(&Workspace::locate()?, rest),
        None => Ok(usage_error(&format!("there is no command {name:?}"))),
    }
}

/// Says what is wrong with the command line and what would be right.
pub(crate) fn usage_error(problem: &str) -> ExitCode {
    eprintln!("error: {problem}\n\n{}", help());
    ExitCode::from(USAGE_ERROR)
}

fn help() -> String {
    let mut text = String::from("Usage: cargo xtask <COMMAND>\n\nCommands:\n");
    for subcommand in SUBCOMMANDS {
        let call = format!("{} {}", subcommand.name, subcommand.arguments);
        text.push_str(&format!(
            "  {}\n      {}\n",
            call.trim_end(),
            subcommand.summary
        ));
    }
    text.push_str("\nThe first build takes about 30 minutes on two cores; what it made is reused from then on.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_command() {
        let help = help();
        for subcommand in SUBCOMMANDS {
            assert!(
                help.contains(&format!("  {}", subcommand.name)),
                "{} is missing",
                subcommand.name
            );
        }
    }

    #[test]
    fn names_are_unique() {
        for (index, subcommand) in SUBCOMMANDS.iter().enumerate() {
            assert!(
                SUBCOMMANDS[index + 1..]
                    .iter()
                    .all(|other| other.name != subcommand.name)
            );
        }
    }
}
