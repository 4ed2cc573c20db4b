//! [Endpoints](https://w3c.github.io/reporting/#endpoint): where the reports of a document or worker go.

use http::{HeaderMap, HeaderName};
use servo_url::ServoUrl;
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use crate::fetch::checks::trustworthy::is_url_potentially_trustworthy;
use crate::fetch::headers::header_list;

const REPORTING_ENDPOINTS: HeaderName = HeaderName::from_static("reporting-endpoints");

/// The longest name of an endpoint, in bytes. Those with longer ones are passed over.
pub const NAME_LIMIT: usize = 256;

/// The longest URL of an endpoint, in bytes.
const URL_LIMIT: usize = 1024;

/// How many endpoints one response may name; those that follow are passed over.
const ENDPOINTS_LIMIT: usize = 32;

/// An [endpoint](https://w3c.github.io/reporting/#endpoint).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its [name](https://w3c.github.io/reporting/#endpoint-name), by which policies speak of it.
    pub name: String,
    /// Its [URL](https://w3c.github.io/reporting/#endpoint-url), which is potentially trustworthy.
    pub url: ServoUrl,
    /// How many [failures](https://w3c.github.io/reporting/#endpoint-failures) there were in a row.
    pub failures: u32,
}

/// [Processes reporting endpoints](https://w3c.github.io/reporting/#process-header) of the response from `response_url`.
/// `is_secure_scheme` says which schemes of its own the embedder vouches for.
pub fn process_reporting_endpoints(
    response_url: &ServoUrl,
    headers: &HeaderMap,
    is_secure_scheme: impl Fn(&str) -> bool,
) -> Vec<Endpoint> {
    // 1. Only what nobody on the way could have written counts.
    if !is_url_potentially_trustworthy(response_url, &is_secure_scheme) {
        return Vec::new();
    }
    // 2. and 3. Let parsed header be the dictionary in the header, if it is one.
    let parsed_header = header_list::get(headers, &REPORTING_ENDPOINTS)
        .and_then(|value| Parser::new(&value).parse::<Dictionary>().ok());
    // 4. to 6. Let endpoints be those that are strings with the URL of somebody trustworthy.
    parsed_header
        .unwrap_or_default()
        .into_iter()
        .filter_map(|(name, value)| {
            let ListEntry::Item(item) = value else {
                return None;
            };
            let BareItem::String(url) = item.bare_item else {
                return None;
            };
            if name.as_str().len() > NAME_LIMIT || url.as_str().len() > URL_LIMIT {
                return None;
            }
            let url = response_url.join(url.as_str()).ok()?;
            let is_usable = matches!(url.scheme(), "http" | "https")
                && url.as_str().len() <= URL_LIMIT
                && is_url_potentially_trustworthy(&url, &is_secure_scheme);
            is_usable.then(|| Endpoint {
                name: name.as_str().to_owned(),
                url,
                failures: 0,
            })
        })
        .take(ENDPOINTS_LIMIT)
        .collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::fetch::checks::test_requests::url;

    const PAGE: &str = "https://a.example/folder/page";

    fn endpoints(page: &str, values: &[&str]) -> Vec<(String, String)> {
        let headers = values
            .iter()
            .map(|value| (REPORTING_ENDPOINTS, HeaderValue::from_str(value).unwrap()))
            .collect();
        process_reporting_endpoints(&url(page), &headers, |_| false)
            .into_iter()
            .map(|endpoint| (endpoint.name, endpoint.url.into_string()))
            .collect()
    }

    #[test]
    fn the_header_is_a_dictionary_of_urls() {
        for (values, expected) in [
            (&[][..], &[][..]),
            (&[""], &[]),
            (
                &[r#"a="/x?y=z", b="https://b.example/""#],
                &[
                    ("a", "https://a.example/x?y=z"),
                    ("b", "https://b.example/"),
                ],
            ),
            (
                &[r#"a="x""#, r#"b="y";max_age=1"#],
                &[
                    ("a", "https://a.example/folder/x"),
                    ("b", "https://a.example/folder/y"),
                ],
            ),
            // The last of one name counts.
            (&[r#"a="x", a="y""#], &[("a", "https://a.example/folder/y")]),
            // A comma in a string is one of its characters.
            (&[r#"a="/x,y""#], &[("a", "https://a.example/x,y")]),
            (
                &[r#"a=x, b=("y"), c=1, d, e="/z""#],
                &[("e", "https://a.example/z")],
            ),
            (&[r#"a="http://b.example/""#], &[]),
            (
                &[r#"a="http://127.0.0.1:80/""#],
                &[("a", "http://127.0.0.1/")],
            ),
            (&[r#"a="data:,x", b="about:blank", c="https://""#], &[]),
            (&[r#"A="/x""#], &[]),
            (&[r#"a="/x"#], &[]),
        ] {
            let expected: Vec<_> = expected
                .iter()
                .map(|(name, url)| ((*name).to_owned(), (*url).to_owned()))
                .collect();
            assert_eq!(endpoints(PAGE, values), expected, "{values:?}");
        }
    }

    #[test]
    fn an_insecure_page_has_none() {
        assert_eq!(
            endpoints("http://a.example/", &[r#"a="https://a.example/""#]),
            []
        );
    }

    #[test]
    fn lengths_and_numbers_are_bounded() {
        let name = "n".repeat(NAME_LIMIT);
        let path = "p".repeat(URL_LIMIT);
        assert_eq!(endpoints(PAGE, &[&format!("{name}=\"/\"")]).len(), 1);
        assert_eq!(endpoints(PAGE, &[&format!("{name}n=\"/\"")]).len(), 0);
        assert_eq!(endpoints(PAGE, &[&format!("a=\"/{path}\"")]).len(), 0);
        assert_eq!(endpoints(PAGE, &[&format!("a=\"{path}\"")]).len(), 0);
        let many: Vec<_> = (0..2 * ENDPOINTS_LIMIT)
            .map(|number| format!("e{number}=\"/\""))
            .collect();
        let found = endpoints(PAGE, &[&many.join(", ")]);
        assert_eq!(found.len(), ENDPOINTS_LIMIT);
        assert_eq!(found[0].0, "e0");
    }

    proptest! {
        #[test]
        fn whatever_is_found_is_trustworthy(value in r#"([a-z]{1,3}="[ -~]{0,20}"|[ -~]{0,9})(, ?[a-z]=("[!#-~]{0,20}"|[ -~]{0,9})){0,3}"#) {
            let Ok(value) = HeaderValue::from_str(&value) else {
                return Ok(());
            };
            let headers = HeaderMap::from_iter([(REPORTING_ENDPOINTS, value)]);
            for endpoint in process_reporting_endpoints(&url(PAGE), &headers, |_| false) {
                prop_assert!(is_url_potentially_trustworthy(&endpoint.url, |_| false));
                prop_assert!(matches!(endpoint.url.scheme(), "http" | "https"));
                prop_assert!(!endpoint.name.is_empty());
            }
        }
    }
}
