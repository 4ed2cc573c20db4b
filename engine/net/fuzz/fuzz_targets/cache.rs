//! What the HTTP cache makes of the headers of a response and of the next request.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::cache(bytes));
