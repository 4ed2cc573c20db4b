//! The settings of user-enabled CORS. They are named like preferences, but are not Servo's: it panics on names that it does
//! not know.

use serde_json::Value;
use user_cors::{DualCheck, LocalNetwork, NetworkChange, SecureContexts, Settings, Switch};

use crate::preferences::PreferenceError;

/// How the names of these settings begin.
const PREFIX: &str = "user_cors.";

/// Whether a preference is one of these settings.
pub fn is_setting(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Sets one of them from its text.
///
/// # Errors
/// If there is no such setting or it does not take the value.
pub fn set(settings: &mut Settings, name: &str, text: &str) -> Result<(), PreferenceError> {
    let wrong = |expected| PreferenceError::WrongType {
        name: name.to_owned(),
        expected,
        value: text.to_owned(),
    };
    match name.strip_prefix(PREFIX) {
        Some("enabled") => {
            settings.enabled = match text {
                "true" => Switch::On,
                "false" => Switch::Off,
                _ => return Err(wrong("true or false")),
            };
        },
        Some("local_network") => {
            settings.local_network = match text {
                "block" => LocalNetwork::Block,
                "warn" => LocalNetwork::Warn,
                _ => return Err(wrong("block or warn")),
            };
        },
        Some("insecure_requesters") => {
            settings.secure_contexts = match text {
                "true" => SecureContexts::Relaxed,
                "false" => SecureContexts::Required,
                _ => return Err(wrong("true or false")),
            };
        },
        Some("other_network") => {
            settings.other_network = match text {
                "suspend" => NetworkChange::Suspend,
                "ignore" => NetworkChange::Ignore,
                _ => return Err(wrong("suspend or ignore")),
            };
        },
        Some("egress") => {
            settings.egress = text.parse().map_err(|_| {
                wrong("direct, http://host:port or socks5://host:port, without user name and path")
            })?;
        },
        Some("dual_check") => {
            settings.dual_check = match text {
                "true" => DualCheck::On,
                "false" => DualCheck::Off,
                _ => return Err(wrong("true or false")),
            };
        },
        Some("budget.requests") => {
            settings.budget.requests = text.parse().map_err(|_| wrong("a number"))?;
        },
        Some("budget.bytes") => {
            settings.budget.bytes = text.parse().map_err(|_| wrong("a number"))?;
        },
        Some("budget.response_bytes") => {
            settings.budget.response_bytes = text.parse().map_err(|_| wrong("a number"))?;
        },
        _ => {
            return Err(PreferenceError::Unknown {
                name: name.to_owned(),
            });
        },
    }
    Ok(())
}

/// Sets one of them from a value in a file of preferences.
///
/// # Errors
/// As for [`set`].
pub fn set_from_json(
    settings: &mut Settings,
    name: &str,
    value: &Value,
) -> Result<(), PreferenceError> {
    match value {
        Value::String(text) => set(settings, name, text),
        other => set(settings, name, &other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_are_read_and_everything_else_is_refused() {
        let mut settings = Settings::default();
        for (name, text) in [
            ("user_cors.enabled", "false"),
            ("user_cors.local_network", "warn"),
            ("user_cors.insecure_requesters", "true"),
            ("user_cors.other_network", "ignore"),
            ("user_cors.egress", "socks5://proxy.example:1080"),
            ("user_cors.dual_check", "true"),
            ("user_cors.budget.requests", "10"),
            ("user_cors.budget.bytes", "2000"),
            ("user_cors.budget.response_bytes", "1000"),
        ] {
            set(&mut settings, name, text).unwrap();
        }
        assert_eq!(settings.enabled, Switch::Off);
        assert_eq!(settings.local_network, LocalNetwork::Warn);
        assert_eq!(settings.secure_contexts, SecureContexts::Relaxed);
        assert_eq!(settings.other_network, NetworkChange::Ignore);
        assert_eq!(settings.egress.to_string(), "socks5://proxy.example:1080");
        assert_eq!(settings.dual_check, DualCheck::On);
        let budget = settings.budget;
        assert_eq!(
            (budget.requests, budget.bytes, budget.response_bytes),
            (10, 2000, 1000)
        );
        set_from_json(&mut settings, "user_cors.enabled", &json!(true)).unwrap();
        set_from_json(&mut settings, "user_cors.local_network", &json!("block")).unwrap();
        assert_eq!(settings.enabled, Switch::On);
        assert_eq!(settings.local_network, LocalNetwork::Block);

        for (name, text) in [
            ("user_cors.enabled", "yes"),
            ("user_cors.local_network", "allow"),
            ("user_cors.other_network", "true"),
            ("user_cors.egress", "proxy.example:3128"),
            ("user_cors.egress", ""),
            ("user_cors.dual_check", "on"),
            ("user_cors.budget.bytes", "-1"),
            ("user_cors.nothing", "true"),
            ("user_cors.", ""),
        ] {
            assert!(set(&mut settings, name, text).is_err(), "{name}={text}");
        }
        assert!(set_from_json(&mut settings, "user_cors.enabled", &json!(1)).is_err());
    }
}
