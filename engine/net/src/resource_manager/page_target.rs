//! The page's end of a fetch.

use std::sync::Arc;

use bytes::Bytes;
use content_security_policy::Violation;
use net_traits::request::{Request, RequestId};
use net_traits::response::Response;
use net_traits::{
    FetchResponseMsg, FetchTaskTarget, NetworkError, ResourceFetchTiming, ResourceTimingType,
};
use servo_base::generic_channel::GenericCallback;

use super::fetch_groups::Registration;

/// Tells a page how its fetch goes, and sees to it that the request has exactly one end.
///
/// Script panics over a message after the end, and waits for ever without one. So the end of this target is the end of
/// the request, whatever becomes of the task that owns it: a panic, a shutdown, or a fetch that is refused.
pub(super) struct PageTarget {
    page: GenericCallback<FetchResponseMsg>,
    request: RequestId,
    timing_type: ResourceTimingType,
    stage: Stage,
    /// Keeps a keepalive request on record until the page has taken its end.
    kept: Option<Arc<Registration>>,
}

/// A chunk without bytes, which the page drops in the task in which it handles it.
struct Handled {
    _registration: Arc<Registration>,
}

impl AsRef<[u8]> for Handled {
    fn as_ref(&self) -> &[u8] {
        &[]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing, or the request's body, was reported.
    Requested,
    /// The response's head was reported.
    Responded,
    /// The end was.
    Ended,
}

impl PageTarget {
    /// The target of `request`, which the page hears of through `page`, and which has this place on record.
    pub fn new(
        page: GenericCallback<FetchResponseMsg>,
        request: &Request,
        registration: Option<&Arc<Registration>>,
    ) -> Self {
        Self {
            kept: registration.filter(|_| request.keep_alive).cloned(),
            page,
            request: request.id,
            timing_type: request.timing_type(),
            stage: Stage::Requested,
        }
    }

    fn has_ended(&self) -> bool {
        self.stage == Stage::Ended
    }

    fn send(&self, message: FetchResponseMsg) {
        // The page may be gone.
        let _ = self.page.send(message);
    }
}

impl Drop for PageTarget {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let error = NetworkError::LoadCancelled;
        if self.stage == Stage::Requested {
            self.send(FetchResponseMsg::ProcessResponse(
                self.request,
                Err(error.clone()),
            ));
        }
        self.send(FetchResponseMsg::ProcessResponseEOF(
            self.request,
            Err(error),
            ResourceFetchTiming::new(self.timing_type),
        ));
    }
}

impl FetchTaskTarget for PageTarget {
    fn process_request_body(&mut self, request: &Request) {
        if !self.has_ended() {
            self.page.process_request_body(request);
        }
    }

    fn process_response(&mut self, request: &Request, response: &Response) {
        if self.stage == Stage::Requested {
            self.stage = Stage::Responded;
            self.page.process_response(request, response);
        }
    }

    fn process_response_chunk(&mut self, request: &Request, chunk: Bytes) {
        if !self.has_ended() {
            self.page.process_response_chunk(request, chunk);
        }
    }

    fn process_response_eof(&mut self, request: &Request, response: &Response) {
        if !self.has_ended() {
            self.stage = Stage::Ended;
            // The done flag is set in a task of the page's
            // (https://fetch.spec.whatwg.org/#fetch-finale): within one task no script sees a beacon leave the limit of those
            // in flight.
            if let Some(registration) = self.kept.take() {
                let handled = Handled {
                    _registration: registration,
                };
                self.page
                    .process_response_chunk(request, Bytes::from_owner(handled));
            }
            self.page.process_response_eof(request, response);
        }
    }

    fn process_csp_violations(&mut self, request: &Request, violations: Vec<Violation>) {
        if !self.has_ended() {
            self.page.process_csp_violations(request, violations);
        }
    }

    fn process_response_length_hint(&mut self, request: &Request, length: usize) {
        if !self.has_ended() {
            self.page.process_response_length_hint(request, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use net_traits::blob_url_store::UrlWithBlobClaim;
    use net_traits::request::{BodySource, Referrer, RequestBody, RequestBuilder};
    use parking_lot::Mutex;
    use servo_base::id::{PipelineId, PipelineNamespace, PipelineNamespaceId};
    use servo_url::ServoUrl;

    use super::super::fetch_groups::FetchGroups;
    use super::*;

    type Heard = Arc<Mutex<Vec<&'static str>>>;

    fn target() -> (PageTarget, Request, Heard) {
        let heard = Heard::default();
        let hearing = heard.clone();
        let page = GenericCallback::new(move |message| {
            hearing.lock().push(match message.expect("a message") {
                FetchResponseMsg::ProcessRequestBody(..) => "request body",
                FetchResponseMsg::ProcessResponse(_, Ok(_)) => "response",
                FetchResponseMsg::ProcessResponse(_, Err(_)) => "error",
                FetchResponseMsg::ProcessResponseChunk(..) => "chunk",
                FetchResponseMsg::ProcessResponseEOF(_, Ok(()), _) => "end",
                FetchResponseMsg::ProcessResponseEOF(_, Err(_), _) => "end with error",
                FetchResponseMsg::ProcessCspViolations(..) => "violations",
                FetchResponseMsg::ProcessContentLength(..) => "length",
            });
        })
        .expect("a callback");
        let url = ServoUrl::parse("https://page.example/").expect("a URL");
        let url = UrlWithBlobClaim::for_url(url).expect("no blob URL");
        let request = RequestBuilder::new(None, url, Referrer::NoReferrer).build();
        (PageTarget::new(page, &request, None), request, heard)
    }

    fn response(request: &Request) -> Response {
        Response::new(
            request.url(),
            ResourceFetchTiming::new(ResourceTimingType::Resource),
        )
    }

    #[test]
    fn a_dropped_fetch_ends_once() {
        let (page, _, heard) = target();
        drop(page);
        assert_eq!(*heard.lock(), ["error", "end with error"]);

        let (mut page, request, heard) = target();
        page.process_response(&request, &response(&request));
        drop(page);
        assert_eq!(*heard.lock(), ["response", "end with error"]);
    }

    #[test]
    fn nothing_follows_the_end() {
        let (mut page, request, heard) = target();
        let response = response(&request);
        page.process_response(&request, &response);
        page.process_response_chunk(&request, Bytes::from_static(b"a"));
        page.process_response_eof(&request, &response);
        page.process_response_chunk(&request, Bytes::from_static(b"b"));
        page.process_response(&request, &response);
        page.process_response_eof(&request, &response);
        drop(page);
        assert_eq!(*heard.lock(), ["response", "chunk", "end"]);
    }

    #[test]
    fn a_keepalive_request_is_in_flight_until_the_page_has_taken_its_end() {
        PipelineNamespace::install(PipelineNamespaceId(7101));
        let groups = FetchGroups::default();
        let document = PipelineId::new();
        let url = ServoUrl::parse("https://page.example/").expect("a URL");
        let url = UrlWithBlobClaim::for_url(url).expect("no blob URL");
        let mut request = RequestBuilder::new(None, url, Referrer::NoReferrer)
            .pipeline_id(Some(document))
            .build();
        for (keepalive, expected) in [(true, 7), (false, 0)] {
            request.keep_alive = keepalive;
            let (sender, _) = ipc_channel::ipc::channel().expect("a channel");
            request.body = Some(RequestBody::new(sender, BodySource::Object, Some(7)));
            let tasks: Arc<Mutex<Vec<FetchResponseMsg>>> = Arc::default();
            let queue = tasks.clone();
            let page =
                GenericCallback::new(move |message| queue.lock().push(message.expect("a message")))
                    .expect("a callback");
            let registration = groups.register(&request, None).map(Arc::new);
            let mut target = PageTarget::new(page, &request, registration.as_ref());
            target.process_response(&request, &response(&request));
            target.process_response_eof(&request, &response(&request));
            drop((target, registration));
            assert_eq!(groups.keepalive_bytes(document, None), expected);
            assert!(matches!(
                tasks.lock().pop(),
                Some(FetchResponseMsg::ProcessResponseEOF(..))
            ));
            tasks.lock().clear();
            assert_eq!(groups.keepalive_bytes(document, None), 0);
        }
    }

    #[test]
    fn a_panic_ends_the_fetch() {
        let (page, _, heard) = target();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _page = page;
            panic!("a bug somewhere in the fetch");
        }));
        assert!(result.is_err());
        assert_eq!(*heard.lock(), ["error", "end with error"]);
    }
}
