//! What the end-to-end tests share: the real browser as a child process, and servers to point it at.

mod browser;
mod pair;
mod server;

pub use browser::{Browser, BrowserOptions, Ended, has_program};
pub use pair::Pair;
pub use server::{Answer, RawServer};
