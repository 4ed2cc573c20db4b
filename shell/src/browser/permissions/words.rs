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
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

/// A number with what is counted.
pub fn count(number: u64, one: &str, many: &str) -> String {
    match number {
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
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
        assert_eq!(size(1023), "1023 bytes");
        assert_eq!(size(1024), "1 KiB");
        assert_eq!(size(3 << 20), "3 MiB");
        assert_eq!(size(4 << 30), "4 GiB");
        assert_eq!(count(1, "entry", "entries"), "1 entry");
        assert_eq!(count(0, "entry", "entries"), "0 entries");
    }
}
