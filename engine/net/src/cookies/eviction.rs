//! How the store stays within its limits.

use std::cmp::{Ordering, Reverse};
use std::collections::HashMap;
use std::time::SystemTime;

use user_cors::Site;

use super::jar::CookieJar;
use super::stored_cookie::StoredCookie;

/// The most cookies of one site. Above it, the site is cut down to [`SITE_REMAINDER`].
pub(super) const MAX_COOKIES_OF_SITE: usize = 180;
/// What a site that has too many cookies keeps.
const SITE_REMAINDER: usize = 150;
/// The most cookies in all. Above it, the store is cut down to [`REMAINDER`].
pub(super) const MAX_COOKIES: usize = 3000;
/// What a store that has too many cookies keeps.
const REMAINDER: usize = 2700;

impl CookieJar {
    /// Removes [excess cookies](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7) after one was
    /// added to `site`.
    pub(super) fn evict_excess(&mut self, site: &str, now: SystemTime) {
        // 1. Expired cookies go first. (Those of the site went before the cookie was added.)
        // 2. Of a site with too many, those that are not Secure go; 3. then the others.
        // Each partition counts for itself, so that none learns how full another is.
        if let Some(cookies) = self.sites.get_mut(site)
            && cookies.len() > MAX_COOKIES_OF_SITE
        {
            cookies.sort_by_key(|cookie| Reverse((cookie.secure_only, cookie.last_access_time)));
            let mut counts: HashMap<Option<Site>, usize> = HashMap::new();
            for cookie in &*cookies {
                *counts.entry(cookie.partition.clone()).or_default() += 1;
            }
            counts.retain(|_, count| *count > MAX_COOKIES_OF_SITE);
            let mut kept: HashMap<Option<Site>, usize> = HashMap::new();
            cookies.retain(|cookie| {
                let kept = kept.entry(cookie.partition.clone()).or_default();
                *kept += 1;
                *kept <= SITE_REMAINDER || !counts.contains_key(&cookie.partition)
            });
        }
        if self.len() <= MAX_COOKIES {
            return;
        }
        self.remove_expired(now);
        // 4. Of all cookies, those go that nobody has used for longest.
        let excess = self.len().saturating_sub(REMAINDER);
        if excess == 0 {
            return;
        }
        let mut access_times: Vec<_> = self
            .sites
            .values()
            .flatten()
            .map(|cookie| cookie.last_access_time)
            .collect();
        let (older, &mut last_to_go, _) = access_times.select_nth_unstable(excess - 1);
        // Of those used last at that very time, only as many go as are too many.
        let mut ties = 1 + older.iter().filter(|time| **time == last_to_go).count();
        self.retain(|cookie| match cookie.last_access_time.cmp(&last_to_go) {
            Ordering::Less => false,
            Ordering::Equal if ties > 0 => {
                ties -= 1;
                false
            },
            _ => true,
        });
    }

    /// Removes what has ended.
    pub(super) fn remove_expired(&mut self, now: SystemTime) {
        self.retain(|cookie| !cookie.is_expired(now));
    }

    /// Keeps only cookies for which `keep` is true.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&StoredCookie) -> bool) {
        self.sites.retain(|_, cookies| {
            cookies.retain(&mut keep);
            !cookies.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use net_traits::CookieSource;
    use proptest::prelude::*;
    use servo_default_resources as _;
    use servo_url::ServoUrl;

    use super::*;
    use crate::cookies::SameSiteContext;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    fn set(jar: &mut CookieJar, url: &str, cookie: &str, now: SystemTime) {
        let url = ServoUrl::parse(url).unwrap();
        jar.set_from_header(&url, cookie.as_bytes(), SameSiteContext::SameSite, now)
            .unwrap();
    }

    fn names(jar: &mut CookieJar, url: &str, now: SystemTime) -> Vec<String> {
        let url = ServoUrl::parse(url).unwrap();
        jar.cookies(&url, CookieSource::HTTP, now)
            .iter()
            .map(|cookie| cookie.name().to_owned())
            .collect()
    }

    #[test]
    fn a_site_loses_what_is_insecure_and_old_first() {
        let mut jar = CookieJar::new();
        for number in 0..=180 {
            let secure = if number < 100 { "; Secure" } else { "" };
            set(
                &mut jar,
                &format!("https://h{}.example.com/", number % 7),
                &format!("c{number}=v; Domain=example.com{secure}"),
                at(number),
            );
        }
        let left = names(&mut jar, "https://example.com/", at(1000));
        assert_eq!(left.len(), SITE_REMAINDER);
        for number in 0..=180 {
            let expected = !(100..131).contains(&number);
            assert_eq!(left.contains(&format!("c{number}")), expected, "{number}");
        }
    }

    #[test]
    fn the_store_loses_what_was_not_used_for_longest() {
        let mut jar = CookieJar::new();
        for number in 0..=3000_u64 {
            set(
                &mut jar,
                &format!("https://site{}.com/", number / 100),
                &format!("c{number}=v"),
                at(number),
            );
            // The first site's cookies are read again and again.
            if number % 100 == 0 {
                names(&mut jar, "https://site0.com/", at(number));
            }
        }
        assert_eq!(jar.len(), REMAINDER);
        assert_eq!(names(&mut jar, "https://site0.com/", at(4000)).len(), 100);
        assert_eq!(names(&mut jar, "https://site1.com/", at(4000)).len(), 0);
        assert_eq!(names(&mut jar, "https://site30.com/", at(4000)).len(), 1);
    }

    #[test]
    fn what_has_ended_goes_before_anything_else() {
        let mut jar = CookieJar::new();
        for number in 0..3000 {
            let max_age = if number < 1000 { "; Max-Age=1" } else { "" };
            let url = format!("https://site{}.com/", number / 100);
            set(&mut jar, &url, &format!("c{number}=v{max_age}"), at(0));
        }
        set(&mut jar, "https://other.com/", "a=b", at(2));
        assert_eq!(jar.len(), 2001);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        #[test]
        fn limits_hold(cookies in prop::collection::vec((0..25_u8, any::<u16>(), any::<bool>(), 0..1000_u64), 3500)) {
            let mut jar = CookieJar::new();
            for (site, name, secure, second) in cookies {
                let secure = if secure { "; Secure" } else { "" };
                set(&mut jar, &format!("https://site{site}.com/"), &format!("c{name}=v{secure}"), at(second));
                prop_assert!(jar.len() <= MAX_COOKIES);
                prop_assert!(jar.sites.values().all(|cookies| cookies.len() <= MAX_COOKIES_OF_SITE));
            }
        }
    }
}
