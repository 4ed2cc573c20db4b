//! [`Location`](https://www.rfc-editor.org/rfc/rfc9110#name-location) of a redirect.

use http::header::{HeaderMap, LOCATION};
use servo_url::ServoUrl;

use crate::fetch::checks::status::is_redirect_status;

/// The [location URL](https://fetch.spec.whatwg.org/#concept-response-location-url) of a response: `None` if its status is
/// no redirect status or it has no `Location`, an error that says why if there is no URL in it.
///
/// A URL without a fragment gets `request_fragment`, the fragment of the request's current URL.
pub fn location_url(
    status: u16,
    response_url: &ServoUrl,
    headers: &HeaderMap,
    request_fragment: Option<&str>,
) -> Option<Result<ServoUrl, String>> {
    // 1. Only redirects have one.
    if !is_redirect_status(status) {
        return None;
    }
    // 2. Let location be the value of `Location`; more than one is a failure.
    let mut values = headers.get_all(LOCATION).iter();
    let location = values.next()?;
    if values.next().is_some() {
        return Some(Err("Location is given more than once".to_owned()));
    }
    // 3. Parse it against the response's URL.
    let mut url = match response_url.join(&percent_encoded_beyond_ascii(location.as_bytes())) {
        Ok(url) => url,
        Err(error) => return Some(Err(error.to_string())),
    };
    // 4. A fragment is inherited.
    if url.fragment().is_none() && request_fragment.is_some() {
        url.set_fragment(request_fragment);
    }
    // 5. Return location.
    Some(Ok(url))
}

/// The value with each byte beyond ASCII percent-encoded, so that it reaches the next server as this one wrote it, whatever
/// its encoding.
fn percent_encoded_beyond_ascii(value: &[u8]) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value {
        if byte.is_ascii() {
            text.push(char::from(*byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn resolve(
        status: u16,
        values: &[&[u8]],
        fragment: Option<&str>,
    ) -> Option<Result<String, ()>> {
        let base = ServoUrl::parse("https://a.example/dir/page?q#base").unwrap();
        let headers: HeaderMap = values
            .iter()
            .map(|value| (LOCATION, HeaderValue::from_bytes(value).unwrap()))
            .collect();
        location_url(status, &base, &headers, fragment)
            .map(|url| url.map(ServoUrl::into_string).map_err(drop))
    }

    #[test]
    fn only_redirects_with_a_location_have_one() {
        for status in [200, 201, 300, 304, 305, 306, 309, 404] {
            assert_eq!(resolve(status, &[b"/x"], None), None, "{status}");
        }
        for status in [301, 302, 303, 307, 308] {
            assert_eq!(resolve(status, &[], None), None);
            assert_eq!(
                resolve(status, &[b"/x"], None),
                Some(Ok("https://a.example/x".to_owned()))
            );
        }
    }

    #[test]
    fn resolves_against_the_response() {
        for (location, expected) in [
            (&b"other"[..], Ok("https://a.example/dir/other")),
            (b"", Ok("https://a.example/dir/page?q")),
            (b"//b.example:8080/", Ok("https://b.example:8080/")),
            (
                b"http://user:secret@b.example/",
                Ok("http://user:secret@b.example/"),
            ),
            (b"data:,x", Ok("data:,x")),
            ("/\u{2603}".as_bytes(), Ok("https://a.example/%E2%98%83")),
            (b"/\xff?\xe9", Ok("https://a.example/%FF?%E9")),
            (
                "https://b\u{fc}cher.example/".as_bytes(),
                Ok("https://xn--bcher-kva.example/"),
            ),
            (b"https://[/", Err(())),
            (b"https://b.example:port/", Err(())),
        ] {
            assert_eq!(
                resolve(302, &[location], None),
                Some(expected.map(str::to_owned)),
                "{location:?}"
            );
        }
    }

    #[test]
    fn fragments_are_inherited_but_not_replaced() {
        assert_eq!(
            resolve(302, &[b"/x"], Some("f")),
            Some(Ok("https://a.example/x#f".to_owned()))
        );
        assert_eq!(
            resolve(302, &[b"/x#own"], Some("f")),
            Some(Ok("https://a.example/x#own".to_owned()))
        );
        assert_eq!(
            resolve(302, &[b"/x#"], Some("f")),
            Some(Ok("https://a.example/x#".to_owned()))
        );
    }

    #[test]
    fn more_than_one_is_a_failure() {
        assert_eq!(resolve(302, &[b"/x", b"/x"], None), Some(Err(())));
    }

    proptest! {
        #[test]
        fn takes_any_value(value in prop::collection::vec(prop_oneof![0x20u8..0x7f, 0x80u8..=0xff], 0..60)) {
            prop_assert!(resolve(301, &[&value], Some("f")).is_some());
        }
    }
}
