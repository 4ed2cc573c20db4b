//! Who makes requests: which document of which tab, on which top-level site.
//!
//! A request's client says its origin and whether it is nested, but nothing of the tab's top-level document. That is
//! put together here from two sides: the documents' own requests, and what the shell says about its tabs. Where the two
//! do not fit together the answer is “unknown”, and whoever asks has to take the safe way.

mod session_history;
mod shown;

use std::sync::Arc;
use std::time::{Duration, Instant};

use content_security_policy::Destination;
use net_traits::request::{Origin, Referrer, Request, RequestClient};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use servo_base::id::{PipelineId, WebViewId};
use servo_url::{ImmutableOrigin, ServoUrl};
use user_cors::{AddressSpace, ClientContext, DocumentId, Site, TabId, TupleOrigin};

use self::session_history::SessionHistory;

/// How many documents are remembered; the oldest are forgotten, and their requests are then of unknown origin.
const DOCUMENTS_LIMIT: usize = 8192;
/// How many documents of a tab are awaited at once.
const ARRIVING_LIMIT: usize = 8;
/// How long after its response a document counts as the tab's, until the shell has said so or not (a download never is).
const COMMIT_LIMIT: Duration = Duration::from_secs(2);
/// How long a navigation that the shell announced may take to get here.
const ANNOUNCEMENT_LIMIT: Duration = Duration::from_secs(30);
/// The [transient activation duration](https://html.spec.whatwg.org/multipage/interaction.html#transient-activation-duration).
const ACTIVATION_LIMIT: Duration = Duration::from_secs(5);

/// The requester of a fetch, where it is known for certain.
#[derive(Clone, Debug)]
pub(crate) struct RequesterContext {
    /// The tab.
    pub tab: TabId,
    /// The document.
    pub document: DocumentId,
    /// What kind of client it is.
    pub client: ClientContext,
    /// The origin of the document and of the request's client.
    pub origin: Arc<ImmutableOrigin>,
    /// The same as the permission model has it; `None` if it is opaque or of another scheme than http and https.
    pub tuple_origin: Option<TupleOrigin>,
    /// The site of the tab's top-level document.
    pub top_level_site: Site,
    /// The address space that the document came from.
    pub address_space: AddressSpace,
}

/// What is known about documents and tabs. A clone is another handle to the same knowledge.
#[derive(Clone, Default)]
pub(crate) struct Contexts(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    documents: FxHashMap<PipelineId, Document>,
    tabs: FxHashMap<WebViewId, Tab>,
    /// Orders what was learned.
    clock: u64,
    tabs_made: u64,
}

/// A document whose response has come.
struct Document {
    webview: WebViewId,
    nested: bool,
    url: ServoUrl,
    origin: Arc<ImmutableOrigin>,
    tuple_origin: Option<TupleOrigin>,
    /// Its site; for a nested document, that of the top-level document above it.
    top_level_site: Option<Site>,
    space: Option<AddressSpace>,
    /// Whether it made a shared or service worker. Requests of those look like ones of a dedicated worker.
    shares_workers: bool,
    /// Whether the tab has left it for another, and not come back. Its workers may outlive it.
    is_left: bool,
    noted: u64,
    noted_at: Instant,
    /// The top-level document that a nested one is in, as far as it can be told.
    top_level: Option<PipelineId>,
}

struct Tab {
    id: TabId,
    /// The URL that the shell last saw in the tab, and when.
    shown: Option<(ServoUrl, u64)>,
    history: SessionHistory,
    /// The top-level documents whose responses have come and that the shell has not shown yet, the newest last.
    arriving: Vec<PipelineId>,
    /// The top-level document that the shell shows; `None` if it has shown none, or one that is not known.
    committed: Option<PipelineId>,
    /// The site that the permission model was last told.
    site: Option<Site>,
    expected: Option<ExpectedNavigation>,
    interacted: Option<Instant>,
}

/// A navigation that the person began in the browser's own interface.
struct ExpectedNavigation {
    url: ServoUrl,
    announced: Instant,
    /// The document that turned out to be its, so that no other can pose as it.
    pipeline: Option<PipelineId>,
}

impl Document {
    /// Whether a URL has the document's origin.
    fn has_origin_of(&self, url: &ServoUrl) -> bool {
        // NB: the first takes no memory, and is what mostly decides.
        let tuple_origin = self.tuple_origin.as_ref();
        tuple_origin.is_some_and(|origin| origin.is_of(url.as_url()))
            || url.origin() == *self.origin
    }
}

impl Contexts {
    /// A document's response has come, from a peer in `space` (`None`: not known, or through a proxy).
    pub fn note_document(&self, request: &Request, space: Option<AddressSpace>, now: Instant) {
        let (Some(pipeline), Some(webview)) = (request.pipeline_id, request.target_webview_id)
        else {
            return;
        };
        let nested = is_nested_navigation(request);
        let origin = request.current_url_with_blob_claim().origin();
        let mut state = self.0.lock();
        let noted = state.tick();
        let url = request.current_url();
        let top_level_site = if nested {
            state.shown_site(webview, now)
        } else {
            site_of(&url)
        };
        let tab = state.tab(webview);
        let top_level = if nested {
            tab.arriving.last().copied().or(tab.committed)
        } else {
            if tab.arriving.len() == ARRIVING_LIMIT {
                tab.arriving.remove(0);
            }
            tab.arriving.push(pipeline);
            None
        };
        state.documents.insert(
            pipeline,
            Document {
                webview,
                nested,
                tuple_origin: TupleOrigin::from_origin(&origin.clone().into_url_origin()),
                origin: Arc::new(origin),
                url,
                top_level_site,
                space,
                shares_workers: false,
                is_left: false,
                noted,
                noted_at: now,
                top_level,
            },
        );
        state.forget_oldest();
    }

    /// A fetch begins. Remembers which documents have workers that are not theirs alone.
    pub fn note_request(&self, request: &Request) {
        if !matches!(
            request.destination,
            Destination::SharedWorker | Destination::ServiceWorker
        ) {
            return;
        }
        if let Some(pipeline) = request.pipeline_id
            && let Some(document) = self.0.lock().documents.get_mut(&pipeline)
        {
            document.shares_workers = true;
        }
    }

    /// The document's response is about to be handed over, and the tab is going to show it. Returns the site that it puts
    /// the tab on.
    pub fn document_delivered(&self, request: &Request) -> Option<Site> {
        let site = site_of(&request.current_url());
        if let Some(webview) = request.target_webview_id {
            self.0.lock().tab(webview).site.clone_from(&site);
        }
        site
    }

    /// The person is about to navigate the tab to `url` from the browser's own interface.
    pub fn expect_user_navigation(&self, webview: WebViewId, url: ServoUrl, now: Instant) {
        self.0.lock().tab(webview).expected = Some(ExpectedNavigation {
            url,
            announced: now,
            pipeline: None,
        });
    }

    /// The person did something in the tab's page.
    pub fn user_interacted(&self, webview: WebViewId, now: Instant) {
        self.0.lock().tab(webview).interacted = Some(now);
    }

    /// The tab is closed. Returns its documents.
    pub fn forget(&self, webview: WebViewId) -> Vec<PipelineId> {
        let mut state = self.0.lock();
        state.tabs.remove(&webview);
        state
            .documents
            .extract_if(|_, document| document.webview == webview)
            .map(|(pipeline, _)| pipeline)
            .collect()
    }

    /// The top-level document that a tab shows, with its origin; `None` if it is not known.
    pub fn shown_document(&self, webview: WebViewId) -> Option<(PipelineId, ImmutableOrigin)> {
        let state = self.0.lock();
        let tab = state.tabs.get(&webview)?;
        let pipeline = tab.committed.or(tab.arriving.last().copied())?;
        let document = state.documents.get(&pipeline)?;
        Some((pipeline, ImmutableOrigin::clone(&document.origin)))
    }

    /// The tab's name in the permission model.
    pub fn tab(&self, webview: WebViewId) -> TabId {
        self.0.lock().tab(webview).id
    }

    /// The tab of that name, if it is still there.
    pub fn webview(&self, tab: TabId) -> Option<WebViewId> {
        let state = self.0.lock();
        let mut tabs = state.tabs.iter();
        tabs.find(|(_, known)| known.id == tab)
            .map(|(webview, _)| *webview)
    }

    /// All tabs that are known.
    pub fn webviews(&self) -> Vec<WebViewId> {
        self.0.lock().tabs.keys().copied().collect()
    }

    /// The tab of a request: the one it names, else the one its document is in (`sendBeacon` names none).
    pub fn webview_of(&self, request: &Request) -> Option<WebViewId> {
        request.target_webview_id.or_else(|| {
            let state = self.0.lock();
            Some(state.documents.get(&request.pipeline_id?)?.webview)
        })
    }

    /// The requester of a request that is no navigation; `None` if it is not known or what is known disagrees.
    pub fn requester(&self, request: &Request, now: Instant) -> Option<RequesterContext> {
        if request.is_navigation_request() {
            return None;
        }
        let client = request.client.as_ref()?;
        let state = self.0.lock();
        let pipeline = request
            .pipeline_id
            .or_else(|| state.document_of_font(request, client))?;
        let document = state.documents.get(&pipeline)?;
        let tab = state.tabs.get(&document.webview)?;
        if request
            .target_webview_id
            .is_some_and(|webview| webview != document.webview)
            || !matches!(&client.origin, Origin::Origin(origin) if *origin == *document.origin)
            || request.origin != Origin::Client && request.origin != client.origin
        {
            return None;
        }
        let kind = if document.nested {
            ClientContext::Nested
        } else {
            // The tab must be showing this very document's origin: by the shell's word, or because the document has
            // only just arrived and the shell has not spoken since.
            let shown = state.shown_url(document.webview, now)?;
            if client.is_nested_browsing_context || !document.has_origin_of(shown) {
                return None;
            }
            client_context(client, document)
        };
        Some(RequesterContext {
            tab: tab.id,
            document: DocumentId(pipeline.into()),
            client: kind,
            tuple_origin: document.tuple_origin.clone(),
            origin: document.origin.clone(),
            top_level_site: document.top_level_site.clone()?,
            address_space: document.space.unwrap_or(AddressSpace::Public),
        })
    }

    /// The address space that the request's page came from: its own document, or for a frame to come the tab's. What is not
    /// known counts as public.
    pub fn address_space(&self, request: &Request, now: Instant) -> AddressSpace {
        let state = self.0.lock();
        let document = if request.is_navigation_request() {
            let tab = request
                .target_webview_id
                .and_then(|webview| state.tabs.get(&webview));
            tab.and_then(|tab| state.arriving(tab, now).or(tab.committed))
        } else {
            request.pipeline_id
        };
        document
            .and_then(|pipeline| state.documents.get(&pipeline)?.space)
            .unwrap_or(AddressSpace::Public)
    }

    /// The site of the top-level document of the request's tab.
    pub fn top_level_site(&self, request: &Request, now: Instant) -> Option<Site> {
        if request.destination == Destination::Document && !is_nested_navigation(request) {
            return site_of(&request.current_url());
        }
        let state = self.0.lock();
        if let Some(document) = request
            .pipeline_id
            .and_then(|pipeline| state.documents.get(&pipeline))
            && !request.is_navigation_request()
        {
            return document.top_level_site.clone();
        }
        state.shown_site(request.target_webview_id?, now)
    }

    /// Whether this is the navigation that the shell announced: typed, from a bookmark, and the like.
    pub fn is_user_initiated_navigation(&self, request: &Request, now: Instant) -> bool {
        let (Some(pipeline), Some(webview)) = (request.pipeline_id, request.target_webview_id)
        else {
            return false;
        };
        if request.destination != Destination::Document || is_nested_navigation(request) {
            return false;
        }
        // What the shell loads has no origin and no referrer. A page can make its navigations look like that, but not
        // one that was announced.
        let from_nowhere = matches!(request.referrer, Referrer::NoReferrer)
            && request
                .client
                .as_ref()
                .is_some_and(|client| client.origin.is_opaque());
        let mut state = self.0.lock();
        let Some(expected) = state
            .tabs
            .get_mut(&webview)
            .and_then(|tab| tab.expected.as_mut())
        else {
            return false;
        };
        match expected.pipeline {
            Some(bound) => bound == pipeline,
            None => {
                let is_it = from_nowhere
                    && now.saturating_duration_since(expected.announced) <= ANNOUNCEMENT_LIMIT
                    && equal_but_for_upgrade(&expected.url, &request.url());
                if is_it {
                    expected.pipeline = Some(pipeline);
                }
                is_it
            },
        }
    }

    /// Whether the tab has
    /// [transient activation](https://html.spec.whatwg.org/multipage/interaction.html#transient-activation).
    pub fn has_user_activation(&self, webview: WebViewId, now: Instant) -> bool {
        let state = self.0.lock();
        state
            .tabs
            .get(&webview)
            .and_then(|tab| tab.interacted)
            .is_some_and(|then| now.saturating_duration_since(then) <= ACTIVATION_LIMIT)
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn tab(&mut self, webview: WebViewId) -> &mut Tab {
        self.tabs.entry(webview).or_insert_with(|| {
            self.tabs_made += 1;
            Tab {
                id: TabId(self.tabs_made),
                shown: None,
                history: SessionHistory::default(),
                arriving: Vec::new(),
                committed: None,
                site: None,
                expected: None,
                interacted: None,
            }
        })
    }

    /// What the tab shows, as far as it can be told.
    fn shown_url(&self, webview: WebViewId, now: Instant) -> Option<&ServoUrl> {
        let tab = self.tabs.get(&webview)?;
        let arriving = self.arriving(tab, now);
        arriving
            .and_then(|pipeline| Some(&self.documents.get(&pipeline)?.url))
            .or(tab.shown.as_ref().map(|(url, _)| url))
    }

    /// The document that the tab is about to show: its response has only just come, and the shell has not spoken since.
    fn arriving(&self, tab: &Tab, now: Instant) -> Option<PipelineId> {
        let pipeline = *tab.arriving.last()?;
        let document = self.documents.get(&pipeline)?;
        tab.shown
            .as_ref()
            .is_none_or(|(_, said)| {
                document.noted > *said
                    && now.saturating_duration_since(document.noted_at) <= COMMIT_LIMIT
            })
            .then_some(pipeline)
    }

    fn shown_site(&self, webview: WebViewId, now: Instant) -> Option<Site> {
        site_of(self.shown_url(webview, now)?)
    }

    /// The top-level document that a font is for: its request names the tab, the client's origin and whether that is nested,
    /// but no document. `None` if there is none of that origin in the tab, or there are several that are not equal in all that
    /// a decision takes from them.
    ///
    /// That suffices, because the site of a top-level document follows from its origin: whichever of them it is, top-level site
    /// and requester are the same. Which one it is tells a question its document, and fonts never ask.
    ///
    /// NB: the request's referrer tells nothing here. It is the document's base URL, which a page chooses.
    fn document_of_font(&self, request: &Request, client: &RequestClient) -> Option<PipelineId> {
        let webview = request.target_webview_id?;
        if request.destination != Destination::Font || client.is_nested_browsing_context {
            return None;
        }
        let candidates = || {
            self.documents.iter().filter(|(_, document)| {
                document.webview == webview
                    && !document.nested
                    && matches!(&client.origin, Origin::Origin(origin) if *origin == *document.origin)
            })
        };
        let (pipeline, newest) = candidates().max_by_key(|(_, document)| document.noted)?;
        candidates()
            .all(|(_, document)| {
                document.space == newest.space
                    && document.shares_workers == newest.shares_workers
                    && document.top_level_site == newest.top_level_site
            })
            .then_some(*pipeline)
    }

    fn forget_oldest(&mut self) {
        if self.documents.len() <= DOCUMENTS_LIMIT {
            return;
        }
        // A quarter at a time, so that this is rare.
        let mut ages: Vec<u64> = self
            .documents
            .values()
            .map(|document| document.noted)
            .collect();
        ages.sort_unstable();
        let limit = ages.get(DOCUMENTS_LIMIT / 4).copied().unwrap_or(0);
        self.documents.retain(|_, document| document.noted > limit);
    }
}

/// Which kind of client of a top-level document this is.
///
/// NB: a window of a secure page says that it has a trustworthy ancestor or is one itself, and no worker ever does. A window that
/// the tab has left makes no requests, but a worker may outlive its document, and then belongs to none.
fn client_context(client: &RequestClient, document: &Document) -> ClientContext {
    if client.has_trustworthy_ancestor_origin {
        ClientContext::TopLevelDocument
    } else if document.shares_workers || document.is_left {
        ClientContext::Unknown
    } else if TupleOrigin::from_url(document.url.as_url())
        .is_some_and(|origin| origin.is_potentially_trustworthy())
    {
        ClientContext::DedicatedWorker
    } else {
        // A window of an insecure page, or a worker of it; they cannot be told apart and are treated alike.
        ClientContext::TopLevelDocument
    }
}

fn is_nested_navigation(request: &Request) -> bool {
    request.destination != Destination::Document
        || request
            .client
            .as_ref()
            .is_some_and(|client| client.is_nested_browsing_context)
}

fn site_of(url: &ServoUrl) -> Option<Site> {
    TupleOrigin::from_url(url.as_url()).map(|origin| origin.site())
}

/// Whether the URLs are equal, or `reached` is `announced` after an upgrade to https.
fn equal_but_for_upgrade(announced: &ServoUrl, reached: &ServoUrl) -> bool {
    if announced == reached {
        return true;
    }
    let mut upgraded = announced.clone();
    announced.scheme() == "http"
        && upgraded.as_mut_url().set_scheme("https").is_ok()
        && upgraded == *reached
}

#[cfg(test)]
mod tests;
