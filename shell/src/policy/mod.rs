//! The administrator's policy and the files of blocklists: where they are, what they come to, and that they change while
//! the browser runs.
//!
//! A change needs no restart: [`Watch`] looks at the files again and again. Nothing here decides about a request; what the
//! files say goes to the permission model.

mod files;
mod in_force;
mod lists;
mod report;
mod watch;

pub use self::files::{PolicyFile, PolicyPlaces, PolicyRank};
pub use self::in_force::{InForce, in_force, print};
pub use self::lists::{ListReport, list_reports};
pub use self::report::{FileReport, PolicyReport};
pub use self::watch::{Administration, Watch};
