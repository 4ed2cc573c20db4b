//! [Header lists](https://fetch.spec.whatwg.org/#concept-header-list): getting, decoding, splitting and ordering values.

use http::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use thiserror::Error;

/// A header's value does not follow its list grammar.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the header's value is not a list of tokens")]
pub struct MalformedList;

/// [Gets](https://fetch.spec.whatwg.org/#concept-header-list-get) a header: its values in order, joined by `, `. `None` if
/// the list does not contain it.
pub fn get(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut values = headers.get_all(name).iter();
    let mut combined = values.next()?.as_bytes().to_vec();
    for value in values {
        combined.extend_from_slice(b", ");
        combined.extend_from_slice(value.as_bytes());
    }
    Some(combined)
}

/// [Gets, decodes and splits](https://fetch.spec.whatwg.org/#concept-header-list-get-decode-split) a header: its values,
/// split at commas outside of quoted strings. `None` if the list does not contain it.
pub fn get_decode_and_split(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<String>> {
    get(headers, name).map(|value| decode_and_split(&value))
}

/// [Decodes and splits](https://fetch.spec.whatwg.org/#header-value-get-decode-and-split) one value at its commas outside
/// of quoted strings. Quotes are kept; tabs and spaces around each part are not.
pub fn decode_and_split(value: &[u8]) -> Vec<String> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut in_quotes = false;
    let mut escaped = false;
    for (position, byte) in value.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_quotes => escaped = true,
            b'"' => in_quotes = !in_quotes,
            b',' if !in_quotes => {
                parts.push(part(value, start, position));
                start = position + 1;
            },
            _ => {},
        }
    }
    parts.push(part(value, start, value.len()));
    parts
}

fn part(value: &[u8], start: usize, end: usize) -> String {
    isomorphic_decode(trim_tab_or_space(value.get(start..end).unwrap_or_default()))
}

/// [Isomorphic decoding](https://infra.spec.whatwg.org/#isomorphic-decode): each byte is the code point of its value.
pub fn isomorphic_decode(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// [Extracts header list values](https://fetch.spec.whatwg.org/#extract-header-list-values) of a header whose grammar is
/// `#token`. `Ok(None)` if the list does not contain it. As RFC 9110 asks of recipients, empty elements are skipped.
///
/// # Errors
/// [`MalformedList`] if any element of any of its values is not a token: the header then fails as a whole.
pub fn extract_tokens(
    headers: &HeaderMap,
    name: &HeaderName,
) -> Result<Option<Vec<String>>, MalformedList> {
    // 1. Without the header: null.
    if !headers.contains_key(name) {
        return Ok(None);
    }
    // 2. Does not apply: a list grammar allows the header to repeat.
    // 3. Collect the elements of each value.
    let mut tokens = Vec::new();
    for value in headers.get_all(name) {
        for element in value.as_bytes().split(|byte| *byte == b',') {
            let element = trim_tab_or_space(element);
            if element.is_empty() {
                continue;
            }
            // 3.1. A value that does not parse is a failure.
            if !is_token(element) {
                return Err(MalformedList);
            }
            tokens.push(isomorphic_decode(element));
        }
    }
    // 4. Return them.
    Ok(Some(tokens))
}

/// [Normalizes](https://fetch.spec.whatwg.org/#concept-header-value-normalize) a potential value: strips HTTP whitespace
/// bytes from both ends.
pub fn normalize(value: &[u8]) -> &[u8] {
    trim(value, |byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '))
}

fn trim_tab_or_space(value: &[u8]) -> &[u8] {
    trim(value, |byte| matches!(byte, b'\t' | b' '))
}

fn trim(mut value: &[u8], strip: impl Fn(u8) -> bool) -> &[u8] {
    while let [first, rest @ ..] = value
        && strip(*first)
    {
        value = rest;
    }
    while let [rest @ .., last] = value
        && strip(*last)
    {
        value = rest;
    }
    value
}

/// Whether `bytes` are a [token](https://www.rfc-editor.org/rfc/rfc9110#name-tokens): at least one byte, each a `tchar`.
pub fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| is_token_byte(*byte))
}

/// Whether `byte` is a [`tchar`](https://www.rfc-editor.org/rfc/rfc9110#name-tokens).
pub fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Whether `bytes` are a [header value](https://fetch.spec.whatwg.org/#header-value): no tab or space at either end, and
/// no NUL, CR or LF.
pub fn is_header_value(bytes: &[u8]) -> bool {
    trim_tab_or_space(bytes).len() == bytes.len()
        && !bytes
            .iter()
            .any(|byte| matches!(byte, b'\0' | b'\r' | b'\n'))
}

/// [Sorts and combines](https://fetch.spec.whatwg.org/#concept-header-list-sort-and-combine): one value a name, in the
/// order of the names. The values of `set-cookie` stay apart.
pub fn combined_and_sorted(headers: &HeaderMap) -> HeaderMap {
    // 1. Start with no headers.
    let mut combined = HeaderMap::with_capacity(headers.keys_len());
    // 2. The names as a sorted set; they are lowercase already.
    let mut names: Vec<&HeaderName> = headers.keys().collect();
    names.sort_unstable_by_key(|name| name.as_str());
    // 3. Append each name's value or values.
    for name in names {
        // 3.1. `set-cookie`: one header for each value.
        if *name == SET_COOKIE {
            for value in headers.get_all(name) {
                combined.append(name.clone(), value.clone());
            }
            continue;
        }
        // 3.2. Any other: the values combined.
        let mut values = headers.get_all(name).iter();
        let value = match (values.next(), values.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => get(headers, name).and_then(|bytes| HeaderValue::from_bytes(&bytes).ok()),
        };
        if let Some(value) = value {
            combined.append(name.clone(), value);
        }
    }
    // 4. Return them.
    combined
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, CACHE_CONTROL, VARY};
    use proptest::prelude::*;

    use super::*;

    fn list(entries: &[(&'static str, &'static str)]) -> HeaderMap {
        entries
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn get_joins_the_values_in_order() {
        let headers = list(&[("accept", "a"), ("vary", "x"), ("accept", "b")]);
        assert_eq!(get(&headers, &ACCEPT).unwrap(), b"a, b");
        assert_eq!(get(&headers, &VARY).unwrap(), b"x");
        assert_eq!(get(&headers, &CACHE_CONTROL), None);
    }

    #[test]
    fn splits_as_the_examples_of_the_standard() {
        // https://fetch.spec.whatwg.org/#example-header-list-get-decode-split
        let cases: [(&str, &[&str]); 9] = [
            ("nosniff,", &["nosniff", ""]),
            ("", &[""]),
            (",", &["", ""]),
            ("text/html;\", x/x", &["text/html;\", x/x"]),
            ("text/html;\", x/x\"", &["text/html;\", x/x\""]),
            ("x / x,,,1", &["x / x", "", "", "1"]),
            ("\"1,2\", 3", &["\"1,2\"", "3"]),
            (r#""a\",b", c"#, &[r#""a\",b""#, "c"]),
            ("\ta \t, b", &["a", "b"]),
        ];
        for (value, expected) in cases {
            assert_eq!(decode_and_split(value.as_bytes()), expected, "{value:?}");
        }
    }

    #[test]
    fn a_list_fails_as_a_whole() {
        let vary = |entries| extract_tokens(&list(entries), &VARY);
        assert_eq!(vary(&[]), Ok(None));
        assert_eq!(vary(&[("vary", "")]), Ok(Some(vec![])));
        assert_eq!(
            vary(&[("vary", "a, ,\tB,"), ("vary", "*")]),
            Ok(Some(vec!["a".into(), "B".into(), "*".into()]))
        );
        for bad in ["a b", "a, b c", "a;b", "\"a\"", "a, (b)", "é", "a\tb"] {
            let headers: HeaderMap = [(VARY, HeaderValue::from_bytes(bad.as_bytes()).unwrap())]
                .into_iter()
                .collect();
            assert_eq!(extract_tokens(&headers, &VARY), Err(MalformedList), "{bad}");
        }
        assert_eq!(vary(&[("vary", "a"), ("vary", "b c")]), Err(MalformedList));
    }

    #[test]
    fn normalizes_http_whitespace_only() {
        assert_eq!(normalize(b" \t\r\na b\n "), b"a b");
        assert_eq!(normalize(b"\x0ca\x0b"), b"\x0ca\x0b");
        assert_eq!(normalize(b" \t "), b"");
    }

    #[test]
    fn combines_and_sorts_but_keeps_cookies_apart() {
        let headers = list(&[
            ("x-b", "1"),
            ("set-cookie", "a=1"),
            ("accept", "z"),
            ("x-b", "2"),
            ("set-cookie", "b=2"),
        ]);
        let combined = combined_and_sorted(&headers);
        let entries: Vec<_> = combined
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(
            entries,
            [
                ("accept", "z"),
                ("set-cookie", "a=1"),
                ("set-cookie", "b=2"),
                ("x-b", "1, 2"),
            ]
        );
    }

    #[test]
    fn header_values_have_no_outer_whitespace_and_no_line_breaks() {
        assert!(is_header_value(b""));
        assert!(is_header_value(b"a\tb \xff"));
        for bad in [&b" a"[..], b"a\t", b"a\0b", b"a\rb", b"a\nb"] {
            assert!(!is_header_value(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn splitting_never_loses_a_part(parts in prop::collection::vec("[a-z0-9=;/ ]{0,8}", 1..6)) {
            let joined = parts.join(",");
            let expected: Vec<_> = parts.iter().map(|part| part.trim_matches(' ')).collect();
            prop_assert_eq!(decode_and_split(joined.as_bytes()), expected);
        }

        #[test]
        fn splitting_takes_any_bytes(value in prop::collection::vec(any::<u8>(), 0..64)) {
            let commas = value.iter().filter(|byte| **byte == b',').count();
            let parts = decode_and_split(&value);
            prop_assert!(!parts.is_empty() && parts.len() <= commas + 1);
        }

        #[test]
        fn combining_twice_changes_nothing(
            entries in prop::collection::vec(("[a-d]", "[ -~&&[^ ]]{1,4}"), 0..12)
        ) {
            let headers: HeaderMap = entries
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_bytes(name.as_bytes()).unwrap(),
                        HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                    )
                })
                .collect();
            let once = combined_and_sorted(&headers);
            prop_assert_eq!(once.len(), headers.keys_len());
            for name in headers.keys() {
                prop_assert_eq!(get(&once, name), get(&headers, name));
            }
            let twice: Vec<_> = combined_and_sorted(&once).into_iter().collect();
            prop_assert_eq!(twice, once.into_iter().collect::<Vec<_>>());
        }
    }
}
