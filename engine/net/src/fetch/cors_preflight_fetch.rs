//! [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch-0).

use std::time::Instant;

use http::{HeaderMap, HeaderValue, Method, header};
use net_traits::request::{
    CacheMode, CredentialsMode, RedirectMode, Request, RequestMode, ResponseTainting,
    ServiceWorkersMode,
};

use super::cause::{Cause, CorsFailure, CorsFailureKind};
use super::checks::cors_preflight_check::{access_control_request_headers, cors_preflight_check};
use super::checks::origin_header::serialize_request_origin;
use super::checks::status::is_redirect_status;
use super::http_network_or_cache_fetch::{Attempt, http_network_or_cache_fetch};
use super::params::FetchParams;
use super::response::FetchResponse;
use super::user_enabled_cors::may_keep_preflight;
use crate::connection::NetworkPartitionKey;
use crate::events::{self, Stage};
use crate::network_state::FetchContext;

/// How a preflight failed.
pub(crate) enum PreflightFailure {
    /// It got an answer that does not allow the request.
    Refused {
        /// Which check failed.
        failure: CorsFailure,
        /// The answer.
        response: Box<FetchResponse>,
    },
    /// It got no answer: a network error with its cause.
    Unreachable(Box<FetchResponse>),
}

/// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch-0) for the request of `params`. Returns the headers
/// of the answer that allows it.
pub(crate) async fn cors_preflight_fetch(
    params: &FetchParams,
    partition: &NetworkPartitionKey,
    context: &FetchContext,
) -> Result<HeaderMap, PreflightFailure> {
    let request = &params.request;
    // 1. to 6. and NOTE: the preflight carries no credentials, and nothing but what asks for permission.
    let mut preflight = FetchParams::new(preflight_request(request));
    let response = http_network_or_cache_fetch(&mut preflight, context, Attempt::default()).await;
    if response.is_network_error() {
        return Err(PreflightFailure::Unreachable(Box::new(response)));
    }
    let status = response.head.status.raw_code();
    // 7. The CORS check, an ok status, and what the answer allows.
    let verdict = if is_redirect_status(status) {
        Err(CorsFailureKind::PreflightRedirect)
    } else {
        cors_preflight_check(
            request,
            &serialize_request_origin(request),
            status,
            &response.head.headers,
        )
    };
    match verdict {
        Ok(allowance) => {
            // 7.11. to 7.14. Remember it.
            if may_keep_preflight(&response.head.headers) {
                context.state.preflight_cache.lock().update(
                    partition,
                    request,
                    &allowance,
                    Instant::now(),
                );
            }
            Ok(response.head.headers)
        },
        // 8. Otherwise, a network error.
        Err(kind) => {
            let failure = CorsFailure {
                url: request.current_url(),
                preflight: true,
                kind,
            };
            events::emit(request, || Stage::CorsFailed(failure.clone()));
            Err(PreflightFailure::Refused {
                failure,
                response: Box::new(response),
            })
        },
    }
}

/// Steps 1 to 5: the preflight for `request`.
fn preflight_request(request: &Request) -> Request {
    let mut preflight = request.clone();
    // 1. A request with the same URL list, initiator, destination, origin, referrer and referrer policy.
    preflight.method = Method::OPTIONS;
    preflight.mode = RequestMode::CorsMode;
    preflight.response_tainting = ResponseTainting::CorsTainting;
    preflight.credentials_mode = CredentialsMode::CredentialsSameOrigin;
    preflight.service_workers_mode = ServiceWorkersMode::None;
    preflight.redirect_mode = RedirectMode::Follow;
    preflight.cache_mode = CacheMode::Default;
    preflight.keep_alive = false;
    preflight.body = None;
    preflight.integrity_metadata.clear();
    preflight.headers.clear();
    // 2. Accept: */*.
    preflight
        .headers
        .insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    // 3. Access-Control-Request-Method.
    if let Ok(method) = HeaderValue::from_str(request.method.as_str()) {
        preflight
            .headers
            .insert(header::ACCESS_CONTROL_REQUEST_METHOD, method);
    }
    // 4. and 5. Access-Control-Request-Headers.
    if let Some(names) = access_control_request_headers(&request.headers) {
        preflight
            .headers
            .insert(header::ACCESS_CONTROL_REQUEST_HEADERS, names);
    }
    preflight
}

impl PreflightFailure {
    /// The network error that Fetch returns for it.
    pub(crate) fn into_network_error(self) -> FetchResponse {
        match self {
            Self::Refused { failure, .. } => FetchResponse::network_error(Cause::Cors(failure)),
            Self::Unreachable(response) => *response,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::checks::test_requests::request;
    use super::*;

    #[test]
    fn a_preflight_has_nothing_of_its_requests_but_what_it_asks_for() {
        let mut request = request("https://a.example", &["https://b.example/"]);
        request.method = Method::PUT;
        request.credentials_mode = CredentialsMode::Include;
        request.cache_mode = CacheMode::NoStore;
        request.redirect_mode = RedirectMode::Error;
        request.keep_alive = true;
        for (name, value) in [
            ("x-secret", "1"),
            ("content-type", "text/plain"),
            ("accept", "a/b"),
        ] {
            request
                .headers
                .insert(name, HeaderValue::from_static(value));
        }
        let preflight = preflight_request(&request);
        assert_eq!(preflight.method, Method::OPTIONS);
        assert_eq!(preflight.mode, RequestMode::CorsMode);
        assert_eq!(preflight.response_tainting, ResponseTainting::CorsTainting);
        assert_eq!(
            preflight.credentials_mode,
            CredentialsMode::CredentialsSameOrigin
        );
        assert_eq!(preflight.cache_mode, CacheMode::Default);
        assert_eq!(preflight.redirect_mode, RedirectMode::Follow);
        assert!(!preflight.keep_alive && preflight.body.is_none());
        assert_eq!(preflight.current_url(), request.current_url());
        assert_eq!(preflight.headers.len(), 3);
        for (name, value) in [
            (header::ACCEPT, "*/*"),
            (header::ACCESS_CONTROL_REQUEST_METHOD, "PUT"),
            (header::ACCESS_CONTROL_REQUEST_HEADERS, "x-secret"),
        ] {
            assert_eq!(preflight.headers[name], value);
        }
    }
}
