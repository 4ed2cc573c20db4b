//! The row of tabs above the toolbar. Tabs shrink, then scroll; they never leave the window.

use egui::{
    Align, ColorImage, Context, CornerRadius, Rect, Response, ScrollArea, Sense, Stroke,
    TextureHandle, TextureOptions, Ui, UiBuilder, Vec2, WidgetInfo, WidgetType, pos2, vec2,
};
use std::collections::HashMap;

use super::icons::{self, Icon};
use super::theme::{self, Palette, TAB_BAR_HEIGHT};
use super::{Commands, View};
use crate::browser::command::Command;
use crate::browser::tab::{Favicon, TabKey, TabState};

const MIN_TAB_WIDTH: f32 = 92.0;
const MAX_TAB_WIDTH: f32 = 224.0;
const ICON_SIZE: f32 = 16.0;

/// What the row of tabs keeps between frames.
#[derive(Default)]
pub struct TabBarState {
    favicons: HashMap<TabKey, (Favicon, TextureHandle)>,
    shown: Option<TabKey>,
}

impl TabBarState {
    fn texture(&mut self, context: &Context, key: TabKey, favicon: &Favicon) -> &TextureHandle {
        let is_current = self
            .favicons
            .get(&key)
            .is_some_and(|(known, _)| known == favicon);
        if !is_current {
            let image =
                ColorImage::from_rgba_unmultiplied([favicon.width, favicon.height], &favicon.rgba);
            let texture =
                context.load_texture(format!("favicon {}", key.0), image, TextureOptions::LINEAR);
            self.favicons.insert(key, (favicon.clone(), texture));
        }
        &self.favicons[&key].1
    }
}

/// Draws the row.
pub fn tab_bar_ui(ui: &mut Ui, view: &View<'_>, state: &mut TabBarState, commands: &mut Commands) {
    state
        .favicons
        .retain(|key, _| view.tabs.iter().any(|(tab, _)| tab == key));
    let palette = Palette::of(ui.visuals());
    let row = ui.max_rect();
    let plus_width = 36.0;
    let strip = Rect::from_min_max(
        row.min + vec2(6.0, 0.0),
        pos2(row.max.x - plus_width - 4.0, row.max.y),
    );
    let count = view.tabs.len().max(1) as f32;
    let width = (strip.width() / count)
        .clamp(MIN_TAB_WIDTH, MAX_TAB_WIDTH)
        .floor();
    let overflows = width * count > strip.width();

    let mut strip_ui = ui.new_child(UiBuilder::new().max_rect(strip));
    strip_ui.spacing_mut().item_spacing = Vec2::ZERO;
    ScrollArea::horizontal()
        .auto_shrink(false)
        .scroll_bar_visibility(egui::scroll_area::ScrollBarVisibility::AlwaysHidden)
        .show(&mut strip_ui, |ui| {
            ui.horizontal(|ui| {
                for (index, (key, tab)) in view.tabs.iter().enumerate() {
                    let is_selected = index == view.selected;
                    let response = tab_ui(ui, *key, tab, is_selected, width, state, commands);
                    if is_selected && state.shown != Some(*key) {
                        response.scroll_to_me(Some(Align::Center));
                        state.shown = Some(*key);
                    }
                    let next_is_selected = index + 1 == view.selected;
                    if !is_selected && !next_is_selected && index + 1 < view.tabs.len() {
                        let x = response.rect.right();
                        let y = response.rect.y_range().shrink(11.0);
                        ui.painter().vline(
                            x,
                            y,
                            Stroke::new(1.0, palette.weak_text.gamma_multiply(0.35)),
                        );
                    }
                }
            });
        });

    let plus_x = if overflows {
        strip.right()
    } else {
        strip.left() + width * count
    };
    let plus = Rect::from_min_size(pos2(plus_x + 3.0, row.top() + 5.0), Vec2::splat(28.0));
    let mut plus_ui = ui.new_child(UiBuilder::new().max_rect(plus));
    if icons::sized_icon_button_ui(&mut plus_ui, Icon::Plus, "Open a new tab", true, 28.0, 14.0)
        .clicked()
    {
        commands.push(Command::NewTab);
    }
}

fn tab_ui(
    ui: &mut Ui,
    key: TabKey,
    tab: &TabState,
    is_selected: bool,
    width: f32,
    state: &mut TabBarState,
    commands: &mut Commands,
) -> Response {
    let palette = Palette::of(ui.visuals());
    let (rect, response) = ui.allocate_exact_size(vec2(width, TAB_BAR_HEIGHT), Sense::click());
    let label = tab.label();
    response.widget_info(|| {
        WidgetInfo::selected(
            WidgetType::SelectableLabel,
            true,
            is_selected,
            format!("Tab: {label}"),
        )
    });
    if response.middle_clicked() {
        commands.push(Command::CloseTab(key));
    } else if response.is_pointer_button_down_on()
        && ui.input(|input| input.pointer.primary_pressed())
        || response.clicked()
    {
        commands.push(Command::SelectTab(key));
    }

    let body = Rect::from_min_max(rect.min + vec2(1.0, 5.0), rect.max - vec2(1.0, 0.0));
    let corners = CornerRadius {
        nw: 8,
        ne: 8,
        sw: 0,
        se: 0,
    };
    if is_selected {
        ui.painter().rect_filled(body, corners, palette.surface);
    } else if response.hovered() {
        ui.painter().rect_filled(
            body.with_max_y(body.max.y - 3.0),
            CornerRadius::same(8),
            palette.hover,
        );
    }
    if response.has_focus() {
        icons::focus_ring(ui, body);
    }

    let middle = body.center().y;
    let icon = Rect::from_center_size(pos2(body.left() + 18.0, middle), Vec2::splat(ICON_SIZE));
    if tab.is_loading() {
        egui::Spinner::new()
            .size(ICON_SIZE)
            .color(palette.accent)
            .paint_at(ui, icon);
    } else if let Some(favicon) = &tab.favicon {
        let texture = state.texture(ui.ctx(), key, favicon);
        egui::Image::new((texture.id(), icon.size())).paint_at(ui, icon);
    } else {
        icons::paint(ui.painter(), Icon::Page, icon, palette.weak_text);
    }

    let shows_close = is_selected || response.contains_pointer() || width > MIN_TAB_WIDTH + 30.0;
    let close = Rect::from_center_size(pos2(body.right() - 16.0, middle), Vec2::splat(22.0));
    let text_right = if shows_close {
        close.left() - 2.0
    } else {
        body.right() - 8.0
    };
    let text_rect = Rect::from_min_max(
        pos2(icon.right() + 8.0, body.top()),
        pos2(text_right.max(icon.right() + 8.0), body.bottom()),
    );
    let color = if is_selected {
        palette.text
    } else {
        palette.weak_text
    };
    let mut job =
        egui::text::LayoutJob::simple_singleline(label.to_owned(), theme::text_font(13.0), color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(text_rect.width());
    let galley = ui.painter().layout_job(job);
    let position = pos2(text_rect.left(), middle - galley.size().y / 2.0);
    ui.painter()
        .with_clip_rect(text_rect)
        .galley(position, galley, color);

    if shows_close {
        let mut close_ui = ui.new_child(UiBuilder::new().max_rect(close));
        let name = format!("Close tab: {label}");
        if icons::sized_icon_button_ui(&mut close_ui, Icon::Close, &name, true, 22.0, 12.0)
            .clicked()
        {
            commands.push(Command::CloseTab(key));
        }
    }
    response
}
