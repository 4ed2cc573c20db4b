//! The `Set-Cookie` header field.

use std::time::{Duration, SystemTime};

use cookie::{Cookie, SameSite};
use time::OffsetDateTime;

use super::date::parse_cookie_date;
use super::same_site::SameSiteFlag;

/// The most octets that a name and a value have together.
pub(super) const MAX_NAME_AND_VALUE: usize = 4096;
/// The most octets of an attribute's value.
const MAX_ATTRIBUTE_VALUE: usize = 1024;
/// The [longest lifetime](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.5) of a cookie.
const MAX_LIFETIME: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// A cookie as somebody asks to set it: nothing is known yet of whether they may.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct SetCookie {
    /// The name, without white space around it; it may be empty.
    pub(super) name: Vec<u8>,
    /// The value, without white space around it; it may be empty.
    pub(super) value: Vec<u8>,
    /// The last `Max-Age`, or else the last `Expires`, as the time at which the cookie ends.
    pub(super) expiry_time: Option<SystemTime>,
    /// The last `Domain`, without a leading dot; empty if there is none.
    pub(super) domain: Vec<u8>,
    /// The last `Path`, if it is one; else the default-path counts.
    pub(super) path: PathAttribute,
    /// Whether there is a `Secure`.
    pub(super) secure: bool,
    /// Whether there is an `HttpOnly`.
    pub(super) http_only: bool,
    /// The last `SameSite`.
    pub(super) same_site: SameSiteFlag,
    /// Whether there is a `Partitioned`.
    pub(super) partitioned: bool,
}

/// The last `Path` attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PathAttribute {
    /// There is none.
    Absent,
    /// There is one that is no path, so that the default-path counts.
    Default,
    /// A path.
    Path(Vec<u8>),
}

impl SetCookie {
    fn new(name: Vec<u8>, value: Vec<u8>) -> Self {
        Self {
            name,
            value,
            expiry_time: None,
            domain: Vec::new(),
            path: PathAttribute::Absent,
            secure: false,
            http_only: false,
            same_site: SameSiteFlag::Default,
            partitioned: false,
        }
    }

    /// Parses the value of one `Set-Cookie` header field; `None` if it is to be ignored.
    ///
    /// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6>
    pub(super) fn parse(set_cookie_string: &[u8], now: SystemTime) -> Option<Self> {
        // 1. Control characters other than the tab make it invalid.
        if has_control_character(set_cookie_string) {
            return None;
        }
        // 2. The name-value-pair goes up to the first ";".
        let mut parts = set_cookie_string.split(|&byte| byte == b';');
        let name_value_pair = parts.next().unwrap_or_default();
        // 3. Without a "=" it is a value without a name. 4. White space around both is dropped.
        let (name, value) = split_pair(name_value_pair)
            .unwrap_or_else(|| (&[][..], trim_white_space(name_value_pair)));
        // 5. Together they have a limit.
        if name.len() + value.len() > MAX_NAME_AND_VALUE {
            return None;
        }
        // 6. They are the cookie's name and value.
        let mut cookie = Self::new(name.to_vec(), value.to_vec());

        let mut lifetime = Lifetime::default();
        for cookie_av in parts {
            cookie.process_attribute(cookie_av, &mut lifetime, now);
        }
        cookie.expiry_time = lifetime.expiry_time();
        Some(cookie)
    }

    /// One turn of the loop over the unparsed-attributes.
    fn process_attribute(&mut self, cookie_av: &[u8], lifetime: &mut Lifetime, now: SystemTime) {
        // 4. Split it at the first "=". 5. Drop white space around both parts.
        let (name, value) =
            split_pair(cookie_av).unwrap_or_else(|| (trim_white_space(cookie_av), &[]));
        // 6. Values that are too long are ignored.
        if value.len() > MAX_ATTRIBUTE_VALUE {
            return;
        }
        // 7. Process it by its name; unknown ones are ignored.
        match &*name.to_ascii_lowercase() {
            b"expires" => {
                if let Some(time) = parse_cookie_date(value) {
                    lifetime.expires = Some(limit_lifetime(time, now));
                }
            },
            b"max-age" => {
                if let Some(seconds) = parse_delta_seconds(value) {
                    lifetime.max_age = Some(after_delta_seconds(seconds, now));
                }
            },
            b"domain" => {
                // NB: a dot alone is a domain that no host is in, and not none.
                let domain = value.strip_prefix(b".").filter(|rest| !rest.is_empty());
                self.domain = domain.unwrap_or(value).to_ascii_lowercase();
            },
            b"path" => self.path = PathAttribute::of_value(value),
            b"secure" => self.secure = true,
            b"httponly" => self.http_only = true,
            b"partitioned" => self.partitioned = true,
            b"samesite" => self.same_site = SameSiteFlag::parse(value),
            _ => {},
        }
    }

    /// A cookie that script or the embedder sets; they parse by themselves. `None` if it breaks the limits of the grammar.
    pub(super) fn from_cookie(cookie: &Cookie<'_>, now: SystemTime) -> Option<Self> {
        let name = trim_white_space(cookie.name().as_bytes());
        let value = trim_white_space(cookie.value().as_bytes());
        let is_broken = |bytes: &[u8]| has_control_character(bytes) || bytes.contains(&b';');
        if is_broken(name)
            || is_broken(value)
            || name.contains(&b'=')
            || name.len() + value.len() > MAX_NAME_AND_VALUE
        {
            return None;
        }
        let mut set = Self::new(name.to_vec(), value.to_vec());
        set.expiry_time = Lifetime {
            max_age: cookie
                .max_age()
                .map(|age| after_delta_seconds(age.whole_seconds(), now)),
            expires: cookie
                .expires_datetime()
                .map(|time| limit_lifetime(system_time(time), now)),
        }
        .expiry_time();
        if let Some(domain) = cookie.domain().filter(|domain| is_within_limit(domain)) {
            let domain = domain.strip_prefix('.').unwrap_or(domain);
            set.domain = domain.to_ascii_lowercase().into_bytes();
        }
        if let Some(path) = cookie.path().filter(|path| is_within_limit(path)) {
            set.path = PathAttribute::of_value(path.as_bytes());
        }
        set.secure = cookie.secure().unwrap_or(false);
        set.http_only = cookie.http_only().unwrap_or(false);
        set.partitioned = cookie.partitioned().unwrap_or(false);
        set.same_site = match cookie.same_site() {
            None => SameSiteFlag::Default,
            Some(SameSite::None) => SameSiteFlag::None,
            Some(SameSite::Lax) => SameSiteFlag::Lax,
            Some(SameSite::Strict) => SameSiteFlag::Strict,
        };
        Some(set)
    }
}

impl PathAttribute {
    /// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6.4>
    fn of_value(value: &[u8]) -> Self {
        if value.starts_with(b"/") {
            Self::Path(value.to_vec())
        } else {
            Self::Default
        }
    }
}

/// What the attributes say of the cookie's end.
#[derive(Default)]
struct Lifetime {
    max_age: Option<SystemTime>,
    expires: Option<SystemTime>,
}

impl Lifetime {
    /// Step 6 of <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7>: `Max-Age` wins.
    fn expiry_time(&self) -> Option<SystemTime> {
        self.max_age.or(self.expires)
    }
}

/// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6.2>
fn parse_delta_seconds(value: &[u8]) -> Option<i64> {
    // 1. to 3. Digits, with or without a "-" before them. All else is ignored.
    let (negative, digits) = match value.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, value),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // 4. A number too large for us is beyond every limit anyway.
    let seconds = digits.iter().fold(0_i64, |seconds, digit| {
        seconds
            .saturating_mul(10)
            .saturating_add(i64::from(digit - b'0'))
    });
    Some(if negative { -seconds } else { seconds })
}

/// The time at which a cookie with this `Max-Age` ends.
fn after_delta_seconds(seconds: i64, now: SystemTime) -> SystemTime {
    match u64::try_from(seconds) {
        // 5. and 6. No more than the limit.
        Ok(seconds) if seconds > 0 => now + Duration::from_secs(seconds).min(MAX_LIFETIME),
        // 7. Zero and less is the earliest time.
        _ => SystemTime::UNIX_EPOCH,
    }
}

/// The time, or the end of the longest lifetime if that is earlier.
pub(super) fn limit_lifetime(time: SystemTime, now: SystemTime) -> SystemTime {
    time.min(now + MAX_LIFETIME)
}

fn system_time(time: OffsetDateTime) -> SystemTime {
    // NB: The conversion of the crate `time` panics on what `SystemTime` cannot hold.
    u64::try_from(time.unix_timestamp())
        .ok()
        .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

fn is_within_limit(attribute_value: &str) -> bool {
    attribute_value.len() <= MAX_ATTRIBUTE_VALUE
        && !has_control_character(attribute_value.as_bytes())
}

fn has_control_character(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .any(|&byte| byte.is_ascii_control() && byte != b'\t')
}

/// What is before and after the first "=", without white space around.
fn split_pair(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let position = bytes.iter().position(|&byte| byte == b'=')?;
    let (name, value) = bytes.split_at_checked(position)?;
    let value = value.strip_prefix(b"=")?;
    Some((trim_white_space(name), trim_white_space(value)))
}

fn trim_white_space(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = bytes {
        bytes = rest;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
    }

    fn parse(string: &str) -> Option<SetCookie> {
        SetCookie::parse(string.as_bytes(), now())
    }

    #[test]
    fn names_and_values() {
        for (string, expected) in [
            ("SID=31d4d96e407aad42", Some(("SID", "31d4d96e407aad42"))),
            ("a=b; Path=/", Some(("a", "b"))),
            ("  a\t=  b\t ;", Some(("a", "b"))),
            ("a=b=c", Some(("a", "b=c"))),
            ("=b", Some(("", "b"))),
            ("b", Some(("", "b"))),
            ("a=", Some(("a", ""))),
            ("", Some(("", ""))),
            (";a=b", Some(("", ""))),
            ("a=\"b c\"", Some(("a", "\"b c\""))),
            ("a b=c,d", Some(("a b", "c,d"))),
            ("a=b\tc", Some(("a", "b\tc"))),
            ("a=b\0c", None),
            ("a=b; x=\u{1}", None),
            ("a=b\nc", None),
            ("a=\u{7f}", None),
            ("a=ü", Some(("a", "ü"))),
        ] {
            let found = parse(string).map(|cookie| {
                (
                    String::from_utf8(cookie.name).unwrap(),
                    String::from_utf8(cookie.value).unwrap(),
                )
            });
            assert_eq!(
                found.as_ref().map(|(name, value)| (&**name, &**value)),
                expected,
                "{string:?}"
            );
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_kept() {
        assert_eq!(
            SetCookie::parse(b"a=\xff", now()).unwrap().value,
            b"\xff".to_vec()
        );
    }

    #[test]
    fn sizes() {
        let with = |name: usize, value: usize| {
            parse(&format!("{}={}", "n".repeat(name), "v".repeat(value)))
        };
        assert!(with(96, 4000).is_some());
        assert!(with(96, 4001).is_none());
        assert!(with(0, 4096).is_some());
        assert!(with(4097, 0).is_none());
        // A long attribute is ignored, the cookie is not.
        let cookie = |length| parse(&format!("a=b; Path=/{}", "p".repeat(length))).unwrap();
        assert!(matches!(cookie(1023).path, PathAttribute::Path(path) if path.len() == 1024));
        assert_eq!(cookie(1024).path, PathAttribute::Absent);
    }

    #[test]
    fn attributes() {
        let cookie =
            parse("a=b; SECURE; httponly=x; SameSite=strict; Domain=.Example.COM; Path=/p")
                .unwrap();
        assert!(cookie.secure && cookie.http_only);
        assert_eq!(cookie.same_site, SameSiteFlag::Strict);
        assert_eq!(cookie.domain, b"example.com");
        assert_eq!(cookie.path, PathAttribute::Path(b"/p".to_vec()));
        assert_eq!(cookie.expiry_time, None);
        // The last of each counts.
        let cookie =
            parse("a=b; SameSite=Lax; SameSite=None; Domain=a.b; Domain=; Path=/p; Path=p")
                .unwrap();
        assert_eq!(cookie.same_site, SameSiteFlag::None);
        assert_eq!(cookie.domain, b"");
        assert_eq!(cookie.path, PathAttribute::Default);
        // A value without its name is no attribute.
        assert!(!parse("a=b; =Secure; not secure").unwrap().secure);
    }

    #[test]
    fn lifetimes() {
        const YEAR_2099: &str = "Thu, 01 Jan 2099 00:00:00 GMT";
        const PAST: &str = "Thu, 01 Jan 1970 00:00:01 GMT";
        let after = |seconds| Some(now() + Duration::from_secs(seconds));
        let limit = after(34_560_000);
        let epoch = Some(SystemTime::UNIX_EPOCH);
        for (attributes, expected) in [
            ("Max-Age=60".to_owned(), after(60)),
            ("Max-Age=0".to_owned(), epoch),
            ("Max-Age=-1".to_owned(), epoch),
            ("Max-Age=99999999999999999999999".to_owned(), limit),
            ("Max-Age=-99999999999999999999999".to_owned(), epoch),
            ("Max-Age=".to_owned(), None),
            ("Max-Age=-".to_owned(), None),
            ("Max-Age=+60".to_owned(), None),
            ("Max-Age=6.0".to_owned(), None),
            ("Max-Age=60; Max-Age=x".to_owned(), after(60)),
            (format!("Expires={YEAR_2099}"), limit),
            (
                format!("Expires={PAST}"),
                Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1)),
            ),
            ("Expires=soon".to_owned(), None),
            (format!("Expires={PAST}; Max-Age=60"), after(60)),
            (format!("Max-Age=60; Expires={PAST}"), after(60)),
            (format!("Expires={PAST}; Expires={YEAR_2099}"), limit),
        ] {
            let cookie = parse(&format!("a=b; {attributes}")).unwrap();
            assert_eq!(cookie.expiry_time, expected, "{attributes}");
        }
    }

    #[test]
    fn cookies_of_script() {
        let cookie = Cookie::build(("a", "b"))
            .domain(".Example.com")
            .path("p")
            .max_age(time::Duration::days(500))
            .expires(OffsetDateTime::UNIX_EPOCH)
            .same_site(SameSite::Strict)
            .secure(true)
            .build();
        let set = SetCookie::from_cookie(&cookie, now()).unwrap();
        let parsed =
            parse("a=b; Domain=Example.com; Path=p; Max-Age=43200000; SameSite=Strict; Secure");
        assert!(Some(set) == parsed);
        for (name, value) in [("a;", "b"), ("a", "b;c"), ("a=", "b"), ("a", "\0")] {
            assert!(SetCookie::from_cookie(&Cookie::new(name, value), now()).is_none());
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(input in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = SetCookie::parse(&input, now());
        }

        #[test]
        fn attributes_never_panic(name in "(?i)expires|max-age|domain|path|samesite", value in "\\PC{0,40}") {
            let cookie = parse(&format!("a=b; {name}={value}"));
            prop_assert!(cookie.is_none_or(|cookie| cookie.expiry_time.is_none_or(|time| time <= now() + MAX_LIFETIME)));
        }
    }
}
