//! What a fetch works with: the stores that outlive it, and its own context.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use crossbeam_channel::Sender;
use devtools_traits::DevtoolsControlMsg;
use embedder_traits::GenericEmbedderProxy;
use http::HeaderMap;
use net_traits::NetworkError;
use net_traits::ResourceFetchTimingContainer;
use net_traits::filemanager_thread::FileTokenCheck;
use parking_lot::{Mutex, RwLock};
use rustc_hash::FxHashMap;
use servo_base::id::HistoryStateId;
use servo_url::ServoUrl;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use url::Host;

use crate::connection::Connections;
use crate::cookies::CookieJar;
use crate::embedder::NetToEmbedderMsg;
use crate::fetch::preflight_cache::PreflightCache;
use crate::fetch::{
    EmbedderPolicies, IntegrityPolicies, MediaRequesters, NavigationRedirects, PreloadedResources,
};
use crate::files::FileManager;
use crate::hsts::HstsList;
use crate::http_authentication::AuthenticationEntries;
use crate::http_cache::HttpCache;
use crate::protocols::ProtocolRegistry;
use crate::resource_manager::{FetchController, FetchGroups};

/// The stores of one resource thread: what fetches remember for one another. The public and the private thread have one
/// each and share nothing.
pub struct NetworkState {
    /// The [cookie store](https://www.rfc-editor.org/rfc/rfc6265#section-5.3).
    pub cookies: RwLock<CookieJar>,
    /// Known HSTS hosts.
    pub hsts: RwLock<HstsList>,
    /// [Authentication entries](https://fetch.spec.whatwg.org/#authentication-entry), for servers and for proxies.
    pub authentication: Arc<RwLock<AuthenticationEntries>>,
    /// The HTTP cache, with its partitions inside.
    pub http_cache: HttpCache,
    /// The [CORS-preflight cache](https://fetch.spec.whatwg.org/#concept-cache).
    pub preflight_cache: Mutex<PreflightCache>,
    /// What media elements have begun to read.
    pub media_requesters: Mutex<MediaRequesters>,
    /// The connection pool.
    pub connections: Connections,
    /// Serialized state objects of session history entries.
    pub history_states: RwLock<FxHashMap<HistoryStateId, Vec<u8>>>,
    /// Documents that do not embed just anything.
    pub embedder_policies: EmbedderPolicies,
    /// Documents that want integrity stated.
    pub integrity_policies: IntegrityPolicies,
    /// Navigations whose redirect script has yet to follow.
    pub navigation_redirects: NavigationRedirects,
    /// The [maps of preloaded resources](https://html.spec.whatwg.org/multipage/links.html#map-of-preloaded-resources).
    pub preloaded: PreloadedResources,
    /// Fetches under way, by request, document and tab.
    pub groups: FetchGroups,
    /// Blobs and picked files.
    pub files: FileManager,
    /// Handlers of schemes beyond Fetch's own.
    pub protocols: Arc<ProtocolRegistry>,
    /// The developer tools, if they are on.
    pub devtools: Option<Sender<DevtoolsControlMsg>>,
    /// The way to the program that embeds Servo.
    pub embedder: GenericEmbedderProxy<NetToEmbedderMsg>,
}

impl NetworkState {
    /// Notes what a response says of its host by `Strict-Transport-Security`, as
    /// [`HstsList::update`] does. A host that becomes known
    /// [allows no recourse](https://www.rfc-editor.org/rfc/rfc6797#section-8.4), so that what a person accepted there before ends.
    pub(crate) fn note_strict_transport_security(
        &self,
        url: &ServoUrl,
        headers: &HeaderMap,
        now: SystemTime,
    ) {
        let mut hsts = self.hsts.write();
        hsts.update(url, headers, now);
        self.connections
            .certificate_overrides()
            .retain(|host| match host {
                Host::Domain(name) => !hsts.is_known_host(name, now),
                Host::Ipv4(_) | Host::Ipv6(_) => true,
            });
    }
}

/// What one fetch has beside its [fetch params](https://fetch.spec.whatwg.org/#fetch-params).
#[derive(Clone)]
pub struct FetchContext {
    /// The stores.
    pub(crate) state: Arc<NetworkState>,
    /// The fetch's [controller](https://fetch.spec.whatwg.org/#fetch-controller).
    pub(crate) controller: FetchController,
    /// The fetch's [timing info](https://fetch.spec.whatwg.org/#fetch-timing-info), in the form that script reads.
    pub(crate) timing: ResourceFetchTimingContainer,
    /// What opens the blob or file that the request is for.
    pub(crate) file_token: FileTokenCheck,
}

/// What a [protocol handler](crate::protocols::ProtocolHandler) may send instead of a body at hand.
#[derive(Clone, Debug)]
pub enum Data {
    /// A piece of the body.
    Payload(Bytes),
    /// How long the body will be, in bytes.
    ContentLength(usize),
    /// The body is complete.
    Done,
    /// The load was cancelled.
    Cancelled,
    /// The body broke off.
    Error(NetworkError),
}

/// The channel on which a protocol handler streams a body; `None` if it gives the body at once.
pub type DoneChannel = Option<(UnboundedSender<Data>, UnboundedReceiver<Data>)>;
