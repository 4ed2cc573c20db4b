//! The bar over the page of a certificate error: the way on for those who know why they need it.
//!
//! The error page itself is made by the fetch stack and has no controls, so no page can lead a person through this.

use egui::{Button, Label, Response, RichText, Stroke, Ui, WidgetInfo, WidgetType, vec2};

use super::Commands;
use super::icons::{self, Icon};
use super::theme::{self, Palette};
use crate::browser::certificate_error::CertificateError;
use crate::browser::command::Command;
use crate::browser::tab::TabKey;

/// How many characters of a host are shown.
const MAX_HOST: usize = 255;

/// What the bar keeps between frames.
#[derive(Default)]
pub struct CertificateBarState {
    /// Whose risk the person wants to read about.
    opened_for: Option<(TabKey, CertificateError)>,
}

/// Draws the bar of a tab whose document could not be loaded. To be called in an area of its own.
pub fn certificate_bar_ui(
    ui: &mut Ui,
    tab: TabKey,
    error: &CertificateError,
    state: &mut CertificateBarState,
    commands: &mut Commands,
) {
    let palette = Palette::of(ui.visuals());
    let host = user_cors::bounded_escaped(&error.host.to_string(), MAX_HOST);
    let is_open = state
        .opened_for
        .as_ref()
        .is_some_and(|(of, about)| *of == tab && about == error);
    ui.horizontal_wrapped(|ui| {
        icons::icon_ui(ui, Icon::Warning, 16.0, palette.caution_text);
        ui.add(
            Label::new(format!(
                "The certificate of {host} is not valid: {}.",
                error.problem
            ))
            .wrap(),
        );
    });
    if is_open {
        let fingerprint = error.leaf.fingerprint();
        ui.add(
            Label::new(
                RichText::new(format!("SHA-256 of the certificate: {fingerprint}"))
                    .font(theme::text_font(12.5))
                    .color(palette.weak_text),
            )
            .wrap(),
        );
        let advice = if error.may_be_accepted {
            "Somebody between you and the server may read and change everything. Go on only if you know this server and why its \
             certificate is as it is. It is then accepted for this host until Latchkey is closed."
        } else {
            "This site has told browsers never to connect to it without a valid certificate, so there is no way around this."
        };
        ui.add(Label::new(advice).wrap());
    }
    ui.horizontal_wrapped(|ui| {
        if !is_open {
            if button_ui(ui, "More…").clicked() {
                state.opened_for = Some((tab, error.clone()));
            }
        } else if error.may_be_accepted && button_ui(ui, "Accept the risk and go on").clicked() {
            state.opened_for = None;
            commands.push(Command::AcceptCertificate(tab));
        }
    });
}

fn button_ui(ui: &mut Ui, label: &str) -> Response {
    let palette = Palette::of(ui.visuals());
    let button = Button::new(RichText::new(label).color(palette.text))
        .fill(palette.surface)
        .stroke(Stroke::new(1.0, palette.border))
        .corner_radius(theme::ROUNDING)
        .min_size(vec2(0.0, 28.0));
    let response = ui.add(button);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, label));
    if response.has_focus() {
        icons::focus_ring(ui, response.rect);
    }
    response
}
