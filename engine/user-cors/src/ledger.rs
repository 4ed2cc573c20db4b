//! Step 13: the ledger of what was released, for the person to read.

use std::net::IpAddr;

use crate::{
    clock::Timestamp,
    permission::{GrantId, GrantScope, PermissionKey},
};

/// The most records that are kept; the oldest make room.
pub const MAX_LEDGER_RECORDS: usize = 10_000;

/// The most characters of a path that are kept.
pub const MAX_LEDGER_PATH: usize = 1024;

/// What let the response through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerBasis {
    /// Policy.
    Policy,
    /// A grant.
    Grant(GrantId, GrantScope),
}

/// One released response. Queries, headers and bodies are not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerRecord {
    /// When its last byte was handed over.
    pub time: Timestamp,
    /// Who got it, and from whom.
    pub key: PermissionKey,
    /// The path of the URL, without its query; cut to [`MAX_LEDGER_PATH`] characters.
    pub path: String,
    /// The method.
    pub method: String,
    /// The status.
    pub status: u16,
    /// Bytes of the body that script was given.
    pub bytes: u64,
    /// SHA-256 of the body, when it was read to its end.
    pub digest: Option<[u8; 32]>,
    /// The address that answered.
    pub peer: Option<IpAddr>,
    /// What let it through.
    pub basis: LedgerBasis,
}

impl LedgerRecord {
    /// The path of a URL as the ledger keeps it.
    pub fn path_of(url: &url::Url) -> String {
        url.path().chars().take(MAX_LEDGER_PATH).collect()
    }
}
