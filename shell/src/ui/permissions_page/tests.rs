//! The permissions page as a person, a keyboard and assistive technology meet it.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use user_cors::{
    Clock, Denial, PermissionKey, PermissionStore, PermissionsFile, Policy, PolicyStatus,
    Timestamp, TupleOrigin, UserCors,
};

use super::{PermissionsPageState, Section, permissions_page_ui};
use crate::browser::command::Command;
use crate::browser::permissions::{
    Import, PermissionRow, Permissions, PermissionsCommand, SettingChange,
};
use crate::ui::{Commands, theme};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn key(requester: &str) -> PermissionKey {
    let requester = TupleOrigin::parse(requester).unwrap();
    PermissionKey {
        top_level_site: requester.site(),
        requester,
        target: TupleOrigin::parse("https://api.photos.example").unwrap(),
    }
}

fn denial(requester: &str) -> PermissionRow {
    PermissionRow::of_denial(&Denial {
        key: key(requester),
        created: Timestamp::default(),
    })
}

/// A copy of a model with two lasting grants, that `change` changed.
fn copied(change: impl FnOnce(&UserCors)) -> Permissions {
    let folder = tempfile::tempdir().unwrap();
    let store = PermissionStore::open(&folder.path().join("p.sqlite"), NOW).unwrap();
    let model = UserCors::new(store.store);
    let grant = |target: &str, used: i64| {
        format!(
            r#"{{"topLevelSite": "https://app.example", "requester": "https://app.example", "target": "{target}",
                "methods": ["GET"], "headers": [], "created": 1699999999000, "lastUsed": {used}}}"#
        )
    };
    let text = format!(
        r#"{{"version": 1, "denials": [], "grants": [{}, {}]}}"#,
        grant("https://b.example", 1_699_999_999_500),
        grant("https://a.example", 1_699_999_999_100)
    );
    let file = PermissionsFile::parse(&text).unwrap();
    let _ = model.import_permissions(&file, NOW).unwrap();
    change(&model);
    let mut permissions = Permissions::default();
    permissions.refresh_from(&model, NOW);
    permissions
}

struct Page {
    harness: Harness<'static>,
    commands: Rc<RefCell<Commands>>,
    permissions: Rc<RefCell<Permissions>>,
}

impl Page {
    fn new(permissions: Permissions) -> Self {
        Self::choosing_files_in(permissions, None)
    }

    fn choosing_files_in(permissions: Permissions, folder: Option<&Path>) -> Self {
        let permissions = Rc::new(RefCell::new(permissions));
        let commands = Rc::new(RefCell::new(Commands::new()));
        let (copy, queued) = (permissions.clone(), commands.clone());
        let mut state = PermissionsPageState {
            folder: folder.map(Path::to_owned),
            ..PermissionsPageState::default()
        };
        let mut is_set_up = false;
        let harness = Harness::builder()
            .with_size([900.0, 700.0])
            .build_ui(move |ui| {
                if !std::mem::replace(&mut is_set_up, true) {
                    theme::install(ui.ctx());
                    return;
                }
                let commands = &mut queued.borrow_mut();
                permissions_page_ui(ui, &copy.borrow(), &mut state, commands);
            });
        let mut page = Self {
            harness,
            commands,
            permissions,
        };
        page.harness.run_steps(4);
        page
    }

    fn of_rows(rows: Vec<PermissionRow>) -> Self {
        let mut permissions = Permissions::default();
        permissions.rows = rows;
        permissions.revision = 1;
        let mut page = Self::new(permissions);
        page.click("Refused");
        page
    }

    fn click(&mut self, label: &str) {
        self.harness
            .get_by(|node| node.label().is_some_and(|name| name == label))
            .click();
        self.harness.run_steps(4);
    }

    fn write(&mut self, label: &str, text: &str) {
        self.harness.get_by_label(label).focus();
        self.harness.run_steps(2);
        self.harness.event(egui::Event::Text(text.to_owned()));
        self.harness.run_steps(4);
    }

    fn shows(&self, label: &str) -> bool {
        self.harness.query_by_label(label).is_some()
    }

    /// Draws until something is there that is read by another thread: what a folder contains.
    fn wait_for(&mut self, label: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.harness.query_by_label_contains(label).is_none() {
            assert!(Instant::now() < end, "there is no {label}");
            std::thread::yield_now();
            self.harness.step();
        }
    }

    fn commands(&self) -> Commands {
        self.commands.take()
    }
}

#[test]
fn each_button_says_for_whom_it_is() {
    let mut page = Page::of_rows(vec![
        denial("https://reader.example"),
        denial("https://map.example"),
    ]);
    page.click("Reset: map.example reading from api.photos.example");
    assert_eq!(
        page.commands(),
        [Command::ResetPermission(key("https://map.example"))]
    );
}

#[test]
fn a_search_leaves_what_fits() {
    let mut page = Page::of_rows(vec![
        denial("https://reader.example"),
        denial("https://map.example"),
    ]);
    assert!(page.shows("2 entries"));
    page.write("Search the permissions", "READER");
    assert!(page.shows("1 entry"));
    assert!(page.shows("Reset: reader.example reading from api.photos.example"));
}

#[test]
fn in_a_narrow_window_long_names_push_the_next_line_down() {
    let long = |number: u32| {
        let label = "a-long-name-".repeat(5);
        denial(&format!("https://{label}{number}.{label}.example"))
    };
    let mut page = Page::of_rows(vec![long(1), long(2)]);
    page.harness.set_size(egui::vec2(360.0, 900.0));
    page.harness.run_steps(4);
    let line = |number: u32| {
        let end = format!("{number}.");
        page.harness
            .query_all_by(|node| {
                let text = node.value().unwrap_or_default();
                text.contains("may not read from") && text.contains(&end)
            })
            .next()
            .map(|node| node.rect())
            .expect("the line is drawn")
    };
    assert!(line(1).right() <= 360.0, "{:?}", line(1));
    assert!(
        line(1).bottom() < line(2).top(),
        "{:?} {:?}",
        line(1),
        line(2)
    );
}

#[test]
fn of_a_long_list_only_what_is_in_view_is_drawn() {
    let rows = (0..100_000)
        .map(|number| denial(&format!("https://site-{number}.example")))
        .collect();
    let page = Page::of_rows(rows);
    assert!(page.shows("100,000 entries"));
    let drawn = page
        .harness
        .root()
        .children_recursive()
        .filter(|node| node.accesskit_node().role() == Role::Button)
        .count();
    assert!((2..40).contains(&drawn), "{drawn} buttons");
}

#[test]
fn empty_sections_say_so() {
    let mut page = Page::new(Permissions::default());
    for (section, text) in [
        ("Allowed", "You have allowed nothing yet."),
        ("Refused", "You have refused nothing for good."),
        ("What was read", "Nothing was read yet."),
        ("Servers that said no", "No server has asked so."),
    ] {
        page.click(section);
        assert!(page.shows(text), "{section}");
    }
}

#[test]
fn every_section_is_drawn_and_has_its_name() {
    let mut page = Page::new(copied(|_| {}));
    for (_, name) in Section::ALL {
        page.click(name);
    }
    assert_eq!(page.commands(), []);
}

#[test]
fn lists_can_be_ordered() {
    let mut page = Page::new(copied(|_| {}));
    let first = |page: &Page| {
        let top = |label: &str| page.harness.get_by_label(label).rect().top();
        top("Revoke: app.example reading from a.example")
            < top("Revoke: app.example reading from b.example")
    };
    page.click("Order: Newest first");
    page.click("By server");
    assert!(first(&page));
    page.click("Order: By server");
    page.click("Last used first");
    assert!(!first(&page));
}

#[test]
fn revoking_all_asks_first() {
    let mut page = Page::new(copied(|_| {}));
    page.click("Revoke all permissions");
    assert_eq!(page.commands(), []);
    page.click("Cancel");
    page.click("Revoke all permissions");
    page.click("Yes, revoke all");
    assert_eq!(page.commands(), [Command::RevokeAllPermissions]);
}

#[test]
fn a_search_of_the_ledger_goes_to_the_store() {
    let mut page = Page::new(copied(|_| {}));
    page.click("What was read");
    page.write("Search what was read", "x");
    assert_eq!(
        page.commands(),
        [Command::Permissions(PermissionsCommand::SearchLedger(
            "x".to_owned()
        ))]
    );
}

#[test]
fn a_server_can_be_blocked_and_what_is_none_is_explained() {
    let entry = "blocked.example".parse().unwrap();
    let mut page = Page::new(copied(|model| {
        let _ = model.block(&entry, NOW);
    }));
    page.click("Blocklists");
    page.write("A server to block", "no server at all");
    page.click("Block");
    assert_eq!(page.commands(), []);
    page.harness.get_by_label_contains("is no server");
    page.click("Unblock: blocked.example");
    let unblock = PermissionsCommand::Unblock("blocked.example".parse().unwrap());
    assert_eq!(page.commands(), [Command::Permissions(unblock)]);
}

#[test]
fn a_blocked_server_is_read_whatever_its_case() {
    let mut page = Page::new(copied(|_| {}));
    page.click("Blocklists");
    page.write("A server to block", " Bank.Example ");
    page.click("Block");
    let block = PermissionsCommand::Block("bank.example".parse().unwrap());
    assert_eq!(page.commands(), [Command::Permissions(block)]);
}

#[test]
fn settings_change_and_those_of_policy_do_not() {
    let warn = "Warn me, then ask";
    let change = Command::Permissions(PermissionsCommand::ChangeSetting(SettingChange {
        name: "user_cors.local_network",
        value: "warn".to_owned(),
    }));
    let mut page = Page::new(copied(|_| {}));
    page.click("Settings and policy");
    page.click(warn);
    assert_eq!(page.commands(), [change]);

    let policy = Policy {
        local_network: Some(user_cors::LocalNetwork::Block),
        ..Policy::default()
    };
    let mut page = Page::new(copied(|model| {
        let _ = model.set_policy(PolicyStatus::InForce(policy), user_cors::SystemClock.now());
    }));
    page.click("Settings and policy");
    page.click(warn);
    assert_eq!(page.commands(), []);
    assert!(page.shows("Set by policy: policy"));
}

#[test]
fn permissions_go_into_a_file_and_come_from_one_that_was_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let mut page = Page::choosing_files_in(copied(|_| {}), Some(&folder));
    page.click("Import and export");
    page.click("Export…");
    page.wait_for("Save");
    page.harness.get_by_label_contains("Save").click();
    page.harness.run_steps(4);
    let path = folder.join("latchkey-permissions.json");
    let export = PermissionsCommand::ExportPermissions(path.clone());
    assert_eq!(page.commands(), [Command::Permissions(export)]);

    // Another profile takes what was written there.
    let text = r#"{"version": 1, "grants": [{"topLevelSite": "https://app.example", "requester": "https://app.example",
        "target": "https://c.example", "methods": ["GET"], "headers": [], "created": 1699999999000,
        "lastUsed": 1699999999000}], "denials": []}"#;
    std::fs::write(&path, text).unwrap();
    page.click("Import…");
    page.wait_for("latchkey-permissions.json");
    page.harness
        .get_by_label_contains("latchkey-permissions.json")
        .click();
    page.harness.run_steps(4);
    page.harness.get_by_label_contains("Open").click();
    page.harness.run_steps(4);
    let import = PermissionsCommand::OpenImport(path.clone());
    assert_eq!(page.commands(), [Command::Permissions(import)]);

    let store = PermissionStore::open(&folder.join("p.sqlite"), NOW).unwrap();
    let model = UserCors::new(store.store);
    let import = Import::read(&path, &model, NOW).unwrap();
    page.permissions.borrow_mut().transfer.import = Some(import);
    page.harness.run_steps(4);
    page.harness.get_by_label_contains("would be allowed");
    page.click("Import these");
    page.click("Leave it");
    assert_eq!(
        page.commands(),
        [
            Command::Permissions(PermissionsCommand::ConfirmImport),
            Command::Permissions(PermissionsCommand::CancelImport)
        ]
    );
}

#[test]
fn the_names_of_sections_stay_where_they_are() {
    let mut page = Page::new(Permissions::default());
    let places = |page: &Page| -> Vec<egui::Rect> {
        let names = Section::ALL.iter().map(|(_, name)| *name);
        names
            .map(|name| page.harness.get_by_label(name).rect())
            .collect()
    };
    let before = places(&page);
    for (_, name) in Section::ALL {
        page.click(name);
        assert_eq!(places(&page), before, "{name}");
        page.harness.get_by_label(name).hover();
        page.harness.run_steps(2);
        assert_eq!(places(&page), before, "{name}, pointed at");
    }
}
