//! Follows the head of a response byte by byte: where it ends, and what in it is replaced.

use crate::fetch::headers::header_list::is_token_byte;

/// What stands for a control byte: `obs-text`, which is opaque ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-5.5)),
/// and in no UTF-8.
pub(super) const REPLACEMENT: u8 = 0xFF;

/// The headers whose control bytes are kept, so that the response is an error; in lower case.
pub(super) const KEPT: [&[u8]; 18] = [
    // They say where the response ends and what comes after it.
    b"connection",
    b"content-length",
    b"transfer-encoding",
    b"upgrade",
    b"sec-websocket-accept",
    b"sec-websocket-extensions",
    b"sec-websocket-protocol",
    // A cookie with a control byte is ignored; one with the replacement could not be told from a good one.
    b"set-cookie",
    // The URL parser understands some control bytes, so that the replacement would lead to another URL.
    b"location",
    b"refresh",
    // They forbid something. Their readers understand some control bytes as white space, or ignore all of a value because
    // of the replacement.
    b"clear-site-data",
    b"content-security-policy",
    b"cross-origin-embedder-policy",
    b"cross-origin-opener-policy",
    b"cross-origin-resource-policy",
    b"permissions-policy",
    b"referrer-policy",
    b"x-frame-options",
];

/// More bytes than the longest name in [`KEPT`] has.
const NAME_START: usize = 32;

/// The start of a status line up to its status code, `HTTP/1.1 200`.
const STATUS_START: usize = 12;

/// The first bytes of something, and how many there are of it.
struct Start<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Start<N> {
    const EMPTY: Self = Self {
        bytes: [0; N],
        length: 0,
    };

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
        }
        self.length = self.length.saturating_add(1);
    }

    /// The whole of it, if it is no longer than its start.
    fn whole(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length)
    }
}

/// What every status line begins with.
///
/// <https://www.rfc-editor.org/rfc/rfc9112#section-2.3>
const HTTP_NAME: &[u8] = b"HTTP/";

/// Which part of a response comes next.
enum Part {
    StatusLine(Start<STATUS_START>),
    /// A header, a continuation of the one before, or the line that ends the head.
    LineStart,
    /// A header's name, or a line without a colon.
    Name(Name),
    Value,
    /// What is no head: a body, what another protocol sends, or what makes no sense.
    Rest,
}

/// What may become a header's name.
struct Name {
    start: Start<NAME_START>,
    is_token: bool,
}

impl Name {
    const EMPTY: Self = Self {
        start: Start::EMPTY,
        is_token: true,
    };

    fn with(mut self, byte: u8) -> Self {
        self.push(byte);
        self
    }

    fn push(&mut self, byte: u8) {
        self.start.push(byte.to_ascii_lowercase());
        self.is_token &= is_token_byte(byte);
    }
}

/// What has been found in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The end of a head that another one follows.
    InterimHead,
    /// The end of the head. What follows is its body.
    Head,
    /// Something that is no response.
    Stray,
    /// Something in a head that hyper refuses.
    Malformed,
    /// A CR without a LF.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9112#section-2.2>
    LoneCr,
}

/// Follows the head of a response, byte by byte, as hyper's parser does. What that parser takes for an error may be followed
/// in any way.
pub(super) struct HeadScanner {
    part: Part,
    after_cr: bool,
    /// Whether the head is one of those that another one follows.
    interim: bool,
    /// Whether control bytes are replaced in the current header.
    replaces: bool,
}

impl HeadScanner {
    /// One for which a response comes next.
    pub(super) const fn new() -> Self {
        Self {
            part: Part::StatusLine(Start::EMPTY),
            after_cr: false,
            interim: false,
            replaces: false,
        }
    }

    /// One for which no response comes.
    pub(super) const fn done() -> Self {
        Self {
            part: Part::Rest,
            ..Self::new()
        }
    }

    /// Whether what comes next is no head.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.part, Part::Rest)
    }

    /// Whether all that has come is whole lines of the head of a final response.
    pub(super) fn lacks_only_the_end(&self) -> bool {
        matches!(self.part, Part::LineStart) && !self.interim && !self.after_cr
    }

    /// Looks through `bytes`, the next ones of the response, and replaces control bytes in them. How many it looked at, and
    /// what it found at the last of these.
    pub(super) fn scan(&mut self, bytes: &mut [u8]) -> (usize, Option<Found>) {
        let mut count = 0;
        for byte in bytes {
            if self.is_done() {
                break;
            }
            count += 1;
            if let Some(found) = self.step(byte) {
                if found != Found::InterimHead {
                    self.part = Part::Rest;
                }
                return (count, Some(found));
            }
        }
        (count, None)
    }

    fn step(&mut self, byte: &mut u8) -> Option<Found> {
        if std::mem::replace(&mut self.after_cr, *byte == b'\r') && *byte != b'\n' {
            return Some(Found::LoneCr);
        }
        match (&mut self.part, *byte) {
            // NOTE: empty lines before a status line are skipped, as in RFC 9112 section 2.2.
            (Part::StatusLine(start), b'\r' | b'\n') if start.length == 0 => {},
            (Part::StatusLine(start), b'\n') => {
                self.interim = is_interim(start);
                self.replaces = false;
                self.part = Part::LineStart;
            },
            (Part::StatusLine(start), byte) => {
                if HTTP_NAME
                    .get(start.length)
                    .is_some_and(|expected| *expected != byte)
                {
                    return Some(Found::Stray);
                }
                start.push(byte);
            },
            (Part::LineStart | Part::Name(_), b'\r') => {},
            (Part::LineStart, b'\n') if self.interim => {
                self.part = Part::StatusLine(Start::EMPTY);
                return Some(Found::InterimHead);
            },
            (Part::LineStart, b'\n') => return Some(Found::Head),
            // NOTE: the value goes on, by obsolete line folding, RFC 9112 section 5.2.
            (Part::LineStart, b' ' | b'\t') => self.part = Part::Value,
            (Part::Name(_) | Part::Value, b'\n') => self.part = Part::LineStart,
            (Part::LineStart, b':') => return Some(Found::Malformed),
            (Part::Name(name), b':') => {
                if !name.is_token {
                    return Some(Found::Malformed);
                }
                let name = name.start.whole();
                self.replaces = !name.is_some_and(|name| KEPT.contains(&name));
                self.part = Part::Value;
            },
            (Part::LineStart, byte) => self.part = Part::Name(Name::EMPTY.with(byte)),
            (Part::Name(name), byte) => name.push(byte),
            (Part::Value, control) if self.replaces && is_replaceable(control) => {
                *byte = REPLACEMENT;
            },
            (Part::Value | Part::Rest, _) => {},
        }
        None
    }
}

/// Whether a status line is that of an interim response. After 101 comes another protocol.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-15.2>
fn is_interim(status_line: &Start<STATUS_START>) -> bool {
    let [.., b' ', b'1', tens, ones] = status_line.bytes else {
        return false;
    };
    (tens, ones) != (b'0', b'1')
}

/// Whether Fetch allows a byte in a header value, and hyper does not.
pub(super) fn is_replaceable(byte: u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, b'\0' | b'\t' | b'\n' | b'\r')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `response` as it comes out, received in pieces that end at `ends`, and what was found last.
    fn followed(response: &[u8], ends: &[usize]) -> (Vec<u8>, Option<Found>) {
        let mut scanner = HeadScanner::new();
        let mut bytes = response.to_vec();
        let mut begin = 0;
        let mut last = None;
        for &end in ends.iter().chain([&response.len()]) {
            let mut piece = &mut bytes[begin..end];
            while !piece.is_empty() && !scanner.is_done() {
                let (count, found) = scanner.scan(piece);
                piece = &mut piece[count..];
                last = found.or(last);
            }
            begin = end;
        }
        (bytes, last)
    }

    /// `response` as it comes out.
    fn scanned(response: &[u8]) -> Vec<u8> {
        followed(response, &[]).0
    }

    #[test]
    fn control_bytes_are_replaced_in_values_only() {
        let cases: [(&[u8], &[u8]); 9] = [
            (
                b"HTTP/1.1 200 \x01\r\nA:\x01b\x7F\r\nc:\t\x0B\x0C\x1F\r\n\r\n\x01: \x01\r\n",
                b"HTTP/1.1 200 \x01\r\nA:\xFFb\xFF\r\nc:\t\xFF\xFF\xFF\r\n\r\n\x01: \x01\r\n",
            ),
            (
                b"HTTP/1.1 200 OK\na:\x00\x08\x80\xFE~ \nb: \x01\n\n\x01",
                b"HTTP/1.1 200 OK\na:\x00\xFF\x80\xFE~ \nb: \xFF\n\n\x01",
            ),
            (
                b"\r\n\nHTTP/1.1 200 OK\r\na: \x01\r\n\r\n",
                b"\r\n\nHTTP/1.1 200 OK\r\na: \xFF\r\n\r\n",
            ),
            (
                b"HTTP/1.1 200 OK\r\na:\x01\r\n \r\n\t\x02\r\n\r\na:\x01",
                b"HTTP/1.1 200 OK\r\na:\xFF\r\n \r\n\t\xFF\r\n\r\na:\x01",
            ),
            (
                b"HTTP/1.1 103 \r\na:\x01\r\n\r\nHTTP/1.1 200 OK\r\nb:\x01\r\n\r\nc:\x01",
                b"HTTP/1.1 103 \r\na:\xFF\r\n\r\nHTTP/1.1 200 OK\r\nb:\xFF\r\n\r\nc:\x01",
            ),
            (
                b"HTTP/1.1 101 \r\na:\x01\r\n\r\nHTTP/1.1 200 OK\r\nb:\x01\r\n\r\n",
                b"HTTP/1.1 101 \r\na:\xFF\r\n\r\nHTTP/1.1 200 OK\r\nb:\x01\r\n\r\n",
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-LENGTH: 1\x01\r\ny: \r\n 2\x02\r\nx: \x01\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nContent-LENGTH: 1\x01\r\ny: \r\n 2\xFF\r\nx: \xFF\r\n\r\n",
            ),
            (
                b"HTTP/1.1 200 OK\r\nSet-Cookie: a=\x01\r\n \x02\r\nset-cookie2: \x01\r\n\r\n",
                b"HTTP/1.1 200 OK\r\nSet-Cookie: a=\x01\r\n \x02\r\nset-cookie2: \xFF\r\n\r\n",
            ),
            (b"HTTP/1.1 200 OK\r\n \x01", b"HTTP/1.1 200 OK\r\n \x01"),
        ];
        for (response, expected) in cases {
            assert_eq!(
                scanned(response).escape_ascii().to_string(),
                expected.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn names_are_compared_whole() {
        for name in KEPT {
            assert!(name.len() < NAME_START);
            assert!(!name.iter().any(u8::is_ascii_uppercase));
            for (name, kept) in [
                (name.to_ascii_uppercase(), true),
                ([name, b"x"].concat(), false),
                ([b"x", name].concat(), false),
                ([name, &[b'x'; NAME_START]].concat(), false),
            ] {
                let response = [b"HTTP/1.1 200 OK\r\n", &*name, b":\x01\r\n\r\n"].concat();
                assert_eq!(scanned(&response) == response, kept, "{name:?}");
            }
        }
    }

    #[test]
    fn every_control_byte_that_fetch_allows_is_replaced() {
        for byte in 0..=u8::MAX {
            let allowed_by_fetch = !matches!(byte, b'\0' | b'\r' | b'\n');
            let allowed_by_hyper = http::HeaderValue::from_bytes(&[byte]).is_ok();
            assert_eq!(is_replaceable(byte), allowed_by_fetch && !allowed_by_hyper);
        }
    }

    #[test]
    fn what_is_found() {
        use Found::{Head, InterimHead, LoneCr, Malformed, Stray};
        let cases: [(&[u8], Option<Found>); 20] = [
            (b"", None),
            (b"HTT", None),
            (b"\r\n\nHTTP/1.1 200 OK\r\na: b\r\n", None),
            (b"HTTP/1.1 200 OK\r\n\r\n", Some(Head)),
            (b"HTTP/1.1 200 OK\n\nbody", Some(Head)),
            (b"HTTP/1.1 200 OK\na: b\r\n\nbody", Some(Head)),
            (b"HTTP/1.1 101 Switch\r\n\r\n", Some(Head)),
            (b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 2", Some(InterimHead)),
            (b"TEST", Some(Stray)),
            (b"HTTQ", Some(Stray)),
            (b"HTTP/1.1 200 OK\r\nno colon\r\n", None),
            (b"HTTP/1.1 200 OK\r\nname\r\n\r\n", Some(Head)),
            (b"HTTP/1.1 200 OK\r\na b: c\r\n", Some(Malformed)),
            (b"HTTP/1.1 200 OK\r\n: x\r\n", Some(Malformed)),
            (b"HTTP/1.1\r200 OK\r\n\r\n", Some(LoneCr)),
            (b"HTTP/1.1 200 OK\n\ra: b\n\n", Some(LoneCr)),
            (b"HTTP/1.1 200 OK\na\r: b\n\n", Some(LoneCr)),
            (b"HTTP/1.1 200 OK\na: b\rc\n\n", Some(LoneCr)),
            (b"HTTP/1.1 200 OK\na: b\r\r\n\n", Some(LoneCr)),
            (b"\r\r\nHTTP/1.1 200 OK\n\n", Some(LoneCr)),
        ];
        for (response, expected) in cases {
            let found = followed(response, &[]).1;
            assert_eq!(found, expected, "{}", response.escape_ascii());
        }
    }

    /// Bytes of which many mean something in a head.
    fn head_bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            prop::sample::select(&b"\r\n\n\n:: \t\x01\x0C\x7F\0aB1"[..]),
            any::<u8>(),
        ];
        prop::collection::vec(byte, 0..80)
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            status in prop::sample::select(vec!["HTTP/1.1 103 x\r\n", "HTTP/1.1 200 OK\n", ""]),
            head in head_bytes(),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let response = [status.as_bytes(), &head].concat();
            let mut ends: Vec<_> = ends.iter().map(|end| end.index(response.len() + 1)).collect();
            ends.sort_unstable();
            prop_assert_eq!(followed(&response, &ends), followed(&response, &[]));
        }

        #[test]
        fn only_replaceable_bytes_change(response in head_bytes()) {
            for (before, after) in response.iter().zip(scanned(&response)) {
                prop_assert!(*before == after || is_replaceable(*before) && after == REPLACEMENT);
            }
        }

        #[test]
        fn a_body_is_never_touched(
            value in "[a-z\x01 ]{0,9}",
            body in head_bytes(),
            more in prop::sample::select(vec!["", "HTTP/1.1 200 OK\r\na: \x01\r\n\r\n"]),
        ) {
            let head = format!("HTTP/1.1 200 OK\r\na: {value}\r\n\r\n");
            let body = [more.as_bytes(), &body].concat();
            let scanned = scanned(&[head.as_bytes(), &body].concat());
            prop_assert_eq!(&scanned[head.len()..], &body);
            prop_assert!(http::HeaderValue::from_bytes(&scanned[20..head.len() - 4]).is_ok());
        }
    }
}
