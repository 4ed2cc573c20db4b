//! Sending one request over a connection, and receiving the head of its response.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HOST, PROXY_AUTHORIZATION, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper_util::rt::TokioIo;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_url::ServoUrl;

use super::error::{ConnectionError, Phase, find_source};
use super::exchange::{Exchange, ExchangeRecord, HttpVersion, OutgoingRequest, Upgraded};
use super::http_connection::ConnectionFacts;
use super::payload::{Payload, Progress};
use super::pool::Lease;
use super::response_body::OngoingExchange;
use super::upload::RequestBodyReader;
use crate::fetch::Body;

/// How long a server may keep silent after a request was sent.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(300);

/// Why a request got no response, and what may be done about it.
pub(super) struct Failure {
    /// Why.
    pub(super) error: ConnectionError,
    /// Whether it may be sent again.
    pub(super) resend: Resend,
}

/// Whether a request may be sent again over another connection.
pub(super) enum Resend {
    /// The server has certainly not acted on it, or it is safe and was not answered. With the body, of which nothing has been
    /// read.
    Allowed(Option<RequestBodyReader>),
    /// The server may have acted on it.
    Forbidden,
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        Self {
            error,
            resend: Resend::Forbidden,
        }
    }
}

/// Sends `request` with `body` and waits for the head of the response. A proxy that forwards it is told `authorization`.
pub(super) async fn send(
    mut lease: Lease,
    request: &OutgoingRequest,
    body: Option<RequestBodyReader>,
    authorization: Option<HeaderValue>,
) -> Result<Exchange, Failure> {
    let facts = lease.facts();
    let has_body = body.is_some();
    let (payload, upload, progress) = Payload::new(body);
    let message = message(&facts, request, payload, authorization)?;

    let request_start = CrossProcessInstant::now();
    let response = transmit(&mut lease, message, &progress)
        .await
        .map_err(|stop| stop.failure(&request.method, has_body))?;
    let mut record = facts.record(
        &request.key,
        lease.reused(),
        request_start,
        CrossProcessInstant::now(),
    );
    record.head_completed = lease.head_was_completed();
    let reason = reason_phrase(&response, facts.version);
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(upgrade(lease, request, response, reason, record).await?);
    }
    let (head, incoming) = response.into_parts();
    Ok(Exchange {
        status: head.status,
        reason,
        headers: head.headers,
        body: OngoingExchange::new(lease, upload).body(incoming),
        record,
        upgraded: None,
        proxy_challenged: None,
    })
}

/// Why [`transmit`] has no response.
enum Stop {
    /// It took too long, or the page's stream failed.
    Certain(ConnectionError),
    /// hyper reports a failure.
    Transport {
        error: hyper::Error,
        /// The request's payload, if the request was not sent.
        unsent: Option<Box<Payload>>,
        /// Whether no byte came from the server since the request was sent. HTTP/2 cannot tell, but there the error can.
        silent: bool,
    },
}

async fn transmit(
    lease: &mut Lease,
    message: Request<Payload>,
    progress: &Arc<Progress>,
) -> Result<Response<Incoming>, Stop> {
    let (result, silent) = match lease {
        Lease::Http1(lease) => {
            let connection = lease
                .connection()
                .ok_or(Stop::Certain(ConnectionError::Cancelled))?;
            let before = connection.received();
            connection.expectation.expect();
            let sent = connection.sender.try_send_request(message);
            let result = progress.limit_stall(RESPONSE_TIMEOUT, sent).await;
            (result, connection.received() == before)
        },
        Lease::Http2(lease) => {
            let mut sender = lease.connection.sender();
            let sent = sender.try_send_request(message);
            (progress.limit_stall(RESPONSE_TIMEOUT, sent).await, true)
        },
    };
    let mut error = match result {
        Some(Ok(response)) => return Ok(response),
        Some(Err(_)) if progress.failed() => {
            return Err(Stop::Certain(ConnectionError::RequestBody));
        },
        Some(Err(error)) => error,
        None => {
            return Err(Stop::Certain(ConnectionError::TimedOut {
                phase: Phase::Response,
            }));
        },
    };
    let unsent = error
        .take_message()
        .map(|message| Box::new(message.into_body()));
    let error = error.into_error();
    if let Lease::Http2(lease) = lease
        && ended_connection(&error)
    {
        lease.retire();
    }
    Err(Stop::Transport {
        error,
        unsent,
        silent,
    })
}

impl Stop {
    /// What this means for a request of `method`.
    fn failure(self, method: &Method, has_body: bool) -> Failure {
        let (error, unsent, silent) = match self {
            Self::Certain(error) => return error.into(),
            Self::Transport {
                error,
                unsent,
                silent,
            } => (error, unsent, silent),
        };
        let resend = match unsent {
            Some(payload) => Resend::Allowed(payload.into_body()),
            // What was read of a body is gone.
            None if has_body => Resend::Forbidden,
            None if was_refused(&error) => Resend::Allowed(None),
            None if method.is_safe() && silent && ended_connection(&error) => Resend::Allowed(None),
            None => Resend::Forbidden,
        };
        Failure {
            error: ConnectionError::of_hyper(&error),
            resend,
        }
    }
}

/// Whether the server of HTTP/2 says that it did nothing with the request.
///
/// <https://www.rfc-editor.org/rfc/rfc9113#section-8.7>
fn was_refused(error: &hyper::Error) -> bool {
    find_source::<h2::Error>(error).is_some_and(|error| {
        error.is_remote()
            && (error.reason() == Some(h2::Reason::REFUSED_STREAM)
                || error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR))
    })
}

/// Whether the whole connection ended, rather than this exchange only.
fn ended_connection(error: &hyper::Error) -> bool {
    // NOTE: what waits until a server of HTTP/2 allows it a stream ends with its connection in an error of the user's. No
    // request of ours without a body has another.
    error.is_user()
        || error.is_incomplete_message()
        || error.is_canceled()
        || error.is_closed()
        || find_source::<io::Error>(error).is_some()
        || find_source::<h2::Error>(error).is_some_and(|error| error.is_io() || error.is_go_away())
}

/// The end of HTTP on a connection whose server answered 101.
async fn upgrade(
    lease: Lease,
    request: &OutgoingRequest,
    response: Response<Incoming>,
    reason: Vec<u8>,
    record: ExchangeRecord,
) -> Result<Exchange, ConnectionError> {
    if !request.upgrade {
        return Err(ConnectionError::Protocol {
            text: "the server switched protocols without being asked to",
        });
    }
    let status = response.status();
    let headers = response.headers().clone();
    let upgraded = hyper::upgrade::on(response)
        .await
        .map_err(|error| ConnectionError::of_hyper(&error))?;
    // The task that moved the bytes of HTTP is done.
    drop(lease);
    Ok(Exchange {
        status,
        reason,
        headers,
        body: Body::Empty,
        record,
        upgraded: Some(Upgraded(TokioIo::new(upgraded))),
        proxy_challenged: None,
    })
}

/// The request in hyper's form.
fn message(
    facts: &ConnectionFacts,
    request: &OutgoingRequest,
    payload: Payload,
    authorization: Option<HeaderValue>,
) -> Result<Request<Payload>, ConnectionError> {
    let mut message = Request::new(payload);
    *message.method_mut() = request.method.clone();
    *message.uri_mut() = target(facts, request)?;
    let headers = message.headers_mut();
    if facts.version == HttpVersion::Http1 {
        // NOTE: Host should be the first header, RFC 9110 section 7.2.
        headers.insert(HOST, authority(&request.url)?);
        let connection = if request.upgrade {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            "Upgrade"
        } else {
            "keep-alive"
        };
        headers.insert(CONNECTION, HeaderValue::from_static(connection));
        if let Some(authorization) = authorization.filter(|_| facts.forwarding_proxy().is_some()) {
            headers.insert(PROXY_AUTHORIZATION, authorization);
        }
    }
    append_all(headers, &request.headers);
    if let Some(listener) = request.interim.clone() {
        hyper::ext::on_informational(&mut message, move |response| {
            listener.tell(response.status(), response.headers());
        });
    }
    Ok(message)
}

/// Appends `more`, but for what [`message`] sets itself.
fn append_all(headers: &mut HeaderMap, more: &HeaderMap) {
    for (name, value) in more {
        if ![HOST, CONNECTION, UPGRADE].contains(name) {
            headers.append(name, value.clone());
        }
    }
}

/// The request target.
///
/// <https://www.rfc-editor.org/rfc/rfc9112#section-3.2>, and for HTTP/2
/// <https://www.rfc-editor.org/rfc/rfc9113#section-8.3.1>
pub(super) fn target(
    facts: &ConnectionFacts,
    request: &OutgoingRequest,
) -> Result<Uri, ConnectionError> {
    let url = &request.url;
    let path = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let target = Uri::builder().path_and_query(path);
    let target = if facts.version == HttpVersion::Http2 || facts.forwarding_proxy().is_some() {
        let scheme = if request.key.endpoint.secure {
            "https"
        } else {
            "http"
        };
        target.scheme(scheme).authority(authority(url)?.as_bytes())
    } else {
        target
    };
    target.build().map_err(|_| ConnectionError::UnsendableUrl)
}

/// The value of `Host`: the URL's host, and its port if that is not the scheme's default.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-7.2>
fn authority(url: &ServoUrl) -> Result<HeaderValue, ConnectionError> {
    let host = url.host_str().ok_or(ConnectionError::UnsendableUrl)?;
    match url.port() {
        Some(port) => HeaderValue::try_from(format!("{host}:{port}")),
        None => HeaderValue::from_str(host),
    }
    .map_err(|_| ConnectionError::UnsendableUrl)
}

/// The reason phrase as it was received; HTTP/2 has none.
fn reason_phrase(response: &Response<Incoming>, version: HttpVersion) -> Vec<u8> {
    if version == HttpVersion::Http2 {
        return Vec::new();
    }
    // hyper leaves a reason out that is the usual one of its status.
    match response.extensions().get::<ReasonPhrase>() {
        Some(reason) => reason.as_bytes().to_owned(),
        None => response
            .status()
            .canonical_reason()
            .unwrap_or_default()
            .as_bytes()
            .to_owned(),
    }
}
