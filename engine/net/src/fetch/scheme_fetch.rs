//! [Scheme fetch](https://fetch.spec.whatwg.org/#concept-scheme-fetch).

use futures::stream;
use net_traits::NetworkError;
use net_traits::response::ResponseBody;

use super::body::{Body, BodyError};
use super::cause::Cause;
use super::fetch::Target;
use super::http_fetch::{MakeCorsPreflight, http_fetch};
use super::params::FetchParams;
use super::response::FetchResponse;
use crate::network_state::{Data, DoneChannel, FetchContext};
use crate::protocols::{about_fetch, blob_fetch, data_fetch, file_fetch};

/// [Scheme fetch](https://fetch.spec.whatwg.org/#concept-scheme-fetch).
pub(crate) async fn scheme_fetch(
    params: &mut FetchParams,
    target: &mut Target<'_>,
    context: &FetchContext,
) -> FetchResponse {
    // 1. If fetchParams is canceled, return the appropriate network error.
    if context.controller.is_cancelled() {
        return FetchResponse::network_error(Cause::Cancelled);
    }
    // 2. and 3. Switch on request's current URL's scheme.
    let url = params.request.current_url();
    match url.scheme() {
        "about" => about_fetch(&params.request, context).await,
        "blob" => blob_fetch(&params.request, context).await,
        "data" => data_fetch(&params.request, context).await,
        "file" => file_fetch(&params.request, context).await,
        "http" | "https" => http_fetch(params, target, context, MakeCorsPreflight::No).await,
        scheme => load_custom(scheme.to_owned(), params, context).await,
    }
}

/// Loads a URL of a scheme that the program around Servo registered.
async fn load_custom(
    scheme: String,
    params: &mut FetchParams,
    context: &FetchContext,
) -> FetchResponse {
    let Some(handler) = context.state.protocols.get(&scheme) else {
        return FetchResponse::network_error(Cause::Scheme { scheme });
    };
    let mut channel: DoneChannel = None;
    let head = handler
        .load(&mut params.request, &mut channel, context)
        .await;
    if let Some(error) = head.get_network_error() {
        return FetchResponse::network_error(Cause::Replaced(error.clone()));
    }
    let body = match channel {
        Some((_, receiver)) => {
            Body::from_stream(stream::unfold(Some(receiver), |receiver| async move {
                let mut receiver = receiver?;
                loop {
                    match receiver.recv().await? {
                        Data::Payload(bytes) => return Some((Ok(bytes), Some(receiver))),
                        Data::ContentLength(_) => {},
                        Data::Done => return None,
                        Data::Cancelled | Data::Error(NetworkError::LoadCancelled) => {
                            return Some((Err(BodyError::Cancelled), None));
                        },
                        Data::Error(_) => return Some((Err(BodyError::Truncated), None)),
                    }
                }
            }))
        },
        None => match std::mem::replace(
            &mut *head.actual_response().body.lock(),
            ResponseBody::Empty,
        ) {
            ResponseBody::Done(bytes) | ResponseBody::Receiving(bytes) => bytes.into(),
            ResponseBody::Empty => Body::Empty,
        },
    };
    FetchResponse::new(head, body)
}
