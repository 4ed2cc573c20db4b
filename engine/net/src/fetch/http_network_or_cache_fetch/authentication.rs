//! HTTP authentication: steps 8.21.2 and 14 of
//! [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch).

use http::{HeaderMap, HeaderValue, header};
use net_traits::request::{Request, ResponseTainting, TraversableForUserPrompts};

use super::Attempt;
use crate::fetch::cause::Cause;
use crate::fetch::checks::request_kind::includes_credentials;
use crate::http_authentication::{Credentials, ProtectedBy, parse_challenges, strongest_challenge};
use crate::network_state::FetchContext;
use crate::request_interception::request_credentials;

/// Step 8.21.2: an `Authorization` header from what is known of the server, unless the page set one.
pub(super) fn append_authorization(
    request: &Request,
    attempt: Attempt,
    context: &FetchContext,
    headers: &mut HeaderMap,
) -> Option<HeaderValue> {
    // NOTE: credentials that the page put into the URL stand above an entry, and go out once the server has asked. By
    // then they are the entry.
    let waits_for_challenge = request.use_url_credentials
        && !attempt.is_authentication_fetch
        && includes_credentials(&request.current_url());
    if headers.contains_key(header::AUTHORIZATION) || waits_for_challenge {
        return None;
    }
    let url = request.current_url();
    let value = context.state.authentication.write().authorization(
        &ProtectedBy::Server(url.origin()),
        &request.method,
        &request_target(request),
    )?;
    headers.insert(header::AUTHORIZATION, value.clone());
    Some(value)
}

/// Step 14, after a 401: whether there are credentials to try (again) with.
///
/// # Errors
/// Why there can be no response, not even the one with the 401.
pub(super) async fn obtain_credentials(
    request: &mut Request,
    response_headers: &HeaderMap,
    sent: Option<HeaderValue>,
    attempt: Attempt,
    context: &FetchContext,
) -> Result<bool, Cause> {
    let url = request.current_url();
    let from_url = Credentials::from_url(url.as_url())
        .filter(|_| !attempt.is_authentication_fetch && request.use_url_credentials);
    // NOTE: a response to a CORS request is never answered with credentials. Where nobody can be asked, there may be some in
    // the URL of a WebSocket.
    if request.response_tainting == ResponseTainting::CorsTainting
        || from_url.is_none()
            && request.traversable_for_user_prompts == TraversableForUserPrompts::NoTraversable
        || (request.headers.contains_key(header::AUTHORIZATION))
    {
        return Ok(false);
    }
    // 14.2. A streamed body cannot be sent again.
    if request
        .body
        .as_ref()
        .is_some_and(|body| body.source_is_null())
    {
        return Err(Cause::StreamedBody);
    }
    // 14.1. A choice among the challenges that this stack can answer.
    let challenges = parse_challenges(response_headers, &header::WWW_AUTHENTICATE);
    let Some(challenge) = strongest_challenge(&challenges).cloned() else {
        return Ok(false);
    };
    let server = ProtectedBy::Server(url.origin());
    let target = request_target(request);
    // A nonce that went stale, or a realm whose credentials are known, needs nobody's help.
    let known = !attempt.is_authentication_fetch
        && from_url.is_none()
        && context
            .state
            .authentication
            .write()
            .retry(&server, &challenge, &target, sent.as_ref());
    if !known {
        // 14.3. Ask the person.
        let credentials = match from_url {
            Some(credentials) => Some(credentials),
            None => request_credentials(request, None, context)
                .await
                .map(|(username, password)| Credentials { username, password }),
        };
        let Some(credentials) = credentials else {
            return Ok(false);
        };
        // 17. Create an authentication entry.
        context
            .state
            .authentication
            .write()
            .insert(server, &challenge, &target, credentials);
    }
    if let Some(body) = request.body.as_mut() {
        body.extract_source();
    }
    Ok(true)
}

/// The [request target](https://www.rfc-editor.org/rfc/rfc9112#section-3.2.1) in origin form.
fn request_target(request: &Request) -> String {
    let url = request.current_url();
    match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    }
}
