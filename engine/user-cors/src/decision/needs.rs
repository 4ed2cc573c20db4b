//! What a request needs at each target of its chain, and what a question is told of it.

use std::iter;

use super::{CorsFailure, Passed};
use crate::{
    address_space::AddressSpace,
    egress::{Egress, WayOut},
    permission::{Need, PermissionKey},
    question::{TicketRequest, TicketTarget},
    releasable::releasable,
    session::MediaResource,
    silence::SilenceReason,
};

/// What the request needs: one need for each distinct target of its chain, the current one last.
pub(super) fn needs(failure: &CorsFailure, passed: &Passed, way_out: WayOut) -> Vec<Need> {
    targets(failure, passed, way_out)
        .into_iter()
        .map(|target| Need {
            key: PermissionKey {
                top_level_site: failure.top_level_site.clone(),
                requester: passed.requester.clone(),
                target: target.origin.clone(),
            },
            network: target.network(),
            way: way_out,
            method: passed.method,
            headers: failure.request.unsafe_headers.clone(),
        })
        .collect()
}

/// The targets of the chain, each once. Through the egress nobody knows at which address they will be.
pub(super) fn targets(
    failure: &CorsFailure,
    passed: &Passed,
    way_out: WayOut,
) -> Vec<TicketTarget> {
    let current = &passed.target;
    let mut targets: Vec<TicketTarget> = Vec::new();
    for earlier in &failure.earlier_targets {
        let known = targets.iter().any(|target| target.origin == earlier.origin);
        if earlier.origin != *current && !known {
            targets.push(earlier.clone());
        }
    }
    targets.push(TicketTarget {
        origin: current.clone(),
        address: passed.address,
        space: passed.space,
    });
    if way_out == WayOut::Egress {
        for target in &mut targets {
            (target.address, target.space) = (None, None);
        }
    }
    targets
}

/// The resource of a media element, for which *Allow once* covers further requests.
pub(super) fn media(failure: &CorsFailure) -> Option<MediaResource> {
    failure.request.initiator.is_media().then(|| MediaResource {
        document: failure.requester.document,
        url: failure.request.url.clone(),
        initiator: failure.request.initiator,
    })
}

pub(super) fn ticket_request(
    failure: &CorsFailure,
    passed: Passed,
    server_said: SilenceReason,
    egress: &Egress,
) -> TicketRequest {
    let targets = targets(failure, &passed, egress.way_out());
    // A chain that led through the local network is a question about it, wherever it ends.
    let network = targets
        .iter()
        .map(TicketTarget::network)
        .max()
        .unwrap_or(passed.network);
    TicketRequest {
        tab: passed.tab,
        document: failure.requester.document,
        top_level_site: failure.top_level_site.clone(),
        requester: passed.requester,
        targets,
        network,
        requester_space: failure.requester_space.unwrap_or(AddressSpace::Public),
        url: failure.request.url.clone(),
        method: failure.request.method.clone(),
        method_class: passed.method,
        initiator: failure.request.initiator,
        page_headers: failure.request.page_headers.clone(),
        unsafe_headers: failure.request.unsafe_headers.clone(),
        body: failure.body,
        // What came around the egress is not what the page will get.
        held: failure
            .held
            .clone()
            .filter(|_| releasable(&failure.provenance, egress.way_out()).is_ok()),
        kept: iter::once(&failure.failing_response)
            .chain(&failure.preflight_response)
            .flatten()
            .map(|(name, value)| name.as_str().len() + value.len())
            .sum(),
        server_said,
        egress: egress.clone(),
    }
}
