//! [Main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch).

use std::time::SystemTime;

use content_security_policy::{Destination, Violation};
use http::{Method, header};
use net_traits::ReferrerPolicy;
use net_traits::request::{
    CredentialsMode, RedirectMode, Referrer, Request, RequestMode, ResponseTainting,
};
use net_traits::response::ResponseType;
use servo_url::ServoUrl;

use super::body::Body;
use super::cause::{Cause, RedirectFailure};
use super::checks::integrity::Integrity;
use super::checks::message_signatures::{IntegrityKeys, MessageSignatures, SignedMessage};
use super::checks::origin_header::request_origin;
use super::checks::request_kind::is_frame_navigation;
use super::checks::status::{is_null_body_status, is_range_status};
use super::checks::unencoded_digest::UnencodedDigests;
use super::checks::{
    bad_port, cors_preflight_check, csp, mime_type, mixed_content, nosniff, redirect_taint,
    referrer, upgrade_insecure_requests,
};
use super::fetch::Target;
use super::headers::access_control::cors_exposed_header_names;
use super::http_fetch::{MakeCorsPreflight, http_fetch};
use super::noted_policies::{embedder_policy_of, note_policies};
use super::opaque_response;
use super::params::FetchParams;
use super::preload;
use super::response::FetchResponse;
use super::scheme_fetch::scheme_fetch;
use super::timing;
use super::user_enabled_cors;
use super::violation_reports::{
    queue_inheritance_violations, should_request_be_blocked_by_integrity_policy,
};
use crate::network_state::FetchContext;
use crate::{devtools, embedding, request_interception};

/// How many bytes of a body are read to check its integrity before the page gets any of it.
const INTEGRITY_BODY_LIMIT: usize = 256 << 20;

/// [Main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch) up to step 13: what a redirect runs again for each hop.
pub(crate) async fn main_fetch(
    params: &mut FetchParams,
    target: &mut Target<'_>,
    context: &FetchContext,
) -> FetchResponse {
    let is_secure_scheme = |scheme: &str| context.state.protocols.is_secure(scheme);
    // 1. and 2. Let request be fetchParams's request, and response be null.
    let request = &mut params.request;
    devtools::request_started(request, context);
    let mut blocked = request.crash.clone().map(Cause::Crash);
    // 3. A request that may only have local URLs.
    if request.local_urls_only && !request.current_url().is_local_scheme() {
        blocked = Some(Cause::Scheme {
            scheme: request.current_url().scheme().to_owned(),
        });
    }
    // 4. Report Content Security Policy violations for request.
    let violations = csp::report_only_violations(request);
    report_violations(&mut params.chain, request, target, violations);
    // 5. and 6. Upgrade request to a potentially trustworthy URL, if appropriate.
    if upgrade_insecure_requests::should_send_header(request) {
        request.headers.insert(
            header::UPGRADE_INSECURE_REQUESTS,
            http::HeaderValue::from_static("1"),
        );
    }
    if let Some(url) = upgrade_insecure_requests::upgraded_url(request)
        .or_else(|| mixed_content::upgraded_url(request, is_secure_scheme))
    {
        *request.current_url_mut() = url;
    }
    // 7. Bad ports, mixed content, Content Security Policy, Integrity Policy.
    let url = request.current_url();
    let verdict = csp::should_request_be_blocked(request);
    report_violations(&mut params.chain, request, target, verdict.violations);
    if bad_port::should_be_blocked(&url) {
        blocked = Some(Cause::BadPort {
            port: url.port().unwrap_or(0),
        });
    } else if mixed_content::should_request_be_blocked(request, is_secure_scheme) {
        blocked = Some(Cause::MixedContent);
    } else if verdict.blocked {
        blocked = Some(Cause::ContentSecurityPolicy);
    } else if should_request_be_blocked_by_integrity_policy(
        request,
        &params.integrity_demands,
        context,
    ) {
        blocked = Some(Cause::IntegrityPolicy);
    }
    // 8. The referrer policy of the request's policy container.
    if request.referrer_policy == ReferrerPolicy::EmptyString {
        request.referrer_policy = csp::policy_container(request)
            .map(|container| container.get_referrer_policy())
            .unwrap_or_default();
    }
    // 9. Determine request's referrer.
    if !matches!(request.referrer, Referrer::NoReferrer) {
        request.headers.remove(header::REFERER);
        request.referrer = referrer::determine_referrer(request, is_secure_scheme)
            .map_or(Referrer::NoReferrer, Referrer::ReferrerUrl);
    }
    // 10. HSTS.
    context
        .state
        .hsts
        .read()
        .apply(request.current_url_mut(), SystemTime::now());
    // 11. Everything here runs in parallel already.
    // 12. If response is null, choose by the first matching case.
    if let Some(cause) = blocked {
        return FetchResponse::network_error(cause);
    }
    if let Some(response) = request_interception::intercept(request, context).await {
        return response;
    }
    if let Some(response) = preload::consumed(params, &context.timing).await {
        return response;
    }
    fetch_by_origin_and_mode(params, target, context).await
}

/// Reports violations of the page's policies by a request.
///
/// AD-HOC: user-enabled CORS. Where a chain leads that the page may not see into is not for it to hear, before it is given the
/// response.
fn report_violations(
    chain: &mut user_enabled_cors::Chain,
    request: &Request,
    target: &mut Target<'_>,
    violations: Vec<Violation>,
) {
    if chain.is_active() {
        chain.hold_back(violations);
    } else if !violations.is_empty() {
        target.process_csp_violations(request, violations);
    }
}

/// The cases of step 12 of [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch) that depend on the request's
/// origin and mode.
async fn fetch_by_origin_and_mode(
    params: &mut FetchParams,
    target: &mut Target<'_>,
    context: &FetchContext,
) -> FetchResponse {
    let request = &mut params.request;
    let url = request.current_url();
    let scheme = url.scheme();
    let same_origin = request_origin(request)
        .is_some_and(|origin| origin == request.current_url_with_blob_claim().origin());
    if (same_origin && request.response_tainting == ResponseTainting::Basic) ||
        scheme == "data" ||
        // AD-HOC: the program that embeds Servo may say of its own schemes that pages can fetch them.
        context.state.protocols.is_fetchable(scheme) ||
        matches!(request.mode, RequestMode::Navigate | RequestMode::WebSocket { .. })
    {
        // 1. and 2. Tainting “basic”, then scheme fetch.
        request.response_tainting = ResponseTainting::Basic;
        return scheme_fetch(params, target, context).await;
    }
    match request.mode {
        RequestMode::SameOrigin => FetchResponse::network_error(Cause::NotSameOrigin),
        RequestMode::NoCors => {
            // 1. A redirect mode other than “follow” is an error.
            if request.redirect_mode != RedirectMode::Follow {
                return FetchResponse::network_error(Cause::Redirect(
                    RedirectFailure::NoCorsMustFollow,
                ));
            }
            // 2. and 3. Tainting “opaque”, then scheme fetch.
            request.response_tainting = ResponseTainting::Opaque;
            scheme_fetch(params, target, context).await
        },
        _ if !matches!(scheme, "http" | "https") => FetchResponse::network_error(Cause::Scheme {
            scheme: scheme.to_owned(),
        }),
        _ if cors_preflight_check::needs_preflight(request) => {
            // 1. Tainting “cors”.
            request.response_tainting = ResponseTainting::CorsTainting;
            // 2. HTTP fetch with a preflight.
            let response = http_fetch(params, target, context, MakeCorsPreflight::Yes).await;
            // 3. If that failed, clear cache entries using request.
            if response.is_network_error() {
                let partition = embedding::network_partition_key(&params.request);
                context
                    .state
                    .preflight_cache
                    .lock()
                    .clear_for_request(&partition, &params.request);
            }
            // 4. Return it.
            response
        },
        _ => {
            // 1. and 2. Tainting “cors”, then HTTP fetch.
            request.response_tainting = ResponseTainting::CorsTainting;
            http_fetch(params, target, context, MakeCorsPreflight::No).await
        },
    }
}

/// Steps 14 to 23 of [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch): filtering, and the checks that need
/// the whole response.
pub(crate) async fn finish_main_fetch(
    params: &mut FetchParams,
    mut response: FetchResponse,
    target: &mut Target<'_>,
    context: &FetchContext,
) -> FetchResponse {
    let request = &params.request;
    if response.is_network_error() {
        timing::settle(
            &mut context.timing.inner(),
            request,
            redirect_taint::redirect_taint(request),
            true,
        );
        return response;
    }
    // AD-HOC: user-enabled CORS. What comes out of a chain of its requests without having been delivered is not the page's.
    if let Some(failure) = params.chain.undelivered() {
        return FetchResponse::network_error(Cause::Cors(failure.clone()));
    }
    let held_back = params.chain.take_held_back();
    if !held_back.is_empty() {
        target.process_csp_violations(request, held_back);
    }
    // 14. Filter the response, if it is not filtered yet.
    if response.head.internal_response.is_none() {
        // 14.1. The CORS-exposed header-name list.
        if request.response_tainting == ResponseTainting::CorsTainting {
            response.head.cors_exposed_header_name_list = if params.chain.exposes_all_headers() {
                user_enabled_cors::exposed_header_names(&response.head.headers)
            } else {
                cors_exposed_header_names(
                    request.credentials_mode == CredentialsMode::Include,
                    &response.head.headers,
                )
            };
        }
        // 14.2. The filtered response of the request's response tainting.
        let response_type = match request.response_tainting {
            ResponseTainting::Basic => ResponseType::Basic,
            ResponseTainting::CorsTainting => ResponseType::Cors,
            ResponseTainting::Opaque => ResponseType::Opaque,
        };
        response.head = response.head.to_filtered(response_type);
    }
    // 15. to 17. The internal response gets a URL list and a redirect taint.
    let range_header = request.headers.contains_key(header::RANGE);
    let is_secure_scheme = |scheme: &str| context.state.protocols.is_secure(scheme);
    let internal = response.head.actual_response_mut();
    if internal.url_list.is_empty() {
        internal.url_list = request.url_list.iter().map(|url| url.url()).collect();
    }
    let taint = redirect_taint::redirect_taint(request);
    internal.redirect_taint = taint;
    internal.referrer = request.referrer.to_url().cloned();
    internal.referrer_policy = request.referrer_policy;
    let status = internal.status.raw_code();
    let range_requested = internal.range_requested;
    let internal_headers = &internal.headers;
    let url = internal
        .url()
        .cloned()
        .unwrap_or_else(|| request.current_url());
    // 18. and 19. Timing allow flags.
    timing::settle(
        &mut context.timing.inner(),
        request,
        taint,
        params.timing_allow_failed,
    );
    // 20. Mixed content, Content Security Policy, MIME type, nosniff.
    if let Some(cause) = blocked_response(params, &url, internal_headers, target, context) {
        return FetchResponse::network_error(cause);
    }
    // AD-HOC: opaque-response blocking, which is yet to be part of the standard.
    if !opaque_response::is_allowed(request, &mut response, context).await {
        return FetchResponse::network_error(Cause::OpaqueResponse);
    }
    // 21. A partial response that was not asked for.
    if response.head.response_type == ResponseType::Opaque
        && is_range_status(status)
        && range_requested
        && !range_header
    {
        return FetchResponse::network_error(Cause::UnexpectedPartialResponse);
    }
    // AD-HOC: what HTML checks when a document or a worker's script has come.
    let embedder_policy = embedder_policy_of(params, &response, is_secure_scheme);
    if needs_embedder_policy(request, &response) {
        queue_inheritance_violations(params, embedder_policy.value, context);
        if !embedder_policy
            .value
            .may_be_embedded_by(params.embedder.policy.value)
        {
            return FetchResponse::network_error(Cause::EmbedderPolicy);
        }
    }
    // 22. No body where HTTP has none.
    let has_body =
        !matches!(request.method, Method::HEAD | Method::CONNECT) && !is_null_body_status(status);
    if !has_body {
        response.body = Body::Empty;
    }
    // 23. Subresource integrity needs the whole body.
    // 23.1. and 23.2. What has no body cannot match. NOTE: that of an opaque response is null.
    let is_body_hidden = matches!(
        response.head.response_type,
        ResponseType::Opaque | ResponseType::OpaqueRedirect
    );
    if !request.integrity_metadata.is_empty() && (is_body_hidden || !has_body) {
        return FetchResponse::network_error(Cause::Integrity);
    }
    // AD-HOC: what the server has signed must be so: https://wicg.github.io/signature-based-sri/#monkey-patch-main-fetch.
    let internal = response.head.actual_response();
    let signatures = MessageSignatures::parse(&internal.headers);
    let message = SignedMessage {
        method: &request.method,
        url: &url,
        status,
        headers: &internal.headers,
    };
    if !signatures.verify(message, SystemTime::now()) {
        return FetchResponse::network_error(Cause::MessageSignature);
    }
    let integrity = Integrity::parse(&request.integrity_metadata);
    // AD-HOC: and what the server itself says of a whole body: https://wicg.github.io/signature-based-sri/#monkey-patch-main-fetch.
    let digests = if has_body && !is_range_status(status) {
        UnencodedDigests::parse(&response.head.actual_response().headers)
    } else {
        None
    };
    // AD-HOC: and by a key that the page stated, if it did. NB: a signature is of the digests, so it takes one to compare the body
    // with.
    let keys = IntegrityKeys::parse(&request.integrity_metadata);
    if !keys.is_empty() && (digests.is_none() || !signatures.include_one_of(&keys)) {
        return FetchResponse::network_error(Cause::Integrity);
    }
    // NB: without a digest to compare, every body matches, and need not be waited for.
    if integrity.is_some() || digests.is_some() {
        // 23.3. and 23.4. Read it all and compare; one that breaks off does not match either.
        let body = std::mem::take(&mut response.body);
        let bytes = match body.read_all(INTEGRITY_BODY_LIMIT).await {
            Ok(bytes) => bytes,
            Err(error) => return FetchResponse::network_error(Cause::Body(error)),
        };
        if digests.is_some_and(|digests| !digests.verify(&bytes)) {
            return FetchResponse::network_error(Cause::UnencodedDigest);
        }
        if integrity.is_some_and(|integrity| !integrity.matches(&bytes)) {
            return FetchResponse::network_error(Cause::Integrity);
        }
        response.body = Body::Bytes(bytes);
    }
    note_policies(params, &response, embedder_policy, context);
    note_document(params, &response);
    response
}

/// Whether a response is the document of a frame or the script of a dedicated worker, which the policy of the document around
/// it is about.
fn needs_embedder_policy(request: &Request, response: &FetchResponse) -> bool {
    (is_frame_navigation(request) || request.destination == Destination::Worker)
        && response.head.actual_response().location_url.is_none()
}

/// Step 20 of [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch).
fn blocked_response(
    params: &FetchParams,
    url: &ServoUrl,
    headers: &http::HeaderMap,
    target: &mut Target<'_>,
    context: &FetchContext,
) -> Option<Cause> {
    let request = &params.request;
    let is_secure_scheme = |scheme: &str| context.state.protocols.is_secure(scheme);
    let verdict = csp::should_response_be_blocked(request, url);
    if !verdict.violations.is_empty() {
        target.process_csp_violations(request, verdict.violations);
    }
    if mixed_content::should_response_be_blocked(request, url, is_secure_scheme) {
        Some(Cause::MixedContent)
    } else if verdict.blocked {
        Some(Cause::ContentSecurityPolicy)
    } else if mime_type::should_response_be_blocked(request.destination, headers) {
        Some(Cause::MimeType)
    } else if nosniff::should_response_be_blocked(request.destination, headers) {
        Some(Cause::Nosniff)
    } else {
        None
    }
}

/// Tells the permission model whose documents come from where, and ends the questions of a page that is being replaced.
fn note_document(params: &FetchParams, response: &FetchResponse) {
    let request = &params.request;
    let answer = response.head.actual_response();
    // Neither a redirect nor a response without a body replaces a document.
    if !request.is_navigation_request()
        || answer.location_url.is_some()
        || is_null_body_status(answer.status.raw_code())
    {
        return;
    }
    let space = response
        .exchange
        .as_deref()
        .and_then(user_enabled_cors::address_space_of);
    embedding::note_document(request, space);
    if request.destination == Destination::Document
        && let Some(embedding) = embedding::Embedding::get()
    {
        embedding.document_delivered(request);
    }
}
