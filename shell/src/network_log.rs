//! `--network-log`: each stage of each request as a line of JSON, for tests and for people who look into a page.
//!
//! The fetch stack must never wait for a disk, so a thread of its own writes. Header values are left out, also harmless
//! ones: which are secret depends on the server. User names and passwords are left out of URLs.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use http::HeaderMap;
use net::connection::HttpVersion;
use net::embedding::Observer;
use net::events::{NetworkEvent, Stage};
use net::fetch::Cause;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use servo::{ServoUrl, WebViewId};

use crate::browser::certificate_error::CertificateError;
use crate::browser::permissions::ConnectionFacts;
use crate::browser::tab::LoadFailure;
use crate::event::{EventSender, Navigation, ShellEvent};

/// How many lines may wait for the disk. Beyond that, lines are counted and dropped.
const MAX_WAITING_LINES: usize = 64 * 1024;

/// How long closing the log waits for the disk.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The file and the thread that writes it.
pub struct NetworkLog {
    sender: Sender<Message>,
    dropped: AtomicU64,
}

enum Message {
    Line(Value),
    Close(Sender<()>),
}

impl NetworkLog {
    /// Opens the file, emptying it, and starts the thread.
    ///
    /// # Errors
    /// If the file cannot be written or no thread can be started.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let (sender, receiver) = bounded(MAX_WAITING_LINES);
        thread::Builder::new()
            .name("NetworkLog".to_owned())
            .spawn(move || write_lines(file, &receiver))?;
        Ok(Self {
            sender,
            dropped: AtomicU64::new(0),
        })
    }

    fn write(&self, event: &NetworkEvent) {
        let mut line = line(event);
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > 0 {
            line.insert("dropped_before".to_owned(), dropped.into());
        }
        match self.sender.try_send(Message::Line(Value::Object(line))) {
            Ok(()) => {
                self.dropped.fetch_sub(dropped, Ordering::Relaxed);
            },
            Err(TrySendError::Full(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            },
            Err(TrySendError::Disconnected(_)) => {},
        }
    }

    /// Waits, but not for ever, until everything written so far is in the file.
    pub fn close(&self) {
        let (done, wait) = bounded(1);
        if self
            .sender
            .send_timeout(Message::Close(done), CLOSE_TIMEOUT)
            .is_ok()
        {
            // An error says that the thread has ended, so there is nothing left to wait for.
            let _ = wait.recv_timeout(CLOSE_TIMEOUT);
        }
    }
}

fn write_lines(file: File, receiver: &Receiver<Message>) {
    let mut writer = BufWriter::new(file);
    let result: io::Result<()> = (|| {
        for message in receiver {
            match message {
                Message::Line(line) => {
                    serde_json::to_writer(&mut writer, &line)?;
                    writer.write_all(b"\n")?;
                    // A reader that follows the file sees a burst when it is over.
                    if receiver.is_empty() {
                        writer.flush()?;
                    }
                },
                Message::Close(done) => {
                    writer.flush()?;
                    let _ = done.send(());
                },
            }
        }
        Ok(())
    })();
    if let Err(error) = result {
        log::error!("The network log ends here: {error}");
    }
}

/// Listens to the fetch stack for the shell: questions and navigations go to the browser's thread, everything to the log.
pub struct NetworkObserver {
    events: EventSender,
    log: Option<Arc<NetworkLog>>,
    /// The requests for documents that are under way, with their tabs and URLs.
    navigations: Mutex<HashMap<u128, (WebViewId, ServoUrl)>>,
}

impl NetworkObserver {
    /// An observer that posts to the browser's thread.
    pub fn new(events: EventSender, log: Option<Arc<NetworkLog>>) -> Self {
        Self {
            events,
            log,
            navigations: Mutex::default(),
        }
    }

    fn follow_navigation(&self, event: &NetworkEvent) {
        let request = event.request.0.as_u128();
        match (&event.stage, event.webview) {
            // Frames have destinations of their own.
            (
                Stage::Started {
                    destination, url, ..
                },
                Some(webview),
            ) if destination.as_str() == "document" => {
                self.navigations
                    .lock()
                    .insert(request, (webview, url.clone()));
                self.events
                    .send(ShellEvent::Navigation(webview, Navigation::Started));
            },
            (Stage::Received { .. }, Some(webview)) => {
                let is_navigation = self.navigations.lock().contains_key(&request);
                if is_navigation && let Some(facts) = ConnectionFacts::of(&event.stage) {
                    self.events
                        .send(ShellEvent::Connected(webview, Box::new(facts)));
                }
            },
            (Stage::Redirected { to }, _) => {
                if let Some((_, url)) = self.navigations.lock().get_mut(&request) {
                    url.clone_from(to);
                }
            },
            (Stage::Ended { error, .. }, _) => {
                let Some((webview, url)) = self.navigations.lock().remove(&request) else {
                    return;
                };
                let navigation = match error.as_deref() {
                    // One that was cancelled leaves the tab as it is.
                    None | Some(Cause::Cancelled) => Navigation::Ended,
                    Some(cause) => Navigation::Failed(LoadFailure {
                        url: url.into_url(),
                        certificate: CertificateError::of(cause),
                    }),
                };
                self.events
                    .send(ShellEvent::Navigation(webview, navigation));
            },
            _ => {},
        }
    }
}

impl Observer for NetworkObserver {
    fn questions_changed(&self, webview: WebViewId) {
        self.events.send(ShellEvent::QuestionsChanged(webview));
    }

    fn network_event(&self, event: NetworkEvent) {
        self.follow_navigation(&event);
        if let (Stage::Issue(issue), Some(webview)) = (&event.stage, event.webview) {
            self.events.send(ShellEvent::Issue(webview, issue.clone()));
        }
        if let Some(log) = &self.log {
            log.write(&event);
        }
    }

    fn wants_network_events(&self) -> bool {
        true
    }
}

fn line(event: &NetworkEvent) -> Map<String, Value> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mut line = Map::new();
    line.insert("time".to_owned(), json!(now.as_secs_f64()));
    line.insert("request".to_owned(), json!(event.request.0.to_string()));
    line.insert(
        "tab".to_owned(),
        json!(event.webview.map(|webview| webview.to_string())),
    );
    if let Value::Object(stage) = stage(&event.stage) {
        line.extend(stage);
    }
    line
}

fn stage(stage: &Stage) -> Value {
    match stage {
        Stage::Started {
            method,
            url: started,
            destination,
        } => json!({
            "stage": "started",
            "method": method.as_str(),
            "url": url(started),
            "destination": destination.as_str(),
        }),
        Stage::Sent {
            url: sent,
            preflight,
            anonymous,
            headers,
        } => json!({
            "stage": "sent",
            "url": url(sent),
            "preflight": preflight,
            "anonymous": anonymous,
            "headers": names(headers),
        }),
        Stage::Interim {
            url: received,
            preflight,
            status,
            headers,
        } => json!({
            "stage": "interim",
            "url": url(received),
            "preflight": preflight,
            "status": status.as_u16(),
            "headers": names(headers),
        }),
        Stage::Received {
            url: received,
            preflight,
            status,
            headers,
            peer,
            space,
            version,
            reused,
            secured,
        } => json!({
            "stage": "received",
            "url": url(received),
            "preflight": preflight,
            "status": status.as_u16(),
            "headers": names(headers),
            "peer": peer.to_string(),
            "address_space": space.as_str(),
            "http_version": match version {
                HttpVersion::Http1 => "1",
                HttpVersion::Http2 => "2",
            },
            "reused": reused,
            "certificate_error_overridden": secured
                .as_ref()
                .map(|secured| secured.certificate_error_overridden),
        }),
        Stage::CacheChecked {
            partition,
            credentials,
            verdict,
        } => json!({
            "stage": "cache_checked",
            "partition": partition.as_ref().map(|site| site.to_string()),
            "credentials": credentials,
            "verdict": verdict.as_str(),
        }),
        Stage::FromCache { validated } => json!({ "stage": "from_cache", "validated": validated }),
        Stage::Redirected { to } => json!({ "stage": "redirected", "to": url(to) }),
        Stage::CorsPassed {
            url: passed,
            preflight,
            origin,
            credentials,
        } => json!({
            "stage": "cors_passed",
            "url": url(passed),
            "preflight": preflight,
            "origin": origin,
            "credentials": credentials,
        }),
        Stage::CorsFailed(failure) => json!({
            "stage": "cors_failed",
            "url": url(&failure.url),
            "preflight": failure.preflight,
            "reason": failure.to_string(),
        }),
        Stage::Asked => json!({ "stage": "asked" }),
        Stage::Released { held } => json!({ "stage": "released", "held": held }),
        Stage::Issue(issue) => json!({
            "stage": "issue",
            "code": issue.code(),
            "what": issue.what(),
            "advice": issue.advice(),
        }),
        Stage::Progress { bytes } => json!({ "stage": "progress", "bytes": bytes }),
        Stage::Ended { error, bytes } => json!({
            "stage": "ended",
            "error": error.as_ref().map(|error| error.to_string()),
            "bytes": bytes,
        }),
    }
}

/// The names of headers, each once, in the order of their first appearance.
fn names(headers: &HeaderMap) -> Vec<&str> {
    headers.keys().map(|name| name.as_str()).collect()
}

/// A URL without user name and password, and shortened if it carries its content in itself.
fn url(url: &ServoUrl) -> String {
    const MAX_DATA_URL: usize = 64;
    let mut url = url.clone().into_url();
    // These fail for URLs that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let mut text = String::from(url);
    if text.starts_with("data:") && text.len() > MAX_DATA_URL {
        // A URL is ASCII, so any length is a boundary.
        text.truncate(MAX_DATA_URL);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::fs;

    use http::{HeaderValue, Method, header};

    use super::*;

    fn sent() -> Stage {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::AUTHORIZATION,
            HeaderValue::from_static("Bearer hunter2"),
        );
        headers.append(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.append(header::ACCEPT, HeaderValue::from_static("text/html"));
        Stage::Sent {
            url: ServoUrl::parse("https://user:secret@example.org/x?y").unwrap(),
            preflight: false,
            anonymous: true,
            headers: Arc::new(headers),
        }
    }

    #[test]
    fn values_of_headers_and_passwords_stay_out() {
        let value = stage(&sent());
        assert_eq!(value["url"], "https://example.org/x?y");
        assert_eq!(value["headers"], json!(["authorization", "accept"]));
        let text = value.to_string();
        assert!(
            !text.contains("hunter2") && !text.contains("secret"),
            "{text}"
        );
    }

    #[test]
    fn data_urls_are_shortened() {
        let long = ServoUrl::parse(&format!("data:text/plain,{}", "a".repeat(500))).unwrap();
        assert!(url(&long).chars().count() <= 65);
        let short = ServoUrl::parse("data:,hi").unwrap();
        assert_eq!(url(&short), "data:,hi");
    }

    #[test]
    fn the_file_is_complete_when_the_log_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let log = NetworkLog::create(&path).unwrap();
        for number in 0..100_u64 {
            log.sender
                .send(Message::Line(json!({ "number": number })))
                .unwrap();
        }
        log.close();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 100);
        for (number, line) in text.lines().enumerate() {
            assert_eq!(
                serde_json::from_str::<Value>(line).unwrap()["number"],
                number as u64
            );
        }
    }

    #[test]
    fn started_names_method_and_destination() {
        let value = stage(&Stage::Started {
            method: Method::POST,
            url: ServoUrl::parse("https://example.org/").unwrap(),
            destination: "image".parse().ok().unwrap(),
        });
        assert_eq!(value["method"], "POST");
        assert_eq!(value["destination"], "image");
    }
}
