//! Every start of Cargo: the whole workspace, one set of features, one environment.
//!
//! Never a single package: Cargo would choose other features for Servo's crates, and build them all once more.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// Cargo, as this workspace's builds are started.
pub(crate) struct Cargo<'a> {
    workspace: &'a Workspace,
    toolchain: Toolchain,
}

impl<'a> Cargo<'a> {
    /// Chooses the environment.
    pub(crate) fn new(workspace: &'a Workspace) -> Result<Self> {
        Ok(Self {
            workspace,
            toolchain: Toolchain::detect(workspace)?,
        })
    }

    /// Builds everything that can be started, saying beforehand how long it takes.
    pub(crate) fn build(&self) -> Result<()> {
        if self.workspace.engine_is_built() {
            println!("Building; Servo is built already, so this takes a few minutes at most.");
        } else {
            println!(
                "Building Servo and the browser for the first time. On two cores this takes about 30 minutes, and 13 more \
                 if SpiderMonkey has to be compiled too. Later builds take minutes."
            );
        }
        self.run("build", &["build", "--workspace"])
    }

    /// Builds the program `name` from a copy of the checkout at `root`, with a setting of Cargo's by which the copy's packages are
    /// kept apart from the checkout's. What neither has of its own, above all Servo, is built once.
    pub(crate) fn build_variant(&self, root: &Path, name: &str, setting: &str) -> Result<()> {
        let target = self.workspace.target();
        let arguments: [&OsStr; 8] = [
            "build".as_ref(),
            "--workspace".as_ref(),
            "--bin".as_ref(),
            name.as_ref(),
            "--config".as_ref(),
            setting.as_ref(),
            "--target-dir".as_ref(),
            target.as_ref(),
        ];
        println!("Building {name}: its fetch stack and what is above that, which takes minutes.");
        self.run_in(root, "build", &arguments)
    }

    /// Builds Servo as it is published, to compare with, and returns the program. It is a workspace of its own, whose Servo has
    /// other dependencies: all of it is built once more.
    pub(crate) fn build_reference(&self) -> Result<PathBuf> {
        let target = self.workspace.target_of("reference");
        let program = target
            .join("debug")
            .join(format!("wpt-reference{}", env::consts::EXE_SUFFIX));
        if !program.exists() {
            println!(
                "Building Servo with its own network crate, to compare with. This takes as long as the first build."
            );
        }
        let arguments: [&OsStr; 5] = [
            "build".as_ref(),
            "--manifest-path".as_ref(),
            "wpt/reference/Cargo.toml".as_ref(),
            "--target-dir".as_ref(),
            target.as_ref(),
        ];
        self.run("build", &arguments)?;
        Ok(program)
    }

    /// Runs one command of Cargo to its end; its output is the caller's.
    pub(crate) fn run<S: AsRef<OsStr>>(&self, what: &str, arguments: &[S]) -> Result<()> {
        self.run_in(self.workspace.root(), what, arguments)
    }

    fn run_in<S: AsRef<OsStr>>(&self, root: &Path, what: &str, arguments: &[S]) -> Result<()> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.current_dir(root).args(arguments);
        self.toolchain.apply(&mut command);
        let began = Instant::now();
        let status = command.status().context("cargo cannot be started")?;
        if !status.success() {
            bail!("cargo {what} failed");
        }
        println!("cargo {what}: done in {} s", began.elapsed().as_secs());
        Ok(())
    }

    /// Builds the program of one test of a package that does not need Servo, from a copy of the checkout at `root` and with such a
    /// setting as [`build_variant`](Self::build_variant), and returns it.
    pub(crate) fn test_program(
        &self,
        root: &Path,
        package: &str,
        test: &str,
        setting: &str,
    ) -> Result<PathBuf> {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .current_dir(root)
            .args(["test", "-p", package, "--test", test, "--no-run"])
            .args(["--message-format=json", "--config", setting])
            .arg("--target-dir")
            .arg(self.workspace.target())
            .stderr(Stdio::inherit());
        self.toolchain.apply(&mut command);
        let built = command.output().context("cargo cannot be started")?;
        if !built.status.success() {
            bail!("cargo test --no-run failed");
        }
        let messages = String::from_utf8_lossy(&built.stdout);
        messages
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter(|message| message["target"]["name"] == test)
            .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
            .context("cargo names no program of the test")
    }

    /// Starts a program of the workspace in the same environment.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.workspace.program(name));
        self.toolchain.apply(&mut command);
        command
    }
}
