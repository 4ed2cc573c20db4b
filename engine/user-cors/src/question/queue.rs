//! The state machine of all questions.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use super::{
    AnswerError, AskOutcome, Choice, DeclineReason, QuestionId, TicketId, TicketRequest,
    arming::Arming,
    open_question::{JoinKey, Question, Settled, Ticket},
    view::{Presence, QuestionStep, QuestionView, RequestState},
};
use crate::{
    clock::Timestamp,
    eligibility::TabId,
    origin::{Site, TupleOrigin},
    permission::Coverage,
    refusal::Refusal,
    store::StoreKind,
};

/// The most open questions of one document.
const MAX_QUESTIONS: usize = 3;

/// The most refused requesters that one tab remembers until there is input.
const MAX_REFUSED: usize = 64;

/// Who answered. Only a person's no keeps a site from asking again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answerer {
    Person,
    Rule,
}

/// The state of one tab.
#[derive(Debug, Default)]
struct Tab {
    questions: Vec<Question>,
    /// Whether the person has done something in the tab since it navigated.
    used: bool,
    /// Who was refused and has not had input since.
    refused: BTreeSet<(Site, TupleOrigin)>,
}

/// An answer that counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The answer.
    pub choice: Choice,
    /// The tab.
    pub tab: TabId,
    /// The site of its top-level document.
    pub top_level_site: Site,
    /// Who asked.
    pub requester: TupleOrigin,
    /// What the question listed.
    pub coverage: Vec<Coverage>,
    /// The tickets that the answer settles.
    pub settled: Vec<Settled>,
}

/// All open questions.
#[derive(Debug)]
pub struct Questions {
    tabs: BTreeMap<TabId, Tab>,
    arming: Arming,
    store: StoreKind,
    /// Whether policy lets grants last.
    may_last: bool,
    issued: u64,
    /// Set for good when the browser quits: nothing may wait after that.
    quitting: bool,
}

impl Questions {
    /// No questions; *Always allow* is offered only where the store outlives the browser.
    pub fn new(store: StoreKind) -> Self {
        Self {
            tabs: BTreeMap::new(),
            arming: Arming::default(),
            store,
            may_last: true,
            issued: 0,
            quitting: false,
        }
    }

    /// Whether policy lets grants last. If not, *Always allow* is not offered, by questions that are open neither.
    pub(crate) fn set_may_last(&mut self, may_last: bool) {
        if self.may_last == may_last {
            return;
        }
        self.may_last = may_last;
        for question in self.tabs.values_mut().flat_map(|tab| &mut tab.questions) {
            question.revision += 1;
        }
    }

    /// What a grant may be at most.
    fn lasting(&self) -> StoreKind {
        if self.may_last {
            self.store
        } else {
            StoreKind::Temporary
        }
    }

    fn issue(&mut self) -> u64 {
        self.issued += 1;
        self.issued
    }

    /// Whether this requester may ask in this tab: nobody is asked while the browser quits, or, after a no, before there was
    /// input.
    ///
    /// # Errors
    /// Why it may not.
    pub fn may_ask(
        &self,
        tab: TabId,
        top_level_site: &Site,
        requester: &TupleOrigin,
    ) -> Result<(), Refusal> {
        if self.quitting {
            return Err(Refusal::Declined(DeclineReason::Quit));
        }
        let refused = (top_level_site.clone(), requester.clone());
        match self.tabs.get(&tab) {
            Some(tab) if tab.refused.contains(&refused) => Err(Refusal::NeedsInteraction),
            _ => Ok(()),
        }
    }

    /// Lets a request wait for a person: in an open question if there is one for the same targets, else in a new one.
    pub fn ask(&mut self, request: TicketRequest, now: Timestamp) -> AskOutcome {
        let id = TicketId(self.issue());
        let question_id = QuestionId(self.issue());
        if let Err(refusal) = self.may_ask(request.tab, &request.top_level_site, &request.requester)
        {
            return AskOutcome::Refused(refusal);
        }
        if request.targets.is_empty() {
            return AskOutcome::Refused(Refusal::QuestionFull);
        }
        let tab = self.tabs.entry(request.tab).or_default();
        let key = JoinKey::new(&request);
        let ticket = Ticket {
            id,
            request,
            state: RequestState::Waiting,
        };
        // A question whose time is over is about to be settled; nothing joins it any more.
        let open = tab
            .questions
            .iter_mut()
            .find(|question| question.key == key && !question.is_over(now));
        if let Some(question) = open {
            return match question.join(ticket) {
                Ok(()) => AskOutcome::Waiting {
                    ticket: id,
                    question: question.id,
                },
                Err(refusal) => AskOutcome::Refused(refusal),
            };
        }
        let same_document = |question: &&Question| question.key.document == key.document;
        if tab.questions.iter().filter(same_document).count() >= MAX_QUESTIONS {
            return AskOutcome::Refused(Refusal::TooManyQuestions);
        }
        match Question::new(question_id, key, ticket, now) {
            Ok(question) => {
                tab.questions.push(question);
                AskOutcome::Waiting {
                    ticket: id,
                    question: question_id,
                }
            },
            Err(refusal) => AskOutcome::Refused(refusal),
        }
    }

    /// What the tab's bar shows, if there is a question.
    pub fn view(&self, tab: TabId) -> Option<QuestionView> {
        let state = self.tabs.get(&tab)?;
        let question = state.questions.first()?;
        let presence = presence(state, question);
        Some(QuestionView::new(
            question,
            tab,
            presence,
            state.questions.len(),
            question.choices(self.lasting()),
        ))
    }

    /// The tabs with an open question.
    pub fn tabs_with_questions(&self) -> impl Iterator<Item = TabId> {
        self.tabs
            .iter()
            .filter(|(_, tab)| !tab.questions.is_empty())
            .map(|(id, _)| *id)
    }

    /// The person opened the chip of a question that was quiet.
    pub fn open(&mut self, question: QuestionId) {
        if let Some((_, question)) = self.find(question) {
            question.opened = true;
        }
    }

    /// The shell has drawn this content in full. `focused` says whether its window has the focus. Buttons answer when the
    /// same content was reported for 700 ms without a report that it was not.
    pub fn visible(&mut self, question: QuestionId, revision: u64, now: Timestamp, focused: bool) {
        let on_view = self.tabs.values_mut().any(|tab| {
            let used = tab.used;
            tab.questions.first_mut().is_some_and(|first| {
                let shown =
                    first.id == question && first.revision == revision && (used || first.opened);
                first.on_view |= shown;
                shown
            })
        });
        if on_view && focused {
            self.arming.visible(question, revision, now);
        } else {
            self.arming.hidden();
        }
    }

    /// No question is visible in the focused window any more.
    pub fn hidden(&mut self) {
        self.arming.hidden();
    }

    /// Whether a click on this content would count.
    pub fn is_armed(&self, question: QuestionId, revision: u64, now: Timestamp) -> bool {
        self.arming.is_armed(question, revision, now)
            && self
                .tabs
                .values()
                .flat_map(|tab| &tab.questions)
                .any(|open| open.id == question && open.revision == revision && !open.is_over(now))
    }

    /// The first step of a question about the local network was confirmed.
    ///
    /// # Errors
    /// As for [`Self::answer`].
    pub fn confirm(
        &mut self,
        question: QuestionId,
        revision: u64,
        now: Timestamp,
    ) -> Result<(), AnswerError> {
        let (_, found) = self.clicked(question, revision, now)?;
        if found.step != QuestionStep::Warning {
            return Err(AnswerError::NotOffered);
        }
        found.revision += 1;
        found.step = QuestionStep::Confirmed;
        Ok(())
    }

    /// Takes an answer to the content with this revision, and ends the question.
    ///
    /// # Errors
    /// If the answer does not count; the question stays open, unless it had ended.
    pub fn answer(
        &mut self,
        question: QuestionId,
        revision: u64,
        choice: Choice,
        now: Timestamp,
    ) -> Result<Answered, AnswerError> {
        let lasting = self.lasting();
        let (_, found) = self.clicked(question, revision, now)?;
        if !found.choices(lasting).contains(&choice) {
            return Err(AnswerError::NotOffered);
        }
        self.end(question, choice, Answerer::Person)
            .ok_or(AnswerError::Unknown)
    }

    /// Answers without a person, by rules. An allowing answer that the question does not offer becomes the longest shorter
    /// one that it does.
    pub(crate) fn answer_by_rule(
        &mut self,
        question: QuestionId,
        choice: Choice,
    ) -> Option<Answered> {
        let lasting = self.lasting();
        let (_, found) = self.find(question)?;
        if choice.allows() && found.step == QuestionStep::Warning {
            found.step = QuestionStep::Confirmed;
        }
        let offered = found.choices(lasting);
        let choice = offered
            .into_iter()
            .filter(|offered| {
                offered.allows() == choice.allows() && offered.generosity() <= choice.generosity()
            })
            .max_by_key(|offered| offered.generosity())
            .unwrap_or(Choice::NotNow);
        self.end(question, choice, Answerer::Rule)
    }

    /// Who asks whom in an open question.
    pub(crate) fn parties(&self, question: QuestionId) -> Option<(TupleOrigin, Vec<TupleOrigin>)> {
        let found = self
            .tabs
            .values()
            .flat_map(|tab| &tab.questions)
            .find(|candidate| candidate.id == question)?;
        Some((
            found.key.requester.clone(),
            found.targets().into_iter().cloned().collect(),
        ))
    }

    /// Ends one ticket because its request was cancelled. Its question stays for visit and longer answers.
    pub fn cancel(&mut self, ticket: TicketId) -> Option<Settled> {
        self.tabs
            .values_mut()
            .flat_map(|tab| &mut tab.questions)
            .find_map(|question| question.cancel(ticket))
    }

    /// The tab shows another document: its questions end.
    pub fn navigated(&mut self, tab: TabId) -> Vec<Settled> {
        let Some(tab) = self.tabs.get_mut(&tab) else {
            return Vec::new();
        };
        tab.used = false;
        mem::take(&mut tab.questions)
            .into_iter()
            .flat_map(Question::into_waiting)
            .collect()
    }

    /// The tab is gone: its questions end.
    pub fn tab_closed(&mut self, tab: TabId) -> Vec<Settled> {
        let questions = self
            .tabs
            .remove(&tab)
            .map(|tab| tab.questions)
            .unwrap_or_default();
        questions
            .into_iter()
            .flat_map(Question::into_waiting)
            .collect()
    }

    /// All questions end; others may begin.
    pub(crate) fn end_all(&mut self) -> Vec<Settled> {
        self.arming.hidden();
        self.tabs
            .values_mut()
            .flat_map(|tab| mem::take(&mut tab.questions))
            .flat_map(Question::into_waiting)
            .collect()
    }

    /// All questions end, and tabs are as if nothing had been done or refused in them.
    pub(crate) fn end_all_and_forget(&mut self) -> Vec<Settled> {
        let settled = self.end_all();
        self.tabs.clear();
        settled
    }

    /// The browser quits: all questions end, and no other begins.
    pub fn quit(&mut self) -> Vec<Settled> {
        self.quitting = true;
        let tabs = mem::take(&mut self.tabs);
        tabs.into_values()
            .flat_map(|tab| tab.questions)
            .flat_map(Question::into_waiting)
            .collect()
    }

    /// Ends the questions whose time is over.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Settled> {
        let mut ended = Vec::new();
        for tab in self.tabs.values_mut() {
            ended.extend(
                tab.questions
                    .extract_if(.., |question| question.is_over(now)),
            );
        }
        ended.into_iter().flat_map(Question::into_waiting).collect()
    }

    /// When [`Self::expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.tabs
            .values()
            .flat_map(|tab| &tab.questions)
            .map(|question| question.deadline)
            .min()
    }

    /// The person has done something in the tab's page. Returns whether that changed anything.
    pub fn user_interacted(&mut self, tab: TabId) -> bool {
        let tab = self.tabs.entry(tab).or_default();
        let changed = !tab.used || !tab.refused.is_empty();
        tab.used = true;
        tab.refused.clear();
        changed
    }

    /// Ends every waiting ticket for which something else has decided meanwhile. A question that is left without a waiting
    /// ticket by this ends with them.
    pub(crate) fn reconsider(
        &mut self,
        mut is_decided: impl FnMut(&TicketRequest) -> bool,
    ) -> Vec<Settled> {
        let mut ended = Vec::new();
        for tab in self.tabs.values_mut() {
            tab.questions.retain_mut(|question| {
                let settled = question.settle_decided(&mut is_decided);
                let any = !settled.is_empty();
                ended.extend(settled);
                question.is_waiting() || !any
            });
        }
        ended
    }

    fn find(&mut self, question: QuestionId) -> Option<(TabId, &mut Question)> {
        self.tabs.iter_mut().find_map(|(id, tab)| {
            tab.questions
                .iter_mut()
                .find(|candidate| candidate.id == question)
                .map(|found| (*id, found))
        })
    }

    /// The question, if a click on this content counts.
    fn clicked(
        &mut self,
        question: QuestionId,
        revision: u64,
        now: Timestamp,
    ) -> Result<(TabId, &mut Question), AnswerError> {
        let current = match self.find(question) {
            Some((_, found)) if !found.is_over(now) => found.revision,
            _ => return Err(AnswerError::Unknown),
        };
        // Only what is first in its tab and not quiet is ever reported visible, so only that can be armed.
        let armed = self.arming.click(question, revision, now);
        if revision != current {
            return Err(AnswerError::Changed);
        }
        if !armed {
            return Err(AnswerError::TooEarly);
        }
        self.find(question).ok_or(AnswerError::Unknown)
    }

    /// Ends a question with an answer.
    fn end(
        &mut self,
        question: QuestionId,
        choice: Choice,
        answerer: Answerer,
    ) -> Option<Answered> {
        let id = QuestionId(self.issue());
        let (tab_id, tab) = self.tabs.iter_mut().find(|(_, tab)| {
            tab.questions
                .iter()
                .any(|candidate| candidate.id == question)
        })?;
        let index = tab
            .questions
            .iter()
            .position(|candidate| candidate.id == question)?;
        let mut ended = tab.questions.remove(index);
        let key = ended.key.clone();
        // NB: after *Never* too. It is about what was listed, and a page with a wildcard in its DNS has always another host to ask
        // about.
        if !choice.allows() && answerer == Answerer::Person {
            while tab.refused.len() >= MAX_REFUSED {
                tab.refused.pop_first();
            }
            tab.refused
                .insert((key.top_level_site.clone(), key.requester.clone()));
        }
        let coverage = ended.coverage();
        // What was not listed when the answer was given asks on its own.
        if choice == Choice::AllowOnce
            && let Some(rest) = ended.split_off_unlisted(id)
        {
            tab.questions.insert(index, rest);
        }
        Some(Answered {
            choice,
            tab: *tab_id,
            top_level_site: key.top_level_site,
            requester: key.requester,
            coverage,
            settled: ended.into_waiting().collect(),
        })
    }
}

fn presence(tab: &Tab, question: &Question) -> Presence {
    if tab.used || question.opened {
        Presence::Bar
    } else {
        Presence::Chip
    }
}
