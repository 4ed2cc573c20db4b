//! Schemes that the program around Servo brings.

use std::future::Future;
use std::pin::Pin;

use log::warn;
use net_traits::request::Request;
use net_traits::response::Response;
use rustc_hash::FxHashMap;
use servo_url::ServoUrl;
use thiserror::Error;

use crate::network_state::{DoneChannel, FetchContext};

/// The schemes whose meaning is fixed by a standard or by the engine.
const RESERVED: [&str; 10] = [
    "about",
    "blob",
    "chrome",
    "data",
    "file",
    "http",
    "https",
    "javascript",
    "ws",
    "wss",
];

/// Loads the URLs of one scheme.
pub trait ProtocolHandler: Send + Sync {
    /// What follows `scheme:` in the URLs of pages that may use the interface to the engine itself.
    fn privileged_paths(&self) -> &'static [&'static str] {
        &[]
    }

    /// Loads the request's current URL. The response should have a status and a `Content-Type`. Its body is either inside
    /// it, or the handler puts a channel into `channel` and streams the body there.
    fn load<'a>(
        &'a self,
        request: &'a mut Request,
        channel: &mut DoneChannel,
        context: &FetchContext,
    ) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>>;

    /// Whether pages of any origin may read the responses.
    fn is_fetchable(&self) -> bool {
        false
    }

    /// Whether the URLs count as
    /// [potentially trustworthy](https://w3c.github.io/webappsec-secure-contexts/#is-url-trustworthy).
    fn is_secure(&self) -> bool {
        false
    }
}

/// Handlers by scheme.
#[derive(Default)]
pub struct ProtocolRegistry {
    handlers: FxHashMap<String, Box<dyn ProtocolHandler>>,
}

/// Why a handler was not registered.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ProtocolRegisterError {
    /// The scheme has a fixed meaning.
    #[error("the scheme has a meaning of its own and no handler")]
    ForbiddenScheme,
    /// There is a handler for the scheme.
    #[error("the scheme has a handler")]
    SchemeAlreadyRegistered,
}

impl ProtocolRegistry {
    /// The registry that a program's own handlers are [merged](Self::merge) into. It is empty: Fetch's schemes need no
    /// handler.
    pub fn with_internal_protocols() -> Self {
        Self::default()
    }

    /// Adds a handler. Schemes are compared in lower case, as URLs have them.
    ///
    /// # Errors
    /// [`ProtocolRegisterError`] if the scheme is not free.
    pub fn register(
        &mut self,
        scheme: &str,
        handler: impl ProtocolHandler + 'static,
    ) -> Result<(), ProtocolRegisterError> {
        self.insert(scheme.to_ascii_lowercase(), Box::new(handler))
    }

    /// Takes over the handlers of `other` whose schemes are free.
    pub fn merge(&mut self, other: Self) {
        for (scheme, handler) in other.handlers {
            if let Err(error) = self.insert(scheme, handler) {
                warn!("A protocol handler was left out: {error}");
            }
        }
    }

    /// The URLs of all [privileged pages](ProtocolHandler::privileged_paths).
    pub fn privileged_urls(&self) -> Vec<ServoUrl> {
        self.handlers
            .iter()
            .flat_map(|(scheme, handler)| {
                let paths = handler.privileged_paths().iter();
                paths.filter_map(move |path| ServoUrl::parse(&format!("{scheme}:{path}")).ok())
            })
            .collect()
    }

    /// The handler of a scheme.
    pub fn get(&self, scheme: &str) -> Option<&dyn ProtocolHandler> {
        self.handlers.get(scheme).map(AsRef::as_ref)
    }

    /// Whether the scheme has a handler that [lets pages read](ProtocolHandler::is_fetchable) what it loads.
    pub fn is_fetchable(&self, scheme: &str) -> bool {
        self.get(scheme).is_some_and(ProtocolHandler::is_fetchable)
    }

    /// Whether the scheme has a handler that is [secure](ProtocolHandler::is_secure).
    pub fn is_secure(&self, scheme: &str) -> bool {
        self.get(scheme).is_some_and(ProtocolHandler::is_secure)
    }

    fn insert(
        &mut self,
        scheme: String,
        handler: Box<dyn ProtocolHandler>,
    ) -> Result<(), ProtocolRegisterError> {
        if RESERVED.contains(&scheme.as_str()) {
            return Err(ProtocolRegisterError::ForbiddenScheme);
        }
        if self.handlers.contains_key(&scheme) {
            return Err(ProtocolRegisterError::SchemeAlreadyRegistered);
        }
        self.handlers.insert(scheme, handler);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use net_traits::NetworkError;

    use super::*;

    struct Handler {
        fetchable: bool,
    }

    impl ProtocolHandler for Handler {
        fn privileged_paths(&self) -> &'static [&'static str] {
            &["settings", "//two/words"]
        }

        fn load<'a>(
            &'a self,
            _: &'a mut Request,
            _: &mut DoneChannel,
            _: &FetchContext,
        ) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
            Box::pin(async { Response::network_error(NetworkError::UnsupportedScheme) })
        }

        fn is_fetchable(&self) -> bool {
            self.fetchable
        }
    }

    fn handler(fetchable: bool) -> Handler {
        Handler { fetchable }
    }

    #[test]
    fn standard_schemes_are_not_for_registering() {
        let mut registry = ProtocolRegistry::default();
        for scheme in [
            "http", "HTTPS", "about", "Chrome", "file", "data", "blob", "wss",
        ] {
            assert_eq!(
                registry.register(scheme, handler(true)),
                Err(ProtocolRegisterError::ForbiddenScheme),
                "{scheme}"
            );
        }
        assert!(!registry.is_fetchable("data"));
    }

    #[test]
    fn the_first_handler_stays() {
        let mut registry = ProtocolRegistry::with_internal_protocols();
        assert_eq!(registry.register("Own", handler(true)), Ok(()));
        assert_eq!(
            registry.register("own", handler(false)),
            Err(ProtocolRegisterError::SchemeAlreadyRegistered)
        );
        let mut other = ProtocolRegistry::default();
        other.register("own", handler(false)).unwrap();
        other.register("other", handler(false)).unwrap();
        registry.merge(other);
        assert!(registry.is_fetchable("own"));
        assert!(registry.get("other").is_some());
        assert!(!registry.is_fetchable("other"));
        assert!(!registry.is_secure("own"));
        assert!(registry.get("missing").is_none());
    }

    #[test]
    fn privileged_pages_are_urls() {
        let mut registry = ProtocolRegistry::default();
        registry.register("own", handler(false)).unwrap();
        let mut urls: Vec<_> = registry
            .privileged_urls()
            .into_iter()
            .map(|url| url.into_string())
            .collect();
        urls.sort();
        assert_eq!(urls, ["own://two/words", "own:settings"]);
    }
}
