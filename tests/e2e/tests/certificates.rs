//! Servers that cannot prove who they are: an error page, a network error, and no question.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use latchkey_demo::ca::TestCa;
use latchkey_demo::reply;
use latchkey_e2e::{Browser, BrowserWindow, Pair, Picture, wait_for};
use rustls::ServerConfig;

const LIMIT: Duration = Duration::from_secs(60);

/// Reads what the target lets everyone read, then what it is silent about.
const READ: &str = "
    const outcome = path => fetch(target + path).then(response => response.text(), error => error.name);
    tell(await outcome('/open') + ', ' + await outcome('/silent'));";

type Identity = fn(&TestCa, &str) -> Result<Arc<ServerConfig>>;

/// What is wrong with a server, and how the page says so.
const WRONG: [(Identity, &str); 4] = [
    (
        |_, host| TestCa::with_name("Nobody's root")?.server_config(&[host]),
        "its issuer is not trusted",
    ),
    // By the name of an issuer that is trusted, but not with its key.
    (
        |_, host| TestCa::new()?.server_config(&[host]),
        "its signature is wrong",
    ),
    (
        |ca, _| ca.server_config(&["other.localhost"]),
        "it is for another name",
    ),
    (
        |ca, host| ca.expired_server_config(&[host]),
        "it has expired",
    ),
];

fn answer(request: &Request<Bytes>) -> Response<Bytes> {
    let mut response = reply::html(StatusCode::OK, "content");
    if request.uri().path() == "/open" {
        let headers = response.headers_mut();
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            HeaderValue::from_static("*"),
        );
    }
    response
}

#[test]
fn a_document_is_an_error_page_that_says_why() -> Result<()> {
    for (identity, reason) in WRONG {
        let pair = Pair::start_with_target_tls("", answer, identity)?;
        let url = pair.target.url("/open");
        let text = Browser::text_of(url.as_str(), &pair.options("once")?, LIMIT)?;
        ensure!(text.contains("This connection is not private"), "{text}");
        ensure!(text.contains("data.silent.localhost"), "{text}");
        ensure!(text.contains(reason), "“{reason}” is not in: {text}");
        for detail in ["Issued by", "Valid", "SHA-256"] {
            ensure!(text.contains(detail), "“{detail}” is not in: {text}");
        }
        ensure!(!text.contains("content"), "{text}");
        assert_eq!(pair.target.log().take(), []);
    }
    Ok(())
}

/// What the page gets from the target when every question would be allowed.
fn told(pair: &Pair, more: &[&str]) -> Result<String> {
    let mut options = pair.options("once")?;
    options
        .arguments
        .extend(more.iter().copied().map(str::to_owned));
    let mut browser = pair.open(&options)?;
    let told = browser.wait_for_alert("TOLD ", LIMIT)?;
    let ended = browser.quit(LIMIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    ensure!(!ended.output.contains("panicked"), "{}", ended.output);
    Ok(told)
}

#[test]
fn a_fetch_fails_and_nothing_is_asked() -> Result<()> {
    for (identity, reason) in WRONG {
        let pair = Pair::start_with_target_tls(READ, answer, identity)?;
        assert_eq!(told(&pair, &[])?, "TypeError, TypeError", "{reason}");
        assert_eq!(pair.target.log().take(), [], "{reason}");
    }
    Ok(())
}

#[test]
fn an_overridden_error_loads_and_is_never_asked_about() -> Result<()> {
    for (identity, reason) in WRONG {
        let pair = Pair::start_with_target_tls(READ, answer, identity)?;
        assert_eq!(
            told(&pair, &["--ignore-certificate-errors"])?,
            "content, TypeError",
            "{reason}"
        );
        let url = pair.target.url("/open");
        let mut options = pair.options("once")?;
        options
            .arguments
            .push("--ignore-certificate-errors".to_owned());
        let text = Browser::text_of(url.as_str(), &options, LIMIT)?;
        assert_eq!(text, "content", "{reason}");
    }
    Ok(())
}

#[test]
fn a_person_goes_on_after_a_word_about_the_risk() -> Result<()> {
    let [(identity, _), ..] = WRONG;
    let pair = Pair::start_with_target_tls("", answer, identity)?;
    let window = BrowserWindow::open(
        pair.target.url("/open").as_str(),
        &pair.options_without_rules(),
    )?;
    let button = |picture: &Picture| {
        let bar = picture.notice()?;
        let button = *picture.buttons_in(bar).first()?;
        Some((bar, button))
    };
    let (closed, more) = window.wait_to_see("the bar", button)?;
    window.click(more.center())?;
    let (_, accept) = window.wait_to_see("the risk", |picture| {
        button(picture).filter(|(bar, _)| bar.height > closed.height + 20)
    })?;
    assert_eq!(pair.target.log().take(), []);
    window.click(accept.center())?;
    window.wait_to_see("no bar", |picture| picture.notice().is_none().then_some(()))?;
    wait_for(LIMIT, || {
        let seen = pair.target.log().take();
        let has_come = seen.iter().any(|request| request.path == "/open");
        has_come
            .then_some(())
            .ok_or(format!("no request for the page among {seen:?}"))
    })?;
    window.quit()
}

#[test]
fn a_good_certificate_is_asked_about_though_errors_would_be_ignored() -> Result<()> {
    let pair = Pair::start(READ, answer)?;
    let told = told(&pair, &["--ignore-certificate-errors"])?;
    assert_eq!(told, "content, content");
    Ok(())
}
