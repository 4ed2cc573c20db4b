//! The toolbar: history, reload and stop, and the address bar.

use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{
    Align, Align2, Button, Color32, EventFilter, Galley, Id, Key, Layout, Margin, Modifiers, Rect,
    RichText, Sense, Stroke, StrokeKind, TextBuffer, TextEdit, Ui, UiBuilder, WidgetInfo,
    WidgetType, pos2, vec2,
};
use url::{Position, Url};
use user_cors::{Presence, TupleOrigin};

use super::icons::{self, Icon};
use super::theme::{self, Palette, ROUNDING, TOOLBAR_HEIGHT};
use super::{Commands, View, permission_bar};
use crate::browser::command::{Command, Zoom};
use crate::browser::tab::{LoadProgress, TabKey, TabState};

const FONT_SIZE: f32 = 14.0;

/// What the toolbar keeps between frames.
pub struct ToolbarState {
    /// What stands in the address bar.
    pub text: String,
    /// Whether the address bar is to get the keyboard's focus in the next frame.
    pub focus_address: bool,
    /// Where the site button was drawn, in points.
    pub site_button: Rect,
    was_focused: bool,
    select_all: bool,
    shown: Option<(TabKey, Option<Url>)>,
}

impl Default for ToolbarState {
    fn default() -> Self {
        Self {
            text: String::new(),
            focus_address: false,
            site_button: Rect::ZERO,
            was_focused: false,
            select_all: false,
            shown: None,
        }
    }
}

/// The widget to type an address into.
pub fn address_id() -> Id {
    Id::new("address bar")
}

/// Draws the toolbar.
pub fn toolbar_ui(ui: &mut Ui, view: &View<'_>, state: &mut ToolbarState, commands: &mut Commands) {
    let Some((key, tab)) = view.selected_tab() else {
        return;
    };
    ui.spacing_mut().item_spacing.x = 2.0;
    ui.horizontal_centered(|ui| {
        ui.add_space(6.0);
        for (icon, label, enabled, command) in [
            (Icon::Back, "Go back", tab.can_go_back, Command::Back),
            (
                Icon::Forward,
                "Go forward",
                tab.can_go_forward,
                Command::Forward,
            ),
        ] {
            if icons::icon_button_ui(ui, icon, label, enabled).clicked() {
                commands.push(command);
            }
        }
        if tab.is_loading() {
            if icons::icon_button_ui(ui, Icon::Close, "Stop loading", true).clicked() {
                commands.push(Command::Stop);
            }
        } else if icons::icon_button_ui(ui, Icon::Reload, "Reload", !tab.shows_new_tab_page())
            .clicked()
        {
            commands.push(Command::Reload);
        }
        ui.add_space(6.0);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add_space(8.0);
            if icons::icon_button_ui(ui, Icon::Key, "Permissions", true).clicked() {
                commands.push(Command::OpenPermissions);
            }
            ui.add_space(4.0);
            chips_ui(ui, view, tab, commands);
            let is_open = view.site_panel.is_some();
            address_bar_ui(ui, key, tab, is_open, state, commands);
        });
    });
    progress_ui(ui, key, tab);
}

/// What stands beside the address bar while it holds.
fn chips_ui(ui: &mut Ui, view: &View<'_>, tab: &TabState, commands: &mut Commands) {
    ui.spacing_mut().button_padding = vec2(10.0, 4.0);
    if let Some(overrides) = view.overrides {
        let palette = Palette::of(ui.visuals());
        let text = RichText::new("Test setup")
            .font(theme::text_font(12.5))
            .color(palette.caution_text);
        let chip = Button::new(text)
            .fill(palette.caution)
            .stroke(Stroke::new(1.0, palette.caution_border))
            .corner_radius(12)
            .sense(Sense::hover());
        let response = ui.add(chip);
        let name =
            format!("The command line overrides what keeps you safe, for tests. {overrides}");
        response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &name));
        response.on_hover_text(name);
        ui.add_space(6.0);
    }
    let quiet = tab
        .questions
        .first()
        .filter(|question| question.presence == Presence::Chip);
    if let Some(question) = quiet {
        if permission_bar::chip_ui(ui, question) {
            commands.push(Command::OpenQuietQuestion);
        }
        ui.add_space(6.0);
    }
}

fn address_bar_ui(
    ui: &mut Ui,
    key: TabKey,
    tab: &TabState,
    panel_is_open: bool,
    state: &mut ToolbarState,
    commands: &mut Commands,
) {
    let palette = Palette::of(ui.visuals());
    let (rect, _) = ui.allocate_exact_size(
        vec2(ui.available_width(), TOOLBAR_HEIGHT - 10.0),
        Sense::hover(),
    );
    let id = address_id();
    let is_asked_for = std::mem::take(&mut state.focus_address);
    if is_asked_for {
        ui.memory_mut(|memory| memory.request_focus(id));
    }
    let is_focused = ui.memory(|memory| memory.has_focus(id));

    // What is typed stays while it is typed. Another tab or another page puts its own address there.
    let address = match tab.own_page {
        Some(page) => Url::parse(page.address()).ok(),
        None if tab.shows_new_tab_page() => None,
        None => tab.url.clone(),
    };
    let shown = Some((key, address.clone()));
    let tab_changed = state.shown.as_ref().map(|(key, _)| *key) != Some(key);
    if state.shown != shown && (!is_focused || is_asked_for || tab_changed) {
        state.text = address.as_ref().map(Url::to_string).unwrap_or_default();
        state.shown = shown;
    }
    if is_asked_for {
        // Before the field takes this frame's keys: who types at once replaces the address.
        select_all(ui, id, &state.text);
        state.was_focused = true;
    }
    if is_focused && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
        state.text = address.as_ref().map(Url::to_string).unwrap_or_default();
        state.select_all = true;
    }

    let stroke = if is_focused {
        Stroke::new(2.0, palette.accent)
    } else {
        Stroke::NONE
    };
    ui.painter()
        .rect(rect, ROUNDING, palette.field, stroke, StrokeKind::Inside);
    let mut inner = rect.shrink2(vec2(10.0, 0.0));
    let site_button = site_button_ui(ui, inner, tab, panel_is_open, commands);
    state.site_button = site_button;
    inner.min.x += site_button.width();
    inner.max.x -= zoom_ui(ui, inner, tab, commands);

    // At rest the field shows where the page is from: the typed text is drawn over by one that stresses the site and
    // never leaves its end out of sight.
    let resting = (!is_focused).then_some(address.as_ref()).flatten();
    let text_color = if resting.is_some() {
        Color32::TRANSPARENT
    } else {
        palette.text
    };
    let mut layouter = |ui: &Ui, text: &dyn TextBuffer, _width: f32| -> Arc<Galley> {
        let job = LayoutJob::simple_singleline(
            text.as_str().to_owned(),
            theme::text_font(FONT_SIZE),
            text_color,
        );
        ui.fonts_mut(|fonts| fonts.layout_job(job))
    };
    let edit = TextEdit::singleline(&mut state.text)
        .id(id)
        .frame(egui::Frame::NONE)
        .margin(Margin::ZERO)
        .vertical_align(Align::Center)
        .hint_text("Search, or type an address")
        .char_limit(64 * 1024)
        .event_filter(EventFilter {
            horizontal_arrows: true,
            vertical_arrows: false,
            tab: false,
            escape: false,
        })
        .layouter(&mut layouter);
    let mut edit_ui = ui.new_child(UiBuilder::new().max_rect(inner));
    let output = edit_ui.put(inner, edit);
    output.widget_info(|| {
        let mut info = WidgetInfo::labeled(WidgetType::TextEdit, true, "Address and search");
        info.current_text_value = Some(state.text.clone());
        info
    });
    if let Some(url) = resting {
        resting_address_ui(ui, inner, url);
    }

    // The click that gives the focus must not also place the caret, so everything is selected when it is over.
    let gained = is_focused && !state.was_focused;
    state.was_focused = is_focused;
    state.select_all |= gained;
    if state.select_all && is_focused && !ui.input(|input| input.pointer.any_down()) {
        state.select_all = false;
        select_all(ui, id, &state.text);
        ui.ctx().request_repaint();
    }
    if output.lost_focus() {
        if ui.input(|input| input.key_pressed(Key::Enter)) {
            commands.push(Command::Open(state.text.clone()));
        } else {
            // What was typed and not opened would stand behind the address at rest.
            state.shown = None;
        }
    }
    if !is_focused && !output.has_focus() {
        state.select_all = false;
    }
}

fn select_all(ui: &Ui, id: Id, text: &str) {
    let mut edit = TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
    let end = egui::text::CCursor::new(egui::text::CharIndex(text.chars().count()));
    let start = egui::text::CCursor::new(egui::text::CharIndex(0));
    edit.cursor
        .set_char_range(Some(egui::text::CCursorRange::two(start, end)));
    TextEdit::store_state(ui.ctx(), id, edit);
}

/// The address of a page that is shown, with its site in bold. What stands before the site moves out of sight when the
/// whole does not fit, so that a long name cannot pretend to be another.
fn resting_address_ui(ui: &Ui, rect: Rect, url: &Url) {
    let palette = Palette::of(ui.visuals());
    let parts = AddressParts::new(url);
    let mut job = LayoutJob::default();
    let strong = TextFormat {
        font_id: theme::strong_font(FONT_SIZE),
        color: palette.text,
        ..TextFormat::default()
    };
    let weak = TextFormat {
        font_id: theme::text_font(FONT_SIZE),
        color: palette.weak_text,
        ..TextFormat::default()
    };
    job.wrap.max_width = f32::INFINITY;
    job.append(parts.before, 0.0, weak.clone());
    job.append(parts.site, 0.0, strong);
    let site_end = ui.fonts_mut(|fonts| fonts.layout_job(job.clone())).size().x;
    job.append(parts.after, 0.0, weak);
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    let shift = (site_end - rect.width()).max(0.0);
    let position = pos2(rect.left() - shift, rect.center().y - galley.size().y / 2.0);
    ui.painter()
        .with_clip_rect(rect)
        .galley(position, galley, palette.text);
}

/// The parts of an address: what comes before the site, the site, and what comes after.
#[derive(Debug, PartialEq, Eq)]
struct AddressParts<'a> {
    before: &'a str,
    site: &'a str,
    after: &'a str,
}

impl<'a> AddressParts<'a> {
    fn new(url: &'a Url) -> Self {
        let host = &url[Position::BeforeHost..Position::AfterHost];
        if host.is_empty() {
            return Self {
                before: "",
                site: url.scheme(),
                after: &url.as_str()[url.scheme().len()..],
            };
        }
        let origin = TupleOrigin::from_url(url);
        let site_length = origin
            .as_ref()
            .and_then(TupleOrigin::registrable_domain)
            .map_or(host.len(), str::len);
        // The scheme is what the symbol before the address says, and user names are there to look like a site: both
        // are left out.
        let split = host.len().saturating_sub(site_length);
        let (subdomain, site) = host.split_at_checked(split).unwrap_or(("", host));
        Self {
            before: subdomain,
            site,
            after: &url[Position::AfterHost..],
        }
    }
}

/// Says how the page came, before its address, and opens the site panel. Returns the place that it took.
fn site_button_ui(
    ui: &mut Ui,
    rect: Rect,
    tab: &TabState,
    is_open: bool,
    commands: &mut Commands,
) -> Rect {
    let palette = Palette::of(ui.visuals());
    let has_document = !tab.shows_new_tab_page() && tab.own_page.is_none();
    let url = tab.url.as_ref().filter(|_| has_document);
    let (icon, text, tooltip) = match url {
        None => return Rect::from_min_size(rect.min, vec2(0.0, rect.height())),
        Some(_) if tab.failed_to_load() => (Icon::Warning, "", "This page could not be loaded"),
        Some(url)
            if url.scheme() == "https"
                && let Some(caution) = tab.connection().and_then(|facts| facts.caution) =>
        {
            (Icon::Warning, "Not secure", caution)
        },
        Some(url) if url.scheme() == "https" => {
            (Icon::Lock, "", "The connection to this site is encrypted")
        },
        Some(url) if url.scheme() == "http" && !is_loopback(url) => (
            Icon::Warning,
            "Not secure",
            "Others on the network can read and change what this site sends",
        ),
        Some(url) if url.scheme() == "http" => {
            (Icon::Home, "", "This page comes from this computer")
        },
        Some(_) => (Icon::Page, "", "This page does not come from the web"),
    };
    let color = if icon == Icon::Warning {
        palette.caution_text
    } else {
        palette.weak_text
    };
    let icon_rect =
        Rect::from_center_size(pos2(rect.left() + 8.0, rect.center().y), vec2(16.0, 16.0));
    icons::paint(ui.painter(), icon, icon_rect, color);
    let mut width = 24.0;
    if !text.is_empty() {
        let position = pos2(rect.left() + width, rect.center().y);
        let font = theme::text_font(13.0);
        width += ui
            .painter()
            .text(position, Align2::LEFT_CENTER, text, font, color)
            .width()
            + 10.0;
    }
    let area = Rect::from_min_size(rect.min, vec2(width, rect.height()));
    let response = ui.interact(area, Id::new("connection security"), Sense::click());
    let name = format!("Site information: {tooltip}");
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, &name));
    if response.has_focus() {
        icons::focus_ring(ui, area);
    }
    if response.clicked() {
        commands.push(if is_open {
            Command::CloseSitePanel
        } else {
            Command::OpenSitePanel
        });
    }
    response.on_hover_text(tooltip);
    area
}

fn is_loopback(url: &Url) -> bool {
    TupleOrigin::from_url(url).is_some_and(|origin| origin.is_loopback())
}

/// The zoom, where it is not the usual one. Returns the width that it took.
fn zoom_ui(ui: &mut Ui, rect: Rect, tab: &TabState, commands: &mut Commands) -> f32 {
    let percent = tab.zoom.percent();
    if percent == 100 {
        return 0.0;
    }
    const WIDTH: f32 = 58.0;
    let area = Rect::from_min_max(
        pos2(rect.right() - WIDTH, rect.top() + 5.0),
        rect.max - vec2(0.0, 5.0),
    );
    let mut zoom_ui = ui.new_child(UiBuilder::new().max_rect(area));
    zoom_ui.spacing_mut().button_padding = vec2(6.0, 2.0);
    let response = zoom_ui.put(area, Button::new(format!("{percent} %")));
    if response.on_hover_text("Reset the zoom to 100 %").clicked() {
        commands.push(Command::Zoom(Zoom::Reset));
    }
    WIDTH + 6.0
}

/// The line under the toolbar that says how far loading is.
fn progress_ui(ui: &mut Ui, key: TabKey, tab: &TabState) {
    let target = match tab.load {
        _ if tab.awaits_document => 0.2,
        LoadProgress::Idle | LoadProgress::Complete => 0.0,
        LoadProgress::Started => 0.35,
        LoadProgress::Parsing => 0.85,
    };
    let id = Id::new("load progress").with(key.0);
    let seconds = if target == 0.0 { 0.0 } else { 1.5 };
    let progress = ui.ctx().animate_value_with_time(id, target, seconds);
    if progress > 0.0 && tab.is_loading() {
        let area = ui.max_rect();
        let line = Rect::from_min_max(
            pos2(area.left(), area.bottom() - 2.0),
            pos2(area.left() + area.width() * progress, area.bottom()),
        );
        ui.painter()
            .rect_filled(line, 0.0, Palette::of(ui.visuals()).accent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_is_what_stands_out() {
        for (url, before, site, after) in [
            (
                "https://login.bank.example.co.uk/x?y",
                "login.bank.",
                "example.co.uk",
                "/x?y",
            ),
            ("https://example.org/", "", "example.org", "/"),
            ("http://127.0.0.1:8000/x", "", "127.0.0.1", ":8000/x"),
            ("http://[::1]:8000/", "", "[::1]", ":8000/"),
            (
                "https://bank.example@evil.example/",
                "",
                "evil.example",
                "/",
            ),
            ("about:blank", "", "about", ":blank"),
            (
                "data:text/html,bank.example",
                "",
                "data",
                ":text/html,bank.example",
            ),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(
                AddressParts::new(&url),
                AddressParts {
                    before,
                    site,
                    after
                },
                "{url}"
            );
        }
    }
}
