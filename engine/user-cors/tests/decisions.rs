//! Steps 1 to 8 as a whole: what is asked about, what is refused and by which step.

mod facts;

use facts::*;
use http::Method;
use proptest::prelude::*;
use user_cors::*;

fn refused(failure: &CorsFailure) -> Refusal {
    refusal(user_cors().consider(failure, NOW))
}

#[test]
fn a_silent_public_server_is_asked_about() {
    let Decision::Ask(request) = user_cors().consider(&failure("https://b.example/data?q=1"), NOW)
    else {
        panic!("not a question");
    };
    assert_eq!(request.targets.len(), 1);
    assert_eq!(request.network, TargetNetwork::Public);
    assert_eq!(request.server_said, SilenceReason::Missing);
}

#[test]
fn each_step_refuses_and_is_named() {
    let base = || failure("https://b.example/");
    let with = |change: fn(&mut CorsFailure)| {
        let mut failure = base();
        change(&mut failure);
        failure
    };
    for (failure, step) in [
        (
            with(|f| {
                f.failing_response =
                    headers(&[("access-control-allow-origin", "https://c.example")])
            }),
            0,
        ),
        (
            with(|f| f.failing_response = headers(&[("access-control-allow-origin", "*")])),
            0,
        ),
        (with(|f| f.requester.origin = RequesterOrigin::Opaque), 2),
        (
            with(|f| f.requester.origin = RequesterOrigin::Tuple(origin("http://app.example"))),
            2,
        ),
        (with(|f| f.requester.client = ClientContext::Nested), 2),
        (with(|f| f.requester.tab = TabLiveness::Gone), 2),
        (
            with(|f| f.request.credentials = CredentialsMode::Include),
            3,
        ),
        (
            with(|f| f.request.initiator = Initiator::Ineligible(IneligibleInitiator::EventSource)),
            3,
        ),
        (
            with(|f| f.request.page_headers = names(&["x-http-method-override"])),
            3,
        ),
        (
            with(|f| f.request.certificate = CertificateState::Overridden),
            3,
        ),
        (
            with(|f| f.failing_response = headers(&[("access-control-prevent-origin", "*")])),
            4,
        ),
        (
            with(|f| {
                f.preflight_response = Some(headers(&[("access-control-prevent-origin", "*")]))
            }),
            4,
        ),
        (
            with(|f| {
                f.failing_response =
                    headers(&[("access-control-prevent-origin", "\"https://app.example\"")])
            }),
            4,
        ),
        (
            with(|f| {
                f.failing_response = headers(&[("cross-origin-resource-policy", "same-origin")])
            }),
            4,
        ),
        (
            with(|f| {
                f.failing_response = headers(&[("cross-origin-resource-policy", "same-site")])
            }),
            4,
        ),
        (with(|f| f.route = Route::Unknown), 6),
        (with(|f| f.route = Route::OtherProxy), 6),
        (at_address(base(), "192.168.1.1"), 6),
        (at_address(base(), "127.0.0.1"), 6),
        (
            with(|f| {
                f.request.method = Method::POST;
                f.provenance.cookies = Attached::Something;
            }),
            7,
        ),
        (with(|f| f.request.initiator = Initiator::Font), 8),
        (with(|f| f.request.initiator = Initiator::SynchronousXhr), 8),
    ] {
        let refusal = refused(&failure);
        assert_eq!(refusal.step(), step, "{refusal}");
    }
}

#[test]
fn a_header_that_names_somebody_else_prevents_nobody_else() {
    let failure = CorsFailure {
        failing_response: headers(&[(
            "access-control-prevent-origin",
            "\"https://other.example\"",
        )]),
        ..failure("https://b.example/")
    };
    assert!(is_question(&user_cors().consider(&failure, NOW)));
}

#[test]
fn an_unsent_or_releasable_write_may_be_asked_about() {
    let user_cors = user_cors();
    assert!(is_question(&user_cors.consider(
        &with_method("https://b.example/", Method::DELETE),
        NOW
    )));
    let sent = with_request(failure("https://b.example/"), |request| {
        request.method = Method::POST
    });
    assert!(is_question(&user_cors.consider(&sent, NOW)));
}

#[test]
fn switched_off_by_the_user_or_by_policy() {
    let failure = failure("https://b.example/");
    let user_cors = user_cors();
    let off = Settings {
        enabled: Switch::Off,
        ..Settings::default()
    };
    let _ = user_cors.set_settings(off, NOW);
    assert_eq!(
        refusal(user_cors.consider(&failure, NOW)),
        Refusal::SwitchedOff
    );
    let policy = |policy| PolicyStatus::InForce(policy);
    let _ = user_cors.set_policy(
        policy(Policy {
            enabled: Some(true),
            ..Policy::default()
        }),
        NOW,
    );
    assert_eq!(
        refusal(user_cors.consider(&failure, NOW)),
        Refusal::SwitchedOff
    );
    let _ = user_cors.set_policy(
        policy(Policy {
            enabled: Some(true),
            locked: true,
            ..Policy::default()
        }),
        NOW,
    );
    assert!(is_question(&user_cors.consider(&failure, NOW)));
    let _ = user_cors.set_settings(Settings::default(), NOW);
    let _ = user_cors.set_policy(
        policy(Policy {
            enabled: Some(false),
            ..Policy::default()
        }),
        NOW,
    );
    assert_eq!(
        refusal(user_cors.consider(&failure, NOW)),
        Refusal::SwitchedOffByPolicy
    );
    let _ = user_cors.set_policy(PolicyStatus::Unusable(PolicyError::TooLarge), NOW);
    assert_eq!(
        refusal(user_cors.consider(&failure, NOW)),
        Refusal::PolicyUnusable
    );
}

#[test]
fn policy_blocks_before_it_allows() {
    let user_cors = user_cors();
    let pattern = |text: &str| OriginPattern::parse(text).expect(text);
    let pair = |requester, target| AllowedPair {
        requester: pattern(requester),
        target: pattern(target),
    };
    let policy = Policy {
        blocked_targets: vec![pattern("https://secret.b.example")],
        blocked_requesters: vec![pattern("https://evil.example")],
        allowed_pairs: vec![
            pair("https://app.example", "*.b.example"),
            pair("https://evil.example", "*.b.example"),
        ],
        ..Policy::default()
    };
    let _ = user_cors.set_policy(PolicyStatus::InForce(policy), NOW);
    let allowed = failure("https://www.b.example/");
    assert!(is_granted(&user_cors.consider(&allowed, NOW)));
    let blocked = failure("https://secret.b.example/");
    assert_eq!(
        refusal(user_cors.consider(&blocked, NOW)),
        Refusal::TargetBlockedByPolicy
    );
    let evil = CorsFailure {
        requester: RequesterFacts {
            origin: RequesterOrigin::Tuple(origin("https://evil.example")),
            ..allowed.requester.clone()
        },
        ..allowed.clone()
    };
    assert_eq!(
        refusal(user_cors.consider(&evil, NOW)),
        Refusal::RequesterBlockedByPolicy
    );
    // A pair answers step 8 only.
    let local = at_address(allowed, "10.0.0.1");
    assert_eq!(refusal(user_cors.consider(&local, NOW)).step(), 6);
    let _ = user_cors.set_settings(
        Settings {
            local_network: LocalNetwork::Warn,
            ..Settings::default()
        },
        NOW,
    );
    assert!(is_question(&user_cors.consider(&local, NOW)));
}

#[test]
fn the_blocklist_comes_before_grants() {
    let user_cors = user_cors();
    let failure = failure("https://www.bank.example/");
    let grant_use = allow(&user_cors, &failure, Choice::AllowForVisit, NOW);
    let _ = user_cors.set_blocklist(
        Blocklist::new(["bank.example".parse().expect("a host")]),
        NOW,
    );
    assert_eq!(
        refusal(user_cors.consider(&failure, NOW)),
        Refusal::TargetBlockedByUser
    );
    assert_eq!(
        user_cors.recheck(&grant_use, &failure, NOW),
        Err(Refusal::TargetBlockedByUser)
    );
    assert_eq!(
        user_cors.still_granted(&grant_use, TAB, NOW),
        Err(Refusal::TargetBlockedByUser)
    );
}

#[test]
fn opt_outs_are_remembered_for_their_own_site_only() {
    let user_cors = user_cors();
    let silent = failure("https://b.example/");
    let said = CorsFailure {
        failing_response: headers(&[("access-control-prevent-origin", "*;max-age=60")]),
        ..silent.clone()
    };
    assert_eq!(
        refusal(user_cors.consider(&said, NOW)),
        Refusal::PreventedByServer
    );
    assert_eq!(
        refusal(user_cors.consider(&silent, at(59_999))),
        Refusal::PreventedByMemory
    );
    let other = CorsFailure {
        top_level_site: origin("https://other.example").site(),
        ..silent.clone()
    };
    assert!(is_question(&user_cors.consider(&other, NOW)));
    assert!(is_question(
        &user_cors.consider(&failure("https://c.b.example/"), NOW)
    ));
    assert_eq!(user_cors.opt_outs(NOW).len(), 1);
    assert!(is_question(&user_cors.consider(&silent, at(60_000))));
}

#[test]
fn the_local_network_with_a_warning_is_for_reading_only() {
    let user_cors = user_cors();
    let _ = user_cors.set_settings(
        Settings {
            local_network: LocalNetwork::Warn,
            ..Settings::default()
        },
        NOW,
    );
    let read = at_address(failure("https://nas.example/"), "192.168.1.1");
    let write = at_address(
        with_method("https://nas.example/", Method::POST),
        "192.168.1.1",
    );
    assert_eq!(
        refusal(user_cors.consider(&write, NOW)),
        Refusal::LocalNetworkWrite
    );
    let Decision::Ask(request) = user_cors.consider(&read, NOW) else {
        panic!("not a question")
    };
    assert_eq!(request.network, TargetNetwork::LocalNetwork);
}

#[test]
fn locked_policy_decides_about_the_local_network_and_unlocked_policy_can_only_tighten() {
    let local = at_address(failure("https://nas.example/"), "192.168.1.1");
    for (own, set, locked, asks) in [
        (LocalNetwork::Block, LocalNetwork::Warn, false, false),
        (LocalNetwork::Warn, LocalNetwork::Block, false, false),
        (LocalNetwork::Warn, LocalNetwork::Warn, false, true),
        (LocalNetwork::Block, LocalNetwork::Warn, true, true),
        (LocalNetwork::Warn, LocalNetwork::Block, true, false),
    ] {
        let user_cors = user_cors();
        let _ = user_cors.set_settings(
            Settings {
                local_network: own,
                ..Settings::default()
            },
            NOW,
        );
        let policy = Policy {
            local_network: Some(set),
            locked,
            ..Policy::default()
        };
        let _ = user_cors.set_policy(PolicyStatus::InForce(policy), NOW);
        assert_eq!(
            is_question(&user_cors.consider(&local, NOW)),
            asks,
            "{own:?} {set:?} {locked}"
        );
    }
}

#[test]
fn one_machine_can_stand_for_the_internet_by_an_override() {
    let user_cors = user_cors();
    let overrides = "127.0.0.1:8101=public".parse().expect("overrides");
    let _ = user_cors.set_address_space_overrides(overrides, NOW);
    let facts = |port| ConnectionFacts {
        peer: Some(([127, 0, 0, 1], port).into()),
        public_roots: RootsVerdict::NoTls,
        ..connection("photos.demo.localhost", "127.0.0.1")
    };
    let mut demo = failure("http://photos.demo.localhost:8101/");
    demo.requester.origin = RequesterOrigin::Tuple(origin("http://app.demo.localhost:8100"));
    demo.request.certificate = CertificateState::None;
    demo.route = user_cors.classify(&facts(8101));
    assert!(is_question(&user_cors.consider(&demo, NOW)));
    demo.route = user_cors.classify(&facts(8102));
    assert_eq!(refusal(user_cors.consider(&demo, NOW)).step(), 6);
}

#[test]
fn debug_output_holds_no_secrets() {
    let failure = CorsFailure {
        failing_response: headers(&[("set-cookie", "session=hunter2")]),
        ..failure("https://b.example/?token=hunter2")
    };
    assert!(!format!("{failure:?}").contains("hunter2"));
}

fn any_failure() -> impl Strategy<Value = CorsFailure> {
    let clients = prop::sample::select(vec![
        ClientContext::TopLevelDocument,
        ClientContext::DedicatedWorker,
        ClientContext::Nested,
        ClientContext::Unknown,
    ]);
    let initiators = prop::sample::select(vec![
        Initiator::Fetch,
        Initiator::Image,
        Initiator::Font,
        Initiator::Ineligible(IneligibleInitiator::Beacon),
    ]);
    let methods = prop::sample::select(vec![
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::OPTIONS,
    ]);
    let addresses = prop::sample::select(vec!["8.8.8.8", "10.0.0.1", "127.0.0.1", "2606:4700::1"]);
    let responses = prop::sample::select(vec![
        headers(&[]),
        headers(&[("access-control-allow-origin", "https://app.example")]),
        headers(&[("access-control-allow-origin", "nonsense")]),
        headers(&[("access-control-prevent-origin", "*")]),
        headers(&[("cross-origin-resource-policy", "same-site")]),
    ]);
    let credentials = prop::sample::select(vec![
        CredentialsMode::Omit,
        CredentialsMode::SameOrigin,
        CredentialsMode::Include,
    ]);
    let cookies = prop::sample::select(vec![Attached::Nothing, Attached::Something]);
    (
        clients,
        initiators,
        methods,
        addresses,
        responses,
        credentials,
        cookies,
    )
        .prop_map(
            |(client, initiator, method, address, response, credentials, cookies)| {
                let mut failure = at_address(failure("https://b.example/"), address);
                failure.requester.client = client;
                failure.request.initiator = initiator;
                failure.request.method = method;
                failure.request.credentials = credentials;
                failure.failing_response = response;
                failure.provenance.cookies = cookies;
                failure
            },
        )
}

proptest! {
    /// Invariant 10: off means off, for every request and with every grant.
    #[test]
    fn disabled_is_inert(failure in any_failure()) {
        let user_cors = user_cors();
        allow(&user_cors, &facts::failure("https://b.example/"), Choice::AllowForVisit, NOW);
        let _ = user_cors.set_settings(Settings { enabled: Switch::Off, ..Settings::default() }, NOW);
        prop_assert_eq!(user_cors.consider(&failure, NOW), Decision::Fail(Refusal::SwitchedOff));
    }

    /// A grant never lets through what would not even be asked about, but for requests that cannot wait.
    #[test]
    fn grants_answer_step_8_only(failure in any_failure()) {
        let asked = user_cors();
        let before = asked.consider(&failure, NOW);
        let granted = user_cors();
        allow(&granted, &facts::failure("https://b.example/"), Choice::AllowForVisit, NOW);
        let after = granted.consider(&failure, NOW);
        match (&before, &after) {
            (Decision::Fail(before), Decision::Fail(after)) => prop_assert_eq!(before, after),
            (Decision::Fail(refusal), Decision::Granted(_)) => prop_assert_eq!(refusal.step(), 8),
            (Decision::Ask(request), Decision::Granted(_)) => {
                prop_assert_eq!(request.method_class, MethodClass::Get);
                prop_assert_eq!(request.network, TargetNetwork::Public);
            },
            (Decision::Ask(_), Decision::Ask(_)) => {},
            other => prop_assert!(false, "{:?}", other),
        }
    }

    /// Invariant 7, in part: for a GET or HEAD, what was sent along decides nothing.
    #[test]
    fn cookies_decide_nothing_about_reading(failure in any_failure()) {
        prop_assume!(failure.request.method.is_safe());
        let with = |cookies| {
            let mut failure = failure.clone();
            failure.provenance.cookies = cookies;
            user_cors().consider(&failure, NOW)
        };
        prop_assert_eq!(with(Attached::Nothing), with(Attached::Something));
    }
}

#[test]
fn a_final_dot_goes_around_no_list_and_no_decision() {
    let target = failure("https://b.example./");
    assert_eq!(refused(&target), Refusal::FinalDot);
    let mut requester = failure("https://b.example/");
    let dotted = origin("https://app.example.");
    requester.top_level_site = dotted.site();
    requester.requester.origin = RequesterOrigin::Tuple(dotted);
    assert_eq!(refused(&requester), Refusal::FinalDot);
}

#[test]
fn whoever_has_a_bad_certificate_is_not_remembered() {
    let user_cors = user_cors();
    let says = |value: &str, certificate| {
        let failure = CorsFailure {
            failing_response: headers(&[("access-control-prevent-origin", value)]),
            ..failure("https://b.example/")
        };
        let failure = with_request(failure, |request| request.certificate = certificate);
        let _ = user_cors.consider(&failure, NOW);
        user_cors.opt_outs(NOW).len()
    };
    use CertificateState::{None as NoCertificate, Overridden, Verified};
    for certificate in [Overridden, NoCertificate] {
        assert_eq!(says("*;max-age=60", certificate), 0);
    }
    assert_eq!(says("*;max-age=60", Verified), 1);
    for certificate in [Overridden, NoCertificate] {
        assert_eq!(says("*;max-age=0", certificate), 1);
    }
    assert_eq!(says("*;max-age=0", Verified), 0);
}

#[test]
fn only_what_comes_to_step_6_needs_to_know_of_addresses() {
    let user_cors = user_cors();
    let silent = failure("https://b.example/");
    assert!(user_cors.comes_to_addresses(&silent));
    let spoken = CorsFailure {
        failing_response: headers(&[("access-control-allow-origin", "https://other.example")]),
        ..silent.clone()
    };
    assert!(!user_cors.comes_to_addresses(&spoken));
    let mut nested = silent.clone();
    nested.requester.client = ClientContext::Nested;
    assert!(!user_cors.comes_to_addresses(&nested));
    let including = with_request(silent.clone(), |request| {
        request.credentials = CredentialsMode::Include;
    });
    assert!(!user_cors.comes_to_addresses(&including));
    let off = Settings {
        enabled: Switch::Off,
        ..Settings::default()
    };
    let _ = user_cors.set_settings(off, NOW);
    assert!(!user_cors.comes_to_addresses(&silent));
    assert_eq!(user_cors.switched_off(), Err(Refusal::SwitchedOff));
}
