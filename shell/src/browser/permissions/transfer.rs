//! Import and export of permissions, and export of the ledger.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use net::embedding::Embedding;
use tempfile::NamedTempFile;
use thiserror::Error;
use user_cors::{
    Budget, ImportPreview, MAX_PERMISSIONS_BYTES, PermissionsFile, StoreError, Timestamp, UserCors,
};

use super::row::PermissionRow;
use super::words::count;
use super::{Ledger, Permissions};

/// Why a file could not be read or written.
#[derive(Debug, Error)]
pub enum TransferError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}. Choose a file that you may read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is no file of permissions.
    #[error("{} holds no permissions: {reason}. Choose a file that was exported here", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// The file cannot be written.
    #[error("{} cannot be written: {source}. Choose another folder", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The profile cannot be read or written.
    #[error("the profile's permissions: {0}")]
    Store(#[from] StoreError),
}

/// A file that is about to be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    file: PermissionsFile,
    /// Where it came from.
    pub path: PathBuf,
    /// What would be allowed and refused, newest first.
    pub rows: Vec<PermissionRow>,
    /// What it comes to, in a sentence.
    pub summary: String,
}

/// The state of import and export.
#[derive(Debug, Default)]
pub struct Transfer {
    /// The file that the person is to look at before it is imported.
    pub import: Option<Import>,
    /// What the last import or export came to.
    pub outcome: Option<Result<String, String>>,
}

impl Import {
    /// Reads a file, and looks what it would add.
    ///
    /// # Errors
    /// If it cannot be read or holds no permissions.
    pub fn read(path: &Path, model: &UserCors, now: Timestamp) -> Result<Self, TransferError> {
        let file = read(path)?;
        let ImportPreview {
            grants,
            denials,
            revoked,
            left_out,
        } = model.preview_import(&file, now);
        let budget = Budget::default();
        let mut summary = format!(
            "{} would be allowed and {} refused.",
            count(grants.len() as u64, "pair", "pairs"),
            denials.len()
        );
        if revoked > 0 {
            summary.push_str(&format!(
                " {} that you have would end.",
                count(revoked as u64, "permission", "permissions")
            ));
        }
        if left_out > 0 {
            summary.push_str(&format!(
                " {} would be left out: ended, refused here, here already, or not kept by this profile.",
                count(left_out as u64, "entry", "entries")
            ));
        }
        let mut rows: Vec<PermissionRow> = grants
            .iter()
            .map(|grant| PermissionRow::of_grant(grant, false, &budget, now))
            .chain(denials.iter().map(PermissionRow::of_denial))
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.created));
        Ok(Self {
            file,
            path: path.to_owned(),
            rows,
            summary,
        })
    }

    /// Whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

fn read(path: &Path) -> Result<PermissionsFile, TransferError> {
    let unreadable = |source| TransferError::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    // One byte more than a file may have tells one that is too large.
    fs::File::open(path)
        .map_err(unreadable)?
        .take(MAX_PERMISSIONS_BYTES as u64 + 1)
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    PermissionsFile::parse(&text).map_err(|error| TransferError::Content {
        path: path.to_owned(),
        reason: error.to_string(),
    })
}

/// Writes a file so that it is there whole or as it was before.
///
/// # Errors
/// If it cannot be written.
pub(super) fn write(path: &Path, text: &str) -> Result<(), TransferError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let written: io::Result<()> = (|| {
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    })();
    written.map_err(|source| TransferError::Write {
        path: path.to_owned(),
        source,
    })
}

fn export_permissions(
    path: &Path,
    model: &UserCors,
    now: Timestamp,
) -> Result<String, TransferError> {
    let file = model.export_permissions(now)?;
    write(path, &file.to_json())?;
    Ok(format!(
        "{} written to {}.",
        count(file.len() as u64, "entry", "entries"),
        path.display()
    ))
}

fn export_ledger(path: &Path, ledger: &Ledger, model: &UserCors) -> Result<String, TransferError> {
    let lines = model.export_ledger(&ledger.query())?;
    write(path, &lines)?;
    Ok(format!(
        "{} written to {}.",
        count(lines.lines().count() as u64, "record", "records"),
        path.display()
    ))
}

impl Permissions {
    /// Writes the lasting grants and the denials to a file.
    pub fn export_permissions(&mut self, path: &Path) {
        self.transfer_with(|_, model, now| export_permissions(path, model, now));
    }

    /// Writes the records of the ledger that fit the search to a file, as lines of JSON.
    pub fn export_ledger(&mut self, path: &Path) {
        self.transfer_with(|permissions, model, _| export_ledger(path, &permissions.ledger, model));
    }

    /// Reads a file, to be looked at before it is imported.
    pub fn open_import(&mut self, path: &Path) {
        let Some(embedding) = Embedding::get() else {
            return;
        };
        match Import::read(path, embedding.user_cors(), embedding.now()) {
            Ok(import) => {
                self.transfer.import = Some(import);
                self.transfer.outcome = None;
            },
            Err(error) => self.transfer.outcome = Some(Err(error.to_string())),
        }
    }

    /// Leaves the file alone that was to be imported.
    pub fn cancel_import(&mut self) {
        self.transfer.import = None;
    }

    /// Imports the file that the person has looked at.
    pub fn confirm_import(&mut self) {
        let Some(import) = self.transfer.import.take() else {
            return;
        };
        self.transfer_with(|_, model, now| {
            let (imported, settled) = model.import_permissions(&import.file, now)?;
            if let Some(embedding) = Embedding::get() {
                embedding.deliver(settled);
            }
            Ok(format!(
                "{} added, {} left out.",
                count(
                    (imported.grants + imported.denials) as u64,
                    "entry",
                    "entries"
                ),
                imported.left_out
            ))
        });
        self.refresh();
    }

    fn transfer_with(
        &mut self,
        transfer: impl FnOnce(&Self, &UserCors, Timestamp) -> Result<String, TransferError>,
    ) {
        if let Some(embedding) = Embedding::get() {
            embedding.settle_ledger();
            let outcome = transfer(self, embedding.user_cors(), embedding.now());
            self.transfer.outcome = Some(outcome.map_err(|error| error.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use user_cors::PermissionStore;

    use super::super::tests::{NOW, model};
    use super::*;

    #[test]
    fn what_was_exported_is_shown_before_it_is_imported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export.json");
        let text = export_permissions(&path, &model(&folder), NOW).unwrap();
        assert!(text.starts_with("2 entries"), "{text}");

        let other = tempfile::tempdir().unwrap();
        let store = PermissionStore::open(&other.path().join("permissions.sqlite"), NOW).unwrap();
        let other = UserCors::new(store.store);
        let import = Import::read(&path, &other, NOW).unwrap();
        assert_eq!(import.rows.len(), 2);
        assert!(
            import
                .summary
                .starts_with("1 pair would be allowed and 1 refused."),
            "{}",
            import.summary
        );
        assert!(other.grants(NOW).is_empty(), "nothing is added by looking");

        let again = Import::read(&path, &model(&tempfile::tempdir().unwrap()), NOW).unwrap();
        assert!(again.is_empty());
        assert!(again.summary.contains("2 entries would be left out"));
    }

    #[test]
    fn errors_name_the_file_and_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let model = model(&folder);
        let path = folder.path().join("import.json");
        let read = || {
            Import::read(&path, &model, NOW)
                .map(drop)
                .unwrap_err()
                .to_string()
        };
        assert!(read().contains("cannot be read"));
        fs::write(&path, "{\"version\": 1,\n \"grants\": 5}").unwrap();
        let error = read();
        assert!(
            error.contains("import.json") && error.contains("line 2"),
            "{error}"
        );
        let missing = folder.path().join("no/such/folder/export.json");
        let error = export_permissions(&missing, &model, NOW)
            .unwrap_err()
            .to_string();
        assert!(error.contains("cannot be written"), "{error}");
    }

    #[test]
    fn a_file_that_is_written_takes_the_place_of_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.jsonl");
        fs::write(&path, "before").unwrap();
        let text = export_ledger(&path, &Ledger::default(), &model(&folder)).unwrap();
        assert!(text.starts_with("0 records"), "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}
