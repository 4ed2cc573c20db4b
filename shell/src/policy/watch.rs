//! Looks at policy files and list files again and again, and puts what they say in force.
//!
//! NB: by looking, not by the system's notices of changes: the files need not exist yet, nor their folders; they can be
//! links, and lie on file systems that send no notices. A look is a question for the state of a few files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use net::embedding::Embedding;
use user_cors::{BlocklistFiles, Clock, InstalledBlocklist, PolicyStatus, SystemClock, UserCors};

use super::files::PolicyPlaces;
use super::lists::{list_reports, sources};
use super::report::PolicyReport;

/// How long a change may go unnoticed.
const INTERVAL: Duration = Duration::from_secs(1);

/// The folder of a profile that keeps compiled lists.
const COMPILED_FOLDER: &str = "blocklists";

/// The folder of a profile into which the user puts list files.
const LISTS_FOLDER: &str = "lists";

/// What a look has put in force.
#[derive(Clone, Debug)]
pub enum Administration {
    /// Policy.
    Policy(Arc<PolicyReport>),
    /// List files.
    Lists,
}

/// The files that are looked at. Dropping this ends the looking.
pub struct Watch {
    policy: PolicyWatcher,
    lists: ListWatcher,
    running: Vec<Sender<()>>,
}

impl Watch {
    /// Reads policy and lists for the first time, and puts them in force. What is wrong is told on standard error.
    ///
    /// # Errors
    /// If the folders for lists cannot be made in the profile.
    pub fn begin(places: PolicyPlaces, profile: &Path, user_cors: &UserCors) -> io::Result<Self> {
        let compiled = profile.join(COMPILED_FOLDER);
        let folder = profile.join(LISTS_FOLDER);
        fs::create_dir_all(&compiled)?;
        fs::create_dir_all(&folder)?;
        let policy = PolicyWatcher::new(places);
        policy.report.tell();
        let mut lists = ListWatcher {
            files: BlocklistFiles::new(compiled),
            folder,
        };
        // No question is open yet, so there is nothing to settle.
        if let Some(installed) = lists.look(&policy.report.in_force) {
            tell_lists(&installed);
            let _ = user_cors.install_blocklists(installed, SystemClock.now());
        }
        let _ = user_cors.set_policy(policy.report.in_force.clone(), SystemClock.now());
        Ok(Self {
            policy,
            lists,
            running: Vec::new(),
        })
    }

    /// What the policy files said when they were read last by [`begin`](Self::begin).
    pub fn report(&self) -> Arc<PolicyReport> {
        self.policy.report.clone()
    }

    /// Where the user puts list files.
    pub fn lists_folder(&self) -> &Path {
        &self.lists.folder
    }

    /// Looks from now on, on threads of its own, since a long list takes seconds to compile. `tell` is called when something
    /// else has come into force.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn go_on(
        &mut self,
        tell: impl Fn(Administration) + Clone + Send + 'static,
    ) -> io::Result<()> {
        let mut policy = self.policy.clone();
        let told = tell.clone();
        self.spawn("PolicyWatch", move || {
            if let Some(report) = policy.look() {
                report.tell();
                if let Some(embedding) = Embedding::get() {
                    let status = report.in_force.clone();
                    embedding.deliver(embedding.user_cors().set_policy(status, embedding.now()));
                }
                told(Administration::Policy(report));
            }
        })?;
        let mut lists = ListWatcher {
            files: std::mem::replace(&mut self.lists.files, BlocklistFiles::new("")),
            folder: self.lists.folder.clone(),
        };
        self.spawn("ListWatch", move || {
            let Some(embedding) = Embedding::get() else {
                return;
            };
            if let Some(installed) = lists.look(&embedding.user_cors().policy()) {
                tell_lists(&installed);
                let now = embedding.now();
                embedding.deliver(embedding.user_cors().install_blocklists(installed, now));
                tell(Administration::Lists);
            }
        })
    }

    fn spawn(&mut self, name: &str, mut look: impl FnMut() + Send + 'static) -> io::Result<()> {
        let (running, ended): (Sender<()>, Receiver<()>) = bounded(0);
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
                    look();
                }
            })?;
        self.running.push(running);
        Ok(())
    }
}

fn tell_lists(installed: &[InstalledBlocklist]) {
    for report in list_reports(installed) {
        report.tell();
    }
}

/// What tells one state of a file from the next without reading it; `None` if it is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileState {
    length: u64,
    modified: Option<SystemTime>,
    /// On Unix, which file it is and when it was changed in any way, also in whose it is.
    identity: (u64, i64, i64),
}

impl FileState {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            (metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        };
        #[cfg(not(unix))]
        let identity = (0, 0, 0);
        Some(Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            identity,
        })
    }
}

#[derive(Clone)]
struct PolicyWatcher {
    places: PolicyPlaces,
    states: Vec<Option<FileState>>,
    report: Arc<PolicyReport>,
}

impl PolicyWatcher {
    fn new(places: PolicyPlaces) -> Self {
        let states = states(&places);
        let report = Arc::new(places.read());
        Self {
            places,
            states,
            report,
        }
    }

    /// What the files say, if it is something else than at the last look.
    fn look(&mut self) -> Option<Arc<PolicyReport>> {
        // NB: before the files are read: one that changes meanwhile is read again at the next look.
        let states = states(&self.places);
        if states == self.states {
            return None;
        }
        self.states = states;
        let report = Arc::new(self.places.read());
        if report == self.report {
            return None;
        }
        self.report = report.clone();
        Some(report)
    }
}

fn states(places: &PolicyPlaces) -> Vec<Option<FileState>> {
    places
        .files()
        .iter()
        .map(|file| FileState::of(&file.path))
        .collect()
}

struct ListWatcher {
    files: BlocklistFiles,
    folder: PathBuf,
}

impl ListWatcher {
    /// The lists, if they are others than at the last look.
    fn look(&mut self, policy: &PolicyStatus) -> Option<Vec<InstalledBlocklist>> {
        self.files.refresh(sources(policy, &self.folder))
    }
}

#[cfg(test)]
mod tests {
    use user_cors::{PermissionStore, TupleOrigin};

    use super::*;

    fn write(path: &Path, inner: &str) {
        let text = format!("{{\"policies\": {{\"UserEnabledCORS\": {{{inner}}}}}}}");
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_policy_that_comes_changes_breaks_and_goes_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policies.json");
        let mut watcher = PolicyWatcher::new(PolicyPlaces::at(Some(&path), None, None));
        assert!(watcher.look().is_none());
        write(&path, "\"Enabled\": false");
        let report = watcher.look().unwrap();
        assert_eq!(
            report.in_force.policy().and_then(|policy| policy.enabled),
            Some(false)
        );
        assert!(watcher.look().is_none());

        // Another file in its place, of the same length.
        let other = folder.path().join("other");
        write(&other, "\"Enabled\":  true");
        fs::rename(&other, &path).unwrap();
        let report = watcher.look().unwrap();
        assert_eq!(
            report.in_force.policy().and_then(|policy| policy.enabled),
            Some(true)
        );

        fs::write(&path, "{").unwrap();
        assert!(matches!(
            watcher.look().unwrap().in_force,
            PolicyStatus::Unusable(_)
        ));
        fs::remove_file(&path).unwrap();
        assert_eq!(watcher.look().unwrap().in_force, PolicyStatus::None);
    }

    #[test]
    fn a_file_that_was_written_again_as_it_was_is_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policies.json");
        write(&path, "\"Enabled\": false");
        let mut watcher = PolicyWatcher::new(PolicyPlaces::at(Some(&path), None, None));
        fs::remove_file(&path).unwrap();
        write(&path, "\"Enabled\": false");
        assert!(watcher.look().is_none());
    }

    #[test]
    fn policy_and_lists_are_in_force_at_once() {
        let profile = tempfile::tempdir().unwrap();
        let path = profile.path().join("policies.json");
        write(&path, "\"MaxGrantDays\": 3");
        fs::create_dir(profile.path().join(LISTS_FOLDER)).unwrap();
        fs::write(
            profile.path().join(LISTS_FOLDER).join("mine.txt"),
            "blocked.example\n",
        )
        .unwrap();
        let user_cors = UserCors::new(PermissionStore::in_memory().unwrap());
        let places = PolicyPlaces::at(None, Some(&path), None);
        let mut watch = Watch::begin(places, profile.path(), &user_cors).unwrap();
        assert_eq!(user_cors.policy().max_grant_days(), 3);
        let target = TupleOrigin::parse("https://www.blocked.example").unwrap();
        let lists = user_cors.installed_blocklists();
        assert!(lists[0].list.as_ref().unwrap().blocks(&target));

        let later = watch.lists_folder().join("more.txt");
        fs::write(&later, "other.example\n").unwrap();
        let installed = watch.lists.look(&user_cors.policy()).unwrap();
        assert_eq!(installed.len(), 2);
        assert!(watch.lists.look(&user_cors.policy()).is_none());
    }
}
