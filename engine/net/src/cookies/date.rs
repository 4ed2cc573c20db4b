//! Dates in cookies: a grammar that takes nearly anything.

use std::time::{Duration, SystemTime};

use time::{Date, Month, PrimitiveDateTime, Time};

/// Parses a cookie-date.
///
/// The result is a time that [`SystemTime`] can hold; years before 1601 are refused by the grammar.
///
/// <https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-5.1.1>
pub(super) fn parse_cookie_date(input: &[u8]) -> Option<SystemTime> {
    // 1. Divide the input into date-tokens.
    // 2. Each token sets what is still missing, in this order: time, day of the month, month, year.
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in input
        .split(|&byte| is_delimiter(byte))
        .filter(|token| !token.is_empty())
    {
        if time.is_none()
            && let Some(found) = parse_time(token)
        {
            time = Some(found);
        } else if day.is_none()
            && let Some(found) = parse_number(token, 1..=2)
        {
            day = Some(found);
        } else if month.is_none()
            && let Some(found) = parse_month(token)
        {
            month = Some(found);
        } else if year.is_none()
            && let Some(found) = parse_number(token, 2..=4)
        {
            year = Some(found);
        }
    }

    // 5. Fail if anything is missing or out of range. (Steps 3 and 4 only change the year.)
    let ((hour, minute, second), day, month) = (time?, day?, month?);
    let year = match year? {
        // 3. 70 to 99 are in the 20th century,
        year @ 70..=99 => year + 1900,
        // 4. 0 to 69 in the 21st.
        year @ 0..=69 => year + 2000,
        year => year,
    };
    if year < 1601 {
        return None;
    }

    // 6. and 7. Let it be that time in UTC, or fail if there is no such date.
    let date =
        Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    let time = Time::from_hms(
        u8::try_from(hour).ok()?,
        u8::try_from(minute).ok()?,
        u8::try_from(second).ok()?,
    )
    .ok()?;
    let timestamp = PrimitiveDateTime::new(date, time)
        .assume_utc()
        .unix_timestamp();
    let distance = Duration::from_secs(timestamp.unsigned_abs());
    if timestamp < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    }
}

/// The grammar's `delimiter`.
const fn is_delimiter(byte: u8) -> bool {
    matches!(byte, 0x09 | 0x20..=0x2F | 0x3B..=0x40 | 0x5B..=0x60 | 0x7B..=0x7E)
}

/// A number of as many digits as `digits` says; then the end of the token, or a non-digit and anything.
fn parse_number(token: &[u8], digits: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let (number, rest) = split_number(token, digits)?;
    starts_with_non_digit(rest).then_some(number)
}

/// The grammar's `time`: three fields of one or two digits with colons between.
fn parse_time(token: &[u8]) -> Option<(u32, u32, u32)> {
    let (hour, rest) = split_number(token, 1..=2)?;
    let (minute, rest) = split_number(rest.strip_prefix(b":")?, 1..=2)?;
    let (second, rest) = split_number(rest.strip_prefix(b":")?, 1..=2)?;
    starts_with_non_digit(rest).then_some((hour, minute, second))
}

/// The grammar's `month`: the first three letters count.
fn parse_month(token: &[u8]) -> Option<Month> {
    let start = token.get(..3)?.to_ascii_lowercase();
    Some(match &*start {
        b"jan" => Month::January,
        b"feb" => Month::February,
        b"mar" => Month::March,
        b"apr" => Month::April,
        b"may" => Month::May,
        b"jun" => Month::June,
        b"jul" => Month::July,
        b"aug" => Month::August,
        b"sep" => Month::September,
        b"oct" => Month::October,
        b"nov" => Month::November,
        b"dec" => Month::December,
        _ => return None,
    })
}

fn split_number(bytes: &[u8], digits: std::ops::RangeInclusive<usize>) -> Option<(u32, &[u8])> {
    let length = bytes
        .iter()
        .take(*digits.end())
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if length < *digits.start() {
        return None;
    }
    let (number, rest) = bytes.split_at_checked(length)?;
    let value = number
        .iter()
        .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'));
    Some((value, rest))
}

fn starts_with_non_digit(rest: &[u8]) -> bool {
    rest.first().is_none_or(|byte| !byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_of_every_kind() {
        // The second column is seconds since the Unix epoch, or that it is no date.
        for (date, expected) in [
            // The three formats of HTTP.
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            // What is out there.
            ("Thu, 01-Jan-1970 00:00:00 GMT", Some(0)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", Some(-1)),
            ("6 nov 1994 8:49:37", Some(784_111_777)),
            ("6th november 1994; 8:49:37.5", Some(784_111_777)),
            ("08:49:37 1994 6 Nov", Some(784_111_777)),
            ("08:49:37 06 1994 Nov", Some(784_111_777)),
            ("1994-11-06", None),
            ("01 Jan 00 00:00:00", Some(946_684_800)),
            ("01 Jan 69 00:00:00", Some(3_124_224_000)),
            ("01 Jan 70 00:00:00", Some(0)),
            // Time zones are ignored.
            ("Sun, 06 Nov 1994 08:49:37 +0200", Some(784_111_777)),
            ("29 Feb 2024 00:00:00", Some(1_709_164_800)),
            // Out of range.
            ("29 Feb 2023 00:00:00", None),
            ("00 Jan 2023 00:00:00", None),
            ("32 Jan 2023 00:00:00", None),
            ("01 Jan 1600 00:00:00", None),
            ("01 Jan 2023 24:00:00", None),
            ("01 Jan 2023 00:60:00", None),
            ("01 Jan 2023 00:00:60", None),
            ("01 Jan 20233 00:00:00", None),
            ("001 Jan 2023 00:00:00", None),
            // Something is missing.
            ("Jan 2023 00:00:00", None),
            ("01 2023 00:00:00", None),
            ("01 Jan 00:00:00", None),
            ("01 Jan 2023", None),
            ("", None),
        ] {
            let found = parse_cookie_date(date.as_bytes()).map(|time| {
                time.duration_since(SystemTime::UNIX_EPOCH).map_or_else(
                    |before| -i64::try_from(before.duration().as_secs()).unwrap(),
                    |after| i64::try_from(after.as_secs()).unwrap(),
                )
            });
            assert_eq!(found, expected, "{date}");
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(input in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse_cookie_date(&input);
        }

        #[test]
        fn no_near_date_panics(input in "[0-9]{1,5}[ :][a-zA-Z]{2,4}[ -][0-9]{1,5} [0-9]{1,3}:[0-9]{1,3}:[0-9]{1,3}") {
            let _ = parse_cookie_date(input.as_bytes());
        }
    }
}
