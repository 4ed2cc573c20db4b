//! [`Cross-Origin-Resource-Policy`](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header): a server's word on
//! who may embed it, and what a page with an embedder policy accepts without that word.

use http::{HeaderMap, HeaderName};
use net_traits::request::Request;
use net_traits::response::Response;
use servo_url::{ImmutableOrigin, ServoUrl};

use super::embedder_policy::{EmbedderPolicy, EmbedderPolicyValue};
use super::origin_header::request_origin;
use super::request_kind::is_frame_navigation;
use super::same_site::is_schemelessly_same_site;
use crate::fetch::headers::header_list;
use crate::reporting::Disposition;

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

/// What a [cross-origin resource policy check](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-check) is about.
#[derive(Clone, Copy, Debug)]
struct Embedding<'a> {
    /// The origin of the page.
    origin: &'a ImmutableOrigin,
    /// Where the response came from.
    response_url: &'a ServoUrl,
    headers: &'a HeaderMap,
    /// Whether the request had credentials.
    includes_credentials: bool,
    for_navigation: bool,
}

/// The [cross-origin resource policy check](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-check) for the page
/// that made `request` and has the policy `embedder_policy`, on the `response` from `response_url`. `report` is called for each
/// violation of that policy, with the name of the endpoint that is to hear of it.
pub fn check_request(
    request: &Request,
    embedder_policy: &EmbedderPolicy,
    response_url: &ServoUrl,
    response: &Response,
    mut report: impl FnMut(Disposition, &str),
) -> Verdict {
    let origin = request_origin(request).unwrap_or_else(ImmutableOrigin::new_opaque);
    let embedding = Embedding {
        origin: &origin,
        response_url,
        headers: &response.headers,
        includes_credentials: response.request_includes_credentials,
        for_navigation: is_frame_navigation(request),
    };
    // 1 and 2. Are the parameters.
    // 3. The header alone may forbid it.
    let is_blocked = |value| embedding.internal_check(value) == Verdict::Blocked;
    if is_blocked(EmbedderPolicyValue::UnsafeNone) {
        return Verdict::Blocked;
    }
    // 4 and 6. Report what the page's policy, or one that is only reported, is against.
    for (disposition, endpoint) in embedder_policy.violations(is_blocked) {
        report(disposition, endpoint);
    }
    // 5 and 7. Otherwise the page's policy decides.
    embedding.internal_check(embedder_policy.value)
}

/// Whether a server forbids `origin` to use its response, by the header alone and whatever the page's embedder policy.
pub fn is_forbidden_by_server(
    origin: &ImmutableOrigin,
    response_url: &ServoUrl,
    headers: &HeaderMap,
) -> bool {
    let embedding = Embedding {
        origin,
        response_url,
        headers,
        includes_credentials: true,
        for_navigation: false,
    };
    embedding.internal_check(EmbedderPolicyValue::UnsafeNone) == Verdict::Blocked
}

impl Embedding<'_> {
    /// The [internal check](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-internal-check).
    fn internal_check(self, embedder_policy: EmbedderPolicyValue) -> Verdict {
        // 1. Navigations matter only to pages with an embedder policy.
        if self.for_navigation && embedder_policy == EmbedderPolicyValue::UnsafeNone {
            return Verdict::Allowed;
        }
        // 2 and 3. Let policy be the header's value, or null if it is no policy.
        // NOTE: values are not split: several make no policy.
        let value = header_list::get(self.headers, &CROSS_ORIGIN_RESOURCE_POLICY);
        let policy = match value.as_deref() {
            Some(b"same-origin") => Some(Policy::SameOrigin),
            Some(b"same-site") => Some(Policy::SameSite),
            Some(b"cross-origin") => Some(Policy::CrossOrigin),
            // 4. The embedder policy stands in for one.
            _ => match embedder_policy {
                EmbedderPolicyValue::UnsafeNone => None,
                EmbedderPolicyValue::Credentialless => {
                    let needs_word = self.includes_credentials || self.for_navigation;
                    needs_word.then_some(Policy::SameOrigin)
                },
                EmbedderPolicyValue::RequireCorp => Some(Policy::SameOrigin),
            },
        };
        // 5. Compare the page with the response.
        let response_origin = self.response_url.origin();
        let is_allowed = match policy {
            None | Some(Policy::CrossOrigin) => true,
            Some(Policy::SameOrigin) => *self.origin == response_origin,
            Some(Policy::SameSite) => {
                is_schemelessly_same_site(self.origin, &response_origin)
                    && (self.origin.scheme() == Some("https")
                        || self.response_url.scheme() != "https")
            },
        };
        if is_allowed {
            Verdict::Allowed
        } else {
            Verdict::Blocked
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use net_traits::request::Destination;
    use net_traits::{ResourceFetchTiming, ResourceTimingType};
    use servo_default_resources as _;

    use super::super::test_requests::{origin, request, url};
    use super::*;

    fn response(values: &[&'static str]) -> Response {
        let timing = ResourceFetchTiming::new(ResourceTimingType::None);
        let mut response = Response::new(url("https://b.example/"), timing);
        for value in values {
            let value = HeaderValue::from_static(value);
            response.headers.append(CROSS_ORIGIN_RESOURCE_POLICY, value);
        }
        response
    }

    /// Whether a page of `page` may use a response from `target` with these headers.
    fn is_allowed(page: &str, target: &str, values: &[&'static str]) -> bool {
        let request = request(page, &[target]);
        let policy = EmbedderPolicy::default();
        let reported = |_, _: &str| panic!("a page without a policy has nothing to report");
        let verdict = check_request(&request, &policy, &url(target), &response(values), reported);
        let forbidden =
            is_forbidden_by_server(&origin(page), &url(target), &response(values).headers);
        assert_eq!(forbidden, verdict == Verdict::Blocked);
        verdict == Verdict::Allowed
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
            for (target, expected) in [(own, to_own), (site, to_site), (other, to_other)] {
                let found = is_allowed("https://a.example", target, values);
                assert_eq!(found, expected, "{values:?} {target}");
            }
        }
    }

    #[test]
    fn an_insecure_page_of_the_site_is_another_site() {
        for (page, target, expected) in [
            ("http://a.example", "https://a.example/", false),
            ("https://a.example", "http://a.example/", true),
            ("http://a.example", "http://x.a.example/", true),
        ] {
            assert_eq!(is_allowed(page, target, &["same-site"]), expected, "{page}");
        }
    }

    /// Whether a page with these two policies may use the response, and which of them it reports.
    fn check(
        request: &Request,
        value: EmbedderPolicyValue,
        report_only_value: EmbedderPolicyValue,
        response: &Response,
    ) -> (bool, String) {
        let policy = EmbedderPolicy {
            value,
            reporting_endpoint: "enforce".to_owned(),
            report_only_value,
            report_only_reporting_endpoint: "reporting".to_owned(),
        };
        let mut reports = String::new();
        let target = url("https://b.example/");
        let verdict = check_request(
            request,
            &policy,
            &target,
            response,
            |disposition, endpoint| {
                assert_eq!(disposition == Disposition::Enforce, endpoint == "enforce");
                reports = format!("{reports}{endpoint} ");
            },
        );
        (verdict == Verdict::Allowed, reports)
    }

    #[test]
    fn embedder_policies_need_a_word() {
        use EmbedderPolicyValue::{Credentialless, RequireCorp, UnsafeNone};
        for (policy, includes_credentials, values, expected) in [
            (UnsafeNone, true, &[][..], true),
            (RequireCorp, false, &[], false),
            (RequireCorp, true, &[], false),
            (RequireCorp, true, &["cross-origin"], true),
            (RequireCorp, true, &["nonsense"], false),
            (Credentialless, false, &[], true),
            (Credentialless, true, &[], false),
            (Credentialless, true, &["cross-origin"], true),
            (Credentialless, false, &["same-origin"], false),
        ] {
            let request = request("https://a.example", &["https://b.example/"]);
            let mut response = response(values);
            response.request_includes_credentials = includes_credentials;
            let what = format!("{policy:?} {includes_credentials} {values:?}");
            assert_eq!(
                check(&request, policy, UnsafeNone, &response).0,
                expected,
                "{what}"
            );
            // Only the server's own word is not the page's to report.
            let reports = check(&request, policy, policy, &response).1;
            let is_reported = !expected && values != ["same-origin"];
            assert_eq!(
                reports,
                if is_reported {
                    "reporting enforce "
                } else {
                    ""
                },
                "{what}"
            );
            let found = check(&request, UnsafeNone, policy, &response);
            let is_allowed = values != ["same-origin"];
            let reports = if is_reported { "reporting " } else { "" };
            assert_eq!(found, (is_allowed, reports.to_owned()), "{what}");
        }
    }

    #[test]
    fn navigations_matter_to_pages_with_an_embedder_policy_only() {
        use EmbedderPolicyValue::{Credentialless, RequireCorp, UnsafeNone};
        let mut request = request("https://a.example", &["https://b.example/"]);
        request.destination = Destination::IFrame;
        for (policy, values, expected) in [
            (UnsafeNone, &["same-origin"][..], true),
            (RequireCorp, &["same-origin"], false),
            (RequireCorp, &[], false),
            (RequireCorp, &["cross-origin"], true),
            (Credentialless, &[], false),
        ] {
            let found = check(&request, policy, UnsafeNone, &response(values)).0;
            assert_eq!(found, expected, "{policy:?} {values:?}");
        }
    }
}
