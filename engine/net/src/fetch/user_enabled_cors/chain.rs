//! What user-enabled CORS has done in one chain of redirects.

use std::net::IpAddr;
use std::sync::Arc;

use content_security_policy::Violation;
use servo_url::ImmutableOrigin;
use user_cors::{
    AddressSpace, CorsFailure, GrantUse, Route, TargetNetwork, TicketTarget, TupleOrigin,
    redirect_space_check,
};

use super::facts;
use crate::connection::Admission;
use crate::embedding::{Embedding, NetworkWatch};
use crate::fetch::cause;

/// The state of a chain of redirects. Once it is active, every later hop is anonymous.
#[derive(Default)]
pub(crate) struct Chain {
    anonymous: Option<Anonymous>,
    delivered: Option<Word>,
    /// Violations of the page's policies by hops that it does not know of.
    held_back: Vec<Violation>,
}

/// By whose word the page gets the response that a chain ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Each server on the way allowed the page by itself.
    Servers,
    /// The user spoke for a server on the way, but the last one allowed the page by itself: its word says what the page sees.
    LastServer,
    /// The user spoke for the last server.
    User,
}

/// A chain in which this feature has made or followed a request.
pub(super) struct Anonymous {
    /// For whom its requests are made.
    pub requester: Arc<ImmutableOrigin>,
    /// The failure that began it, as the page's error is explained by it.
    pub failure: cause::CorsFailure,
    /// Where the next request may go; `None` until its target was classified.
    pub pin: Option<Pin>,
    /// The targets that were silent so far, whose answers were followed.
    pub silent_targets: Vec<TicketTarget>,
    /// The facts of the last silent answer, about which a question is asked at the end of the chain.
    pub last_silent: Option<Box<CorsFailure>>,
    /// What the person, or an earlier grant, has allowed.
    pub grant: Option<Arc<GrantInUse>>,
    /// The address space of the last hop; `None` through the egress.
    pub space: Option<AddressSpace>,
    /// What the next request is for.
    pub errand: Errand,
}

/// What a request of the chain is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Errand {
    /// Its answer is for the page.
    #[default]
    Deliver,
    /// Its answer is compared with the one for the page, and goes no further. It leaves directly, whatever the egress.
    Compare,
}

/// What was classified: a request goes there or nowhere.
#[derive(Clone)]
pub(super) struct Pin {
    addresses: Vec<IpAddr>,
    bound: Bound,
}

/// What a connection to classified addresses has to be. They alone do not say so, for the certificate counts too.
#[derive(Clone, Copy)]
enum Bound {
    /// In this network.
    Network(TargetNetwork),
    /// No less public than this.
    Space(AddressSpace),
}

impl Bound {
    fn admits(self, route: &Route) -> bool {
        match self {
            Self::Network(network) => route.network() == Some(network),
            Self::Space(space) => redirect_space_check(Some(space), route.space()).is_ok(),
        }
    }
}

impl Pin {
    /// The addresses of a route and their network; `None` if it has none that were classified.
    pub fn of(route: &Route) -> Option<Self> {
        match route {
            Route::Direct(classification) => Some(Self {
                addresses: classification.addresses.clone(),
                bound: Bound::Network(route.network()?),
            }),
            // NB: nobody knows the addresses. Without the egress, such a request goes nowhere.
            Route::Egress(_) => Some(Self {
                addresses: Vec::new(),
                bound: Bound::Network(route.network()?),
            }),
            Route::OtherProxy | Route::Unknown => None,
        }
    }

    /// The addresses of a route on which a chain of redirects is followed from a hop in `space`.
    pub fn after(space: AddressSpace, route: &Route) -> Option<Self> {
        Self::of(route).map(|pin| Self {
            bound: Bound::Space(space),
            ..pin
        })
    }

    /// Whether there is anything to connect to.
    pub fn has_addresses(&self) -> bool {
        !self.addresses.is_empty()
    }

    /// Whether it is on the public Internet.
    pub fn is_public(&self) -> bool {
        matches!(self.bound, Bound::Network(TargetNetwork::Public))
    }
}

/// A grant that a request uses until it ends.
pub(super) struct GrantInUse {
    embedding: &'static Embedding,
    /// The grant.
    pub grant: GrantUse,
    /// What the chain used before, which must not end while this is in use.
    _before: Option<Arc<Self>>,
    _watch: NetworkWatch,
}

impl GrantInUse {
    /// Uses `grant` from here on, with all that `before` allowed.
    pub fn new(
        embedding: &'static Embedding,
        before: Option<Arc<Self>>,
        grant: GrantUse,
    ) -> Arc<Self> {
        let grant = match &before {
            Some(before) => before.grant.clone().and(grant),
            None => grant,
        };
        Arc::new(Self {
            embedding,
            grant,
            _before: before,
            _watch: embedding.watch_network(),
        })
    }
}

impl GrantInUse {
    /// The targets that it covers.
    pub fn allowed_targets(&self) -> impl Iterator<Item = &TupleOrigin> {
        let bases = self.grant.bases().iter();
        bases.map(|(need, _)| &need.key.target)
    }
}

impl Drop for GrantInUse {
    fn drop(&mut self) {
        self.embedding.user_cors().finished(&self.grant);
    }
}

impl Chain {
    /// From here on, requests are anonymous and made for `requester`.
    pub(super) fn activate(
        &mut self,
        requester: &Arc<ImmutableOrigin>,
        failure: &cause::CorsFailure,
    ) -> &mut Anonymous {
        self.anonymous.get_or_insert_with(|| Anonymous {
            requester: requester.clone(),
            failure: failure.clone(),
            pin: None,
            silent_targets: Vec::new(),
            last_silent: None,
            grant: None,
            space: None,
            errand: Errand::default(),
        })
    }

    /// The state of an active chain.
    pub(super) fn anonymous_mut(&mut self) -> Option<&mut Anonymous> {
        self.anonymous.as_mut()
    }

    /// The targets that were silent so far.
    pub(super) fn silent_targets(&self) -> &[TicketTarget] {
        self.anonymous
            .as_ref()
            .map_or(&[], |anonymous| &anonymous.silent_targets)
    }

    /// Keeps violations of the page's policies from it until it is given the response. Of a chain that fails it hears nothing.
    pub(crate) fn hold_back(&mut self, violations: Vec<Violation>) {
        self.held_back.extend(violations);
    }

    /// What was [held back](Self::hold_back).
    pub(crate) fn take_held_back(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.held_back)
    }

    /// The page may read the response that the chain ends with.
    pub(super) fn deliver(&mut self, word: Word) {
        self.delivered = Some(word);
    }

    /// The failure as which a chain ends whose response was not [delivered](Self::deliver).
    pub(crate) fn undelivered(&self) -> Option<&cause::CorsFailure> {
        self.failure().filter(|_| self.delivered.is_none())
    }

    /// Whether this feature has made or followed a request of this chain.
    pub(crate) fn is_active(&self) -> bool {
        self.anonymous.is_some()
    }

    /// Whether the response is delivered by the user's word rather than the servers'.
    pub(crate) fn is_released(&self) -> bool {
        matches!(self.delivered, Some(Word::LastServer | Word::User))
    }

    /// Whether the page sees every header of the response rather than those that its server exposes.
    pub(crate) fn exposes_all_headers(&self) -> bool {
        self.delivered == Some(Word::User)
    }

    /// Whether the next request is anonymous.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.anonymous.is_some()
    }

    /// For whom anonymous requests are made.
    pub(crate) fn anonymous_requester(&self) -> Option<&Arc<ImmutableOrigin>> {
        self.anonymous
            .as_ref()
            .map(|anonymous| &anonymous.requester)
    }

    /// What the next request is for, if it is anonymous.
    pub(super) fn errand(&self) -> Option<Errand> {
        self.anonymous.as_ref().map(|anonymous| anonymous.errand)
    }

    /// The addresses that the next request may go to.
    pub(super) fn pinned(&self) -> Option<Vec<IpAddr>> {
        let pin = self.anonymous.as_ref()?.pin.as_ref()?;
        Some(pin.addresses.clone())
    }

    /// What a connection has to be for the next request to be sent over it: as public as what was classified.
    pub(super) fn admission(&self) -> Option<Admission> {
        let bound = self.anonymous.as_ref()?.pin.as_ref()?.bound;
        Some(Admission::new(move |record| {
            Embedding::get()
                .map(|embedding| embedding.classify(record, || facts::connection(record)))
                .is_some_and(|route| bound.admits(&route))
        }))
    }

    /// The CORS failure that began it, if it is active.
    pub(crate) fn failure(&self) -> Option<&cause::CorsFailure> {
        self.anonymous.as_ref().map(|anonymous| &anonymous.failure)
    }
}

impl Anonymous {
    /// The targets that the grant in use covers.
    pub fn allowed_targets(&self) -> Vec<TupleOrigin> {
        let used = self.grant.iter();
        used.flat_map(|used| used.allowed_targets())
            .cloned()
            .collect()
    }
}
