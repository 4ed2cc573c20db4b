//! The last lines that a program wrote, to explain what happened to it.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// How many lines are kept.
const KEPT_LINES: usize = 20;

/// The last lines of one program, of all its streams.
#[derive(Clone, Debug, Default)]
pub struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    /// Reads a stream to its end, in a thread of its own.
    pub fn follow(&self, stream: impl Read + Send + 'static) {
        let kept = self.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let mut kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() >= KEPT_LINES {
                    kept.pop_front();
                }
                kept.push_back(String::from_utf8_lossy(&line).into_owned());
            }
        });
    }

    /// The lines.
    pub fn lines(&self) -> Vec<String> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().cloned().collect()
    }

    /// The lines as a block of text.
    pub fn block(&self) -> String {
        let lines: Vec<String> = self
            .lines()
            .iter()
            .map(|line| format!("    | {line}"))
            .collect();
        lines.join("\n")
    }
}
