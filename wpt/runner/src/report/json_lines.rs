//! The raw results: one test a line, as JSON. What is written while the run goes on survives its end, and the files of
//! several runs can be read together.

use std::fs::File;
use std::io::{BufRead, BufReader, LineWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::outcome::TestResult;

/// A file that results are added to.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: LineWriter<File>,
}

impl Writer {
    /// Makes the file anew.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn create(path: &Path) -> Result<Self> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            file: LineWriter::new(file),
        })
    }

    /// Adds a result.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn add(&mut self, result: &TestResult) -> Result<()> {
        let line = serde_json::to_string(result)?;
        writeln!(self.file, "{line}")
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Reads the results in a file.
///
/// # Errors
///
/// If it cannot be read, or a line is no result.
pub fn read(path: &Path) -> Result<Vec<TestResult>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    BufReader::new(file)
        .lines()
        .enumerate()
        .map(|(index, line)| {
            let place = || format!("{}, line {}", path.display(), index + 1);
            serde_json::from_str(&line.with_context(place)?)
                .with_context(|| format!("{} is no result", place()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{SubtestStatus, TestStatus, fake::result};

    #[test]
    fn results_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.jsonl");
        let results = [
            result("/a?x", TestStatus::Ok, &[("one\ntwo", SubtestStatus::Fail)]),
            result("/b", TestStatus::Crash, &[]),
        ];
        let mut writer = Writer::create(&path).expect("a file");
        for result in &results {
            writer.add(result).expect("it is written");
        }
        assert_eq!(read(&path).expect("results"), results);
    }

    #[test]
    fn a_line_that_is_no_result_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("results.jsonl");
        let first = serde_json::to_string(&result("/a", TestStatus::Ok, &[])).expect("JSON");
        std::fs::write(&path, format!("{first}\n{{\n")).expect("a file");
        let error = read(&path).expect_err("no result");
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
