//! The permissions page: what the person allowed and refused, what was read, and what governs both.
//!
//! Each section is a file. They draw the copy that [`Permissions`] is, and queue commands.

mod blocklists;
mod files;
mod ledger;
mod list;
mod row;
mod servers;
mod settings;
mod transfer;

use std::collections::HashMap;
use std::path::PathBuf;

use egui::{Button, Frame, Margin, RichText, Stroke, Ui, WidgetInfo, WidgetType, vec2};

use self::files::{FileChoice, Purpose};
pub(super) use self::list::permission_ui;
use self::list::{Found, Sort};
use super::Commands;
use super::theme::{self, Palette};
use crate::browser::permissions::Permissions;

#[cfg(test)]
mod tests;

/// Around the text of a field, so that it is as high as a button.
const FIELD_MARGIN: Margin = Margin::symmetric(8, 5);

/// A part of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Section {
    /// What was allowed.
    #[default]
    Allowed,
    /// What was refused.
    Refused,
    /// What was read.
    Read,
    /// What servers said.
    Servers,
    /// What is never asked about.
    Blocklists,
    /// Settings and policy.
    Settings,
    /// Import and export.
    Transfer,
}

impl Section {
    const ALL: [(Self, &str); 7] = [
        (Self::Allowed, "Allowed"),
        (Self::Refused, "Refused"),
        (Self::Read, "What was read"),
        (Self::Servers, "Servers that said no"),
        (Self::Blocklists, "Blocklists"),
        (Self::Settings, "Settings and policy"),
        (Self::Transfer, "Import and export"),
    ];
}

/// What the page keeps between frames.
#[derive(Default)]
pub struct PermissionsPageState {
    section: Section,
    search: String,
    sort: Sort,
    found: Option<Found>,
    confirms_all: bool,
    ledger_search: String,
    confirms_clearing: bool,
    entry: String,
    entry_error: Option<String>,
    /// Values of settings that are being typed, by the setting's name.
    typed: HashMap<&'static str, String>,
    files: Option<FileChoice>,
    /// The folder of the file that was chosen last.
    folder: Option<PathBuf>,
}

impl PermissionsPageState {
    fn choose_file(&mut self, purpose: Purpose) {
        self.files = Some(FileChoice::new(purpose, self.folder.as_deref()));
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
    Frame::new()
        .inner_margin(Margin::symmetric(24, 16))
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 8.0);
            ui.label(RichText::new("Permissions").font(theme::strong_font(22.0)));
            sections_ui(ui, state);
            if let Some(failure) = &permissions.failure {
                let text = format!("This did not work, or may not last: {failure}.");
                ui.label(RichText::new(text).color(palette.caution_text));
            }
            ui.separator();
            match state.section {
                Section::Allowed => list::allowed_ui(ui, permissions, state, commands),
                Section::Refused => list::refused_ui(ui, permissions, state, commands),
                Section::Read => ledger::ledger_ui(ui, permissions, state, commands),
                Section::Servers => servers::servers_ui(ui, permissions),
                Section::Blocklists => blocklists::blocklists_ui(ui, permissions, state, commands),
                Section::Settings => settings::settings_ui(ui, permissions, state, commands),
                Section::Transfer => transfer::transfer_ui(ui, permissions, state, commands),
            }
        });
    files::files_ui(ui.ctx(), &mut state.files, &mut state.folder, commands);
}

fn sections_ui(ui: &mut Ui, state: &mut PermissionsPageState) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        for (section, name) in Section::ALL {
            // NB: a stroke would take room where there is one: around the name that is selected or pointed at.
            let tab = Button::selectable(state.section == section, name).stroke(Stroke::NONE);
            if ui.add(tab).clicked() {
                state.section = section;
                state.confirms_all = false;
                state.confirms_clearing = false;
            }
        }
    });
}

/// A field to search in.
fn search_ui(ui: &mut Ui, text: &mut String, hint: &str, name: &str) -> egui::Response {
    let field = egui::TextEdit::singleline(text)
        .margin(FIELD_MARGIN)
        .hint_text(hint.to_owned())
        .char_limit(256)
        .desired_width(240.0);
    let response = ui.add(field);
    let value = text.clone();
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(WidgetType::TextEdit, true, name);
        info.current_text_value = Some(value.clone());
        info
    });
    response
}

/// What a section is for.
fn explanation_ui(ui: &mut Ui, text: &str) {
    let palette = Palette::of(ui.visuals());
    ui.add(egui::Label::new(RichText::new(text).color(palette.weak_text)).wrap());
}

fn heading_ui(ui: &mut Ui, text: &str) {
    ui.add_space(6.0);
    ui.label(RichText::new(text).font(theme::strong_font(15.0)));
}
