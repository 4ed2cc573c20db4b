//! Whole runs in pretended browsers: programs and WebDriver servers that do what browsers do that crash, hang, or come to
//! no result. Each is told as what it is, the run goes on, and the exit status says so.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

/// Tests that do not have to be more than names, as no browser reads them.
const TESTS: [&str; 6] = ["crash", "deaf", "good", "harnessless", "hang", "late"];

/// A suite of them.
fn suite() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["tests", "harness"] {
        fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    let page = "<!DOCTYPE html><script src=/resources/testharness.js></script>";
    for name in TESTS {
        fs::write(folder.path().join(format!("tests/{name}.html")), page).expect("a file");
    }
    fs::write(folder.path().join("tests/answers.json"), "{}").expect("a file");
    folder
}

fn runner(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wpt-runner"))
        .args(["--suite", ".", "--free-ports", "--results", "results.jsonl"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the runner starts")
}

/// The status of each test, in order of their names.
fn statuses(folder: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder.join("results.jsonl")).expect("results");
    let mut statuses: Vec<_> = text
        .lines()
        .map(|line| {
            let result: Value = serde_json::from_str(line).expect("a result");
            let text = |key: &str| result[key].as_str().expect("a text").to_owned();
            (text("test"), text("status"))
        })
        .collect();
    statuses.sort();
    statuses
}

fn expected(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(test, status)| (format!("/{test}.html"), (*status).to_owned()))
        .collect()
}

fn program(folder: &Path, name: &str, script: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it may be run");
    path.to_string_lossy().into_owned()
}

/// A browser that treats each test as its name says.
const BROWSER: &str = r#"
[ "$1" = --version ] && { echo "pretended 7.5"; exit 0; }
[ "$1" = --help ] && { echo "--headless"; exit 0; }
while [ $# -gt 1 ]; do shift; done
trap 'exit 0' TERM
report() { echo "ALERT: WPTRESULT:{\"url\":\"$1\",\"status\":$2,\"message\":null,\"subtests\":[{\"name\":\"one\",\"status\":0,\"message\":null}]}"; }
case "$1" in
*/crash.html) kill -SEGV $$ ;;
*/deaf.html) report "$1" 1 ;;
*/good.html) report "$1" 0 ;;
*/harnessless.html) echo "ALERT: WPTRESULT:{\"url\":\"$1\",\"status\":null,\"message\":\"without\",\"subtests\":[]}" ;;
*/late.html) report "$1" 2 ;;
esac
while :; do sleep 0.05; done
"#;

#[test]
fn what_goes_wrong_in_a_browser_is_told_and_the_run_goes_on() {
    let suite = suite();
    let browser = program(suite.path(), "browser", BROWSER);
    let output = runner(
        suite.path(),
        &[
            "--browser",
            &browser,
            "--timeout-multiplier",
            "0.1",
            "-j",
            "3",
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        statuses(suite.path()),
        expected(&[
            ("crash", "CRASH"),
            ("deaf", "ERROR"),
            ("good", "OK"),
            ("hang", "TIMEOUT"),
            ("harnessless", "ERROR"),
            ("late", "TIMEOUT"),
        ])
    );
    let text = fs::read_to_string(suite.path().join("results.jsonl")).expect("results");
    assert!(
        text.contains(r#""product":"latchkey","version":"7.5""#),
        "{text}"
    );
    let output = runner(suite.path(), &["--browser", &browser, "good.html"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_run_is_repeated_until_something_is_unexpected() {
    let suite = suite();
    // The third start for a test is the one that fails.
    let browser = program(
        suite.path(),
        "browser",
        &BROWSER.replace(
            "case \"$1\"",
            "echo >> \"$0.count\"; [ $(wc -l < \"$0.count\") -lt 3 ] || exit 9\ncase \"$1\"",
        ),
    );
    let output = runner(
        suite.path(),
        &["--browser", &browser, "--until-unexpected", "good.html"],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        statuses(suite.path()),
        expected(&[("good", "CRASH"), ("good", "OK"), ("good", "OK")])
    );
}

#[test]
fn a_browser_that_is_not_there_is_another_exit_status() {
    let suite = suite();
    for arguments in [
        &["--browser", "./missing"][..],
        &["--product", "chromium", "--webdriver-binary", "./missing"],
        &["--product", "other", "--webdriver", "http://127.0.0.1:9/"],
    ] {
        let output = runner(suite.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
    }
}

/// A WebDriver server whose browser treats each test as its name says.
#[derive(Default)]
struct Pretended {
    sessions: AtomicUsize,
    ended: AtomicUsize,
    /// The address that each session has opened.
    pages: Mutex<HashMap<String, String>>,
}

impl Pretended {
    /// Listens for as long as this process runs, and returns its address.
    fn listen(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let this = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let this = this.clone();
                thread::spawn(move || this.answer(stream));
            }
        });
        format!("http://{address}/base/")
    }

    fn answer(&self, mut stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().expect("a stream"));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let length = head
            .lines()
            .find_map(|line| {
                line.to_ascii_lowercase()
                    .strip_prefix("content-length: ")?
                    .parse()
                    .ok()
            })
            .unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        let request = head.lines().next().unwrap_or_default();
        let Some((status, value)) = self.value(request, &body) else {
            // A server that hangs: until its client gives up.
            let _ = reader.read(&mut [0]);
            return;
        };
        let answer = json!({"value": value}).to_string();
        let _ = write!(
            stream,
            "HTTP/1.1 {status} x\r\nContent-Length: {}\r\nContent-Type: application/json\r\n\r\n{answer}",
            answer.len()
        );
    }

    fn value(&self, request: &str, body: &[u8]) -> Option<(u16, Value)> {
        let error = |code: &str| {
            Some((
                500,
                json!({"error": code, "message": code, "stacktrace": ""}),
            ))
        };
        let mut words = request.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let path: Vec<&str> = path.strip_prefix("/base/")?.split('/').collect();
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method, path.as_slice()) {
            ("POST", ["session"]) => {
                assert_eq!(
                    body["capabilities"]["alwaysMatch"]["pageLoadStrategy"],
                    "none"
                );
                let number = self.sessions.fetch_add(1, Ordering::SeqCst);
                Some((
                    200,
                    json!({"sessionId": format!("s{number}"), "capabilities":
                        {"browserName": "pretender", "browserVersion": "3.1"}}),
                ))
            },
            ("POST", ["session", id, "url"]) => {
                let url = body["url"].as_str()?.to_owned();
                self.pages().insert((*id).to_owned(), url.clone());
                if url.ends_with("/deaf.html") {
                    return error("unknown error: net::ERR_CONNECTION_REFUSED");
                }
                Some((200, Value::Null))
            },
            ("POST", ["session", id, "execute", "sync"]) => {
                let url = self.pages().get(*id)?.clone();
                let report = |status: u8| {
                    json!({"url": url, "status": status, "message": null, "subtests":
                        [{"name": "one", "status": 0, "message": null}]})
                    .to_string()
                };
                let (report, has_harness) = match url.rsplit('/').next()? {
                    "crash.html" => return error("tab crashed"),
                    "hang.html" => return None,
                    "good.html" => (Some(report(0)), true),
                    "late.html" => (None, true),
                    _ => (None, false),
                };
                Some((
                    200,
                    json!({"report": report, "url": url, "is_loaded": true, "has_harness": has_harness}),
                ))
            },
            ("DELETE", ["session", _]) => {
                self.ended.fetch_add(1, Ordering::SeqCst);
                Some((200, Value::Null))
            },
            ("GET", ["status"]) => Some((200, json!({"ready": true, "message": ""}))),
            _ => error("unknown command"),
        }
    }

    fn pages(&self) -> MutexGuard<'_, HashMap<String, String>> {
        self.pages.lock().expect("a lock")
    }
}

#[test]
fn what_goes_wrong_over_webdriver_is_told_and_the_run_goes_on() {
    let suite = suite();
    let server = Arc::new(Pretended::default());
    let output = runner(
        suite.path(),
        &[
            "--product",
            "other",
            "--webdriver",
            &server.listen(),
            "--timeout-multiplier",
            "0.1",
            "--html",
            "page.html",
            "--wptreport",
            "report.json",
            "-j",
            "3",
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        statuses(suite.path()),
        expected(&[
            ("crash", "CRASH"),
            ("deaf", "ERROR"),
            ("good", "OK"),
            ("hang", "TIMEOUT"),
            ("harnessless", "ERROR"),
            ("late", "TIMEOUT"),
        ])
    );
    // Each test has a browser of its own, and each of them is told to end.
    assert_eq!(server.sessions.load(Ordering::SeqCst), TESTS.len());
    assert_eq!(server.ended.load(Ordering::SeqCst), TESTS.len());

    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stdout
            .contains("again: wpt-runner --product other --suite . --webdriver http://127.0.0.1:"),
        "{stdout}"
    );
    let report = fs::read(suite.path().join("report.json")).expect("a report");
    let report: Value = serde_json::from_slice(&report).expect("JSON");
    assert_eq!(report["run_info"]["product"], "pretender");
    assert_eq!(report["run_info"]["browser_version"], "3.1");
    let page = fs::read_to_string(suite.path().join("page.html")).expect("a page");
    assert!(page.contains("pretender:TIMEOUT"), "{page}");
}

#[test]
fn a_driver_that_does_not_start_ends_the_run() {
    let suite = suite();
    let driver = program(suite.path(), "driver", "echo no display; exit 1");
    let output = runner(
        suite.path(),
        &[
            "--product",
            "other",
            "--webdriver-binary",
            &driver,
            "good.html",
        ],
    );
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("does not start"), "{stderr}");
}

#[test]
fn several_browsers_stand_side_by_side() {
    let suite = suite();
    let server = Arc::new(Pretended::default());
    let browser = program(suite.path(), "browser", BROWSER);
    fs::write(
        suite.path().join("e.pretender.json"),
        r#"{"/harnessless.html": {"status": "ERROR"}}"#,
    )
    .expect("a file");
    fs::write(
        suite.path().join("e.json"),
        r#"{"/harnessless.html": {"status": "ERROR"}}"#,
    )
    .expect("a file");
    let arguments = [
        "--product",
        "latchkey",
        "--product",
        "other",
        "--browser",
        &browser,
        "--webdriver",
        &server.listen(),
        "--expectations",
        "e.json",
        "--html",
        "page.html",
        "--wptreport",
        "report.json",
        "good.html",
        "harnessless.html",
    ];
    let output = runner(suite.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let page = fs::read_to_string(suite.path().join("page.html")).expect("a page");
    assert!(page.contains("latchkey:OK pretender:OK"), "{page}");
    for product in ["latchkey", "pretender"] {
        let report =
            fs::read(suite.path().join(format!("report.{product}.json"))).expect("a report");
        let report: Value = serde_json::from_slice(&report).expect("JSON");
        assert_eq!(report["run_info"]["product"], product);
        assert_eq!(report["results"].as_array().map(Vec::len), Some(2));
    }

    // What another browser does is not expected of ours, and the other way round.
    fs::write(suite.path().join("e.pretender.json"), "{}").expect("a file");
    let output = runner(suite.path(), &arguments);
    assert_eq!(output.status.code(), Some(1), "{output:?}");

    // The raw results of several runs make the same page.
    let output = Command::new(env!("CARGO_BIN_EXE_wpt-runner"))
        .args(["merge", "results.jsonl", "--html", "merged.html"])
        .current_dir(suite.path())
        .output()
        .expect("the runner starts");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let page = fs::read_to_string(suite.path().join("merged.html")).expect("a page");
    assert!(page.contains("latchkey:OK pretender:OK"), "{page}");
}
