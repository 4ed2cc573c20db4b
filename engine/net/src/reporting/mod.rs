//! The [Reporting API](https://w3c.github.io/reporting/), as far as a fetch stack has something to report: documents and workers
//! name endpoints in their responses, and what was blocked because of their policies is sent there.
//!
//! Script keeps endpoints of its own and sends them what it finds itself (Content Security Policy). What is here sends only what
//! script does not know of: violations of embedder policies and of integrity policies.

mod context;
mod delivery;
mod endpoints;
mod report;

pub(crate) use self::context::ReportingContext;
pub(crate) use self::delivery::generate_and_queue_a_report;
pub use self::endpoints::{NAME_LIMIT, process_reporting_endpoints};
pub use self::report::{Disposition, ReportBody, strip_url_for_use_in_reports};
