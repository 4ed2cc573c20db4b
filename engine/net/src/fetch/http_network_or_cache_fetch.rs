//! [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch).

mod authentication;
mod cache;
mod cookies;
mod headers;
mod proxy_authentication;

pub(super) use self::cookies::cookie_context;

use http::{StatusCode, header};
use net_traits::request::{CacheMode, CredentialsMode, ResponseTainting};

use self::cache::Lookup;
use super::cause::Cause;
use super::http_network_fetch::HttpRequest;
use super::params::FetchParams;
use super::response::FetchResponse;
use crate::connection::{ConnectionCredentials, decoding};
use crate::embedding;
use crate::events::{self, Stage};
use crate::network_state::FetchContext;

/// How many bytes of keepalive bodies a document may have in flight.
const KEEPALIVE_LIMIT: u64 = 64 * 1024;

/// Which try of the same request this is. `Default` is the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// The standard's isAuthenticationFetch: with what the person typed after a 401 or 407.
    is_authentication_fetch: bool,
    /// The standard's isNewConnectionFetch: after a 421.
    is_new_connection_fetch: bool,
}

/// [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch).
///
/// The response's body is decoded; its headers are as received.
pub(crate) async fn http_network_or_cache_fetch(
    params: &mut FetchParams,
    context: &FetchContext,
    attempt: Attempt,
) -> FetchResponse {
    let request = &params.request;
    // 8.3. and 8.4. Does the request carry credentials?
    let include_credentials = !params.chain.is_anonymous()
        && includes_credentials(params)
        && params.embedder.policy.value.allows_credentials(request);
    // 8.5. to 8.10. The body's length, and the limit for keepalive.
    if let Err(cause) = check_keepalive(params, context) {
        return FetchResponse::network_error(cause);
    }
    // 8.11. to 8.22. The headers that go out.
    let mut cache_mode = request.cache_mode;
    let mut outgoing = headers::complete(params, &mut cache_mode, context);
    let mut authorization = None;
    if include_credentials {
        cookies::append_cookie_header(request, context, &mut outgoing);
        authorization =
            authentication::append_authorization(request, attempt, context, &mut outgoing);
    }
    let mut http_request = HttpRequest {
        partition: embedding::network_partition_key(request),
        credentials: connection_credentials(params, include_credentials),
        headers: outgoing,
        include_credentials,
        force_new_connection: attempt.is_new_connection_fetch,
    };
    // 8.23. to 8.25. The HTTP cache.
    let mut lookup = Lookup::new(params, &http_request, cache_mode, context).await;
    events::emit(request, || Stage::CacheChecked {
        partition: http_request.partition.0.clone(),
        credentials: include_credentials,
        verdict: lookup.verdict(),
    });
    // 9. If aborted, return the appropriate network error.
    if context.controller.is_cancelled() {
        return FetchResponse::network_error(Cause::Cancelled);
    }
    // 10. Forward the request, unless there is a response.
    let mut response = match lookup.take_usable(params, context) {
        Some(response) => {
            events::emit(request, || Stage::FromCache { validated: false });
            response
        },
        None => {
            // 10.1. Only the cache would have done.
            if cache_mode == CacheMode::OnlyIfCached {
                return FetchResponse::network_error(Cause::NotInCache);
            }
            if lookup.is_only_if_cached() {
                return cache::gateway_timeout(params, context);
            }
            lookup.add_conditions(&mut http_request.headers);
            // 10.2. HTTP-network fetch, and 15. credentials for a proxy. NB: a proxy's 407 is no response of the server's that
            // the cache or the page's CORS check could do anything with.
            let forward =
                proxy_authentication::http_network_fetch(params, &http_request, context).await;
            if forward.is_network_error() {
                return forward;
            }
            // 10.3. to 10.5. What it means for the cache.
            lookup.settle(params, forward, context)
        },
    };
    // 11. to 13.
    let request = &params.request;
    response.head.url_list = request.url_list.iter().map(|url| url.url()).collect();
    response.head.range_requested = request.headers.contains_key(header::RANGE);
    response.head.request_includes_credentials = include_credentials;
    // 14. Authentication.
    let status = response.head.status.try_code();
    if status == Some(StatusCode::UNAUTHORIZED) && include_credentials {
        let obtained = authentication::obtain_credentials(
            &mut params.request,
            &response.head.headers,
            authorization,
            attempt,
            context,
        );
        match obtained.await {
            Ok(true) => {
                drop(response);
                return Box::pin(http_network_or_cache_fetch(
                    params,
                    context,
                    Attempt {
                        is_authentication_fetch: true,
                        is_new_connection_fetch: false,
                    },
                ))
                .await;
            },
            Ok(false) => {},
            Err(cause) => return FetchResponse::network_error(cause),
        }
    }
    // 16. A server that is not the right one on this connection.
    // AD-HOC: an anonymous request of user-enabled CORS that is unsafe is not sent twice, whatever the server says of the first
    // time.
    let may_be_repeated = !params.chain.is_anonymous() || params.request.method.is_safe();
    let request = &mut params.request;
    if status == Some(StatusCode::MISDIRECTED_REQUEST)
        && !attempt.is_new_connection_fetch
        && may_be_repeated
        && request
            .body
            .as_ref()
            .is_none_or(|body| !body.source_is_null())
    {
        if let Some(body) = request.body.as_mut() {
            body.extract_source();
        }
        drop(response);
        return Box::pin(http_network_or_cache_fetch(
            params,
            context,
            Attempt {
                is_new_connection_fetch: true,
                ..attempt
            },
        ))
        .await;
    }
    // 18. Return response.
    decode(&mut response);
    response
}

/// Step 8.3: whether the request carries credentials.
fn includes_credentials(params: &FetchParams) -> bool {
    let request = &params.request;
    match request.credentials_mode {
        CredentialsMode::Include => true,
        CredentialsMode::CredentialsSameOrigin => {
            request.response_tainting == ResponseTainting::Basic
        },
        CredentialsMode::Omit => false,
    }
}

fn connection_credentials(
    params: &FetchParams,
    include_credentials: bool,
) -> ConnectionCredentials {
    match params.chain.anonymous_requester() {
        Some(requester) => ConnectionCredentials::Anonymous(requester.clone()),
        None if include_credentials => ConnectionCredentials::Included,
        None => ConnectionCredentials::Excluded,
    }
}

/// Step 8.10: at most 64 KiB of keepalive bodies in flight for a document.
fn check_keepalive(params: &FetchParams, context: &FetchContext) -> Result<(), Cause> {
    let request = &params.request;
    let (true, Some(body), Some(pipeline)) =
        (request.keep_alive, &request.body, request.pipeline_id)
    else {
        return Ok(());
    };
    let in_flight = context
        .state
        .groups
        .keepalive_bytes(pipeline, Some(request.id));
    let length = body.len().unwrap_or(0) as u64;
    if in_flight.saturating_add(length) > KEEPALIVE_LIMIT {
        return Err(Cause::KeepaliveLimit);
    }
    Ok(())
}

/// Takes the content codings off the body.
fn decode(response: &mut FetchResponse) {
    let body = std::mem::take(&mut response.body);
    if !body.is_empty() {
        response.body = decoding::decode(&response.head.headers, body);
    }
}
