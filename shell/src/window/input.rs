//! What happens to a window, in the words of the web platform: winit's events become Servo's.
//!
//! winit names keys as [UI Events](https://w3c.github.io/uievents-key/) does, with few exceptions, so names are matched
//! as text and only the exceptions are written down.

use servo::{
    Code, CompositionEvent, CompositionState, DevicePoint, ImeEvent, InputEvent, Key, KeyState,
    KeyboardEvent, Location, Modifiers, MouseButton, NamedKey, TouchEvent, TouchEventType, TouchId,
    TouchPointerType, WebViewPoint, WheelDelta, WheelEvent, WheelMode,
};
use winit::event::{ElementState, Ime, KeyEvent, MouseScrollDelta, Touch, TouchPhase};
use winit::keyboard::{self, KeyCode, KeyLocation, ModifiersState, PhysicalKey};

/// CSS pixels for each line that a wheel turns by.
const LINE_HEIGHT: f64 = 40.0;

/// A point of the page area, in device pixels.
pub fn page_point(x: f64, y: f64) -> WebViewPoint {
    DevicePoint::new(x as f32, y as f32).into()
}

/// A key that went down or up.
pub fn keyboard_event(event: &KeyEvent, modifiers: ModifiersState) -> InputEvent {
    let state = match event.state {
        ElementState::Pressed => KeyState::Down,
        ElementState::Released => KeyState::Up,
    };
    InputEvent::Keyboard(KeyboardEvent::new_without_event(
        state,
        key(&event.logical_key),
        code(event.physical_key),
        location(event.location),
        self::modifiers(modifiers),
        event.repeat,
        false,
    ))
}

/// <https://w3c.github.io/uievents/#dom-keyboardevent-key>
pub fn key(key: &keyboard::Key) -> Key {
    match key {
        keyboard::Key::Character(text) => Key::Character(text.to_string()),
        keyboard::Key::Named(keyboard::NamedKey::Space) => Key::Character(" ".to_owned()),
        keyboard::Key::Named(keyboard::NamedKey::Super) => Key::Named(NamedKey::Meta),
        keyboard::Key::Named(named) => Key::Named(
            format!("{named:?}")
                .parse()
                .unwrap_or(NamedKey::Unidentified),
        ),
        keyboard::Key::Dead(_) => Key::Named(NamedKey::Dead),
        keyboard::Key::Unidentified(_) => Key::Named(NamedKey::Unidentified),
    }
}

/// <https://w3c.github.io/uievents/#dom-keyboardevent-code>
pub fn code(key: PhysicalKey) -> Code {
    match key {
        PhysicalKey::Code(KeyCode::SuperLeft | KeyCode::Meta) => Code::MetaLeft,
        PhysicalKey::Code(KeyCode::SuperRight) => Code::MetaRight,
        PhysicalKey::Code(code) => format!("{code:?}").parse().unwrap_or(Code::Unidentified),
        PhysicalKey::Unidentified(_) => Code::Unidentified,
    }
}

fn location(location: KeyLocation) -> Location {
    match location {
        KeyLocation::Standard => Location::Standard,
        KeyLocation::Left => Location::Left,
        KeyLocation::Right => Location::Right,
        KeyLocation::Numpad => Location::Numpad,
    }
}

/// The modifier keys that are held.
pub fn modifiers(state: ModifiersState) -> Modifiers {
    let mut modifiers = Modifiers::empty();
    modifiers.set(Modifiers::CONTROL, state.control_key());
    modifiers.set(Modifiers::SHIFT, state.shift_key());
    modifiers.set(Modifiers::ALT, state.alt_key());
    modifiers.set(Modifiers::META, state.super_key());
    modifiers
}

/// <https://w3c.github.io/pointerevents/#the-button-property>
pub fn mouse_button(button: winit::event::MouseButton) -> MouseButton {
    match button {
        winit::event::MouseButton::Left => MouseButton::Primary,
        winit::event::MouseButton::Right => MouseButton::Secondary,
        winit::event::MouseButton::Middle => MouseButton::Auxiliary,
        winit::event::MouseButton::Back => MouseButton::Back,
        winit::event::MouseButton::Forward => MouseButton::Forward,
        winit::event::MouseButton::Other(number) => MouseButton::Other(number),
    }
}

/// A turn of the wheel, or two fingers on a touchpad. With Shift, the wheel scrolls sideways.
pub fn wheel_event(
    delta: MouseScrollDelta,
    modifiers: ModifiersState,
    scale_factor: f64,
    point: WebViewPoint,
) -> InputEvent {
    let (mut x, mut y) = match delta {
        MouseScrollDelta::LineDelta(x, y) => {
            let line = LINE_HEIGHT * scale_factor;
            (f64::from(x) * line, f64::from(y) * line)
        },
        MouseScrollDelta::PixelDelta(pixels) => (pixels.x, pixels.y),
    };
    if modifiers.shift_key() && x == 0.0 {
        (x, y) = (y, 0.0);
    }
    // NB: Servo scrolls by this number of device pixels whatever the mode says.
    let delta = WheelDelta {
        x,
        y,
        z: 0.0,
        mode: WheelMode::DeltaPixel,
    };
    InputEvent::Wheel(WheelEvent::new(delta, point))
}

/// A finger on the screen.
pub fn touch_event(touch: &Touch, point: WebViewPoint) -> InputEvent {
    let kind = match touch.phase {
        TouchPhase::Started => TouchEventType::Down,
        TouchPhase::Moved => TouchEventType::Move,
        TouchPhase::Ended => TouchEventType::Up,
        TouchPhase::Cancelled => TouchEventType::Cancel,
    };
    // Identifiers only have to differ among the fingers that are down.
    let id = TouchId((touch.id & i32::MAX as u64) as i32);
    InputEvent::Touch(TouchEvent::new(kind, id, point, TouchPointerType::Touch))
}

/// The state of an input method between its events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Composition {
    is_active: bool,
}

impl Composition {
    /// What an event of the input method means for the page: a composition starts, changes or ends.
    /// <https://w3c.github.io/uievents/#events-compositionevents>
    pub fn events(&mut self, event: &Ime) -> Vec<InputEvent> {
        match event {
            Ime::Enabled => Vec::new(),
            Ime::Preedit(text, _) if text.is_empty() => {
                if std::mem::take(&mut self.is_active) {
                    vec![composition(CompositionState::End, "")]
                } else {
                    Vec::new()
                }
            },
            Ime::Preedit(text, _) => {
                let mut events = self.start();
                events.push(composition(CompositionState::Update, text));
                events
            },
            Ime::Commit(text) => {
                let mut events = self.start();
                self.is_active = false;
                events.push(composition(CompositionState::End, text));
                events
            },
            Ime::Disabled => {
                self.is_active = false;
                vec![InputEvent::Ime(ImeEvent::Dismissed)]
            },
        }
    }

    fn start(&mut self) -> Vec<InputEvent> {
        if std::mem::replace(&mut self.is_active, true) {
            Vec::new()
        } else {
            vec![composition(CompositionState::Start, "")]
        }
    }
}

fn composition(state: CompositionState, data: &str) -> InputEvent {
    InputEvent::Ime(ImeEvent::Composition(CompositionEvent {
        state,
        data: data.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use winit::dpi::PhysicalPosition;
    use winit::keyboard::{NativeKey, SmolStr};

    use super::*;

    #[test]
    fn keys() {
        use keyboard::NamedKey as Winit;
        for (given, expected) in [
            (
                keyboard::Key::Character(SmolStr::new("ä")),
                Key::Character("ä".to_owned()),
            ),
            (
                keyboard::Key::Named(Winit::Space),
                Key::Character(" ".to_owned()),
            ),
            (
                keyboard::Key::Named(Winit::Enter),
                Key::Named(NamedKey::Enter),
            ),
            (
                keyboard::Key::Named(Winit::ArrowLeft),
                Key::Named(NamedKey::ArrowLeft),
            ),
            (
                keyboard::Key::Named(Winit::Super),
                Key::Named(NamedKey::Meta),
            ),
            (keyboard::Key::Named(Winit::F12), Key::Named(NamedKey::F12)),
            (
                keyboard::Key::Named(Winit::PageDown),
                Key::Named(NamedKey::PageDown),
            ),
            (
                keyboard::Key::Named(Winit::AudioVolumeUp),
                Key::Named(NamedKey::AudioVolumeUp),
            ),
            (keyboard::Key::Dead(Some('´')), Key::Named(NamedKey::Dead)),
            (
                keyboard::Key::Unidentified(NativeKey::Unidentified),
                Key::Named(NamedKey::Unidentified),
            ),
        ] {
            assert_eq!(key(&given), expected, "{given:?}");
        }
    }

    #[test]
    fn codes() {
        for (given, expected) in [
            (KeyCode::KeyA, Code::KeyA),
            (KeyCode::Digit0, Code::Digit0),
            (KeyCode::Numpad7, Code::Numpad7),
            (KeyCode::NumpadEnter, Code::NumpadEnter),
            (KeyCode::SuperLeft, Code::MetaLeft),
            (KeyCode::SuperRight, Code::MetaRight),
            (KeyCode::IntlBackslash, Code::IntlBackslash),
            (KeyCode::ControlRight, Code::ControlRight),
            (KeyCode::F24, Code::F24),
        ] {
            assert_eq!(code(PhysicalKey::Code(given)), expected, "{given:?}");
        }
    }

    #[test]
    fn mouse_buttons() {
        use winit::event::MouseButton as Winit;
        for (given, expected) in [
            (Winit::Left, MouseButton::Primary),
            (Winit::Middle, MouseButton::Auxiliary),
            (Winit::Right, MouseButton::Secondary),
            (Winit::Back, MouseButton::Back),
            (Winit::Forward, MouseButton::Forward),
            (Winit::Other(9), MouseButton::Other(9)),
        ] {
            assert_eq!(mouse_button(given), expected);
        }
    }

    #[test]
    fn wheels() {
        let none = ModifiersState::empty();
        let pixels = |x, y| MouseScrollDelta::PixelDelta(PhysicalPosition::new(x, y));
        for (delta, modifiers, scale, expected) in [
            (
                MouseScrollDelta::LineDelta(0.0, -1.0),
                none,
                1.0,
                (0.0, -40.0),
            ),
            (
                MouseScrollDelta::LineDelta(0.0, -1.0),
                none,
                2.0,
                (0.0, -80.0),
            ),
            (
                MouseScrollDelta::LineDelta(0.0, 1.0),
                ModifiersState::SHIFT,
                1.0,
                (40.0, 0.0),
            ),
            (pixels(3.0, 5.0), none, 2.0, (3.0, 5.0)),
            (pixels(3.0, 5.0), ModifiersState::SHIFT, 2.0, (3.0, 5.0)),
        ] {
            let InputEvent::Wheel(event) =
                wheel_event(delta, modifiers, scale, page_point(1.0, 2.0))
            else {
                panic!("a wheel event");
            };
            assert_eq!((event.delta.x, event.delta.y), expected);
        }
    }

    #[test]
    fn held_modifiers() {
        assert_eq!(modifiers(ModifiersState::empty()), Modifiers::empty());
        assert_eq!(
            modifiers(ModifiersState::CONTROL | ModifiersState::SUPER),
            Modifiers::CONTROL | Modifiers::META,
        );
    }

    #[test]
    fn compositions_start_and_end_once() {
        fn states(events: &[InputEvent]) -> Vec<CompositionState> {
            events
                .iter()
                .filter_map(|event| match event {
                    InputEvent::Ime(ImeEvent::Composition(event)) => Some(event.state),
                    _ => None,
                })
                .collect()
        }
        let mut composition = Composition::default();
        assert_eq!(states(&composition.events(&Ime::Enabled)), []);
        assert_eq!(
            states(&composition.events(&Ime::Preedit("に".into(), None))),
            [CompositionState::Start, CompositionState::Update],
        );
        assert_eq!(
            states(&composition.events(&Ime::Preedit("にほ".into(), None))),
            [CompositionState::Update],
        );
        assert_eq!(
            states(&composition.events(&Ime::Commit("日本".into()))),
            [CompositionState::End]
        );
        // Text that comes without a composition is one of its own.
        assert_eq!(
            states(&composition.events(&Ime::Commit("!".into()))),
            [CompositionState::Start, CompositionState::End],
        );
        // A composition that is given up ends empty.
        composition.events(&Ime::Preedit("x".into(), None));
        assert_eq!(
            states(&composition.events(&Ime::Preedit(String::new(), None))),
            [CompositionState::End],
        );
        assert_eq!(
            states(&composition.events(&Ime::Preedit(String::new(), None))),
            []
        );
    }
}
