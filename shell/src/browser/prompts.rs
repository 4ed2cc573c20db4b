//! The questions of user-enabled CORS, between the permission bar and the fetch stack that waits for the answer.

use net::embedding::Embedding;
use servo::WebViewId;
use user_cors::{Choice, QuestionId, QuestionView};

/// The questions of a tab, the first being the one to show.
pub fn questions(webview: WebViewId) -> Vec<QuestionView> {
    Embedding::get()
        .map(|embedding| embedding.questions(webview))
        .unwrap_or_default()
}

/// Tells that a question was drawn whole. A question can be answered when it has been seen for long enough.
pub fn visible(question: QuestionId, revision: u64, focused: bool) {
    if let Some(embedding) = Embedding::get() {
        embedding.question_visible(question, revision, focused);
    }
}

/// Goes on from the warning about the local network to the choices. Too early, it does not count.
pub fn confirm(question: QuestionId, revision: u64) {
    if let Some(embedding) = Embedding::get()
        && let Err(error) = embedding.confirm(question, revision)
    {
        log::info!("A click did not count: {error}");
    }
}

/// Answers a question. Too early, or for content that has changed since, the answer does not count, and the question
/// stays.
pub fn answer(question: QuestionId, revision: u64, choice: Choice) {
    if let Some(embedding) = Embedding::get()
        && let Err(error) = embedding.answer(question, revision, choice)
    {
        log::info!("An answer did not count: {error}");
    }
}

/// Shows the question that waits behind the quiet chip.
pub fn open_quiet(webview: WebViewId) {
    if let Some(embedding) = Embedding::get() {
        embedding.open_quiet(webview);
    }
}
