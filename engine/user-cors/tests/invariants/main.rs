//! The invariants of user-enabled CORS, checked over generated histories, and each check against a history that breaks it.

#[path = "../facts/mod.rs"]
#[allow(dead_code, reason = "shared by several tests, and none uses all of it")]
mod facts;

mod checks;
mod driver;
mod trace;

use std::thread;

use user_cors::{PermissionStore, UserCors};

use crate::{
    checks::CHECKS,
    driver::history,
    trace::{Event, QuestionNo, RequestNo, Trace, Word},
};

/// How many histories are checked.
const HISTORIES: u64 = 100_000;

/// How many of them one facade goes through before a fresh one takes its place.
const HISTORIES_PER_FACADE: u64 = 500;

fn fresh() -> UserCors {
    UserCors::new(PermissionStore::in_memory().expect("memory"))
}

/// One event a line.
fn listed(trace: &Trace) -> String {
    trace.iter().map(|event| format!("{event:?}\n")).collect()
}

fn violations(trace: &Trace) -> Vec<(u8, String)> {
    CHECKS
        .iter()
        .filter_map(|(number, check)| Some((*number, check(trace).err()?)))
        .collect()
}

#[test]
fn generated_histories_keep_the_invariants() {
    let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let (mut delivered, mut asked) = (0, 0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mut user_cors = fresh();
                    let (mut delivered, mut asked) = (0, 0);
                    for seed in (worker..HISTORIES).step_by(workers as usize) {
                        if (seed / workers).is_multiple_of(HISTORIES_PER_FACADE) {
                            user_cors = fresh();
                        }
                        let trace = history(&user_cors, seed);
                        let found = violations(&trace);
                        assert!(
                            found.is_empty(),
                            "seed {seed}: {found:?}\n{}",
                            listed(&trace)
                        );
                        for event in &trace {
                            delivered += u64::from(matches!(event, Event::Deliver { .. }));
                            asked += u64::from(matches!(event, Event::Ask { .. }));
                        }
                    }
                    (delivered, asked)
                })
            })
            .collect();
        for worker in workers {
            let (own_delivered, own_asked) = worker.join().expect("a worker that found nothing");
            delivered += own_delivered;
            asked += own_asked;
        }
    });
    println!("{HISTORIES} histories, {asked} requests asked about, {delivered} delivered");
    // Histories in which nothing happens would prove nothing.
    assert!(asked > HISTORIES && delivered > HISTORIES / 10);
}

/// The first generated history that `break_it` can break, broken.
fn broken(break_it: impl Fn(&mut Trace) -> Option<()>) -> Trace {
    let user_cors = fresh();
    (0..5000)
        .find_map(|seed| {
            let mut trace = history(&user_cors, seed);
            break_it(&mut trace)?;
            Some(trace)
        })
        .expect("a history with what is to be broken")
}

fn place(trace: &Trace, is_it: impl Fn(&Event) -> bool) -> Option<usize> {
    trace.iter().position(is_it)
}

/// Takes out the first event of a kind.
fn without(trace: &mut Trace, is_it: impl Fn(&Event) -> bool) -> Option<()> {
    let place = place(trace, is_it)?;
    trace.remove(place);
    Some(())
}

fn is_delivery(event: &Event) -> bool {
    matches!(event, Event::Deliver { .. })
}

fn is_allowing_answer(event: &Event) -> bool {
    matches!(event, Event::Answer { choice, .. } if choice.allows())
}

#[test]
fn each_check_catches_a_break_of_its_rule() {
    let mut caught = Vec::new();
    let mut expect = |number: u8, what: &str, trace: Trace| {
        let found = violations(&trace);
        let is_found = found.iter().any(|(violated, _)| *violated == number);
        assert!(
            is_found,
            "invariant {number}, {what}: {found:?}\n{}",
            listed(&trace)
        );
        caught.push(number);
    };

    let consent = broken(|trace| {
        place(trace, is_delivery)?;
        trace.retain(|event| !is_allowing_answer(event));
        Some(())
    });
    expect(2, "nobody answered", consent);
    let revoked = broken(|trace| {
        let delivery = place(trace, is_delivery)?;
        trace.insert(delivery, Event::RevokeAll);
        Some(())
    });
    expect(2, "a revoked grant is used", revoked);
    let elsewhere = broken(|trace| {
        let delivery = place(trace, is_delivery)?;
        let Event::Deliver { request } = trace[delivery] else {
            return None;
        };
        trace.iter_mut().find_map(|event| match event {
            Event::Start {
                request: other,
                about,
                ..
            } if *other == request => {
                about.target += 1;
                Some(())
            },
            _ => None,
        })?;
        // One question can have listed both targets.
        checks::consent(trace).is_err().then_some(())
    });
    expect(2, "another target is read", elsewhere);

    let twice = broken(|trace| {
        let sent = trace.iter().copied().find(|event| match event {
            Event::Send {
                request,
                preflight: false,
            } => trace.iter().any(|event| {
                matches!(event, Event::Start { request: other, about, .. }
                    if other == request && about.is_unsafe())
            }),
            _ => false,
        })?;
        let place = place(trace, |event| *event == sent)?;
        trace.insert(place, sent);
        Some(())
    });
    expect(3, "a post is sent again", twice);

    let early = broken(|trace| {
        let place = place(trace, |event| {
            matches!(
                event,
                Event::Send {
                    preflight: true,
                    ..
                }
            )
        })?;
        let Event::Send { request, .. } = trace[place] else {
            return None;
        };
        let send = Event::Send {
            request,
            preflight: false,
        };
        trace.insert(place + 1, send);
        Some(())
    });
    expect(4, "sent after a preflight that failed", early);

    let no = |event: &Event| matches!(event, Event::Receive { word: Word::No, .. });
    let refused = |trace: &Trace| match trace[place(trace, no)?] {
        Event::Receive { request, .. } => Some(request),
        _ => None,
    };
    let asked_after_no = broken(|trace| {
        let request = refused(trace)?;
        let ask = Event::Ask {
            request,
            question: QuestionNo(0),
        };
        trace.insert(place(trace, no)? + 1, ask);
        Some(())
    });
    expect(6, "somebody is asked after a no", asked_after_no);
    let delivered_after_no = broken(|trace| {
        let request = refused(trace)?;
        let end = place(trace, |event| *event == Event::Fail { request })?;
        trace[end] = Event::Deliver { request };
        Some(())
    });
    expect(6, "a no is delivered", delivered_after_no);

    let unseen = broken(|trace| {
        place(trace, is_allowing_answer)?;
        trace.retain(|event| !matches!(event, Event::Show { .. }));
        Some(())
    });
    expect(8, "nobody looked", unseen);
    let hasty = broken(|trace| {
        let place = place(trace, is_allowing_answer)?;
        trace.insert(place, Event::Hide);
        Some(())
    });
    expect(8, "the window lost the focus", hasty);
    let unlisted = broken(|trace| {
        let place = place(trace, |event| {
            matches!(event, Event::Allow { by: Some(_), .. })
        })?;
        let Event::Allow { request, .. } = trace[place] else {
            return None;
        };
        trace.retain(
            |event| !matches!(event, Event::List { request: other, .. } if *other == request),
        );
        Some(())
    });
    expect(8, "an answer covers what was not listed", unlisted);

    let endless = broken(|trace| without(trace, |event| matches!(event, Event::Fail { .. })));
    expect(9, "a request is forgotten", endless);
    let again = broken(|trace| {
        let delivery = trace[place(trace, is_delivery)?];
        trace.push(delivery);
        Some(())
    });
    expect(9, "a response is delivered twice", again);
    let outlives = broken(|trace| {
        let ask = place(trace, |event| matches!(event, Event::Ask { .. }))?;
        let Event::Ask { request, .. } = trace[ask] else {
            return None;
        };
        let tab = tab_of(trace, request)?;
        trace.insert(ask + 1, Event::Navigate { tab });
        Some(())
    });
    expect(9, "a request outlives its page", outlives);

    let off = broken(|trace| {
        let delivery = place(trace, is_delivery)?;
        trace.insert(delivery, Event::SwitchOff);
        Some(())
    });
    expect(10, "a response is delivered while the feature is off", off);

    for (number, _) in CHECKS {
        assert!(
            caught.contains(&number),
            "invariant {number} was never broken"
        );
    }
}

fn tab_of(trace: &Trace, request: RequestNo) -> Option<u64> {
    trace.iter().find_map(|event| match event {
        Event::Start {
            request: other,
            about,
            ..
        } if *other == request => Some(about.tab),
        _ => None,
    })
}
