//! Files of the profile: versioned JSON, replaced as a whole.
//!
//! A reader sees either the old file or the new one, also after a crash. A file that cannot be understood is set aside
//! under another name, so that nothing is lost, and the store starts empty.

use std::fs;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
struct Contents<T> {
    data: T,
}

#[derive(Serialize)]
struct File<'a, T> {
    version: u32,
    data: &'a T,
}

/// Reads the store in the file `name` of `directory`; `None` if there is none that can be understood.
///
/// A file that is corrupt or of another version is renamed to `name` with `.unreadable` after it.
pub(crate) fn read<T: DeserializeOwned>(directory: &Path, name: &str, version: u32) -> Option<T> {
    let path = directory.join(name);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) => {
            if error.kind() != ErrorKind::NotFound {
                log::warn!("{name} of the profile could not be read: {error}");
            }
            return None;
        },
    };
    match parse(&bytes, version) {
        Ok(data) => Some(data),
        Err(problem) => {
            log::warn!("{name} of the profile is set aside: {problem}");
            if let Err(error) = fs::rename(&path, directory.join(format!("{name}.unreadable"))) {
                log::warn!("{name} of the profile could not be set aside: {error}");
            }
            None
        },
    }
}

/// The problem is a text without anything of the file's contents, which may be secret.
fn parse<T: DeserializeOwned>(bytes: &[u8], version: u32) -> Result<T, String> {
    let position = |error: serde_json::Error| {
        format!("broken at line {}, column {}", error.line(), error.column())
    };
    let Version { version: found } = serde_json::from_slice(bytes).map_err(position)?;
    if found != version {
        return Err(format!("it has version {found}, not {version}"));
    }
    let Contents { data } = serde_json::from_slice(bytes).map_err(position)?;
    Ok(data)
}

/// Replaces the file `name` of `directory` by `data`. Only the user's own account can read the file.
///
/// # Errors
/// What the file system refuses. The old file then stays as it is.
pub(crate) fn write<T: Serialize>(
    directory: &Path,
    name: &str,
    version: u32,
    data: &T,
) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let mut writer = BufWriter::new(NamedTempFile::new_in(directory)?);
    serde_json::to_writer(&mut writer, &File { version, data })?;
    writer.flush()?;
    let file = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    file.persist(directory.join(name))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "a.json", 3, &vec![1, 2]).unwrap();
        write(directory.path(), "a.json", 3, &vec![3]).unwrap();
        assert_eq!(
            read::<Vec<u8>>(directory.path(), "a.json", 3),
            Some(vec![3])
        );
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_understood_is_set_aside() {
        for bytes in [
            &b""[..],
            b"{",
            b"{\"version\":2,\"data\":[1]}",
            b"{\"version\":1,\"data\":{}}",
            b"\xff",
        ] {
            let directory = tempfile::tempdir().unwrap();
            fs::write(directory.path().join("a.json"), bytes).unwrap();
            assert_eq!(read::<Vec<u8>>(directory.path(), "a.json", 1), None);
            assert!(!directory.path().join("a.json").exists());
            assert_eq!(
                fs::read(directory.path().join("a.json.unreadable")).unwrap(),
                bytes
            );
        }
    }

    #[test]
    fn a_missing_file_is_no_problem() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(read::<Vec<u8>>(directory.path(), "a.json", 1), None);
    }
}
