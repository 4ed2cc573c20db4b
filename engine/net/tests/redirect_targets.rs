//! Step 11 of user-enabled CORS from the messages of a page to the wire: where a redirect leads that a list, a policy or a person
//! has spoken against, its name is not even looked up.
//!
//! A process has one embedding, so there is one test. Names below `.test` are known to a name server of the test's own, which
//! keeps what it was asked; one server answers for all of them.

use std::convert::Infallible;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use std::{fs, thread};

use bytes::Bytes;
use content_security_policy::Destination;
use embedder_traits::{EventLoopWaker, GenericEmbedderProxy};
use http::header::{HOST, LOCATION};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Empty;
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
use parking_lot::Mutex;
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
use simple_dns::rdata::{A, RData};
use simple_dns::{CLASS, Packet, RCODE, ResourceRecord, TYPE};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use user_cors::{
    AddressSpaceOverrides, Blocklist, BlocklistOwner, BlocklistSource, Clock, CompiledBlocklist,
    InstalledBlocklist, OriginPattern, PermissionStore, Policy, PolicyStatus, Rules, SystemClock,
    Timestamp, UserCors,
};

/// The longest that one fetch may take.
const LIMIT: Duration = Duration::from_secs(20);

const PAGE: &str = "page.localhost";

/// The server that is asked, and leads on.
const FIRST: &str = "first.test";

/// Where it leads.
const NEXT: &str = "next.test";

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

/// What has been asked for, by name.
type Asked = Arc<Mutex<Vec<String>>>;

fn times(asked: &Asked, name: &str) -> usize {
    let asked = asked.lock();
    asked.iter().filter(|known| *known == name).count()
}

/// Starts the name server. It ends with the process.
fn name_server(asked: Asked) -> std::net::SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = socket.local_addr().expect("an address");
    thread::spawn(move || {
        let mut bytes = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            let question = bytes.get(..length).unwrap_or_default();
            if let Some(answer) = answer(question, &asked) {
                let _ = socket.send_to(&answer, from);
            }
        }
    });
    address
}

fn answer(question: &[u8], asked: &Asked) -> Option<Vec<u8>> {
    let question = Packet::parse(question).ok()?;
    let mut reply = Packet::new_reply(question.id());
    let question = question.questions.first()?;
    let name = question.qname.to_string();
    reply.questions.push(question.clone());
    if !name.ends_with(".test") {
        *reply.rcode_mut() = RCODE::NameError;
    } else if question.qtype == TYPE::A.into() {
        asked.lock().push(name);
        reply.answers.push(ResourceRecord::new(
            question.qname.clone(),
            CLASS::IN,
            0,
            RData::A(A::from(Ipv4Addr::LOCALHOST)),
        ));
    }
    reply.build_bytes_vec().ok()
}

/// A certificate for all hosts, and the authority's in PEM.
fn identity() -> (TlsAcceptor, String) {
    let mut params = CertificateParams::new(Vec::<String>::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let authority = CertifiedIssuer::self_signed(params, key).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new([PAGE, FIRST, NEXT].map(str::to_owned))
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

/// All servers in one, silent about CORS. Preflights are refused, `/hop` leads to [`NEXT`].
async fn respond(
    request: Request<Incoming>,
    port: u16,
    sent: Asked,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let host = request.headers().get(HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default();
    sent.lock().push(host.to_owned());
    let mut response = Response::new(Empty::new());
    if request.method() == Method::OPTIONS {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    } else if request.uri().path() == "/hop" {
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        let location = HeaderValue::from_str(&format!("https://{NEXT}:{port}/end"));
        let headers = response.headers_mut();
        headers.insert(LOCATION, location.expect("a URL"));
    }
    Ok(response)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, sent: Asked) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, sent) = (acceptor.clone(), sent.clone());
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(stream).await {
                let service = service_fn(|request| respond(request, port, sent.clone()));
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        });
    }
}

/// A page in a tab, and the fetch stack below it.
struct Page {
    threads: ResourceThreads,
    pipeline: PipelineId,
    port: u16,
}

impl Page {
    fn url(&self, host: &str, path: &str) -> ServoUrl {
        let text = format!("https://{host}:{}{path}", self.port);
        ServoUrl::parse(&text).expect("a URL")
    }

    /// The document comes, and the tab shows it.
    fn open(&self) {
        let url = self.url(PAGE, "/");
        let request = self
            .request(url.clone(), ImmutableOrigin::new_opaque(), false)
            .destination(Destination::Document)
            .mode(RequestMode::Navigate);
        assert!(self.run(request), "the page");
        let embedding = Embedding::get().expect("an embedding");
        embedding.session_history_changed(TEST_WEBVIEW_ID, &[url.into_url()], 0);
    }

    /// Whether the page reads what it asks for.
    fn reads(&self, method: &Method, url: ServoUrl) -> bool {
        let request = self
            .request(url, self.url(PAGE, "/").origin(), true)
            .method(method.clone())
            .mode(RequestMode::CorsMode)
            .use_cors_preflight(*method != Method::GET)
            .credentials_mode(CredentialsMode::CredentialsSameOrigin);
        self.run(request)
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

    /// Whether a fetch ends without a network error.
    fn run(&self, request: RequestBuilder) -> bool {
        let (sender, heard): (Sender<FetchResponseMsg>, Receiver<_>) = channel();
        let callback = GenericCallback::new(move |message| {
            if let Ok(message) = message {
                let _ = sender.send(message);
            }
        })
        .expect("a callback");
        self.threads
            .core_thread
            .send(CoreResourceMsg::Fetch(
                request,
                FetchChannels::ResponseMsg(callback),
            ))
            .expect("the resource manager is there");
        loop {
            let message = heard.recv_timeout(LIMIT).expect("an end");
            if let FetchResponseMsg::ProcessResponseEOF(_, result, _) = message {
                return result.is_ok();
            }
        }
    }
}

fn rules(answer: &str) -> Answers {
    let rules =
        format!(r#"{{"rules": [{{"requester": "*", "target": "*", "answer": "{answer}"}}]}}"#);
    Answers::Rules(Rules::parse(&rules).expect("rules"))
}

/// Speaks against [`NEXT`], so that nothing is known of it but its name.
fn against(user_cors: &UserCors, page: &Page, way: &str, now: Timestamp) {
    match way {
        "the user's blocklist" => {
            let _ = user_cors.set_blocklist(Blocklist::new([NEXT.parse().expect("a host")]), now);
        },
        "a list file" => {
            let list = CompiledBlocklist::from_reader(NEXT.as_bytes()).expect("a list");
            let installed = InstalledBlocklist {
                source: BlocklistSource {
                    path: "/lists/list.txt".into(),
                    owner: BlocklistOwner::User,
                },
                list: Some(Arc::new(list)),
                problem: None,
            };
            let _ = user_cors.install_blocklists(vec![installed], now);
        },
        "a policy" => {
            let target = format!("https://{NEXT}:{}", page.port);
            let policy = Policy {
                blocked_targets: vec![OriginPattern::parse(&target).expect("a pattern")],
                ..Policy::default()
            };
            let _ = user_cors.set_policy(PolicyStatus::InForce(policy), now);
        },
        "a denial" => {
            user_cors.set_answers(rules("never"));
            assert!(!page.reads(&Method::GET, page.url(NEXT, "/end")));
            user_cors.set_answers(rules("once"));
        },
        _ => unreachable!("{way}"),
    }
}

#[test]
fn a_target_that_may_not_be_asked_about_is_not_looked_up() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().expect("a folder");
    let (acceptor, pem) = identity();
    let authority = folder.path().join("authority.pem");
    fs::write(&authority, pem).expect("a file");
    let (asked, sent) = (Asked::default(), Asked::default());

    let runtime = Runtime::new().expect("a runtime");
    let listener = runtime
        .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .expect("a port");
    let port = listener.local_addr().expect("an address").port();
    runtime.spawn(serve(listener, acceptor, sent.clone()));

    let store = PermissionStore::in_memory().expect("a store");
    let user_cors = Arc::new(UserCors::new(store));
    let overrides: AddressSpaceOverrides = format!("127.0.0.1:{port}=public,[::1]:{port}=public")
        .parse()
        .expect("overrides");
    let now = SystemClock.now();
    let _ = user_cors.set_address_space_overrides(overrides, now);
    embedding::install(EmbeddingOptions {
        user_cors: user_cors.clone(),
        observer: Arc::new(Nobody),
        public_roots: Some(authority.clone()),
        certificate_path: Some(authority),
        name_server: Some(name_server(asked.clone())),
        answers: rules("once"),
        local_network_access: LocalNetworkAccess::Off,
    })
    .expect("the only embedding");
    let (memory_profiler, _) = generic_channel::channel().expect("a channel");
    let embedder = GenericEmbedderProxy::<NetToEmbedderMsg> {
        sender: crossbeam_channel::unbounded().0,
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
    let page = Page {
        threads,
        pipeline: PipelineId::new(),
        port,
    };
    page.open();

    // One that is followed before anybody is asked, and one whose targets are asked about before anything is sent there.
    let methods = [Method::GET, Method::PUT];
    let follows = |expected: bool, why: &str| {
        for method in &methods {
            let (looked_up, reached) = (times(&asked, NEXT), times(&sent, NEXT));
            let reads = page.reads(method, page.url(FIRST, "/hop"));
            assert_eq!(reads, expected, "{method} with {why}");
            let looked_up = times(&asked, NEXT) - looked_up;
            let reached = times(&sent, NEXT) - reached;
            assert_eq!(
                looked_up,
                usize::from(expected),
                "{method} with {why}: looked up"
            );
            assert_eq!(reached, usize::from(expected), "{method} with {why}: sent");
        }
    };
    follows(true, "nothing against it");
    for way in [
        "the user's blocklist",
        "a list file",
        "a policy",
        "a denial",
    ] {
        against(&user_cors, &page, way, now);
        follows(false, way);
        let _ = user_cors.clear();
        let _ = user_cors.set_policy(PolicyStatus::None, now);
        let _ = user_cors.install_blocklists(Vec::new(), now);
        follows(true, &format!("what was not there before {way}"));
    }
}
