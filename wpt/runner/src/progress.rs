//! How far a run is.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// How often a line is written where lines stay, such as in a log.
const LOG_INTERVAL: Duration = Duration::from_secs(30);

/// How wide the bar is, in characters.
const BAR_WIDTH: usize = 24;

/// The state of a run, in numbers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Numbers {
    /// Tests that are to be run.
    pub total: usize,
    /// Tests that have been.
    pub done: usize,
    /// Those of them with something unexpected.
    pub unexpected: usize,
    /// How often everything has been begun, if that is more than once.
    pub pass: usize,
}

/// A line that tells how far the run is.
pub fn line(numbers: Numbers, elapsed: Duration) -> String {
    let Numbers {
        total,
        done,
        unexpected,
        pass,
    } = numbers;
    let filled = (done * BAR_WIDTH).checked_div(total).unwrap_or(BAR_WIDTH);
    let bar: String = (0..BAR_WIDTH)
        .map(|index| if index < filled { '#' } else { '-' })
        .collect();
    let mut line = format!("[{bar}] {done}/{total}, {unexpected} unexpected");
    if pass > 1 {
        // Writing into a string cannot fail.
        let _ = write!(line, ", time {pass}");
    }
    if let (Some(remaining), true) = (remaining(numbers, elapsed), done < total) {
        // Writing into a string cannot fail.
        let _ = write!(line, ", about {} left", readable(remaining));
    }
    line
}

/// How long the rest takes if it takes as long as what is done.
fn remaining(numbers: Numbers, elapsed: Duration) -> Option<Duration> {
    let done = u32::try_from(numbers.done).ok()?;
    let left = u32::try_from(numbers.total.saturating_sub(numbers.done)).ok()?;
    elapsed.checked_mul(left)?.checked_div(done)
}

/// A time in minutes and seconds.
pub fn readable(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

/// Shows a run's progress on standard error: in place on a terminal, else as a line now and then.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    last_line: Instant,
    is_terminal: bool,
}

impl Progress {
    /// Begins to measure.
    pub fn begin() -> Self {
        let now = Instant::now();
        Self {
            began: now,
            last_line: now,
            is_terminal: stderr().is_terminal(),
        }
    }

    /// How long it has been going.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Shows the numbers.
    pub fn show(&mut self, numbers: Numbers) {
        let line = line(numbers, self.began.elapsed());
        // Nothing is lost if nobody can be told.
        if self.is_terminal {
            let _ = write!(stderr(), "\r\x1b[K{line}");
        } else if self.last_line.elapsed() >= LOG_INTERVAL {
            let _ = writeln!(stderr(), "{line}");
            self.last_line = Instant::now();
        }
    }

    /// Makes place for other output.
    pub fn clear(&self) {
        if self.is_terminal {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tell_how_much_is_left() {
        for (total, done, seconds, expected) in [
            (4, 0, 1, "[------------------------] 0/4, 2 unexpected"),
            (
                4,
                1,
                60,
                "[######------------------] 1/4, 2 unexpected, about 3 min 00 s left",
            ),
            (4, 4, 60, "[########################] 4/4, 2 unexpected"),
            (0, 0, 0, "[########################] 0/0, 2 unexpected"),
        ] {
            let numbers = Numbers {
                total,
                done,
                unexpected: 2,
                pass: 1,
            };
            assert_eq!(line(numbers, Duration::from_secs(seconds)), expected);
        }
        let numbers = Numbers {
            total: 4,
            done: 4,
            unexpected: 0,
            pass: 3,
        };
        assert!(line(numbers, Duration::ZERO).ends_with("4/4, 0 unexpected, time 3"));
    }

    #[test]
    fn times_are_readable() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min 00 s"),
            (3599, "59 min 59 s"),
            (3660, "1 h 01 min"),
        ] {
            assert_eq!(readable(Duration::from_secs(seconds)), expected);
        }
    }
}
