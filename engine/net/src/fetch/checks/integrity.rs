//! [Subresource integrity](https://w3c.github.io/webappsec-subresource-integrity/): digests that a page states for what it
//! fetches.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_PAD_INDIFFERENT;

/// A [valid SRI hash algorithm](https://w3c.github.io/webappsec-subresource-integrity/#valid-sri-hash-algorithm-token-set),
/// in ascending strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum HashAlgorithm {
    Sha256,
    Sha384,
    Sha512,
}

impl HashAlgorithm {
    fn from_token(token: &str) -> Option<Self> {
        [
            ("sha256", Self::Sha256),
            ("sha384", Self::Sha384),
            ("sha512", Self::Sha512),
        ]
        .into_iter()
        .find(|(name, _)| token.eq_ignore_ascii_case(name))
        .map(|(_, algorithm)| algorithm)
    }

    fn digest(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }
}

/// The [integrity metadata](https://w3c.github.io/webappsec-subresource-integrity/#integrity-metadata) of a request: the
/// digests of its strongest algorithm.
#[derive(Clone, PartialEq, Eq)]
pub struct Integrity {
    algorithm: HashAlgorithm,
    /// `None` for one that cannot be decoded and that nothing matches.
    digests: Vec<Option<Vec<u8>>>,
}

impl fmt::Debug for Integrity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Integrity({:?}, {} digests)",
            self.algorithm,
            self.digests.len()
        )
    }
}

impl Integrity {
    /// [Parses metadata](https://w3c.github.io/webappsec-subresource-integrity/#parse-metadata) and
    /// [gets the strongest](https://w3c.github.io/webappsec-subresource-integrity/#get-the-strongest) of it. `None` if there
    /// is no digest of a known algorithm: then every response matches.
    pub fn parse(metadata: &str) -> Option<Self> {
        // 1. Start with nothing.
        let mut strongest: Option<Self> = None;
        // 2. For each item:
        for item in metadata.split_ascii_whitespace() {
            // 2.1 to 2.3. Options after a question mark mean nothing.
            let expression = item.split('?').next().unwrap_or_default();
            // 2.4 to 2.8. An algorithm and a value.
            // NB: the value may be base64url and so have hyphens of its own.
            let (token, value) = expression.split_once('-').unwrap_or((expression, ""));
            let Some(algorithm) = HashAlgorithm::from_token(token) else {
                continue;
            };
            // AD-HOC: what is no base64-value by the grammar is skipped like an unknown algorithm, as browsers do. The
            // algorithm alone would keep it as a digest that nothing has.
            if !value.bytes().all(is_base64_character) {
                continue;
            }
            // 2.9. Keep it if it is as strong as what there is.
            let digest = decode(value);
            match &mut strongest {
                Some(integrity) if integrity.algorithm > algorithm => {},
                Some(integrity) if integrity.algorithm == algorithm => {
                    integrity.digests.push(digest);
                },
                _ => {
                    strongest = Some(Self {
                        algorithm,
                        digests: vec![digest],
                    });
                },
            }
        }
        // 3. Return it.
        strongest
    }

    /// Whether `bytes` have one of the digests.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        let actual = self.algorithm.digest(bytes);
        self.digests
            .iter()
            .flatten()
            .any(|expected| expected == actual.as_ref())
    }
}

/// Whether a byte may be part of a [base64-value](https://w3c.github.io/webappsec-csp/#grammardef-base64-value).
fn is_base64_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte)
}

/// Decodes base64 or base64url, with padding or without; `None` if it is neither.
pub(super) fn decode(value: &str) -> Option<Vec<u8>> {
    let standard: String = value
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    STANDARD_PAD_INDIFFERENT
        .decode(standard)
        .ok()
        .filter(|digest| !digest.is_empty())
}

/// [Do bytes match a metadata list?](https://w3c.github.io/webappsec-subresource-integrity/#does-response-match-metadatalist)
pub fn do_bytes_match(bytes: &[u8], metadata: &str) -> bool {
    // 1 to 3. Let metadata be the strongest; without any, everything matches.
    // 4 and 5. Otherwise one of its digests must.
    Integrity::parse(metadata).is_none_or(|integrity| integrity.matches(bytes))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    // `printf hello | openssl dgst -sha256 -binary | base64`, and so on.
    const SHA256: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    const SHA384: &str = "WeF0h3dEjGnea4ANejO7+5/xtGPkQ1TDVTvNucZm+pASWjx5+QOXvfX2oT3oKGhP";

    #[test]
    fn the_strongest_algorithm_decides() {
        let (right, wrong) = (format!("sha256-{SHA256}"), "sha256-AAAA".to_owned());
        let strong_right = format!(
            "sha512-{}",
            STANDARD.encode(HashAlgorithm::Sha512.digest(b"hello"))
        );
        let strong_wrong = "sha512-AAAA".to_owned();
        for (metadata, matches) in [
            (String::new(), true),
            ("  \t\n".to_owned(), true),
            (right.clone(), true),
            (wrong.clone(), false),
            (format!("{wrong} {right}"), true),
            (format!("{right} {strong_wrong}"), false),
            (format!("{strong_wrong} {right}"), false),
            (format!("{strong_right} {wrong}"), true),
            (format!("{right}?ct=text/plain"), true),
            (format!("SHA256-{SHA256}"), true),
            (format!("sha256-{}", SHA256.trim_end_matches('=')), true),
            (format!("sha384-{SHA384}"), true),
            ("md5-AAAA".to_owned(), true),
            ("sha1-AAAA nonsense".to_owned(), true),
            ("sha256".to_owned(), false),
            ("sha256-".to_owned(), false),
            ("sha256-!!".to_owned(), true),
            ("sha256-...".to_owned(), true),
            (format!("sha256-... {wrong}"), false),
            (format!("sha512-... {right}"), true),
            ("sha256-AA=AA".to_owned(), false),
            (format!("sha384-{SHA256}"), false),
        ] {
            assert_eq!(do_bytes_match(b"hello", &metadata), matches, "{metadata}");
        }
    }

    proptest! {
        #[test]
        fn bytes_match_their_own_digest_only(
            bytes in prop::collection::vec(any::<u8>(), 0..64),
            other in prop::collection::vec(any::<u8>(), 0..64),
            algorithm in prop::sample::select(vec![
                ("sha256", HashAlgorithm::Sha256),
                ("sha384", HashAlgorithm::Sha384),
                ("sha512", HashAlgorithm::Sha512),
            ]),
        ) {
            let (token, algorithm) = algorithm;
            let digest = algorithm.digest(&bytes);
            for value in [
                STANDARD.encode(digest),
                URL_SAFE.encode(digest),
                URL_SAFE_NO_PAD.encode(digest),
            ] {
                let metadata = format!("{token}-{value}");
                prop_assert!(do_bytes_match(&bytes, &metadata));
                prop_assert_eq!(do_bytes_match(&other, &metadata), other == bytes);
            }
        }

        #[test]
        fn takes_any_metadata(metadata in "(sha(256|384|512)|[ -~]){0,3}[ -~\\s]{0,60}") {
            let _ = do_bytes_match(b"", &metadata);
        }
    }
}
