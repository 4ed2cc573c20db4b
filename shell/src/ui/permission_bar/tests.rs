//! The bar as a person, a keyboard and assistive technology meet it, over questions of the real model.

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui::{Key, Theme};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use http::Method;
use url::Url;
use user_cors::{
    AddressSpace, AskOutcome, BodySize, Choice, DocumentId, Egress, HeaderNames, Initiator,
    MethodClass, PermissionStore, QuestionStep, QuestionView, SilenceReason, TabId, TargetNetwork,
    TicketRequest, TicketTarget, Timestamp, TupleOrigin, UserCors,
};

use super::words::{choice_text, explanation, headline};
use super::{ARMING_TIME, PermissionBarState, Surroundings, permission_bar_ui};
use crate::browser::command::Command;
use crate::ui::{Commands, theme};

const TAB: TabId = TabId(1);

/// What a page asks in a test.
pub(in crate::ui) struct Ask {
    requester: &'static str,
    url: String,
    method: Method,
    network: TargetNetwork,
}

impl Default for Ask {
    fn default() -> Self {
        Self {
            requester: "https://www.app.example",
            url: "https://api.photos.example/list".to_owned(),
            method: Method::GET,
            network: TargetNetwork::Public,
        }
    }
}

pub(in crate::ui) fn question(asks: impl IntoIterator<Item = Ask>) -> (UserCors, QuestionView) {
    let model = UserCors::new(PermissionStore::in_memory().unwrap());
    model.user_interacted(TAB);
    for (number, ask) in asks.into_iter().enumerate() {
        let url = Url::parse(&ask.url).unwrap();
        let requester = TupleOrigin::parse(ask.requester).unwrap();
        let (address, space) = match ask.network {
            TargetNetwork::Public => (Ipv4Addr::new(203, 0, 114, 9), AddressSpace::Public),
            TargetNetwork::LocalNetwork => (Ipv4Addr::new(192, 168, 1, 20), AddressSpace::Local),
        };
        let outcome = model.ask(
            TicketRequest {
                tab: TAB,
                document: DocumentId(number as u64),
                top_level_site: requester.site(),
                requester,
                targets: vec![TicketTarget {
                    origin: TupleOrigin::from_url(&url).unwrap(),
                    address: Some(IpAddr::V4(address)),
                    space: Some(space),
                }],
                network: ask.network,
                requester_space: AddressSpace::Public,
                url,
                method_class: MethodClass::from_method(&ask.method).unwrap(),
                method: ask.method,
                initiator: Initiator::Fetch,
                page_headers: HeaderNames::from_iter([http::header::AUTHORIZATION]),
                unsafe_headers: HeaderNames::from_iter([http::header::AUTHORIZATION]),
                body: BodySize::None,
                held: None,
                kept: 0,
                server_said: SilenceReason::Missing,
                egress: Egress::Direct,
            },
            Timestamp::from_millis(0),
        );
        assert!(matches!(outcome, AskOutcome::Waiting { .. }), "{outcome:?}");
    }
    let view = model.question(TAB).unwrap();
    (model, view)
}

/// A bar that was drawn, with what it wants done and a clock to turn.
struct Bar {
    harness: Harness<'static>,
    commands: Rc<RefCell<Commands>>,
    world: Rc<RefCell<World>>,
}

struct World {
    questions: Vec<QuestionView>,
    surroundings: Surroundings,
    /// How high the interface above the bar is.
    above: f32,
}

impl Bar {
    fn new(view: QuestionView) -> Self {
        Self::with_width(view, 900.0, Theme::Light)
    }

    fn with_width(view: QuestionView, width: f32, theme: Theme) -> Self {
        let commands = Rc::new(RefCell::new(Commands::new()));
        let world = Rc::new(RefCell::new(World {
            questions: vec![view],
            surroundings: Surroundings {
                now: Instant::now(),
                window_focused: true,
            },
            above: 0.0,
        }));
        let mut state = PermissionBarState::default();
        let mut is_set_up = false;
        let harness = {
            let (commands, world) = (commands.clone(), world.clone());
            Harness::builder()
                .with_size([width, 700.0])
                .with_theme(theme)
                .with_max_steps(8)
                .build_ui(move |ui| {
                    if !std::mem::replace(&mut is_set_up, true) {
                        theme::install(ui.ctx());
                        // The fonts are there from the next frame on.
                        return;
                    }
                    let world = world.borrow();
                    let mut commands = commands.borrow_mut();
                    if world.above > 0.0 {
                        egui::Panel::top("above")
                            .exact_size(world.above)
                            .show(ui, |_| {});
                    }
                    permission_bar_ui(
                        ui,
                        &world.questions,
                        world.surroundings,
                        &mut state,
                        &mut commands,
                    );
                })
        };
        let mut bar = Self {
            harness,
            commands,
            world,
        };
        bar.frames();
        bar
    }

    /// Draws until nothing moves but what waits for the clock.
    fn frames(&mut self) {
        self.harness.run_steps(4);
    }

    fn wait(&mut self, time: Duration) {
        self.world.borrow_mut().surroundings.now += time;
        self.frames();
    }

    fn click(&mut self, label: &str) {
        self.harness
            .get_by(|node| node.label().is_some_and(|name| name.starts_with(label)))
            .click();
        self.frames();
    }

    fn answers(&self) -> Vec<Choice> {
        self.commands
            .borrow()
            .iter()
            .filter_map(|command| match command {
                Command::AnswerQuestion { choice, .. } => Some(*choice),
                _ => None,
            })
            .collect()
    }
}

#[test]
fn a_click_counts_when_the_question_was_in_view_long_enough() {
    let (_model, view) = question([Ask::default()]);
    let mut bar = Bar::new(view);
    bar.click("Allow once");
    assert_eq!(bar.answers(), []);
    // The early click started the wait again.
    bar.wait(ARMING_TIME - Duration::from_millis(1));
    bar.click("Allow once");
    assert_eq!(bar.answers(), []);
    bar.wait(ARMING_TIME);
    bar.click("Allow once");
    assert_eq!(bar.answers(), [Choice::AllowOnce]);
}

#[test]
fn a_press_that_began_too_early_does_not_count_however_long_it_is_held() {
    let (_model, view) = question([Ask::default()]);
    let mut bar = Bar::new(view);
    let place = bar
        .harness
        .get_by(|node| {
            node.label()
                .is_some_and(|name| name.starts_with("Allow once"))
        })
        .rect()
        .center();
    let press_for = |bar: &mut Bar, time: Duration| {
        bar.harness.hover_at(place);
        bar.harness.drag_at(place);
        bar.harness.step();
        bar.world.borrow_mut().surroundings.now += time;
        bar.harness.step();
        bar.harness.drop_at(place);
        bar.harness.step();
    };
    press_for(&mut bar, ARMING_TIME * 2);
    assert_eq!(bar.answers(), []);
    // Nor does the time count during which it was held.
    bar.wait(ARMING_TIME - Duration::from_millis(1));
    bar.click("Allow once");
    assert_eq!(bar.answers(), []);
    // One that began in time does.
    bar.wait(ARMING_TIME);
    press_for(&mut bar, ARMING_TIME);
    assert_eq!(bar.answers(), [Choice::AllowOnce]);
}

#[test]
fn a_bar_that_moves_is_read_again() {
    let (_model, view) = question([Ask::default()]);
    let mut bar = Bar::new(view);
    for moves in [
        |bar: &mut Bar| bar.world.borrow_mut().above = 30.0,
        |bar: &mut Bar| {
            bar.harness.set_size(egui::vec2(700.0, 700.0));
        },
    ] {
        bar.wait(ARMING_TIME);
        moves(&mut bar);
        bar.frames();
        bar.click("Allow once");
        assert_eq!(bar.answers(), []);
    }
    bar.wait(ARMING_TIME);
    bar.click("Allow once");
    assert_eq!(bar.answers(), [Choice::AllowOnce]);
}

#[test]
fn an_early_click_makes_the_model_wait_again() {
    let (_model, view) = question([Ask::default()]);
    let mut bar = Bar::new(view);
    bar.commands.borrow_mut().clear();
    bar.click("Never");
    let commands = bar.commands.borrow();
    assert!(
        commands
            .iter()
            .any(|command| matches!(command, Command::QuestionVisible { focused: false, .. }))
    );
}

#[test]
fn a_window_without_focus_does_not_answer() {
    let (_model, view) = question([Ask::default()]);
    let mut bar = Bar::new(view);
    bar.world.borrow_mut().surroundings.window_focused = false;
    bar.wait(ARMING_TIME * 2);
    bar.click("Allow once");
    assert_eq!(bar.answers(), []);
    bar.world.borrow_mut().surroundings.window_focused = true;
    bar.wait(Duration::ZERO);
    bar.wait(ARMING_TIME);
    bar.click("Not now");
    assert_eq!(bar.answers(), [Choice::NotNow]);
}

#[test]
fn a_question_that_changes_is_read_again() {
    let (_model, view) = question([Ask::default()]);
    let mut bar = Bar::new(view.clone());
    bar.wait(ARMING_TIME);
    bar.world.borrow_mut().questions = vec![QuestionView {
        revision: view.revision + 1,
        ..view
    }];
    bar.frames();
    bar.click("Allow once");
    assert_eq!(bar.answers(), []);
}

#[test]
fn enter_and_space_press_nothing() {
    let (_model, view) = question([Ask::default()]);
    let mut bar = Bar::new(view);
    bar.wait(ARMING_TIME);
    for key in [Key::Enter, Key::Space, Key::Escape, Key::Y, Key::N] {
        bar.harness.key_press(key);
        bar.frames();
    }
    assert_eq!(bar.answers(), []);
    assert!(bar.harness.ctx.memory(|memory| memory.focused()).is_none());
}

#[test]
fn every_control_says_whom_it_is_about() {
    let (_model, view) = question([Ask::default()]);
    let bar = Bar::new(view);
    let names: Vec<_> = bar
        .harness
        .root()
        .children_recursive()
        .filter(|node| node.accesskit_node().role() == Role::Button)
        .map(|node| node.accesskit_node().label().unwrap_or_default())
        .collect();
    assert_eq!(names.len(), 5, "{names:?}");
    for name in names.iter().filter(|name| *name != "Details") {
        assert!(
            name.contains("www.app.example") && name.contains("api.photos.example"),
            "{name}"
        );
    }
}

#[test]
fn the_sentence_names_both_sites_and_the_network() {
    let (_model, view) = question([Ask::default()]);
    assert_eq!(
        headline(&view).plain(),
        "www.app.example wants to read from api.photos.example, as seen from your network.",
    );
    let (_model, view) = question([Ask {
        method: Method::POST,
        ..Ask::default()
    }]);
    assert_eq!(
        headline(&view).plain(),
        "www.app.example wants to send to api.photos.example and read the answer, as seen from your network.",
    );
    assert!(explanation(&view)[0].contains("cookies and logins"));
}

#[test]
fn with_an_egress_the_sentence_says_from_where_the_server_is_seen() {
    let (_model, view) = question([Ask::default()]);
    let view = QuestionView {
        egress: Some("socks5://proxy.example:1080".to_owned()),
        ..view
    };
    let text = headline(&view).plain();
    assert!(
        text.ends_with(
            "from api.photos.example, as seen from the egress \u{2068}socks5://proxy.example:1080\u{2069}."
        ),
        "{text}"
    );
}

#[test]
fn names_in_other_scripts_are_shown_twice_and_isolated() {
    let (_model, view) = question([Ask {
        url: "https://www.bücher.example/".to_owned(),
        ..Ask::default()
    }]);
    let text = headline(&view).plain();
    assert!(
        text.contains("\u{2068}www.bücher.example\u{2069} (www.xn--bcher-kva.example)"),
        "{text}"
    );
}

#[test]
fn a_long_name_is_never_cut() {
    let label = "a-long-label-that-goes-on-and-on-and-on-and-on-and-on-and-on";
    let host = format!("{label}.{label}.{label}.example");
    let (_model, view) = question([Ask {
        url: format!("https://{host}/"),
        ..Ask::default()
    }]);
    for width in [320.0, 900.0] {
        let bar = Bar::with_width(view.clone(), width, Theme::Dark);
        let sentence = bar.harness.get_by(|node| {
            node.value()
                .or(node.label())
                .is_some_and(|text| text.contains("wants to read"))
        });
        assert!(sentence.value().unwrap_or_default().contains(&host));
        let rect = sentence.rect();
        assert!(
            rect.left() >= 0.0 && rect.right() <= width,
            "{rect:?} in {width}"
        );
        // Wrapped over several lines rather than cut to one.
        assert!(rect.height() > 30.0);
    }
}

#[test]
fn the_local_network_is_asked_about_in_two_steps() {
    let ask = Ask {
        url: "https://printer.example/".to_owned(),
        network: TargetNetwork::LocalNetwork,
        ..Ask::default()
    };
    let (_model, view) = question([ask]);
    assert_eq!(view.step, QuestionStep::Warning);
    assert!(!view.choices.iter().any(|choice| choice.allows()));
    assert!(headline(&view).plain().contains("your local network"));
    let mut bar = Bar::new(view.clone());
    bar.wait(ARMING_TIME);
    bar.click("Continue");
    assert_eq!(bar.answers(), []);
    assert!(bar.commands.borrow().contains(&Command::ConfirmQuestion {
        question: view.id,
        revision: view.revision
    }));
}

#[test]
fn others_that_wait_are_counted() {
    let (_model, view) = question([
        Ask::default(),
        Ask {
            url: "https://other.example/".to_owned(),
            ..Ask::default()
        },
        Ask {
            url: "https://third.example/".to_owned(),
            ..Ask::default()
        },
    ]);
    assert_eq!(view.queue_length, 3);
    let bar = Bar::new(view);
    bar.harness.get_by_label("2 more questions wait");
}

#[test]
fn details_open_on_demand() {
    let (_model, view) = question([Ask::default()]);
    let mut bar = Bar::new(view);
    assert!(
        bar.harness
            .query_all_by_label("authorization")
            .next()
            .is_none()
    );
    bar.click("Details");
    for text in [
        "GET https://api.photos.example/list",
        "authorization",
        "203.0.114.9 (on the public Internet)",
        "The server does not say who may read its answer",
    ] {
        let mut found = bar
            .harness
            .query_all_by(|node| node.value().is_some_and(|value| value == text));
        assert!(found.next().is_some(), "{text}");
    }
}

#[test]
fn a_question_that_went_is_reported_as_hidden() {
    let (_model, view) = question([Ask::default()]);
    let mut bar = Bar::new(view);
    bar.commands.borrow_mut().clear();
    bar.world.borrow_mut().questions.clear();
    bar.frames();
    assert!(matches!(
        bar.commands.borrow().as_slice(),
        [Command::QuestionVisible { focused: false, .. }]
    ));
}

#[test]
fn lasting_answers_say_how_long_they_last() {
    let (_model, view) = question([Ask::default()]);
    let (label, name) = choice_text(Choice::AlwaysAllow, &view);
    assert_eq!(label, "Always allow");
    assert!(name.contains("30 days"));
}

#[test]
fn an_answer_says_whether_anything_is_sent() {
    for (method, what) in [
        (Method::GET, "may read from api.photos.example this time"),
        (
            Method::POST,
            "may send to api.photos.example and read the answer this time",
        ),
    ] {
        let (_model, view) = question([Ask {
            method,
            ..Ask::default()
        }]);
        let (_, name) = choice_text(Choice::AllowOnce, &view);
        assert!(name.contains(what), "{name}");
    }
}

#[test]
fn several_devices_are_spoken_of_as_several() {
    let (_model, mut view) = question([Ask {
        network: TargetNetwork::LocalNetwork,
        ..Ask::default()
    }]);
    assert!(explanation(&view)[0].contains("is not on the Internet"));
    view.targets.extend(view.targets.clone());
    assert!(explanation(&view)[0].contains("are not on the Internet"));
}

#[test]
fn no_focus_goes_over_to_a_button_of_another_content() {
    let (_model, view) = question([Ask::default()]);
    let other = {
        let (_model, view) = question([Ask::default(), Ask::default()]);
        QuestionView {
            revision: view.revision + 1,
            ..view
        }
    };
    let mut bar = Bar::new(view);
    bar.wait(ARMING_TIME);
    let focused = |bar: &Bar| {
        bar.harness
            .query_all_by_role(Role::Button)
            .any(|button| button.is_focused())
    };
    for _ in 0..3 {
        bar.harness.key_press(Key::Tab);
        bar.frames();
    }
    assert!(focused(&bar));
    bar.world.borrow_mut().questions = vec![other];
    bar.wait(ARMING_TIME);
    assert!(!focused(&bar));
    bar.harness.key_press(Key::Enter);
    bar.frames();
    assert_eq!(bar.answers(), []);
}
