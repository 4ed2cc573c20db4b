//! Where a body ends: lengths, chunks, and bytes beyond the end.

use http::Method;

use super::Outcome::{BrokenBody, Complete, CompleteOfLength, GivenUp, NetworkError};
use super::{Kind, answer_and_go_on, keep};

pub const KINDS: &[Kind] = &[
    Kind::answer("a body shorter than its length", BrokenBody(200), || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort"
    }),
    Kind::answer(
        "a body longer than its length",
        Complete(200, "hello"),
        || b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello, and more",
    ),
    Kind::answer("two lengths", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"
    }),
    Kind::answer("two lengths in one header", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello!"
    }),
    Kind::answer("a negative length", Complete(200, "hello"), || {
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"
    }),
    Kind::answer("a length with a sign", Complete(200, "hello"), || {
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello"
    }),
    Kind::answer("a hexadecimal length", Complete(200, "hello"), || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello"
    }),
    Kind::answer("a length of 2^64", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\nhello"
    }),
    Kind::answer("a length of 2^63 - 1", BrokenBody(200), || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nhello"
    }),
    Kind::answer("a length and chunks", Complete(200, "hello"), || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    }),
    Kind::answer("a chunk's size that is no number", BrokenBody(200), || {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"
    }),
    Kind::answer("a chunk of 2^68 bytes", BrokenBody(200), || {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000000000000000\r\nhello"
    }),
    Kind::answer("a chunk of 2^64 - 1 bytes", BrokenBody(200), || {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nhello"
    }),
    Kind::answer("a negative chunk", BrokenBody(200), || {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n"
    }),
    Kind::answer("a chunk longer than its size", BrokenBody(200), || {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n"
    }),
    Kind::answer("chunks without a last one", BrokenBody(200), || {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    }),
    Kind::answer("a last chunk without its end", BrokenBody(200), || {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
    }),
    Kind::new(
        "a chunk extension of 100 MB",
        BrokenBody(200),
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                conn.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;")
                    .await?;
                conn.write_endlessly(b"x").await
            })
        },
    ),
    Kind::new(
        "a chunk's size with 100 MB of zeros before it",
        BrokenBody(200),
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                conn.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .await?;
                conn.write_endlessly(b"0").await
            })
        },
    ),
    Kind::new("trailers of 100 MB", BrokenBody(200), |mut conn, _| {
        Box::pin(async move {
            conn.request().await?;
            conn.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n")
                .await?;
            conn.write_endlessly(b"X: y\r\n").await
        })
    }),
    Kind::answer(
        "trailers that say what headers say",
        Complete(200, "hello"),
        || b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nSet-Cookie: a=b\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\n\r\n",
    )
    .checked(|client, url| match client.cookies(url) {
        0 => Ok(()),
        count => Err(format!("{count} cookies")),
    }),
    Kind::answer(
        "100,000 chunks of one byte",
        CompleteOfLength(200, 100_000),
        || {
            let chunks = "1\r\nx\r\n".repeat(100_000);
            keep(format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
            ))
        },
    ),
    Kind::answer("a transfer coding that is not known", Complete(200, "hello"), || {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: x-nonsense\r\n\r\nhello"
    }),
    Kind::answer("chunks in chunks", Complete(200, "hello"), || {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    }),
    Kind::answer("chunks in HTTP/1.0", NetworkError, || {
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    }),
    Kind::answer("chunks that are no last coding", Complete(200, "hello"), || {
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, identity\r\n\r\nhello"
    }),
    Kind::answer(
        "100,000 chunks with an extension each",
        BrokenBody(200),
        || {
            let chunks = "1;name=\"value\"\r\nx\r\n".repeat(100_000);
            keep(format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"
            ))
        },
    ),
    Kind::answer("a body on a 204", Complete(204, ""), || {
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello"
    }),
    Kind::answer("a body on a 304 that nobody asked for", Complete(304, ""), || {
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello"
    }),
    Kind::answer("a body for HEAD", Complete(200, ""), || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    })
    .requested(|request| request.method(Method::HEAD)),
    Kind::new(
        "a second response behind the first (response smuggling)",
        Complete(200, "hello"),
        answer_and_go_on,
    )
    .prepared(|| {
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled"
    }),
    Kind::new(
        "a response behind a 204",
        Complete(204, ""),
        answer_and_go_on,
    )
    .prepared(|| {
        b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled"
    }),
    Kind::new("a body without end", GivenUp { responded: true }, |mut conn, _| {
        Box::pin(async move {
            conn.request().await?;
            conn.write(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            conn.write_endlessly(b"x").await?;
            conn.keep_silent().await
        })
    }),
    Kind::new(
        "an event stream without end",
        GivenUp { responded: true },
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                conn.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                    .await?;
                conn.drip(b"data: x\n\n").await
            })
        },
    ),
    Kind::new(
        "a body that comes byte by byte and does not end",
        GivenUp { responded: true },
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                    .await?;
                conn.drip(b"x").await
            })
        },
    ),
];
