//! Histories of questions: single ones told step by step, and generated ones.

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderName;
use proptest::prelude::*;

use super::*;
use crate::{clock::Timestamp, store::StoreKind};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const TAB: TabId = TabId(1);

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() + millis)
}

fn origin(text: &str) -> TupleOrigin {
    TupleOrigin::parse(text).unwrap()
}

fn request(target: &str) -> TicketRequest {
    let requester = origin("https://app.example");
    TicketRequest {
        tab: TAB,
        document: DocumentId(1),
        top_level_site: requester.site(),
        requester,
        targets: vec![TicketTarget {
            origin: origin(target),
            address: Some("8.8.8.8".parse().unwrap()),
            space: Some(AddressSpace::Public),
        }],
        network: TargetNetwork::Public,
        requester_space: AddressSpace::Public,
        url: Url::parse(&format!("{target}/path?q=1")).unwrap(),
        method: Method::GET,
        method_class: MethodClass::Get,
        initiator: Initiator::Fetch,
        page_headers: HeaderNames::new(),
        unsafe_headers: HeaderNames::new(),
        body: BodySize::None,
        held: None,
        egress: Egress::Direct,
        server_said: SilenceReason::Missing,
    }
}

fn with_method(target: &str, method: Method) -> TicketRequest {
    let method_class = MethodClass::from_method(&method).unwrap();
    TicketRequest {
        method,
        method_class,
        body: BodySize::Known(3),
        ..request(target)
    }
}

fn local(target: &str) -> TicketRequest {
    in_local_network(request(target))
}

fn in_local_network(mut request: TicketRequest) -> TicketRequest {
    request.network = TargetNetwork::LocalNetwork;
    for target in &mut request.targets {
        target.space = Some(AddressSpace::Local);
    }
    request
}

fn questions() -> Questions {
    let mut questions = Questions::new(StoreKind::Lasting);
    questions.user_interacted(TAB);
    questions
}

fn ask(
    questions: &mut Questions,
    request: TicketRequest,
    now: Timestamp,
) -> (TicketId, QuestionId) {
    match questions.ask(request, now) {
        AskOutcome::Waiting { ticket, question } => (ticket, question),
        other => panic!("not waiting: {other:?}"),
    }
}

fn view(questions: &Questions) -> QuestionView {
    questions.view(TAB).expect("a question is open")
}

/// Looks at the first question for as long as it takes, and answers it.
fn answer(questions: &mut Questions, choice: Choice, now: Timestamp) -> Answered {
    let shown = view(questions);
    questions.visible(shown.id, shown.revision, now, true);
    questions
        .answer(
            shown.id,
            shown.revision,
            choice,
            now.after(arming::ARMING_TIME),
        )
        .unwrap()
}

fn tickets(settled: &[Settled]) -> Vec<TicketId> {
    settled.iter().map(|settled| settled.ticket).collect()
}

#[test]
fn requests_for_one_registrable_domain_join() {
    let mut questions = questions();
    let (first, question) = ask(&mut questions, request("https://a.b.example"), NOW);
    let (second, joined) = ask(&mut questions, request("https://c.b.example"), NOW);
    let (_, other) = ask(&mut questions, request("https://other.example"), NOW);
    assert_eq!(question, joined);
    assert_ne!(question, other);
    let shown = view(&questions);
    assert_eq!(shown.targets.len(), 2);
    assert_eq!(shown.queue_length, 2);
    let answered = answer(&mut questions, Choice::AllowForVisit, NOW);
    assert_eq!(tickets(&answered.settled), [first, second]);
    let targets: Vec<_> = answered
        .coverage
        .iter()
        .map(|coverage| coverage.key.target.to_string())
        .collect();
    assert_eq!(targets, ["https://a.b.example", "https://c.b.example"]);
    assert_eq!(view(&questions).id, other);
}

#[test]
fn other_requesters_sites_documents_and_networks_do_not_join() {
    let mut questions = questions();
    let base = request("https://b.example");
    let (_, question) = ask(&mut questions, base.clone(), NOW);
    for changed in [
        TicketRequest {
            document: DocumentId(2),
            ..base.clone()
        },
        TicketRequest {
            tab: TabId(2),
            ..base.clone()
        },
        TicketRequest {
            requester: origin("https://www.app.example"),
            ..base.clone()
        },
        local("https://b.example"),
    ] {
        assert_ne!(ask(&mut questions, changed, NOW).1, question);
    }
}

#[test]
fn the_answer_covers_exactly_what_was_listed() {
    let mut questions = questions();
    let header: HeaderNames = [HeaderName::from_static("x-one")].into_iter().collect();
    let with_header = TicketRequest {
        unsafe_headers: header.clone(),
        page_headers: header.clone(),
        ..request("https://a.b.example")
    };
    ask(&mut questions, with_header, NOW);
    ask(
        &mut questions,
        with_method("https://c.b.example", Method::POST),
        NOW,
    );
    let answered = answer(&mut questions, Choice::AllowForVisit, NOW);
    let covers = |target: &str, method, headers: &HeaderNames| {
        let need = Need {
            method,
            headers: headers.clone(),
            ..request(target).needs().next().unwrap()
        };
        answered
            .coverage
            .iter()
            .any(|coverage| coverage.covers(&need))
    };
    assert!(covers("https://a.b.example", MethodClass::Get, &header));
    assert!(covers(
        "https://c.b.example",
        MethodClass::Post,
        &HeaderNames::new()
    ));
    assert!(!covers(
        "https://c.b.example",
        MethodClass::Get,
        &HeaderNames::new()
    ));
    assert!(!covers("https://c.b.example", MethodClass::Post, &header));
    assert!(!covers(
        "https://a.b.example",
        MethodClass::Post,
        &HeaderNames::new()
    ));
    assert!(!covers(
        "https://b.example",
        MethodClass::Get,
        &HeaderNames::new()
    ));
}

#[test]
fn always_is_offered_for_get_and_post_at_public_targets_of_a_lasting_profile() {
    let offered = |store, request| {
        let mut questions = Questions::new(store);
        questions.user_interacted(TAB);
        ask(&mut questions, request, NOW);
        view(&questions).choices.contains(&Choice::AlwaysAllow)
    };
    assert!(offered(StoreKind::Lasting, request("https://b.example")));
    assert!(offered(
        StoreKind::Lasting,
        with_method("https://b.example", Method::POST)
    ));
    assert!(!offered(
        StoreKind::Lasting,
        with_method("https://b.example", Method::PUT)
    ));
    assert!(!offered(StoreKind::Lasting, local("https://b.example")));
    assert!(!offered(StoreKind::Temporary, request("https://b.example")));
}

#[test]
fn always_is_not_offered_while_policy_lets_nothing_last() {
    let mut questions = questions();
    questions.user_interacted(TAB);
    ask(&mut questions, request("https://b.example"), NOW);
    let before = view(&questions);
    assert!(before.choices.contains(&Choice::AlwaysAllow));
    questions.set_may_last(false);
    let now = view(&questions);
    assert!(!now.choices.contains(&Choice::AlwaysAllow));
    assert_ne!(now.revision, before.revision, "what is shown has changed");
    questions.set_may_last(false);
    assert_eq!(view(&questions).revision, now.revision);
    questions.set_may_last(true);
    assert_eq!(view(&questions).choices, before.choices);
}

#[test]
fn an_answer_that_is_not_offered_does_not_count() {
    let mut questions = questions();
    ask(
        &mut questions,
        with_method("https://b.example", Method::DELETE),
        NOW,
    );
    let shown = view(&questions);
    questions.visible(shown.id, shown.revision, NOW, true);
    let result = questions.answer(shown.id, shown.revision, Choice::AlwaysAllow, at(700));
    assert_eq!(result, Err(AnswerError::NotOffered));
    assert_eq!(view(&questions).id, shown.id);
}

#[test]
fn content_that_changes_at_699_ms_starts_again() {
    let mut questions = questions();
    ask(&mut questions, request("https://a.b.example"), NOW);
    let before = view(&questions);
    questions.visible(before.id, before.revision, NOW, true);
    ask(&mut questions, request("https://c.b.example"), at(699));
    let after = view(&questions);
    assert_ne!(before.revision, after.revision);
    let answered = questions.answer(before.id, before.revision, Choice::AllowOnce, at(700));
    assert_eq!(answered, Err(AnswerError::Changed));
    questions.visible(after.id, after.revision, at(700), true);
    let answered = questions.answer(after.id, after.revision, Choice::AllowOnce, at(1399));
    assert_eq!(answered, Err(AnswerError::TooEarly));
    assert!(
        questions
            .answer(after.id, after.revision, Choice::AllowOnce, at(1399 + 700))
            .is_ok()
    );
}

#[test]
fn a_double_click_does_not_answer_the_next_question() {
    let mut questions = questions();
    ask(&mut questions, request("https://b.example"), NOW);
    ask(&mut questions, request("https://c.example"), NOW);
    answer(&mut questions, Choice::AllowForVisit, NOW);
    let next = view(&questions);
    let result = questions.answer(next.id, next.revision, Choice::AllowForVisit, at(701));
    assert_eq!(result, Err(AnswerError::TooEarly));
    questions.visible(next.id, next.revision, at(702), true);
    let result = questions.answer(next.id, next.revision, Choice::AllowForVisit, at(800));
    assert_eq!(result, Err(AnswerError::TooEarly));
}

#[test]
fn only_what_is_first_shown_and_focused_is_armed() {
    let mut questions = questions();
    ask(&mut questions, request("https://b.example"), NOW);
    let (_, second) = ask(&mut questions, request("https://c.example"), NOW);
    questions.visible(second, 1, NOW, true);
    assert_eq!(
        questions.answer(second, 1, Choice::AllowOnce, at(9000)),
        Err(AnswerError::TooEarly)
    );
    let first = view(&questions);
    questions.visible(first.id, first.revision, NOW, false);
    let result = questions.answer(first.id, first.revision, Choice::AllowOnce, at(9000));
    assert_eq!(result, Err(AnswerError::TooEarly));
}

#[test]
fn a_quiet_question_has_to_be_opened() {
    let mut questions = Questions::new(StoreKind::Lasting);
    let (_, question) = ask(&mut questions, request("https://b.example"), NOW);
    assert_eq!(view(&questions).presence, Presence::Chip);
    questions.visible(question, 1, NOW, true);
    assert_eq!(
        questions.answer(question, 1, Choice::AllowOnce, at(9000)),
        Err(AnswerError::TooEarly)
    );
    questions.open(question);
    assert_eq!(view(&questions).presence, Presence::Bar);
    questions.visible(question, 1, at(9000), true);
    assert!(
        questions
            .answer(question, 1, Choice::AllowOnce, at(9700))
            .is_ok()
    );

    questions.user_interacted(TAB);
    ask(&mut questions, request("https://b.example"), NOW);
    assert_eq!(view(&questions).presence, Presence::Bar);
    let _ = questions.navigated(TAB);
    ask(&mut questions, request("https://b.example"), NOW);
    assert_eq!(view(&questions).presence, Presence::Chip);
}

#[test]
fn a_page_that_polls_cannot_keep_a_person_from_answering() {
    let mut questions = questions();
    let (listed, question) = ask(&mut questions, request("https://b.example"), NOW);
    let shown = view(&questions);
    questions.visible(question, shown.revision, NOW, true);
    let (late, joined) = ask(&mut questions, request("https://b.example"), at(600));
    assert_eq!((joined, view(&questions)), (question, shown.clone()));
    let answered = questions
        .answer(question, shown.revision, Choice::AllowOnce, at(700))
        .unwrap();
    // Once covers what was listed; the other asks on its own, in the time that is left.
    assert_eq!(tickets(&answered.settled), [listed]);
    let rest = view(&questions);
    assert_ne!(rest.id, question);
    assert_eq!(
        (rest.requests[0].ticket, rest.deadline),
        (late, shown.deadline)
    );
}

#[test]
fn longer_answers_cover_requests_that_came_late() {
    let mut questions = questions();
    let (listed, question) = ask(&mut questions, request("https://b.example"), NOW);
    questions.visible(question, 1, NOW, true);
    let (late, _) = ask(&mut questions, request("https://b.example"), at(600));
    let answered = questions
        .answer(question, 1, Choice::AllowForVisit, at(700))
        .unwrap();
    assert_eq!(tickets(&answered.settled), [listed, late]);
    assert_eq!(questions.view(TAB), None);
}

#[test]
fn a_cancelled_request_leaves_the_question_for_longer_answers() {
    let mut questions = questions();
    let (ticket, _) = ask(&mut questions, request("https://b.example"), NOW);
    assert_eq!(
        questions.cancel(ticket).map(|settled| settled.ticket),
        Some(ticket)
    );
    assert_eq!(questions.cancel(ticket), None);
    let shown = view(&questions);
    assert!(
        !shown.choices.contains(&Choice::AllowOnce)
            && shown.choices.contains(&Choice::AllowForVisit)
    );
    let answered = answer(&mut questions, Choice::AllowForVisit, NOW);
    assert!(answered.settled.is_empty());
    assert_eq!(answered.coverage.len(), 1);
}

#[test]
fn the_local_network_takes_two_steps() {
    let mut questions = questions();
    let (ticket, question) = ask(&mut questions, local("https://nas.example"), NOW);
    let warning = view(&questions);
    assert_eq!(warning.step, QuestionStep::Warning);
    assert_eq!(warning.choices, [Choice::NotNow, Choice::Never]);
    questions.visible(question, warning.revision, NOW, true);
    assert_eq!(
        questions.confirm(question, warning.revision, at(699)),
        Err(AnswerError::TooEarly)
    );
    assert_eq!(
        questions.confirm(question, warning.revision, at(1399)),
        Ok(())
    );
    let confirmed = view(&questions);
    assert_eq!(confirmed.step, QuestionStep::Confirmed);
    assert_eq!(
        confirmed.choices,
        [
            Choice::AllowOnce,
            Choice::AllowForVisit,
            Choice::NotNow,
            Choice::Never
        ]
    );
    // Another host sends the person back to the warning.
    ask(&mut questions, local("https://tv.nas.example"), at(1500));
    assert_eq!(view(&questions).step, QuestionStep::Warning);
    let again = view(&questions);
    questions.visible(question, again.revision, at(1500), true);
    questions
        .confirm(question, again.revision, at(2200))
        .unwrap();
    let answered = answer(&mut questions, Choice::AllowOnce, at(2200));
    assert!(tickets(&answered.settled).contains(&ticket));
    assert_eq!(
        questions.confirm(question, again.revision, at(9000)),
        Err(AnswerError::Unknown)
    );
}

#[test]
fn not_now_needs_new_input() {
    let mut questions = questions();
    ask(&mut questions, request("https://b.example"), NOW);
    answer(&mut questions, Choice::NotNow, NOW);
    let again = || request("https://c.example");
    assert_eq!(
        questions.ask(again(), at(1)),
        AskOutcome::Refused(Refusal::NeedsInteraction)
    );
    let _ = questions.navigated(TAB);
    assert_eq!(
        questions.ask(again(), at(2)),
        AskOutcome::Refused(Refusal::NeedsInteraction)
    );
    questions.user_interacted(TAB);
    ask(&mut questions, again(), at(3));
}

#[test]
fn questions_end_with_time_navigation_tab_and_browser() {
    let mut questions = questions();
    let (first, _) = ask(&mut questions, request("https://b.example"), NOW);
    assert_eq!(questions.next_deadline(), Some(at(120_000)));
    assert!(questions.expire(at(119_999)).is_empty());
    assert_eq!(tickets(&questions.expire(at(120_000))), [first]);
    // A question that timed out is no dismissal.
    let (second, _) = ask(&mut questions, request("https://b.example"), NOW);
    assert_eq!(tickets(&questions.navigated(TAB)), [second]);
    let (third, _) = ask(&mut questions, request("https://b.example"), NOW);
    assert_eq!(tickets(&questions.tab_closed(TAB)), [third]);
    let (fourth, _) = ask(&mut questions, request("https://b.example"), NOW);
    assert_eq!(tickets(&questions.quit()), [fourth]);
    assert_eq!(questions.next_deadline(), None);
}

#[test]
fn an_answer_at_119_seconds_counts_and_at_120_does_not() {
    for (millis, counts) in [(119_999, true), (120_000, false)] {
        let mut questions = questions();
        let (_, question) = ask(&mut questions, request("https://b.example"), NOW);
        questions.visible(question, 1, NOW, true);
        let result = questions.answer(question, 1, Choice::AllowOnce, at(millis));
        assert_eq!(result.is_ok(), counts, "{millis}");
    }
}

#[test]
fn nothing_waits_after_the_browser_has_begun_to_quit() {
    let mut questions = questions();
    let _ = questions.quit();
    let refused = AskOutcome::Refused(Refusal::Declined(DeclineReason::Quit));
    assert_eq!(questions.ask(request("https://b.example"), NOW), refused);
}

#[test]
fn a_clock_that_was_set_back_ends_questions() {
    let mut questions = questions();
    let (ticket, question) = ask(&mut questions, request("https://b.example"), NOW);
    questions.visible(question, 1, NOW, true);
    assert_eq!(
        questions.answer(question, 1, Choice::AllowOnce, at(-1)),
        Err(AnswerError::Unknown)
    );
    assert_eq!(tickets(&questions.expire(at(-1))), [ticket]);
}

#[test]
fn budgets() {
    let mut questions = questions();
    for n in 0..3 {
        ask(
            &mut questions,
            request(&format!("https://b{n}.example")),
            NOW,
        );
    }
    let refused = questions.ask(request("https://b3.example"), NOW);
    assert_eq!(refused, AskOutcome::Refused(Refusal::TooManyQuestions));
    let mut hosts = 1;
    while let AskOutcome::Waiting { .. } =
        questions.ask(request(&format!("https://h{hosts}.b0.example")), NOW)
    {
        hosts += 1;
    }
    assert_eq!(hosts, 16);
    assert_eq!(view(&questions).targets.len(), 16);
    let mut waiting = view(&questions).requests.len();
    while let AskOutcome::Waiting { .. } = questions.ask(request("https://b0.example"), NOW) {
        waiting += 1;
    }
    assert_eq!(waiting, 64 + 16_384);
    assert_eq!(view(&questions).requests.len(), 64);
    // What the full list does not cover cannot wait.
    let wider = TicketRequest {
        method: Method::POST,
        method_class: MethodClass::Post,
        ..request("https://b0.example")
    };
    let refused = AskOutcome::Refused(Refusal::QuestionFull);
    assert_eq!(questions.ask(wider, NOW), refused);
}

#[test]
fn one_question_names_every_target_of_a_chain() {
    let mut questions = questions();
    let mut chain = request("https://end.example");
    let first = request("https://start.example").targets;
    chain.targets.splice(0..0, first);
    let (_, question) = ask(&mut questions, chain.clone(), NOW);
    assert_eq!(view(&questions).targets.len(), 2);
    assert_eq!(
        answer(&mut questions, Choice::AllowForVisit, NOW)
            .coverage
            .len(),
        2
    );
    // Half of a chain is another question.
    let (_, whole) = ask(&mut questions, chain, NOW);
    let (_, half) = ask(&mut questions, request("https://end.example"), NOW);
    assert!(question != whole && whole != half);
}

#[test]
fn what_a_page_or_server_chose_is_escaped_in_the_view() {
    let mut questions = questions();
    let long = format!("https://b.example/{}", "a".repeat(10_000));
    let deceptive = TicketRequest {
        url: Url::parse(&long).unwrap(),
        held: Some(HeldResponse {
            content_type: Some("text/\u{202e}lmth".into()),
            size: Some(1),
        }),
        ..request("https://b.example")
    };
    ask(&mut questions, deceptive, NOW);
    let shown = view(&questions);
    let details = shown.requests.first().unwrap();
    assert!(details.url.chars().count() <= 2049);
    let content_type = details
        .held
        .as_ref()
        .and_then(|held| held.content_type.as_deref());
    assert_eq!(content_type, Some("text/\\u{202e}lmth"));
}

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
