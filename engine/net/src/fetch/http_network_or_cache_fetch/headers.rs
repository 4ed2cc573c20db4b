//! Steps 8.7 to 8.20 of [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch): the
//! headers that Fetch adds to the page's.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use net_traits::request::{CacheMode, Initiator, Referrer, RequestMode};

use super::cookies::sends_all_cookies;
use crate::embedding;
use crate::fetch::checks::message_signatures::IntegrityKeys;
use crate::fetch::checks::origin_header::origin_header_value;
use crate::fetch::checks::referrer::strip_url;
use crate::fetch::checks::sec_fetch::{UserInvolvement, append_fetch_metadata_headers};
use crate::fetch::params::FetchParams;
use crate::network_state::FetchContext;

/// The marker by which a server knows an anonymous request of user-enabled CORS.
const SEC_USER_ENABLED_CORS: HeaderName = HeaderName::from_static("sec-user-enabled-cors");
/// [`Accept-Signature`](https://www.rfc-editor.org/rfc/rfc9421#name-the-accept-signature-field).
const ACCEPT_SIGNATURE: HeaderName = HeaderName::from_static("accept-signature");
/// [`Sec-Purpose`](https://fetch.spec.whatwg.org/#sec-purpose-header).
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// The header list of httpRequest, but for credentials; may change httpRequest's cache mode.
pub(super) fn complete(
    params: &FetchParams,
    cache_mode: &mut CacheMode,
    context: &FetchContext,
) -> HeaderMap {
    let request = &params.request;
    let mut headers = request.headers.clone();
    let is_secure_scheme = |scheme: &str| context.state.protocols.is_secure(scheme);
    // 8.5. to 8.9. Content-Length.
    let length = match &request.body {
        Some(body) => body.len(),
        None => matches!(request.method, Method::POST | Method::PUT).then_some(0),
    };
    if let Some(length) = length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    // 8.11. Referer; of an anonymous request never more than the origin.
    headers.remove(header::REFERER);
    if let Referrer::ReferrerUrl(url) | Referrer::Client(url) = &request.referrer {
        let url = if params.chain.is_anonymous() {
            strip_url(url, true)
        } else {
            Some(url.clone())
        };
        if let Some(value) = url.and_then(|url| HeaderValue::from_str(url.as_str()).ok()) {
            headers.insert(header::REFERER, value);
        }
    }
    // 8.12. Append a request `Origin` header.
    headers.remove(header::ORIGIN);
    if let Some(origin) = origin_header_value(request) {
        headers.insert(header::ORIGIN, origin);
    }
    // 8.13. Append the Fetch metadata headers.
    let user = if embedding::is_user_initiated_navigation(request) {
        UserInvolvement::BrowserUi
    } else if embedding::has_user_activation(request) {
        UserInvolvement::Activation
    } else {
        UserInvolvement::None
    };
    append_fetch_metadata_headers(
        &mut headers,
        request,
        user,
        // An anonymous request has no cookies, wherever it goes.
        params.chain.is_anonymous() || sends_all_cookies(request),
        is_secure_scheme,
    );
    // 8.14. Sec-Purpose.
    if request.initiator == Initiator::Prefetch {
        headers.insert(SEC_PURPOSE, HeaderValue::from_static("prefetch"));
    }
    // https://wicg.github.io/signature-based-sri/#monkey-patch-http-network-or-cache-fetch: Accept-Signature.
    if let Some(value) = IntegrityKeys::parse(&request.integrity_metadata).accept_signature() {
        headers.insert(ACCEPT_SIGNATURE, value);
    }
    // 8.15. User-Agent.
    if !headers.contains_key(header::USER_AGENT)
        && let Ok(value) = HeaderValue::from_str(&servo_config::pref!(user_agent))
    {
        headers.insert(header::USER_AGENT, value);
    }
    set_cache_headers(&mut headers, cache_mode);
    // 8.19. A range of an encoded representation would be of no use.
    if headers.contains_key(header::RANGE) {
        headers
            .entry(header::ACCEPT_ENCODING)
            .or_insert(HeaderValue::from_static("identity"));
    }
    // 8.20. What HTTP asks for.
    if !headers.contains_key(header::ACCEPT_ENCODING) {
        let codings = if request.current_url().is_secure_scheme() {
            "gzip, deflate, br, zstd"
        } else {
            "gzip, deflate, br"
        };
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(codings));
    }
    if matches!(request.mode, RequestMode::WebSocket { .. }) {
        headers.remove(header::ACCEPT_ENCODING);
    }
    if params.chain.is_anonymous() {
        headers.insert(SEC_USER_ENABLED_CORS, HeaderValue::from_static("?1"));
    }
    headers
}

/// Steps 8.16 to 8.18: the cache mode and the headers that tell other caches of it.
fn set_cache_headers(headers: &mut HeaderMap, cache_mode: &mut CacheMode) {
    const CONDITIONS: [HeaderName; 5] = [
        header::IF_MODIFIED_SINCE,
        header::IF_NONE_MATCH,
        header::IF_UNMODIFIED_SINCE,
        header::IF_MATCH,
        header::IF_RANGE,
    ];
    // 8.16. A page that revalidates by itself gets what the server says.
    if *cache_mode == CacheMode::Default && CONDITIONS.iter().any(|name| headers.contains_key(name))
    {
        *cache_mode = CacheMode::NoStore;
    }
    match cache_mode {
        // 8.17.
        CacheMode::NoCache => {
            headers
                .entry(header::CACHE_CONTROL)
                .or_insert(HeaderValue::from_static("max-age=0"));
        },
        // 8.18.
        CacheMode::NoStore | CacheMode::Reload => {
            headers
                .entry(header::PRAGMA)
                .or_insert(HeaderValue::from_static("no-cache"));
            headers
                .entry(header::CACHE_CONTROL)
                .or_insert(HeaderValue::from_static("no-cache"));
        },
        _ => {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_modes_tell_other_caches() {
        for (before, condition, after, cache_control, pragma) in [
            (CacheMode::Default, false, CacheMode::Default, None, None),
            (
                CacheMode::Default,
                true,
                CacheMode::NoStore,
                Some("no-cache"),
                Some("no-cache"),
            ),
            (
                CacheMode::NoCache,
                false,
                CacheMode::NoCache,
                Some("max-age=0"),
                None,
            ),
            (
                CacheMode::Reload,
                false,
                CacheMode::Reload,
                Some("no-cache"),
                Some("no-cache"),
            ),
            (
                CacheMode::ForceCache,
                true,
                CacheMode::ForceCache,
                None,
                None,
            ),
        ] {
            let mut headers = HeaderMap::new();
            if condition {
                headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"x\""));
            }
            let mut mode = before;
            set_cache_headers(&mut headers, &mut mode);
            assert_eq!(mode, after);
            let value = |name| headers.get(name).map(|value| value.to_str().unwrap());
            assert_eq!(value(header::CACHE_CONTROL), cache_control);
            assert_eq!(value(header::PRAGMA), pragma);
        }
    }
}
