//! Tunnels through HTTP proxies.

use http::header::{HOST, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::in_time;
use crate::connection::error::{ConnectionError, ProxyError};
use crate::connection::transport::Transport;

/// What a proxy made of a `CONNECT`.
pub(in crate::connection) enum Tunnel {
    /// This leads to the server.
    Open(Box<dyn Transport>),
    /// A 407 with these headers.
    Challenged(HeaderMap),
}

/// Asks the proxy, at the other end of `stream`, for a tunnel to `authority`, a host and a port.
///
/// # Errors
/// Why there is none, but for a 407.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6>
pub(in crate::connection) async fn tunnel(
    stream: Box<dyn Transport>,
    authority: &str,
    authorization: Option<HeaderValue>,
) -> Result<Tunnel, ConnectionError> {
    in_time(connect(stream, authority, authorization)).await
}

async fn connect(
    stream: Box<dyn Transport>,
    authority: &str,
    authorization: Option<HeaderValue>,
) -> Result<Tunnel, ProxyError> {
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = Uri::try_from(authority).map_err(|_| ProxyError::Malformed)?;
    let host = HeaderValue::try_from(authority).map_err(|_| ProxyError::Malformed)?;
    request.headers_mut().insert(HOST, host);
    if let Some(authorization) = authorization {
        request
            .headers_mut()
            .insert(PROXY_AUTHORIZATION, authorization);
    }

    let (mut sender, connection) = http1::Builder::new()
        .title_case_headers(true)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(|_| ProxyError::Unreachable)?;
    let exchange = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(|_| ProxyError::Protocol)?;
        match response.status() {
            status if status.is_success() => {},
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                return Ok(Err(response.into_parts().0.headers));
            },
            status => {
                return Err(ProxyError::Refused {
                    status: status.as_u16(),
                });
            },
        }
        hyper::upgrade::on(response)
            .await
            .map(Ok)
            .map_err(|_| ProxyError::Protocol)
    };
    let driver = async {
        // The outcome of the exchange says what is wrong with the connection.
        let _ = connection.with_upgrades().await;
        std::future::pending::<()>().await;
    };
    let answer = tokio::select! {
        answer = exchange => answer?,
        () = driver => return Err(ProxyError::Protocol),
    };
    let upgraded = match answer {
        Ok(upgraded) => upgraded,
        Err(headers) => return Ok(Tunnel::Challenged(headers)),
    };
    let parts = upgraded
        .downcast::<TokioIo<Box<dyn Transport>>>()
        .map_err(|_| ProxyError::Protocol)?;
    // NOTE: in every protocol that goes through a tunnel of ours the client speaks first.
    if !parts.read_buf.is_empty() {
        return Err(ProxyError::Protocol);
    }
    Ok(Tunnel::Open(parts.io.into_inner()))
}
