//! HTTP Strict Transport Security, by [RFC 6797](https://www.rfc-editor.org/rfc/rfc6797).
//!
//! [`HstsList`] holds the hosts that said by header that they are to be reached securely only; beside it stands the list
//! that browsers are shipped with (`preload`).

mod header;
mod list;
mod preload;

pub use self::list::HstsList;
pub use self::preload::preload_list_size_of;
