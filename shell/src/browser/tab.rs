//! A tab as plain state: what the page has told, and what it waits for.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use servo::{ConsoleLogLevel, Cursor, DeviceIntRect, EmbedderControlId, LoadStatus, WebView};
use url::Url;
use user_cors::QuestionView;

use super::certificate_error::CertificateError;
use super::dialog::Dialog;
use super::permissions::ConnectionFacts;

/// How many console messages a tab keeps.
const MAX_CONSOLE_MESSAGES: usize = 1000;

/// How many bytes of a console message are kept.
const MAX_CONSOLE_TEXT: usize = 4096;

/// How many connections a tab keeps.
const MAX_CONNECTIONS: usize = 16;

/// How many stopped requests a tab keeps.
const MAX_ISSUES: usize = 20;

/// How many bytes of a title or status text are kept. No place shows more.
const MAX_PAGE_TEXT: usize = 1024;

/// How many dialogs of a page may wait. More are answered with their safe default.
const MAX_DIALOGS: usize = 16;

/// How long after a click or key a page may open a tab:
/// <https://html.spec.whatwg.org/multipage/interaction.html#transient-activation-duration>
const ACTIVATION_DURATION: Duration = Duration::from_secs(5);

/// Names a tab as long as the browser runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TabKey(pub u64);

/// A tab: its page and what is known of it.
pub struct Tab {
    /// Its name.
    pub key: TabKey,
    /// Servo's handle. Dropping it closes the page.
    pub webview: WebView,
    /// What is known of it.
    pub state: TabState,
}

/// What is known of a tab.
#[derive(Default)]
pub struct TabState {
    /// The URL of the document, or of the one that is asked for while nothing has come yet.
    pub url: Option<Url>,
    /// The page of the browser's own that stands in the place of the document.
    pub own_page: Option<OwnPage>,
    /// Whether a page opened this tab, and so may reach into it.
    pub opened_by_page: bool,
    /// The document's title.
    pub title: Option<String>,
    /// The document's icon.
    pub favicon: Option<Favicon>,
    /// How far loading is.
    pub load: LoadProgress,
    /// Whether a document was asked for of which nothing has come.
    pub awaits_document: bool,
    /// The document that could not be loaded last.
    pub failure: Option<LoadFailure>,
    /// Whether there is something to go back to.
    pub can_go_back: bool,
    /// Whether there is something to go forward to.
    pub can_go_forward: bool,
    /// The target of the link under the pointer, or what the page says it does.
    pub status: Option<String>,
    /// The pointer that the page wants.
    pub cursor: Option<Cursor>,
    /// The zoom of the page; 1 is 100 %.
    pub zoom: ZoomLevel,
    /// Whether the page fills the screen.
    pub is_fullscreen: bool,
    /// Whether it is being told to stop that.
    pub(super) is_leaving_fullscreen: bool,
    /// Why the page's process or thread ended, if it did.
    pub crash: Option<String>,
    /// Something that the tab's bar tells.
    pub notice: Option<Notice>,
    /// The text field that has the page's focus.
    pub input_method: Option<InputMethod>,
    /// What the page asks through the browser, the first being shown.
    pub dialogs: VecDeque<Dialog>,
    /// What user-enabled CORS asks, the first being shown.
    pub questions: Vec<QuestionView>,
    /// The connections over which documents of this tab came, the newest last, one for each origin.
    connections: VecDeque<ConnectionFacts>,
    /// What CORS stopped in this document, oldest first.
    issues: VecDeque<String>,
    console: VecDeque<ConsoleMessage>,
    activation: Option<Instant>,
}

/// A document that could not be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadFailure {
    /// Its URL.
    pub url: Url,
    /// The certificate error that was the reason, if it was one.
    pub certificate: Option<CertificateError>,
}

/// A page of the browser's own. It is drawn by the interface and is no web content: no page can embed or reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPage {
    /// What was allowed and refused.
    Permissions,
}

impl OwnPage {
    /// The address of the page.
    pub const fn address(self) -> &'static str {
        match self {
            Self::Permissions => "latchkey:permissions",
        }
    }

    /// What the page is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Permissions => "Permissions",
        }
    }

    /// The page of an address that was typed.
    pub fn parse(input: &str) -> Option<Self> {
        let input = input.trim();
        [Self::Permissions]
            .into_iter()
            .find(|page| input.eq_ignore_ascii_case(page.address()))
    }
}

/// How far a page's loading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadProgress {
    /// Nothing has been asked for.
    #[default]
    Idle,
    /// The document was asked for.
    Started,
    /// The document is being read.
    Parsing,
    /// The document and all it needs are there.
    Complete,
}

impl LoadProgress {
    /// Whether more is to come.
    pub fn is_loading(self) -> bool {
        matches!(self, Self::Started | Self::Parsing)
    }
}

impl From<LoadStatus> for LoadProgress {
    fn from(status: LoadStatus) -> Self {
        match status {
            LoadStatus::Started => Self::Started,
            LoadStatus::HeadParsed => Self::Parsing,
            LoadStatus::Complete => Self::Complete,
        }
    }
}

/// An icon, ready to be drawn.
#[derive(Clone, PartialEq, Eq)]
pub struct Favicon {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// Red, green, blue and alpha of each pixel, alpha not multiplied in.
    pub rgba: Vec<u8>,
}

impl Favicon {
    /// How large a side of an icon may be.
    const MAX_SIDE: u32 = 512;

    /// Reads an icon as Servo gives it. `None` if it is too large or not whole.
    pub fn new(image: &servo::Image) -> Option<Self> {
        if image.width == 0 || image.height == 0 || image.width.max(image.height) > Self::MAX_SIDE {
            return None;
        }
        let data = image.data();
        let rgba: Vec<u8> = match image.format {
            servo::PixelFormat::K8 => data.iter().flat_map(|&k| [k, k, k, 255]).collect(),
            servo::PixelFormat::KA8 => data
                .as_chunks()
                .0
                .iter()
                .flat_map(|&[k, a]| [k, k, k, a])
                .collect(),
            servo::PixelFormat::RGB8 => data
                .as_chunks()
                .0
                .iter()
                .flat_map(|&[r, g, b]| [r, g, b, 255])
                .collect(),
            servo::PixelFormat::RGBA8 => data.to_vec(),
            servo::PixelFormat::BGRA8 => data
                .as_chunks()
                .0
                .iter()
                .flat_map(|&[b, g, r, a]| [r, g, b, a])
                .collect(),
        };
        let (width, height) = (image.width as usize, image.height as usize);
        (rgba.len() == width * height * 4).then_some(Self {
            width,
            height,
            rgba,
        })
    }
}

/// A text field of the page that takes input from an input method.
#[derive(Clone, Copy, Debug)]
pub struct InputMethod {
    /// Servo's name for it.
    pub control: EmbedderControlId,
    /// Where it is, in CSS pixels of the page.
    pub position: DeviceIntRect,
    /// Whether what is typed is secret.
    pub is_password: bool,
}

/// Something that the browser tells under the toolbar until it is dismissed or the page goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The page wanted to open a tab without a click.
    PopupBlocked,
    /// What was typed cannot be opened.
    BadAddress,
    /// The page was kept from a server that is not public.
    NotPublic,
}

/// A line of a page's console.
#[derive(Clone, Debug)]
pub struct ConsoleMessage {
    /// How serious it is.
    pub level: ConsoleLogLevel,
    /// What it says, bounded.
    pub text: String,
}

impl ConsoleMessage {
    /// A message, cut to what is kept of one.
    pub fn new(level: ConsoleLogLevel, text: String) -> Self {
        Self {
            level,
            text: bounded(text, MAX_CONSOLE_TEXT),
        }
    }
}

impl TabState {
    /// Keeps a console message, forgetting the oldest if there are too many.
    pub fn push_console_message(&mut self, message: ConsoleMessage) {
        if self.console.len() == MAX_CONSOLE_MESSAGES {
            self.console.pop_front();
        }
        self.console.push_back(message);
    }

    /// Keeps how a document came.
    pub fn push_connection(&mut self, facts: ConnectionFacts) {
        self.connections
            .retain(|known| known.origin != facts.origin);
        if self.connections.len() == MAX_CONNECTIONS {
            self.connections.pop_front();
        }
        self.connections.push_back(facts);
    }

    /// How the document in view came, if that is known.
    pub fn connection(&self) -> Option<&ConnectionFacts> {
        let origin = self.url.as_ref()?.origin();
        self.connections.iter().find(|facts| facts.origin == origin)
    }

    /// Keeps what CORS stopped, and, in a second line, what to do about it.
    pub fn push_issue(&mut self, text: String) {
        if self.issues.len() == MAX_ISSUES {
            self.issues.pop_front();
        }
        self.issues.push_back(bounded(text, MAX_CONSOLE_TEXT));
    }

    /// What CORS stopped in this document, oldest first.
    pub fn issues(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.issues.iter().map(String::as_str)
    }

    /// The console, oldest first.
    pub fn console(&self) -> impl Iterator<Item = &ConsoleMessage> {
        self.console.iter()
    }

    /// Sets the document's title.
    pub fn set_title(&mut self, title: Option<String>) {
        self.title = title
            .map(|title| bounded(title, MAX_PAGE_TEXT))
            .filter(|title| !title.trim().is_empty());
    }

    /// Sets the status text.
    pub fn set_status(&mut self, status: Option<String>) {
        self.status = status
            .map(|status| bounded(status, MAX_PAGE_TEXT))
            .filter(|status| !status.is_empty());
    }

    /// Queues a dialog. One too many is dropped, which answers it with its safe default.
    pub fn push_dialog(&mut self, dialog: Dialog) {
        if self.dialogs.len() < MAX_DIALOGS {
            self.dialogs.push_back(dialog);
        }
    }

    /// Whether there is something to stop.
    pub fn is_loading(&self) -> bool {
        self.awaits_document || self.load.is_loading()
    }

    /// Whether the tab shows why its document could not be loaded.
    pub fn failed_to_load(&self) -> bool {
        self.shown_failure().is_some()
    }

    /// The certificate error that is the reason for that, if it is one.
    pub fn certificate_error(&self) -> Option<&CertificateError> {
        self.shown_failure()?.certificate.as_ref()
    }

    fn shown_failure(&self) -> Option<&LoadFailure> {
        self.failure
            .as_ref()
            .filter(|failure| self.url.as_ref() == Some(&failure.url))
    }

    /// The person did something in the page.
    pub fn activate(&mut self, now: Instant) {
        self.activation = Some(now);
    }

    /// Whether the person did something in the page a moment ago, which counts once:
    /// <https://html.spec.whatwg.org/multipage/interaction.html#consume-user-activation>
    pub fn consume_activation(&mut self, now: Instant) -> bool {
        self.activation
            .take()
            .is_some_and(|then| now.duration_since(then) <= ACTIVATION_DURATION)
    }

    /// Another document begins to load: what belonged to the old one goes, and what it asked is answered with safe
    /// defaults.
    pub fn begin_navigation(&mut self) {
        self.dialogs.clear();
        self.own_page = None;
        self.status = None;
        self.crash = None;
        self.notice = None;
        self.input_method = None;
        self.activation = None;
        self.is_leaving_fullscreen = false;
        self.issues.clear();
    }

    /// What the tab is called.
    pub fn label(&self) -> &str {
        if let Some(page) = self.own_page {
            return page.title();
        }
        match (&self.title, &self.url) {
            (Some(title), _) => title,
            (None, Some(url)) if !self.shows_new_tab_page() => {
                url.host_str().unwrap_or(url.as_str())
            },
            _ => "New tab",
        }
    }

    /// Whether the tab has no page of its own yet.
    pub fn shows_new_tab_page(&self) -> bool {
        self.url
            .as_ref()
            .is_none_or(|url| url.as_str() == crate::address::NEW_TAB_URL)
            && self.crash.is_none()
            && self.title.is_none()
    }
}

/// A zoom level of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoomLevel(usize);

impl ZoomLevel {
    const PERCENT: [u32; 16] = [
        30, 50, 67, 80, 90, 100, 110, 120, 133, 150, 170, 200, 240, 300, 400, 500,
    ];
    const HUNDRED_PERCENT: usize = 5;

    /// One step larger, if there is one.
    pub fn larger(self) -> Self {
        Self((self.0 + 1).min(Self::PERCENT.len() - 1))
    }

    /// One step smaller, if there is one.
    pub fn smaller(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The zoom in percent.
    pub fn percent(self) -> u32 {
        Self::PERCENT[self.0]
    }

    /// The zoom as a factor.
    pub fn factor(self) -> f32 {
        self.percent() as f32 / 100.0
    }
}

impl Default for ZoomLevel {
    fn default() -> Self {
        Self(Self::HUNDRED_PERCENT)
    }
}

/// Cuts text to at most `limit` bytes, marking the cut.
fn bounded(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> ConsoleMessage {
        ConsoleMessage::new(ConsoleLogLevel::Log, text.to_owned())
    }

    #[test]
    fn the_console_is_bounded() {
        let mut state = TabState::default();
        for number in 0..MAX_CONSOLE_MESSAGES + 5 {
            state.push_console_message(message(&number.to_string()));
        }
        assert_eq!(state.console().count(), MAX_CONSOLE_MESSAGES);
        assert_eq!(state.console().next().unwrap().text, "5");
        let long = message(&"ä".repeat(MAX_CONSOLE_TEXT));
        assert!(long.text.len() <= MAX_CONSOLE_TEXT + '…'.len_utf8());
    }

    #[test]
    fn an_activation_counts_once_and_not_for_long() {
        let start = Instant::now();
        let mut state = TabState::default();
        assert!(!state.consume_activation(start));
        state.activate(start);
        assert!(state.consume_activation(start + Duration::from_secs(1)));
        assert!(!state.consume_activation(start + Duration::from_secs(1)));
        state.activate(start);
        assert!(!state.consume_activation(start + Duration::from_secs(6)));
    }

    #[test]
    fn labels() {
        let mut state = TabState::default();
        assert_eq!(state.label(), "New tab");
        state.url = Url::parse("https://example.org/x").ok();
        assert_eq!(state.label(), "example.org");
        state.set_title(Some("  ".to_owned()));
        assert_eq!(state.label(), "example.org");
        state.set_title(Some("Example".to_owned()));
        assert_eq!(state.label(), "Example");
    }

    #[test]
    fn zoom_stays_in_its_range() {
        let mut zoom = ZoomLevel::default();
        assert_eq!(zoom.percent(), 100);
        assert_eq!(zoom.larger().smaller(), zoom);
        for _ in 0..99 {
            zoom = zoom.larger();
        }
        assert_eq!(zoom.percent(), 500);
        for _ in 0..99 {
            zoom = zoom.smaller();
        }
        assert_eq!(zoom.percent(), 30);
    }
}
