//! What a browser is asked to be when a session begins.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use url::Url;

use crate::webdriver::trust;

/// What is asked of every browser: to open a page without waiting for it, and to answer a page's dialogs with no.
///
/// <https://w3c.github.io/webdriver/#capabilities>
fn of_any_browser(script_timeout_ms: u64) -> Map<String, Value> {
    let mut capabilities = Map::new();
    for (name, value) in [
        ("pageLoadStrategy", json!("none")),
        ("unhandledPromptBehavior", json!("dismiss")),
        ("timeouts", json!({"script": script_timeout_ms})),
    ] {
        capabilities.insert(name.to_owned(), value);
    }
    capabilities
}

/// What the browser is told beside.
#[derive(Clone, Debug)]
pub enum Capabilities {
    /// Chromium, by the arguments of its command line.
    Chromium {
        /// Its program, if not the one that chromedriver finds.
        program: Option<PathBuf>,
        /// Its arguments, but for the profile.
        arguments: Vec<String>,
    },
    /// Another browser: the hosts have to be in the machine's `/etc/hosts`, and any certificate is accepted.
    Other {
        /// What is asked of it beside.
        more: Map<String, Value>,
    },
}

impl Capabilities {
    /// For Chromium on a suite's server, whose hosts are in a file in the format of `/etc/hosts`.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or the server's certificate does not hold.
    pub fn for_chromium(
        program: Option<&Path>,
        hosts: &Path,
        root_certificate: &Path,
        test_url: &Url,
        scratch: &Path,
        more: &[OsString],
    ) -> Result<Self> {
        let hosts = fs::read_to_string(hosts)
            .with_context(|| format!("cannot read {}", hosts.display()))?;
        let host = test_url.host_str().context("a test without a host")?;
        let port = test_url
            .port_or_known_default()
            .context("a test without a port")?;
        let hash = trust::public_key_hash(root_certificate, host, port)?;
        let mut arguments: Vec<String> = [
            "--headless=new",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--no-default-browser-check",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--autoplay-policy=no-user-gesture-required",
        ]
        .map(str::to_owned)
        .into();
        arguments.push(format!("--host-resolver-rules={}", resolver_rules(&hosts)));
        arguments.push(format!("--ignore-certificate-errors-spki-list={hash}"));
        // Chromium's sandbox does not start for the system's administrator, as whom containers run.
        if fs::metadata(scratch)?.uid() == 0 {
            arguments.push("--no-sandbox".to_owned());
        }
        arguments.extend(
            more.iter()
                .map(|argument| argument.to_string_lossy().into_owned()),
        );
        Ok(Self::Chromium {
            program: program.map(Path::to_owned),
            arguments,
        })
    }

    /// What is sent for one session, whose profile is in this folder.
    pub fn always_match(&self, profile: &Path, script_timeout_ms: u64) -> Value {
        let mut capabilities = of_any_browser(script_timeout_ms);
        match self {
            Self::Chromium { program, arguments } => {
                let mut arguments = arguments.clone();
                arguments.push(format!("--user-data-dir={}", profile.display()));
                let mut options = json!({"args": arguments});
                if let Some(program) = program {
                    options["binary"] = json!(program);
                }
                capabilities.insert("goog:chromeOptions".to_owned(), options);
            },
            Self::Other { more } => {
                capabilities.insert("acceptInsecureCerts".to_owned(), json!(true));
                capabilities.extend(more.clone());
            },
        }
        Value::Object(capabilities)
    }
}

/// Chromium's rules for names: those in the file lead where it says, and no other name leads anywhere.
fn resolver_rules(hosts: &str) -> String {
    let entries = hosts.lines().filter_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        Some((words.next()?, words))
    });
    let mut rules: Vec<String> = entries
        // Upstream's file has a name that has to lead nowhere, with this address.
        .filter(|(address, _)| *address != "0.0.0.0")
        .flat_map(|(address, names)| names.map(move |name| format!("MAP {name} {address}")))
        .collect();
    rules.extend(["EXCLUDE 127.0.0.1", "EXCLUDE localhost", "MAP * ^NOTFOUND"].map(str::to_owned));
    rules.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_loopback_or_nowhere() {
        let hosts =
            "# a comment\n127.0.0.1 a.test b.test # another\n\n0.0.0.0\tnonexistent.a.test\n";
        assert_eq!(
            resolver_rules(hosts),
            "MAP a.test 127.0.0.1, MAP b.test 127.0.0.1, EXCLUDE 127.0.0.1, EXCLUDE localhost, MAP * ^NOTFOUND"
        );
    }

    #[test]
    fn each_session_has_its_own_profile() {
        let capabilities = Capabilities::Chromium {
            program: Some("/opt/chromium".into()),
            arguments: vec!["--headless=new".to_owned()],
        };
        let asked = capabilities.always_match(Path::new("/tmp/p1"), 5000);
        assert_eq!(asked["pageLoadStrategy"], "none");
        assert_eq!(asked["timeouts"]["script"], 5000);
        assert_eq!(
            asked["goog:chromeOptions"],
            json!({"args": ["--headless=new", "--user-data-dir=/tmp/p1"], "binary": "/opt/chromium"})
        );
    }

    #[test]
    fn others_are_asked_for_what_a_file_says() {
        let mut more = Map::new();
        more.insert("browserName".to_owned(), json!("firefox"));
        more.insert("pageLoadStrategy".to_owned(), json!("eager"));
        let asked = Capabilities::Other { more }.always_match(Path::new("/tmp/p1"), 1);
        assert_eq!(asked["browserName"], "firefox");
        assert_eq!(asked["pageLoadStrategy"], "eager");
        assert_eq!(asked["acceptInsecureCerts"], true);
    }
}
