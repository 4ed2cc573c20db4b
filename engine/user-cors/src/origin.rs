//! Origins and sites, as values that are compared part by part and never as text.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use url::{Host, Origin, Url};

use crate::display::OriginDisplay;

/// The schemes whose origins take part in user-enabled CORS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    fn parse(scheme: &str) -> Option<Self> {
        match scheme {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    /// The scheme's name, without the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// <https://url.spec.whatwg.org/#default-port>
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// A tuple origin with scheme `http` or `https`.
///
/// Opaque origins, and those of `file:`, `ws:` and other schemes, have no value of this type. A clone shares its parts: every
/// fetch under a permission makes dozens.
///
/// <https://html.spec.whatwg.org/multipage/browsers.html#concept-origin-tuple>
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TupleOrigin(Arc<Tuple>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Tuple {
    scheme: Scheme,
    host: Host<String>,
    port: u16,
}

impl TupleOrigin {
    /// The origin as a value of this type, or `None` for an opaque origin and for schemes other than http and https.
    pub fn from_origin(origin: &Origin) -> Option<Self> {
        match origin {
            Origin::Tuple(scheme, host, port) => {
                Self::new(Scheme::parse(scheme)?, host.clone(), *port)
            },
            Origin::Opaque(_) => None,
        }
    }

    fn new(scheme: Scheme, host: Host<String>, port: u16) -> Option<Self> {
        let host = non_empty(host)?;
        Some(Self(Arc::new(Tuple { scheme, host, port })))
    }

    /// The origin of an http or https URL. `None` for every other scheme, also for a `blob:` URL of such an origin.
    pub fn from_url(url: &Url) -> Option<Self> {
        let scheme = Scheme::parse(url.scheme())?;
        Self::new(scheme, url.host()?.to_owned(), url.port_or_known_default()?)
    }

    /// Whether this is the [origin of](Self::from_url) a URL.
    pub fn is_of(&self, url: &Url) -> bool {
        Scheme::parse(url.scheme()) == Some(self.scheme())
            && url.port_or_known_default() == Some(self.port())
            && url.host().is_some_and(|host| host == *self.host())
    }

    /// Reads a serialized origin: exactly what [`fmt::Display`] writes, nothing more (no path, no trailing slash, no
    /// upper case, no default port, no white space).
    ///
    /// <https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin>
    pub fn parse(serialized: &str) -> Option<Self> {
        let origin = Self::from_url(&Url::parse(serialized).ok()?)?;
        (origin.to_string() == serialized).then_some(origin)
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The host.
    pub fn host(&self) -> &Host<String> {
        &self.0.host
    }

    /// The port, also when it is the scheme's default.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// Whether the origin is potentially trustworthy: https, or a host that names this machine.
    ///
    /// <https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy>
    pub fn is_potentially_trustworthy(&self) -> bool {
        // 1. An opaque origin is not; this type has none.
        // 2. `origin` is a tuple origin by construction.
        // 3. Its scheme is `https` (or `wss`).
        // 4.–5. Its host is a loopback address, `localhost` or a name under it.
        self.scheme() == Scheme::Https || self.is_loopback()
    }

    /// Whether the host is a loopback address, `localhost`, or a name under `localhost` (with or without a final dot).
    pub fn is_loopback(&self) -> bool {
        match self.host() {
            Host::Ipv4(address) => Ipv4Addr::is_loopback(address),
            Host::Ipv6(address) => *address == Ipv6Addr::LOCALHOST,
            Host::Domain(name) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                name == "localhost" || name.ends_with(".localhost")
            },
        }
    }

    /// Whether the host is a name that ends in a dot.
    pub fn has_final_dot(&self) -> bool {
        matches!(self.host(), Host::Domain(name) if name.ends_with('.'))
    }

    /// The registrable domain of the host, by the public suffix list; `None` for IP addresses and public suffixes.
    ///
    /// <https://url.spec.whatwg.org/#host-registrable-domain>
    pub fn registrable_domain(&self) -> Option<&str> {
        match self.host() {
            Host::Domain(name) => registrable_domain(name),
            Host::Ipv4(_) | Host::Ipv6(_) => None,
        }
    }

    /// The site of the origin.
    ///
    /// <https://html.spec.whatwg.org/multipage/browsers.html#obtain-a-site>
    pub fn site(&self) -> Site {
        Site(Arc::new(SiteParts {
            scheme: self.scheme(),
            host: self.site_host(),
        }))
    }

    /// The host that stands for this origin's site: its registrable domain, else the host itself.
    pub(crate) fn site_host(&self) -> Host<String> {
        match self.registrable_domain() {
            Some(domain) => Host::Domain(domain.to_owned()),
            None => self.host().clone(),
        }
    }

    /// Whether the two are schemelessly same site.
    ///
    /// <https://html.spec.whatwg.org/multipage/browsers.html#schemelessly-same-site>
    pub fn is_schemelessly_same_site(&self, other: &Self) -> bool {
        self.site_host() == other.site_host()
    }

    /// How to show the origin to a person.
    pub fn display(&self) -> OriginDisplay {
        OriginDisplay::new(self)
    }
}

impl fmt::Display for TupleOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme().as_str(), self.host())?;
        if self.port() != self.scheme().default_port() {
            write!(f, ":{}", self.port())?;
        }
        Ok(())
    }
}

impl fmt::Debug for TupleOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A site: a scheme with a registrable domain, or with a host that has none.
///
/// <https://html.spec.whatwg.org/multipage/browsers.html#site>
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site(Arc<SiteParts>);

#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct SiteParts {
    scheme: Scheme,
    host: Host<String>,
}

impl Site {
    /// Reads what [`fmt::Display`] writes: a serialized origin without a port whose host is its own site's.
    pub fn parse(serialized: &str) -> Option<Self> {
        let site = TupleOrigin::parse(serialized)?.site();
        (site.to_string() == serialized).then_some(site)
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The registrable domain, or the host of a site that has none.
    pub fn host(&self) -> &Host<String> {
        &self.0.host
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme().as_str(), self.host())
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The registrable domain of a host name in its ASCII form. A final dot is part of the name and of the result.
fn registrable_domain(name: &str) -> Option<&str> {
    let (stem, dot) = match name.strip_suffix('.') {
        Some(stem) => (stem, 1),
        None => (name, 0),
    };
    let domain = psl::domain_str(stem).filter(|domain| stem.ends_with(domain))?;
    let start = name.len().checked_sub(domain.len() + dot)?;
    name.get(start..)
}

/// Whether a host name in its ASCII form is a public suffix, so that no single party owns what lies below it.
pub(crate) fn is_public_suffix(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    psl::domain_str(name).is_none()
}

fn non_empty(host: Host<String>) -> Option<Host<String>> {
    match &host {
        Host::Domain(name) if name.is_empty() => None,
        _ => Some(host),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap_or_else(|| panic!("{text} is not a serialized origin"))
    }

    #[test]
    fn only_http_and_https_have_tuple_origins() {
        for text in [
            "file:///a",
            "data:,x",
            "blob:https://a.example/1",
            "ws://a.example/",
            "ftp://a.example/",
            "about:blank",
        ] {
            assert_eq!(
                TupleOrigin::from_url(&Url::parse(text).unwrap()),
                None,
                "{text}"
            );
        }
        let url = Url::parse("https://user:pw@A.example:443/path?q").unwrap();
        assert_eq!(
            TupleOrigin::from_url(&url),
            Some(origin("https://a.example"))
        );
    }

    #[test]
    fn an_origin_is_of_the_urls_that_have_it() {
        let urls = [
            "https://a.example/path",
            "https://user:pw@A.example:443/",
            "https://a.example:8443/",
            "http://a.example/",
            "http://a.example:443/",
            "https://b.example/",
            "https://a.example./",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "blob:https://a.example/1",
            "ws://a.example/",
            "about:blank",
        ]
        .map(|text| Url::parse(text).unwrap());
        for origin in urls.iter().filter_map(TupleOrigin::from_url) {
            for url in &urls {
                let expected = TupleOrigin::from_url(url).as_ref() == Some(&origin);
                assert_eq!(origin.is_of(url), expected, "{origin} and {url}");
            }
        }
    }

    #[test]
    fn a_serialized_origin_is_exact() {
        for text in [
            "https://a.example/",
            "https://a.example:443",
            "HTTPS://a.example",
            "https://A.example",
            " https://a.example",
            "https://a.example?",
            "https://u@a.example",
            "a.example",
            "null",
            "",
            "https://",
            "https://a.example, https://b.example",
        ] {
            assert_eq!(TupleOrigin::parse(text), None, "{text:?}");
        }
        for text in [
            "https://a.example",
            "http://a.example:8080",
            "https://[::1]:8443",
            "http://127.0.0.1",
            "https://xn--bcher-kva.example",
        ] {
            assert_eq!(origin(text).to_string(), text);
        }
    }

    #[test]
    fn trustworthy_origins() {
        for (text, expected) in [
            ("https://a.example", true),
            ("http://a.example", false),
            ("http://localhost:8000", true),
            ("http://localhost.", true),
            ("http://photos.demo.localhost", true),
            ("http://notlocalhost", false),
            ("http://127.9.8.7", true),
            ("http://[::1]:1", true),
            ("http://[::ffff:127.0.0.1]", false),
            ("http://192.168.0.1", false),
        ] {
            assert_eq!(
                TupleOrigin::from_url(&Url::parse(text).unwrap())
                    .unwrap()
                    .is_potentially_trustworthy(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn registrable_domains() {
        for (text, expected) in [
            ("https://a.b.example.co.uk", Some("example.co.uk")),
            ("https://example.com", Some("example.com")),
            ("https://www.example.com.", Some("example.com.")),
            ("https://co.uk", None),
            ("https://user.github.io", Some("user.github.io")),
            ("https://github.io", None),
            ("http://photos.demo.localhost", Some("demo.localhost")),
            ("http://localhost", None),
            ("http://10.0.0.1", None),
            ("http://[::1]", None),
            ("https://intranet", None),
        ] {
            assert_eq!(origin(text).registrable_domain(), expected, "{text}");
        }
    }

    #[test]
    fn sites_drop_port_and_subdomain_but_keep_the_scheme() {
        assert_eq!(
            origin("https://a.example.com:8443").site(),
            origin("https://b.example.com").site()
        );
        assert_ne!(
            origin("http://example.com").site(),
            origin("https://example.com").site()
        );
        assert_ne!(
            origin("https://example.com").site(),
            origin("https://example.com.").site()
        );
        assert_eq!(
            origin("http://127.0.0.1:1").site().to_string(),
            "http://127.0.0.1"
        );
        assert!(
            origin("http://a.example.com")
                .is_schemelessly_same_site(&origin("https://example.com:1"))
        );
        assert!(
            !origin("https://a.github.io")
                .is_schemelessly_same_site(&origin("https://b.github.io"))
        );
        assert_eq!(Site::parse("https://www.example.com"), None);
        assert_eq!(Site::parse("https://example.com:1"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_equal(host in "[a-z][a-z0-9-]{0,8}(\\.[a-z]{2,6}){0,3}", port in 1u16.., https: bool) {
            let scheme = if https { "https" } else { "http" };
            if let Ok(url) = Url::parse(&format!("{scheme}://{host}:{port}/x")) {
                let origin = TupleOrigin::from_url(&url).unwrap();
                prop_assert_eq!(TupleOrigin::parse(&origin.to_string()), Some(origin.clone()));
                prop_assert_eq!(Site::parse(&origin.site().to_string()), Some(origin.site()));
            }
        }

        #[test]
        fn parsing_never_panics(text in ".{0,64}") {
            let _ = TupleOrigin::parse(&text);
            let _ = Site::parse(&text);
        }
    }
}
