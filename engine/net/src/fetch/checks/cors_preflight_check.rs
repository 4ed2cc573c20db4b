//! What a [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch-0) asks and how its answer is judged.

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, HeaderMap, HeaderName, HeaderValue,
};
use net_traits::request::{CredentialsMode, Request};

use super::cors_check::cors_check;
use super::status::{is_ok_status, is_redirect_status};
use crate::fetch::CorsFailureKind;
use crate::fetch::headers::access_control::{self, bounded};
use crate::fetch::headers::header_list;
use crate::fetch::headers::safelist::{
    cors_unsafe_request_header_names, is_cors_non_wildcard_request_header_name,
    is_cors_safelisted_method,
};

/// The element that stands for every method or header name in a request without credentials.
pub const WILDCARD: &str = "*";

/// What a preflight allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreflightAllowance {
    /// Methods in the server's spelling.
    pub methods: Vec<String>,
    /// Names of request headers.
    pub header_names: Vec<HeaderName>,
    /// How long this holds.
    pub max_age: Duration,
}

/// Whether a CORS request needs a preflight by its own properties
/// ([main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch), the switch's last but one branch). The preflight cache is not
/// asked.
pub fn needs_preflight(request: &Request) -> bool {
    request.use_cors_preflight
        || (request.unsafe_request
            && (!is_cors_safelisted_method(&request.method)
                || !cors_unsafe_request_header_names(&request.headers).is_empty()))
}

/// The value of `Access-Control-Request-Headers` for a request with these headers; `None` if none of them is unsafe. Steps 4
/// and 5 of [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch-0).
pub fn access_control_request_headers(headers: &HeaderMap) -> Option<HeaderValue> {
    // 4. Let headers be the names, sorted.
    let names = cors_unsafe_request_header_names(headers);
    // 5. If there are any: join them with commas and without spaces.
    if names.is_empty() {
        return None;
    }
    let names: Vec<_> = names.iter().map(HeaderName::as_str).collect();
    HeaderValue::from_str(&names.join(",")).ok()
}

/// Judges the answer to a preflight: step 7 of
/// [CORS-preflight fetch](https://fetch.spec.whatwg.org/#cors-preflight-fetch-0), up to the cache.
///
/// # Errors
/// Which condition failed. The answer's `Access-Control-Allow-Origin` is judged before its status, so that an answer which
/// failed the CORS check is told apart from one that merely had the wrong status.
pub fn cors_preflight_check(
    request: &Request,
    serialized_origin: &str,
    status: u16,
    headers: &HeaderMap,
) -> Result<PreflightAllowance, CorsFailureKind> {
    // 7. Is the check passed, and the status ok?
    cors_check(serialized_origin, request.credentials_mode, headers)?;
    if is_redirect_status(status) {
        return Err(CorsFailureKind::PreflightRedirect);
    }
    if !is_ok_status(status) {
        return Err(CorsFailureKind::PreflightStatus { status });
    }
    // 7.1. Let methods be those that the server allows,
    let methods = access_control::allow_methods(headers);
    // 7.2. and headerNames the names.
    let header_names = access_control::allow_headers(headers);
    // 7.3. If either is failure, so is this.
    let methods = methods.map_err(|_| CorsFailureKind::InvalidAllowMethods {
        value: value_of(headers, &ACCESS_CONTROL_ALLOW_METHODS),
    })?;
    let header_names = header_names
        .map_err(|_| CorsFailureKind::InvalidAllowHeaders {
            value: value_of(headers, &ACCESS_CONTROL_ALLOW_HEADERS),
        })?
        .unwrap_or_default();
    // 7.4. A preflight made for its own sake allows the request's method if it names none, so that it can be cached.
    let methods = match methods {
        None if request.use_cors_preflight => vec![request.method.as_str().to_owned()],
        methods => methods.unwrap_or_default(),
    };
    let wildcard_counts = request.credentials_mode != CredentialsMode::Include;
    // 7.5. The method must be allowed.
    let allows_any_method = wildcard_counts && methods.iter().any(|method| method == WILDCARD);
    if !is_cors_safelisted_method(&request.method)
        && !allows_any_method
        && !methods
            .iter()
            .any(|method| method == request.method.as_str())
    {
        return Err(CorsFailureKind::MethodNotAllowed {
            method: bounded(request.method.as_str().as_bytes()),
        });
    }
    // 7.6. Names that no wildcard covers must be allowed by name.
    if let Some(name) = request
        .headers
        .keys()
        .find(|name| is_cors_non_wildcard_request_header_name(name) && !header_names.contains(name))
    {
        return Err(CorsFailureKind::HeaderNotAllowed { name: name.clone() });
    }
    // 7.7. All other unsafe names by name or by wildcard.
    let allows_any_name =
        wildcard_counts && header_names.iter().any(|name| name.as_str() == WILDCARD);
    if let Some(name) = cors_unsafe_request_header_names(&request.headers)
        .into_iter()
        .find(|name| !allows_any_name && !header_names.contains(name))
    {
        return Err(CorsFailureKind::HeaderNotAllowed { name });
    }
    // 7.8 to 7.10. Let max-age be how long this holds.
    Ok(PreflightAllowance {
        methods,
        header_names,
        max_age: access_control::max_age(headers),
    })
}

fn value_of(headers: &HeaderMap, name: &HeaderName) -> String {
    bounded(&header_list::get(headers, name).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::Method;
    use http::header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
        AUTHORIZATION, CONTENT_TYPE,
    };

    use super::super::test_requests;
    use super::*;

    const PAGE: &str = "https://a.example";

    fn request(method: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = test_requests::request(PAGE, &["https://b.example/"]);
        request.method = Method::from_bytes(method.as_bytes()).unwrap();
        request.unsafe_request = true;
        for (name, value) in headers {
            request.headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        request
    }

    fn answer(entries: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers: HeaderMap = entries
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
            .collect();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static(PAGE));
        headers.insert(
            ACCESS_CONTROL_ALLOW_CREDENTIALS,
            HeaderValue::from_static("true"),
        );
        headers
    }

    fn methods(value: &'static str) -> HeaderMap {
        answer(&[(ACCESS_CONTROL_ALLOW_METHODS, value)])
    }

    fn names(value: &'static str) -> HeaderMap {
        answer(&[(ACCESS_CONTROL_ALLOW_HEADERS, value)])
    }

    fn check(
        request: &Request,
        headers: &HeaderMap,
    ) -> Result<PreflightAllowance, CorsFailureKind> {
        cors_preflight_check(request, PAGE, 204, headers)
    }

    #[test]
    fn who_needs_a_preflight() {
        for (method, headers, needed) in [
            ("GET", &[][..], false),
            ("POST", &[("content-type", "text/plain")], false),
            ("POST", &[("content-type", "application/json")], true),
            ("PUT", &[], true),
            ("get", &[], true),
            ("GET", &[("x-a", "1")], true),
            ("GET", &[("accept", "*/*")], false),
            ("GET", &[("authorization", "x")], true),
            ("GET", &[("range", "bytes=0-")], false),
            ("GET", &[("range", "bytes=-1")], true),
        ] {
            let mut request = request(method, headers);
            assert_eq!(needs_preflight(&request), needed, "{method} {headers:?}");
            request.unsafe_request = false;
            assert!(!needs_preflight(&request));
            request.use_cors_preflight = true;
            assert!(needs_preflight(&request));
        }
    }

    #[test]
    fn asks_for_sorted_names_without_spaces() {
        let asked = |headers: &[(&str, &str)]| {
            access_control_request_headers(&request("GET", headers).headers)
        };
        assert_eq!(asked(&[("accept", "*/*")]), None);
        let headers = [
            ("X-B", "1"),
            ("Content-Type", "a/b"),
            ("x-a", "1"),
            ("x-b", "2"),
        ];
        assert_eq!(asked(&headers).unwrap(), "content-type,x-a,x-b");
    }

    #[test]
    fn methods_are_allowed_by_name_or_wildcard() {
        let refused = |method: &str| {
            Err(CorsFailureKind::MethodNotAllowed {
                method: method.to_owned(),
            })
        };
        for (method, allowed, credentials, expected) in [
            ("PUT", "PUT", true, Ok(())),
            ("PUT", "GET, PUT", false, Ok(())),
            ("PUT", "put", false, refused("PUT")),
            ("PUT", "*", false, Ok(())),
            ("PUT", "*", true, refused("PUT")),
            ("*", "*", true, Ok(())),
            ("PUT", "", false, refused("PUT")),
            ("PUT", "GET", false, refused("PUT")),
            ("POST", "", true, Ok(())),
            ("patch", "PATCH", false, refused("patch")),
        ] {
            let mut request = request(method, &[]);
            if credentials {
                request.credentials_mode = CredentialsMode::Include;
            }
            assert_eq!(
                check(&request, &methods(allowed)).map(drop),
                expected,
                "{method} by {allowed}"
            );
        }
    }

    #[test]
    fn headers_are_allowed_by_name_or_wildcard() {
        let refused = |name: &'static str| {
            Err(CorsFailureKind::HeaderNotAllowed {
                name: HeaderName::from_static(name),
            })
        };
        for (sent, allowed, credentials, expected) in [
            ("x-a", "X-A", true, Ok(())),
            ("x-a", "x-b", false, refused("x-a")),
            ("x-a", "", false, refused("x-a")),
            ("x-a", "*", false, Ok(())),
            ("x-a", "*", true, refused("x-a")),
            ("authorization", "*", false, refused("authorization")),
            ("authorization", "*, Authorization", false, Ok(())),
            ("authorization", "authorization", true, Ok(())),
            ("accept", "", false, Ok(())),
        ] {
            let mut request = request("GET", &[(sent, "1")]);
            if credentials {
                request.credentials_mode = CredentialsMode::Include;
            }
            assert_eq!(
                check(&request, &names(allowed)).map(drop),
                expected,
                "{sent} by {allowed}"
            );
        }
    }

    #[test]
    fn malformed_lists_fail_as_a_whole() {
        let request = request("GET", &[]);
        assert_eq!(
            check(&request, &methods("PUT, a b")),
            Err(CorsFailureKind::InvalidAllowMethods {
                value: "PUT, a b".to_owned()
            })
        );
        assert_eq!(
            check(&request, &names("x-a;")),
            Err(CorsFailureKind::InvalidAllowHeaders {
                value: "x-a;".to_owned()
            })
        );
    }

    #[test]
    fn the_answer_must_share_itself_and_be_ok() {
        let request = request("PUT", &[]);
        let put = methods("PUT");
        for (status, expected) in [
            (200, Ok(())),
            (204, Ok(())),
            (299, Ok(())),
            (302, Err(CorsFailureKind::PreflightRedirect)),
            (304, Err(CorsFailureKind::PreflightStatus { status: 304 })),
            (404, Err(CorsFailureKind::PreflightStatus { status: 404 })),
        ] {
            let result = cors_preflight_check(&request, PAGE, status, &put);
            assert_eq!(result.map(drop), expected, "{status}");
        }
        for status in [204, 302, 405] {
            assert_eq!(
                cors_preflight_check(&request, PAGE, status, &HeaderMap::new()),
                Err(CorsFailureKind::MissingAllowOrigin)
            );
        }
    }

    #[test]
    fn a_preflight_for_its_own_sake_allows_the_requests_method() {
        let mut request = request("POST", &[]);
        assert!(check(&request, &answer(&[])).unwrap().methods.is_empty());
        request.use_cors_preflight = true;
        assert_eq!(check(&request, &answer(&[])).unwrap().methods, ["POST"]);
        assert!(check(&request, &methods("")).unwrap().methods.is_empty());
    }

    #[test]
    fn gives_what_was_allowed() {
        let mut request = request("PUT", &[]);
        request
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("a/b"));
        let headers = answer(&[
            (ACCESS_CONTROL_ALLOW_METHODS, "PUT, delete"),
            (ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type, Authorization"),
            (ACCESS_CONTROL_MAX_AGE, "60"),
        ]);
        assert_eq!(
            check(&request, &headers),
            Ok(PreflightAllowance {
                methods: vec!["PUT".to_owned(), "delete".to_owned()],
                header_names: vec![CONTENT_TYPE, AUTHORIZATION],
                max_age: Duration::from_secs(60),
            })
        );
    }
}
