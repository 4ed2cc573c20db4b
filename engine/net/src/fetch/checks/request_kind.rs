//! [Kinds of requests](https://fetch.spec.whatwg.org/#subresource-request) by their destination, and kinds of URLs by their
//! scheme.

use net_traits::request::{Destination, Request};
use servo_url::ServoUrl;

/// Whether requests with this destination are
/// [subresource requests](https://fetch.spec.whatwg.org/#subresource-request).
pub fn is_subresource_request(destination: Destination) -> bool {
    !is_navigation_request(destination) && !is_non_subresource_request(destination)
}

/// Whether requests with this destination are
/// [non-subresource requests](https://fetch.spec.whatwg.org/#non-subresource-request). Navigations are among them.
pub fn is_non_subresource_request(destination: Destination) -> bool {
    is_navigation_request(destination)
        || matches!(
            destination,
            Destination::Report
                | Destination::ServiceWorker
                | Destination::SharedWorker
                | Destination::WebIdentity
                | Destination::Worker
        )
}

/// Whether requests with this destination are [navigation requests](https://fetch.spec.whatwg.org/#navigation-request).
pub fn is_navigation_request(destination: Destination) -> bool {
    matches!(
        destination,
        Destination::Document
            | Destination::Embed
            | Destination::Frame
            | Destination::IFrame
            | Destination::Object
    )
}

/// Whether `request` navigates a tab, and not a frame in it.
///
/// NB: of a frame that leads itself elsewhere, script says the destination of a tab; its client is a frame's.
pub fn is_top_level_navigation(request: &Request) -> bool {
    request.destination == Destination::Document
        && !request
            .client
            .as_ref()
            .is_some_and(|client| client.is_nested_browsing_context)
}

/// Whether a request is for the document of a frame, also of one that leads itself elsewhere.
pub fn is_frame_navigation(request: &Request) -> bool {
    match request.destination {
        Destination::Frame | Destination::IFrame => true,
        Destination::Document => !is_top_level_navigation(request),
        _ => false,
    }
}

/// Whether a destination is [script-like](https://fetch.spec.whatwg.org/#request-destination-script-like).
pub fn is_script_like(destination: Destination) -> bool {
    matches!(
        destination,
        Destination::AudioWorklet
            | Destination::PaintWorklet
            | Destination::Script
            | Destination::ServiceWorker
            | Destination::SharedWorker
            | Destination::Worker
    )
}

/// Whether this is a [local scheme](https://fetch.spec.whatwg.org/#local-scheme).
pub fn is_local_scheme(scheme: &str) -> bool {
    matches!(scheme, "about" | "blob" | "data")
}

/// Whether this is an [HTTP(S) scheme](https://fetch.spec.whatwg.org/#http-scheme).
pub fn is_http_scheme(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
}

/// Whether this is a [fetch scheme](https://fetch.spec.whatwg.org/#fetch-scheme).
pub fn is_fetch_scheme(scheme: &str) -> bool {
    is_local_scheme(scheme) || is_http_scheme(scheme) || scheme == "file"
}

/// Whether a URL [includes credentials](https://url.spec.whatwg.org/#include-credentials).
pub fn includes_credentials(url: &ServoUrl) -> bool {
    !url.username().is_empty() || url.password().is_some_and(|password| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::test_requests::{request, url};
    use super::*;

    #[test]
    fn every_destination_is_one_or_the_other() {
        use Destination::*;
        for destination in [Document, Embed, Frame, IFrame, Object] {
            assert!(is_navigation_request(destination));
            assert!(is_non_subresource_request(destination));
            assert!(!is_subresource_request(destination));
        }
        for destination in [Report, ServiceWorker, SharedWorker, WebIdentity, Worker] {
            assert!(!is_navigation_request(destination));
            assert!(is_non_subresource_request(destination));
            assert!(!is_subresource_request(destination));
        }
        for destination in [None, Audio, Font, Image, Json, Script, Style, Track, Xslt] {
            assert!(is_subresource_request(destination));
        }
    }

    #[test]
    fn only_tabs_are_navigated_at_the_top() {
        let navigation = |destination, nested| {
            let mut request = request("https://a.example", &["https://a.example/"]);
            request.destination = destination;
            if let Some(client) = &mut request.client {
                client.is_nested_browsing_context = nested;
            }
            is_top_level_navigation(&request)
        };
        assert!(navigation(Destination::Document, false));
        assert!(!navigation(Destination::Document, true));
        assert!(!navigation(Destination::IFrame, true));
        assert!(!navigation(Destination::None, false));
    }

    #[test]
    fn styles_and_transformations_are_not_script_like() {
        assert!(is_script_like(Destination::Worker));
        assert!(is_script_like(Destination::AudioWorklet));
        assert!(!is_script_like(Destination::Style));
        assert!(!is_script_like(Destination::Xslt));
        assert!(!is_script_like(Destination::None));
    }

    #[test]
    fn credentials_are_a_user_name_or_a_password() {
        for (text, expected) in [
            ("https://user@a.example/", true),
            ("https://:secret@a.example/", true),
            ("https://:@a.example/", false),
            ("https://a.example/@", false),
        ] {
            assert_eq!(includes_credentials(&url(text)), expected, "{text}");
        }
    }

    #[test]
    fn schemes() {
        assert!(is_fetch_scheme("file") && is_fetch_scheme("blob") && is_fetch_scheme("https"));
        assert!(!is_fetch_scheme("ftp") && !is_fetch_scheme("ws"));
        assert!(is_local_scheme("data") && !is_local_scheme("file"));
    }
}
