//! The profile's file of HSTS hosts: what is read can be saved and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::hsts_file(bytes));
