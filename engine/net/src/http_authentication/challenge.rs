//! Challenges in `WWW-Authenticate` and `Proxy-Authenticate`.

use http::HeaderMap;
use http::header::HeaderName;

use super::digest::DigestChallenge;
use crate::fetch::headers::token::{skip_white_space, split_token, split_token_or_quoted_string};

/// A [challenge](https://www.rfc-editor.org/rfc/rfc9110#section-11.3): a scheme and what it asks with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The authentication scheme, in lower case.
    pub scheme: String,
    /// The one token that some schemes have in place of parameters.
    pub token68: Option<String>,
    /// The parameters, in order: names in lower case, values without quotes.
    pub params: Vec<(String, String)>,
}

impl Challenge {
    /// The [realm](https://www.rfc-editor.org/rfc/rfc9110#section-11.5); empty if the challenge has none.
    pub fn realm(&self) -> &str {
        self.param("realm").unwrap_or_default()
    }

    /// The first parameter of this name, which is in lower case.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| &**value)
    }

    /// Whether the challenge can be answered here.
    pub fn is_supported(&self) -> bool {
        self.strength() > 0
    }

    /// How well an answer hides the password; zero if there is no answer.
    fn strength(&self) -> u8 {
        match &*self.scheme {
            "basic" => 1,
            "digest" => DigestChallenge::parse(self).map_or(0, |digest| 2 + digest.strength()),
            _ => 0,
        }
    }
}

/// The challenges in the header fields of this name (`WWW-Authenticate` or `Proxy-Authenticate`), in order. Where a field
/// breaks the grammar, the rest of it is dropped.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1>
pub fn parse_challenges(headers: &HeaderMap, name: &HeaderName) -> Vec<Challenge> {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| parse_field(value.as_bytes()))
        .collect()
}

/// The challenge whose answer is the strongest; the first of several. `None` if none can be answered here.
///
/// <https://www.rfc-editor.org/rfc/rfc7616#section-3.7>
pub fn strongest_challenge(challenges: &[Challenge]) -> Option<&Challenge> {
    // `max_by_key` would take the last of several.
    challenges
        .iter()
        .rev()
        .filter(|challenge| challenge.is_supported())
        .max_by_key(|challenge| challenge.strength())
}

/// The challenges in the value of one field. The same grammar holds for the credentials in `Authorization`.
pub(super) fn parse_field(mut rest: &[u8]) -> Vec<Challenge> {
    let mut challenges = Vec::new();
    loop {
        rest = skip_list_separators(rest);
        let Some((scheme, after)) = split_token(rest) else {
            break;
        };
        let mut challenge = Challenge {
            scheme: text(scheme).to_ascii_lowercase(),
            token68: None,
            params: Vec::new(),
        };
        rest = after;
        if let Some((token, after)) = split_token68(rest) {
            challenge.token68 = Some(text(token));
            rest = after;
        } else {
            // A name without "=" after it is the scheme of the next challenge.
            while let Some((name, value, after)) = split_param(skip_list_separators(rest)) {
                challenge.params.push((name, value));
                rest = after;
            }
        }
        challenges.push(challenge);
        if !matches!(skip_white_space(rest), [] | [b',', ..]) {
            break;
        }
    }
    challenges
}

/// White space, a token68 and the end of the list's element.
fn split_token68(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = value.strip_prefix(b" ").map(skip_white_space)?;
    let is_token68 = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
    };
    let length = start.iter().take_while(|byte| is_token68(**byte)).count();
    let padding = start
        .iter()
        .skip(length)
        .take_while(|byte| **byte == b'=')
        .count();
    let (token, rest) = start.split_at_checked(length + padding)?;
    let ends = matches!(skip_white_space(rest), [] | [b',', ..]);
    (length > 0 && ends).then_some((token, rest))
}

/// A name, "=", and a token or quoted-string.
fn split_param(value: &[u8]) -> Option<(String, String, &[u8])> {
    let (name, rest) = split_token(value)?;
    let rest = skip_white_space(skip_white_space(rest).strip_prefix(b"=")?);
    let name = text(name).to_ascii_lowercase();
    let (value, rest) = split_token_or_quoted_string(rest)?;
    Some((name, text(&value), rest))
}

fn skip_list_separators(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b',', rest @ ..] = value {
        value = rest;
    }
    value
}

/// Servers write realms in UTF-8 or in Latin-1.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::{PROXY_AUTHENTICATE, WWW_AUTHENTICATE};
    use proptest::prelude::*;

    use super::*;

    /// Each challenge as `scheme(token68) name=value …`.
    fn parse(value: &str) -> Vec<String> {
        parse_field(value.as_bytes())
            .into_iter()
            .map(|challenge| {
                let token = challenge.token68.map(|token| format!("({token})"));
                let params = challenge
                    .params
                    .iter()
                    .map(|(name, value)| format!(" {name}={value}"));
                challenge.scheme + &token.unwrap_or_default() + &params.collect::<String>()
            })
            .collect()
    }

    #[test]
    fn fields() {
        for (value, expected) in [
            ("Basic realm=\"simple\"", &["basic realm=simple"][..]),
            // The example of the standard, section 11.6.1.
            (
                "Basic realm=\"simple\", Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\"",
                &[
                    "basic realm=simple",
                    "newauth realm=apps type=1 title=Login to \"apps\"",
                ],
            ),
            ("Negotiate", &["negotiate"]),
            ("Negotiate, Basic realm=x", &["negotiate", "basic realm=x"]),
            (
                "NTLM TlRMTVNTUAAC==, BASIC Realm = x",
                &["ntlm(TlRMTVNTUAAC==)", "basic realm=x"],
            ),
            (
                "Bearer realm=\"a, b\",  scope=\"c\"",
                &["bearer realm=a, b scope=c"],
            ),
            (
                " , ,Basic realm=\"\",, ,Digest nonce=n,",
                &["basic realm=", "digest nonce=n"],
            ),
            ("Basic realm=\"é\"", &["basic realm=é"]),
            ("Basic", &["basic"]),
            ("Basic token", &["basic(token)"]),
            ("Basic realm=\"unterminated", &["basic"]),
            ("Basic realm=x garbage, Digest nonce=n", &["basic realm=x"]),
            (
                "Basic realm==, Digest nonce=n",
                &["basic(realm==)", "digest nonce=n"],
            ),
            ("", &[]),
            ("=", &[]),
            ("\"Basic\" realm=x", &[]),
        ] {
            assert_eq!(parse(value), expected, "{value}");
        }
    }

    #[test]
    fn latin_1_is_read() {
        assert_eq!(parse_field(b"Basic realm=\"\xe9\"")[0].realm(), "é");
    }

    #[test]
    fn all_fields_of_the_name_count() {
        let mut headers = HeaderMap::new();
        for value in ["Basic realm=a", "Digest realm=b, nonce=n, qop=auth"] {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        headers.append(
            PROXY_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=c"),
        );
        let realms = |name| {
            let challenges = parse_challenges(&headers, name);
            challenges
                .iter()
                .map(|challenge| challenge.realm().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(realms(&WWW_AUTHENTICATE), ["a", "b"]);
        assert_eq!(realms(&PROXY_AUTHENTICATE), ["c"]);
    }

    #[test]
    fn the_strongest_is_chosen() {
        const MD5: &str = "Digest realm=m, nonce=n, qop=auth";
        const SHA: &str = "Digest realm=s, nonce=n, qop=\"auth-int,auth\", algorithm=SHA-256";
        for (fields, expected) in [
            (&["Basic realm=b", MD5, SHA][..], Some("s")),
            (&[SHA, MD5, "Basic realm=b"], Some("s")),
            (&["Basic realm=b", MD5], Some("m")),
            (&["Basic realm=b", "Basic realm=c"], Some("b")),
            (&["Digest realm=m", "Basic realm=b"], Some("b")),
            (
                &["Digest realm=m, nonce=n, algorithm=SHA-3", "Basic realm=b"],
                Some("b"),
            ),
            (&["Digest realm=m, nonce=n, qop=auth-int"], None),
            (&["Negotiate", "Bearer realm=x"], None),
        ] {
            let challenges: Vec<_> = fields
                .iter()
                .flat_map(|field| parse_field(field.as_bytes()))
                .collect();
            assert_eq!(
                strongest_challenge(&challenges).map(Challenge::realm),
                expected,
                "{fields:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(input in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = strongest_challenge(&parse_field(&input));
        }

        #[test]
        fn no_near_field_panics(input in "(Basic|Digest|realm|nonce|[ ,=\"\\\\a]){0,16}") {
            let _ = strongest_challenge(&parse_field(input.as_bytes()));
        }
    }
}
