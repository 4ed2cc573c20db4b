//! Step 11: the hops of a chain that uses user-enabled CORS.

use net_traits::request::Request;
use user_cors::{
    AskAboutHop, ChainPlan, FailedStage, GrantUse, HeldState, Hop, HopCheck, PageHeaders, Refusal,
    TicketTarget, TupleOrigin, page_headers, redirect_hop, redirect_space_check,
};

use super::chain::{GrantInUse, Pin};
use super::hold::Hold;
use super::{Hook, Outcome, cors_succeeded, leads_elsewhere, plan, undelivered};
use crate::events::{self, Stage};
use crate::fetch::cause::CorsFailure;
use crate::fetch::checks::cors_check::cors_check;
use crate::fetch::checks::cors_preflight_check::needs_preflight;
use crate::fetch::checks::origin_header::serialize_request_origin;
use crate::fetch::headers::safelist::cors_unsafe_request_header_names;
use crate::fetch::params::FetchParams;
use crate::fetch::response::FetchResponse;
use crate::network_state::FetchContext;

impl Hook {
    /// Steps 1 to 8 for a silent redirect, which is followed before anybody is asked.
    ///
    /// # Errors
    /// What forbids it, or would forbid the question at the end.
    pub(super) fn may_follow_from(&self, facts: &user_cors::CorsFailure) -> Result<(), Refusal> {
        let user_cors = self.embedding.user_cors();
        user_cors.may_follow_from(facts, self.now())
    }

    /// Notes a silent redirect that [may be followed](Self::may_follow_from).
    pub(super) fn follow(
        &self,
        params: &mut FetchParams,
        response: FetchResponse,
        facts: Box<user_cors::CorsFailure>,
    ) -> FetchResponse {
        if let Some(anonymous) = params.chain.anonymous_mut() {
            if let Some(origin) = TupleOrigin::from_url(&facts.request.url) {
                anonymous.silent_targets.push(TicketTarget {
                    origin,
                    address: facts.route.peer().map(|peer| peer.ip()),
                    space: facts.route.space(),
                });
            }
            anonymous.space = facts.route.space();
            anonymous.last_silent = Some(facts);
        }
        response
    }

    /// One hop of a chain that uses the feature.
    pub(super) async fn hop(
        &self,
        params: &mut FetchParams,
        context: &FetchContext,
    ) -> Result<Outcome, Refusal> {
        let (to, from) = hop_ends(&params.request)?;
        // A redirect takes some headers away, and a question does not speak of what is not sent.
        let sent = &params.request.headers;
        let set_by_page = &mut params.page_set_header_names;
        set_by_page.retain(|name| sent.contains_key(name));
        let requester = self
            .requester
            .tuple_origin
            .clone()
            .ok_or(Refusal::OpaqueRequester)?;
        if page_headers(&from, &to) == PageHeaders::DropUnsafe {
            drop_unsafe_headers(params);
        }
        let plan = plan(&params.request);
        let Some(anonymous) = params.chain.anonymous_mut() else {
            return Err(Refusal::GrantEnded);
        };
        let hop = redirect_hop(&Hop {
            requester: &requester,
            from: &from,
            to: &to,
            plan,
            allowed: &anonymous.allowed_targets(),
        });
        let (previous_space, failure) = (anonymous.space, anonymous.failure.clone());
        // The addresses that were classified are of the origin that redirected.
        if from != to {
            anonymous.pin = None;
        }
        let is_pinned = anonymous.pin.is_some();
        match (hop.check, hop.ask, plan) {
            // Nobody has asked the requester's own server whether it takes such a request from a page that was sent here.
            (HopCheck::OrdinaryCors, ..) if needs_preflight(&params.request) => {
                return Err(Refusal::RedirectToRequester);
            },
            (HopCheck::OrdinaryCors, ..)
            | (_, AskAboutHop::AtTheEnd, _)
            | (_, AskAboutHop::No, ChainPlan::FollowThenAsk) => {
                if !is_pinned {
                    self.classify_before_sending(params, hop.check, context)
                        .await?;
                }
            },
            (_, AskAboutHop::No, ChainPlan::AskBeforeEach) if is_pinned => {
                if let Some(used) = self.in_use(params) {
                    self.count(&used)?;
                }
            },
            (_, AskAboutHop::No | AskAboutHop::BeforeSending, _) => {
                self.ask_before_sending(params, context).await?;
            },
        }
        let used = self.in_use(params);
        // What an earlier hop was granted may have ended before this hook heard of changes.
        self.may_go_on(used.as_ref())?;
        let response = self.exchange(params, used.as_ref(), context).await?;
        if response.is_network_error() {
            return Ok(Err(undelivered(failure, response)));
        }
        let passes = passes_cors_check(&params.request, &response);
        if hop.check == HopCheck::OrdinaryCors && !passes {
            return Err(Refusal::RedirectToRequester);
        }
        if let Some(learning) = self.embedding.learn_addresses_of(&response.exchange) {
            learning.await;
        }
        let facts = self.facts(
            params,
            &response,
            response.head.headers.clone(),
            FailedStage::Response,
        );
        redirect_space_check(previous_space, facts.route.space())?;
        if passes {
            cors_succeeded(&params.request);
        }
        match (passes, leads_elsewhere(&response)) {
            (true, true) => {
                if let Some(anonymous) = params.chain.anonymous_mut() {
                    anonymous.space = facts.route.space();
                }
                Ok(Ok(response))
            },
            (false, true) => {
                self.may_follow_from(&facts)?;
                Ok(Ok(self.follow(params, response, facts)))
            },
            (passes, false) => {
                self.end_chain(params, response, facts, passes, failure, context)
                    .await
            },
        }
    }

    /// The grant that the chain uses.
    fn in_use(&self, params: &mut FetchParams) -> Option<GrantUse> {
        let anonymous = params.chain.anonymous_mut()?;
        anonymous.grant.as_ref().map(|used| used.grant.clone())
    }

    /// The chain's last response: one question names every silent target.
    async fn end_chain(
        &self,
        params: &mut FetchParams,
        mut response: FetchResponse,
        facts: Box<user_cors::CorsFailure>,
        passes: bool,
        failure: CorsFailure,
        context: &FetchContext,
    ) -> Result<Outcome, Refusal> {
        let route = facts.route.clone();
        let asked_about = if passes {
            let last = params
                .chain
                .anonymous_mut()
                .and_then(|anonymous| anonymous.last_silent.take());
            match last {
                Some(last) => last,
                // No target was silent, or each was granted before.
                None => {
                    return self.deliver(params, response, route, context).await.map(Ok);
                },
            }
        } else {
            facts
        };
        // What was asked before it was sent is not asked again.
        let used = self.in_use(params);
        if used.is_some_and(|used| self.still_grants(&used, &asked_about).is_ok()) {
            return self.deliver(params, response, route, context).await.map(Ok);
        }
        let mut hold = Hold::of(
            self.embedding,
            self.requester.tab,
            std::mem::take(&mut response.body),
        );
        let grant = self.permit(params, &asked_about, Some(&mut hold)).await?;
        self.count(&grant)?;
        if hold.state() != HeldState::Held {
            drop((hold, response));
            return self
                .resend(params, &asked_about, grant, passes, failure, context)
                .await;
        }
        events::emit(&params.request, || Stage::Released { held: true });
        response.body = hold.into_body();
        self.use_from_here_on(params, grant);
        self.deliver(params, response, route, context).await.map(Ok)
    }

    fn use_from_here_on(&self, params: &mut FetchParams, grant: GrantUse) {
        if let Some(anonymous) = params.chain.anonymous_mut() {
            let before = anonymous.grant.take();
            anonymous.grant = Some(GrantInUse::new(self.embedding, before, grant));
        }
    }

    /// Step 10: the last hop of a chain once more, whose answer was too large to hold. A request that does more than read is
    /// not sent again.
    async fn resend(
        &self,
        params: &mut FetchParams,
        asked_about: &user_cors::CorsFailure,
        grant: GrantUse,
        passes: bool,
        failure: CorsFailure,
        context: &FetchContext,
    ) -> Result<Outcome, Refusal> {
        if !super::method_class(&params.request)?.is_safe() {
            return Err(Refusal::HeldTooLarge);
        }
        self.use_from_here_on(params, grant.clone());
        // What was asked about is another server, where the last one allows the page by itself; that one's addresses are pinned
        // already.
        if let Some(anonymous) = params.chain.anonymous_mut()
            && !passes
        {
            anonymous.pin = Pin::of(&asked_about.route);
        }
        events::emit(&params.request, || Stage::Released { held: false });
        let response = self.exchange(params, Some(&grant), context).await?;
        if response.is_network_error() {
            return Ok(Err(undelivered(failure, response)));
        }
        if let Some(learning) = self.embedding.learn_addresses_of(&response.exchange) {
            learning.await;
        }
        if passes {
            self.still_grants(&grant, asked_about)?;
            if !passes_cors_check(&params.request, &response) {
                return Err(Refusal::GrantEnded);
            }
        } else {
            let answered = self.facts(
                params,
                &response,
                response.head.headers.clone(),
                FailedStage::Response,
            );
            self.still_grants(&grant, &answered)?;
        }
        let route = self.route_of(&response);
        self.deliver(params, response, route, context).await.map(Ok)
    }
}

fn passes_cors_check(request: &Request, response: &FetchResponse) -> bool {
    cors_check(
        &serialize_request_origin(request),
        request.credentials_mode,
        &response.head.headers,
    )
    .is_ok()
}

/// What a page set beyond the safelist is for the origin that it was meant for.
fn drop_unsafe_headers(params: &mut FetchParams) {
    let headers = &mut params.request.headers;
    for name in cors_unsafe_request_header_names(headers) {
        headers.remove(&name);
        params.page_set_header_names.retain(|set| *set != name);
    }
}

/// The origins of the current URL and of the one that led to it.
fn hop_ends(request: &Request) -> Result<(TupleOrigin, TupleOrigin), Refusal> {
    let mut urls = request.url_list.iter().rev();
    let mut next = || {
        urls.next()
            .and_then(|url| TupleOrigin::from_url(url.as_url()))
    };
    let to = next().ok_or(Refusal::InsecureTarget)?;
    let from = next().unwrap_or_else(|| to.clone());
    Ok((to, from))
}
