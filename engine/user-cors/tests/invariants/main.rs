//! The invariants of user-enabled CORS, checked over generated histories, and each check against a history that breaks it.

#[path = "../facts/mod.rs"]
#[allow(dead_code, reason = "shared by several tests, and none uses all of it")]
mod facts;

mod breaks;
mod checks;
mod driver;
mod spoilers;
mod trace;

use std::thread;

use user_cors::{PermissionStore, UserCors};

use crate::{
    checks::{CHECKS, non_interference},
    driver::{Reached, World, history},
    trace::{About, Addresses, Blemishes, Event, QuestionNo, RequestNo, Trace, Word},
};

/// How many histories are checked.
const HISTORIES: u64 = 100_000;

/// How many pairs of histories are compared with each other.
const PAIRS: u64 = 25_000;

/// How many of them one facade goes through before a fresh one takes its place.
const HISTORIES_PER_FACADE: u64 = 500;

fn fresh() -> UserCors {
    UserCors::new(PermissionStore::in_memory().expect("memory"))
}

/// One event a line.
fn listed(trace: &Trace) -> String {
    trace.iter().map(|event| format!("{event:?}\n")).collect()
}

fn violations(trace: &Trace) -> Vec<(u8, String)> {
    CHECKS
        .iter()
        .filter_map(|(number, check)| Some((*number, check(trace).err()?)))
        .collect()
}

/// Runs `work` for each seed, in several threads, and adds up what it reached. Each thread has facades of its own.
fn for_each_seed(
    seeds: u64,
    facades: usize,
    work: impl Fn(&[UserCors], u64) -> Reached + Sync,
) -> Reached {
    let workers = thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let work = &work;
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers)
            .map(|worker| {
                scope.spawn(move || {
                    let mut reached = Reached::new();
                    let mut used = Vec::new();
                    for seed in (worker..seeds).step_by(workers as usize) {
                        if (seed / workers).is_multiple_of(HISTORIES_PER_FACADE) {
                            used = (0..facades).map(|_| fresh()).collect();
                        }
                        add(&mut reached, work(&used, seed));
                    }
                    reached
                })
            })
            .collect();
        let mut all = Reached::new();
        for worker in workers {
            add(
                &mut all,
                worker.join().expect("a worker that found nothing"),
            );
        }
        all
    })
}

fn add(all: &mut Reached, more: Reached) {
    for (name, count) in more {
        *all.entry(name).or_default() += count;
    }
}

/// Everything that the rules of the model can say to what the histories do.
const RULES: &[&str] = &[
    // Refusals, by step.
    "ServerSpoke",
    "SwitchedOff",
    "SwitchedOffByPolicy",
    "PolicyUnusable",
    "OpaqueRequester",
    "UntrustworthyRequester",
    "IneligibleClient",
    "TabGone",
    "IneligibleInitiator",
    "NotCorsMode",
    "CredentialsIncluded",
    "Keepalive",
    "RedirectMode",
    "IneligibleMethod",
    "TooManyHeaders",
    "OverridingHeader",
    "CredentialsInUrl",
    "InsecureTarget",
    "UnverifiedCertificate",
    "PreventedByServer",
    "PreventedByMemory",
    "ResourcePolicySameOrigin",
    "ResourcePolicySameSite",
    "TargetBlockedByPolicy",
    "TargetBlockedByUser",
    "TargetBlockedBuiltIn",
    "BlocklistUnreadable",
    "NotPublic",
    "LocalNetworkWrite",
    "Proxied",
    "UnknownPeer",
    "AddressesChanged",
    "AlreadySent",
    "RequesterBlockedByPolicy",
    "Denied",
    "Embargoed",
    "NeverAsks",
    "NeedsInteraction",
    "TooManyQuestions",
    "QuestionFull",
    "Declined",
    "HeldTooLarge",
    "HeldInterrupted",
    "GrantEnded",
    "TooManyWrites",
    "BudgetSpent",
    "RedirectToLessPublic",
    "RedirectToRequester",
    // How questions end.
    "AllowOnce",
    "AllowForVisit",
    "NotNow",
    "Never",
    "Confirmed",
    "Navigated",
    "TabClosed",
    "TimedOut",
    "Cancelled",
    "Forbidden",
    "NetworkChanged",
    "EgressChanged",
    "TooEarly",
    "Changed",
    // What needs no question, and an address that moved within its network.
    "Granted",
    "Same",
];

#[test]
fn generated_histories_keep_the_invariants() {
    let reached = for_each_seed(HISTORIES, 1, |facades, seed| {
        let (trace, mut reached) = history(&facades[0], seed, World::Changing);
        let found = violations(&trace);
        assert!(
            found.is_empty(),
            "seed {seed}: {found:?}\n{}",
            listed(&trace)
        );
        let delivered = trace
            .iter()
            .filter(|event| matches!(event, Event::Deliver { .. }));
        reached.insert("Delivered".to_owned(), delivered.count() as u64);
        reached
    });
    println!("{HISTORIES} histories reached: {reached:#?}");
    // Histories that do not come to a rule prove nothing about it.
    for rule in RULES.iter().chain(&["Delivered"]) {
        assert!(
            reached.get(*rule).is_some_and(|count| *count >= 10),
            "{rule} was hardly reached: {:?}",
            reached.get(*rule)
        );
    }
    assert!(reached["Delivered"] > HISTORIES / 4);
}

#[test]
fn what_a_page_may_not_know_makes_no_difference() {
    for_each_seed(PAIRS, 2, |facades, seed| {
        let (plain, reached) = history(&facades[0], seed, World::Stable);
        let (secret, _) = history(&facades[1], seed, World::WithSecrets);
        if let Err(difference) = non_interference(&plain, &secret) {
            panic!(
                "seed {seed}: {difference}\n{}\nand with secrets\n{}",
                listed(&plain),
                listed(&secret)
            );
        }
        let found = violations(&secret);
        assert!(found.is_empty(), "seed {seed}: {found:?}");
        reached
    });
}
