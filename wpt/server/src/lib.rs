//! A server for web platform tests, with the hosts, ports and conventions that tests are written for.
//!
//! - [`hosts`]: two registrable domains and their subdomains; [`ports`]: what listens where, among it a proxy to all the rest;
//! - [`files`]: tests and their resources, with `.headers`, `.sub`, `.asis`, and the pages that are made around
//!   `.any.js` and `.window.js`; [`pipe`] and [`substitution`]: what may be done to a file on its way;
//! - [`handlers`]: what answers under `resources/*.py`; [`stash`]: what they have seen; [`gate`]: what they wait for;
//! - [`server`]: the listeners; [`ca`]: certificates of one run.
//!
//! The conventions are those of <https://web-platform-tests.org/writing-tests/server-features.html>.

#![forbid(unsafe_code)]

mod byte_range;
pub mod ca;
pub mod files;
pub mod gate;
pub mod handlers;
pub mod headers_file;
pub mod hosts;
pub mod pipe;
pub mod ports;
mod proxy;
pub mod reply;
pub mod request;
pub mod server;
pub mod stash;
pub mod substitution;
mod websocket;
pub mod wrapper;
