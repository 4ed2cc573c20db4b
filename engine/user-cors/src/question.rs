//! Step 9: questions to the person.
//!
//! A *ticket* is one waiting request. Tickets with the same tab, document, requester and target registrable domains join
//! one *question*, which lists what it covers. Each tab has a queue of questions and shows the first. [`Questions`] is
//! the state machine; it draws nothing, and the answers it takes are bound to the exact content that was shown.
//!
//! Each ticket is settled exactly once, whatever happens.

mod arming;
mod open_question;
mod queue;
#[cfg(test)]
mod tests;
mod view;

use std::{fmt, net::IpAddr};

use http::Method;
use thiserror::Error;
use url::Url;

pub use open_question::Settled;
pub use queue::{Answered, Questions};
pub use view::{Action, Presence, QuestionStep, QuestionView, RequestState, RequestView};

use crate::{
    address_space::AddressSpace,
    egress::Egress,
    eligibility::{DocumentId, Initiator, TabId},
    headers::HeaderNames,
    methods::MethodClass,
    origin::{Site, TupleOrigin},
    permission::{GrantUse, Need, PermissionKey, TargetNetwork},
    refusal::Refusal,
    silence::SilenceReason,
};

/// The name of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuestionId(pub(crate) u64);

impl QuestionId {
    /// The name as a number, which no other question has while the browser runs.
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// The name of a waiting request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketId(pub(crate) u64);

/// A target of a waiting request, and what is known about its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketTarget {
    /// Its origin.
    pub origin: TupleOrigin,
    /// The address that answered; `None` through the egress.
    pub address: Option<IpAddr>,
    /// Its space; `None` through the egress.
    pub space: Option<AddressSpace>,
}

impl TicketTarget {
    /// Where the target is. The egress leads to the public Internet only.
    pub fn network(&self) -> TargetNetwork {
        match self.space {
            Some(AddressSpace::Public) | None => TargetNetwork::Public,
            Some(AddressSpace::Local | AddressSpace::Loopback) => TargetNetwork::LocalNetwork,
        }
    }
}

/// The size of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodySize {
    /// There is none.
    None,
    /// This many bytes.
    Known(u64),
    /// There is one, of unknown size.
    Unknown,
}

/// A response that is held while the question is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldResponse {
    /// Its `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// Its size in bytes, when known.
    pub size: Option<u64>,
}

/// A request that is to wait for a person. Made by [`crate::UserCors::consider`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRequest {
    /// The tab.
    pub tab: TabId,
    /// The document.
    pub document: DocumentId,
    /// The site of the tab's top-level document.
    pub top_level_site: Site,
    /// Who asks.
    pub requester: TupleOrigin,
    /// Whom: the targets of the chain, the current one last. Never empty.
    pub targets: Vec<TicketTarget>,
    /// Where they are: in the local network, if one of them is.
    pub network: TargetNetwork,
    /// The address space that the requester's document came from.
    pub requester_space: AddressSpace,
    /// The current URL.
    pub url: Url,
    /// The method.
    pub method: Method,
    /// Its class.
    pub method_class: MethodClass,
    /// What made it.
    pub initiator: Initiator,
    /// The names of all headers that the page set.
    pub page_headers: HeaderNames,
    /// Those of them that are CORS-unsafe.
    pub unsafe_headers: HeaderNames,
    /// The size of its body.
    pub body: BodySize,
    /// The response that is held, if one is.
    pub held: Option<HeldResponse>,
    /// How many bytes of headers the fetch keeps of responses while it waits.
    pub kept: usize,
    /// Why the server's answer did not allow it.
    pub server_said: SilenceReason,
    /// By which way it leaves once it is allowed.
    pub egress: Egress,
}

impl TicketRequest {
    /// How many bytes a page or a server has chosen that are kept while it waits, about.
    fn bytes(&self) -> usize {
        let names = [&self.page_headers, &self.unsafe_headers];
        let names: usize = names
            .into_iter()
            .flat_map(HeaderNames::iter)
            .map(str::len)
            .sum();
        let content_type = self
            .held
            .as_ref()
            .and_then(|held| held.content_type.as_ref())
            .map_or(0, String::len);
        let own = self.url.as_str().len() + self.method.as_str().len() + names + content_type;
        own.saturating_add(self.kept)
    }

    /// What the request needs, target by target.
    pub fn needs(&self) -> impl Iterator<Item = Need> {
        self.targets.iter().map(|target| Need {
            key: PermissionKey {
                top_level_site: self.top_level_site.clone(),
                requester: self.requester.clone(),
                target: target.origin.clone(),
            },
            network: target.network(),
            way: self.egress.way_out(),
            method: self.method_class,
            headers: self.unsafe_headers.clone(),
        })
    }
}

/// What a person can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The requests that were listed.
    AllowOnce,
    /// This tab, until its top-level site changes.
    AllowForVisit,
    /// Thirty days, renewed by use.
    AlwaysAllow,
    /// No, and nothing is remembered but the click.
    NotNow,
    /// No, until it is taken back.
    Never,
}

impl Choice {
    /// How much the choice gives, from the least.
    pub const fn generosity(self) -> u8 {
        match self {
            Self::Never => 0,
            Self::NotNow => 1,
            Self::AllowOnce => 2,
            Self::AllowForVisit => 3,
            Self::AlwaysAllow => 4,
        }
    }

    /// Whether the choice allows something.
    pub const fn allows(self) -> bool {
        matches!(
            self,
            Self::AllowOnce | Self::AllowForVisit | Self::AlwaysAllow
        )
    }
}

/// Why a question ended without an allowing answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeclineReason {
    /// *Not now*.
    NotNow,
    /// *Never*.
    Never,
    /// The page navigated.
    Navigated,
    /// The tab was closed.
    TabClosed,
    /// Nobody answered in time.
    TimedOut,
    /// The browser quits.
    Quit,
    /// The page cancelled the request.
    Cancelled,
    /// A setting or policy changed meanwhile and forbids it.
    Forbidden,
    /// The machine moved to another network, from where the target may be another one.
    NetworkChanged,
    /// The way out of anonymous requests changed, and with it what the target would see.
    EgressChanged,
}

impl fmt::Display for DeclineReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotNow => "You chose not to allow this now.",
            Self::Never => "You chose never to allow this.",
            Self::Navigated => "The page was left before you answered.",
            Self::TabClosed => "The tab was closed before you answered.",
            Self::TimedOut => "Nobody answered in time.",
            Self::Quit => "The browser was closed before you answered.",
            Self::Cancelled => "The page cancelled the request before you answered.",
            Self::Forbidden => "A setting changed before you answered.",
            Self::NetworkChanged => "This computer moved to another network before you answered.",
            Self::EgressChanged => "The way out of such requests changed before you answered.",
        })
    }
}

/// How a waiting request ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on.
    Allowed(GrantUse),
    /// It stays failed.
    Declined(DeclineReason),
}

/// The end of one ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a request waits until its settlement reaches it"]
pub struct Settlement {
    /// The ticket.
    pub ticket: TicketId,
    /// How it ends.
    pub verdict: Verdict,
}

/// What asking led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskOutcome {
    /// The request waits.
    Waiting {
        /// The name under which it is settled.
        ticket: TicketId,
        /// The question that it is part of.
        question: QuestionId,
    },
    /// Rules answered it at once.
    Settled(Verdict),
    /// It stays failed.
    Refused(Refusal),
}

/// Why an answer does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// The content was not visible in the focused window for long enough; the wait starts again.
    #[error("the question was not visible for long enough")]
    TooEarly,
    /// The content has changed since.
    #[error("the question has changed")]
    Changed,
    /// There is no such question any more.
    #[error("the question has ended")]
    Unknown,
    /// The question does not offer this choice, or not at this step.
    #[error("the question does not offer this")]
    NotOffered,
}
