//! The environment of every build: which compilers, which libclang, which SpiderMonkey.
//!
//! Build scripts run again when one of these variables changes, and SpiderMonkey's takes a quarter of an hour. So each
//! command sets them alike, and whatever the caller has set stays.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::machine::{Machine, folder_has_library};
use crate::mozjs_archive;
use crate::workspace::Workspace;

/// The oldest release of Clang that compiles SpiderMonkey.
pub(crate) const OLDEST_RELEASE: u32 = 16;

/// The release that the project is built with all the time; others are taken where it is not to be had.
pub(crate) const PROVED_RELEASE: u32 = 19;

/// One installed release of Clang.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clang {
    release: u32,
    /// Whether its programs carry the release in their names: `clang-19`.
    versioned: bool,
}

impl Clang {
    /// The release to use: the proved one if it is here, else the newest that is recent enough.
    pub(crate) fn detect(machine: &Machine) -> Option<Self> {
        let versioned = best_release(installed_releases(machine)).map(|release| Self {
            release,
            versioned: true,
        });
        versioned.or_else(|| {
            let program = machine.executable("clang")?;
            let answer = Command::new(program).arg("--version").output().ok()?;
            let release = release_of(&String::from_utf8_lossy(&answer.stdout))?;
            (release >= OLDEST_RELEASE).then_some(Self {
                release,
                versioned: false,
            })
        })
    }

    fn program(&self, name: &str) -> String {
        if self.versioned {
            format!("{name}-{}", self.release)
        } else {
            name.to_owned()
        }
    }

    /// Whether the compilers of both languages are here.
    pub(crate) fn has_compilers(&self, machine: &Machine) -> bool {
        ["clang", "clang++"]
            .iter()
            .all(|name| machine.executable(&self.program(name)).is_some())
    }

    /// The name of the archiver of this release.
    pub(crate) fn archiver(&self, machine: &Machine) -> Option<String> {
        let name = self.program("llvm-ar");
        machine.executable(&name).map(|_| name)
    }

    /// The folder of this release's libclang.
    pub(crate) fn library_folder(&self, machine: &Machine) -> Option<PathBuf> {
        let own = format!("llvm-{}/lib", self.release);
        let in_own = machine.libraries.iter().map(|folder| folder.join(&own));
        let mut candidates = in_own.chain(
            (!self.versioned)
                .then_some(&machine.libraries)
                .into_iter()
                .flatten()
                .cloned(),
        );
        candidates.find(|folder| folder_has_library(folder, "libclang"))
    }

    /// The release's number.
    pub(crate) fn release(&self) -> u32 {
        self.release
    }
}

/// Of several releases, the one to use: the proved one, else the newest that is recent enough.
pub(crate) fn best_release(releases: impl IntoIterator<Item = u32>) -> Option<u32> {
    releases
        .into_iter()
        .filter(|release| *release >= OLDEST_RELEASE)
        .max_by_key(|release| (*release == PROVED_RELEASE, *release))
}

/// The number in `clang-19`.
pub(crate) fn release_in_name(name: &str) -> Option<u32> {
    name.strip_prefix("clang-")?.parse().ok()
}

fn installed_releases(machine: &Machine) -> Vec<u32> {
    let entries = machine
        .executables
        .iter()
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| release_in_name(&entry.file_name().to_string_lossy()))
        .filter(|release| machine.executable(&format!("clang++-{release}")).is_some())
        .collect()
}

/// The release in the answer to `clang --version`, whoever packaged it.
fn release_of(answer: &str) -> Option<u32> {
    // NB: Apple numbers its own builds by Xcode's releases; 16 there is recent enough as well.
    let (_, after) = answer.split_once("clang version ")?;
    after.split('.').next()?.trim().parse().ok()
}

/// The variables that a build is started with, without those that the caller has set.
#[derive(Debug)]
pub(crate) struct Toolchain {
    variables: Vec<(&'static str, OsString)>,
}

impl Toolchain {
    /// Chooses them for this machine.
    ///
    /// # Errors
    ///
    /// If the SpiderMonkey beside the checkout is not the one that its checksum names, or cannot be copied.
    pub(crate) fn detect(workspace: &Workspace) -> Result<Self> {
        let machine = Machine::this();
        let mut variables = compiler_variables(&machine, Clang::detect(&machine).as_ref());
        if env::var_os(mozjs_archive::VARIABLE).is_none()
            && let Some(archive) = mozjs_archive::provide(workspace.root())?
        {
            variables.push((mozjs_archive::VARIABLE, archive.into_os_string()));
        }
        variables.retain(|(name, _)| env::var_os(name).is_none());
        Ok(Self { variables })
    }

    /// Sets them for a command.
    pub(crate) fn apply(&self, command: &mut Command) {
        for (name, value) in &self.variables {
            command.env(name, value);
        }
        // What `cargo run` says of this package is not true of another: no build script shall see it.
        for (name, _) in env::vars_os() {
            if is_of_this_package(&name) {
                command.env_remove(name);
            }
        }
    }
}

fn is_of_this_package(variable: &OsStr) -> bool {
    variable
        .to_str()
        .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
}

fn compiler_variables(machine: &Machine, clang: Option<&Clang>) -> Vec<(&'static str, OsString)> {
    let Some(clang) = clang else {
        return Vec::new();
    };
    let mut variables: Vec<(&'static str, OsString)> = vec![
        ("CC", clang.program("clang").into()),
        ("CXX", clang.program("clang++").into()),
    ];
    variables.extend(clang.archiver(machine).map(|name| ("AR", name.into())));
    variables.extend(
        clang
            .library_folder(machine)
            .map(|folder| ("LIBCLANG_PATH", folder.into_os_string())),
    );
    variables
}

/// `cargo xtask env`: the variables as a shell reads them, for those who call `cargo` themselves.
pub(crate) fn print(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    if !arguments.is_empty() {
        return Ok(crate::usage_error("env takes no arguments"));
    }
    for (name, value) in Toolchain::detect(workspace)?.variables {
        let value = value
            .to_str()
            .with_context(|| format!("the value of {name} is not UTF-8"))?;
        println!("export {name}={}", quoted(value));
    }
    Ok(ExitCode::SUCCESS)
}

/// A word of a POSIX shell that stands for exactly this text.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::fake::FakeMachine;

    #[test]
    fn the_proved_release_wins_then_the_newest() {
        for (releases, expected) in [
            (vec![], None),
            (vec![14, 15], None),
            (vec![14, 16], Some(16)),
            (vec![16, 18, 17], Some(18)),
            (vec![16, 22, 19], Some(19)),
            (vec![22, 16], Some(22)),
        ] {
            assert_eq!(best_release(releases.clone()), expected, "{releases:?}");
        }
    }

    #[test]
    fn variables_of_a_debian_machine() {
        let fake = FakeMachine::with(&[
            "bin/clang-14",
            "bin/clang++-14",
            "bin/clang-19",
            "bin/clang++-19",
            "bin/llvm-ar-19",
            "lib/llvm-19/lib/libclang.so",
        ]);
        let clang = Clang::detect(&fake.machine).expect("release 19 is there");
        let variables = compiler_variables(&fake.machine, Some(&clang));
        let libclang = fake.machine.libraries[0].join("llvm-19/lib");
        let expected: Vec<(&str, OsString)> = vec![
            ("CC", "clang-19".into()),
            ("CXX", "clang++-19".into()),
            ("AR", "llvm-ar-19".into()),
            ("LIBCLANG_PATH", libclang.into_os_string()),
        ];
        assert_eq!(variables, expected);
    }

    #[test]
    fn a_compiler_without_its_cxx_half_does_not_count() {
        let fake = FakeMachine::with(&["bin/clang-19", "bin/clang-16", "bin/clang++-16"]);
        assert_eq!(
            Clang::detect(&fake.machine).map(|clang| clang.release()),
            Some(16)
        );
    }

    #[test]
    fn releases_are_read_from_what_clang_says() {
        assert_eq!(
            release_of("Debian clang version 19.1.7 (3+b1)\nTarget: …"),
            Some(19)
        );
        assert_eq!(
            release_of("clang version 18.1.8 (Fedora 18.1.8-1.fc40)"),
            Some(18)
        );
        assert_eq!(
            release_of("Apple clang version 16.0.0 (clang-1600.0.26.3)"),
            Some(16)
        );
        assert_eq!(release_of("gcc (Debian 12.2.0)"), None);
    }

    #[test]
    fn shell_words_are_quoted() {
        assert_eq!(quoted("/a b/c"), "'/a b/c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
