//! `user_cors.egress`: through what anonymous requests leave.

use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

/// The way out for anonymous requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Egress {
    /// From this machine's own address.
    #[default]
    Direct,
}

/// The text names no egress that can be used. The feature must then stay off: a request that was meant to leave elsewhere
/// must not leave from here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("“{0}” is not an egress that can be used: only “direct” is")]
pub struct UnknownEgress(String);

impl FromStr for Egress {
    type Err = UnknownEgress;

    // FIXME: CONNECT and SOCKS5 proxies; an address that names one is an error, never a direct connection.
    fn from_str(text: &str) -> Result<Self, UnknownEgress> {
        match text {
            "direct" => Ok(Self::Direct),
            _ => Err(UnknownEgress(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Egress {
    type Error = UnknownEgress;

    fn try_from(text: String) -> Result<Self, UnknownEgress> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_never_read_as_direct() {
        assert_eq!("direct".parse(), Ok(Egress::Direct));
        for text in ["", "Direct", "socks5://proxy.example:1080", "none"] {
            assert!(text.parse::<Egress>().is_err(), "{text}");
        }
    }
}
