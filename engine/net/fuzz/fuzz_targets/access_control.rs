//! The headers of CORS, and the checks that read them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::access_control(bytes));
