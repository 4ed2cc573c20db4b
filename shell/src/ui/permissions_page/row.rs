//! A line of a list: a pair of sites, what is said about it, and a button.

use std::ops::Range;

use egui::text::{LayoutJob, TextFormat};
use egui::{Align, Label, Layout, RichText, ScrollArea, Stroke, Ui, WidgetInfo, WidgetType, vec2};
use user_cors::TupleOrigin;

use crate::ui::theme::{self, Palette};

/// How high a line is.
pub(super) const ROW_HEIGHT: f32 = 58.0;

/// How high a line is that says what something was used for.
pub(super) const TALL_ROW_HEIGHT: f32 = 76.0;

/// How many lines of a list are as high as their names need in a narrow window. In a longer list all are of one height, so
/// that only those in view are drawn.
const MOST_OF_OWN_HEIGHT: usize = 100;

/// A list of lines, each `height` high where its names fit into one row. `lines_ui` draws those in a range.
pub(super) fn list_ui(
    ui: &mut Ui,
    name: &str,
    height: f32,
    count: usize,
    mut lines_ui: impl FnMut(&mut Ui, Range<usize>),
) {
    let area = ScrollArea::vertical().id_salt(name).auto_shrink(false);
    if count <= MOST_OF_OWN_HEIGHT {
        area.show(ui, |ui| lines_ui(ui, 0..count));
    } else {
        area.show_rows(ui, height, count, lines_ui);
    }
}

/// What a line says.
pub(super) struct Line<'a> {
    pub(super) title: LayoutJob,
    pub(super) description: &'a str,
    /// Something that stands out from the description.
    pub(super) caution: Option<&'a str>,
    /// What it was used for.
    pub(super) usage: Option<&'a str>,
}

/// What a line's button is called, and what it is for, for who cannot see beside what it stands.
pub(super) struct LineButton<'a> {
    pub(super) text: &'a str,
    pub(super) name: &'a str,
}

/// Draws a line, and returns whether its button was clicked.
pub(super) fn line_ui(ui: &mut Ui, line: Line<'_>, button: Option<LineButton<'_>>) -> bool {
    let palette = Palette::of(ui.visuals());
    let height = match line.usage {
        Some(_) => TALL_ROW_HEIGHT,
        None => ROW_HEIGHT,
    };
    let size = vec2(ui.available_width(), height);
    let layout = Layout::right_to_left(Align::Center);
    let mut is_clicked = false;
    let inner = ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.set_min_height(height);
        ui.add_space(8.0);
        if let Some(LineButton { text, name }) = button {
            let response = ui.button(text);
            response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, name));
            is_clicked = response.clicked();
        }
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add_space(8.0);
            ui.label(line.title);
            // The sites are never cut; what is said about them may be, and is whole under the pointer.
            let mut job = LayoutJob::default();
            if let Some(caution) = line.caution {
                let format = text_format(theme::strong_font(13.0), palette.caution_text);
                job.append(&format!("{caution} · "), 0.0, format);
            }
            let format = text_format(theme::text_font(13.0), palette.weak_text);
            job.append(line.description, 0.0, format);
            ui.add(Label::new(job).truncate());
            if let Some(usage) = line.usage {
                let text = RichText::new(usage)
                    .font(theme::text_font(13.0))
                    .color(palette.weak_text);
                ui.add(Label::new(text).truncate());
            }
        });
    });
    let rect = inner.response.rect;
    ui.painter().hline(
        rect.x_range(),
        rect.bottom(),
        Stroke::new(1.0, palette.border),
    );
    is_clicked
}

/// Who reads from whom, with what says whose they are in bold.
pub(super) fn pair(
    requester: &TupleOrigin,
    target: &TupleOrigin,
    verb: &str,
    palette: &Palette,
) -> LayoutJob {
    let mut job = LayoutJob::default();
    origin(&mut job, requester, palette);
    let plain = text_format(theme::text_font(14.0), palette.weak_text);
    job.append(&format!(" {verb} "), 0.0, plain);
    origin(&mut job, target, palette);
    job
}

/// One site, with what says whose it is in bold.
pub(super) fn origin(job: &mut LayoutJob, origin: &TupleOrigin, palette: &Palette) {
    let shown = origin.display();
    let weak = text_format(theme::text_font(14.0), palette.weak_text);
    if shown.scheme == user_cors::Scheme::Http {
        job.append("http://", 0.0, weak.clone());
    }
    let host = &shown.host;
    if !host.subdomain.is_empty() {
        job.append(&user_cors::isolated(&host.subdomain), 0.0, weak.clone());
    }
    let strong = text_format(theme::strong_font(14.0), palette.text);
    job.append(&user_cors::isolated(&host.emphasised), 0.0, strong);
    if host.differs() {
        job.append(&format!(" ({})", host.ascii), 0.0, weak.clone());
    }
    if let Some(port) = shown.port {
        job.append(&format!(":{port}"), 0.0, weak);
    }
}

/// Text that is no site's.
pub(super) fn plain(text: &str, palette: &Palette) -> LayoutJob {
    let mut job = LayoutJob::default();
    let format = text_format(theme::strong_font(14.0), palette.text);
    job.append(text, 0.0, format);
    job
}

/// Draws text that says what is the matter with what stands above.
pub(super) fn caution_ui(ui: &mut Ui, text: &str) {
    let palette = Palette::of(ui.visuals());
    ui.add(Label::new(RichText::new(text).color(palette.caution_text)).wrap());
}

fn text_format(font_id: egui::FontId, color: egui::Color32) -> TextFormat {
    TextFormat {
        font_id,
        color,
        ..TextFormat::default()
    }
}
