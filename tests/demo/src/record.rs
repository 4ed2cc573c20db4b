//! What a server saw: enough to check what was sent, and never a secret.

use std::collections::VecDeque;
use std::sync::Arc;

use http::{HeaderMap, Method, Request, StatusCode, Version, header};
use parking_lot::Mutex;

/// The most requests that a log keeps; the oldest go first.
const CAPACITY: usize = 4096;

/// Names of headers that browsers set by themselves. `Sec-` and `Access-Control-Request-` headers are recognised by
/// their beginning: script cannot set the former, and Fetch sets the latter.
const SET_BY_BROWSERS: [&str; 19] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-length",
    "cookie",
    "dnt",
    "host",
    "if-modified-since",
    "if-none-match",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "te",
    "upgrade-insecure-requests",
    "user-agent",
];

/// The header by which an anonymous request under user-enabled CORS says what it is.
const SEC_USER_ENABLED_CORS: &str = "sec-user-enabled-cors";

/// One request as its server saw it. Of headers it keeps names; of the URL, the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenRequest {
    /// The request's method.
    pub method: Method,
    /// The path of the request's URL, without the query.
    pub path: String,
    /// The version of HTTP that it came by.
    pub version: Version,
    /// The names of all its headers, in lower case and sorted.
    pub header_names: Vec<String>,
    /// Whether it carried a `Cookie` header.
    pub cookie: bool,
    /// Whether it was marked as sent under user-enabled CORS.
    pub user_enabled: bool,
    /// The value of `Sec-Fetch-Mode`, if it had one.
    pub mode: Option<String>,
    /// The status of the answer.
    pub status: StatusCode,
}

impl SeenRequest {
    /// Notes what may be noted of a request and its answer.
    pub fn new<B>(request: &Request<B>, status: StatusCode) -> Self {
        let headers = request.headers();
        let mut header_names: Vec<String> = headers
            .keys()
            .map(|name| name.as_str().to_owned())
            .collect();
        header_names.sort_unstable();
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            version: request.version(),
            header_names,
            cookie: headers.contains_key(header::COOKIE),
            user_enabled: headers.contains_key(SEC_USER_ENABLED_CORS),
            mode: fetch_mode(headers),
            status,
        }
    }

    /// The names of the headers that the page set: all that browsers do not set by themselves.
    pub fn page_set_headers(&self) -> Vec<&str> {
        let by_browser = |name: &str| {
            SET_BY_BROWSERS.contains(&name)
                || name.starts_with("sec-")
                || name.starts_with("access-control-request-")
        };
        self.header_names
            .iter()
            .map(String::as_str)
            .filter(|name| !by_browser(name))
            .collect()
    }
}

/// `Sec-Fetch-Mode` is one of a few tokens; anything else is not worth keeping.
///
/// <https://w3c.github.io/webappsec-fetch-metadata/#sec-fetch-mode-header>
fn fetch_mode(headers: &HeaderMap) -> Option<String> {
    let value = headers.get("sec-fetch-mode")?.to_str().ok()?;
    ["cors", "navigate", "no-cors", "same-origin", "websocket"]
        .contains(&value)
        .then(|| value.to_owned())
}

/// The requests that one server saw, oldest first. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct RequestLog {
    requests: Arc<Mutex<VecDeque<SeenRequest>>>,
}

impl RequestLog {
    /// Adds one.
    pub fn push(&self, request: SeenRequest) {
        let mut requests = self.requests.lock();
        if requests.len() >= CAPACITY {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    /// All of them so far.
    pub fn seen(&self) -> Vec<SeenRequest> {
        self.requests.lock().iter().cloned().collect()
    }

    /// Takes all of them, leaving the log empty.
    pub fn take(&self) -> Vec<SeenRequest> {
        self.requests.lock().drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(headers: &[(&str, &str)]) -> SeenRequest {
        let mut request = Request::builder().uri("https://a.test/path?token=secret");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        SeenRequest::new(&request.body(()).expect("a request"), StatusCode::OK)
    }

    #[test]
    fn secrets_are_not_kept() {
        let seen = seen(&[
            ("Authorization", "Bearer s3cret"),
            ("Cookie", "session=s3cret"),
            ("Sec-Fetch-Mode", "s3cret"),
        ]);
        let everything = format!("{seen:?}");
        assert!(
            !everything.contains("s3cret") && !everything.contains("token"),
            "{everything}"
        );
        assert!(seen.cookie);
    }

    #[test]
    fn page_set_headers_are_those_that_browsers_do_not_set() {
        let seen = seen(&[
            ("Host", "a.test"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Access-Control-Request-Headers", "authorization"),
            ("X-Custom", "1"),
            ("Authorization", "Bearer x"),
        ]);
        assert_eq!(seen.page_set_headers(), ["authorization", "x-custom"]);
    }

    #[test]
    fn modes() {
        for (value, mode) in [
            ("cors", Some("cors")),
            ("no-cors", Some("no-cors")),
            ("CORS", None),
            ("", None),
        ] {
            assert_eq!(
                seen(&[("Sec-Fetch-Mode", value)]).mode.as_deref(),
                mode,
                "{value}"
            );
        }
    }

    #[test]
    fn a_log_is_bounded_and_keeps_the_latest() {
        let log = RequestLog::default();
        for _ in 0..CAPACITY {
            log.push(seen(&[]));
        }
        log.push(seen(&[("X-Last", "1")]));
        let requests = log.take();
        assert_eq!(requests.len(), CAPACITY);
        assert!(
            requests
                .last()
                .is_some_and(|last| last.header_names == ["x-last"])
        );
        assert!(log.seen().is_empty());
    }
}
