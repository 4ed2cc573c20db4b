//! Folders in which this user could put something else in the place of a policy file, by owner and mode.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{self, Path, PathBuf},
};

/// In a folder with this bit only the owner of an entry, or of the folder, removes or renames it.
const STICKY: u32 = 0o1000;

/// Who asks, and what a folder and an entry in it say.
struct Ownership {
    user: u32,
    folder: u32,
    mode: u32,
    entry: u32,
    /// Whether the system let this user make a file there.
    may_create: bool,
}

impl Ownership {
    fn lets_replace(&self) -> bool {
        // Who owns a folder can give themselves leave to write to it; the superuser needs none.
        if self.user == self.folder || self.user == 0 {
            return true;
        }
        self.may_create && (self.mode & STICKY == 0 || self.user == self.entry)
    }
}

/// The most links on the way to a file.
const MOST_LINKS: usize = 40;

/// The last folder on the way to the file in which this user could put something in the place of the file, of a folder
/// above it, or of a link that leads to either.
///
/// # Errors
/// If a part of the way cannot be looked at, or links go round in circles.
pub(super) fn replaceable_in(path: &Path) -> io::Result<Option<PathBuf>> {
    // NB: a file of one's own says who one is; the standard library does not.
    let user = tempfile::tempfile()?.metadata()?.uid();
    let mut folder = PathBuf::from("/");
    let mut names = names_from_the_last(&path::absolute(path)?);
    let mut links = 0;
    let mut found = None;
    while let Some(name) = names.pop() {
        if name == ".." {
            folder.pop();
            continue;
        }
        let entry = folder.join(name);
        let (of_folder, of_entry) = (fs::metadata(&folder)?, fs::symlink_metadata(&entry)?);
        let ownership = Ownership {
            user,
            folder: of_folder.uid(),
            mode: of_folder.mode(),
            entry: of_entry.uid(),
            may_create: tempfile::tempfile_in(&folder).is_ok(),
        };
        if ownership.lets_replace() {
            found = Some(folder.clone());
        }
        if !of_entry.is_symlink() {
            folder = entry;
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(io::Error::other("too many links lead to it"));
        }
        let target = fs::read_link(&entry)?;
        if target.is_absolute() {
            folder = PathBuf::from("/");
        }
        names.extend(names_from_the_last(&target));
    }
    Ok(found)
}

/// The names in a path, the first one last.
fn names_from_the_last(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|component| match component {
        path::Component::Normal(name) => Some(name.to_owned()),
        path::Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    });
    names.rev().collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_can_be_replaced_by_whoever_can_write_to_a_folder_above_it() {
        let user = 1000;
        for (user, folder, mode, entry, may_create, expected) in [
            (user, 0, 0o755, 0, false, false),
            (user, 0, 0o1777, 0, true, false),
            (user, 0, 0o777, 0, true, true),
            (user, 0, 0o1777, user, true, true),
            (user, 0, 0o775, 0, true, true),
            (user, user, 0o555, 0, false, true),
            (0, 0, 0o755, 0, true, true),
        ] {
            let ownership = Ownership {
                user,
                folder,
                mode,
                entry,
                may_create,
            };
            assert_eq!(
                ownership.lets_replace(),
                expected,
                "{mode:o} {folder} {entry}"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policies.json");
        fs::write(&path, "{}").unwrap();
        assert_eq!(
            replaceable_in(&path).unwrap(),
            Some(fs::canonicalize(folder.path()).unwrap())
        );
        // What a link leads to may be out of reach, and the link is not.
        let link = folder.path().join("link.json");
        symlink("/../etc/./passwd", &link).unwrap();
        let found = replaceable_in(&link).unwrap();
        let is_superuser = tempfile::tempfile().unwrap().metadata().unwrap();
        let expected = match is_superuser.uid() {
            0 => PathBuf::from("/etc"),
            _ => fs::canonicalize(folder.path()).unwrap(),
        };
        assert_eq!(found, Some(expected));
        symlink("circle.json", folder.path().join("circle.json")).unwrap();
        assert!(replaceable_in(&folder.path().join("circle.json")).is_err());
    }
}
