//! Results as one page to look at: a table of groups and browsers, and each test with what it came to in each browser. It
//! needs nothing but itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::expectations::{Expectations, Unexpected};
use crate::outcome::{Browser, LATCHKEY, SubtestStatus, TestResult, TestStatus};
use crate::report::text::{alternatives, group_of};

const STYLE: &str = include_str!("../../page/page.css");
const SCRIPT: &str = include_str!("../../page/page.js");

/// How many characters of a message are shown.
const MESSAGE_CHARACTERS: usize = 2000;

/// How many lines of a browser's output are shown of a test without results.
const OUTPUT_LINES: usize = 20;

/// The command that runs a test again in a browser.
type Again<'a> = dyn Fn(&str, &Browser) -> String + 'a;

/// A page.
pub struct Page<'a> {
    browsers: Vec<&'a Browser>,
    tests: BTreeMap<&'a str, Test<'a>>,
    expectations: &'a BTreeMap<String, Expectations>,
    start: SystemTime,
    again: &'a Again<'a>,
}

/// The results of one test, by the browser's name.
type Test<'a> = BTreeMap<&'a str, (&'a TestResult, &'a [Unexpected])>;

/// The numbers of one group in one browser.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Total {
    passed: usize,
    subtests: usize,
    not_ok: usize,
    unexpected: usize,
}

impl Total {
    fn add(&mut self, result: &TestResult, unexpected: usize) {
        self.passed += result.passed();
        self.subtests += result.subtests.len();
        self.not_ok += usize::from(result.status != TestStatus::Ok);
        self.unexpected += unexpected;
    }
}

impl<'a> Page<'a> {
    /// A page of these results, each with what in it was unexpected. Of several results of a test in one browser it shows
    /// the one with most of that.
    pub fn new(
        results: &'a [(&'a TestResult, Vec<Unexpected>)],
        expectations: &'a BTreeMap<String, Expectations>,
        start: SystemTime,
        again: &'a Again<'a>,
    ) -> Self {
        let mut tests: BTreeMap<&str, Test<'_>> = BTreeMap::new();
        let mut browsers: BTreeMap<&str, &Browser> = BTreeMap::new();
        for (result, unexpected) in results {
            let product = result.browser.product.as_str();
            browsers.entry(product).or_insert(&result.browser);
            let shown = tests
                .entry(&result.test)
                .or_default()
                .entry(product)
                .or_insert((result, unexpected));
            if unexpected.len() > shown.1.len() {
                *shown = (result, unexpected);
            }
        }
        let mut browsers: Vec<&Browser> = browsers.into_values().collect();
        browsers.sort_by_key(|browser| browser.product != LATCHKEY);
        Self {
            browsers,
            tests,
            expectations,
            start,
            again,
        }
    }

    /// The page as HTML.
    pub fn render(&self) -> String {
        let title = "Web platform tests";
        let script = PreEscaped(SCRIPT);
        // What a test or a page has written cannot become a script, even if it were not escaped.
        let hash = STANDARD.encode(digest(&SHA256, SCRIPT.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
        );
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content=(policy);
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    h1 { (title) }
                    p.quiet { (self.description()) }
                    p.quiet {
                        "Unexpected is what the file of expectations for the browser does not say; where it says why something \
                         fails, so does this page."
                    }
                    h2 id="totals" { "Subtests that passed, by group" }
                    (self.totals())
                    h2 { "Tests" }
                    (self.filters())
                    main {
                        div.heading aria-hidden="true" {
                            span.name { "Test" }
                            @for browser in &self.browsers { span.result { (browser.product) } }
                        }
                        @for (name, test) in &self.tests {
                            (self.test(name, test))
                        }
                    }
                    script { (script) }
                }
            }
        };
        page.into_string()
    }

    fn description(&self) -> String {
        let browsers: Vec<String> = self
            .browsers
            .iter()
            .map(|browser| browser.to_string().trim_end().to_owned())
            .collect();
        // A clock before 1970 is wrong anyhow.
        let seconds = self
            .start
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_secs());
        let date = i64::try_from(seconds)
            .ok()
            .and_then(|seconds| time::OffsetDateTime::from_unix_timestamp(seconds).ok())
            .map_or_else(String::new, |time| {
                format!(
                    ", {} {:02}:{:02} UTC",
                    time.date(),
                    time.hour(),
                    time.minute()
                )
            });
        format!(
            "{} tests in {}{date}",
            self.tests.len(),
            browsers.join(" and ")
        )
    }

    fn group_totals(&self) -> BTreeMap<String, Vec<Total>> {
        let mut groups: BTreeMap<String, Vec<Total>> = BTreeMap::new();
        for (name, test) in &self.tests {
            let totals = groups
                .entry(group_of(name))
                .or_insert_with(|| vec![Total::default(); self.browsers.len()]);
            for (total, browser) in totals.iter_mut().zip(&self.browsers) {
                if let Some((result, unexpected)) = test.get(browser.product.as_str()) {
                    total.add(result, unexpected.len());
                }
            }
        }
        groups
    }

    fn totals(&self) -> Markup {
        let groups = self.group_totals();
        let mut all = vec![Total::default(); self.browsers.len()];
        for total in groups.values() {
            for (all, of_group) in all.iter_mut().zip(total) {
                all.passed += of_group.passed;
                all.subtests += of_group.subtests;
                all.not_ok += of_group.not_ok;
                all.unexpected += of_group.unexpected;
            }
        }
        html! {
            table aria-labelledby="totals" {
                thead {
                    tr {
                        th scope="col" { "Group" }
                        @for browser in &self.browsers { th.number scope="col" { (browser.product) } }
                    }
                }
                tbody {
                    @for (group, totals) in &groups {
                        tr {
                            th scope="row" {
                                button.group type="button" data-group=(group) title="Show only this group" { (group) }
                            }
                            @for total in totals { (total_cell(*total)) }
                        }
                    }
                }
                tfoot {
                    tr {
                        th scope="row" { "All" }
                        @for total in &all { (total_cell(*total)) }
                    }
                }
            }
        }
    }

    fn filters(&self) -> Markup {
        let groups: BTreeSet<String> = self.tests.keys().map(|name| group_of(name)).collect();
        let statuses: BTreeSet<String> = self
            .tests
            .values()
            .flat_map(BTreeMap::values)
            .flat_map(|(result, _)| {
                result
                    .subtests
                    .iter()
                    .map(|subtest| subtest.status.to_string())
                    .chain([result.status.to_string()])
            })
            .collect();
        html! {
            // Without scripts everything is shown.
            form hidden autocomplete="off" {
                label.wide { "Text in a name or a message" input type="search" name="text"; }
                label {
                    "Group"
                    select name="group" {
                        option value="" { "all" }
                        @for group in &groups { option value=(group) { (group) } }
                    }
                }
                label {
                    "Status"
                    select name="status" {
                        option value="" { "any" }
                        option value="unexpected" { "unexpected" }
                        option value="not-passed" { "not passed" }
                        @for status in &statuses { option value=(status) { (status) } }
                    }
                }
                @if self.browsers.len() > 1 {
                    label {
                        "in"
                        select name="browser" {
                            option value="" { "any browser" }
                            @for browser in &self.browsers {
                                option value=(browser.product) { (browser.product) }
                            }
                        }
                    }
                    label.check { input type="checkbox" name="differences"; "only differences" }
                }
                button type="button" id="open" { "Open all shown" }
                button type="button" id="close" { "Close all" }
                button type="button" id="clear" { "Reset" }
                output role="status" {}
            }
        }
    }

    fn test(&self, name: &str, test: &Test<'_>) -> Markup {
        let mut subtests: Vec<&str> = Vec::new();
        let mut known = BTreeSet::new();
        for (result, _) in test.values() {
            for subtest in &result.subtests {
                if known.insert(subtest.name.as_str()) {
                    subtests.push(&subtest.name);
                }
            }
        }
        let whole: Vec<Option<Cell<'_>>> = self.cells(test, |result, expectations| {
            let expected = expectations.of(&result.test).status();
            Some(Cell {
                status: result.status.to_string(),
                is_good: result.status == TestStatus::Ok,
                expected: (!expected.allows(result.status)).then(|| alternatives(&expected)),
                message: result.message.as_deref(),
                output: if result.subtests.is_empty() {
                    &result.output
                } else {
                    &[]
                },
            })
        });
        html! {
            details id=(name) data-group=(group_of(name)) data-name=(name) {
                summary {
                    span.name { (name) " " a.anchor href={ "#" (name) } title="Link to this test" { "#" } }
                    @for browser in &self.browsers { (short_result(test.get(browser.product.as_str()))) }
                }
                div {
                    table {
                        thead {
                            tr {
                                th scope="col" { "Subtest" }
                                @for browser in &self.browsers { th scope="col" { (browser.product) } }
                            }
                        }
                        tbody {
                            (self.row(html! { em { "the test as a whole" } }, &whole))
                            @for subtest in subtests {
                                (self.row(html! { (subtest) }, &self.subtest_cells(test, subtest)))
                            }
                        }
                    }
                    @for browser in &self.browsers {
                        @if let Some((result, _)) = test.get(browser.product.as_str()) {
                            @if let Some(why) = self.note(browser, name) {
                                p.note { "Known in " (browser.product) ": " (why) }
                            }
                            @if let Some(how) = &result.bad_end {
                                p.bad { (browser.product) " did not end well after the result: " (cut(how)) }
                            }
                            p.again { "Again in " (browser.product) ": " code tabindex="0" { ((self.again)(name, &result.browser)) } }
                        }
                    }
                }
            }
        }
    }

    /// What the file of expectations says of why a test comes to what it does.
    fn note(&self, browser: &Browser, test: &str) -> Option<String> {
        self.expectations.get(&browser.product)?.of(test).note
    }

    fn subtest_cells<'t>(&self, test: &Test<'t>, name: &str) -> Vec<Option<Cell<'t>>> {
        self.cells(test, |result, expectations| {
            // Of several of one name, the one that is worst.
            let subtest = result
                .subtests
                .iter()
                .filter(|subtest| subtest.name == name)
                .max_by_key(|subtest| subtest.status != SubtestStatus::Pass)?;
            let expected = expectations.of(&result.test).subtest(name);
            Some(Cell {
                status: subtest.status.to_string(),
                is_good: subtest.status == SubtestStatus::Pass,
                expected: (!expected.allows(subtest.status)).then(|| alternatives(&expected)),
                message: subtest.message.as_deref(),
                output: &[],
            })
        })
    }

    fn cells<'t>(
        &self,
        test: &Test<'t>,
        cell: impl Fn(&'t TestResult, &Expectations) -> Option<Cell<'t>>,
    ) -> Vec<Option<Cell<'t>>> {
        let nothing = Expectations::default();
        self.browsers
            .iter()
            .map(|browser| {
                let (result, _) = test.get(browser.product.as_str())?;
                let expectations = self.expectations.get(&browser.product).unwrap_or(&nothing);
                cell(result, expectations)
            })
            .collect()
    }

    fn row(&self, name: Markup, cells: &[Option<Cell<'_>>]) -> Markup {
        let statuses: BTreeSet<&str> = cells
            .iter()
            .map(|cell| cell.as_ref().map_or("", |cell| cell.status.as_str()))
            .collect();
        let mut states = Vec::new();
        for (browser, cell) in self.browsers.iter().zip(cells) {
            if let Some(cell) = cell {
                states.push(format!("{}:{}", browser.product, cell.status));
                if cell.expected.is_some() {
                    states.push(format!("{}:unexpected", browser.product));
                }
            }
        }
        html! {
            tr data-states=(states.join(" ")) data-differs[statuses.len() > 1] {
                th scope="row" { (name) }
                @for cell in cells {
                    @match cell {
                        Some(cell) => (cell.render()),
                        None => td.quiet { "not there" },
                    }
                }
            }
        }
    }
}

/// What one thing came to in one browser.
struct Cell<'a> {
    status: String,
    is_good: bool,
    /// What would have been expected, if it is another.
    expected: Option<String>,
    message: Option<&'a str>,
    output: &'a [String],
}

impl Cell<'_> {
    fn render(&self) -> Markup {
        let hidden = self.output.len().saturating_sub(OUTPUT_LINES);
        html! {
            td.unexpected[self.expected.is_some()] {
                span.status.good[self.is_good].bad[!self.is_good] { (self.status) }
                @if let Some(expected) = &self.expected { " " span.odd { "expected " (expected) } }
                @if let (Some(message), false) = (self.message, self.is_good) { p.message { (cut(message)) } }
                @if !self.output.is_empty() && !self.is_good {
                    p.message {
                        @for line in self.output.iter().skip(hidden) { (cut(line)) "\n" }
                    }
                }
            }
        }
    }
}

fn total_cell(total: Total) -> Markup {
    html! {
        td.number {
            span.count { (total.passed) "/" (total.subtests) }
            @if total.subtests > 0 {
                meter min="0" max=(total.subtests) value=(total.passed) low=(total.subtests) optimum=(total.subtests) title="passed" {}
            }
            @if total.not_ok > 0 {
                br; span.quiet { (total.not_ok) @if total.not_ok == 1 { " test not OK" } @else { " tests not OK" } }
            }
            @if total.unexpected > 0 { br; span.bad { (total.unexpected) " unexpected" } }
        }
    }
}

fn short_result(result: Option<&(&TestResult, &[Unexpected])>) -> Markup {
    let Some((result, unexpected)) = result else {
        return html! { span.result.quiet { "not run" } };
    };
    let (passed, all) = (result.passed(), result.subtests.len());
    let is_good = result.status == TestStatus::Ok && passed == all;
    html! {
        span.result.good[is_good].bad[!is_good] {
            span.aside { (result.browser.product) " " }
            @if result.status != TestStatus::Ok { (result.status) " " }
            (passed) "/" (all)
            @if !unexpected.is_empty() {
                br; span.odd { (unexpected.len()) " unexpected" }
            } @else if !is_good {
                br; span.quiet { "as expected" }
            }
        }
    }
}

/// A page's text, not too long.
fn cut(text: &str) -> String {
    let mut kept: String = text.chars().take(MESSAGE_CHARACTERS).collect();
    if text.chars().nth(MESSAGE_CHARACTERS).is_some() {
        kept.push('…');
    }
    kept
}

#[cfg(test)]
mod tests;
