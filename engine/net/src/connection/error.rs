//! Why an exchange did not come about.

use std::{fmt, io};

use aws_lc_rs::digest::{SHA256, digest};
use net_traits::NetworkError;
use thiserror::Error;
use url::Host;

use super::proxy::ProxyChallenge;
use super::response_head::HeadError;

/// Why there is no response.
///
/// The text is for the person in front of the browser. It holds no header value, credential or path; what a server sent
/// is in it only as a name of a certificate problem.
#[derive(Clone, Debug, Error)]
pub enum ConnectionError {
    /// The name has no address, or could not be looked up.
    #[error("the name {host} could not be found")]
    Lookup {
        /// The name.
        host: String,
    },
    /// Nothing listens there.
    #[error("the server refused the connection")]
    Refused,
    /// There is no way to the address.
    #[error("the server cannot be reached from here")]
    Unreachable,
    /// Nothing came for too long.
    #[error("{phase} took too long")]
    TimedOut {
        /// What was waited for.
        phase: Phase,
    },
    /// The connection ended before the response's head was complete.
    #[error("the connection ended before the server answered")]
    Reset,
    /// The TLS handshake failed, other than for the certificate.
    #[error("the secure connection failed: {text}")]
    Tls {
        /// What went wrong, in words.
        text: String,
    },
    /// The server's certificate is not valid for it.
    #[error("the certificate of {host} is not valid: {problem}")]
    Certificate {
        /// The host that was asked for.
        host: Host<String>,
        /// What is wrong with it, in words.
        problem: String,
        /// The certificate, for a person who wants to override the error.
        leaf: LeafCertificate,
    },
    /// What came is not HTTP.
    #[error("{text}")]
    Protocol {
        /// What was wrong with it, in words.
        text: &'static str,
    },
    /// The response's head is larger than what is taken.
    #[error("the head of the server's answer is too large")]
    HeadTooLarge,
    /// The URL cannot be put into a request: it is longer than 64 KiB.
    #[error("the URL is too long to be sent")]
    UnsendableUrl,
    /// None of the addresses that the request is confined to answers, or the request would have gone through a proxy.
    #[error("the server no longer answers at the address that was checked")]
    NoPinnedAddress,
    /// The server at one of these addresses is of another kind than what was asked for: nothing was sent to it.
    #[error("the server is not of the kind that was allowed")]
    NotAdmitted,
    /// The request's body could not be read from the page.
    #[error("the request's body could not be read from the page")]
    RequestBody,
    /// The request's body is a stream, and the server speaks HTTP/1: nothing was sent to it.
    #[error("a page's stream is sent over HTTP/2 only, which the server does not speak")]
    StreamedBody,
    /// The proxy stands in the way.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The exchange was given up.
    #[error("the request was cancelled")]
    Cancelled,
}

/// What was waited for in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The addresses of a name.
    Lookup,
    /// A TCP connection.
    Connect,
    /// The TLS handshake.
    Tls,
    /// The proxy's consent to a tunnel.
    Proxy,
    /// The head of the response.
    Response,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lookup => "looking up the server's name",
            Self::Connect => "connecting to the server",
            Self::Tls => "the TLS handshake",
            Self::Proxy => "the proxy's answer",
            Self::Response => "the server's answer",
        })
    }
}

/// Why a proxy is no way to the server. No failure of a proxy falls back to a direct connection.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ProxyError {
    /// The preference is not a URL with a host.
    #[error("the address of the proxy in the preferences is malformed")]
    Malformed,
    /// The preference names a kind of proxy that is not supported.
    #[error("proxies of the kind “{scheme}” are not supported")]
    Unsupported {
        /// The scheme of the proxy's URL.
        scheme: String,
    },
    /// The proxy itself cannot be reached.
    #[error("the proxy cannot be reached")]
    Unreachable,
    /// The proxy wants a user name and password, or others than it was given.
    #[error("the proxy requires authentication")]
    Authentication {
        /// How it asks; `None` if there is no answer.
        challenge: Option<Box<ProxyChallenge>>,
    },
    /// The proxy does not connect to the server.
    #[error("the proxy refused to connect to the server (status {status})")]
    Refused {
        /// The proxy's answer.
        status: u16,
    },
    /// The SOCKS proxy does not connect to the server.
    #[error("the proxy did not connect to the server: {}", socks_reply(*.reply))]
    SocksRefused {
        /// The proxy's [reply](https://www.rfc-editor.org/rfc/rfc1928#section-6).
        reply: u8,
    },
    /// The server's name is longer than a SOCKS proxy can be told.
    #[error("the server's name is too long for the proxy")]
    UnsendableName,
    /// The proxy's answer is not HTTP, or it speaks before it is asked.
    #[error("the proxy does not speak HTTP")]
    Protocol,
    /// The egress of user-enabled CORS is at an address that is not public, from where a server would see no stranger.
    #[error("the egress is not at a public address")]
    EgressNotPublic,
    /// The server would be reached through the egress of user-enabled CORS without TLS.
    #[error("a server is reached through the egress only over a secure connection")]
    EgressWithoutTls,
    /// The server's name or address is not one that strangers use.
    #[error("a server whose name or address is not public is not reached through the egress")]
    EgressTarget,
    /// The proxy's answer is not SOCKS5, or it broke off.
    #[error("the proxy does not speak SOCKS5")]
    NotSocks,
}

/// <https://www.rfc-editor.org/rfc/rfc1928#section-6>
fn socks_reply(reply: u8) -> &'static str {
    match reply {
        2 => "its rules do not allow it",
        3 => "the network cannot be reached from there",
        4 => "the server cannot be found or reached from there",
        5 => "the server refused the connection",
        6 => "it took too long",
        7 | 8 => "it does not know how",
        _ => "it failed",
    }
}

/// A certificate in DER. `Debug` shows only its size.
#[derive(Clone, PartialEq, Eq)]
pub struct LeafCertificate(pub Vec<u8>);

impl LeafCertificate {
    /// The SHA-256 digest of the certificate, as people compare it: 32 numbers of two hexadecimal digits, with colons between.
    pub fn fingerprint(&self) -> String {
        let digits: Vec<String> = digest(&SHA256, &self.0)
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        digits.join(":")
    }
}

impl fmt::Debug for LeafCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeafCertificate({} bytes)", self.0.len())
    }
}

impl ConnectionError {
    /// The error that script is told.
    ///
    /// AD-HOC: script shows the `Debug` text of this value to the page, where “refused” and “took too long” would tell a
    /// port scanner apart what Fetch keeps equal, and a certificate would say whose server it is. So all are one constant
    /// variant; the person is told by [`Cause`](crate::fetch::Cause).
    pub fn network_error(&self) -> NetworkError {
        match self {
            Self::Cancelled => NetworkError::LoadCancelled,
            _ => NetworkError::ConnectionFailure,
        }
    }

    /// The error for an I/O error in `phase`.
    pub(super) fn of_io(error: &io::Error, phase: Phase) -> Self {
        let head_error = error.get_ref().and_then(|inner| inner.downcast_ref());
        if let Some(error) = head_error {
            return Self::of_head(*error);
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut { phase },
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Self::Reset,
            _ if phase == Phase::Connect => Self::Unreachable,
            _ => Self::Reset,
        }
    }

    /// The error for what hyper says about a request that got no response.
    pub(super) fn of_hyper(error: &hyper::Error) -> Self {
        if error.is_parse_too_large() {
            return Self::HeadTooLarge;
        }
        if error.is_parse() {
            return Self::Protocol {
                text: "the server's answer is not HTTP",
            };
        }
        if error.is_timeout() {
            return Self::TimedOut {
                phase: Phase::Response,
            };
        }
        if let Some(error) = find_source::<h2::Error>(error) {
            return Self::of_h2(error);
        }
        if let Some(error) = find_source::<io::Error>(error) {
            return Self::of_io(error, Phase::Response);
        }
        Self::Reset
    }

    fn of_head(error: HeadError) -> Self {
        let text = match error {
            HeadError::TooLarge => return Self::HeadTooLarge,
            HeadError::EndlessInterimResponses => "the server announces its answer without end",
            HeadError::LoneCr => "the server's answer is not HTTP",
            HeadError::ContradictoryLengths => "the server's answer has several lengths",
        };
        Self::Protocol { text }
    }

    fn of_h2(error: &h2::Error) -> Self {
        if let Some(error) = error.get_io() {
            return Self::of_io(error, Phase::Response);
        }
        // NB: h2 itself resets a stream in this way only for a header list beyond our SETTINGS_MAX_HEADER_LIST_SIZE.
        if !error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM) {
            return Self::HeadTooLarge;
        }
        match error.reason() {
            Some(h2::Reason::NO_ERROR | h2::Reason::REFUSED_STREAM | h2::Reason::CANCEL) => {
                Self::Reset
            },
            _ => Self::Protocol {
                text: "the server broke the rules of HTTP/2",
            },
        }
    }
}

/// The first error of type `E` in the chain of causes below `error`.
pub(super) fn find_source<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_cannot_tell_failures_apart() {
        let errors = [
            ConnectionError::Refused,
            ConnectionError::Unreachable,
            ConnectionError::Reset,
            ConnectionError::HeadTooLarge,
            ConnectionError::TimedOut {
                phase: Phase::Connect,
            },
            ConnectionError::Lookup {
                host: "example.test".to_owned(),
            },
            ConnectionError::Tls {
                text: "no common version".to_owned(),
            },
            ConnectionError::Certificate {
                host: Host::Domain("example.test".to_owned()),
                problem: "it has expired".to_owned(),
                leaf: LeafCertificate(vec![0x30, 0x82]),
            },
            ConnectionError::Proxy(ProxyError::SocksRefused { reply: 5 }),
            ConnectionError::Proxy(ProxyError::Authentication { challenge: None }),
        ];
        for error in errors {
            assert_eq!(
                error.network_error(),
                NetworkError::ConnectionFailure,
                "{error}"
            );
        }
    }

    #[test]
    fn a_fingerprint_is_that_of_other_programs() {
        // FIPS 180-2, appendix B.1.
        let leaf = LeafCertificate(b"abc".to_vec());
        assert!(leaf.fingerprint().starts_with("BA:78:16:BF:"));
        assert_eq!(leaf.fingerprint().len(), 95);
    }

    #[test]
    fn a_certificate_is_in_no_log() {
        let error = ConnectionError::Certificate {
            host: Host::Domain("example.test".to_owned()),
            problem: "it has expired".to_owned(),
            leaf: LeafCertificate(vec![0x30, 0x82]),
        };
        assert!(!format!("{error:?}").contains("48, 130"));
    }
}
