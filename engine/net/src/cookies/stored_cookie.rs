//! One cookie in the store.

use std::fmt;
use std::mem::size_of;
use std::time::SystemTime;

use cookie::{Cookie, SameSite};
use time::OffsetDateTime;
use user_cors::Site;

use super::same_site::SameSiteFlag;

/// A cookie with the [fields](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7) that the
/// standard gives it.
///
/// Names, values and paths are bytes, because servers send any; script reads them as UTF-8 and gets a replacement
/// character for what is none.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct StoredCookie {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
    /// The expiry-time; `None` for a session cookie (the standard's persistent-flag is false).
    pub(super) expiry_time: Option<SystemTime>,
    pub(super) domain: String,
    pub(super) host_only: bool,
    pub(super) path: Vec<u8>,
    pub(super) creation_time: SystemTime,
    pub(super) last_access_time: SystemTime,
    pub(super) secure_only: bool,
    pub(super) http_only: bool,
    pub(super) same_site: SameSiteFlag,
    /// The top-level site below which it was set, if it has one of its own there.
    pub(super) partition: Option<Site>,
}

impl StoredCookie {
    /// Whether the cookie has ended.
    pub(super) fn is_expired(&self, now: SystemTime) -> bool {
        self.expiry_time.is_some_and(|time| time <= now)
    }

    /// Whether both are the same cookie, so that one replaces the other.
    pub(super) fn is_same_cookie(&self, other: &Self) -> bool {
        self.name == other.name
            && self.domain == other.domain
            && self.host_only == other.host_only
            && self.path == other.path
            && self.partition == other.partition
    }

    /// The bytes that the cookie takes in memory.
    pub(super) fn size_of(&self) -> usize {
        size_of::<Self>()
            + self.name.capacity()
            + self.value.capacity()
            + self.domain.capacity()
            + self.path.capacity()
            + self
                .partition
                .as_ref()
                .map_or(0, |site| site.to_string().len())
    }

    /// The cookie in the form in which Servo's other crates know it.
    pub(super) fn to_cookie(&self) -> Cookie<'static> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut cookie = Cookie::new(text(&self.name), text(&self.value));
        cookie.set_domain(self.domain.clone());
        cookie.set_path(text(&self.path));
        if let Some(time) = self.expiry_time {
            cookie.set_expires(OffsetDateTime::from(time));
        }
        cookie.set_secure(self.secure_only);
        cookie.set_http_only(self.http_only);
        cookie.set_partitioned(self.partition.is_some());
        cookie.set_same_site(match self.same_site {
            SameSiteFlag::None => Some(SameSite::None),
            SameSiteFlag::Lax => Some(SameSite::Lax),
            SameSiteFlag::Strict => Some(SameSite::Strict),
            SameSiteFlag::Default => None,
        });
        cookie
    }
}

/// Name and value stay out of it: they are secrets.
impl fmt::Debug for StoredCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredCookie")
            .field("domain", &self.domain)
            .field("host_only", &self.host_only)
            .field("secure_only", &self.secure_only)
            .field("http_only", &self.http_only)
            .field("same_site", &self.same_site)
            .field("expiry_time", &self.expiry_time)
            .finish_non_exhaustive()
    }
}
