//! Challenges for a password, and the answers to them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::challenge(bytes));
