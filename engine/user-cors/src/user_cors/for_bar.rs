//! What the permission bar calls: questions, and what happens to tabs.

use super::{Change, UserCors, state::report};
use crate::{
    clock::Timestamp,
    eligibility::TabId,
    origin::Site,
    question::{AnswerError, Choice, DeclineReason, QuestionId, QuestionView, Settlement},
};

impl UserCors {
    /// What the tab's bar shows, if there is a question.
    pub fn question(&self, tab: TabId) -> Option<QuestionView> {
        self.state.lock().questions.view(tab)
    }

    /// The tabs with an open question.
    pub fn tabs_with_questions(&self) -> Vec<TabId> {
        self.state.lock().questions.tabs_with_questions().collect()
    }

    /// The person opened the chip of a quiet question.
    pub fn open_question(&self, question: QuestionId) {
        self.state.lock().questions.open(question);
    }

    /// The shell has drawn this content in full; `focused` says whether its
    /// window has the focus. Buttons answer when the same content was reported for 700 ms without a report that it was not.
    pub fn visible(&self, question: QuestionId, revision: u64, now: Timestamp, focused: bool) {
        self.state
            .lock()
            .questions
            .visible(question, revision, now, focused);
    }

    /// No question is visible in the focused window any more.
    pub fn hidden(&self) {
        self.state.lock().questions.hidden();
    }

    /// Whether a click on this content would count at this moment.
    pub fn is_armed(&self, question: QuestionId, revision: u64, now: Timestamp) -> bool {
        self.state
            .lock()
            .questions
            .is_armed(question, revision, now)
    }

    /// The warning of a question about the local network was confirmed.
    ///
    /// # Errors
    /// As for [`Self::answer`].
    pub fn confirm(
        &self,
        question: QuestionId,
        revision: u64,
        now: Timestamp,
    ) -> Result<(), AnswerError> {
        self.state.lock().questions.confirm(question, revision, now)
    }

    /// Takes a person's answer to the content with this revision.
    ///
    /// # Errors
    /// If the answer does not count.
    pub fn answer(
        &self,
        question: QuestionId,
        revision: u64,
        choice: Choice,
        now: Timestamp,
    ) -> Result<Vec<Settlement>, AnswerError> {
        let settlements = {
            let mut state = self.state.lock();
            let answered = state.questions.answer(question, revision, choice, now)?;
            if choice == Choice::NotNow {
                let counted =
                    state
                        .store
                        .dismissed(&answered.top_level_site, &answered.requester, now);
                report("a dismissal could not be stored", counted);
            }
            let mut settlements = state.apply(&answered, now);
            settlements.extend(state.reconsider(now));
            settlements
        };
        self.tell(Change::Permissions);
        Ok(settlements)
    }

    /// The person has done something in the tab's page.
    pub fn user_interacted(&self, tab: TabId) {
        let changed = self.state.lock().questions.user_interacted(tab);
        if changed {
            self.tell(Change::Questions(tab));
        }
    }

    /// The tab shows another document, of this site; `None` for one without a tuple origin.
    pub fn navigated(&self, tab: TabId, site: Option<&Site>) -> Vec<Settlement> {
        let settled = {
            let mut state = self.state.lock();
            state.session.navigated(tab, site);
            state.questions.navigated(tab)
        };
        self.ended(settled, DeclineReason::Navigated)
    }

    /// The tab is gone.
    pub fn tab_closed(&self, tab: TabId) -> Vec<Settlement> {
        let settled = {
            let mut state = self.state.lock();
            state.session.tab_closed(tab);
            state.questions.tab_closed(tab)
        };
        self.ended(settled, DeclineReason::TabClosed)
    }

    /// The browser quits.
    pub fn quit(&self) -> Vec<Settlement> {
        let settled = self.state.lock().questions.quit();
        self.ended(settled, DeclineReason::Quit)
    }

    /// Ends the questions whose time is over.
    pub fn expire(&self, now: Timestamp) -> Vec<Settlement> {
        let settled = self.state.lock().questions.expire(now);
        self.ended(settled, DeclineReason::TimedOut)
    }

    /// When [`Self::expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.state.lock().questions.next_deadline()
    }
}
