//! Embargoes and remembered opt-outs in the store.

use std::collections::HashMap;

use super::{
    PermissionStore, ReadError, StoreError,
    grants::{read_origin, read_site},
    invalid, timestamp,
};
use crate::{
    clock::Timestamp,
    embargo::{Dismissals, EmbargoKey, Embargoes},
    opt_out::{OptOut, OptOuts},
    origin::{Site, TupleOrigin},
    servers_word::{PreventOrigin, Prevented},
};

impl PermissionStore {
    pub(super) fn load_embargoes(&mut self) -> Result<(), ReadError> {
        let mut remembered: HashMap<EmbargoKey, Dismissals> = HashMap::new();
        let connection = self.database.lock();
        let mut statement = connection.prepare("SELECT * FROM dismissals ORDER BY time")?;
        for row in statement.query_map([], |row| {
            Ok((
                (read_site(row)?, read_origin(row, "requester")?),
                timestamp(row, "time")?,
            ))
        })? {
            let (key, time) = row?;
            remembered.entry(key).or_default().clicks.push(time);
        }
        let mut statement = connection.prepare("SELECT * FROM embargoes")?;
        for row in statement.query_map([], |row| {
            Ok((
                (read_site(row)?, read_origin(row, "requester")?),
                timestamp(row, "until")?,
            ))
        })? {
            let (key, until) = row?;
            remembered.entry(key).or_default().embargoed_until = Some(until);
        }
        for (key, dismissals) in remembered {
            self.embargoes.insert(key, dismissals);
        }
        Ok(())
    }

    pub(super) fn load_opt_outs(&mut self) -> Result<(), ReadError> {
        let connection = self.database.lock();
        let mut statement = connection.prepare("SELECT * FROM opt_outs")?;
        for row in statement.query_map([], |row| {
            Ok(OptOut {
                top_level_site: read_site(row)?,
                target: read_origin(row, "target")?,
                prevented: read_prevented(&row.get::<_, String>("prevented")?)
                    .ok_or_else(|| invalid("prevented"))?,
                expires: timestamp(row, "expires")?,
            })
        })? {
            self.opt_outs.insert(row?);
        }
        Ok(())
    }

    /// Counts one *Not now* click.
    ///
    /// # Errors
    /// If it cannot be written. The click counts in this process all the same.
    pub fn dismissed(
        &mut self,
        site: &Site,
        requester: &TupleOrigin,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let dismissals = self
            .embargoes
            .dismissed((site.clone(), requester.clone()), now)
            .clone();
        let (site, requester) = (site.to_string(), requester.to_string());
        let mut connection = self.database.lock();
        let transaction = connection.transaction()?;
        transaction.execute(
            "DELETE FROM dismissals WHERE top_level_site = ?1 AND requester = ?2",
            (&site, &requester),
        )?;
        for click in &dismissals.clicks {
            transaction.execute(
                "INSERT INTO dismissals (top_level_site, requester, time) VALUES (?1, ?2, ?3)",
                (&site, &requester, click.as_millis()),
            )?;
        }
        if let Some(until) = dismissals.embargoed_until {
            transaction.execute(
                "INSERT OR REPLACE INTO embargoes (top_level_site, requester, until) VALUES (?1, ?2, ?3)",
                (&site, &requester, until.as_millis()),
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Forgets dismissals and embargo of a requester.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn reset_embargo(&mut self, key: &EmbargoKey) -> Result<bool, StoreError> {
        let columns = (key.0.to_string(), key.1.to_string());
        let mut connection = self.database.lock();
        let transaction = connection.transaction()?;
        transaction.execute(
            "DELETE FROM dismissals WHERE top_level_site = ?1 AND requester = ?2",
            (&columns.0, &columns.1),
        )?;
        transaction.execute(
            "DELETE FROM embargoes WHERE top_level_site = ?1 AND requester = ?2",
            (&columns.0, &columns.1),
        )?;
        transaction.commit()?;
        Ok(self.embargoes.reset(key))
    }

    /// The embargoes.
    pub fn embargoes(&self) -> &Embargoes {
        &self.embargoes
    }

    /// Takes up what a response said with `Access-Control-Prevent-Origin`.
    ///
    /// NB: this does not wait for the disk, or a page could keep it busy by asking servers that opt out again and again. What a
    /// power failure takes, the server says once more.
    ///
    /// # Errors
    /// If it cannot be written. It is remembered in this process all the same.
    pub fn remember_opt_out(
        &mut self,
        site: &Site,
        target: &TupleOrigin,
        said: &PreventOrigin,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(changed) = self.opt_outs.remember(site, target, said, now) else {
            return Ok(());
        };
        let entries = self.opt_outs.of_target(site, &changed);
        let (site, target) = (site.to_string(), changed.to_string());
        self.database.without_the_disk(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "DELETE FROM opt_outs WHERE top_level_site = ?1 AND target = ?2",
                (&site, &target),
            )?;
            for entry in entries {
                transaction.execute(
                    "INSERT INTO opt_outs (top_level_site, target, prevented, expires) VALUES (?1, ?2, ?3, ?4)",
                    (&site, &target, prevented_text(&entry.prevented), entry.expires.as_millis()),
                )?;
            }
            transaction.commit()?;
            Ok(())
        })
    }

    /// The remembered opt-outs.
    pub fn opt_outs(&self) -> &OptOuts {
        &self.opt_outs
    }
}

fn prevented_text(prevented: &Prevented) -> String {
    match prevented {
        Prevented::Everyone => "*".to_owned(),
        Prevented::Origin(origin) => origin.to_string(),
    }
}

fn read_prevented(text: &str) -> Option<Prevented> {
    match text {
        "*" => Some(Prevented::Everyone),
        _ => TupleOrigin::parse(text).map(Prevented::Origin),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::servers_word::ACCESS_CONTROL_PREVENT_ORIGIN;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap()
    }

    #[test]
    fn memories_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("permissions.sqlite");
        let (requester, target) = (origin("https://a.example"), origin("https://b.example"));
        let site = requester.site();
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCESS_CONTROL_PREVENT_ORIGIN,
            HeaderValue::from_static("*;max-age=600, \"https://c.example\";max-age=9"),
        );
        let said = PreventOrigin::parse(&headers);

        let mut store = PermissionStore::open(&path, NOW).unwrap().store;
        store.remember_opt_out(&site, &target, &said, NOW).unwrap();
        store.dismissed(&site, &requester, NOW).unwrap();
        store.dismissed(&site, &requester, NOW).unwrap();
        let listed = store.opt_outs().list(NOW);
        drop(store);

        let mut store = PermissionStore::open(&path, NOW).unwrap().store;
        assert_eq!(listed.len(), 2);
        assert_eq!(store.opt_outs().list(NOW), listed);
        let key = (site.clone(), requester.clone());
        assert_eq!(store.embargoes().embargoed_until(&key, NOW), None);
        store.dismissed(&site, &requester, NOW).unwrap();
        drop(store);

        let mut store = PermissionStore::open(&path, NOW).unwrap().store;
        assert_eq!(
            store.embargoes().embargoed_until(&key, NOW),
            Some(NOW.after(Duration::from_secs(7 * 86_400)))
        );
        assert!(store.reset_embargo(&key).unwrap());
        drop(store);
        let store = PermissionStore::open(&path, NOW).unwrap().store;
        assert!(store.embargoes().list(NOW).is_empty());
    }

    #[test]
    fn a_no_is_forgotten_when_it_counts_no_more() {
        let mut store = PermissionStore::in_memory().unwrap();
        let (one, other) = (origin("https://a.example"), origin("https://b.example"));
        store.dismissed(&one.site(), &one, NOW).unwrap();
        for _ in 0..3 {
            store.dismissed(&other.site(), &other, NOW).unwrap();
        }
        let rows = |store: &PermissionStore, table: &str| -> i64 {
            let query = format!("SELECT count(*) FROM {table}");
            let count = store
                .database
                .lock()
                .query_row(&query, [], |row| row.get(0));
            count.unwrap()
        };
        let day = Duration::from_secs(86_400);
        for (after, clicks, embargoes) in [
            (day - Duration::from_millis(1), 1, 1),
            (day, 0, 1),
            (day * 7, 0, 0),
        ] {
            store.remove_expired(NOW.after(after)).unwrap();
            let found = (rows(&store, "dismissals"), rows(&store, "embargoes"));
            assert_eq!(found, (clicks, embargoes), "{after:?}");
        }
        // Earlier clicks do not count.
        store.dismissed(&one.site(), &one, NOW.after(day)).unwrap();
        store.dismissed(&one.site(), &one, NOW.after(day)).unwrap();
        assert!(store.embargoes().list(NOW.after(day)).is_empty());
    }

    #[test]
    fn however_many_servers_opt_out_the_file_stays_small_and_none_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("permissions.sqlite");
        let requester = origin("https://a.example");
        let site = requester.site();
        let target = |n: usize| origin(&format!("https://t{n}.example"));
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCESS_CONTROL_PREVENT_ORIGIN,
            HeaderValue::from_static("*;max-age=600"),
        );
        let said = PreventOrigin::parse(&headers);
        let mut store = PermissionStore::open(&path, NOW).unwrap().store;
        for n in 0..1100 {
            let now = NOW.after(Duration::from_millis(n as u64));
            store
                .remember_opt_out(&site, &target(n), &said, now)
                .unwrap();
        }
        let rows: i64 = store
            .database
            .lock()
            .query_row("SELECT COUNT(*) FROM opt_outs", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1025);
        drop(store);
        let store = PermissionStore::open(&path, NOW).unwrap().store;
        let end = NOW.after(Duration::from_secs(600));
        for n in [0, 1023, 1024, 1099] {
            let before = end
                .after(Duration::from_millis(n as u64))
                .before(Duration::from_millis(1));
            assert!(
                store
                    .opt_outs()
                    .names(&site, &target(n), &requester, before),
                "{n}"
            );
        }
    }
}
