//! `about:` URLs.

use embedder_traits::resources::{Resource, read_bytes};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use net_traits::request::Request;

use super::LocalResponse;
use crate::fetch::{Body, Cause, FetchResponse};
use crate::network_state::FetchContext;

// https://fetch.spec.whatwg.org/#concept-scheme-fetch
/// [Scheme fetch](https://fetch.spec.whatwg.org/#concept-scheme-fetch)'s case “about”.
pub(crate) async fn about_fetch(request: &Request, context: &FetchContext) -> FetchResponse {
    let url = request.current_url();
    match page(url.scheme(), url.path()) {
        Some(response) => response.answer(request, context),
        None => FetchResponse::network_error(Cause::Scheme {
            scheme: url.scheme().to_owned(),
        }),
    }
}

fn page(scheme: &str, path: &str) -> Option<LocalResponse> {
    let body = match (scheme, path) {
        // 1. `about:blank` is an empty HTML document.
        ("about", "blank") => Body::Empty,
        // AD-HOC: the engine's page of memory reports.
        ("about", "memory") => read_bytes(Resource::AboutMemoryHTML).into(),
        // AD-HOC: what the page for a certificate error gets in return for an exception that was made.
        ("chrome", "allowcert") => Body::Empty,
        // 2. Anything else is a network error.
        _ => return None,
    };
    let content_type = HeaderValue::from_static("text/html;charset=utf-8");
    Some(LocalResponse::ok(
        HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
        body,
    ))
}

#[cfg(test)]
mod tests {
    use servo_url::ServoUrl;

    use super::*;

    #[test]
    fn only_known_pages_exist() {
        for (url, exists) in [
            ("about:blank", true),
            ("about:blank?query#fragment", true),
            ("about:srcdoc", false),
            ("about:", false),
            ("about:BLANK", false),
            ("about:memories", false),
            ("about:allowcert", false),
            ("chrome:allowcert", true),
            ("chrome:blank", false),
        ] {
            let parsed = ServoUrl::parse(url).unwrap();
            let response = page(parsed.scheme(), parsed.path());
            assert_eq!(response.is_some(), exists, "{url}");
            if let Some(response) = response {
                assert_eq!(response.headers[CONTENT_TYPE], "text/html;charset=utf-8");
                assert!(response.body.is_empty());
            }
        }
    }
}
