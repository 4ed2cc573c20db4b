//! *Details* of a question: each request exactly as it is. Values of headers are never shown.

use std::fmt::Write as _;

use egui::{Align, CollapsingHeader, Label, Layout, RichText, ScrollArea, Ui, vec2};
use user_cors::{AddressSpace, BodySize, Initiator, QuestionView, RequestState, RequestView};

use crate::browser::permissions::words;
use crate::ui::theme::{self, Palette};

/// How wide the names of a request's facts may be.
const NAMES_WIDTH: f32 = 180.0;

/// The requests exactly as they are.
pub(super) fn details_ui(ui: &mut Ui, question: &QuestionView, max_height: f32) {
    ui.add_space(6.0);
    ui.separator();
    ScrollArea::vertical()
        .id_salt(("details", question.id))
        .max_height(max_height)
        .min_scrolled_height(max_height)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            let count = question.requests.len();
            for (index, request) in question.requests.iter().enumerate() {
                if count > 1 {
                    CollapsingHeader::new(format!("Request {} of {count}", index + 1))
                        .id_salt(request.ticket)
                        .default_open(index == 0)
                        .show(ui, |ui| request_ui(ui, request));
                } else {
                    request_ui(ui, request);
                }
            }
        });
}

fn request_ui(ui: &mut Ui, request: &RequestView) {
    let palette = Palette::of(ui.visuals());
    let names = NAMES_WIDTH.min(ui.available_width() * 0.4);
    for (name, value) in request_rows(request) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 12.0;
            let font = theme::text_font(12.5);
            ui.allocate_ui_with_layout(vec2(names, 0.0), Layout::top_down(Align::Min), |ui| {
                ui.set_width(names);
                ui.add(
                    Label::new(
                        RichText::new(name)
                            .font(font.clone())
                            .color(palette.weak_text),
                    )
                    .wrap(),
                );
            });
            ui.vertical(|ui| {
                ui.add(
                    Label::new(RichText::new(value).font(font).color(palette.text))
                        .wrap()
                        .selectable(true),
                );
            });
        });
    }
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
    rows.push((
        "Body",
        match request.body {
            BodySize::None => "none".to_owned(),
            BodySize::Known(bytes) => words::size(bytes),
            BodySize::Unknown => "of unknown size".to_owned(),
        },
    ));
    rows.push((
        "Stays out",
        "cookies, logins and certificates of yours".to_owned(),
    ));
    rows.push((
        "Address",
        match (request.address, request.space) {
            (Some(address), Some(space)) => format!("{address} ({})", space_name(space)),
            (Some(address), None) => address.to_string(),
            (None, _) => "looked up by the egress proxy".to_owned(),
        },
    ));
    rows.push(("Why you are asked", {
        let mut text = request.server_said.to_string();
        if let Some(first) = text.get_mut(0..1) {
            first.make_ascii_uppercase();
        }
        text
    }));
    if let Some(held) = &request.held {
        let mut text = held
            .content_type
            .clone()
            .unwrap_or_else(|| "of unknown type".to_owned());
        if let Some(size) = held.size {
            // Writing to a string does not fail.
            let _ = write!(text, ", {}", words::size(size));
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
        Initiator::Fetch => "a script of the page",
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
