//! What a web developer can do about a refusal. For the developer's own tools: a page never learns of it.

use super::Refusal;
use crate::{
    eligibility::{ClientContext, Initiator},
    question::DeclineReason,
};

impl Refusal {
    /// A name of the reason for programs, which stays the same when the sentence changes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ServerSpoke(_) => "server-spoke",
            Self::SwitchedOff => "switched-off",
            Self::SwitchedOffByPolicy => "switched-off-by-policy",
            Self::PolicyUnusable => "policy-unusable",
            Self::OpaqueRequester => "opaque-requester",
            Self::UntrustworthyRequester => "untrustworthy-requester",
            Self::IneligibleClient(_) => "ineligible-client",
            Self::TabGone => "tab-gone",
            Self::IneligibleInitiator(_) => "ineligible-initiator",
            Self::NotCorsMode => "not-cors-mode",
            Self::CredentialsIncluded => "credentials-included",
            Self::Keepalive => "keepalive",
            Self::RedirectMode => "redirect-mode",
            Self::IneligibleMethod(_) => "ineligible-method",
            Self::TooManyHeaders => "too-many-headers",
            Self::OverridingHeader(_) => "overriding-header",
            Self::CredentialsInUrl => "credentials-in-url",
            Self::FinalDot => "final-dot",
            Self::InsecureTarget => "insecure-target",
            Self::UnverifiedCertificate => "unverified-certificate",
            Self::PreventedByServer | Self::PreventedByMemory => "prevented-by-server",
            Self::ResourcePolicySameOrigin | Self::ResourcePolicySameSite => "resource-policy",
            Self::TargetBlockedByPolicy
            | Self::TargetBlockedByUser
            | Self::TargetBlockedBuiltIn
            | Self::BlocklistUnreadable => "blocklist",
            Self::NotPublic(_) => "not-public",
            Self::LocalNetworkWrite => "local-network-write",
            Self::Proxied => "proxied",
            Self::UnknownPeer | Self::AddressesChanged => "address-unknown",
            Self::AlreadySent(_) => "already-sent",
            Self::RequesterBlockedByPolicy => "requester-blocked-by-policy",
            Self::Denied => "denied",
            Self::Embargoed { .. } => "embargoed",
            Self::NeverAsks(_) => "never-asks",
            Self::NeedsInteraction => "needs-interaction",
            Self::TooManyQuestions | Self::QuestionFull => "too-many-questions",
            Self::Declined(_) => "declined",
            Self::HeldTooLarge | Self::HeldInterrupted => "held-too-long",
            Self::GrantEnded => "grant-ended",
            Self::AroundEgress => "around-egress",
            Self::DualCheck(_) => "dual-check",
            Self::TooManyWrites => "too-many-writes",
            Self::BudgetSpent => "budget-spent",
            Self::RedirectToLessPublic => "redirect-to-less-public",
            Self::RedirectToRequester => "redirect-to-requester",
        }
    }

    /// What the page's developer can do, in a sentence; `None` where only the server or the user can do something.
    pub const fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::SwitchedOff | Self::SwitchedOffByPolicy | Self::PolicyUnusable => {
                "Other people may have it off as well: let the page go on without this answer."
            },
            Self::OpaqueRequester => {
                "Serve the page from an https origin, and without a sandbox that takes its origin away."
            },
            Self::UntrustworthyRequester | Self::InsecureTarget | Self::UnverifiedCertificate => {
                "Serve both the page and what it reads over https, with certificates that browsers accept."
            },
            Self::IneligibleClient(ClientContext::Nested) => {
                "Make the request in the top-level page, and hand the answer to the frame with postMessage()."
            },
            Self::IneligibleClient(_) => {
                "Make the request in the page itself or in a dedicated worker of it."
            },
            Self::IneligibleInitiator(_) | Self::NotCorsMode => {
                "Read it with fetch() or XMLHttpRequest, or as an image, audio or video with a crossorigin attribute."
            },
            Self::CredentialsIncluded => {
                "Leave out credentials: \"include\" (withCredentials for XMLHttpRequest): a user can only allow what anybody \
                 may read there."
            },
            Self::Keepalive => "Leave out keepalive: nobody can be asked when the page is gone.",
            Self::RedirectMode => "Leave out redirect, or set it to \"follow\".",
            Self::IneligibleMethod(_) => "Use GET, HEAD, POST, PUT, PATCH or DELETE.",
            Self::TooManyHeaders => "Set fewer headers.",
            Self::OverridingHeader(_) => "Leave this header out.",
            Self::FinalDot => "Leave out the dot at the end of the host's name.",
            Self::CredentialsInUrl => {
                "Put the login into an Authorization header instead of the URL."
            },
            Self::NotPublic(_)
            | Self::LocalNetworkWrite
            | Self::Proxied
            | Self::UnknownPeer
            | Self::AddressesChanged => {
                "Only servers on the public Internet are asked about; others have to allow it with CORS."
            },
            Self::AlreadySent(_) => {
                "A request that changes something is never sent twice: set a header that makes the browser send a preflight, \
                 or leave credentials: \"omit\" in place so that the answer can be kept."
            },
            Self::NeverAsks(Initiator::Font) => {
                "Load the font with fetch() and FontFace(), which may ask."
            },
            Self::NeverAsks(_) => {
                "Use fetch() or an asynchronous XMLHttpRequest, which can wait for an answer."
            },
            Self::NeedsInteraction | Self::Embargoed { .. } => {
                "Make the request when the person does something that needs it, such as clicking a button that says so."
            },
            Self::TooManyQuestions | Self::QuestionFull => {
                "Ask for less at once: read one server after the other."
            },
            Self::Declined(
                DeclineReason::NotNow
                | DeclineReason::Never
                | DeclineReason::TimedOut
                | DeclineReason::Forbidden,
            )
            | Self::Denied => {
                "Take it as a no: let the page go on without this answer, and explain what it was for before it is needed \
                 again."
            },
            Self::Declined(_) => "Make the request again when it is needed again.",
            Self::HeldTooLarge | Self::HeldInterrupted => {
                "Use GET for large answers: it can be sent again when the person has agreed."
            },
            Self::GrantEnded | Self::AroundEgress | Self::BudgetSpent => {
                "Make the request again: the person will be asked."
            },
            Self::TooManyWrites => "Send fewer changes, or several in one request.",
            Self::RedirectToLessPublic | Self::RedirectToRequester => {
                "Request the URL to which the redirect should lead."
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::silence::Spoken;

    #[test]
    fn advice_is_a_sentence_and_a_code_a_name() {
        for refusal in [
            Refusal::SwitchedOff,
            Refusal::IneligibleClient(ClientContext::Nested),
            Refusal::IneligibleClient(ClientContext::SharedWorker),
            Refusal::CredentialsIncluded,
            Refusal::OverridingHeader("forwarded".into()),
            Refusal::UnknownPeer,
            Refusal::NeverAsks(Initiator::Font),
            Refusal::Declined(DeclineReason::TimedOut),
            Refusal::Declined(DeclineReason::Navigated),
            Refusal::TooManyWrites,
        ] {
            let advice = refusal.advice().unwrap();
            assert!(advice.ends_with('.') && !advice.contains("  "), "{advice}");
            let code = refusal.code();
            assert!(
                code.chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '-'),
                "{code}"
            );
        }
    }

    #[test]
    fn a_server_s_no_is_no_matter_of_the_page_s() {
        for refusal in [
            Refusal::ServerSpoke(Spoken::Null),
            Refusal::PreventedByServer,
            Refusal::TargetBlockedByUser,
        ] {
            assert_eq!(refusal.advice(), None, "{refusal}");
        }
    }
}
