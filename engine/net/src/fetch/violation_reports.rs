//! What of the blocked, and of what would have been, is [reported](crate::reporting).

use content_security_policy::Destination;
use net_traits::request::Request;

use super::checks::embedder_policy::EmbedderPolicyValue;
use super::checks::integrity_policy::IntegrityPolicy;
use super::integrity_policies::IntegrityDemands;
use super::params::FetchParams;
use crate::network_state::FetchContext;
use crate::reporting::{
    Disposition, ReportBody, generate_and_queue_a_report, strip_url_for_use_in_reports,
};

/// [Queues a cross-origin embedder policy CORP violation report](https://fetch.spec.whatwg.org/#queue-a-cross-origin-embedder-policy-corp-violation-report)
/// for `endpoint`, about the response that has come.
pub(super) fn queue_corp_violation(
    params: &FetchParams,
    disposition: Disposition,
    endpoint: &str,
    context: &FetchContext,
) {
    // 1. Is the parameter.
    let Some(reporting) = &params.embedder.reporting else {
        return;
    };
    // 2. to 4. Let body say what was blocked.
    let body = ReportBody::EmbedderPolicy {
        violation: "corp",
        blocked_url: response_url_for_reporting(&params.request),
        destination: Some(params.request.destination.as_str()),
        disposition,
    };
    // 5. Generate and queue it.
    generate_and_queue_a_report(&context.state, reporting, endpoint, body);
}

/// [Queues cross-origin embedder policy inheritance violations](https://html.spec.whatwg.org/multipage/browsers.html#queue-a-cross-origin-embedder-policy-inheritance-violation)
/// of a document or dedicated worker that has come with the policy `embedded`.
pub(super) fn queue_inheritance_violations(
    params: &FetchParams,
    embedded: EmbedderPolicyValue,
    context: &FetchContext,
) {
    let Some(reporting) = &params.embedder.reporting else {
        return;
    };
    let policy = &params.embedder.policy;
    for (disposition, endpoint) in policy.violations(|value| !embedded.may_be_embedded_by(value)) {
        // 1. and 2. Let body say what was blocked.
        let body = ReportBody::EmbedderPolicy {
            violation: match params.request.destination {
                Destination::Worker => "worker initialization",
                _ => "navigation",
            },
            blocked_url: response_url_for_reporting(&params.request),
            destination: None,
            disposition,
        };
        // 3. Generate and queue it.
        generate_and_queue_a_report(&context.state, reporting, endpoint, body);
    }
}

/// [Serializes a response URL for reporting](https://fetch.spec.whatwg.org/#serialize-a-response-url-for-reporting): that of the
/// response to `request`, or to the first of its hops. NOTE: where redirects lead is nobody's to know.
fn response_url_for_reporting(request: &Request) -> String {
    strip_url_for_use_in_reports(&request.url())
}

/// [Should request be blocked by Integrity Policy?](https://w3c.github.io/webappsec-subresource-integrity/#should-request-be-blocked-by-integrity-policy-section)
/// Violations are reported.
pub(super) fn should_request_be_blocked_by_integrity_policy(
    request: &Request,
    demands: &IntegrityDemands,
    context: &FetchContext,
) -> bool {
    // 1. to 12. Let block and reportBlock be what the two policies say.
    let block = demands.policy.should_request_be_blocked(request);
    let report_block = demands
        .report_only_policy
        .should_request_be_blocked(request);
    // 13. Report violations.
    for (is_violated, policy, report_only) in [
        (block, &demands.policy, false),
        (report_block, &demands.report_only_policy, true),
    ] {
        if is_violated {
            report_integrity_violation(request, demands, policy, report_only, context);
        }
    }
    // 14. What is only reported is not blocked.
    block
}

/// [Reports integrity policy violations](https://w3c.github.io/webappsec-subresource-integrity/#report-violations), those of one
/// policy.
fn report_integrity_violation(
    request: &Request,
    demands: &IntegrityDemands,
    policy: &IntegrityPolicy,
    report_only: bool,
    context: &FetchContext,
) {
    // 1. to 4. Whose policy is it?
    let Some(reporting) = &demands.reporting else {
        return;
    };
    // 5. and 6. Strip both URLs.
    let body = ReportBody::IntegrityPolicy {
        document_url: reporting.url().to_owned(),
        blocked_url: strip_url_for_use_in_reports(&request.url()),
        destination: request.destination.as_str(),
        report_only,
    };
    // 7. and 8. Each of its endpoints hears of it.
    for endpoint in &policy.endpoints {
        generate_and_queue_a_report(&context.state, reporting, endpoint, body.clone());
    }
}
