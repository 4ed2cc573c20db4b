//! Authentication to proxies: between what a proxy asks for and the
//! [proxy-authentication entries](https://fetch.spec.whatwg.org/#proxy-authentication-entry).
//!
//! Entries are kept by the proxy's own scheme, host and port, so no proxy and no server gets what was meant for another.

use std::sync::Arc;

use http::header::PROXY_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Method};
use parking_lot::RwLock;
use servo_url::{ImmutableOrigin, ServoUrl};

use super::ProxyServer;
use crate::http_authentication::{
    AuthenticationEntries, Challenge, Credentials, ProtectedBy, basic_authorization,
    parse_challenges, strongest_challenge,
};

/// What a proxy asks a user name and a password with. A person, or an embedder, can answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyChallenge {
    proxy: ImmutableOrigin,
    challenge: Challenge,
    target: String,
}

impl ProxyChallenge {
    /// The proxy's URL, as it can be shown; without credentials.
    pub fn proxy_url(&self) -> Option<ServoUrl> {
        let ImmutableOrigin::Tuple(scheme, host, port) = &self.proxy else {
            return None;
        };
        ServoUrl::parse(&format!("{scheme}://{host}:{port}/")).ok()
    }

    /// Notes the answer: from now on requests through this proxy carry it.
    pub fn answer(&self, credentials: Credentials, entries: &mut AuthenticationEntries) {
        entries.insert(
            ProtectedBy::Proxy(self.proxy.clone()),
            &self.challenge,
            &self.target,
            credentials,
        );
    }
}

/// What a 407, or its like in SOCKS, means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyChallenged {
    /// The credentials are known: the request is to be sent again.
    Answerable,
    /// They are not.
    Unanswered(ProxyChallenge),
    /// The proxy asks in no way that is known here.
    Unsupported,
}

/// The credentials for proxies.
#[derive(Clone, Debug, Default)]
pub(in crate::connection) struct ProxyAuthentication {
    entries: Arc<RwLock<AuthenticationEntries>>,
}

impl ProxyAuthentication {
    /// Those among these entries.
    pub(in crate::connection) fn new(entries: Arc<RwLock<AuthenticationEntries>>) -> Self {
        Self { entries }
    }

    /// The value of `Proxy-Authorization` for a request to the proxy: of an entry, or else by the proxy's own URL.
    pub(in crate::connection) fn authorization(
        &self,
        proxy: &ProxyServer,
        method: &Method,
        target: &str,
    ) -> Option<HeaderValue> {
        let by = ProtectedBy::Proxy(proxy.origin());
        let known = self.entries.write().authorization(&by, method, target);
        known.or_else(|| proxy.credentials.as_ref().map(basic_authorization))
    }

    /// The user name and password for a proxy that takes them as they are.
    pub(in crate::connection) fn credentials(&self, proxy: &ProxyServer) -> Option<Credentials> {
        let by = ProtectedBy::Proxy(proxy.origin());
        let known = self.entries.read().credentials(&by);
        known.or_else(|| proxy.credentials.clone())
    }

    /// What becomes of a 407 with these headers, to a request for `target` that was sent with `sent`.
    pub(in crate::connection) fn challenged(
        &self,
        proxy: &ProxyServer,
        headers: &HeaderMap,
        target: &str,
        sent: Option<&HeaderValue>,
    ) -> ProxyChallenged {
        let challenges = parse_challenges(headers, &PROXY_AUTHENTICATE);
        let Some(challenge) = strongest_challenge(&challenges) else {
            return ProxyChallenged::Unsupported;
        };
        let by = ProtectedBy::Proxy(proxy.origin());
        let mut entries = self.entries.write();
        if entries.retry(&by, challenge, target, sent) {
            return ProxyChallenged::Answerable;
        }
        // The URL's credentials were sent, if at all, in the scheme that needs no challenge.
        let refused = sent.is_some_and(|sent| {
            challenge.scheme == "basic" || !sent.as_bytes().starts_with(b"Basic ")
        });
        if let Some(credentials) = proxy.credentials.clone().filter(|_| !refused) {
            entries.insert(by, challenge, target, credentials);
            return ProxyChallenged::Answerable;
        }
        ProxyChallenged::Unanswered(ProxyChallenge {
            proxy: proxy.origin(),
            challenge: challenge.clone(),
            target: target.to_owned(),
        })
    }

    /// What becomes of a SOCKS proxy's wish for a user name and a password, or for others than `sent`.
    pub(in crate::connection) fn challenged_by_socks(
        &self,
        proxy: &ProxyServer,
        sent: Option<&Credentials>,
    ) -> ProxyChallenged {
        let by = ProtectedBy::Proxy(proxy.origin());
        let challenge = Challenge {
            scheme: "basic".to_owned(),
            token68: None,
            params: Vec::new(),
        };
        let mut entries = self.entries.write();
        match entries.credentials(&by) {
            // Another request may have brought others since.
            Some(known) if Some(&known) != sent => return ProxyChallenged::Answerable,
            _ => entries.remove(&by, challenge.realm()),
        }
        ProxyChallenged::Unanswered(ProxyChallenge {
            proxy: proxy.origin(),
            challenge,
            target: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASIC: &str = "Basic realm=\"r\"";
    const DIGEST: &str = "Digest realm=\"r\", nonce=\"1\", qop=\"auth\"";

    fn proxy(text: &str) -> ProxyServer {
        ProxyServer::parse(text).unwrap()
    }

    fn headers(challenge: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(PROXY_AUTHENTICATE, HeaderValue::from_static(challenge));
        headers
    }

    fn scheme(value: &HeaderValue) -> &str {
        value.to_str().unwrap().split(' ').next().unwrap()
    }

    #[test]
    fn the_urls_credentials_answer_each_scheme_once() {
        let authentication = ProxyAuthentication::default();
        let proxy = proxy("http://user:pass@proxy.test");
        let sent = |authentication: &ProxyAuthentication| {
            authentication.authorization(&proxy, &Method::CONNECT, "a.test:443")
        };
        let first = sent(&authentication);
        assert_eq!(first.as_ref().map(scheme), Some("Basic"));
        let challenged = |headers: &HeaderMap, sent: Option<&HeaderValue>| {
            authentication.challenged(&proxy, headers, "a.test:443", sent)
        };
        // In the scheme in which they were refused they are not tried again.
        assert!(matches!(
            challenged(&headers(BASIC), first.as_ref()),
            ProxyChallenged::Unanswered(_)
        ));
        assert_eq!(
            challenged(&headers(DIGEST), first.as_ref()),
            ProxyChallenged::Answerable
        );
        let second = sent(&authentication);
        assert_eq!(second.as_ref().map(scheme), Some("Digest"));
        assert!(matches!(
            challenged(&headers(DIGEST), second.as_ref()),
            ProxyChallenged::Unanswered(_)
        ));
        assert_eq!(
            challenged(&headers("Negotiate"), None),
            ProxyChallenged::Unsupported
        );
    }

    #[test]
    fn an_answer_is_for_this_proxy_alone() {
        let authentication = ProxyAuthentication::default();
        let (one, other) = (proxy("http://proxy.test:1"), proxy("http://proxy.test:2"));
        let challenge = match authentication.challenged(&one, &headers(BASIC), "a.test:443", None) {
            ProxyChallenged::Unanswered(challenge) => challenge,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            challenge.proxy_url().unwrap().as_str(),
            "http://proxy.test:1/"
        );
        let credentials = Credentials {
            username: "user".to_owned(),
            password: "secret".to_owned(),
        };
        challenge.answer(credentials, &mut authentication.entries.write());
        let of = |proxy| authentication.authorization(proxy, &Method::GET, "http://b.test/");
        assert!(of(&one).is_some_and(|value| value.is_sensitive()));
        assert_eq!(of(&other), None);
        assert_eq!(of(&proxy("https://proxy.test:1")), None);
        assert!(!format!("{authentication:?}").contains("secret"));
    }

    #[test]
    fn refused_socks_credentials_are_forgotten() {
        let authentication = ProxyAuthentication::default();
        let proxy = proxy("socks5://proxy.test");
        let ProxyChallenged::Unanswered(challenge) =
            authentication.challenged_by_socks(&proxy, None)
        else {
            panic!("answered");
        };
        assert_eq!(
            challenge.proxy_url().unwrap().as_str(),
            "socks5://proxy.test:1080/"
        );
        let credentials = Credentials {
            username: "user".to_owned(),
            password: "secret".to_owned(),
        };
        challenge.answer(credentials.clone(), &mut authentication.entries.write());
        assert_eq!(
            authentication.credentials(&proxy).as_ref(),
            Some(&credentials)
        );
        let _ = authentication.challenged_by_socks(&proxy, Some(&credentials));
        assert_eq!(authentication.credentials(&proxy), None);
    }
}
