//! [Fetching](https://fetch.spec.whatwg.org/#fetching): one file for each algorithm of the standard, named as it is there.
//!
//! Only the files that end in `_fetch` do I/O. What they decide by is in [`checks`] (values in, verdicts out) and
//! [`headers`] (the grammars of header values).

mod body;
mod cause;
pub mod checks;
mod cors_preflight_fetch;
mod embedder_policies;
mod error_page;
#[expect(
    clippy::module_inception,
    reason = "the standard calls this algorithm “fetch”, too"
)]
mod fetch;
pub mod headers;
mod http_fetch;
mod http_network_fetch;
mod http_network_or_cache_fetch;
mod http_redirect_fetch;
mod integrity_policies;
mod main_fetch;
mod navigation_redirects;
mod newest;
mod noted_policies;
mod opaque_response;
mod params;
pub mod preflight_cache;
mod preload;
mod response;
mod scheme_fetch;
mod timing;
mod user_enabled_cors;
mod violation_reports;

pub use self::body::{Body, BodyError};
pub use self::cause::{Cause, CorsFailure, CorsFailureKind};
pub use self::embedder_policies::EmbedderPolicies;
pub(crate) use self::fetch::{fetch, fetch_response, follow_manual_redirect};
pub use self::integrity_policies::IntegrityPolicies;
pub use self::navigation_redirects::NavigationRedirects;
pub use self::opaque_response::MediaRequesters;
pub(crate) use self::preload::PreloadedResources;
pub use self::response::FetchResponse;
pub use self::user_enabled_cors::{EgressView, EgressViewError};

/// The names under which Servo's crates know the parts of a fetch.
pub mod methods {
    pub use crate::network_state::{Data, DoneChannel, FetchContext};
}
