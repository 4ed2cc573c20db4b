//! The credentials that are known.

use std::mem::size_of;

use http::{HeaderValue, Method};
use servo_url::ImmutableOrigin;

use super::basic::basic_authorization;
use super::challenge::{Challenge, parse_field};
use super::credentials::Credentials;
use super::digest::{DigestChallenge, hexadecimal};

/// The most entries; above it, the oldest goes.
const MAX_ENTRIES: usize = 500;
/// The most folders that one entry remembers.
const MAX_FOLDERS: usize = 32;

/// Who asks for credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProtectedBy {
    /// The server of an origin, by `WWW-Authenticate`.
    Server(ImmutableOrigin),
    /// A proxy, by `Proxy-Authenticate`.
    Proxy(ImmutableOrigin),
}

/// The [authentication entries](https://fetch.spec.whatwg.org/#authentication-entry) and [proxy-authentication
/// entries](https://fetch.spec.whatwg.org/#proxy-authentication-entry).
///
/// They live in memory only: passwords are never written to the profile.
#[derive(Debug, Default)]
pub struct AuthenticationEntries {
    /// The oldest comes first.
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    by: ProtectedBy,
    realm: String,
    credentials: Credentials,
    scheme: Scheme,
    /// What the realm is known to cover: paths up to and with a slash. Not used for Digest and proxies, where it is
    /// everything.
    folders: Vec<String>,
}

#[derive(Debug)]
enum Scheme {
    Basic,
    Digest {
        challenge: DigestChallenge,
        /// How many requests have used the challenge's nonce.
        nonce_count: u32,
    },
}

impl AuthenticationEntries {
    /// No entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of `Authorization` or `Proxy-Authorization` for a request that nobody has asked credentials for yet;
    /// `None` if no entry covers it. It is marked as sensitive.
    ///
    /// `request_target` is as it is sent: path and query, or host and port for a proxy's `CONNECT`.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc7617#section-2.2>, <https://www.rfc-editor.org/rfc/rfc7616#section-3.6>
    pub fn authorization(
        &mut self,
        by: &ProtectedBy,
        method: &Method,
        request_target: &str,
    ) -> Option<HeaderValue> {
        // The narrowest wins; of several, the one that came last.
        self.entries
            .iter_mut()
            .filter(|entry| entry.by == *by)
            .filter_map(|entry| Some((entry.covered_length(request_target)?, entry)))
            .max_by_key(|(length, _)| *length)?
            .1
            .answer(method, request_target)
    }

    /// The user name and password for a proxy that takes them as they are, without a challenge; of several the last.
    pub fn credentials(&self, by: &ProtectedBy) -> Option<Credentials> {
        let mut entries = self.entries.iter().rev();
        let entry = entries.find(|entry| entry.by == *by)?;
        Some(entry.credentials.clone())
    }

    /// Whether a challenge of a 401 or 407 can be answered without asking the user: then the request is sent again with what
    /// [`Self::authorization`] gives.
    ///
    /// `refused` is what was sent with the request that was refused. If those are the credentials known here, they are
    /// forgotten, unless the server only wants another nonce. A server can want that again and again, so the caller bounds
    /// the number of calls for one request.
    pub fn retry(
        &mut self,
        by: &ProtectedBy,
        challenge: &Challenge,
        request_target: &str,
        refused: Option<&HeaderValue>,
    ) -> bool {
        let Some(scheme) = Scheme::of_challenge(challenge) else {
            return false;
        };
        let Some((position, entry)) = self
            .entries
            .iter_mut()
            .enumerate()
            .find(|(_, entry)| entry.is_for(by, challenge.realm()))
        else {
            return false;
        };
        if matches!(
            (&entry.scheme, &scheme),
            (Scheme::Digest { .. }, Scheme::Basic)
        ) {
            // What was to travel hashed is not sent in clear.
            return false;
        }
        let is_stale = matches!(&scheme, Scheme::Digest { challenge, .. } if challenge.stale);
        if !is_stale && refused.is_some_and(|refused| entry.is_source_of(refused)) {
            self.entries.remove(position);
            return false;
        }
        entry.scheme = scheme;
        entry.cover(request_target);
        true
    }

    /// Notes the credentials that the user, or a URL, gave for a challenge of a response to a request with this
    /// `request_target`. What was known for the realm is replaced. Does nothing if the challenge is not supported.
    pub fn insert(
        &mut self,
        by: ProtectedBy,
        challenge: &Challenge,
        request_target: &str,
        credentials: Credentials,
    ) {
        let Some(scheme) = Scheme::of_challenge(challenge) else {
            return;
        };
        let folders = match self.position(&by, challenge.realm()) {
            Some(position) => self.entries.remove(position).folders,
            None => Vec::new(),
        };
        let mut entry = Entry {
            by,
            realm: challenge.realm().to_owned(),
            credentials,
            scheme,
            folders,
        };
        entry.cover(request_target);
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.remove(0);
        }
        self.entries.push(entry);
    }

    /// Forgets the credentials for a realm.
    pub fn remove(&mut self, by: &ProtectedBy, realm: &str) {
        if let Some(position) = self.position(by, realm) {
            self.entries.remove(position);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries = Vec::new();
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes that the entries take in memory.
    pub fn size_of(&self) -> usize {
        let heap = |entry: &Entry| {
            entry.realm.capacity()
                + entry.credentials.username.capacity()
                + entry.credentials.password.capacity()
                + entry.folders.iter().map(String::capacity).sum::<usize>()
        };
        self.entries.capacity() * size_of::<Entry>() + self.entries.iter().map(heap).sum::<usize>()
    }

    fn position(&self, by: &ProtectedBy, realm: &str) -> Option<usize> {
        self.entries
            .iter()
            .position(|entry| entry.is_for(by, realm))
    }
}

impl Scheme {
    /// `None` if the challenge is not supported.
    fn of_challenge(challenge: &Challenge) -> Option<Self> {
        if challenge.scheme == "basic" {
            return Some(Self::Basic);
        }
        Some(Self::Digest {
            challenge: DigestChallenge::parse(challenge)?,
            nonce_count: 0,
        })
    }
}

impl Entry {
    fn is_for(&self, by: &ProtectedBy, realm: &str) -> bool {
        self.by == *by && self.realm == realm
    }

    /// The length of what covers the request target; `None` if nothing does.
    fn covered_length(&self, request_target: &str) -> Option<usize> {
        if matches!(self.by, ProtectedBy::Proxy(_)) || matches!(self.scheme, Scheme::Digest { .. })
        {
            return Some(0);
        }
        self.folders
            .iter()
            .filter(|folder| path(request_target).starts_with(folder.as_str()))
            .map(String::len)
            .max()
    }

    /// Notes that the realm covers the folder of the request target.
    fn cover(&mut self, request_target: &str) {
        let path = path(request_target);
        let end = path.rfind('/').map_or(0, |slash| slash + 1);
        let folder = &path[..end];
        if self
            .folders
            .iter()
            .any(|known| folder.starts_with(known.as_str()))
        {
            return;
        }
        self.folders.retain(|known| !known.starts_with(folder));
        if self.folders.len() >= MAX_FOLDERS {
            self.folders.remove(0);
        }
        self.folders.push(folder.to_owned());
    }

    fn answer(&mut self, method: &Method, request_target: &str) -> Option<HeaderValue> {
        match &mut self.scheme {
            Scheme::Basic => Some(basic_authorization(&self.credentials)),
            Scheme::Digest {
                challenge,
                nonce_count,
            } => {
                *nonce_count = nonce_count.saturating_add(1);
                let cnonce = hexadecimal(&rand::random::<[u8; 16]>());
                challenge.authorization(
                    &self.credentials,
                    method,
                    request_target,
                    *nonce_count,
                    &cnonce,
                )
            },
        }
    }

    /// Whether a value that was sent came from this entry as it is. Another request may have replaced what it came from.
    fn is_source_of(&self, sent: &HeaderValue) -> bool {
        match &self.scheme {
            Scheme::Basic => basic_authorization(&self.credentials) == *sent,
            Scheme::Digest { challenge, .. } => parse_field(sent.as_bytes())
                .first()
                .is_some_and(|sent| sent.param("nonce") == Some(&*challenge.nonce)),
        }
    }
}

fn path(request_target: &str) -> &str {
    request_target
        .split_once('?')
        .map_or(request_target, |(path, _)| path)
}

#[cfg(test)]
mod tests {
    use servo_url::ServoUrl;

    use super::*;

    const BASIC: &str = "Basic realm=\"r\"";
    const DIGEST: &str = "Digest realm=\"r\", nonce=\"1\", qop=\"auth\"";

    fn server(url: &str) -> ProtectedBy {
        ProtectedBy::Server(ServoUrl::parse(url).unwrap().origin())
    }

    fn challenge(field: &str) -> Challenge {
        parse_field(field.as_bytes()).remove(0)
    }

    fn credentials(username: &str) -> Credentials {
        Credentials {
            username: username.into(),
            password: "secret".into(),
        }
    }

    /// A store with an entry of the user `u` for `/a/b` of example.com.
    fn entries(field: &str) -> (AuthenticationEntries, ProtectedBy) {
        let by = server("https://example.com/");
        let mut entries = AuthenticationEntries::new();
        entries.insert(by.clone(), &challenge(field), "/a/b", credentials("u"));
        (entries, by)
    }

    #[test]
    fn basic_covers_the_folder() {
        let (mut entries, by) = entries(BASIC);
        let mut is_covered =
            |by: &ProtectedBy, target| entries.authorization(by, &Method::GET, target).is_some();
        for (target, expected) in [
            ("/a/b", true),
            ("/a/", true),
            ("/a/c/d?e=/f", true),
            ("/a", false),
            ("/", false),
            ("/ab/", false),
            ("/?/a/b", false),
        ] {
            assert_eq!(is_covered(&by, target), expected, "{target}");
        }
        assert!(!is_covered(&server("http://example.com/"), "/a/b"));
        assert!(!is_covered(&server("https://example.com:444/"), "/a/b"));
        let ProtectedBy::Server(origin) = by else {
            unreachable!()
        };
        assert!(!is_covered(&ProtectedBy::Proxy(origin), "/a/b"));
    }

    #[test]
    fn the_narrowest_realm_wins() {
        let (mut entries, by) = entries(BASIC);
        let inner = challenge("Basic realm=inner");
        entries.insert(by.clone(), &inner, "/a/x/", credentials("inner"));
        let mut value = |target| entries.authorization(&by, &Method::GET, target).unwrap();
        assert_eq!(value("/a/x/y"), basic_authorization(&credentials("inner")));
        assert_eq!(value("/a/y"), basic_authorization(&credentials("u")));
    }

    #[test]
    fn digest_covers_the_server_and_counts() {
        let (mut entries, by) = entries(DIGEST);
        let mut nc = |target| {
            let value = entries.authorization(&by, &Method::GET, target).unwrap();
            let answer = parse_field(value.as_bytes()).remove(0);
            assert_eq!(answer.param("uri"), Some(target));
            answer.param("nc").unwrap().to_owned()
        };
        assert_eq!(
            [nc("/a/b"), nc("/"), nc("/c?d")],
            ["00000001", "00000002", "00000003"]
        );
    }

    #[test]
    fn other_folders_of_the_realm_are_learned() {
        let (mut entries, by) = entries(BASIC);
        let asked = challenge(BASIC);
        let get = Method::GET;
        assert!(entries.retry(&by, &asked, "/c/d", None));
        assert!(entries.authorization(&by, &get, "/c/").is_some());
        let other = challenge("Basic realm=other");
        assert!(!entries.retry(&by, &other, "/c/d", None));
    }

    #[test]
    fn refused_credentials_are_forgotten() {
        for field in [BASIC, DIGEST] {
            let (mut entries, by) = entries(field);
            let get = Method::GET;
            let sent = entries.authorization(&by, &get, "/a/b");
            let again = challenge(&field.replace("\"1\"", "\"2\""));
            assert!(!entries.retry(&by, &again, "/a/b", sent.as_ref()));
            assert!(entries.is_empty());

            // Unless another request has brought others since.
            let (mut entries, _) = self::entries(field);
            entries.insert(by.clone(), &again, "/a/b", credentials("v"));
            assert!(entries.retry(&by, &again, "/a/b", sent.as_ref()));
        }
    }

    #[test]
    fn a_stale_nonce_is_replaced() {
        let (mut entries, by) = entries(DIGEST);
        let get = Method::GET;
        let sent = entries.authorization(&by, &get, "/a/b");
        let stale = challenge("Digest realm=r, nonce=2, qop=auth, stale=true");
        assert!(entries.retry(&by, &stale, "/a/b", sent.as_ref()));
        let value = entries.authorization(&by, &get, "/a/b").unwrap();
        let answer = parse_field(value.as_bytes()).remove(0);
        assert_eq!(answer.param("nonce"), Some("2"));
        assert_eq!(answer.param("nc"), Some("00000001"));
    }

    #[test]
    fn digest_is_not_downgraded() {
        let (mut entries, by) = entries(DIGEST);
        let basic = challenge(BASIC);
        assert!(!entries.retry(&by, &basic, "/a/b", None));
        assert_eq!(entries.len(), 1);
    }

    #[test]
    fn proxies_are_asked_for_everything() {
        let by = ProtectedBy::Proxy(ServoUrl::parse("http://proxy:8080/").unwrap().origin());
        let mut entries = AuthenticationEntries::new();
        entries.insert(
            by.clone(),
            &challenge(BASIC),
            "a.example:443",
            credentials("u"),
        );
        assert!(
            entries
                .authorization(&by, &Method::CONNECT, "b.example:443")
                .is_some()
        );
        entries.remove(&by, "r");
        assert!(entries.is_empty());
    }

    #[test]
    fn the_store_is_bounded_and_keeps_secrets() {
        let (mut entries, by) = entries(BASIC);
        for number in 0..MAX_ENTRIES {
            let field = format!("Basic realm=r{number}");
            entries.insert(by.clone(), &challenge(&field), "/", credentials("u"));
        }
        assert_eq!(entries.len(), MAX_ENTRIES);
        for number in 0..100 {
            entries.insert(
                by.clone(),
                &challenge("Basic realm=many"),
                &format!("/{number}/"),
                credentials("u"),
            );
        }
        assert!(
            entries
                .entries
                .iter()
                .all(|entry| entry.folders.len() <= MAX_FOLDERS)
        );
        assert!(!format!("{entries:?}").contains("secret"));
        assert!(entries.size_of() > 0);
        entries.clear();
        assert!(entries.is_empty());
    }
}
