//! Asking the person, from a fetch's point of view: one await between the request and the answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use user_cors::{
    AskOutcome, DeclineReason, GrantUse, Refusal, Settlement, TicketId, TicketRequest, Verdict,
};

use super::Embedding;
use crate::runtime;

/// How often it is looked whether a question's time is over, once it should be: the model goes by the clock on the wall.
const OVERTIME: Duration = Duration::from_secs(1);

impl Embedding {
    /// Puts a request into a question of its tab, and waits for the answer, for as long as the model lets it.
    ///
    /// Dropping this future withdraws the request; the question stays, for longer answers.
    ///
    /// # Errors
    /// The [`Refusal`] if the request could not be put into a question, or the answer was no.
    pub(crate) async fn ask(&'static self, request: TicketRequest) -> Result<GrantUse, Refusal> {
        let waiter = self
            .waiting
            .wait(|| match self.user_cors.ask(request, self.now()) {
                AskOutcome::Waiting { ticket, .. } => Ok(ticket),
                AskOutcome::Settled(verdict) => Err(granted(verdict)),
                AskOutcome::Refused(refusal) => Err(Err(refusal)),
            });
        let mut waiter = match waiter {
            Ok(waiter) => waiter,
            Err(decided) => return decided,
        };
        let mut withdrawal = Withdrawal {
            embedding: self,
            ticket: Some(waiter.ticket()),
        };
        self.keep_time();
        let _watch = self.watch_network();
        let verdict = waiter.verdict().await;
        withdrawal.ticket = None;
        granted(verdict.unwrap_or(Verdict::Declined(DeclineReason::Cancelled)))
    }

    /// Ends questions when their time is over, for as long as there are any. Nothing else may be waiting for them.
    fn keep_time(&'static self) {
        if self.keeps_time.swap(true, Ordering::AcqRel) {
            return;
        }
        let keeping = TimeKeeping(self);
        runtime::spawn(async move {
            while let Some(deadline) = self.user_cors.next_deadline() {
                let left = deadline.since(self.now());
                tokio::time::sleep(left.max(OVERTIME)).await;
                self.settle(self.user_cors.expire(self.now()));
            }
            drop(keeping);
            // Somebody may have asked since the last look.
            if self.user_cors.next_deadline().is_some() {
                self.keep_time();
            }
        });
    }

    /// Lets the requests go on whose questions have ended.
    pub(super) fn settle(&self, settlements: impl IntoIterator<Item = Settlement>) {
        self.waiting.settle(
            settlements
                .into_iter()
                .map(|settlement| (settlement.ticket, settlement.verdict)),
        );
    }
}

fn granted(verdict: Verdict) -> Result<GrantUse, Refusal> {
    match verdict {
        Verdict::Allowed(granted) => Ok(granted),
        Verdict::Declined(reason) => Err(Refusal::Declined(reason)),
    }
}

/// While it lives, a task looks at the clock.
struct TimeKeeping(&'static Embedding);

impl Drop for TimeKeeping {
    fn drop(&mut self) {
        self.0.keeps_time.store(false, Ordering::Release);
    }
}

/// Withdraws a request whose fetch ends while it waits.
struct Withdrawal {
    embedding: &'static Embedding,
    /// The ticket, until it is settled.
    ticket: Option<TicketId>,
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.embedding
                .settle(self.embedding.user_cors.cancel(ticket));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::Method;
    use url::Url;
    use user_cors::{
        AddressSpace, Answers, BodySize, DocumentId, Egress, HeaderNames, Initiator, ManualClock,
        MethodClass, PermissionStore, Rules, SilenceReason, TabId, TargetNetwork, TicketTarget,
        Timestamp, TupleOrigin, UserCors,
    };

    use super::super::EmbeddingOptions;
    use super::*;

    fn embedding(answers: Answers) -> (&'static Embedding, Arc<ManualClock>) {
        let store = PermissionStore::in_memory().expect("a store");
        let user_cors = Arc::new(UserCors::new(store));
        user_cors.set_answers(answers);
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
        let options = EmbeddingOptions::alone(user_cors);
        let embedding = Embedding::new(options, clock.clone());
        (Box::leak(Box::new(embedding)), clock)
    }

    const TAB: TabId = TabId(1);

    fn request() -> TicketRequest {
        let requester = TupleOrigin::parse("https://page.example").expect("an origin");
        let target = TupleOrigin::parse("https://api.example").expect("an origin");
        TicketRequest {
            tab: TAB,
            document: DocumentId(1),
            top_level_site: requester.site(),
            requester,
            targets: vec![TicketTarget {
                origin: target,
                address: None,
                space: Some(AddressSpace::Public),
            }],
            network: TargetNetwork::Public,
            requester_space: AddressSpace::Public,
            url: Url::parse("https://api.example/data").expect("a URL"),
            method: Method::GET,
            method_class: MethodClass::Get,
            initiator: Initiator::Fetch,
            page_headers: HeaderNames::new(),
            unsafe_headers: HeaderNames::new(),
            body: BodySize::None,
            held: None,
            kept: 0,
            server_said: SilenceReason::Missing,
            egress: Egress::Direct,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_answers_in_time() {
        let (embedding, clock) = embedding(Answers::Person);
        let answer = tokio::spawn(embedding.ask(request()));
        tokio::task::yield_now().await;
        assert!(embedding.user_cors.question(TAB).is_some());
        clock.advance(Duration::from_secs(121));
        assert_eq!(
            answer.await.expect("no panic"),
            Err(Refusal::Declined(DeclineReason::TimedOut))
        );
        assert!(embedding.user_cors.question(TAB).is_none());
    }

    #[tokio::test]
    async fn a_dropped_fetch_withdraws_its_ticket() {
        let (embedding, _) = embedding(Answers::Person);
        let waiting = |request: TicketRequest| {
            let mut asking = Box::pin(embedding.ask(request));
            assert!(futures::FutureExt::now_or_never(&mut asking).is_none());
            asking
        };
        let first = waiting(request());
        let states = || {
            let question = embedding.user_cors.question(TAB).expect("a question");
            question
                .requests
                .iter()
                .map(|request| request.state)
                .collect::<Vec<_>>()
        };
        assert_eq!(states(), [user_cors::RequestState::Waiting]);
        drop(first);
        assert_eq!(states(), [user_cors::RequestState::Cancelled]);
    }

    #[tokio::test]
    async fn closing_the_tab_answers() {
        let (embedding, _) = embedding(Answers::Person);
        let answer = tokio::spawn(embedding.ask(request()));
        while embedding.user_cors.question(TAB).is_none() {
            tokio::task::yield_now().await;
        }
        embedding.settle(embedding.user_cors.tab_closed(TAB));
        assert_eq!(
            answer.await.expect("no panic"),
            Err(Refusal::Declined(DeclineReason::TabClosed))
        );
    }

    #[tokio::test]
    async fn rules_answer_at_once() {
        let rules = Rules::parse(
            r#"{"rules": [{"requester": "https://page.example", "target": "*", "answer": "once"}]}"#,
        )
        .expect("rules");
        let (embedding, _) = embedding(Answers::Rules(rules));
        assert!(embedding.ask(request()).await.is_ok());
        let (embedding, _) = self::embedding(Answers::Rules(Rules::default()));
        assert_eq!(
            embedding.ask(request()).await,
            Err(Refusal::Declined(DeclineReason::NotNow))
        );
    }
}
