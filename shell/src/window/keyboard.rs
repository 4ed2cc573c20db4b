//! The keyboard: the browser's shortcuts first, then the page or the interface.

use winit::event::{ElementState, Ime, KeyEvent};
use winit::keyboard::{Key, NamedKey};
use winit::platform::modifier_supplement::KeyEventExtModifierSupplement;
use winit::window::Fullscreen;

use super::app::BrowserWindow;
use super::input;
use super::shortcuts::{Shortcut, shortcut};
use crate::browser::command::Command;
use crate::browser::front::Front;

impl BrowserWindow {
    /// The keyboard goes to the page: no widget of the interface has it, or gets it in the next frame.
    pub(super) fn page_has_keyboard(&self) -> bool {
        self.page_target().takes_input
            && !self.interface.toolbar.focus_address
            && self.context.memory(|memory| memory.focused().is_none())
    }

    pub(super) fn focus_page(&mut self) {
        self.context.memory_mut(|memory| {
            if let Some(focused) = memory.focused() {
                memory.surrender_focus(focused);
            }
        });
        self.interface.toolbar.focus_address = false;
    }

    /// Does what a shortcut says. Returns whether the key was one.
    pub(super) fn shortcut(&mut self, event: &KeyEvent) -> bool {
        if event.state != ElementState::Pressed {
            return false;
        }
        let Some(shortcut) = shortcut(&event.key_without_modifiers(), self.modifiers)
            .or_else(|| shortcut(&event.logical_key, self.modifiers))
        else {
            return false;
        };
        match shortcut {
            Shortcut::Command(Command::NewTab) => {
                self.browser.apply(Command::NewTab);
                self.interface.toolbar.focus_address = true;
            },
            Shortcut::Command(command) => self.browser.apply(command),
            Shortcut::CloseTab => {
                if let Some(key) = self.browser.selected_tab().map(|tab| tab.key) {
                    self.browser.apply(Command::CloseTab(key));
                }
            },
            Shortcut::FocusAddress => self.interface.toolbar.focus_address = true,
            Shortcut::NextRegion => {
                if self.page_has_keyboard() {
                    self.interface.toolbar.focus_address = true;
                } else {
                    self.focus_page();
                }
            },
            Shortcut::ToggleFullscreen => self.toggle_fullscreen(),
        }
        self.surface.request_redraw();
        true
    }

    pub(super) fn toggle_fullscreen(&mut self) {
        if self.selected().is_some_and(|state| state.is_fullscreen) {
            self.browser.apply(Command::LeaveFullscreen);
        }
        let is_fullscreen = self.surface.window.fullscreen().is_some();
        self.surface
            .window
            .set_fullscreen((!is_fullscreen).then_some(Fullscreen::Borderless(None)));
    }

    /// Hands a key to the page if it has the keyboard. Returns whether it has.
    pub(super) fn page_key(&mut self, event: &KeyEvent) -> bool {
        if !self.page_has_keyboard() {
            return false;
        }
        let is_escape = event.logical_key == Key::Named(NamedKey::Escape);
        if is_escape && event.state == ElementState::Pressed {
            if self
                .selected()
                .is_some_and(|state| !state.dialogs.is_empty())
            {
                // A list or menu that is open takes it.
                return false;
            }
            if self.selected().is_some_and(|state| state.is_fullscreen) {
                self.browser.apply(Command::LeaveFullscreen);
            }
            if self.selected().is_some_and(|state| state.is_loading()) {
                self.browser.apply(Command::Stop);
            }
        }
        self.browser
            .page_input(input::keyboard_event(event, self.modifiers));
        true
    }

    pub(super) fn page_ime(&mut self, ime: &Ime) {
        for event in self.composition.events(ime) {
            self.browser.page_input(event);
        }
    }
}
