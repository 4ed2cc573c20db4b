//! What makes a request one that nobody can be asked about, whatever else is true of it.

use http::Method;
use user_cors::*;

use crate::facts::{headers, names};

/// Something that is changed about a request, and the refusals that it may lead to. An earlier step can refuse first.
pub type Spoiler = fn(&mut CorsFailure);

/// All of them.
pub const SPOILERS: &[Spoiler] = &[
    |failure| failure.requester.origin = RequesterOrigin::Opaque,
    |failure| {
        let plain = TupleOrigin::parse("http://app.example").expect("an origin");
        failure.requester.origin = RequesterOrigin::Tuple(plain);
    },
    |failure| failure.requester.client = ClientContext::Nested,
    |failure| failure.requester.client = ClientContext::Unknown,
    |failure| failure.requester.tab = TabLiveness::Gone,
    |failure| failure.request.initiator = Initiator::Ineligible(IneligibleInitiator::Beacon),
    |failure| failure.request.mode = RequestMode::Other,
    |failure| failure.request.credentials = CredentialsMode::Include,
    |failure| failure.request.keepalive = Keepalive::Set,
    |failure| failure.request.redirect = RedirectMode::Manual,
    |failure| failure.request.method = Method::OPTIONS,
    |failure| {
        let many: Vec<_> = (0..=MAX_HEADER_NAMES)
            .map(|number| http::HeaderName::try_from(format!("x-{number}")).expect("a name"))
            .collect();
        failure.request.page_headers = many.iter().collect();
    },
    |failure| failure.request.page_headers = names(&["x-http-method-override"]),
    |failure| {
        failure
            .request
            .url
            .set_username("somebody")
            .expect("a user name");
    },
    |failure| failure.request.url.set_scheme("http").expect("a scheme"),
    |failure| failure.request.certificate = CertificateState::Overridden,
    |failure| failure.request.certificate = CertificateState::None,
    |failure| failure.failing_response = headers(&[("access-control-prevent-origin", "*")]),
    |failure| {
        failure.failing_response = headers(&[("cross-origin-resource-policy", "same-origin")]);
    },
    |failure| failure.failing_response = headers(&[("cross-origin-resource-policy", "same-site")]),
    |failure| failure.failing_response = headers(&[("access-control-allow-origin", "null")]),
    |failure| {
        failure
            .request
            .url
            .set_host(Some("printer.sslip.io"))
            .expect("a host");
    },
    |failure| failure.route = Route::OtherProxy,
    |failure| failure.route = Route::Unknown,
];
