//! What each answer gives, and for how long.

use super::*;

#[test]
fn once_is_for_one_request() {
    let user_cors = user_cors();
    let failure = failure("https://b.example/");
    let grant_use = allow(&user_cors, &failure, Choice::AllowOnce, NOW);
    assert_eq!(grant_use.scope(), Some(GrantScope::Once));
    assert_eq!(user_cors.recheck(&grant_use, &failure, NOW), Ok(()));
    assert!(is_question(&user_cors.consider(&failure, NOW)));
    user_cors.finished(&grant_use);
    assert_eq!(
        user_cors.recheck(&grant_use, &failure, NOW),
        Err(Refusal::GrantEnded)
    );
}

#[test]
fn once_covers_a_media_element() {
    let user_cors = user_cors();
    let film = |url| with_request(failure(url), |request| request.initiator = Initiator::Video);
    allow(
        &user_cors,
        &film("https://b.example/film"),
        Choice::AllowOnce,
        NOW,
    );
    assert!(is_granted(
        &user_cors.consider(&film("https://b.example/film"), NOW)
    ));
    assert!(is_question(
        &user_cors.consider(&film("https://b.example/other"), NOW)
    ));
    assert!(is_question(
        &user_cors.consider(&failure("https://b.example/film"), NOW)
    ));
    let _ = user_cors.navigated(TAB, Some(&origin("https://app.example").site()));
    assert!(is_question(
        &user_cors.consider(&film("https://b.example/film"), NOW)
    ));
}

#[test]
fn a_visit_is_one_tab_until_its_site_changes() {
    let user_cors = user_cors();
    let failure = failure("https://b.example/");
    allow(&user_cors, &failure, Choice::AllowForVisit, NOW);
    assert!(is_granted(&user_cors.consider(&failure, NOW)));
    assert!(is_question(
        &user_cors.consider(&in_tab(failure.clone(), TabId(2)), NOW)
    ));
    let _ = user_cors.navigated(TAB, Some(&failure.top_level_site));
    assert!(is_granted(&user_cors.consider(&failure, NOW)));
    let _ = user_cors.navigated(TAB, None);
    let _ = user_cors.navigated(TAB, Some(&failure.top_level_site));
    assert!(is_question(&user_cors.consider(&failure, NOW)));
}

#[test]
fn always_survives_a_restart_and_is_renewed_by_use() {
    let (folder, user_cors) = lasting();
    let failure = failure("https://b.example/");
    let grant_use = allow(&user_cors, &failure, Choice::AlwaysAllow, NOW);
    assert_eq!(grant_use.scope(), Some(GrantScope::Persistent));
    let late = NOW.after(DAY * 20);
    assert_eq!(user_cors.count_request(&grant_use, TAB, late), Ok(()));
    drop(user_cors);
    let user_cors = open(&folder);
    assert!(is_granted(&user_cors.consider(
        &in_tab(failure.clone(), TabId(9)),
        NOW.after(DAY * 45)
    )));
    assert!(is_question(
        &user_cors.consider(&failure, NOW.after(DAY * 51))
    ));
}

#[test]
fn policy_shortens_lasting_grants() {
    let (_folder, user_cors) = lasting();
    let policy = Policy {
        max_grant_days: Some(2),
        ..Policy::default()
    };
    let _ = user_cors.set_policy(PolicyStatus::InForce(policy), NOW);
    let failure = failure("https://b.example/");
    allow(&user_cors, &failure, Choice::AlwaysAllow, NOW);
    assert!(is_granted(&user_cors.consider(&failure, NOW.after(DAY))));
    assert!(is_question(
        &user_cors.consider(&failure, NOW.after(DAY * 3))
    ));
}

#[test]
fn policy_shortens_grants_that_were_there_before_it() {
    let (_folder, user_cors) = lasting();
    let failure = failure("https://b.example/");
    let grant_use = allow(&user_cors, &failure, Choice::AlwaysAllow, NOW);
    let policy = Policy {
        max_grant_days: Some(2),
        ..Policy::default()
    };
    let _ = user_cors.set_policy(PolicyStatus::InForce(policy), NOW);
    assert!(is_granted(&user_cors.consider(&failure, NOW.after(DAY))));
    let later = NOW.after(DAY * 2 + Duration::from_secs(1));
    assert!(is_question(&user_cors.consider(&failure, later)));
    assert_eq!(
        user_cors.still_granted(&grant_use, TAB, later),
        Err(Refusal::GrantEnded)
    );
    assert!(user_cors.grants(later).is_empty());
}

#[test]
fn beyond_the_grant_is_a_new_question() {
    let user_cors = user_cors();
    let base = failure("https://b.example/");
    allow(&user_cors, &base, Choice::AllowForVisit, NOW);
    let with_header = with_request(base.clone(), |request| {
        request.page_headers = names(&["x-requested-with"]);
        request.unsafe_headers = names(&["x-requested-with"]);
    });
    let head = with_request(base.clone(), |request| request.method = Method::HEAD);
    assert!(is_granted(&user_cors.consider(&head, NOW)));
    assert!(is_question(&user_cors.consider(&with_header, NOW)));
    assert!(is_question(&user_cors.consider(
        &with_method("https://b.example/", Method::POST),
        NOW
    )));
    assert!(is_question(
        &user_cors.consider(&failure("https://b.example:8443/"), NOW)
    ));
}

#[test]
fn never_covers_all_methods_and_survives() {
    let (folder, user_cors) = lasting();
    let failure = failure("https://b.example/");
    ask(&user_cors, &failure, NOW);
    let settlements = answer(&user_cors, Choice::Never, NOW);
    assert!(matches!(
        settlements.as_slice(),
        [Settlement {
            verdict: Verdict::Declined(DeclineReason::Never),
            ..
        }]
    ));
    drop(user_cors);
    let user_cors = open(&folder);
    assert_eq!(refusal(user_cors.consider(&failure, NOW)), Refusal::Denied);
    assert_eq!(
        refusal(user_cors.consider(&with_method("https://b.example/", Method::PUT), NOW)),
        Refusal::Denied
    );
    let key = user_cors.denials().first().expect("a denial").key.clone();
    user_cors.reset(&key).expect("written");
    assert!(is_question(&user_cors.consider(&failure, NOW)));
}

#[test]
fn never_ends_grants_in_use() {
    let user_cors = user_cors();
    let failure = failure("https://b.example/");
    let grant_use = allow(&user_cors, &failure, Choice::AllowForVisit, NOW);
    ask(
        &user_cors,
        &with_method("https://b.example/", Method::POST),
        NOW,
    );
    let _ = answer(&user_cors, Choice::Never, NOW);
    assert_eq!(
        user_cors.recheck(&grant_use, &failure, NOW),
        Err(Refusal::Denied)
    );
}

#[test]
fn three_dismissals_embargo_and_time_outs_do_not() {
    let user_cors = user_cors();
    let failure = failure("https://b.example/");
    for n in 0..4 {
        ask(&user_cors, &failure, at(n * 200_000));
        assert_eq!(user_cors.expire(at(n * 200_000 + 120_000)).len(), 1);
    }
    for n in 0..3 {
        user_cors.user_interacted(TAB);
        ask(&user_cors, &failure, at(1_000_000 + n * 1000));
        let _ = answer(&user_cors, Choice::NotNow, at(1_000_000 + n * 1000));
    }
    user_cors.user_interacted(TAB);
    let now = at(1_010_000);
    assert!(matches!(
        refusal(user_cors.consider(&failure, now)),
        Refusal::Embargoed { .. }
    ));
    let other = CorsFailure {
        top_level_site: origin("https://other.example").site(),
        ..failure.clone()
    };
    assert!(is_question(&user_cors.consider(&other, now)));
    let (key, _) = user_cors
        .embargoes(now)
        .first()
        .expect("an embargo")
        .clone();
    user_cors.reset_embargo(&key).expect("written");
    assert!(is_question(&user_cors.consider(&failure, now)));
}

#[test]
fn rules_answer_at_once_and_do_not_embargo() {
    let user_cors = user_cors();
    let rules = r#"{"rules": [{"requester": "https://app.example", "target": "*.yes.example", "answer": "always"}]}"#;
    user_cors.set_answers(Answers::Rules(Rules::parse(rules).expect("rules")));
    let outcome = |url: &str| {
        let Decision::Ask(request) = user_cors.consider(&failure(url), NOW) else {
            panic!("not a question")
        };
        user_cors.ask(*request, NOW)
    };
    for _ in 0..5 {
        assert_eq!(
            outcome("https://no.example/"),
            AskOutcome::Settled(Verdict::Declined(DeclineReason::NotNow))
        );
    }
    let AskOutcome::Settled(Verdict::Allowed(grant_use)) = outcome("https://a.yes.example/") else {
        panic!("not allowed")
    };
    // A temporary profile offers no lasting grants.
    assert_eq!(grant_use.scope(), Some(GrantScope::Visit));
    assert!(is_granted(
        &user_cors.consider(&failure("https://a.yes.example/"), NOW)
    ));
    assert_eq!(user_cors.question(TAB), None);
}

#[test]
fn after_a_no_a_page_asks_about_another_server_only_when_there_was_input() {
    for choice in [Choice::NotNow, Choice::Never] {
        let user_cors = user_cors();
        ask(&user_cors, &failure("https://b.example/"), NOW);
        let _ = answer(&user_cors, choice, NOW);
        let Decision::Ask(request) = user_cors.consider(&failure("https://c.example/"), NOW) else {
            panic!("not a question");
        };
        assert_eq!(
            user_cors.ask(*request.clone(), NOW),
            AskOutcome::Refused(Refusal::NeedsInteraction)
        );
        user_cors.user_interacted(TAB);
        assert!(matches!(
            user_cors.ask(*request, NOW),
            AskOutcome::Waiting { .. }
        ));
    }
}
