//! Times and sizes as the panels write them.

use time::OffsetDateTime;
use user_cors::Timestamp;

fn moment(timestamp: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(timestamp.as_millis().div_euclid(1000)).ok()
}

/// The day of a moment, in UTC as the expiry is.
pub fn day(timestamp: Timestamp) -> String {
    moment(timestamp).map_or_else(
        || "an unknown day".to_owned(),
        |time| time.date().to_string(),
    )
}

/// The day, hour and minute of a moment, in UTC.
pub fn minute(timestamp: Timestamp) -> String {
    moment(timestamp).map_or_else(
        || "an unknown time".to_owned(),
        |time| {
            format!(
                "{} {:02}:{:02} UTC",
                time.date(),
                time.hour(),
                time.minute()
            )
        },
    )
}

/// A number of bytes, rounded down.
pub fn size(bytes: u64) -> String {
    let (shift, unit) = match bytes {
        0..1024 => return count(bytes, "byte", "bytes"),
        1024..1_048_576 => (10, "KiB"),
        1_048_576..1_073_741_824 => (20, "MiB"),
        _ => (30, "GiB"),
    };
    let whole = bytes >> shift;
    // Below ten, a tenth says something.
    match ((bytes >> (shift - 10)) & 1023) * 10 / 1024 {
        tenths @ 1.. if whole < 10 => format!("{whole}.{tenths} {unit}"),
        _ => format!("{whole} {unit}"),
    }
}

/// A number with what is counted.
pub fn count(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{} {many}", grouped(number)),
    }
}

/// A number with a comma before each three digits.
pub fn grouped(number: u64) -> String {
    match number {
        0..1000 => number.to_string(),
        _ => format!("{},{:03}", grouped(number / 1000), number % 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_minutes() {
        assert_eq!(day(Timestamp::from_millis(86_400_000)), "1970-01-02");
        assert_eq!(day(Timestamp::from_millis(-1)), "1969-12-31");
        assert_eq!(day(Timestamp::from_millis(i64::MAX)), "an unknown day");
        assert_eq!(
            minute(Timestamp::from_millis(3_660_000)),
            "1970-01-01 01:01 UTC"
        );
        assert_eq!(minute(Timestamp::from_millis(i64::MIN)), "an unknown time");
    }

    #[test]
    fn sizes_and_counts() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1,023 bytes"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (10_500, "10 KiB"),
            (3 << 20, "3 MiB"),
            ((10 << 20) - 1, "9.9 MiB"),
            (4 << 30, "4 GiB"),
            (u64::MAX, "17179869183 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(count(1, "entry", "entries"), "1 entry");
        assert_eq!(count(0, "entry", "entries"), "0 entries");
        assert_eq!(count(1_020_003, "entry", "entries"), "1,020,003 entries");
    }
}
