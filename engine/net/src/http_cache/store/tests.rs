//! What stays in memory, and what goes.

use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;
use crate::connection::{ConnectionCredentials, NetworkPartitionKey};

fn key(number: u16) -> CacheKey {
    let url = ServoUrl::parse(&format!("https://example.com/?{number}")).unwrap();
    CacheKey::new(
        NetworkPartitionKey::default(),
        ConnectionCredentials::Included,
        &url,
    )
}

fn store_of(total: usize) -> Store {
    let limits = CacheLimits {
        total,
        entry: total,
    };
    Store::new(limits, None)
}

fn foo(value: u16) -> HeaderMap {
    HeaderMap::from_iter([(
        http::HeaderName::from_static("foo"),
        HeaderValue::from(value),
    )])
}

fn insert(store: &mut Store, number: u16, variant: u16, length: usize) {
    let head = ResponseHead {
        status: StatusCode::OK,
        reason: Vec::new(),
        headers: HeaderMap::from_iter([
            (http::header::VARY, HeaderValue::from_static("foo")),
            // An even key is equivalent to none but itself.
            (
                HeaderName::from_static("no-vary-search"),
                HeaderValue::from_static(if number.is_multiple_of(2) {
                    ""
                } else {
                    "params"
                }),
            ),
        ]),
        tls: None,
    };
    let selecting = SelectingHeaders::of(&foo(variant), &head.headers).unwrap();
    let times = (SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH);
    let record = Record {
        key: key(number),
        selecting,
        head,
        body: vec![0; length].into(),
        part: None,
        times,
    };
    store.insert(record, true);
}

fn is_consistent(store: &Store) -> bool {
    let entries = || store.entries.values().flatten();
    store.size == entries().map(|entry| entry.size).sum::<usize>()
        && store.uses.len() == entries().count()
        && entries().all(|entry| store.uses.contains_key(&entry.last_use))
        && store.entries.values().all(|entries| !entries.is_empty())
        && store.equivalent.values().all(|keys| {
            (1..=MAX_EQUIVALENT).contains(&keys.len())
                && keys.iter().all(|key| store.entries.contains_key(key))
        })
}

#[test]
fn the_least_recently_used_goes_first() {
    let mut store = store_of(35_000);
    for number in 0..3 {
        insert(&mut store, number, 0, 10_000);
    }
    assert!(store.select(&key(0), &foo(0)).is_some());
    insert(&mut store, 3, 0, 10_000);
    let left = |number| store.entries.contains_key(&key(number));
    assert_eq!(
        [left(0), left(1), left(2), left(3)],
        [true, false, true, true]
    );
    assert!(is_consistent(&store));
}

#[test]
fn variants_replace_their_like_and_are_bounded() {
    let mut store = store_of(1_000_000);
    insert(&mut store, 0, 0, 10);
    insert(&mut store, 0, 1, 20);
    insert(&mut store, 0, 1, 30);
    let mut length = |variant| {
        let entry = store.select(&key(0), &foo(variant));
        entry.map(|entry| entry.body.len())
    };
    assert_eq!(
        [length(0), length(1), length(2)],
        [Some(10), Some(30), None]
    );
    for variant in 2..50 {
        insert(&mut store, 0, variant, 10);
    }
    assert_eq!(store.entries[&key(0)].len(), MAX_VARIANTS);
    assert!(is_consistent(&store));
}

#[test]
fn equivalent_keys() {
    let mut store = store_of(1_000_000);
    insert(&mut store, 0, 0, 10);
    insert(&mut store, 1, 0, 20);
    let found = |store: &mut Store, variant| {
        let entry = store.select_equivalent(&key(5), &foo(variant));
        entry.map(|entry| entry.body.len())
    };
    assert_eq!(
        [found(&mut store, 0), found(&mut store, 1)],
        [Some(20), None]
    );
    assert!(store.select(&key(5), &foo(0)).is_none());
    let url = key(5).url().clone();
    let other = NetworkPartitionKey(user_cors::Site::parse("https://other.example"));
    store.remove_url(&url, &other);
    assert_eq!(found(&mut store, 0), Some(20));
    store.remove_url(&url, &NetworkPartitionKey::default());
    assert_eq!(found(&mut store, 0), None);
    assert!(store.select(&key(0), &foo(0)).is_some());
    assert!(is_consistent(&store));
}

#[test]
fn what_is_older_does_not_replace_what_is_newer() {
    let mut store = store_of(1_000_000);
    insert(&mut store, 0, 0, 10);
    let id = store.select(&key(0), &foo(0)).unwrap().id;
    store.update(&key(0), id, |entry| {
        entry.response_time += Duration::from_secs(1);
        true
    });
    insert(&mut store, 0, 0, 20);
    assert_eq!(store.select(&key(0), &foo(0)).unwrap().body.len(), 10);
}

#[test]
fn what_is_removed_while_it_arrives_is_not_stored() {
    let mut store = store_of(1_000_000);
    let [kept, removed] = [store.begin(&key(0)), store.begin(&key(1))];
    store.remove_keys(|removed| *removed == key(1));
    assert!(store.end(kept) && !store.end(removed) && !store.end(kept));
}

proptest! {
    #[test]
    fn the_budget_holds(steps in prop::collection::vec((0..20_u16, 0..20_u16, 0..3000_usize, 0..5_u8), 0..200)) {
        let mut store = store_of(20_000);
        for (number, variant, length, action) in steps {
            match action {
                0 => drop(store.select(&key(number), &foo(variant)).map(|entry| entry.id)),
                1 => store.remove_keys(|found| *found == key(number)),
                2 => {
                    if let Some(id) = store.select(&key(number), &foo(variant)).map(|entry| entry.id) {
                        store.update(&key(number), id, |entry| {
                            entry.head.reason = vec![0; length];
                            length % 2 == 0
                        });
                    }
                },
                _ => insert(&mut store, number, variant, length),
            }
            prop_assert!(store.size <= 20_000);
            prop_assert!(is_consistent(&store));
        }
    }
}
