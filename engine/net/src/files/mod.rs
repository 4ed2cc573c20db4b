//! The [File API](https://w3c.github.io/FileAPI/)'s side of the fetch stack: files that the user picked, blobs that script
//! made, and the blob URLs of both.
//!
//! [`FileManager`] answers script's messages. What it knows is in the [blob URL store](store); the bytes themselves are a
//! [`Blob`], which stays readable for whoever holds it, whatever becomes of its URL.

mod blob;
mod picker;
mod read;
mod store;

use std::sync::Arc;

use embedder_traits::GenericEmbedderProxy;
use net_traits::blob_url_store::{BlobTokenCommunicator, BlobURLStoreError};
use net_traits::filemanager_thread::{
    FileManagerThreadError, FileManagerThreadMsg, FileTokenCheck, GetTokenForFileReply,
};
use parking_lot::{Mutex, RwLock};
use servo_url::ImmutableOrigin;
use uuid::Uuid;

pub(crate) use self::blob::{Blob, stream_file};
use self::store::BlobUrlStore;
use crate::embedder::NetToEmbedderMsg;
use crate::runtime;

/// How many bytes of a file are read and passed on at once.
pub const FILE_CHUNK_SIZE: usize = 32768;

/// The files and blobs that pages hold. Clones share one store.
#[derive(Clone)]
pub struct FileManager {
    store: Arc<RwLock<BlobUrlStore>>,
    embedder: GenericEmbedderProxy<NetToEmbedderMsg>,
    communicator: Arc<Mutex<BlobTokenCommunicator>>,
}

impl FileManager {
    /// A manager without files. It asks `embedder` for files to pick, and hands the senders of `communicator` to everyone
    /// who gets a token, so that the token can be returned.
    pub fn new(
        embedder: GenericEmbedderProxy<NetToEmbedderMsg>,
        communicator: Arc<Mutex<BlobTokenCommunicator>>,
    ) -> Self {
        Self {
            store: Arc::default(),
            embedder,
            communicator,
        }
    }

    /// Answers one message. Whatever waits for a disk or for a person goes on in a task of its own, so this returns at once.
    pub fn handle(&self, message: FileManagerThreadMsg) {
        match message {
            FileManagerThreadMsg::SelectFiles(control, request, reply) => {
                let store = self.store.clone();
                let embedder = self.embedder.clone();
                runtime::spawn(async move {
                    let origin = request.origin.clone();
                    let paths = picker::ask(&embedder, control, request).await;
                    let (response, ids) = picker::add_to_store(&store, paths, &origin).await;
                    if reply.send(response).is_err() {
                        // The page is gone: nobody will ever release what it picked.
                        let mut store = store.write();
                        for id in ids {
                            let _ = store.release(&id, &origin);
                        }
                    }
                });
            },
            FileManagerThreadMsg::ReadFile(reply, id, origin) => {
                let blob = self.open(&id, &FileTokenCheck::NotRequired, &origin);
                // NB: script may make room for one piece at a time, so that each `send` can block. `spawn_blocking` wants a
                // thread of the runtime, which the caller of `handle` is not.
                runtime::spawn(async move {
                    tokio::task::spawn_blocking(move || {
                        let outcome = match blob {
                            Ok(blob) => {
                                read::read(&blob, &mut |piece| reply.send(Ok(piece)).is_ok())
                            },
                            Err(error) => Err(FileManagerThreadError::BlobURLStoreError(error)),
                        };
                        if let Err(error) = outcome {
                            let _ = reply.send(Err(error));
                        }
                    });
                });
            },
            FileManagerThreadMsg::PromoteMemory(id, buffer, url_valid, origin) => {
                let blob = Blob::in_memory(buffer.bytes, buffer.type_string);
                self.store.write().insert(id, blob, url_valid, origin);
            },
            FileManagerThreadMsg::AddSlicedURLEntry(parent, range, reply, origin) => {
                let _ = reply.send(self.store.write().insert_slice(&parent, &range, &origin));
            },
            FileManagerThreadMsg::DecRef(id, origin, reply) => {
                let _ = reply.send(self.store.write().release(&id, &origin));
            },
            FileManagerThreadMsg::ActivateBlobURL(id, reply, origin) => {
                let _ = reply.send(self.store.write().set_url_valid(&id, true, &origin));
            },
            FileManagerThreadMsg::RevokeBlobURL(id, origin, reply) => {
                let _ = reply.send(self.store.write().set_url_valid(&id, false, &origin));
            },
            FileManagerThreadMsg::GetTokenForFile(id, reply) => {
                let token = match self.get_token_for_file(&id, false) {
                    FileTokenCheck::Required(token) => Some(token),
                    FileTokenCheck::NotRequired | FileTokenCheck::ShouldFail => None,
                };
                let (revoke_sender, refresh_sender) = {
                    let communicator = self.communicator.lock();
                    (
                        communicator.revoke_sender.clone(),
                        communicator.refresh_token_sender.clone(),
                    )
                };
                let undelivered = reply
                    .send(GetTokenForFileReply {
                        token,
                        revoke_sender,
                        refresh_sender,
                    })
                    .is_err();
                if let (true, Some(token)) = (undelivered, token) {
                    self.invalidate_token(&FileTokenCheck::Required(token), &id);
                }
            },
            FileManagerThreadMsg::RevokeTokenForFile(token, id) => {
                self.invalidate_token(&FileTokenCheck::Required(token), &id);
            },
        }
    }

    /// A token with which the blob `id` can be opened even after its URL is revoked. `allow_revoked` is for the holder of
    /// another token, who got it while the URL was valid. [`FileTokenCheck::ShouldFail`] if there is no such blob, or its
    /// URL is not valid.
    pub fn get_token_for_file(&self, id: &Uuid, allow_revoked: bool) -> FileTokenCheck {
        match self.store.write().issue_token(id, allow_revoked) {
            Some(token) => FileTokenCheck::Required(token),
            None => FileTokenCheck::ShouldFail,
        }
    }

    /// Takes a token back. A blob that nothing else keeps is forgotten.
    pub fn invalidate_token(&self, token: &FileTokenCheck, id: &Uuid) {
        if let FileTokenCheck::Required(token) = token {
            self.store.write().return_token(id, token);
        }
    }

    /// The blob `id`, for a requester of `origin` who has passed `check`.
    ///
    /// # Errors
    /// [`BlobURLStoreError::InvalidFileID`] if there is no such blob or the token does not open it, and
    /// [`BlobURLStoreError::InvalidOrigin`] if it belongs to another origin.
    pub(crate) fn open(
        &self,
        id: &Uuid,
        check: &FileTokenCheck,
        origin: &ImmutableOrigin,
    ) -> Result<Blob, BlobURLStoreError> {
        self.store.read().open(id, check, origin)
    }
}

#[cfg(test)]
mod tests {
    use crossbeam_channel::unbounded;
    use embedder_traits::EventLoopWaker;
    use net_traits::blob_url_store::BlobBuf;
    use servo_base::generic_channel;
    use servo_url::ServoUrl;

    use super::*;

    #[derive(Clone)]
    struct NoWaker;

    impl EventLoopWaker for NoWaker {
        fn clone_box(&self) -> Box<dyn EventLoopWaker> {
            Box::new(self.clone())
        }

        fn wake(&self) {}
    }

    fn manager() -> FileManager {
        let embedder = GenericEmbedderProxy {
            sender: unbounded().0,
            event_loop_waker: Box::new(NoWaker),
        };
        FileManager::new(embedder, BlobTokenCommunicator::stub_for_testing())
    }

    fn origin() -> ImmutableOrigin {
        ServoUrl::parse("https://page.example/").unwrap().origin()
    }

    fn promote(manager: &FileManager) -> Uuid {
        let id = Uuid::new_v4();
        let buffer = BlobBuf {
            filename: None,
            type_string: "text/plain".to_owned(),
            size: 5,
            bytes: b"hello".to_vec(),
        };
        manager.handle(FileManagerThreadMsg::PromoteMemory(
            id,
            buffer,
            true,
            origin(),
        ));
        id
    }

    #[test]
    fn a_token_outlives_the_url_and_its_last_holder() {
        let manager = manager();
        let id = promote(&manager);
        let token = manager.get_token_for_file(&id, false);

        let (reply, answer) = generic_channel::channel().unwrap();
        manager.handle(FileManagerThreadMsg::RevokeBlobURL(id, origin(), reply));
        assert_eq!(answer.recv().unwrap(), Ok(()));
        let (reply, answer) = generic_channel::channel().unwrap();
        manager.handle(FileManagerThreadMsg::DecRef(id, origin(), reply));
        assert_eq!(answer.recv().unwrap(), Ok(()));

        assert!(manager.open(&id, &token, &origin()).is_ok());
        manager.invalidate_token(&token, &id);
        assert!(
            manager
                .open(&id, &FileTokenCheck::NotRequired, &origin())
                .is_err()
        );
    }

    #[test]
    fn a_revoked_url_gives_no_token() {
        let manager = manager();
        let id = promote(&manager);
        let (reply, answer) = generic_channel::channel().unwrap();
        manager.handle(FileManagerThreadMsg::RevokeBlobURL(id, origin(), reply));
        assert_eq!(answer.recv().unwrap(), Ok(()));

        let (reply, answer) = generic_channel::channel().unwrap();
        manager.handle(FileManagerThreadMsg::GetTokenForFile(id, reply));
        assert_eq!(answer.recv().unwrap().token, None);
        assert!(matches!(
            manager.get_token_for_file(&id, true),
            FileTokenCheck::Required(_)
        ));
    }

    #[test]
    fn a_slice_has_a_url_of_its_own() {
        use net_traits::filemanager_thread::RelativePos;

        let manager = manager();
        let parent = promote(&manager);
        let (reply, answer) = generic_channel::channel().unwrap();
        let range = RelativePos {
            start: -4,
            end: Some(-1),
        };
        manager.handle(FileManagerThreadMsg::AddSlicedURLEntry(
            parent,
            range,
            reply,
            origin(),
        ));
        let id = answer.recv().unwrap().unwrap();

        let token = manager.get_token_for_file(&id, false);
        let blob = manager.open(&id, &token, &origin()).unwrap();
        assert_eq!(blob.size(), 3);
    }
}
