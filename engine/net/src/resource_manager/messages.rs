//! What each message to the resource manager means.

use std::time::SystemTime;

use cookie::Cookie;
use hyper_serde::Serde;
use log::{debug, error, warn};
use net_traits::{
    CookieAsyncResponse, CookieData, CookieOperationId, CookieSource, CoreResourceMsg,
    CustomResponseMediator,
};
use rustc_hash::FxHashMap;
use servo_base::generic_channel::{GenericCallback, GenericSender};
use servo_base::id::CookieStoreId;
use servo_url::{ImmutableOrigin, ServoUrl};
use tokio::time::Instant;

use super::keepalive_questions::KeepaliveQuestions;
use super::stores::Stores;
use super::{Which, fetches};
use crate::cookies::CookieJar;
use crate::embedder::NetToEmbedderMsg;
use crate::runtime;

/// How large the serialized state of one history entry may be, in bytes.
const HISTORY_STATE_LIMIT: usize = 16 << 20;

/// Answers messages, for both sides.
pub(super) struct Manager {
    public: Stores,
    private: Stores,
    /// Pages with a cookie store, by the store's id. Answers to its messages go here.
    ///
    /// NB: script takes any message for the answer to the oldest of its open calls, so a change of cookies, which nobody
    /// asked for, must not be sent.
    cookie_listeners: FxHashMap<CookieStoreId, GenericCallback<CookieAsyncResponse>>,
    /// Service worker managers by origin. Script cannot intercept fetches yet, so nobody is asked.
    service_workers: FxHashMap<ImmutableOrigin, GenericSender<CustomResponseMediator>>,
    keepalive_questions: KeepaliveQuestions,
    ended: bool,
}

impl Manager {
    pub fn new(public: Stores, private: Stores) -> Self {
        Self {
            public,
            private,
            cookie_listeners: FxHashMap::default(),
            service_workers: FxHashMap::default(),
            keepalive_questions: KeepaliveQuestions::default(),
            ended: false,
        }
    }

    pub fn stores(&self, which: Which) -> &Stores {
        match which {
            Which::Public => &self.public,
            Which::Private => &self.private,
        }
    }

    /// Ends all fetches of both sides and saves what outlives the browser. A second call does nothing.
    pub fn exit(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        for stores in [&self.public, &self.private] {
            stores.state.groups.shut_down();
            stores.save();
        }
    }

    /// Answers one message from one side.
    pub fn handle(&mut self, message: CoreResourceMsg, which: Which) {
        let state = &self.stores(which).state;
        match message {
            CoreResourceMsg::Fetch(request, channels) => {
                let beacon_of = request.pipeline_id.filter(|_| request.keep_alive);
                fetches::start(state, request, channels);
                if let Some(document) = beacon_of {
                    self.keepalive_questions.requested(document, Instant::now());
                }
            },
            CoreResourceMsg::FetchRedirect(request, init, page) => {
                fetches::resume_at_redirect(state, request, init, page);
            },
            CoreResourceMsg::Cancel(requests) => state.groups.cancel(&requests),
            CoreResourceMsg::NetworkMediator(mediator, origin) => {
                self.service_workers.insert(origin, mediator);
            },
            CoreResourceMsg::GetHistoryState(id, reply) => {
                reply.send_or_ignore(state.history_states.read().get(&id).cloned());
            },
            CoreResourceMsg::SetHistoryState(id, data) => {
                if data.len() <= HISTORY_STATE_LIMIT {
                    state.history_states.write().insert(id, data);
                } else {
                    warn!("a history entry's state is too large and is not kept");
                }
            },
            CoreResourceMsg::RemoveHistoryStates(ids) => {
                let mut history_states = state.history_states.write();
                for id in ids {
                    history_states.remove(&id);
                }
            },
            CoreResourceMsg::GetCacheEntries(reply) => {
                state
                    .http_cache
                    .entries(move |entries| reply.send_or_ignore(entries));
            },
            CoreResourceMsg::ClearCache(reply) => state.http_cache.clear(move || {
                if let Some(reply) = reply {
                    reply.send_or_ignore(());
                }
            }),
            CoreResourceMsg::ToFileManager(message) => state.files.handle(message),
            CoreResourceMsg::TotalSizeOfInFlightKeepAliveRecords(pipeline, reply) => {
                let groups = state.groups.clone();
                let answer = move || reply.send_or_ignore(groups.keepalive_bytes(pipeline, None));
                match self.keepalive_questions.asked(pipeline, Instant::now()) {
                    None => answer(),
                    Some(overtaken) => {
                        runtime::spawn(async move {
                            overtaken.wait().await;
                            answer();
                        });
                    },
                }
            },
            // The channels' loop has taken these out.
            CoreResourceMsg::Exit(_)
            | CoreResourceMsg::CollectMemoryReport(_)
            | CoreResourceMsg::RevokeTokenForFile(_)
            | CoreResourceMsg::RefreshTokenForFile(_) => {
                error!("a message came on a channel that is not its own");
            },
            cookies => self.handle_cookies(cookies, which),
        }
    }

    /// Answers a message about cookies. Script and the embedding program act for the site itself, so `SameSite` plays no
    /// part.
    fn handle_cookies(&mut self, message: CoreResourceMsg, which: Which) {
        let state = &self.stores(which).state;
        let now = SystemTime::now();
        match message {
            CoreResourceMsg::GetCookieStringForUrl(url, reply, source) => {
                reply.send_or_ignore(state.cookies.write().cookie_string(&url, source, now));
            },
            CoreResourceMsg::GetCookiesForUrl(url, reply, source) => {
                let cookies = state.cookies.write().cookies(&url, source, now);
                reply.send_or_ignore(cookies.into_iter().map(Serde).collect());
            },
            CoreResourceMsg::SetCookieForUrl(url, cookie, source, reply) => {
                set(&mut state.cookies.write(), &url, &cookie, source, now);
                if let Some(reply) = reply {
                    reply.send_or_ignore(());
                }
            },
            CoreResourceMsg::SetCookiesForUrl(url, cookies, source) => {
                let mut jar = state.cookies.write();
                for cookie in cookies {
                    set(&mut jar, &url, &cookie, source, now);
                }
            },
            // The embedding program's, for WebDriver, which may delete every cookie.
            CoreResourceMsg::DeleteCookie(url, name) => {
                let source = CookieSource::HTTP;
                state.cookies.write().delete_by_name(&url, &name, source);
            },
            CoreResourceMsg::DeleteCookies(url, reply) => {
                match url {
                    Some(url) => state.cookies.write().delete_for_url(&url),
                    None => state.cookies.write().clear(),
                }
                if let Some(reply) = reply {
                    reply.send_or_ignore(());
                }
            },
            CoreResourceMsg::DeleteCookiesForSites(sites, reply) => {
                state.cookies.write().delete_for_sites(&sites);
                reply.send_or_ignore(());
            },
            CoreResourceMsg::DeleteSessionCookies(reply) => {
                state.cookies.write().clear_session();
                reply.send_or_ignore(());
            },
            CoreResourceMsg::ListCookies(reply) => {
                reply.send_or_ignore(state.cookies.read().sites(now));
            },

            CoreResourceMsg::NewCookieListener(store, page, _url) => {
                self.cookie_listeners.insert(store, page);
            },
            CoreResourceMsg::RemoveCookieListener(store) => {
                self.cookie_listeners.remove(&store);
            },
            CoreResourceMsg::GetCookieDataForUrlAsync(store, url, name) => {
                let found = state.cookies.write().query(&url, name.as_deref(), now);
                let first = found.into_iter().next().map(Serde);
                self.answer_cookie_store(store, CookieData::Get(first));
            },
            CoreResourceMsg::GetAllCookieDataForUrlAsync(store, url, name) => {
                let found = state.cookies.write().query(&url, name.as_deref(), now);
                let found = found.into_iter().map(Serde).collect();
                self.answer_cookie_store(store, CookieData::GetAll(found));
            },
            CoreResourceMsg::SetCookieForUrlAsync(store, url, cookie, source) => {
                set(&mut state.cookies.write(), &url, &cookie, source, now);
                self.answer_cookie_store(store, CookieData::Set(Ok(())));
            },
            CoreResourceMsg::DeleteCookieAsync(store, url, name) => {
                let source = CookieSource::NonHTTP;
                state.cookies.write().delete_by_name(&url, &name, source);
                self.answer_cookie_store(store, CookieData::Delete(Ok(())));
            },

            CoreResourceMsg::EmbedderGetCookiesForUrl(operation, url, source) => {
                let cookies = state.cookies.write().cookies(&url, source, now);
                state.embedder.send(
                    NetToEmbedderMsg::EmbedderCookieOperationResponseWithCookies(
                        operation, cookies,
                    ),
                );
            },
            CoreResourceMsg::EmbedderSetCookieForUrl(operation, url, cookie, source) => {
                set(&mut state.cookies.write(), &url, &cookie, source, now);
                self.tell_embedder(operation, which);
            },
            CoreResourceMsg::EmbedderClearCookies(operation) => {
                state.cookies.write().clear();
                self.tell_embedder(operation, which);
            },
            CoreResourceMsg::EmbedderClearSessionCookies(operation) => {
                state.cookies.write().clear_session();
                self.tell_embedder(operation, which);
            },
            _ => error!("a message to the resource manager has no meaning"),
        }
    }

    fn answer_cookie_store(&self, store: CookieStoreId, data: CookieData) {
        match self.cookie_listeners.get(&store) {
            Some(page) if page.send(CookieAsyncResponse { data }).is_ok() => {},
            _ => warn!("a page that uses its cookie store is gone"),
        }
    }

    fn tell_embedder(&self, operation: CookieOperationId, which: Which) {
        self.stores(which)
            .state
            .embedder
            .send(NetToEmbedderMsg::EmbedderCookieOperationResponse(operation));
    }
}

/// Sets a cookie for script or the embedding program. A refused one is dropped without a word, as it is for a server's.
fn set(
    jar: &mut CookieJar,
    url: &ServoUrl,
    cookie: &Cookie<'_>,
    source: CookieSource,
    now: SystemTime,
) {
    if let Err(refusal) = jar.set(url, cookie, source, now) {
        debug!("a cookie is refused: {refusal}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use embedder_traits::{EventLoopWaker, GenericEmbedderProxy};
    use net_traits::blob_url_store::{BlobTokenCommunicator, UrlWithBlobClaim};
    use net_traits::request::{Referrer, RequestBuilder};
    use net_traits::{FetchChannels, FetchResponseMsg};
    use servo_base::generic_channel;
    use servo_base::id::{HistoryStateId, PipelineNamespace, PipelineNamespaceId};

    use super::*;
    use crate::protocols::ProtocolRegistry;
    use crate::resource_manager::fetch_groups::FetchGroups;
    use crate::resource_manager::stores::StoresOptions;

    struct Asleep;

    impl EventLoopWaker for Asleep {
        fn clone_box(&self) -> Box<dyn EventLoopWaker> {
            Box::new(Self)
        }

        fn wake(&self) {}
    }

    fn manager(directory: Option<&std::path::Path>) -> Manager {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let options = StoresOptions {
            devtools: None,
            embedder: GenericEmbedderProxy {
                sender: crossbeam_channel::unbounded().0,
                event_loop_waker: Box::new(Asleep),
            },
            certificate_path: None,
            ignore_certificate_errors: false,
            protocols: Arc::new(ProtocolRegistry::default()),
        };
        let stores = |directory: Option<&std::path::Path>| {
            Stores::load(
                &options,
                directory.map(std::path::Path::to_owned),
                FetchGroups::default(),
                BlobTokenCommunicator::stub_for_testing(),
            )
        };
        Manager::new(stores(directory), stores(None))
    }

    fn url() -> ServoUrl {
        ServoUrl::parse("https://page.example/").expect("a URL")
    }

    fn set_cookie(manager: &mut Manager, which: Which, text: &'static str) {
        let cookie = Cookie::parse(text).expect("a cookie");
        let message =
            CoreResourceMsg::SetCookieForUrl(url(), Serde(cookie), CookieSource::HTTP, None);
        manager.handle(message, which);
    }

    fn cookies(manager: &mut Manager, which: Which) -> Option<String> {
        let (reply, answer) = generic_channel::channel().expect("a channel");
        let message = CoreResourceMsg::GetCookieStringForUrl(url(), reply, CookieSource::NonHTTP);
        manager.handle(message, which);
        answer.recv().expect("an answer")
    }

    #[test]
    fn the_sides_share_nothing_and_what_lasts_is_saved() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut first = manager(Some(directory.path()));
        set_cookie(&mut first, Which::Public, "lasting=1; Max-Age=3600; Secure");
        set_cookie(&mut first, Which::Public, "session=1; Secure");
        set_cookie(
            &mut first,
            Which::Private,
            "private=1; Max-Age=3600; Secure",
        );
        assert_eq!(
            cookies(&mut first, Which::Private).as_deref(),
            Some("private=1")
        );
        first.exit();
        let mut second = manager(Some(directory.path()));
        assert_eq!(
            cookies(&mut second, Which::Public).as_deref(),
            Some("lasting=1")
        );
        assert_eq!(cookies(&mut second, Which::Private), None);
    }

    #[test]
    fn history_states_are_kept_until_they_are_removed() {
        PipelineNamespace::install(PipelineNamespaceId(7201));
        let mut manager = manager(None);
        let id = HistoryStateId::new();
        let get = |manager: &mut Manager| {
            let (reply, answer) = generic_channel::channel().expect("a channel");
            manager.handle(CoreResourceMsg::GetHistoryState(id, reply), Which::Public);
            answer.recv().expect("an answer")
        };
        let set = |manager: &mut Manager, data| {
            manager.handle(CoreResourceMsg::SetHistoryState(id, data), Which::Public);
        };
        set(&mut manager, vec![0; HISTORY_STATE_LIMIT + 1]);
        assert_eq!(get(&mut manager), None);
        set(&mut manager, vec![1, 2]);
        assert_eq!(get(&mut manager), Some(vec![1, 2]));
        manager.handle(
            CoreResourceMsg::RemoveHistoryStates(vec![id]),
            Which::Public,
        );
        assert_eq!(get(&mut manager), None);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_fetch_after_the_end_is_answered() {
        let mut manager = manager(None);
        manager.exit();
        let (heard, hearing) = crossbeam_channel::unbounded();
        let page = GenericCallback::new(move |message| {
            let _ = heard.send(message);
        })
        .expect("a callback");
        let url = UrlWithBlobClaim::for_url(url()).expect("no blob URL");
        let request = RequestBuilder::new(None, url, Referrer::NoReferrer);
        let id = request.id;
        manager.handle(
            CoreResourceMsg::Fetch(request, FetchChannels::ResponseMsg(page)),
            Which::Public,
        );
        let next = || hearing.recv_timeout(Duration::from_secs(10));
        assert!(matches!(
            next(),
            Ok(Ok(FetchResponseMsg::ProcessResponse(of, Err(_)))) if of == id
        ));
        assert!(matches!(
            next(),
            Ok(Ok(FetchResponseMsg::ProcessResponseEOF(of, Err(_), _))) if of == id
        ));
        assert!(next().is_err(), "and the page's end is let go");
    }
}
