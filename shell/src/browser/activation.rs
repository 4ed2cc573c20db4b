//! Which input counts as something that the person did in a page.

use servo::{InputEvent, KeyState, MouseButtonAction, TouchEventType};

/// Whether an event is an [activation triggering input
/// event](https://html.spec.whatwg.org/multipage/interaction.html#activation-triggering-input-event).
pub(super) fn is_activation(event: &InputEvent) -> bool {
    match event {
        InputEvent::MouseButton(event) => event.action == MouseButtonAction::Down,
        InputEvent::Touch(event) => matches!(event.event_type, TouchEventType::Up),
        InputEvent::Keyboard(event) => {
            event.event.state == KeyState::Down
                && event.event.key != servo::Key::Named(servo::NamedKey::Escape)
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use servo::{
        DevicePoint, Key, KeyboardEvent, MouseButton, MouseButtonEvent, MouseMoveEvent, NamedKey,
    };

    use super::*;

    #[test]
    fn activation() {
        let point = DevicePoint::new(1.0, 1.0).into();
        let key = |state, key| InputEvent::Keyboard(KeyboardEvent::from_state_and_key(state, key));
        for (event, expected) in [
            (
                InputEvent::MouseButton(MouseButtonEvent::new(
                    MouseButtonAction::Down,
                    MouseButton::Primary,
                    point,
                )),
                true,
            ),
            (
                InputEvent::MouseButton(MouseButtonEvent::new(
                    MouseButtonAction::Up,
                    MouseButton::Primary,
                    point,
                )),
                false,
            ),
            (InputEvent::MouseMove(MouseMoveEvent::new(point)), false),
            (key(KeyState::Down, Key::Character("a".to_owned())), true),
            (key(KeyState::Up, Key::Character("a".to_owned())), false),
            (key(KeyState::Down, Key::Named(NamedKey::Escape)), false),
        ] {
            assert_eq!(is_activation(&event), expected, "{event:?}");
        }
    }
}
