//! `?pipe=…`: what is done to a response on its way.
//!
//! <https://web-platform-tests.org/writing-tests/server-pipes.html>

use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, EXPIRES, PRAGMA};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use thiserror::Error;

use crate::reply::{Response, Step, header};
use crate::substitution::{Context, Escape, SubstitutionError, substitute};

/// The longest pause, so that no slip holds a connection for good.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// How many pieces a trickled body may have.
const MAX_PIECES: usize = 10_000;

/// A pipe that is not understood or cannot be applied.
#[derive(Debug, Error)]
pub enum PipeError {
    /// It is not one of those that are known, or its arguments are not.
    #[error("the pipe {0} is not understood")]
    Unknown(String),
    /// A substitution in the body.
    #[error(transparent)]
    Substitution(#[from] SubstitutionError),
}

/// One pipe.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Pipe {
    /// Sets the status.
    Status(StatusCode),
    /// Sets a header field, or adds one.
    Header {
        /// Its name.
        name: HeaderName,
        /// Its value.
        value: HeaderValue,
        /// Whether fields of the same name stay.
        append: bool,
    },
    /// Sends a part of the body only. Numbers below zero count from its end.
    Slice {
        /// The first byte.
        start: isize,
        /// The byte after the last.
        end: Option<isize>,
    },
    /// Sends the body bit by bit.
    Trickle {
        /// What is done, in order.
        steps: Vec<Trickle>,
        /// How many of the last steps are done again until the body ends; 0 if none.
        repeated: usize,
    },
    /// Substitutes in the body.
    Sub(Escape),
}

/// A step of [`Pipe::Trickle`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Trickle {
    /// Sends so many bytes.
    Send(usize),
    /// Sends nothing for this long.
    Wait(Duration),
}

/// The pipes in the value of the parameter `pipe`, from left to right.
///
/// # Errors
///
/// If one is not understood.
pub fn parse(text: &str) -> Result<Vec<Pipe>, PipeError> {
    split(text, '|')
        .into_iter()
        .map(|call| parse_one(&call).ok_or_else(|| PipeError::Unknown(call.clone())))
        .collect()
}

fn parse_one(call: &str) -> Option<Pipe> {
    let (name, arguments) = match call.split_once('(') {
        Some((name, arguments)) => (name, split(arguments.strip_suffix(')')?, ',')),
        None => (call, Vec::new()),
    };
    let arguments: Vec<String> = arguments
        .iter()
        .map(|argument| unescape(argument))
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Some(match (name.trim(), arguments.as_slice()) {
        ("status", [status]) => Pipe::Status(status.trim().parse().ok()?),
        ("header", [name, value]) => field(name, value, false)?,
        ("header", [name, value, append]) => field(
            name,
            value,
            match append.trim() {
                "True" | "true" | "1" => true,
                "False" | "false" | "0" => false,
                _ => return None,
            },
        )?,
        ("slice", [start]) => Pipe::Slice {
            start: bound(start)?.unwrap_or(0),
            end: None,
        },
        ("slice", [start, end]) => Pipe::Slice {
            start: bound(start)?.unwrap_or(0),
            end: bound(end)?,
        },
        ("trickle", [steps]) => trickle(steps)?,
        ("sub", [] | ["html"]) => Pipe::Sub(Escape::Html),
        ("sub", ["none"]) => Pipe::Sub(Escape::None),
        _ => return None,
    })
}

fn field(name: &str, value: &str, append: bool) -> Option<Pipe> {
    let (name, value) = header(name, value)?;
    Some(Pipe::Header {
        name,
        value,
        append,
    })
}

/// A number, or nothing for `null`.
fn bound(text: &str) -> Option<Option<isize>> {
    match text.trim() {
        "null" => Some(None),
        number => number.parse().ok().map(Some),
    }
}

fn trickle(text: &str) -> Option<Pipe> {
    let mut steps = Vec::new();
    let mut repeated = 0;
    for step in text.split(':') {
        let step = step.trim();
        // Only the last may repeat others.
        if repeated > 0 {
            return None;
        }
        if let Some(seconds) = step.strip_prefix('d') {
            let wait = Duration::try_from_secs_f64(seconds.parse().ok()?).ok()?;
            steps.push(Trickle::Wait(wait.min(LONGEST_WAIT)));
        } else if let Some(count) = step.strip_prefix('r') {
            repeated = count.parse().ok()?;
            let is_sensible = repeated > 0 && repeated % 2 == 0 && repeated <= steps.len();
            // Steps that send nothing would go on for ever.
            let again = steps.iter().rev().take(repeated);
            if !is_sensible
                || !again
                    .into_iter()
                    .any(|step| matches!(step, Trickle::Send(1..)))
            {
                return None;
            }
        } else {
            steps.push(Trickle::Send(step.parse().ok()?));
        }
    }
    Some(Pipe::Trickle { steps, repeated })
}

/// Splits where a character stands outside of parentheses and without a backslash before it.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let (mut is_inside, mut is_escaped) = (false, false);
    for character in text.chars() {
        let is_special = !is_escaped;
        is_escaped = is_special && character == '\\';
        if is_special {
            match character {
                '(' => is_inside = true,
                ')' => is_inside = false,
                _ if character == separator && !is_inside => {
                    parts.push(String::new());
                    continue;
                },
                _ => {},
            }
        }
        if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts
}

/// Takes the backslash from `\,`, `\)` and `\\`.
fn unescape(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('\\', Some(next @ (',' | ')' | '(' | '\\' | '|'))) => {
                output.push(*next);
                characters.next();
            },
            _ => output.push(character),
        }
    }
    output
}

/// Applies pipes to a response, from left to right.
///
/// # Errors
///
/// If a substitution has no value.
pub fn apply(
    pipes: &[Pipe],
    response: &mut Response,
    context: Context<'_>,
) -> Result<(), PipeError> {
    for pipe in pipes {
        match pipe {
            Pipe::Status(status) => response.status = *status,
            Pipe::Header {
                name,
                value,
                append: true,
            } => {
                response.headers.append(name.clone(), value.clone());
            },
            Pipe::Header { name, value, .. } => {
                response.headers.insert(name.clone(), value.clone());
            },
            Pipe::Slice { start, end } => {
                let body = response.bytes();
                let place = |bound: isize| match usize::try_from(bound) {
                    Ok(from_start) => from_start.min(body.len()),
                    Err(_) => body.len().saturating_sub(bound.unsigned_abs()),
                };
                let end = end.map_or(body.len(), place);
                let part = body.get(place(*start)..end).unwrap_or_default().to_vec();
                response.body = vec![Step::Send(part.into())];
            },
            Pipe::Trickle { steps, repeated } => {
                forbid_caching(&mut response.headers);
                response.body = trickled(response.bytes().into(), steps, *repeated);
            },
            Pipe::Sub(escape) => {
                let body = substitute(&response.bytes(), context, *escape)?;
                response.body = vec![Step::Send(body.into())];
            },
        }
    }
    Ok(())
}

/// As wptserve has it: what comes bit by bit is not to come from a cache the next time, unless the test says something of it.
fn forbid_caching(headers: &mut HeaderMap) {
    if [CACHE_CONTROL, PRAGMA, EXPIRES]
        .iter()
        .any(|name| headers.contains_key(name))
    {
        return;
    }
    for (name, value) in [
        (CACHE_CONTROL, "no-cache, no-store, must-revalidate"),
        (PRAGMA, "no-cache"),
        (EXPIRES, "0"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

fn trickled(mut body: Bytes, steps: &[Trickle], repeated: usize) -> Vec<Step> {
    let first = steps.len().saturating_sub(repeated);
    let again = steps.get(first..).unwrap_or_default();
    let mut pieces = Vec::new();
    for step in steps.iter().chain(again.iter().cycle()) {
        if body.is_empty() || pieces.len() >= MAX_PIECES {
            break;
        }
        pieces.push(match step {
            Trickle::Send(count) => Step::Send(body.split_to(body.len().min(*count))),
            Trickle::Wait(wait) => Step::Wait(*wait),
        });
    }
    if !body.is_empty() {
        pieces.push(Step::Send(body));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Ports;
    use crate::request::fake;

    fn piped(text: &str) -> Response {
        let request = fake::get("http://web-platform.test/");
        let context = Context {
            request: &request,
            ports: &Ports::default(),
        };
        let mut response = Response::text(StatusCode::OK, "0123456789");
        let pipes = parse(text).expect(text);
        apply(&pipes, &mut response, context).expect(text);
        response
    }

    #[test]
    fn statuses_and_headers() {
        let response = piped("status(404)|header(X-A,1\\,2)|header(Content-Type,text/x)");
        assert_eq!(response.status, StatusCode::NOT_FOUND);
        assert_eq!(response.headers["x-a"], "1,2");
        assert_eq!(response.headers["content-type"], "text/x");
        let response = piped("header(X-A,a(b\\))|header(X-A,2,True)");
        let values: Vec<_> = response.headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["a(b)", "2"]);
    }

    #[test]
    fn slices() {
        for (pipe, expected) in [
            ("slice(2,5)", "234"),
            ("slice(7)", "789"),
            ("slice(null,3)", "012"),
            ("slice(8,100)", "89"),
            ("slice(100)", ""),
            ("slice(5,2)", ""),
            ("slice(-3)", "789"),
            ("slice(2,-6)", "23"),
            ("slice(-100,1)", "0"),
        ] {
            assert_eq!(piped(pipe).bytes(), expected.as_bytes(), "{pipe}");
        }
    }

    #[test]
    fn bodies_trickle() {
        let wait = |seconds| Step::Wait(Duration::from_secs_f64(seconds));
        let send = |text: &'static str| Step::Send(text.into());
        for (pipe, expected) in [
            ("trickle(d1)", vec![wait(1.0), send("0123456789")]),
            (
                "trickle(3:d0.5)",
                vec![send("012"), wait(0.5), send("3456789")],
            ),
            (
                "trickle(4:d1:r2)",
                vec![send("0123"), wait(1.0), send("4567"), wait(1.0), send("89")],
            ),
            (
                "trickle(d1000)",
                vec![Step::Wait(LONGEST_WAIT), send("0123456789")],
            ),
        ] {
            assert_eq!(piped(pipe).body, expected, "{pipe}");
        }
    }

    #[test]
    fn what_trickles_is_not_cached_unless_the_test_says_so() {
        let response = piped("trickle(d1)");
        assert_eq!(response.headers["pragma"], "no-cache");
        assert!(response.headers.contains_key("cache-control"));
        let response = piped("header(Expires,-1)|trickle(d1)");
        assert_eq!(response.headers["expires"], "-1");
        assert!(!response.headers.contains_key("cache-control"));
    }

    #[test]
    fn pipes_are_applied_from_left_to_right() {
        let response = piped("slice(0,4)|trickle(2:d1)");
        assert_eq!(response.body.len(), 3);
        assert_eq!(response.bytes(), b"0123");
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in [
            "",
            "status",
            "status(0)",
            "status(abc)",
            "header(X)",
            "header(X Y,1)",
            "header(X,1,maybe)",
            "slice()",
            "slice(a)",
            "trickle()",
            "trickle(d-1)",
            "trickle(1:r1)",
            "trickle(d1:d1:r2)",
            "trickle(1:d1:r4)",
            "trickle(1:d1:r2:1)",
            "sub(xml)",
            "gzip",
            "status(200",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
