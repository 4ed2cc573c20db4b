//! What the end-to-end tests share: the real browser as a child process, with a window or without, and servers to point
//! it at.

mod browser;
mod display;
mod names;
mod pair;
mod picture;
mod proxy;
mod server;

use std::time::{Duration, Instant};

pub use browser::{Browser, BrowserOptions, Ended, has_program};
pub use display::{BrowserWindow, Point};
pub use names::NameServer;
pub use pair::{Names, Pair};
pub use picture::{Area, Bar, Picture};
pub use proxy::{Proxy, ProxyProtocol};
pub use server::{Answer, RawRequest, RawServer, Writing};

/// How long to pause between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until `look` finds what is waited for.
///
/// # Errors
/// If that does not happen within `limit`: the last thing that `look` said.
pub fn wait_for<T>(
    limit: Duration,
    mut look: impl FnMut() -> std::result::Result<T, String>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(problem) if Instant::now() >= deadline => {
                anyhow::bail!("not within {limit:?}: {problem}")
            },
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}
