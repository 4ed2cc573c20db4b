//! Byte ranges out of complete and partial responses.

use std::ops::Range;

use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderName, IF_RANGE, LAST_MODIFIED,
    RANGE,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};

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

/// Where the body of a stored 206 belongs in the complete one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PartialContent {
    /// Its first byte.
    pub(super) first: usize,
    /// How many bytes the response says it has.
    pub(super) length: usize,
    /// How many bytes the complete body has.
    pub(super) complete_length: usize,
    /// The range that it was the answer to; `None` for one that was put together.
    answered: Option<ByteRange>,
}

impl PartialContent {
    /// The part that a 206 is, by its `Content-Range`; `None` if it is none that can be stored: several ranges, one of an
    /// unknown complete length, or one of an encoded body.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9110#section-14.4>
    pub(super) fn of(request_headers: &HeaderMap, headers: &HeaderMap) -> Option<Self> {
        let range = single_value(request_headers, RANGE)?;
        if headers.contains_key(CONTENT_ENCODING) {
            return None;
        }
        let content_range = std::str::from_utf8(single_value(headers, CONTENT_RANGE)?).ok()?;
        let (unit, range_resp) = content_range.trim().split_once(' ')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (positions, complete_length) = range_resp.split_once('/')?;
        let (first, last) = positions.split_once('-')?;
        let complete_length = number(complete_length)?;
        let (first, last) = (number(first)?, number(last)?);
        if first > last || last >= complete_length {
            return None;
        }
        Some(Self {
            first,
            length: last - first + 1,
            complete_length,
            answered: Some(parse_range(range)?),
        })
    }

    /// Which bytes of the stored body, of which there are `stored`, answer a GET request.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-3.3>
    pub(super) fn requested_part(
        &self,
        request_headers: &HeaderMap,
        headers: &HeaderMap,
        stored: usize,
    ) -> Part {
        let range = single_value(request_headers, RANGE).and_then(parse_range);
        let Some(range) = range.filter(|_| if_range_holds(request_headers, headers)) else {
            return Part::None;
        };
        // The server has chosen what to answer to this very range.
        if self.answered == Some(range) {
            return Part::Whole;
        }
        let Some(wanted) = range.of_length(self.complete_length) else {
            return Part::None;
        };
        let stored_end = self.first.saturating_add(stored);
        let end = match range {
            // NB: A server may send fewer bytes than it says. Of what has no last position they are a part, and the answer
            // tells which: https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7
            ByteRange::From(_, None) if self.reaches_the_end() => wanted.end.min(stored_end),
            _ => wanted.end,
        };
        if wanted.start < self.first || wanted.start >= end || end > stored_end {
            return Part::None;
        }
        Part::Bytes(wanted.start - self.first..end - self.first)
    }

    /// The union of two stored parts of the same representation, with the bytes of the `newer` one where both have some;
    /// `None` if there is a gap between them, or their complete lengths differ.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9110#section-15.3.7.3>
    pub(super) fn combine(older: (&Self, &[u8]), newer: (&Self, &[u8])) -> Option<(Self, Vec<u8>)> {
        let ((older, old_bytes), (newer, new_bytes)) = (older, newer);
        let old_end = older.first.checked_add(old_bytes.len())?;
        let new_end = newer.first.checked_add(new_bytes.len())?;
        if older.complete_length != newer.complete_length
            || old_end < newer.first
            || new_end < older.first
        {
            return None;
        }
        let before = old_bytes.get(..newer.first.saturating_sub(older.first))?;
        let after = old_bytes.get(new_end - older.first..).unwrap_or_default();
        let bytes = [before, new_bytes, after].concat();
        let part = Self {
            first: older.first.min(newer.first),
            length: bytes.len(),
            complete_length: newer.complete_length,
            answered: None,
        };
        Some((part, bytes))
    }

    /// Whether a body of this length can be the one that was stored with it.
    pub(super) const fn is_of(&self, stored: usize) -> bool {
        let end = self.first.checked_add(stored);
        stored > 0
            && stored <= self.length
            && matches!(end, Some(end) if end <= self.complete_length)
    }

    /// Whether the response says that it has the last byte.
    const fn reaches_the_end(&self) -> bool {
        self.first.saturating_add(self.length) == self.complete_length
    }

    /// Whether a part with this many bytes is all there is.
    pub(super) const fn is_complete(&self, stored: usize) -> bool {
        self.first == 0 && stored == self.complete_length
    }
}

/// Makes `head` the head of a 206 with these bytes of a complete body of `length` bytes.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    match (first, last) {
        ("", suffix) => Some(ByteRange::Suffix(number(suffix)?)),
        (first, "") => Some(ByteRange::From(number(first)?, None)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(ByteRange::From(first, Some(last)))
        },
    }
}

/// A number in digits only. More than the largest number is that one.
fn number(digits: &str) -> Option<usize> {
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().unwrap_or(usize::MAX))
}

fn single_value(headers: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    values.next().is_none().then(|| value.as_bytes())
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

    fn partial(range: &str, content_range: &str) -> Option<PartialContent> {
        let value = HeaderValue::from_str(content_range).unwrap();
        PartialContent::of(
            &request(range),
            &HeaderMap::from_iter([(CONTENT_RANGE, value)]),
        )
    }

    #[test]
    fn content_ranges() {
        for (content_range, expected) in [
            ("bytes 4-9/10", Some((4, 6, 10))),
            ("Bytes 0-0/1", Some((0, 1, 1))),
            ("bytes 4-9/*", None),
            ("bytes */10", None),
            ("bytes 9-4/10", None),
            ("bytes 4-10/10", None),
            ("bytes 4-/10", None),
            ("bytes -4/10", None),
            ("lines 4-9/10", None),
            ("bytes=4-9/10", None),
            ("", None),
            (
                "bytes 0-99999999999999999999999/99999999999999999999999",
                None,
            ),
        ] {
            let found = partial("bytes=4-", content_range);
            assert_eq!(
                found.map(|part| (part.first, part.length, part.complete_length)),
                expected,
                "{content_range}"
            );
        }
        assert_eq!(partial("bytes=0-1,3-4", "bytes 0-1/10"), None);
        let encoded = head(&[(CONTENT_RANGE, "bytes 0-1/10"), (CONTENT_ENCODING, "gzip")]);
        assert_eq!(
            PartialContent::of(&request("bytes=0-1"), &encoded.headers),
            None
        );
    }

    #[test]
    fn parts_of_parts() {
        let stored = partial("bytes=4-8", "bytes 4-8/10").unwrap();
        for (range, expected) in [
            ("bytes=4-8", Part::Whole),
            ("bytes=4-4", Part::Bytes(0..1)),
            ("bytes=6-8", Part::Bytes(2..5)),
            ("bytes=3-8", Part::None),
            ("bytes=4-9", Part::None),
            ("bytes=6-", Part::None),
            ("bytes=-1", Part::None),
            ("bytes=10-", Part::None),
            ("bytes=4-5,7-8", Part::None),
        ] {
            let found = stored.requested_part(&request(range), &HeaderMap::new(), 5);
            assert_eq!(found, expected, "{range}");
        }
        let stored_part =
            |headers: &HeaderMap| stored.requested_part(headers, &head(&[]).headers, 5);
        assert_eq!(stored_part(&HeaderMap::new()), Part::None);
        let mut headers = request("bytes=4-8");
        headers.insert(IF_RANGE, HeaderValue::from_static("\"a\""));
        assert_eq!(stored_part(&headers), Part::None);
        let end = partial("bytes=-6", "bytes 4-9/10").unwrap();
        assert_eq!(
            end.requested_part(&request("bytes=-1"), &HeaderMap::new(), 6),
            Part::Bytes(5..6)
        );
        // One byte less than it says.
        for (range, expected) in [
            ("bytes=6-", Part::Bytes(2..5)),
            ("bytes=9-", Part::None),
            ("bytes=6-9", Part::None),
            ("bytes=-1", Part::None),
            ("bytes=3-", Part::None),
        ] {
            let found = end.requested_part(&request(range), &HeaderMap::new(), 5);
            assert_eq!(found, expected, "{range}");
        }
    }

    proptest! {
        #[test]
        fn combined_parts(old in 0..12_usize, old_len in 1..8_usize, new in 0..12_usize, new_len in 1..8_usize) {
            let part = |first: usize, length: usize| {
                partial("bytes=0-", &format!("bytes {first}-{}/20", first + length - 1)).unwrap()
            };
            let complete: Vec<u8> = (0..20).collect();
            let (older, newer) = (part(old, old_len), part(new, new_len));
            let combined = PartialContent::combine(
                (&older, &complete[old..old + old_len]),
                (&newer, &complete[new..new + new_len]),
            );
            let has_gap = old + old_len < new || new + new_len < old;
            prop_assert_eq!(combined.is_none(), has_gap);
            if let Some((part, bytes)) = combined {
                prop_assert_eq!(part.first, old.min(new));
                prop_assert_eq!(part.length, bytes.len());
                prop_assert_eq!(&bytes[..], &complete[part.first..(old + old_len).max(new + new_len)]);
            }
        }

        #[test]
        fn parts_are_inside(range in "bytes=[0-9]{0,25}-[0-9]{0,25}", length in 0..100_usize) {
            if let Part::Bytes(bytes) = requested_part(&request(&range), &head(&[]), length) {
                prop_assert!(bytes.start < bytes.end && bytes.end <= length);
            }
        }
    }
}
