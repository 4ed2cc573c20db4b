//! Answers by rules, for headless automation: `--user-cors FILE`.
//!
//! ```json
//! {"rules": [{"requester": "https://app.example", "target": "*.example.org", "answer": "visit"},
//!            {"requester": "*", "target": "*", "answer": "not-now"}]}
//! ```
//!
//! The first rule that matches answers; without one the answer is *Not now*. A rule answers the question only: all other
//! steps apply as they do with a person.

use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    json::{self, JsonError},
    origin::TupleOrigin,
    pattern::{exact_origin, host_name, is_subdomain},
    question::Choice,
};

/// Whom a rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RulePattern {
    /// Everyone: `*`.
    Any,
    /// One origin.
    Exact(TupleOrigin),
    /// The subdomains of a host, whatever the scheme and port: `*.host`. A rule is written by whoever runs the program,
    /// for test servers with ports of their own, so it is wider than a policy's pattern.
    Subdomains(String),
}

impl RulePattern {
    /// Reads a pattern.
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::Any);
        }
        match text.strip_prefix("*.") {
            Some(host) => host_name(host).map(Self::Subdomains),
            None => exact_origin(text).map(Self::Exact),
        }
    }

    /// Whether the pattern names the origin.
    pub fn matches(&self, origin: &TupleOrigin) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => exact == origin,
            Self::Subdomains(host) => is_subdomain(origin.host(), host),
        }
    }
}

impl<'de> Deserialize<'de> for RulePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format_args!(
                "“{text}” is neither an origin such as https://example.com, nor *.example.com, nor *"
            ))
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RuleAnswer {
    Once,
    Visit,
    Always,
    NotNow,
    Never,
}

impl From<RuleAnswer> for Choice {
    fn from(answer: RuleAnswer) -> Self {
        match answer {
            RuleAnswer::Once => Self::AllowOnce,
            RuleAnswer::Visit => Self::AllowForVisit,
            RuleAnswer::Always => Self::AlwaysAllow,
            RuleAnswer::NotNow => Self::NotNow,
            RuleAnswer::Never => Self::Never,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    requester: RulePattern,
    target: RulePattern,
    answer: RuleAnswer,
}

/// A list of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    rules: Vec<Rule>,
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// For everything that is not exactly a list of rules, with line and column.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        json::parse(text)
    }

    /// The answer for one requester and one target.
    fn answer_one(&self, requester: &TupleOrigin, target: &TupleOrigin) -> Choice {
        self.rules
            .iter()
            .find(|rule| rule.requester.matches(requester) && rule.target.matches(target))
            .map_or(Choice::NotNow, |rule| rule.answer.into())
    }

    /// The answer for a question: one target after the other, and the most careful answer for all. A question without a
    /// target is answered *Not now*.
    pub fn answer<'a>(
        &self,
        requester: &TupleOrigin,
        targets: impl IntoIterator<Item = &'a TupleOrigin>,
    ) -> Choice {
        targets
            .into_iter()
            .map(|target| self.answer_one(requester, target))
            .min_by_key(|choice| choice.generosity())
            .unwrap_or(Choice::NotNow)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap()
    }

    fn rules() -> Rules {
        Rules::parse(
            r#"{"rules": [
                {"requester": "https://a.example", "target": "https://b.example", "answer": "never"},
                {"requester": "https://a.example", "target": "*.b.example", "answer": "always"},
                {"requester": "*.demo.localhost", "target": "*", "answer": "once"},
                {"requester": "*", "target": "https://c.example", "answer": "visit"}]}"#,
        )
        .unwrap()
    }

    #[test]
    fn the_first_rule_that_matches_answers() {
        for (requester, target, choice) in [
            ("https://a.example", "https://b.example", Choice::Never),
            (
                "https://a.example",
                "https://x.b.example",
                Choice::AlwaysAllow,
            ),
            (
                "http://app.demo.localhost:8100",
                "http://photos.demo.localhost:8101",
                Choice::AllowOnce,
            ),
            (
                "https://d.example",
                "https://c.example",
                Choice::AllowForVisit,
            ),
            ("https://d.example", "https://e.example", Choice::NotNow),
        ] {
            assert_eq!(
                rules().answer(&origin(requester), [&origin(target)]),
                choice,
                "{requester} {target}"
            );
        }
    }

    #[test]
    fn several_targets_get_the_most_careful_answer() {
        let requester = origin("https://a.example");
        let (never, always) = (origin("https://b.example"), origin("https://x.b.example"));
        assert_eq!(rules().answer(&requester, [&always, &never]), Choice::Never);
        assert_eq!(
            rules().answer(&requester, [&always, &origin("https://e.example")]),
            Choice::NotNow
        );
        assert_eq!(rules().answer(&requester, []), Choice::NotNow);
        assert_eq!(
            Rules::default().answer(&requester, [&always]),
            Choice::NotNow
        );
    }

    #[test]
    fn errors_have_a_place() {
        for text in [
            "",
            "{}",
            "[]",
            "{\"rules\": {}}",
            "{\"rules\": [], \"default\": \"once\"}",
            r#"{"rules": [{"requester": "*", "target": "*", "answer": "yes"}]}"#,
            r#"{"rules": [{"requester": "*", "target": "*"}]}"#,
            r#"{"rules": [{"requester": "a.example", "target": "*", "answer": "once"}]}"#,
            r#"{"rules": [{"requester": "*", "target": "*", "answer": "once", "method": "GET"}]}"#,
        ] {
            assert!(Rules::parse(text).is_err(), "{text}");
        }
        let error = Rules::parse(
            "{\"rules\": [\n  {\"requester\": \"*\", \"target\": \"?\", \"answer\": \"once\"}]}",
        );
        assert_eq!(error.map_err(|error| error.line), Err(2));
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,64}") {
            let _ = Rules::parse(&text);
            let _ = RulePattern::parse(&text);
        }
    }
}
