//! [Content Security Policy](https://w3c.github.io/webappsec-csp/) for fetches: the request in the form that the policy
//! engine takes, and the three questions that Fetch asks of it.

use content_security_policy as policy;
use net_traits::policy_container::{PolicyContainer, RequestPolicyContainer};
use net_traits::request::{Initiator, InternalRequest, ParserMetadata, Request, RequestMode};
use servo_url::{ImmutableOrigin, ServoUrl};
use url::Url;

use super::origin_header::request_origin;

/// What a page's policies say.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Whether an enforced policy forbids the request or response.
    pub blocked: bool,
    /// What to report to the page, of enforced and of report-only policies.
    pub violations: Vec<policy::Violation>,
}

impl From<(policy::CheckResult, Vec<policy::Violation>)> for Verdict {
    fn from((result, violations): (policy::CheckResult, Vec<policy::Violation>)) -> Self {
        Self {
            blocked: result == policy::CheckResult::Blocked,
            violations,
        }
    }
}

/// The [policy container](https://fetch.spec.whatwg.org/#concept-request-policy-container) of a request, also before it was
/// populated from its client.
pub fn policy_container(request: &Request) -> Option<&PolicyContainer> {
    match &request.policy_container {
        RequestPolicyContainer::PolicyContainer(container) => Some(container),
        RequestPolicyContainer::Client => request
            .client
            .as_ref()
            .map(|client| &client.policy_container),
    }
}

/// The request as the policy engine sees it; `None` if the browser itself made it, which no page's policy governs.
pub fn to_csp_request(request: &Request) -> Option<policy::Request> {
    if request.is_internal_request == InternalRequest::Yes {
        return None;
    }
    let origin = request_origin(request).unwrap_or_else(ImmutableOrigin::new_opaque);
    Some(policy::Request {
        url: url_of_policy(request, &request.url()),
        current_url: url_of_policy(request, &request.current_url()),
        origin: origin.into_url_origin(),
        redirect_count: request.redirect_count,
        destination: request.destination,
        initiator: match request.initiator {
            Initiator::Download => policy::Initiator::Download,
            Initiator::ImageSet => policy::Initiator::ImageSet,
            Initiator::Manifest => policy::Initiator::Manifest,
            Initiator::Prefetch => policy::Initiator::Prefetch,
            Initiator::XSLT => policy::Initiator::Xslt,
            Initiator::None | Initiator::Link => policy::Initiator::None,
        },
        nonce: request.cryptographic_nonce_metadata.clone(),
        integrity_metadata: request.integrity_metadata.clone(),
        parser_metadata: match request.parser_metadata {
            ParserMetadata::ParserInserted => policy::ParserMetadata::ParserInserted,
            ParserMetadata::NotParserInserted => policy::ParserMetadata::NotParserInserted,
            ParserMetadata::Default => policy::ParserMetadata::None,
        },
    })
}

/// A URL in the spelling that policies use.
///
/// AD-HOC: a WebSocket is fetched with an HTTP(S) URL, but policies name it by `ws` and `wss`
/// (<https://github.com/w3c/webappsec-csp/issues/532>).
fn url_of_policy(request: &Request, url: &ServoUrl) -> Url {
    let mut url = url.clone().into_url();
    if matches!(request.mode, RequestMode::WebSocket { .. }) {
        let scheme = match url.scheme() {
            "http" => "ws",
            "https" => "wss",
            _ => return url,
        };
        // NB: a change between these schemes cannot fail; if it did, the URL would match less, not more.
        let _ = url.set_scheme(scheme);
    }
    url
}

fn policies(request: &Request) -> Option<&policy::CspList> {
    policy_container(request)?.csp_list.as_ref()
}

/// [Reports violations for a request](https://w3c.github.io/webappsec-csp/#report-for-request): those of report-only
/// policies.
pub fn report_only_violations(request: &Request) -> Vec<policy::Violation> {
    let (Some(policies), Some(csp_request)) = (policies(request), to_csp_request(request)) else {
        return Vec::new();
    };
    policies.report_violations_for_request(&csp_request)
}

/// [Should a request be blocked by Content Security Policy?](https://w3c.github.io/webappsec-csp/#should-block-request)
pub fn should_request_be_blocked(request: &Request) -> Verdict {
    let (Some(policies), Some(csp_request)) = (policies(request), to_csp_request(request)) else {
        return Verdict::default();
    };
    policies.should_request_be_blocked(&csp_request).into()
}

/// [Should a response be blocked by Content Security Policy?](https://w3c.github.io/webappsec-csp/#should-block-response) It
/// came from `response_url`.
pub fn should_response_be_blocked(request: &Request, response_url: &ServoUrl) -> Verdict {
    let (Some(policies), Some(csp_request)) = (policies(request), to_csp_request(request)) else {
        return Verdict::default();
    };
    let csp_response = policy::Response {
        url: url_of_policy(request, response_url),
        redirect_count: request.redirect_count,
    };
    policies
        .should_response_to_request_be_blocked(&csp_request, &csp_response)
        .into()
}

#[cfg(test)]
mod tests {
    use net_traits::request::Destination;

    use super::super::test_requests::{request, url};
    use super::*;

    fn with_policy(
        text: &str,
        disposition: policy::PolicyDisposition,
        destination: Destination,
        urls: &[&str],
    ) -> Request {
        let mut request = request("https://a.example", urls);
        request.destination = destination;
        request.redirect_count = u32::try_from(urls.len()).unwrap() - 1;
        request.policy_container = RequestPolicyContainer::PolicyContainer(PolicyContainer {
            csp_list: Some(policy::CspList::parse(
                text,
                policy::PolicySource::Header,
                disposition,
            )),
            ..PolicyContainer::default()
        });
        request
    }

    fn enforced(text: &str, destination: Destination, urls: &[&str]) -> Request {
        with_policy(text, policy::PolicyDisposition::Enforce, destination, urls)
    }

    #[test]
    fn an_enforced_policy_blocks_and_reports() {
        for (text, target, blocked) in [
            ("img-src 'self'", "https://a.example/x", false),
            ("img-src 'self'", "https://b.example/x", true),
            ("img-src https:", "http://b.example/x", true),
            ("script-src 'none'", "https://b.example/x", false),
            ("default-src 'none'", "https://a.example/x", true),
        ] {
            let request = enforced(text, Destination::Image, &[target]);
            let verdict = should_request_be_blocked(&request);
            assert_eq!(verdict.blocked, blocked, "{text} {target}");
            assert_eq!(verdict.violations.len(), usize::from(blocked));
            assert!(report_only_violations(&request).is_empty());
        }
    }

    #[test]
    fn a_report_only_policy_only_reports() {
        let request = with_policy(
            "img-src 'none'",
            policy::PolicyDisposition::Report,
            Destination::Image,
            &["https://b.example/x"],
        );
        assert!(!should_request_be_blocked(&request).blocked);
        assert_eq!(report_only_violations(&request).len(), 1);
        let verdict = should_response_be_blocked(&request, &request.current_url());
        assert!(!verdict.blocked);
        assert_eq!(verdict.violations.len(), 1);
    }

    #[test]
    fn a_redirect_out_of_the_policy_is_blocked() {
        let hops = ["https://a.example/x", "https://b.example/x"];
        let request = enforced("img-src 'self'", Destination::Image, &hops);
        assert!(should_request_be_blocked(&request).blocked);
        assert!(should_response_be_blocked(&request, &url(hops[1])).blocked);
        let first = enforced("img-src 'self'", Destination::Image, &hops[..1]);
        assert!(!should_response_be_blocked(&first, &url(hops[0])).blocked);
    }

    #[test]
    fn web_sockets_go_by_their_own_scheme() {
        for (text, blocked) in [
            ("connect-src wss://b.example", false),
            ("connect-src https://b.example", true),
            ("connect-src wss://c.example", true),
        ] {
            let mut request = enforced(text, Destination::None, &["https://b.example/x"]);
            request.mode = RequestMode::WebSocket {
                protocols: vec![],
                original_url: url("wss://b.example/x"),
            };
            assert_eq!(
                should_request_be_blocked(&request).blocked,
                blocked,
                "{text}"
            );
            let verdict = should_response_be_blocked(&request, &url("https://b.example/x"));
            assert_eq!(verdict.blocked, blocked, "{text}");
        }
    }

    #[test]
    fn the_browsers_own_requests_are_free() {
        let mut request = enforced(
            "default-src 'none'",
            Destination::Image,
            &["https://b.example/"],
        );
        assert!(should_request_be_blocked(&request).blocked);
        request.is_internal_request = InternalRequest::Yes;
        assert!(!should_request_be_blocked(&request).blocked);
        assert!(!should_response_be_blocked(&request, &url("https://b.example/")).blocked);
    }

    #[test]
    fn an_unpopulated_request_has_its_clients_policies() {
        let mut request = enforced(
            "default-src 'none'",
            Destination::Image,
            &["https://b.example/"],
        );
        let RequestPolicyContainer::PolicyContainer(container) =
            std::mem::take(&mut request.policy_container)
        else {
            panic!("the request has a policy container");
        };
        if let Some(client) = &mut request.client {
            client.policy_container = container;
        }
        assert!(should_request_be_blocked(&request).blocked);
        request.client = None;
        assert!(!should_request_be_blocked(&request).blocked);
    }
}
