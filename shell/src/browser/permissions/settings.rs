//! The user's settings of user-enabled CORS, as they are shown, changed and kept.
//!
//! They are kept in the profile as a file of preferences, of the form that `--prefs-file` takes. What the command line sets
//! goes before it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use thiserror::Error;
use user_cors::{DualCheck, LocalNetwork, NetworkChange, SecureContexts, Settings, Switch};

use super::transfer::{TransferError, write};
use crate::permission_settings;
use crate::policy::InForce;
use crate::preferences::PreferenceError;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

const MIB: u64 = 1 << 20;

/// Values that a setting can have, each with what it means.
pub type Choices = &'static [(&'static str, &'static str)];

/// How a setting is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingControl {
    /// One of several values; the number says which is chosen.
    Choice(Choices, usize),
    /// A number of `unit`s, each of which is `factor` of the setting's own.
    Number {
        /// How many.
        value: u64,
        /// How many of the setting's own each is.
        factor: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// Text in a form of its own, with an example of it.
    Text(String, &'static str),
}

/// A setting as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingRow {
    /// The preference's name.
    pub name: &'static str,
    /// What it is about.
    pub label: &'static str,
    /// What it means for the person, in sentences.
    pub explanation: &'static str,
    /// How it is changed, and its value.
    pub control: SettingControl,
    /// What leaves the user no choice, if something does.
    pub fixed_by: Option<String>,
}

/// A new value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingChange {
    /// The preference's name.
    pub name: &'static str,
    /// Its value, as text.
    pub value: String,
}

impl SettingChange {
    /// Changes the settings.
    ///
    /// # Errors
    /// If there is no such setting, or it does not take the value.
    pub fn apply(&self, settings: &mut Settings) -> Result<(), PreferenceError> {
        permission_settings::set(settings, self.name, &self.value)
    }
}

const ENABLED: Choices = &[
    ("true", "Ask me where a server is silent"),
    ("false", "Never ask: pages read only what servers share"),
];
const LOCAL_NETWORK: Choices = &[
    ("block", "Keep pages away from devices on my own network"),
    ("warn", "Warn me, then ask"),
];
const OTHER_NETWORK: Choices = &[
    ("suspend", "Suspend permissions on other networks"),
    ("ignore", "Let permissions hold on every network"),
];
const INSECURE_REQUESTERS: Choices = &[
    ("false", "Only pages over https may ask"),
    ("true", "Pages over http may ask, too (for tests)"),
];

const DUAL_CHECK: Choices = &[
    ("false", "Give pages what came through the egress"),
    (
        "true",
        "Fetch directly as well, and give pages only what is the same both ways",
    ),
];

/// The settings as they are shown, in order.
pub fn rows(settings: &Settings, in_force: &[InForce]) -> Vec<SettingRow> {
    let fixed = |name: &str| {
        in_force
            .iter()
            .find(|value| value.name == name && value.is_fixed)
    };
    let second = |is_second: bool| usize::from(is_second);
    // Where policy decides, its value is what is shown.
    let enabled = fixed("Enabled").map_or(settings.enabled == Switch::On, |value| {
        value.value == "true"
    });
    let blocks = fixed("LocalNetwork")
        .map_or(settings.local_network == LocalNetwork::Block, |value| {
            value.value == "block"
        });
    let row = |name, label, explanation, control| SettingRow {
        name,
        label,
        explanation,
        control,
        fixed_by: None,
    };
    let number = |value, factor, unit| SettingControl::Number {
        value,
        factor,
        unit,
    };
    let egress =
        fixed("Egress").map_or_else(|| settings.egress.to_string(), |value| value.value.clone());
    let dual_check = fixed("DualCheck").map_or(settings.dual_check == DualCheck::On, |value| {
        value.value == "true"
    });
    let budget = settings.budget;
    vec![
        SettingRow {
            fixed_by: fixed("Enabled").map(|value| value.source.clone()),
            ..row(
                "user_cors.enabled",
                "User-enabled CORS",
                "Where a server does not say whether other sites may read it, a page may ask you.",
                SettingControl::Choice(ENABLED, second(!enabled)),
            )
        },
        SettingRow {
            fixed_by: fixed("LocalNetwork").map(|value| value.source.clone()),
            ..row(
                "user_cors.local_network",
                "Local network",
                "Routers, printers and other devices of yours often trust whoever can reach them.",
                SettingControl::Choice(LOCAL_NETWORK, second(!blocks)),
            )
        },
        SettingRow {
            fixed_by: fixed("Egress").map(|value| value.source.clone()),
            ..row(
                "user_cors.egress",
                "Egress",
                "By which way requests leave that you allow. With “direct”, servers see the address of your network. Through a proxy \
                 outside of it, they see the proxy's, and pages read what a stranger sees.",
                SettingControl::Text(
                    egress,
                    "direct, http://proxy.example:3128 or socks5://proxy.example:1080",
                ),
            )
        },
        SettingRow {
            fixed_by: fixed("DualCheck").map(|value| value.source.clone()),
            ..row(
                "user_cors.dual_check",
                "Dual check",
                "With a proxy as the egress: whether a direct request has to get the same answer. Without one, this stops everything.",
                SettingControl::Choice(DUAL_CHECK, second(dual_check)),
            )
        },
        row(
            "user_cors.other_network",
            "When this computer moves to another network",
            "What servers show can depend on who asks: at work it may be more than where you gave a permission.",
            SettingControl::Choice(
                OTHER_NETWORK,
                second(settings.other_network == NetworkChange::Ignore),
            ),
        ),
        row(
            "user_cors.insecure_requesters",
            "Who may ask",
            "Whoever is between you and a page over http can put questions into it.",
            SettingControl::Choice(
                INSECURE_REQUESTERS,
                second(settings.secure_contexts == SecureContexts::Relaxed),
            ),
        ),
        row(
            "user_cors.budget.requests",
            "Requests that a permission gives in a day",
            "When they are used up, the next request asks you again.",
            number(budget.requests, 1, "requests"),
        ),
        row(
            "user_cors.budget.bytes",
            "Data that a permission gives in a day",
            "An answer that takes more breaks off, and the next request asks you again.",
            number(budget.bytes / MIB, MIB, "MiB"),
        ),
        row(
            "user_cors.budget.response_bytes",
            "The largest answer that a permission gives",
            "A larger one breaks off.",
            number(budget.response_bytes / MIB, MIB, "MiB"),
        ),
    ]
}

/// Why kept settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsFileError {
    /// The file cannot be read.
    #[error("the settings {} cannot be read: {source}. Repair the file, or delete it to begin with the defaults", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is not one of settings.
    #[error("the settings {} are wrong: {reason}. Repair the file, or delete it to begin with the defaults", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be written.
    #[error("the setting holds until the browser quits: {0}")]
    Write(#[from] TransferError),
}

/// The file in which a profile keeps settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsFile {
    path: PathBuf,
}

impl SettingsFile {
    /// The file of a profile.
    pub fn of_profile(folder: &Path) -> Self {
        Self {
            path: folder.join("preferences.json"),
        }
    }

    /// Sets what the file says. One that is not there says nothing. Names that are unknown here are left alone.
    ///
    /// # Errors
    /// If it cannot be read, or a setting in it does not take its value.
    pub fn load(&self, settings: &mut Settings) -> Result<(), SettingsFileError> {
        for (name, value) in &self.read()? {
            match permission_settings::set_from_json(settings, name, value) {
                Ok(()) | Err(PreferenceError::Unknown { .. }) => {},
                Err(error) => return Err(self.content(&error.to_string())),
            }
        }
        Ok(())
    }

    /// Keeps a change.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub fn store(&self, change: &SettingChange) -> Result<(), SettingsFileError> {
        let mut values = self.read()?;
        values.insert(change.name.to_owned(), Value::String(change.value.clone()));
        let text = serde_json::to_string_pretty(&values)
            .map_err(|error| self.content(&error.to_string()))?;
        Ok(write(&self.path, &text)?)
    }

    fn read(&self) -> Result<Map<String, Value>, SettingsFileError> {
        let error = |source| SettingsFileError::Read {
            path: self.path.clone(),
            source,
        };
        let text = match fs::metadata(&self.path) {
            Ok(metadata) if metadata.len() > MAX_BYTES => {
                return Err(self.content(&format!("they are larger than {MAX_BYTES} bytes")));
            },
            Ok(_) => fs::read_to_string(&self.path).map_err(error)?,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Map::new()),
            Err(unreadable) => return Err(error(unreadable)),
        };
        serde_json::from_str(&text).map_err(|error| self.content(&error.to_string()))
    }

    fn content(&self, reason: &str) -> SettingsFileError {
        SettingsFileError::Content {
            path: self.path.clone(),
            reason: reason.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &'static str, value: &str) -> SettingChange {
        SettingChange {
            name,
            value: value.to_owned(),
        }
    }

    #[test]
    fn every_choice_that_is_shown_is_one_that_is_taken() {
        for row in rows(&Settings::default(), &[]) {
            let values: Vec<String> = match row.control {
                SettingControl::Choice(choices, _) => choices
                    .iter()
                    .map(|(value, _)| (*value).to_owned())
                    .collect(),
                SettingControl::Number { factor, .. } => vec![(3 * factor).to_string()],
                SettingControl::Text(..) => vec!["socks5://proxy.example:1080".to_owned()],
            };
            for (index, value) in values.iter().enumerate() {
                let mut settings = Settings::default();
                change(row.name, value).apply(&mut settings).unwrap();
                let shown = rows(&settings, &[])
                    .into_iter()
                    .find(|shown| shown.name == row.name)
                    .unwrap();
                match shown.control {
                    SettingControl::Choice(_, chosen) => assert_eq!(chosen, index, "{}", row.name),
                    SettingControl::Number { value, .. } => assert_eq!(value, 3, "{}", row.name),
                    SettingControl::Text(text, _) => assert_eq!(text, *value, "{}", row.name),
                }
            }
        }
    }

    #[test]
    fn a_value_that_policy_fixes_is_shown_in_place_of_the_user_s() {
        let fixed = [InForce {
            name: "LocalNetwork",
            value: "block".to_owned(),
            source: "/etc/policies.json".to_owned(),
            is_fixed: true,
        }];
        let settings = Settings {
            local_network: LocalNetwork::Warn,
            ..Settings::default()
        };
        let rows = rows(&settings, &fixed);
        let row = rows
            .iter()
            .find(|row| row.name == "user_cors.local_network")
            .unwrap();
        assert_eq!(row.fixed_by.as_deref(), Some("/etc/policies.json"));
        assert!(matches!(row.control, SettingControl::Choice(_, 0)));
    }

    #[test]
    fn settings_are_kept_with_what_is_unknown() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::of_profile(folder.path());
        let mut settings = Settings::default();
        file.load(&mut settings).unwrap();
        assert_eq!(settings, Settings::default());
        fs::write(&file.path, "{\"user_cors.later\": 1}").unwrap();
        file.store(&change("user_cors.local_network", "warn"))
            .unwrap();
        file.store(&change("user_cors.enabled", "false")).unwrap();
        file.load(&mut settings).unwrap();
        assert_eq!(settings.local_network, LocalNetwork::Warn);
        assert_eq!(settings.enabled, Switch::Off);
        assert!(
            fs::read_to_string(&file.path)
                .unwrap()
                .contains("user_cors.later")
        );
    }

    #[test]
    fn settings_that_make_no_sense_are_an_error_that_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::of_profile(folder.path());
        for text in ["{", "[]", "{\"user_cors.enabled\": \"perhaps\"}"] {
            fs::write(&file.path, text).unwrap();
            let error = file.load(&mut Settings::default()).unwrap_err().to_string();
            assert!(
                error.contains("preferences.json") && error.contains("delete it"),
                "{error}"
            );
        }
    }
}
