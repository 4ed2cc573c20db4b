//! Redirects that lead nowhere, round and round, or to where no page may go; and addresses in all notations.

use net_traits::request::RequestMode;

use super::Outcome::{Complete, NetworkError};
use super::{Kind, Serving, keep};
use crate::server::Conn;

/// Locations that are no place for HTTP, one for each connection.
const BAD_SCHEMES: [&str; 10] = [
    "javascript:alert(1)",
    "data:text/html,hello",
    "file:///etc/passwd",
    "about:blank",
    "blob:null/0b0f4c2e-7d64-4c1e-b5f5-0c5f0e2b7d1a",
    "mailto:a@example.test",
    "ftp://localhost/",
    "view-source:http://localhost/",
    "ws://localhost/",
    "x-nonsense:y",
];

/// Locations that are no URL.
const NO_URLS: [&str; 8] = [
    "http://",
    "http://[::1",
    "http://a b/",
    "http://localhost:99999/",
    "http://256.256.256.256/",
    "http://1.2.3.4.5/",
    "http://0x100000000/",
    "http://%00/",
];

/// This machine, in all notations that the URL standard knows, and some names.
const THIS_MACHINE: [&str; 12] = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.1",
    "0177.0.0.1",
    "0177.0x0.1",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "１２７.０.０.１",
    "localhost",
];

/// Addresses of nobody: unspecified, broadcast, multicast.
const NOBODY: [&str; 5] = [
    "0.0.0.0",
    "255.255.255.255",
    "224.0.0.1",
    "[::]",
    "[ff02::1]",
];

/// Ports where no page may speak to.
const BAD_PORTS: [u16; 5] = [0, 22, 25, 6000, 6667];

/// Answers with a redirect to `location`.
async fn redirect(conn: &mut Conn, location: &str) -> std::io::Result<()> {
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    conn.write(answer.as_bytes()).await
}

/// Sends each connection to the one of `locations` that is its number.
fn redirect_to_each(mut conn: Conn, locations: &'static [&str]) -> Serving {
    Box::pin(async move {
        conn.request().await?;
        let location = locations.get(conn.index).copied().unwrap_or_default();
        redirect(&mut conn, location).await
    })
}

pub const KINDS: &[Kind] = &[
    Kind::new("redirects without end", NetworkError, |mut conn, _| {
        Box::pin(async move {
            conn.request().await?;
            let location = format!("/next/{}", conn.index);
            redirect(&mut conn, &location).await
        })
    }),
    Kind::answer("a redirect to itself", NetworkError, || {
        b"HTTP/1.1 301 Moved Permanently\r\nLocation: #\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("a redirect to the empty URL", NetworkError, || {
        b"HTTP/1.1 302 Found\r\nLocation:\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::new(
        "redirects to schemes that are not HTTP",
        NetworkError,
        |conn, _| redirect_to_each(conn, &BAD_SCHEMES),
    )
    .rounds(BAD_SCHEMES.len()),
    Kind::new("redirects to what is no URL", NetworkError, |conn, _| {
        redirect_to_each(conn, &NO_URLS)
    })
    .rounds(NO_URLS.len()),
    Kind::new(
        "redirects to addresses of nobody",
        NetworkError,
        |conn, _| {
            Box::pin(async move {
                let mut conn = conn;
                conn.request().await?;
                let host = NOBODY.get(conn.index).copied().unwrap_or("[::]");
                redirect(&mut conn, &format!("http://{host}:9999/")).await
            })
        },
    )
    .rounds(NOBODY.len()),
    Kind::new(
        "redirects to ports that are closed to pages",
        NetworkError,
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                let port = BAD_PORTS.get(conn.index).copied().unwrap_or(0);
                redirect(&mut conn, &format!("http://localhost:{port}/")).await
            })
        },
    )
    .rounds(BAD_PORTS.len()),
    Kind::new(
        "redirects to this machine in all notations of an address",
        Complete(200, "arrived"),
        |mut conn, _| {
            Box::pin(async move {
                let port = conn.address.port();
                let request = conn.request().await?;
                if request.starts_with("GET /arrived ") {
                    assert!(
                        request.contains(&format!("Host: 127.0.0.1:{port}"))
                            || request.contains(&format!("Host: localhost:{port}")),
                        "{request}"
                    );
                    return conn
                        .write(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\narrived")
                        .await;
                }
                let round = request
                    .strip_prefix("GET /")
                    .and_then(|rest| rest.split(' ').next())
                    .and_then(|round| round.parse::<usize>().ok())
                    .unwrap_or(0);
                let host = THIS_MACHINE[round];
                redirect(&mut conn, &format!("http://{host}:{port}/arrived")).await
            })
        },
    )
    // Of another origin than the page, so that it takes CORS to read what arrives.
    .requested(|request| request.mode(RequestMode::CorsMode))
    .rounds(THIS_MACHINE.len()),
    Kind::answer("two different locations", NetworkError, || {
        b"HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::answer("a location of 200 KB", NetworkError, || {
        let path = "x".repeat(200_000);
        keep(format!(
            "HTTP/1.1 302 Found\r\nLocation: /{path}\r\nContent-Length: 0\r\n\r\n"
        ))
    }),
    Kind::answer("control bytes in a location", NetworkError, || {
        b"HTTP/1.1 302 Found\r\nLocation: /a\x01b\r\nContent-Length: 0\r\n\r\n"
    }),
    Kind::new(
        "a location that is not UTF-8",
        Complete(200, "arrived"),
        |mut conn, _| {
            Box::pin(async move {
                if conn.request().await?.starts_with("GET /0 ") {
                    conn.write(b"HTTP/1.1 302 Found\r\nLocation: /\xFF\xC3\x28\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        .await
                } else {
                    conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\narrived")
                        .await
                }
            })
        },
    ),
    Kind::new(
        "a redirect whose body has no end",
        Complete(200, "arrived"),
        |mut conn, _| {
            Box::pin(async move {
                if conn.request().await?.starts_with("GET /0 ") {
                    conn.write(b"HTTP/1.1 302 Found\r\nLocation: /arrived\r\n\r\n")
                        .await?;
                    conn.write_endlessly(b"x").await
                } else {
                    conn.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\narrived")
                        .await
                }
            })
        },
    ),
    Kind::answer("a redirect without a location", Complete(302, "hello"), || {
        b"HTTP/1.1 302 Found\r\nContent-Length: 5\r\n\r\nhello"
    }),
];
