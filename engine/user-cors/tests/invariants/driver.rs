//! Runs the facade through generated histories, as a fetch stack and a person would, and writes down what happens.

mod delivery;
mod person;
mod requests;
mod surroundings;

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

    fn way_out(&self) -> WayOut {
        self.settings.egress.way_out()
    }
}
