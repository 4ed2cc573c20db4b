//! A document or worker that has something to report, and its reports that are yet to be sent.

use std::time::Instant;

use parking_lot::Mutex;
use servo_base::id::PipelineId;
use servo_url::{ImmutableOrigin, ServoUrl};

use super::endpoints::Endpoint;
use super::report::{Report, ReportBody, strip_url_for_use_in_reports};

/// How many reports of one document or worker may wait; those that follow are dropped.
const REPORTS_LIMIT: usize = 100;

/// How many bytes of URLs may be in them.
const BYTES_LIMIT: usize = 64 << 10;

/// After how many failures in a row an endpoint gets no more reports.
const FAILURES_LIMIT: u32 = 5;

/// A document or worker, its [endpoints](https://w3c.github.io/reporting/#endpoint), and the
/// [reports](https://w3c.github.io/reporting/#windoworworkerglobalscope-reports) for them.
#[derive(Debug)]
pub(crate) struct ReportingContext {
    /// The URL of the reports: that of the response, without what is nobody's business.
    url: String,
    origin: ImmutableOrigin,
    /// The document, or that which the worker belongs to.
    pipeline: Option<PipelineId>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    endpoints: Vec<Endpoint>,
    /// With the names of their endpoints.
    reports: Vec<(String, Report)>,
    bytes: usize,
    is_being_sent: bool,
}

/// What became of a report that was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queued {
    /// It is not going to be sent.
    Dropped,
    /// It will be sent with others, by whoever is sending those.
    Waiting,
    /// It waits for the caller to begin sending.
    First,
}

/// Reports that go to one endpoint.
#[derive(Debug)]
pub(super) struct Batch {
    pub url: ServoUrl,
    pub reports: Vec<Report>,
}

/// How [an attempt to deliver reports](https://w3c.github.io/reporting/#try-delivery) ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// “Success”.
    Success,
    /// “Remove Endpoint”.
    RemoveEndpoint,
    /// “Failure”.
    Failure,
}

impl ReportingContext {
    /// The context of the document or worker whose response came from `url`; `None` if it has no endpoints.
    pub(crate) fn new(
        url: &ServoUrl,
        pipeline: Option<PipelineId>,
        endpoints: Vec<Endpoint>,
    ) -> Option<Self> {
        if endpoints.is_empty() {
            return None;
        }
        Some(Self {
            url: strip_url_for_use_in_reports(url),
            origin: url.origin(),
            pipeline,
            queue: Mutex::new(Queue {
                endpoints,
                ..Queue::default()
            }),
        })
    }

    /// The URL of its reports.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The origin of its reports.
    pub(super) fn origin(&self) -> &ImmutableOrigin {
        &self.origin
    }

    /// The document, or that which the worker belongs to.
    pub(super) fn pipeline(&self) -> Option<PipelineId> {
        self.pipeline
    }

    /// Queues a report for the endpoint that the policy names as its `destination`.
    pub(super) fn queue(&self, destination: &str, body: ReportBody, now: Instant) -> Queued {
        let queue = &mut *self.queue.lock();
        let length = body.length();
        let is_for_somebody = queue
            .endpoints
            .iter()
            .any(|endpoint| endpoint.name == destination);
        if !is_for_somebody
            || queue.reports.len() >= REPORTS_LIMIT
            || queue.bytes + length > BYTES_LIMIT
        {
            return Queued::Dropped;
        }
        queue.bytes += length;
        let report = Report {
            body,
            timestamp: now,
        };
        queue.reports.push((destination.to_owned(), report));
        if queue.is_being_sent {
            return Queued::Waiting;
        }
        queue.is_being_sent = true;
        Queued::First
    }

    /// Takes the reports that wait, by their endpoints. If there are none, whoever is sending is done.
    pub(super) fn take(&self) -> Vec<Batch> {
        let queue = &mut *self.queue.lock();
        let mut reports = std::mem::take(&mut queue.reports);
        queue.bytes = 0;
        let batches: Vec<_> = queue
            .endpoints
            .iter()
            .map(|endpoint| Batch {
                url: endpoint.url.clone(),
                reports: reports
                    .extract_if(.., |(name, _)| *name == endpoint.name)
                    .map(|(_, report)| report)
                    .collect(),
            })
            .filter(|batch| !batch.reports.is_empty())
            .collect();
        queue.is_being_sent = !batches.is_empty();
        batches
    }

    /// Notes how a delivery to the endpoint at `url` ended.
    pub(super) fn settle(&self, url: &ServoUrl, delivery: Delivery) {
        let endpoints = &mut self.queue.lock().endpoints;
        endpoints.retain_mut(|endpoint| {
            if endpoint.url != *url {
                return true;
            }
            endpoint.failures = match delivery {
                Delivery::Success => 0,
                Delivery::Failure => endpoint.failures + 1,
                Delivery::RemoveEndpoint => return false,
            };
            endpoint.failures < FAILURES_LIMIT
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::report::Disposition;
    use super::*;
    use crate::fetch::checks::test_requests::url;

    const COLLECTOR: &str = "https://b.example/";

    fn context() -> ReportingContext {
        let endpoint = |name: &str, target: &str| Endpoint {
            name: name.to_owned(),
            url: url(target),
            failures: 0,
        };
        let endpoints = vec![
            endpoint("a", COLLECTOR),
            endpoint("b", "https://a.example/b"),
        ];
        let page = url("https://name:word@a.example/page#x");
        ReportingContext::new(&page, None, endpoints).unwrap()
    }

    fn body(blocked_url: &str) -> ReportBody {
        ReportBody::EmbedderPolicy {
            violation: "corp",
            blocked_url: blocked_url.to_owned(),
            destination: Some(""),
            disposition: Disposition::Enforce,
        }
    }

    fn lengths(batches: &[Batch]) -> Vec<(&str, usize)> {
        batches
            .iter()
            .map(|batch| (batch.url.as_str(), batch.reports.len()))
            .collect()
    }

    #[test]
    fn reports_go_to_their_endpoints() {
        let context = context();
        assert_eq!(context.url(), "https://a.example/page");
        assert_eq!(context.origin().ascii_serialization(), "https://a.example");
        let now = Instant::now();
        assert_eq!(context.queue("c", body(""), now), Queued::Dropped);
        assert_eq!(context.queue("", body(""), now), Queued::Dropped);
        assert_eq!(context.queue("a", body("1"), now), Queued::First);
        assert_eq!(context.queue("b", body("2"), now), Queued::Waiting);
        assert_eq!(context.queue("a", body("3"), now), Queued::Waiting);
        let expected = [(COLLECTOR, 2), ("https://a.example/b", 1)];
        assert_eq!(lengths(&context.take()), expected);
        // While these are sent there is another one.
        assert_eq!(context.queue("b", body("4"), now), Queued::Waiting);
        assert_eq!(context.take().len(), 1);
        assert_eq!(context.take().len(), 0);
        assert_eq!(context.queue("b", body("5"), now), Queued::First);
    }

    #[test]
    fn what_waits_is_bounded() {
        let context = context();
        let now = Instant::now();
        for _ in 0..2 * REPORTS_LIMIT {
            context.queue("a", body("x"), now);
        }
        assert_eq!(lengths(&context.take()), [(COLLECTOR, REPORTS_LIMIT)]);
        let long = "x".repeat(BYTES_LIMIT / 4);
        for _ in 0..REPORTS_LIMIT {
            context.queue("a", body(&long), now);
        }
        assert_eq!(lengths(&context.take()), [(COLLECTOR, 4)]);
    }

    #[test]
    fn an_endpoint_that_fails_or_is_gone_gets_no_more() {
        let context = context();
        let collector = url(COLLECTOR);
        let takes = |context: &ReportingContext| {
            context.queue("a", body(""), Instant::now()) != Queued::Dropped
        };
        for _ in 1..FAILURES_LIMIT {
            context.settle(&collector, Delivery::Failure);
        }
        assert!(takes(&context));
        context.settle(&collector, Delivery::Success);
        for _ in 1..FAILURES_LIMIT {
            context.settle(&collector, Delivery::Failure);
        }
        assert!(takes(&context));
        context.settle(&collector, Delivery::Failure);
        assert!(!takes(&context));
        // What waited for it is dropped.
        assert_eq!(context.take().len(), 0);
        let other = url("https://a.example/b");
        context.settle(&other, Delivery::RemoveEndpoint);
        assert_eq!(
            context.queue("b", body(""), Instant::now()),
            Queued::Dropped
        );
    }

    #[test]
    fn without_endpoints_there_is_no_context() {
        assert!(ReportingContext::new(&url("https://a.example/"), None, Vec::new()).is_none());
    }
}
