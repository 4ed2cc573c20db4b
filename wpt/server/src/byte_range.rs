//! Parts of files: what media elements ask for.
//!
//! <https://www.rfc-editor.org/rfc/rfc9110#section-14>

use std::ops::Range;

use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderValue, Method, StatusCode};

use crate::reply::Response;
use crate::request::Request;

/// What is asked for of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    /// All of it, or something that is not understood, which is ignored.
    All,
    /// These bytes.
    Part(Range<usize>),
    /// Bytes that it does not have.
    Nothing,
}

/// The response with a file's bytes, or those of them that the request asks for.
pub(crate) fn answer(request: &Request, body: Vec<u8>) -> Response {
    let asked = match request.headers.get(RANGE) {
        Some(value) if request.method == Method::GET => asked(value, body.len()),
        _ => Asked::All,
    };
    let length = body.len();
    let (status, body, range) = match asked {
        Asked::All => (StatusCode::OK, body, None),
        Asked::Part(part) => {
            let range = format!(
                "bytes {}-{}/{length}",
                part.start,
                part.end.saturating_sub(1)
            );
            let body = body.get(part).unwrap_or_default().to_vec();
            (StatusCode::PARTIAL_CONTENT, body, Some(range))
        },
        Asked::Nothing => {
            let range = format!("bytes */{length}");
            (StatusCode::RANGE_NOT_SATISFIABLE, Vec::new(), Some(range))
        },
    };
    let mut response = Response::new(status, body);
    if let Some(range) = range.and_then(|range| HeaderValue::try_from(range).ok()) {
        response.headers.insert(CONTENT_RANGE, range);
    }
    response
}

/// `bytes=1-2`, `bytes=1-` or `bytes=-2`. Several ranges may be ignored, and are.
fn asked(value: &HeaderValue, length: usize) -> Asked {
    let bounds = value
        .to_str()
        .ok()
        .and_then(|value| value.trim().strip_prefix("bytes="))
        .and_then(|range| range.split_once('-'));
    let Some((first, last)) = bounds else {
        return Asked::All;
    };
    let bound = |text: &str| match text.trim() {
        "" => Some(None),
        // NB: `parse` takes a sign.
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Some(digits.parse().unwrap_or(usize::MAX)))
        },
        _ => None,
    };
    let part = match (bound(first), bound(last)) {
        (Some(Some(first)), Some(None)) => first..length,
        (Some(Some(first)), Some(Some(last))) if first <= last => {
            first..last.saturating_add(1).min(length)
        },
        (Some(None), Some(Some(count))) => length.saturating_sub(count)..length,
        _ => return Asked::All,
    };
    if part.start < part.end {
        Asked::Part(part)
    } else {
        Asked::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::fake;

    #[test]
    fn parts() {
        for (range, expected) in [
            ("bytes=0-", Asked::Part(0..10)),
            ("bytes=3-", Asked::Part(3..10)),
            ("bytes=2-5", Asked::Part(2..6)),
            ("bytes=2-2", Asked::Part(2..3)),
            ("bytes=8-99", Asked::Part(8..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-99", Asked::Part(0..10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=99999999999999999999-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-2", Asked::All),
            ("bytes=-", Asked::All),
            ("bytes=+1-", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("lines=0-1", Asked::All),
            ("", Asked::All),
        ] {
            assert_eq!(
                asked(&HeaderValue::from_static(range), 10),
                expected,
                "{range}"
            );
        }
        assert_eq!(
            asked(&HeaderValue::from_static("bytes=0-"), 0),
            Asked::Nothing
        );
    }

    #[test]
    fn responses() {
        let mut request = fake::get("http://web-platform.test/film.webm");
        let whole = answer(&request, b"0123456789".to_vec());
        assert_eq!(whole.status, StatusCode::OK);
        assert!(!whole.headers.contains_key("content-range"));
        request
            .headers
            .insert("range", HeaderValue::from_static("bytes=2-4"));
        let part = answer(&request, b"0123456789".to_vec());
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(part.headers["content-range"], "bytes 2-4/10");
        assert_eq!(part.bytes(), b"234");
        request
            .headers
            .insert("range", HeaderValue::from_static("bytes=10-"));
        let none = answer(&request, b"0123456789".to_vec());
        assert_eq!(none.status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(none.headers["content-range"], "bytes */10");
        request.method = Method::HEAD;
        let head = answer(&request, b"0123456789".to_vec());
        assert_eq!(head.status, StatusCode::OK);
    }
}
