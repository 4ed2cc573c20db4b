//! The commands, as pages write them.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use url::Url;
use user_cors::{Choice, TupleOrigin};

use super::DriverError;

/// The most milliseconds by which one command moves the clock: a hundred years.
const MAX_MILLIS: u64 = 100 * 366 * 24 * 60 * 60 * 1000;

/// Something that a page wants done in the user's place. `{"command": "look", "ms": 700, "focused": true}`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Command {
    /// Who answers: rules in the form of those in a file, or, with null, whoever gives the commands.
    SetAnswers {
        #[serde(deserialize_with = "Option::deserialize")]
        rules: Option<Value>,
    },
    /// What the tab's bar shows.
    Questions {},
    /// Opens the quiet chip.
    OpenChip {},
    /// The question as it is at this moment is in view for so long.
    Look {
        #[serde(deserialize_with = "millis")]
        ms: u64,
        focused: bool,
    },
    /// A click on an answer to what was last in view.
    Answer { choice: ChoiceName },
    /// A click on going on from the warning that was last in view.
    Confirm {},
    /// Input in the page.
    Input {},
    /// Time passes, with no question in view.
    Advance {
        #[serde(deserialize_with = "millis")]
        ms: u64,
    },
    /// All grants, denials, opt-outs and embargoes.
    Permissions {},
    /// Ends the grants of a requester, of a target, or of a pair.
    Revoke {
        requester: Option<OriginText>,
        target: Option<OriginText>,
    },
    /// Ends all grants.
    RevokeAll {},
    /// Ends the grants and the denial of a pair, under every top-level site.
    Reset {
        requester: OriginText,
        target: OriginText,
    },
    /// What was read.
    Ledger {},
    /// Puts the text of a policy in force, or, with null, none.
    SetPolicy {
        #[serde(deserialize_with = "Option::deserialize")]
        text: Option<String>,
    },
    /// Sets a setting of user-enabled CORS.
    SetPreference { name: String, value: Value },
    /// Adds an entry to the user's blocklist.
    Block { entry: String },
    /// Takes an entry off it.
    Unblock { entry: String },
    /// Says which sockets count as which address space, as on the command line.
    SetAddressSpaces { overrides: String },
    /// This machine moves to a network on which it has not been.
    NetworkChanged {},
    /// Everything is as when the browser was started.
    Clear {},
    /// The cookies of a document, as WebDriver has them.
    Cookies { url: Url },
    /// A click at a place in the tab's page, in CSS pixels from its upper left corner.
    Click { x: f32, y: f32 },
}

impl Command {
    pub(super) fn parse(text: &str) -> Result<Self, DriverError> {
        serde_json::from_str(text).map_err(DriverError::Malformed)
    }
}

/// An answer, as in rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ChoiceName {
    Once,
    Visit,
    Always,
    NotNow,
    Never,
}

impl ChoiceName {
    pub(super) const ALL: [Self; 5] = [
        Self::Once,
        Self::Visit,
        Self::Always,
        Self::NotNow,
        Self::Never,
    ];

    pub(super) const fn choice(self) -> Choice {
        match self {
            Self::Once => Choice::AllowOnce,
            Self::Visit => Choice::AllowForVisit,
            Self::Always => Choice::AlwaysAllow,
            Self::NotNow => Choice::NotNow,
            Self::Never => Choice::Never,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Visit => "visit",
            Self::Always => "always",
            Self::NotNow => "not-now",
            Self::Never => "never",
        }
    }
}

/// A serialized origin.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OriginText(pub(super) TupleOrigin);

impl<'de> Deserialize<'de> for OriginText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        TupleOrigin::parse(&text).map(Self).ok_or_else(|| {
            serde::de::Error::custom(format_args!("“{text}” is no serialized origin"))
        })
    }
}

fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let millis = u64::deserialize(deserializer)?;
    if millis > MAX_MILLIS {
        return Err(serde::de::Error::custom(format_args!(
            "{millis} ms are more than {MAX_MILLIS}"
        )));
    }
    Ok(millis)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn commands() {
        let origin = || OriginText(TupleOrigin::parse("https://a.example").expect("an origin"));
        for (text, expected) in [
            (
                r#"{"rules":null,"command":"set_answers"}"#,
                Command::SetAnswers { rules: None },
            ),
            (
                r#"{"rules":[],"command":"set_answers"}"#,
                Command::SetAnswers {
                    rules: Some(json!([])),
                },
            ),
            (r#"{"command":"questions"}"#, Command::Questions {}),
            (
                r#"{"ms":700,"focused":false,"command":"look"}"#,
                Command::Look {
                    ms: 700,
                    focused: false,
                },
            ),
            (
                r#"{"choice":"not-now","command":"answer"}"#,
                Command::Answer {
                    choice: ChoiceName::NotNow,
                },
            ),
            (
                r#"{"target":"https://a.example","command":"revoke"}"#,
                Command::Revoke {
                    requester: None,
                    target: Some(origin()),
                },
            ),
            (
                r#"{"requester":"https://a.example","target":"https://a.example","command":"reset"}"#,
                Command::Reset {
                    requester: origin(),
                    target: origin(),
                },
            ),
            (
                r#"{"url":"https://a.example/b","command":"cookies"}"#,
                Command::Cookies {
                    url: Url::parse("https://a.example/b").expect("a URL"),
                },
            ),
            (
                r#"{"x":1.5,"y":2,"command":"click"}"#,
                Command::Click { x: 1.5, y: 2.0 },
            ),
            (
                r#"{"text":null,"command":"set_policy"}"#,
                Command::SetPolicy { text: None },
            ),
            (
                r#"{"name":"user_cors.enabled","value":false,"command":"set_preference"}"#,
                Command::SetPreference {
                    name: "user_cors.enabled".to_owned(),
                    value: json!(false),
                },
            ),
        ] {
            assert_eq!(Command::parse(text).expect(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_missing_too_much_or_of_another_type_is_refused() {
        for text in [
            r#"{"command":"look"}"#,
            r#"{"command":"look","ms":-1,"focused":true}"#,
            r#"{"command":"look","ms":0.5,"focused":true}"#,
            r#"{"command":"advance","ms":99999999999999}"#,
            r#"{"command":"questions","tab":2}"#,
            r#"{"command":"answer","choice":"yes"}"#,
            r#"{"command":"reset","requester":"https://a.example"}"#,
            r#"{"command":"reset","requester":"https://a.example","target":"https://b.example/"}"#,
            r#"{"command":"set_policy"}"#,
            r#"{"command":"set_answers"}"#,
            r#"{"command":"set_answer","rules":null}"#,
            r#"{"ms":700}"#,
            r#"{"command":"cookies","url":"/b"}"#,
            r#"{"command":"click","x":1}"#,
        ] {
            assert!(Command::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_of_answers_are_read_as_they_are_written() {
        for name in ChoiceName::ALL {
            let read = serde_json::from_value::<ChoiceName>(json!(name.as_str()));
            assert_eq!(read.expect("a name"), name);
        }
    }
}
