//! [Preloaded resources](https://html.spec.whatwg.org/multipage/links.html#link-type-preload): responses fetched before
//! the page asks for them, kept until it does.

use bytes::Bytes;
use content_security_policy::{SubresourceIntegrityMetadata, parse_subresource_integrity_metadata};
use http::Method;
use net_traits::ResourceFetchTimingContainer;
use net_traits::request::{PreloadId, PreloadKey, Request, RequestMode};
use net_traits::response::Response;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::body::{Body, BodyError};
use super::cause::Cause;
use super::params::{FetchParams, PreloadedResponseCandidate};
use super::response::FetchResponse;
use super::user_enabled_cors;

/// How large a preloaded body may be, in bytes; a larger one is fetched when the page asks.
const BODY_LIMIT: usize = 32 << 20;
/// How many preloads are remembered; the page of a forgotten one fetches it again.
const ENTRY_LIMIT: usize = 512;

/// What became of a preload: the response's head and the whole of its body, or why it is a network error.
pub(crate) type PreloadOutcome = Result<Box<(Response, Bytes)>, Box<Cause>>;

/// A [preload entry](https://html.spec.whatwg.org/multipage/links.html#preload-entry).
struct Entry {
    integrity_metadata: String,
    response: Option<PreloadOutcome>,
    on_response_available: Option<oneshot::Sender<PreloadOutcome>>,
}

/// The preload entries of all documents; each document knows the ids of its own.
#[derive(Default)]
pub struct PreloadedResources {
    entries: Mutex<FxHashMap<PreloadId, Entry>>,
}

impl PreloadedResources {
    /// A preload begins, if `request` is one: steps 6 and 7 of
    /// [preload](https://html.spec.whatwg.org/multipage/links.html#preload).
    pub(crate) fn begin(&self, request: &Request) {
        let Some(id) = &request.preload_id else {
            return;
        };
        let mut entries = self.entries.lock();
        if entries.len() >= ENTRY_LIMIT {
            entries.retain(|_, entry| entry.response.is_none());
        }
        entries.insert(
            id.clone(),
            Entry {
                integrity_metadata: request.integrity_metadata.clone(),
                response: None,
                on_response_available: None,
            },
        );
    }

    /// A preload's response is there, and this became of it: step 11.5 of
    /// [preload](https://html.spec.whatwg.org/multipage/links.html#preload).
    pub(crate) fn complete(&self, id: &PreloadId, outcome: PreloadOutcome) {
        // AD-HOC: what was given up here did not fail, so the page's own request is made.
        if let Err(cause) = &outcome
            && is_given_up(cause)
        {
            self.entries.lock().remove(id);
            return;
        }
        let mut entries = self.entries.lock();
        // 11.5. Keep the response, or give it to who waits.
        if let Some(entry) = entries.get_mut(id) {
            match entry.on_response_available.take() {
                Some(waiting) => {
                    let _ = waiting.send(outcome);
                    entries.remove(id);
                },
                None => entry.response = Some(outcome),
            }
        }
    }

    /// The fetch of a preload is over. If it was terminated before its response was there, who waits for that fetches for
    /// itself.
    pub(crate) fn end(&self, id: &PreloadId) {
        let mut entries = self.entries.lock();
        if entries
            .get(id)
            .is_some_and(|entry| entry.response.is_none())
        {
            entries.remove(id);
        }
    }

    /// [Consumes a preloaded resource](https://html.spec.whatwg.org/multipage/links.html#consume-a-preloaded-resource):
    /// steps 10.2 to 10.4 of [fetch](https://fetch.spec.whatwg.org/#concept-fetch), with their conditions.
    pub(crate) fn consume(&self, request: &Request) -> PreloadedResponseCandidate {
        if !matches!(request.current_url().scheme(), "http" | "https")
            || !matches!(
                request.mode,
                RequestMode::SameOrigin | RequestMode::CorsMode | RequestMode::NoCors
            )
            || request.method != Method::GET
            || (request.unsafe_request && !request.headers.is_empty())
        {
            return PreloadedResponseCandidate::None;
        }
        let Some(client) = &request.client else {
            return PreloadedResponseCandidate::None;
        };
        // 1. Let key be a preload key.
        let key = PreloadKey {
            url: request.url(),
            destination: request.destination,
            mode: request.mode.clone(),
            credentials_mode: request.credentials_mode,
        };
        // 3. No entry: false.
        // NB: a preload consumes what was preloaded before it. By the standard its own entry is not in the map yet; here it is
        // script that says when, and a preload that waited for itself would wait for ever.
        let Some(id) = client
            .preloaded_resources
            .get(&key)
            .filter(|id| request.preload_id.as_ref() != Some(*id))
        else {
            return PreloadedResponseCandidate::None;
        };
        let mut entries = self.entries.lock();
        // 4. Let entry be preloads[key].
        let Some(entry) = entries.get_mut(id) else {
            return PreloadedResponseCandidate::None;
        };
        // 5. to 7. The integrity metadata must agree.
        let consumer = parse_subresource_integrity_metadata(&request.integrity_metadata);
        if consumer != SubresourceIntegrityMetadata::NoMetadata
            && consumer != parse_subresource_integrity_metadata(&entry.integrity_metadata)
        {
            return PreloadedResponseCandidate::None;
        }
        match entry.response.take() {
            // 8. and 10. Give the response, once.
            Some(response) => {
                entries.remove(id);
                PreloadedResponseCandidate::Response(response)
            },
            // 9. Wait for it. A second consumer fetches for itself.
            None if entry.on_response_available.is_none() => {
                let (sender, receiver) = oneshot::channel();
                entry.on_response_available = Some(sender);
                PreloadedResponseCandidate::Pending(receiver)
            },
            None => PreloadedResponseCandidate::None,
        }
    }
}

/// Reads a preload's response to its end: steps 11.1 and 11.2 of
/// [preload](https://html.spec.whatwg.org/multipage/links.html#preload). Returns it for the element that preloaded, and for whoever
/// consumes it.
pub(crate) async fn read(response: FetchResponse) -> (FetchResponse, PreloadOutcome) {
    let FetchResponse {
        head, body, cause, ..
    } = response;
    // 11.1. and 11.2. What has no body that could be read is a network error.
    let body = match head.get_network_error() {
        Some(error) => Err(cause.unwrap_or_else(|| Box::new(Cause::Replaced(error.clone())))),
        None => body
            .read_all(BODY_LIMIT)
            .await
            .map_err(|error| Box::new(Cause::Body(error))),
    };
    match body {
        Ok(body) => (
            FetchResponse::new(head.clone(), Body::Bytes(body.clone())),
            Ok(Box::new((head, body))),
        ),
        Err(cause) => (FetchResponse::network_error(*cause.clone()), Err(cause)),
    }
}

/// Whether a preload ended because of this browser's limits or its user, and not by its response.
fn is_given_up(cause: &Cause) -> bool {
    matches!(
        cause,
        Cause::Cancelled | Cause::Body(BodyError::Cancelled | BodyError::TooLarge { .. })
    )
}

impl PreloadedResponseCandidate {
    /// Steps 1 to 3 of the first case of step 12 of
    /// [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch): the candidate, once it is there.
    async fn take(&mut self) -> Option<PreloadOutcome> {
        match std::mem::take(self) {
            Self::None => None,
            Self::Pending(receiver) => receiver.await.ok(),
            Self::Response(outcome) => Some(outcome),
        }
    }
}

/// The first case of step 12 of [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch): the preload's response, if
/// there is one.
///
/// AD-HOC: a CORS failure that user-enabled CORS may ask about is not handed over, since preloads do not ask.
pub(crate) async fn consumed(
    params: &mut FetchParams,
    timing: &ResourceFetchTimingContainer,
) -> Option<FetchResponse> {
    let outcome = params.preloaded_response_candidate.take().await?;
    let may_ask = |failure| user_enabled_cors::may_ask_about(params, failure);
    match outcome {
        Ok(response) => {
            // NB: script reports the timing of the preload, and not that of a request which is marked like this.
            timing.inner().preloaded = true;
            let (head, body) = *response;
            Some(FetchResponse::new(head, Body::Bytes(body)))
        },
        Err(cause) if cause.cors_failure().is_some_and(may_ask) => None,
        Err(cause) => {
            // NB: of an error that script takes for permanent it does not report the preload's timing.
            timing.inner().preloaded = !cause.network_error().is_permanent_failure();
            // NB: a preload that consumed another one hands on what that one failed of, so that whoever consumes it in turn gets
            // no more and no less than of the first, and reports its timing if neither has done so.
            let cause = match params.request.preload_id {
                Some(_) => *cause,
                None => Cause::Preload(cause),
            };
            Some(FetchResponse::network_error(cause))
        },
    }
}

#[cfg(test)]
mod tests;
