//! [Fetch](https://fetch.spec.whatwg.org/#concept-fetch), and the hand-over of its response to whoever asked.

use bytes::BytesMut;
use http::header;
use net_traits::http_status::HttpStatus;
use net_traits::request::{RedirectMode, Request, RequestMode};
use net_traits::response::{CacheState, Response, ResponseInit, ResponseType};
use net_traits::{
    FetchTaskTarget, NetworkError, ResourceAttribute, ResourceFetchTiming,
    set_default_accept_language,
};
use servo_base::cross_process_instant::CrossProcessInstant;
use tokio::task::block_in_place;

use super::cause::Cause;
use super::checks::accept::default_accept;
use super::checks::status::is_redirect_status;
use super::error_page::replace_by_error_page;
use super::headers::content_length::extract_length;
use super::http_redirect_fetch::http_redirect_fetch;
use super::main_fetch::{finish_main_fetch, main_fetch};
use super::params::FetchParams;
use super::preload;
use super::response::FetchResponse;
use super::timing;
use crate::events::{self, Stage};
use crate::network_state::FetchContext;
use crate::resource_manager::Termination;
use crate::{devtools, embedding};

mod handed_over;
mod window;

use handed_over::{head_for_script, is_opaque};
use window::Window;

/// How many headers a page may set on a request.
const HEADER_LIMIT: usize = 8192;

/// Who receives a fetch's response.
pub(crate) type Target<'a> = dyn FetchTaskTarget + Send + 'a;

/// How far the hand-over has come, so that a cancelled fetch can be ended properly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    NothingSent,
    ResponseSent,
    Ended,
}

/// [Fetches](https://fetch.spec.whatwg.org/#concept-fetch) `request` and hands the response over to `target`.
///
/// The target gets exactly one end of file, also when the fetch is cancelled, and nothing after it.
pub(crate) async fn fetch(request: Request, target: &mut Target<'_>, context: &FetchContext) {
    run(request, target, context, None).await;
}

/// Resumes a navigation at a redirect that the page's loader chose to follow: the
/// [next manual redirect steps](https://fetch.spec.whatwg.org/#fetch-controller-next-manual-redirect-steps) of a fetch
/// that ended with the redirect's response.
pub(crate) async fn follow_manual_redirect(
    request: Request,
    init: ResponseInit,
    target: &mut Target<'_>,
    context: &FetchContext,
) {
    run(request, target, context, Some(init)).await;
}

/// [Fetches](https://fetch.spec.whatwg.org/#concept-fetch) `request` up to its response, without handing the body over.
pub(crate) async fn fetch_response(
    request: Request,
    target: &mut Target<'_>,
    context: &FetchContext,
) -> FetchResponse {
    let mut params = FetchParams::new(request);
    let response = tokio::select! {
        biased;
        () = context.controller.cancelled() => FetchResponse::network_error(Cause::Cancelled),
        response = obtain_response(&mut params, target, context, None) => response,
    };
    close_request_body(&params.request, &response);
    response
}

async fn run(
    request: Request,
    target: &mut Target<'_>,
    context: &FetchContext,
    redirect: Option<ResponseInit>,
) {
    let mut params = FetchParams::new(request);
    let mut progress = Progress::NothingSent;
    let preload_id = params.request.preload_id.clone();
    events::emit(&params.request, || Stage::Started {
        method: params.request.method.clone(),
        url: params.request.current_url(),
        destination: params.request.destination,
    });
    tokio::select! {
        biased;
        () = context.controller.cancelled() => {},
        () = async {
            let response = obtain_response(&mut params, target, context, redirect).await;
            close_request_body(&params.request, &response);
            let response = replace_by_error_page(&params.request, response);
            let Some(id) = &preload_id else {
                hand_over(&params.request, response, target, context, &mut progress).await;
                return;
            };
            let (response, outcome) = preload::read(response).await;
            let preloaded = &context.state.preloaded;
            // NB: script reports a preload's timing at its end, and a page may look for it as soon as it has what it asked for. But
            // the end of a large body waits for the page, which in turn may be waiting for what was preloaded.
            if Window::has_room_for(&response.body) {
                hand_over(&params.request, response, target, context, &mut progress).await;
                preloaded.complete(id, outcome);
            } else {
                preloaded.complete(id, outcome);
                hand_over(&params.request, response, target, context, &mut progress).await;
            }
        } => {},
    }
    if let Some(id) = &preload_id {
        context.state.preloaded.end(id);
    }
    if progress != Progress::Ended {
        end_cancelled(&params.request, target, context, progress);
    }
}

/// How many bytes of a body lie between two events of its progress.
const PROGRESS_STEP: u64 = 1 << 20;

/// The steps of [fetch](https://fetch.spec.whatwg.org/#concept-fetch) up to the response.
async fn obtain_response(
    params: &mut FetchParams,
    target: &mut Target<'_>,
    context: &FetchContext,
    redirect: Option<ResponseInit>,
) -> FetchResponse {
    // 7. Let timingInfo be a new fetch timing info whose start time is the current time.
    timing::started(&mut context.timing.inner(), CrossProcessInstant::now());
    // A header map that is nearly full cannot take the headers that Fetch adds.
    if params.request.headers.len() > HEADER_LIMIT {
        return FetchResponse::network_error(Cause::Local {
            what: "the page set too many headers".to_owned(),
        });
    }
    // 9. Populate request from its client.
    if params.request.client.is_some()
        || params.request.origin != net_traits::request::Origin::Client
    {
        params.request.populate_request_from_client();
    } else {
        return FetchResponse::network_error(Cause::Local {
            what: "the request has neither a client nor an origin".to_owned(),
        });
    }
    params.embedder = context
        .state
        .embedder_policies
        .of(&params.request, embedding::shown_document);
    params.integrity_demands = context.state.integrity_policies.of(&params.request);
    if let Some(init) = redirect {
        context
            .state
            .navigation_redirects
            .resume(params, &init.url, &mut context.timing.inner());
        let timing_type = params.request.timing_type();
        let response =
            FetchResponse::new(Response::from_init(init, timing_type), Default::default());
        let response = http_redirect_fetch(params, response, target, context).await;
        let response = finish_main_fetch(params, response, target, context).await;
        await_navigation_redirect(params, &response, context);
        return response;
    }
    // 11. A preload may have the response already.
    params.preloaded_response_candidate = context.state.preloaded.consume(&params.request);
    // 12. A default `Accept`.
    let request = &mut params.request;
    if !request.headers.contains_key(header::ACCEPT) {
        let value = default_accept(request.destination, request.initiator);
        request.headers.insert(header::ACCEPT, value);
    }
    // 13. A default `Accept-Language`.
    set_default_accept_language(&mut request.headers);
    // 17. Run main fetch.
    let response = main_fetch(params, target, context).await;
    let response = finish_main_fetch(params, response, target, context).await;
    await_navigation_redirect(params, &response, context);
    response
}

/// Keeps what a navigation has gathered, if its response is a redirect that the page's loader is going to follow.
fn await_navigation_redirect(
    params: &FetchParams,
    response: &FetchResponse,
    context: &FetchContext,
) {
    if is_navigation_redirect(&params.request, response) {
        let timing = context.timing.inner();
        context.state.navigation_redirects.wait(params, &timing);
    }
}

fn is_navigation_redirect(request: &Request, response: &FetchResponse) -> bool {
    request.mode == RequestMode::Navigate
        && request.redirect_mode == RedirectMode::Manual
        && !response.is_network_error()
        && is_redirect_status(response.head.actual_response().status.raw_code())
}

/// Lets go of the page's side of the request's body, unless the page's loader will follow a redirect with it.
fn close_request_body(request: &Request, response: &FetchResponse) {
    let Some(body) = &request.body else {
        return;
    };
    if !is_navigation_redirect(request, response) {
        body.close_stream();
    }
}

/// [Fetch response handover](https://fetch.spec.whatwg.org/#fetch-finale): head, body with back pressure, end.
async fn hand_over(
    request: &Request,
    response: FetchResponse,
    target: &mut Target<'_>,
    context: &FetchContext,
    progress: &mut Progress,
) {
    hand_over_head(request, &response, target, progress);
    let from_cache = !matches!(response.head.cache_state, CacheState::None);
    devtools::response_received(request, &response.head, from_cache, context);
    devtools::security_info(
        request,
        response.head.actual_response().tls_security_info.as_ref(),
        context,
    );
    let FetchResponse {
        mut head,
        mut body,
        cause,
        exchange: _exchange,
        upgraded: _,
        proxy_challenged: _,
    } = response;
    let mut handed_over: u64 = 0;
    let mut body_cause = None;
    if !head.is_network_error() {
        if !is_opaque(&head)
            && let Ok(Some(length)) = extract_length(&head.actual_response().headers)
        {
            block_in_place(|| {
                target.process_response_length_hint(request, usize::try_from(length).unwrap_or(0));
            });
        }
        let window = Window::default();
        let mut seen = devtools::wants_bodies(request, context).then(BytesMut::new);
        let mut told = 0;
        while let Some(chunk) = body.next().await {
            match chunk {
                Ok(bytes) => {
                    if handed_over - told >= PROGRESS_STEP {
                        told = handed_over;
                        events::emit(request, || Stage::Progress { bytes: told });
                    }
                    for piece in Window::pieces(bytes) {
                        handed_over += piece.len() as u64;
                        let piece = window.admit(piece).await;
                        if let Some(seen) = &mut seen
                            && seen.len() + piece.len() <= devtools::BODY_LIMIT
                        {
                            seen.extend_from_slice(&piece);
                        }
                        block_in_place(|| target.process_response_chunk(request, piece));
                    }
                },
                Err(error) => {
                    head.set_network_error(error.network_error());
                    body_cause = Some(Box::new(Cause::Body(error)));
                    break;
                },
            }
        }
        if let Some(seen) = seen {
            devtools::response_body(request, &head, seen.freeze(), from_cache, context);
        }
    }
    let cause = cause.or(body_cause);
    if let Some(cause) = &cause {
        events::report_issue(request, cause, context);
    }
    events::emit(request, || Stage::Ended {
        error: cause.map(|cause| (*cause).into()),
        bytes: handed_over,
    });
    end(request, &mut head, target, context, progress);
}

fn hand_over_head(
    request: &Request,
    response: &FetchResponse,
    target: &mut Target<'_>,
    progress: &mut Progress,
) {
    let head = head_for_script(&response.head, request.destination);
    block_in_place(|| {
        if request.body.is_some() {
            target.process_request_body(request);
        }
        *progress = Progress::ResponseSent;
        target.process_response(request, &head);
    });
}

fn end(
    request: &Request,
    head: &mut Response,
    target: &mut Target<'_>,
    context: &FetchContext,
    progress: &mut Progress,
) {
    context.timing.set_attribute(ResourceAttribute::ResponseEnd);
    head.resource_timing = context.timing.clone();
    block_in_place(|| {
        *progress = Progress::Ended;
        target.process_response_eof(request, head);
    });
}

/// Ends a fetch that was [terminated](https://fetch.spec.whatwg.org/#fetch-controller-terminate) before its end.
fn end_cancelled(
    request: &Request,
    target: &mut Target<'_>,
    context: &FetchContext,
    mut progress: Progress,
) {
    if let Some(body) = &request.body {
        body.close_stream();
    }
    let stopped = context.controller.termination() == Some(Termination::Stopped);
    let mut head = if stopped || request.is_navigation_request() {
        no_content(request)
    } else {
        Response::network_error(NetworkError::LoadCancelled)
    };
    if progress == Progress::NothingSent {
        block_in_place(|| target.process_response(request, &head));
    }
    events::emit(request, || Stage::Ended {
        error: Some(Cause::Cancelled.into()),
        bytes: 0,
    });
    end(request, &mut head, target, context, &mut progress);
}

/// What a document gets whose load was stopped: a response that leaves the page as it is.
///
/// AD-HOC: script shows an error page for any network error of a document, and a 204 leaves a tab where it was. In a
/// frame it would leave the frame loading for ever, so that gets an empty document.
fn no_content(request: &Request) -> Response {
    let timing = ResourceFetchTiming::new(request.timing_type());
    let mut response = Response::new(request.current_url(), timing);
    let status = if request.destination == content_security_policy::Destination::Document {
        204
    } else {
        200
    };
    response.status = HttpStatus::new_raw(status, Vec::new());
    response.to_filtered(ResponseType::Basic)
}
