//! The `No-Vary-Search` header: URLs that differ in their queries only, and mean the same.

use http::{HeaderMap, HeaderName};
use servo_url::ServoUrl;
use sfv::{BareItem, Dictionary, ListEntry, Parser};

const NO_VARY_SEARCH: HeaderName = HeaderName::from_static("no-vary-search");

/// A [URL search variance](https://httpwg.org/http-extensions/draft-ietf-httpbis-no-vary-search.html#name-data-model) other
/// than the default one, with which only equal URLs are equivalent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UrlSearchVariance {
    params: Params,
    vary_on_key_order: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Params {
    /// The response varies by all but these.
    AllBut(Vec<String>),
    /// The response varies by these only.
    Only(Vec<String>),
}

impl UrlSearchVariance {
    /// What the headers of a response say; `None` for the default, also if the header is malformed.
    ///
    /// <https://httpwg.org/http-extensions/draft-ietf-httpbis-no-vary-search.html#name-parse-a-url-search-variance>
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let values: Vec<_> = headers.get_all(NO_VARY_SEARCH).iter().collect();
        if values.is_empty() {
            return None;
        }
        let values: Vec<_> = values.iter().map(|value| value.as_bytes()).collect();
        let value: Dictionary = Parser::new(&values.join(&b","[..])).parse().ok()?;
        let vary_on_key_order = match value.get("key-order") {
            Some(entry) => !boolean(entry)?,
            None => true,
        };
        let params = match (value.get("params"), value.get("except")) {
            (Some(params), Some(except)) if boolean(params) == Some(true) => {
                Params::Only(keys(except)?)
            },
            // There are exceptions to `params` only.
            (_, Some(_)) => return None,
            (Some(params), None) => match boolean(params) {
                Some(true) => Params::Only(Vec::new()),
                Some(false) => Params::AllBut(Vec::new()),
                None => Params::AllBut(keys(params)?),
            },
            (None, None) => Params::AllBut(Vec::new()),
        };
        let variance = Self {
            params,
            vary_on_key_order,
        };
        (variance != Self::default()).then_some(variance)
    }

    /// Whether two URLs are equivalent modulo this variance.
    ///
    /// <https://httpwg.org/http-extensions/draft-ietf-httpbis-no-vary-search.html#name-comparing>
    pub(super) fn are_equivalent(&self, a: &ServoUrl, b: &ServoUrl) -> bool {
        without_query(a) == without_query(b) && self.significant(a) == self.significant(b)
    }

    /// The parameters of the query that count, in an order in which they can be compared.
    fn significant(&self, url: &ServoUrl) -> Vec<(String, String)> {
        let mut pairs: Vec<_> = url
            .as_url()
            .query_pairs()
            .into_owned()
            .filter(|(key, _)| match &self.params {
                Params::AllBut(keys) => !keys.contains(key),
                Params::Only(keys) => keys.contains(key),
            })
            .collect();
        if !self.vary_on_key_order {
            // The order of values with the same key is kept.
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        pairs
    }
}

/// The default.
impl Default for UrlSearchVariance {
    fn default() -> Self {
        Self {
            params: Params::AllBut(Vec::new()),
            vary_on_key_order: true,
        }
    }
}

/// The URL without its query and fragment.
pub(super) fn without_query(url: &ServoUrl) -> ServoUrl {
    let mut url = url.clone();
    url.as_mut_url().set_query(None);
    url.set_fragment(None);
    url
}

fn boolean(entry: &ListEntry) -> Option<bool> {
    match entry {
        ListEntry::Item(item) => item.bare_item.as_boolean(),
        ListEntry::InnerList(_) => None,
    }
}

/// <https://httpwg.org/http-extensions/draft-ietf-httpbis-no-vary-search.html#name-parse-a-key>
fn keys(entry: &ListEntry) -> Option<Vec<String>> {
    let ListEntry::InnerList(list) = entry else {
        return None;
    };
    let keys = list.items.iter().map(|item| {
        let BareItem::String(key) = &item.bare_item else {
            return None;
        };
        // What separates parameters is part of the key here.
        let escaped = key.as_str().replace('&', "%26").replace('=', "%3D");
        let decoded = url::form_urlencoded::parse(escaped.as_bytes()).next();
        Some(decoded.map_or_else(String::new, |(key, _)| key.into_owned()))
    });
    keys.collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn variance(value: &str) -> Option<UrlSearchVariance> {
        let value = HeaderValue::from_str(value).unwrap();
        UrlSearchVariance::of(&HeaderMap::from_iter([(NO_VARY_SEARCH, value)]))
    }

    fn url(rest: &str) -> ServoUrl {
        ServoUrl::parse(&format!("https://example.com/{rest}")).unwrap()
    }

    #[test]
    fn what_is_malformed_is_the_default() {
        assert_eq!(UrlSearchVariance::of(&HeaderMap::new()), None);
        for value in [
            "",
            "params=?0",
            "params=1",
            "params=\"a\"",
            "params=(a)",
            "params=(\"a\" 1)",
            "params=(",
            "key-order=?0",
            "key-order=1",
            "key-order=(\"a\")",
            "key-order, params=1",
            "except=(\"a\")",
            "params=?0, except=(\"a\")",
            "params=(\"b\"), except=(\"a\")",
            "params, except",
            "params, except=(a)",
            "unknown",
        ] {
            assert_eq!(variance(value), None, "{value}");
        }
    }

    #[test]
    fn header_lines_are_one_dictionary() {
        let headers = ["params", "except=(\"a\")"]
            .map(|value| (NO_VARY_SEARCH, HeaderValue::from_static(value)));
        let variance = UrlSearchVariance::of(&headers.into_iter().collect());
        assert_eq!(variance.unwrap().params, Params::Only(vec!["a".to_owned()]));
    }

    #[test]
    fn equivalence() {
        for (value, a, b, expected) in [
            ("params", "?a=1", "?b=2", true),
            ("params", "?a=1", "", true),
            ("params", "x?a=1", "y?a=1", false),
            ("params=(\"a\")", "?a=1&b=2", "?b=2&a=3", true),
            ("params=(\"a\")", "?a=1&b=2", "?a=1&b=3", false),
            ("params=(\"a\" \"b\")", "?a=1&b=2", "?b=3", true),
            ("params, except=(\"a\")", "?a=1&b=2", "?c=3&a=1", true),
            ("params, except=(\"a\")", "?a=1&b=2", "?a=2&b=2", false),
            ("params, except=()", "?a=1", "?a=2", true),
            ("key-order", "?a=1&b=2", "?b=2&a=1", true),
            ("key-order", "?a=1&b=2", "?b=2&a=2", false),
            ("key-order", "?a=1&b=2", "?b=2", false),
            ("key-order", "?a=1&a=2", "?a=2&a=1", false),
            ("key-order", "?a=1&b=3&a=2", "?a=1&a=2&b=3", true),
            ("key-order, params=(\"c\")", "?a=1&b=2&c", "?b=2&a=1", true),
            // Keys are decoded on both sides.
            ("params=(\"a+b\")", "?a%20b=1", "?a+b=2", true),
            ("params=(\"%c3%a9\")", "?\u{e9}=1", "?%C3%A9=2", true),
            ("params=(\"a&b\")", "?a%26b=1", "?a%26b=2", true),
            ("params=(\"a&b\")", "?a=1", "?a=2", false),
            ("params=(\"\")", "?=1", "?=2", true),
        ] {
            let variance = variance(value).unwrap();
            for (a, b) in [(a, b), (b, a)] {
                assert_eq!(
                    variance.are_equivalent(&url(a), &url(b)),
                    expected,
                    "{value} {a} {b}"
                );
            }
        }
    }
}
