//! Elsewhere, a service that named the one origin that may read it. It has spoken, so nobody is asked.

use bytes::Bytes;
use http::header;
use http::{Request, Response, StatusCode};
use serde_json::json;

use crate::reply;
use crate::server::Service;

/// The service that names another origin.
pub struct Partner;

impl Service for Partner {
    fn answer(&self, _request: &Request<Bytes>) -> Response<Bytes> {
        let mut response = reply::json(StatusCode::OK, &json!({ "offers": 3 }));
        reply::set(
            &mut response,
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            "https://shop.elsewhere.localhost",
        );
        reply::set(&mut response, header::VARY, "Origin");
        response
    }
}
