//! [`Range`](https://www.rfc-editor.org/rfc/rfc9110#name-range) with a single range of bytes, the only kind that Fetch
//! gives a meaning to.

use http::header::{HeaderMap, HeaderValue, RANGE};

/// A single range of bytes. Positions count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeValue {
    /// From this position to the end.
    From(u64),
    /// From the first to the second position, both included.
    FromTo(u64, u64),
    /// The last so many bytes.
    Suffix(u64),
}

impl RangeValue {
    /// The first and last position, both included, of this range in a body of `full_length` bytes; `None` if no byte of
    /// the body is in it.
    pub fn resolve(self, full_length: u64) -> Option<(u64, u64)> {
        let end = full_length.checked_sub(1)?;
        let (first, last) = match self {
            Self::From(first) => (first, end),
            Self::FromTo(first, last) => (first, last.min(end)),
            Self::Suffix(0) => return None,
            Self::Suffix(length) => (full_length.saturating_sub(length), end),
        };
        (first <= last).then_some((first, last))
    }
}

/// [Parses a single range header value](https://fetch.spec.whatwg.org/#simple-range-header-value). With
/// `allow_whitespace`, tabs and spaces may stand between its parts. Positions that do not fit count as the largest.
pub fn parse_single_range(value: &[u8], allow_whitespace: bool) -> Option<RangeValue> {
    let skip = |rest: &mut &[u8]| {
        while allow_whitespace && let [b'\t' | b' ', tail @ ..] = *rest {
            *rest = tail;
        }
    };
    // 1 to 3. It starts with “bytes”.
    let mut rest = value.strip_prefix(b"bytes")?;
    // 4 to 7. Then “=”.
    skip(&mut rest);
    rest = rest.strip_prefix(b"=")?;
    skip(&mut rest);
    // 8 and 9. The start, if there is one.
    let start = take_digits(&mut rest);
    // 10 to 13. Then “-”.
    skip(&mut rest);
    rest = rest.strip_prefix(b"-")?;
    skip(&mut rest);
    // 14 and 15. The end, if there is one.
    let end = take_digits(&mut rest);
    // 16. Nothing may follow.
    if !rest.is_empty() {
        return None;
    }
    match (start, end) {
        // 17. One of the two is needed.
        (None, None) => None,
        // 18. The start may not lie behind the end.
        (Some(start), Some(end)) if start > end => None,
        // 19. Return them.
        (Some(start), Some(end)) => Some(RangeValue::FromTo(start, end)),
        (Some(start), None) => Some(RangeValue::From(start)),
        (None, Some(length)) => Some(RangeValue::Suffix(length)),
    }
}

fn take_digits(rest: &mut &[u8]) -> Option<u64> {
    let mut number = None;
    while let [digit @ b'0'..=b'9', tail @ ..] = *rest {
        number = Some(
            number
                .unwrap_or(0u64)
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0')),
        );
        *rest = tail;
    }
    number
}

/// [Adds a range header](https://fetch.spec.whatwg.org/#concept-request-add-range-header): from byte `first` to `last`,
/// included, or to the end.
pub fn add_range_header(headers: &mut HeaderMap, first: u64, last: Option<u64>) {
    // 1 to 4. Let rangeValue be `bytes=`, first, `-`, last.
    let value = match last {
        Some(last) => format!("bytes={first}-{last}"),
        None => format!("bytes={first}-"),
    };
    // 5. Append it.
    if let Ok(value) = HeaderValue::from_str(&value) {
        // NB: a list that is full goes without.
        let _ = headers.try_append(RANGE, value);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_single_ranges() {
        use RangeValue::*;
        for (value, strict, lenient) in [
            ("bytes=0-", Some(From(0)), Some(From(0))),
            ("bytes=5-9", Some(FromTo(5, 9)), Some(FromTo(5, 9))),
            ("bytes=5-5", Some(FromTo(5, 5)), Some(FromTo(5, 5))),
            ("bytes=-5", Some(Suffix(5)), Some(Suffix(5))),
            (
                "bytes=99999999999999999999-",
                Some(From(u64::MAX)),
                Some(From(u64::MAX)),
            ),
            ("bytes = 5\t- 9", None, Some(FromTo(5, 9))),
            ("bytes=5-9 ", None, None),
            ("bytes=9-5", None, None),
            ("bytes=-", None, None),
            ("bytes=", None, None),
            ("bytes", None, None),
            ("bytes=0-1,2-3", None, None),
            ("bytes=0-1-2", None, None),
            ("bytes=+0-", None, None),
            ("Bytes=0-", None, None),
            (" bytes=0-", None, None),
            ("", None, None),
        ] {
            assert_eq!(
                parse_single_range(value.as_bytes(), false),
                strict,
                "{value}"
            );
            assert_eq!(
                parse_single_range(value.as_bytes(), true),
                lenient,
                "{value}"
            );
        }
    }

    #[test]
    fn resolves_within_the_body() {
        use RangeValue::*;
        for (range, length, expected) in [
            (From(0), 10, Some((0, 9))),
            (From(9), 10, Some((9, 9))),
            (From(10), 10, None),
            (FromTo(2, 4), 10, Some((2, 4))),
            (FromTo(2, 400), 10, Some((2, 9))),
            (FromTo(10, 12), 10, None),
            (Suffix(3), 10, Some((7, 9))),
            (Suffix(30), 10, Some((0, 9))),
            (Suffix(0), 10, None),
            (From(0), 0, None),
            (Suffix(1), 0, None),
        ] {
            assert_eq!(range.resolve(length), expected, "{range:?} of {length}");
        }
    }

    proptest! {
        #[test]
        fn added_headers_parse(first in any::<u64>(), last in prop::option::of(any::<u64>())) {
            let mut headers = HeaderMap::new();
            add_range_header(&mut headers, first, last);
            let parsed = parse_single_range(headers[RANGE].as_bytes(), false);
            prop_assert_eq!(parsed, match last {
                None => Some(RangeValue::From(first)),
                Some(last) if last < first => None,
                Some(last) => Some(RangeValue::FromTo(first, last)),
            });
        }

        #[test]
        fn takes_any_bytes(value in prop::collection::vec(any::<u8>(), 0..40), allow in any::<bool>()) {
            let _ = parse_single_range(&value, allow);
        }

        #[test]
        fn resolved_ranges_lie_within(first in 0u64..50, last in 0u64..50, length in 0u64..50) {
            for range in [RangeValue::From(first), RangeValue::FromTo(first, last), RangeValue::Suffix(first)] {
                if let Some((first, last)) = range.resolve(length) {
                    prop_assert!(first <= last && last < length);
                }
            }
        }
    }
}
