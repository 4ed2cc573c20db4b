//! What the permission bar draws. Plain values; every text that a page or a server chose is cut and escaped here.

use std::net::IpAddr;

use super::{
    BodySize, Choice, HeldResponse, QuestionId, TicketId, TicketRequest,
    open_question::{Question, Ticket},
};
use crate::{
    address_space::AddressSpace,
    clock::Timestamp,
    display::{OriginDisplay, bounded_escaped},
    eligibility::{Initiator, TabId},
    permission::TargetNetwork,
    silence::SilenceReason,
};

/// Characters of a URL that *Details* shows.
const SHOWN_URL: usize = 2048;

/// Characters of a response's type, a method or a header name.
const SHOWN_NAME: usize = 128;

/// How much of the question shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// A quiet chip that the person opens: nothing was done in the tab since it navigated.
    Chip,
    /// The bar.
    Bar,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Read.
    Read,
    /// Send and read: some request has another method than GET and HEAD.
    SendAndRead,
}

/// At which step the question is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuestionStep {
    /// The only one.
    Only,
    /// The warning about the local network, which has to be confirmed before anything can be allowed.
    Warning,
    /// The choices after the warning.
    Confirmed,
}

/// Whether a listed request still waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// It does.
    Waiting,
    /// It came to its end meanwhile.
    Cancelled,
}

/// One request under *Details*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestView {
    /// Its ticket.
    pub ticket: TicketId,
    /// Whether it still waits.
    pub state: RequestState,
    /// The method.
    pub method: String,
    /// The URL, cut and escaped.
    pub url: String,
    /// What made it.
    pub initiator: Initiator,
    /// The names of the headers that the page set. Values are never shown.
    pub page_headers: Vec<String>,
    /// The size of its body.
    pub body: BodySize,
    /// The type and size of the response that is held, if one is; the type cut and escaped.
    pub held: Option<HeldResponse>,
    /// The address that answered.
    pub address: Option<IpAddr>,
    /// Its space.
    pub space: Option<AddressSpace>,
    /// Why the server's answer did not allow it.
    pub server_said: SilenceReason,
}

impl RequestView {
    fn new(ticket: &Ticket) -> Self {
        let TicketRequest {
            targets,
            url,
            method,
            initiator,
            page_headers,
            body,
            held,
            server_said,
            ..
        } = &ticket.request;
        let target = targets.last();
        Self {
            ticket: ticket.id,
            state: ticket.state,
            method: bounded_escaped(method.as_str(), SHOWN_NAME),
            url: bounded_escaped(url.as_str(), SHOWN_URL),
            initiator: *initiator,
            page_headers: page_headers
                .iter()
                .map(|name| bounded_escaped(name, SHOWN_NAME))
                .collect(),
            body: *body,
            held: held.as_ref().map(|held| HeldResponse {
                content_type: held
                    .content_type
                    .as_ref()
                    .map(|text| bounded_escaped(text, SHOWN_NAME)),
                size: held.size,
            }),
            address: target.and_then(|target| target.address),
            space: target.and_then(|target| target.space),
            server_said: *server_said,
        }
    }
}

/// Everything that the bar draws for a tab's first question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuestionView {
    /// The question.
    pub id: QuestionId,
    /// Its tab.
    pub tab: TabId,
    /// Changes with every change of what is drawn; an answer is bound to it.
    pub revision: u64,
    /// How much shows.
    pub presence: Presence,
    /// How many questions the tab has, this one included.
    pub queue_length: usize,
    /// Who asks.
    pub requester: OriginDisplay,
    /// Whom: every host, in the order in which they came.
    pub targets: Vec<OriginDisplay>,
    /// What is to be done.
    pub action: Action,
    /// Where the targets are.
    pub network: TargetNetwork,
    /// The proxy through which the requests leave; `None` if they leave from this machine's own address.
    pub egress: Option<String>,
    /// At which step the question is.
    pub step: QuestionStep,
    /// The choices to offer, from the narrowest.
    pub choices: Vec<Choice>,
    /// *Details*.
    pub requests: Vec<RequestView>,
    /// When the question ends by itself.
    pub deadline: Timestamp,
}

impl QuestionView {
    pub(super) fn new(
        question: &Question,
        tab: TabId,
        presence: Presence,
        queue_length: usize,
        choices: Vec<Choice>,
    ) -> Self {
        let only_reads = question
            .listed
            .iter()
            .all(|ticket| ticket.request.method_class.is_safe());
        Self {
            id: question.id,
            tab,
            revision: question.revision,
            presence,
            queue_length,
            requester: question.key.requester.display(),
            targets: question
                .targets()
                .into_iter()
                .map(|target| target.display())
                .collect(),
            action: if only_reads {
                Action::Read
            } else {
                Action::SendAndRead
            },
            network: question.key.network,
            // An open question ends when the way out changes, so all requests have the same.
            egress: question
                .listed
                .first()
                .and_then(|ticket| ticket.request.egress.proxy())
                .map(|proxy| bounded_escaped(&proxy.to_string(), SHOWN_NAME)),
            step: question.step,
            choices,
            requests: question.listed.iter().map(RequestView::new).collect(),
            deadline: question.deadline,
        }
    }
}
