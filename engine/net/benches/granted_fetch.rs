//! What a permission costs a fetch, beside the same fetch that its server allows; and what the permission model costs fetches
//! that have no need of it.
//!
//! `cargo bench --workspace --profile dev --bench granted_fetch` starts a server on loopback and makes fetches in pairs, one of
//! each kind after the other and in changing order, so that whatever else the machine does hits both. It prints the medians, and
//! the quotient of the medians: what a page waits. What is done beside the fetches, for the ledger, is in the second list: there
//! many fetches of one kind are made without a pause, until all of them are written down.

use std::convert::Infallible;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use content_security_policy::Destination;
use crossbeam_channel::unbounded;
use embedder_traits::{EventLoopWaker, GenericEmbedderProxy};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use net::embedder::NetToEmbedderMsg;
use net::embedding::{self, Answers, Embedding, EmbeddingOptions, LocalNetworkAccess, Observer};
use net::events::NetworkEvent;
use net::protocols::ProtocolRegistry;
use net::resource_thread::new_resource_threads;
use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::policy_container::PolicyContainer;
use net_traits::request::{
    CredentialsMode, InsecureRequestsPolicy, Origin, Referrer, RequestBuilder, RequestClient,
    RequestMode,
};
use net_traits::{CoreResourceMsg, FetchChannels, FetchResponseMsg, ResourceThreads};
use profile_traits::mem::ProfilerChan as MemoryProfilerChan;
use profile_traits::time::ProfilerChan as TimeProfilerChan;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::PrivateKeyDer;
use servo_base::generic_channel::{self, GenericCallback};
use servo_base::id::{
    PipelineId, PipelineNamespace, PipelineNamespaceId, TEST_WEBVIEW_ID, WebViewId,
};
use servo_default_resources as _;
use servo_url::{ImmutableOrigin, ServoUrl};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use user_cors::{
    AddressSpaceOverrides, Clock, PermissionStore, Rules, Settings, Switch, SystemClock, UserCors,
};

/// How many pairs are made before any is counted.
const WARM_UP: usize = 50;

/// How many pairs are counted.
const PAIRS: usize = 1000;

/// How many of those from a server that is not on this machine.
const FAR_PAIRS: usize = 200;

/// How long such a server's answer is on its way.
const FAR: Duration = Duration::from_millis(10);

/// How many fetches are made without a pause.
const ROW: usize = 500;

/// The longest that one fetch may take.
const LIMIT: Duration = Duration::from_secs(20);

const PAGE_HOST: &str = "app.localhost";

/// The host that allows everybody.
const OPEN_HOST: &str = "open.localhost";

/// The host that says nothing. NB: another one, since what is remembered of a host's silence is forgotten when it speaks.
const SILENT_HOST: &str = "silent.localhost";

struct Asleep;

impl EventLoopWaker for Asleep {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(Self)
    }

    fn wake(&self) {}
}

/// A shell that looks at nothing.
struct Nobody;

impl Observer for Nobody {
    fn questions_changed(&self, _: WebViewId) {}

    fn network_event(&self, _: NetworkEvent) {}

    fn wants_network_events(&self) -> bool {
        false
    }
}

/// A certificate for all hosts, and the authority's in PEM.
fn identity() -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new([PAGE_HOST, OPEN_HOST, SILENT_HOST].map(str::to_owned))
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

/// Under `/open` the server allows everybody, and under `/silent` it says nothing; below `/far` its answers take their time. The last
/// part of the path is the body's length.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path();
    let length: usize = path
        .rsplit('/')
        .next()
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let is_open = path.contains("/open/");
    if path.starts_with("/far/") {
        tokio::time::sleep(FAR).await;
    }
    let mut response = match (request.method() == Method::OPTIONS, is_open) {
        (true, true) => Response::new(Full::default()),
        (true, false) => {
            let mut refusal = Response::new(Full::default());
            *refusal.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            refusal
        },
        (false, _) => Response::new(Full::from(vec![b'x'; length])),
    };
    let mut fields = vec![
        ("cache-control", "no-store"),
        ("content-type", "text/plain"),
    ];
    if is_open {
        fields.extend([
            ("access-control-allow-origin", "*"),
            ("access-control-allow-headers", "x-bench"),
            ("access-control-max-age", "7200"),
        ]);
    }
    for (name, value) in fields {
        let name = HeaderName::from_static(name);
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            if let Ok(stream) = acceptor.accept(stream).await {
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service_fn(answer))
                    .await;
            }
        });
    }
}

/// A page in a tab, and the fetch stack below it.
struct World {
    threads: ResourceThreads,
    pipeline: PipelineId,
    page: ServoUrl,
    port: u16,
}

impl World {
    fn fetch(&self, path: &str, header: bool) -> Duration {
        let host = if path.contains("/open/") {
            OPEN_HOST
        } else {
            SILENT_HOST
        };
        let url = ServoUrl::parse(&format!("https://{host}:{}{path}", self.port)).expect("a URL");
        let mut headers = HeaderMap::new();
        if header {
            headers.insert("x-bench", HeaderValue::from_static("1"));
        }
        let request = RequestBuilder::new(Some(TEST_WEBVIEW_ID), claim(url), Referrer::NoReferrer)
            .pipeline_id(Some(self.pipeline))
            .mode(RequestMode::CorsMode)
            .credentials_mode(CredentialsMode::CredentialsSameOrigin)
            .headers(headers)
            .unsafe_request(true)
            .client(client(self.page.origin(), true));
        let (length, taken) = self.run(request);
        let expected = path
            .rsplit('/')
            .next()
            .and_then(|length| length.parse().ok());
        assert_eq!(Some(length), expected, "{path}");
        taken
    }

    /// The document comes, and the tab shows it.
    fn navigate(&self) {
        let request = RequestBuilder::new(
            Some(TEST_WEBVIEW_ID),
            claim(self.page.clone()),
            Referrer::NoReferrer,
        )
        .pipeline_id(Some(self.pipeline))
        .destination(Destination::Document)
        .mode(RequestMode::Navigate)
        .client(client(ImmutableOrigin::new_opaque(), false));
        self.run(request);
        if let Some(embedding) = Embedding::get() {
            let entries = [self.page.clone().into_url()];
            embedding.session_history_changed(TEST_WEBVIEW_ID, &entries, 0);
        }
    }

    /// The length of the body, and how long it took to be there.
    fn run(&self, request: RequestBuilder) -> (usize, Duration) {
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
            match page
                .recv_timeout(LIMIT)
                .expect("an end")
                .expect("a message")
            {
                FetchResponseMsg::ProcessResponseChunk(_, chunk) => length += chunk.len(),
                FetchResponseMsg::ProcessResponseEOF(_, result, _) => {
                    result.expect("no network error");
                    return (length, begun.elapsed());
                },
                _ => {},
            }
        }
    }
}

fn claim(url: ServoUrl) -> UrlWithBlobClaim {
    UrlWithBlobClaim::from_url_without_having_claimed_blob(url)
}

fn client(origin: ImmutableOrigin, is_secure: bool) -> RequestClient {
    RequestClient {
        preloaded_resources: Default::default(),
        policy_container: PolicyContainer::default(),
        origin: Origin::Origin(origin),
        is_nested_browsing_context: false,
        insecure_requests_policy: InsecureRequestsPolicy::DoNotUpgrade,
        has_trustworthy_ancestor_origin: is_secure,
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Runs both in pairs, and prints what the second takes beside the first.
fn compare(pairs: usize, title: &str, first: impl Fn() -> Duration, second: impl Fn() -> Duration) {
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    for pair in 0..WARM_UP + pairs {
        let (one, two) = if pair % 2 == 0 {
            let one = first();
            (one, second())
        } else {
            let two = second();
            (first(), two)
        };
        if pair >= WARM_UP {
            of_first.push(one);
            of_second.push(two);
        }
    }
    report(title, median(&mut of_first), median(&mut of_second));
}

fn report(title: &str, one: Duration, two: Duration) {
    println!(
        "{title}: {one:.1?} and {two:.1?}, {:+.1} %",
        (two.as_secs_f64() / one.as_secs_f64() - 1.0) * 100.0
    );
}

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let (acceptor, pem) = identity();
    let authority = folder.path().join("authority.pem");
    fs::write(&authority, pem).expect("a file");

    let runtime = Runtime::new().expect("a runtime");
    let listener = runtime
        .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .expect("a port");
    let address: SocketAddr = listener.local_addr().expect("an address");
    runtime.spawn(serve(listener, acceptor));

    let store = PermissionStore::open(&folder.path().join("permissions.sqlite"), SystemClock.now())
        .expect("a store")
        .store;
    let user_cors = Arc::new(UserCors::new(store));
    let port = address.port();
    let overrides: AddressSpaceOverrides = format!("127.0.0.1:{port}=public,[::1]:{port}=public")
        .parse()
        .expect("overrides");
    let _ = user_cors.set_address_space_overrides(overrides, SystemClock.now());
    let rules = r#"{"rules": [{"requester": "*", "target": "*", "answer": "always"}]}"#;
    embedding::install(EmbeddingOptions {
        user_cors: user_cors.clone(),
        observer: Arc::new(Nobody),
        public_roots: Some(authority.clone()),
        certificate_path: Some(authority),
        name_server: None,
        answers: Answers::Rules(Rules::parse(rules).expect("rules")),
        local_network_access: LocalNetworkAccess::Off,
    })
    .expect("the only embedding");

    let (memory_profiler, _) = generic_channel::channel().expect("a channel");
    let embedder = GenericEmbedderProxy::<NetToEmbedderMsg> {
        sender: unbounded().0,
        event_loop_waker: Box::new(Asleep),
    };
    let (threads, _, _network_runtime) = new_resource_threads(
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
    let world = World {
        threads,
        pipeline: PipelineId::new(),
        page: ServoUrl::parse(&format!("https://{PAGE_HOST}:{port}/0")).expect("a URL"),
        port,
    };
    world.navigate();

    println!(
        "{PAIRS} pairs each, of the far server {FAR_PAIRS}; medians; the second beside the first"
    );
    for (pairs, place, name) in [
        (PAIRS, "", "this machine"),
        (FAR_PAIRS, "/far", "a server 10 ms away"),
    ] {
        for size in [1 << 10, 1 << 18, 1 << 20] {
            let open = format!("{place}/open/{size}");
            let silent = format!("{place}/silent/{size}");
            compare(
                pairs,
                &format!("{} KiB from {name}: CORS, a permission", size >> 10),
                || world.fetch(&open, false),
                || world.fetch(&silent, false),
            );
            compare(
                pairs,
                &format!(
                    "{} KiB from {name}, after a preflight that is remembered",
                    size >> 10
                ),
                || world.fetch(&open, true),
                || world.fetch(&silent, true),
            );
        }
    }
    println!("{ROW} in a row until the ledger has them, for each");
    for size in [1 << 10, 1 << 18, 1 << 20] {
        let (open, silent) = (format!("/open/{size}"), format!("/silent/{size}"));
        let in_a_row = |path: &str| {
            let begun = Instant::now();
            for _ in 0..ROW {
                world.fetch(path, false);
            }
            if let Some(embedding) = Embedding::get() {
                embedding.settle_ledger();
            }
            begun.elapsed() / u32::try_from(ROW).expect("few")
        };
        report(
            &format!("{} KiB: CORS, a permission", size >> 10),
            in_a_row(&open),
            in_a_row(&silent),
        );
    }
    let switch = |enabled| {
        let settings = Settings {
            enabled,
            ..user_cors.settings()
        };
        let _ = user_cors.set_settings(settings, SystemClock.now());
    };
    for header in [false, true] {
        compare(
            PAIRS,
            if header {
                "CORS with a preflight that is remembered: the feature off, on"
            } else {
                "CORS without a preflight: the feature off, on"
            },
            || {
                switch(Switch::Off);
                world.fetch("/open/1024", header)
            },
            || {
                switch(Switch::On);
                world.fetch("/open/1024", header)
            },
        );
    }
    if let Some(embedding) = Embedding::get() {
        embedding.begin_shutdown();
    }
}
