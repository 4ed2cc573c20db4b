//! `blob:` URLs.

use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use net_traits::blob_url_store::{BlobURLStoreError, parse_blob_url};
use net_traits::request::Request;

use super::LocalResponse;
use crate::fetch::headers::range::parse_single_range;
use crate::fetch::headers::{content_range, header_list};
use crate::fetch::{Cause, FetchResponse};
use crate::files::Blob;
use crate::network_state::FetchContext;

// https://fetch.spec.whatwg.org/#concept-scheme-fetch
/// [Scheme fetch](https://fetch.spec.whatwg.org/#concept-scheme-fetch)'s case “blob”.
pub(crate) async fn blob_fetch(request: &Request, context: &FetchContext) -> FetchResponse {
    let response = match open(request, context) {
        Ok(blob) => respond(&blob, &request.headers).await,
        Err(cause) => Err(cause),
    };
    match response {
        Ok(response) => response.answer(request, context),
        Err(cause) => FetchResponse::network_error(cause),
    }
}

fn open(request: &Request, context: &FetchContext) -> Result<Blob, Cause> {
    // 1. Let blobURLEntry be request's current URL's blob URL entry.
    let url = request.current_url_with_blob_claim();
    let (id, origin) = match url.token() {
        Some(token) => (token.file_id, token.origin.clone()),
        // NB: nobody claimed the entry when the URL was parsed. Its token, if there is one, was issued for this fetch.
        None => {
            let id = parse_blob_url(&url).map_err(|_| local("the blob: URL is malformed"))?;
            (id, url.origin())
        },
    };
    // 2. If request's method is not `GET` or blobURLEntry is null, return a network error.
    if request.method != Method::GET {
        return Err(local("blob: URLs are only for GET"));
    }
    // 3 to 9. The entry's object, unless the request's environment may not have it.
    // FIXME: 3 to 7. The store knows origins only: nothing here compares storage keys.
    context
        .state
        .files
        .open(&id, &context.file_token, &origin)
        .map_err(|error| match error {
            BlobURLStoreError::InvalidOrigin => local("the blob belongs to another origin"),
            _ => local("the blob: URL is not valid, or was revoked"),
        })
}

async fn respond(blob: &Blob, request_headers: &HeaderMap) -> Result<LocalResponse, Cause> {
    // 10 to 13. Let response be a new response, fullLength the blob's size, and type its type.
    let full_length = blob.size();
    let mut headers = HeaderMap::new();
    if let Ok(content_type) = HeaderValue::from_str(blob.type_string()) {
        headers.insert(CONTENT_TYPE, content_type);
    }
    let Some(range) = header_list::get(request_headers, &RANGE) else {
        // 14. Without `Range`: the blob.
        headers.insert(CONTENT_LENGTH, full_length.into());
        let body = blob
            .body()
            .await
            .map_err(|error| local(&error.to_string()))?;
        return Ok(LocalResponse::ok(headers, body));
    };
    // 15. Otherwise:
    // 1. Set the range-requested flag.
    // 2 to 4. Parse the range; failure is a network error.
    // 5 to 7. Let it lie within the blob, or return a network error.
    let (start, end) = parse_single_range(&range, true)
        .and_then(|range| range.resolve(full_length))
        .ok_or_else(|| local("the range is malformed or lies outside of the blob"))?;
    // 8 to 10. Let slicedBlob be these bytes.
    let sliced = blob.part(start..end.saturating_add(1));
    let body = sliced
        .body()
        .await
        .map_err(|error| local(&error.to_string()))?;
    // 11 to 13. Its length, and its place in the blob.
    headers.insert(CONTENT_LENGTH, sliced.size().into());
    headers.insert(CONTENT_RANGE, content_range::build(start, end, full_length));
    // 14 to 17. Status 206.
    Ok(LocalResponse {
        status: StatusCode::PARTIAL_CONTENT,
        headers,
        body,
        range_requested: true,
    })
}

fn local(what: &str) -> Cause {
    Cause::Local {
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn fetch(
        contents: &str,
        type_string: &str,
        range: Option<&str>,
    ) -> Option<LocalResponse> {
        let blob = Blob::in_memory(contents.as_bytes().to_vec(), type_string.to_owned());
        let mut headers = HeaderMap::new();
        if let Some(range) = range {
            headers.insert(RANGE, range.parse().unwrap());
        }
        respond(&blob, &headers).await.ok()
    }

    #[tokio::test]
    async fn a_whole_blob() {
        for type_string in ["text/plain", "", "not a MIME type", "text/html;charset=x"] {
            let response = fetch("Hello, World!", type_string, None).await.unwrap();
            assert_eq!(response.status, 200);
            assert!(!response.range_requested);
            assert_eq!(response.headers[CONTENT_TYPE], type_string);
            assert_eq!(response.headers[CONTENT_LENGTH], "13");
            assert!(!response.headers.contains_key(CONTENT_RANGE));
            let body = response.body.read_all(64).await.unwrap();
            assert_eq!(body, "Hello, World!");
        }
    }

    #[tokio::test]
    async fn parts_of_a_blob() {
        for (range, body, content_range) in [
            ("bytes=0-4", "Hello", "bytes 0-4/13"),
            ("bytes=7-", "World!", "bytes 7-12/13"),
            ("bytes=-6", "World!", "bytes 7-12/13"),
            ("bytes=-60", "Hello, World!", "bytes 0-12/13"),
            ("bytes=12-99999999999999999999", "!", "bytes 12-12/13"),
            ("bytes \t= 0 - 0", "H", "bytes 0-0/13"),
        ] {
            let response = fetch("Hello, World!", "text/plain", Some(range))
                .await
                .unwrap();
            assert_eq!(response.status, 206, "{range}");
            assert!(response.range_requested);
            assert_eq!(response.headers[CONTENT_RANGE], content_range);
            assert_eq!(response.headers[CONTENT_LENGTH], body.len().to_string());
            assert_eq!(response.headers[CONTENT_TYPE], "text/plain");
            assert_eq!(response.body.read_all(64).await.unwrap(), body);
        }
    }

    #[tokio::test]
    async fn ranges_that_are_errors() {
        for range in [
            "bytes=13-",
            "bytes=100-200",
            "bytes=5-4",
            "bytes=-0",
            "bytes=-",
            "bytes=0-1,3-4",
            "bytes=,",
            "items=0-1",
            "",
        ] {
            let response = fetch("Hello, World!", "", Some(range)).await;
            assert!(response.is_none(), "{range}");
        }
        assert!(fetch("", "", Some("bytes=0-")).await.is_none());
    }
}
