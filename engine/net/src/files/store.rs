//! The [blob URL store](https://w3c.github.io/FileAPI/#BlobURLStore): which blob an id stands for, who may open it, and
//! what keeps it.

use net_traits::blob_url_store::BlobURLStoreError;
use net_traits::filemanager_thread::{FileTokenCheck, RelativePos};
use rustc_hash::{FxHashMap, FxHashSet};
use servo_url::ImmutableOrigin;
use uuid::Uuid;

use super::blob::Blob;

/// A [blob URL entry](https://w3c.github.io/FileAPI/#blob-url-entry), and at the same time a file or blob that script
/// holds by its id without a URL.
struct Entry {
    blob: Blob,
    origin: ImmutableOrigin,
    /// How many objects of script stand for this id.
    holders: u64,
    /// Whether the id is valid as part of a blob URL.
    url_valid: bool,
    /// Who may open the blob whatever becomes of its URL.
    tokens: FxHashSet<Uuid>,
}

impl Entry {
    fn is_kept(&self) -> bool {
        self.holders > 0 || self.url_valid || !self.tokens.is_empty()
    }
}

/// All entries, by id. An entry lives as long as script holds it, its URL is valid, or a token for it is out.
#[derive(Default)]
pub(super) struct BlobUrlStore {
    entries: FxHashMap<Uuid, Entry>,
}

impl BlobUrlStore {
    /// Adds a blob with one holder. An id that is taken stays with its owner: ids come from content processes, and none
    /// may replace what another one's URL stands for.
    pub(super) fn insert(
        &mut self,
        id: Uuid,
        blob: Blob,
        url_valid: bool,
        origin: ImmutableOrigin,
    ) {
        self.entries.entry(id).or_insert_with(|| Entry {
            blob,
            origin,
            holders: 1,
            url_valid,
            tokens: FxHashSet::default(),
        });
    }

    /// Adds a part of the blob `parent`, with a valid URL and one holder, and returns its id. It does not need its parent
    /// any further.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub(super) fn insert_slice(
        &mut self,
        parent: &Uuid,
        range: &RelativePos,
        origin: &ImmutableOrigin,
    ) -> Result<Uuid, BlobURLStoreError> {
        let slice = self
            .open(parent, &FileTokenCheck::NotRequired, origin)?
            .slice(range);
        let id = Uuid::new_v4();
        self.insert(id, slice, true, origin.clone());
        Ok(id)
    }

    /// [Obtains the blob](https://w3c.github.io/FileAPI/#blob-url-obtain-object) of an entry.
    ///
    /// # Errors
    /// [`BlobURLStoreError::InvalidFileID`] if there is no such entry or the token is not one of its own,
    /// [`BlobURLStoreError::InvalidOrigin`] if it belongs to another origin.
    pub(super) fn open(
        &self,
        id: &Uuid,
        check: &FileTokenCheck,
        origin: &ImmutableOrigin,
    ) -> Result<Blob, BlobURLStoreError> {
        let entry = self
            .entries
            .get(id)
            .ok_or(BlobURLStoreError::InvalidFileID)?;
        if entry.origin != *origin {
            return Err(BlobURLStoreError::InvalidOrigin);
        }
        match check {
            FileTokenCheck::NotRequired => Ok(entry.blob.clone()),
            FileTokenCheck::Required(token) if entry.tokens.contains(token) => {
                Ok(entry.blob.clone())
            },
            FileTokenCheck::Required(_) | FileTokenCheck::ShouldFail => {
                Err(BlobURLStoreError::InvalidFileID)
            },
        }
    }

    /// A new token for an entry whose URL is valid, or for any entry if `allow_revoked`.
    pub(super) fn issue_token(&mut self, id: &Uuid, allow_revoked: bool) -> Option<Uuid> {
        let entry = self.entries.get_mut(id)?;
        if !entry.url_valid && !allow_revoked {
            return None;
        }
        let token = Uuid::new_v4();
        entry.tokens.insert(token);
        Some(token)
    }

    /// Takes a token back; one that is unknown is ignored.
    pub(super) fn return_token(&mut self, id: &Uuid, token: &Uuid) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.tokens.remove(token);
        }
        self.drop_unless_kept(id);
    }

    /// One holder less.
    ///
    /// # Errors
    /// [`BlobURLStoreError`] if there is no such entry or it belongs to another origin.
    pub(super) fn release(
        &mut self,
        id: &Uuid,
        origin: &ImmutableOrigin,
    ) -> Result<(), BlobURLStoreError> {
        let entry = self.entry_of(id, origin)?;
        entry.holders = entry.holders.saturating_sub(1);
        // NB: while a blob has a URL, script lets it go only when its document unloads, and the URL ends with the document
        // (https://w3c.github.io/FileAPI/#lifeTime).
        if entry.holders == 0 {
            entry.url_valid = false;
        }
        self.drop_unless_kept(id);
        Ok(())
    }

    /// [Adds](https://w3c.github.io/FileAPI/#add-an-entry) the id to the valid blob URLs, or
    /// [removes](https://w3c.github.io/FileAPI/#removeTheEntry) it.
    ///
    /// # Errors
    /// [`BlobURLStoreError`] if there is no such entry or it belongs to another origin.
    pub(super) fn set_url_valid(
        &mut self,
        id: &Uuid,
        url_valid: bool,
        origin: &ImmutableOrigin,
    ) -> Result<(), BlobURLStoreError> {
        self.entry_of(id, origin)?.url_valid = url_valid;
        self.drop_unless_kept(id);
        Ok(())
    }

    fn entry_of(
        &mut self,
        id: &Uuid,
        origin: &ImmutableOrigin,
    ) -> Result<&mut Entry, BlobURLStoreError> {
        let entry = self
            .entries
            .get_mut(id)
            .ok_or(BlobURLStoreError::InvalidFileID)?;
        if entry.origin == *origin {
            Ok(entry)
        } else {
            Err(BlobURLStoreError::InvalidOrigin)
        }
    }

    fn drop_unless_kept(&mut self, id: &Uuid) {
        if self.entries.get(id).is_some_and(|entry| !entry.is_kept()) {
            self.entries.remove(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use servo_url::ServoUrl;

    use super::*;

    fn origin(url: &str) -> ImmutableOrigin {
        ServoUrl::parse(url).unwrap().origin()
    }

    fn blob() -> Blob {
        Blob::in_memory(b"0123456789".to_vec(), String::new())
    }

    struct Fixture {
        store: BlobUrlStore,
        id: Uuid,
        page: ImmutableOrigin,
    }

    fn fixture(url_valid: bool) -> Fixture {
        let mut store = BlobUrlStore::default();
        let id = Uuid::new_v4();
        let page = origin("https://page.example/");
        store.insert(id, blob(), url_valid, page.clone());
        Fixture { store, id, page }
    }

    impl Fixture {
        fn exists(&self) -> bool {
            self.store.entries.contains_key(&self.id)
        }
    }

    #[test]
    fn another_origin_gets_nothing() {
        let mut fixture = fixture(true);
        let (store, id) = (&mut fixture.store, fixture.id);
        for other in [
            origin("https://other.example/"),
            origin("http://page.example/"),
            origin("https://page.example:444/"),
            ImmutableOrigin::new_opaque(),
        ] {
            let token = FileTokenCheck::Required(store.issue_token(&id, false).unwrap());
            assert_eq!(
                store.open(&id, &token, &other).err(),
                Some(BlobURLStoreError::InvalidOrigin)
            );
            assert_eq!(
                store.release(&id, &other),
                Err(BlobURLStoreError::InvalidOrigin)
            );
            assert_eq!(
                store.set_url_valid(&id, false, &other),
                Err(BlobURLStoreError::InvalidOrigin)
            );
            assert_eq!(
                store.insert_slice(&id, &RelativePos::full_range(), &other),
                Err(BlobURLStoreError::InvalidOrigin)
            );
        }
        assert!(fixture.exists());
    }

    #[test]
    fn only_its_own_token_opens_an_entry() {
        let mut fixture = fixture(true);
        let other = Uuid::new_v4();
        fixture
            .store
            .insert(other, blob(), true, fixture.page.clone());
        let foreign = fixture.store.issue_token(&other, false).unwrap();

        let open = |check| {
            fixture
                .store
                .open(&fixture.id, &check, &fixture.page)
                .is_ok()
        };
        assert!(open(FileTokenCheck::NotRequired));
        assert!(!open(FileTokenCheck::ShouldFail));
        assert!(!open(FileTokenCheck::Required(foreign)));
    }

    #[test]
    fn each_of_holder_url_and_token_keeps_an_entry() {
        let mut held = fixture(false);
        assert!(held.exists());
        held.store.release(&held.id, &held.page).unwrap();
        assert!(!held.exists());

        let mut revoked = fixture(true);
        revoked
            .store
            .set_url_valid(&revoked.id, false, &revoked.page)
            .unwrap();
        assert!(revoked.exists());
        revoked.store.release(&revoked.id, &revoked.page).unwrap();
        assert!(!revoked.exists());

        let mut fetched = fixture(true);
        let first = fetched.store.issue_token(&fetched.id, false).unwrap();
        let second = fetched.store.issue_token(&fetched.id, false).unwrap();
        fetched
            .store
            .set_url_valid(&fetched.id, false, &fetched.page)
            .unwrap();
        fetched.store.release(&fetched.id, &fetched.page).unwrap();
        fetched.store.return_token(&fetched.id, &first);
        assert!(fetched.exists());
        fetched.store.return_token(&fetched.id, &second);
        assert!(!fetched.exists());
    }

    #[test]
    fn the_last_holder_takes_the_url_along() {
        let mut fixture = fixture(true);
        fixture.store.release(&fixture.id, &fixture.page).unwrap();
        assert!(!fixture.exists());
        assert_eq!(fixture.store.issue_token(&fixture.id, true), None);
    }

    #[test]
    fn an_id_cannot_be_taken_over() {
        let mut fixture = fixture(true);
        fixture.store.insert(
            fixture.id,
            Blob::in_memory(b"evil".to_vec(), String::new()),
            true,
            origin("https://other.example/"),
        );
        let blob = fixture
            .store
            .open(&fixture.id, &FileTokenCheck::NotRequired, &fixture.page)
            .unwrap();
        assert_eq!(blob.size(), 10);
    }

    #[test]
    fn a_slice_outlives_its_parent() {
        let mut fixture = fixture(false);
        let range = RelativePos {
            start: 2,
            end: Some(6),
        };
        let slice = fixture
            .store
            .insert_slice(&fixture.id, &range, &fixture.page)
            .unwrap();
        fixture.store.release(&fixture.id, &fixture.page).unwrap();
        assert!(!fixture.exists());

        let token = fixture.store.issue_token(&slice, false).unwrap();
        let blob = fixture
            .store
            .open(&slice, &FileTokenCheck::Required(token), &fixture.page)
            .unwrap();
        assert_eq!(blob.size(), 4);
    }
}
