//! Reading a file for script: [the read operation](https://w3c.github.io/FileAPI/#readOperation)'s bytes.

use std::io::{self, Read};

use net_traits::blob_url_store::BlobBuf;
use net_traits::filemanager_thread::{FileManagerThreadError, ReadFileProgress};

use super::FILE_CHUNK_SIZE;
use super::blob::{Blob, BlobError};

/// Sends `blob` in pieces: the first along with what it is, then the others, and the end. `send` may block; a `false` from
/// it says that nobody listens.
///
/// # Errors
/// [`FileManagerThreadError::FileSystemError`] if a file cannot be read to its end. Script is to be told.
pub(super) fn read(
    blob: &Blob,
    send: &mut dyn FnMut(ReadFileProgress) -> bool,
) -> Result<(), FileManagerThreadError> {
    let first = |bytes| {
        ReadFileProgress::Meta(BlobBuf {
            filename: blob.file_name(),
            type_string: blob.type_string().to_owned(),
            size: blob.size(),
            bytes,
        })
    };
    if let Some(bytes) = blob.bytes() {
        let _ = send(first(bytes.to_vec())) && send(ReadFileProgress::EOF);
        return Ok(());
    }

    let mut reader = blob.reader().map_err(file_system_error)?;
    let mut left = blob.size();
    let mut is_first = true;
    while is_first || left > 0 {
        let wanted = left.min(FILE_CHUNK_SIZE as u64);
        let mut piece = Vec::with_capacity(FILE_CHUNK_SIZE);
        (&mut reader)
            .take(wanted)
            .read_to_end(&mut piece)
            .map_err(|error| file_system_error(error.into()))?;
        if (piece.len() as u64) < wanted {
            return Err(file_system_error(BlobError::Io(
                io::ErrorKind::UnexpectedEof.into(),
            )));
        }
        left -= wanted;
        let progress = if is_first {
            first(piece)
        } else {
            ReadFileProgress::Partial(piece)
        };
        is_first = false;
        if !send(progress) {
            return Ok(());
        }
    }
    send(ReadFileProgress::EOF);
    Ok(())
}

fn file_system_error(error: BlobError) -> FileManagerThreadError {
    FileManagerThreadError::FileSystemError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::blob::pick;
    use super::*;

    /// The sizes of the pieces of a blob and its bytes, if it was read to its end.
    fn pieces(blob: &Blob) -> Option<(Vec<usize>, Vec<u8>)> {
        let (mut sizes, mut bytes, mut ended) = (Vec::new(), Vec::new(), false);
        read(blob, &mut |progress| {
            assert!(!ended, "something came after the end");
            match progress {
                ReadFileProgress::Meta(buffer) => {
                    assert!(sizes.is_empty(), "the first piece came twice");
                    assert_eq!(buffer.size, blob.size());
                    sizes.push(buffer.bytes.len());
                    bytes.extend(buffer.bytes);
                },
                ReadFileProgress::Partial(piece) => {
                    assert!(!sizes.is_empty());
                    sizes.push(piece.len());
                    bytes.extend(piece);
                },
                ReadFileProgress::EOF => ended = true,
            }
            true
        })
        .ok()?;
        ended.then_some((sizes, bytes))
    }

    async fn file_of(contents: &[u8]) -> (tempfile::TempDir, Blob) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, contents).unwrap();
        let (blob, _) = pick(&path).await.unwrap();
        (directory, blob)
    }

    #[tokio::test]
    async fn files_come_in_chunks() {
        for (length, sizes) in [
            (0, vec![0]),
            (1, vec![1]),
            (FILE_CHUNK_SIZE, vec![FILE_CHUNK_SIZE]),
            (FILE_CHUNK_SIZE + 1, vec![FILE_CHUNK_SIZE, 1]),
        ] {
            let contents = vec![7; length];
            let (_directory, blob) = file_of(&contents).await;
            assert_eq!(pieces(&blob), Some((sizes, contents)));
        }
    }

    #[tokio::test]
    async fn a_part_of_a_file_ends_where_the_part_ends() {
        let (_directory, blob) = file_of(b"0123456789").await;
        assert_eq!(pieces(&blob.part(3..6)), Some((vec![3], b"345".to_vec())));
    }

    #[test]
    fn memory_comes_at_once() {
        let blob = Blob::in_memory(b"0123456789".to_vec(), String::new());
        assert_eq!(pieces(&blob.part(3..6)), Some((vec![3], b"345".to_vec())));
    }

    #[tokio::test]
    async fn a_file_that_is_gone_is_an_error() {
        let (directory, blob) = file_of(b"0123456789").await;
        drop(directory);
        assert_eq!(pieces(&blob), None);
    }
}
