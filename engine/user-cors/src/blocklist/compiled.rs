//! Lists compiled into a finite-state set, in memory and on disk.
//!
//! An entry's key is its host, label by label from the right, each label ended by [`LABEL_END`]; for a single origin,
//! [`ORIGIN`] with scheme and port follow, ended in the same way. So the key of a domain is a prefix of the keys of everything that it covers:
//! one walk along a target's key meets every entry that names it, and an entry below another need not be stored.
//!
//! A compiled file is a line of JSON, which says what it was compiled from, and then the set.

use std::{
    fmt, fs,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use fst::{SetBuilder, raw::Fst};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Host;

use super::{
    BlockedTarget,
    lines::{BadLine, LineProblem, MAX_LINE_BYTES, parse_line},
};
use crate::origin::TupleOrigin;

/// The largest list that is compiled, in bytes.
pub const MAX_LIST_BYTES: u64 = 256 * 1024 * 1024;

/// The most bad lines of a list that are described; the others are counted.
pub const MAX_BAD_LINES: usize = 100;

/// The largest first line of a compiled file, in bytes.
const MAX_HEADER_BYTES: u64 = 256 * 1024;

/// How much is read at a time: little enough to be still in the processor's cache when its checksum is taken.
const CHUNK_BYTES: usize = 128 * 1024;

/// The version of the compiled format. A file of another version is compiled anew.
const FORMAT: u32 = 1;

/// Ends each label in a key, and the key. Sorts before every byte of a label, so that what an entry covers follows it directly.
const LABEL_END: u8 = 0;

/// Begins scheme and port in the key of a single origin.
const ORIGIN: u8 = 1;

/// Begins the key of an IP address, which has no labels.
const ADDRESS: u8 = 2;

/// Why a list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BlocklistError {
    /// A file cannot be read.
    #[error("the list cannot be read: {0}")]
    Unreadable(String),
    /// The list is too large.
    #[error("the list is larger than {MAX_LIST_BYTES} bytes")]
    TooLarge,
    /// A compiled file is not one, or a damaged one.
    #[error("the compiled list is damaged")]
    Damaged,
}

impl From<io::Error> for BlocklistError {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// What tells one content of a file from the next without reading it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SourceStamp {
    path: PathBuf,
    length: u64,
    modified_nanos: u64,
    /// On Unix, when the file was changed in any way: a modification time can be set back, this cannot.
    changed: (i64, i64),
}

impl SourceStamp {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn of(path: &Path) -> Result<Self, BlocklistError> {
        let metadata = fs::metadata(path)?;
        // NB: whoever opens a pipe waits, and a device need not come to an end of a line.
        if !metadata.is_file() {
            return Err(BlocklistError::Unreadable("it is no file".to_owned()));
        }
        let modified = metadata
            .modified()?
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        #[cfg(unix)]
        let changed = {
            use std::os::unix::fs::MetadataExt;
            (metadata.ctime(), metadata.ctime_nsec())
        };
        #[cfg(not(unix))]
        let changed = (0, 0);
        Ok(Self {
            path: path.to_owned(),
            length: metadata.len(),
            modified_nanos: u64::try_from(modified.as_nanos()).unwrap_or(u64::MAX),
            changed,
        })
    }
}

/// The lines of a list that were skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLines {
    /// How many there are.
    pub count: u64,
    /// The first [`MAX_BAD_LINES`] of them.
    pub first: Vec<BadLine>,
}

impl BadLines {
    fn add(&mut self, number: u64, problem: LineProblem) {
        self.count += 1;
        if self.first.len() < MAX_BAD_LINES {
            self.first.push(BadLine { number, problem });
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    format: u32,
    stamp: SourceStamp,
    bad_lines: BadLines,
    /// CRC-32 of the set.
    checksum: u32,
}

/// A list that was compiled.
pub struct CompiledBlocklist {
    header: Header,
    // NB: read into memory, not mapped. A mapping is unsafe in Rust, for another process can change or cut the file under
    // it; and a set is small enough that reading it, with its checksum, takes a few milliseconds.
    set: Fst<Vec<u8>>,
}

impl fmt::Debug for CompiledBlocklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledBlocklist")
            .field("path", &self.header.stamp.path)
            .field("entries", &self.entries())
            .finish_non_exhaustive()
    }
}

impl CompiledBlocklist {
    /// Compiles the list in the file at `path`.
    ///
    /// # Errors
    /// If the file cannot be read or is too large. Lines that say nothing are no error: see [`Self::bad_lines`].
    pub fn compile(path: &Path) -> Result<Self, BlocklistError> {
        // NB: before the file is read: one that changes meanwhile no longer fits its stamp, and is compiled again.
        let stamp = SourceStamp::of(path)?;
        let source = BufReader::with_capacity(CHUNK_BYTES, fs::File::open(path)?);
        Self::from_lines(source, stamp)
    }

    /// Compiles the lines that `source` has.
    ///
    /// # Errors
    /// As for [`Self::compile`].
    pub fn from_reader(source: impl BufRead) -> Result<Self, BlocklistError> {
        Self::from_lines(source, SourceStamp::default())
    }

    fn from_lines(source: impl BufRead, stamp: SourceStamp) -> Result<Self, BlocklistError> {
        let (mut keys, bad_lines) = read_lines(source)?;
        keys.sort_unstable();
        let set = build(&keys)?;
        let checksum = crc32fast::hash(&set);
        let header = Header {
            format: FORMAT,
            stamp,
            bad_lines,
            checksum,
        };
        let set = Fst::new(set).map_err(|_| BlocklistError::Damaged)?;
        Ok(Self { header, set })
    }

    /// Opens a compiled file.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or of another version.
    pub fn open(path: &Path) -> Result<Self, BlocklistError> {
        let file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        let mut reader = BufReader::with_capacity(CHUNK_BYTES, file);
        let mut line = Vec::new();
        reader
            .by_ref()
            .take(MAX_HEADER_BYTES)
            .read_until(b'\n', &mut line)?;
        let header: Header = serde_json::from_slice(&line).map_err(|_| BlocklistError::Damaged)?;
        if header.format != FORMAT || length > MAX_LIST_BYTES {
            return Err(BlocklistError::Damaged);
        }
        let (set, checksum) = read_set(reader, length)?;
        // NB: the reader of sets takes a set's offsets at their word, so nothing damaged may reach it.
        if checksum != header.checksum {
            return Err(BlocklistError::Damaged);
        }
        let set = Fst::new(set).map_err(|_| BlocklistError::Damaged)?;
        Ok(Self { header, set })
    }

    /// Writes the compiled file at `path`, in place of one that is there: a reader sees the one or the other, whole.
    ///
    /// # Errors
    /// If it cannot be written; what was there stays.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, &self.header)?;
        file.write_all(b"\n")?;
        file.write_all(self.set.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    /// Whether an entry names the target.
    pub fn blocks(&self, target: &TupleOrigin) -> bool {
        let key = host_key(target.host());
        let mut node = self.set.root();
        for byte in key {
            let Some(transition) = node.find_input(byte) else {
                return false;
            };
            node = self.set.node(node.transition_addr(transition));
            if node.is_final() {
                return true;
            }
        }
        if node.find_input(ORIGIN).is_none() {
            return false;
        }
        origin_key(target)
            .into_iter()
            .try_fold(node, |node, byte| {
                let transition = node.find_input(byte)?;
                Some(self.set.node(node.transition_addr(transition)))
            })
            .is_some_and(|node| node.is_final())
    }

    /// How many entries are stored. What another entry covers is not.
    pub fn entries(&self) -> usize {
        self.set.len()
    }

    /// The size of the set, in bytes.
    pub fn size(&self) -> usize {
        self.set.as_bytes().len()
    }

    /// The lines that were skipped.
    pub fn bad_lines(&self) -> &BadLines {
        &self.header.bad_lines
    }

    pub(super) fn stamp(&self) -> &SourceStamp {
        &self.header.stamp
    }
}

/// The keys of all entries, in the order of the lines.
fn read_lines(mut source: impl BufRead) -> Result<(Vec<Vec<u8>>, BadLines), BlocklistError> {
    let mut keys = Vec::new();
    let mut bad_lines = BadLines::default();
    let mut line = Vec::new();
    let mut length = 0;
    for number in 1.. {
        line.clear();
        let limit = MAX_LINE_BYTES as u64 + 2;
        let read = source.by_ref().take(limit).read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        length += read as u64;
        match line.strip_suffix(b"\n") {
            Some(_) => {
                line.pop();
            },
            None if read as u64 == limit => length += source.skip_until(b'\n')? as u64,
            None => {},
        }
        if length > MAX_LIST_BYTES {
            return Err(BlocklistError::TooLarge);
        }
        match parse_line(&line) {
            Ok(targets) => keys.extend(targets.iter().map(key)),
            Err(problem) => bad_lines.add(number, problem),
        }
    }
    Ok((keys, bad_lines))
}

/// The set of these sorted keys, without those that another one covers.
fn build(keys: &[Vec<u8>]) -> Result<Vec<u8>, BlocklistError> {
    let unusable = |error: fst::Error| BlocklistError::Unreadable(error.to_string());
    let mut builder = SetBuilder::memory();
    let mut last: Option<&[u8]> = None;
    for key in keys {
        if last.is_some_and(|last| key.starts_with(last)) {
            continue;
        }
        builder.insert(key).map_err(unusable)?;
        last = Some(key);
    }
    builder.into_inner().map_err(unusable)
}

/// The rest of a compiled file with its CRC-32.
fn read_set(mut reader: impl BufRead, length: u64) -> io::Result<(Vec<u8>, u32)> {
    let mut set = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
    let mut checksum = crc32fast::Hasher::new();
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok((set, checksum.finalize()));
        }
        checksum.update(chunk);
        set.extend_from_slice(chunk);
        let read = chunk.len();
        reader.consume(read);
    }
}

fn key(target: &BlockedTarget) -> Vec<u8> {
    match target {
        BlockedTarget::Origin(origin) => {
            let mut key = host_key(origin.host());
            key.extend(origin_key(origin));
            key
        },
        BlockedTarget::Domain(name) => {
            let host = Host::parse(name).unwrap_or_else(|_| Host::Domain(name.clone()));
            host_key(&host)
        },
    }
}

fn host_key(host: &Host<String>) -> Vec<u8> {
    let name = match host {
        Host::Domain(name) => name.strip_suffix('.').unwrap_or(name),
        Host::Ipv4(_) | Host::Ipv6(_) => {
            let address = host.to_string();
            return [&[ADDRESS], address.as_bytes(), &[LABEL_END]].concat();
        },
    };
    let mut key = Vec::with_capacity(name.len() + 1);
    for label in name.rsplit('.') {
        key.extend_from_slice(label.as_bytes());
        key.push(LABEL_END);
    }
    key
}

fn origin_key(origin: &TupleOrigin) -> Vec<u8> {
    // The final dot is part of an origin's host, though not of a domain's.
    let dot = match origin.host() {
        Host::Domain(name) if name.ends_with('.') => ".",
        _ => "",
    };
    let tail = format!("{}:{}{dot}", origin.scheme().as_str(), origin.port());
    [&[ORIGIN], tail.as_bytes(), &[LABEL_END]].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap()
    }

    fn compiled(lines: &str) -> CompiledBlocklist {
        CompiledBlocklist::from_reader(lines.as_bytes()).unwrap()
    }

    #[test]
    fn domains_and_origins() {
        let list = compiled(
            "bank.example\nhttps://one.example:8443\nhttps://dot.example.\n93.184.216.34\nhttps://10.0.0.1\n",
        );
        for (text, expected) in [
            ("https://bank.example", true),
            ("http://www.bank.example:81", true),
            ("https://a.b.bank.example.", true),
            ("https://mybank.example", false),
            ("https://bank.example.com", false),
            ("https://example", false),
            ("https://one.example:8443", true),
            ("https://one.example", false),
            ("http://one.example:8443", false),
            ("https://www.one.example:8443", false),
            ("https://one.example.:8443", false),
            ("https://dot.example.", true),
            ("https://dot.example", false),
            ("http://93.184.216.34:8080", true),
            ("https://93.184.216.3", false),
            ("https://10.0.0.1", true),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(list.blocks(&origin(text)), expected, "{text}");
        }
    }

    #[test]
    fn an_empty_list_blocks_nothing() {
        let list = compiled("");
        assert!(!list.blocks(&origin("https://a.example")));
        assert_eq!(list.entries(), 0);
    }

    #[test]
    fn what_another_entry_covers_is_not_stored() {
        let list =
            compiled("a.example\na-b.example\nwww.a.example\nhttps://a.example\na.example\n");
        assert_eq!(list.entries(), 2);
        let list = compiled("https://b.example\nhttps://b.example:4430\nhttps://b.example.\n");
        assert_eq!(list.entries(), 3);
    }

    #[test]
    fn bad_lines_are_numbered_and_counted() {
        let mut lines = "good.example\r\nbad line\n\n# comment\n*.bad.example\n".to_owned();
        lines.push_str(&"x".repeat(3 * MAX_LINE_BYTES));
        lines.push_str("\nlast.example");
        let list = compiled(&lines);
        let numbers: Vec<u64> = list
            .bad_lines()
            .first
            .iter()
            .map(|line| line.number)
            .collect();
        assert_eq!(numbers, [2, 5, 6]);
        assert!(list.blocks(&origin("https://good.example")));
        assert!(list.blocks(&origin("https://last.example")));

        let list = compiled(&"bad line\n".repeat(MAX_BAD_LINES + 7));
        assert_eq!(list.bad_lines().count, MAX_BAD_LINES as u64 + 7);
        assert_eq!(list.bad_lines().first.len(), MAX_BAD_LINES);
    }

    #[test]
    fn a_damaged_file_is_never_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        let list = compiled("a.example\nbad line\nb.example\n");
        list.write(&path).unwrap();
        let opened = CompiledBlocklist::open(&path).unwrap();
        assert_eq!(opened.header, list.header);
        assert!(opened.blocks(&origin("https://b.example")));

        let good = fs::read(&path).unwrap();
        let start = good.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for place in start..good.len() {
            let mut damaged = good.clone();
            damaged[place] ^= 0x20;
            fs::write(&path, &damaged).unwrap();
            assert!(
                matches!(CompiledBlocklist::open(&path), Err(BlocklistError::Damaged)),
                "{place}"
            );
        }
        for length in 0..good.len() {
            fs::write(&path, &good[..length]).unwrap();
            assert!(CompiledBlocklist::open(&path).is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn a_set_blocks_what_its_entries_name(
            entries in prop::collection::vec("(https://)?([ab]{1,2}\\.){0,3}(example|test)", 0..12),
            target in "https://([ab]{1,2}\\.){0,3}(example|test)(:81)?",
        ) {
            let list = compiled(&entries.join("\n"));
            let target = origin(&target);
            let named = entries
                .iter()
                .any(|entry| entry.parse::<BlockedTarget>().unwrap().matches(&target));
            prop_assert_eq!(list.blocks(&target), named);
        }
    }
}
