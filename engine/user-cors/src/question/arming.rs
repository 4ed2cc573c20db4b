//! Arming: buttons answer only after the exact content was visible in the focused window for a while, so that neither a
//! page's timing nor a double click can make an answer that nobody meant.

use std::time::Duration;

use super::QuestionId;
use crate::clock::Timestamp;

/// How long the content has to be visible.
pub(super) const ARMING_TIME: Duration = Duration::from_millis(700);

/// What the person sees, since when. There is one focused window, so there is one of these.
#[derive(Debug, Default)]
pub(super) struct Arming(Option<Shown>);

#[derive(Debug, PartialEq, Eq)]
struct Shown {
    question: QuestionId,
    revision: u64,
    since: Timestamp,
}

impl Arming {
    /// The content is visible in the focused window. The wait goes on if it was, and starts if it was not.
    pub(super) fn visible(&mut self, question: QuestionId, revision: u64, now: Timestamp) {
        let goes_on = self.0.as_ref().is_some_and(|shown| {
            // A clock that was set back starts the wait again.
            shown.question == question && shown.revision == revision && shown.since <= now
        });
        if !goes_on {
            self.0 = Some(Shown {
                question,
                revision,
                since: now,
            });
        }
    }

    /// The content is not visible, or the window is not focused.
    pub(super) fn hidden(&mut self) {
        self.0 = None;
    }

    /// Whether a click on this content would count.
    pub(super) fn is_armed(&self, question: QuestionId, revision: u64, now: Timestamp) -> bool {
        self.0.as_ref().is_some_and(|shown| {
            shown.question == question
                && shown.revision == revision
                && now.since(shown.since) >= ARMING_TIME
        })
    }

    /// Whether a click on this content counts. One that comes too early starts the wait again.
    pub(super) fn click(&mut self, question: QuestionId, revision: u64, now: Timestamp) -> bool {
        let armed = self.is_armed(question, revision, now);
        if armed {
            // The next question under the same pointer has to be looked at first.
            self.0 = None;
        } else if let Some(shown) = &mut self.0 {
            shown.since = now;
        }
        armed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    const QUESTION: QuestionId = QuestionId(1);

    #[test]
    fn seven_hundred_milliseconds_and_not_one_less() {
        let mut arming = Arming::default();
        arming.visible(QUESTION, 1, at(0));
        assert!(!arming.click(QUESTION, 1, at(699)));
        // The early click started the wait again.
        arming.visible(QUESTION, 1, at(700));
        assert!(!arming.click(QUESTION, 1, at(1398)));
        assert!(!arming.is_armed(QUESTION, 1, at(1398 + 699)));
        assert!(arming.is_armed(QUESTION, 1, at(1398 + 700)));
        assert!(!arming.is_armed(QUESTION, 2, at(1398 + 700)));
        assert!(arming.click(QUESTION, 1, at(1398 + 700)));
    }

    #[test]
    fn changes_focus_and_other_questions_start_again() {
        let mut arming = Arming::default();
        arming.visible(QUESTION, 1, at(0));
        arming.visible(QUESTION, 2, at(699));
        assert!(!arming.click(QUESTION, 2, at(1398)));

        let mut arming = Arming::default();
        arming.visible(QUESTION, 1, at(0));
        arming.hidden();
        arming.visible(QUESTION, 1, at(600));
        assert!(!arming.click(QUESTION, 1, at(700)));

        let mut arming = Arming::default();
        arming.visible(QUESTION, 1, at(0));
        assert!(!arming.click(QuestionId(2), 1, at(1000)));
    }

    #[test]
    fn one_armed_click_answers_once() {
        let mut arming = Arming::default();
        arming.visible(QUESTION, 1, at(0));
        assert!(arming.click(QUESTION, 1, at(700)));
        assert!(!arming.click(QUESTION, 1, at(701)));
    }

    #[test]
    fn nothing_visible_is_never_armed() {
        assert!(!Arming::default().click(QUESTION, 1, at(i64::MAX)));
    }
}
