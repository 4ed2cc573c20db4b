//! `--show-egress URL`: what a server sees of anonymous requests.
//!
//! The request goes by the way that settings and policy name and in no other. A server that tells whom it sees, as the many
//! do that answer "what is my address", so shows the address that all servers see.

use std::io::{self, Write};
use std::sync::Arc;

use anyhow::Context;
use net::embedding::{Embedding, NoObserver};
use net::fetch::EgressView;
use servo::ServoUrl;
use url::Url;
use user_cors::bounded_escaped;

use crate::startup::Startup;

/// How many characters of a line are shown.
const SHOWN_LINE: usize = 1000;

/// Asks, and prints the answer.
///
/// # Errors
/// If the server cannot be reached by this way, or its answer is none.
pub fn run(mut startup: Startup, url: &Url) -> anyhow::Result<()> {
    startup.embed(Arc::new(NoObserver))?;
    let embedding = Embedding::get().context("the fetch stack has no embedding")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let url = ServoUrl::from_url(url.clone());
    let egress = embedding.user_cors().egress();
    let view = runtime
        .block_on(embedding.egress_view(&url))
        .with_context(|| format!("no answer by the way “{egress}”"))?;
    io::stdout().write_all(shown(&view).as_bytes())?;
    Ok(())
}

/// The way and the status, then the answer. What a server chose cannot reach the terminal as anything but text.
fn shown(view: &EgressView) -> String {
    let body = String::from_utf8_lossy(&view.body);
    let lines = body
        .lines()
        .map(|line| bounded_escaped(line, SHOWN_LINE) + "\n");
    format!(
        "egress: {}\nstatus: {}\n{}",
        view.egress,
        view.status,
        lines.collect::<String>()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_text_whatever_it_holds() {
        let view = EgressView {
            egress: "socks5://proxy.example".parse().unwrap(),
            status: 200,
            body: b"203.0.113.7\r\n\x1b[31mred\n\xff".to_vec(),
        };
        let shown = shown(&view);
        assert!(
            shown.starts_with("egress: socks5://proxy.example:1080\nstatus: 200\n203.0.113.7\n"),
            "{shown}"
        );
        assert!(!shown.contains('\x1b'), "{shown:?}");
    }
}
