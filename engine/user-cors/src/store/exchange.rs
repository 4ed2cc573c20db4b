//! Export of the store's lasting grants and denials, and import of others.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Row, named_params};

use super::{
    PermissionStore, StoreError, StoreKind,
    grants::{key_columns, read_key, row_id},
};
use crate::{
    budget::Usage,
    clock::Timestamp,
    machine_network::MachineNetwork,
    permission::{Denial, Grant, GrantId, GrantScope, PermissionKey, persistent_expiry},
    permissions_file::{
        DenialEntry, GrantEntry, ImportPreview, Imported, PermissionsFile, UnknownFields,
    },
};

/// The most grants that a file brings a pair to. All of them are looked at for each request of the pair, and by each further entry of
/// the file; one answer of a person gives 64 at most.
const MAX_GRANTS_OF_A_PAIR: usize = 128;

/// What a file has that a store would take.
struct Plan<'file> {
    denials: HashMap<PermissionKey, &'file DenialEntry>,
    grants: BTreeMap<PermissionKey, Vec<(Grant, &'file UnknownFields)>>,
}

impl PermissionStore {
    /// The lasting grants in force and the denials, as a file.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn export(
        &self,
        now: Timestamp,
        policy_days: Option<u32>,
    ) -> Result<PermissionsFile, StoreError> {
        let mut of_grants = self.unknown_fields("grants", |row| row.get::<_, i64>("id"))?;
        let mut of_denials = self.unknown_fields("denials", read_key)?;
        let grants = self
            .grants(now)
            .into_iter()
            .filter(|grant| grant.is_live_under(policy_days, now))
            .map(|grant| {
                let unknown = of_grants.remove(&row_id(grant.id)).unwrap_or_default();
                GrantEntry::new(&grant.coverage, grant.created, grant.last_used, unknown)
            })
            .collect();
        let denials = self
            .denials()
            .into_iter()
            .map(|denial| {
                let unknown = of_denials.remove(&denial.key).unwrap_or_default();
                DenialEntry::new(denial.key, denial.created, unknown)
            })
            .collect();
        Ok(PermissionsFile::new(grants, denials))
    }

    /// Adds what a file has to what is here, all or nothing. A denial, here or there, beats every grant under its key; a
    /// grant lives as long as its click and its last use give it, neither is believed to be later than `now`, and it counts
    /// as given on the network on which this machine is.
    ///
    /// A store in memory takes denials only: it keeps no lasting grants.
    ///
    /// # Errors
    /// If it cannot be written; then nothing is added.
    pub fn import(
        &mut self,
        file: &PermissionsFile,
        made_on: Option<&MachineNetwork>,
        now: Timestamp,
        policy_days: Option<u32>,
    ) -> Result<Imported, StoreError> {
        let Plan {
            denials,
            mut grants,
        } = self.plan(file, made_on, now, policy_days);
        let mut connection = self.database.lock();
        let transaction = connection.transaction()?;
        for (key, denial) in &denials {
            let [top_level_site, requester, target] = &key_columns(key);
            transaction.execute(
                "DELETE FROM grants WHERE top_level_site = ?1 AND requester = ?2 AND target = ?3",
                [top_level_site, requester, target],
            )?;
            transaction.execute(
                "INSERT INTO denials (top_level_site, requester, target, created, unknown_fields)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                (
                    top_level_site,
                    requester,
                    target,
                    denial.created.min(now).as_millis(),
                    json(&denial.unknown),
                ),
            )?;
        }
        for (grant, unknown) in grants.values_mut().flatten() {
            let [top_level_site, requester, target] = &key_columns(&grant.coverage.key);
            transaction.execute(
                "INSERT INTO grants
                 (top_level_site, requester, target, way, methods, headers, created, last_used, expires, made_on,
                  unknown_fields)
                 VALUES (:top_level_site, :requester, :target, :way, :methods, :headers, :created, :last_used, :expires,
                         :made_on, :unknown)",
                named_params! {
                    ":top_level_site": top_level_site,
                    ":requester": requester,
                    ":target": target,
                    ":way": grant.coverage.way.as_str(),
                    ":methods": grant.coverage.methods.to_bits(),
                    ":headers": grant.coverage.headers.to_string(),
                    ":created": grant.created.as_millis(),
                    ":last_used": grant.last_used.as_millis(),
                    ":expires": grant.expires.map(Timestamp::as_millis),
                    ":made_on": grant.made_on.as_ref().map(MachineNetwork::as_str),
                    ":unknown": json(unknown),
                },
            )?;
            grant.id = GrantId(u64::try_from(transaction.last_insert_rowid()).unwrap_or_default());
        }
        transaction.commit()?;
        drop(connection);

        let added: usize = grants.values().map(Vec::len).sum();
        let imported = Imported {
            grants: added,
            denials: denials.len(),
            left_out: file.len().saturating_sub(added + denials.len()),
        };
        for (key, denial) in denials {
            self.grants.remove(&key);
            let created = denial.created.min(now);
            self.denials.insert(key.clone(), Denial { key, created });
        }
        for (key, added) in grants {
            let added = added.into_iter().map(|(grant, _)| grant);
            self.grants.entry(key).or_default().extend(added);
        }
        Ok(imported)
    }

    /// What [`import`](Self::import) would add.
    pub fn preview_import(
        &self,
        file: &PermissionsFile,
        made_on: Option<&MachineNetwork>,
        now: Timestamp,
        policy_days: Option<u32>,
    ) -> ImportPreview {
        let plan = self.plan(file, made_on, now, policy_days);
        let revoked = plan
            .denials
            .keys()
            .filter_map(|key| self.grants.get(key))
            .map(Vec::len)
            .sum();
        let grants: Vec<Grant> = plan
            .grants
            .into_values()
            .flatten()
            .map(|(grant, _)| grant)
            .collect();
        let denials: Vec<Denial> = plan
            .denials
            .into_iter()
            .map(|(key, denial)| Denial {
                key,
                created: denial.created.min(now),
            })
            .collect();
        ImportPreview {
            left_out: file.len().saturating_sub(grants.len() + denials.len()),
            grants,
            denials,
            revoked,
        }
    }

    fn plan<'file>(
        &self,
        file: &'file PermissionsFile,
        made_on: Option<&MachineNetwork>,
        now: Timestamp,
        policy_days: Option<u32>,
    ) -> Plan<'file> {
        let denials: HashMap<PermissionKey, &DenialEntry> = file
            .denials()
            .iter()
            .map(|denial| (denial.key(), denial))
            .filter(|(key, _)| !self.is_denied(key))
            .collect();
        let is_denied = |key: &PermissionKey| self.is_denied(key) || denials.contains_key(key);
        let mut grants: BTreeMap<PermissionKey, Vec<(Grant, &UnknownFields)>> = BTreeMap::new();
        for entry in file.grants() {
            let grant = imported_grant(entry, made_on, now, policy_days);
            let kept = self.kind == StoreKind::Lasting
                && grant.is_live_under(policy_days, now)
                && !is_denied(&grant.coverage.key);
            if !kept {
                continue;
            }
            let key = grant.coverage.key.clone();
            let here = self.grants.get(&key).map_or(&[][..], Vec::as_slice);
            let added = grants.entry(key).or_default();
            if here.len() + added.len() >= MAX_GRANTS_OF_A_PAIR {
                continue;
            }
            let here = here.iter();
            let mut known = here.chain(added.iter().map(|(grant, _)| grant));
            if !known.any(|known| makes_needless(known, &grant)) {
                added.push((grant, &entry.unknown));
            }
        }
        Plan { denials, grants }
    }

    /// The rows of a table that an imported file said more about.
    fn unknown_fields<K: Eq + std::hash::Hash>(
        &self,
        table: &str,
        key: impl Fn(&Row<'_>) -> rusqlite::Result<K>,
    ) -> Result<HashMap<K, UnknownFields>, StoreError> {
        let query = format!("SELECT * FROM {table} WHERE unknown_fields <> '{{}}'");
        let connection = self.database.lock();
        let mut statement = connection.prepare(&query)?;
        let rows = statement.query_map([], |row| {
            let text: String = row.get("unknown_fields")?;
            Ok((key(row)?, serde_json::from_str(&text).unwrap_or_default()))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// The grant that an entry stands for, as if its click had been here.
fn imported_grant(
    entry: &GrantEntry,
    made_on: Option<&MachineNetwork>,
    now: Timestamp,
    policy_days: Option<u32>,
) -> Grant {
    let created = entry.created.min(now);
    let last_used = entry.last_used.clamp(created, now);
    Grant {
        id: GrantId(0),
        coverage: entry.coverage(),
        scope: GrantScope::Persistent,
        tab: None,
        created,
        last_used,
        expires: Some(persistent_expiry(created, last_used, policy_days)),
        made_on: made_on.cloned(),
        usage: Usage::default(),
    }
}

/// Whether a grant covers all of another and ends no earlier.
fn makes_needless(known: &Grant, other: &Grant) -> bool {
    known.made_on == other.made_on
        && known.coverage.includes(&other.coverage)
        && known.expires >= other.expires
}

fn json(fields: &UnknownFields) -> String {
    serde_json::to_string(fields).unwrap_or_else(|_| "{}".to_owned())
}
