//! `user_cors.egress`: through what anonymous requests leave.
//!
//! A server that trusts the address of whoever asks sees the egress's address, so that what a page reads is what a stranger
//! would. The egress looks names up itself, TLS goes through it from end to end, and nothing goes around it.

use std::{fmt, str::FromStr};

use serde::Deserialize;
use thiserror::Error;
use url::{Host, Url};

/// How the egress is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EgressProtocol {
    /// HTTP's [`CONNECT`](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6).
    HttpConnect,
    /// [SOCKS5](https://www.rfc-editor.org/rfc/rfc1928), with names.
    Socks5,
}

impl EgressProtocol {
    const fn scheme(self) -> &'static str {
        match self {
            Self::HttpConnect => "http",
            Self::Socks5 => "socks5",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::HttpConnect => 80,
            Self::Socks5 => 1080,
        }
    }
}

/// A proxy that is the egress. It has no credentials: an anonymous request logs in nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EgressProxy {
    protocol: EgressProtocol,
    host: Host<String>,
    port: u16,
}

impl EgressProxy {
    /// How it is spoken to.
    pub fn protocol(&self) -> EgressProtocol {
        self.protocol
    }

    /// Its host.
    pub fn host(&self) -> &Host<String> {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for EgressProxy {
    /// As it is written in a setting.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.protocol.scheme();
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// The way out for anonymous requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub enum Egress {
    /// From this machine's own address.
    #[default]
    Direct,
    /// Through this proxy, and in no other way.
    Proxy(EgressProxy),
}

/// By which way an exchange has to have left, to be what the settings promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WayOut {
    /// From this machine's own address.
    #[default]
    Direct,
    /// Through the egress.
    Egress,
}

impl WayOut {
    /// Whether what was allowed by this way may be read by the other.
    pub(crate) fn covers(self, other: Self) -> bool {
        self == Self::Direct || other == Self::Egress
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Egress => "egress",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Direct, Self::Egress]
            .into_iter()
            .find(|way| way.as_str() == text)
    }
}

impl Egress {
    /// The way that anonymous requests leave.
    pub fn way_out(&self) -> WayOut {
        match self {
            Self::Direct => WayOut::Direct,
            Self::Proxy(_) => WayOut::Egress,
        }
    }

    /// The proxy, if there is one.
    pub fn proxy(&self) -> Option<&EgressProxy> {
        match self {
            Self::Direct => None,
            Self::Proxy(proxy) => Some(proxy),
        }
    }
}

impl fmt::Display for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str("direct"),
            Self::Proxy(proxy) => proxy.fmt(f),
        }
    }
}

/// Whether a response is only handed over if a second, direct request gets the same one: `user_cors.dual_check`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DualCheck {
    /// It is handed over without.
    #[default]
    Off,
    /// Status, length and digest have to agree.
    On,
}

/// The text names no egress that can be used. The feature must then stay off: a request that was meant to leave elsewhere
/// must not leave from here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "“{0}” is no egress: give “direct”, “http://host:port” or “socks5://host:port”, without user name, password and path"
)]
pub struct UnknownEgress(String);

impl FromStr for Egress {
    type Err = UnknownEgress;

    fn from_str(text: &str) -> Result<Self, UnknownEgress> {
        if text == "direct" {
            return Ok(Self::Direct);
        }
        parse_proxy(text).map(Self::Proxy).ok_or_else(|| {
            // NB: it may hold a password.
            let shown = text.rsplit_once('@').map_or(text, |(_, host)| host);
            UnknownEgress(shown.chars().take(256).collect())
        })
    }
}

fn parse_proxy(text: &str) -> Option<EgressProxy> {
    let (scheme, rest) = text.split_once("://")?;
    let protocol = [EgressProtocol::HttpConnect, EgressProtocol::Socks5]
        .into_iter()
        .find(|protocol| protocol.scheme() == scheme)?;
    // NB: a scheme without a default port, so that an explicit one is always seen. Hosts of such a scheme are not canonical
    // yet.
    let url = Url::parse(&format!("socks5://{rest}")).ok()?;
    let is_origin = url.username().is_empty()
        && url.password().is_none()
        && !rest.contains('@')
        && matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_origin {
        return None;
    }
    Some(EgressProxy {
        protocol,
        host: Host::parse(url.host_str()?).ok()?,
        port: url.port().unwrap_or(protocol.default_port()),
    })
}

impl TryFrom<String> for Egress {
    type Error = UnknownEgress;

    fn try_from(text: String) -> Result<Self, UnknownEgress> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn proxies_are_read_with_host_and_port() {
        for (text, expected) in [
            ("direct", "direct"),
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            ("http://proxy.example", "http://proxy.example:80"),
            ("http://PROXY.example:80/", "http://proxy.example:80"),
            ("socks5://proxy.example", "socks5://proxy.example:1080"),
            ("socks5://127.1:80", "socks5://127.0.0.1:80"),
            ("socks5://[::1]:1081", "socks5://[::1]:1081"),
        ] {
            let egress: Egress = text.parse().unwrap();
            assert_eq!(egress.to_string(), expected);
            assert_eq!(expected.parse(), Ok(egress));
        }
    }

    #[test]
    fn what_is_no_egress_is_never_read_as_direct() {
        for text in [
            "",
            "Direct",
            "none",
            "proxy",
            "proxy.example:3128",
            "http://",
            "socks5://",
            "ftp://proxy.example:21",
            "https://proxy.example",
            "socks4://proxy.example",
            "HTTP://proxy.example",
            "http://proxy.example:3128/path",
            "http://proxy.example:3128?query",
            "http://proxy.example:3128#fragment",
            "http://user:secret@proxy.example:3128",
            "http://@proxy.example:3128",
            "http://proxy.example:65536",
            "http://a b",
        ] {
            let error = text.parse::<Egress>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_read_again(text in "(direct|http://|socks5://|[a-z.:@/0-9\\[\\]]){1,8}") {
            if let Ok(egress) = text.parse::<Egress>() {
                prop_assert_eq!(egress.to_string().parse(), Ok(egress));
            }
        }
    }
}
