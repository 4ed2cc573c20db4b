//! The `Strict-Transport-Security` header field.

use std::time::Duration;

use crate::fetch::headers::token::{skip_white_space, split_token, split_token_or_quoted_string};

/// What a host says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StrictTransportSecurity {
    /// For how long the host is to be known; zero means to forget it.
    pub(super) max_age: Duration,
    /// Whether it holds for subdomains, too.
    pub(super) include_subdomains: bool,
}

impl StrictTransportSecurity {
    /// Parses the value of the header field; `None` if it does not conform, so that it is to be ignored.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc6797#section-6.1>
    pub(super) fn parse(mut value: &[u8]) -> Option<Self> {
        let mut names: Vec<Vec<u8>> = Vec::new();
        let mut max_age = None;
        let mut include_subdomains = false;
        loop {
            value = skip_white_space(value);
            if let Some((name, rest)) = split_token(value) {
                value = skip_white_space(rest);
                let mut argument = None;
                if let Some(rest) = value.strip_prefix(b"=") {
                    let (found, rest) = split_token_or_quoted_string(skip_white_space(rest))?;
                    argument = Some(found);
                    value = skip_white_space(rest);
                }
                let name = name.to_ascii_lowercase();
                match (&*name, argument) {
                    // https://www.rfc-editor.org/rfc/rfc6797#section-6.1.1
                    (b"max-age", argument) => max_age = Some(parse_delta_seconds(&argument?)?),
                    // https://www.rfc-editor.org/rfc/rfc6797#section-6.1.2
                    (b"includesubdomains", None) => include_subdomains = true,
                    (b"includesubdomains", Some(_)) => return None,
                    // 5. Unknown directives are ignored.
                    _ => {},
                }
                // 2. No directive appears twice.
                if names.contains(&name) {
                    return None;
                }
                names.push(name);
            }
            match value.split_first() {
                None => break,
                Some((b';', rest)) => value = rest,
                Some(_) => return None,
            }
        }
        Some(Self {
            max_age: max_age?,
            include_subdomains,
        })
    }
}

/// A number of seconds; what is too large is as much as possible.
fn parse_delta_seconds(argument: &[u8]) -> Option<Duration> {
    if argument.is_empty() || !argument.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(Duration::from_secs(argument.iter().fold(
        0_u64,
        |seconds, digit| {
            seconds
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'))
        },
    )))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values() {
        for (value, expected) in [
            // Examples of the standard, section 6.2.
            ("max-age=31536000", Some((31_536_000, false))),
            (
                "max-age=15768000 ; includeSubDomains",
                Some((15_768_000, true)),
            ),
            ("max-age=\"31536000\"", Some((31_536_000, false))),
            ("max-age=0", Some((0, false))),
            ("max-age=0; includeSubDomains", Some((0, true))),
            // Spelling.
            (" MAX-AGE = 1 ;; INCLUDESUBDOMAINS ; ", Some((1, true))),
            ("includeSubDomains;max-age=1", Some((1, true))),
            ("max-age=\"1\\0\"", Some((10, false))),
            ("max-age=1; preload; x=\"a;b\"; y=z", Some((1, false))),
            ("max-age=99999999999999999999999", Some((u64::MAX, false))),
            // Malformed.
            ("", None),
            ("includeSubDomains", None),
            ("max-age", None),
            ("max-age=", None),
            ("max-age=\"\"", None),
            ("max-age=-1", None),
            ("max-age=1.0", None),
            ("max-age=1 2", None),
            ("max-age=\"1", None),
            ("max-age=1; max-age=1", None),
            ("max-age=1; includeSubDomains; includeSubDomains", None),
            ("max-age=1; includeSubDomains=1", None),
            ("max-age=1, max-age=1", None),
            ("max-age=1; x=", None),
        ] {
            let found = StrictTransportSecurity::parse(value.as_bytes())
                .map(|header| (header.max_age.as_secs(), header.include_subdomains));
            assert_eq!(found, expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(input in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = StrictTransportSecurity::parse(&input);
        }

        #[test]
        fn no_near_header_panics(input in "(max-age|includeSubDomains|[ ;=\"\\\\0-9]){0,12}") {
            let _ = StrictTransportSecurity::parse(input.as_bytes());
        }
    }
}
