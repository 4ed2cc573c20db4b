//! The server's frames of HTTP/2.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::http2_response(bytes));
