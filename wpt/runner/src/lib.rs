//! Runs [web platform tests](https://web-platform-tests.org/) on the browser.
//!
//! - [`manifest`] and [`selection`]: which tests there are, and which of them are run;
//! - [`upstream`]: an unpacked tree of upstream's tests, with its own server;
//! - [`fixtures`] and [`own`]: our own tests, on our own server;
//! - [`suite`]: either of them;
//! - [`browser`]: one test in one browser process, and what it came to;
//! - [`schedule`]: many of them at a time;
//! - [`outcome`]: the results; [`expectations`]: what they are compared with;
//! - [`report`]: results as text, as JSON lines and in WPT's own format; [`progress`]: how far the run is;
//! - [`arguments`] and [`run`](mod@run): the command line, and a whole run.
//!
//! A test's results leave the page through `alert()`, called by a [user script](report_script) that asks testharness.js
//! for them. So the tests and the harness are run as they are, and no protocol for driving the browser has to work.

#![forbid(unsafe_code)]

pub mod arguments;
pub mod browser;
pub mod expectations;
pub mod fixtures;
pub mod manifest;
pub mod outcome;
pub mod own;
pub mod progress;
pub mod report;
pub mod report_script;
pub mod run;
pub mod schedule;
pub mod selection;
pub mod suite;
pub mod upstream;
