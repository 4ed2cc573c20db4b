//! What lets one response be handed over, and what keeps it back although it was allowed.

use super::*;

#[test]
fn revoking_ends_requests_in_flight() {
    let (_folder, user_cors) = lasting();
    for choice in [
        Choice::AllowOnce,
        Choice::AllowForVisit,
        Choice::AlwaysAllow,
    ] {
        let failure = failure("https://b.example/");
        let grant_use = allow(&user_cors, &failure, choice, NOW);
        assert_eq!(user_cors.still_granted(&grant_use, TAB, NOW), Ok(()));
        for grant in user_cors.grants(NOW) {
            user_cors.revoke(grant.id).expect("written");
        }
        assert_eq!(
            user_cors.still_granted(&grant_use, TAB, NOW),
            Err(Refusal::GrantEnded),
            "{choice:?}"
        );
        assert_eq!(
            user_cors.recheck(&grant_use, &failure, NOW),
            Err(Refusal::GrantEnded),
            "{choice:?}"
        );
    }
}

#[test]
fn the_no_of_the_anonymous_response_wins() {
    let user_cors = user_cors();
    let failure = failure("https://b.example/");
    let grant_use = allow(&user_cors, &failure, Choice::AllowForVisit, NOW);
    let answered = |lines: &[(&'static str, &str)]| {
        let response = CorsFailure {
            failing_response: headers(lines),
            ..failure.clone()
        };
        user_cors.recheck(&grant_use, &response, NOW)
    };
    assert_eq!(answered(&[]), Ok(()));
    assert_eq!(
        answered(&[("access-control-allow-origin", "https://app.example")]),
        Ok(())
    );
    assert_eq!(answered(&[("access-control-allow-origin", "*")]), Ok(()));
    assert!(answered(&[("access-control-allow-origin", "https://c.example")]).is_err());
    assert!(answered(&[("access-control-allow-origin", "null")]).is_err());
    assert_eq!(
        answered(&[("cross-origin-resource-policy", "same-origin")]),
        Err(Refusal::ResourcePolicySameOrigin)
    );
    assert_eq!(
        answered(&[("access-control-prevent-origin", "*;max-age=5")]),
        Err(Refusal::PreventedByServer)
    );
    assert_eq!(answered(&[]), Err(Refusal::PreventedByMemory));
}

#[test]
fn a_name_that_moves_into_the_local_network_takes_its_grant_nowhere() {
    let user_cors = user_cors();
    let public = failure("https://rebind.example/");
    let grant_use = allow(&user_cors, &public, Choice::AllowForVisit, NOW);
    for address in [
        "127.0.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "::ffff:10.0.0.1",
    ] {
        let moved = at_address(public.clone(), address);
        assert_eq!(
            refusal(user_cors.consider(&moved, NOW)).step(),
            6,
            "{address}"
        );
        assert!(
            user_cors.recheck(&grant_use, &moved, NOW).is_err(),
            "{address}"
        );
    }
    // Also where the local network may be asked about: that is another question.
    let _ = user_cors.set_settings(
        Settings {
            local_network: LocalNetwork::Warn,
            ..Settings::default()
        },
        NOW,
    );
    let moved = at_address(public.clone(), "192.168.1.1");
    assert!(is_question(&user_cors.consider(&moved, NOW)));
    assert_eq!(
        user_cors.recheck(&grant_use, &moved, NOW),
        Err(Refusal::GrantEnded)
    );
    allow(&user_cors, &moved, Choice::AllowForVisit, NOW);
    assert!(
        is_granted(&user_cors.consider(&moved, NOW))
            && is_granted(&user_cors.consider(&public, NOW))
    );
}

#[test]
fn a_grant_is_not_for_another_request() {
    let user_cors = user_cors();
    let read = failure("https://b.example/");
    let grant_use = allow(&user_cors, &read, Choice::AllowForVisit, NOW);
    for other in [
        failure("https://c.example/"),
        with_method("https://b.example/", Method::POST),
        CorsFailure {
            top_level_site: origin("https://other.example").site(),
            ..read.clone()
        },
        in_tab(read.clone(), TabId(2)),
    ] {
        assert_eq!(
            user_cors.recheck(&grant_use, &other, NOW),
            Err(Refusal::GrantEnded),
            "{other:?}"
        );
    }
}

#[test]
fn a_chain_needs_every_target() {
    let user_cors = user_cors();
    let start = failure("https://start.example/");
    let end = CorsFailure {
        earlier_targets: vec![TicketTarget {
            origin: origin("https://start.example"),
            address: start.route.peer().map(|peer| peer.ip()),
            space: start.route.space(),
        }],
        ..failure("https://end.example/")
    };
    allow(
        &user_cors,
        &failure("https://end.example/"),
        Choice::AllowForVisit,
        NOW,
    );
    assert!(is_question(&user_cors.consider(&end, NOW)));
    let grant_use = allow(&user_cors, &end, Choice::AllowForVisit, NOW);
    assert_eq!(grant_use.bases().len(), 2);
    assert!(is_granted(&user_cors.consider(&start, NOW)));
    assert_eq!(user_cors.recheck(&grant_use, &end, NOW), Ok(()));
    // The permission for a part of the chain is not one for the whole.
    let part = allow(
        &user_cors,
        &failure("https://end.example:8443/"),
        Choice::AllowForVisit,
        NOW,
    );
    assert_eq!(
        user_cors.recheck(&part, &end, NOW),
        Err(Refusal::GrantEnded)
    );
}

#[test]
fn a_chain_that_led_through_the_local_network_is_a_question_about_it() {
    let (_folder, user_cors) = lasting();
    let _ = user_cors.set_settings(
        Settings {
            local_network: LocalNetwork::Warn,
            ..Settings::default()
        },
        NOW,
    );
    let chain = CorsFailure {
        earlier_targets: vec![TicketTarget {
            origin: origin("https://nas.example"),
            address: Some([192, 168, 1, 1].into()),
            space: Some(AddressSpace::Local),
        }],
        ..failure("https://end.example/")
    };
    ask(&user_cors, &chain, NOW);
    let shown = user_cors.question(TAB).expect("a question");
    assert_eq!(
        (shown.network, shown.step),
        (TargetNetwork::LocalNetwork, QuestionStep::Warning)
    );
    let _ = answer(&user_cors, Choice::AllowForVisit, NOW);
    assert!(is_granted(&user_cors.consider(&chain, NOW)));
    // What was allowed for the local network is nothing for the public one, nor the other way round.
    assert!(is_question(
        &user_cors.consider(&failure("https://nas.example/"), NOW)
    ));
    assert!(is_question(&user_cors.consider(
        &at_address(failure("https://end.example/"), "192.168.1.1"),
        NOW
    )));
}

#[test]
fn headers_that_a_redirect_drops_are_not_missed() {
    let user_cors = user_cors();
    let with_header = with_request(failure("https://b.example/"), |request| {
        request.page_headers = names(&["x-one"]);
        request.unsafe_headers = names(&["x-one"]);
    });
    let grant_use = allow(&user_cors, &with_header, Choice::AllowForVisit, NOW);
    assert_eq!(
        user_cors.recheck(&grant_use, &failure("https://b.example/"), NOW),
        Ok(())
    );
    let fewer = allow(
        &user_cors,
        &failure("https://c.example/"),
        Choice::AllowForVisit,
        NOW,
    );
    let more = with_request(failure("https://c.example/"), |request| {
        request.unsafe_headers = names(&["x-one"])
    });
    assert_eq!(
        user_cors.recheck(&fewer, &more, NOW),
        Err(Refusal::GrantEnded)
    );
}
