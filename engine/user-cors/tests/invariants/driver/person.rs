//! What a person does with questions.

use super::*;

impl Driver<'_> {
    pub(super) fn number(&mut self, question: QuestionId) -> QuestionNo {
        let known = self.questions.iter().position(|known| *known == question);
        QuestionNo(known.unwrap_or_else(|| {
            self.questions.push(question);
            self.questions.len() - 1
        }))
    }

    pub(super) fn look(&mut self) {
        let tab = self.pick(&self.tabs.clone());
        let focused = self.numbers.below(5) > 0;
        let now = self.now();
        match self.user_cors.question(tab) {
            Some(view) => {
                self.user_cors.open_question(view.id);
                self.user_cors.visible(view.id, view.revision, now, focused);
                let question = self.number(view.id);
                self.list(question, &view);
                self.trace.push(match focused {
                    true => Event::Show {
                        question,
                        revision: view.revision,
                        at: now,
                    },
                    false => Event::Hide,
                });
            },
            None => {
                self.user_cors.hidden();
                self.trace.push(Event::Hide);
            },
        }
        let wait = self.pick(&[0, 350, 699, 700, 701, 900]);
        self.clock.advance(Duration::from_millis(wait));
    }

    pub(super) fn list(&mut self, question: QuestionNo, view: &QuestionView) {
        for listed in &view.requests {
            let list = Event::List {
                request: self.tickets[&listed.ticket],
                question,
                revision: view.revision,
            };
            self.trace.push(list);
        }
    }

    pub(super) fn click(&mut self) {
        let tab = self.pick(&self.tabs.clone());
        let Some(view) = self.user_cors.question(tab) else {
            return;
        };
        let (choice, now) = match self.pick(&CHOICES) {
            _ if self.says_no => (Choice::NotNow, self.now()),
            choice => (choice, self.now()),
        };
        let revision = view.revision - self.numbers.below(2).min(view.revision);
        if view.step == QuestionStep::Warning && choice.allows() {
            if self.user_cors.confirm(view.id, revision, now).is_ok() {
                self.reach("Confirmed");
            }
            return;
        }
        match self.user_cors.answer(view.id, revision, choice, now) {
            Ok(settled) => {
                self.reach(choice);
                let question = self.number(view.id);
                self.trace.push(Event::Answer {
                    question,
                    revision,
                    choice,
                    at: now,
                });
                self.settle(settled, Some((question, choice)));
                // Who has said no goes on with the page, or it would not ask again.
                if self.says_no || choice == Choice::Never {
                    self.user_cors.user_interacted(tab);
                }
            },
            Err(error) => self.reach(error),
        }
    }

    /// Takes note of what the model has settled. What an answer settles beyond its own question was decided by a grant.
    pub(super) fn settle(&mut self, settled: Vec<Settlement>, by: Option<(QuestionNo, Choice)>) {
        for Settlement { ticket, verdict } in settled {
            let waiting = self
                .running
                .iter_mut()
                .find(|(_, running)| matches!(running.state, State::Waiting(own) if own == ticket));
            let Some((request, running)) = waiting else {
                panic!("{ticket:?} was settled, but nothing waits for it");
            };
            let request = *request;
            match verdict {
                Verdict::Allowed(grant_use) => {
                    running.state = State::Allowed(grant_use);
                    // What is allowed once is what this question listed; a visit's grant helps other questions too.
                    let by = by.and_then(|(question, choice)| {
                        let listed = self.trace.iter().any(|event| {
                            matches!(event, Event::List { request: other, question: own, .. }
                                if (*other, *own) == (request, question))
                        });
                        (choice == Choice::AllowOnce || listed).then_some(question)
                    });
                    self.trace.push(Event::Allow { request, by });
                },
                Verdict::Declined(reason) => {
                    self.running.remove(&request);
                    self.reach(reason);
                    self.fail(request, &Refusal::Declined(reason));
                },
            }
        }
    }
}
