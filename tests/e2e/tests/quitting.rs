//! Quitting is clean, whatever the pages are doing.

use std::time::Duration;

use anyhow::{Result, ensure};
use latchkey_e2e::{Answer, Browser, BrowserOptions, RawServer};

const LIMIT: Duration = Duration::from_secs(60);
/// How long a clean quit may take.
const QUIT: Duration = Duration::from_secs(10);

fn quits_cleanly(page: &'static str) -> Result<()> {
    let server = RawServer::start(move |path| match path {
        "/" => Answer::html(page),
        _ => Answer::Silence,
    })?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    browser.wait_for_alert("READY", LIMIT)?;
    let ended = browser.quit(QUIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    ensure!(!ended.output.contains("panicked"), "{}", ended.output);
    Ok(())
}

#[test]
fn an_idle_page() -> Result<()> {
    quits_cleanly("<script>alert('READY')</script>")
}

#[test]
fn a_synchronous_request_that_is_never_answered() -> Result<()> {
    quits_cleanly(
        "<script>
            onload = () => {
                alert('READY');
                const request = new XMLHttpRequest();
                request.open('GET', '/never', false);
                request.send();
            };
        </script>",
    )
}

#[test]
fn a_worker_that_waits_for_an_answer() -> Result<()> {
    quits_cleanly(
        "<script>
            const source = `postMessage(1);
                const request = new XMLHttpRequest();
                request.open('GET', '${location.origin}/never', false);
                request.send();`;
            const worker = new Worker(URL.createObjectURL(new Blob([source])));
            worker.onmessage = () => alert('READY');
        </script>",
    )
}

/// Servo never tells a shared worker to end, and waits for its thread.
#[test]
fn a_shared_worker() -> Result<()> {
    const PROMPT: Duration = Duration::from_secs(5);
    let server = RawServer::start(|path| match path {
        "/" => Answer::html(
            "<script>
                const worker = new SharedWorker('/worker.js');
                worker.port.onmessage = () => alert('READY');
            </script>",
        ),
        "/worker.js" => Answer::with_headers(
            "Content-Type: text/javascript\r\n",
            b"onconnect = event => event.ports[0].postMessage(1);",
        ),
        _ => Answer::Silence,
    })?;
    // Where temporary profiles are made.
    let place = tempfile::tempdir()?;
    let log = place.path().join("log");
    let options = BrowserOptions {
        arguments: vec![format!("--network-log={}", log.display())],
        environment: vec![("TMPDIR".to_owned(), place.path().display().to_string())],
        ..BrowserOptions::default()
    };
    let mut browser = Browser::open(&server.url("/"), &options)?;
    browser.wait_for_alert("READY", LIMIT)?;
    let profiles = || -> Result<usize> {
        let mut count = 0;
        for entry in std::fs::read_dir(place.path())? {
            count += usize::from(
                entry?
                    .file_name()
                    .to_string_lossy()
                    .starts_with("latchkey-"),
            );
        }
        Ok(count)
    };
    ensure!(profiles()? == 1, "there is no temporary profile");
    let ended = browser.quit(QUIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    ensure!(ended.took < PROMPT, "{ended:?}");
    ensure!(profiles()? == 0, "the temporary profile is still there");
    let log = std::fs::read_to_string(&log)?;
    ensure!(log.ends_with('\n'), "the log breaks off: {log}");
    Ok(())
}

#[test]
fn many_fetches_under_way() -> Result<()> {
    quits_cleanly(
        "<script>
            for (let i = 0; i < 50; i++) fetch('/never' + i).catch(() => {});
            setTimeout(() => alert('READY'), 0);
        </script>",
    )
}
