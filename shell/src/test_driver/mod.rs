//! `--test-driver`: pages play the user of user-enabled CORS, for tests of the whole browser.
//!
//! A page gives a [`Command`] as the text of a `prompt()`, which is answered at once with `{"ok": value}` or
//! `{"error": text}`. What a command does goes the way that the window's clicks go: through the permission model, which
//! has the same say about what was in view, for how long, and what it offers. Only the clock and the network on which this
//! machine is are of the driver's making.
//!
//! **Any page can do this**, so it is never on in a window, and never with a profile that somebody uses.

mod command;
mod error;
mod execute;
mod views;

use std::collections::HashMap;

use net::embedding::Embedding;
use serde_json::json;
use servo::WebViewId;
use user_cors::{AddressSpaceOverrides, Answers, PolicyStatus, QuestionId, Settings};

use self::command::Command;
pub use self::error::DriverError;
use crate::browser::tab::TabState;

/// How the text of a prompt begins that is a command.
const PREFIX: &str = "latchkey-test-driver:";

/// What the browser was started with, to which `clear` goes back.
#[derive(Clone, Debug, Default)]
pub struct Beginning {
    /// The settings.
    pub settings: Settings,
    /// What is known about policy.
    pub policy: PolicyStatus,
    /// Which sockets count as which address space.
    pub address_spaces: AddressSpaceOverrides,
    /// Who answers.
    pub answers: Answers,
}

/// Carries out the commands of pages.
#[derive(Debug)]
pub struct TestDriver {
    beginning: Beginning,
    /// Whether there has been a command.
    is_driving: bool,
    /// What was last looked at in each tab, and has not been clicked since.
    in_view: HashMap<WebViewId, (QuestionId, u64)>,
    /// On how many networks this machine has been.
    networks: u64,
}

impl TestDriver {
    /// A driver of a browser that was started with this.
    pub fn new(beginning: Beginning) -> Self {
        Self {
            beginning,
            is_driving: false,
            in_view: HashMap::default(),
            networks: 0,
        }
    }

    /// The answer to a prompt of the tab's page: JSON. `None` if its text is no command.
    pub fn answer(
        &mut self,
        webview: WebViewId,
        tab: &mut TabState,
        message: &str,
    ) -> Option<String> {
        let text = message.strip_prefix(PREFIX)?;
        let answer = match self.run(webview, tab, text) {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": format!("{:#}", anyhow::Error::from(error)) }),
        };
        Some(answer.to_string())
    }

    fn run(
        &mut self,
        webview: WebViewId,
        tab: &mut TabState,
        text: &str,
    ) -> Result<serde_json::Value, DriverError> {
        let command = Command::parse(text)?;
        let embedding = Embedding::get().ok_or(DriverError::NotInstalled)?;
        if !self.is_driving {
            self.is_driving = true;
            // Whoever counts milliseconds can have none that pass by themselves.
            embedding.stop_clock();
            self.join_network(embedding);
        }
        self.execute(embedding, webview, tab, command)
    }
}

#[cfg(test)]
mod tests {
    use servo_base::id::TEST_WEBVIEW_ID;

    use super::*;

    fn answer(message: &str) -> Option<String> {
        let mut driver = TestDriver::new(Beginning::default());
        driver.answer(TEST_WEBVIEW_ID, &mut TabState::default(), message)
    }

    #[test]
    fn only_commands_are_answered() {
        assert_eq!(answer("What is your name?"), None);
        assert_eq!(answer(""), None);
        assert_eq!(answer(" latchkey-test-driver:{}"), None);
    }

    #[test]
    fn what_is_no_command_is_an_error() {
        for text in ["", "{", "[]", "null", r#"{"command": "format_disk"}"#] {
            let answer = answer(&format!("{PREFIX}{text}")).expect("an answer");
            assert!(answer.starts_with(r#"{"error":""#), "{text}: {answer}");
        }
    }
}
