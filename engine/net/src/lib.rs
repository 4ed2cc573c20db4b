//! Latchkey's fetch stack, in the place of Servo's network crate.
//!
//! The [Fetch standard](https://fetch.spec.whatwg.org/) is the map: [`fetch`] has one file for each of its algorithms,
//! and its pure checks and header grammars stand apart from everything that does I/O. Around it are the rooms that Fetch
//! leans on: connections, the HTTP cache, cookies, HSTS, authentication, files and images. Where a server is silent about
//! CORS, `fetch::user_enabled_cors` asks the permission model of the crate `user_cors`, and through [`embedding`] the
//! person in front of the browser.
//!
//! Servo's other crates use a handful of names from this one. They are the facade at the bottom of this file and only
//! re-export.

#![forbid(unsafe_code)]

pub mod connection;
pub mod cookies;
mod devtools;
pub mod embedding;
pub mod events;
pub mod fetch;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod hsts;
mod html;
pub mod http_authentication;
pub mod http_cache;
mod images;
mod network_state;
mod profile_file;
pub mod protocols;
mod reporting;
mod request_interception;
mod resource_manager;
mod runtime;
mod websocket;

/// What the browser's own crates call to start the resource threads.
pub mod resource_thread {
    pub use crate::resource_manager::new_resource_threads;
}

/// Messages to the program that embeds Servo.
pub mod embedder;

/// The image cache, as the constellation makes it.
pub mod image_cache {
    pub use crate::images::{ImageCacheFactoryImpl, should_panic_hook_suppress_termination};
}

/// Facts about files that protocol handlers share.
pub mod filemanager_thread {
    pub use crate::files::FILE_CHUNK_SIZE;
}

/// Connection set-up that the browser does before the first page.
pub mod connector {
    pub use crate::connection::prewarm_tls;
}

/// Cookies, as the developer tools parse them.
pub mod cookie {
    pub use crate::cookies::ServoCookie;
}
