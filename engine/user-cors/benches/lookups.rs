//! How long the lookups of steps 5 and 8 take, what a large blocklist costs, and what thousands of requests that wait for one
//! answer do.
//!
//! `cargo bench -p user-cors` prints Criterion's figures, after the size of the compiled list and the memory of the waiting.

#[path = "../tests/facts/mod.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests, and nothing uses all of it"
)]
mod facts;

use std::{fs, hint::black_box, time::Duration};

use criterion::{BatchSize, Criterion};
use user_cors::{
    AskOutcome, Choice, CompiledBlocklist, CorsFailure, Coverage, Decision, HeaderNames, Initiator,
    MethodClass, Need, PermissionKey, PermissionStore, TargetNetwork, TicketRequest, Timestamp,
    TupleOrigin, UserCors, WayOut,
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

const DOMAINS: usize = 1_000_000;

const GRANTS: usize = 100_000;

const WAITING: usize = 10_000;

/// Names without a pattern that a set could make use of: 6 to 17 letters and digits (xorshift), some of them with a label
/// more.
fn domains(seed: u64) -> impl Iterator<Item = String> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
    const SUFFIXES: [&str; 8] = ["com", "net", "org", "example", "de", "co.uk", "io", "info"];
    let mut state = seed | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    std::iter::repeat_with(move || {
        let (mut letters, shape) = (random(), random());
        let length = 6 + (shape % 12) as usize;
        let mut name = String::new();
        if shape & 0xf00 == 0 {
            name.push_str("ads.");
        }
        for _ in 0..length {
            name.push(char::from(LETTERS[(letters % 32) as usize]));
            letters >>= 5;
        }
        name.push('.');
        name.push_str(SUFFIXES[(shape >> 32) as usize % SUFFIXES.len()]);
        name
    })
}

fn origin(host: &str) -> TupleOrigin {
    TupleOrigin::parse(&format!("https://{host}")).expect(host)
}

fn blocklist(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, compiled) = (
        folder.path().join("list.txt"),
        folder.path().join("list.fst"),
    );
    let lines: Vec<String> = domains(1).take(DOMAINS).collect();
    fs::write(&source, lines.join("\n")).expect("written");
    let list = CompiledBlocklist::compile(&source).expect("compiled");
    list.write(&compiled).expect("written");
    let on_disk = fs::metadata(&compiled).expect("a file").len();
    println!(
        "blocklist: {} of {DOMAINS} domains stored, {on_disk} bytes on disk",
        list.entries()
    );

    let listed: Vec<TupleOrigin> = lines
        .iter()
        .step_by(997)
        .map(|name| origin(&format!("www.{name}")))
        .collect();
    let others: Vec<TupleOrigin> = domains(2).take(1000).map(|name| origin(&name)).collect();
    assert!(listed.iter().all(|target| list.blocks(target)));

    let mut group = criterion.benchmark_group("blocklist of 1,000,000 domains");
    for (name, targets) in [("a listed target", &listed), ("another target", &others)] {
        let mut targets = targets.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || targets.next().expect("a target"),
                |target| list.blocks(black_box(target)),
                BatchSize::SmallInput,
            );
        });
    }
    group.bench_function("open", |bencher| {
        bencher.iter_with_large_drop(|| CompiledBlocklist::open(&compiled).expect("opened"));
    });
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(40))
        .bench_function("compile", |bencher| {
            bencher.iter_with_large_drop(|| CompiledBlocklist::compile(&source).expect("compiled"));
        });
    group.finish();
}

fn grants(criterion: &mut Criterion) {
    let requester = origin("app.example");
    let key = |name: &str| PermissionKey {
        top_level_site: requester.site(),
        requester: requester.clone(),
        target: origin(name),
    };
    let names: Vec<String> = domains(3).take(GRANTS).collect();
    let coverages: Vec<Coverage> = names
        .iter()
        .map(|name| Coverage {
            key: key(name),
            network: TargetNetwork::Public,
            way: WayOut::Direct,
            methods: [MethodClass::Get].into_iter().collect(),
            headers: HeaderNames::new(),
        })
        .collect();
    let mut store = PermissionStore::in_memory().expect("memory");
    store.grant(&coverages, None, NOW, None).expect("granted");
    let needs: Vec<Need> = names
        .iter()
        .step_by(97)
        .map(|name| Need {
            key: key(name),
            network: TargetNetwork::Public,
            way: WayOut::Direct,
            method: MethodClass::Get,
            headers: HeaderNames::new(),
        })
        .collect();
    assert!(
        needs
            .iter()
            .all(|need| store.find_grant(need, NOW, None, |_| true).is_some())
    );
    let mut needs = needs.iter().cycle();
    criterion
        .benchmark_group("store of 100,000 grants")
        .bench_function("a stored decision", |bencher| {
            bencher.iter_batched(
                || needs.next().expect("a need"),
                |need| {
                    store
                        .find_grant(black_box(need), NOW, None, |_| true)
                        .is_some()
                },
                BatchSize::SmallInput,
            );
        });
}

/// Requests of one page to one server, each with a URL of its own.
fn many_requests() -> impl Iterator<Item = CorsFailure> {
    (0..WAITING).map(|number| {
        let mut failure = facts::failure(&format!(
            "https://tiles.example/map/12/{number}/{number}.png?style=plain&key=0123456789abcdef"
        ));
        failure.request.initiator = Initiator::Image;
        failure
    })
}

fn ticket(user_cors: &UserCors, failure: &CorsFailure) -> TicketRequest {
    match user_cors.consider(failure, NOW) {
        Decision::Ask(request) => *request,
        other => panic!("not a question: {other:?}"),
    }
}

/// The memory of this process that is in use, in bytes; `None` where the system does not say.
fn resident() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

fn waiting(criterion: &mut Criterion) {
    let user_cors = facts::user_cors();
    let before = resident();
    for failure in many_requests() {
        let outcome = user_cors.ask(ticket(&user_cors, &failure), NOW);
        assert!(matches!(outcome, AskOutcome::Waiting { .. }), "{outcome:?}");
    }
    let grown = resident()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before));
    let shown = user_cors.question(facts::TAB).expect("a question");
    println!(
        "{WAITING} requests waiting: {} prompt that lists {}, {grown:?} bytes more in use",
        shown.queue_length,
        shown.requests.len()
    );
    assert_eq!(shown.queue_length, 1);
    assert!(grown.is_none_or(|grown| grown < 20_000_000));
    let settled = facts::answer(&user_cors, Choice::AllowForVisit, NOW);
    assert_eq!(settled.len(), WAITING);

    let mut group = criterion.benchmark_group("10,000 requests on one question");
    group.sample_size(10);
    group.bench_function("asked, and allowed at once", |bencher| {
        bencher.iter_batched(
            || {
                let user_cors = facts::user_cors();
                let tickets: Vec<TicketRequest> = many_requests()
                    .map(|failure| ticket(&user_cors, &failure))
                    .collect();
                (user_cors, tickets)
            },
            |(user_cors, tickets)| {
                for ticket in tickets {
                    let _ = user_cors.ask(ticket, NOW);
                }
                facts::answer(&user_cors, Choice::AllowForVisit, NOW)
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

/// What is added to an ordinary request whose CORS check passes: a look at whether any preflight is remembered. And what a
/// granted one costs in the model.
fn decisions(criterion: &mut Criterion) {
    let user_cors = facts::user_cors();
    let failure = facts::failure("https://b.example/");
    let granted = facts::allow(&user_cors, &failure, Choice::AllowForVisit, NOW);
    let mut group = criterion.benchmark_group("decisions");
    group.bench_function("an ordinary CORS request that succeeds", |bencher| {
        bencher.iter(|| black_box(&user_cors).remembers_silent_preflights());
    });
    group.bench_function("steps 1 to 8 under a grant", |bencher| {
        bencher.iter(|| user_cors.consider(black_box(&failure), NOW));
    });
    group.bench_function("step 10's second look", |bencher| {
        bencher.iter(|| user_cors.recheck(black_box(&granted), &failure, NOW));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    waiting(&mut criterion);
    decisions(&mut criterion);
    blocklist(&mut criterion);
    grants(&mut criterion);
    criterion.final_summary();
}
