//! Who gets what happens to the window: the interface, the page, or both.
//!
//! The page has the keyboard unless a widget of the interface has it, and a click into the page takes it back, so that the
//! caret is never left behind in the address bar. The page has the pointer where nothing of the interface covers it, and
//! keeps it while a button that went down in it is held.

use egui::{Context, Order, Pos2, Rect};
use servo::{
    InputEvent, MouseButtonAction, MouseButtonEvent, MouseLeftViewportEvent, MouseMoveEvent,
    WebViewPoint,
};
use winit::dpi::PhysicalPosition;
use winit::event::{ElementState, MouseButton};

use super::input;

/// Where the page is and whether it takes input.
#[derive(Clone, Copy, Debug)]
pub struct PageTarget {
    /// Where it is, in points.
    pub rect: Rect,
    /// Whether it takes input: it is shown, and no dialog stands before it.
    pub takes_input: bool,
}

/// What is known of the pointer between events.
#[derive(Debug, Default)]
pub struct Pointer {
    position: PhysicalPosition<f64>,
    held_in_page: Vec<MouseButton>,
    was_in_page: bool,
}

impl Pointer {
    /// The point of the page under the pointer.
    pub fn page_point(&self, context: &Context, page: PageTarget) -> WebViewPoint {
        point(context, page, self.position)
    }

    /// Whether the page gets what the pointer does.
    pub fn is_in_page(&self, context: &Context, page: PageTarget) -> bool {
        page.takes_input && (!self.held_in_page.is_empty() || covers(context, page, self.position))
    }

    /// The pointer moved.
    pub fn moved(
        &mut self,
        position: PhysicalPosition<f64>,
        context: &Context,
        page: PageTarget,
    ) -> Option<InputEvent> {
        self.position = position;
        if self.is_in_page(context, page) {
            self.was_in_page = true;
            Some(InputEvent::MouseMove(MouseMoveEvent::new(
                self.page_point(context, page),
            )))
        } else {
            self.left()
        }
    }

    /// The pointer is not over the page any more.
    pub fn left(&mut self) -> Option<InputEvent> {
        std::mem::take(&mut self.was_in_page)
            .then(|| InputEvent::MouseLeftViewport(MouseLeftViewportEvent::default()))
    }

    /// A button went down or up.
    pub fn button(
        &mut self,
        state: ElementState,
        button: MouseButton,
        context: &Context,
        page: PageTarget,
    ) -> Option<InputEvent> {
        let in_page = self.is_in_page(context, page);
        let action = match state {
            ElementState::Pressed if in_page => {
                self.held_in_page.push(button);
                MouseButtonAction::Down
            },
            ElementState::Released if self.held_in_page.contains(&button) => {
                self.held_in_page.retain(|held| *held != button);
                MouseButtonAction::Up
            },
            _ => return None,
        };
        let point = self.page_point(context, page);
        Some(InputEvent::MouseButton(MouseButtonEvent::new(
            action,
            input::mouse_button(button),
            point,
        )))
    }

    /// The window lost the focus: no button counts as held.
    pub fn release_all(&mut self) {
        self.held_in_page.clear();
    }
}

/// The point of the page at a place of the window.
pub fn point(context: &Context, page: PageTarget, position: PhysicalPosition<f64>) -> WebViewPoint {
    let scale = f64::from(context.pixels_per_point());
    let origin = |points: f32| (f64::from(points) * scale).round();
    input::page_point(
        position.x - origin(page.rect.min.x),
        position.y - origin(page.rect.min.y),
    )
}

/// Whether the page is what a person sees at a place of the window.
pub fn covers(context: &Context, page: PageTarget, position: PhysicalPosition<f64>) -> bool {
    let scale = f64::from(context.pixels_per_point());
    let position = Pos2::new((position.x / scale) as f32, (position.y / scale) as f32);
    page.rect.contains(position)
        && context
            .layer_id_at(position)
            .is_none_or(|layer| layer.order == Order::Background)
}

#[cfg(test)]
mod tests {
    use egui::pos2;

    use super::*;

    fn page() -> PageTarget {
        PageTarget {
            rect: Rect::from_min_max(pos2(0.0, 100.0), pos2(400.0, 300.0)),
            takes_input: true,
        }
    }

    fn at(x: f64, y: f64) -> PhysicalPosition<f64> {
        PhysicalPosition::new(x, y)
    }

    #[test]
    fn a_button_that_went_down_in_the_page_comes_up_in_it() {
        let context = Context::default();
        let mut pointer = Pointer::default();
        assert!(matches!(
            pointer.moved(at(10.0, 150.0), &context, page()),
            Some(InputEvent::MouseMove(_))
        ));
        let down = pointer.button(ElementState::Pressed, MouseButton::Left, &context, page());
        assert!(
            matches!(down, Some(InputEvent::MouseButton(event)) if event.action == MouseButtonAction::Down)
        );
        // Outside of the page, while it is held, the page goes on hearing of it.
        assert!(matches!(
            pointer.moved(at(10.0, 20.0), &context, page()),
            Some(InputEvent::MouseMove(_))
        ));
        let up = pointer.button(ElementState::Released, MouseButton::Left, &context, page());
        assert!(
            matches!(up, Some(InputEvent::MouseButton(event)) if event.action == MouseButtonAction::Up)
        );
        assert!(matches!(
            pointer.moved(at(10.0, 21.0), &context, page()),
            Some(InputEvent::MouseLeftViewport(_))
        ));
        assert!(pointer.moved(at(10.0, 22.0), &context, page()).is_none());
    }

    #[test]
    fn clicks_into_the_interface_stay_there() {
        let context = Context::default();
        let mut pointer = Pointer::default();
        pointer.moved(at(10.0, 20.0), &context, page());
        assert!(
            pointer
                .button(ElementState::Pressed, MouseButton::Left, &context, page())
                .is_none()
        );
        pointer.moved(at(10.0, 150.0), &context, page());
        assert!(
            pointer
                .button(ElementState::Released, MouseButton::Left, &context, page())
                .is_none()
        );
    }

    #[test]
    fn a_page_behind_a_dialog_hears_nothing() {
        let context = Context::default();
        let mut pointer = Pointer::default();
        let page = PageTarget {
            takes_input: false,
            ..page()
        };
        assert!(pointer.moved(at(10.0, 150.0), &context, page).is_none());
        assert!(
            pointer
                .button(ElementState::Pressed, MouseButton::Left, &context, page)
                .is_none()
        );
    }

    #[test]
    fn points_are_the_pages_own() {
        let context = Context::default();
        assert_eq!(
            point(&context, page(), at(12.0, 130.0)),
            WebViewPoint::Device(servo::DevicePoint::new(12.0, 30.0)),
        );
    }
}
