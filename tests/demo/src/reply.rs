//! Responses, short to write.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};

/// A response of one media type.
pub fn new(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, content_type);
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response
}

/// A page.
pub fn html(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    new(status, "text/html; charset=utf-8", body)
}

/// A JSON document.
pub fn json(status: StatusCode, value: &serde_json::Value) -> Response<Bytes> {
    new(status, "application/json", value.to_string())
}

/// Plain text.
pub fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    new(status, "text/plain; charset=utf-8", body)
}

/// The answer to a path that is not there.
pub fn not_found() -> Response<Bytes> {
    text(StatusCode::NOT_FOUND, "There is nothing here.")
}

/// The answer to a method that a service does not have: what most say to a preflight that they do not know.
pub fn method_not_allowed(allowed: &'static str) -> Response<Bytes> {
    let mut response = text(
        StatusCode::METHOD_NOT_ALLOWED,
        "This method is not allowed.",
    );
    set(&mut response, header::ALLOW, allowed);
    response
}

/// Sets a header whose value is known when this is compiled.
///
/// # Panics
///
/// If the value is not one that a header can have.
pub fn set(response: &mut Response<Bytes>, name: HeaderName, value: &'static str) {
    response
        .headers_mut()
        .insert(name, HeaderValue::from_static(value));
}

/// Text for a place in HTML, between tags or in a quoted attribute.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(
            escaped(r#"<a href="x">'&'</a>"#),
            "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;"
        );
    }

    #[test]
    fn refusals_name_the_methods_and_nothing_of_cors() {
        let response = method_not_allowed("GET");
        assert_eq!(response.headers()[header::ALLOW], "GET");
        assert!(
            response
                .headers()
                .keys()
                .all(|name| !name.as_str().starts_with("access-control-"))
        );
    }
}
