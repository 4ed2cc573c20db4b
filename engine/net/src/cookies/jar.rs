//! The cookie store.

use std::collections::HashMap;
use std::mem::size_of;
use std::time::SystemTime;

use cookie::Cookie;
use http::HeaderValue;
use net_traits::{CookieSource, SiteDescriptor};
use servo_url::ServoUrl;

use super::matching::{canonicalized_host, site_of_host};
use super::partition::{CookieContext, CookiePartition};
use super::retrieval::{is_covered_by, serialize};
use super::same_site::SameSiteContext;
use super::set_cookie::SetCookie;
use super::storage_model::{CookieRefusal, create_cookie};
use super::stored_cookie::StoredCookie;

/// A [cookie store](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7).
///
/// It holds no more than 180 cookies of a site (a registrable domain) and 3000 in all.
#[derive(Clone, Debug, Default)]
pub struct CookieJar {
    /// The cookies by their domain's site. No list is empty.
    pub(super) sites: HashMap<String, Vec<StoredCookie>>,
}

impl CookieJar {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stores what the value of one `Set-Cookie` header field of a response from `url` asks for.
    ///
    /// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6>
    ///
    /// # Errors
    /// Why the cookie is ignored.
    pub fn set_from_header(
        &mut self,
        url: &ServoUrl,
        set_cookie: &[u8],
        context: impl Into<CookieContext>,
        now: SystemTime,
    ) -> Result<(), CookieRefusal> {
        let set_cookie = SetCookie::parse(set_cookie, now).ok_or(CookieRefusal::Malformed)?;
        let source = CookieSource::HTTP;
        let cookie = create_cookie(set_cookie, url, source, &context.into(), now)?;
        self.store(cookie, url, source, now)
    }

    /// Stores a cookie that script, WebDriver or the embedder sets for `url`.
    ///
    /// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7>
    ///
    /// # Errors
    /// Why the cookie is ignored.
    pub fn set(
        &mut self,
        url: &ServoUrl,
        cookie: &Cookie<'_>,
        source: CookieSource,
        now: SystemTime,
    ) -> Result<(), CookieRefusal> {
        let set_cookie = SetCookie::from_cookie(cookie, now).ok_or(CookieRefusal::Malformed)?;
        let cookie = create_cookie(
            set_cookie,
            url,
            source,
            &SameSiteContext::SameSite.into(),
            now,
        )?;
        self.store(cookie, url, source, now)
    }

    /// The value of the `Cookie` header field of a request to `url`; `None` if there are no cookies for it.
    ///
    /// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.8.1>
    pub fn cookie_header(
        &mut self,
        url: &ServoUrl,
        context: impl Into<CookieContext>,
        now: SystemTime,
    ) -> Option<HeaderValue> {
        let cookies = self.retrieve(url, CookieSource::HTTP, &context.into(), now);
        let mut value = HeaderValue::from_bytes(&serialize(&cookies)?).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The cookie-string of `url`, as `document.cookie` gives it; `None` if there are no cookies for it.
    ///
    /// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.8.2>
    pub fn cookie_string(
        &mut self,
        url: &ServoUrl,
        source: CookieSource,
        now: SystemTime,
    ) -> Option<String> {
        let cookies = self.retrieve(url, source, &SameSiteContext::SameSite.into(), now);
        let cookie_string = serialize(&cookies)?;
        Some(String::from_utf8_lossy(&cookie_string).into_owned())
    }

    /// The cookies of `url`, in the order in which they are sent.
    pub fn cookies(
        &mut self,
        url: &ServoUrl,
        source: CookieSource,
        now: SystemTime,
    ) -> Vec<Cookie<'static>> {
        self.retrieve(url, source, &SameSiteContext::SameSite.into(), now)
            .iter()
            .map(StoredCookie::to_cookie)
            .collect()
    }

    /// The cookies of `url` that script may read, all or those of one name.
    ///
    /// <https://cookiestore.spec.whatwg.org/#query-cookies>
    pub fn query(
        &mut self,
        url: &ServoUrl,
        name: Option<&str>,
        now: SystemTime,
    ) -> Vec<Cookie<'static>> {
        // 1. Retrieve the cookies for the URL through a non-HTTP API.
        let mut cookies = self.cookies(url, CookieSource::NonHTTP, now);
        // 3.2. If a name is given, only cookies of this name are listed.
        if let Some(name) = name {
            cookies.retain(|cookie| cookie.name() == name);
        }
        cookies
    }

    /// Deletes the cookies of this name that go to `url`. From a non-HTTP source, `HttpOnly` cookies stay.
    pub fn delete_by_name(&mut self, url: &ServoUrl, name: &str, source: CookieSource) {
        self.delete_if(url, |cookie| {
            String::from_utf8_lossy(&cookie.name) == name
                && (source == CookieSource::HTTP || !cookie.http_only)
                && is_covered_by(cookie, url)
        });
    }

    /// Deletes all cookies of these sites, which are named as in [`Self::sites`].
    pub fn delete_for_sites(&mut self, sites: &[String]) {
        for site in sites {
            self.sites.remove(site);
        }
    }

    /// Deletes all cookies of the site of `url`.
    pub fn delete_for_url(&mut self, url: &ServoUrl) {
        self.delete_if(url, |_| true);
    }

    /// Deletes the cookies of the site of `url` that a request with this context could have, whatever their `SameSite`.
    ///
    /// <https://w3c.github.io/webappsec-clear-site-data/#clear-cookies>
    pub fn clear_for_origin(&mut self, url: &ServoUrl, partition: &CookiePartition) {
        let partition = partition.key(url);
        self.delete_if(url, |cookie| {
            cookie.partition.is_none() || cookie.partition == partition
        });
    }

    /// Deletes everything.
    pub fn clear(&mut self) {
        self.sites = HashMap::new();
    }

    /// Deletes what would end with the session.
    pub fn clear_session(&mut self) {
        self.retain(|cookie| cookie.expiry_time.is_some());
    }

    /// The sites that have cookies, by name.
    pub fn sites(&self, now: SystemTime) -> Vec<SiteDescriptor> {
        let mut names: Vec<_> = self
            .sites
            .iter()
            .filter(|(_, cookies)| cookies.iter().any(|cookie| !cookie.is_expired(now)))
            .map(|(site, _)| site.clone())
            .collect();
        names.sort_unstable();
        names.into_iter().map(SiteDescriptor::new).collect()
    }

    /// How many cookies there are.
    pub fn len(&self) -> usize {
        self.sites.values().map(Vec::len).sum()
    }

    /// Whether there is no cookie.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
    }

    /// The bytes that the cookies take in memory.
    pub fn size_of(&self) -> usize {
        let slots = self.sites.capacity() * size_of::<(String, Vec<StoredCookie>)>();
        let cookies = self.sites.values().flatten().map(StoredCookie::size_of);
        slots + self.sites.keys().map(String::capacity).sum::<usize>() + cookies.sum::<usize>()
    }

    fn delete_if(&mut self, url: &ServoUrl, mut condition: impl FnMut(&StoredCookie) -> bool) {
        let Some(site) = canonicalized_host(url).map(site_of_host) else {
            return;
        };
        if let Some(cookies) = self.sites.get_mut(site) {
            cookies.retain(|cookie| !condition(cookie));
            if cookies.is_empty() {
                self.sites.remove(site);
            }
        }
    }
}
