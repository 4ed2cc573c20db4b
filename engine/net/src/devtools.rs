//! What the developer tools' network monitor is told about each request.
//!
//! Every function here returns at once, and builds nothing when the developer tools are off. The tools show requests of
//! documents in tabs only; a request without a tab or a document has no place there.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use content_security_policy::Destination;
use crossbeam_channel::Sender;
use devtools_traits::{
    ChromeToDevtoolsControlMsg, DevtoolsControlMsg, HttpRequest, HttpResponse, NetworkEvent,
    PageError, ScriptToDevtoolsControlMsg, SecurityInfoUpdate,
};
use http::HeaderMap;
use log::warn;
use net_traits::TlsSecurityInfo;
use net_traits::request::{Request, RequestId};
use net_traits::response::Response;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_base::id::{PipelineId, WebViewId};
use servo_url::ServoUrl;

use crate::connection::ConnectionTimings;
use crate::events::Issue;
use crate::network_state::FetchContext;

/// How much of a body the tools are given, in bytes; of a larger one they show the beginning.
pub(crate) const BODY_LIMIT: usize = 1 << 20;

/// The way to the tools, and the place of the request in them.
struct Watcher<'a> {
    sender: &'a Sender<DevtoolsControlMsg>,
    request: RequestId,
    pipeline: PipelineId,
    webview: WebViewId,
}

impl<'a> Watcher<'a> {
    fn of(request: &Request, context: &'a FetchContext) -> Option<Self> {
        let sender = context.state.devtools.as_ref()?;
        // Data URLs are no traffic.
        if request.current_url().scheme() == "data" {
            return None;
        }
        Some(Self {
            sender,
            request: request.id,
            pipeline: request.pipeline_id?,
            webview: request.target_webview_id?,
        })
    }

    fn send(&self, event: NetworkEvent) {
        let message = DevtoolsControlMsg::FromChrome(ChromeToDevtoolsControlMsg::NetworkEvent(
            self.request.0.to_string(),
            event,
        ));
        if self.sender.send(message).is_err() {
            warn!("the developer tools are gone");
        }
    }

    fn http_request(
        &self,
        request: &Request,
        url: ServoUrl,
        headers: HeaderMap,
        timings: &ConnectionTimings,
    ) -> HttpRequest {
        let started = SystemTime::now();
        HttpRequest {
            url,
            method: request.method.clone(),
            headers,
            body: None,
            pipeline_id: self.pipeline,
            started_date_time: started,
            time_stamp: started
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|since| since.as_secs().try_into().ok())
                .unwrap_or_default(),
            connect_time: between(timings.connect_start, timings.connect_end),
            send_time: between(timings.request_start, timings.response_start),
            destination: request.destination,
            is_xhr: request.destination == Destination::None,
            browsing_context_id: self.webview.into(),
        }
    }

    fn http_response(
        &self,
        response: &Response,
        body: Option<Bytes>,
        from_cache: bool,
    ) -> HttpResponse {
        let actual = response.actual_response();
        HttpResponse {
            headers: Some(actual.headers.clone()),
            status: actual.status.clone(),
            body,
            from_cache,
            pipeline_id: self.pipeline,
            browsing_context_id: self.webview.into(),
        }
    }
}

/// The time between two points, if both are known and in order.
fn between(start: Option<CrossProcessInstant>, end: Option<CrossProcessInstant>) -> Duration {
    start
        .zip(end)
        .and_then(|(start, end)| (end - start).try_into().ok())
        .unwrap_or_default()
}

/// A fetch began; nothing has been sent.
pub(crate) fn request_started(request: &Request, context: &FetchContext) {
    if let Some(watcher) = Watcher::of(request, context) {
        let http_request = watcher.http_request(
            request,
            request.current_url(),
            request.headers.clone(),
            &ConnectionTimings::default(),
        );
        watcher.send(NetworkEvent::HttpRequest(http_request));
    }
}

/// A request went to a server: to this URL, with these headers.
pub(crate) fn request_sent(
    request: &Request,
    headers: &HeaderMap,
    url: &ServoUrl,
    timings: &ConnectionTimings,
    context: &FetchContext,
) {
    if let Some(watcher) = Watcher::of(request, context) {
        let http_request = watcher.http_request(request, url.clone(), headers.clone(), timings);
        watcher.send(NetworkEvent::HttpRequestUpdate(http_request));
    }
}

/// A response's head is handed over to the page.
pub(crate) fn response_received(
    request: &Request,
    response: &Response,
    from_cache: bool,
    context: &FetchContext,
) {
    if let Some(watcher) = Watcher::of(request, context)
        && !response.is_network_error()
    {
        let http_response = watcher.http_response(response, None, from_cache);
        watcher.send(NetworkEvent::HttpResponse(http_response));
    }
}

/// The facts of TLS of the connection that a response came over, if it used TLS.
pub(crate) fn security_info(
    request: &Request,
    info: Option<&TlsSecurityInfo>,
    context: &FetchContext,
) {
    if let Some(info) = info
        && let Some(watcher) = Watcher::of(request, context)
    {
        watcher.send(NetworkEvent::SecurityInfo(SecurityInfoUpdate {
            browsing_context_id: watcher.webview.into(),
            security_info: Some(info.clone()),
        }));
    }
}

/// Whether the tools want this request's [body](response_body), so that it has to be gathered.
pub(crate) fn wants_bodies(request: &Request, context: &FetchContext) -> bool {
    Watcher::of(request, context).is_some()
}

/// The body of a response has been handed over; this is its beginning, of up to [`BODY_LIMIT`] bytes.
pub(crate) fn response_body(
    request: &Request,
    response: &Response,
    body: Bytes,
    from_cache: bool,
    context: &FetchContext,
) {
    if let Some(watcher) = Watcher::of(request, context) {
        let http_response = watcher.http_response(response, Some(body), from_cache);
        watcher.send(NetworkEvent::HttpResponse(http_response));
    }
}

/// CORS stopped a request: an error in the console of the page that made it.
///
/// NB: the message is of the kind that script sends about its own errors, but it goes to the tools alone: nothing of it comes
/// back to script.
pub(crate) fn issue(request: &Request, issue: &Issue, context: &FetchContext) {
    if let Some(watcher) = Watcher::of(request, context) {
        let error = PageError {
            error_message: issue.message(),
            source_name: issue.url.clone(),
            line_number: 0,
            column_number: 0,
            time_stamp: milliseconds_since_epoch(),
        };
        let message = DevtoolsControlMsg::FromScript(ScriptToDevtoolsControlMsg::ReportPageError(
            watcher.pipeline,
            error,
        ));
        if watcher.sender.send(message).is_err() {
            warn!("the developer tools are gone");
        }
    }
}

fn milliseconds_since_epoch() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| since.as_millis().try_into().ok())
        .unwrap_or_default()
}
