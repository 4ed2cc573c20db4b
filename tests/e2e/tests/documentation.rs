//! Real pages: the Python documentation as Debian ships it, served by nginx over TLS and HTTP/2.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use latchkey_demo::ca::TestCa;
use latchkey_e2e::{Browser, BrowserOptions, has_program};

const DOCUMENTATION: &str = "/usr/share/doc/python3-doc/html";
const LIMIT: Duration = Duration::from_secs(120);

/// nginx with a configuration of its own, as whoever runs the test, in one process: to kill it is to end it.
struct Nginx {
    child: Child,
    port: u16,
}

impl Nginx {
    fn start(directory: &Path, certificate: &Path, key: &Path) -> Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let prefix = directory.display();
        let configuration = format!(
            "daemon off; master_process off; pid {prefix}/nginx.pid; error_log {prefix}/error.log;
             events {{ worker_connections 256; }}
             http {{
                 include /etc/nginx/mime.types; access_log {prefix}/access.log combined;
                 client_body_temp_path {prefix}/a; proxy_temp_path {prefix}/b; fastcgi_temp_path {prefix}/c;
                 uwsgi_temp_path {prefix}/d; scgi_temp_path {prefix}/e;
                 server {{
                     listen 127.0.0.1:{port} ssl http2; root {DOCUMENTATION}; gzip on; gzip_types text/css application/javascript;
                     ssl_certificate {}; ssl_certificate_key {};
                 }}
             }}",
            certificate.display(),
            key.display()
        );
        let file = directory.join("nginx.conf");
        std::fs::write(&file, configuration)?;
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .context("nginx does not start; `cargo xtask setup` installs it")?;
        let nginx = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < deadline, "nginx does not listen");
            std::thread::yield_now();
        }
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_python_documentation_browses_well() -> Result<()> {
    if !Path::new(DOCUMENTATION).exists() || !has_program("nginx") {
        bail!("nginx and python3-doc are needed; `cargo xtask setup` installs them");
    }
    let directory = tempfile::tempdir()?;
    let ca = TestCa::new()?;
    let root = ca.write_pem(directory.path())?;
    let certificate = directory.path().join("server.pem");
    let key = directory.path().join("server.key");
    let (certificate_pem, key_pem) = ca.server_pem(&["docs.localhost"])?;
    std::fs::write(&certificate, certificate_pem)?;
    std::fs::write(&key, key_pem)?;
    let nginx = Nginx::start(directory.path(), &certificate, &key)?;
    // A script of the test's own reads from the page what a person would see.
    let probe = directory.path().join("probe");
    std::fs::create_dir(&probe)?;
    std::fs::write(
        probe.join("probe.js"),
        "addEventListener('load', () => {
            const deadline = Date.now() + 60000;
            const search = location.pathname.endsWith('search.html');
            const look = () => {
                const results = document.querySelectorAll('#search-results li').length;
                if (search && results === 0 && Date.now() < deadline) { setTimeout(look, 50); return; }
                const images = [...document.images];
                alert('PAGE ' + JSON.stringify({
                    title: document.title,
                    styled: getComputedStyle(document.querySelector('div.related')).backgroundColor,
                    broken: images.filter(image => image.complete && image.naturalWidth === 0).length,
                    images: images.length,
                    results,
                }));
            };
            look();
        });",
    )?;
    let options = BrowserOptions {
        arguments: vec![
            "--certificate-path".to_owned(),
            root.display().to_string(),
            "--userscripts".to_owned(),
            probe.display().to_string(),
        ],
        ..BrowserOptions::default()
    };
    for (path, title, has_results) in [
        ("/index.html", "Documentation", false),
        ("/library/urllib.request.html", "urllib.request", false),
        ("/search.html?q=robotparser", "Search", true),
    ] {
        let url = format!("https://docs.localhost:{}{path}", nginx.port);
        let mut browser = Browser::open(&url, &options)?;
        let seen: serde_json::Value =
            serde_json::from_str(&browser.wait_for_alert("PAGE ", LIMIT)?)?;
        ensure!(browser.quit(LIMIT)?.status.success());
        let text = seen.to_string();
        ensure!(
            seen["title"].as_str().is_some_and(|it| it.contains(title)),
            "{text}"
        );
        ensure!(seen["styled"] != "rgba(0, 0, 0, 0)", "{text}");
        ensure!(seen["broken"] == 0, "{text}");
        if has_results {
            ensure!(
                seen["results"].as_u64().is_some_and(|results| results > 0),
                "{text}"
            );
        }
    }
    let log = std::fs::read_to_string(directory.path().join("access.log"))?;
    ensure!(log.contains("HTTP/2.0"), "{log}");
    ensure!(!log.contains(" 404 "), "{log}");
    Ok(())
}
