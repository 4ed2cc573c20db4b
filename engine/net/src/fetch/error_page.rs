//! The page that a tab or frame shows instead of a document that could not be loaded.
//!
//! AD-HOC: for a network error script would make such a page itself, in the target's origin and with the error's text
//! unescaped in it. This one is sandboxed into an opaque origin, runs nothing, and escapes what it shows.

use http::{HeaderValue, header};
use net_traits::http_status::HttpStatus;
use net_traits::request::Request;
use net_traits::response::{Response, ResponseType};
use net_traits::{NetworkError, ResourceFetchTiming};

use super::body::Body;
use super::cause::{Cause, RedirectFailure};
use super::response::FetchResponse;
use crate::connection::{CertificateSummary, ConnectionError};
use crate::html::escape;
use crate::http_authentication::without_credentials;

/// How many characters of a URL are shown.
const URL_LIMIT: usize = 512;

/// Puts an error page in the place of a document's network error, if that is what `response` is.
pub(super) fn replace_by_error_page(request: &Request, response: FetchResponse) -> FetchResponse {
    use content_security_policy::Destination::{Document, Frame, IFrame};
    if !matches!(request.destination, Document | Frame | IFrame) {
        return response;
    }
    let Some(cause) = response.cause.as_deref() else {
        return response;
    };
    if matches!(
        response.error(),
        None | Some(NetworkError::LoadCancelled | NetworkError::Crash(_))
    ) {
        return response;
    }
    let page = render(request, cause);
    let timing = ResourceFetchTiming::new(request.timing_type());
    let mut head = Response::new(request.current_url(), timing);
    head.url_list = request.url_list.iter().map(|url| url.url()).collect();
    // Scripts, history and caches see a failure, not a document that worked.
    head.status = HttpStatus::new_raw(502, b"Bad Gateway".to_vec());
    for (name, value) in [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            header::CONTENT_SECURITY_POLICY,
            "sandbox; default-src 'none'; style-src 'unsafe-inline'",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        head.headers.insert(name, HeaderValue::from_static(value));
    }
    FetchResponse {
        head: head.to_filtered(ResponseType::Basic),
        body: Body::Bytes(page.into()),
        ..response
    }
}

/// What a person is told first, and what they can do.
fn explain(cause: &Cause) -> (&'static str, &'static str) {
    match cause {
        Cause::Connection(ConnectionError::Certificate { .. }) => (
            "This connection is not private",
            "The server could not prove that it is the site you asked for. Do not enter anything secret here.",
        ),
        Cause::Connection(ConnectionError::Lookup { .. }) => (
            "The site's name was not found",
            "Check the address for typing errors, and whether this computer is online.",
        ),
        Cause::Connection(ConnectionError::Proxy(_)) => (
            "The proxy does not lead to the server",
            "Check the proxy's address in the preferences, or ask whoever runs it.",
        ),
        Cause::Connection(_) => (
            "The server did not answer as it should",
            "It may be down or too busy. Try again in a moment.",
        ),
        Cause::Redirect(RedirectFailure::TooMany) => (
            "The server sends this page in circles",
            "Deleting the site's cookies sometimes helps.",
        ),
        Cause::Redirect(_) => (
            "The server's redirect cannot be followed",
            "Only whoever runs the site can repair that.",
        ),
        Cause::Scheme { .. } => (
            "This address cannot be opened here",
            "The browser does not know this kind of address.",
        ),
        Cause::BadPort { .. } => (
            "This port is blocked",
            "It is used for something other than web pages, and requests to it have been abused.",
        ),
        Cause::Local { .. } => (
            "The file could not be read",
            "Check that it exists and that you may read it.",
        ),
        Cause::MixedContent | Cause::ContentSecurityPolicy | Cause::EmbedderPolicy => (
            "This content was blocked",
            "The rules of the page that wanted to show it forbid it.",
        ),
        Cause::CrossOriginResourcePolicy => (
            "This content was blocked",
            "Its server does not let pages of other sites show it.",
        ),
        _ => ("The page could not be loaded", "Try again in a moment."),
    }
}

fn render(request: &Request, cause: &Cause) -> String {
    let (title, advice) = explain(cause);
    let url: String = without_credentials(request.current_url())
        .as_str()
        .chars()
        .take(URL_LIMIT)
        .collect();
    let certificate: String = certificate_lines(cause)
        .iter()
        .map(|(name, value)| format!("<dt>{name}<dd>{}", escape(value)))
        .collect();
    // NB: Servo 0.7 does not break long words by `overflow-wrap`.
    format!(
        "<!doctype html>\
         <html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>\
         <title>{title}</title>\
         <style>\
         :root{{color-scheme:light dark}}\
         body{{font:16px/1.5 system-ui,sans-serif;max-width:38em;margin:12vh auto;padding:0 1.5em}}\
         h1{{font-size:1.6em;line-height:1.25;margin:0 0 .5em}}\
         p{{margin:.6em 0}}\
         dl{{font-size:.875em}}dt{{opacity:.75}}dd{{margin:0 0 .4em;word-break:break-all}}\
         .details{{font-size:.875em;opacity:.75}}.url{{word-break:break-all}}\
         </style>\
         <h1>{title}</h1><p>{advice}</p>\
         <p class='details url'>{url}</p><p class=details>{details}</p>\
         <dl>{certificate}</dl></html>",
        url = escape(&url),
        details = escape(&sentence(cause)),
    )
}

/// What went wrong, exactly.
fn sentence(cause: &Cause) -> String {
    let mut text = cause.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

/// What the certificate says that was not accepted, if it was that.
fn certificate_lines(cause: &Cause) -> Vec<(&'static str, String)> {
    match cause {
        Cause::Connection(ConnectionError::Certificate { leaf, .. }) => {
            CertificateSummary::parse(&leaf.0)
                .map(|certificate| certificate.lines())
                .unwrap_or_default()
        },
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use content_security_policy::Destination;
    use net_traits::blob_url_store::UrlWithBlobClaim;
    use net_traits::request::{Referrer, RequestBuilder};
    use servo_url::ServoUrl;

    use super::*;
    use crate::connection::LeafCertificate;

    fn request(destination: Destination) -> Request {
        let url = "https://user:secret@a.example/?<script>alert(1)</script>";
        let url = ServoUrl::parse(url).unwrap();
        RequestBuilder::new(
            None,
            UrlWithBlobClaim::from_url_without_having_claimed_blob(url.clone()),
            Referrer::NoReferrer,
        )
        .origin(url.origin())
        .destination(destination)
        .build()
    }

    fn failure() -> FetchResponse {
        FetchResponse::network_error(Cause::Local {
            what: "<img src=x onerror=alert(1)>\u{202e}".to_owned(),
        })
    }

    #[tokio::test]
    async fn a_document_gets_a_page_that_runs_nothing() {
        let response = replace_by_error_page(&request(Destination::Document), failure());
        assert!(!response.is_network_error());
        let policy = &response.head.headers[header::CONTENT_SECURITY_POLICY];
        assert!(policy.to_str().unwrap().starts_with("sandbox;"));
        let page = response.body.read_all(1 << 16).await.unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert!(
            !page.contains("<script") && !page.contains("<img"),
            "{page}"
        );
        assert!(!page.contains('\u{202e}'));
        assert!(
            page.contains("https://a.example/") && !page.contains("secret"),
            "{page}"
        );
    }

    #[test]
    fn a_certificate_that_was_not_accepted_is_shown_escaped() {
        let mut params = rcgen::CertificateParams::new(vec!["other.example".to_owned()]).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "<b>Nobody</b>");
        let key = rcgen::KeyPair::generate().unwrap();
        let leaf = params.self_signed(&key).unwrap().der().to_vec();
        let cause = Cause::Connection(ConnectionError::Certificate {
            host: url::Host::Domain("a.example".to_owned()),
            problem: "it is for another name".to_owned(),
            leaf: LeafCertificate(leaf),
        });
        let page = render(&request(Destination::Document), &cause);
        for part in [
            "it is for another name",
            "<dt>Names<dd>other.example",
            "<dt>Issued to<dd>&lt;b&gt;Nobody&lt;/b&gt;",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        let garbage = Cause::Connection(ConnectionError::Certificate {
            host: url::Host::Domain("a.example".to_owned()),
            problem: "it cannot be read".to_owned(),
            leaf: LeafCertificate(vec![0x30]),
        });
        assert!(render(&request(Destination::Document), &garbage).contains("it cannot be read"));
    }

    #[test]
    fn only_circles_are_called_so() {
        let title = |failure| explain(&Cause::Redirect(failure)).0;
        let circles = title(RedirectFailure::TooMany);
        assert!(circles.contains("circles"));
        let cause = Cause::Redirect(RedirectFailure::TooMany);
        assert_eq!(sentence(&cause), "There were more than 20 redirects.");
        assert_ne!(title(RedirectFailure::BadLocation), circles);
    }

    #[test]
    fn a_subresource_keeps_its_network_error() {
        let response = replace_by_error_page(&request(Destination::Image), failure());
        assert!(response.is_network_error());
    }

    #[test]
    fn a_cancelled_document_keeps_its_network_error() {
        let cancelled = FetchResponse::network_error(Cause::Cancelled);
        let response = replace_by_error_page(&request(Destination::Document), cancelled);
        assert!(response.is_network_error());
    }
}
