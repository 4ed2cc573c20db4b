//! [`Cross-Origin-Resource-Policy`](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header): a server's word on
//! who may embed it, and what a page with an embedder policy accepts without that word.

use http::{HeaderMap, HeaderName};
use net_traits::policy_container::EmbedderPolicyValue;
use net_traits::request::Request;
use servo_url::{ImmutableOrigin, ServoUrl};

use super::csp::policy_container;
use super::origin_header::request_origin;
use super::same_site::is_schemelessly_same_site;
use crate::fetch::headers::header_list;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// Whether a response may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may.
    Allowed,
    /// It may not.
    Blocked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    SameOrigin,
    SameSite,
    CrossOrigin,
}

/// The [cross-origin resource policy check](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-check) for a page of
/// `origin` with the embedder policy `embedder_policy`, on a response from `response_url`.
pub fn check(
    origin: &ImmutableOrigin,
    embedder_policy: EmbedderPolicyValue,
    response_url: &ServoUrl,
    headers: &HeaderMap,
    for_navigation: bool,
) -> Verdict {
    // 1 and 2. Are the parameters.
    // 3. The header alone may forbid it.
    let unsafe_none = EmbedderPolicyValue::UnsafeNone;
    if internal_check(origin, unsafe_none, response_url, headers, for_navigation)
        == Verdict::Blocked
    {
        return Verdict::Blocked;
    }
    // FIXME: 4. and 6. violations are not reported: script sends no reporting endpoints.
    // 5 and 7. Otherwise the page's policy decides.
    internal_check(
        origin,
        embedder_policy,
        response_url,
        headers,
        for_navigation,
    )
}

/// [`check`] for the page that made `request`.
pub fn check_request(request: &Request, response_url: &ServoUrl, headers: &HeaderMap) -> Verdict {
    let origin = request_origin(request).unwrap_or_else(ImmutableOrigin::new_opaque);
    let embedder_policy = policy_container(request)
        .map(|container| container.embedder_policy.value)
        .unwrap_or_default();
    check(&origin, embedder_policy, response_url, headers, false)
}

/// Whether a server forbids `origin` to use its response, by the header alone and whatever the page's embedder policy.
pub fn is_forbidden_by_server(
    origin: &ImmutableOrigin,
    response_url: &ServoUrl,
    headers: &HeaderMap,
) -> bool {
    let unsafe_none = EmbedderPolicyValue::UnsafeNone;
    internal_check(origin, unsafe_none, response_url, headers, false) == Verdict::Blocked
}

/// The [internal check](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-internal-check).
fn internal_check(
    origin: &ImmutableOrigin,
    embedder_policy: EmbedderPolicyValue,
    response_url: &ServoUrl,
    headers: &HeaderMap,
    for_navigation: bool,
) -> Verdict {
    // 1. Navigations matter only to pages with an embedder policy.
    if for_navigation && matches!(embedder_policy, EmbedderPolicyValue::UnsafeNone) {
        return Verdict::Allowed;
    }
    // 2 and 3. Let policy be the header's value, or null if it is no policy.
    // NOTE: values are not split: several make no policy.
    let policy = match header_list::get(headers, &CROSS_ORIGIN_RESOURCE_POLICY).as_deref() {
        Some(b"same-origin") => Some(Policy::SameOrigin),
        Some(b"same-site") => Some(Policy::SameSite),
        Some(b"cross-origin") => Some(Policy::CrossOrigin),
        // 4. The embedder policy stands in for one.
        _ => match embedder_policy {
            EmbedderPolicyValue::UnsafeNone => None,
            EmbedderPolicyValue::RequireCorp => Some(Policy::SameOrigin),
        },
    };
    // 5. Compare the page with the response.
    let response_origin = response_url.origin();
    let is_allowed = match policy {
        None | Some(Policy::CrossOrigin) => true,
        Some(Policy::SameOrigin) => *origin == response_origin,
        Some(Policy::SameSite) => {
            is_schemelessly_same_site(origin, &response_origin)
                && (origin.scheme() == Some("https") || response_url.scheme() != "https")
        },
    };
    if is_allowed {
        Verdict::Allowed
    } else {
        Verdict::Blocked
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use servo_default_resources as _;

    use super::super::test_requests::{origin, request, url};
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| {
                (
                    CROSS_ORIGIN_RESOURCE_POLICY,
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn the_header_decides() {
        let (own, site, other) = (
            "https://a.example/",
            "https://www.a.example/",
            "https://b.example/",
        );
        for (values, to_own, to_site, to_other) in [
            (&[][..], true, true, true),
            (&["cross-origin"], true, true, true),
            (&["same-origin"], true, false, false),
            (&["same-site"], true, true, false),
            (&["Same-Origin"], true, true, true),
            (&["same-origin, same-origin"], true, true, true),
            (&["same-origin", "same-origin"], true, true, true),
            (&["same-origin;x"], true, true, true),
        ] {
            for (target, allowed) in [(own, to_own), (site, to_site), (other, to_other)] {
                let page = origin("https://a.example");
                let verdict = check(
                    &page,
                    EmbedderPolicyValue::UnsafeNone,
                    &url(target),
                    &headers(values),
                    false,
                );
                assert_eq!(verdict == Verdict::Allowed, allowed, "{values:?} {target}");
                assert_eq!(
                    is_forbidden_by_server(&page, &url(target), &headers(values)),
                    !allowed
                );
            }
        }
    }

    #[test]
    fn an_insecure_page_of_the_site_is_another_site() {
        let verdict = |page: &str, target: &str| {
            check(
                &origin(page),
                EmbedderPolicyValue::UnsafeNone,
                &url(target),
                &headers(&["same-site"]),
                false,
            )
        };
        assert_eq!(
            verdict("http://a.example", "https://a.example/"),
            Verdict::Blocked
        );
        assert_eq!(
            verdict("https://a.example", "http://a.example/"),
            Verdict::Allowed
        );
        assert_eq!(
            verdict("http://a.example", "http://x.a.example/"),
            Verdict::Allowed
        );
    }

    #[test]
    fn require_corp_needs_a_word() {
        let mut request = request("https://a.example", &["https://b.example/"]);
        let target = url("https://b.example/");
        let verdict = |request: &Request, values| check_request(request, &target, &headers(values));
        assert_eq!(verdict(&request, &[]), Verdict::Allowed);
        if let Some(client) = &mut request.client {
            client.policy_container.embedder_policy.value = EmbedderPolicyValue::RequireCorp;
        }
        assert_eq!(verdict(&request, &[]), Verdict::Blocked);
        assert_eq!(verdict(&request, &["cross-origin"]), Verdict::Allowed);
        assert_eq!(verdict(&request, &["nonsense"]), Verdict::Blocked);
        assert!(!is_forbidden_by_server(
            &origin("https://a.example"),
            &target,
            &headers(&[])
        ));
    }

    #[test]
    fn navigations_matter_to_pages_with_an_embedder_policy_only() {
        let verdict = |policy, values| {
            let page = origin("https://a.example");
            check(
                &page,
                policy,
                &url("https://b.example/"),
                &headers(values),
                true,
            )
        };
        assert_eq!(
            verdict(EmbedderPolicyValue::UnsafeNone, &["same-origin"]),
            Verdict::Allowed
        );
        assert_eq!(
            verdict(EmbedderPolicyValue::RequireCorp, &["same-origin"]),
            Verdict::Blocked
        );
    }
}
