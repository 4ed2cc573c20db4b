//! The default [`Accept`](https://fetch.spec.whatwg.org/#fetching) of a request whose maker set none.

use http::HeaderValue;
use net_traits::DOCUMENT_ACCEPT_HEADER_VALUE;
use net_traits::request::{Destination, Initiator};

/// The value that [fetch](https://fetch.spec.whatwg.org/#concept-fetch) gives `Accept` if the request has none.
pub fn default_accept(destination: Destination, initiator: Initiator) -> HeaderValue {
    HeaderValue::from_static(match destination {
        // 13.2. A prefetch is taken for a document;
        _ if initiator == Initiator::Prefetch => return DOCUMENT_ACCEPT_HEADER_VALUE,
        // 13.3. otherwise it depends on the destination;
        Destination::Document | Destination::Frame | Destination::IFrame => {
            return DOCUMENT_ACCEPT_HEADER_VALUE;
        },
        Destination::Image => "image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
        Destination::Json => "application/json,*/*;q=0.5",
        Destination::Style => "text/css,*/*;q=0.1",
        Destination::Text => "text/plain,*/*;q=0.5",
        // 13.1. and is “*/*” for most.
        _ => "*/*",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_on_destination_and_initiator() {
        let document = DOCUMENT_ACCEPT_HEADER_VALUE;
        for (destination, initiator, expected) in [
            (Destination::None, Initiator::None, "*/*"),
            (Destination::Script, Initiator::None, "*/*"),
            (Destination::Style, Initiator::None, "text/css,*/*;q=0.1"),
            (
                Destination::Json,
                Initiator::None,
                "application/json,*/*;q=0.5",
            ),
            (
                Destination::Image,
                Initiator::ImageSet,
                "image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
            ),
            (
                Destination::IFrame,
                Initiator::None,
                document.to_str().unwrap(),
            ),
            (
                Destination::None,
                Initiator::Prefetch,
                document.to_str().unwrap(),
            ),
        ] {
            assert_eq!(default_accept(destination, initiator), expected);
        }
    }
}
