//! Where tests come from: an upstream tree on its own server, or our own fixtures on ours.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use url::Url;
use wpt_server::server::Numbers;

use crate::arguments::Arguments;
use crate::fixtures;
use crate::interruption::Interruption;
use crate::manifest::{Manifest, TestCase, Timeout};
use crate::own::OwnServer;
use crate::selection::Extra;
use crate::upstream::{Ports, Server, Tree};

/// A suite of tests.
#[derive(Clone, Debug)]
pub enum Suite {
    /// An unpacked tree of upstream's.
    Upstream(Tree),
    /// A folder that holds the folders of our fixtures and of their harness.
    Own(PathBuf),
}

impl Suite {
    /// The suite that the arguments name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn open(arguments: &Arguments) -> Result<Self> {
        if let Some(folder) = &arguments.upstream {
            return Ok(Self::Upstream(Tree::open(folder)?));
        }
        let folder = arguments
            .suite
            .as_deref()
            .context("neither --upstream nor --suite names any tests")?;
        let folder = folder
            .canonicalize()
            .with_context(|| format!("there is no folder {}", folder.display()))?;
        Ok(Self::Own(folder))
    }

    /// Its tests.
    ///
    /// # Errors
    ///
    /// If they cannot be read, or a manifest is not understood, or a signal ends the run while one is made.
    pub fn manifest(&self, arguments: &Arguments, interruption: &Interruption) -> Result<Manifest> {
        match self {
            Self::Upstream(tree) => tree.manifest(arguments.manifest.as_deref(), interruption),
            Self::Own(folder) => fixtures::manifest(&folder.join("tests")),
        }
    }

    /// Starts its server. `report_script` is a folder whose `testharnessreport.js` is served in the place of the tests' own.
    ///
    /// # Errors
    ///
    /// If that does not start, or a signal ends the run before it has.
    pub fn serve(
        &self,
        arguments: &Arguments,
        scratch: &Path,
        report_script: Option<&Path>,
        interruption: &Interruption,
    ) -> Result<Served> {
        match self {
            Self::Own(folder) => {
                let numbers = if arguments.free_ports {
                    Numbers::Free
                } else {
                    Numbers::Usual
                };
                Ok(Served::Own(OwnServer::start(
                    folder,
                    scratch,
                    numbers,
                    report_script,
                )?))
            },
            Self::Upstream(tree) => {
                let ports = if arguments.free_ports {
                    Ports::free()?
                } else {
                    Ports::USUAL
                };
                let server = if arguments.served {
                    if report_script.is_some() {
                        bail!(
                            "a browser driven by WebDriver needs a server that is started here, not --served"
                        );
                    }
                    ports.expect_served(arguments.with.contains(&Extra::H2))?;
                    None
                } else {
                    Some(tree.serve(scratch, ports, report_script, interruption)?)
                };
                Ok(Served::Upstream {
                    hosts: tree.write_hosts(scratch)?,
                    tree: tree.clone(),
                    ports,
                    server,
                })
            },
        }
    }
}

/// A suite with its server, which ends when this is dropped.
pub enum Served {
    /// Upstream's.
    Upstream {
        /// The tree.
        tree: Tree,
        /// Where its server listens.
        ports: Ports,
        /// The server, unless somebody else has started it.
        server: Option<Server>,
        /// The hosts and their addresses, in the format of `/etc/hosts`.
        hosts: PathBuf,
    },
    /// Ours.
    Own(OwnServer),
}

impl Served {
    /// The URL of a test.
    ///
    /// # Errors
    ///
    /// If the test's name is no path and query.
    pub fn url(&self, test: &TestCase) -> Result<Url> {
        match self {
            Self::Upstream { ports, .. } => Tree::url(test, *ports),
            Self::Own(server) => server.url(test),
        }
    }

    /// The certificate that the server's own is signed with.
    pub fn root_certificate(&self) -> PathBuf {
        match self {
            Self::Upstream {
                server: Some(server),
                ..
            } => server.root_certificate().to_owned(),
            Self::Upstream { tree, .. } => tree.root_certificate(),
            Self::Own(server) => server.root_certificate().to_owned(),
        }
    }

    /// What this project's browser has to be told of the suite on its command line.
    pub fn browser_arguments(&self) -> Vec<OsString> {
        let mut arguments = vec!["--certificate-path".into(), self.root_certificate().into()];
        if let Self::Own(server) = self {
            arguments.extend(server.arguments());
        }
        arguments
    }

    /// An address on the server's first port of HTTPS.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn secure_url(&self) -> Result<Url> {
        self.url(&TestCase {
            id: "/".to_owned(),
            source: String::new(),
            timeout: Timeout::Normal,
            flags: BTreeSet::from(["https".to_owned()]),
        })
    }

    /// The file of the hosts, for the variable `HOST_FILE`.
    pub fn hosts(&self) -> &Path {
        match self {
            Self::Upstream { hosts, .. } => hosts,
            Self::Own(server) => server.hosts(),
        }
    }

    /// The name of a subtest as it would be if the ports were the usual ones. Our own have no ports in their names.
    pub fn as_usual(&self, name: &str) -> String {
        match self {
            Self::Upstream { ports, .. } => ports.as_usual(name),
            Self::Own(_) => name.to_owned(),
        }
    }

    /// Sees to it that the server still runs. A run whose server has ended says nothing about the browser.
    ///
    /// # Errors
    ///
    /// If it does not; the error shows its last output.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Upstream {
                server: Some(server),
                ..
            } => server.check(),
            _ => Ok(()),
        }
    }
}
