//! What the fetch stack calls.

use std::net::SocketAddr;

use super::{Change, UserCors, state::declined};
use crate::{
    address_space::{AddressSpace, ConnectionFacts, Route},
    clock::Timestamp,
    decision::{self, CorsFailure, Decision},
    delivery::{HoldBudget, HoldId},
    egress::{DualCheck, Egress, WayOut},
    eligibility::TabId,
    ledger::LedgerRecord,
    limits::SilentPreflight,
    origin::{Site, TupleOrigin},
    permission::{GrantBasis, GrantScope, GrantUse},
    question::{AskOutcome, DeclineReason, Settlement, TicketId, TicketRequest},
    refusal::Refusal,
    store::StoreError,
};

impl UserCors {
    /// Classifies what a connection was made to.
    pub fn classify(&self, facts: &ConnectionFacts) -> Route {
        self.state.lock().classifier.classify(facts)
    }

    /// Whether a route was [classified](Self::classify) by what is known of addresses at this moment.
    pub fn is_current(&self, route: &Route) -> bool {
        self.state.lock().classifier.is_current(route)
    }

    /// By which way anonymous requests leave, by settings and policy.
    pub fn egress(&self) -> Egress {
        decision::egress(self.state.lock().context()).clone()
    }

    /// Whether that is through an egress.
    pub fn way_out(&self) -> WayOut {
        decision::egress(self.state.lock().context()).way_out()
    }

    /// Whether a response is handed over only if a second, direct request gets the same one.
    pub fn dual_check(&self) -> DualCheck {
        decision::dual_check(self.state.lock().context())
    }

    /// The address space of an address by what is known at this moment. For what is connected to, [`classify`](Self::classify)
    /// looks at more.
    pub fn address_space(&self, socket: SocketAddr) -> AddressSpace {
        self.state.lock().classifier.address_space(socket)
    }

    /// Steps 1 to 8. Also takes up what the responses say with `Access-Control-Prevent-Origin`.
    pub fn consider(&self, failure: &CorsFailure, now: Timestamp) -> Decision {
        let mut state = self.state.lock();
        state.take_up_opt_outs(failure, now);
        decision::consider(failure, state.context(), now)
    }

    /// Step 1.
    ///
    /// # Errors
    /// What has switched the feature off.
    pub fn switched_off(&self) -> Result<(), Refusal> {
        decision::switched_off(self.state.lock().context())
    }

    /// Whether [`consider`](Self::consider) would come to step 6, for which it is worth to learn what the network says of
    /// addresses.
    pub fn comes_to_addresses(&self, failure: &CorsFailure) -> bool {
        decision::comes_to_addresses(failure, self.state.lock().context())
    }

    /// Step 11: whether the name of the target of a redirect may be looked up.
    ///
    /// # Errors
    /// The reason for which it may not.
    pub fn may_look_up(&self, hop: &CorsFailure, now: Timestamp) -> Result<(), Refusal> {
        decision::may_look_up(hop, self.state.lock().context(), now)
    }

    /// Step 11: whether a simple read may be sent to the target of a redirect before anybody is asked about it.
    ///
    /// # Errors
    /// The reason for which nothing may be sent there.
    pub fn may_follow(&self, hop: &CorsFailure, now: Timestamp) -> Result<(), Refusal> {
        decision::may_follow(hop, self.state.lock().context(), now)
    }

    /// Step 11: steps 1 to 8 for a silent redirect, which is followed if they come to a grant or to a question that may be
    /// asked at the end of the chain.
    ///
    /// # Errors
    /// The reason for which it is not followed.
    pub fn may_follow_from(&self, redirect: &CorsFailure, now: Timestamp) -> Result<(), Refusal> {
        let mut state = self.state.lock();
        state.take_up_opt_outs(redirect, now);
        match decision::consider(redirect, state.context(), now) {
            Decision::Fail(refusal) => Err(refusal),
            Decision::Granted(_) => Ok(()),
            Decision::Ask(ticket) => {
                state
                    .questions
                    .may_ask(ticket.tab, &ticket.top_level_site, &ticket.requester)
            },
        }
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

    /// Steps 1, 2, 4 to 6 and 8 once more, with what is known of the response that is about to be handed over. What
    /// [`consider`](Self::consider) has granted at the same moment passes.
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
        decision::recheck(grant_use, response, state.context(), now)
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

    /// Counts one request that is about to be sent under a grant, or whose held response is about to be released: the grant
    /// has been used, and a lasting one is renewed.
    ///
    /// # Errors
    /// If it is a write and there were too many in the last minute.
    pub fn count_request(
        &self,
        grant_use: &GrantUse,
        tab: TabId,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.state.lock().count_request(grant_use, tab, now)
    }

    /// Counts `bytes` of a body that are about to be handed to script, with which the response comes to `response_bytes`.
    ///
    /// # Errors
    /// If the grant's budget does not have them: then the body ends here, and the next request under the grant asks.
    pub fn count_bytes(
        &self,
        grant_use: &GrantUse,
        tab: TabId,
        bytes: u64,
        response_bytes: u64,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.state
            .lock()
            .count_bytes(grant_use, tab, (bytes, response_bytes), now)
    }

    /// Whether a target that was reached by this route still is where it was, by what is known of addresses at this moment,
    /// and the route still one that anonymous requests may take.
    ///
    /// # Errors
    /// If the target is less public, or there is an egress and the route goes around it.
    pub fn still_in_place(&self, route: &Route) -> Result<(), Refusal> {
        let state = self.state.lock();
        let way_out = decision::egress(state.context()).way_out();
        match (route, &*state.classifier.classify_again(route)) {
            (Route::Direct(_) | Route::Unknown, _) if way_out == WayOut::Egress => {
                Err(Refusal::AroundEgress)
            },
            (Route::Direct(before), Route::Direct(now))
                if now.space.is_less_public_than(before.space) =>
            {
                Err(Refusal::AddressesChanged)
            },
            (Route::Egress(_), Route::Egress(now)) if now.not_public.is_some() => {
                Err(Refusal::AddressesChanged)
            },
            _ => Ok(()),
        }
    }

    /// A request under a grant has ended, however it did.
    pub fn finished(&self, grant_use: &GrantUse) {
        let mut state = self.state.lock();
        for (_, basis) in &*grant_use.bases {
            if let GrantBasis::Grant {
                id,
                scope: GrantScope::Once,
            } = basis
            {
                state.session.finish(*id);
            }
        }
    }

    /// Remembers for a minute that a preflight, which went this way, failed in silence.
    pub fn remember_silent_preflight(
        &self,
        preflight: SilentPreflight,
        route: Route,
        now: Timestamp,
    ) {
        self.state
            .lock()
            .silent_preflights
            .remember(preflight, route, now);
    }

    /// Whether any preflight is remembered as silent.
    pub fn remembers_silent_preflights(&self) -> bool {
        !self.state.lock().silent_preflights.is_empty()
    }

    /// The way that this preflight went, if it failed in silence within the last minute.
    pub fn silent_preflight(&self, preflight: &SilentPreflight, now: Timestamp) -> Option<Route> {
        let state = self.state.lock();
        state.silent_preflights.route(preflight, now).cloned()
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

    /// Appends to the ledger, in one transaction.
    ///
    /// # Errors
    /// If it cannot be written; then none of them is.
    pub fn record(&self, records: &[LedgerRecord]) -> Result<(), StoreError> {
        let used = self.state.lock().store.usage_of(records);
        self.ledger.append(records, &used)
    }

    /// Ends one ticket because its request was cancelled; its question stays for visit and longer answers.
    pub fn cancel(&self, ticket: TicketId) -> Option<Settlement> {
        let settled = self.state.lock().questions.cancel(ticket)?;
        self.tell(Change::Questions(settled.request.tab));
        Some(declined(settled, DeclineReason::Cancelled))
    }
}
