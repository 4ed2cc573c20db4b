//! The real browser, run as a child process.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What stands before a line that the browser wrote to standard error.
const STDERR: &str = "stderr: ";

/// How a browser is started.
#[derive(Clone, Debug, Default)]
pub struct BrowserOptions {
    /// Arguments beside the URL, `--headless` and, without [`profile`](Self::profile), `--temporary-profile`.
    pub arguments: Vec<String>,
    /// Environment variables to set.
    pub environment: Vec<(String, String)>,
    /// A profile that outlives the browser.
    pub profile: Option<PathBuf>,
}

/// A running browser. Dropping it kills it.
pub struct Browser {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    command: String,
}

/// How a browser ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// Everything that it printed.
    pub output: String,
    /// How long it took to end after it was asked.
    pub took: Duration,
}

impl Browser {
    /// The path of the browser's binary: `LATCHKEY_BIN`, or beside the test's own build.
    ///
    /// # Errors
    /// If there is none; the message says how to build it.
    pub fn binary() -> Result<PathBuf> {
        if let Some(path) = std::env::var_os("LATCHKEY_BIN") {
            return Ok(path.into());
        }
        let test = std::env::current_exe()?;
        let path = test
            .ancestors()
            .nth(2)
            .map(|directory| directory.join("latchkey"))
            .context("the test's own path has no parent")?;
        if !path.exists() {
            bail!(
                "{} is missing: build it with `cargo build --workspace`, or name it in LATCHKEY_BIN",
                path.display()
            );
        }
        Ok(path)
    }

    /// Starts the browser headless on `url`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn open(url: &str, options: &BrowserOptions) -> Result<Self> {
        let mut command = Self::command(url, options)?;
        command.arg("--headless");
        Self::spawn(command)
    }

    /// Starts the browser with a window on an X display, light and without a desktop around it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn open_on_display(display: &str, url: &str, options: &BrowserOptions) -> Result<Self> {
        let mut command = Self::command(url, options)?;
        command.env("DISPLAY", display);
        for variable in ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "GTK_THEME"] {
            command.env_remove(variable);
        }
        Self::spawn(command)
    }

    /// Runs the browser headless until the page of `url` has loaded, and returns the page's text.
    ///
    /// # Errors
    /// If it cannot be started, does not end within `limit`, or not with status 0.
    pub fn text_of(url: &str, options: &BrowserOptions, limit: Duration) -> Result<String> {
        let mut command = Self::command(url, options)?;
        command.args(["--headless", "--exit", "--dump", "text"]);
        let ended = Self::spawn(command)?.wait_for_end(limit)?;
        if !ended.status.success() || ended.output.contains("panicked") {
            bail!("{ended:?}");
        }
        let text = ended
            .output
            .lines()
            .filter(|line| !line.starts_with(STDERR));
        Ok(text.collect::<Vec<_>>().join("\n"))
    }

    fn command(url: &str, options: &BrowserOptions) -> Result<Command> {
        let mut command = Command::new(Self::binary()?);
        match &options.profile {
            Some(profile) => command.arg("--config-dir").arg(profile),
            None => command.arg("--temporary-profile"),
        };
        command.args(&options.arguments).arg(url);
        command.envs(options.environment.iter().cloned());
        Ok(command)
    }

    fn spawn(mut command: Command) -> Result<Self> {
        let shown = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("could not start {shown}"))?;
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().context("no stdout")?;
        let stderr = child.stderr.take().context("no stderr")?;
        let errors = sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = errors.send(format!("{STDERR}{line}"));
            }
        });
        Ok(Self {
            child,
            lines,
            seen: Vec::new(),
            command: shown,
        })
    }

    /// Waits until the page calls `alert` with a text that starts with `prefix`, and returns what follows it.
    ///
    /// # Errors
    /// If that does not happen within `limit`; the message holds all that is needed to run it again.
    pub fn wait_for_alert(&mut self, prefix: &str, limit: Duration) -> Result<String> {
        let wanted = format!("ALERT: {prefix}");
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    let found = line.strip_prefix(&wanted).map(str::to_owned);
                    self.seen.push(line);
                    if let Some(found) = found {
                        return Ok(found);
                    }
                },
                Err(RecvTimeoutError::Timeout) => bail!(
                    "no alert “{prefix}…” within {limit:?}\n{}\n{}",
                    self.command,
                    self.seen.join("\n")
                ),
                Err(RecvTimeoutError::Disconnected) => bail!(
                    "the browser ended without an alert “{prefix}…”: {:?}\n{}\n{}",
                    self.child.try_wait(),
                    self.command,
                    self.seen.join("\n")
                ),
            }
        }
    }

    /// The most memory that the process has used so far, in bytes.
    ///
    /// # Errors
    /// If the system does not say (`/proc` is needed).
    pub fn peak_memory(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|rest| rest.trim().strip_suffix("kB"))
            .context("the system does not tell the process's memory")?
            .trim()
            .parse()?;
        Ok(kilobytes * 1024)
    }

    /// Whether the process is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks the browser to quit and waits for its end.
    ///
    /// # Errors
    /// If it has not ended within `limit`.
    pub fn quit(mut self, limit: Duration) -> Result<Ended> {
        let asked = Instant::now();
        let kill = Command::new("kill")
            .arg("-TERM")
            .arg(self.child.id().to_string())
            .status()?;
        if !kill.success() {
            bail!("could not signal the browser");
        }
        self.wait(asked, limit)
    }

    /// Waits until the browser ends by itself.
    ///
    /// # Errors
    /// If it has not ended within `limit`.
    pub fn wait_for_end(mut self, limit: Duration) -> Result<Ended> {
        self.wait(Instant::now(), limit)
    }

    fn wait(&mut self, since: Instant, limit: Duration) -> Result<Ended> {
        // The output ends when the process does, so reading it is waiting for it.
        loop {
            let left = (since + limit).saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => self.seen.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => bail!(
                    "the browser did not end within {limit:?}\n{}\n{}",
                    self.command,
                    self.seen.join("\n")
                ),
            }
        }
        let status = self.child.wait()?;
        Ok(Ended {
            status,
            output: std::mem::take(&mut self.seen).join("\n"),
            took: since.elapsed(),
        })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a program is on the path.
pub fn has_program(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path).any(|directory| Path::new(&directory).join(name).exists())
    })
}
