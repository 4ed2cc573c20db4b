//! Servo as it is published, headless, with the options that the runner of conformance tests gives to a browser.
//!
//! It is what this project's fetch stack is compared with: the same Servo, its own crate `servo-net` in the place of ours.
//! With `--config 'patch.crates-io.servo-net.path="engine/net"'` on Cargo's command line it is built with ours, so that only the
//! fetch stack differs between two programs.

use std::cell::{Cell, RefCell};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use crossbeam_channel::{Receiver, Sender, unbounded};
use servo::{
    CreateNewWebViewRequest, EmbedderControl, EventLoopWaker, Opts, PrefValue, Preferences,
    RenderingContext, Servo, ServoBuilder, SoftwareRenderingContext, UserContentManager,
    UserScript, WebView, WebViewBuilder, WebViewDelegate,
};
use url::Url;

/// The size of all pages, in pixels.
const SIZE: (u32, u32) = (1024, 740);

/// The most pages that tests may open.
const MOST_PAGES: usize = 50;

/// What the runner gives.
#[derive(Parser)]
#[command(version = "0.7.0")]
struct Arguments {
    /// The page to open
    url: Url,

    /// Always so
    #[arg(long)]
    headless: bool,

    /// Quit when a page's thread panics
    #[arg(long)]
    hard_fail: bool,

    /// Always so without --config-dir
    #[arg(long)]
    temporary_profile: bool,

    /// The folder of the profile
    #[arg(long, value_name = "FOLDER")]
    config_dir: Option<PathBuf>,

    /// A PEM file of certificates to trust beside the system's
    #[arg(long, value_name = "PEM")]
    certificate_path: Option<PathBuf>,

    /// Accept every certificate
    #[arg(long)]
    ignore_certificate_errors: bool,

    /// A folder of scripts that every page runs, in the order of their names
    #[arg(long, value_name = "FOLDER")]
    userscripts: Option<PathBuf>,

    /// Set one of Servo's preferences to true or false
    #[arg(long = "pref", value_name = "NAME[=BOOL]")]
    preferences: Vec<String>,
}

/// What the main thread waits for.
enum Event {
    /// Servo has something to do.
    Spin,
    /// The process was asked to end.
    Quit,
}

#[derive(Clone)]
struct Waker {
    events: Sender<Event>,
    is_pending: Arc<AtomicBool>,
}

impl EventLoopWaker for Waker {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(self.clone())
    }

    fn wake(&self) {
        if !self.is_pending.swap(true, Ordering::AcqRel) {
            let _ = self.events.send(Event::Spin);
        }
    }
}

/// All pages. Dialogs get their safe default as they come.
struct Pages {
    context: Rc<dyn RenderingContext>,
    user_content: Rc<UserContentManager>,
    opened: RefCell<Vec<WebView>>,
    has_new_frame: Cell<bool>,
}

/// Listens to pages, and holds them only weakly: pages hold their delegate.
struct Delegate(std::rc::Weak<Pages>);

impl WebViewDelegate for Delegate {
    fn notify_new_frame_ready(&self, _webview: WebView) {
        if let Some(pages) = self.0.upgrade() {
            pages.has_new_frame.set(true);
        }
    }

    fn notify_closed(&self, webview: WebView) {
        if let Some(pages) = self.0.upgrade() {
            pages
                .opened
                .borrow_mut()
                .retain(|opened| opened.id() != webview.id());
        }
    }

    fn request_create_new(&self, _parent: WebView, request: CreateNewWebViewRequest) {
        let Some(pages) = self.0.upgrade() else {
            return;
        };
        if pages.opened.borrow().len() < MOST_PAGES {
            let page = request
                .builder(pages.context.clone())
                .delegate(Rc::new(Self(self.0.clone())))
                .user_content_manager(pages.user_content.clone())
                .build();
            pages.opened.borrow_mut().push(page);
        }
    }

    fn show_embedder_control(&self, _webview: WebView, control: EmbedderControl) {
        // Its answer is that of a person who closes it.
        drop(control);
    }
}

fn main() -> ExitCode {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        },
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let (sender, events) = unbounded();
    let waker = Waker {
        events: sender.clone(),
        is_pending: Arc::default(),
    };
    end_on_signals(sender)?;
    let context = SoftwareRenderingContext::new(SIZE.into())
        .map_err(|error| anyhow!("pages cannot be drawn in memory: {error:?}"))?;
    context
        .make_current()
        .map_err(|error| anyhow!("pages cannot be drawn in memory: {error:?}"))?;
    let servo = ServoBuilder::default()
        .opts(Opts {
            hard_fail: arguments.hard_fail,
            ignore_certificate_errors: arguments.ignore_certificate_errors,
            certificate_path: arguments
                .certificate_path
                .as_ref()
                .map(|path| path.to_string_lossy().into_owned()),
            config_dir: arguments.config_dir.clone(),
            temporary_storage: arguments.config_dir.is_none(),
            ..Opts::default()
        })
        .preferences(preferences(&arguments.preferences))
        .event_loop_waker(Box::new(waker.clone()))
        .build();
    let user_content = Rc::new(UserContentManager::new(&servo));
    for script in scripts(arguments)? {
        user_content.add_script(Rc::new(script));
    }
    let pages = Rc::new(Pages {
        context: Rc::new(context),
        user_content,
        opened: RefCell::default(),
        has_new_frame: Cell::new(false),
    });
    let page = WebViewBuilder::new(&servo, pages.context.clone())
        .url(arguments.url.clone())
        .delegate(Rc::new(Delegate(Rc::downgrade(&pages))))
        .user_content_manager(pages.user_content.clone())
        .build();
    pages.opened.borrow_mut().push(page);
    spin(&servo, &pages, &waker, &events);
    // Pages go before Servo, which waits for its threads: they must not meet the end of the process.
    drop(pages.opened.take());
    drop(pages);
    drop(servo);
    Ok(())
}

/// Gives Servo time until the process is asked to end.
fn spin(servo: &Servo, pages: &Pages, waker: &Waker, events: &Receiver<Event>) {
    while let Ok(Event::Spin) = events.recv() {
        waker.is_pending.store(false, Ordering::Release);
        servo.spin_event_loop();
        if pages.has_new_frame.take() {
            let opened = pages.opened.borrow().clone();
            for page in opened {
                page.paint();
            }
        }
    }
}

fn end_on_signals(events: Sender<Event>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("signals cannot be listened to")?;
    std::thread::spawn(move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            if let Ok(mut terminate) = signal(SignalKind::terminate()) {
                terminate.recv().await;
                let _ = events.send(Event::Quit);
            }
        });
    });
    Ok(())
}

fn preferences(assignments: &[String]) -> Preferences {
    let mut preferences = Preferences::default();
    for assignment in assignments {
        let (name, value) = assignment.split_once('=').unwrap_or((assignment, "true"));
        preferences.set_value(name, PrefValue::Bool(value == "true"));
    }
    preferences
}

fn scripts(arguments: &Arguments) -> Result<Vec<UserScript>> {
    let Some(folder) = &arguments.userscripts else {
        return Ok(Vec::new());
    };
    let unreadable = || format!("{} cannot be read", folder.display());
    let mut paths = fs::read_dir(folder)
        .with_context(unreadable)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .with_context(unreadable)?;
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            Ok(UserScript::new(text, Some(path)))
        })
        .collect()
}
