//! The ledger in the store.

use std::net::IpAddr;

use rusqlite::{Row, named_params};

use super::{PermissionStore, StoreError, grants::read_key, invalid, timestamp};
use crate::{
    ledger::{LedgerBasis, LedgerRecord, MAX_LEDGER_PATH, MAX_LEDGER_RECORDS},
    permission::{GrantId, GrantScope},
};

impl PermissionStore {
    /// Appends one record; the oldest beyond [`MAX_LEDGER_RECORDS`] make room.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn append_to_ledger(&mut self, record: &LedgerRecord) -> Result<(), StoreError> {
        let (grant_id, scope) = match record.basis {
            LedgerBasis::Policy => (None, None),
            LedgerBasis::Grant(id, scope) => (i64::try_from(id.0).ok(), Some(scope_text(scope))),
        };
        let path: String = record.path.chars().take(MAX_LEDGER_PATH).collect();
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO ledger (time, top_level_site, requester, target, path, method, status, bytes, digest, peer,
                                 grant_id, grant_scope)
             VALUES (:time, :top_level_site, :requester, :target, :path, :method, :status, :bytes, :digest, :peer,
                     :grant_id, :grant_scope)",
            named_params! {
                ":time": record.time.as_millis(),
                ":top_level_site": record.key.top_level_site.to_string(),
                ":requester": record.key.requester.to_string(),
                ":target": record.key.target.to_string(),
                ":path": path,
                ":method": record.method,
                ":status": record.status,
                ":bytes": i64::try_from(record.bytes).unwrap_or(i64::MAX),
                ":digest": record.digest.as_ref().map(<[u8; 32]>::as_slice),
                ":peer": record.peer.map(|peer| peer.to_string()),
                ":grant_id": grant_id,
                ":grant_scope": scope,
            },
        )?;
        let oldest_kept =
            transaction.last_insert_rowid() - i64::try_from(MAX_LEDGER_RECORDS).unwrap_or(i64::MAX);
        transaction.execute("DELETE FROM ledger WHERE id <= ?1", [oldest_kept])?;
        transaction.commit()?;
        Ok(())
    }

    /// The newest records, newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn ledger(&self, limit: usize) -> Result<Vec<LedgerRecord>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT * FROM ledger ORDER BY id DESC LIMIT ?1")?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let records = statement
            .query_map([limit], read_record)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(records)
    }

    /// Deletes all records.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn clear_ledger(&mut self) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM ledger", [])?;
        Ok(())
    }
}

fn read_record(row: &Row<'_>) -> rusqlite::Result<LedgerRecord> {
    let peer = match row.get::<_, Option<String>>("peer")? {
        Some(text) => Some(text.parse::<IpAddr>().map_err(|_| invalid("peer"))?),
        None => None,
    };
    let basis = match (
        row.get::<_, Option<i64>>("grant_id")?,
        row.get::<_, Option<String>>("grant_scope")?,
    ) {
        (Some(id), Some(scope)) => LedgerBasis::Grant(
            GrantId(u64::try_from(id).map_err(|_| invalid("grant_id"))?),
            read_scope(&scope).ok_or_else(|| invalid("grant_scope"))?,
        ),
        _ => LedgerBasis::Policy,
    };
    Ok(LedgerRecord {
        time: timestamp(row, "time")?,
        key: read_key(row)?,
        path: row.get("path")?,
        method: row.get("method")?,
        status: row.get("status")?,
        bytes: u64::try_from(row.get::<_, i64>("bytes")?).unwrap_or_default(),
        digest: row.get("digest")?,
        peer,
        basis,
    })
}

const fn scope_text(scope: GrantScope) -> &'static str {
    match scope {
        GrantScope::Once => "once",
        GrantScope::Visit => "visit",
        GrantScope::Persistent => "persistent",
    }
}

fn read_scope(text: &str) -> Option<GrantScope> {
    [GrantScope::Once, GrantScope::Visit, GrantScope::Persistent]
        .into_iter()
        .find(|scope| scope_text(*scope) == text)
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::{clock::Timestamp, origin::TupleOrigin, permission::PermissionKey};

    fn record(time: i64) -> LedgerRecord {
        let url = Url::parse("https://b.example/path?secret=1#x").unwrap();
        let requester = TupleOrigin::parse("https://a.example").unwrap();
        LedgerRecord {
            time: Timestamp::from_millis(time),
            key: PermissionKey {
                top_level_site: requester.site(),
                requester,
                target: TupleOrigin::from_url(&url).unwrap(),
            },
            path: LedgerRecord::path_of(&url),
            method: "GET".into(),
            status: 200,
            bytes: 12,
            digest: Some([7; 32]),
            peer: Some("8.8.8.8".parse().unwrap()),
            basis: LedgerBasis::Grant(GrantId(3), GrantScope::Visit),
        }
    }

    #[test]
    fn records_read_back_newest_first_and_without_queries() {
        let mut store = PermissionStore::in_memory().unwrap();
        let policy = LedgerRecord {
            basis: LedgerBasis::Policy,
            digest: None,
            peer: None,
            ..record(2)
        };
        store.append_to_ledger(&record(1)).unwrap();
        store.append_to_ledger(&policy).unwrap();
        assert_eq!(store.ledger(10).unwrap(), [policy, record(1)]);
        assert_eq!(record(1).path, "/path");
        assert_eq!(store.ledger(1).unwrap().len(), 1);
        store.clear_ledger().unwrap();
        assert!(store.ledger(10).unwrap().is_empty());
    }

    #[test]
    fn the_ledger_is_bounded() {
        let mut store = PermissionStore::in_memory().unwrap();
        store.append_to_ledger(&record(0)).unwrap();
        store
            .connection
            .execute(
                "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'ledger'",
                [10_000_i64],
            )
            .unwrap();
        store.append_to_ledger(&record(1)).unwrap();
        let times: Vec<_> = store
            .ledger(10)
            .unwrap()
            .iter()
            .map(|record| record.time.as_millis())
            .collect();
        assert_eq!(times, [1]);
    }
}
