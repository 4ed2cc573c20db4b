//! `cargo xtask setup`: sees what the system lacks, and installs it or says how to.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};

use crate::machine::Machine;
use crate::requirements::{Distribution, Purpose, REQUIREMENTS, Requirement};
use crate::toolchain::{self, Clang};
use crate::workspace::Workspace;

/// Whether `setup` may change the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Install,
    /// Only say what is missing and what would be done.
    DryRun,
}

/// `cargo xtask setup [--dry-run] [--browse-only]`.
pub(crate) fn run(_workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    let mut mode = Mode::Install;
    let mut purpose = Purpose::Test;
    for argument in arguments {
        match argument.to_str() {
            Some("--dry-run") => mode = Mode::DryRun,
            Some("--browse-only") => purpose = Purpose::Browse,
            _ => {
                return Ok(crate::usage_error(&format!(
                    "setup does not know {argument:?}"
                )));
            },
        }
    }
    set_up(purpose, mode)?;
    if mode == Mode::Install {
        println!("Everything that is needed is here.");
    }
    Ok(ExitCode::SUCCESS)
}

/// Installs what is missing for a purpose.
///
/// # Errors
///
/// If something is missing and cannot be installed from here: the error names each thing and the command that gets it.
pub(crate) fn ensure(purpose: Purpose) -> Result<()> {
    set_up(purpose, Mode::Install)
}

fn set_up(purpose: Purpose, mode: Mode) -> Result<()> {
    let distribution = this_distribution();
    let missing = missing(&Machine::this(), purpose, &distribution);
    if missing.is_empty() && mode == Mode::DryRun {
        println!("No package is missing.");
    }
    if missing.is_empty() {
        return check_rust_components(purpose);
    }

    println!("Missing on this system ({distribution}):");
    for requirement in &missing {
        println!("  {}", requirement.what);
    }
    let as_root = privilege();
    let can_install =
        distribution == Distribution::Debian && as_root.is_some() && mode == Mode::Install;
    if can_install {
        // The lists come first: which release of Clang can be had is read from them.
        run_apt(as_root.unwrap_or_default(), &["update"])?;
    }
    let release = installable_release(&distribution)?;
    let packages = packages(&missing, &distribution, release);
    let command = install_command(&distribution, &packages);
    match mode {
        Mode::DryRun => {
            println!("\nThis would get it:\n  {command}");
            return Ok(());
        },
        Mode::Install if !can_install => {
            let reason = if distribution == Distribution::Debian {
                "installing needs root, and sudo asks for a password"
            } else {
                "this program installs on Debian and Ubuntu only"
            };
            bail!(
                "{} things are missing (listed above), and {reason}. Get them with:\n  {command}",
                missing.len()
            );
        },
        Mode::Install => {},
    }

    println!("Installing: {}", packages.join(" "));
    let mut apt = vec!["install", "--yes", "--no-install-recommends"];
    apt.extend(packages.iter().map(String::as_str));
    run_apt(as_root.unwrap_or_default(), &apt)
        .with_context(|| format!("installing failed; by hand it is:\n  {command}"))?;

    let still = self::missing(&Machine::this(), purpose, &distribution);
    if !still.is_empty() {
        let list: Vec<String> = still
            .iter()
            .map(|requirement| {
                let package = requirement
                    .package(&distribution, release)
                    .unwrap_or_default();
                format!("  {} (package {package})", requirement.what)
            })
            .collect();
        bail!(
            "the packages are installed, and yet this is not found:\n{}",
            list.join("\n")
        );
    }
    check_rust_components(purpose)
}

/// What a machine lacks of that which its platform needs.
fn missing(
    machine: &Machine,
    purpose: Purpose,
    distribution: &Distribution,
) -> Vec<&'static Requirement> {
    let clang = Clang::detect(machine);
    REQUIREMENTS
        .iter()
        .filter(|requirement| requirement.purpose <= purpose)
        .filter(|requirement| {
            requirement
                .package(distribution, toolchain::PROVED_RELEASE)
                .is_some()
        })
        .filter(|requirement| !requirement.is_met(machine, clang.as_ref()))
        .collect()
}

/// The packages of several requirements, each once.
fn packages(missing: &[&Requirement], distribution: &Distribution, release: u32) -> Vec<String> {
    let mut packages: Vec<String> = Vec::new();
    for package in missing
        .iter()
        .filter_map(|requirement| requirement.package(distribution, release))
    {
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    packages
}

/// What a person types to install packages.
fn install_command(distribution: &Distribution, packages: &[String]) -> String {
    let packages = packages.join(" ");
    match distribution {
        Distribution::Debian => {
            format!(
                "sudo apt-get update && sudo apt-get install --no-install-recommends {packages}"
            )
        },
        Distribution::Fedora => format!("sudo dnf install {packages}"),
        Distribution::MacOs => format!("brew install {packages}"),
        Distribution::Other(_) => {
            format!("(by Debian's names; your system may have others) {packages}")
        },
    }
}

fn this_distribution() -> Distribution {
    if cfg!(target_os = "macos") {
        return Distribution::MacOs;
    }
    let release = fs::read_to_string("/etc/os-release")
        .or_else(|_| fs::read_to_string("/usr/lib/os-release"));
    Distribution::from_os_release(&release.unwrap_or_default())
}

/// The release of Clang to ask for: the one that is installed in part, else the best that can be had.
fn installable_release(distribution: &Distribution) -> Result<u32> {
    if let Some(clang) = Clang::detect(&Machine::this()) {
        return Ok(clang.release());
    }
    if *distribution != Distribution::Debian {
        return Ok(toolchain::PROVED_RELEASE);
    }
    let answer = Command::new("apt-cache")
        .args(["search", "--names-only", "^clang-[0-9]+$"])
        .output()
        .context("apt-cache cannot be started")?;
    let listed = String::from_utf8_lossy(&answer.stdout);
    let releases = listed
        .lines()
        .filter_map(|line| toolchain::release_in_name(line.split_whitespace().next()?));
    match toolchain::best_release(releases) {
        Some(release) => Ok(release),
        // Before the first `apt-get update` the lists are empty, and say nothing of what there is.
        None if listed.trim().is_empty() => Ok(toolchain::PROVED_RELEASE),
        None => bail!(
            "clang {} or later is needed, and this system's package lists end before it; LLVM has packages of its own at \
             https://apt.llvm.org",
            toolchain::OLDEST_RELEASE
        ),
    }
}

/// What a command of root's has to begin with: nothing for root, `sudo` where it asks for no password, none otherwise.
fn privilege() -> Option<&'static [&'static str]> {
    let id = Command::new("id").arg("-u").output().ok()?;
    if String::from_utf8_lossy(&id.stdout).trim() == "0" {
        return Some(&[]);
    }
    let sudo = Command::new("sudo")
        .args(["-n", "true"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    sudo.is_ok_and(|status| status.success())
        .then_some(&["sudo", "-n"])
}

fn run_apt(prefix: &[&str], arguments: &[&str]) -> Result<()> {
    let mut words: Vec<&str> = prefix.to_vec();
    // NB: Through env, as sudo passes on none of the caller's variables.
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
    words.extend(arguments);
    let (program, rest) = words.split_first().context("there is no command")?;
    let status = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .status()
        .context("apt-get cannot be started")?;
    if !status.success() {
        bail!(
            "apt-get {} ended with {status}; what it says above names the package",
            arguments.first().unwrap_or(&"")
        );
    }
    Ok(())
}

/// Sees that Cargo's own tools for the tests are here.
fn check_rust_components(purpose: Purpose) -> Result<()> {
    if purpose < Purpose::Test {
        return Ok(());
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let answer = Command::new(&cargo)
            .args([subcommand, "--version"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !answer.is_ok_and(|status| status.success()) {
            bail!(
                "Rust's component {component} is missing. Get it with:\n  rustup component add {component}"
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::fake::FakeMachine;

    fn names(missing: &[&Requirement]) -> Vec<String> {
        packages(missing, &Distribution::Debian, 19)
    }

    #[test]
    fn tests_need_more_than_browsing() {
        let fake = FakeMachine::with(&[]);
        let browse = names(&missing(
            &fake.machine,
            Purpose::Browse,
            &Distribution::Debian,
        ));
        let test = names(&missing(
            &fake.machine,
            Purpose::Test,
            &Distribution::Debian,
        ));
        assert!(browse.contains(&"clang-19".to_owned()) && !browse.contains(&"xvfb".to_owned()));
        assert!(test.starts_with(&browse) && test.contains(&"xvfb".to_owned()));
    }

    #[test]
    fn what_is_there_is_not_asked_for() {
        let fake = FakeMachine::with(&["bin/m4", "bin/clang-16", "bin/clang++-16"]);
        let missing = names(&missing(
            &fake.machine,
            Purpose::Browse,
            &Distribution::Debian,
        ));
        assert!(!missing.contains(&"m4".to_owned()));
        assert!(
            !missing.contains(&"clang-19".to_owned()),
            "an older release that is recent enough serves"
        );
        assert!(missing.contains(&"gperf".to_owned()));
    }

    #[test]
    fn each_package_is_named_once() {
        let fake = FakeMachine::with(&[]);
        let missing = missing(&fake.machine, Purpose::Test, &Distribution::MacOs);
        let packages = packages(&missing, &Distribution::MacOs, 19);
        assert_eq!(
            packages.iter().filter(|package| *package == "llvm").count(),
            1
        );
    }

    #[test]
    fn macos_needs_no_x11() {
        let fake = FakeMachine::with(&[]);
        let missing = missing(&fake.machine, Purpose::Test, &Distribution::MacOs);
        assert!(
            missing
                .iter()
                .all(|requirement| !requirement.what.contains("X11"))
        );
    }

    #[test]
    fn commands_by_distribution() {
        let packages = ["m4".to_owned(), "gperf".to_owned()];
        for (distribution, beginning) in [
            (
                Distribution::Debian,
                "sudo apt-get update && sudo apt-get install --no-install-recommends m4 gperf",
            ),
            (Distribution::Fedora, "sudo dnf install m4 gperf"),
            (Distribution::MacOs, "brew install m4 gperf"),
        ] {
            assert_eq!(install_command(&distribution, &packages), beginning);
        }
    }
}
