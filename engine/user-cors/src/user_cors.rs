//! The facade that the fetch stack and the shell share.

use std::{fmt, sync::Arc};

use ipnet::IpNet;
use parking_lot::Mutex;

use crate::{
    address_space::{AddressSpaceOverrides, Classifier, ConnectionFacts, Nat64Prefix, Route},
    blocklist::{BlockedTarget, Blocklist},
    clock::Timestamp,
    decision::{self, Context, CorsFailure, Decision, Settings},
    delivery::{HoldBudget, HoldBudgets, HoldId},
    eligibility::{RequesterOrigin, TabId},
    embargo::EmbargoKey,
    ledger::LedgerRecord,
    limits::{SilentPreflight, SilentPreflights, WriteLimiter},
    opt_out::OptOut,
    origin::{Site, TupleOrigin},
    permission::{
        Coverage, Denial, Grant, GrantBasis, GrantId, GrantScope, GrantUse, Need, PermissionKey,
    },
    policy::PolicyStatus,
    question::{
        AnswerError, Answered, AskOutcome, Choice, DeclineReason, QuestionId, QuestionView,
        Questions, Settled, Settlement, TicketId, TicketRequest, Verdict,
    },
    refusal::Refusal,
    rules::Rules,
    servers_word::PreventOrigin,
    session::{MediaResource, SessionGrants},
    store::{PermissionStore, StoreError},
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
/// All methods are quick and take the current time. Only those that change a permission write to the store. Every method
/// that can end a waiting request returns its [`Settlement`], which has to reach the request.
pub struct UserCors {
    state: Mutex<State>,
    listener: Mutex<Option<Listener>>,
}

struct State {
    settings: Settings,
    policy: PolicyStatus,
    blocklist: Blocklist,
    classifier: Classifier,
    store: PermissionStore,
    session: SessionGrants,
    questions: Questions,
    answers: Answers,
    holds: HoldBudgets,
    writes: WriteLimiter,
    silent_preflights: SilentPreflights,
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
            state: Mutex::new(State {
                settings: Settings::default(),
                policy: PolicyStatus::None,
                blocklist: Blocklist::default(),
                classifier: Classifier::new(),
                store,
                session: SessionGrants::default(),
                questions,
                answers: Answers::Person,
                holds: HoldBudgets::default(),
                writes: WriteLimiter::default(),
                silent_preflights: SilentPreflights::default(),
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

    // Settings.

    /// The user's settings.
    pub fn settings(&self) -> Settings {
        self.state.lock().settings
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
        })
    }

    /// The user's blocklist.
    pub fn blocklist(&self) -> Vec<BlockedTarget> {
        self.state.lock().blocklist.entries().cloned().collect()
    }

    /// Sets the user's blocklist; open questions that it decides end.
    pub fn set_blocklist(&self, blocklist: Blocklist, now: Timestamp) -> Vec<Settlement> {
        self.change(now, |state| state.blocklist = blocklist)
    }

    /// Sets who answers questions. Those that are open stay with the person.
    pub fn set_answers(&self, answers: Answers) {
        self.state.lock().answers = answers;
    }

    /// Sets the overrides of address spaces from the command line.
    pub fn set_address_space_overrides(&self, overrides: AddressSpaceOverrides) {
        let state = &mut *self.state.lock();
        state.classifier = std::mem::take(&mut state.classifier).with_overrides(overrides);
    }

    /// The overrides of address spaces that are in force, to be shown.
    pub fn address_space_overrides(&self) -> AddressSpaceOverrides {
        self.state.lock().classifier.overrides().clone()
    }

    /// Sets the addresses of this machine's interfaces, each with its prefix.
    pub fn set_interfaces(&self, interfaces: impl IntoIterator<Item = IpNet>) {
        let interfaces: Vec<IpNet> = interfaces.into_iter().collect();
        self.state.lock().classifier.set_interfaces(interfaces);
    }

    /// Sets the NAT64 prefixes learned from the network.
    pub fn set_nat64_prefixes(&self, prefixes: impl IntoIterator<Item = Nat64Prefix>) {
        let prefixes: Vec<Nat64Prefix> = prefixes.into_iter().collect();
        self.state.lock().classifier.set_nat64_prefixes(prefixes);
    }

    // For the fetch stack.

    /// Classifies what a connection was made to.
    pub fn classify(&self, facts: &ConnectionFacts) -> Route {
        self.state.lock().classifier.classify(facts)
    }

    /// Steps 1 to 8. Also takes up what the responses say with `Access-Control-Prevent-Origin`.
    pub fn consider(&self, failure: &CorsFailure, now: Timestamp) -> Decision {
        let mut state = self.state.lock();
        state.take_up_opt_outs(failure, now);
        decision::consider(failure, state.context(), now)
    }

    /// Step 9: lets a request wait for a person, or for rules.
    pub fn ask(&self, request: TicketRequest, now: Timestamp) -> AskOutcome {
        let tab = request.tab;
        let outcome = self.state.lock().ask(request, now);
        match outcome {
            AskOutcome::Waiting { .. } => self.tell(Change::Questions(tab)),
            AskOutcome::Settled(_) => self.tell(Change::Permissions),
            AskOutcome::Refused(_) => {},
        }
        outcome
    }

    /// Steps 1, 2, 4 to 6 and 8 once more, with what is known of the response that is about to be handed over; then the
    /// grant counts as used.
    ///
    /// # Errors
    /// The reason for which the response may not be handed over.
    pub fn recheck(
        &self,
        grant_use: &GrantUse,
        response: &CorsFailure,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        state.take_up_opt_outs(response, now);
        decision::recheck(grant_use, response, state.context(), now)?;
        if let crate::eligibility::TabLiveness::Live(tab) = response.requester.tab {
            state.used(grant_use, tab, now);
        }
        Ok(())
    }

    /// Whether a running request may go on: its grants are in force and nothing forbids it.
    ///
    /// # Errors
    /// What has changed.
    pub fn still_granted(
        &self,
        grant_use: &GrantUse,
        tab: TabId,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        decision::still_granted(grant_use, tab, self.state.lock().context(), now)
    }

    /// Counts one request that is about to be sent under a grant.
    ///
    /// # Errors
    /// If it is a write and there were too many in the last minute.
    pub fn count_write(&self, grant_use: &GrantUse, now: Timestamp) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        match grant_use.bases.last() {
            Some((need, _)) => state.writes.count(&need.key, need.method, now),
            None => Err(Refusal::GrantEnded),
        }
    }

    /// A request under a grant has ended, however it did.
    pub fn finished(&self, grant_use: &GrantUse) {
        let mut state = self.state.lock();
        for (_, basis) in &grant_use.bases {
            if let GrantBasis::Grant {
                id,
                scope: GrantScope::Once,
            } = basis
            {
                state.session.finish(*id);
            }
        }
    }

    /// Remembers for a minute that a preflight failed in silence.
    pub fn remember_silent_preflight(&self, preflight: SilentPreflight, now: Timestamp) {
        self.state.lock().silent_preflights.remember(preflight, now);
    }

    /// Whether this preflight failed in silence within the last minute.
    pub fn is_silent_preflight(&self, preflight: &SilentPreflight, now: Timestamp) -> bool {
        self.state
            .lock()
            .silent_preflights
            .is_remembered(preflight, now)
    }

    /// A CORS check passed: silent preflights of the two are forgotten.
    pub fn cors_succeeded(
        &self,
        top_level_site: &Site,
        requester: &TupleOrigin,
        target: &TupleOrigin,
    ) {
        self.state
            .lock()
            .silent_preflights
            .cors_succeeded(top_level_site, requester, target);
    }

    /// Begins to hold a response for a tab; `None` if it holds as many as it may.
    pub fn begin_hold(&self, tab: TabId) -> Option<HoldId> {
        self.state.lock().holds.begin(tab)
    }

    /// Counts bytes that are about to be kept for a held response.
    pub fn grow_hold(&self, hold: HoldId, bytes: u64) -> HoldBudget {
        self.state.lock().holds.grow(hold, bytes)
    }

    /// A held response was released or dropped.
    pub fn end_hold(&self, hold: HoldId) {
        self.state.lock().holds.end(hold);
    }

    /// Appends to the ledger.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn record(&self, record: &LedgerRecord) -> Result<(), StoreError> {
        self.state.lock().store.append_to_ledger(record)
    }

    /// Ends one ticket because its request was cancelled; its question stays for visit and longer answers.
    pub fn cancel(&self, ticket: TicketId) -> Option<Settlement> {
        let settled = self.state.lock().questions.cancel(ticket)?;
        self.tell(Change::Questions(settled.request.tab));
        Some(declined(settled, DeclineReason::Cancelled))
    }

    // For the shell: questions.

    /// What the tab's bar shows, if there is a question.
    pub fn question(&self, tab: TabId) -> Option<QuestionView> {
        self.state.lock().questions.view(tab)
    }

    /// The tabs with an open question.
    pub fn tabs_with_questions(&self) -> Vec<TabId> {
        self.state.lock().questions.tabs_with_questions().collect()
    }

    /// The person opened the chip of a quiet question.
    pub fn open_question(&self, question: QuestionId) {
        self.state.lock().questions.open(question);
    }

    /// The shell has drawn this content in full; see [`Questions::visible`].
    pub fn visible(&self, question: QuestionId, revision: u64, now: Timestamp, focused: bool) {
        self.state
            .lock()
            .questions
            .visible(question, revision, now, focused);
    }

    /// No question is visible in the focused window any more.
    pub fn hidden(&self) {
        self.state.lock().questions.hidden();
    }

    /// The warning of a question about the local network was confirmed.
    ///
    /// # Errors
    /// As for [`Self::answer`].
    pub fn confirm(
        &self,
        question: QuestionId,
        revision: u64,
        now: Timestamp,
    ) -> Result<(), AnswerError> {
        self.state.lock().questions.confirm(question, revision, now)
    }

    /// Takes a person's answer to the content with this revision.
    ///
    /// # Errors
    /// If the answer does not count.
    pub fn answer(
        &self,
        question: QuestionId,
        revision: u64,
        choice: Choice,
        now: Timestamp,
    ) -> Result<Vec<Settlement>, AnswerError> {
        let settlements = {
            let mut state = self.state.lock();
            let answered = state.questions.answer(question, revision, choice, now)?;
            if choice == Choice::NotNow {
                let counted =
                    state
                        .store
                        .dismissed(&answered.top_level_site, &answered.requester, now);
                report("a dismissal could not be stored", counted);
            }
            let mut settlements = state.apply(&answered, now);
            settlements.extend(state.reconsider(now));
            settlements
        };
        self.tell(Change::Permissions);
        Ok(settlements)
    }

    /// The person has done something in the tab's page.
    pub fn user_interacted(&self, tab: TabId) {
        self.state.lock().questions.user_interacted(tab);
        self.tell(Change::Questions(tab));
    }

    /// The tab shows another document, of this site; `None` for one without a tuple origin.
    pub fn navigated(&self, tab: TabId, site: Option<&Site>) -> Vec<Settlement> {
        let settled = {
            let mut state = self.state.lock();
            state.session.navigated(tab, site);
            state.questions.navigated(tab)
        };
        self.ended(settled, DeclineReason::Navigated)
    }

    /// The tab is gone.
    pub fn tab_closed(&self, tab: TabId) -> Vec<Settlement> {
        let settled = {
            let mut state = self.state.lock();
            state.session.tab_closed(tab);
            state.questions.tab_closed(tab)
        };
        self.ended(settled, DeclineReason::TabClosed)
    }

    /// The browser quits.
    pub fn quit(&self) -> Vec<Settlement> {
        let settled = self.state.lock().questions.quit();
        self.ended(settled, DeclineReason::Quit)
    }

    /// Ends the questions whose time is over.
    pub fn expire(&self, now: Timestamp) -> Vec<Settlement> {
        let settled = self.state.lock().questions.expire(now);
        self.ended(settled, DeclineReason::TimedOut)
    }

    /// When [`Self::expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.state.lock().questions.next_deadline()
    }

    // For the shell: permissions.

    /// All live grants: lasting, visit and once.
    pub fn grants(&self, now: Timestamp) -> Vec<Grant> {
        let state = self.state.lock();
        let mut grants = state.store.grants(now);
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

    /// The newest records of the ledger, newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn ledger(&self, limit: usize) -> Result<Vec<LedgerRecord>, StoreError> {
        self.state.lock().store.ledger(limit)
    }

    /// Deletes the ledger.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn clear_ledger(&self) -> Result<(), StoreError> {
        self.state.lock().store.clear_ledger()
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

    fn change(&self, now: Timestamp, change: impl FnOnce(&mut State)) -> Vec<Settlement> {
        let settlements = {
            let mut state = self.state.lock();
            change(&mut state);
            state.reconsider(now)
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

impl State {
    fn context(&self) -> Context<'_> {
        Context {
            settings: &self.settings,
            policy: &self.policy,
            blocklist: &self.blocklist,
            store: &self.store,
            session: &self.session,
        }
    }

    fn policy_days(&self) -> Option<u32> {
        self.policy
            .policy()
            .and_then(|policy| policy.max_grant_days)
    }

    /// Step 4's memory.
    fn take_up_opt_outs(&mut self, failure: &CorsFailure, now: Timestamp) {
        let (RequesterOrigin::Tuple(_), Some(target)) = (
            &failure.requester.origin,
            TupleOrigin::from_url(&failure.request.url),
        ) else {
            return;
        };
        if decision::switched_off(self.context()).is_err() {
            return;
        }
        for headers in [
            failure.preflight_response.as_ref(),
            Some(&failure.failing_response),
        ]
        .into_iter()
        .flatten()
        {
            let said = PreventOrigin::parse(headers);
            let stored = self
                .store
                .remember_opt_out(&failure.top_level_site, &target, &said, now);
            report("an opt-out could not be stored", stored);
        }
    }

    fn ask(&mut self, request: TicketRequest, now: Timestamp) -> AskOutcome {
        let outcome = self.questions.ask(request, now);
        let (AskOutcome::Waiting { ticket, question }, Answers::Rules(rules)) =
            (&outcome, &self.answers)
        else {
            return outcome;
        };
        let choice = match self.questions.parties(*question) {
            Some((requester, targets)) => rules.answer(&requester, &targets),
            None => Choice::NotNow,
        };
        let answered = self.questions.answer_by_rule(*question, choice);
        let settlements = answered
            .map(|answered| self.apply(&answered, now))
            .unwrap_or_default();
        let own = settlements
            .into_iter()
            .find(|settlement| settlement.ticket == *ticket);
        AskOutcome::Settled(
            own.map_or(Verdict::Declined(DeclineReason::NotNow), |settlement| {
                settlement.verdict
            }),
        )
    }

    /// Makes what an answer grants or denies, and settles its tickets.
    fn apply(&mut self, answered: &Answered, now: Timestamp) -> Vec<Settlement> {
        let granted = match answered.choice {
            Choice::AllowOnce => return self.apply_once(answered, now),
            Choice::AllowForVisit => self.grant_visit(answered, now),
            Choice::AlwaysAllow => {
                match self
                    .store
                    .grant(&answered.coverage, now, self.policy_days())
                {
                    Ok(grants) => grants,
                    Err(error) => {
                        // The person allowed more than this visit, so the visit is within what they meant.
                        report(
                            "a grant could not be stored and is for this visit only",
                            Err(error),
                        );
                        self.grant_visit(answered, now)
                    },
                }
            },
            Choice::NotNow => return decline_all(answered, DeclineReason::NotNow),
            Choice::Never => {
                for Coverage { key, .. } in &answered.coverage {
                    self.session
                        .revoke_where(|grant| grant.coverage.key == *key);
                    report(
                        "a denial could not be stored and holds until the browser quits",
                        self.store.deny(key, now),
                    );
                }
                return decline_all(answered, DeclineReason::Never);
            },
        };
        answered
            .settled
            .iter()
            .map(|settled| allowed(settled, &granted))
            .collect()
    }

    fn apply_once(&mut self, answered: &Answered, now: Timestamp) -> Vec<Settlement> {
        let mut settlements = Vec::with_capacity(answered.settled.len());
        for settled in &answered.settled {
            let request = &settled.request;
            let coverages: Vec<Coverage> =
                request.needs().map(|need| Coverage::of(&need)).collect();
            let media = request.initiator.is_media().then(|| MediaResource {
                document: request.document,
                url: request.url.clone(),
                initiator: request.initiator,
            });
            let granted = self.session.grant_once(
                answered.tab,
                &answered.top_level_site,
                &coverages,
                media.as_ref(),
                now,
            );
            settlements.push(allowed(settled, &granted));
        }
        settlements
    }

    fn grant_visit(&mut self, answered: &Answered, now: Timestamp) -> Vec<Grant> {
        self.session.grant_visit(
            answered.tab,
            &answered.top_level_site,
            &answered.coverage,
            now,
        )
    }

    /// Ends every waiting ticket that settings, policy or permissions decide by now.
    fn reconsider(&mut self, now: Timestamp) -> Vec<Settlement> {
        let context = Context {
            settings: &self.settings,
            policy: &self.policy,
            blocklist: &self.blocklist,
            store: &self.store,
            session: &self.session,
        };
        let verdict = |request: &TicketRequest| decided(request, context, now);
        let settled = self
            .questions
            .reconsider(|request| verdict(request).is_some());
        settled
            .into_iter()
            .map(|settled| Settlement {
                ticket: settled.ticket,
                verdict: verdict(&settled.request)
                    .unwrap_or(Verdict::Declined(DeclineReason::Forbidden)),
            })
            .collect()
    }

    /// A grant was used: lasting ones are renewed.
    fn used(&mut self, grant_use: &GrantUse, tab: TabId, now: Timestamp) {
        let policy_days = self.policy_days();
        for (need, basis) in &grant_use.bases {
            match basis {
                GrantBasis::Policy => {},
                GrantBasis::Grant {
                    id,
                    scope: GrantScope::Persistent,
                } => {
                    report(
                        "a use could not be stored",
                        self.store.touch(&need.key, *id, now, policy_days),
                    );
                },
                GrantBasis::Grant { id, .. } => self.session.touch(tab, *id, now),
            }
        }
    }
}

/// What has been decided about a waiting request since it asked.
fn decided(request: &TicketRequest, context: Context<'_>, now: Timestamp) -> Option<Verdict> {
    let forbidden = Some(Verdict::Declined(DeclineReason::Forbidden));
    if decision::switched_off(context).is_err()
        || decision::network_allowed(request.network, context).is_err()
    {
        return forbidden;
    }
    let nothing = crate::policy::Policy::default();
    let policy = context.policy.policy().unwrap_or(&nothing);
    if request
        .targets
        .iter()
        .any(|target| context.blocklist.check(policy, &target.origin).is_err())
    {
        return forbidden;
    }
    let needs: Vec<Need> = request.needs().collect();
    match decision::permitted(&needs, request.tab, None, context, now) {
        Ok(grant_use) => grant_use.map(Verdict::Allowed),
        Err(Refusal::Denied) => Some(Verdict::Declined(DeclineReason::Never)),
        Err(_) => forbidden,
    }
}

fn declined(settled: Settled, reason: DeclineReason) -> Settlement {
    Settlement {
        ticket: settled.ticket,
        verdict: Verdict::Declined(reason),
    }
}

fn decline_all(answered: &Answered, reason: DeclineReason) -> Vec<Settlement> {
    answered
        .settled
        .iter()
        .map(|settled| Settlement {
            ticket: settled.ticket,
            verdict: Verdict::Declined(reason),
        })
        .collect()
}

/// The settlement of a ticket by the grants that its question led to. A need that none of them covers declines it.
fn allowed(settled: &Settled, granted: &[Grant]) -> Settlement {
    let bases: Option<Vec<_>> = settled
        .request
        .needs()
        .map(|need| {
            let grant = granted.iter().find(|grant| grant.coverage.covers(&need))?;
            Some((
                need,
                GrantBasis::Grant {
                    id: grant.id,
                    scope: grant.scope,
                },
            ))
        })
        .collect();
    let verdict = match bases {
        Some(bases) if !bases.is_empty() => Verdict::Allowed(GrantUse { bases }),
        _ => Verdict::Declined(DeclineReason::Forbidden),
    };
    Settlement {
        ticket: settled.ticket,
        verdict,
    }
}

fn report(what: &str, written: Result<(), StoreError>) {
    if let Err(error) = written {
        log::error!("{what}: {error}");
    }
}
