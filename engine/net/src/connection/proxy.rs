//! HTTP proxies, as Servo's preferences name them. Whatever is wrong with a proxy is a failure: nothing falls back to a
//! direct connection.

use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::{Host, Url};

use super::dns::is_localhost;
use super::error::{ConnectionError, Phase, ProxyError};
use super::key::Endpoint;
use super::transport::Transport;

/// How long a proxy may take to open a tunnel, its own attempts to connect included.
const TUNNEL_TIMEOUT: Duration = Duration::from_secs(60);

/// A proxy server.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct ProxyServer {
    /// Whether the proxy itself is spoken to over TLS.
    pub(super) secure: bool,
    /// Its host.
    pub(super) host: Host<String>,
    /// Its port.
    pub(super) port: u16,
    /// The value of `Proxy-Authorization`, from the user name and password in the preference.
    pub(super) authorization: Option<HeaderValue>,
}

impl fmt::Debug for ProxyServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyServer({}:{})", self.host, self.port)
    }
}

impl ProxyServer {
    /// Reads the address of a proxy: a URL, or a host with an optional port.
    ///
    /// # Errors
    /// [`ProxyError::Malformed`] or [`ProxyError::Unsupported`].
    pub(super) fn parse(text: &str) -> Result<Self, ProxyError> {
        let with_scheme;
        let text = if text.contains("://") {
            text
        } else {
            with_scheme = format!("http://{text}");
            &with_scheme
        };
        let url = Url::parse(text).map_err(|_| ProxyError::Malformed)?;
        let secure = match url.scheme() {
            "http" => false,
            "https" => true,
            scheme => {
                return Err(ProxyError::Unsupported {
                    scheme: scheme.to_owned(),
                });
            },
        };
        let host = url.host().ok_or(ProxyError::Malformed)?.to_owned();
        let port = url.port_or_known_default().ok_or(ProxyError::Malformed)?;
        Ok(Self {
            secure,
            host,
            port,
            authorization: authorization(&url)?,
        })
    }

    /// Asks the proxy, at the other end of `stream`, for a tunnel to `endpoint`.
    ///
    /// # Errors
    /// Why there is none.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6>
    pub(super) async fn tunnel(
        &self,
        stream: Box<dyn Transport>,
        endpoint: &Endpoint,
    ) -> Result<Box<dyn Transport>, ConnectionError> {
        timeout(TUNNEL_TIMEOUT, self.connect(stream, endpoint))
            .await
            .map_err(|_| ConnectionError::TimedOut {
                phase: Phase::Proxy,
            })?
            .map_err(ConnectionError::from)
    }

    async fn connect(
        &self,
        stream: Box<dyn Transport>,
        endpoint: &Endpoint,
    ) -> Result<Box<dyn Transport>, ProxyError> {
        let authority = format!("{}:{}", endpoint.host, endpoint.port);
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() =
            Uri::try_from(authority.as_str()).map_err(|_| ProxyError::Malformed)?;
        let host = HeaderValue::try_from(authority).map_err(|_| ProxyError::Malformed)?;
        request.headers_mut().insert(HOST, host);
        if let Some(authorization) = &self.authorization {
            request
                .headers_mut()
                .insert(PROXY_AUTHORIZATION, authorization.clone());
        }

        let (mut sender, connection) = http1::Builder::new()
            .title_case_headers(true)
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(|_| ProxyError::Unreachable)?;
        let exchange = async {
            let response = sender
                .send_request(request)
                .await
                .map_err(|_| ProxyError::Protocol)?;
            match response.status() {
                status if status.is_success() => {},
                StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                    return Err(ProxyError::Authentication);
                },
                status => {
                    return Err(ProxyError::Refused {
                        status: status.as_u16(),
                    });
                },
            }
            hyper::upgrade::on(response)
                .await
                .map_err(|_| ProxyError::Protocol)
        };
        let driver = async {
            // The outcome of the exchange says what is wrong with the connection.
            let _ = connection.with_upgrades().await;
            std::future::pending::<()>().await;
        };
        let upgraded = tokio::select! {
            upgraded = exchange => upgraded?,
            () = driver => return Err(ProxyError::Protocol),
        };
        let parts = upgraded
            .downcast::<TokioIo<Box<dyn Transport>>>()
            .map_err(|_| ProxyError::Protocol)?;
        // NOTE: in every protocol that goes through a tunnel of ours the client speaks first.
        if !parts.read_buf.is_empty() {
            return Err(ProxyError::Protocol);
        }
        Ok(parts.io.into_inner())
    }
}

/// The credentials in a proxy's URL as a header value.
///
/// <https://www.rfc-editor.org/rfc/rfc7617#section-2>
fn authorization(url: &Url) -> Result<Option<HeaderValue>, ProxyError> {
    if url.username().is_empty() && url.password().is_none() {
        return Ok(None);
    }
    let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
    pair.push(b':');
    pair.extend(percent_decode_str(url.password().unwrap_or_default()));
    let value = format!("Basic {}", BASE64_STANDARD.encode(pair));
    let mut value = HeaderValue::try_from(value).map_err(|_| ProxyError::Malformed)?;
    value.set_sensitive(true);
    Ok(Some(value))
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
            (proxy.secure, proxy.host.to_string().as_str(), proxy.port),
            (false, "proxy.test", 3128)
        );
        let proxy = ProxyServer::parse("https://us%65r:p%40ss@proxy.test").unwrap();
        assert_eq!((proxy.secure, proxy.port), (true, 443));
        assert_eq!(
            proxy.authorization.as_ref().unwrap(),
            &format!("Basic {}", BASE64_STANDARD.encode("user:p@ss"))
        );
        assert!(!format!("{proxy:?}").contains("p@ss"));
        assert_eq!(ProxyServer::parse("http://"), Err(ProxyError::Malformed));
        assert!(matches!(
            ProxyServer::parse("socks5://proxy.test:1080"),
            Err(ProxyError::Unsupported { scheme }) if scheme == "socks5"
        ));
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
