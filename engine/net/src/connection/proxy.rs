//! Proxies, as Servo's preferences name them: HTTP proxies, and SOCKS5. Whatever is wrong with a proxy is a failure: nothing
//! falls back to a direct connection.

mod authentication;
mod connect;
mod socks;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use servo_url::ImmutableOrigin;
use tokio::time::timeout;
use url::{Host, Url};
use user_cors::{EgressProtocol, EgressProxy};

pub(super) use self::authentication::ProxyAuthentication;
pub use self::authentication::{ProxyChallenge, ProxyChallenged};
pub(super) use self::connect::{Tunnel, tunnel};
pub(super) use self::socks::{Socks, socks_connect};
use super::dns::is_localhost;
use super::error::{ConnectionError, Phase, ProxyError};
use super::key::Endpoint;
use crate::http_authentication::Credentials;

/// How long a proxy may take to open a tunnel, its own attempts to connect included.
const TUNNEL_TIMEOUT: Duration = Duration::from_secs(60);

/// How a proxy is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ProxyProtocol {
    /// HTTP.
    Http,
    /// HTTP over TLS.
    Https,
    /// SOCKS5, [RFC 1928](https://www.rfc-editor.org/rfc/rfc1928). Names are looked up by the proxy, whatever the letter at the
    /// end of `socks5h:`.
    Socks5,
}

impl ProxyProtocol {
    /// The scheme of the proxy's URL.
    fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
        }
    }

    /// The port where the URL has none: the scheme's own, or the one that is
    /// [registered](https://www.iana.org/assignments/service-names-port-numbers) for SOCKS.
    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 => 1080,
        }
    }
}

/// A proxy server.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ProxyServer {
    /// How it is spoken to.
    pub(super) protocol: ProxyProtocol,
    /// Its host.
    pub(super) host: Host<String>,
    /// Its port.
    pub(super) port: u16,
    /// The user name and password in the preference.
    credentials: Option<Credentials>,
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.protocol.scheme();
        write!(f, "ProxyServer({scheme}://{}:{})", self.host, self.port)
    }
}

impl ProxyServer {
    /// Reads the address of a proxy: a URL, or a host with an optional port.
    ///
    /// # Errors
    /// [`ProxyError::Malformed`] or [`ProxyError::Unsupported`].
    pub(super) fn parse(text: &str) -> Result<Self, ProxyError> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let protocol = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyProtocol::Http,
            "https" => ProxyProtocol::Https,
            "socks5" | "socks5h" => ProxyProtocol::Socks5,
            scheme => {
                return Err(ProxyError::Unsupported {
                    scheme: scheme.to_owned(),
                });
            },
        };
        // NB: a scheme without a default port, so that an explicit one is always seen. Hosts of such a scheme are not
        // canonical yet.
        let url = Url::parse(&format!("socks5://{rest}")).map_err(|_| ProxyError::Malformed)?;
        let host = url.host_str().ok_or(ProxyError::Malformed)?;
        let host = Host::parse(host).map_err(|_| ProxyError::Malformed)?;
        Ok(Self {
            protocol,
            host,
            port: url.port().unwrap_or(protocol.default_port()),
            credentials: Credentials::from_url(&url),
        })
    }

    /// The egress of user-enabled CORS.
    pub(super) fn of_egress(egress: &EgressProxy) -> Self {
        Self {
            protocol: match egress.protocol() {
                EgressProtocol::HttpConnect => ProxyProtocol::Http,
                EgressProtocol::Socks5 => ProxyProtocol::Socks5,
            },
            host: egress.host().clone(),
            port: egress.port(),
            credentials: None,
        }
    }

    /// What its credentials are kept by.
    pub(super) fn origin(&self) -> ImmutableOrigin {
        let scheme = self.protocol.scheme().to_owned();
        ImmutableOrigin::Tuple(scheme, self.host.clone(), self.port)
    }
}

/// The egress of user-enabled CORS as the way of one request.
#[derive(Clone, Debug)]
pub struct EgressPath {
    pub(super) proxy: ProxyServer,
    /// Where it is; nothing else is connected to.
    pub(super) addresses: Vec<IpAddr>,
}

impl EgressPath {
    /// Through `egress` at one of `addresses`, which have been checked.
    pub fn new(egress: &EgressProxy, addresses: Vec<IpAddr>) -> Self {
        Self {
            proxy: ProxyServer::of_egress(egress),
            addresses,
        }
    }
}

/// Which servers are reached through which proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySettings {
    /// The proxy for `http:` and `ws:`, or empty.
    pub http: String,
    /// The proxy for `https:` and `wss:`, or empty.
    pub https: String,
    /// The hosts that are reached without one, separated by commas: names (with all names below them), addresses and
    /// address ranges.
    pub exceptions: String,
}

impl ProxySettings {
    /// What Servo's preferences say at the moment.
    pub fn of_preferences() -> Self {
        Self {
            http: servo_config::pref!(network_http_proxy_uri),
            https: servo_config::pref!(network_https_proxy_uri),
            exceptions: servo_config::pref!(network_http_no_proxy),
        }
    }

    /// The proxy on the way to `endpoint`; `None` for a direct connection.
    ///
    /// # Errors
    /// [`ProxyError`] if the setting makes no sense.
    pub(super) fn proxy_for(&self, endpoint: &Endpoint) -> Result<Option<ProxyServer>, ProxyError> {
        let setting = if endpoint.secure {
            self.https.trim()
        } else {
            self.http.trim()
        };
        if setting.is_empty() || is_loopback(&endpoint.host) || self.is_exception(&endpoint.host) {
            return Ok(None);
        }
        ProxyServer::parse(setting).map(Some)
    }

    fn is_exception(&self, host: &Host<String>) -> bool {
        if self.exceptions.trim().is_empty() {
            return false;
        }
        // hyper-util knows the rules of `no_proxy`; the proxy here only stands for “not an exception”.
        let matcher = Matcher::builder()
            .http("http://proxy.invalid")
            .no(self.exceptions.as_str())
            .build();
        Uri::builder()
            .scheme("http")
            .authority(host.to_string())
            .path_and_query("/")
            .build()
            .is_ok_and(|uri| matcher.intercept(&uri).is_none())
    }
}

/// Whether a host always means this machine, which a proxy would take for itself.
fn is_loopback(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => is_localhost(name),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// What a proxy makes of being asked for a connection, if it takes no longer than [`TUNNEL_TIMEOUT`].
async fn in_time<T>(
    asking: impl Future<Output = Result<T, ProxyError>>,
) -> Result<T, ConnectionError> {
    timeout(TUNNEL_TIMEOUT, asking)
        .await
        .map_err(|_| ConnectionError::TimedOut {
            phase: Phase::Proxy,
        })?
        .map_err(ConnectionError::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(secure: bool, host: &str) -> Endpoint {
        Endpoint {
            secure,
            host: Host::parse(host).unwrap(),
            port: 80,
        }
    }

    #[test]
    fn reads_addresses_of_proxies() {
        let proxy = ProxyServer::parse("proxy.test:3128").unwrap();
        assert_eq!(
            (proxy.protocol, proxy.host.to_string().as_str(), proxy.port),
            (ProxyProtocol::Http, "proxy.test", 3128)
        );
        let proxy = ProxyServer::parse("https://us%65r:p%40ss@proxy.test").unwrap();
        assert_eq!((proxy.protocol, proxy.port), (ProxyProtocol::Https, 443));
        let credentials = proxy.credentials.as_ref().unwrap();
        assert_eq!(
            (&*credentials.username, &*credentials.password),
            ("user", "p@ss")
        );
        assert!(!format!("{proxy:?}").contains("p@ss"));
        for (text, host, port) in [
            ("socks5://proxy.test", "proxy.test", 1080),
            ("socks5h://PROXY.test:80", "proxy.test", 80),
            ("SOCKS5://127.1:1081/", "127.0.0.1", 1081),
            ("socks5://[::1]:1081", "[::1]", 1081),
        ] {
            let proxy = ProxyServer::parse(text).unwrap();
            assert_eq!(proxy.protocol, ProxyProtocol::Socks5, "{text}");
            assert_eq!((&*proxy.host.to_string(), proxy.port), (host, port));
        }
        for text in ["http://", "http://[", "", "http://:80", "http://a b"] {
            assert_eq!(
                ProxyServer::parse(text),
                Err(ProxyError::Malformed),
                "{text}"
            );
        }
        assert!(matches!(
            ProxyServer::parse("socks4://proxy.test:1080"),
            Err(ProxyError::Unsupported { scheme }) if scheme == "socks4"
        ));
    }

    #[test]
    fn credentials_are_kept_by_protocol_host_and_port() {
        let origin = |text| ProxyServer::parse(text).unwrap().origin();
        assert_eq!(
            origin("socks5://u:p@proxy.test"),
            origin("socks5h://proxy.test:1080")
        );
        assert_ne!(
            origin("socks5://proxy.test:80"),
            origin("http://proxy.test")
        );
        assert_ne!(origin("http://proxy.test"), origin("http://proxy.test:81"));
    }

    #[test]
    fn chooses_by_scheme_and_exceptions() {
        let settings = ProxySettings {
            http: "plain.test:1".to_owned(),
            https: "secure.test:2".to_owned(),
            exceptions: "inside.test, 10.0.0.0/8".to_owned(),
        };
        let cases = [
            (false, "example.test", Some("plain.test")),
            (true, "example.test", Some("secure.test")),
            (true, "inside.test", None),
            (true, "www.inside.test", None),
            (true, "notinside.test", Some("secure.test")),
            (false, "10.1.2.3", None),
            (false, "11.1.2.3", Some("plain.test")),
            (false, "[2001:db8::1]", Some("plain.test")),
            (false, "localhost", None),
            (true, "a.localhost", None),
            (false, "127.0.0.1", None),
            (false, "[::1]", None),
        ];
        for (secure, host, expected) in cases {
            let proxy = settings.proxy_for(&endpoint(secure, host)).unwrap();
            assert_eq!(
                proxy.map(|proxy| proxy.host.to_string()).as_deref(),
                expected,
                "{host}"
            );
        }
    }

    #[test]
    fn a_broken_setting_is_no_direct_connection() {
        let settings = ProxySettings {
            http: "http://[".to_owned(),
            ..ProxySettings::default()
        };
        assert_eq!(
            settings.proxy_for(&endpoint(false, "example.test")),
            Err(ProxyError::Malformed)
        );
        assert_eq!(
            settings.proxy_for(&endpoint(true, "example.test")),
            Ok(None)
        );
    }
}
