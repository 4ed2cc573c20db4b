//! The database below a store: one connection, which what decides and the ledger share.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rusqlite::Connection;

use super::StoreError;

/// A handle to the connection. Its lock is the innermost of all: whoever has it takes no other.
#[derive(Clone, Debug)]
pub(super) struct Database(Arc<Mutex<Connection>>);

impl Database {
    pub(super) fn new(connection: Connection) -> Self {
        Self(Arc::new(Mutex::new(connection)))
    }

    /// The connection, for as long as nobody else needs it.
    pub(super) fn lock(&self) -> MutexGuard<'_, Connection> {
        self.0.lock()
    }

    /// Writes what outlives the process once this returns, but a power failure only after a while.
    pub(super) fn without_the_disk<T>(
        &self,
        write: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.lock();
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let written = write(&mut connection);
        connection.pragma_update(None, "synchronous", "FULL")?;
        written
    }
}
