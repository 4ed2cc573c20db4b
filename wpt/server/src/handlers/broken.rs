//! Answers that are none, or end too early.

use std::time::Duration;

use bytes::Bytes;

use super::Slip;
use crate::reply::{End, Reply, Step, header};
use crate::request::Request;
use crate::stash::Stash;

/// How long a server is silent, if it is not told otherwise.
const SILENCE: Duration = Duration::from_secs(60);

/// `broken.py?kind=…`, by HTTP/1.1; over HTTP/2 each kind resets the stream.
/// - `close`: the connection ends without a byte; `reset`: with a reset; `silence`: after a minute;
/// - `garbage`: bytes that are no response;
/// - `cut-header`: the header ends in the middle of a field;
/// - `cut-body`: the body ends before its `Content-Length`;
/// - `bad-chunk`: the body's second chunk has a length that is no number.
///
/// Where there is a header, `header` adds to it: `Name:Value`.
pub(super) fn broken(request: &Request, _: &Stash) -> Result<Reply, Slip> {
    let kind = request.parameter("kind").ok_or(Slip::Missing("kind"))?;
    raw(&kind, &fields(request)?).ok_or(Slip::Value("kind"))
}

/// What is answered instead if `break` says so, or `preflight-break` for a preflight.
pub(super) fn instead(request: &Request) -> Result<Option<Reply>, Slip> {
    let name = if request.is_preflight() {
        "preflight-break"
    } else {
        "break"
    };
    request
        .parameter(name)
        .map(|kind| raw(&kind, "").ok_or(Slip::Value(name)))
        .transpose()
}

/// What is sent for a kind, with these lines in the header if there is one; nothing if there is no such kind.
pub(super) fn raw(kind: &str, fields: &str) -> Option<Reply> {
    let steps = match kind {
        "close" | "reset" => Vec::new(),
        "silence" => vec![Step::Wait(SILENCE)],
        "garbage" => vec![send("\0\u{1}\u{2}this is no HTTP\r\n\r\n")],
        "cut-header" => vec![send(format!("HTTP/1.1 200 OK\r\n{fields}Content-Ty"))],
        "cut-body" => vec![send(format!(
            "HTTP/1.1 200 OK\r\n{fields}Content-Type: text/plain\r\nContent-Length: 100\r\n\r\nthe beginning"
        ))],
        "bad-chunk" => vec![send(format!(
            "HTTP/1.1 200 OK\r\n{fields}Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n\
             3\r\none\r\nno number\r\ntwo\r\n0\r\n\r\n"
        ))],
        _ => return None,
    };
    let end = if kind == "reset" {
        End::Reset
    } else {
        End::Close
    };
    Some(Reply::Raw { steps, end })
}

fn send(text: impl Into<Bytes>) -> Step {
    Step::Send(text.into())
}

/// The fields that are asked for, as lines of a header.
fn fields(request: &Request) -> Result<String, Slip> {
    let mut lines = String::new();
    for field in request.parameters("header") {
        let (name, value) = field
            .split_once(':')
            .and_then(|(name, value)| header(name, value))
            .ok_or(Slip::Value("header"))?;
        let value = value.to_str().map_err(|_| Slip::Value("header"))?;
        lines.push_str(&format!("{name}: {value}\r\n"));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::fake;

    fn reply(query: &str) -> Result<Reply, Slip> {
        let request = fake::get(&format!("http://web-platform.test/resources/x.py?{query}"));
        broken(&request, &Stash::default())
    }

    #[test]
    fn every_kind_is_raw() {
        for kind in [
            "close",
            "reset",
            "silence",
            "garbage",
            "cut-header",
            "cut-body",
            "bad-chunk",
        ] {
            let Ok(Reply::Raw { end, .. }) = reply(&format!("kind={kind}")) else {
                panic!("{kind} is not raw");
            };
            assert_eq!(end == End::Reset, kind == "reset");
        }
    }

    #[test]
    fn preflights_break_apart_from_what_they_are_for() {
        let url = "http://web-platform.test/resources/respond.py?preflight-break=close";
        let mut request = fake::get(url);
        assert!(matches!(instead(&request), Ok(None)));
        request.method = http::Method::OPTIONS;
        for name in ["origin", "access-control-request-method"] {
            request
                .headers
                .insert(name, http::HeaderValue::from_static("PUT"));
        }
        assert!(matches!(instead(&request), Ok(Some(Reply::Raw { .. }))));
    }

    #[test]
    fn fields_are_added_but_no_lines_of_others_making() {
        let Ok(Reply::Raw { steps, .. }) = reply("kind=cut-body&header=X-A:1") else {
            panic!("not raw");
        };
        let [Step::Send(bytes)] = steps.as_slice() else {
            panic!("{steps:?}");
        };
        assert!(bytes.starts_with(b"HTTP/1.1 200 OK\r\nx-a: 1\r\nContent-Type"));
        assert!(reply("kind=cut-body&header=X-A:1%0D%0AX-B:2").is_err());
    }
}
