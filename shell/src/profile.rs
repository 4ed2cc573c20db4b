//! Where the browser keeps what it remembers: a folder in the platform's place for it, a given one, or a temporary one.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use tempfile::TempDir;
use thiserror::Error;

/// Why a profile could not be opened.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// The platform names no folder for applications' data.
    #[error(
        "this system names no folder for a profile. Give one with --config-dir, or use --temporary-profile"
    )]
    NoPlace,
    /// The folder cannot be made or written to.
    #[error("the profile {} cannot be used: {source}. Give another folder with --config-dir, or use --temporary-profile", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another running browser has it.
    #[error("the profile {} is in use by another window of Latchkey. Close that, give another folder with --config-dir, or use --temporary-profile", path.display())]
    InUse {
        /// The folder.
        path: PathBuf,
    },
}

/// An open profile. While this lives no other process opens it; a temporary one is deleted when this is dropped.
#[derive(Debug)]
pub struct Profile {
    folder: PathBuf,
    temporary: Option<TempDir>,
    _lock: Option<File>,
}

impl Profile {
    /// Makes a profile that is deleted when it is dropped.
    ///
    /// # Errors
    /// If the system's folder for temporary files cannot be written to.
    pub fn temporary() -> Result<Self, ProfileError> {
        let temporary = tempfile::Builder::new()
            .prefix("latchkey-")
            .tempdir()
            .map_err(|source| ProfileError::Unusable {
                path: std::env::temp_dir(),
                source,
            })?;
        Ok(Self {
            folder: temporary.path().to_owned(),
            temporary: Some(temporary),
            _lock: None,
        })
    }

    /// Opens the profile in `folder`, or in the platform's place for it, making it if there is none.
    ///
    /// # Errors
    /// If the folder cannot be made or written to, or another process has the profile open.
    pub fn open(folder: Option<&Path>) -> Result<Self, ProfileError> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => ProjectDirs::from("org", "Latchkey", "Latchkey")
                .ok_or(ProfileError::NoPlace)?
                .data_dir()
                .to_owned(),
        };
        let lock = lock(&folder).map_err(|error| match error {
            TryLockError::WouldBlock => ProfileError::InUse {
                path: folder.clone(),
            },
            TryLockError::Error(source) => ProfileError::Unusable {
                path: folder.clone(),
                source,
            },
        })?;
        Ok(Self {
            folder,
            temporary: None,
            _lock: Some(lock),
        })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether it is deleted when it is dropped, so that nothing in it may be promised to last.
    pub fn is_temporary(&self) -> bool {
        self.temporary.is_some()
    }
}

fn lock(folder: &Path) -> Result<File, TryLockError> {
    fs::create_dir_all(folder).map_err(TryLockError::Error)?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("lock"))
        .map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_open_once_at_a_time() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("deep/profile");
        let first = Profile::open(Some(&folder)).unwrap();
        assert!(!first.is_temporary());
        assert!(matches!(
            Profile::open(Some(&folder)),
            Err(ProfileError::InUse { .. })
        ));
        drop(first);
        assert!(Profile::open(Some(&folder)).is_ok());
    }

    #[test]
    fn a_temporary_profile_is_deleted() {
        let profile = Profile::temporary().unwrap();
        let folder = profile.folder().to_owned();
        assert!(profile.is_temporary() && folder.is_dir());
        drop(profile);
        assert!(!folder.exists());
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(matches!(
            Profile::open(Some(&path)),
            Err(ProfileError::Unusable { .. })
        ));
    }
}
