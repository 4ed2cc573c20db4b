//! When a host or a path covers another.

use std::net::Ipv4Addr;

use net_traits::pub_domains::{is_pub_domain, reg_suffix};
use servo_url::ServoUrl;
use url::Host;

/// The [canonicalized host](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.1.2) of a URL.
///
/// NB: URL parsing has done the conversion, so this is the host as it is serialized; `None` if there is none.
pub(super) fn canonicalized_host(url: &ServoUrl) -> Option<&str> {
    url.host_str().filter(|host| !host.is_empty())
}

/// Whether `host` domain-matches `domain`; both are canonicalized.
///
/// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.1.3>
pub(super) fn domain_matches(host: &str, domain: &str) -> bool {
    // They are identical, or `domain` is the last part of `host`, after a dot, and `host` is no IP address.
    host == domain
        || host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
            && !is_ip_address(host)
}

/// Whether a serialized host is an IP address.
fn is_ip_address(host: &str) -> bool {
    host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok()
}

/// The default-path of a URL.
///
/// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.1.4>
pub(super) fn default_path(url: &ServoUrl) -> &str {
    // 1. Let uri-path be the path of the URL.
    let uri_path = url.path();
    // 2. and 3. If it does not start with a slash, or has no other, it is "/".
    // 4. Else it goes up to the last slash, without it.
    match uri_path.rfind('/') {
        Some(last) if last > 0 && uri_path.starts_with('/') => &uri_path[..last],
        _ => "/",
    }
}

/// Whether `request_path` path-matches `cookie_path`.
///
/// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.1.4>
pub(super) fn path_matches(request_path: &[u8], cookie_path: &[u8]) -> bool {
    request_path.strip_prefix(cookie_path).is_some_and(|rest| {
        rest.is_empty() || cookie_path.ends_with(b"/") || rest.starts_with(b"/")
    })
}

/// Whether the URL denotes a secure connection in the eyes of a cookie.
///
/// NB: The standard leaves this to browsers. As in others, what stays on this machine is secure.
pub(super) fn is_secure_connection(url: &ServoUrl) -> bool {
    url.is_secure_scheme()
        || match url.host() {
            Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

/// Whether `domain` is a [public suffix](https://publicsuffix.org/), so that nobody may set cookies for all of it.
pub(super) fn is_public_suffix(domain: &str) -> bool {
    !is_ip_address(domain) && is_pub_domain(domain)
}

/// What the cookies of a host are filed under: its registrable domain, or itself if it has none.
pub(super) fn site_of_host(host: &str) -> &str {
    if is_ip_address(host) {
        host
    } else {
        reg_suffix(host)
    }
}

#[cfg(test)]
mod tests {
    use servo_default_resources as _;

    use super::*;

    fn url(url: &str) -> ServoUrl {
        ServoUrl::parse(url).unwrap()
    }

    #[test]
    fn domains() {
        for (host, domain, expected) in [
            ("example.com", "example.com", true),
            ("www.example.com", "example.com", true),
            ("a.b.example.com", "example.com", true),
            ("example.com", "www.example.com", false),
            ("notexample.com", "example.com", false),
            ("example.com", "com", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "0.0.1", false),
            ("[::1]", "[::1]", true),
            ("[::1]", "1]", false),
            ("example.com", "", false),
        ] {
            assert_eq!(domain_matches(host, domain), expected, "{host} {domain}");
        }
    }

    #[test]
    fn paths() {
        for (request, cookie, expected) in [
            ("/", "/", true),
            ("/a", "/", true),
            ("/a/b", "/a", true),
            ("/a/b", "/a/", true),
            ("/ab", "/a", false),
            ("/a", "/a/", false),
            ("/a", "/b", false),
            ("/a", "/a", true),
        ] {
            assert_eq!(
                path_matches(request.as_bytes(), cookie.as_bytes()),
                expected,
                "{request} {cookie}"
            );
        }
    }

    #[test]
    fn default_paths() {
        for (address, expected) in [
            ("https://example.com", "/"),
            ("https://example.com/a", "/"),
            ("https://example.com/a/", "/a"),
            ("https://example.com/a/b?c/d#e/f", "/a"),
            ("data:,x/y", "/"),
        ] {
            assert_eq!(default_path(&url(address)), expected, "{address}");
        }
    }

    #[test]
    fn secure_connections() {
        for (address, expected) in [
            ("https://example.com", true),
            ("wss://example.com", true),
            ("http://example.com", false),
            ("ws://example.com", false),
            ("http://localhost:8080", true),
            ("http://a.localhost", true),
            ("http://notlocalhost", false),
            ("http://127.1.2.3", true),
            ("http://[::1]", true),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_secure_connection(&url(address)), expected, "{address}");
        }
    }

    #[test]
    fn public_suffixes_and_sites() {
        for (host, public, site) in [
            ("com", true, "com"),
            ("co.uk", true, "co.uk"),
            ("www.example.co.uk", false, "example.co.uk"),
            ("github.io", true, "github.io"),
            ("localhost", true, "localhost"),
            ("127.0.0.1", false, "127.0.0.1"),
            ("[::1]", false, "[::1]"),
        ] {
            assert_eq!(is_public_suffix(host), public, "{host}");
            assert_eq!(site_of_host(host), site, "{host}");
        }
    }
}
