//! [Fetch params](https://fetch.spec.whatwg.org/#fetch-params): the book-keeping of one fetch.

use net_traits::request::Request;
use tokio::sync::oneshot;

use super::embedder_policies::Embedder;
use super::integrity_policies::IntegrityDemands;
use super::preload::PreloadOutcome;
use super::user_enabled_cors::Chain;

/// A [preloaded response candidate](https://fetch.spec.whatwg.org/#fetch-params-preloaded-response-candidate).
#[derive(Default)]
pub(crate) enum PreloadedResponseCandidate {
    /// Null.
    #[default]
    None,
    /// “pending”: the preload is under way and sends its response here.
    Pending(oneshot::Receiver<PreloadOutcome>),
    /// The response.
    Response(PreloadOutcome),
}

/// One fetch's request, and what its algorithms tell one another beside it.
pub(crate) struct FetchParams {
    /// The [request](https://fetch.spec.whatwg.org/#fetch-params-request).
    pub request: Request,
    /// The preloaded response candidate.
    pub preloaded_response_candidate: PreloadedResponseCandidate,
    /// Who made the request, with its embedder policy.
    pub embedder: Embedder,
    /// The integrity policies of who made the request.
    pub integrity_demands: IntegrityDemands,
    /// The request's [timing allow failed flag](https://fetch.spec.whatwg.org/#timing-allow-failed).
    pub timing_allow_failed: bool,
    /// The names of the headers that the page set, before Fetch added its own.
    pub page_set_header_names: Vec<http::HeaderName>,
    /// The headers of the response to the CORS-preflight fetch that allowed the request to its current URL, if there was one.
    pub preflight_response: Option<http::HeaderMap>,
    /// What user-enabled CORS has done in this chain of redirects.
    pub chain: Chain,
}

impl FetchParams {
    /// The params of a fetch of `request`.
    pub fn new(request: Request) -> Self {
        let page_set_header_names = request.headers.keys().cloned().collect();
        Self {
            request,
            preloaded_response_candidate: PreloadedResponseCandidate::None,
            embedder: Embedder::default(),
            integrity_demands: IntegrityDemands::default(),
            timing_allow_failed: false,
            page_set_header_names,
            preflight_response: None,
            chain: Chain::default(),
        }
    }
}
