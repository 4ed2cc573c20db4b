//! [Reports](https://w3c.github.io/reporting/#report): what was found, and the JSON that says so.

use std::time::Instant;

use serde::Serialize;
use servo_url::ServoUrl;

/// Whether what is reported was blocked as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// It was blocked.
    Enforce,
    /// It was only reported.
    Reporting,
}

/// A report's [body](https://w3c.github.io/reporting/#report-body), which says its
/// [type](https://w3c.github.io/reporting/#report-type) as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum ReportBody {
    /// `coep`: something that [an embedder policy](https://html.spec.whatwg.org/multipage/browsers.html#embedder-policy) is
    /// against.
    EmbedderPolicy {
        /// What kind of violation it is.
        #[serde(rename = "type")]
        violation: &'static str,
        /// What was not to be embedded, as [`strip_url_for_use_in_reports`] leaves it.
        #[serde(rename = "blockedURL")]
        blocked_url: String,
        /// The request's destination, if it was one for a resource.
        #[serde(skip_serializing_if = "Option::is_none")]
        destination: Option<&'static str>,
        /// Whether it was blocked.
        disposition: Disposition,
    },
    /// `integrity-violation`: a request that an
    /// [integrity policy](https://w3c.github.io/webappsec-subresource-integrity/#integrity-policy) is against.
    #[serde(rename_all = "camelCase")]
    IntegrityPolicy {
        /// Whose policy it is.
        #[serde(rename = "documentURL")]
        document_url: String,
        /// What was asked for.
        #[serde(rename = "blockedURL")]
        blocked_url: String,
        /// The request's destination.
        destination: &'static str,
        /// Whether it was only reported.
        report_only: bool,
    },
}

impl ReportBody {
    /// The report's [type](https://w3c.github.io/reporting/#report-type).
    fn report_type(&self) -> &'static str {
        match self {
            Self::EmbedderPolicy { .. } => "coep",
            Self::IntegrityPolicy { .. } => "integrity-violation",
        }
    }

    /// About how many bytes it has as JSON, without what every report has.
    pub(super) fn length(&self) -> usize {
        match self {
            Self::EmbedderPolicy { blocked_url, .. } => blocked_url.len(),
            Self::IntegrityPolicy {
                document_url,
                blocked_url,
                ..
            } => document_url.len() + blocked_url.len(),
        }
    }
}

/// A [report](https://w3c.github.io/reporting/#report) whose URL and destination its context and its place say.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub body: ReportBody,
    /// Its [timestamp](https://w3c.github.io/reporting/#report-timestamp).
    pub timestamp: Instant,
}

#[derive(Serialize)]
struct SerializedReport<'a> {
    /// In milliseconds.
    age: u128,
    #[serde(rename = "type")]
    report_type: &'static str,
    url: &'a str,
    user_agent: &'a str,
    body: &'a ReportBody,
}

/// [Serializes a list of reports to JSON](https://w3c.github.io/reporting/#serialize-reports), those of the document or worker at
/// `url`.
pub(super) fn serialize_reports(
    reports: &[Report],
    url: &str,
    user_agent: &str,
    now: Instant,
) -> String {
    // 1. and 2. Let collection have what is to be known of each.
    let collection: Vec<_> = reports
        .iter()
        .map(|report| SerializedReport {
            age: now.saturating_duration_since(report.timestamp).as_millis(),
            report_type: report.body.report_type(),
            url,
            user_agent,
            body: &report.body,
        })
        .collect();
    // 3. Return it as JSON. NB: nothing in it has no form in JSON.
    serde_json::to_string(&collection).unwrap_or_default()
}

/// [Strips a URL for use in reports](https://w3c.github.io/webappsec-csp/#strip-url-for-use-in-reports).
pub fn strip_url_for_use_in_reports(url: &ServoUrl) -> String {
    // 1. Of other schemes nothing else is said.
    if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
        return url.scheme().to_owned();
    }
    // 2. to 4. No fragment, no user name, no password. NB: every URL of these schemes has a host, so that can be done.
    let mut url = url.clone();
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    // 5. Return it, serialized.
    url.into_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::fetch::checks::test_requests::url;

    #[test]
    fn nothing_secret_is_in_a_stripped_url() {
        for (full, stripped) in [
            (
                "https://user:word@a.example/path?query#fragment",
                "https://a.example/path?query",
            ),
            ("wss://user@a.example/#x", "wss://a.example/"),
            ("data:text/html,secret", "data"),
            ("file:///home/somebody", "file"),
            ("about:blank#x", "about"),
        ] {
            assert_eq!(strip_url_for_use_in_reports(&url(full)), stripped);
        }
    }

    #[test]
    fn reports_as_json() {
        let timestamp = Instant::now();
        let blocked_url = "https://b.example/\"".to_owned();
        let bodies = [
            ReportBody::EmbedderPolicy {
                violation: "corp",
                blocked_url: blocked_url.clone(),
                destination: Some("image"),
                disposition: Disposition::Reporting,
            },
            ReportBody::EmbedderPolicy {
                violation: "navigation",
                blocked_url: blocked_url.clone(),
                destination: None,
                disposition: Disposition::Enforce,
            },
            ReportBody::IntegrityPolicy {
                document_url: "https://a.example/".to_owned(),
                blocked_url: blocked_url.clone(),
                destination: "script",
                report_only: true,
            },
        ];
        let reports = bodies.map(|body| Report { body, timestamp });
        let now = timestamp + Duration::from_millis(1500);
        let text = serialize_reports(&reports, "https://a.example/page", "agent", now);
        let head = |report_type: &str, body| {
            json!({
                "age": 1500, "type": report_type, "url": "https://a.example/page", "user_agent": "agent", "body": body,
            })
        };
        let expected = json!([
            head(
                "coep",
                json!({
                    "type": "corp", "blockedURL": blocked_url, "destination": "image", "disposition": "reporting",
                })
            ),
            head(
                "coep",
                json!({
                    "type": "navigation", "blockedURL": blocked_url, "disposition": "enforce",
                })
            ),
            head(
                "integrity-violation",
                json!({
                    "documentURL": "https://a.example/", "blockedURL": blocked_url, "destination": "script", "reportOnly": true,
                })
            ),
        ]);
        let found: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(found, expected);
    }
}
