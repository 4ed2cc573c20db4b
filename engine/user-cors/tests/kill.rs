//! The store survives being killed at any moment: what was acknowledged is there, and the file is whole.
//!
//! The test starts itself as a child that grants, denies and revokes in a loop and says so on its standard output, kills
//! it after it has said a few things, and looks at what is left.

use std::{
    collections::BTreeSet,
    env,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use user_cors::{
    Coverage, HeaderNames, MethodClass, PermissionKey, PermissionStore, TargetNetwork, Timestamp,
    TupleOrigin,
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// Names the store for the child; without it the child's test does nothing.
const STORE: &str = "USER_CORS_KILL_TEST_STORE";

fn key(number: u64) -> PermissionKey {
    let requester = TupleOrigin::parse("https://app.example").unwrap();
    PermissionKey {
        top_level_site: requester.site(),
        requester,
        target: TupleOrigin::parse(&format!("https://n{number}.example")).unwrap(),
    }
}

fn coverage(number: u64) -> Coverage {
    Coverage {
        key: key(number),
        network: TargetNetwork::Public,
        methods: [MethodClass::Get].into_iter().collect(),
        headers: HeaderNames::new(),
    }
}

fn say(word: &str, number: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nACK {word} {number}").unwrap();
    out.flush().unwrap();
}

#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(path) = env::var_os(STORE).map(PathBuf::from) else {
        return;
    };
    let mut store = PermissionStore::open(&path, NOW).unwrap().store;
    let start = store.grants(NOW).len() as u64 + 1_000 * u64::from(std::process::id());
    for number in start.. {
        let granted = store.grant(&[coverage(number)], None, NOW, None).unwrap();
        say("granted", number);
        match number % 3 {
            0 => {
                assert!(store.revoke(granted.first().unwrap().id).unwrap());
                say("revoked", number);
            },
            1 => {
                store.deny(&key(number), NOW).unwrap();
                say("denied", number);
            },
            _ => {},
        }
    }
}

/// Runs the child until it has acknowledged `lines` changes, kills it, and returns all that it said.
fn run_and_kill(path: &Path, lines: usize) -> Vec<(String, u64)> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "child_that_writes_until_it_is_killed",
            "--nocapture",
        ])
        .env(STORE, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let mut said = Vec::new();
    for line in out.lines() {
        let Ok(line) = line else { break };
        let Some((word, number)) = line
            .strip_prefix("ACK ")
            .and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        said.push((word.to_owned(), number.parse().unwrap()));
        if said.len() == lines {
            // The child goes on writing meanwhile, so this hits it anywhere in its work; the pipe is read to its end.
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    said
}

#[test]
fn what_was_acknowledged_survives_being_killed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("permissions.sqlite");
    let (mut granted, mut denied, mut ended) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut unsure = BTreeSet::new();
    for round in 0..20 {
        let said = run_and_kill(&path, 1 + (round * 7) % 23);
        assert!(!said.is_empty(), "round {round}: the child said nothing");
        // Its last grant may have been revoked or denied without a word of it.
        unsure.extend(
            said.last()
                .map(|(_, number)| *number)
                .filter(|number| number % 3 != 2),
        );
        for (word, number) in said {
            match word.as_str() {
                "granted" => granted.insert(number),
                "revoked" => ended.insert(number),
                "denied" => {
                    ended.insert(number);
                    denied.insert(number)
                },
                other => panic!("round {round}: unknown word {other}"),
            };
        }
        let opened = PermissionStore::open(&path, NOW).unwrap();
        assert_eq!(opened.set_aside, None, "round {round}");
        let found: BTreeSet<String> = opened
            .store
            .grants(NOW)
            .iter()
            .map(|grant| grant.coverage.key.target.to_string())
            .collect();
        for number in &granted {
            let target = key(*number).target.to_string();
            if ended.contains(number) {
                assert!(
                    !found.contains(&target),
                    "round {round}: {number} came back"
                );
            } else if !unsure.contains(number) {
                assert!(found.contains(&target), "round {round}: {number} is lost");
            }
        }
        for number in &denied {
            assert!(
                opened.store.is_denied(&key(*number)),
                "round {round}: the denial {number} is lost"
            );
        }
    }
}
