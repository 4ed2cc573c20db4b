//! By which way the requests of a chain leave: straight to the addresses that were classified, or through the egress, which
//! looks names up itself.

use std::net::{IpAddr, SocketAddr};

use url::Host;
use user_cors::{
    AddressSpace, ConnectionFacts, Egress, EgressProxy, ProxyUse, RootsVerdict, Route,
    SourceAddress, TargetNetwork,
};

use super::chain::Errand;
use super::facts;
use crate::connection::{
    Admission, ConnectionError, Connections, EgressPath, Endpoint, ProxyError,
};
use crate::embedding::Embedding;
use crate::fetch::params::FetchParams;
use crate::network_state::FetchContext;

/// By which way one request leaves.
#[derive(Default)]
pub(crate) struct Way {
    /// Only to these addresses.
    pub pinned: Option<Vec<IpAddr>>,
    /// Only through the egress.
    pub egress: Option<EgressPath>,
    /// Only over a connection that passes.
    pub admission: Option<Admission>,
}

impl Way {
    /// The way of the next request; any, if it is not of this feature.
    ///
    /// # Errors
    /// If there is an egress, and it is no way to the target; or if nothing was classified that the request may go to.
    pub(crate) async fn of(
        params: &FetchParams,
        context: &FetchContext,
    ) -> Result<Self, ConnectionError> {
        let Some(errand) = params.chain.errand() else {
            return Ok(Self::default());
        };
        let egress = match (Embedding::get(), errand) {
            (Some(embedding), Errand::Deliver) => Some((embedding, embedding.user_cors().egress())),
            (None, _) | (_, Errand::Compare) => None,
        };
        match egress {
            Some((embedding, Egress::Proxy(proxy))) => {
                let endpoint = Endpoint::of_url(&params.request.current_url());
                let connections = &context.state.connections;
                through(embedding, &proxy, endpoint, connections).await
            },
            // NB: without a pin its target was never classified, or by a way that there is no more.
            _ => Ok(Self {
                pinned: Some(
                    params
                        .chain
                        .pinned()
                        .ok_or(ConnectionError::NoPinnedAddress)?,
                ),
                egress: None,
                admission: params.chain.admission(),
            }),
        }
    }
}

/// The way through `proxy`: to a target that is public by its name or literal address, over TLS, by a proxy at a public
/// address.
pub(super) async fn through(
    embedding: &'static Embedding,
    proxy: &EgressProxy,
    endpoint: Option<Endpoint>,
    connections: &Connections,
) -> Result<Way, ConnectionError> {
    let endpoint = endpoint
        .filter(|endpoint| endpoint.secure)
        .ok_or(ProxyError::EgressWithoutTls)?;
    // What only the certificate shows is looked at once there is a connection.
    let target = route_through_egress(embedding, &endpoint, RootsVerdict::Public);
    if target.network() != Some(TargetNetwork::Public) {
        return Err(ProxyError::EgressTarget.into());
    }
    let addresses = connections.resolve_egress(proxy).await?;
    embedding.know_addresses(&addresses).await;
    let is_public = |address: &IpAddr| {
        let socket = SocketAddr::new(*address, proxy.port());
        embedding.address_space(socket) == AddressSpace::Public
    };
    if !addresses.iter().all(is_public) {
        return Err(ProxyError::EgressNotPublic.into());
    }
    Ok(Way {
        pinned: None,
        egress: Some(EgressPath::new(proxy, addresses)),
        admission: Some(Admission::new(move |record| {
            let route = embedding.classify(record, || facts::connection(record));
            route.network() == Some(TargetNetwork::Public)
        })),
    })
}

/// What is known of a server that the egress reaches, or would reach.
pub(super) fn route_through_egress(
    embedding: &Embedding,
    endpoint: &Endpoint,
    public_roots: RootsVerdict,
) -> Route {
    embedding.user_cors().classify(&ConnectionFacts {
        host: endpoint.host.clone(),
        resolution: Vec::new(),
        peer: literal(endpoint),
        source: SourceAddress::Unknown,
        public_roots,
        proxy: ProxyUse::Egress,
    })
}

/// The address and port of an endpoint whose host is an address.
pub(super) fn literal(endpoint: &Endpoint) -> Option<SocketAddr> {
    match endpoint.host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some((address, endpoint.port).into()),
        Host::Ipv6(address) => Some((address, endpoint.port).into()),
    }
}
