//! The response headers of the [CORS protocol](https://fetch.spec.whatwg.org/#http-responses), parsed strictly: a header
//! that breaks its grammar fails as a whole.

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderMap,
    HeaderName, HeaderValue,
};
use url::Host;

use super::header_list::{self, MalformedList};
use crate::fetch::CorsFailureKind;

/// How long a preflight's answer holds if the server does not say.
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(5);

/// The [imposed limit on max-age](https://fetch.spec.whatwg.org/#concept-cache-max-age): how long a preflight's answer
/// holds at most.
pub const MAX_AGE_LIMIT: Duration = Duration::from_secs(7200);

/// What [`Access-Control-Allow-Origin`](https://fetch.spec.whatwg.org/#http-access-control-allow-origin) says. Texts are
/// bounded by [`CorsFailureKind::VALUE_LIMIT`] except in [`AllowOrigin::Origin`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowOrigin {
    /// The header is absent.
    Missing,
    /// The header is repeated, or one value lists several.
    Multiple(String),
    /// `*`.
    Wildcard,
    /// `null`.
    Null,
    /// An origin, in the server's own spelling.
    Origin(String),
    /// None of these.
    Invalid(String),
}

/// Reads [`Access-Control-Allow-Origin`](https://fetch.spec.whatwg.org/#http-access-control-allow-origin).
pub fn allow_origin(headers: &HeaderMap) -> AllowOrigin {
    let Some(value) = header_list::get(headers, &ACCESS_CONTROL_ALLOW_ORIGIN) else {
        return AllowOrigin::Missing;
    };
    match value.as_slice() {
        b"*" => AllowOrigin::Wildcard,
        b"null" => AllowOrigin::Null,
        _ if value.contains(&b',') => AllowOrigin::Multiple(bounded(&value)),
        _ => match std::str::from_utf8(&value) {
            Ok(text) if is_serialized_origin(text) => AllowOrigin::Origin(text.to_owned()),
            _ => AllowOrigin::Invalid(bounded(&value)),
        },
    }
}

/// Whether a response says nothing usable about CORS: no `Access-Control-Allow-Origin`, or a malformed or repeated one.
/// User-enabled CORS takes over from a silent server only.
pub fn is_silent(headers: &HeaderMap) -> bool {
    matches!(
        allow_origin(headers),
        AllowOrigin::Missing | AllowOrigin::Multiple(_) | AllowOrigin::Invalid(_)
    )
}

/// Whether `text` has the shape `scheme "://" host [ ":" port ]` of
/// [RFC 6454](https://www.rfc-editor.org/rfc/rfc6454#section-7.1), in whatever spelling.
fn is_serialized_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else {
        return false;
    };
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !scheme_fits || !authority.is_ascii() {
        return false;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port_fits = port.is_none_or(|port| {
        !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok()
    });
    port_fits && Host::parse(host).is_ok()
}

/// Reads [`Access-Control-Allow-Credentials`](https://fetch.spec.whatwg.org/#http-access-control-allow-credentials).
///
/// # Errors
/// What the header holds, bounded, unless it is exactly `true`; `None` if it is absent.
pub fn allow_credentials(headers: &HeaderMap) -> Result<(), Option<String>> {
    match header_list::get(headers, &ACCESS_CONTROL_ALLOW_CREDENTIALS) {
        Some(value) if value == b"true" => Ok(()),
        other => Err(other.as_deref().map(bounded)),
    }
}

/// Reads [`Access-Control-Allow-Methods`](https://fetch.spec.whatwg.org/#http-access-control-allow-methods). Methods are
/// case-sensitive. `Ok(None)` if it is absent.
///
/// # Errors
/// [`MalformedList`] if any element is not a token.
pub fn allow_methods(headers: &HeaderMap) -> Result<Option<Vec<String>>, MalformedList> {
    header_list::extract_tokens(headers, &ACCESS_CONTROL_ALLOW_METHODS)
}

/// Reads [`Access-Control-Allow-Headers`](https://fetch.spec.whatwg.org/#http-access-control-allow-headers). `Ok(None)` if
/// it is absent; `*` is an element like any other.
///
/// # Errors
/// [`MalformedList`] if any element is not a header name.
pub fn allow_headers(headers: &HeaderMap) -> Result<Option<Vec<HeaderName>>, MalformedList> {
    header_names(headers, &ACCESS_CONTROL_ALLOW_HEADERS)
}

/// Reads [`Access-Control-Expose-Headers`](https://fetch.spec.whatwg.org/#http-access-control-expose-headers). `Ok(None)`
/// if it is absent; `*` is an element like any other.
///
/// # Errors
/// [`MalformedList`] if any element is not a header name.
pub fn expose_headers(headers: &HeaderMap) -> Result<Option<Vec<HeaderName>>, MalformedList> {
    header_names(headers, &ACCESS_CONTROL_EXPOSE_HEADERS)
}

fn header_names(
    headers: &HeaderMap,
    name: &HeaderName,
) -> Result<Option<Vec<HeaderName>>, MalformedList> {
    let Some(tokens) = header_list::extract_tokens(headers, name)? else {
        return Ok(None);
    };
    tokens
        .into_iter()
        .map(|token| HeaderName::from_bytes(token.as_bytes()).map_err(|_| MalformedList))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// Reads [`Access-Control-Max-Age`](https://fetch.spec.whatwg.org/#http-access-control-max-age): how long a preflight's
/// answer holds, [`DEFAULT_MAX_AGE`] if the header is absent or malformed, and [`MAX_AGE_LIMIT`] at most.
pub fn max_age(headers: &HeaderMap) -> Duration {
    let mut values = headers.get_all(ACCESS_CONTROL_MAX_AGE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return DEFAULT_MAX_AGE;
    };
    delta_seconds(value).map_or(DEFAULT_MAX_AGE, |age| age.min(MAX_AGE_LIMIT))
}

/// [`delta-seconds`](https://www.rfc-editor.org/rfc/rfc9111#section-1.2.2): digits only. More of them than fit is as long
/// as can be.
///
/// AD-HOC: a negative number is none at all by its grammar, which would mean [`DEFAULT_MAX_AGE`]. It can only mean “do not
/// keep this”, and is taken so by other browsers.
fn delta_seconds(value: &HeaderValue) -> Option<Duration> {
    let value = value.to_str().ok()?;
    let digits = value.strip_prefix('-').unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if digits.len() < value.len() {
        return Some(Duration::ZERO);
    }
    Some(Duration::from_secs(digits.parse().unwrap_or(u64::MAX)))
}

/// The [CORS-exposed header-name list](https://fetch.spec.whatwg.org/#concept-response-cors-exposed-header-name-list) of a
/// response to a CORS request, as [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch) determines it. A malformed
/// header exposes nothing.
pub fn cors_exposed_header_names(
    request_includes_credentials: bool,
    headers: &HeaderMap,
) -> Vec<String> {
    // 14.1.1. Let headerNames be the values of the header.
    let Ok(Some(names)) = expose_headers(headers) else {
        return Vec::new();
    };
    let has_wildcard = names.iter().any(|name| name.as_str() == "*");
    // 14.1.2. Without credentials `*` stands for all names in the response.
    if has_wildcard && !request_includes_credentials {
        return headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect();
    }
    // 14.1.3. Otherwise the names themselves, a `*` among them being a header's name.
    names
        .into_iter()
        .map(|name| name.as_str().to_owned())
        .collect()
}

/// A server's value for people to read: isomorphically decoded, cut at [`CorsFailureKind::VALUE_LIMIT`] bytes.
pub fn bounded(value: &[u8]) -> String {
    let mut text = String::new();
    for c in value.iter().copied().map(char::from) {
        if text.len() + c.len_utf8() > CorsFailureKind::VALUE_LIMIT {
            break;
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(name: HeaderName, values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn allow_origin_tells_the_cases_apart() {
        let read = |values: &[&str]| allow_origin(&list(ACCESS_CONTROL_ALLOW_ORIGIN, values));
        assert_eq!(read(&[]), AllowOrigin::Missing);
        assert_eq!(read(&["*"]), AllowOrigin::Wildcard);
        assert_eq!(read(&["null"]), AllowOrigin::Null);
        for origin in [
            "https://a.example",
            "https://a.example:8443",
            "http://[::1]:80",
            "http://[::1]",
            "HTTPS://A.example",
            "chrome-extension://abc",
        ] {
            assert_eq!(read(&[origin]), AllowOrigin::Origin(origin.to_owned()));
        }
        for invalid in [
            "",
            "Null",
            "true",
            "https://a.example/",
            "https://a.example/path",
            "https://user@a.example",
            "https://a.example:port",
            "https://a.example:99999",
            "https://a.example:+80",
            "https://a.example:",
            "https://*.a.example b",
            "https://a.example https://b.example",
            "://a.example",
            "1https://a.example",
            "a.example",
            "* ,",
        ] {
            assert!(
                matches!(
                    read(&[invalid]),
                    AllowOrigin::Invalid(_) | AllowOrigin::Multiple(_)
                ),
                "{invalid:?}"
            );
        }
        for multiple in [
            &["*", "*"][..],
            &["https://a.example", "https://b.example"],
            &["https://a.example, https://b.example"],
            &["*,"],
        ] {
            assert!(
                matches!(read(multiple), AllowOrigin::Multiple(_)),
                "{multiple:?}"
            );
        }
    }

    #[test]
    fn a_server_is_silent_unless_it_names_somebody() {
        let silent = |values: &[&str]| is_silent(&list(ACCESS_CONTROL_ALLOW_ORIGIN, values));
        assert!(silent(&[]));
        assert!(silent(&["yes"]));
        assert!(silent(&["*", "*"]));
        assert!(!silent(&["*"]));
        assert!(!silent(&["null"]));
        assert!(!silent(&["https://other.example"]));
        assert!(!silent(&["HTTPS://OTHER.example"]));
    }

    #[test]
    fn credentials_need_the_exact_word() {
        let read =
            |values: &[&str]| allow_credentials(&list(ACCESS_CONTROL_ALLOW_CREDENTIALS, values));
        assert_eq!(read(&["true"]), Ok(()));
        assert_eq!(read(&[]), Err(None));
        for bad in [&["True"][..], &["TRUE"], &["true,"], &["false"], &[""]] {
            assert_eq!(read(bad), Err(Some(bad[0].to_owned())));
        }
        assert_eq!(read(&["true", "true"]), Err(Some("true, true".to_owned())));
    }

    #[test]
    fn lists_of_header_names_are_lowercased_and_strict() {
        let read = |values: &[&str]| allow_headers(&list(ACCESS_CONTROL_ALLOW_HEADERS, values));
        let names = read(&["X-A, *", "authorization"]).unwrap().unwrap();
        let names: Vec<_> = names.iter().map(HeaderName::as_str).collect();
        assert_eq!(names, ["x-a", "*", "authorization"]);
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["x-a, x b"]), Err(MalformedList));
        assert_eq!(
            allow_methods(&list(ACCESS_CONTROL_ALLOW_METHODS, &["put, \"x\""])),
            Err(MalformedList)
        );
    }

    #[test]
    fn max_age_is_capped_and_defaults() {
        let read = |values: &[&str]| max_age(&list(ACCESS_CONTROL_MAX_AGE, values)).as_secs();
        for (values, seconds) in [
            (&[][..], 5),
            (&["0"], 0),
            (&["60"], 60),
            (&["7200"], 7200),
            (&["7201"], 7200),
            (&["99999999999999999999999"], 7200),
            (&["-1"], 0),
            (&["-"], 5),
            (&["--1"], 5),
            (&["+1"], 5),
            (&["1.5"], 5),
            (&["x"], 5),
            (&[""], 5),
            (&["60, 60"], 5),
            (&["60", "60"], 5),
        ] {
            assert_eq!(read(values), seconds, "{values:?}");
        }
    }

    #[test]
    fn exposes_what_is_named() {
        let mut headers = list(ACCESS_CONTROL_EXPOSE_HEADERS, &["X-A, x-b"]);
        headers.insert("x-secret", HeaderValue::from_static("1"));
        for credentialed in [false, true] {
            assert_eq!(
                cors_exposed_header_names(credentialed, &headers),
                ["x-a", "x-b"]
            );
        }
        assert!(cors_exposed_header_names(false, &HeaderMap::new()).is_empty());
    }

    #[test]
    fn exposing_everything_needs_a_request_without_credentials() {
        let mut headers = list(ACCESS_CONTROL_EXPOSE_HEADERS, &["*, x-a"]);
        headers.insert("x-secret", HeaderValue::from_static("1"));
        let exposed = cors_exposed_header_names(false, &headers);
        assert_eq!(exposed, ["access-control-expose-headers", "x-secret"]);
        assert_eq!(cors_exposed_header_names(true, &headers), ["*", "x-a"]);

        headers.append(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("a b"),
        );
        assert!(cors_exposed_header_names(false, &headers).is_empty());
    }

    proptest! {
        #[test]
        fn values_are_bounded(value in prop::collection::vec(any::<u8>(), 0..600)) {
            let text = bounded(&value);
            prop_assert!(text.len() <= CorsFailureKind::VALUE_LIMIT);
            if value.len() * 2 <= CorsFailureKind::VALUE_LIMIT {
                prop_assert_eq!(text.chars().count(), value.len());
            }
        }

        #[test]
        fn every_serialized_origin_is_one(
            scheme in "https?",
            host in "[a-z][a-z0-9]{0,8}(\\.[a-z]{2,5}){0,2}",
            port in prop::option::of(any::<u16>()),
        ) {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let text = format!("{}://{}{}", scheme, host, port);
            prop_assert!(is_serialized_origin(&text));
            let text_with_path = format!("{}/", text);
            prop_assert!(!is_serialized_origin(&text_with_path));
        }
    }
}
