//! The command line. Names are servoshell's where it has them, so that test runners made for it work here too.
//!
//! [`Arguments::parse_from`] gives either arguments that hold together or a [`UsageError`], whose text says what is wrong
//! and what to do about it. Nothing here touches Servo's global state.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use servo::{PrefValue, Preferences};
use thiserror::Error;
use url::Url;
use user_cors::AddressSpaceOverrides;

use crate::address::{self, Navigation};
use crate::browser::tab::OwnPage;
use crate::own_settings::OwnSettings;
use crate::preferences::{self, PreferenceError};

/// The exit code for a command line that cannot be followed.
pub const USAGE_EXIT_CODE: u8 = 2;

/// How large a window, or the picture of a headless run, may be on a side, in CSS pixels.
const MAX_WINDOW_SIDE: u32 = 16_384;

/// The size of a window, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    /// Pixels from left to right, at least 1.
    pub width: u32,
    /// Pixels from top to bottom, at least 1.
    pub height: u32,
}

impl Default for WindowSize {
    fn default() -> Self {
        Self {
            width: 1024,
            height: 740,
        }
    }
}

/// Who answers when a page asks to read where a server is silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserCorsAnswers {
    /// The person in front of the window.
    Ask,
    /// Every question is answered *Not now*.
    Deny,
    /// Rules in a file.
    File(PathBuf),
}

/// What is written to standard output before a headless run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Dump {
    /// The text of the document.
    Text,
    /// What CORS stopped and what to do about it, as lines of JSON.
    Issues,
}

/// A command line that cannot be followed. Its text ends in what to do.
#[derive(Debug, Error)]
pub enum UsageError {
    /// The command line does not fit its grammar, or is a request for help.
    #[error(transparent)]
    Grammar(#[from] clap::Error),
    /// The page to open is no URL, file or search.
    #[error(
        "“{input}” cannot be opened: {reason}. Give a URL such as https://example.org/, or the path of a file"
    )]
    Page {
        /// What was given.
        input: String,
        /// Why it cannot be opened.
        reason: String,
    },
    /// A preference does not exist or does not take the value.
    #[error("{0}. Preferences are named as in Servo, such as dom_webgl2_enabled=true")]
    Preference(#[from] PreferenceError),
    /// A file named on the command line cannot be read.
    #[error("{option} {}: {source}. Give a file that exists and that you may read", path.display())]
    File {
        /// The option that names it.
        option: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// A file of rules is not what it should be.
    #[error("--user-cors {}: {reason}. Give rules such as {{\"rules\": [{{\"requester\": \"*\", \"target\": \"https://api.example\", \"answer\": \"once\"}}]}}", path.display())]
    Rules {
        /// Its path.
        path: PathBuf,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// Options that exclude each other.
    #[error("{0}")]
    Conflict(&'static str),
}

impl UsageError {
    /// Writes the error where it belongs and gives the exit code: 2, or 0 where help or the version was asked for.
    pub fn report(&self) -> u8 {
        match self {
            Self::Grammar(error) => {
                // A closed standard output or error leaves nobody to tell.
                let _ = error.print();
                if error.use_stderr() {
                    USAGE_EXIT_CODE
                } else {
                    0
                }
            },
            other => {
                eprintln!("error: {other}.\n\nFor all options, run with --help.");
                USAGE_EXIT_CODE
            },
        }
    }
}

/// A browser that asks you where a server is silent about CORS.
#[derive(Clone, Debug, Parser)]
#[command(name = "latchkey", version, max_term_width = 100)]
pub struct Arguments {
    /// The page to open: a URL, a path, or words to search for
    #[arg(value_name = "URL")]
    pub page: Option<String>,

    /// Run without a window. Uses a temporary profile unless --config-dir is given
    #[arg(short = 'z', long)]
    pub headless: bool,

    /// Write a picture of the page to this PNG file: when it has loaded, with --exit, else on quitting (needs --headless)
    #[arg(short, long, value_name = "PNG")]
    pub output: Option<PathBuf>,

    /// Quit when the page has loaded
    #[arg(short = 'x', long)]
    pub exit: bool,

    /// Write this to standard output before quitting (needs --headless)
    #[arg(long, value_enum, value_name = "WHAT")]
    pub dump: Option<Dump>,

    /// The size of the page area in CSS pixels
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = parse_window_size, default_value = "1024x740")]
    pub window_size: WindowSize,

    /// Device pixels for each CSS pixel, instead of what the screen says
    #[arg(long, value_name = "RATIO", value_parser = parse_device_pixel_ratio)]
    pub device_pixel_ratio: Option<f32>,

    /// The User-Agent header's value
    #[arg(short, long, value_name = "TEXT", value_parser = parse_user_agent)]
    pub user_agent: Option<String>,

    /// A PEM file of certificates to trust beside the system's
    #[arg(long, value_name = "PEM")]
    pub certificate_path: Option<PathBuf>,

    /// A PEM file of certificates that count as public roots beside the built-in ones, for tests and demonstrations
    #[arg(long, value_name = "PEM")]
    pub public_roots: Option<PathBuf>,

    /// Addresses to treat as another address space, for tests: 127.0.0.1:8101=public,10.0.0.7:80=local
    #[arg(
        long,
        value_name = "LIST",
        default_value = "",
        hide_default_value = true
    )]
    pub address_space_overrides: AddressSpaceOverrides,

    /// Ask this name server instead of the system's, for tests and demonstrations: 127.0.0.1:5353
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub name_server: Option<SocketAddr>,

    /// Print what the server of this URL answers to a request that leaves by user_cors.egress, and end. With a server that
    /// tells whom it sees, that is the address by which servers see anonymous requests
    #[arg(long, value_name = "URL", conflicts_with_all = ["page", "headless"])]
    pub show_egress: Option<Url>,

    /// Who answers when a page asks to read where a server is silent: ask (you), deny, or a file of rules.
    /// Without a window the default is deny
    #[arg(long, value_name = "ask|deny|FILE", value_parser = parse_user_cors_answers)]
    pub user_cors: Option<UserCorsAnswers>,

    /// For tests: any page can play the user, answer every question, read every permission and cookie, and change clock,
    /// settings and policy of user-enabled CORS. Never use this on the open web. Needs --headless, and a profile that
    /// nobody uses: a temporary one, or an empty --config-dir
    #[arg(long)]
    pub test_driver: bool,

    /// Accept every certificate. Never use this on the open web
    #[arg(long)]
    pub ignore_certificate_errors: bool,

    /// Use a profile that is deleted on quitting
    #[arg(long, conflicts_with = "config_dir")]
    pub temporary_profile: bool,

    /// The folder of the profile
    #[arg(long, value_name = "FOLDER")]
    pub config_dir: Option<PathBuf>,

    /// A policy in the place of the user's and, unless that is locked, of the machine-wide one: a JSON file. One that cannot
    /// be used switches user-enabled CORS off
    #[arg(long, value_name = "JSON")]
    pub policy: Option<PathBuf>,

    /// Print where policies are looked for and what is in force, with its source, and quit
    #[arg(long)]
    pub print_policy: bool,

    /// Set one of Servo's preferences, or user_cors.enabled, user_cors.local_network=block|warn,
    /// user_cors.egress=direct|http://HOST:PORT|socks5://HOST:PORT, user_cors.dual_check, user_cors.insecure_requesters,
    /// user_cors.other_network=suspend|ignore, user_cors.budget.requests, user_cors.budget.bytes,
    /// user_cors.budget.response_bytes, network.local_network_access=off|block-insecure|block.
    /// Without =VALUE it is set to true
    #[arg(long = "pref", value_name = "NAME[=VALUE]")]
    pub preference: Vec<String>,

    /// A JSON file of preferences: {"name": value}. --pref goes before it
    #[arg(long, value_name = "JSON")]
    pub prefs_file: Vec<PathBuf>,

    /// Turn on web platform features that Servo has off because they are not finished
    #[arg(long)]
    pub enable_experimental_web_platform_features: bool,

    /// Quit when a page's thread panics, instead of showing that the page crashed
    #[arg(short = 'f', long)]
    pub hard_fail: bool,

    /// Listen for Firefox's developer tools, on loopback only
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "7000")]
    pub devtools: Option<u16>,

    /// A style sheet that every page gets
    #[arg(long, value_name = "CSS")]
    pub user_stylesheet: Vec<PathBuf>,

    /// A folder of scripts that every page runs, in the order of their names
    #[arg(long, value_name = "FOLDER")]
    pub userscripts: Option<PathBuf>,

    /// Write each stage of each request to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub network_log: Option<PathBuf>,
}

impl Arguments {
    /// Reads a command line, the first item being the program's name.
    ///
    /// # Errors
    /// If an option is unknown, lacks its value or has one that makes no sense, or if options exclude each other.
    pub fn parse_from(
        command_line: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, UsageError> {
        let arguments = Self::try_parse_from(command_line)?;
        arguments.check()?;
        Ok(arguments)
    }

    fn check(&self) -> Result<(), UsageError> {
        if !self.headless {
            if self.output.is_some() {
                return Err(UsageError::Conflict("--output needs --headless: add it"));
            }
            if self.dump.is_some() {
                return Err(UsageError::Conflict("--dump needs --headless: add it"));
            }
            if self.test_driver {
                return Err(UsageError::Conflict(
                    "--test-driver lets any page play the user, so it needs --headless: add it, or leave out --test-driver",
                ));
            }
        }
        if self.headless && self.user_cors == Some(UserCorsAnswers::Ask) {
            return Err(UsageError::Conflict(
                "--user-cors ask needs a window: leave out --headless, or name a file of rules",
            ));
        }
        Ok(())
    }

    /// The page of the browser's own to open first, if one was given.
    pub fn own_page(&self) -> Option<OwnPage> {
        self.page.as_deref().and_then(OwnPage::parse)
    }

    /// The page to open first, if one was given that is not the browser's own.
    ///
    /// # Errors
    /// If it is no URL, file or search.
    pub fn first_page(&self) -> Result<Option<Url>, UsageError> {
        let Some(input) = self.page.as_deref() else {
            return Ok(None);
        };
        if self.own_page().is_some() {
            return Ok(None);
        }
        match address::parse_argument(input) {
            Ok(Navigation::Url(url)) => Ok(Some(url)),
            Ok(Navigation::Search(words)) => Ok(Some(address::search_url(&words))),
            Err(error) => Err(UsageError::Page {
                input: input.to_owned(),
                reason: error.to_string(),
            }),
        }
    }

    /// Servo's preferences and the browser's own settings, as the command line sets them.
    ///
    /// # Errors
    /// If a file cannot be read or a preference does not exist or does not take its value.
    pub fn preferences(&self) -> Result<(Preferences, OwnSettings), UsageError> {
        self.preferences_over(OwnSettings::default())
    }

    /// As [`preferences`](Self::preferences), where the command line leaves settings out that are kept elsewhere.
    ///
    /// # Errors
    /// As for [`preferences`](Self::preferences).
    pub fn preferences_over(
        &self,
        mut settings: OwnSettings,
    ) -> Result<(Preferences, OwnSettings), UsageError> {
        let mut preferences = preferences::defaults();
        if self.enable_experimental_web_platform_features {
            for name in preferences::EXPERIMENTAL_FEATURES {
                preferences::set(&mut preferences, name, PrefValue::Bool(true))?;
            }
        }
        for path in &self.prefs_file {
            let text = read_file("--prefs-file", path)?;
            preferences::set_from_json(&mut preferences, &mut settings, &text)?;
        }
        for assignment in &self.preference {
            let (name, text) = assignment.split_once('=').unwrap_or((assignment, "true"));
            if OwnSettings::have(name) {
                settings.set(name, text)?;
                continue;
            }
            let (name, value) = preferences::parse_assignment(assignment)?;
            preferences::set(&mut preferences, name, value)?;
        }
        if let Some(user_agent) = &self.user_agent {
            preferences.user_agent = user_agent.clone();
        }
        if let Some(port) = self.devtools {
            preferences.devtools_server_enabled = true;
            preferences.devtools_server_listen_address = format!("127.0.0.1:{port}");
        }
        Ok((preferences, settings))
    }

    /// Who answers questions, with the default for the kind of run.
    pub fn answers(&self) -> UserCorsAnswers {
        match (&self.user_cors, self.headless) {
            (Some(answers), _) => answers.clone(),
            (None, true) => UserCorsAnswers::Deny,
            (None, false) => UserCorsAnswers::Ask,
        }
    }

    /// Whether the profile is to be deleted on quitting.
    pub fn uses_temporary_profile(&self) -> bool {
        self.temporary_profile || (self.headless && self.config_dir.is_none())
    }
}

/// Reads a text file that an option names.
///
/// # Errors
/// If it cannot be read or is not UTF-8.
pub fn read_file(option: &'static str, path: &std::path::Path) -> Result<String, UsageError> {
    fs::read_to_string(path).map_err(|source| UsageError::File {
        option,
        path: path.to_owned(),
        source,
    })
}

fn parse_window_size(text: &str) -> Result<WindowSize, String> {
    let error = || format!("give width and height from 1 to {MAX_WINDOW_SIDE}, such as 800x600");
    let (width, height) = text.split_once(['x', 'X']).ok_or_else(error)?;
    let side = |side: &str| match side.trim().parse() {
        Ok(pixels) if (1..=MAX_WINDOW_SIDE).contains(&pixels) => Ok(pixels),
        _ => Err(error()),
    };
    Ok(WindowSize {
        width: side(width)?,
        height: side(height)?,
    })
}

fn parse_device_pixel_ratio(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(ratio) if (0.25..=8.0).contains(&ratio) => Ok(ratio),
        _ => Err("give a number from 0.25 to 8, such as 2".to_owned()),
    }
}

fn parse_user_agent(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        Ok(text.to_owned())
    } else {
        Err("give visible ASCII characters".to_owned())
    }
}

fn parse_user_cors_answers(text: &str) -> Result<UserCorsAnswers, String> {
    match text {
        "ask" => Ok(UserCorsAnswers::Ask),
        "deny" => Ok(UserCorsAnswers::Deny),
        "" => Err("give ask, deny or the path of a file of rules".to_owned()),
        path => Ok(UserCorsAnswers::File(PathBuf::from(path))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, UsageError> {
        Arguments::parse_from(std::iter::once("latchkey").chain(line.split_whitespace()))
    }

    fn refusal(line: &str) -> String {
        match parse(line).and_then(|arguments| {
            arguments.first_page()?;
            arguments.preferences().map(|(preferences, _)| preferences)
        }) {
            Ok(_) => panic!("accepted: {line}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_test_runners_command_line_is_accepted() {
        let arguments = parse(
            "--hard-fail --ignore-certificate-errors --enable-experimental-web-platform-features --headless \
             --window-size 800x600 --device-pixel-ratio 2 --user-stylesheet ahem.css --certificate-path ca.pem \
             --pref dom_testbinding_enabled --pref layout_threads=2 --exit --output=shot.png http://web-platform.test:8000/",
        )
        .unwrap();
        assert!(arguments.headless && arguments.exit && arguments.hard_fail);
        assert_eq!(
            arguments.window_size,
            WindowSize {
                width: 800,
                height: 600
            }
        );
        assert_eq!(arguments.device_pixel_ratio, Some(2.0));
        assert_eq!(arguments.output, Some(PathBuf::from("shot.png")));
        let preferences = arguments.preferences().unwrap().0;
        assert!(preferences.dom_testbinding_enabled);
        assert_eq!(preferences.layout_threads, 2);
        assert!(preferences.dom_intersection_observer_enabled);
        assert_eq!(
            arguments.first_page().unwrap().unwrap().as_str(),
            "http://web-platform.test:8000/",
        );
    }

    #[test]
    fn a_page_of_the_browser_s_own_is_no_search() {
        let arguments = parse("latchkey:permissions").unwrap();
        assert_eq!(arguments.own_page(), Some(OwnPage::Permissions));
        assert_eq!(arguments.first_page().unwrap(), None);
        assert_eq!(parse("latchkey").unwrap().own_page(), None);
    }

    #[test]
    fn short_options() {
        let arguments = parse("-z -x -f -o a.png -u Tester/1.0 about:blank").unwrap();
        assert!(arguments.headless && arguments.exit && arguments.hard_fail);
        assert_eq!(arguments.preferences().unwrap().0.user_agent, "Tester/1.0");
    }

    #[test]
    fn who_answers_depends_on_the_kind_of_run() {
        for (line, expected) in [
            ("", UserCorsAnswers::Ask),
            ("-z", UserCorsAnswers::Deny),
            ("--user-cors deny", UserCorsAnswers::Deny),
            (
                "-z --user-cors rules.json",
                UserCorsAnswers::File("rules.json".into()),
            ),
        ] {
            assert_eq!(parse(line).unwrap().answers(), expected, "{line}");
        }
    }

    #[test]
    fn a_run_without_a_window_leaves_the_profile_alone() {
        assert!(parse("-z").unwrap().uses_temporary_profile());
        assert!(
            !parse("-z --config-dir somewhere")
                .unwrap()
                .uses_temporary_profile()
        );
        assert!(!parse("").unwrap().uses_temporary_profile());
        assert!(
            parse("--temporary-profile")
                .unwrap()
                .uses_temporary_profile()
        );
    }

    #[test]
    fn devtools_listen_on_loopback() {
        for (line, expected) in [
            ("--devtools", "127.0.0.1:7000"),
            ("--devtools=7777", "127.0.0.1:7777"),
        ] {
            let preferences = parse(line).unwrap().preferences().unwrap().0;
            assert_eq!(preferences.devtools_server_listen_address, expected);
            assert!(preferences.devtools_server_enabled);
        }
        // The page is not taken for a port.
        assert_eq!(
            parse("--devtools about:blank").unwrap().page.as_deref(),
            Some("about:blank")
        );
    }

    #[test]
    fn address_spaces() {
        let arguments =
            parse("--address-space-overrides 127.0.0.1:8101=public,[::1]:80=local").unwrap();
        assert_eq!(
            arguments
                .address_space_overrides
                .get(&"127.0.0.1:8101".parse().unwrap()),
            Some(user_cors::AddressSpace::Public),
        );
        assert!(parse("").unwrap().address_space_overrides.is_empty());
    }

    #[test]
    fn refusals_say_what_to_do() {
        for (line, advice) in [
            ("--window-size 800", "800x600"),
            ("--window-size 0x600", "from 1 to"),
            ("--window-size 99999x600", "from 1 to"),
            ("--device-pixel-ratio none", "0.25 to 8"),
            (
                "--address-space-overrides localhost:80=public",
                "127.0.0.1:8101",
            ),
            (
                "--address-space-overrides 127.0.0.1:80=intranet",
                "public, local or loopback",
            ),
            ("--output shot.png", "--headless"),
            ("--dump text", "--headless"),
            ("-z --user-cors ask", "needs a window"),
            ("--test-driver", "needs --headless"),
            ("--test-driver --temporary-profile", "needs --headless"),
            ("--temporary-profile --config-dir x", "cannot be used with"),
            ("--pref no_such_preference=1", "no_such_preference"),
            ("--pref layout_threads=many", "whole number"),
            ("--prefs-file /no/such/file.json", "--prefs-file"),
            ("--show-egress nowhere", "relative URL"),
            ("--show-egress https://a.test/ -z", "cannot be used with"),
            ("--name-server localhost:53", "invalid socket address"),
            ("--pref user_cors.egress=proxy:80", "socks5://host:port"),
            ("--no-such-option", "--no-such-option"),
            ("https://exa<mple/", "Give a URL"),
        ] {
            let text = refusal(line);
            assert!(text.contains(advice), "{line}: {text}");
        }
    }
}
