//! The browser in a window, for a person.

mod app;
mod cursor;
pub mod input;
mod keyboard;
mod paint;
mod routing;
pub mod shortcuts;
mod surface;

use anyhow::Context;
use winit::event_loop::EventLoop;

use crate::event::{EventSender, ShellEvent};
use crate::startup::Startup;

/// Runs the browser until its window is closed.
///
/// # Errors
/// If there is no display, or nothing can be drawn into a window.
pub fn run(startup: Startup) -> anyhow::Result<()> {
    let event_loop = EventLoop::<ShellEvent>::with_user_event()
        .build()
        .context("there is no display to open a window on. Use --headless to run without one")?;
    let proxy = event_loop.create_proxy();
    let accessibility = event_loop.create_proxy();
    // An error says that the loop has ended.
    let events = EventSender::new(move |event| drop(proxy.send_event(event)));
    let mut app = app::App::new(startup, events, accessibility);
    event_loop
        .run_app(&mut app)
        .context("the window's events cannot be read")?;
    app.result()
}
