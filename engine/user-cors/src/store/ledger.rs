//! The ledger in the store.

use std::{collections::HashMap, net::IpAddr};

use rusqlite::{Connection, Row, ToSql};

use super::{
    PermissionStore, StoreError,
    database::Database,
    grants::{read_key, write_usage},
    invalid, timestamp,
};
use crate::{
    budget::Usage,
    clock::Timestamp,
    ledger::{
        LedgerBasis, LedgerCursor, LedgerPage, LedgerQuery, LedgerRecord, MAX_LEDGER_PATH,
        MAX_LEDGER_RECORDS,
    },
    origin::TupleOrigin,
    permission::{GrantId, GrantScope},
};

/// The records that fit a query whose values are bound by [`Bound`].
const FITTING: &str = "FROM ledger
    WHERE (:after IS NULL OR id < :after)
      AND (:requester IS NULL OR requester = :requester)
      AND (:target IS NULL OR target = :target)
      AND (:from IS NULL OR time >= :from)
      AND (:until IS NULL OR time < :until)
      AND (:text = ''
           OR instr(lower(top_level_site), :text) OR instr(lower(requester), :text)
           OR instr(lower(target), :text) OR instr(lower(path), :text))";

/// The ledger of a store. It decides nothing, so whoever reads or writes it keeps no decision waiting.
#[derive(Clone, Debug)]
pub struct Ledger {
    database: Database,
}

impl PermissionStore {
    /// The ledger.
    pub fn ledger(&self) -> Ledger {
        Ledger {
            database: self.database.clone(),
        }
    }

    /// What the lasting grants of these records were used for until this moment, to be
    /// [written down with them](Ledger::append).
    pub fn usage_of(&self, records: &[LedgerRecord]) -> HashMap<GrantId, Usage> {
        let mut used = HashMap::new();
        for record in records {
            if let LedgerBasis::Grant(id, GrantScope::Persistent) = record.basis
                && !used.contains_key(&id)
                && let Some(grant) = self.in_use(&record.key, id)
            {
                used.insert(id, grant.usage);
            }
        }
        used
    }
}

impl Ledger {
    /// Appends records in one transaction, and writes down what their grants [were used for](PermissionStore::usage_of); the
    /// oldest records beyond [`MAX_LEDGER_RECORDS`] make room.
    ///
    /// NB: unlike a decision, a record does not wait for the disk: it outlives the process, but the last ones may be lost
    /// when the power fails.
    ///
    /// # Errors
    /// If they cannot be written; then none of them is.
    pub fn append(
        &self,
        records: &[LedgerRecord],
        used: &HashMap<GrantId, Usage>,
    ) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        self.database.without_the_disk(|connection| {
            let transaction = connection.transaction()?;
            for record in records {
                insert(&transaction, record)?;
            }
            let oldest_kept = transaction.last_insert_rowid()
                - i64::try_from(MAX_LEDGER_RECORDS).unwrap_or(i64::MAX);
            transaction
                .prepare_cached("DELETE FROM ledger WHERE id <= ?1")?
                .execute([oldest_kept])?;
            for (id, usage) in used {
                write_usage(&transaction, *id, *usage)?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// Acts as if something were written all the time that `act` takes.
    #[cfg(test)]
    pub(crate) fn while_busy(&self, act: impl FnOnce()) {
        let _connection = self.database.lock();
        act();
    }

    /// A page of at most `limit` records that fit a query.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn page(&self, query: &LedgerQuery, limit: usize) -> Result<LedgerPage, StoreError> {
        let bound = Bound::new(query);
        let connection = self.database.lock();
        let total: i64 = connection
            .prepare_cached(&format!("SELECT count(*) {FITTING}"))?
            .query_row(&*bound.parameters(), |row| row.get(0))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut statement = connection.prepare_cached(&format!(
            "SELECT * {FITTING} ORDER BY id DESC LIMIT {limit}"
        ))?;
        let records = statement
            .query_map(&*bound.parameters(), |row| {
                Ok((LedgerCursor(row.get("id")?), read_record(row)?))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let total = usize::try_from(total).unwrap_or_default();
        Ok(LedgerPage {
            next: records
                .last()
                .filter(|_| records.len() < total)
                .map(|(cursor, _)| *cursor),
            records: records.into_iter().map(|(_, record)| record).collect(),
            total,
        })
    }

    /// Deletes all records.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn clear(&self) -> Result<(), StoreError> {
        self.database.lock().execute("DELETE FROM ledger", [])?;
        Ok(())
    }
}

fn insert(connection: &Connection, record: &LedgerRecord) -> rusqlite::Result<usize> {
    let (grant_id, scope) = match record.basis {
        LedgerBasis::Policy => (None, None),
        LedgerBasis::Grant(id, scope) => (i64::try_from(id.0).ok(), Some(scope.as_str())),
    };
    let path: String = record.path.chars().take(MAX_LEDGER_PATH).collect();
    connection
        .prepare_cached(
            "INSERT INTO ledger (time, top_level_site, requester, target, path, method, status, bytes, digest, peer,
                                 grant_id, grant_scope)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        // OPTIMIZATION: by position, for SQLite looks for each name every time.
        .execute((
            record.time.as_millis(),
            record.key.top_level_site.to_string(),
            record.key.requester.to_string(),
            record.key.target.to_string(),
            path,
            &record.method,
            record.status,
            i64::try_from(record.bytes).unwrap_or(i64::MAX),
            record.digest.as_ref().map(<[u8; 32]>::as_slice),
            record.peer.map(|peer| peer.to_string()),
            grant_id,
            scope,
        ))
}

/// A query as values of columns.
struct Bound {
    after: Option<i64>,
    requester: Option<String>,
    target: Option<String>,
    from: Option<i64>,
    until: Option<i64>,
    text: String,
}

impl Bound {
    fn new(query: &LedgerQuery) -> Self {
        let text = |origin: &Option<TupleOrigin>| origin.as_ref().map(TupleOrigin::to_string);
        Self {
            after: query.after.map(|cursor| cursor.0),
            requester: text(&query.requester),
            target: text(&query.target),
            from: query.from.map(Timestamp::as_millis),
            until: query.until.map(Timestamp::as_millis),
            text: query.text.to_ascii_lowercase(),
        }
    }

    fn parameters(&self) -> Vec<(&'static str, &dyn ToSql)> {
        vec![
            (":after", &self.after),
            (":requester", &self.requester),
            (":target", &self.target),
            (":from", &self.from),
            (":until", &self.until),
            (":text", &self.text),
        ]
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
            GrantScope::parse(&scope).ok_or_else(|| invalid("grant_scope"))?,
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

#[cfg(test)]
mod tests {
    use std::slice;

    use url::Url;

    use super::*;
    use crate::permission::PermissionKey;

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
        let ledger = ledger();
        let policy = LedgerRecord {
            basis: LedgerBasis::Policy,
            digest: None,
            peer: None,
            ..record(2)
        };
        append(&ledger, &[record(1)]);
        append(&ledger, slice::from_ref(&policy));
        assert_eq!(all(&ledger), [policy, record(1)]);
        assert_eq!(record(1).path, "/path");
        ledger.clear().unwrap();
        assert!(all(&ledger).is_empty());
    }

    #[test]
    fn a_query_finds_what_fits_page_by_page() {
        let ledger = ledger();
        for time in 0..10 {
            let mut record = record(time);
            if time % 2 == 1 {
                record.key.target = TupleOrigin::parse("https://other.example").unwrap();
                record.path = format!("/Photos/100%_{time}");
            }
            append(&ledger, &[record]);
        }
        let times = |query: &LedgerQuery, limit| -> (Vec<i64>, usize, Option<LedgerCursor>) {
            let page = ledger.page(query, limit).unwrap();
            let times = page.records.iter().map(|record| record.time.as_millis());
            (times.collect(), page.total, page.next)
        };
        let query = |text: &str| LedgerQuery {
            text: text.to_owned(),
            ..LedgerQuery::default()
        };
        for (query, expected) in [
            (query("OTHER.example"), &[9, 7, 5, 3, 1][..]),
            (query("photos/100%_7"), &[7]),
            (query("100_"), &[]),
            (query("'; DROP TABLE ledger"), &[]),
            (
                LedgerQuery {
                    from: Some(Timestamp::from_millis(2)),
                    until: Some(Timestamp::from_millis(5)),
                    ..LedgerQuery::default()
                },
                &[4, 3, 2],
            ),
            (
                LedgerQuery {
                    target: TupleOrigin::parse("https://b.example"),
                    from: Some(Timestamp::from_millis(5)),
                    ..LedgerQuery::default()
                },
                &[8, 6],
            ),
            (
                LedgerQuery {
                    requester: TupleOrigin::parse("https://b.example"),
                    ..LedgerQuery::default()
                },
                &[],
            ),
        ] {
            assert_eq!(
                times(&query, 100),
                (expected.to_vec(), expected.len(), None),
                "{query:?}"
            );
        }
        let first = query("other");
        let (page, total, next) = times(&first, 2);
        assert_eq!((page, total), (vec![9, 7], 5));
        let second = LedgerQuery {
            after: next,
            ..first
        };
        let (page, left, next) = times(&second, 3);
        assert_eq!((page, left, next), (vec![5, 3, 1], 3, None));
    }

    #[test]
    fn a_line_of_json_for_each_record() {
        let line = record(7).to_json();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(!line.contains('\n') && !line.contains("secret"), "{line}");
        for (name, expected) in [
            ("time", "7"),
            ("topLevelSite", "\"https://a.example\""),
            ("target", "\"https://b.example\""),
            ("allowedBy", "\"visit\""),
            ("grant", "3"),
            ("peer", "\"8.8.8.8\""),
        ] {
            assert_eq!(value[name].to_string(), expected, "{name}");
        }
        assert_eq!(value["sha256"].as_str(), Some("07".repeat(32).as_str()));
    }

    fn ledger() -> Ledger {
        PermissionStore::in_memory().unwrap().ledger()
    }

    fn append(ledger: &Ledger, records: &[LedgerRecord]) {
        ledger.append(records, &HashMap::new()).unwrap();
    }

    fn all(ledger: &Ledger) -> Vec<LedgerRecord> {
        ledger.page(&LedgerQuery::default(), 100).unwrap().records
    }

    #[test]
    fn the_ledger_is_bounded() {
        let ledger = ledger();
        append(&ledger, &[record(0)]);
        ledger
            .database
            .lock()
            .execute(
                "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'ledger'",
                [10_000_i64],
            )
            .unwrap();
        append(&ledger, &[record(1)]);
        let times: Vec<_> = all(&ledger)
            .iter()
            .map(|record| record.time.as_millis())
            .collect();
        assert_eq!(times, [1]);
    }
}
