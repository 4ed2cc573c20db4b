//! Why a command was not carried out.

use thiserror::Error;
use user_cors::{JsonError, OverridesError, PatternError, StoreError};

use crate::preferences::PreferenceError;

/// Why a command was not carried out. Its text and those of its causes go to the page that gave the command.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The text is no command, or one with other parameters.
    #[error("this is no command")]
    Malformed(#[source] serde_json::Error),
    /// The page is not the one that would be clicked.
    #[error("this tab is not in front")]
    NotInFront,
    /// The fetch stack has nobody who embeds it.
    #[error("there is no user-enabled CORS here")]
    NotInstalled,
    /// The rules are wrong.
    #[error("these are no rules")]
    Rules(#[from] JsonError),
    /// There is no such setting, or it does not take the value.
    #[error("this cannot be set")]
    Preference(#[from] PreferenceError),
    /// The entry is none of a blocklist.
    #[error("this is no entry of a blocklist")]
    Entry(#[from] PatternError),
    /// The list of address spaces is wrong.
    #[error("these are no address spaces")]
    AddressSpaces(#[from] OverridesError),
    /// A change could not be written, or what is stored not be read.
    #[error("the permissions cannot be read or written")]
    Store(#[from] StoreError),
}
