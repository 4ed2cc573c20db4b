//! MIME types that are [never scripts](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-mime-type?).

use http::HeaderMap;
use net_traits::request::Destination;

use super::request_kind::is_script_like;
use crate::fetch::headers::mime_type::{extract, is_audio_or_video, is_image};

/// [Should a response be blocked due to its MIME type?](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-mime-type?)
pub fn should_response_be_blocked(destination: Destination, headers: &HeaderMap) -> bool {
    // 1 and 2. Let mimeType be the response's; without one: allowed.
    let Some(mime) = extract(headers) else {
        return false;
    };
    // 3 and 4. Only scripts are held back, and only if the type is one of media or of a table.
    let is_ogg = mime.matches("application", "ogg");
    is_script_like(destination)
        && ((is_audio_or_video(&mime) && !is_ogg) || is_image(&mime) || mime.matches("text", "csv"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;

    use super::*;

    #[test]
    fn media_and_tables_are_no_scripts() {
        for (content_type, blocked) in [
            ("image/png", true),
            ("image/svg+xml", true),
            ("audio/ogg", true),
            ("video/mp4;a=b", true),
            ("TEXT/CSV", true),
            ("text/csv-x", false),
            ("application/ogg", false),
            ("text/javascript", false),
            ("text/html", false),
            ("unparsable", false),
        ] {
            let headers: HeaderMap = [(CONTENT_TYPE, HeaderValue::from_static(content_type))]
                .into_iter()
                .collect();
            for (destination, script) in [
                (Destination::Script, true),
                (Destination::ServiceWorker, true),
                (Destination::Image, false),
                (Destination::None, false),
            ] {
                assert_eq!(
                    should_response_be_blocked(destination, &headers),
                    blocked && script,
                    "{content_type}"
                );
            }
        }
        assert!(!should_response_be_blocked(
            Destination::Script,
            &HeaderMap::new()
        ));
    }
}
