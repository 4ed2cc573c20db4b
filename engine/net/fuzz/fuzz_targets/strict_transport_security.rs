//! `Strict-Transport-Security`, and the hosts that come of it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::strict_transport_security(bytes));
