//! What the permission model is told: Servo's request and the recorded exchange, put into its terms.

use content_security_policy::Destination;
use http::{HeaderName, Method, header};
use net_traits::request::{CacheMode, CredentialsMode, RedirectMode, Request, RequestMode};
use net_traits::response::CacheState;
use url::Host;
use user_cors::{
    Attached, CertificateState, ConnectionFacts, ConnectionHost, ConnectionPool, Exchange,
    FailedStage, HeaderNames, IncludeCredentials, IneligibleInitiator, Initiator, Keepalive,
    PeerKnowledge, Provenance, Proxied, ProxyUse, RequestFacts, RequesterFacts, RequesterOrigin,
    ResponseSource, RootsVerdict, SourceAddress, TabLiveness, TlsSession,
};

use super::egress;
use crate::connection::{ConnectionCredentials, ExchangeRecord, Route};
use crate::embedding::RequesterContext;
use crate::fetch::headers::safelist::cors_unsafe_request_header_names;
use crate::fetch::params::FetchParams;
use crate::fetch::response::FetchResponse;

/// Who asks; from what the documents and the shell said.
pub(super) fn requester(context: &RequesterContext) -> RequesterFacts {
    RequesterFacts {
        origin: context
            .tuple_origin
            .clone()
            .map_or(RequesterOrigin::Opaque, RequesterOrigin::Tuple),
        client: context.client,
        tab: TabLiveness::Live(context.tab),
        document: context.document,
    }
}

/// How an exchange's server was authenticated.
pub(super) fn certificate(record: Option<&ExchangeRecord>) -> CertificateState {
    match record {
        Some(record) if record.certificate_error_overridden => CertificateState::Overridden,
        Some(record) if record.tls.is_some() => CertificateState::Verified,
        _ => CertificateState::None,
    }
}

/// How a server will have to be authenticated before anything is sent to it.
pub(super) fn certificate_of_scheme(secure: bool) -> CertificateState {
    if secure {
        CertificateState::Verified
    } else {
        CertificateState::None
    }
}

/// What is asked for.
pub(super) fn request(params: &FetchParams, certificate: CertificateState) -> RequestFacts {
    let request = &params.request;
    let page_headers: HeaderNames = params.page_set_header_names.iter().collect();
    // What the page set may be unsafe. What Fetch adds is not the page's, and no grant is about it.
    let unsafe_headers = if page_headers.is_empty() {
        HeaderNames::new()
    } else {
        page_headers.matching(&cors_unsafe_request_header_names(&request.headers))
    };
    RequestFacts {
        url: request.current_url().into_url(),
        initiator: initiator(request, &params.page_set_header_names),
        mode: match request.mode {
            RequestMode::CorsMode => user_cors::RequestMode::Cors,
            _ => user_cors::RequestMode::Other,
        },
        credentials: match request.credentials_mode {
            CredentialsMode::Omit => user_cors::CredentialsMode::Omit,
            CredentialsMode::CredentialsSameOrigin => user_cors::CredentialsMode::SameOrigin,
            CredentialsMode::Include => user_cors::CredentialsMode::Include,
        },
        redirect: match request.redirect_mode {
            RedirectMode::Follow => user_cors::RedirectMode::Follow,
            RedirectMode::Error => user_cors::RedirectMode::Error,
            RedirectMode::Manual => user_cors::RedirectMode::Manual,
        },
        // NB: script does not pass on the keepalive flag of `fetch()`; where it sets the flag, it means it.
        keepalive: if request.keep_alive {
            Keepalive::Set
        } else {
            Keepalive::Unknown
        },
        method: request.method.clone(),
        page_headers,
        unsafe_headers,
        certificate,
    }
}

/// What made the request: Fetch's initiator type is not passed on, so it is told by destination and form.
fn initiator(request: &Request, page_set: &[HeaderName]) -> Initiator {
    if request.preload_id.is_some() {
        return Initiator::Ineligible(IneligibleInitiator::Preload);
    }
    if request.initiator == net_traits::request::Initiator::Prefetch {
        return Initiator::Ineligible(IneligibleInitiator::Prefetch);
    }
    match request.destination {
        Destination::None => none_destination(request, page_set),
        Destination::Image => Initiator::Image,
        Destination::Audio => Initiator::Audio,
        Destination::Video => Initiator::Video,
        Destination::Track => Initiator::Track,
        Destination::Font => Initiator::Font,
        Destination::Document
        | Destination::Frame
        | Destination::IFrame
        | Destination::Embed
        | Destination::Object => Initiator::Ineligible(IneligibleInitiator::Document),
        Destination::Script => Initiator::Ineligible(IneligibleInitiator::Script),
        Destination::Worker | Destination::SharedWorker | Destination::ServiceWorker => {
            Initiator::Ineligible(IneligibleInitiator::Worker)
        },
        Destination::Style => Initiator::Ineligible(IneligibleInitiator::Style),
        Destination::Manifest => Initiator::Ineligible(IneligibleInitiator::Manifest),
        Destination::Report => Initiator::Ineligible(IneligibleInitiator::Report),
        _ => Initiator::Ineligible(IneligibleInitiator::Other),
    }
}

/// `fetch()`, XHR, `EventSource` and `sendBeacon()` all have the empty destination.
fn none_destination(request: &Request, page_set: &[HeaderName]) -> Initiator {
    if request.target_webview_id.is_none() || request.keep_alive {
        return Initiator::Ineligible(IneligibleInitiator::Beacon);
    }
    let accepts_events = page_set.contains(&header::ACCEPT)
        && request
            .headers
            .get(header::ACCEPT)
            .is_some_and(|accept| accept == "text/event-stream");
    if accepts_events && request.cache_mode == CacheMode::NoStore && request.method == Method::GET {
        return Initiator::Ineligible(IneligibleInitiator::EventSource);
    }
    if request.synchronous {
        return Initiator::SynchronousXhr;
    }
    // NB: nothing tells `fetch()` from asynchronous XHR.
    Initiator::Fetch
}

/// Where the failing exchange's connection went. The embedding adds which way it left.
pub(super) fn connection(record: &ExchangeRecord) -> ConnectionFacts {
    ConnectionFacts {
        host: record.key.endpoint.host.clone(),
        resolution: match record.key.endpoint.host {
            Host::Domain(_) => record.resolved.clone(),
            _ => Vec::new(),
        },
        peer: match record.route {
            Route::Direct | Route::Proxy => Some(record.peer),
            Route::Egress => egress::literal(&record.key.endpoint),
        },
        source: SourceAddress::Unknown,
        public_roots: match record.verified_by_public_roots {
            Some(true) => RootsVerdict::Public,
            Some(false) => RootsVerdict::Private,
            None => RootsVerdict::NoTls,
        },
        proxy: match record.route {
            Route::Direct => ProxyUse::Direct,
            Route::Proxy => ProxyUse::Other,
            Route::Egress => ProxyUse::Egress,
        },
    }
}

/// Of a request for which nothing was received: it can be released in no case.
pub(super) const NOTHING_RECEIVED: Provenance = Provenance {
    exchange: Exchange::Preflight,
    include_credentials: IncludeCredentials::True,
    cookies: Attached::Something,
    authentication: Attached::Something,
    client_certificate: Attached::Something,
    pool: ConnectionPool::Credentialed,
    tls_session: TlsSession::ResumedFromElsewhere,
    source: ResponseSource::Cache,
    proxied: Proxied::Yes,
    connection: ConnectionHost::Coalesced,
    peer: PeerKnowledge::Unclassified,
};

/// How a response was got, for whether it may be released as it is. A response without a record was not got from the
/// network, whatever else is said of it.
pub(super) fn provenance(response: &FetchResponse, stage: FailedStage) -> Provenance {
    let include_credentials = response.head.request_includes_credentials;
    let attached = |something: bool| {
        if something {
            Attached::Something
        } else {
            Attached::Nothing
        }
    };
    let record = response.exchange.as_deref();
    Provenance {
        exchange: match stage {
            FailedStage::Preflight | FailedStage::Redirect => Exchange::Preflight,
            FailedStage::Response => Exchange::Request,
        },
        include_credentials: if include_credentials {
            IncludeCredentials::True
        } else {
            IncludeCredentials::False
        },
        // Cookies and entries are attached only where includeCredentials is true; where it is, they count as sent.
        cookies: attached(include_credentials),
        authentication: attached(include_credentials),
        client_certificate: attached(record.is_none_or(|record| record.client_certificate)),
        pool: match record.map(|record| &record.key.credentials) {
            Some(ConnectionCredentials::Excluded) => ConnectionPool::Uncredentialed,
            Some(ConnectionCredentials::Anonymous(_)) => ConnectionPool::Anonymous,
            Some(ConnectionCredentials::Included) | None => ConnectionPool::Credentialed,
        },
        // Sessions are kept for each partition and kind of credentials apart, so a resumed one is of the same pool.
        tls_session: match record {
            Some(record) if !record.tls_resumed => TlsSession::Fresh,
            Some(_) => TlsSession::ResumedFromSamePool,
            None => TlsSession::ResumedFromElsewhere,
        },
        source: match response.head.cache_state {
            CacheState::None if record.is_some() => ResponseSource::Network,
            CacheState::Validated => ResponseSource::Revalidated,
            CacheState::None | CacheState::Local | CacheState::Partial => ResponseSource::Cache,
        },
        proxied: match record.map(|record| &record.route) {
            Some(Route::Direct) => Proxied::No,
            Some(Route::Egress) => Proxied::ByEgress,
            Some(Route::Proxy) | None => Proxied::Yes,
        },
        connection: match record {
            Some(record) if record.made_for_host => ConnectionHost::ThisHost,
            _ => ConnectionHost::Coalesced,
        },
        peer: match record {
            Some(_) => PeerKnowledge::Classified,
            None => PeerKnowledge::Unclassified,
        },
    }
}
