//! The fetches under way, so that they can be ended: one by one, by document, by tab, and all of them.
//!
//! Servo's pages end a fetch by its id; closing a tab or leaving a page says nothing to the network. So each fetch is
//! on record here from its message to its end, and the shell's word reaches it by the tab it belongs to.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use content_security_policy::Destination;
use net_traits::request::{Request, RequestId, RequestMode};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use servo_base::id::{PipelineId, WebViewId};
use smallvec::SmallVec;
use tokio_util::sync::CancellationToken;

/// How many WebSockets are open or opening at once; more fail at once.
const WEB_SOCKETS_LIMIT: usize = 256;

/// The end that somebody else may put to a fetch: its
/// [controller](https://fetch.spec.whatwg.org/#fetch-controller), as far as it aborts and terminates.
#[derive(Clone, Debug, Default)]
pub struct FetchController {
    token: CancellationToken,
    stopped: Arc<AtomicBool>,
    is_detached: bool,
}

/// How a fetch was ended by somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Termination {
    /// Whoever asked for it wants it no more.
    Cancelled,
    /// The person stopped a navigation: the tab stays as it is.
    Stopped,
}

impl FetchController {
    /// The controller of a fetch that belongs to no group, and that only its maker ends.
    pub(crate) fn detached() -> Self {
        Self {
            is_detached: true,
            ..Self::default()
        }
    }

    /// Whether the fetch belongs to no group: no page waits for it.
    pub(crate) fn is_detached(&self) -> bool {
        self.is_detached
    }

    /// Waits until the fetch is to end. Returns at once if it is already.
    pub(crate) async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// Whether the fetch is to end.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// [Aborts](https://fetch.spec.whatwg.org/#fetch-controller-abort) the fetch.
    pub(crate) fn cancel(&self) {
        self.token.cancel();
    }

    /// Ends a navigation because the person stopped it.
    fn stop(&self) {
        if !self.is_cancelled() {
            self.stopped.store(true, Ordering::Release);
        }
        self.token.cancel();
    }

    /// How the fetch was ended; `None` if it was not.
    pub(crate) fn termination(&self) -> Option<Termination> {
        self.is_cancelled().then(|| {
            if self.stopped.load(Ordering::Acquire) {
                Termination::Stopped
            } else {
                Termination::Cancelled
            }
        })
    }
}

/// All [fetch groups](https://fetch.spec.whatwg.org/#concept-fetch-group) of one resource thread. A clone is another
/// handle to the same records.
#[derive(Clone, Default)]
pub struct FetchGroups(Arc<Mutex<Records>>);

#[derive(Default)]
struct Records {
    /// An `EventSource` uses its id again, and may do so before the record of its last fetch is gone.
    by_request: FxHashMap<RequestId, SmallVec<[FetchRecord; 1]>>,
    made: u64,
    web_sockets: usize,
    shut_down: bool,
}

/// A [fetch record](https://fetch.spec.whatwg.org/#concept-fetch-record).
#[derive(Clone)]
struct FetchRecord {
    serial: u64,
    controller: FetchController,
    webview: Option<WebViewId>,
    pipeline: Option<PipelineId>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Navigation,
    /// Of a frame, an `embed` or an `object`: it ends with the document around it.
    NestedNavigation,
    Subresource,
    WebSocket,
    /// May outlive its document, and has a body of so many bytes.
    Keepalive(u64),
}

/// A fetch's place on record. Dropping it takes the fetch off: its “done flag”.
pub(crate) struct Registration {
    /// What ends the fetch.
    pub(crate) controller: FetchController,
    groups: FetchGroups,
    request: RequestId,
    serial: u64,
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

impl FetchGroups {
    /// Puts a fetch on record, as one of the tab `webview`. `None` if nothing is fetched any more, or there are too many
    /// of its kind; it must then be answered with an error.
    pub(crate) fn register(
        &self,
        request: &Request,
        webview: Option<WebViewId>,
    ) -> Option<Registration> {
        let kind = match &request.mode {
            RequestMode::WebSocket { .. } => Kind::WebSocket,
            _ if request.is_navigation_request() => {
                if request.destination == Destination::Document {
                    Kind::Navigation
                } else {
                    Kind::NestedNavigation
                }
            },
            _ if request.keep_alive => {
                let length = request.body.as_ref().and_then(|body| body.len());
                Kind::Keepalive(length.unwrap_or(0).try_into().unwrap_or(u64::MAX))
            },
            _ => Kind::Subresource,
        };
        let mut records = self.0.lock();
        if records.shut_down {
            return None;
        }
        if kind == Kind::WebSocket {
            if records.web_sockets >= WEB_SOCKETS_LIMIT {
                return None;
            }
            records.web_sockets += 1;
        }
        records.made += 1;
        let serial = records.made;
        let controller = FetchController::default();
        records
            .by_request
            .entry(request.id)
            .or_default()
            .push(FetchRecord {
                serial,
                controller: controller.clone(),
                webview,
                pipeline: request.pipeline_id,
                kind,
            });
        Some(Registration {
            controller,
            groups: self.clone(),
            request: request.id,
            serial,
        })
    }

    /// Ends the fetches of these requests.
    pub(crate) fn cancel(&self, requests: &[RequestId]) {
        let records = self.0.lock();
        for request in requests {
            for record in records.by_request.get(request).into_iter().flatten() {
                record.controller.cancel();
            }
        }
    }

    /// Ends the fetches of a tab that is being closed, and of its documents, but not those that may outlive them.
    pub(crate) fn cancel_webview(&self, webview: WebViewId, documents: &[PipelineId]) {
        self.cancel_where(|record| {
            !matches!(record.kind, Kind::Keepalive(_))
                && (record.webview == Some(webview) || record.is_of(documents))
        });
    }

    /// Ends the fetches of documents that are gone, but not those that may outlive them. The navigation that replaces
    /// a document is not one of its fetches.
    pub(crate) fn cancel_documents(&self, documents: &[PipelineId]) {
        self.cancel_where(|record| {
            matches!(
                record.kind,
                Kind::NestedNavigation | Kind::Subresource | Kind::WebSocket
            ) && record.is_of(documents)
        });
    }

    /// Ends what a tab is loading: its navigations and subresources, not its WebSockets
    /// ([stop document loading](https://html.spec.whatwg.org/multipage/document-lifecycle.html#abort-a-document)).
    pub(crate) fn stop_webview(&self, webview: WebViewId) {
        self.end_where(
            |record| {
                matches!(
                    record.kind,
                    Kind::Navigation | Kind::NestedNavigation | Kind::Subresource
                ) && record.webview == Some(webview)
            },
            |record| match record.kind {
                Kind::Navigation | Kind::NestedNavigation => record.controller.stop(),
                _ => record.controller.cancel(),
            },
        );
    }

    /// Ends all fetches, and refuses those to come.
    pub(crate) fn shut_down(&self) {
        self.0.lock().shut_down = true;
        self.cancel_where(|_| true);
    }

    /// Whether [`shut_down`](Self::shut_down) was called.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.0.lock().shut_down
    }

    /// How many bytes the bodies of a document's keepalive requests in flight have together, without that of `except`.
    pub(crate) fn keepalive_bytes(&self, pipeline: PipelineId, except: Option<RequestId>) -> u64 {
        let records = self.0.lock();
        records
            .by_request
            .iter()
            .filter(|(request, _)| except != Some(**request))
            .flat_map(|(_, records)| records)
            .filter(|record| record.pipeline == Some(pipeline))
            .map(|record| match record.kind {
                Kind::Keepalive(length) => length,
                _ => 0,
            })
            .fold(0, u64::saturating_add)
    }

    fn cancel_where(&self, concerned: impl Fn(&FetchRecord) -> bool) {
        self.end_where(concerned, |record| record.controller.cancel());
    }

    /// Ends fetches without holding the lock: the task of an ended fetch comes back here.
    fn end_where(&self, concerned: impl Fn(&FetchRecord) -> bool, end: impl Fn(&FetchRecord)) {
        let records: Vec<_> = self
            .0
            .lock()
            .by_request
            .values()
            .flatten()
            .filter(|record| concerned(record))
            .cloned()
            .collect();
        records.iter().for_each(end);
    }

    fn finish(&self, request: RequestId, serial: u64) {
        let mut guard = self.0.lock();
        let records = &mut *guard;
        let Some(of_request) = records.by_request.get_mut(&request) else {
            return;
        };
        of_request.retain(|record| {
            let ended = record.serial == serial;
            if ended && record.kind == Kind::WebSocket {
                records.web_sockets = records.web_sockets.saturating_sub(1);
            }
            !ended
        });
        if of_request.is_empty() {
            records.by_request.remove(&request);
        }
    }
}

impl FetchRecord {
    fn is_of(&self, documents: &[PipelineId]) -> bool {
        self.pipeline
            .is_some_and(|pipeline| documents.contains(&pipeline))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.groups.finish(self.request, self.serial);
    }
}

#[cfg(test)]
mod tests {
    use net_traits::blob_url_store::UrlWithBlobClaim;
    use net_traits::request::{Referrer, RequestBuilder};
    use servo_base::id::{
        BrowsingContextId, PipelineNamespace, PipelineNamespaceId, TEST_WEBVIEW_ID,
    };
    use servo_url::ServoUrl;

    use super::*;

    fn request(webview: Option<WebViewId>, pipeline: Option<PipelineId>) -> Request {
        let url = ServoUrl::parse("https://page.example/").expect("a URL");
        let url = UrlWithBlobClaim::for_url(url).expect("no blob URL");
        RequestBuilder::new(webview, url, Referrer::NoReferrer)
            .pipeline_id(pipeline)
            .build()
    }

    fn register(groups: &FetchGroups, request: &Request) -> Registration {
        groups
            .register(request, request.target_webview_id)
            .expect("fetches are taken on")
    }

    fn web_socket(request: &mut Request) {
        request.mode = RequestMode::WebSocket {
            protocols: Vec::new(),
            original_url: request.url(),
        };
    }

    #[test]
    fn a_tab_is_cancelled_without_its_neighbour_and_without_keepalive() {
        PipelineNamespace::install(PipelineNamespaceId(7001));
        let groups = FetchGroups::default();
        let neighbour = WebViewId::mock_for_testing(BrowsingContextId::new());
        let document = PipelineId::new();
        let own = request(Some(TEST_WEBVIEW_ID), Some(document));
        let by_document = request(None, Some(document));
        let mut keepalive = request(Some(TEST_WEBVIEW_ID), Some(document));
        keepalive.keep_alive = true;
        let other = request(Some(neighbour), Some(PipelineId::new()));
        let [own, by_document, keepalive, other] =
            [own, by_document, keepalive, other].map(|request| register(&groups, &request));
        groups.cancel_webview(TEST_WEBVIEW_ID, &[document]);
        assert!(own.controller.is_cancelled());
        assert!(by_document.controller.is_cancelled());
        assert!(!keepalive.controller.is_cancelled());
        assert!(!other.controller.is_cancelled());
    }

    #[test]
    fn stop_spares_web_sockets_and_replacing_a_document_spares_navigations() {
        PipelineNamespace::install(PipelineNamespaceId(7002));
        let groups = FetchGroups::default();
        let document = PipelineId::new();
        let mut navigation = request(Some(TEST_WEBVIEW_ID), Some(document));
        navigation.destination = Destination::Document;
        let mut socket = request(Some(TEST_WEBVIEW_ID), Some(document));
        web_socket(&mut socket);
        let image = request(Some(TEST_WEBVIEW_ID), Some(document));
        let mut frame = request(Some(TEST_WEBVIEW_ID), Some(document));
        frame.destination = Destination::IFrame;
        let [navigation, socket, image, frame] =
            [navigation, socket, image, frame].map(|request| register(&groups, &request));
        groups.cancel_documents(&[document]);
        assert!(!navigation.controller.is_cancelled());
        assert!(frame.controller.is_cancelled());
        assert!(socket.controller.is_cancelled());
        assert!(image.controller.is_cancelled());

        let mut socket = request(Some(TEST_WEBVIEW_ID), None);
        web_socket(&mut socket);
        let socket = register(&groups, &socket);
        let late = request(Some(TEST_WEBVIEW_ID), None);
        let late = register(&groups, &late);
        groups.stop_webview(TEST_WEBVIEW_ID);
        assert_eq!(
            navigation.controller.termination(),
            Some(Termination::Stopped)
        );
        assert_eq!(late.controller.termination(), Some(Termination::Cancelled));
        assert_eq!(socket.controller.termination(), None);
    }

    #[test]
    fn after_the_end_nothing_is_taken_on() {
        let groups = FetchGroups::default();
        let request = request(None, None);
        let running = register(&groups, &request);
        assert!(!groups.is_shut_down());
        groups.shut_down();
        assert!(groups.is_shut_down());
        assert!(running.controller.is_cancelled());
        assert!(groups.register(&request, None).is_none());
    }

    #[test]
    fn an_id_that_is_used_again_keeps_its_second_fetch() {
        let groups = FetchGroups::default();
        let request = request(None, None);
        let first = register(&groups, &request);
        let second = register(&groups, &request);
        drop(first);
        groups.cancel(&[request.id]);
        assert!(second.controller.is_cancelled());
        drop(second);
        assert!(groups.0.lock().by_request.is_empty());
    }

    #[test]
    fn web_sockets_are_counted_and_limited() {
        let groups = FetchGroups::default();
        let mut request = request(None, None);
        web_socket(&mut request);
        let mut open: Vec<_> = (0..WEB_SOCKETS_LIMIT)
            .map(|_| register(&groups, &request))
            .collect();
        assert!(groups.register(&request, None).is_none());
        open.pop();
        assert!(groups.register(&request, None).is_some());
    }

    #[test]
    fn keepalive_bytes_are_counted_by_document() {
        PipelineNamespace::install(PipelineNamespaceId(7003));
        let groups = FetchGroups::default();
        let document = PipelineId::new();
        let record = |length, pipeline| {
            let mut request = request(None, Some(pipeline));
            request.keep_alive = true;
            let (sender, _) = ipc_channel::ipc::channel().expect("a channel");
            request.body = Some(net_traits::request::RequestBody::new(
                sender,
                net_traits::request::BodySource::Object,
                length,
            ));
            (request.id, register(&groups, &request))
        };
        let (first, _one) = record(Some(1000), document);
        let (_, two) = record(Some(24), document);
        let (_, _unknown_length) = record(None, document);
        let (_, _other) = record(Some(7), PipelineId::new());
        assert_eq!(groups.keepalive_bytes(document, None), 1024);
        assert_eq!(groups.keepalive_bytes(document, Some(first)), 24);
        drop(two);
        assert_eq!(groups.keepalive_bytes(document, None), 1000);
    }
}
