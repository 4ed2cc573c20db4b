//! The mapping of names to addresses that tests and developers give to the browser: a file like `/etc/hosts`.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use log::warn;
use rustc_hash::FxHashMap;
use url::Host;

/// Names with addresses of their own. They are never looked up elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostTable {
    addresses: FxHashMap<String, Vec<IpAddr>>,
}

impl HostTable {
    /// The table that the browser was started with: the file that the environment variable `HOST_FILE` names, or else
    /// Servo's option `host_file`. Empty if there is none or it cannot be read.
    pub fn of_browser() -> Self {
        let path = env::var_os("HOST_FILE")
            .map(PathBuf::from)
            .or_else(|| servo_config::opts::get().host_file.clone());
        let Some(path) = path else {
            return Self::default();
        };
        Self::read(&path).unwrap_or_else(|error| {
            warn!("The host file {} cannot be read: {error}", path.display());
            Self::default()
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    /// What went wrong when it was read. Lines that make no sense are skipped.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(Self::parse(&fs::read_to_string(path)?))
    }

    /// Reads the text of a host file: on each line an address and its names, separated by white space; `#` starts a comment.
    /// Names that occur on several lines have several addresses, in that order.
    pub fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            let line = line.split_once('#').map_or(line, |(line, _comment)| line);
            let mut words = line.split_ascii_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else {
                continue;
            };
            for name in words {
                table.add(name, address);
            }
        }
        table
    }

    /// Adds an address to a name. A name that is no host of a URL is ignored.
    pub fn add(&mut self, name: &str, address: IpAddr) {
        let Ok(Host::Domain(name)) = Host::parse(name) else {
            return;
        };
        let addresses = self
            .addresses
            .entry(without_root(&name).to_owned())
            .or_default();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }

    /// The addresses of `name` (as in a URL: in lower case and ASCII), or `None` if the table does not have it. An empty
    /// answer says that the name does not exist.
    ///
    /// NB: `0.0.0.0` is how a host file says that a name leads nowhere; connecting to it would reach this machine.
    pub fn addresses(&self, name: &str) -> Option<Vec<IpAddr>> {
        let addresses = self.addresses.get(without_root(name))?;
        Some(
            addresses
                .iter()
                .copied()
                .filter(|address| !address.is_unspecified())
                .collect(),
        )
    }
}

/// A name without the dot that stands for the root of the domain name system.
pub(super) fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_lines() {
        let table = HostTable::parse(
            "# a comment\n\
             127.0.0.1\tlocal.test www.local.test # and more\n\
             ::1 local.test\n\
             not-an-address ignored.test\n\
             0.0.0.0 nowhere.test\n\
             10.0.0.1 UPPER.test m\u{fc}nchen.test dotted.test.\n\
             10.0.0.2 10.0.0.3\n",
        );
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let cases = [
            (
                "local.test",
                Some(vec![address("127.0.0.1"), address("::1")]),
            ),
            (
                "local.test.",
                Some(vec![address("127.0.0.1"), address("::1")]),
            ),
            ("www.local.test", Some(vec![address("127.0.0.1")])),
            ("ignored.test", None),
            ("nowhere.test", Some(vec![])),
            ("upper.test", Some(vec![address("10.0.0.1")])),
            ("xn--mnchen-3ya.test", Some(vec![address("10.0.0.1")])),
            ("dotted.test", Some(vec![address("10.0.0.1")])),
            ("10.0.0.3", None),
            ("other.test", None),
        ];
        for (name, expected) in cases {
            assert_eq!(table.addresses(name), expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn takes_any_text(text in ".{0,200}") {
            let _ = HostTable::parse(&text);
        }
    }
}
