//! `--test-driver`: pages play the user of user-enabled CORS, for tests of the whole browser.
//!
//! A page gives a [`Command`] as the text of a `prompt()`, which is answered at once with `{"ok": value}` or
//! `{"error": text}`. What a command does goes the way that the window's clicks go: through the permission model, which
//! has the same say about what was in view, for how long, and what it offers. Only the clock and the network on which this
//! machine is are of the driver's making, from the first command on that is for the model. Beside those there are two for the
//! page itself, which tests of any browser need: to click, and to see the page's cookies.
//!
//! **Any page can do this**, so it is never on in a window, and never with a profile that somebody uses.

mod command;
mod error;
mod execute;
mod views;

use std::collections::HashMap;
use std::time::Instant;

use cookie::Cookie;
use euclid::Point2D;
use net::embedding::Embedding;
use serde_json::{Value, json};
use servo::{
    CSSPixel, InputEvent, MouseButton, MouseButtonAction, MouseButtonEvent, MouseMoveEvent,
    WebViewId,
};
use url::Url;
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

/// The page that gives a command, and the browser around it.
pub struct Page<'a> {
    /// Its tab.
    pub webview: WebViewId,
    /// The tab's state.
    pub tab: &'a mut TabState,
    /// Whether the tab is the one in front.
    pub is_in_front: bool,
    /// Hands input to it.
    pub input: &'a dyn Fn(InputEvent),
    /// The cookies of an address.
    pub cookies: &'a dyn Fn(Url) -> Vec<Cookie<'static>>,
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

    /// The answer to a prompt of a page: JSON. `None` if its text is no command.
    pub fn answer(&mut self, page: Page<'_>, message: &str) -> Option<String> {
        let text = message.strip_prefix(PREFIX)?;
        let answer = match self.run(page, text) {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": format!("{:#}", anyhow::Error::from(error)) }),
        };
        Some(answer.to_string())
    }

    fn run(&mut self, page: Page<'_>, text: &str) -> Result<Value, DriverError> {
        let command = match Command::parse(text)? {
            Command::Cookies { url } => {
                let cookies = (page.cookies)(url);
                return Ok(cookies.iter().map(views::cookie).collect());
            },
            Command::Click { x, y } => {
                return click(page, Point2D::new(x, y));
            },
            command => command,
        };
        let embedding = Embedding::get().ok_or(DriverError::NotInstalled)?;
        if !self.is_driving {
            self.is_driving = true;
            // Whoever counts milliseconds can have none that pass by themselves.
            embedding.stop_clock();
            self.join_network(embedding);
        }
        self.execute(embedding, page.webview, page.tab, command)
    }
}

/// Moves the mouse to a point and presses and releases its button, as a person does.
fn click(page: Page<'_>, point: Point2D<f32, CSSPixel>) -> Result<Value, DriverError> {
    // What is in front lies over the page, and would get the click.
    if !page.is_in_front {
        return Err(DriverError::NotInFront);
    }
    page.tab.activate(Instant::now());
    if let Some(embedding) = Embedding::get() {
        embedding.user_interacted(page.webview);
    }
    let button = |action| {
        let event = MouseButtonEvent::new(action, MouseButton::Primary, point.into());
        InputEvent::MouseButton(event)
    };
    (page.input)(InputEvent::MouseMove(MouseMoveEvent::new(point.into())));
    (page.input)(button(MouseButtonAction::Down));
    (page.input)(button(MouseButtonAction::Up));
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use servo_base::id::TEST_WEBVIEW_ID;

    use super::*;

    fn answer(message: &str) -> Option<String> {
        let page = Page {
            webview: TEST_WEBVIEW_ID,
            tab: &mut TabState::default(),
            is_in_front: true,
            input: &|event| panic!("{event:?}"),
            cookies: &|url| panic!("{url}"),
        };
        TestDriver::new(Beginning::default()).answer(page, message)
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

    #[test]
    fn cookies_are_told_of_the_address_that_is_asked_about() {
        let page = Page {
            webview: TEST_WEBVIEW_ID,
            tab: &mut TabState::default(),
            is_in_front: true,
            input: &|event| panic!("{event:?}"),
            cookies: &|url| vec![Cookie::build(("at", url.path().to_owned())).build()],
        };
        let command = format!(r#"{PREFIX}{{"command":"cookies","url":"https://a.example/b"}}"#);
        let answer = TestDriver::new(Beginning::default()).answer(page, &command);
        let answer: Value = serde_json::from_str(&answer.expect("an answer")).expect("JSON");
        assert_eq!(answer["ok"][0]["name"], "at");
        assert_eq!(answer["ok"][0]["value"], "/b");
    }

    #[test]
    fn a_click_is_input_of_the_person() {
        let mut tab = TabState::default();
        let events = RefCell::new(Vec::new());
        let page = Page {
            webview: TEST_WEBVIEW_ID,
            tab: &mut tab,
            is_in_front: true,
            input: &|event| events.borrow_mut().push(event),
            cookies: &|url| panic!("{url}"),
        };
        let command = format!(r#"{PREFIX}{{"command":"click","x":10,"y":2.5}}"#);
        let answer = TestDriver::new(Beginning::default()).answer(page, &command);
        assert_eq!(answer.as_deref(), Some(r#"{"ok":null}"#));
        let events = events.into_inner();
        let point = Some(Point2D::<f32, CSSPixel>::new(10.0, 2.5).into());
        assert!(
            events.iter().all(|event| event.point() == point),
            "{events:?}"
        );
        assert!(
            matches!(
                events.as_slice(),
                [
                    InputEvent::MouseMove(_),
                    InputEvent::MouseButton(MouseButtonEvent {
                        action: MouseButtonAction::Down,
                        ..
                    }),
                    InputEvent::MouseButton(MouseButtonEvent {
                        action: MouseButtonAction::Up,
                        ..
                    }),
                ]
            ),
            "{events:?}"
        );
        assert!(tab.consume_activation(Instant::now()));
    }

    #[test]
    fn nobody_clicks_in_a_tab_behind_another() {
        let mut tab = TabState::default();
        let page = Page {
            webview: TEST_WEBVIEW_ID,
            tab: &mut tab,
            is_in_front: false,
            input: &|event| panic!("{event:?}"),
            cookies: &|url| panic!("{url}"),
        };
        let command = format!(r#"{PREFIX}{{"command":"click","x":10,"y":2.5}}"#);
        let answer = TestDriver::new(Beginning::default()).answer(page, &command);
        let answer = answer.expect("an answer");
        assert!(answer.contains("not in front"), "{answer}");
        assert!(!tab.consume_activation(Instant::now()));
    }
}
