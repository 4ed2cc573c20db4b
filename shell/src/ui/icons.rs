//! Symbols drawn as lines, sharp at every pixel ratio, and the buttons that carry them.

use egui::{
    Color32, Pos2, Rect, Response, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, WidgetType, pos2,
    vec2,
};

use super::theme::{Palette, ROUNDING};

/// A symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// An arrow to the left.
    Back,
    /// An arrow to the right.
    Forward,
    /// An arrow in a circle.
    Reload,
    /// A cross.
    Close,
    /// A plus.
    Plus,
    /// A closed padlock.
    Lock,
    /// An exclamation mark in a triangle.
    Warning,
    /// A key.
    Key,
    /// A wedge that points down.
    Down,
    /// A wedge that points up.
    Up,
    /// A sheet of paper.
    Page,
    /// A house.
    Home,
}

/// Draws a symbol in a square.
pub fn paint(painter: &egui::Painter, icon: Icon, rect: Rect, color: Color32) {
    let unit = rect.width().min(rect.height()) / 16.0;
    let stroke = Stroke::new((1.5 * unit).max(1.0), color);
    let at = |x: f32, y: f32| rect.center() + vec2(x - 8.0, y - 8.0) * unit;
    let line = |points: &[(f32, f32)]| {
        let points: Vec<Pos2> = points.iter().map(|&(x, y)| at(x, y)).collect();
        painter.add(Shape::line(points, stroke));
    };
    let arc = |center: (f32, f32), radius: f32, from: f32, to: f32| {
        let points = (0..=24)
            .map(|step| {
                let angle = (from + (to - from) * step as f32 / 24.0).to_radians();
                at(
                    center.0 + radius * angle.cos(),
                    center.1 + radius * angle.sin(),
                )
            })
            .collect();
        painter.add(Shape::line(points, stroke));
    };
    match icon {
        Icon::Back => {
            line(&[(13.0, 8.0), (3.0, 8.0)]);
            line(&[(7.5, 3.5), (3.0, 8.0), (7.5, 12.5)]);
        },
        Icon::Forward => {
            line(&[(3.0, 8.0), (13.0, 8.0)]);
            line(&[(8.5, 3.5), (13.0, 8.0), (8.5, 12.5)]);
        },
        Icon::Reload => {
            arc((8.0, 8.0), 5.0, -50.0, 250.0);
            line(&[(11.9, 1.6), (11.4, 4.4), (8.6, 4.2)]);
        },
        Icon::Close => {
            line(&[(4.0, 4.0), (12.0, 12.0)]);
            line(&[(12.0, 4.0), (4.0, 12.0)]);
        },
        Icon::Plus => {
            line(&[(8.0, 3.0), (8.0, 13.0)]);
            line(&[(3.0, 8.0), (13.0, 8.0)]);
        },
        Icon::Lock => {
            line(&[
                (3.5, 7.5),
                (12.5, 7.5),
                (12.5, 13.5),
                (3.5, 13.5),
                (3.5, 7.5),
            ]);
            line(&[(5.5, 7.5), (5.5, 5.5)]);
            line(&[(10.5, 7.5), (10.5, 5.5)]);
            arc((8.0, 5.2), 2.5, 180.0, 360.0);
        },
        Icon::Warning => {
            line(&[(8.0, 2.0), (14.5, 13.5), (1.5, 13.5), (8.0, 2.0)]);
            line(&[(8.0, 6.2), (8.0, 9.6)]);
            painter.circle_filled(at(8.0, 11.6), 0.9 * unit, color);
        },
        Icon::Key => {
            arc((5.0, 8.0), 3.2, 0.0, 360.0);
            line(&[(8.2, 8.0), (14.5, 8.0), (14.5, 11.0)]);
            line(&[(11.6, 8.0), (11.6, 10.4)]);
        },
        Icon::Down => line(&[(4.0, 6.5), (8.0, 10.5), (12.0, 6.5)]),
        Icon::Up => line(&[(4.0, 10.0), (8.0, 6.0), (12.0, 10.0)]),
        Icon::Page => {
            line(&[
                (4.0, 2.5),
                (9.5, 2.5),
                (12.0, 5.0),
                (12.0, 13.5),
                (4.0, 13.5),
                (4.0, 2.5),
            ]);
        },
        Icon::Home => {
            line(&[(2.0, 8.0), (8.0, 2.5), (14.0, 8.0)]);
            line(&[(4.0, 7.0), (4.0, 13.5), (12.0, 13.5), (12.0, 7.0)]);
        },
    }
}

/// A symbol in the flow of other widgets. It says nothing of its own.
pub fn icon_ui(ui: &mut Ui, icon: Icon, size: f32, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(Vec2::splat(size), Sense::hover());
    paint(ui.painter(), icon, rect, color);
}

/// A button with a symbol. `label` is its name for assistive technology, and its tooltip.
pub fn icon_button_ui(ui: &mut Ui, icon: Icon, label: &str, enabled: bool) -> Response {
    sized_icon_button_ui(ui, icon, label, enabled, 32.0, 18.0)
}

/// Like [`icon_button_ui`], with the size of the button and of the symbol.
pub fn sized_icon_button_ui(
    ui: &mut Ui,
    icon: Icon,
    label: &str,
    enabled: bool,
    size: f32,
    icon_size: f32,
) -> Response {
    let sense = if enabled {
        Sense::click()
    } else {
        Sense::hover()
    };
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(size), sense);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, enabled, label));
    if ui.is_rect_visible(rect) {
        let palette = Palette::of(ui.visuals());
        if enabled && (response.hovered() || response.has_focus()) {
            let fill = if response.is_pointer_button_down_on() {
                palette.border
            } else {
                palette.hover
            };
            ui.painter().rect_filled(rect, ROUNDING, fill);
        }
        if response.has_focus() {
            focus_ring(ui, rect);
        }
        let color = if enabled {
            palette.text
        } else {
            palette.weak_text.gamma_multiply(0.5)
        };
        paint(
            ui.painter(),
            icon,
            Rect::from_center_size(rect.center(), Vec2::splat(icon_size)),
            color,
        );
    }
    response.on_hover_text(label)
}

/// Shows where the keyboard is.
pub fn focus_ring(ui: &Ui, rect: Rect) {
    let accent = Palette::of(ui.visuals()).accent;
    ui.painter().rect_stroke(
        rect.shrink(1.0),
        ROUNDING,
        Stroke::new(2.0, accent),
        egui::StrokeKind::Inside,
    );
}

/// The top left corner for a thing of a size in the middle of a rectangle, on whole pixels.
pub fn centered(rect: Rect, size: Vec2) -> Rect {
    let corner = rect.center() - size / 2.0;
    Rect::from_min_size(pos2(corner.x.round(), corner.y.round()), size)
}
