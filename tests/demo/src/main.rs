//! `latchkey-demo`: starts the demo's servers, and the browser on them.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use latchkey_demo::browser::built_browser;
use latchkey_demo::check::{self, Outcome};
use latchkey_demo::scenes::{Answer, Scene};
use latchkey_demo::world::{Ports, World};

/// Starts the demo's servers and opens the browser on them.
#[derive(Debug, Parser)]
struct Arguments {
    /// The browser to start; without it the one beside this program
    #[arg(long, value_name = "PATH")]
    browser: Option<PathBuf>,

    /// Play every scene without a window, allowed and declined, and exit with 1 if one is not as stated
    #[arg(long)]
    check: bool,

    /// Play the scenes without a window and leave screenshots, as is done where there is no display
    #[arg(long)]
    headless: bool,

    /// The folder for screenshots of scenes that are played without a window
    #[arg(long, value_name = "DIR")]
    screenshots: Option<PathBuf>,

    /// The first of seven consecutive ports for the servers; without it any that are free
    #[arg(long, value_name = "PORT")]
    port_base: Option<u16>,

    /// Start the servers only, print their origins and what to tell the browser, and wait for Ctrl-C
    #[arg(long, conflicts_with_all = ["check", "headless"])]
    serve: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
    }
}

/// Does what the arguments ask for; whether it came out as it should.
fn run(arguments: &Arguments) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let ports = arguments.port_base.map_or(Ports::Free, Ports::From);
        let world = World::start(ports).await?;
        let folder = tempfile::Builder::new()
            .prefix("latchkey-demo-")
            .tempdir()?;
        if arguments.serve {
            return serve(&world, folder.path()).await;
        }
        let browser = arguments.browser.clone().or_else(built_browser);
        let browser =
            browser.context("there is no browser beside this program; name one with --browser")?;

        if arguments.check {
            return play_all(
                &world,
                &browser,
                folder.path(),
                arguments.screenshots.as_deref(),
            )
            .await;
        }
        if arguments.headless || !has_display() {
            if !arguments.headless {
                println!("There is no display here (neither WAYLAND_DISPLAY nor DISPLAY is set).");
            }
            println!("Playing the scenes without a window.\n");
            let screenshots = match &arguments.screenshots {
                Some(folder) => folder.clone(),
                None => tempfile::Builder::new()
                    .prefix("latchkey-screenshots-")
                    .tempdir()?
                    .keep(),
            };
            return play_all(&world, &browser, folder.path(), Some(&screenshots)).await;
        }
        open_window(&world, &browser, folder.path())
    })
}

/// Whether a window could be shown.
fn has_display() -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    // macOS always has one.
    cfg!(target_os = "macos") || is_set("WAYLAND_DISPLAY") || is_set("DISPLAY")
}

/// Starts the browser in a window and waits until it is closed.
fn open_window(world: &World, browser: &Path, folder: &Path) -> Result<bool> {
    let root = world.ca.write_pem(folder)?;
    let start = world.garden.origin().as_str();
    println!("The demo starts at {start}\nClose the window to end it.");
    // NB: This blocks a thread of the runtime while the servers run on the others; there are always at least two,
    // as `block_on` runs on the main thread.
    let status = Command::new(browser)
        .args(check::world_arguments(world, &root))
        .arg(start)
        .status()
        .with_context(|| format!("the browser {} cannot be started", browser.display()))?;
    Ok(status.success())
}

/// Waits for Ctrl-C while the servers run.
async fn serve(world: &World, folder: &Path) -> Result<bool> {
    let root = world.ca.write_pem(folder)?;
    for server in world.servers() {
        println!("{}", server.origin());
    }
    let arguments: Vec<OsString> = check::world_arguments(world, &root);
    let arguments: Vec<_> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy())
        .collect();
    println!(
        "\nStart a browser on them with:\n  {} {}",
        arguments.join(" "),
        world.garden.origin()
    );
    tokio::signal::ctrl_c().await?;
    Ok(true)
}

/// Plays every scene under every answer and prints what happened; whether all was as stated.
async fn play_all(
    world: &World,
    browser: &Path,
    folder: &Path,
    screenshots: Option<&Path>,
) -> Result<bool> {
    if let Some(screenshots) = screenshots {
        fs::create_dir_all(screenshots)
            .with_context(|| format!("cannot make {}", screenshots.display()))?;
    }
    let mut outcomes: Vec<Outcome> = Vec::new();
    for scene in Scene::ALL {
        for answer in Answer::ALL {
            let outcome = check::play(world, browser, scene, answer, folder, screenshots).await?;
            writeln!(stdout(), "{}", outcome.account)?;
            outcomes.push(outcome);
        }
    }
    for screenshot in outcomes
        .iter()
        .filter_map(|outcome| outcome.screenshot.as_ref())
        .filter(|path| path.is_file())
    {
        writeln!(stdout(), "screenshot: {}", screenshot.display())?;
    }
    let as_stated = outcomes
        .iter()
        .filter(|outcome| outcome.is_as_stated)
        .count();
    writeln!(
        stdout(),
        "{as_stated} of {} plays were as stated.",
        outcomes.len()
    )?;
    Ok(as_stated == outcomes.len())
}
