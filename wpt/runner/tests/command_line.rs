//! The program as it is called: what it prints and how it ends.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const PASSES: &str = r#"{"test":"/cors/a.htm","status":"OK","duration_ms":5,"subtests":[{"name":"one","status":"PASS"}]}"#;
const FAILS: &str = r#"{"test":"/cors/b.htm","status":"OK","duration_ms":5,"subtests":[{"name":"two","status":"FAIL","message":"assert_true"}]}"#;
const CRASHES: &str =
    r#"{"test":"/cors/c.htm","status":"CRASH","message":"the browser ended","duration_ms":5}"#;

fn runner(folder: &TempDir, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wpt-runner"))
        .args(line.split_whitespace())
        .current_dir(folder.path())
        .output()
        .expect("the runner starts")
}

fn folder_with(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn chunks_are_put_together_and_what_is_unexpected_is_told() {
    let folder = folder_with(&[
        ("1.jsonl", &format!("{PASSES}\n{CRASHES}\n")),
        ("2.jsonl", &format!("{FAILS}\n")),
    ]);
    let output = runner(
        &folder,
        "merge 1.jsonl 2.jsonl --results all.jsonl --wptreport report.json",
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let stdout = text(&output.stdout);
    assert!(
        stdout.contains("FAIL [expected PASS] two\n      assert_true"),
        "{stdout}"
    );
    assert!(
        stdout.contains("CRASH [expected OK] the test as a whole\n      the browser ended"),
        "{stdout}"
    );
    assert!(!stdout.contains("/cors/a.htm"), "{stdout}");
    assert!(stdout.contains("wpt-runner /cors/b.htm"), "{stdout}");

    let all = fs::read_to_string(folder.path().join("all.jsonl")).expect("results");
    assert_eq!(all.lines().count(), 3);
    let report = fs::read(folder.path().join("report.json")).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!(report["results"][1]["subtests"][0]["expected"], "PASS");
}

#[test]
fn after_a_rebaseline_everything_is_as_expected() {
    let results = format!("{PASSES}\n{FAILS}\n{CRASHES}\n");
    let folder = folder_with(&[("1.jsonl", &results)]);
    let output = runner(
        &folder,
        "merge 1.jsonl --expectations expectations.json --rebaseline",
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = runner(&folder, "merge 1.jsonl --expectations expectations.json");
    assert_eq!(output.status.code(), Some(0), "{output:?}");

    // What passes after all is unexpected too.
    let passes = FAILS.replace("FAIL", "PASS");
    fs::write(folder.path().join("1.jsonl"), passes).expect("a file");
    let output = runner(&folder, "merge 1.jsonl --expectations expectations.json");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).contains("PASS [expected FAIL] two"));
}

#[test]
fn what_cannot_be_run_is_told_with_another_status() {
    let folder = folder_with(&[
        ("bad.jsonl", "{\n"),
        ("bad.json", "[]"),
        ("empty.jsonl", ""),
    ]);
    for (line, expected) in [
        ("", "--upstream"),
        ("--upstream .", "no tree"),
        ("merge missing.jsonl", "missing.jsonl"),
        ("merge bad.jsonl", "line 1"),
        (
            "merge empty.jsonl --expectations missing.json",
            "missing.json",
        ),
        ("merge empty.jsonl --expectations bad.json", "bad.json"),
    ] {
        let output = runner(&folder, line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(expected), "{line}: {stderr}");
    }
}

#[test]
fn tests_of_a_tree_are_listed() {
    let manifest = r#"{"version": 9, "url_base": "/", "items": {"testharness": {"cors": {
        "a.htm": ["h", [null, {}]], "b.htm": ["h", [null, {}]], "c.htm": ["h", [null, {}]]}}}}"#;
    let folder = folder_with(&[
        ("tree/wpt", ""),
        ("tree/tools/serve/serve.py", ""),
        ("tree/tools/certs/cacert.pem", ""),
        ("tree/resources/testharness.js", ""),
        ("tree/MANIFEST.json", manifest),
        (
            "expectations.json",
            r#"{"/cors/b.htm": {"disabled": "needs a printer"}}"#,
        ),
    ]);
    let output = runner(&folder, "--upstream tree --list cors/");
    assert_eq!(
        text(&output.stdout),
        "/cors/a.htm\n/cors/b.htm\n/cors/c.htm\n"
    );
    let output = runner(
        &folder,
        "--upstream tree --list --expectations expectations.json",
    );
    assert_eq!(
        text(&output.stdout),
        "Disabled: 1 tests: needs a printer.\n/cors/a.htm\n/cors/c.htm\n"
    );
    let output = runner(
        &folder,
        "--upstream tree --list --this-chunk 2 --total-chunks 2",
    );
    assert_eq!(text(&output.stdout), "/cors/b.htm\n");
    let output = runner(&folder, "--upstream tree --list dom/");
    assert_eq!(output.status.code(), Some(2));
}
