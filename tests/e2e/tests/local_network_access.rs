//! Requests of a page from the Internet to this machine, with and without `network.local_network_access`.

use std::time::Duration;

use anyhow::{Result, ensure};
use latchkey_e2e::{Answer, Browser, BrowserOptions, RawServer};

const LIMIT: Duration = Duration::from_secs(60);

/// What a page gets from a server on this machine, and whether the server is asked. The page counts as one of the
/// Internet.
fn outcome(preference: Option<&str>) -> Result<(String, bool)> {
    let target = RawServer::start(|_| {
        Answer::with_headers("Access-Control-Allow-Origin: *\r\n", b"answered")
    })?;
    // A name such as localhost is never public, so both are addresses.
    let page = format!(
        r#"<!doctype html><script>
        fetch("http://127.0.0.1:{}/").then(
            async (response) => alert(`GOT ${{await response.text()}}`),
            (error) => alert(`GOT ${{error.name}}`)
        );
        </script>"#,
        target.port()
    );
    let server = RawServer::start(move |_| Answer::html(&page))?;
    let mut arguments = vec![
        "--address-space-overrides".to_owned(),
        format!("127.0.0.1:{}=public", server.port()),
    ];
    if let Some(value) = preference {
        arguments.push("--pref".to_owned());
        arguments.push(format!("network.local_network_access={value}"));
    }
    let options = BrowserOptions {
        arguments,
        ..BrowserOptions::default()
    };
    let url = format!("http://127.0.0.1:{}/", server.port());
    let mut browser = Browser::open(&url, &options)?;
    let got = browser.wait_for_alert("GOT ", LIMIT)?;
    ensure!(browser.quit(LIMIT)?.status.success());
    // A connection over which nothing comes is no request.
    let is_asked = target
        .seen()
        .iter()
        .any(|request| !request.method.is_empty());
    Ok((got, is_asked))
}

#[test]
fn pages_reach_this_machine_unless_it_is_forbidden() -> Result<()> {
    for preference in [None, Some("off"), Some("block-insecure")] {
        let outcome = outcome(preference)?;
        assert_eq!(outcome, ("answered".to_owned(), true), "{preference:?}");
    }
    Ok(())
}

#[test]
fn what_is_forbidden_is_not_even_sent() -> Result<()> {
    assert_eq!(outcome(Some("block"))?, ("TypeError".to_owned(), false));
    Ok(())
}
