//! The HTTP cache, by [RFC 9111](https://www.rfc-editor.org/rfc/rfc9111): a private one, in memory and, for a lasting
//! profile, on disk, each with a budget.
//!
//! [`HttpCache`] is what [`crate::fetch`] asks. What may be stored is decided in `storable`, which of several stored
//! responses answers a request in `vary`, and whether it still may in `freshness`; a byte range is cut out of a
//! complete or partial response in `range`; `no_vary_search` tells which other URLs mean the same, and `validation` is about asking the
//! server. `store` holds the responses and forgets the least recently used; `disk` keeps them from one run of the browser
//! to the next. Fetch's [cache modes](https://fetch.spec.whatwg.org/#concept-request-cache-mode) are
//! the caller's business. Time is always given from outside.
//!
//! NOTE: [Partitions](https://fetch.spec.whatwg.org/#http-cache-partitions) are part of each entry's key, and so is whether
//! credentials were included.

mod cache;
mod cache_control;
mod disk;
mod freshness;
mod key;
mod no_vary_search;
mod range;
mod storable;
mod store;
mod stored_response;
#[cfg(test)]
mod test_messages;
#[cfg(test)]
mod tests;
mod validation;
mod vary;
mod writer;

pub use self::cache::{CacheLimits, HttpCache};
pub use self::disk::DiskLimits;
pub use self::key::{CacheKey, CacheRequest};
pub use self::stored_response::{Freshness, ResponseHead, StoredResponse};
pub use self::validation::{conditional_headers, has_validator};
pub use self::writer::StoreWriter;
