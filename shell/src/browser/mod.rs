//! The browser apart from any window: its tabs as plain state, and the commands that change them.
//!
//! [`Browser::spin`] gives Servo time and turns what it told into state. [`Browser::apply`] carries out a [`Command`].
//! Everything runs on one thread; other threads reach it through [`crate::event`].

mod activation;
pub mod certificate_error;
pub mod command;
pub mod delegate;
pub mod dialog;
pub mod front;
mod governance;
mod happenings;
pub mod issues;
mod loading;
pub mod notices;
pub mod permissions;
pub mod prompts;
mod site_panel;
pub mod tab;

use std::rc::Rc;
use std::time::Instant;

use net::embedding::Embedding;
use servo::{
    CreateNewWebViewRequest, DeviceIndependentPixel, DevicePixel, InputEvent, JSValue,
    JavaScriptEvaluationError, Servo, Theme, UserContentManager, WebView, WebViewBuilder,
    WebViewId,
};
use url::Url;

use self::activation::is_activation;
use self::command::{Command, Zoom};
use self::delegate::Delegate;
use self::dialog::DialogId;
use self::front::Front;
use self::happenings::leave_fullscreen;
use self::issues::Issues;
use self::loading::PendingLoad;
use self::notices::StandingNotice;
use self::permissions::{Permissions, SitePanel};
use self::tab::{Notice, OwnPage, Tab, TabKey, TabState, ZoomLevel};
use crate::address::{self, NEW_TAB_URL, Navigation};
use crate::quit::{self, Ending, LastDelegate};
use crate::startup::Governing;
use crate::test_driver::TestDriver;

/// How many closed tabs can be opened again.
const MAX_CLOSED_TABS: usize = 25;

/// How many tabs may be open. A page that has them all gets no more.
const MAX_TABS: usize = 500;

/// The browser.
pub struct Browser {
    servo: Servo,
    front: Rc<dyn Front>,
    delegate: Rc<Delegate>,
    user_content: Rc<UserContentManager>,
    tabs: Vec<Tab>,
    selected: usize,
    closed_tabs: Vec<Url>,
    next_id: u64,
    pending_load: Option<PendingLoad>,
    permissions: Permissions,
    test_driver: Option<TestDriver>,
    governing: Option<Governing>,
    site_panel: Option<(TabKey, SitePanel)>,
    notices: Vec<StandingNotice>,
    issues: Issues,
    wants_to_quit: bool,
    needs_paint: bool,
    profile_is_temporary: bool,
}

/// Where a new tab goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// To the front.
    Front,
    /// Behind the front one.
    Background,
}

impl Browser {
    /// A browser without tabs.
    pub fn new(
        servo: Servo,
        front: Rc<dyn Front>,
        user_content: Rc<UserContentManager>,
        profile_is_temporary: bool,
    ) -> Self {
        let delegate = Rc::new(Delegate::default());
        delegate.set_screen_geometry(front.screen_geometry());
        servo.set_delegate(delegate.clone());
        Self {
            servo,
            front,
            delegate,
            user_content,
            tabs: Vec::new(),
            selected: 0,
            closed_tabs: Vec::new(),
            next_id: 0,
            pending_load: None,
            permissions: Permissions::default(),
            test_driver: None,
            governing: None,
            site_panel: None,
            notices: Vec::new(),
            issues: Issues::default(),
            wants_to_quit: false,
            needs_paint: true,
            profile_is_temporary,
        }
    }

    /// Sets what answers the prompts of pages that play the user, if anything does.
    pub fn set_test_driver(&mut self, test_driver: Option<TestDriver>) {
        self.test_driver = test_driver;
    }

    /// The tabs, from left to right.
    pub fn tabs(&self) -> &[Tab] {
        &self.tabs
    }

    /// The tab in front. `None` before the first is opened and after the last was closed.
    pub fn selected_tab(&self) -> Option<&Tab> {
        self.tabs.get(self.selected)
    }

    /// What the permissions page shows.
    pub fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// Whether the browser is to end: it was told so, or its last tab was closed.
    pub fn wants_to_quit(&self) -> bool {
        self.wants_to_quit
    }

    /// Whether nothing that the browser remembers lasts.
    pub fn profile_is_temporary(&self) -> bool {
        self.profile_is_temporary
    }

    /// Opens a tab. Without a URL it shows the new tab page.
    pub fn open_tab(&mut self, url: Option<Url>, placement: Placement) {
        if self.tabs.len() >= MAX_TABS {
            return;
        }
        let url = url.or_else(|| Url::parse(NEW_TAB_URL).ok());
        let mut builder = WebViewBuilder::new(&self.servo, self.front.rendering_context());
        if let Some(url) = url.clone() {
            builder = builder.url(url);
        }
        let webview = self.build(builder);
        // NB: The page's identifier exists only when Servo has been told to load, but Servo starts threads before it
        // fetches anything, and this call comes at once.
        if let Some(url) = &url {
            loading::expect_navigation(webview.id(), url);
        }
        self.insert(webview, url, placement);
    }

    fn open_popup(&mut self, request: CreateNewWebViewRequest) {
        let builder = request.builder(self.front.rendering_context());
        let webview = self.build(builder);
        let id = webview.id();
        let placement = if self.front.is_interactive() {
            Placement::Front
        } else {
            Placement::Background
        };
        self.insert(webview, None, placement);
        if let Some(tab) = self.tabs.iter_mut().find(|tab| tab.webview.id() == id) {
            tab.state.opened_by_page = true;
        }
    }

    fn build(&self, builder: WebViewBuilder) -> WebView {
        let webview = builder
            .delegate(self.delegate.clone())
            .user_content_manager(self.user_content.clone())
            .hidpi_scale_factor(
                euclid::Scale::<f32, DeviceIndependentPixel, DevicePixel>::new(
                    self.front.scale_factor(),
                ),
            )
            .build();
        webview.notify_theme_change(theme(&*self.front));
        webview
    }

    fn insert(&mut self, webview: WebView, url: Option<Url>, placement: Placement) {
        let key = TabKey(self.next_id());
        let mut state = TabState::default();
        state.awaits_document = url.is_some();
        state.url = url;
        let tab = Tab {
            key,
            webview,
            state,
        };
        let place = if self.tabs.is_empty() {
            0
        } else {
            self.selected + 1
        };
        self.tabs.insert(place, tab);
        if placement == Placement::Front || self.tabs.len() == 1 {
            self.select(place);
        } else if self.front.hides_background_tabs() {
            self.tabs[place].webview.hide();
        }
        self.front.request_redraw();
    }

    fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn select(&mut self, index: usize) {
        for (other, tab) in self.tabs.iter().enumerate() {
            if other != index && self.front.hides_background_tabs() {
                tab.webview.hide();
            }
            tab.webview.set_focused(other == index);
        }
        if let Some(tab) = self.tabs.get(index) {
            self.selected = index;
            tab.webview.show();
            if tab.state.own_page == Some(OwnPage::Permissions) {
                self.permissions.refresh();
            }
        }
        self.needs_paint = true;
        self.front.request_redraw();
    }

    fn close(&mut self, index: usize) {
        if index >= self.tabs.len() {
            return;
        }
        let mut tab = self.tabs.remove(index);
        // Dropping the page joins workers that may wait for the network: so the network hears of it first.
        if let Some(embedding) = Embedding::get() {
            embedding.cancel_webview(tab.webview.id());
        }
        tab.state.dialogs.clear();
        if let Some(url) = tab
            .state
            .url
            .take()
            .filter(|url| url.as_str() != NEW_TAB_URL)
        {
            if self.closed_tabs.len() == MAX_CLOSED_TABS {
                self.closed_tabs.remove(0);
            }
            self.closed_tabs.push(url);
        }
        if self.tabs.is_empty() {
            // The last page stays until the browser is taken apart, because Servo's renderer goes with it.
            self.tabs.push(tab);
            self.wants_to_quit = true;
            return;
        }
        drop(tab);
        let selected = match self.selected {
            selected if selected > index => selected - 1,
            selected => selected.min(self.tabs.len() - 1),
        };
        self.select(selected);
    }

    /// Gives Servo time, and turns what it told into state.
    pub fn spin(&mut self) {
        self.servo.spin_event_loop();
        while let Some((webview, happening)) = self.delegate.take() {
            match webview {
                Some(webview) => self.page_happening(webview, happening),
                None => self.servo_happening(happening),
            }
        }
    }

    /// Carries out a command.
    pub fn apply(&mut self, command: Command) {
        match command {
            Command::Open(input) => self.open(&input),
            Command::OpenInNewTab(url) => self.open_tab(Some(url), Placement::Background),
            Command::NewTab => self.open_tab(None, Placement::Front),
            Command::CloseTab(key) => {
                if let Some(index) = self.index_of(key) {
                    self.close(index);
                }
            },
            Command::ReopenTab => {
                if let Some(url) = self.closed_tabs.pop() {
                    self.open_tab(Some(url), Placement::Front);
                }
            },
            Command::SelectTab(key) => {
                if let Some(index) = self.index_of(key) {
                    self.select(index);
                }
            },
            Command::SelectTabAt(index) if index < self.tabs.len() => self.select(index),
            Command::SelectTabAt(_) => {},
            Command::SelectLastTab => self.select(self.tabs.len().saturating_sub(1)),
            Command::NextTab => self.select((self.selected + 1) % self.tabs.len().max(1)),
            Command::PreviousTab => {
                let last = self.tabs.len().saturating_sub(1);
                self.select(self.selected.checked_sub(1).unwrap_or(last));
            },
            Command::Back => self.traverse(|state| state.can_go_back, |webview| webview.go_back(1)),
            Command::Forward => {
                self.traverse(
                    |state| state.can_go_forward,
                    |webview| webview.go_forward(1),
                );
            },
            Command::Reload => self.reload(),
            Command::Stop => self.stop(),
            Command::Zoom(zoom) => self.zoom(zoom),
            Command::LeaveFullscreen => {
                if let Some(tab) = self.selected_tab().filter(|tab| tab.state.is_fullscreen) {
                    tab.webview.exit_fullscreen();
                }
            },
            Command::AnswerDialog(tab, dialog, answer) => self.answer_dialog(tab, dialog, answer),
            // Said with every frame, so it must not ask for another.
            Command::QuestionVisible {
                question,
                revision,
                focused,
            } => {
                return prompts::visible(question, revision, focused);
            },
            Command::ConfirmQuestion { question, revision } => {
                prompts::confirm(question, revision);
                self.refresh_questions();
            },
            Command::AnswerQuestion {
                question,
                revision,
                choice,
            } => {
                prompts::answer(question, revision, choice);
                self.refresh_questions();
            },
            Command::OpenQuietQuestion => {
                if let Some(tab) = self.selected_tab() {
                    prompts::open_quiet(tab.webview.id());
                    self.refresh_questions();
                }
            },
            Command::OpenPermissions => self.open_permissions(),
            Command::RevokePermission(id) => {
                self.permissions.revoke(id);
                self.refresh_site_panel();
            },
            Command::ResetPermission(key) => {
                self.permissions.reset(&key);
                self.refresh_site_panel();
            },
            Command::RevokeAllPermissions => self.permissions.revoke_all(),
            Command::Permissions(command) => self.permissions.apply(command),
            Command::OpenSitePanel => self.open_site_panel(),
            Command::CloseSitePanel => self.site_panel = None,
            Command::AcceptCertificate(tab) => self.accept_certificate(tab),
            Command::DismissNotice => {
                if let Some(tab) = self.tabs.get_mut(self.selected) {
                    tab.state.notice = None;
                }
            },
            Command::DismissStandingNotice(subject) => {
                self.notices.retain(|notice| notice.subject != subject);
            },
            Command::Quit => self.wants_to_quit = true,
        }
        self.front.request_redraw();
    }

    fn index_of(&self, key: TabKey) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.key == key)
    }

    /// Shows the permissions page: in the front tab if that shows nothing, else in a new one. A tab that a page opened is
    /// never taken, however empty: that page could still put its own dialogs over it.
    fn open_permissions(&mut self) {
        let is_free = self.selected_tab().is_some_and(|Tab { state, .. }| {
            state.own_page.is_some()
                || (state.shows_new_tab_page() && !state.is_loading() && !state.opened_by_page)
        });
        if !is_free {
            let tabs = self.tabs.len();
            self.open_tab(None, Placement::Front);
            if self.tabs.len() == tabs {
                return;
            }
        }
        self.show_own_page(OwnPage::Permissions);
    }

    /// Shows a page of the browser's own in the selected tab.
    pub fn show_own_page(&mut self, page: OwnPage) {
        if let Some(tab) = self.tabs.get_mut(self.selected) {
            tab.state.own_page = Some(page);
        }
        self.permissions.refresh();
    }

    fn open(&mut self, input: &str) {
        if OwnPage::parse(input) == Some(OwnPage::Permissions) {
            self.open_permissions();
            return;
        }
        let Some(tab) = self.tabs.get_mut(self.selected) else {
            return;
        };
        let url = match address::parse(input) {
            Ok(Navigation::Url(url)) => url,
            Ok(Navigation::Search(words)) => address::search_url(&words),
            Err(error) => {
                log::info!("The address bar's text cannot be opened: {error}");
                tab.state.notice = Some(Notice::BadAddress);
                return;
            },
        };
        self.load(url);
    }

    fn zoom(&mut self, zoom: Zoom) {
        if let Some(tab) = self.tabs.get_mut(self.selected) {
            tab.state.zoom = match zoom {
                Zoom::In => tab.state.zoom.larger(),
                Zoom::Out => tab.state.zoom.smaller(),
                Zoom::Reset => ZoomLevel::default(),
            };
            tab.webview.set_page_zoom(tab.state.zoom.factor());
        }
    }

    fn answer_dialog(&mut self, tab: TabKey, dialog: DialogId, answer: dialog::DialogAnswer) {
        let Some(index) = self.index_of(tab) else {
            return;
        };
        let state = &mut self.tabs[index].state;
        let Some(position) = state
            .dialogs
            .iter()
            .position(|candidate| candidate.id == dialog)
        else {
            return;
        };
        if let Some(dialog) = state.dialogs.remove(position) {
            // A choice in a menu may open a tab.
            state.activate(Instant::now());
            dialog.answer(answer);
        }
    }

    /// The questions of a tab changed.
    pub fn questions_changed(&mut self, webview: WebViewId) {
        let Some(tab) = self.tabs.iter_mut().find(|tab| tab.webview.id() == webview) else {
            return;
        };
        tab.state.questions = prompts::questions(webview);
        // The bar must not hide behind a page that fills the screen, nor be imitated by it.
        if tab.state.is_fullscreen && !tab.state.questions.is_empty() {
            leave_fullscreen(&self.delegate, &tab.webview, &mut tab.state);
        }
        self.front.request_redraw();
    }

    /// Reads the questions of the tab in front again, whose state an answer or an input has changed.
    fn refresh_questions(&mut self) {
        if let Some(webview) = self.selected_tab().map(|tab| tab.webview.id()) {
            self.questions_changed(webview);
        }
    }

    /// Hands input to the page in front.
    pub fn page_input(&mut self, event: InputEvent) {
        let Some(tab) = self.tabs.get_mut(self.selected) else {
            return;
        };
        if is_activation(&event) {
            tab.state.activate(Instant::now());
            if let Some(embedding) = Embedding::get() {
                embedding.user_interacted(tab.webview.id());
            }
        }
        tab.webview.notify_input_event(event);
        // A question that was quiet until there was input shows itself.
        if !tab.state.questions.is_empty() {
            self.refresh_questions();
        }
    }

    /// Gives the keyboard's focus to the page in front, or takes it away.
    pub fn set_page_focused(&mut self, focused: bool) {
        if let Some(tab) = self.selected_tab() {
            tab.webview.set_focused(focused);
        }
    }

    /// The page area, the screen or the pixel ratio changed.
    pub fn front_changed(&mut self, size: servo::DeviceIntSize) {
        self.delegate
            .set_screen_geometry(self.front.screen_geometry());
        let scale = euclid::Scale::new(self.front.scale_factor());
        for tab in &self.tabs {
            tab.webview.set_hidpi_scale_factor(scale);
        }
        if let Some(tab) = self.selected_tab() {
            let size = size.max(servo::DeviceIntSize::new(1, 1)).to_u32();
            // All tabs share what they draw into, so this resizes all.
            tab.webview
                .resize(winit::dpi::PhysicalSize::new(size.width, size.height));
        }
        self.needs_paint = true;
    }

    /// The system changed between light and dark.
    pub fn theme_changed(&mut self) {
        let theme = theme(&*self.front);
        for tab in &self.tabs {
            tab.webview.notify_theme_change(theme);
        }
    }

    /// Draws the page in front if it changed. Returns whether it did.
    pub fn paint(&mut self) -> bool {
        let needs_paint = std::mem::take(&mut self.needs_paint);
        if let Some(tab) = self.selected_tab().filter(|_| needs_paint) {
            tab.webview.paint();
        }
        needs_paint
    }

    /// Runs a script in the page in front. The callback runs inside of [`spin`](Self::spin).
    pub fn evaluate(
        &self,
        script: &str,
        callback: impl FnOnce(Result<JSValue, JavaScriptEvaluationError>) + 'static,
    ) {
        if let Some(tab) = self.selected_tab() {
            tab.webview.evaluate_javascript(script, callback);
        }
    }

    /// Takes the browser apart: the network first, because everything else may wait for it, Servo last.
    pub fn shut_down(mut self, ending: &Ending) {
        quit::start_deadline(ending.clone());
        // 1. Fail all fetches, those to come as well: a page may be blocked in a synchronous request.
        if let Some(embedding) = Embedding::get() {
            embedding.begin_shutdown();
        }
        // 2. Answer everything that a page waits for.
        for tab in &mut self.tabs {
            tab.state.dialogs.clear();
        }
        self.delegate.clear();
        // 3. Close all pages.
        self.tabs.clear();
        self.delegate.clear();
        // 4. Drop all that holds Servo, then Servo, which waits for its threads.
        self.servo
            .set_delegate(Rc::new(LastDelegate(ending.clone())));
        drop(self.user_content);
        drop(self.servo);
        // 5. What pages were drawn into goes when the caller drops its side of it.
        drop(self.front);
    }
}

fn theme(front: &dyn Front) -> Theme {
    if front.prefers_dark() {
        Theme::Dark
    } else {
        Theme::Light
    }
}
