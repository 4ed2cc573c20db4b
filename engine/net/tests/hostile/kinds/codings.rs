//! Content codings: bombs, and what is not what it says.

use std::io::Write;

use async_compression::Level;
use async_compression::tokio::bufread::{BrotliEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};

use super::Outcome::{BrokenBody, Complete, CompleteOfLength, NeverComplete};
use super::{Kind, keep};
use crate::server::Over;

/// What a bomb unpacks to, in bytes.
const BOMB: u64 = 256 << 20;

/// What packs the zeros of a bomb.
#[derive(Clone, Copy)]
enum Packing {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// `bytes`, followed by zeros, packed.
fn pack(packing: Packing, bytes: &[u8], zeros: u64) -> Vec<u8> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let input = BufReader::new(bytes.chain(tokio::io::repeat(0).take(zeros)));
    let mut out = Vec::new();
    let packed = std::thread::scope(|scope| {
        let out = &mut out;
        // A runtime cannot block inside of another.
        let packing = scope.spawn(move || {
            runtime.block_on(async move {
                match packing {
                    Packing::Gzip => GzipEncoder::new(input).read_to_end(out).await,
                    Packing::Deflate => ZlibEncoder::new(input).read_to_end(out).await,
                    Packing::Brotli => {
                        BrotliEncoder::with_quality(input, Level::Precise(5))
                            .read_to_end(out)
                            .await
                    },
                    Packing::Zstd => ZstdEncoder::new(input).read_to_end(out).await,
                }
            })
        });
        packing.join()
    });
    packed.expect("no panic").expect("packed");
    out
}

/// A response with `body`, on which are `codings`.
fn coded(codings: &str, body: &[u8]) -> &'static [u8] {
    let mut response = Vec::new();
    write!(
        response,
        "HTTP/1.1 200 OK\r\nContent-Encoding: {codings}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .expect("written");
    response.extend_from_slice(body);
    keep(response)
}

pub const KINDS: &[Kind] = &[
    Kind::answer("a gzip bomb", BrokenBody(200), || {
        coded("gzip", &pack(Packing::Gzip, b"", BOMB))
    }),
    Kind::answer("a deflate bomb", BrokenBody(200), || {
        coded("deflate", &pack(Packing::Deflate, b"", BOMB))
    }),
    Kind::answer("a brotli bomb", BrokenBody(200), || {
        coded("br", &pack(Packing::Brotli, b"", BOMB))
    })
    .memory(96),
    Kind::answer("a zstd bomb", BrokenBody(200), || {
        coded("zstd", &pack(Packing::Zstd, b"", BOMB))
    }),
    Kind::answer("a gzip bomb in gzip in brotli", BrokenBody(200), || {
        let inner = pack(Packing::Gzip, b"", BOMB);
        let middle = pack(Packing::Gzip, &inner, 0);
        coded("gzip, gzip, br", &pack(Packing::Brotli, &middle, 0))
    }),
    Kind::answer(
        "a bomb of which the next coding makes nothing",
        BrokenBody(200),
        || {
            // The head of a skippable frame of zstd, 4 GiB long.
            let skippable = [0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff];
            coded("zstd, gzip", &pack(Packing::Gzip, &skippable, BOMB))
        },
    ),
    Kind::new(
        "an end after each byte of gzip in chunks",
        NeverComplete,
        |mut conn, response| {
            Box::pin(async move {
                conn.request().await?;
                conn.write(&response[..conn.index % response.len()]).await?;
                conn.io.shutdown().await
            })
        },
    )
    .prepared(|| {
        let packed = pack(Packing::Gzip, b"hello", 0);
        let (first, second) = packed.split_at(packed.len() / 2);
        let mut response =
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
                .to_vec();
        for chunk in [first, second, b""] {
            response.extend(format!("{:x}\r\n", chunk.len()).bytes());
            response.extend(chunk);
            response.extend(b"\r\n");
        }
        keep(response)
    })
    .over(Over::Tls)
    .rounds(100),
    Kind::answer("nonsense in place of gzip", BrokenBody(200), || {
        coded("gzip", b"not gzip at all")
    }),
    Kind::answer("gzip that breaks off", BrokenBody(200), || {
        let packed = pack(Packing::Gzip, b"hello", 10_000);
        coded("gzip", &packed[..packed.len() - 6])
    }),
    Kind::answer("gzip with a wrong checksum", BrokenBody(200), || {
        let mut packed = pack(Packing::Gzip, b"hello", 0);
        let checksum = packed.len() - 8;
        packed[checksum] ^= 1;
        coded("gzip", &packed)
    }),
    Kind::answer("brotli with a window of 1 GiB", BrokenBody(200), || {
        coded("br", &[0x11, 30 | 0xc0])
    }),
    Kind::answer("zstd with a window of 2 GiB", BrokenBody(200), || {
        coded("zstd", &[0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0, 0])
    }),
    Kind::answer("twenty codings", BrokenBody(200), || {
        coded(&["gzip"; 20].join(", "), b"hello")
    }),
    Kind::answer("a coding that nobody knows", Complete(200, "hello"), || {
        coded("x-nonsense", b"hello")
    }),
    Kind::answer(
        "100,000 members of gzip, all empty",
        CompleteOfLength(200, 0),
        || coded("gzip", &pack(Packing::Gzip, b"", 0).repeat(100_000)),
    ),
    Kind::answer(
        "100,000 frames of zstd, all empty",
        CompleteOfLength(200, 0),
        || coded("zstd", &pack(Packing::Zstd, b"", 0).repeat(100_000)),
    ),
    Kind::answer(
        "100,000 frames of zstd that are skipped",
        CompleteOfLength(200, 0),
        || {
            coded(
                "zstd",
                &[0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0].repeat(100_000),
            )
        },
    ),
    Kind::answer(
        "10,000,000 blocks of brotli without data",
        CompleteOfLength(200, 0),
        || {
            // A window of 64 KiB and an empty block of metadata, more of those, and the empty last block.
            let mut bytes = vec![0x0c];
            bytes.resize(10_000_000, 0x06);
            bytes.push(0x03);
            coded("br", &bytes)
        },
    ),
    Kind::new(
        "100 MB of nonsense behind gzip",
        Complete(200, "hello"),
        |mut conn, packed| {
            Box::pin(async move {
                conn.request().await?;
                conn.write(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
                    .await?;
                conn.write(packed).await?;
                conn.write_endlessly(b"nonsense").await
            })
        },
    )
    .prepared(|| keep(pack(Packing::Gzip, b"hello", 0))),
];
