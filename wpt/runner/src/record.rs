//! What becomes of results: each is stored, compared with what is expected and told as it comes; at the end all of them
//! become reports.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write, stdout};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use crate::arguments::{Outputs, Product};
use crate::expectations::{Expectations, Unexpected};
use crate::outcome::{Browser, LATCHKEY, TestResult};
use crate::progress::Numbers;
use crate::report::{comparison, html, json_lines, text, wptreport};

/// The command that runs a test again in a browser.
type Again<'a> = Box<dyn Fn(&str, &Browser) -> String + 'a>;

/// What takes results.
pub struct Record<'a> {
    outputs: &'a Outputs,
    again: Again<'a>,
    raw: Option<json_lines::Writer>,
    /// By the product's name.
    expectations: BTreeMap<String, Expectations>,
    results: Vec<TestResult>,
    /// How far the run is.
    pub numbers: Numbers,
}

impl<'a> Record<'a> {
    /// Begins, with no results.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or written.
    pub fn begin(
        outputs: &'a Outputs,
        again: impl Fn(&str, &Browser) -> String + 'a,
    ) -> Result<Self> {
        let mut record = Self {
            outputs,
            again: Box::new(again),
            raw: None,
            expectations: BTreeMap::new(),
            results: Vec::new(),
            numbers: Numbers::default(),
        };
        // Before anything is run: a file that is missing or not understood would make all of it useless.
        record.load(LATCHKEY)?;
        if let Some(path) = &outputs.results {
            record.raw = Some(json_lines::Writer::create(path)?);
        }
        Ok(record)
    }

    /// What is expected of a browser.
    ///
    /// # Errors
    ///
    /// If its file is not understood.
    pub fn expectations_of(&mut self, product: &str) -> Result<&Expectations> {
        self.load(product)?;
        Ok(&self.expectations[product])
    }

    fn load(&mut self, product: &str) -> Result<()> {
        if self.expectations.contains_key(product) {
            return Ok(());
        }
        let path = self.expectations_path(product);
        // Another browser than ours may have no file: then nothing is expected to fail.
        let may_be_missing = self.outputs.rebaseline || product != LATCHKEY;
        let expectations = match path {
            Some(path) if path.exists() || !may_be_missing => Expectations::load(&path)?,
            _ => Expectations::default(),
        };
        self.expectations.insert(product.to_owned(), expectations);
        Ok(())
    }

    fn expectations_path(&self, product: &str) -> Option<PathBuf> {
        let path = self.outputs.expectations.as_deref()?;
        Some(if product == LATCHKEY {
            path.to_owned()
        } else {
            with_product(path, product)
        })
    }

    /// Counts and stores a result, and tells what is unexpected.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or written.
    pub fn take(&mut self, result: TestResult) -> Result<()> {
        if let Some(raw) = &mut self.raw {
            raw.add(&result)?;
        }
        let unexpected = self
            .expectations_of(&result.browser.product)?
            .of(&result.test)
            .compare(&result);
        self.numbers.done += 1;
        if !unexpected.is_empty() {
            self.numbers.unexpected += 1;
            // What is about to be expected is no news.
            if !self.outputs.rebaseline {
                let again = (self.again)(&result.test, &result.browser);
                write!(
                    stdout(),
                    "{}",
                    text::unexpected(&result, &unexpected, &again)
                )?;
            }
        }
        self.results.push(result);
        Ok(())
    }

    /// Writes the reports; whether everything was as expected. `elapsed` is how long the tests took, if they were run.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn end(mut self, start: SystemTime, elapsed: Option<Duration>) -> Result<bool> {
        // Neighbours in the manifest may have come in another order; those of one test stay in theirs.
        self.results.sort_by(|one, other| one.test.cmp(&other.test));
        let mut by_product: BTreeMap<&str, Vec<&TestResult>> = BTreeMap::new();
        for result in &self.results {
            by_product
                .entry(&result.browser.product)
                .or_default()
                .push(result);
        }
        let compared: Vec<(&TestResult, Vec<Unexpected>)> = self
            .results
            .iter()
            .map(|result| {
                let expectations = &self.expectations[&result.browser.product];
                (result, expectations.of(&result.test).compare(result))
            })
            .collect();
        let is_as_expected = compared.iter().all(|(_, unexpected)| unexpected.is_empty());

        for product in by_product.keys() {
            if by_product.len() > 1 {
                writeln!(stdout(), "\n{product}")?;
            }
            let of_product = compared
                .iter()
                .filter(|(result, _)| result.browser.product == *product)
                .map(|(result, unexpected)| (*result, unexpected.len()));
            write!(stdout(), "{}", text::summary(of_product))?;
        }
        write!(stdout(), "{}", comparison::table(&self.results))?;
        if let Some(elapsed) = elapsed {
            writeln!(stdout(), "{}", text::took(elapsed))?;
        }

        if let Some(path) = &self.outputs.wptreport {
            for (product, results) in &by_product {
                let path = if by_product.len() > 1 {
                    with_product(path, product)
                } else {
                    path.clone()
                };
                let report = wptreport::Report::new(
                    results,
                    &self.expectations[*product],
                    start,
                    elapsed.unwrap_or_default(),
                );
                write_file(&path, |file| Ok(serde_json::to_writer(file, &report)?))?;
            }
        }
        if let Some(path) = &self.outputs.html {
            let page = html::Page::new(&compared, &self.expectations, start, &self.again);
            write_file(path, |file| Ok(file.write_all(page.render().as_bytes())?))?;
            writeln!(stdout(), "Wrote {}.", path.display())?;
        }
        if self.outputs.rebaseline {
            for (product, results) in &by_product {
                let Some(path) = self.expectations_path(product) else {
                    continue;
                };
                if let Some(expectations) = self.expectations.get_mut(*product) {
                    expectations.rebaseline(results);
                    expectations.save(&path)?;
                    writeln!(stdout(), "Rebaselined {}.", path.display())?;
                }
            }
        }
        Ok(is_as_expected || self.outputs.rebaseline)
    }
}

/// A file's name with the product's before the extension.
fn with_product(path: &Path, product: &str) -> PathBuf {
    // The name a browser gives itself becomes a part of a file's.
    let name = match Product::of_browser(product) {
        Product::Other => product
            .chars()
            .map(|character| {
                if character.is_ascii_alphanumeric() {
                    character
                } else {
                    '-'
                }
            })
            .collect(),
        known => known.name().to_owned(),
    };
    match path.extension() {
        Some(extension) => path.with_extension(format!("{name}.{}", extension.to_string_lossy())),
        None => path.with_extension(name),
    }
}

fn write_file(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let problem = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(problem)?);
    write(&mut file).with_context(problem)?;
    file.flush().with_context(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files() {
        for (path, product, expected) in [
            ("own.json", "chromium", "own.chromium.json"),
            ("a/report", "latchkey", "a/report.latchkey"),
            ("own.json", "../evil/x", "own.---evil-x.json"),
        ] {
            assert_eq!(with_product(Path::new(path), product), Path::new(expected));
        }
    }
}
