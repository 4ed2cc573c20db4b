//! Which of several stored responses a request selects.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, VARY};

/// What is remembered of a header's value: SHA-256, so that no secret is.
pub(super) type ValueDigest = [u8; 32];

/// The request headers that select a stored response, with what tells their values in the request that it answered from
/// others.
///
/// NB: `Authorization` always counts, also where `Vary` does not name it: who signs in as somebody else does not see what
/// was stored before.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SelectingHeaders(Vec<(HeaderName, Option<ValueDigest>)>);

impl SelectingHeaders {
    /// `None` if the response varies by more than headers.
    pub(super) fn of(request_headers: &HeaderMap, response_headers: &HeaderMap) -> Option<Self> {
        let mut names = vec![AUTHORIZATION];
        for value in response_headers.get_all(VARY) {
            for name in value.as_bytes().split(|&byte| byte == b',') {
                let name = name.trim_ascii();
                if name.is_empty() {
                    continue;
                }
                // A "*", like anything else that is no name, always fails to match.
                if name == b"*" {
                    return None;
                }
                names.push(HeaderName::from_bytes(name).ok()?);
            }
        }
        let headers = names.into_iter().map(|name| {
            let value = normalized_value(request_headers, &name);
            (name, value)
        });
        Some(Self::from_digests(headers.collect()))
    }

    /// The same from what [`Self::iter`] gave.
    pub(super) fn from_digests(mut headers: Vec<(HeaderName, Option<ValueDigest>)>) -> Self {
        headers.sort_unstable_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        headers.dedup_by(|(a, _), (b, _)| a == b);
        Self(headers)
    }

    /// Each name with the digest of its value, or `None` if the request had none.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(HeaderName, Option<ValueDigest>)> {
        self.0.iter()
    }

    /// Whether the request had an `Authorization`.
    pub(super) fn name_authorization(&self) -> bool {
        self.0
            .iter()
            .any(|(name, value)| *name == AUTHORIZATION && value.is_some())
    }

    /// Whether a request with these headers selects the response.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9111#section-4.1>
    pub(super) fn match_request(&self, headers: &HeaderMap) -> bool {
        self.0
            .iter()
            .all(|(name, value)| normalized_value(headers, name) == *value)
    }

    /// The bytes that they take in memory.
    pub(super) fn size_of(&self) -> usize {
        self.0
            .iter()
            .map(|(name, _)| size_of::<(HeaderName, Option<ValueDigest>)>() + name.as_str().len())
            .sum()
    }
}

/// The digest of all values of the name, combined, without white space around list elements; `None` if the header is absent.
fn normalized_value(headers: &HeaderMap, name: &HeaderName) -> Option<ValueDigest> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    let elements: Vec<_> = values
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    digest(&SHA256, &elements.join(&b","[..]))
        .as_ref()
        .first_chunk()
        .copied()
}

/// Names only: values may be secrets.
impl fmt::Debug for SelectingHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name.as_str()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_cache::test_messages::headers;

    #[test]
    fn requests_select() {
        for (first, vary, second, expected) in [
            ("Foo: 1", "", "Foo: 2", true),
            ("Foo: 1", "Vary: Foo", "Foo: 1", true),
            ("Foo: 1", "Vary: foo", "FOO: 1", true),
            ("Foo: 1", "Vary: Foo", "Foo: 2", false),
            ("Foo: 1", "Vary: Foo", "", false),
            ("", "Vary: Foo", "Foo: 1", false),
            ("", "Vary: Foo", "", true),
            ("Foo: 1|Bar: a", "Vary: Foo, Bar", "Foo: 1|Bar: a", true),
            ("Foo: 1|Bar: a", "Vary: Foo, Bar", "Foo: 1|Bar: b", false),
            (
                "Foo: 1|Bar: a",
                "Vary: Foo|Vary: Bar",
                "Foo: 1|Bar: b",
                false,
            ),
            ("Foo: 1|Bar: a", "Vary: Foo", "Foo: 1|Bar: b", true),
            ("Foo: 1,2", "Vary: Foo", "Foo: 1, 2", true),
            ("Foo: 1|Foo: 2", "Vary: Foo", "Foo: 1, 2", true),
            ("Foo: 1, 2", "Vary: Foo", "Foo: 2, 1", false),
            ("Authorization: a", "", "Authorization: b", false),
            ("Authorization: a", "", "", false),
        ] {
            let selecting = SelectingHeaders::of(&headers(first), &headers(vary)).unwrap();
            assert_eq!(
                selecting.match_request(&headers(second)),
                expected,
                "{first} / {vary} / {second}"
            );
        }
    }

    #[test]
    fn values_stay_out_of_debug_output() {
        let selecting =
            SelectingHeaders::of(&headers("Cookie: secret"), &headers("Vary: Cookie")).unwrap();
        assert_eq!(format!("{selecting:?}"), "[\"authorization\", \"cookie\"]");
    }
}
