//! Text of others in the pages that the stack makes itself: error pages and listings of directories.

/// `text` for an HTML element or a quoted attribute. What cannot be seen, or changes how its surroundings read, becomes
/// U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ if is_deceptive(character) => escaped.push('\u{fffd}'),
            _ => escaped.push(character),
        }
    }
    escaped
}

/// Control characters, line and paragraph separators,
/// [directional formatting characters](https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters), and those
/// of no width.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_what_misleads_is_escaped() {
        for (text, escaped) in [
            ("<b title=\"'&\">", "&lt;b title=&quot;&#39;&amp;&quot;&gt;"),
            ("caf\u{e9} \u{1f511}", "caf\u{e9} \u{1f511}"),
            (
                "line\nbreak\r\t\0",
                "line\u{fffd}break\u{fffd}\u{fffd}\u{fffd}",
            ),
            ("\u{202e}gpj.exe", "\u{fffd}gpj.exe"),
            (
                "\u{2066}\u{2069}\u{200b}\u{feff}",
                "\u{fffd}\u{fffd}\u{fffd}\u{fffd}",
            ),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }
}
