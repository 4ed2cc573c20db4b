//! What script asks before each beacon: how many bytes of keepalive requests its document has in flight.
//!
//! AD-HOC: script sends requests by a thread of its own, and this question directly. So the question can overtake the request
//! that was made just before it, and a page would send more than
//! [64 KiB](https://fetch.spec.whatwg.org/#http-network-or-cache-fetch). Whoever asks is about to make a request; a question
//! that comes before that request waits for it, for a moment, since there need not be one.

use std::time::Duration;

use rustc_hash::FxHashMap;
use servo_base::id::PipelineId;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How long after an answer the request may come that it was for. A page that was told that there is no room and asks again
/// waits as long, so it is short.
const ON_ITS_WAY: Duration = Duration::from_millis(50);

/// The documents that have been answered, and whose requests have not come yet.
#[derive(Default)]
pub(super) struct KeepaliveQuestions(FxHashMap<PipelineId, Expected>);

/// A request that may come.
struct Expected {
    until: Instant,
    /// Who asked the next question before it came.
    overtaking: Option<oneshot::Sender<()>>,
}

/// A request that a question has overtaken.
pub(super) struct Overtaken {
    came: oneshot::Receiver<()>,
    until: Instant,
}

impl KeepaliveQuestions {
    /// A document asks. What its answer has to wait for, if anything.
    pub fn asked(&mut self, document: PipelineId, now: Instant) -> Option<Overtaken> {
        self.0.retain(|_, expected| now < expected.until);
        let Some(expected) = self.0.get_mut(&document) else {
            let until = now + ON_ITS_WAY;
            let overtaking = None;
            self.0.insert(document, Expected { until, overtaking });
            return None;
        };
        let until = expected.until;
        let (tell, came) = oneshot::channel();
        expected.overtaking = Some(tell);
        // The request that this question is for comes after its answer.
        expected.until = until + ON_ITS_WAY;
        Some(Overtaken { came, until })
    }

    /// A keepalive request of a document has come.
    pub fn requested(&mut self, document: PipelineId, now: Instant) {
        let Some(mut expected) = self.0.remove(&document) else {
            return;
        };
        if let Some(overtaking) = expected.overtaking.take() {
            // The page may be gone, and its question with it.
            let _ = overtaking.send(());
            expected.until = now + ON_ITS_WAY;
            self.0.insert(document, expected);
        }
    }
}

impl Overtaken {
    /// Waits until the request has come, or will not.
    pub async fn wait(self) {
        // Both are answered with what is in flight then.
        let _ = timeout_at(self.until, self.came).await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use servo_base::id::{PipelineNamespace, PipelineNamespaceId};
    use tokio::time::advance;

    use super::*;

    /// Lets this thread make documents.
    fn make_documents(namespace: u32) {
        PipelineNamespace::install(PipelineNamespaceId(namespace));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_waits_for_the_request_that_it_has_overtaken() {
        make_documents(7301);
        let mut questions = KeepaliveQuestions::default();
        let document = PipelineId::new();
        assert!(questions.asked(document, Instant::now()).is_none());
        for _ in 0..3 {
            let overtaken = questions.asked(document, Instant::now()).expect("it waits");
            let mut waiting = Box::pin(overtaken.wait());
            assert!((&mut waiting).now_or_never().is_none());
            questions.requested(document, Instant::now());
            assert!(waiting.now_or_never().is_some());
        }
        questions.requested(document, Instant::now());
        assert!(questions.asked(document, Instant::now()).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_wait_for_one_that_does_not_come() {
        make_documents(7302);
        let mut questions = KeepaliveQuestions::default();
        let document = PipelineId::new();
        assert!(questions.asked(document, Instant::now()).is_none());
        advance(ON_ITS_WAY / 2).await;
        let overtaken = questions.asked(document, Instant::now()).expect("it waits");
        let began = Instant::now();
        overtaken.wait().await;
        assert!(began.elapsed() <= ON_ITS_WAY);
        advance(ON_ITS_WAY * 2).await;
        assert!(questions.asked(document, Instant::now()).is_none());
    }

    #[test]
    fn documents_do_not_wait_for_each_other_and_are_forgotten() {
        make_documents(7303);
        let mut questions = KeepaliveQuestions::default();
        let now = Instant::now();
        for _ in 0..10 {
            assert!(questions.asked(PipelineId::new(), now).is_none());
        }
        assert_eq!(questions.0.len(), 10);
        questions.asked(PipelineId::new(), now + ON_ITS_WAY);
        assert_eq!(questions.0.len(), 1);
    }
}
