//! A server that says byte for byte what a test wants, right or wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use crate::wait_for;

/// The longest request body that the server reads, in bytes.
const MAX_REQUEST_BODY: u64 = 64 << 20;

/// What pages report lies under this path; see [`RawServer::wait_for_told`].
const TOLD: &str = "/told/";

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct RawRequest {
    /// The method.
    pub method: String,
    /// The request target: path and query.
    pub path: String,
    /// The headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl RawRequest {
    /// The value of the first header of a name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Writes an answer until it is done or the client leaves.
pub type Writing = dyn FnOnce(&mut TcpStream) -> std::io::Result<()> + Send;

/// What a [`RawServer`] does with one request.
pub enum Answer {
    /// Sends these bytes and closes.
    Bytes(Vec<u8>),
    /// Writes with this until it fails or is done, then closes.
    Write(Box<Writing>),
    /// Never says a word, and keeps the connection until the client leaves.
    Silence,
}

impl Answer {
    /// A complete HTML page.
    pub fn html(body: &str) -> Self {
        Self::with_headers("Content-Type: text/html\r\n", body.as_bytes())
    }

    /// A complete response with status 200. Each line of `headers` ends in CRLF.
    pub fn with_headers(headers: &str, body: &[u8]) -> Self {
        let mut bytes = format!(
            "HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(body);
        Self::Bytes(bytes)
    }
}

/// A plain-HTTP server on loopback whose answers are bytes.
pub struct RawServer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<RawRequest>>>,
    stopped: Arc<AtomicBool>,
}

impl RawServer {
    /// Serves `answer(path)` for each request.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn start(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Result<Self> {
        Self::answering(move |request| answer(&request.path))
    }

    /// Serves `answer(request)` for each request, whose body is read first.
    ///
    /// # Errors
    /// If no port can be had.
    pub fn answering(
        answer: impl Fn(&RawRequest) -> Answer + Send + Sync + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(AtomicBool::new(false));
        let answer = Arc::new(answer);
        let (seen, stop) = (Arc::clone(&requests), Arc::clone(&stopped));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Acquire) {
                    break;
                }
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || {
                    // A client that leaves is no failure of the server.
                    let _ = serve(stream, &seen, &*answer);
                });
            }
        });
        Ok(Self {
            address,
            requests,
            stopped,
        })
    }

    /// A URL of this server.
    pub fn url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The paths that were asked for so far.
    pub fn requests(&self) -> Vec<String> {
        self.seen()
            .into_iter()
            .map(|request| request.path)
            .collect()
    }

    /// The requests so far, whole.
    pub fn seen(&self) -> Vec<RawRequest> {
        self.requests
            .lock()
            .map(|requests| requests.clone())
            .unwrap_or_default()
    }

    /// Waits until a page has asked for `/told/` and `prefix`, and returns what follows it.
    ///
    /// # Errors
    /// If that does not happen within `limit`; the message lists what was asked for instead.
    pub fn wait_for_told(&self, prefix: &str, limit: Duration) -> Result<String> {
        let wanted = format!("{TOLD}{prefix}");
        wait_for(limit, || {
            self.requests()
                .iter()
                .find_map(|path| path.strip_prefix(&wanted).map(str::to_owned))
                .ok_or_else(|| format!("no page told “{prefix}…”: {:?}", self.requests()))
        })
    }
}

impl Drop for RawServer {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Release);
        // Wakes the accepting thread, which then sees that it is over.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<RawRequest>>,
    answer: &(impl Fn(&RawRequest) -> Answer + ?Sized),
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let request = read_request(&mut reader)?;
    if let Ok(mut seen) = seen.lock() {
        seen.push(request.clone());
    }
    match answer(&request) {
        Answer::Bytes(bytes) => stream.write_all(&bytes),
        Answer::Write(write) => write(&mut stream),
        Answer::Silence => {
            let mut rest = String::new();
            while reader.read_line(&mut rest)? > 0 {
                rest.clear();
            }
            Ok(())
        },
    }
}

fn read_request(reader: &mut impl BufRead) -> std::io::Result<RawRequest> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut parts = line.split(' ').map(str::to_owned);
    let mut request = RawRequest {
        method: parts.next().unwrap_or_default(),
        path: parts.next().unwrap_or_else(|| "/".to_owned()),
        ..RawRequest::default()
    };
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':') {
            let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
            request.headers.push((name, value));
        }
    }
    request.body = if request.header("transfer-encoding") == Some("chunked") {
        read_chunks(reader)?
    } else {
        let length = request.header("content-length").map(str::parse);
        read_exactly(reader, length.and_then(Result::ok).unwrap_or(0))?
    };
    Ok(request)
}

fn read_exactly(reader: &mut impl BufRead, length: u64) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    reader
        .take(length.min(MAX_REQUEST_BODY))
        .read_to_end(&mut body)?;
    Ok(body)
}

/// <https://www.rfc-editor.org/rfc/rfc9112#name-chunked-transfer-coding>
fn read_chunks(reader: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = u64::from_str_radix(size.trim(), 16).unwrap_or(0);
        body.extend(read_exactly(reader, size)?);
        reader.read_line(&mut String::new())?;
        if size == 0 || body.len() as u64 > MAX_REQUEST_BODY {
            return Ok(body);
        }
    }
}
