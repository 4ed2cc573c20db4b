//! Step 13: what was released is written down when its last byte has been handed over, and stops when the permission
//! for it is taken back.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use http::Method;
use net_traits::blob_url_store::UrlWithBlobClaim;
use user_cors::{
    GrantBasis, GrantUse, LedgerBasis, LedgerRecord, Need, Refusal, Route, TabId, Timestamp,
    TupleOrigin,
};

use super::Hook;
use super::chain::GrantInUse;
use crate::embedding::{BodyEnd, Embedding, ReleasedBody};
use crate::fetch::body::{Body, BodyError};
use crate::fetch::params::FetchParams;
use crate::fetch::response::FetchResponse;

/// A released body that leaves its record when it ends, whether or not it was read to its end.
pub(super) fn record(
    hook: &Hook,
    params: &FetchParams,
    response: &FetchResponse,
    route: Route,
    grant: Arc<GrantInUse>,
    body: Body,
) -> Body {
    let embedding = hook.embedding;
    let exchange = response.exchange.as_deref();
    let release = Release {
        grant: grant.grant.clone(),
        hops: params.request.url_list.clone(),
        method: params.request.method.clone(),
        status: response.head.status.raw_code(),
        // Of what the egress reaches nobody knows the address.
        peer: exchange
            .filter(|record| record.route != crate::connection::Route::Egress)
            .map(|record| record.peer.ip()),
    };
    let entry = Entry {
        embedding,
        release: Some(release),
        bytes: 0,
        ledger: embedding.begin_release(),
        end: BodyEnd::Incomplete,
        tab: hook.requester.tab,
        grant,
        route,
    };
    let state = Box::new((body, entry, hook.changes.clone()));
    Body::from_stream(stream::unfold(Some(state), |state| async move {
        let mut state = state?;
        let (body, entry, changes) = &mut *state;
        loop {
            // NB: what has changed counts before what has arrived, which is waited for only if nothing has.
            if changes.has_changed().unwrap_or(false) {
                changes.mark_unchanged();
                if entry.is_revoked() {
                    return Some((Err(BodyError::Revoked), None));
                }
            }
            tokio::select! {
                biased;
                next = body.next() => return match next {
                    Some(Ok(chunk)) if entry.count(&chunk).is_err() => {
                        Some((Err(BodyError::Revoked), None))
                    },
                    Some(Ok(chunk)) => Some((Ok(chunk), Some(state))),
                    Some(Err(error)) => Some((Err(error), None)),
                    None => {
                        entry.end = BodyEnd::Complete;
                        None
                    },
                },
                Ok(()) = changes.changed() => {
                    changes.mark_changed();
                },
            }
        }
    }))
}

/// What is known of a release before its body ends.
struct Release {
    grant: GrantUse,
    hops: Vec<UrlWithBlobClaim>,
    method: Method,
    status: u16,
    peer: Option<IpAddr>,
}

impl Release {
    /// A record for each target that the permission was for.
    fn into_records(self, time: Timestamp, bytes: u64) -> Vec<LedgerRecord> {
        let record = |(need, basis): &(Need, GrantBasis)| LedgerRecord {
            time,
            key: need.key.clone(),
            path: self.path_at(&need.key.target),
            method: self.method.as_str().chars().take(32).collect(),
            status: self.status,
            bytes,
            digest: None,
            peer: self.peer,
            basis: match basis {
                GrantBasis::Policy => LedgerBasis::Policy,
                GrantBasis::Grant { id, scope } => LedgerBasis::Grant(*id, *scope),
            },
        };
        self.grant.bases().iter().map(record).collect()
    }

    /// The path of the last hop to this target.
    fn path_at(&self, target: &TupleOrigin) -> String {
        let mut hops = self.hops.iter().rev();
        hops.find(|url| target.is_of(url.as_url()))
            .map(|url| LedgerRecord::path_of(url.as_url()))
            .unwrap_or_default()
    }
}

/// The record of one release, written when it is dropped.
struct Entry {
    embedding: &'static Embedding,
    release: Option<Release>,
    bytes: u64,
    ledger: ReleasedBody,
    end: BodyEnd,
    tab: TabId,
    grant: Arc<GrantInUse>,
    /// How the response came.
    route: Route,
}

impl Entry {
    /// Whether the grant is in force no more, or the server is not where it was.
    fn is_revoked(&self) -> bool {
        let user_cors = self.embedding.user_cors();
        let granted = user_cors.still_granted(&self.grant.grant, self.tab, self.embedding.now());
        granted.is_err() || user_cors.still_in_place(&self.route).is_err()
    }

    /// Counts what is about to be handed over.
    fn count(&mut self, chunk: &Bytes) -> Result<(), Refusal> {
        let length = chunk.len() as u64;
        self.embedding.user_cors().count_bytes(
            &self.grant.grant,
            self.tab,
            length,
            self.bytes + length,
            self.embedding.now(),
        )?;
        self.bytes += length;
        self.ledger.digest(chunk.clone());
        Ok(())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let Some(release) = self.release.take() else {
            return;
        };
        let (time, bytes) = (self.embedding.now(), self.bytes);
        self.ledger
            .end(self.end, move || release.into_records(time, bytes));
    }
}
