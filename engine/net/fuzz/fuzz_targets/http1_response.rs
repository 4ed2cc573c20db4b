//! A response of HTTP/1.1 with its body and content codings, byte by byte as a server sends it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::http1_response(bytes));
