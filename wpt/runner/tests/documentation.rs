//! That the table of rules and fixtures names fixtures that exist, and all of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = "../../docs/spec/fixtures.md";
const FIXTURES: &str = "../tests/user-enabled-cors";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The names of all fixtures: their paths without flags and extension.
fn fixtures() -> BTreeSet<String> {
    let top = here(FIXTURES);
    let mut names = BTreeSet::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the fixtures are there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with("resources") {
                    folders.push(path);
                }
                continue;
            }
            let name = path.strip_prefix(&top).expect("it is below");
            let name = name.to_string_lossy();
            let is_test = [".js", ".html"].iter().any(|end| name.ends_with(end));
            if let (true, Some((name, _))) = (is_test, name.split_once('.')) {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

/// What stands in code in the cells of tables and in the paragraph of first fixtures, if it looks like a fixture's name.
fn named(text: &str) -> BTreeSet<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| {
            let is_path = code.contains('/') && !code.contains("..") && !code.starts_with("wpt/");
            (is_path || matches!(*code, "contexts" | "images" | "ineligible-requests"))
                && !code.starts_with("engine/")
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_table_names_fixtures_that_exist() {
    let fixtures = fixtures();
    assert!(fixtures.len() > 80, "{}", fixtures.len());
    let text = fs::read_to_string(here(TABLE)).expect("the table");
    let missing: Vec<String> = named(&text)
        .into_iter()
        .filter(|name| match name.strip_suffix('/') {
            Some(folder) => !fixtures
                .iter()
                .any(|fixture| fixture.starts_with(&format!("{folder}/"))),
            None => !fixtures.contains(name),
        })
        .collect();
    assert_eq!(missing, [""; 0], "in {TABLE}");
}

#[test]
fn every_fixture_is_in_the_table() {
    let text = fs::read_to_string(here(TABLE)).expect("the table");
    let named = named(&text);
    let unnamed: Vec<String> = fixtures()
        .into_iter()
        .filter(|fixture| {
            let folder = fixture
                .split_once('/')
                .map(|(folder, _)| format!("{folder}/"));
            !named.contains(fixture) && folder.is_none_or(|folder| !named.contains(&folder))
        })
        .collect();
    assert_eq!(unnamed, [""; 0], "not in {TABLE}");
}

#[test]
fn every_rule_has_something_that_it_lets_through_and_something_that_it_keeps_out() {
    let text = fs::read_to_string(here(TABLE)).expect("the table");
    let mut rows = 0;
    for section in ["## Where it hooks in", "## Steps", "## Grants"] {
        let (_, after) = text.split_once(section).expect(section);
        let table = after.split("\n## ").next().unwrap_or(after);
        for row in table.lines().filter(|line| line.starts_with("| ")).skip(2) {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
            let empty = cells
                .iter()
                .rev()
                .take(2)
                .any(|cell| named(cell).is_empty());
            assert!(!empty, "{row}");
            rows += 1;
        }
    }
    assert!(rows > 50, "{rows}");
}
