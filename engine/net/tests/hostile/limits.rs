//! How much memory a long body takes, and how soon a socket is free that nobody wants any more.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::time::sleep;

use crate::client::{Client, Memory, request};
use crate::server::{Over, Server};
use crate::{CLIENT, lock, parse};

/// How many bytes are streamed.
const STREAMED: u64 = 1 << 30;

/// How much more memory that may take, in bytes.
const GROWTH: u64 = 64 << 20;

/// How long a socket may stay open after its fetch was given up, in the middle of the measurements.
const FREED_WITHIN: Duration = Duration::from_millis(50);

/// How many fetches are given up at each stage.
const ROUNDS: usize = 15;

#[test]
fn a_gibibyte_takes_little_memory() {
    let client = lock(&CLIENT);
    Runtime::new().expect("a runtime").block_on(async {
        let server = Server::start(Over::Tcp, client.tls.clone(), |mut conn| async move {
            conn.request().await?;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {STREAMED}\r\n\r\n");
            conn.write(head.as_bytes()).await?;
            let piece = vec![b'x'; 1 << 20];
            for _ in 0..STREAMED >> 20 {
                conn.write(&piece).await?;
            }
            Ok(())
        })
        .await;
        let url = parse(&format!("http://{}/", server.address));
        let memory = Memory::watch();
        let heard = client
            .fetch(request(&url, &url))
            .end(Duration::from_secs(120))
            .await
            .expect("an end");
        let growth = memory.growth();
        println!(
            "{} MiB of memory for {} MiB of body",
            growth >> 20,
            STREAMED >> 20
        );
        assert_eq!((heard.length, heard.complete), (STREAMED, true));
        assert!(growth < GROWTH, "{} MiB", growth >> 20);
    });
}

/// A stage at which a server stalls.
#[derive(Clone, Copy, Debug)]
enum Stage {
    Handshake,
    Head,
    Body,
}

#[test]
fn a_socket_is_free_soon_after_its_fetch_was_given_up() {
    let client = lock(&CLIENT);
    let runtime = Runtime::new().expect("a runtime");
    for (stage, over) in [
        (Stage::Handshake, Over::RawTls),
        (Stage::Head, Over::Tcp),
        (Stage::Body, Over::Tcp),
    ] {
        let mut taken: Vec<_> = (0..ROUNDS)
            .map(|_| runtime.block_on(time_to_free(&client, stage, over)))
            .collect();
        taken.sort_unstable();
        let middle = taken[ROUNDS / 2];
        println!(
            "{stage:?}: free after {middle:?}, at most {:?}",
            taken[ROUNDS - 1]
        );
        assert!(middle <= FREED_WITHIN, "{stage:?}: {taken:?}");
    }
}

/// How long a connection is open after its fetch was given up.
async fn time_to_free(client: &Client, stage: Stage, over: Over) -> Duration {
    let server = Server::start(over, client.tls.clone(), move |mut conn| async move {
        if !matches!(stage, Stage::Handshake) {
            conn.request().await?;
        }
        if matches!(stage, Stage::Body) {
            conn.write(b"HTTP/1.1 200 OK\r\n\r\nbegun").await?;
        }
        conn.keep_silent().await
    })
    .await;
    let scheme = if over == Over::Tcp { "http" } else { "https" };
    let url = parse(&format!("{scheme}://localhost:{}/", server.address.port()));
    let fetch = client.fetch(request(&url, &url));
    server.signals.enough.notified().await;
    let given_up = Instant::now();
    client.cancel(&fetch);
    while server.signals.open() > 0 {
        assert!(given_up.elapsed() < Duration::from_secs(10), "{stage:?}");
        sleep(Duration::from_millis(1)).await;
    }
    given_up.elapsed()
}
