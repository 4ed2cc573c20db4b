//! Where a chain of redirects is followed before anybody is asked, and what its servers say meanwhile.

#[allow(dead_code, reason = "shared by several tests, and none uses all of it")]
mod facts;

use facts::*;
use user_cors::*;

#[test]
fn what_a_simple_read_is_not_sent_to_before_anybody_is_asked() {
    let hop = |url: &str| CorsFailure {
        stage: FailedStage::Redirect,
        ..failure(url)
    };
    let (b, c) = (hop("https://b.example/"), hop("https://c.example/"));
    let user_cors = user_cors();
    assert_eq!(user_cors.may_follow(&b, NOW), Ok(()));
    // A list, a denial and a remembered opt-out need no answer of the server.
    let _ = user_cors.set_blocklist(Blocklist::new(["c.example".parse().expect("a host")]), NOW);
    assert_eq!(
        user_cors.may_follow(&c, NOW),
        Err(Refusal::TargetBlockedByUser)
    );
    let opted_out = CorsFailure {
        failing_response: headers(&[("access-control-prevent-origin", "*;max-age=60")]),
        ..failure("https://d.example/")
    };
    assert!(matches!(
        user_cors.consider(&opted_out, NOW),
        Decision::Fail(_)
    ));
    assert_eq!(
        user_cors.may_follow(&hop("https://d.example/"), NOW),
        Err(Refusal::PreventedByMemory)
    );
    ask(&user_cors, &failure("https://b.example/"), NOW);
    let _ = answer(&user_cors, Choice::Never, NOW);
    assert_eq!(user_cors.may_follow(&b, NOW), Err(Refusal::Denied));
    // Nor does where it is, and what kind of request it is.
    let e = hop("https://e.example/");
    assert!(matches!(
        user_cors.may_follow(&at_address(e.clone(), "10.0.0.1"), NOW),
        Err(Refusal::NotPublic(_))
    ));
    let including = with_request(e.clone(), |request| {
        request.credentials = CredentialsMode::Include;
    });
    assert_eq!(
        user_cors.may_follow(&including, NOW),
        Err(Refusal::CredentialsIncluded)
    );
    let off = Settings {
        enabled: Switch::Off,
        ..Settings::default()
    };
    let _ = user_cors.set_settings(off, NOW);
    assert_eq!(user_cors.may_follow(&e, NOW), Err(Refusal::SwitchedOff));
}

#[test]
fn what_says_no_before_a_name_is_looked_up() {
    let hop = |url: &str| CorsFailure {
        stage: FailedStage::Redirect,
        route: Route::Unknown,
        ..failure(url)
    };
    let (b, c) = (hop("https://b.example/"), hop("https://c.example/"));
    let user_cors = user_cors();
    let may = |hop: &CorsFailure| user_cors.may_look_up(hop, NOW);
    assert_eq!(may(&b), Ok(()));
    let _ = user_cors.set_blocklist(Blocklist::new(["c.example".parse().expect("a host")]), NOW);
    assert_eq!(may(&c), Err(Refusal::TargetBlockedByUser));
    assert_eq!(may(&hop("http://d.example/")), Err(Refusal::InsecureTarget));
    ask(&user_cors, &failure("https://b.example/"), NOW);
    let _ = answer(&user_cors, Choice::Never, NOW);
    assert_eq!(may(&b), Err(Refusal::Denied));
    let off = Settings {
        enabled: Switch::Off,
        ..Settings::default()
    };
    let _ = user_cors.set_settings(off, NOW);
    assert_eq!(may(&b), Err(Refusal::SwitchedOff));
}

#[test]
fn a_silent_redirect_is_followed_only_if_it_is_allowed_or_somebody_may_be_asked() {
    let as_font =
        |failure: CorsFailure| with_request(failure, |request| request.initiator = Initiator::Font);
    let b = failure("https://b.example/");
    let user_cors = user_cors();
    assert_eq!(
        user_cors.may_follow_from(&as_font(b.clone()), NOW),
        Err(Refusal::NeverAsks(Initiator::Font))
    );
    // What is granted needs nobody.
    let granted = failure("https://granted.example/");
    ask(&user_cors, &granted, NOW);
    let _ = answer(&user_cors, Choice::AllowForVisit, NOW);
    let follows_what_is_granted = || {
        user_cors.may_follow_from(&granted, NOW).is_ok()
            && user_cors
                .may_follow_from(&as_font(granted.clone()), NOW)
                .is_ok()
    };
    assert!(follows_what_is_granted());

    // After a no this requester asks again when there was input.
    ask(&user_cors, &failure("https://d.example/"), NOW);
    let _ = answer(&user_cors, Choice::NotNow, NOW);
    let needs_input = Err(Refusal::NeedsInteraction);
    assert_eq!(user_cors.may_follow_from(&b, NOW), needs_input);
    assert!(follows_what_is_granted());
    user_cors.user_interacted(TAB);
    assert_eq!(user_cors.may_follow_from(&b, NOW), Ok(()));

    // After three, not for a week.
    for _ in 0..2 {
        ask(&user_cors, &failure("https://d.example/"), NOW);
        let _ = answer(&user_cors, Choice::NotNow, NOW);
        user_cors.user_interacted(TAB);
    }
    assert!(matches!(
        user_cors.may_follow_from(&b, NOW),
        Err(Refusal::Embargoed { .. })
    ));
    assert!(follows_what_is_granted());

    let _ = user_cors.quit();
    let later = at(8 * 24 * 60 * 60 * 1000);
    assert_eq!(
        user_cors.may_follow_from(&b, later),
        Err(Refusal::Declined(DeclineReason::Quit))
    );
}

#[test]
fn what_a_server_on_the_way_says_meanwhile_counts_at_release() {
    let user_cors = user_cors();
    let chain = CorsFailure {
        earlier_targets: vec![TicketTarget {
            origin: origin("https://b.example"),
            address: Some("8.8.8.8".parse().expect("an address")),
            space: Some(AddressSpace::Public),
        }],
        ..failure("https://c.example/")
    };
    ask(&user_cors, &chain, NOW);
    let settlements = answer(&user_cors, Choice::AllowForVisit, NOW);
    let Some(Verdict::Allowed(grant_use)) = settlements
        .into_iter()
        .map(|settled| settled.verdict)
        .next()
    else {
        panic!("not allowed")
    };
    assert_eq!(user_cors.recheck(&grant_use, &chain, NOW), Ok(()));
    let opted_out = CorsFailure {
        failing_response: headers(&[(
            "access-control-prevent-origin",
            "\"https://app.example\";max-age=60",
        )]),
        ..failure("https://b.example/")
    };
    let _ = user_cors.consider(&opted_out, NOW);
    let prevented = Err(Refusal::PreventedByMemory);
    assert_eq!(user_cors.recheck(&grant_use, &chain, NOW), prevented);
    assert_eq!(
        user_cors.consider(&chain, NOW),
        Decision::Fail(Refusal::PreventedByMemory)
    );
}
