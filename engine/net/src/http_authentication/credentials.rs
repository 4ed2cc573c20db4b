//! A user name and a password.

use std::fmt;

use percent_encoding::percent_decode_str;
use servo_url::ServoUrl;
use url::Url;

/// What the user, or a URL, gives for a challenge.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// The credentials that a URL [includes](https://url.spec.whatwg.org/#include-credentials); `None` if there are none.
    pub fn from_url(url: &Url) -> Option<Self> {
        let (username, password) = (url.username(), url.password().unwrap_or_default());
        if username.is_empty() && password.is_empty() {
            return None;
        }
        let decode = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Some(Self {
            username: decode(username),
            password: decode(password),
        })
    }
}

/// The URL as it may be shown or written down: a password is a secret, and a user name in front of the host misleads about whose
/// it is.
pub(crate) fn without_credentials(mut url: ServoUrl) -> ServoUrl {
    // These fail for URLs that cannot have credentials, which is what is wanted.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// Neither part is shown: both are secrets.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_urls() {
        for (url, expected) in [
            ("http://user:pass@example.com/", Some(("user", "pass"))),
            ("http://user@example.com/", Some(("user", ""))),
            ("http://:pass@example.com/", Some(("", "pass"))),
            ("http://a%40b:c%3A%C3%BC@example.com/", Some(("a@b", "c:ü"))),
            ("http://example.com/", None),
            ("http://@example.com/", None),
        ] {
            let found = Credentials::from_url(&Url::parse(url).unwrap());
            assert_eq!(
                found
                    .as_ref()
                    .map(|found| (&*found.username, &*found.password)),
                expected,
                "{url}"
            );
            assert!(!format!("{found:?}").contains("pass"));
        }
    }

    #[test]
    fn what_is_shown_has_none() {
        for (url, shown) in [
            (
                "https://bank.example:secret@evil.example/a",
                "https://evil.example/a",
            ),
            ("https://a.example/?b#c", "https://a.example/?b#c"),
            ("data:,user:pass@a.example", "data:,user:pass@a.example"),
        ] {
            let url = ServoUrl::parse(url).unwrap();
            assert_eq!(without_credentials(url).as_str(), shown);
        }
    }
}
