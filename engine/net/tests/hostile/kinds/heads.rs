//! Heads of responses: late, endless, malformed, or none.

use tokio::io::AsyncWriteExt;

use super::Outcome::{Complete, GivenUp, NetworkError, NeverComplete};
use super::{Kind, keep};
use crate::server::Over;

/// A whole response, of which parts are sent.
const RESPONSE: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-More: 1\r\nContent-Length: 5\r\n\r\nhello";

/// Its length.
const LENGTH: usize = RESPONSE.len();

pub const KINDS: &[Kind] = &[
    Kind::new("closes without a word", NetworkError, |mut conn, _| {
        Box::pin(async move { conn.request().await.map(drop) })
    }),
    Kind::new(
        "never answers",
        GivenUp { responded: false },
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                conn.keep_silent().await
            })
        },
    ),
    Kind::new(
        "slow-loris: a head that comes byte by byte and does not end",
        GivenUp { responded: false },
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                conn.write(b"HTTP/1.1 200 OK\r\n").await?;
                conn.drip(b"X: y\r\n").await
            })
        },
    ),
    Kind::new("a header of 100 MB", NetworkError, |mut conn, _| {
        Box::pin(async move {
            conn.request().await?;
            conn.write(b"HTTP/1.1 200 OK\r\nX: ").await?;
            conn.write_endlessly(b"a").await
        })
    }),
    Kind::new("a header name of 100 MB", NetworkError, |mut conn, _| {
        Box::pin(async move {
            conn.request().await?;
            conn.write(b"HTTP/1.1 200 OK\r\n").await?;
            conn.write_endlessly(b"a").await
        })
    }),
    Kind::new("100 MB of headers", NetworkError, |mut conn, _| {
        Box::pin(async move {
            conn.request().await?;
            conn.write(b"HTTP/1.1 200 OK\r\n").await?;
            conn.write_endlessly(b"X: y\r\n").await
        })
    }),
    Kind::answer("2,001 headers", NetworkError, || {
        let headers = "X: y\r\n".repeat(2001);
        keep(format!(
            "HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n"
        ))
    }),
    Kind::new("a folded header of 100 MB", NetworkError, |mut conn, _| {
        Box::pin(async move {
            conn.request().await?;
            conn.write(b"HTTP/1.1 200 OK\r\nX: y\r\n").await?;
            conn.write_endlessly(b" y\r\n").await
        })
    }),
    Kind::new("a reason phrase of 100 MB", NetworkError, |mut conn, _| {
        Box::pin(async move {
            conn.request().await?;
            conn.write(b"HTTP/1.1 200 ").await?;
            conn.write_endlessly(b"O").await
        })
    }),
    Kind::new(
        "100 MB of empty lines before the status line",
        NetworkError,
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                conn.write_endlessly(b"\r\n").await
            })
        },
    ),
    Kind::new(
        "interim responses without end",
        NetworkError,
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                conn.write_endlessly(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
                    .await
            })
        },
    ),
    Kind::answer("101, which nobody asked for", Complete(101, ""), || {
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nhello"
    }),
    Kind::answer("every byte there is, over and over", NetworkError, || {
        keep((0..=u8::MAX).cycle().take(1 << 20).collect::<Vec<_>>())
    }),
    Kind::answer("HTTP/0.9", NetworkError, || {
        b"<p>no status, no headers</p>\r\n\r\n"
    }),
    Kind::answer("HTTP/3.0 in a status line", NetworkError, || {
        b"HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("status 000", NetworkError, || {
        b"HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("status 999", Complete(999, "hello"), || {
        b"HTTP/1.1 999 Much\r\nContent-Length: 5\r\n\r\nhello"
    }),
    Kind::answer("status 1000", NetworkError, || {
        b"HTTP/1.1 1000 More\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("status 20", NetworkError, || {
        b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("status -20", NetworkError, || {
        b"HTTP/1.1 -20 OK\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("no status", NetworkError, || {
        b"HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("NUL in a header", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("CR alone in a header", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b=c\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("a space after a header's name", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"
    }),
    Kind::answer("a header without a colon", Complete(200, ""), || {
        b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("a header without a name", NetworkError, || {
        b"HTTP/1.1 200 OK\r\n: value\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("a header's name that is not ASCII", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nX-\xC3\xA9: value\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("headers that are not UTF-8", Complete(200, "hello"), || {
        b"HTTP/1.1 200 \xFF\r\nContent-Type: \xFF\xFE\r\nX-\x59: \xC3\x28\r\nETag: \"\xF0\"\r\nContent-Length: 5\r\n\r\nhello"
    }),
    Kind::answer("control bytes in a header", Complete(200, "hello"), || {
        b"HTTP/1.1 200 OK\r\nX: \x01\x7F\r\nContent-Length: 5\r\n\r\nhello"
    }),
    Kind::answer("control bytes in Set-Cookie", Complete(200, ""), || {
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=\x01\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::new(
        "a reset after each byte of a response",
        NeverComplete,
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                let sent = &RESPONSE[..conn.index % LENGTH];
                conn.write(sent).await
            })
        },
    )
    .over(Over::Reset)
    .rounds(LENGTH),
    Kind::new(
        "an end after each byte of a response",
        NeverComplete,
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                let sent = &RESPONSE[..conn.index % LENGTH];
                conn.write(sent).await?;
                conn.io.shutdown().await
            })
        },
    )
    .over(Over::Tls)
    .rounds(LENGTH),
];
