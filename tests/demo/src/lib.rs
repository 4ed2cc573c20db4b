//! The demo's own servers, and the scenes that are played over them.
//!
//! Every service is real, if small: the photo host has sessions, the API verifies signatures, and each records what it
//! saw. Other tests use the parts: [`ca::TestCa`] makes certificates, [`server::Site`] serves a
//! [`server::Service`] over HTTPS, [`browser::Browser`] runs the real binary without a window.

#![forbid(unsafe_code)]

pub mod browser;
pub mod check;
pub mod oauth;
pub mod photograph;
pub mod record;
pub mod reply;
pub mod scenes;
pub mod server;
pub mod services;
pub mod world;

pub use wpt_server::ca;
