//! A server's side of a WebSocket out of memory, for `crate::fuzzing`.

use tokio::io::{AsyncWriteExt, duplex};
use tokio::runtime::Builder;
use tokio_tungstenite::WebSocketStream;
use tungstenite::protocol::Role;

use super::handshake::accept;
use super::script::{Actions, Events};
use super::session;
use crate::fuzzing::headers;
use crate::resource_manager::FetchController;

/// The headers of an answer to a handshake.
pub fn websocket_handshake(bytes: &[u8]) {
    let headers = headers(bytes);
    for protocols in [&[][..], &["chat".to_owned()]] {
        let _ = accept(101, &headers, "dGhlIHNhbXBsZSBub25jZQ==", protocols);
    }
}

/// What a server sends over an open socket.
pub fn websocket_frames(bytes: &[u8]) {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let (client, mut server) = duplex(bytes.len().max(1 << 16) * 2);
        let socket =
            WebSocketStream::from_raw_socket(client, Role::Client, Some(session::configuration()))
                .await;
        let _ = server.write_all(bytes).await;
        let _ = server.shutdown().await;
        let (_put, mut actions) = Actions::queue(1024);
        let events = Events::new(|_| {});
        session::run(socket, &mut actions, events, &FetchController::default()).await;
    });
}
