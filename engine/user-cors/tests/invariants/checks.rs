//! The invariants of user-enabled CORS, each a function of a trace; non-interference (7) is one of two traces.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use user_cors::{Choice, Timestamp};

use crate::trace::{About, Addresses, Blemishes, Event, QuestionNo, RequestNo, Trace, Word};

pub type Check = fn(&Trace) -> Result<(), String>;

/// All checks, by the number of their invariant.
pub const CHECKS: [(u8, Check); 9] = [
    (1, provenance),
    (2, consent),
    (3, unsafe_once),
    (4, no_unsanctioned_send),
    (5, addresses),
    (6, the_no_wins),
    (8, interface_integrity),
    (9, termination),
    (10, inert),
];

/// What an answer gave for one of the requests that it listed.
#[derive(Clone, Copy)]
struct Granted {
    about: About,
    /// The network on which the machine was.
    network: usize,
    /// Whether requests were to leave through the egress.
    for_egress: bool,
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

/// Invariant 1: What is delivered came by an exchange in which nobody's authority but the page's could be.
pub fn provenance(trace: &Trace) -> Result<(), String> {
    let mut last: BTreeMap<RequestNo, (bool, Blemishes)> = BTreeMap::new();
    for event in trace {
        match event {
            Event::Send {
                request,
                preflight,
                blemishes,
                ..
            } => {
                last.insert(*request, (*preflight, *blemishes));
            },
            Event::Deliver { request } => match last.get(request) {
                Some((false, Blemishes(0))) => {},
                other => return Err(format!("{request:?} was delivered from {other:?}")),
            },
            _ => {},
        }
    }
    Ok(())
}

/// Invariant 5: What is delivered came from one of the addresses that were classified; they are public unless the person was asked
/// about the local network; and nothing was looked up between classification and sending. Where there is an egress, what is
/// delivered went through it, and nothing that is sent for this feature goes around it or is looked up.
pub fn addresses(trace: &Trace) -> Result<(), String> {
    let starts = starts(trace);
    let mut classified: BTreeMap<RequestNo, Addresses> = BTreeMap::new();
    let mut sent: BTreeMap<RequestNo, (usize, Option<Addresses>)> = BTreeMap::new();
    let mut through_egress: BTreeMap<RequestNo, bool> = BTreeMap::new();
    let mut egress = false;
    for event in trace {
        match event {
            Event::Egress { on } => egress = *on,
            Event::Resolve { request, .. } if egress && sent.contains_key(request) => {
                return Err(format!("{request:?} was looked up in spite of the egress"));
            },
            Event::Resolve { request, .. } => {
                classified.remove(request);
            },
            Event::Classify { request, addresses } => {
                classified.insert(*request, *addresses);
            },
            Event::Send {
                request,
                peer,
                by_egress,
                ..
            } => {
                let is_first = sent
                    .insert(*request, (*peer, classified.get(request).copied()))
                    .is_none();
                through_egress.insert(*request, *by_egress);
                if *by_egress != egress && !is_first {
                    return Err(format!("{request:?} took the wrong way out"));
                }
            },
            Event::Deliver { request } if through_egress[request] => {
                let is_public = !starts[request].0.local;
                is_public
                    .then_some(())
                    .ok_or_else(|| format!("{request:?} left the local network"))?;
            },
            Event::Deliver { request } if egress => {
                return Err(format!("{request:?} came around the egress"));
            },
            Event::Deliver { request } => {
                // What is released as it came was classified after it was sent.
                let (peer, before) = sent[request];
                let set = before.or(classified.get(request).copied());
                let about = starts[request].0;
                let fits = set.is_some_and(|set| {
                    set.contains(peer) && (set.are_public() || about.local && !about.is_unsafe())
                });
                if !fits {
                    return Err(format!("{request:?} came from {peer}, of {set:?}"));
                }
            },
            _ => {},
        }
    }
    Ok(())
}

/// Invariant 7: Two histories that differ only in what a page has no right to know look the same from outside.
pub fn non_interference(one: &Trace, other: &Trace) -> Result<(), String> {
    let mut one = one.iter().filter(|event| event.is_visible());
    let mut other = other.iter().filter(|event| event.is_visible());
    loop {
        match (one.next(), other.next()) {
            (None, None) => return Ok(()),
            (one, other) if one == other => {},
            (one, other) => return Err(format!("{one:?} where the other has {other:?}")),
        }
    }
}

/// What answers have given until some moment of a history, and what has been taken back.
#[derive(Default)]
struct Consents {
    starts: BTreeMap<RequestNo, (About, bool)>,
    listed: BTreeMap<(QuestionNo, u64), Vec<RequestNo>>,
    granted: Vec<Granted>,
    denied: Vec<usize>,
    blocked: Vec<usize>,
    network: usize,
    egress: bool,
    by_egress: BTreeMap<RequestNo, bool>,
}

impl Consents {
    fn of(trace: &Trace) -> Self {
        Self {
            starts: starts(trace),
            ..Self::default()
        }
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Egress { on } => self.egress = *on,
            Event::Send {
                request, by_egress, ..
            } => drop(self.by_egress.insert(*request, *by_egress)),
            Event::List {
                request,
                question,
                revision,
            } => self
                .listed
                .entry((*question, *revision))
                .or_default()
                .push(*request),
            Event::Answer {
                question,
                revision,
                choice,
                ..
            } => self.note_answer((*question, *revision), *choice),
            Event::RevokeAll => self.granted.clear(),
            Event::Block { target } => self.blocked.push(*target),
            Event::Unblock { target } => self.blocked.retain(|other| other != target),
            Event::Move { network } => self.network = *network,
            Event::Navigate { tab } => self.granted.retain(|grant| grant.about.tab != *tab),
            _ => {},
        }
    }

    fn note_answer(&mut self, content: (QuestionNo, u64), choice: Choice) {
        for request in self.listed.get(&content).into_iter().flatten() {
            let about = self.starts[request].0;
            let given = |request| Granted {
                about,
                network: self.network,
                for_egress: self.egress,
                request,
            };
            match choice {
                Choice::AllowOnce => self.granted.push(given(Some(*request))),
                Choice::AllowForVisit | Choice::AlwaysAllow => self.granted.push(given(None)),
                Choice::Never => self.denied.extend(about.targets()),
                Choice::NotNow => {},
            }
        }
    }

    /// Whether a request, which was sent, has a grant that is live for each of its targets, and nothing forbids it.
    fn covers(&self, request: RequestNo) -> bool {
        let about = self.starts[&request].0;
        about.targets().all(|target| {
            let forbidden = self.denied.contains(&target) || self.blocked.contains(&target);
            let is_granted = self.granted.iter().any(|grant| {
                grant.about.tab == about.tab
                    && grant.network == self.network
                    && (!grant.for_egress || self.by_egress[&request])
                    && grant.about.covers(about, target)
                    && grant.request.is_none_or(|only| only == request)
            });
            !forbidden && is_granted
        })
    }
}

/// Invariant 2: What is delivered was allowed, by an answer that listed it or one like it, and nothing has taken that back.
pub fn consent(trace: &Trace) -> Result<(), String> {
    let mut consents = Consents::of(trace);
    for event in trace {
        consents.note(event);
        if let Event::Deliver { request } = event
            && !consents.covers(*request)
        {
            return Err(format!("{request:?} was delivered without a grant"));
        }
    }
    Ok(())
}

/// Invariant 3: A request that does more than read is sent once.
pub fn unsafe_once(trace: &Trace) -> Result<(), String> {
    let starts = starts(trace);
    let mut sent: BTreeSet<RequestNo> = BTreeSet::new();
    for event in trace {
        if let Event::Send {
            request,
            preflight: false,
            ..
        } = event
            && starts[request].0.is_unsafe()
            && !sent.insert(*request)
        {
            return Err(format!("{request:?} was sent twice"));
        }
    }
    Ok(())
}

/// Invariant 4: What needs a preflight, whose preflight failed, is sent only under a grant that is live at that moment.
pub fn no_unsanctioned_send(trace: &Trace) -> Result<(), String> {
    let mut consents = Consents::of(trace);
    for event in trace {
        consents.note(event);
        if let Event::Send {
            request,
            preflight: false,
            ..
        } = event
            && consents.starts[request].1
            && !consents.covers(*request)
        {
            return Err(format!("{request:?} was sent without a grant"));
        }
    }
    Ok(())
}

/// Invariant 6: After a no there is no question, no further send and no delivery, and the request fails.
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

/// Invariant 8: An answer that allows follows 700 ms of the same content in the focused window, and covers only what that content
/// listed; and a page asks at most three questions at once, of at most 64 requests each.
pub fn interface_integrity(trace: &Trace) -> Result<(), String> {
    questions_within_budget(trace)?;
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

fn questions_within_budget(trace: &Trace) -> Result<(), String> {
    let starts = starts(trace);
    let mut lists: BTreeMap<(QuestionNo, u64), BTreeSet<RequestNo>> = BTreeMap::new();
    let mut waiting: BTreeMap<RequestNo, (u64, QuestionNo)> = BTreeMap::new();
    for event in trace {
        match event {
            Event::List {
                request,
                question,
                revision,
            } => {
                let list = lists.entry((*question, *revision)).or_default();
                list.insert(*request);
                if list.len() > 64 {
                    return Err(format!("{question:?} lists {} requests", list.len()));
                }
            },
            Event::Ask { request, question } => {
                let tab = starts[request].0.tab;
                waiting.insert(*request, (tab, *question));
                let of_tab = waiting.values().filter(|(other, _)| *other == tab);
                let questions: BTreeSet<QuestionNo> =
                    of_tab.map(|(_, question)| *question).collect();
                if questions.len() > 3 {
                    return Err(format!("{} questions at once", questions.len()));
                }
            },
            Event::Allow { request, .. } | Event::Fail { request } => {
                waiting.remove(request);
            },
            // What it did not list waits in another question from here on.
            Event::Answer { question, .. } => {
                waiting.retain(|_, (_, other)| other != question);
            },
            _ => {},
        }
    }
    Ok(())
}

/// Invariant 9: Each request has one end and nothing after it, and none is open when its page or the browser is gone.
pub fn termination(trace: &Trace) -> Result<(), String> {
    let mut open: BTreeMap<RequestNo, About> = BTreeMap::new();
    let mut begun: Vec<RequestNo> = Vec::new();
    let mut answered: Vec<QuestionNo> = Vec::new();
    let mut cancelled: Vec<RequestNo> = Vec::new();
    for (place, event) in trace.iter().enumerate() {
        match event {
            Event::Answer { question, .. } if answered.contains(question) => {
                return Err(format!("{question:?} was answered twice"));
            },
            Event::Answer { question, .. } => answered.push(*question),
            Event::Deliver { request } if cancelled.contains(request) => {
                return Err(format!("{request:?} was delivered after it was cancelled"));
            },
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
            Event::Cancel { request } if open.contains_key(request) => cancelled.push(*request),
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

/// Invariant 10: While the feature is off, and for what it is not for, nobody is asked, nothing is allowed, and nothing is delivered
/// that CORS would not; and nothing is sent but what would be sent without it, until the request is allowed.
pub fn inert(trace: &Trace) -> Result<(), String> {
    let mut off = false;
    let mut hopeless: BTreeSet<RequestNo> = BTreeSet::new();
    let mut sent: BTreeSet<RequestNo> = BTreeSet::new();
    let mut allowed: BTreeSet<RequestNo> = BTreeSet::new();
    for event in trace {
        if let Event::Allow { request, .. } = event {
            allowed.insert(*request);
        }
        match event {
            Event::Hopeless { request } => {
                hopeless.insert(*request);
            },
            Event::Ask { request, .. }
            | Event::Allow { request, .. }
            | Event::Deliver { request }
                if hopeless.contains(request) =>
            {
                return Err(format!(
                    "{request:?} was helped, which is of no kind to be helped"
                ));
            },
            Event::Send { request, .. } if sent.contains(request) && !allowed.contains(request) => {
                return Err(format!(
                    "{request:?} was sent once more and nobody had agreed"
                ));
            },
            Event::Send { request, .. } => {
                sent.insert(*request);
            },
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
