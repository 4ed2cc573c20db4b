//! Generated histories.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// One step of a generated history.
#[derive(Clone, Debug)]
enum Step {
    Ask {
        tab: u64,
        host: u8,
        method: u8,
        network: bool,
    },
    Cancel(usize),
    Show {
        tab: u64,
        focused: bool,
    },
    Open(u64),
    Confirm(u64),
    Answer {
        tab: u64,
        choice: u8,
        stale: bool,
    },
    Rule {
        tab: u64,
        choice: u8,
    },
    Interact(u64),
    Navigate(u64),
    Close(u64),
    Reconsider(u8),
    Wait(u32),
    Expire,
    Quit,
}

fn step() -> impl Strategy<Value = Step> {
    let tab = 1u64..3;
    prop_oneof![
        8 => (tab.clone(), 0u8..6, 0u8..3, any::<bool>())
            .prop_map(|(tab, host, method, network)| Step::Ask { tab, host, method, network }),
        2 => (0usize..40).prop_map(Step::Cancel),
        6 => (tab.clone(), prop::bool::weighted(0.9)).prop_map(|(tab, focused)| Step::Show { tab, focused }),
        1 => tab.clone().prop_map(Step::Open),
        2 => tab.clone().prop_map(Step::Confirm),
        5 => (tab.clone(), 0u8..5, prop::bool::weighted(0.1))
            .prop_map(|(tab, choice, stale)| Step::Answer { tab, choice, stale }),
        1 => (tab.clone(), 0u8..5).prop_map(|(tab, choice)| Step::Rule { tab, choice }),
        4 => tab.clone().prop_map(Step::Interact),
        1 => tab.clone().prop_map(Step::Navigate),
        1 => tab.prop_map(Step::Close),
        1 => (0u8..6).prop_map(Step::Reconsider),
        5 => (0u32..2000).prop_map(Step::Wait),
        1 => Just(Step::Wait(60_000)),
        1 => Just(Step::Expire),
        1 => Just(Step::Quit),
    ]
}

const CHOICES: [Choice; 5] = [
    Choice::AllowOnce,
    Choice::AllowForVisit,
    Choice::AlwaysAllow,
    Choice::NotNow,
    Choice::Never,
];

/// What the model of a history knows: independent of how [`Questions`] keeps it.
#[derive(Default)]
struct Trace {
    asked: BTreeMap<TicketId, TicketRequest>,
    ended: BTreeSet<TicketId>,
    /// What has been in view, unchanged and focused, since when.
    in_view: Option<(QuestionView, Timestamp)>,
}

impl Trace {
    fn end(&mut self, settled: Vec<Settled>) -> Result<(), TestCaseError> {
        for Settled { ticket, request } in settled {
            prop_assert_eq!(self.asked.get(&ticket), Some(&request));
            prop_assert!(self.ended.insert(ticket), "{:?} ended twice", ticket);
        }
        Ok(())
    }

    fn open(&self) -> usize {
        self.asked.len() - self.ended.len()
    }
}

fn generated_request(tab: u64, host: u8, method: u8, network: bool) -> TicketRequest {
    let target = format!("https://h{}.d{}.example", host % 2, host / 2);
    let method = [Method::GET, Method::POST, Method::PUT][usize::from(method)].clone();
    let is_read = method == Method::GET;
    let request = TicketRequest {
        tab: TabId(tab),
        document: DocumentId(tab),
        ..with_method(&target, method)
    };
    if network && is_read {
        in_local_network(request)
    } else {
        request
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Invariants 8 and 9: an allowing answer was armed and covers what was shown; each ticket ends exactly once, and none
    /// is left after navigation, close or quit.
    #[test]
    fn every_history_settles_every_ticket_once(steps in prop::collection::vec(step(), 1..120)) {
        let mut questions = Questions::new(StoreKind::Lasting);
        let mut trace = Trace::default();
        let mut now = NOW;
        for step in steps {
            match step {
                Step::Ask { tab, host, method, network } => {
                    let request = generated_request(tab, host, method, network);
                    if let AskOutcome::Waiting { ticket, .. } = questions.ask(request.clone(), now) {
                        trace.asked.insert(ticket, request);
                    }
                },
                Step::Cancel(index) => {
                    let ticket = trace.asked.keys().nth(index).copied();
                    let settled = ticket.and_then(|ticket| questions.cancel(ticket));
                    trace.end(settled.into_iter().collect())?;
                },
                Step::Show { tab, focused } => match questions.view(TabId(tab)) {
                    Some(shown) => {
                        questions.visible(shown.id, shown.revision, now, focused);
                        let goes_on = trace.in_view.as_ref().is_some_and(|(before, _)| {
                            (before.id, before.revision) == (shown.id, shown.revision)
                        });
                        if !focused || shown.presence == Presence::Chip {
                            trace.in_view = None;
                        } else if !goes_on {
                            trace.in_view = Some((shown, now));
                        }
                    },
                    None => {
                        questions.hidden();
                        trace.in_view = None;
                    },
                },
                Step::Open(tab) => {
                    if let Some(shown) = questions.view(TabId(tab)) {
                        questions.open(shown.id);
                    }
                },
                Step::Confirm(tab) => {
                    if let Some(shown) = questions.view(TabId(tab)) {
                        let _ = questions.confirm(shown.id, shown.revision, now);
                    }
                },
                Step::Answer { tab, choice, stale } => {
                    if let Some(shown) = questions.view(TabId(tab)) {
                        let revision = shown.revision - u64::from(stale);
                        let choice = CHOICES[usize::from(choice)];
                        if let Ok(answered) = questions.answer(shown.id, revision, choice, now) {
                            prop_assert!(!stale);
                            let (seen, since) = trace.in_view.take().expect("an answer without anything in view");
                            // What was seen is what is answered, down to the last detail but the queue behind it.
                            prop_assert_eq!(
                                QuestionView { queue_length: shown.queue_length, ..seen },
                                shown.clone()
                            );
                            prop_assert!(now.since(since) >= arming::ARMING_TIME);
                            prop_assert!(shown.choices.contains(&choice) && now < shown.deadline);
                            let seen: BTreeSet<_> = shown.requests.iter().map(|request| request.ticket).collect();
                            if choice == Choice::AllowOnce {
                                prop_assert!(tickets(&answered.settled).iter().all(|ticket| seen.contains(ticket)));
                            }
                            let covered = answered.settled.iter().flat_map(|settled| settled.request.needs());
                            for need in covered {
                                prop_assert!(answered.coverage.iter().any(|coverage| coverage.covers(&need)));
                            }
                            trace.end(answered.settled)?;
                        }
                    }
                },
                Step::Rule { tab, choice } => {
                    if let Some(shown) = questions.view(TabId(tab)) {
                        let choice = CHOICES[usize::from(choice)];
                        let answered = questions.answer_by_rule(shown.id, choice).expect("the question is open");
                        prop_assert!(answered.choice.generosity() <= choice.generosity().max(1));
                        trace.end(answered.settled)?;
                    }
                },
                Step::Interact(tab) => {
                    questions.user_interacted(TabId(tab));
                }
                Step::Navigate(tab) | Step::Close(tab) => {
                    let settled = match step {
                        Step::Close(_) => questions.tab_closed(TabId(tab)),
                        _ => questions.navigated(TabId(tab)),
                    };
                    trace.end(settled)?;
                    let left = |(ticket, request): (&TicketId, &TicketRequest)| {
                        request.tab == TabId(tab) && !trace.ended.contains(ticket)
                    };
                    prop_assert!(!trace.asked.iter().any(left));
                },
                Step::Reconsider(host) => {
                    let decided = generated_request(1, host, 0, false).targets;
                    trace.end(questions.reconsider(|request| request.targets == decided))?;
                },
                Step::Wait(millis) => now = now.after(std::time::Duration::from_millis(millis.into())),
                Step::Expire => {
                    trace.end(questions.expire(now))?;
                    prop_assert!(questions.next_deadline().is_none_or(|deadline| now < deadline));
                },
                Step::Quit => {
                    trace.end(questions.quit())?;
                    prop_assert_eq!(trace.open(), 0);
                },
            }
            for tab in [TabId(1), TabId(2)] {
                if let Some(shown) = questions.view(tab) {
                    prop_assert!(shown.queue_length <= 3 && shown.targets.len() <= 16 && shown.requests.len() <= 64);
                }
            }
        }
        trace.end(questions.expire(now.after(std::time::Duration::from_secs(120))))?;
        prop_assert_eq!(trace.open(), 0, "a ticket is left without an end");
    }
}
