//! The stores survive being killed at any moment: what a person saw confirmed is there, nothing else is, and the file is
//! whole.
//!
//! The test starts itself as a child. There a person answers questions, takes answers back and blocks targets as fast as they
//! can, in one thread, while responses are released and recorded in others. The child says what was confirmed, after it was.
//! It is killed at a random moment, and what is left is looked at.

#[path = "facts/mod.rs"]
#[allow(dead_code, reason = "shared by several tests, and none uses all of it")]
mod facts;

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use facts::{NOW, TAB, allow, answer, ask, failure};
use user_cors::{
    BlockedTarget, Choice, GrantBasis, GrantUse, LedgerBasis, LedgerQuery, LedgerRecord,
    PermissionKey, PermissionStore, UserCors,
};

/// Names the store for the child; without it the child's test does nothing.
const STORE: &str = "USER_CORS_KILL_TEST_STORE";

/// Where the child's numbers begin: no two children speak of the same target.
const FIRST: &str = "USER_CORS_KILL_TEST_FIRST";

/// How often a child is killed.
const KILLS: u64 = 200;

/// How many numbers a child has.
const NUMBERS: u64 = 1_000_000;

/// How many records there are at least in a ledger that is full.
const FULL_LEDGER: usize = 9000;

/// The longest that a child lives after its first word, in microseconds.
const LONGEST: u64 = 30_000;

/// What is said of each number, one after the other. What was said last is so, and what comes next may be so already.
fn story(number: u64) -> &'static [&'static str] {
    match number % 5 {
        0 => &["granted"],
        1 => &["granted", "revoked"],
        2 => &["granted", "denied"],
        3 => &["denied"],
        _ => &["blocked"],
    }
}

fn host(number: u64) -> String {
    format!("n{number}.example")
}

fn url(number: u64) -> String {
    format!("https://{}/", host(number))
}

fn entry(number: u64) -> BlockedTarget {
    host(number).parse().expect("an entry")
}

fn open(path: &Path) -> UserCors {
    let opened = PermissionStore::open(path, NOW).expect("opened");
    assert_eq!(opened.set_aside, None);
    let user_cors = UserCors::new(opened.store);
    user_cors.user_interacted(TAB);
    user_cors
}

fn say(word: &str, number: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nACK {word} {number}").unwrap();
    out.flush().unwrap();
}

#[test]
fn child_that_writes_until_it_is_killed() {
    let (Some(path), Ok(first)) = (env::var_os(STORE).map(PathBuf::from), env::var(FIRST)) else {
        return;
    };
    let user_cors = open(&path);
    let releasing = failure(&format!("https://released{first}.example/"));
    let records = [release_of(&allow(
        &user_cors,
        &releasing,
        Choice::AlwaysAllow,
        NOW,
    ))];
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    user_cors.record(&records).expect("recorded");
                }
            });
        }
        for number in first.parse().expect("a number").. {
            for word in story(number) {
                make_so(&user_cors, word, number);
                say(word, number);
            }
        }
    });
}

fn release_of(grant_use: &GrantUse) -> LedgerRecord {
    let (need, basis) = grant_use.bases().first().expect("a need");
    let GrantBasis::Grant { id, scope } = *basis else {
        panic!("not a grant: {basis:?}")
    };
    LedgerRecord {
        time: NOW,
        key: need.key.clone(),
        path: "/".into(),
        method: "GET".into(),
        status: 200,
        bytes: 1,
        digest: None,
        peer: None,
        basis: LedgerBasis::Grant(id, scope),
    }
}

/// What a person does.
fn make_so(user_cors: &UserCors, word: &str, number: u64) {
    let request = failure(&url(number));
    match (word, story(number)) {
        ("granted", _) => drop(allow(user_cors, &request, Choice::AlwaysAllow, NOW)),
        ("revoked", _) => {
            let id = granted(user_cors, number).0;
            user_cors.revoke(id).expect("revoked");
        },
        ("denied", [first, _]) if *first == "granted" => {
            // A method that the grant does not cover is asked about.
            let request = facts::with_method(&url(number), http::Method::POST);
            ask(user_cors, &request, NOW);
            let _ = answer(user_cors, Choice::Never, NOW);
        },
        ("denied", _) => {
            ask(user_cors, &request, NOW);
            let _ = answer(user_cors, Choice::Never, NOW);
        },
        ("blocked", _) => drop(user_cors.block(&entry(number), NOW).expect("blocked")),
        (other, _) => panic!("unknown word {other}"),
    }
}

fn granted(user_cors: &UserCors, number: u64) -> (user_cors::GrantId, PermissionKey) {
    let grants = user_cors.grants(NOW).into_iter();
    grants
        .map(|grant| (grant.id, grant.coverage.key))
        .find(|(_, key)| target(key) == host(number))
        .expect("the grant")
}

fn target(key: &PermissionKey) -> String {
    key.target.host().to_string()
}

/// Runs a child, kills it some time after its first word, and returns all that it said.
fn run_and_kill(path: &Path, first: u64, after: Duration) -> Vec<(String, u64)> {
    let mut child = Command::new(env::current_exe().expect("this test"))
        .args([
            "--exact",
            "child_that_writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(STORE, path)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let out = BufReader::new(child.stdout.take().expect("its output"));
    let (spoke, has_spoken) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut said = Vec::new();
        for line in out.lines() {
            let Ok(line) = line else { break };
            let words = line
                .strip_prefix("ACK ")
                .and_then(|rest| rest.split_once(' '));
            if let Some((word, number)) = words {
                said.push((word.to_owned(), number.parse().expect("a number")));
                let _ = spoke.send(());
            }
        }
        said
    });
    has_spoken.recv().expect("the child says something");
    // It goes on writing meanwhile, so this hits it anywhere in its work.
    thread::sleep(after);
    child.kill().expect("killed");
    child.wait().expect("ended");
    reader.join().expect("all that it said")
}

/// What is stored, by host.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stored {
    granted: BTreeSet<String>,
    denied: BTreeSet<String>,
    blocked: BTreeSet<String>,
}

impl Stored {
    fn of(user_cors: &UserCors) -> Self {
        let grants = user_cors.grants(NOW);
        let denials = user_cors.denials();
        Self {
            granted: grants
                .iter()
                .map(|grant| target(&grant.coverage.key))
                // The child's own, under which it records releases.
                .filter(|host| !host.starts_with("released"))
                .collect(),
            denied: denials.iter().map(|denial| target(&denial.key)).collect(),
            blocked: user_cors
                .blocklist()
                .iter()
                .map(BlockedTarget::to_string)
                .collect(),
        }
    }

    /// Makes so for a number what a word says.
    fn make_so(&mut self, word: &str, number: u64) {
        let host = host(number);
        match word {
            "granted" => drop(self.granted.insert(host)),
            "revoked" => drop(self.granted.remove(&host)),
            "denied" => {
                self.granted.remove(&host);
                self.denied.insert(host);
            },
            "blocked" => drop(self.blocked.insert(host)),
            other => panic!("unknown word {other}"),
        }
    }
}

/// The word that comes after this one.
fn next_word((word, number): (&str, u64)) -> (&'static str, u64) {
    let story_so_far = story(number).iter().position(|other| *other == word);
    let place = story_so_far.expect("a word of the story") + 1;
    match story(number).get(place) {
        Some(next) => (next, number),
        None => (story(number + 1)[0], number + 1),
    }
}

#[test]
fn what_was_confirmed_survives_being_killed_and_nothing_is_invented() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("permissions.sqlite");
    let mut expected = Stored::default();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let (mut records, mut ahead) = (0, 0);
    for round in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let after = Duration::from_micros(random % LONGEST);
        let said = run_and_kill(&path, round * NUMBERS, after);
        for (word, number) in &said {
            expected.make_so(word, *number);
        }
        let user_cors = open(&path);
        let found = Stored::of(&user_cors);
        // One thing more may have come true, without a word of it.
        if found != expected {
            let (word, number) = said.last().expect("the child said something");
            let (word, number) = next_word((word, *number));
            expected.make_so(word, number);
            ahead += 1;
        }
        assert_eq!(found, expected, "round {round}");
        let page = user_cors
            .ledger(&LedgerQuery::default(), 1)
            .expect("the ledger");
        // Of a full ledger some make room.
        assert!(
            page.total >= records.min(FULL_LEDGER),
            "round {round}: {} records of {records}",
            page.total
        );
        records = page.total;
    }
    println!(
        "{KILLS} kills, {ahead} of them between a change and its confirmation; {} granted, {} denied, {} blocked, {records} \
         records",
        expected.granted.len(),
        expected.denied.len(),
        expected.blocked.len()
    );
}
