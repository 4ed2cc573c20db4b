//! `--test-driver`: a page plays the user, and only where that was asked for.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use latchkey_demo::reply;
use latchkey_e2e::{Browser, BrowserOptions, Pair};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

/// A page that gives commands with `run(command, parameters)`, which returns what they come to.
macro_rules! driving {
    ($script:literal) => {
        concat!(
            "const send = text => prompt('latchkey-test-driver:' + text);
             const run = (command, parameters) => {
                 const answer = JSON.parse(send(JSON.stringify({ ...parameters, command })));
                 if ('error' in answer) throw new Error(answer.error);
                 return answer.ok;
             };
             const question = async () => {
                 for (;;) {
                     const [shown] = run('questions');
                     if (shown) return shown;
                     await new Promise(resolve => setTimeout(resolve, 10));
                 }
             };",
            $script
        )
    };
}

fn silent(_: &Request<Bytes>) -> Response<Bytes> {
    reply::text(StatusCode::OK, "what anyone can read")
}

fn driven(pair: &Pair) -> BrowserOptions {
    let mut options = pair.options_without_rules();
    options.arguments.push("--test-driver".to_owned());
    options
}

/// What the page told, as JSON.
fn told(pair: &Pair, options: &BrowserOptions) -> Result<Value> {
    let mut browser = pair.open(options)?;
    let told = browser.wait_for_alert("TOLD ", LIMIT)?;
    let ended = browser.quit(LIMIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    ensure!(!ended.output.contains("panicked"), "{}", ended.output);
    serde_json::from_str(&told).context(told)
}

#[test]
fn a_page_asks_looks_and_answers() -> Result<()> {
    let pair = Pair::start(
        driving!(
            "run('set_answers', { rules: null });
             const reading = fetch(target + '/data').then(response => response.text());
             const chip = await question();
             run('open_chip');
             run('look', { ms: 699, focused: true });
             const early = run('answer', { choice: 'once' });
             run('look', { ms: 700, focused: true });
             const { armed } = await question();
             const taken = run('answer', { choice: 'once' });
             tell(JSON.stringify({
                 state: chip.state, hosts: chip.hosts.map(host => host === target), armed,
                 early: early.accepted, taken: taken.accepted, text: await reading,
             }));"
        ),
        silent,
    )?;
    assert_eq!(
        told(&pair, &driven(&pair))?,
        json!({
            "state": "chip", "hosts": [true], "armed": true,
            "early": false, "taken": true, "text": "what anyone can read",
        })
    );
    Ok(())
}

#[test]
fn time_passes_by_commands_only() -> Result<()> {
    let pair = Pair::start(
        driving!(
            "run('set_answers', { rules: null });
             const reading = fetch(target + '/data').catch(error => error.name);
             await question();
             run('advance', { ms: 119999 });
             await new Promise(resolve => setTimeout(resolve, 50));
             const before = run('questions').length;
             run('advance', { ms: 1 });
             tell(JSON.stringify([before, run('questions').length, await reading]));"
        ),
        silent,
    )?;
    assert_eq!(told(&pair, &driven(&pair))?, json!([1, 0, "TypeError"]));
    Ok(())
}

#[test]
fn settings_policy_permissions_and_their_end() -> Result<()> {
    let pair = Pair::start(
        driving!(
            "const all = [{ requester: '*', target: '*', answer: 'visit' }];
             run('set_answers', { rules: all });
             const read = () => fetch(target + '/data').then(response => response.status, error => error.name);
             const results = [await read(), run('permissions').grants.length];
             run('set_preference', { name: 'user_cors.enabled', value: false });
             results.push(await read());
             run('set_preference', { name: 'user_cors.enabled', value: true });
             const { usable, problem } = run('set_policy', { text: '{' });
             results.push(await read(), usable, problem.includes('line 1'));
             run('set_policy', { text: null });
             run('block', { entry: target });
             results.push(await read());
             run('unblock', { entry: target });
             results.push(await read());
             run('clear');
             results.push(run('permissions').grants.length, await read());
             tell(JSON.stringify(results));"
        ),
        silent,
    )?;
    assert_eq!(
        told(&pair, &driven(&pair))?,
        json!([
            200,
            1,
            "TypeError",
            "TypeError",
            false,
            true,
            "TypeError",
            200,
            0,
            "TypeError"
        ])
    );
    Ok(())
}

#[test]
fn a_page_sees_its_cookies() -> Result<()> {
    let pair = Pair::start(
        driving!(
            "document.cookie = 'plain=1';
             document.cookie = 'strict=2; Path=/; SameSite=Strict; Secure; Max-Age=3600';
             document.cookie = 'elsewhere=3; Path=/elsewhere';
             const cookies = run('cookies', { url: document.URL });
             cookies.sort((one, other) => (one.name < other.name ? -1 : 1));
             const ends = cookies.map(({ expiry }) => expiry === undefined || expiry - Date.now() / 1000 > 3000);
             for (const cookie of cookies) delete cookie.expiry;
             tell(JSON.stringify({ cookies, ends, page: location.hostname }));"
        ),
        silent,
    )?;
    let told = told(&pair, &driven(&pair))?;
    let cookie = |name: &str, value: &str, secure: bool, same_site: &str| {
        json!({
            "name": name, "value": value, "path": "/", "domain": told["page"], "secure": secure,
            "httpOnly": false, "sameSite": same_site,
        })
    };
    assert_eq!(
        told["cookies"],
        json!([
            cookie("plain", "1", false, "Lax"),
            cookie("strict", "2", true, "Strict")
        ])
    );
    assert_eq!(told["ends"], json!([true, true]));
    Ok(())
}

#[test]
fn a_page_clicks_as_a_person_does() -> Result<()> {
    let pair = Pair::start(
        driving!(
            "const button = document.createElement('button');
             button.style = 'position: fixed; left: 20px; top: 10px; width: 100px; height: 50px';
             document.documentElement.append(button);
             const frame = () => new Promise(resolve => requestAnimationFrame(resolve));
             await frame();
             await frame();
             const clicked = new Promise(resolve => { button.onclick = resolve; });
             run('click', { x: 30, y: 20 });
             const { isTrusted, clientX, clientY } = await clicked;
             tell(JSON.stringify([isTrusted, clientX, clientY]));"
        ),
        silent,
    )?;
    assert_eq!(told(&pair, &driven(&pair))?, json!([true, 30, 20]));
    Ok(())
}

#[test]
fn what_cannot_be_done_is_an_error() -> Result<()> {
    let pair = Pair::start(
        driving!(
            "const texts = ['', '{', '{\"command\": \"nothing\"}', '{\"command\": \"look\", \"ms\": -1, \"focused\": true}',
                 '{\"command\": \"set_preference\", \"name\": \"user_agent\", \"value\": \"x\"}',
                 '{\"command\": \"block\", \"entry\": \"*\"}'];
             const errors = texts.map(text => typeof JSON.parse(send(text)).error);
             tell(JSON.stringify([errors, prompt('another text')]));"
        ),
        silent,
    )?;
    assert_eq!(
        told(&pair, &driven(&pair))?,
        json!([vec!["string"; 6], null])
    );
    Ok(())
}

#[test]
fn without_the_option_a_prompt_is_a_prompt() -> Result<()> {
    let pair = Pair::start(
        driving!("tell(JSON.stringify(send('{\"command\": \"permissions\"}')));"),
        silent,
    )?;
    assert_eq!(told(&pair, &pair.options("once")?)?, Value::Null);
    Ok(())
}

#[test]
fn it_is_refused_in_a_window_and_with_a_profile_that_is_used() -> Result<()> {
    let used = tempfile::tempdir()?;
    std::fs::write(used.path().join("permissions.sqlite"), "")?;
    let used = used.path().display().to_string();
    for (arguments, advice) in [
        (vec!["--test-driver"], "--headless"),
        (
            vec!["--test-driver", "--headless", "--config-dir", &used],
            "empty folder",
        ),
    ] {
        let output = Command::new(Browser::binary()?)
            .args(&arguments)
            .arg("about:blank")
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        ensure!(said.contains(advice), "{arguments:?}: {said}");
    }
    Ok(())
}
