//! Servers and addresses that are wrong in every way: a clear end each time, no panic, no growth with the body.

use std::io::Write;
use std::time::Duration;

use anyhow::{Result, ensure};
use latchkey_e2e::{Answer, Browser, BrowserOptions, RawServer};

const LIMIT: Duration = Duration::from_secs(60);

/// A page that fetches `path` and alerts what became of it.
fn probe(path: &str) -> String {
    format!(
        r#"<!doctype html><script>
        (async () => {{
            try {{
                const response = await fetch("{path}");
                const text = await response.text();
                alert(`PROBE got ${{response.status}} ${{text.length}}`);
            }} catch (error) {{
                alert(`PROBE ${{error.name}}`);
            }}
        }})();
        </script>"#
    )
}

fn outcome_of(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Result<String> {
    let server = RawServer::start(move |path| match path {
        "/" => Answer::html(&probe("/probe")),
        _ => answer(),
    })?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    let outcome = browser.wait_for_alert("PROBE ", LIMIT)?;
    let ended = browser.quit(LIMIT)?;
    ensure!(ended.status.success(), "{ended:?}");
    ensure!(!ended.output.contains("panicked"), "{}", ended.output);
    Ok(outcome)
}

#[test]
fn a_server_that_closes_before_it_answers() -> Result<()> {
    assert_eq!(outcome_of(|| Answer::Bytes(Vec::new()))?, "TypeError");
    Ok(())
}

#[test]
fn a_body_shorter_than_its_length() -> Result<()> {
    let outcome = outcome_of(|| {
        Answer::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort".to_vec())
    })?;
    assert_eq!(outcome, "TypeError");
    Ok(())
}

#[test]
fn a_chunk_that_is_none() -> Result<()> {
    let outcome = outcome_of(|| {
        Answer::Bytes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nno".to_vec())
    })?;
    assert_eq!(outcome, "TypeError");
    Ok(())
}

#[test]
fn garbage() -> Result<()> {
    let outcome = outcome_of(|| Answer::Bytes((0..=255).cycle().take(4096).collect()))?;
    assert_eq!(outcome, "TypeError");
    Ok(())
}

#[test]
fn a_broken_content_encoding() -> Result<()> {
    let outcome = outcome_of(|| {
        Answer::Bytes(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!"
                .to_vec(),
        )
    })?;
    assert_eq!(outcome, "TypeError");
    Ok(())
}

#[test]
fn a_header_without_end() -> Result<()> {
    let outcome = outcome_of(|| {
        Answer::Write(Box::new(|stream| {
            stream.write_all(b"HTTP/1.1 200 OK\r\nX-Endless: ")?;
            // Bounded, so that a browser that reads on fails the test by its memory and not the machine.
            for _ in 0..4096 {
                stream.write_all(&[b'a'; 65536])?;
            }
            Ok(())
        }))
    })?;
    assert_eq!(outcome, "TypeError");
    Ok(())
}

#[test]
fn redirects_in_a_circle() -> Result<()> {
    let outcome = outcome_of(|| {
        Answer::Bytes(
            b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n".to_vec(),
        )
    })?;
    assert_eq!(outcome, "TypeError");
    Ok(())
}

#[test]
fn three_gigabytes_read_and_discarded() -> Result<()> {
    const TOTAL: u64 = 3 << 30;
    const PIECE: usize = 1 << 20;
    let page = format!(
        r#"<!doctype html><script>
        (async () => {{
            alert("READY ");
            const reader = (await fetch("/big")).body.getReader();
            let length = 0;
            for (;;) {{
                const {{ done, value }} = await reader.read();
                if (done) break;
                length += value.length;
            }}
            alert(`READ ${{length === {TOTAL}}}`);
        }})();
        </script>"#
    );
    let server = RawServer::start(move |path| match path {
        "/" => Answer::html(&page),
        _ => Answer::Write(Box::new(|stream| {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {TOTAL}\r\n\r\n")?;
            let piece = vec![b'x'; PIECE];
            for _ in 0..TOTAL / PIECE as u64 {
                stream.write_all(&piece)?;
            }
            Ok(())
        })),
    })?;
    let mut browser = Browser::open(&server.url("/"), &BrowserOptions::default())?;
    browser.wait_for_alert("READY", LIMIT)?;
    let before = browser.peak_memory()?;
    let complete = browser.wait_for_alert("READ ", Duration::from_secs(300))?;
    let growth = browser.peak_memory()?.saturating_sub(before);
    println!("{} MiB of memory for 3 GiB of body", growth >> 20);
    assert_eq!(complete, "true");
    ensure!(growth < 512 << 20, "grew by {} MiB", growth >> 20);
    ensure!(browser.quit(LIMIT)?.status.success());
    Ok(())
}

#[test]
fn an_address_that_is_none() -> Result<()> {
    let output = std::process::Command::new(Browser::binary()?)
        .args([
            "--headless",
            "--temporary-profile",
            "--exit",
            "http://[::nonsense/",
        ])
        .output()?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{errors}");
    ensure!(errors.contains("[::nonsense"), "{errors}");
    Ok(())
}

#[test]
fn nobody_listens_there() -> Result<()> {
    // A port that was free a moment ago and is closed now.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?
        .local_addr()?
        .port();
    let output = std::process::Command::new(Browser::binary()?)
        .args([
            "--headless",
            "--temporary-profile",
            "--exit",
            "--dump",
            "text",
        ])
        .arg(format!("http://localhost:{port}/"))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "{text}");
    ensure!(text.contains(&format!("localhost:{port}")), "{text}");
    Ok(())
}
