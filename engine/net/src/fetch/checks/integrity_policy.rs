//! [Integrity policies](https://w3c.github.io/webappsec-subresource-integrity/#integrity-policy): pages that want no script or
//! style sheet whose digest they have not stated.

use http::{HeaderMap, HeaderName};
use net_traits::request::{Destination, Request, RequestMode};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::integrity::Integrity;
use super::message_signatures::IntegrityKeys;
use crate::fetch::headers::header_list;

const INTEGRITY_POLICY: HeaderName = HeaderName::from_static("integrity-policy");

/// The [integrity policy](https://w3c.github.io/webappsec-subresource-integrity/#integrity-policy) of a document or worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntegrityPolicy {
    blocks_scripts: bool,
    blocks_styles: bool,
}

impl IntegrityPolicy {
    /// [Parses the policy](https://w3c.github.io/webappsec-subresource-integrity/#parse-integrity-policy-headers) that a
    /// response's headers state.
    ///
    /// NOTE: the header for policies that are only reported has no effect, as nothing is reported.
    pub fn parse(headers: &HeaderMap) -> Self {
        let dictionary = header_list::get(headers, &INTEGRITY_POLICY)
            .and_then(|value| Parser::new(&value).parse::<Dictionary>().ok());
        let Some(dictionary) = dictionary else {
            return Self::default();
        };
        // 1. Integrity can be stated in one place only; a policy about other places says nothing.
        if let Some(sources) = dictionary.get("sources")
            && !has_token(sources, "inline")
        {
            return Self::default();
        }
        // 2. Of the destinations, these are known.
        let blocks = |token| {
            dictionary
                .get("blocked-destinations")
                .is_some_and(|destinations| has_token(destinations, token))
        };
        Self {
            blocks_scripts: blocks("script"),
            blocks_styles: blocks("style"),
        }
    }

    /// [Should a request be blocked by Integrity Policy?](https://w3c.github.io/webappsec-subresource-integrity/#should-request-be-blocked-by-integrity-policy-section)
    /// This is the policy of who made `request`.
    pub fn should_request_be_blocked(self, request: &Request) -> bool {
        // 1. and 2. Let parsedMetadata be what the page states.
        let metadata = &request.integrity_metadata;
        let is_stated =
            Integrity::parse(metadata).is_some() || !IntegrityKeys::parse(metadata).is_empty();
        // 3. What is stated will be checked, if the response can be read.
        if is_stated
            && matches!(
                request.mode,
                RequestMode::CorsMode | RequestMode::SameOrigin
            )
        {
            return false;
        }
        // 4. No server has a part in a local URL.
        if request.current_url().is_local_scheme() {
            return false;
        }
        // 5. to 12. Is it about this destination?
        match request.destination {
            Destination::Script => self.blocks_scripts,
            Destination::Style => self.blocks_styles,
            _ => false,
        }
    }
}

/// Whether a member is an inner list with this token in it.
fn has_token(member: &ListEntry, token: &str) -> bool {
    let ListEntry::InnerList(list) = member else {
        return false;
    };
    list.items
        .iter()
        .any(|item| matches!(&item.bare_item, BareItem::Token(found) if found.as_str() == token))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::super::test_requests::{request, url};
    use super::*;

    fn parse(values: &[&str]) -> (bool, bool) {
        let headers: HeaderMap = values
            .iter()
            .map(|value| (INTEGRITY_POLICY, HeaderValue::from_str(value).unwrap()))
            .collect();
        let policy = IntegrityPolicy::parse(&headers);
        (policy.blocks_scripts, policy.blocks_styles)
    }

    #[test]
    fn the_header_is_a_dictionary_of_tokens() {
        for (values, expected) in [
            (&[][..], (false, false)),
            (&[""], (false, false)),
            (&["blocked-destinations=(script)"], (true, false)),
            (&["blocked-destinations=(script style x)"], (true, true)),
            (
                &["sources=(inline)", "blocked-destinations=(style)"],
                (false, true),
            ),
            (
                &["blocked-destinations=(script), endpoints=(a b)"],
                (true, false),
            ),
            (
                &["blocked-destinations=(script), sources=(x inline)"],
                (true, false),
            ),
            (
                &["blocked-destinations=(script), sources=(x)"],
                (false, false),
            ),
            (
                &["blocked-destinations=(script), sources=inline"],
                (false, false),
            ),
            (&["blocked-destinations=script"], (false, false)),
            (&["blocked-destinations=(\"script\")"], (false, false)),
            (&["blocked-destinations=(script"], (false, false)),
        ] {
            assert_eq!(parse(values), expected, "{values:?}");
        }
    }

    #[test]
    fn blocks_what_will_not_be_checked() {
        use Destination::{Image, Script, Style, Worker};
        use RequestMode::{CorsMode, NoCors, SameOrigin};
        let policy = IntegrityPolicy {
            blocks_scripts: true,
            blocks_styles: false,
        };
        let key = "ed25519-JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";
        for (destination, mode, metadata, blocked) in [
            (Script, CorsMode, "", true),
            (Script, CorsMode, "sha256-AAAA", false),
            (Script, SameOrigin, "sha256-AAAA", false),
            (Script, CorsMode, key, false),
            (Script, NoCors, "sha256-AAAA", true),
            (Script, CorsMode, "md5-AAAA", true),
            (Style, NoCors, "", false),
            (Image, NoCors, "", false),
            (Worker, SameOrigin, "", false),
        ] {
            let mut request = request("https://a.example", &["https://a.example/"]);
            request.destination = destination;
            request.mode = mode;
            request.integrity_metadata = metadata.to_owned();
            assert_eq!(
                policy.should_request_be_blocked(&request),
                blocked,
                "{destination:?} {metadata}"
            );
            assert!(!IntegrityPolicy::default().should_request_be_blocked(&request));
            *request.current_url_mut() = url("data:,x");
            assert!(!policy.should_request_be_blocked(&request));
        }
    }
}
