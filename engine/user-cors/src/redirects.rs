//! Step 11: redirects of a chain that uses the feature.

use crate::{
    address_space::AddressSpace, methods::MethodClass, origin::TupleOrigin, refusal::Refusal,
};

/// Whether the request needs a CORS preflight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeedsPreflight {
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// How a chain is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainPlan {
    /// Anonymously to its end, steps 1 to 6 at each hop; then one question names every target.
    FollowThenAsk,
    /// Each new target is asked about before anything is sent to it.
    AskBeforeEach,
}

/// How to follow redirects, decided by the request as it is sent to the next hop.
pub fn chain_plan(method: MethodClass, needs_preflight: NeedsPreflight) -> ChainPlan {
    if method.is_safe() && needs_preflight == NeedsPreflight::No {
        ChainPlan::FollowThenAsk
    } else {
        ChainPlan::AskBeforeEach
    }
}

/// One hop of a chain that uses the feature.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    /// Who asks.
    pub requester: &'a TupleOrigin,
    /// The origin that redirected.
    pub from: &'a TupleOrigin,
    /// The origin that it leads to.
    pub to: &'a TupleOrigin,
    /// How the chain is followed.
    pub plan: ChainPlan,
    /// The targets that an answer already covers with the method and headers of this request.
    pub allowed: &'a [TupleOrigin],
}

/// Which check the response of a hop has to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopCheck {
    /// Ordinary CORS, and nothing else helps: the hop is back at the requester's origin, with a tainted origin.
    OrdinaryCors,
    /// Steps 1 to 6, and permission.
    UserEnabled,
}

/// What happens to the headers that the page set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageHeaders {
    /// They stay.
    Keep,
    /// The non-safelisted ones are dropped.
    DropUnsafe,
}

/// When the person is asked about a hop's target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskAboutHop {
    /// Not at all: an answer covers it, or it is the requester itself.
    No,
    /// Before anything is sent there, its body in particular.
    BeforeSending,
    /// In the one question at the end of the chain.
    AtTheEnd,
}

/// How to take one hop. The hop is anonymous in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HopPlan {
    /// Which check its response has to pass.
    pub check: HopCheck,
    /// What happens to the page's headers.
    pub headers: PageHeaders,
    /// When the person is asked.
    pub ask: AskAboutHop,
}

/// What happens to the headers that the page set, when one origin leads to another. To be done before it is decided how the
/// request is followed: without them it may be a simple one.
pub fn page_headers(from: &TupleOrigin, to: &TupleOrigin) -> PageHeaders {
    if from == to {
        PageHeaders::Keep
    } else {
        PageHeaders::DropUnsafe
    }
}

/// How to take a hop.
pub fn redirect_hop(hop: &Hop<'_>) -> HopPlan {
    let headers = page_headers(hop.from, hop.to);
    if hop.to == hop.requester {
        return HopPlan {
            check: HopCheck::OrdinaryCors,
            headers,
            ask: AskAboutHop::No,
        };
    }
    let ask = match hop.plan {
        _ if hop.allowed.contains(hop.to) => AskAboutHop::No,
        ChainPlan::FollowThenAsk => AskAboutHop::AtTheEnd,
        ChainPlan::AskBeforeEach => AskAboutHop::BeforeSending,
    };
    HopPlan {
        check: HopCheck::UserEnabled,
        headers,
        ask,
    }
}

/// Whether a hop stays as public as the one before. A space is `None` through the egress, where there is none.
///
/// # Errors
/// If the hop leads to a less public space.
pub fn redirect_space_check(
    from: Option<AddressSpace>,
    to: Option<AddressSpace>,
) -> Result<(), Refusal> {
    match (from, to) {
        (Some(from), Some(to)) if to.is_less_public_than(from) => {
            Err(Refusal::RedirectToLessPublic)
        },
        // One hop through the egress and one around it do not happen in one chain, unless the setting changed.
        (Some(_), None) | (None, Some(_)) => Err(Refusal::RedirectToLessPublic),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap()
    }

    #[test]
    fn plans() {
        assert_eq!(
            chain_plan(MethodClass::Get, NeedsPreflight::No),
            ChainPlan::FollowThenAsk
        );
        assert_eq!(
            chain_plan(MethodClass::Get, NeedsPreflight::Yes),
            ChainPlan::AskBeforeEach
        );
        assert_eq!(
            chain_plan(MethodClass::Post, NeedsPreflight::No),
            ChainPlan::AskBeforeEach
        );
    }

    #[test]
    fn hops() {
        let (a, b, c) = (
            origin("https://a.example"),
            origin("https://b.example"),
            origin("https://c.example"),
        );
        let hop = |from, to, plan| Hop {
            requester: &a,
            from,
            to,
            plan,
            allowed: &[],
        };
        // A → B → C, reading.
        assert_eq!(
            redirect_hop(&hop(&b, &c, ChainPlan::FollowThenAsk)),
            HopPlan {
                check: HopCheck::UserEnabled,
                headers: PageHeaders::DropUnsafe,
                ask: AskAboutHop::AtTheEnd
            }
        );
        // A → B → C with a body.
        assert_eq!(
            redirect_hop(&hop(&b, &c, ChainPlan::AskBeforeEach)).ask,
            AskAboutHop::BeforeSending
        );
        // B → B keeps headers, and an answer for B covers it.
        let within = Hop {
            allowed: std::slice::from_ref(&b),
            ..hop(&b, &b, ChainPlan::AskBeforeEach)
        };
        let plan = redirect_hop(&within);
        assert_eq!(
            (plan.headers, plan.ask),
            (PageHeaders::Keep, AskAboutHop::No)
        );
        // A → B → A has to pass ordinary CORS, whatever was allowed.
        let back = Hop {
            allowed: std::slice::from_ref(&a),
            ..hop(&b, &a, ChainPlan::FollowThenAsk)
        };
        assert_eq!(redirect_hop(&back).check, HopCheck::OrdinaryCors);
        // Another port is another origin.
        let port = origin("https://b.example:8443");
        assert_eq!(
            redirect_hop(&hop(&b, &port, ChainPlan::FollowThenAsk)).headers,
            PageHeaders::DropUnsafe
        );
    }

    #[test]
    fn never_to_a_less_public_space() {
        use AddressSpace::{Local, Loopback, Public};
        for (from, to, passes) in [
            (Some(Public), Some(Public), true),
            (Some(Public), Some(Local), false),
            (Some(Public), Some(Loopback), false),
            (Some(Local), Some(Loopback), false),
            (Some(Local), Some(Public), true),
            (None, None, true),
            (None, Some(Public), false),
            (Some(Public), None, false),
        ] {
            assert_eq!(
                redirect_space_check(from, to).is_ok(),
                passes,
                "{from:?} {to:?}"
            );
        }
    }
}
