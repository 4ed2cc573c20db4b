//! Responses as their requests ask for them: plain ones, redirects, echoes, cookies, challenges.

use std::io::{self, Write as _};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, SET_COOKIE,
    WWW_AUTHENTICATE,
};
use http::{HeaderValue, StatusCode};
use url::Url;

use super::record::{gate, record};
use super::{Slip, parsed};
use crate::reply::{Ending, Reply, Response, Step, header};
use crate::request::Request;
use crate::stash::Stash;

/// The longest delay.
const LONGEST_DELAY: Duration = Duration::from_secs(120);

/// The largest body that is made up, in bytes.
const MAX_SIZE: usize = 64 * 1024 * 1024;

/// How much of an endless body is sent at a time, in bytes.
const PIECE_OF_ENDLESS: usize = 16 * 1024;

/// Which parameters are meant: those of preflights have a prefix, so that one URL says what both requests get.
struct Names {
    status: &'static str,
    header: &'static str,
    delay: &'static str,
    hold: &'static str,
}

const OF_REQUESTS: Names = Names {
    status: "status",
    header: "header",
    delay: "delay",
    hold: "hold",
};

const OF_PREFLIGHTS: Names = Names {
    status: "preflight-status",
    header: "preflight-header",
    delay: "preflight-delay",
    hold: "preflight-hold",
};

/// `respond.py`: answers with
/// - `status` (200), and `header`, which may be there several times: `Name:Value`;
/// - `body`, or as many letters as `size` says; `type` (`text/plain`); with `gzip` it is compressed, with `endless` it never ends;
/// - `delay` in milliseconds before anything is answered, and `pause` in the middle of the body;
/// - `hold`: a gate that has to be opened by `release.py` before anything is answered, and `hold-body` in the middle of the body;
/// - `etag`: the response has it, and is a 304 if it is what the request's `If-None-Match` says;
/// - `ends`: a token under which is told how the response ended: `{"isComplete": …}`;
/// - `preflight-status` (200), `preflight-header`, `preflight-delay` and `preflight-hold`: the same for a preflight, whose body
///   is empty.
///
/// With `break` or `preflight-break` the answer is one of the kinds of `broken.py` instead.
pub(super) fn respond(request: &Request, stash: &Stash) -> Result<Reply, Slip> {
    if request.is_preflight() {
        return Ok(base(request, stash, &OF_PREFLIGHTS, StatusCode::OK)?.into());
    }
    let mut response = base(request, stash, &OF_REQUESTS, StatusCode::OK)?;
    let body = match parsed::<usize>(request, "size")? {
        Some(size) if size <= MAX_SIZE => vec![b'x'; size],
        Some(_) => return Err(Slip::Value("size")),
        None => request.parameter("body").unwrap_or_default().into_bytes(),
    };
    let body = if request.parameter("gzip").is_some() {
        response
            .headers
            .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        gzip(&body).map_err(|_| Slip::Value("gzip"))?
    } else {
        body
    };
    set_body(&mut response, request, stash, body)?;
    Ok(validated(response, request)?.into())
}

/// `redirect.py`: answers with `location`, whatever that is, and the `status` 302 or another. With `count` it leads to itself
/// until that many redirects were made in all.
pub(super) fn redirect(request: &Request, stash: &Stash) -> Result<Reply, Slip> {
    if request.is_preflight() {
        return Ok(base(request, stash, &OF_PREFLIGHTS, StatusCode::OK)?.into());
    }
    let location = request
        .parameter("location")
        .ok_or(Slip::Missing("location"))?;
    let location = match parsed::<u32>(request, "count")? {
        Some(count) if count > 1 => counted_down(&request.url, count).into(),
        _ => location,
    };
    let location =
        HeaderValue::from_bytes(location.as_bytes()).map_err(|_| Slip::Value("location"))?;
    let mut response = base(request, stash, &OF_REQUESTS, StatusCode::FOUND)?;
    response.headers.insert(LOCATION, location);
    Ok(response.into())
}

/// `echo.py`: answers with what was seen of the request, as JSON.
pub(super) fn echo(request: &Request, stash: &Stash) -> Result<Reply, Slip> {
    if request.is_preflight() {
        return Ok(base(request, stash, &OF_PREFLIGHTS, StatusCode::OK)?.into());
    }
    let response = echoed(base(request, stash, &OF_REQUESTS, StatusCode::OK)?, request);
    Ok(validated(response, request)?.into())
}

/// `cookies.py`: sets each cookie in `set`, which may be there several times and have attributes, and answers as `echo.py`.
pub(super) fn cookies(request: &Request, stash: &Stash) -> Result<Reply, Slip> {
    if request.is_preflight() {
        return Ok(base(request, stash, &OF_PREFLIGHTS, StatusCode::OK)?.into());
    }
    let mut response = base(request, stash, &OF_REQUESTS, StatusCode::OK)?;
    for cookie in request.parameters("set") {
        let cookie = HeaderValue::from_bytes(cookie.as_bytes()).map_err(|_| Slip::Value("set"))?;
        response.headers.append(SET_COOKIE, cookie);
    }
    Ok(echoed(response, request).into())
}

/// `authentication.py`: challenges a request without an `Authorization` field (Basic), and answers others as `echo.py`.
pub(super) fn authentication(request: &Request, stash: &Stash) -> Result<Reply, Slip> {
    if request.is_preflight() {
        return Ok(base(request, stash, &OF_PREFLIGHTS, StatusCode::OK)?.into());
    }
    let mut response = base(request, stash, &OF_REQUESTS, StatusCode::OK)?;
    if !request.headers.contains_key(AUTHORIZATION) {
        response.status = StatusCode::UNAUTHORIZED;
        response.headers.insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"test\""),
        );
    }
    Ok(echoed(response, request).into())
}

/// The same URL with a lower `count`.
fn counted_down(url: &Url, count: u32) -> Url {
    let mut next = url.clone();
    next.query_pairs_mut()
        .clear()
        .extend_pairs(url.query_pairs().filter(|(name, _)| name != "count"))
        .append_pair("count", &(count - 1).to_string());
    next
}

/// A response with the status, the header fields, the delay and the gate that are asked for, and no body.
fn base(
    request: &Request,
    stash: &Stash,
    names: &Names,
    status: StatusCode,
) -> Result<Response, Slip> {
    let mut response = Response::new(parsed(request, names.status)?.unwrap_or(status), "");
    for field in request.parameters(names.header) {
        let (name, value) = field
            .split_once(':')
            .and_then(|(name, value)| header(name, value))
            .ok_or(Slip::Value(names.header))?;
        response.headers.append(name, value);
    }
    response.delay = milliseconds(request, names.delay)?;
    response.gate = gate(request, stash, names.hold)?;
    response.ending = request.parameter("ends").map(|token| Ending {
        stash: stash.clone(),
        token,
    });
    Ok(response)
}

/// The bytes, compressed as far as can be: of one letter again and again, a thousandth is left.
fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn set_body(
    response: &mut Response,
    request: &Request,
    stash: &Stash,
    body: Vec<u8>,
) -> Result<(), Slip> {
    let content_type = request
        .parameter("type")
        .unwrap_or_else(|| "text/plain".to_owned());
    let content_type =
        HeaderValue::from_bytes(content_type.as_bytes()).map_err(|_| Slip::Value("type"))?;
    // A field that was asked for goes first.
    if !response.headers.contains_key(CONTENT_TYPE) {
        response.headers.insert(CONTENT_TYPE, content_type);
    }
    if request.parameter("endless").is_some() {
        response.body = vec![Step::Endless(vec![b'x'; PIECE_OF_ENDLESS].into())];
        return Ok(());
    }
    let pause = milliseconds(request, "pause")?;
    let mut between = Vec::new();
    if !pause.is_zero() {
        between.push(Step::Wait(pause));
    }
    between.extend(gate(request, stash, "hold-body")?.map(Step::Hold));
    response.body = if between.is_empty() {
        vec![Step::Send(body.into())]
    } else {
        let (first, second) = body.split_at(body.len() / 2);
        let mut steps = vec![Step::Send(first.to_vec().into())];
        steps.extend(between);
        steps.push(Step::Send(second.to_vec().into()));
        steps
    };
    Ok(())
}

/// The response with the validator that is asked for, or that it is still valid.
fn validated(mut response: Response, request: &Request) -> Result<Response, Slip> {
    let Some(etag) = request.parameter("etag") else {
        return Ok(response);
    };
    let etag = HeaderValue::from_str(&format!("\"{etag}\"")).map_err(|_| Slip::Value("etag"))?;
    if request.headers.get(IF_NONE_MATCH) == Some(&etag) {
        response.status = StatusCode::NOT_MODIFIED;
        response.headers.remove(CONTENT_TYPE);
        response.body = vec![Step::Send("".into())];
    }
    response.headers.insert(ETAG, etag);
    Ok(response)
}

fn echoed(mut response: Response, request: &Request) -> Response {
    response
        .headers
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.body = vec![Step::Send(record(request).to_string().into())];
    response
}

fn milliseconds(request: &Request, name: &'static str) -> Result<Duration, Slip> {
    let milliseconds = parsed(request, name)?.unwrap_or(0);
    Ok(Duration::from_millis(milliseconds).min(LONGEST_DELAY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::fake;
    use http::Method;

    fn request(query: &str) -> Request {
        fake::get(&format!("http://web-platform.test/resources/x.py?{query}"))
    }

    fn preflight(query: &str) -> Request {
        let mut request = request(query);
        request.method = Method::OPTIONS;
        for (name, value) in [
            ("origin", "http://a.test"),
            ("access-control-request-method", "PUT"),
        ] {
            request
                .headers
                .insert(name, HeaderValue::from_static(value));
        }
        request
    }

    fn response(
        handler: fn(&Request, &Stash) -> Result<Reply, Slip>,
        request: &Request,
    ) -> Response {
        match handler(request, &Stash::default()) {
            Ok(Reply::Http(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn silence_is_what_is_not_asked_for() {
        for handler in [respond, echo, cookies, authentication] {
            for request in [request(""), preflight("")] {
                let response = response(handler, &request);
                assert!(
                    !response
                        .headers
                        .keys()
                        .any(|name| name.as_str().starts_with("access-control-"))
                );
            }
        }
    }

    #[test]
    fn preflights_have_their_own_parameters() {
        let query = "status=404&header=X-A:1&body=b&preflight-status=204&preflight-header=X-B:2&preflight-delay=5";
        let to_request = response(respond, &request(query));
        assert_eq!(to_request.status, 404);
        assert_eq!(to_request.headers["x-a"], "1");
        assert!(!to_request.headers.contains_key("x-b"));
        assert_eq!(to_request.bytes(), b"b");
        let to_preflight = response(respond, &preflight(query));
        assert_eq!(to_preflight.status, 204);
        assert_eq!(to_preflight.headers["x-b"], "2");
        assert!(!to_preflight.headers.contains_key("x-a"));
        assert_eq!(to_preflight.bytes(), b"");
        assert_eq!(to_preflight.delay, Duration::from_millis(5));
    }

    #[test]
    fn bodies() {
        assert_eq!(response(respond, &request("size=5")).bytes(), b"xxxxx");
        let paused = response(respond, &request("body=abcd&pause=10&type=text/x"));
        assert_eq!(
            paused.body,
            [
                Step::Send("ab".into()),
                Step::Wait(Duration::from_millis(10)),
                Step::Send("cd".into())
            ]
        );
        assert_eq!(paused.headers["content-type"], "text/x");
        assert!(respond(&request("size=999999999999"), &Stash::default()).is_err());
        let compressed = response(respond, &request("size=1000000&gzip"));
        assert_eq!(compressed.headers["content-encoding"], "gzip");
        assert!(compressed.bytes().starts_with(b"\x1f\x8b") && compressed.bytes().len() < 2000);
    }

    #[test]
    fn gates_are_where_they_are_asked_for() {
        let stash = Stash::default();
        let Ok(Reply::Http(held)) = respond(&request("hold=a&body=xy&hold-body=b"), &stash) else {
            panic!("no response");
        };
        assert_eq!(held.gate, stash.gate("a"));
        let middle = stash.gate("b").expect("a gate");
        assert_eq!(
            held.body,
            [
                Step::Send("x".into()),
                Step::Hold(middle),
                Step::Send("y".into())
            ]
        );
        let query = "hold=a&preflight-hold=c";
        let Ok(Reply::Http(held)) = respond(&preflight(query), &stash) else {
            panic!("no response");
        };
        assert_eq!(held.gate, stash.gate("c"));
    }

    #[test]
    fn validators() {
        let fresh = response(respond, &request("etag=1&body=b"));
        assert_eq!(fresh.headers["etag"], "\"1\"");
        assert_eq!(fresh.bytes(), b"b");
        for (validator, status) in [("\"1\"", 304), ("\"2\"", 200)] {
            for handler in [respond, echo] {
                let mut request = request("etag=1&body=b");
                request
                    .headers
                    .insert(IF_NONE_MATCH, HeaderValue::from_static(validator));
                let response = response(handler, &request);
                assert_eq!(response.status, status);
                assert_eq!(response.bytes().is_empty(), status == 304);
            }
        }
    }

    #[test]
    fn redirects_are_counted() {
        let mut url = request("location=/end&token=t&count=3").url;
        for left in [Some("2"), Some("1"), None] {
            let found = response(redirect, &fake::get(url.as_str()));
            let location = found.headers["location"].to_str().expect("text");
            url = url.join(location).expect("a URL");
            let count = url.query_pairs().find(|(name, _)| name == "count");
            assert_eq!(count.map(|(_, count)| count.into_owned()).as_deref(), left);
        }
        assert_eq!(url.path(), "/end");
    }

    #[test]
    fn redirects() {
        let found = response(redirect, &request("location=/x%3Fy"));
        assert_eq!(found.status, StatusCode::FOUND);
        assert_eq!(found.headers["location"], "/x?y");
        let permanent = response(redirect, &request("location=//b.test/&status=308"));
        assert_eq!(permanent.status, StatusCode::PERMANENT_REDIRECT);
    }

    #[test]
    fn cookies_are_set_and_challenges_made() {
        let set = response(cookies, &request("set=a=1;Path=/&set=b=2"));
        assert_eq!(set.headers.get_all("set-cookie").iter().count(), 2);
        let challenge = response(authentication, &request(""));
        assert_eq!(challenge.status, StatusCode::UNAUTHORIZED);
        let mut request = request("");
        request
            .headers
            .insert(AUTHORIZATION, HeaderValue::from_static("Basic eDp5"));
        let answer = response(authentication, &request);
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!answer.headers.contains_key(WWW_AUTHENTICATE));
    }
}
