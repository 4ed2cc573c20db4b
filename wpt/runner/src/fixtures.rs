//! Which tests there are in a folder of our own fixtures, by their names and what they say of themselves.
//!
//! <https://web-platform-tests.org/writing-tests/testharness.html>,
//! <https://web-platform-tests.org/writing-tests/file-names.html>

use std::cell::RefCell;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer,
};

use crate::manifest::{Manifest, TestCase, Timeout, flags};

/// Folders whose files belong to tests, and are none.
const NOT_TESTS: [&str; 2] = ["resources", "support"];

/// The tests of a folder.
///
/// # Errors
///
/// If a file cannot be read.
pub fn manifest(root: &Path) -> Result<Manifest> {
    let mut manifest = Manifest::default();
    walk(root, "", &mut manifest)?;
    manifest.tests.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(manifest)
}

fn walk(folder: &Path, path: &str, manifest: &mut Manifest) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        // A name that is no UTF-8 is no test's.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let source = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}/{name}")
        };
        if entry.file_type()?.is_dir() {
            if !NOT_TESTS.contains(&name.as_str()) {
                walk(&entry.path(), &source, manifest)?;
            }
            continue;
        }
        let Some(read) = reader(&name) else {
            continue;
        };
        let text = fs::read_to_string(entry.path())
            .with_context(|| format!("cannot read {}", entry.path().display()))?;
        manifest.tests.extend(read(&source, &text).tests(&source));
    }
    Ok(())
}

type Reader = fn(&str, &str) -> Fixture;

/// How a file of this name is read, if it may be a test.
fn reader(name: &str) -> Option<Reader> {
    if [".any.js", ".window.js", ".worker.js"]
        .iter()
        .any(|end| name.ends_with(end))
    {
        Some(script)
    } else if [".html", ".htm", ".xhtml", ".svg"]
        .iter()
        .any(|end| name.ends_with(end))
    {
        Some(document)
    } else {
        None
    }
}

/// What a file says of itself.
#[derive(Debug, Default, Eq, PartialEq)]
struct Fixture {
    /// The paths that are opened for it, without variants.
    paths: Vec<String>,
    variants: Vec<String>,
    is_long: bool,
}

impl Fixture {
    fn tests(self, source: &str) -> Vec<TestCase> {
        let variants = if self.variants.is_empty() {
            vec![String::new()]
        } else {
            self.variants
        };
        let timeout = if self.is_long {
            Timeout::Long
        } else {
            Timeout::Normal
        };
        let ids = self.paths.iter().flat_map(|path| {
            variants
                .iter()
                .map(move |variant| format!("/{path}{variant}"))
        });
        ids.filter_map(|id| {
            Some(TestCase {
                flags: flags(&id)?,
                source: source.to_owned(),
                timeout,
                id,
            })
        })
        .collect()
    }
}

/// What the first lines of a script say: `// META: key=value`.
fn script(source: &str, text: &str) -> Fixture {
    let mut fixture = Fixture::default();
    // <https://web-platform-tests.org/writing-tests/testharness.html#multi-global-tests>
    let mut globals = String::from("window,dedicatedworker");
    let lines = text.lines().map_while(|line| {
        let (key, value) = line
            .strip_prefix("//")?
            .trim_start()
            .strip_prefix("META:")?
            .split_once('=')?;
        Some((key.trim(), value.trim()))
    });
    for (key, value) in lines {
        match key {
            "timeout" => fixture.is_long = value == "long",
            "variant" => fixture.variants.push(value.to_owned()),
            "global" => globals = value.to_owned(),
            _ => {},
        }
    }
    let globals: Vec<&str> = globals.split(',').map(str::trim).collect();
    if let Some(stem) = source.strip_suffix(".any.js") {
        if globals.contains(&"window") {
            fixture.paths.push(format!("{stem}.any.html"));
        }
        if globals.contains(&"dedicatedworker") || globals.contains(&"worker") {
            fixture.paths.push(format!("{stem}.any.worker.html"));
        }
    } else if let Some(stem) = source.strip_suffix(".js") {
        fixture.paths.push(format!("{stem}.html"));
    }
    fixture
}

/// What a document says in its elements. One without the harness is no test.
fn document(source: &str, text: &str) -> Fixture {
    let sink = Sink::default();
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    let tokenizer = Tokenizer::new(sink, Default::default());
    // The sink asks for nothing in between, so all of the input is read at once.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    let mut found = tokenizer.sink.found.into_inner();
    if found.has_harness {
        found.fixture.paths.push(source.to_owned());
    }
    found.fixture
}

#[derive(Default)]
struct Sink {
    found: RefCell<Found>,
}

#[derive(Default)]
struct Found {
    has_harness: bool,
    fixture: Fixture,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        if let TagToken(tag) = token
            && tag.kind == StartTag
        {
            self.found.borrow_mut().see(&tag);
        }
        TokenSinkResult::Continue
    }
}

impl Found {
    fn see(&mut self, tag: &Tag) {
        let attribute = |name: &str| {
            tag.attrs
                .iter()
                .find(|attribute| &*attribute.name.local == name)
                .map(|attribute| &*attribute.value)
        };
        match &*tag.name {
            "script" => self.has_harness |= attribute("src") == Some("/resources/testharness.js"),
            "meta" => match (attribute("name"), attribute("content")) {
                (Some("timeout"), Some("long")) => self.fixture.is_long = true,
                (Some("variant"), Some(variant)) => {
                    self.fixture.variants.push(variant.to_owned());
                },
                _ => {},
            },
            _ => {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests(files: &[(&str, &str)]) -> Vec<(String, Timeout)> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let manifest = manifest(folder.path()).expect("a manifest");
        manifest
            .tests
            .into_iter()
            .map(|test| (test.id, test.timeout))
            .collect()
    }

    #[test]
    fn scripts_are_tests_in_their_globals_and_variants() {
        assert_eq!(
            tests(&[
                ("a/plain.any.js", "test();"),
                (
                    "a/one.any.js",
                    "// META: global=window\n// META: timeout=long\n"
                ),
                (
                    "a/two.https.any.js",
                    "// META: variant=?1\n// META: variant=?2\n// META: global=worker\n"
                ),
                ("b.window.js", "\n// META: timeout=long"),
                ("a/c.worker.js", ""),
                ("a/helper.js", "// META: global=window"),
            ]),
            [
                ("/a/c.worker.html".to_owned(), Timeout::Normal),
                ("/a/one.any.html".to_owned(), Timeout::Long),
                ("/a/plain.any.html".to_owned(), Timeout::Normal),
                ("/a/plain.any.worker.html".to_owned(), Timeout::Normal),
                ("/a/two.https.any.worker.html?1".to_owned(), Timeout::Normal),
                ("/a/two.https.any.worker.html?2".to_owned(), Timeout::Normal),
                ("/b.window.html".to_owned(), Timeout::Normal),
            ]
        );
    }

    #[test]
    fn documents_are_tests_if_they_have_the_harness() {
        let harness = "<!doctype html><script src=/resources/testharness.js></script>";
        let long = format!(
            "{harness}<meta name=timeout content=long><meta name='variant' content='?x&amp;y'>"
        );
        assert_eq!(
            tests(&[
                ("a.html", harness),
                ("b.sub.https.html", &long),
                ("c.html", "<script src=other.js></script>"),
                (
                    "d.html",
                    "<!-- <script src=/resources/testharness.js></script> -->"
                ),
                ("resources/e.html", harness),
                ("x/support/f.html", harness),
                ("g.txt", harness),
            ]),
            [
                ("/a.html".to_owned(), Timeout::Normal),
                ("/b.sub.https.html?x&y".to_owned(), Timeout::Long),
            ]
        );
    }
}
