//! JSON that a person writes: errors that say where and what, and nothing that is silently ignored.

use std::fmt;

use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::display::bounded_escaped;

/// The most characters of a message, which may quote the text.
const MOST_CHARACTERS: usize = 300;

/// Why a JSON text cannot be used. Lines and columns count from one; both are zero where the text as a whole is meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct JsonError {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// What is wrong, without the place; what it quotes is cut and escaped.
    pub message: String,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)
    }
}

/// Reads a whole text as one value.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, JsonError> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = error.to_string();
        let message = message.strip_suffix(&place).unwrap_or(&message).to_owned();
        JsonError {
            line: error.line(),
            column: error.column(),
            message: bounded_escaped(&message, MOST_CHARACTERS),
        }
    })
}
