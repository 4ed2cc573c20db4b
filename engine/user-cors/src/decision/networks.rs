//! Step 6: where a target is, and whether it may be there.

use std::net::SocketAddr;

use super::{Context, egress};
use crate::{
    address_space::{AddressSpace, Classification, ConnectionFacts, NotPublic, ProxyUse, Route},
    egress::WayOut,
    permission::TargetNetwork,
    policy::LocalNetwork,
    question::TicketTarget,
    refusal::Refusal,
};

/// Step 6.
pub(super) fn address_space(route: &Route, context: Context<'_>) -> Result<TargetNetwork, Refusal> {
    let classification = match route {
        Route::Direct(classification) => classification,
        Route::Egress(target) => {
            return match &target.not_public {
                None => Ok(TargetNetwork::Public),
                Some(reason) => Err(Refusal::NotPublic(reason.clone())),
            };
        },
        Route::OtherProxy => return Err(Refusal::Proxied),
        Route::Unknown => return Err(Refusal::UnknownPeer),
    };
    let way_out = egress(context).way_out();
    if classification.space == AddressSpace::Public {
        let obstacle = match way_out {
            WayOut::Direct => None,
            WayOut::Egress => through_egress(classification, context),
        };
        return match obstacle {
            Some(reason) => Err(Refusal::NotPublic(reason)),
            None => Ok(TargetNetwork::Public),
        };
    }
    match (local_network(context), way_out) {
        (LocalNetwork::Warn, WayOut::Direct) => Ok(TargetNetwork::LocalNetwork),
        // NB: the same name leads to another server there, or to none.
        (LocalNetwork::Block, _) | (_, WayOut::Egress) => Err(Refusal::NotPublic(
            classification.not_public.clone().unwrap_or({
                NotPublic::Address {
                    address: classification.peer.ip(),
                    space: classification.space,
                }
            }),
        )),
    }
}

/// What keeps a target that was reached directly from being reached through the egress.
pub(super) fn through_egress(
    classification: &Classification,
    context: Context<'_>,
) -> Option<NotPublic> {
    let facts = ConnectionFacts {
        peer: Some(classification.peer),
        proxy: ProxyUse::Egress,
        ..classification.facts.clone()
    };
    match context.classifier.classify(&facts) {
        Route::Egress(target) => target.not_public,
        Route::Direct(_) | Route::OtherProxy | Route::Unknown => Some(NotPublic::Name),
    }
}

/// Whether the address of a target that passed step 6 earlier is as public as it was.
///
/// # Errors
/// If it is less public.
pub(crate) fn same_space(target: &TicketTarget, context: Context<'_>) -> Result<(), Refusal> {
    let (Some(address), Some(space)) = (target.address, target.space) else {
        return Ok(());
    };
    let socket = SocketAddr::new(address, target.origin.port());
    if space == AddressSpace::Public
        && context
            .classifier
            .address_space(socket)
            .is_less_public_than(space)
    {
        return Err(Refusal::AddressesChanged);
    }
    Ok(())
}

/// Whether a target that passed step 6 earlier would still pass it under the settings of this moment.
pub(crate) fn network_allowed(network: TargetNetwork, context: Context<'_>) -> Result<(), Refusal> {
    match network {
        TargetNetwork::LocalNetwork if local_network(context) == LocalNetwork::Block => {
            Err(Refusal::AddressesChanged)
        },
        TargetNetwork::LocalNetwork | TargetNetwork::Public => Ok(()),
    }
}

pub(super) fn local_network(context: Context<'_>) -> LocalNetwork {
    context.policy.local_network(context.settings.local_network)
}
