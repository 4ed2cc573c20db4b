//! Which of the tests are run.

use thiserror::Error;

use crate::manifest::{Manifest, TestCase};

/// Kinds of tests that are left out unless they are asked for: what they need is not there yet.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
#[value(rename_all = "lowercase")]
pub enum Extra {
    /// Tests that are run in a service worker.
    ServiceWorker,
    /// Tests that are run in a shared worker.
    SharedWorker,
    /// Tests that are run in a ShadowRealm.
    ShadowRealm,
    /// Tests that are run in an audio worklet.
    AudioWorklet,
    /// Tests that are served by HTTP/2.
    H2,
}

impl Extra {
    const ALL: [Self; 5] = [
        Self::ServiceWorker,
        Self::SharedWorker,
        Self::ShadowRealm,
        Self::AudioWorklet,
        Self::H2,
    ];

    /// The value of `--with` that asks for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::ServiceWorker => "serviceworker",
            Self::SharedWorker => "sharedworker",
            Self::ShadowRealm => "shadowrealm",
            Self::AudioWorklet => "audioworklet",
            Self::H2 => "h2",
        }
    }

    /// The kinds that a test is of.
    pub fn of(test: &TestCase) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|extra| extra.has(&test.flags))
    }

    /// NB: A flag goes on after a dash: `serviceworker-module`, `shadowrealm-in-window`.
    fn has(self, flags: &std::collections::BTreeSet<String>) -> bool {
        flags.iter().any(|flag| {
            flag.strip_prefix(self.name())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    }
}

/// One part of a run that is shared among several machines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Chunk {
    this: usize,
    total: usize,
}

impl Chunk {
    /// Part `this` of `total`, counted from 1.
    ///
    /// # Errors
    ///
    /// If there is no such part.
    pub fn new(this: usize, total: usize) -> Result<Self, SelectionError> {
        if (1..=total).contains(&this) {
            Ok(Self { this, total })
        } else {
            Err(SelectionError::Chunk { this, total })
        }
    }
}

/// A selection that makes no sense.
#[derive(Debug, Error)]
pub enum SelectionError {
    /// What was named is not there.
    #[error(
        "there is no test {0}. Name folders, files, or tests as they are in the results, such as cors/ or /cors/basic.htm"
    )]
    NoSuchTest(String),
    /// A part that is not there.
    #[error("there is no chunk {this} of {total}: chunks are counted from 1")]
    Chunk {
        /// Which one.
        this: usize,
        /// Of how many.
        total: usize,
    },
}

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Folders, files and tests; everything if there is none.
    pub include: Vec<String>,
    /// Folders, files and tests to leave out.
    pub exclude: Vec<String>,
    /// Text that the test's name has to contain; one of them, if there are several.
    pub filters: Vec<String>,
    /// Kinds that are otherwise left out.
    pub extras: Vec<Extra>,
    /// One part of what is selected so far.
    pub chunk: Option<Chunk>,
}

impl Selection {
    /// The tests that are asked for, in the manifest's order.
    ///
    /// # Errors
    ///
    /// If something is asked for by name that is not there.
    pub fn select(&self, manifest: &Manifest) -> Result<Vec<TestCase>, SelectionError> {
        for include in &self.include {
            if !manifest.tests.iter().any(|test| matches(include, test)) {
                return Err(SelectionError::NoSuchTest(include.clone()));
            }
        }
        let mut tests: Vec<TestCase> = manifest
            .tests
            .iter()
            .filter(|test| self.contains(test))
            .cloned()
            .collect();
        if let Some(chunk) = self.chunk {
            // Neighbours take about equally long, so dealing them out makes equal chunks.
            let mut index = 0;
            tests.retain(|_| {
                index += 1;
                (index - 1) % chunk.total == chunk.this - 1
            });
        }
        Ok(tests)
    }

    /// Whether a file of a kind that cannot be run would have been asked for.
    pub fn would_include(&self, source: &str) -> bool {
        self.include.is_empty()
            || self
                .include
                .iter()
                .any(|include| is_within(source, tidy(include)))
    }

    fn contains(&self, test: &TestCase) -> bool {
        (self.include.is_empty() || self.include.iter().any(|include| matches(include, test)))
            && !self.exclude.iter().any(|exclude| matches(exclude, test))
            && (self.filters.is_empty()
                || self
                    .filters
                    .iter()
                    .any(|filter| test.id.contains(filter.as_str())))
            && Extra::of(test).all(|extra| self.extras.contains(&extra))
    }
}

/// Whether a name stands for a test: its own, its file's, or that of a folder it is in.
fn matches(name: &str, test: &TestCase) -> bool {
    let name = tidy(name);
    let id = test.id.trim_start_matches('/');
    is_within(&test.source, name)
        || is_within(id, name)
        // A page without its variants stands for all of them.
        || id.strip_prefix(name).is_some_and(|rest| rest.starts_with('?'))
}

fn is_within(path: &str, name: &str) -> bool {
    path.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || name.is_empty())
}

fn tidy(name: &str) -> &str {
    name.trim_start_matches("./").trim_matches('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::fake;

    fn select(selection: &Selection) -> Vec<String> {
        let tests = selection.select(&fake::manifest()).expect("a selection");
        tests.into_iter().map(|test| test.id).collect()
    }

    fn including(names: &[&str]) -> Selection {
        Selection {
            include: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Selection::default()
        }
    }

    #[test]
    fn names_stand_for_tests_files_and_folders() {
        for (name, expected) in [
            (
                "cors",
                &[
                    "/cors/basic.htm",
                    "/cors/late.htm",
                    "/cors/variants.html?get",
                    "/cors/variants.html?put",
                ][..],
            ),
            ("/cors/basic.htm", &["/cors/basic.htm"]),
            ("./cors-extra/", &["/cors-extra/other.window.html"]),
            (
                "cors-extra/other.window.js",
                &["/cors-extra/other.window.html"],
            ),
            (
                "cors/variants.html",
                &["/cors/variants.html?get", "/cors/variants.html?put"],
            ),
            ("/cors/variants.html?put", &["/cors/variants.html?put"]),
            (
                "fetch/api/any.any.js",
                &["/fetch/api/any.any.html", "/fetch/api/any.any.worker.html"],
            ),
        ] {
            assert_eq!(select(&including(&[name])), expected, "{name}");
        }
    }

    #[test]
    fn what_is_not_there_is_told() {
        for name in ["cor", "cors/basic", "cors/variants.html?p", "nothing/"] {
            let error = including(&["cors/", name])
                .select(&fake::manifest())
                .expect_err("no test");
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn exclusions_and_filters() {
        let selection = Selection {
            exclude: vec!["cors/late.htm".to_owned(), "fetch/".to_owned()],
            ..Selection::default()
        };
        assert_eq!(
            select(&selection),
            [
                "/cors-extra/other.window.html",
                "/cors/basic.htm",
                "/cors/variants.html?get",
                "/cors/variants.html?put"
            ]
        );
        let selection = Selection {
            filters: vec!["?get".to_owned(), "late".to_owned()],
            ..Selection::default()
        };
        assert_eq!(
            select(&selection),
            ["/cors/late.htm", "/cors/variants.html?get"]
        );
    }

    #[test]
    fn some_kinds_have_to_be_asked_for() {
        let all = select(&Selection::default());
        assert!(!all.iter().any(|id| {
            id.contains("serviceworker") || id.contains("sharedworker") || id.contains(".h2.")
        }));
        let selection = Selection {
            extras: vec![Extra::H2, Extra::SharedWorker],
            ..Selection::default()
        };
        let more: Vec<_> = select(&selection)
            .into_iter()
            .filter(|id| !all.contains(id))
            .collect();
        assert_eq!(
            more,
            [
                "/fetch/api/any.any.sharedworker.html",
                "/fetch/api/second.h2.any.html"
            ]
        );
    }

    #[test]
    fn chunks_share_out_everything_once() {
        let all = select(&Selection::default());
        let mut together: Vec<String> = Vec::new();
        for this in 1..=4 {
            let selection = Selection {
                chunk: Some(Chunk::new(this, 4).expect("a chunk")),
                ..Selection::default()
            };
            let chunk = select(&selection);
            assert!(chunk.len().abs_diff(all.len() / 4) <= 1);
            together.extend(chunk);
        }
        together.sort();
        assert_eq!(together, all);
    }

    #[test]
    fn chunks_that_are_not_there() {
        for (this, total) in [(0, 4), (5, 4), (1, 0)] {
            assert!(Chunk::new(this, total).is_err(), "{this} of {total}");
        }
    }

    #[test]
    fn other_kinds_are_counted_by_the_same_names() {
        assert!(including(&["cors/"]).would_include("cors/image.html"));
        assert!(!including(&["fetch/"]).would_include("cors/image.html"));
        assert!(Selection::default().would_include("cors/image.html"));
    }
}
