//! Which documents and workers have an [embedder policy](https://html.spec.whatwg.org/multipage/browsers.html#embedder-policies).
//!
//! Script keeps no such policies, so they are remembered from the responses with the documents and the workers' scripts.

use std::collections::VecDeque;

use net_traits::request::Request;
use parking_lot::Mutex;
use servo_base::id::{PipelineId, WebViewId};
use servo_url::{ImmutableOrigin, ServoUrl};

use super::checks::embedder_policy::EmbedderPolicy;
use super::checks::origin_header::request_origin;
use super::checks::request_kind::is_top_level_navigation;
use super::newest::push_newest;

/// The documents and workers with an embedder policy other than `unsafe-none`. Those that were [forgotten](super::newest) have
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
    policy: EmbedderPolicy,
    /// Whether every document around it has a policy, too.
    is_isolated: bool,
}

struct Worker {
    /// Of the document that it belongs to.
    pipeline: PipelineId,
    /// Of its script, without its fragment.
    url: ServoUrl,
    policy: EmbedderPolicy,
}

impl EmbedderPolicies {
    /// The response of the document that `request` is for has come, with this policy. `embedder` is that of the document
    /// around it.
    pub(crate) fn note_document(
        &self,
        request: &Request,
        policy: EmbedderPolicy,
        embedder: EmbedderPolicy,
    ) {
        let (Some(pipeline), Some(webview)) = (request.pipeline_id, request.target_webview_id)
        else {
            return;
        };
        let url = without_fragment(&request.current_url());
        let documents = &mut self.known.lock().documents;
        // The newest document of a URL stands for it.
        documents.retain(|document| document.webview != webview || document.url != url);
        if policy == EmbedderPolicy::UnsafeNone {
            return;
        }
        let document = Document {
            pipeline,
            webview,
            url,
            policy,
            is_isolated: is_top_level_navigation(request)
                || embedder.is_compatible_with_isolation(),
        };
        push_newest(documents, document, |document| document.webview);
    }

    /// The script of the worker that `request` is for has come, with this policy.
    pub(crate) fn note_worker(&self, request: &Request, policy: EmbedderPolicy) {
        let Some(pipeline) = request.pipeline_id else {
            return;
        };
        let url = without_fragment(&request.current_url());
        let workers = &mut self.known.lock().workers;
        workers.retain(|worker| worker.pipeline != pipeline || worker.url != url);
        if policy == EmbedderPolicy::UnsafeNone {
            return;
        }
        let worker = Worker {
            pipeline,
            url,
            policy,
        };
        push_newest(workers, worker, |worker| worker.pipeline);
    }

    /// The policy of who made `request`, before its referrer is determined: of its document, or for a frame to come of the
    /// document around it.
    ///
    /// NB: of frames, and of documents that had no response (`about:srcdoc`), the referrer is what says whose they are: for
    /// these script takes the URL of the document around them. Where no document has that URL, as it was changed since the response
    /// or there is no referrer, it is the tab's document, which `shown` tells with its origin, if that is who asks. A frame that
    /// navigates itself is its own referrer, so the documents of frames count only if all around them have a policy.
    ///
    /// NB: it is the referrer, too, that tells the requests of a worker from those of its document. Without one they have the
    /// document's policy.
    pub(crate) fn of(
        &self,
        request: &Request,
        shown: impl FnOnce(WebViewId) -> Option<(PipelineId, ImmutableOrigin)>,
    ) -> EmbedderPolicy {
        let is_navigation = request.is_navigation_request();
        if is_top_level_navigation(request) {
            return EmbedderPolicy::UnsafeNone;
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
            if let Some(policy) = worker
                .map(|worker| worker.policy)
                .or(document.map(|document| document.policy))
            {
                return policy;
            }
        }
        let is_nested = request
            .client
            .as_ref()
            .is_some_and(|client| client.is_nested_browsing_context);
        let (true, Some(webview)) = (is_navigation || is_nested, request.target_webview_id) else {
            return EmbedderPolicy::UnsafeNone;
        };
        let of_url = |document: &&Document| {
            document.webview == webview && Some(&document.url) == url.as_ref()
        };
        let found = match documents.iter().find(of_url) {
            Some(document) => Some(document).filter(|document| document.is_isolated),
            None => shown(webview)
                .filter(|(_, origin)| request_origin(request).as_ref() == Some(origin))
                .and_then(|(pipeline, _)| {
                    documents
                        .iter()
                        .find(|document| document.pipeline == pipeline)
                }),
        };
        found.map(|document| document.policy).unwrap_or_default()
    }
}

fn without_fragment(url: &ServoUrl) -> ServoUrl {
    let mut url = url.clone();
    url.as_mut_url().set_fragment(None);
    url
}

#[cfg(test)]
mod tests {
    use EmbedderPolicy::UnsafeNone;
    use net_traits::request::{Destination, Referrer};
    use servo_base::id::{PipelineNamespaceId, TEST_PIPELINE_ID, TEST_WEBVIEW_ID};

    use super::super::checks::test_requests::{request, url};
    use super::super::newest::OF_ONE_OWNER;
    use super::*;

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

    fn of(policies: &EmbedderPolicies, request: &Request) -> EmbedderPolicy {
        policies.of(request, |_| None)
    }

    #[test]
    fn a_page_that_changes_its_url_keeps_its_policy() {
        let policies = EmbedderPolicies::default();
        let page = request_in(1, Destination::Document, PAGE);
        policies.note_document(&page, EmbedderPolicy::RequireCorp, UnsafeNone);
        let pushed = frame_of("https://a.example/pushed");
        let mut silent = frame_of(PAGE);
        silent.referrer = Referrer::NoReferrer;
        for frame in [pushed, silent] {
            let shows = |number, origin: &str| {
                let origin = url(origin).origin();
                policies.of(&frame, |webview| {
                    assert_eq!(webview, TEST_WEBVIEW_ID);
                    Some((pipeline(number), origin))
                })
            };
            assert_eq!(shows(1, PAGE), EmbedderPolicy::RequireCorp);
            assert_eq!(shows(1, "https://b.example/"), UnsafeNone);
            // The page went on to one of the same origin that has none.
            assert_eq!(shows(2, PAGE), UnsafeNone);
        }
    }

    #[test]
    fn a_documents_requests_have_its_policy() {
        let policies = EmbedderPolicies::default();
        let page = request_in(1, Destination::Document, PAGE);
        policies.note_document(&page, EmbedderPolicy::RequireCorp, UnsafeNone);
        let image = |number| request_in(number, Destination::Image, "https://b.example/");
        assert_eq!(of(&policies, &image(1)), EmbedderPolicy::RequireCorp);
        assert_eq!(of(&policies, &image(2)), UnsafeNone);
        // The next page's navigation is nobody's.
        assert_eq!(of(&policies, &page), UnsafeNone);
    }

    #[test]
    fn a_frame_to_come_has_that_of_the_document_around_it() {
        let policies = EmbedderPolicies::default();
        let page = request_in(1, Destination::Document, &format!("{PAGE}#top"));
        policies.note_document(&page, EmbedderPolicy::Credentialless, UnsafeNone);
        assert_eq!(
            of(&policies, &frame_of(PAGE)),
            EmbedderPolicy::Credentialless
        );
        let other = frame_of("https://a.example/other");
        assert_eq!(of(&policies, &other), UnsafeNone);
        // The page is loaded again, without a policy.
        let page = request_in(2, Destination::Document, PAGE);
        policies.note_document(&page, UnsafeNone, UnsafeNone);
        assert_eq!(of(&policies, &frame_of(PAGE)), UnsafeNone);
    }

    #[test]
    fn a_document_without_a_response_has_that_of_its_parent() {
        let policies = EmbedderPolicies::default();
        let page = request_in(1, Destination::Document, PAGE);
        policies.note_document(&page, EmbedderPolicy::RequireCorp, UnsafeNone);
        let mut image = request_in(5, Destination::Image, "https://b.example/");
        image.referrer = Referrer::Client(url(PAGE));
        assert_eq!(of(&policies, &image), UnsafeNone);
        if let Some(client) = &mut image.client {
            client.is_nested_browsing_context = true;
        }
        assert_eq!(of(&policies, &image), EmbedderPolicy::RequireCorp);
    }

    #[test]
    fn a_frame_below_a_page_without_a_policy_may_leave() {
        for embedder in [UnsafeNone, EmbedderPolicy::RequireCorp] {
            let policies = EmbedderPolicies::default();
            let frame = request_in(1, Destination::IFrame, PAGE);
            policies.note_document(&frame, EmbedderPolicy::RequireCorp, embedder);
            assert_eq!(of(&policies, &frame_of(PAGE)), embedder);
            // Script says the destination of a tab then.
            let mut leaving = frame_of(PAGE);
            leaving.destination = Destination::Document;
            if let Some(client) = &mut leaving.client {
                client.is_nested_browsing_context = true;
            }
            assert_eq!(of(&policies, &leaving), embedder);
            let image = request_in(1, Destination::Image, "https://b.example/");
            assert_eq!(of(&policies, &image), EmbedderPolicy::RequireCorp);
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
        policies.note_worker(&worker(1), EmbedderPolicy::RequireCorp);
        assert_eq!(of(&policies, &by_worker(1)), EmbedderPolicy::RequireCorp);
        assert_eq!(of(&policies, &by_worker(2)), UnsafeNone);
        assert_eq!(of(&policies, &by_page(1)), UnsafeNone);
        // In a page with a policy.
        let page = request_in(1, Destination::Document, PAGE);
        policies.note_document(&page, EmbedderPolicy::Credentialless, UnsafeNone);
        assert_eq!(of(&policies, &by_worker(1)), EmbedderPolicy::RequireCorp);
        assert_eq!(of(&policies, &by_page(1)), EmbedderPolicy::Credentialless);
        let mut silent = by_worker(1);
        silent.referrer = Referrer::NoReferrer;
        assert_eq!(of(&policies, &silent), EmbedderPolicy::Credentialless);
        // The script of that URL comes again, without one.
        policies.note_worker(&worker(1), UnsafeNone);
        assert_eq!(of(&policies, &by_worker(1)), EmbedderPolicy::Credentialless);
    }

    #[test]
    fn memory_is_bounded() {
        let policies = EmbedderPolicies::default();
        for number in 0..600 {
            let target = format!("{PAGE}{number}");
            let page = request_in(number, Destination::Document, &target);
            policies.note_document(&page, EmbedderPolicy::RequireCorp, UnsafeNone);
        }
        assert_eq!(policies.known.lock().documents.len(), OF_ONE_OWNER);
        let image = |number| request_in(number, Destination::Image, "https://b.example/");
        assert_eq!(of(&policies, &image(0)), UnsafeNone);
        assert_eq!(of(&policies, &image(599)), EmbedderPolicy::RequireCorp);
    }
}
