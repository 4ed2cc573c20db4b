//! Step 8: grants, denials, and which of them answers a request.

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    budget::Usage,
    clock::Timestamp,
    egress::WayOut,
    eligibility::TabId,
    headers::HeaderNames,
    machine_network::MachineNetwork,
    methods::{MethodClass, Methods},
    origin::{Site, TupleOrigin},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many days after its last use a lasting grant ends.
pub const RENEWED_DAYS: u32 = 30;

/// How many days after the click a lasting grant ends, however often it is used.
pub const MAX_GRANT_DAYS: u32 = 180;

/// How far a grant's own times may lie in the future before it is no longer believed: the clock was set back.
const CLOCK_TOLERANCE: Duration = DAY;

/// What a grant or a denial is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PermissionKey {
    /// The site of the tab's top-level document.
    pub top_level_site: Site,
    /// Who asks.
    pub requester: TupleOrigin,
    /// Whom.
    pub target: TupleOrigin,
}

/// What there is under each key. Every fetch under a permission looks here several times, and nobody gets an entry in here but by
/// a person's decision, so a quick hash with a seed is enough.
pub(crate) type ByKey<T> = HashMap<PermissionKey, T, foldhash::quality::RandomState>;

/// Whether a target is on the public Internet, or asked about in two steps. A grant for the one never covers the other:
/// otherwise a name that was allowed while it was public would open the local network when its owner points it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetNetwork {
    /// Public.
    Public,
    /// Less than that.
    LocalNetwork,
}

/// What one request needs at one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// For whom and about whom.
    pub key: PermissionKey,
    /// Where the target is.
    pub network: TargetNetwork,
    /// By which way the request leaves.
    pub way: WayOut,
    /// The method.
    pub method: MethodClass,
    /// The names of CORS-unsafe headers.
    pub headers: HeaderNames,
}

impl Need {
    /// Whether what was granted for this need is enough for the other. Fewer headers are: redirects drop them.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        Coverage::of(self).covers(other)
    }
}

/// How long a grant lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GrantScope {
    /// For the requests that the question listed.
    Once,
    /// For one tab, until its top-level site changes.
    Visit,
    /// For [`RENEWED_DAYS`], renewed by use, at most [`MAX_GRANT_DAYS`].
    Persistent,
}

impl GrantScope {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Visit => "visit",
            Self::Persistent => "persistent",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Once, Self::Visit, Self::Persistent]
            .into_iter()
            .find(|scope| scope.as_str() == text)
    }
}

/// The name of a grant. Names of ended grants are not used again while the browser runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId(pub(crate) u64);

/// What a question showed about one target, and so what an answer covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// For whom and about whom.
    pub key: PermissionKey,
    /// Where the target was.
    pub network: TargetNetwork,
    /// By which way requests were to leave. What was allowed as a stranger sees it is not allowed as this machine does, which
    /// some servers trust by its address. The other way round nothing is read that was not allowed.
    pub way: WayOut,
    /// The methods.
    pub methods: Methods,
    /// The names of CORS-unsafe headers.
    pub headers: HeaderNames,
}

impl Coverage {
    /// Whether a request is within this.
    pub fn covers(&self, need: &Need) -> bool {
        self.key == need.key
            && self.network == need.network
            && self.way.covers(need.way)
            && self.methods.contains(need.method)
            && self.headers.covers(&need.headers)
    }

    /// Whether all that the other covers is within this.
    pub(crate) fn includes(&self, other: &Self) -> bool {
        self.key == other.key
            && self.network == other.network
            && self.way.covers(other.way)
            && self.methods.covers(other.methods)
            && self.headers.covers(&other.headers)
    }

    /// Exactly what one request needs.
    pub(crate) fn of(need: &Need) -> Self {
        Self {
            key: need.key.clone(),
            network: need.network,
            way: need.way,
            methods: Methods::NONE.with(need.method),
            headers: need.headers.clone(),
        }
    }

    /// Adds what one request needs to a list. Methods are united only where all else is equal, so that the list covers no
    /// combination that was not shown.
    pub(crate) fn add(list: &mut Vec<Self>, need: &Need) {
        let same = list.iter_mut().find(|coverage| {
            coverage.key == need.key
                && coverage.network == need.network
                && coverage.way == need.way
                && coverage.headers == need.headers
        });
        match same {
            Some(coverage) => coverage.methods = coverage.methods.with(need.method),
            None => list.push(Self::of(need)),
        }
    }

    /// Whether a grant for this may last.
    pub(crate) fn may_persist(&self) -> bool {
        self.network == TargetNetwork::Public && self.methods.may_persist()
    }
}

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its name.
    pub id: GrantId,
    /// What it covers.
    pub coverage: Coverage,
    /// How long it lasts.
    pub scope: GrantScope,
    /// The tab of a visit or once grant.
    pub tab: Option<TabId>,
    /// The click.
    pub created: Timestamp,
    /// The last use, or the click.
    pub last_used: Timestamp,
    /// The end of a lasting grant.
    pub expires: Option<Timestamp>,
    /// The network on which this machine was at the click; `None` if that could not be told.
    pub made_on: Option<MachineNetwork>,
    /// What it was used for.
    pub usage: Usage,
}

impl Grant {
    /// Whether the grant is in force at this moment. One that says that it was made well in the future is not: the clock
    /// was set back, and it would live longer than the person allowed.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let latest = now.after(CLOCK_TOLERANCE);
        self.created <= latest
            && self.last_used <= latest
            && self.expires.is_none_or(|expires| now < expires)
    }
}

impl Grant {
    /// Whether the grant is in force under policy's `MaxGrantDays`, which may have come after the click.
    pub(crate) fn is_live_under(&self, policy_days: Option<u32>, now: Timestamp) -> bool {
        let ended_by_policy = self.scope == GrantScope::Persistent
            && persistent_expiry(self.created, self.last_used, policy_days) <= now;
        self.is_live(now) && !ended_by_policy
    }
}

/// The end of a lasting grant: [`RENEWED_DAYS`] after the last use, but no later than [`MAX_GRANT_DAYS`], or what policy
/// allows, after the click.
pub fn persistent_expiry(
    created: Timestamp,
    last_used: Timestamp,
    policy_days: Option<u32>,
) -> Timestamp {
    let longest = policy_days.unwrap_or(MAX_GRANT_DAYS).min(MAX_GRANT_DAYS);
    last_used
        .after(DAY * RENEWED_DAYS)
        .min(created.after(DAY * longest))
}

/// *Never*, until a person takes it back. Covers all methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// What it is about.
    pub key: PermissionKey,
    /// The click.
    pub created: Timestamp,
}

/// What lets one target of a request through step 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantBasis {
    /// A pair that policy allows.
    Policy,
    /// A grant.
    Grant {
        /// Its name.
        id: GrantId,
        /// Its scope.
        scope: GrantScope,
    },
}

/// A request that may go on, and why. Kept by the fetch stack until the request has ended; checked again at release. A clone is
/// another handle to the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantUse {
    pub(crate) bases: Arc<[(Need, GrantBasis)]>,
}

impl GrantUse {
    /// What the request needs at each of its targets, with what lets it through there. Never empty.
    pub fn bases(&self) -> &[(Need, GrantBasis)] {
        &self.bases
    }

    /// What lets a request through at the targets of both: those of the other one come last.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let own = self.bases.iter().filter(|base| !other.bases.contains(base));
        Self {
            bases: own.chain(&*other.bases).cloned().collect(),
        }
    }

    /// The shortest scope among the grants in use; `None` if policy alone lets the request through.
    pub fn scope(&self) -> Option<GrantScope> {
        self.bases
            .iter()
            .filter_map(|(_, basis)| match basis {
                GrantBasis::Policy => None,
                GrantBasis::Grant { scope, .. } => Some(*scope),
            })
            .min()
    }
}

/// What step 8 finds for one target, before it would ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// Policy blocks the requester.
    BlockedByPolicy,
    /// A person said *Never*.
    Denied,
    /// It may go on.
    Granted(GrantBasis),
    /// Nobody has decided.
    Undecided,
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000_000_000);

    fn days(count: u32) -> Duration {
        DAY * count
    }

    #[test]
    fn use_renews_for_thirty_days_up_to_half_a_year() {
        let created = START;
        let expiry = |used: u32, policy| {
            persistent_expiry(created, created.after(days(used)), policy).since(created)
        };
        assert_eq!(expiry(0, None), days(30));
        assert_eq!(expiry(29, None), days(59));
        assert_eq!(expiry(149, None), days(179));
        assert_eq!(expiry(160, None), days(180));
        assert_eq!(expiry(0, Some(7)), days(7));
        assert_eq!(expiry(6, Some(7)), days(7));
        assert_eq!(expiry(0, Some(0)), days(0));
        assert_eq!(expiry(170, Some(1000)), days(180));
    }

    fn grant(expires: Option<Timestamp>) -> Grant {
        let origin = TupleOrigin::parse("https://a.example").unwrap();
        let key = PermissionKey {
            top_level_site: origin.site(),
            requester: origin.clone(),
            target: origin,
        };
        Grant {
            id: GrantId(1),
            coverage: Coverage {
                key,
                network: TargetNetwork::Public,
                way: WayOut::Direct,
                methods: Methods::NONE.with(MethodClass::Get),
                headers: HeaderNames::new(),
            },
            scope: GrantScope::Persistent,
            tab: None,
            created: START,
            last_used: START,
            expires,
            made_on: None,
            usage: Usage::default(),
        }
    }

    #[test]
    fn a_grant_lives_until_just_before_its_end() {
        let end = START.after(days(30));
        assert!(grant(Some(end)).is_live(end.before(Duration::from_millis(1))));
        assert!(!grant(Some(end)).is_live(end));
        assert!(grant(None).is_live(end));
    }

    #[test]
    fn a_grant_from_the_future_is_not_believed() {
        let end = START.after(days(30));
        assert!(grant(Some(end)).is_live(START.before(days(1))));
        assert!(!grant(Some(end)).is_live(START.before(days(2))));
    }

    #[test]
    fn coverage_unites_methods_only_for_equal_headers() {
        let key = grant(None).coverage.key;
        let need = |method, headers: &HeaderNames| Need {
            key: key.clone(),
            network: TargetNetwork::Public,
            way: WayOut::Direct,
            method,
            headers: headers.clone(),
        };
        let (none, one) = (
            HeaderNames::new(),
            [http::HeaderName::from_static("x-one")]
                .into_iter()
                .collect(),
        );
        let mut list = Vec::new();
        Coverage::add(&mut list, &need(MethodClass::Get, &one));
        Coverage::add(&mut list, &need(MethodClass::Post, &none));
        Coverage::add(&mut list, &need(MethodClass::Get, &none));
        let covers = |need: Need| list.iter().any(|coverage| coverage.covers(&need));
        assert_eq!(list.len(), 2);
        assert!(covers(need(MethodClass::Get, &one)));
        assert!(covers(need(MethodClass::Post, &none)));
        assert!(!covers(need(MethodClass::Post, &one)));
        assert!(!covers(need(MethodClass::Put, &none)));
        assert!(!covers(Need {
            network: TargetNetwork::LocalNetwork,
            ..need(MethodClass::Get, &none)
        }));
    }
}
