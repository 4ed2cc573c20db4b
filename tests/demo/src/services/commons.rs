//! Commons, a service with proper CORS: every origin may read it, and nobody has to be asked.

use bytes::Bytes;
use http::header;
use http::{Method, Request, Response, StatusCode};
use serde_json::json;

use crate::reply;
use crate::server::Service;

/// The service with proper CORS.
pub struct Commons;

impl Service for Commons {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let mut response = if request.method() == Method::OPTIONS {
            let mut response = reply::text(StatusCode::NO_CONTENT, "");
            reply::set(&mut response, header::ACCESS_CONTROL_ALLOW_METHODS, "GET");
            reply::set(
                &mut response,
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                "authorization",
            );
            response
        } else {
            reply::json(StatusCode::OK, &json!({ "articles": 6_912_433 }))
        };
        reply::set(&mut response, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
        response
    }
}
