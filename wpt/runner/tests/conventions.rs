//! That our fixtures keep to the conventions of web-platform-tests, as its `wpt lint` checks them, so that they could be there.
//!
//! <https://web-platform-tests.org/writing-tests/lint-tool.html>

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const TESTS: &str = "../tests";
const HARNESS: &str = "../harness";

/// What a fixture may say of itself, by <https://web-platform-tests.org/writing-tests/testharness.html#metadata>.
const METADATA: [&str; 5] = ["global", "script", "timeout", "title", "variant"];

/// A file of the fixtures, or one that belongs to them.
struct File {
    /// Its path below the folder of fixtures.
    name: String,
    path: PathBuf,
    text: String,
}

impl File {
    fn is_document(&self) -> bool {
        self.name.ends_with(".html")
    }

    /// Whether it is a test, and not something that tests use.
    fn is_test(&self) -> bool {
        !self.name.split('/').any(|part| part == "resources")
            && (self.is_document()
                || [".any.js", ".window.js"]
                    .iter()
                    .any(|end| self.name.ends_with(end)))
    }

    /// Whether it is there for harness and runner, which it is meant to try.
    fn is_of_the_harness(&self) -> bool {
        self.name.starts_with("harness/")
    }

    /// The keys and values of its `// META:` lines.
    fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.text
            .lines()
            .map_while(|line| line.strip_prefix("// META: "))
            .map(|line| line.split_once('=').unwrap_or((line, "")))
    }
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files() -> Vec<File> {
    let top = here(TESTS);
    let mut files = Vec::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the fixtures are there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&top).expect("it is below");
            let name = name.to_string_lossy().into_owned();
            if name.ends_with(".js") || name.ends_with(".html") {
                let text = fs::read_to_string(&path).expect("it is text");
                files.push(File { name, path, text });
            }
        }
    }
    assert!(files.len() > 150, "{}", files.len());
    files
}

/// The names of the files of which something is wrong.
fn wrong(is_wrong: impl Fn(&File) -> bool) -> Vec<String> {
    let files = files();
    let wrong = files.iter().filter(|file| is_wrong(file));
    wrong.map(|file| file.name.clone()).collect()
}

/// The file that a path in a fixture names.
fn resource(file: &File, path: &str) -> PathBuf {
    match (path.strip_prefix("/resources/"), path.strip_prefix('/')) {
        (Some(of_the_harness), _) => here(HARNESS).join(of_the_harness),
        (None, Some(absolute)) => here(TESTS).join(absolute),
        (None, None) => file.path.with_file_name("").join(path),
    }
}

#[test]
fn lines_end_as_they_should() {
    let is_wrong = |file: &File| {
        let does_end = file.text.ends_with('\n') && !file.text.ends_with("\n\n");
        let has_stray = |line: &str| line.ends_with(' ') || line.contains(['\t', '\r']);
        !does_end || file.text.split('\n').any(has_stray)
    };
    assert_eq!(wrong(is_wrong), [""; 0]);
}

#[test]
fn no_host_or_port_of_the_server_is_written_out() {
    let names_one = |file: &File| {
        let ports = file.text.split(':').skip(1).map(|rest| {
            let end = rest.find(|character: char| !character.is_ascii_digit());
            rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
        });
        // Those that wptserve has by default.
        let has_port = ports.into_iter().any(|port| {
            matches!(port, "8000" | "8001" | "9000") || (port.len() == 4 && port.starts_with("844"))
        });
        file.text.contains("web-platform.test") || has_port
    };
    assert_eq!(wrong(names_one), [""; 0]);
}

#[test]
fn what_a_fixture_says_of_itself_is_known() {
    let is_wrong = |file: &File| {
        file.metadata().any(|(key, value)| {
            !METADATA.contains(&key) || value.is_empty() || (key == "timeout" && value != "long")
        })
    };
    assert_eq!(wrong(is_wrong), [""; 0]);
}

#[test]
fn every_fixture_has_a_title() {
    let has_none = |file: &File| {
        let has_title =
            file.metadata().any(|(key, _)| key == "title") || file.text.contains("<title>");
        file.is_test() && !file.is_of_the_harness() && !has_title
    };
    assert_eq!(wrong(has_none), [""; 0]);
}

#[test]
fn the_scripts_that_a_fixture_names_are_there() {
    let is_missing = |file: &File| {
        let named = file.metadata().filter(|(key, _)| *key == "script");
        named
            .into_iter()
            .any(|(_, path)| !resource(file, path).is_file())
    };
    assert_eq!(wrong(is_missing), [""; 0]);
}

#[test]
fn documents_have_the_harness_and_then_its_report() {
    let is_wrong = |file: &File| {
        let place = |script: &str| file.text.find(&format!("/resources/{script}"));
        let order = (place("testharness.js"), place("testharnessreport.js"));
        let is_in_order = matches!(order, (Some(harness), Some(report)) if harness < report);
        file.is_document() && file.is_test() && order.0.is_some() && !is_in_order
    };
    assert_eq!(wrong(is_wrong), [""; 0]);
}

#[test]
fn whoever_has_the_driver_has_its_vendors_part() {
    let is_wrong = |file: &File| {
        let has = |script: &str| file.text.contains(&format!("/resources/{script}"));
        has("testdriver.js") != has("testdriver-vendor.js")
    };
    assert_eq!(wrong(is_wrong), [""; 0]);
}

#[test]
fn no_test_waits_for_a_time() {
    // A page that a test opens has no `t.step_timeout()`, and needs it for what must not happen before something returns.
    let waits = |file: &File| {
        let calls = file.text.matches("setTimeout(").count();
        let after_nothing = file.text.matches("void setTimeout(() =>").count();
        file.is_test() && !file.is_of_the_harness() && calls > after_nothing
    };
    assert_eq!(wrong(waits), [""; 0]);
}

#[test]
fn no_two_fixtures_become_the_same_test() {
    let mut stems: BTreeMap<String, usize> = BTreeMap::new();
    for file in files().iter().filter(|file| file.is_test()) {
        let stem = file.name.split('.').next().unwrap_or(&file.name).to_owned();
        *stems.entry(stem).or_default() += 1;
    }
    stems.retain(|_, count| *count > 1);
    assert!(stems.is_empty(), "{stems:?}");
}
