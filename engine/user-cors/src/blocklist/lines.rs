//! The lines of a list file, in the formats that lists come in.
//!
//! | line | blocks |
//! | --- | --- |
//! | `https://bank.example:8443` | that origin |
//! | `bank.example` | the domain and everything below it |
//! | `0.0.0.0 bank.example www.bank.example` | the same, for each name (hosts file) |
//! | `\|\|bank.example^` | the same (Adblock) |
//!
//! Each line is read by itself, so that files that mix the formats work. `#` and `!` begin a comment. Names may be in
//! upper case or Unicode.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Host;

use super::BlockedTarget;
use crate::{display::bounded_escaped, pattern::exact_origin};

/// The longest line that is read, in bytes.
pub const MAX_LINE_BYTES: usize = 4096;

/// The longest part of a bad line that is shown, in characters.
const MAX_SHOWN: usize = 80;

/// Options of an Adblock rule that take nothing away from it for requests to another site.
const WIDE_OPTIONS: [&str; 4] = ["third-party", "3p", "all", "important"];

/// The names in hosts files that every machine has for itself and for multicast groups.
const OWN_NAMES: [&str; 12] = [
    "localhost",
    "localhost.localdomain",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-allhosts",
    "0.0.0.0",
];

/// A line that was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLine {
    /// Its number; the first line is 1.
    pub number: u64,
    /// What is wrong with it.
    pub problem: LineProblem,
}

/// Why a line says nothing that can be used.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum LineProblem {
    /// Longer than [`MAX_LINE_BYTES`].
    #[error("longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("not text in UTF-8")]
    NotText,
    /// Neither an origin, nor a domain, nor a rule. Holds the beginning, escaped.
    #[error("“{0}” is neither an origin, nor a domain, nor ||domain^")]
    NotATarget(String),
    /// A hosts file's entry that leads somewhere.
    #[error("an entry for {0} names a computer and blocks nothing")]
    RealAddress(IpAddr),
    /// An exception, which would take away from what other lines block.
    #[error("exceptions are not supported")]
    Exception,
    /// An Adblock rule that holds only for some requests.
    #[error("rules for some requests only are not supported")]
    Narrowed,
}

/// What a line blocks: nothing, if it is empty or a comment.
///
/// # Errors
/// If it is neither, and blocks nothing all the same.
pub(super) fn parse_line(line: &[u8]) -> Result<Vec<BlockedTarget>, LineProblem> {
    if line.len() > MAX_LINE_BYTES {
        return Err(LineProblem::TooLong);
    }
    let line = str::from_utf8(line).map_err(|_| LineProblem::NotText)?;
    let line = line.trim_start_matches('\u{FEFF}').trim();
    if line.is_empty() || line.starts_with(['#', '!']) || line.starts_with("[Adblock") {
        return Ok(Vec::new());
    }
    if line.starts_with("@@") {
        return Err(LineProblem::Exception);
    }
    if let Some(rule) = line.strip_prefix("||") {
        return adblock_rule(rule);
    }
    let mut words = line
        .split_whitespace()
        .take_while(|word| !word.starts_with('#'));
    let (Some(first), second) = (words.next(), words.next()) else {
        return Ok(Vec::new());
    };
    match second {
        Some(_) => hosts_entry(line),
        None => target(first).map(|target| vec![target]),
    }
}

fn target(text: &str) -> Result<BlockedTarget, LineProblem> {
    exact_origin(text)
        .map(BlockedTarget::Origin)
        .or_else(|| domain(text).map(BlockedTarget::Domain))
        .ok_or_else(|| not_a_target(text))
}

fn adblock_rule(rule: &str) -> Result<BlockedTargets, LineProblem> {
    let Some((name, rest)) = rule.split_once('^') else {
        return Err(not_a_target(rule));
    };
    let is_wide = match rest.strip_prefix('$') {
        Some(options) => options
            .split(',')
            .all(|option| WIDE_OPTIONS.contains(&option)),
        None => rest.is_empty(),
    };
    if !is_wide {
        return Err(LineProblem::Narrowed);
    }
    let name = domain(name).ok_or_else(|| not_a_target(name))?;
    Ok(vec![BlockedTarget::Domain(name)])
}

type BlockedTargets = Vec<BlockedTarget>;

fn hosts_entry(line: &str) -> Result<BlockedTargets, LineProblem> {
    // There, a comment begins in the middle of a word too.
    let entry = line.split('#').next().unwrap_or_default();
    let mut names = entry.split_whitespace();
    let address = names.next().unwrap_or_default();
    // A zone, as in `fe80::1%lo0`, is no part of the address.
    let address = address.split('%').next().unwrap_or_default();
    let address: IpAddr = address.parse().map_err(|_| not_a_target(line))?;
    let names: Vec<&str> = names.filter(|name| !is_own_name(name)).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    if !address.is_unspecified() && !address.is_loopback() {
        return Err(LineProblem::RealAddress(address));
    }
    names
        .into_iter()
        .map(|name| domain(name).map(BlockedTarget::Domain))
        .collect::<Option<_>>()
        .ok_or_else(|| not_a_target(line))
}

/// Whether a hosts file has this name for the machine itself or for a multicast group, not to block it. Other names without a
/// dot are those of devices and services in the local network, and may well be meant.
fn is_own_name(name: &str) -> bool {
    OWN_NAMES.contains(&name)
}

/// A host in the form that [`url::Url`] gives it; `None` if the text is anything else.
fn domain(text: &str) -> Option<String> {
    // The host parser decodes percent-encoded bytes; a list that has any means something else.
    if text.contains(['%', '*']) {
        return None;
    }
    let host = Host::parse(text).ok()?.to_string();
    let host = host.strip_suffix('.').unwrap_or(&host);
    let has_empty_label = host.split('.').any(str::is_empty);
    (!has_empty_label).then(|| host.to_owned())
}

fn not_a_target(text: &str) -> LineProblem {
    LineProblem::NotATarget(bounded_escaped(text, MAX_SHOWN))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(line: &str) -> Result<Vec<String>, LineProblem> {
        parse_line(line.as_bytes())
            .map(|targets| targets.iter().map(BlockedTarget::to_string).collect())
    }

    #[test]
    fn formats() {
        for (line, expected) in [
            ("", &[][..]),
            ("  \t", &[]),
            ("# hosts", &[]),
            ("! Title: x", &[]),
            ("[Adblock Plus 2.0]", &[]),
            ("\u{FEFF}# first line", &[]),
            ("bank.example", &["bank.example"]),
            ("  bank.example  # inline", &["bank.example"]),
            ("Bank.EXAMPLE.", &["bank.example"]),
            ("bücher.example", &["xn--bcher-kva.example"]),
            ("https://bank.example:8443", &["https://bank.example:8443"]),
            ("https://10.0.0.1", &["https://10.0.0.1"]),
            ("93.184.216.34", &["93.184.216.34"]),
            ("0.0.0.0 a.example\tb.example", &["a.example", "b.example"]),
            ("127.0.0.1 a.example # tracker", &["a.example"]),
            ("0.0.0.0 a.example#tracker of b.example", &["a.example"]),
            ("0.0.0.0 a.example# b.example", &["a.example"]),
            (":: a.example", &["a.example"]),
            ("127.0.0.1 localhost", &[]),
            ("0.0.0.0 intranet", &["intranet"]),
            ("0.0.0.0 0.0.0.0", &[]),
            ("fe80::1%lo0 localhost", &[]),
            ("255.255.255.255 broadcasthost", &[]),
            ("||bank.example^", &["bank.example"]),
            ("||bank.example^$third-party,important", &["bank.example"]),
        ] {
            assert_eq!(
                parsed(line).as_deref(),
                Ok(expected_strings(expected).as_slice()),
                "{line}"
            );
        }
    }

    fn expected_strings(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn bad_lines() {
        let not_a_target = |text: &str| LineProblem::NotATarget(text.to_owned());
        for (line, expected) in [
            (
                "https://bank.example/",
                not_a_target("https://bank.example/"),
            ),
            (
                "https://*.example.com",
                not_a_target("https://*.example.com"),
            ),
            ("*.example.com", not_a_target("*.example.com")),
            ("a..example", not_a_target("a..example")),
            ("a.example##.advert", not_a_target("a.example##.advert")),
            ("||a.example", not_a_target("a.example")),
            ("||a.example/path^", not_a_target("a.example/path")),
            ("a.example b.example", not_a_target("a.example b.example")),
            ("%61.example", not_a_target("%61.example")),
            ("||a.example^$script", LineProblem::Narrowed),
            ("||a.example^path", LineProblem::Narrowed),
            ("@@||a.example^", LineProblem::Exception),
            (
                "192.168.0.5 nas.example",
                LineProblem::RealAddress("192.168.0.5".parse().unwrap()),
            ),
            (
                "192.168.0.6 printer",
                LineProblem::RealAddress("192.168.0.6".parse().unwrap()),
            ),
        ] {
            assert_eq!(parsed(line), Err(expected), "{line}");
        }
        assert_eq!(parse_line(b"\xff.example"), Err(LineProblem::NotText));
        assert_eq!(parse_line(&[b'a'; 5000]), Err(LineProblem::TooLong));
        assert_eq!(
            parsed("a\u{202e}b ..").map_err(|problem| problem.to_string()),
            Err("“a\\u{202e}b ..” is neither an origin, nor a domain, nor ||domain^".to_owned())
        );
    }

    proptest! {
        #[test]
        fn what_a_line_blocks_reads_back(line in "(0\\.0\\.0\\.0 |\\|\\|)?[a-zA-Z0-9.:/^$*% -]{0,24}") {
            for target in parse_line(line.as_bytes()).unwrap_or_default() {
                let text = target.to_string();
                prop_assert_eq!(parse_line(text.as_bytes()), Ok(vec![target]));
            }
        }

        #[test]
        fn any_bytes_are_a_line_or_an_error(line in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse_line(&line);
        }
    }
}
