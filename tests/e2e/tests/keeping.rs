//! What a profile keeps of the network from one run of the browser to the next, and a temporary one does not.

use std::time::Duration;

use anyhow::{Result, ensure};
use latchkey_e2e::{Answer, Browser, BrowserOptions, RawServer};

const LIMIT: Duration = Duration::from_secs(60);

const PAGE: &str = r#"<!doctype html><script>
    (async () => {
        const text = await (await fetch("/cached")).text();
        alert(`GOT ${text}`);
    })();
</script>"#;

/// How often `/cached` is asked for by two runs of the browser with these options.
fn requests_of_two_runs(options: &BrowserOptions) -> Result<usize> {
    let server = RawServer::start(|path| match path {
        "/" => Answer::html(PAGE),
        _ => Answer::with_headers("Cache-Control: max-age=3600\r\n", b"kept"),
    })?;
    for _ in 0..2 {
        let mut browser = Browser::open(&server.url("/"), options)?;
        ensure!(browser.wait_for_alert("GOT ", LIMIT)? == "kept");
        ensure!(browser.quit(LIMIT)?.status.success());
    }
    let requests = server.requests();
    Ok(requests.iter().filter(|path| *path == "/cached").count())
}

#[test]
fn what_is_cached_outlives_the_browser() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let profile = folder.path().join("profile");
    let options = BrowserOptions {
        profile: Some(profile.clone()),
        ..BrowserOptions::default()
    };
    assert_eq!(requests_of_two_runs(&options)?, 1);
    ensure!(profile.join("http-cache.sqlite").exists());
    Ok(())
}

#[test]
fn a_temporary_profile_keeps_nothing() -> Result<()> {
    assert_eq!(requests_of_two_runs(&BrowserOptions::default())?, 2);
    Ok(())
}
