//! [Preloaded resources](https://html.spec.whatwg.org/multipage/links.html#link-type-preload): responses fetched before
//! the page asks for them, kept until it does.

use bytes::Bytes;
use content_security_policy::{SubresourceIntegrityMetadata, parse_subresource_integrity_metadata};
use http::Method;
use net_traits::request::{PreloadId, PreloadKey, Request, RequestMode};
use net_traits::response::Response;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::oneshot;

use super::body::Body;
use super::cause::Cause;
use super::params::PreloadedResponseCandidate;
use super::response::FetchResponse;

/// How large a preloaded body may be, in bytes; a larger one is fetched when the page asks.
const BODY_LIMIT: usize = 32 << 20;
/// How many preloads are remembered; the page of a forgotten one fetches it again.
const ENTRY_LIMIT: usize = 512;

/// A preloaded response: its head and the whole of its body.
pub(crate) type Preloaded = (Response, Bytes);

/// A [preload entry](https://html.spec.whatwg.org/multipage/links.html#preload-entry).
struct Entry {
    integrity_metadata: String,
    response: Option<Preloaded>,
    on_response_available: Option<oneshot::Sender<Preloaded>>,
}

/// The preload entries of all documents; each document knows the ids of its own.
#[derive(Default)]
pub struct PreloadedResources {
    entries: Mutex<FxHashMap<PreloadId, Entry>>,
}

impl PreloadedResources {
    /// A preload begins: step 8 of
    /// [preload](https://html.spec.whatwg.org/multipage/links.html#preload).
    pub(crate) fn begin(&self, id: PreloadId, integrity_metadata: String) {
        let mut entries = self.entries.lock();
        if entries.len() >= ENTRY_LIMIT {
            entries.retain(|_, entry| entry.response.is_none());
        }
        entries.insert(
            id,
            Entry {
                integrity_metadata,
                response: None,
                on_response_available: None,
            },
        );
    }

    /// A preload's response is there: step 11 of
    /// [preload](https://html.spec.whatwg.org/multipage/links.html#preload). Returns it for the element that preloaded.
    pub(crate) async fn complete(&self, id: &PreloadId, response: FetchResponse) -> FetchResponse {
        let FetchResponse {
            head, body, cause, ..
        } = response;
        // 11.1. and 11.2. A body that could not be read makes the response a network error.
        let body = match body.read_all(BODY_LIMIT).await {
            Ok(bytes) if !head.is_network_error() => bytes,
            // A preload that failed leaves nothing behind, so that the page's own request is made anew.
            outcome => {
                self.entries.lock().remove(id);
                return match (cause, outcome) {
                    (_, Err(error)) => FetchResponse::network_error(Cause::Body(error)),
                    (cause, Ok(_)) => FetchResponse {
                        cause,
                        ..FetchResponse::new(head, Body::Empty)
                    },
                };
            },
        };
        let mut entries = self.entries.lock();
        // 11.5. Keep the response, or give it to who waits.
        if let Some(entry) = entries.get_mut(id) {
            match entry.on_response_available.take() {
                Some(waiting) => {
                    let _ = waiting.send((head.clone(), body.clone()));
                    entries.remove(id);
                },
                None => entry.response = Some((head.clone(), body.clone())),
            }
        }
        FetchResponse::new(head, Body::Bytes(body))
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
            || request.preload_id.is_some()
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
        let Some(id) = client.preloaded_resources.get(&key) else {
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
                PreloadedResponseCandidate::Response(Box::new(response))
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

impl PreloadedResponseCandidate {
    /// Steps 1 to 3 of the first case of step 12 of
    /// [main fetch](https://fetch.spec.whatwg.org/#concept-main-fetch): the candidate, once it is there.
    pub(crate) async fn take(&mut self) -> Option<FetchResponse> {
        let (head, body) = match std::mem::take(self) {
            Self::None => return None,
            Self::Pending(receiver) => receiver.await.ok()?,
            Self::Response(response) => *response,
        };
        Some(FetchResponse::new(head, Body::Bytes(body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failed_preload_is_forgotten() {
        let preloads = PreloadedResources::default();
        let id = PreloadId::default();
        preloads.begin(id.clone(), String::new());
        let _ = preloads
            .complete(&id, FetchResponse::network_error(Cause::Cancelled))
            .await;
        assert!(preloads.entries.lock().is_empty());
    }
}
