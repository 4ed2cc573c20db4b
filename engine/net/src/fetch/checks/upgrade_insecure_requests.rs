//! [Upgrade Insecure Requests](https://w3c.github.io/webappsec-upgrade-insecure-requests/): pages that ask for all of their
//! requests to be made securely.

use http::Method;
use http::header::CONTENT_TYPE;
use net_traits::request::{
    InsecureRequestsPolicy, Origin as RequestOrigin, Request, RequestClient,
};
use servo_url::{ImmutableOrigin, ServoUrl};

use super::request_kind::{is_http_scheme, is_navigation_request};

/// [Should insecure requests be upgraded for a client?](https://w3c.github.io/webappsec-upgrade-insecure-requests/#should-upgrade-for-client)
pub fn should_upgrade_for_client(client: Option<&RequestClient>) -> bool {
    client.is_some_and(|client| client.insecure_requests_policy == InsecureRequestsPolicy::Upgrade)
}

/// [Upgrade a request to a potentially trustworthy URL, if appropriate](https://w3c.github.io/webappsec-upgrade-insecure-requests/#upgrade-request):
/// the URL that takes the place of the request's current one, or `None`.
pub fn upgraded_url(request: &Request) -> Option<ServoUrl> {
    // 1. Of navigations, only these go on:
    if is_navigation_request(request.destination) {
        // 1.1. The submission of a form;
        // 1.2. one of a nested navigable;
        let is_nested = request
            .client
            .as_ref()
            .is_some_and(|client| client.is_nested_browsing_context);
        // 1.3 and 1.4. one to a host and port in the client's upgrade insecure navigations set.
        // FIXME: 1.4. script does not send that set; the client's own host and port are always in it.
        if !is_nested && !is_form_submission(request) && !is_to_own_host(request) {
            // 1.5. The others stay as they are.
            return None;
        }
    }
    // 2 and 3. The client must ask for it.
    if !should_upgrade_for_client(request.client.as_ref()) {
        return None;
    }
    let mut url = request.current_url();
    // 4. Set the scheme to its secure counterpart.
    let secure_scheme = match url.scheme() {
        "http" => "https",
        "ws" => "wss",
        _ => return None,
    };
    // NOTE: 5. needs no code: 80 is the default of the old scheme and so is not part of the URL.
    url.as_mut_url().set_scheme(secure_scheme).ok()?;
    Some(url)
}

/// Whether a navigation submits a form.
///
/// AD-HOC: script does not say, but only forms give a navigation a body, a method other than GET, or a `Content-Type`
/// (which script sets for the ones that GET, too).
fn is_form_submission(request: &Request) -> bool {
    request.body.is_some()
        || request.method != Method::GET
        || request.headers.contains_key(CONTENT_TYPE)
}

/// Whether the request's current URL has the host and port of its client's origin, default ports being the same.
fn is_to_own_host(request: &Request) -> bool {
    let Some(RequestOrigin::Origin(ImmutableOrigin::Tuple(scheme, host, port))) =
        request.client.as_ref().map(|client| &client.origin)
    else {
        return false;
    };
    let own_port = match (scheme.as_str(), *port) {
        ("http", 80) | ("https", 443) => None,
        (_, port) => Some(port),
    };
    let url = request.current_url();
    url.port() == own_port && url.host().is_some_and(|target| target.to_owned() == *host)
}

/// Whether the request [says](https://w3c.github.io/webappsec-upgrade-insecure-requests/#preference) that the browser can
/// upgrade, with the header `Upgrade-Insecure-Requests: 1`: navigations over HTTP(S) do.
pub fn should_send_header(request: &Request) -> bool {
    is_navigation_request(request.destination) && is_http_scheme(request.current_url().scheme())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use net_traits::request::Destination;

    use super::super::test_requests::request;
    use super::*;

    fn upgrading(target: &str) -> Request {
        let mut request = request("https://a.example", &[target]);
        if let Some(client) = &mut request.client {
            client.insecure_requests_policy = InsecureRequestsPolicy::Upgrade;
        }
        request
    }

    fn upgraded(request: &Request) -> Option<String> {
        upgraded_url(request).map(ServoUrl::into_string)
    }

    #[test]
    fn subresources_are_upgraded() {
        for (target, expected) in [
            ("http://b.example/x?y#z", Some("https://b.example/x?y#z")),
            ("http://b.example:80/", Some("https://b.example/")),
            ("http://b.example:8080/", Some("https://b.example:8080/")),
            ("http://192.0.2.1/", Some("https://192.0.2.1/")),
            ("ws://b.example/", Some("wss://b.example/")),
            ("https://b.example/", None),
            ("ftp://b.example/", None),
        ] {
            let mut request = upgrading(target);
            assert_eq!(upgraded(&request).as_deref(), expected, "{target}");
            request.client = None;
            assert_eq!(upgraded(&request), None);
        }
        assert_eq!(
            upgraded(&request("https://a.example", &["http://b.example/"])),
            None
        );
    }

    #[test]
    fn navigations_are_upgraded_within_the_page_or_its_host() {
        let mut request = upgrading("http://b.example/");
        request.destination = Destination::Document;
        assert_eq!(upgraded(&request), None);

        request.method = Method::POST;
        assert!(upgraded(&request).is_some());
        request.method = Method::GET;

        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(CONTENT_TYPE, form);
        assert!(upgraded(&request).is_some());
        request.headers.clear();

        if let Some(client) = &mut request.client {
            client.is_nested_browsing_context = true;
        }
        assert!(upgraded(&request).is_some());

        for (target, expected) in [
            ("http://a.example/", true),
            ("http://a.example:8080/", false),
            ("http://www.a.example/", false),
        ] {
            let mut request = upgrading(target);
            request.destination = Destination::Document;
            assert_eq!(upgraded(&request).is_some(), expected, "{target}");
            if let Some(client) = &mut request.client {
                client.origin = RequestOrigin::Origin(ImmutableOrigin::new_opaque());
            }
            assert_eq!(upgraded(&request), None);
        }
    }

    #[test]
    fn navigations_say_that_they_can_be_upgraded() {
        let mut request = upgrading("https://b.example/");
        assert!(!should_send_header(&request));
        request.destination = Destination::IFrame;
        assert!(should_send_header(&request));
    }
}
