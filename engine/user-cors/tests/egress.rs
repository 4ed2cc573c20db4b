//! The egress: what is asked about, what is released, and who says by which way anonymous requests leave.

#[allow(dead_code, reason = "shared by several tests, and none uses all of it")]
mod facts;

use facts::*;
use http::Method;
use user_cors::*;

/// A model whose anonymous requests leave through this.
fn with_egress(egress: &str) -> UserCors {
    let user_cors = user_cors();
    let settings = Settings {
        egress: egress.parse().unwrap(),
        ..Settings::default()
    };
    let _ = user_cors.set_settings(settings, NOW);
    user_cors
}

fn through_egress(host: &str, public_roots: RootsVerdict) -> Route {
    Classifier::new().classify(&ConnectionFacts {
        host: url::Host::parse(host).unwrap(),
        resolution: Vec::new(),
        peer: None,
        source: SourceAddress::Unknown,
        public_roots,
        proxy: ProxyUse::Egress,
    })
}

fn policy_says(text: &str) -> PolicyStatus {
    let file = format!(r#"{{"policies": {{"UserEnabledCORS": {text}}}}}"#);
    PolicyStatus::InForce(Policy::parse(&file).unwrap())
}

#[test]
fn with_an_egress_a_question_tells_no_address_and_holds_nothing() {
    let mut failed = failure("https://b.example/");
    failed.held = Some(HeldResponse {
        content_type: None,
        size: Some(10),
    });
    let user_cors = with_egress("socks5://proxy.example");
    let Decision::Ask(ticket) = user_cors.consider(&failed, NOW) else {
        panic!("no question");
    };
    assert_eq!(ticket.held, None);
    assert_eq!(
        (ticket.targets[0].address, ticket.targets[0].space),
        (None, None)
    );
    assert_eq!(ticket.network, TargetNetwork::Public);
    let _ = user_cors.ask(*ticket, NOW);
    let view = user_cors.question(TAB).unwrap();
    assert_eq!(view.egress.as_deref(), Some("socks5://proxy.example:1080"));
}

#[test]
fn with_an_egress_only_what_strangers_reach_is_asked_about() {
    let user_cors = with_egress("http://proxy.example:3128");
    let refused = |failure: &CorsFailure| match user_cors.consider(failure, NOW) {
        Decision::Fail(refusal) => refusal.step(),
        other => panic!("{other:?}"),
    };
    // Not even with a warning, for there the name leads elsewhere.
    let warn = Settings {
        local_network: LocalNetwork::Warn,
        ..user_cors.settings()
    };
    let _ = user_cors.set_settings(warn, NOW);
    assert_eq!(
        refused(&at_address(failure("https://b.example/"), "192.168.1.1")),
        6
    );
    // An override makes the address public here, and the name stays what it is.
    let overrides = "127.0.0.1:443=public".parse().unwrap();
    let classifier = Classifier::new().with_overrides(overrides);
    let mut here = failure("https://b.localhost/");
    here.route = classifier.classify(&connection("b.localhost", "127.0.0.1"));
    assert_eq!(here.route.space(), Some(AddressSpace::Public));
    assert_eq!(refused(&here), 6);
    // What was sent around the egress is not released, and a write is not sent twice.
    let sent = with_request(failure("https://b.example/"), |request| {
        request.method = Method::POST
    });
    assert_eq!(refused(&sent), 7);
    assert!(is_question(&user_cors.consider(
        &with_method("https://b.example/", Method::POST),
        NOW
    )));
    // What comes back through it is judged by its certificate.
    for (roots, passes) in [(RootsVerdict::Public, true), (RootsVerdict::Private, false)] {
        let answered = CorsFailure {
            route: through_egress("b.example", roots),
            provenance: Provenance {
                proxied: Proxied::ByEgress,
                ..RELEASABLE
            },
            ..failure("https://b.example/")
        };
        assert_eq!(
            is_question(&user_cors.consider(&answered, NOW)),
            passes,
            "{roots:?}"
        );
    }
}

#[test]
fn what_runs_around_the_egress_ends_when_there_is_one() {
    let direct = failure("https://b.example/").route;
    let by_egress = through_egress("b.example", RootsVerdict::Public);
    let user_cors = user_cors();
    assert_eq!(user_cors.still_in_place(&direct), Ok(()));
    assert_eq!(user_cors.still_in_place(&by_egress), Ok(()));
    let user_cors = with_egress("http://proxy.example:3128");
    assert_eq!(
        user_cors.still_in_place(&direct),
        Err(Refusal::AroundEgress)
    );
    assert_eq!(
        user_cors.still_in_place(&Route::Unknown),
        Err(Refusal::AroundEgress)
    );
    assert_eq!(user_cors.still_in_place(&by_egress), Ok(()));
}

#[test]
fn open_questions_end_when_the_way_out_changes() {
    let user_cors = user_cors();
    let Decision::Ask(ticket) = user_cors.consider(&failure("https://b.example/"), NOW) else {
        panic!("no question");
    };
    let _ = user_cors.ask(*ticket, NOW);
    let settings = Settings {
        egress: "socks5://proxy.example".parse().unwrap(),
        ..Settings::default()
    };
    let settled = user_cors.set_settings(settings.clone(), NOW);
    assert!(
        matches!(
            &*settled,
            [Settlement {
                verdict: Verdict::Declined(DeclineReason::EgressChanged),
                ..
            }]
        ),
        "{settled:?}"
    );
    assert!(user_cors.set_settings(settings, NOW).is_empty());
}

#[test]
fn what_was_allowed_through_the_egress_is_not_allowed_without_it() {
    let asked = failure("https://b.example/");
    let user_cors = with_egress("socks5://proxy.example");
    let granted = allow(&user_cors, &asked, Choice::AllowForVisit, NOW);
    assert!(is_granted(&user_cors.consider(&asked, NOW)));
    let _ = user_cors.set_settings(Settings::default(), NOW);
    assert!(is_question(&user_cors.consider(&asked, NOW)));
    // Nor what was allowed a moment ago and not sent yet.
    assert_eq!(
        user_cors.recheck(&granted, &asked, NOW),
        Err(Refusal::GrantEnded)
    );

    // What was allowed as this machine sees it is allowed as a stranger does.
    let user_cors = facts::user_cors();
    allow(&user_cors, &asked, Choice::AllowForVisit, NOW);
    let egress = Settings {
        egress: "socks5://proxy.example".parse().unwrap(),
        ..Settings::default()
    };
    let _ = user_cors.set_settings(egress, NOW);
    assert!(is_granted(&user_cors.consider(&asked, NOW)));
}

#[test]
fn policy_names_the_egress_and_only_tightens_unless_it_is_locked() {
    const OWN: &str = "socks5://own.example:1080";
    for (policy, own, expected, dual) in [
        ("{}", "direct", "direct", DualCheck::Off),
        ("{}", OWN, OWN, DualCheck::Off),
        (r#"{"Egress": "direct"}"#, OWN, OWN, DualCheck::Off),
        (
            r#"{"Egress": "direct", "Locked": true}"#,
            OWN,
            "direct",
            DualCheck::Off,
        ),
        (
            r#"{"Egress": "http://set.example:3128", "DualCheck": true}"#,
            OWN,
            "http://set.example:3128",
            DualCheck::On,
        ),
        (
            r#"{"Egress": "http://set.example:3128", "Locked": true}"#,
            "direct",
            "http://set.example:3128",
            DualCheck::Off,
        ),
    ] {
        let user_cors = with_egress(own);
        let _ = user_cors.set_policy(policy_says(policy), NOW);
        assert_eq!(user_cors.egress().to_string(), expected, "{policy}");
        assert_eq!(user_cors.dual_check(), dual, "{policy}");
    }
    let user_cors = user_cors();
    let wanted = Settings {
        dual_check: DualCheck::On,
        ..Settings::default()
    };
    let _ = user_cors.set_settings(wanted, NOW);
    let _ = user_cors.set_policy(policy_says(r#"{"DualCheck": false}"#), NOW);
    assert_eq!(user_cors.dual_check(), DualCheck::On);
    let _ = user_cors.set_policy(policy_says(r#"{"DualCheck": false, "Locked": true}"#), NOW);
    assert_eq!(user_cors.dual_check(), DualCheck::Off);
}

#[test]
fn a_dual_check_needs_an_egress_and_a_read() {
    let settings = |egress: &str| Settings {
        egress: egress.parse().unwrap(),
        dual_check: DualCheck::On,
        ..Settings::default()
    };
    for (egress, method, expected) in [
        ("direct", Method::GET, Some(DualCheckFailure::NoEgress)),
        (
            "socks5://proxy.example",
            Method::PUT,
            Some(DualCheckFailure::Method),
        ),
        ("socks5://proxy.example", Method::HEAD, None),
        ("socks5://proxy.example", Method::GET, None),
    ] {
        let user_cors = user_cors();
        let _ = user_cors.set_settings(settings(egress), NOW);
        let decision = user_cors.consider(&with_method("https://b.example/", method), NOW);
        match expected {
            Some(expected) => assert_eq!(decision, Decision::Fail(Refusal::DualCheck(expected))),
            None => assert!(is_question(&decision), "{decision:?}"),
        }
    }
}

#[test]
fn a_dual_check_that_comes_later_forbids_what_it_would_have_forbidden() {
    let settings = |egress: &str, dual_check| Settings {
        egress: egress.parse().unwrap(),
        dual_check,
        ..Settings::default()
    };
    for (egress, method, expected) in [
        ("direct", Method::GET, Some(DualCheckFailure::NoEgress)),
        ("direct", Method::PUT, Some(DualCheckFailure::NoEgress)),
        (
            "socks5://proxy.example",
            Method::PUT,
            Some(DualCheckFailure::Method),
        ),
        ("socks5://proxy.example", Method::GET, None),
    ] {
        let user_cors = user_cors();
        let set = |dual_check| user_cors.set_settings(settings(egress, dual_check), NOW);
        let _ = set(DualCheck::Off);
        let failure = with_method("https://b.example/", method);
        let ticket = ask(&user_cors, &failure, NOW);
        let settled = set(DualCheck::On);
        let forbidden = Settlement {
            ticket,
            verdict: Verdict::Declined(DeclineReason::Forbidden),
        };
        assert_eq!(settled.contains(&forbidden), expected.is_some());

        let _ = set(DualCheck::Off);
        if expected.is_some() {
            ask(&user_cors, &failure, NOW);
        }
        let granted = match answer(&user_cors, Choice::AllowForVisit, NOW).pop() {
            Some(Settlement {
                verdict: Verdict::Allowed(granted),
                ..
            }) => granted,
            other => panic!("not allowed: {other:?}"),
        };
        assert_eq!(user_cors.recheck(&granted, &failure, NOW), Ok(()));
        let _ = set(DualCheck::On);
        let rechecked = user_cors.recheck(&granted, &failure, NOW);
        assert_eq!(rechecked.err(), expected.map(Refusal::DualCheck));
    }
}
