//! What the shell and its network log read: one typed event for each stage of each fetch.

mod issue;

use std::net::SocketAddr;
use std::sync::Arc;

use content_security_policy::Destination;
use http::{HeaderMap, Method, StatusCode};
use net_traits::TlsSecurityInfo;
use net_traits::request::{Request, RequestId};
use servo_base::id::WebViewId;
use servo_url::ServoUrl;
use user_cors::{AddressSpace, Site};

pub use self::issue::Issue;
pub(crate) use self::issue::ToldIssues;
use crate::connection::HttpVersion;
use crate::devtools;
use crate::embedding::{self, Embedding};
use crate::fetch::{Cause, CorsFailure};
use crate::network_state::FetchContext;

/// A stage of a fetch.
#[derive(Clone)]
pub struct NetworkEvent {
    /// Which request. A navigation keeps its id across redirects.
    pub request: RequestId,
    /// The tab, if the request has one.
    pub webview: Option<WebViewId>,
    /// What happened.
    pub stage: Stage,
}

/// How a connection was secured.
#[derive(Clone, Debug)]
pub struct Secured {
    /// What TLS came to, with the server's chain of certificates.
    pub tls: TlsSecurityInfo,
    /// Whether a certificate error was overridden, or certificates are not checked.
    pub certificate_error_overridden: bool,
    /// Whether the chain also verifies against the public roots.
    pub verified_by_public_roots: bool,
}

/// What happened to a request.
///
/// NB: header values and whole URLs are in here. So there is no `Debug`, and whoever writes a stage down leaves them out.
#[derive(Clone)]
pub enum Stage {
    /// The fetch began.
    Started {
        /// The request's method.
        method: Method,
        /// Its URL.
        url: ServoUrl,
        /// What it is for.
        destination: Destination,
    },
    /// The HTTP cache was looked at, below this site.
    CacheChecked {
        /// The site of the tab's top-level document, if there is one.
        partition: Option<Site>,
        /// Whether the request carries credentials.
        credentials: bool,
        /// What was found.
        verdict: CacheVerdict,
    },
    /// A request went to a server, or is a preflight that did.
    Sent {
        /// Where to.
        url: ServoUrl,
        /// Whether it is a CORS preflight.
        preflight: bool,
        /// Whether it is an anonymous request of user-enabled CORS.
        anonymous: bool,
        /// All headers of the request.
        headers: Arc<HeaderMap>,
    },
    /// A response arrived that only comes before the one that counts, such as 103. Those of HTTP/2 are not told.
    Interim {
        /// Where from.
        url: ServoUrl,
        /// Whether it precedes the answer to a CORS preflight.
        preflight: bool,
        /// The status, from 100 to 199.
        status: StatusCode,
        /// All its headers.
        headers: Arc<HeaderMap>,
    },
    /// A response's head arrived from a server.
    Received {
        /// Where from.
        url: ServoUrl,
        /// Whether it answers a CORS preflight.
        preflight: bool,
        /// The status.
        status: StatusCode,
        /// All headers of the response.
        headers: Arc<HeaderMap>,
        /// The other end of the connection.
        peer: SocketAddr,
        /// The address space of the peer.
        space: AddressSpace,
        /// The version of HTTP.
        version: HttpVersion,
        /// Whether the connection had been used before.
        reused: bool,
        /// The facts of TLS; `None` without TLS.
        secured: Option<Arc<Secured>>,
    },
    /// The response came from the HTTP cache.
    FromCache {
        /// Whether the server was asked first.
        validated: bool,
    },
    /// A redirect is followed.
    Redirected {
        /// Where to.
        to: ServoUrl,
    },
    /// A CORS check passed, of a preflight or of the response itself.
    CorsPassed {
        /// Where the response came from.
        url: ServoUrl,
        /// Whether it answers a CORS preflight.
        preflight: bool,
        /// The serialized origin that was to be allowed.
        origin: String,
        /// Whether credentials were to be allowed, too.
        credentials: bool,
    },
    /// A CORS check failed. What becomes of it follows: a question, a release, or the end.
    CorsFailed(CorsFailure),
    /// User-enabled CORS waits for the person.
    Asked,
    /// User-enabled CORS let the page read the response.
    Released {
        /// Whether a held exchange was released; otherwise one anonymous request is sent.
        held: bool,
    },
    /// CORS stopped the request, for a cause that this document has not been told of with this server.
    Issue(Arc<Issue>),
    /// So much of the body has been handed to whoever asked; told from time to time.
    Progress {
        /// The bytes so far, decoded.
        bytes: u64,
    },
    /// The fetch ended.
    Ended {
        /// Why, if it ended in a network error.
        error: Option<Arc<Cause>>,
        /// How many bytes of body were handed to whoever asked, decoded.
        bytes: u64,
    },
}

/// What the HTTP cache has for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheVerdict {
    /// It was not asked.
    Bypassed,
    /// Nothing.
    Missing,
    /// A response that can be used as it is.
    Fresh,
    /// One that can be used while the server is asked.
    StaleWhileRevalidate,
    /// One that the server has to be asked about.
    Stale,
}

impl CacheVerdict {
    /// The word for it in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bypassed => "bypassed",
            Self::Missing => "missing",
            Self::Fresh => "fresh",
            Self::StaleWhileRevalidate => "stale-while-revalidate",
            Self::Stale => "stale",
        }
    }
}

/// Tells that a fetch reached a stage. `stage` runs only if somebody reads events.
pub(crate) fn emit(request: &Request, stage: impl FnOnce() -> Stage) {
    if let Some(embedding) = Embedding::get()
        && embedding.observer.wants_network_events()
    {
        embedding.observer.network_event(NetworkEvent {
            request: request.id,
            webview: embedding::contexts().webview_of(request),
            stage: stage(),
        });
    }
}

/// Tells the person's tools that a request ended with this cause, if CORS stopped it and they have not heard of the like from
/// this document.
pub(crate) fn report_issue(request: &Request, cause: &Cause, context: &FetchContext) {
    let Some(embedding) = Embedding::get() else {
        return;
    };
    let Some(issue) = Issue::of(request, cause) else {
        return;
    };
    if embedding.told_issues.is_first(&issue) {
        devtools::issue(request, &issue, context);
        emit(request, || Stage::Issue(Arc::new(issue)));
    }
}

/// What tells later that a fetch reached a stage; `None` if nobody reads events.
pub(crate) fn teller(request: &Request) -> Option<impl Fn(Stage) + Send + Sync + 'static> {
    let embedding = Embedding::get().filter(|it| it.observer.wants_network_events())?;
    let (request, webview) = (request.id, embedding::contexts().webview_of(request));
    Some(move |stage| {
        embedding.observer.network_event(NetworkEvent {
            request,
            webview,
            stage,
        });
    })
}
