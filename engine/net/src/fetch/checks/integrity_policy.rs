//! [Integrity policies](https://w3c.github.io/webappsec-subresource-integrity/#integrity-policy): pages that want no script or
//! style sheet whose digest they have not stated.

use http::{HeaderMap, HeaderName};
use net_traits::request::{Destination, Request, RequestMode};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::integrity::Integrity;
use super::message_signatures::IntegrityKeys;
use crate::fetch::headers::header_list;
use crate::reporting::NAME_LIMIT;

const INTEGRITY_POLICY: HeaderName = HeaderName::from_static("integrity-policy");
const INTEGRITY_POLICY_REPORT_ONLY: HeaderName =
    HeaderName::from_static("integrity-policy-report-only");

/// How many endpoints a policy may name; those that follow are passed over.
const ENDPOINTS_LIMIT: usize = 4;

/// An [integrity policy](https://w3c.github.io/webappsec-subresource-integrity/#integrity-policy) of a document or worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntegrityPolicy {
    blocks_scripts: bool,
    blocks_styles: bool,
    /// The names of the endpoints that hear of violations.
    pub endpoints: Vec<String>,
}

impl IntegrityPolicy {
    /// [Parses the policies](https://w3c.github.io/webappsec-subresource-integrity/#parse-integrity-policy-headers) that a
    /// response's headers state: the one that holds, and the one that is only reported.
    pub fn parse(headers: &HeaderMap) -> (Self, Self) {
        (
            Self::stated(headers, &INTEGRITY_POLICY),
            Self::stated(headers, &INTEGRITY_POLICY_REPORT_ONLY),
        )
    }

    /// [Processes an integrity policy](https://w3c.github.io/webappsec-subresource-integrity/#process-an-integrity-policy): the
    /// one in the header of this name.
    fn stated(headers: &HeaderMap, name: &HeaderName) -> Self {
        let dictionary = header_list::get(headers, name)
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
            // 3. And these are to hear of it.
            endpoints: dictionary
                .get("endpoints")
                .map_or_else(Vec::new, |endpoints| {
                    tokens(endpoints)
                        .filter(|name| name.len() <= NAME_LIMIT)
                        .take(ENDPOINTS_LIMIT)
                        .map(str::to_owned)
                        .collect()
                }),
        }
    }

    /// [Should a request be blocked by Integrity Policy?](https://w3c.github.io/webappsec-subresource-integrity/#should-request-be-blocked-by-integrity-policy-section)
    /// This is one of the two policies of who made `request`.
    pub fn should_request_be_blocked(&self, request: &Request) -> bool {
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
    tokens(member).any(|found| found == token)
}

/// The tokens in a member that is an inner list.
fn tokens(member: &ListEntry) -> impl Iterator<Item = &str> {
    let items = match member {
        ListEntry::InnerList(list) => list.items.as_slice(),
        ListEntry::Item(_) => &[],
    };
    items.iter().filter_map(|item| match &item.bare_item {
        BareItem::Token(token) => Some(token.as_str()),
        _ => None,
    })
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
        let (policy, report_only) = IntegrityPolicy::parse(&headers);
        assert_eq!(report_only, IntegrityPolicy::default());
        (policy.blocks_scripts, policy.blocks_styles)
    }

    #[test]
    fn what_is_reported_and_to_whom() {
        let headers: HeaderMap = [
            (
                INTEGRITY_POLICY,
                "blocked-destinations=(script), endpoints=(a \"x\" b)",
            ),
            (
                INTEGRITY_POLICY_REPORT_ONLY,
                "blocked-destinations=(style), endpoints=(c1 c2 c3 c4 c5 c6 c7 c8 c9)",
            ),
        ]
        .into_iter()
        .map(|(name, value)| (name, HeaderValue::from_static(value)))
        .collect();
        let (policy, report_only) = IntegrityPolicy::parse(&headers);
        assert_eq!(policy.endpoints, ["a", "b"]);
        assert!(policy.blocks_scripts && !policy.blocks_styles);
        assert_eq!(report_only.endpoints.len(), ENDPOINTS_LIMIT);
        assert!(!report_only.blocks_scripts && report_only.blocks_styles);
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
            endpoints: Vec::new(),
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
