//! Import and export of what was allowed and refused for longer.

use egui::{Button, RichText, Ui};

use super::files::Purpose;
use super::ledger::outcome_ui;
use super::row::{Line, ROW_HEIGHT, line_ui, list_ui, pair};
use super::{PermissionsPageState, explanation_ui, heading_ui};
use crate::browser::command::Command;
use crate::browser::permissions::{Import, Permissions, PermissionsCommand, Subject};
use crate::ui::Commands;
use crate::ui::theme::Palette;

/// Draws import and export.
pub(super) fn transfer_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    explanation_ui(
        ui,
        "What you allowed and refused for longer, as a file to keep or to take to another profile. An import adds to what is \
         here: no refusal is taken back, and nothing lasts longer than a click here would.",
    );
    ui.horizontal_wrapped(|ui| {
        if ui.button("Export…").clicked() {
            state.choose_file(Purpose::ExportPermissions);
        }
        if ui.button("Import…").clicked() {
            state.choose_file(Purpose::Import);
        }
    });
    outcome_ui(ui, permissions);
    if let Some(import) = &permissions.transfer.import {
        preview_ui(ui, import, commands);
    }
}

fn preview_ui(ui: &mut Ui, import: &Import, commands: &mut Commands) {
    let palette = Palette::of(ui.visuals());
    heading_ui(ui, "Before you import");
    let path = user_cors::bounded_escaped(&import.path.display().to_string(), 300);
    ui.label(RichText::new(path).color(palette.weak_text));
    ui.add(egui::Label::new(&import.summary).wrap());
    ui.horizontal_wrapped(|ui| {
        let button = Button::new("Import these");
        if ui.add_enabled(!import.is_empty(), button).clicked() {
            commands.push(Command::Permissions(PermissionsCommand::ConfirmImport));
        }
        if ui.button("Leave it").clicked() {
            commands.push(Command::Permissions(PermissionsCommand::CancelImport));
        }
    });
    list_ui(ui, "import", ROW_HEIGHT, import.rows.len(), |ui, range| {
        for row in import.rows.get(range).unwrap_or_default() {
            let verb = match row.subject {
                Subject::Grant(_) => "would read from",
                Subject::Denial => "would not read from",
            };
            let line = Line {
                title: pair(&row.key.requester, &row.key.target, verb, palette),
                description: &row.description,
                caution: None,
                usage: None,
            };
            line_ui(ui, line, None);
        }
    });
}
