//! The policies of a document or worker whose response has come, of which script keeps none: they are noted here for the requests
//! that it is going to make.

use std::sync::Arc;

use content_security_policy::Destination;
use http::HeaderMap;
use net_traits::request::Request;

use super::checks::embedder_policy::EmbedderPolicy;
use super::checks::integrity_policy::IntegrityPolicy;
use super::checks::request_kind::is_http_scheme;
use super::checks::trustworthy::is_url_potentially_trustworthy;
use super::embedder_policies::Embedder;
use super::integrity_policies::IntegrityDemands;
use super::params::FetchParams;
use super::response::FetchResponse;
use crate::network_state::FetchContext;
use crate::reporting::{ReportingContext, process_reporting_endpoints};

/// The embedder policy of the document or worker that a response is for.
pub(super) fn embedder_policy_of(
    params: &FetchParams,
    response: &FetchResponse,
    is_secure_scheme: impl Fn(&str) -> bool,
) -> EmbedderPolicy {
    let url = params.request.current_url();
    if !is_http_scheme(url.scheme()) {
        // Documents of local URLs have the policy of who made them.
        return params.embedder.policy.clone();
    }
    EmbedderPolicy::obtain(
        &response.head.actual_response().headers,
        is_url_potentially_trustworthy(&url, is_secure_scheme),
    )
}

/// Notes the policies of a document or worker whose response has come, if the request is for one.
pub(super) fn note_policies(
    params: &FetchParams,
    response: &FetchResponse,
    embedder_policy: EmbedderPolicy,
    context: &FetchContext,
) {
    let request = &params.request;
    let head = response.head.actual_response();
    let is_worker = matches!(
        request.destination,
        Destination::Worker | Destination::SharedWorker
    );
    let is_document = request.is_navigation_request() && head.location_url.is_none();
    if !is_worker && !is_document {
        return;
    }
    let is_local = !is_http_scheme(request.current_url().scheme());
    let (policy, report_only_policy) = if is_worker && is_local {
        // Workers of local URLs have the policies of who made them, and no endpoints.
        let demands = params.integrity_demands.clone();
        (demands.policy, demands.report_only_policy)
    } else {
        IntegrityPolicy::parse(&head.headers)
    };
    let is_secure_scheme = |scheme: &str| context.state.protocols.is_secure(scheme);
    let reporting = if is_local {
        None
    } else {
        let named = Named {
            embedder_policy: &embedder_policy,
            integrity_policies: [&policy, &report_only_policy],
        };
        reporting_context(request, &head.headers, &named, is_secure_scheme)
    };
    let embedder = Embedder {
        policy: embedder_policy,
        reporting: reporting.clone(),
    };
    let demands = IntegrityDemands {
        policy,
        report_only_policy,
        reporting,
    };
    let state = &context.state;
    if is_worker {
        state.embedder_policies.note_worker(request, embedder);
        state.integrity_policies.note_worker(request, demands);
    } else {
        let around = params.embedder.policy.value;
        state
            .embedder_policies
            .note_document(request, embedder, around);
        state.integrity_policies.note_document(request, demands);
    }
}

/// The policies that name endpoints.
struct Named<'a> {
    embedder_policy: &'a EmbedderPolicy,
    integrity_policies: [&'a IntegrityPolicy; 2],
}

impl Named<'_> {
    fn has(&self, name: &str) -> bool {
        self.embedder_policy.reporting_endpoint == name
            || self.embedder_policy.report_only_reporting_endpoint == name
            || self
                .integrity_policies
                .iter()
                .any(|policy| policy.endpoints.iter().any(|endpoint| endpoint == name))
    }
}

/// Where the document or worker that `request` is for reports violations, if it has an endpoint that one of its policies names:
/// the others are script's.
fn reporting_context(
    request: &Request,
    headers: &HeaderMap,
    named: &Named<'_>,
    is_secure_scheme: impl Fn(&str) -> bool,
) -> Option<Arc<ReportingContext>> {
    let url = request.current_url();
    let mut endpoints = process_reporting_endpoints(&url, headers, is_secure_scheme);
    endpoints.retain(|endpoint| named.has(&endpoint.name));
    ReportingContext::new(&url, request.pipeline_id, endpoints).map(Arc::new)
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::super::checks::test_requests::request;
    use super::*;

    #[test]
    fn endpoints_are_kept_for_the_policies_that_name_them() {
        let reports = |policy: (&'static str, &'static str)| {
            let endpoints = ("reporting-endpoints", "a=\"/a\", b=\"https://b.example/\"");
            let headers: HeaderMap = [endpoints, policy]
                .into_iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect();
            let embedder_policy = EmbedderPolicy::obtain(&headers, true);
            let (policy, report_only_policy) = IntegrityPolicy::parse(&headers);
            let named = Named {
                embedder_policy: &embedder_policy,
                integrity_policies: [&policy, &report_only_policy],
            };
            let request = request("https://a.example", &["https://a.example/page"]);
            reporting_context(&request, &headers, &named, |_| false).is_some()
        };
        for (name, value, expected) in [
            (
                "cross-origin-embedder-policy",
                "require-corp; report-to=\"a\"",
                true,
            ),
            (
                "cross-origin-embedder-policy",
                "require-corp; report-to=\"c\"",
                false,
            ),
            ("cross-origin-embedder-policy", "require-corp", false),
            (
                "cross-origin-embedder-policy-report-only",
                "require-corp; report-to=\"b\"",
                true,
            ),
            (
                "cross-origin-embedder-policy-report-only",
                "unsafe-none; report-to=\"b\"",
                false,
            ),
            (
                "integrity-policy",
                "blocked-destinations=(script), endpoints=(b)",
                true,
            ),
            (
                "integrity-policy-report-only",
                "blocked-destinations=(script), endpoints=(c a)",
                true,
            ),
            ("integrity-policy", "blocked-destinations=(script)", false),
            (
                "content-security-policy",
                "img-src 'none'; report-to a",
                false,
            ),
        ] {
            assert_eq!(reports((name, value)), expected, "{name}: {value}");
        }
    }
}
