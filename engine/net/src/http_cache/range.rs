//! Byte ranges out of complete responses.

use std::ops::Range;

use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::stored_response::ResponseHead;

/// What part of a stored response answers a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// These bytes of its body.
    Bytes(Range<usize>),
    /// None: the server is to answer.
    None,
}

/// The part of a complete stored response, whose body has `length` bytes, that a GET request asks for.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-14.2>
pub(super) fn requested_part(
    request_headers: &HeaderMap,
    head: &ResponseHead,
    length: usize,
) -> Part {
    let mut ranges = request_headers.get_all(RANGE).iter();
    let Some(range) = ranges.next() else {
        return Part::Whole;
    };
    // A range is one of a 200. Other responses are the same with or without.
    if head.status != StatusCode::OK || !if_range_holds(request_headers, &head.headers) {
        return Part::Whole;
    }
    // A part of what is encoded cannot be decoded.
    if ranges.next().is_some() || head.headers.contains_key(CONTENT_ENCODING) {
        return Part::None;
    }
    match parse_range(range.as_bytes()) {
        Some(range) => range.of_length(length).map_or(Part::None, Part::Bytes),
        None => Part::None,
    }
}

/// Makes `head` the head of a 206 with these bytes of a body of `length` bytes.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7.1>
pub(super) fn make_partial(head: &mut ResponseHead, bytes: &Range<usize>, length: usize) {
    head.status = StatusCode::PARTIAL_CONTENT;
    head.reason = b"Partial Content".to_vec();
    let content_range = format!("bytes {}-{}/{length}", bytes.start, bytes.end - 1);
    if let Ok(value) = HeaderValue::try_from(content_range) {
        head.headers.insert(CONTENT_RANGE, value);
    }
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
}

/// <https://www.rfc-editor.org/rfc/rfc9110#section-13.1.5>
fn if_range_holds(request_headers: &HeaderMap, headers: &HeaderMap) -> bool {
    let Some(condition) = request_headers.get(IF_RANGE) else {
        return true;
    };
    // An entity tag is compared strongly, a date exactly.
    let validator = if condition.as_bytes().starts_with(b"\"") {
        ETAG
    } else {
        LAST_MODIFIED
    };
    headers.get(validator) == Some(condition)
}

/// One range of bytes, as it is asked for.
#[derive(Clone, Copy)]
enum ByteRange {
    /// From a first byte to a last one, or to the end.
    From(usize, Option<usize>),
    /// The last bytes.
    Suffix(usize),
}

impl ByteRange {
    /// The bytes in a body of this length; `None` if the range is not satisfiable.
    fn of_length(self, length: usize) -> Option<Range<usize>> {
        let range = match self {
            Self::From(first, last) => {
                let end = last.map_or(length, |last| last.saturating_add(1).min(length));
                first..end
            },
            Self::Suffix(suffix) => length.saturating_sub(suffix)..length,
        };
        (!range.is_empty()).then_some(range)
    }
}

/// A `Range` of bytes; `None` for anything else, for several ranges, and for what is malformed.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-14.1.2>
fn parse_range(value: &[u8]) -> Option<ByteRange> {
    let text = std::str::from_utf8(value).ok()?;
    let (unit, set) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (first, last) = set.trim().split_once('-')?;
    let number = |digits: &str| {
        (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| digits.parse().unwrap_or(usize::MAX))
    };
    match (first, last) {
        ("", suffix) => Some(ByteRange::Suffix(number(suffix)?)),
        (first, "") => Some(ByteRange::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(ByteRange::From(first, Some(last)))
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(fields: &[(http::HeaderName, &'static str)]) -> ResponseHead {
        ResponseHead {
            status: StatusCode::OK,
            reason: b"OK".to_vec(),
            headers: fields
                .iter()
                .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)))
                .collect(),
            tls: None,
        }
    }

    fn request(range: &str) -> HeaderMap {
        HeaderMap::from_iter([(RANGE, HeaderValue::from_str(range).unwrap())])
    }

    #[test]
    fn ranges() {
        for (range, expected) in [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=2-5", Part::Bytes(2..6)),
            ("Bytes=2-5", Part::Bytes(2..6)),
            ("bytes=2-", Part::Bytes(2..10)),
            ("bytes=0-", Part::Bytes(0..10)),
            ("bytes=2-99", Part::Bytes(2..10)),
            ("bytes=2-99999999999999999999999", Part::Bytes(2..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-99", Part::Bytes(0..10)),
            ("bytes=-0", Part::None),
            ("bytes=10-", Part::None),
            ("bytes=5-2", Part::None),
            ("bytes=-", Part::None),
            ("bytes=a-b", Part::None),
            ("bytes=0-1,3-4", Part::None),
            ("lines=0-1", Part::None),
            ("0-1", Part::None),
        ] {
            assert_eq!(
                requested_part(&request(range), &head(&[]), 10),
                expected,
                "{range}"
            );
        }
        assert_eq!(
            requested_part(&HeaderMap::new(), &head(&[]), 10),
            Part::Whole
        );
        assert_eq!(
            requested_part(&request("bytes=0-"), &head(&[]), 0),
            Part::None
        );
    }

    #[test]
    fn what_has_no_ranges() {
        let mut not_found = head(&[]);
        not_found.status = StatusCode::NOT_FOUND;
        assert_eq!(
            requested_part(&request("bytes=0-1"), &not_found, 10),
            Part::Whole
        );
        let encoded = head(&[(CONTENT_ENCODING, "gzip")]);
        assert_eq!(
            requested_part(&request("bytes=0-1"), &encoded, 10),
            Part::None
        );
        assert_eq!(requested_part(&HeaderMap::new(), &encoded, 10), Part::Whole);
    }

    #[test]
    fn if_range() {
        const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (condition, etag, expected) in [
            ("\"a\"", "\"a\"", Part::Bytes(0..2)),
            ("\"b\"", "\"a\"", Part::Whole),
            ("W/\"a\"", "W/\"a\"", Part::Whole),
            ("\"a\"", "W/\"a\"", Part::Whole),
            (DATE, "\"a\"", Part::Bytes(0..2)),
            ("Sun, 06 Nov 1994 08:49:38 GMT", "\"a\"", Part::Whole),
        ] {
            let mut headers = request("bytes=0-1");
            headers.insert(IF_RANGE, HeaderValue::from_static(condition));
            let head = head(&[(ETAG, etag), (LAST_MODIFIED, DATE)]);
            assert_eq!(
                requested_part(&headers, &head, 10),
                expected,
                "{condition} {etag}"
            );
        }
    }

    #[test]
    fn heads_of_parts() {
        let mut head = head(&[(CONTENT_LENGTH, "10")]);
        make_partial(&mut head, &(2..6), 10);
        assert_eq!(head.status, StatusCode::PARTIAL_CONTENT);
        assert_eq!(head.headers[CONTENT_RANGE], "bytes 2-5/10");
        assert_eq!(head.headers[CONTENT_LENGTH], "4");
    }

    proptest! {
        #[test]
        fn parts_are_inside(range in "bytes=[0-9]{0,25}-[0-9]{0,25}", length in 0..100_usize) {
            if let Part::Bytes(bytes) = requested_part(&request(&range), &head(&[]), length) {
                prop_assert!(bytes.start < bytes.end && bytes.end <= length);
            }
        }
    }
}
