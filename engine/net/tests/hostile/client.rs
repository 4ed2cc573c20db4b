//! The fetch stack under test, spoken to as Servo's script speaks to it, and the memory that it takes.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::unbounded;
use embedder_traits::{EventLoopWaker, GenericEmbedderProxy};
use net::embedder::NetToEmbedderMsg;
use net::protocols::ProtocolRegistry;
use net::resource_thread::new_resource_threads;
use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::request::{Referrer, RequestBuilder, RequestId, RequestMode};
use net_traits::{
    AsyncRuntime, CookieSource, CoreResourceMsg, FetchChannels, FetchResponseMsg, MessageData,
    ResourceThreads, WebSocketDomAction, WebSocketNetworkEvent,
};
use profile_traits::generic_callback::GenericCallback as ProfileGenericCallback;
use profile_traits::mem::ProfilerChan as MemoryProfilerChan;
use profile_traits::time::ProfilerChan as TimeProfilerChan;
use servo_base::generic_channel::{self, GenericCallback, LazyCallback, lazy_callback};
use servo_default_resources as _;
use servo_url::ServoUrl;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

use crate::server::Tls;

/// How much of a body is kept to be looked at.
const KEPT: usize = 256;

struct Asleep;

impl EventLoopWaker for Asleep {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(Self)
    }

    fn wake(&self) {}
}

/// The resource threads of one browser without a profile.
pub struct Client {
    threads: ResourceThreads,
    _runtime: Box<dyn AsyncRuntime>,
    /// The servers' identity, which the client trusts.
    pub tls: Arc<Tls>,
    _directory: TempDir,
}

/// What became of a fetch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The status of the response; `None` for a network error.
    pub status: Option<u16>,
    /// The length of the body.
    pub length: u64,
    /// The start of the body.
    pub text: String,
    /// Whether the end was no error.
    pub complete: bool,
}

/// A fetch under way.
pub struct Fetch {
    id: RequestId,
    page: UnboundedReceiver<FetchResponseMsg>,
    heard: Heard,
}

impl Client {
    /// A new set of resource threads.
    pub fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let tls = Tls::new();
        let directory = tempfile::tempdir().expect("a directory");
        let authority = directory.path().join("authority.pem");
        fs::write(&authority, &tls.authority).expect("a file");
        let (memory_profiler, _) = generic_channel::channel().expect("a channel");
        let embedder = GenericEmbedderProxy::<NetToEmbedderMsg> {
            // Nobody answers, which is as good as letting all requests go.
            sender: unbounded().0,
            event_loop_waker: Box::new(Asleep),
        };
        let (threads, _, runtime) = new_resource_threads(
            None,
            TimeProfilerChan(None),
            MemoryProfilerChan(memory_profiler),
            embedder,
            None,
            Some(authority.to_string_lossy().into_owned()),
            false,
            Arc::new(ProtocolRegistry::default()),
        );
        Self {
            threads,
            _runtime: runtime,
            tls,
            _directory: directory,
        }
    }

    /// Begins a fetch.
    pub fn fetch(&self, request: RequestBuilder) -> Fetch {
        let id = request.id;
        let (sender, page) = unbounded_channel();
        let callback = GenericCallback::new(move |message| {
            let _ = sender.send(message.expect("a message"));
        })
        .expect("a callback");
        self.send(CoreResourceMsg::Fetch(
            request,
            FetchChannels::ResponseMsg(callback),
        ));
        Fetch {
            id,
            page,
            heard: Heard::default(),
        }
    }

    /// Gives a fetch up.
    pub fn cancel(&self, fetch: &Fetch) {
        self.send(CoreResourceMsg::Cancel(vec![fetch.id]));
    }

    /// How many cookies a request for `url` would carry.
    pub fn cookies(&self, url: &str) -> usize {
        let url = ServoUrl::parse(url).expect("a URL");
        self.threads.cookies_for_url(url, CookieSource::HTTP).len()
    }

    /// Opens a WebSocket.
    pub fn socket(&self, url: &str) -> Socket {
        let url = ServoUrl::parse(url).expect("a URL");
        let request = request(&url, &url).mode(RequestMode::WebSocket {
            protocols: Vec::new(),
            original_url: url,
        });
        let (sender, page) = unbounded_channel();
        let event_sender = ProfileGenericCallback::new(move |event| {
            let _ = sender.send(event.expect("an event"));
        })
        .expect("a callback");
        let (actions, action_receiver) = lazy_callback();
        self.send(CoreResourceMsg::Fetch(
            request,
            FetchChannels::WebSocket {
                event_sender,
                action_receiver,
            },
        ));
        Socket {
            page,
            _actions: actions,
        }
    }

    fn send(&self, message: CoreResourceMsg) {
        self.threads
            .core_thread
            .send(message)
            .expect("the resource manager is there");
    }
}

/// A request for `url` by a page of `origin`'s.
pub fn request(url: &ServoUrl, origin: &ServoUrl) -> RequestBuilder {
    let claimed = UrlWithBlobClaim::for_url(url.clone()).expect("no blob URL");
    RequestBuilder::new(None, claimed, Referrer::NoReferrer).origin(origin.origin())
}

impl Fetch {
    /// Waits for the end; `None` if it does not come within `limit`, and can be waited for again.
    pub async fn end(&mut self, limit: Duration) -> Option<Heard> {
        timeout(limit, async {
            while let Some(message) = self.page.recv().await {
                self.hear(message);
            }
        })
        .await
        .ok()?;
        Some(self.heard.clone())
    }

    /// What was heard so far.
    pub fn so_far(&self) -> &Heard {
        &self.heard
    }

    fn hear(&mut self, message: FetchResponseMsg) {
        match message {
            FetchResponseMsg::ProcessResponse(_, Ok(metadata)) => {
                self.heard.status = Some(metadata.metadata().status.raw_code());
            },
            FetchResponseMsg::ProcessResponseChunk(_, chunk) => {
                let bytes: &[u8] = &chunk;
                self.heard.length += bytes.len() as u64;
                let room = KEPT.saturating_sub(self.heard.text.len()).min(bytes.len());
                self.heard
                    .text
                    .push_str(&String::from_utf8_lossy(&bytes[..room]));
            },
            FetchResponseMsg::ProcessResponseEOF(_, result, _) => {
                self.heard.complete = result.is_ok();
            },
            _ => {},
        }
    }
}

/// A WebSocket.
pub struct Socket {
    page: UnboundedReceiver<WebSocketNetworkEvent>,
    /// The page's side, which the socket lasts for.
    _actions: LazyCallback<WebSocketDomAction>,
}

impl Socket {
    /// All that the page hears until the end, in short; messages of pings and pongs are none. An error if the end does not
    /// come within `limit`.
    pub async fn end(&mut self, limit: Duration) -> Result<String, String> {
        let mut heard = Vec::new();
        let ended = timeout(limit, async {
            while let Some(event) = self.page.recv().await {
                heard.push(match event {
                    WebSocketNetworkEvent::ConnectionEstablished { .. } => "open".to_owned(),
                    WebSocketNetworkEvent::MessageReceived(MessageData::Text(text)) => {
                        format!("text of {} bytes", text.len())
                    },
                    WebSocketNetworkEvent::MessageReceived(MessageData::Binary(bytes)) => {
                        format!("{} bytes", bytes.len())
                    },
                    WebSocketNetworkEvent::Close(code, _) => match code {
                        Some(code) => format!("closed, {code}"),
                        None => "closed".to_owned(),
                    },
                    WebSocketNetworkEvent::Fail => "failed".to_owned(),
                    _ => continue,
                });
            }
        })
        .await;
        let heard = heard.join("; ");
        ended.map(|()| heard.clone()).map_err(|_| heard)
    }
}

/// The memory that this process used at most since it was last asked, and what it uses, in bytes.
pub struct Memory {
    before: u64,
}

impl Memory {
    /// Begins to watch.
    pub fn watch() -> Self {
        // Linux: sets the peak to what is used.
        let _ = fs::write("/proc/self/clear_refs", "5");
        Self {
            before: status("VmRSS:"),
        }
    }

    /// How much more than at the beginning was used at most since then.
    pub fn growth(&self) -> u64 {
        status("VmHWM:").saturating_sub(self.before)
    }
}

fn status(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is there");
    let kilobytes: u64 = status
        .lines()
        .find_map(|line| line.strip_prefix(field))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.parse().ok())
        .expect("a number of kilobytes");
    kilobytes * 1024
}
