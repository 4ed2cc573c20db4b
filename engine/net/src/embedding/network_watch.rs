//! Looking at this machine's own network: when something is classified, and again and again while somebody waits for an
//! answer or a released body runs.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use user_cors::{MachineNetwork, Nat64Prefix};

use super::Embedding;
use super::own_network::REFRESH;
use crate::connection::{self, ExchangeRecord};
use crate::runtime;

impl Embedding {
    /// Tells the permission model what has changed in this machine's own network, unless that was done a moment ago.
    pub(super) fn look_at_own_network(&self) {
        let Some(seen) = self.own_network.refresh() else {
            return;
        };
        let now = self.now();
        self.settle(self.user_cors.set_interfaces(seen.prefixes, now));
        self.settle(self.user_cors.network_changed(seen.network, now));
    }

    /// From here on the machine counts as being on this network, whatever it looks like; `None`: as it looks. For tests of
    /// whole browsers.
    pub fn pretend_network(&self, network: Option<MachineNetwork>) {
        self.own_network.pretend(network);
        self.look_at_own_network();
    }

    /// Learns what the network says about these addresses, which may take a look-up.
    pub(crate) async fn know_addresses(&self, addresses: &[IpAddr]) {
        if addresses.iter().any(may_be_translated) {
            self.learn_nat64().await;
        }
    }

    /// Learns what the network says about the addresses of an exchange; `None` if it says nothing of them.
    pub(crate) fn learn_addresses_of(
        &'static self,
        record: &Option<Box<ExchangeRecord>>,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let record = record.as_deref()?;
        let peer = record.peer.ip();
        let may_be_translated = record.resolved.iter().chain([&peer]).any(may_be_translated);
        may_be_translated.then(|| self.learn_nat64())
    }

    async fn learn_nat64(&self) {
        let prefixes = self
            .own_network
            .nat64_prefixes(|| async {
                let found = connection::look_up("ipv4only.arpa", self.name_server).await;
                found.unwrap_or_default()
            })
            .await;
        if let Some(prefixes) = prefixes {
            self.settle(self.user_cors.set_nat64_prefixes(prefixes, self.now()));
        }
    }

    /// Looks at this machine's own network again and again for as long as the result lives.
    pub(crate) fn watch_network(&'static self) -> NetworkWatch {
        if self.network_watchers.begin() {
            runtime::spawn(async move {
                loop {
                    tokio::time::sleep(REFRESH).await;
                    if self.network_watchers.may_stop() {
                        return;
                    }
                    self.look_at_own_network();
                }
            });
        }
        NetworkWatch(self)
    }
}

/// How many wait or run for whom the network is looked at, and whether a task does so. There is one at most, however quickly
/// they come and go.
#[derive(Default)]
pub(super) struct Watchers {
    count: AtomicUsize,
    has_task: AtomicBool,
}

impl Watchers {
    /// One more. Whether a task has to be begun.
    fn begin(&self) -> bool {
        self.count.fetch_add(1, Ordering::SeqCst);
        !self.has_task.swap(true, Ordering::SeqCst)
    }

    /// One less.
    fn end(&self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether the task that asks may end.
    fn may_stop(&self) -> bool {
        if self.count.load(Ordering::SeqCst) > 0 {
            return false;
        }
        self.has_task.store(false, Ordering::SeqCst);
        // Somebody may have come since the last look, and taken the task for one that goes on.
        self.count.load(Ordering::SeqCst) == 0 || self.has_task.swap(true, Ordering::SeqCst)
    }
}

/// While it lives, this machine's own network is looked at again and again.
pub(crate) struct NetworkWatch(&'static Embedding);

impl Drop for NetworkWatch {
    fn drop(&mut self) {
        self.0.network_watchers.end();
    }
}

/// Whether a network may translate this address to an IPv4 one: any that is not this machine's own.
fn may_be_translated(address: &IpAddr) -> bool {
    let IpAddr::V6(address) = address.to_canonical() else {
        return false;
    };
    address != Ipv6Addr::LOCALHOST && address != Ipv6Addr::UNSPECIFIED
}

/// The prefixes by which a network translates, from its addresses of `ipv4only.arpa`.
pub(super) fn discovered(addresses: &[IpAddr]) -> Vec<Nat64Prefix> {
    Nat64Prefix::discovered(addresses.iter().filter_map(|address| match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(*address),
    }))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::Arc;

    use user_cors::{PermissionStore, SystemClock, UserCors};

    use super::super::EmbeddingOptions;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_name_server_of_tests_is_asked_how_the_network_translates() {
        let server = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        server.set_nonblocking(true).expect("a setting");
        let store = PermissionStore::in_memory().expect("a store");
        let options = EmbeddingOptions {
            name_server: server.local_addr().ok(),
            ..EmbeddingOptions::alone(Arc::new(UserCors::new(store)))
        };
        let embedding = Embedding::new(options, Arc::new(SystemClock));
        let address = "2001:db8::1".parse().expect("an address");
        embedding.know_addresses(&[address]).await;
        let mut asked = [0; 512];
        let length = server.recv(&mut asked).expect("a question");
        let names_it = asked[..length].windows(8).any(|part| part == b"ipv4only");
        assert!(names_it, "{:?}", &asked[..length]);
    }

    #[test]
    fn one_task_looks_however_many_come_and_go() {
        let watchers = Watchers::default();
        assert!(watchers.begin());
        for _ in 0..10 {
            watchers.end();
            assert!(!watchers.begin(), "the task goes on");
            assert!(!watchers.may_stop());
        }
        watchers.end();
        assert!(watchers.may_stop());
        assert!(watchers.begin(), "the task has ended");
    }
}
