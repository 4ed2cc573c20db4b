//! Facts about one failed request, as the fetch stack would record them; tests change what they are about.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;
use user_cors::*;

pub const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
pub const TAB: TabId = TabId(1);

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

pub fn origin(text: &str) -> TupleOrigin {
    TupleOrigin::parse(text).expect(text)
}

pub fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_str(value).expect(value));
    }
    headers
}

pub fn names(list: &[&'static str]) -> HeaderNames {
    list.iter()
        .map(|name| HeaderName::from_static(name))
        .collect()
}

pub fn connection(host: &str, address: &str) -> ConnectionFacts {
    let address = address.parse().expect(address);
    ConnectionFacts {
        host: url::Host::parse(host).expect(host),
        resolution: vec![address],
        peer: Some((address, 443).into()),
        source: SourceAddress::DefaultRoute,
        public_roots: RootsVerdict::Public,
        proxy: ProxyUse::Direct,
    }
}

pub const RELEASABLE: Provenance = Provenance {
    exchange: Exchange::Request,
    include_credentials: IncludeCredentials::False,
    cookies: Attached::Nothing,
    authentication: Attached::Nothing,
    client_certificate: Attached::Nothing,
    pool: ConnectionPool::Uncredentialed,
    tls_session: TlsSession::Fresh,
    source: ResponseSource::Network,
    proxied: Proxied::No,
    connection: ConnectionHost::ThisHost,
    peer: PeerKnowledge::Classified,
};

/// `fetch("…")` of a silent public https server by https://app.example.
pub fn failure(url: &str) -> CorsFailure {
    let requester = origin("https://app.example");
    let url = Url::parse(url).expect(url);
    let host = url.host_str().expect("a host").to_owned();
    CorsFailure {
        top_level_site: requester.site(),
        requester: RequesterFacts {
            origin: RequesterOrigin::Tuple(requester),
            client: ClientContext::TopLevelDocument,
            tab: TabLiveness::Live(TAB),
            document: DocumentId(1),
        },
        requester_space: Some(AddressSpace::Public),
        request: RequestFacts {
            url,
            initiator: Initiator::Fetch,
            mode: RequestMode::Cors,
            credentials: CredentialsMode::SameOrigin,
            redirect: RedirectMode::Follow,
            keepalive: Keepalive::Unset,
            method: Method::GET,
            page_headers: HeaderNames::new(),
            unsafe_headers: HeaderNames::new(),
            certificate: CertificateState::Verified,
        },
        stage: FailedStage::Response,
        failing_response: HeaderMap::new(),
        preflight_response: None,
        route: Classifier::new().classify(&connection(&host, "8.8.8.8")),
        provenance: RELEASABLE,
        earlier_targets: Vec::new(),
        body: BodySize::None,
        held: None,
    }
}

/// The same failure with another request.
pub fn with_request(
    mut failure: CorsFailure,
    change: impl FnOnce(&mut RequestFacts),
) -> CorsFailure {
    change(&mut failure.request);
    failure
}

pub fn with_method(url: &str, method: Method) -> CorsFailure {
    let failure = CorsFailure {
        stage: FailedStage::Preflight,
        ..failure(url)
    };
    with_request(failure, |request| request.method = method)
}

/// The same failure with a connection to this address.
pub fn at_address(failure: CorsFailure, address: &str) -> CorsFailure {
    let host = failure.request.url.host_str().expect("a host").to_owned();
    CorsFailure {
        route: Classifier::new().classify(&connection(&host, address)),
        ..failure
    }
}

pub fn user_cors() -> UserCors {
    let user_cors = UserCors::new(PermissionStore::in_memory().expect("memory"));
    user_cors.user_interacted(TAB);
    user_cors
}

/// Considers a failure and lets it wait for a person.
pub fn ask(user_cors: &UserCors, failure: &CorsFailure, now: Timestamp) -> TicketId {
    match user_cors.consider(failure, now) {
        Decision::Ask(request) => match user_cors.ask(*request, now) {
            AskOutcome::Waiting { ticket, .. } => ticket,
            other => panic!("not waiting: {other:?}"),
        },
        other => panic!("not a question: {other:?}"),
    }
}

/// Looks at the tab's question for as long as it takes, and answers it.
pub fn answer(user_cors: &UserCors, choice: Choice, now: Timestamp) -> Vec<Settlement> {
    let mut now = now;
    let mut shown = user_cors.question(TAB).expect("a question");
    if shown.step == QuestionStep::Warning && choice.allows() {
        user_cors.visible(shown.id, shown.revision, now, true);
        now = now.after(std::time::Duration::from_millis(700));
        user_cors
            .confirm(shown.id, shown.revision, now)
            .expect("confirmed");
        shown = user_cors.question(TAB).expect("a question");
    }
    user_cors.visible(shown.id, shown.revision, now, true);
    let later = now.after(std::time::Duration::from_millis(700));
    user_cors
        .answer(shown.id, shown.revision, choice, later)
        .expect("an answer that counts")
}

/// Asks, answers, and returns what the request may use.
pub fn allow(
    user_cors: &UserCors,
    failure: &CorsFailure,
    choice: Choice,
    now: Timestamp,
) -> GrantUse {
    let ticket = ask(user_cors, failure, now);
    let settlements = answer(user_cors, choice, now);
    let own = settlements
        .into_iter()
        .find(|settlement| settlement.ticket == ticket)
        .expect("a settlement");
    match own.verdict {
        Verdict::Allowed(grant_use) => grant_use,
        Verdict::Declined(reason) => panic!("declined: {reason}"),
    }
}

pub fn refusal(decision: Decision) -> Refusal {
    match decision {
        Decision::Fail(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

pub fn is_question(decision: &Decision) -> bool {
    matches!(decision, Decision::Ask(_))
}

pub fn is_granted(decision: &Decision) -> bool {
    matches!(decision, Decision::Granted(_))
}
