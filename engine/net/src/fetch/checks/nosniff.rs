//! [`X-Content-Type-Options: nosniff`](https://fetch.spec.whatwg.org/#x-content-type-options-header).

use http::HeaderMap;
use http::header::X_CONTENT_TYPE_OPTIONS;
use net_traits::request::Destination;

use super::request_kind::is_script_like;
use crate::fetch::headers::{header_list, mime_type};

/// [Determines nosniff](https://fetch.spec.whatwg.org/#determine-nosniff): whether the server forbids guessing the type.
pub fn determine_nosniff(headers: &HeaderMap) -> bool {
    // 1 to 3. The first value decides.
    header_list::get_decode_and_split(headers, &X_CONTENT_TYPE_OPTIONS)
        .and_then(|values| values.into_iter().next())
        .is_some_and(|value| value.eq_ignore_ascii_case("nosniff"))
}

/// [Should a response be blocked due to nosniff?](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-nosniff?)
pub fn should_response_be_blocked(destination: Destination, headers: &HeaderMap) -> bool {
    // 1. Without nosniff: allowed.
    if !determine_nosniff(headers) {
        return false;
    }
    // 2 and 3. Let mimeType be the response's.
    let mime = mime_type::extract(headers);
    // 4. Scripts need a JavaScript type.
    // NB: a transformation can run scripts, too, but its type is XML.
    if is_script_like(destination) {
        return !mime.is_some_and(|mime| mime_type::is_javascript(&mime));
    }
    // 5. Styles need that of CSS.
    if destination == Destination::Style {
        return !mime.is_some_and(|mime| mime.matches("text", "css"));
    }
    // 6. Everything else is allowed.
    false
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;

    use super::*;

    fn headers(options: &[&'static str], content_type: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in options {
            headers.append(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static(value));
        }
        if let Some(value) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_first_value_decides() {
        for (values, expected) in [
            (&[][..], false),
            (&["nosniff"], true),
            (&["NoSniff"], true),
            (&[" nosniff\t"], true),
            (&["nosniff,"], true),
            (&["nosniff, x"], true),
            (&["nosniff", "x"], true),
            (&["x", "nosniff"], false),
            (&[",nosniff"], false),
            (&["'nosniff'"], false),
            (&["\"nosniff\""], false),
            (&["no sniff"], false),
        ] {
            assert_eq!(
                determine_nosniff(&headers(values, None)),
                expected,
                "{values:?}"
            );
        }
    }

    #[test]
    fn scripts_and_styles_need_their_type() {
        for (destination, content_type, blocked) in [
            (Destination::Script, Some("text/javascript"), false),
            (Destination::Script, Some("text/plain"), true),
            (Destination::Script, None, true),
            (Destination::Worker, Some("application/json"), true),
            (Destination::Style, Some("text/css;charset=x"), false),
            (Destination::Style, Some("text/html"), true),
            (Destination::Style, None, true),
            (Destination::Image, Some("text/html"), false),
            (Destination::None, None, false),
        ] {
            let strict = headers(&["nosniff"], content_type);
            assert_eq!(should_response_be_blocked(destination, &strict), blocked);
            let lax = headers(&[], content_type);
            assert!(!should_response_be_blocked(destination, &lax));
        }
    }
}
