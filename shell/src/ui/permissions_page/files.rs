//! The dialog in which the person chooses the file of an import or export.

use std::path::{Path, PathBuf};

use directories::UserDirs;
use egui::{Align2, Context, Vec2};
use egui_file_dialog::{DialogState, FileDialog};

use crate::browser::command::Command;
use crate::browser::permissions::PermissionsCommand;
use crate::ui::Commands;

/// What a file is chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To write what was allowed and refused to.
    ExportPermissions,
    /// To write what was read to.
    ExportLedger,
    /// To read what was allowed and refused elsewhere from.
    Import,
}

impl Purpose {
    fn command(self, path: PathBuf) -> Command {
        Command::Permissions(match self {
            Self::ExportPermissions => PermissionsCommand::ExportPermissions(path),
            Self::ExportLedger => PermissionsCommand::ExportLedger(path),
            Self::Import => PermissionsCommand::OpenImport(path),
        })
    }
}

/// A file that is being chosen.
pub(super) struct FileChoice {
    purpose: Purpose,
    dialog: FileDialog,
}

impl FileChoice {
    /// Begins to choose in a folder, or where the person's documents are.
    pub(super) fn new(purpose: Purpose, folder: Option<&Path>) -> Self {
        let (title, name) = match purpose {
            Purpose::ExportPermissions => ("Export permissions", "latchkey-permissions.json"),
            Purpose::ExportLedger => ("Export what was read", "latchkey-ledger.jsonl"),
            Purpose::Import => ("Import permissions", ""),
        };
        let mut dialog = FileDialog::new()
            .anchor(Align2::CENTER_CENTER, Vec2::ZERO)
            .title(title)
            .default_file_name(name);
        if let Some(folder) = folder.map(Path::to_owned).or_else(documents) {
            dialog = dialog.initial_directory(folder);
        }
        dialog.config_mut().show_search = false;
        dialog.config_mut().show_menu_button = false;
        if purpose == Purpose::Import {
            dialog.pick_file();
        } else {
            dialog.save_file();
        }
        Self { purpose, dialog }
    }
}

fn documents() -> Option<PathBuf> {
    let folders = UserDirs::new()?;
    let documents = folders.document_dir().filter(|folder| folder.is_dir());
    Some(documents.unwrap_or(folders.home_dir()).to_owned())
}

/// Draws the dialog, if there is one, and queues what the person chose.
pub(super) fn files_ui(
    context: &Context,
    choice: &mut Option<FileChoice>,
    folder: &mut Option<PathBuf>,
    commands: &mut Commands,
) {
    let Some(FileChoice { purpose, dialog }) = choice else {
        return;
    };
    dialog.update(context);
    if let Some(path) = dialog.take_picked() {
        *folder = path.parent().map(Path::to_owned);
        commands.push(purpose.command(path));
        *choice = None;
    } else if matches!(dialog.state(), DialogState::Cancelled | DialogState::Closed) {
        *choice = None;
    }
}
