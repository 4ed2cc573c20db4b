//! What a permission costs a fetch, beside the same fetch that its server allows; and what the permission model costs fetches
//! that have no need of it.
//!
//! `cargo bench --workspace --profile dev --bench granted_fetch` starts a server on loopback and makes fetches in pairs, one of
//! each kind after the other and in changing order, so that whatever else the machine does hits both. It prints the medians, and
//! the quotient of the medians: what a page waits. What is done beside the fetches, for the ledger, is in the second list: there
//! many fetches of one kind are made without a pause, until all of them are written down.

#[path = "../tests/world/mod.rs"]
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use net::embedding::Embedding;
use user_cors::{Clock, PermissionStore, Settings, Switch, SystemClock, UserCors};

use self::world::{Server, World, rules};

/// How many pairs are made before any is counted.
const WARM_UP: usize = 50;

/// How many pairs are counted.
const PAIRS: usize = 1000;

/// How many of those from a server that is not on this machine.
const FAR_PAIRS: usize = 200;

/// How long such a server's answer is on its way.
const FAR: Duration = Duration::from_millis(10);

/// How many fetches are made without a pause.
const ROW: usize = 500;

/// The host that allows everybody.
const OPEN: &str = "open.localhost";

/// The host that says nothing. NB: another one, since what is remembered of a host's silence is forgotten when it speaks.
const SILENT: &str = "silent.localhost";

/// How many preflights there were.
static PREFLIGHTS: AtomicUsize = AtomicUsize::new(0);

/// Below `/far` answers take their time. The last part of the path is the body's length.
async fn answer(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let host = request.headers().get("host");
    let is_open = host.is_some_and(|host| host.as_bytes().starts_with(OPEN.as_bytes()));
    if path.starts_with("/far/") {
        tokio::time::sleep(FAR).await;
    }
    let is_preflight = request.method() == Method::OPTIONS;
    if is_preflight {
        PREFLIGHTS.fetch_add(1, Ordering::Relaxed);
    }
    let mut response = match (is_preflight, is_open) {
        (true, true) => Response::new(Full::default()),
        (true, false) => {
            let mut refusal = Response::new(Full::default());
            *refusal.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            refusal
        },
        (false, _) => Response::new(Full::from(vec![b'x'; length_of(path)])),
    };
    let mut fields = vec![
        ("cache-control", "no-store"),
        ("content-type", "text/plain"),
    ];
    if is_open {
        fields.extend([
            ("access-control-allow-origin", "*"),
            ("access-control-allow-headers", "x-bench"),
            ("access-control-max-age", "7200"),
        ]);
    }
    for (name, value) in fields {
        let name = HeaderName::from_static(name);
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn length_of(path: &str) -> usize {
    let length = path.rsplit('/').next();
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// Whether a fetch has a header that takes a preflight.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Preflight {
    No,
    Remembered,
}

fn fetch(world: &World, host: &str, path: &str, preflight: Preflight) -> Duration {
    let mut headers = HeaderMap::new();
    if preflight == Preflight::Remembered {
        headers.insert("x-bench", HeaderValue::from_static("1"));
    }
    let request = world.fetch(world.server.url(host, path));
    let fetched = world.run(request.headers(headers));
    fetched.result.expect("no network error");
    assert_eq!(fetched.length, length_of(path), "{path}");
    fetched.taken
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Runs both in pairs, and prints what the second takes beside the first.
fn compare(pairs: usize, title: &str, first: impl Fn() -> Duration, second: impl Fn() -> Duration) {
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    for pair in 0..WARM_UP + pairs {
        let (one, two) = if pair % 2 == 0 {
            let one = first();
            (one, second())
        } else {
            let two = second();
            (first(), two)
        };
        if pair >= WARM_UP {
            of_first.push(one);
            of_second.push(two);
        }
    }
    report(title, median(&mut of_first), median(&mut of_second));
}

fn report(title: &str, one: Duration, two: Duration) {
    println!(
        "{title}: {one:.1?} and {two:.1?}, {:+.1} %",
        (two.as_secs_f64() / one.as_secs_f64() - 1.0) * 100.0
    );
}

/// Compares what one server allows with what a permission does.
fn compare_servers(world: &World, pairs: usize, title: &str, path: &str, preflight: Preflight) {
    let before = PREFLIGHTS.load(Ordering::Relaxed);
    compare(
        pairs,
        title,
        || fetch(world, OPEN, path, preflight),
        || fetch(world, SILENT, path, preflight),
    );
    let made = PREFLIGHTS.load(Ordering::Relaxed) - before;
    let expected = match preflight {
        Preflight::No => 0,
        Preflight::Remembered => 2,
    };
    assert_eq!(made, expected, "preflights of {title}");
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("permissions.sqlite");
    let store = PermissionStore::open(&path, SystemClock.now()).expect("a store");
    let user_cors = Arc::new(UserCors::new(store.store));
    let server = Server::start(&[OPEN, SILENT], answer);
    let world = World::open(server, user_cors.clone(), rules("always"), None);

    println!(
        "{PAIRS} pairs each, of the far server {FAR_PAIRS}; medians; the second beside the first"
    );
    for (pairs, place, name) in [
        (PAIRS, "", "this machine"),
        (FAR_PAIRS, "/far", "a server 10 ms away"),
    ] {
        for size in [1 << 10, 1 << 18, 1 << 20] {
            let path = format!("{place}/{size}");
            let title = format!("{} KiB from {name}", size >> 10);
            let simple = format!("{title}: CORS, a permission");
            compare_servers(&world, pairs, &simple, &path, Preflight::No);
            let other = format!("{title}, after a preflight that is remembered");
            compare_servers(&world, pairs, &other, &path, Preflight::Remembered);
        }
    }
    println!("{ROW} in a row until the ledger has them, for each");
    for size in [1 << 10, 1 << 18, 1 << 20] {
        let in_a_row = |host: &str| {
            let begun = Instant::now();
            for _ in 0..ROW {
                fetch(&world, host, &format!("/{size}"), Preflight::No);
            }
            if let Some(embedding) = Embedding::get() {
                embedding.settle_ledger();
            }
            begun.elapsed() / u32::try_from(ROW).expect("few")
        };
        report(
            &format!("{} KiB: CORS, a permission", size >> 10),
            in_a_row(OPEN),
            in_a_row(SILENT),
        );
    }
    let switched = |enabled, preflight| {
        let settings = Settings {
            enabled,
            ..user_cors.settings()
        };
        let _ = user_cors.set_settings(settings, SystemClock.now());
        fetch(&world, OPEN, "/1024", preflight)
    };
    for (title, preflight) in [
        (
            "CORS without a preflight: the feature off, on",
            Preflight::No,
        ),
        (
            "CORS with a preflight that is remembered: the feature off, on",
            Preflight::Remembered,
        ),
    ] {
        compare(
            PAIRS,
            title,
            || switched(Switch::Off, preflight),
            || switched(Switch::On, preflight),
        );
    }
    if let Some(embedding) = Embedding::get() {
        embedding.begin_shutdown();
    }
}
