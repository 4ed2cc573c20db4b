//! [`Unencoded-Digest`](https://datatracker.ietf.org/doc/draft-ietf-httpbis-unencoded-digest/): digests that a server states
//! for what it sends, as they are
//! [verified](https://wicg.github.io/signature-based-sri/#abstract-opdef-verify-unencoded-digest-assertions) whether or not
//! the page asks for integrity.

use aws_lc_rs::digest;
use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use crate::fetch::headers::header_list;

const UNENCODED_DIGEST: HeaderName = HeaderName::from_static("unencoded-digest");

/// The algorithms that are verified, by the keys that the header has for them.
const ALGORITHMS: [(&str, &digest::Algorithm); 3] = [
    ("sha-256", &digest::SHA256),
    ("sha-384", &digest::SHA384),
    ("sha-512", &digest::SHA512),
];

/// The digests that a server states and that can be verified; there is at least one.
pub struct UnencodedDigests(Vec<(&'static digest::Algorithm, Option<Vec<u8>>)>);

impl UnencodedDigests {
    /// The digests that `headers` state. `None` if there are none, or none by an algorithm that is known: then every body is
    /// verified.
    pub fn parse(headers: &HeaderMap) -> Option<Self> {
        // 1. Let header be the dictionary.
        // 2. Without one, or one that can be parsed, there is nothing to verify.
        let value = header_list::get(headers, &UNENCODED_DIGEST)?;
        let header: Dictionary = Parser::new(&value).parse().ok()?;
        // 3.1. Others than these are passed over.
        let digests: Vec<_> = ALGORITHMS
            .iter()
            .filter_map(|(key, algorithm)| Some((*algorithm, digest_of(header.get(*key)?))))
            .collect();
        (!digests.is_empty()).then_some(Self(digests))
    }

    /// Whether `bytes`, the body without its content codings, have every one of the digests.
    pub fn verify(&self, bytes: &[u8]) -> bool {
        // 3.2 to 3.4. One that does not match is enough to fail.
        self.0.iter().all(|(algorithm, expected)| {
            expected.as_deref() == Some(digest::digest(algorithm, bytes).as_ref())
        })
        // 4. Otherwise they are verified.
    }
}

/// The bytes of a member; `None` for one that has none, and that nothing matches.
fn digest_of(member: &ListEntry) -> Option<Vec<u8>> {
    match member {
        ListEntry::Item(item) => match &item.bare_item {
            BareItem::ByteSequence(bytes) => Some(bytes.clone()),
            _ => None,
        },
        ListEntry::InnerList(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    // `printf hello | openssl dgst -sha256 -binary | base64`, and so on.
    const SHA256: &str = "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:";
    const SHA384: &str =
        "sha-384=:WeF0h3dEjGnea4ANejO7+5/xtGPkQ1TDVTvNucZm+pASWjx5+QOXvfX2oT3oKGhP:";
    const WRONG: &str = "sha-256=:AAAA:";

    /// Whether a body “hello” is verified; `None` if there is nothing to verify.
    fn verified(values: &[&str]) -> Option<bool> {
        let headers: HeaderMap = values
            .iter()
            .map(|value| (UNENCODED_DIGEST, HeaderValue::from_str(value).unwrap()))
            .collect();
        UnencodedDigests::parse(&headers).map(|digests| digests.verify(b"hello"))
    }

    #[test]
    fn all_that_is_stated_must_match() {
        for (values, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["sha=:AAAA:"], None),
            (&["md5=:AAAA:, id-sha-256=:AAAA:"], None),
            (&["sha-256"], Some(false)),
            (&["sha-256=AAAA"], Some(false)),
            (&["sha-256=\"AAAA\""], Some(false)),
            (&["sha-256=(:AAAA:)"], Some(false)),
            (&["sha-256=:not base64:"], None),
            (&[SHA256], Some(true)),
            (&[SHA384], Some(true)),
            (&[SHA256, SHA384], Some(true)),
            (&[SHA256, "sha=:AAAA:"], Some(true)),
            (&[WRONG], Some(false)),
            (&[SHA384, WRONG], Some(false)),
            // The last of several members with one key counts.
            (&[SHA256, WRONG], Some(false)),
            (&[WRONG, SHA256], Some(true)),
        ] {
            assert_eq!(verified(values), expected, "{values:?}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_header(value in "(sha-(256|384|512)=)?[ -~]{0,40}") {
            let _ = verified(&[&value]);
        }
    }
}
