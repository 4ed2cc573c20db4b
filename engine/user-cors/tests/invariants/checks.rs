//! The invariants that the permission model alone can decide, each a function of a trace.
//!
//! The others need what the fetch stack records: provenance (1), addresses (5) and two runs side by side (7).

use std::{collections::BTreeMap, time::Duration};

use user_cors::{Choice, Timestamp};

use crate::trace::{About, Event, QuestionNo, RequestNo, Trace, Word};

pub type Check = fn(&Trace) -> Result<(), String>;

/// All checks, by the number of their invariant.
pub const CHECKS: [(u8, Check); 7] = [
    (2, consent),
    (3, unsafe_once),
    (4, no_unsanctioned_send),
    (6, the_no_wins),
    (8, interface_integrity),
    (9, termination),
    (10, inert),
];

/// What an answer gave for one of the requests that it listed.
#[derive(Clone, Copy)]
struct Granted {
    about: About,
    /// `None` for a grant that covers every request of its tab.
    request: Option<RequestNo>,
}

fn starts(trace: &Trace) -> BTreeMap<RequestNo, (About, bool)> {
    trace
        .iter()
        .filter_map(|event| match event {
            Event::Start {
                request,
                about,
                needs_preflight,
            } => Some((*request, (*about, *needs_preflight))),
            _ => None,
        })
        .collect()
}

/// 2. What is delivered was allowed, by an answer that listed it or one like it, and nothing has taken that back.
pub fn consent(trace: &Trace) -> Result<(), String> {
    let starts = starts(trace);
    let mut listed: BTreeMap<(QuestionNo, u64), Vec<RequestNo>> = BTreeMap::new();
    let mut granted: Vec<Granted> = Vec::new();
    let mut denied: Vec<usize> = Vec::new();
    for event in trace {
        match event {
            Event::List {
                request,
                question,
                revision,
            } => listed
                .entry((*question, *revision))
                .or_default()
                .push(*request),
            Event::Answer {
                question,
                revision,
                choice,
                ..
            } => {
                for request in listed.get(&(*question, *revision)).into_iter().flatten() {
                    let about = starts[request].0;
                    match choice {
                        Choice::AllowOnce => granted.push(Granted {
                            about,
                            request: Some(*request),
                        }),
                        Choice::AllowForVisit | Choice::AlwaysAllow => granted.push(Granted {
                            about,
                            request: None,
                        }),
                        Choice::Never => {
                            denied.push(about.target);
                            granted.retain(|grant| grant.about.target != about.target);
                        },
                        Choice::NotNow => {},
                    }
                }
            },
            Event::RevokeAll => granted.clear(),
            Event::Navigate { tab } => granted.retain(|grant| grant.about.tab != *tab),
            Event::Deliver { request } => {
                let about = starts[request].0;
                let live = granted.iter().any(|grant| {
                    grant.about.tab == about.tab
                        && grant.about.covers(about)
                        && grant.request.is_none_or(|only| only == *request)
                });
                if !live || denied.contains(&about.target) {
                    return Err(format!("{request:?} was delivered without a grant"));
                }
            },
            _ => {},
        }
    }
    Ok(())
}

/// 3. A request that does more than read is sent once.
pub fn unsafe_once(trace: &Trace) -> Result<(), String> {
    for (request, (about, _)) in starts(trace) {
        let sends = trace
            .iter()
            .filter(|event| {
                **event
                    == Event::Send {
                        request,
                        preflight: false,
                    }
            })
            .count();
        if about.is_unsafe() && sends > 1 {
            return Err(format!("{request:?} was sent {sends} times"));
        }
    }
    Ok(())
}

/// 4. What needs a preflight, whose preflight failed, is sent only once it is allowed.
pub fn no_unsanctioned_send(trace: &Trace) -> Result<(), String> {
    let starts = starts(trace);
    let mut allowed: Vec<RequestNo> = Vec::new();
    for event in trace {
        match event {
            Event::Allow { request, .. } => allowed.push(*request),
            Event::Send {
                request,
                preflight: false,
            } if starts[request].1 && !allowed.contains(request) => {
                return Err(format!("{request:?} was sent before it was allowed"));
            },
            _ => {},
        }
    }
    Ok(())
}

/// 6. After a no there is no question, no further send and no delivery, and the request fails.
pub fn the_no_wins(trace: &Trace) -> Result<(), String> {
    for (place, event) in trace.iter().enumerate() {
        let Event::Receive {
            request,
            word: Word::No,
        } = event
        else {
            continue;
        };
        let later = &trace[place + 1..];
        let goes_on = later.iter().any(|event| match event {
            Event::Ask { request: other, .. }
            | Event::Send { request: other, .. }
            | Event::Deliver { request: other } => other == request,
            _ => false,
        });
        if goes_on || !later.contains(&Event::Fail { request: *request }) {
            return Err(format!("{request:?} went on after a no"));
        }
    }
    Ok(())
}

/// 8. An answer that allows follows 700 ms of the same content in the focused window, and covers only what that content listed.
pub fn interface_integrity(trace: &Trace) -> Result<(), String> {
    let mut shown: Option<(QuestionNo, u64, Timestamp)> = None;
    let mut listed: Vec<(QuestionNo, u64, RequestNo)> = Vec::new();
    let mut answered: BTreeMap<QuestionNo, u64> = BTreeMap::new();
    for event in trace {
        match event {
            Event::List {
                request,
                question,
                revision,
            } => listed.push((*question, *revision, *request)),
            Event::Show {
                question,
                revision,
                at,
            } => {
                let goes_on = shown
                    .is_some_and(|(other, content, _)| (other, content) == (*question, *revision));
                if !goes_on {
                    shown = Some((*question, *revision, *at));
                }
            },
            Event::Hide => shown = None,
            Event::Answer {
                question,
                revision,
                choice,
                at,
            } if choice.allows() => {
                let armed = shown.is_some_and(|(other, content, since)| {
                    (other, content) == (*question, *revision)
                        && at.since(since) >= Duration::from_millis(700)
                });
                if !armed {
                    return Err(format!("{question:?} was answered before it was looked at"));
                }
                shown = None;
                answered.insert(*question, *revision);
            },
            Event::Allow {
                request,
                by: Some(question),
            } => {
                let was_listed = answered
                    .get(question)
                    .is_some_and(|revision| listed.contains(&(*question, *revision, *request)));
                if !was_listed {
                    return Err(format!(
                        "{question:?} allowed {request:?}, which it did not list"
                    ));
                }
            },
            _ => {},
        }
    }
    Ok(())
}

/// 9. Each request has one end and nothing after it, and none is open when its page or the browser is gone.
pub fn termination(trace: &Trace) -> Result<(), String> {
    let mut open: BTreeMap<RequestNo, About> = BTreeMap::new();
    let mut begun: Vec<RequestNo> = Vec::new();
    for (place, event) in trace.iter().enumerate() {
        match event {
            Event::Start { request, about, .. } => {
                if begun.contains(request) {
                    return Err(format!("{request:?} began twice"));
                }
                begun.push(*request);
                open.insert(*request, *about);
            },
            Event::Deliver { request } | Event::Fail { request } => {
                open.remove(request)
                    .ok_or_else(|| format!("{request:?} ended twice"))?;
            },
            Event::Send { request, .. }
            | Event::Receive { request, .. }
            | Event::Ask { request, .. }
            | Event::Cancel { request }
            | Event::Allow { request, .. }
                if !open.contains_key(request) =>
            {
                return Err(format!("something happened to {request:?} after its end"));
            },
            // What a navigation ends follows it directly.
            Event::Navigate { tab } => {
                let ended: Vec<RequestNo> = trace[place + 1..]
                    .iter()
                    .map_while(|event| match event {
                        Event::Fail { request } => Some(*request),
                        _ => None,
                    })
                    .collect();
                let left = open
                    .iter()
                    .find(|(request, about)| about.tab == *tab && !ended.contains(request));
                if let Some((request, _)) = left {
                    return Err(format!("{request:?} outlived its page"));
                }
            },
            _ => {},
        }
    }
    match open.keys().next() {
        Some(request) => Err(format!("{request:?} has no end")),
        None => Ok(()),
    }
}

/// 10. While the feature is off nobody is asked, nothing is allowed, and nothing is delivered that CORS would not.
pub fn inert(trace: &Trace) -> Result<(), String> {
    let mut off = false;
    for event in trace {
        match event {
            Event::SwitchOff => off = true,
            Event::SwitchOn => off = false,
            Event::Ask { request, .. }
            | Event::Allow { request, .. }
            | Event::Deliver { request }
                if off =>
            {
                return Err(format!("{request:?} was helped while the feature was off"));
            },
            _ => {},
        }
    }
    Ok(())
}
