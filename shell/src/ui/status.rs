//! What the browser tells beside the page: where a link leads, and notices under the toolbar.

use egui::{Align2, Area, Context, CornerRadius, Frame, Id, Margin, Order, Rect, Stroke, Ui, vec2};

use super::icons::{self, Icon};
use super::theme::{self, Palette};
use super::{Commands, View};
use crate::browser::command::Command;
use crate::browser::notices::StandingNotice;
use crate::browser::tab::Notice;

/// Draws the status text in a corner of the page.
pub fn status_ui(context: &Context, view: &View<'_>, page: Rect) {
    let Some(status) = view
        .selected_tab()
        .and_then(|(_, tab)| tab.status.as_deref())
    else {
        return;
    };
    let palette = Palette::of(&context.global_style().visuals);
    // Out of the way of a pointer that is in that corner.
    let pointer = context.pointer_latest_pos();
    let at_right = pointer.is_some_and(|position| {
        position.y > page.bottom() - 48.0 && position.x < page.left() + page.width() / 2.0
    });
    let (align, corner) = if at_right {
        (Align2::RIGHT_BOTTOM, page.right_bottom())
    } else {
        (Align2::LEFT_BOTTOM, page.left_bottom())
    };
    let rounding = if at_right {
        CornerRadius {
            nw: 6,
            ..CornerRadius::ZERO
        }
    } else {
        CornerRadius {
            ne: 6,
            ..CornerRadius::ZERO
        }
    };
    Area::new(Id::new("status"))
        .order(Order::Foreground)
        .interactable(false)
        .pivot(align)
        .fixed_pos(corner)
        .show(context, |ui| {
            Frame::new()
                .fill(palette.surface)
                .stroke(Stroke::new(1.0, palette.border))
                .corner_radius(rounding)
                .inner_margin(Margin::symmetric(8, 3))
                .show(ui, |ui| {
                    ui.set_max_width(page.width() * 0.6);
                    let text = user_cors::bounded_escaped(status, 300);
                    ui.add(
                        egui::Label::new(
                            egui::RichText::new(text)
                                .font(theme::text_font(12.5))
                                .color(palette.weak_text),
                        )
                        .truncate()
                        .show_tooltip_when_elided(false),
                    );
                });
        });
}

/// Draws the notice of the front tab. To be called in an area of its own, if [`Notice`] there is one.
pub fn notice_ui(ui: &mut Ui, notice: Notice, commands: &mut Commands) {
    let palette = Palette::of(ui.visuals());
    let text = match notice {
        Notice::PopupBlocked => {
            "Latchkey kept this page from opening a tab that you did not ask for."
        },
        Notice::NotPublic => {
            "Latchkey kept this page from reading a server that is not on the public Internet, such as a device on your own \
             network."
        },
        Notice::BadAddress => "This address cannot be opened. Check how it is written.",
    };
    if text_with_dismissal_ui(ui, text, palette) {
        commands.push(Command::DismissNotice);
    }
}

/// Draws what the browser has to tell about itself. To be called in an area of its own.
pub fn standing_notice_ui(ui: &mut Ui, notice: &StandingNotice, commands: &mut Commands) {
    let palette = Palette::of(ui.visuals());
    if text_with_dismissal_ui(ui, &notice.text, palette) {
        commands.push(Command::DismissStandingNotice(notice.subject));
    }
}

/// Draws a text of caution, and returns whether the person dismissed it.
fn text_with_dismissal_ui(ui: &mut Ui, text: &str, palette: &Palette) -> bool {
    const BUTTON: f32 = 24.0;
    let mut is_dismissed = false;
    ui.horizontal(|ui| {
        icons::icon_ui(ui, Icon::Warning, 16.0, palette.caution_text);
        let width = ui.available_width() - BUTTON - ui.spacing().item_spacing.x;
        ui.scope(|ui| {
            ui.set_max_width(width.max(80.0));
            ui.add(egui::Label::new(text).wrap());
        });
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let name = "Dismiss this notice";
            is_dismissed =
                icons::sized_icon_button_ui(ui, Icon::Close, name, true, BUTTON, 12.0).clicked();
        });
    });
    is_dismissed
}

/// Draws what stands in the place of a page that crashed.
pub fn crash_ui(ui: &mut Ui, reason: &str, commands: &mut Commands) {
    let palette = Palette::of(ui.visuals());
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.25).max(24.0));
        icons::icon_ui(ui, Icon::Warning, 48.0, palette.caution_text);
        ui.add_space(8.0);
        ui.heading("This page crashed");
        ui.label("Reloading it may help. Other tabs are not affected.");
        ui.add_space(8.0);
        let button = egui::Button::new(egui::RichText::new("Reload").color(palette.on_accent))
            .fill(palette.accent)
            .min_size(vec2(96.0, 32.0));
        if ui.add(button).clicked() {
            commands.push(Command::Reload);
        }
        ui.add_space(12.0);
        let reason = user_cors::bounded_escaped(reason, 400);
        ui.add(egui::Label::new(egui::RichText::new(reason).small().weak()).wrap());
    });
}
