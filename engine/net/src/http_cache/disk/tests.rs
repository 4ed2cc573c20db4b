//! What outlives the browser, and what does not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use net_traits::TlsSecurityInfo;
use proptest::prelude::*;
use tempfile::TempDir;
use user_cors::Site;

use super::database::Database;
use super::record::Record;
use super::*;
use crate::connection::ConnectionCredentials;
use crate::http_cache::test_messages::{URL, at, headers, key_of};
use crate::http_cache::{CacheLimits, CacheRequest, HttpCache, ResponseHead};

const FRESH: &str = "Cache-Control: max-age=1000";
const PATIENCE: Duration = Duration::from_secs(30);

fn key(url: &str) -> CacheKey {
    key_of(
        Some("https://top.example"),
        ConnectionCredentials::Included,
        url,
    )
}

/// A cache's folder, and the cache as it is after each start of the browser.
struct Profile {
    folder: TempDir,
    limits: CacheLimits,
    disk_limits: DiskLimits,
}

impl Profile {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            limits: CacheLimits::default(),
            disk_limits: DiskLimits::default(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("http-cache.sqlite")
    }

    fn open(&self) -> HttpCache {
        HttpCache::with_file(self.limits, &self.path(), self.disk_limits)
    }

    /// Ends the cache; its file is free then.
    fn close(&self, cache: HttpCache) {
        assert!(cache.settle(PATIENCE));
        drop(cache);
        let begin = std::time::Instant::now();
        while let Err(error) = Database::open_or_begin_anew(&self.path(), self.disk_limits) {
            assert!(begin.elapsed() < PATIENCE, "{error}");
            std::thread::yield_now();
        }
    }

    /// All bytes of the folder's files.
    fn bytes(&self) -> Vec<u8> {
        let files = fs::read_dir(self.folder.path()).unwrap();
        files
            .flat_map(|file| fs::read(file.unwrap().path()).unwrap())
            .collect()
    }

    fn contains(&self, text: &str) -> bool {
        self.bytes()
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    }
}

fn store(cache: &HttpCache, key: &CacheKey, request: &str, response: &str, body: &[u8]) {
    let request = CacheRequest {
        key,
        method: &Method::GET,
        headers: &headers(request),
    };
    let status = if response.contains("Content-Range") {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let head = ResponseHead {
        status,
        reason: b"Fine".to_vec(),
        headers: headers(response),
        tls: Some(TlsSecurityInfo::default()),
    };
    if let Some(mut writer) = cache.begin_store(&request, &head, at(0), at(0)) {
        writer.write(&Bytes::copy_from_slice(body));
        writer.finish();
    }
}

fn get(cache: &HttpCache, key: &CacheKey, request: &str) -> Option<Bytes> {
    wait(cache.load(key));
    let request = CacheRequest {
        key,
        method: &Method::GET,
        headers: &headers(request),
    };
    cache.lookup(&request, at(1)).map(|stored| stored.body)
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn a_response_outlives_the_browser() {
    let profile = Profile::new();
    let cache = profile.open();
    store(&cache, &key(URL), "", FRESH, b"hello");
    assert!(get(&cache, &key(URL), "").is_some());
    profile.close(cache);

    let cache = profile.open();
    wait(cache.load(&key(URL)));
    let request = CacheRequest {
        key: &key(URL),
        method: &Method::GET,
        headers: &HeaderMap::new(),
    };
    let stored = cache.lookup(&request, at(7)).unwrap();
    assert_eq!(stored.body, "hello");
    assert_eq!(stored.head.reason, b"Fine");
    assert_eq!(stored.head.headers, headers(FRESH));
    assert_eq!(stored.head.tls, Some(TlsSecurityInfo::default()));
    assert_eq!(stored.age, Duration::from_secs(7));
    // Nothing is read without need, and nobody waits where there is nothing.
    let is_wanted = {
        let store = cache.shared.store.lock();
        store.disk().unwrap().request(&key(URL)).is_some()
    };
    assert!(!is_wanted);
    for other in [
        key("https://example.com/other"),
        key_of(None, ConnectionCredentials::Included, URL),
        key_of(
            Some("https://top.example"),
            ConnectionCredentials::Excluded,
            URL,
        ),
        key_of(
            Some("https://other.example"),
            ConnectionCredentials::Included,
            URL,
        ),
    ] {
        assert!(get(&cache, &other, "").is_none(), "{other:?}");
    }
}

#[test]
fn variants_parts_and_equivalents_outlive_it_too() {
    let profile = Profile::new();
    let cache = profile.open();
    let vary = format!("{FRESH}|Vary: Foo");
    store(&cache, &key(URL), "Foo: 1", &vary, b"one");
    store(&cache, &key(URL), "Foo: 2", &vary, b"two");
    let part = key("https://example.com/part");
    let range = format!("{FRESH}|Content-Range: bytes 2-4/9|ETag: \"a\"");
    store(&cache, &part, "Range: bytes=2-4", &range, b"abc");
    let search = format!("{FRESH}|No-Vary-Search: params");
    store(&cache, &key("https://example.com/s?a"), "", &search, b"all");
    profile.close(cache);

    let cache = profile.open();
    assert_eq!(get(&cache, &key(URL), "Foo: 1").unwrap(), "one");
    assert_eq!(get(&cache, &key(URL), "Foo: 2").unwrap(), "two");
    assert!(get(&cache, &key(URL), "Foo: 3").is_none());
    assert_eq!(get(&cache, &part, "Range: bytes=3-3").unwrap(), "b");
    assert!(get(&cache, &part, "").is_none());
    assert_eq!(
        get(&cache, &key("https://example.com/s?b"), "").unwrap(),
        "all"
    );
}

#[test]
fn what_left_the_memory_is_read_again() {
    let mut profile = Profile::new();
    profile.limits = CacheLimits {
        total: 20_000,
        entry: 5_000,
    };
    let cache = profile.open();
    let keys: Vec<_> = (0..20)
        .map(|number| key(&format!("{URL}{number}")))
        .collect();
    for key in &keys {
        store(&cache, key, "", FRESH, &[7; 4_000]);
    }
    let in_memory = |cache: &HttpCache| cache.shared.store.lock().keys().count();
    assert!(in_memory(&cache) < 6);
    for key in &keys {
        assert_eq!(get(&cache, key, "").unwrap().len(), 4_000);
    }
    assert!(in_memory(&cache) < 6);
}

#[test]
fn what_is_removed_is_gone_from_the_disk() {
    let excluded = key_of(
        Some("https://top.example"),
        ConnectionCredentials::Excluded,
        URL,
    );
    let elsewhere = key_of(
        Some("https://other.example"),
        ConnectionCredentials::Included,
        URL,
    );
    let equivalent = key("https://example.com/?a");
    let all = [key(URL), excluded, elsewhere, equivalent];
    type Removal = fn(&HttpCache);
    let removals: [(&str, Removal, [bool; 4]); 6] = [
        ("nothing", |_| (), [true; 4]),
        (
            "an unsafe method",
            |cache| cache.invalidate(&key(URL), &HeaderMap::new()),
            [false, false, true, false],
        ),
        (
            "a response that is not stored",
            |cache| store(cache, &key(URL), "", "Cache-Control: no-store", b""),
            [false, true, true, true],
        ),
        (
            "a response that stays in memory",
            |cache| {
                store(
                    cache,
                    &key(URL),
                    "",
                    "Cache-Control: no-store, must-understand, max-age=9",
                    b"",
                );
            },
            [false, true, true, true],
        ),
        (
            "a purge",
            |cache| cache.purge(|key| key.partition().0 == Site::parse("https://other.example")),
            [true, true, false, true],
        ),
        ("clearing", |cache| cache.clear(|| ()), [false; 4]),
    ];
    for (name, remove, expected) in removals {
        // From a cache that has just been started, and from one that knows what it holds.
        for restarts in [true, false] {
            let profile = Profile::new();
            let mut cache = profile.open();
            for key in &all {
                store(
                    &cache,
                    key,
                    "",
                    &format!("{FRESH}|No-Vary-Search: params"),
                    b"hello",
                );
            }
            if restarts {
                profile.close(cache);
                cache = profile.open();
            }
            remove(&cache);
            profile.close(cache);
            // The equivalent one would answer for the others, too.
            let mut database =
                Database::open_or_begin_anew(&profile.path(), DiskLimits::default()).unwrap();
            let left = all.each_ref().map(|key| {
                let records = database.load(key).unwrap();
                records.iter().any(|record| record.key == *key)
            });
            assert_eq!(left, expected, "{name}, restarts: {restarts}");
        }
    }
}

#[test]
fn a_new_head_is_written() {
    let profile = Profile::new();
    let cache = profile.open();
    store(
        &cache,
        &key(URL),
        "",
        "Cache-Control: max-age=0|ETag: \"a\"",
        b"hello",
    );
    let fields = headers("Cache-Control: max-age=1000|ETag: \"a\"|X-New: 1");
    let request = CacheRequest {
        key: &key(URL),
        method: &Method::GET,
        headers: &HeaderMap::new(),
    };
    let stored = cache.lookup(&request, at(1)).unwrap();
    cache.freshen(&request, stored, &fields, at(5), at(5));
    profile.close(cache);
    let cache = profile.open();
    wait(cache.load(&key(URL)));
    let stored = cache.lookup(&request, at(8)).unwrap();
    assert_eq!(stored.head.headers["x-new"], "1");
    assert_eq!(
        (stored.body.as_ref(), stored.age),
        (&b"hello"[..], Duration::from_secs(3))
    );
}

#[test]
fn secrets_stay_off_the_disk() {
    let profile = Profile::new();
    let cache = profile.open();
    store(
        &cache,
        &key(URL),
        "Cookie: in-a-cookie",
        &format!("{FRESH}|Vary: Cookie|Set-Cookie: set-by-it"),
        b"kept",
    );
    store(
        &cache,
        &key("https://example.com/1"),
        "Authorization: Basic signed-in",
        FRESH,
        b"for-one-account",
    );
    let anonymous = ConnectionCredentials::Anonymous(key(URL).url().origin().into());
    store(
        &cache,
        &key_of(None, anonymous, URL),
        "",
        FRESH,
        b"released-by-the-user",
    );
    store(
        &cache,
        &key("https://example.com/2"),
        "",
        "Cache-Control: no-store, must-understand, max-age=9",
        b"not-to-be-stored",
    );
    let by_hand = key("https://example.com/3");
    let request = CacheRequest {
        key: &by_hand,
        method: &Method::GET,
        headers: &HeaderMap::new(),
    };
    let head = ResponseHead {
        status: StatusCode::OK,
        reason: Vec::new(),
        headers: headers(FRESH),
        tls: None,
    };
    let mut writer = cache.begin_store(&request, &head, at(0), at(0)).unwrap();
    writer.keep_in_memory();
    writer.write(&Bytes::from_static(b"accepted-by-hand"));
    writer.finish();
    profile.close(cache);

    assert!(profile.contains("kept"));
    for secret in [
        "in-a-cookie",
        "set-by-it",
        "signed-in",
        "for-one-account",
        "released-by-the-user",
        "not-to-be-stored",
        "accepted-by-hand",
    ] {
        assert!(!profile.contains(secret), "{secret}");
    }
    let cache = profile.open();
    assert!(get(&cache, &key(URL), "Cookie: in-a-cookie").is_some());
    assert!(get(&cache, &key(URL), "Cookie: another").is_none());
}

#[test]
fn large_bodies_stay_in_memory() {
    let mut profile = Profile::new();
    profile.disk_limits.entry = 1_000;
    let cache = profile.open();
    store(&cache, &key(URL), "", FRESH, &[1; 1_000]);
    let large = key("https://example.com/large");
    store(&cache, &large, "", FRESH, &[1; 1_001]);
    // It takes the place of what is there.
    store(&cache, &key(URL), "", FRESH, &[1; 1_001]);
    assert!(get(&cache, &large, "").is_some());
    profile.close(cache);
    let cache = profile.open();
    assert!(get(&cache, &large, "").is_none());
    assert!(get(&cache, &key(URL), "").is_none());
}

#[test]
fn a_file_that_is_in_use_is_left_alone() {
    let profile = Profile::new();
    let first = profile.open();
    store(&first, &key(URL), "", FRESH, b"hello");
    assert!(first.settle(PATIENCE));
    let second = profile.open();
    store(&second, &key(URL), "", FRESH, b"other");
    assert_eq!(get(&second, &key(URL), "").unwrap(), "other");
    assert!(second.settle(PATIENCE));
    drop(second);
    profile.close(first);
    assert_eq!(get(&profile.open(), &key(URL), "").unwrap(), "hello");
}

#[test]
fn a_newer_file_is_begun_anew() {
    let profile = Profile::new();
    profile.close(profile.open());
    let connection = rusqlite::Connection::open(profile.path()).unwrap();
    connection.pragma_update(None, "user_version", 9).unwrap();
    drop(connection);
    let cache = profile.open();
    store(&cache, &key(URL), "", FRESH, b"hello");
    profile.close(cache);
    assert!(get(&profile.open(), &key(URL), "").is_some());
}

#[test]
fn damage_is_no_answer() {
    let profile = Profile::new();
    let cache = profile.open();
    for number in 0..40 {
        let body = format!("body {number:04}").repeat(200);
        store(
            &cache,
            &key(&format!("{URL}{number}")),
            "",
            FRESH,
            body.as_bytes(),
        );
    }
    profile.close(cache);
    let whole = fs::read(profile.path()).unwrap();
    for damage in 0..60 {
        let mut bytes = whole.clone();
        match damage {
            0 => bytes.truncate(5_000),
            1 => bytes.clear(),
            2 => bytes = b"this is no database, and longer than a header of one is".repeat(40),
            _ => {
                let first = damage * (bytes.len() / 60);
                for byte in bytes.iter_mut().skip(first).take(40) {
                    *byte ^= 0x5a;
                }
            },
        }
        fs::write(profile.path(), &bytes).unwrap();
        let cache = profile.open();
        for number in 0..40 {
            if let Some(body) = get(&cache, &key(&format!("{URL}{number}")), "") {
                assert_eq!(body, format!("body {number:04}").repeat(200), "{damage}");
            }
        }
        // It works on, one way or the other.
        store(&cache, &key(URL), "", FRESH, b"hello");
        assert_eq!(get(&cache, &key(URL), "").unwrap(), "hello");
        profile.close(cache);
    }
}

/// The variable by which [`a_killed_browser_leaves_a_whole_file`] tells the process that it starts where to write.
const CHILD_FILE: &str = "LATCHKEY_TEST_HTTP_CACHE_FILE";

#[test]
fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD_FILE) else {
        return;
    };
    let cache = HttpCache::with_file(
        CacheLimits::default(),
        Path::new(&path),
        DiskLimits::default(),
    );
    for number in 0_u64.. {
        let url = format!("{URL}{}", number % 50);
        let body = number.to_le_bytes().repeat(2_000);
        store(&cache, &key(&url), "", FRESH, &body);
        if number == 20 {
            assert!(cache.settle(PATIENCE));
            fs::write(Path::new(&path).with_extension("ready"), "").unwrap();
        }
        if number % 500 == 499 {
            cache.invalidate(&key(&url), &HeaderMap::new());
        }
    }
}

#[test]
fn a_killed_browser_leaves_a_whole_file() {
    for _ in 0..4 {
        let profile = Profile::new();
        let mut child = Process::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "http_cache::disk::tests::writes_until_it_is_killed",
            ])
            .env(CHILD_FILE, profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let ready = profile.path().with_extension("ready");
        let begin = std::time::Instant::now();
        while !ready.exists() {
            assert!(begin.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let mut database =
            Database::open_or_begin_anew(&profile.path(), DiskLimits::default()).unwrap();
        let mut found = 0;
        for number in 0..50 {
            for record in database.load(&key(&format!("{URL}{number}"))).unwrap() {
                let first: [u8; 8] = *record.body.first_chunk().unwrap();
                assert_eq!(record.body, first.repeat(2_000));
                assert_eq!(u64::from_le_bytes(first) % 50, number);
                found += 1;
            }
        }
        assert!(found >= 20, "only {found}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_budget_holds_and_what_was_used_stays(bodies in prop::collection::vec((0..12_u8, 0..6_000_usize), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("http-cache.sqlite");
        let limits = DiskLimits { total: 30_000, entry: 6_000 };
        let mut database = Database::open_or_begin_anew(&path, limits).unwrap();
        let kept = key("https://example.com/kept");
        let record = |key: CacheKey, length| Record {
            key,
            selecting: SelectingHeaders::of(&HeaderMap::new(), &HeaderMap::new()).unwrap(),
            head: ResponseHead { status: StatusCode::OK, reason: Vec::new(), headers: HeaderMap::new(), tls: None },
            body: vec![1; length].into(),
            part: None,
            times: (at(0), at(0)),
        };
        database.put(&record(kept.clone(), 100)).unwrap();
        for (number, length) in bodies {
            let key = key(&format!("{URL}{number}"));
            database.put(&record(key.clone(), length)).unwrap();
            database.touch(KeyDigest::of(&kept)).unwrap();
            prop_assert!(database.size() <= 30_000);
            prop_assert_eq!(database.load(&key).unwrap().len(), 1);
            prop_assert_eq!(database.load(&kept).unwrap().len(), 1);
        }
        let size = database.size();
        database.commit().unwrap();
        drop(database);
        let database = Database::open_or_begin_anew(&path, limits).unwrap();
        prop_assert_eq!(database.size(), size);
    }
}
