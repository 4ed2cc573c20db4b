//! List files, and the folder that keeps their compiled forms.
//!
//! A list is compiled when it is first met and when it has changed, and opened otherwise. One that was there and cannot be
//! read any more stays in force as it was: an old list blocks more than none.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::compiled::{BlocklistError, CompiledBlocklist, SourceStamp};
use crate::policy::Policy;

/// Whose list it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BlocklistOwner {
    /// Policy names it.
    Administrator,
    /// The user chose it.
    User,
}

/// A list file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlocklistSource {
    /// Whose it is.
    pub owner: BlocklistOwner,
    /// Where it is.
    pub path: PathBuf,
}

impl BlocklistSource {
    /// The list files that a policy names.
    pub fn of_policy(policy: &Policy) -> impl Iterator<Item = Self> {
        policy.blocklists.iter().map(|path| Self {
            owner: BlocklistOwner::Administrator,
            path: path.clone(),
        })
    }
}

/// A list file in force. Cheap to clone.
#[derive(Clone, Debug)]
pub struct InstalledBlocklist {
    /// The file.
    pub source: BlocklistSource,
    /// Its content; without it every target is blocked.
    pub list: Option<Arc<CompiledBlocklist>>,
    /// Why the content is missing or an old one.
    pub problem: Option<BlocklistError>,
}

impl InstalledBlocklist {
    fn is_same(&self, other: &Self) -> bool {
        let same_list = match (&self.list, &other.list) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            _ => false,
        };
        same_list && self.source == other.source && self.problem == other.problem
    }
}

/// The list files of a profile, and the folder that keeps their compiled forms.
#[derive(Debug)]
pub struct BlocklistFiles {
    folder: PathBuf,
    installed: Vec<InstalledBlocklist>,
}

impl BlocklistFiles {
    /// No files yet. `folder` is one that exists and that nothing else writes to.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            installed: Vec::new(),
        }
    }

    /// Looks at these files, in place of those of the last call, and compiles those that are new or have changed, which
    /// takes seconds for a million lines. Returns the lists for [`UserCors::install_blocklists`], or `None` if they are
    /// those of the last call.
    ///
    /// To be called when the sources change, and now and then.
    ///
    /// [`UserCors::install_blocklists`]: crate::UserCors::install_blocklists
    pub fn refresh(
        &mut self,
        sources: impl IntoIterator<Item = BlocklistSource>,
    ) -> Option<Vec<InstalledBlocklist>> {
        let installed: Vec<InstalledBlocklist> = sources
            .into_iter()
            .map(|source| self.installed(source))
            .collect();
        let unchanged = installed.len() == self.installed.len()
            && installed
                .iter()
                .zip(&self.installed)
                .all(|(list, before)| list.is_same(before));
        self.installed = installed;
        (!unchanged).then(|| self.installed.clone())
    }

    fn installed(&self, source: BlocklistSource) -> InstalledBlocklist {
        let before = self
            .installed
            .iter()
            .find(|installed| installed.source.path == source.path)
            .and_then(|installed| installed.list.clone());
        let compiled_path = self.folder.join(compiled_name(&source.path));
        let stored = || {
            let list = CompiledBlocklist::open(&compiled_path).ok()?;
            (list.stamp().path() == source.path).then(|| Arc::new(list))
        };
        let known = before.or_else(stored);
        match current(&source.path, known.as_ref(), &compiled_path) {
            Ok(list) => InstalledBlocklist {
                source,
                list: Some(list),
                problem: None,
            },
            Err(problem) => InstalledBlocklist {
                source,
                list: known,
                problem: Some(problem),
            },
        }
    }
}

/// The list as it is in its file: the known one, or one that is compiled from it.
fn current(
    path: &Path,
    known: Option<&Arc<CompiledBlocklist>>,
    compiled_path: &Path,
) -> Result<Arc<CompiledBlocklist>, BlocklistError> {
    let stamp = SourceStamp::of(path)?;
    if let Some(list) = known.filter(|list| *list.stamp() == stamp) {
        return Ok(list.clone());
    }
    let list = CompiledBlocklist::compile(path)?;
    if let Err(error) = list.write(compiled_path) {
        log::warn!(
            "a compiled blocklist could not be kept and is compiled again next time: {error}"
        );
    }
    Ok(Arc::new(list))
}

/// The name of a list's compiled form. Two lists can have the same one: the file says whose it is.
fn compiled_name(source: &Path) -> OsString {
    let hash = crc32fast::hash(source.as_os_str().as_encoded_bytes());
    let mut name = source.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{hash:08x}.fst"));
    name
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::origin::TupleOrigin;

    fn user(path: &Path) -> BlocklistSource {
        BlocklistSource {
            owner: BlocklistOwner::User,
            path: path.to_owned(),
        }
    }

    fn blocks(lists: &[InstalledBlocklist], text: &str) -> bool {
        let target = TupleOrigin::parse(text).unwrap();
        lists
            .iter()
            .any(|installed| installed.list.as_ref().unwrap().blocks(&target))
    }

    #[test]
    fn a_change_is_taken_up_without_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        fs::write(&path, "a.example\n").unwrap();
        let mut files = BlocklistFiles::new(folder.path());
        let lists = files.refresh([user(&path)]).unwrap();
        assert!(blocks(&lists, "https://a.example"));
        assert!(files.refresh([user(&path)]).is_none());
        fs::write(&path, "a.example\nb.example\n").unwrap();
        let lists = files.refresh([user(&path)]).unwrap();
        assert!(blocks(&lists, "https://b.example"));
        assert!(files.refresh([]).unwrap().is_empty());
    }

    #[test]
    fn the_compiled_form_is_opened_again_and_a_damaged_one_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        fs::write(&path, "a.example\nbad line\n").unwrap();
        let _ = BlocklistFiles::new(folder.path()).refresh([user(&path)]);
        let compiled = folder.path().join(compiled_name(&path));
        let modified = || fs::metadata(&compiled).unwrap().modified().unwrap();
        let before = modified();
        let lists = BlocklistFiles::new(folder.path())
            .refresh([user(&path)])
            .unwrap();
        assert_eq!(modified(), before);
        let list = lists.first().and_then(|installed| installed.list.clone());
        assert_eq!(list.unwrap().bad_lines().count, 1);

        fs::write(&compiled, "nothing of the kind").unwrap();
        let lists = BlocklistFiles::new(folder.path())
            .refresh([user(&path)])
            .unwrap();
        assert!(blocks(&lists, "https://a.example"));
        assert!(CompiledBlocklist::open(&compiled).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_no_list_and_blocks_everything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        let lists = BlocklistFiles::new(folder.path()).refresh([user(&path)]);
        let lists = lists.unwrap();
        let installed = lists.first().unwrap();
        assert!(installed.list.is_none() && installed.problem.is_some());
    }

    #[test]
    fn a_list_that_cannot_be_read_any_more_stays_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.txt");
        fs::write(&path, "a.example\n").unwrap();
        let mut files = BlocklistFiles::new(folder.path());
        let _ = files.refresh([user(&path)]);
        fs::remove_file(&path).unwrap();
        for files in [&mut files, &mut BlocklistFiles::new(folder.path())] {
            let lists = files.refresh([user(&path)]).unwrap();
            assert!(blocks(&lists, "https://a.example"));
            assert!(lists.first().unwrap().problem.is_some());
        }
        let never_there = folder.path().join("other.txt");
        let lists = files.refresh([user(&never_there)]).unwrap();
        let installed = lists.first().unwrap();
        assert!(installed.list.is_none() && installed.problem.is_some());
    }
}
