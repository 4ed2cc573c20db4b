//! Cookies, by [RFC 6265bis](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis).
//!
//! [`CookieJar`] is the standard's cookie store. What servers send is parsed in `set_cookie` (dates in `date`), becomes
//! a stored cookie by the steps in `storage_model`, is kept within limits by `eviction` and found again by
//! `retrieval`. `partition` keeps those apart that each top-level site has for itself. Comparisons of hosts and paths are in `matching`. Time is always given from outside.

mod date;
mod eviction;
mod jar;
mod matching;
mod partition;
mod persistence;
mod retrieval;
mod same_site;
mod servo_cookie;
mod set_cookie;
mod storage_model;
mod stored_cookie;
#[cfg(test)]
mod tests;

pub use self::jar::CookieJar;
pub use self::partition::{CookieContext, CookiePartition};
pub use self::same_site::SameSiteContext;
pub use self::servo_cookie::ServoCookie;
pub use self::storage_model::CookieRefusal;
