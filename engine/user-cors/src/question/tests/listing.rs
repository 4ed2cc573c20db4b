//! What joins a question, what it lists and shows, and what an answer covers.

use http::HeaderName;

use super::*;

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
fn what_waits_is_bounded_in_bytes() {
    let refused = AskOutcome::Refused(Refusal::QuestionFull);
    let long = || TicketRequest {
        url: Url::parse(&format!("https://b.example/{}", "a".repeat(1 << 20))).unwrap(),
        ..request("https://b.example")
    };
    let fill = |questions: &mut Questions| {
        let mut waiting = Vec::new();
        while let AskOutcome::Waiting { ticket, .. } = questions.ask(long(), NOW) {
            waiting.push(ticket);
            assert!(waiting.len() < 100, "there is no end");
        }
        waiting
    };
    // Listed: what left stays in the list.
    let mut questions = questions();
    let waiting = fill(&mut questions);
    assert_eq!(waiting.len(), 31);
    assert!(questions.cancel(waiting[0]).is_some());
    assert_eq!(questions.ask(long(), NOW), refused);
    ask(&mut questions, request("https://b.example"), NOW);

    // Not listed: what left makes room.
    let mut questions = self::questions();
    let (_, question) = ask(&mut questions, request("https://b.example"), NOW);
    let shown = view(&questions);
    questions.visible(question, shown.revision, NOW, true);
    let waiting = fill(&mut questions);
    assert_eq!((waiting.len(), view(&questions)), (31, shown.clone()));
    assert!(questions.cancel(waiting[0]).is_some());
    ask(&mut questions, long(), NOW);
    assert_eq!(questions.ask(long(), NOW), refused);
    // After *Allow once* they are a question of their own, which is as full.
    let answered = questions
        .answer(question, shown.revision, Choice::AllowOnce, at(700))
        .unwrap();
    assert_eq!(answered.settled.len(), 1);
    assert_eq!(questions.ask(long(), NOW), refused);
    assert_eq!(view(&questions).requests.len(), 31);
    // What the fetch keeps of responses counts too.
    let heavy = TicketRequest {
        kept: 2 << 20,
        ..request("https://b.example")
    };
    assert_eq!(questions.ask(heavy, NOW), refused);
    ask(&mut questions, request("https://b.example"), NOW);
}
