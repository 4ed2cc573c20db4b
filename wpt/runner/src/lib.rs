//! Runs [web platform tests](https://web-platform-tests.org/) on the browser.
//!
//! - [`manifest`] and [`selection`]: which tests there are, and which of them are run;
//! - [`upstream`]: an unpacked tree of upstream's tests, with its own server;
//! - [`fixtures`] and [`own`]: our own tests, on our own server;
//! - [`suite`]: either of them;
//! - [`browser`]: one test in one process of this project's browser, and what it came to;
//! - [`webdriver`]: the same in other browsers; [`driver`]: either of them;
//! - [`schedule`]: many of them at a time; [`interruption`]: the signals that end a run;
//! - [`outcome`]: the results; [`expectations`]: what they are compared with;
//! - [`report`]: results as text, as JSON lines, in WPT's own format and as a page; [`progress`]: how far the run is;
//! - [`arguments`] and [`run`](mod@run): the command line, and a whole run; [`record`]: what becomes of its results.
//!
//! In this project's browser a test's results leave the page through `alert()`, called by a [user script](report_script)
//! that asks testharness.js for them. So the tests and the harness are run as they are, and no protocol for driving the
//! browser has to work.

#![forbid(unsafe_code)]

pub mod arguments;
pub mod browser;
pub mod driver;
pub mod expectations;
pub mod fixtures;
pub mod interruption;
pub mod last_lines;
pub mod manifest;
pub mod outcome;
pub mod own;
pub mod progress;
pub mod record;
pub mod report;
pub mod report_script;
pub mod run;
pub mod schedule;
pub mod selection;
pub mod suite;
pub mod upstream;
pub mod webdriver;
