//! Cookies in the profile.

use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use user_cors::Site;

use super::jar::CookieJar;
use super::matching::site_of_host;
use super::same_site::SameSiteFlag;
use super::set_cookie::limit_lifetime;
use super::stored_cookie::StoredCookie;
use crate::profile_file;

const FILE: &str = "cookies.json";
const VERSION: u32 = 1;

/// A cookie in the file. Times are milliseconds since the Unix epoch. Bytes are isomorphically decoded: each is the character
/// of the same number, so that ASCII stays readable and nothing is lost.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersistedCookie {
    name: String,
    value: String,
    expiry_time: u64,
    domain: String,
    host_only: bool,
    path: String,
    creation_time: u64,
    last_access_time: u64,
    secure_only: bool,
    http_only: bool,
    same_site: SameSiteFlag,
    /// The serialized top-level site of a partitioned cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partition: Option<String>,
}

impl CookieJar {
    /// Reads the store that [`Self::save`] wrote to `directory`, without what has ended since. If there is none, or it
    /// cannot be understood, the result is empty; a file that cannot be understood is kept under another name.
    pub fn load(directory: &Path, now: SystemTime) -> Self {
        let mut jar = Self::new();
        let cookies: Vec<PersistedCookie> =
            profile_file::read(directory, FILE, VERSION).unwrap_or_default();
        for cookie in cookies
            .into_iter()
            .filter_map(|cookie| cookie.into_stored(now))
        {
            let site = site_of_host(&cookie.domain).to_owned();
            jar.sites.entry(site.clone()).or_default().push(cookie);
            jar.evict_excess(&site, now);
        }
        jar.remove_expired(now);
        jar
    }

    /// Writes the cookies that outlive the session to `directory`.
    ///
    /// # Errors
    /// What the file system refuses; what was there before then stays.
    pub fn save(&self, directory: &Path, now: SystemTime) -> io::Result<()> {
        let mut cookies: Vec<_> = self
            .sites
            .values()
            .flatten()
            .filter(|cookie| !cookie.is_expired(now))
            .filter_map(PersistedCookie::from_stored)
            .collect();
        cookies.sort_by(|a, b| {
            (&a.domain, a.creation_time, &a.name).cmp(&(&b.domain, b.creation_time, &b.name))
        });
        profile_file::write(directory, FILE, VERSION, &cookies)
    }
}

impl PersistedCookie {
    /// `None` for a session cookie.
    fn from_stored(cookie: &StoredCookie) -> Option<Self> {
        Some(Self {
            name: isomorphic_decode(&cookie.name),
            value: isomorphic_decode(&cookie.value),
            expiry_time: milliseconds(cookie.expiry_time?),
            domain: cookie.domain.clone(),
            host_only: cookie.host_only,
            path: isomorphic_decode(&cookie.path),
            creation_time: milliseconds(cookie.creation_time),
            last_access_time: milliseconds(cookie.last_access_time),
            secure_only: cookie.secure_only,
            http_only: cookie.http_only,
            same_site: cookie.same_site,
            partition: cookie.partition.as_ref().map(Site::to_string),
        })
    }

    /// `None` if a field holds what cannot be.
    fn into_stored(self, now: SystemTime) -> Option<StoredCookie> {
        Some(StoredCookie {
            name: isomorphic_encode(&self.name)?,
            value: isomorphic_encode(&self.value)?,
            expiry_time: Some(limit_lifetime(time(self.expiry_time)?, now)),
            domain: self.domain,
            host_only: self.host_only,
            path: isomorphic_encode(&self.path)?,
            creation_time: time(self.creation_time)?,
            last_access_time: time(self.last_access_time)?,
            secure_only: self.secure_only,
            http_only: self.http_only,
            same_site: self.same_site,
            partition: match self.partition {
                Some(site) => Some(Site::parse(&site)?),
                None => None,
            },
        })
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis()
        .try_into()
        .unwrap_or(u64::MAX)
}

fn time(milliseconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds))
}

/// <https://infra.spec.whatwg.org/#isomorphic-decode>
fn isomorphic_decode(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// <https://infra.spec.whatwg.org/#isomorphic-encode>; `None` if it is not possible.
fn isomorphic_encode(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|char| u8::try_from(char).ok()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use net_traits::CookieSource;
    use servo_default_resources as _;
    use servo_url::ServoUrl;

    use super::*;
    use crate::cookies::SameSiteContext;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    #[test]
    fn what_outlives_the_session_comes_back() {
        let directory = tempfile::tempdir().unwrap();
        let url = ServoUrl::parse("https://www.example.com/x/y").unwrap();
        let mut jar = CookieJar::new();
        for header in [
            &b"a=\xffb; Max-Age=100; Domain=example.com; HttpOnly; SameSite=Strict"[..],
            b"b=c; Max-Age=50; Secure",
            b"session=1",
            b"short=1; Max-Age=5",
        ] {
            jar.set_from_header(&url, header, SameSiteContext::SameSite, at(0))
                .unwrap();
        }
        jar.save(directory.path(), at(10)).unwrap();
        let text = fs::read_to_string(directory.path().join("cookies.json")).unwrap();
        assert!(!text.contains("session") && !text.contains("short"));

        let loaded = CookieJar::load(directory.path(), at(10));
        jar.retain(|cookie| cookie.expiry_time.is_some_and(|time| time > at(10)));
        let sorted = |jar: &CookieJar| {
            let mut cookies = jar.sites["example.com"].clone();
            cookies.sort_by(|a, b| a.name.cmp(&b.name));
            cookies
        };
        assert_eq!(loaded.sites.len(), 1);
        assert!(sorted(&loaded) == sorted(&jar));

        let mut later = CookieJar::load(directory.path(), at(60));
        assert_eq!(later.len(), 1);
        let header = later.cookie_header(&url, SameSiteContext::SameSite, at(60));
        assert_eq!(header.unwrap().as_bytes(), b"a=\xffb");
        assert!(
            later
                .cookie_string(&url, CookieSource::NonHTTP, at(60))
                .is_none()
        );
    }

    #[test]
    fn a_corrupt_file_is_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(
            directory.path().join("cookies.json"),
            "{\"version\":1,\"data\":[{}]}",
        )
        .unwrap();
        assert!(CookieJar::load(directory.path(), at(0)).is_empty());
        assert!(directory.path().join("cookies.json.unreadable").exists());
    }
}
