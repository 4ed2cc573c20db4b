//! What a person types into the address bar or gives on the command line: a URL, or words to search for.

use std::env;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use thiserror::Error;
use url::{Host, Url};

/// How much typed or pasted text is looked at, in bytes.
const MAX_INPUT: usize = 64 * 1024;

/// Where the new tab button leads.
pub const NEW_TAB_URL: &str = "about:blank";

/// What typed text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Navigation {
    /// A URL to load.
    Url(Url),
    /// Words to search for.
    Search(String),
}

/// Why typed text leads nowhere.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    /// Nothing was typed.
    #[error("there is nothing to open")]
    Empty,
    /// More than a URL can hold.
    #[error("the address is too long")]
    TooLong,
    /// The text has the form of a URL but is none.
    #[error("it is not a valid address ({0})")]
    Invalid(#[from] url::ParseError),
    /// A script. What people are told to paste into an address bar is not run.
    #[error("scripts are not run from the address bar")]
    Script,
    /// A path that cannot be turned into a URL.
    #[error("the path cannot be opened")]
    Path,
}

/// Decides between a URL and a search.
///
/// # Errors
/// If the text is empty, too long, a script, or looks like a URL but is none.
pub fn parse(input: &str) -> Result<Navigation, AddressError> {
    let input = input.trim();
    if input.is_empty() {
        return Err(AddressError::Empty);
    }
    if input.len() > MAX_INPUT {
        return Err(AddressError::TooLong);
    }
    if let Some(words) = input.strip_prefix('?') {
        return Ok(Navigation::Search(words.trim().to_owned()));
    }
    if input.starts_with('/') && !input.starts_with("//") {
        return Url::from_file_path(input)
            .map(Navigation::Url)
            .map_err(|()| AddressError::Path);
    }
    if let Some(scheme) = scheme(input) {
        return match scheme.as_str() {
            "javascript" => Err(AddressError::Script),
            _ => Ok(Navigation::Url(Url::parse(input)?)),
        };
    }
    match address_without_scheme(input) {
        Some(url) => Ok(Navigation::Url(url)),
        None => Ok(Navigation::Search(input.to_owned())),
    }
}

/// Like [`parse`], for a command line: an existing file is meant before anything else, and relative paths count.
///
/// # Errors
/// As [`parse`].
pub fn parse_argument(input: &str) -> Result<Navigation, AddressError> {
    let path = Path::new(input);
    if scheme(input).is_none() && path.exists() {
        let absolute: PathBuf = env::current_dir().unwrap_or_default().join(path);
        let url = if absolute.is_dir() {
            Url::from_directory_path(&absolute)
        } else {
            Url::from_file_path(&absolute)
        };
        return url.map(Navigation::Url).map_err(|()| AddressError::Path);
    }
    parse(input)
}

/// The URL that searches for words.
pub fn search_url(words: &str) -> Url {
    let mut url = Url::parse("https://duckduckgo.com/").expect("the constant is a URL");
    url.query_pairs_mut().append_pair("q", words);
    url
}

/// The scheme of text that is written as a URL. `host:80` is none, and neither is `C++: a book`.
fn scheme(input: &str) -> Option<String> {
    let (scheme, rest) = input.split_once(':')?;
    let mut characters = scheme.chars();
    let well_formed = characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic())
        && characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let opaque = [
        "about",
        "blob",
        "data",
        "javascript",
        "file",
        "http",
        "https",
        "mailto",
        "ws",
        "wss",
    ];
    let scheme = scheme.to_ascii_lowercase();
    (well_formed && (rest.starts_with("//") || opaque.contains(&scheme.as_str()))).then_some(scheme)
}

/// A host with an optional port, path, query and fragment, as people write addresses.
fn address_without_scheme(input: &str) -> Option<Url> {
    if input.chars().any(char::is_whitespace) || input.contains('@') {
        return None;
    }
    let authority = input.split(['/', '?', '#']).next().unwrap_or_default();
    let with_port = has_port(authority);
    let https = Url::parse(&format!("https://{input}")).ok()?;
    match https.host()? {
        Host::Ipv4(address) => {
            // “1.5” is a number, not the address 1.0.0.5.
            let written_whole = authority.split(':').next()?.parse::<Ipv4Addr>() == Ok(address);
            if !written_whole {
                None
            } else {
                Url::parse(&format!("http://{input}")).ok()
            }
        },
        Host::Ipv6(_) => Url::parse(&format!("http://{input}")).ok(),
        Host::Domain(domain) if is_local(domain) => Url::parse(&format!("http://{input}")).ok(),
        Host::Domain(domain) if has_top_level_domain(domain) => Some(https),
        Host::Domain(_) if with_port => Url::parse(&format!("http://{input}")).ok(),
        Host::Domain(_) => None,
    }
}

fn has_port(authority: &str) -> bool {
    match authority.rsplit_once(':') {
        Some((host, port)) => {
            !host.is_empty()
                && !port.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit())
                && (!host.contains(':') || host.parse::<Ipv6Addr>().is_err())
        },
        None => false,
    }
}

/// Names that are never looked up elsewhere: <https://www.rfc-editor.org/rfc/rfc6761#section-6.3>
fn is_local(domain: &str) -> bool {
    let domain = domain.trim_end_matches('.');
    domain == "localhost" || domain.ends_with(".localhost")
}

/// Whether a name ends as names on the Internet do: “node.js” style words are searched for all the same when typed with
/// other words, and a wrong guess leads to an error page that says so.
fn has_top_level_domain(domain: &str) -> bool {
    domain
        .trim_end_matches('.')
        .rsplit_once('.')
        .is_some_and(|(rest, last)| {
            !rest.is_empty() && last.len() >= 2 && !last.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (input, expected) in [
            ("https://example.org/a b", "https://example.org/a%20b"),
            ("HTTP://Example.org", "http://example.org/"),
            ("example.org", "https://example.org/"),
            ("  example.org/path?q#f ", "https://example.org/path?q#f"),
            ("example.org:8443/x", "https://example.org:8443/x"),
            ("bücher.example", "https://xn--bcher-kva.example/"),
            ("localhost", "http://localhost/"),
            ("localhost:8000/x", "http://localhost:8000/x"),
            ("photos.localhost:8101", "http://photos.localhost:8101/"),
            ("127.0.0.1:8000", "http://127.0.0.1:8000/"),
            ("192.168.0.1", "http://192.168.0.1/"),
            ("[::1]:8000/x", "http://[::1]:8000/x"),
            ("printer:631", "http://printer:631/"),
            ("about:blank", "about:blank"),
            ("data:text/html,hi", "data:text/html,hi"),
            ("/etc/hosts", "file:///etc/hosts"),
            ("file:///etc/hosts", "file:///etc/hosts"),
        ] {
            assert_eq!(
                parse(input),
                Ok(Navigation::Url(Url::parse(expected).unwrap())),
                "{input}"
            );
        }
    }

    #[test]
    fn searches() {
        for (input, words) in [
            ("cats", "cats"),
            ("how tall is mount everest", "how tall is mount everest"),
            ("what is example.org", "what is example.org"),
            ("?example.org", "example.org"),
            ("C++: a book", "C++: a book"),
            ("1.5", "1.5"),
            ("someone@example.org", "someone@example.org"),
            ("3:30", "3:30"),
        ] {
            assert_eq!(
                parse(input),
                Ok(Navigation::Search(words.to_owned())),
                "{input}"
            );
        }
        assert_eq!(
            search_url("a&b c").as_str(),
            "https://duckduckgo.com/?q=a%26b+c"
        );
    }

    #[test]
    fn errors() {
        assert_eq!(parse("  "), Err(AddressError::Empty));
        assert_eq!(
            parse(&"a".repeat(MAX_INPUT + 1)),
            Err(AddressError::TooLong)
        );
        assert_eq!(parse("JavaScript:alert(1)"), Err(AddressError::Script));
        assert!(matches!(
            parse("https://exa<mple/"),
            Err(AddressError::Invalid(_))
        ));
        assert!(matches!(
            parse("http://[::1"),
            Err(AddressError::Invalid(_))
        ));
    }

    #[test]
    fn paths_on_the_command_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a page.html");
        std::fs::write(&file, "").unwrap();
        let Ok(Navigation::Url(url)) = parse_argument(file.to_str().unwrap()) else {
            panic!("a file is opened");
        };
        assert!(url.as_str().ends_with("/a%20page.html"));
        let Ok(Navigation::Url(url)) = parse_argument(folder.path().to_str().unwrap()) else {
            panic!("a folder is opened");
        };
        assert!(url.as_str().ends_with('/'));
    }
}
