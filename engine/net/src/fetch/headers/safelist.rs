//! Which methods and headers need nobody's leave: the
//! [CORS safelists](https://fetch.spec.whatwg.org/#cors-safelisted-request-header) and what is forbidden to pages.

use data_url::mime::Mime;
use http::Method;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, RANGE};

use super::header_list;
use super::range::{RangeValue, parse_single_range};

/// The longest value in bytes of a safelisted request header.
const VALUE_LIMIT: usize = 128;

/// How many bytes the values of all safelisted request headers of one request may have together.
const TOTAL_VALUE_LIMIT: usize = 1024;

/// Whether this is a [CORS-safelisted method](https://fetch.spec.whatwg.org/#cors-safelisted-method).
pub fn is_cors_safelisted_method(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::POST)
}

/// Whether this is a [forbidden method](https://fetch.spec.whatwg.org/#forbidden-method).
pub fn is_forbidden_method(method: &[u8]) -> bool {
    [&b"CONNECT"[..], b"TRACE", b"TRACK"]
        .iter()
        .any(|forbidden| method.eq_ignore_ascii_case(forbidden))
}

/// Whether this is a [CORS-unsafe request-header byte](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-byte).
pub fn is_cors_unsafe_request_header_byte(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f || b"\"():<>?@[\\]{}".contains(&byte)
}

fn is_language_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b" *,-.;=".contains(&byte)
}

/// Whether this is a [CORS-safelisted request-header](https://fetch.spec.whatwg.org/#cors-safelisted-request-header).
pub fn is_cors_safelisted_request_header(name: &HeaderName, value: &[u8]) -> bool {
    // 1. Long values are not.
    if value.len() > VALUE_LIMIT {
        return false;
    }
    let has_unsafe_byte = || {
        value
            .iter()
            .any(|byte| is_cors_unsafe_request_header_byte(*byte))
    };
    // 2. It depends on the name; 3. and nothing else.
    match name.as_str() {
        "accept" => !has_unsafe_byte(),
        "accept-language" | "content-language" => value.iter().all(|byte| is_language_byte(*byte)),
        "content-type" => !has_unsafe_byte() && is_form_or_plain_text(value),
        "range" => matches!(
            parse_single_range(value, false),
            Some(RangeValue::From(_) | RangeValue::FromTo(..))
        ),
        _ => false,
    }
}

/// Whether a `Content-Type` is one that a form can send.
fn is_form_or_plain_text(value: &[u8]) -> bool {
    let Ok(mime) = header_list::isomorphic_decode(value).parse::<Mime>() else {
        return false;
    };
    mime.matches("application", "x-www-form-urlencoded")
        || mime.matches("multipart", "form-data")
        || mime.matches("text", "plain")
}

/// The [CORS-unsafe request-header names](https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names) of a request,
/// sorted and unique.
pub fn cors_unsafe_request_header_names(headers: &HeaderMap) -> Vec<HeaderName> {
    // 1 to 3. Nothing seen so far.
    let mut unsafe_names = Vec::new();
    let mut potentially_unsafe_names = Vec::new();
    let mut safelist_value_size = 0;
    // 4. Sort the headers into two heaps.
    for (name, value) in headers {
        if is_cors_safelisted_request_header(name, value.as_bytes()) {
            potentially_unsafe_names.push(name);
            safelist_value_size += value.len();
        } else {
            unsafe_names.push(name);
        }
    }
    // 5. Too many bytes make the second heap unsafe, too.
    if safelist_value_size > TOTAL_VALUE_LIMIT {
        unsafe_names.append(&mut potentially_unsafe_names);
    }
    // 6. Return a sorted set; the names are lowercase already.
    unsafe_names.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
    unsafe_names.dedup();
    unsafe_names.into_iter().cloned().collect()
}

/// Whether this is a
/// [CORS non-wildcard request-header name](https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name): one that
/// `Access-Control-Allow-Headers: *` does not cover.
pub fn is_cors_non_wildcard_request_header_name(name: &HeaderName) -> bool {
    *name == AUTHORIZATION
}

/// Whether this is a
/// [no-CORS-safelisted request-header](https://fetch.spec.whatwg.org/#no-cors-safelisted-request-header).
pub fn is_no_cors_safelisted_request_header(name: &HeaderName, value: &[u8]) -> bool {
    matches!(
        name.as_str(),
        "accept" | "accept-language" | "content-language" | "content-type"
    ) && is_cors_safelisted_request_header(name, value)
}

/// Whether this is a
/// [privileged no-CORS request-header name](https://fetch.spec.whatwg.org/#privileged-no-cors-request-header-name): one
/// that the browser itself may set where a page may not.
pub fn is_privileged_no_cors_request_header_name(name: &HeaderName) -> bool {
    *name == RANGE
}

/// Whether this is a [forbidden request-header](https://fetch.spec.whatwg.org/#forbidden-request-header).
pub fn is_forbidden_request_header(name: &HeaderName, value: &[u8]) -> bool {
    match name.as_str() {
        // 1. These names are the browser's.
        "accept-charset"
        | "accept-encoding"
        | "access-control-request-headers"
        | "access-control-request-method"
        | "connection"
        | "content-length"
        | "cookie"
        | "cookie2"
        | "date"
        | "dnt"
        | "expect"
        | "host"
        | "keep-alive"
        | "origin"
        | "referer"
        | "set-cookie"
        | "te"
        | "trailer"
        | "transfer-encoding"
        | "upgrade"
        | "via" => true,
        // 3. These stand in for a method, which may be forbidden.
        "x-http-method" | "x-http-method-override" | "x-method-override" => {
            header_list::decode_and_split(value)
                .iter()
                .any(|method| is_forbidden_method(method.as_bytes()))
        },
        // 2. These prefixes are the browser's. 4. All else is free.
        name => name.starts_with("proxy-") || name.starts_with("sec-"),
    }
}

/// Whether this is a [forbidden response-header name](https://fetch.spec.whatwg.org/#forbidden-response-header-name).
pub fn is_forbidden_response_header_name(name: &HeaderName) -> bool {
    matches!(name.as_str(), "set-cookie" | "set-cookie2")
}

/// Whether this is a
/// [CORS-safelisted response-header name](https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name), given the
/// CORS-exposed header-name list.
pub fn is_cors_safelisted_response_header_name(name: &HeaderName, exposed: &[String]) -> bool {
    match name.as_str() {
        "cache-control" | "content-language" | "content-length" | "content-type" | "expires"
        | "last-modified" | "pragma" => true,
        text => {
            !is_forbidden_response_header_name(name)
                && exposed.iter().any(|item| item.eq_ignore_ascii_case(text))
        },
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE};
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> HeaderName {
        HeaderName::from_bytes(text.as_bytes()).unwrap()
    }

    #[test]
    fn unsafe_bytes_are_those_of_the_standard() {
        let mut expected: Vec<u8> = (0x00..0x20).filter(|byte| *byte != 0x09).collect();
        expected.extend([
            0x22, 0x28, 0x29, 0x3a, 0x3c, 0x3e, 0x3f, 0x40, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d, 0x7f,
        ]);
        let found: Vec<u8> = (0..=u8::MAX)
            .filter(|byte| is_cors_unsafe_request_header_byte(*byte))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn safelisted_request_headers() {
        let long = format!("a={}", "b".repeat(126));
        let too_long = format!("a={}", "b".repeat(127));
        for (header, value, expected) in [
            ("accept", "text/html, */*;q=0.8", true),
            ("accept", "", true),
            ("accept", "\"", false),
            ("accept", "{}", false),
            ("accept", "a\u{1}b", false),
            ("accept", "\u{7f}", false),
            ("accept", "a\tb", true),
            ("accept", long.as_str(), true),
            ("accept", too_long.as_str(), false),
            ("accept-language", "de-CH, *;q=0.5", true),
            ("accept-language", "de_CH", false),
            ("accept-language", "a\tb", false),
            ("content-language", "@", false),
            ("content-type", "text/plain", true),
            ("content-type", "TEXT/PLAIN;charset=UTF-8", true),
            ("content-type", " text/plain ", true),
            ("content-type", "text/plain; a=b,c", true),
            ("content-type", "multipart/form-data; boundary=--x", true),
            ("content-type", "application/x-www-form-urlencoded", true),
            ("content-type", "application/json", false),
            ("content-type", "text/plain;charset=\"utf-8\"", false),
            ("content-type", "text/plain, application/json", false),
            ("content-type", "text/plain/x", false),
            ("content-type", "text", false),
            ("content-type", "", false),
            ("range", "bytes=0-", true),
            ("range", "bytes=1-2", true),
            ("range", "bytes=2-1", false),
            ("range", "bytes=-5", false),
            ("range", "bytes=0-1,3-4", false),
            ("range", "bytes = 0-", false),
            ("dpr", "2", false),
            ("save-data", "on", false),
            ("x-custom", "a", false),
            ("authorization", "", false),
        ] {
            assert_eq!(
                is_cors_safelisted_request_header(&name(header), value.as_bytes()),
                expected,
                "{header}: {value}"
            );
        }
    }

    #[test]
    fn unsafe_names_are_a_sorted_set() {
        let headers: HeaderMap = [
            (name("x-b"), "1"),
            (name("X-A"), "1"),
            (name("x-b"), "2"),
            (ACCEPT, "*/*"),
            (CONTENT_TYPE, "application/json"),
        ]
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
        let names = cors_unsafe_request_header_names(&headers);
        let names: Vec<_> = names.iter().map(HeaderName::as_str).collect();
        assert_eq!(names, ["content-type", "x-a", "x-b"]);
    }

    #[test]
    fn more_than_1024_bytes_of_safe_values_are_unsafe() {
        let mut headers = HeaderMap::new();
        for _ in 0..8 {
            headers.append(ACCEPT, HeaderValue::from_str(&"a".repeat(128)).unwrap());
        }
        assert!(cors_unsafe_request_header_names(&headers).is_empty());
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("a"));
        let names = cors_unsafe_request_header_names(&headers);
        assert_eq!(names, [ACCEPT, ACCEPT_LANGUAGE]);
    }

    #[test]
    fn forbidden_request_headers() {
        for (header, value, expected) in [
            ("cookie", "", true),
            ("host", "", true),
            ("sec-fetch-site", "", true),
            ("proxy-anything", "", true),
            ("proxyx", "", false),
            ("x-http-method-override", "TRACE", true),
            ("x-http-method", "get, track", true),
            ("x-method-override", "\"connect\"", false),
            ("x-method-override", "PATCH", false),
            ("user-agent", "x", false),
        ] {
            assert_eq!(
                is_forbidden_request_header(&name(header), value.as_bytes()),
                expected,
                "{header}: {value}"
            );
        }
    }

    #[test]
    fn exposed_names_never_include_cookies() {
        let exposed = ["X-A".to_owned(), "set-cookie".to_owned()];
        for (header, expected) in [
            ("x-a", true),
            ("x-b", false),
            ("set-cookie", false),
            ("pragma", true),
            ("content-length", true),
        ] {
            assert_eq!(
                is_cors_safelisted_response_header_name(&name(header), &exposed),
                expected,
                "{header}"
            );
        }
    }

    #[test]
    fn names_with_rules_of_their_own() {
        assert!(is_cors_non_wildcard_request_header_name(&name(
            "Authorization"
        )));
        assert!(!is_cors_non_wildcard_request_header_name(&name("cookie")));
        assert!(is_privileged_no_cors_request_header_name(&RANGE));
        assert!(!is_no_cors_safelisted_request_header(&RANGE, b"bytes=0-"));
        assert!(is_no_cors_safelisted_request_header(&ACCEPT, b"*/*"));
    }

    #[test]
    fn methods() {
        assert!(is_cors_safelisted_method(&Method::POST));
        assert!(!is_cors_safelisted_method(&Method::PUT));
        assert!(!is_cors_safelisted_method(
            &Method::from_bytes(b"get").unwrap()
        ));
        assert!(is_forbidden_method(b"Trace") && is_forbidden_method(b"TRACK"));
        assert!(!is_forbidden_method(b"TRACES"));
    }

    proptest! {
        #[test]
        fn an_unsafe_byte_is_never_safelisted(
            before in "[a-z]{0,5}",
            byte in any::<u8>().prop_filter("unsafe", |byte| is_cors_unsafe_request_header_byte(*byte)),
            header in prop::sample::select(vec![
                "accept", "accept-language", "content-language", "content-type", "range",
            ]),
        ) {
            let mut value = before.into_bytes();
            value.push(byte);
            prop_assert!(!is_cors_safelisted_request_header(&name(header), &value));
        }

        #[test]
        fn unsafe_names_come_from_the_request(
            entries in prop::collection::vec(("[a-z-]{1,6}|accept|range", "[ -~]{0,140}"), 0..12)
        ) {
            let mut headers = HeaderMap::new();
            for (header, value) in entries {
                if let (Ok(header), Ok(value)) = (
                    HeaderName::from_bytes(header.as_bytes()),
                    HeaderValue::from_str(&value),
                ) {
                    headers.append(header, value);
                }
            }
            let names = cors_unsafe_request_header_names(&headers);
            prop_assert!(names.iter().all(|name| headers.contains_key(name)));
            prop_assert!(names.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
        }
    }
}
