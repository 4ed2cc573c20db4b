//! A request as handlers and substitutions see it: whole, with what is known of its connection.

use bytes::Bytes;
use http::{HeaderMap, Method};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use url::Url;

/// Where a request came in.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// Counts the server's connections, so that tests see which requests shared one.
    pub number: u64,
    /// The server's port.
    pub port: u16,
    /// Whether it is encrypted.
    pub is_secure: bool,
    /// Whether its TLS session was one of an earlier connection.
    pub is_resumed: bool,
    /// Whether the server's own proxy made it.
    pub is_proxied: bool,
}

/// A request that has arrived whole.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Its URL, with the host that the client named.
    pub url: Url,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: http::Version,
    /// Its connection.
    pub connection: Connection,
}

impl Request {
    /// The path, decoded; what is no UTF-8 is replaced.
    pub fn path(&self) -> String {
        percent_decode_str(self.url.path())
            .decode_utf8_lossy()
            .into_owned()
    }

    /// The first value of a parameter in the query.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).next()
    }

    /// All values of a parameter in the query.
    pub fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        self.url
            .query_pairs()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// A header field's values, joined by commas; what is no UTF-8 is replaced.
    pub fn header(&self, name: &str) -> Option<String> {
        let values: Vec<_> = self
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Whether it is a CORS-preflight request.
    ///
    /// <https://fetch.spec.whatwg.org/#cors-preflight-request>
    pub fn is_preflight(&self) -> bool {
        self.method == Method::OPTIONS
            && self.headers.contains_key("origin")
            && self.headers.contains_key("access-control-request-method")
    }
}

#[cfg(test)]
pub(crate) mod fake {
    use super::*;

    /// A request with a GET method to this URL.
    pub(crate) fn get(url: &str) -> Request {
        Request {
            method: Method::GET,
            url: Url::parse(url).expect("a URL"),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            version: http::Version::HTTP_11,
            connection: Connection {
                number: 7,
                port: 8000,
                is_secure: false,
                is_resumed: false,
                is_proxied: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn parameters_are_decoded() {
        let request = fake::get("http://a.test/p%20q?x=1&y=%2B+&x=2");
        assert_eq!(request.path(), "/p q");
        assert_eq!(request.parameter("y").as_deref(), Some("+ "));
        assert_eq!(request.parameters("x").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(request.parameter("z"), None);
    }

    #[test]
    fn preflights_are_told_from_other_options_requests() {
        let mut request = fake::get("http://a.test/");
        request.method = Method::OPTIONS;
        assert!(!request.is_preflight());
        request
            .headers
            .insert("origin", HeaderValue::from_static("http://b.test"));
        assert!(!request.is_preflight());
        request.headers.insert(
            "access-control-request-method",
            HeaderValue::from_static("PUT"),
        );
        assert!(request.is_preflight());
        request.method = Method::GET;
        assert!(!request.is_preflight());
    }
}
