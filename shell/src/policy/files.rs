//! Where policy files are, and how they are read.

use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use user_cors::{PolicyError, PolicyStatus};

use super::report::{FileReport, PolicyReport};

/// The name of a policy file.
const FILE_NAME: &str = "policies.json";

/// Whose a policy file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyRank {
    /// Everybody's on this machine.
    Machine,
    /// The user's.
    User,
    /// The one that the command line names.
    CommandLine,
}

impl PolicyRank {
    /// What it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Machine => "machine-wide",
            Self::User => "yours",
            Self::CommandLine => "--policy",
        }
    }
}

/// A place where a policy may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    /// Whose it is.
    pub rank: PolicyRank,
    /// Where it is.
    pub path: PathBuf,
}

/// The places where policies may be, the weightiest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyPlaces {
    files: Vec<PolicyFile>,
}

impl PolicyPlaces {
    /// The platform's places, and the file that the command line names.
    ///
    /// NB: the machine's is at a fixed place that no environment variable moves: the user sets those.
    pub fn new(named: Option<&Path>) -> Self {
        let user = ProjectDirs::from("org", "Latchkey", "Latchkey")
            .map(|folders| folders.config_dir().join(FILE_NAME));
        Self::at(machine_wide().as_deref(), user.as_deref(), named)
    }

    /// These places.
    pub fn at(machine: Option<&Path>, user: Option<&Path>, named: Option<&Path>) -> Self {
        let files = [
            (PolicyRank::Machine, machine),
            (PolicyRank::User, user),
            (PolicyRank::CommandLine, named),
        ];
        Self {
            files: files
                .into_iter()
                .filter_map(|(rank, path)| {
                    let path = path?.to_owned();
                    Some(PolicyFile { rank, path })
                })
                .collect(),
        }
    }

    /// The places.
    pub fn files(&self) -> &[PolicyFile] {
        &self.files
    }

    /// Reads all files, and says what they come to.
    ///
    /// The file that the command line names is read in the place of the others, but for a machine-wide one that is locked or
    /// cannot be used: nobody gets around that by an option.
    pub fn read(&self) -> PolicyReport {
        let is_named = self
            .files
            .iter()
            .any(|file| file.rank == PolicyRank::CommandLine);
        let files: Vec<FileReport> = self
            .files
            .iter()
            .map(|file| {
                let status = load(file);
                let counts = match file.rank {
                    PolicyRank::CommandLine => true,
                    PolicyRank::User => !is_named,
                    PolicyRank::Machine => !is_named || binds(&status),
                };
                FileReport {
                    file: file.clone(),
                    status,
                    counts,
                }
            })
            .collect();
        let in_force = files
            .iter()
            .filter(|report| report.counts)
            .fold(PolicyStatus::None, |status, report| {
                status.united_with(report.status.clone())
            });
        PolicyReport { files, in_force }
    }
}

/// A file that the command line names has to be there; the others may be.
fn load(file: &PolicyFile) -> PolicyStatus {
    match PolicyStatus::load(&file.path) {
        PolicyStatus::None if file.rank == PolicyRank::CommandLine => {
            PolicyStatus::Unusable(PolicyError::Unreadable("there is no such file".to_owned()))
        },
        status => status,
    }
}

fn binds(status: &PolicyStatus) -> bool {
    match status {
        PolicyStatus::None => false,
        PolicyStatus::InForce(policy) => policy.locked,
        PolicyStatus::Unusable(_) => true,
    }
}

fn machine_wide() -> Option<PathBuf> {
    let folder = if cfg!(windows) {
        PathBuf::from(r"C:\ProgramData\Latchkey\policies")
    } else if cfg!(target_os = "macos") {
        PathBuf::from("/Library/Application Support/Latchkey/policies")
    } else {
        PathBuf::from("/etc/latchkey/policies")
    };
    Some(folder.join(FILE_NAME))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Places {
        folder: tempfile::TempDir,
    }

    impl Places {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
            }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&self, name: &str, inner: &str) {
            let text = format!("{{\"policies\": {{\"UserEnabledCORS\": {{{inner}}}}}}}");
            fs::write(self.path(name), text).unwrap();
        }

        fn read(&self, with_named: bool) -> PolicyReport {
            let named = self.path("named");
            PolicyPlaces::at(
                Some(&self.path("machine")),
                Some(&self.path("user")),
                with_named.then_some(&named),
            )
            .read()
        }
    }

    fn enabled(report: &PolicyReport) -> Option<bool> {
        report.in_force.policy().and_then(|policy| policy.enabled)
    }

    #[test]
    fn files_that_are_not_there_say_nothing() {
        assert_eq!(Places::new().read(false).in_force, PolicyStatus::None);
    }

    #[test]
    fn both_files_count_without_a_named_one() {
        let places = Places::new();
        places.write("machine", "\"Enabled\": true");
        places.write("user", "\"Enabled\": false");
        assert_eq!(enabled(&places.read(false)), Some(false));
        fs::write(places.path("user"), "{").unwrap();
        assert!(matches!(
            places.read(false).in_force,
            PolicyStatus::Unusable(_)
        ));
    }

    #[test]
    fn a_named_file_takes_the_place_of_the_others() {
        let places = Places::new();
        places.write("machine", "\"Enabled\": false");
        fs::write(places.path("user"), "{").unwrap();
        places.write("named", "\"Enabled\": true");
        let report = places.read(true);
        assert_eq!(enabled(&report), Some(true));
        let counting: Vec<_> = report.files.iter().map(|file| file.counts).collect();
        assert_eq!(counting, [false, false, true]);
    }

    #[test]
    fn a_named_file_that_is_not_there_switches_the_feature_off() {
        let places = Places::new();
        assert!(matches!(
            places.read(true).in_force,
            PolicyStatus::Unusable(_)
        ));
    }

    #[test]
    fn an_option_does_not_get_around_a_machine_wide_policy_that_binds() {
        let places = Places::new();
        places.write("named", "\"Enabled\": true");
        // Locked, in a folder that this user can write to: it cannot be used, and that binds.
        places.write("machine", "\"Enabled\": false, \"Locked\": true");
        let report = places.read(true);
        assert!(matches!(report.in_force, PolicyStatus::Unusable(_)));
        assert!(binds(&PolicyStatus::InForce(user_cors::Policy {
            locked: true,
            ..user_cors::Policy::default()
        })));
    }

    #[test]
    fn no_environment_variable_moves_the_machine_wide_file() {
        let places = PolicyPlaces::new(None);
        let first = places.files().first().unwrap();
        assert_eq!(first.rank, PolicyRank::Machine);
        assert!(first.path.is_absolute() && first.path.ends_with(FILE_NAME));
    }
}
