//! Going somewhere in the tab in front: loading, reloading, stopping, and back and forward.
//!
//! While Servo waits for a document it ignores every call to load another. So the one that it waits for is given up in the
//! fetch stack first, and the new one is asked for again until Servo takes it up.

use std::time::{Duration, Instant};

use net::embedding::Embedding;
use servo::{ServoUrl, WebView, WebViewId};
use url::Url;

use super::Browser;
use super::tab::{LoadProgress, TabKey, TabState};
use crate::event::Navigation;

/// How long Servo gets to take up a load before it is asked again.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// How often it is asked.
const MAX_TRIES: u8 = 50;

/// A load that Servo may have ignored.
pub(super) struct PendingLoad {
    tab: TabKey,
    url: Url,
    next_try: Instant,
    tries_left: u8,
}

impl Browser {
    /// Loads a URL in the front tab, as typed by the person.
    pub fn load(&mut self, url: Url) {
        let Some(tab) = self.tabs.get_mut(self.selected) else {
            return;
        };
        let gives_up_another = tab.state.awaits_document;
        if gives_up_another && let Some(embedding) = Embedding::get() {
            embedding.abort_navigation(tab.webview.id());
        }
        self.pending_load = gives_up_another.then(|| PendingLoad {
            tab: tab.key,
            url: url.clone(),
            next_try: Instant::now() + RETRY_INTERVAL,
            tries_left: MAX_TRIES,
        });
        expect_navigation(tab.webview.id(), &url);
        tab.state.begin_navigation();
        tab.state.awaits_document = true;
        tab.webview.load(url);
        self.front.request_redraw();
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.pending_load.as_ref().map(|pending| pending.next_try)
    }

    /// Does what was to be done by now.
    pub fn tick(&mut self, now: Instant) {
        let Some(pending) = self
            .pending_load
            .as_mut()
            .filter(|pending| pending.next_try <= now)
        else {
            return;
        };
        let tab = self.tabs.iter().find(|tab| tab.key == pending.tab);
        match tab.filter(|_| pending.tries_left > 0) {
            Some(tab) => {
                pending.tries_left -= 1;
                pending.next_try = now + RETRY_INTERVAL;
                expect_navigation(tab.webview.id(), &pending.url);
                tab.webview.load(pending.url.clone());
            },
            None => self.pending_load = None,
        }
    }

    /// A tab's request for a document began or ended.
    pub fn navigation(&mut self, webview: WebViewId, navigation: Navigation) {
        let Some(tab) = self.tabs.iter_mut().find(|tab| tab.webview.id() == webview) else {
            return;
        };
        let is_retried = self
            .pending_load
            .as_ref()
            .is_some_and(|pending| pending.tab == tab.key);
        match navigation {
            Navigation::Started => {
                tab.state.awaits_document = true;
                if is_retried {
                    self.pending_load = None;
                }
            },
            Navigation::Failed(failure) => {
                tab.state.awaits_document = false;
                tab.state.failure = Some(failure);
            },
            Navigation::Ended => {
                tab.state.awaits_document = is_retried;
                tab.state.failure = None;
            },
        }
        self.front.request_redraw();
    }

    pub(super) fn traverse<Id>(
        &mut self,
        can: impl Fn(&TabState) -> bool,
        go: impl Fn(&WebView) -> Id,
    ) {
        if let Some(tab) = self.selected_tab().filter(|tab| can(&tab.state)) {
            go(&tab.webview);
        }
    }

    pub(super) fn reload(&mut self) {
        if let Some(tab) = self.tabs.get_mut(self.selected) {
            if tab.state.own_page.is_some() {
                self.permissions.refresh();
                return;
            }
            if let Some(url) = &tab.state.url {
                expect_navigation(tab.webview.id(), url);
            }
            tab.state.begin_navigation();
            tab.state.awaits_document = true;
            tab.webview.reload();
        }
    }

    pub(super) fn stop(&mut self) {
        let Some(tab) = self.tabs.get_mut(self.selected) else {
            return;
        };
        self.pending_load = None;
        if let Some(embedding) = Embedding::get() {
            embedding.abort_navigation(tab.webview.id());
        }
        // Servo has no call to stop. The fetches are gone; this ends the parser of a document that is there.
        tab.webview.evaluate_javascript("window.stop()", |_| {});
        tab.state.awaits_document = false;
        tab.state.load = LoadProgress::Complete;
    }
}

/// Tells the fetch stack that the person, not a page, loads a URL.
pub(super) fn expect_navigation(webview: WebViewId, url: &Url) {
    if let Some(embedding) = Embedding::get() {
        embedding.expect_user_navigation(webview, ServoUrl::from_url(url.clone()));
    }
}
