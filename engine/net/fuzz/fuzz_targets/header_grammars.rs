//! Values of headers: every grammar of theirs takes every value.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::header_grammars(bytes));
