//! Targets that are found by name again: where a redirect leads, and servers whose classified addresses answer no more.
//!
//! A name is looked up and its addresses are classified before anything is sent there. What only a connection shows, above
//! all its certificate, is looked at when there is one, and still before anything is sent.

use std::net::SocketAddr;

use net_traits::request::Request;
use url::Host;
use user_cors::{
    Classification, ConnectionFacts, CorsFailure, FailedStage, GrantUse, HopCheck, PinnedAddresses,
    ProxyUse, Refusal, Repin, RootsVerdict, Route, SourceAddress, TupleOrigin, WayOut,
};

use super::chain::{GrantInUse, Pin};
use super::egress::route_through_egress;
use super::{Hook, facts};
use crate::connection::{ConnectionError, Endpoint};
use crate::fetch::cause::Cause;
use crate::fetch::params::FetchParams;
use crate::fetch::response::FetchResponse;
use crate::network_state::FetchContext;

/// Whether none of the addresses that were classified answers any more.
pub(super) fn answer_no_more(response: &FetchResponse) -> bool {
    matches!(
        response.cause.as_deref(),
        Some(Cause::Connection(ConnectionError::NoPinnedAddress))
    )
}

/// Whether a request that was not sent may be sent later: its body can be read again.
pub(super) fn may_be_sent_later(request: &Request) -> bool {
    request
        .body
        .as_ref()
        .is_none_or(|body| !body.source_is_null())
}

impl Hook {
    /// Where the request's current URL leads: through the egress as far as can be told, or else by a look-up. `certificate` is
    /// what its chain is taken for until there is a connection.
    ///
    /// # Errors
    /// [`Refusal::UnknownPeer`] if the name leads nowhere, or somewhere that only a proxy knows.
    pub(super) async fn look_up(
        &self,
        request: &Request,
        certificate: RootsVerdict,
        context: &FetchContext,
    ) -> Result<Route, Refusal> {
        match self.way_out() {
            WayOut::Direct => self.look_up_directly(request, certificate, context).await,
            WayOut::Egress => {
                let endpoint =
                    Endpoint::of_url(&request.current_url()).ok_or(Refusal::InsecureTarget)?;
                Ok(route_through_egress(self.embedding, &endpoint, certificate))
            },
        }
    }

    /// Where the request's current URL leads, by a look-up.
    ///
    /// # Errors
    /// As for [`look_up`](Self::look_up).
    pub(super) async fn look_up_directly(
        &self,
        request: &Request,
        certificate: RootsVerdict,
        context: &FetchContext,
    ) -> Result<Route, Refusal> {
        let endpoint = Endpoint::of_url(&request.current_url()).ok_or(Refusal::InsecureTarget)?;
        let resolution = context
            .state
            .connections
            .resolve(&endpoint)
            .await
            .map_err(|error| {
                log::debug!("{error}");
                Refusal::UnknownPeer
            })?;
        let first = *resolution.first().ok_or(Refusal::UnknownPeer)?;
        self.embedding.know_addresses(&resolution).await;
        Ok(self.embedding.classify_before_connecting(ConnectionFacts {
            resolution: match endpoint.host {
                Host::Domain(_) => resolution,
                Host::Ipv4(_) | Host::Ipv6(_) => Vec::new(),
            },
            host: endpoint.host,
            peer: Some(SocketAddr::new(first, endpoint.port)),
            source: SourceAddress::Unknown,
            public_roots: certificate,
            proxy: ProxyUse::Direct,
        }))
    }

    /// Step 10: the target has left the addresses that were classified. Its new ones are classified; if that gives the same,
    /// the request goes there, and otherwise it is asked about anew.
    pub(super) async fn follow_addresses(
        &self,
        params: &mut FetchParams,
        facts: &CorsFailure,
        grant: GrantUse,
        context: &FetchContext,
    ) -> Result<GrantUse, Refusal> {
        let Route::Direct(before) = &facts.route else {
            return Err(Refusal::UnknownPeer);
        };
        let route = self
            .look_up(&params.request, before.public_roots, context)
            .await?;
        let grant = match &route {
            Route::Direct(now) if is_elsewhere(before, now) => {
                let anew = CorsFailure {
                    route: route.clone(),
                    ..facts.clone()
                };
                match PinnedAddresses::new(before).repin(now) {
                    Repin::Same(_) => {
                        self.still_grants(&grant, &anew)?;
                        grant
                    },
                    Repin::Changed => self.permit(params, &anew, None).await?,
                }
            },
            _ => return Err(Refusal::UnknownPeer),
        };
        if let Some(anonymous) = params.chain.anonymous_mut() {
            anonymous.pin = Pin::of(&route);
            anonymous.space = route.space();
            let before = anonymous.grant.take();
            anonymous.grant = Some(GrantInUse::new(self.embedding, before, grant.clone()));
        }
        Ok(grant)
    }

    /// Where a redirect leads, before there is a connection to it.
    async fn look_up_hop(
        &self,
        params: &FetchParams,
        check: HopCheck,
        context: &FetchContext,
    ) -> Result<Route, Refusal> {
        let secure = params.request.current_url().is_secure_scheme();
        if check == HopCheck::UserEnabled {
            let request = facts::request(params, facts::certificate_of_scheme(secure));
            let hop = self.facts_of(params, FailedStage::Redirect, request, Route::Unknown);
            self.embedding.user_cors().may_look_up(&hop, self.now())?;
        }
        let certificate = if secure {
            RootsVerdict::Public
        } else {
            RootsVerdict::NoTls
        };
        self.look_up(&params.request, certificate, context).await
    }

    /// Step 11: the target of a redirect that is followed before anybody is asked gets nothing if it is less public than the
    /// one before, or if a step says no that needs no answer of its server.
    pub(super) async fn classify_before_sending(
        &self,
        params: &mut FetchParams,
        check: HopCheck,
        context: &FetchContext,
    ) -> Result<(), Refusal> {
        let secure = params.request.current_url().is_secure_scheme();
        let route = self.look_up_hop(params, check, context).await?;
        let anonymous = params.chain.anonymous_mut().ok_or(Refusal::GrantEnded)?;
        user_cors::redirect_space_check(anonymous.space, route.space())?;
        if check == HopCheck::UserEnabled {
            let request = facts::request(params, facts::certificate_of_scheme(secure));
            let facts = self.facts_of(params, FailedStage::Redirect, request, route.clone());
            self.embedding.user_cors().may_follow(&facts, self.now())?;
        }
        let anonymous = params.chain.anonymous_mut().ok_or(Refusal::GrantEnded)?;
        anonymous.pin = anonymous.space.and_then(|space| Pin::after(space, &route));
        Ok(())
    }

    /// Step 11: asks about the target of a redirect before anything is sent to it, unless it is allowed already.
    pub(super) async fn ask_before_sending(
        &self,
        params: &mut FetchParams,
        context: &FetchContext,
    ) -> Result<(), Refusal> {
        let secure = params.request.current_url().is_secure_scheme();
        let route = self
            .look_up_hop(params, HopCheck::UserEnabled, context)
            .await?;
        let (space, in_use) = match params.chain.anonymous_mut() {
            Some(anonymous) => (anonymous.space, anonymous.grant.clone()),
            None => return Err(Refusal::GrantEnded),
        };
        user_cors::redirect_space_check(space, route.space())?;
        let request = facts::request(params, facts::certificate_of_scheme(secure));
        let mut facts = self.facts_of(params, FailedStage::Redirect, request, route);
        // Of the targets before, those that were asked about are not asked about again.
        let allowed = in_use.iter().flat_map(|used| used.allowed_targets());
        let allowed: Vec<&TupleOrigin> = allowed.collect();
        facts
            .earlier_targets
            .retain(|target| !allowed.contains(&&target.origin));
        let covered = in_use
            .as_ref()
            .map(|used| &used.grant)
            .filter(|grant| self.still_grants(grant, &facts).is_ok());
        let grant = match covered {
            Some(grant) => grant.clone(),
            None => self.permit(params, &facts, None).await?,
        };
        self.count(&grant)?;
        if let Some(anonymous) = params.chain.anonymous_mut() {
            anonymous.pin = Pin::of(&facts.route);
            anonymous.space = facts.route.space();
            anonymous.grant = Some(GrantInUse::new(self.embedding, in_use, grant));
        }
        Ok(())
    }
}

/// Whether there is an address that was not tried.
fn is_elsewhere(before: &Classification, now: &Classification) -> bool {
    now.addresses
        .iter()
        .any(|address| !before.addresses.contains(address))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use user_cors::Classifier;

    use super::*;

    fn classified(addresses: &[&str]) -> Arc<Classification> {
        let addresses: Vec<IpAddr> = addresses
            .iter()
            .map(|address| address.parse().expect("an address"))
            .collect();
        let facts = ConnectionFacts {
            host: Host::Domain("b.example".to_owned()),
            peer: addresses
                .first()
                .map(|address| SocketAddr::new(*address, 443)),
            resolution: addresses,
            source: SourceAddress::DefaultRoute,
            public_roots: RootsVerdict::Public,
            proxy: ProxyUse::Direct,
        };
        match Classifier::new().classify(&facts) {
            Route::Direct(classification) => classification,
            other => panic!("not direct: {other:?}"),
        }
    }

    #[test]
    fn addresses_that_were_tried_are_not_tried_again() {
        let before = classified(&["8.8.8.8", "8.8.4.4"]);
        assert!(!is_elsewhere(&before, &classified(&["8.8.4.4"])));
        assert!(is_elsewhere(&before, &classified(&["8.8.4.4", "9.9.9.9"])));
        assert!(is_elsewhere(&before, &classified(&["127.0.0.1"])));
    }
}
