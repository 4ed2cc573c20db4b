//! Known HSTS hosts.

use std::collections::HashMap;
use std::io;
use std::mem::size_of;
use std::path::Path;
use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::STRICT_TRANSPORT_SECURITY;
use serde::{Deserialize, Serialize};
use servo_url::ServoUrl;
use url::Host;

use super::header::StrictTransportSecurity;
use super::preload;
use crate::profile_file;

const FILE: &str = "hsts.json";
const VERSION: u32 = 1;

/// The most hosts. Above it, those go that would be forgotten first anyway.
const MAX_HOSTS: usize = 10_000;
/// The longest time for which a host is known without having said so again.
const MAX_MAX_AGE: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The [known HSTS hosts](https://www.rfc-editor.org/rfc/rfc6797#section-8.1): those that said so, and always those of the
/// preload list.
#[derive(Clone, Debug, Default)]
pub struct HstsList {
    hosts: HashMap<String, KnownHost>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct KnownHost {
    expires: SystemTime,
    include_subdomains: bool,
}

/// A host in the file. The time is in seconds since the Unix epoch.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PersistedHost {
    host: String,
    expires: u64,
    include_subdomains: bool,
}

impl HstsList {
    /// A list of no hosts beside the preload list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the list that [`Self::save`] wrote to `directory`, without what has ended since. If there is none, or it
    /// cannot be understood, the result is empty; a file that cannot be understood is kept under another name.
    pub fn load(directory: &Path, now: SystemTime) -> Self {
        let mut list = Self::new();
        let hosts: Vec<PersistedHost> =
            profile_file::read(directory, FILE, VERSION).unwrap_or_default();
        for host in hosts {
            let known = SystemTime::UNIX_EPOCH
                .checked_add(Duration::from_secs(host.expires))
                .filter(|expires| *expires > now)
                .map(|expires| KnownHost {
                    expires: expires.min(now + MAX_MAX_AGE),
                    include_subdomains: host.include_subdomains,
                });
            if let Some(known) = known {
                list.insert(host.host, known, now);
            }
        }
        list
    }

    /// Writes the list to `directory`, without the preload list.
    ///
    /// # Errors
    /// What the file system refuses; what was there before then stays.
    pub fn save(&self, directory: &Path, now: SystemTime) -> io::Result<()> {
        let mut hosts: Vec<_> = self
            .hosts
            .iter()
            .filter(|(_, known)| known.expires > now)
            .map(|(host, known)| PersistedHost {
                host: host.clone(),
                expires: known
                    .expires
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap_or_default()
                    .as_secs(),
                include_subdomains: known.include_subdomains,
            })
            .collect();
        hosts.sort_by(|a, b| a.host.cmp(&b.host));
        profile_file::write(directory, FILE, VERSION, &hosts)
    }

    /// Rewrites a URL that is not secure, if its host is known. Returns whether it did.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc6797#section-8.3>
    pub fn apply(&self, url: &mut ServoUrl, now: SystemTime) -> bool {
        let scheme = match url.scheme() {
            "http" => "https",
            "ws" => "wss",
            _ => return false,
        };
        // 1. to 4. Only a host name can be known.
        // https://fetch.spec.whatwg.org/#concept-main-fetch, 10. And none that always means this machine.
        if !url
            .domain()
            .is_some_and(|host| !is_localhost(host) && self.is_known_host(host, now))
        {
            return false;
        }
        // 5. The scheme becomes the secure one. The default port follows it; any other port stays.
        url.as_mut_url().set_scheme(scheme).is_ok()
    }

    /// Whether `host` is known, by itself or as a subdomain of one that includes them.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc6797#section-8.2>
    pub fn is_known_host(&self, host: &str, now: SystemTime) -> bool {
        let host = canonicalize(host);
        let mut superdomain = Some(host);
        while let Some(name) = superdomain {
            let known = self.hosts.get(name).filter(|known| known.expires > now);
            let is_congruent = name.len() == host.len();
            if known.is_some_and(|known| is_congruent || known.include_subdomains)
                || preload::includes_subdomains(name)
                    .is_some_and(|include_subdomains| is_congruent || include_subdomains)
            {
                return true;
            }
            superdomain = name.split_once('.').map(|(_, rest)| rest);
        }
        false
    }

    /// Notes what the response to a request to `url` says of its host. The caller has made sure that the connection was
    /// made without any error of TLS, also without one that the user accepted.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc6797#section-8.1>
    pub fn update(&mut self, url: &ServoUrl, headers: &HeaderMap, now: SystemTime) {
        if !matches!(url.scheme(), "https" | "wss") {
            return;
        }
        // IP addresses cannot be known.
        let Some(Host::Domain(host)) = url.host() else {
            return;
        };
        let host = canonicalize(host).to_owned();
        // Only the first header field counts.
        let header = headers
            .get(STRICT_TRANSPORT_SECURITY)
            .and_then(|value| StrictTransportSecurity::parse(value.as_bytes()));
        let Some(header) = header else { return };
        if header.max_age.is_zero() {
            self.hosts.remove(&host);
        } else {
            let known = KnownHost {
                expires: now + header.max_age.min(MAX_MAX_AGE),
                include_subdomains: header.include_subdomains,
            };
            self.insert(host, known, now);
        }
    }

    /// Forgets all hosts but those of the preload list.
    pub fn clear(&mut self) {
        self.hosts = HashMap::new();
    }

    /// How many hosts are known beside the preload list.
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether no host is known beside the preload list.
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// The bytes that the list takes in memory, without the preload list.
    pub fn size_of(&self) -> usize {
        self.hosts.capacity() * size_of::<(String, KnownHost)>()
            + self.hosts.keys().map(String::capacity).sum::<usize>()
    }

    fn insert(&mut self, host: String, known: KnownHost, now: SystemTime) {
        self.hosts.insert(host, known);
        if self.hosts.len() <= MAX_HOSTS {
            return;
        }
        self.hosts.retain(|_, known| known.expires > now);
        // OPTIMIZATION: a tenth goes at once, so that a full list is not searched at each response.
        let excess = self.hosts.len().saturating_sub(MAX_HOSTS - MAX_HOSTS / 10);
        let mut times: Vec<_> = self.hosts.values().map(|known| known.expires).collect();
        if excess > 0 && excess < times.len() {
            let (_, &mut last_to_go, _) = times.select_nth_unstable(excess - 1);
            self.hosts.retain(|_, known| known.expires > last_to_go);
        }
    }
}

/// Whether the public suffix of a name is `localhost`.
fn is_localhost(host: &str) -> bool {
    canonicalize(host).rsplit('.').next() == Some("localhost")
}

/// A name is the same with the dot of the root after it.
fn canonicalize(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use servo_default_resources as _;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
    }

    fn update(list: &mut HstsList, url: &str, header: &'static str, now: SystemTime) {
        let mut headers = HeaderMap::new();
        for value in header.split('|') {
            headers.append(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(value));
        }
        list.update(&ServoUrl::parse(url).unwrap(), &headers, now);
    }

    fn apply(list: &HstsList, url: &str, now: SystemTime) -> String {
        let mut rewritten = ServoUrl::parse(url).unwrap();
        let changed = list.apply(&mut rewritten, now);
        assert_eq!(changed, rewritten.as_str() != url);
        rewritten.into_string()
    }

    #[test]
    fn urls_are_rewritten() {
        let mut list = HstsList::new();
        update(&mut list, "https://alone.example/", "max-age=100", at(0));
        update(
            &mut list,
            "https://all.example/",
            "max-age=100; includeSubDomains",
            at(0),
        );
        for (from, to) in [
            ("http://alone.example/a?b#c", "https://alone.example/a?b#c"),
            ("http://alone.example:8080/", "https://alone.example:8080/"),
            ("http://alone.example:443/", "https://alone.example/"),
            ("ws://alone.example/", "wss://alone.example/"),
            ("http://alone.example./", "https://alone.example./"),
            ("http://sub.alone.example/", "http://sub.alone.example/"),
            ("http://a.sub.all.example/", "https://a.sub.all.example/"),
            ("http://notall.example/", "http://notall.example/"),
            ("http://example/", "http://example/"),
            ("https://alone.example/", "https://alone.example/"),
            ("ftp://alone.example/", "ftp://alone.example/"),
            // The preload list; it has a whole top-level domain, too.
            ("http://github.com/", "https://github.com/"),
            ("http://gist.github.com/", "https://gist.github.com/"),
            ("http://anything.dev/", "https://anything.dev/"),
        ] {
            assert_eq!(apply(&list, from, at(99)), to);
        }
        assert_eq!(
            apply(&list, "http://alone.example/", at(100)),
            "http://alone.example/"
        );
    }

    #[test]
    fn this_machine_is_never_rewritten() {
        let mut list = HstsList::new();
        for host in ["localhost", "a.localhost", "localhost.example"] {
            let header = "max-age=100; includeSubDomains";
            update(&mut list, &format!("https://{host}/"), header, at(0));
        }
        for url in [
            "http://localhost/",
            "http://localhost./",
            "http://LOCALHOST:8000/",
            "http://a.localhost/",
            "ws://b.a.localhost./",
        ] {
            let parsed = ServoUrl::parse(url).unwrap();
            assert_eq!(apply(&list, parsed.as_str(), at(1)), parsed.as_str());
        }
        assert_eq!(
            apply(&list, "http://localhost.example/", at(1)),
            "https://localhost.example/"
        );
    }

    #[test]
    fn headers_update_the_list() {
        let known = |headers: &[(&str, &'static str)], host| {
            let mut list = HstsList::new();
            for (url, header) in headers {
                update(&mut list, url, header, at(0));
            }
            list.is_known_host(host, at(1))
        };
        const HOST: &str = "a.example";
        assert!(known(&[("https://a.example/", "max-age=9")], HOST));
        assert!(known(&[("wss://a.example:1/", "max-age=9")], HOST));
        assert!(!known(&[("http://a.example/", "max-age=9")], HOST));
        assert!(!known(&[("https://a.example/", "max-age=x")], HOST));
        assert!(!known(&[("https://a.example/", "x|max-age=9")], HOST));
        assert!(known(
            &[("https://a.example/", "max-age=9|max-age=0")],
            HOST
        ));
        assert!(!known(
            &[
                ("https://a.example/", "max-age=9"),
                ("https://a.example/", "max-age=0")
            ],
            HOST
        ));
        assert!(!known(
            &[
                ("https://a.example/", "max-age=9; includeSubDomains"),
                ("https://a.example/", "max-age=9")
            ],
            "b.a.example"
        ));
        // A host can be known through its superdomain when it takes itself back.
        assert!(known(
            &[
                ("https://example/", "max-age=9; includeSubDomains"),
                ("https://a.example/", "max-age=0")
            ],
            HOST
        ));
        assert!(!known(&[("https://127.0.0.1/", "max-age=9")], "127.0.0.1"));
        assert!(!known(&[("https://[::1]/", "max-age=9")], "[::1]"));
        // Nothing overflows.
        assert!(known(
            &[("https://a.example/", "max-age=99999999999999999999")],
            HOST
        ));
    }

    #[test]
    fn the_list_is_bounded() {
        let mut list = HstsList::new();
        for number in 0..=MAX_HOSTS as u64 {
            list.insert(
                format!("h{number}.example"),
                KnownHost {
                    expires: at(1 + number),
                    include_subdomains: false,
                },
                at(0),
            );
        }
        assert_eq!(list.len(), MAX_HOSTS - MAX_HOSTS / 10);
        assert!(!list.is_known_host("h0.example", at(0)));
        assert!(list.is_known_host("h10000.example", at(0)));
        assert!(list.size_of() > 0);
    }

    #[test]
    fn the_list_outlives_the_session() {
        let directory = tempfile::tempdir().unwrap();
        let mut list = HstsList::new();
        update(
            &mut list,
            "https://a.example/",
            "max-age=100; includeSubDomains",
            at(0),
        );
        update(&mut list, "https://b.example/", "max-age=10", at(0));
        list.save(directory.path(), at(0)).unwrap();
        assert_eq!(HstsList::load(directory.path(), at(0)).hosts, list.hosts);
        let later = HstsList::load(directory.path(), at(50));
        assert_eq!(later.len(), 1);
        assert!(later.is_known_host("x.a.example", at(50)));
    }
}
