//! The hosts: two registrable domains, each with the same subdomains, all on loopback.
//!
//! <https://web-platform-tests.org/writing-tests/server-features.html#tests-involving-multiple-origins>

use std::fmt::Write as _;

/// The subdomains, as they are written in substitutions and as they go over the wire.
const SUBDOMAINS: [(&str, &str); 5] = [
    ("www", "www"),
    ("www1", "www1"),
    ("www2", "www2"),
    ("天気の良い日", "xn--n8j6ds53lwwkrqhv28a"),
    ("élève", "xn--lve-6lad"),
];

/// A registrable domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Domain {
    /// The one that tests come from.
    Main,
    /// Another, which is another site.
    Alternate,
}

impl Domain {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Main, Self::Alternate];

    /// The domain of a key of `{{hosts[…][…]}}`.
    pub fn of_key(key: &str) -> Option<Self> {
        match key {
            "" => Some(Self::Main),
            "alt" => Some(Self::Alternate),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Main => "web-platform.test",
            Self::Alternate => "not-web-platform.test",
        }
    }

    /// The host of one of its subdomains, itself if that is empty. There may be two levels, and a name that is never
    /// there: `nonexistent`.
    pub fn subdomain(self, name: &str) -> Option<String> {
        if name.is_empty() {
            return Some(self.name().to_owned());
        }
        if name == "nonexistent" {
            return Some(format!("nonexistent.{}", self.name()));
        }
        let labels: Option<Vec<&str>> = name.split('.').map(label).collect();
        let labels = labels.filter(|labels| labels.len() <= 2)?;
        Some(format!("{}.{}", labels.join("."), self.name()))
    }
}

fn label(name: &str) -> Option<&'static str> {
    SUBDOMAINS
        .iter()
        .find(|(written, _)| *written == name)
        .map(|(_, wire)| *wire)
}

/// Every host that is served.
pub fn all() -> Vec<String> {
    let mut hosts = Vec::new();
    for domain in Domain::ALL {
        hosts.push(domain.name().to_owned());
        for (_, outer) in SUBDOMAINS {
            hosts.push(format!("{outer}.{}", domain.name()));
            for (_, inner) in SUBDOMAINS {
                hosts.push(format!("{inner}.{outer}.{}", domain.name()));
            }
        }
    }
    hosts
}

/// Every host with its address, in the format of `/etc/hosts`.
pub fn hosts_file() -> String {
    all().iter().fold(String::new(), |mut text, host| {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "127.0.0.1 {host}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subdomains_have_their_names_on_the_wire() {
        for (name, expected) in [
            ("", Some("web-platform.test")),
            ("www1", Some("www1.web-platform.test")),
            ("www.www2", Some("www.www2.web-platform.test")),
            ("élève", Some("xn--lve-6lad.web-platform.test")),
            ("nonexistent", Some("nonexistent.web-platform.test")),
            ("www3", None),
            ("www.www.www", None),
            ("www.", None),
        ] {
            assert_eq!(Domain::Main.subdomain(name).as_deref(), expected, "{name}");
        }
        assert_eq!(
            Domain::Alternate.subdomain("www").as_deref(),
            Some("www.not-web-platform.test")
        );
    }

    #[test]
    fn what_is_never_there_is_not_served() {
        let all = all();
        assert_eq!(all.len(), 2 * (1 + 5 + 25));
        assert!(!all.iter().any(|host| host.contains("nonexistent")));
        assert!(all.iter().all(|host| host.is_ascii()));
        assert_eq!(hosts_file().lines().count(), all.len());
    }
}
