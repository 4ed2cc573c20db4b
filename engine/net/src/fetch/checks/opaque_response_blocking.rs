//! [Opaque-response blocking](https://github.com/whatwg/fetch/pull/1442): what a page may not read, and cannot use either,
//! does not reach its process.
//!
//! Images, sounds, scripts and styles can be had from anywhere without CORS. A response that is none of these is of no use
//! to the page, but could be spied upon where it lies in memory. [`Check`] decides in three steps, each of which needs more
//! of the response: its head, its first bytes, its body.
//!
//! The standard asks at the end whether the body parses as JavaScript. `script` answers that from the safe side only: what
//! it refuses is no script, and what it lets through may be none.

mod patterns;
mod script;

use std::time::Duration;

use data_url::mime::Mime;
use http::header::CONTENT_RANGE;
use http::{HeaderMap, StatusCode};
use net_traits::request::Destination;

use self::patterns::{is_audio_or_video, is_image};
use super::nosniff::determine_nosniff;
use crate::fetch::headers::content_range;
use crate::fetch::headers::mime_type::{essence, extract, is_javascript};

/// How many bytes of the body [`Check::first_bytes`] wants, unless it is shorter.
pub const FIRST_BYTES: usize = 1024;

/// How many bytes of the body [`Check::body`] looks at, if they may be JSON.
const BODY_BYTES: usize = 1 << 20;

/// How many bytes of the body it looks at otherwise.
const SCRIPT_BYTES: usize = 16 << 10;

/// How long a body is waited for that may be a script, once its first bytes are there.
const PATIENCE: Duration = Duration::from_millis(500);

/// Types that are blocked whatever the bytes look like, beside those of HTML, JSON and XML.
const NEVER_SNIFFED: [&str; 39] = [
    "application/dash+xml",
    "application/gzip",
    "application/msexcel",
    "application/mspowerpoint",
    "application/msword",
    "application/msword-template",
    "application/pdf",
    "application/vnd.apple.mpegurl",
    "application/vnd.ces-quickpoint",
    "application/vnd.ces-quicksheet",
    "application/vnd.ces-quickword",
    "application/vnd.ms-excel",
    "application/vnd.ms-excel.sheet.macroenabled.12",
    "application/vnd.ms-powerpoint",
    "application/vnd.ms-powerpoint.presentation.macroenabled.12",
    "application/vnd.ms-word",
    "application/vnd.ms-word.document.12",
    "application/vnd.ms-word.document.macroenabled.12",
    "application/vnd.msword",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.presentationml.template",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
    "application/vnd.presentation-openxml",
    "application/vnd.presentation-openxmlm",
    "application/vnd.spreadsheet-openxml",
    "application/vnd.wordprocessing-openxml",
    "application/x-gzip",
    "application/x-protobuf",
    "application/x-protobuffer",
    "application/zip",
    "audio/mpegurl",
    "multipart/byteranges",
    "multipart/signed",
    "text/csv",
    "text/event-stream",
    "text/vtt",
];

/// A request's [no-cors media request state](https://github.com/whatwg/fetch/pull/1442).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaRequestState {
    /// It is not one of a media element.
    NotApplicable,
    /// The element has seen nothing of the resource.
    Initial,
    /// An earlier response to the element was sound or film.
    Subsequent,
}

/// What is to become of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The page may have it.
    Allowed,
    /// It becomes a network error.
    Blocked,
    /// The next step has to look at more of it.
    Undecided,
}

/// One run of the [opaque-response-safelist check](https://github.com/whatwg/fetch/pull/1442).
#[derive(Debug)]
pub struct Check {
    mime: Option<Mime>,
    nosniff: bool,
    status: u16,
    state: MediaRequestState,
    destination: Destination,
    starts_at_zero: bool,
}

impl Check {
    /// A check of a response with this status and these headers.
    pub fn new(
        destination: Destination,
        state: MediaRequestState,
        status: u16,
        headers: &HeaderMap,
    ) -> Self {
        let range = headers
            .get(CONTENT_RANGE)
            .and_then(|value| content_range::parse(value.as_bytes()));
        Self {
            // 1. and 2. Let mimeType be the response's, and nosniff what it says.
            mime: extract(headers),
            nosniff: determine_nosniff(headers),
            status,
            state,
            destination,
            starts_at_zero: range.is_some_and(|range| range.first == 0),
        }
    }

    fn is_partial(&self) -> bool {
        self.status == StatusCode::PARTIAL_CONTENT.as_u16()
    }

    /// Steps 3 to 5: what the head tells.
    pub fn head(&self) -> Verdict {
        // 3. If mimeType is not failure:
        if let Some(mime) = &self.mime {
            // 3.1. A safelisted type: allowed.
            // AD-HOC: but not what is marked as JSON that must not run, whatever its type. The bytes tell.
            if is_safelisted(mime) {
                return if is_style_sheet(mime) {
                    Verdict::Allowed
                } else {
                    Verdict::Undecided
                };
            }
            // 3.2. A type that is never sniffed: blocked.
            if is_never_sniffed(mime) {
                return Verdict::Blocked;
            }
            // 3.3. A part of a blocklisted type: blocked.
            // 3.4. With nosniff, a blocklisted type or plain text: blocked.
            let is_blocklisted = is_blocklisted(mime);
            if self.is_partial() && is_blocklisted
                || self.nosniff && (is_blocklisted || mime.matches("text", "plain"))
            {
                return Verdict::Blocked;
            }
        }
        // 4. More of what a media element has begun to read.
        if self.state == MediaRequestState::Subsequent {
            return Verdict::Allowed;
        }
        // 5. A part that does not begin at 0 cannot be sniffed.
        if self.is_partial() && !self.starts_at_zero {
            return Verdict::Blocked;
        }
        Verdict::Undecided
    }

    /// Steps 6 to 13: what the body's first [`FIRST_BYTES`] tell.
    pub fn first_bytes(&self, bytes: &[u8]) -> Verdict {
        if self.mime.as_ref().is_some_and(is_safelisted) {
            return verdict(!script::begins_with_parser_breaker(&script::decode(
                bytes,
                self.charset(),
            )));
        }
        // 7. Sound and film are for media elements.
        if is_audio_or_video(bytes) {
            let is_for_media = self.state == MediaRequestState::Initial;
            return verdict(is_for_media && matches!(self.status, 200 | 206));
        }
        // 8. And they get nothing else.
        if self.state != MediaRequestState::NotApplicable {
            return Verdict::Blocked;
        }
        // 9. Images are allowed.
        if is_image(bytes) {
            return Verdict::Allowed;
        }
        // 10. and 11. Nothing else with nosniff, or with a status that is not ok.
        if self.nosniff || !(200..300).contains(&self.status) {
            return Verdict::Blocked;
        }
        // 12. Without a type it could be a style sheet.
        let Some(mime) = &self.mime else {
            return Verdict::Allowed;
        };
        // 13. What says it is an image, sound or film would have been recognized.
        if matches!(mime.type_.as_str(), "audio" | "image" | "video") {
            return Verdict::Blocked;
        }
        // OPTIMIZATION: what is left are scripts, for which none of these asks.
        if matches!(
            self.destination,
            Destination::Font | Destination::Image | Destination::Style | Destination::Track
        ) {
            return Verdict::Blocked;
        }
        Verdict::Undecided
    }

    /// Steps 14 and 15: whether the body, or as much of it as [`Self::wants_more`] asked for, can be a script.
    pub fn body(&self, bytes: &[u8], is_complete: bool) -> Verdict {
        // AD-HOC: 14. The body is not parsed as JavaScript. It is blocked where it certainly does not parse, is JSON, or
        // begins as JSON does that is protected from being run.
        let text = script::decode(bytes, self.charset());
        // 15. Return false.
        verdict(script::may_be_script(&text, is_complete) && !script::is_json(&text, is_complete))
    }

    /// How many bytes of the body [`Self::body`] wants to see after these; `None` if these will do.
    pub fn wants_more(&self, bytes: &[u8]) -> Option<usize> {
        let text = script::decode(bytes, self.charset());
        // What is not like JSON at all is not read to its end.
        let is_wanted = bytes.len() < BODY_BYTES
            && script::may_be_script(&text, false)
            && (bytes.len() < SCRIPT_BYTES || script::is_json(&text, false));
        is_wanted.then(|| bytes.len().saturating_mul(2).clamp(FIRST_BYTES, BODY_BYTES))
    }

    /// How long [`Self::body`] may be waited for; `None` for as long as it takes.
    ///
    /// AD-HOC: a response without an end would never be decided. Of types that are never meant for other origins nothing is
    /// decided before.
    pub fn patience(&self) -> Option<Duration> {
        let is_blocklisted = self.mime.as_ref().is_some_and(is_blocklisted);
        (!is_blocklisted).then_some(PATIENCE)
    }

    fn charset(&self) -> Option<&str> {
        self.mime.as_ref()?.get_parameter("charset")
    }
}

fn verdict(allowed: bool) -> Verdict {
    if allowed {
        Verdict::Allowed
    } else {
        Verdict::Blocked
    }
}

/// Whether this is an opaque-response-safelisted MIME type.
fn is_safelisted(mime: &Mime) -> bool {
    is_javascript(mime) || is_style_sheet(mime) || mime.matches("image", "svg+xml")
}

fn is_style_sheet(mime: &Mime) -> bool {
    mime.matches("text", "css")
}

/// Whether this is an opaque-response-blocklisted MIME type: one of HTML, JSON or XML.
fn is_blocklisted(mime: &Mime) -> bool {
    mime.matches("text", "html")
        || mime.subtype.ends_with("+json")
        || mime.subtype.ends_with("+xml")
        || matches!(mime.type_.as_str(), "application" | "text")
            && matches!(mime.subtype.as_str(), "json" | "xml")
}

/// Whether this is an opaque-response-blocklisted-never-sniffed MIME type.
fn is_never_sniffed(mime: &Mime) -> bool {
    NEVER_SNIFFED.contains(&essence(mime).as_str())
}

/// Whether a request with this destination is one of a media element.
pub fn is_media(destination: Destination) -> bool {
    matches!(destination, Destination::Audio | Destination::Video)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n....";
    const MP3: &[u8] = b"ID3\x04";

    fn headers(fields: &'static str) -> HeaderMap {
        fields
            .split('|')
            .filter_map(|field| field.split_once(": "))
            .map(|(name, value)| {
                (
                    name.parse::<http::HeaderName>().unwrap(),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn decide(check: &Check, bytes: &[u8]) -> bool {
        let mut verdict = check.head();
        if verdict == Verdict::Undecided {
            verdict = check.first_bytes(&bytes[..bytes.len().min(FIRST_BYTES)]);
        }
        if verdict == Verdict::Undecided {
            verdict = check.body(bytes, true);
        }
        verdict == Verdict::Allowed
    }

    #[test]
    fn by_type_and_bytes() {
        for (status, fields, body, expected) in [
            // 3. By the type alone.
            (200, "Content-Type: text/javascript", &b"{}"[..], true),
            (200, "Content-Type: text/css", b"<html>", true),
            (200, "Content-Type: image/svg+xml", b"<svg/>", true),
            (404, "Content-Type: text/javascript", b"a", true),
            (200, "Content-Type: text/javascript", b")]}'\n[]", false),
            (200, "Content-Type: image/svg+xml", b"{} && []", false),
            (200, "Content-Type: text/css", b"{} && []", true),
            (200, "Content-Type: application/pdf", PNG, false),
            (200, "Content-Type: text/csv", PNG, false),
            (
                206,
                "Content-Type: application/json|Content-Range: bytes 0-9/10",
                PNG,
                false,
            ),
            (
                200,
                "Content-Type: text/plain|X-Content-Type-Options: nosniff",
                PNG,
                false,
            ),
            (
                200,
                "Content-Type: text/html|X-Content-Type-Options: nosniff",
                PNG,
                false,
            ),
            // 5. Parts.
            (
                206,
                "Content-Type: image/png|Content-Range: bytes 0-9/10",
                PNG,
                true,
            ),
            (
                206,
                "Content-Type: image/png|Content-Range: bytes 1-9/10",
                PNG,
                false,
            ),
            (206, "Content-Type: image/png", PNG, false),
            // 7. to 9. Sound is for media elements, images for all.
            (200, "Content-Type: audio/mpeg", MP3, false),
            (200, "Content-Type: text/html", PNG, true),
            (404, "", PNG, true),
            (
                200,
                "Content-Type: image/png|X-Content-Type-Options: nosniff",
                PNG,
                true,
            ),
            // 10. to 13.
            (200, "X-Content-Type-Options: nosniff", b"a", false),
            (404, "", b"a", false),
            (302, "Content-Type: application/json", b"a", false),
            (200, "", b"{\"a\": 1}", true),
            (200, "Content-Type: image/png", b"a()", false),
            (200, "Content-Type: video/mp4", b"a()", false),
            // 14. Scripts.
            (200, "Content-Type: text/plain", b"a()", true),
            (200, "Content-Type: text/plain", b"", true),
            (200, "Content-Type: text/html", b"a()", true),
            (
                200,
                "Content-Type: application/json",
                b"a({\"b\": 1})",
                true,
            ),
            (200, "Content-Type: application/json", b"{\"a\": 1}", false),
            (200, "Content-Type: application/json", b"[]", false),
            (200, "Content-Type: text/plain", b"hello, world!", false),
            (200, "Content-Type: text/html", b"<!doctype html>", false),
            (200, "Content-Type: font/ttf", b"\0\x01\0\0", false),
            (
                200,
                "Content-Type: application/json",
                b"\xff\xfea\0(\0)\0",
                true,
            ),
            (200, "Content-Type: a/b;charset=utf-16", b"a\0(\0)\0", true),
        ] {
            let check = Check::new(
                Destination::None,
                MediaRequestState::NotApplicable,
                status,
                &headers(fields),
            );
            assert_eq!(decide(&check, body), expected, "{status} {fields}");
        }
    }

    #[test]
    fn media_elements() {
        use MediaRequestState::{Initial, Subsequent};
        for (state, status, fields, body, expected) in [
            (Initial, 200, "", MP3, true),
            (Initial, 206, "Content-Range: bytes 0-9/10", MP3, true),
            (Initial, 206, "Content-Range: bytes 5-9/10", MP3, false),
            (Initial, 301, "", MP3, false),
            (Initial, 200, "", PNG, false),
            (Initial, 200, "", b"a()", false),
            (Subsequent, 206, "Content-Range: bytes 5-9/10", b"any", true),
            (Subsequent, 206, "Content-Type: text/html", b"any", false),
        ] {
            let check = Check::new(Destination::Audio, state, status, &headers(fields));
            assert_eq!(
                decide(&check, body),
                expected,
                "{state:?} {status} {fields}"
            );
        }
        assert!(is_media(Destination::Video) && !is_media(Destination::Image));
    }

    #[test]
    fn what_is_never_for_others_is_waited_for() {
        for (content_type, expected) in [
            ("Content-Type: text/plain", true),
            ("Content-Type: application/json", false),
            ("Content-Type: text/html", false),
        ] {
            let state = MediaRequestState::NotApplicable;
            let check = Check::new(Destination::None, state, 200, &headers(content_type));
            assert_eq!(check.patience().is_some(), expected, "{content_type}");
        }
    }

    #[test]
    fn an_image_is_no_script() {
        let fields = headers("Content-Type: text/plain");
        for (destination, expected) in [
            (Destination::Image, false),
            (Destination::Script, true),
            (Destination::None, true),
        ] {
            let state = MediaRequestState::NotApplicable;
            let check = Check::new(destination, state, 200, &fields);
            assert_eq!(decide(&check, b"a()"), expected, "{destination:?}");
        }
    }

    #[test]
    fn blocklisted_types() {
        for (content_type, expected) in [
            ("Content-Type: text/html; charset=x", true),
            ("Content-Type: application/xhtml+xml", true),
            ("Content-Type: application/ld+json", true),
            ("Content-Type: text/json", true),
            ("Content-Type: text/xml", true),
            ("Content-Type: model/json", false),
            ("Content-Type: text/plain", false),
        ] {
            let mime = extract(&headers(content_type)).unwrap();
            assert_eq!(is_blocklisted(&mime), expected, "{content_type}");
        }
    }
}
