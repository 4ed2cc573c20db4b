//! `wpt-server`: serves a folder of web platform tests until it is told to end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use wpt_server::ca::TestCa;
use wpt_server::files::Roots;
use wpt_server::hosts;
use wpt_server::server::{Numbers, Server};

/// Serves a folder of web platform tests on loopback, with their hosts and ports.
#[derive(Debug, Parser)]
#[command(name = "wpt-server", version)]
struct Arguments {
    /// The folder that is served
    #[arg(value_name = "DIR")]
    tests: PathBuf,

    /// The folder of testharness.js, served as /resources/
    #[arg(long, value_name = "DIR")]
    harness: Option<PathBuf>,

    /// Take any ports that are free
    #[arg(long)]
    free_ports: bool,

    /// Where to write root.pem, the certificate to trust, and hosts, the addresses of the hosts
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        },
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut roots = Roots::default();
    roots.add("/", folder(&arguments.tests)?);
    if let Some(harness) = &arguments.harness {
        roots.add("/resources/", folder(harness)?);
    }
    let numbers = if arguments.free_ports {
        Numbers::Free
    } else {
        Numbers::Usual
    };
    let ca = TestCa::new()?;
    if let Some(folder) = &arguments.write {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        ca.write_pem(folder)?;
        let path = folder.join("hosts");
        fs::write(&path, hosts::hosts_file())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::start(roots, numbers, &ca).await?;
        for (name, number) in server.ports().iter() {
            println!("{name} {number}");
        }
        tokio::signal::ctrl_c()
            .await
            .context("the signal to end cannot be heard")
    })
}

fn folder(path: &Path) -> Result<PathBuf> {
    path.canonicalize()
        .with_context(|| format!("there is no folder {}", path.display()))
}
