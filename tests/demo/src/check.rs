//! Plays the scenes without a window and compares what happened with what is stated.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::browser::Browser;
use crate::record::SeenRequest;
use crate::scenes::{Answer, Scene, Statement, WantedRequest, WantedTraffic};
use crate::world::World;

/// How long a scene may take, the browser's start included.
const SCENE_DEADLINE: Duration = Duration::from_secs(60);

/// What was played under one answer.
pub struct Outcome {
    /// The scene.
    pub scene: Scene,
    /// The answer.
    pub answer: Answer,
    /// The whole account as text: what the page got, what the servers saw, what differs.
    pub account: String,
    /// Whether everything was as stated.
    pub is_as_stated: bool,
    /// Where the screenshot is, if one was asked for.
    pub screenshot: Option<PathBuf>,
}

/// The arguments that tell the browser of the world: whom to trust, and which addresses stand for the Internet.
pub fn world_arguments(world: &World, root: &Path) -> Vec<OsString> {
    vec![
        "--temporary-profile".into(),
        "--certificate-path".into(),
        root.into(),
        "--public-roots".into(),
        root.into(),
        "--address-space-overrides".into(),
        world.address_space_overrides().into(),
    ]
}

/// Plays one scene under one answer. `folder` is for the files that the browser is given; `screenshots` for what it
/// leaves.
///
/// # Errors
///
/// If the files cannot be written. Whatever goes wrong with the browser is part of the outcome.
pub async fn play(
    world: &World,
    browser: &Path,
    scene: Scene,
    answer: Answer,
    folder: &Path,
    screenshots: Option<&Path>,
) -> Result<Outcome> {
    let statement = scene.statement(answer)?;
    let root = world.ca.write_pem(folder)?;
    let rules = folder.join(format!("answers-{}.json", answer.name()));
    fs::write(&rules, answer.rules().to_string())
        .with_context(|| format!("cannot write {}", rules.display()))?;
    let screenshot = screenshots
        .map(|screenshots| screenshots.join(format!("{}-{}.png", scene.name(), answer.name())));

    let mut arguments = world_arguments(world, &root);
    arguments.extend(["--user-cors".into(), rules.into()]);
    if let Some(screenshot) = &screenshot {
        arguments.extend(["--output".into(), screenshot.into()]);
    }
    arguments.push(scene.automatic_url(world).as_str().into());

    world.forget_requests();
    let mut account = format!("{} [{}]: {}\n", scene.name(), answer.name(), scene.title());
    let mut problems = Vec::new();
    match watch(browser, &arguments).await {
        Ok(report) => compare_report(&report, scene, &statement, &mut account, &mut problems),
        Err(error) => problems.push(format!("{error:#}")),
    }
    for traffic in &statement.traffic {
        compare_traffic(world, traffic, &mut account, &mut problems);
    }
    if let Some(screenshot) = screenshot
        .as_ref()
        .filter(|screenshot| !screenshot.is_file())
    {
        problems.push(format!(
            "the browser left no screenshot at {}",
            screenshot.display()
        ));
    }

    for problem in &problems {
        account.push_str(&format!("  NOT AS STATED: {}\n", problem.trim_end()));
    }
    if problems.is_empty() {
        account.push_str(&format!("  as stated: {}\n", statement.summary));
    }
    Ok(Outcome {
        scene,
        answer,
        account,
        is_as_stated: problems.is_empty(),
        screenshot,
    })
}

/// Runs the browser until the scene has reported, and ends it.
async fn watch(browser: &Path, arguments: &[OsString]) -> Result<Value> {
    let mut browser = Browser::start_headless(browser, arguments)?;
    let report = browser.report(SCENE_DEADLINE).await?;
    browser.quit().await?;
    Ok(report)
}

fn compare_report(
    report: &Value,
    scene: Scene,
    statement: &Statement,
    account: &mut String,
    problems: &mut Vec<String>,
) {
    account.push_str("  the page got\n");
    if let Value::Object(parts) = report {
        for (name, value) in parts.iter().filter(|(name, _)| *name != "scene") {
            account.push_str(&format!("    {name:<10} {value}\n"));
        }
    }
    if report.pointer("/scene").and_then(Value::as_str) != Some(scene.name()) {
        problems.push("the report is another scene's".to_owned());
    }
    for (pointer, wanted) in &statement.page {
        let value = report.pointer(pointer);
        if !wanted.is_met_by(value) {
            let value = value.map_or("nothing".to_owned(), Value::to_string);
            problems.push(format!(
                "in the page's report {pointer} is {value}, stated is {wanted:?}"
            ));
        }
    }
}

fn compare_traffic(
    world: &World,
    traffic: &WantedTraffic,
    account: &mut String,
    problems: &mut Vec<String>,
) {
    let server = (traffic.server)(world);
    let host = server.origin().host_str().unwrap_or_default();
    let counts = |seen: &SeenRequest| {
        let is_page = seen.mode.as_deref() == Some("navigate") || seen.path == "/favicon.ico";
        !is_page && traffic.paths.iter().any(|path| seen.path.starts_with(path))
    };
    let seen: Vec<SeenRequest> = server.log().seen().into_iter().filter(counts).collect();
    account.push_str(&format!("  {host} saw\n{}", table(&seen)));

    let is_met = seen.len() == traffic.requests.len()
        && seen
            .iter()
            .zip(&traffic.requests)
            .all(|(seen, wanted)| wanted.is_met_by(seen));
    if !is_met {
        let wanted: String = traffic.requests.iter().map(wanted_line).collect();
        problems.push(format!("{host} should have seen\n{wanted}"));
    }
}

/// The requests as a table.
fn table(requests: &[SeenRequest]) -> String {
    if requests.is_empty() {
        return "    no request\n".to_owned();
    }
    let mut table = line([
        "METHOD",
        "PATH",
        "STATUS",
        "MODE",
        "COOKIE",
        "MARKED",
        "HEADERS SET BY THE PAGE",
    ]);
    for request in requests {
        let status = request.status.as_u16().to_string();
        table.push_str(&line([
            request.method.as_str(),
            &request.path,
            &status,
            request.mode.as_deref().unwrap_or("-"),
            yes_or_no(request.cookie),
            yes_or_no(request.user_enabled),
            &listed(&request.page_set_headers()),
        ]));
    }
    table
}

fn wanted_line(request: &WantedRequest) -> String {
    let status = request.status.to_string();
    line([
        request.method,
        request.path,
        &status,
        request.mode,
        yes_or_no(request.cookie),
        yes_or_no(request.user_enabled),
        &listed(request.page_set),
    ])
}

fn line(cells: [&str; 7]) -> String {
    let mut line = String::from("    ");
    for (cell, width) in cells.into_iter().zip([8, 21, 7, 9, 7, 7, 0]) {
        // Writing to a string cannot fail.
        let _ = write!(line, "{cell:<width$} ");
    }
    format!("{}\n", line.trim_end())
}

fn yes_or_no(value: bool) -> &'static str {
    if value { "YES" } else { "no" }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_that_differs_is_a_problem() {
        let statement = Scene::Answered
            .statement(Answer::Allow)
            .expect("a statement");
        let good = json!({
            "scene": "answered", "vault": { "outcome": "refused" }, "printer": { "outcome": "refused" },
            "partner": { "outcome": "refused" }, "commons": { "outcome": "read", "status": 200 },
        });
        let problems = |report: &Value| {
            let (mut account, mut problems) = (String::new(), Vec::new());
            compare_report(
                report,
                Scene::Answered,
                &statement,
                &mut account,
                &mut problems,
            );
            problems
        };
        assert!(problems(&good).is_empty());
        let mut leaked = good.clone();
        leaked["printer"]["outcome"] = json!("read");
        assert_eq!(problems(&leaked).len(), 1);
        assert_eq!(problems(&json!({ "scene": "timeline" })).len(), 6);
    }
}
