//! What Servo tells, put into a queue.
//!
//! Servo calls from inside of its event loop, and some calls hand over something to answer. Nothing is decided here: the
//! browser takes the queue when the loop has run, so that no call of Servo's meets a half-changed browser.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use servo::{
    AllowOrDenyRequest, AuthenticationRequest, ConsoleLogLevel, CreateNewWebViewRequest, Cursor,
    EmbedderControl, EmbedderControlId, LoadStatus, PermissionRequest, ScreenGeometry,
    ServoDelegate, ServoError, WebView, WebViewDelegate, WebViewId,
};
use url::Url;

use super::tab::Favicon;

/// Something that Servo told.
pub enum Happening {
    /// The document's URL changed.
    Url(Url),
    /// The document's title changed.
    Title(Option<String>),
    /// The status text changed.
    Status(Option<String>),
    /// Loading got further.
    Load(LoadStatus),
    /// The page wants another pointer.
    Cursor(Cursor),
    /// The page has another icon.
    Favicon(Favicon),
    /// There is something new to draw.
    FrameReady,
    /// The session history changed.
    History {
        /// The URLs of its entries, the oldest first.
        entries: Vec<Url>,
        /// Which of them is current.
        current: usize,
    },
    /// The page closed itself.
    Closed,
    /// The page's thread or process ended.
    Crashed {
        /// Why.
        reason: String,
    },
    /// The page fills the screen, or no longer does.
    Fullscreen(bool),
    /// The page filled the screen beside a question, and its script has had a turn since.
    MayLeaveFullscreen {
        /// How many turns it has left for leaving.
        turns_left: u8,
    },
    /// The page wants to open a tab.
    Popup(CreateNewWebViewRequest),
    /// The page wants to use a feature.
    Permission(PermissionRequest),
    /// A server or proxy asks for credentials.
    Authentication(AuthenticationRequest),
    /// The page wants a control shown.
    ShowControl(EmbedderControl),
    /// The page no longer wants a control shown.
    HideControl(EmbedderControlId),
    /// A line for the console.
    Console(ConsoleLogLevel, String),
    /// The developer tools' server listens.
    DevtoolsStarted {
        /// On which port.
        port: u16,
    },
    /// A developer tools' client wants to connect.
    DevtoolsConnection(AllowOrDenyRequest),
    /// Something inside of Servo failed.
    Error(ServoError),
}

/// Listens to Servo and all its pages. It holds no page and no Servo, so it keeps neither alive.
#[derive(Default)]
pub struct Delegate {
    queue: RefCell<VecDeque<(Option<WebViewId>, Happening)>>,
    screen_geometry: Cell<ScreenGeometry>,
}

impl Delegate {
    /// The oldest thing told that has not been taken.
    pub fn take(&self) -> Option<(Option<WebViewId>, Happening)> {
        self.queue.borrow_mut().pop_front()
    }

    /// Forgets everything told, which answers requests with their safe defaults.
    pub fn clear(&self) {
        // Dropping a request can call back into this.
        let dropped = std::mem::take(&mut *self.queue.borrow_mut());
        drop(dropped);
    }

    /// Sets what pages are told of the screen.
    pub fn set_screen_geometry(&self, geometry: ScreenGeometry) {
        self.screen_geometry.set(geometry);
    }

    /// Puts something told by a page at the end of the queue.
    pub(super) fn push_of(&self, webview: WebViewId, happening: Happening) {
        self.queue
            .borrow_mut()
            .push_back((Some(webview), happening));
    }

    fn push(&self, webview: &WebView, happening: Happening) {
        self.push_of(webview.id(), happening);
    }

    fn push_for_all(&self, happening: Happening) {
        self.queue.borrow_mut().push_back((None, happening));
    }
}

impl WebViewDelegate for Delegate {
    fn screen_geometry(&self, _webview: WebView) -> Option<ScreenGeometry> {
        Some(self.screen_geometry.get())
    }

    fn notify_url_changed(&self, webview: WebView, url: Url) {
        self.push(&webview, Happening::Url(url));
    }

    fn notify_page_title_changed(&self, webview: WebView, title: Option<String>) {
        self.push(&webview, Happening::Title(title));
    }

    fn notify_status_text_changed(&self, webview: WebView, status: Option<String>) {
        self.push(&webview, Happening::Status(status));
    }

    fn notify_load_status_changed(&self, webview: WebView, status: LoadStatus) {
        self.push(&webview, Happening::Load(status));
    }

    fn notify_cursor_changed(&self, webview: WebView, cursor: Cursor) {
        self.push(&webview, Happening::Cursor(cursor));
    }

    fn notify_favicon_changed(&self, webview: WebView) {
        let favicon = webview.favicon().and_then(|image| Favicon::new(&image));
        if let Some(favicon) = favicon {
            self.push(&webview, Happening::Favicon(favicon));
        }
    }

    fn notify_new_frame_ready(&self, webview: WebView) {
        self.push(&webview, Happening::FrameReady);
    }

    fn notify_history_changed(&self, webview: WebView, entries: Vec<Url>, current: usize) {
        self.push(&webview, Happening::History { entries, current });
    }

    fn notify_closed(&self, webview: WebView) {
        self.push(&webview, Happening::Closed);
    }

    fn notify_crashed(&self, webview: WebView, reason: String, backtrace: Option<String>) {
        log::error!(
            "A page crashed: {reason}\n{}",
            backtrace.unwrap_or_default()
        );
        self.push(&webview, Happening::Crashed { reason });
    }

    fn notify_fullscreen_state_changed(&self, webview: WebView, is_fullscreen: bool) {
        self.push(&webview, Happening::Fullscreen(is_fullscreen));
    }

    fn request_create_new(&self, parent: WebView, request: CreateNewWebViewRequest) {
        self.push(&parent, Happening::Popup(request));
    }

    fn request_permission(&self, webview: WebView, request: PermissionRequest) {
        self.push(&webview, Happening::Permission(request));
    }

    fn request_authentication(&self, webview: WebView, request: AuthenticationRequest) {
        self.push(&webview, Happening::Authentication(request));
    }

    fn show_embedder_control(&self, webview: WebView, control: EmbedderControl) {
        self.push(&webview, Happening::ShowControl(control));
    }

    fn hide_embedder_control(&self, webview: WebView, control: EmbedderControlId) {
        self.push(&webview, Happening::HideControl(control));
    }

    fn show_console_message(&self, webview: WebView, level: ConsoleLogLevel, message: String) {
        self.push(&webview, Happening::Console(level, message));
    }
}

impl ServoDelegate for Delegate {
    fn notify_error(&self, error: ServoError) {
        self.push_for_all(Happening::Error(error));
    }

    fn notify_devtools_server_started(&self, port: u16, _token: String) {
        self.push_for_all(Happening::DevtoolsStarted { port });
    }

    fn request_devtools_connection(&self, request: AllowOrDenyRequest) {
        self.push_for_all(Happening::DevtoolsConnection(request));
    }

    fn show_console_message(&self, level: ConsoleLogLevel, message: String) {
        self.push_for_all(Happening::Console(level, message));
    }
}
