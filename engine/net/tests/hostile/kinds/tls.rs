//! TLS: garbage, silence, and ends in the wrong places.

use tokio::io::AsyncReadExt;

use super::Outcome::{BrokenBody, Complete, GivenUp, NetworkError};
use super::{Kind, keep};
use crate::server::Over;

/// The type of a TLS record with an alert.
const ALERT: u8 = 21;
/// The type of a TLS record of a handshake.
const HANDSHAKE: u8 = 22;

/// A kind that answers a ClientHello with bytes and ends.
const fn hello(name: &'static str, answer: fn() -> &'static [u8]) -> Kind {
    Kind::new(name, NetworkError, |mut conn, answer| {
        Box::pin(async move {
            let _ = conn.io.read(&mut [0; 4096]).await?;
            conn.write(answer).await
        })
    })
    .prepared(answer)
    .over(Over::RawTls)
}

/// A kind that makes the handshake, answers a request with bytes, and ends without `close_notify`.
const fn unclosed(
    name: &'static str,
    outcome: super::Outcome,
    answer: fn() -> &'static [u8],
) -> Kind {
    Kind::new(name, outcome, |mut conn, answer| {
        Box::pin(async move {
            conn.request().await?;
            conn.write(answer).await
        })
    })
    .prepared(answer)
    .over(Over::Tls)
}

pub const KINDS: &[Kind] = &[
    hello("every byte there is in place of TLS", || {
        keep((0..=u8::MAX).cycle().take(1 << 16).collect::<Vec<_>>())
    }),
    hello("HTTP in place of TLS", || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    }),
    hello("closes in the handshake", || b""),
    hello("a part of a record", || &[HANDSHAKE, 3, 3, 0x40, 0, 2, 0]),
    hello("a record of 64 KiB", || {
        keep([&[HANDSHAKE, 3, 3, 0xff, 0xff][..], &[2; 0xffff]].concat())
    }),
    hello("a handshake message of 16 MiB", || {
        let record = [&[HANDSHAKE, 3, 3, 0x40, 0][..], &[0x20; 0x4000]].concat();
        let mut bytes = [&[HANDSHAKE, 3, 3, 0, 4, 2, 0xff, 0xff, 0xff][..], &record].concat();
        for _ in 0..1024 {
            bytes.extend_from_slice(&record);
        }
        keep(bytes)
    }),
    hello("100,000 warnings", || {
        keep([ALERT, 3, 3, 0, 2, 1, 90].repeat(100_000))
    }),
    hello("100,000 empty records", || {
        keep([HANDSHAKE, 3, 3, 0, 0].repeat(100_000))
    }),
    hello("a fatal alert", || &[ALERT, 3, 3, 0, 2, 2, 40]),
    hello("a version of TLS of the last century", || {
        &[HANDSHAKE, 3, 0, 0, 6, 2, 0, 0, 2, 3, 0]
    }),
    Kind::new(
        "never answers in the handshake",
        GivenUp { responded: false },
        |mut conn, _| Box::pin(async move { conn.keep_silent().await }),
    )
    .over(Over::RawTls),
    Kind::new(
        "a handshake that comes byte by byte",
        GivenUp { responded: false },
        |mut conn, _| {
            Box::pin(async move {
                let _ = conn.io.read(&mut [0; 4096]).await?;
                conn.write(&[HANDSHAKE, 3, 3, 0x40, 0, 2, 0, 0x80, 0])
                    .await?;
                conn.drip(&[3]).await
            })
        },
    )
    .over(Over::RawTls),
    unclosed(
        "no close_notify after a length",
        Complete(200, "hello"),
        || b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ),
    unclosed(
        "no close_notify in a body without a length",
        Complete(200, "hello"),
        || b"HTTP/1.1 200 OK\r\n\r\nhello",
    ),
    unclosed("no close_notify in a length", BrokenBody(200), || {
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"
    }),
    unclosed("no close_notify in a head", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nX: y\r\n"
    }),
];
