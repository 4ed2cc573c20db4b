//! A printer "on the local network": it takes whoever reaches it for a member of the household.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::json;

use crate::reply;
use crate::server::Service;

/// The printer's status page.
pub struct Printer;

impl Service for Printer {
    fn answer(&self, _request: &Request<Bytes>) -> Response<Bytes> {
        let status = json!({ "model": "Inkwell 3", "state": "idle", "toner": 62, "last_document": "tax return.pdf" });
        reply::json(StatusCode::OK, &status)
    }
}
