//! `--address-space-overrides 127.0.0.1:8101=public,…`: other address spaces for tests on one machine.
//!
//! The command line and policy can set these, a page or a preference cannot, and the interface shows that they are in
//! force.

use std::{collections::BTreeMap, fmt, net::SocketAddr, str::FromStr};

use thiserror::Error;

use super::AddressSpace;

/// Which sockets count as which address space.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSpaceOverrides(BTreeMap<SocketAddr, AddressSpace>);

/// Why a list of overrides cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OverridesError {
    /// An entry has no `=`.
    #[error("“{0}” is not of the form IP:port=space, for example 127.0.0.1:8101=public")]
    NoSpace(String),
    /// What stands before `=` is not an IP address and a port.
    #[error("“{0}” is not an IP address with a port, for example 127.0.0.1:8101 or [::1]:8101")]
    Address(String),
    /// What stands after `=` is not an address space.
    #[error("“{0}” is not an address space: write public, local or loopback")]
    Space(String),
    /// Two entries name the same address and port.
    #[error("{0} is listed twice")]
    Repeated(SocketAddr),
}

impl AddressSpaceOverrides {
    /// The space that an address and port were given.
    pub fn get(&self, socket: &SocketAddr) -> Option<AddressSpace> {
        self.0.get(&without_scope(*socket)).copied()
    }

    /// Whether nothing is overridden.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an entry; `false` if its socket is listed already.
    fn insert(&mut self, socket: SocketAddr, space: AddressSpace) -> bool {
        self.0.insert(without_scope(socket), space).is_none()
    }
}

/// Zone and flow label are no part of the key.
fn without_scope(socket: SocketAddr) -> SocketAddr {
    SocketAddr::new(socket.ip(), socket.port())
}

impl FromStr for AddressSpaceOverrides {
    type Err = OverridesError;

    fn from_str(text: &str) -> Result<Self, OverridesError> {
        let mut overrides = Self::default();
        for entry in text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
        {
            let (socket, space) = entry
                .split_once('=')
                .ok_or_else(|| OverridesError::NoSpace(entry.to_owned()))?;
            let (socket, space) = (socket.trim(), space.trim());
            let socket: SocketAddr = socket
                .parse()
                .map_err(|_| OverridesError::Address(socket.to_owned()))?;
            let space = AddressSpace::parse(space)
                .ok_or_else(|| OverridesError::Space(space.to_owned()))?;
            if !overrides.insert(socket, space) {
                return Err(OverridesError::Repeated(socket));
            }
        }
        Ok(overrides)
    }
}

impl fmt::Display for AddressSpaceOverrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (socket, space)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            write!(f, "{socket}={space}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_reads_back() {
        let text = "127.0.0.1:8101=public,127.0.0.1:8102=local,[::1]:8101=loopback";
        let overrides: AddressSpaceOverrides = text.parse().unwrap();
        assert_eq!(overrides.to_string(), text);
        assert_eq!(
            overrides.get(&"127.0.0.1:8101".parse().unwrap()),
            Some(AddressSpace::Public)
        );
        assert_eq!(overrides.get(&"127.0.0.1:8103".parse().unwrap()), None);
        assert!(" , ".parse::<AddressSpaceOverrides>().unwrap().is_empty());
    }

    #[test]
    fn errors_say_what_to_write() {
        for (text, error) in [
            (
                "127.0.0.1:8101",
                OverridesError::NoSpace("127.0.0.1:8101".into()),
            ),
            (
                "127.0.0.1=public",
                OverridesError::Address("127.0.0.1".into()),
            ),
            (
                "localhost:80=public",
                OverridesError::Address("localhost:80".into()),
            ),
            (
                "127.0.0.1:80=private",
                OverridesError::Space("private".into()),
            ),
            (
                "[::1]:1=local, [::1]:1=public",
                OverridesError::Repeated("[::1]:1".parse().unwrap()),
            ),
        ] {
            assert_eq!(text.parse::<AddressSpaceOverrides>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "[0-9a-z.:=,\\[\\] ]{0,48}") {
            let _ = text.parse::<AddressSpaceOverrides>();
        }
    }
}
