//! Hosts and origins as a person may read them: whole, with the registrable domain apart, and safe from bidirectional
//! reordering.

use std::fmt;

use url::Host;

use crate::origin::{Scheme, TupleOrigin};

/// U+2068 FIRST STRONG ISOLATE and U+2069 POP DIRECTIONAL ISOLATE keep the text between them from reordering its
/// surroundings.
///
/// <https://www.unicode.org/reports/tr9/#Explicit_Directional_Isolates>
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_DIRECTIONAL_ISOLATE: char = '\u{2069}';

/// A host for display. Nothing of it may be elided; where [`Self::differs`] is true both forms are to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostDisplay {
    /// The host in Unicode, without isolates. Equal to [`Self::ascii`] for IP addresses and for names that do not decode.
    pub unicode: String,
    /// The host in ASCII: punycode labels, or an IP address (IPv6 in brackets).
    pub ascii: String,
    /// What stands before the registrable domain in [`Self::unicode`], with its final dot; empty if nothing does.
    pub subdomain: String,
    /// The part of [`Self::unicode`] to emphasise: the registrable domain, or the whole host if it has none.
    pub emphasised: String,
}

impl HostDisplay {
    fn new(origin: &TupleOrigin) -> Self {
        let ascii = origin.host().to_string();
        let Host::Domain(_) = origin.host() else {
            return Self::whole(ascii);
        };
        let registrable = origin.registrable_domain().unwrap_or(&ascii);
        // Labels decode one by one, so the two halves are decoded apart and always add up to the whole.
        let subdomain = ascii.strip_suffix(registrable).unwrap_or_default();
        match (to_unicode(subdomain), to_unicode(registrable)) {
            (Some(subdomain), Some(emphasised)) => Self {
                unicode: format!("{subdomain}{emphasised}"),
                ascii,
                subdomain,
                emphasised,
            },
            _ => Self::whole(ascii),
        }
    }

    fn whole(ascii: String) -> Self {
        Self {
            unicode: ascii.clone(),
            emphasised: ascii.clone(),
            ascii,
            subdomain: String::new(),
        }
    }

    /// Whether the Unicode form is another text than the ASCII form.
    pub fn differs(&self) -> bool {
        self.unicode != self.ascii
    }
}

impl fmt::Display for HostDisplay {
    /// One text for sentences: the isolated Unicode form, followed by the ASCII form in parentheses where it differs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.differs() {
            write!(f, "{} ({})", isolated(&self.unicode), self.ascii)
        } else {
            f.write_str(&self.ascii)
        }
    }
}

/// An origin for display. The scheme and port are to be shown only where they say something: http, or a port of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginDisplay {
    /// The scheme.
    pub scheme: Scheme,
    /// The host.
    pub host: HostDisplay,
    /// The port, unless it is the scheme's default.
    pub port: Option<u16>,
}

impl OriginDisplay {
    pub(crate) fn new(origin: &TupleOrigin) -> Self {
        let port = (origin.port() != origin.scheme().default_port()).then_some(origin.port());
        Self {
            scheme: origin.scheme(),
            host: HostDisplay::new(origin),
            port,
        }
    }
}

impl fmt::Display for OriginDisplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == Scheme::Http {
            f.write_str("http://")?;
        }
        fmt::Display::fmt(&self.host, f)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// Wraps text of foreign origin so that it cannot reorder what stands around it.
pub fn isolated(text: &str) -> String {
    format!("{FIRST_STRONG_ISOLATE}{text}{POP_DIRECTIONAL_ISOLATE}")
}

/// Text that a page chose, cut to `limit` characters, with control, format and bidirectional characters escaped, so that
/// it can neither draw over the interface nor hide a part of itself. A cut is marked with `…`.
pub fn bounded_escaped(text: &str, limit: usize) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == limit {
            shown.push('…');
            break;
        }
        if is_deceptive(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that are invisible or change the order of their neighbours.
fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{2800}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

fn to_unicode(ascii: &str) -> Option<String> {
    if ascii.is_empty() {
        return Some(String::new());
    }
    let (unicode, result) = idna::domain_to_unicode(ascii);
    (result.is_ok() && !unicode.chars().any(is_deceptive)).then_some(unicode)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;

    use super::*;

    fn display(url: &str) -> OriginDisplay {
        TupleOrigin::from_url(&Url::parse(url).unwrap())
            .unwrap()
            .display()
    }

    #[test]
    fn registrable_domain_is_apart() {
        let shown = display("https://login.bank.example.co.uk/");
        assert_eq!(shown.host.subdomain, "login.bank.");
        assert_eq!(shown.host.emphasised, "example.co.uk");
        assert_eq!(shown.to_string(), "login.bank.example.co.uk");
    }

    #[test]
    fn unicode_hosts_show_both_forms_isolated() {
        let shown = display("https://www.bücher.example:8443/");
        assert!(shown.host.differs());
        assert_eq!(
            shown.to_string(),
            "\u{2068}www.bücher.example\u{2069} (www.xn--bcher-kva.example):8443"
        );
        let right_to_left = display("https://אבג.example/");
        assert!(right_to_left.to_string().starts_with('\u{2068}'));
    }

    #[test]
    fn addresses_are_shown_as_they_are() {
        assert_eq!(
            display("http://[::1]:8000/").to_string(),
            "http://[::1]:8000"
        );
        assert_eq!(display("https://10.0.0.1/").host.emphasised, "10.0.0.1");
    }

    #[test]
    fn page_text_cannot_deceive() {
        assert_eq!(bounded_escaped("a\u{202E}b\nc", 80), "a\\u{202e}b\\u{a}c");
        assert_eq!(bounded_escaped("abcdef", 3), "abc…");
        assert_eq!(bounded_escaped("abc", 3), "abc");
    }

    proptest! {
        #[test]
        fn halves_add_up(host in "(xn--)?[a-z0-9-]{1,12}(\\.(xn--)?[a-z0-9-]{1,8}){0,3}") {
            if let Some(origin) = Url::parse(&format!("https://{host}/")).ok().and_then(|url| TupleOrigin::from_url(&url)) {
                let shown = origin.display().host;
                prop_assert_eq!(format!("{}{}", shown.subdomain, shown.emphasised), shown.unicode.clone());
                prop_assert!(!shown.emphasised.is_empty());
            }
        }

        #[test]
        fn escaped_text_is_bounded(text in "\\PC{0,64}", limit in 0usize..32) {
            prop_assert!(bounded_escaped(&text, limit).chars().filter(|c| *c != '…').count() <= limit * 10);
        }
    }
}
