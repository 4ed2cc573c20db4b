//! [Handling content codings](https://fetch.spec.whatwg.org/#handle-content-codings): a body as it was transferred becomes
//! the body that was meant, piece by piece and only as fast as it is read.

use std::io;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_compression::tokio::bufread::{
    BrotliDecoder, DeflateDecoder, GzipDecoder, ZlibDecoder, ZstdDecoder,
};
use async_compression::zstd::DParameter;
use bytes::{Bytes, BytesMut};
use futures::stream::{self, Stream, StreamExt};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt};
use tokio::task::yield_now;
use tokio_util::io::StreamReader;

use crate::fetch::{Body, BodyError};

#[cfg(test)]
mod tests;

/// The size of the pieces that come out. With it, a body that unpacks to terabytes costs no more memory than any other.
const PIECE: usize = 64 * 1024;

/// The least room for a piece; with less, a new buffer is begun.
const LEAST_ROOM: usize = 4 * 1024;

/// How many codings a body may have on it. Each costs memory for its window, up to 16 MiB.
const MOST_CODINGS: usize = 5;

/// What a body may unpack to whatever its size was on the wire, in bytes.
const EXPANSION_FLOOR: u64 = 64 << 20;

/// How many times its size on the wire a body may unpack to beyond [`EXPANSION_FLOOR`]. Half of what one deflate stream can
/// reach (1,032), and far more than text or pictures do.
const MOST_EXPANSION: u64 = 500;

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
/// [`BodyError::Decoding`] if the bytes are not what the header says, or end too early, and in [`BodyError::Expansion`] if
/// they unpack to far more than any honest body does.
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
    let transferred = Arc::new(AtomicU64::new(0));
    let body = counted(body, Arc::clone(&transferred));
    // NOTE: the codings are listed in the order in which they were applied.
    codings.into_iter().rev().fold(body, |body, coding| {
        let expansion = Expansion::new(Arc::clone(&transferred));
        remove_coding(coding, body, expansion)
    })
}

/// `body`, which adds the sizes of its pieces to `transferred`.
fn counted(body: Body, transferred: Arc<AtomicU64>) -> Body {
    Body::from_stream(stream::unfold(body, move |mut body| {
        let transferred = Arc::clone(&transferred);
        async move {
            let piece = body.next().await?;
            if let Ok(bytes) = &piece {
                transferred.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
            Some((piece, body))
        }
    }))
}

/// How much one coding has unpacked, held against what the whole body took on the wire.
///
/// NB: each of several codings is looked at, not only the last one: what the first unpacks to terabytes may mean nothing to
/// the second, which then yields no byte to count.
struct Expansion {
    transferred: Arc<AtomicU64>,
    unpacked: u64,
}

impl Expansion {
    fn new(transferred: Arc<AtomicU64>) -> Self {
        Self {
            transferred,
            unpacked: 0,
        }
    }

    /// Counts `length` more bytes.
    ///
    /// # Errors
    /// [`BodyError::Expansion`] if that is too much.
    fn add(&mut self, length: usize) -> Result<(), BodyError> {
        self.unpacked = self.unpacked.saturating_add(length as u64);
        let transferred = self.transferred.load(Ordering::Relaxed);
        if self.unpacked > EXPANSION_FLOOR && self.unpacked / MOST_EXPANSION > transferred {
            return Err(BodyError::Expansion {
                most: MOST_EXPANSION,
            });
        }
        Ok(())
    }
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

/// Whether a brotli stream begins with a window larger than 16 MiB, which the decoder knows and the standard does not: “the
/// bit pattern 0010001 is invalid”.
///
/// <https://www.rfc-editor.org/rfc/rfc7932#section-9.1>
fn has_large_window(first: &[u8]) -> bool {
    first.first().is_some_and(|byte| byte & 0x7f == 0b0001_0001)
}

/// Whether what follows a complete member is another one, which belongs to the body too. zstd has members without meaning, behind
/// which others may follow.
///
/// <https://www.rfc-editor.org/rfc/rfc1952#section-2.2> and <https://www.rfc-editor.org/rfc/rfc8878#section-3.1>
fn starts_member(coding: Coding, bytes: &[u8]) -> bool {
    let starts_with = |magic: &[RangeInclusive<u8>]| {
        !bytes.is_empty()
            && bytes
                .iter()
                .zip(magic)
                .all(|(byte, magic)| magic.contains(byte))
    };
    match coding {
        Coding::Gzip => starts_with(&[0x1f..=0x1f, 0x8b..=0x8b]),
        Coding::Zstd => {
            starts_with(&[0x28..=0x28, 0xb5..=0xb5, 0x2f..=0x2f, 0xfd..=0xfd])
                || starts_with(&[0x50..=0x5f, 0x2a..=0x2a, 0x4d..=0x4d, 0x18..=0x18])
        },
        Coding::Deflate | Coding::Brotli => false,
    }
}

enum State {
    Start(Body),
    /// The buffer is empty; what is left of its room is for the next pieces.
    Decoding(Box<Decoder>, BytesMut),
    Ended,
}

/// `body` with one coding taken off.
fn remove_coding(coding: Coding, body: Body, expansion: Expansion) -> Body {
    Body::from_stream(stream::unfold(
        (State::Start(body), expansion),
        move |(state, mut expansion)| async move {
            let (piece, state) = next_piece(coding, state).await?;
            let counted = piece.and_then(|bytes| expansion.add(bytes.len()).map(|()| bytes));
            let state = if counted.is_ok() { state } else { State::Ended };
            Some((counted, (state, expansion)))
        },
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
        // NB: members without data can go on for as long as bytes come. Others have their turn in between, and whoever gives the
        // body up is heard.
        yield_now().await;
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
    if coding == Coding::Brotli && has_large_window(&first) {
        return Err(BodyError::Decoding);
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
