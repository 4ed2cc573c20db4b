//! Files of blocklists: the administrator's, which a policy names, and the user's, which lie in a folder of the profile.

use std::path::{Path, PathBuf};
use std::{fs, io};

use user_cors::{BlocklistOwner, BlocklistSource, InstalledBlocklist, PolicyStatus};

/// How many bad lines of a list are told.
const MAX_TOLD_LINES: usize = 5;

/// The list files to read: those that a policy names, and those with names that end in `.txt` in the user's folder.
pub fn sources(policy: &PolicyStatus, folder: &Path) -> Vec<BlocklistSource> {
    let of_user = match lists_in(folder) {
        Ok(lists) => lists,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        // Nobody knows what the lists in it block, so they stand for one that cannot be read: it blocks everything.
        Err(_) => vec![folder.join("*.txt")],
    };
    policy
        .policy()
        .into_iter()
        .flat_map(BlocklistSource::of_policy)
        .chain(of_user.into_iter().map(|path| BlocklistSource {
            owner: BlocklistOwner::User,
            path,
        }))
        .collect()
}

fn lists_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut lists = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            lists.push(path);
        }
    }
    lists.sort();
    Ok(lists)
}

/// A list file as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListReport {
    /// Whose it is.
    pub owner: BlocklistOwner,
    /// Where it is.
    pub path: PathBuf,
    /// How many entries are in force.
    pub entries: usize,
    /// How many lines were skipped.
    pub bad_lines: u64,
    /// Whether the file cannot be read as it is.
    pub is_unreadable: bool,
    /// What is wrong with the file or with its first bad lines, each with its number.
    pub problems: Vec<String>,
}

/// List files as they are shown.
pub fn list_reports(lists: &[InstalledBlocklist]) -> Vec<ListReport> {
    lists.iter().map(ListReport::new).collect()
}

impl ListReport {
    fn new(installed: &InstalledBlocklist) -> Self {
        let mut problems = Vec::new();
        match (&installed.problem, &installed.list) {
            (Some(problem), Some(_)) => {
                problems.push(format!("{problem}; what it said before stays in force"));
            },
            (Some(problem), None) => {
                problems.push(format!("{problem}; nothing can be allowed until it can"));
            },
            (None, _) => {},
        }
        let bad = installed.list.as_ref().map(|list| list.bad_lines());
        for line in bad
            .into_iter()
            .flat_map(|bad| bad.first.iter().take(MAX_TOLD_LINES))
        {
            problems.push(format!("line {}: {}", line.number, line.problem));
        }
        let bad_lines = bad.map_or(0, |bad| bad.count);
        let untold = bad_lines.saturating_sub(MAX_TOLD_LINES as u64);
        if untold > 0 {
            problems.push(format!("and {untold} more lines that were skipped"));
        }
        Self {
            owner: installed.source.owner,
            path: installed.source.path.clone(),
            entries: installed.list.as_ref().map_or(0, |list| list.entries()),
            bad_lines,
            is_unreadable: installed.problem.is_some(),
            problems,
        }
    }

    /// Writes what is wrong to standard error.
    pub fn tell(&self) {
        for problem in &self.problems {
            eprintln!("latchkey: blocklist {}: {problem}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use user_cors::{BlocklistFiles, Policy};

    use super::*;

    #[test]
    fn the_policy_s_lists_and_the_users() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.txt", "a.txt", "notes.md"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let policy = PolicyStatus::InForce(Policy {
            blocklists: vec!["/lists/office".into()],
            ..Policy::default()
        });
        let found: Vec<_> = sources(&policy, folder.path())
            .into_iter()
            .map(|source| (source.owner, source.path))
            .collect();
        assert_eq!(
            found,
            [
                (BlocklistOwner::Administrator, "/lists/office".into()),
                (BlocklistOwner::User, folder.path().join("a.txt")),
                (BlocklistOwner::User, folder.path().join("b.txt")),
            ]
        );
        assert!(sources(&PolicyStatus::None, &folder.path().join("none")).is_empty());
    }

    #[test]
    fn a_folder_that_cannot_be_read_blocks_everything() {
        let profile = tempfile::tempdir().unwrap();
        let folder = profile.path().join("lists");
        fs::write(&folder, "a.example\n").unwrap();
        let installed = BlocklistFiles::new(profile.path())
            .refresh(sources(&PolicyStatus::None, &folder))
            .unwrap();
        let [installed] = installed.as_slice() else {
            panic!("{installed:?}");
        };
        assert!(installed.list.is_none() && installed.problem.is_some());
    }

    #[test]
    fn all_lists_of_the_user_count() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..200 {
            fs::write(folder.path().join(format!("{number}.txt")), "").unwrap();
        }
        assert_eq!(sources(&PolicyStatus::None, folder.path()).len(), 200);
    }

    #[test]
    fn bad_lines_are_told_with_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("list.txt");
        let bad = "no target at all\n".repeat(7);
        fs::write(&list, format!("a.example\n{bad}b.example\n")).unwrap();
        let missing = folder.path().join("missing.txt");
        let source = |path: &Path| BlocklistSource {
            owner: BlocklistOwner::User,
            path: path.to_owned(),
        };
        let installed = BlocklistFiles::new(folder.path())
            .refresh([source(&list), source(&missing)])
            .unwrap();
        let reports = list_reports(&installed);
        let [first, second] = &reports[..] else {
            panic!("{reports:?}");
        };
        assert_eq!((first.entries, first.bad_lines), (2, 7));
        assert!(!first.is_unreadable && second.is_unreadable);
        assert!(first.problems[0].starts_with("line 2: "), "{first:?}");
        assert_eq!(first.problems.len(), 6);
        assert!(first.problems[5].contains("2 more"), "{first:?}");
        assert!(
            second.problems[0].contains("nothing can be allowed"),
            "{second:?}"
        );
    }
}
