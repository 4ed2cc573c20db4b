//! [Fetch timing info](https://fetch.spec.whatwg.org/#fetch-timing-info): the steps of Fetch that write down points in time,
//! in the structure that script reads.
//!
//! Servo has one field where the standard has two: `start_time` is the start time, and `fetch_start` the post-redirect start
//! time, which is the same until a redirect is followed.

use net_traits::ResourceFetchTiming;
use net_traits::request::Request;
use net_traits::response::RedirectTaint;
use servo_base::cross_process_instant::CrossProcessInstant;

use super::checks::request_kind::is_top_level_navigation;
use crate::connection::ConnectionTimings;

/// A fetch begins: step 7 of [fetch](https://fetch.spec.whatwg.org/#concept-fetch).
pub(crate) fn started(timing: &mut ResourceFetchTiming, now: CrossProcessInstant) {
    timing.start_time = Some(now);
    timing.fetch_start = Some(now);
}

/// A redirect is followed: steps 16 and 17 of
/// [HTTP-redirect fetch](https://fetch.spec.whatwg.org/#http-redirect-fetch).
pub(crate) fn redirected(timing: &mut ResourceFetchTiming, now: CrossProcessInstant) {
    // 16. The redirect's end is the start of what it leads to.
    timing.redirect_end = Some(now);
    timing.fetch_start = Some(now);
    // 17. The first redirect started with the fetch.
    if timing.redirect_start.is_none() {
        timing.redirect_start = timing.start_time;
    }
    // NB: the standard's connection timing info is made anew for each hop; here it is part of the structure.
    timing.domain_lookup_start = None;
    timing.connect_start = None;
    timing.connect_end = None;
    timing.secure_connection_start = None;
    timing.request_start = None;
    timing.response_start = None;
}

/// A response came over a connection: the final connection timing info, which is
/// [clamped](https://fetch.spec.whatwg.org/#clamp-and-coarsen-connection-timing-info), and when request and response began.
pub(crate) fn exchanged(
    timing: &mut ResourceFetchTiming,
    connection: &ConnectionTimings,
    is_secure: bool,
) {
    let is_older = connection
        .connect_start
        .is_none_or(|start| Some(start) < timing.fetch_start);
    let clamp = |instant: Option<CrossProcessInstant>| {
        if is_older {
            // 1. A connection that was there before the request was made in no time.
            timing.fetch_start
        } else {
            // 2. Otherwise all is as it was; without a lookup that took none.
            instant.or(timing.fetch_start)
        }
    };
    timing.domain_lookup_start = clamp(connection.domain_lookup_start);
    timing.connect_start = clamp(connection.connect_start);
    timing.connect_end = clamp(connection.connect_end);
    // NB: plain connections have no such point, however old they are.
    timing.secure_connection_start = is_secure
        .then(|| clamp(connection.secure_connection_start))
        .flatten();
    timing.request_start = connection.request_start;
    timing.response_start = connection.response_start;
}

/// Turns this into an [opaque timing info](https://fetch.spec.whatwg.org/#create-an-opaque-timing-info): when the fetch
/// began, and nothing of what happened on the way.
pub(crate) fn make_opaque(timing: &mut ResourceFetchTiming) {
    timing.mark_timing_check_failed();
    // NB: Servo's own function leaves these.
    timing.redirect_end = None;
    timing.secure_connection_start = None;
    timing.fetch_start = timing.start_time;
}

/// Leaves in the timing of `request`, at its end, what may be seen of it, given the request's redirect-taint and whether it is
/// an error or has failed a TAO check: step 5 of the report timing steps in
/// [fetch response handover](https://fetch.spec.whatwg.org/#fetch-finale), and the redirect count of
/// [navigation timing](https://html.spec.whatwg.org/multipage/browsing-the-web.html#create-navigation-timing-entry).
///
/// NB: the timing of a frame is seen by its document and by its parent, and cannot be another for each. So the parent's
/// checks hold for both.
pub(crate) fn settle(
    timing: &mut ResourceFetchTiming,
    request: &Request,
    taint: RedirectTaint,
    timing_allow_failed: bool,
) {
    if timing_allow_failed && !is_top_level_navigation(request) {
        make_opaque(timing);
    }
    // Other origins had a part in how many redirects there were, and how long they took.
    if request.is_navigation_request() && taint != RedirectTaint::SameOrigin {
        timing.redirect_count = 0;
        timing.redirect_start = None;
        timing.redirect_end = None;
    }
}

#[cfg(test)]
mod tests {
    use net_traits::ResourceTimingType;
    use net_traits::request::Destination;
    use time::Duration;

    use super::super::checks::test_requests::request;
    use super::*;

    fn after(start: CrossProcessInstant, milliseconds: i64) -> CrossProcessInstant {
        start + Duration::milliseconds(milliseconds)
    }

    fn begun(now: CrossProcessInstant) -> ResourceFetchTiming {
        let mut timing = ResourceFetchTiming::new(ResourceTimingType::Resource);
        started(&mut timing, now);
        timing
    }

    #[test]
    fn redirects_end_where_the_next_hop_begins() {
        let start = CrossProcessInstant::now();
        let mut timing = begun(start);
        redirected(&mut timing, after(start, 10));
        redirected(&mut timing, after(start, 30));
        assert_eq!(timing.start_time, Some(start));
        assert_eq!(timing.redirect_start, Some(start));
        assert_eq!(timing.redirect_end, Some(after(start, 30)));
        assert_eq!(timing.fetch_start, Some(after(start, 30)));
    }

    #[test]
    fn a_hop_has_its_own_connection() {
        let start = CrossProcessInstant::now();
        let mut timing = begun(start);
        let connection = ConnectionTimings {
            connect_start: Some(after(start, 1)),
            request_start: Some(after(start, 2)),
            response_start: Some(after(start, 3)),
            ..ConnectionTimings::default()
        };
        exchanged(&mut timing, &connection, false);
        assert_eq!(timing.connect_start, Some(after(start, 1)));
        redirected(&mut timing, after(start, 10));
        assert_eq!(timing.connect_start, None);
        assert_eq!(timing.response_start, None);
    }

    #[test]
    fn a_connection_that_was_there_took_no_time() {
        let start = CrossProcessInstant::now();
        let now = after(start, 100);
        for (is_secure, secured) in [(true, Some(now)), (false, None)] {
            for connection in [
                ConnectionTimings::default(),
                ConnectionTimings {
                    domain_lookup_start: Some(start),
                    connect_start: Some(start),
                    secure_connection_start: Some(start),
                    connect_end: Some(after(start, 150)),
                    ..ConnectionTimings::default()
                },
            ] {
                let mut timing = begun(now);
                exchanged(&mut timing, &connection, is_secure);
                assert_eq!(timing.domain_lookup_start, Some(now));
                assert_eq!(timing.connect_start, Some(now));
                assert_eq!(timing.connect_end, Some(now));
                assert_eq!(timing.secure_connection_start, secured);
            }
        }
    }

    #[test]
    fn an_opaque_timing_says_when_the_fetch_began_only() {
        let start = CrossProcessInstant::now();
        let mut timing = begun(start);
        redirected(&mut timing, after(start, 10));
        timing.redirect_count = 1;
        let connection = ConnectionTimings {
            secure_connection_start: Some(after(start, 11)),
            request_start: Some(after(start, 12)),
            response_start: Some(after(start, 13)),
            ..ConnectionTimings::default()
        };
        exchanged(&mut timing, &connection, true);
        make_opaque(&mut timing);
        assert_eq!(timing.start_time, Some(start));
        assert_eq!(timing.fetch_start, Some(start));
        assert_eq!(timing.redirect_count, 0);
        for instant in [
            timing.redirect_start,
            timing.redirect_end,
            timing.domain_lookup_start,
            timing.connect_start,
            timing.connect_end,
            timing.secure_connection_start,
            timing.request_start,
            timing.response_start,
        ] {
            assert_eq!(instant, None);
        }
    }

    #[test]
    fn documents_do_not_see_redirects_of_others() {
        let mut request = request("https://a.example", &["https://b.example/"]);
        request.destination = Destination::Document;
        let start = CrossProcessInstant::now();
        for (taint, count) in [
            (RedirectTaint::SameOrigin, 2),
            (RedirectTaint::SameSite, 0),
            (RedirectTaint::CrossSite, 0),
        ] {
            let mut timing = begun(start);
            redirected(&mut timing, after(start, 10));
            timing.redirect_count = 2;
            // Their own timing does not depend on who navigated there.
            settle(&mut timing, &request, taint, true);
            assert_eq!(timing.redirect_count, count);
            assert_eq!(timing.redirect_start.is_some(), count > 0);
            assert_eq!(timing.redirect_end.is_some(), count > 0);
            assert_eq!(timing.fetch_start, Some(after(start, 10)));
        }
    }

    #[test]
    fn of_frames_no_more_is_seen_than_servers_allow() {
        use RedirectTaint::{CrossSite, SameOrigin};
        let start = CrossProcessInstant::now();
        let mut request = request("https://a.example", &["https://b.example/"]);
        request.destination = Destination::IFrame;
        for (taint, failed, count, begins) in [
            (SameOrigin, false, 1, 10),
            (SameOrigin, true, 0, 0),
            (CrossSite, false, 0, 10),
            (CrossSite, true, 0, 0),
        ] {
            let mut timing = begun(start);
            redirected(&mut timing, after(start, 10));
            timing.redirect_count = 1;
            settle(&mut timing, &request, taint, failed);
            assert_eq!(timing.redirect_count, count);
            assert_eq!(timing.redirect_start.is_some(), count > 0);
            assert_eq!(timing.fetch_start, Some(after(start, begins)));
        }
    }
}
