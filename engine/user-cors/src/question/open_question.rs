//! One open question: the requests that wait in it, what it shows of them, and what an answer covers.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    time::Duration,
};

use url::Host;

use super::{
    Choice, QuestionId, TicketId, TicketRequest,
    view::{QuestionStep, RequestState},
};
use crate::{
    clock::Timestamp,
    eligibility::DocumentId,
    origin::{Site, TupleOrigin},
    permission::{Coverage, TargetNetwork},
    refusal::Refusal,
    store::StoreKind,
};

/// How long a question waits for an answer.
const ANSWER_TIME: Duration = Duration::from_secs(120);

/// The most requests that one question lists.
const MAX_LISTED: usize = 64;

/// The most requests that wait for a question without being listed: a page that loads a map or a gallery makes thousands at
/// once.
const MAX_UNLISTED: usize = 16_384;

/// The most bytes of URLs, names and headers that the requests of one question come to, listed or not. What a page makes
/// thousands of has a few hundred of each.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The most hosts that one question lists.
const MAX_HOSTS: usize = 16;

/// A waiting request.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) id: TicketId,
    pub(super) request: TicketRequest,
    pub(super) state: RequestState,
}

/// One ticket that came to its end, with its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The ticket.
    pub ticket: TicketId,
    /// Its request.
    pub request: TicketRequest,
}

impl From<Ticket> for Settled {
    fn from(ticket: Ticket) -> Self {
        Self {
            ticket: ticket.id,
            request: ticket.request,
        }
    }
}

/// What tickets of one question share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JoinKey {
    pub(super) document: DocumentId,
    pub(super) top_level_site: Site,
    pub(super) requester: TupleOrigin,
    /// The registrable domains of all targets, or the hosts of those that have none.
    domains: BTreeSet<Host<String>>,
    pub(super) network: TargetNetwork,
}

impl JoinKey {
    pub(super) fn new(request: &TicketRequest) -> Self {
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
    pub(super) key: JoinKey,
    /// What is shown; an answer covers exactly this. A cancelled request stays listed.
    pub(super) listed: Vec<Ticket>,
    /// Requests that came while the question was on view, or when its list was full, and ask for nothing that it does not
    /// list. They do not change what is shown, so a page that polls cannot keep a person from answering. *Allow once* does
    /// not cover them. By their tickets, which are in the order in which they came.
    unlisted: BTreeMap<TicketId, TicketRequest>,
    /// How many bytes the requests come to, of those that have not left.
    bytes: usize,
    /// Changes with every change of what is shown.
    pub(super) revision: u64,
    pub(super) deadline: Timestamp,
    pub(super) step: QuestionStep,
    /// Whether the person opened it while it was quiet.
    pub(super) opened: bool,
    /// Whether it was ever drawn in full.
    pub(super) on_view: bool,
}

impl Question {
    /// A question about one request.
    ///
    /// # Errors
    /// If the request has more targets than a question lists.
    pub(super) fn new(
        id: QuestionId,
        key: JoinKey,
        ticket: Ticket,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let mut question = Self::empty(id, key, now.after(ANSWER_TIME));
        question.list(ticket)?;
        Ok(question)
    }

    fn empty(id: QuestionId, key: JoinKey, deadline: Timestamp) -> Self {
        let step = match key.network {
            TargetNetwork::Public => QuestionStep::Only,
            TargetNetwork::LocalNetwork => QuestionStep::Warning,
        };
        Self {
            id,
            key,
            listed: Vec::new(),
            unlisted: BTreeMap::new(),
            bytes: 0,
            revision: 0,
            deadline,
            step,
            opened: false,
            on_view: false,
        }
    }

    /// Adds a request that belongs here.
    ///
    /// # Errors
    /// If the question is full.
    pub(super) fn join(&mut self, ticket: Ticket) -> Result<(), Refusal> {
        let is_full = self.listed.len() >= MAX_LISTED;
        if !((self.on_view || is_full) && self.covers(&ticket.request)) {
            return self.list(ticket);
        }
        if self.unlisted.len() >= MAX_UNLISTED {
            return Err(Refusal::QuestionFull);
        }
        self.make_room(&ticket.request)?;
        self.unlisted.insert(ticket.id, ticket.request);
        Ok(())
    }

    /// Counts a request that is about to be kept.
    ///
    /// # Errors
    /// If there are too many bytes with it.
    fn make_room(&mut self, request: &TicketRequest) -> Result<(), Refusal> {
        let bytes = self.bytes.saturating_add(request.bytes());
        if bytes > MAX_BYTES {
            return Err(Refusal::QuestionFull);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// Counts again, after requests have left.
    fn recount(&mut self) {
        let listed = self.listed.iter().map(|ticket| &ticket.request);
        self.bytes = listed
            .chain(self.unlisted.values())
            .map(TicketRequest::bytes)
            .sum();
    }

    fn list(&mut self, ticket: Ticket) -> Result<(), Refusal> {
        let mut hosts: BTreeSet<&TupleOrigin> = self.targets().into_iter().collect();
        hosts.extend(ticket.request.targets.iter().map(|target| &target.origin));
        if self.listed.len() >= MAX_LISTED || hosts.len() > MAX_HOSTS {
            return Err(Refusal::QuestionFull);
        }
        self.make_room(&ticket.request)?;
        self.listed.push(ticket);
        self.changed();
        Ok(())
    }

    /// Ends one ticket that waits here.
    pub(super) fn cancel(&mut self, ticket: TicketId) -> Option<Settled> {
        if let Some(request) = self.unlisted.remove(&ticket) {
            self.bytes = self.bytes.saturating_sub(request.bytes());
            return Some(Settled { ticket, request });
        }
        self.settle_listed(|candidate| candidate.id == ticket).pop()
    }

    /// Ends every waiting ticket whose request has been decided otherwise.
    pub(super) fn settle_decided(
        &mut self,
        mut is_decided: impl FnMut(&TicketRequest) -> bool,
    ) -> Vec<Settled> {
        let mut settled = self.settle_listed(|ticket| is_decided(&ticket.request));
        let (decided, waiting) = mem::take(&mut self.unlisted)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, request)| is_decided(request));
        self.unlisted = waiting;
        self.recount();
        settled.extend(
            decided
                .into_iter()
                .map(|(ticket, request)| Settled { ticket, request }),
        );
        settled
    }

    /// Ends listed tickets; they stay listed.
    fn settle_listed(&mut self, mut ends: impl FnMut(&Ticket) -> bool) -> Vec<Settled> {
        let mut settled = Vec::new();
        for ticket in self
            .listed
            .iter_mut()
            .filter(|ticket| ticket.state == RequestState::Waiting)
        {
            if ends(ticket) {
                ticket.state = RequestState::Cancelled;
                settled.push(Settled {
                    ticket: ticket.id,
                    request: ticket.request.clone(),
                });
            }
        }
        if !settled.is_empty() {
            self.changed();
        }
        settled
    }

    /// Takes the requests that are not listed into a question of their own, in the time that is left.
    pub(super) fn split_off_unlisted(&mut self, id: QuestionId) -> Option<Self> {
        if self.unlisted.is_empty() {
            return None;
        }
        let mut rest = Self::empty(id, self.key.clone(), self.deadline);
        let mut waiting = mem::take(&mut self.unlisted).into_iter();
        rest.listed = waiting
            .by_ref()
            .take(MAX_LISTED)
            .map(|(id, request)| Ticket {
                id,
                request,
                state: RequestState::Waiting,
            })
            .collect();
        rest.unlisted = waiting.collect();
        rest.recount();
        self.recount();
        rest.changed();
        Some(rest)
    }

    /// The tickets that have not come to their end yet.
    pub(super) fn into_waiting(self) -> impl Iterator<Item = Settled> {
        let unlisted = self
            .unlisted
            .into_iter()
            .map(|(ticket, request)| Settled { ticket, request });
        self.listed
            .into_iter()
            .filter(|ticket| ticket.state == RequestState::Waiting)
            .map(Settled::from)
            .chain(unlisted)
    }

    pub(super) fn is_waiting(&self) -> bool {
        let waits = |ticket: &Ticket| ticket.state == RequestState::Waiting;
        !self.unlisted.is_empty() || self.listed.iter().any(waits)
    }

    /// Whether its time is over. A clock that was set back ends it too: it would wait for longer than a person was told.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.deadline <= now || self.deadline > now.after(ANSWER_TIME)
    }

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

    /// What an answer covers.
    pub(super) fn coverage(&self) -> Vec<Coverage> {
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

    /// What is shown has changed; a second step starts over.
    fn changed(&mut self) {
        self.revision += 1;
        if self.step == QuestionStep::Confirmed {
            self.step = QuestionStep::Warning;
        }
    }

    /// The choices that this question offers at its step. `lasting`: what a grant may be at most.
    pub(super) fn choices(&self, lasting: StoreKind) -> Vec<Choice> {
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
            if lasting == StoreKind::Lasting && self.coverage().iter().all(Coverage::may_persist) {
                choices.push(Choice::AlwaysAllow);
            }
        }
        choices.extend([Choice::NotNow, Choice::Never]);
        choices
    }
}
