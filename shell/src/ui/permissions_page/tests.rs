//! The permissions page as a person, a keyboard and assistive technology meet it.

use std::cell::RefCell;
use std::rc::Rc;

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use user_cors::{Denial, PermissionKey, Timestamp, TupleOrigin};

use super::{PermissionsPageState, permissions_page_ui};
use crate::browser::command::Command;
use crate::browser::permissions::{PermissionRow, Permissions};
use crate::ui::{Commands, theme};

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

fn shown(rows: Vec<PermissionRow>) -> (Harness<'static>, Rc<RefCell<Commands>>) {
    let commands = Rc::new(RefCell::new(Commands::new()));
    let queued = commands.clone();
    let mut permissions = Permissions::default();
    permissions.replace(rows);
    let mut state = PermissionsPageState::default();
    let mut is_set_up = false;
    let mut harness = Harness::builder()
        .with_size([800.0, 600.0])
        .build_ui(move |ui| {
            if !std::mem::replace(&mut is_set_up, true) {
                theme::install(ui.ctx());
                return;
            }
            permissions_page_ui(ui, &permissions, &mut state, &mut queued.borrow_mut());
        });
    harness.run_steps(4);
    (harness, commands)
}

#[test]
fn each_button_says_for_whom_it_is() {
    let (mut harness, commands) = shown(vec![
        denial("https://reader.example"),
        denial("https://map.example"),
    ]);
    harness
        .get_by_label("Reset: map.example reading from api.photos.example")
        .click();
    harness.run_steps(4);
    assert_eq!(
        *commands.borrow(),
        [Command::ResetPermission(key("https://map.example"))]
    );
}

#[test]
fn a_search_leaves_what_fits() {
    let (mut harness, _) = shown(vec![
        denial("https://reader.example"),
        denial("https://map.example"),
    ]);
    harness.get_by_label("2 entries");
    harness.get_by_label("Search the permissions").focus();
    harness.run_steps(2);
    harness.event(egui::Event::Text("READER".to_owned()));
    harness.run_steps(4);
    harness.get_by_label("1 entry");
    harness.get_by_label("Reset: reader.example reading from api.photos.example");
}

#[test]
fn of_a_long_list_only_what_is_in_view_is_drawn() {
    let rows = (0..100_000)
        .map(|number| denial(&format!("https://site-{number}.example")))
        .collect();
    let (harness, _) = shown(rows);
    harness.get_by_label("100000 entries");
    let drawn = harness
        .root()
        .children_recursive()
        .filter(|node| node.accesskit_node().role() == Role::Button)
        .count();
    assert!((2..20).contains(&drawn), "{drawn} buttons");
}

#[test]
fn an_empty_list_says_so() {
    let (harness, _) = shown(Vec::new());
    harness.get_by_label("You have allowed and refused nothing yet.");
}
