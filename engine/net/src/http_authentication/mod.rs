//! HTTP authentication: challenges, credentials and the store of [authentication
//! entries](https://fetch.spec.whatwg.org/#authentication-entry).
//!
//! Challenges are parsed by [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-11). They are answered by
//! [Basic](https://www.rfc-editor.org/rfc/rfc7617) and [Digest](https://www.rfc-editor.org/rfc/rfc7616).

mod basic;
mod challenge;
mod credentials;
mod digest;
mod entries;

pub use self::basic::basic_authorization;
pub use self::challenge::{Challenge, parse_challenges, strongest_challenge};
pub use self::credentials::Credentials;
pub(crate) use self::credentials::without_credentials;
pub use self::entries::{AuthenticationEntries, ProtectedBy};
