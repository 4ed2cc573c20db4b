//! Steps 10 and 12: how an allowed response reaches the page, and what it exposes.

use std::collections::HashMap;

use http::{HeaderMap, HeaderName};

use crate::{
    egress::WayOut,
    eligibility::TabId,
    methods::MethodClass,
    refusal::Refusal,
    releasable::{Provenance, releasable},
};

/// The most bytes of one response that are held.
pub const MAX_HELD_RESPONSE: u64 = 256 * 1024;

/// The most bytes that are held for one tab.
pub const MAX_HELD_BYTES: u64 = 8 * 1024 * 1024;

/// The most responses that are held for one tab.
pub const MAX_HELD_RESPONSES: usize = 32;

/// Whether the request itself was sent before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedStage {
    /// The CORS-preflight fetch failed: the request was not sent.
    Preflight,
    /// The CORS check on the response failed: the request was sent.
    Response,
    /// A redirect of a request that does more than read leads to this target: nothing was sent there.
    Redirect,
}

/// What became of the response of the failed exchange while the person thought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldState {
    /// It is held: complete, or still coming within the budget.
    Held,
    /// It was never held, or let go since it is over the budget.
    OverBudget,
    /// The connection closed before it was complete.
    Interrupted,
}

/// How an allowed request gets its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The held response is released; nothing is sent again.
    ReleaseHeld,
    /// One anonymous request is sent to the pinned addresses, or through the egress.
    SendAnonymously,
}

/// Step 7: whether the request, if it was sent, may be sent again or its response be released.
///
/// # Errors
/// If it was sent, is not a GET or HEAD, and its response cannot be released.
pub fn already_sent(
    stage: FailedStage,
    method: MethodClass,
    provenance: &Provenance,
    way_out: WayOut,
) -> Result<(), Refusal> {
    match stage {
        FailedStage::Preflight | FailedStage::Redirect => Ok(()),
        FailedStage::Response if method.is_safe() => Ok(()),
        FailedStage::Response => releasable(provenance, way_out).map_err(Refusal::AlreadySent),
    }
}

/// Step 10: how to deliver once the request is allowed.
///
/// # Errors
/// If the request is unsafe, was sent, and its response is not held any more.
pub fn delivery(
    stage: FailedStage,
    method: MethodClass,
    provenance: &Provenance,
    held: HeldState,
    way_out: WayOut,
) -> Result<Delivery, Refusal> {
    already_sent(stage, method, provenance, way_out)?;
    match (stage, held) {
        (FailedStage::Preflight | FailedStage::Redirect, _) => Ok(Delivery::SendAnonymously),
        (FailedStage::Response, HeldState::Held) if releasable(provenance, way_out).is_ok() => {
            Ok(Delivery::ReleaseHeld)
        },
        (FailedStage::Response, _) if method.is_safe() => Ok(Delivery::SendAnonymously),
        (FailedStage::Response, HeldState::Interrupted) => Err(Refusal::HeldInterrupted),
        (FailedStage::Response, HeldState::Held | HeldState::OverBudget) => {
            Err(Refusal::HeldTooLarge)
        },
    }
}

/// The name of a held response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HoldId(u64);

/// Whether a response may still be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldBudget {
    /// It may.
    Within,
    /// It has to be let go; what was counted for it is free again.
    Over,
}

#[derive(Debug)]
struct Hold {
    tab: TabId,
    bytes: u64,
}

/// The budgets of held responses.
#[derive(Debug, Default)]
pub struct HoldBudgets {
    holds: HashMap<HoldId, Hold>,
    issued: u64,
}

impl HoldBudgets {
    /// Begins to hold a response; `None` if the tab holds as many as it may.
    pub fn begin(&mut self, tab: TabId) -> Option<HoldId> {
        let held = self.holds.values().filter(|hold| hold.tab == tab).count();
        if held >= MAX_HELD_RESPONSES {
            return None;
        }
        self.issued += 1;
        let id = HoldId(self.issued);
        self.holds.insert(id, Hold { tab, bytes: 0 });
        Some(id)
    }

    /// Counts bytes that are about to be kept for a response.
    pub fn grow(&mut self, id: HoldId, bytes: u64) -> HoldBudget {
        let Some(hold) = self.holds.get(&id) else {
            return HoldBudget::Over;
        };
        let response = hold.bytes.saturating_add(bytes);
        let tab: u64 = self
            .holds
            .values()
            .filter(|other| other.tab == hold.tab)
            .map(|other| other.bytes)
            .sum();
        if response > MAX_HELD_RESPONSE || tab.saturating_add(bytes) > MAX_HELD_BYTES {
            self.holds.remove(&id);
            return HoldBudget::Over;
        }
        if let Some(hold) = self.holds.get_mut(&id) {
            hold.bytes = response;
        }
        HoldBudget::Within
    }

    /// The response was released or dropped.
    pub fn end(&mut self, id: HoldId) {
        self.holds.remove(&id);
    }
}

/// Step 12: the header names that the CORS filtered response exposes, each once and in the order of the map: every one
/// but cookies, authentication challenges and what concerns proxies.
pub fn exposed_headers(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .keys()
        .filter(|name| is_exposed(name))
        .cloned()
        .collect()
}

fn is_exposed(name: &HeaderName) -> bool {
    !matches!(
        name.as_str(),
        "set-cookie" | "set-cookie2" | "www-authenticate"
    ) && !name.as_str().starts_with("proxy-")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::releasable::{IncludeCredentials, NotReleasable, RELEASABLE};

    const CREDENTIALED: Provenance = Provenance {
        include_credentials: IncludeCredentials::True,
        ..RELEASABLE
    };

    #[test]
    fn nothing_unsafe_is_ever_sent_twice() {
        let held = HeldState::Held;
        let refused = Err(Refusal::AlreadySent(NotReleasable::CredentialsIncluded));
        for (stage, method, provenance, held, expected) in [
            (
                FailedStage::Response,
                MethodClass::Get,
                RELEASABLE,
                held,
                Ok(Delivery::ReleaseHeld),
            ),
            (
                FailedStage::Response,
                MethodClass::Get,
                CREDENTIALED,
                held,
                Ok(Delivery::SendAnonymously),
            ),
            (
                FailedStage::Response,
                MethodClass::Get,
                RELEASABLE,
                HeldState::OverBudget,
                Ok(Delivery::SendAnonymously),
            ),
            (
                FailedStage::Response,
                MethodClass::Get,
                RELEASABLE,
                HeldState::Interrupted,
                Ok(Delivery::SendAnonymously),
            ),
            (
                FailedStage::Response,
                MethodClass::Post,
                RELEASABLE,
                held,
                Ok(Delivery::ReleaseHeld),
            ),
            (
                FailedStage::Response,
                MethodClass::Post,
                CREDENTIALED,
                held,
                refused,
            ),
            (
                FailedStage::Response,
                MethodClass::Post,
                RELEASABLE,
                HeldState::OverBudget,
                Err(Refusal::HeldTooLarge),
            ),
            (
                FailedStage::Response,
                MethodClass::Post,
                RELEASABLE,
                HeldState::Interrupted,
                Err(Refusal::HeldInterrupted),
            ),
            (
                FailedStage::Redirect,
                MethodClass::Post,
                CREDENTIALED,
                HeldState::OverBudget,
                Ok(Delivery::SendAnonymously),
            ),
            (
                FailedStage::Preflight,
                MethodClass::Delete,
                CREDENTIALED,
                HeldState::OverBudget,
                Ok(Delivery::SendAnonymously),
            ),
        ] {
            assert_eq!(
                delivery(stage, method, &provenance, held, WayOut::Direct),
                expected,
                "{stage:?} {method} {held:?}"
            );
        }
    }

    #[test]
    fn with_an_egress_nothing_that_went_around_it_is_released() {
        let by = |method| {
            let held = HeldState::Held;
            delivery(
                FailedStage::Response,
                method,
                &RELEASABLE,
                held,
                WayOut::Egress,
            )
        };
        assert_eq!(by(MethodClass::Get), Ok(Delivery::SendAnonymously));
        assert_eq!(
            by(MethodClass::Post),
            Err(Refusal::AlreadySent(NotReleasable::AroundEgress))
        );
    }

    #[test]
    fn holding_is_bounded() {
        let mut budgets = HoldBudgets::default();
        let tab = TabId(1);
        let first = budgets.begin(tab).unwrap();
        assert_eq!(budgets.grow(first, MAX_HELD_RESPONSE), HoldBudget::Within);
        assert_eq!(budgets.grow(first, 1), HoldBudget::Over);
        assert_eq!(budgets.grow(first, 0), HoldBudget::Over);

        let holds: Vec<_> = (0..MAX_HELD_RESPONSES)
            .map(|_| budgets.begin(tab).unwrap())
            .collect();
        assert_eq!(budgets.begin(tab), None);
        assert!(budgets.begin(TabId(2)).is_some());
        for hold in &holds {
            assert_eq!(
                budgets.grow(*hold, MAX_HELD_BYTES / MAX_HELD_RESPONSES as u64),
                HoldBudget::Within
            );
        }
        assert_eq!(budgets.grow(holds[0], 1), HoldBudget::Over);
        assert!(budgets.begin(tab).is_some());
        budgets.end(holds[1]);
        assert!(budgets.begin(tab).is_some());
    }

    #[test]
    fn exposed_names() {
        let mut headers = HeaderMap::new();
        for name in [
            "content-type",
            "set-cookie",
            "set-cookie2",
            "www-authenticate",
            "proxy-authenticate",
            "proxy-status",
            "x-own",
            "x-own",
        ] {
            headers.append(name, HeaderValue::from_static("v"));
        }
        let names: Vec<_> = exposed_headers(&headers)
            .iter()
            .map(|name| name.as_str().to_owned())
            .collect();
        assert_eq!(names, ["content-type", "x-own"]);
    }

    proptest! {
        #[test]
        fn budgets_hold_for_any_history(steps in prop::collection::vec((0usize..40, 0u64..400_000), 0..200)) {
            let mut budgets = HoldBudgets::default();
            let mut ids = Vec::new();
            for (pick, bytes) in steps {
                if let Some(id) = ids.get(pick).copied() {
                    let _ = budgets.grow(id, bytes);
                } else if let Some(id) = budgets.begin(TabId(1)) {
                    ids.push(id);
                }
                let total: u64 = budgets.holds.values().map(|hold| hold.bytes).sum();
                prop_assert!(total <= MAX_HELD_BYTES && budgets.holds.len() <= MAX_HELD_RESPONSES);
                prop_assert!(budgets.holds.values().all(|hold| hold.bytes <= MAX_HELD_RESPONSE));
            }
        }
    }
}
