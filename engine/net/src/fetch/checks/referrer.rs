//! [Referrer policy](https://w3c.github.io/webappsec-referrer-policy/): how much of its own URL a page shows to servers.

use http::HeaderMap;
use http::header::REFERRER_POLICY;
use net_traits::ReferrerPolicy;
use net_traits::request::Request;
use servo_url::ServoUrl;

use super::request_kind::is_http_scheme;
use super::trustworthy::is_url_potentially_trustworthy;
use crate::fetch::headers::header_list;

/// The longest referrer in bytes; longer ones are cut to their origin.
const REFERRER_LIMIT: usize = 4096;

/// [Determines a request's referrer](https://w3c.github.io/webappsec-referrer-policy/#determine-requests-referrer): what
/// goes into `Referer`, or `None` for no referrer. `is_secure_scheme` says whether the embedder registered a scheme as
/// authenticated.
pub fn determine_referrer(
    request: &Request,
    is_secure_scheme: impl Fn(&str) -> bool,
) -> Option<ServoUrl> {
    // 1. Let policy be the request's.
    let policy = match request.referrer_policy {
        // NB: the standard resolves the empty string in main fetch; it stands for the default.
        ReferrerPolicy::EmptyString => ReferrerPolicy::default(),
        policy => policy,
    };
    // 2 and 3. Script resolved “client” to a URL.
    let source = request.referrer.to_url()?;
    // 4. Let referrerURL be the source without what is nobody's business,
    let referrer_url = strip_url(source, false)?;
    // 5. and referrerOrigin its origin alone.
    let referrer_origin = strip_url(source, true)?;
    // 6. A long URL is cut to its origin.
    let referrer_url = if referrer_url.as_str().len() > REFERRER_LIMIT {
        referrer_origin.clone()
    } else {
        referrer_url
    };
    // 7. Does not apply: there is nothing else to hide here.
    // 8. The policy decides.
    let current_url = request.current_url();
    let is_same_origin = referrer_url.origin() == current_url.origin();
    let is_downgrade = is_url_potentially_trustworthy(&referrer_url, &is_secure_scheme)
        && !is_url_potentially_trustworthy(&current_url, &is_secure_scheme);
    match policy {
        ReferrerPolicy::NoReferrer => None,
        ReferrerPolicy::Origin => Some(referrer_origin),
        ReferrerPolicy::UnsafeUrl => Some(referrer_url),
        ReferrerPolicy::StrictOrigin => (!is_downgrade).then_some(referrer_origin),
        ReferrerPolicy::StrictOriginWhenCrossOrigin | ReferrerPolicy::EmptyString => {
            if is_same_origin {
                Some(referrer_url)
            } else {
                (!is_downgrade).then_some(referrer_origin)
            }
        },
        ReferrerPolicy::SameOrigin => is_same_origin.then_some(referrer_url),
        ReferrerPolicy::OriginWhenCrossOrigin => Some(if is_same_origin {
            referrer_url
        } else {
            referrer_origin
        }),
        ReferrerPolicy::NoReferrerWhenDowngrade => (!is_downgrade).then_some(referrer_url),
    }
}

/// [Strips a URL for use as a referrer](https://w3c.github.io/webappsec-referrer-policy/#strip-url), on request down to its
/// origin. `None` for no referrer.
pub fn strip_url(url: &ServoUrl, origin_only: bool) -> Option<ServoUrl> {
    // 1. Holds: url is not null.
    // 2. URLs with a local scheme are no referrers.
    // AD-HOC: nor are those of files and of the browser's own pages, which would tell servers about this machine.
    if !is_http_scheme(url.scheme()) {
        return None;
    }
    let mut stripped = url.clone();
    // 3 and 4. No user name, no password;
    stripped.set_username("").ok()?;
    stripped.set_password(None).ok()?;
    // 5. no fragment.
    stripped.set_fragment(None);
    // 6. For an origin, no path and no query either.
    if origin_only {
        let url = stripped.as_mut_url();
        url.set_path("");
        url.set_query(None);
    }
    // 7. Return url.
    Some(stripped)
}

/// [Parses a referrer policy from a `Referrer-Policy` header](https://w3c.github.io/webappsec-referrer-policy/#parse-referrer-policy-from-header).
/// The last policy that is known counts; the empty string if there is none.
pub fn parse_referrer_policy(headers: &HeaderMap) -> ReferrerPolicy {
    // 1. Let policy-tokens be the header's values.
    let tokens = header_list::extract_tokens(headers, &REFERRER_POLICY)
        .ok()
        .flatten()
        .unwrap_or_default();
    // 2 to 4. Return the last one that is a policy, or the empty string.
    tokens
        .iter()
        .rev()
        .map(|token| ReferrerPolicy::from(token.as_str()))
        .find(|policy| *policy != ReferrerPolicy::EmptyString)
        .unwrap_or(ReferrerPolicy::EmptyString)
}

/// [Sets a request's referrer policy on redirect](https://w3c.github.io/webappsec-referrer-policy/#set-requests-referrer-policy-on-redirect):
/// the policy for the next hop, given the `current` one and the headers of the redirect.
pub fn policy_after_redirect(current: ReferrerPolicy, headers: &HeaderMap) -> ReferrerPolicy {
    // 1. Let policy be the redirect's.
    match parse_referrer_policy(headers) {
        // 2. Without one the current policy stays.
        ReferrerPolicy::EmptyString => current,
        policy => policy,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use net_traits::request::Referrer;
    use proptest::prelude::*;

    use super::super::test_requests::{request, url};
    use super::*;

    fn referrer(source: &str, policy: ReferrerPolicy, target: &str) -> Option<String> {
        let mut request = request("https://a.example", &[target]);
        request.referrer = Referrer::ReferrerUrl(url(source));
        request.referrer_policy = policy;
        determine_referrer(&request, |_| false).map(ServoUrl::into_string)
    }

    #[test]
    fn each_policy_shows_its_part() {
        use ReferrerPolicy::*;
        let full = Some("https://a.example/p?q");
        let origin = Some("https://a.example/");
        for (policy, to_own, to_other, to_insecure) in [
            (NoReferrer, None, None, None),
            (Origin, origin, origin, origin),
            (UnsafeUrl, full, full, full),
            (StrictOrigin, origin, origin, None),
            (StrictOriginWhenCrossOrigin, full, origin, None),
            (EmptyString, full, origin, None),
            (SameOrigin, full, None, None),
            (OriginWhenCrossOrigin, full, origin, origin),
            (NoReferrerWhenDowngrade, full, full, None),
        ] {
            for (target, expected) in [
                ("https://a.example/x", to_own),
                ("https://b.example/x", to_other),
                ("http://b.example/x", to_insecure),
                ("http://a.example/x", to_insecure),
            ] {
                let found = referrer("https://me:secret@a.example/p?q#f", policy, target);
                assert_eq!(found.as_deref(), expected, "{policy:?} {target}");
            }
        }
    }

    #[test]
    fn an_insecure_page_cannot_downgrade() {
        let policy = ReferrerPolicy::StrictOriginWhenCrossOrigin;
        let found = referrer("http://a.example/p", policy, "http://b.example/");
        assert_eq!(found.as_deref(), Some("http://a.example/"));
        let found = referrer("https://a.example/p", policy, "http://localhost/");
        assert_eq!(found.as_deref(), Some("https://a.example/"));
    }

    #[test]
    fn only_http_urls_are_referrers() {
        for source in [
            "about:blank",
            "data:text/html,x",
            "blob:https://a.example/1",
            "file:///home/me/secret.html",
            "chrome:settings",
        ] {
            assert_eq!(
                referrer(source, ReferrerPolicy::UnsafeUrl, "https://b.example/"),
                None,
                "{source}"
            );
        }
        let none = request("https://a.example", &["https://b.example/"]);
        assert_eq!(determine_referrer(&none, |_| false), None);
    }

    #[test]
    fn long_urls_are_cut_to_their_origin() {
        let of_length = |length: usize| {
            let start = "https://a.example/";
            format!("{start}{}", "x".repeat(length - start.len()))
        };
        let show = |source: &str| referrer(source, ReferrerPolicy::UnsafeUrl, "https://b.example/");
        assert_eq!(show(&of_length(4096)), Some(of_length(4096)));
        assert_eq!(
            show(&of_length(4097)).as_deref(),
            Some("https://a.example/")
        );
    }

    #[test]
    fn the_last_known_policy_of_the_header_counts() {
        let parse = |values: &[&'static str]| {
            let headers: HeaderMap = values
                .iter()
                .map(|value| (REFERRER_POLICY, HeaderValue::from_static(value)))
                .collect();
            parse_referrer_policy(&headers)
        };
        for (values, expected) in [
            (&[][..], ReferrerPolicy::EmptyString),
            (&[""], ReferrerPolicy::EmptyString),
            (&["origin"], ReferrerPolicy::Origin),
            (&["Origin"], ReferrerPolicy::Origin),
            (&["origin, same-origin"], ReferrerPolicy::SameOrigin),
            (&["origin", "no-referrer"], ReferrerPolicy::NoReferrer),
            (&["origin, someday-policy"], ReferrerPolicy::Origin),
            (&["always"], ReferrerPolicy::EmptyString),
            (&["origin;x"], ReferrerPolicy::EmptyString),
        ] {
            assert_eq!(parse(values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_redirect_changes_the_policy_only_if_it_names_one() {
        let current = ReferrerPolicy::Origin;
        let mut headers = HeaderMap::new();
        assert_eq!(policy_after_redirect(current, &headers), current);
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        assert_eq!(
            policy_after_redirect(current, &headers),
            ReferrerPolicy::NoReferrer
        );
    }

    proptest! {
        #[test]
        fn referrers_never_show_credentials_or_fragments(
            user in "[a-z]{0,4}", password in "[a-z]{0,4}", path in "[a-z/]{0,8}", fragment in "[a-z]{0,4}",
        ) {
            let text = format!("https://{user}:{password}@a.example/{path}#{fragment}");
            for origin_only in [false, true] {
                let stripped = strip_url(&url(&text), origin_only).unwrap();
                prop_assert_eq!(stripped.username(), "");
                prop_assert_eq!(stripped.password(), None);
                prop_assert_eq!(stripped.fragment(), None);
                prop_assert_eq!(stripped.origin(), url(&text).origin());
            }
        }
    }
}
