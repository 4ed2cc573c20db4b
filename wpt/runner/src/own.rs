//! Our own fixtures, on our own server.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tokio::runtime::Runtime;
use url::Url;
use wpt_server::ca::TestCa;
use wpt_server::files::Roots;
use wpt_server::hosts::{self, Domain};
use wpt_server::ports::Ports;
use wpt_server::server::{Numbers, Server};

use crate::manifest::{Protocol, TestCase};

/// The file beside the fixtures that says how the browser answers questions: the one part of the suite that is only for
/// this browser.
const ANSWERS: &str = "answers.json";

/// The server with the fixtures, and the files that a browser needs for it.
pub struct OwnServer {
    server: Server,
    root_certificate: PathBuf,
    hosts: PathBuf,
    answers: PathBuf,
    // Declared last: what runs on it is dropped before it.
    _runtime: Runtime,
}

impl OwnServer {
    /// Starts it. `suite` is the folder that holds the folders of fixtures and of the harness; `report_script` one whose
    /// `testharnessreport.js` goes before the harness's.
    ///
    /// # Errors
    ///
    /// If a folder is missing, or a port is taken.
    pub fn start(
        suite: &Path,
        scratch: &Path,
        numbers: Numbers,
        report_script: Option<&Path>,
    ) -> Result<Self> {
        let mut roots = Roots::default();
        roots.add("/", folder(suite, "tests")?);
        roots.add("/resources/", folder(suite, "harness")?);
        if let Some(folder) = report_script {
            roots.add("/resources/", folder);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let ca = TestCa::new()?;
        let server = runtime.block_on(Server::start(roots, numbers, &ca))?;
        let hosts = scratch.join("hosts");
        fs::write(&hosts, hosts::hosts_file())
            .with_context(|| format!("cannot write {}", hosts.display()))?;
        Ok(Self {
            server,
            root_certificate: ca.write_pem(scratch)?,
            hosts,
            answers: folder(suite, "tests")?.join(ANSWERS),
            _runtime: runtime,
        })
    }

    /// The certificate that its own are signed with.
    pub fn root_certificate(&self) -> &Path {
        &self.root_certificate
    }

    /// The hosts and their addresses, in the format of `/etc/hosts`.
    pub fn hosts(&self) -> &Path {
        &self.hosts
    }

    /// What this project's browser has to be told beside: how it answers, and that all of this is the Internet but for the ports of
    /// the names that end in `-private`.
    pub fn arguments(&self) -> Vec<OsString> {
        vec![
            "--user-cors".into(),
            self.answers.clone().into(),
            "--public-roots".into(),
            self.root_certificate.clone().into(),
            "--address-space-overrides".into(),
            address_spaces(self.server.ports()).into(),
        ]
    }

    /// The URL of a test.
    ///
    /// # Errors
    ///
    /// If the test's name is no path and query.
    pub fn url(&self, test: &TestCase) -> Result<Url> {
        let (scheme, kind) = match test.protocol() {
            Protocol::Http => ("http", "http"),
            Protocol::Https => ("https", "https"),
            Protocol::H2 => ("https", "h2"),
        };
        let subdomain = if test.is_on_subdomain() { "www" } else { "" };
        let host = Domain::Main
            .subdomain(subdomain)
            .context("there is no such host")?;
        let port = self
            .server
            .ports()
            .get(kind, 0)
            .context("there is no such port")?;
        Url::parse(&format!("{scheme}://{host}:{port}{}", test.id))
            .with_context(|| format!("{} is no path of a URL", test.id))
    }
}

fn folder(suite: &Path, name: &str) -> Result<PathBuf> {
    let path = suite.join(name);
    path.canonicalize()
        .with_context(|| format!("there is no folder {}", path.display()))
}

fn address_spaces(ports: &Ports) -> String {
    let entries: Vec<String> = ports
        .iter()
        .map(|(name, port)| {
            let space = if name.ends_with("-private") {
                "local"
            } else {
                "public"
            };
            format!("127.0.0.1:{port}={space}")
        })
        .collect();
    entries.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ports_are_public_but_the_private_ones() {
        let mut ports = Ports::default();
        ports.add("https", 8443);
        ports.add("https-private", 8445);
        ports.add("https-public", 8446);
        assert_eq!(
            address_spaces(&ports),
            "127.0.0.1:8443=public,127.0.0.1:8445=local,127.0.0.1:8446=public"
        );
    }
}
