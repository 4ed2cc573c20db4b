//! `.headers` files: header fields for the file of that name, or for all files in a folder.
//!
//! <https://web-platform-tests.org/writing-tests/server-features.html>

use http::{HeaderMap, HeaderName, HeaderValue};
use thiserror::Error;

use crate::reply::header;

/// A line that is no header field.
#[derive(Debug, Error)]
#[error("line {0} is no header field")]
pub struct HeadersFileError(usize);

/// The fields in a file, in its order.
///
/// # Errors
///
/// If a line is neither empty nor a field.
pub fn parse(text: &str) -> Result<Vec<(HeaderName, HeaderValue)>, HeadersFileError> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| {
            line.split_once(':')
                .and_then(|(name, value)| header(name, value))
                .ok_or(HeadersFileError(index + 1))
        })
        .collect()
}

/// Puts fields in the place of those of the same names; a name that is there several times is sent several times.
pub fn replace(headers: &mut HeaderMap, fields: Vec<(HeaderName, HeaderValue)>) {
    for (name, _) in &fields {
        headers.remove(name);
    }
    for (name, value) in fields {
        headers.append(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_and_replace() {
        let fields = parse("Content-Type: text/x: y\r\n\nX-A: 1\nX-A: 2\n").expect("fields");
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("text/html"));
        headers.insert("x-b", HeaderValue::from_static("3"));
        replace(&mut headers, fields);
        assert_eq!(headers["content-type"], "text/x: y");
        assert_eq!(headers.get_all("x-a").iter().count(), 2);
        assert_eq!(headers["x-b"], "3");
    }

    #[test]
    fn lines_that_are_no_fields() {
        for (text, line) in [
            ("X-A", 1),
            ("X-A: 1\nno field", 2),
            (": 1", 1),
            ("X A: 1", 1),
        ] {
            let error = parse(text).expect_err("no field");
            assert!(
                error.to_string().contains(&format!("line {line}")),
                "{text}"
            );
        }
    }
}
