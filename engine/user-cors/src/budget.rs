//! How much a grant gives in a day. A page that was allowed to read is not thereby allowed to use the person's address as
//! its own without end: what a grant gives beyond its budget is a new question.

use std::time::Duration;

use crate::clock::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What one visit or lasting grant gives. Policy's pairs have no budget: there is nobody to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Requests in a day. `user_cors.budget.requests`
    pub requests: u64,
    /// Bytes of bodies in a day, decoded. `user_cors.budget.bytes`
    pub bytes: u64,
    /// Bytes of one response's body, decoded. `user_cors.budget.response_bytes`
    pub response_bytes: u64,
}

impl Default for Budget {
    /// Enough for a page that polls every five seconds, or for a film.
    fn default() -> Self {
        Self {
            requests: 20_000,
            bytes: 4 * 1024 * 1024 * 1024,
            response_bytes: 2 * 1024 * 1024 * 1024,
        }
    }
}

/// What a grant was used for so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Requests.
    pub requests: u64,
    /// Bytes of bodies that script was given.
    pub bytes: u64,
    /// The day that is being counted.
    pub day: UsageDay,
}

/// What a grant was used for in one day, which begins with the first use after the day before has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageDay {
    /// Its first moment.
    pub began: Timestamp,
    /// Requests.
    pub requests: u64,
    /// Bytes.
    pub bytes: u64,
    /// Whether a response was larger than the budget allows.
    pub overrun: bool,
}

impl Usage {
    /// Whether nothing is left of the budget at this moment.
    pub fn is_spent(&self, budget: &Budget, now: Timestamp) -> bool {
        self.day.is_running(now)
            && (self.day.overrun
                || self.day.requests >= budget.requests
                || self.day.bytes >= budget.bytes)
    }

    /// Counts one request.
    pub(crate) fn count_request(&mut self, now: Timestamp) {
        self.requests = self.requests.saturating_add(1);
        let day = self.day_at(now);
        day.requests = day.requests.saturating_add(1);
    }

    /// Counts bytes of one response that would bring it to `response_bytes`. `false` if they are more than the budget has:
    /// then they may not be handed over.
    pub(crate) fn count_bytes(
        &mut self,
        bytes: u64,
        response_bytes: u64,
        budget: &Budget,
        now: Timestamp,
    ) -> bool {
        let day = self.day_at(now);
        let fits = response_bytes <= budget.response_bytes
            && day.bytes.saturating_add(bytes) <= budget.bytes;
        if fits {
            day.bytes = day.bytes.saturating_add(bytes);
            self.bytes = self.bytes.saturating_add(bytes);
        } else {
            day.overrun = true;
        }
        fits
    }

    fn day_at(&mut self, now: Timestamp) -> &mut UsageDay {
        if !self.day.is_running(now) {
            self.day = UsageDay {
                began: now,
                ..UsageDay::default()
            };
        }
        &mut self.day
    }
}

impl UsageDay {
    /// Whether it has not ended. One that begins in the future goes on: a clock that was set back gives nothing anew.
    fn is_running(&self, now: Timestamp) -> bool {
        now.since(self.began) < DAY
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    const BUDGET: Budget = Budget {
        requests: 3,
        bytes: 100,
        response_bytes: 60,
    };

    #[test]
    fn requests_of_a_day() {
        let mut usage = Usage::default();
        for _ in 0..3 {
            assert!(!usage.is_spent(&BUDGET, NOW));
            usage.count_request(NOW);
        }
        assert!(usage.is_spent(&BUDGET, NOW));
        assert!(usage.is_spent(&BUDGET, NOW.before(Duration::from_secs(1))));
        assert!(usage.is_spent(&BUDGET, NOW.after(DAY - Duration::from_millis(1))));
        assert!(!usage.is_spent(&BUDGET, NOW.after(DAY)));
        usage.count_request(NOW.after(DAY));
        assert_eq!((usage.requests, usage.day.requests), (4, 1));
    }

    #[test]
    fn bytes_of_a_day_and_of_a_response() {
        let mut usage = Usage::default();
        assert!(usage.count_bytes(60, 60, &BUDGET, NOW));
        assert!(!usage.is_spent(&BUDGET, NOW));
        // 40 are left of the day.
        assert!(usage.count_bytes(40, 40, &BUDGET, NOW));
        assert!(usage.is_spent(&BUDGET, NOW));
        assert!(!usage.count_bytes(1, 1, &BUDGET, NOW));
        assert_eq!(usage.bytes, 100);

        let mut usage = Usage::default();
        assert!(!usage.count_bytes(61, 61, &BUDGET, NOW));
        assert_eq!((usage.bytes, usage.day.overrun), (0, true));
        assert!(usage.is_spent(&BUDGET, NOW));
        assert!(!usage.is_spent(&BUDGET, NOW.after(DAY)));
    }

    proptest! {
        #[test]
        fn no_day_gives_more_than_its_budget(steps in prop::collection::vec((0u64..80, 0u64..40_000), 1..60)) {
            let mut usage = Usage::default();
            let mut now = NOW;
            let mut given: Vec<(Timestamp, u64)> = Vec::new();
            for (bytes, seconds) in steps {
                now = now.after(Duration::from_secs(seconds));
                if usage.count_bytes(bytes, bytes, &BUDGET, now) {
                    given.push((now, bytes));
                }
                let began = usage.day.began;
                let of_day: u64 = given.iter().filter(|(time, _)| *time >= began).map(|(_, bytes)| bytes).sum();
                prop_assert!(of_day <= BUDGET.bytes && of_day == usage.day.bytes);
            }
        }
    }
}
