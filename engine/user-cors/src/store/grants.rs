//! Grants and denials in the store.

use std::time::Duration;

use rusqlite::{Connection, Row, named_params};

use super::{PermissionStore, ReadError, StoreError, invalid, timestamp};
use crate::{
    budget::{Budget, Usage, UsageDay},
    clock::Timestamp,
    egress::WayOut,
    embargo::DISMISSAL_WINDOW,
    headers::HeaderNames,
    machine_network::MachineNetwork,
    methods::Methods,
    origin::{Site, TupleOrigin},
    permission::{
        Coverage, Denial, Grant, GrantId, GrantScope, Need, PermissionKey, TargetNetwork,
        persistent_expiry,
    },
};

/// A use is written down when the one that was written last is this long ago: a grant's end is counted in days.
const TOUCH_INTERVAL: Duration = Duration::from_secs(60 * 60);

impl PermissionStore {
    pub(super) fn load_grants(&mut self) -> Result<(), ReadError> {
        let connection = self.database.lock();
        let mut statement = connection.prepare("SELECT * FROM grants ORDER BY id")?;
        let grants = statement
            .query_map([], read_grant)?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for grant in grants {
            self.grants
                .entry(grant.coverage.key.clone())
                .or_default()
                .push(grant);
        }
        Ok(())
    }

    pub(super) fn load_denials(&mut self) -> Result<(), ReadError> {
        let connection = self.database.lock();
        let mut statement = connection.prepare("SELECT * FROM denials")?;
        let denials = statement
            .query_map([], |row| {
                Ok(Denial {
                    key: read_key(row)?,
                    created: timestamp(row, "created")?,
                })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        self.denials = denials
            .into_iter()
            .map(|denial| (denial.key.clone(), denial))
            .collect();
        Ok(())
    }

    /// Adds lasting grants, all or none, in place of those that they cover and that were made on the same network.
    /// `policy_days` is policy's `MaxGrantDays`.
    ///
    /// Coverage of methods and networks that may not last is left out.
    ///
    /// # Errors
    /// If it cannot be written; then nothing is granted.
    pub fn grant(
        &mut self,
        coverages: &[Coverage],
        made_on: Option<&MachineNetwork>,
        now: Timestamp,
        policy_days: Option<u32>,
    ) -> Result<Vec<Grant>, StoreError> {
        let expires = persistent_expiry(now, now, policy_days);
        let mut connection = self.database.lock();
        let transaction = connection.transaction()?;
        let mut added = Vec::new();
        let mut replaced = Vec::new();
        for coverage in coverages.iter().filter(|coverage| coverage.may_persist()) {
            for old in self.grants.get(&coverage.key).into_iter().flatten() {
                if old.made_on.as_ref() == made_on && coverage.includes(&old.coverage) {
                    transaction.execute("DELETE FROM grants WHERE id = ?1", [row_id(old.id)])?;
                    replaced.push((coverage.key.clone(), old.id));
                }
            }
            transaction.execute(
                "INSERT INTO grants (top_level_site, requester, target, way, methods, headers, created, last_used, expires, made_on)
                 VALUES (:top_level_site, :requester, :target, :way, :methods, :headers, :created, :created, :expires, :made_on)",
                named_params! {
                    ":top_level_site": coverage.key.top_level_site.to_string(),
                    ":requester": coverage.key.requester.to_string(),
                    ":target": coverage.key.target.to_string(),
                    ":way": coverage.way.as_str(),
                    ":methods": coverage.methods.to_bits(),
                    ":headers": coverage.headers.to_string(),
                    ":created": now.as_millis(),
                    ":expires": expires.as_millis(),
                    ":made_on": made_on.map(MachineNetwork::as_str),
                },
            )?;
            added.push(Grant {
                id: GrantId(u64::try_from(transaction.last_insert_rowid()).unwrap_or_default()),
                coverage: coverage.clone(),
                scope: GrantScope::Persistent,
                tab: None,
                created: now,
                last_used: now,
                expires: Some(expires),
                made_on: made_on.cloned(),
                usage: Usage::default(),
            });
        }
        transaction.commit()?;
        drop(connection);
        for (key, id) in replaced {
            self.forget_grant(&key, id);
        }
        for grant in &added {
            self.grants
                .entry(grant.coverage.key.clone())
                .or_default()
                .push(grant.clone());
        }
        Ok(added)
    }

    /// The live grant that covers a request, among those that `counts` picks. `policy_days` is policy's `MaxGrantDays`.
    pub fn find_grant(
        &self,
        need: &Need,
        now: Timestamp,
        policy_days: Option<u32>,
        counts: impl Fn(&Grant) -> bool,
    ) -> Option<&Grant> {
        self.grants.get(&need.key)?.iter().find(|grant| {
            grant.is_live_under(policy_days, now) && grant.coverage.covers(need) && counts(grant)
        })
    }

    /// The live grant of this name under this key.
    pub fn grant_by_id(
        &self,
        key: &PermissionKey,
        id: GrantId,
        now: Timestamp,
        policy_days: Option<u32>,
    ) -> Option<&Grant> {
        self.grants
            .get(key)?
            .iter()
            .find(|grant| grant.id == id && grant.is_live_under(policy_days, now))
    }

    /// Notes that a grant was used, and renews it.
    ///
    /// # Errors
    /// If it cannot be written; the grant stays as it was.
    pub fn touch(
        &mut self,
        key: &PermissionKey,
        id: GrantId,
        now: Timestamp,
        policy_days: Option<u32>,
    ) -> Result<(), StoreError> {
        let Some(grant) = self
            .grants
            .get_mut(key)
            .and_then(|grants| grants.iter_mut().find(|grant| grant.id == id))
        else {
            return Ok(());
        };
        if !grant.is_live_under(policy_days, now) || now.since(grant.last_used) < TOUCH_INTERVAL {
            return Ok(());
        }
        let expires = persistent_expiry(grant.created, now, policy_days);
        self.database.lock().execute(
            "UPDATE grants SET last_used = ?2, expires = ?3 WHERE id = ?1",
            (row_id(id), now.as_millis(), expires.as_millis()),
        )?;
        grant.last_used = now;
        grant.expires = Some(expires);
        Ok(())
    }

    /// Counts one request under a grant. It is written down with the ledger's next record of the grant.
    pub(crate) fn count_request(&mut self, key: &PermissionKey, id: GrantId, now: Timestamp) {
        if let Some(grant) = self.in_use_mut(key, id) {
            grant.usage.count_request(now);
        }
    }

    /// Counts bytes of a response; `false` if the grant's budget does not have them.
    pub(crate) fn count_bytes(
        &mut self,
        key: &PermissionKey,
        id: GrantId,
        (bytes, response_bytes): (u64, u64),
        budget: &Budget,
        now: Timestamp,
    ) -> bool {
        self.in_use_mut(key, id)
            .is_none_or(|grant| grant.usage.count_bytes(bytes, response_bytes, budget, now))
    }

    pub(super) fn in_use(&self, key: &PermissionKey, id: GrantId) -> Option<&Grant> {
        self.grants.get(key)?.iter().find(|grant| grant.id == id)
    }

    fn in_use_mut(&mut self, key: &PermissionKey, id: GrantId) -> Option<&mut Grant> {
        let grants = self.grants.get_mut(key)?;
        grants.iter_mut().find(|grant| grant.id == id)
    }

    /// Ends one grant; `false` if there is none of this name.
    ///
    /// # Errors
    /// If it cannot be written. The grant is ended in this process all the same.
    pub fn revoke(&mut self, id: GrantId) -> Result<bool, StoreError> {
        let key = self
            .grants
            .iter()
            .find(|(_, grants)| grants.iter().any(|grant| grant.id == id))
            .map(|(key, _)| key.clone());
        let Some(key) = key else {
            return Ok(false);
        };
        self.forget_grant(&key, id);
        self.database
            .lock()
            .execute("DELETE FROM grants WHERE id = ?1", [row_id(id)])?;
        Ok(true)
    }

    /// Ends all grants and the denial under a key; `false` if there was none.
    ///
    /// # Errors
    /// If it cannot be written. Grants are ended in this process all the same; the denial stays.
    pub fn reset(&mut self, key: &PermissionKey) -> Result<bool, StoreError> {
        let had_grants = self
            .grants
            .remove(key)
            .is_some_and(|grants| !grants.is_empty());
        let mut connection = self.database.lock();
        let transaction = connection.transaction()?;
        let columns = key_columns(key);
        transaction.execute(
            "DELETE FROM grants WHERE top_level_site = ?1 AND requester = ?2 AND target = ?3",
            columns.each_ref(),
        )?;
        transaction.execute(
            "DELETE FROM denials WHERE top_level_site = ?1 AND requester = ?2 AND target = ?3",
            columns.each_ref(),
        )?;
        transaction.commit()?;
        Ok(self.denials.remove(key).is_some() || had_grants)
    }

    /// Ends every grant. Denials stay.
    ///
    /// # Errors
    /// If it cannot be written. The grants are ended in this process all the same.
    pub fn revoke_all(&mut self) -> Result<(), StoreError> {
        self.grants.clear();
        self.database.lock().execute("DELETE FROM grants", [])?;
        Ok(())
    }

    /// Adds a denial, and ends the grants under its key.
    ///
    /// # Errors
    /// If it cannot be written. The denial holds in this process all the same.
    pub fn deny(&mut self, key: &PermissionKey, now: Timestamp) -> Result<(), StoreError> {
        self.denials.insert(
            key.clone(),
            Denial {
                key: key.clone(),
                created: now,
            },
        );
        self.grants.remove(key);
        let columns = key_columns(key);
        let [top_level_site, requester, target] = &columns;
        let mut connection = self.database.lock();
        let transaction = connection.transaction()?;
        transaction.execute(
            "DELETE FROM grants WHERE top_level_site = ?1 AND requester = ?2 AND target = ?3",
            columns.each_ref(),
        )?;
        transaction.execute(
            "INSERT OR REPLACE INTO denials (top_level_site, requester, target, created) VALUES (?1, ?2, ?3, ?4)",
            (top_level_site, requester, target, now.as_millis()),
        )?;
        transaction.commit()?;
        Ok(())
    }

    /// Whether there is a denial under a key.
    pub fn is_denied(&self, key: &PermissionKey) -> bool {
        self.denials.contains_key(key)
    }

    /// All live grants, by key and name.
    pub fn grants(&self, now: Timestamp) -> Vec<Grant> {
        let mut list: Vec<Grant> = self
            .grants
            .values()
            .flatten()
            .filter(|grant| grant.is_live(now))
            .cloned()
            .collect();
        list.sort_by(|a, b| (&a.coverage.key, a.id).cmp(&(&b.coverage.key, b.id)));
        list
    }

    /// All denials, by key.
    pub fn denials(&self) -> Vec<Denial> {
        let mut list: Vec<Denial> = self.denials.values().cloned().collect();
        list.sort_by(|a, b| a.key.cmp(&b.key));
        list
    }

    /// Deletes grants, opt-outs and embargoes that have ended, and clicks on *Not now* that count no more: where a person said no
    /// is nobody's business for longer than it has to be.
    ///
    /// # Errors
    /// If it cannot be written; what has ended counts for nothing all the same.
    pub fn remove_expired(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let mut connection = self.database.lock();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM grants WHERE expires <= ?1", [now.as_millis()])?;
        transaction.execute(
            "DELETE FROM opt_outs WHERE expires <= ?1",
            [now.as_millis()],
        )?;
        transaction.execute("DELETE FROM embargoes WHERE until <= ?1", [now.as_millis()])?;
        transaction.execute(
            "DELETE FROM dismissals WHERE time <= ?1",
            [now.before(DISMISSAL_WINDOW).as_millis()],
        )?;
        transaction.commit()?;
        self.embargoes.remove_ended(now);
        for grants in self.grants.values_mut() {
            grants.retain(|grant| grant.expires.is_none_or(|expires| now < expires));
        }
        self.grants.retain(|_, grants| !grants.is_empty());
        Ok(())
    }

    pub(super) fn forget_grant(&mut self, key: &PermissionKey, id: GrantId) {
        if let Some(grants) = self.grants.get_mut(key) {
            grants.retain(|grant| grant.id != id);
        }
    }
}

/// Writes down what a grant was used for.
pub(super) fn write_usage(
    connection: &Connection,
    id: GrantId,
    usage: Usage,
) -> rusqlite::Result<()> {
    let Usage {
        requests,
        bytes,
        day,
    } = usage;
    let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "UPDATE grants SET requests = ?2, bytes = ?3, day_began = ?4, day_requests = ?5, day_bytes = ?6, day_overrun = ?7
             WHERE id = ?1",
        )?
        .execute((
            row_id(id),
            count(requests),
            count(bytes),
            day.began.as_millis(),
            count(day.requests),
            count(day.bytes),
            day.overrun,
        ))
        .map(drop)
}

pub(super) fn row_id(id: GrantId) -> i64 {
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

pub(super) fn key_columns(key: &PermissionKey) -> [String; 3] {
    [
        key.top_level_site.to_string(),
        key.requester.to_string(),
        key.target.to_string(),
    ]
}

pub(super) fn read_site(row: &Row<'_>) -> rusqlite::Result<Site> {
    Site::parse(&row.get::<_, String>("top_level_site")?).ok_or_else(|| invalid("top_level_site"))
}

pub(super) fn read_origin(row: &Row<'_>, column: &str) -> rusqlite::Result<TupleOrigin> {
    TupleOrigin::parse(&row.get::<_, String>(column)?).ok_or_else(|| invalid(column))
}

pub(super) fn read_key(row: &Row<'_>) -> rusqlite::Result<PermissionKey> {
    Ok(PermissionKey {
        top_level_site: read_site(row)?,
        requester: read_origin(row, "requester")?,
        target: read_origin(row, "target")?,
    })
}

fn read_grant(row: &Row<'_>) -> rusqlite::Result<Grant> {
    let methods = Methods::from_bits(row.get("methods")?)
        .filter(|methods| methods.may_persist())
        .ok_or_else(|| invalid("methods"))?;
    let headers =
        HeaderNames::parse(&row.get::<_, String>("headers")?).ok_or_else(|| invalid("headers"))?;
    Ok(Grant {
        id: GrantId(u64::try_from(row.get::<_, i64>("id")?).map_err(|_| invalid("id"))?),
        coverage: Coverage {
            key: read_key(row)?,
            network: TargetNetwork::Public,
            way: WayOut::parse(&row.get::<_, String>("way")?).ok_or_else(|| invalid("way"))?,
            methods,
            headers,
        },
        scope: GrantScope::Persistent,
        tab: None,
        created: timestamp(row, "created")?,
        last_used: timestamp(row, "last_used")?,
        expires: Some(timestamp(row, "expires")?),
        made_on: row
            .get::<_, Option<String>>("made_on")?
            .map(|identity| MachineNetwork::new(&identity)),
        usage: Usage {
            requests: count(row, "requests")?,
            bytes: count(row, "bytes")?,
            day: UsageDay {
                began: timestamp(row, "day_began")?,
                requests: count(row, "day_requests")?,
                bytes: count(row, "day_bytes")?,
                overrun: row.get("day_overrun")?,
            },
        },
    })
}

fn count(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| invalid(column))
}

#[cfg(test)]
pub(super) mod tests;
