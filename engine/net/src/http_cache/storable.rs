//! Which responses are stored.

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, EXPIRES, HeaderName, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, RANGE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, StatusCode};

use super::cache_control::CacheControl;
use super::freshness::is_heuristically_cacheable;
use super::key::CacheRequest;
use super::range::PartialContent;
use super::vary::SelectingHeaders;
use crate::fetch::headers::clear_site_data;

/// Whether the response may be stored, and if so, the headers of the request that select it.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-3>
pub(super) fn storable(
    request: &CacheRequest<'_>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Option<SelectingHeaders> {
    let cache_control = CacheControl::of(headers);
    // The method is understood: responses are stored that answer a GET.
    if *request.method != Method::GET && !is_representation(request, status, headers) {
        return None;
    }
    // The status is final,
    if status.is_informational() {
        return None;
    }
    // not 304, a 206 only with a part that is understood, and understood if the response demands that it is.
    // NB: Nor is it 416: that depends on the range, which is no part of the key.
    if matches!(
        status,
        StatusCode::NOT_MODIFIED | StatusCode::RANGE_NOT_SATISFIABLE
    ) || request.headers.contains_key(RANGE)
        && !matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT)
        || status == StatusCode::PARTIAL_CONTENT
            && PartialContent::of(request.headers, headers).is_none()
    {
        return None;
    }
    let must_understand = cache_control.has("must-understand");
    if must_understand && !is_understood(status) {
        return None;
    }
    // Nobody said no-store; in a response, must-understand overrides it.
    if cache_control.has("no-store") && !must_understand
        || CacheControl::of(request.headers).has("no-store")
    {
        return None;
    }
    // NB: what clears the cache would be the first thing in it.
    if clear_site_data::parse(headers).cache {
        return None;
    }
    // (Conditions on `private` and on `Authorization` are for shared caches.)
    // The response says how long it is fresh, or that it is cacheable, or its status does.
    let is_explicit = ["public", "private", "max-age"]
        .iter()
        .any(|directive| cache_control.has(directive))
        || headers.contains_key(EXPIRES);
    if !is_explicit && !is_heuristically_cacheable(status) {
        return None;
    }
    // What varies by everything never answers another request.
    SelectingHeaders::of(request.headers, headers)
}

/// Whether the response to a POST or PATCH says that it is what a GET of the same URL would have as its answer, and for how
/// long.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-9.3.3>, <https://www.rfc-editor.org/rfc/rfc5789#section-2>
fn is_representation(request: &CacheRequest<'_>, status: StatusCode, headers: &HeaderMap) -> bool {
    let says_freshness = CacheControl::of(headers).has("max-age") || headers.contains_key(EXPIRES);
    let mut locations = headers.get_all(CONTENT_LOCATION).iter();
    let location = locations
        .next()
        .filter(|_| locations.next().is_none())
        .and_then(|value| value.to_str().ok())
        .and_then(|value| request.key.url().join(value).ok());
    matches!(*request.method, Method::POST | Method::PATCH)
        && status == StatusCode::OK
        && !request.headers.contains_key(RANGE)
        && says_freshness
        && location.is_some_and(|mut location| {
            location.set_fragment(None);
            location == *request.key.url()
        })
}

/// Whether the cache does all that this status asks of it.
fn is_understood(status: StatusCode) -> bool {
    is_heuristically_cacheable(status)
        || matches!(
            status.as_u16(),
            302 | 303 | 307 | 400 | 401 | 403 | 500 | 502 | 503 | 504
        )
}

/// Removes what is not stored with a response.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-3.1>
pub(super) fn remove_connection_headers(headers: &mut HeaderMap) {
    let nominated: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    let hop_by_hop = [
        CONNECTION,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        HeaderName::from_static("proxy-authentication-info"),
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRAILER,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    for name in nominated.iter().chain(&hop_by_hop) {
        headers.remove(name);
    }
}

/// How long the body is said to be, in bytes; `None` if nothing is said, or nothing clear.
pub(super) fn content_length(headers: &HeaderMap) -> Option<usize> {
    if headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use servo_url::ServoUrl;

    use super::*;
    use crate::connection::{ConnectionCredentials, NetworkPartitionKey};
    use crate::http_cache::CacheKey;
    use crate::http_cache::test_messages::headers;

    #[test]
    fn what_is_stored() {
        let url = ServoUrl::parse("https://example.com/").unwrap();
        let partition = NetworkPartitionKey::default();
        let key = CacheKey::new(partition, ConnectionCredentials::Included, &url);
        for (method, request, status, response, expected) in [
            (Method::GET, "", 200, "", true),
            (Method::HEAD, "", 200, "", false),
            (Method::POST, "", 200, "Cache-Control: max-age=9", false),
            // Status.
            (Method::GET, "", 404, "", true),
            (Method::GET, "", 201, "", false),
            (Method::GET, "", 302, "", false),
            (Method::GET, "", 302, "Cache-Control: max-age=9", true),
            (Method::GET, "", 599, "Cache-Control: max-age=9", true),
            (Method::GET, "", 599, "Expires: 0", true),
            (Method::GET, "", 599, "Cache-Control: public", true),
            (Method::GET, "", 599, "Cache-Control: private", true),
            (Method::GET, "", 599, "Cache-Control: s-maxage=9", false),
            (Method::GET, "", 103, "Cache-Control: max-age=9", false),
            (Method::GET, "", 206, "Cache-Control: max-age=9", false),
            (Method::GET, "", 304, "Cache-Control: max-age=9", false),
            (Method::GET, "", 416, "Cache-Control: max-age=9", false),
            (Method::GET, "", 200, "Clear-Site-Data: \"cache\"", false),
            (Method::GET, "", 200, "Clear-Site-Data: \"cookies\"", true),
            (Method::GET, "Range: bytes=0-1", 200, "", true),
            (
                Method::GET,
                "Range: bytes=0-1",
                206,
                "Content-Range: bytes 0-1/9",
                true,
            ),
            (
                Method::GET,
                "Range: bytes=0-1",
                206,
                "Content-Range: bytes 0-1/*",
                false,
            ),
            (Method::GET, "Range: bytes=0-1", 206, "", false),
            (Method::GET, "", 206, "Content-Range: bytes 0-1/9", false),
            // Representations in responses to other methods.
            (
                Method::POST,
                "",
                200,
                "Cache-Control: max-age=9|Content-Location: https://example.com/#a",
                true,
            ),
            (
                Method::PATCH,
                "",
                200,
                "Expires: Sun, 06 Nov 1994 08:49:37 GMT|Content-Location: /",
                true,
            ),
            (Method::POST, "", 200, "Content-Location: /", false),
            (
                Method::POST,
                "",
                200,
                "Cache-Control: private|Content-Location: /",
                false,
            ),
            (
                Method::POST,
                "",
                200,
                "Cache-Control: max-age=9, no-store|Content-Location: /",
                false,
            ),
            (
                Method::POST,
                "",
                200,
                "Cache-Control: max-age=9|Content-Location: /other",
                false,
            ),
            (
                Method::POST,
                "",
                200,
                "Cache-Control: max-age=9|Content-Location: http://example.com/",
                false,
            ),
            (
                Method::POST,
                "",
                200,
                "Cache-Control: max-age=9|Content-Location: /|Content-Location: /other",
                false,
            ),
            (
                Method::POST,
                "",
                201,
                "Cache-Control: max-age=9|Content-Location: /",
                false,
            ),
            (
                Method::PUT,
                "",
                200,
                "Cache-Control: max-age=9|Content-Location: /",
                false,
            ),
            (Method::GET, "Range: bytes=0-1", 404, "", false),
            // Directives.
            (
                Method::GET,
                "",
                200,
                "Cache-Control: max-age=9, no-store",
                false,
            ),
            (
                Method::GET,
                "Cache-Control: no-store",
                200,
                "Cache-Control: max-age=9",
                false,
            ),
            (Method::GET, "", 200, "Cache-Control: no-cache", true),
            (
                Method::GET,
                "",
                200,
                "Cache-Control: no-store, must-understand",
                true,
            ),
            (
                Method::GET,
                "",
                599,
                "Cache-Control: max-age=9, must-understand",
                false,
            ),
            (
                Method::GET,
                "Authorization: x",
                200,
                "Cache-Control: max-age=9",
                true,
            ),
            // Vary.
            (Method::GET, "", 200, "Vary: Accept", true),
            (Method::GET, "", 200, "Vary: *", false),
            (Method::GET, "", 200, "Vary: Accept, *", false),
        ] {
            let request_headers = headers(request);
            let cache_request = CacheRequest {
                key: &key,
                method: &method,
                headers: &request_headers,
            };
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                storable(&cache_request, status, &headers(response)).is_some(),
                expected,
                "{method} {request} / {status} {response}"
            );
        }
    }

    #[test]
    fn hop_by_hop_headers_are_not_stored() {
        let mut map = headers(
            "Connection: close, X-Hop|X-Hop: 1|Keep-Alive: 1|Transfer-Encoding: chunked|Set-Cookie: a=b|X-End: 1",
        );
        remove_connection_headers(&mut map);
        let mut names: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["set-cookie", "x-end"]);
    }
}
