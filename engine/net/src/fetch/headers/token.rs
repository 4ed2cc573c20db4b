//! What the values of many headers are made of: tokens, quoted strings, and white space between them. Each function takes one from
//! the beginning of a value.

use super::header_list::is_token_byte;

/// A [token](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2), and what follows it.
pub fn split_token(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = value
        .iter()
        .take_while(|byte| is_token_byte(**byte))
        .count();
    value
        .split_at_checked(length)
        .filter(|(token, _)| !token.is_empty())
}

/// What a [quoted string](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.4) says, and what follows it; `None` if there is none,
/// or it has no end.
pub fn split_quoted_string(value: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut rest = value.strip_prefix(b"\"")?;
    let mut unquoted = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] => return Some((unquoted, after)),
            [b'\\', byte, after @ ..] | [byte, after @ ..] => {
                unquoted.push(*byte);
                rest = after;
            },
            [] => return None,
        }
    }
}

/// A token or a quoted string, and what follows it.
pub fn split_token_or_quoted_string(value: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    if value.starts_with(b"\"") {
        return split_quoted_string(value);
    }
    let (token, rest) = split_token(value)?;
    Some((token.to_vec(), rest))
}

/// What follows [optional white space](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.3).
pub fn skip_white_space(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_taken_apart() {
        for (value, expected) in [
            ("a", Some(("a", ""))),
            ("a-b;c", Some(("a-b", ";c"))),
            ("\"\"", Some(("", ""))),
            ("\"a b\" c", Some(("a b", " c"))),
            (r#""a\"b\\" c"#, Some((r#"a"b\"#, " c"))),
            ("", None),
            (";", None),
            (" a", None),
            ("\"a", None),
            (r#""a\""#, None),
        ] {
            let found = split_token_or_quoted_string(value.as_bytes());
            let expected = expected.map(|(said, rest)| (said.into(), rest.as_bytes()));
            assert_eq!(found, expected, "{value}");
        }
        assert_eq!(split_quoted_string(b"a"), None);
        assert_eq!(skip_white_space(b" \t a "), b"a ");
    }
}
