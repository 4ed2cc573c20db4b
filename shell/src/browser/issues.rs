//! What CORS stopped and what to do about it: in the tab's console, and for `--dump issues`.

use std::collections::VecDeque;

use net::events::Issue;
use serde_json::{Value, json};
use servo::{ConsoleLogLevel, WebViewId};
use user_cors::Refusal;

use super::Browser;
use super::tab::{ConsoleMessage, Notice};

/// How many issues are kept; the oldest are forgotten.
const MAX_ISSUES: usize = 1000;

/// The issues of all tabs, oldest first, each as an object.
#[derive(Debug, Default)]
pub struct Issues(VecDeque<Value>);

impl Issues {
    fn push(&mut self, issue: Value) {
        if self.0.len() == MAX_ISSUES {
            self.0.pop_front();
        }
        self.0.push_back(issue);
    }

    /// The issues, oldest first, each as an object.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }
}

/// Issues as lines of JSON.
pub fn lines(issues: &Issues) -> String {
    issues.iter().map(|issue| format!("{issue}\n")).collect()
}

fn object(issue: &Issue) -> Value {
    json!({
        "code": issue.code(),
        "step": issue.refusal.as_ref().map(|refusal| refusal.step()),
        "requester": issue.requester,
        "url": issue.url,
        "preflight": issue.failure.preflight,
        "what": issue.what(),
        "advice": issue.advice(),
    })
}

impl Browser {
    /// CORS stopped a request of a tab, for a cause that is told for the first time.
    pub fn issue(&mut self, webview: WebViewId, issue: &Issue) {
        self.issues.push(object(issue));
        let message = ConsoleMessage::new(ConsoleLogLevel::Warn, issue.message());
        self.front.console_message(&message.level, &message.text);
        let tab = self.tabs.iter_mut().find(|tab| tab.webview.id() == webview);
        if let Some(tab) = tab {
            if matches!(issue.refusal, Some(Refusal::NotPublic(_))) {
                tab.state.notice = Some(Notice::NotPublic);
            }
            let lines = format!("{}\n{}", issue.what(), issue.advice());
            tab.state.push_issue(lines);
            tab.state.push_console_message(message);
        }
        self.refresh_site_panel();
        self.front.request_redraw();
    }

    /// What CORS stopped in all tabs so far.
    pub fn issues(&self) -> &Issues {
        &self.issues
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issues_are_bounded_and_each_is_a_line() {
        let mut issues = Issues::default();
        for number in 0..MAX_ISSUES + 3 {
            issues.push(json!({ "url": format!("line\n{number}") }));
        }
        let text = lines(&issues);
        assert_eq!(text.lines().count(), MAX_ISSUES);
        let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(first["url"], "line\n3");
    }
}
