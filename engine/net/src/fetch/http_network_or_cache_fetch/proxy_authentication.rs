//! Credentials for a proxy: step 15 of
//! [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch).

use net_traits::request::{Request, TraversableForUserPrompts};

use crate::connection::{ConnectionError, ProxyChallenged, ProxyError};
use crate::fetch::cause::Cause;
use crate::fetch::http_network_fetch::{self, HttpRequest};
use crate::fetch::params::FetchParams;
use crate::fetch::response::FetchResponse;
use crate::http_authentication::Credentials;
use crate::network_state::FetchContext;
use crate::request_interception::request_credentials;

/// How often a request is sent anew for a proxy: it may refuse what is given, or its nonces go stale.
const MOST_ANSWERS: usize = 6;

/// [HTTP-network fetch](https://fetch.spec.whatwg.org/#http-network-fetch), again with credentials for as long as a proxy asks
/// for them and somebody gives them.
pub(super) async fn http_network_fetch(
    params: &mut FetchParams,
    http_request: &HttpRequest,
    context: &FetchContext,
) -> FetchResponse {
    for _ in 0..MOST_ANSWERS {
        let mut response =
            http_network_fetch::http_network_fetch(params, http_request, context).await;
        let Some(challenged) = response.proxy_challenged.take() else {
            return response;
        };
        if !answer(params, &challenged, context).await {
            return unanswered(&params.request, response);
        }
        // 15.3. If aborted, return the appropriate network error: the next turn does.
    }
    let mut response = http_network_fetch::http_network_fetch(params, http_request, context).await;
    match response.proxy_challenged.take() {
        Some(_) => unanswered(&params.request, response),
        None => response,
    }
}

/// What becomes of a proxy's 407 that has no answer: 15.1. a network error where nobody can be asked. It is no response of the
/// server's, so no page may have it for one; a person who is asked is shown it.
fn unanswered(request: &Request, response: FetchResponse) -> FetchResponse {
    let nobody_can_be_asked =
        request.traversable_for_user_prompts == TraversableForUserPrompts::NoTraversable;
    if response.is_network_error() || !nobody_can_be_asked {
        return response;
    }
    let error = ProxyError::Authentication { challenge: None };
    FetchResponse::network_error(Cause::Connection(ConnectionError::Proxy(error)))
}

/// Whether the request can be sent with other credentials now.
async fn answer(
    params: &mut FetchParams,
    challenged: &ProxyChallenged,
    context: &FetchContext,
) -> bool {
    // An anonymous request answers nobody.
    let request = &mut params.request;
    let body_is_gone = request
        .body
        .as_ref()
        .is_some_and(|body| body.source_is_null());
    if params.chain.is_anonymous() || body_is_gone {
        return false;
    }
    match challenged {
        ProxyChallenged::Answerable => {},
        ProxyChallenged::Unsupported => return false,
        ProxyChallenged::Unanswered(challenge) => {
            // 15.1. Nobody can be asked.
            if request.traversable_for_user_prompts == TraversableForUserPrompts::NoTraversable {
                return false;
            }
            // 15.4. Ask the person, and make a proxy-authentication entry.
            let Some(url) = challenge.proxy_url() else {
                return false;
            };
            let Some((username, password)) = request_credentials(request, Some(url), context).await
            else {
                return false;
            };
            let credentials = Credentials { username, password };
            challenge.answer(credentials, &mut context.state.authentication.write());
        },
    }
    // 15.5. Again.
    if let Some(body) = request.body.as_mut() {
        body.extract_source();
    }
    true
}

#[cfg(test)]
mod tests {
    use net_traits::response::Response;
    use net_traits::{ResourceFetchTiming, ResourceTimingType};

    use super::*;
    use crate::fetch::Body;
    use crate::fetch::checks::test_requests::{request, url};

    #[test]
    fn a_page_does_not_take_the_proxy_for_the_server() {
        let timing = ResourceFetchTiming::new(ResourceTimingType::Resource);
        let head = Response::new(url("http://b.example/"), timing);
        for (traversable, is_error) in [
            (TraversableForUserPrompts::NoTraversable, true),
            (TraversableForUserPrompts::Client, false),
        ] {
            let mut request = request("http://a.example", &["http://b.example/"]);
            request.traversable_for_user_prompts = traversable;
            let response = FetchResponse::new(head.clone(), Body::Empty);
            assert_eq!(unanswered(&request, response).is_network_error(), is_error);
        }
    }
}
