//! The database's schema and its migrations.

use rusqlite::{Connection, TransactionBehavior};

use super::{ReadError, SetAsideReason};

/// One script for each version; version n is reached by running the first n. Scripts that were released never change.
const MIGRATIONS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5];

/// The version that this program writes.
pub(super) const LATEST: i64 = MIGRATIONS.len() as i64;

/// Origins and sites are in their ASCII serialization, times in milliseconds since the Unix epoch, methods as a bit set,
/// header names joined by commas.
const VERSION_1: &str = "
CREATE TABLE grants (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    top_level_site TEXT NOT NULL,
    requester TEXT NOT NULL,
    target TEXT NOT NULL,
    methods INTEGER NOT NULL CHECK (methods BETWEEN 1 AND 3),
    headers TEXT NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX grants_by_key ON grants (top_level_site, requester, target);

CREATE TABLE denials (
    top_level_site TEXT NOT NULL,
    requester TEXT NOT NULL,
    target TEXT NOT NULL,
    created INTEGER NOT NULL,
    PRIMARY KEY (top_level_site, requester, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE dismissals (
    top_level_site TEXT NOT NULL,
    requester TEXT NOT NULL,
    time INTEGER NOT NULL
) STRICT;
CREATE INDEX dismissals_by_key ON dismissals (top_level_site, requester);

CREATE TABLE embargoes (
    top_level_site TEXT NOT NULL,
    requester TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (top_level_site, requester)
) STRICT, WITHOUT ROWID;

CREATE TABLE opt_outs (
    top_level_site TEXT NOT NULL,
    target TEXT NOT NULL,
    prevented TEXT NOT NULL,
    expires INTEGER NOT NULL,
    PRIMARY KEY (top_level_site, target, prevented)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    top_level_site TEXT NOT NULL,
    requester TEXT NOT NULL,
    target TEXT NOT NULL,
    path TEXT NOT NULL,
    method TEXT NOT NULL,
    status INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    digest BLOB,
    peer TEXT,
    grant_id INTEGER,
    grant_scope TEXT
) STRICT;
";

/// What an imported file said besides, as a JSON object.
const VERSION_2: &str = "
ALTER TABLE grants ADD COLUMN unknown_fields TEXT NOT NULL DEFAULT '{}';
ALTER TABLE denials ADD COLUMN unknown_fields TEXT NOT NULL DEFAULT '{}';
";

/// The user's own blocklist.
const VERSION_3: &str = "
CREATE TABLE blocked_targets (target TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
";

/// The network on which a grant was given, and what it was used for. Of a grant without a network that is not known.
const VERSION_4: &str = "
ALTER TABLE grants ADD COLUMN made_on TEXT;
ALTER TABLE grants ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN day_began INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN day_requests INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN day_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN day_overrun INTEGER NOT NULL DEFAULT 0;
";

/// By which way requests under a grant may leave. A grant that was given before this was recorded is for either way.
const VERSION_5: &str = "
ALTER TABLE grants ADD COLUMN way TEXT NOT NULL DEFAULT 'direct' CHECK (way IN ('direct', 'egress'));
";

/// Settings of a connection, before anything is read.
pub(super) fn configure(connection: &Connection) -> Result<(), ReadError> {
    // One process at a time: what is in memory stays equal to the file.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    // What was revoked stays so after a power cut.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What a person deletes is overwritten.
    connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
    Ok(())
}

/// Brings the schema to [`LATEST`], each version in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), ReadError> {
    loop {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version > LATEST {
            return Err(ReadError::SetAside(SetAsideReason::Newer {
                found: version,
                known: LATEST,
            }));
        }
        let next = usize::try_from(version).map_err(|_| damaged("negative schema version"))?;
        let Some(script) = MIGRATIONS.get(next) else {
            return Ok(());
        };
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "user_version", version + 1)?;
        transaction.commit()?;
    }
}

/// Whether the file is whole.
pub(super) fn check(connection: &Connection) -> Result<(), ReadError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(damaged(&verdict))
    }
}

fn damaged(what: &str) -> ReadError {
    ReadError::SetAside(SetAsideReason::Damaged(what.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Timestamp, egress::WayOut, permission::GrantScope, store::PermissionStore};

    #[test]
    fn a_store_of_each_version_is_brought_to_the_latest() {
        for version in 1..MIGRATIONS.len() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("permissions.sqlite");
            let connection = Connection::open(&path).unwrap();
            for script in &MIGRATIONS[..version] {
                connection.execute_batch(script).unwrap();
            }
            connection
                .pragma_update(None, "user_version", i64::try_from(version).unwrap())
                .unwrap();
            connection
                .execute_batch(
                    "INSERT INTO grants (top_level_site, requester, target, methods, headers, created, last_used, expires)
                     VALUES ('https://app.example', 'https://app.example', 'https://b.example', 1, '', 10, 20, 30);",
                )
                .unwrap();
            drop(connection);
            let now = Timestamp::from_millis(25);
            let opened = PermissionStore::open(&path, now).unwrap();
            assert_eq!(opened.set_aside, None, "version {version}");
            let grants = opened.store.grants(now);
            let [grant] = grants.as_slice() else {
                panic!("version {version}: {grants:?}");
            };
            assert_eq!(grant.scope, GrantScope::Persistent);
            assert_eq!(grant.coverage.way, WayOut::Direct);
            assert_eq!(grant.made_on, None);
        }
    }
}
