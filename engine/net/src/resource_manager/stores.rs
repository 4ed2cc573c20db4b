//! The stores of one side of the resource manager: made at its start, written to the profile at its end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::Sender;
use devtools_traits::DevtoolsControlMsg;
use embedder_traits::GenericEmbedderProxy;
use log::error;
use net_traits::blob_url_store::BlobTokenCommunicator;
use parking_lot::{Mutex, RwLock};
use rustls_pki_types::CertificateDer;

use super::fetch_groups::FetchGroups;
use super::permission_changes;
use crate::connection::{Connections, ConnectionsOptions, load_certificates};
use crate::cookies::CookieJar;
use crate::embedder::NetToEmbedderMsg;
use crate::embedding::Embedding;
use crate::files::FileManager;
use crate::hsts::HstsList;
use crate::http_cache::{CacheLimits, DiskLimits, HttpCache};
use crate::network_state::NetworkState;
use crate::protocols::ProtocolRegistry;

/// The HTTP cache's file in the profile.
const HTTP_CACHE_FILE: &str = "http-cache.sqlite";
/// How long the end of the browser waits for what is to be written to it.
const HTTP_CACHE_LIMIT: Duration = Duration::from_secs(1);

/// What both sides are made with.
pub(super) struct StoresOptions {
    pub devtools: Option<Sender<DevtoolsControlMsg>>,
    pub embedder: GenericEmbedderProxy<NetToEmbedderMsg>,
    /// A PEM file of more roots to trust.
    pub certificate_path: Option<PathBuf>,
    pub ignore_certificate_errors: bool,
    pub protocols: Arc<ProtocolRegistry>,
}

/// One side's stores, and where they are kept.
pub(super) struct Stores {
    pub state: Arc<NetworkState>,
    /// The profile's folder; `None` for stores that live in memory only.
    directory: Option<PathBuf>,
}

impl Stores {
    /// The stores as they were saved in `directory`; empty ones without a directory, or where nothing can be read.
    pub fn load(
        options: &StoresOptions,
        directory: Option<PathBuf>,
        groups: FetchGroups,
        communicator: Arc<Mutex<BlobTokenCommunicator>>,
    ) -> Self {
        let now = SystemTime::now();
        let (cookies, hsts) = match &directory {
            Some(directory) => (
                CookieJar::load(directory, now),
                HstsList::load(directory, now),
            ),
            None => (CookieJar::new(), HstsList::new()),
        };
        let embedding = Embedding::get();
        let authentication = Arc::default();
        let connections = Connections::new(ConnectionsOptions {
            authentication: Arc::clone(&authentication),
            ..connections_options(
                options.certificate_path.as_deref(),
                options.ignore_certificate_errors,
            )
        });
        let state = NetworkState {
            cookies: RwLock::new(cookies),
            hsts: RwLock::new(hsts),
            authentication,
            http_cache: match &directory {
                Some(directory) => HttpCache::with_file(
                    CacheLimits::default(),
                    &directory.join(HTTP_CACHE_FILE),
                    DiskLimits::default(),
                ),
                None => HttpCache::new(CacheLimits::default()),
            },
            preflight_cache: Mutex::default(),
            media_requesters: Mutex::default(),
            connections,
            history_states: RwLock::default(),
            embedder_policies: Default::default(),
            integrity_policies: Default::default(),
            navigation_redirects: Default::default(),
            preloaded: Default::default(),
            groups,
            files: FileManager::new(options.embedder.clone(), communicator),
            protocols: options.protocols.clone(),
            devtools: options.devtools.clone(),
            embedder: options.embedder.clone(),
        };
        let state = Arc::new(state);
        if let Some(embedding) = embedding {
            embedding.attach_state(&state);
            permission_changes::follow(&state, embedding);
        }
        Self { state, directory }
    }

    /// Writes to the profile what outlives the browser.
    pub fn save(&self) {
        let Some(directory) = &self.directory else {
            return;
        };
        let now = SystemTime::now();
        if let Err(error) = self.state.cookies.read().save(directory, now) {
            error!("the cookies could not be saved: {error}");
        }
        if let Err(error) = self.state.hsts.read().save(directory, now) {
            error!("the list of HSTS hosts could not be saved: {error}");
        }
        if !self.state.http_cache.settle(HTTP_CACHE_LIMIT) {
            error!("the last responses of the HTTP cache may not be on disk: it takes too long");
        }
    }
}

/// How this browser makes connections, as far as the shell says it; `certificate_path` goes before the shell's.
pub(crate) fn connections_options(
    certificate_path: Option<&Path>,
    ignore_certificate_errors: bool,
) -> ConnectionsOptions {
    let embedding = Embedding::get();
    let certificate_path = certificate_path
        .or_else(|| embedding.and_then(|embedding| embedding.certificate_path.as_deref()));
    let public_roots = embedding.and_then(|embedding| embedding.public_roots.as_deref());
    ConnectionsOptions {
        ignore_certificate_errors,
        extra_roots: certificate_path.and_then(certificates).unwrap_or_default(),
        // Roots that cannot be read must not make room for the built-in ones.
        public_roots: public_roots.map(|path| certificates(path).unwrap_or_default()),
        name_server: embedding.and_then(|embedding| embedding.name_server),
        ..ConnectionsOptions::default()
    }
}

/// The certificates in a PEM file; `None`, and a word in the log, if it cannot be read.
fn certificates(path: &Path) -> Option<Vec<CertificateDer<'static>>> {
    load_certificates(path)
        .inspect_err(|error| error!("{} is not used: {error}", path.display()))
        .ok()
}
