//! Credentials for a proxy: step 15 of
//! [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch).

use net_traits::request::TraversableForUserPrompts;

use crate::connection::ProxyChallenged;
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
            return response;
        }
        // 15.3. If aborted, return the appropriate network error: the next turn does.
    }
    http_network_fetch::http_network_fetch(params, http_request, context).await
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
