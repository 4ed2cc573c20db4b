//! A Content Security Policy, asked about a request.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::content_security_policy(bytes));
