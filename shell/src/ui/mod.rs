//! The interface: functions that draw the browser's state and queue commands. Nothing here changes the browser.
//!
//! What the interface itself has to keep between frames, such as half-typed text, is in [`Interface`].

pub mod certificate_bar;
pub mod dialogs;
pub mod icons;
pub mod new_tab;
pub mod permission_bar;
pub mod permissions_page;
pub mod site_panel;
pub mod status;
pub mod tab_bar;
pub mod theme;
pub mod toolbar;

#[cfg(test)]
mod tests;

use std::time::Instant;

use egui::{CentralPanel, Frame, Id, Margin, Panel, Rect, Sense, Stroke, Ui, vec2};

use self::certificate_bar::CertificateBarState;
use self::dialogs::DialogsState;
use self::permission_bar::{PermissionBarState, Surroundings};
use self::permissions_page::PermissionsPageState;
use self::tab_bar::TabBarState;
use self::theme::Palette;
use self::toolbar::ToolbarState;
use crate::browser::command::Command;
use crate::browser::notices::StandingNotice;
use crate::browser::permissions::{Permissions, SitePanel};
use crate::browser::tab::{OwnPage, TabKey, TabState};

/// What the interface wants done, in order.
pub type Commands = Vec<Command>;

/// What is drawn.
pub struct View<'a> {
    /// The tabs, from left to right.
    pub tabs: Vec<(TabKey, &'a TabState)>,
    /// Which of them is in front.
    pub selected: usize,
    /// Whether the window fills the screen.
    pub is_fullscreen: bool,
    /// Whether the window has the keyboard's focus.
    pub window_focused: bool,
    /// What the command line overrides for tests, if it does: shown as long as it holds.
    pub overrides: Option<&'a str>,
    /// What the permissions page shows.
    pub permissions: &'a Permissions,
    /// What is known of the site of the tab in front, as long as the person looks at it.
    pub site_panel: Option<&'a SitePanel>,
    /// What the browser has to tell about itself.
    pub notices: &'a [StandingNotice],
    /// The moment of this frame.
    pub now: Instant,
}

impl<'a> View<'a> {
    /// The tab in front.
    pub fn selected_tab(&self) -> Option<(TabKey, &'a TabState)> {
        self.tabs.get(self.selected).copied()
    }
}

/// What the interface keeps between frames.
#[derive(Default)]
pub struct Interface {
    /// The toolbar's part.
    pub toolbar: ToolbarState,
    tab_bar: TabBarState,
    permission_bar: PermissionBarState,
    certificate_bar: CertificateBarState,
    permissions_page: PermissionsPageState,
    site_panel_was_open: bool,
    dialogs: DialogsState,
}

/// Where the page goes in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PageArea {
    /// The area, in points.
    pub rect: Rect,
    /// Whether the page is drawn there, rather than something in its place.
    pub shows_page: bool,
}

/// Draws everything but the page, which `paint_page` adds at its place.
pub fn interface_ui(
    ui: &mut Ui,
    view: &View<'_>,
    interface: &mut Interface,
    commands: &mut Commands,
    paint_page: impl FnOnce(&mut Ui, Rect),
) -> PageArea {
    let palette = Palette::of(ui.visuals());
    let page_fills_screen = view
        .selected_tab()
        .is_some_and(|(_, tab)| tab.is_fullscreen);
    if !(page_fills_screen && view.is_fullscreen) {
        Panel::top(Id::new("tabs"))
            .frame(Frame::new().fill(palette.backdrop))
            .exact_size(theme::TAB_BAR_HEIGHT)
            .show_separator_line(false)
            .show(ui, |ui| {
                tab_bar::tab_bar_ui(ui, view, &mut interface.tab_bar, commands)
            });
        Panel::top(Id::new("toolbar"))
            .frame(Frame::new().fill(palette.surface))
            .exact_size(theme::TOOLBAR_HEIGHT)
            .show_separator_line(false)
            .show(ui, |ui| {
                toolbar::toolbar_ui(ui, view, &mut interface.toolbar, commands)
            });
    } else if let Some((_, tab)) = view.selected_tab() {
        // A page that fills the screen could pretend to be the browser: whose it is stays in view.
        Panel::top(Id::new("fullscreen origin"))
            .frame(
                Frame::new()
                    .fill(palette.surface)
                    .inner_margin(Margin::symmetric(10, 3)),
            )
            .show(ui, |ui| {
                let host = tab
                    .url
                    .as_ref()
                    .and_then(|url| url.host_str())
                    .unwrap_or("This page");
                ui.small(format!("{host} fills the screen. Press F11 to leave."));
            });
    }
    bars_ui(ui, view, interface, commands);

    let page = CentralPanel::default()
        .frame(Frame::new().fill(palette.surface))
        .show(ui, |ui| {
            let rect = ui.max_rect();
            let shows_page = match view.selected_tab() {
                Some((_, tab)) if tab.crash.is_some() => {
                    status::crash_ui(ui, tab.crash.as_deref().unwrap_or_default(), commands);
                    false
                },
                Some((_, tab)) if tab.own_page == Some(OwnPage::Permissions) => {
                    let state = &mut interface.permissions_page;
                    permissions_page::permissions_page_ui(ui, view.permissions, state, commands);
                    false
                },
                Some((_, tab)) if tab.shows_new_tab_page() && !tab.is_loading() => {
                    new_tab::new_tab_ui(ui);
                    false
                },
                Some(_) => {
                    ui.allocate_rect(rect, Sense::hover());
                    paint_page(ui, rect);
                    true
                },
                None => false,
            };
            PageArea { rect, shows_page }
        })
        .inner;
    let line = Stroke::new(1.0, palette.border);
    ui.painter()
        .hline(page.rect.x_range(), page.rect.top() - 0.5, line);
    status::status_ui(ui.ctx(), view, page.rect);
    dialogs::dialogs_ui(ui, view, page.rect, &mut interface.dialogs, commands);
    if let Some(panel) = view.site_panel {
        let place = interface.toolbar.site_button.left_bottom() + vec2(0.0, 6.0);
        let is_new = !std::mem::replace(&mut interface.site_panel_was_open, true);
        site_panel::site_panel_ui(ui.ctx(), panel, place, is_new, commands);
    } else {
        interface.site_panel_was_open = false;
    }
    page
}

/// The bars between toolbar and page.
fn bars_ui(ui: &mut Ui, view: &View<'_>, interface: &mut Interface, commands: &mut Commands) {
    let palette = Palette::of(ui.visuals());
    let questions = view
        .selected_tab()
        .map_or(&[][..], |(_, tab)| &tab.questions);
    let surroundings = Surroundings {
        now: view.now,
        // What the site panel or a page's dialog may cover is not in view. NB: a page closes its lists when it likes, also
        // just before a click.
        window_focused: view.window_focused
            && view.site_panel.is_none()
            && view
                .selected_tab()
                .is_none_or(|(_, tab)| tab.dialogs.is_empty()),
    };
    permission_bar::permission_bar_ui(
        ui,
        questions,
        surroundings,
        &mut interface.permission_bar,
        commands,
    );
    let frame = Frame::new()
        .fill(palette.caution)
        .stroke(Stroke::new(1.0, palette.caution_border))
        .inner_margin(Margin::symmetric(14, 6));
    for notice in view.notices {
        Panel::top(Id::new("standing notice").with(notice.subject as u8))
            .frame(frame)
            .show(ui, |ui| status::standing_notice_ui(ui, notice, commands));
    }
    if let Some((key, tab)) = view.selected_tab()
        && let Some(error) = tab
            .certificate_error()
            .filter(|_| !tab.is_loading() && tab.own_page.is_none())
    {
        Panel::top(Id::new("certificate error"))
            .frame(frame)
            .show(ui, |ui| {
                let state = &mut interface.certificate_bar;
                certificate_bar::certificate_bar_ui(ui, key, error, state, commands);
            });
    }
    if let Some(notice) = view.selected_tab().and_then(|(_, tab)| tab.notice) {
        Panel::top(Id::new("notice"))
            .frame(frame)
            .show(ui, |ui| status::notice_ui(ui, notice, commands));
    }
}
