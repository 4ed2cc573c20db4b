//! What a browser needs from the place it is shown in.

use std::rc::Rc;

use servo::{ConsoleLogLevel, RenderingContext, ScreenGeometry};

/// A window, or what stands in its place when there is none.
pub trait Front {
    /// What all tabs draw into. There is one, because each makes Servo start a renderer of its own.
    fn rendering_context(&self) -> Rc<dyn RenderingContext>;

    /// Device pixels for each CSS pixel at a zoom of 100 %.
    fn scale_factor(&self) -> f32;

    /// The screen and the window on it, for what pages may ask.
    fn screen_geometry(&self) -> ScreenGeometry;

    /// Whether the system prefers a dark appearance.
    fn prefers_dark(&self) -> bool;

    /// Whether a person can answer here. If not, dialogs get their safe default at once and popups open without a
    /// click, because programs drive the page.
    fn is_interactive(&self) -> bool;

    /// Whether tabs in the background stop drawing. They share one picture with the front one.
    fn hides_background_tabs(&self) -> bool;

    /// Something to draw has changed.
    fn request_redraw(&self);

    /// A page, or Servo on its behalf, wrote this to its console. It is as long as the page made it.
    fn console_message(&self, level: &ConsoleLogLevel, text: &str);
}
