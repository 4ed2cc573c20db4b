//! The ledger in the store.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rusqlite::{Connection, Row, ToSql};

use super::{
    PermissionStore, ReadError, StoreError,
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

/// How many records make room at once, so that it is seldom looked for.
const ROOM: usize = 1000;

/// In how many steps records of one page make room that has them of very many servers.
const STEPS: usize = 8;

/// The page with the most records, of its servers the one with the most, and how many these are.
const FULLEST: &str = "SELECT top_level_site, requester, target, of_pair
    FROM (SELECT top_level_site, requester, target, count(*) AS of_pair,
                 sum(count(*)) OVER (PARTITION BY top_level_site, requester) AS of_page
          FROM ledger
          GROUP BY top_level_site, requester, target)
    ORDER BY of_page DESC, of_pair DESC
    LIMIT 1";

/// The ledger of a store. It decides nothing, so whoever reads or writes it keeps no decision waiting.
#[derive(Clone, Debug)]
pub struct Ledger {
    database: Database,
    /// How many records there are. Changed only by whoever has the database.
    count: Arc<AtomicUsize>,
}

impl PermissionStore {
    /// The ledger.
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
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
    pub(super) fn new(database: Database) -> Self {
        Self {
            database,
            count: Arc::default(),
        }
    }

    /// Counts the records that are stored.
    pub(super) fn load(&self) -> Result<(), ReadError> {
        let connection = self.database.lock();
        let count: i64 =
            connection.query_row("SELECT count(*) FROM ledger", [], |row| row.get(0))?;
        self.set_count(usize::try_from(count).unwrap_or_default());
        Ok(())
    }

    /// Somebody who has the database has deleted all records.
    pub(super) fn was_cleared(&self) {
        self.set_count(0);
    }

    fn set_count(&self, count: usize) {
        self.count.store(count, Ordering::Relaxed);
    }

    /// Appends records in one transaction, and writes down what their grants [were used for](PermissionStore::usage_of). Where
    /// there are more than [`MAX_LEDGER_RECORDS`], old ones make room: those of the page that has the most, so that no page can
    /// make it forgotten what another one read.
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
            let mut count = self.count.load(Ordering::Relaxed) + records.len();
            if count > MAX_LEDGER_RECORDS {
                count -= make_room(&transaction, count - MAX_LEDGER_RECORDS + ROOM)?;
            }
            for (id, usage) in used {
                write_usage(&transaction, *id, *usage)?;
            }
            transaction.commit()?;
            self.set_count(count);
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
        let connection = self.database.lock();
        connection.execute("DELETE FROM ledger", [])?;
        self.was_cleared();
        Ok(())
    }
}

/// Deletes this many records, and returns how many were deleted. Of each server half of what there is at most, the oldest first;
/// and in the end, of a page that read from very many of them, whatever is oldest.
fn make_room(connection: &Connection, many: usize) -> rusqlite::Result<usize> {
    let mut left = many;
    for step in 1..=STEPS {
        let (page, target, of_pair): ([String; 2], String, i64) =
            connection.prepare_cached(FULLEST)?.query_row([], |row| {
                Ok(([row.get(0)?, row.get(1)?], row.get(2)?, row.get(3)?))
            })?;
        let half = usize::try_from(of_pair).unwrap_or_default().div_ceil(2);
        let (target, most) = if step < STEPS {
            (Some(target), left.min(half))
        } else {
            (None, left)
        };
        let [top_level_site, requester] = &page;
        left -= connection
            .prepare_cached(
                "DELETE FROM ledger WHERE id IN (
                     SELECT id FROM ledger
                     WHERE top_level_site = ?1 AND requester = ?2 AND (?3 IS NULL OR target = ?3)
                     ORDER BY id LIMIT ?4)",
            )?
            .execute((
                top_level_site,
                requester,
                target,
                i64::try_from(most).unwrap_or(i64::MAX),
            ))?;
        if left == 0 {
            break;
        }
    }
    Ok(many - left)
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

    fn of(page: &str, target: &str, time: i64) -> LedgerRecord {
        let mut record = record(time);
        record.key.requester = TupleOrigin::parse(page).unwrap();
        record.key.top_level_site = record.key.requester.site();
        record.key.target = TupleOrigin::parse(target).unwrap();
        record
    }

    /// How many records there are, which is what is remembered.
    fn total(ledger: &Ledger) -> usize {
        let total = ledger.page(&LedgerQuery::default(), 1).unwrap().total;
        assert_eq!(total, ledger.count.load(Ordering::Relaxed));
        total
    }

    fn times_of(ledger: &Ledger, record: &LedgerRecord) -> Vec<i64> {
        let query = LedgerQuery {
            requester: Some(record.key.requester.clone()),
            target: Some(record.key.target.clone()),
            ..LedgerQuery::default()
        };
        let page = ledger.page(&query, MAX_LEDGER_RECORDS).unwrap();
        page.records
            .iter()
            .map(|record| record.time.as_millis())
            .collect()
    }

    #[test]
    fn the_ledger_is_bounded_and_the_oldest_records_make_room() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("permissions.sqlite");
        let most = i64::try_from(MAX_LEDGER_RECORDS).unwrap();
        for times in [0..most / 2, most / 2..most + 1, most + 1..most + 300] {
            let last = times.end - 1;
            let opened = PermissionStore::open(&path, Timestamp::from_millis(0)).unwrap();
            let ledger = opened.store.ledger();
            let records: Vec<LedgerRecord> = times.map(record).collect();
            for records in records.chunks(100) {
                append(&ledger, records);
                assert!(total(&ledger) <= MAX_LEDGER_RECORDS);
            }
            let kept = times_of(&ledger, &record(0));
            assert_eq!(kept.first(), Some(&last));
            let oldest = kept.last().copied().unwrap();
            assert_eq!(kept.len(), usize::try_from(last - oldest).unwrap() + 1);
            assert!(kept.len() >= MAX_LEDGER_RECORDS / 2);
        }
        let mut store = PermissionStore::open(&path, Timestamp::from_millis(0))
            .unwrap()
            .store;
        assert!(total(&store.ledger()) > 0);
        store.clear().unwrap();
        assert_eq!(total(&store.ledger()), 0);
        append(&store.ledger(), &[record(1)]);
        store.ledger().clear().unwrap();
        assert_eq!(total(&store.ledger()), 0);
    }

    #[test]
    fn no_page_makes_the_record_of_another_forgotten() {
        let ledger = ledger();
        let quiet = of("https://quiet.example", "https://b.example", 1);
        let secret = of("https://loud.example", "https://secret.example", 2);
        let loud = of("https://loud.example", "https://b.example", 3);
        append(&ledger, &[quiet.clone(), secret.clone()]);
        let flood = vec![loud.clone(); 500];
        for _ in 0..30 {
            append(&ledger, &flood);
        }
        assert!(total(&ledger) <= MAX_LEDGER_RECORDS);
        assert_eq!(times_of(&ledger, &quiet), [1]);
        // Nor what the same page read from another server.
        assert_eq!(times_of(&ledger, &secret), [2]);

        // However many servers it has.
        for round in 0..3 {
            let server = |number| format!("https://n{round}-{number}.example");
            let many: Vec<LedgerRecord> = (0..4000)
                .map(|number| of("https://loud.example", &server(number), 4))
                .collect();
            for records in many.chunks(400) {
                append(&ledger, records);
            }
        }
        assert!(total(&ledger) <= MAX_LEDGER_RECORDS);
        assert_eq!(times_of(&ledger, &quiet), [1]);
    }
}
