//! A page in a tab, and the fetch stack below it, in one process with the servers: for tests and benchmarks of the stack.

#![allow(
    dead_code,
    reason = "each test and benchmark is compiled with it alone, and needs a part of it"
)]

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use content_security_policy::Destination;
use crossbeam_channel::unbounded;
use embedder_traits::{EventLoopWaker, GenericEmbedderProxy};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use net::embedder::NetToEmbedderMsg;
use net::embedding::{self, Answers, Embedding, EmbeddingOptions, LocalNetworkAccess, NoObserver};
use net::protocols::ProtocolRegistry;
use net::resource_thread::new_resource_threads;
use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::policy_container::PolicyContainer;
use net_traits::request::{
    CredentialsMode, InsecureRequestsPolicy, Origin, Referrer, RequestBuilder, RequestClient,
    RequestMode,
};
use net_traits::{
    AsyncRuntime, CoreResourceMsg, FetchChannels, FetchResponseMsg, NetworkError, ResourceThreads,
};
use profile_traits::mem::ProfilerChan as MemoryProfilerChan;
use profile_traits::time::ProfilerChan as TimeProfilerChan;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use servo_base::generic_channel::{self, GenericCallback};
use servo_base::id::{PipelineId, PipelineNamespace, PipelineNamespaceId, TEST_WEBVIEW_ID};
use servo_default_resources as _;
use servo_url::{ImmutableOrigin, ServoUrl};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use user_cors::{AddressSpaceOverrides, Clock, Rules, SystemClock, UserCors};

/// The longest that one fetch may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The host of the page.
pub const PAGE: &str = "page.localhost";

/// One server over TLS for all hosts, on a port of its own, and its certificate's authority.
pub struct Server {
    pub port: u16,
    authority: TempDir,
    _runtime: Runtime,
}

impl Server {
    /// Starts a server that has a certificate for these hosts and the page's, and answers in this way. It ends with the result.
    pub fn start<F>(
        hosts: &[&str],
        answer: impl Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Full<Bytes>>> + Send + 'static,
    {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (acceptor, pem) = identity(hosts);
        let authority = tempfile::tempdir().expect("a folder");
        std::fs::write(authority.path().join("authority.pem"), pem).expect("a file");
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        runtime.spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                let (acceptor, answer) = (acceptor.clone(), answer.clone());
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let service = service_fn(|request| {
                            let response = answer(request);
                            async { Ok::<_, Infallible>(response.await) }
                        });
                        let _ = http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    }
                });
            }
        });
        Self {
            port: address.port(),
            authority,
            _runtime: runtime,
        }
    }

    /// A URL of this server.
    pub fn url(&self, host: &str, path: &str) -> ServoUrl {
        ServoUrl::parse(&format!("https://{host}:{}{path}", self.port)).expect("a URL")
    }
}

/// A certificate for the page's host and these, and the authority's in PEM.
fn identity(hosts: &[&str]) -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let names = hosts.iter().chain([&PAGE]).map(|host| (*host).to_owned());
    let leaf = CertificateParams::new(names.collect::<Vec<_>>())
        .expect("names")
        .signed_by(&key, &authority)
        .expect("a certificate");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        )
        .expect("a certificate and its key");
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

/// An event loop that nobody wakes.
struct Asleep;

impl EventLoopWaker for Asleep {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(Self)
    }

    fn wake(&self) {}
}

/// How a fetch ended.
pub struct Fetched {
    /// The length of the body, in bytes.
    pub length: usize,
    /// How long it took.
    pub taken: Duration,
    /// Whether there was a network error.
    pub result: Result<(), NetworkError>,
}

/// A page of a server in a tab, and the fetch stack below it. There is one in a process.
pub struct World {
    pub server: Server,
    threads: ResourceThreads,
    pipeline: PipelineId,
    _network: Box<dyn AsyncRuntime>,
}

impl World {
    /// Opens the page. The server counts as public.
    pub fn open(
        server: Server,
        user_cors: Arc<UserCors>,
        answers: Answers,
        name_server: Option<SocketAddr>,
    ) -> Self {
        let port = server.port;
        let overrides: AddressSpaceOverrides =
            format!("127.0.0.1:{port}=public,[::1]:{port}=public")
                .parse()
                .expect("overrides");
        let _ = user_cors.set_address_space_overrides(overrides, SystemClock.now());
        let authority = server.authority.path().join("authority.pem");
        embedding::install(EmbeddingOptions {
            user_cors,
            observer: Arc::new(NoObserver),
            public_roots: Some(authority.clone()),
            certificate_path: Some(authority),
            name_server,
            answers,
            local_network_access: LocalNetworkAccess::Off,
        })
        .expect("the only embedding");
        let (memory_profiler, _) = generic_channel::channel().expect("a channel");
        let embedder = GenericEmbedderProxy::<NetToEmbedderMsg> {
            sender: unbounded().0,
            event_loop_waker: Box::new(Asleep),
        };
        let (threads, _, network) = new_resource_threads(
            None,
            TimeProfilerChan(None),
            MemoryProfilerChan(memory_profiler),
            embedder,
            None,
            None,
            false,
            Arc::new(ProtocolRegistry::default()),
        );
        PipelineNamespace::install(PipelineNamespaceId(1));
        let world = Self {
            server,
            threads,
            pipeline: PipelineId::new(),
            _network: network,
        };
        world.navigate();
        world
    }

    /// The document comes, and the tab shows it.
    fn navigate(&self) {
        let page = self.server.url(PAGE, "/0");
        let request = self
            .request(page.clone(), ImmutableOrigin::new_opaque(), false)
            .destination(Destination::Document)
            .mode(RequestMode::Navigate);
        self.run(request).result.expect("the page");
        let embedding = Embedding::get().expect("an embedding");
        embedding.session_history_changed(TEST_WEBVIEW_ID, &[page.into_url()], 0);
    }

    /// What a script of the page asks for with `fetch(url)`.
    pub fn fetch(&self, url: ServoUrl) -> RequestBuilder {
        self.request(url, self.server.url(PAGE, "/").origin(), true)
            .mode(RequestMode::CorsMode)
            .unsafe_request(true)
            .credentials_mode(CredentialsMode::CredentialsSameOrigin)
    }

    fn request(&self, url: ServoUrl, origin: ImmutableOrigin, is_secure: bool) -> RequestBuilder {
        let url = UrlWithBlobClaim::from_url_without_having_claimed_blob(url);
        RequestBuilder::new(Some(TEST_WEBVIEW_ID), url, Referrer::NoReferrer)
            .pipeline_id(Some(self.pipeline))
            .client(RequestClient {
                preloaded_resources: Default::default(),
                policy_container: PolicyContainer::default(),
                origin: Origin::Origin(origin),
                is_nested_browsing_context: false,
                insecure_requests_policy: InsecureRequestsPolicy::DoNotUpgrade,
                has_trustworthy_ancestor_origin: is_secure,
            })
    }

    /// Makes a fetch, and waits for its end.
    pub fn run(&self, request: RequestBuilder) -> Fetched {
        let (sender, page) = unbounded();
        let callback = GenericCallback::new(move |message| {
            let _ = sender.send(message);
        })
        .expect("a callback");
        let begun = Instant::now();
        self.threads
            .core_thread
            .send(CoreResourceMsg::Fetch(
                request,
                FetchChannels::ResponseMsg(callback),
            ))
            .expect("the resource manager is there");
        let mut length = 0;
        loop {
            let message = page.recv_timeout(LIMIT).expect("an end");
            match message.expect("a message") {
                FetchResponseMsg::ProcessResponseChunk(_, chunk) => length += chunk.len(),
                FetchResponseMsg::ProcessResponseEOF(_, result, _) => {
                    return Fetched {
                        length,
                        taken: begun.elapsed(),
                        result,
                    };
                },
                _ => {},
            }
        }
    }
}

/// Rules that answer every question so.
pub fn rules(answer: &str) -> Answers {
    let rules =
        format!(r#"{{"rules": [{{"requester": "*", "target": "*", "answer": "{answer}"}}]}}"#);
    Answers::Rules(Rules::parse(&rules).expect("rules"))
}
