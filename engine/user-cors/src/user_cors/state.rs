//! The state behind the lock, and how answers change it.

use std::sync::Arc;

use super::Answers;
use crate::{
    address_space::Classifier,
    blocklist::{Blocklists, InstalledBlocklist},
    clock::Timestamp,
    decision::{self, Context, CorsFailure, Settings},
    delivery::HoldBudgets,
    eligibility::{CertificateState, RequesterOrigin, TabId},
    limits::{SilentPreflights, WriteLimiter},
    machine_network::MachineNetwork,
    origin::{Scheme, TupleOrigin},
    permission::{Coverage, Grant, GrantBasis, GrantId, GrantScope, GrantUse, Need},
    policy::{Policy, PolicyStatus},
    question::{
        Answered, AskOutcome, Choice, DeclineReason, Questions, Settled, Settlement, TicketRequest,
        Verdict,
    },
    refusal::Refusal,
    servers_word::{ACCESS_CONTROL_PREVENT_ORIGIN, PreventOrigin},
    session::{MediaResource, SessionGrants},
    store::{PermissionStore, StoreError},
};

pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) policy: PolicyStatus,
    pub(super) installed_blocklists: Vec<InstalledBlocklist>,
    pub(super) classifier: Classifier,
    pub(super) store: PermissionStore,
    pub(super) session: SessionGrants,
    pub(super) questions: Questions,
    pub(super) answers: Answers,
    pub(super) holds: HoldBudgets,
    pub(super) writes: WriteLimiter,
    pub(super) silent_preflights: SilentPreflights,
    /// The network on which this machine is, if that can be told.
    pub(super) network: Option<MachineNetwork>,
}

impl State {
    pub(super) fn context(&self) -> Context<'_> {
        Context {
            settings: &self.settings,
            policy: &self.policy,
            blocklists: Blocklists {
                own: self.store.blocklist(),
                installed: &self.installed_blocklists,
            },
            store: &self.store,
            session: &self.session,
            classifier: &self.classifier,
            network: self.network.as_ref(),
        }
    }

    pub(super) fn policy_days(&self) -> Option<u32> {
        self.policy
            .policy()
            .and_then(|policy| policy.max_grant_days)
    }

    /// Step 4's memory.
    pub(super) fn take_up_opt_outs(&mut self, failure: &CorsFailure, now: Timestamp) {
        let responses = [
            failure.preflight_response.as_ref(),
            Some(&failure.failing_response),
        ];
        let mut speaking = responses
            .into_iter()
            .flatten()
            .filter(|headers| headers.contains_key(ACCESS_CONTROL_PREVENT_ORIGIN))
            .peekable();
        if speaking.peek().is_none() {
            return;
        }
        let (RequesterOrigin::Tuple(_), Some(target)) = (
            &failure.requester.origin,
            TupleOrigin::from_url(&failure.request.url),
        ) else {
            return;
        };
        if decision::switched_off(self.context()).is_err() {
            return;
        }
        // NB: whoever speaks over a connection whose certificate a person disregarded may be anybody. Their word holds for this
        // response, and neither makes nor ends what is remembered of the server.
        if target.scheme() == Scheme::Https
            && failure.request.certificate != CertificateState::Verified
        {
            return;
        }
        for headers in speaking {
            let said = PreventOrigin::parse(headers);
            let stored = self
                .store
                .remember_opt_out(&failure.top_level_site, &target, &said, now);
            report("an opt-out could not be stored", stored);
        }
    }

    pub(super) fn ask(&mut self, request: TicketRequest, now: Timestamp) -> AskOutcome {
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
    pub(super) fn apply(&mut self, answered: &Answered, now: Timestamp) -> Vec<Settlement> {
        let policy_days = self.policy_days();
        let granted = match answered.choice {
            Choice::AllowOnce => return self.apply_once(answered, now),
            Choice::AllowForVisit => self.grant_visit(answered, now),
            Choice::AlwaysAllow => {
                match self
                    .store
                    .grant(&answered.coverage, self.network.as_ref(), now, policy_days)
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
                self.network.as_ref(),
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
            self.network.as_ref(),
            now,
        )
    }

    /// Ends every waiting ticket that settings, policy or permissions decide by now.
    pub(super) fn reconsider(&mut self, now: Timestamp) -> Vec<Settlement> {
        let context = Context {
            settings: &self.settings,
            policy: &self.policy,
            blocklists: Blocklists {
                own: self.store.blocklist(),
                installed: &self.installed_blocklists,
            },
            store: &self.store,
            session: &self.session,
            classifier: &self.classifier,
            network: self.network.as_ref(),
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

    /// Counts one request that is about to be sent, or whose held response is about to be released, under a grant: against
    /// the writes of a minute and the budget of a day.
    pub(super) fn count_request(
        &mut self,
        grant_use: &GrantUse,
        tab: TabId,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let (last, _) = grant_use.bases.last().ok_or(Refusal::GrantEnded)?;
        self.writes.count(&last.key, last.method, now)?;
        for (need, basis) in &*grant_use.bases {
            match self.in_force(need, *basis, tab, now)? {
                None => {},
                Some((id, GrantScope::Persistent)) => {
                    self.store.count_request(&need.key, id, now);
                },
                Some((id, GrantScope::Once | GrantScope::Visit)) => {
                    self.session.count_request(tab, id, now);
                },
            }
        }
        self.used(grant_use, tab, now);
        Ok(())
    }

    /// Counts bytes of one response that are about to be handed over; the second number is what the response comes to with
    /// them.
    pub(super) fn count_bytes(
        &mut self,
        grant_use: &GrantUse,
        tab: TabId,
        bytes: (u64, u64),
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let budget = self.settings.budget;
        for (need, basis) in &*grant_use.bases {
            let fits = match self.in_force(need, *basis, tab, now)? {
                None => true,
                Some((id, GrantScope::Persistent)) => {
                    self.store.count_bytes(&need.key, id, bytes, &budget, now)
                },
                Some((id, GrantScope::Once | GrantScope::Visit)) => {
                    self.session.count_bytes(tab, id, bytes, &budget, now)
                },
            };
            if !fits {
                return Err(Refusal::BudgetSpent);
            }
        }
        Ok(())
    }

    /// Against which grant something is counted that began under this one: none, if policy let it through. One that was
    /// replaced meanwhile gives nothing beside the one that took its place.
    ///
    /// # Errors
    /// If none is in force.
    fn in_force(
        &self,
        need: &Need,
        basis: GrantBasis,
        tab: TabId,
        now: Timestamp,
    ) -> Result<Option<(GrantId, GrantScope)>, Refusal> {
        match basis {
            GrantBasis::Policy => Ok(None),
            GrantBasis::Grant { id, .. } => {
                decision::grant_in_force(need, id, tab, self.context(), now)
                    .map(Some)
                    .ok_or(Refusal::GrantEnded)
            },
        }
    }

    /// A grant was used: lasting ones are renewed.
    fn used(&mut self, grant_use: &GrantUse, tab: TabId, now: Timestamp) {
        let policy_days = self.policy_days();
        for (need, basis) in &*grant_use.bases {
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
        || decision::can_be_checked_twice(request.method_class, context).is_err()
        || request
            .targets
            .iter()
            .any(|target| decision::same_space(target, context).is_err())
    {
        return forbidden;
    }
    let nothing = Policy::default();
    let policy = context.policy.policy().unwrap_or(&nothing);
    if request
        .targets
        .iter()
        .any(|target| context.blocklists.check(policy, &target.origin).is_err())
    {
        return forbidden;
    }
    let needs: Vec<Need> = request.needs().collect();
    match decision::permitted(needs, request.tab, None, context, now) {
        Ok(grant_use) => grant_use.map(Verdict::Allowed),
        Err(Refusal::Denied) => Some(Verdict::Declined(DeclineReason::Never)),
        Err(_) => forbidden,
    }
}

pub(super) fn declined(settled: Settled, reason: DeclineReason) -> Settlement {
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
    let bases: Option<Arc<[_]>> = settled
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

pub(super) fn report(what: &str, written: Result<(), StoreError>) {
    if let Err(error) = written {
        log::error!("{what}: {error}");
    }
}
