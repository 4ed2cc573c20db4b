//! [Same site](https://html.spec.whatwg.org/multipage/browsers.html#same-site): one scheme and one registrable domain.

use net_traits::pub_domains::reg_suffix;
use servo_url::{Host, ImmutableOrigin};

/// Whether two origins are [same site](https://html.spec.whatwg.org/multipage/browsers.html#same-site).
pub fn is_same_site(a: &ImmutableOrigin, b: &ImmutableOrigin) -> bool {
    // 1 to 3. Their sites agree in scheme and registrable domain or host, or are one opaque origin.
    a.scheme() == b.scheme() && is_schemelessly_same_site(a, b)
}

/// Whether two origins are
/// [schemelessly same site](https://html.spec.whatwg.org/multipage/browsers.html#schemelessly-same-site).
pub fn is_schemelessly_same_site(a: &ImmutableOrigin, b: &ImmutableOrigin) -> bool {
    match (a.host(), b.host()) {
        // 1. One opaque origin.
        (None, None) => a == b,
        // 2 to 4. Tuple origins with one host, or with one registrable domain.
        (Some(Host::Domain(a)), Some(Host::Domain(b))) => {
            registrable_domain(a) == registrable_domain(b)
        },
        (Some(a), Some(b)) => a == b,
        // 5. Nothing else is.
        _ => false,
    }
}

/// The [registrable domain](https://url.spec.whatwg.org/#host-registrable-domain) of `domain`, or all of it if it has none.
/// A final dot is part of it: the two spellings are two sites.
pub fn registrable_domain(domain: &str) -> &str {
    // NB: the list of public suffixes has no names with a final dot.
    let without_dot = domain.strip_suffix('.').unwrap_or(domain);
    let length = reg_suffix(without_dot).len() + (domain.len() - without_dot.len());
    domain
        .get(domain.len().saturating_sub(length)..)
        .unwrap_or(domain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use servo_default_resources as _;

    use super::super::test_requests::origin;
    use super::*;

    #[test]
    fn the_table_of_the_standard() {
        // https://html.spec.whatwg.org/multipage/browsers.html#sites, extended.
        for (a, b, schemeless, same) in [
            ("https://example.com", "https://sub.example.com", true, true),
            (
                "https://example.com",
                "https://sub.other.example.com",
                true,
                true,
            ),
            (
                "https://example.com",
                "http://non-secure.example.com",
                true,
                false,
            ),
            (
                "https://r.wildlife.museum",
                "https://sub.r.wildlife.museum",
                true,
                true,
            ),
            (
                "https://example.com",
                "https://example.com:8443",
                true,
                true,
            ),
            ("https://example.com", "https://example.org", false, false),
            ("https://a.github.io", "https://b.github.io", false, false),
            ("https://github.io", "https://a.github.io", false, false),
            ("https://a.co.uk", "https://b.co.uk", false, false),
            ("https://x.a.co.uk", "https://y.a.co.uk", true, true),
            ("https://a.com.", "https://b.com.", false, false),
            ("https://a.com.", "https://x.a.com.", true, true),
            ("https://a.com.", "https://a.com", false, false),
            ("http://localhost", "http://localhost:8080", true, true),
            ("http://127.0.0.1", "http://127.0.0.1:81", true, true),
            ("http://127.0.0.1", "http://127.0.0.2", false, false),
            ("http://1.2.3.4", "http://9.2.3.4", false, false),
            ("http://[::1]", "http://[::1]:81", true, true),
        ] {
            let (x, y) = (origin(a), origin(b));
            assert_eq!(is_schemelessly_same_site(&x, &y), schemeless, "{a} {b}");
            assert_eq!(is_schemelessly_same_site(&y, &x), schemeless, "{b} {a}");
            assert_eq!(is_same_site(&x, &y), same, "{a} {b}");
        }
    }

    #[test]
    fn an_opaque_origin_is_same_site_with_itself_only() {
        let (a, b) = (ImmutableOrigin::new_opaque(), ImmutableOrigin::new_opaque());
        assert!(is_same_site(&a, &a));
        assert!(!is_same_site(&a, &b));
        assert!(!is_same_site(&a, &origin("https://example.com")));
        assert!(!is_schemelessly_same_site(
            &a,
            &origin("https://example.com")
        ));
    }

    proptest! {
        #[test]
        fn a_registrable_domain_ends_its_domain(domain in "[a-z0-9.-]{0,30}") {
            let registrable = registrable_domain(&domain);
            prop_assert!(domain.ends_with(registrable));
        }
    }
}
