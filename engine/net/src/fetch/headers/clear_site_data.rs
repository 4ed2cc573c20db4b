//! [`Clear-Site-Data`](https://w3c.github.io/webappsec-clear-site-data/).

use http::{HeaderMap, HeaderName};

use super::header_list::get_decode_and_split;

const CLEAR_SITE_DATA: HeaderName = HeaderName::from_static("clear-site-data");

/// What a server asks to be forgotten of it.
///
/// NB: `"storage"` and `"executionContexts"` are not here: script keeps both, and offers to clear them for whole sites only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClearSiteData {
    /// What is cached of its origin.
    pub cache: bool,
    /// The cookies of its site.
    pub cookies: bool,
}

/// [Parses the header](https://w3c.github.io/webappsec-clear-site-data/#parsing). What is not known is ignored.
pub fn parse(headers: &HeaderMap) -> ClearSiteData {
    let mut types = ClearSiteData::default();
    for value in get_decode_and_split(headers, &CLEAR_SITE_DATA).unwrap_or_default() {
        let is_all = value == "\"*\"";
        types.cache |= is_all || value == "\"cache\"";
        types.cookies |= is_all || value == "\"cookies\"";
    }
    types
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn quoted_names_count() {
        for (values, cache, cookies) in [
            (&[][..], false, false),
            (&["\"cache\""], true, false),
            (&["\"cookies\""], false, true),
            (&["\"cache\", \"cookies\""], true, true),
            (&["\"cache\"", "\"cookies\""], true, true),
            (&["\"*\""], true, true),
            (&["\"storage\", \"executionContexts\""], false, false),
            (&["\"unknown\", \"cache\""], true, false),
            (&["cache"], false, false),
            (&["*"], false, false),
            (&["\"Cache\""], false, false),
            (&["\"cache\";a"], false, false),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CLEAR_SITE_DATA, HeaderValue::from_static(value));
            }
            assert_eq!(
                parse(&headers),
                ClearSiteData { cache, cookies },
                "{values:?}"
            );
        }
    }
}
