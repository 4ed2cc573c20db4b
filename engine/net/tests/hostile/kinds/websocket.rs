//! WebSockets: handshakes that are none, and frames that break the rules of
//! [RFC 6455](https://www.rfc-editor.org/rfc/rfc6455).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tungstenite::handshake::derive_accept_key;

use super::Outcome::Socket;
use super::{Kind, Serving, keep};
use crate::server::Conn;

/// Reads the request for a socket, and answers it as a server should.
async fn accept(conn: &mut Conn) -> std::io::Result<()> {
    accept_with(conn, "").await
}

/// The same, with more headers, each of which ends in CRLF.
async fn accept_with(conn: &mut Conn, headers: &str) -> std::io::Result<()> {
    let request = conn.request().await?;
    let key = request
        .lines()
        .find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("sec-websocket-key")
                .then_some(value)
        })
        .unwrap_or_default();
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{headers}\r\n"
    );
    conn.write(answer.as_bytes()).await
}

/// Opens the socket, sends bytes, and waits for the page to leave.
fn open_and_send(mut conn: Conn, bytes: &'static [u8]) -> Serving {
    Box::pin(async move {
        accept(&mut conn).await?;
        conn.write(bytes).await?;
        conn.keep_silent().await
    })
}

/// A frame without a mask; `first` has the flags and the type.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => frame.push(length),
        _ => {
            frame.push(127);
            frame.extend((payload.len() as u64).to_be_bytes());
        },
    }
    frame.extend(payload);
    frame
}

/// The last frame of a message.
const FIN: u8 = 0x80;
const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;

/// A kind that opens the socket and sends frames.
const fn frames(name: &'static str, events: &'static str, bytes: fn() -> &'static [u8]) -> Kind {
    Kind::new(name, Socket(events), open_and_send).prepared(bytes)
}

/// A kind that answers the handshake with bytes.
const fn handshake(name: &'static str, bytes: fn() -> &'static [u8]) -> Kind {
    Kind::answer(name, Socket("failed"), bytes)
}

pub const KINDS: &[Kind] = &[
    handshake("a handshake that is answered with a page", || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    }),
    handshake("a handshake that is redirected", || {
        b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    }),
    handshake("a handshake that asks for a password", || {
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"
    }),
    handshake("a handshake with a wrong key", || {
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm9uc2Vuc2Ugbm9uc2Vuc2U=\r\n\r\n"
    }),
    handshake("a handshake without a key", || {
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    }),
    Kind::new(
        "a handshake with a head of 100 MB",
        Socket("failed"),
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                conn.write(b"HTTP/1.1 101 Switching Protocols\r\n").await?;
                conn.write_endlessly(b"X: y\r\n").await
            })
        },
    ),
    Kind::new(
        "a subprotocol that nobody asked for",
        Socket("failed"),
        |mut conn, _| {
            Box::pin(async move {
                accept_with(&mut conn, "Sec-WebSocket-Protocol: nonsense\r\n").await?;
                conn.keep_silent().await
            })
        },
    ),
    Kind::new(
        "an extension that nobody asked for",
        Socket("failed"),
        |mut conn, _| {
            Box::pin(async move {
                accept_with(&mut conn, "Sec-WebSocket-Extensions: x-nonsense\r\n").await?;
                conn.keep_silent().await
            })
        },
    ),
    Kind::new(
        "a socket that ends without a word",
        Socket("open; failed"),
        |mut conn, _| Box::pin(async move { accept(&mut conn).await }),
    ),
    frames("nonsense in place of frames", "open; failed", || {
        keep("HTTP/1.1 200 OK\r\n\r\nnonsense".repeat(1000))
    }),
    frames("a frame with a mask", "open; failed", || {
        &[FIN | TEXT, 0x80 | 2, 0, 0, 0, 0, b'h', b'i']
    }),
    frames("a frame of 2^63 bytes", "open; failed", || {
        &[FIN | BINARY, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]
    }),
    frames("a frame of 1 TiB", "open; failed", || {
        &[FIN | BINARY, 127, 0, 0, 1, 0, 0, 0, 0, 0, b'x']
    }),
    Kind::new(
        "a message that goes on without end",
        Socket("open; failed"),
        |mut conn, _| {
            Box::pin(async move {
                accept(&mut conn).await?;
                conn.write(&frame(BINARY, &[0; 1000])).await?;
                conn.write_endlessly(&frame(CONTINUATION, &[0; 32 << 10]))
                    .await
            })
        },
    )
    .memory(160),
    frames(
        "a message of 100,000 empty frames",
        "open; text of 0 bytes; closed, 1000",
        || {
            let mut bytes = frame(TEXT, b"");
            bytes.extend(frame(CONTINUATION, b"").repeat(100_000));
            bytes.extend(frame(FIN | CONTINUATION, b""));
            bytes.extend(frame(FIN | CLOSE, &1000u16.to_be_bytes()));
            keep(bytes)
        },
    ),
    frames("text that is not UTF-8", "open; failed", || {
        keep(frame(FIN | TEXT, b"\xC3\x28"))
    }),
    frames("a reserved bit", "open; failed", || {
        keep(frame(FIN | 0x40 | TEXT, b"hi"))
    }),
    frames("a reserved type of frame", "open; failed", || {
        keep(frame(FIN | 3, b"hi"))
    }),
    frames("a ping in parts", "open; failed", || {
        keep(frame(PING, b"hi"))
    }),
    frames("a ping of 200 bytes", "open; failed", || {
        keep(frame(FIN | PING, &[0; 200]))
    }),
    frames(
        "the end of a message that has not begun",
        "open; failed",
        || keep(frame(FIN | CONTINUATION, b"hi")),
    ),
    frames("a message inside of a message", "open; failed", || {
        keep([frame(TEXT, b"a"), frame(FIN | TEXT, b"b")].concat())
    }),
    frames("a close with half a code", "open; failed", || {
        keep(frame(FIN | CLOSE, &[3]))
    }),
    frames(
        "a close with code 1005, which is never sent",
        "open; failed",
        || keep(frame(FIN | CLOSE, &1005u16.to_be_bytes())),
    ),
    frames("a close with code 0", "open; failed", || {
        keep(frame(FIN | CLOSE, &[0, 0]))
    }),
    frames("a close whose reason is not UTF-8", "open; failed", || {
        keep(frame(FIN | CLOSE, &[3, 0xe8, 0xff]))
    }),
    frames("messages after the close", "open; closed, 1000", || {
        let mut bytes = frame(FIN | CLOSE, &1000u16.to_be_bytes());
        bytes.extend(frame(FIN | TEXT, b"after").repeat(1000));
        keep(bytes)
    }),
    Kind::new(
        "100,000 pings to a socket",
        Socket("open; closed, 1000"),
        |mut conn, bytes| {
            Box::pin(async move {
                accept(&mut conn).await?;
                let (mut reading, mut writing) = tokio::io::split(conn.io);
                let read = async {
                    let mut ignored = [0; 16 << 10];
                    while reading.read(&mut ignored).await? > 0 {}
                    Ok(())
                };
                let write = async {
                    writing.write_all(bytes).await?;
                    std::future::pending().await
                };
                tokio::select! {
                    ended = read => ended,
                    ended = write => ended,
                }
            })
        },
    )
    .prepared(|| {
        let mut bytes = frame(FIN | PING, &[0; 100]).repeat(100_000);
        bytes.extend(frame(FIN | CLOSE, &1000u16.to_be_bytes()));
        keep(bytes)
    }),
    Kind::new(
        "300,000 pings to a socket, of which no answer is read",
        Socket("open; failed"),
        |mut conn, bytes| {
            Box::pin(async move {
                accept(&mut conn).await?;
                conn.write(bytes).await
            })
        },
    )
    .prepared(|| keep(frame(FIN | PING, &[0; 100]).repeat(300_000))),
    Kind::new(
        "1,000 closes, and then no end",
        Socket("open; closed, 1000"),
        |mut conn, bytes| {
            Box::pin(async move {
                accept(&mut conn).await?;
                conn.write(bytes).await?;
                conn.keep_silent().await
            })
        },
    )
    .prepared(|| keep(frame(FIN | CLOSE, &1000u16.to_be_bytes()).repeat(1000))),
];
