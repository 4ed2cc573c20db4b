//! How questions end without an answer.

use super::*;

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
