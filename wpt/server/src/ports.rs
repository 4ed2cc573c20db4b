//! What listens where: the names of ports in substitutions, and their numbers.

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Protocol {
    /// HTTP/1.1 without TLS.
    Http,
    /// HTTP/1.1 over TLS.
    Https,
    /// HTTP/2 over TLS.
    H2,
    /// WebSockets without TLS.
    Ws,
    /// WebSockets over TLS.
    Wss,
    /// `CONNECT`, to the other ports.
    Proxy,
}

impl Protocol {
    /// Whether connections begin with a TLS handshake.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Https | Self::H2 | Self::Wss)
    }

    /// The scheme of URLs that lead here.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Http | Self::Proxy => "http",
            Self::Https | Self::H2 => "https",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

/// A kind of port: its name in `{{ports[…][0]}}`, what is spoken there, how many there are, and where they are by default.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Kind {
    /// The name.
    pub name: &'static str,
    /// What is spoken.
    pub protocol: Protocol,
    /// Where the ports are by default.
    pub usual: &'static [u16],
}

/// All kinds. Those whose names end in `-private` and `-public` differ in nothing but their numbers: a browser is told to
/// take them for parts of these address spaces.
pub const KINDS: &[Kind] = &[
    kind("http", Protocol::Http, &[8000, 8001]),
    kind("https", Protocol::Https, &[8443, 8444]),
    kind("http-private", Protocol::Http, &[8002]),
    kind("http-public", Protocol::Http, &[8003]),
    kind("https-private", Protocol::Https, &[8445]),
    kind("https-public", Protocol::Https, &[8446]),
    kind("h2", Protocol::H2, &[9000]),
    kind("ws", Protocol::Ws, &[8666]),
    kind("wss", Protocol::Wss, &[8667]),
    kind("proxy", Protocol::Proxy, &[8128]),
];

const fn kind(name: &'static str, protocol: Protocol, usual: &'static [u16]) -> Kind {
    Kind {
        name,
        protocol,
        usual,
    }
}

/// The numbers of all ports.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Ports {
    numbers: Vec<(&'static str, u16)>,
}

impl Ports {
    /// Notes a port of a kind; the first noted is `[0]`.
    pub fn add(&mut self, name: &'static str, number: u16) {
        self.numbers.push((name, number));
    }

    /// The number of the port that `{{ports[name][index]}}` names.
    pub fn get(&self, name: &str, index: usize) -> Option<u16> {
        self.numbers
            .iter()
            .filter(|(kind, _)| *kind == name)
            .nth(index)
            .map(|(_, number)| *number)
    }

    /// All names and numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u16)> {
        self.numbers.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn usual_ports_differ() {
        let all: Vec<u16> = KINDS.iter().flat_map(|kind| kind.usual).copied().collect();
        let distinct: BTreeSet<u16> = all.iter().copied().collect();
        assert_eq!(all.len(), distinct.len());
    }

    #[test]
    fn ports_are_counted_within_their_kind() {
        let mut ports = Ports::default();
        ports.add("http", 1);
        ports.add("https", 2);
        ports.add("http", 3);
        assert_eq!(ports.get("http", 0), Some(1));
        assert_eq!(ports.get("http", 1), Some(3));
        assert_eq!(ports.get("https", 1), None);
        assert_eq!(ports.get("ftp", 0), None);
    }
}
