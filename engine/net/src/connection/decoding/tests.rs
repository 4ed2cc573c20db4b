//! Content codings: taken off, broken, nested, and unpacked without end.

use std::sync::atomic::AtomicUsize;

use async_compression::Level;
use async_compression::tokio::bufread::{
    BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
};
use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const TEXT: &[u8] = b"It was a bright cold day in April, and the clocks were striking thirteen. \
    It was a bright cold day in April, and the clocks were striking thirteen.";

async fn encode(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match name {
        "gzip" | "x-gzip" => GzipEncoder::new(bytes).read_to_end(&mut out).await,
        "deflate" => ZlibEncoder::new(bytes).read_to_end(&mut out).await,
        "raw deflate" => DeflateEncoder::new(bytes).read_to_end(&mut out).await,
        "br" => BrotliEncoder::new(bytes).read_to_end(&mut out).await,
        "zstd" => ZstdEncoder::new(bytes).read_to_end(&mut out).await,
        _ => panic!("{name}"),
    }
    .unwrap();
    out
}

fn headers(values: &[&'static str]) -> HeaderMap {
    values
        .iter()
        .map(|value| (CONTENT_ENCODING, HeaderValue::from_static(value)))
        .collect()
}

/// A body that arrives in chunks of `size` bytes.
fn chunked(bytes: &[u8], size: usize) -> Body {
    let chunks: Vec<_> = bytes
        .chunks(size)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    Body::from_stream(stream::iter(chunks))
}

async fn decoded(values: &[&'static str], bytes: &[u8], size: usize) -> Result<Bytes, BodyError> {
    decode(&headers(values), chunked(bytes, size))
        .read_all(1 << 20)
        .await
}

#[tokio::test]
async fn takes_each_coding_off() {
    for name in ["gzip", "x-gzip", "deflate", "br", "zstd"] {
        let bytes = encode(name, TEXT).await;
        for size in [1, 2, 7, 1 << 16] {
            assert_eq!(
                decoded(&[name], &bytes, size).await.unwrap(),
                TEXT,
                "{name}"
            );
        }
    }
    let raw = encode("raw deflate", TEXT).await;
    for size in [1, 1 << 16] {
        assert_eq!(decoded(&["deflate"], &raw, size).await.unwrap(), TEXT);
    }
}

#[tokio::test]
async fn several_codings_come_off_in_reverse_order() {
    let bytes = encode("br", &encode("gzip", TEXT).await).await;
    for values in [
        &["gzip, br"] as &[_],
        &["gzip", "br"],
        &["GZIP,,identity , Br"],
    ] {
        assert_eq!(
            decoded(values, &bytes, 5).await.unwrap(),
            TEXT,
            "{values:?}"
        );
    }
}

#[tokio::test]
async fn unknown_codings_change_nothing() {
    let bytes = encode("gzip", TEXT).await;
    for values in [&["gzip, snappy"] as &[_], &["compress"], &["identity"], &[]] {
        assert_eq!(
            decoded(values, &bytes, 5).await.unwrap(),
            bytes,
            "{values:?}"
        );
    }
}

#[tokio::test]
async fn nothing_is_nothing_in_each_coding() {
    for name in ["gzip", "deflate", "br", "zstd", "br, gzip"] {
        assert_eq!(decoded(&[name], b"", 1).await.unwrap(), "", "{name}");
        let body = decode(&headers(&[name]), Body::Empty);
        assert!(body.is_empty());
    }
}

#[tokio::test]
async fn truncated_data_is_an_error() {
    for name in ["gzip", "deflate", "br", "zstd"] {
        let bytes = encode(name, TEXT).await;
        for length in [1, 2, 3, bytes.len() / 2, bytes.len() - 1] {
            assert_eq!(
                decoded(&[name], &bytes[..length], 9).await,
                Err(BodyError::Decoding),
                "{name}, {length} of {} bytes",
                bytes.len()
            );
        }
    }
}

#[tokio::test]
async fn wrong_data_is_an_error() {
    for name in ["gzip", "br", "zstd", "deflate"] {
        let result = decoded(&[name], &[0xff; 64], 64).await;
        assert_eq!(result, Err(BodyError::Decoding), "{name}");
    }
    let nested = ["gzip"; MOST_CODINGS + 1];
    assert_eq!(decoded(&nested, b"x", 1).await, Err(BodyError::Decoding));
}

#[tokio::test]
async fn members_are_joined_and_trailing_bytes_left_out() {
    for name in ["gzip", "zstd"] {
        let mut bytes = encode(name, b"first ").await;
        bytes.extend(encode(name, b"second").await);
        assert_eq!(decoded(&[name], &bytes, 4).await.unwrap(), "first second");
        bytes.extend(b"\0\0\0 trailing");
        assert_eq!(
            decoded(&[name], &bytes, 1000).await.unwrap(),
            "first second"
        );
    }
    // A frame of zstd that is skipped, and has three bytes, hides nothing that follows.
    for magic in [0x50, 0x5f] {
        let skipped = [magic, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
        let first = encode("zstd", b"first ").await;
        let second = encode("zstd", b"second").await;
        let bytes = [&skipped[..], &first, &skipped, &second, &skipped].concat();
        for size in [1, 3, 1000] {
            let decoded = decoded(&["zstd"], &bytes, size).await;
            assert_eq!(decoded.unwrap(), "first second", "{size}");
        }
    }
    let mut bytes = encode("br", TEXT).await;
    bytes.extend(b"trailing");
    assert_eq!(decoded(&["br"], &bytes, 1000).await.unwrap(), TEXT);
}

#[tokio::test]
async fn an_error_below_comes_through() {
    let bytes = encode("gzip", TEXT).await;
    let chunks = vec![
        Ok(Bytes::copy_from_slice(&bytes[..20])),
        Err(BodyError::Truncated),
    ];
    let body = decode(&headers(&["gzip"]), Body::from_stream(stream::iter(chunks)));
    assert_eq!(body.read_all(1 << 20).await, Err(BodyError::Truncated));
}

#[tokio::test]
async fn a_bomb_unpacks_only_as_it_is_read() {
    let bomb = encode("gzip", &vec![0; 64 << 20]).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let chunks = {
        let taken = Arc::clone(&taken);
        let chunks: Vec<_> = bomb.chunks(512).map(Bytes::copy_from_slice).collect();
        stream::iter(chunks).map(move |chunk| {
            taken.fetch_add(chunk.len(), Ordering::Relaxed);
            Ok(chunk)
        })
    };
    let mut body = decode(&headers(&["gzip"]), Body::from_stream(chunks));
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    for _ in 0..4 {
        let piece = body.next().await.unwrap().unwrap();
        assert!(piece.len() <= PIECE, "{}", piece.len());
    }
    assert!(taken.load(Ordering::Relaxed) < bomb.len() / 8);
}

/// A body of `length` zeros with `name` on it, which is not held in memory before it is packed.
async fn packed_zeros(name: &str, length: u64) -> Vec<u8> {
    let zeros = tokio::io::BufReader::new(tokio::io::repeat(0).take(length));
    let mut out = Vec::new();
    match name {
        "gzip" => GzipEncoder::new(zeros).read_to_end(&mut out).await,
        "deflate" => ZlibEncoder::new(zeros).read_to_end(&mut out).await,
        "br" => {
            BrotliEncoder::with_quality(zeros, Level::Precise(5))
                .read_to_end(&mut out)
                .await
        },
        "zstd" => ZstdEncoder::new(zeros).read_to_end(&mut out).await,
        _ => panic!("{name}"),
    }
    .unwrap();
    out
}

/// How many bytes came out, and the error after them.
async fn drained(mut body: Body) -> (u64, Option<BodyError>) {
    let mut length = 0;
    while let Some(piece) = body.next().await {
        match piece {
            Ok(bytes) => length += bytes.len() as u64,
            Err(error) => return (length, Some(error)),
        }
    }
    (length, None)
}

const TOO_MUCH: BodyError = BodyError::Expansion {
    most: MOST_EXPANSION,
};

#[tokio::test]
async fn what_unpacks_to_far_more_than_it_was_is_an_error() {
    for name in ["gzip", "deflate", "br", "zstd"] {
        let bomb = packed_zeros(name, 2 * EXPANSION_FLOOR).await;
        let body = decode(&headers(&[name]), chunked(&bomb, 4096));
        let (length, error) = drained(body).await;
        assert_eq!(error, Some(TOO_MUCH), "{name}");
        assert!(length <= EXPANSION_FLOOR, "{name}: {length}");

        let modest = packed_zeros(name, EXPANSION_FLOOR).await;
        let body = decode(&headers(&[name]), chunked(&modest, 4096));
        assert_eq!(drained(body).await, (EXPANSION_FLOOR, None), "{name}");
    }
}

#[tokio::test]
async fn a_bomb_in_a_bomb_is_an_error() {
    let inner = packed_zeros("gzip", 4 * EXPANSION_FLOOR).await;
    let bomb = encode("gzip", &inner).await;
    let body = decode(&headers(&["gzip, gzip"]), chunked(&bomb, 512));
    let (length, error) = drained(body).await;
    assert_eq!(error, Some(TOO_MUCH));
    assert!(length <= EXPANSION_FLOOR, "{length}");
}

#[tokio::test]
async fn a_bomb_that_the_next_coding_swallows_is_an_error() {
    // zstd's skippable frames: a magic number, a length, and bytes that mean nothing.
    let mut silence = vec![0x50, 0x2a, 0x4d, 0x18];
    silence.extend(u32::MAX.to_le_bytes());
    let zeros = tokio::io::repeat(0).take(2 * EXPANSION_FLOOR);
    let input = tokio::io::BufReader::new(silence.as_slice().chain(zeros));
    let mut bomb = Vec::new();
    GzipEncoder::new(input)
        .read_to_end(&mut bomb)
        .await
        .unwrap();
    let body = decode(&headers(&["zstd, gzip"]), chunked(&bomb, 512));
    assert_eq!(drained(body).await, (0, Some(TOO_MUCH)));
}

#[test]
fn much_may_unpack_from_much() {
    let transferred = Arc::new(AtomicU64::new(1 << 20));
    let mut expansion = Expansion::new(Arc::clone(&transferred));
    let most = usize::try_from(MOST_EXPANSION << 20).unwrap();
    assert_eq!(expansion.add(most), Ok(()));
    assert_eq!(expansion.add(MOST_EXPANSION as usize), Err(TOO_MUCH));
    transferred.fetch_add(1, Ordering::Relaxed);
    assert_eq!(expansion.add(0), Ok(()));
}

#[tokio::test]
async fn large_windows_are_no_brotli() {
    // An empty stream with a window of 2^30 bytes, which the decoder takes.
    let stream = [0x11, 30 | 0b1100_0000];
    let mut decoder = BrotliDecoder::new(&stream[..]);
    let mut out = Vec::new();
    assert_eq!(decoder.read_to_end(&mut out).await.ok(), Some(0));
    assert_eq!(decoded(&["br"], &stream, 1).await, Err(BodyError::Decoding));
}

proptest! {
    #[test]
    fn takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for name in ["gzip", "deflate", "br", "zstd"] {
            let _ = runtime.block_on(decoded(&[name], &bytes, 16));
        }
    }
}
