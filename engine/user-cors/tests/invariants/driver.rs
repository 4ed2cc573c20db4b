//! Runs the facade through generated histories, as a fetch stack and a person would, and writes down what happens.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use http::{HeaderMap, Method};
use user_cors::*;

use crate::{
    facts::{NOW, RELEASABLE, failure, headers, names, origin},
    spoilers::SPOILERS,
    trace::{
        ADDRESSES, About, Addresses, BLEMISHES, Blemishes, Event, QuestionNo, RequestNo, Trace,
        Word,
    },
};

const TARGETS: [&str; 4] = [
    "https://b.example/",
    "https://api.b.example/",
    "https://c.example/",
    "https://d.example/",
];

const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::PUT];

const CHOICES: [Choice; 5] = [
    Choice::AllowOnce,
    Choice::AllowForVisit,
    Choice::AllowForVisit,
    Choice::NotNow,
    Choice::Never,
];

/// Steps of one history.
const STEPS: u64 = 40;

/// So little that histories come to its end.
const BUDGET: Budget = Budget {
    requests: 4,
    bytes: 1000,
    response_bytes: 600,
};

/// The world of a history.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Servers change their minds and their addresses.
    Changing,
    /// They do not.
    Stable,
    /// They do not, and there is something that a page has no right to know: reads come with somebody's authority or from a
    /// cache, and other sites have memories of their own. From outside such a history looks like the stable one.
    WithSecrets,
}

/// How often each rule was reached, by the name of what it said.
pub type Reached = BTreeMap<String, u64>;

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
    is_stable: bool,
    /// Whether settings, policy, lists and the machine's network stay as they are.
    is_calm: bool,
    /// Whether the person says *Not now* to everything and goes on using the page.
    says_no: bool,
    /// Decides what pages may not know; `None` if there is nothing to know.
    secrets: Option<Numbers>,
    requester: TupleOrigin,
    tabs: [TabId; 2],
    /// How often each tab has navigated.
    documents: [u64; 2],
    running: BTreeMap<RequestNo, Running>,
    questions: Vec<QuestionId>,
    /// Of all requests that waited, also of those that have ended: a question goes on listing them.
    tickets: BTreeMap<TicketId, RequestNo>,
    begun: usize,
    settings: Settings,
    /// Whether policy switches the feature off.
    policy_is_off: bool,
    trace: Trace,
    reached: Reached,
}

/// The history of this seed. The facade may have been through others; their tabs and sites are not met again.
pub fn history(user_cors: &UserCors, seed: u64, world: World) -> (Trace, Reached) {
    let local_network = match seed % 3 {
        0 => LocalNetwork::Warn,
        _ => LocalNetwork::Block,
    };
    let mut driver = Driver {
        user_cors,
        clock: ManualClock::new(NOW),
        numbers: Numbers::new(seed),
        is_calm: !seed.is_multiple_of(3),
        says_no: seed.is_multiple_of(32),
        is_stable: world != World::Changing,
        secrets: (world == World::WithSecrets).then(|| Numbers::new(!seed)),
        requester: origin(&format!("https://app{seed}.example")),
        tabs: [TabId(2 * seed), TabId(2 * seed + 1)],
        documents: [0; 2],
        running: BTreeMap::new(),
        questions: Vec::new(),
        tickets: BTreeMap::new(),
        begun: 0,
        settings: Settings {
            local_network,
            budget: BUDGET,
            egress: if seed % 16 == 5 {
                "http://proxy.example:3128".parse().expect("an egress")
            } else {
                Egress::Direct
            },
            ..Settings::default()
        },
        policy_is_off: false,
        trace: Trace::new(),
        reached: Reached::new(),
    };
    driver.apply_settings();
    driver.move_to(0);
    for tab in driver.tabs {
        user_cors.user_interacted(tab);
    }
    for _ in 0..STEPS {
        driver.make_noise();
        driver.step();
    }
    driver.end();
    (driver.trace, driver.reached)
}

impl Driver<'_> {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.numbers.below(list.len() as u64) as usize]
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.numbers.below(many) == 0
    }

    /// Takes note that a rule said something.
    fn reach(&mut self, said: impl std::fmt::Debug) {
        let said = format!("{said:?}");
        let name = said
            .trim_matches('"')
            .split(|letter: char| !letter.is_alphanumeric())
            .next()
            .unwrap_or_default();
        *self.reached.entry(name.to_owned()).or_default() += 1;
    }

    fn fail(&mut self, request: RequestNo, refusal: &Refusal) {
        self.reach(refusal);
        self.trace.push(Event::Fail { request });
    }

    fn step(&mut self) {
        match self.numbers.below(if self.is_calm { 28 } else { 32 }) {
            0..=7 => self.start(),
            8..=9 => self.look(),
            10 => self.click(),
            11..=16 => {
                // Somebody who takes their time.
                self.look();
                self.clock.advance(Duration::from_millis(700));
                self.click();
            },
            17..=22 => self.deliver_one(),
            23 => {
                let times = [1, 300, 699, 700, 60_000, 121_000];
                let millis = self.pick(&times);
                self.clock.advance(Duration::from_millis(millis));
                let settled = self.user_cors.expire(self.now());
                self.settle(settled, None);
            },
            24 => self.cancel_one(),
            25 => self.navigate(),
            26..=27 => {
                let tab = self.pick(&self.tabs.clone());
                self.user_cors.user_interacted(tab);
            },
            28 => {
                let network = self.numbers.below(2) as usize;
                self.move_to(network);
            },
            29 => self.change_policy(),
            30 => self.change_blocklist(),
            _ => match self.numbers.below(4) {
                0 => {
                    self.user_cors.revoke_all().expect("in memory");
                    self.trace.push(Event::RevokeAll);
                },
                1 => {
                    self.settings.enabled = Switch::Off;
                    self.apply_settings();
                    self.start();
                    self.settings.enabled = Switch::On;
                    self.apply_settings();
                },
                2 if self.one_in(4) => {
                    self.settings.egress = match self.way_out() {
                        WayOut::Direct => "socks5://proxy.example".parse().expect("an egress"),
                        WayOut::Egress => Egress::Direct,
                    };
                    self.apply_settings();
                },
                _ if self.one_in(8) => self.burst(),
                _ => {},
            },
        }
    }

    fn about(&mut self) -> (About, Addresses) {
        let addresses = match self.numbers.below(20) {
            0 => Addresses(0b0100),
            1 => Addresses(0b0101),
            2 => Addresses(0b1000),
            3..=5 => Addresses(0b0010),
            6..=7 => Addresses(0b0011),
            _ => Addresses(0b0001),
        };
        let (target, method) = (
            self.numbers.below(4) as usize,
            self.numbers.below(3) as usize,
        );
        let header = self.one_in(4);
        let reads_simply = method == 0 && !header;
        let earlier = (reads_simply && self.one_in(6)).then(|| (target + 1) % TARGETS.len());
        let about = About {
            tab: self.numbers.below(2),
            target,
            earlier,
            method,
            header,
            local: !addresses.are_public(),
        };
        (about, addresses)
    }

    fn start(&mut self) {
        let (about, addresses) = self.about();
        self.start_with(about, addresses);
    }

    /// A page that asks for more than a question lists.
    fn burst(&mut self) {
        let (about, addresses) = self.about();
        let simple = About {
            method: 0,
            header: false,
            ..about
        };
        for _ in 0..100 {
            self.start_with(simple, addresses);
        }
        let other = About {
            method: 1,
            earlier: None,
            ..simple
        };
        self.start_with(other, addresses);
    }

    fn start_with(&mut self, about: About, addresses: Addresses) {
        let needs_preflight = about.method == 2 || about.header;
        let request = RequestNo(self.begun);
        self.begun += 1;
        self.trace.push(Event::Start {
            request,
            about,
            needs_preflight,
        });
        self.trace.push(Event::Resolve { request, addresses });
        let word = match self.numbers.below(12) {
            0 => Word::No,
            _ => Word::Silent,
        };
        let peers: Vec<usize> = addresses.iter().collect();
        let peer = self.pick(&peers);
        let mut failure = self.failure(about, needs_preflight, word);
        failure.route = self.route(about, addresses, peer);
        let blemishes = self.blemishes(about, needs_preflight);
        failure.provenance = provenance(blemishes, needs_preflight);
        let spoiler = match self.numbers.below(12) {
            0 => Some(self.pick(SPOILERS)),
            _ => None,
        };
        if let Some(spoil) = spoiler {
            spoil(&mut failure);
            self.trace.push(Event::Hopeless { request });
        }
        self.trace.push(Event::Send {
            request,
            preflight: needs_preflight,
            peer,
            blemishes,
            by_egress: false,
        });
        self.trace.push(Event::Receive { request, word });
        if let Err(refusal) = self.follow_chain(about, &mut failure) {
            return self.fail(request, &refusal);
        }
        let decision = self.user_cors.consider(&failure, self.now());
        if !matches!(decision, Decision::Fail(_)) {
            self.trace.push(Event::Classify { request, addresses });
        }
        match decision {
            Decision::Fail(refusal) => self.fail(request, &refusal),
            Decision::Granted(grant_use) => {
                self.reach("Granted");
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
                AskOutcome::Refused(refusal) => self.fail(request, &refusal),
                AskOutcome::Settled(verdict) => panic!("nobody answers by rules: {verdict:?}"),
            },
        }
    }

    /// Step 11, where a silent target has redirected to this one.
    fn follow_chain(&mut self, about: About, failure: &mut CorsFailure) -> Result<(), Refusal> {
        let Some(earlier) = about.earlier else {
            return Ok(());
        };
        let from = origin(TARGETS[earlier].trim_end_matches('/'));
        let back = self.one_in(16);
        let to = if back {
            self.requester.clone()
        } else {
            origin(TARGETS[about.target].trim_end_matches('/'))
        };
        let hop = redirect_hop(&Hop {
            requester: &self.requester,
            from: &from,
            to: &to,
            plan: chain_plan(MethodClass::Get, NeedsPreflight::No),
            allowed: &[],
        });
        if hop.check == HopCheck::OrdinaryCors {
            return Err(Refusal::RedirectToRequester);
        }
        redirect_space_check(Some(AddressSpace::Public), failure.route.space())?;
        failure.provenance = provenance(Blemishes(0), false);
        failure.earlier_targets.push(TicketTarget {
            origin: from,
            address: Some(address(1)),
            space: Some(AddressSpace::Public),
        });
        Ok(())
    }

    /// Whose authority could be in the exchange that failed. A page that redirects goes on without any.
    fn blemishes(&mut self, about: About, needs_preflight: bool) -> Blemishes {
        let known = match self.numbers.below(4) {
            0 => 1 << self.numbers.below(u64::from(BLEMISHES)),
            _ => 0,
        };
        if about.earlier.is_some() || needs_preflight {
            return Blemishes(0);
        }
        // A read is sent anew, whatever was recorded of it.
        let secret = match &mut self.secrets {
            Some(secrets) if about.method == 0 => secrets.below(1 << BLEMISHES) as u16,
            _ => 0,
        };
        Blemishes(known | secret)
    }

    fn route(&self, about: About, addresses: Addresses, peer: usize) -> Route {
        let url = url::Url::parse(TARGETS[about.target]).expect("a URL");
        self.user_cors.classify(&ConnectionFacts {
            host: url::Host::parse(url.host_str().expect("a host")).expect("a host"),
            resolution: addresses.iter().map(address).collect(),
            peer: Some((address(peer), 443).into()),
            source: SourceAddress::DefaultRoute,
            public_roots: RootsVerdict::Public,
            proxy: ProxyUse::Direct,
        })
    }

    fn route_through_egress(&self, about: About) -> Route {
        let url = url::Url::parse(TARGETS[about.target]).expect("a URL");
        self.user_cors.classify(&ConnectionFacts {
            host: url::Host::parse(url.host_str().expect("a host")).expect("a host"),
            resolution: Vec::new(),
            peer: None,
            source: SourceAddress::Unknown,
            public_roots: RootsVerdict::Public,
            proxy: ProxyUse::Egress,
        })
    }

    fn way_out(&self) -> WayOut {
        self.settings.egress.way_out()
    }

    fn failure(&mut self, about: About, needs_preflight: bool, word: Word) -> CorsFailure {
        let mut failure = failure(TARGETS[about.target]);
        failure.top_level_site = self.requester.site();
        failure.requester = RequesterFacts {
            origin: RequesterOrigin::Tuple(self.requester.clone()),
            client: ClientContext::TopLevelDocument,
            tab: TabLiveness::Live(self.tabs[about.tab as usize]),
            document: DocumentId(2 * self.documents[about.tab as usize] + about.tab),
        };
        failure.request.initiator = match self.numbers.below(16) {
            0 => Initiator::Font,
            1 => Initiator::Image,
            _ => Initiator::Fetch,
        };
        failure.request.method = METHODS[about.method].clone();
        if about.header {
            failure.request.page_headers = names(&["x-token"]);
            failure.request.unsafe_headers = names(&["x-token"]);
        }
        if needs_preflight {
            failure.stage = FailedStage::Preflight;
        }
        failure.failing_response = self.said(word);
        failure
    }

    fn said(&mut self, word: Word) -> HeaderMap {
        if word == Word::Silent {
            return HeaderMap::new();
        }
        let said = [
            ("access-control-prevent-origin", "*;max-age=1"),
            ("access-control-prevent-origin", "*"),
            ("cross-origin-resource-policy", "same-origin"),
            ("access-control-allow-origin", "https://other.example"),
        ];
        headers(&[self.pick(&said)])
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
                if self.says_no {
                    self.user_cors.user_interacted(tab);
                }
            },
            Err(error) => self.reach(error),
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
                Verdict::Declined(reason) => {
                    self.running.remove(&request);
                    self.reach(reason);
                    self.fail(request, &Refusal::Declined(reason));
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

    fn deliver(&mut self, request: RequestNo) {
        let Some(Running {
            about,
            failure,
            state: State::Allowed(grant_use),
        }) = self.running.remove(&request)
        else {
            return;
        };
        let delivered = self.delivered(request, about, failure, &grant_use);
        self.user_cors.finished(&grant_use);
        match delivered {
            Ok(()) => self.trace.push(Event::Deliver { request }),
            Err(refusal) => self.fail(request, &refusal),
        }
    }

    /// Step 10, as a fetch stack takes it: look at everything again, release or send, look at everything once more.
    fn delivered(
        &mut self,
        request: RequestNo,
        about: About,
        failure: CorsFailure,
        grant_use: &GrantUse,
    ) -> Result<(), Refusal> {
        let held = self.pick(&[
            HeldState::Held,
            HeldState::Held,
            HeldState::OverBudget,
            HeldState::Interrupted,
        ]);
        // The same numbers are drawn whichever way it goes: what is secret decides that.
        let (moves, word, bytes) = (
            self.one_in(6),
            self.numbers.below(8),
            self.pick(&[10, 300, 601]),
        );
        let addresses = match self.numbers.below(3) {
            0 => Addresses(0b0100),
            1 => Addresses(0b0010),
            _ => Addresses(0b0001),
        };
        let word = match word {
            0 if !self.is_stable => Word::No,
            _ => Word::Silent,
        };
        let said = self.said(word);
        let writes = self.one_in(100);

        let (tab, now) = (self.tabs[about.tab as usize], self.now());
        let method = MethodClass::from_method(&failure.request.method).expect("a class");
        let way = delivery(
            failure.stage,
            method,
            &failure.provenance,
            held,
            self.way_out(),
        )?;
        self.user_cors.recheck(grant_use, &failure, now)?;
        let requests = if writes && !method.is_safe() { 61 } else { 1 };
        for _ in 0..requests {
            self.user_cors.count_request(grant_use, tab, now)?;
        }
        if way == Delivery::SendAnonymously {
            let by_egress = self.way_out() == WayOut::Egress;
            let route = if by_egress {
                failure.route.clone()
            } else if moves && !self.is_stable {
                self.found_elsewhere(request, about, &failure, addresses)?
            } else {
                failure.route.clone()
            };
            self.trace.push(Event::Send {
                request,
                preflight: false,
                peer: match route.peer() {
                    Some(peer) => (0..ADDRESSES.len())
                        .find(|number| address(*number) == peer.ip())
                        .expect("one of the addresses"),
                    None => return Err(Refusal::UnknownPeer),
                },
                blemishes: Blemishes(0),
                by_egress,
            });
            self.trace.push(Event::Receive { request, word });
            let answered = CorsFailure {
                stage: FailedStage::Response,
                provenance: Provenance {
                    proxied: if by_egress {
                        Proxied::ByEgress
                    } else {
                        Proxied::No
                    },
                    ..provenance(Blemishes(0), false)
                },
                failing_response: said,
                route: if by_egress {
                    self.route_through_egress(about)
                } else {
                    route
                },
                ..failure
            };
            self.user_cors.recheck(grant_use, &answered, now)?;
        }
        self.user_cors
            .count_bytes(grant_use, tab, bytes, bytes, now)
    }

    /// The addresses that were classified answer no more, and the name leads elsewhere.
    fn found_elsewhere(
        &mut self,
        request: RequestNo,
        about: About,
        failure: &CorsFailure,
        addresses: Addresses,
    ) -> Result<Route, Refusal> {
        self.trace.push(Event::Resolve { request, addresses });
        let peer = addresses.iter().next().expect("an address");
        let route = self.route(about, addresses, peer);
        let (Route::Direct(before), Route::Direct(now)) = (&failure.route, &route) else {
            return Err(Refusal::UnknownPeer);
        };
        match PinnedAddresses::new(before).repin(now) {
            Repin::Same(_) => {
                self.reach("Same");
                self.trace.push(Event::Classify { request, addresses });
                Ok(route)
            },
            Repin::Changed => {
                self.reach("Changed");
                Err(Refusal::AddressesChanged)
            },
        }
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
        self.documents[tab as usize] += 1;
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

    fn move_to(&mut self, network: usize) {
        self.trace.push(Event::Move { network });
        let identity = MachineNetwork::new(&format!("network {network}"));
        let settled = self.user_cors.network_changed(Some(identity), self.now());
        self.settle(settled, None);
    }

    fn change_blocklist(&mut self) {
        let target = self.numbers.below(TARGETS.len() as u64) as usize;
        let entry = BlockedTarget::Origin(origin(TARGETS[target].trim_end_matches('/')));
        if self.one_in(2) {
            self.trace.push(Event::Block { target });
            let settled = self.user_cors.block(&entry, self.now()).expect("in memory");
            self.settle(settled, None);
        } else {
            self.user_cors.unblock(&entry).expect("in memory");
            self.trace.push(Event::Unblock { target });
        }
    }

    fn change_policy(&mut self) {
        let file = |text: &str| {
            let text = format!("{{\"policies\": {{\"UserEnabledCORS\": {{{text}}}}}}}");
            match Policy::parse(&text) {
                Ok(policy) => PolicyStatus::InForce(policy),
                Err(error) => PolicyStatus::Unusable(error.into()),
            }
        };
        let requester = &self.requester;
        let policy = match self.numbers.below(12) {
            0 => file("\"Enabled\": false"),
            1 => file("\"Enabled\": 1"),
            2 => file(&format!("\"BlockedRequesters\": [\"{requester}\"]")),
            3 => file("\"BlockedTargets\": [\"https://b.example\"]"),
            4 => file("\"AddressSpaces\": {\"9.9.9.0/24\": \"local\"}"),
            5 => file("\"Blocklists\": [\"/nowhere/list\"]"),
            6 => file("\"LocalNetwork\": \"block\""),
            _ => PolicyStatus::None,
        };
        self.set_policy(policy);
    }

    fn set_policy(&mut self, policy: PolicyStatus) {
        self.policy_is_off = match &policy {
            PolicyStatus::Unusable(_) => true,
            PolicyStatus::InForce(policy) => policy.enabled == Some(false),
            PolicyStatus::None => false,
        };
        self.note_switch();
        let settled = self.user_cors.set_policy(policy, self.now());
        self.settle(settled, None);
    }

    fn apply_settings(&mut self) {
        self.note_switch();
        let on = self.way_out() == WayOut::Egress;
        self.trace.push(Event::Egress { on });
        let settled = self
            .user_cors
            .set_settings(self.settings.clone(), self.now());
        self.settle(settled, None);
    }

    fn note_switch(&mut self) {
        let off = self.policy_is_off || self.settings.enabled == Switch::Off;
        self.trace.push(if off {
            Event::SwitchOff
        } else {
            Event::SwitchOn
        });
    }

    /// Under another top-level site, the same two have a history of their own.
    fn make_noise(&mut self) {
        let now = self.now();
        let Some(secrets) = &mut self.secrets else {
            return;
        };
        let target = TARGETS[secrets.below(TARGETS.len() as u64) as usize];
        let elsewhere = origin("https://elsewhere.example").site();
        match secrets.below(4) {
            0 => {
                let mut opted_out = failure(target);
                opted_out.top_level_site = elsewhere;
                opted_out.requester.origin = RequesterOrigin::Tuple(self.requester.clone());
                opted_out.failing_response =
                    headers(&[("access-control-prevent-origin", "*;max-age=600")]);
                let _ = self.user_cors.consider(&opted_out, now);
            },
            1 => {
                let entry = format!(
                    "{{\"topLevelSite\": \"{elsewhere}\", \"requester\": \"{}\", \"target\": \"{}\", \"created\": 1}}",
                    self.requester,
                    target.trim_end_matches('/'),
                );
                let text = format!("{{\"version\": 1, \"grants\": [], \"denials\": [{entry}]}}");
                let file = PermissionsFile::parse(&text).expect("a file");
                let (_, settled) = self
                    .user_cors
                    .import_permissions(&file, now)
                    .expect("in memory");
                assert!(settled.is_empty(), "{settled:?}\n{:#?}", self.trace);
            },
            _ => {},
        }
    }

    /// Both tabs close, what was allowed goes on to its end, and everything is as it was before the history.
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
        for target in TARGETS {
            let entry = BlockedTarget::Origin(origin(target.trim_end_matches('/')));
            self.user_cors.unblock(&entry).expect("in memory");
        }
        let policy = self.user_cors.set_policy(PolicyStatus::None, self.now());
        let settings = self.user_cors.set_settings(Settings::default(), self.now());
        assert!(policy.is_empty() && settings.is_empty());
    }
}

fn address(number: usize) -> IpAddr {
    ADDRESSES[number].0.parse().expect("an address")
}

/// What the fetch stack records of an exchange with these blemishes.
fn provenance(blemishes: Blemishes, preflight: bool) -> Provenance {
    let has = |bit: u16| blemishes.0 & (1 << bit) != 0;
    let attached = |bit| {
        if has(bit) {
            Attached::Something
        } else {
            Attached::Nothing
        }
    };
    Provenance {
        exchange: if preflight {
            Exchange::Preflight
        } else {
            Exchange::Request
        },
        include_credentials: if has(0) {
            IncludeCredentials::True
        } else {
            IncludeCredentials::False
        },
        cookies: attached(1),
        authentication: attached(2),
        client_certificate: attached(3),
        tls_session: if has(4) {
            TlsSession::ResumedFromElsewhere
        } else {
            TlsSession::Fresh
        },
        pool: if has(5) {
            ConnectionPool::Credentialed
        } else {
            ConnectionPool::Anonymous
        },
        source: if has(6) {
            ResponseSource::Cache
        } else {
            ResponseSource::Network
        },
        proxied: if has(7) { Proxied::Yes } else { Proxied::No },
        connection: if has(8) {
            ConnectionHost::Coalesced
        } else {
            ConnectionHost::ThisHost
        },
        ..RELEASABLE
    }
}
