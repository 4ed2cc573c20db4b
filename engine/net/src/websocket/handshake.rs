//! The opening handshake: the request that asks for it, and the check of the answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use net_traits::request::{
    CacheMode, CredentialsMode, RedirectMode, Request, RequestBuilder, RequestMode,
    ServiceWorkersMode,
};
use thiserror::Error;
use tungstenite::handshake::derive_accept_key;

/// The request of an opening handshake, and what its answer is checked against.
pub(crate) struct Handshake {
    /// The request.
    pub(crate) request: Request,
    /// The value of its `Sec-WebSocket-Key`.
    pub(super) key: String,
    /// The subprotocols that the page offers.
    pub(super) protocols: Vec<String>,
}

/// The page's URL or subprotocols cannot be asked for; script checks them before, so this is never seen.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the WebSocket's URL or subprotocols are not valid")]
pub(crate) struct InvalidRequest;

/// Why the answer to a handshake fails the connection.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The status is not 101.
    #[error("the status is {0}, not 101")]
    Status(u16),
    /// A header is missing, repeated, or does not hold what the protocol asks for.
    #[error("{0} is not as the protocol requires")]
    Header(HeaderName),
    /// The server uses an extension, and none was offered.
    #[error("the server uses an extension that was not offered")]
    Extension,
    /// The server chose a subprotocol that was not offered, or chose none of those offered.
    #[error("the server's choice of subprotocol does not fit")]
    Protocol,
}

/// Steps 1 to 10 of
/// [establish a WebSocket connection](https://websockets.spec.whatwg.org/#concept-websocket-establish).
///
/// # Errors
/// [`InvalidRequest`] if the request is not one for a WebSocket.
pub(crate) fn handshake_request(builder: RequestBuilder) -> Result<Handshake, InvalidRequest> {
    let mut request = builder.build();
    let RequestMode::WebSocket { protocols, .. } = &request.mode else {
        return Err(InvalidRequest);
    };
    let protocols = protocols.clone();
    // 1. Let requestURL be url with its scheme set to "http" for "ws", otherwise to "https".
    let url = request.current_url_mut();
    let scheme = match url.scheme() {
        "ws" | "http" => "http",
        "wss" | "https" => "https",
        _ => return Err(InvalidRequest),
    };
    url.as_mut_url()
        .set_scheme(scheme)
        .map_err(|()| InvalidRequest)?;
    // 2. Let request be a new request; the client, referrer and mode are script's.
    request.service_workers_mode = ServiceWorkersMode::None;
    request.credentials_mode = CredentialsMode::Include;
    request.cache_mode = CacheMode::NoStore;
    request.redirect_mode = RedirectMode::Error;
    // AD-HOC: a server's challenge is answered with the credentials in the URL, as in other browsers.
    request.use_url_credentials = true;
    // 3. and 4. Ask for the upgrade.
    let headers = &mut request.headers;
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    // 5. and 6. A nonce of 16 random bytes.
    let key = STANDARD.encode(rand::random::<[u8; 16]>());
    headers.insert(
        SEC_WEBSOCKET_KEY,
        HeaderValue::from_str(&key).map_err(|_| InvalidRequest)?,
    );
    // 7. The protocol's version.
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    // 8. The subprotocols.
    if !protocols.is_empty() {
        headers.insert(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_str(&protocols.join(", ")).map_err(|_| InvalidRequest)?,
        );
    }
    // FIXME: 9. and 10. Offer permessage-deflate.
    Ok(Handshake {
        request,
        key,
        protocols,
    })
}

/// Checks the server's answer: steps 11.1 to 11.4 of
/// [establish a WebSocket connection](https://websockets.spec.whatwg.org/#concept-websocket-establish), with the client's
/// requirements of [RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1). Returns the subprotocol in
/// use.
///
/// # Errors
/// The first [`Refusal`].
pub(super) fn accept(
    status: u16,
    headers: &HeaderMap,
    key: &str,
    protocols: &[String],
) -> Result<Option<String>, Refusal> {
    // RFC 6455, 1. The status is 101.
    if status != StatusCode::SWITCHING_PROTOCOLS.as_u16() {
        return Err(Refusal::Status(status));
    }
    // RFC 6455, 2. `Upgrade` is “websocket”.
    if !only(headers, UPGRADE)?.eq_ignore_ascii_case("websocket") {
        return Err(Refusal::Header(UPGRADE));
    }
    // RFC 6455, 3. `Connection` has the token “upgrade”.
    let upgrades = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| {
            token
                .trim_matches([' ', '\t'])
                .eq_ignore_ascii_case("upgrade")
        });
    if !upgrades {
        return Err(Refusal::Header(CONNECTION));
    }
    // RFC 6455, 4. `Sec-WebSocket-Accept` shows that the server has read the key.
    if only(headers, SEC_WEBSOCKET_ACCEPT)? != derive_accept_key(key.as_bytes()) {
        return Err(Refusal::Header(SEC_WEBSOCKET_ACCEPT));
    }
    // RFC 6455, 5. Only extensions that were offered, so none.
    if headers
        .get_all(SEC_WEBSOCKET_EXTENSIONS)
        .iter()
        .any(|value| !value.as_bytes().trim_ascii().is_empty())
    {
        return Err(Refusal::Extension);
    }
    // 11.3. and RFC 6455, 6. One of the offered subprotocols if there were any, else none.
    if !headers.contains_key(SEC_WEBSOCKET_PROTOCOL) {
        return if protocols.is_empty() {
            Ok(None)
        } else {
            Err(Refusal::Protocol)
        };
    }
    let chosen = only(headers, SEC_WEBSOCKET_PROTOCOL)?;
    if protocols.iter().any(|protocol| protocol == chosen) {
        Ok(Some(chosen.to_owned()))
    } else {
        Err(Refusal::Protocol)
    }
}

/// The value of a header that must be there exactly once.
fn only(headers: &HeaderMap, name: HeaderName) -> Result<&str, Refusal> {
    let mut values = headers.get_all(&name).iter();
    match (
        values.next().and_then(|value| value.to_str().ok()),
        values.next(),
    ) {
        (Some(value), None) => Ok(value.trim_matches([' ', '\t'])),
        _ => Err(Refusal::Header(name)),
    }
}

#[cfg(test)]
mod tests {
    use net_traits::blob_url_store::UrlWithBlobClaim;
    use net_traits::request::Referrer;
    use servo_url::ServoUrl;

    use super::*;

    /// The example of RFC 6455, section 1.3.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .fold(HeaderMap::new(), |mut headers, (name, value)| {
                headers.append(name, value);
                headers
            })
    }

    const GOOD: [(&str, &str); 3] = [
        ("upgrade", "WebSocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-accept", ACCEPT),
    ];

    fn good_with(more: &[(&'static str, &'static str)]) -> HeaderMap {
        headers(&[&GOOD[..], more].concat())
    }

    fn good_without(name: &str) -> HeaderMap {
        let mut headers = headers(&GOOD);
        headers.remove(name);
        headers
    }

    #[test]
    fn answers_are_checked() {
        let none: &[&str] = &[];
        let chat: &[&str] = &["chat", "superchat"];
        let cases = [
            (101, good_with(&[]), none, Ok(None)),
            (200, good_with(&[]), none, Err(Refusal::Status(200))),
            (
                101,
                good_without("upgrade"),
                none,
                Err(Refusal::Header(UPGRADE)),
            ),
            (
                101,
                good_with(&[("upgrade", "h2c")]),
                none,
                Err(Refusal::Header(UPGRADE)),
            ),
            (
                101,
                good_without("connection"),
                none,
                Err(Refusal::Header(CONNECTION)),
            ),
            (
                101,
                good_without("sec-websocket-accept"),
                none,
                Err(Refusal::Header(SEC_WEBSOCKET_ACCEPT)),
            ),
            (
                101,
                good_with(&[("sec-websocket-accept", ACCEPT)]),
                none,
                Err(Refusal::Header(SEC_WEBSOCKET_ACCEPT)),
            ),
            (
                101,
                good_with(&[("sec-websocket-extensions", "permessage-deflate")]),
                none,
                Err(Refusal::Extension),
            ),
            (
                101,
                good_with(&[("sec-websocket-protocol", "chat")]),
                none,
                Err(Refusal::Protocol),
            ),
            (101, good_with(&[]), chat, Err(Refusal::Protocol)),
            (
                101,
                good_with(&[("sec-websocket-protocol", "superchat")]),
                chat,
                Ok(Some("superchat".to_owned())),
            ),
            (
                101,
                good_with(&[("sec-websocket-protocol", "Chat")]),
                chat,
                Err(Refusal::Protocol),
            ),
            (
                101,
                good_with(&[("sec-websocket-protocol", "chat, superchat")]),
                chat,
                Err(Refusal::Protocol),
            ),
            (
                101,
                good_with(&[("sec-websocket-protocol", "")]),
                chat,
                Err(Refusal::Protocol),
            ),
            (
                101,
                good_with(&[
                    ("sec-websocket-protocol", "chat"),
                    ("sec-websocket-protocol", "chat"),
                ]),
                chat,
                Err(Refusal::Header(SEC_WEBSOCKET_PROTOCOL)),
            ),
        ];
        for (status, headers, protocols, expected) in cases {
            let protocols: Vec<String> = protocols
                .iter()
                .map(|&protocol| protocol.to_owned())
                .collect();
            assert_eq!(
                accept(status, &headers, KEY, &protocols),
                expected,
                "{status} {headers:?} {protocols:?}"
            );
        }
    }

    #[test]
    fn a_wrong_accept_is_refused() {
        assert_eq!(
            accept(101, &good_with(&[]), "AAAAAAAAAAAAAAAAAAAAAA==", &[]),
            Err(Refusal::Header(SEC_WEBSOCKET_ACCEPT))
        );
    }

    fn builder(url: &str, protocols: &[&str]) -> RequestBuilder {
        let url = ServoUrl::parse(url).expect("a URL");
        let claimed = UrlWithBlobClaim::for_url(url.clone()).expect("no blob URL");
        RequestBuilder::new(None, claimed, Referrer::NoReferrer).mode(RequestMode::WebSocket {
            protocols: protocols
                .iter()
                .map(|&protocol| protocol.to_owned())
                .collect(),
            original_url: url,
        })
    }

    #[test]
    fn requests_are_as_the_standard_has_them() {
        for (url, expected) in [
            ("ws://a.example:81/x?y", "http://a.example:81/x?y"),
            ("wss://a.example/x", "https://a.example/x"),
        ] {
            let handshake = handshake_request(builder(url, &["a", "b"]))
                .unwrap_or_else(|_| panic!("{url} is refused"));
            let Handshake { request, key, .. } = handshake;
            assert_eq!(request.current_url().as_str(), expected);
            assert_eq!(request.original_url().as_str(), url);
            assert_eq!(request.headers[SEC_WEBSOCKET_KEY], key.as_str());
            assert_eq!(STANDARD.decode(&key).map(|nonce| nonce.len()), Ok(16));
            assert_eq!(request.headers[SEC_WEBSOCKET_PROTOCOL], "a, b");
            assert_eq!(request.headers[SEC_WEBSOCKET_VERSION], "13");
            assert_eq!(request.headers[UPGRADE], "websocket");
            assert_eq!(request.headers[CONNECTION], "Upgrade");
            assert_eq!(request.redirect_mode, RedirectMode::Error);
            assert_eq!(request.cache_mode, CacheMode::NoStore);
        }
        assert!(handshake_request(builder("ftp://a.example/", &[])).is_err());
        let mut plain = builder("ws://a.example/", &[]);
        plain.mode = RequestMode::CorsMode;
        assert!(handshake_request(plain).is_err());
    }
}
