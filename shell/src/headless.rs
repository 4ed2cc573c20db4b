//! The browser without a window: pages are drawn in memory, dialogs get their safe default, and the run ends when it is
//! told to, or with `--exit` when the page has loaded.

use std::cell::Cell;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};
use image::RgbaImage;
use servo::{
    ConsoleLogLevel, DeviceIntPoint, DeviceIntRect, DeviceIntSize, JSValue, RenderingContext,
    ScreenGeometry, SoftwareRenderingContext,
};
use winit::dpi::PhysicalSize;

use crate::browser::command::Command;
use crate::browser::front::Front;
use crate::browser::issues;
use crate::browser::tab::{ConsoleMessage, LoadProgress};
use crate::browser::{Browser, Placement};
use crate::cli::{Arguments, Dump};
use crate::event::{EventSender, ShellEvent};
use crate::startup::{Engine, Startup};

/// How long a loaded page may take until its picture is stable, before it is taken as it is.
const STABLE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a line of the console begins that goes to standard output, and whole: the result of a test, as the runner of
/// web-platform-tests for Servo reads it.
const REPORT: &str = "ALERT: RESULT: ";

/// How long a page may take to give its text.
const DUMP_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the browser until it is told to end, or until the page has loaded if the command line says so.
///
/// # Errors
/// If drawing in memory is not possible here, or a file cannot be written.
pub fn run(mut startup: Startup) -> anyhow::Result<()> {
    let (sender, receiver) = unbounded();
    // An error says that the run is over.
    let events = EventSender::new(move |event| drop(sender.send(event)));

    let front = Rc::new(HeadlessFront::new(&startup.arguments)?);
    let test_driver = startup.test_driver();
    let Engine {
        servo,
        user_content,
        ending,
        governing,
    } = startup.start(&events)?;
    let mut browser = Browser::new(
        servo,
        front.clone(),
        user_content,
        startup.profile_is_temporary(),
    );
    browser.set_test_driver(test_driver);
    browser.govern(governing);
    browser.open_tab(startup.first_page.take(), Placement::Front);

    let mut run = Run {
        browser,
        front,
        events,
        receiver,
        quit: false,
    };
    let result = run.until_end(&startup.arguments);
    let Run { browser, front, .. } = run;
    if let Err(error) = &result {
        ending.fail(error);
    }
    browser.shut_down(&ending);
    drop(front);
    ending.finish();
    result
}

struct Run {
    browser: Browser,
    front: Rc<HeadlessFront>,
    events: EventSender,
    receiver: Receiver<ShellEvent>,
    quit: bool,
}

impl Run {
    fn until_end(&mut self, arguments: &Arguments) -> anyhow::Result<()> {
        if arguments.exit {
            self.step_until(None, |browser| {
                browser.selected_tab().is_none_or(|tab| {
                    tab.state.load == LoadProgress::Complete || tab.state.crash.is_some()
                })
            });
        } else {
            self.step_until(None, |_| false);
        }
        let picture = if arguments.exit && !self.has_ended() {
            self.stable_picture()
        } else {
            self.picture()
        };
        if let Some(path) = &arguments.output {
            let picture = picture.ok_or_else(|| anyhow!("the page could not be drawn"))?;
            write_png(&picture, path)?;
        }
        let dumped = match arguments.dump {
            Some(Dump::Text) => Some(format!("{}\n", self.text()?)),
            Some(Dump::Issues) => Some(issues::lines(self.browser.issues())),
            None => None,
        };
        if let Some(text) = dumped {
            let mut stdout = std::io::stdout().lock();
            write!(stdout, "{text}")
                .and_then(|()| stdout.flush())
                .context("the dump cannot be written")?;
        }
        Ok(())
    }

    fn has_ended(&self) -> bool {
        self.quit || self.browser.wants_to_quit()
    }

    /// Works until the condition holds, the time is over, or the run is told to end. Returns whether the condition holds.
    fn step_until(&mut self, timeout: Option<Duration>, done: impl Fn(&Browser) -> bool) -> bool {
        let end = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            if done(&self.browser) {
                return true;
            }
            // With a timeout this gathers what a run that is told to end still writes.
            if timeout.is_none() && self.has_ended() {
                return false;
            }
            let received = match end {
                Some(end) => self.receiver.recv_deadline(end),
                None => self
                    .receiver
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(event) => self.handle(event),
                Err(_) => return false,
            }
            while let Ok(event) = self.receiver.try_recv() {
                self.handle(event);
            }
            self.events.spin_begins();
            self.browser.spin();
            if self.front.redraw.take() {
                self.browser.paint();
            }
        }
    }

    fn handle(&mut self, event: ShellEvent) {
        match event {
            ShellEvent::QuestionsChanged(webview) => self.browser.questions_changed(webview),
            ShellEvent::Navigation(webview, navigation) => {
                self.browser.navigation(webview, navigation);
            },
            ShellEvent::Issue(webview, issue) => self.browser.issue(webview, &issue),
            ShellEvent::Administration(change) => self.browser.administered(change),
            ShellEvent::Quit => {
                self.quit = true;
                self.browser.apply(Command::Quit);
            },
            ShellEvent::Spin
            | ShellEvent::Redraw
            | ShellEvent::Connected(..)
            | ShellEvent::Accessibility(_) => {},
        }
    }

    /// The page when its images, fonts and style sheets are there and drawn, or as it is after a while.
    fn stable_picture(&mut self) -> Option<RgbaImage> {
        let slot = Rc::new(Cell::new(None));
        if let Some(tab) = self.browser.selected_tab() {
            let slot = slot.clone();
            tab.webview
                .take_screenshot(None, move |picture| slot.set(Some(picture.ok())));
        }
        let done = slot.clone();
        self.step_until(Some(STABLE_TIMEOUT), move |_| {
            let value = done.take();
            let is_there = value.is_some();
            done.set(value);
            is_there
        });
        slot.take().flatten().or_else(|| self.picture())
    }

    /// The page as it is.
    fn picture(&mut self) -> Option<RgbaImage> {
        let tab = self.browser.selected_tab()?;
        tab.webview.paint();
        self.front.picture()
    }

    /// The document's text.
    fn text(&mut self) -> anyhow::Result<String> {
        let slot = Rc::new(Cell::new(None));
        let script = "document.documentElement ? document.documentElement.innerText : ''";
        let result = slot.clone();
        self.browser
            .evaluate(script, move |value| result.set(Some(value)));
        let done = slot.clone();
        self.step_until(Some(DUMP_TIMEOUT), move |_| {
            let value = done.take();
            let is_there = value.is_some();
            done.set(value);
            is_there
        });
        match slot.take() {
            Some(Ok(JSValue::String(text))) => Ok(text),
            Some(Ok(_)) => Ok(String::new()),
            Some(Err(error)) => Err(anyhow!("the document's text cannot be read: {error:?}")),
            None => Err(anyhow!(
                "the page did not give its text in {} s",
                DUMP_TIMEOUT.as_secs()
            )),
        }
    }
}

/// Memory to draw in, of the size that a window would have.
struct HeadlessFront {
    context: Rc<SoftwareRenderingContext>,
    scale_factor: f32,
    takes_pictures: bool,
    redraw: Cell<bool>,
}

impl HeadlessFront {
    fn new(arguments: &Arguments) -> anyhow::Result<Self> {
        let scale_factor = arguments.device_pixel_ratio.unwrap_or(1.0);
        let pixels = |side: u32| (side as f32 * scale_factor).round().max(1.0) as u32;
        let size = PhysicalSize::new(
            pixels(arguments.window_size.width),
            pixels(arguments.window_size.height),
        );
        let context = SoftwareRenderingContext::new(size).map_err(|error| {
            anyhow!(
                "pages cannot be drawn in memory: {error:?}. Is Mesa's software renderer installed?"
            )
        })?;
        context
            .make_current()
            .map_err(|error| anyhow!("pages cannot be drawn in memory: {error:?}"))?;
        Ok(Self {
            context: Rc::new(context),
            scale_factor,
            takes_pictures: arguments.output.is_some(),
            redraw: Cell::new(false),
        })
    }

    fn picture(&self) -> Option<RgbaImage> {
        let size = self.context.size2d().to_i32();
        self.context
            .read_to_image(DeviceIntRect::from_origin_and_size(
                DeviceIntPoint::zero(),
                size,
            ))
    }
}

impl Front for HeadlessFront {
    fn rendering_context(&self) -> Rc<dyn RenderingContext> {
        self.context.clone()
    }

    fn scale_factor(&self) -> f32 {
        self.scale_factor
    }

    fn screen_geometry(&self) -> ScreenGeometry {
        let size: DeviceIntSize = self.context.size2d().to_i32();
        ScreenGeometry {
            size,
            available_size: size,
            window_rect: DeviceIntRect::from_origin_and_size(DeviceIntPoint::zero(), size),
        }
    }

    fn prefers_dark(&self) -> bool {
        false
    }

    fn is_interactive(&self) -> bool {
        false
    }

    fn hides_background_tabs(&self) -> bool {
        // Pages that a test opens are to animate like any other, unless a picture of the first is wanted.
        self.takes_pictures
    }

    fn request_redraw(&self) {
        self.redraw.set(true);
    }

    fn console_message(&self, level: &ConsoleLogLevel, text: &str) {
        if matches!(level, ConsoleLogLevel::Log) && text.starts_with(REPORT) {
            // A closed standard output leaves nobody to tell.
            let _ = writeln!(std::io::stdout(), "{text}");
            return;
        }
        let name = match level {
            ConsoleLogLevel::Log => "log",
            ConsoleLogLevel::Debug => "debug",
            ConsoleLogLevel::Info => "info",
            ConsoleLogLevel::Warn => "warning",
            ConsoleLogLevel::Error => "error",
            ConsoleLogLevel::Trace => "trace",
            ConsoleLogLevel::Dir => "dir",
        };
        let message = ConsoleMessage::new(level.clone(), text.to_owned());
        eprintln!("console {name}: {}", message.text);
    }
}

fn write_png(picture: &RgbaImage, path: &Path) -> anyhow::Result<()> {
    picture
        .save_with_format(path, image::ImageFormat::Png)
        .with_context(|| format!("the picture {} cannot be written", path.display()))
}
