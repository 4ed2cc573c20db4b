//! What is taken out of a whole head, field by field, before hyper reads it.
//!
//! # `Content-Length` that is no number
//!
//! Fetch has [a model of its own](https://fetch.spec.whatwg.org/#content-length-header), since that of HTTP is not what the web
//! goes by: where RFC 9112 has the user agent discard a response whose `Content-Length` is no number, Fetch has it read until
//! the connection ends. Such a connection serves no other exchange, so that nobody can be led to take a part of one response
//! for another one.
//!
//! # `Set-Cookie` with control bytes
//!
//! RFC 6265bis has such a cookie
//! [ignored](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.6), and not the response.
//!
//! # Lines without a colon
//!
//! AD-HOC: such a line is no header, and other browsers pass over it. hyper refuses the response.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue};

use super::scanner::is_replaceable;
use crate::fetch::headers::content_length::extract_length;

/// A head in the form in which hyper reads it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tidied {
    /// The head.
    pub(super) head: Vec<u8>,
    /// Its `Content-Length`, if that is no number.
    pub(super) unusable_lengths: HeaderMap,
}

/// The length is two different things at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContradictoryLengths;

/// Makes `head`, which is whole, what hyper reads.
pub(super) fn tidy(head: Vec<u8>) -> Result<Tidied, ContradictoryLengths> {
    let fields = fields(&head);
    let lengths = lengths(&fields)?;
    let is_left_out = |field: &Field<'_>| {
        field.is_nothing()
            || field.is_named(b"content-length") && !lengths.is_empty()
            || field.is_named(b"set-cookie") && field.lines.iter().copied().any(is_replaceable)
    };
    let head = if fields.iter().any(is_left_out) {
        let kept = fields.iter().filter(|field| !is_left_out(field));
        kept.flat_map(|field| field.lines).copied().collect()
    } else {
        head
    };
    Ok(Tidied {
        head,
        unusable_lengths: lengths,
    })
}

/// One field with the lines that continue it, or the status line, or an empty line before that or at the end.
struct Field<'a> {
    lines: &'a [u8],
    is_status_line: bool,
}

fn fields(head: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let (mut start, mut position) = (0, 0);
    for line in head.split_inclusive(|byte| *byte == b'\n') {
        let continues = line.starts_with(b" ") || line.starts_with(b"\t");
        if position > start && !continues {
            fields.extend(head.get(start..position));
            start = position;
        }
        position += line.len();
    }
    fields.extend(head.get(start..));
    // NOTE: empty lines before a status line are skipped, as in RFC 9112 section 2.2.
    let is_empty = |lines: &&[u8]| lines.trim_ascii().is_empty();
    let status_line = fields.iter().take_while(|lines| is_empty(lines)).count();
    fields
        .into_iter()
        .enumerate()
        .map(|(index, lines)| Field {
            lines,
            is_status_line: index == status_line,
        })
        .collect()
}

impl Field<'_> {
    /// Whether it is none, and no part of a head either.
    fn is_nothing(&self) -> bool {
        !self.is_status_line && self.colon().is_none() && !self.lines.trim_ascii().is_empty()
    }

    /// Where its name ends.
    fn colon(&self) -> Option<usize> {
        let mut line = self.lines.iter().take_while(|byte| **byte != b'\n');
        line.position(|byte| *byte == b':')
    }

    fn is_named(&self, name: &[u8]) -> bool {
        self.colon()
            .and_then(|colon| self.lines.get(..colon))
            .is_some_and(|own| own.eq_ignore_ascii_case(name))
    }

    /// Its value, in which a space stands for each line's end.
    fn value(&self) -> Vec<u8> {
        let start = self.colon().map_or(0, |colon| colon.saturating_add(1));
        let lines = self.lines.get(start..).unwrap_or_default();
        let lines = lines.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        let value = lines.collect::<Vec<_>>().join(&b" "[..]);
        value.trim_ascii().to_vec()
    }
}

/// What `Content-Length` says, if hyper would refuse it and should not.
fn lengths(fields: &[Field<'_>]) -> Result<HeaderMap, ContradictoryLengths> {
    // NOTE: Transfer-Encoding overrides Content-Length, RFC 9112 section 6.3.
    if fields
        .iter()
        .any(|field| field.is_named(b"transfer-encoding"))
    {
        return Ok(HeaderMap::new());
    }
    let lengths = fields
        .iter()
        .filter(|field| field.is_named(b"content-length"));
    let values: Vec<_> = lengths.map(Field::value).collect();
    let lengths: Result<HeaderMap, http::header::InvalidHeaderValue> = values
        .iter()
        .map(|value| Ok((CONTENT_LENGTH, HeaderValue::from_bytes(value)?)))
        .collect();
    // NB: hyper refuses what is no header value, and a number that is too large to be one.
    let Ok(lengths) = lengths else {
        return Ok(HeaderMap::new());
    };
    let is_number = |value: &Vec<u8>| !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    match extract_length(&lengths) {
        Err(_) => Err(ContradictoryLengths),
        Ok(None) if !values.iter().all(is_number) => Ok(lengths),
        Ok(_) => Ok(HeaderMap::new()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(lines: &str) -> Vec<u8> {
        format!("HTTP/1.1 200 OK\r\nA: b\r\n{lines}\r\n").into_bytes()
    }

    /// What comes of a head with these lines, as text.
    fn tidied(lines: &str) -> Result<(String, HeaderMap), ContradictoryLengths> {
        let tidied = tidy(head(lines))?;
        let head = String::from_utf8(tidied.head).unwrap();
        Ok((head, tidied.unusable_lengths))
    }

    fn unchanged(lines: &str) -> (String, HeaderMap) {
        (String::from_utf8(head(lines)).unwrap(), HeaderMap::new())
    }

    #[test]
    fn what_is_no_number_is_taken_out() {
        for (lines, values, others) in [
            ("Content-Length: 42s\r\n", &["42s"][..], ""),
            ("content-length:-1\n", &["-1"], ""),
            ("Content-Length:\r\n", &[""], ""),
            ("Content-Length: 4\r\n 2\r\n", &["4 2"], ""),
            ("Content-Length: a, a\r\n", &["a, a"], ""),
            (
                "Content-Length: a\r\nX: y\r\n z\r\nContent-Length: a\r\n",
                &["a", "a"],
                "X: y\r\n z\r\n",
            ),
        ] {
            let (rest, lengths) = tidied(lines).unwrap();
            assert_eq!(rest, unchanged(others).0, "{lines:?}");
            let lengths: Vec<_> = lengths.get_all(CONTENT_LENGTH).iter().collect();
            assert_eq!(lengths, values);
        }
    }

    #[test]
    fn what_contradicts_itself() {
        for lines in [
            "Content-Length: 42, 30\r\n",
            "Content-Length: 030, 30\r\n",
            "Content-Length: 30,\r\n",
            "Content-Length: 30\r\nContent-Length: \t\r\n",
            "Content-Length: a\r\nX: y\r\nContent-Length: b\r\n",
        ] {
            assert_eq!(tidied(lines), Err(ContradictoryLengths), "{lines:?}");
        }
    }

    #[test]
    fn what_does_not_count_is_left_alone() {
        for lines in [
            "",
            "Content-Length: 42\r\n",
            "Content-Length: 030\r\n",
            "Content-Length: 42, 42\r\nX: y\r\nContent-Length:42\r\n",
            "Content-Length: 4,\r\n 4\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: x\r\nTransfer-Encoding: chunked\r\n",
            "transfer-encoding: chunked\r\ncontent-length: 1, 2\r\n",
            "X: y\r\n Content-Length: z\r\n",
            "Content-Length: 1\x01\r\n",
            "Content-Lengths: x\r\n",
        ] {
            assert_eq!(tidied(lines), Ok(unchanged(lines)));
        }
    }

    #[test]
    fn a_line_without_a_colon_is_left_out() {
        for (lines, rest) in [
            ("nothing\r\n", ""),
            ("X: y\r\nno thing\n : z\r\nA: b\r\n", "X: y\r\nA: b\r\n"),
            ("X: y\r\n no thing\r\n", "X: y\r\n no thing\r\n"),
        ] {
            assert_eq!(tidied(lines), Ok(unchanged(rest)));
        }
        let head = b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_vec();
        assert_eq!(tidy(head.clone()).unwrap().head, head);
    }

    #[test]
    fn a_cookie_with_control_bytes_is_left_out() {
        for (lines, rest) in [
            ("Set-Cookie: a=\x01\r\n", ""),
            ("set-cookie: a=b;\r\n c=\x7F\r\nX: y\r\n", "X: y\r\n"),
            (
                "Set-Cookie: a=\x0B\r\nSet-Cookie: c=d\r\n",
                "Set-Cookie: c=d\r\n",
            ),
            // A tab is none of them; NUL is the whole response's end; and other fields are not cookies.
            ("Set-Cookie: a=\t\r\n", "Set-Cookie: a=\t\r\n"),
            ("Set-Cookie: a=\0\r\n", "Set-Cookie: a=\0\r\n"),
            ("Location: /\x01\r\n", "Location: /\x01\r\n"),
        ] {
            assert_eq!(tidied(lines), Ok(unchanged(rest)));
        }
    }

    proptest! {
        #[test]
        fn other_lines_stay_as_they_are(
            before in "([ab]: [a-z0-9]{0,5}(\r\n [a-z]{1,3})?\r\n){0,3}",
            after in "([ab]: [a-z0-9]{0,5}\r\n){0,3}",
        ) {
            let with = format!("{before}Content-LENGTH: x\r\n y\r\n{after}");
            let (rest, _) = unchanged(&format!("{before}{after}"));
            let lengths = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static("x y"))]);
            prop_assert_eq!(tidied(&with), Ok((rest, lengths)));
        }

        #[test]
        fn any_bytes_are_taken(head in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = tidy(head);
        }
    }
}
