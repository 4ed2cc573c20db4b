//! The lines of a blocklist: every entry that is read blocks the target that it names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use user_cors::{BlockedTarget, CompiledBlocklist, TupleOrigin};

fuzz_target!(|data: &[u8]| {
    let list = CompiledBlocklist::from_reader(data).expect("small enough to be compiled");
    let lines = data.split(|byte| *byte == b'\n').count() as u64;
    assert!(list.bad_lines().count <= lines);
    for line in data.split(|byte| *byte == b'\n') {
        let Some(entry) = str::from_utf8(line)
            .ok()
            .and_then(|line| line.parse::<BlockedTarget>().ok())
        else {
            continue;
        };
        let named = match &entry {
            BlockedTarget::Origin(origin) => Some(origin.clone()),
            BlockedTarget::Domain(domain) => TupleOrigin::parse(&format!("https://{domain}")),
        };
        if let Some(target) = named {
            assert!(list.blocks(&target), "{entry}");
        }
    }
});
