//! Results of several browsers beside each other: how many subtests pass, and which pass in another browser only.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::outcome::{LATCHKEY, SubtestStatus, TestResult};
use crate::report::text::{group_of, one_line};

/// How many of the subtests that pass in another browser only are named.
const NAMED: usize = 40;

/// A subtest: its test, and its name.
type Subtest<'a> = (&'a str, &'a str);

/// What of a folder, or of all, passes in each browser.
#[derive(Default)]
struct Row<'a> {
    passing: BTreeMap<&'a str, BTreeSet<Subtest<'a>>>,
}

impl<'a> Row<'a> {
    fn of(&self, product: &str) -> usize {
        self.passing.get(product).map_or(0, BTreeSet::len)
    }

    /// What passes in this browser, and not in ours.
    fn only_in(&self, product: &str) -> BTreeSet<Subtest<'a>> {
        let none = BTreeSet::new();
        let ours = self.passing.get(LATCHKEY).unwrap_or(&none);
        let theirs = self.passing.get(product).unwrap_or(&none);
        theirs.difference(ours).copied().collect()
    }
}

/// A table of passing subtests by folder, if there are results of several browsers, and with ours among them the subtests that pass
/// in each other one and not in ours. A subtest that was run several times passes if it did once.
pub fn table(results: &[TestResult]) -> String {
    let mut products: Vec<&str> = Vec::new();
    for result in results {
        let product = result.browser.product.as_str();
        if !products.contains(&product) {
            products.push(product);
        }
    }
    products.sort_unstable_by_key(|product| (*product != LATCHKEY, *product));
    let [first, others @ ..] = products.as_slice() else {
        return String::new();
    };
    if others.is_empty() {
        return String::new();
    }
    let others = if *first == LATCHKEY { others } else { &[] };

    let mut folders: BTreeMap<String, Row<'_>> = BTreeMap::new();
    let mut total = Row::default();
    for result in results {
        let folder = folders.entry(group_of(&result.test)).or_default();
        for row in [folder, &mut total] {
            let passing = row.passing.entry(&result.browser.product).or_default();
            for subtest in &result.subtests {
                if subtest.status == SubtestStatus::Pass {
                    passing.insert((&result.test, &subtest.name));
                }
            }
        }
    }

    let mut header = vec!["passing subtests".to_owned()];
    header.extend(products.iter().map(|product| one_line(product)));
    header.extend(
        others
            .iter()
            .map(|product| format!("only in {}", one_line(product))),
    );
    let mut lines = vec![header];
    let rows = folders
        .iter()
        .map(|(folder, row)| (folder.as_str(), row))
        .chain([("total", &total)]);
    for (name, row) in rows {
        let mut line = vec![name.to_owned()];
        line.extend(products.iter().map(|product| row.of(product).to_string()));
        line.extend(
            others
                .iter()
                .map(|product| row.only_in(product).len().to_string()),
        );
        lines.push(line);
    }

    let mut text = String::from("\n");
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            let width = lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0);
            // Writing into a string cannot fail.
            let _ = match column {
                0 => write!(text, "{cell:width$}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        text.push('\n');
    }
    for product in others {
        let missed = total.only_in(product);
        if !missed.is_empty() {
            let _ = writeln!(text, "Only in {}:", one_line(product));
        }
        for (test, subtest) in missed.iter().take(NAMED) {
            let _ = writeln!(text, "  {test}: {}", one_line(subtest));
        }
        if missed.len() > NAMED {
            let _ = writeln!(text, "  … and {} more", missed.len() - NAMED);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Browser, TestStatus, fake};

    fn result(product: &str, test: &str, subtests: &[(&str, SubtestStatus)]) -> TestResult {
        TestResult {
            browser: Browser::new(product, "1"),
            ..fake::result(test, TestStatus::Ok, subtests)
        }
    }

    #[test]
    fn browsers_stand_side_by_side() {
        use SubtestStatus::{Fail, Pass};
        let results = [
            result("servo", "/a/b.html", &[("one", Pass), ("two", Pass)]),
            result("latchkey", "/a/b.html", &[("one", Pass), ("two", Fail)]),
            result("latchkey", "/c/d.html", &[("one", Pass)]),
            result("servo", "/c/d.html", &[("one", Fail)]),
        ];
        assert_eq!(
            table(&results),
            "\n\
             passing subtests  latchkey  servo  only in servo\n\
             a                        1      2              1\n\
             c                        1      0              0\n\
             total                    2      2              1\n\
             Only in servo:\n  \
               /a/b.html: two\n"
        );
    }

    #[test]
    fn a_subtest_of_several_runs_passes_once() {
        use SubtestStatus::{Fail, Pass};
        let results = [
            result("latchkey", "/a", &[("one", Fail)]),
            result("latchkey", "/a", &[("one", Pass)]),
            result("servo", "/a", &[("one", Pass)]),
            result("servo", "/a", &[("one", Pass)]),
        ];
        let table = table(&results);
        assert!(!table.contains("Only in"), "{table}");
        assert!(table.contains("total"), "{table}");
    }

    #[test]
    fn one_browser_is_compared_with_nothing() {
        let results = [result("latchkey", "/a", &[("one", SubtestStatus::Pass)])];
        assert_eq!(table(&results), "");
        assert_eq!(table(&[]), "");
    }

    #[test]
    fn without_ours_there_are_only_numbers() {
        let results = [
            result("servo", "/a", &[("one", SubtestStatus::Pass)]),
            result("chromium", "/a", &[("one", SubtestStatus::Fail)]),
        ];
        let table = table(&results);
        assert!(table.contains("chromium  servo\n"), "{table}");
        assert!(!table.contains("nly in"), "{table}");
    }
}
