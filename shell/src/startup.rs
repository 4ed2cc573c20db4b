//! From a command line to a running Servo.
//!
//! Everything that can be wrong with what the person gave is found in [`Startup::prepare`], before a window opens.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use anyhow::{Context, bail};
use net::embedding::{self, EmbeddingOptions, LocalNetworkAccess, Observer};
use servo::user_contents::UserStyleSheet;
use servo::{Opts, Preferences, Servo, ServoBuilder, UserContentManager, UserScript};
use url::Url;
use user_cors::{
    Answers, Clock, PermissionStore, Rules, SetAside, Settings, SystemClock, UserCors,
};

use crate::browser::permissions::SettingsFile;
use crate::cli::{self, Arguments, UsageError, UserCorsAnswers};
use crate::event::{EventSender, ShellEvent};
use crate::network_log::{NetworkLog, NetworkObserver};
use crate::own_settings::OwnSettings;
use crate::policy::{self, PolicyPlaces, Watch};
use crate::profile::Profile;
use crate::quit::{self, Ending};
use crate::test_driver::{Beginning, TestDriver};

/// The permissions' file in a profile.
const PERMISSIONS_FILE: &str = "permissions.sqlite";

/// Everything that is needed to start, read and checked.
pub struct Startup {
    /// The command line.
    pub arguments: Arguments,
    /// The page to open first.
    pub first_page: Option<Url>,
    profile_is_temporary: bool,
    profile: Option<Profile>,
    preferences: Preferences,
    stylesheets: Vec<UserStyleSheet>,
    scripts: Vec<UserScript>,
    user_cors: Arc<UserCors>,
    governing: Option<Governing>,
    answers: Answers,
    local_network_access: LocalNetworkAccess,
}

/// A running Servo and what belongs to it.
pub struct Engine {
    /// Servo.
    pub servo: Servo,
    /// The style sheets and scripts that every page gets.
    pub user_content: Rc<UserContentManager>,
    /// What is to be done when Servo is gone: it has the profile, and the log of the network, if one is written.
    pub ending: Ending,
    /// What governs the permission model.
    pub governing: Governing,
}

/// What governs the permission model beside the person.
pub struct Governing {
    /// The files of policies and lists, which are looked at as long as this lives.
    pub watch: Watch,
    /// The permissions that could not be read, if there were any.
    pub set_aside: Option<SetAside>,
    /// Where settings are kept; a temporary profile keeps none.
    pub settings_file: Option<SettingsFile>,
}

impl Startup {
    /// Reads all that the command line names.
    ///
    /// # Errors
    /// If something does not exist, cannot be read or makes no sense; a [`UsageError`] where the command line is to blame.
    pub fn prepare(arguments: Arguments) -> anyhow::Result<Self> {
        let first_page = arguments.first_page()?;
        let (preferences, settings) = arguments.preferences()?;
        let stylesheets = arguments
            .user_stylesheet
            .iter()
            .map(|path| read_stylesheet(path))
            .collect::<Result<_, _>>()?;
        let scripts = match &arguments.userscripts {
            Some(folder) => read_scripts(folder)?,
            None => Vec::new(),
        };
        // Read here to find mistakes early; the fetch stack reads them again.
        for (option, path) in [
            ("--certificate-path", &arguments.certificate_path),
            ("--public-roots", &arguments.public_roots),
            ("--policy", &arguments.policy),
        ] {
            if let Some(path) = path {
                cli::read_file(option, path)?;
            }
        }
        let answers = answers(&arguments)?;
        if let (true, Some(folder)) = (arguments.test_driver, &arguments.config_dir) {
            check_unused(folder)?;
        }
        let profile = if arguments.uses_temporary_profile() {
            Profile::temporary()?
        } else {
            Profile::open(arguments.config_dir.as_deref())?
        };
        let settings_file =
            (!profile.is_temporary()).then(|| SettingsFile::of_profile(profile.folder()));
        // What the command line sets goes before what the profile keeps.
        let settings = match &settings_file {
            Some(file) => {
                let mut kept = OwnSettings::default();
                file.load(&mut kept.user_cors)?;
                arguments.preferences_over(kept)?.1
            },
            None => settings,
        };
        let (user_cors, mut governing) = open_user_cors(&arguments, settings.user_cors, &profile)?;
        governing.settings_file = settings_file;
        Ok(Self {
            first_page,
            profile_is_temporary: profile.is_temporary(),
            profile: Some(profile),
            preferences,
            stylesheets,
            scripts,
            user_cors,
            governing: Some(governing),
            answers,
            local_network_access: settings.local_network_access,
            arguments,
        })
    }

    /// Tells the fetch stack who embeds it, and starts Servo. To be called once in a process.
    ///
    /// # Errors
    /// If the log of the network cannot be written, or if this is the second call.
    pub fn start(&mut self, events: &EventSender) -> anyhow::Result<Engine> {
        let network_log = match &self.arguments.network_log {
            Some(path) => Some(Arc::new(NetworkLog::create(path).with_context(|| {
                format!("the network log {} cannot be written", path.display())
            })?)),
            None => None,
        };
        let observer = NetworkObserver::new(events.clone(), network_log.clone());
        self.embed(Arc::new(observer))?;
        quit::watch_signals(events.clone());
        let started_before = "the browser was started before";
        let mut governing = self.governing.take().context(started_before)?;
        let profile = self.profile.take().context(started_before)?;
        let changes = events.clone();
        governing
            .watch
            .go_on(move |change| changes.send(ShellEvent::Administration(change)))
            .context("changes of policy cannot be noticed")?;

        let servo = ServoBuilder::default()
            .opts(self.servo_options(&profile))
            .preferences(self.preferences.clone())
            .event_loop_waker(Box::new(events.clone()))
            .build();
        let user_content = Rc::new(UserContentManager::new(&servo));
        for stylesheet in self.stylesheets.drain(..) {
            user_content.add_stylesheet(Rc::new(stylesheet));
        }
        for script in self.scripts.drain(..) {
            user_content.add_script(Rc::new(script));
        }
        Ok(Engine {
            servo,
            user_content,
            ending: Ending::new(network_log, profile),
            governing,
        })
    }

    /// Whether nothing that the browser remembers lasts.
    pub fn profile_is_temporary(&self) -> bool {
        self.profile_is_temporary
    }

    /// What lets pages play the user, if the command line says so. To be called before [`start`](Self::start).
    pub fn test_driver(&self) -> Option<TestDriver> {
        if !self.arguments.test_driver {
            return None;
        }
        eprintln!(
            "latchkey: with --test-driver any page can allow itself everything: open nothing but tests"
        );
        Some(TestDriver::new(Beginning {
            settings: self.user_cors.settings(),
            policy: self.user_cors.policy(),
            address_spaces: self.user_cors.address_space_overrides(),
            answers: self.answers.clone(),
        }))
    }

    /// Tells the fetch stack who embeds it. To be called once in a process.
    ///
    /// # Errors
    /// If it was told before.
    pub fn embed(&mut self, observer: Arc<dyn Observer>) -> anyhow::Result<()> {
        // Somebody else in the process may have been first, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        embedding::install(EmbeddingOptions {
            user_cors: self.user_cors.clone(),
            observer,
            public_roots: self.arguments.public_roots.clone(),
            certificate_path: self.arguments.certificate_path.clone(),
            name_server: self.arguments.name_server,
            answers: std::mem::take(&mut self.answers),
            local_network_access: self.local_network_access,
        })?;
        Ok(())
    }

    /// What the command line overrides for tests, in a sentence for the person: shown as long as it holds.
    pub fn overrides(&self) -> Option<String> {
        let arguments = &self.arguments;
        let mut parts = Vec::new();
        if !arguments.address_space_overrides.is_empty() {
            parts.push(format!(
                "Address spaces: {}",
                arguments.address_space_overrides
            ));
        }
        if let Some(path) = &arguments.public_roots {
            parts.push(format!("Public roots from {}", path.display()));
        }
        if let Some(server) = &arguments.name_server {
            parts.push(format!("Names from {server}"));
        }
        if arguments.ignore_certificate_errors {
            parts.push("Certificates are not checked".to_owned());
        }
        (!parts.is_empty()).then(|| parts.join(". "))
    }

    fn servo_options(&self, profile: &Profile) -> Opts {
        let temporary = profile.is_temporary();
        Opts {
            hard_fail: self.arguments.hard_fail,
            ignore_certificate_errors: self.arguments.ignore_certificate_errors,
            config_dir: (!temporary).then(|| profile.folder().to_owned()),
            temporary_storage: temporary,
            ..Opts::default()
        }
    }
}

/// The permission model with the profile's permissions, the settings, the policy and the list files.
fn open_user_cors(
    arguments: &Arguments,
    settings: Settings,
    profile: &Profile,
) -> anyhow::Result<(Arc<UserCors>, Governing)> {
    let unusable = "the permissions of this profile cannot be opened";
    let (store, set_aside) = if profile.is_temporary() {
        (PermissionStore::in_memory().context(unusable)?, None)
    } else {
        let opened =
            PermissionStore::open(&profile.folder().join(PERMISSIONS_FILE), SystemClock.now())
                .context(unusable)?;
        if let Some(aside) = &opened.set_aside {
            eprintln!(
                "latchkey: {}; the file is kept as {}, and nothing is allowed until you allow it again",
                aside.reason,
                aside.path.display()
            );
        }
        (opened.store, opened.set_aside)
    };
    let user_cors = UserCors::new(store);
    // No question is open yet, so there is nothing to settle.
    let _ = user_cors
        .set_address_space_overrides(arguments.address_space_overrides.clone(), SystemClock.now());
    let _ = user_cors.set_settings(settings, SystemClock.now());
    let places = PolicyPlaces::new(arguments.policy.as_deref());
    let watch = Watch::begin(places, profile.folder(), &user_cors).with_context(|| {
        format!(
            "blocklists cannot be kept in the profile {}",
            profile.folder().display()
        )
    })?;
    let governing = Governing {
        watch,
        set_aside,
        settings_file: None,
    };
    Ok((Arc::new(user_cors), governing))
}

/// Prints which policy is in force.
///
/// # Errors
/// If the command line cannot be followed, nobody reads the output, or the policy cannot be used.
pub fn print_policy(arguments: &Arguments) -> anyhow::Result<()> {
    let (
        _,
        OwnSettings {
            user_cors: settings,
            ..
        },
    ) = arguments.preferences()?;
    let report = PolicyPlaces::new(arguments.policy.as_deref()).read();
    let mut stdout = std::io::stdout().lock();
    write!(stdout, "{}", policy::print(&report, &settings))
        .and_then(|()| stdout.flush())
        .context("the policy cannot be printed")?;
    let problems = report.problems();
    if problems.is_empty() {
        Ok(())
    } else {
        bail!("{}", problems.join(" "))
    }
}

/// Refuses a profile in which somebody may have allowed something.
fn check_unused(folder: &Path) -> Result<(), UsageError> {
    let is_unused = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    if is_unused {
        return Ok(());
    }
    Err(UsageError::Conflict(
        "--test-driver lets any page change the profile: name an empty folder with --config-dir, or leave it out",
    ))
}

fn answers(arguments: &Arguments) -> Result<Answers, UsageError> {
    Ok(match arguments.answers() {
        UserCorsAnswers::Ask => Answers::Person,
        UserCorsAnswers::Deny => Answers::Rules(Rules::default()),
        UserCorsAnswers::File(path) => {
            let text = cli::read_file("--user-cors", &path)?;
            let rules = Rules::parse(&text).map_err(|error| UsageError::Rules {
                path,
                reason: error.to_string(),
            })?;
            Answers::Rules(rules)
        },
    })
}

fn read_stylesheet(path: &Path) -> Result<UserStyleSheet, UsageError> {
    let source = cli::read_file("--user-stylesheet", path)?;
    Ok(UserStyleSheet::new(
        source,
        file_url("--user-stylesheet", path)?,
    ))
}

fn read_scripts(folder: &Path) -> Result<Vec<UserScript>, UsageError> {
    let option = "--userscripts";
    let error = |source| UsageError::File {
        option,
        path: folder.to_owned(),
        source,
    };
    let mut paths: Vec<_> = fs::read_dir(folder)
        .map_err(error)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()
        .map_err(error)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "js"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| Ok(UserScript::new(cli::read_file(option, &path)?, Some(path))))
        .collect()
}

fn file_url(option: &'static str, path: &Path) -> Result<Url, UsageError> {
    let error = |source| UsageError::File {
        option,
        path: path.to_owned(),
        source,
    };
    let absolute = fs::canonicalize(path).map_err(error)?;
    Url::from_file_path(&absolute).map_err(|()| {
        error(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "the path has no URL",
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_run_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("20-b.js", "b"),
            ("10-a.js", "a"),
            ("notes.txt", "no script"),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let scripts = read_scripts(folder.path()).unwrap();
        let texts: Vec<_> = scripts
            .iter()
            .map(|script| script.script().as_str())
            .collect();
        assert_eq!(texts, ["a", "b"]);
    }

    #[test]
    fn a_profile_that_somebody_uses_is_not_driven() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_unused(folder.path()).is_ok());
        assert!(check_unused(&folder.path().join("new")).is_ok());
        let file = folder.path().join("lock");
        fs::write(&file, "").unwrap();
        for used in [folder.path(), &file] {
            let error = check_unused(used).unwrap_err();
            assert!(error.to_string().contains("empty folder"), "{error}");
        }
    }

    #[test]
    fn missing_files_are_usage_errors() {
        let missing = Path::new("/no/such/place");
        assert!(
            read_scripts(missing)
                .unwrap_err()
                .to_string()
                .contains("--userscripts")
        );
        assert!(
            read_stylesheet(missing)
                .unwrap_err()
                .to_string()
                .contains("--user-stylesheet")
        );
    }
}
