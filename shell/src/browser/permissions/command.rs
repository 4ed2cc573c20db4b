//! What the permissions page wants done.

use std::path::PathBuf;

use net::embedding::Embedding;
use user_cors::{BlockedTarget, EmbargoKey};

use super::{Permissions, SettingChange};

/// Something to do with what was allowed, refused or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PermissionsCommand {
    /// Let someone ask again who was refused several times.
    ResetEmbargo(EmbargoKey),
    /// Show the records of the ledger with this text.
    SearchLedger(String),
    /// Show more records.
    MoreLedger,
    /// Delete all records.
    ClearLedger,
    /// Write the records that are searched for to a file.
    ExportLedger(PathBuf),
    /// Write what was allowed and refused for longer to a file.
    ExportPermissions(PathBuf),
    /// Show what importing a file would do.
    OpenImport(PathBuf),
    /// Import the file that is shown.
    ConfirmImport,
    /// Leave the file that is shown alone.
    CancelImport,
    /// Never ask about a target.
    Block(BlockedTarget),
    /// Ask about a target again.
    Unblock(BlockedTarget),
    /// Change a setting.
    ChangeSetting(SettingChange),
}

impl Permissions {
    /// Carries out a command.
    pub fn apply(&mut self, command: PermissionsCommand) {
        match command {
            PermissionsCommand::ResetEmbargo(key) => self.reset_embargo(&key),
            PermissionsCommand::SearchLedger(text) => {
                self.ledger.search = text;
                if let Some(embedding) = Embedding::get() {
                    embedding.settle_ledger();
                    self.ledger.refresh_from(embedding.user_cors());
                }
            },
            PermissionsCommand::MoreLedger => {
                if let Some(embedding) = Embedding::get() {
                    self.ledger.more_from(embedding.user_cors());
                }
            },
            PermissionsCommand::ClearLedger => self.clear_ledger(),
            PermissionsCommand::ExportLedger(path) => self.export_ledger(&path),
            PermissionsCommand::ExportPermissions(path) => self.export_permissions(&path),
            PermissionsCommand::OpenImport(path) => self.open_import(&path),
            PermissionsCommand::ConfirmImport => self.confirm_import(),
            PermissionsCommand::CancelImport => self.cancel_import(),
            PermissionsCommand::Block(entry) => self.block(&entry),
            PermissionsCommand::Unblock(entry) => self.unblock(&entry),
            PermissionsCommand::ChangeSetting(change) => self.change_setting(&change),
        }
    }
}
