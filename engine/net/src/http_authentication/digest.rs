//! The Digest scheme.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, SHA512_256, digest};
use http::{HeaderValue, Method};
use md5::{Digest, Md5};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::challenge::Challenge;
use super::credentials::Credentials;

/// A challenge of the scheme that can be answered here.
///
/// <https://www.rfc-editor.org/rfc/rfc7616#section-3.3>
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DigestChallenge {
    pub(super) realm: String,
    pub(super) nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// Whether the server spelled the algorithm out.
    names_algorithm: bool,
    /// The `-sess` variant of the algorithm.
    session: bool,
    /// Whether the server offers the quality of protection `auth`; it is the only one that can be given.
    qop_auth: bool,
    /// Whether the user name is to be hashed.
    userhash: bool,
    /// Whether the server reads UTF-8.
    utf_8: bool,
    /// Whether only the nonce of the last answer was refused.
    pub(super) stale: bool,
}

/// The hash that a challenge asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Md5,
    Sha256,
    Sha512_256,
}

impl DigestChallenge {
    /// `None` if it is none, lacks what it must have, or asks for what is not supported.
    pub(super) fn parse(challenge: &Challenge) -> Option<Self> {
        if challenge.scheme != "digest" {
            return None;
        }
        let is_true = |name| {
            challenge
                .param(name)
                .is_some_and(|value| value.eq_ignore_ascii_case("true"))
        };
        let named = challenge.param("algorithm");
        let name = named.unwrap_or("MD5").to_ascii_lowercase();
        let (name, session) = match name.strip_suffix("-sess") {
            Some(name) => (name, true),
            None => (&*name, false),
        };
        let qop = challenge.param("qop");
        let qop_auth = qop.is_some_and(|qop| {
            qop.split(',')
                .any(|offer| offer.trim().eq_ignore_ascii_case("auth"))
        });
        if qop.is_some() && !qop_auth {
            return None;
        }
        Some(Self {
            realm: challenge.param("realm")?.to_owned(),
            nonce: challenge.param("nonce")?.to_owned(),
            opaque: challenge.param("opaque").map(str::to_owned),
            algorithm: match name {
                "md5" => Algorithm::Md5,
                "sha-256" => Algorithm::Sha256,
                "sha-512-256" => Algorithm::Sha512_256,
                _ => return None,
            },
            names_algorithm: named.is_some(),
            session,
            qop_auth,
            userhash: is_true("userhash"),
            utf_8: challenge
                .param("charset")
                .is_some_and(|charset| charset.eq_ignore_ascii_case("UTF-8")),
            stale: is_true("stale"),
        })
    }

    /// Which of two challenges has the stronger hash.
    pub(super) const fn strength(&self) -> u8 {
        self.algorithm as u8
    }

    /// The value of `Authorization`, marked as sensitive; `None` if a part of it cannot stand in a header.
    ///
    /// `nonce_count` is how many requests, with this one, have used the nonce; `cnonce` is random.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc7616#section-3.4>
    pub(super) fn authorization(
        &self,
        credentials: &Credentials,
        method: &Method,
        uri: &str,
        nonce_count: u32,
        cnonce: &str,
    ) -> Option<HeaderValue> {
        let Credentials { username, password } = credentials;
        let Self { realm, nonce, .. } = self;
        let hash = |text: &str| self.algorithm.hash(text);

        // https://www.rfc-editor.org/rfc/rfc7616#section-3.4.2
        let mut a1 = format!("{username}:{realm}:{password}");
        if self.session {
            a1 = format!("{}:{nonce}:{cnonce}", hash(&a1));
        }
        // https://www.rfc-editor.org/rfc/rfc7616#section-3.4.3
        let a2 = format!("{method}:{uri}");
        // https://www.rfc-editor.org/rfc/rfc7616#section-3.4.1
        let (a1, a2) = (hash(&a1), hash(&a2));
        let response = if self.qop_auth {
            hash(&format!(
                "{a1}:{nonce}:{nonce_count:08x}:{cnonce}:auth:{a2}"
            ))
        } else {
            hash(&format!("{a1}:{nonce}:{a2}"))
        };

        let mut value = String::from("Digest ");
        // https://www.rfc-editor.org/rfc/rfc7616#section-3.4.4
        if self.userhash {
            let hashed = hash(&format!("{username}:{realm}"));
            write!(value, "username=\"{hashed}\"").ok()?;
        } else if self.utf_8 && !username.is_ascii() {
            let encoded = utf8_percent_encode(username, NON_ALPHANUMERIC);
            write!(value, "username*=UTF-8''{encoded}").ok()?;
        } else {
            write!(value, "username={}", quoted(username)).ok()?;
        }
        write!(
            value,
            ", realm={}, nonce={}, uri={}, response=\"{response}\"",
            quoted(realm),
            quoted(nonce),
            quoted(uri)
        )
        .ok()?;
        if self.names_algorithm {
            let session = if self.session { "-sess" } else { "" };
            write!(value, ", algorithm={}{session}", self.algorithm.name()).ok()?;
        }
        if let Some(opaque) = &self.opaque {
            write!(value, ", opaque={}", quoted(opaque)).ok()?;
        }
        if self.qop_auth {
            write!(value, ", qop=auth, nc={nonce_count:08x}").ok()?;
        }
        if self.qop_auth || self.session {
            write!(value, ", cnonce={}", quoted(cnonce)).ok()?;
        }
        if self.userhash {
            value.push_str(", userhash=true");
        }
        let mut value = HeaderValue::from_bytes(value.as_bytes()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// The hash in hexadecimal digits.
    fn hash(self, text: &str) -> String {
        let text = text.as_bytes();
        match self {
            Self::Md5 => hexadecimal(&Md5::digest(text)),
            Self::Sha256 => hexadecimal(digest(&SHA256, text).as_ref()),
            Self::Sha512_256 => hexadecimal(digest(&SHA512_256, text).as_ref()),
        }
    }
}

pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A [quoted-string](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.4).
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::super::challenge::parse_field;
    use super::*;

    fn challenge(field: &str) -> DigestChallenge {
        DigestChallenge::parse(&parse_field(field.as_bytes())[0]).unwrap()
    }

    /// The parameters of the answer, as a server reads them.
    fn answer(
        field: &str,
        (username, password): (&str, &str),
        uri: &str,
        cnonce: &str,
    ) -> Challenge {
        let credentials = Credentials {
            username: username.into(),
            password: password.into(),
        };
        let value = challenge(field)
            .authorization(&credentials, &Method::GET, uri, 1, cnonce)
            .unwrap();
        assert!(value.is_sensitive());
        parse_field(value.as_bytes()).remove(0)
    }

    #[test]
    fn vectors() {
        const RFC_7616: &str = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
        const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        const RFC_2617: &str = "Digest realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        for (field, password, cnonce, expected) in [
            // RFC 7616, section 3.9.1.
            (
                format!("{RFC_7616}, algorithm=MD5"),
                "Circle of Life",
                CNONCE,
                "8ca523f5e9506fed4657c9700eebdbec",
            ),
            (
                format!("{RFC_7616}, algorithm=SHA-256"),
                "Circle of Life",
                CNONCE,
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
            // RFC 2617, section 3.5: no algorithm is MD5.
            (
                RFC_2617.to_owned(),
                "Circle Of Life",
                "0a4f113b",
                "6629fae49393a05397450978507c4ef1",
            ),
            // RFC 2069, section 2.4, as corrected by its erratum: no quality of protection.
            (
                "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\""
                    .to_owned(),
                "CircleOfLife",
                "0a4f113b",
                "1949323746fe6a43ef61f9606e7febea",
            ),
        ] {
            let answer = answer(&field, ("Mufasa", password), "/dir/index.html", cnonce);
            assert_eq!(answer.scheme, "digest");
            assert_eq!(answer.param("response"), Some(expected), "{field}");
            assert_eq!(answer.param("username"), Some("Mufasa"));
            assert_eq!(answer.param("uri"), Some("/dir/index.html"));
            let asked = &parse_field(field.as_bytes())[0];
            for name in ["realm", "nonce", "opaque", "algorithm"] {
                assert_eq!(answer.param(name), asked.param(name), "{name}");
            }
            let has_qop = asked.param("qop").is_some();
            assert_eq!(answer.param("qop"), has_qop.then_some("auth"));
            assert_eq!(answer.param("nc"), has_qop.then_some("00000001"));
            assert_eq!(answer.param("cnonce"), has_qop.then_some(cnonce));
        }
    }

    #[test]
    fn names_beyond_ascii() {
        const FIELD: &str = "Digest realm=\"api@example.org\", qop=auth, algorithm=SHA-512-256, \
             nonce=\"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK\", \
             opaque=\"HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS\"";
        const USER: (&str, &str) = ("Jäsøn Doe", "Secret, or not?");
        const CNONCE: &str = "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm";
        let answer = |more| answer(&format!("{FIELD}{more}"), USER, "/doe.json", CNONCE);
        // RFC 7616, section 3.9.2, with the true SHA-512/256 (its erratum 4897), computed by another implementation.
        let hashed = answer(", charset=UTF-8, userhash=true");
        assert_eq!(
            hashed.param("username"),
            Some("793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b")
        );
        assert_eq!(
            hashed.param("response"),
            Some("7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c")
        );
        assert_eq!(hashed.param("userhash"), Some("true"));
        let extended = answer(", charset=UTF-8");
        assert_eq!(
            extended.param("username*"),
            Some("UTF-8''J%C3%A4s%C3%B8n%20Doe")
        );
        assert_eq!(extended.param("username"), None);
        assert_eq!(answer("").param("username"), Some("Jäsøn Doe"));
    }

    #[test]
    fn sessions_hash_the_first_part_twice() {
        let field = "Digest realm=r, nonce=n, algorithm=MD5-sess, qop=auth";
        let answer = answer(field, ("u", "p"), "/", "c");
        let md5 = |text: &str| Algorithm::Md5.hash(text);
        let a1 = md5(&format!("{}:n:c", md5("u:r:p")));
        let expected = md5(&format!("{a1}:n:00000001:c:auth:{}", md5("GET:/")));
        assert_eq!(answer.param("response"), Some(&*expected));
        assert_eq!(answer.param("algorithm"), Some("MD5-sess"));
    }

    #[test]
    fn quotes_are_escaped() {
        let field = "Digest realm=\"a\\\"b\\\\c\", nonce=n";
        let answer = answer(field, ("u\"", "p"), "/\"", "c");
        assert_eq!(answer.realm(), "a\"b\\c");
        assert_eq!(answer.param("username"), Some("u\""));
        assert_eq!(answer.param("uri"), Some("/\""));
    }

    #[test]
    fn what_is_not_supported() {
        for field in [
            "Digest realm=r",
            "Digest nonce=n",
            "Digest realm=r, nonce=n, qop=auth-int",
            "Digest realm=r, nonce=n, qop=\"\"",
            "Digest realm=r, nonce=n, algorithm=SHA-1",
            "Basic realm=r, nonce=n",
        ] {
            let challenge = &parse_field(field.as_bytes())[0];
            assert_eq!(DigestChallenge::parse(challenge), None, "{field}");
        }
        assert!(challenge("Digest realm=r, nonce=n, stale=TRUE").stale);
    }
}
