//! Steps 2 and 3: who may ask at all, and for which requests.

use std::{borrow::Cow, fmt};

use http::{HeaderName, Method};
use url::Url;

use crate::{
    display::bounded_escaped,
    headers::{HeaderNames, MAX_HEADER_NAMES},
    methods::MethodClass,
    origin::{Scheme, TupleOrigin},
    refusal::Refusal,
};

/// A tab of the browser, for as long as it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TabId(pub u64);

/// A document of a tab. A dedicated worker belongs to the document that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentId(pub u64);

/// The request's origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequesterOrigin {
    /// A tuple origin.
    Tuple(TupleOrigin),
    /// An opaque origin, one of another scheme, or one that only a `blob:` URL carries.
    Opaque,
}

/// What kind of context the request's client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientContext {
    /// The document of a top-level traversable.
    TopLevelDocument,
    /// A dedicated worker of a top-level document.
    DedicatedWorker,
    /// A document in a frame, or a worker of one.
    Nested,
    /// A shared worker.
    SharedWorker,
    /// A service worker.
    ServiceWorker,
    /// Not known, or its facts disagree.
    Unknown,
}

/// Whether the tab of the request's client still exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TabLiveness {
    /// It does, and this is it.
    Live(TabId),
    /// It was closed, or the request belongs to none.
    Gone,
}

/// Whether a requester has to be potentially trustworthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecureContexts {
    /// It has to be.
    #[default]
    Required,
    /// A preference for lab use lets plain-http requesters ask as well.
    Relaxed,
}

/// The facts that step 2 looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequesterFacts {
    /// The request's origin.
    pub origin: RequesterOrigin,
    /// Its client.
    pub client: ClientContext,
    /// Its tab.
    pub tab: TabLiveness,
    /// Its document.
    pub document: DocumentId,
}

/// What made the request. The fetch stack maps Fetch's initiator type and destination to one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initiator {
    /// `fetch()`, or a script's request of which it is not known whether that or XHR made it.
    Fetch,
    /// `XMLHttpRequest`, asynchronous.
    Xhr,
    /// `XMLHttpRequest`, synchronous: uses grants and never asks.
    SynchronousXhr,
    /// `<img crossorigin>` and the like.
    Image,
    /// `<audio crossorigin>`.
    Audio,
    /// `<video crossorigin>`.
    Video,
    /// `<track>` of a media element with a CORS setting.
    Track,
    /// A font: uses grants and never asks.
    Font,
    /// Everything that is never eligible.
    Ineligible(IneligibleInitiator),
}

/// What made a request that is never eligible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IneligibleInitiator {
    /// `navigator.sendBeacon()` or a ping.
    Beacon,
    /// `EventSource`.
    EventSource,
    /// `<link rel=preload>` or an early hint.
    Preload,
    /// `<link rel=prefetch>` or speculation.
    Prefetch,
    /// A CSP, Reporting API or NEL report.
    Report,
    /// A script, classic or module.
    Script,
    /// A worker's script.
    Worker,
    /// A style sheet.
    Style,
    /// A document or frame.
    Document,
    /// A web app manifest.
    Manifest,
    /// Anything else.
    Other,
}

impl Initiator {
    /// Whether a request of this kind may wait for a person. Others only use grants that exist.
    pub const fn may_ask(self) -> bool {
        match self {
            Self::Fetch | Self::Xhr | Self::Image | Self::Audio | Self::Video | Self::Track => true,
            Self::SynchronousXhr | Self::Font | Self::Ineligible(_) => false,
        }
    }

    /// Whether one element makes several requests for one resource, which *Allow once* covers together.
    pub const fn is_media(self) -> bool {
        matches!(self, Self::Audio | Self::Video)
    }
}

impl fmt::Display for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fetch => "a script of the page",
            Self::Xhr => "XMLHttpRequest",
            Self::SynchronousXhr => "synchronous XMLHttpRequest",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Track => "text track",
            Self::Font => "font",
            Self::Ineligible(kind) => match kind {
                IneligibleInitiator::Beacon => "beacon",
                IneligibleInitiator::EventSource => "EventSource",
                IneligibleInitiator::Preload => "preload",
                IneligibleInitiator::Prefetch => "prefetch",
                IneligibleInitiator::Report => "report",
                IneligibleInitiator::Script => "script",
                IneligibleInitiator::Worker => "worker",
                IneligibleInitiator::Style => "style sheet",
                IneligibleInitiator::Document => "document",
                IneligibleInitiator::Manifest => "manifest",
                IneligibleInitiator::Other => "request of another kind",
            },
        })
    }
}

/// <https://fetch.spec.whatwg.org/#concept-request-mode>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestMode {
    /// `cors`
    Cors,
    /// `no-cors`, `same-origin`, `navigate` or `websocket`
    Other,
}

/// <https://fetch.spec.whatwg.org/#concept-request-credentials-mode>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsMode {
    /// `omit`
    Omit,
    /// `same-origin`
    SameOrigin,
    /// `include`
    Include,
}

/// <https://fetch.spec.whatwg.org/#concept-request-redirect-mode>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectMode {
    /// `follow`
    Follow,
    /// `error`
    Error,
    /// `manual`
    Manual,
}

/// <https://fetch.spec.whatwg.org/#request-keepalive-flag>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keepalive {
    /// Set.
    Set,
    /// Unset.
    Unset,
    /// The engine does not pass it on.
    Unknown,
}

/// How the target was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateState {
    /// TLS, with a certificate that verified.
    Verified,
    /// TLS, with a certificate error that a person or a preference overrode.
    Overridden,
    /// No TLS, or not known.
    None,
}

/// The facts that step 3 looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestFacts {
    /// The request's current URL.
    pub url: Url,
    /// What made it.
    pub initiator: Initiator,
    /// Its mode.
    pub mode: RequestMode,
    /// Its credentials mode.
    pub credentials: CredentialsMode,
    /// Its redirect mode.
    pub redirect: RedirectMode,
    /// Its keepalive flag.
    pub keepalive: Keepalive,
    /// Its method.
    pub method: Method,
    /// The names of all headers that the page set.
    pub page_headers: HeaderNames,
    /// Those of them that are CORS-unsafe request-header names, computed from names and values.
    ///
    /// <https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names>
    pub unsafe_headers: HeaderNames,
    /// How the target was authenticated.
    pub certificate: CertificateState,
}

/// Step 2: a tuple origin, potentially trustworthy, whose client is the top-level document of a live tab or a dedicated
/// worker of it.
///
/// # Errors
/// The first reason for which the requester is not eligible.
pub fn eligible_requester(
    requester: &RequesterFacts,
    secure_contexts: SecureContexts,
) -> Result<(&TupleOrigin, TabId), Refusal> {
    let RequesterOrigin::Tuple(origin) = &requester.origin else {
        return Err(Refusal::OpaqueRequester);
    };
    if secure_contexts == SecureContexts::Required && !origin.is_potentially_trustworthy() {
        return Err(Refusal::UntrustworthyRequester);
    }
    match requester.client {
        ClientContext::TopLevelDocument | ClientContext::DedicatedWorker => {},
        context @ (ClientContext::Nested
        | ClientContext::SharedWorker
        | ClientContext::ServiceWorker
        | ClientContext::Unknown) => return Err(Refusal::IneligibleClient(context)),
    }
    match requester.tab {
        TabLiveness::Live(tab) => Ok((origin, tab)),
        TabLiveness::Gone => Err(Refusal::TabGone),
    }
}

/// Step 3: returns the target and the method's class.
///
/// # Errors
/// The first reason for which the request is not eligible.
pub fn eligible_request(
    request: &RequestFacts,
    requester: &TupleOrigin,
) -> Result<(TupleOrigin, MethodClass), Refusal> {
    if let Initiator::Ineligible(kind) = request.initiator {
        return Err(Refusal::IneligibleInitiator(kind));
    }
    if request.mode != RequestMode::Cors {
        return Err(Refusal::NotCorsMode);
    }
    if request.credentials == CredentialsMode::Include {
        return Err(Refusal::CredentialsIncluded);
    }
    if request.keepalive == Keepalive::Set {
        return Err(Refusal::Keepalive);
    }
    if request.redirect != RedirectMode::Follow {
        return Err(Refusal::RedirectMode);
    }
    let Some(method) = MethodClass::from_method(&request.method) else {
        return Err(Refusal::IneligibleMethod(bounded_escaped(
            request.method.as_str(),
            32,
        )));
    };
    if request.page_headers.len().max(request.unsafe_headers.len()) > MAX_HEADER_NAMES {
        return Err(Refusal::TooManyHeaders);
    }
    let names = request
        .page_headers
        .iter()
        .chain(request.unsafe_headers.iter());
    if let Some(name) = names
        .into_iter()
        .find(|name| changes_method_or_origin(name))
    {
        return Err(Refusal::OverridingHeader(bounded_escaped(name, 64)));
    }
    if !request.url.username().is_empty() || request.url.password().is_some() {
        return Err(Refusal::CredentialsInUrl);
    }
    let Some(target) = TupleOrigin::from_url(&request.url) else {
        return Err(Refusal::InsecureTarget);
    };
    // NB: with the dot it is another origin, whose server is the same: what a list, a denial, an embargo or the server itself
    // says of the one would not be found for the other.
    if requester.has_final_dot() || target.has_final_dot() {
        return Err(Refusal::FinalDot);
    }
    let both_loopback = requester.is_loopback() && target.is_loopback();
    match (target.scheme(), request.certificate) {
        _ if both_loopback => {},
        (Scheme::Https, CertificateState::Verified) => {},
        (Scheme::Https, CertificateState::Overridden | CertificateState::None) => {
            return Err(Refusal::UnverifiedCertificate);
        },
        (Scheme::Http, _) => return Err(Refusal::InsecureTarget),
    }
    Ok((target, method))
}

/// Whether common servers take the method, the URL or the origin of a request from a header of this name (in lower
/// case), so that a grant to read could be turned into something else.
///
/// NB: programs that get a request's headers as variables, by [CGI](https://www.rfc-editor.org/rfc/rfc3875#section-4.1.18)
/// and what followed it, do not tell `_` from `-` in a name.
pub fn changes_method_or_origin(name: &str) -> bool {
    let name = if name.contains('_') {
        Cow::Owned(name.replace('_', "-"))
    } else {
        Cow::Borrowed(name)
    };
    matches!(
        &*name,
        "x-http-method"
            | "x-http-method-override"
            | "x-method-override"
            | "x-original-url"
            | "x-rewrite-url"
            | "forwarded"
            | "x-forwarded"
            | "x-real-ip"
            | "x-client-ip"
            | "x-cluster-client-ip"
            | "true-client-ip"
            | "cf-connecting-ip"
            | "x-host"
            | "x-original-host"
    ) || name.starts_with("x-forwarded-")
}

/// The names among `headers` that [`changes_method_or_origin`] refuses.
pub fn overriding_header_names<'a>(
    headers: impl IntoIterator<Item = &'a HeaderName>,
) -> impl Iterator<Item = &'a HeaderName> {
    headers
        .into_iter()
        .filter(|name| changes_method_or_origin(name.as_str()))
}

#[cfg(test)]
mod tests;
