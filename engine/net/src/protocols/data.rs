//! `data:` URLs.

use data_url::DataUrl;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use net_traits::request::Request;
use servo_url::ServoUrl;

use super::LocalResponse;
use crate::fetch::{Cause, FetchResponse};
use crate::network_state::FetchContext;

// https://fetch.spec.whatwg.org/#concept-scheme-fetch
/// [Scheme fetch](https://fetch.spec.whatwg.org/#concept-scheme-fetch)'s case “data”.
pub(crate) async fn data_fetch(request: &Request, context: &FetchContext) -> FetchResponse {
    match process(&request.current_url()) {
        Some(response) => response.answer(request, context),
        None => FetchResponse::network_error(Cause::Local {
            what: "the data: URL is malformed".to_owned(),
        }),
    }
}

fn process(url: &ServoUrl) -> Option<LocalResponse> {
    // 1. and 2. Let dataURLStruct be the result of the data: URL processor; failure is a network error.
    let data_url = DataUrl::process(url.as_str()).ok()?;
    let (body, _fragment) = data_url.decode_to_vec().ok()?;
    // 3. Let mimeType be its MIME type, serialized.
    let content_type = HeaderValue::from_str(&data_url.mime_type().to_string()).ok()?;
    // 4. Return a response with that type and the body.
    Some(LocalResponse::ok(
        HeaderMap::from_iter([(CONTENT_TYPE, content_type)]),
        body.into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn types_and_bodies() {
        for (url, content_type, body) in [
            ("data:,Hello", "text/plain;charset=US-ASCII", &b"Hello"[..]),
            ("data:text/plain,a%20b%25#x", "text/plain", b"a b%"),
            ("data:text/html,<p>#f", "text/html", b"<p>"),
            ("data:text/plain,a?b", "text/plain", b"a?b"),
            ("data:,%FF%00", "text/plain;charset=US-ASCII", b"\xff\x00"),
            ("data:;base64,SGk=", "text/plain;charset=US-ASCII", b"Hi"),
            ("data:;base64,SGk", "text/plain;charset=US-ASCII", b"Hi"),
            (
                "data:;base64,S%20G k%3D",
                "text/plain;charset=US-ASCII",
                b"Hi",
            ),
            ("data:image/PNG ;BASE64,", "image/png", b""),
            ("data:;charset=utf-8,x", "text/plain;charset=utf-8", b"x"),
            (
                "data:text/plain;Charset=UTF-8,x",
                "text/plain;charset=UTF-8",
                b"x",
            ),
            ("data:nonsense,x", "text/plain;charset=US-ASCII", b"x"),
            ("DATA:text/css,%C3%A9", "text/css", "é".as_bytes()),
        ] {
            let response = process(&ServoUrl::parse(url).unwrap()).unwrap();
            assert_eq!(response.status, 200, "{url}");
            assert_eq!(response.headers[CONTENT_TYPE], content_type, "{url}");
            assert_eq!(response.body.read_all(64).await.unwrap(), body, "{url}");
        }
    }

    #[test]
    fn malformed_urls() {
        for url in [
            "data:",
            "data:no comma",
            "data:;base64,A",
            "data:;base64,=",
            "data:;base64,SG?=",
        ] {
            assert!(process(&ServoUrl::parse(url).unwrap()).is_none(), "{url}");
        }
    }
}
