//! Which documents and workers have an [embedder policy](https://html.spec.whatwg.org/multipage/browsers.html#embedder-policies).
//!
//! Script keeps no such policies, so they are remembered from the responses with the documents and the workers' scripts.

use std::collections::VecDeque;
use std::sync::Arc;

use net_traits::request::{Destination, Request};
use parking_lot::Mutex;
use servo_base::id::{PipelineId, WebViewId};
use servo_url::{ImmutableOrigin, ServoUrl};

use super::checks::embedder_policy::{EmbedderPolicy, EmbedderPolicyValue};
use super::checks::origin_header::request_origin;
use super::checks::request_kind::is_top_level_navigation;
use super::newest::push_newest;
use crate::reporting::ReportingContext;

/// Who makes a request, or embeds a document to come, as far as embedder policies are concerned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Embedder {
    /// Its policy.
    pub policy: EmbedderPolicy,
    /// Where it reports violations, if anywhere.
    pub reporting: Option<Arc<ReportingContext>>,
}

/// The documents and workers with an embedder policy that says anything. Those that were [forgotten](super::newest) have
/// none.
#[derive(Default)]
pub struct EmbedderPolicies {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    documents: VecDeque<Document>,
    workers: VecDeque<Worker>,
}

struct Document {
    pipeline: PipelineId,
    webview: WebViewId,
    /// Without its fragment.
    url: ServoUrl,
    embedder: Embedder,
    /// Whether every document around it has a policy, too.
    is_isolated: bool,
}

struct Worker {
    /// Of the document that it belongs to.
    pipeline: PipelineId,
    /// Of its script, without its fragment.
    url: ServoUrl,
    embedder: Embedder,
}

impl EmbedderPolicies {
    /// The response of the document that `request` is for has come, and this is its part as an embedder. `around` is the policy of
    /// the document around it.
    pub(crate) fn note_document(
        &self,
        request: &Request,
        embedder: Embedder,
        around: EmbedderPolicyValue,
    ) {
        let (Some(pipeline), Some(webview)) = (request.pipeline_id, request.target_webview_id)
        else {
            return;
        };
        let url = without_fragment(&request.current_url());
        let documents = &mut self.known.lock().documents;
        // The newest document of a URL stands for it.
        documents.retain(|document| document.webview != webview || document.url != url);
        if embedder.policy == EmbedderPolicy::default() {
            return;
        }
        let document = Document {
            pipeline,
            webview,
            url,
            embedder,
            is_isolated: is_top_level_navigation(request) || around.is_compatible_with_isolation(),
        };
        push_newest(documents, document, |document| document.webview);
    }

    /// The script of the worker that `request` is for has come, and this is its part as an embedder.
    pub(crate) fn note_worker(&self, request: &Request, embedder: Embedder) {
        let Some(pipeline) = request.pipeline_id else {
            return;
        };
        let url = without_fragment(&request.current_url());
        let workers = &mut self.known.lock().workers;
        workers.retain(|worker| worker.pipeline != pipeline || worker.url != url);
        if embedder.policy == EmbedderPolicy::default() {
            return;
        }
        let worker = Worker {
            pipeline,
            url,
            embedder,
        };
        push_newest(workers, worker, |worker| worker.pipeline);
    }

    /// Who made `request`, before its referrer is determined: its document, or for a frame to come the document around it.
    ///
    /// NB: of frames, and of documents that had no response (`about:srcdoc`), the referrer is what says whose they are: for
    /// these script takes the URL of the document around them. Where no document has that URL, as it was changed since the response
    /// or there is no referrer, it is the tab's document, which `shown` tells with its origin, if that is who asks. A frame that
    /// navigates itself is its own referrer, and has the destination of a tab: then, and for documents without a response, the
    /// documents of frames count only if all around them have a policy.
    ///
    /// NB: it is the referrer, too, that tells the requests of a worker from those of its document. Without one they have the
    /// document's policy.
    pub(crate) fn of(
        &self,
        request: &Request,
        shown: impl FnOnce(WebViewId) -> Option<(PipelineId, ImmutableOrigin)>,
    ) -> Embedder {
        let is_navigation = request.is_navigation_request();
        if is_top_level_navigation(request) {
            return Embedder::default();
        }
        let Known { documents, workers } = &*self.known.lock();
        let url = request.referrer.to_url().map(without_fragment);
        if !is_navigation && let Some(pipeline) = request.pipeline_id {
            let document = documents
                .iter()
                .find(|document| document.pipeline == pipeline);
            let worker = workers
                .iter()
                .find(|worker| worker.pipeline == pipeline && Some(&worker.url) == url.as_ref())
                .filter(|worker| document.is_none_or(|document| document.url != worker.url));
            if let Some(embedder) = worker
                .map(|worker| &worker.embedder)
                .or(document.map(|document| &document.embedder))
            {
                return embedder.clone();
            }
        }
        let is_nested = request
            .client
            .as_ref()
            .is_some_and(|client| client.is_nested_browsing_context);
        let (true, Some(webview)) = (is_navigation || is_nested, request.target_webview_id) else {
            return Embedder::default();
        };
        let of_url = |document: &&Document| {
            document.webview == webview && Some(&document.url) == url.as_ref()
        };
        let is_of_an_element = matches!(
            request.destination,
            Destination::Frame | Destination::IFrame
        );
        let found = match documents.iter().find(of_url) {
            Some(document) => {
                Some(document).filter(|document| document.is_isolated || is_of_an_element)
            },
            None => shown(webview)
                .filter(|(_, origin)| request_origin(request).as_ref() == Some(origin))
                .and_then(|(pipeline, _)| {
                    documents
                        .iter()
                        .find(|document| document.pipeline == pipeline)
                }),
        };
        let embedder = found.map(|document| document.embedder.clone());
        let Embedder { policy, reporting } = embedder.unwrap_or_default();
        Embedder {
            policy,
            // A document without a response has the policy of another one, and no endpoints.
            reporting: reporting.filter(|_| is_navigation),
        }
    }
}

fn without_fragment(url: &ServoUrl) -> ServoUrl {
    let mut url = url.clone();
    url.as_mut_url().set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use EmbedderPolicyValue::UnsafeNone;
    use http::{HeaderName, HeaderValue};
    use net_traits::request::Referrer;
    use servo_base::id::{PipelineNamespaceId, TEST_PIPELINE_ID, TEST_WEBVIEW_ID};

    use super::super::checks::test_requests::{request, url};
    use super::super::newest::OF_ONE_OWNER;
    use super::*;
    use crate::reporting::process_reporting_endpoints;

    const PAGE: &str = "https://a.example/page";

    fn pipeline(number: u32) -> PipelineId {
        PipelineId {
            namespace_id: PipelineNamespaceId(number),
            ..TEST_PIPELINE_ID
        }
    }

    /// A request for `target` in the pipeline of that number.
    fn request_in(number: u32, destination: Destination, target: &str) -> Request {
        let mut request = request("https://a.example", &[target]);
        request.pipeline_id = Some(pipeline(number));
        request.target_webview_id = Some(TEST_WEBVIEW_ID);
        request.destination = destination;
        request
    }

    fn frame_of(referrer: &str) -> Request {
        let mut request = request_in(9, Destination::IFrame, "https://b.example/");
        request.referrer = Referrer::Client(url(referrer));
        request
    }

    fn of(policies: &EmbedderPolicies, request: &Request) -> EmbedderPolicyValue {
        policies.of(request, |_| None).policy.value
    }

    /// One with that policy and an endpoint.
    fn embedder(value: EmbedderPolicyValue) -> Embedder {
        let header = HeaderName::from_static("reporting-endpoints");
        let headers = [(header, HeaderValue::from_static("e=\"/reports\""))];
        let headers = headers.into_iter().collect();
        let endpoints = process_reporting_endpoints(&url(PAGE), &headers, |_| false);
        Embedder {
            policy: EmbedderPolicy {
                value,
                ..EmbedderPolicy::default()
            },
            reporting: ReportingContext::new(&url(PAGE), None, endpoints).map(Arc::new),
        }
    }

    #[test]
    fn a_page_that_changes_its_url_keeps_its_policy() {
        let policies = EmbedderPolicies::default();
        let page = request_in(1, Destination::Document, PAGE);
        policies.note_document(
            &page,
            embedder(EmbedderPolicyValue::RequireCorp),
            UnsafeNone,
        );
        let pushed = frame_of("https://a.example/pushed");
        let mut silent = frame_of(PAGE);
        silent.referrer = Referrer::NoReferrer;
        for frame in [pushed, silent] {
            let shows = |number, origin: &str| {
                let origin = url(origin).origin();
                let found = policies.of(&frame, |webview| {
                    assert_eq!(webview, TEST_WEBVIEW_ID);
                    Some((pipeline(number), origin))
                });
                found.policy.value
            };
            assert_eq!(shows(1, PAGE), EmbedderPolicyValue::RequireCorp);
            assert_eq!(shows(1, "https://b.example/"), UnsafeNone);
            // The page went on to one of the same origin that has none.
            assert_eq!(shows(2, PAGE), UnsafeNone);
        }
    }

    #[test]
    fn a_documents_requests_have_its_policy() {
        let policies = EmbedderPolicies::default();
        let page = request_in(1, Destination::Document, PAGE);
        policies.note_document(
            &page,
            embedder(EmbedderPolicyValue::RequireCorp),
            UnsafeNone,
        );
        let image = |number| request_in(number, Destination::Image, "https://b.example/");
        assert_eq!(of(&policies, &image(1)), EmbedderPolicyValue::RequireCorp);
        assert_eq!(of(&policies, &image(2)), UnsafeNone);
        // The next page's navigation is nobody's.
        assert_eq!(of(&policies, &page), UnsafeNone);
    }

    #[test]
    fn a_frame_to_come_has_that_of_the_document_around_it() {
        let policies = EmbedderPolicies::default();
        let page = request_in(1, Destination::Document, &format!("{PAGE}#top"));
        policies.note_document(
            &page,
            embedder(EmbedderPolicyValue::Credentialless),
            UnsafeNone,
        );
        assert_eq!(
            of(&policies, &frame_of(PAGE)),
            EmbedderPolicyValue::Credentialless
        );
        let other = frame_of("https://a.example/other");
        assert_eq!(of(&policies, &other), UnsafeNone);
        // The page is loaded again, without a policy.
        let page = request_in(2, Destination::Document, PAGE);
        policies.note_document(&page, embedder(UnsafeNone), UnsafeNone);
        assert_eq!(of(&policies, &frame_of(PAGE)), UnsafeNone);
    }

    #[test]
    fn a_document_without_a_response_has_that_of_its_parent() {
        let policies = EmbedderPolicies::default();
        let page = request_in(1, Destination::Document, PAGE);
        policies.note_document(
            &page,
            embedder(EmbedderPolicyValue::RequireCorp),
            UnsafeNone,
        );
        let mut image = request_in(5, Destination::Image, "https://b.example/");
        image.referrer = Referrer::Client(url(PAGE));
        assert_eq!(of(&policies, &image), UnsafeNone);
        if let Some(client) = &mut image.client {
            client.is_nested_browsing_context = true;
        }
        let found = policies.of(&image, |_| None);
        assert_eq!(found.policy.value, EmbedderPolicyValue::RequireCorp);
        // But no endpoints.
        assert!(found.reporting.is_none());
        assert!(policies.of(&frame_of(PAGE), |_| None).reporting.is_some());
    }

    #[test]
    fn a_frame_below_a_page_without_a_policy_may_leave() {
        for around in [UnsafeNone, EmbedderPolicyValue::RequireCorp] {
            let policies = EmbedderPolicies::default();
            let frame = request_in(1, Destination::IFrame, PAGE);
            policies.note_document(&frame, embedder(EmbedderPolicyValue::RequireCorp), around);
            // It holds for what it embeds itself.
            assert_eq!(
                of(&policies, &frame_of(PAGE)),
                EmbedderPolicyValue::RequireCorp
            );
            // Of a frame that leaves, script says the destination of a tab.
            let mut leaving = frame_of(PAGE);
            leaving.destination = Destination::Document;
            if let Some(client) = &mut leaving.client {
                client.is_nested_browsing_context = true;
            }
            assert_eq!(of(&policies, &leaving), around);
            let image = request_in(1, Destination::Image, "https://b.example/");
            assert_eq!(of(&policies, &image), EmbedderPolicyValue::RequireCorp);
        }
    }

    #[test]
    fn a_worker_has_its_own() {
        const SCRIPT: &str = "https://a.example/worker.js";
        let worker = |number| request_in(number, Destination::Worker, &format!("{SCRIPT}#x"));
        let by_worker = |number| {
            let mut request = request_in(number, Destination::None, "https://b.example/");
            request.referrer = Referrer::Client(url(SCRIPT));
            request
        };
        let by_page = |number| {
            let mut request = request_in(number, Destination::None, "https://b.example/");
            request.referrer = Referrer::Client(url(PAGE));
            request
        };
        let policies = EmbedderPolicies::default();
        policies.note_worker(&worker(1), embedder(EmbedderPolicyValue::RequireCorp));
        assert_eq!(
            of(&policies, &by_worker(1)),
            EmbedderPolicyValue::RequireCorp
        );
        assert_eq!(of(&policies, &by_worker(2)), UnsafeNone);
        assert_eq!(of(&policies, &by_page(1)), UnsafeNone);
        // In a page with a policy.
        let page = request_in(1, Destination::Document, PAGE);
        policies.note_document(
            &page,
            embedder(EmbedderPolicyValue::Credentialless),
            UnsafeNone,
        );
        assert_eq!(
            of(&policies, &by_worker(1)),
            EmbedderPolicyValue::RequireCorp
        );
        assert_eq!(
            of(&policies, &by_page(1)),
            EmbedderPolicyValue::Credentialless
        );
        let mut silent = by_worker(1);
        silent.referrer = Referrer::NoReferrer;
        assert_eq!(of(&policies, &silent), EmbedderPolicyValue::Credentialless);
        // The script of that URL comes again, without one.
        policies.note_worker(&worker(1), embedder(UnsafeNone));
        assert_eq!(
            of(&policies, &by_worker(1)),
            EmbedderPolicyValue::Credentialless
        );
    }

    #[test]
    fn memory_is_bounded() {
        let policies = EmbedderPolicies::default();
        for number in 0..600 {
            let target = format!("{PAGE}{number}");
            let page = request_in(number, Destination::Document, &target);
            policies.note_document(
                &page,
                embedder(EmbedderPolicyValue::RequireCorp),
                UnsafeNone,
            );
        }
        assert_eq!(policies.known.lock().documents.len(), OF_ONE_OWNER);
        let image = |number| request_in(number, Destination::Image, "https://b.example/");
        assert_eq!(of(&policies, &image(0)), UnsafeNone);
        assert_eq!(of(&policies, &image(599)), EmbedderPolicyValue::RequireCorp);
    }
}
