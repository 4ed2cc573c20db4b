//! Certificate errors that the person in front of the browser chose to disregard.

use std::collections::VecDeque;

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::RwLock;
use url::Host;

use super::hosts::without_root;

/// How many overrides are kept; the oldest goes first.
const LIMIT: usize = 256;

/// The overrides of one browsing profile, until it closes. An override is for one certificate at one host, so neither
/// another certificate of that host nor the same certificate elsewhere is accepted.
#[derive(Default)]
pub struct CertificateOverrides {
    entries: RwLock<VecDeque<Override>>,
}

#[derive(PartialEq, Eq)]
struct Override {
    host: Host<String>,
    fingerprint: Vec<u8>,
}

impl Override {
    fn new(host: Host<String>, leaf: &[u8]) -> Self {
        let host = match host {
            Host::Domain(name) => Host::Domain(without_root(&name).to_owned()),
            address => address,
        };
        Self {
            host,
            fingerprint: digest(&SHA256, leaf).as_ref().to_owned(),
        }
    }
}

impl CertificateOverrides {
    /// Accepts the certificate `leaf` (in DER) at `host`, whatever is wrong with it.
    pub fn add(&self, host: Host<String>, leaf: &[u8]) {
        let entry = Override::new(host, leaf);
        let mut entries = self.entries.write();
        entries.retain(|known| *known != entry);
        if entries.len() >= LIMIT {
            entries.pop_front();
        }
        entries.push_back(entry);
    }

    /// Whether the certificate `leaf` (in DER) is accepted at `host`.
    pub fn contains(&self, host: &Host<String>, leaf: &[u8]) -> bool {
        let entries = self.entries.read();
        !entries.is_empty() && entries.contains(&Override::new(host.clone(), leaf))
    }

    /// Forgets the overrides of hosts that `has_recourse` says no to.
    pub fn retain(&self, has_recourse: impl Fn(&Host<String>) -> bool) {
        self.entries
            .write()
            .retain(|entry| has_recourse(&entry.host));
    }

    /// Forgets all overrides.
    pub fn clear(&self) {
        self.entries.write().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> Host<String> {
        Host::Domain(name.to_owned())
    }

    #[test]
    fn matches_host_and_certificate_together() {
        let overrides = CertificateOverrides::default();
        overrides.add(domain("a.test"), b"certificate");
        assert!(overrides.contains(&domain("a.test"), b"certificate"));
        assert!(overrides.contains(&domain("a.test."), b"certificate"));
        assert!(!overrides.contains(&domain("a.test"), b"another"));
        assert!(!overrides.contains(&domain("b.test"), b"certificate"));
        overrides.clear();
        assert!(!overrides.contains(&domain("a.test"), b"certificate"));
    }

    #[test]
    fn hosts_may_lose_theirs() {
        let overrides = CertificateOverrides::default();
        for host in ["a.test", "b.test"] {
            overrides.add(domain(host), b"certificate");
        }
        overrides.retain(|host| *host != domain("a.test"));
        assert!(!overrides.contains(&domain("a.test"), b"certificate"));
        assert!(overrides.contains(&domain("b.test"), b"certificate"));
    }

    #[test]
    fn is_bounded() {
        let overrides = CertificateOverrides::default();
        for index in 0..=LIMIT {
            overrides.add(domain("a.test"), &index.to_be_bytes());
        }
        assert_eq!(overrides.entries.read().len(), LIMIT);
        assert!(!overrides.contains(&domain("a.test"), &0usize.to_be_bytes()));
        assert!(overrides.contains(&domain("a.test"), &LIMIT.to_be_bytes()));
    }
}
