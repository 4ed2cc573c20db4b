//! Policy, list files and settings come into force, and the person hears of what is wrong with them.

use net::embedding::Embedding;

use super::Browser;
use super::notices::{self, NoticeSubject, StandingNotice};
use crate::policy::{Administration, PolicyReport, list_reports};
use crate::startup::Governing;

/// How much of a notice about files is shown, in characters.
const MAX_NOTICE: usize = 600;

impl Browser {
    /// What governs the permission model from now on. To be called once, before the first tab is opened.
    pub fn govern(&mut self, governing: Governing) {
        if let Some(aside) = &governing.set_aside {
            let text = format!(
                "Your permissions could not be read: {}. The file is kept as {}, and nothing is allowed until you allow it \
                 again.",
                aside.reason,
                aside.path.display()
            );
            self.notice(NoticeSubject::PermissionsSetAside, Some(text));
        }
        let report = governing.watch.report();
        self.policy_notice(&report);
        self.permissions.set_report(report);
        let lists_folder = governing.watch.lists_folder().to_owned();
        self.permissions
            .keep_in(lists_folder, governing.settings_file.clone());
        self.governing = Some(governing);
        self.lists_notice();
    }

    /// Another policy, or other list files, are in force.
    pub fn administered(&mut self, change: Administration) {
        match change {
            Administration::Policy(report) => {
                self.policy_notice(&report);
                self.permissions.set_report(report);
            },
            Administration::Lists => self.lists_notice(),
        }
        self.permissions.refresh();
        self.refresh_site_panel();
        self.front.request_redraw();
    }

    /// What the browser has to tell about itself.
    pub fn notices(&self) -> &[StandingNotice] {
        &self.notices
    }

    fn policy_notice(&mut self, report: &PolicyReport) {
        let problems = report.problems();
        let text = (!problems.is_empty()).then(|| problems.join(" "));
        self.notice(NoticeSubject::Policy, text);
    }

    fn lists_notice(&mut self) {
        let Some(embedding) = Embedding::get() else {
            return;
        };
        let told: Vec<String> = list_reports(&embedding.user_cors().installed_blocklists())
            .iter()
            // Long lists have lines that are not for this; the permissions page shows which.
            .filter(|report| report.is_unreadable)
            .map(|report| {
                format!(
                    "Blocklist {}: {}.",
                    report.path.display(),
                    report.problems.join("; ")
                )
            })
            .collect();
        let text = (!told.is_empty()).then(|| told.join(" "));
        self.notice(NoticeSubject::Blocklists, text);
    }

    fn notice(&mut self, subject: NoticeSubject, text: Option<String>) {
        // Paths and lines of lists are others' text.
        let text = text.map(|text| user_cors::bounded_escaped(&text, MAX_NOTICE));
        if notices::put(&mut self.notices, subject, text) {
            self.front.request_redraw();
        }
    }
}
