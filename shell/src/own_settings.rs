//! The browser's own settings. They are named like preferences, but are not Servo's: it panics on names that it does not
//! know.

use net::embedding::LocalNetworkAccess;
use serde_json::Value;
use user_cors::Settings;

use crate::permission_settings;
use crate::preferences::PreferenceError;

/// What becomes of ordinary requests to this machine and its network.
const LOCAL_NETWORK_ACCESS: &str = "network.local_network_access";

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct OwnSettings {
    /// Those of user-enabled CORS, `user_cors.…`.
    pub user_cors: Settings,
    /// `network.local_network_access`: `off`, `block-insecure` or `block`.
    pub local_network_access: LocalNetworkAccess,
}

impl OwnSettings {
    /// Whether a preference is one of these settings.
    pub fn have(name: &str) -> bool {
        name.starts_with("network.") || permission_settings::is_setting(name)
    }

    /// Sets one of them from its text.
    ///
    /// # Errors
    /// If there is no such setting or it does not take the value.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), PreferenceError> {
        if permission_settings::is_setting(name) {
            return permission_settings::set(&mut self.user_cors, name, text);
        }
        if name != LOCAL_NETWORK_ACCESS {
            return Err(PreferenceError::Unknown {
                name: name.to_owned(),
            });
        }
        self.local_network_access = text.parse().map_err(|_| PreferenceError::WrongType {
            name: name.to_owned(),
            expected: "off, block-insecure or block",
            value: text.to_owned(),
        })?;
        Ok(())
    }

    /// Sets one of them from a value in a file of preferences.
    ///
    /// # Errors
    /// As for [`Self::set`].
    pub fn set_from_json(&mut self, name: &str, value: &Value) -> Result<(), PreferenceError> {
        match value {
            Value::String(text) => self.set(name, text),
            other => self.set(name, &other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use user_cors::Switch;

    use super::*;

    #[test]
    fn settings_are_read_and_everything_else_is_refused() {
        let mut settings = OwnSettings::default();
        assert_eq!(settings.local_network_access, LocalNetworkAccess::Off);
        settings.set(LOCAL_NETWORK_ACCESS, "block").unwrap();
        assert_eq!(settings.local_network_access, LocalNetworkAccess::Block);
        settings
            .set_from_json(LOCAL_NETWORK_ACCESS, &json!("block-insecure"))
            .unwrap();
        assert_eq!(
            settings.local_network_access,
            LocalNetworkAccess::BlockInsecure
        );
        settings
            .set_from_json("user_cors.enabled", &json!(false))
            .unwrap();
        assert_eq!(settings.user_cors.enabled, Switch::Off);
        for (name, text) in [
            (LOCAL_NETWORK_ACCESS, "true"),
            ("network.nothing", "off"),
            ("user_cors.nothing", "true"),
            ("layout_threads", "3"),
        ] {
            assert!(settings.set(name, text).is_err(), "{name}={text}");
        }
        assert!(OwnSettings::have(LOCAL_NETWORK_ACCESS) && OwnSettings::have("user_cors.enabled"));
        assert!(!OwnSettings::have("network_http_proxy_uri"));
    }
}
