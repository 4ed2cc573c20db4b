//! Which documents have an [integrity policy](https://w3c.github.io/webappsec-subresource-integrity/#integrity-policy).
//!
//! Script keeps no such policies, so they are remembered from the documents' responses.

use std::collections::VecDeque;
use std::sync::Arc;

use net_traits::request::Request;
use parking_lot::Mutex;
use servo_base::id::{PipelineId, WebViewId};
use servo_url::ServoUrl;

use super::checks::integrity_policy::IntegrityPolicy;
use super::newest::push_newest;
use crate::reporting::ReportingContext;

/// The integrity policies of who makes a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct IntegrityDemands {
    /// The one that holds.
    pub policy: IntegrityPolicy,
    /// The one that is only reported.
    pub report_only_policy: IntegrityPolicy,
    /// Where violations are reported, if anywhere.
    pub reporting: Option<Arc<ReportingContext>>,
}

/// The documents with an integrity policy, and the workers, whose requests look like their documents'. Those that were
/// [forgotten](super::newest) have none.
#[derive(Default)]
pub struct IntegrityPolicies {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// With their tabs.
    documents: VecDeque<(Option<WebViewId>, PipelineId, IntegrityDemands)>,
    /// By the document that each belongs to and the URL of its script, without its fragment.
    workers: VecDeque<(PipelineId, ServoUrl, IntegrityDemands)>,
}

impl IntegrityPolicies {
    /// The response of the document that `request` is for has come, with these policies.
    pub(crate) fn note_document(&self, request: &Request, demands: IntegrityDemands) {
        let Some(pipeline) = request.pipeline_id else {
            return;
        };
        let documents = &mut self.known.lock().documents;
        documents.retain(|(_, known, _)| *known != pipeline);
        if !demands.is_empty() {
            let document = (request.target_webview_id, pipeline, demands);
            push_newest(documents, document, |(webview, ..)| *webview);
        }
    }

    /// The script of the worker that `request` is for has come, with these policies.
    pub(crate) fn note_worker(&self, request: &Request, demands: IntegrityDemands) {
        let Some(pipeline) = request.pipeline_id else {
            return;
        };
        let url = without_fragment(&request.current_url());
        let workers = &mut self.known.lock().workers;
        workers.retain(|(known, script, _)| *known != pipeline || *script != url);
        push_newest(workers, (pipeline, url, demands), |(pipeline, ..)| {
            *pipeline
        });
    }

    /// The policies of who made `request`, before its referrer is determined.
    ///
    /// NB: the referrer tells the requests of a worker from those of its document: it is the worker's script. Documents without a
    /// response (`about:srcdoc`) are not known here and have none.
    pub(crate) fn of(&self, request: &Request) -> IntegrityDemands {
        let Some(pipeline) = request.pipeline_id else {
            return IntegrityDemands::default();
        };
        let url = request.referrer.to_url().map(without_fragment);
        let Known { documents, workers } = &*self.known.lock();
        let of_worker = workers
            .iter()
            .find(|(known, script, _)| *known == pipeline && Some(script) == url.as_ref())
            .map(|(_, _, demands)| demands);
        let of_document = || {
            documents
                .iter()
                .find(|(_, known, _)| *known == pipeline)
                .map(|(.., demands)| demands)
        };
        of_worker.or_else(of_document).cloned().unwrap_or_default()
    }
}

impl IntegrityDemands {
    /// Whether they demand nothing of anybody.
    pub(crate) fn is_empty(&self) -> bool {
        let nothing = IntegrityPolicy::default();
        self.policy == nothing && self.report_only_policy == nothing
    }
}

fn without_fragment(url: &ServoUrl) -> ServoUrl {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use net_traits::request::{Destination, Referrer};
    use servo_base::id::{PipelineNamespaceId, TEST_PIPELINE_ID};

    use super::super::checks::test_requests::{request, url};
    use super::*;

    const SCRIPT: &str = "https://a.example/worker.js";

    /// A request for `target` in the pipeline of that number.
    fn request_in(number: u32, destination: Destination, target: &str) -> Request {
        let mut request = request("https://a.example", &[target]);
        request.pipeline_id = Some(PipelineId {
            namespace_id: PipelineNamespaceId(number),
            ..TEST_PIPELINE_ID
        });
        request.destination = destination;
        request.referrer = Referrer::Client(url("https://a.example/page"));
        request
    }

    fn demands() -> IntegrityDemands {
        let mut headers = HeaderMap::new();
        headers.insert(
            "integrity-policy",
            HeaderValue::from_static("blocked-destinations=(script)"),
        );
        let (policy, report_only_policy) = IntegrityPolicy::parse(&headers);
        IntegrityDemands {
            policy,
            report_only_policy,
            reporting: None,
        }
    }

    /// Whether the policies of who made `request` hold anything against it.
    fn demand(policies: &IntegrityPolicies, request: &Request) -> bool {
        !policies.of(request).is_empty()
    }

    #[test]
    fn a_documents_requests_have_its_policy_and_a_workers_their_own() {
        let policies = IntegrityPolicies::default();
        let none = IntegrityDemands::default;
        let page = request_in(1, Destination::Document, "https://a.example/page");
        policies.note_document(&page, demands());
        let script = |number| request_in(number, Destination::Script, "https://b.example/");
        assert!(demand(&policies, &script(1)));
        assert!(!demand(&policies, &script(2)));
        let worker = request_in(1, Destination::Worker, &format!("{SCRIPT}#x"));
        let mut by_worker = script(1);
        by_worker.referrer = Referrer::Client(url(SCRIPT));
        assert!(demand(&policies, &by_worker));
        policies.note_worker(&worker, none());
        assert!(!demand(&policies, &by_worker));
        assert!(demand(&policies, &script(1)));
        policies.note_worker(&worker, demands());
        assert!(demand(&policies, &by_worker));
        policies.note_document(&page, none());
        assert!(!demand(&policies, &script(1)));
    }
}
