//! Every reason for which user-enabled CORS does not help, by step.
//!
//! The page sees none of this: it gets the network error that Fetch returned before. The reasons are for the person: the
//! site panel, the console of the person's own tools and the network log.

mod advice;

use thiserror::Error;

use crate::{
    address_space::NotPublic,
    clock::Timestamp,
    eligibility::{ClientContext, IneligibleInitiator, Initiator},
    question::DeclineReason,
    releasable::NotReleasable,
    silence::Spoken,
};

/// Why a request stays failed. [`std::fmt::Display`] writes one plain sentence.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    // The hook.
    /// The server was not silent.
    #[error("The server says who may read this: {0}.")]
    ServerSpoke(Spoken),

    // 1. Switched off?
    /// The preference is off.
    #[error("User-enabled CORS is switched off in the settings.")]
    SwitchedOff,
    /// Policy disables the feature.
    #[error("The administrator has switched user-enabled CORS off.")]
    SwitchedOffByPolicy,
    /// The policy file cannot be used, so the feature is off.
    #[error("User-enabled CORS is off because the administrator's policy cannot be read.")]
    PolicyUnusable,

    // 2. Eligible requester?
    /// The requester's origin is opaque or not http(s).
    #[error(
        "The requesting page has no origin of its own, so nobody could be named in a question."
    )]
    OpaqueRequester,
    /// The requester is not potentially trustworthy.
    #[error("The requesting page did not come over a secure connection.")]
    UntrustworthyRequester,
    /// The client is not a top-level document or its dedicated worker.
    #[error("Only the page in the tab itself may ask, not {}.", client_name(*.0))]
    IneligibleClient(ClientContext),
    /// The tab is gone.
    #[error("The tab that made the request is gone.")]
    TabGone,

    // 3. Eligible request?
    /// This kind of request never asks.
    #[error("A request of this kind is never asked about: {}.", Initiator::Ineligible(*.0))]
    IneligibleInitiator(IneligibleInitiator),
    /// The mode is not `cors`.
    #[error("The request was not made in the mode “cors”.")]
    NotCorsMode,
    /// The credentials mode is `include`.
    #[error(
        "The page wants to send cookies or logins along; write credentials: \"omit\" or leave it out."
    )]
    CredentialsIncluded,
    /// The keepalive flag is set.
    #[error("The request is meant to outlive its page.")]
    Keepalive,
    /// The redirect mode is not `follow`.
    #[error("The page does not let redirects be followed.")]
    RedirectMode,
    /// The method is not one that a grant can cover.
    #[error("The method {0} cannot be allowed.")]
    IneligibleMethod(String),
    /// More page-set headers than a question can show.
    #[error("The page set more headers than a question can show.")]
    TooManyHeaders,
    /// A header that changes the method or origin of a request at common servers.
    #[error(
        "The page set the header {0}, which makes some servers do something else than what was allowed."
    )]
    OverridingHeader(String),
    /// The URL has a user name or a password.
    #[error("The address contains a user name or password.")]
    CredentialsInUrl,
    /// The name of the requester or of the target ends in a dot.
    #[error(
        "A name that ends in a dot is not told from the name without it by lists and decisions."
    )]
    FinalDot,
    /// The target is not https.
    #[error("The target cannot be reached over a secure connection.")]
    InsecureTarget,
    /// The target's certificate was not verified without an override.
    #[error("The target's certificate could not be verified.")]
    UnverifiedCertificate,

    // 4. Server's word.
    /// `Access-Control-Prevent-Origin` on this response names the requester.
    #[error("The server asks browsers not to let this site read it.")]
    PreventedByServer,
    /// A remembered `Access-Control-Prevent-Origin` names the requester.
    #[error("The server asked browsers earlier not to let this site read it.")]
    PreventedByMemory,
    /// `Cross-Origin-Resource-Policy: same-origin`.
    #[error(
        "The server shares this with its own pages only (Cross-Origin-Resource-Policy: same-origin)."
    )]
    ResourcePolicySameOrigin,
    /// `Cross-Origin-Resource-Policy: same-site`, and the requester is another site.
    #[error(
        "The server shares this with its own site only (Cross-Origin-Resource-Policy: same-site)."
    )]
    ResourcePolicySameSite,

    // 5. Blocklist.
    /// Policy blocks the target.
    #[error("The administrator blocks this target.")]
    TargetBlockedByPolicy,
    /// The user's own list blocks the target.
    #[error("This target is on your blocklist.")]
    TargetBlockedByUser,
    /// The built-in list blocks the target.
    #[error("This target is on the built-in blocklist.")]
    TargetBlockedBuiltIn,
    /// A list of the administrator's or the user's cannot be read, so nobody knows what it blocks.
    #[error("A blocklist cannot be read, so nothing can be allowed until it can.")]
    BlocklistUnreadable,

    // 6. Address space.
    /// The target is not public, and such targets are blocked.
    #[error("The target is not on the public Internet: {0}.")]
    NotPublic(NotPublic),
    /// The target is not public, and the request does more than read.
    #[error("Only reading can be allowed from devices on your own network.")]
    LocalNetworkWrite,
    /// The exchange went through a proxy that is not the egress.
    #[error("The request went through a proxy, so nobody knows where it ended.")]
    Proxied,
    /// The addresses are not known.
    #[error("It is not known which address answered.")]
    UnknownPeer,
    /// The target's addresses changed and their class with them.
    #[error("The target has moved to another kind of address.")]
    AddressesChanged,

    // 7. Already sent?
    /// An unsafe request was sent and its response cannot be released.
    #[error("The request was sent already and may not be sent twice: {0}.")]
    AlreadySent(NotReleasable),

    // 8. Permission.
    /// Policy blocks the requester.
    #[error("The administrator does not let this site ask.")]
    RequesterBlockedByPolicy,
    /// A person said *Never*.
    #[error("You chose never to allow this.")]
    Denied,
    /// The site was refused several times in a day.
    #[error("You refused this site several times; it may ask again later.")]
    Embargoed {
        /// When the embargo ends.
        until: Timestamp,
    },
    /// No grant, and a request of this kind never asks.
    #[error("This is not allowed yet, and a request of this kind cannot wait for an answer: {0}.")]
    NeverAsks(Initiator),

    // 9. Question.
    /// The site was refused, and nothing was done in its tab since.
    #[error("You declined; the site may ask again after you have used the page.")]
    NeedsInteraction,
    /// The document has as many open questions as it may have.
    #[error("The page asks too many questions at once.")]
    TooManyQuestions,
    /// The question lists as many hosts or requests as it may.
    #[error("The page asks for too much at once.")]
    QuestionFull,
    /// The question ended without an allowing answer.
    #[error("{0}")]
    Declined(DeclineReason),

    // 10. Deliver.
    /// The held response grew over the budget and may not be sent again.
    #[error("The answer was too large to wait for you, and the request may not be sent twice.")]
    HeldTooLarge,
    /// The connection closed before the held response was complete, and it may not be sent again.
    #[error(
        "The server closed the connection while it waited for you, and the request may not be sent twice."
    )]
    HeldInterrupted,
    /// The grant ended between answer and delivery.
    #[error("The permission ended before the answer could be handed over.")]
    GrantEnded,
    /// There is an egress, and the answer came around it.
    #[error("The answer did not come through the egress.")]
    AroundEgress,
    /// The dual check did not let the answer through.
    #[error("The answer was not checked twice with the same outcome: {0}.")]
    DualCheck(DualCheckFailure),
    /// Too many writes in a minute under one grant.
    #[error("The page changes too much at once under this permission.")]
    TooManyWrites,
    /// The response is more than is left of the grant's budget.
    #[error("The answer is more than this permission gives in a day; you will be asked again.")]
    BudgetSpent,

    // 11. Redirects.
    /// A hop leads to a less public space than the hop before.
    #[error("The server redirects to an address on a less public network.")]
    RedirectToLessPublic,
    /// A hop back to the requester's origin did not pass ordinary CORS.
    #[error("The redirect leads back to the page's own site, which does not share this.")]
    RedirectToRequester,
}

/// Why a dual check did not let an answer through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DualCheckFailure {
    /// There is no egress, so nothing could be compared.
    #[error("there is no egress to compare with")]
    NoEgress,
    /// The request does more than read, and is not sent twice.
    #[error("a request that does more than read is not sent twice")]
    Method,
    /// The answer is larger than what is held.
    #[error("the answer is too large to be held")]
    TooLarge,
    /// The direct request got no answer.
    #[error("the direct request got no answer")]
    Unanswered,
    /// Status, length or digest differ.
    #[error("the server answers others in another way")]
    Differs,
}

impl Refusal {
    /// The step of the specification that refused; 0 is the test for silence before step 1.
    pub const fn step(&self) -> u8 {
        match self {
            Self::ServerSpoke(_) => 0,
            Self::SwitchedOff | Self::SwitchedOffByPolicy | Self::PolicyUnusable => 1,
            Self::OpaqueRequester
            | Self::UntrustworthyRequester
            | Self::IneligibleClient(_)
            | Self::TabGone => 2,
            Self::IneligibleInitiator(_)
            | Self::NotCorsMode
            | Self::CredentialsIncluded
            | Self::Keepalive
            | Self::RedirectMode
            | Self::IneligibleMethod(_)
            | Self::TooManyHeaders
            | Self::OverridingHeader(_)
            | Self::CredentialsInUrl
            | Self::FinalDot
            | Self::InsecureTarget
            | Self::UnverifiedCertificate => 3,
            Self::PreventedByServer
            | Self::PreventedByMemory
            | Self::ResourcePolicySameOrigin
            | Self::ResourcePolicySameSite => 4,
            Self::TargetBlockedByPolicy
            | Self::TargetBlockedByUser
            | Self::TargetBlockedBuiltIn
            | Self::BlocklistUnreadable => 5,
            Self::NotPublic(_)
            | Self::LocalNetworkWrite
            | Self::Proxied
            | Self::UnknownPeer
            | Self::AddressesChanged => 6,
            Self::AlreadySent(_) => 7,
            Self::RequesterBlockedByPolicy
            | Self::Denied
            | Self::Embargoed { .. }
            | Self::NeverAsks(_) => 8,
            Self::NeedsInteraction
            | Self::TooManyQuestions
            | Self::QuestionFull
            | Self::Declined(_) => 9,
            Self::HeldTooLarge
            | Self::HeldInterrupted
            | Self::GrantEnded
            | Self::AroundEgress
            | Self::DualCheck(_)
            | Self::TooManyWrites
            | Self::BudgetSpent => 10,
            Self::RedirectToLessPublic | Self::RedirectToRequester => 11,
        }
    }
}

fn client_name(client: ClientContext) -> &'static str {
    match client {
        ClientContext::TopLevelDocument => "the page",
        ClientContext::DedicatedWorker => "a worker of the page",
        ClientContext::Nested => "a frame inside it",
        ClientContext::SharedWorker => "a shared worker",
        ClientContext::ServiceWorker => "a service worker",
        ClientContext::Unknown => "an unknown part of it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_one_sentence_of_its_step() {
        for (refusal, step) in [
            (Refusal::ServerSpoke(Spoken::Everyone), 0),
            (Refusal::PolicyUnusable, 1),
            (Refusal::IneligibleClient(ClientContext::Nested), 2),
            (Refusal::IneligibleInitiator(IneligibleInitiator::Beacon), 3),
            (Refusal::OverridingHeader("forwarded".into()), 3),
            (Refusal::FinalDot, 3),
            (Refusal::PreventedByMemory, 4),
            (Refusal::TargetBlockedByUser, 5),
            (Refusal::BlocklistUnreadable, 5),
            (Refusal::Proxied, 6),
            (Refusal::AlreadySent(NotReleasable::CredentialsIncluded), 7),
            (
                Refusal::Embargoed {
                    until: Timestamp::default(),
                },
                8,
            ),
            (Refusal::Declined(DeclineReason::TimedOut), 9),
            (Refusal::HeldTooLarge, 10),
            (Refusal::DualCheck(DualCheckFailure::Differs), 10),
            (Refusal::RedirectToLessPublic, 11),
        ] {
            assert_eq!(refusal.step(), step);
            let sentence = refusal.to_string();
            assert!(
                sentence.ends_with('.') && !sentence.contains('\n'),
                "{sentence}"
            );
        }
    }
}
