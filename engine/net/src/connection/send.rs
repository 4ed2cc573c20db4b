//! Sending one request over a connection, and receiving the head of its response.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHORIZATION, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use hyper_util::rt::TokioIo;
use servo_base::cross_process_instant::CrossProcessInstant;
use servo_url::ServoUrl;

use super::error::{ConnectionError, Phase, find_source};
use super::exchange::{Exchange, ExchangeRecord, HttpVersion, OutgoingRequest, Upgraded};
use super::http_connection::ConnectionFacts;
use super::key::ConnectionCredentials;
use super::payload::{Payload, Progress};
use super::pool::Lease;
use super::response_body::{OngoingExchange, Reuse};
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
    /// With the body, from its beginning.
    Allowed(Option<RequestBodyReader>),
    /// The server may have acted on it, or its body cannot be read again.
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
    let anonymous = matches!(request.key.credentials, ConnectionCredentials::Anonymous(_));
    let (payload, upload, progress) = Payload::new(body);
    let message = message(&facts, request, payload, authorization)?;

    let request_start = CrossProcessInstant::now();
    let response = match transmit(&mut lease, message, &progress).await {
        Ok(response) => response,
        Err(Stop { error, trace }) => {
            let body = progress.take_back();
            let resend = if trace.allows_resending(&request.method, anonymous)
                && body.is_some() == has_body
            {
                Resend::Allowed(body)
            } else {
                Resend::Forbidden
            };
            return Err(Failure { error, resend });
        },
    };
    progress.release();
    let mut record = facts.record(
        &request.key,
        lease.reused(),
        request_start,
        CrossProcessInstant::now(),
    );
    record.head_completed = lease.head_was_completed();
    let reason = reason_phrase(&response, facts.version);
    if request.upgrade && response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return Ok(upgrade(lease, response, reason, record).await?);
    }
    let (mut head, incoming) = response.into_parts();
    head.headers.extend(lease.unusable_lengths());
    // NOTE: a 101 that nobody asked for is a response like others; whatever the server speaks after it is not listened to.
    let reuse = if head.status == StatusCode::SWITCHING_PROTOCOLS
        || announces_forbidden_body(head.status, &head.headers)
    {
        Reuse::Never
    } else {
        Reuse::AfterTheBody
    };
    Ok(Exchange {
        status: head.status,
        reason,
        headers: head.headers,
        body: OngoingExchange::new(lease, upload, reuse).body(incoming),
        record,
        upgraded: None,
        proxy_challenged: None,
    })
}

/// Why [`transmit`] has no response.
struct Stop {
    error: ConnectionError,
    trace: Trace,
}

/// What of a request that got no response may have reached the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trace {
    /// The server has certainly done nothing with it.
    None,
    /// The connection ended before a byte of an answer. That is how a server closes a connection that it has not used for long,
    /// and also how one breaks down that was at work.
    Unanswered,
    /// What came in the place of an answer has not the form of one. It can be what an earlier response should not have had after
    /// it.
    Stray,
    /// The server was at work, or took too long.
    Any,
}

impl Trace {
    /// Whether a request of `method` may be sent again over another connection: if it has not been acted on, or if it does not
    /// matter that it has been. An anonymous request of user-enabled CORS that is unsafe is never acted on twice.
    ///
    /// <https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2>
    fn allows_resending(self, method: &Method, anonymous: bool) -> bool {
        match self {
            Self::None => true,
            Self::Unanswered => method.is_safe() || method.is_idempotent() && !anonymous,
            Self::Stray => method.is_safe(),
            Self::Any => false,
        }
    }
}

/// Whether the head of a response speaks of a body after it, where none can be. A server that sends it nevertheless would be
/// misunderstood in whatever came next over the connection.
///
/// <https://www.rfc-editor.org/rfc/rfc9112#section-6.3>
fn announces_forbidden_body(status: StatusCode, headers: &HeaderMap) -> bool {
    let has_length = |value: &HeaderValue| value.as_bytes().iter().any(|byte| *byte != b'0');
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        && (headers.contains_key(TRANSFER_ENCODING)
            || headers.get_all(CONTENT_LENGTH).iter().any(has_length))
}

async fn transmit(
    lease: &mut Lease,
    message: Request<Payload>,
    progress: &Arc<Progress>,
) -> Result<Response<Incoming>, Stop> {
    let (result, answer) = match lease {
        Lease::Http1(lease) => {
            let connection = lease.connection().ok_or(ConnectionError::Cancelled)?;
            let before = connection.received();
            connection.expectation.expect();
            let sent = connection.sender.try_send_request(message);
            let result = progress.limit_stall(RESPONSE_TIMEOUT, sent).await;
            let answer = if connection.received() == before {
                Answer::None
            } else if connection.expectation.was_stray() {
                Answer::Stray
            } else {
                Answer::Begun
            };
            (result, answer)
        },
        Lease::Http2(lease) => {
            let mut sender = lease.connection.sender();
            let sent = sender.try_send_request(message);
            let result = progress.limit_stall(RESPONSE_TIMEOUT, sent).await;
            // NB: of one among many exchanges the error tells as much.
            (result, Answer::None)
        },
    };
    let mut error = match result {
        Some(Ok(response)) => return Ok(response),
        Some(Err(_)) if progress.failed() => return Err(ConnectionError::RequestBody.into()),
        Some(Err(error)) => error,
        None => {
            return Err(Stop::from(ConnectionError::TimedOut {
                phase: Phase::Response,
            }));
        },
    };
    let is_unsent = error.take_message().is_some();
    let error = error.into_error();
    let ended = ended_connection(&error);
    if let Lease::Http2(lease) = lease
        && ended
    {
        lease.retire();
    }
    let trace = match answer {
        _ if is_unsent || was_refused(&error) => Trace::None,
        Answer::None if ended => Trace::Unanswered,
        Answer::Stray => Trace::Stray,
        Answer::None | Answer::Begun => Trace::Any,
    };
    Err(Stop {
        error: ConnectionError::of_hyper(&error),
        trace,
    })
}

/// What had come of an answer when an exchange failed.
#[derive(Clone, Copy)]
enum Answer {
    None,
    Begun,
    /// Not what an answer begins with.
    Stray,
}

impl From<ConnectionError> for Stop {
    fn from(error: ConnectionError) -> Self {
        Self {
            error,
            trace: Trace::Any,
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
    response: Response<Incoming>,
    reason: Vec<u8>,
    record: ExchangeRecord,
) -> Result<Exchange, ConnectionError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_sent_again() {
        use Trace::{Any, None, Stray, Unanswered};
        // By method: safe, idempotent, neither.
        for (trace, anonymous, expected) in [
            (None, false, [true, true, true]),
            (None, true, [true, true, true]),
            (Unanswered, false, [true, true, false]),
            (Unanswered, true, [true, false, false]),
            (Stray, false, [true, false, false]),
            (Stray, true, [true, false, false]),
            (Any, false, [false, false, false]),
            (Any, true, [false, false, false]),
        ] {
            let allowed = [Method::GET, Method::PUT, Method::POST]
                .map(|method| trace.allows_resending(&method, anonymous));
            assert_eq!(allowed, expected, "{trace:?} {anonymous}");
        }
    }

    #[test]
    fn bodies_where_none_can_be() {
        for (status, name, value, expected) in [
            (304, "content-length", "4", true),
            (304, "content-length", "0", false),
            (304, "content-length", "x", true),
            (204, "transfer-encoding", "chunked", true),
            (304, "etag", "\"4\"", false),
            (200, "content-length", "4", false),
            (205, "content-length", "4", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(
                announces_forbidden_body(status, &headers),
                expected,
                "{status} {value}"
            );
        }
    }
}
