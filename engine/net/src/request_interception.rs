//! What the embedding program may say about a request before it is made: answer it itself, cancel it, or give the
//! credentials that a server asked for.
//!
//! All of it waits for the program's event loop, which may be busy or already gone; so every wait here ends with the
//! fetch.

use embedder_traits::{WebResourceRequest, WebResourceResponse, WebResourceResponseMsg};
use futures::stream;
use log::warn;
use net_traits::http_status::HttpStatus;
use net_traits::request::{Request, RequestMode};
use net_traits::response::Response;
use servo_url::ServoUrl;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

use crate::embedder::NetToEmbedderMsg;
use crate::fetch::{Body, BodyError, Cause, FetchResponse};
use crate::http_authentication::without_credentials;
use crate::network_state::FetchContext;

/// Offers `request` to the embedding program. `None`: it lets the request go its way, also if it never answers and drops
/// its end of the channel.
pub(crate) async fn intercept(
    request: &mut Request,
    context: &FetchContext,
) -> Option<FetchResponse> {
    let (sender, receiver) = unbounded_channel();
    context
        .state
        .embedder
        .send(NetToEmbedderMsg::WebResourceRequested(
            request.target_webview_id,
            describe(request),
            sender,
        ));
    tokio::select! {
        biased;
        () = context.controller.cancelled() => {
            Some(FetchResponse::network_error(Cause::Cancelled))
        },
        response = answer(receiver, context) => response,
    }
}

/// What the program is told about the request.
fn describe(request: &Request) -> WebResourceRequest {
    WebResourceRequest {
        method: request.method.clone(),
        url: request.current_url().into_url(),
        headers: request.headers.clone(),
        destination: request.destination,
        referrer_url: request.referrer.to_url().map(|url| url.as_url().clone()),
        is_for_main_frame: request.destination == content_security_policy::Destination::Document,
        is_redirect: request.redirect_count > 0,
    }
}

/// The program's answer. It speaks in one of three ways: it lets the request go; it cancels it; or it starts a response,
/// sends pieces of its body, and finishes or cancels.
async fn answer(
    mut receiver: UnboundedReceiver<WebResourceResponseMsg>,
    context: &FetchContext,
) -> Option<FetchResponse> {
    loop {
        match receiver.recv().await {
            Some(WebResourceResponseMsg::Start(response)) => {
                return Some(respond(response, receiver, context));
            },
            Some(WebResourceResponseMsg::CancelLoad) => {
                return Some(FetchResponse::network_error(Cause::Cancelled));
            },
            Some(WebResourceResponseMsg::SendBodyData(_)) => {
                warn!("the embedder sent a body before its response; it is ignored");
            },
            Some(WebResourceResponseMsg::FinishLoad | WebResourceResponseMsg::DoNotIntercept)
            | None => return None,
        }
    }
}

fn respond(
    response: WebResourceResponse,
    receiver: UnboundedReceiver<WebResourceResponseMsg>,
    context: &FetchContext,
) -> FetchResponse {
    let timing = context.timing.inner().clone();
    let mut head = Response::new(ServoUrl::from_url(response.url), timing);
    head.headers = response.headers;
    head.status = HttpStatus::new(response.status_code, response.status_message);
    FetchResponse::new(head, body(receiver))
}

/// The body, as the program sends it. One that the program gives up on is truncated, not complete.
fn body(receiver: UnboundedReceiver<WebResourceResponseMsg>) -> Body {
    Body::from_stream(stream::unfold(Some(receiver), |receiver| async move {
        let mut receiver = receiver?;
        loop {
            match receiver.recv().await {
                Some(WebResourceResponseMsg::SendBodyData(data)) if data.is_empty() => {},
                Some(WebResourceResponseMsg::SendBodyData(data)) => {
                    return Some((Ok(data.into()), Some(receiver)));
                },
                Some(WebResourceResponseMsg::FinishLoad) => return None,
                Some(WebResourceResponseMsg::CancelLoad) => {
                    return Some((Err(BodyError::Cancelled), None));
                },
                Some(WebResourceResponseMsg::Start(_) | WebResourceResponseMsg::DoNotIntercept) => {
                    warn!("the embedder began its response twice; the second time is ignored");
                },
                None => return Some((Err(BodyError::Truncated), None)),
            }
        }
    }))
}

/// Asks the person for the user name and password that the request's server, or the proxy with this URL, wants to have.
///
/// Only navigations of a tab ask: a prompt for a subresource would speak for a host that the person does not see. `None`
/// if nobody was asked, nobody answered, or the fetch ended meanwhile.
pub(crate) async fn request_credentials(
    request: &Request,
    proxy: Option<ServoUrl>,
    context: &FetchContext,
) -> Option<(String, String)> {
    let webview = request.target_webview_id?;
    if request.mode != RequestMode::Navigate {
        return None;
    }
    let for_proxy = proxy.is_some();
    let url = proxy.unwrap_or_else(|| without_credentials(request.current_url()));
    let (sender, receiver) = oneshot::channel();
    context
        .state
        .embedder
        .send(NetToEmbedderMsg::RequestAuthentication(
            webview, url, for_proxy, sender,
        ));
    tokio::select! {
        biased;
        () = context.controller.cancelled() => None,
        answer = receiver => {
            let answer = answer.ok()??;
            Some((answer.username, answer.password))
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bodies_are_streamed_and_broken_ones_are_errors() {
        use WebResourceResponseMsg::{CancelLoad, FinishLoad, SendBodyData};
        type Case = (
            Vec<WebResourceResponseMsg>,
            Result<&'static [u8], BodyError>,
        );
        let cases: [Case; 5] = [
            (vec![FinishLoad], Ok(b"")),
            (
                vec![
                    SendBodyData(b"ab".to_vec()),
                    SendBodyData(Vec::new()),
                    SendBodyData(b"c".to_vec()),
                    FinishLoad,
                    SendBodyData(b"late".to_vec()),
                ],
                Ok(b"abc"),
            ),
            (
                vec![SendBodyData(b"ab".to_vec()), CancelLoad],
                Err(BodyError::Cancelled),
            ),
            (
                vec![SendBodyData(b"ab".to_vec())],
                Err(BodyError::Truncated),
            ),
            (vec![], Err(BodyError::Truncated)),
        ];
        for (messages, expected) in cases {
            let (sender, receiver) = unbounded_channel();
            for message in messages {
                sender.send(message).expect("the receiver is alive");
            }
            drop(sender);
            let read = body(receiver).read_all(1024).await;
            assert_eq!(read.as_deref(), expected.as_ref().map(|bytes| *bytes));
        }
    }
}
