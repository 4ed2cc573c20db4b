//! Signals that end a run: whatever it has started ends with it, nothing is left behind, and the exit status says which signal
//! it was.
//!
//! What the run starts holds one end of a named pipe. The test reads from the other, so that it knows when there is something,
//! and when all of it has gone.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// The signals, and the exit status that says so.
const SIGNALS: [(&str, i32); 3] = [("INT", 130), ("TERM", 143), ("HUP", 129)];

/// Long enough for any machine; a test that waits for it has failed.
const LONG: Duration = Duration::from_secs(60);

/// A browser that has no result, says so through the pipe when a test is open in it, and ends when it is told to.
const BROWSER: &str = r#"#!/bin/sh
case "$1" in
--version) echo "pretended 1"; exit 0 ;;
--help) exit 0 ;;
esac
exec 3>"$(dirname "$0")/pipe"
trap 'echo told to end >&3; exit 0' TERM
echo open >&3
while [ -e "$0" ]; do sleep 0.05; done
"#;

/// A WebDriver server that does not answer, and has started something.
const DRIVER: &str = r#"#!/bin/sh
exec 3>"$(dirname "$0")/pipe"
sleep 1000 &
echo open >&3
sleep 1000
"#;

/// The server of a pretended tree, which has processes of its own as wptserve does.
const SERVE: &str = r#"
import argparse, json, os, socket, subprocess, time

def get_parser():
    parser = argparse.ArgumentParser()
    parser.add_argument("--config")
    parser.add_argument("--h2", action="store_true")
    return parser

def run(config, h2):
    pipe = os.open(os.path.join(os.environ["TMPDIR"], "../pipe"), os.O_WRONLY)
    subprocess.Popen(["sleep", "1000"], pass_fds=[pipe])
    with open(config) as file:
        ports = json.load(file)["ports"]
    sockets = [socket.create_server(("127.0.0.1", port)) for kind in ports.values() for port in kind]
    time.sleep(1000)
"#;

/// The tree's own tool, for the hosts.
const TOOL: &str = "print('127.0.0.1 web-platform.test')";

/// A folder with one test, a pipe, and a folder for temporary files.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["tests", "harness", "temporary"] {
        fs::create_dir(at(name)).expect("a folder");
    }
    let page = "<!DOCTYPE html><script src=/resources/testharness.js></script>";
    fs::write(at("tests/endless.html"), page).expect("a file");
    fs::write(at("tests/answers.json"), "{}").expect("a file");
    let made = Command::new("mkfifo").arg(at("pipe")).status();
    assert!(made.expect("mkfifo").success());
    folder
}

fn program(folder: &Path, name: &str, script: &str) {
    let path = folder.join(name);
    fs::write(&path, script).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it may be run");
}

/// Starts the runner, in a group of its own as a shell does.
fn start(folder: &Path, line: &str) -> Child {
    Command::new("env")
        // Whoever runs these tests may have some of them ignored, as shells do for what runs in the background.
        .arg("--default-signal=HUP,INT,TERM")
        .arg(env!("CARGO_BIN_EXE_wpt-runner"))
        .args(line.split_whitespace())
        .args(["--free-ports", "--results", "results.jsonl"])
        .current_dir(folder)
        .env("TMPDIR", folder.join("temporary"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("the runner starts")
}

/// Sends a signal to a process, or with a minus sign to its group, as a terminal does.
fn send(signal: &str, to: &str) {
    let sent = Command::new("sh")
        .args(["-c", "kill -s \"$1\" -- \"$2\"", "sh", signal, to])
        .status();
    assert!(sent.expect("a shell").success());
}

/// How the runner ended, and the rest of the pipe, which ends when nothing runs any more.
fn end(mut runner: Child, mut pipe: BufReader<File>) -> (ExitStatus, String) {
    let status = runner.wait().expect("it ends");
    let (sender, rest) = mpsc::channel();
    thread::spawn(move || {
        let mut rest = String::new();
        let outcome = pipe.read_to_string(&mut rest).map(|_| rest);
        // Whoever does not wait any more has failed.
        let _ = sender.send(outcome);
    });
    let rest = rest.recv_timeout(LONG).expect("something is left behind");
    (status, rest.expect("the pipe's end"))
}

/// Waits for the first word of what the run has started.
fn first_word(folder: &Path) -> BufReader<File> {
    let mut pipe = BufReader::new(File::open(folder.join("pipe")).expect("the pipe"));
    let mut line = String::new();
    pipe.read_line(&mut line).expect("a line");
    assert_eq!(line, "open\n");
    pipe
}

fn expect_nothing_left(folder: &Path) {
    let left: Vec<_> = fs::read_dir(folder.join("temporary"))
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Sends a signal to a run in which a test is open, which ends with this status, after the rest of what was said through the
/// pipe. Nothing is left of it.
fn expect_end(runner: Child, folder: &Path, signal: &str, status: i32, rest: &str) {
    let pipe = first_word(folder);
    send(signal, &runner.id().to_string());
    let (ended, said) = end(runner, pipe);
    assert_eq!(ended.code(), Some(status), "{signal}: {ended}");
    assert_eq!(said, rest, "{signal}");
    expect_nothing_left(folder);
}

#[test]
fn a_signal_ends_the_browser_and_then_the_run() {
    for (signal, expected) in SIGNALS {
        let folder = folder();
        program(folder.path(), "browser", BROWSER);
        let runner = start(folder.path(), "--suite . --browser ./browser");
        // It is told once, and not ended by force.
        expect_end(runner, folder.path(), signal, expected, "told to end\n");
        // A test that was cut off has come to nothing.
        let results = fs::read_to_string(folder.path().join("results.jsonl")).expect("results");
        assert_eq!(results, "", "{signal}");
    }
}

#[test]
fn ctrl_c_reaches_the_browser_once() {
    let folder = folder();
    let browser = BROWSER.replace("TERM", "TERM INT");
    program(folder.path(), "browser", &browser);
    let runner = start(folder.path(), "--suite . --browser ./browser");
    let pipe = first_word(folder.path());
    send("INT", &format!("-{}", runner.id()));
    let (status, rest) = end(runner, pipe);
    assert_eq!(status.code(), Some(130), "{status}");
    assert_eq!(rest, "told to end\n");
    expect_nothing_left(folder.path());
}

#[test]
fn a_signal_ends_a_webdriver_server_and_what_it_has_started() {
    for (signal, expected) in SIGNALS {
        let folder = folder();
        program(folder.path(), "driver", DRIVER);
        let line = "--suite . --product other --webdriver-binary ./driver";
        let runner = start(folder.path(), line);
        expect_end(runner, folder.path(), signal, expected, "");
    }
}

#[test]
fn a_signal_ends_the_server_of_a_tree() {
    for (signal, expected) in SIGNALS {
        let folder = folder();
        program(folder.path(), "browser", BROWSER);
        let manifest = r#"{"version": 9, "url_base": "/", "items": {"testharness": {"a.html": ["h", [null, {}]]}}}"#;
        for (name, text) in [
            ("tree/wpt", TOOL),
            ("tree/tools/localpaths.py", ""),
            ("tree/tools/serve/__init__.py", ""),
            ("tree/tools/serve/serve.py", SERVE),
            ("tree/tools/certs/cacert.pem", ""),
            ("tree/resources/testharness.js", ""),
            ("tree/MANIFEST.json", manifest),
        ] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let runner = start(folder.path(), "--upstream tree --browser ./browser");
        // The browser and the server's processes hold the pipe; the browser speaks when the server listens.
        expect_end(runner, folder.path(), signal, expected, "told to end\n");
    }
}

#[test]
fn whoever_does_not_want_to_wait_sends_another() {
    let folder = folder();
    // It hears, and does not end.
    let browser = BROWSER.replace("; exit 0' TERM", "' TERM");
    program(folder.path(), "browser", &browser);
    let mut runner = start(folder.path(), "--suite . --browser ./browser");
    let mut pipe = first_word(folder.path());
    send("TERM", &runner.id().to_string());
    let mut line = String::new();
    pipe.read_line(&mut line).expect("a line");
    assert_eq!(line, "told to end\n");
    send("INT", &runner.id().to_string());
    let status = runner.wait().expect("it ends");
    assert_eq!(status.code(), Some(130), "{status}");
    // The browser goes when its program does, with the folder.
}

#[test]
fn what_is_ignored_does_not_end_a_run() {
    let folder = folder();
    program(folder.path(), "browser", BROWSER);
    let runner = Command::new("sh")
        .args([
            "-c",
            "trap '' HUP; exec \"$0\" --suite . --browser ./browser --free-ports",
        ])
        .arg(env!("CARGO_BIN_EXE_wpt-runner"))
        .current_dir(folder.path())
        .env("TMPDIR", folder.path().join("temporary"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell");
    let pipe = first_word(folder.path());
    send("HUP", &runner.id().to_string());
    send("TERM", &runner.id().to_string());
    let (status, _) = end(runner, pipe);
    assert_eq!(status.code(), Some(143), "{status}");
}
