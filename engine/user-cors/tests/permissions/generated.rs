//! Generated histories of answers, revocations and time.

use proptest::prelude::*;

use super::*;

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
