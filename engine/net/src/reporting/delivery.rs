//! The way of reports to their endpoints.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, Method, header};
use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::filemanager_thread::FileTokenCheck;
use net_traits::request::{
    CredentialsMode, Destination, Origin, Referrer, Request, RequestId, RequestMode,
    ServiceWorkersMode, TraversableForUserPrompts, create_request_body_with_content,
};
use net_traits::{DiscardFetch, ResourceFetchTiming};
use tokio::time::{sleep, timeout};

use super::context::{Batch, Delivery, Queued, ReportingContext};
use super::report::{ReportBody, serialize_reports};
use crate::fetch::fetch_response;
use crate::network_state::{FetchContext, NetworkState};
use crate::runtime;

/// How long a report waits for others that go along with it.
const BATCH_DELAY: Duration = Duration::from_millis(100);

/// How long an endpoint may take to answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// [Generates and queues a report](https://w3c.github.io/reporting/#generate-and-queue-a-report) of `reporting` for the endpoint
/// that a policy names as its `destination`. It is sent later, and nobody hears how that went.
pub(crate) fn generate_and_queue_a_report(
    state: &Arc<NetworkState>,
    reporting: &Arc<ReportingContext>,
    destination: &str,
    body: ReportBody,
) {
    if reporting.queue(destination, body, Instant::now()) == Queued::First {
        runtime::spawn(send_reports(state.clone(), reporting.clone()));
    }
}

/// [Sends reports](https://w3c.github.io/reporting/#send-reports) until there are no more.
async fn send_reports(state: Arc<NetworkState>, reporting: Arc<ReportingContext>) {
    loop {
        sleep(BATCH_DELAY).await;
        // 1. and 2. Let endpoint map be the reports by their endpoints.
        let batches = reporting.take();
        if batches.is_empty() {
            return;
        }
        // 3. For each: NB: the reports of one context have one origin.
        for Batch { url, reports } in batches {
            let user_agent = servo_config::pref!(user_agent);
            let body = serialize_reports(&reports, reporting.url(), &user_agent, Instant::now());
            let request = request(
                &reporting,
                UrlWithBlobClaim::for_url(url.clone()).ok(),
                body,
            );
            let Some(request) = request else {
                continue;
            };
            let delivery = attempt_to_deliver(request, &reporting, &state).await;
            // 3.3.2. to 3.3.4. The reports are done with, however that ended.
            reporting.settle(&url, delivery);
        }
    }
}

/// [Attempts to deliver reports to endpoint](https://w3c.github.io/reporting/#try-delivery), by the `request` that has them.
async fn attempt_to_deliver(
    mut request: Request,
    reporting: &ReportingContext,
    state: &Arc<NetworkState>,
) -> Delivery {
    // NB: it is on record as nobody's, since it may outlive its document and ends with the browser.
    let Some(registration) = state.groups.register(&request, None) else {
        return Delivery::Failure;
    };
    // NB: but its connections are those of the document's partition, so that no endpoint sees that two sites have one reader.
    request.pipeline_id = reporting.pipeline();
    let context = FetchContext {
        state: state.clone(),
        controller: registration.controller.clone(),
        timing: ResourceFetchTiming::new(request.timing_type()).into(),
        file_token: FileTokenCheck::NotRequired,
    };
    // 3. and 4. Fetch request, and wait for the response.
    let mut target = DiscardFetch;
    let fetching = fetch_response(request, &mut target, &context);
    let Ok(response) = timeout(ANSWER_LIMIT, fetching).await else {
        return Delivery::Failure;
    };
    if response.is_network_error() {
        return Delivery::Failure;
    }
    // 5. to 7. Its status says how that went.
    match response.head.actual_response().status.raw_code() {
        200..=299 => Delivery::Success,
        410 => Delivery::RemoveEndpoint,
        _ => Delivery::Failure,
    }
}

/// Step 2 of [attempting to deliver](https://w3c.github.io/reporting/#try-delivery): the request with the reports in `body`.
fn request(
    reporting: &ReportingContext,
    url: Option<UrlWithBlobClaim>,
    body: String,
) -> Option<Request> {
    let mut request = Request::new(
        RequestId::default(),
        url?,
        Some(Origin::Origin(reporting.origin().clone())),
        Referrer::NoReferrer,
        None,
        None,
    );
    request.method = Method::POST;
    request.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/reports+json"),
    );
    request.traversable_for_user_prompts = TraversableForUserPrompts::NoTraversable;
    request.service_workers_mode = ServiceWorkersMode::None;
    request.destination = Destination::Report;
    request.mode = RequestMode::CorsMode;
    request.unsafe_request = true;
    request.credentials_mode = CredentialsMode::CredentialsSameOrigin;
    request.body = Some(create_request_body_with_content(body));
    Some(request)
}
