//! A server's frames over an open WebSocket.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| net::fuzzing::websocket_frames(bytes));
