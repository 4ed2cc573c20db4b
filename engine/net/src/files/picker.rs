//! File pickers: paths that the user chose become files that a page holds.

use std::path::PathBuf;

use embedder_traits::{
    EmbedderControlId, EmbedderControlResponse, FilePickerRequest, GenericEmbedderProxy,
    SelectedFile,
};
use log::warn;
use parking_lot::RwLock;
use servo_url::ImmutableOrigin;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::blob;
use super::store::BlobUrlStore;
use crate::embedder::NetToEmbedderMsg;

/// Has the embedder show a file picker and waits for the choice; `None` if the user made none, or the embedder is gone.
pub(super) async fn ask(
    embedder: &GenericEmbedderProxy<NetToEmbedderMsg>,
    control: EmbedderControlId,
    request: FilePickerRequest,
) -> Option<Vec<PathBuf>> {
    let (reply, choice) = oneshot::channel();
    embedder.send(NetToEmbedderMsg::SelectFiles(control, request, reply));
    choice.await.ok().flatten()
}

/// Makes the chosen paths files of `origin`, and returns what script is told along with the files' ids.
///
/// One path that cannot be opened spoils the choice, and no file is selected: that is what
/// [WebDriver](https://w3c.github.io/webdriver/#element-send-keys) relies on to say which argument is wrong.
pub(super) async fn add_to_store(
    store: &RwLock<BlobUrlStore>,
    paths: Option<Vec<PathBuf>>,
    origin: &ImmutableOrigin,
) -> (EmbedderControlResponse, Vec<Uuid>) {
    let Some(paths) = paths else {
        return (EmbedderControlResponse::FilePicker(None), Vec::new());
    };
    let mut picked = Vec::with_capacity(paths.len());
    for path in paths {
        let name = path.file_name().map(PathBuf::from);
        match (name, blob::pick(&path).await) {
            (Some(name), Ok((blob, modified))) => picked.push((name, blob, modified)),
            (_, outcome) => {
                warn!("A picked file cannot be read: {:?}", outcome.err());
                return (
                    EmbedderControlResponse::FilePicker(Some(Vec::new())),
                    Vec::new(),
                );
            },
        }
    }

    let mut store = store.write();
    let files: Vec<_> = picked
        .into_iter()
        .map(|(filename, blob, modified)| {
            let id = Uuid::new_v4();
            let file = SelectedFile {
                id,
                filename,
                modified,
                size: blob.size(),
                type_string: blob.type_string().to_owned(),
            };
            store.insert(id, blob, false, origin.clone());
            file
        })
        .collect();
    let ids = files.iter().map(|file| file.id).collect();
    (EmbedderControlResponse::FilePicker(Some(files)), ids)
}

#[cfg(test)]
mod tests {
    use net_traits::filemanager_thread::FileTokenCheck;

    use super::*;

    fn origin() -> ImmutableOrigin {
        ImmutableOrigin::new_opaque()
    }

    #[tokio::test]
    async fn picked_files_belong_to_the_page() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("note.txt");
        std::fs::write(&path, "hello").unwrap();
        let store = RwLock::default();
        let page = origin();

        let (response, ids) = add_to_store(&store, Some(vec![path]), &page).await;
        let EmbedderControlResponse::FilePicker(Some(files)) = response else {
            panic!("no file was selected");
        };
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].id, ids[0]);
        assert_eq!(files[0].filename, PathBuf::from("note.txt"));
        assert_eq!(files[0].size, 5);
        assert_eq!(files[0].type_string, "text/plain");

        let store = store.read();
        assert!(
            store
                .open(&ids[0], &FileTokenCheck::NotRequired, &page)
                .is_ok()
        );
        assert!(
            store
                .open(&ids[0], &FileTokenCheck::NotRequired, &origin())
                .is_err()
        );
    }

    #[tokio::test]
    async fn one_unreadable_path_spoils_the_choice() {
        let directory = tempfile::tempdir().unwrap();
        let good = directory.path().join("good");
        std::fs::write(&good, "").unwrap();
        let paths = vec![good, directory.path().join("missing")];
        let store = RwLock::default();

        let (response, ids) = add_to_store(&store, Some(paths), &origin()).await;
        assert!(matches!(
            response,
            EmbedderControlResponse::FilePicker(Some(files)) if files.is_empty()
        ));
        assert!(ids.is_empty());
    }

    #[tokio::test]
    async fn no_choice_is_told_as_none() {
        let (response, _) = add_to_store(&RwLock::default(), None, &origin()).await;
        assert!(matches!(
            response,
            EmbedderControlResponse::FilePicker(None)
        ));
    }
}
