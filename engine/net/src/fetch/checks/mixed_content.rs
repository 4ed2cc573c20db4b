//! [Mixed content](https://w3c.github.io/webappsec-mixed-content/): what a secure page may not fetch insecurely, and what
//! is upgraded instead.
//!
//! `is_secure_scheme` says whether the embedder registered a scheme as authenticated.

use net_traits::request::{Destination, Initiator, Origin, Request, RequestClient};
use servo_url::{Host, ServoUrl};

use super::request_kind::is_top_level_navigation;
use super::trustworthy::{is_origin_potentially_trustworthy, is_url_potentially_trustworthy};

/// [Does a settings object prohibit mixed security contexts?](https://w3c.github.io/webappsec-mixed-content/#categorize-settings-object)
/// A request without a client comes from the browser itself, which prohibits nothing.
pub fn prohibits_mixed_security_contexts(client: Option<&RequestClient>) -> bool {
    let Some(client) = client else {
        return false;
    };
    // 1. Its origin is potentially trustworthy.
    // NB: a worker of a `data:` URL is as secure as its creator, though its origin is opaque.
    if let Origin::Origin(origin) = &client.origin
        && (is_origin_potentially_trustworthy(origin, |_| false)
            || origin.is_for_data_worker_from_secure_context())
    {
        return true;
    }
    // 2 and 3. Or that of an ancestor's document.
    client.has_trustworthy_ancestor_origin
}

/// [Should fetching a request be blocked as mixed content?](https://w3c.github.io/webappsec-mixed-content/#should-block-fetch)
pub fn should_request_be_blocked(
    request: &Request,
    is_secure_scheme: impl Fn(&str) -> bool,
) -> bool {
    is_mixed_content(request, &request.current_url(), is_secure_scheme)
}

/// [Should a response be blocked as mixed content?](https://w3c.github.io/webappsec-mixed-content/#should-block-response)
/// It came from `response_url`.
pub fn should_response_be_blocked(
    request: &Request,
    response_url: &ServoUrl,
    is_secure_scheme: impl Fn(&str) -> bool,
) -> bool {
    is_mixed_content(request, response_url, is_secure_scheme)
}

/// The conditions that both checks share: their steps 1 and 2.
fn is_mixed_content(
    request: &Request,
    url: &ServoUrl,
    is_secure_scheme: impl Fn(&str) -> bool,
) -> bool {
    // 1.1. The client restricts nothing.
    if !prohibits_mixed_security_contexts(request.client.as_ref()) {
        return false;
    }
    // 1.2. The URL is potentially trustworthy.
    if is_url_potentially_trustworthy(url, is_secure_scheme) {
        return false;
    }
    // NOTE: 1.3. does not apply: there is no way to tell the browser to allow mixed content.
    // 1.4. A top-level document replaces the page instead of mixing with it.
    !is_top_level_navigation(request)
}

/// [Upgrade a mixed content request to a potentially trustworthy URL, if appropriate](https://w3c.github.io/webappsec-mixed-content/#upgrade-algorithm):
/// the URL that takes the place of the request's current one, or `None`.
pub fn upgraded_url(
    request: &Request,
    is_secure_scheme: impl Fn(&str) -> bool,
) -> Option<ServoUrl> {
    let mut url = request.current_url();
    // 1.1. The URL is potentially trustworthy.
    // 1.2. Its host is an IP address.
    // 1.3. The client restricts nothing.
    // 1.4. The destination is none of an image, audio and video.
    // 1.5. The image comes from `srcset` or `picture`.
    let is_left_alone = is_url_potentially_trustworthy(&url, is_secure_scheme)
        || !matches!(url.host(), Some(Host::Domain(_)))
        || !prohibits_mixed_security_contexts(request.client.as_ref())
        || !matches!(
            request.destination,
            Destination::Image | Destination::Audio | Destination::Video
        )
        || (request.destination == Destination::Image && request.initiator == Initiator::ImageSet);
    if is_left_alone || url.scheme() != "http" {
        return None;
    }
    // 2. Set its scheme to `https`.
    url.as_mut_url().set_scheme("https").ok()?;
    Some(url)
}

#[cfg(test)]
mod tests {
    use servo_url::ImmutableOrigin;

    use super::super::test_requests::{client, origin, request, url};
    use super::*;

    #[test]
    fn who_prohibits() {
        assert!(!prohibits_mixed_security_contexts(None));
        for (of, expected) in [
            (origin("https://a.example"), true),
            (origin("http://localhost"), true),
            (origin("http://a.example"), false),
            (ImmutableOrigin::new_opaque(), false),
            (ImmutableOrigin::new_opaque_data_url_worker(), true),
        ] {
            let mut client = client(of);
            assert_eq!(prohibits_mixed_security_contexts(Some(&client)), expected);
            client.has_trustworthy_ancestor_origin = true;
            assert!(prohibits_mixed_security_contexts(Some(&client)));
        }
    }

    #[test]
    fn secure_pages_fetch_securely() {
        for (requester, target, blocked) in [
            ("https://a.example", "http://b.example/", true),
            ("https://a.example", "ws://b.example/", true),
            ("https://a.example", "https://b.example/", false),
            ("https://a.example", "http://127.0.0.1/", false),
            ("https://a.example", "http://localhost/", false),
            ("https://a.example", "data:,x", false),
            ("http://a.example", "http://b.example/", false),
        ] {
            let mut request = request(requester, &[target]);
            assert_eq!(
                should_request_be_blocked(&request, |_| false),
                blocked,
                "{requester} {target}"
            );
            request.destination = Destination::Document;
            assert!(!should_request_be_blocked(&request, |_| false));
            if let Some(client) = &mut request.client {
                client.is_nested_browsing_context = true;
            }
            assert_eq!(should_request_be_blocked(&request, |_| false), blocked);
        }
    }

    #[test]
    fn a_redirect_is_judged_by_where_it_leads() {
        let hops = ["https://b.example/", "http://c.example/"];
        let request = request("https://a.example", &hops);
        assert!(should_request_be_blocked(&request, |_| false));
        assert!(!should_response_be_blocked(&request, &url(hops[0]), |_| {
            false
        }));
        assert!(should_response_be_blocked(&request, &url(hops[1]), |_| {
            false
        }));
    }

    #[test]
    fn media_of_secure_pages_is_upgraded() {
        let upgraded = |requester: &str, target: &str, destination, initiator| {
            let mut request = request(requester, &[target]);
            request.destination = destination;
            request.initiator = initiator;
            upgraded_url(&request, |_| false).map(ServoUrl::into_string)
        };
        let (page, image) = ("https://a.example", "http://b.example:80/x");
        let expected = Some("https://b.example/x".to_owned());
        for destination in [Destination::Image, Destination::Audio, Destination::Video] {
            assert_eq!(
                upgraded(page, image, destination, Initiator::None),
                expected
            );
        }
        assert_eq!(
            upgraded(
                page,
                "http://b.example:8080/",
                Destination::Image,
                Initiator::None
            ),
            Some("https://b.example:8080/".to_owned())
        );
        for (requester, target, destination, initiator) in [
            (page, image, Destination::Script, Initiator::None),
            (page, image, Destination::Image, Initiator::ImageSet),
            (
                page,
                "http://192.0.2.1/x",
                Destination::Image,
                Initiator::None,
            ),
            (
                page,
                "http://[2001:db8::1]/x",
                Destination::Image,
                Initiator::None,
            ),
            (
                page,
                "ftp://b.example/",
                Destination::Image,
                Initiator::None,
            ),
            (
                page,
                "https://b.example/",
                Destination::Image,
                Initiator::None,
            ),
            (
                "http://a.example",
                image,
                Destination::Image,
                Initiator::None,
            ),
        ] {
            assert_eq!(
                upgraded(requester, target, destination, initiator),
                None,
                "{target}"
            );
        }
    }
}
