//! HTTP/2 by hand: frames as a server writes them, right or wrong.

use std::io;

use tokio::io::AsyncReadExt;

use crate::server::{Conn, HONEST};

/// The types of frames, [RFC 9113, section 6](https://www.rfc-editor.org/rfc/rfc9113#section-6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags of frames.
pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// `:status: 200` as [HPACK](https://www.rfc-editor.org/rfc/rfc7541#appendix-A) has it.
pub const STATUS_200: u8 = 0x88;

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    frame_of_length(payload.len() as u32, kind, flags, stream, payload)
}

/// A frame that claims `length`.
pub fn frame_of_length(length: u32, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header as a literal that is not indexed.
pub fn literal(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0];
    for text in [name, value] {
        // Strings of more than 126 bytes have longer lengths.
        let length = u8::try_from(text.len()).expect("a short string");
        assert!(length < 127, "a short string");
        block.push(length);
        block.extend(text.as_bytes());
    }
    block
}

/// A whole response.
pub fn response(stream: u32, body: &str) -> Vec<u8> {
    let mut head = vec![STATUS_200];
    head.extend(literal("access-control-allow-origin", "*"));
    let mut frames = frame(HEADERS, END_HEADERS, stream, &head);
    frames.extend(frame(DATA, END_STREAM, stream, body.as_bytes()));
    frames
}

/// Reads what a client begins with and sends the server's settings. To be done once.
pub async fn begin(conn: &mut Conn, settings: &[u8]) -> io::Result<()> {
    let mut preface = [0; 24];
    conn.io.read_exact(&mut preface).await?;
    conn.write(&frame(SETTINGS, 0, 0, settings)).await
}

/// Reads frames up to the next request, and returns its stream.
pub async fn request(conn: &mut Conn) -> io::Result<u32> {
    loop {
        let mut head = [0; 9];
        conn.io.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, s0, s1, s2, s3] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        conn.io.read_exact(&mut payload).await?;
        match kind {
            HEADERS => return Ok(u32::from_be_bytes([s0, s1, s2, s3])),
            SETTINGS if flags & ACK == 0 => conn.write(&frame(SETTINGS, ACK, 0, &[])).await?,
            PING if flags & ACK == 0 => conn.write(&frame(PING, ACK, 0, &payload)).await?,
            _ => {},
        }
    }
}

/// Serves a connection as a server should, from its beginning.
pub async fn be_honest(conn: &mut Conn) -> io::Result<()> {
    begin(conn, &[]).await?;
    go_on_honestly(conn).await
}

/// Serves the rest of the connection as a server should.
pub async fn go_on_honestly(conn: &mut Conn) -> io::Result<()> {
    loop {
        let stream = request(conn).await?;
        conn.write(&response(stream, HONEST)).await?;
    }
}
