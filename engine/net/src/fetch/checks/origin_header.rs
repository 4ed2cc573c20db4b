//! The [`Origin` header](https://fetch.spec.whatwg.org/#origin-header) and the origin that it names.

use http::{HeaderValue, Method};
use net_traits::ReferrerPolicy;
use net_traits::request::{Origin, Request, RequestMode, ResponseTainting};
use net_traits::response::RedirectTaint;
use servo_url::ImmutableOrigin;

use super::redirect_taint::redirect_taint;

/// The [origin](https://fetch.spec.whatwg.org/#concept-request-origin) of a request, also before it was populated from its
/// client. `None` if there is no client either: such a request is same-origin with nothing.
pub fn request_origin(request: &Request) -> Option<ImmutableOrigin> {
    let origin = match (&request.origin, &request.client) {
        (Origin::Client, Some(client)) => &client.origin,
        (origin, _) => origin,
    };
    match origin {
        Origin::Origin(origin) => Some(origin.clone()),
        Origin::Client => None,
    }
}

/// [Serializes a request origin](https://fetch.spec.whatwg.org/#serializing-a-request-origin).
pub fn serialize_request_origin(request: &Request) -> String {
    // 1. Holds once the request was populated.
    // 2. Another origin's redirect makes it “null”.
    if redirect_taint(request) != RedirectTaint::SameOrigin {
        return "null".to_owned();
    }
    // 3. Return the origin, serialized.
    request_origin(request).map_or_else(
        || "null".to_owned(),
        |origin| origin.ascii_serialization().into_owned(),
    )
}

/// What to [append](https://fetch.spec.whatwg.org/#append-a-request-origin-header) as `Origin`, or `None` if the request
/// gets no such header.
pub fn origin_header_value(request: &Request) -> Option<HeaderValue> {
    // 1. Holds once the request was populated.
    // 2. Let serializedOrigin be the origin in bytes.
    let serialized_origin = || HeaderValue::from_str(&serialize_request_origin(request)).ok();
    // 3. CORS and WebSockets always say who asks.
    if request.response_tainting == ResponseTainting::CorsTainting
        || matches!(request.mode, RequestMode::WebSocket { .. })
    {
        return serialized_origin();
    }
    // 4. Others do if their method may change something.
    if matches!(request.method, Method::GET | Method::HEAD) {
        return None;
    }
    // 4.1. Outside of CORS the referrer policy can hide the origin.
    if request.mode != RequestMode::CorsMode && is_hidden_by_referrer_policy(request) {
        return Some(HeaderValue::from_static("null"));
    }
    // 4.2. Append it.
    serialized_origin()
}

/// Step 4.1 of appending the header: whether the referrer policy makes the origin “null”.
fn is_hidden_by_referrer_policy(request: &Request) -> bool {
    let origin = request_origin(request);
    match request.referrer_policy {
        ReferrerPolicy::NoReferrer => true,
        // NB: the empty string stands for the default policy where it was not resolved before.
        ReferrerPolicy::NoReferrerWhenDowngrade
        | ReferrerPolicy::StrictOrigin
        | ReferrerPolicy::StrictOriginWhenCrossOrigin
        | ReferrerPolicy::EmptyString => {
            origin.is_some_and(|origin| origin.scheme() == Some("https"))
                && request.current_url().scheme() != "https"
        },
        ReferrerPolicy::SameOrigin => origin != Some(request.current_url().origin()),
        ReferrerPolicy::Origin
        | ReferrerPolicy::OriginWhenCrossOrigin
        | ReferrerPolicy::UnsafeUrl => false,
    }
}

#[cfg(test)]
mod tests {
    use servo_default_resources as _;

    use super::super::test_requests::{origin, request, request_from};
    use super::*;

    #[test]
    fn an_unpopulated_request_has_its_clients_origin() {
        let mut request = request("https://a.example", &["https://b.example/"]);
        request.origin = Origin::Client;
        assert_eq!(request_origin(&request), Some(origin("https://a.example")));
        request.client = None;
        assert_eq!(request_origin(&request), None);
        assert_eq!(serialize_request_origin(&request), "null");
    }

    #[test]
    fn a_foreign_redirect_makes_it_null() {
        let serialized =
            |urls: &[&str]| serialize_request_origin(&request("https://a.example:8443", urls));
        let (own, b, c) = (
            "https://a.example:8443/",
            "https://b.example/",
            "https://c.example/",
        );
        assert_eq!(serialized(&[own]), "https://a.example:8443");
        assert_eq!(serialized(&[own, b]), "https://a.example:8443");
        assert_eq!(serialized(&[b, c]), "null");
        assert_eq!(serialized(&[b, own]), "null");
        let opaque = request_from(ImmutableOrigin::new_opaque(), &[b]);
        assert_eq!(serialize_request_origin(&opaque), "null");
    }

    #[test]
    fn plain_gets_have_none() {
        let mut request = request("https://a.example", &["https://b.example/"]);
        assert_eq!(origin_header_value(&request), None);
        request.method = Method::HEAD;
        assert_eq!(origin_header_value(&request), None);
        request.response_tainting = ResponseTainting::CorsTainting;
        assert_eq!(origin_header_value(&request).unwrap(), "https://a.example");
    }

    #[test]
    fn web_sockets_have_one() {
        let mut request = request("https://a.example", &["https://b.example/"]);
        request.mode = RequestMode::WebSocket {
            protocols: vec![],
            original_url: super::super::test_requests::url("wss://b.example/"),
        };
        assert_eq!(origin_header_value(&request).unwrap(), "https://a.example");
    }

    #[test]
    fn the_referrer_policy_can_hide_it() {
        use ReferrerPolicy::*;
        let (own, other, insecure) = (
            "https://a.example/",
            "https://b.example/",
            "http://b.example/",
        );
        for (policy, to_own, to_other, to_insecure) in [
            (NoReferrer, false, false, false),
            (NoReferrerWhenDowngrade, true, true, false),
            (StrictOrigin, true, true, false),
            (StrictOriginWhenCrossOrigin, true, true, false),
            (EmptyString, true, true, false),
            (SameOrigin, true, false, false),
            (Origin, true, true, true),
            (OriginWhenCrossOrigin, true, true, true),
            (UnsafeUrl, true, true, true),
        ] {
            for (target, named) in [(own, to_own), (other, to_other), (insecure, to_insecure)] {
                let mut request = request("https://a.example", &[target]);
                request.method = Method::POST;
                request.referrer_policy = policy;
                let expected = if named { "https://a.example" } else { "null" };
                assert_eq!(
                    origin_header_value(&request).unwrap(),
                    expected,
                    "{policy:?} {target}"
                );
                request.mode = RequestMode::CorsMode;
                assert_eq!(origin_header_value(&request).unwrap(), "https://a.example");
            }
        }
    }
}
