//! What goes into the cookie store, and what comes out.

use std::time::{Duration, SystemTime};

use cookie::Cookie;
use net_traits::CookieSource;
use servo_default_resources as _;
use servo_url::ServoUrl;

use super::{CookieJar, CookieRefusal, SameSiteContext};

const HTTP: CookieSource = CookieSource::HTTP;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn url(url: &str) -> ServoUrl {
    ServoUrl::parse(url).unwrap()
}

/// A store after these header fields came from these URLs, one each second.
fn jar(headers: &[(&str, &str)]) -> CookieJar {
    let mut jar = CookieJar::new();
    for ((address, header), second) in headers.iter().zip(0..) {
        let context = SameSiteContext::SameSite;
        let _ = jar.set_from_header(&url(address), header.as_bytes(), context, at(second));
    }
    jar
}

fn cookie_string(jar: &mut CookieJar, address: &str) -> String {
    jar.cookie_string(&url(address), HTTP, at(60))
        .unwrap_or_default()
}

#[test]
fn what_is_set_is_sent() {
    // The first column is what sets, the last what is then sent to the URL in the third.
    for (from, header, to, expected) in [
        // Examples of the standard, section 3.1.
        (
            "https://example.com/",
            "SID=31d4d96e407aad42",
            "https://example.com/",
            "SID=31d4d96e407aad42",
        ),
        (
            "https://example.com/",
            "SID=31d4d96e407aad42; Path=/; Domain=example.com",
            "https://www.example.com/",
            "SID=31d4d96e407aad42",
        ),
        (
            "https://example.com/",
            "SID=31d4d96e407aad42",
            "https://www.example.com/",
            "",
        ),
        // Domain.
        (
            "https://www.example.com/",
            "a=b; Domain=example.com",
            "https://example.com/",
            "a=b",
        ),
        (
            "https://www.example.com/",
            "a=b; Domain=.example.com",
            "https://x.example.com/",
            "a=b",
        ),
        (
            "https://www.example.com/",
            "a=b; Domain=",
            "https://www.example.com/",
            "a=b",
        ),
        (
            "https://www.example.com/",
            "a=b; Domain=",
            "https://x.www.example.com/",
            "",
        ),
        (
            "https://www.example.com/",
            "a=b; Domain=.",
            "https://www.example.com/",
            "",
        ),
        (
            "https://www.example.com/",
            "a=b; Domain=x.example.com",
            "https://x.example.com/",
            "",
        ),
        (
            "https://www.example.com/",
            "a=b; Domain=example.org",
            "https://example.org/",
            "",
        ),
        (
            "https://www.example.com/",
            "a=b; Domain=com",
            "https://www.example.com/",
            "",
        ),
        (
            "https://www.example.co.uk/",
            "a=b; Domain=co.uk",
            "https://www.example.co.uk/",
            "",
        ),
        (
            "https://github.io/",
            "a=b; Domain=github.io",
            "https://github.io/",
            "a=b",
        ),
        (
            "https://github.io/",
            "a=b; Domain=github.io",
            "https://x.github.io/",
            "",
        ),
        (
            "https://www.example.com/",
            "a=b; Domain=exämple.com",
            "https://www.example.com/",
            "",
        ),
        (
            "http://localhost/",
            "a=b; Domain=localhost",
            "http://localhost/",
            "a=b",
        ),
        ("http://127.0.0.1/", "a=b", "http://127.0.0.1:8080/", "a=b"),
        (
            "http://127.0.0.1/",
            "a=b; Domain=0.0.1",
            "http://127.0.0.1/",
            "",
        ),
        ("http://[::1]/", "a=b; Domain=[::1]", "http://[::1]/", "a=b"),
        ("data:,x", "a=b", "data:,x", ""),
        // Path.
        (
            "https://example.com/x/y",
            "a=b",
            "https://example.com/x/z",
            "a=b",
        ),
        ("https://example.com/x/y", "a=b", "https://example.com/", ""),
        (
            "https://example.com/x/y",
            "a=b; Path=/",
            "https://example.com/",
            "a=b",
        ),
        (
            "https://example.com/x/y",
            "a=b; Path=z",
            "https://example.com/x",
            "a=b",
        ),
        (
            "https://example.com/",
            "a=b; Path=/x",
            "https://example.com/xy",
            "",
        ),
        // Secure.
        (
            "https://example.com/",
            "a=b; Secure",
            "http://example.com/",
            "",
        ),
        (
            "https://example.com/",
            "a=b; Secure",
            "wss://example.com/",
            "a=b",
        ),
        (
            "http://example.com/",
            "a=b; Secure",
            "https://example.com/",
            "",
        ),
        (
            "http://localhost/",
            "a=b; Secure",
            "http://localhost/",
            "a=b",
        ),
        ("http://example.com/", "a=b", "https://example.com/", "a=b"),
        // SameSite=None needs Secure.
        (
            "https://example.com/",
            "a=b; SameSite=None",
            "https://example.com/",
            "",
        ),
        (
            "https://example.com/",
            "a=b; SameSite=None; Secure",
            "https://example.com/",
            "a=b",
        ),
        // Prefixes.
        (
            "https://example.com/",
            "__Secure-a=b",
            "https://example.com/",
            "",
        ),
        (
            "https://example.com/",
            "__SECURE-a=b; Secure",
            "https://example.com/",
            "__SECURE-a=b",
        ),
        (
            "https://example.com/",
            "__Host-a=b; Secure; Path=/",
            "https://example.com/",
            "__Host-a=b",
        ),
        (
            "https://example.com/",
            "__Host-a=b; Secure",
            "https://example.com/",
            "",
        ),
        (
            "https://example.com/",
            "__Host-a=b; Path=/",
            "https://example.com/",
            "",
        ),
        (
            "https://example.com/",
            "__host-a=b; Secure; Path=/x",
            "https://example.com/x",
            "",
        ),
        (
            "https://example.com/",
            "__Host-a=b; Secure; Path=/; Domain=example.com",
            "https://example.com/",
            "",
        ),
        (
            "https://example.com/",
            "__Http-a=b; Secure",
            "https://example.com/",
            "",
        ),
        (
            "https://example.com/",
            "__Http-a=b; Secure; HttpOnly",
            "https://example.com/",
            "__Http-a=b",
        ),
        (
            "https://example.com/",
            "__Host-Http-a=b; Secure; Path=/",
            "https://example.com/",
            "",
        ),
        (
            "https://example.com/",
            "=__Host-a=b",
            "https://example.com/",
            "",
        ),
        (
            "https://example.com/",
            "__Secure-a",
            "https://example.com/",
            "",
        ),
        // Empty names and values.
        ("https://example.com/", "b", "https://example.com/", "b"),
        ("https://example.com/", "a=", "https://example.com/", "a="),
        ("https://example.com/", "=", "https://example.com/", ""),
        // Lifetimes.
        (
            "https://example.com/",
            "a=b; Max-Age=61",
            "https://example.com/",
            "a=b",
        ),
        (
            "https://example.com/",
            "a=b; Max-Age=60",
            "https://example.com/",
            "",
        ),
        (
            "https://example.com/",
            "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "https://example.com/",
            "",
        ),
    ] {
        let mut jar = jar(&[(from, header)]);
        assert_eq!(
            cookie_string(&mut jar, to),
            expected,
            "{from} {header} {to}"
        );
    }
}

#[test]
fn longer_paths_come_first_then_older_cookies() {
    const URL: &str = "https://example.com/x/y";
    let mut jar = jar(&[
        (URL, "a=1; Path=/"),
        (URL, "b=1; Path=/x"),
        (URL, "c=1; Path=/"),
        (URL, "a=1; Path=/x/y"),
        (URL, "d=1; Path=/x"),
        // What replaces another keeps its place.
        (URL, "a=2; Path=/"),
    ]);
    assert_eq!(cookie_string(&mut jar, URL), "a=1; b=1; d=1; a=2; c=1");
}

#[test]
fn a_cookie_is_told_by_name_domain_and_path() {
    const URL: &str = "https://example.com/";
    let mut jar = jar(&[
        (URL, "a=1"),
        (URL, "a=2; Domain=example.com"),
        (URL, "a=3; Path=/x"),
        (URL, "a=4"),
    ]);
    assert_eq!(jar.len(), 3);
    assert_eq!(cookie_string(&mut jar, URL), "a=4; a=2");
    let context = SameSiteContext::SameSite;
    jar.set_from_header(&url(URL), b"a=; Max-Age=0", context, at(9))
        .unwrap();
    assert_eq!(cookie_string(&mut jar, URL), "a=2");
}

#[test]
fn insecure_connections_do_not_hide_secure_cookies() {
    for (header, expected) in [
        ("a=evil", Err(CookieRefusal::InsecureConnection)),
        (
            "a=evil; Path=/login/x",
            Err(CookieRefusal::InsecureConnection),
        ),
        (
            "a=evil; Domain=example.com; Path=/login",
            Err(CookieRefusal::InsecureConnection),
        ),
        ("a=evil; Path=/", Ok(())),
        ("a=evil; Path=/other", Ok(())),
        ("b=fine", Ok(())),
    ] {
        let mut jar = jar(&[("https://example.com/login/", "a=b; Secure")]);
        let result = jar.set_from_header(
            &url("http://www.example.com/login/"),
            header.as_bytes(),
            SameSiteContext::SameSite,
            at(1),
        );
        assert_eq!(result, expected, "{header}");
    }
}

#[test]
fn script_neither_reads_nor_replaces_http_only_cookies() {
    const URL: &str = "https://example.com/";
    let mut jar = jar(&[(URL, "a=1; HttpOnly"), (URL, "b=1")]);
    let source = CookieSource::NonHTTP;
    assert_eq!(
        jar.cookie_string(&url(URL), source, at(9)).as_deref(),
        Some("b=1")
    );
    let set = |jar: &mut CookieJar, cookie: Cookie<'_>| jar.set(&url(URL), &cookie, source, at(9));
    assert_eq!(
        set(&mut jar, Cookie::new("a", "2")),
        Err(CookieRefusal::HttpOnly)
    );
    let http_only = Cookie::build(("c", "1")).http_only(true).build();
    assert_eq!(set(&mut jar, http_only), Err(CookieRefusal::HttpOnly));
    assert_eq!(set(&mut jar, Cookie::new("b", "2")), Ok(()));
    jar.delete_by_name(&url(URL), "a", source);
    assert_eq!(cookie_string(&mut jar, URL), "a=1; b=2");
    jar.delete_by_name(&url(URL), "a", HTTP);
    assert_eq!(cookie_string(&mut jar, URL), "b=2");
}

#[test]
fn cross_site_requests() {
    const URL: &str = "https://example.com/";
    let cookies = "s=1; SameSite=Strict|l=1; SameSite=Lax|n=1; SameSite=None; Secure|d=1";
    let navigation = |safe_method| SameSiteContext::CrossSiteNavigation { safe_method };
    for (context, sent, set) in [
        (SameSiteContext::SameSite, Some("s=1; l=1; n=1; d=1"), 4),
        (navigation(true), Some("l=1; n=1; d=1"), 4),
        (navigation(false), Some("n=1; d=1"), 4),
        (SameSiteContext::CrossSite, Some("n=1"), 1),
    ] {
        let mut jar = jar(&cookies
            .split('|')
            .map(|header| (URL, header))
            .collect::<Vec<_>>());
        let header = jar.cookie_header(&url(URL), context, at(60));
        assert_eq!(header.as_ref().and_then(|value| value.to_str().ok()), sent);
        assert!(header.is_some_and(|value| value.is_sensitive()));
        let mut jar = CookieJar::new();
        for cookie in cookies.split('|') {
            let _ = jar.set_from_header(&url(URL), cookie.as_bytes(), context, at(0));
        }
        assert_eq!(jar.len(), set, "{context:?}");
    }
}

#[test]
fn listing_and_deleting() {
    let all = [
        ("https://www.example.com/", "a=1"),
        ("https://example.com/", "b=1; Max-Age=100"),
        ("https://example.org/", "c=1; Max-Age=50"),
        ("http://127.0.0.1/", "d=1"),
    ];
    let names = |jar: &CookieJar, second| {
        let sites = jar.sites(at(second));
        sites.into_iter().map(|site| site.name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(&jar(&all), 0),
        ["127.0.0.1", "example.com", "example.org"]
    );
    assert_eq!(names(&jar(&all), 90), ["127.0.0.1", "example.com"]);

    let mut sites = jar(&all);
    sites.delete_for_sites(&["example.com".into(), "nobody.com".into()]);
    assert_eq!(names(&sites, 0), ["127.0.0.1", "example.org"]);
    sites.delete_for_url(&url("http://127.0.0.1/x"));
    assert_eq!(names(&sites, 0), ["example.org"]);

    let mut session = jar(&all);
    session.clear_session();
    assert_eq!(session.len(), 2);
    session.clear();
    assert!(session.is_empty());
}

#[test]
fn queries_of_script() {
    const URL: &str = "https://example.com/";
    let mut jar = jar(&[
        (URL, "a=1"),
        (URL, "b=1"),
        (URL, "a=2; Path=/x"),
        (URL, "c=1; HttpOnly"),
    ]);
    let mut values = |name| {
        let cookies = jar.query(&url("https://example.com/x"), name, at(9));
        cookies
            .iter()
            .map(|cookie| cookie.value().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(values(Some("a")), ["2", "1"]);
    assert_eq!(values(Some("c")), [""; 0]);
    assert_eq!(values(None), ["2", "1", "1"]);
}

#[test]
fn secrets_stay_out_of_debug_output() {
    let jar = jar(&[("https://example.com/", "name=secret")]);
    let text = format!("{jar:?}");
    assert!(!text.contains("secret") && !text.contains("name"), "{text}");
    assert!(jar.size_of() > 0);
}
