//! Whether the server was silent: the condition under which the user may speak at all.
//!
//! Only the failing response's `Access-Control-Allow-Origin` decides. A server that sent a well-formed one has spoken,
//! whatever it said and whatever else made the check fail: another origin, a missing
//! `Access-Control-Allow-Credentials`, a method or a header that its preflight did not allow.

use std::fmt;

use http::{HeaderMap, header::ACCESS_CONTROL_ALLOW_ORIGIN};

use crate::{display::bounded_escaped, origin::TupleOrigin};

/// Characters of a server's header value that an explanation shows.
const SHOWN_VALUE: usize = 120;

/// What the failing response says about sharing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The server gave no answer that can be understood, for this reason.
    Silent(SilenceReason),
    /// The server answered; its word stands.
    Spoken(Spoken),
}

/// Why a response counts as silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilenceReason {
    /// It has no `Access-Control-Allow-Origin`.
    Missing,
    /// It has more than one.
    Repeated,
    /// It has one that is neither `*`, `null` nor an origin.
    Malformed,
    /// There is no response: a redirect leads to the server, and nothing was sent there yet.
    NotContacted,
}

impl fmt::Display for SilenceReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the server does not say who may read its answer",
            Self::Repeated => "the server says more than once who may read its answer",
            Self::Malformed => {
                "the server says who may read its answer in a form that cannot be understood"
            },
            Self::NotContacted => "another server redirects there; nothing was sent there yet",
        })
    }
}

/// What a server that was not silent said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// `*`: everyone, so something else failed: credentials, a method or a header.
    Everyone,
    /// The requester itself, so something else failed: `Access-Control-Allow-Credentials`, a method or a header.
    Requester,
    /// `null`.
    Null,
    /// Another origin, as sent, cut and escaped for display.
    OtherOrigin(String),
}

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => {
                f.write_str("everyone, but not with this method, these headers or credentials")
            },
            Self::Requester => {
                f.write_str("this site, but not with this method, these headers or credentials")
            },
            Self::Null => f.write_str("origins without a name only"),
            Self::OtherOrigin(value) => write!(f, "{value} only"),
        }
    }
}

/// Decides whether the response that made the CORS check or the CORS-preflight fetch fail was silent.
///
/// For a preflight, call it whatever the status was, redirects included.
///
/// <https://fetch.spec.whatwg.org/#http-access-control-allow-origin>
pub fn silence(failing_response: &HeaderMap, requester: &TupleOrigin) -> Silence {
    let mut values = failing_response.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter();
    let Some(value) = values.next() else {
        return Silence::Silent(SilenceReason::Missing);
    };
    if values.next().is_some() {
        return Silence::Silent(SilenceReason::Repeated);
    }
    let Ok(value) = value.to_str() else {
        return Silence::Silent(SilenceReason::Malformed);
    };
    let value = value.trim_matches([' ', '\t']);
    match value {
        "*" => Silence::Spoken(Spoken::Everyone),
        "null" => Silence::Spoken(Spoken::Null),
        _ if TupleOrigin::parse(value).as_ref() == Some(requester) => {
            Silence::Spoken(Spoken::Requester)
        },
        _ if is_origin_syntax(value) => {
            Silence::Spoken(Spoken::OtherOrigin(bounded_escaped(value, SHOWN_VALUE)))
        },
        _ => Silence::Silent(SilenceReason::Malformed),
    }
}

/// Whether a value has the shape `scheme "://" host [ ":" port ]`.
///
/// NB: wider than a serialized origin: upper case and default ports do not match in the CORS check, but they name
/// somebody, and in doubt a server has spoken.
///
/// <https://www.rfc-editor.org/rfc/rfc6454#section-7.1>
fn is_origin_syntax(value: &str) -> bool {
    let Some((scheme, authority)) = value.split_once("://") else {
        return false;
    };
    let scheme_is_valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let (host, port) = match authority.rsplit_once(':') {
        // The last colon of an IPv6 address is inside its brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let host_is_valid = match host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(address) => {
            !address.is_empty()
                && address
                    .chars()
                    .all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'))
        },
        None => {
            !host.is_empty()
                && host.chars().all(|c| {
                    c.is_ascii_alphanumeric()
                        || matches!(
                            c,
                            '-' | '.'
                                | '_'
                                | '~'
                                | '%'
                                | '!'
                                | '$'
                                | '&'
                                | '\''
                                | '('
                                | ')'
                                | '*'
                                | '+'
                                | ';'
                                | '='
                        )
                })
        },
    };
    scheme_is_valid && host_is_valid && port.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn response(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                ACCESS_CONTROL_ALLOW_ORIGIN,
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    fn requester() -> TupleOrigin {
        TupleOrigin::parse("https://a.example").unwrap()
    }

    #[test]
    fn silent_responses() {
        for (values, reason) in [
            (&[][..], SilenceReason::Missing),
            (
                &["https://b.example", "https://a.example"],
                SilenceReason::Repeated,
            ),
            (&["*", "*"], SilenceReason::Repeated),
            (&[""], SilenceReason::Malformed),
            (
                &["https://a.example, https://b.example"],
                SilenceReason::Malformed,
            ),
            (&["*, *"], SilenceReason::Malformed),
            (&["https://b.example/"], SilenceReason::Malformed),
            (&["https://u@b.example"], SilenceReason::Malformed),
            (&["b.example"], SilenceReason::Malformed),
            (&["https://"], SilenceReason::Malformed),
            (&["https://b.example:x"], SilenceReason::Malformed),
            (&["NULL"], SilenceReason::Malformed),
            (&["true"], SilenceReason::Malformed),
            (&["https://b\u{e9}.example"], SilenceReason::Malformed),
        ] {
            assert_eq!(
                silence(&response(values), &requester()),
                Silence::Silent(reason),
                "{values:?}"
            );
        }
    }

    #[test]
    fn spoken_responses() {
        for (value, spoken) in [
            ("*", Spoken::Everyone),
            ("null", Spoken::Null),
            ("https://a.example", Spoken::Requester),
            (" https://a.example\t", Spoken::Requester),
            (
                "https://b.example",
                Spoken::OtherOrigin("https://b.example".into()),
            ),
            (
                "HTTPS://A.EXAMPLE",
                Spoken::OtherOrigin("HTTPS://A.EXAMPLE".into()),
            ),
            (
                "https://a.example:443",
                Spoken::OtherOrigin("https://a.example:443".into()),
            ),
            (
                "https://[::1]:8",
                Spoken::OtherOrigin("https://[::1]:8".into()),
            ),
            (
                "https://*.a.example",
                Spoken::OtherOrigin("https://*.a.example".into()),
            ),
            (
                "chrome-extension://abc",
                Spoken::OtherOrigin("chrome-extension://abc".into()),
            ),
        ] {
            assert_eq!(
                silence(&response(&[value]), &requester()),
                Silence::Spoken(spoken),
                "{value}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_serialized_origin_is_spoken(host in "[a-z]{1,8}\\.[a-z]{2,4}", port in proptest::option::of(1u16..)) {
            let value = port.map_or(format!("https://{host}"), |port| format!("https://{host}:{port}"));
            prop_assert!(matches!(silence(&response(&[&value]), &requester()), Silence::Spoken(_)));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..48)) {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                headers.append(ACCESS_CONTROL_ALLOW_ORIGIN, value);
                let _ = silence(&headers, &requester());
            }
        }
    }
}
