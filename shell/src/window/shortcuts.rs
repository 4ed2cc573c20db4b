//! Keyboard shortcuts, as people know them from Firefox.

use winit::keyboard::{Key, ModifiersState, NamedKey};

use crate::browser::command::{Command, Zoom};

/// What a shortcut does.
#[derive(Clone, Debug, PartialEq)]
pub enum Shortcut {
    /// A command for the browser.
    Command(Command),
    /// Close the tab in front.
    CloseTab,
    /// Put the keyboard's focus into the address bar.
    FocusAddress,
    /// Move the keyboard's focus from the page to the toolbar, or back.
    NextRegion,
    /// Fill the screen with the window, or stop doing so.
    ToggleFullscreen,
}

/// The shortcut of a key that was pressed, if it has one. `key` is the key without what Shift does to it.
pub fn shortcut(key: &Key, modifiers: ModifiersState) -> Option<Shortcut> {
    let command = if cfg!(target_os = "macos") {
        ModifiersState::SUPER
    } else {
        ModifiersState::CONTROL
    };
    let has = |wanted: ModifiersState| modifiers == wanted;
    let with_shift = command | ModifiersState::SHIFT;
    let none = ModifiersState::empty();
    let shortcut = match key {
        Key::Character(text) => match text.to_lowercase().as_str() {
            "t" if has(command) => Shortcut::Command(Command::NewTab),
            "t" if has(with_shift) => Shortcut::Command(Command::ReopenTab),
            "w" if has(command) => Shortcut::CloseTab,
            "w" if has(with_shift) => Shortcut::Command(Command::Quit),
            "y" if has(with_shift) => Shortcut::Command(Command::OpenPermissions),
            "q" if has(command) => Shortcut::Command(Command::Quit),
            "l" | "k" if has(command) => Shortcut::FocusAddress,
            "d" if has(ModifiersState::ALT) => Shortcut::FocusAddress,
            "r" if has(command) || has(with_shift) => Shortcut::Command(Command::Reload),
            "+" | "=" if has(command) || has(with_shift) => {
                Shortcut::Command(Command::Zoom(Zoom::In))
            },
            "-" | "_" if has(command) || has(with_shift) => {
                Shortcut::Command(Command::Zoom(Zoom::Out))
            },
            "0" if has(command) => Shortcut::Command(Command::Zoom(Zoom::Reset)),
            "9" if has(command) => Shortcut::Command(Command::SelectLastTab),
            digit if has(command) => {
                let number: usize = digit
                    .parse()
                    .ok()
                    .filter(|number| (1..=8).contains(number))?;
                Shortcut::Command(Command::SelectTabAt(number - 1))
            },
            _ => return None,
        },
        Key::Named(NamedKey::Tab | NamedKey::PageDown) if has(ModifiersState::CONTROL) => {
            Shortcut::Command(Command::NextTab)
        },
        Key::Named(NamedKey::Tab) if has(ModifiersState::CONTROL | ModifiersState::SHIFT) => {
            Shortcut::Command(Command::PreviousTab)
        },
        Key::Named(NamedKey::PageUp) if has(ModifiersState::CONTROL) => {
            Shortcut::Command(Command::PreviousTab)
        },
        Key::Named(NamedKey::F4) if has(ModifiersState::CONTROL) => Shortcut::CloseTab,
        Key::Named(NamedKey::ArrowLeft) if has(ModifiersState::ALT) => {
            Shortcut::Command(Command::Back)
        },
        Key::Named(NamedKey::ArrowRight) if has(ModifiersState::ALT) => {
            Shortcut::Command(Command::Forward)
        },
        Key::Named(NamedKey::BrowserBack) => Shortcut::Command(Command::Back),
        Key::Named(NamedKey::BrowserForward) => Shortcut::Command(Command::Forward),
        Key::Named(NamedKey::F5) if has(none) || has(ModifiersState::CONTROL) => {
            Shortcut::Command(Command::Reload)
        },
        Key::Named(NamedKey::F6) if has(none) || has(ModifiersState::SHIFT) => Shortcut::NextRegion,
        Key::Named(NamedKey::F11) if has(none) => Shortcut::ToggleFullscreen,
        _ => return None,
    };
    Some(shortcut)
}

#[cfg(test)]
mod tests {
    use winit::keyboard::SmolStr;

    use super::*;

    const COMMAND: ModifiersState = if cfg!(target_os = "macos") {
        ModifiersState::SUPER
    } else {
        ModifiersState::CONTROL
    };

    fn character(text: &str, modifiers: ModifiersState) -> Option<Shortcut> {
        shortcut(&Key::Character(SmolStr::new(text)), modifiers)
    }

    fn named(key: NamedKey, modifiers: ModifiersState) -> Option<Shortcut> {
        shortcut(&Key::Named(key), modifiers)
    }

    #[test]
    fn the_known_ones() {
        let shift = COMMAND | ModifiersState::SHIFT;
        for (found, expected) in [
            (character("t", COMMAND), Shortcut::Command(Command::NewTab)),
            (character("T", shift), Shortcut::Command(Command::ReopenTab)),
            (
                character("Y", shift),
                Shortcut::Command(Command::OpenPermissions),
            ),
            (character("w", COMMAND), Shortcut::CloseTab),
            (character("l", COMMAND), Shortcut::FocusAddress),
            (character("d", ModifiersState::ALT), Shortcut::FocusAddress),
            (
                character("1", COMMAND),
                Shortcut::Command(Command::SelectTabAt(0)),
            ),
            (
                character("8", COMMAND),
                Shortcut::Command(Command::SelectTabAt(7)),
            ),
            (
                character("9", COMMAND),
                Shortcut::Command(Command::SelectLastTab),
            ),
            (
                character("0", COMMAND),
                Shortcut::Command(Command::Zoom(Zoom::Reset)),
            ),
            (
                character("+", shift),
                Shortcut::Command(Command::Zoom(Zoom::In)),
            ),
            (
                named(NamedKey::F5, ModifiersState::empty()),
                Shortcut::Command(Command::Reload),
            ),
            (
                named(NamedKey::F11, ModifiersState::empty()),
                Shortcut::ToggleFullscreen,
            ),
            (
                named(NamedKey::ArrowLeft, ModifiersState::ALT),
                Shortcut::Command(Command::Back),
            ),
            (
                named(NamedKey::Tab, ModifiersState::CONTROL),
                Shortcut::Command(Command::NextTab),
            ),
            (
                named(
                    NamedKey::Tab,
                    ModifiersState::CONTROL | ModifiersState::SHIFT,
                ),
                Shortcut::Command(Command::PreviousTab),
            ),
        ] {
            assert_eq!(found, Some(expected));
        }
    }

    #[test]
    fn what_pages_need_is_theirs() {
        for found in [
            character("t", ModifiersState::empty()),
            character("c", COMMAND),
            character("v", COMMAND),
            character("a", COMMAND),
            character("ä", COMMAND),
            character("10", COMMAND),
            named(NamedKey::Tab, ModifiersState::empty()),
            named(NamedKey::Enter, ModifiersState::empty()),
            named(NamedKey::Escape, ModifiersState::empty()),
            named(NamedKey::ArrowLeft, ModifiersState::empty()),
        ] {
            assert_eq!(found, None);
        }
    }
}
