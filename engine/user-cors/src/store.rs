//! The store: grants, denials, the user's blocklist, embargoes, remembered opt-outs and the ledger, on SQLite.
//!
//! Everything that decides is read into memory when the store is opened and looked up there by value; the database is
//! what survives. Each change is one transaction, written before it counts. The process may be killed at any moment: what
//! was acknowledged is there afterwards.
//!
//! A store that is damaged, or was written by a newer version, is set aside under another name and a new one is begun.
//! Then nothing is granted, and the person is told. One process has a store at a time.

mod blocklist;
mod database;
mod exchange;
mod grants;
mod ledger;
mod memories;
mod schema;

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode};
use thiserror::Error;

use self::database::Database;
pub use self::ledger::Ledger;
use crate::{
    blocklist::Blocklist,
    clock::Timestamp,
    embargo::Embargoes,
    opt_out::OptOuts,
    permission::{ByKey, Denial, Grant},
};

/// The store of a profile.
#[derive(Debug)]
pub struct PermissionStore {
    database: Database,
    kind: StoreKind,
    grants: ByKey<Vec<Grant>>,
    denials: ByKey<Denial>,
    blocklist: Blocklist,
    embargoes: Embargoes,
    opt_outs: OptOuts,
    ledger: Ledger,
}

/// Whether what is stored outlives the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// In a file.
    Lasting,
    /// In memory: a temporary profile, which offers no *Always*.
    Temporary,
}

/// A store that was opened.
#[derive(Debug)]
pub struct OpenedStore {
    /// The store.
    pub store: PermissionStore,
    /// The file that could not be used and what was wrong with it, if the store had to be begun anew.
    pub set_aside: Option<SetAside>,
}

/// A file that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its name since then.
    pub path: PathBuf,
    /// Why.
    pub reason: SetAsideReason,
}

/// Why a store cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetAsideReason {
    /// It is not a database, or a damaged one.
    #[error("the permission store is damaged: {0}")]
    Damaged(String),
    /// A newer version of the program wrote it.
    #[error(
        "the permission store was written by a newer version (schema {found}, this version knows {known})"
    )]
    Newer {
        /// The version in the file.
        found: i64,
        /// The latest one that is known here.
        known: i64,
    },
}

/// Why a store cannot be opened or written.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the permission store is in use by another process")]
    InUse,
    /// The file system refused.
    #[error("the permission store cannot be read or written")]
    Io(#[from] io::Error),
    /// SQLite refused.
    #[error("the permission store cannot be read or written")]
    Database(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            _ => Self::Database(error),
        }
    }
}

/// What went wrong while a file was read.
enum ReadError {
    /// The file has to be set aside.
    SetAside(SetAsideReason),
    /// It may be a good one, but cannot be used at this time.
    Store(StoreError),
}

impl From<rusqlite::Error> for ReadError {
    fn from(error: rusqlite::Error) -> Self {
        let damaged = match &error {
            rusqlite::Error::SqliteFailure(failure, _) => {
                matches!(
                    failure.code,
                    ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown
                )
            },
            // A column with a type, a value or a name that this schema does not have.
            _ => true,
        };
        if damaged {
            Self::SetAside(SetAsideReason::Damaged(error.to_string()))
        } else {
            Self::Store(error.into())
        }
    }
}

impl PermissionStore {
    /// Opens the store in the file at `path`, which is made if it does not exist. `now` names a file that is set aside.
    ///
    /// # Errors
    /// If another process has the store open, or the file system refuses. The caller then works with a store in memory.
    pub fn open(path: &Path, now: Timestamp) -> Result<OpenedStore, StoreError> {
        match Self::read(path) {
            Ok(store) => Ok(OpenedStore {
                store,
                set_aside: None,
            }),
            Err(ReadError::Store(error)) => Err(error),
            Err(ReadError::SetAside(reason)) => {
                let aside = set_aside(path, now)?;
                log::warn!("{reason}; it was set aside and a new one was begun");
                match Self::read(path) {
                    Ok(store) => Ok(OpenedStore {
                        store,
                        set_aside: Some(SetAside {
                            path: aside,
                            reason,
                        }),
                    }),
                    Err(ReadError::Store(error)) => Err(error),
                    Err(ReadError::SetAside(reason)) => Err(StoreError::Io(io::Error::new(
                        io::ErrorKind::InvalidData,
                        reason,
                    ))),
                }
            },
        }
    }

    /// A store in memory, for a temporary profile, or where no other can be opened.
    ///
    /// # Errors
    /// If SQLite has no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory()?;
        schema::migrate(&mut connection).map_err(|error| match error {
            ReadError::Store(error) => error,
            ReadError::SetAside(reason) => {
                StoreError::Io(io::Error::new(io::ErrorKind::InvalidData, reason))
            },
        })?;
        Ok(Self::empty(connection, StoreKind::Temporary))
    }

    /// Whether what is stored outlives the browser.
    pub fn kind(&self) -> StoreKind {
        self.kind
    }

    /// Deletes everything.
    ///
    /// # Errors
    /// If it cannot be written. In this process everything is deleted all the same.
    pub fn clear(&mut self) -> Result<(), StoreError> {
        self.grants.clear();
        self.denials.clear();
        self.blocklist = Blocklist::default();
        self.embargoes = Embargoes::default();
        self.opt_outs = OptOuts::default();
        let mut connection = self.database.lock();
        let transaction = connection.transaction()?;
        transaction.execute_batch(
            "DELETE FROM grants;
             DELETE FROM denials;
             DELETE FROM dismissals;
             DELETE FROM embargoes;
             DELETE FROM opt_outs;
             DELETE FROM blocked_targets;
             DELETE FROM ledger;",
        )?;
        transaction.commit()?;
        self.ledger.was_cleared();
        Ok(())
    }

    fn empty(connection: Connection, kind: StoreKind) -> Self {
        let database = Database::new(connection);
        Self {
            ledger: Ledger::new(database.clone()),
            database,
            kind,
            grants: ByKey::default(),
            denials: ByKey::default(),
            blocklist: Blocklist::default(),
            embargoes: Embargoes::default(),
            opt_outs: OptOuts::default(),
        }
    }

    fn read(path: &Path) -> Result<Self, ReadError> {
        create_private(path).map_err(|error| ReadError::Store(error.into()))?;
        let mut connection = Connection::open(path)?;
        schema::configure(&connection)?;
        schema::migrate(&mut connection)?;
        schema::check(&connection)?;
        let mut store = Self::empty(connection, StoreKind::Lasting);
        store.load_grants()?;
        store.load_denials()?;
        store.load_blocklist()?;
        store.load_embargoes()?;
        store.load_opt_outs()?;
        store.ledger.load()?;
        Ok(store)
    }
}

/// Makes the file, so that no other user of the computer can read it.
fn create_private(path: &Path) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Renames the database with what belongs to it. The write-ahead log goes first: it must never meet a new database.
fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let aside = (0..1000)
        .map(|attempt| suffixed(path, &format!(".set-aside-{}-{attempt}", now.as_millis())))
        .find(|candidate| !candidate.exists())
        .ok_or_else(|| io::Error::from(io::ErrorKind::AlreadyExists))?;
    for suffix in ["-wal", "-shm", "-journal"] {
        match fs::rename(suffixed(path, suffix), suffixed(&aside, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {},
        }
    }
    fs::rename(path, &aside)?;
    Ok(aside)
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A moment in a column.
fn timestamp(row: &rusqlite::Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

/// A value that a column's text does not have.
fn invalid(column: &str) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnName(column.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("permissions.sqlite");
        (folder, path)
    }

    #[test]
    fn a_fresh_store_is_empty_and_private() {
        let (_folder, path) = folder();
        let opened = PermissionStore::open(&path, NOW).unwrap();
        assert_eq!(opened.set_aside, None);
        assert_eq!(opened.store.kind(), StoreKind::Lasting);
        assert!(opened.store.grants(NOW).is_empty());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0);
        }
    }

    #[test]
    fn one_process_at_a_time() {
        let (_folder, path) = folder();
        let first = PermissionStore::open(&path, NOW).unwrap();
        assert!(matches!(
            PermissionStore::open(&path, NOW),
            Err(StoreError::InUse)
        ));
        drop(first);
        assert!(PermissionStore::open(&path, NOW).is_ok());
    }

    #[test]
    fn damaged_files_are_set_aside() {
        for content in [
            &b"this is no database, but it is long enough to be looked at by sqlite at least once"
                [..],
            &[0; 4096],
        ] {
            let (_folder, path) = folder();
            fs::write(&path, content).unwrap();
            let opened = PermissionStore::open(&path, NOW).unwrap();
            let aside = opened.set_aside.expect("set aside");
            assert!(
                matches!(aside.reason, SetAsideReason::Damaged(_)),
                "{aside:?}"
            );
            assert_eq!(fs::read(&aside.path).unwrap(), content);
            assert!(opened.store.grants(NOW).is_empty());
        }
    }

    #[test]
    fn a_newer_store_is_set_aside() {
        let (_folder, path) = folder();
        drop(PermissionStore::open(&path, NOW).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 999).unwrap();
        drop(connection);
        let opened = PermissionStore::open(&path, NOW).unwrap();
        let reason = opened.set_aside.map(|aside| aside.reason);
        assert_eq!(
            reason,
            Some(SetAsideReason::Newer {
                found: 999,
                known: schema::LATEST
            })
        );
    }

    #[test]
    fn rows_that_make_no_sense_set_the_store_aside() {
        for (table, assignment) in [
            ("grants", "requester = 'not an origin'"),
            ("grants", "methods = 64"),
            ("grants", "headers = 'A B'"),
            ("grants", "way = 'around'"),
            ("denials", "target = 'https://b.example/'"),
            ("blocked_targets", "target = '*.b.example'"),
        ] {
            let (_folder, path) = folder();
            let mut store = PermissionStore::open(&path, NOW).unwrap().store;
            grants::tests::add_one_of_each(&mut store, NOW);
            store.block(&"bank.example".parse().unwrap()).unwrap();
            drop(store);
            let connection = Connection::open(&path).unwrap();
            connection
                .execute_batch(&format!(
                    "PRAGMA ignore_check_constraints = ON; UPDATE {table} SET {assignment};"
                ))
                .unwrap();
            drop(connection);
            let opened = PermissionStore::open(&path, NOW).unwrap();
            assert!(opened.set_aside.is_some(), "{table} {assignment}");
            assert!(opened.store.grants(NOW).is_empty());
        }
    }
}
