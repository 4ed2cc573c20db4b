//! [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch).

use std::time::Instant;

use net_traits::ResourceAttribute;
use net_traits::request::{
    CredentialsMode, RedirectMode, RequestMode, ResponseTainting, ServiceWorkersMode,
};
use net_traits::response::ResponseType;

use super::cause::{Cause, CorsFailure, RedirectFailure};
use super::checks::cors_check::cors_check;
use super::checks::cross_origin_resource_policy::{self, Verdict};
use super::checks::origin_header::serialize_request_origin;
use super::checks::request_kind::is_frame_navigation;
use super::checks::status::is_redirect_status;
use super::checks::timing_allow::tao_check;
use super::cors_preflight_fetch::cors_preflight_fetch;
use super::fetch::Target;
use super::headers::location::location_url;
use super::http_network_or_cache_fetch::{Attempt, http_network_or_cache_fetch};
use super::http_redirect_fetch::http_redirect_fetch;
use super::params::FetchParams;
use super::response::FetchResponse;
use super::user_enabled_cors;
use super::violation_reports::queue_corp_violation;
use crate::embedding;
use crate::events::{self, Stage};
use crate::network_state::FetchContext;

/// The standard's makeCORSPreflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MakeCorsPreflight {
    /// True.
    Yes,
    /// False.
    No,
}

/// [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch).
pub(crate) async fn http_fetch(
    params: &mut FetchParams,
    target: &mut Target<'_>,
    context: &FetchContext,
    make_cors_preflight: MakeCorsPreflight,
) -> FetchResponse {
    // 1. to 3. NB: Servo's script has no service worker interception to offer.
    // 4. Ask the network, or the cache.
    let mut response = match respond(params, context, make_cors_preflight).await {
        Ok(response) => response,
        Err(error) => return *error,
    };
    if response.is_network_error() {
        return response;
    }
    let request = &params.request;
    // 4.5. The TAO check. A response that the user released passes none.
    if params.chain.is_released() || !tao_check(request, &response.head.headers) {
        params.timing_allow_failed = true;
    }
    // 5. The cross-origin resource policy check, for opaque responses.
    // NB: and for documents of frames, by
    // https://html.spec.whatwg.org/multipage/browsing-the-web.html#create-navigation-params-by-fetching.
    if (request.response_tainting == ResponseTainting::Opaque || is_frame_navigation(request))
        && cross_origin_resource_policy::check_request(
            request,
            &params.embedder.policy,
            &request.current_url(),
            &response.head,
            |disposition, endpoint| queue_corp_violation(params, disposition, endpoint, context),
        ) == Verdict::Blocked
    {
        return FetchResponse::network_error(Cause::CrossOriginResourcePolicy);
    }
    // 6. Redirects.
    if is_redirect_status(response.head.status.raw_code()) {
        response.head.location_url = location_url(
            response.head.status.raw_code(),
            &request.current_url(),
            &response.head.headers,
            request.current_url().fragment(),
        );
        // 6.3. Switch on request's redirect mode.
        response = match request.redirect_mode {
            RedirectMode::Error => {
                FetchResponse::network_error(Cause::Redirect(RedirectFailure::ModeIsError))
            },
            // NB: the page's loader calls for the next hop of a navigation itself.
            RedirectMode::Manual if request.mode == RequestMode::Navigate => response,
            RedirectMode::Manual => {
                response.head = response.head.to_filtered(ResponseType::OpaqueRedirect);
                response
            },
            RedirectMode::Follow => {
                Box::pin(http_redirect_fetch(params, response, target, context)).await
            },
        };
    }
    // 7. Return response.
    if !response.is_network_error() {
        context
            .timing
            .set_attribute(ResourceAttribute::RedirectCount(
                u16::try_from(params.request.redirect_count).unwrap_or(u16::MAX),
            ));
        response.head.resource_timing = context.timing.clone();
    }
    response
}

/// Step 4 of [HTTP fetch](https://fetch.spec.whatwg.org/#concept-http-fetch), with user-enabled CORS at its two failures.
async fn respond(
    params: &mut FetchParams,
    context: &FetchContext,
    make_cors_preflight: MakeCorsPreflight,
) -> Result<FetchResponse, Box<FetchResponse>> {
    if params.chain.is_active() {
        return user_enabled_cors::continue_chain(params, context).await;
    }
    params.preflight_response = None;
    // 4.1. The preflight, unless the cache stands for it.
    if make_cors_preflight == MakeCorsPreflight::Yes {
        let partition = embedding::network_partition_key(&params.request);
        let covered = context.state.preflight_cache.lock().covers(
            &partition,
            &params.request,
            Instant::now(),
        );
        if !covered {
            // AD-HOC: user-enabled CORS remembers that a preflight failed in silence.
            if let Some(outcome) = user_enabled_cors::instead_of_preflight(params, context).await {
                return outcome;
            }
            match cors_preflight_fetch(params, &partition, context).await {
                Ok(headers) => {
                    params.preflight_response = Some(headers);
                    emit_cors_passed(params, true);
                    user_enabled_cors::cors_succeeded(&params.request);
                },
                // AD-HOC: user-enabled CORS, first hook.
                Err(failed) => {
                    return user_enabled_cors::after_failed_preflight(params, failed, context)
                        .await;
                },
            }
        }
    }
    // 4.2. A request that follows redirects is for service workers no more.
    if params.request.redirect_mode == RedirectMode::Follow {
        params.request.service_workers_mode = ServiceWorkersMode::None;
    }
    // 4.3. HTTP-network-or-cache fetch.
    let response = http_network_or_cache_fetch(params, context, Attempt::default()).await;
    // 4.4. The CORS check.
    if params.request.response_tainting != ResponseTainting::CorsTainting
        || response.is_network_error()
    {
        return Ok(response);
    }
    let origin = serialize_request_origin(&params.request);
    match cors_check(
        &origin,
        params.request.credentials_mode,
        &response.head.headers,
    ) {
        Ok(()) => {
            emit_cors_passed(params, false);
            user_enabled_cors::cors_succeeded(&params.request);
            Ok(response)
        },
        Err(kind) => {
            let failure = CorsFailure {
                url: params.request.current_url(),
                preflight: false,
                kind,
            };
            events::emit(&params.request, || Stage::CorsFailed(failure.clone()));
            // AD-HOC: user-enabled CORS, second hook.
            user_enabled_cors::after_failed_check(params, response, failure, context).await
        },
    }
}

fn emit_cors_passed(params: &FetchParams, preflight: bool) {
    let request = &params.request;
    events::emit(request, || Stage::CorsPassed {
        url: request.current_url(),
        preflight,
        origin: serialize_request_origin(request),
        credentials: request.credentials_mode == CredentialsMode::Include,
    });
}
