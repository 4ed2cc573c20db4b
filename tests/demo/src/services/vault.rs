//! Nokeep, a service that opted out: whatever a user would allow, its data is for no other origin.

use bytes::Bytes;
use http::header::HeaderName;
use http::{Request, Response, StatusCode};
use serde_json::json;

use crate::reply;
use crate::server::Service;

/// The service that opted out.
pub struct Vault;

impl Service for Vault {
    fn answer(&self, _request: &Request<Bytes>) -> Response<Bytes> {
        let mut response = reply::json(
            StatusCode::OK,
            &json!({ "quote": "read only where it was meant to be" }),
        );
        reply::set(
            &mut response,
            HeaderName::from_static("access-control-prevent-origin"),
            "*",
        );
        response
    }
}
