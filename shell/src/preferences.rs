//! Servo's preferences by name. Servo panics on a name it does not know and on a value of another type, so both are
//! checked here first.

use serde_json::Value;
use servo::{PrefValue, Preferences};
use thiserror::Error;

use crate::own_settings::OwnSettings;

/// Features of the web platform that Servo has off because they are not finished, and that need no hardware or service
/// that this browser lacks.
pub const EXPERIMENTAL_FEATURES: &[&str] = &[
    "dom_adoptedstylesheet_enabled",
    "dom_async_clipboard_enabled",
    "dom_cookiestore_enabled",
    "dom_credential_management_enabled",
    "dom_exec_command_enabled",
    "dom_fontface_enabled",
    "dom_intersection_observer_enabled",
    "dom_navigator_protocol_handlers_enabled",
    "dom_notification_enabled",
    "dom_offscreen_canvas_enabled",
    "dom_permissions_enabled",
    "dom_sanitizer_enabled",
    "dom_storage_manager_api_enabled",
    "dom_visual_viewport_enabled",
    "dom_web_animations_enabled",
    "dom_webgl2_enabled",
    "largest_contentful_paint_enabled",
    "layout_columns_enabled",
    "layout_container_queries_enabled",
    "layout_css_ellipse_corners_enabled",
    "layout_css_progress_function_enabled",
    "layout_variable_fonts_enabled",
    "layout_writing_mode_enabled",
];

/// Servo's preferences as this browser has them. IndexedDB is on, since a page that was allowed to read a response may want it
/// offline too. `FontFace` is on, since fonts ask nobody: a page that wants one asks by `fetch()` and hands the bytes over.
pub fn defaults() -> Preferences {
    Preferences {
        dom_fontface_enabled: true,
        dom_indexeddb_enabled: true,
        ..Preferences::default()
    }
}

/// Why a preference was not set.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PreferenceError {
    /// No preference has this name.
    #[error("there is no preference “{name}”{}", suggestion(name))]
    Unknown {
        /// The name.
        name: String,
    },
    /// The value is of another type.
    #[error("the preference “{name}” takes {expected}, not “{value}”")]
    WrongType {
        /// The preference's name.
        name: String,
        /// What it takes.
        expected: &'static str,
        /// What was given.
        value: String,
    },
    /// A file of preferences is not what it should be.
    #[error("a file of preferences is a JSON object of names and values: {reason}")]
    File {
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads `name=value`, or `name` for a preference to turn on.
///
/// # Errors
/// If there is no such preference or it does not take the value.
pub fn parse_assignment(assignment: &str) -> Result<(&str, PrefValue), PreferenceError> {
    let (name, text) = assignment.split_once('=').unwrap_or((assignment, "true"));
    let kind = Kind::of(name)?;
    let value = kind.parse(text).ok_or_else(|| PreferenceError::WrongType {
        name: name.to_owned(),
        expected: kind.description(),
        value: text.to_owned(),
    })?;
    Ok((name, value))
}

/// Sets one preference.
///
/// # Errors
/// If there is no such preference or it does not take the value.
pub fn set(
    preferences: &mut Preferences,
    name: &str,
    value: PrefValue,
) -> Result<(), PreferenceError> {
    let kind = Kind::of(name)?;
    if !kind.takes(&value) {
        return Err(PreferenceError::WrongType {
            name: name.to_owned(),
            expected: kind.description(),
            value: format!("{value:?}"),
        });
    }
    preferences.set_value(name, value);
    Ok(())
}

/// Sets all preferences of a JSON object, Servo's and the browser's own.
///
/// # Errors
/// If the text is no such object, or a preference in it does not exist or does not take its value.
pub fn set_from_json(
    preferences: &mut Preferences,
    settings: &mut OwnSettings,
    text: &str,
) -> Result<(), PreferenceError> {
    let file_error = |reason: String| PreferenceError::File { reason };
    let object: serde_json::Map<String, Value> =
        serde_json::from_str(text).map_err(|error| file_error(error.to_string()))?;
    for (name, value) in &object {
        if OwnSettings::have(name) {
            settings.set_from_json(name, value)?;
            continue;
        }
        let kind = Kind::of(name)?;
        let value = kind
            .convert(value)
            .ok_or_else(|| PreferenceError::WrongType {
                name: name.clone(),
                expected: kind.description(),
                value: value.to_string(),
            })?;
        preferences.set_value(name, value);
    }
    Ok(())
}

/// The type of a preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bool,
    Integer,
    Unsigned,
    Float,
    Text,
    Color,
}

impl Kind {
    fn of(name: &str) -> Result<Self, PreferenceError> {
        if !Preferences::exists(name) {
            return Err(PreferenceError::Unknown {
                name: name.to_owned(),
            });
        }
        // NB: The derived function gives Rust's own names of the types, and there are no others in 0.7.0.
        Ok(match Preferences::type_of(name) {
            "bool" => Self::Bool,
            "i64" => Self::Integer,
            "u64" => Self::Unsigned,
            "f64" => Self::Float,
            "[f64; 4]" => Self::Color,
            _ => Self::Text,
        })
    }

    fn description(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Integer => "a whole number",
            Self::Unsigned => "a whole number that is not negative",
            Self::Float => "a number",
            Self::Text => "text",
            Self::Color => "a list of four numbers from 0 to 1",
        }
    }

    fn parse(self, text: &str) -> Option<PrefValue> {
        match self {
            Self::Bool => text.parse().ok().map(PrefValue::Bool),
            Self::Integer => text.parse().ok().map(PrefValue::Int),
            Self::Unsigned => text.parse().ok().map(PrefValue::UInt),
            Self::Float => text.parse().ok().map(PrefValue::Float),
            Self::Text => Some(PrefValue::Str(text.to_owned())),
            Self::Color => self.convert(&serde_json::from_str(text).ok()?),
        }
    }

    fn convert(self, value: &Value) -> Option<PrefValue> {
        match self {
            Self::Bool => value.as_bool().map(PrefValue::Bool),
            Self::Integer => value.as_i64().map(PrefValue::Int),
            Self::Unsigned => value.as_u64().map(PrefValue::UInt),
            Self::Float => value.as_f64().map(PrefValue::Float),
            Self::Text => value.as_str().map(|text| PrefValue::Str(text.to_owned())),
            Self::Color => {
                let parts = value.as_array()?;
                let parts: Vec<_> = parts
                    .iter()
                    .map(|part| part.as_f64().map(PrefValue::Float))
                    .collect::<Option<_>>()?;
                (parts.len() == 4).then_some(PrefValue::Array(parts))
            },
        }
    }

    fn takes(self, value: &PrefValue) -> bool {
        match (self, value) {
            (Self::Bool, PrefValue::Bool(_))
            | (Self::Integer, PrefValue::Int(_))
            | (Self::Unsigned, PrefValue::UInt(_))
            | (Self::Float, PrefValue::Float(_))
            | (Self::Text, PrefValue::Str(_)) => true,
            (Self::Unsigned, PrefValue::Int(number)) => *number >= 0,
            (Self::Color, PrefValue::Array(parts)) => {
                parts.len() == 4 && parts.iter().all(|part| matches!(part, PrefValue::Float(_)))
            },
            _ => false,
        }
    }
}

/// Names what was likely meant: preferences of other tools are written with dots and dashes.
fn suggestion(name: &str) -> String {
    let candidate = name.replace(['.', '-'], "_");
    if candidate != name && Preferences::exists(&candidate) {
        format!("; did you mean “{candidate}”?")
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use net::embedding::LocalNetworkAccess;
    use user_cors::Switch;

    use super::*;

    #[test]
    fn what_pages_need_to_use_what_they_were_allowed_is_on() {
        assert!(defaults().dom_indexeddb_enabled);
        assert!(defaults().dom_fontface_enabled);
    }

    #[test]
    fn every_experimental_feature_exists_and_is_a_switch() {
        for name in EXPERIMENTAL_FEATURES {
            assert_eq!(Kind::of(name), Ok(Kind::Bool), "{name}");
        }
    }

    #[test]
    fn every_preference_takes_its_own_value() {
        let defaults = Preferences::default();
        let mut preferences = Preferences::default();
        for name in Preferences::all_fields() {
            set(&mut preferences, name, defaults.get_value(name)).unwrap();
        }
    }

    #[test]
    fn assignments() {
        for (assignment, expected) in [
            ("dom_webgl2_enabled", PrefValue::Bool(true)),
            ("dom_webgl2_enabled=false", PrefValue::Bool(false)),
            ("layout_threads=4", PrefValue::Int(4)),
            ("thread_pool_workers_max=4", PrefValue::UInt(4)),
            ("user_agent=A=B", PrefValue::Str("A=B".to_owned())),
        ] {
            assert_eq!(
                parse_assignment(assignment).unwrap().1,
                expected,
                "{assignment}"
            );
        }
    }

    #[test]
    fn errors_name_the_preference() {
        for assignment in [
            "layout_threads=many",
            "thread_pool_workers_max=-1",
            "dom_webgl2_enabled=yes",
        ] {
            let error = parse_assignment(assignment).unwrap_err();
            assert!(
                matches!(error, PreferenceError::WrongType { .. }),
                "{assignment}"
            );
        }
        assert_eq!(
            parse_assignment("dom.webgl2.enabled")
                .unwrap_err()
                .to_string(),
            "there is no preference “dom.webgl2.enabled”; did you mean “dom_webgl2_enabled”?",
        );
    }

    #[test]
    fn files() {
        let mut preferences = Preferences::default();
        let mut settings = OwnSettings::default();
        set_from_json(
            &mut preferences,
            &mut settings,
            r#"{"layout_threads": 7, "shell_background_color_rgba": [0, 0, 0, 1], "user_cors.enabled": false,
                "network.local_network_access": "block"}"#,
        )
        .unwrap();
        assert_eq!(preferences.layout_threads, 7);
        assert_eq!(
            preferences.shell_background_color_rgba,
            [0.0, 0.0, 0.0, 1.0]
        );
        assert_eq!(settings.user_cors.enabled, Switch::Off);
        assert_eq!(settings.local_network_access, LocalNetworkAccess::Block);
        for text in [
            "[]",
            "{",
            r#"{"layout_threads": "7"}"#,
            r#"{"x": 1}"#,
            r#"{"user_cors.x": 1}"#,
        ] {
            assert!(
                set_from_json(&mut preferences, &mut settings, text).is_err(),
                "{text}"
            );
        }
    }
}
