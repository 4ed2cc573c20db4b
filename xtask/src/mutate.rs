//! `cargo xtask mutate`: breaks one rule of the design after the other, and shows which fixtures fail.
//!
//! All mutations go into one build, each asleep until a variable of the environment calls it by name. So there is one build
//! rather than one for each, and the fixtures run on a browser that differs in one place. Built is a copy of the checkout, which
//! itself is never written to, and the browser that has the mutations has a name of its own: whenever this is killed, there is
//! nothing to put back. With `--model` it is the permission model alone, and its invariants on generated histories.

mod copy;
mod model;
mod model_mutations;
mod mutations;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use self::mutations::{MUTATIONS, Mutation};
use crate::build::Cargo;
use crate::requirements::Purpose;
use crate::setup;
use crate::workspace::Workspace;

/// The variable that calls a mutation by its name.
const VARIABLE: &str = "LATCHKEY_MUTATION";

/// The browser that has them.
const MUTANT: &str = "latchkey-mutated";

/// The folder of the copy, in that of all builds.
const COPY: &str = "mutated";

/// A setting of the profile of the first package that is mutated. It changes nothing but the names by which Cargo keeps that
/// package and all that depend on it: the copy's are not taken for the checkout's, nor the other way round, and all else is shared.
const APART: &str = "profile.dev.package.user-cors.codegen-units=17";

/// Breaks rules of the permission model, for its invariants.
const MODEL: &str = "--model";

/// Runs on the browser that an earlier run has built.
const NO_BUILD: &str = "--no-build";

/// The folder of what is run on it.
const FOLDER: &str = "user-enabled-cors/";

/// What the name of a test has that is run in a worker.
const IN_A_WORKER: &str = ".worker.";

/// Where the table is kept, in the checkout.
const TABLE: &str = "docs/mutations.md";

/// By test, the names of the subtests that passed.
type Passed = BTreeMap<String, BTreeSet<String>>;

/// `cargo xtask mutate [--no-build|--model] [NAME...]`: all mutations, of which the table is kept, or those that are named. The exit
/// status says whether each was noticed.
pub(crate) fn run(workspace: &Workspace, arguments: &[OsString]) -> Result<ExitCode> {
    let (options, names): (Vec<&OsString>, Vec<&OsString>) = arguments
        .iter()
        .partition(|argument| argument.to_string_lossy().starts_with('-'));
    if let [option] = options[..]
        && option == MODEL
    {
        let names: Vec<&str> = names.iter().filter_map(|name| name.to_str()).collect();
        return model::run(workspace, &names);
    }
    if let Some(unknown) = options.iter().find(|option| **option != NO_BUILD) {
        return Ok(crate::usage_error(&format!(
            "mutate takes no {}",
            unknown.display()
        )));
    }
    let chosen: Vec<&Mutation> = MUTATIONS
        .iter()
        .filter(|mutation| names.is_empty() || names.iter().any(|name| *name == mutation.name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = MUTATIONS.iter().map(|mutation| mutation.name).collect();
        return Ok(crate::usage_error(&format!(
            "there is no such mutation; there are {}",
            names.join(", ")
        )));
    }
    setup::ensure(Purpose::Test)?;
    let cargo = Cargo::new(workspace)?;
    let mutant = if options.is_empty() {
        build(workspace, &cargo)?
    } else {
        workspace.program(MUTANT)
    };

    let all = tests(workspace, &cargo)?;
    let mut rows = Vec::new();
    for mutation in &chosen {
        let tests: Vec<String> = all
            .iter()
            .filter(|test| is_run(mutation, test))
            .cloned()
            .collect();
        ensure!(
            !tests.is_empty(),
            "there is no fixture for {}",
            mutation.name
        );
        let intact = passed(workspace, &cargo, &mutant, &tests, None)?;
        let mut broken = passed(workspace, &cargo, &mutant, &tests, Some(mutation.name))?;
        let doubtful = doubtful(&intact, &broken);
        if !doubtful.is_empty() {
            let again = passed(workspace, &cargo, &mutant, &doubtful, Some(mutation.name))?;
            for (test, subtests) in again {
                broken.entry(test).or_default().extend(subtests);
            }
        }
        let failed = failed(&intact, &broken);
        let subtests: usize = failed.values().sum();
        println!("{}: {subtests} subtests fail", mutation.name);
        rows.push((*mutation, failed));
        // Each is minutes of work, which is kept whatever comes of the next.
        if names.is_empty() {
            let path = workspace.root().join(TABLE);
            fs::write(&path, document(&table(&rows)))
                .with_context(|| format!("{}", path.display()))?;
        }
    }
    println!("\n{}", table(&rows));
    let unnoticed = rows.iter().any(|(_, failed)| failed.is_empty());
    Ok(if unnoticed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Builds the browser that has all mutations, from a copy of the checkout that has them.
fn build(workspace: &Workspace, cargo: &Cargo<'_>) -> Result<PathBuf> {
    let copy = workspace.target_of(COPY);
    copy::make(workspace.root(), &copy, MUTATIONS)?;
    cargo.run("build", &["build", "--workspace", "--bin", "wpt-runner"])?;
    cargo.build_variant(&copy, MUTANT, APART)?;
    Ok(workspace.program(MUTANT))
}

/// The runner, with what is the same for all that it does here.
fn runner(workspace: &Workspace, cargo: &Cargo<'_>) -> Command {
    let mut runner = cargo.program("wpt-runner");
    runner
        .arg("--suite")
        .arg(workspace.root().join("wpt"))
        .arg("--free-ports");
    runner
}

/// The names of all tests that may be run.
fn tests(workspace: &Workspace, cargo: &Cargo<'_>) -> Result<Vec<String>> {
    let listed = runner(workspace, cargo)
        .args(["--list", FOLDER])
        .output()
        .context("the runner cannot be started")?;
    let tests: Vec<String> = String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter(|line| line.starts_with('/'))
        .map(str::to_owned)
        .collect();
    ensure!(!tests.is_empty(), "the runner lists no fixtures");
    Ok(tests)
}

fn is_run(mutation: &Mutation, test: &str) -> bool {
    let below = test
        .strip_prefix('/')
        .and_then(|path| path.strip_prefix(FOLDER));
    let is_one = |name: &str| {
        let mut prefixes = mutation.fixtures.iter();
        prefixes.any(|prefix| name.starts_with(prefix))
    };
    below.is_some_and(is_one) && !test.contains(IN_A_WORKER)
}

/// Runs the fixtures with a mutation, or with none.
fn passed(
    workspace: &Workspace,
    cargo: &Cargo<'_>,
    mutant: &Path,
    tests: &[String],
    mutation: Option<&str>,
) -> Result<Passed> {
    println!(
        "\nThe fixtures, with {}:",
        mutation.unwrap_or("no mutation")
    );
    let results = workspace.program(MUTANT).with_extension("jsonl");
    // What is unexpected, which is what is looked for, is this program's to tell.
    runner(workspace, cargo)
        .arg("--browser")
        .arg(mutant)
        .arg("--results")
        .arg(&results)
        .args(tests)
        .env(VARIABLE, mutation.unwrap_or_default())
        .output()
        .context("the runner cannot be started")?;
    let text = fs::read_to_string(&results).context("the runner left no results")?;
    let passed = read(&text)?;
    ensure!(!passed.is_empty(), "no fixture was run");
    Ok(passed)
}

/// The subtests that passed, of results as JSON lines.
fn read(text: &str) -> Result<Passed> {
    let mut passed = Passed::new();
    for line in text.lines() {
        let result: Value = serde_json::from_str(line).context("a result that is no JSON")?;
        let test = result["test"].as_str().context("a result without a test")?;
        let subtests = result["subtests"].as_array().into_iter().flatten();
        passed.entry(test.to_owned()).or_default().extend(
            subtests
                .filter(|subtest| subtest["status"] == "PASS")
                .filter_map(|subtest| subtest["name"].as_str().map(str::to_owned)),
        );
    }
    Ok(passed)
}

/// The tests of which so few subtests fail, or all, that it may be the machine's doing: they are run again.
fn doubtful(intact: &Passed, broken: &Passed) -> Vec<String> {
    let is_doubtful = |(test, before): &(&String, &BTreeSet<String>)| {
        let lost = broken
            .get(*test)
            .map_or(before.len(), |now| before.difference(now).count());
        (1..=FEW).contains(&lost) || (lost > 0 && lost == before.len())
    };
    let tests = intact.iter().filter(is_doubtful);
    tests.map(|(test, _)| test.clone()).collect()
}

/// By fixture, how many subtests passed before and do not now.
fn failed(intact: &Passed, broken: &Passed) -> BTreeMap<String, usize> {
    let mut failed = BTreeMap::new();
    for (test, before) in intact {
        let nothing = BTreeSet::new();
        let now = broken.get(test).unwrap_or(&nothing);
        let count = before.difference(now).count();
        if count > 0 {
            *failed.entry(fixture(test)).or_default() += count;
        }
    }
    failed
}

/// A fixture's name without folder and flags: its variants and workers are one.
fn fixture(test: &str) -> String {
    let path = test.trim_start_matches('/');
    let path = path.strip_prefix(FOLDER).unwrap_or(path);
    path.split('.').next().unwrap_or(path).to_owned()
}

/// How many subtests of one test may fail by chance.
const FEW: usize = 2;

/// The most fixtures that a row names.
const NAMED: usize = 6;

fn table(rows: &[(&Mutation, BTreeMap<String, usize>)]) -> String {
    let mut table = String::from(
        "| mutation | the rule that it breaks | subtests | in the fixtures |\n| --- | --- | --- | --- |\n",
    );
    for (mutation, failed) in rows {
        let mut fixtures: Vec<(&String, &usize)> = failed.iter().collect();
        fixtures.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), (*name).clone()));
        let mut named: Vec<String> = fixtures
            .iter()
            .take(NAMED)
            .map(|(name, count)| format!("`{name}` {count}"))
            .collect();
        if fixtures.len() > NAMED {
            named.push(format!("and {} more", fixtures.len() - NAMED));
        }
        table.push_str(&format!(
            "| `{}` | {} | {} | {} |\n",
            mutation.name,
            mutation.rule,
            failed.values().sum::<usize>(),
            if named.is_empty() {
                "none".to_owned()
            } else {
                named.join(", ")
            },
        ));
    }
    table
}

fn document(table: &str) -> String {
    format!(
        "# Mutations\n\n\
         What the [fixtures](spec/fixtures.md) notice when one rule of the design is broken in the engine. `cargo xtask mutate` \
         breaks\nthem one at a time, as [`mutations.rs`](../xtask/src/mutate/mutations.rs) says, runs the fixtures that are meant \
         to notice, and\nwrites this page. Counted are the subtests that pass otherwise, also those that are not run as one\nbefore them has no end.\n\n{table}\n\
         Of four rules no fixture notices when they are broken alone, as another stands behind each: what `already_sent` refuses,\n\
         `delivery` refuses again; what is not `releasable` does not get that far, as requests with credentials are not eligible;\n\
         an anonymous response that was stored is not used, as the CORS check on it fails; and a chain of which a grant has ended is\n\
         ended at once, before anybody looks at its grants again to hand its response over.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutation_has_fixtures_and_none_in_workers() {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wpt/tests/user-enabled-cors");
        for mutation in MUTATIONS {
            assert!(!mutation.fixtures.is_empty(), "{}", mutation.name);
            for prefix in mutation.fixtures {
                let (folder, start) = prefix.rsplit_once('/').unwrap_or(("", prefix));
                let is_there = fs::read_dir(fixtures.join(folder))
                    .expect(prefix)
                    .flatten()
                    .any(|entry| entry.file_name().to_string_lossy().starts_with(start));
                assert!(is_there, "{prefix} of {}", mutation.name);
                let test = |end: &str| is_run(mutation, &format!("/{FOLDER}{prefix}{end}"));
                assert!(test(".https.any.html") && !test(".https.any.worker.html"));
            }
            assert!(!is_run(mutation, "/cors/cache/a.html"));
        }
    }

    #[test]
    fn what_fails_is_what_passed_before() {
        let line = |test: &str, one: &str, two: &str| {
            format!(
                r#"{{"test":"{test}","subtests":[{{"name":"1","status":"{one}"}},{{"name":"2","status":"{two}"}}]}}"#
            )
        };
        let tests = [
            "/user-enabled-cors/a/b.https.any.html",
            "/user-enabled-cors/a/b.https.any.worker.html",
            "/user-enabled-cors/c.html",
        ];
        let intact = tests.map(|test| line(test, "PASS", "FAIL")).join("\n");
        let broken = [
            line(tests[0], "FAIL", "FAIL"),
            line(tests[1], "TIMEOUT", "PASS"),
            line(tests[2], "PASS", "FAIL"),
        ]
        .join("\n");
        let intact = read(&intact).expect("results");
        let broken = read(&broken).expect("results");
        let failed = failed(&intact, &broken);
        assert_eq!(failed, BTreeMap::from([("a/b".to_owned(), 2)]));
        assert_eq!(doubtful(&intact, &broken), tests[..2]);
        assert_eq!(doubtful(&intact, &intact), [""; 0]);
    }
}
