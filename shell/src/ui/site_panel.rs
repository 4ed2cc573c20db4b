//! The panel behind the site button: how the page came, what its site may read and from whom, and what it could not read.

use egui::{
    Align, Area, CollapsingHeader, Context, Frame, Id, Key, Label, Layout, Modifiers, Order, Pos2,
    RichText, ScrollArea, Ui, vec2,
};

use super::Commands;
use super::icons::{self, Icon};
use super::permissions_page::permission_ui;
use super::theme::{self, Palette};
use crate::browser::command::Command;
use crate::browser::permissions::SitePanel;

/// How wide the panel is where there is room.
const WIDTH: f32 = 480.0;

/// How wide the names of a connection's facts are.
const NAMES_WIDTH: f32 = 110.0;

/// Draws the panel with its corner at a place, and closes it where the person turns to something else.
pub fn site_panel_ui(
    context: &Context,
    panel: &SitePanel,
    place: Pos2,
    is_new: bool,
    commands: &mut Commands,
) {
    let screen = context.content_rect();
    let response = Area::new(Id::new("site panel"))
        .order(Order::Foreground)
        .fixed_pos(place)
        .constrain_to(screen)
        .show(context, |ui| {
            Frame::window(ui.style()).inner_margin(16).show(ui, |ui| {
                ui.set_width(WIDTH.min(screen.width() - 60.0));
                let height = (screen.height() - place.y - 60.0).max(120.0);
                ScrollArea::vertical()
                    .id_salt("site panel")
                    .max_height(height)
                    .min_scrolled_height(height)
                    .auto_shrink([false, true])
                    .show(ui, |ui| content_ui(ui, panel, commands));
            });
        });
    let (pressed_elsewhere, escaped) = context.input_mut(|input| {
        let place = input.pointer.interact_pos();
        let pressed = input.pointer.any_pressed()
            && place.is_some_and(|place| !response.response.rect.contains(place));
        (pressed, input.consume_key(Modifiers::NONE, Key::Escape))
    });
    if (pressed_elsewhere && !is_new) || escaped {
        commands.push(Command::CloseSitePanel);
    }
}

fn content_ui(ui: &mut Ui, panel: &SitePanel, commands: &mut Commands) {
    let palette = Palette::of(ui.visuals());
    ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let name = "Close the site panel";
            if icons::sized_icon_button_ui(ui, Icon::Close, name, true, 24.0, 12.0).clicked() {
                commands.push(Command::CloseSitePanel);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let title = RichText::new(&panel.title).font(theme::strong_font(16.0));
                ui.add(Label::new(title).wrap());
            });
        });
    });
    let color = if panel.is_insecure {
        palette.caution_text
    } else {
        palette.text
    };
    ui.add(Label::new(RichText::new(panel.security).color(color)).wrap());
    connection_ui(ui, panel);
    permissions_ui(ui, panel, commands);
    issues_ui(ui, panel);
    ui.add_space(4.0);
    if ui.button("All permissions").clicked() {
        commands.push(Command::CloseSitePanel);
        commands.push(Command::OpenPermissions);
    }
}

fn connection_ui(ui: &mut Ui, panel: &SitePanel) {
    let Some(facts) = &panel.connection else {
        return;
    };
    lines_ui(ui, &facts.lines);
    if !facts.certificate.is_empty() {
        CollapsingHeader::new(RichText::new("What the certificate says").small())
            .id_salt("certificate")
            .show_unindented(ui, |ui| lines_ui(ui, &facts.certificate));
    }
}

/// Names and values, one pair a line.
fn lines_ui(ui: &mut Ui, lines: &[(&'static str, String)]) {
    let palette = Palette::of(ui.visuals());
    for (name, value) in lines {
        ui.horizontal_top(|ui| {
            ui.allocate_ui_with_layout(
                vec2(NAMES_WIDTH, 0.0),
                Layout::top_down(Align::Min),
                |ui| {
                    ui.set_width(NAMES_WIDTH);
                    ui.label(RichText::new(*name).small().color(palette.weak_text));
                },
            );
            ui.vertical(|ui| {
                ui.add(
                    Label::new(RichText::new(value).small())
                        .wrap()
                        .selectable(true),
                );
            });
        });
    }
}

fn permissions_ui(ui: &mut Ui, panel: &SitePanel, commands: &mut Commands) {
    let palette = Palette::of(ui.visuals());
    heading_ui(ui, "What this site may read from others");
    if panel.rows.is_empty() && panel.by_policy.is_empty() && panel.opt_outs.is_empty() {
        ui.label(RichText::new("Nothing was allowed or refused here.").color(palette.weak_text));
    }
    for row in &panel.rows {
        permission_ui(ui, row, commands);
    }
    for target in &panel.by_policy {
        ui.horizontal(|ui| {
            icons::icon_ui(ui, Icon::Lock, 14.0, palette.weak_text);
            ui.add(Label::new(format!("Your administrator lets it read from {target}")).wrap());
        });
    }
    for row in &panel.opt_outs {
        let text = format!("{} {}", row.target, row.description);
        ui.add(Label::new(RichText::new(text).color(palette.weak_text)).wrap());
    }
}

fn issues_ui(ui: &mut Ui, panel: &SitePanel) {
    if panel.issues.is_empty() {
        return;
    }
    let palette = Palette::of(ui.visuals());
    heading_ui(ui, "What this page could not read");
    for issue in &panel.issues {
        // What happened; below it, what to do about it.
        let (what, advice) = issue.split_once('\n').unwrap_or((issue, ""));
        for (text, color) in [(what, palette.text), (advice, palette.weak_text)] {
            if !text.is_empty() {
                let text = RichText::new(text).small().color(color);
                ui.add(Label::new(text).wrap().selectable(true));
            }
        }
        ui.add_space(2.0);
    }
}

fn heading_ui(ui: &mut Ui, text: &str) {
    ui.add_space(6.0);
    ui.separator();
    ui.label(RichText::new(text).font(theme::strong_font(14.0)));
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use egui::pos2;
    use egui_kittest::Harness;
    use egui_kittest::kittest::Queryable;
    use user_cors::{Denial, PermissionKey, Timestamp, TupleOrigin};

    use super::*;
    use crate::browser::permissions::{ConnectionFacts, PermissionRow};

    fn key() -> PermissionKey {
        let requester = TupleOrigin::parse("https://reader.example").unwrap();
        PermissionKey {
            top_level_site: requester.site(),
            requester,
            target: TupleOrigin::parse("https://api.photos.example").unwrap(),
        }
    }

    fn shown(panel: SitePanel) -> (Harness<'static>, Rc<RefCell<Commands>>) {
        let commands = Rc::new(RefCell::new(Commands::new()));
        let queued = commands.clone();
        let mut is_set_up = false;
        let mut harness = Harness::builder()
            .with_size([700.0, 600.0])
            .build_ui(move |ui| {
                if !std::mem::replace(&mut is_set_up, true) {
                    theme::install(ui.ctx());
                    return;
                }
                let place = pos2(100.0, 80.0);
                site_panel_ui(ui.ctx(), &panel, place, false, &mut queued.borrow_mut());
            });
        harness.run_steps(4);
        (harness, commands)
    }

    fn panel() -> SitePanel {
        SitePanel {
            title: "reader.example".to_owned(),
            security: "The connection is encrypted.",
            rows: vec![PermissionRow::of_denial(&Denial {
                key: key(),
                created: Timestamp::default(),
            })],
            by_policy: vec!["*.open.example".to_owned()],
            issues: vec!["could not read\nlet the server allow it".to_owned()],
            ..SitePanel::default()
        }
    }

    #[test]
    fn what_was_decided_is_there_and_can_be_taken_back() {
        let (mut harness, commands) = shown(panel());
        harness.get_by_label("reader.example");
        harness.get_by_label("Your administrator lets it read from *.open.example");
        harness.get_by_label("could not read");
        harness.get_by_label("let the server allow it");
        harness
            .get_by_label("Reset: reader.example reading from api.photos.example")
            .click();
        harness.run_steps(4);
        assert_eq!(*commands.borrow(), [Command::ResetPermission(key())]);
    }

    #[test]
    fn the_certificate_is_shown_when_it_is_asked_for() {
        let connection = ConnectionFacts {
            origin: url::Url::parse("https://reader.example").unwrap().origin(),
            lines: vec![("Server", "192.0.2.1".to_owned())],
            certificate: vec![("Issued by", "An Authority".to_owned())],
            caution: None,
        };
        let (mut harness, _) = shown(SitePanel {
            connection: Some(connection),
            ..panel()
        });
        harness.get_by_label("192.0.2.1");
        assert!(harness.query_by_label("An Authority").is_none());
        harness.get_by_label("What the certificate says").click();
        harness.run_steps(20);
        harness.get_by_label("An Authority");
    }

    #[test]
    fn escape_and_the_cross_close_it() {
        let (mut harness, commands) = shown(panel());
        harness.key_press(Key::Escape);
        harness.run_steps(2);
        assert_eq!(commands.take(), [Command::CloseSitePanel]);
        harness.get_by_label("Close the site panel").click();
        harness.run_steps(2);
        assert_eq!(commands.take(), [Command::CloseSitePanel]);
    }

    #[test]
    fn all_permissions_are_one_click_away() {
        let (mut harness, commands) = shown(SitePanel::default());
        harness.get_by_label("Nothing was allowed or refused here.");
        harness.get_by_label("All permissions").click();
        harness.run_steps(2);
        assert_eq!(
            commands.take(),
            [Command::CloseSitePanel, Command::OpenPermissions]
        );
    }
}
