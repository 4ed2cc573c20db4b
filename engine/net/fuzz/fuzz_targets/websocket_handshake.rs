//! The answer to a WebSocket's handshake.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::websocket_handshake(bytes));
