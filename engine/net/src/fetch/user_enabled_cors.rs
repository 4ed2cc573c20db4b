//! User-enabled CORS: what happens where Fetch would return a network error because a server said nothing about CORS.
//!
//! The rules are in the crate `user_cors`, step by step as in the specification; here they meet the fetch. There are two
//! hooks, both in [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch): a refused preflight and a failed CORS
//! check. What follows a redirect from there runs through main fetch for each hop, so that mixed content, Content Security
//! Policy and HSTS are checked as ever.

mod addresses;
mod chain;
mod dual_check;
mod egress;
mod egress_view;
mod facts;
mod hold;
mod ledger;
mod preflights;
mod preloads;
mod redirects;

use http::{HeaderMap, header};
use net_traits::request::Request;
use tokio::sync::watch;
use user_cors::{
    ACCESS_CONTROL_PREVENT_ORIGIN, AddressSpace, BodySize, CertificateState, ChainPlan, Decision,
    Delivery, DualCheck, FailedStage, GrantUse, HeldResponse, IneligibleInitiator, MethodClass,
    NeedsPreflight, Refusal, RequestFacts, Route, TicketRequest, Timestamp, WayOut, chain_plan,
    delivery, releasable,
};

pub(crate) use self::chain::Chain;
use self::chain::{GrantInUse, Pin, Word};
pub(crate) use self::egress::Way;
pub use self::egress_view::{EgressView, EgressViewError};
use self::hold::Hold;
pub(crate) use self::preflights::{cors_succeeded, instead_of_preflight};
pub(crate) use self::preloads::may_ask_about;
use super::cause::{Cause, CorsFailure};
use super::checks::cors_preflight_check::needs_preflight;
use super::checks::status::is_redirect_status;
use super::cors_preflight_fetch::PreflightFailure;
use super::headers::content_length::extract_length;
use super::http_network_or_cache_fetch::{Attempt, http_network_or_cache_fetch};
use super::params::FetchParams;
use super::response::FetchResponse;
use crate::connection::{ExchangeRecord, Route as ConnectionRoute};
use crate::embedding::{self, Embedding, RequesterContext};
use crate::events::{self, Stage};
use crate::network_state::FetchContext;

/// A response, or the network error instead of it.
type Outcome = Result<FetchResponse, Box<FetchResponse>>;

/// Who asks, in one place with whom to ask.
struct Hook {
    embedding: &'static Embedding,
    requester: RequesterContext,
    /// What changes from before anything was considered, so that nothing can fall between a check and the next.
    changes: watch::Receiver<()>,
}

/// The address space of the other end of an exchange; `None` if it went through a proxy or is not known.
pub(crate) fn address_space_of(record: &ExchangeRecord) -> Option<AddressSpace> {
    let embedding = Embedding::get()?;
    embedding
        .classify(record, || facts::connection(record))
        .space()
}

/// Step 12: the names of the headers that a released response exposes.
pub(crate) fn exposed_header_names(headers: &HeaderMap) -> Vec<String> {
    user_cors::exposed_headers(headers)
        .into_iter()
        .map(|name| name.as_str().to_owned())
        .collect()
}

/// Whether the answer to a preflight may stand for later ones.
///
/// AD-HOC: step 4 looks at what it says with `Access-Control-Prevent-Origin`, which is no part of what the cache keeps.
pub(crate) fn may_keep_preflight(headers: &HeaderMap) -> bool {
    let is_on =
        Embedding::get().is_some_and(|embedding| embedding.user_cors().switched_off().is_ok());
    !is_on || !headers.contains_key(ACCESS_CONTROL_PREVENT_ORIGIN)
}

/// The first hook: the CORS-preflight fetch failed.
pub(crate) async fn after_failed_preflight(
    params: &mut FetchParams,
    failed: PreflightFailure,
    context: &FetchContext,
) -> Outcome {
    let (failure, response) = match failed {
        PreflightFailure::Refused { failure, response } => (failure, response),
        unreachable => return Err(Box::new(unreachable.into_network_error())),
    };
    let hook = match Hook::of_failed(&params.request, context) {
        Ok(hook) => hook,
        Err(refusal) => return Err(refused(failure, refusal)),
    };
    let headers = response.head.headers.clone();
    let mut facts = hook.facts(params, &response, headers, FailedStage::Preflight);
    if let Some(learning) = hook.learn_addresses(&response, &facts) {
        learning.await;
        facts.route = hook.route_of(&response);
    }
    // The preflight has said all that it had to say.
    drop(response);
    match hook.permit(params, &facts, None).await {
        Ok(grant) => {
            hook.remember_silent_preflight(&facts);
            hook.send(params, &failure, facts, grant, context).await
        },
        Err(refusal) => Err(refused(failure, refusal)),
    }
}

/// The second hook: the CORS check on `response` failed.
pub(crate) async fn after_failed_check(
    params: &mut FetchParams,
    mut response: FetchResponse,
    failure: CorsFailure,
    context: &FetchContext,
) -> Outcome {
    let hook = match Hook::of_failed(&params.request, context) {
        Ok(hook) => hook,
        Err(refusal) => return Err(refused(failure, refusal)),
    };
    let is_redirect = leads_elsewhere(&response);
    // What is decided about keeps the headers until there is a decision.
    let headers = if is_redirect {
        response.head.headers.clone()
    } else {
        std::mem::take(&mut response.head.headers)
    };
    let mut facts = hook.facts(params, &response, headers, FailedStage::Response);
    if let Some(learning) = hook.learn_addresses(&response, &facts) {
        learning.await;
        facts.route = hook.route_of(&response);
    }
    facts.preflight_response = params.preflight_response.take();
    // 11. A redirect of a simple read is followed first.
    if is_redirect && plan(&params.request) == ChainPlan::FollowThenAsk {
        if let Err(refusal) = hook.may_follow_from(&facts) {
            return Err(refused(failure, refusal));
        }
        params
            .chain
            .activate(&hook.requester.origin, &failure)
            .space = hook.space_of(&facts.route);
        if let Err(reason) = releasable(&facts.provenance, hook.way_out()) {
            log::debug!("the redirect is asked for again, anonymously: {reason}");
            return continue_chain(params, context).await;
        }
        return Ok(hook.follow(params, response, facts));
    }
    let body = std::mem::take(&mut response.body);
    let mut hold = match hook.way_out() {
        WayOut::Direct => Hold::of(hook.embedding, hook.requester.tab, body),
        // What came around the egress is not released, so nothing of it is kept.
        WayOut::Egress => Hold::nothing(hook.embedding, hook.requester.tab),
    };
    let permitted = async {
        let grant = hook.permit(params, &facts, Some(&mut hold)).await?;
        // 10. Deliver.
        let method = method_class(&params.request)?;
        let how = delivery(
            facts.stage,
            method,
            &facts.provenance,
            hold.state(),
            hook.way_out(),
        )?;
        if how == Delivery::ReleaseHeld {
            hook.count(&grant)?;
        }
        Ok((grant, how))
    };
    match permitted.await {
        Ok((grant, Delivery::ReleaseHeld)) => {
            events::emit(&params.request, || Stage::Released { held: true });
            response.body = hold.into_body();
            response.head.headers = facts.failing_response;
            let anonymous = params.chain.activate(&hook.requester.origin, &failure);
            anonymous.pin = Pin::of(&facts.route);
            anonymous.space = hook.space_of(&facts.route);
            anonymous.grant = Some(GrantInUse::new(hook.embedding, None, grant));
            let delivered = hook.deliver(params, response, facts.route, context).await;
            delivered.map_err(|refusal| refused(failure, refusal))
        },
        Ok((grant, Delivery::SendAnonymously)) => {
            drop((response, hold));
            hook.send(params, &failure, facts, grant, context).await
        },
        Err(refusal) => Err(refused(failure, refusal)),
    }
}

/// 11. A later hop of a chain that uses the feature.
pub(crate) async fn continue_chain(params: &mut FetchParams, context: &FetchContext) -> Outcome {
    let Some(anonymous) = params.chain.anonymous_mut() else {
        return Err(Box::new(FetchResponse::network_error(Cause::NotSameOrigin)));
    };
    let failure = anonymous.failure.clone();
    let hook = match Hook::of(&params.request) {
        Ok(hook) => hook,
        Err(refusal) => return Err(refused(failure, refusal)),
    };
    match hook.hop(params, context).await {
        Ok(outcome) => outcome,
        Err(refusal) => Err(refused(failure, refusal)),
    }
}

/// A network error of a chain that uses the feature, as the page is told of it: as the CORS failure that was before. What was
/// released fails like any other response.
pub(crate) fn failed_on_the_way(params: &FetchParams, response: FetchResponse) -> FetchResponse {
    match params.chain.failure() {
        Some(failure)
            if response
                .cause
                .as_deref()
                .is_some_and(|cause| cause.cors_failure().is_none())
                && !params.chain.is_released() =>
        {
            *undelivered(failure.clone(), response)
        },
        _ => response,
    }
}

impl Hook {
    /// Who asks. Without a shell nobody can be asked.
    fn of(request: &Request) -> Result<Self, Refusal> {
        let embedding = Embedding::get().ok_or(Refusal::SwitchedOff)?;
        let changes = embedding.permission_changes();
        // Step 1. NB: here already, so that where the feature is off nothing of it is done.
        embedding.user_cors().switched_off()?;
        let requester = embedding::requester(request)
            .ok_or(Refusal::IneligibleClient(user_cors::ClientContext::Unknown))?;
        Ok(Self {
            embedding,
            requester,
            changes,
        })
    }

    /// Who asks, by a request that has failed. Nobody waits for one that the browser makes by itself.
    fn of_failed(request: &Request, context: &FetchContext) -> Result<Self, Refusal> {
        let hook = Self::of(request)?;
        if context.controller.is_detached() {
            return Err(Refusal::IneligibleInitiator(IneligibleInitiator::Other));
        }
        Ok(hook)
    }

    fn now(&self) -> Timestamp {
        self.embedding.now()
    }

    /// Learns what the network says of the addresses of an exchange, which may take a look-up and change its route. `None` if it
    /// says nothing of them, or if it does not come to step 6.
    fn learn_addresses(
        &self,
        response: &FetchResponse,
        facts: &user_cors::CorsFailure,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let learning = self.embedding.learn_addresses_of(&response.exchange)?;
        let comes_to_them = self.embedding.user_cors().comes_to_addresses(facts);
        comes_to_them.then_some(learning)
    }

    /// Everything that the permission model looks at; `headers` are those of `response`.
    fn facts(
        &self,
        params: &FetchParams,
        response: &FetchResponse,
        headers: HeaderMap,
        stage: FailedStage,
    ) -> Box<user_cors::CorsFailure> {
        let request = facts::request(params, CertificateState::None);
        let mut facts = self.facts_of(params, stage, request, Route::Unknown);
        facts.held = (stage == FailedStage::Response).then(|| HeldResponse {
            content_type: headers
                .get(header::CONTENT_TYPE)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            size: extract_length(&headers).ok().flatten(),
        });
        self.answered(&mut facts, response, headers, stage);
        facts
    }

    /// Adds to the facts of a request what is known of its answer; `headers` are those of `response`.
    fn answered(
        &self,
        facts: &mut user_cors::CorsFailure,
        response: &FetchResponse,
        headers: HeaderMap,
        stage: FailedStage,
    ) {
        facts.stage = stage;
        facts.request.certificate = facts::certificate(response.exchange.as_deref());
        facts.route = self.route_of(response);
        facts.provenance = facts::provenance(response, stage);
        facts.failing_response = headers;
    }

    /// The same without a response: nothing was received.
    fn facts_of(
        &self,
        params: &FetchParams,
        stage: FailedStage,
        request: RequestFacts,
        route: Route,
    ) -> Box<user_cors::CorsFailure> {
        Box::new(user_cors::CorsFailure {
            requester: facts::requester(&self.requester),
            top_level_site: self.requester.top_level_site.clone(),
            requester_space: Some(self.requester.address_space),
            request,
            stage,
            failing_response: HeaderMap::new(),
            preflight_response: None,
            route,
            provenance: facts::NOTHING_RECEIVED,
            earlier_targets: params.chain.silent_targets().to_vec(),
            body: match &params.request.body {
                None => BodySize::None,
                Some(body) => body
                    .len()
                    .map_or(BodySize::Unknown, |length| BodySize::Known(length as u64)),
            },
            held: None,
        })
    }

    /// Steps 1 to 9: what lets the request go on, after asking the person if need be; meanwhile `hold` fills. Then, for
    /// step 10, that what held before the question still does.
    async fn permit(
        &self,
        params: &FetchParams,
        facts: &user_cors::CorsFailure,
        hold: Option<&mut Hold>,
    ) -> Result<GrantUse, Refusal> {
        match self.embedding.user_cors().consider(facts, self.now()) {
            Decision::Fail(refusal) => Err(refusal),
            // NB: this was the second look as well.
            Decision::Granted(grant) => Ok(grant),
            Decision::Ask(ticket) => {
                events::emit(&params.request, || Stage::Asked);
                let grant = self.ask(*ticket, hold).await?;
                self.still_grants(&grant, facts)?;
                Ok(grant)
            },
        }
    }

    async fn ask(
        &self,
        ticket: TicketRequest,
        hold: Option<&mut Hold>,
    ) -> Result<GrantUse, Refusal> {
        let answer = self.embedding.ask(ticket);
        let Some(hold) = hold else {
            return answer.await;
        };
        let reading = async {
            hold.read().await;
            // What is held stays held; only an answer ends the wait.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = answer => answer,
            () = reading => Err(Refusal::GrantEnded),
        }
    }

    /// Step 10: what held before the question must hold at release.
    fn still_grants(
        &self,
        grant: &GrantUse,
        facts: &user_cors::CorsFailure,
    ) -> Result<(), Refusal> {
        self.embedding.user_cors().recheck(grant, facts, self.now())
    }

    /// Whether what runs under this grant may go on; without one, whether the feature is still on.
    fn may_go_on(&self, grant: Option<&GrantUse>) -> Result<(), Refusal> {
        let user_cors = self.embedding.user_cors();
        match grant {
            Some(grant) => user_cors.still_granted(grant, self.requester.tab, self.now()),
            None => user_cors.switched_off(),
        }
    }

    /// Sends the chain's next request, and lets go of it as soon as its grant is taken back, whatever of it was sent until
    /// then.
    ///
    /// # Errors
    /// What has changed.
    async fn exchange(
        &self,
        params: &mut FetchParams,
        grant: Option<&GrantUse>,
        context: &FetchContext,
    ) -> Result<FetchResponse, Refusal> {
        // NB: since before anything was considered.
        let mut changes = self.changes.clone();
        let sending = http_network_or_cache_fetch(params, context, Attempt::default());
        let mut sending = std::pin::pin!(sending);
        loop {
            tokio::select! {
                biased;
                Ok(()) = changes.changed() => self.may_go_on(grant)?,
                response = &mut sending => return Ok(response),
            }
        }
    }

    /// Counts a request under a grant: its writes of a minute and its budget of a day.
    fn count(&self, grant: &GrantUse) -> Result<(), Refusal> {
        let (user_cors, now) = (self.embedding.user_cors(), self.now());
        user_cors.count_request(grant, self.requester.tab, now)
    }

    /// Step 10: one anonymous request to the addresses that were classified, and its response.
    async fn send(
        &self,
        params: &mut FetchParams,
        failure: &CorsFailure,
        mut facts: Box<user_cors::CorsFailure>,
        grant: GrantUse,
        context: &FetchContext,
    ) -> Outcome {
        let anonymous = params.chain.activate(&self.requester.origin, failure);
        anonymous.pin = Pin::of(&facts.route);
        if anonymous.pin.is_none() {
            return Err(refused(failure.clone(), Refusal::UnknownPeer));
        }
        anonymous.space = self.space_of(&facts.route);
        anonymous.grant = Some(GrantInUse::new(self.embedding, None, grant.clone()));
        if let Err(refusal) = self.count(&grant) {
            return Err(refused(failure.clone(), refusal));
        }
        events::emit(&params.request, || Stage::Released { held: false });
        let exchanged = async {
            let mut grant = grant;
            let mut response = self.exchange(params, Some(&grant), context).await?;
            if addresses::answer_no_more(&response) && addresses::may_be_sent_later(&params.request)
            {
                grant = self
                    .follow_addresses(params, &facts, grant, context)
                    .await?;
                response = self.exchange(params, Some(&grant), context).await?;
            }
            Ok::<_, Refusal>((response, grant))
        };
        let (mut response, grant) = match exchanged.await {
            Ok(exchanged) => exchanged,
            Err(refusal) => return Err(refused(failure.clone(), refusal)),
        };
        if response.is_network_error() {
            return Err(undelivered(failure.clone(), response));
        }
        if response
            .head
            .headers
            .contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN)
        {
            // The server has found its voice.
            cors_succeeded(&params.request);
        }
        if let Some(learning) = self.embedding.learn_addresses_of(&response.exchange) {
            learning.await;
        }
        // Steps 4 and 6 again, on the response that is to be delivered.
        let headers = std::mem::take(&mut response.head.headers);
        self.answered(&mut facts, &response, headers, FailedStage::Response);
        let delivered = match self.still_grants(&grant, &facts) {
            Ok(()) => {
                response.head.headers = facts.failing_response;
                self.deliver(params, response, facts.route, context).await
            },
            Err(refusal) => Err(refusal),
        };
        delivered.map_err(|refusal| refused(failure.clone(), refusal))
    }

    /// How a response came, by what is known of addresses at this moment.
    fn route_of(&self, response: &FetchResponse) -> Route {
        response
            .exchange
            .as_deref()
            .map_or(Route::Unknown, |record| {
                self.embedding
                    .classify(record, || facts::connection(record))
            })
    }

    /// By which way anonymous requests leave.
    fn way_out(&self) -> WayOut {
        self.embedding.user_cors().way_out()
    }

    /// The space of a hop that this request makes to a target that was reached by `route`.
    fn space_of(&self, route: &Route) -> Option<AddressSpace> {
        match self.way_out() {
            WayOut::Direct => route.space(),
            WayOut::Egress => None,
        }
    }

    /// Step 12: hands the response on, which came by `route`, released unless it leads elsewhere first.
    ///
    /// # Errors
    /// If there is an egress and the response came around it, the dual check does not let it through, or a grant has ended.
    async fn deliver(
        &self,
        params: &mut FetchParams,
        mut response: FetchResponse,
        route: Route,
        context: &FetchContext,
    ) -> Result<FetchResponse, Refusal> {
        if leads_elsewhere(&response) {
            return Ok(response);
        }
        let grant = params
            .chain
            .anonymous_mut()
            .and_then(|anonymous| anonymous.grant.clone());
        // A chain in which every server allowed the page by itself needs nobody's word, and gets no more than theirs.
        let Some(grant) = grant else {
            params.chain.deliver(Word::Servers);
            return Ok(response);
        };
        let record = response.exchange.as_deref();
        let went_through = record.is_some_and(|record| record.route == ConnectionRoute::Egress);
        if self.way_out() == WayOut::Egress && !went_through {
            return Err(Refusal::AroundEgress);
        }
        let is_compared = self.embedding.user_cors().dual_check() == DualCheck::On;
        if is_compared {
            response = self
                .check_twice(params, response, &grant.grant, context)
                .await?;
        }
        // NB: what leads to a delivery ends with a look at the grant of the last target. Earlier hops of a chain may have taken
        // long, as may a comparison, and nothing else looks at the rest again.
        if is_compared || params.request.url_list.len() > 1 {
            self.may_go_on(Some(&grant.grant))?;
        }
        // Where the user was not asked about the last server, that one has allowed the page by itself.
        let last = params.request.current_url();
        let is_granted = grant
            .allowed_targets()
            .any(|target| target.is_of(last.as_url()));
        params.chain.deliver(if is_granted {
            Word::User
        } else {
            Word::LastServer
        });
        let body = std::mem::take(&mut response.body);
        response.body = ledger::record(self, params, &response, route, grant, body);
        Ok(response)
    }
}

/// The network error that Fetch returned before, with the reason why it stays.
fn refused(failure: CorsFailure, refusal: Refusal) -> Box<FetchResponse> {
    let cause = match refusal {
        // Without a shell the feature is not there at all.
        Refusal::SwitchedOff if Embedding::get().is_none() => Cause::Cors(failure),
        refusal => Cause::UserEnabledCors { failure, refusal },
    };
    Box::new(FetchResponse::network_error(cause))
}

/// The network error that Fetch returned before, when the request that should have helped failed: the page is not told
/// how, or it could look for servers in this way.
fn undelivered(failure: CorsFailure, mut response: FetchResponse) -> Box<FetchResponse> {
    match response.cause.take() {
        Some(cause) if !matches!(*cause, Cause::Cancelled) => {
            Box::new(FetchResponse::network_error(Cause::Undelivered {
                failure,
                cause,
            }))
        },
        cause => {
            response.cause = cause;
            Box::new(response)
        },
    }
}

/// Whether a response is followed rather than delivered. NB: not every redirect status: without a `Location` it is a
/// response like others, which goes to the page.
fn leads_elsewhere(response: &FetchResponse) -> bool {
    is_redirect_status(response.head.status.raw_code())
        && response.head.headers.contains_key(header::LOCATION)
}

fn plan(request: &Request) -> ChainPlan {
    let preflight = if needs_preflight(request) {
        NeedsPreflight::Yes
    } else {
        NeedsPreflight::No
    };
    match MethodClass::from_method(&request.method) {
        Some(method) => chain_plan(method, preflight),
        None => ChainPlan::AskBeforeEach,
    }
}

fn method_class(request: &Request) -> Result<MethodClass, Refusal> {
    MethodClass::from_method(&request.method).ok_or_else(|| {
        Refusal::IneligibleMethod(request.method.as_str().chars().take(32).collect())
    })
}
