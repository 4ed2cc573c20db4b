//! That the page of results says what there is, and nothing that a browser would run.

use super::*;
use crate::outcome::fake::result;
use SubtestStatus::{Fail, Pass};

fn in_chromium(mut result: TestResult) -> TestResult {
    result.browser = Browser {
        product: "chromium".to_owned(),
        version: "156".to_owned(),
    };
    result
}

#[test]
fn a_bad_end_is_shown() {
    let mut result = result("/a", TestStatus::Ok, &[("x", Pass)]);
    result.bad_end = Some("signal: 11 <x>".to_owned());
    let page = render(&[result], "{}");
    assert!(
        page.contains("did not end well after the result: signal: 11 &lt;x&gt;"),
        "{page}"
    );
    assert!(page.contains("1 unexpected"));
}

fn render(results: &[TestResult], expected: &str) -> String {
    let expectations: Expectations = serde_json::from_str(expected).expect("expectations");
    let compared: Vec<_> = results
        .iter()
        .map(|result| (result, expectations.of(&result.test).compare(result)))
        .collect();
    let expectations = BTreeMap::from([
        (LATCHKEY.to_owned(), expectations.clone()),
        ("chromium".to_owned(), expectations),
    ]);
    let again = |test: &str, browser: &Browser| format!("run {} {test}", browser.product);
    Page::new(&compared, &expectations, UNIX_EPOCH, &again).render()
}

#[test]
fn browsers_stand_side_by_side() {
    let page = render(
        &[
            in_chromium(result(
                "/cors/a.html",
                TestStatus::Ok,
                &[("x", Pass), ("y", Fail)],
            )),
            result("/cors/a.html", TestStatus::Ok, &[("x", Fail), ("y", Fail)]),
            result("/fetch/b.html", TestStatus::Crash, &[]),
        ],
        r#"{"/cors/a.html": {"note": "y & <z>", "subtests": {"y": "FAIL"}}}"#,
    );
    for part in [
        r##"<details id="/cors/a.html" "##,
        r##"href="#/cors/a.html""##,
        "Known in latchkey: y &amp; &lt;z&gt;",
        "Known in chromium: y &amp; &lt;z&gt;",
        "1/2<br><span class=\"quiet\">as expected",
        "2 tests in latchkey and chromium 156, 1970-01-01 00:00 UTC",
        r#"data-states="latchkey:FAIL latchkey:unexpected chromium:PASS" data-differs"#,
        r#"data-states="latchkey:FAIL chromium:FAIL"><th"#,
        "expected PASS",
        "run latchkey /cors/a.html",
        "run chromium /cors/a.html",
        "not run",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn totals_are_by_group_and_browser() {
    let results = [
        result("/cors/a.html", TestStatus::Ok, &[("x", Pass), ("y", Fail)]),
        result("/cors/b.html", TestStatus::Timeout, &[("x", Pass)]),
        in_chromium(result("/cors/b.html", TestStatus::Ok, &[("x", Pass)])),
    ];
    let compared: Vec<_> = results.iter().map(|result| (result, Vec::new())).collect();
    let expectations = BTreeMap::new();
    let again = |_: &str, _: &Browser| String::new();
    let page = Page::new(&compared, &expectations, UNIX_EPOCH, &again);
    assert_eq!(
        page.group_totals(),
        BTreeMap::from([(
            "cors".to_owned(),
            vec![
                Total {
                    passed: 2,
                    subtests: 3,
                    not_ok: 1,
                    unexpected: 0
                },
                Total {
                    passed: 1,
                    subtests: 1,
                    not_ok: 0,
                    unexpected: 0
                },
            ]
        )])
    );
}

#[test]
fn what_a_page_writes_stays_text() {
    let mut hostile = result(
        "/a.html?\"><script>alert(1)</script>",
        TestStatus::Error,
        &[("</td><img src=x onerror=alert(1)>", Fail)],
    );
    hostile.message = Some("<b>&amp;</b>".to_owned());
    hostile.browser.version = "<i>".to_owned();
    let page = render(&[hostile], "{}");
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(!page.contains("<img") && !page.contains("<b>") && !page.contains("<i>"));
    assert!(page.contains("&lt;b&gt;&amp;amp;&lt;/b&gt;"), "{page}");
    assert!(cut(&"ä".repeat(9000)).chars().count() == MESSAGE_CHARACTERS + 1);
}

#[test]
fn of_several_results_the_one_with_most_surprises_is_shown() {
    let page = render(
        &[
            result("/a.html", TestStatus::Ok, &[("x", Pass)]),
            result("/a.html", TestStatus::Ok, &[("x", Fail)]),
            result("/a.html", TestStatus::Ok, &[("x", Pass)]),
        ],
        "{}",
    );
    assert!(
        page.contains("latchkey:FAIL") && !page.contains("latchkey:PASS"),
        "{page}"
    );
}

#[test]
fn no_field_hides_a_function_of_the_form() {
    let page = render(&[result("/a.html", TestStatus::Ok, &[])], "{}");
    for function in ["reset", "submit", "elements"] {
        for attribute in ["id", "name"] {
            assert!(
                !page.contains(&format!("{attribute}=\"{function}\"")),
                "{function}"
            );
        }
    }
}

#[test]
fn the_page_needs_nothing_else() {
    let page = render(&[result("/a.html", TestStatus::Ok, &[])], "{}");
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
}
