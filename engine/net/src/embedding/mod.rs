//! What the shell tells the fetch stack and hears from it, beyond Servo's own messages.
//!
//! Servo's messages have no word for a question, for the site of a tab, or for the end of a tab's fetches, and none can
//! be added. So the shell depends on this crate, [installs](install) itself before the first `Servo` is made, and both sides
//! talk through the [`Embedding`] of the process.

mod asking;
mod certificates;
mod classified;
mod clock;
mod contexts;
mod default_gateway;
mod forgetting;
mod ledger_writer;
mod network_watch;
mod own_network;
mod questions;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, Instant};

use net_traits::request::Request;
use parking_lot::Mutex;
use servo_base::id::{PipelineId, WebViewId};
use servo_url::{ImmutableOrigin, ServoUrl};
use thiserror::Error;
use tokio::sync::watch;
use url::Url;
pub use user_cors::Answers;
use user_cors::{
    AddressSpace, AnswerError, Change, Choice, Clock, QuestionId, QuestionView, Settlement, Site,
    SystemClock, TicketId, Timestamp, UserCors, Verdict,
};

use self::certificates::AttachedStates;
pub(crate) use self::classified::ClassifiedRoute;
use self::clock::EmbeddingClock;
use self::contexts::Contexts;
pub(crate) use self::contexts::RequesterContext;
use self::ledger_writer::LedgerWriter;
pub(crate) use self::ledger_writer::{BodyEnd, ReleasedBody};
pub(crate) use self::network_watch::NetworkWatch;
use self::network_watch::Watchers;
use self::own_network::OwnNetwork;
use self::questions::WaitingRequests;
use crate::connection::NetworkPartitionKey;
use crate::events::{NetworkEvent, ToldIssues};
pub use crate::fetch::checks::local_network_access::{
    LocalNetworkAccess, UnknownLocalNetworkAccess,
};
use crate::resource_manager::FetchGroups;

/// What the shell is told. Calls come from any thread and must return at once: post to an event loop.
pub trait Observer: Send + Sync + 'static {
    /// The questions of a tab changed; [`Embedding::questions`] has them.
    fn questions_changed(&self, webview: WebViewId);

    /// A fetch reached a stage.
    fn network_event(&self, event: NetworkEvent);

    /// Whether anybody reads [`network_event`](Self::network_event)s; without a reader none is made.
    fn wants_network_events(&self) -> bool;
}

/// An observer that looks at nothing, for where there is no page, or nobody to see it.
#[derive(Clone, Copy, Debug)]
pub struct NoObserver;

impl Observer for NoObserver {
    fn questions_changed(&self, _: WebViewId) {}

    fn network_event(&self, _: NetworkEvent) {}

    fn wants_network_events(&self) -> bool {
        false
    }
}

/// What the shell brings.
pub struct EmbeddingOptions {
    /// The permission model, with its stores opened and its settings read.
    pub user_cors: Arc<UserCors>,
    /// Who listens.
    pub observer: Arc<dyn Observer>,
    /// PEM files with more roots for the public-root check (`--public-roots`).
    pub public_roots: Option<PathBuf>,
    /// PEM file with more roots that ordinary verification trusts beside the system's (`--certificate-path`); Servo's own
    /// option of that name is left unset.
    pub certificate_path: Option<PathBuf>,
    /// Who is asked for the addresses of names in the system's place (`--name-server`).
    pub name_server: Option<SocketAddr>,
    /// Answers for questions by rules instead of a person (`--user-cors FILE|deny`).
    pub answers: Answers,
    /// What becomes of ordinary requests into a less public address space.
    pub local_network_access: LocalNetworkAccess,
}

#[cfg(test)]
impl EmbeddingOptions {
    /// Those of a test that has no shell, and asks nobody.
    fn alone(user_cors: Arc<UserCors>) -> Self {
        Self {
            user_cors,
            observer: Arc::new(NoObserver),
            public_roots: None,
            certificate_path: None,
            name_server: None,
            answers: Answers::Person,
            local_network_access: LocalNetworkAccess::default(),
        }
    }
}

/// The fetch stack was told twice who embeds it.
#[derive(Clone, Copy, Debug, Error)]
#[error("the fetch stack has been given its embedding before")]
pub struct AlreadyInstalled;

static EMBEDDING: OnceLock<Embedding> = OnceLock::new();

/// Known with and without a shell: partitions depend on it.
static CONTEXTS: LazyLock<Contexts> = LazyLock::new(Contexts::default);

/// The process's side of the conversation between shell and fetch stack.
pub struct Embedding {
    pub(crate) user_cors: Arc<UserCors>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) public_roots: Option<PathBuf>,
    pub(crate) certificate_path: Option<PathBuf>,
    pub(crate) name_server: Option<SocketAddr>,
    pub(crate) local_network_access: LocalNetworkAccess,
    clock: EmbeddingClock,
    waiting: WaitingRequests<TicketId, Verdict>,
    groups: Mutex<Vec<FetchGroups>>,
    states: AttachedStates,
    shutting_down: AtomicBool,
    /// Whether a task ends questions in time.
    keeps_time: AtomicBool,
    own_network: OwnNetwork,
    ledger: LedgerWriter,
    pub(crate) told_issues: ToldIssues,
    /// How many wait or run for whom this machine's network is looked at again and again.
    network_watchers: Watchers,
    /// Changes whenever a permission, a setting or policy does.
    permissions: watch::Sender<()>,
}

/// Makes the shell known to the fetch stack. To be called before the first `Servo` is made: its resource threads look for
/// it when they start.
///
/// # Errors
/// [`AlreadyInstalled`] if the process has an embedding.
pub fn install(options: EmbeddingOptions) -> Result<(), AlreadyInstalled> {
    let user_cors = options.user_cors.clone();
    let answers = options.answers.clone();
    EMBEDDING
        .set(Embedding::new(options, Arc::new(SystemClock)))
        .map_err(|_| AlreadyInstalled)?;
    user_cors.set_answers(answers);
    if let Some(embedding) = Embedding::get() {
        embedding.look_at_own_network();
    }
    user_cors.set_listener(|change| {
        if let Some(embedding) = Embedding::get() {
            embedding.permissions_changed(change);
        }
    });
    Ok(())
}

impl Embedding {
    fn new(options: EmbeddingOptions, clock: Arc<dyn Clock>) -> Self {
        Self {
            user_cors: options.user_cors,
            observer: options.observer,
            public_roots: options.public_roots,
            certificate_path: options.certificate_path,
            name_server: options.name_server,
            local_network_access: options.local_network_access,
            clock: EmbeddingClock::new(clock),
            waiting: WaitingRequests::default(),
            groups: Mutex::default(),
            states: AttachedStates::default(),
            shutting_down: AtomicBool::new(false),
            keeps_time: AtomicBool::new(false),
            own_network: OwnNetwork::default(),
            ledger: LedgerWriter::default(),
            told_issues: ToldIssues::default(),
            network_watchers: Watchers::default(),
            permissions: watch::Sender::new(()),
        }
    }
}

// What the shell says and asks.
impl Embedding {
    /// The process's embedding, once it is [installed](install).
    pub fn get() -> Option<&'static Self> {
        EMBEDDING.get()
    }

    /// The permission model.
    pub fn user_cors(&self) -> &UserCors {
        &self.user_cors
    }

    /// The time by which permissions, questions and records go. Everything that is said to the permission model is said at
    /// this time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets the time by which permissions go stand still, so that only [`advance_clock`](Self::advance_clock) moves it. For
    /// tests of whole browsers.
    pub fn stop_clock(&self) {
        self.clock.stop();
    }

    /// Moves the time by which permissions go, and ends the questions whose time is over by it. For tests of whole browsers.
    pub fn advance_clock(&self, by: Duration) {
        self.clock.advance(by);
        self.settle(self.user_cors.expire(self.now()));
    }

    /// Takes back what [`stop_clock`](Self::stop_clock) and [`advance_clock`](Self::advance_clock) have done.
    pub fn reset_clock(&self) {
        self.clock.reset();
        self.settle(self.user_cors.expire(self.now()));
    }

    /// The question of a tab that is to be shown, if it has any; the others wait behind it.
    pub fn questions(&self, webview: WebViewId) -> Vec<QuestionView> {
        let question = self.user_cors.question(contexts().tab(webview));
        question.into_iter().collect()
    }

    /// This revision of a question is visible in full. `focused`: in the window that has the person's attention.
    pub fn question_visible(&self, question: QuestionId, revision: u64, focused: bool) {
        let now = self.now();
        self.user_cors.visible(question, revision, now, focused);
    }

    /// Whether a click on this revision of a question would count at this moment.
    pub fn question_is_armed(&self, question: QuestionId, revision: u64) -> bool {
        self.user_cors.is_armed(question, revision, self.now())
    }

    /// No question is in view.
    pub fn questions_hidden(&self) {
        self.user_cors.hidden();
    }

    /// The person goes on after the warning of a question about the local network.
    ///
    /// # Errors
    /// [`AnswerError`], as for [`answer`](Self::answer).
    pub fn confirm(&self, question: QuestionId, revision: u64) -> Result<(), AnswerError> {
        self.user_cors.confirm(question, revision, self.now())
    }

    /// The person's answer to this revision of a question.
    ///
    /// # Errors
    /// [`AnswerError`] if the question has changed or ended, or was not visible for long enough.
    pub fn answer(
        &self,
        question: QuestionId,
        revision: u64,
        choice: Choice,
    ) -> Result<(), AnswerError> {
        let now = self.now();
        self.settle(self.user_cors.answer(question, revision, choice, now)?);
        Ok(())
    }

    /// The person opens the question of a tab of which only a chip in the bar showed so far.
    pub fn open_quiet(&self, webview: WebViewId) {
        if let Some(question) = self.user_cors.question(contexts().tab(webview)) {
            self.user_cors.open_question(question.id);
            self.observer.questions_changed(webview);
        }
    }

    /// What the shell changed in the permission model ended these requests; they hear of it. For calls of
    /// [`user_cors`](Self::user_cors) that return settlements.
    pub fn deliver(&self, settlements: Vec<Settlement>) {
        self.settle(settlements);
    }

    /// The tab's session history has these entries, of which the tab shows the one at `current`. To be called at each change that
    /// Servo tells of (`WebViewDelegate::notify_history_changed`), in their order: it is the only word of which document is shown.
    pub fn session_history_changed(&self, webview: WebViewId, entries: &[Url], current: usize) {
        let Some(shown) = contexts().session_history_changed(webview, entries, current) else {
            return;
        };
        // A page that was left stops loading; script says nothing about it.
        if !shown.left.is_empty() {
            self.for_each_group(|groups| groups.cancel_documents(&shown.left));
        }
        if shown.navigated {
            let tab = contexts().tab(webview);
            self.settle(self.user_cors.navigated(tab, shown.site.as_ref()));
        }
    }

    /// The person is about to load `url` in the tab from the browser's own interface. To be called before the load, whose
    /// request would otherwise pass for one that a page made.
    pub fn expect_user_navigation(&self, webview: WebViewId, url: ServoUrl) {
        contexts().expect_user_navigation(webview, url, Instant::now());
    }

    /// The person clicked, tapped or typed in the tab's page.
    pub fn user_interacted(&self, webview: WebViewId) {
        contexts().user_interacted(webview, Instant::now());
        self.user_cors.user_interacted(contexts().tab(webview));
    }

    /// Stops what the tab is loading, as the stop button does. A document that has not come yet gets a response that leaves
    /// the tab as it is.
    pub fn abort_navigation(&self, webview: WebViewId) {
        self.for_each_group(|groups| groups.stop_webview(webview));
    }

    /// The tab is being closed: ends all that it loads, and its questions. To be called before its `WebView` is dropped,
    /// which waits for workers that may wait for the network.
    pub fn cancel_webview(&self, webview: WebViewId) {
        let tab = contexts().tab(webview);
        let documents = contexts().forget(webview);
        self.for_each_group(|groups| groups.cancel_webview(webview, &documents));
        self.settle(self.user_cors.tab_closed(tab));
    }

    /// Waits until the ledger has what was released before this call: it is written a moment later, and beside the fetches.
    pub fn settle_ledger(&self) {
        self.ledger.settle();
    }

    /// The browser quits: ends all fetches, those to come as well, and all questions.
    pub fn begin_shutdown(&self) {
        self.shutting_down.store(true, Ordering::Release);
        self.for_each_group(FetchGroups::shut_down);
        self.settle(self.user_cors.quit());
    }
}

// What the fetch stack says and asks.
impl Embedding {
    /// The fetches of resource threads, which begin now.
    pub(crate) fn attach(&self, groups: [FetchGroups; 2]) {
        let mut all = self.groups.lock();
        all.retain(|groups| !groups.is_shut_down());
        if self.shutting_down.load(Ordering::Acquire) {
            groups.iter().for_each(FetchGroups::shut_down);
        }
        all.extend(groups);
    }

    fn for_each_group(&self, act: impl Fn(&FetchGroups)) {
        let groups = self.groups.lock().clone();
        groups.iter().for_each(act);
    }

    /// The final response of a document that the tab will show is about to be handed over: the questions of the page that it
    /// replaces end.
    pub(crate) fn document_delivered(&self, request: &Request) {
        if let Some(webview) = request.target_webview_id {
            let site = contexts().document_delivered(request);
            let tab = contexts().tab(webview);
            self.settle(self.user_cors.navigated(tab, site.as_ref()));
        }
    }

    /// A body begins to be released, and will be in the ledger.
    pub(crate) fn begin_release(&self) -> ReleasedBody {
        self.ledger.begin(&self.user_cors)
    }

    /// Changes whenever a permission, a setting or policy does: whoever runs under a grant then looks whether it still has
    /// it ([`UserCors::still_granted`]).
    pub(crate) fn permission_changes(&self) -> watch::Receiver<()> {
        self.permissions.subscribe()
    }

    fn permissions_changed(&self, change: Change) {
        match change {
            Change::Questions(tab) => {
                if let Some(webview) = contexts().webview(tab) {
                    self.observer.questions_changed(webview);
                }
            },
            Change::Permissions => {
                self.permissions.send_replace(());
                for webview in contexts().webviews() {
                    self.observer.questions_changed(webview);
                }
            },
        }
    }
}

/// What is known about documents and tabs.
pub(crate) fn contexts() -> &'static Contexts {
    &CONTEXTS
}

/// [Determines the network partition key](https://fetch.spec.whatwg.org/#request-determine-the-network-partition-key) of a
/// request: the site of its tab's top-level document, which for a top-level navigation is the one that is to come.
pub(crate) fn network_partition_key(request: &Request) -> NetworkPartitionKey {
    NetworkPartitionKey(top_level_site(request))
}

/// The site of the top-level document of the request's tab; `None` if it has no tab, or one that shows no http(s) page.
pub(crate) fn top_level_site(request: &Request) -> Option<Site> {
    contexts().top_level_site(request, Instant::now())
}

/// The address space that the request's page came from.
pub(crate) fn address_space(request: &Request) -> AddressSpace {
    contexts().address_space(request, Instant::now())
}

/// The top-level document that a tab shows, with its origin; `None` if it is not known.
pub(crate) fn shown_document(webview: WebViewId) -> Option<(PipelineId, ImmutableOrigin)> {
    contexts().shown_document(webview)
}

/// Who makes the request; `None` if that is not known, or what is known disagrees.
///
/// NB: clients that user-enabled CORS must refuse are known, too; see [`RequesterContext::client`].
pub(crate) fn requester(request: &Request) -> Option<RequesterContext> {
    contexts().requester(request, Instant::now())
}

/// Whether the request is a navigation that the person began in the browser's own interface.
pub(crate) fn is_user_initiated_navigation(request: &Request) -> bool {
    contexts().is_user_initiated_navigation(request, Instant::now())
}

/// Whether the request's tab has
/// [transient activation](https://html.spec.whatwg.org/multipage/interaction.html#transient-activation).
pub(crate) fn has_user_activation(request: &Request) -> bool {
    let contexts = contexts();
    contexts
        .webview_of(request)
        .is_some_and(|webview| contexts.has_user_activation(webview, Instant::now()))
}

/// The final response of a document or frame is there, from a peer in `space` (`None`: not known, or through a proxy).
pub(crate) fn note_document(request: &Request, space: Option<AddressSpace>) {
    contexts().note_document(request, space, Instant::now());
}
