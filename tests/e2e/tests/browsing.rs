//! What pages do with the network every day, through the real binary.

use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use http::{HeaderValue, StatusCode, header};
use latchkey_demo::reply;
use latchkey_e2e::{Answer, Browser, BrowserOptions, Names, Pair, RawRequest, RawServer, wait_for};
use tokio::io::AsyncWriteExt;

const LIMIT: Duration = Duration::from_secs(60);

/// A page that runs this; in it `tell(text)` ends the test.
fn page(script: &str) -> Answer {
    page_with_headers("", script)
}

fn page_with_headers(headers: &str, script: &str) -> Answer {
    let html = format!(
        "<!doctype html><script>
            const tell = text => alert('TOLD ' + text);
            (async () => {{ {script} }})().catch(error => tell(error.name + ': ' + error.message));
        </script>"
    );
    let headers = format!("Content-Type: text/html\r\nCache-Control: no-store\r\n{headers}");
    Answer::with_headers(&headers, html.as_bytes())
}

fn text(body: &str) -> Answer {
    Answer::with_headers("Content-Type: text/plain\r\n", body.as_bytes())
}

/// What the page at `url` tells.
fn told(url: &str, options: &BrowserOptions) -> Result<String> {
    let mut browser = Browser::open(url, options)?;
    let told = browser.wait_for_alert("TOLD ", LIMIT)?;
    end(browser)?;
    Ok(told)
}

fn end(browser: Browser) -> Result<()> {
    let ended = browser.quit(LIMIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    ensure!(!ended.output.contains("panicked"), "{}", ended.output);
    Ok(())
}

/// What a page of this script tells, where `answer` answers all but the page itself.
fn told_by(
    script: &'static str,
    answer: impl Fn(&RawRequest) -> Answer + Send + Sync + 'static,
) -> Result<(String, RawServer)> {
    let server = RawServer::answering(move |request| match request.path.as_str() {
        "/" => page(script),
        _ => answer(request),
    })?;
    let told = told(&server.url("/"), &BrowserOptions::default())?;
    Ok((told, server))
}

fn request_for(server: &RawServer, path: &str) -> Result<RawRequest> {
    let mut seen = server.seen().into_iter();
    seen.find(|request| request.path == path)
        .with_context(|| format!("{path} was not asked for"))
}

#[test]
fn a_tests_report_is_one_whole_line_of_standard_output() -> Result<()> {
    // As upstream's runner for Servo reads it; it may be longer than what a console keeps.
    let server = RawServer::answering(|_| {
        page(
            "console.log('ALERT: RESULT: ' + 'x'.repeat(100000)); console.log('another'); tell('');",
        )
    })?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    let report = browser.wait_for_alert("RESULT: ", LIMIT)?;
    assert_eq!(report, "x".repeat(100_000));
    end(browser)
}

#[test]
fn cookies_are_stored_sent_and_shown_to_script_by_their_attributes() -> Result<()> {
    let server = RawServer::start(|path| match path {
        "/" => page_with_headers(
            "Set-Cookie: first=1; HttpOnly\r\nSet-Cookie: second=2\r\nSet-Cookie: elsewhere=4; Path=/other\r\n",
            "document.cookie = 'third=3';
             await fetch('/next');
             await fetch('/next-without', { credentials: 'omit' });
             tell(document.cookie);",
        ),
        _ => text(""),
    })?;
    let told = told(&server.url("/"), &BrowserOptions::default())?;
    assert_eq!(told, "second=2; third=3");
    let next = request_for(&server, "/next")?;
    assert_eq!(next.header("cookie"), Some("first=1; second=2; third=3"));
    let without = request_for(&server, "/next-without")?;
    assert_eq!(without.header("cookie"), None);
    Ok(())
}

#[test]
fn a_profile_keeps_cookies_that_last() -> Result<()> {
    let server = RawServer::start(|_| {
        page_with_headers(
            "Set-Cookie: lasting=1; Max-Age=600\r\nSet-Cookie: session=2\r\n",
            "tell('');",
        )
    })?;
    let profile = tempfile::tempdir()?;
    let options = BrowserOptions {
        profile: Some(profile.path().to_owned()),
        ..BrowserOptions::default()
    };
    for path in ["/one", "/two"] {
        told(&server.url(path), &options)?;
    }
    assert_eq!(request_for(&server, "/one")?.header("cookie"), None);
    assert_eq!(
        request_for(&server, "/two")?.header("cookie"),
        Some("lasting=1")
    );
    Ok(())
}

#[test]
fn hsts_turns_a_http_link_into_https() -> Result<()> {
    // NOTE: names below `localhost` are never upgraded.
    let pair = Pair::start_at("data.silent.test", Names::Known, "", |request| {
        let script = match request.uri().path() {
            "/first" => "location.href = 'http://' + location.host + '/second'",
            _ => "alert('TOLD ' + location.protocol + location.pathname)",
        };
        let mut response = reply::html(
            StatusCode::OK,
            format!("<!doctype html><script>onload = () => {{ {script} }}</script>"),
        );
        response.headers_mut().insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=600"),
        );
        response
    })?;
    let url = pair.target.url("/first");
    assert_eq!(
        told(url.as_str(), &pair.options_without_rules())?,
        "https:/second"
    );
    Ok(())
}

#[test]
fn a_fresh_response_is_used_again_and_a_stale_one_is_revalidated() -> Result<()> {
    const ASSETS: &str = "for (const path of ['/fresh', '/stale']) {
        const response = await fetch(path);
        seen.push(response.status + (await response.text()));
    }";
    let server = RawServer::answering(|request| match request.path.as_str() {
        "/" => page(&format!(
            "const seen = []; {ASSETS} location.href = '/again#' + seen.join();"
        )),
        "/again" => page(&format!(
            "const seen = [location.hash.slice(1)]; {ASSETS} tell(seen.join());"
        )),
        "/fresh" => Answer::with_headers("Cache-Control: max-age=600\r\n", b"f"),
        _ if request.header("if-none-match") == Some("\"v1\"") => {
            Answer::Bytes(b"HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\n\r\n".to_vec())
        },
        _ => Answer::with_headers("Cache-Control: no-cache\r\nETag: \"v1\"\r\n", b"s"),
    })?;
    let told = told(&server.url("/"), &BrowserOptions::default())?;
    assert_eq!(told, "200f,200s,200f,200s");
    let requests = server.requests();
    let count = |path: &str| requests.iter().filter(|seen| *seen == path).count();
    assert_eq!(count("/fresh"), 1, "{requests:?}");
    assert_eq!(count("/stale"), 2, "{requests:?}");
    Ok(())
}

#[test]
fn every_content_coding_is_decoded() -> Result<()> {
    let plain = "What the server says, many times over. ".repeat(500);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    macro_rules! encoded {
        ($encoder:ident) => {
            runtime.block_on(async {
                let mut encoder = $encoder::new(Vec::new());
                encoder.write_all(plain.as_bytes()).await?;
                encoder.shutdown().await?;
                std::io::Result::Ok(encoder.into_inner())
            })?
        };
    }
    let bodies = [
        ("gzip", encoded!(GzipEncoder)),
        ("br", encoded!(BrotliEncoder)),
        ("zstd", encoded!(ZstdEncoder)),
        ("deflate", encoded!(ZlibEncoder)),
    ];
    let (told, server) = told_by(
        "const lengths = [];
         for (const coding of ['gzip', 'br', 'zstd', 'deflate']) {
             const body = await (await fetch('/' + coding)).text();
             lengths.push(coding + body.length + (body === 'What the server says, many times over. '.repeat(500)));
         }
         tell(lengths.join(' '));",
        move |request| {
            let coding = request.path.trim_start_matches('/');
            match bodies.iter().find(|(name, _)| *name == coding) {
                Some((_, body)) => {
                    Answer::with_headers(&format!("Content-Encoding: {coding}\r\n"), body)
                },
                None => text(""),
            }
        },
    )?;
    assert_eq!(
        told,
        "gzip19500true br19500true zstd19500true deflate19500true"
    );
    let accepted = request_for(&server, "/gzip")?;
    let accepted = accepted
        .header("accept-encoding")
        .unwrap_or_default()
        .to_owned();
    // The newer ones are offered over https alone, where nothing in between can spoil them, but all are understood.
    for coding in ["gzip", "br", "deflate"] {
        ensure!(accepted.contains(coding), "{accepted}");
    }
    Ok(())
}

#[test]
fn a_large_blob_is_uploaded_whole_and_no_stream_over_http_1() -> Result<()> {
    let (told, server) = told_by(
        "const size = 5 * 1024 * 1024;
         await fetch('/blob', { method: 'POST', body: new Blob([new Uint8Array(size).fill(66)]) });
         const stream = new ReadableStream({
             pull(controller) { controller.enqueue(new Uint8Array(1000)); controller.close(); },
         });
         const sent = fetch('/stream', { method: 'POST', body: stream, duplex: 'half' });
         tell(await sent.then(() => 'sent', error => error.name));",
        |_| text("thanks"),
    )?;
    assert_eq!(told, "TypeError");
    let blob = request_for(&server, "/blob")?;
    assert_eq!(blob.header("content-length"), Some("5242880"));
    ensure!(blob.body.len() == 5 << 20 && blob.body.iter().all(|byte| *byte == b'B'));
    ensure!(request_for(&server, "/stream").is_err());
    Ok(())
}

#[test]
fn a_stream_is_uploaded_over_http_2() -> Result<()> {
    let body = Arc::new(Mutex::new(Vec::new()));
    let arrived = Arc::clone(&body);
    let pair = Pair::start("", move |request| {
        if request.uri().path() == "/stream" {
            if let Ok(mut arrived) = arrived.lock() {
                *arrived = request.body().to_vec();
            }
            return reply::text(StatusCode::OK, format!("{:?}", request.version()));
        }
        reply::html(
            StatusCode::OK,
            "<!doctype html><script>(async () => {
                 const parts = ['one ', 'two ', 'three'].map(part => new TextEncoder().encode(part));
                 const body = new ReadableStream({
                     pull(controller) { parts.length ? controller.enqueue(parts.shift()) : controller.close(); },
                 });
                 const response = await fetch('/stream', { method: 'POST', body, duplex: 'half' });
                 alert('TOLD ' + await response.text());
             })().catch(error => alert('TOLD ' + error));</script>",
        )
    })?;
    let url = pair.target.url("/");
    assert_eq!(
        told(url.as_str(), &pair.options_without_rules())?,
        "HTTP/2.0"
    );
    let body = body.lock().map(|body| body.clone()).unwrap_or_default();
    assert_eq!(body, b"one two three");
    Ok(())
}

#[test]
fn a_websocket_echoes() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let Ok(mut socket) = tungstenite::accept(stream) else {
                continue;
            };
            while let Ok(message) = socket.read() {
                if (message.is_text() || message.is_binary()) && socket.send(message).is_err() {
                    break;
                }
            }
        }
    });
    let server = RawServer::start(move |_| {
        page(&format!(
            "const socket = new WebSocket('ws://localhost:{port}/');
             socket.binaryType = 'arraybuffer';
             const next = type => new Promise((resolve, reject) => {{
                 socket['on' + type] = resolve;
                 socket.onerror = () => reject(new Error('the socket failed'));
             }});
             await next('open');
             socket.send('grüße');
             const text = (await next('message')).data;
             socket.send(new Uint8Array(70000).fill(7));
             const bytes = new Uint8Array((await next('message')).data);
             socket.close(1000, 'done');
             const end = await next('close');
             tell([text, bytes.length, bytes.every(byte => byte === 7), end.code, end.wasClean].join());"
        ))
    })?;
    let told = told(&server.url("/"), &BrowserOptions::default())?;
    assert_eq!(told, "grüße,70000,true,1000,true");
    Ok(())
}

#[test]
fn blob_and_data_urls_are_fetched() -> Result<()> {
    let (told, _server) = told_by(
        "const url = URL.createObjectURL(new Blob(['from a ', 'blob'], { type: 'text/x-made' }));
         const blob = await fetch(url);
         const data = await fetch('data:text/plain;charset=utf-8;base64,ZnJvbSBkYXRh');
         const seen = [await blob.text(), blob.headers.get('content-type'), await data.text(), data.status];
         URL.revokeObjectURL(url);
         seen.push(await fetch(url).then(() => 'still there', error => error.name));
         tell(seen.join());",
        |_| text(""),
    )?;
    assert_eq!(told, "from a blob,text/x-made,from data,200,TypeError");
    Ok(())
}

#[test]
fn a_directory_lists_its_names_as_they_are() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let names = [
        "<b>bold<script>document.title=1<%2Fscript>",
        "a&amp;b.txt",
        "100%25 #1?.txt",
        "ünï'\"code",
    ];
    for name in names {
        std::fs::write(directory.path().join(name), "")?;
    }
    std::fs::create_dir(directory.path().join("a folder"))?;
    let url = format!("file://{}/", directory.path().display());
    let text = Browser::text_of(&url, &BrowserOptions::default(), LIMIT)?;
    for name in names.into_iter().chain(["a folder/"]) {
        ensure!(text.contains(name), "“{name}” is not in: {text}");
    }
    Ok(())
}

#[test]
fn a_page_that_wants_a_password_shows_its_refusal_when_nobody_can_give_one() -> Result<()> {
    let server = RawServer::answering(|request| {
        match request.header("authorization") {
        Some("Basic dXNlcjpwYXNz") => text("welcome"),
        _ => Answer::Bytes(
            b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"here\"\r\nContent-Type: text/plain\r\n\
              Content-Length: 12\r\nConnection: close\r\n\r\nwho are you?"
                .to_vec(),
        ),
    }
    })?;
    let options = BrowserOptions::default();
    let refused = Browser::text_of(&server.url("/"), &options, LIMIT)?;
    assert_eq!(refused, "who are you?");
    let with_password = server.url("/in").replace("http://", "http://user:pass@");
    assert_eq!(
        Browser::text_of(&with_password, &options, LIMIT)?,
        "welcome"
    );
    Ok(())
}

/// A server of a body of `total` bytes at `/big`, and how many of them it could write so far.
fn big_body(script: &'static str, total: u64) -> Result<(RawServer, Arc<AtomicU64>)> {
    const PIECE: usize = 1 << 20;
    let written = Arc::new(AtomicU64::new(0));
    let progress = Arc::clone(&written);
    let server = RawServer::start(move |path| {
        match path {
            "/" => return page(script),
            "/never" => return Answer::Silence,
            _ => {},
        }
        let progress = Arc::clone(&progress);
        Answer::Write(Box::new(move |stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n")?;
            let piece = vec![b'x'; PIECE];
            let mut left = total;
            while left > 0 {
                let wanted = left.min(PIECE as u64) as usize;
                let count = stream.write(&piece[..wanted])? as u64;
                left -= count;
                progress.fetch_add(count, Ordering::Relaxed);
            }
            Ok(())
        }))
    })?;
    Ok((server, written))
}

#[test]
fn a_page_that_is_busy_stops_the_server() -> Result<()> {
    const TOTAL: u64 = 1 << 30;
    // What the sockets' buffers and the browser may hold together.
    const HELD: u64 = 32 << 20;
    // The server counts as stopped when it could write nothing for this long.
    const STILL: Duration = Duration::from_secs(2);
    // NB: A page that holds a reader and does not read takes everything: Servo's script queues what it is sent.
    let (server, written) = big_body(
        "const reader = (await fetch('/big')).body.getReader();
         const { value } = await reader.read();
         tell(value.length > 0);
         const request = new XMLHttpRequest();
         request.open('GET', '/never', false);
         request.send();",
        TOTAL,
    )?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    assert_eq!(browser.wait_for_alert("TOLD ", LIMIT)?, "true");
    let (mut last, mut since) = (0, Instant::now());
    wait_for(LIMIT, || {
        let count = written.load(Ordering::Relaxed);
        if count != last {
            (last, since) = (count, Instant::now());
        }
        if since.elapsed() >= STILL {
            Ok(())
        } else {
            Err(format!("the server still writes: {} MiB", count >> 20))
        }
    })?;
    println!("the server wrote {} KiB to a page that is busy", last >> 10);
    ensure!(last < HELD, "{} MiB were taken from the server", last >> 20);
    end(browser)
}
