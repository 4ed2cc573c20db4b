//! Answers to preflights, CORS headers and ranges.

use http::{HeaderName, HeaderValue, Method, header};
use net_traits::request::{RequestBuilder, RequestMode};
use servo_url::ServoUrl;

use super::Outcome::{Complete, GivenUp, NetworkError};
use super::{Kind, Serving, keep};
use crate::server::Conn;

/// A request by a page of another origin, with CORS.
fn of_another_origin(request: RequestBuilder) -> RequestBuilder {
    let origin = ServoUrl::parse("http://page.test/")
        .expect("a URL")
        .origin();
    request.mode(RequestMode::CorsMode).origin(origin)
}

/// The same, and with a header that needs a preflight.
fn preflighted(request: RequestBuilder) -> RequestBuilder {
    let mut headers = http::HeaderMap::new();
    headers.insert(
        HeaderName::from_static("x-custom"),
        HeaderValue::from_static("1"),
    );
    of_another_origin(request)
        .method(Method::PUT)
        .unsafe_request(true)
        .headers(headers)
}

/// A request for a range, of the page's own server.
fn of_a_range(request: RequestBuilder) -> RequestBuilder {
    let mut headers = http::HeaderMap::new();
    headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-4"));
    request.headers(headers)
}

/// Gives `answer` to a preflight, and to the request after it what it wants.
fn answer_preflight(mut conn: Conn, answer: &'static [u8]) -> Serving {
    Box::pin(async move {
        loop {
            if conn.request().await?.starts_with("OPTIONS") {
                conn.write(answer).await?;
            } else {
                conn.write(
                    b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 5\r\n\r\nhello",
                )
                .await?;
            }
        }
    })
}

/// What a preflight's answer begins with.
const ALLOWED: &str =
    "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: PUT\r\n";

/// A kind that gives an answer to a preflight.
const fn preflight(
    name: &'static str,
    outcome: super::Outcome,
    answer: fn() -> &'static [u8],
) -> Kind {
    Kind::new(name, outcome, answer_preflight)
        .prepared(answer)
        .requested(preflighted)
}

pub const KINDS: &[Kind] = &[
    Kind::answer("a preflight's answer that breaks off", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: PUT\r\nAccess-Control-Allow-Headers: x-custom\r\n"
    })
    .requested(preflighted),
    Kind::new(
        "a preflight's answer with 100 MB of body",
        Complete(200, "hello"),
        |mut conn, _| {
            Box::pin(async move {
                if conn.request().await?.starts_with("OPTIONS") {
                    let head = format!(
                        "{ALLOWED}Access-Control-Allow-Headers: x-custom\r\nContent-Length: 100000000\r\n\r\n"
                    );
                    conn.write(head.as_bytes()).await?;
                    return conn.write_endlessly(b"x").await;
                }
                conn.write(
                    b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 5\r\n\r\nhello",
                )
                .await
            })
        },
    )
    .requested(preflighted),
    preflight(
        "a preflight that allows 20,000 headers and methods",
        Complete(200, "hello"),
        || {
            let headers: Vec<_> = (0..20_000).map(|number| format!("x{number}")).collect();
            keep(format!(
                "{ALLOWED}Access-Control-Allow-Headers: x-custom, {}\r\nAccess-Control-Max-Age: 60\r\nContent-Length: 0\r\n\r\n",
                headers.join(",")
            ))
        },
    ),
    preflight(
        "a preflight with a Max-Age of 10^30",
        Complete(200, "hello"),
        || {
            keep(format!(
                "{ALLOWED}Access-Control-Allow-Headers: x-custom\r\n\
                 Access-Control-Max-Age: 1000000000000000000000000000000\r\nContent-Length: 0\r\n\r\n"
            ))
        },
    ),
    preflight(
        "a preflight whose lists are no lists",
        NetworkError,
        || {
            keep(format!(
                "{ALLOWED}Access-Control-Allow-Headers: x-custom, (nonsense)\r\nContent-Length: 0\r\n\r\n"
            ))
        },
    ),
    preflight("a preflight that is redirected", NetworkError, || {
        keep(format!(
            "{}Access-Control-Allow-Headers: x-custom\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n",
            ALLOWED.replace("200 OK", "307 Temporary Redirect")
        ))
    }),
    preflight("a preflight that asks for a password", NetworkError, || {
        keep(format!(
            "{}Access-Control-Allow-Headers: x-custom\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
            ALLOWED.replace("200 OK", "401 Unauthorized")
        ))
    }),
    Kind::new(
        "a preflight that is never answered",
        GivenUp { responded: false },
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                conn.keep_silent().await
            })
        },
    )
    .requested(preflighted),
    Kind::answer("two allowed origins", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 5\r\n\r\nhello"
    })
    .requested(of_another_origin),
    Kind::answer("an allowed origin that is not UTF-8", NetworkError, || {
        b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: \xFFhttp://page.test\r\nContent-Length: 5\r\n\r\nhello"
    })
    .requested(of_another_origin),
    Kind::answer(
        "an allowed origin of 200 KB",
        NetworkError,
        || {
            keep(format!(
                "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: {}\r\nContent-Length: 5\r\n\r\nhello",
                "http://page.test".repeat(12_500)
            ))
        },
    )
    .requested(of_another_origin),
    Kind::answer(
        "1,900 headers that expose 1,900 headers",
        Complete(200, "hello"),
        || {
            let exposed: String = (0..1900)
                .map(|number| format!("Access-Control-Expose-Headers: x-{number}\r\n"))
                .collect();
            keep(format!(
                "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n{exposed}Content-Length: 5\r\n\r\nhello"
            ))
        },
    )
    .requested(of_another_origin),
    Kind::answer("206 that nobody asked for", Complete(206, "hello"), || {
        b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/10\r\nContent-Length: 5\r\n\r\nhello"
    }),
    Kind::answer("a Content-Range that lies", Complete(206, "hello"), || {
        b"HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\nContent-Range: bytes 0-999999999999/5\r\nContent-Length: 5\r\n\r\nhello"
    })
    .requested(of_a_range),
    Kind::answer(
        "a Content-Range that is nonsense",
        Complete(206, "hello"),
        || {
            b"HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nETag: \"a\"\r\nContent-Range: bytes 5-0/*\r\nContent-Range: 99999999999999999999-/\r\nContent-Length: 5\r\n\r\nhello"
        },
    )
    .requested(of_a_range),
    Kind::answer(
        "parts of many ranges that nobody asked for",
        Complete(206, "--x"),
        || {
            b"HTTP/1.1 206 Partial Content\r\nCache-Control: max-age=60\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: 3\r\n\r\n--x"
        },
    )
    .requested(of_a_range),
    Kind::answer(
        "416 with a range that was fine",
        Complete(416, "hello"),
        || {
            b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */0\r\nContent-Length: 5\r\n\r\nhello"
        },
    )
    .requested(of_a_range)
    .rounds(3),
];
