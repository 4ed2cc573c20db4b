//! What answers lead to: grants, denials, embargoes, and their end.

#[path = "../facts/mod.rs"]
#[allow(dead_code, reason = "shared by several tests, and none uses all of it")]
mod facts;

mod answers;
mod changes;
mod delivery;
mod exchange;
mod generated;
mod limits;

use std::time::Duration;

use facts::*;
use http::Method;
use user_cors::*;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn lasting() -> (tempfile::TempDir, UserCors) {
    let folder = tempfile::tempdir().expect("a folder");
    let user_cors = open(&folder);
    (folder, user_cors)
}

fn open(folder: &tempfile::TempDir) -> UserCors {
    let path = folder.path().join("permissions.sqlite");
    let user_cors = UserCors::new(PermissionStore::open(&path, NOW).expect("a store").store);
    user_cors.user_interacted(TAB);
    user_cors
}

fn in_tab(failure: CorsFailure, tab: TabId) -> CorsFailure {
    CorsFailure {
        requester: RequesterFacts {
            tab: TabLiveness::Live(tab),
            ..failure.requester.clone()
        },
        ..failure
    }
}
