//! [Fetch metadata](https://w3c.github.io/webappsec-fetch-metadata/): the `Sec-Fetch-*` headers, which tell a server in what
//! context it is asked.

use http::{HeaderMap, HeaderName, HeaderValue};
use net_traits::request::{CredentialsMode, Destination, Request, RequestMode};
use servo_url::ImmutableOrigin;

use super::origin_header::request_origin;
use super::request_kind::{is_navigation_request, is_top_level_navigation};
use super::same_site::is_same_site;
use super::trustworthy::is_url_potentially_trustworthy;

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_STORAGE_ACCESS: HeaderName = HeaderName::from_static("sec-fetch-storage-access");
const SEC_FETCH_USER: HeaderName = HeaderName::from_static("sec-fetch-user");

/// What part the person in front of the browser had in a navigation
/// ([user navigation involvement](https://html.spec.whatwg.org/multipage/browsing-the-web.html#user-navigation-involvement)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserInvolvement {
    /// None that is known.
    #[default]
    None,
    /// They activated something in the page, such as a link.
    Activation,
    /// They used the browser itself: the address bar, a bookmark, the reload button.
    BrowserUi,
}

/// [Appends the fetch metadata headers for a request](https://w3c.github.io/webappsec-fetch-metadata/#abstract-opdef-append-the-fetch-metadata-headers-for-a-request)
/// to `headers`. What a page put under these names is replaced. `is_same_site` says whether the request's cookies are those
/// of a same-site request, `is_secure_scheme` whether the embedder registered a scheme as authenticated.
pub fn append_fetch_metadata_headers(
    headers: &mut HeaderMap,
    request: &Request,
    user: UserInvolvement,
    is_same_site: bool,
    is_secure_scheme: impl Fn(&str) -> bool,
) {
    for name in [
        SEC_FETCH_DEST,
        SEC_FETCH_MODE,
        SEC_FETCH_SITE,
        SEC_FETCH_STORAGE_ACCESS,
        SEC_FETCH_USER,
    ] {
        headers.remove(name);
    }
    // 1. Insecure servers are told nothing.
    if !is_url_potentially_trustworthy(&request.current_url(), is_secure_scheme) {
        return;
    }
    // 2 to 6. Set each of them.
    let is_user_activated =
        is_navigation_request(request.destination) && user != UserInvolvement::None;
    let values = [
        (SEC_FETCH_DEST, Some(dest(request.destination))),
        (SEC_FETCH_MODE, Some(mode(&request.mode))),
        (SEC_FETCH_SITE, Some(site(request, user))),
        (
            SEC_FETCH_USER,
            is_user_activated.then_some(HeaderValue::from_static("?1")),
        ),
        (
            SEC_FETCH_STORAGE_ACCESS,
            storage_access(request, is_same_site),
        ),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            // NB: a list that the page filled up goes without.
            let _ = headers.try_insert(name, value);
        }
    }
}

/// The value of [`Sec-Fetch-Dest`](https://w3c.github.io/webappsec-fetch-metadata/#sec-fetch-dest-header).
fn dest(destination: Destination) -> HeaderValue {
    HeaderValue::from_static(match destination {
        Destination::None => "empty",
        destination => destination.as_str(),
    })
}

/// The value of [`Sec-Fetch-Mode`](https://w3c.github.io/webappsec-fetch-metadata/#sec-fetch-mode-header).
fn mode(mode: &RequestMode) -> HeaderValue {
    HeaderValue::from_static(match mode {
        RequestMode::Navigate => "navigate",
        RequestMode::SameOrigin => "same-origin",
        RequestMode::NoCors => "no-cors",
        RequestMode::CorsMode => "cors",
        RequestMode::WebSocket { .. } => "websocket",
    })
}

/// The value of
/// [`Sec-Fetch-Storage-Access`](https://privacycg.github.io/storage-access-headers/#sec-fetch-storage-access-header), or
/// `None` if there is nothing to say of the request's access to cookies.
fn storage_access(request: &Request, is_same_site: bool) -> Option<HeaderValue> {
    // 2. Without credentials there is no access to speak of.
    if request.credentials_mode != CredentialsMode::Include {
        return None;
    }
    // 3 and 4. Nor where all of the server's cookies go along anyway.
    // NB: the document of a tab gets cookies of its own site; that the navigation came from another is no matter of access.
    if is_same_site || is_top_level_navigation(request) {
        return None;
    }
    // 5 to 7. Unpartitioned cookies that are meant for other sites (`SameSite=None`) go along with every request.
    // NB: so nobody has to be asked for them, and “none” and “inactive” do not occur.
    Some(HeaderValue::from_static("active"))
}

/// The value of [`Sec-Fetch-Site`](https://w3c.github.io/webappsec-fetch-metadata/#abstract-opdef-set-site).
fn site(request: &Request, user: UserInvolvement) -> HeaderValue {
    // 4. Nobody's page is behind a navigation from the browser's own interface.
    if is_navigation_request(request.destination) && user == UserInvolvement::BrowserUi {
        return HeaderValue::from_static("none");
    }
    // NB: a request without an origin is related to no server.
    let origin = request_origin(request).unwrap_or_else(ImmutableOrigin::new_opaque);
    // 3. Let the value be “same-origin”.
    let mut value = "same-origin";
    // 5. For each URL that the request went through:
    for url in &request.url_list {
        let url_origin = url.origin();
        // 5.1. One of the requester's own changes nothing.
        if url_origin == origin {
            continue;
        }
        // 5.2 and 5.3. One of another site decides.
        value = "cross-site";
        if !is_same_site(&origin, &url_origin) {
            break;
        }
        // 5.4. One of the same site weakens the value.
        value = "same-site";
    }
    // 6. Set it.
    HeaderValue::from_static(value)
}

#[cfg(test)]
mod tests {
    use servo_default_resources as _;

    use super::super::test_requests::{request, request_from, url};
    use super::*;

    fn metadata(request: &Request, user: UserInvolvement) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_FETCH_USER, HeaderValue::from_static("forged"));
        append_fetch_metadata_headers(&mut headers, request, user, false, |_| false);
        headers
            .iter()
            .map(|(name, value)| {
                let name = name.as_str().trim_start_matches("sec-fetch-");
                (name.to_owned(), value.to_str().unwrap().to_owned())
            })
            .collect()
    }

    fn site_of(requester: &str, urls: &[&str]) -> String {
        let value = site(&request(requester, urls), UserInvolvement::None);
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_fetch_of_a_page() {
        let mut request = request("https://a.example", &["https://b.example/"]);
        request.mode = RequestMode::CorsMode;
        let expected = [("dest", "empty"), ("mode", "cors"), ("site", "cross-site")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut found = metadata(&request, UserInvolvement::Activation);
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn insecure_servers_are_told_nothing() {
        let mut request = request("https://a.example", &["http://b.example/"]);
        assert!(metadata(&request, UserInvolvement::None).is_empty());
        *request.current_url_mut() = url("http://localhost:8000/");
        assert_eq!(metadata(&request, UserInvolvement::None).len(), 3);
    }

    #[test]
    fn cross_site_requests_say_whether_they_have_cookies() {
        use CredentialsMode::{CredentialsSameOrigin, Include, Omit};
        use Destination::{Document, IFrame, Image};
        let active = Some("active");
        for (credentials, destination, is_same_site, expected) in [
            (Include, Image, false, active),
            (Include, Image, true, None),
            (Omit, Image, false, None),
            (CredentialsSameOrigin, Image, false, None),
            (Include, IFrame, false, active),
            (Include, Document, false, None),
        ] {
            let mut request = request("https://a.example", &["https://b.example/"]);
            request.credentials_mode = credentials;
            request.destination = destination;
            let mut headers = HeaderMap::new();
            headers.insert(SEC_FETCH_STORAGE_ACCESS, HeaderValue::from_static("none"));
            let user = UserInvolvement::None;
            append_fetch_metadata_headers(&mut headers, &request, user, is_same_site, |_| false);
            let found = headers.get(SEC_FETCH_STORAGE_ACCESS);
            assert_eq!(
                found.map(|value| value.to_str().unwrap()),
                expected,
                "{credentials:?} {destination:?}"
            );
        }
    }

    #[test]
    fn site_looks_at_the_whole_chain() {
        let (own, sub, other) = (
            "https://a.example/",
            "https://www.a.example/",
            "https://b.example/",
        );
        for (urls, expected) in [
            (&[own][..], "same-origin"),
            (&[own, own], "same-origin"),
            (&[sub], "same-site"),
            (&["https://a.example:8443/"], "same-site"),
            (&[own, sub, own], "same-site"),
            (&[other], "cross-site"),
            (&[other, own], "cross-site"),
            (&[sub, other, sub], "cross-site"),
            (&["http://a.example/", own], "cross-site"),
        ] {
            assert_eq!(site_of("https://a.example", urls), expected, "{urls:?}");
        }
        let opaque = request_from(ImmutableOrigin::new_opaque(), &[own]);
        assert_eq!(site(&opaque, UserInvolvement::None), "cross-site");
    }

    #[test]
    fn a_persons_navigation_says_so() {
        let mut request = request("https://a.example", &["https://b.example/"]);
        request.mode = RequestMode::Navigate;
        request.destination = Destination::Document;
        let value = |request: &Request, user, name: &str| {
            metadata(request, user)
                .into_iter()
                .find(|(found, _)| found == name)
                .map(|(_, value)| value)
        };
        for (user, site, activated) in [
            (UserInvolvement::None, "cross-site", None),
            (UserInvolvement::Activation, "cross-site", Some("?1")),
            (UserInvolvement::BrowserUi, "none", Some("?1")),
        ] {
            assert_eq!(value(&request, user, "site").as_deref(), Some(site));
            assert_eq!(value(&request, user, "user").as_deref(), activated);
        }
        request.destination = Destination::Image;
        let user = UserInvolvement::BrowserUi;
        assert_eq!(value(&request, user, "site").as_deref(), Some("cross-site"));
        assert_eq!(value(&request, user, "user"), None);
    }
}
