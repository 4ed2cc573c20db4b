//! `file:` URLs.
//!
//! Fetch leaves them to [each implementation](https://fetch.spec.whatwg.org/#scheme-fetch). Here they are for the person in
//! front of the browser and for pages that are files themselves: whoever else asks gets the same network error whatever is
//! on the disk.

use std::io::SeekFrom;
use std::path::Path;

use headers::{HeaderMapExt, LastModified};
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use net_traits::request::{Destination, Origin, Request, RequestMode};
use servo_config::pref;
use thiserror::Error;
use tokio::io::AsyncSeekExt;

use super::LocalResponse;
use super::directory_listing::list_directory;
use crate::fetch::headers::range::parse_single_range;
use crate::fetch::headers::{content_range, header_list};
use crate::fetch::{Body, Cause, FetchResponse};
use crate::files::stream_file;
use crate::network_state::FetchContext;

/// Why a file is not shown.
#[derive(Debug, Error)]
enum FileError {
    /// It cannot be opened, or not be read.
    #[error("the file cannot be opened: {}", .0.kind())]
    Io(#[from] std::io::Error),
    /// It is a directory, and listings are switched off.
    #[error("directories are not shown")]
    Directory,
    /// It is a device, a pipe or a socket.
    #[error("it is neither a file nor a directory")]
    Special,
}

/// Loads a file or lists a directory.
pub(crate) async fn file_fetch(request: &Request, context: &FetchContext) -> FetchResponse {
    if !is_allowed(request) {
        return FetchResponse::network_error(Cause::Scheme {
            scheme: "file".to_owned(),
        });
    }
    let error = |what: String| FetchResponse::network_error(Cause::Local { what });
    if request.method != Method::GET {
        return error("file: URLs are only for GET".to_owned());
    }
    let Ok(path) = request.current_url().to_file_path() else {
        return error("the file: URL is not a path on this machine".to_owned());
    };
    match open(&path, &request.headers).await {
        Ok(response) => response.answer(request, context),
        Err(reason) => error(reason.to_string()),
    }
}

/// Whether the requester may read local files: a page that is itself a file, or a navigation of a whole tab that no page of
/// the Web started.
///
/// AD-HOC: a navigation from the address bar looks like one from a sandboxed page. The latter learns nothing from it.
fn is_allowed(request: &Request) -> bool {
    let Origin::Origin(origin) = &request.origin else {
        return false;
    };
    let is_nested = request
        .client
        .as_ref()
        .is_some_and(|client| client.is_nested_browsing_context);
    origin.is_file_origin()
        || (!origin.is_tuple()
            && matches!(request.mode, RequestMode::Navigate)
            && request.destination == Destination::Document
            && !is_nested)
}

async fn open(path: &Path, request_headers: &HeaderMap) -> Result<LocalResponse, FileError> {
    // NB: looked at before it is opened, since opening a pipe waits for its other end.
    let metadata = tokio::fs::metadata(path).await?;
    if metadata.is_dir() {
        if !pref!(network_local_directory_listing_enabled) {
            return Err(FileError::Directory);
        }
        return Ok(list_directory(path).await?);
    }
    if !metadata.is_file() {
        return Err(FileError::Special);
    }
    let mut file = tokio::fs::File::open(path).await?;
    let full_length = file.metadata().await?.len();

    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // NB: without a type, the file's first bytes tell what it is.
    if let Some(mime) = mime_guess::from_path(path).first_raw() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(mime));
    }
    if let Ok(modified) = metadata.modified() {
        headers.typed_insert(LastModified::from(modified));
    }

    // NB: as HTTP has it, a malformed range is ignored (https://www.rfc-editor.org/rfc/rfc9110#section-14.2).
    let range = header_list::get(request_headers, &RANGE)
        .and_then(|value| parse_single_range(&value, true));
    let Some(range) = range else {
        headers.insert(CONTENT_LENGTH, full_length.into());
        return Ok(LocalResponse::ok(headers, stream_file(file, full_length)));
    };
    let Some((start, end)) = range.resolve(full_length) else {
        let unsatisfied = HeaderValue::from_str(&format!("bytes */{full_length}"));
        headers.extend(unsatisfied.map(|value| (CONTENT_RANGE, value)));
        return Ok(LocalResponse {
            status: StatusCode::RANGE_NOT_SATISFIABLE,
            headers,
            body: Body::Empty,
            range_requested: true,
        });
    };
    file.seek(SeekFrom::Start(start)).await?;
    let length = end - start + 1;
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(CONTENT_RANGE, content_range::build(start, end, full_length));
    Ok(LocalResponse {
        status: StatusCode::PARTIAL_CONTENT,
        headers,
        body: stream_file(file, length),
        range_requested: true,
    })
}

#[cfg(test)]
mod tests {
    use net_traits::blob_url_store::UrlWithBlobClaim;
    use net_traits::request::{Referrer, RequestId};
    use servo_url::{ImmutableOrigin, ServoUrl};

    use super::*;

    fn request(origin: ImmutableOrigin, mode: RequestMode, destination: Destination) -> Request {
        let url = ServoUrl::parse("file:///etc/hostname").unwrap();
        let mut request = Request::new(
            RequestId::default(),
            UrlWithBlobClaim::new(url, None),
            Some(Origin::Origin(origin)),
            Referrer::NoReferrer,
            None,
            None,
        );
        request.mode = mode;
        request.destination = destination;
        request
    }

    #[test]
    fn pages_of_the_web_read_no_files() {
        use Destination::{Document, IFrame, Image, None};
        use RequestMode::{CorsMode, Navigate, NoCors};

        let web = || ServoUrl::parse("https://page.example/").unwrap().origin();
        let file = || ServoUrl::parse("file:///home/page.html").unwrap().origin();
        let opaque = ImmutableOrigin::new_opaque;
        for (origin, mode, destination, allowed) in [
            (web(), NoCors, Image, false),
            (web(), CorsMode, None, false),
            (web(), Navigate, Document, false),
            (web(), Navigate, IFrame, false),
            (opaque(), NoCors, Image, false),
            (opaque(), Navigate, IFrame, false),
            (opaque(), Navigate, Document, true),
            (file(), NoCors, Image, true),
            (file(), Navigate, IFrame, true),
            (file(), Navigate, Document, true),
        ] {
            let request = request(origin, mode, destination);
            assert_eq!(is_allowed(&request), allowed, "{:?}", request.origin);
        }
    }

    async fn fetch(range: Option<&str>) -> LocalResponse {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("note.css");
        std::fs::write(&path, "0123456789").unwrap();
        let mut headers = HeaderMap::new();
        if let Some(range) = range {
            headers.insert(RANGE, range.parse().unwrap());
        }
        open(&path, &headers).await.unwrap()
    }

    #[tokio::test]
    async fn files_and_ranges_of_files() {
        for (range, status, body, content_range) in [
            (None, 200, "0123456789", None),
            (Some("bytes=0-"), 206, "0123456789", Some("bytes 0-9/10")),
            (Some("bytes=3-5"), 206, "345", Some("bytes 3-5/10")),
            (Some("bytes=-2"), 206, "89", Some("bytes 8-9/10")),
            (Some("bytes=10-"), 416, "", Some("bytes */10")),
            (Some("bytes=0-1,4-5"), 200, "0123456789", None),
            (Some("lines=1-2"), 200, "0123456789", None),
        ] {
            let response = fetch(range).await;
            assert_eq!(response.status, status, "{range:?}");
            assert_eq!(response.headers[CONTENT_TYPE], "text/css");
            assert!(response.headers.typed_get::<LastModified>().is_some());
            let sent = response.headers.get(CONTENT_RANGE);
            assert_eq!(sent.map(|value| value.to_str().unwrap()), content_range);
            if status != 416 {
                assert_eq!(response.headers[CONTENT_LENGTH], body.len().to_string());
            }
            assert_eq!(response.body.read_all(64).await.unwrap(), body);
        }
    }

    #[tokio::test]
    async fn errors_name_no_path() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing");
        let error = open(&missing, &HeaderMap::new()).await.unwrap_err();
        assert!(!error.to_string().contains("missing"), "{error}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_socket_is_not_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(matches!(
            open(&socket, &HeaderMap::new()).await,
            Err(FileError::Special)
        ));
    }
}
