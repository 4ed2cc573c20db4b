//! `Set-Cookie`, and the cookies that come of it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::set_cookie(bytes));
