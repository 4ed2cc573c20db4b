//! What Servo's developer tools use of cookies.

use std::time::SystemTime;

use cookie::Cookie;
use net_traits::CookieSource;
use servo_url::ServoUrl;

use super::same_site::SameSiteContext;
use super::set_cookie::SetCookie;
use super::storage_model::create_cookie;

/// A cookie that a `Set-Cookie` header field asks for, with the defaults that its URL gives.
pub struct ServoCookie {
    /// The cookie.
    pub cookie: Cookie<'static>,
}

impl ServoCookie {
    /// Parses the value of a [`Set-Cookie`](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6)
    /// header field that came from `url`; `None` if a cookie store would ignore it for what it says by itself.
    pub fn from_cookie_string(
        cookie_string: &str,
        url: &ServoUrl,
        source: CookieSource,
    ) -> Option<Self> {
        let now = SystemTime::now();
        let set_cookie = SetCookie::parse(cookie_string.as_bytes(), now)?;
        let cookie = create_cookie(
            set_cookie,
            url,
            source,
            &SameSiteContext::SameSite.into(),
            now,
        )
        .ok()?;
        Some(Self {
            cookie: cookie.to_cookie(),
        })
    }
}

#[cfg(test)]
mod tests {
    use servo_default_resources as _;

    use super::*;

    #[test]
    fn defaults_come_from_the_url() {
        let url = ServoUrl::parse("https://www.example.com/a/b").unwrap();
        let parse = |string| ServoCookie::from_cookie_string(string, &url, CookieSource::HTTP);
        let cookie = parse("a=b; Secure; Max-Age=60").unwrap().cookie;
        assert_eq!(cookie.name_value(), ("a", "b"));
        assert_eq!(cookie.domain(), Some("www.example.com"));
        assert_eq!(cookie.path(), Some("/a"));
        assert_eq!(cookie.secure(), Some(true));
        assert_eq!(cookie.http_only(), Some(false));
        assert_eq!(cookie.same_site(), None);
        assert!(cookie.expires_datetime().is_some());
        assert!(parse("a=b; Domain=com").is_none());
    }
}
