//! What the site panel shows: how the page in a tab came, what its site may read, and what it could not.

use net::connection::CertificateSummary;
use net::events::{Secured, Stage};
use url::{Origin, Url};
use user_cors::{AddressSpace, TupleOrigin, bounded_escaped};

use super::row::PermissionRow;
use super::{OptOutRow, Permissions};

/// The longest scheme that is shown, in characters.
const MAX_SCHEME: usize = 80;

/// How a document came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// Whose document it was.
    pub origin: Origin,
    /// Each a label and what is so, as text.
    pub lines: Vec<(&'static str, String)>,
    /// What the server's certificate says of itself, in the same form; empty where there is none that can be read.
    pub certificate: Vec<(&'static str, String)>,
    /// Why the encryption protects less than it should, if it does.
    pub caution: Option<&'static str>,
}

impl ConnectionFacts {
    /// The facts of a response that came from a server; `None` for another stage.
    pub fn of(stage: &Stage) -> Option<Self> {
        let Stage::Received {
            url,
            preflight: false,
            peer,
            space,
            version,
            secured,
            ..
        } = stage
        else {
            return None;
        };
        let mut lines = vec![
            ("Server", peer.ip().to_string()),
            (
                "Network",
                match space {
                    AddressSpace::Public => "the public Internet",
                    AddressSpace::Local => "your own network",
                    AddressSpace::Loopback => "this computer",
                }
                .to_owned(),
            ),
        ];
        let http = match version {
            net::connection::HttpVersion::Http1 => "HTTP/1.1",
            net::connection::HttpVersion::Http2 => "HTTP/2",
        };
        let (mut certificate, mut caution) = (Vec::new(), None);
        match secured {
            Some(secured) => {
                lines.push(("Encryption", encryption(secured, http)));
                lines.push(("Certificate", verdict(secured)));
                if let Some(leaf) = secured.tls.certificate_chain_der.first()
                    && let Ok(summary) = CertificateSummary::parse(leaf)
                {
                    certificate = summary.lines();
                }
                if secured.certificate_error_overridden {
                    caution = Some(
                        "The certificate is not valid, or was not checked: you may be talking to somebody else.",
                    );
                }
            },
            None => lines.push(("Encryption", format!("none ({http})"))),
        }
        Some(Self {
            origin: url.as_url().origin(),
            lines,
            certificate,
            caution,
        })
    }
}

fn encryption(secured: &Secured, http: &str) -> String {
    let mut parts = Vec::new();
    // These types have no other text than their `Debug`.
    if let Some(version) = &secured.tls.protocol_version {
        parts.push(format!("{version:?}"));
    }
    if let Some(suite) = &secured.tls.cipher_suite {
        parts.push(format!("{suite:?}"));
    }
    parts.push(http.to_owned());
    parts.join(", ")
}

/// What came of checking the server's certificate.
fn verdict(secured: &Secured) -> String {
    if secured.certificate_error_overridden {
        return "not checked".to_owned();
    }
    let roots = if secured.verified_by_public_roots {
        "also by the public roots"
    } else {
        "not by the public roots"
    };
    format!("verified for this name, {roots}")
}

/// What the site panel shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SitePanel {
    /// The site's name, or what the page is instead of one.
    pub title: String,
    /// How the page came, in a sentence.
    pub security: &'static str,
    /// Whether that is a reason for caution.
    pub is_insecure: bool,
    /// The connection, if it is known.
    pub connection: Option<ConnectionFacts>,
    /// What pages of this site may read and may not, newest first.
    pub rows: Vec<PermissionRow>,
    /// From whom policy lets it read.
    pub by_policy: Vec<String>,
    /// Which servers asked not to be read here.
    pub opt_outs: Vec<OptOutRow>,
    /// What the page could not read, newest first; each with a line of what to do about it.
    pub issues: Vec<String>,
}

impl SitePanel {
    /// The panel of a page at a URL.
    pub fn new(url: &Url, connection: Option<&ConnectionFacts>, permissions: &Permissions) -> Self {
        let origin = TupleOrigin::from_url(url);
        let (security, is_insecure) = match url.scheme() {
            "https" => match connection.and_then(|facts| facts.caution) {
                Some(caution) => (caution, true),
                None => (
                    "The connection is encrypted, and the certificate is the site's.",
                    false,
                ),
            },
            "http" if origin.as_ref().is_some_and(TupleOrigin::is_loopback) => {
                ("This page comes from this computer.", false)
            },
            "http" => (
                "The connection is not encrypted: others on the network can read and change it.",
                true,
            ),
            _ => ("This page does not come from the web.", false),
        };
        let title = match &origin {
            Some(origin) => origin.display().to_string(),
            None => bounded_escaped(url.scheme(), MAX_SCHEME),
        };
        let Some(origin) = origin else {
            return Self {
                title,
                security,
                is_insecure,
                ..Self::default()
            };
        };
        let site = origin.site();
        Self {
            title,
            security,
            is_insecure,
            connection: connection.cloned(),
            rows: permissions
                .rows
                .iter()
                .filter(|row| row.key.top_level_site == site)
                .cloned()
                .collect(),
            by_policy: permissions.allowed_by_policy(&origin),
            opt_outs: permissions.opt_outs_on(&site),
            issues: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, StatusCode};
    use servo::ServoUrl;

    use super::super::tests::{NOW, model};
    use super::*;

    fn received(url: &str) -> Stage {
        Stage::Received {
            url: ServoUrl::parse(url).unwrap(),
            preflight: false,
            status: StatusCode::OK,
            headers: Arc::new(HeaderMap::new()),
            peer: "93.184.216.34:443".parse().unwrap(),
            space: AddressSpace::Public,
            version: net::connection::HttpVersion::Http2,
            reused: false,
            secured: None,
        }
    }

    #[test]
    fn a_site_has_its_own_rows_only() {
        let folder = tempfile::tempdir().unwrap();
        let model = model(&folder);
        let mut permissions = Permissions::default();
        permissions.refresh_from(&model, NOW);
        let of = |url: &str| SitePanel::new(&Url::parse(url).unwrap(), None, &permissions);
        assert_eq!(of("https://www.app.example/x").rows.len(), 2);
        assert_eq!(of("https://data.example/").rows.len(), 0);
        let panel = of("data:text/html,app.example");
        assert_eq!((panel.title.as_str(), panel.rows.len()), ("data", 0));
    }

    #[test]
    fn a_connection_says_where_to_and_how() {
        let facts = ConnectionFacts::of(&received("https://app.example/x")).unwrap();
        assert_eq!(
            facts.origin,
            Url::parse("https://app.example").unwrap().origin()
        );
        for line in [
            ("Server", "93.184.216.34"),
            ("Network", "the public Internet"),
            ("Encryption", "none (HTTP/2)"),
        ] {
            let line = (line.0, line.1.to_owned());
            assert!(facts.lines.contains(&line), "{line:?}: {facts:?}");
        }
        assert!(ConnectionFacts::of(&Stage::Asked).is_none());
    }

    #[test]
    fn caution_where_there_is_reason() {
        let permissions = Permissions::default();
        let mut facts = ConnectionFacts::of(&received("https://app.example/")).unwrap();
        facts.caution = Some("not checked");
        for (url, facts, is_insecure) in [
            ("https://app.example/", None, false),
            ("https://app.example/", Some(&facts), true),
            ("http://app.example/", None, true),
            ("http://localhost:8000/", None, false),
            ("http://127.0.0.1/", None, false),
            ("file:///etc/hosts", None, false),
        ] {
            let panel = SitePanel::new(&Url::parse(url).unwrap(), facts, &permissions);
            assert_eq!(panel.is_insecure, is_insecure, "{url}");
        }
    }
}
