//! The resource threads from their messages on, against servers on loopback.

use content_security_policy::Destination;
use embedder_traits::{AuthenticationResponse, EventLoopWaker};
use futures::{SinkExt, StreamExt};
use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::request::{Referrer, RequestBuilder, RequestMode};
use net_traits::{
    FetchChannels, FetchMetadata, FetchResponseMsg, MessageData, WebSocketDomAction,
    WebSocketNetworkEvent,
};
use parking_lot::{Mutex, MutexGuard};
use profile_traits::generic_callback::GenericCallback as ProfileGenericCallback;
use servo_base::generic_channel::{GenericCallback, lazy_callback};
use servo_base::id::{TEST_PIPELINE_ID, TEST_WEBVIEW_ID};
use servo_default_resources as _;
use servo_url::ServoUrl;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use super::*;
use crate::fetch::checks::test_requests::client;

const LIMIT: Duration = Duration::from_secs(20);

struct Asleep;

impl EventLoopWaker for Asleep {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(Self)
    }

    fn wake(&self) {}
}

struct Threads {
    public: ResourceThreads,
    private: ResourceThreads,
    runtime: Box<dyn AsyncRuntime>,
    /// The process has one network runtime, so one test at a time has it.
    _alone: MutexGuard<'static, ()>,
}

impl Threads {
    fn start() -> Self {
        // Nobody answers, which is as good as letting all requests go.
        Self::start_with(crossbeam_channel::unbounded().0)
    }

    fn start_with(embedder: crossbeam_channel::Sender<NetToEmbedderMsg>) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (memory_profiler, _) = generic_channel::channel().expect("a channel");
        let (public, private, runtime) = new_resource_threads(
            None,
            TimeProfilerChan(None),
            MemoryProfilerChan(memory_profiler),
            GenericEmbedderProxy {
                sender: embedder,
                event_loop_waker: Box::new(Asleep),
            },
            None,
            None,
            false,
            Arc::new(ProtocolRegistry::default()),
        );
        Self {
            public,
            private,
            runtime,
            _alone: alone,
        }
    }

    fn exit(&self) {
        let (reply, answer) = generic_channel::oneshot().expect("a channel");
        self.public
            .core_thread
            .send(CoreResourceMsg::Exit(reply))
            .expect("the manager is there");
        answer.recv().expect("the manager answers");
    }
}

fn request(url: &str) -> RequestBuilder {
    let url = ServoUrl::parse(url).expect("a URL");
    let origin = url.origin();
    let claimed = UrlWithBlobClaim::for_url(url).expect("no blob URL");
    RequestBuilder::new(None, claimed, Referrer::NoReferrer).origin(origin)
}

fn fetch(
    threads: &ResourceThreads,
    request: RequestBuilder,
) -> UnboundedReceiver<FetchResponseMsg> {
    let (sender, receiver) = unbounded_channel();
    let page = GenericCallback::new(move |message| {
        let _ = sender.send(message.expect("a message"));
    })
    .expect("a callback");
    threads
        .core_thread
        .send(CoreResourceMsg::Fetch(
            request,
            FetchChannels::ResponseMsg(page),
        ))
        .expect("the manager is there");
    receiver
}

/// All that a page hears of a fetch, in short.
async fn outcome(mut page: UnboundedReceiver<FetchResponseMsg>) -> Vec<String> {
    let mut heard = Vec::new();
    while let Some(message) = timeout(LIMIT, page.recv()).await.expect("in time") {
        heard.push(match message {
            FetchResponseMsg::ProcessResponse(_, Ok(metadata)) => {
                let (FetchMetadata::Filtered { unsafe_: head, .. }
                | FetchMetadata::Unfiltered(head)) = metadata;
                format!("{}", head.status.raw_code())
            },
            FetchResponseMsg::ProcessResponse(_, Err(_)) => "error".to_owned(),
            FetchResponseMsg::ProcessResponseChunk(_, chunk) => {
                String::from_utf8_lossy(&chunk).into_owned()
            },
            FetchResponseMsg::ProcessResponseEOF(_, Ok(()), _) => "end".to_owned(),
            FetchResponseMsg::ProcessResponseEOF(_, Err(_), _) => "end with error".to_owned(),
            _ => continue,
        });
    }
    heard
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_fetched_and_the_end_is_heard_once() {
    let mut threads = Threads::start();
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let mut head = [0; 4096];
        let _ = stream.read(&mut head).await;
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        stream.write_all(answer).await.expect("written");
        let _ = stream.read(&mut head).await;
    });
    let page = fetch(
        &threads.public,
        request(&format!("http://127.0.0.1:{port}/")),
    );
    assert_eq!(outcome(page).await, ["200", "hello", "end"]);
    threads.exit();
    tokio::task::block_in_place(|| threads.runtime.shutdown());
}

/// A proxy that forwards nothing unless it is told the password, and then answers itself.
async fn asking_proxy(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut head = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut head).await {
                let head = String::from_utf8_lossy(&head[..length]);
                let answer: &[u8] = if head.contains("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=")
                {
                    b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nthrough"
                } else {
                    b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=\"p\"\r\nContent-Length: 2\r\n\r\nno"
                };
                stream.write_all(answer).await.expect("written");
            }
        });
    }
}

/// <https://fetch.spec.whatwg.org/#http-network-or-cache-fetch>, step 15.
#[tokio::test(flavor = "multi_thread")]
async fn a_navigation_asks_the_person_for_the_proxys_password_and_once() {
    let (embedder, messages) = crossbeam_channel::unbounded();
    let mut threads = Threads::start_with(embedder);
    let (listener, port) = listener().await;
    tokio::spawn(asking_proxy(listener));
    let before = servo_config::prefs::get().clone();
    servo_config::prefs::set(servo_config::prefs::Preferences {
        network_http_proxy_uri: format!("http://127.0.0.1:{port}"),
        ..before.clone()
    });
    let asked: Arc<Mutex<Vec<(String, bool)>>> = Arc::default();
    let log = Arc::clone(&asked);
    // Ends when the last thread that could ask is gone.
    std::thread::spawn(move || {
        while let Ok(message) = messages.recv() {
            if let NetToEmbedderMsg::RequestAuthentication(_, url, for_proxy, answer) = message {
                log.lock().push((url.to_string(), for_proxy));
                let _ = answer.send(Some(AuthenticationResponse {
                    username: "user".to_owned(),
                    password: "secret".to_owned(),
                }));
            }
        }
    });
    let navigation = || {
        let url = ServoUrl::parse("http://far.test/").expect("a URL");
        let claimed = UrlWithBlobClaim::for_url(url.clone()).expect("no blob URL");
        RequestBuilder::new(Some(TEST_WEBVIEW_ID), claimed, Referrer::NoReferrer)
            .origin(url.origin())
            .client(client(url.origin()))
            .mode(RequestMode::Navigate)
            .destination(Destination::Document)
    };
    // What is no navigation asks nobody.
    let page = fetch(&threads.public, request("http://far.test/"));
    assert_eq!(outcome(page).await, ["error", "end with error"]);
    assert!(asked.lock().is_empty());
    for _ in 0..2 {
        let page = fetch(&threads.public, navigation());
        assert_eq!(outcome(page).await, ["200", "through", "end"]);
    }
    assert_eq!(*asked.lock(), [(format!("http://127.0.0.1:{port}/"), true)]);
    servo_config::prefs::set(before);
    threads.exit();
    tokio::task::block_in_place(|| threads.runtime.shutdown());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_cancelled_and_the_end_reaches_both_sides() {
    let mut threads = Threads::start();
    // A server that says nothing.
    let (listener, port) = listener().await;
    let url = format!("http://127.0.0.1:{port}/");
    let cancelled = request(&url);
    let id = cancelled.id;
    let cancelled = fetch(&threads.public, cancelled);
    let public = fetch(&threads.public, request(&url));
    let private = fetch(&threads.private, request(&url));
    let _open = (
        listener.accept().await.expect("a connection"),
        listener.accept().await.expect("a connection"),
        listener.accept().await.expect("a connection"),
    );
    threads
        .public
        .core_thread
        .send(CoreResourceMsg::Cancel(vec![id]))
        .expect("the manager is there");
    assert_eq!(outcome(cancelled).await, ["error", "end with error"]);
    threads.exit();
    assert_eq!(outcome(public).await, ["error", "end with error"]);
    assert_eq!(outcome(private).await, ["error", "end with error"]);
    let late = fetch(&threads.private, request(&url));
    assert_eq!(outcome(late).await, ["error", "end with error"]);
    tokio::task::block_in_place(|| threads.runtime.shutdown());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_socket_echoes() {
    let mut threads = Threads::start();
    let (listener, port) = listener().await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("a connection");
        let mut socket = tokio_tungstenite::accept_async(stream)
            .await
            .expect("a handshake");
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() {
                socket.send(message).await.expect("sent");
            }
        }
    });
    let url = format!("ws://127.0.0.1:{port}/echo");
    let request = request(&url).mode(RequestMode::WebSocket {
        protocols: Vec::new(),
        original_url: ServoUrl::parse(&url).expect("a URL"),
    });
    let (sender, mut heard) = unbounded_channel();
    let event_sender = ProfileGenericCallback::new(move |event| {
        let _ = sender.send(event.expect("an event"));
    })
    .expect("a callback");
    let (actions, action_receiver) = lazy_callback();
    threads
        .public
        .core_thread
        .send(CoreResourceMsg::Fetch(
            request,
            FetchChannels::WebSocket {
                event_sender,
                action_receiver,
            },
        ))
        .expect("the manager is there");
    let mut next = async || timeout(LIMIT, heard.recv()).await.expect("in time");
    assert!(matches!(
        next().await,
        Some(WebSocketNetworkEvent::ConnectionEstablished {
            protocol_in_use: None
        })
    ));
    let message = WebSocketDomAction::SendMessage(MessageData::Text("hello".to_owned()));
    actions.send(message).expect("the socket is there");
    assert!(matches!(
        next().await,
        Some(WebSocketNetworkEvent::MessageReceived(MessageData::Text(text))) if text == "hello"
    ));
    actions
        .send(WebSocketDomAction::Close(Some(1000), None))
        .expect("the socket is there");
    assert!(matches!(
        next().await,
        Some(WebSocketNetworkEvent::Close(Some(1000), _))
    ));
    threads.exit();
    tokio::task::block_in_place(|| threads.runtime.shutdown());
}

/// Serves a page that reports what others have not agreed to, and hands on what it is sent to its endpoint.
async fn reporting_page(listener: TcpListener, reports: UnboundedSender<String>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let mut request = String::new();
        let is_whole = |request: &str| {
            request.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                let length = head.lines().find_map(|line| {
                    line.to_ascii_lowercase()
                        .strip_prefix("content-length: ")?
                        .parse()
                        .ok()
                });
                body.len() >= length.unwrap_or(0)
            })
        };
        while !is_whole(&request) {
            let mut bytes = [0; 4096];
            match stream.read(&mut bytes).await {
                Ok(length) if length > 0 => {
                    request.push_str(&String::from_utf8_lossy(&bytes[..length]));
                },
                _ => break,
            }
        }
        let headers = if request.starts_with("GET /page ") {
            "Cross-Origin-Embedder-Policy-Report-Only: require-corp; report-to=\"e\"\r\n\
             Reporting-Endpoints: e=\"/reports\"\r\nContent-Type: text/html\r\n"
        } else {
            ""
        };
        if request.starts_with("POST /reports ") {
            reports.send(request).expect("the test listens");
        }
        let answer =
            format!("HTTP/1.1 200 OK\r\n{headers}Connection: close\r\nContent-Length: 0\r\n\r\n");
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_documents_policy_is_against_is_reported() {
    let mut threads = Threads::start();
    let (listener, port) = listener().await;
    let (sender, mut reports) = unbounded_channel();
    tokio::spawn(reporting_page(listener, sender));
    let url = |text: &str| ServoUrl::parse(text).expect("a URL");
    let page = format!("http://127.0.0.1:{port}/page");
    let request = |target: &str| {
        let claimed = UrlWithBlobClaim::for_url(url(target)).expect("no blob URL");
        RequestBuilder::new(Some(TEST_WEBVIEW_ID), claimed, Referrer::NoReferrer)
            .origin(url(&page).origin())
            .client(client(url(&page).origin()))
            .pipeline_id(Some(TEST_PIPELINE_ID))
    };
    let document = request(&page)
        .destination(Destination::Document)
        .mode(RequestMode::Navigate);
    assert_eq!(
        outcome(fetch(&threads.public, document)).await,
        ["200", "end"]
    );
    // What is of the page's own origin is nobody's business.
    for host in ["127.0.0.1", "localhost"] {
        let other = request(&format!("http://{host}:{port}/other#fragment"));
        outcome(fetch(&threads.public, other)).await;
    }
    let report = timeout(LIMIT, reports.recv()).await.expect("in time");
    let report = report.expect("a report");
    let (head, body) = report.split_once("\r\n\r\n").expect("a request");
    assert!(
        head.to_ascii_lowercase()
            .contains("content-type: application/reports+json")
    );
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body.as_array().map(Vec::len), Some(1));
    assert_eq!(body[0]["url"], page);
    assert_eq!(
        body[0]["body"]["blockedURL"],
        format!("http://localhost:{port}/other")
    );
    assert_eq!(body[0]["body"]["disposition"], "reporting");
    threads.exit();
    tokio::task::block_in_place(|| threads.runtime.shutdown());
}

#[test]
fn closed_channels_are_told_from_messages_and_deadlines() {
    let (sender, receiver) = channel();
    let channels = [Channel::new(receiver, Side::Public)];
    sender
        .send(CoreResourceMsg::Cancel(Vec::new()))
        .expect("the receiver is alive");
    assert!(matches!(
        next(&channels, None),
        Some((0, Some(Ok(CoreResourceMsg::Cancel(_)))))
    ));
    assert!(next(&channels, Some(Instant::now())).is_none());
    drop(sender);
    assert!(matches!(next(&channels, None), Some((0, None))));
}
