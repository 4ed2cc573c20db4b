//! The user's own blocklist in the store.

use super::{PermissionStore, ReadError, StoreError, invalid};
use crate::blocklist::{BlockedTarget, Blocklist};

impl PermissionStore {
    pub(super) fn load_blocklist(&mut self) -> Result<(), ReadError> {
        let connection = self.database.lock();
        let mut statement = connection.prepare("SELECT target FROM blocked_targets")?;
        for row in statement.query_map([], |row| {
            let text: String = row.get("target")?;
            text.parse::<BlockedTarget>().map_err(|_| invalid("target"))
        })? {
            self.blocklist.insert(row?);
        }
        Ok(())
    }

    /// The user's own blocklist.
    pub fn blocklist(&self) -> &Blocklist {
        &self.blocklist
    }

    /// Adds an entry; `false` if it is there already.
    ///
    /// # Errors
    /// If it cannot be written. The entry holds in this process all the same.
    pub fn block(&mut self, entry: &BlockedTarget) -> Result<bool, StoreError> {
        let added = self.blocklist.insert(entry.clone());
        self.database.lock().execute(
            "INSERT OR IGNORE INTO blocked_targets (target) VALUES (?1)",
            [entry.to_string()],
        )?;
        Ok(added)
    }

    /// Removes an entry; `false` if it was not there.
    ///
    /// # Errors
    /// If it cannot be written; the entry stays.
    pub fn unblock(&mut self, entry: &BlockedTarget) -> Result<bool, StoreError> {
        self.database.lock().execute(
            "DELETE FROM blocked_targets WHERE target = ?1",
            [entry.to_string()],
        )?;
        Ok(self.blocklist.remove(entry))
    }

    /// Puts a list in place of the one before.
    ///
    /// # Errors
    /// If it cannot be written. The list holds in this process all the same.
    pub fn set_blocklist(&mut self, blocklist: Blocklist) -> Result<(), StoreError> {
        self.blocklist = blocklist;
        let mut connection = self.database.lock();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM blocked_targets", [])?;
        for entry in self.blocklist.entries() {
            transaction.execute(
                "INSERT INTO blocked_targets (target) VALUES (?1)",
                [entry.to_string()],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn entries_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("permissions.sqlite");
        let open = || PermissionStore::open(&path, NOW).unwrap().store;
        let entries: Vec<BlockedTarget> = ["bank.example", "https://b.example:8443", "9.9.9.9"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let mut store = open();
        for entry in &entries {
            assert!(store.block(entry).unwrap());
            assert!(!store.block(entry).unwrap());
        }
        drop(store);
        let mut store = open();
        assert_eq!(*store.blocklist(), Blocklist::new(entries.clone()));
        assert!(store.unblock(&entries[0]).unwrap());
        assert!(!store.unblock(&entries[0]).unwrap());
        drop(store);
        let mut store = open();
        assert_eq!(store.blocklist().entries().count(), 2);
        let other = Blocklist::new([entries[0].clone()]);
        store.set_blocklist(other.clone()).unwrap();
        drop(store);
        assert_eq!(*open().blocklist(), other);
    }
}
