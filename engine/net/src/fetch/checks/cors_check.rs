//! The [CORS check](https://fetch.spec.whatwg.org/#concept-cors-check).

use http::HeaderMap;
use net_traits::request::CredentialsMode;

use crate::fetch::CorsFailureKind;
use crate::fetch::headers::access_control::{self, AllowOrigin, bounded};

/// The [CORS check](https://fetch.spec.whatwg.org/#concept-cors-check): whether a server shares a response with the page
/// whose request origin is serialized as `serialized_origin`.
///
/// NOTE: the standard compares the header with that serialization byte by byte. Another spelling of the origin fails.
///
/// # Errors
/// Which condition failed, and on what value.
pub fn cors_check(
    serialized_origin: &str,
    credentials_mode: CredentialsMode,
    headers: &HeaderMap,
) -> Result<(), CorsFailureKind> {
    let is_credentialed = credentials_mode == CredentialsMode::Include;
    // 1. Let origin be what the server allows.
    match access_control::allow_origin(headers) {
        // 2. Nothing fails.
        AllowOrigin::Missing => return Err(CorsFailureKind::MissingAllowOrigin),
        // 3. Everybody, without credentials, succeeds.
        AllowOrigin::Wildcard if !is_credentialed => return Ok(()),
        AllowOrigin::Wildcard => return Err(CorsFailureKind::WildcardWithCredentials),
        // 4. Anybody but the requester fails.
        AllowOrigin::Null if serialized_origin == "null" => {},
        AllowOrigin::Origin(value) if value == serialized_origin => {},
        AllowOrigin::Null => {
            return Err(CorsFailureKind::AllowOriginMismatch {
                value: "null".to_owned(),
            });
        },
        AllowOrigin::Origin(value) => {
            return Err(CorsFailureKind::AllowOriginMismatch {
                value: bounded(value.as_bytes()),
            });
        },
        AllowOrigin::Multiple(value) => {
            return Err(CorsFailureKind::MultipleAllowOrigin { value });
        },
        AllowOrigin::Invalid(value) => {
            return Err(CorsFailureKind::InvalidAllowOrigin { value });
        },
    }
    // 5. The requester, without credentials, succeeds.
    if !is_credentialed {
        return Ok(());
    }
    // 6 to 8. With credentials it takes one word more.
    access_control::allow_credentials(headers)
        .map_err(|value| CorsFailureKind::AllowCredentials { value })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN};
    use proptest::prelude::*;

    use super::*;

    const PAGE: &str = "https://a.example";

    fn headers(origins: &[&str], credentials: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in origins {
            headers.append(
                ACCESS_CONTROL_ALLOW_ORIGIN,
                HeaderValue::from_str(value).unwrap(),
            );
        }
        for value in credentials {
            headers.append(
                ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_str(value).unwrap(),
            );
        }
        headers
    }

    #[test]
    fn without_credentials() {
        use CorsFailureKind::*;
        let value = |text: &str| text.to_owned();
        for (origins, expected) in [
            (&["*"][..], Ok(())),
            (&[PAGE], Ok(())),
            (&[], Err(MissingAllowOrigin)),
            (
                &["null"],
                Err(AllowOriginMismatch {
                    value: value("null"),
                }),
            ),
            (
                &["https://b.example"],
                Err(AllowOriginMismatch {
                    value: value("https://b.example"),
                }),
            ),
            (
                &["http://a.example"],
                Err(AllowOriginMismatch {
                    value: value("http://a.example"),
                }),
            ),
            (
                &["HTTPS://a.example"],
                Err(AllowOriginMismatch {
                    value: value("HTTPS://a.example"),
                }),
            ),
            (
                &["https://a.example:443"],
                Err(AllowOriginMismatch {
                    value: value("https://a.example:443"),
                }),
            ),
            (
                &["https://a.example/"],
                Err(InvalidAllowOrigin {
                    value: value("https://a.example/"),
                }),
            ),
            (&[""], Err(InvalidAllowOrigin { value: value("") })),
            (
                &[PAGE, PAGE],
                Err(MultipleAllowOrigin {
                    value: format!("{PAGE}, {PAGE}"),
                }),
            ),
            (
                &["*", "*"],
                Err(MultipleAllowOrigin {
                    value: value("*, *"),
                }),
            ),
            (
                &["*, https://a.example"],
                Err(MultipleAllowOrigin {
                    value: value("*, https://a.example"),
                }),
            ),
        ] {
            for mode in [
                CredentialsMode::Omit,
                CredentialsMode::CredentialsSameOrigin,
            ] {
                assert_eq!(
                    cors_check(PAGE, mode, &headers(origins, &[])),
                    expected,
                    "{origins:?}"
                );
            }
        }
    }

    #[test]
    fn with_credentials() {
        use CorsFailureKind::*;
        let check = |origins, credentials| {
            cors_check(
                PAGE,
                CredentialsMode::Include,
                &headers(origins, credentials),
            )
        };
        assert_eq!(check(&[PAGE], &["true"]), Ok(()));
        assert_eq!(check(&["*"], &["true"]), Err(WildcardWithCredentials));
        assert_eq!(check(&[PAGE], &[]), Err(AllowCredentials { value: None }));
        assert_eq!(
            check(&[PAGE], &["True"]),
            Err(AllowCredentials {
                value: Some("True".to_owned())
            })
        );
        assert_eq!(
            check(&[PAGE], &["true", "true"]),
            Err(AllowCredentials {
                value: Some("true, true".to_owned())
            })
        );
        assert_eq!(check(&[], &["true"]), Err(MissingAllowOrigin));
    }

    #[test]
    fn a_null_origin_can_be_allowed() {
        let omit = CredentialsMode::Omit;
        assert_eq!(cors_check("null", omit, &headers(&["null"], &[])), Ok(()));
        assert_eq!(cors_check("null", omit, &headers(&["*"], &[])), Ok(()));
        assert!(cors_check("null", omit, &headers(&[PAGE], &[])).is_err());
    }

    proptest! {
        #[test]
        fn only_the_exact_origin_or_everybody_passes(value in "[ -~]{1,300}", credentialed in any::<bool>()) {
            let mode = if credentialed { CredentialsMode::Include } else { CredentialsMode::Omit };
            let value = value.trim_matches(' ');
            let result = cors_check(PAGE, mode, &headers(&[value], &["true"]));
            let expected = value == PAGE || (value == "*" && !credentialed);
            prop_assert_eq!(result.is_ok(), expected);
            if let Err(
                CorsFailureKind::InvalidAllowOrigin { value }
                | CorsFailureKind::MultipleAllowOrigin { value }
                | CorsFailureKind::AllowOriginMismatch { value },
            ) = result
            {
                prop_assert!(value.len() <= CorsFailureKind::VALUE_LIMIT);
            }
        }
    }
}
