//! Who may ask, and for what.

use super::*;

fn requester(origin: &str) -> RequesterFacts {
    RequesterFacts {
        origin: TupleOrigin::parse(origin).map_or(RequesterOrigin::Opaque, RequesterOrigin::Tuple),
        client: ClientContext::TopLevelDocument,
        tab: TabLiveness::Live(TabId(1)),
        document: DocumentId(1),
    }
}

fn request(url: &str) -> RequestFacts {
    RequestFacts {
        url: Url::parse(url).unwrap(),
        initiator: Initiator::Fetch,
        mode: RequestMode::Cors,
        credentials: CredentialsMode::SameOrigin,
        redirect: RedirectMode::Follow,
        keepalive: Keepalive::Unknown,
        method: Method::GET,
        page_headers: HeaderNames::new(),
        unsafe_headers: HeaderNames::new(),
        certificate: if url.starts_with("https") {
            CertificateState::Verified
        } else {
            CertificateState::None
        },
    }
}

fn check(request: &RequestFacts) -> Result<(), Refusal> {
    eligible_request(request, &TupleOrigin::parse("https://a.example").unwrap()).map(drop)
}

fn names(list: &[&str]) -> HeaderNames {
    list.iter()
        .map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap())
        .collect()
}

#[test]
fn requesters() {
    let required = SecureContexts::Required;
    assert!(eligible_requester(&requester("https://a.example"), required).is_ok());
    assert_eq!(
        eligible_requester(&requester("null"), required),
        Err(Refusal::OpaqueRequester)
    );
    let plain = requester("http://a.example");
    assert_eq!(
        eligible_requester(&plain, required),
        Err(Refusal::UntrustworthyRequester)
    );
    assert!(eligible_requester(&plain, SecureContexts::Relaxed).is_ok());
    assert!(eligible_requester(&requester("http://a.demo.localhost:81"), required).is_ok());
    for client in [
        ClientContext::Nested,
        ClientContext::SharedWorker,
        ClientContext::ServiceWorker,
        ClientContext::Unknown,
    ] {
        let facts = RequesterFacts {
            client,
            ..requester("https://a.example")
        };
        assert_eq!(
            eligible_requester(&facts, required),
            Err(Refusal::IneligibleClient(client))
        );
    }
    let gone = RequesterFacts {
        tab: TabLiveness::Gone,
        ..requester("https://a.example")
    };
    assert_eq!(eligible_requester(&gone, required), Err(Refusal::TabGone));
}

#[test]
fn requests_by_fact() {
    let base = request("https://b.example/x");
    assert_eq!(check(&base), Ok(()));
    let beacon = Initiator::Ineligible(IneligibleInitiator::Beacon);
    for (changed, refusal) in [
        (
            RequestFacts {
                mode: RequestMode::Other,
                ..base.clone()
            },
            Refusal::NotCorsMode,
        ),
        (
            RequestFacts {
                credentials: CredentialsMode::Include,
                ..base.clone()
            },
            Refusal::CredentialsIncluded,
        ),
        (
            RequestFacts {
                redirect: RedirectMode::Manual,
                ..base.clone()
            },
            Refusal::RedirectMode,
        ),
        (
            RequestFacts {
                redirect: RedirectMode::Error,
                ..base.clone()
            },
            Refusal::RedirectMode,
        ),
        (
            RequestFacts {
                keepalive: Keepalive::Set,
                ..base.clone()
            },
            Refusal::Keepalive,
        ),
        (
            RequestFacts {
                initiator: beacon,
                ..base.clone()
            },
            Refusal::IneligibleInitiator(IneligibleInitiator::Beacon),
        ),
        (
            RequestFacts {
                certificate: CertificateState::Overridden,
                ..base.clone()
            },
            Refusal::UnverifiedCertificate,
        ),
        (
            RequestFacts {
                certificate: CertificateState::None,
                ..base.clone()
            },
            Refusal::UnverifiedCertificate,
        ),
        (request("http://b.example/"), Refusal::InsecureTarget),
        (request("http://localhost/"), Refusal::InsecureTarget),
        (request("https://u:p@b.example/"), Refusal::CredentialsInUrl),
        (request("ftp://b.example/"), Refusal::InsecureTarget),
    ] {
        assert_eq!(check(&changed), Err(refusal));
    }
}

#[test]
fn plain_http_only_between_loopback_hosts() {
    let target = request("http://photos.demo.localhost:8101/");
    let requester = TupleOrigin::parse("http://app.demo.localhost:8100").unwrap();
    assert!(eligible_request(&target, &requester).is_ok());
    assert!(eligible_request(&request("http://b.example/"), &requester).is_err());
}

#[test]
fn methods() {
    for (method, eligible) in [
        ("GET", true),
        ("HEAD", true),
        ("POST", true),
        ("PUT", true),
        ("PATCH", true),
        ("DELETE", true),
        ("patch", false),
        ("OPTIONS", false),
        ("PROPFIND", false),
        ("QUERY", false),
        ("X", false),
    ] {
        let request = RequestFacts {
            method: Method::from_bytes(method.as_bytes()).unwrap(),
            ..request("https://b.example/")
        };
        assert_eq!(check(&request).is_ok(), eligible, "{method}");
    }
}

#[test]
fn headers_that_override() {
    for name in [
        "X-HTTP-Method",
        "X-HTTP-Method-Override",
        "X-Method-Override",
        "X-Original-URL",
        "X-Rewrite-URL",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Anything",
        "X-Forwarded",
        "X-Real-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Host",
        "X-Original-Host",
        // To a program that gets them as variables these are the same.
        "X_HTTP_Method_Override",
        "X-HTTP_Method-Override",
        "X_Original_URL",
        "X_Forwarded_Host",
    ] {
        let with = RequestFacts {
            page_headers: names(&[name]),
            ..request("https://b.example/")
        };
        assert!(
            matches!(check(&with), Err(Refusal::OverridingHeader(_))),
            "{name}"
        );
        let with = RequestFacts {
            unsafe_headers: names(&[name]),
            ..request("https://b.example/")
        };
        assert!(
            matches!(check(&with), Err(Refusal::OverridingHeader(_))),
            "{name}"
        );
    }
    for name in [
        "Authorization",
        "X-Requested-With",
        "X-CSRF-Token",
        "X_API_Key",
        "Forwarded-For",
    ] {
        let with = RequestFacts {
            page_headers: names(&[name]),
            ..request("https://b.example/")
        };
        assert_eq!(check(&with), Ok(()), "{name}");
    }
}

#[test]
fn header_names_are_bounded() {
    let many: Vec<String> = (0..=MAX_HEADER_NAMES).map(|n| format!("x-{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let with = RequestFacts {
        page_headers: names(&many),
        ..request("https://b.example/")
    };
    assert_eq!(check(&with), Err(Refusal::TooManyHeaders));
}
