//! Two origins of different sites: a page, and a target that is silent about CORS unless a test says otherwise.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use latchkey_demo::ca::TestCa;
use latchkey_demo::reply;
use latchkey_demo::server::{Server, Service, Site};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::{Browser, BrowserOptions};

type Answering = dyn Fn(&Request<Bytes>) -> Response<Bytes> + Send + Sync;

/// A page's origin and its target, on loopback and declared public to the browser.
pub struct Pair {
    /// The page's server; `/` is the page.
    pub page: Server,
    /// The target's server.
    pub target: Server,
    directory: TempDir,
    arguments: Vec<String>,
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
        let runtime = Runtime::new()?;
        let ca = TestCa::new()?;
        let directory = tempfile::tempdir()?;
        let root = ca.write_pem(directory.path())?;
        let (page, target) = runtime.block_on(async {
            let page = Site::bind("page.asker.localhost", 0).await?;
            let site = Site::bind("data.silent.localhost", 0).await?;
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
            anyhow::Ok((page, site.serve(&ca, Answers(Arc::new(target)))?))
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
            ..BrowserOptions::default()
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
