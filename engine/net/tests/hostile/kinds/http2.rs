//! HTTP/2: floods, and frames that break its rules.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Outcome::{BrokenBody, Complete, GivenUp, NetworkError};
use super::{Kind, Outcome, Serving, keep};
use crate::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PRIORITY,
    PUSH_PROMISE, RST_STREAM, SETTINGS, STATUS_200, WINDOW_UPDATE, begin, frame, frame_of_length,
    go_on_honestly, literal, request, response,
};
use crate::server::{Conn, Over};

/// The flag of a frame with padding.
const PADDED: u8 = 8;

/// The stream of the first request of a connection.
const FIRST: u32 = 1;

/// Answers the first request with frames and ends. Reads and writes at once, so that answers to a flood
/// hold nothing up.
fn frames(mut conn: Conn, frames: &'static [u8]) -> Serving {
    Box::pin(async move {
        begin(&mut conn, &[]).await?;
        request(&mut conn).await?;
        let (mut reading, mut writing) = tokio::io::split(conn.io);
        let read = async {
            let mut ignored = [0; 16 << 10];
            while reading.read(&mut ignored).await? > 0 {}
            Ok::<_, io::Error>(())
        };
        let write = async {
            writing.write_all(frames).await?;
            writing.shutdown().await?;
            // An end with bytes unread would be a reset, and take from the client what it has not read yet.
            std::future::pending().await
        };
        tokio::select! {
            ended = read => ended,
            ended = write => ended,
        }
    })
}

/// Answers the first request with frames, and keeps the connection for honest answers.
fn frames_and_on(mut conn: Conn, frames: &'static [u8]) -> Serving {
    Box::pin(async move {
        begin(&mut conn, &[]).await?;
        request(&mut conn).await?;
        conn.write(frames).await?;
        go_on_honestly(&mut conn).await
    })
}

/// A kind that answers with frames and ends.
const fn sent(name: &'static str, outcome: Outcome, bytes: fn() -> &'static [u8]) -> Kind {
    Kind::new(name, outcome, frames)
        .prepared(bytes)
        .over(Over::Http2)
}

/// A kind that answers with frames and goes on honestly over the same connection.
const fn kept(name: &'static str, outcome: Outcome, bytes: fn() -> &'static [u8]) -> Kind {
    Kind::new(name, outcome, frames_and_on)
        .prepared(bytes)
        .over(Over::Http2)
}

/// A head with `block` as its headers.
fn head(block: &[u8]) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, FIRST, block)
}

/// `flood` many times, and then a response.
fn before_response(flood: &[u8], count: usize) -> &'static [u8] {
    let mut bytes = flood.repeat(count);
    bytes.extend(response(FIRST, "hello"));
    keep(bytes)
}

pub const KINDS: &[Kind] = &[
    sent("nonsense in place of HTTP/2", NetworkError, || {
        keep(
            (0..=u8::MAX)
                .rev()
                .cycle()
                .take(1 << 16)
                .collect::<Vec<_>>(),
        )
    }),
    sent("HTTP/1.1 in place of HTTP/2", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    }),
    Kind::new(
        "an end after each byte of an HTTP/2 response",
        Outcome::NeverComplete,
        |mut conn, _| {
            Box::pin(async move {
                begin(&mut conn, &[]).await?;
                let response = response(request(&mut conn).await?, "hello");
                let sent = &response[..conn.index % response.len()];
                conn.write(sent).await?;
                conn.io.shutdown().await
            })
        },
    )
    .over(Over::Http2)
    .rounds(60),
    sent("100,000 pings", Complete(200, "hello"), || {
        before_response(&frame(PING, 0, 0, &[7; 8]), 100_000)
    }),
    sent(
        "100,000 answers to pings that nobody sent",
        Complete(200, "hello"),
        || before_response(&frame(PING, ACK, 0, &[7; 8]), 100_000),
    ),
    sent("100,000 settings", Complete(200, "hello"), || {
        before_response(&frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]), 100_000)
    }),
    sent(
        "100,000 frames of priorities",
        Complete(200, "hello"),
        || before_response(&frame(PRIORITY, 0, 3, &[0, 0, 0, 0, 1]), 100_000),
    ),
    sent(
        "100,000 frames of a type that nobody knows",
        Complete(200, "hello"),
        || before_response(&frame(0xfa, 0xff, 0, b"nonsense"), 100_000),
    ),
    sent("100,000 frames without data", BrokenBody(200), || {
        let mut bytes = head(&[STATUS_200]);
        bytes.extend(frame(DATA, 0, FIRST, &[]).repeat(100_000));
        bytes.extend(frame(DATA, END_STREAM, FIRST, &[]));
        keep(bytes)
    }),
    sent(
        "100,000 frames of nothing but padding",
        BrokenBody(200),
        || {
            let mut bytes = head(&[STATUS_200]);
            let mut padding = vec![255];
            padding.resize(256, 0);
            bytes.extend(frame(DATA, PADDED, FIRST, &padding).repeat(100_000));
            bytes.extend(frame(DATA, END_STREAM, FIRST, &[]));
            keep(bytes)
        },
    ),
    sent("100,000 window updates", Complete(200, "hello"), || {
        before_response(&frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]), 100_000)
    }),
    sent("windows of more than 2^31 bytes", NetworkError, || {
        keep(frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]).repeat(2))
    }),
    sent("a window update of nothing", NetworkError, || {
        keep(frame(WINDOW_UPDATE, 0, 0, &[0; 4]))
    }),
    sent(
        "100,000 resets of streams that are not there",
        NetworkError,
        || keep(frame(RST_STREAM, 0, 101, &[0, 0, 0, 8]).repeat(100_000)),
    ),
    kept("a reset in place of an answer", NetworkError, || {
        keep(frame(RST_STREAM, 0, FIRST, &[0, 0, 0, 2]))
    }),
    Kind::new(
        "refuses every stream (rapid reset)",
        NetworkError,
        |mut conn, _| {
            Box::pin(async move {
                begin(&mut conn, &[]).await?;
                for _ in 0..10_000 {
                    let stream = request(&mut conn).await?;
                    conn.write(&frame(RST_STREAM, 0, stream, &[0, 0, 0, 7]))
                        .await?;
                }
                Ok(())
            })
        },
    )
    .over(Over::Http2),
    Kind::new(
        "goes away before every answer",
        NetworkError,
        |mut conn, _| {
            Box::pin(async move {
                begin(&mut conn, &[]).await?;
                request(&mut conn).await?;
                conn.write(&frame(GOAWAY, 0, 0, &[0; 8])).await
            })
        },
    )
    .over(Over::Http2),
    sent(
        "headers that go on for 100,000 frames",
        NetworkError,
        || {
            let mut bytes = frame(HEADERS, 0, FIRST, &[STATUS_200]);
            bytes.extend(frame(CONTINUATION, 0, FIRST, &literal("x", "y")).repeat(100_000));
            keep(bytes)
        },
    ),
    sent(
        "headers that go on for 100,000 empty frames",
        NetworkError,
        || {
            let mut bytes = frame(HEADERS, 0, FIRST, &[STATUS_200]);
            bytes.extend(frame(CONTINUATION, 0, FIRST, &[]).repeat(100_000));
            keep(bytes)
        },
    ),
    sent("10 MB of headers", NetworkError, || {
        let mut bytes = frame(HEADERS, 0, FIRST, &[STATUS_200]);
        let block = literal("x-more", &"y".repeat(100)).repeat(150);
        bytes.extend(frame(CONTINUATION, 0, FIRST, &block).repeat(600));
        bytes.extend(frame(CONTINUATION, END_HEADERS, FIRST, &[]));
        keep(bytes)
    }),
    sent("a header bomb in HPACK", NetworkError, || {
        // A header that enters the dynamic table, and then 16,000 times the byte that stands for it.
        let mut block = vec![STATUS_200, 0x40];
        for text in ["x-bomb", &"y".repeat(120)] {
            block.push(text.len() as u8);
            block.extend(text.as_bytes());
        }
        block.extend([0xbe; 16_000]);
        keep(head(&block))
    }),
    sent("HPACK with an index of nothing", NetworkError, || {
        keep(head(&[0x80]))
    }),
    sent(
        "HPACK with an index beyond its tables",
        NetworkError,
        || keep(head(&[STATUS_200, 0xff, 0xff, 0xff, 0x03])),
    ),
    sent("HPACK with a number without end", NetworkError, || {
        let mut block = vec![STATUS_200, 0xff];
        block.extend([0xff; 100]);
        keep(head(&block))
    }),
    sent("HPACK with a string beyond its end", NetworkError, || {
        keep(head(&[STATUS_200, 0, 100, b'x']))
    }),
    sent("HPACK with a table of 4 GiB", NetworkError, || {
        keep(head(&[0x3f, 0xe0, 0xff, 0xff, 0xff, 0x0f, STATUS_200]))
    }),
    sent("a frame of 16 MiB", NetworkError, || {
        keep(frame_of_length(0x00ff_ffff, DATA, 0, FIRST, &[0; 1 << 20]))
    }),
    sent("data before headers", NetworkError, || {
        keep(frame(DATA, END_STREAM, FIRST, b"hello"))
    }),
    sent("data on no stream", NetworkError, || {
        keep(frame(DATA, END_STREAM, 0, b"hello"))
    }),
    sent("headers on a stream of the server's", NetworkError, || {
        keep(frame(HEADERS, END_HEADERS, 2, &[STATUS_200]))
    }),
    sent("a push that nobody wants", NetworkError, || {
        keep(frame(PUSH_PROMISE, END_HEADERS, FIRST, &[0, 0, 0, 2, 0x82]))
    }),
    sent(
        "padding longer than its frame",
        Outcome::NeverComplete,
        || {
            let mut bytes = head(&[STATUS_200]);
            bytes.extend(frame(DATA, PADDED | END_STREAM, FIRST, &[200, 1, 2]));
            keep(bytes)
        },
    ),
    kept("a head without a status", NetworkError, || {
        keep(frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            FIRST,
            &literal("x", "y"),
        ))
    }),
    kept("a header of HTTP/1.1", NetworkError, || {
        let mut block = vec![STATUS_200];
        block.extend(literal("transfer-encoding", "chunked"));
        keep(frame(HEADERS, END_HEADERS | END_STREAM, FIRST, &block))
    }),
    kept("a header's name in capitals", NetworkError, || {
        let mut block = vec![STATUS_200];
        block.extend(literal("X-Capital", "y"));
        keep(frame(HEADERS, END_HEADERS | END_STREAM, FIRST, &block))
    }),
    kept("a line end in a header", NetworkError, || {
        let mut block = vec![STATUS_200];
        block.extend(literal("x", "y\r\nset-cookie: a=b"));
        keep(frame(HEADERS, END_HEADERS | END_STREAM, FIRST, &block))
    }),
    kept("less data than its length", BrokenBody(200), || {
        let mut block = vec![STATUS_200];
        block.extend(literal("content-length", "50"));
        let mut bytes = head(&block);
        bytes.extend(frame(DATA, END_STREAM, FIRST, b"hello"));
        keep(bytes)
    }),
    sent("more data than its length", BrokenBody(200), || {
        let mut block = vec![STATUS_200];
        block.extend(literal("content-length", "2"));
        let mut bytes = head(&block);
        bytes.extend(frame(DATA, END_STREAM, FIRST, b"hello"));
        keep(bytes)
    }),
    sent("300,000 interim responses", Complete(200, "hello"), || {
        before_response(&head(&literal(":status", "103")), 300_000)
    }),
    sent(
        "an interim response inside of a response",
        Outcome::NeverComplete,
        || {
            let mut bytes = head(&[STATUS_200]);
            bytes.extend(head(&literal(":status", "103")));
            bytes.extend(frame(DATA, END_STREAM, FIRST, b"hello"));
            keep(bytes)
        },
    ),
    sent("a second head", Outcome::NeverComplete, || {
        let mut bytes = head(&[STATUS_200]).repeat(2);
        bytes.extend(frame(DATA, END_STREAM, FIRST, b"hello"));
        keep(bytes)
    }),
    sent("trailers with a status", Complete(200, "hello"), || {
        let mut bytes = head(&[STATUS_200]);
        bytes.extend(frame(DATA, 0, FIRST, b"hello"));
        bytes.extend(frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            FIRST,
            &[STATUS_200],
        ));
        keep(bytes)
    }),
    sent("trailers of 10 MB", Outcome::NeverComplete, || {
        let mut bytes = head(&[STATUS_200]);
        bytes.extend(frame(DATA, 0, FIRST, b"hello"));
        bytes.extend(frame(HEADERS, END_STREAM, FIRST, &literal("x", "y")));
        let block = literal("x-more", &"y".repeat(100)).repeat(150);
        bytes.extend(frame(CONTINUATION, 0, FIRST, &block).repeat(600));
        bytes.extend(frame(CONTINUATION, END_HEADERS, FIRST, &[]));
        keep(bytes)
    }),
    sent("100,000 goodbyes", Complete(200, "hello"), || {
        before_response(&frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]), 100_000)
    }),
    sent(
        "a goodbye of 16 KB, 1,000 times",
        Complete(200, "hello"),
        || {
            let mut goodbye = vec![0, 0, 0, 1, 0, 0, 0, 0];
            goodbye.resize(16 << 10, b'x');
            before_response(&frame(GOAWAY, 0, 0, &goodbye), 1000)
        },
    ),
    sent(
        "settings with a table of 4 GiB",
        Complete(200, "hello"),
        || before_response(&frame(SETTINGS, 0, 0, &[0, 1, 0xff, 0xff, 0xff, 0xff]), 1),
    ),
    sent("settings with frames of one byte", NetworkError, || {
        keep(frame(SETTINGS, 0, 0, &[0, 5, 0, 0, 0, 1]))
    }),
    sent("settings with a window of 4 GiB", NetworkError, || {
        keep(frame(SETTINGS, 0, 0, &[0, 4, 0xff, 0xff, 0xff, 0xff]))
    }),
    sent(
        "settings with 2,000 entries, 1,000 times",
        Complete(200, "hello"),
        || {
            before_response(
                &frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100].repeat(2000)),
                1000,
            )
        },
    ),
    sent("a response to what nobody asked", NetworkError, || {
        keep(frame(HEADERS, END_HEADERS, 101, &[STATUS_200]))
    }),
    sent("more data than the window", Outcome::NeverComplete, || {
        let mut bytes = head(&[STATUS_200]);
        bytes.extend(frame(DATA, 0, FIRST, &[0; 16 << 10]).repeat(4096));
        keep(bytes)
    }),
    Kind::new(
        "allows no streams",
        GivenUp { responded: false },
        |mut conn, _| {
            Box::pin(async move {
                begin(&mut conn, &[0, 3, 0, 0, 0, 0]).await?;
                conn.until_left_alone().await;
                Ok(())
            })
        },
    )
    .over(Over::Http2),
    Kind::new(
        "pings without end, and reads no answer",
        GivenUp { responded: false },
        |mut conn, _| {
            Box::pin(async move {
                begin(&mut conn, &[]).await?;
                request(&mut conn).await?;
                let pings = frame(PING, 0, 0, &[7; 8]).repeat(1_000_000);
                conn.write_and_signal(&pings).await
            })
        },
    )
    .over(Over::Http2),
];
