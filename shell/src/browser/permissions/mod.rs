//! What the permissions page shows: a copy of what the person allowed and refused, of what was read, and of what governs
//! both. It is taken when the page is opened and after each change.

mod command;
mod ledger;
mod row;
mod settings;
mod site;
mod transfer;
pub mod words;

use std::path::PathBuf;
use std::sync::Arc;

use net::embedding::Embedding;
use user_cors::{
    AllowedPair, BlockedTarget, EmbargoKey, GrantId, PermissionKey, Settlement, Site, StoreError,
    Timestamp, TupleOrigin, UserCors,
};

pub use self::command::PermissionsCommand;
pub use self::ledger::{Ledger, LedgerRow};
pub use self::row::{PermissionRow, Subject};
pub use self::settings::{
    Choices, SettingChange, SettingControl, SettingRow, SettingsFile, SettingsFileError,
};
pub use self::site::{ConnectionFacts, SitePanel};
pub use self::transfer::{Import, Transfer, TransferError};
use crate::policy::{FileReport, InForce, ListReport, PolicyReport, in_force, list_reports};

/// What a server said about pages that may not read it, and for how long that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptOutRow {
    /// The top-level site on whose pages it said so.
    pub site: Site,
    /// The server, as it is shown.
    pub target: String,
    /// Whom it named, on which site it was met, and until when that holds.
    pub description: String,
}

/// Someone who may not ask for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbargoRow {
    /// Who, under which top-level site.
    pub key: EmbargoKey,
    /// Why, and until when.
    pub description: String,
}

/// What the page shows.
#[derive(Debug, Default)]
pub struct Permissions {
    /// The grants and denials, newest first.
    pub rows: Vec<PermissionRow>,
    /// Those who may not ask for a while.
    pub embargoes: Vec<EmbargoRow>,
    /// What servers said about who may not read them.
    pub opt_outs: Vec<OptOutRow>,
    /// What was read.
    pub ledger: Ledger,
    /// The user's own entries of the blocklist.
    pub blocked: Vec<BlockedTarget>,
    /// The list files in force.
    pub lists: Vec<ListReport>,
    /// Where the user puts list files.
    pub lists_folder: PathBuf,
    /// The settings, and what policy leaves of them to the user.
    pub settings: Vec<SettingRow>,
    /// The policy files.
    pub policy_files: Vec<FileReport>,
    /// What is in force, with its source.
    pub in_force: Vec<InForce>,
    /// Import and export.
    pub transfer: Transfer,
    /// Counts the copies, so that what was made of one is known to be old.
    pub revision: u64,
    /// Why the last change could not be written.
    pub failure: Option<String>,
    allowed_pairs: Vec<AllowedPair>,
    report: Arc<PolicyReport>,
    settings_file: Option<SettingsFile>,
}

impl Permissions {
    /// Sets where lists and settings are kept. Without a file, settings hold until the browser quits.
    pub fn keep_in(&mut self, lists_folder: PathBuf, settings_file: Option<SettingsFile>) {
        self.lists_folder = lists_folder;
        self.settings_file = settings_file;
    }

    /// Sets what the policy files say.
    pub fn set_report(&mut self, report: Arc<PolicyReport>) {
        self.report = report;
    }

    /// Takes a new copy.
    pub fn refresh(&mut self) {
        if let Some(embedding) = Embedding::get() {
            embedding.settle_ledger();
            self.refresh_from(embedding.user_cors(), embedding.now());
        }
    }

    /// Takes a new copy of what this model has at this time.
    pub fn refresh_from(&mut self, model: &UserCors, now: Timestamp) {
        let budget = model.settings().budget;
        let mut rows: Vec<PermissionRow> = model
            .grants(now)
            .iter()
            .map(|grant| PermissionRow::of_grant(grant, model.is_suspended(grant), &budget, now))
            .chain(model.denials().iter().map(PermissionRow::of_denial))
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.created));
        self.rows = rows;
        self.embargoes = model
            .embargoes(now)
            .into_iter()
            .map(|(key, until)| EmbargoRow {
                description: format!(
                    "Refused several times in a day · may ask again on {}",
                    words::day(until)
                ),
                key,
            })
            .collect();
        self.opt_outs = model
            .opt_outs(now)
            .iter()
            .map(|opt_out| OptOutRow {
                site: opt_out.top_level_site.clone(),
                target: opt_out.target.display().to_string(),
                description: match &opt_out.prevented {
                    user_cors::Prevented::Everyone => format!(
                        "lets no page of another origin read it · met on {} · remembered until {}",
                        opt_out.top_level_site,
                        words::day(opt_out.expires)
                    ),
                    user_cors::Prevented::Origin(origin) => format!(
                        "does not let {} read it · met on {} · remembered until {}",
                        origin.display(),
                        opt_out.top_level_site,
                        words::day(opt_out.expires)
                    ),
                },
            })
            .collect();
        self.ledger.refresh_from(model);
        self.blocked = model.blocklist();
        self.lists = list_reports(&model.installed_blocklists());
        // NB: what is in force, not what the files said: a test's driver can have set another policy.
        let mut report = PolicyReport::clone(&self.report);
        report.in_force = model.policy();
        self.allowed_pairs = report
            .in_force
            .policy()
            .map(|policy| policy.allowed_pairs.clone())
            .unwrap_or_default();
        let settings = model.settings();
        self.in_force = in_force(&report, &settings);
        self.settings = settings::rows(&settings, &self.in_force);
        self.policy_files = report.files;
        self.revision += 1;
    }

    /// From whom policy lets a requester read, in words.
    pub fn allowed_by_policy(&self, requester: &TupleOrigin) -> Vec<String> {
        self.allowed_pairs
            .iter()
            .filter(|pair| pair.requester.matches(requester))
            .map(|pair| pair.target.to_string())
            .collect()
    }

    /// What servers said on pages of a site.
    pub fn opt_outs_on(&self, site: &Site) -> Vec<OptOutRow> {
        self.opt_outs
            .iter()
            .filter(|row| row.site == *site)
            .cloned()
            .collect()
    }

    /// Ends one permission, and the requests under it.
    pub fn revoke(&mut self, id: GrantId) {
        self.change(|model, _| model.revoke(id).map(|()| Vec::new()));
    }

    /// Forgets what was decided about a pair: the next request asks again.
    pub fn reset(&mut self, key: &PermissionKey) {
        self.change(|model, _| model.reset(key).map(|()| Vec::new()));
    }

    /// Ends all permissions. What was refused stays.
    pub fn revoke_all(&mut self) {
        self.change(|model, _| model.revoke_all().map(|()| Vec::new()));
    }

    /// Lets someone ask again who was refused several times.
    pub fn reset_embargo(&mut self, key: &EmbargoKey) {
        self.change(|model, _| model.reset_embargo(key).map(|()| Vec::new()));
    }

    /// Adds an entry to the user's blocklist.
    pub fn block(&mut self, entry: &BlockedTarget) {
        self.change(|model, now| model.block(entry, now));
    }

    /// Takes an entry out of the user's blocklist.
    pub fn unblock(&mut self, entry: &BlockedTarget) {
        self.change(|model, _| model.unblock(entry).map(|()| Vec::new()));
    }

    /// Deletes the record of what was read.
    pub fn clear_ledger(&mut self) {
        self.change(|model, _| model.clear_ledger().map(|()| Vec::new()));
    }

    /// Changes a setting, at once and for the next start.
    pub fn change_setting(&mut self, change: &SettingChange) {
        let Some(embedding) = Embedding::get() else {
            return;
        };
        let mut settings = embedding.user_cors().settings();
        let written = change.apply(&mut settings).map(|()| {
            let settled = embedding
                .user_cors()
                .set_settings(settings, embedding.now());
            embedding.deliver(settled);
        });
        self.failure = match (written, &self.settings_file) {
            (Err(error), _) => Some(error.to_string()),
            (Ok(()), Some(file)) => file.store(change).err().map(|error| error.to_string()),
            (Ok(()), None) => None,
        };
        self.refresh();
    }

    fn change(
        &mut self,
        change: impl FnOnce(&UserCors, Timestamp) -> Result<Vec<Settlement>, StoreError>,
    ) {
        if let Some(embedding) = Embedding::get() {
            embedding.settle_ledger();
            self.failure = match change(embedding.user_cors(), embedding.now()) {
                Ok(settled) => {
                    embedding.deliver(settled);
                    None
                },
                Err(error) => {
                    log::error!("A change of permissions is not in the profile: {error}");
                    Some(error.to_string())
                },
            };
        }
        self.refresh();
    }
}

#[cfg(test)]
mod tests {
    use user_cors::{PermissionStore, PermissionsFile};

    use super::*;

    pub(super) const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    /// A model with one lasting grant and one denial in a folder.
    pub(super) fn model(folder: &tempfile::TempDir) -> UserCors {
        let path = folder.path().join("permissions.sqlite");
        let model = UserCors::new(PermissionStore::open(&path, NOW).unwrap().store);
        let file = PermissionsFile::parse(
            r#"{"version": 1,
                "grants": [{"topLevelSite": "https://app.example", "requester": "https://app.example",
                            "target": "https://data.example", "methods": ["GET"], "headers": [],
                            "created": 1700000000000, "lastUsed": 1700000000000}],
                "denials": [{"topLevelSite": "https://app.example", "requester": "https://app.example",
                             "target": "https://bank.example", "created": 1600000000000}]}"#,
        )
        .unwrap();
        let _ = model.import_permissions(&file, NOW).unwrap();
        model
    }

    #[test]
    fn a_copy_has_everything_newest_first_and_a_new_number() {
        let folder = tempfile::tempdir().unwrap();
        let model = model(&folder);
        let _ = model.block(&"blocked.example".parse().unwrap(), NOW);
        let mut permissions = Permissions::default();
        permissions.refresh_from(&model, NOW);
        let targets: Vec<_> = permissions
            .rows
            .iter()
            .map(|row| row.key.target.to_string())
            .collect();
        assert_eq!(targets, ["https://data.example", "https://bank.example"]);
        assert_eq!(permissions.blocked.len(), 1);
        assert_eq!(permissions.revision, 1);
        assert!(
            permissions
                .settings
                .iter()
                .all(|row| row.fixed_by.is_none())
        );
        let _ = model.set_policy(
            user_cors::PolicyStatus::InForce(user_cors::Policy {
                enabled: Some(false),
                ..user_cors::Policy::default()
            }),
            NOW,
        );
        permissions.refresh_from(&model, NOW);
        let fixed: Vec<_> = permissions
            .settings
            .iter()
            .filter(|row| row.fixed_by.is_some())
            .map(|row| row.name)
            .collect();
        assert_eq!(fixed, ["user_cors.enabled"]);
        assert_eq!(permissions.revision, 2);
    }
}
