//! What the site panel and the permissions page call.

use super::{Change, UserCors};
use crate::{
    blocklist::BlockedTarget,
    clock::Timestamp,
    embargo::EmbargoKey,
    ledger::{LedgerPage, LedgerQuery, MAX_LEDGER_RECORDS},
    opt_out::OptOut,
    permission::{Denial, Grant, GrantId, PermissionKey},
    permissions_file::{ImportPreview, Imported, PermissionsFile},
    question::Settlement,
    store::StoreError,
};

impl UserCors {
    /// All live grants: lasting, visit and once.
    pub fn grants(&self, now: Timestamp) -> Vec<Grant> {
        let state = self.state.lock();
        let policy_days = state.policy_days();
        let mut grants = state.store.grants(now);
        grants.retain(|grant| grant.is_live_under(policy_days, now));
        grants.extend(state.session.list());
        grants
    }

    /// All denials.
    pub fn denials(&self) -> Vec<Denial> {
        self.state.lock().store.denials()
    }

    /// All remembered opt-outs.
    pub fn opt_outs(&self, now: Timestamp) -> Vec<OptOut> {
        self.state.lock().store.opt_outs().list(now)
    }

    /// Everyone who is embargoed, with the end.
    pub fn embargoes(&self, now: Timestamp) -> Vec<(EmbargoKey, Timestamp)> {
        self.state.lock().store.embargoes().list(now)
    }

    /// Whether a grant counts for nothing at this moment since the machine is on another network than at the click.
    pub fn is_suspended(&self, grant: &Grant) -> bool {
        !self.state.lock().context().is_in_place(grant)
    }

    /// Whether a grant's budget is used up, so that the next request asks.
    pub fn is_spent(&self, grant: &Grant, now: Timestamp) -> bool {
        let budget = self.state.lock().settings.budget;
        grant.usage.is_spent(&budget, now)
    }

    /// A page of at most `limit` records of the ledger that fit a query, newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn ledger(&self, query: &LedgerQuery, limit: usize) -> Result<LedgerPage, StoreError> {
        self.ledger.page(query, limit)
    }

    /// The records of the ledger that fit a query, newest first, each as one line of JSON.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn export_ledger(&self, query: &LedgerQuery) -> Result<String, StoreError> {
        let page = self.ledger.page(query, MAX_LEDGER_RECORDS)?;
        let mut lines = String::new();
        for record in &page.records {
            lines.push_str(&record.to_json());
            lines.push('\n');
        }
        Ok(lines)
    }

    /// Deletes the ledger.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn clear_ledger(&self) -> Result<(), StoreError> {
        self.ledger.clear()
    }

    /// The lasting grants and the denials, as a file to keep or to take elsewhere.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn export_permissions(&self, now: Timestamp) -> Result<PermissionsFile, StoreError> {
        let state = self.state.lock();
        state.store.export(now, state.policy_days())
    }

    /// What [`import_permissions`](Self::import_permissions) would add, for the person to see first.
    pub fn preview_import(&self, file: &PermissionsFile, now: Timestamp) -> ImportPreview {
        let state = self.state.lock();
        let network = state.network.as_ref();
        state
            .store
            .preview_import(file, network, now, state.policy_days())
    }

    /// Adds the grants and denials of a file that the person chose to what is here; open questions that they decide end.
    /// A denial, here or there, beats every grant under its key.
    ///
    /// # Errors
    /// If it cannot be written; then nothing is added.
    pub fn import_permissions(
        &self,
        file: &PermissionsFile,
        now: Timestamp,
    ) -> Result<(Imported, Vec<Settlement>), StoreError> {
        let outcome = {
            let mut state = self.state.lock();
            let policy_days = state.policy_days();
            let network = state.network.clone();
            let imported = state
                .store
                .import(file, network.as_ref(), now, policy_days)?;
            for denial in file.denials() {
                let key = denial.key();
                state
                    .session
                    .revoke_where(|grant| grant.coverage.key == key);
            }
            (imported, state.reconsider(now))
        };
        self.tell(Change::Permissions);
        Ok(outcome)
    }

    /// Adds an entry to the user's own blocklist; open questions that it decides end.
    ///
    /// # Errors
    /// If it cannot be written. The entry holds until the browser quits all the same, and the questions that it decides
    /// end with the next change.
    pub fn block(
        &self,
        entry: &BlockedTarget,
        now: Timestamp,
    ) -> Result<Vec<Settlement>, StoreError> {
        let outcome = {
            let mut state = self.state.lock();
            let written = state.store.block(entry).map(drop);
            written.map(|()| state.reconsider(now))
        };
        self.tell(Change::Permissions);
        outcome
    }

    /// Removes an entry from the user's own blocklist.
    ///
    /// # Errors
    /// If it cannot be written; the entry stays.
    pub fn unblock(&self, entry: &BlockedTarget) -> Result<(), StoreError> {
        let written = self.state.lock().store.unblock(entry).map(drop);
        self.tell(Change::Permissions);
        written
    }

    /// Ends one grant.
    ///
    /// # Errors
    /// If it cannot be written. It is ended until the browser quits all the same.
    pub fn revoke(&self, id: GrantId) -> Result<(), StoreError> {
        let written = {
            let mut state = self.state.lock();
            state.session.revoke_where(|grant| grant.id == id);
            state.store.revoke(id).map(drop)
        };
        self.tell(Change::Permissions);
        written
    }

    /// Ends every grant. Denials stay.
    ///
    /// # Errors
    /// If it cannot be written. They are ended until the browser quits all the same.
    pub fn revoke_all(&self) -> Result<(), StoreError> {
        let written = {
            let mut state = self.state.lock();
            state.session.revoke_where(|_| true);
            state.store.revoke_all()
        };
        self.tell(Change::Permissions);
        written
    }

    /// Ends all grants and the denial under a key: the next request asks again.
    ///
    /// # Errors
    /// If it cannot be written. Grants are ended until the browser quits all the same.
    pub fn reset(&self, key: &PermissionKey) -> Result<(), StoreError> {
        let written = {
            let mut state = self.state.lock();
            state
                .session
                .revoke_where(|grant| grant.coverage.key == *key);
            state.store.reset(key).map(drop)
        };
        self.tell(Change::Permissions);
        written
    }

    /// Lets an embargoed requester ask again.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn reset_embargo(&self, key: &EmbargoKey) -> Result<(), StoreError> {
        let written = self.state.lock().store.reset_embargo(key).map(drop);
        self.tell(Change::Permissions);
        written
    }

    /// Deletes what has ended from the store. To be called now and then.
    ///
    /// # Errors
    /// If it cannot be written; what has ended counts for nothing all the same.
    pub fn remove_expired(&self, now: Timestamp) -> Result<(), StoreError> {
        self.state.lock().store.remove_expired(now)
    }
}
