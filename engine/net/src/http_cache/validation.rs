//! Asking the server whether a stored response is still good.

use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION,
};
use http::{HeaderMap, HeaderValue};
use servo_url::ServoUrl;

use super::storable::remove_connection_headers;
use super::stored_response::StoredResponse;

/// The conditions with which to ask for `stored`; none if it has no validator.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-4.3.1>
pub fn conditional_headers(stored: &StoredResponse) -> HeaderMap {
    let mut conditions = HeaderMap::new();
    // An entity tag is one of the URL that it came from.
    if !stored.is_of_url {
        return conditions;
    }
    for (validator, condition) in [(ETAG, IF_NONE_MATCH), (LAST_MODIFIED, IF_MODIFIED_SINCE)] {
        if let Some(value) = stored.head.headers.get(validator) {
            conditions.insert(condition, value.clone());
        }
    }
    conditions
}

/// Whether the server can be asked about `stored`.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-8.8>
pub fn has_validator(stored: &StoredResponse) -> bool {
    let headers = &stored.head.headers;
    stored.is_of_url && (headers.contains_key(ETAG) || headers.contains_key(LAST_MODIFIED))
}

/// Whether a 304 is about a stored response: it is not if it has another strong validator.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-4.3.4>
pub(super) fn is_about(not_modified: &HeaderMap, stored: &HeaderMap) -> bool {
    strong_validator(not_modified)
        .is_none_or(|tag| strong_validator(stored).is_none_or(|stored| stored == tag))
}

/// The entity tag, if it is a strong one.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-8.8.1>
///
/// NB: A `Last-Modified` could be strong, too, but rests on the server's clock.
pub(super) fn strong_validator(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers
        .get(ETAG)
        .filter(|tag| tag.as_bytes().starts_with(b"\""))
}

/// Updates the headers of a stored response by those of a 304.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-3.2>
pub(super) fn update_headers(stored: &mut HeaderMap, not_modified: &HeaderMap) {
    let mut updates = not_modified.clone();
    remove_connection_headers(&mut updates);
    // What describes the stored body stays.
    for name in [
        CONTENT_LENGTH,
        CONTENT_ENCODING,
        CONTENT_RANGE,
        CONTENT_TYPE,
    ] {
        updates.remove(name);
    }
    let names: Vec<HeaderName> = updates.keys().cloned().collect();
    for name in names {
        stored.remove(&name);
        for value in updates.get_all(&name) {
            stored.append(name.clone(), value.clone());
        }
    }
}

/// The URLs whose stored responses a successful response to an unsafe method invalidates.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-4.4>
pub(super) fn invalidated_urls(url: &ServoUrl, response_headers: &HeaderMap) -> Vec<ServoUrl> {
    let mut urls = vec![url.clone()];
    for name in [LOCATION, CONTENT_LOCATION] {
        let other = response_headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| url.join(value).ok());
        // Another origin's responses are not touched.
        if let Some(mut other) = other.filter(|other| other.origin() == url.origin()) {
            other.set_fragment(None);
            urls.push(other);
        }
    }
    urls
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_cache::test_messages::headers;

    #[test]
    fn updates() {
        let mut stored =
            headers("X-Old: 1|X-Both: 1|X-Both: 2|Content-Type: text/plain|Content-Length: 5");
        update_headers(
            &mut stored,
            &headers(
                "X-Both: 3|X-New: 1|X-New: 2|Content-Type: text/html|Content-Length: 0|Connection: X-Hop|X-Hop: 1",
            ),
        );
        assert_eq!(
            stored,
            headers(
                "X-Old: 1|X-Both: 3|X-New: 1|X-New: 2|Content-Type: text/plain|Content-Length: 5"
            )
        );
    }

    #[test]
    fn strong_validators() {
        for (not_modified, stored, expected) in [
            ("", "ETag: \"a\"", true),
            ("ETag: \"a\"", "ETag: \"a\"", true),
            ("ETag: \"b\"", "ETag: \"a\"", false),
            ("ETag: W/\"b\"", "ETag: \"a\"", true),
            ("ETag: \"b\"", "ETag: W/\"a\"", true),
            ("ETag: \"b\"", "", true),
        ] {
            assert_eq!(is_about(&headers(not_modified), &headers(stored)), expected);
        }
    }

    #[test]
    fn urls() {
        let url = ServoUrl::parse("https://example.com/a/b").unwrap();
        for (fields, expected) in [
            ("", &["https://example.com/a/b"][..]),
            (
                "Location: c#d",
                &["https://example.com/a/b", "https://example.com/a/c"],
            ),
            (
                "Location: /x|Content-Location: https://example.com/y",
                &[
                    "https://example.com/a/b",
                    "https://example.com/x",
                    "https://example.com/y",
                ],
            ),
            (
                "Location: https://example.org/",
                &["https://example.com/a/b"],
            ),
            (
                "Location: http://example.com/",
                &["https://example.com/a/b"],
            ),
            ("Location: https://[", &["https://example.com/a/b"]),
        ] {
            let urls = invalidated_urls(&url, &headers(fields));
            assert_eq!(
                urls.iter().map(ServoUrl::as_str).collect::<Vec<_>>(),
                expected
            );
        }
    }
}
