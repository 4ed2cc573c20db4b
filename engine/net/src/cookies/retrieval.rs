//! Which cookies go with a request.

use std::cmp::Reverse;
use std::time::SystemTime;

use net_traits::CookieSource;
use servo_url::ServoUrl;

use super::jar::CookieJar;
use super::matching::{
    canonicalized_host, domain_matches, is_secure_connection, path_matches, site_of_host,
};
use super::partition::CookieContext;
use super::stored_cookie::StoredCookie;

impl CookieJar {
    /// The cookies for `url`, in the order in which they are sent.
    ///
    /// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.8.3>
    pub(super) fn retrieve(
        &mut self,
        url: &ServoUrl,
        source: CookieSource,
        context: &CookieContext,
        now: SystemTime,
    ) -> Vec<StoredCookie> {
        let Some(site) = canonicalized_host(url).map(site_of_host) else {
            return Vec::new();
        };
        let Some(cookies) = self.sites.get_mut(site) else {
            return Vec::new();
        };
        cookies.retain(|cookie| !cookie.is_expired(now));
        if cookies.is_empty() {
            self.sites.remove(site);
            return Vec::new();
        }
        let is_secure = is_secure_connection(url);
        let partition = context.partition.key(url);
        // 1. Let cookie-list be the cookies that fulfil all of these:
        let mut cookie_list: Vec<_> = cookies
            .iter_mut()
            .filter(|cookie| {
                // domain and path cover the URL,
                is_covered_by(cookie, url)
                    // Secure ones only go over secure connections,
                    && (is_secure || !cookie.secure_only)
                    // HttpOnly ones not to script,
                    && (source == CookieSource::HTTP || !cookie.http_only)
                    // and SameSite allows it.
                    && cookie.same_site.allows_retrieval(context.same_site, cookie.creation_time, now)
                    // Partitioned ones stay below their top-level site.
                    && (cookie.partition.is_none() || cookie.partition == partition)
            })
            .map(|cookie| {
                // 3. This is the cookie's last access.
                cookie.last_access_time = now;
                cookie.clone()
            })
            .collect();
        // 2. Longer paths come first, then older cookies.
        cookie_list.sort_by_key(|cookie| (Reverse(cookie.path.len()), cookie.creation_time));
        cookie_list
    }
}

/// Whether the cookie's domain and path cover the URL.
pub(super) fn is_covered_by(cookie: &StoredCookie, url: &ServoUrl) -> bool {
    canonicalized_host(url).is_some_and(|host| {
        if cookie.host_only {
            host == cookie.domain
        } else {
            domain_matches(host, &cookie.domain)
        }
    }) && path_matches(url.path().as_bytes(), &cookie.path)
}

/// The cookie-string of a cookie-list; `None` if the list is empty.
///
/// Step 4 of <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.8.3>
pub(super) fn serialize(cookie_list: &[StoredCookie]) -> Option<Vec<u8>> {
    // 4. For each cookie:
    let pairs: Vec<_> = cookie_list
        .iter()
        .map(|cookie| {
            // 4.1. its name and "=", if it has a name, 4.2. its value,
            let mut pair = cookie.name.clone();
            if !pair.is_empty() {
                pair.push(b'=');
            }
            pair.extend_from_slice(&cookie.value);
            pair
        })
        .collect();
    // 4.3. and "; " before the next.
    (!pairs.is_empty()).then(|| pairs.join(&b"; "[..]))
}
