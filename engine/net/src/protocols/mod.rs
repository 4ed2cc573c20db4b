//! Responses that come from no network: the schemes of
//! [scheme fetch](https://fetch.spec.whatwg.org/#concept-scheme-fetch) other than HTTP's, and those that the program around
//! Servo registers.

mod about;
mod blob;
mod data;
mod directory_listing;
mod file;
mod registry;

use http::{HeaderMap, StatusCode};
use net_traits::ResourceFetchTiming;
use net_traits::request::Request;
use net_traits::response::Response;

pub(crate) use self::about::about_fetch;
pub(crate) use self::blob::blob_fetch;
pub(crate) use self::data::data_fetch;
pub(crate) use self::file::file_fetch;
pub use self::registry::{ProtocolHandler, ProtocolRegisterError, ProtocolRegistry};
use crate::fetch::{Body, FetchResponse};
use crate::network_state::FetchContext;

/// A response that was made on this machine.
#[derive(Debug)]
struct LocalResponse {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
    /// The [range-requested flag](https://fetch.spec.whatwg.org/#concept-response-range-requested-flag).
    range_requested: bool,
}

impl LocalResponse {
    /// A response whose status is 200.
    fn ok(headers: HeaderMap, body: Body) -> Self {
        Self {
            status: StatusCode::OK,
            headers,
            body,
            range_requested: false,
        }
    }

    /// The response to `request`.
    fn answer(self, request: &Request, context: &FetchContext) -> FetchResponse {
        let timing = ResourceFetchTiming::new(request.timing_type());
        let mut head = Response::new(request.current_url(), timing);
        head.resource_timing = context.timing.clone();
        head.status = self.status.into();
        head.headers = self.headers;
        head.range_requested = self.range_requested;
        FetchResponse::new(head, self.body)
    }
}
