//! What one side of the resource manager does when a permission, a setting or policy changes: the administrator's roots,
//! and what anonymous requests have left in the cache.
//!
//! Requests that are under way look after themselves.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use log::error;
use servo_url::ImmutableOrigin;
use user_cors::{Grant, Site, TupleOrigin};

use crate::connection::{ConnectionCredentials, NetworkPartitionKey, load_certificates};
use crate::embedding::Embedding;
use crate::http_cache::CacheKey;
use crate::network_state::NetworkState;
use crate::runtime;

/// Follows the changes for as long as `state` is in use.
pub(super) fn follow(state: &Arc<NetworkState>, embedding: &'static Embedding) {
    let mut changes = embedding.permission_changes();
    let mut roots = Vec::new();
    use_added_roots(state, embedding, &mut roots);
    let state: Weak<NetworkState> = Arc::downgrade(state);
    runtime::spawn(async move {
        while changes.changed().await.is_ok() {
            let Some(state) = state.upgrade() else {
                return;
            };
            use_added_roots(&state, embedding, &mut roots);
            let grants = embedding.user_cors().grants(embedding.now());
            state
                .http_cache
                .purge(move |key| is_abandoned(key, &grants));
        }
    });
}

/// Lets the connections go by the roots that policy adds, if `known` are others, and remembers them there. A file that
/// cannot be read adds nothing.
fn use_added_roots(state: &NetworkState, embedding: &Embedding, known: &mut Vec<PathBuf>) {
    let status = embedding.user_cors().policy();
    let paths = status
        .policy()
        .map(|policy| policy.extra_roots.clone())
        .unwrap_or_default();
    if *known == paths {
        return;
    }
    let mut roots = Vec::new();
    for path in &paths {
        match load_certificates(path) {
            Ok(certificates) => roots.extend(certificates),
            Err(error) => error!("the roots in {} are not used: {error}", path.display()),
        }
    }
    state.connections.set_added_public_roots(roots);
    *known = paths;
}

/// Whether the entry is of an anonymous request under a grant that is no more.
fn is_abandoned(key: &CacheKey, grants: &[Grant]) -> bool {
    let ConnectionCredentials::Anonymous(requester) = key.credentials() else {
        return false;
    };
    let NetworkPartitionKey(top_level_site) = key.partition();
    let target = TupleOrigin::from_url(key.url().as_url());
    !grants.iter().any(|grant| {
        is_between(grant, top_level_site.as_ref(), requester)
            && Some(&grant.coverage.key.target) == target.as_ref()
    })
}

fn is_between(grant: &Grant, top_level_site: Option<&Site>, requester: &ImmutableOrigin) -> bool {
    let requester = TupleOrigin::from_origin(&requester.clone().into_url_origin());
    Some(&grant.coverage.key.top_level_site) == top_level_site
        && Some(&grant.coverage.key.requester) == requester.as_ref()
}
