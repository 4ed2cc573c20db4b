//! Whether text can be a script.

use serde::de::IgnoredAny;

/// How deep brackets are followed.
const DEPTH_LIMIT: usize = 10_000;

/// Words that can stand beside another one. All others are operands, and two of those need something between them.
#[rustfmt::skip]
const KEYWORDS: [&str; 53] = [
    "accessor", "as", "async", "await", "break", "case", "catch", "class", "const", "continue",
    "debugger", "default", "defer", "delete", "do", "else", "enum", "export", "extends",
    "finally", "for", "from", "function", "get", "if", "implements", "import", "in", "instanceof",
    "interface", "let", "meta", "new", "of", "package", "private", "protected", "public",
    "return", "set", "source", "static", "super", "switch", "throw", "try", "typeof", "using",
    "var", "void", "while", "with", "yield",
];

/// The text of a script: by its byte order mark, by `charset`, else as if it were UTF-8, which does for all encodings that
/// have ASCII in common.
pub(super) fn decode(bytes: &[u8], charset: Option<&str>) -> String {
    let is = |label: &str| charset.is_some_and(|charset| charset.eq_ignore_ascii_case(label));
    let units = |from: fn([u8; 2]) -> u16, bytes: &[u8]| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().copied().map(from).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xff, 0xfe, rest @ ..] => units(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => units(u16::from_be_bytes, rest),
        // ASCII in UTF-16, whose label is with the script element.
        [1..=255, 0, 1..=255, 0, ..] => units(u16::from_le_bytes, bytes),
        [0, 1..=255, 0, 1..=255, ..] => units(u16::from_be_bytes, bytes),
        _ if is("utf-16") || is("utf-16le") => units(u16::from_le_bytes, bytes),
        _ if is("utf-16be") => units(u16::from_be_bytes, bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Whether text is JSON, or may be when it is complete.
pub(super) fn is_json(text: &str, is_complete: bool) -> bool {
    if begins_with_parser_breaker(text) {
        return true;
    }
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => true,
        Err(error) if error.is_syntax() => false,
        // An empty text is a script. A longer one that is cut off goes on as it began.
        Err(_) => !is_complete && !text.trim_start().is_empty(),
    }
}

/// Whether text begins with what is put before JSON so that it cannot be run as a script: none of these ends, or parses.
pub(super) fn begins_with_parser_breaker(text: &str) -> bool {
    // With as many spaces between them as somebody likes.
    let breakers: [&[&str]; 4] = [
        &[")", "]", "}", "'"],
        &["{", "}", "&&"],
        &["for", "(", ";", ";", ")", ";"],
        &["while", "(", "1", ")", ";"],
    ];
    breakers.iter().any(|tokens| {
        let mut rest = Some(text);
        for token in *tokens {
            rest = rest.and_then(|rest| rest.trim_start().strip_prefix(token));
        }
        rest.is_some()
    })
}

/// What came before a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing.
    Start,
    /// An identifier, number or string.
    Operand,
    /// An operator or other punctuation, after which an operand may come.
    Operator,
    /// Something after which both may come.
    Either,
}

/// Whether text can be a script. It is read token by token as far as that can be done without a grammar, and refused only
/// where no grammar would accept it: at characters that are in no token, brackets that do not match, strings without an
/// end, and two operands in a row.
pub(super) fn may_be_script(text: &str, is_complete: bool) -> bool {
    let mut before = Before::Start;
    let mut brackets = Vec::new();
    let mut is_new_line = true;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let after_first = &rest[first.len_utf8()..];
        if matches!(first, '\n' | '\r' | '\u{2028}' | '\u{2029}') {
            is_new_line = true;
            rest = after_first;
            continue;
        }
        if first.is_whitespace() || first == '\u{feff}' {
            rest = after_first;
            continue;
        }
        if let Some(skipped) = skip_comment(rest, before, is_new_line) {
            is_new_line |= rest[..rest.len() - skipped.len()].contains(['\n', '\r']);
            rest = skipped;
            continue;
        }
        let follows_operand = before == Before::Operand && !is_new_line;
        match first {
            '"' | '\'' => {
                let Some(after) = skip_string(after_first, first) else {
                    // It is cut off, or has no end in its line.
                    return !is_complete && !after_first.contains(['\n', '\r']);
                };
                if follows_operand {
                    return false;
                }
                before = Before::Operand;
                rest = after;
            },
            // Where a template or a regular expression ends is for a parser to say.
            '`' => return true,
            '/' if before != Before::Operand => return true,
            '(' | '[' | '{' => {
                brackets.push(first);
                if brackets.len() > DEPTH_LIMIT {
                    return false;
                }
                before = Before::Operator;
                rest = after_first;
            },
            ')' | ']' | '}' => {
                let opening = match first {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                if brackets.pop() != Some(opening) {
                    return false;
                }
                before = Before::Either;
                rest = after_first;
            },
            '!' if follows_operand && !after_first.starts_with('=') => return false,
            // These come between operands, or after one.
            '<' | '>' | '=' | '%' | '&' | '|' | '^' | '*' | '?' | ':' | ','
                if before == Before::Start =>
            {
                return false;
            },
            '#' | '@' => {
                before = Before::Either;
                rest = after_first;
            },
            _ if first.is_alphanumeric()
                || matches!(first, '_' | '$' | '\\')
                || !first.is_ascii() && !first.is_control() =>
            {
                let end = rest
                    .find(|char: char| {
                        char.is_ascii() && !char.is_ascii_alphanumeric() && !"_$\\".contains(char)
                            || char.is_whitespace()
                    })
                    .unwrap_or(rest.len());
                let word = &rest[..end];
                let is_keyword = KEYWORDS.contains(&word);
                // An escape may spell a keyword.
                if follows_operand && !is_keyword && !word.contains('\\') {
                    return false;
                }
                before = if is_keyword || word.contains('\\') {
                    Before::Either
                } else {
                    Before::Operand
                };
                rest = &rest[end..];
            },
            _ if first.is_ascii_punctuation() => {
                // An increment may come before the next statement, or after an operand.
                let is_update = rest.starts_with("++") || rest.starts_with("--");
                before = if is_update {
                    Before::Either
                } else {
                    Before::Operator
                };
                rest = if is_update { &rest[2..] } else { after_first };
            },
            _ => return false,
        }
        is_new_line = false;
    }
    !is_complete || brackets.is_empty()
}

/// What comes after the comment that text begins with, if it does; a comment without an end takes all.
fn skip_comment(text: &str, before: Before, is_new_line: bool) -> Option<&str> {
    let is_of_line = text.starts_with("//")
        || text.starts_with("<!--")
        || text.starts_with("-->") && is_new_line
        || text.starts_with("#!") && before == Before::Start;
    if is_of_line {
        let end = text.find(['\n', '\r', '\u{2028}', '\u{2029}']);
        return Some(end.map_or("", |end| &text[end..]));
    }
    let inner = text.strip_prefix("/*")?;
    Some(inner.split_once("*/").map_or("", |(_, after)| after))
}

/// What comes after the string whose opening quote text follows; `None` if it does not end in its line.
fn skip_string(text: &str, quote: char) -> Option<&str> {
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => {
                // A line break with two characters counts as one.
                if let Some((_, '\r')) = chars.next()
                    && chars.as_str().starts_with('\n')
                {
                    chars.next();
                }
            },
            '\n' | '\r' => return None,
            _ if char == quote => return Some(&text[at + char.len_utf8()..]),
            _ => {},
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scripts() {
        for text in [
            "",
            "top",
            "a()",
            "a\nb",
            "a /* \n */ b",
            "var a = b ? c : d, e = {\"f\": [1, 2]}",
            "'use strict'; function f(a) { return a }",
            "async function f() { for await (const a of b) yield a }",
            "a\n++b",
            "a++; b",
            "a !== b",
            "!function () {}()",
            "// hello world\na",
            "<!-- hello world\na\n--> hello world",
            "#!/bin/node hello world\na",
            "class A { #b = 1; static c; get d() {} }",
            "import a from 'b' with { type: 'json' }",
            "'a\\\r\nb'",
            "let \u{e4}\u{f6} = \"\u{fffd}\u{a7}\"",
            "if (a) b; else c",
            "a = /hello world/",
            "a in b, a instanceof b",
            "x: for (;;) { break x }",
            "let [a, b] = c",
            "1..toString()",
        ] {
            assert!(may_be_script(text, true), "{text}");
            assert!(!is_json(text, true), "{text}");
        }
    }

    #[test]
    fn no_scripts() {
        for text in [
            "hello, world!",
            "hello world",
            "name,first name\n1,2",
            "<!doctype html><html>",
            "<?xml version='1.0'?>",
            "<a>",
            "\0\x01\0\0",
            "a\u{1}",
            ")]}'\n",
            "a)",
            "(a",
            "[a}",
            "'a",
            "'a\nb'",
            "%PDF-1.4",
            "'a' 'b'",
            "1 2",
        ] {
            assert!(!may_be_script(text, true), "{text}");
        }
    }

    #[test]
    fn json() {
        for text in [
            "{}",
            " [1, 2] ",
            "\"a\"",
            "null",
            "{\"a\": {\"b\": []}}",
            "for(;;);[]",
            "while(1);{}",
            "{}&&[]",
        ] {
            assert!(is_json(text, true), "{text}");
        }
        let deep = [("[").repeat(100_000), ("]").repeat(100_000)].concat();
        assert!(is_json(&deep, true));
        assert!(is_json("[1, 2", false));
        assert!(!is_json("[1, 2", true));
        assert!(!is_json("", false));
        assert!(!is_json("a(", false));
    }

    #[test]
    fn encodings() {
        for (bytes, charset, expected) in [
            (&b"a"[..], None, "a"),
            (b"\xef\xbb\xbfa", None, "a"),
            (b"\xff\xfea\0", None, "a"),
            (b"\xfe\xff\0a", Some("utf-8"), "a"),
            (b"a\0", Some("UTF-16"), "a"),
            (b"\0a", Some("utf-16be"), "a"),
            (b"a\0b\0", None, "ab"),
            (b"\0a\0b", None, "ab"),
            (b"\0\x01\0\0", None, "\0\x01\0\0"),
            (b"\xa7", Some("iso-8859-1"), "\u{fffd}"),
        ] {
            assert_eq!(decode(bytes, charset), expected);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in ".{0,200}", is_complete in any::<bool>()) {
            may_be_script(&text, is_complete);
            is_json(&text, is_complete);
        }

        #[test]
        fn what_is_cut_off_is_as_plausible_as_the_whole(at in 0_usize..60) {
            let text = "var a = 'b c', d = {e: [1, 2]}; /* f g */ h(\n(i) => j)";
            prop_assert!(may_be_script(&text[..at.min(text.len())], false));
        }
    }
}
