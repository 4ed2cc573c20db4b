//! Which tests there are, by the manifest that upstream's tools make of their tree (`MANIFEST.json`).

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;
use url::Url;

/// The version of the manifest's format that is understood here.
const VERSION: u32 = 9;

/// A manifest that cannot be used.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("cannot read the manifest {}", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not JSON, or not that of a manifest.
    #[error("the manifest is not one")]
    Malformed(#[from] serde_json::Error),
    /// It is of a format that is not understood.
    #[error("the manifest is of version {0}; only version {VERSION} is understood")]
    Version(u32),
    /// An entry is not what the format says.
    #[error("the manifest's entry for {0} is not understood")]
    Entry(String),
}

/// How long a test may take, as it says itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Timeout {
    /// Ten seconds.
    Normal,
    /// A minute.
    Long,
}

/// Which of the servers a test comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// HTTP without TLS.
    Http,
    /// HTTPS, by HTTP/1.1.
    Https,
    /// HTTPS, by HTTP/2.
    H2,
}

/// One test: a URL that is opened. A file with variants, or for several globals, is several tests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TestCase {
    /// The path and query of its URL.
    pub id: String,
    /// The file that it is made from, relative to the tree.
    pub source: String,
    /// How long it may take.
    pub timeout: Timeout,
    /// The flags in its name: `any`, `worker`, `https`, `sub`, …
    pub flags: BTreeSet<String>,
}

impl TestCase {
    /// Which server it has to come from.
    pub fn protocol(&self) -> Protocol {
        if self.flags.contains("h2") {
            Protocol::H2
        } else if ["https", "serviceworker", "serviceworker-module"]
            .iter()
            .any(|flag| self.flags.contains(*flag))
        {
            Protocol::Https
        } else {
            Protocol::Http
        }
    }

    /// Whether it has to come from the subdomain `www`.
    pub fn is_on_subdomain(&self) -> bool {
        self.flags.contains("www")
    }

    /// The folder that it is in, without slashes at the ends.
    pub fn folder(&self) -> &str {
        folder_of(&self.id)
    }
}

/// The folder of a test, by the path and query of its URL; without slashes at the ends.
pub fn folder_of(id: &str) -> &str {
    let path = id.split(['?', '#']).next().unwrap_or(id);
    path.rsplit_once('/')
        .map_or("", |(folder, _)| folder)
        .trim_start_matches('/')
}

/// The tests of a manifest.
#[derive(Clone, Debug, Default)]
pub struct Manifest {
    /// Those made with testharness.js, sorted.
    pub tests: Vec<TestCase>,
    /// The files of tests of other kinds, such as reference tests, which are not run.
    pub others: Vec<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is not understood.
    pub fn load(path: &Path) -> Result<Self, ManifestError> {
        let text = fs::read(path).map_err(|source| ManifestError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads a manifest's text.
    ///
    /// # Errors
    ///
    /// If it is not understood.
    pub fn parse(text: &[u8]) -> Result<Self, ManifestError> {
        let Version { version } = serde_json::from_slice(text)?;
        if version != VERSION {
            return Err(ManifestError::Version(version));
        }
        let file: ManifestFile = serde_json::from_slice(text)?;
        let mut manifest = Self::default();
        walk(&file.items.testharness, "", &mut |source, entries| {
            for entry in entries {
                manifest
                    .tests
                    .push(test_case(&file.url_base, source, entry)?);
            }
            Ok(())
        })?;
        for kind in [
            &file.items.reftest,
            &file.items.print_reftest,
            &file.items.crashtest,
            &file.items.wdspec,
            &file.items.manual,
            &file.items.visual,
        ] {
            walk(kind, "", &mut |source, _| {
                manifest.others.push(source.to_owned());
                Ok(())
            })?;
        }
        manifest.tests.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(manifest)
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
struct ManifestFile {
    url_base: String,
    items: Items,
}

/// The kinds of tests. Each is a tree of folders, whose leaves are arrays: a hash of the file, then its tests.
#[derive(Deserialize)]
#[serde(default, rename_all = "kebab-case")]
#[derive(Default)]
struct Items {
    testharness: Map<String, Value>,
    reftest: Map<String, Value>,
    print_reftest: Map<String, Value>,
    crashtest: Map<String, Value>,
    wdspec: Map<String, Value>,
    manual: Map<String, Value>,
    visual: Map<String, Value>,
}

/// Calls `visit` with each file of a tree and its tests.
fn walk(
    folder: &Map<String, Value>,
    path: &str,
    visit: &mut impl FnMut(&str, &[Value]) -> Result<(), ManifestError>,
) -> Result<(), ManifestError> {
    for (name, node) in folder {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}/{name}")
        };
        match node {
            Value::Object(folder) => walk(folder, &path, visit)?,
            Value::Array(file) => match file.split_first() {
                Some((_hash, entries)) => visit(&path, entries)?,
                None => return Err(ManifestError::Entry(path)),
            },
            _ => return Err(ManifestError::Entry(path)),
        }
    }
    Ok(())
}

/// A test from its entry: a URL relative to the tree, or null if that is the file itself, and an object of extras.
fn test_case(url_base: &str, source: &str, entry: &Value) -> Result<TestCase, ManifestError> {
    let wrong = || ManifestError::Entry(source.to_owned());
    let [url, extras, ..] = entry.as_array().map(Vec::as_slice).ok_or_else(wrong)? else {
        return Err(wrong());
    };
    let relative = match url {
        Value::Null => source,
        Value::String(url) => url,
        _ => return Err(wrong()),
    };
    let timeout = match extras.get("timeout").map(Value::as_str) {
        None => Timeout::Normal,
        Some(Some("long")) => Timeout::Long,
        Some(_) => return Err(wrong()),
    };
    let id = format!("{}/{relative}", url_base.trim_end_matches('/'));
    let flags = flags(&id).ok_or_else(wrong)?;
    Ok(TestCase {
        id,
        source: source.to_owned(),
        timeout,
        flags,
    })
}

/// The flags of a test: what stands between dots in its name, and the values of the parameter `wpt_flags`.
///
/// <https://web-platform-tests.org/writing-tests/file-names.html>
pub(crate) fn flags(id: &str) -> Option<BTreeSet<String>> {
    let url = Url::parse("http://localhost/").ok()?.join(id).ok()?;
    let name = url.path_segments()?.next_back()?;
    let parts: Vec<&str> = name.split('.').collect();
    let in_name = parts
        .get(1..parts.len().saturating_sub(1))
        .unwrap_or_default();
    let in_query = url
        .query_pairs()
        .filter(|(name, _)| name == "wpt_flags")
        .map(|(_, value)| value.into_owned());
    Some(
        in_name
            .iter()
            .map(|flag| (*flag).to_owned())
            .chain(in_query)
            .collect(),
    )
}

#[cfg(test)]
pub(crate) mod fake {
    use super::*;

    /// A manifest of this project's own making, in upstream's format.
    pub(crate) const TEXT: &str = r#"{
        "version": 9, "url_base": "/", "items": {
            "support": {"cors": {"support.js": ["aa", []]}},
            "reftest": {"cors": {"image.html": ["ab", [null, [["/cors/ref.html", "=="]], {}]]}},
            "testharness": {
                "cors": {
                    "basic.htm": ["ac", [null, {}]],
                    "late.htm": ["ad", [null, {"timeout": "long"}]],
                    "variants.html": ["ae", ["cors/variants.html?get", {}], ["cors/variants.html?put", {}]]
                },
                "cors-extra": {"other.window.js": ["af", ["cors-extra/other.window.html", {}]]},
                "fetch": {"api": {
                    "any.any.js": ["b0",
                        ["fetch/api/any.any.html", {"script_metadata": [["global", "window,worker"]]}],
                        ["fetch/api/any.any.worker.html", {}],
                        ["fetch/api/any.any.serviceworker.html", {}],
                        ["fetch/api/any.any.sharedworker.html", {}]],
                    "secure.https.html": ["b1", [null, {}]],
                    "second.h2.any.js": ["b2", ["fetch/api/second.h2.any.html", {}]],
                    "flagged.html": ["b3", ["fetch/api/flagged.html?wpt_flags=https&x", {}]],
                    "sub.www.https.html": ["b4", [null, {}]]
                }}
            }
        }
    }"#;

    /// Its tests.
    pub(crate) fn manifest() -> Manifest {
        Manifest::parse(TEXT.as_bytes()).expect("a manifest")
    }

    /// One of its tests.
    pub(crate) fn test_case(id: &str) -> TestCase {
        let mut tests = manifest().tests;
        tests.retain(|test| test.id == id);
        tests.pop().expect("a test of this name")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tests_are_found_and_sorted() {
        let manifest = fake::manifest();
        let ids: Vec<_> = manifest.tests.iter().map(|test| test.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "/cors-extra/other.window.html",
                "/cors/basic.htm",
                "/cors/late.htm",
                "/cors/variants.html?get",
                "/cors/variants.html?put",
                "/fetch/api/any.any.html",
                "/fetch/api/any.any.serviceworker.html",
                "/fetch/api/any.any.sharedworker.html",
                "/fetch/api/any.any.worker.html",
                "/fetch/api/flagged.html?wpt_flags=https&x",
                "/fetch/api/second.h2.any.html",
                "/fetch/api/secure.https.html",
                "/fetch/api/sub.www.https.html",
            ]
        );
        assert_eq!(manifest.others, ["cors/image.html"]);
    }

    #[test]
    fn servers_follow_from_the_flags() {
        for (id, protocol, is_on_subdomain) in [
            ("/cors/basic.htm", Protocol::Http, false),
            ("/fetch/api/any.any.worker.html", Protocol::Http, false),
            (
                "/fetch/api/any.any.serviceworker.html",
                Protocol::Https,
                false,
            ),
            (
                "/fetch/api/flagged.html?wpt_flags=https&x",
                Protocol::Https,
                false,
            ),
            ("/fetch/api/second.h2.any.html", Protocol::H2, false),
            ("/fetch/api/secure.https.html", Protocol::Https, false),
            ("/fetch/api/sub.www.https.html", Protocol::Https, true),
        ] {
            let test = fake::test_case(id);
            assert_eq!(test.protocol(), protocol, "{id}");
            assert_eq!(test.is_on_subdomain(), is_on_subdomain, "{id}");
        }
    }

    #[test]
    fn timeouts_and_sources() {
        assert_eq!(fake::test_case("/cors/basic.htm").timeout, Timeout::Normal);
        assert_eq!(fake::test_case("/cors/late.htm").timeout, Timeout::Long);
        assert_eq!(
            fake::test_case("/fetch/api/any.any.worker.html").source,
            "fetch/api/any.any.js"
        );
    }

    #[test]
    fn folders_of_tests() {
        for (id, folder) in [
            ("/cors/basic.htm", "cors"),
            ("/fetch/api/a.html?x=/y/", "fetch/api"),
            ("/a.html", ""),
            ("", ""),
        ] {
            assert_eq!(folder_of(id), folder, "{id}");
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (text, message) in [
            ("", "not one"),
            (r#"{"version": 9}"#, "not one"),
            (
                r#"{"version": 8, "url_base": "/", "items": {}}"#,
                "version 8",
            ),
            (
                r#"{"version": 9, "url_base": "/", "items": {"testharness": {"a": 1}}}"#,
                "entry for a",
            ),
            (
                r#"{"version": 9, "url_base": "/", "items": {"testharness": {"a": {"b": []}}}}"#,
                "entry for a/b",
            ),
            (
                r#"{"version": 9, "url_base": "/", "items": {"testharness": {"a": ["h", [1, {}]]}}}"#,
                "entry for a",
            ),
            (
                r#"{"version": 9, "url_base": "/", "items": {"testharness": {"a": ["h", [null, {"timeout": "short"}]]}}}"#,
                "entry for a",
            ),
        ] {
            let error = Manifest::parse(text.as_bytes()).expect_err("no manifest");
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
    }
}
