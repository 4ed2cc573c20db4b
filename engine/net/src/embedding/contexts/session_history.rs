//! The entries of a tab's session history, and whose document each of them is.
//!
//! The engine tells of each change how many entries there are, which is current, and a URL of each. It does not tell which
//! document an entry is of, nor what happened: `history.pushState()` with the URL of another document and the way back to that
//! document may look alike. So the documents of the entries are kept here, and what happened is inferred from the numbers:
//! a change adds one entry behind the current one and drops what was behind it, or moves among the entries, or leaves them all
//! as they are. Besides, the entries of a frame that is removed go without a word, and are missed at the next change.

use std::hash::{BuildHasher, RandomState};

use servo_base::id::PipelineId;
use url::{Position, Url};

/// How many entries are remembered. Of those beyond it is not known whose they are.
const ENTRIES_LIMIT: usize = 4096;

/// What has happened to a session history, as far as the numbers tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The current entry may be another one, in the same place.
    InPlace,
    /// There is one entry more, and it is current.
    Appended,
    /// Another of the entries is current: a
    /// [traversal](https://html.spec.whatwg.org/multipage/browsing-the-web.html#apply-the-history-step).
    Traversed,
    /// The entry behind the current one is current, and it is the last: a new one in the place of those that were there, or the
    /// one that was there.
    OneForward,
    /// Entries of frames are gone, and there was no traversal.
    Thinned,
    /// Entries of frames are gone, and there may have been a traversal.
    Unclear,
}

/// An entry's document, and the URL that this has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The top-level document; `None`: one that had no response.
    pub document: Option<PipelineId>,
    /// A digest of the URL, whose length a page chooses; `None`: not known.
    url: Option<u64>,
}

/// The session history of one tab.
#[derive(Debug, Default)]
pub(super) struct SessionHistory {
    /// The first of them.
    entries: Vec<Entry>,
    /// How many there are.
    length: usize,
    /// Which is current, from 0.
    current: usize,
    digests: RandomState,
}

impl Entry {
    const UNKNOWN: Self = Self {
        document: None,
        url: None,
    };

    /// Whether anything is known of it.
    pub(super) fn is_known(self) -> bool {
        self.document.is_some() || self.url.is_some()
    }
}

impl SessionHistory {
    /// What has happened if there are so many entries by now, and this one is current.
    pub(super) fn step(&self, length: usize, current: usize) -> Step {
        if self.length == 0 {
            return Step::InPlace;
        }
        let was_last = self.current + 1 == self.length;
        let is_last = current + 1 == length;
        let is_next = current == self.current + 1;
        if length == self.length {
            if current == self.current {
                Step::InPlace
            } else if is_next && is_last {
                Step::OneForward
            } else {
                Step::Traversed
            }
        } else if length > self.length {
            if was_last && is_last && is_next {
                Step::Appended
            } else {
                Step::Unclear
            }
        } else if is_next && is_last {
            Step::OneForward
        } else if was_last && is_last {
            // NB: a way back leaves something to go forward to.
            Step::Thinned
        } else {
            Step::Unclear
        }
    }

    /// What is known of an entry.
    pub(super) fn entry(&self, index: usize) -> Entry {
        self.entries.get(index).copied().unwrap_or(Entry::UNKNOWN)
    }

    /// Whether an entry may have this URL, but for its fragment.
    pub(super) fn is_at(&self, entry: Entry, url: &Url) -> bool {
        entry.url.is_none_or(|known| known == self.digest(url))
    }

    /// The documents of all entries that have this URL, but for its fragment.
    pub(super) fn documents_at(&self, url: &Url) -> impl Iterator<Item = PipelineId> {
        let digest = Some(self.digest(url));
        self.entries
            .iter()
            .filter(move |entry| entry.url == digest)
            .filter_map(|entry| entry.document)
    }

    /// A document has taken the place of `old`, and inherits its entries. Which URLs it has there is not known, as what `old` did
    /// may be done again to it.
    pub(super) fn inherit(&mut self, document: PipelineId, old: PipelineId) {
        for entry in &mut self.entries {
            if entry.document == Some(document) || entry.document == Some(old) {
                *entry = Entry {
                    document: Some(document),
                    url: None,
                };
            }
        }
    }

    /// Takes over that another of the entries is current, whose document is to be loaded anew.
    pub(super) fn go_to(&mut self, current: usize) {
        self.current = current;
    }

    /// Takes a change over: this document and URL are those of the current entry.
    pub(super) fn take(
        &mut self,
        step: Step,
        (length, current): (usize, usize),
        document: Option<PipelineId>,
        url: &Url,
    ) {
        if matches!(step, Step::Thinned | Step::Unclear) {
            // Which are gone is not told. A page that is there can only have removed frames of its own.
            let until = self.entries.len().min(self.current + 1);
            let before = self.entries.get(..until).unwrap_or_default();
            let own = self.entry(self.current).document;
            let begin = before.iter().rposition(|entry| entry.document != own);
            self.entries.truncate(begin.map_or(0, |begin| begin + 1));
        }
        self.entries
            .resize(length.min(ENTRIES_LIMIT), Entry::UNKNOWN);
        let url = Some(self.digest(url));
        if step == Step::InPlace {
            // What a document did in frames goes along when its URL changes, and what it did by itself does not.
            let old = self.entry(current);
            for entry in &mut self.entries {
                if *entry == old && old.document == document && old.url != url {
                    entry.url = None;
                }
            }
        }
        if let Some(entry) = self.entries.get_mut(current) {
            *entry = Entry { document, url };
        }
        self.length = length;
        self.current = current;
    }

    fn digest(&self, url: &Url) -> u64 {
        self.digests.hash_one(without_fragment(url))
    }
}

/// The URL but for its fragment.
pub(super) fn without_fragment(url: &Url) -> &str {
    &url[..Position::AfterQuery]
}

#[cfg(test)]
mod tests {
    use servo_base::id::{PipelineNamespace, PipelineNamespaceId};

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    /// A history of so many entries, of which this one is current.
    fn history(length: usize, current: usize) -> SessionHistory {
        let mut history = SessionHistory::default();
        history.take(Step::InPlace, (length, current), None, &url("about:blank"));
        history
    }

    #[test]
    fn steps_follow_from_the_numbers() {
        assert_eq!(SessionHistory::default().step(3, 1), Step::InPlace);
        for (before, after, step) in [
            // Both are (length, current).
            ((3, 1), (3, 1), Step::InPlace),
            ((3, 2), (4, 3), Step::Appended),
            ((3, 2), (3, 0), Step::Traversed),
            ((3, 2), (3, 1), Step::Traversed),
            ((3, 0), (3, 1), Step::Traversed),
            ((3, 0), (3, 2), Step::Traversed),
            ((2, 0), (2, 1), Step::OneForward),
            ((4, 0), (2, 1), Step::OneForward),
            ((4, 3), (3, 2), Step::Thinned),
            ((4, 3), (2, 1), Step::Thinned),
            ((4, 3), (3, 1), Step::Unclear),
            ((4, 2), (3, 2), Step::Unclear),
            ((4, 1), (3, 1), Step::Unclear),
            // What cannot be.
            ((3, 1), (4, 2), Step::Unclear),
            ((3, 2), (5, 4), Step::Unclear),
        ] {
            let history = history(before.0, before.1);
            assert_eq!(history.step(after.0, after.1), step, "{before:?} {after:?}");
        }
    }

    #[test]
    fn entries_keep_their_documents() {
        PipelineNamespace::install(PipelineNamespaceId(7131));
        let (one, two) = (PipelineId::new(), PipelineId::new());
        let mut history = SessionHistory::default();
        history.take(Step::InPlace, (1, 0), Some(one), &url("https://a.example/"));
        let second = url("https://a.example/b#c");
        history.take(Step::Appended, (2, 1), Some(two), &second);
        history.take(Step::Appended, (3, 2), Some(two), &second);
        assert_eq!(history.entry(0).document, Some(one));
        assert!(history.is_at(history.entry(2), &url("https://a.example/b#d")));
        assert!(!history.is_at(history.entry(2), &url("https://a.example/b?c")));
        assert!(history.documents_at(&second).eq([two, two]));
        // An entry was a frame's, and is gone: either of the two.
        history.take(Step::Thinned, (2, 1), Some(two), &second);
        assert_eq!(history.entry(0).document, Some(one));
        assert_eq!(history.entry(1).document, Some(two));
        history.take(Step::Unclear, (3, 2), Some(two), &second);
        assert!(history.entry(0).is_known() && !history.entry(1).is_known());
        // Behind what is new there is nothing.
        history.take(Step::Traversed, (3, 0), Some(one), &second);
        history.take(Step::OneForward, (2, 1), Some(one), &second);
        assert!(!history.entry(2).is_known());
    }

    #[test]
    fn a_page_cannot_make_it_grow_without_end() {
        let mut history = history(ENTRIES_LIMIT, 0);
        let step = history.step(usize::MAX, usize::MAX - 1);
        history.take(
            step,
            (usize::MAX, usize::MAX - 1),
            None,
            &url("about:blank"),
        );
        assert!(history.entries.len() <= ENTRIES_LIMIT);
        assert!(!history.entry(usize::MAX - 1).is_known());
        assert_eq!(history.step(usize::MAX, 0), Step::Traversed);
    }
}
