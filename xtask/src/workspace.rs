//! Where the checkout and what was built from it are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The checkout this program was started for, and the folder its programs are built into.
pub(crate) struct Workspace {
    root: PathBuf,
    programs: PathBuf,
}

impl Workspace {
    /// Finds both.
    ///
    /// The checkout is Cargo's word at run time: a target directory that several checkouts share holds one `xtask`, so the
    /// path compiled into it may be another's. The programs are beside this one, wherever Cargo's configuration put it.
    pub(crate) fn locate() -> Result<Self> {
        let manifest =
            env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest)
            .parent()
            .context("the package xtask has no parent folder")?
            .to_path_buf();
        // NB: Asked for before anything is built: on Linux the answer changes when the file is replaced.
        let this = env::current_exe().context("this program cannot find itself")?;
        let programs = this
            .parent()
            .context("this program is in no folder")?
            .to_path_buf();
        Ok(Self { root, programs })
    }

    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The path of a program of the workspace, built or not.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.programs
            .join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// The folder of all that is built.
    pub(crate) fn target(&self) -> &Path {
        self.programs.parent().unwrap_or(&self.programs)
    }

    /// A folder beside that of the programs, for what is built on its own.
    pub(crate) fn target_of(&self, name: &str) -> PathBuf {
        self.programs.with_file_name(name)
    }

    /// Whether Servo itself is built already, which is nearly all of the first build's time.
    pub(crate) fn engine_is_built(&self) -> bool {
        let Ok(entries) = self.programs.join("deps").read_dir() else {
            return false;
        };
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libservo-") && name.ends_with(".rlib")
        })
    }
}
