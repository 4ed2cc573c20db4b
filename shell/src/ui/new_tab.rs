//! What a tab shows that has no page yet.

use egui::{Frame, Margin, RichText, Stroke, Ui, vec2};

use super::icons::{self, Icon};
use super::theme::{self, Palette};

/// Draws the new tab page.
pub fn new_tab_ui(ui: &mut Ui) {
    let palette = Palette::of(ui.visuals());
    ui.vertical_centered(|ui| {
        ui.add_space((ui.available_height() * 0.2).max(16.0));
        icons::icon_ui(ui, Icon::Key, 64.0, palette.accent);
        ui.add_space(10.0);
        ui.label(RichText::new("Latchkey").font(theme::strong_font(28.0)));
        ui.add_space(2.0);
        ui.label(RichText::new("Type an address, or words to search for, in the bar above.").color(palette.weak_text));
        ui.add_space(28.0);
        let width = ui.available_width().min(560.0) - 32.0;
        Frame::new()
            .fill(palette.field)
            .stroke(Stroke::new(1.0, palette.border))
            .corner_radius(10)
            .inner_margin(Margin::same(18))
            .show(ui, |ui| {
                ui.set_width(width.max(160.0));
                ui.spacing_mut().item_spacing = vec2(8.0, 8.0);
                ui.with_layout(egui::Layout::top_down(egui::Align::Min), |ui| {
                    ui.label(RichText::new("You hold the key").font(theme::strong_font(15.0)));
                    ui.label(
                        "When a page wants to read from another site, and that site does not say whether it may, \
                         Latchkey asks you.",
                    );
                    ui.label(
                        "If you agree, the page reads what anyone on your network could read there. Your cookies and \
                         logins stay out.",
                    );
                });
            });
    });
}
