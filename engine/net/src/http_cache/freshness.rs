//! How long a stored response can be used without asking the server.

use std::time::{Duration, SystemTime};

use headers::{Date, Expires, Header, LastModified};
use http::header::{AGE, EXPIRES};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::cache_control::{CacheControl, parse_delta_seconds, request_says_no_cache};
use super::stored_response::Freshness;

/// The longest time for which a response is fresh without having said so.
const MAX_HEURISTIC_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Whether a stored response answers a request as it is, given its age.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-4>
///
/// NB: The directive `immutable` only says that a fresh response need not be revalidated on a reload, and fresh responses
/// are revalidated only where the request asks for it.
pub(super) fn freshness(
    request_headers: &HeaderMap,
    status: StatusCode,
    headers: &HeaderMap,
    response_time: SystemTime,
    age: Duration,
) -> Freshness {
    let request = CacheControl::of(request_headers);
    let response = CacheControl::of(headers);
    if request_says_no_cache(&request, request_headers) || response.has("no-cache") {
        return Freshness::MustRevalidate;
    }
    // https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.1
    // NB: As in other browsers, `max-age=0` is a wish to revalidate, however young the response is.
    if request
        .seconds("max-age")
        .is_some_and(|max_age| age > max_age || max_age.is_zero())
    {
        return Freshness::MustRevalidate;
    }
    let lifetime = freshness_lifetime(status, headers, response_time);
    // https://www.rfc-editor.org/rfc/rfc9111#section-5.2.1.3
    if request
        .seconds("min-fresh")
        .is_some_and(|min_fresh| lifetime.saturating_sub(age) < min_fresh)
    {
        return Freshness::MustRevalidate;
    }
    if lifetime > age {
        return Freshness::Fresh;
    }

    // https://www.rfc-editor.org/rfc/rfc9111#section-4.2.4
    let staleness = age - lifetime;
    if response.has("must-revalidate") {
        Freshness::MustRevalidate
    } else if request
        .max_stale()
        .is_some_and(|max_stale| staleness <= max_stale)
    {
        Freshness::Fresh
    } else if response
        .seconds("stale-while-revalidate")
        .is_some_and(|window| staleness <= window)
    {
        // https://www.rfc-editor.org/rfc/rfc5861#section-3
        Freshness::StaleWhileRevalidate
    } else {
        Freshness::MustRevalidate
    }
}

/// For how long, from its origin, a response is fresh.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-4.2.1>
fn freshness_lifetime(
    status: StatusCode,
    headers: &HeaderMap,
    response_time: SystemTime,
) -> Duration {
    let cache_control = CacheControl::of(headers);
    // 1. (s-maxage) is for shared caches.
    // 2. max-age.
    if let Some(max_age) = cache_control.seconds("max-age") {
        return max_age;
    }
    let date = date_value(headers, response_time);
    // 3. Expires, from Date on. What is no date is in the past.
    if let Some(expires) = headers.get(EXPIRES) {
        return parse_date::<Expires>(expires)
            .and_then(|expires| expires.duration_since(date).ok())
            .unwrap_or_default();
    }
    // 4. Nothing is said: a heuristic may apply.
    if is_heuristically_cacheable(status) || cache_control.has("public") {
        heuristic_lifetime(headers, date)
    } else {
        Duration::ZERO
    }
}

/// A tenth of the time for which the response has not changed, up to a limit.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-4.2.2>
fn heuristic_lifetime(headers: &HeaderMap, date: SystemTime) -> Duration {
    headers
        .get(http::header::LAST_MODIFIED)
        .and_then(parse_date::<LastModified>)
        .and_then(|last_modified| date.duration_since(last_modified).ok())
        .map_or(Duration::ZERO, |unchanged| {
            (unchanged / 10).min(MAX_HEURISTIC_LIFETIME)
        })
}

/// Whether a response of this status is cacheable without having said so.
///
/// <https://www.rfc-editor.org/rfc/rfc9110#section-15.1>
pub(super) fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501
    )
}

/// The age of a stored response.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-4.2.3>
pub(super) fn current_age(
    headers: &HeaderMap,
    request_time: SystemTime,
    response_time: SystemTime,
    now: SystemTime,
) -> Duration {
    let since = |later: SystemTime, earlier| later.duration_since(earlier).unwrap_or_default();
    let apparent_age = since(response_time, date_value(headers, response_time));

    let response_delay = since(response_time, request_time);
    let corrected_age_value = age_value(headers) + response_delay;

    let corrected_initial_age = apparent_age.max(corrected_age_value);

    let resident_time = since(now, response_time);
    corrected_initial_age + resident_time
}

/// The first `Age`; zero if there is none that is valid.
///
/// <https://www.rfc-editor.org/rfc/rfc9111#section-5.1>
fn age_value(headers: &HeaderMap) -> Duration {
    headers
        .get(AGE)
        .and_then(|value| value.as_bytes().split(|&byte| byte == b',').next())
        .and_then(|value| parse_delta_seconds(value.trim_ascii()))
        .unwrap_or_default()
}

/// `Date`, or else when the response arrived.
fn date_value(headers: &HeaderMap, response_time: SystemTime) -> SystemTime {
    headers
        .get(http::header::DATE)
        .and_then(parse_date::<Date>)
        .unwrap_or(response_time)
}

/// An [HTTP-date](https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7) in any of its three formats.
fn parse_date<H: Header + Into<SystemTime>>(value: &HeaderValue) -> Option<SystemTime> {
    H::decode(&mut std::iter::once(value)).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::http_cache::test_messages::headers;

    // The tests' clock starts at a time that has a short name.
    const START: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn at(seconds: i64) -> SystemTime {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let distance = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 {
            start - distance
        } else {
            start + distance
        }
    }

    fn date(seconds: i64) -> String {
        let value = HeaderMap::from_iter([Date::from(at(seconds))].map(|date| {
            let mut values = Vec::new();
            date.encode(&mut values);
            (http::header::DATE, values.remove(0))
        }));
        value[http::header::DATE].to_str().unwrap().to_owned()
    }

    #[test]
    fn the_clock_is_right() {
        assert_eq!(date(0), START);
    }

    #[test]
    fn lifetimes() {
        for (status, fields, expected) in [
            (200, "Cache-Control: max-age=10".to_owned(), 10),
            (
                200,
                format!("Cache-Control: max-age=10|Expires: {}", date(99)),
                10,
            ),
            (
                200,
                format!("Cache-Control: max-age=x|Expires: {}", date(99)),
                0,
            ),
            (
                200,
                format!("Cache-Control: s-maxage=5|Expires: {}", date(99)),
                99,
            ),
            (200, format!("Expires: {}", date(99)), 99),
            (200, format!("Date: {}|Expires: {}", date(-9), date(90)), 99),
            (200, format!("Expires: {}", date(-1)), 0),
            (200, "Expires: 0".to_owned(), 0),
            (
                200,
                "Expires: Sunday, 06-Nov-94 08:49:47 GMT".to_owned(),
                10,
            ),
            (200, "Expires: Sun Nov  6 08:49:47 1994".to_owned(), 10),
            (200, "Expires: 1994-11-06T08:49:47Z".to_owned(), 0),
            (200, format!("Expires: 0|Expires: {}", date(99)), 0),
            (200, format!("Expires: 0|Last-Modified: {}", date(-1000)), 0),
            (200, format!("Last-Modified: {}", date(-1000)), 100),
            (404, format!("Last-Modified: {}", date(-1000)), 100),
            (201, format!("Last-Modified: {}", date(-1000)), 0),
            (
                201,
                format!("Cache-Control: public|Last-Modified: {}", date(-1000)),
                100,
            ),
            (
                200,
                format!("Date: {}|Last-Modified: {}", date(-100), date(-1000)),
                90,
            ),
            (200, format!("Last-Modified: {}", date(1000)), 0),
            (
                200,
                format!("Last-Modified: {}", date(-700_000_000)),
                604_800,
            ),
            (200, String::new(), 0),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let lifetime = freshness_lifetime(status, &headers(&fields), at(0));
            assert_eq!(lifetime.as_secs(), expected, "{status} {fields}");
        }
    }

    #[test]
    fn ages() {
        // Request at 0 s, response at 2 s.
        for (fields, now, expected) in [
            (String::new(), 2, 2),
            (String::new(), 7, 7),
            ("Age: 10".to_owned(), 7, 17),
            ("Age: 10, 20".to_owned(), 7, 17),
            ("Age: x".to_owned(), 7, 7),
            ("Age: -10".to_owned(), 7, 7),
            (format!("Date: {}", date(-8)), 2, 10),
            (format!("Date: {}|Age: 3", date(-8)), 7, 15),
            (format!("Date: {}|Age: 30", date(-8)), 7, 37),
            (format!("Date: {}", date(100)), 7, 7),
            ("Date: x".to_owned(), 7, 7),
            // A clock that was set back.
            (String::new(), -100, 2),
        ] {
            let age = current_age(&headers(&fields), at(0), at(2), at(now));
            assert_eq!(age.as_secs(), expected, "{fields} at {now}");
        }
    }

    #[test]
    fn verdicts() {
        use Freshness::{Fresh, MustRevalidate, StaleWhileRevalidate};
        for (request, response, age, expected) in [
            ("", "max-age=10", 9, Fresh),
            ("", "max-age=10", 10, MustRevalidate),
            ("", "max-age=10, no-cache", 0, MustRevalidate),
            ("", "max-age=10, no-cache=\"x\"", 0, MustRevalidate),
            ("", "max-age=10, must-revalidate", 9, Fresh),
            ("", "max-age=10, immutable", 9, Fresh),
            ("", "max-age=10, immutable", 10, MustRevalidate),
            ("no-cache", "max-age=10", 0, MustRevalidate),
            ("max-age=0", "max-age=10", 0, MustRevalidate),
            ("max-age=5", "max-age=10", 5, Fresh),
            ("max-age=5", "max-age=10", 6, MustRevalidate),
            ("max-age=5, max-stale", "max-age=10", 6, MustRevalidate),
            ("min-fresh=5", "max-age=10", 5, Fresh),
            ("min-fresh=5", "max-age=10", 6, MustRevalidate),
            ("max-stale", "max-age=10", 999, Fresh),
            ("max-stale=5", "max-age=10", 15, Fresh),
            ("max-stale=5", "max-age=10", 16, MustRevalidate),
            (
                "max-stale",
                "max-age=10, must-revalidate",
                10,
                MustRevalidate,
            ),
            ("", "max-age=10, stale-while-revalidate=5", 9, Fresh),
            (
                "",
                "max-age=10, stale-while-revalidate=5",
                15,
                StaleWhileRevalidate,
            ),
            (
                "",
                "max-age=10, stale-while-revalidate=5",
                16,
                MustRevalidate,
            ),
            (
                "",
                "max-age=10, stale-while-revalidate=5, must-revalidate",
                11,
                MustRevalidate,
            ),
            (
                "no-cache",
                "max-age=10, stale-while-revalidate=5",
                11,
                MustRevalidate,
            ),
        ] {
            let map = |value: &str| {
                headers(&format!("Cache-Control: {value}").replace("Cache-Control: |", ""))
            };
            let request_headers = if request.is_empty() {
                HeaderMap::new()
            } else {
                map(request)
            };
            let found = freshness(
                &request_headers,
                StatusCode::OK,
                &map(response),
                at(0),
                Duration::from_secs(age),
            );
            assert_eq!(found, expected, "{request} / {response} at {age}");
        }
    }

    proptest! {
        #[test]
        fn no_time_panics(request in any::<i32>(), response in any::<i32>(), now in any::<i32>(), age in "[0-9]{0,30}", max_age in "[0-9]{0,30}") {
            let fields = headers(&format!("Age: {age}|Cache-Control: max-age={max_age}, stale-while-revalidate={age}"));
            let [request, response, now] = [request, response, now].map(|time| at(i64::from(time)));
            let age = current_age(&fields, request, response, now);
            let _ = freshness(&HeaderMap::new(), StatusCode::OK, &fields, response, age);
        }
    }
}
