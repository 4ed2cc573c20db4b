//! [Blobs](https://w3c.github.io/FileAPI/#blob-section): bytes in memory or in a file, whole or in part.

use std::fs::Metadata;
use std::io::SeekFrom;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures::stream;
use net_traits::filemanager_thread::RelativePos;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::FILE_CHUNK_SIZE;
use crate::fetch::{Body, BodyError};

/// A [Blob](https://w3c.github.io/FileAPI/#dfn-Blob) or [File](https://w3c.github.io/FileAPI/#dfn-file). Clones share the
/// bytes.
#[derive(Clone)]
pub(crate) struct Blob {
    source: Source,
    /// Which bytes of the source.
    range: Range<u64>,
    type_string: String,
}

#[derive(Clone)]
enum Source {
    Memory(Bytes),
    File(Arc<PickedFile>),
}

/// A file as it was when the user picked it: its
/// [snapshot state](https://w3c.github.io/FileAPI/#snapshot-state).
struct PickedFile {
    path: PathBuf,
    size: u64,
    modified: SystemTime,
}

/// Why a blob's bytes cannot be had.
#[derive(Debug, Error)]
pub(crate) enum BlobError {
    /// The file cannot be opened or read.
    #[error("the file cannot be read")]
    Io(#[from] std::io::Error),
    /// The file is not in the state in which the user picked it.
    #[error("the file has changed since it was picked")]
    Changed,
}

impl PickedFile {
    fn check(&self, metadata: &Metadata) -> Result<(), BlobError> {
        if metadata.is_file()
            && metadata.len() == self.size
            && metadata.modified()? == self.modified
        {
            Ok(())
        } else {
            Err(BlobError::Changed)
        }
    }
}

impl Blob {
    /// A blob of these bytes.
    pub(crate) fn in_memory(bytes: Vec<u8>, type_string: String) -> Self {
        Self {
            range: 0..bytes.len() as u64,
            source: Source::Memory(bytes.into()),
            type_string,
        }
    }

    /// A picked file; its type comes from its name.
    pub(super) fn in_file(path: PathBuf, size: u64, modified: SystemTime) -> Self {
        let type_string = mime_guess::from_path(&path)
            .first()
            .map(|mime| mime.to_string())
            .unwrap_or_default();
        Self {
            source: Source::File(Arc::new(PickedFile {
                path,
                size,
                modified,
            })),
            range: 0..size,
            type_string,
        }
    }

    /// Its [size](https://w3c.github.io/FileAPI/#dfn-size) in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Its [type](https://w3c.github.io/FileAPI/#dfn-type), which may be empty and need not be a MIME type.
    pub(crate) fn type_string(&self) -> &str {
        &self.type_string
    }

    /// The name of the file that it is, if it is one.
    pub(super) fn file_name(&self) -> Option<String> {
        let Source::File(file) = &self.source else {
            return None;
        };
        Some(file.path.file_name()?.to_string_lossy().into_owned())
    }

    /// [Slices the blob](https://w3c.github.io/FileAPI/#slice-blob).
    ///
    /// AD-HOC: script does not say the slice's content type, so that it keeps the type of the whole.
    pub(super) fn slice(&self, range: &RelativePos) -> Self {
        // 1. Negative positions count from the end, and none lies outside.
        let size = self.size();
        let start = position_in(range.start, size);
        let end = range.end.map_or(size, |end| position_in(end, size));
        self.part(start..end)
    }

    /// The bytes of `range`, clamped to the blob.
    pub(crate) fn part(&self, range: Range<u64>) -> Self {
        let start = range.start.min(self.size());
        let end = range.end.clamp(start, self.size());
        Self {
            source: self.source.clone(),
            range: self.range.start + start..self.range.start + end,
            type_string: self.type_string.clone(),
        }
    }

    /// [Gets the stream](https://w3c.github.io/FileAPI/#blob-get-stream) of the bytes. A file is open when this returns.
    ///
    /// # Errors
    /// [`BlobError`] if the file cannot be read or is not the file that was picked.
    pub(crate) async fn body(&self) -> Result<Body, BlobError> {
        match &self.source {
            Source::Memory(bytes) => Ok(Body::Bytes(memory_range(bytes, &self.range))),
            Source::File(picked) => {
                let mut file = tokio::fs::File::open(&picked.path).await?;
                picked.check(&file.metadata().await?)?;
                file.seek(SeekFrom::Start(self.range.start)).await?;
                Ok(stream_file(file, self.size()))
            },
        }
    }

    /// A reader of the bytes for a thread that may block.
    ///
    /// # Errors
    /// Those of [`body`](Self::body).
    pub(super) fn reader(&self) -> Result<Box<dyn std::io::Read>, BlobError> {
        use std::io::{Cursor, Read, Seek};

        match &self.source {
            Source::Memory(bytes) => Ok(Box::new(Cursor::new(memory_range(bytes, &self.range)))),
            Source::File(picked) => {
                let mut file = std::fs::File::open(&picked.path)?;
                picked.check(&file.metadata()?)?;
                file.seek(SeekFrom::Start(self.range.start))?;
                Ok(Box::new(file.take(self.size())))
            },
        }
    }

    /// The bytes, if they are in memory.
    pub(super) fn bytes(&self) -> Option<Bytes> {
        match &self.source {
            Source::Memory(bytes) => Some(memory_range(bytes, &self.range)),
            Source::File(_) => None,
        }
    }
}

/// What is known about a file that is about to be picked.
///
/// # Errors
/// An I/O error if `path` is not a file that can be opened for reading.
pub(super) async fn pick(path: &Path) -> std::io::Result<(Blob, SystemTime)> {
    let metadata = tokio::fs::File::open(path).await?.metadata().await?;
    if !metadata.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let modified = metadata.modified()?;
    Ok((
        Blob::in_file(path.to_owned(), metadata.len(), modified),
        modified,
    ))
}

/// `length` bytes of a file from where it stands, [`FILE_CHUNK_SIZE`] at a time.
pub(crate) fn stream_file(file: tokio::fs::File, length: u64) -> Body {
    if length == 0 {
        return Body::Empty;
    }
    Body::from_stream(stream::try_unfold(
        (file, length),
        |(mut file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let wanted = left.min(FILE_CHUNK_SIZE as u64);
            let mut chunk = BytesMut::with_capacity(FILE_CHUNK_SIZE);
            let read = (&mut file)
                .take(wanted)
                .read_buf(&mut chunk)
                .await
                .map_err(|_| BodyError::File)?;
            if read == 0 {
                // The file became shorter while it was read.
                return Err(BodyError::File);
            }
            Ok(Some((chunk.freeze(), (file, left - read as u64))))
        },
    ))
}

fn memory_range(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let end = bytes.len().min(range.end as usize);
    bytes.slice((range.start as usize).min(end)..end)
}

fn position_in(position: i64, size: u64) -> u64 {
    if position < 0 {
        size.saturating_sub(position.unsigned_abs())
    } else {
        position.unsigned_abs().min(size)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn range(start: i64, end: Option<i64>) -> RelativePos {
        RelativePos { start, end }
    }

    async fn text(blob: &Blob) -> String {
        let bytes = blob
            .body()
            .await
            .unwrap()
            .read_all(usize::MAX)
            .await
            .unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// <https://w3c.github.io/FileAPI/#slice-blob>
    #[tokio::test]
    async fn slices_as_the_standard_says() {
        let blob = Blob::in_memory(b"0123456789".to_vec(), String::new());
        for (start, end, expected) in [
            (0, None, "0123456789"),
            (3, None, "3456789"),
            (3, Some(5), "34"),
            (-3, None, "789"),
            (-3, Some(-1), "78"),
            (-30, Some(2), "01"),
            (5, Some(3), ""),
            (10, None, ""),
            (42, Some(43), ""),
            (i64::MIN, Some(i64::MAX), "0123456789"),
            (i64::MAX, Some(i64::MIN), ""),
        ] {
            let slice = blob.slice(&range(start, end));
            assert_eq!(text(&slice).await, expected, "{start}..{end:?}");
            assert_eq!(slice.size(), expected.len() as u64);
        }
        let nested = blob.slice(&range(2, Some(8))).slice(&range(-4, Some(-1)));
        assert_eq!(text(&nested).await, "456");
    }

    async fn picked(contents: &[u8]) -> (tempfile::NamedTempFile, Blob) {
        let mut file = tempfile::Builder::new().suffix(".html").tempfile().unwrap();
        file.write_all(contents).unwrap();
        file.flush().unwrap();
        let (blob, _) = pick(file.path()).await.unwrap();
        (file, blob)
    }

    #[tokio::test]
    async fn a_large_file_comes_in_chunks() {
        let contents = "abcdefgh".repeat(FILE_CHUNK_SIZE / 4);
        let (_file, blob) = picked(contents.as_bytes()).await;
        assert_eq!(blob.type_string(), "text/html");

        let mut body = blob.part(3..blob.size() - 1).body().await.unwrap();
        let mut all = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.unwrap();
            assert!(chunk.len() <= FILE_CHUNK_SIZE);
            all.extend_from_slice(&chunk);
        }
        assert_eq!(all, contents.as_bytes()[3..contents.len() - 1]);
    }

    #[tokio::test]
    async fn a_file_that_changed_is_not_read() {
        let (mut file, blob) = picked(b"before").await;
        file.write_all(b"after").unwrap();
        file.flush().unwrap();
        assert!(matches!(blob.body().await, Err(BlobError::Changed)));
        assert!(matches!(blob.reader().err(), Some(BlobError::Changed)));
    }

    #[tokio::test]
    async fn a_file_that_shrinks_while_it_is_read_breaks_off() {
        let (file, blob) = picked(b"twelve bytes").await;
        let open = tokio::fs::File::open(file.path()).await.unwrap();
        let body = stream_file(open, blob.size() + 1);
        assert_eq!(body.read_all(usize::MAX).await, Err(BodyError::File));
    }

    #[tokio::test]
    async fn a_directory_cannot_be_picked() {
        let directory = tempfile::tempdir().unwrap();
        assert!(pick(directory.path()).await.is_err());
    }
}
