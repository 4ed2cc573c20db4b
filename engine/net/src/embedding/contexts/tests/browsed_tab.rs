//! A tab that is browsed as in Servo, which tells of its session history what Servo tells.

use super::*;

/// What lies between two entries.
#[derive(Clone)]
enum Difference {
    /// The tab went from one document to another.
    Document { from: PipelineId, to: PipelineId },
    /// A document has another URL: by `history.pushState()` or a fragment.
    Url {
        document: PipelineId,
        from: ServoUrl,
        to: ServoUrl,
        is_fragment: bool,
    },
    /// A frame went somewhere.
    Frame,
}

/// How a navigation changes the session history.
#[derive(Clone, Copy)]
pub(super) enum Handling {
    Push,
    Replace,
}

pub(super) struct BrowsedTab<'a> {
    scene: &'a Scene,
    webview: WebViewId,
    past: Vec<Difference>,
    /// The nearest one last.
    future: Vec<Difference>,
    urls: FxHashMap<PipelineId, ServoUrl>,
    current: Option<PipelineId>,
}

impl<'a> BrowsedTab<'a> {
    pub fn new(scene: &'a Scene, webview: WebViewId) -> Self {
        Self {
            scene,
            webview,
            past: Vec::new(),
            future: Vec::new(),
            urls: FxHashMap::default(),
            current: None,
        }
    }

    /// The document that is shown in truth.
    pub fn current(&self) -> PipelineId {
        self.current.expect("a document")
    }

    pub fn url(&self) -> ServoUrl {
        self.urls[&self.current()].clone()
    }

    /// How many entries there are behind and before the current one.
    pub fn reach(&self) -> (usize, usize) {
        (self.past.len(), self.future.len())
    }

    /// Whether the document that is shown has had another URL. One that takes its place may get its URLs, too.
    pub fn has_changed_its_url(&self) -> bool {
        let mut differences = self.past.iter().chain(&self.future);
        differences.any(|difference| {
            matches!(difference, Difference::Url { document, .. } if *document == self.current())
        })
    }

    /// A document comes and is shown.
    pub fn open(&mut self, text: &str) -> PipelineId {
        let pipeline = self.scene.document(self.webview, text, false);
        self.commit(pipeline, text, Handling::Push);
        pipeline
    }

    /// A frame's document comes.
    pub fn frame(&self, text: &str) -> PipelineId {
        self.scene.document(self.webview, text, true)
    }

    /// A document is shown, whether its response was noted or not.
    pub fn commit(&mut self, pipeline: PipelineId, text: &str, handling: Handling) -> Shown {
        self.urls.insert(pipeline, url(text));
        match (self.current.replace(pipeline), handling) {
            (Some(from), Handling::Push) => {
                self.add(Difference::Document { from, to: pipeline });
            },
            (Some(old), Handling::Replace) => {
                for difference in self.past.iter_mut().chain(&mut self.future) {
                    difference.replace(old, pipeline);
                }
            },
            (None, _) => {},
        }
        self.tell()
    }

    pub fn push_state(&mut self, text: &str) -> Shown {
        self.give_url(text, false)
    }

    pub fn fragment(&mut self, text: &str) -> Shown {
        let mut target = self.url();
        target.as_mut_url().set_fragment(Some(text));
        self.give_url(target.as_str(), true)
    }

    /// By `location.replace()`, of which nothing is told.
    pub fn replace_fragment(&mut self, text: &str) {
        let current = self.current();
        let target = self.urls.get_mut(&current).expect("a URL");
        target.as_mut_url().set_fragment(Some(text));
    }

    pub fn replace_state(&mut self, text: &str) -> Shown {
        let current = self.current();
        self.urls.insert(current, url(text));
        // NB: of several differences of one document, it is these that Servo changes.
        let of_document = |difference: &&mut Difference| matches!(difference, Difference::Url { document, is_fragment: false, .. } if *document == current);
        if let Some(Difference::Url { to, .. }) = self.past.iter_mut().find(of_document) {
            *to = url(text);
        }
        if let Some(Difference::Url { from, .. }) = self.future.iter_mut().find(of_document) {
            *from = url(text);
        }
        self.tell()
    }

    pub fn frame_goes_on(&mut self) -> Shown {
        self.add(Difference::Frame);
        self.tell()
    }

    /// Frames are removed, of which nothing is told.
    pub fn remove_frames(&mut self) {
        let is_other = |difference: &Difference| !matches!(difference, Difference::Frame);
        self.past.retain(is_other);
        self.future.retain(is_other);
    }

    /// `history.go()`. `None` if there are not so many entries.
    pub fn go(&mut self, by: isize) -> Option<Shown> {
        let (source, target) = if by < 0 {
            (&mut self.past, &mut self.future)
        } else {
            (&mut self.future, &mut self.past)
        };
        let remaining = source.len().checked_sub(by.unsigned_abs())?;
        for difference in source.drain(remaining..).rev() {
            match &difference {
                Difference::Document { from, to } => {
                    self.current = Some(if by < 0 { *from } else { *to });
                },
                Difference::Url {
                    document, from, to, ..
                } => {
                    let url = if by < 0 { from } else { to };
                    self.urls.insert(*document, url.clone());
                },
                Difference::Frame => {},
            }
            target.push(difference);
        }
        Some(self.tell())
    }

    fn give_url(&mut self, text: &str, is_fragment: bool) -> Shown {
        let document = self.current();
        let to = url(text);
        let from = self.urls.insert(document, to.clone()).expect("a URL");
        self.add(Difference::Url {
            document,
            from,
            to,
            is_fragment,
        });
        self.tell()
    }

    fn add(&mut self, difference: Difference) {
        self.past.push(difference);
        self.future.clear();
    }

    /// Tells the URLs of all entries, of which only documents and fragments are told apart, and where the tab is.
    fn tell(&self) -> Shown {
        let of_document = |pipeline: &PipelineId| self.urls[pipeline].clone();
        let mut entries = vec![self.url()];
        let mut last = self.url();
        for difference in self.past.iter().rev() {
            match difference {
                Difference::Document { from, .. } => last = of_document(from),
                Difference::Url {
                    from,
                    is_fragment: true,
                    ..
                } => last = from.clone(),
                Difference::Url { .. } | Difference::Frame => {},
            }
            entries.insert(0, last.clone());
        }
        let mut last = self.url();
        for difference in self.future.iter().rev() {
            match difference {
                Difference::Document { to, .. } => last = of_document(to),
                Difference::Url {
                    to,
                    is_fragment: true,
                    ..
                } => last = to.clone(),
                Difference::Url { .. } | Difference::Frame => {},
            }
            entries.push(last.clone());
        }
        let entries: Vec<_> = entries.into_iter().map(ServoUrl::into_url).collect();
        let changed = &self.scene.contexts;
        let mut shown = changed
            .session_history_changed(self.webview, &entries, self.past.len())
            .expect("it is within");
        shown.left.sort();
        shown
    }
}

impl Difference {
    fn replace(&mut self, old: PipelineId, new: PipelineId) {
        let replace = |pipeline: &mut PipelineId| {
            if *pipeline == old {
                *pipeline = new;
            }
        };
        match self {
            Self::Document { from, to } => {
                replace(from);
                replace(to);
            },
            Self::Url { document, .. } => replace(document),
            Self::Frame => {},
        }
    }
}
