//! What a browser remembers of responses: cookies, HSTS, the cache, credentials; and headers that it need not understand.

use std::sync::atomic::{AtomicU32, Ordering};

use content_security_policy::Destination;
use net_traits::request::RequestMode;
use servo_base::id::{PipelineId, PipelineNamespaceId, TEST_PIPELINE_ID};

use super::Outcome::Complete;
use super::{Kind, keep};
use crate::client::Client;
use crate::server::Over;

/// Names of the documents that were made so far.
static NAMESPACES: AtomicU32 = AtomicU32::new(1000);

/// How many cookies a site may have.
const COOKIES_OF_A_SITE: usize = 180;

/// A response with `headers`, each of which ends in CRLF.
fn with_headers(headers: &str) -> &'static [u8] {
    keep(format!(
        "HTTP/1.1 200 OK\r\n{headers}Content-Length: 5\r\n\r\nhello"
    ))
}

fn no_cookie(client: &Client, url: &str) -> Result<(), String> {
    match client.cookies(url) {
        0 => Ok(()),
        count => Err(format!("{count} cookies")),
    }
}

pub const KINDS: &[Kind] = &[
    Kind::new(
        "1,900 cookies in each of ten responses",
        Complete(200, "hello"),
        |mut conn, _| {
            Box::pin(async move {
                let round = conn.index;
                // As many cookies as are kept come back, with long names and values.
                conn.request().await?;
                let cookies: String = (0..1900)
                    .map(|number| format!("Set-Cookie: c{round}x{number}=v; Path=/\r\n"))
                    .collect();
                let head = format!(
                    "HTTP/1.1 200 OK\r\n{cookies}Connection: close\r\nContent-Length: 5\r\n\r\nhello"
                );
                conn.write(head.as_bytes()).await
            })
        },
    )
    .rounds(10)
    .checked(|client, url| match client.cookies(url) {
        0 => Err("no cookie at all".to_owned()),
        count if count <= COOKIES_OF_A_SITE => Ok(()),
        count => Err(format!("{count} cookies")),
    }),
    Kind::answer("a cookie of 200 KB", Complete(200, "hello"), || {
        with_headers(&format!("Set-Cookie: giant={}\r\n", "x".repeat(200_000)))
    })
    .over(Over::Tls)
    .checked(|client, url| {
        // Cookies know no ports: those of other kinds may be there.
        match client.cookies(url) {
            count if count <= COOKIES_OF_A_SITE => Ok(()),
            count => Err(format!("{count} cookies")),
        }
    }),
    Kind::answer(
        "cookies for other sites and for all",
        Complete(200, "hello"),
        || {
            with_headers(
                "Set-Cookie: a=b; Domain=example.test\r\nSet-Cookie: a=b; Domain=com\r\n\
                 Set-Cookie: a=b; Domain=.\r\nSet-Cookie: a=b; Domain=127.0.0.1\r\n",
            )
        },
    )
    .checked(|client, _| no_cookie(client, "http://example.test/")),
    Kind::answer(
        "cookies that are nonsense",
        Complete(200, "hello"),
        || {
            keep(
                [
                    &b"HTTP/1.1 200 OK\r\nSet-Cookie:\r\nSet-Cookie: =\r\nSet-Cookie: ;;;;\r\n"[..],
                    b"Set-Cookie: \xFF\xFE=\xC3\x28; Domain=\xFF\r\n",
                    b"Set-Cookie: __Host-a=b; Domain=localhost; Path=/x\r\n",
                    b"Set-Cookie: e=f; Max-Age=99999999999999999999999; Expires=Thu, 99 Foo 99999 99:99:99 GMT\r\n",
                    b"Set-Cookie: g=h; Max-Age=-99999999999999999999999\r\n",
                    b"Content-Length: 5\r\n\r\nhello",
                ]
                .concat(),
            )
        },
    ),
    Kind::answer("HSTS that is nonsense", Complete(200, "hello"), || {
        with_headers(&format!(
            "Strict-Transport-Security: max-age=99999999999999999999; {}\r\n\
             Strict-Transport-Security: max-age=\"\r\n",
            "includeSubDomains; ".repeat(10_000)
        ))
    })
    .over(Over::Tls),
    Kind::answer("an ETag of 200 KB", Complete(200, "hello"), || {
        with_headers(&format!(
            "Cache-Control: max-age=0\r\nETag: \"{}\"\r\n",
            "x".repeat(200_000)
        ))
    }),
    Kind::answer("Vary on 1,900 headers", Complete(200, "hello"), || {
        let names: String = (0..1900)
            .map(|number| format!("Vary: x-{number}\r\n"))
            .collect();
        with_headers(&format!("Cache-Control: max-age=60\r\n{names}"))
    }),
    Kind::new(
        "a new Vary in each of 200 responses to one URL",
        Complete(200, "hello"),
        |mut conn, _| {
            Box::pin(async move {
                conn.request().await?;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nCache-Control: max-age=0\r\nVary: x-{}\r\nETag: \"{}\"\r\n\
                     Connection: close\r\nContent-Length: 5\r\n\r\nhello",
                    conn.index,
                    "e".repeat(1000)
                );
                conn.write(answer.as_bytes()).await
            })
        },
    )
    .rounds(200),
    Kind::answer(
        "Cache-Control, Age, Date and Expires that are nonsense",
        Complete(200, "hello"),
        || {
            with_headers(
                "Cache-Control: max-age=99999999999999999999999999, s-maxage=\", ,=,,\r\n\
                 Age: -1\r\nAge: 99999999999999999999999999\r\nDate: the 99th of May\r\n\
                 Expires: 0\r\nExpires: Thu, 01 Jan 999999 00:00:00 GMT\r\nWarning: \"\r\n\
                 Last-Modified: ÿ\r\nNo-Vary-Search: ((((((\r\n",
            )
        },
    ),
    Kind::answer(
        "Alt-Svc, NEL and Report-To that are nonsense",
        Complete(200, "hello"),
        || {
            with_headers(&format!(
                "Alt-Svc: h3=\"0.0.0.0:99999\"; ma=99999999999999999999, clear, =\r\n\
                 NEL: {{\"report_to\": {}\r\nReport-To: {}\r\nReporting-Endpoints: a=\"\r\n",
                "[".repeat(50_000),
                "{".repeat(50_000)
            ))
        },
    ),
    Kind::new(
        "policies and endpoints of 60 KB each, in 600 documents",
        Complete(200, "hello"),
        |mut conn, headers| {
            Box::pin(async move {
                conn.request().await?;
                conn.write(headers).await
            })
        },
    )
    .prepared(|| {
        let names: String = (0..6_000).map(|number| format!(" e{number}")).collect();
        let endpoints: String = (0..1_000)
            .map(|number| format!("e{number}=\"/{}\", ", "x".repeat(40)))
            .collect();
        with_headers(&format!(
            "Reporting-Endpoints: {endpoints}e=\"/\"\r\n\
             Cross-Origin-Embedder-Policy: require-corp; report-to=\"{}\"\r\n\
             Integrity-Policy: blocked-destinations=(script), endpoints=({names})\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n",
            "e".repeat(60_000)
        ))
    })
    .requested(|request| {
        let pipeline = PipelineId {
            namespace_id: PipelineNamespaceId(NAMESPACES.fetch_add(1, Ordering::Relaxed)),
            ..TEST_PIPELINE_ID
        };
        request
            .destination(Destination::IFrame)
            .mode(RequestMode::Navigate)
            .pipeline_id(Some(pipeline))
    })
    .rounds(600),
    Kind::answer(
        "digests and signatures that are nonsense",
        Complete(200, "hello"),
        || {
            with_headers(&format!(
                "Unencoded-Digest: sha-256=:{}:\r\nSignature: a=:AAAA:\r\n\
                 Signature-Input: a=({});keyid=\"x\";tag=\"ed25519-integrity\"\r\n\
                 No-Vary-Search: params=({})\r\n",
                "A".repeat(10_001),
                "\"unencoded-digest\";sf ".repeat(2_000),
                "\"x\" ".repeat(10_000)
            ))
        },
    ),
    Kind::answer("1,900 Link headers", Complete(200, "hello"), || {
        with_headers(&"Link: </style.css>; rel=preload; as=style\r\n".repeat(1900))
    }),
    Kind::answer(
        "a policy of 200 KB",
        Complete(200, "hello"),
        || {
            with_headers(&format!(
                "Content-Security-Policy: script-src {}\r\nPermissions-Policy: {}\r\n",
                "https://x.test ".repeat(6_000),
                "a=(),".repeat(20_000)
            ))
        },
    ),
    Kind::answer(
        "Content-Type that is nonsense",
        Complete(200, "hello"),
        || {
            with_headers(&format!(
                "Content-Type: text/html; charset={}\r\nContent-Type: /;=\"\r\nContent-Type: */*\r\n",
                "x".repeat(100_000)
            ))
        },
    ),
    Kind::answer(
        "Clear-Site-Data, Refresh and SourceMap that are nonsense",
        Complete(200, "hello"),
        || {
            with_headers(
                "Clear-Site-Data: \"*\", \"\r\nRefresh: -1;url=javascript:alert(1)\r\n\
                 SourceMap: http://[\r\nX-SourceMap: \\\\\r\n",
            )
        },
    ),
    Kind::answer(
        "1,900 challenges for a password",
        Complete(401, "hello"),
        || {
            let challenges = "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\", qop=\"auth,auth-int\", algorithm=MD5\r\n"
                .repeat(1900);
            keep(format!(
                "HTTP/1.1 401 Unauthorized\r\n{challenges}Content-Length: 5\r\n\r\nhello"
            ))
        },
    ),
    Kind::answer(
        "a challenge that is nonsense",
        Complete(401, "hello"),
        || {
            keep(format!(
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: ,,=,\"\\, Basic realm=\"{}, Digest ={}\r\nContent-Length: 5\r\n\r\nhello",
                "\\".repeat(50_000),
                ",=".repeat(20_000)
            ))
        },
    ),
    Kind::answer(
        "407 from a server that is no proxy",
        Complete(407, "hello"),
        || {
            b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 5\r\n\r\nhello"
        },
    ),
    Kind::answer("421 without end", Complete(421, "hello"), || {
        b"HTTP/1.1 421 Misdirected Request\r\nContent-Length: 5\r\n\r\nhello"
    }),
];
