//! *Details* of a question: each request exactly as it is. Values of headers are never shown.

use std::fmt::Write as _;

use egui::{Align, CollapsingHeader, Grid, Label, Layout, RichText, ScrollArea, Ui, vec2};
use user_cors::{AddressSpace, BodySize, Initiator, QuestionView, RequestState, RequestView};

use crate::ui::theme::{self, Palette};

/// The requests exactly as they are.
pub(super) fn details_ui(ui: &mut Ui, question: &QuestionView, max_height: f32) {
    ui.add_space(6.0);
    ui.separator();
    ScrollArea::vertical().id_salt(("details", question.id)).max_height(max_height * 0.6).auto_shrink([false, true]).show(
        ui,
        |ui| {
            for (index, request) in question.requests.iter().enumerate() {
                if question.requests.len() > 1 {
                    CollapsingHeader::new(format!("Request {} of {}", index + 1, question.requests.len()))
                        .id_salt(request.ticket)
                        .default_open(index == 0)
                        .show(ui, |ui| request_ui(ui, request));
                } else {
                    request_ui(ui, request);
                }
            }
        },
    );
}

fn request_ui(ui: &mut Ui, request: &RequestView) {
    let palette = Palette::of(ui.visuals());
    Grid::new(("request", request.ticket)).num_columns(2).spacing(vec2(14.0, 5.0)).show(ui, |ui| {
        for (name, value) in request_rows(request) {
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                ui.label(RichText::new(name).font(theme::text_font(12.5)).color(palette.weak_text));
            });
            ui.add(Label::new(RichText::new(value).font(theme::text_font(12.5))).wrap().selectable(true));
            ui.end_row();
        }
    });
}

/// The rows of *Details* for a request.
pub(super) fn request_rows(request: &RequestView) -> Vec<(&'static str, String)> {
    let mut rows = vec![("Request", format!("{} {}", request.method, request.url))];
    rows.push(("Made by", initiator(request.initiator).to_owned()));
    let headers = if request.page_headers.is_empty() {
        "none".to_owned()
    } else {
        request.page_headers.join(", ")
    };
    rows.push(("Headers that the page set", headers));
    rows.push(("Body", match request.body {
        BodySize::None => "none".to_owned(),
        BodySize::Known(bytes) => self::bytes(bytes),
        BodySize::Unknown => "of unknown size".to_owned(),
    }));
    rows.push(("Stays out", "cookies, logins and certificates of yours".to_owned()));
    rows.push(("Address", match (request.address, request.space) {
        (Some(address), Some(space)) => format!("{address} ({})", space_name(space)),
        (Some(address), None) => address.to_string(),
        (None, _) => "looked up by the egress proxy".to_owned(),
    }));
    rows.push(("Why you are asked", {
        let mut text = request.server_said.to_string();
        if let Some(first) = text.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        text
    }));
    if let Some(held) = &request.held {
        let mut text = held.content_type.clone().unwrap_or_else(|| "of unknown type".to_owned());
        if let Some(size) = held.size {
            // Writing to a string does not fail.
            let _ = write!(text, ", {}", bytes(size));
        }
        text.push_str("; it has arrived, and nothing is sent again");
        rows.push(("Answer", text));
    }
    if request.state == RequestState::Cancelled {
        rows.push(("State", "The page does not wait for it any more".to_owned()));
    }
    rows
}

fn initiator(initiator: Initiator) -> &'static str {
    match initiator {
        Initiator::Fetch => "fetch()",
        Initiator::Xhr | Initiator::SynchronousXhr => "XMLHttpRequest",
        Initiator::Image => "an image",
        Initiator::Audio => "audio",
        Initiator::Video => "video",
        Initiator::Track => "subtitles",
        Initiator::Font => "a font",
        Initiator::Ineligible(_) => "something else",
    }
}

fn space_name(space: AddressSpace) -> &'static str {
    match space {
        AddressSpace::Public => "on the public Internet",
        AddressSpace::Local => "in your local network",
        AddressSpace::Loopback => "this computer",
    }
}

fn bytes(count: u64) -> String {
    match count {
        1 => "1 byte".to_owned(),
        0..1000 => format!("{count} bytes"),
        1000..1_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}
