//! An unpacked tree of upstream's tests: its manifest, its hosts, and its own server.
//!
//! The tree is run as it is. What its tools need otherwise they are told: the server listens on loopback, and that the
//! hosts' names lead there is told to the browser alone, so nothing has to be written to `/etc/hosts`.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use url::Url;

use crate::interruption::Interruption;
use crate::last_lines::LastLines;
use crate::manifest::{Manifest, Protocol, TestCase};

/// The host that tests come from, as wptserve has it by default.
const HOST: &str = "web-platform.test";

/// The ports of the tree's server that tests are opened from, or name. It has others, any that are free.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ports {
    http: [u16; 2],
    https: [u16; 2],
    h2: u16,
}

impl Ports {
    /// Those that wptserve takes by default. It leaves the second of HTTP open; here that is always the same, since some
    /// subtests' names contain it.
    pub const USUAL: Self = Self {
        http: [8000, 8001],
        https: [8443, 8444],
        h2: 9000,
    };

    /// Ports that are free at this moment.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub fn free() -> Result<Self> {
        // All are held until the last is there, so that they differ.
        let listeners = [0; 5].map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        let mut ports = [0; 5];
        for (port, listener) in ports.iter_mut().zip(&listeners) {
            let listener = listener
                .as_ref()
                .ok()
                .context("no port on loopback is free")?;
            *port = listener.local_addr()?.port();
        }
        let [http, second_http, https, second_https, h2] = ports;
        Ok(Self {
            http: [http, second_http],
            https: [https, second_https],
            h2,
        })
    }

    /// A text, such as the name of a subtest, as it would be if the ports were the usual ones.
    pub fn as_usual(self, text: &str) -> String {
        let mut parts = text.split(':');
        let mut usual = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part
                .find(|character: char| !character.is_ascii_digit())
                .unwrap_or(part.len());
            let (number, rest) = part.split_at(end);
            let named = self
                .all()
                .into_iter()
                .zip(Self::USUAL.all())
                .find(|(port, _)| number == port.to_string());
            match named {
                Some((_, port)) => usual.push_str(&format!(":{port}{rest}")),
                None => usual.push_str(&format!(":{part}")),
            }
        }
        usual
    }

    fn all(self) -> [u16; 5] {
        let [http, second_http] = self.http;
        let [https, second_https] = self.https;
        [http, second_http, https, second_https, self.h2]
    }

    /// Sees to it that a server runs on them, which somebody else has started.
    ///
    /// # Errors
    ///
    /// If nothing listens on one of them.
    pub fn expect_served(self, with_h2: bool) -> Result<()> {
        let first = [self.http[0], self.https[0]];
        let mut ports = first.into_iter().chain(with_h2.then_some(self.h2));
        match ports.find(|port| !listens(*port)) {
            Some(port) => bail!("nothing listens on port {port} on loopback"),
            None => Ok(()),
        }
    }
}

/// Starts the tree's server in a process group of its own, and kills the whole group, which is a process for each port, when
/// standard input is closed: even if the runner is killed.
const SERVE: &str = r#"
import multiprocessing, os, signal, sys, threading

tree = sys.argv[1]
os.chdir(tree)
sys.path.insert(0, tree)
import tools.localpaths
from tools.serve import serve

def end_with_standard_input():
    sys.stdin.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)

os.setpgid(0, 0)
multiprocessing.set_start_method("spawn")
threading.Thread(target=end_with_standard_input, daemon=True).start()
serve.run(**vars(serve.get_parser().parse_args(sys.argv[2:])))
"#;

/// The script that tests include for the sake of a runner.
const REPORT_SCRIPT: &str = "/resources/testharnessreport.js";

/// The script in which a browser's vendor may say how its user is played; in the tree it is empty.
const VENDOR_SCRIPT: &str = "/resources/testdriver-vendor.js";

/// How long the server may take until it listens.
const START_DEADLINE: Duration = Duration::from_secs(120);

/// How long it may take to end.
const END_DEADLINE: Duration = Duration::from_secs(15);

/// How often it is looked whether it has started or ended.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The folder of an unpacked tree.
#[derive(Clone, Debug)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Looks at a folder.
    ///
    /// # Errors
    ///
    /// If it holds no tree of web platform tests.
    pub fn open(folder: &Path) -> Result<Self> {
        let root = folder
            .canonicalize()
            .with_context(|| format!("there is no folder {}", folder.display()))?;
        for file in [
            "wpt",
            "tools/serve/serve.py",
            "resources/testharness.js",
            "tools/certs/cacert.pem",
        ] {
            if !root.join(file).is_file() {
                bail!(
                    "{} is no tree of web platform tests: it has no {file}",
                    folder.display()
                );
            }
        }
        Ok(Self { root })
    }

    /// The certificate that those in the tree are signed with: of a server that was not started here.
    pub fn root_certificate(&self) -> PathBuf {
        self.root.join("tools/certs/cacert.pem")
    }

    /// The tests in it, by a manifest made beforehand or by the tree's own; if that is missing it is made, which takes
    /// minutes.
    ///
    /// # Errors
    ///
    /// If there is none and none can be made, or if it is not understood, or a signal ends the run.
    pub fn manifest(
        &self,
        made_beforehand: Option<&Path>,
        interruption: &Interruption,
    ) -> Result<Manifest> {
        let own = self.root.join("MANIFEST.json");
        let path = made_beforehand.unwrap_or(&own);
        if made_beforehand.is_none() && !own.is_file() {
            eprintln!("Making the manifest {}; this takes minutes.", own.display());
            let mut tool = self.tool(&["manifest", "--no-download", "-p"]);
            let status = interruption
                .status(tool.arg(&own).stdout(Stdio::null()))
                .context("the tree's own `wpt manifest` was not run to its end")?;
            if !status.success() {
                bail!("the tree's own `wpt manifest` failed");
            }
        }
        Ok(Manifest::load(path)?)
    }

    /// Writes the hosts and their addresses into a folder, in the format of `/etc/hosts`, and returns the file's path.
    ///
    /// # Errors
    ///
    /// If the tree does not tell its hosts, or the file cannot be written.
    pub fn write_hosts(&self, folder: &Path) -> Result<PathBuf> {
        let output = self
            .tool(&["make-hosts-file"])
            .stderr(Stdio::inherit())
            .output()
            .context("python3 cannot be started")?;
        if !output.status.success() {
            bail!("the tree's own `wpt make-hosts-file` failed");
        }
        let path = folder.join("hosts");
        fs::write(&path, output.stdout)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Starts the tree's server and waits until it listens. `report_script` is a folder whose `testharnessreport.js` is
    /// served in the place of the tree's. All of its ports are served whatever tests are run, since scripts name each of them.
    ///
    /// # Errors
    ///
    /// If its ports are taken, or it does not start, in which case the error shows its last output; or if a signal ends the
    /// run.
    pub fn serve(
        &self,
        folder: &Path,
        ports: Ports,
        report_script: Option<&Path>,
        interruption: &Interruption,
    ) -> Result<Server> {
        let used = ports.all();
        if let Some(port) = used.iter().find(|port| listens(**port)) {
            bail!(
                "port {port} on loopback is taken. If that is the tree's own server, use it with --served; \
                 else take others with --free-ports"
            );
        }
        let vendor = folder.join("vendor");
        write_vendor_script(&vendor)?;
        let certificates = folder.join("certificates");
        let config = folder.join("config.json");
        fs::write(
            &config,
            configuration(ports, &certificates, &vendor, report_script).to_string(),
        )
        .with_context(|| format!("cannot write {}", config.display()))?;
        let mut command = Command::new("python3");
        command
            .args(["-c", SERVE])
            .arg(&self.root)
            .arg("--config")
            .arg(&config)
            .arg("--h2");
        let mut server = Server::start(command, &used, interruption)?;
        server.root_certificate = certificates.join("cacert.pem");
        Ok(server)
    }

    /// The URL of a test on the tree's server.
    ///
    /// # Errors
    ///
    /// If the test's name is no path and query.
    pub fn url(test: &TestCase, ports: Ports) -> Result<Url> {
        let (scheme, port) = match test.protocol() {
            Protocol::Http => ("http", ports.http[0]),
            Protocol::Https => ("https", ports.https[0]),
            Protocol::H2 => ("https", ports.h2),
        };
        let subdomain = if test.is_on_subdomain() { "www." } else { "" };
        Url::parse(&format!("{scheme}://{subdomain}{HOST}:{port}{}", test.id))
            .with_context(|| format!("{} is no path of a URL", test.id))
    }

    fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("python3");
        command
            .arg("wpt")
            .args(arguments)
            .current_dir(&self.root)
            .stdin(Stdio::null());
        command
    }
}

/// The tree's server. It ends when dropped.
pub struct Server {
    child: Mutex<Child>,
    root_certificate: PathBuf,
    output: LastLines,
}

impl Server {
    fn start(mut command: Command, ports: &[u16], interruption: &Interruption) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("python3 cannot be started")?;
        let output = LastLines::default();
        if let Some(stream) = child.stdout.take() {
            output.follow(stream);
        }
        if let Some(stream) = child.stderr.take() {
            output.follow(stream);
        }
        let server = Self {
            child: Mutex::new(child),
            root_certificate: PathBuf::new(),
            output,
        };
        let began = Instant::now();
        while !ports.iter().all(|port| listens(*port)) {
            interruption.check()?;
            server
                .check()
                .context("the tests' server does not listen")?;
            if began.elapsed() > START_DEADLINE {
                bail!(
                    "the tests' server does not listen after {} s\n{}",
                    START_DEADLINE.as_secs(),
                    server.output.block()
                );
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(server)
    }

    /// The certificate that its own are signed with.
    pub fn root_certificate(&self) -> &Path {
        &self.root_certificate
    }

    /// Whether it still runs. A run whose server has ended says nothing about the browser.
    ///
    /// # Errors
    ///
    /// If it does not; the error shows its last output.
    pub fn check(&self) -> Result<()> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        match child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!(
                "the tests' server ended ({status})\n{}",
                self.output.block()
            ),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(child.stdin.take());
        let began = Instant::now();
        while began.elapsed() < END_DEADLINE {
            // An error means that there is nothing left to wait for.
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(POLL_INTERVAL);
        }
        // It may end at this very moment, which is as well.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn write_vendor_script(folder: &Path) -> Result<()> {
    let path = folder.join("testdriver-vendor.js");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, include_str!("../upstream/testdriver-vendor.js")))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// What the server is told: to stay on loopback, where no resolver has to know the hosts' names, and to make certificates,
/// since those in a tree have often expired.
fn configuration(
    ports: Ports,
    certificates: &Path,
    vendor: &Path,
    report_script: Option<&Path>,
) -> Value {
    let report_script = report_script.map(|folder| (REPORT_SCRIPT, folder));
    let aliases: Vec<Value> = [(VENDOR_SCRIPT, vendor)]
        .into_iter()
        .chain(report_script)
        .map(|(path, folder)| json!({"url-path": path, "local-dir": folder}))
        .collect();
    json!({
        "aliases": aliases,
        "server_host": "127.0.0.1",
        "check_subdomains": false,
        "ports": {
            "http": ports.http,
            "https": ports.https,
            "h2": [ports.h2],
        },
        "ssl": {"type": "openssl", "openssl": {"base_path": certificates}},
    })
}

fn listens(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, POLL_INTERVAL).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::fake;

    #[test]
    fn urls_name_the_server_that_a_test_needs() {
        for (id, expected) in [
            (
                "/cors/basic.htm",
                "http://web-platform.test:8000/cors/basic.htm",
            ),
            (
                "/cors/variants.html?get",
                "http://web-platform.test:8000/cors/variants.html?get",
            ),
            (
                "/fetch/api/secure.https.html",
                "https://web-platform.test:8443/fetch/api/secure.https.html",
            ),
            (
                "/fetch/api/second.h2.any.html",
                "https://web-platform.test:9000/fetch/api/second.h2.any.html",
            ),
            (
                "/fetch/api/sub.www.https.html",
                "https://www.web-platform.test:8443/fetch/api/sub.www.https.html",
            ),
        ] {
            let url = Tree::url(&fake::test_case(id), Ports::USUAL).expect("a URL");
            assert_eq!(url.as_str(), expected);
        }
    }

    #[test]
    fn free_ports_differ() {
        let ports = Ports::free().expect("ports");
        let mut all = ports.all().to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 5);
        assert!(ports.expect_served(true).is_err());
    }

    #[test]
    fn names_are_as_with_the_usual_ports() {
        let ports = Ports {
            http: [41000, 41001],
            https: [42000, 42001],
            h2: 43000,
        };
        for (text, expected) in [
            ("plain: 41000", "plain: 41000"),
            (
                "origin: http://web-platform.test:41000/x",
                "origin: http://web-platform.test:8000/x",
            ),
            (
                "http://www.web-platform.test:41001 https://not-web-platform.test:42000",
                "http://www.web-platform.test:8001 https://not-web-platform.test:8443",
            ),
            (
                "http://web-platform.test:410000",
                "http://web-platform.test:410000",
            ),
            ("http://web-platform.test", "http://web-platform.test"),
            ("WEB-PLATFORM.TEST:43000", "WEB-PLATFORM.TEST:9000"),
            ("*.test:42001", "*.test:8444"),
        ] {
            assert_eq!(ports.as_usual(text), expected);
        }
    }

    #[test]
    fn another_folder_is_no_tree() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = Tree::open(folder.path()).expect_err("no tree");
        assert!(error.to_string().contains("no tree"), "{error}");
        let error = Tree::open(&folder.path().join("missing")).expect_err("no folder");
        assert!(error.to_string().contains("no folder"), "{error}");
    }

    #[test]
    fn a_vendors_part_is_served_in_the_place_of_the_trees() {
        let folder = tempfile::tempdir().expect("a folder");
        let vendor = folder.path().join("vendor");
        write_vendor_script(&vendor).expect("it is written");
        let script = fs::read_to_string(vendor.join("testdriver-vendor.js")).expect("a script");
        assert!(script.contains("driver.delete_all_cookies"));
        let certificates = folder.path();
        let path_of = |alias: &Value| alias["url-path"].as_str().map(str::to_owned);
        for (report_script, expected) in [
            (None, &[VENDOR_SCRIPT][..]),
            (Some(folder.path()), &[VENDOR_SCRIPT, REPORT_SCRIPT]),
        ] {
            let configuration = configuration(Ports::USUAL, certificates, &vendor, report_script);
            let aliases = configuration["aliases"].as_array().expect("a list");
            let paths: Vec<_> = aliases.iter().filter_map(path_of).collect();
            assert_eq!(paths, expected);
            assert_eq!(aliases[0]["local-dir"].as_str(), vendor.to_str());
        }
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_server_that_does_not_start_is_told_with_its_output() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let Err(error) = Server::start(
            shell("echo no such module; exit 3"),
            &[port],
            &Interruption::never(),
        ) else {
            panic!("nothing listens there");
        };
        let error = format!("{error:#}");
        assert!(error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_server_ends_with_its_standard_input() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server =
            Server::start(shell("exec cat"), &[port], &Interruption::never()).expect("it listens");
        server.check().expect("it runs");
        let began = Instant::now();
        drop(server);
        assert!(began.elapsed() < END_DEADLINE);
    }
}
