//! The profile's file of cookies: what is read can be saved and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::cookie_file(bytes));
