//! Which document a tab shows after a change of its session history, and which it has left.

use servo_base::id::{PipelineId, WebViewId};
use servo_url::ServoUrl;
use url::{Position, Url};
use user_cors::Site;

use super::session_history::{Step, without_fragment};
use super::{Contexts, State, Tab, site_of};

/// What follows from a change of a tab's session history.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The documents that the tab shows no more, with their frames.
    pub left: Vec<PipelineId>,
    /// Whether the tab came to another document without a response: back, forward, `about:blank`.
    pub navigated: bool,
    /// The site of the URL.
    pub site: Option<Site>,
}

/// Which document is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Document {
    /// The one before: its URL or its entry is another one at most.
    Same,
    /// The one before, until the current entry's is there: that is loaded anew.
    Awaited,
    /// One whose response has come, and that was not shown yet.
    Arrived(PipelineId),
    /// One that was shown before.
    Restored(PipelineId),
    /// One that had no response, or is not known any more.
    Unknown,
}

/// What a step that adds an entry, if it did, tells by the URLs before and behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Addition {
    /// The document has given itself another URL. All entries that it had so far have it, too, as they are told.
    BySameDocument,
    /// Another document came.
    ByNavigation,
    /// The URL is what it was, or the step adds nothing.
    Unclear,
}

impl Contexts {
    /// The tab's session history has these entries, of which one is current.
    pub fn session_history_changed(
        &self,
        webview: WebViewId,
        entries: &[Url],
        current: usize,
    ) -> Option<Shown> {
        let url = entries.get(current)?;
        let site = site_of(&ServoUrl::from_url(url.clone()));
        let mut state = self.0.lock();
        let said = state.tick();
        let (step, document) = state.document_shown(webview, entries, current, url);
        let tab = state.tab(webview);
        let moved = tab.site != site;
        tab.site.clone_from(&site);
        tab.shown = Some((ServoUrl::from_url(url.clone()), said));
        match document {
            Document::Same | Document::Awaited => {},
            Document::Arrived(pipeline) => {
                // Documents come in the order of their responses: those that were to come before it do not any more.
                let place = tab.arriving.iter().position(|known| *known == pipeline);
                tab.arriving.drain(..place.map_or(0, |place| place + 1));
                tab.committed = Some(pipeline);
            },
            Document::Restored(pipeline) => tab.committed = Some(pipeline),
            Document::Unknown => tab.committed = None,
        }
        let length = entries.len();
        let old = tab.history.entry(current).document;
        match document {
            Document::Awaited => tab.history.go_to(current),
            _ => tab
                .history
                .take(step, (length, current), tab.committed, url),
        }
        if let (Document::Arrived(pipeline), Some(old)) = (document, old)
            && step == Step::InPlace
        {
            tab.history.inherit(pipeline, old);
        }
        let left = match document {
            Document::Same | Document::Awaited => Vec::new(),
            _ => state.leave_others(webview),
        };
        let without_response = matches!(document, Document::Restored(_) | Document::Unknown);
        Some(Shown {
            left,
            navigated: moved || without_response,
            site,
        })
    }
}

impl State {
    /// Which document the current entry brings up.
    ///
    /// NB: where it cannot be told whether a page has given itself the URL of another document of the tab or the tab went to that
    /// document, it is the latter: what the page has under way is cancelled, and its questions end.
    fn document_shown(
        &self,
        webview: WebViewId,
        entries: &[Url],
        current: usize,
        url: &Url,
    ) -> (Step, Document) {
        let Some(tab) = self.tabs.get(&webview) else {
            return (Step::InPlace, Document::Unknown);
        };
        let step = tab.history.step(entries.len(), current);
        let before = tab.shown.as_ref().map(|(url, _)| url.as_url());
        let addition = addition(step, before, entries, current, url);
        let stays = addition != Addition::ByNavigation
            && before.is_some_and(|before| can_have_its_url_rewritten(before, url));
        if stays && addition == Addition::BySameDocument {
            return (step, Document::Same);
        }
        if step != Step::Traversed
            && let Some(arrived) = self.arriving_at(tab, url)
        {
            return (step, Document::Arrived(arrived));
        }
        let by_url = || match self.other_document_at(webview, tab, url) {
            Some(other) => Document::Restored(other),
            None if stays => Document::Same,
            None => Document::Unknown,
        };
        let is_moved = before.is_none_or(|before| !is_equal(before, url));
        let document = match step {
            Step::InPlace | Step::Appended | Step::Thinned if stays => Document::Same,
            Step::InPlace | Step::Appended | Step::Thinned => Document::Unknown,
            Step::Traversed | Step::OneForward => {
                let entry = tab.history.entry(current);
                let may_be_entry = entry.document.is_none_or(|pipeline| {
                    let document = self.documents.get(&pipeline);
                    document.is_some_and(|document| {
                        can_have_its_url_rewritten(document.url.as_url(), url)
                    })
                });
                let is_at_entry = may_be_entry && tab.history.is_at(entry, url);
                let is_own = entry.document == tab.committed;
                match entry.document {
                    _ if !entry.is_known() => by_url(),
                    _ if is_own && stays && (is_at_entry || !is_moved) => Document::Same,
                    None if is_at_entry => Document::Unknown,
                    Some(other) if is_at_entry && !is_own => Document::Restored(other),
                    _ if is_own => by_url(),
                    // NB: what is near is not loaded anew, so that one forward it is a new entry with the URL of the one before.
                    _ if stays && !is_moved && step == Step::OneForward => Document::Same,
                    _ if stays && !is_moved => Document::Awaited,
                    _ => match (by_url(), entry.document) {
                        (Document::Restored(other), _) => Document::Restored(other),
                        (_, Some(other)) if may_be_entry => Document::Restored(other),
                        _ => Document::Unknown,
                    },
                }
            },
            Step::Unclear => by_url(),
        };
        (step, document)
    }

    /// The document that was to come to the tab, and has this URL.
    fn arriving_at(&self, tab: &Tab, url: &Url) -> Option<PipelineId> {
        let mut newest_first = tab.arriving.iter().rev().copied();
        newest_first.find(|pipeline| self.is_document_at(*pipeline, url))
    }

    /// A top-level document that the tab has shown, is not the one that it shows, and has had this URL.
    fn other_document_at(&self, webview: WebViewId, tab: &Tab, url: &Url) -> Option<PipelineId> {
        let in_history = tab.history.documents_at(url).filter_map(|pipeline| {
            let known = self.documents.get(&pipeline)?;
            Some((pipeline, known))
        });
        let by_response = self
            .documents
            .iter()
            .map(|(pipeline, document)| (*pipeline, document))
            .filter(|(pipeline, document)| {
                document.webview == webview
                    && !document.nested
                    && !tab.arriving.contains(pipeline)
                    && is_equal(document.url.as_url(), url)
            });
        in_history
            .chain(by_response)
            .filter(|(pipeline, _)| tab.committed != Some(*pipeline))
            .max_by_key(|(_, document)| document.noted)
            .map(|(pipeline, _)| pipeline)
    }

    fn is_document_at(&self, pipeline: PipelineId, url: &Url) -> bool {
        self.documents
            .get(&pipeline)
            .is_some_and(|document| is_equal(document.url.as_url(), url))
    }

    /// Takes the tab's documents but the one that it shows, those that are to come, and their frames for left.
    fn leave_others(&mut self, webview: WebViewId) -> Vec<PipelineId> {
        let Some(tab) = self.tabs.get(&webview) else {
            return Vec::new();
        };
        let is_kept = |pipeline: PipelineId| {
            tab.committed == Some(pipeline) || tab.arriving.contains(&pipeline)
        };
        let mut left = Vec::new();
        for (pipeline, document) in &mut self.documents {
            if document.webview == webview {
                document.is_left = !is_kept(document.top_level.unwrap_or(*pipeline));
                if document.is_left {
                    left.push(*pipeline);
                }
            }
        }
        left
    }
}

/// What a step from a document at `before` tells by the URLs of the entries.
///
/// NB: the entry before an added one has the URL of its document *by now*, as long as that is not another's: what
/// `history.pushState()` leaves behind has the new URL, and what a navigation leaves behind has the old one. For a fragment or a frame
/// it may be anything, but then the document's URL is what it was.
fn addition(
    step: Step,
    before: Option<&Url>,
    entries: &[Url],
    current: usize,
    url: &Url,
) -> Addition {
    if !matches!(step, Step::Appended | Step::OneForward) {
        return Addition::Unclear;
    }
    let behind = current.checked_sub(1).and_then(|index| entries.get(index));
    match (before, behind) {
        (Some(before), Some(_)) if is_equal(before, url) => Addition::Unclear,
        (Some(_), Some(behind)) if is_equal(behind, url) => Addition::BySameDocument,
        (Some(_), Some(_)) => Addition::ByNavigation,
        _ => Addition::Unclear,
    }
}

/// Whether a document [can have its URL rewritten](https://html.spec.whatwg.org/multipage/nav-history-apis.html#can-have-its-url-rewritten)
/// to `target`.
fn can_have_its_url_rewritten(document: &Url, target: &Url) -> bool {
    // 2. If they differ in anything before the path, return false.
    if document[..Position::BeforePath] != target[..Position::BeforePath] {
        return false;
    }
    match target.scheme() {
        // 3. With HTTP, return true.
        "http" | "https" => true,
        // 4. A file has to be the same file.
        "file" => document.path() == target.path(),
        // 5. and 6. Of all else only the fragment may be another one.
        _ => is_equal(document, target),
    }
}

/// Whether the URLs are equal, but for their fragments.
fn is_equal(one: &Url, other: &Url) -> bool {
    without_fragment(one) == without_fragment(other)
}
