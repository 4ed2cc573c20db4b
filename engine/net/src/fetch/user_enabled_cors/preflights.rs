//! Preflights that failed in silence: for a minute, requests under a grant are sent without asking the server again.

use net_traits::request::Request;
use user_cors::{
    Decision, FailedStage, GrantUse, MethodClass, Route, SilentPreflight, TupleOrigin,
};

use super::{Hook, Outcome, facts};
use crate::embedding::{self, Embedding};
use crate::fetch::cause::{CorsFailure, CorsFailureKind};
use crate::fetch::params::FetchParams;
use crate::network_state::FetchContext;

/// The request without its preflight, if that failed in silence a moment ago and there is a grant; `None` if the server is
/// to be asked.
pub(crate) async fn instead_of_preflight(
    params: &mut FetchParams,
    context: &FetchContext,
) -> Option<Outcome> {
    if !Embedding::get()?.user_cors().remembers_silent_preflights() {
        return None;
    }
    let hook = Hook::of_failed(&params.request, context).ok()?;
    let (facts, grant) = hook.granted_without_preflight(params)?;
    let failure = CorsFailure {
        url: params.request.current_url(),
        preflight: true,
        kind: CorsFailureKind::MissingAllowOrigin,
    };
    Some(hook.send(params, &failure, facts, grant, context).await)
}

/// The server has allowed a request of this client by CORS: what is remembered of its silence is forgotten.
pub(crate) fn cors_succeeded(request: &Request) {
    let Some(embedding) = Embedding::get() else {
        return;
    };
    if !embedding.user_cors().remembers_silent_preflights() {
        return;
    }
    let Some(requester) = embedding::requester(request) else {
        return;
    };
    let target = TupleOrigin::from_url(request.current_url().as_url());
    if let (Some(origin), Some(target)) = (requester.tuple_origin, target) {
        embedding
            .user_cors()
            .cors_succeeded(&requester.top_level_site, &origin, &target);
    }
}

impl Hook {
    /// Remembers that this preflight failed in silence, and where it went.
    pub(super) fn remember_silent_preflight(&self, facts: &user_cors::CorsFailure) {
        if let Some(preflight) = silent_preflight(facts) {
            self.embedding.user_cors().remember_silent_preflight(
                preflight,
                facts.route.clone(),
                self.now(),
            );
        }
    }

    /// The facts of the preflight that is remembered for this request, and the grant that lets the request go on.
    fn granted_without_preflight(
        &self,
        params: &FetchParams,
    ) -> Option<(Box<user_cors::CorsFailure>, GrantUse)> {
        let user_cors = self.embedding.user_cors();
        let secure = params.request.current_url().is_secure_scheme();
        let request = facts::request(params, facts::certificate_of_scheme(secure));
        let mut facts = self.facts_of(params, FailedStage::Preflight, request, Route::Unknown);
        facts.route = user_cors.silent_preflight(&silent_preflight(&facts)?, self.now())?;
        match user_cors.consider(&facts, self.now()) {
            Decision::Granted(grant) => Some((facts, grant)),
            Decision::Ask(_) | Decision::Fail(_) => None,
        }
    }
}

/// By what a preflight is known again.
fn silent_preflight(facts: &user_cors::CorsFailure) -> Option<SilentPreflight> {
    let user_cors::RequesterOrigin::Tuple(requester) = &facts.requester.origin else {
        return None;
    };
    let mut url = facts.request.url.clone();
    url.set_fragment(None);
    Some(SilentPreflight {
        top_level_site: facts.top_level_site.clone(),
        requester: requester.clone(),
        url,
        method: MethodClass::from_method(&facts.request.method)?,
        unsafe_headers: facts.request.unsafe_headers.clone(),
    })
}
