//! Which answers are offered, and when a click counts.

use super::*;

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
