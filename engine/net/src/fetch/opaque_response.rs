//! [Opaque-response blocking](https://github.com/whatwg/fetch/pull/1442) of one response: the check's facts, and as much of
//! the body as it wants to see.

use std::collections::VecDeque;

use http::header::RANGE;
use net_traits::request::{Destination, Initiator, Request};
use net_traits::response::ResponseType;
use servo_base::id::PipelineId;
use servo_url::ServoUrl;
use tokio::time::Instant;

use super::checks::opaque_response_blocking::{
    Check, FIRST_BYTES, MediaRequestState, Verdict, is_media,
};
use super::response::FetchResponse;
use crate::network_state::FetchContext;

/// How many resources of media elements are remembered.
const REQUESTERS_LIMIT: usize = 512;

/// Which documents have got the beginning of which sound or film.
///
/// AD-HOC: the standard remembers it with the media element, which script does not name.
#[derive(Debug, Default)]
pub struct MediaRequesters(VecDeque<(PipelineId, ServoUrl)>);

impl MediaRequesters {
    fn contains(&self, document: PipelineId, url: &ServoUrl) -> bool {
        self.0
            .iter()
            .any(|(known, of)| *known == document && of == url)
    }

    fn insert(&mut self, document: PipelineId, url: ServoUrl) {
        if self.contains(document, &url) {
            return;
        }
        if self.0.len() >= REQUESTERS_LIMIT {
            self.0.pop_front();
        }
        self.0.push_back((document, url));
    }
}

/// Whether a page may have `response`, whose body is read as far as that takes. What nobody is going to read loses its bytes
/// instead.
pub(super) async fn is_allowed(
    request: &Request,
    response: &mut FetchResponse,
    context: &FetchContext,
) -> bool {
    let url = request.current_url();
    if response.head.response_type != ResponseType::Opaque
        || !matches!(url.scheme(), "http" | "https")
    {
        return true;
    }
    if is_never_read(request) {
        response.body = std::mem::take(&mut response.body).without_bytes();
        return true;
    }
    let internal = response.head.actual_response();
    let state = media_request_state(request, &url, context);
    let check = Check::new(
        request.destination,
        state,
        internal.status.raw_code(),
        &internal.headers,
    );
    let mut verdict = check.head();
    if verdict == Verdict::Undecided {
        let (mut bytes, mut is_complete) = response.body.first_bytes(FIRST_BYTES).await;
        let first = bytes.get(..FIRST_BYTES).unwrap_or(&bytes);
        verdict = check.first_bytes(first);
        if verdict == Verdict::Undecided {
            let deadline = check.patience().map(|patience| Instant::now() + patience);
            while !is_complete && let Some(length) = check.wants_more(&bytes) {
                (bytes, is_complete) = response.body.first_bytes_until(length, deadline).await;
                if bytes.len() < length {
                    // The body has ended, broken off, or takes too long.
                    break;
                }
            }
            verdict = check.body(&bytes, is_complete);
        }
    }
    let is_allowed = verdict == Verdict::Allowed;
    if is_allowed
        && state == MediaRequestState::Initial
        && let Some(document) = request.pipeline_id
    {
        context.state.media_requesters.lock().insert(document, url);
    }
    is_allowed
}

/// Whether the opaque response to `request` is of no use beyond the cache that it fills.
///
/// AD-HOC: opaque-response blocking makes no difference here, and would tell by an event what the response is.
fn is_never_read(request: &Request) -> bool {
    // A prefetch is for the navigation that follows.
    request.initiator == Initiator::Prefetch
        // Fonts are always [fetched with CORS](https://drafts.csswg.org/css-fonts-4/#font-fetching-requirements), so no
        // request matches an opaque preload of one.
        || request.preload_id.is_some() && request.destination == Destination::Font
}

fn media_request_state(
    request: &Request,
    url: &ServoUrl,
    context: &FetchContext,
) -> MediaRequestState {
    if !is_media(request.destination) {
        return MediaRequestState::NotApplicable;
    }
    let starts_at_zero = request
        .headers
        .get(RANGE)
        .is_none_or(|range| range.as_bytes().starts_with(b"bytes=0-"));
    let is_known = request.pipeline_id.is_some_and(|document| {
        context
            .state
            .media_requesters
            .lock()
            .contains(document, url)
    });
    if !starts_at_zero && is_known {
        MediaRequestState::Subsequent
    } else {
        MediaRequestState::Initial
    }
}

#[cfg(test)]
mod tests {
    use net_traits::request::PreloadId;
    use servo_base::id::{Index, PipelineNamespaceId};

    use super::*;
    use crate::fetch::checks::test_requests::request;

    #[test]
    fn prefetches_and_preloaded_fonts_are_never_read() {
        use Destination::{Audio, Font, Image, None as Empty, Script, Style};
        for (initiator, preloads, destinations, expected) in [
            (Initiator::Prefetch, false, &[Empty, Font, Image][..], true),
            (Initiator::None, true, &[Font], true),
            (
                Initiator::None,
                true,
                &[Empty, Audio, Image, Script, Style],
                false,
            ),
            (Initiator::None, false, &[Empty, Font, Image], false),
        ] {
            for destination in destinations {
                let mut request = request("https://a.example", &["https://b.example/"]);
                request.initiator = initiator;
                request.preload_id = preloads.then(PreloadId::default);
                request.destination = *destination;
                assert_eq!(is_never_read(&request), expected, "{destination:?}");
            }
        }
    }

    #[test]
    fn requesters_are_bounded() {
        let document = |number| PipelineId {
            namespace_id: PipelineNamespaceId(number),
            index: Index::new(1).unwrap(),
        };
        let url = |number| ServoUrl::parse(&format!("https://a.example/{number}")).unwrap();
        let mut requesters = MediaRequesters::default();
        requesters.insert(document(1), url(0));
        assert!(requesters.contains(document(1), &url(0)));
        assert!(!requesters.contains(document(2), &url(0)));
        assert!(!requesters.contains(document(1), &url(1)));
        for number in 1..=REQUESTERS_LIMIT {
            requesters.insert(document(1), url(number));
            requesters.insert(document(1), url(number));
        }
        assert_eq!(requesters.0.len(), REQUESTERS_LIMIT);
        assert!(!requesters.contains(document(1), &url(0)));
    }
}
