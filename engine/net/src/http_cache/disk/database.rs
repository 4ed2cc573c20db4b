//! The disk tier's SQLite file.
//!
//! Changes are made within a transaction that [`Database::commit`] ends; a process that is killed leaves the last one that
//! was ended. The bodies are in a table of their own, so that a use or a new head does not write them again.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use log::warn;
use rusqlite::{Connection, ErrorCode, Row, TransactionBehavior, named_params};
use servo_url::ServoUrl;
use thiserror::Error;

use super::DiskLimits;
use super::record::{
    EncodedRecord, KeyDigest, Record, RecordError, decode_key, decode_selecting, encode_key,
};
use crate::connection::NetworkPartitionKey;
use crate::http_cache::key::CacheKey;
use crate::http_cache::no_vary_search::UrlSearchVariance;
use crate::http_cache::store::MAX_VARIANTS;
use crate::http_cache::vary::SelectingHeaders;

/// One script for each version; version n is reached by running the first n. Scripts that were released never change.
const MIGRATIONS: &[&str] = &[VERSION_1];

/// `key_digest` and its like are numbers to search by, `equivalent…` those of a response with `No-Vary-Search`; `size` is
/// what counts for the budget, in bytes; `last_use` orders rows by their uses. The index by use holds all that is read at the
/// start beside the keys' digests.
const VERSION_1: &str = "
CREATE TABLE responses (
    id INTEGER PRIMARY KEY,
    key_digest INTEGER NOT NULL,
    url_digest INTEGER NOT NULL,
    equivalent_digest INTEGER,
    equivalent_url_digest INTEGER,
    size INTEGER NOT NULL,
    last_use INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body_checksum INTEGER NOT NULL,
    key BLOB NOT NULL,
    selecting BLOB NOT NULL,
    head BLOB NOT NULL
) STRICT;
CREATE INDEX responses_by_key ON responses (key_digest);
CREATE INDEX responses_by_url ON responses (url_digest);
CREATE INDEX responses_by_equivalents ON responses (equivalent_digest) WHERE equivalent_digest IS NOT NULL;
CREATE INDEX responses_by_equivalent_urls ON responses (equivalent_url_digest)
    WHERE equivalent_url_digest IS NOT NULL;
CREATE INDEX responses_by_use ON responses (last_use, size);
CREATE TABLE bodies (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TRIGGER a_body_goes_with_its_response AFTER DELETE ON responses
    BEGIN DELETE FROM bodies WHERE id = OLD.id; END;
";

/// What a row takes beside its contents, in bytes; an estimate on the safe side, which also bounds the number of rows.
const ROW_OVERHEAD: usize = 1024;
/// How many bytes of bodies are read for one key; what is beyond stays on disk.
const LOAD_LIMIT: usize = 32 << 20;

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub(super) enum DatabaseError {
    /// Another process has it open.
    #[error("another process uses it")]
    InUse,
    /// It is not a database, or a damaged one.
    #[error("it is damaged")]
    Damaged(#[source] rusqlite::Error),
    /// A newer version of the program wrote it.
    #[error("a newer version wrote it (schema {found}, this version knows {known})")]
    Newer {
        /// The version in the file.
        found: i64,
        /// The latest one that is known here.
        known: usize,
    },
    /// SQLite refused.
    #[error("it cannot be read or written")]
    Sqlite(#[source] rusqlite::Error),
    /// The file system refused.
    #[error("it cannot be made or deleted")]
    Io(#[from] io::Error),
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error),
            _ => Self::Sqlite(error),
        }
    }
}

/// An open file.
pub(super) struct Database {
    connection: Connection,
    limits: DiskLimits,
    /// The sum of all rows' sizes.
    size: i64,
    /// The largest `last_use`.
    last_use: i64,
    in_transaction: bool,
}

impl Database {
    /// Opens the file, or makes it. One that cannot be understood is deleted and made anew, with a word in the log.
    ///
    /// # Errors
    /// If another process has it open, or the file system refuses.
    pub(super) fn open_or_begin_anew(
        path: &Path,
        limits: DiskLimits,
    ) -> Result<Self, DatabaseError> {
        match Self::open(path, limits) {
            Err(error @ (DatabaseError::Damaged(_) | DatabaseError::Newer { .. })) => {
                warn!("the HTTP cache on disk is begun anew: {error}");
                delete(path)?;
                Self::open(path, limits)
            },
            opened => opened,
        }
    }

    fn open(path: &Path, limits: DiskLimits) -> Result<Self, DatabaseError> {
        create_private(path)?;
        let mut connection = Connection::open(path)?;
        configure(&connection)?;
        migrate(&mut connection)?;
        let (size, last_use) = connection.query_row(
            "SELECT coalesce(sum(size), 0), coalesce(max(last_use), 0) FROM responses",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let mut database = Self {
            connection,
            limits,
            size,
            last_use,
            in_transaction: false,
        };
        // The budget may have become smaller.
        database.evict()?;
        database.commit()?;
        Ok(database)
    }

    /// The digests of all keys, and of those with equivalents.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn index(&self) -> Result<Vec<KeyDigest>, DatabaseError> {
        let mut statement = self.connection.prepare(
            "SELECT key_digest FROM responses
             UNION SELECT equivalent_digest FROM responses WHERE equivalent_digest IS NOT NULL",
        )?;
        let digests = statement.query_map([], |row| row.get(0).map(KeyDigest))?;
        Ok(digests.collect::<rusqlite::Result<_>>()?)
    }

    fn begin(&mut self) -> Result<(), DatabaseError> {
        if !self.in_transaction {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            self.in_transaction = true;
        }
        Ok(())
    }

    /// Makes the changes since the last call last.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(super) fn commit(&mut self) -> Result<(), DatabaseError> {
        if self.in_transaction {
            self.connection.execute_batch("COMMIT")?;
            self.in_transaction = false;
        }
        Ok(())
    }

    /// Writes a response in the place of the one that the same requests select.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn put(&mut self, record: &Record) -> Result<(), DatabaseError> {
        let Ok(encoded) = record.encode() else {
            return Ok(());
        };
        self.begin()?;
        let digests = Digests::of(record);
        let same = self.ids_of_variant(digests.key, &encoded)?;
        self.delete_rows(same)?;
        let size = ROW_OVERHEAD
            + encoded.key.len()
            + encoded.selecting.len()
            + encoded.head.len()
            + record.body.len();
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        self.last_use += 1;
        self.connection
            .prepare_cached(
                "INSERT INTO responses
                 (key_digest, url_digest, equivalent_digest, equivalent_url_digest, size, last_use, checksum,
                  body_checksum, key, selecting, head)
                 VALUES (:key_digest, :url_digest, :equivalent_digest, :equivalent_url_digest, :size, :last_use,
                         :checksum, :body_checksum, :key, :selecting, :head)",
            )?
            .execute(named_params! {
                ":key_digest": digests.key.0,
                ":url_digest": digests.url.0,
                ":equivalent_digest": digests.equivalents.map(|digest| digest.0),
                ":equivalent_url_digest": digests.equivalent_urls.map(|digest| digest.0),
                ":size": size,
                ":last_use": self.last_use,
                ":checksum": encoded.checksum,
                ":body_checksum": crc32fast::hash(&record.body),
                ":key": encoded.key,
                ":selecting": encoded.selecting,
                ":head": encoded.head,
            })?;
        let id = self.connection.last_insert_rowid();
        self.connection
            .prepare_cached("INSERT INTO bodies (id, body) VALUES (?1, ?2)")?
            .execute((id, &record.body[..]))?;
        self.size = self.size.saturating_add(size);
        let too_many = self.rows(
            "SELECT id, size FROM responses WHERE key_digest = ?1
             ORDER BY last_use DESC LIMIT -1 OFFSET ?2",
            (digests.key.0, MAX_VARIANTS as i64),
        )?;
        self.delete_rows(too_many)?;
        self.evict()
    }

    /// Writes a new head of a response that is there.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn update(&mut self, record: &Record) -> Result<(), DatabaseError> {
        let digests = Digests::of(record);
        let Ok(encoded) = record.encode() else {
            return Ok(());
        };
        self.begin()?;
        for (id, _) in self.ids_of_variant(digests.key, &encoded)? {
            self.connection
                .prepare_cached(
                    "UPDATE responses SET equivalent_digest = ?2, equivalent_url_digest = ?3, checksum = ?4, head = ?5
                     WHERE id = ?1",
                )?
                .execute((
                    id,
                    digests.equivalents.map(|digest| digest.0),
                    digests.equivalent_urls.map(|digest| digest.0),
                    encoded.checksum,
                    &encoded.head,
                ))?;
        }
        Ok(())
    }

    /// Removes the responses of a key that `condition` holds for, and those that cannot be read.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn remove(
        &mut self,
        key: &CacheKey,
        condition: &dyn Fn(&SelectingHeaders) -> bool,
    ) -> Result<(), DatabaseError> {
        let Ok(encoded) = encode_key(key) else {
            return Ok(());
        };
        self.remove_where(
            "SELECT id, size, key, selecting FROM responses WHERE key_digest = ?1",
            [KeyDigest::of(key).0],
            |row| {
                Ok(row.get_ref("key")?.as_blob()? == encoded
                    && decode_selecting(row.get_ref("selecting")?.as_blob()?)
                        .map_or(true, |selecting| condition(&selecting)))
            },
        )
    }

    /// Removes all responses of a partition that are of this URL or may be equivalent to it.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn remove_url(
        &mut self,
        partition: &NetworkPartitionKey,
        url: &ServoUrl,
    ) -> Result<(), DatabaseError> {
        self.remove_where(
            "SELECT id, size, key FROM responses WHERE url_digest = ?1 OR equivalent_url_digest = ?2",
            [
                KeyDigest::of_url(url).0,
                KeyDigest::of_equivalent_urls(url).0,
            ],
            |row| {
                Ok(decode_key(row.get_ref("key")?.as_blob()?)
                    .map_or(true, |key| key.partition() == partition))
            },
        )
    }

    /// Removes all responses of the keys that `condition` holds for, and those that cannot be read. The pages go back to the
    /// file system.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn remove_keys(
        &mut self,
        condition: &mut dyn FnMut(&CacheKey) -> bool,
    ) -> Result<(), DatabaseError> {
        self.remove_where("SELECT id, size, key FROM responses", [], |row| {
            Ok(decode_key(row.get_ref("key")?.as_blob()?).map_or(true, |key| condition(&key)))
        })?;
        self.commit()?;
        self.connection
            .query_row("PRAGMA incremental_vacuum", [], |_| Ok(()))
            .or_else(|error| match error {
                rusqlite::Error::QueryReturnedNoRows => Ok(()),
                error => Err(error),
            })?;
        Ok(())
    }

    /// What there is for a key, and for those that may be equivalent; the most recently used first. What is damaged is
    /// removed.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(super) fn load(&mut self, key: &CacheKey) -> Result<Vec<Record>, DatabaseError> {
        let mut records = Vec::new();
        let mut damaged = Vec::new();
        let mut length = 0;
        {
            let mut statement = self.connection.prepare_cached(
                "SELECT id, size, checksum, body_checksum, key, selecting, head, body
                 FROM responses JOIN bodies USING (id)
                 WHERE key_digest = ?1 OR equivalent_digest = ?2
                 ORDER BY last_use DESC LIMIT ?3",
            )?;
            let mut rows = statement.query((
                KeyDigest::of(key).0,
                KeyDigest::of_equivalents(key).0,
                2 * MAX_VARIANTS as i64,
            ))?;
            while let Some(row) = rows.next()? {
                match read_record(row)? {
                    Ok(record) => {
                        length += record.body.len();
                        // Another key can have the same digest.
                        if record.key.without_query() == key.without_query() {
                            records.push(record);
                        }
                    },
                    Err(error) => {
                        warn!("a response of the HTTP cache on disk is removed: {error}");
                        damaged.push((row.get("id")?, row.get("size")?));
                    },
                }
                if length > LOAD_LIMIT {
                    break;
                }
            }
        }
        if !damaged.is_empty() {
            self.begin()?;
            self.delete_rows(damaged)?;
        }
        Ok(records)
    }

    /// Notes a use of all responses of a key.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn touch(&mut self, key: KeyDigest) -> Result<(), DatabaseError> {
        self.begin()?;
        self.last_use += 1;
        self.connection
            .prepare_cached("UPDATE responses SET last_use = ?2 WHERE key_digest = ?1")?
            .execute((key.0, self.last_use))?;
        Ok(())
    }

    /// The URLs of all responses that can be read.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn urls(&self) -> Result<Vec<String>, DatabaseError> {
        let mut statement = self.connection.prepare("SELECT key FROM responses")?;
        let keys = statement.query_map([], |row| Ok(decode_key(row.get_ref(0)?.as_blob()?)))?;
        let mut urls = Vec::new();
        for key in keys {
            if let Ok(key) = key? {
                urls.push(key.url().to_string());
            }
        }
        Ok(urls)
    }

    /// The bytes that all responses count for.
    #[cfg(test)]
    pub(super) fn size(&self) -> i64 {
        self.size
    }

    fn rows(
        &self,
        query: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<Vec<(i64, i64)>, DatabaseError> {
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map(parameters, |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    fn ids_of_variant(
        &self,
        key: KeyDigest,
        encoded: &EncodedRecord,
    ) -> Result<Vec<(i64, i64)>, DatabaseError> {
        self.rows(
            "SELECT id, size FROM responses WHERE key_digest = ?1 AND key = ?2 AND selecting = ?3",
            (key.0, &encoded.key, &encoded.selecting),
        )
    }

    fn remove_where(
        &mut self,
        query: &str,
        parameters: impl rusqlite::Params,
        mut condition: impl FnMut(&Row<'_>) -> rusqlite::Result<bool>,
    ) -> Result<(), DatabaseError> {
        let mut removed = Vec::new();
        {
            let mut statement = self.connection.prepare_cached(query)?;
            let mut rows = statement.query(parameters)?;
            while let Some(row) = rows.next()? {
                if condition(row)? {
                    removed.push((row.get("id")?, row.get("size")?));
                }
            }
        }
        if removed.is_empty() {
            return Ok(());
        }
        self.begin()?;
        self.delete_rows(removed)
    }

    fn delete_rows(&mut self, rows: Vec<(i64, i64)>) -> Result<(), DatabaseError> {
        for (id, size) in rows {
            self.connection
                .prepare_cached("DELETE FROM responses WHERE id = ?1")?
                .execute([id])?;
            self.size = self.size.saturating_sub(size);
        }
        Ok(())
    }

    /// Removes what was not used for longest, until the rest is within the budget.
    fn evict(&mut self) -> Result<(), DatabaseError> {
        let total = i64::try_from(self.limits.total).unwrap_or(i64::MAX);
        while self.size > total {
            self.begin()?;
            let mut oldest = self.rows(
                "SELECT id, size FROM responses ORDER BY last_use LIMIT 16",
                [],
            )?;
            if oldest.is_empty() {
                self.size = 0;
                break;
            }
            let mut excess = self.size - total;
            oldest.retain(|(_, size)| {
                let goes = excess > 0;
                excess = excess.saturating_sub(*size);
                goes
            });
            self.delete_rows(oldest)?;
        }
        Ok(())
    }
}

/// The numbers by which a record is found.
struct Digests {
    key: KeyDigest,
    url: KeyDigest,
    equivalents: Option<KeyDigest>,
    equivalent_urls: Option<KeyDigest>,
}

impl Digests {
    fn of(record: &Record) -> Self {
        let has_equivalents = UrlSearchVariance::of(&record.head.headers).is_some();
        let key = &record.key;
        Self {
            key: KeyDigest::of(key),
            url: KeyDigest::of_url(key.url()),
            equivalents: has_equivalents.then(|| KeyDigest::of_equivalents(key)),
            equivalent_urls: has_equivalents.then(|| KeyDigest::of_equivalent_urls(key.url())),
        }
    }
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<Result<Record, RecordError>> {
    let body = Bytes::copy_from_slice(row.get_ref("body")?.as_blob()?);
    if row.get::<_, u32>("body_checksum")? != crc32fast::hash(&body) {
        return Ok(Err(RecordError::Checksum));
    }
    let encoded = EncodedRecord {
        key: row.get("key")?,
        selecting: row.get("selecting")?,
        head: row.get("head")?,
        checksum: row.get("checksum")?,
    };
    Ok(Record::decode(&encoded, body))
}

/// Settings of a connection, before anything is read.
fn configure(connection: &Connection) -> Result<(), DatabaseError> {
    // Who has the file keeps it: there is nothing to wait for.
    connection.busy_timeout(Duration::ZERO)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // It holds for a file that has no tables yet.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // A process that is killed loses nothing that was committed; after a power cut the last responses may be missing, and the
    // file is whole.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.query_row("PRAGMA journal_size_limit = 16777216", [], |_| Ok(()))?;
    Ok(())
}

/// Brings the schema to the latest version, each version in a transaction of its own.
fn migrate(connection: &mut Connection) -> Result<(), DatabaseError> {
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let next = usize::try_from(version).unwrap_or(usize::MAX);
        if next > MIGRATIONS.len() {
            return Err(DatabaseError::Newer {
                found: version,
                known: MIGRATIONS.len(),
            });
        }
        let Some(script) = MIGRATIONS.get(next) else {
            return Ok(());
        };
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
}

/// Makes the file, so that no other user of the computer can read it.
fn create_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Deletes the file with what belongs to it. The write-ahead log goes first: it must never meet a new database.
///
/// # Errors
/// What the file system refuses.
pub(super) fn delete(path: &Path) -> io::Result<()> {
    for suffix in ["-wal", "-shm", "-journal", ""] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(PathBuf::from(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {},
        }
    }
    Ok(())
}
