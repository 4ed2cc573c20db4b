//! Certificates: what a person is shown of them is bounded.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::certificate(bytes));
