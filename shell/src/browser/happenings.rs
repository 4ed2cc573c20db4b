//! What Servo told becomes state.

use std::rc::Rc;
use std::time::Instant;

use net::embedding::Embedding;
use servo::{CookieSource, EmbedderControl, SimpleDialog, WebView, WebViewId};
use url::Url;

use super::delegate::{Delegate, Happening};
use super::dialog::{Dialog, DialogId};
use super::tab::{ConsoleMessage, InputMethod, LoadProgress, Notice, Tab, TabState};
use super::{Browser, MAX_TABS, prompts};
use crate::test_driver::Page;

/// How many turns script has for leaving the full screen. A page whose element has left the document says that it fills the
/// screen, and does not.
const LEAVE_TURNS: u8 = 20;

/// In every how many of them it is told to: that it has left is known a turn or two later, and to leave twice is an error
/// that its page hears of.
const LEAVE_EVERY: u8 = 4;

/// Tells a page to leave the full screen, so that it does not stand beside a question.
pub(super) fn leave_fullscreen(delegate: &Rc<Delegate>, webview: &WebView, state: &mut TabState) {
    if !state.is_leaving_fullscreen {
        state.is_leaving_fullscreen = true;
        let_script_have_a_turn(delegate, webview, LEAVE_TURNS);
    }
}

/// NB: script says that an element fills the screen a turn before the element does, and to leave until then is an error as
/// well.
fn let_script_have_a_turn(delegate: &Rc<Delegate>, webview: &WebView, turns_left: u8) {
    let (delegate, id) = (delegate.clone(), webview.id());
    webview.evaluate_javascript("0", move |_| {
        delegate.push_of(id, Happening::MayLeaveFullscreen { turns_left });
    });
}

impl Browser {
    pub(super) fn servo_happening(&mut self, happening: Happening) {
        match happening {
            Happening::Console(level, text) => {
                self.front.console_message(&level, &text);
            },
            Happening::DevtoolsStarted { port } => {
                eprintln!("Developer tools can connect to 127.0.0.1:{port}.");
            },
            // The person asked for the developer tools on the command line, and they listen on loopback only.
            Happening::DevtoolsConnection(request) => request.allow(),
            Happening::Error(error) => log::error!("Servo: {error:?}"),
            _ => {},
        }
    }

    pub(super) fn page_happening(&mut self, webview: WebViewId, happening: Happening) {
        let Some(index) = self.tabs.iter().position(|tab| tab.webview.id() == webview) else {
            return;
        };
        let id = DialogId(self.next_id());
        let is_selected = index == self.selected;
        let is_interactive = self.front.is_interactive();
        let Tab {
            key,
            state,
            webview,
        } = &mut self.tabs[index];
        let happening = match (happening, &mut self.test_driver) {
            (
                Happening::ShowControl(EmbedderControl::SimpleDialog(SimpleDialog::Prompt(
                    mut prompt,
                ))),
                Some(driver),
            ) => {
                let page = Page {
                    webview: webview.id(),
                    tab: state,
                    is_in_front: is_selected,
                    input: &|event| {
                        webview.notify_input_event(event);
                    },
                    cookies: &|url| {
                        let site_data = self.servo.site_data_manager();
                        site_data.cookies_for_url(url, CookieSource::HTTP)
                    },
                };
                if let Some(answer) = driver.answer(page, prompt.message()) {
                    prompt.set_current_value(&answer);
                    prompt.confirm();
                    state.questions = prompts::questions(webview.id());
                    return;
                }
                Happening::ShowControl(EmbedderControl::SimpleDialog(SimpleDialog::Prompt(prompt)))
            },
            (happening, _) => happening,
        };
        match happening {
            Happening::Url(url) => {
                // An icon says whose page this is, so it must not outlive the page.
                if state.url.as_ref().map(Url::origin) != Some(url.origin()) {
                    state.favicon = None;
                }
                state.url = Some(url);
                state.awaits_document = false;
            },
            Happening::Title(title) => state.set_title(title),
            Happening::Status(status) => state.set_status(status),
            Happening::Load(status) => {
                state.awaits_document = false;
                state.load = status.into();
                if state.load == LoadProgress::Started {
                    state.begin_navigation();
                    // What it says is of the page before.
                    self.site_panel.take_if(|(of, _)| of == key);
                }
            },
            Happening::Cursor(cursor) => state.cursor = Some(cursor),
            Happening::Favicon(favicon) => state.favicon = Some(favicon),
            Happening::FrameReady => {
                if is_selected || !self.front.hides_background_tabs() {
                    self.needs_paint = true;
                }
            },
            Happening::History { entries, current } => {
                if let Some(embedding) = Embedding::get() {
                    embedding.session_history_changed(webview.id(), &entries, current);
                }
                state.can_go_back = current > 0;
                state.can_go_forward = current + 1 < entries.len();
            },
            Happening::Closed => return self.close(index),
            Happening::Crashed { reason } => {
                state.begin_navigation();
                state.load = LoadProgress::Idle;
                state.crash = Some(reason);
            },
            Happening::Fullscreen(is_fullscreen) => {
                state.is_fullscreen = is_fullscreen;
                // Not beside a question, as one that comes later ends it.
                if is_fullscreen && !state.questions.is_empty() {
                    leave_fullscreen(&self.delegate, webview, state);
                }
            },
            Happening::MayLeaveFullscreen { turns_left } => {
                if turns_left > 0 && state.is_fullscreen && !state.questions.is_empty() {
                    if turns_left.is_multiple_of(LEAVE_EVERY) {
                        webview.exit_fullscreen();
                    }
                    let_script_have_a_turn(&self.delegate, webview, turns_left - 1);
                } else {
                    state.is_leaving_fullscreen = false;
                }
                return;
            },
            Happening::Popup(request) => {
                if is_interactive && !state.consume_activation(Instant::now()) {
                    state.notice = Some(Notice::PopupBlocked);
                } else if self.tabs.len() < MAX_TABS {
                    return self.open_popup(request);
                }
            },
            Happening::Permission(request) if is_interactive => {
                state.push_dialog(Dialog::from_permission(id, request));
            },
            Happening::Authentication(request) if is_interactive => {
                state.push_dialog(Dialog::from_authentication(id, request));
            },
            Happening::ShowControl(EmbedderControl::InputMethod(control)) => {
                state.input_method = Some(InputMethod {
                    control: control.id(),
                    position: control.position(),
                    is_password: matches!(
                        control.input_method_type(),
                        servo::InputMethodType::Password
                    ),
                });
            },
            Happening::ShowControl(control) if is_interactive => {
                if let Some(dialog) = Dialog::from_control(id, control) {
                    state.push_dialog(dialog);
                }
            },
            Happening::HideControl(control) => {
                state.dialogs.retain(|dialog| !dialog.is_control(control));
                if state
                    .input_method
                    .is_some_and(|field| field.control == control)
                {
                    state.input_method = None;
                }
            },
            Happening::Console(level, text) => {
                self.front.console_message(&level, &text);
                state.push_console_message(ConsoleMessage::new(level, text));
                // A console that nobody shows needs no drawing.
                return;
            },
            // Dropped without anybody to ask, these get their safe default.
            Happening::Permission(_) | Happening::Authentication(_) | Happening::ShowControl(_) => {
            },
            Happening::DevtoolsStarted { .. }
            | Happening::DevtoolsConnection(_)
            | Happening::Error(_) => {},
        }
        self.front.request_redraw();
    }
}
