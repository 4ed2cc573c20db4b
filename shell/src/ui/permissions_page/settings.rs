//! The settings, what policy fixes of them, and the policy in force.

use egui::{Button, Label, RichText, ScrollArea, TextEdit, Ui, WidgetInfo, WidgetType};
use user_cors::PolicyStatus;

use super::row::caution_ui;
use super::{FIELD_MARGIN, PermissionsPageState, explanation_ui, heading_ui};
use crate::browser::command::Command;
use crate::browser::permissions::{
    Permissions, PermissionsCommand, SettingChange, SettingControl, SettingRow,
};
use crate::ui::Commands;
use crate::ui::icons::{self, Icon};
use crate::ui::theme::{self, Palette};

/// Draws settings and policy.
pub(super) fn settings_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    ScrollArea::vertical()
        .id_salt("settings")
        .auto_shrink(false)
        .show(ui, |ui| {
            for row in &permissions.settings {
                setting_ui(ui, row, state, commands);
            }
            policy_ui(ui, permissions);
        });
}

fn setting_ui(
    ui: &mut Ui,
    row: &SettingRow,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    heading_ui(ui, row.label);
    explanation_ui(ui, row.explanation);
    let change = match &row.control {
        SettingControl::Choice(choices, chosen) => {
            let mut change = None;
            ui.add_enabled_ui(row.fixed_by.is_none(), |ui| {
                for (index, (value, meaning)) in choices.iter().enumerate() {
                    let is_chosen = index == *chosen;
                    if ui.radio(is_chosen, *meaning).clicked() && !is_chosen {
                        change = Some((*value).to_owned());
                    }
                }
            });
            change
        },
        SettingControl::Number {
            value,
            factor,
            unit,
        } => number_ui(ui, row, (*value, *factor, unit), state),
        SettingControl::Text(value, example) => text_ui(ui, row, (value, example), state),
    };
    if let Some(value) = change {
        // What comes into force may be written in another way.
        state.typed.remove(row.name);
        let change = SettingChange {
            name: row.name,
            value,
        };
        commands.push(Command::Permissions(PermissionsCommand::ChangeSetting(
            change,
        )));
    }
    if let Some(source) = &row.fixed_by {
        let palette = Palette::of(ui.visuals());
        ui.horizontal(|ui| {
            icons::icon_ui(ui, Icon::Lock, 14.0, palette.weak_text);
            let text = format!("Set by policy: {source}");
            ui.add(Label::new(RichText::new(text).color(palette.weak_text)).wrap());
        });
    }
}

fn number_ui(
    ui: &mut Ui,
    row: &SettingRow,
    (value, factor, unit): (u64, u64, &str),
    state: &mut PermissionsPageState,
) -> Option<String> {
    let text = state
        .typed
        .entry(row.name)
        .or_insert_with(|| value.to_string());
    let mut change = None;
    ui.horizontal(|ui| {
        let response = ui.add(
            TextEdit::singleline(text)
                .margin(FIELD_MARGIN)
                .char_limit(12)
                .desired_width(110.0),
        );
        let shown = text.clone();
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(WidgetType::TextEdit, true, row.label);
            info.current_text_value = Some(shown.clone());
            info
        });
        ui.label(unit);
        let typed = text.trim().parse::<u64>().ok();
        let is_new = typed.is_some_and(|typed| typed != value);
        let has_changed = text.trim() != value.to_string();
        if has_changed {
            let name = format!("Apply: {}", row.label);
            let response = ui.add_enabled(is_new, Button::new("Apply"));
            response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, is_new, &name));
            if response.clicked() {
                change = typed
                    .and_then(|typed| typed.checked_mul(factor))
                    .map(|value| value.to_string());
            }
            if typed.is_none() {
                ui.label("Write a whole number.");
            }
        }
    });
    change
}

fn text_ui(
    ui: &mut Ui,
    row: &SettingRow,
    (value, example): (&str, &str),
    state: &mut PermissionsPageState,
) -> Option<String> {
    if row.fixed_by.is_some() {
        ui.label(user_cors::bounded_escaped(value, 300));
        return None;
    }
    let text = state
        .typed
        .entry(row.name)
        .or_insert_with(|| value.to_owned());
    let mut change = None;
    ui.horizontal_wrapped(|ui| {
        let field = TextEdit::singleline(text)
            .margin(FIELD_MARGIN)
            .char_limit(300)
            .desired_width(340.0);
        let response = ui.add(field);
        let shown = text.clone();
        response.widget_info(|| {
            let mut info = WidgetInfo::labeled(WidgetType::TextEdit, true, row.label);
            info.current_text_value = Some(shown.clone());
            info
        });
        if text.trim() != value {
            let name = format!("Apply: {}", row.label);
            let response = ui.button("Apply");
            response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &name));
            if response.clicked() {
                change = Some(text.trim().to_owned());
            }
        }
    });
    explanation_ui(ui, &format!("For instance {example}."));
    change
}

fn policy_ui(ui: &mut Ui, permissions: &Permissions) {
    let palette = Palette::of(ui.visuals());
    heading_ui(ui, "Policy");
    explanation_ui(
        ui,
        "An administrator's rules, from these files. A change is taken up at once.",
    );
    for file in &permissions.policy_files {
        let path = file.file.path.display().to_string();
        let path = format!(
            "{} ({})",
            user_cors::bounded_escaped(&path, 300),
            file.file.rank.as_str()
        );
        ui.add(Label::new(RichText::new(path).font(theme::strong_font(14.0))).wrap());
        let summary = user_cors::bounded_escaped(&file.summary(), 400);
        if matches!(file.status, PolicyStatus::Unusable(_)) && file.counts {
            caution_ui(ui, &summary);
        } else {
            ui.label(RichText::new(summary).color(palette.weak_text));
        }
    }
    heading_ui(ui, "In force");
    for value in &permissions.in_force {
        let text = format!(
            "{}: {}",
            value.name,
            user_cors::bounded_escaped(&value.value, 300)
        );
        ui.add(Label::new(text).wrap());
        let source = user_cors::bounded_escaped(&value.source, 300);
        ui.add(Label::new(RichText::new(source).small().color(palette.weak_text)).wrap());
    }
}
