//! Steps 1 to 8 in their order: what becomes of a request that failed because of CORS.

mod needs;
mod networks;

use std::{fmt, net::IpAddr, slice};

use http::HeaderMap;

pub(crate) use self::networks::{network_allowed, same_space};
use self::{
    needs::{media, needs, ticket_request},
    networks::address_space,
};
use crate::{
    address_space::{AddressSpace, Classifier, Route},
    blocklist::Blocklists,
    budget::Budget,
    clock::Timestamp,
    delivery::{FailedStage, already_sent},
    egress::{DualCheck, Egress, WayOut},
    eligibility::{
        RequestFacts, RequesterFacts, SecureContexts, TabId, eligible_request, eligible_requester,
    },
    machine_network::{MachineNetwork, NetworkChange},
    methods::MethodClass,
    origin::{Site, TupleOrigin},
    permission::{
        Grant, GrantBasis, GrantId, GrantScope, GrantUse, Need, Permission, PermissionKey,
        TargetNetwork,
    },
    policy::{LocalNetwork, Policy, PolicyStatus},
    question::{BodySize, HeldResponse, TicketRequest, TicketTarget},
    refusal::{DualCheckFailure, Refusal},
    releasable::Provenance,
    servers_word::servers_word,
    session::{MediaResource, SessionGrants},
    silence::{Silence, SilenceReason, Spoken, silence},
    store::PermissionStore,
};

/// Whether the feature is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Switch {
    /// On.
    #[default]
    On,
    /// Off.
    Off,
}

/// The user's own settings, `user_cors.*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `user_cors.enabled`
    pub enabled: Switch,
    /// `user_cors.local_network`
    pub local_network: LocalNetwork,
    /// Whether requesters have to be potentially trustworthy.
    pub secure_contexts: SecureContexts,
    /// `user_cors.egress`
    pub egress: Egress,
    /// `user_cors.dual_check`
    pub dual_check: DualCheck,
    /// `user_cors.other_network`
    pub other_network: NetworkChange,
    /// `user_cors.budget.*`
    pub budget: Budget,
}

/// The facts about one failure of the CORS check or the CORS-preflight fetch.
#[derive(Clone)]
pub struct CorsFailure {
    /// The requester.
    pub requester: RequesterFacts,
    /// The site of the tab's top-level document.
    pub top_level_site: Site,
    /// The address space that the requester's document came from; `None` if it is unknown or was proxied.
    pub requester_space: Option<AddressSpace>,
    /// The request.
    pub request: RequestFacts,
    /// What failed.
    pub stage: FailedStage,
    /// The headers of the failing response: the preflight's or the request's.
    pub failing_response: HeaderMap,
    /// The headers of the preflight's response, if there was one and it is not the failing one.
    pub preflight_response: Option<HeaderMap>,
    /// How the failing exchange reached the target.
    pub route: Route,
    /// How the failing exchange was made.
    pub provenance: Provenance,
    /// The targets of earlier hops of this chain.
    pub earlier_targets: Vec<TicketTarget>,
    /// The size of the request's body.
    pub body: BodySize,
    /// The response that is held, if one is.
    pub held: Option<HeldResponse>,
}

impl fmt::Debug for CorsFailure {
    /// Without header values and URL: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CorsFailure")
            .field("requester", &self.requester.origin)
            .field("target", &TupleOrigin::from_url(&self.request.url))
            .field("method", &self.request.method)
            .field("stage", &self.stage)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

/// What becomes of a failed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It stays failed, with the network error that Fetch returned.
    Fail(Refusal),
    /// It may go on: step 10.
    Granted(GrantUse),
    /// A person has to be asked: step 9.
    Ask(Box<TicketRequest>),
}

/// Everything that decides besides the failure itself.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) policy: &'a PolicyStatus,
    pub(crate) blocklists: Blocklists<'a>,
    pub(crate) store: &'a PermissionStore,
    pub(crate) session: &'a SessionGrants,
    pub(crate) classifier: &'a Classifier,
    pub(crate) network: Option<&'a MachineNetwork>,
}

impl Context<'_> {
    /// Whether a grant holds on the network on which this machine is.
    pub(crate) fn is_in_place(&self, grant: &Grant) -> bool {
        self.settings.other_network == NetworkChange::Ignore
            || grant.made_on.as_ref() == self.network
    }

    /// Whether a grant, which is live, has something to give to a new request.
    fn gives(&self, grant: &Grant, now: Timestamp) -> bool {
        self.is_in_place(grant) && !grant.usage.is_spent(&self.settings.budget, now)
    }
}

/// What steps 1 to 6 have established.
struct Passed {
    tab: TabId,
    requester: TupleOrigin,
    target: TupleOrigin,
    method: MethodClass,
    network: TargetNetwork,
    /// Where the failing exchange went, and in which space that is by what is known of addresses at this moment.
    address: Option<IpAddr>,
    space: Option<AddressSpace>,
}

/// Steps 1 to 8.
pub(crate) fn consider(failure: &CorsFailure, context: Context<'_>, now: Timestamp) -> Decision {
    match considered(failure, context, now) {
        Ok(decision) => decision,
        Err(refusal) => Decision::Fail(refusal),
    }
}

fn considered(
    failure: &CorsFailure,
    context: Context<'_>,
    now: Timestamp,
) -> Result<Decision, Refusal> {
    // 1. Switched off? NB: before the test for silence, so that an explanation never blames the server for a feature that
    // is off. The page sees the same error either way.
    switched_off(context)?;
    // 2. Eligible requester?
    let (requester, tab) =
        eligible_requester(&failure.requester, context.settings.secure_contexts)?;
    // The condition of the hook: the server was silent.
    let server_said = match silence(&failure.failing_response, requester) {
        Silence::Silent(_) if failure.stage == FailedStage::Redirect => SilenceReason::NotContacted,
        Silence::Silent(reason) => reason,
        Silence::Spoken(spoken) => return Err(Refusal::ServerSpoke(spoken)),
    };
    // 3.–6.
    let passed = steps_3_to_6(failure, requester, tab, context, now)?;
    // 7. Already sent?
    let way_out = egress(context).way_out();
    already_sent(failure.stage, passed.method, &failure.provenance, way_out)?;
    can_be_checked_twice(passed.method, context)?;
    // 8. Permission.
    let needs = needs(failure, &passed, way_out);
    if let Some(grant_use) = permitted(needs, tab, media(failure), context, now)? {
        return Ok(Decision::Granted(grant_use));
    }
    let embargo_key = (failure.top_level_site.clone(), passed.requester.clone());
    if let Some(until) = context.store.embargoes().embargoed_until(&embargo_key, now) {
        return Err(Refusal::Embargoed { until });
    }
    if !failure.request.initiator.may_ask() {
        return Err(Refusal::NeverAsks(failure.request.initiator));
    }
    Ok(Decision::Ask(Box::new(ticket_request(
        failure,
        passed,
        server_said,
        egress(context),
    ))))
}

/// Whether a failure comes to step 6, which needs to know what the network says of addresses: steps 1 to 3 say no to most.
pub(crate) fn comes_to_addresses(failure: &CorsFailure, context: Context<'_>) -> bool {
    switched_off(context).is_ok()
        && eligible_requester(&failure.requester, context.settings.secure_contexts).is_ok_and(
            |(requester, _)| {
                matches!(
                    silence(&failure.failing_response, requester),
                    Silence::Silent(_)
                ) && eligible_request(&failure.request, requester).is_ok()
            },
        )
}

/// Step 10: steps 1, 2, 4 to 6 and 8 once more, with what is known of the response that is about to be handed over.
///
/// A response to an anonymous request that allows the requester by CORS is welcome; one that names another is a no.
///
/// # Errors
/// The reason for which the response may not be handed over.
pub(crate) fn recheck(
    grant_use: &GrantUse,
    response: &CorsFailure,
    context: Context<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    switched_off(context)?;
    let (requester, tab) =
        eligible_requester(&response.requester, context.settings.secure_contexts)?;
    if let Silence::Spoken(spoken @ (Spoken::Null | Spoken::OtherOrigin(_))) =
        silence(&response.failing_response, requester)
    {
        return Err(Refusal::ServerSpoke(spoken));
    }
    let passed = steps_3_to_6(response, requester, tab, context, now)?;
    can_be_checked_twice(passed.method, context)?;
    // The grant has to be for what was done: each target, with this method, these headers and this network.
    let needs = needs(response, &passed, egress(context).way_out());
    let is_granted = |need: &Need| {
        grant_use
            .bases
            .iter()
            .any(|(granted, _)| granted.covers(need))
    };
    if !needs.iter().all(is_granted) {
        return Err(Refusal::GrantEnded);
    }
    still_granted(grant_use, tab, context, now)
}

/// Step 11: whether the name of a redirect's target may be looked up: all that says no without knowing where it is. That a name is
/// asked for tells whoever answers for it that somebody was led there.
///
/// # Errors
/// The reason for which it may not.
pub(crate) fn may_look_up(
    hop: &CorsFailure,
    context: Context<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    switched_off(context)?;
    let (requester, _) = eligible_requester(&hop.requester, context.settings.secure_contexts)?;
    let (target, _) = steps_3_to_5(hop, requester, context, now)?;
    let key = PermissionKey {
        top_level_site: hop.top_level_site.clone(),
        requester: requester.clone(),
        target,
    };
    let policy = policy(context);
    if policy.blocks_requester(requester) {
        return Err(Refusal::RequesterBlockedByPolicy);
    }
    if context.store.is_denied(&key) && !policy.allows_pair(requester, &key.target) {
        return Err(Refusal::Denied);
    }
    Ok(())
}

/// Step 11: whether a simple read may be sent to a target before anybody is asked about it: steps 1 to 6, and the noes of
/// step 8. What only its server's answer shows is for [`consider`], once there is one.
///
/// NB: not whether somebody may be asked. Where all that led there is allowed, its server may allow the page by itself, as
/// wherever a redirect passes the CORS check.
///
/// # Errors
/// The reason for which nothing may be sent there.
pub(crate) fn may_follow(
    hop: &CorsFailure,
    context: Context<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    switched_off(context)?;
    let (requester, tab) = eligible_requester(&hop.requester, context.settings.secure_contexts)?;
    let passed = steps_3_to_6(hop, requester, tab, context, now)?;
    let needs = needs(hop, &passed, egress(context).way_out());
    permitted(needs, tab, media(hop), context, now).map(drop)
}

/// Whether every grant in use is in force, no denial or block has come since, and the feature is on.
///
/// # Errors
/// What has changed.
pub(crate) fn still_granted(
    grant_use: &GrantUse,
    tab: TabId,
    context: Context<'_>,
    now: Timestamp,
) -> Result<(), Refusal> {
    switched_off(context)?;
    let policy = policy(context);
    for (need, basis) in &*grant_use.bases {
        let key = &need.key;
        context.blocklists.check(policy, &key.target)?;
        network_allowed(need.network, context)?;
        if policy.blocks_requester(&key.requester) {
            return Err(Refusal::RequesterBlockedByPolicy);
        }
        let live = match basis {
            GrantBasis::Policy => {
                need.network == TargetNetwork::Public
                    && policy.allows_pair(&key.requester, &key.target)
            },
            GrantBasis::Grant { id, .. } => {
                if context.store.is_denied(key) && !policy.allows_pair(&key.requester, &key.target)
                {
                    return Err(Refusal::Denied);
                }
                grant_in_force(need, *id, tab, context, now).is_some()
            },
        };
        if !live {
            return Err(Refusal::GrantEnded);
        }
    }
    Ok(())
}

/// The grant under which something runs that began under the one of this name: that one, or a wider one that has taken its
/// place.
pub(crate) fn grant_in_force(
    need: &Need,
    id: GrantId,
    tab: TabId,
    context: Context<'_>,
    now: Timestamp,
) -> Option<(GrantId, GrantScope)> {
    let key = &need.key;
    let max_grant_days = policy(context).max_grant_days;
    let own = context
        .session
        .by_id(tab, key, id)
        .or_else(|| context.store.grant_by_id(key, id, now, max_grant_days))
        .filter(|grant| grant.coverage.covers(need) && context.is_in_place(grant));
    if let Some(grant) = own {
        return Some((grant.id, grant.scope));
    }
    match permission(need, tab, None, context, now) {
        Permission::Granted(GrantBasis::Grant { id, scope }) => Some((id, scope)),
        _ => None,
    }
}

/// Step 1.
pub(crate) fn switched_off(context: Context<'_>) -> Result<(), Refusal> {
    context.policy.switched_off(context.settings.enabled)
}

fn steps_3_to_5(
    failure: &CorsFailure,
    requester: &TupleOrigin,
    context: Context<'_>,
    now: Timestamp,
) -> Result<(TupleOrigin, MethodClass), Refusal> {
    // 3. Eligible request?
    let (target, method) = eligible_request(&failure.request, requester)?;
    // 4. Server's word.
    servers_word(
        &failure.failing_response,
        failure.preflight_response.as_ref(),
        &failure.top_level_site,
        requester,
        &target,
        context.store.opt_outs(),
        now,
    )?;
    for earlier in &failure.earlier_targets {
        let opt_outs = context.store.opt_outs();
        if opt_outs.names(&failure.top_level_site, &earlier.origin, requester, now) {
            return Err(Refusal::PreventedByMemory);
        }
    }
    // 5. Blocklist.
    for target in slice::from_ref(&target)
        .iter()
        .chain(failure.earlier_targets.iter().map(|target| &target.origin))
    {
        context.blocklists.check(policy(context), target)?;
    }
    Ok((target, method))
}

fn steps_3_to_6(
    failure: &CorsFailure,
    requester: &TupleOrigin,
    tab: TabId,
    context: Context<'_>,
    now: Timestamp,
) -> Result<Passed, Refusal> {
    let (target, method) = steps_3_to_5(failure, requester, context, now)?;
    // 6. Address space. NB: by what is known at this moment. The facts are of the failing exchange, but while somebody
    // thought, the machine may have joined a network that has these addresses, or policy may have named them.
    let route = context.classifier.classify_again(&failure.route);
    let network = address_space(&route, context)?;
    for target in &failure.earlier_targets {
        same_space(target, context)?;
    }
    if network == TargetNetwork::LocalNetwork && !method.is_safe() {
        return Err(Refusal::LocalNetworkWrite);
    }
    Ok(Passed {
        tab,
        requester: requester.clone(),
        target,
        method,
        network,
        address: route.peer().map(|peer| peer.ip()),
        space: route.space(),
    })
}

/// Whether a request can be sent a second time, to compare the answers, if it has to be.
///
/// # Errors
/// If it does more than read, or there is no egress to compare with.
pub(crate) fn can_be_checked_twice(
    method: MethodClass,
    context: Context<'_>,
) -> Result<(), Refusal> {
    match (dual_check(context), egress(context).way_out()) {
        (DualCheck::On, WayOut::Direct) => Err(Refusal::DualCheck(DualCheckFailure::NoEgress)),
        (DualCheck::On, WayOut::Egress) if !method.is_safe() => {
            Err(Refusal::DualCheck(DualCheckFailure::Method))
        },
        _ => Ok(()),
    }
}

/// The way out of anonymous requests.
pub(crate) fn egress(context: Context<'_>) -> &Egress {
    context.policy.egress(&context.settings.egress)
}

/// Whether answers are checked twice.
pub(crate) fn dual_check(context: Context<'_>) -> DualCheck {
    context.policy.dual_check(context.settings.dual_check)
}

fn policy(context: Context<'_>) -> &Policy {
    static NOTHING: Policy = Policy {
        enabled: None,
        local_network: None,
        blocked_targets: Vec::new(),
        blocklists: Vec::new(),
        allowed_pairs: Vec::new(),
        blocked_requesters: Vec::new(),
        address_spaces: Vec::new(),
        extra_roots: Vec::new(),
        egress: None,
        dual_check: None,
        max_grant_days: None,
        locked: false,
    };
    context.policy.policy().unwrap_or(&NOTHING)
}

/// Step 8 for all targets: `None` if somebody has to be asked.
pub(crate) fn permitted(
    needs: Vec<Need>,
    tab: TabId,
    media: Option<MediaResource>,
    context: Context<'_>,
    now: Timestamp,
) -> Result<Option<GrantUse>, Refusal> {
    let mut bases = Vec::with_capacity(needs.len());
    let mut undecided = needs.is_empty();
    for need in needs {
        match permission(&need, tab, media.as_ref(), context, now) {
            Permission::BlockedByPolicy => return Err(Refusal::RequesterBlockedByPolicy),
            Permission::Denied => return Err(Refusal::Denied),
            Permission::Granted(basis) => bases.push((need, basis)),
            Permission::Undecided => undecided = true,
        }
    }
    Ok((!undecided).then(|| GrantUse {
        bases: bases.into(),
    }))
}

/// Step 8 for one target.
fn permission(
    need: &Need,
    tab: TabId,
    media: Option<&MediaResource>,
    context: Context<'_>,
    now: Timestamp,
) -> Permission {
    let policy = policy(context);
    if policy.blocks_requester(&need.key.requester) {
        return Permission::BlockedByPolicy;
    }
    // NB: a pair is allowed for public targets only: whoever owns the name decides where it points. An administrator who
    // means an address says so in `AddressSpaces`.
    if need.network == TargetNetwork::Public
        && policy.allows_pair(&need.key.requester, &need.key.target)
    {
        return Permission::Granted(GrantBasis::Policy);
    }
    if context.store.is_denied(&need.key) {
        return Permission::Denied;
    }
    let grant = context
        .session
        .find(tab, need, media, |grant| context.gives(grant, now))
        .or_else(|| {
            context
                .store
                .find_grant(need, now, policy.max_grant_days, |grant| {
                    context.gives(grant, now)
                })
        });
    match grant {
        Some(grant) => Permission::Granted(GrantBasis::Grant {
            id: grant.id,
            scope: grant.scope,
        }),
        None => Permission::Undecided,
    }
}
