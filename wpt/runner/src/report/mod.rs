//! Results for people and for programs.

pub mod comparison;
pub mod html;
pub mod json_lines;
pub mod text;
pub mod wptreport;
