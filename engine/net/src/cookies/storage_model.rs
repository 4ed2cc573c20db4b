//! How a cookie gets into the store.

use std::time::SystemTime;

use net_traits::CookieSource;
use servo_url::ServoUrl;
use thiserror::Error;

use super::jar::CookieJar;
use super::matching::{
    canonicalized_host, default_path, domain_matches, is_public_suffix, is_secure_connection,
    path_matches, site_of_host,
};
use super::partition::CookieContext;
use super::same_site::SameSiteFlag;
use super::set_cookie::{PathAttribute, SetCookie};
use super::stored_cookie::StoredCookie;

/// Why a cookie is ignored. It never says the cookie's name or value.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum CookieRefusal {
    /// It has control characters, or is longer than the limits.
    #[error("the cookie is malformed or too long")]
    Malformed,
    /// It has neither a name nor a value.
    #[error("the cookie has neither a name nor a value")]
    Empty,
    /// Its URL has no host, or its `Domain` is not of ASCII.
    #[error("the cookie has no usable domain")]
    NoDomain,
    /// Its `Domain` is a public suffix.
    #[error("the cookie's domain is a public suffix")]
    PublicSuffix,
    /// Its `Domain` does not cover the host that sets it.
    #[error("the cookie's domain is not that of its host")]
    DomainMismatch,
    /// It is `Secure` and came over a connection that is not, or hides one that is.
    #[error("the connection is not secure")]
    InsecureConnection,
    /// It is `HttpOnly`, or replaces one that is, and script sets it.
    #[error("script cannot set or replace this cookie")]
    HttpOnly,
    /// Its `SameSite` does not allow cross-site requests to set it.
    #[error("a cross-site request cannot set this cookie")]
    CrossSite,
    /// It is `SameSite=None` without `Secure`.
    #[error("the cookie has SameSite=None without Secure")]
    NoneWithoutSecure,
    /// It is `Partitioned` without `Secure`.
    #[error("the cookie is Partitioned without Secure")]
    PartitionedWithoutSecure,
    /// It is `Partitioned`, and the top-level site is not known.
    #[error("the cookie is Partitioned, and it is not known below which site")]
    NoPartition,
    /// Its name starts with a prefix whose conditions it does not fulfil.
    #[error("the cookie does not fulfil what its name's prefix demands")]
    Prefix,
}

/// The cookie that the store would hold, before it is compared with those which the store has.
///
/// Steps 1 to 15 and 17 to 22 of <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7>
pub(super) fn create_cookie(
    set_cookie: SetCookie,
    url: &ServoUrl,
    source: CookieSource,
    context: &CookieContext,
    now: SystemTime,
) -> Result<StoredCookie, CookieRefusal> {
    let host = canonicalized_host(url).ok_or(CookieRefusal::NoDomain)?;

    // 1. A user agent may ignore any cookie. Ours has no more reasons than those below.
    // 2. Name and value must not both be empty.
    if set_cookie.name.is_empty() && set_cookie.value.is_empty() {
        return Err(CookieRefusal::Empty);
    }
    // 3. and 4. (control characters and length) hold for every `SetCookie`.

    // 7. Let domain-attribute be the last Domain. 8. It must be of ASCII.
    let domain_attribute = Some(set_cookie.domain)
        .filter(|domain| domain.is_ascii())
        .and_then(|domain| String::from_utf8(domain).ok())
        .ok_or(CookieRefusal::NoDomain)?;
    // 9. It is not a public suffix, unless that is the host itself, which then keeps the cookie for itself.
    let domain_attribute = if !is_public_suffix(&domain_attribute) {
        domain_attribute
    } else if domain_attribute == host {
        String::new()
    } else {
        return Err(CookieRefusal::PublicSuffix);
    };
    // 10. If there is one, the host must domain-match it. Else the cookie is for this host only.
    let host_only = domain_attribute.is_empty();
    if !host_only && !domain_matches(host, &domain_attribute) {
        return Err(CookieRefusal::DomainMismatch);
    }
    let domain = if host_only {
        host.to_owned()
    } else {
        domain_attribute
    };

    // 11. The path is the last Path, or the default-path.
    let has_path_attribute = set_cookie.path != PathAttribute::Absent;
    let path = match set_cookie.path {
        PathAttribute::Path(path) => path,
        PathAttribute::Absent | PathAttribute::Default => default_path(url).as_bytes().to_vec(),
    };

    // 5., 6., 12., 14. and 17. The rest of the fields.
    let cookie = StoredCookie {
        name: set_cookie.name,
        value: set_cookie.value,
        expiry_time: set_cookie.expiry_time,
        domain,
        host_only,
        path,
        creation_time: now,
        last_access_time: now,
        secure_only: set_cookie.secure,
        http_only: set_cookie.http_only,
        same_site: set_cookie.same_site,
        partition: if set_cookie.partitioned {
            Some(
                context
                    .partition
                    .key(url)
                    .ok_or(CookieRefusal::NoPartition)?,
            )
        } else {
            None
        },
    };

    // 13. Secure cookies are set over secure connections.
    if cookie.secure_only && !is_secure_connection(url) {
        return Err(CookieRefusal::InsecureConnection);
    }
    // 15. Script does not set cookies that it cannot read.
    if cookie.http_only && source == CookieSource::NonHTTP {
        return Err(CookieRefusal::HttpOnly);
    }
    // 18. A cross-site request sets only what goes with cross-site requests.
    if !cookie.same_site.allows_storage(context.same_site) {
        return Err(CookieRefusal::CrossSite);
    }
    // 19. What goes with cross-site requests is Secure.
    if cookie.same_site == SameSiteFlag::None && !cookie.secure_only {
        return Err(CookieRefusal::NoneWithoutSecure);
    }
    // https://datatracker.ietf.org/doc/html/draft-cutler-httpbis-partitioned-cookies#section-2.1
    if cookie.partition.is_some() && !cookie.secure_only {
        return Err(CookieRefusal::PartitionedWithoutSecure);
    }
    // 20. to 22. Name prefixes hold what they promise.
    if !fulfils_name_prefix(&cookie, source, has_path_attribute) {
        return Err(CookieRefusal::Prefix);
    }
    Ok(cookie)
}

/// Whether the cookie fulfils the conditions of its [name's
/// prefix](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.4).
///
/// NB: `__Http-` and `__Host-Http-` are those of its successor,
/// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-layered-cookies#name-cookie-name-prefixes>.
fn fulfils_name_prefix(cookie: &StoredCookie, source: CookieSource, has_path: bool) -> bool {
    // 22. A cookie without a name is sent like one with its value as name.
    if cookie.name.is_empty() {
        return ![&b"__Secure-"[..], b"__Host-", b"__Http-"]
            .iter()
            .any(|prefix| starts_with_ignore_ascii_case(&cookie.value, prefix));
    }
    let has_prefix = |prefix| starts_with_ignore_ascii_case(&cookie.name, prefix);
    let is_http = cookie.http_only && source == CookieSource::HTTP;
    let is_host = cookie.host_only && has_path && cookie.path == b"/";
    // 20. __Secure-
    (!has_prefix(b"__Secure-") || cookie.secure_only)
        // 21. __Host-
        && (!has_prefix(b"__Host-") || cookie.secure_only && is_host)
        && (!has_prefix(b"__Http-") || cookie.secure_only && is_http)
        && (!has_prefix(b"__Host-Http-") || is_http)
}

fn starts_with_ignore_ascii_case(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes
        .get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

impl CookieJar {
    /// Stores a cookie that `create_cookie` made.
    ///
    /// Steps 16, 23 and 24 of <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.7>
    pub(super) fn store(
        &mut self,
        mut cookie: StoredCookie,
        url: &ServoUrl,
        source: CookieSource,
        now: SystemTime,
    ) -> Result<(), CookieRefusal> {
        let site = site_of_host(&cookie.domain).to_owned();
        let cookies = self.sites.entry(site.clone()).or_default();
        cookies.retain(|stored| !stored.is_expired(now));

        // 16. An insecure connection does not hide a secure cookie behind one of the same name.
        let hides_secure = !cookie.secure_only
            && !is_secure_connection(url)
            && cookies.iter().any(|stored| {
                stored.name == cookie.name
                    && stored.secure_only
                    && (domain_matches(&stored.domain, &cookie.domain)
                        || domain_matches(&cookie.domain, &stored.domain))
                    && path_matches(&cookie.path, &stored.path)
            });
        let old = cookies
            .iter()
            .position(|stored| stored.is_same_cookie(&cookie));
        let refusal = if hides_secure {
            Some(CookieRefusal::InsecureConnection)
        } else if source == CookieSource::NonHTTP
            && old
                .and_then(|old| cookies.get(old))
                .is_some_and(|old| old.http_only)
        {
            // 23.2. Script does not replace what it cannot read.
            Some(CookieRefusal::HttpOnly)
        } else {
            None
        };

        if refusal.is_none() {
            // 23. If the store has this cookie,
            if let Some(old) = old {
                // 23.1. and 23.4. remove the old one;
                let old = cookies.swap_remove(old);
                // 23.3. what is new keeps the place of what is old.
                cookie.creation_time = old.creation_time;
            }
            // 24. Insert the cookie. One that has ended already only takes the old one away.
            if !cookie.is_expired(now) {
                cookies.push(cookie);
            }
        }
        if cookies.is_empty() {
            self.sites.remove(&site);
        }
        self.evict_excess(&site, now);
        refusal.map_or(Ok(()), Err)
    }
}
