//! Results for people and for programs.

pub mod json_lines;
pub mod text;
pub mod wptreport;
