//! The facade that the fetch stack and the shell share.

mod for_bar;
mod for_fetch;
mod for_panels;
mod state;

use std::{fmt, mem, sync::Arc};

use ipnet::IpNet;
use parking_lot::Mutex;

use self::state::{State, declined, report};
use crate::{
    address_space::{AddressSpaceOverrides, Classifier, Nat64Prefix},
    blocklist::{BlockedTarget, Blocklist, InstalledBlocklist},
    clock::Timestamp,
    decision::{self, Settings},
    delivery::HoldBudgets,
    eligibility::TabId,
    limits::{SilentPreflights, WriteLimiter},
    machine_network::{MachineNetwork, NetworkChange},
    policy::PolicyStatus,
    question::{DeclineReason, Questions, Settled, Settlement},
    rules::Rules,
    session::SessionGrants,
    store::{Ledger, PermissionStore, StoreError},
};

/// Who answers questions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// A person, in the permission bar.
    #[default]
    Person,
    /// Rules, at once. No rules answer *Not now*.
    Rules(Rules),
}

/// What has changed, for whoever shows it or depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The questions of a tab.
    Questions(TabId),
    /// Permissions, policy or settings: running requests are to be checked with [`UserCors::still_granted`], and all views
    /// to be drawn again.
    Permissions,
}

type Listener = Arc<dyn Fn(Change) + Send + Sync>;

/// User-enabled CORS of one profile.
///
/// All methods are quick and take the current time. Only those that change a permission write to the store; those of the
/// ledger keep no fetch waiting. Every method that can end a waiting request returns its [`Settlement`], which has to reach
/// the request.
pub struct UserCors {
    state: Mutex<State>,
    ledger: Ledger,
    listener: Mutex<Option<Listener>>,
}

impl fmt::Debug for UserCors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserCors").finish_non_exhaustive()
    }
}

impl UserCors {
    /// User-enabled CORS with this store, the default settings and no policy.
    pub fn new(store: PermissionStore) -> Self {
        let questions = Questions::new(store.kind());
        Self {
            ledger: store.ledger(),
            state: Mutex::new(State {
                settings: Settings::default(),
                policy: PolicyStatus::None,
                installed_blocklists: Vec::new(),
                classifier: Classifier::new(),
                store,
                session: SessionGrants::default(),
                questions,
                answers: Answers::Person,
                holds: HoldBudgets::default(),
                writes: WriteLimiter::default(),
                silent_preflights: SilentPreflights::default(),
                network: None,
            }),
            listener: Mutex::new(None),
        }
    }

    /// Sets who is told of changes. It is called without any lock held, on the thread that made the change, and may call
    /// back.
    pub fn set_listener(&self, listener: impl Fn(Change) + Send + Sync + 'static) {
        *self.listener.lock() = Some(Arc::new(listener));
    }

    fn tell(&self, change: Change) {
        let listener = self.listener.lock().clone();
        if let Some(listener) = listener {
            listener(change);
        }
    }

    /// The user's settings.
    pub fn settings(&self) -> Settings {
        self.state.lock().settings.clone()
    }

    /// Sets the user's settings; open questions that they forbid end.
    pub fn set_settings(&self, settings: Settings, now: Timestamp) -> Vec<Settlement> {
        self.change(now, |state| state.settings = settings)
    }

    /// What is known about policy.
    pub fn policy(&self) -> PolicyStatus {
        self.state.lock().policy.clone()
    }

    /// Sets what is known about policy; open questions that it decides end.
    pub fn set_policy(&self, policy: PolicyStatus, now: Timestamp) -> Vec<Settlement> {
        self.change(now, |state| {
            let ranges = policy
                .policy()
                .map(|policy| policy.address_spaces.clone())
                .unwrap_or_default();
            state.classifier.set_policy_ranges(ranges);
            state.policy = policy;
            let may_last = state.policy_days() != Some(0);
            state.questions.set_may_last(may_last);
        })
    }

    /// The user's own blocklist.
    pub fn blocklist(&self) -> Vec<BlockedTarget> {
        self.state
            .lock()
            .store
            .blocklist()
            .entries()
            .cloned()
            .collect()
    }

    /// Stores this as the user's own blocklist; open questions that it decides end.
    pub fn set_blocklist(&self, blocklist: Blocklist, now: Timestamp) -> Vec<Settlement> {
        self.change(now, |state| {
            report(
                "the blocklist could not be stored and holds until the browser quits",
                state.store.set_blocklist(blocklist),
            );
        })
    }

    /// The list files in force, the administrator's and the user's.
    pub fn installed_blocklists(&self) -> Vec<InstalledBlocklist> {
        self.state.lock().installed_blocklists.clone()
    }

    /// Puts these list files in force, in place of all before them; open questions that they decide end. They come from
    /// [`BlocklistFiles`](crate::BlocklistFiles), which may take seconds and is asked elsewhere; this takes none.
    pub fn install_blocklists(
        &self,
        lists: Vec<InstalledBlocklist>,
        now: Timestamp,
    ) -> Vec<Settlement> {
        self.change(now, |state| state.installed_blocklists = lists)
    }

    /// Sets who answers questions. Those that are open stay with the person.
    pub fn set_answers(&self, answers: Answers) {
        self.state.lock().answers = answers;
    }

    /// Sets the overrides of address spaces from the command line; open questions that they decide end.
    pub fn set_address_space_overrides(
        &self,
        overrides: AddressSpaceOverrides,
        now: Timestamp,
    ) -> Vec<Settlement> {
        self.change(now, |state| {
            state.classifier = mem::take(&mut state.classifier).with_overrides(overrides);
        })
    }

    /// The overrides of address spaces that are in force, to be shown.
    pub fn address_space_overrides(&self) -> AddressSpaceOverrides {
        self.state.lock().classifier.overrides().clone()
    }

    /// Sets the addresses of this machine's interfaces, each with its prefix. If they are others than before, open questions
    /// that this decides end, and running requests are to look again.
    pub fn set_interfaces(
        &self,
        interfaces: impl IntoIterator<Item = IpNet>,
        now: Timestamp,
    ) -> Vec<Settlement> {
        let interfaces: Vec<IpNet> = interfaces.into_iter().collect();
        self.reclassify(now, |classifier| classifier.set_interfaces(interfaces))
    }

    /// Sets the NAT64 prefixes learned from the network, with the same consequences.
    pub fn set_nat64_prefixes(
        &self,
        prefixes: impl IntoIterator<Item = Nat64Prefix>,
        now: Timestamp,
    ) -> Vec<Settlement> {
        let prefixes: Vec<Nat64Prefix> = prefixes.into_iter().collect();
        self.reclassify(now, |classifier| classifier.set_nat64_prefixes(prefixes))
    }

    fn reclassify(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut Classifier) -> bool,
    ) -> Vec<Settlement> {
        let settlements = {
            let mut state = self.state.lock();
            if !change(&mut state.classifier) {
                return Vec::new();
            }
            state.reconsider(now)
        };
        self.tell(Change::Permissions);
        settlements
    }

    /// The network on which this machine is, as far as that is known.
    pub fn machine_network(&self) -> Option<MachineNetwork> {
        self.state.lock().network.clone()
    }

    /// The machine is on this network now, or on one that cannot be told. Grants that were given on another one are
    /// suspended until it is back there, unless the settings say otherwise: nothing new comes under them, and what runs is
    /// to look again. Open questions end, for they were about what is seen from the network before.
    pub fn network_changed(
        &self,
        network: Option<MachineNetwork>,
        now: Timestamp,
    ) -> Vec<Settlement> {
        let settlements = {
            let mut state = self.state.lock();
            if state.network == network {
                return Vec::new();
            }
            // What was known before any network was is about the first one that is known.
            let is_first = state.network.is_none();
            state.network = network;
            state.silent_preflights.clear();
            if state.settings.other_network == NetworkChange::Ignore || is_first {
                state.reconsider(now)
            } else {
                let settled = state.questions.end_all();
                settled
                    .into_iter()
                    .map(|settled| declined(settled, DeclineReason::NetworkChanged))
                    .collect()
            }
        };
        self.tell(Change::Permissions);
        settlements
    }

    /// Ends and forgets everything: grants, denials, embargoes, remembered opt-outs, the user's blocklist, the ledger,
    /// questions, and what is remembered for a minute. Settings, policy and who answers stay.
    ///
    /// # Errors
    /// If it cannot be written. What is stored may then come back with the next start; until then it is forgotten all the
    /// same, and open questions stay.
    pub fn clear(&self) -> Result<Vec<Settlement>, StoreError> {
        let settled = {
            let mut state = self.state.lock();
            state.session.end_all();
            state.writes = WriteLimiter::default();
            state.silent_preflights.clear();
            state
                .store
                .clear()
                .map(|()| state.questions.end_all_and_forget())
        };
        self.tell(Change::Permissions);
        let settled = settled?;
        Ok(self.ended(settled, DeclineReason::NotNow))
    }

    fn change(&self, now: Timestamp, change: impl FnOnce(&mut State)) -> Vec<Settlement> {
        let settlements = {
            let mut state = self.state.lock();
            let egress = decision::egress(state.context()).clone();
            change(&mut state);
            if *decision::egress(state.context()) == egress {
                state.reconsider(now)
            } else {
                // What was asked is not what would be done.
                let settled = state.questions.end_all();
                settled
                    .into_iter()
                    .map(|settled| declined(settled, DeclineReason::EgressChanged))
                    .collect()
            }
        };
        self.tell(Change::Permissions);
        settlements
    }

    fn ended(&self, settled: Vec<Settled>, reason: DeclineReason) -> Vec<Settlement> {
        let mut tabs: Vec<TabId> = settled.iter().map(|settled| settled.request.tab).collect();
        tabs.dedup();
        for tab in tabs {
            self.tell(Change::Questions(tab));
        }
        settled
            .into_iter()
            .map(|settled| declined(settled, reason))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;
    use crate::ledger::LedgerQuery;

    /// Whether `act` comes to its end while the caller holds a lock.
    fn ends(act: impl FnOnce(&UserCors) + Send + 'static, user_cors: &Arc<UserCors>) -> bool {
        let (ended, end) = mpsc::channel();
        let user_cors = user_cors.clone();
        thread::spawn(move || {
            act(&user_cors);
            let _ = ended.send(());
        });
        end.recv_timeout(Duration::from_secs(10)).is_ok()
    }

    #[test]
    fn the_ledger_and_what_decides_do_not_wait_for_each_other() {
        let store = PermissionStore::in_memory().unwrap();
        let ledger = store.ledger();
        let user_cors = Arc::new(UserCors::new(store));
        let read = |user_cors: &UserCors| {
            let query = LedgerQuery::default();
            user_cors.ledger(&query, 1).unwrap();
            user_cors.export_ledger(&query).unwrap();
        };
        {
            let _deciding = user_cors.state.lock();
            assert!(ends(read, &user_cors));
        }
        ledger.while_busy(|| {
            assert!(ends(|user_cors| drop(user_cors.switched_off()), &user_cors));
        });
        assert!(ends(read, &user_cors));
    }
}
