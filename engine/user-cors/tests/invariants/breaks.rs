//! Histories that break a rule, and the checks that have to notice.

use super::*;

/// The first generated history that `break_it` can break, broken.
fn broken(break_it: impl Fn(&mut Trace) -> Option<()>) -> Trace {
    let user_cors = fresh();
    (0..5000)
        .find_map(|seed| {
            let (mut trace, _) = history(&user_cors, seed, World::Changing);
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

    let blemished = broken(|trace| {
        let sent = last_send_of_a_delivery(trace)?;
        if let Event::Send { blemishes, .. } = &mut trace[sent] {
            *blemishes = Blemishes(1 << 3);
        }
        Some(())
    });
    expect(1, "a client certificate was sent", blemished);
    let from_preflight = broken(|trace| {
        let sent = last_send_of_a_delivery(trace)?;
        if let Event::Send { preflight, .. } = &mut trace[sent] {
            *preflight = true;
        }
        Some(())
    });
    expect(1, "a preflight's answer is delivered", from_preflight);

    let rebound = broken(|trace| {
        let sent = last_send_of_a_delivery(trace)?;
        match &mut trace[sent] {
            Event::Send {
                peer,
                by_egress: false,
                ..
            } => *peer = 3,
            _ => return None,
        }
        Some(())
    });
    expect(5, "another address answers", rebound);
    let looked_up = broken(|trace| {
        let sent = last_send_of_a_delivery(trace)?;
        let Event::Send { request, .. } = trace[sent] else {
            return None;
        };
        let is_classified = |event: &Event| matches!(event, Event::Classify { request: other, .. } if *other == request);
        // One that was released as it came is classified later.
        place(trace, is_classified).filter(|place| *place < sent)?;
        let addresses = Addresses(0b1000);
        trace.insert(sent, Event::Resolve { request, addresses });
        Some(())
    });
    expect(
        5,
        "a name is looked up again before the request is sent",
        looked_up,
    );
    let local = broken(|trace| {
        let sent = last_send_of_a_delivery(trace)?;
        let Event::Send {
            request,
            by_egress: false,
            ..
        } = trace[sent]
        else {
            return None;
        };
        trace.iter_mut().find_map(|event| match event {
            Event::Classify {
                request: other,
                addresses,
            } if *other == request && addresses.are_public() => {
                addresses.0 |= 0b0100;
                Some(())
            },
            _ => None,
        })
    });
    expect(5, "one of the addresses is not public", local);

    let around = broken(|trace| {
        let sent = last_send_of_a_delivery(trace)?;
        match &mut trace[sent] {
            Event::Send { by_egress, .. } if *by_egress => *by_egress = false,
            _ => return None,
        }
        Some(())
    });
    expect(5, "an answer came around the egress", around);

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
    let blocked = broken(|trace| {
        let delivery = place(trace, is_delivery)?;
        let Event::Deliver { request } = trace[delivery] else {
            return None;
        };
        let target = about(trace, request)?.target;
        trace.insert(delivery, Event::Block { target });
        Some(())
    });
    expect(2, "a blocked target is read", blocked);
    let moved = broken(|trace| {
        let delivery = place(trace, is_delivery)?;
        trace.insert(delivery, Event::Move { network: 7 });
        Some(())
    });
    expect(2, "a grant of another network is used", moved);
    let for_the_egress = broken(|trace| {
        let delivery = place(trace, is_delivery)?;
        let answer = place(trace, is_allowing_answer)?;
        let Event::Deliver { request } = trace[delivery] else {
            return None;
        };
        let around = trace[..delivery].iter().any(|event| {
            matches!(event, Event::Send { request: other, by_egress: false, .. } if *other == request)
        });
        if !around || answer > delivery {
            return None;
        }
        trace.insert(answer, Event::Egress { on: true });
        trace.insert(answer + 2, Event::Egress { on: false });
        checks::consent(trace).is_err().then_some(())
    });
    expect(
        2,
        "what was allowed through the egress is read without it",
        for_the_egress,
    );
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
                ..
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
        let Event::Send { request, peer, .. } = trace[place] else {
            return None;
        };
        let send = Event::Send {
            request,
            preflight: false,
            peer,
            blemishes: Blemishes(0),
            by_egress: false,
        };
        trace.insert(place + 1, send);
        Some(())
    });
    expect(4, "sent after a preflight that failed", early);
    let revoked = broken(|trace| {
        let needing: Vec<RequestNo> = trace
            .iter()
            .filter_map(|event| match event {
                Event::Start {
                    request,
                    needs_preflight: true,
                    ..
                } => Some(*request),
                _ => None,
            })
            .collect();
        let sent = place(
            trace,
            |event| matches!(event, Event::Send { request, preflight: false, .. } if needing.contains(request)),
        )?;
        trace.insert(sent, Event::RevokeAll);
        Some(())
    });
    expect(4, "sent under a grant that was revoked", revoked);

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

    let crowded = broken(|trace| {
        let place = place(trace, |event| matches!(event, Event::Ask { .. }))?;
        let Event::Ask { request, .. } = trace[place] else {
            return None;
        };
        let about = about(trace, request)?;
        for number in 0..3 {
            let request = RequestNo(1000 + number);
            let question = QuestionNo(1000 + number);
            trace.insert(place + 1, Event::Ask { request, question });
            trace.insert(
                0,
                Event::Start {
                    request,
                    about,
                    needs_preflight: false,
                },
            );
        }
        Some(())
    });
    expect(8, "a page asks four questions at once", crowded);
    let long = broken(|trace| {
        let place = place(trace, |event| matches!(event, Event::List { .. }))?;
        let Event::List {
            question, revision, ..
        } = trace[place]
        else {
            return None;
        };
        for number in 0..64 {
            let list = Event::List {
                request: RequestNo(1000 + number),
                question,
                revision,
            };
            trace.insert(place, list);
        }
        Some(())
    });
    expect(8, "a question lists 65 requests", long);

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
        let tab = about(trace, request)?.tab;
        trace.insert(ask + 1, Event::Navigate { tab });
        Some(())
    });
    expect(9, "a request outlives its page", outlives);

    let twice = broken(|trace| {
        let answer = trace[place(trace, |event| matches!(event, Event::Answer { .. }))?];
        trace.push(answer);
        Some(())
    });
    expect(9, "a question is answered twice", twice);
    let cancelled = broken(|trace| {
        let delivery = place(trace, is_delivery)?;
        let Event::Deliver { request } = trace[delivery] else {
            return None;
        };
        trace.insert(delivery, Event::Cancel { request });
        Some(())
    });
    expect(9, "a cancelled request is delivered", cancelled);

    let hopeless = broken(|trace| {
        let ask = place(trace, |event| matches!(event, Event::Ask { .. }))?;
        let Event::Ask { request, .. } = trace[ask] else {
            return None;
        };
        trace.insert(ask, Event::Hopeless { request });
        Some(())
    });
    expect(10, "a request of another kind is asked about", hopeless);
    let eager = broken(|trace| {
        let sent = trace[place(trace, |event| matches!(event, Event::Send { .. }))?];
        let place = place(trace, |event| *event == sent)?;
        trace.insert(place, sent);
        Some(())
    });
    expect(10, "a request is sent twice before anybody agreed", eager);
    let off = broken(|trace| {
        let delivery = place(trace, is_delivery)?;
        trace.insert(delivery, Event::SwitchOff);
        Some(())
    });
    expect(10, "a response is delivered while the feature is off", off);

    // 7 is about two histories.
    let (one, _) = history(&fresh(), 1, World::Stable);
    let (same, _) = history(&fresh(), 1, World::Stable);
    assert_eq!(non_interference(&one, &same), Ok(()));
    for is_told in [Event::is_visible, is_delivery, |event: &Event| {
        matches!(event, Event::Ask { .. })
    }] {
        let (mut other, seed) = (0..5000)
            .map(|seed| (history(&fresh(), seed, World::Stable).0, seed))
            .find(|(trace, _)| trace.iter().any(is_told))
            .expect("a history with such an event");
        let (one, _) = history(&fresh(), seed, World::Stable);
        let place = place(&other, is_told).expect("such an event");
        other.remove(place);
        assert!(non_interference(&one, &other).is_err(), "seed {seed}");
    }

    for (number, _) in CHECKS {
        assert!(
            caught.contains(&number),
            "invariant {number} was never broken"
        );
    }
}

fn about(trace: &Trace, request: RequestNo) -> Option<About> {
    trace.iter().find_map(|event| match event {
        Event::Start {
            request: other,
            about,
            ..
        } if *other == request => Some(*about),
        _ => None,
    })
}

/// The sending of the exchange from which the first delivery came.
fn last_send_of_a_delivery(trace: &Trace) -> Option<usize> {
    let delivery = place(trace, is_delivery)?;
    let Event::Deliver { request } = trace[delivery] else {
        return None;
    };
    trace[..delivery]
        .iter()
        .rposition(|event| matches!(event, Event::Send { request: other, .. } if *other == request))
}
