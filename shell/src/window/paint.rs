//! One frame of the window: the interface is laid out, the page is drawn aside, and both go to the screen.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use egui::epaint::ClippedShape;
use egui::{Context, FullOutput, PaintCallback, Rect, TexturesDelta, Ui, ViewportId};
use egui_glow::{CallbackFn, Painter};
use parking_lot::Mutex;
use servo::{DeviceIntSize, RenderingContext};

use super::surface::Surface;

type RenderToParent =
    Box<dyn Fn(&egui_glow::glow::Context, euclid::default::Rect<i32>) + Send + Sync>;

/// The picture of the page, as the callback that copies it to its place finds it when the interface is drawn.
#[derive(Clone, Default)]
struct PagePicture(Arc<Mutex<Option<RenderToParent>>>);

/// Draws frames.
pub struct FramePainter {
    surface: Rc<Surface>,
    painter: Painter,
    picture: PagePicture,
    textures: TexturesDelta,
}

impl FramePainter {
    /// A painter for a window.
    ///
    /// # Errors
    /// If the window's OpenGL is too old.
    pub fn new(surface: Rc<Surface>) -> anyhow::Result<Self> {
        make_current(&surface)?;
        let painter = Painter::new(surface.window_context.glow_gl_api(), "", None, false)
            .map_err(|error| anyhow!("the interface cannot be drawn: {error}"))?;
        Ok(Self {
            surface,
            painter,
            picture: PagePicture::default(),
            textures: TexturesDelta::default(),
        })
    }

    /// The largest texture that can be used.
    pub fn max_texture_side(&self) -> usize {
        self.painter.max_texture_side()
    }

    /// A function that adds the page's picture to the interface at its place.
    pub fn page_callback(&self) -> impl Fn(&mut Ui, Rect) + use<> {
        let picture = self.picture.clone();
        move |ui, rect| {
            let picture = picture.clone();
            let callback = CallbackFn::new(move |info, painter| {
                if let Some(render) = &*picture.0.lock() {
                    let place = info.viewport_in_pixels();
                    let rect = euclid::default::Rect::new(
                        euclid::default::Point2D::new(place.left_px, place.from_bottom_px),
                        euclid::default::Size2D::new(place.width_px, place.height_px),
                    );
                    render(painter.gl(), rect);
                }
            });
            ui.painter().add(PaintCallback {
                rect,
                callback: Arc::new(callback),
            });
        }
    }

    /// Puts a frame on the screen. The page is drawn already. Returns how long it may stay.
    pub fn paint(&mut self, context: &Context, output: FullOutput) -> Duration {
        let FullOutput {
            textures_delta,
            shapes,
            pixels_per_point,
            viewport_output,
            ..
        } = output;
        self.textures.append(textures_delta);
        let delay = viewport_output
            .get(&ViewportId::ROOT)
            .map_or(Duration::MAX, |viewport| viewport.repaint_delay);
        if let Err(error) = make_current(&self.surface) {
            log::error!("A frame is lost: {error}");
            return delay;
        }
        // Made anew in each frame, because a page that changed its size has another framebuffer.
        *self.picture.0.lock() = self.surface.page_context.render_to_parent_callback();
        self.draw(context, shapes, pixels_per_point);
        self.surface.window.pre_present_notify();
        self.surface.window_context.present();
        delay
    }

    fn draw(&mut self, context: &Context, shapes: Vec<ClippedShape>, pixels_per_point: f32) {
        self.surface.window_context.prepare_for_rendering();
        let size: [u32; 2] = self.surface.window_context.size().into();
        let background = context
            .global_style()
            .visuals
            .panel_fill
            .to_normalized_gamma_f32();
        self.painter.clear(size, background);
        let primitives = context.tessellate(shapes, pixels_per_point);
        self.painter.paint_and_update_textures(
            size,
            pixels_per_point,
            &primitives,
            &mut self.textures,
        );
    }

    /// Gives the graphics memory back. Nothing can be painted afterwards.
    pub fn destroy(mut self) {
        if make_current(&self.surface).is_ok() {
            *self.picture.0.lock() = None;
            self.painter.destroy();
        }
    }
}

fn make_current(surface: &Surface) -> anyhow::Result<()> {
    surface
        .window_context
        .make_current()
        .map_err(|error| anyhow!("nothing can be drawn into the window: {error:?}"))
}

/// The size of an area in device pixels, rounded as the callback's viewport is.
pub fn device_size(rect: Rect, pixels_per_point: f32) -> DeviceIntSize {
    let pixel = |points: f32| (points * pixels_per_point).round() as i32;
    DeviceIntSize::new(
        pixel(rect.max.x) - pixel(rect.min.x),
        pixel(rect.max.y) - pixel(rect.min.y),
    )
}

#[cfg(test)]
mod tests {
    use egui::pos2;

    use super::*;

    #[test]
    fn the_pages_picture_fits_its_place() {
        for scale in [1.0, 1.25, 1.5, 2.0, 3.0] {
            let rect = Rect::from_min_max(pos2(0.0, 82.3), pos2(1023.7, 700.0));
            let info = egui::PaintCallbackInfo {
                viewport: rect,
                clip_rect: rect,
                pixels_per_point: scale,
                screen_size_px: [4096, 4096],
            };
            let place = info.viewport_in_pixels();
            assert_eq!(
                device_size(rect, scale),
                DeviceIntSize::new(place.width_px, place.height_px),
                "{scale}"
            );
        }
    }
}
