//! What a page does not want any more is let go: memory of a body that was read, sockets of requests that were given up.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use latchkey_e2e::{Answer, Browser, BrowserOptions, RawServer};

const LIMIT: Duration = Duration::from_secs(60);

/// How long a socket may stay open after nobody waits for its response.
const FREE: Duration = Duration::from_millis(50);

/// How much memory a body may take that a page reads and forgets.
const GROWTH: u64 = 64 << 20;

#[test]
fn one_gibibyte_read_and_discarded() -> Result<()> {
    const TOTAL: u64 = 1 << 30;
    const PIECE: usize = 1 << 20;
    // The first run warms allocators and compilers up, and fills the heaps in which script collects its garbage.
    let page = format!(
        r#"<!doctype html><script>
        async function lengthOf(path) {{
            const reader = (await fetch(path)).body.getReader();
            let length = 0;
            for (;;) {{
                const {{ done, value }} = await reader.read();
                if (done) return length;
                length += value.length;
            }}
        }}
        (async () => {{
            await lengthOf("/{}");
            alert("READY ");
            alert(`READ ${{await lengthOf("/{TOTAL}")}}`);
        }})();
        </script>"#,
        128 << 20
    );
    let server = RawServer::start(
        move |path| match path.trim_start_matches('/').parse::<u64>() {
            Err(_) => Answer::html(&page),
            Ok(total) => Answer::Write(Box::new(move |stream| {
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {total}\r\n\r\n")?;
                let piece = vec![b'x'; PIECE];
                for _ in 0..total / PIECE as u64 {
                    stream.write_all(&piece)?;
                }
                Ok(())
            })),
        },
    )?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    browser.wait_for_alert("READY", LIMIT)?;
    let before = browser.peak_memory()?;
    let length = browser.wait_for_alert("READ ", Duration::from_secs(300))?;
    let growth = browser.peak_memory()?.saturating_sub(before);
    println!(
        "at its peak {} MiB of memory more for 1 GiB of body",
        growth >> 20
    );
    assert_eq!(length, TOTAL.to_string());
    ensure!(growth < GROWTH, "grew by {} MiB", growth >> 20);
    ensure!(browser.quit(LIMIT)?.status.success());
    Ok(())
}

/// A server of `pages` whose `/stalled` begins a response and then waits; says when the other end has closed the socket.
fn stalling(pages: &'static [(&str, &str)]) -> Result<(RawServer, Receiver<SystemTime>)> {
    let (closed, closings): (Sender<SystemTime>, _) = channel();
    let closed = Arc::new(Mutex::new(closed));
    let server = RawServer::start(move |path| {
        if let Some((_, page)) = pages.iter().find(|(of, _)| *of == path) {
            return Answer::html(page);
        }
        let closed = Arc::clone(&closed);
        Answer::Write(Box::new(move |stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")?;
            // The client closes, or resets.
            let _ = stream.read(&mut [0]);
            if let Ok(closed) = closed.lock() {
                let _ = closed.send(SystemTime::now());
            }
            Ok(())
        }))
    })?;
    Ok((server, closings))
}

/// Opens a page that says by `GONE` and the time in milliseconds that it has given its request up, and looks how long the
/// socket stays.
fn frees_its_socket(pages: &'static [(&str, &str)]) -> Result<()> {
    let (server, closings) = stalling(pages)?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    let gone: f64 = browser.wait_for_alert("GONE ", LIMIT)?.parse()?;
    let closed = closings
        .recv_timeout(LIMIT)
        .context("the socket stays open")?;
    let gone = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(gone / 1000.);
    let stayed = closed.duration_since(gone).unwrap_or_default();
    println!("the socket stayed for {stayed:?}");
    ensure!(stayed < FREE, "the socket stayed for {stayed:?}");
    ensure!(browser.quit(LIMIT)?.status.success());
    Ok(())
}

#[test]
fn an_aborted_request_frees_its_socket() -> Result<()> {
    frees_its_socket(&[(
        "/",
        r#"<!doctype html><script>
        (async () => {
            const controller = new AbortController();
            const response = await fetch("/stalled", { signal: controller.signal });
            await response.body.getReader().read();
            const now = Date.now();
            controller.abort();
            alert(`GONE ${now}`);
        })();
        </script>"#,
    )])
}

#[test]
fn a_request_without_an_answer_frees_its_socket_when_it_is_aborted() -> Result<()> {
    let (closed, closings) = channel();
    let closed = Arc::new(Mutex::new(closed));
    let server = RawServer::start(move |path| match path {
        "/" => Answer::html(
            r#"<!doctype html><script>
            const request = new XMLHttpRequest();
            request.open("GET", "/silent");
            request.send();
            // The server has the request when it answers this one.
            fetch("/silent-has-come").then(() => {
                const now = Date.now();
                request.abort();
                alert(`GONE ${now}`);
            });
            </script>"#,
        ),
        "/silent" => {
            let closed = Arc::clone(&closed);
            Answer::Write(Box::new(move |stream| {
                let _ = stream.read(&mut [0]);
                if let Ok(closed) = closed.lock() {
                    let _ = closed.send(SystemTime::now());
                }
                Ok(())
            }))
        },
        _ => Answer::html(""),
    })?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    let gone: f64 = browser.wait_for_alert("GONE ", LIMIT)?.parse()?;
    let closed: SystemTime = closings
        .recv_timeout(LIMIT)
        .context("the socket stays open")?;
    let gone = SystemTime::UNIX_EPOCH + Duration::from_secs_f64(gone / 1000.);
    let stayed = closed.duration_since(gone).unwrap_or_default();
    println!("the socket stayed for {stayed:?}");
    ensure!(stayed < FREE, "the socket stayed for {stayed:?}");
    ensure!(browser.quit(LIMIT)?.status.success());
    Ok(())
}

#[test]
fn a_tab_that_is_closed_frees_its_socket() -> Result<()> {
    frees_its_socket(&[
        (
            "/",
            r#"<!doctype html><script>
            let opened;
            onmessage = () => {
                const now = Date.now();
                opened.close();
                alert(`GONE ${now}`);
            };
            opened = window.open("/child");
            </script>"#,
        ),
        (
            "/child",
            r#"<!doctype html><script>
            (async () => {
                const response = await fetch("/stalled");
                await response.body.getReader().read();
                opener.postMessage("", "*");
            })();
            </script>"#,
        ),
    ])
}
