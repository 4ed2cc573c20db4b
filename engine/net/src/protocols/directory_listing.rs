//! A local directory as a page.
//!
//! Names of files are chosen by whoever could write to the disk, an archive that was unpacked for instance. So each is
//! escaped, characters that reorder or hide text are made visible, and the page forbids itself everything but its style.

use std::cmp::Ordering;
use std::ffi::OsString;
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use time::OffsetDateTime;
use time::macros::format_description;
use url::Url;

use super::LocalResponse;
use crate::html::escape;

/// How many entries a page shows.
const ENTRY_LIMIT: usize = 10_000;

const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

// NB: Servo 0.7 does not break long names by `overflow-wrap`.
const STYLE: &str = "\
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
h1 { font-size: 1.25rem; word-break: break-all; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: 0.1rem 1rem 0.1rem 0; text-align: start; }
td:first-child { white-space: pre-wrap; word-break: break-all; }
.size { text-align: end; white-space: nowrap; }
.modified { white-space: nowrap; }
";

#[derive(Debug)]
struct Entry {
    name: OsString,
    kind: Kind,
    modified: Option<SystemTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Directory,
    /// With its size in bytes.
    File(u64),
    Other,
}

/// Lists a directory as an HTML page.
///
/// # Errors
/// An I/O error if the directory cannot be read.
pub(super) async fn list_directory(path: &Path) -> io::Result<LocalResponse> {
    let path = path.to_owned();
    let page = tokio::task::spawn_blocking(move || {
        let (entries, is_complete) = read_entries(&path)?;
        Ok::<_, io::Error>(page(&path, &entries, is_complete))
    })
    .await
    .map_err(io::Error::other)??;
    let content_type = HeaderValue::from_static("text/html;charset=utf-8");
    let headers = HeaderMap::from_iter([
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    ]);
    Ok(LocalResponse::ok(headers, page.into_bytes().into()))
}

/// The entries in the order in which they are shown, and whether these are all.
fn read_entries(path: &Path) -> io::Result<(Vec<Entry>, bool)> {
    let mut directory = std::fs::read_dir(path)?;
    let mut entries: Vec<_> = directory
        .by_ref()
        .take(ENTRY_LIMIT)
        .filter_map(Result::ok)
        .map(|entry| {
            // NB: follows a symbolic link; one that leads nowhere is shown nevertheless.
            let metadata = std::fs::metadata(entry.path()).ok();
            Entry {
                name: entry.file_name(),
                kind: match &metadata {
                    Some(metadata) if metadata.is_dir() => Kind::Directory,
                    Some(metadata) if metadata.is_file() => Kind::File(metadata.len()),
                    _ => Kind::Other,
                },
                modified: metadata.and_then(|metadata| metadata.modified().ok()),
            }
        })
        .collect();
    entries.sort_by(order);
    Ok((entries, directory.next().is_none()))
}

/// Directories first, then by name as people sort, then by name as machines do.
fn order(a: &Entry, b: &Entry) -> Ordering {
    let rank = |entry: &Entry| {
        (
            entry.kind != Kind::Directory,
            entry.name.to_string_lossy().to_lowercase(),
        )
    };
    rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
}

fn page(path: &Path, entries: &[Entry], is_complete: bool) -> String {
    let title = escape(&path.to_string_lossy());
    let mut page = format!(
        "<!DOCTYPE html>\n<html>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n<h1><bdi>{title}</bdi></h1>\n<table>\n\
         <tr><th>Name<th class=\"size\">Size<th class=\"modified\">Modified\n"
    );
    if let Some(parent) = path.parent() {
        push_row(&mut page, parent, "..", Kind::Directory, None);
    }
    for entry in entries {
        let target: PathBuf = path.join(&entry.name);
        let name = entry.name.to_string_lossy();
        push_row(&mut page, &target, &name, entry.kind, entry.modified);
    }
    page.push_str("</table>\n");
    if !is_complete {
        let _ = writeln!(page, "<p>Only {ENTRY_LIMIT} entries are shown.");
    }
    page
}

fn push_row(
    page: &mut String,
    target: &Path,
    name: &str,
    kind: Kind,
    modified: Option<SystemTime>,
) {
    let (url, suffix, size) = match kind {
        Kind::Directory => (Url::from_directory_path(target), "/", String::new()),
        Kind::File(size) => (Url::from_file_path(target), "", readable_size(size)),
        Kind::Other => (Url::from_file_path(target), "", String::new()),
    };
    let name = escape(name);
    let link = match url {
        Ok(url) => format!(
            "<a href=\"{}\"><bdi>{name}</bdi>{suffix}</a>",
            escape(url.as_str())
        ),
        Err(()) => format!("<bdi>{name}</bdi>{suffix}"),
    };
    let modified = modified.and_then(readable_time).unwrap_or_default();
    let _ = writeln!(
        page,
        "<tr><td>{link}<td class=\"size\">{size}<td class=\"modified\">{modified}"
    );
}

fn readable_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

fn readable_time(time: SystemTime) -> Option<String> {
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?)
        .ok()?
        .format(format_description!(
            "[year]-[month]-[day] [hour]:[minute] UTC"
        ))
        .ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn entry(name: &str, kind: Kind) -> Entry {
        Entry {
            name: name.into(),
            kind,
            modified: None,
        }
    }

    #[test]
    fn names_stay_text() {
        for name in [
            "<script>alert(1)</script>",
            "\"><img src=x onerror=alert(1)>",
            "' onclick='alert(1)",
            "a&lt;b",
            "line\nbreak\r\t\0",
            "\u{202e}gpj.exe",
            "\u{2066}\u{2069}\u{200b}\u{feff}",
            "--><!--",
            "a b#c?d%20",
        ] {
            let rows = page(Path::new("/"), &[entry(name, Kind::File(1))], true);
            let (_, row) = rows.split_once("Modified\n").unwrap();
            let row = row.trim_end().strip_suffix("</table>").unwrap();
            let tags: Vec<_> = row
                .split('<')
                .skip(1)
                .map(|tag| tag.split([' ', '>']).next().unwrap())
                .collect();
            assert_eq!(
                tags,
                ["tr", "td", "a", "bdi", "/bdi", "/a", "td", "td"],
                "{name:?} in {row}"
            );
            assert_eq!(row.matches('"').count(), 6, "{row}");
            assert!(!row.contains('\''));
        }
    }

    #[test]
    fn links_lead_to_the_entries() {
        let entries = [
            entry("a b#c?d%", Kind::File(0)),
            entry("folder", Kind::Directory),
        ];
        let page = page(Path::new("/home/x"), &entries, true);
        for link in [
            "href=\"file:///home/\"",
            "href=\"file:///home/x/a%20b%23c%3Fd%25\"",
            "href=\"file:///home/x/folder/\"",
        ] {
            assert!(page.contains(link), "{link} in {page}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_not_unicode_are_linked() {
        use std::os::unix::ffi::OsStringExt;

        let entry = Entry {
            name: OsString::from_vec(b"caf\xe9".to_vec()),
            kind: Kind::Other,
            modified: None,
        };
        let page = page(Path::new("/"), &[entry], true);
        assert!(page.contains("href=\"file:///caf%E9\""));
        assert!(page.contains("<bdi>caf\u{fffd}</bdi>"));
    }

    #[tokio::test]
    async fn a_directory_is_listed_in_order() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.txt", "A.txt", "c.txt"] {
            std::fs::write(directory.path().join(name), name).unwrap();
        }
        std::fs::create_dir(directory.path().join("z")).unwrap();
        let response = list_directory(directory.path()).await.unwrap();
        let policy = response.headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"));
        assert!(!policy.contains("script-src"));

        let page = response.body.read_all(1 << 20).await.unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        let positions: Vec<_> = ["..", "z", "A.txt", "b.txt", "c.txt"]
            .iter()
            .map(|name| page.find(&format!("<bdi>{name}</bdi>")).unwrap())
            .collect();
        assert!(positions.is_sorted(), "{page}");
        assert!(!page.contains("Only"));
    }

    #[test]
    fn sizes_and_times() {
        for (size, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(readable_size(size), text);
        }
        let time = |seconds| readable_time(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(time(0).as_deref(), Some("1970-01-01 00:00 UTC"));
        assert_eq!(time(1_700_000_000).as_deref(), Some("2023-11-14 22:13 UTC"));
        assert_eq!(readable_time(UNIX_EPOCH - Duration::from_secs(1)), None);
        assert_eq!(time(i64::MAX as u64), None);
    }
}
