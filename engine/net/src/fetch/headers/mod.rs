//! The grammars of header values: what [RFC 9110](https://www.rfc-editor.org/rfc/rfc9110) and Fetch say that a header
//! holds, and which headers a page may send or read.
//!
//! Everything here takes bytes or a header list and gives a typed value. A value that breaks its grammar is told apart
//! from one that is absent, because Fetch treats them differently.

pub mod access_control;
pub mod clear_site_data;
pub mod content_length;
pub mod content_range;
pub mod header_list;
pub mod location;
pub mod mime_type;
pub mod range;
pub mod safelist;
pub mod token;
