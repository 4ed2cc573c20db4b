//! The pages that are made around scripts: `a.any.html` and `a.any.worker.html` for `a.any.js`, `b.window.html` for
//! `b.window.js`, `c.worker.html` for `c.worker.js`.
//!
//! <https://web-platform-tests.org/writing-tests/testharness.html#auto-generated-test-boilerplate>

use crate::substitution::escape_html;

/// What is made around a script.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wrapper {
    /// A document that runs it.
    Window,
    /// A document that runs it in a dedicated worker and takes that one's results.
    WorkerPage,
    /// The script of such a worker.
    WorkerScript,
}

impl Wrapper {
    /// What a path asks for that is no file, and the path of the script around which it is made.
    pub fn of(path: &str) -> Option<(Self, String)> {
        // NB: The longer ends first: `.any.worker.html` ends in `.worker.html` too.
        [
            (".any.worker.html", ".any.js", Self::WorkerPage),
            (".any.worker.js", ".any.js", Self::WorkerScript),
            (".any.html", ".any.js", Self::Window),
            (".window.html", ".window.js", Self::Window),
            (".worker.html", ".worker.js", Self::WorkerPage),
        ]
        .into_iter()
        .find_map(|(end, script_end, wrapper)| {
            Some((wrapper, format!("{}{script_end}", path.strip_suffix(end)?)))
        })
    }

    /// The type of what is made.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Window | Self::WorkerPage => "text/html;charset=utf-8",
            Self::WorkerScript => "text/javascript;charset=utf-8",
        }
    }

    /// Makes it for a script of this name, with what stands in its `META` lines. The query, with its `?`, is passed on.
    pub fn make(self, name: &str, script: &str, query: &str) -> String {
        let metadata = Metadata::parse(script);
        match self {
            Self::Window => window(name, &metadata, query),
            Self::WorkerPage => {
                let worker = name
                    .strip_suffix(".any.js")
                    .map_or_else(|| name.to_owned(), |stem| format!("{stem}.any.worker.js"));
                worker_page(&worker, &metadata, query)
            },
            Self::WorkerScript => worker_script(name, &metadata, query),
        }
    }
}

/// What the first lines of a script say: `// META: key=value`.
#[derive(Debug, Default, Eq, PartialEq)]
struct Metadata {
    title: Option<String>,
    is_long: bool,
    scripts: Vec<String>,
}

impl Metadata {
    fn parse(script: &str) -> Self {
        let mut metadata = Self::default();
        let lines = script.lines().map_while(|line| {
            let (key, value) = line
                .strip_prefix("//")?
                .trim_start()
                .strip_prefix("META:")?
                .split_once('=')?;
            Some((key.trim(), value.trim()))
        });
        for (key, value) in lines {
            match key {
                "title" => metadata.title = Some(value.to_owned()),
                "timeout" => metadata.is_long = value == "long",
                "script" => metadata.scripts.push(value.to_owned()),
                // `global`, `variant` and `quic` concern those who make the list of tests.
                _ => {},
            }
        }
        metadata
    }

    fn head(&self) -> String {
        let mut head = String::from("<!DOCTYPE html>\n<meta charset=utf-8>\n");
        if self.is_long {
            head.push_str("<meta name=\"timeout\" content=\"long\">\n");
        }
        if let Some(title) = &self.title {
            head.push_str(&format!("<title>{}</title>\n", escape_html(title)));
        }
        head
    }
}

const HARNESS: &str = "<script src=\"/resources/testharness.js\"></script>\n\
                       <script src=\"/resources/testharnessreport.js\"></script>\n";

fn window(name: &str, metadata: &Metadata, query: &str) -> String {
    let mut page = metadata.head();
    page.push_str(&format!("<script>{}</script>\n", global(true)));
    page.push_str(HARNESS);
    for script in &metadata.scripts {
        page.push_str(&format!(
            "<script src=\"{}\"></script>\n",
            escape_html(script)
        ));
    }
    page.push_str(&format!(
        "<div id=log></div>\n<script src=\"{}\"></script>\n",
        escape_html(&format!("{name}{query}"))
    ));
    page
}

fn worker_page(worker: &str, metadata: &Metadata, query: &str) -> String {
    format!(
        "{}{HARNESS}<div id=log></div>\n<script>fetch_tests_from_worker(new Worker({}));</script>\n",
        metadata.head(),
        script_string(&format!("{worker}{query}"))
    )
}

fn worker_script(name: &str, metadata: &Metadata, query: &str) -> String {
    let title = metadata.title.as_deref().map_or_else(String::new, |title| {
        format!("self.META_TITLE = {};\n", script_string(title))
    });
    let mut script = format!(
        "{}\n{title}importScripts(\"/resources/testharness.js\");\n",
        global(false)
    );
    let test = format!("{name}{query}");
    for import in metadata.scripts.iter().chain([&test]) {
        script.push_str(&format!("importScripts({});\n", script_string(import)));
    }
    script.push_str("done();\n");
    script
}

/// What tells a script where it runs.
fn global(is_window: bool) -> String {
    format!(
        "self.GLOBAL = {{ isWindow: () => {is_window}, isWorker: () => {}, isShadowRealm: () => false }};",
        !is_window
    )
}

/// A string literal of JavaScript that may stand in a `<script>` element.
fn script_string(text: &str) -> String {
    // JSON is JavaScript, and `<` would be all that ends the element.
    serde_json::Value::from(text)
        .to_string()
        .replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "// META: title=A < B\n//META: timeout=long\n// META: global=window,worker\n\
                          // META: script=/common/a.js?x&y\n\n// META: script=not-this.js\ntest();\n";

    #[test]
    fn paths_tell_what_is_made() {
        for (path, expected) in [
            ("/a/b.any.html", Some((Wrapper::Window, "/a/b.any.js"))),
            (
                "/a/b.https.any.worker.html",
                Some((Wrapper::WorkerPage, "/a/b.https.any.js")),
            ),
            (
                "/a/b.any.worker.js",
                Some((Wrapper::WorkerScript, "/a/b.any.js")),
            ),
            ("/b.window.html", Some((Wrapper::Window, "/b.window.js"))),
            (
                "/b.worker.html",
                Some((Wrapper::WorkerPage, "/b.worker.js")),
            ),
            ("/b.worker.js", None),
            ("/b.html", None),
            ("/any.html", None),
        ] {
            let expected = expected.map(|(wrapper, script)| (wrapper, script.to_owned()));
            assert_eq!(Wrapper::of(path), expected, "{path}");
        }
    }

    #[test]
    fn documents_have_what_the_metadata_say() {
        let page = Wrapper::Window.make("b.any.js", SCRIPT, "?q&r");
        for part in [
            "<meta name=\"timeout\" content=\"long\">",
            "<title>A &lt; B</title>",
            "isWindow: () => true, isWorker: () => false",
            "<script src=\"/common/a.js?x&amp;y\">",
            "<script src=\"b.any.js?q&amp;r\">",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
        assert!(!page.contains("not-this"));
        let place = |part: &str| page.find(part).expect(part);
        assert!(place("testharness.js") < place("/common/a.js"));
        assert!(place("/common/a.js") < place("b.any.js"));
    }

    #[test]
    fn workers_import_what_documents_load() {
        let page = Wrapper::WorkerPage.make("b.any.js", SCRIPT, "?</script>");
        assert!(
            page.contains(r#"new Worker("b.any.worker.js?\u003c/script>")"#),
            "{page}"
        );
        let page = Wrapper::WorkerPage.make("c.worker.js", "", "");
        assert!(page.contains(r#"new Worker("c.worker.js")"#), "{page}");
        let script = Wrapper::WorkerScript.make("b.any.js", SCRIPT, "");
        assert!(
            script.contains(r#"self.META_TITLE = "A \u003c B";"#),
            "{script}"
        );
        let place = |part: &str| script.find(part).expect(part);
        assert!(place("testharness.js") < place("/common/a.js?x&y"));
        assert!(place("/common/a.js?x&y") < place("\"b.any.js\""));
        assert!(script.ends_with("done();\n"));
    }
}
