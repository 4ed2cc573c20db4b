//! What was read: the ledger, newest first.

use egui::Ui;

use super::files::Purpose;
use super::row::{Line, ROW_HEIGHT, caution_ui, line_ui, list_ui, pair};
use super::{PermissionsPageState, explanation_ui, search_ui};
use crate::browser::command::Command;
use crate::browser::permissions::words::count;
use crate::browser::permissions::{Permissions, PermissionsCommand};
use crate::ui::Commands;
use crate::ui::theme::Palette;

/// Draws the ledger.
pub(super) fn ledger_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    let ledger = &permissions.ledger;
    explanation_ui(
        ui,
        "Every answer that a page was given by your word, or by your administrator's. Queries, headers and contents are not \
         recorded.",
    );
    ui.horizontal_wrapped(|ui| {
        let response = search_ui(
            ui,
            &mut state.ledger_search,
            "Search sites and paths",
            "Search what was read",
        );
        if response.changed() {
            commands.push(Command::Permissions(PermissionsCommand::SearchLedger(
                state.ledger_search.clone(),
            )));
        }
        if ui.button("Export as JSON lines…").clicked() {
            state.choose_file(Purpose::ExportLedger);
        }
        if !state.confirms_clearing {
            let button = egui::Button::new("Delete all records");
            let has_records = ledger.total > 0 || !ledger.search.is_empty();
            state.confirms_clearing = ui.add_enabled(has_records, button).clicked();
            return;
        }
        ui.label("Delete every record, also those that the search hides?");
        if ui.button("Yes, delete all").clicked() {
            commands.push(Command::Permissions(PermissionsCommand::ClearLedger));
            state.confirms_clearing = false;
        }
        if ui.button("Cancel").clicked() {
            state.confirms_clearing = false;
        }
    });
    outcome_ui(ui, permissions);
    if let Some(failure) = &ledger.failure {
        caution_ui(ui, &format!("The records cannot be read: {failure}."));
        return;
    }
    if ledger.rows.is_empty() {
        ui.label(if ledger.search.is_empty() {
            "Nothing was read yet."
        } else {
            "Nothing fits the search."
        });
        return;
    }
    ui.label(count(ledger.total as u64, "record", "records"));
    rows_ui(ui, permissions, commands);
}

/// What the last export or import came to.
pub(super) fn outcome_ui(ui: &mut Ui, permissions: &Permissions) {
    match &permissions.transfer.outcome {
        Some(Ok(text)) => {
            ui.add(egui::Label::new(text).wrap());
        },
        Some(Err(text)) => caution_ui(ui, &format!("{text}.")),
        None => {},
    }
}

fn rows_ui(ui: &mut Ui, permissions: &Permissions, commands: &mut Commands) {
    let ledger = &permissions.ledger;
    let palette = Palette::of(ui.visuals());
    let rows = ledger.rows.len() + usize::from(ledger.has_more());
    list_ui(ui, "ledger", ROW_HEIGHT, rows, |ui, range| {
        for row in ledger
            .rows
            .get(range.start..range.end.min(ledger.rows.len()))
            .unwrap_or_default()
        {
            let line = Line {
                title: pair(&row.key.requester, &row.key.target, "read from", palette),
                description: &row.description,
                caution: None,
                usage: None,
            };
            line_ui(ui, line, None);
        }
        if range.end > ledger.rows.len() && ui.button("Show older records").clicked() {
            commands.push(Command::Permissions(PermissionsCommand::MoreLedger));
        }
    });
}
