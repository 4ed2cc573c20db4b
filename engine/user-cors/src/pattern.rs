//! Patterns that name origins: in policy, in blocklists and in the rules for automation.

use std::fmt;

use thiserror::Error;
use url::{Host, Url};

use crate::origin::{Scheme, TupleOrigin, is_public_suffix};

/// An exact origin, or `*.host` for the subdomains of a host over https at the default port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OriginPattern {
    /// One origin.
    Exact(TupleOrigin),
    /// The subdomains of a host, without the host itself.
    Subdomains(String),
}

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Neither a serialized origin nor `*.host`.
    #[error(
        "“{0}” is neither an origin such as https://example.com nor a pattern such as *.example.com"
    )]
    Malformed(String),
    /// `*.` before a public suffix would name sites of unrelated owners.
    #[error("“{0}” would cover a public suffix")]
    PublicSuffix(String),
}

impl OriginPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If the text is not a serialized origin or `*.host` with a host in lower-case ASCII, or if the host is a public
    /// suffix.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let Some(host) = text.strip_prefix("*.") else {
            return exact_origin(text)
                .map(Self::Exact)
                .ok_or_else(|| PatternError::Malformed(text.to_owned()));
        };
        let host = host_name(host).ok_or_else(|| PatternError::Malformed(text.to_owned()))?;
        if is_public_suffix(&host) {
            return Err(PatternError::PublicSuffix(text.to_owned()));
        }
        Ok(Self::Subdomains(host))
    }

    /// Whether the pattern names the origin.
    pub fn matches(&self, origin: &TupleOrigin) -> bool {
        match self {
            Self::Exact(exact) => exact == origin,
            Self::Subdomains(host) => {
                origin.scheme() == Scheme::Https
                    && origin.port() == Scheme::Https.default_port()
                    && is_subdomain(origin.host(), host)
            },
        }
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(origin) => fmt::Display::fmt(origin, f),
            Self::Subdomains(host) => write!(f, "*.{host}"),
        }
    }
}

/// A serialized origin that is no attempt at a pattern: the URL parser takes `https://*.example.com` for a host of that
/// name, and whoever wrote it would block nothing.
pub(crate) fn exact_origin(text: &str) -> Option<TupleOrigin> {
    if text.contains('*') {
        return None;
    }
    TupleOrigin::parse(text)
}

/// A host name in the form that [`Host::Domain`] has; `None` if the text is anything else.
pub(crate) fn host_name(text: &str) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !text.chars().all(is_name) {
        return None;
    }
    let url = Url::parse(&format!("https://{text}/")).ok()?;
    match url.host()? {
        Host::Domain(name) if name == text => Some(name.to_owned()),
        _ => None,
    }
}

/// Whether a host is a name below `parent`.
pub(crate) fn is_subdomain(host: &Host<String>, parent: &str) -> bool {
    match host {
        Host::Domain(name) => name
            .strip_suffix(parent)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|rest| !rest.is_empty()),
        Host::Ipv4(_) | Host::Ipv6(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, origin: &str) -> bool {
        OriginPattern::parse(pattern)
            .unwrap()
            .matches(&TupleOrigin::parse(origin).unwrap())
    }

    #[test]
    fn exact_origins_match_themselves() {
        assert!(matches("https://a.example", "https://a.example"));
        assert!(!matches("https://a.example", "http://a.example"));
        assert!(!matches("https://a.example", "https://a.example:8443"));
        assert!(!matches("https://a.example", "https://www.a.example"));
    }

    #[test]
    fn wildcards_match_subdomains_over_https_at_the_default_port() {
        assert!(matches("*.a.example", "https://www.a.example"));
        assert!(matches("*.a.example", "https://x.y.a.example"));
        for origin in [
            "https://a.example",
            "http://www.a.example",
            "https://www.a.example:8443",
            "https://bada.example",
            "https://www.a.example.",
        ] {
            assert!(!matches("*.a.example", origin), "{origin}");
        }
    }

    #[test]
    fn refused_patterns() {
        for text in [
            "",
            "*",
            "*.",
            "*.*.a.example",
            "a.example",
            "https://a.example/",
            "*.A.example",
            "https://*.a.example",
            "*.a.example:443",
            "*.10.0.0.1",
            "*.a.example/x",
            "*.u@a.example",
        ] {
            assert!(
                matches!(OriginPattern::parse(text), Err(PatternError::Malformed(_))),
                "{text}"
            );
        }
        for text in [
            "*.com",
            "*.co.uk",
            "*.github.io",
            "*.localhost",
            "*.intranet",
        ] {
            assert!(
                matches!(
                    OriginPattern::parse(text),
                    Err(PatternError::PublicSuffix(_))
                ),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_back_or_is_refused(text in "(\\*\\.|https?://)?[a-z.*:/0-9-]{0,24}") {
            if let Ok(pattern) = OriginPattern::parse(&text) {
                prop_assert_eq!(pattern.to_string(), text);
            }
        }
    }
}
