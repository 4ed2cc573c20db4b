//! Files: tests and their resources, by WPT's conventions for names.
//!
//! <https://web-platform-tests.org/writing-tests/server-features.html>

use std::fs;
use std::path::{Component, Path, PathBuf};

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use crate::byte_range;
use crate::headers_file;
use crate::pipe::{self, Pipe};
use crate::reply::{End, Reply, Response, Step};
use crate::substitution::{Context, Escape, substitute};
use crate::wrapper::Wrapper;

/// The extensions of files whose substitutions are escaped.
const MARKUP: [&str; 6] = ["htm", "html", "svg", "xht", "xhtml", "xml"];

/// Folders, each under a path of its own.
#[derive(Clone, Debug, Default)]
pub struct Roots {
    folders: Vec<(String, PathBuf)>,
}

impl Roots {
    /// Puts a folder under a path that begins and ends with a slash. Later ones go before earlier ones.
    pub fn add(&mut self, path: &str, folder: impl Into<PathBuf>) {
        self.folders.insert(0, (path.to_owned(), folder.into()));
    }

    /// The file of a path, if there is one.
    fn file(&self, path: &str) -> Option<PathBuf> {
        self.folders
            .iter()
            .filter_map(|(prefix, folder)| {
                let relative = Path::new(path.strip_prefix(prefix.as_str())?);
                // A path may not lead out of its folder.
                relative
                    .components()
                    .all(|component| matches!(component, Component::Normal(_)))
                    .then(|| folder.join(relative))
            })
            .find(|file| file.is_file())
    }

    /// Answers with a file, or with what is made around one; with nothing if there is none.
    pub fn serve(&self, context: Context<'_>) -> Option<Reply> {
        let path = context.request.path();
        if let Some(file) = self.file(&path) {
            return Some(serve_file(&file, context));
        }
        let (wrapper, script) = Wrapper::of(&path)?;
        Some(serve_wrapper(wrapper, &self.file(&script)?, context))
    }
}

fn serve_file(file: &Path, context: Context<'_>) -> Reply {
    let body = match fs::read(file) {
        Ok(body) => body,
        Err(error) => return failure(&format!("cannot read the file: {error}")),
    };
    let name = file_name(file);
    if name.ends_with(".asis") {
        return Reply::Raw {
            steps: vec![Step::Send(body.into())],
            end: End::Close,
        };
    }
    let substitution = name.contains(".sub.").then(|| Pipe::Sub(escape_for(file)));
    let mut response = match substitution {
        // A part of a template is none.
        Some(_) => Response::new(StatusCode::OK, body),
        None => byte_range::answer(context.request, body),
    };
    if let Some(content_type) = content_type(file) {
        response
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    finish(response, file, substitution, context)
}

fn serve_wrapper(wrapper: Wrapper, script: &Path, context: Context<'_>) -> Reply {
    let text = match fs::read(script) {
        Ok(text) => text,
        Err(error) => return failure(&format!("cannot read the script: {error}")),
    };
    let query = context
        .request
        .url
        .query()
        .map_or_else(String::new, |query| format!("?{query}"));
    let page = wrapper.make(&file_name(script), &String::from_utf8_lossy(&text), &query);
    let response = Response::typed(wrapper.content_type(), page);
    finish(response, script, None, context)
}

/// Applies `.headers` files and pipes.
fn finish(
    mut response: Response,
    file: &Path,
    substitution: Option<Pipe>,
    context: Context<'_>,
) -> Reply {
    if let Err(problem) = add_headers(&mut response, file, context) {
        return failure(&problem);
    }
    let pipes = match context
        .request
        .parameters("pipe")
        .last()
        .as_deref()
        .map(pipe::parse)
    {
        Some(Ok(pipes)) => pipes,
        Some(Err(error)) => return failure(&error.to_string()),
        None => Vec::new(),
    };
    let pipes: Vec<Pipe> = substitution.into_iter().chain(pipes).collect();
    match pipe::apply(&pipes, &mut response, context) {
        Ok(()) => response.into(),
        Err(error) => failure(&error.to_string()),
    }
}

/// Sets the header fields that stand beside a file: for its folder, then for itself.
fn add_headers(response: &mut Response, file: &Path, context: Context<'_>) -> Result<(), String> {
    let own = file_name(file);
    for stem in ["__dir__", own.as_str()] {
        for (end, is_template) in [(".headers", false), (".sub.headers", true)] {
            let name = format!("{stem}{end}");
            let Ok(text) = fs::read(file.with_file_name(&name)) else {
                continue;
            };
            let text = if is_template {
                substitute(&text, context, Escape::None)
                    .map_err(|error| format!("{name}: {error}"))?
            } else {
                text
            };
            let fields = headers_file::parse(&String::from_utf8_lossy(&text))
                .map_err(|error| format!("{name}: {error}"))?;
            headers_file::replace(&mut response.headers, fields);
        }
    }
    Ok(())
}

/// A test that gets this has a slip; the text says which.
fn failure(problem: &str) -> Reply {
    Response::text(StatusCode::INTERNAL_SERVER_ERROR, problem.to_owned()).into()
}

fn file_name(file: &Path) -> String {
    file.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

fn extension(file: &Path) -> String {
    file.extension().map_or_else(String::new, |extension| {
        extension.to_string_lossy().to_ascii_lowercase()
    })
}

fn escape_for(file: &Path) -> Escape {
    if MARKUP.contains(&extension(file).as_str()) {
        Escape::Html
    } else {
        Escape::None
    }
}

/// The type of a file by its extension; the registries differ on some that tests rely on.
fn content_type(file: &Path) -> Option<&'static str> {
    Some(match extension(file).as_str() {
        "htm" | "html" => "text/html",
        "js" | "mjs" => "text/javascript",
        "xht" | "xhtml" => "application/xhtml+xml",
        "vtt" => "text/vtt",
        _ => mime_guess::from_path(file).first_raw()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Ports;
    use crate::request::fake;
    use tempfile::TempDir;

    fn tests_folder() -> (TempDir, Roots) {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("tests");
        fs::create_dir_all(root.join("a")).expect("a folder");
        fs::create_dir_all(folder.path().join("harness")).expect("a folder");
        for (name, text) in [
            ("tests/a/plain.html", "<p>{{host}}"),
            ("tests/a/page.sub.html", "{{GET[x]}} {{host}}"),
            ("tests/a/data.sub.json", "{{GET[x]}}"),
            ("tests/a/bad.sub.js", "{{nothing}}"),
            ("tests/a/__dir__.headers", "X-Folder: 1\nX-Both: folder"),
            (
                "tests/a/plain.html.headers",
                "X-Both: file\nX-Twice: 1\nX-Twice: 2",
            ),
            ("tests/a/plain.html.sub.headers", "X-Host: {{host}}"),
            ("tests/a/raw.asis", "HTTP/1.1 299 Odd\r\n\r\n"),
            ("tests/a/wrong.txt", "x"),
            ("tests/a/wrong.txt.headers", "no field"),
            ("tests/a/t.any.js", "// META: title=T\n"),
            ("harness/testharness.js", "harness"),
            ("secret.txt", "secret"),
        ] {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        let mut roots = Roots::default();
        roots.add("/", root);
        roots.add("/resources/", folder.path().join("harness"));
        (folder, roots)
    }

    fn serve(roots: &Roots, path: &str) -> Option<Reply> {
        let request = fake::get(&format!("http://web-platform.test:8000{path}"));
        roots.serve(Context {
            request: &request,
            ports: &Ports::default(),
        })
    }

    fn response(roots: &Roots, path: &str) -> Response {
        match serve(roots, path) {
            Some(Reply::Http(response)) => response,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn files_have_their_types_and_headers() {
        let (_folder, roots) = tests_folder();
        let response = response(&roots, "/a/plain.html");
        assert_eq!(response.bytes(), b"<p>{{host}}");
        assert_eq!(response.headers["content-type"], "text/html");
        assert_eq!(response.headers["x-folder"], "1");
        assert_eq!(response.headers["x-both"], "file");
        assert_eq!(response.headers["x-host"], "web-platform.test");
        assert_eq!(response.headers.get_all("x-twice").iter().count(), 2);
    }

    #[test]
    fn substitutions_are_made_where_the_name_says_so() {
        let (_folder, roots) = tests_folder();
        let page = response(&roots, "/a/page.sub.html?x=%3C");
        assert_eq!(page.bytes(), b"&lt; web-platform.test");
        assert_eq!(response(&roots, "/a/data.sub.json?x=%3C").bytes(), b"<");
        assert_eq!(
            response(&roots, "/a/plain.html?pipe=sub").bytes(),
            b"<p>web-platform.test"
        );
    }

    #[test]
    fn pipes_come_after_headers() {
        let (_folder, roots) = tests_folder();
        let response = response(&roots, "/a/plain.html?pipe=status(404)|header(X-Both,pipe)");
        assert_eq!(response.status, StatusCode::NOT_FOUND);
        assert_eq!(response.headers["x-both"], "pipe");
    }

    #[test]
    fn slips_are_told() {
        let (_folder, roots) = tests_folder();
        for (path, expected) in [
            ("/a/bad.sub.js", "{{nothing}}"),
            ("/a/wrong.txt", "wrong.txt.headers: line 1"),
            ("/a/plain.html?pipe=gzip", "gzip"),
        ] {
            let response = response(&roots, path);
            assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            let text = String::from_utf8(response.bytes()).expect("UTF-8");
            assert!(text.contains(expected), "{path}: {text}");
        }
    }

    #[test]
    fn raw_files_and_wrappers() {
        let (_folder, roots) = tests_folder();
        assert!(matches!(
            serve(&roots, "/a/raw.asis"),
            Some(Reply::Raw {
                end: End::Close,
                ..
            })
        ));
        let page = response(&roots, "/a/t.any.html?q");
        assert_eq!(page.headers["content-type"], "text/html;charset=utf-8");
        assert_eq!(page.headers["x-folder"], "1");
        let text = String::from_utf8(page.bytes()).expect("UTF-8");
        assert!(
            text.contains("<title>T</title>") && text.contains("t.any.js?q"),
            "{text}"
        );
        assert!(serve(&roots, "/a/u.any.html").is_none());
    }

    #[test]
    fn later_folders_go_first_and_nothing_leads_out() {
        let (_folder, roots) = tests_folder();
        assert_eq!(
            response(&roots, "/resources/testharness.js").bytes(),
            b"harness"
        );
        for path in [
            "/missing.html",
            "/a",
            "/a/",
            "/%2e%2e/secret.txt",
            "/a/..%2f..%2fsecret.txt",
            "/resources/..%2fsecret.txt",
            "//etc/passwd",
        ] {
            assert!(serve(&roots, path).is_none(), "{path}");
        }
    }
}
