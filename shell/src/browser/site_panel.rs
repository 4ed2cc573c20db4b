//! The panel behind the site button: opened for the page in front, closed when that is another one.

use servo::WebViewId;

use super::Browser;
use super::permissions::{ConnectionFacts, SitePanel};

impl Browser {
    /// What is known of the site of the page in front, as long as the person looks at it.
    pub fn site_panel(&self) -> Option<&SitePanel> {
        let selected = self.selected_tab()?.key;
        self.site_panel
            .as_ref()
            .filter(|(key, _)| *key == selected)
            .map(|(_, panel)| panel)
    }

    /// A tab's document came over this connection.
    pub fn connected(&mut self, webview: WebViewId, facts: ConnectionFacts) {
        if let Some(tab) = self.tabs.iter_mut().find(|tab| tab.webview.id() == webview) {
            tab.state.push_connection(facts);
        }
    }

    pub(super) fn open_site_panel(&mut self) {
        self.permissions.refresh();
        self.site_panel = self.selected_tab().and_then(|tab| {
            let url = tab.state.url.as_ref()?;
            let mut panel = SitePanel::new(url, tab.state.connection(), &self.permissions);
            panel.issues = tab.state.issues().rev().map(str::to_owned).collect();
            Some((tab.key, panel))
        });
    }

    /// Takes a new copy if the panel is open.
    pub(super) fn refresh_site_panel(&mut self) {
        if self.site_panel().is_some() {
            self.open_site_panel();
            self.front.request_redraw();
        }
    }
}
