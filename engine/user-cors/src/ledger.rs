//! Step 13: the ledger of what was released, for the person to read.

use std::{fmt::Write, net::IpAddr};

use serde_json::json;

use crate::{
    clock::Timestamp,
    origin::TupleOrigin,
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
        let path = url.path();
        let end = path.char_indices().nth(MAX_LEDGER_PATH);
        let kept = end.and_then(|(end, _)| path.get(..end));
        kept.unwrap_or(path).to_owned()
    }

    /// The record as one line of JSON, without the end of the line.
    pub fn to_json(&self) -> String {
        let (grant, scope) = match self.basis {
            LedgerBasis::Policy => (None, "policy"),
            LedgerBasis::Grant(id, scope) => (Some(id.0), scope.as_str()),
        };
        let digest = self.digest.map(|digest| {
            digest.iter().fold(String::new(), |mut hex, byte| {
                // Writing to a string does not fail.
                let _ = write!(hex, "{byte:02x}");
                hex
            })
        });
        json!({
            "time": self.time.as_millis(),
            "topLevelSite": self.key.top_level_site.to_string(),
            "requester": self.key.requester.to_string(),
            "target": self.key.target.to_string(),
            "path": self.path,
            "method": self.method,
            "status": self.status,
            "bytes": self.bytes,
            "sha256": digest,
            "peer": self.peer.map(|peer| peer.to_string()),
            "allowedBy": scope,
            "grant": grant,
        })
        .to_string()
    }
}

/// Which records of the ledger to read. The default is all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerQuery {
    /// Only those with this text in site, requester, target or path; ASCII letters match in either case.
    pub text: String,
    /// Only those of this requester.
    pub requester: Option<TupleOrigin>,
    /// Only those of this target.
    pub target: Option<TupleOrigin>,
    /// Only those of this moment and later.
    pub from: Option<Timestamp>,
    /// Only those before this moment.
    pub until: Option<Timestamp>,
    /// Only those that come after an earlier page, that is, older ones.
    pub after: Option<LedgerCursor>,
}

/// Where a page of the ledger ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerCursor(pub(crate) i64);

/// A page of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerPage {
    /// The records, newest first.
    pub records: Vec<LedgerRecord>,
    /// How many there are that fit the query, on this page and those to come.
    pub total: usize,
    /// Where the next page begins; `None` if this is the last.
    pub next: Option<LedgerCursor>,
}
