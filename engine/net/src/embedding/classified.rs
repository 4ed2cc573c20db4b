//! Classifying what connections were made to, once for all exchanges of each.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use user_cors::{AddressSpace, ConnectionFacts, Route};

use super::Embedding;
use super::own_network::RouteChanges;
use crate::connection::ExchangeRecord;

/// Where a connection leads, as it was classified last. A clone is the same connection's.
#[derive(Clone, Default)]
pub(crate) struct ClassifiedRoute(Arc<Mutex<Option<Classified>>>);

struct Classified {
    route: Route,
    /// When this machine's routes were looked at for it.
    changes: RouteChanges,
}

impl fmt::Debug for ClassifiedRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifiedRoute").finish_non_exhaustive()
    }
}

impl Embedding {
    /// Classifies what a connection was made to, by what this machine's network looks like at this moment. `facts` are what
    /// is known of it, but for the way that it left.
    pub(crate) fn classify(
        &self,
        record: &ExchangeRecord,
        facts: impl FnOnce() -> ConnectionFacts,
    ) -> Route {
        self.look_at_own_network();
        let changes = self.own_network.route_changes();
        let mut last = record.classified.0.lock();
        if let Some(Classified { route, .. }) = last
            .as_ref()
            .filter(|last| last.changes == changes && self.user_cors.is_current(&last.route))
        {
            return route.clone();
        }
        let mut facts = facts();
        facts.source = self
            .own_network
            .source_address(record.local.ip(), record.peer);
        let route = self.user_cors.classify(&facts);
        *last = Some(Classified {
            route: route.clone(),
            changes,
        });
        route
    }

    /// The address space of an address, by what this machine's network looks like at this moment.
    pub(crate) fn address_space(&self, socket: SocketAddr) -> AddressSpace {
        self.look_at_own_network();
        self.user_cors.address_space(socket)
    }

    /// Classifies what a connection would be made to.
    pub(crate) fn classify_before_connecting(&self, mut facts: ConnectionFacts) -> Route {
        self.look_at_own_network();
        if let Some(peer) = facts.peer {
            facts.source = self.own_network.source_address_towards(peer);
        }
        self.user_cors.classify(&facts)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::net::Ipv4Addr;

    use servo_url::ServoUrl;
    use user_cors::{
        PermissionStore, ProxyUse, RootsVerdict, SourceAddress, SystemClock, UserCors,
    };

    use super::super::EmbeddingOptions;
    use super::*;

    fn embedding() -> Embedding {
        let store = PermissionStore::in_memory().expect("a store");
        let options = EmbeddingOptions::alone(Arc::new(UserCors::new(store)));
        Embedding::new(options, Arc::new(SystemClock))
    }

    #[test]
    fn a_connection_is_classified_again_when_more_is_known() {
        let embedding = embedding();
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 443));
        let url = ServoUrl::parse("https://api.test/").expect("a URL");
        let record = ExchangeRecord::direct(&url, peer);
        let looks = Cell::new(0);
        let classify = |record: &ExchangeRecord| {
            let route = embedding.classify(record, || {
                looks.set(looks.get() + 1);
                ConnectionFacts {
                    host: record.key.endpoint.host.clone(),
                    resolution: record.resolved.clone(),
                    peer: Some(record.peer),
                    source: SourceAddress::Unknown,
                    public_roots: RootsVerdict::Public,
                    proxy: ProxyUse::Direct,
                }
            });
            (route.space(), looks.get())
        };
        assert_eq!(classify(&record), (Some(AddressSpace::Loopback), 1));
        // A later exchange over the same connection.
        assert_eq!(classify(&record.clone()), (Some(AddressSpace::Loopback), 1));
        let overrides = "127.0.0.1:443=local".parse().expect("overrides");
        let _ = embedding
            .user_cors
            .set_address_space_overrides(overrides, embedding.now());
        assert_eq!(classify(&record), (Some(AddressSpace::Local), 2));
        assert_eq!(classify(&record), (Some(AddressSpace::Local), 2));
        embedding.own_network.forget_routes();
        assert_eq!(classify(&record), (Some(AddressSpace::Local), 3));
        let another = ExchangeRecord::direct(&url, peer);
        assert_eq!(classify(&another), (Some(AddressSpace::Local), 4));
    }
}
