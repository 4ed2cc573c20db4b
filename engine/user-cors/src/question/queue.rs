//! The state machine of all questions.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

use url::Host;

use super::{
    AnswerError, AskOutcome, Choice, QuestionId, TicketId, TicketRequest,
    arming::Arming,
    view::{Presence, QuestionStep, QuestionView, RequestState},
};
use crate::{
    clock::Timestamp,
    eligibility::{DocumentId, TabId},
    origin::{Site, TupleOrigin},
    permission::{Coverage, TargetNetwork},
    refusal::Refusal,
    store::StoreKind,
};

/// How long a question waits for an answer.
const ANSWER_TIME: Duration = Duration::from_secs(120);

/// The most open questions of one document.
const MAX_QUESTIONS: usize = 3;

/// The most requests that one question lists.
const MAX_LISTED: usize = 64;

/// The most requests that wait for a question without being listed.
const MAX_UNLISTED: usize = 256;

/// The most hosts that one question lists.
const MAX_HOSTS: usize = 16;

/// The most refused requesters that one tab remembers until there is input.
const MAX_REFUSED: usize = 64;

/// A waiting request.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: TicketId,
    pub(super) request: TicketRequest,
    pub(super) state: RequestState,
}

/// What tickets of one question share.
#[derive(Clone, Debug, PartialEq, Eq)]
struct JoinKey {
    document: DocumentId,
    top_level_site: Site,
    requester: TupleOrigin,
    /// The registrable domains of all targets, or the hosts of those that have none.
    domains: BTreeSet<Host<String>>,
    network: TargetNetwork,
}

impl JoinKey {
    fn new(request: &TicketRequest) -> Self {
        Self {
            document: request.document,
            top_level_site: request.top_level_site.clone(),
            requester: request.requester.clone(),
            domains: request
                .targets
                .iter()
                .map(|target| target.origin.site_host())
                .collect(),
            network: request.network,
        }
    }
}

/// An open question.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) id: QuestionId,
    key: JoinKey,
    /// What is shown; an answer covers exactly this. A cancelled request stays listed.
    pub(super) listed: Vec<Ticket>,
    /// Requests that came while the question was on view and ask for nothing that it does not list. They do not change
    /// what is shown, so a page that polls cannot keep a person from answering. *Allow once* does not cover them.
    unlisted: Vec<Ticket>,
    /// Changes with every change of what is shown.
    pub(super) revision: u64,
    pub(super) deadline: Timestamp,
    pub(super) step: QuestionStep,
    opened: bool,
    on_view: bool,
}

impl Question {
    /// The distinct hosts, in the order in which they were listed.
    pub(super) fn targets(&self) -> Vec<&TupleOrigin> {
        let mut targets = Vec::new();
        for target in self
            .listed
            .iter()
            .flat_map(|ticket| &ticket.request.targets)
        {
            if !targets.contains(&&target.origin) {
                targets.push(&target.origin);
            }
        }
        targets
    }

    /// Who asks.
    pub(super) fn requester(&self) -> &TupleOrigin {
        &self.key.requester
    }

    /// Where the targets are.
    pub(super) fn network(&self) -> TargetNetwork {
        self.key.network
    }

    /// What an answer covers.
    fn coverage(&self) -> Vec<Coverage> {
        let mut list = Vec::new();
        for need in self.listed.iter().flat_map(|ticket| ticket.request.needs()) {
            Coverage::add(&mut list, &need);
        }
        list
    }

    fn covers(&self, request: &TicketRequest) -> bool {
        let coverage = self.coverage();
        request
            .needs()
            .all(|need| coverage.iter().any(|coverage| coverage.covers(&need)))
    }

    fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.listed.iter().chain(&self.unlisted)
    }

    fn is_waiting(&self) -> bool {
        self.tickets()
            .any(|ticket| ticket.state == RequestState::Waiting)
    }

    /// What is shown has changed; a second step starts over.
    fn changed(&mut self) {
        self.revision += 1;
        if self.step == QuestionStep::Confirmed {
            self.step = QuestionStep::Warning;
        }
    }

    /// The choices that this question offers at its step.
    pub(super) fn choices(&self, store: StoreKind) -> Vec<Choice> {
        let mut choices = Vec::new();
        if self.step != QuestionStep::Warning {
            if self
                .listed
                .iter()
                .any(|ticket| ticket.state == RequestState::Waiting)
            {
                choices.push(Choice::AllowOnce);
            }
            choices.push(Choice::AllowForVisit);
            let may_last =
                store == StoreKind::Lasting && self.coverage().iter().all(Coverage::may_persist);
            if may_last {
                choices.push(Choice::AlwaysAllow);
            }
        }
        choices.extend([Choice::NotNow, Choice::Never]);
        choices
    }
}

/// Who answered. Only a person's *Not now* keeps a site from asking again.
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

/// One ticket that came to its end, with its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The ticket.
    pub ticket: TicketId,
    /// Its request.
    pub request: TicketRequest,
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
    issued: u64,
}

impl Questions {
    /// No questions; *Always allow* is offered only where the store outlives the browser.
    pub fn new(store: StoreKind) -> Self {
        Self {
            tabs: BTreeMap::new(),
            arming: Arming::default(),
            store,
            issued: 0,
        }
    }

    fn issue(&mut self) -> u64 {
        self.issued += 1;
        self.issued
    }

    /// Lets a request wait for a person: in an open question if there is one for the same targets, else in a new one.
    pub fn ask(&mut self, request: TicketRequest, now: Timestamp) -> AskOutcome {
        let id = TicketId(self.issue());
        let question_id = QuestionId(self.issue());
        let tab = self.tabs.entry(request.tab).or_default();
        if request.targets.is_empty() {
            return AskOutcome::Refused(Refusal::QuestionFull);
        }
        if tab
            .refused
            .contains(&(request.top_level_site.clone(), request.requester.clone()))
        {
            return AskOutcome::Refused(Refusal::NeedsInteraction);
        }
        let key = JoinKey::new(&request);
        let document = request.document;
        let ticket = Ticket {
            id,
            request,
            state: RequestState::Waiting,
        };
        // A question whose time is over is about to be settled; nothing joins it any more.
        if let Some(question) = tab
            .questions
            .iter_mut()
            .find(|question| question.key == key && now < question.deadline)
        {
            return match join(question, ticket) {
                Ok(()) => AskOutcome::Waiting {
                    ticket: id,
                    question: question.id,
                },
                Err(refusal) => AskOutcome::Refused(refusal),
            };
        }
        let open = tab
            .questions
            .iter()
            .filter(|question| question.key.document == document)
            .count();
        if open >= MAX_QUESTIONS {
            return AskOutcome::Refused(Refusal::TooManyQuestions);
        }
        let distinct: BTreeSet<_> = ticket
            .request
            .targets
            .iter()
            .map(|target| &target.origin)
            .collect();
        if distinct.len() > MAX_HOSTS {
            return AskOutcome::Refused(Refusal::QuestionFull);
        }
        tab.questions.push(new_question(
            question_id,
            key,
            vec![ticket],
            now.after(ANSWER_TIME),
        ));
        AskOutcome::Waiting {
            ticket: id,
            question: question_id,
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
            question.choices(self.store),
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
        let store = self.store;
        let (_, found) = self.clicked(question, revision, now)?;
        if !found.choices(store).contains(&choice) {
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
        let store = self.store;
        let (_, found) = self.find(question)?;
        if choice.allows() && found.step == QuestionStep::Warning {
            found.step = QuestionStep::Confirmed;
        }
        let offered = found.choices(store);
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
        for question in self.tabs.values_mut().flat_map(|tab| &mut tab.questions) {
            if let Some(index) = question
                .unlisted
                .iter()
                .position(|candidate| candidate.id == ticket)
            {
                return Some(settled(question.unlisted.remove(index)));
            }
            let listed = question.listed.iter_mut().find(|candidate| {
                candidate.id == ticket && candidate.state == RequestState::Waiting
            });
            if let Some(listed) = listed {
                listed.state = RequestState::Cancelled;
                let settled = Settled {
                    ticket,
                    request: listed.request.clone(),
                };
                question.changed();
                return Some(settled);
            }
        }
        None
    }

    /// The tab shows another document: its questions end.
    pub fn navigated(&mut self, tab: TabId) -> Vec<Settled> {
        let Some(tab) = self.tabs.get_mut(&tab) else {
            return Vec::new();
        };
        tab.used = false;
        mem::take(&mut tab.questions)
            .into_iter()
            .flat_map(waiting)
            .collect()
    }

    /// The tab is gone: its questions end.
    pub fn tab_closed(&mut self, tab: TabId) -> Vec<Settled> {
        let questions = self
            .tabs
            .remove(&tab)
            .map(|tab| tab.questions)
            .unwrap_or_default();
        questions.into_iter().flat_map(waiting).collect()
    }

    /// The browser quits: all questions end.
    pub fn quit(&mut self) -> Vec<Settled> {
        let tabs = mem::take(&mut self.tabs);
        tabs.into_values()
            .flat_map(|tab| tab.questions)
            .flat_map(waiting)
            .collect()
    }

    /// Ends the questions whose time is over.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Settled> {
        let mut ended = Vec::new();
        for tab in self.tabs.values_mut() {
            ended.extend(
                tab.questions
                    .extract_if(.., |question| question.deadline <= now),
            );
        }
        ended.into_iter().flat_map(waiting).collect()
    }

    /// When [`Self::expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.tabs
            .values()
            .flat_map(|tab| &tab.questions)
            .map(|question| question.deadline)
            .min()
    }

    /// The person has done something in the tab's page.
    pub fn user_interacted(&mut self, tab: TabId) {
        let tab = self.tabs.entry(tab).or_default();
        tab.used = true;
        tab.refused.clear();
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
                let mut any = false;
                for ticket in question
                    .listed
                    .iter_mut()
                    .filter(|ticket| ticket.state == RequestState::Waiting)
                {
                    if is_decided(&ticket.request) {
                        ticket.state = RequestState::Cancelled;
                        ended.push(Settled {
                            ticket: ticket.id,
                            request: ticket.request.clone(),
                        });
                        any = true;
                    }
                }
                if any {
                    question.changed();
                }
                let before = ended.len();
                ended.extend(
                    question
                        .unlisted
                        .extract_if(.., |ticket| is_decided(&ticket.request))
                        .map(settled),
                );
                any |= ended.len() > before;
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
        let (current, deadline) = self
            .find(question)
            .map(|(_, found)| (found.revision, found.deadline))
            .ok_or(AnswerError::Unknown)?;
        if deadline <= now {
            return Err(AnswerError::Unknown);
        }
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
        if choice == Choice::NotNow && answerer == Answerer::Person {
            while tab.refused.len() >= MAX_REFUSED {
                tab.refused.pop_first();
            }
            tab.refused
                .insert((key.top_level_site.clone(), key.requester.clone()));
        }
        let coverage = ended.coverage();
        if choice == Choice::AllowOnce && !ended.unlisted.is_empty() {
            // They were not listed when the answer was given: they ask on their own, in the time that is left.
            let mut listed = mem::take(&mut ended.unlisted);
            let unlisted = listed.split_off(listed.len().min(MAX_LISTED));
            let rest = Question {
                unlisted,
                ..new_question(id, key.clone(), listed, ended.deadline)
            };
            tab.questions.insert(index, rest);
        }
        Some(Answered {
            choice,
            tab: *tab_id,
            top_level_site: key.top_level_site,
            requester: key.requester,
            coverage,
            settled: waiting(ended).collect(),
        })
    }
}

fn new_question(
    id: QuestionId,
    key: JoinKey,
    listed: Vec<Ticket>,
    deadline: Timestamp,
) -> Question {
    let step = match key.network {
        TargetNetwork::Public => QuestionStep::Only,
        TargetNetwork::LocalNetwork => QuestionStep::Warning,
    };
    Question {
        id,
        key,
        listed,
        unlisted: Vec::new(),
        revision: 1,
        deadline,
        step,
        opened: false,
        on_view: false,
    }
}

/// Adds a ticket to an open question.
fn join(question: &mut Question, ticket: Ticket) -> Result<(), Refusal> {
    if question.on_view && question.covers(&ticket.request) {
        if question.unlisted.len() >= MAX_UNLISTED {
            return Err(Refusal::QuestionFull);
        }
        question.unlisted.push(ticket);
        return Ok(());
    }
    let mut hosts: BTreeSet<&TupleOrigin> = question.targets().into_iter().collect();
    hosts.extend(ticket.request.targets.iter().map(|target| &target.origin));
    if question.listed.len() >= MAX_LISTED || hosts.len() > MAX_HOSTS {
        return Err(Refusal::QuestionFull);
    }
    question.listed.push(ticket);
    question.changed();
    Ok(())
}

fn presence(tab: &Tab, question: &Question) -> Presence {
    if tab.used || question.opened {
        Presence::Bar
    } else {
        Presence::Chip
    }
}

fn settled(ticket: Ticket) -> Settled {
    Settled {
        ticket: ticket.id,
        request: ticket.request,
    }
}

/// The tickets of an ended question that have not come to their end yet.
fn waiting(question: Question) -> impl Iterator<Item = Settled> {
    question
        .listed
        .into_iter()
        .chain(question.unlisted)
        .filter(|ticket| ticket.state == RequestState::Waiting)
        .map(settled)
}
