//! The window and what is drawn into it: one rendering context for the window, and one inside of it for all pages.

use std::cell::Cell;
use std::rc::Rc;

use anyhow::{Context as _, anyhow};
use raw_window_handle::{HasDisplayHandle, HasWindowHandle};
use servo::{
    ConsoleLogLevel, DeviceIntPoint, DeviceIntRect, DeviceIntSize, OffscreenRenderingContext,
    RenderingContext, ScreenGeometry, WindowRenderingContext,
};
use winit::dpi::PhysicalSize;
use winit::event_loop::ActiveEventLoop;
use winit::window::{Theme, Window};

use crate::browser::front::Front;
use crate::browser::tab::ConsoleMessage;
use crate::cli::Arguments;
use crate::ui::theme::{TAB_BAR_HEIGHT, TOOLBAR_HEIGHT};

/// The smallest window, in CSS pixels.
const MIN_SIZE: (f32, f32) = (360.0, 240.0);

/// A window that a person looks at. The contexts go before the window does.
pub struct Surface {
    /// What pages are drawn into.
    pub page_context: Rc<OffscreenRenderingContext>,
    /// What everything is drawn into.
    pub window_context: Rc<WindowRenderingContext>,
    /// The window.
    pub window: Window,
    device_pixel_ratio: Option<f32>,
    theme: Cell<Option<Theme>>,
}

impl Surface {
    /// Opens a window, which stays hidden until everything is ready.
    ///
    /// # Errors
    /// If the system gives no window or cannot draw into it.
    pub fn open(event_loop: &ActiveEventLoop, arguments: &Arguments) -> anyhow::Result<Self> {
        let attributes = Window::default_attributes()
            .with_title("Latchkey")
            .with_visible(false);
        let window = event_loop
            .create_window(attributes)
            .context("no window can be opened")?;
        let ratio = arguments
            .device_pixel_ratio
            .unwrap_or(window.scale_factor() as f32);
        let pixels = |width: f32, height: f32| {
            PhysicalSize::new(
                (width * ratio).round() as u32,
                (height * ratio).round() as u32,
            )
        };
        let size = arguments.window_size;
        let chrome = TAB_BAR_HEIGHT + TOOLBAR_HEIGHT;
        window.set_min_inner_size(Some(pixels(MIN_SIZE.0, MIN_SIZE.1)));
        let wanted = pixels(size.width as f32, size.height as f32 + chrome);
        let size = at_least_one(window.request_inner_size(wanted).unwrap_or(wanted));

        let display_handle = event_loop
            .display_handle()
            .context("the display cannot be used")?;
        let window_handle = window
            .window_handle()
            .context("the window cannot be used")?;
        let window_context = WindowRenderingContext::new(display_handle, window_handle, size)
            .map_err(|error| {
                anyhow!("nothing can be drawn into the window: {error:?}. Is OpenGL installed?")
            })?;
        let window_context = Rc::new(window_context);
        let page_context = Rc::new(window_context.offscreen_context(size));
        Ok(Self {
            page_context,
            window_context,
            theme: Cell::new(window.theme()),
            window,
            device_pixel_ratio: arguments.device_pixel_ratio,
        })
    }

    /// How the command line's pixel ratio differs from the screen's.
    pub fn zoom_factor(&self) -> f32 {
        self.scale_factor() / self.window.scale_factor() as f32
    }

    /// The window's size changed.
    pub fn resize(&self, size: PhysicalSize<u32>) {
        self.window_context.resize(at_least_one(size));
    }

    /// The system changed between light and dark.
    pub fn set_theme(&self, theme: Theme) {
        self.theme.set(Some(theme));
    }
}

impl Front for Surface {
    fn rendering_context(&self) -> Rc<dyn RenderingContext> {
        self.page_context.clone()
    }

    fn scale_factor(&self) -> f32 {
        self.device_pixel_ratio
            .unwrap_or(self.window.scale_factor() as f32)
    }

    fn screen_geometry(&self) -> ScreenGeometry {
        let inner = self.window.outer_size();
        let position = self.window.outer_position().unwrap_or_default();
        let window_rect = DeviceIntRect::from_origin_and_size(
            DeviceIntPoint::new(position.x, position.y),
            device_size(inner),
        );
        let screen = self
            .window
            .current_monitor()
            .map_or(inner, |monitor| monitor.size());
        ScreenGeometry {
            size: device_size(screen),
            available_size: device_size(screen),
            window_rect,
        }
    }

    fn prefers_dark(&self) -> bool {
        match self.theme.get() {
            Some(theme) => theme == Theme::Dark,
            // X11 says nothing. This is how a GTK desktop is told to be dark.
            None => std::env::var("GTK_THEME").is_ok_and(|theme| theme.ends_with("dark")),
        }
    }

    fn is_interactive(&self) -> bool {
        true
    }

    fn hides_background_tabs(&self) -> bool {
        true
    }

    fn request_redraw(&self) {
        self.window.request_redraw();
    }

    fn console_message(&self, level: &ConsoleLogLevel, text: &str) {
        let message = ConsoleMessage::new(level.clone(), text.to_owned());
        log::info!("console: {}", message.text);
    }
}

fn at_least_one(size: PhysicalSize<u32>) -> PhysicalSize<u32> {
    PhysicalSize::new(size.width.max(1), size.height.max(1))
}

fn device_size(size: PhysicalSize<u32>) -> DeviceIntSize {
    DeviceIntSize::new(size.width.cast_signed(), size.height.cast_signed())
}
