//! The permission bar: the question of user-enabled CORS, under the toolbar.
//!
//! It says who asks, whom, what would be done and what stays out, and never cuts a name. It is no window that stands in
//! the way, nothing in it has the keyboard's focus by itself, and its buttons answer only when this exact content has been
//! in view at this place for a moment before they are pressed. The permission model measures that moment too; an answer counts
//! when both agree.

mod details;
#[cfg(test)]
pub(super) mod tests;
mod words;

use std::time::{Duration, Instant};

use egui::{
    Align, Button, Frame, Id, Label, Layout, Margin, Panel, Rect, Response, RichText, ScrollArea,
    Stroke, Ui, WidgetInfo, WidgetType, vec2,
};
use user_cors::{Choice, Presence, QuestionId, QuestionStep, QuestionView, TargetNetwork};

use self::details::details_ui;
use self::words::{choice_text, explanation, headline};
use super::Commands;
use super::icons::{self, Icon};
use super::theme::{self, Palette};
use crate::browser::command::Command;

/// How long the content has to be in view before a button answers.
pub const ARMING_TIME: Duration = Duration::from_millis(700);

/// How much of the window the bar may take before it scrolls.
const MAX_SHARE: f32 = 0.6;

/// Where text begins, beside the symbol.
const TEXT_INDENT: i8 = 36;

/// What the bar keeps between frames.
#[derive(Default)]
pub struct PermissionBarState {
    seen: Option<Seen>,
    details_of: Option<QuestionId>,
}

/// Which content has been in view where since when.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    question: QuestionId,
    revision: u64,
    place: Place,
    since: Instant,
}

/// Where the bar is: what a person is about to press must not move from under the pointer.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    top: f32,
    left: f32,
    right: f32,
}

impl Place {
    fn of(area: Rect) -> Self {
        Self {
            top: area.top(),
            left: area.left(),
            right: area.right(),
        }
    }
}

impl PermissionBarState {
    /// Tells that a content is in view, whole, in the focused window. Returns how far arming is, from 0 to 1.
    fn see(&mut self, question: &QuestionView, place: Place, now: Instant) -> f32 {
        let goes_on = self.seen.is_some_and(|seen| {
            seen.question == question.id
                && seen.revision == question.revision
                && seen.place == place
        });
        if !goes_on {
            self.seen = Some(Seen {
                question: question.id,
                revision: question.revision,
                place,
                since: now,
            });
        }
        let since = self.seen.map_or(now, |seen| seen.since);
        (now.duration_since(since).as_secs_f32() / ARMING_TIME.as_secs_f32()).min(1.0)
    }

    /// The content is not in view any more, or a click came too early: the wait starts again.
    fn forget(&mut self) {
        self.seen = None;
    }

    /// No question is drawn. Returns the one that was drawn before, if it was.
    pub fn hide(&mut self) -> Option<(QuestionId, u64)> {
        self.seen.take().map(|seen| (seen.question, seen.revision))
    }
}

/// The time and the window, as the bar needs to know them.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings {
    /// The moment of this frame.
    pub now: Instant,
    /// Whether the window has the keyboard's focus.
    pub window_focused: bool,
}

/// Draws the chip of a question that waits quietly. Returns whether it was opened.
pub fn chip_ui(ui: &mut Ui, question: &QuestionView) -> bool {
    let palette = Palette::of(ui.visuals());
    let count = question.queue_length;
    let text = if count == 1 {
        "1 question".to_owned()
    } else {
        format!("{count} questions")
    };
    let button = Button::new(
        RichText::new(text)
            .font(theme::text_font(12.5))
            .color(palette.accent),
    )
    .fill(palette.question)
    .stroke(Stroke::new(1.0, palette.question_border))
    .corner_radius(12);
    let response = ui.add(button);
    let name = "This page asks to read from another site. Show the question";
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, name));
    if response.has_focus() {
        icons::focus_ring(ui, response.rect);
    }
    response.on_hover_text(name).clicked()
}

/// Draws the bar, if there is a question to show. To be called inside of the window's whole area, after the toolbar.
pub fn permission_bar_ui(
    ui: &mut Ui,
    questions: &[QuestionView],
    surroundings: Surroundings,
    state: &mut PermissionBarState,
    commands: &mut Commands,
) {
    let question = questions
        .first()
        .filter(|question| question.presence == Presence::Bar);
    let Some(question) = question else {
        if let Some((question, revision)) = state.hide() {
            commands.push(Command::QuestionVisible {
                question,
                revision,
                focused: false,
            });
        }
        return;
    };
    let palette = Palette::of(ui.visuals());
    let caution = question.network == TargetNetwork::LocalNetwork;
    let (fill, border) = if caution {
        (palette.caution, palette.caution_border)
    } else {
        (palette.question, palette.question_border)
    };
    let max_height = ui.ctx().content_rect().height() * MAX_SHARE;
    let frame = Frame::new()
        .fill(fill)
        .stroke(Stroke::new(1.0, border))
        .inner_margin(Margin {
            left: 14,
            right: 14,
            top: 10,
            bottom: 10,
        });
    Panel::top(Id::new("permission bar"))
        .frame(frame)
        .resizable(false)
        .show(ui, |ui| {
            let place = Place::of(ui.max_rect());
            let is_whole = ui
                .horizontal_top(|ui| {
                    let (icon, color) = if caution {
                        (Icon::Warning, palette.caution_text)
                    } else {
                        (Icon::Key, palette.accent)
                    };
                    icons::icon_ui(ui, icon, 24.0, color);
                    ui.add_space(4.0);
                    ui.vertical(|ui| words_ui(ui, question, max_height)).inner
                })
                .inner;
            // Arming is for what a person could have read: everything, in a window that they look at.
            let armed = if is_whole && surroundings.window_focused {
                state.see(question, place, surroundings.now)
            } else {
                state.forget();
                0.0
            };
            commands.push(Command::QuestionVisible {
                question: question.id,
                revision: question.revision,
                focused: is_whole && surroundings.window_focused,
            });
            if armed < 1.0 {
                ui.ctx().request_repaint();
            }
            ui.add_space(4.0);
            // NB: the keyboard's focus goes by a button's name, which must not be that of a button of another content: Enter
            // would press what stands in its place.
            ui.push_id((question.id, question.revision), |ui| {
                answers_ui(ui, question, armed, state, commands);
            });
            if state.details_of == Some(question.id) {
                Frame::new()
                    .inner_margin(Margin {
                        left: TEXT_INDENT,
                        ..Margin::ZERO
                    })
                    .show(ui, |ui| {
                        details_ui(ui, question, max_height * 0.6);
                    });
            }
        });
}

/// The sentences. Returns whether all of them are in view.
fn words_ui(ui: &mut Ui, question: &QuestionView, max_height: f32) -> bool {
    let output = ScrollArea::vertical()
        .id_salt(("question", question.revision))
        .max_height(max_height)
        .min_scrolled_height(max_height)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 3.0;
            let palette = Palette::of(ui.visuals());
            let headline = headline(question);
            let plain = headline.plain();
            let response = ui.add(Label::new(headline.job(palette)).wrap());
            response.widget_info(|| WidgetInfo::labeled(WidgetType::Label, true, &plain));
            for sentence in explanation(question) {
                let text = RichText::new(sentence)
                    .color(palette.weak_text)
                    .font(theme::text_font(13.0));
                ui.add(Label::new(text.line_height(Some(18.0))).wrap());
            }
        });
    let bottom = output.state.offset.y + output.inner_rect.height();
    bottom + 1.0 >= output.content_size.y
}

fn answers_ui(
    ui: &mut Ui,
    question: &QuestionView,
    armed: f32,
    state: &mut PermissionBarState,
    commands: &mut Commands,
) {
    let is_armed = armed >= 1.0;
    let look_again = |state: &mut PermissionBarState, commands: &mut Commands| {
        state.forget();
        commands.push(Command::QuestionVisible {
            question: question.id,
            revision: question.revision,
            focused: false,
        });
    };
    // NB: a click is done when the pointer comes up. One that began before anybody could have read anything does not count,
    // however long it is held: a page may ask for that, at a place where the bar will be.
    let pressed = |response: Response,
                   state: &mut PermissionBarState,
                   commands: &mut Commands,
                   command: Command| {
        if response.clicked() && is_armed {
            commands.push(command);
        } else if response.clicked() || (response.is_pointer_button_down_on() && !is_armed) {
            look_again(state, commands);
        }
    };
    Frame::new()
        .inner_margin(Margin {
            left: TEXT_INDENT,
            ..Margin::ZERO
        })
        .show(ui, |ui| {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = 6.0;
                if question.step == QuestionStep::Warning {
                    let name = format!("Continue: choose what {} may do", question.requester);
                    let command = Command::ConfirmQuestion {
                        question: question.id,
                        revision: question.revision,
                    };
                    let response = answer_button_ui(ui, "Continue…", &name, armed);
                    pressed(response, state, commands, command);
                }
                for &choice in &question.choices {
                    let (label, name) = choice_text(choice, question);
                    if choice == Choice::NotNow {
                        ui.add_space(10.0);
                    }
                    let command = Command::AnswerQuestion {
                        question: question.id,
                        revision: question.revision,
                        choice,
                    };
                    let response = answer_button_ui(ui, label, &name, armed);
                    pressed(response, state, commands, command);
                }
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let is_open = state.details_of == Some(question.id);
                    if details_button_ui(ui, is_open).clicked() {
                        state.details_of = (!is_open).then_some(question.id);
                    }
                    if question.queue_length > 1 {
                        let palette = Palette::of(ui.visuals());
                        let waiting = question.queue_length - 1;
                        let text = if waiting == 1 {
                            "1 more question waits".to_owned()
                        } else {
                            format!("{waiting} more questions wait")
                        };
                        ui.label(
                            RichText::new(text)
                                .font(theme::text_font(12.5))
                                .color(palette.weak_text),
                        );
                    }
                });
            });
        });
}

/// A button of an answer. All look alike, so that none is the one to press; a line under it fills while it waits.
fn answer_button_ui(ui: &mut Ui, label: &str, name: &str, armed: f32) -> Response {
    let palette = Palette::of(ui.visuals());
    let button = Button::new(RichText::new(label).color(palette.text))
        .fill(palette.surface)
        .stroke(Stroke::new(1.0, palette.border))
        .corner_radius(theme::ROUNDING)
        .min_size(vec2(0.0, 30.0));
    let response = ui.add(button);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, name));
    if armed < 1.0 {
        let line = response.rect.shrink2(vec2(5.0, 0.0));
        let end = line.left() + line.width() * armed;
        ui.painter().hline(
            line.left()..=end,
            line.bottom() - 3.0,
            Stroke::new(2.0, palette.accent.gamma_multiply(0.6)),
        );
    }
    if response.has_focus() {
        icons::focus_ring(ui, response.rect);
    }
    response.on_hover_text(name)
}

fn details_button_ui(ui: &mut Ui, is_open: bool) -> Response {
    let palette = Palette::of(ui.visuals());
    let label = if is_open { "Hide details" } else { "Details" };
    let button = Button::new(RichText::new(label).color(palette.accent)).frame(false);
    let response = ui.add(button);
    response.widget_info(|| WidgetInfo::labeled(WidgetType::Button, true, label));
    if response.has_focus() {
        icons::focus_ring(ui, response.rect);
    }
    response
}
