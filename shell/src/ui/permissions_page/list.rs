//! What was allowed and what was refused.

use egui::{Button, ComboBox, ScrollArea, Ui, WidgetInfo, WidgetType};

use super::row::{Line, LineButton, ROW_HEIGHT, TALL_ROW_HEIGHT, line_ui, list_ui, origin, pair};
use super::{PermissionsPageState, Section, explanation_ui, heading_ui, search_ui};
use crate::browser::command::Command;
use crate::browser::permissions::words::count;
use crate::browser::permissions::{PermissionRow, Permissions, PermissionsCommand, Subject};
use crate::ui::Commands;
use crate::ui::theme::Palette;

/// How wide the choice of an order is.
const ORDER_WIDTH: f32 = 140.0;

/// In which order a list stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// By the click, the newest first.
    #[default]
    Newest,
    /// By the last use, the latest first.
    LastUsed,
    /// By how much was read, the most first.
    MostRead,
    /// By who reads.
    Requester,
    /// By whom they read from.
    Target,
}

impl Sort {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Newest, "Newest first"),
        (Self::LastUsed, "Last used first"),
        (Self::MostRead, "Most read first"),
        (Self::Requester, "By page"),
        (Self::Target, "By server"),
    ];

    fn name(self) -> &'static str {
        Self::ALL
            .into_iter()
            .find(|(sort, _)| *sort == self)
            .map_or("", |(_, name)| name)
    }
}

/// What a search found in which copy, so that a long list is not searched and sorted for every frame.
#[derive(PartialEq, Eq)]
pub(super) struct Found {
    revision: u64,
    section: Section,
    sort: Sort,
    words: String,
    indices: Vec<usize>,
}

impl Found {
    fn new(permissions: &Permissions, section: Section, sort: Sort, words: String) -> Self {
        let mut rows: Vec<(usize, &PermissionRow)> = permissions
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| {
                (row.subject == Subject::Denial) == (section == Section::Refused)
                    && row.fits(&words)
            })
            .collect();
        match sort {
            Sort::Newest => {},
            Sort::LastUsed => rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.last_used)),
            Sort::MostRead => rows.sort_by_key(|(_, row)| std::cmp::Reverse(row.bytes)),
            Sort::Requester => rows.sort_by_cached_key(|(_, row)| {
                (
                    row.key.requester.site().to_string(),
                    row.key.requester.to_string(),
                )
            }),
            Sort::Target => rows.sort_by_cached_key(|(_, row)| {
                (
                    row.key.target.site().to_string(),
                    row.key.target.to_string(),
                )
            }),
        }
        Self {
            revision: permissions.revision,
            section,
            sort,
            words,
            indices: rows.into_iter().map(|(index, _)| index).collect(),
        }
    }

    fn is_fresh(&self, permissions: &Permissions, state: (Section, Sort, &str)) -> bool {
        self.revision == permissions.revision && (self.section, self.sort, &*self.words) == state
    }
}

impl PermissionsPageState {
    fn found(&mut self, permissions: &Permissions) -> &[usize] {
        let words = self.search.to_lowercase();
        let (section, sort) = (self.section, self.sort);
        let found = self
            .found
            .take()
            .filter(|found| found.is_fresh(permissions, (section, sort, &words)))
            .unwrap_or_else(|| Found::new(permissions, section, sort, words));
        &self.found.insert(found).indices
    }
}

/// Draws what was allowed.
pub(super) fn allowed_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    explanation_ui(
        ui,
        "What you let pages read from other sites. Revoking ends the requests that are under way. What a page has already \
         read cannot be called back.",
    );
    let has_grants = permissions
        .rows
        .iter()
        .any(|row| row.subject != Subject::Denial);
    controls_ui(ui, state, |ui, state| {
        revoke_all_ui(ui, has_grants, state, commands);
    });
    rows_ui(
        ui,
        permissions,
        state,
        commands,
        "You have allowed nothing yet.",
    );
}

/// Draws what was refused.
pub(super) fn refused_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
    explanation_ui(
        ui,
        "What you never want to be asked again. After a reset, the next request asks.",
    );
    controls_ui(ui, state, |_, _| {});
    if !permissions.embargoes.is_empty() {
        embargoes_ui(ui, permissions, commands);
    }
    rows_ui(
        ui,
        permissions,
        state,
        commands,
        "You have refused nothing for good.",
    );
}

fn controls_ui(
    ui: &mut Ui,
    state: &mut PermissionsPageState,
    more: impl FnOnce(&mut Ui, &mut PermissionsPageState),
) {
    ui.horizontal_wrapped(|ui| {
        search_ui(
            ui,
            &mut state.search,
            "Search sites",
            "Search the permissions",
        );
        // It has a width only once it is drawn, so it does not go to the next row by itself.
        if ui.available_size_before_wrap().x < ORDER_WIDTH {
            ui.end_row();
        }
        let response = ComboBox::from_id_salt("order of permissions")
            .width(ORDER_WIDTH)
            .selected_text(state.sort.name())
            .show_ui(ui, |ui| {
                for (sort, name) in Sort::ALL {
                    ui.selectable_value(&mut state.sort, sort, name);
                }
            })
            .response;
        let name = format!("Order: {}", state.sort.name());
        response.widget_info(|| WidgetInfo::labeled(WidgetType::ComboBox, true, &name));
        more(ui, state);
    });
}

fn revoke_all_ui(
    ui: &mut Ui,
    has_grants: bool,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
) {
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
}

fn embargoes_ui(ui: &mut Ui, permissions: &Permissions, commands: &mut Commands) {
    heading_ui(ui, "May not ask for a while");
    let palette = Palette::of(ui.visuals());
    ScrollArea::vertical()
        .id_salt("embargoes")
        .max_height(3.5 * ROW_HEIGHT)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            for row in &permissions.embargoes {
                let mut title = egui::text::LayoutJob::default();
                origin(&mut title, &row.key.1, palette);
                let line = Line {
                    title,
                    description: &row.description,
                    caution: None,
                    usage: None,
                };
                let name = format!("Let it ask: {}", row.key.1.display());
                let button = LineButton {
                    text: "Let it ask",
                    name: &name,
                };
                if line_ui(ui, line, Some(button)) {
                    let command = PermissionsCommand::ResetEmbargo(row.key.clone());
                    commands.push(Command::Permissions(command));
                }
            }
        });
    heading_ui(ui, "Never");
}

fn rows_ui(
    ui: &mut Ui,
    permissions: &Permissions,
    state: &mut PermissionsPageState,
    commands: &mut Commands,
    nothing: &str,
) {
    let is_searched = !state.search.trim().is_empty();
    let height = match state.section {
        Section::Refused => ROW_HEIGHT,
        _ => TALL_ROW_HEIGHT,
    };
    let found = state.found(permissions);
    if found.is_empty() {
        ui.label(if is_searched {
            "Nothing fits the search."
        } else {
            nothing
        });
        return;
    }
    ui.label(count(found.len() as u64, "entry", "entries"));
    list_ui(ui, "permissions", height, found.len(), |ui, range| {
        let shown = found.get(range).unwrap_or_default();
        for row in shown
            .iter()
            .filter_map(|index| permissions.rows.get(*index))
        {
            permission_ui(ui, row, commands);
        }
    });
}

/// Draws a line of what was allowed or refused, with what takes it back.
pub(in crate::ui) fn permission_ui(ui: &mut Ui, row: &PermissionRow, commands: &mut Commands) {
    let palette = Palette::of(ui.visuals());
    let key = &row.key;
    let (text, verb, command) = match row.subject {
        Subject::Grant(id) => ("Revoke", "reads from", Command::RevokePermission(id)),
        Subject::Denial => (
            "Reset",
            "may not read from",
            Command::ResetPermission(key.clone()),
        ),
    };
    let name = format!(
        "{text}: {} reading from {}",
        key.requester.display(),
        key.target.display()
    );
    let line = Line {
        title: pair(&key.requester, &key.target, verb, palette),
        description: &row.description,
        caution: row.suspended.as_deref(),
        usage: row.usage.as_deref(),
    };
    if line_ui(ui, line, Some(LineButton { text, name: &name })) {
        commands.push(command);
    }
}
