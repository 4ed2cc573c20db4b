//! [Embedder policies](https://html.spec.whatwg.org/multipage/browsers.html#embedder-policies): what a document accepts of
//! servers that have not agreed to be embedded.

use http::{HeaderMap, HeaderName};
use net_traits::request::{Request, RequestMode};
use net_traits::response::RedirectTaint;
use sfv::{BareItem, Item, Parser};

use super::origin_header::request_origin;
use super::redirect_taint::redirect_taint;
use crate::fetch::headers::header_list;
use crate::reporting::{Disposition, NAME_LIMIT};

const CROSS_ORIGIN_EMBEDDER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-embedder-policy");
const CROSS_ORIGIN_EMBEDDER_POLICY_REPORT_ONLY: HeaderName =
    HeaderName::from_static("cross-origin-embedder-policy-report-only");

/// An [embedder policy value](https://html.spec.whatwg.org/multipage/browsers.html#embedder-policy-value).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmbedderPolicyValue {
    /// `unsafe-none`: everything.
    #[default]
    UnsafeNone,
    /// `credentialless`: other servers are asked without credentials, or have to agree.
    Credentialless,
    /// `require-corp`: other servers have to agree.
    RequireCorp,
}

/// An [embedder policy](https://html.spec.whatwg.org/multipage/browsers.html#embedder-policy).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbedderPolicy {
    /// What holds.
    pub value: EmbedderPolicyValue,
    /// The name of the endpoint that hears of violations of it; empty for none.
    pub reporting_endpoint: String,
    /// What does not hold, but is reported.
    pub report_only_value: EmbedderPolicyValue,
    /// The name of the endpoint that hears of those violations; empty for none.
    pub report_only_reporting_endpoint: String,
}

impl EmbedderPolicy {
    /// [Obtains an embedder policy](https://html.spec.whatwg.org/multipage/browsers.html#obtain-an-embedder-policy) from the
    /// headers of a document's or worker's response.
    pub fn obtain(headers: &HeaderMap, is_secure_context: bool) -> Self {
        // 1. and 2. Without a secure context there is none.
        if !is_secure_context {
            return Self::default();
        }
        // 3. and 4. What holds.
        let (value, reporting_endpoint) = stated(headers, &CROSS_ORIGIN_EMBEDDER_POLICY);
        // 5. and 6. What is only reported.
        let (report_only_value, report_only_reporting_endpoint) =
            stated(headers, &CROSS_ORIGIN_EMBEDDER_POLICY_REPORT_ONLY);
        // 7. Return policy.
        Self {
            value,
            reporting_endpoint,
            report_only_value,
            report_only_reporting_endpoint,
        }
    }

    /// Of this policy's two values, those that `violates`, each with how that is reported and to whom.
    pub fn violations(
        &self,
        violates: impl Fn(EmbedderPolicyValue) -> bool,
    ) -> impl Iterator<Item = (Disposition, &str)> {
        [
            (
                self.report_only_value,
                Disposition::Reporting,
                self.report_only_reporting_endpoint.as_str(),
            ),
            (
                self.value,
                Disposition::Enforce,
                self.reporting_endpoint.as_str(),
            ),
        ]
        .into_iter()
        .filter(move |(value, ..)| violates(*value))
        .map(|(_, disposition, endpoint)| (disposition, endpoint))
    }
}

/// The value that a header states, and the name of the endpoint for its violations.
fn stated(headers: &HeaderMap, name: &HeaderName) -> (EmbedderPolicyValue, String) {
    let nothing = (EmbedderPolicyValue::UnsafeNone, String::new());
    let parsed_item =
        header_list::get(headers, name).and_then(|value| Parser::new(&value).parse::<Item>().ok());
    let Some(Item { bare_item, params }) = parsed_item else {
        return nothing;
    };
    let BareItem::Token(token) = bare_item else {
        return nothing;
    };
    let value = match token.as_str() {
        "credentialless" => EmbedderPolicyValue::Credentialless,
        "require-corp" => EmbedderPolicyValue::RequireCorp,
        _ => return nothing,
    };
    let endpoint = match params.get("report-to") {
        Some(BareItem::String(name)) if name.as_str().len() <= NAME_LIMIT => {
            name.as_str().to_owned()
        },
        _ => String::new(),
    };
    (value, endpoint)
}

impl EmbedderPolicyValue {
    /// Whether this is
    /// [compatible with cross-origin isolation](https://html.spec.whatwg.org/multipage/browsers.html#compatible-with-cross-origin-isolation).
    pub fn is_compatible_with_isolation(self) -> bool {
        self != Self::UnsafeNone
    }

    /// Whether a document or dedicated worker of this policy may be embedded by one of the policy `embedder`:
    /// [check a navigation response's adherence to its embedder policy](https://html.spec.whatwg.org/multipage/browsers.html#check-a-navigation-response's-adherence-to-its-embedder-policy)
    /// and
    /// [check a global object's embedder policy](https://html.spec.whatwg.org/multipage/browsers.html#check-a-global-object's-embedder-policy).
    pub fn may_be_embedded_by(self, embedder: Self) -> bool {
        !embedder.is_compatible_with_isolation() || self.is_compatible_with_isolation()
    }

    /// Whether
    /// [Cross-Origin-Embedder-Policy allows credentials](https://fetch.spec.whatwg.org/#cross-origin-embedder-policy-allows-credentials)
    /// of a request by a page of this policy.
    pub fn allows_credentials(self, request: &Request) -> bool {
        // 2. Only requests that nobody asked permission for are without.
        request.mode != RequestMode::NoCors
            // 3. NB: nobody's request is of a page without a policy.
            // 4. Only this policy takes them away,
            || self != Self::Credentialless
            // 5. and not from the page's own server, unless another one had a part in it.
            || request_origin(request) == Some(request.current_url().origin())
                && redirect_taint(request) == RedirectTaint::SameOrigin
        // 6. Otherwise it does not.
    }
}

#[cfg(test)]
mod tests {
    use EmbedderPolicyValue::{Credentialless, RequireCorp, UnsafeNone};
    use http::HeaderValue;
    use servo_default_resources as _;

    use super::super::test_requests::request;
    use super::*;

    #[test]
    fn the_header_is_one_token() {
        for (values, expected) in [
            (&[][..], UnsafeNone),
            (&["require-corp"], RequireCorp),
            (&["credentialless"], Credentialless),
            (&["require-corp; report-to=\"x\""], RequireCorp),
            (&["unsafe-none"], UnsafeNone),
            (&["Require-Corp"], UnsafeNone),
            (&["\"require-corp\""], UnsafeNone),
            (&["require-corp, require-corp"], UnsafeNone),
            (&["require-corp", "require-corp"], UnsafeNone),
            (&["require-corp;"], UnsafeNone),
            (&["jibberish"], UnsafeNone),
        ] {
            let headers: HeaderMap = values
                .iter()
                .map(|value| {
                    let value = HeaderValue::from_static(value);
                    (CROSS_ORIGIN_EMBEDDER_POLICY, value)
                })
                .collect();
            let policy = EmbedderPolicy::obtain(&headers, true);
            assert_eq!(policy.value, expected, "{values:?}");
            assert_eq!(policy.report_only_value, UnsafeNone);
            let policy = EmbedderPolicy::obtain(&headers, false);
            assert_eq!(policy, EmbedderPolicy::default());
        }
    }

    #[test]
    fn each_header_has_its_endpoint() {
        let obtain = |values: &[(&HeaderName, &'static str)]| {
            let headers = values
                .iter()
                .map(|(name, value)| ((*name).clone(), HeaderValue::from_static(value)))
                .collect();
            EmbedderPolicy::obtain(&headers, true)
        };
        let enforced = &CROSS_ORIGIN_EMBEDDER_POLICY;
        let report_only = &CROSS_ORIGIN_EMBEDDER_POLICY_REPORT_ONLY;
        let policy = obtain(&[
            (enforced, "credentialless; report-to=\"a\""),
            (report_only, "require-corp; report-to=\"b\""),
        ]);
        let found = |violated: &[EmbedderPolicyValue]| -> Vec<_> {
            let violations = policy.violations(|value| violated.contains(&value));
            violations
                .map(|(_, endpoint)| endpoint.to_owned())
                .collect()
        };
        assert_eq!(found(&[Credentialless]), ["a"]);
        assert_eq!(found(&[RequireCorp]), ["b"]);
        assert_eq!(found(&[RequireCorp, Credentialless]), ["b", "a"]);
        assert!(found(&[UnsafeNone]).is_empty());
        for value in [
            "require-corp; report-to=token",
            "require-corp; report-to",
            "require-corp",
        ] {
            let policy = obtain(&[(report_only, value)]);
            assert_eq!(policy.report_only_value, RequireCorp);
            assert_eq!(policy.report_only_reporting_endpoint, "", "{value}");
            assert_eq!(policy.value, UnsafeNone);
        }
        // Two headers are one value, and a comma may stand within its string.
        let policy = obtain(&[
            (enforced, "require-corp; x=\""),
            (enforced, "\"; report-to=\"a\""),
        ]);
        assert_eq!(policy.value, RequireCorp);
        assert_eq!(policy.reporting_endpoint, "a");
    }

    #[test]
    fn isolated_documents_embed_isolated_ones() {
        for embedder in [Credentialless, RequireCorp] {
            assert!(!UnsafeNone.may_be_embedded_by(embedder));
            assert!(Credentialless.may_be_embedded_by(embedder));
            assert!(RequireCorp.may_be_embedded_by(embedder));
        }
        assert!(UnsafeNone.may_be_embedded_by(UnsafeNone));
        assert!(RequireCorp.may_be_embedded_by(UnsafeNone));
    }

    #[test]
    fn credentialless_takes_credentials_from_no_cors_requests_elsewhere() {
        let (own, other) = ("https://a.example/", "https://b.example/");
        for (urls, allowed) in [
            (&[own][..], true),
            (&[other], false),
            (&[own, other], false),
            (&[other, own], false),
        ] {
            let mut request = request("https://a.example", urls);
            request.mode = RequestMode::NoCors;
            assert_eq!(
                Credentialless.allows_credentials(&request),
                allowed,
                "{urls:?}"
            );
            assert!(RequireCorp.allows_credentials(&request));
            assert!(UnsafeNone.allows_credentials(&request));
            request.mode = RequestMode::CorsMode;
            assert!(Credentialless.allows_credentials(&request));
        }
    }
}
