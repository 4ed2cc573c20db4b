//! What servers said with `Access-Control-Prevent-Origin`, as far as it is remembered.

use egui::Ui;

use super::explanation_ui;
use super::row::{Line, ROW_HEIGHT, line_ui, list_ui, plain};
use crate::browser::permissions::Permissions;
use crate::browser::permissions::words::count;
use crate::ui::theme::Palette;

/// Draws what servers said.
pub(super) fn servers_ui(ui: &mut Ui, permissions: &Permissions) {
    explanation_ui(
        ui,
        "Servers that asked browsers not to let pages read them (Access-Control-Prevent-Origin). Their word goes before \
         yours, so there is nothing to take back here.",
    );
    let rows = &permissions.opt_outs;
    if rows.is_empty() {
        ui.label("No server has asked so.");
        return;
    }
    ui.label(count(rows.len() as u64, "entry", "entries"));
    let palette = Palette::of(ui.visuals());
    list_ui(ui, "servers", ROW_HEIGHT, rows.len(), |ui, range| {
        for row in rows.get(range).unwrap_or_default() {
            let line = Line {
                title: plain(&row.target, palette),
                description: &row.description,
                caution: None,
                usage: None,
            };
            line_ui(ui, line, None);
        }
    });
}
