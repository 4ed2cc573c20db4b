//! The browser's window on a display of its own, driven by mouse and keyboard as a person would.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use image::RgbImage;
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt, EventMask, ImageFormat, MapState, Window,
};
use x11rb::rust_connection::RustConnection;

use crate::{Bar, Browser, BrowserOptions, Ended, Picture, wait_for};

/// The screen: room for a window of 1024 by 768 CSS pixels at two device pixels each.
const SCREEN: &str = "2200x1700x24";

/// How long anything that the window does may take, on a slow machine with software rendering.
const LIMIT: Duration = Duration::from_secs(60);

/// A place in the window, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// From the left.
    pub x: u32,
    /// From the top.
    pub y: u32,
}

/// An X server without a screen to look at. Dropping it ends it.
struct Display {
    server: Child,
    name: String,
    connection: RustConnection,
    root: Window,
}

impl Display {
    fn start() -> Result<Self> {
        let mut server = Command::new("Xvfb")
            .args([
                "-displayfd",
                "1",
                "-screen",
                "0",
                SCREEN,
                "-nolisten",
                "tcp",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("Xvfb does not start; `cargo xtask setup` installs it")?;
        let stdout = server.stdout.take().context("no stdout")?;
        let mut number = String::new();
        // The number comes when the server is ready.
        let read = BufReader::new(stdout).read_line(&mut number);
        let name = format!(":{}", number.trim());
        let connected = match read {
            Ok(count) if count > 0 => RustConnection::connect(Some(&name)).map_err(Into::into),
            Ok(_) => Err(anyhow::anyhow!("Xvfb ended at once")),
            Err(error) => Err(error.into()),
        };
        match connected {
            Ok((connection, screen)) => {
                let root = connection
                    .setup()
                    .roots
                    .get(screen)
                    .map(|screen| screen.root);
                Ok(Self {
                    root: root.context("a display without a screen")?,
                    server,
                    name,
                    connection,
                })
            },
            Err(error) => {
                // What counts is why there is no display.
                let _ = server.kill();
                let _ = server.wait();
                Err(error)
            },
        }
    }

    /// The window that is shown, if there is one.
    fn window(&self) -> Result<Option<Window>> {
        for window in self.connection.query_tree(self.root)?.reply()?.children {
            // A window may be gone again: then it is not the one.
            let Ok(attributes) = self.connection.get_window_attributes(window)?.reply() else {
                continue;
            };
            let Ok(geometry) = self.connection.get_geometry(window)?.reply() else {
                continue;
            };
            if attributes.map_state == MapState::VIEWABLE && geometry.width > 200 {
                return Ok(Some(window));
            }
        }
        Ok(None)
    }

    fn atom(&self, name: &str) -> Result<u32> {
        let cookie = self.connection.intern_atom(false, name.as_bytes())?;
        Ok(cookie.reply()?.atom)
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The browser with a window, and the display that it is on. Dropping it kills both.
pub struct BrowserWindow {
    browser: Browser,
    window: Window,
    display: Display,
}

impl BrowserWindow {
    /// Opens a window of 1024 by 768 CSS pixels on `url`, with the keyboard's focus and the pointer in the page.
    ///
    /// # Errors
    /// If there is no display or no window.
    pub fn open(url: &str, options: &BrowserOptions) -> Result<Self> {
        let display = Display::start()?;
        let mut options = options.clone();
        // The tab bar and the toolbar add 82.
        options.arguments.push("--window-size=1024x686".to_owned());
        let mut browser = Browser::open_on_display(&display.name, url, &options)?;
        let window = wait_for(LIMIT, || match display.window() {
            Ok(Some(window)) => Ok(window),
            Ok(None) if browser.is_running() => Err("there is no window".to_owned()),
            Ok(None) => Err("the browser ended".to_owned()),
            Err(error) => Err(error.to_string()),
        })?;
        let window = Self {
            browser,
            window,
            display,
        };
        window.focus()?;
        Ok(window)
    }

    fn focus(&self) -> Result<()> {
        self.drive(&["windowfocus", &self.window.to_string()])?;
        wait_for(LIMIT, || {
            let focused = self.display.connection.get_input_focus();
            let focused = focused.map_err(|error| error.to_string())?.reply();
            match focused {
                Ok(reply) if reply.focus == self.window => Ok(()),
                other => Err(format!("the window has no focus: {other:?}")),
            }
        })
    }

    fn drive(&self, arguments: &[&str]) -> Result<()> {
        let output = Command::new("xdotool")
            .env("DISPLAY", &self.display.name)
            .args(arguments)
            .output()
            .context("xdotool does not start; `cargo xtask setup` installs it")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "xdotool {arguments:?}: {errors}");
        Ok(())
    }

    /// Clicks with the primary button.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn click(&self, point: Point) -> Result<()> {
        let (x, y) = (point.x.to_string(), point.y.to_string());
        self.drive(&["mousemove", &x, &y, "click", "1"])
    }

    /// Holds the primary button down for so long. The pointer is there a moment before.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn press_for(&self, point: Point, time: Duration) -> Result<()> {
        let (x, y) = (point.x.to_string(), point.y.to_string());
        let time = time.as_secs_f32().to_string();
        let to = ["mousemove", &x, &y, "sleep", "0.06"];
        let press = ["mousedown", "1", "sleep", &time, "mouseup", "1"];
        self.drive(&[&to[..], &press].concat())
    }

    /// Turns the wheel down by some notches, over a place.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn wheel_down(&self, point: Point, notches: u32) -> Result<()> {
        let (x, y) = (point.x.to_string(), point.y.to_string());
        let notches = notches.to_string();
        self.drive(&["mousemove", &x, &y, "click", "--repeat", &notches, "5"])
    }

    /// Presses and releases a key, named as X names it, with modifiers: `ctrl+l`.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn key(&self, key: &str) -> Result<()> {
        self.drive(&["key", key])
    }

    /// Types text.
    ///
    /// # Errors
    /// If that cannot be done.
    pub fn type_text(&self, text: &str) -> Result<()> {
        self.drive(&["type", "--delay", "1", text])
    }

    /// Asks the window to close, as a window manager does.
    ///
    /// # Errors
    /// If the display is gone.
    pub fn close(&self) -> Result<()> {
        let (protocols, delete) = (
            self.display.atom("WM_PROTOCOLS")?,
            self.display.atom("WM_DELETE_WINDOW")?,
        );
        let event = ClientMessageEvent::new(32, self.window, protocols, [delete, 0, 0, 0, 0]);
        let connection = &self.display.connection;
        connection.send_event(false, self.window, EventMask::NO_EVENT, event)?;
        connection.flush()?;
        Ok(())
    }

    /// What the window shows.
    ///
    /// # Errors
    /// If the window is gone.
    pub fn picture(&self) -> Result<Picture> {
        let connection = &self.display.connection;
        let size = connection.get_geometry(self.window)?.reply()?;
        let (width, height) = (size.width, size.height);
        let image = connection
            .get_image(ImageFormat::Z_PIXMAP, self.window, 0, 0, width, height, !0)?
            .reply()?;
        let pixels: Vec<u8> = image
            .data
            .chunks_exact(4)
            .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
            .collect();
        let picture = RgbImage::from_raw(width.into(), height.into(), pixels);
        Ok(Picture(picture.context("a picture of another depth")?))
    }

    /// Waits until this is the window's title.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub fn wait_for_title(&self, expected: &str) -> Result<()> {
        let name = self.display.atom("_NET_WM_NAME")?;
        wait_for(LIMIT, || {
            let connection = &self.display.connection;
            let property = connection
                .get_property(false, self.window, name, AtomEnum::ANY, 0, 256)
                .map_err(|error| error.to_string())?
                .reply()
                .map_err(|error| error.to_string())?;
            let title = String::from_utf8_lossy(&property.value);
            if title == expected {
                Ok(())
            } else {
                Err(format!("the title is {title:?}"))
            }
        })
    }

    /// Waits until the window looks as `look` wants it, and returns what it found.
    ///
    /// # Errors
    /// If that does not happen in time. With `LATCHKEY_PICTURES` set to a folder, the last picture is left there.
    pub fn wait_to_see<T>(&self, what: &str, look: impl Fn(&Picture) -> Option<T>) -> Result<T> {
        let seen = wait_for(LIMIT, || {
            let picture = self.picture().map_err(|error| error.to_string())?;
            look(&picture).ok_or_else(|| format!("{what} is not seen"))
        });
        if let (Err(_), Some(folder)) = (&seen, std::env::var_os("LATCHKEY_PICTURES")) {
            let name = format!("{}.png", what.replace(' ', "-"));
            self.picture()?
                .save(&std::path::Path::new(&folder).join(name))?;
        }
        seen
    }

    /// Waits until the permission bar is open.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub fn wait_for_bar(&self) -> Result<Bar> {
        self.wait_to_see("the permission bar", |picture| {
            picture.bar().filter(|bar| bar.buttons.len() >= 3)
        })
    }

    /// Waits until the buttons of the permission bar answer: no line under them has been filling for a second.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub fn wait_for_armed_bar(&self) -> Result<Bar> {
        const SETTLED: Duration = Duration::from_millis(1000);
        let mut still_since: Option<std::time::Instant> = None;
        wait_for(LIMIT, || {
            let picture = self.picture().map_err(|error| error.to_string())?;
            match picture.bar() {
                Some(bar) if bar.buttons.len() >= 3 && !bar.is_arming => {
                    let since = *still_since.get_or_insert_with(std::time::Instant::now);
                    if since.elapsed() >= SETTLED {
                        return Ok(bar);
                    }
                    Err("the bar is not yet armed".to_owned())
                },
                other => {
                    still_since = None;
                    Err(format!("the bar does not arm: {other:?}"))
                },
            }
        })
    }

    /// Whether the browser is still there.
    pub fn is_running(&mut self) -> bool {
        self.browser.is_running()
    }

    /// Waits until the browser ends by itself.
    ///
    /// # Errors
    /// If it has not ended within `limit`.
    pub fn wait_for_end(self, limit: Duration) -> Result<Ended> {
        // The display outlives the browser.
        let Self {
            browser, display, ..
        } = self;
        let ended = browser.wait_for_end(limit);
        drop(display);
        ended
    }

    /// Asks the browser to quit and checks that it ends as it should.
    ///
    /// # Errors
    /// If it does not end within a minute, not with status 0, or after a panic.
    pub fn quit(self) -> Result<()> {
        let Self {
            browser, display, ..
        } = self;
        let ended = browser.quit(LIMIT);
        drop(display);
        let ended = ended?;
        if !ended.status.success() || ended.output.contains("panicked") {
            bail!("{ended:?}");
        }
        Ok(())
    }
}
