//! Writes of a minute, and the budget of a day.

use super::*;

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
fn what_began_under_a_grant_that_was_replaced_has_the_budget_of_the_one_in_its_place() {
    let (_folder, user_cors) = lasting();
    let settings = Settings {
        budget: Budget {
            requests: 1,
            bytes: 100,
            response_bytes: 100,
        },
        ..Settings::default()
    };
    let _ = user_cors.set_settings(settings, NOW);
    let reading = failure("https://b.example/");
    for choice in [Choice::AllowForVisit, Choice::AlwaysAllow] {
        let first = allow(&user_cors, &reading, choice, NOW);
        assert_eq!(user_cors.count_request(&first, TAB, NOW), Ok(()));
        let second = allow(&user_cors, &reading, choice, NOW);
        assert_eq!(user_cors.still_granted(&first, TAB, NOW), Ok(()));
        assert_eq!(user_cors.count_bytes(&first, TAB, 60, 60, NOW), Ok(()));
        assert_eq!(user_cors.count_bytes(&second, TAB, 40, 40, NOW), Ok(()));
        assert!(user_cors.count_bytes(&first, TAB, 1, 61, NOW).is_err());
        assert!(user_cors.count_bytes(&second, TAB, 1, 41, NOW).is_err());
        user_cors.revoke_all().expect("revoked");
        let ended = Err(Refusal::GrantEnded);
        assert_eq!(user_cors.count_bytes(&first, TAB, 1, 1, NOW), ended);
        assert_eq!(user_cors.count_request(&first, TAB, NOW), ended);
    }
}

#[test]
fn one_answer_gives_all_that_its_question_listed() {
    let user_cors = user_cors();
    let mut tickets = Vec::new();
    for number in 0..64 {
        let mut chain = failure(&format!("https://a0.example/{number}"));
        chain.earlier_targets = (1..16)
            .map(|host| TicketTarget {
                origin: origin(&format!("https://a{host}.example")),
                address: None,
                space: None,
            })
            .collect();
        tickets.push(ask(&user_cors, &chain, NOW));
    }
    let settlements = answer(&user_cors, Choice::AllowOnce, NOW);
    assert_eq!(settlements.len(), tickets.len());
    for settlement in settlements {
        let Verdict::Allowed(grant_use) = settlement.verdict else {
            panic!("not allowed: {settlement:?}")
        };
        assert_eq!(user_cors.still_granted(&grant_use, TAB, NOW), Ok(()));
    }
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
    let record = [LedgerRecord {
        time: NOW,
        key: need.key.clone(),
        path: "/".into(),
        method: "GET".into(),
        status: 200,
        bytes: 9,
        digest: None,
        peer: None,
        basis: LedgerBasis::Grant(id, scope),
    }];
    user_cors.record(&record).expect("recorded");
    drop(user_cors);
    let user_cors = open();
    assert!(is_question(&user_cors.consider(&reading, NOW)));
    let grants = user_cors.grants(NOW);
    let usage = grants.first().expect("the grant").usage;
    assert_eq!((usage.requests, usage.bytes), (1, 9));
    let exported = user_cors.export_ledger(&LedgerQuery::default());
    assert_eq!(
        exported.expect("lines"),
        format!("{}\n", record[0].to_json())
    );
}
