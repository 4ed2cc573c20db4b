//! What governs the permissions and what the person hears of it: policy and list files that change while the browser runs,
//! settings that last, and what a developer is told that no page is.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use latchkey_demo::reply;
use latchkey_e2e::{Browser, BrowserOptions, BrowserWindow, Pair};

const LIMIT: Duration = Duration::from_secs(60);

/// Tries to read until the test is over, and tells what comes of it each time that it is something else than before.
const KEEP_READING: &str = "
    let before = '';
    for (;;) {
        let now;
        try { now = await (await fetch(target + '/data')).text(); } catch (error) { now = error.name; }
        if (now !== before) tell(now);
        before = now;
        await new Promise(resolve => setTimeout(resolve, 100));
    }";

fn silent(_: &Request<Bytes>) -> Response<Bytes> {
    reply::text(StatusCode::OK, "read")
}

fn policy(inner: &str) -> String {
    format!("{{\"policies\": {{\"UserEnabledCORS\": {{{inner}}}}}}}")
}

/// Options that allow everything, with a policy file.
fn options(pair: &Pair, path: &Path) -> Result<BrowserOptions> {
    let mut options = pair.options("once")?;
    options
        .arguments
        .extend(["--policy".to_owned(), path.display().to_string()]);
    Ok(options)
}

#[test]
fn a_policy_that_changes_needs_no_restart() -> Result<()> {
    let pair = Pair::start(KEEP_READING, silent)?;
    let target = pair.target.origin().origin().ascii_serialization();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("policies.json");
    fs::write(&path, policy("\"Enabled\": true"))?;
    let mut browser = pair.open(&options(&pair, &path)?)?;
    browser.wait_for_alert("TOLD read", LIMIT)?;
    let blocking = policy(&format!("\"BlockedTargets\": [\"{target}\"]"));
    for (text, told) in [
        (blocking.as_str(), "TypeError"),
        (policy("").as_str(), "read"),
        ("{\n  \"policies\": 1}", "TypeError"),
        (policy("\"MaxGrantDays\": 3").as_str(), "read"),
    ] {
        fs::write(&path, text)?;
        browser.wait_for_alert(&format!("TOLD {told}"), LIMIT)?;
    }
    fs::remove_file(&path)?;
    browser.wait_for_alert("TOLD TypeError", LIMIT)?;
    let ended = browser.quit(LIMIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    let told = ended
        .output
        .lines()
        .filter(|line| line.contains("cannot be used"))
        .collect::<Vec<_>>();
    ensure!(
        told.iter()
            .any(|line| line.contains("line 2") && line.contains(&path.display().to_string())),
        "{told:?}"
    );
    Ok(())
}

#[test]
fn a_list_file_that_comes_needs_no_restart_and_its_bad_lines_are_told() -> Result<()> {
    let pair = Pair::start(KEEP_READING, silent)?;
    let profile = tempfile::tempdir()?;
    let mut options = pair.options("once")?;
    options.profile = Some(profile.path().to_owned());
    let mut browser = pair.open(&options)?;
    browser.wait_for_alert("TOLD read", LIMIT)?;
    let list = profile.path().join("lists/mine.txt");
    fs::write(&list, "||silent.localhost^\nno server at all\n")?;
    browser.wait_for_alert("TOLD TypeError", LIMIT)?;
    fs::remove_file(&list)?;
    browser.wait_for_alert("TOLD read", LIMIT)?;
    let ended = browser.quit(LIMIT)?;
    ensure!(
        ended.output.contains("mine.txt: line 2: "),
        "{}",
        ended.output
    );
    Ok(())
}

#[test]
fn the_policy_in_force_is_printed_with_its_source() -> Result<()> {
    let config = tempfile::tempdir()?;
    let path = config.path().join("latchkey/policies.json");
    fs::create_dir_all(path.parent().context("a folder")?)?;
    let print = || -> Result<(bool, String)> {
        let output = Command::new(Browser::binary()?)
            .arg("--print-policy")
            .env("XDG_CONFIG_HOME", config.path())
            .env_remove("DISPLAY")
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok((output.status.success(), text))
    };
    fs::write(&path, policy("\"LocalNetwork\": \"block\""))?;
    let (success, text) = print()?;
    ensure!(success, "{text}");
    let source = format!("LocalNetwork: block ({}, fixed)", path.display());
    ensure!(text.contains(&source), "{text}");
    ensure!(text.contains("/etc/latchkey/policies"), "{text}");
    fs::write(&path, "{")?;
    let (success, text) = print()?;
    ensure!(!success && text.contains("Enabled: false"), "{text}");
    Ok(())
}

#[test]
fn settings_of_a_profile_hold_and_the_command_line_goes_before_them() -> Result<()> {
    let pair = Pair::start(KEEP_READING, silent)?;
    let profile = tempfile::tempdir()?;
    fs::write(
        profile.path().join("preferences.json"),
        "{\"user_cors.enabled\": false}",
    )?;
    let mut options = pair.options("once")?;
    options.profile = Some(profile.path().to_owned());
    let mut browser = pair.open(&options)?;
    browser.wait_for_alert("TOLD TypeError", LIMIT)?;
    browser.quit(LIMIT)?;
    options
        .arguments
        .extend(["--pref".to_owned(), "user_cors.enabled=true".to_owned()]);
    let mut browser = pair.open(&options)?;
    browser.wait_for_alert("TOLD read", LIMIT)?;
    browser.quit(LIMIT)?;
    Ok(())
}

#[test]
fn a_developer_is_told_once_what_no_page_is() -> Result<()> {
    const SCRIPT: &str = "
        const seen = [];
        addEventListener('error', event => seen.push(event.message));
        for (const method of ['log', 'warn', 'error']) console[method] = text => seen.push(text);
        const messages = new Set();
        for (const path of ['/a?secret=1', '/b']) {
            try { await fetch(target + path); } catch (error) { messages.add(error.message); }
        }
        try { await fetch(target + '/c', {credentials: 'include'}); }
        catch (error) { messages.add(error.message); }
        tell(messages.size + ' ' + seen.length);";
    let pair = Pair::start(SCRIPT, silent)?;
    let mut options = pair.options("not-now")?;
    options
        .arguments
        .extend(["--dump", "issues"].map(str::to_owned));
    let mut browser = pair.open(&options)?;
    let told = browser.wait_for_alert("TOLD ", LIMIT)?;
    ensure!(told == "1 0", "a page saw something: {told}");
    let ended = browser.quit(LIMIT)?;
    let warnings = ended
        .output
        .lines()
        .filter(|line| line.contains("console warning: "))
        .count();
    ensure!(warnings == 2, "{}", ended.output);
    let issues = ended
        .output
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect::<Result<Vec<serde_json::Value>>>()?;
    let codes: Vec<_> = issues
        .iter()
        .filter_map(|issue| issue["code"].as_str())
        .collect();
    assert_eq!(codes, ["declined", "credentials-included"]);
    ensure!(!ended.output.contains("secret=1"), "{}", ended.output);
    let advice = issues[1]["advice"].as_str().unwrap_or_default();
    ensure!(advice.contains("credentials"), "{advice}");
    Ok(())
}

#[test]
fn a_policy_that_cannot_be_used_is_told_in_the_window_until_it_is_repaired() -> Result<()> {
    let pair = Pair::start("await 0;", silent)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("policies.json");
    fs::write(&path, "{")?;
    let mut options = pair.options_without_rules();
    options
        .arguments
        .extend(["--policy".to_owned(), path.display().to_string()]);
    let window = BrowserWindow::open(pair.page.origin().as_str(), &options)?;
    window.wait_to_see("the notice", |picture| picture.notice())?;
    fs::write(&path, policy(""))?;
    window.wait_to_see("no notice", |picture| {
        picture.notice().is_none().then_some(())
    })?;
    fs::write(&path, "{")?;
    let notice = window.wait_to_see("the notice", |picture| picture.notice())?;
    // The cross at its right end.
    window.click(latchkey_e2e::Point {
        x: notice.x + notice.width - 26,
        y: notice.center().y,
    })?;
    window.wait_to_see("no notice", |picture| {
        picture.notice().is_none().then_some(())
    })?;
    window.quit()
}

#[test]
fn permissions_that_are_damaged_are_set_aside_and_told_in_the_window() -> Result<()> {
    let pair = Pair::start("await 0;", silent)?;
    let profile = tempfile::tempdir()?;
    fs::write(
        profile.path().join("permissions.sqlite"),
        "this is no database, and long enough to be looked at as one".repeat(100),
    )?;
    let mut options = pair.options_without_rules();
    options.profile = Some(profile.path().to_owned());
    let window = BrowserWindow::open(pair.page.origin().as_str(), &options)?;
    window.wait_to_see("the notice", |picture| picture.notice())?;
    window.quit()
}
