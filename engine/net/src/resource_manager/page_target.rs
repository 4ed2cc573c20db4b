//! The page's end of a fetch.

use bytes::Bytes;
use content_security_policy::Violation;
use net_traits::request::{Request, RequestId};
use net_traits::response::Response;
use net_traits::{
    FetchResponseMsg, FetchTaskTarget, NetworkError, ResourceFetchTiming, ResourceTimingType,
};
use servo_base::generic_channel::GenericCallback;

/// Tells a page how its fetch goes, and sees to it that the request has exactly one end.
///
/// Script panics over a message after the end, and waits for ever without one. So the end of this target is the end of
/// the request, whatever becomes of the task that owns it: a panic, a shutdown, or a fetch that is refused.
pub(super) struct PageTarget {
    page: GenericCallback<FetchResponseMsg>,
    request: RequestId,
    timing_type: ResourceTimingType,
    stage: Stage,
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
    /// The target of `request`, which the page hears of through `page`.
    pub fn new(page: GenericCallback<FetchResponseMsg>, request: &Request) -> Self {
        Self {
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
    use std::sync::Arc;

    use net_traits::blob_url_store::UrlWithBlobClaim;
    use net_traits::request::{Referrer, RequestBuilder};
    use parking_lot::Mutex;
    use servo_url::ServoUrl;

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
        (PageTarget::new(page, &request), request, heard)
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
