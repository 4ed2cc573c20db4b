//! The [TAO check](https://fetch.spec.whatwg.org/#concept-tao-check): who may see how long a response took.

use http::{HeaderMap, HeaderName};
use net_traits::request::{Request, RequestMode, ResponseTainting};
use net_traits::response::RedirectTaint;

use super::origin_header::{request_origin, serialize_request_origin};
use super::redirect_taint::redirect_taint;
use crate::fetch::headers::header_list;

const TIMING_ALLOW_ORIGIN: HeaderName = HeaderName::from_static("timing-allow-origin");

/// The [TAO check](https://fetch.spec.whatwg.org/#concept-tao-check): whether the requester may see the timing of this
/// response. It looks at one hop: whoever follows redirects remembers a failure for the rest of the chain (the standard's
/// timing allow failed flag, step 2).
pub fn tao_check(request: &Request, headers: &HeaderMap) -> bool {
    // 1. Holds once the request was populated.
    // 3. Let values be those of the header.
    let values =
        header_list::get_decode_and_split(headers, &TIMING_ALLOW_ORIGIN).unwrap_or_default();
    // 4. Everybody may.
    if values.iter().any(|value| value == "*") {
        return true;
    }
    // 5. The requester may.
    let serialized_origin = serialize_request_origin(request);
    if values.contains(&serialized_origin) {
        return true;
    }
    // 6. A navigation's requester is not the document that will look.
    // AD-HOC: nor does its tainting remember other origins on the way, as that of other requests does.
    if request.mode == RequestMode::Navigate
        && (request_origin(request) != Some(request.current_url().origin())
            || redirect_taint(request) != RedirectTaint::SameOrigin)
    {
        return false;
    }
    // 7 and 8. Otherwise same-origin responses only.
    request.response_tainting == ResponseTainting::Basic
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use servo_default_resources as _;

    use super::super::test_requests::{request, request_from};
    use super::*;

    fn passes(request: &Request, values: &[&'static str]) -> bool {
        let headers: HeaderMap = values
            .iter()
            .map(|value| (TIMING_ALLOW_ORIGIN, HeaderValue::from_static(value)))
            .collect();
        tao_check(request, &headers)
    }

    #[test]
    fn the_header_names_the_requester() {
        let mut request = request("https://a.example", &["https://b.example/"]);
        request.response_tainting = ResponseTainting::Opaque;
        for (values, expected) in [
            (&[][..], false),
            (&["*"], true),
            (&["https://c.example, *"], true),
            (&["https://a.example"], true),
            (&["https://c.example", "https://a.example"], true),
            (&["HTTPS://A.example"], false),
            (&["https://a.example/"], false),
            (&["https://a.example https://c.example"], false),
            (&["null"], false),
        ] {
            assert_eq!(passes(&request, values), expected, "{values:?}");
        }
    }

    #[test]
    fn same_origin_responses_pass_without_it() {
        let mut own = request("https://a.example", &["https://a.example/"]);
        assert!(passes(&own, &[]));
        own.response_tainting = ResponseTainting::CorsTainting;
        assert!(!passes(&own, &[]));
    }

    #[test]
    fn navigations_pass_within_their_origin() {
        let mut away = request("https://a.example", &["https://b.example/"]);
        away.mode = RequestMode::Navigate;
        assert!(!passes(&away, &[]));
        assert!(passes(&away, &["https://a.example"]));
        let mut back = request(
            "https://a.example",
            &["https://b.example/", "https://a.example/"],
        );
        back.mode = RequestMode::Navigate;
        assert!(!passes(&back, &[]));
        assert!(passes(&back, &["*"]));
        let mut within = request(
            "https://a.example",
            &["https://a.example/1", "https://a.example/2"],
        );
        within.mode = RequestMode::Navigate;
        assert!(passes(&within, &[]));
    }

    #[test]
    fn a_null_origin_needs_the_word_null() {
        let opaque = servo_url::ImmutableOrigin::new_opaque();
        let mut request = request_from(opaque, &["https://b.example/"]);
        request.response_tainting = ResponseTainting::Opaque;
        assert!(passes(&request, &["null"]));
        assert!(!passes(&request, &["https://b.example"]));
    }
}
