//! [`Content-Type`](https://fetch.spec.whatwg.org/#content-type-header) and the
//! [groups of MIME types](https://mimesniff.spec.whatwg.org/#mime-type-groups) that the checks ask for.

use data_url::mime::Mime;
use http::header::{CONTENT_TYPE, HeaderMap};

use super::header_list;

/// The [JavaScript MIME type essences](https://mimesniff.spec.whatwg.org/#javascript-mime-type).
const JAVASCRIPT_ESSENCES: [&str; 16] = [
    "application/ecmascript",
    "application/javascript",
    "application/x-ecmascript",
    "application/x-javascript",
    "text/ecmascript",
    "text/javascript",
    "text/javascript1.0",
    "text/javascript1.1",
    "text/javascript1.2",
    "text/javascript1.3",
    "text/javascript1.4",
    "text/javascript1.5",
    "text/jscript",
    "text/livescript",
    "text/x-ecmascript",
    "text/x-javascript",
];

/// [Extracts a MIME type](https://fetch.spec.whatwg.org/#concept-header-extract-mime-type) from `Content-Type`. The last
/// valid value counts; it inherits the charset of an earlier one with the same essence. `None` is the standard's failure.
pub fn extract(headers: &HeaderMap) -> Option<Mime> {
    // 1 to 3. Nothing found so far.
    let mut charset: Option<String> = None;
    let mut found: Option<Mime> = None;
    // 4 and 5. The values of `Content-Type`, or failure.
    // 6. For each of them:
    for value in header_list::get_decode_and_split(headers, &CONTENT_TYPE)? {
        // 6.1 and 6.2. Skip what is no MIME type, and “*/*”.
        let Ok(mut mime) = value.parse::<Mime>() else {
            continue;
        };
        if mime.matches("*", "*") {
            continue;
        }
        let own_charset = mime.get_parameter("charset").map(str::to_owned);
        let same_essence = found
            .as_ref()
            .is_some_and(|found| mime.matches(&found.type_, &found.subtype));
        if !same_essence {
            // 6.4. Another essence: its charset counts from here on.
            charset = own_charset;
        } else if own_charset.is_none()
            && let Some(charset) = &charset
        {
            // 6.5. The same without a charset: inherit it.
            mime.parameters
                .push(("charset".to_owned(), charset.clone()));
        }
        // 6.3. Set mimeType to it.
        found = Some(mime);
    }
    // 7 and 8. Return mimeType, or failure.
    found
}

/// The [essence](https://mimesniff.spec.whatwg.org/#mime-type-essence): type and subtype without parameters.
pub fn essence(mime: &Mime) -> String {
    format!("{}/{}", mime.type_, mime.subtype)
}

/// Whether this is a [JavaScript MIME type](https://mimesniff.spec.whatwg.org/#javascript-mime-type).
pub fn is_javascript(mime: &Mime) -> bool {
    JAVASCRIPT_ESSENCES.contains(&essence(mime).as_str())
}

/// Whether this is an [image MIME type](https://mimesniff.spec.whatwg.org/#image-mime-type).
pub fn is_image(mime: &Mime) -> bool {
    mime.type_ == "image"
}

/// Whether this is an [audio or video MIME type](https://mimesniff.spec.whatwg.org/#audio-or-video-mime-type).
pub fn is_audio_or_video(mime: &Mime) -> bool {
    mime.type_ == "audio" || mime.type_ == "video" || mime.matches("application", "ogg")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn extracted(values: &[&'static str]) -> Option<String> {
        let headers: HeaderMap = values
            .iter()
            .map(|value| (CONTENT_TYPE, HeaderValue::from_static(value)))
            .collect();
        extract(&headers).map(|mime| mime.to_string())
    }

    #[test]
    fn extracts_as_the_examples_of_the_standard() {
        // https://fetch.spec.whatwg.org/#example-extract-a-mime-type
        for (values, expected) in [
            (&[][..], None),
            (&["text/plain;charset=gbk, text/html"], Some("text/html")),
            (
                &["text/html;charset=gbk;a=b, text/html;x=y"],
                Some("text/html;x=y;charset=gbk"),
            ),
            (
                &["text/html;charset=gbk;a=b", "text/html;x=y"],
                Some("text/html;x=y;charset=gbk"),
            ),
            (
                &["text/html;charset=gbk", "x/x", "text/html;x=y"],
                Some("text/html;x=y"),
            ),
            (&["text/html", "cannot-parse"], Some("text/html")),
            (&["text/html", "*/*"], Some("text/html")),
            (&["text/html", ""], Some("text/html")),
            (&["", "*/*", "x"], None),
            (&["TEXT/HTML;CHARSET=x"], Some("text/html;charset=x")),
            (
                &["text/html;charset=a", "text/html;charset=b", "text/html"],
                Some("text/html;charset=a"),
            ),
        ] {
            assert_eq!(extracted(values).as_deref(), expected, "{values:?}");
        }
    }

    #[test]
    fn groups() {
        let mime = |text: &str| text.parse::<Mime>().unwrap();
        assert!(is_javascript(&mime("text/JavaScript;charset=utf-8")));
        assert!(is_javascript(&mime("application/x-ecmascript")));
        for not in ["text/javascript1.6", "application/json", "text/plain"] {
            assert!(!is_javascript(&mime(not)), "{not}");
        }
        assert!(is_image(&mime("image/png")) && !is_image(&mime("text/image")));
        assert!(is_audio_or_video(&mime("application/ogg")));
        assert_eq!(essence(&mime("A/B;c=d")), "a/b");
    }

    proptest! {
        #[test]
        fn takes_any_value(value in "[ -~\u{80}-\u{ff}]{0,40}") {
            if let Ok(value) = HeaderValue::from_str(&value) {
                let headers: HeaderMap = [(CONTENT_TYPE, value)].into_iter().collect();
                let _ = extract(&headers);
            }
        }
    }
}
