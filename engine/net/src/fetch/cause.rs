//! Why a fetch ended in a network error.
//!
//! A page learns one of Servo's [`NetworkError`] values, the same for every CORS failure. The cause here says which check
//! failed on what, and travels beside the response to the shell.

use http::header::HeaderName;
use net_traits::NetworkError;
use servo_url::ServoUrl;
use thiserror::Error;
use user_cors::Refusal;

use crate::connection::ConnectionError;

/// The cause of a [network error](https://fetch.spec.whatwg.org/#concept-network-error).
#[derive(Clone, Debug, Error)]
pub enum Cause {
    /// The fetch was [terminated or aborted](https://fetch.spec.whatwg.org/#fetch-controller-abort).
    #[error("the fetch was cancelled")]
    Cancelled,
    /// The content process of the page ended; the text says how.
    #[error("the page crashed")]
    Crash(String),
    /// A [CORS check](https://fetch.spec.whatwg.org/#concept-cors-check) or preflight failed.
    #[error(transparent)]
    Cors(CorsFailure),
    /// User-enabled CORS was considered for a CORS failure and did not help.
    #[error("{failure}; {refusal}")]
    UserEnabledCors {
        /// What failed first.
        failure: CorsFailure,
        /// Why the user was not asked, or what came of it.
        refusal: Refusal,
    },
    /// User-enabled CORS sent a request of its own for a CORS failure, and that failed.
    #[error("{failure}; the request that should have helped failed: {cause}")]
    Undelivered {
        /// What failed first, and what the page is told of.
        failure: CorsFailure,
        /// What failed then.
        cause: Box<Cause>,
    },
    /// The request's mode is `same-origin` and its URL is not.
    #[error("a same-origin request was made to another origin")]
    NotSameOrigin,
    /// The scheme cannot be fetched in this way.
    #[error("URLs of the scheme “{scheme}” cannot be fetched here")]
    Scheme {
        /// The URL's scheme.
        scheme: String,
    },
    /// A [bad port](https://fetch.spec.whatwg.org/#port-blocking).
    #[error("port {port} is blocked")]
    BadPort {
        /// The port.
        port: u16,
    },
    /// [Mixed content](https://w3c.github.io/webappsec-mixed-content/#should-block-fetch).
    #[error("an insecure URL was requested by a secure page")]
    MixedContent,
    /// [Content Security Policy](https://w3c.github.io/webappsec-csp/#should-block-request) blocked the request or its
    /// response.
    #[error("the page's Content Security Policy forbids it")]
    ContentSecurityPolicy,
    /// [Integrity Policy](https://w3c.github.io/webappsec-subresource-integrity/#integrity-policy) of the page.
    #[error("the page wants the integrity of such a response stated, and it is not")]
    IntegrityPolicy,
    /// [`X-Content-Type-Options: nosniff`](https://fetch.spec.whatwg.org/#x-content-type-options-header).
    #[error("the response's type does not fit its use, and the server forbids sniffing")]
    Nosniff,
    /// The [MIME type](https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-mime-type?) is never a
    /// script.
    #[error("a response of this MIME type is never used as a script")]
    MimeType,
    /// [`Cross-Origin-Resource-Policy`](https://fetch.spec.whatwg.org/#cross-origin-resource-policy-check).
    #[error("the server's Cross-Origin-Resource-Policy forbids it")]
    CrossOriginResourcePolicy,
    /// [`Cross-Origin-Embedder-Policy`](https://html.spec.whatwg.org/multipage/browsers.html#coep) of the page around a
    /// document or worker that has none.
    #[error("the page's Cross-Origin-Embedder-Policy forbids it")]
    EmbedderPolicy,
    /// [Opaque-response blocking](https://github.com/whatwg/fetch/pull/1442).
    #[error(
        "a response that is no image, sound, film, script or style sheet is not shared with another origin"
    )]
    OpaqueResponse,
    /// [Subresource integrity](https://w3c.github.io/webappsec-subresource-integrity/).
    #[error("the response does not match the integrity that the page stated")]
    Integrity,
    /// [`Unencoded-Digest`](https://wicg.github.io/signature-based-sri/#unencoded-digest-validation).
    #[error("the response does not match the digest that the server stated")]
    UnencodedDigest,
    /// A [signature](https://wicg.github.io/signature-based-sri/) of the server's.
    #[error("a signature that the server sent is not one of its response")]
    MessageSignature,
    /// A redirect that could not be followed.
    #[error(transparent)]
    Redirect(RedirectFailure),
    /// A partial response to a request that did not ask for a range.
    #[error("a partial response from an earlier range request was reused")]
    UnexpectedPartialResponse,
    /// The cache mode is `only-if-cached` and nothing fits.
    #[error("the response is not in the cache")]
    NotInCache,
    /// More than 64 KiB of keepalive bodies [in flight](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch).
    #[error("too many bytes of keepalive requests are in flight")]
    KeepaliveLimit,
    /// [Local Network Access](https://wicg.github.io/local-network-access/).
    #[error("the page may not reach this machine or its network")]
    LocalNetworkAccess,
    /// Looking up, connecting, TLS, or the exchange failed.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
    /// The request's body could not be read from the page.
    #[error("the request's body could not be read from the page")]
    RequestBody,
    /// A server wants credentials for a request whose body is a stream of the page's: step 14 of
    /// [HTTP-network-or-cache fetch](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch).
    #[error("the server asks who sends the request, the body of which was a stream and is gone")]
    StreamedBody,
    /// The response's body broke off while it was needed whole.
    #[error(transparent)]
    Body(#[from] super::body::BodyError),
    /// The [preload](https://html.spec.whatwg.org/multipage/links.html#preload) that would have been the response had failed.
    #[error("its preload had failed: {0}")]
    Preload(Box<Cause>),
    /// A file, directory or blob could not be read.
    #[error("{what}")]
    Local {
        /// What could not be read and why, in a sentence without secrets.
        what: String,
    },
    /// The shell replaced the response by an error, or a handler of a custom scheme failed.
    #[error("the load was replaced by an error")]
    Replaced(NetworkError),
}

/// Why a redirect was not followed ([HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch)).
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum RedirectFailure {
    /// The request's redirect mode is `error`.
    #[error("the page asked for redirects to be errors")]
    ModeIsError,
    /// `Location` is not a URL.
    #[error("the redirect's Location is not a URL")]
    BadLocation,
    /// `Location` is not an HTTP(S) URL.
    #[error("the redirect leads to a URL that is not http or https")]
    NotHttp,
    /// More than 20.
    #[error("there were more than 20 redirects")]
    TooMany,
    /// A CORS request redirected to a URL with user name or password.
    #[error("a cross-origin redirect led to a URL with credentials")]
    Credentials,
    /// The body was streamed by the page and cannot be sent again.
    #[error("the request's body was a stream and cannot be sent again")]
    StreamedBody,
    /// A `no-cors` request whose redirect mode is not `follow`.
    #[error("a no-cors request must follow redirects")]
    NoCorsMustFollow,
}

/// Which check of the [CORS protocol](https://fetch.spec.whatwg.org/#http-cors-protocol) failed, and on what.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}{kind}", if *.preflight { "the CORS preflight failed: " } else { "" })]
pub struct CorsFailure {
    /// Where the failing response came from.
    pub url: ServoUrl,
    /// Whether it answered a preflight.
    pub preflight: bool,
    /// The check.
    pub kind: CorsFailureKind,
}

/// The check that failed. Values that a server sent are bounded by [`CorsFailureKind::VALUE_LIMIT`] and stay unescaped:
/// whoever shows them escapes them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CorsFailureKind {
    /// No `Access-Control-Allow-Origin`.
    #[error("the server sent no Access-Control-Allow-Origin")]
    MissingAllowOrigin,
    /// More than one `Access-Control-Allow-Origin`.
    #[error("the server sent more than one Access-Control-Allow-Origin")]
    MultipleAllowOrigin {
        /// What it held.
        value: String,
    },
    /// Neither `*`, `null` nor an origin.
    #[error("the server's Access-Control-Allow-Origin is not an origin")]
    InvalidAllowOrigin {
        /// What it held.
        value: String,
    },
    /// Another origin.
    #[error("the server's Access-Control-Allow-Origin names another origin")]
    AllowOriginMismatch {
        /// What it held.
        value: String,
    },
    /// `*` does not do for a request with credentials.
    #[error("Access-Control-Allow-Origin is * but the request carries credentials")]
    WildcardWithCredentials,
    /// `Access-Control-Allow-Credentials` is not `true`.
    #[error("the server's Access-Control-Allow-Credentials is not “true”")]
    AllowCredentials {
        /// What it held, if it was there.
        value: Option<String>,
    },
    /// The preflight's status is not an [ok status](https://fetch.spec.whatwg.org/#ok-status).
    #[error("the preflight's status is {status}")]
    PreflightStatus {
        /// The status.
        status: u16,
    },
    /// The preflight was redirected.
    #[error("the preflight was redirected")]
    PreflightRedirect,
    /// `Access-Control-Allow-Methods` does not parse.
    #[error("the server's Access-Control-Allow-Methods is malformed")]
    InvalidAllowMethods {
        /// What it held.
        value: String,
    },
    /// `Access-Control-Allow-Headers` does not parse.
    #[error("the server's Access-Control-Allow-Headers is malformed")]
    InvalidAllowHeaders {
        /// What it held.
        value: String,
    },
    /// The method is not allowed.
    #[error("the server does not allow the method {method}")]
    MethodNotAllowed {
        /// The request's method.
        method: String,
    },
    /// A header is not allowed.
    #[error("the server does not allow the header {name}")]
    HeaderNotAllowed {
        /// The header's name.
        name: HeaderName,
    },
    /// The preflight itself ended in a network error.
    #[error("the preflight got no answer")]
    PreflightUnreachable,
}

impl CorsFailureKind {
    /// How many bytes of a server's header value are kept.
    pub const VALUE_LIMIT: usize = 256;
}

impl Cause {
    /// The error that the page is told.
    ///
    /// AD-HOC: script puts the `Debug` text of this value into the rejection that the page sees, so every CORS failure is
    /// one constant variant, whatever its cause and whether the user was asked.
    pub fn network_error(&self) -> NetworkError {
        match self {
            Self::Cancelled => NetworkError::LoadCancelled,
            Self::Crash(details) => NetworkError::Crash(details.clone()),
            Self::Cors(_) | Self::UserEnabledCors { .. } | Self::Undelivered { .. } => {
                NetworkError::CorsGeneral
            },
            Self::NotSameOrigin | Self::CrossOriginResourcePolicy | Self::EmbedderPolicy => {
                NetworkError::CrossOriginResponse
            },
            // NB: script gives failed fetches an entry in the performance timeline, as the standard says, but not for errors
            // that it takes for permanent. A response that came and was blocked must have one, like those that are not blocked,
            // and so must a request whose preload has none. Of a failed preload no more is told than that.
            Self::OpaqueResponse
            | Self::Preload(_)
            | Self::Nosniff
            | Self::Integrity
            | Self::UnencodedDigest
            | Self::MessageSignature => NetworkError::ConnectionFailure,
            Self::Scheme { .. } => NetworkError::UnsupportedScheme,
            Self::BadPort { .. } => NetworkError::InvalidPort,
            Self::MixedContent => NetworkError::MixedContent,
            Self::ContentSecurityPolicy => NetworkError::ContentSecurityPolicy,
            Self::MimeType => NetworkError::MimeType("Blocked by MIME type".to_owned()),
            Self::IntegrityPolicy => NetworkError::SubresourceIntegrity,
            Self::Redirect(RedirectFailure::TooMany) => NetworkError::TooManyRedirects,
            Self::Redirect(_) => NetworkError::RedirectError,
            Self::UnexpectedPartialResponse => NetworkError::PartialResponseToNonRangeRequestError,
            Self::NotInCache => NetworkError::CacheError,
            Self::KeepaliveLimit => NetworkError::TooManyInFlightKeepAliveRequests,
            Self::Connection(error) => error.network_error(),
            // NB: the same as for a server that is not there, so that nothing is learned about the network.
            Self::LocalNetworkAccess => ConnectionError::NotAdmitted.network_error(),
            Self::RequestBody | Self::StreamedBody => NetworkError::ConnectionFailure,
            Self::Body(error) => error.network_error(),
            Self::Local { what } => NetworkError::ResourceLoadError(what.clone()),
            Self::Replaced(error) => error.clone(),
        }
    }

    /// Whether a CORS check failed, so that the page could be helped by its server or its user.
    pub fn cors_failure(&self) -> Option<&CorsFailure> {
        match self {
            Self::Cors(failure)
            | Self::UserEnabledCors { failure, .. }
            | Self::Undelivered { failure, .. } => Some(failure),
            _ => None,
        }
    }
}
