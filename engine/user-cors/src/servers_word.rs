//! Step 4: the ways in which a server can say no without answering CORS.
//!
//! `Access-Control-Prevent-Origin` is a structured-field List of Tokens and Strings, each `*` or a serialized origin,
//! with an optional Integer parameter `max-age` in seconds:
//!
//! ```text
//! Access-Control-Prevent-Origin: *;max-age=86400, "https://a.example"
//! ```

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, KeyRef, List, ListEntry, Parser};

use crate::{
    clock::Timestamp,
    opt_out::OptOuts,
    origin::{Scheme, Site, TupleOrigin},
    refusal::Refusal,
};

/// The header that names whom the server does not want to share with.
pub const ACCESS_CONTROL_PREVENT_ORIGIN: HeaderName =
    HeaderName::from_static("access-control-prevent-origin");

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// The longest time for which a server's no is remembered.
pub const MAX_OPT_OUT_AGE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The most members of one header that are told apart; more count as unparsable.
const MAX_MEMBERS: usize = 64;

/// Whom a member of `Access-Control-Prevent-Origin` names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Prevented {
    /// `*`: everyone.
    Everyone,
    /// One origin.
    Origin(TupleOrigin),
}

impl Prevented {
    /// Whether this names the origin.
    pub fn names(&self, origin: &TupleOrigin) -> bool {
        match self {
            Self::Everyone => true,
            Self::Origin(named) => named == origin,
        }
    }
}

/// One member of `Access-Control-Prevent-Origin`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreventOriginMember {
    /// Whom it names.
    pub prevented: Prevented,
    /// How long to remember it, at most [`MAX_OPT_OUT_AGE`]; zero forgets; `None` is for this response only.
    pub max_age: Option<Duration>,
}

/// `Access-Control-Prevent-Origin` of one response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PreventOrigin {
    /// No such header, or an empty one.
    Absent,
    /// Its members.
    Members(Vec<PreventOriginMember>),
    /// It could not be parsed, so it counts as `*` for this response.
    Unparsable,
}

impl PreventOrigin {
    /// Reads the header of a response. Several field lines are one list.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9651#name-parsing-structured-fields>
    pub fn parse(headers: &HeaderMap) -> Self {
        let lines: Vec<&[u8]> = headers
            .get_all(ACCESS_CONTROL_PREVENT_ORIGIN)
            .iter()
            .map(|value| value.as_bytes())
            .collect();
        if lines.is_empty() {
            return Self::Absent;
        }
        let Ok(list) = Parser::new(&lines.join(&b", "[..])).parse::<List>() else {
            return Self::Unparsable;
        };
        if list.is_empty() {
            return Self::Absent;
        }
        if list.len() > MAX_MEMBERS {
            return Self::Unparsable;
        }
        list.iter()
            .map(parse_member)
            .collect::<Option<Vec<_>>>()
            .map_or(Self::Unparsable, Self::Members)
    }

    /// Whether the response itself says no to the origin. A member with `max-age=0` still speaks for its own response.
    pub fn names(&self, origin: &TupleOrigin) -> bool {
        match self {
            Self::Absent => false,
            Self::Unparsable => true,
            Self::Members(members) => members.iter().any(|member| member.prevented.names(origin)),
        }
    }

    /// The members to remember or to forget.
    pub fn remembered(&self) -> &[PreventOriginMember] {
        match self {
            Self::Members(members) => members,
            Self::Absent | Self::Unparsable => &[],
        }
    }
}

fn parse_member(entry: &ListEntry) -> Option<PreventOriginMember> {
    let ListEntry::Item(item) = entry else {
        return None;
    };
    let text = match &item.bare_item {
        BareItem::Token(token) => token.as_str(),
        BareItem::String(string) => string.as_str(),
        _ => return None,
    };
    let prevented = match text {
        "*" => Prevented::Everyone,
        _ => Prevented::Origin(TupleOrigin::parse(text)?),
    };
    let max_age = match item.params.get(KeyRef::constant("max-age")) {
        None => None,
        Some(value) => {
            let seconds = u64::try_from(i64::from(value.as_integer()?)).ok()?;
            Some(Duration::from_secs(seconds).min(MAX_OPT_OUT_AGE))
        },
    };
    Some(PreventOriginMember { prevented, max_age })
}

/// What `Cross-Origin-Resource-Policy` of a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourcePolicy {
    /// `same-origin`
    SameOrigin,
    /// `same-site`
    SameSite,
    /// `cross-origin`, absent, or nothing that is understood.
    CrossOrigin,
}

impl ResourcePolicy {
    /// Reads the header.
    ///
    /// AD-HOC: Fetch ignores a header with several values. Here each value counts and the strictest wins, since in doubt
    /// the server has said no.
    ///
    /// <https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header>
    pub fn parse(headers: &HeaderMap) -> Self {
        let mut policy = Self::CrossOrigin;
        for line in headers.get_all(CROSS_ORIGIN_RESOURCE_POLICY) {
            for value in line.as_bytes().split(|byte| *byte == b',') {
                match value.trim_ascii() {
                    b"same-origin" => return Self::SameOrigin,
                    b"same-site" => policy = Self::SameSite,
                    _ => {},
                }
            }
        }
        policy
    }
}

/// `Cross-Origin-Resource-Policy` of the answering hop, for a target that is not the requester's origin.
///
/// <https://fetch.spec.whatwg.org/#cross-origin-resource-policy-internal-check>
///
/// # Errors
/// If the policy does not let the requester have the response.
pub fn cross_origin_resource_policy_check(
    headers: &HeaderMap,
    requester: &TupleOrigin,
    target: &TupleOrigin,
) -> Result<(), Refusal> {
    match ResourcePolicy::parse(headers) {
        ResourcePolicy::CrossOrigin => Ok(()),
        ResourcePolicy::SameOrigin => Err(Refusal::ResourcePolicySameOrigin),
        ResourcePolicy::SameSite => {
            let same_site = requester.is_schemelessly_same_site(target)
                && (requester.scheme() == Scheme::Https || target.scheme() != Scheme::Https);
            if same_site {
                Ok(())
            } else {
                Err(Refusal::ResourcePolicySameSite)
            }
        },
    }
}

/// Step 4: whether the server said no on these responses or earlier. `answering` is the failing response; `preflight` is
/// the preflight's, where there was one and it is not the failing one.
///
/// # Errors
/// The no that was found.
pub fn servers_word(
    answering: &HeaderMap,
    preflight: Option<&HeaderMap>,
    partition: &Site,
    requester: &TupleOrigin,
    target: &TupleOrigin,
    remembered: &OptOuts,
    now: Timestamp,
) -> Result<(), Refusal> {
    for headers in [Some(answering), preflight].into_iter().flatten() {
        if PreventOrigin::parse(headers).names(requester) {
            return Err(Refusal::PreventedByServer);
        }
    }
    if remembered.names(partition, target, requester, now) {
        return Err(Refusal::PreventedByMemory);
    }
    cross_origin_resource_policy_check(answering, requester, target)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        headers
    }

    fn prevent(lines: &[&str]) -> PreventOrigin {
        let lines: Vec<_> = lines
            .iter()
            .map(|line| ("access-control-prevent-origin", *line))
            .collect();
        PreventOrigin::parse(&headers(&lines))
    }

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap()
    }

    #[test]
    fn named_origins() {
        let (a, b) = (origin("https://a.example"), origin("https://b.example"));
        for (lines, names_a, names_b) in [
            (&[][..], false, false),
            (&[""], false, false),
            (&["*"], true, true),
            (&["\"https://a.example\""], true, false),
            (&["https://a.example"], true, false),
            (&["\"*\""], true, true),
            (
                &["\"https://a.example\", https://b.example;max-age=5"],
                true,
                true,
            ),
            (
                &["\"https://a.example\"", "\"https://b.example\""],
                true,
                true,
            ),
            (&["\"https://a.example\";max-age=0"], true, false),
            (&["\"https://a.example\";future=?1"], true, false),
            // Unparsable ones count as `*`.
            (&["\"https://a.example"], true, true),
            (&["\"https://a.example/\""], true, true),
            (&["(\"https://a.example\")"], true, true),
            (&["1"], true, true),
            (&["\"https://a.example\";max-age=-1"], true, true),
            (&["\"https://a.example\";max-age=1.5"], true, true),
            (&["\"https://a.example\";max-age"], true, true),
            (&["none"], true, true),
            (&["null"], true, true),
            (&["*", "\u{e9}"], true, true),
        ] {
            let parsed = prevent(lines);
            assert_eq!(
                (parsed.names(&a), parsed.names(&b)),
                (names_a, names_b),
                "{lines:?}"
            );
        }
    }

    #[test]
    fn max_age_is_at_most_a_year() {
        let parsed = prevent(&[
            "*;max-age=999999999999999, \"https://a.example\";max-age=60, \"https://b.example\"",
        ]);
        let ages: Vec<_> = parsed
            .remembered()
            .iter()
            .map(|member| member.max_age)
            .collect();
        assert_eq!(
            ages,
            [Some(MAX_OPT_OUT_AGE), Some(Duration::from_secs(60)), None]
        );
    }

    #[test]
    fn too_many_members_count_as_everyone() {
        let many: Vec<_> = (0..=MAX_MEMBERS)
            .map(|n| format!("\"https://a{n}.example\""))
            .collect();
        assert_eq!(prevent(&[&many.join(", ")]), PreventOrigin::Unparsable);
    }

    #[test]
    fn resource_policy() {
        let (requester, target) = (origin("https://www.a.example"), origin("https://b.example"));
        let same_site = origin("https://api.a.example");
        let check = |value: &str, requester: &TupleOrigin, target: &TupleOrigin| {
            cross_origin_resource_policy_check(
                &headers(&[("cross-origin-resource-policy", value)]),
                requester,
                target,
            )
        };
        assert_eq!(
            check("same-origin", &requester, &target),
            Err(Refusal::ResourcePolicySameOrigin)
        );
        assert_eq!(
            check("same-site", &requester, &target),
            Err(Refusal::ResourcePolicySameSite)
        );
        assert_eq!(check("same-site", &requester, &same_site), Ok(()));
        assert_eq!(
            check("same-site", &origin("http://a.example"), &same_site),
            Err(Refusal::ResourcePolicySameSite)
        );
        assert_eq!(check("cross-origin", &requester, &target), Ok(()));
        assert_eq!(check("Same-Origin", &requester, &target), Ok(()));
        assert_eq!(
            check("cross-origin, same-origin", &requester, &target),
            Err(Refusal::ResourcePolicySameOrigin)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_absent_or_a_no_or_a_list(bytes in prop::collection::vec(any::<u8>(), 1..48)) {
            let mut map = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                map.append(ACCESS_CONTROL_PREVENT_ORIGIN, value);
                if PreventOrigin::parse(&map) == PreventOrigin::Absent {
                    prop_assert!(bytes.iter().all(|byte| matches!(byte, b' ' | b'\t')));
                }
            }
        }

        #[test]
        fn serialized_origins_read_back(host in "[a-z]{1,8}\\.[a-z]{2,4}", age in proptest::option::of(0u32..40_000_000)) {
            let parameter = age.map_or(String::new(), |age| format!(";max-age={age}"));
            let parsed = prevent(&[&format!("\"https://{host}\"{parameter}")]);
            let expected = PreventOriginMember {
                prevented: Prevented::Origin(origin(&format!("https://{host}"))),
                max_age: age.map(|age| Duration::from_secs(age.into()).min(MAX_OPT_OUT_AGE)),
            };
            prop_assert_eq!(parsed, PreventOrigin::Members(vec![expected]));
        }
    }
}
