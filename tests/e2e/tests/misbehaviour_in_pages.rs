//! Servers that misbehave towards whatever a page loads: one page meets them one after the other, each with a clear end, and
//! the browser is as good as before. The fetch stack alone meets many more, in `engine/net/tests/hostile`.

use std::io::Write;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

use anyhow::{Result, ensure};
use async_compression::tokio::bufread::GzipEncoder;
use latchkey_e2e::{Answer, Browser, BrowserOptions, RawServer};
use tokio::io::{AsyncReadExt, BufReader};
use tungstenite::handshake::derive_accept_key;

const LIMIT: Duration = Duration::from_secs(120);

/// How much more memory the browser may take for all of it, in bytes: mostly script's, which collects its garbage when it likes.
const GROWTH: u64 = 600 << 20;

/// What a server writes at most, so that a browser that takes everything fails by its memory and not the machine.
const ENDLESS: usize = 64 << 20;

/// How a page meets a server, what the server does, and what the page sees of it.
struct Meeting {
    name: &'static str,
    by: &'static str,
    answer: fn() -> Answer,
    outcome: &'static str,
}

const MEETINGS: &[Meeting] = &[
    Meeting {
        name: "a gzip bomb",
        by: "text",
        answer: || {
            let bomb = gzip_of_zeros(256 << 20);
            Answer::with_headers("Content-Encoding: gzip\r\n", &bomb)
        },
        outcome: "TypeError",
    },
    Meeting {
        name: "100 MB of headers",
        by: "text",
        answer: || endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        outcome: "TypeError",
    },
    Meeting {
        name: "interim responses without end",
        by: "text",
        answer: || endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
        outcome: "TypeError",
    },
    Meeting {
        name: "101 that nobody asked for",
        by: "text",
        answer: || {
            raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        },
        outcome: "101 ",
    },
    Meeting {
        name: "a chunk extension of 100 MB",
        by: "text",
        answer: || {
            endless(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;",
                b"x",
            )
        },
        outcome: "TypeError",
    },
    Meeting {
        name: "two lengths",
        by: "text",
        answer: || raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"),
        outcome: "TypeError",
    },
    Meeting {
        name: "a redirect to javascript:",
        by: "text",
        answer: || {
            raw(b"HTTP/1.1 302 Found\r\nLocation: javascript:alert(1)\r\nContent-Length: 0\r\n\r\n")
        },
        outcome: "TypeError",
    },
    Meeting {
        name: "a redirect to a file",
        by: "frame",
        answer: || {
            raw(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")
        },
        outcome: "loaded nothing of ours",
    },
    Meeting {
        name: "1,900 cookies",
        by: "text",
        answer: || {
            let cookies: String = (0..1900)
                .map(|number| format!("Set-Cookie: c{number}=v\r\n"))
                .collect();
            Answer::with_headers(&cookies, b"hello")
        },
        outcome: "200 hello",
    },
    Meeting {
        name: "garbage as a page",
        by: "frame",
        answer: || Answer::Bytes((0..=u8::MAX).cycle().take(1 << 20).collect()),
        outcome: "loaded nothing of ours",
    },
    Meeting {
        name: "an image of 65,535 times 65,535 pixels",
        by: "image",
        answer: || Answer::with_headers("Content-Type: image/png\r\n", &png(65_535, 65_535)),
        outcome: "error",
    },
    Meeting {
        name: "an image of 2^31 - 1 times 1 pixels",
        by: "image",
        answer: || Answer::with_headers("Content-Type: image/png\r\n", &png(0x7fff_ffff, 1)),
        outcome: "error",
    },
    Meeting {
        name: "an image without end",
        by: "image",
        answer: || {
            endless(
                b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n\x1a\n",
                b"nonsense",
            )
        },
        outcome: "error",
    },
    Meeting {
        name: "SVG that refers to itself a billion times",
        by: "image",
        answer: || {
            let mut svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><g id='a0'><rect width='9' height='9'/></g>".to_owned();
            for level in 1..40 {
                let uses = format!("<use href='#a{}'/>", level - 1).repeat(10);
                svg.push_str(&format!("<g id='a{level}'>{uses}</g>"));
            }
            svg.push_str("</svg>");
            Answer::with_headers("Content-Type: image/svg+xml\r\n", svg.as_bytes())
        },
        outcome: "error",
    },
    Meeting {
        name: "a script that breaks off",
        by: "script",
        answer: || {
            raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: 1000\r\n\r\nlet a = 1;")
        },
        outcome: "error",
    },
    Meeting {
        name: "a style sheet in broken gzip",
        by: "style",
        answer: || {
            // Script takes what has come of a style sheet for all of it.
            Answer::with_headers(
                "Content-Type: text/css\r\nContent-Encoding: gzip\r\n",
                b"not gzip",
            )
        },
        outcome: "loaded",
    },
    Meeting {
        name: "an event stream without end",
        by: "events",
        answer: || {
            endless(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n",
                b"data: x\n\n",
            )
        },
        outcome: "message x",
    },
    Meeting {
        name: "a socket with a wrong key",
        by: "socket",
        answer: || {
            raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm9uc2Vuc2U=\r\n\r\n")
        },
        outcome: "closed 1006",
    },
];

/// A page that meets all servers in turn.
fn page() -> String {
    let list: Vec<_> = MEETINGS.iter().map(|meeting| meeting.by).collect();
    format!(
        r#"<!doctype html><body><script>
        const ways = {{
            text: path => fetch(path).then(
                async response => `${{response.status}} ${{(await response.text()).slice(0, 20)}}`),
            element: (name, set) => new Promise(resolve => {{
                const element = document.createElement(name);
                element.onload = () => resolve("loaded");
                element.onerror = () => resolve("error");
                set(element);
                document.body.append(element);
            }}),
            image: path => ways.element("img", element => element.src = path),
            script: path => ways.element("script", element => element.src = path),
            style: path => ways.element("link", element => {{ element.rel = "stylesheet"; element.href = path; }}),
            frame: path => ways.element("iframe", element => element.src = path)
                .then(outcome => outcome + " nothing of ours"),
            events: path => new Promise(resolve => {{
                const source = new EventSource(path);
                source.onmessage = event => {{ source.close(); resolve("message " + event.data); }};
                source.onerror = () => {{ source.close(); resolve("error"); }};
            }}),
            socket: path => new Promise(resolve => {{
                const socket = new WebSocket(path);
                socket.onclose = event => resolve("closed " + event.code);
            }}),
        }};
        (async () => {{
            alert("READY ");
            const list = {list:?};
            for (const [index, way] of list.entries()) {{
                const late = new Promise(resolve => setTimeout(resolve, 30000, "nothing"));
                const outcome = await Promise.race([ways[way]("/meeting/" + index), late])
                    .catch(error => error.name);
                alert(`MET ${{index}} ${{outcome}}`);
            }}
            alert("HONEST " + await ways.text("/honest"));
        }})();
        </script>"#
    )
}

#[test]
fn a_page_meets_servers_of_all_kinds() -> Result<()> {
    let page = page();
    let server = RawServer::start(move |path| match path {
        "/" => Answer::html(&page),
        "/honest" => Answer::with_headers("", b"honest"),
        _ => path
            .strip_prefix("/meeting/")
            .and_then(|index| MEETINGS.get(index.parse::<usize>().ok()?))
            .map_or_else(|| Answer::html("elsewhere"), |meeting| (meeting.answer)()),
    })?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    browser.wait_for_alert("READY", LIMIT)?;
    let before = browser.peak_memory()?;
    let mut wrong = Vec::new();
    for (index, meeting) in MEETINGS.iter().enumerate() {
        let outcome = browser.wait_for_alert(&format!("MET {index} "), LIMIT)?;
        println!("{}: {outcome}", meeting.name);
        if outcome != meeting.outcome {
            wrong.push(format!("{}: {outcome}", meeting.name));
        }
    }
    ensure!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(browser.wait_for_alert("HONEST ", LIMIT)?, "200 honest");
    let growth = browser.peak_memory()?.saturating_sub(before);
    println!("{} MiB of memory for all of it", growth >> 20);
    ensure!(growth < GROWTH, "grew by {} MiB", growth >> 20);
    let ended = browser.quit(LIMIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    ensure!(!ended.output.contains("panicked"), "{}", ended.output);
    Ok(())
}

#[test]
fn bodies_that_come_bit_by_bit_are_left_with_their_page() -> Result<()> {
    let page = r#"<!doctype html><body><script>
        fetch("/slow/fetch").catch(() => {});
        const frame = document.createElement("iframe");
        frame.src = "/slow/frame";
        document.body.append(frame);
        fetch("/started").then(() => location = "/elsewhere");
        </script>"#;
    let (left, leaving) = mpsc::channel();
    let (arrived, arriving) = mpsc::channel();
    let arriving = Mutex::new(arriving);
    let server = RawServer::start(move |path| match path {
        "/" => Answer::html(page),
        "/elsewhere" => Answer::html("<script>alert('ELSEWHERE ')</script>"),
        "/slow/fetch" | "/slow/frame" => {
            let left = left.clone();
            let _ = arrived.send(());
            Answer::Write(Box::new(move |stream| {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")?;
                while stream.write_all(b"<p>more").is_ok() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                let _ = left.send(());
                Ok(())
            }))
        },
        _ => {
            // Both slow requests are under way before the page goes on.
            if let Ok(arriving) = arriving.lock() {
                let _ = (arriving.recv_timeout(LIMIT), arriving.recv_timeout(LIMIT));
            }
            Answer::with_headers("", b"")
        },
    })?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    browser.wait_for_alert("ELSEWHERE", LIMIT)?;
    leaving.recv_timeout(Duration::from_secs(10))?;
    leaving.recv_timeout(Duration::from_secs(10))?;
    ensure!(browser.quit(LIMIT)?.status.success());
    Ok(())
}

/// A server that answers a socket's handshake and then sends one frame of 2^62 bytes, of which nothing comes.
#[test]
fn a_giant_frame_fails_its_socket() -> Result<()> {
    let page = r#"<!doctype html><script>
        const socket = new WebSocket("/socket");
        let opened = false;
        socket.onopen = () => opened = true;
        socket.onclose = event => alert(`CLOSED ${opened} ${event.code} ${event.wasClean}`);
        </script>"#;
    let server = RawServer::answering(move |request| match request.path.as_str() {
        "/" => Answer::html(page),
        _ => {
            let key = request.header("sec-websocket-key").unwrap_or_default();
            let accept = derive_accept_key(key.as_bytes());
            Answer::Write(Box::new(move |stream| {
                write!(
                    stream,
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Accept: {accept}\r\n\r\n"
                )?;
                stream.write_all(&[0x82, 127, 0x40, 0, 0, 0, 0, 0, 0, 0, 1])?;
                // Until the browser leaves.
                std::io::copy(stream, &mut std::io::sink()).map(drop)
            }))
        },
    })?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    assert_eq!(browser.wait_for_alert("CLOSED ", LIMIT)?, "true 1006 false");
    ensure!(browser.quit(LIMIT)?.status.success());
    Ok(())
}

fn raw(bytes: &[u8]) -> Answer {
    Answer::Bytes(bytes.to_vec())
}

/// `start`, and then `piece` over and over.
fn endless(start: &'static [u8], piece: &'static [u8]) -> Answer {
    Answer::Write(Box::new(move |stream| {
        stream.write_all(start)?;
        let many = piece.repeat(65_536 / piece.len());
        for _ in 0..ENDLESS / many.len() {
            stream.write_all(&many)?;
        }
        Ok(())
    }))
}

fn gzip_of_zeros(length: u64) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let mut packed = Vec::new();
    let zeros = BufReader::new(tokio::io::repeat(0).take(length));
    runtime
        .block_on(GzipEncoder::new(zeros).read_to_end(&mut packed))
        .expect("packed");
    packed
}

/// The head of a PNG of this size, and a little data.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |name: &[u8], data: &[u8]| {
        png.extend((data.len() as u32).to_be_bytes());
        let named = [name, data].concat();
        png.extend(&named);
        png.extend(crc(&named).to_be_bytes());
    };
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([8, 6, 0, 0, 0]);
    chunk(b"IHDR", &header);
    chunk(b"IDAT", &[0x78, 0x9c, 0x63, 0, 0, 0, 1, 0, 1]);
    chunk(b"IEND", &[]);
    png
}

/// <https://www.w3.org/TR/png-3/#5CRC-algorithm>
fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                0xedb8_8320 ^ (crc >> 1)
            } else {
                crc >> 1
            }
        })
    })
}
