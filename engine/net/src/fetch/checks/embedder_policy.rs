//! [Embedder policies](https://html.spec.whatwg.org/multipage/browsers.html#embedder-policies): what a document accepts of
//! servers that have not agreed to be embedded.

use http::{HeaderMap, HeaderName};
use net_traits::request::{Request, RequestMode};
use net_traits::response::RedirectTaint;
use sfv::{BareItem, Item, Parser};

use super::origin_header::request_origin;
use super::redirect_taint::redirect_taint;
use crate::fetch::headers::header_list;

const CROSS_ORIGIN_EMBEDDER_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-embedder-policy");

/// An [embedder policy value](https://html.spec.whatwg.org/multipage/browsers.html#embedder-policy-value).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EmbedderPolicy {
    /// `unsafe-none`: everything.
    #[default]
    UnsafeNone,
    /// `credentialless`: other servers are asked without credentials, or have to agree.
    Credentialless,
    /// `require-corp`: other servers have to agree.
    RequireCorp,
}

impl EmbedderPolicy {
    /// [Obtains an embedder policy](https://html.spec.whatwg.org/multipage/browsers.html#obtain-an-embedder-policy) from the
    /// headers of a document's or worker's response.
    pub fn obtain(headers: &HeaderMap, is_secure_context: bool) -> Self {
        // 1. and 2. Without a secure context there is none.
        if !is_secure_context {
            return Self::UnsafeNone;
        }
        // 3. Let parsedItem be the header's.
        let parsed_item = header_list::get(headers, &CROSS_ORIGIN_EMBEDDER_POLICY)
            .and_then(|value| Parser::new(&value).parse::<Item>().ok());
        // 4. Its value, if it is one of these.
        // NOTE: 4.2. and 5. do not apply: nothing is reported.
        match parsed_item.map(|item| item.bare_item) {
            Some(BareItem::Token(token)) => match token.as_str() {
                "credentialless" => Self::Credentialless,
                "require-corp" => Self::RequireCorp,
                _ => Self::UnsafeNone,
            },
            // 6. Return policy.
            _ => Self::UnsafeNone,
        }
    }

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
    use EmbedderPolicy::{Credentialless, RequireCorp, UnsafeNone};
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
            assert_eq!(
                EmbedderPolicy::obtain(&headers, true),
                expected,
                "{values:?}"
            );
            assert_eq!(EmbedderPolicy::obtain(&headers, false), UnsafeNone);
        }
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
