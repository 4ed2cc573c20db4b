//! [Handling content codings](https://fetch.spec.whatwg.org/#handle-content-codings): a body as it was transferred becomes
//! the body that was meant, piece by piece and only as fast as it is read.

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use async_compression::zstd::DParameter;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, Stream, StreamExt};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

use crate::fetch::{Body, BodyError};

/// The size of the pieces that come out. With it, a body that unpacks to terabytes costs no more memory than any other.
const PIECE: usize = 64 * 1024;

/// The least room for a piece; with less, a new buffer is begun.
const LEAST_ROOM: usize = 4 * 1024;

/// How many codings a body may have on it. Each costs memory for its window.
const MOST_CODINGS: usize = 8;

/// How many bytes after the end of the compressed data are read and left out, so that the connection can be used again.
const MOST_TRAILING_BYTES: usize = 64 * 1024;

/// The largest window of zstd.
///
/// <https://www.rfc-editor.org/rfc/rfc9659#section-3>
const ZSTD_WINDOW_LOG: u32 = 23;

/// A [content coding](https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// <https://fetch.spec.whatwg.org/#handle-content-codings>
///
/// `headers` are those of the response. A coding that is not known leaves the body as it is. The result ends in
/// [`BodyError::Decoding`] if the bytes are not what the header says, or end too early.
pub fn decode(headers: &HeaderMap, body: Body) -> Body {
    // 1. If codings are not supported, then return bytes.
    let Some(codings) = extract_codings(headers) else {
        return body;
    };
    // 2. Return the result of decoding bytes with codings, or failure.
    if body.is_empty() {
        return body;
    }
    if codings.len() > MOST_CODINGS {
        return Body::from_stream(stream::once(async { Err(BodyError::Decoding) }));
    }
    // NOTE: the codings are listed in the order in which they were applied.
    codings
        .into_iter()
        .rev()
        .fold(body, |body, coding| remove_coding(coding, body))
}

/// The codings of a response, or `None` if one of them is not known.
fn extract_codings(headers: &HeaderMap) -> Option<Vec<Coding>> {
    let mut codings = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        for name in value.to_str().ok()?.split(',') {
            match name.trim_matches([' ', '\t']).to_ascii_lowercase().as_str() {
                "" | "identity" => {},
                "gzip" | "x-gzip" => codings.push(Coding::Gzip),
                "deflate" => codings.push(Coding::Deflate),
                "br" => codings.push(Coding::Brotli),
                "zstd" => codings.push(Coding::Zstd),
                _ => return None,
            }
        }
    }
    Some(codings)
}

type Input = StreamReader<Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>, Bytes>;

enum Decoder {
    Gzip(GzipDecoder<Input>),
    Zlib(ZlibDecoder<Input>),
    RawDeflate(DeflateDecoder<Input>),
    Brotli(BrotliDecoder<Input>),
    Zstd(ZstdDecoder<Input>),
}

impl Decoder {
    /// A decoder of `input`, whose first bytes are `first`.
    fn new(coding: Coding, first: &[u8], input: Input) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(GzipDecoder::new(input)),
            Coding::Deflate if has_zlib_header(first) => Self::Zlib(ZlibDecoder::new(input)),
            Coding::Deflate => Self::RawDeflate(DeflateDecoder::new(input)),
            Coding::Brotli => Self::Brotli(BrotliDecoder::new(input)),
            Coding::Zstd => Self::Zstd(ZstdDecoder::with_params(
                input,
                &[DParameter::window_log_max(ZSTD_WINDOW_LOG)],
            )),
        }
    }

    fn as_reader(&mut self) -> &mut (dyn AsyncRead + Send + Unpin) {
        match self {
            Self::Gzip(decoder) => decoder,
            Self::Zlib(decoder) => decoder,
            Self::RawDeflate(decoder) => decoder,
            Self::Brotli(decoder) => decoder,
            Self::Zstd(decoder) => decoder,
        }
    }

    fn into_input(self) -> Input {
        match self {
            Self::Gzip(decoder) => decoder.into_inner(),
            Self::Zlib(decoder) => decoder.into_inner(),
            Self::RawDeflate(decoder) => decoder.into_inner(),
            Self::Brotli(decoder) => decoder.into_inner(),
            Self::Zstd(decoder) => decoder.into_inner(),
        }
    }
}

/// Whether `deflate` is meant as in the standard (zlib) rather than as some servers send it (without zlib's header).
///
/// <https://www.rfc-editor.org/rfc/rfc1950#section-2.2>
fn has_zlib_header(first: &[u8]) -> bool {
    let [method, flags, ..] = *first else {
        return false;
    };
    method & 0x0f == 8 && (u16::from(method) << 8 | u16::from(flags)) % 31 == 0
}

/// Whether what follows a complete member is another one, which belongs to the body too.
///
/// <https://www.rfc-editor.org/rfc/rfc1952#section-2.2> and <https://www.rfc-editor.org/rfc/rfc8878#section-3.1>
fn starts_member(coding: Coding, bytes: &[u8]) -> bool {
    let magic: &[u8] = match coding {
        Coding::Gzip => &[0x1f, 0x8b],
        Coding::Zstd => &[0x28, 0xb5, 0x2f, 0xfd],
        Coding::Deflate | Coding::Brotli => return false,
    };
    !bytes.is_empty() && bytes.iter().zip(magic).all(|(byte, magic)| byte == magic)
}

enum State {
    Start(Body),
    /// The buffer is empty; what is left of its room is for the next pieces.
    Decoding(Box<Decoder>, BytesMut),
    Ended,
}

/// `body` with one coding taken off.
fn remove_coding(coding: Coding, body: Body) -> Body {
    Body::from_stream(stream::unfold(
        State::Start(body),
        move |state| async move { next_piece(coding, state).await },
    ))
}

/// The next piece of the decoded body, and the state after it.
async fn next_piece(coding: Coding, state: State) -> Option<(Result<Bytes, BodyError>, State)> {
    let (mut decoder, mut buffer) = match state {
        State::Start(body) => match first_decoder(coding, body).await {
            Ok(decoder) => (Box::new(decoder?), BytesMut::new()),
            Err(error) => return Some((Err(error), State::Ended)),
        },
        State::Decoding(decoder, buffer) => (decoder, buffer),
        State::Ended => return None,
    };
    loop {
        if buffer.capacity() < LEAST_ROOM {
            buffer.reserve(PIECE);
        }
        match decoder.as_reader().read_buf(&mut buffer).await {
            Ok(0) => {},
            Ok(_) => {
                let piece = buffer.split().freeze();
                return Some((Ok(piece), State::Decoding(decoder, buffer)));
            },
            Err(error) => return Some((Err(body_error(&error)), State::Ended)),
        }
        let mut input = decoder.into_input();
        let rest = match input.fill_buf().await {
            Ok(rest) => rest,
            Err(error) => return Some((Err(body_error(&error)), State::Ended)),
        };
        if !starts_member(coding, rest) {
            let error = skip_trailing_bytes(&mut input).await.err()?;
            return Some((Err(body_error(&error)), State::Ended));
        }
        let first = rest.to_vec();
        *decoder = Decoder::new(coding, &first, input);
    }
}

/// A decoder of `body`, or `None` if the body has no bytes: those are nothing in every coding.
async fn first_decoder(coding: Coding, mut body: Body) -> Result<Option<Decoder>, BodyError> {
    let mut first = BytesMut::new();
    while first.len() < 2 {
        match body.next().await {
            Some(chunk) => first.extend_from_slice(&chunk?),
            None => break,
        }
    }
    if first.is_empty() {
        return Ok(None);
    }
    let first = first.freeze();
    let rest = stream::unfold(body, |mut body| async move {
        let chunk = body.next().await?;
        Some((chunk.map_err(io::Error::other), body))
    });
    let chunks = stream::once({
        let first = first.clone();
        async move { Ok(first) }
    })
    .chain(rest);
    let input = StreamReader::new(Box::pin(chunks) as Pin<Box<dyn Stream<Item = _> + Send>>);
    Ok(Some(Decoder::new(coding, &first, input)))
}

/// Reads to the end of the body, past bytes that belong to nothing; stops early if there are many.
async fn skip_trailing_bytes(input: &mut (impl AsyncBufRead + Unpin)) -> io::Result<()> {
    let mut skipped = 0;
    while skipped < MOST_TRAILING_BYTES {
        let count = input.fill_buf().await?.len();
        if count == 0 {
            break;
        }
        input.consume(count);
        skipped += count;
    }
    Ok(())
}

/// Whether the decoder or what it read from failed.
fn body_error(error: &io::Error) -> BodyError {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<BodyError>())
        .cloned()
        .unwrap_or(BodyError::Decoding)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_compression::tokio::bufread::{
        BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder,
    };
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    const TEXT: &[u8] =
        b"It was a bright cold day in April, and the clocks were striking thirteen. \
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

    async fn decoded(
        values: &[&'static str],
        bytes: &[u8],
        size: usize,
    ) -> Result<Bytes, BodyError> {
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

    proptest! {
        #[test]
        fn takes_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            for name in ["gzip", "deflate", "br", "zstd"] {
                let _ = runtime.block_on(decoded(&[name], &bytes, 16));
            }
        }
    }
}
