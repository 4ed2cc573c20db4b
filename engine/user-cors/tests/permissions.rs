//! What answers lead to: grants, denials, embargoes, and their end.

mod facts;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use facts::*;
use http::Method;
use proptest::prelude::*;
use user_cors::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn lasting() -> (tempfile::TempDir, UserCors) {
    let folder = tempfile::tempdir().expect("a folder");
    let user_cors = open(&folder);
    (folder, user_cors)
}

fn open(folder: &tempfile::TempDir) -> UserCors {
    let path = folder.path().join("permissions.sqlite");
    let user_cors = UserCors::new(PermissionStore::open(&path, NOW).expect("a store").store);
    user_cors.user_interacted(TAB);
    user_cors
}

fn in_tab(failure: CorsFailure, tab: TabId) -> CorsFailure {
    CorsFailure {
        requester: RequesterFacts {
            tab: TabLiveness::Live(tab),
            ..failure.requester.clone()
        },
        ..failure
    }
}

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
    assert_eq!(user_cors.recheck(&grant_use, &failure, late), Ok(()));
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

#[test]
fn a_change_of_settings_policy_or_lists_reaches_open_questions() {
    let block = |user_cors: &UserCors| {
        user_cors.set_blocklist(Blocklist::new(["b.example".parse().expect("a host")]), NOW)
    };
    let switch_off = |user_cors: &UserCors| {
        user_cors.set_settings(
            Settings {
                enabled: Switch::Off,
                ..Settings::default()
            },
            NOW,
        )
    };
    let break_policy = |user_cors: &UserCors| {
        user_cors.set_policy(PolicyStatus::Unusable(PolicyError::TooLarge), NOW)
    };
    for change in [
        &block as &dyn Fn(&UserCors) -> Vec<Settlement>,
        &switch_off,
        &break_policy,
    ] {
        let user_cors = user_cors();
        let ticket = ask(&user_cors, &failure("https://b.example/"), NOW);
        let forbidden = Verdict::Declined(DeclineReason::Forbidden);
        assert_eq!(
            change(&user_cors),
            [Settlement {
                ticket,
                verdict: forbidden
            }]
        );
        assert_eq!(user_cors.question(TAB), None);
    }
}

#[test]
fn a_lasting_answer_in_one_tab_reaches_the_question_of_another() {
    let (_folder, user_cors) = lasting();
    let failure = failure("https://b.example/");
    let elsewhere = ask(&user_cors, &in_tab(failure.clone(), TabId(2)), NOW);
    ask(&user_cors, &failure, NOW);
    let settlements = answer(&user_cors, Choice::AlwaysAllow, NOW);
    assert_eq!(settlements.len(), 2);
    let other = settlements
        .iter()
        .find(|settlement| settlement.ticket == elsewhere)
        .expect("settled");
    assert!(matches!(other.verdict, Verdict::Allowed(_)));
    assert_eq!(user_cors.question(TabId(2)), None);
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
fn writes_are_counted_by_grant() {
    let user_cors = user_cors();
    let grant_use = allow(
        &user_cors,
        &with_method("https://b.example/", Method::POST),
        Choice::AllowForVisit,
        NOW,
    );
    for _ in 0..60 {
        assert_eq!(user_cors.count_request(&grant_use, TAB, NOW), Ok(()));
    }
    assert_eq!(
        user_cors.count_request(&grant_use, TAB, NOW),
        Err(Refusal::TooManyWrites)
    );
}

#[test]
fn a_budget_that_is_spent_is_a_new_question() {
    let user_cors = user_cors();
    let budget = Budget {
        requests: 3,
        bytes: 100,
        response_bytes: 60,
    };
    let settings = Settings {
        budget,
        ..Settings::default()
    };
    let _ = user_cors.set_settings(settings, NOW);
    let reading = failure("https://b.example/");
    let visit = allow(&user_cors, &reading, Choice::AllowForVisit, NOW);
    for _ in 0..3 {
        assert!(is_granted(&user_cors.consider(&reading, NOW)));
        assert_eq!(user_cors.count_request(&visit, TAB, NOW), Ok(()));
    }
    assert!(is_question(&user_cors.consider(&reading, NOW)));
    // What runs goes on, and what it takes is counted.
    assert_eq!(user_cors.still_granted(&visit, TAB, NOW), Ok(()));
    assert_eq!(user_cors.count_bytes(&visit, TAB, 60, 60, NOW), Ok(()));
    let spent = Err(Refusal::BudgetSpent);
    assert_eq!(user_cors.count_bytes(&visit, TAB, 1, 61, NOW), spent);
    let shown = user_cors.grants(NOW);
    let [grant] = shown.as_slice() else {
        panic!("not one grant: {shown:?}")
    };
    assert_eq!((grant.usage.requests, grant.usage.bytes), (3, 60));
    assert!(user_cors.is_spent(grant, NOW));
    // A new click gives a new budget, and so does a new day.
    let again = allow(&user_cors, &reading, Choice::AllowForVisit, NOW);
    assert!(is_granted(&user_cors.consider(&reading, NOW)));
    for bytes in [50, 50] {
        assert_eq!(
            user_cors.count_bytes(&again, TAB, bytes, bytes, NOW),
            Ok(())
        );
    }
    assert!(is_question(&user_cors.consider(&reading, NOW)));
    let tomorrow = at(24 * 60 * 60 * 1000);
    assert!(is_granted(&user_cors.consider(&reading, tomorrow)));
}

#[test]
fn a_lasting_grants_budget_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("permissions.sqlite");
    let open = || {
        let user_cors = UserCors::new(PermissionStore::open(&path, NOW).expect("opened").store);
        user_cors.user_interacted(TAB);
        let settings = Settings {
            budget: Budget {
                requests: 1,
                ..Budget::default()
            },
            ..Settings::default()
        };
        let _ = user_cors.set_settings(settings, NOW);
        user_cors
    };
    let reading = failure("https://b.example/");
    let user_cors = open();
    let always = allow(&user_cors, &reading, Choice::AlwaysAllow, NOW);
    assert_eq!(user_cors.count_request(&always, TAB, NOW), Ok(()));
    assert_eq!(user_cors.count_bytes(&always, TAB, 9, 9, NOW), Ok(()));
    let (need, basis) = always.bases().first().expect("a need");
    let GrantBasis::Grant { id, scope } = *basis else {
        panic!("not a grant: {basis:?}")
    };
    let record = LedgerRecord {
        time: NOW,
        key: need.key.clone(),
        path: "/".into(),
        method: "GET".into(),
        status: 200,
        bytes: 9,
        digest: None,
        peer: None,
        basis: LedgerBasis::Grant(id, scope),
    };
    user_cors.record(&record).expect("recorded");
    drop(user_cors);
    let user_cors = open();
    assert!(is_question(&user_cors.consider(&reading, NOW)));
    let grants = user_cors.grants(NOW);
    let usage = grants.first().expect("the grant").usage;
    assert_eq!((usage.requests, usage.bytes), (1, 9));
    let exported = user_cors.export_ledger(&LedgerQuery::default());
    assert_eq!(exported.expect("lines"), format!("{}\n", record.to_json()));
}

#[test]
fn grants_are_suspended_on_another_network() {
    let (home, work) = (MachineNetwork::new("home"), MachineNetwork::new("work"));
    let user_cors = user_cors();
    let reading = failure("https://b.example/");
    let _ = user_cors.network_changed(Some(home.clone()), NOW);
    let at_home = allow(&user_cors, &reading, Choice::AllowForVisit, NOW);
    let open = ask(&user_cors, &failure("https://c.example/"), NOW);

    let settlements = user_cors.network_changed(Some(work.clone()), NOW);
    let verdict = Verdict::Declined(DeclineReason::NetworkChanged);
    let ended = Settlement {
        ticket: open,
        verdict,
    };
    assert_eq!(settlements, [ended]);
    assert_eq!(
        user_cors.still_granted(&at_home, TAB, NOW),
        Err(Refusal::GrantEnded)
    );
    assert_eq!(
        user_cors.recheck(&at_home, &reading, NOW),
        Err(Refusal::GrantEnded)
    );
    assert!(user_cors.is_suspended(user_cors.grants(NOW).first().expect("a grant")));
    // What is allowed here is allowed here only.
    let at_work = allow(&user_cors, &reading, Choice::AllowForVisit, NOW);
    assert_eq!(user_cors.grants(NOW).len(), 2);
    let _ = user_cors.network_changed(None, NOW);
    assert!(is_question(&user_cors.consider(&reading, NOW)));
    let _ = user_cors.network_changed(Some(home), NOW);
    assert!(is_granted(&user_cors.consider(&reading, NOW)));
    assert_eq!(user_cors.still_granted(&at_home, TAB, NOW), Ok(()));
    user_cors
        .still_granted(&at_work, TAB, NOW)
        .expect("the grant of home takes its place");

    // The person may not want any of this.
    let settings = Settings {
        other_network: NetworkChange::Ignore,
        ..Settings::default()
    };
    let _ = user_cors.set_settings(settings, NOW);
    let open = ask(&user_cors, &failure("https://c.example/"), NOW);
    assert!(user_cors.network_changed(Some(work), NOW).is_empty());
    assert!(is_granted(&user_cors.consider(&reading, NOW)));
    assert!(user_cors.cancel(open).is_some());
}

#[test]
fn the_network_of_a_lasting_grant_is_remembered() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("permissions.sqlite");
    let open = |network: &str| {
        let user_cors = UserCors::new(PermissionStore::open(&path, NOW).expect("opened").store);
        user_cors.user_interacted(TAB);
        let _ = user_cors.network_changed(Some(MachineNetwork::new(network)), NOW);
        user_cors
    };
    let reading = failure("https://b.example/");
    let user_cors = open("home");
    allow(&user_cors, &reading, Choice::AlwaysAllow, NOW);
    drop(user_cors);
    let user_cors = open("work");
    assert!(is_question(&user_cors.consider(&reading, NOW)));
    drop(user_cors);
    assert!(is_granted(&open("home").consider(&reading, NOW)));
}

#[test]
fn addresses_that_turn_out_not_to_be_public_end_questions_and_requests() {
    let user_cors = user_cors();
    let reading = failure("https://b.example/");
    let granted = allow(&user_cors, &reading, Choice::AllowForVisit, NOW);
    let ticket = ask(&user_cors, &failure("https://c.example/"), NOW);
    assert_eq!(user_cors.still_in_place(&reading.route), Ok(()));
    // This machine turns out to be a neighbour of 8.8.8.8.
    let settled = user_cors.set_interfaces(["8.8.8.9/24".parse().expect("a prefix")], NOW);
    let verdict = Verdict::Declined(DeclineReason::Forbidden);
    assert_eq!(settled, [Settlement { ticket, verdict }]);
    assert!(matches!(
        user_cors.recheck(&granted, &reading, NOW),
        Err(Refusal::NotPublic(_))
    ));
    let moved = Err(Refusal::AddressesChanged);
    assert_eq!(user_cors.still_in_place(&reading.route), moved);
    // With a warning it would be another question, and the grant is not for that.
    let settings = Settings {
        local_network: LocalNetwork::Warn,
        ..Settings::default()
    };
    let _ = user_cors.set_settings(settings, NOW);
    let ended = Err(Refusal::GrantEnded);
    assert_eq!(user_cors.recheck(&granted, &reading, NOW), ended);
    // Of a chain, each target is looked at.
    let _ = user_cors.set_interfaces([], NOW);
    let mut chain = failure("https://d.example/");
    chain.earlier_targets.push(TicketTarget {
        origin: origin("https://b.example"),
        address: Some("9.9.9.9".parse().expect("an address")),
        space: Some(AddressSpace::Public),
    });
    let granted = allow(&user_cors, &chain, Choice::AllowForVisit, NOW);
    assert_eq!(user_cors.recheck(&granted, &chain, NOW), Ok(()));
    let policy = Policy {
        address_spaces: vec![("9.9.9.0/24".parse().expect("a range"), AddressSpace::Local)],
        ..Policy::default()
    };
    let _ = user_cors.set_policy(PolicyStatus::InForce(policy), NOW);
    assert_eq!(user_cors.recheck(&granted, &chain, NOW), moved);
}

#[test]
fn clearing_forgets_everything() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("permissions.sqlite");
    let open = || UserCors::new(PermissionStore::open(&path, NOW).expect("opened").store);
    let user_cors = open();
    user_cors.user_interacted(TAB);
    allow(
        &user_cors,
        &failure("https://b.example/"),
        Choice::AlwaysAllow,
        NOW,
    );
    ask(&user_cors, &failure("https://c.example/"), NOW);
    let _ = answer(&user_cors, Choice::Never, NOW);
    let _ = user_cors.block(&"d.example".parse().expect("an entry"), NOW);
    let ticket = ask(&user_cors, &failure("https://e.example/"), NOW);
    let settled = user_cors.clear().expect("cleared");
    let verdict = Verdict::Declined(DeclineReason::NotNow);
    assert_eq!(settled, [Settlement { ticket, verdict }]);
    let is_empty = |user_cors: &UserCors| {
        user_cors.grants(NOW).is_empty()
            && user_cors.denials().is_empty()
            && user_cors.blocklist().is_empty()
    };
    assert!(is_empty(&user_cors));
    for url in [
        "https://b.example/",
        "https://c.example/",
        "https://d.example/",
    ] {
        assert!(
            is_question(&user_cors.consider(&failure(url), NOW)),
            "{url}"
        );
    }
    drop(user_cors);
    assert!(is_empty(&open()));
}

#[test]
fn listeners_are_told_without_a_lock_held() {
    let user_cors = Arc::new(user_cors());
    let told = Arc::new(AtomicUsize::new(0));
    let (weak, count) = (Arc::downgrade(&user_cors), told.clone());
    user_cors.set_listener(move |_| {
        if let Some(user_cors) = weak.upgrade() {
            let _ = user_cors.grants(NOW);
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    allow(
        &user_cors,
        &failure("https://b.example/"),
        Choice::AllowForVisit,
        NOW,
    );
    assert!(told.load(Ordering::SeqCst) >= 2);
}

#[test]
fn it_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<UserCors>();
}

#[derive(Clone, Debug)]
enum Step {
    Request {
        target: u8,
        method: u8,
        header: bool,
        tab: u64,
    },
    Answer(u8),
    Revoke(usize),
    Reset(usize),
    Navigate {
        tab: u64,
        home: bool,
    },
    Wait(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..3, 0u8..3, any::<bool>(), 1u64..3)
            .prop_map(|(target, method, header, tab)| Step::Request { target, method, header, tab }),
        5 => (0u8..5).prop_map(Step::Answer),
        1 => (0usize..8).prop_map(Step::Revoke),
        1 => (0usize..8).prop_map(Step::Reset),
        1 => (1u64..3, any::<bool>()).prop_map(|(tab, home)| Step::Navigate { tab, home }),
        1 => (0u32..3_000_000_000).prop_map(Step::Wait),
    ]
}

fn generated(target: u8, method: u8, header: bool, tab: u64) -> CorsFailure {
    let method = [Method::GET, Method::POST, Method::PUT][usize::from(method)].clone();
    let failure = in_tab(
        with_method(&format!("https://t{target}.example/"), method),
        TabId(tab),
    );
    with_request(failure, |request| {
        if header {
            request.unsafe_headers = names(&["x-one"]);
            request.page_headers = names(&["x-one"]);
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Invariant 2: whatever goes on is covered by a grant that is listed, live, of equal key, with the method and the
    /// headers, and not denied.
    #[test]
    fn nothing_goes_on_without_a_live_grant(steps in prop::collection::vec(step(), 1..60)) {
        let (_folder, user_cors) = lasting();
        let mut now = NOW;
        for step in steps {
            match step {
                Step::Request { target, method, header, tab } => {
                    let failure = generated(target, method, header, tab);
                    user_cors.user_interacted(TabId(tab));
                    match user_cors.consider(&failure, now) {
                        Decision::Granted(grant_use) => {
                            prop_assert_eq!(user_cors.recheck(&grant_use, &failure, now), Ok(()));
                            let grants = user_cors.grants(now);
                            for (need, basis) in grant_use.bases() {
                                let GrantBasis::Grant { id, scope } = basis else {
                                    return Err(TestCaseError::fail("no policy is in force"));
                                };
                                let grant = grants.iter().find(|grant| grant.id == *id);
                                prop_assert!(grant.is_some_and(|grant| grant.coverage.covers(need)));
                                prop_assert!(grant.is_some_and(|grant| grant.expires.is_none_or(|end| now < end)));
                                prop_assert!(*scope != GrantScope::Persistent || need.method != MethodClass::Put);
                                prop_assert!(user_cors.denials().iter().all(|denial| denial.key != need.key));
                            }
                        },
                        Decision::Ask(request) => {
                            let _ = user_cors.ask(*request, now);
                        },
                        Decision::Fail(refusal) => prop_assert_eq!(refusal.step(), 8, "{}", refusal),
                    }
                },
                Step::Answer(choice) => {
                    let choices =
                        [Choice::AllowOnce, Choice::AllowForVisit, Choice::AlwaysAllow, Choice::NotNow, Choice::Never];
                    for tab in user_cors.tabs_with_questions() {
                        if let Some(shown) = user_cors.question(tab) {
                            user_cors.visible(shown.id, shown.revision, now, true);
                            now = now.after(Duration::from_millis(700));
                            let _ = user_cors.answer(shown.id, shown.revision, choices[usize::from(choice)], now);
                        }
                    }
                },
                Step::Revoke(index) => {
                    if let Some(grant) = user_cors.grants(now).get(index) {
                        prop_assert!(user_cors.revoke(grant.id).is_ok());
                        prop_assert!(user_cors.grants(now).iter().all(|other| other.id != grant.id));
                    }
                },
                Step::Reset(index) => {
                    if let Some(denial) = user_cors.denials().get(index) {
                        prop_assert!(user_cors.reset(&denial.key).is_ok());
                    }
                },
                Step::Navigate { tab, home } => {
                    let site = origin(if home { "https://app.example" } else { "https://away.example" }).site();
                    let _ = user_cors.navigated(TabId(tab), Some(&site));
                    let left = user_cors.grants(now);
                    let once = |grant: &Grant| grant.tab == Some(TabId(tab)) && grant.scope == GrantScope::Once;
                    prop_assert!(!left.iter().any(once));
                },
                Step::Wait(millis) => {
                    now = now.after(Duration::from_millis(millis.into()));
                    let _ = user_cors.expire(now);
                },
            }
        }
    }
}

#[test]
fn permissions_move_from_one_profile_to_another() {
    let (_folder, user_cors) = lasting();
    let (allowed, denied) = (failure("https://b.example/"), failure("https://c.example/"));
    allow(&user_cors, &allowed, Choice::AlwaysAllow, NOW);
    ask(&user_cors, &denied, NOW);
    let _ = answer(&user_cors, Choice::Never, NOW);
    let text = user_cors
        .export_permissions(NOW)
        .expect("exported")
        .to_json();
    let text = text.replacen("\"methods\"", "\"note\": \"mine\", \"methods\"", 1);
    let file = PermissionsFile::parse(&text).expect(&text);

    let (folder, other) = lasting();
    let refused_there = failure("https://c.example/");
    allow(&other, &refused_there, Choice::AlwaysAllow, NOW);
    let preview = other.preview_import(&file, NOW);
    assert_eq!((preview.revoked, preview.left_out), (1, 0));
    let [grant] = &preview.grants[..] else {
        panic!("{preview:?}");
    };
    assert_eq!(grant.coverage.key.target, origin("https://b.example"));
    assert_eq!(preview.denials.len(), 1);
    assert_eq!((other.grants(NOW).len(), other.denials().len()), (1, 0));
    let (imported, settled) = other.import_permissions(&file, NOW).expect("imported");
    assert_eq!(
        (imported.grants, imported.denials, imported.left_out),
        (1, 1, 0)
    );
    assert!(settled.is_empty());
    assert_eq!(other.preview_import(&file, NOW).left_out, 2);
    let (again, _) = other.import_permissions(&file, NOW).expect("imported");
    assert_eq!((again.grants, again.denials, again.left_out), (0, 0, 2));
    drop(other);
    let other = open(&folder);
    assert!(is_granted(&other.consider(&allowed, NOW)));
    assert!(is_question(&other.consider(&allowed, NOW.after(DAY * 31))));
    assert_eq!(refusal(other.consider(&denied, NOW)), Refusal::Denied);
    let exported = other.export_permissions(NOW).expect("exported").to_json();
    assert!(exported.contains("mine"), "{exported}");
}

#[test]
fn an_import_gives_no_more_than_a_click_and_takes_no_denial_back() {
    let (_folder, user_cors) = lasting();
    let failure = failure("https://b.example/");
    let forged = |created: i64| {
        let text = format!(
            r#"{{"version": 1, "denials": [], "grants": [{{"topLevelSite": "https://app.example",
                "requester": "https://app.example", "target": "https://b.example", "methods": ["GET"],
                "headers": [], "created": {created}, "lastUsed": {}}}]}}"#,
            i64::MAX
        );
        PermissionsFile::parse(&text).expect(&text)
    };
    let _ = user_cors.import_permissions(&forged(i64::MAX), NOW);
    assert!(is_granted(
        &user_cors.consider(&failure, NOW.after(DAY * 29))
    ));
    assert!(is_question(
        &user_cors.consider(&failure, NOW.after(DAY * 31))
    ));
    user_cors.revoke_all().expect("written");
    let (ended, _) = user_cors
        .import_permissions(&forged(0), NOW)
        .expect("imported");
    assert_eq!((ended.grants, ended.left_out), (0, 1));

    ask(&user_cors, &failure, NOW);
    let _ = answer(&user_cors, Choice::Never, NOW);
    let (kept, _) = user_cors
        .import_permissions(&forged(i64::MAX), NOW)
        .expect("imported");
    assert_eq!((kept.grants, kept.left_out), (0, 1));
    assert_eq!(refusal(user_cors.consider(&failure, NOW)), Refusal::Denied);
}

#[test]
fn imported_denials_end_grants_and_questions() {
    let user_cors = user_cors();
    let failure = failure("https://b.example/");
    let grant_use = allow(&user_cors, &failure, Choice::AllowForVisit, NOW);
    let ticket = ask(
        &user_cors,
        &with_method("https://b.example/", Method::POST),
        NOW,
    );
    let file = PermissionsFile::parse(
        r#"{"version": 1, "grants": [], "denials": [{"topLevelSite": "https://app.example",
            "requester": "https://app.example", "target": "https://b.example", "created": 0}]}"#,
    )
    .expect("a file");
    let (_, settled) = user_cors.import_permissions(&file, NOW).expect("imported");
    let declined = Settlement {
        ticket,
        verdict: Verdict::Declined(DeclineReason::Never),
    };
    assert_eq!(settled, [declined]);
    assert_eq!(
        user_cors.still_granted(&grant_use, TAB, NOW),
        Err(Refusal::Denied)
    );
}

#[test]
fn the_blocklist_is_stored_and_ends_questions() {
    let (folder, user_cors) = lasting();
    let failure = failure("https://www.b.example/");
    let entry: BlockedTarget = "b.example".parse().expect("an entry");
    let ticket = ask(&user_cors, &failure, NOW);
    let settled = user_cors.block(&entry, NOW).expect("written");
    let declined = Settlement {
        ticket,
        verdict: Verdict::Declined(DeclineReason::Forbidden),
    };
    assert_eq!(settled, [declined]);
    drop(user_cors);
    let user_cors = open(&folder);
    assert_eq!(
        refusal(user_cors.consider(&failure, NOW)),
        Refusal::TargetBlockedByUser
    );
    assert_eq!(user_cors.blocklist(), std::slice::from_ref(&entry));
    user_cors.unblock(&entry).expect("written");
    assert!(is_question(&user_cors.consider(&failure, NOW)));
    let _ = user_cors.set_blocklist(Blocklist::new([entry.clone()]), NOW);
    drop(user_cors);
    assert_eq!(open(&folder).blocklist(), [entry]);
}
