//! What a page asks through the browser, drawn over that page: dialogs, lists, menus and pickers.
//!
//! A page's own words stand under its name and over its own area, so that they cannot pass for the browser's. Lists and
//! menus close with a click anywhere else, which does what it would have done without them.

use std::ffi::OsStr;
use std::path::Path;

use egui::{
    Align, Align2, Area, Button, Color32, Context, Frame, Id, Key, Label, Layout, Modifiers, Order,
    Pos2, Rect, RichText, ScrollArea, Sense, TextEdit, TextStyle, Ui, Vec2, pos2, vec2,
};
use egui_file_dialog::{FileDialog, Filter};
use servo::{ContextMenuAction, DeviceIntRect};
use url::Url;

use super::theme::{self, Palette};
use super::{Commands, View};
use crate::browser::command::Command;
use crate::browser::dialog::{Dialog, DialogAnswer, DialogId, DialogView, MenuEntry, SelectEntry};
use crate::browser::tab::ZoomLevel;

/// How wide a context menu is, in points.
const MENU_WIDTH: f32 = 230.0;

/// How wide a color picker is.
const COLOR_WIDTH: f32 = 280.0;

/// How high an entry of a menu or list is.
const MENU_ROW: f32 = 27.0;

/// How wide a list may be.
const MAX_LIST_WIDTH: f32 = 480.0;

/// What dialogs keep between frames.
#[derive(Default)]
pub struct DialogsState {
    open: Option<DialogId>,
    text: String,
    password: String,
    color: [u8; 3],
    selected: Vec<usize>,
    files: Option<FileDialog>,
}

/// Whether a dialog keeps input from the page until it is answered.
pub fn blocks_page(dialog: &Dialog) -> bool {
    !matches!(
        dialog.view,
        DialogView::Select { .. } | DialogView::ContextMenu { .. } | DialogView::Color { .. }
    )
}

/// Draws the first dialog of the tab in front.
pub fn dialogs_ui(
    ui: &mut Ui,
    view: &View<'_>,
    page: Rect,
    state: &mut DialogsState,
    commands: &mut Commands,
) {
    let Some((tab, dialog)) = view
        .selected_tab()
        .and_then(|(key, tab)| tab.dialogs.front().map(|dialog| (key, dialog)))
    else {
        *state = DialogsState::default();
        return;
    };
    let is_new = state.open != Some(dialog.id);
    if is_new {
        *state = DialogsState {
            open: Some(dialog.id),
            ..DialogsState::default()
        };
        state.begin(&dialog.view);
    }
    let who = view
        .selected_tab()
        .and_then(|(_, tab)| tab.url.as_ref())
        .map_or("This page".to_owned(), name);
    let zoom = view
        .selected_tab()
        .map(|(_, tab)| tab.zoom)
        .unwrap_or_default();
    let context = ui.ctx().clone();
    let answer = match &dialog.view {
        DialogView::Alert { message } => card_ui(&context, page, |ui| alert_ui(ui, &who, message)),
        DialogView::Confirm { message } => {
            card_ui(&context, page, |ui| confirm_ui(ui, &who, message))
        },
        DialogView::Prompt { message, .. } => card_ui(&context, page, |ui| {
            prompt_ui(ui, &who, message, &mut state.text, is_new)
        }),
        DialogView::Authentication {
            server,
            for_proxy,
            is_secure,
        } => card_ui(&context, page, |ui| {
            authentication_ui(ui, server, *for_proxy, *is_secure, state, is_new)
        }),
        DialogView::Permission { wish } => {
            card_ui(&context, page, |ui| permission_ui(ui, &who, wish))
        },
        DialogView::Select {
            entries,
            multiple,
            position,
            ..
        } => {
            let anchor = element_rect(page, zoom, *position);
            let width = select_width(ui, entries).max(anchor.width());
            popup_ui(&context, page, anchor, width, is_new, |ui| {
                select_ui(ui, page, entries, *multiple, state)
            })
        },
        DialogView::ContextMenu {
            entries,
            link,
            image,
            position,
        } => {
            let anchor = device_point(&context, page, *position);
            popup_ui(&context, page, anchor, MENU_WIDTH, is_new, |ui| {
                menu_ui(ui, entries, link.as_ref(), image.as_ref(), commands)
            })
        },
        DialogView::Color { position, .. } => {
            let anchor = element_rect(page, zoom, *position);
            popup_ui(&context, page, anchor, COLOR_WIDTH, is_new, |ui| {
                color_ui(ui, &mut state.color)
            })
        },
        DialogView::File {
            multiple,
            extensions,
        } => files_ui(&context, *multiple, extensions, state),
    };
    let answer = answer.map(|answer| state.finish(&dialog.view, answer));
    if let Some(answer) = answer {
        commands.push(Command::AnswerDialog(tab, dialog.id, answer));
    }
}

impl DialogsState {
    fn begin(&mut self, view: &DialogView) {
        match view {
            DialogView::Prompt { suggestion, .. } => self.text.clone_from(suggestion),
            DialogView::Select { selected, .. } => self.selected.clone_from(selected),
            DialogView::Color { current, .. } => self.color = *current,
            _ => {},
        }
    }

    /// Closing a list or picker keeps what was chosen in it so far, as the web's own ones do.
    fn finish(&mut self, view: &DialogView, answer: DialogAnswer) -> DialogAnswer {
        match (view, answer) {
            (DialogView::Select { multiple: true, .. }, DialogAnswer::Cancel) => {
                DialogAnswer::Selected(std::mem::take(&mut self.selected))
            },
            (DialogView::Color { .. }, DialogAnswer::Cancel) => DialogAnswer::Color(self.color),
            (_, answer) => answer,
        }
    }
}

/// Who speaks, for a dialog's title.
fn name(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "This page".to_owned(),
    }
}

/// A card at the top of the page, over a shade that only covers the page.
fn card_ui(
    context: &Context,
    page: Rect,
    content: impl FnOnce(&mut Ui) -> Option<DialogAnswer>,
) -> Option<DialogAnswer> {
    let palette = Palette::of(&context.global_style().visuals);
    Area::new(Id::new("page shade"))
        .order(Order::Middle)
        .fixed_pos(page.min)
        .constrain(false)
        .show(context, |ui| {
            ui.painter()
                .rect_filled(page, 0.0, Color32::from_black_alpha(90));
            ui.allocate_rect(page, Sense::click_and_drag());
        });
    let answer = Area::new(Id::new("page dialog"))
        .order(Order::Foreground)
        .pivot(Align2::CENTER_TOP)
        .fixed_pos(pos2(page.center().x, page.top() + 18.0))
        .constrain_to(page)
        .show(context, |ui| {
            Frame::window(ui.style())
                .inner_margin(18)
                .fill(palette.surface)
                .show(ui, |ui| {
                    ui.set_width((page.width() - 80.0).clamp(160.0, 440.0));
                    ui.spacing_mut().item_spacing.y = 10.0;
                    content(ui)
                })
                .inner
        })
        .inner;
    let escaped = context.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape));
    answer.or(escaped.then_some(DialogAnswer::Cancel))
}

fn title_ui(ui: &mut Ui, text: String) {
    ui.add(Label::new(RichText::new(text).font(theme::strong_font(15.0))).wrap());
}

fn message_ui(ui: &mut Ui, message: &str) {
    let height = (ui.ctx().content_rect().height() * 0.5).max(80.0);
    ScrollArea::vertical().max_height(height).show(ui, |ui| {
        ui.add(Label::new(message).wrap().selectable(true));
    });
}

/// The buttons at the end of a card. Returns true for the first, false for the second.
fn buttons_ui(ui: &mut Ui, accept: &str, refuse: Option<&str>) -> Option<bool> {
    let palette = Palette::of(ui.visuals());
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let button =
            Button::new(RichText::new(accept).color(palette.on_accent)).fill(palette.accent);
        let accepted = ui.add(button.min_size(vec2(84.0, 30.0))).clicked();
        let refused = refuse.is_some_and(|refuse| {
            ui.add(Button::new(refuse).min_size(vec2(84.0, 30.0)))
                .clicked()
        });
        match (accepted, refused) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    })
    .inner
}

fn accept_or_cancel(clicked: Option<bool>) -> Option<DialogAnswer> {
    clicked.map(|accepted| {
        if accepted {
            DialogAnswer::Accept
        } else {
            DialogAnswer::Cancel
        }
    })
}

fn alert_ui(ui: &mut Ui, who: &str, message: &str) -> Option<DialogAnswer> {
    title_ui(ui, format!("{who} says"));
    message_ui(ui, message);
    let clicked = buttons_ui(ui, "OK", None).is_some();
    let entered = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
    (clicked || entered).then_some(DialogAnswer::Accept)
}

fn confirm_ui(ui: &mut Ui, who: &str, message: &str) -> Option<DialogAnswer> {
    title_ui(ui, format!("{who} asks"));
    message_ui(ui, message);
    accept_or_cancel(buttons_ui(ui, "OK", Some("Cancel")))
}

fn prompt_ui(
    ui: &mut Ui,
    who: &str,
    message: &str,
    text: &mut String,
    is_new: bool,
) -> Option<DialogAnswer> {
    title_ui(ui, format!("{who} asks"));
    message_ui(ui, message);
    let field = ui.add(
        TextEdit::singleline(text)
            .desired_width(f32::INFINITY)
            .char_limit(16 * 1024),
    );
    if is_new {
        field.request_focus();
    }
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    match buttons_ui(ui, "OK", Some("Cancel")) {
        Some(false) => Some(DialogAnswer::Cancel),
        Some(true) => Some(DialogAnswer::Text(text.clone())),
        None => entered.then(|| DialogAnswer::Text(text.clone())),
    }
}

fn authentication_ui(
    ui: &mut Ui,
    server: &str,
    for_proxy: bool,
    is_secure: bool,
    state: &mut DialogsState,
    is_new: bool,
) -> Option<DialogAnswer> {
    let what = if for_proxy { "The proxy" } else { "The server" };
    title_ui(
        ui,
        format!("{what} {server} asks for a user name and password"),
    );
    if !is_secure {
        let warning =
            "Others on the network can read what you type here: the connection is not encrypted.";
        ui.add(Label::new(RichText::new(warning).color(ui.visuals().warn_fg_color)).wrap());
    }
    let field = |ui: &mut Ui, label: &str, text: &mut String, hidden: bool| {
        let label = ui.label(label);
        ui.add(
            TextEdit::singleline(text)
                .password(hidden)
                .desired_width(f32::INFINITY)
                .char_limit(4096),
        )
        .labelled_by(label.id)
    };
    let name = field(ui, "User name", &mut state.text, false);
    let password = field(ui, "Password", &mut state.password, true);
    if is_new {
        name.request_focus();
    }
    let entered = password.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let clicked = buttons_ui(ui, "Log in", Some("Cancel"));
    if clicked == Some(false) {
        return Some(DialogAnswer::Cancel);
    }
    (entered || clicked == Some(true)).then(|| DialogAnswer::Credentials {
        username: std::mem::take(&mut state.text),
        password: std::mem::take(&mut state.password),
    })
}

fn permission_ui(ui: &mut Ui, who: &str, wish: &str) -> Option<DialogAnswer> {
    title_ui(ui, format!("{who} wants to {wish}"));
    accept_or_cancel(buttons_ui(ui, "Allow", Some("Not now")))
}

/// A list or menu at a place of the page. A press anywhere else closes it.
fn popup_ui(
    context: &Context,
    page: Rect,
    anchor: Rect,
    width: f32,
    is_new: bool,
    content: impl FnOnce(&mut Ui) -> Option<DialogAnswer>,
) -> Option<DialogAnswer> {
    let response = Area::new(Id::new("page popup"))
        .order(Order::Foreground)
        .fixed_pos(popup_position(page, anchor))
        // What a page put into a list must not cover what the browser says.
        .constrain_to(page)
        .show(context, |ui| {
            Frame::menu(ui.style())
                .show(ui, |ui| {
                    ui.spacing_mut().item_spacing.y = 1.0;
                    ui.set_width(width);
                    content(ui)
                })
                .inner
        });
    let (pressed_elsewhere, escaped) = context.input_mut(|input| {
        let place = input.pointer.interact_pos();
        let pressed = input.pointer.any_pressed()
            && place.is_some_and(|place| !response.response.rect.contains(place));
        (pressed, input.consume_key(Modifiers::NONE, Key::Escape))
    });
    response
        .inner
        .or(((pressed_elsewhere && !is_new) || escaped).then_some(DialogAnswer::Cancel))
}

fn popup_position(page: Rect, anchor: Rect) -> Pos2 {
    pos2(
        anchor.left().clamp(page.left(), page.right()),
        anchor.bottom().clamp(page.top(), page.bottom()),
    )
}

/// Where an element of the page is in the window.
///
/// NB: The type says device pixels, but Servo 0.7 gives elements in CSS pixels of the page.
pub fn element_rect(page: Rect, zoom: ZoomLevel, position: DeviceIntRect) -> Rect {
    // The window's points are the page's CSS pixels at 100 %.
    let point = |x: i32, y: i32| page.min + vec2(x as f32, y as f32) * zoom.factor();
    Rect::from_min_max(
        point(position.min.x, position.min.y),
        point(position.max.x, position.max.y),
    )
}

/// Where a point of the page is in the window, given in device pixels.
fn device_point(context: &Context, page: Rect, position: DeviceIntRect) -> Rect {
    let corner = vec2(position.min.x as f32, position.min.y as f32) / context.pixels_per_point();
    Rect::from_min_size(page.min + corner, Vec2::ZERO)
}

/// Wide enough for every entry, within bounds.
fn select_width(ui: &Ui, entries: &[SelectEntry]) -> f32 {
    let font = TextStyle::Button.resolve(ui.style());
    let longest = entries
        .iter()
        .map(|entry| match entry {
            SelectEntry::Option { label, .. } | SelectEntry::Group { label } => label,
        })
        .max_by_key(|label| label.len());
    let text = longest.map_or(0.0, |label| {
        ui.painter()
            .layout_no_wrap(label.clone(), font, Color32::PLACEHOLDER)
            .size()
            .x
    });
    (text + 56.0).min(MAX_LIST_WIDTH)
}

fn select_ui(
    ui: &mut Ui,
    page: Rect,
    entries: &[SelectEntry],
    multiple: bool,
    state: &mut DialogsState,
) -> Option<DialogAnswer> {
    let mut answer = None;
    let height = (page.height() * 0.5).max(MENU_ROW);
    ScrollArea::vertical()
        .max_height(height)
        .show_rows(ui, MENU_ROW, entries.len(), |ui, rows| {
            for entry in entries.get(rows).unwrap_or_default() {
                match entry {
                    SelectEntry::Group { label } => {
                        let name = RichText::new(label).font(theme::strong_font(13.0));
                        ui.allocate_ui_with_layout(
                            vec2(ui.available_width(), MENU_ROW),
                            Layout::left_to_right(Align::Center),
                            |ui| {
                                ui.set_height(MENU_ROW);
                                ui.add_space(6.0);
                                ui.add(Label::new(name).truncate());
                            },
                        );
                    },
                    SelectEntry::Option {
                        id,
                        label,
                        enabled,
                        in_group,
                    } => {
                        let is_selected = state.selected.contains(id);
                        let indent = if *in_group { "    " } else { "" };
                        let button = Button::selectable(is_selected, format!("{indent}{label}"))
                            .truncate()
                            .min_size(vec2(ui.available_width(), MENU_ROW));
                        if ui.add_enabled(*enabled, button).clicked() {
                            if multiple {
                                if is_selected {
                                    state.selected.retain(|other| other != id);
                                } else {
                                    state.selected.push(*id);
                                }
                            } else {
                                answer = Some(DialogAnswer::Selected(vec![*id]));
                            }
                        }
                    },
                }
            }
        });
    answer
}

fn menu_ui(
    ui: &mut Ui,
    entries: &[MenuEntry],
    link: Option<&Url>,
    image: Option<&Url>,
    commands: &mut Commands,
) -> Option<DialogAnswer> {
    let mut answer = None;
    for entry in entries {
        match entry {
            MenuEntry::Action { action, enabled } => {
                let button = Button::selectable(false, action_label(*action))
                    .min_size(vec2(ui.available_width(), MENU_ROW));
                if !ui.add_enabled(*enabled, button).clicked() {
                    continue;
                }
                // Servo would let the page open the tab; the browser does it without the page.
                let opened = match action {
                    ContextMenuAction::OpenLinkInNewWebView => link,
                    ContextMenuAction::OpenImageInNewView => image,
                    _ => None,
                };
                answer = Some(match opened {
                    Some(url) => {
                        commands.push(Command::OpenInNewTab(url.clone()));
                        DialogAnswer::Cancel
                    },
                    None => DialogAnswer::Menu(*action),
                });
            },
            MenuEntry::Separator => {
                ui.add(egui::Separator::default().spacing(6.0));
            },
        }
    }
    answer
}

fn action_label(action: ContextMenuAction) -> &'static str {
    match action {
        ContextMenuAction::GoBack => "Back",
        ContextMenuAction::GoForward => "Forward",
        ContextMenuAction::Reload => "Reload",
        ContextMenuAction::CopyLink => "Copy link",
        ContextMenuAction::OpenLinkInNewWebView => "Open link in new tab",
        ContextMenuAction::CopyImageLink => "Copy image address",
        ContextMenuAction::OpenImageInNewView => "Open image in new tab",
        ContextMenuAction::Cut => "Cut",
        ContextMenuAction::Copy => "Copy",
        ContextMenuAction::Paste => "Paste",
        ContextMenuAction::SelectAll => "Select all",
    }
}

fn color_ui(ui: &mut Ui, color: &mut [u8; 3]) -> Option<DialogAnswer> {
    ui.spacing_mut().slider_width = ui.available_width() - 8.0;
    let mut picked = Color32::from_rgb(color[0], color[1], color[2]);
    egui::widgets::color_picker::color_picker_color32(
        ui,
        &mut picked,
        egui::widgets::color_picker::Alpha::Opaque,
    );
    *color = [picked.r(), picked.g(), picked.b()];
    buttons_ui(ui, "Choose", None).map(|_| DialogAnswer::Color(*color))
}

fn files_ui(
    context: &Context,
    multiple: bool,
    extensions: &[String],
    state: &mut DialogsState,
) -> Option<DialogAnswer> {
    let dialog = state
        .files
        .get_or_insert_with(|| file_dialog(multiple, extensions));
    dialog.update(context);
    if let Some(path) = dialog.take_picked() {
        return Some(DialogAnswer::Files(vec![path]));
    }
    if let Some(paths) = dialog.take_picked_multiple() {
        return Some(DialogAnswer::Files(paths));
    }
    matches!(
        dialog.state(),
        egui_file_dialog::DialogState::Cancelled | egui_file_dialog::DialogState::Closed
    )
    .then_some(DialogAnswer::Cancel)
}

fn file_dialog(multiple: bool, extensions: &[String]) -> FileDialog {
    const FITTING: &str = "Files that the page takes";
    let title = if multiple {
        "Choose files for the page"
    } else {
        "Choose a file for the page"
    };
    let mut dialog = FileDialog::new()
        .anchor(Align2::CENTER_CENTER, Vec2::ZERO)
        .title(title);
    let labels = dialog.labels_mut();
    labels.open_button = "Open".to_owned();
    labels.cancel_button = "Cancel".to_owned();
    dialog.config_mut().show_search = false;
    if !extensions.is_empty() {
        let extensions = extensions.to_vec();
        let fits = move |path: &Path| {
            let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
            extensions
                .iter()
                .any(|wanted| wanted.eq_ignore_ascii_case(extension))
        };
        dialog = dialog
            .add_file_filter(FITTING, Filter::new(fits))
            .default_file_filter(FITTING);
    }
    if multiple {
        dialog.pick_multiple();
    } else {
        dialog.pick_file();
    }
    dialog
}
