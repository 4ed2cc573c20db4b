//! Grants and denials are what is in the file.

use super::*;
use crate::methods::MethodClass;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn key(target: &str) -> PermissionKey {
    let requester = TupleOrigin::parse("https://app.example").unwrap();
    PermissionKey {
        top_level_site: requester.site(),
        requester,
        target: TupleOrigin::parse(target).unwrap(),
    }
}

fn coverage(target: &str, methods: &[MethodClass]) -> Coverage {
    Coverage {
        key: key(target),
        network: TargetNetwork::Public,
        way: WayOut::Direct,
        methods: methods.iter().copied().collect(),
        headers: HeaderNames::new(),
    }
}

/// Lasting grants, made now where nobody knows the network.
fn granted(store: &mut PermissionStore, coverages: &[Coverage]) -> Vec<Grant> {
    store.grant(coverages, None, NOW, None).unwrap()
}

pub(in crate::store) fn add_one_of_each(store: &mut PermissionStore, now: Timestamp) {
    store
        .grant(
            &[coverage("https://a.example", &[MethodClass::Get])],
            None,
            now,
            None,
        )
        .unwrap();
    store.deny(&key("https://b.example"), now).unwrap();
}

#[test]
fn what_is_written_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("permissions.sqlite");
    let mut store = PermissionStore::open(&path, NOW).unwrap().store;
    add_one_of_each(&mut store, NOW);
    let (grants, denials) = (store.grants(NOW), store.denials());
    drop(store);
    let store = PermissionStore::open(&path, NOW).unwrap().store;
    assert_eq!((store.grants(NOW), store.denials()), (grants, denials));
    assert!(store.is_denied(&key("https://b.example")));
}

#[test]
fn a_grant_covers_its_methods_headers_and_key_only() {
    let mut store = PermissionStore::in_memory().unwrap();
    let none = HeaderNames::new();
    let one: HeaderNames = [http::HeaderName::from_static("x-one")]
        .into_iter()
        .collect();
    let with_header = Coverage {
        headers: one.clone(),
        ..coverage("https://a.example", &[MethodClass::Get])
    };
    granted(
        &mut store,
        &[
            with_header,
            coverage("https://a.example", &[MethodClass::Post]),
        ],
    );
    let found = |target, method, headers: &HeaderNames| {
        let network = TargetNetwork::Public;
        store
            .find_grant(
                &Need {
                    key: key(target),
                    network,
                    way: WayOut::Direct,
                    method,
                    headers: headers.clone(),
                },
                NOW,
                None,
                |_| true,
            )
            .is_some()
    };
    assert!(found("https://a.example", MethodClass::Get, &one));
    assert!(found("https://a.example", MethodClass::Get, &none));
    assert!(found("https://a.example", MethodClass::Post, &none));
    // Two grants do not add up.
    assert!(!found("https://a.example", MethodClass::Post, &one));
    assert!(!found("https://a.example", MethodClass::Delete, &none));
    assert!(!found("https://www.a.example", MethodClass::Get, &none));
}

#[test]
fn methods_that_may_not_last_are_not_stored() {
    let mut store = PermissionStore::in_memory().unwrap();
    let added = granted(
        &mut store,
        &[coverage(
            "https://a.example",
            &[MethodClass::Get, MethodClass::Put],
        )],
    );
    assert!(added.is_empty() && store.grants(NOW).is_empty());
    let local = Coverage {
        network: TargetNetwork::LocalNetwork,
        ..coverage("https://a.example", &[MethodClass::Get])
    };
    assert!(granted(&mut store, &[local]).is_empty());
}

#[test]
fn a_wider_grant_replaces_what_it_covers() {
    let mut store = PermissionStore::in_memory().unwrap();
    granted(
        &mut store,
        &[coverage("https://a.example", &[MethodClass::Get])],
    );
    granted(
        &mut store,
        &[coverage(
            "https://a.example",
            &[MethodClass::Get, MethodClass::Post],
        )],
    );
    assert_eq!(store.grants(NOW).len(), 1);
}

#[test]
fn use_renews_and_time_ends() {
    let mut store = PermissionStore::in_memory().unwrap();
    let target = key("https://a.example");
    let id = granted(
        &mut store,
        &[coverage("https://a.example", &[MethodClass::Get])],
    )
    .first()
    .unwrap()
    .id;
    store.touch(&target, id, NOW.after(DAY * 20), None).unwrap();
    assert!(
        store
            .grant_by_id(&target, id, NOW.after(DAY * 49), None)
            .is_some()
    );
    assert!(
        store
            .grant_by_id(&target, id, NOW.after(DAY * 50), None)
            .is_none()
    );
    // An ended grant is not brought back by a use.
    store.touch(&target, id, NOW.after(DAY * 51), None).unwrap();
    assert!(store.grants(NOW.after(DAY * 51)).is_empty());
    store.remove_expired(NOW.after(DAY * 51)).unwrap();
    assert!(store.grants(NOW).is_empty());
}

#[test]
fn what_a_grant_was_used_for_survives_with_its_network() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("permissions.sqlite");
    let mut store = PermissionStore::open(&path, NOW).unwrap().store;
    let home = MachineNetwork::new("192.0.2.1 192.0.2.0/24");
    let reading = coverage("https://a.example", &[MethodClass::Get]);
    let first = store
        .grant(std::slice::from_ref(&reading), Some(&home), NOW, None)
        .unwrap();
    let (id, budget) = (first.first().unwrap().id, Budget::default());
    store.count_request(&reading.key, id, NOW);
    assert!(store.count_bytes(&reading.key, id, (7, 7), &budget, NOW));
    let usage = store.grants(NOW).first().unwrap().usage;
    write_usage(&store.database.lock(), id, usage).unwrap();
    // The same on another network is another grant.
    granted(&mut store, &[reading]);
    let before = store.grants(NOW);
    assert_eq!(before.len(), 2);
    drop(store);
    let store = PermissionStore::open(&path, NOW).unwrap().store;
    assert_eq!(store.grants(NOW), before);
    let usage = before.first().unwrap().usage;
    assert_eq!((usage.requests, usage.bytes), (1, 7));
    assert_eq!(before.first().unwrap().made_on, Some(home));
}

#[test]
fn what_is_for_the_egress_only_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("permissions.sqlite");
    let mut store = PermissionStore::open(&path, NOW).unwrap().store;
    let direct = coverage("https://a.example", &[MethodClass::Get]);
    let by_egress = Coverage {
        way: WayOut::Egress,
        ..direct.clone()
    };
    let count = |store: &PermissionStore, way| {
        let need = Need {
            key: direct.key.clone(),
            network: TargetNetwork::Public,
            way,
            method: MethodClass::Get,
            headers: HeaderNames::new(),
        };
        store.find_grant(&need, NOW, None, |_| true).is_some()
    };
    granted(&mut store, std::slice::from_ref(&by_egress));
    drop(store);
    let mut store = PermissionStore::open(&path, NOW).unwrap().store;
    assert!(count(&store, WayOut::Egress) && !count(&store, WayOut::Direct));
    // The wider one takes its place, and is not replaced by it.
    granted(&mut store, std::slice::from_ref(&direct));
    assert_eq!(store.grants(NOW).len(), 1);
    assert!(count(&store, WayOut::Egress) && count(&store, WayOut::Direct));
    granted(&mut store, std::slice::from_ref(&by_egress));
    assert!(count(&store, WayOut::Direct));
}

#[test]
fn revoking_and_resetting() {
    let mut store = PermissionStore::in_memory().unwrap();
    add_one_of_each(&mut store, NOW);
    let id = store.grants(NOW).first().unwrap().id;
    assert!(store.revoke(id).unwrap());
    assert!(!store.revoke(id).unwrap());
    assert!(store.reset(&key("https://b.example")).unwrap());
    assert!(store.grants(NOW).is_empty() && store.denials().is_empty());
    assert!(!store.reset(&key("https://b.example")).unwrap());
}

#[test]
fn a_denial_ends_grants() {
    let mut store = PermissionStore::in_memory().unwrap();
    granted(
        &mut store,
        &[coverage("https://a.example", &[MethodClass::Get])],
    );
    store.deny(&key("https://a.example"), NOW).unwrap();
    assert!(store.grants(NOW).is_empty() && store.is_denied(&key("https://a.example")));
}
