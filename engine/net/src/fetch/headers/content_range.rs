//! [`Content-Range`](https://www.rfc-editor.org/rfc/rfc9110#name-content-range) in bytes.

use http::HeaderValue;

/// Which part of a representation a `206` holds. Positions count from 0 and `last` is included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// The first byte's position.
    pub first: u64,
    /// The last byte's position.
    pub last: u64,
    /// The length of the whole in bytes; `None` if the server does not know it.
    pub complete_length: Option<u64>,
}

/// [Builds a content range](https://fetch.spec.whatwg.org/#build-a-content-range): bytes `first` to `last`, included, of
/// `full_length`.
pub fn build(first: u64, last: u64, full_length: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("bytes {first}-{last}/{full_length}"))
        .unwrap_or_else(|_| HeaderValue::from_static("bytes */*"))
}

/// Parses a satisfied [`Content-Range`](https://www.rfc-editor.org/rfc/rfc9110#name-content-range) value. `None` if it is
/// malformed, in another unit, unsatisfied (`bytes */5`), or contradicts itself.
pub fn parse(value: &[u8]) -> Option<ContentRange> {
    let (unit, rest) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (range, complete_length) = rest.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let first = digits(first)?;
    let last = digits(last)?;
    let complete_length = match complete_length {
        "*" => None,
        length => Some(digits(length)?),
    };
    let consistent = first <= last && complete_length.is_none_or(|length| last < length);
    consistent.then_some(ContentRange {
        first,
        last,
        complete_length,
    })
}

fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parses_what_rfc_9110_shows() {
        let range = |first, last, complete_length| {
            Some(ContentRange {
                first,
                last,
                complete_length,
            })
        };
        for (value, expected) in [
            ("bytes 42-1233/1234", range(42, 1233, Some(1234))),
            ("bytes 42-1233/*", range(42, 1233, None)),
            ("Bytes 0-0/1", range(0, 0, Some(1))),
            ("bytes */1234", None),
            ("bytes 42-1233/1233", None),
            ("bytes 5-4/10", None),
            ("bytes 5-/10", None),
            ("bytes=0-1/2", None),
            ("bytes 0-1", None),
            ("bytes +0-1/2", None),
            ("pages 0-1/2", None),
            ("", None),
        ] {
            assert_eq!(parse(value.as_bytes()), expected, "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_built_parses(first in 0u64..1 << 60, more in 0u64..1 << 20, beyond in 1u64..1 << 20) {
            let last = first + more;
            let full = last + beyond;
            let built = build(first, last, full);
            prop_assert_eq!(
                parse(built.as_bytes()),
                Some(ContentRange { first, last, complete_length: Some(full) })
            );
        }

        #[test]
        fn takes_any_bytes(value in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(range) = parse(&value) {
                prop_assert!(range.first <= range.last);
            }
        }
    }
}
