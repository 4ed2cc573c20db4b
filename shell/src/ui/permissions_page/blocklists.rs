//! What is never asked about: the user's own entries, list files, and the built-in list.

use egui::{Key, Label, RichText, ScrollArea, TextEdit, Ui, WidgetInfo, WidgetType};
use user_cors::{BlockedTarget, BlocklistOwner, BuiltInCategory};

use super::row::caution_ui;
use super::{FIELD_MARGIN, PermissionsPageState, explanation_ui, heading_ui};
use crate::browser::command::Command;
use crate::browser::permissions::words::count;
use crate::browser::permissions::{Permissions, PermissionsCommand};
use crate::ui::Commands;
use crate::ui::theme::{self, Palette};

/// Draws the blocklists.
pub(super) fn blocklists_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    ScrollArea::vertical()
        .id_salt("blocklists")
        .auto_shrink(false)
        .show(ui, |ui| {
            explanation_ui(
                ui,
                "Servers that you are never asked about: no page reads them by your word. What they share by CORS stays \
                 readable.",
            );
            own_ui(ui, permissions, state, commands);
            files_ui(ui, permissions);
            built_in_ui(ui);
        });
}

fn own_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    heading_ui(ui, "Yours");
    ui.horizontal_wrapped(|ui| {
        let field = TextEdit::singleline(&mut state.entry)
            .margin(FIELD_MARGIN)
            .hint_text("bank.example or https://www.bank.example")
            .char_limit(512)
            .desired_width(340.0);
        let response = ui.add(field);
        let value = state.entry.clone();
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(WidgetType::TextEdit, true, "A server to block");
            info.current_text_value = Some(value.clone());
            info
        });
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if ui.button("Block").clicked() || entered {
            add(state, commands);
        }
    });
    if let Some(error) = &state.entry_error {
        caution_ui(ui, error);
    }
    if permissions.blocked.is_empty() {
        explanation_ui(
            ui,
            "No entries. A name stands for itself and everything below it.",
        );
    }
    for entry in &permissions.blocked {
        ui.horizontal(|ui| {
            let name = format!("Unblock: {entry}");
            let response = ui.button("Unblock");
            response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &name));
            if response.clicked() {
                let command = PermissionsCommand::Unblock(entry.clone());
                commands.push(Command::Permissions(command));
            }
            ui.add(Label::new(entry.to_string()).truncate());
        });
    }
}

fn add(state: &mut PermissionsPageState, commands: &mut Commands) {
    let text = state.entry.trim().to_ascii_lowercase();
    match text.parse::<BlockedTarget>() {
        Ok(entry) => {
            commands.push(Command::Permissions(PermissionsCommand::Block(entry)));
            state.entry.clear();
            state.entry_error = None;
        },
        Err(_) if text.is_empty() => state.entry_error = None,
        Err(_) => {
            state.entry_error = Some(format!(
                "“{}” is no server. Write a name such as bank.example, or an origin such as https://www.bank.example.",
                user_cors::bounded_escaped(&text, 80)
            ));
        },
    }
}

fn files_ui(ui: &mut Ui, permissions: &Permissions) {
    let palette = Palette::of(ui.visuals());
    heading_ui(ui, "List files");
    let folder = permissions.lists_folder.display();
    explanation_ui(
        ui,
        &format!(
            "Files that end in .txt in the folder {folder} are read at once and whenever they change: a name or an origin a \
             line, a hosts file, or rules such as ||bank.example^."
        ),
    );
    for list in &permissions.lists {
        let owner = match list.owner {
            BlocklistOwner::Administrator => "your administrator's",
            BlocklistOwner::User => "yours",
        };
        let path = user_cors::bounded_escaped(&list.path.display().to_string(), 300);
        ui.add(Label::new(RichText::new(path).font(theme::strong_font(14.0))).wrap());
        let mut text = format!(
            "{owner} · {}",
            count(list.entries as u64, "entry", "entries")
        );
        if list.bad_lines > 0 {
            text.push_str(&format!(
                " · {}",
                count(list.bad_lines, "line skipped", "lines skipped")
            ));
        }
        ui.label(RichText::new(text).color(palette.weak_text));
        for problem in &list.problems {
            caution_ui(ui, &user_cors::bounded_escaped(problem, 300));
        }
    }
}

fn built_in_ui(ui: &mut Ui) {
    let palette = Palette::of(ui.visuals());
    heading_ui(ui, "Built in");
    for category in BuiltInCategory::ALL {
        ui.add(Label::new(category.reason()).wrap());
        let domains = category.domains().join(", ");
        ui.add(Label::new(RichText::new(domains).color(palette.weak_text)).wrap());
    }
}
