//! Two origins of different sites: a page, and a target that is silent about CORS unless a test says otherwise.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use latchkey_demo::ca::TestCa;
use latchkey_demo::reply;
use latchkey_demo::server::{Server, Service, Site};
use rustls::ServerConfig;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{Browser, BrowserOptions, wait_for};

/// The target's host.
const TARGET: &str = "data.silent.localhost";

/// Whether a browser knows where a target's name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// By a host file.
    Known,
    /// It has to ask a name server.
    Asked,
}

type Answering = dyn Fn(&Request<Bytes>) -> Response<Bytes> + Send + Sync;

/// A page's origin and its target, on loopback and declared public to the browser.
pub struct Pair {
    /// The page's server; `/` is the page.
    pub page: Server,
    /// The target's server.
    pub target: Server,
    directory: TempDir,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    _runtime: Runtime,
}

struct Answers(Arc<Answering>);

impl Service for Answers {
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        (self.0)(request)
    }
}

impl Pair {
    /// Starts both. `script` runs in the page; in it `target` is the target's origin, and `tell(text)` ends the test.
    ///
    /// # Errors
    /// If a port or a certificate cannot be had.
    pub fn start(
        script: &'static str,
        target: impl Fn(&Request<Bytes>) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::start_with_target_tls(script, target, |ca, host| ca.server_config(&[host]))
    }

    /// Starts both, the target with a name that does not lead to every machine itself. `names` says whether the browser is
    /// told its address.
    ///
    /// # Errors
    /// If a port or a certificate cannot be had.
    pub fn start_at(
        host: &str,
        names: Names,
        script: &'static str,
        target: impl Fn(&Request<Bytes>) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Result<Self> {
        let mut pair =
            Self::start_at_with_tls(host, script, target, |ca, host| ca.server_config(&[host]))?;
        if names == Names::Known {
            let hosts = pair.directory.path().join("hosts");
            std::fs::write(&hosts, format!("127.0.0.1 {host}\n"))?;
            pair.environment = vec![("HOST_FILE".to_owned(), hosts.display().to_string())];
        }
        Ok(pair)
    }

    /// Starts both, the target with a name of which a name server is asked, and with a certificate for `aliases` as well.
    ///
    /// # Errors
    /// If a port or a certificate cannot be had.
    pub fn start_with_aliases(
        host: &str,
        aliases: &[&str],
        script: &'static str,
        target: impl Fn(&Request<Bytes>) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Result<Self> {
        Self::start_at_with_tls(host, script, target, |ca, host| {
            ca.server_config(&[&[host], aliases].concat())
        })
    }

    /// Starts both, the target with a certificate of the caller's making for its host.
    ///
    /// # Errors
    /// If a port or a certificate cannot be had.
    pub fn start_with_target_tls(
        script: &'static str,
        target: impl Fn(&Request<Bytes>) -> Response<Bytes> + Send + Sync + 'static,
        target_tls: impl FnOnce(&TestCa, &str) -> Result<Arc<ServerConfig>>,
    ) -> Result<Self> {
        Self::start_at_with_tls(TARGET, script, target, target_tls)
    }

    fn start_at_with_tls(
        host: &str,
        script: &'static str,
        target: impl Fn(&Request<Bytes>) -> Response<Bytes> + Send + Sync + 'static,
        target_tls: impl FnOnce(&TestCa, &str) -> Result<Arc<ServerConfig>>,
    ) -> Result<Self> {
        let runtime = Runtime::new()?;
        let ca = TestCa::new()?;
        let directory = tempfile::tempdir()?;
        let root = ca.write_pem(directory.path())?;
        let (page, target) = runtime.block_on(async {
            let page = Site::bind("page.asker.localhost", 0).await?;
            let site = Site::bind(host, 0).await?;
            let origin = site.origin()?.origin().ascii_serialization();
            let html = format!(
                "<!doctype html><script>
                    const target = {origin:?};
                    const tell = text => alert('TOLD ' + text);
                    (async () => {{ {script} }})().catch(error => tell(error.name));
                </script>"
            );
            let page = page.serve(
                &ca,
                Answers(Arc::new(move |_: &Request<Bytes>| {
                    reply::html(StatusCode::OK, html.clone())
                })),
            )?;
            let tls = target_tls(&ca, host)?;
            anyhow::Ok((page, site.serve_with_tls(tls, Answers(Arc::new(target)))?))
        })?;
        let spaces = [&page, &target]
            .map(|server| {
                let port = server.address().port();
                format!("127.0.0.1:{port}=public,[::1]:{port}=public")
            })
            .join(",");
        let arguments = [
            "--certificate-path",
            &root.display().to_string(),
            "--public-roots",
            &root.display().to_string(),
            "--address-space-overrides",
            &spaces,
        ]
        .map(str::to_owned)
        .to_vec();
        Ok(Self {
            page,
            target,
            directory,
            arguments,
            environment: Vec::new(),
            _runtime: runtime,
        })
    }

    /// Options for a browser that knows these servers and answers every question with `answer`.
    ///
    /// # Errors
    /// If the file with the rules cannot be written.
    pub fn options(&self, answer: &str) -> Result<BrowserOptions> {
        let rules = self.directory.path().join(format!("{answer}.json"));
        std::fs::write(
            &rules,
            format!(r#"{{"rules": [{{"requester": "*", "target": "*", "answer": "{answer}"}}]}}"#),
        )?;
        let mut arguments = self.arguments.clone();
        arguments.push("--user-cors".to_owned());
        arguments.push(rules.display().to_string());
        Ok(BrowserOptions {
            arguments,
            environment: self.environment.clone(),
            ..BrowserOptions::default()
        })
    }

    /// The arguments by which a browser knows these servers.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Declares another server on loopback public, from the next options on.
    pub fn declare_public(&mut self, address: SocketAddr) {
        let spaces = self
            .arguments
            .iter()
            .position(|argument| argument == "--address-space-overrides");
        if let Some(list) = spaces.and_then(|index| self.arguments.get_mut(index + 1)) {
            list.push_str(&format!(",{address}=public"));
        }
    }

    /// Options for a browser that knows these servers and asks the person in front of its window, if it has one.
    pub fn options_without_rules(&self) -> BrowserOptions {
        BrowserOptions {
            arguments: self.arguments.clone(),
            environment: self.environment.clone(),
            ..BrowserOptions::default()
        }
    }

    /// The words that pages have told so far, each by a request for `/told/word`, oldest first.
    pub fn told(&self) -> Vec<String> {
        let requests = self.page.log().seen();
        let told = requests
            .iter()
            .filter_map(|seen| seen.path.strip_prefix("/told/"));
        told.map(str::to_owned).collect()
    }

    /// Waits until a page has told this word.
    ///
    /// # Errors
    /// If that does not happen within `limit`; the message lists what was told instead.
    pub fn wait_for_told(&self, word: &str, limit: Duration) -> Result<()> {
        wait_for(limit, || {
            let told = self.told();
            if told.iter().any(|told| told == word) {
                Ok(())
            } else {
                Err(format!("no page told “{word}” but {told:?}"))
            }
        })
    }

    /// Opens the page.
    ///
    /// # Errors
    /// If the browser does not start.
    pub fn open(&self, options: &BrowserOptions) -> Result<Browser> {
        Browser::open(self.page.origin().as_str(), options)
    }
}
