//! The permission model of user-enabled CORS.
//!
//! A page on origin A can read a response from origin B only if B opted in with `Access-Control-Allow-Origin`. Where B is
//! *silent*, user-enabled CORS lets the user speak: the browser asks, and if the user agrees, the page may read what
//! anyone could read at B, from the user's address, without the user's cookies, logins and certificates. Where B has
//! spoken, B's word stands.
//!
//! This crate decides; it does not fetch and does not draw. It has no sockets and no clock of its own: the fetch stack
//! hands in facts about a failed exchange, the shell hands in answers, both hand in the time.
//!
//! # How a request goes through it
//!
//! 1. The CORS check or the CORS-preflight fetch failed. The fetch stack fills a [`CorsFailure`] with what it recorded,
//!    and calls [`UserCors::consider`], which runs steps 1 to 8 of the behaviour in order.
//! 2. [`Decision::Fail`] names the reason, for the person; the page gets the network error that Fetch returned anyway.
//!    [`Decision::Granted`] goes on. [`Decision::Ask`] carries a [`TicketRequest`] for [`UserCors::ask`].
//! 3. The ticket waits in a question. The shell draws [`UserCors::question`], reports what is visible with
//!    [`UserCors::visible`], and passes the click to [`UserCors::answer`]. Every call that ends tickets returns one
//!    [`Settlement`] for each; no ticket is settled twice, and none is forgotten.
//! 4. An allowed request is delivered as [`delivery()`] says: the held response, or one anonymous request to the
//!    [`PinnedAddresses`]. Just before the page sees it, [`UserCors::recheck`] looks at everything again.
//! 5. Redirects go by [`chain_plan`], [`redirect_hop`] and [`redirect_space_check`], each hop through steps 1 to 6.
//!
//! # What to rely on
//!
//! * Origins, sites and addresses are values, compared part by part, never as text.
//! * In doubt it fails: unknown contexts, unknown peers, unreadable policy, damaged stores.
//! * What a page controls is bounded: questions, hosts and requests in a question, held bytes, remembered opt-outs.
//! * No header value, cookie or credential is kept, shown or logged.
//! * [`UserCors`] is `Send + Sync`; its methods hold one lock, briefly, and call nobody while they do.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod address_space;
mod blocklist;
mod budget;
mod clock;
mod decision;
mod delivery;
mod display;
mod egress;
mod eligibility;
mod embargo;
mod headers;
mod json;
mod ledger;
mod limits;
mod machine_network;
mod methods;
mod opt_out;
mod origin;
mod pattern;
mod permission;
mod permissions_file;
mod pinning;
mod policy;
mod question;
mod redirects;
mod refusal;
mod releasable;
mod rules;
mod servers_word;
mod session;
mod silence;
mod store;
mod user_cors;

pub use crate::{
    address_space::{
        AddressSpace, AddressSpaceOverrides, Classification, Classifier, ConnectionFacts,
        EgressTarget, Nat64Prefix, NotPublic, OverridesError, ProxyUse, RootsVerdict, Route,
        SourceAddress, is_never_public,
    },
    blocklist::{
        BadLine, BadLines, BlockedTarget, Blocklist, BlocklistError, BlocklistFiles,
        BlocklistOwner, BlocklistSource, BuiltInCategory, CompiledBlocklist, InstalledBlocklist,
        LineProblem, MAX_BAD_LINES, MAX_LINE_BYTES, MAX_LIST_BYTES,
    },
    budget::{Budget, Usage, UsageDay},
    clock::{Clock, ManualClock, SystemClock, Timestamp},
    decision::{CorsFailure, Decision, Settings, Switch},
    delivery::{
        Delivery, FailedStage, HeldState, HoldBudget, HoldBudgets, HoldId, MAX_HELD_BYTES,
        MAX_HELD_RESPONSE, MAX_HELD_RESPONSES, already_sent, delivery, exposed_headers,
    },
    display::{HostDisplay, OriginDisplay, bounded_escaped, isolated},
    egress::{DualCheck, Egress, EgressProtocol, EgressProxy, UnknownEgress, WayOut},
    eligibility::{
        CertificateState, ClientContext, CredentialsMode, DocumentId, IneligibleInitiator,
        Initiator, Keepalive, RedirectMode, RequestFacts, RequestMode, RequesterFacts,
        RequesterOrigin, SecureContexts, TabId, TabLiveness, changes_method_or_origin,
        eligible_request, eligible_requester, overriding_header_names,
    },
    embargo::EmbargoKey,
    headers::{HeaderNames, MAX_HEADER_NAMES},
    json::JsonError,
    ledger::{
        LedgerBasis, LedgerCursor, LedgerPage, LedgerQuery, LedgerRecord, MAX_LEDGER_PATH,
        MAX_LEDGER_RECORDS,
    },
    limits::SilentPreflight,
    machine_network::{MachineNetwork, NetworkChange},
    methods::{MethodClass, Methods},
    opt_out::OptOut,
    origin::{Scheme, Site, TupleOrigin},
    pattern::{OriginPattern, PatternError},
    permission::{
        Coverage, Denial, Grant, GrantBasis, GrantId, GrantScope, GrantUse, MAX_GRANT_DAYS, Need,
        PermissionKey, RENEWED_DAYS, TargetNetwork,
    },
    permissions_file::{
        ImportPreview, Imported, MAX_PERMISSIONS, MAX_PERMISSIONS_BYTES, PermissionsFile,
    },
    pinning::{PinnedAddresses, Repin},
    policy::{AllowedPair, LocalNetwork, Policy, PolicyError, PolicyStatus},
    question::{
        Action, AnswerError, AskOutcome, BodySize, Choice, DeclineReason, HeldResponse, Presence,
        QuestionId, QuestionStep, QuestionView, RequestState, RequestView, Settlement, TicketId,
        TicketRequest, TicketTarget, Verdict,
    },
    redirects::{
        AskAboutHop, ChainPlan, Hop, HopCheck, HopPlan, NeedsPreflight, PageHeaders, chain_plan,
        page_headers, redirect_hop, redirect_space_check,
    },
    refusal::{DualCheckFailure, Refusal},
    releasable::{
        Attached, ConnectionHost, ConnectionPool, Exchange, IncludeCredentials, NotReleasable,
        PeerKnowledge, Provenance, Proxied, ResponseSource, TlsSession, releasable,
    },
    rules::Rules,
    servers_word::{
        ACCESS_CONTROL_PREVENT_ORIGIN, MAX_OPT_OUT_AGE, PreventOrigin, PreventOriginMember,
        Prevented, ResourcePolicy, cross_origin_resource_policy_check,
    },
    silence::{Silence, SilenceReason, Spoken, silence},
    store::{
        Ledger, OpenedStore, PermissionStore, SetAside, SetAsideReason, StoreError, StoreKind,
    },
    user_cors::{Answers, Change, UserCors},
};
