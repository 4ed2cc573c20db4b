//! The `Cache-Control` header field.

use std::time::Duration;

use http::HeaderMap;
use http::header::{CACHE_CONTROL, PRAGMA};

/// The most seconds that a directive can state, [2³¹](https://www.rfc-editor.org/rfc/rfc9111#section-1.2.2).
const MAX_DELTA_SECONDS: u64 = 1 << 31;

/// [Cache directives](https://www.rfc-editor.org/rfc/rfc9111#section-5.2) of a request or a response.
#[derive(Debug, Default)]
pub(super) struct CacheControl {
    /// Names in lower case, with their arguments without quotes.
    directives: Vec<(String, Option<String>)>,
    is_present: bool,
}

impl CacheControl {
    /// All directives of these headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut cache_control = Self::default();
        for value in headers.get_all(CACHE_CONTROL) {
            cache_control.is_present = true;
            cache_control.directives.extend(
                split_list(value.as_bytes())
                    .iter()
                    .filter_map(|part| parse(part)),
            );
        }
        cache_control
    }

    /// Whether there is such a directive, with or without an argument.
    pub(super) fn has(&self, name: &str) -> bool {
        self.directives.iter().any(|(found, _)| found == name)
    }

    /// The seconds that the first such directive states; `None` if there is none. What is no number counts as zero: the
    /// response is stale then.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1>
    pub(super) fn seconds(&self, name: &str) -> Option<Duration> {
        let (_, argument) = self.directives.iter().find(|(found, _)| found == name)?;
        let argument = argument.as_deref().unwrap_or_default();
        Some(parse_delta_seconds(argument.as_bytes()).unwrap_or_default())
    }

    /// What `max-stale` accepts; the longest time if it has no argument.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.2>
    pub(super) fn max_stale(&self) -> Option<Duration> {
        match self
            .directives
            .iter()
            .find(|(found, _)| found == "max-stale")?
        {
            (_, None) => Some(Duration::MAX),
            (_, Some(_)) => self.seconds("max-stale"),
        }
    }
}

/// Whether a request wants no stored response without asking the server.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.4>, <https://www.rfc-editor.org/rfc/rfc9111#section-5.4>
pub(super) fn request_says_no_cache(cache_control: &CacheControl, headers: &HeaderMap) -> bool {
    cache_control.has("no-cache")
        || !cache_control.is_present
            && headers.get_all(PRAGMA).iter().any(|value| {
                split_list(value.as_bytes())
                    .iter()
                    .any(|part| part.trim_ascii().eq_ignore_ascii_case(b"no-cache"))
            })
}

/// A number of seconds. More than the limit is the limit.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-1.2.2>
pub(super) fn parse_delta_seconds(value: &[u8]) -> Option<Duration> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = value.iter().fold(0_u64, |seconds, digit| {
        (seconds * 10 + u64::from(digit - b'0')).min(MAX_DELTA_SECONDS)
    });
    Some(Duration::from_secs(seconds))
}

/// The elements of a comma-separated list; commas inside quotes do not count.
fn split_list(value: &[u8]) -> Vec<&[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(|&byte| {
            if escaped {
                escaped = false;
            } else if quoted && byte == b'\\' {
                escaped = true;
            } else if byte == b'"' {
                quoted = !quoted;
            }
            byte == b',' && !quoted
        })
        .collect()
}

fn parse(part: &[u8]) -> Option<(String, Option<String>)> {
    let text = String::from_utf8_lossy(part);
    let (name, argument) = match text.split_once('=') {
        Some((name, argument)) => (name, Some(argument.trim())),
        None => (&*text, None),
    };
    let name = name.trim().to_ascii_lowercase();
    let argument = argument.map(|argument| {
        argument
            .strip_prefix('"')
            .and_then(|argument| argument.strip_suffix('"'))
            .unwrap_or(argument)
            .to_owned()
    });
    (!name.is_empty()).then_some((name, argument))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (CACHE_CONTROL, HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn seconds() {
        for (values, expected) in [
            (&["max-age=10"][..], Some(10)),
            (&["MAX-AGE=10"], Some(10)),
            (&["public, max-age=\"10\""], Some(10)),
            (&["no-cache=\"a, max-age=5\", max-age=10"], Some(10)),
            (&["public", "max-age=0010"], Some(10)),
            (&["max-age=10, max-age=20"], Some(10)),
            (&["max-age=99999999999999999999999"], Some(1 << 31)),
            (&["max-age"], Some(0)),
            (&["max-age="], Some(0)),
            (&["max-age=-1"], Some(0)),
            (&["max-age=1.5"], Some(0)),
            (&["x-max-age=10"], None),
            (&["max-age-x=10"], None),
            (&["x=\"max-age=10"], None),
            (&[], None),
        ] {
            let found = CacheControl::of(&headers(values)).seconds("max-age");
            assert_eq!(found, expected.map(Duration::from_secs), "{values:?}");
        }
    }

    #[test]
    fn max_stale() {
        for (value, expected) in [
            ("max-stale", Some(Duration::MAX)),
            ("max-stale=5", Some(Duration::from_secs(5))),
            ("max-stale=x", Some(Duration::ZERO)),
            ("no-cache", None),
        ] {
            assert_eq!(CacheControl::of(&headers(&[value])).max_stale(), expected);
        }
    }

    #[test]
    fn pragma_counts_without_cache_control() {
        let mut map = HeaderMap::new();
        map.insert(PRAGMA, HeaderValue::from_static("x, No-Cache"));
        assert!(request_says_no_cache(&CacheControl::of(&map), &map));
        map.insert(CACHE_CONTROL, HeaderValue::from_static("max-age=1"));
        assert!(!request_says_no_cache(&CacheControl::of(&map), &map));
        map.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        assert!(request_says_no_cache(&CacheControl::of(&map), &map));
    }

    proptest! {
        #[test]
        fn no_value_panics(value in prop::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                let map = HeaderMap::from_iter([(CACHE_CONTROL, value)]);
                let cache_control = CacheControl::of(&map);
                let _ = (cache_control.seconds("max-age"), cache_control.max_stale());
            }
        }
    }
}
