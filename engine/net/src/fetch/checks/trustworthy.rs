//! [Potentially trustworthy](https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy) origins and URLs.
//!
//! Both take `is_secure_scheme`, which says whether the embedder registered a scheme as authenticated.

use std::net::IpAddr;

use servo_url::{Host, ImmutableOrigin, ServoUrl};

/// [Is an origin potentially trustworthy?](https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy)
pub fn is_origin_potentially_trustworthy(
    origin: &ImmutableOrigin,
    is_secure_scheme: impl Fn(&str) -> bool,
) -> bool {
    // 1. An opaque origin is not.
    // AD-HOC: except that of a file, which is opaque here and a tuple in the standard (its step 6).
    let ImmutableOrigin::Tuple(scheme, host, _) = origin else {
        return origin.is_file_origin();
    };
    // 3. These schemes encrypt.
    if matches!(scheme.as_str(), "https" | "wss") {
        return true;
    }
    match host {
        // 4. Loopback addresses never leave the machine;
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback() || is_secure_scheme(scheme),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback() || is_secure_scheme(scheme),
        // 5. nor do names that resolve to one without DNS.
        // 7. The embedder vouches for other schemes; 9. and nobody for the rest.
        Host::Domain(domain) => is_localhost_name(domain) || is_secure_scheme(scheme),
    }
}

/// Whether a name is `localhost` or ends in `.localhost`, with or without a final dot. Such names
/// [resolve to loopback](https://www.rfc-editor.org/rfc/rfc6761#section-6.3) without DNS.
pub fn is_localhost_name(domain: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let mut labels = domain.rsplit('.');
    labels
        .next()
        .is_some_and(|label| label.eq_ignore_ascii_case("localhost"))
        && labels.all(|label| !label.is_empty())
}

/// [Is a URL potentially trustworthy?](https://w3c.github.io/webappsec-secure-contexts/#is-url-trustworthy)
pub fn is_url_potentially_trustworthy(
    url: &ServoUrl,
    is_secure_scheme: impl Fn(&str) -> bool,
) -> bool {
    match url.scheme() {
        // 1. Documents that some other document fills.
        "about" => matches!(url.path(), "blank" | "srcdoc"),
        // 2. `data:` URLs carry their own content.
        "data" => true,
        // 3. Otherwise it is up to the URL's origin.
        // NB: URLs of the embedder's own schemes have an opaque origin, so their scheme is asked, too.
        scheme => {
            is_secure_scheme(scheme)
                || is_origin_potentially_trustworthy(&url.origin(), &is_secure_scheme)
        },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::test_requests::{origin, url};
    use super::*;

    #[test]
    fn urls() {
        for (text, expected) in [
            ("https://a.example/", true),
            ("wss://a.example/", true),
            ("http://a.example/", false),
            ("ws://a.example/", false),
            ("ftp://a.example/", false),
            ("about:blank", true),
            ("about:blank#x", true),
            ("about:srcdoc", true),
            ("about:memory", false),
            ("data:text/plain,x", true),
            ("file:///etc/hosts", true),
            ("blob:https://a.example/1", true),
            ("blob:http://a.example/1", false),
            ("http://localhost/", true),
            ("http://localhost.:8080/", true),
            ("http://LOCALHOST/", true),
            ("http://a.localhost/", true),
            ("http://a.localhost./", true),
            ("http://localhost.example/", false),
            ("http://notlocalhost/", false),
            ("http://127.0.0.1/", true),
            ("http://127.9.9.9:80/", true),
            ("http://2130706433/", true),
            ("http://128.0.0.1/", false),
            ("http://[::1]/", true),
            ("http://[::2]/", false),
            ("http://[::ffff:127.0.0.1]/", false),
            ("secure-app://x/", true),
            ("other-app://x/", false),
        ] {
            let trusted = is_url_potentially_trustworthy(&url(text), |s| s == "secure-app");
            assert_eq!(trusted, expected, "{text}");
        }
    }

    #[test]
    fn opaque_origins_are_not_but_for_files() {
        let trusted =
            |origin: &ImmutableOrigin| is_origin_potentially_trustworthy(origin, |_| true);
        assert!(!trusted(&ImmutableOrigin::new_opaque()));
        assert!(trusted(&ImmutableOrigin::new_opaque_for_file()));
        assert!(trusted(&origin("http://a.example")));
    }

    proptest! {
        #[test]
        fn names_under_localhost(prefix in "([a-z0-9]{1,5}\\.){0,3}", dot in "\\.?", more in "[a-z]{1,4}") {
            let under = format!("{prefix}localhost{dot}");
            prop_assert!(is_localhost_name(&under));
            let beyond = format!("{prefix}localhost.{more}");
            prop_assert!(!is_localhost_name(&beyond));
            let grown = format!("{prefix}{more}localhost");
            prop_assert!(!is_localhost_name(&grown));
        }
    }
}
