//! The feature end to end: what a page gets and what a server sees, by what the person answers.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use latchkey_demo::reply;
use latchkey_e2e::{Browser, BrowserOptions, Pair};

const LIMIT: Duration = Duration::from_secs(60);

const READ: &str = "
    const response = await fetch(target + '/data');
    tell(response.type + ' ' + response.status + ' ' + await response.text());";

fn silent(request: &Request<Bytes>) -> Response<Bytes> {
    match request.method() {
        &Method::OPTIONS => reply::method_not_allowed("GET, POST, PUT"),
        _ => reply::text(StatusCode::OK, "what anyone can read"),
    }
}

fn told(pair: &Pair, answer: &str) -> Result<String> {
    let mut browser = pair.open(&pair.options(answer)?)?;
    let told = browser.wait_for_alert("TOLD ", LIMIT)?;
    end(browser)?;
    Ok(told)
}

fn end(browser: Browser) -> Result<()> {
    let ended = browser.quit(LIMIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    ensure!(!ended.output.contains("panicked"), "{}", ended.output);
    Ok(())
}

#[test]
fn an_allowed_read_is_released_without_a_second_request() -> Result<()> {
    let pair = Pair::start(READ, silent)?;
    for answer in ["once", "visit"] {
        assert_eq!(told(&pair, answer)?, "cors 200 what anyone can read");
        let seen = pair.target.log().take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        ensure!(!seen[0].cookie && !seen[0].user_enabled, "{seen:?}");
    }
    Ok(())
}

#[test]
fn a_declined_read_is_the_usual_failure() -> Result<()> {
    let pair = Pair::start(READ, silent)?;
    for answer in ["not-now", "never"] {
        assert_eq!(told(&pair, answer)?, "TypeError");
    }
    Ok(())
}

#[test]
fn refusals_look_alike() -> Result<()> {
    const MESSAGE: &str = "
        try { await fetch(target + '/data'); tell('read'); }
        catch (error) { tell(error.name + ': ' + error.message); }";
    let declined = told(&Pair::start(MESSAGE, silent)?, "not-now")?;
    let spoken = told(
        &Pair::start(MESSAGE, |request| {
            let mut response = silent(request);
            response.headers_mut().insert(
                header::ACCESS_CONTROL_ALLOW_ORIGIN,
                HeaderValue::from_static("https://other.example"),
            );
            response
        })?,
        "once",
    )?;
    let prevented = told(
        &Pair::start(MESSAGE, |request| {
            let mut response = silent(request);
            response.headers_mut().insert(
                "access-control-prevent-origin",
                HeaderValue::from_static("*"),
            );
            response
        })?,
        "once",
    )?;
    assert_eq!(declined, spoken);
    assert_eq!(declined, prevented);
    Ok(())
}

#[test]
fn every_header_but_cookies_and_challenges_is_exposed() -> Result<()> {
    let pair = Pair::start(
        "const response = await fetch(target + '/data');
         tell([...response.headers.keys()].filter(name => name.startsWith('x-') || name.includes('cookie') || name.includes('authenticate')).join());",
        |request| {
            let mut response = silent(request);
            for (name, value) in [
                ("x-custom", "1"),
                ("set-cookie", "a=b"),
                ("www-authenticate", "Basic realm=x"),
            ] {
                response
                    .headers_mut()
                    .insert(name, HeaderValue::from_static(value));
            }
            response
        },
    )?;
    assert_eq!(told(&pair, "once")?, "x-custom");
    Ok(())
}

#[test]
fn a_custom_header_is_asked_about_after_the_preflight_and_sent_once() -> Result<()> {
    let pair = Pair::start(
        "const request = new XMLHttpRequest();
         request.open('GET', target + '/data');
         request.setRequestHeader('Authorization', 'Bearer of-the-page');
         request.onload = () => tell(request.responseText);
         request.onerror = () => tell('error');
         request.send();",
        silent,
    )?;
    assert_eq!(told(&pair, "not-now")?, "error");
    let seen = pair.target.log().take();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].method, Method::OPTIONS);

    assert_eq!(told(&pair, "once")?, "what anyone can read");
    let seen = pair.target.log().take();
    assert_eq!(seen.len(), 2, "{seen:?}");
    ensure!(
        seen[1].method == Method::GET && seen[1].user_enabled && !seen[1].cookie,
        "{seen:?}"
    );
    assert_eq!(seen[1].page_set_headers(), ["authorization"]);
    Ok(())
}

#[test]
fn a_body_is_sent_only_after_the_answer() -> Result<()> {
    let pair = Pair::start(
        "const response = await fetch(target + '/data', { method: 'PUT', body: 'from the page' });
         tell(response.status);",
        silent,
    )?;
    assert_eq!(told(&pair, "not-now")?, "TypeError");
    ensure!(
        pair.target
            .log()
            .take()
            .iter()
            .all(|seen| seen.method == Method::OPTIONS)
    );
    assert_eq!(told(&pair, "once")?, "200");
    let puts = pair.target.log().take();
    assert_eq!(
        puts.iter()
            .filter(|seen| seen.method == Method::PUT)
            .count(),
        1,
        "{puts:?}"
    );
    Ok(())
}

#[test]
fn a_simple_post_is_never_sent_twice() -> Result<()> {
    let pair = Pair::start(
        "const response = await fetch(target + '/data', { method: 'POST', body: 'a=b' });
         tell(await response.text());",
        silent,
    )?;
    assert_eq!(told(&pair, "once")?, "what anyone can read");
    assert_eq!(pair.target.log().take().len(), 1);
    Ok(())
}

#[test]
fn credentials_are_never_asked_about() -> Result<()> {
    let pair = Pair::start(
        "await fetch(target + '/data', { credentials: 'include' }); tell('read');",
        silent,
    )?;
    assert_eq!(told(&pair, "once")?, "TypeError");
    Ok(())
}

#[test]
fn cookies_of_the_target_stay_out() -> Result<()> {
    // A credentialed no-cors image makes the cookie; the anonymous read must not carry it.
    let pair = Pair::start(
        "const image = new Image();
         image.onload = image.onerror = async () => {
             const response = await fetch(target + '/data');
             tell(await response.text());
         };
         image.src = target + '/login';",
        |request| {
            let mut response = reply::text(
                StatusCode::OK,
                if request.headers().contains_key(header::COOKIE) {
                    "private"
                } else {
                    "public"
                },
            );
            response.headers_mut().insert(
                header::SET_COOKIE,
                HeaderValue::from_static("session=1; SameSite=None; Secure"),
            );
            response
        },
    )?;
    assert_eq!(told(&pair, "once")?, "public");
    Ok(())
}

#[test]
fn a_private_answer_in_the_cache_is_not_released() -> Result<()> {
    let pair = Pair::start(
        "const load = () => new Promise(resolve => {
             const image = new Image();
             image.onload = image.onerror = resolve;
             image.src = target + '/data';
         });
         await load();
         await load();
         const response = await fetch(target + '/data', { cache: 'force-cache' });
         tell(await response.text());",
        |request| {
            let private = request.headers().contains_key(header::COOKIE);
            let mut response =
                reply::text(StatusCode::OK, if private { "private" } else { "public" });
            response.headers_mut().insert(
                header::SET_COOKIE,
                HeaderValue::from_static("session=1; SameSite=None; Secure"),
            );
            response.headers_mut().insert(
                header::CACHE_CONTROL,
                HeaderValue::from_static("max-age=3600"),
            );
            response
        },
    )?;
    assert_eq!(told(&pair, "once")?, "public");
    Ok(())
}

#[test]
fn an_image_does_not_taint_its_canvas() -> Result<()> {
    let pair = Pair::start(
        "const image = new Image();
         image.crossOrigin = 'anonymous';
         image.onerror = () => tell('error');
         image.onload = () => {
             const context = document.createElement('canvas').getContext('2d');
             context.drawImage(image, 0, 0);
             tell([...context.getImageData(0, 0, 1, 1).data].join());
         };
         image.src = target + '/red.png';",
        |_| reply::new(StatusCode::OK, "image/png", red_pixel()),
    )?;
    assert_eq!(told(&pair, "once")?, "255,0,0,255");
    assert_eq!(told(&pair, "not-now")?, "error");
    Ok(())
}

/// A PNG of one red pixel.
fn red_pixel() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let pixel = image::RgbaImage::from_pixel(1, 1, image::Rgba([255, 0, 0, 255]));
    // An image in memory that was just made can be written.
    pixel
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap_or_default();
    bytes.into_inner()
}

#[test]
fn always_outlives_the_browser_and_never_does_too() -> Result<()> {
    let pair = Pair::start(READ, silent)?;
    for (first, then, expected) in [
        ("always", "not-now", "cors 200 what anyone can read"),
        ("never", "once", "TypeError"),
        ("visit", "not-now", "TypeError"),
    ] {
        let profile = tempfile::tempdir()?;
        for answer in [first, then] {
            let mut options = pair.options(answer)?;
            options.profile = Some(profile.path().to_owned());
            let mut browser = pair.open(&options)?;
            let told = browser.wait_for_alert("TOLD ", LIMIT)?;
            end(browser)?;
            if answer == then {
                assert_eq!(told, expected, "{first}, then {then}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_redirect_to_a_silent_server_is_followed_and_asked_about_once() -> Result<()> {
    let pair = Pair::start(
        "const response = await fetch(target + '/start');
         tell(response.redirected + ' ' + await response.text());",
        |request| {
            if request.uri().path() == "/start" {
                let mut response = reply::text(StatusCode::FOUND, "");
                response
                    .headers_mut()
                    .insert(header::LOCATION, HeaderValue::from_static("/data"));
                return response;
            }
            silent(request)
        },
    )?;
    assert_eq!(told(&pair, "once")?, "true what anyone can read");
    assert_eq!(told(&pair, "not-now")?, "TypeError");
    Ok(())
}

#[test]
fn an_allowed_post_may_redirect_to_a_get_of_the_same_server() -> Result<()> {
    let pair = Pair::start(
        "const response = await fetch(target + '/form', { method: 'POST', body: 'a=b' });
         tell(response.redirected + ' ' + await response.text());",
        |request| {
            if request.uri().path() == "/form" {
                let mut response = reply::text(StatusCode::SEE_OTHER, "");
                response
                    .headers_mut()
                    .insert(header::LOCATION, HeaderValue::from_static("/data"));
                return response;
            }
            silent(request)
        },
    )?;
    assert_eq!(told(&pair, "once")?, "true what anyone can read");
    let seen = pair.target.log().take();
    let methods: Vec<&str> = seen.iter().map(|seen| seen.method.as_str()).collect();
    assert_eq!(methods, ["POST", "GET"]);
    Ok(())
}

/// Options in which the target is on the local network, with more arguments.
fn local_target(pair: &Pair, arguments: &[&str]) -> Result<BrowserOptions> {
    let mut options = pair.options("once")?;
    let port = pair.target.address().port();
    for argument in &mut options.arguments {
        for address in ["127.0.0.1", "[::1]"] {
            *argument = argument.replace(
                &format!("{address}:{port}=public"),
                &format!("{address}:{port}=local"),
            );
        }
    }
    options
        .arguments
        .extend(arguments.iter().map(|&argument| argument.to_owned()));
    Ok(options)
}

fn told_with(pair: &Pair, options: &BrowserOptions) -> Result<(String, String)> {
    let mut browser = pair.open(options)?;
    let told = browser.wait_for_alert("TOLD ", LIMIT)?;
    let ended = browser.quit(LIMIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    Ok((told, ended.output))
}

#[test]
fn a_setting_lets_the_local_network_be_asked_about() -> Result<()> {
    let pair = Pair::start(READ, silent)?;
    let blocked = local_target(&pair, &[])?;
    assert_eq!(told_with(&pair, &blocked)?.0, "TypeError");
    let asked = local_target(&pair, &["--pref", "user_cors.local_network=warn"])?;
    assert_eq!(told_with(&pair, &asked)?.0, "cors 200 what anyone can read");
    Ok(())
}

#[test]
fn the_feature_can_be_switched_off() -> Result<()> {
    let pair = Pair::start(READ, silent)?;
    let mut options = pair.options("once")?;
    options
        .arguments
        .extend(["--pref".to_owned(), "user_cors.enabled=false".to_owned()]);
    assert_eq!(told_with(&pair, &options)?.0, "TypeError");
    Ok(())
}

#[test]
fn a_policy_blocks_and_a_broken_one_switches_the_feature_off() -> Result<()> {
    let pair = Pair::start(READ, silent)?;
    let target = pair.target.origin().origin().ascii_serialization();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("policy.json");
    for (policy, expected, said) in [
        (
            r#"{"policies": {"UserEnabledCORS": {"Enabled": true}}}"#.to_owned(),
            "cors 200 what anyone can read",
            "",
        ),
        (
            format!(r#"{{"policies": {{"UserEnabledCORS": {{"BlockedTargets": ["{target}"]}}}}}}"#),
            "TypeError",
            "",
        ),
        (
            "{\n  \"policies\": {\"UserEnabledCORS\": {\"Enabled\": 1}}}".to_owned(),
            "TypeError",
            "line 2",
        ),
    ] {
        std::fs::write(&path, &policy)?;
        let mut options = pair.options("once")?;
        options
            .arguments
            .extend(["--policy".to_owned(), path.display().to_string()]);
        let (told, output) = told_with(&pair, &options)?;
        assert_eq!(told, expected, "{policy}");
        ensure!(output.contains(said), "{output}");
    }
    Ok(())
}

#[test]
fn roots_that_a_policy_adds_are_as_good_as_public_ones() -> Result<()> {
    let pair = Pair::start(READ, silent)?;
    let mut options = pair.options("once")?;
    let arguments = &mut options.arguments;
    let option = arguments
        .iter()
        .position(|argument| argument == "--public-roots")
        .context("the target's root is declared public")?;
    let root = arguments.drain(option..option + 2).nth(1);
    let root = root.context("the option names a file")?;
    assert_eq!(told_with(&pair, &options)?.0, "TypeError", "without it");

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("policy.json");
    let policy = serde_json::json!({ "policies": { "UserEnabledCORS": { "ExtraRoots": [root] } } });
    std::fs::write(&path, policy.to_string())?;
    options
        .arguments
        .extend(["--policy".to_owned(), path.display().to_string()]);
    assert_eq!(
        told_with(&pair, &options)?.0,
        "cors 200 what anyone can read"
    );
    Ok(())
}
