//! The tab bar, the toolbar and the dialogs as a person, a keyboard and assistive technology meet them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use egui::Key;
use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use net::connection::LeafCertificate;
use servo::{DeviceIntPoint, DeviceIntRect, DeviceIntSize};
use url::Url;

use super::permission_bar::tests::{Ask, question};
use super::{Commands, Interface, View, interface_ui, theme};
use crate::browser::certificate_error::CertificateError;
use crate::browser::command::Command;
use crate::browser::dialog::{Dialog, DialogAnswer, DialogId, DialogView, SelectEntry};
use crate::browser::permissions::{ConnectionFacts, Permissions};
use crate::browser::tab::{LoadFailure, LoadProgress, Notice, OwnPage, TabKey, TabState};

struct Shown {
    harness: Harness<'static>,
    commands: Rc<RefCell<Commands>>,
    tabs: Rc<RefCell<Vec<TabState>>>,
    focus_address: Rc<RefCell<bool>>,
}

impl Shown {
    fn new(tabs: Vec<TabState>) -> Self {
        let commands = Rc::new(RefCell::new(Commands::new()));
        let tabs = Rc::new(RefCell::new(tabs));
        let focus_address = Rc::new(RefCell::new(false));
        let mut interface = Interface::default();
        let mut is_set_up = false;
        let harness = {
            let (commands, tabs, focus) = (commands.clone(), tabs.clone(), focus_address.clone());
            Harness::builder()
                .with_size([800.0, 600.0])
                .build_ui(move |ui| {
                    if !std::mem::replace(&mut is_set_up, true) {
                        theme::install(ui.ctx());
                        return;
                    }
                    interface.toolbar.focus_address |= focus.take();
                    let tabs = tabs.borrow();
                    let permissions = Permissions::default();
                    let view = View {
                        tabs: tabs
                            .iter()
                            .enumerate()
                            .map(|(key, tab)| (TabKey(key as u64), tab))
                            .collect(),
                        selected: 0,
                        is_fullscreen: false,
                        window_focused: true,
                        overrides: None,
                        permissions: &permissions,
                        site_panel: None,
                        notices: &[],
                        now: Instant::now(),
                    };
                    interface_ui(
                        ui,
                        &view,
                        &mut interface,
                        &mut commands.borrow_mut(),
                        |_, _| {},
                    );
                })
        };
        let mut shown = Self {
            harness,
            commands,
            tabs,
            focus_address,
        };
        shown.frames();
        shown
    }

    fn frames(&mut self) {
        self.harness.run_steps(4);
    }

    fn click(&mut self, label: &str) {
        self.harness
            .get_by(|node| node.label().is_some_and(|name| name == label))
            .click();
        self.frames();
    }

    fn press(&mut self, key: Key) {
        self.harness.key_press(key);
        self.frames();
    }

    fn focus_address(&mut self) {
        *self.focus_address.borrow_mut() = true;
        self.frames();
    }

    fn address(&self) -> String {
        let field = self
            .harness
            .get_by_role_and_label(Role::TextInput, "Address and search");
        field.value().unwrap_or_default()
    }

    fn commands(&self) -> Commands {
        self.commands.borrow().clone()
    }
}

fn page(url: &str) -> TabState {
    let mut tab = TabState::default();
    tab.url = Some(Url::parse(url).unwrap());
    tab.load = LoadProgress::Complete;
    tab
}

#[test]
fn every_button_has_a_name() {
    let mut tab = page("https://example.org/");
    tab.notice = Some(Notice::PopupBlocked);
    tab.can_go_back = true;
    let shown = Shown::new(vec![tab, page("https://other.example/")]);
    let unnamed: Vec<_> = shown
        .harness
        .root()
        .children_recursive()
        .filter(|node| node.accesskit_node().role() == Role::Button)
        .filter(|node| {
            node.accesskit_node()
                .label()
                .is_none_or(|label| label.trim().is_empty())
        })
        .map(|node| format!("{:?}", node.rect()))
        .collect();
    assert_eq!(unnamed, Vec::<String>::new());
    shown.harness.get_by_label("Go back");
    shown.harness.get_by_label("Tab: example.org");
    shown.harness.get_by_label("Close tab: other.example");
    shown.harness.get_by_label("Address and search");
}

#[test]
fn buttons_queue_commands() {
    let mut tab = page("https://example.org/");
    tab.can_go_back = true;
    let mut shown = Shown::new(vec![tab, page("https://other.example/")]);
    for label in [
        "Go back",
        "Reload",
        "Open a new tab",
        "Close tab: other.example",
        "Go forward",
    ] {
        shown.click(label);
    }
    // There is nothing to go forward to.
    assert_eq!(
        shown.commands(),
        [
            Command::Back,
            Command::Reload,
            Command::NewTab,
            Command::CloseTab(TabKey(1))
        ],
    );
}

fn failed_page(url: &str, may_be_accepted: bool) -> TabState {
    let mut tab = page(url);
    let url = Url::parse(url).unwrap();
    tab.failure = Some(LoadFailure {
        certificate: Some(CertificateError {
            host: url.host().unwrap().to_owned(),
            problem: "it has expired".to_owned(),
            leaf: LeafCertificate(vec![0x30]),
            may_be_accepted,
        }),
        url,
    });
    tab
}

#[test]
fn a_certificate_is_accepted_after_a_word_about_the_risk() {
    const ACCEPT: &str = "Accept the risk and go on";
    let mut shown = Shown::new(vec![failed_page("https://example.org/", true)]);
    let is_there = |shown: &Shown, text: &str| {
        let node = shown.harness.query_by(|node| {
            let said = [node.label(), node.value()];
            said.into_iter().flatten().any(|name| name.contains(text))
        });
        node.is_some()
    };
    assert!(is_there(
        &shown,
        "The certificate of example.org is not valid: it has expired."
    ));
    assert!(!is_there(&shown, ACCEPT));
    shown.click("More…");
    assert!(is_there(&shown, "SHA-256"));
    shown.click(ACCEPT);
    assert_eq!(shown.commands(), [Command::AcceptCertificate(TabKey(0))]);
    // Another page in the same tab begins anew.
    *shown.tabs.borrow_mut() = vec![failed_page("https://other.example/", true)];
    shown.frames();
    assert!(!is_there(&shown, ACCEPT));

    let mut shown = Shown::new(vec![failed_page("https://strict.example/", false)]);
    shown.click("More…");
    assert!(is_there(&shown, "no way around"));
    assert!(!is_there(&shown, ACCEPT));

    // Gone with the failure.
    let mut moved = failed_page("https://example.org/", true);
    moved.url = Some(Url::parse("https://example.org/elsewhere").unwrap());
    assert!(!is_there(&Shown::new(vec![moved]), "certificate of"));
}

#[test]
fn a_certificate_that_was_only_accepted_is_not_secure() {
    let mut tab = page("https://example.org/");
    tab.push_connection(ConnectionFacts {
        origin: Url::parse("https://example.org/").unwrap().origin(),
        lines: Vec::new(),
        certificate: Vec::new(),
        caution: Some("The certificate is not valid"),
    });
    let shown = Shown::new(vec![tab]);
    let says = |text: &str| {
        let node = shown.harness.query_by(|node| {
            let said = [node.label(), node.value()];
            said.into_iter().flatten().any(|name| name.contains(text))
        });
        node.is_some()
    };
    assert!(says("Site information: The certificate is not valid"));
    assert!(!says("encrypted"));
}

#[test]
fn a_page_that_loads_can_be_stopped() {
    let mut tab = page("https://example.org/");
    tab.load = LoadProgress::Started;
    let mut shown = Shown::new(vec![tab]);
    shown.click("Stop loading");
    assert_eq!(shown.commands(), [Command::Stop]);
}

#[test]
fn typing_replaces_the_address_and_enter_opens_it() {
    let mut shown = Shown::new(vec![page("https://example.org/")]);
    shown.focus_address();
    shown
        .harness
        .event(egui::Event::Text("other.example".to_owned()));
    shown.frames();
    assert_eq!(shown.address(), "other.example");
    shown.press(Key::Enter);
    assert_eq!(
        shown.commands(),
        [Command::Open("other.example".to_owned())]
    );
}

#[test]
fn escape_restores_the_address() {
    let mut shown = Shown::new(vec![page("https://example.org/")]);
    shown.focus_address();
    shown
        .harness
        .event(egui::Event::Text("half typed".to_owned()));
    shown.frames();
    shown.press(Key::Escape);
    assert_eq!(shown.address(), "https://example.org/");
}

#[test]
fn what_is_typed_outlives_a_redirect_but_not_a_change_of_tab() {
    let mut shown = Shown::new(vec![page("https://example.org/")]);
    shown.focus_address();
    shown.harness.event(egui::Event::Text("typing".to_owned()));
    shown.frames();
    shown.tabs.borrow_mut()[0].url = Some(Url::parse("https://example.org/next").unwrap());
    shown.frames();
    assert_eq!(shown.address(), "typing");
}

#[test]
fn many_tabs_stay_in_the_window() {
    let tabs = (0..60)
        .map(|number| page(&format!("https://{number}.example/")))
        .collect();
    let shown = Shown::new(tabs);
    let plus = shown.harness.get_by_label("Open a new tab").rect();
    assert!(plus.right() <= 800.0, "{plus:?}");
}

#[test]
fn a_pages_dialog_says_whose_it_is() {
    let mut tab = page("https://example.org/");
    tab.push_dialog(Dialog::for_test(
        DialogId(7),
        DialogView::Confirm {
            message: "Latchkey needs your password".to_owned(),
        },
    ));
    let mut shown = Shown::new(vec![tab]);
    shown.harness.get_by_label("example.org asks");
    shown.press(Key::Enter);
    assert_eq!(shown.commands(), []);
    shown.click("Cancel");
    assert_eq!(
        shown.commands(),
        [Command::AnswerDialog(
            TabKey(0),
            DialogId(7),
            DialogAnswer::Cancel
        )],
    );
}

#[test]
fn a_prompt_takes_what_is_typed() {
    let mut tab = page("https://example.org/");
    tab.push_dialog(Dialog::for_test(
        DialogId(1),
        DialogView::Prompt {
            message: "Name?".to_owned(),
            suggestion: "Ada".to_owned(),
        },
    ));
    let mut shown = Shown::new(vec![tab]);
    shown.click("OK");
    assert_eq!(
        shown.commands(),
        [Command::AnswerDialog(
            TabKey(0),
            DialogId(1),
            DialogAnswer::Text("Ada".to_owned())
        )],
    );
}

#[test]
fn files_are_chosen_in_a_window_of_the_browsers() {
    let mut tab = page("https://example.org/");
    tab.push_dialog(Dialog::for_test(
        DialogId(1),
        DialogView::File {
            multiple: false,
            extensions: Vec::new(),
        },
    ));
    let mut shown = Shown::new(vec![tab]);
    assert_eq!(shown.commands(), []);
    shown.click("Cancel");
    // Said in every frame until the browser takes the dialog away.
    let cancel = Command::AnswerDialog(TabKey(0), DialogId(1), DialogAnswer::Cancel);
    assert_eq!(shown.commands().first(), Some(&cancel));
}

#[test]
fn the_new_tab_page_is_there_without_a_page() {
    let shown = Shown::new(vec![TabState::default()]);
    shown.harness.get_by_label("You hold the key");
    assert_eq!(shown.address(), "");
}

#[test]
fn the_key_in_the_toolbar_opens_the_permissions() {
    let mut shown = Shown::new(vec![page("https://example.org/")]);
    shown.click("Permissions");
    assert_eq!(shown.commands(), [Command::OpenPermissions]);
}

#[test]
fn the_permissions_page_has_an_address_and_a_place() {
    let mut tab = TabState::default();
    tab.own_page = OwnPage::parse(" Latchkey:Permissions ");
    let shown = Shown::new(vec![tab]);
    assert_eq!(shown.address(), "latchkey:permissions");
    shown.harness.get_by_label("Tab: Permissions");
    shown.harness.get_by_label("You have allowed nothing yet.");
}

/// A tab of which the bar shows a question, and over which a page has put a dialog.
fn with_question_and_dialog(view: DialogView) -> TabState {
    let (_model, question) = question([Ask::default()]);
    let mut tab = page("https://app.example/");
    tab.questions = vec![question];
    tab.push_dialog(Dialog::for_test(DialogId(1), view));
    tab
}

#[test]
fn a_question_is_not_in_view_under_what_a_page_puts_over_it() {
    let alert = DialogView::Alert {
        message: "Hello".to_owned(),
    };
    let mut shown = Shown::new(vec![with_question_and_dialog(alert)]);
    let in_view = |shown: &Shown| {
        let commands = shown.commands();
        let last = commands.iter().rev().find_map(|command| match command {
            Command::QuestionVisible { focused, .. } => Some(*focused),
            _ => None,
        });
        last.expect("the bar is drawn")
    };
    assert!(!in_view(&shown));
    shown.tabs.borrow_mut()[0].dialogs.clear();
    shown.frames();
    assert!(in_view(&shown));
}

#[test]
fn a_pages_list_stays_within_the_page() {
    let entries = (0..200)
        .map(|id| SelectEntry::Option {
            id,
            label: format!("Entry {id}"),
            enabled: true,
            in_group: false,
        })
        .collect();
    let view = DialogView::Select {
        entries,
        selected: Vec::new(),
        multiple: false,
        // At the lower end of the page, where there is no room for the list.
        position: DeviceIntRect::from_origin_and_size(
            DeviceIntPoint::new(10, 2000),
            DeviceIntSize::new(80, 20),
        ),
    };
    let shown = Shown::new(vec![with_question_and_dialog(view)]);
    let bar = shown
        .harness
        .get_by(|node| {
            node.label()
                .is_some_and(|name| name.starts_with("Allow once"))
        })
        .rect();
    let list = shown.harness.get_by_label("Entry 0").rect();
    assert!(list.top() > bar.bottom(), "{list} {bar}");
}
