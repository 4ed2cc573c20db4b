//! Runs the facade through generated histories, as a fetch stack and a person would, and writes down what happens.

use std::{collections::BTreeMap, time::Duration};

use http::Method;
use user_cors::*;

use crate::{
    facts::{NOW, failure, headers, names, origin},
    trace::{About, Event, QuestionNo, RequestNo, Trace, Word},
};

const TARGETS: [&str; 3] = [
    "https://b.example/",
    "https://api.b.example/",
    "https://c.example/",
];

const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::PUT];

const CHOICES: [Choice; 4] = [
    Choice::AllowOnce,
    Choice::AllowForVisit,
    Choice::NotNow,
    Choice::Never,
];

/// Steps of one history.
const STEPS: u64 = 32;

/// A generator of numbers (splitmix64): equal seeds give equal histories.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A request that has not come to its end.
struct Running {
    about: About,
    failure: CorsFailure,
    state: State,
}

enum State {
    Waiting(TicketId),
    Allowed(GrantUse),
}

/// One history in the making.
struct Driver<'a> {
    user_cors: &'a UserCors,
    clock: ManualClock,
    numbers: Numbers,
    requester: TupleOrigin,
    tabs: [TabId; 2],
    documents: u64,
    running: BTreeMap<RequestNo, Running>,
    questions: Vec<QuestionId>,
    /// Of all requests that waited, also of those that have ended: a question goes on listing them.
    tickets: BTreeMap<TicketId, RequestNo>,
    begun: usize,
    trace: Trace,
}

/// The history of this seed. The facade may have been through others; their tabs and sites are not met again.
pub fn history(user_cors: &UserCors, seed: u64) -> Trace {
    let mut driver = Driver {
        user_cors,
        clock: ManualClock::new(NOW),
        numbers: Numbers::new(seed),
        requester: origin(&format!("https://app{seed}.example")),
        tabs: [TabId(2 * seed), TabId(2 * seed + 1)],
        documents: 1,
        running: BTreeMap::new(),
        questions: Vec::new(),
        tickets: BTreeMap::new(),
        begun: 0,
        trace: Trace::new(),
    };
    for tab in driver.tabs {
        user_cors.user_interacted(tab);
    }
    for _ in 0..STEPS {
        driver.step();
    }
    driver.end();
    driver.trace
}

impl Driver<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.numbers.below(list.len() as u64) as usize]
    }

    fn step(&mut self) {
        match self.numbers.below(24) {
            0..=6 => self.start(),
            7..=8 => self.look(),
            9..=10 => self.click(),
            11..=14 => {
                // Somebody who takes their time.
                self.look();
                self.clock.advance(Duration::from_millis(700));
                self.click();
            },
            15..=18 => self.deliver_one(),
            19 => {
                let times = [1, 300, 699, 700, 60_000, 121_000];
                let millis = self.pick(&times);
                self.clock.advance(Duration::from_millis(millis));
                let settled = self.user_cors.expire(self.now());
                self.settle(settled, None);
            },
            20 => self.cancel_one(),
            21..=22 => self.navigate(),
            _ => match self.numbers.below(3) {
                0 => {
                    self.user_cors.revoke_all().expect("in memory");
                    self.trace.push(Event::RevokeAll);
                },
                1 => self.switch(Switch::Off),
                _ => self.switch(Switch::On),
            },
        }
    }

    fn start(&mut self) {
        let tab = self.numbers.below(2);
        let about = About {
            tab,
            target: self.numbers.below(3) as usize,
            method: self.numbers.below(3) as usize,
            header: self.numbers.below(4) == 0,
        };
        let needs_preflight = about.method == 2 || about.header;
        let request = RequestNo(self.begun);
        self.begun += 1;
        self.trace.push(Event::Start {
            request,
            about,
            needs_preflight,
        });
        let word = match self.numbers.below(6) {
            0 => Word::No,
            _ => Word::Silent,
        };
        let failure = self.failure(about, needs_preflight, word);
        self.trace.push(Event::Send {
            request,
            preflight: needs_preflight,
        });
        self.trace.push(Event::Receive { request, word });
        match self.user_cors.consider(&failure, self.now()) {
            Decision::Fail(_) => self.trace.push(Event::Fail { request }),
            Decision::Granted(grant_use) => {
                self.trace.push(Event::Allow { request, by: None });
                self.run(request, about, failure, State::Allowed(grant_use));
            },
            Decision::Ask(ticket) => match self.user_cors.ask(*ticket, self.now()) {
                AskOutcome::Waiting { ticket, question } => {
                    let question = self.number(question);
                    self.trace.push(Event::Ask { request, question });
                    self.tickets.insert(ticket, request);
                    self.run(request, about, failure, State::Waiting(ticket));
                },
                AskOutcome::Refused(_) | AskOutcome::Settled(_) => {
                    self.trace.push(Event::Fail { request });
                },
            },
        }
    }

    fn failure(&mut self, about: About, needs_preflight: bool, word: Word) -> CorsFailure {
        let mut failure = failure(TARGETS[about.target]);
        failure.top_level_site = self.requester.site();
        failure.requester = RequesterFacts {
            origin: RequesterOrigin::Tuple(self.requester.clone()),
            client: ClientContext::TopLevelDocument,
            tab: TabLiveness::Live(self.tabs[about.tab as usize]),
            document: DocumentId(2 * self.documents + about.tab),
        };
        failure.request.method = METHODS[about.method].clone();
        if about.header {
            failure.request.page_headers = names(&["x-token"]);
            failure.request.unsafe_headers = names(&["x-token"]);
        }
        if needs_preflight {
            failure.stage = FailedStage::Preflight;
        }
        if word == Word::No {
            let said = [
                ("access-control-prevent-origin", "*"),
                ("cross-origin-resource-policy", "same-origin"),
                ("access-control-allow-origin", "https://other.example"),
            ];
            failure.failing_response = headers(&[self.pick(&said)]);
        }
        failure
    }

    fn run(&mut self, request: RequestNo, about: About, failure: CorsFailure, state: State) {
        self.running.insert(
            request,
            Running {
                about,
                failure,
                state,
            },
        );
    }

    fn number(&mut self, question: QuestionId) -> QuestionNo {
        let known = self.questions.iter().position(|known| *known == question);
        QuestionNo(known.unwrap_or_else(|| {
            self.questions.push(question);
            self.questions.len() - 1
        }))
    }

    fn look(&mut self) {
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

    fn list(&mut self, question: QuestionNo, view: &QuestionView) {
        for listed in &view.requests {
            let list = Event::List {
                request: self.tickets[&listed.ticket],
                question,
                revision: view.revision,
            };
            self.trace.push(list);
        }
    }

    fn click(&mut self) {
        let tab = self.pick(&self.tabs.clone());
        let Some(view) = self.user_cors.question(tab) else {
            return;
        };
        let (choice, now) = (self.pick(&CHOICES), self.now());
        let revision = view.revision - self.numbers.below(2).min(view.revision);
        if let Ok(settled) = self.user_cors.answer(view.id, revision, choice, now) {
            let question = self.number(view.id);
            self.trace.push(Event::Answer {
                question,
                revision,
                choice,
                at: now,
            });
            self.settle(settled, Some((question, choice)));
        }
    }

    /// Takes note of what the model has settled. What an answer settles beyond its own question was decided by a grant.
    fn settle(&mut self, settled: Vec<Settlement>, by: Option<(QuestionNo, Choice)>) {
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
                Verdict::Declined(_) => {
                    self.running.remove(&request);
                    self.trace.push(Event::Fail { request });
                },
            }
        }
    }

    fn pick_running(&mut self, allowed: bool) -> Option<RequestNo> {
        let list: Vec<RequestNo> = self
            .running
            .iter()
            .filter(|(_, running)| matches!(running.state, State::Allowed(_)) == allowed)
            .map(|(request, _)| *request)
            .collect();
        (!list.is_empty()).then(|| self.pick(&list))
    }

    fn deliver_one(&mut self) {
        if let Some(request) = self.pick_running(true) {
            self.deliver(request);
        }
    }

    /// Step 10, as a fetch stack takes it: release or send, look at everything again, hand over.
    fn deliver(&mut self, request: RequestNo) {
        let Some(Running {
            about,
            failure,
            state: State::Allowed(grant_use),
        }) = self.running.remove(&request)
        else {
            return;
        };
        let (tab, now) = (self.tabs[about.tab as usize], self.now());
        let held = self.pick(&[
            HeldState::Held,
            HeldState::OverBudget,
            HeldState::Interrupted,
        ]);
        let method = MethodClass::from_method(&failure.request.method).expect("a class");
        let way = delivery(failure.stage, method, &failure.provenance, held);
        let go_on = self.user_cors.still_granted(&grant_use, tab, now);
        let delivered = match (way, go_on) {
            (Ok(way), Ok(())) => {
                if way == Delivery::SendAnonymously {
                    self.trace.push(Event::Send {
                        request,
                        preflight: false,
                    });
                }
                self.user_cors.recheck(&grant_use, &failure, now).is_ok()
            },
            _ => false,
        };
        self.user_cors.finished(&grant_use);
        self.trace.push(match delivered {
            true => Event::Deliver { request },
            false => Event::Fail { request },
        });
    }

    fn cancel_one(&mut self) {
        let Some(request) = self.pick_running(false) else {
            return;
        };
        let State::Waiting(ticket) = self.running[&request].state else {
            return;
        };
        self.trace.push(Event::Cancel { request });
        let settled = self.user_cors.cancel(ticket).into_iter().collect();
        self.settle(settled, None);
    }

    fn navigate(&mut self) {
        let tab = self.numbers.below(2);
        self.documents += 1;
        let id = self.tabs[tab as usize];
        self.trace.push(Event::Navigate { tab });
        let settled = self.user_cors.navigated(id, None);
        self.settle(settled, None);
        // The page that made them is gone, and the fetch stack drops what was allowed already.
        let dropped: Vec<RequestNo> = self
            .running
            .iter()
            .filter(|(_, running)| {
                running.about.tab == tab && matches!(running.state, State::Allowed(_))
            })
            .map(|(request, _)| *request)
            .collect();
        for request in dropped {
            self.running.remove(&request);
            self.trace.push(Event::Fail { request });
        }
        self.user_cors.user_interacted(id);
    }

    fn switch(&mut self, enabled: Switch) {
        self.trace.push(match enabled {
            Switch::On => Event::SwitchOn,
            Switch::Off => Event::SwitchOff,
        });
        let settings = Settings {
            enabled,
            ..Settings::default()
        };
        let settled = self.user_cors.set_settings(settings, self.now());
        self.settle(settled, None);
    }

    /// Both tabs close, what was allowed goes on to its end, and the settings are as they were before the history.
    fn end(&mut self) {
        while let Some(request) = self.pick_running(true) {
            self.deliver(request);
        }
        for tab in self.tabs {
            let settled = self.user_cors.tab_closed(tab);
            self.settle(settled, None);
        }
        self.trace.push(Event::Quit);
        assert!(self.running.is_empty(), "the model forgot a request");
        let settled = self.user_cors.set_settings(Settings::default(), self.now());
        assert!(settled.is_empty());
    }
}
