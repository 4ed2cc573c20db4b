//! WebSocket's opening handshakes take turns.
//!
//! A server is asked for one WebSocket at a time, so that a page cannot keep it busy with handshakes that do not end
//! ([RFC 6455, section 4.1](https://www.rfc-editor.org/rfc/rfc6455#section-4.1), step 2).
//!
//! AD-HOC: servers are told apart by name and port rather than by address, and pages of different sites do not wait for each
//! other, since they could tell so what the other does.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::key::{Endpoint, NetworkPartitionKey};

/// Who waits for whom.
#[derive(Default)]
pub(super) struct HandshakeTurns(Mutex<FxHashMap<Key, Weak<AsyncMutex<()>>>>);

type Key = (NetworkPartitionKey, Endpoint);

/// The turn to ask a server for a WebSocket. The next one begins when it is dropped.
pub struct HandshakeTurn(#[expect(dead_code, reason = "held to be dropped")] OwnedMutexGuard<()>);

impl HandshakeTurns {
    /// Waits for the turn at `endpoint` of a page of `partition`. Turns come in the order in which they were asked for.
    pub(super) async fn wait(
        &self,
        partition: &NetworkPartitionKey,
        endpoint: &Endpoint,
    ) -> HandshakeTurn {
        let gate = self.gate((partition.clone(), endpoint.clone()));
        HandshakeTurn(gate.lock_owned().await)
    }

    fn gate(&self, key: Key) -> Arc<AsyncMutex<()>> {
        let mut gates = self.0.lock();
        if let Some(gate) = gates.get(&key).and_then(Weak::upgrade) {
            return gate;
        }
        gates.retain(|_, gate| gate.strong_count() > 0);
        let gate = Arc::default();
        gates.insert(key, Arc::downgrade(&gate));
        gate
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use servo_url::ServoUrl;
    use user_cors::Site;

    use super::*;

    fn endpoint(url: &str) -> Endpoint {
        Endpoint::of_url(&ServoUrl::parse(url).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn one_at_a_time_for_a_server_and_site() {
        let turns = HandshakeTurns::default();
        let page = NetworkPartitionKey(Site::parse("https://a.example"));
        let server = endpoint("wss://server.example/one");
        let first = turns.wait(&page, &server).await;
        let mut second = std::pin::pin!(turns.wait(&page, &server));
        assert!(second.as_mut().now_or_never().is_none());

        let other_page = NetworkPartitionKey(Site::parse("https://b.example"));
        let others = [
            turns.wait(&other_page, &server).now_or_never(),
            turns
                .wait(&page, &endpoint("wss://server.example:8443/"))
                .now_or_never(),
            turns
                .wait(&page, &endpoint("wss://other.example/"))
                .now_or_never(),
        ];
        assert!(others.iter().all(Option::is_some));

        drop(first);
        drop(second.await);
        drop(others);
        turns.wait(&page, &endpoint("ws://new.example/")).await;
        assert_eq!(turns.0.lock().len(), 1, "the others are forgotten");
    }
}
