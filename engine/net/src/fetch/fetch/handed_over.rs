//! What script is handed of a response's head. Whatever reaches the process of a page counts as readable by the page, so that is
//! no more than script has a use for.

use content_security_policy::Destination;
use http::HeaderName;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, REFERRER_POLICY, SET_COOKIE};
use net_traits::response::{Response, ResponseType};

use crate::fetch::headers::header_list::combined_and_sorted;

const SET_COOKIE2: HeaderName = HeaderName::from_static("set-cookie2");

/// The head of a response to a request with `destination`, in the form in which script gets it.
pub(super) fn head_for_script(head: &Response, destination: Destination) -> Response {
    let mut head = head.clone();
    // Script exposes the headers as they stand here, so they are put into the form that the standard iterates them in.
    head.headers = combined_and_sorted(&head.headers);
    let is_opaque = is_opaque(&head);
    let is_opaque_redirect = head.response_type == ResponseType::OpaqueRedirect;
    if let Some(internal) = &mut head.internal_response {
        if is_opaque {
            let is_needed = |name: &HeaderName| is_used(name, destination);
            internal.headers = internal
                .headers
                .iter()
                .filter(|(name, _)| is_needed(name))
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect();
        }
        if is_opaque_redirect {
            internal.location_url = None;
        }
        internal.headers.remove(SET_COOKIE);
        internal.headers.remove(SET_COOKIE2);
    }
    head
}

/// Whether a page can see nothing of the response.
pub(super) fn is_opaque(head: &Response) -> bool {
    matches!(
        head.response_type,
        ResponseType::Opaque | ResponseType::OpaqueRedirect
    )
}

/// Whether script itself looks at a header of an opaque response: at the type of an image, say, at the policy for what a style
/// sheet imports, and at the place of a part of a film in the whole.
fn is_used(name: &HeaderName, destination: Destination) -> bool {
    let is_media = matches!(destination, Destination::Audio | Destination::Video);
    [CONTENT_TYPE, REFERRER_POLICY].contains(name)
        || is_media && [CONTENT_LENGTH, CONTENT_RANGE].contains(name)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use net_traits::{ResourceFetchTiming, ResourceTimingType};

    use super::*;
    use crate::fetch::checks::test_requests::url;

    const NAMES: [HeaderName; 7] = [
        CONTENT_LENGTH,
        CONTENT_RANGE,
        CONTENT_TYPE,
        REFERRER_POLICY,
        SET_COOKIE,
        SET_COOKIE2,
        HeaderName::from_static("x-secret"),
    ];

    /// The names that script gets of a response of this type: to show to the page, and beside it.
    fn names(response_type: ResponseType, destination: Destination) -> (Vec<String>, Vec<String>) {
        let timing = ResourceFetchTiming::new(ResourceTimingType::Resource);
        let mut head = Response::new(url("https://b.example/"), timing);
        head.headers = NAMES
            .map(|name| (name, HeaderValue::from_static("1")))
            .into_iter()
            .collect();
        head.location_url = Some(Ok(url("https://c.example/")));
        let head = head_for_script(&head.to_filtered(response_type), destination);
        let list = |headers: &HeaderMap| {
            let mut names: Vec<_> = headers.keys().map(ToString::to_string).collect();
            names.sort();
            names
        };
        let internal = head.internal_response.as_deref().unwrap();
        if head.response_type == ResponseType::OpaqueRedirect {
            assert!(internal.location_url.is_none());
        }
        (list(&head.headers), list(&internal.headers))
    }

    #[test]
    fn of_an_opaque_response_script_gets_what_it_uses() {
        for (destination, expected) in [
            (Destination::Image, &["content-type", "referrer-policy"][..]),
            (Destination::Style, &["content-type", "referrer-policy"]),
            (
                Destination::Video,
                &[
                    "content-length",
                    "content-range",
                    "content-type",
                    "referrer-policy",
                ],
            ),
        ] {
            let (shown, beside) = names(ResponseType::Opaque, destination);
            assert!(shown.is_empty());
            assert_eq!(beside, expected, "{destination:?}");
        }
        let (shown, beside) = names(ResponseType::OpaqueRedirect, Destination::None);
        assert!(shown.is_empty());
        assert_eq!(beside, ["content-type", "referrer-policy"]);
    }

    #[test]
    fn nobody_gets_a_servers_cookies() {
        for response_type in [ResponseType::Basic, ResponseType::Cors] {
            let (_, beside) = names(response_type, Destination::None);
            assert_eq!(beside.len(), NAMES.len() - 2);
            assert!(!beside.iter().any(|name| name.starts_with("set-cookie")));
        }
    }
}
