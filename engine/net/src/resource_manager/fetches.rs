//! From the message that asks for a fetch to the task that does it.

use std::sync::Arc;

use net_traits::blob_url_store::parse_blob_url;
use net_traits::filemanager_thread::FileTokenCheck;
use net_traits::request::{Request, RequestBuilder};
use net_traits::response::ResponseInit;
use net_traits::{
    DiscardFetch, FetchChannels, FetchResponseMsg, FetchTaskTarget, ResourceFetchTiming,
};
use servo_base::generic_channel::GenericCallback;
use uuid::Uuid;

use super::fetch_groups::Registration;
use super::page_target::PageTarget;
use crate::embedding;
use crate::fetch::{fetch, follow_manual_redirect};
use crate::files::FileManager;
use crate::network_state::{FetchContext, NetworkState};
use crate::{runtime, websocket};

/// Starts the fetch that a page asked for, and returns at once.
pub(super) fn start(state: &Arc<NetworkState>, builder: RequestBuilder, channels: FetchChannels) {
    match channels {
        FetchChannels::ResponseMsg(page) => {
            let request = builder.build();
            let registration = register(state, &request);
            let target = PageTarget::new(page, &request, registration.as_ref());
            run(state, request, registration, None, target);
        },
        FetchChannels::Prefetch => {
            let request = builder.build();
            let registration = register(state, &request);
            run(state, request, registration, None, DiscardFetch);
        },
        FetchChannels::WebSocket {
            event_sender,
            action_receiver,
        } => {
            // From here on the channels see to it that script is answered, also if the connection is refused below.
            let script = websocket::Script::new(event_sender, action_receiver);
            let Ok(request) = websocket::handshake_request(builder) else {
                return;
            };
            let Some(registration) = register(state, &request.request) else {
                return;
            };
            let context = context(
                state,
                &request.request,
                &registration,
                FileTokenCheck::NotRequired,
            );
            runtime::spawn(async move {
                websocket::connect(request, script, &context).await;
                drop(registration);
            });
        },
    }
}

/// Goes on with a navigation that ended with a redirect, as the page's loader decided.
pub(super) fn resume_at_redirect(
    state: &Arc<NetworkState>,
    builder: RequestBuilder,
    init: ResponseInit,
    page: GenericCallback<FetchResponseMsg>,
) {
    let request = builder.build();
    let registration = register(state, &request);
    let target = PageTarget::new(page, &request, registration.as_ref());
    run(state, request, registration, Some(init), target);
}

/// Runs the fetch on the runtime, if it could be put on record.
fn run<T>(
    state: &Arc<NetworkState>,
    request: Request,
    registration: Option<Arc<Registration>>,
    redirect: Option<ResponseInit>,
    mut target: T,
) where
    T: FetchTaskTarget + Send + 'static,
{
    let Some(registration) = registration else {
        // Dropping the target ends the request. Some pages take one message at a time, so it is not done here.
        runtime::spawn_blocking(move || drop(target));
        return;
    };
    let claim = FileClaim::new(&request, &state.files);
    let context = context(state, &request, &registration, claim.check.clone());
    // NB: the request that consumes a preload may come right after it, so the preload is known before its task runs.
    state.preloaded.begin(&request);
    runtime::spawn(async move {
        match redirect {
            Some(init) => follow_manual_redirect(request, init, &mut target, &context).await,
            None => fetch(request, &mut target, &context).await,
        }
        drop((registration, claim));
    });
}

fn register(state: &NetworkState, request: &Request) -> Option<Arc<Registration>> {
    let contexts = embedding::contexts();
    contexts.note_request(request);
    state
        .groups
        .register(request, contexts.webview_of(request))
        .map(Arc::new)
}

fn context(
    state: &Arc<NetworkState>,
    request: &Request,
    registration: &Registration,
    file_token: FileTokenCheck,
) -> FetchContext {
    FetchContext {
        state: state.clone(),
        controller: registration.controller.clone(),
        timing: ResourceFetchTiming::new(request.timing_type()).into(),
        file_token,
    }
}

/// The right to read the blob that a request is for, held from the request's message to the end of its fetch: revoking
/// the blob's URL meanwhile changes nothing
/// ([blob URL entries](https://url.spec.whatwg.org/#concept-url-blob-entry) are resolved when a URL is parsed).
struct FileClaim {
    check: FileTokenCheck,
    /// The blob, if its token was issued here and has to be given back.
    issued: Option<(FileManager, Uuid)>,
}

impl FileClaim {
    fn new(request: &Request, files: &FileManager) -> Self {
        let url = request.current_url_with_blob_claim();
        if url.scheme() != "blob" {
            return Self {
                check: FileTokenCheck::NotRequired,
                issued: None,
            };
        }
        // Whoever parsed the URL should have claimed the blob; that token is given back with the last copy of the URL.
        if let Some(claimed) = url.token() {
            return Self {
                check: FileTokenCheck::Required(claimed.token),
                issued: None,
            };
        }
        // AD-HOC: not every caller in script does yet, so the blob is claimed here, if its URL still stands.
        let Ok(id) = parse_blob_url(&url.url()) else {
            return Self {
                check: FileTokenCheck::ShouldFail,
                issued: None,
            };
        };
        Self {
            check: files.get_token_for_file(&id, false),
            issued: Some((files.clone(), id)),
        }
    }
}

impl Drop for FileClaim {
    fn drop(&mut self) {
        if let Some((files, id)) = &self.issued {
            files.invalidate_token(&self.check, id);
        }
    }
}
