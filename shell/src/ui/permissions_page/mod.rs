//! The permissions page: what the person allowed and refused, to be searched and taken back.

use egui::text::{LayoutJob, TextFormat};
use egui::{
    Align, Button, Frame, Label, Layout, Margin, RichText, ScrollArea, Stroke, TextEdit, Ui,
    WidgetInfo, WidgetType, vec2,
};
use user_cors::TupleOrigin;

use super::Commands;
use super::theme::{self, Palette};
use crate::browser::command::Command;
use crate::browser::permissions::{PermissionRow, Permissions, Subject};

#[cfg(test)]
mod tests;

const ROW_HEIGHT: f32 = 58.0;

/// What the page keeps between frames.
#[derive(Default)]
pub struct PermissionsPageState {
    search: String,
    confirms_all: bool,
    /// What the search found in which copy, so that a long list is not searched for every frame.
    found: Option<(u64, String, Vec<usize>)>,
}

impl PermissionsPageState {
    fn found(&mut self, permissions: &Permissions) -> &[usize] {
        let words = self.search.to_lowercase();
        let is_fresh = self.found.as_ref().is_some_and(|(revision, searched, _)| {
            *revision == permissions.revision && *searched == words
        });
        if !is_fresh {
            let indices = permissions
                .rows
                .iter()
                .enumerate()
                .filter(|(_, row)| row.fits(&words))
                .map(|(index, _)| index)
                .collect();
            self.found = Some((permissions.revision, words, indices));
        }
        self.found
            .as_ref()
            .map_or(&[][..], |(_, _, indices)| indices)
    }
}

/// Draws the page.
pub fn permissions_page_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    let palette = Palette::of(ui.visuals());
    Frame::new().inner_margin(Margin::symmetric(24, 18)).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, 8.0);
        ui.label(RichText::new("Permissions").font(theme::strong_font(22.0)));
        ui.label("What you let pages read from other sites, and what you refused.");
        ui.label(
            RichText::new(
                "Revoking ends the requests that are under way. What a page has already read cannot be \
                 called back.",
            )
            .color(palette.weak_text),
        );
        if let Some(failure) = &permissions.failure {
            let text = format!(
                "The change could not be written to your profile, so it may not last: {failure}."
            );
            ui.label(RichText::new(text).color(palette.caution_text));
        }
        controls_ui(ui, permissions, state, commands);
        ui.add_space(4.0);
        list_ui(ui, permissions, state, commands);
    });
}

fn controls_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    ui.horizontal_wrapped(|ui| {
        let field = TextEdit::singleline(&mut state.search)
            .hint_text("Search sites")
            .char_limit(256)
            .desired_width(260.0);
        let response = ui.add(field);
        let text = state.search.clone();
        response.widget_info(|| {
            let mut info =
                WidgetInfo::labeled(WidgetType::TextEdit, true, "Search the permissions");
            info.current_text_value = Some(text.clone());
            info
        });
        let has_grants = permissions
            .rows
            .iter()
            .any(|row| row.subject != Subject::Denial);
        if !state.confirms_all {
            let button = Button::new("Revoke all permissions");
            if ui.add_enabled(has_grants, button).clicked() {
                state.confirms_all = true;
            }
            return;
        }
        ui.label("Revoke every permission, also those that the search hides? Refusals stay.");
        if ui.button("Yes, revoke all").clicked() {
            commands.push(Command::RevokeAllPermissions);
            state.confirms_all = false;
        }
        if ui.button("Cancel").clicked() {
            state.confirms_all = false;
        }
    });
}

fn list_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    let found = state.found(permissions);
    if found.is_empty() {
        ui.label(if permissions.rows.is_empty() {
            "You have allowed and refused nothing yet."
        } else {
            "Nothing fits the search."
        });
        return;
    }
    ui.label(match found.len() {
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    });
    ScrollArea::vertical().auto_shrink(false).show_rows(
        ui,
        ROW_HEIGHT,
        found.len(),
        |ui, range| {
            let shown = found.get(range).unwrap_or_default();
            for row in shown
                .iter()
                .filter_map(|index| permissions.rows.get(*index))
            {
                row_ui(ui, row, commands);
            }
        },
    );
}

fn row_ui(ui: &mut Ui, row: &PermissionRow, commands: &mut Commands) {
    let palette = Palette::of(ui.visuals());
    let size = vec2(ui.available_width(), ROW_HEIGHT);
    let layout = Layout::right_to_left(Align::Center);
    let inner = ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.set_min_height(ROW_HEIGHT);
        ui.add_space(8.0);
        let (text, command) = match row.subject {
            Subject::Grant(id) => ("Revoke", Command::RevokePermission(id)),
            Subject::Denial => ("Reset", Command::ResetPermission(row.key.clone())),
        };
        let response = ui.button(text);
        let name = format!(
            "{text}: {} reading from {}",
            row.key.requester.display(),
            row.key.target.display()
        );
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &name));
        if response.clicked() {
            commands.push(command);
        }
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add_space(8.0);
            ui.label(pair(&row.key.requester, &row.key.target, palette));
            // The sites are never cut; what is said about them may be, and is whole under the pointer.
            let description = RichText::new(&row.description).color(palette.weak_text);
            ui.add(Label::new(description).truncate());
        });
    });
    let rect = inner.response.rect;
    ui.painter().hline(
        rect.x_range(),
        rect.bottom(),
        Stroke::new(1.0, palette.border),
    );
}

/// Who reads from whom, with what says whose they are in bold.
fn pair(requester: &TupleOrigin, target: &TupleOrigin, palette: &Palette) -> LayoutJob {
    let mut job = LayoutJob::default();
    origin(&mut job, requester, palette);
    let plain = text_format(theme::text_font(14.0), palette.weak_text);
    job.append(" reads from ", 0.0, plain);
    origin(&mut job, target, palette);
    job
}

fn origin(job: &mut LayoutJob, origin: &TupleOrigin, palette: &Palette) {
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

fn text_format(font_id: egui::FontId, color: egui::Color32) -> TextFormat {
    TextFormat {
        font_id,
        color,
        ..TextFormat::default()
    }
}
