//! How long the lookups of steps 5 and 8 take, and what a large blocklist costs.
//!
//! `cargo bench -p user-cors` prints Criterion's figures, after the size of the compiled list.

use std::{fs, hint::black_box, time::Duration};

use criterion::{BatchSize, Criterion};
use user_cors::{
    CompiledBlocklist, Coverage, HeaderNames, MethodClass, Need, PermissionKey, PermissionStore,
    TargetNetwork, Timestamp, TupleOrigin,
};

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

const DOMAINS: usize = 1_000_000;

const GRANTS: usize = 100_000;

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

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    blocklist(&mut criterion);
    grants(&mut criterion);
    criterion.final_summary();
}
