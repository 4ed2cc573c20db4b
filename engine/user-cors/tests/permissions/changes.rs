//! What a change elsewhere does to questions and grants: settings, policy, lists, other tabs, the machine's network.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::*;

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
    user_cors.user_interacted(TAB);
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

#[test]
fn what_ran_when_everything_was_cleared_is_not_covered_by_a_later_answer() {
    let user_cors = user_cors();
    let failure = failure("https://b.example/");
    let before = allow(&user_cors, &failure, Choice::AllowOnce, NOW);
    let _ = user_cors.clear().expect("cleared");
    user_cors.user_interacted(TAB);
    let after = allow(&user_cors, &failure, Choice::AllowOnce, NOW);
    assert_eq!(user_cors.still_granted(&after, TAB, NOW), Ok(()));
    assert_eq!(
        user_cors.still_granted(&before, TAB, NOW),
        Err(Refusal::GrantEnded)
    );
}
