//! What goes into the cache, and what comes out.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use proptest::prelude::*;
use servo_url::ServoUrl;

use super::test_messages::{URL, at, headers, key_of};
use super::{
    CacheKey, CacheLimits, CacheRequest, Freshness, HttpCache, ResponseHead, StoreWriter,
    StoredResponse, conditional_headers, has_validator,
};
use crate::connection::ConnectionCredentials;

fn key(url: &str) -> CacheKey {
    key_of(None, ConnectionCredentials::Included, url)
}

fn head(status: u16, fields: &str) -> ResponseHead {
    ResponseHead {
        status: StatusCode::from_u16(status).unwrap(),
        reason: b"Fine".to_vec(),
        headers: headers(fields),
        tls: None,
    }
}

/// Runs `act` on a request with this method and these headers.
fn with<T>(
    key: &CacheKey,
    method: &str,
    fields: &str,
    act: impl FnOnce(&CacheRequest<'_>) -> T,
) -> T {
    act(&CacheRequest {
        key,
        method: &method.parse().unwrap(),
        headers: &headers(fields),
    })
}

fn begin(
    cache: &HttpCache,
    key: &CacheKey,
    fields: &str,
    head: &ResponseHead,
) -> Option<StoreWriter> {
    with(key, "GET", fields, |request| {
        cache.begin_store(request, head, at(0), at(0))
    })
}

fn store(cache: &HttpCache, key: &CacheKey, fields: &str, response: &str, body: &'static str) {
    let mut writer = begin(cache, key, fields, &head(200, response)).unwrap();
    writer.write(&Bytes::from_static(body.as_bytes()));
    writer.finish();
}

fn get(cache: &HttpCache, key: &CacheKey, fields: &str, now: u64) -> Option<StoredResponse> {
    with(key, "GET", fields, |request| cache.lookup(request, at(now)))
}

fn urls(cache: &HttpCache) -> Vec<String> {
    let (answer, answered) = std::sync::mpsc::channel();
    cache.entries(move |entries| answer.send(entries).unwrap());
    let entries = answered.recv().unwrap();
    entries.into_iter().map(|entry| entry.key).collect()
}

fn body(cache: &HttpCache, key: &CacheKey, fields: &str) -> Option<Bytes> {
    get(cache, key, fields, 0).map(|stored| stored.body)
}

#[test]
fn what_is_stored_comes_out() {
    let cache = HttpCache::default();
    let key = key(URL);
    let response = "Cache-Control: max-age=10|Set-Cookie: a=b|Set-Cookie: c=d|Connection: close";
    let mut writer = begin(&cache, &key, "", &head(200, response)).unwrap();
    writer.write(&Bytes::from_static(b"he"));
    writer.write(&Bytes::from_static(b"llo"));
    assert!(get(&cache, &key, "", 0).is_none());
    assert_eq!(cache.size_of(), 5);
    writer.finish();
    assert!(cache.size_of() > 5);

    let stored = get(&cache, &key, "", 5).unwrap();
    assert_eq!(stored.body, "hello");
    assert_eq!(stored.head.reason, b"Fine");
    assert_eq!(
        stored.head.headers,
        headers("Cache-Control: max-age=10|Set-Cookie: a=b|Set-Cookie: c=d")
    );
    assert_eq!(
        (stored.freshness, stored.age.as_secs()),
        (Freshness::Fresh, 5)
    );
    let stale = get(&cache, &key, "", 10).unwrap();
    assert_eq!(stale.freshness, Freshness::MustRevalidate);
    assert_eq!(urls(&cache), [URL]);
    cache.clear(|| ());
    assert!(get(&cache, &key, "", 0).is_none());
    assert_eq!(cache.size_of(), 0);
}

#[test]
fn keys_do_not_mix() {
    let cache = HttpCache::default();
    let origin = |url| ServoUrl::parse(url).unwrap().origin();
    let included = ConnectionCredentials::Included;
    let keys = [
        key(URL),
        key("https://example.com/?"),
        key_of(Some("https://a.com"), included.clone(), URL),
        key_of(Some("https://b.com"), included, URL),
        key_of(None, ConnectionCredentials::Excluded, URL),
        key_of(
            None,
            ConnectionCredentials::Anonymous(origin("https://a.com").into()),
            URL,
        ),
        key_of(
            None,
            ConnectionCredentials::Anonymous(origin("https://b.com").into()),
            URL,
        ),
    ];
    for stored in &keys {
        store(&cache, stored, "", "Cache-Control: max-age=10", "x");
        for other in &keys {
            assert_eq!(get(&cache, other, "", 0).is_some(), stored == other);
        }
        cache.clear(|| ());
    }
    assert_eq!(key(URL), key("https://example.com/#fragment"));
}

#[test]
fn methods_and_requests_that_want_nothing() {
    let cache = HttpCache::default();
    let key = key(URL);
    store(
        &cache,
        &key,
        "",
        "Cache-Control: max-age=10|Content-Length: 1",
        "x",
    );
    let lookup =
        |method, fields| with(&key, method, fields, |request| cache.lookup(request, at(0)));
    assert!(lookup("GET", "").is_some());
    let head = lookup("HEAD", "Range: bytes=0-0").unwrap();
    assert!(head.body.is_empty() && head.head.status == StatusCode::OK);
    assert!(lookup("POST", "").is_none());
    assert!(lookup("GET", "Cache-Control: no-store").is_none());
    assert!(with(
        &key,
        "GET",
        "Cache-Control: only-if-cached",
        |request| request.is_only_if_cached()
    ));
}

#[test]
fn variants() {
    let cache = HttpCache::default();
    let key = key(URL);
    const RESPONSE: &str = "Cache-Control: max-age=10|Vary: Foo";
    store(&cache, &key, "Foo: 1", RESPONSE, "1");
    store(&cache, &key, "Foo: 2", RESPONSE, "2");
    assert_eq!(body(&cache, &key, "Foo: 1").unwrap(), "1");
    assert_eq!(body(&cache, &key, "Foo: 2").unwrap(), "2");
    assert_eq!(body(&cache, &key, "Foo: 3"), None);
    assert_eq!(urls(&cache), [URL]);
}

#[test]
fn incomplete_and_large_bodies_are_not_stored() {
    let cache = HttpCache::new(CacheLimits {
        total: 100_000,
        entry: 1000,
    });
    let key = key(URL);
    const FRESH: &str = "Cache-Control: max-age=10";
    // Dropped on the way.
    let mut writer = begin(&cache, &key, "", &head(200, FRESH)).unwrap();
    writer.write(&Bytes::from_static(b"x"));
    drop(writer);
    assert_eq!(cache.size_of(), 0);
    // Shorter, or longer, than it said.
    for body in ["x", "xxx"] {
        store(
            &cache,
            &key,
            "",
            &format!("{FRESH}|Content-Length: 2"),
            body,
        );
        assert!(get(&cache, &key, "", 0).is_none());
    }
    store(
        &cache,
        &key,
        "",
        &format!("{FRESH}|Content-Length: 2"),
        "xx",
    );
    assert!(get(&cache, &key, "", 0).is_some());
    // Too long.
    let mut writer = begin(&cache, &key, "", &head(200, FRESH)).unwrap();
    for _ in 0..11 {
        writer.write(&Bytes::from_static(&[0; 100]));
    }
    writer.finish();
    assert_eq!(body(&cache, &key, "").unwrap(), "xx");
    let long = format!("{FRESH}|Content-Length: 1001");
    assert!(begin(&cache, &key, "", &head(200, &long)).is_none());
    // That response would have taken the place of the stored one.
    assert!(get(&cache, &key, "", 0).is_none());
    assert_eq!(cache.size_of(), 0);
}

#[test]
fn many_that_arrive_at_once_are_bounded() {
    let cache = HttpCache::new(CacheLimits {
        total: 4000,
        entry: 1000,
    });
    let mut writers: Vec<_> = (0..10)
        .map(|number| {
            let key = key(&format!("{URL}{number}"));
            begin(&cache, &key, "", &head(200, "Cache-Control: max-age=10")).unwrap()
        })
        .collect();
    for _ in 0..10 {
        for writer in &mut writers {
            writer.write(&Bytes::from_static(&[0; 100]));
            assert!(cache.size_of() <= 1100);
        }
    }
    drop(writers);
    assert_eq!(cache.size_of(), 0);
}

#[test]
fn what_replaces_without_being_storable_removes() {
    let key = key(URL);
    for (status, request, response, stays) in [
        (200, "", "Cache-Control: no-store", false),
        (303, "", "", false),
        (
            200,
            "Cache-Control: no-store",
            "Cache-Control: max-age=1",
            true,
        ),
        (206, "Range: bytes=0-0", "Cache-Control: max-age=1", true),
        (304, "", "Cache-Control: max-age=1", true),
        (503, "", "", true),
        (503, "", "Cache-Control: no-store", true),
    ] {
        let cache = HttpCache::default();
        store(&cache, &key, "", "Cache-Control: max-age=10", "x");
        assert!(begin(&cache, &key, request, &head(status, response)).is_none());
        assert_eq!(
            get(&cache, &key, "", 0).is_some(),
            stays,
            "{status} {request} {response}"
        );
    }
}

#[test]
fn parts() {
    let cache = HttpCache::default();
    let key = key(URL);
    store(
        &cache,
        &key,
        "",
        "Cache-Control: max-age=10|Content-Length: 10",
        "0123456789",
    );
    let part = get(&cache, &key, "Range: bytes=2-4", 0).unwrap();
    assert_eq!(part.body, "234");
    assert_eq!(part.head.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.head.headers["content-range"], "bytes 2-4/10");
    assert!(get(&cache, &key, "Range: bytes=10-", 0).is_none());
    assert_eq!(body(&cache, &key, "").unwrap(), "0123456789");
}

fn store_part(cache: &HttpCache, request: &str, response: &str, body: &'static str) {
    let response = format!("Cache-Control: max-age=10|{response}");
    let writer = begin(cache, &key(URL), request, &head(206, &response));
    let mut writer = writer.unwrap();
    writer.write(&Bytes::from_static(body.as_bytes()));
    writer.finish();
}

#[test]
fn stored_parts() {
    let cache = HttpCache::default();
    let key = key(URL);
    let tag = "ETag: \"a\"";
    store_part(
        &cache,
        "Range: bytes=2-5",
        &format!("{tag}|Content-Range: bytes 2-5/10"),
        "2345",
    );
    let part = get(&cache, &key, "Range: bytes=3-4", 0).unwrap();
    assert_eq!(part.body, "34");
    assert_eq!(part.head.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.head.headers["content-range"], "bytes 3-4/10");
    assert_eq!(part.head.headers["content-length"], "2");
    for request in ["", "Range: bytes=1-4", "Range: bytes=2-"] {
        assert!(get(&cache, &key, request, 0).is_none(), "{request}");
    }
    assert!(with(&key, "HEAD", "", |request| cache.lookup(request, at(0))).is_none());

    // Parts that meet are combined, and a complete body is that of a 200.
    store_part(
        &cache,
        "Range: bytes=4-",
        &format!("{tag}|Content-Range: bytes 4-9/10"),
        "456789",
    );
    assert_eq!(body(&cache, &key, "Range: bytes=2-").unwrap(), "23456789");
    assert!(get(&cache, &key, "", 0).is_none());
    store_part(
        &cache,
        "Range: bytes=0-1",
        &format!("{tag}|Content-Range: bytes 0-1/10|X-Test: new"),
        "01",
    );
    let complete = get(&cache, &key, "", 0).unwrap();
    assert_eq!(complete.body, "0123456789");
    assert_eq!(complete.head.status, StatusCode::OK);
    assert_eq!(
        complete.head.headers,
        headers(&format!(
            "Cache-Control: max-age=10|{tag}|X-Test: new|Content-Length: 10"
        ))
    );

    // A part of the same does not replace it, one of another representation does.
    for (tag, stays) in [("\"a\"", true), ("W/\"b\"", true), ("\"b\"", false)] {
        let response = format!("ETag: {tag}|Content-Range: bytes 0-1/10");
        store_part(&cache, "Range: bytes=0-1", &response, "ab");
        assert_eq!(get(&cache, &key, "", 0).is_some(), stays, "{tag}");
    }
    assert_eq!(body(&cache, &key, "Range: bytes=0-1").unwrap(), "ab");
}

#[test]
fn parts_without_the_same_strong_validator_are_not_combined() {
    for (old, new) in [
        ("X-Test: 1", "X-Test: 1"),
        ("ETag: W/\"a\"", "ETag: W/\"a\""),
        ("ETag: \"a\"", "ETag: \"b\""),
        ("ETag: \"a\"", "X-Test: 1"),
    ] {
        let cache = HttpCache::default();
        let first = format!("{old}|Content-Range: bytes 0-1/4");
        store_part(&cache, "Range: bytes=0-1", &first, "01");
        let second = format!("{new}|Content-Range: bytes 2-3/4");
        store_part(&cache, "Range: bytes=2-3", &second, "23");
        let found = |range| body(&cache, &key(URL), range);
        assert_eq!(found(""), None, "{old} {new}");
        assert_eq!(found("Range: bytes=0-1"), None, "{old} {new}");
        assert_eq!(found("Range: bytes=2-3").unwrap(), "23");
    }
}

#[test]
fn parts_of_another_length_than_their_range() {
    for (response, body, is_stored) in [
        ("Content-Range: bytes 0-3/9", "0123", true),
        ("Content-Range: bytes 0-3/9", "012", false),
        ("Content-Range: bytes 0-3/9|Content-Length: 3", "012", true),
        ("Content-Range: bytes 0-3/9", "01234", false),
        (
            "Content-Range: bytes 0-3/9|Content-Length: 5",
            "01234",
            false,
        ),
        ("Content-Range: bytes 0-3/9", "", false),
    ] {
        let cache = HttpCache::default();
        store_part(&cache, "Range: bytes=0-3", response, body);
        let found = get(&cache, &key(URL), "Range: bytes=1-2", 0);
        assert_eq!(found.is_some(), is_stored, "{response} {body}");
    }
}

#[test]
fn combined_parts_are_bounded() {
    let cache = HttpCache::new(CacheLimits {
        total: 100_000,
        entry: 5,
    });
    for (range, body) in [("0-3", "0123"), ("4-7", "4567")] {
        let response = format!("ETag: \"a\"|Content-Range: bytes {range}/8");
        store_part(&cache, &format!("Range: bytes={range}"), &response, body);
    }
    assert!(get(&cache, &key(URL), "", 0).is_none());
    assert_eq!(body(&cache, &key(URL), "Range: bytes=4-7").unwrap(), "4567");
}

#[test]
fn representations_in_responses_to_post() {
    let cache = HttpCache::default();
    let key = key(URL);
    let head = head(200, "Cache-Control: max-age=10|Content-Location: /");
    let begin = |fields: &str| {
        with(&key, "POST", fields, |request| {
            cache.begin_store(request, &head, at(0), at(0))
        })
    };
    assert!(begin("Cache-Control: no-store").is_none());
    let mut writer = begin("").unwrap();
    writer.write(&Bytes::from_static(b"x"));
    writer.finish();
    assert_eq!(body(&cache, &key, "").unwrap(), "x");
    assert!(with(&key, "POST", "", |request| cache.lookup(request, at(0))).is_none());
}

#[test]
fn equivalent_urls() {
    let cache = HttpCache::default();
    let here = key("https://example.com/?a=1&b=2");
    let other = key("https://example.com/?b=2&a=1");
    const RESPONSE: &str =
        "Cache-Control: max-age=5|No-Vary-Search: key-order|Vary: Foo|ETag: \"a\"";
    store(&cache, &here, "Foo: 1", RESPONSE, "x");
    let found = get(&cache, &other, "Foo: 1", 0).unwrap();
    assert_eq!(found.body, "x");
    // Only the URL's own response is validated.
    assert!(conditional_headers(&found).is_empty() && !has_validator(&found));
    assert!(get(&cache, &other, "Foo: 1", 5).is_none());
    assert!(get(&cache, &here, "Foo: 1", 5).is_some());
    // What keeps responses of the same URL apart does so for equivalent ones.
    assert!(get(&cache, &other, "Foo: 2", 0).is_none());
    for (site, credentials) in [
        (Some("https://a.com"), ConnectionCredentials::Included),
        (None, ConnectionCredentials::Excluded),
    ] {
        let other = key_of(site, credentials, "https://example.com/?b=2&a=1");
        assert!(get(&cache, &other, "Foo: 1", 0).is_none());
    }
    cache.invalidate(&other, &HeaderMap::new());
    assert!(get(&cache, &here, "Foo: 1", 0).is_none());
    assert_eq!(cache.size_of(), 0);
}

#[test]
fn validation() {
    let cache = HttpCache::default();
    let key = key(URL);
    const DATE: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    store(
        &cache,
        &key,
        "",
        &format!("Cache-Control: max-age=1|ETag: \"a\"|Last-Modified: {DATE}|X-Test: old"),
        "0123456789",
    );
    let freshen = |stored, fields: &str, now| {
        with(&key, "GET", "", |request| {
            cache.freshen(request, stored, &headers(fields), at(now), at(now))
        })
    };
    for (range, now) in [("", 5), ("Range: bytes=0-1", 9)] {
        let stale = get(&cache, &key, range, now).unwrap();
        assert_eq!(stale.freshness, Freshness::MustRevalidate);
        assert!(has_validator(&stale));
        assert_eq!(
            conditional_headers(&stale),
            headers(&format!("If-None-Match: \"a\"|If-Modified-Since: {DATE}"))
        );
        let length = stale.body.len();
        let answer = freshen(stale, "ETag: \"a\"|X-Test: new", now);
        assert_eq!(answer.head.headers["x-test"], "new");
        assert_eq!(
            (answer.body.len(), answer.freshness),
            (length, Freshness::Fresh)
        );
    }
    let stored = get(&cache, &key, "", 9).unwrap();
    assert_eq!(stored.head.headers["x-test"], "new");
    assert_eq!(stored.freshness, Freshness::Fresh);
    assert_eq!(stored.head.status, StatusCode::OK);
    assert_eq!(stored.body.len(), 10);

    // A 304 about something else.
    freshen(stored, "ETag: \"b\"", 9);
    assert!(get(&cache, &key, "", 9).is_none());
}

#[test]
fn unsafe_methods_invalidate_in_their_partition() {
    let cache = HttpCache::default();
    let included = ConnectionCredentials::Included;
    let site = Some("https://a.com");
    let here = key_of(site, included.clone(), URL);
    let without_credentials = key_of(site, ConnectionCredentials::Excluded, URL);
    let elsewhere = key_of(Some("https://b.com"), included.clone(), URL);
    let location = key_of(site, included.clone(), "https://example.com/new");
    let other = key_of(site, included, "https://example.com/other");
    let all = [&here, &without_credentials, &elsewhere, &location, &other];
    for key in all {
        store(&cache, key, "", "Cache-Control: max-age=10", "x");
    }
    let arriving = begin(&cache, &here, "", &head(200, "Cache-Control: max-age=10")).unwrap();
    cache.invalidate(&here, &headers("Location: /new"));
    // What was asked for before the change does not come back.
    arriving.finish();
    let left = all.map(|key| get(&cache, key, "", 0).is_some());
    assert_eq!(left, [false, false, true, false, true]);
}

#[test]
fn debug_output_has_no_header_values() {
    let cache = HttpCache::default();
    let key = key(URL);
    store(
        &cache,
        &key,
        "Cookie: secret",
        "Cache-Control: max-age=10|Vary: Cookie|Set-Cookie: secret",
        "x",
    );
    let stored = get(&cache, &key, "Cookie: secret", 0).unwrap();
    assert!(!format!("{stored:?} {cache:?}").contains("secret"));
}

proptest! {
    #[test]
    fn the_budget_holds(bodies in prop::collection::vec((0..30_u8, 0..5000_usize), 1..60)) {
        let cache = HttpCache::new(CacheLimits { total: 20_000, entry: 4000 });
        for (number, length) in bodies {
            let key = key(&format!("{URL}{number}"));
            let mut writer = begin(&cache, &key, "", &head(200, "Cache-Control: max-age=10")).unwrap();
            for chunk in vec![0; length].chunks(1000) {
                writer.write(&Bytes::copy_from_slice(chunk));
            }
            writer.finish();
            prop_assert!(cache.size_of() <= 20_000);
            prop_assert_eq!(get(&cache, &key, "", 0).is_some_and(|stored| stored.body.len() == length), length <= 4000);
            cache.purge(move |stored| *stored == key && length % 7 == 0);
        }
    }
}
