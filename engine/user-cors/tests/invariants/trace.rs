//! What happens in a history, as the checks see it: nothing of the model's own state, only what went in and came out.

use user_cors::{Choice, Timestamp};

/// A request; the index of its event is its time in the order of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestNo(pub usize);

/// A question, by the order in which questions were first heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuestionNo(pub usize);

/// What a request is about, as far as consent goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    pub tab: u64,
    pub target: usize,
    /// A silent target that redirected there.
    pub earlier: Option<usize>,
    pub method: usize,
    /// Whether it has a header beyond the safelist.
    pub header: bool,
    /// Whether the target is in the local network.
    pub local: bool,
}

impl About {
    /// Whether the method is not GET or HEAD.
    pub fn is_unsafe(self) -> bool {
        self.method > 0
    }

    /// Whether what was allowed for one is enough for the other at one of its targets.
    pub fn covers(self, other: Self, target: usize) -> bool {
        let network = if target == self.target {
            self.local
        } else {
            false
        };
        let needed = if target == other.target {
            other.local
        } else {
            false
        };
        self.targets().any(|own| own == target)
            && network == needed
            && self.method == other.method
            && (self.header || !other.header)
    }

    /// Every target that has to be allowed.
    pub fn targets(self) -> impl Iterator<Item = usize> {
        self.earlier.into_iter().chain([self.target])
    }
}

/// What was recorded of an exchange, as far as somebody's authority could be in it: one bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Blemishes(pub u16);

/// What [`Blemishes`] are made of: credentials included, cookies, authentication, a client certificate, a TLS session of
/// another pool, the pool with credentials, a stored response, a proxy, a connection of another host.
pub const BLEMISHES: u16 = 9;

/// Addresses, one bit for each of [`ADDRESSES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses(pub u8);

/// The addresses of the histories, and whether they are public.
pub const ADDRESSES: [(&str, bool); 4] = [
    ("8.8.8.8", true),
    ("9.9.9.9", true),
    ("192.168.1.7", false),
    ("127.0.0.1", false),
];

impl Addresses {
    pub fn contains(self, address: usize) -> bool {
        self.0 & (1 << address) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..ADDRESSES.len()).filter(move |address| self.contains(*address))
    }

    /// Whether all of them are public.
    pub fn are_public(self) -> bool {
        self.iter().all(|address| ADDRESSES[address].1)
    }
}

/// What a server's answer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Silent,
    /// `Access-Control-Prevent-Origin`, a resource policy, or a spoken CORS answer.
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Start {
        request: RequestNo,
        about: About,
        needs_preflight: bool,
    },
    /// It is of a kind that nobody can be asked about.
    Hopeless {
        request: RequestNo,
    },
    /// The target's name was looked up.
    Resolve {
        request: RequestNo,
        addresses: Addresses,
    },
    /// These addresses passed step 6.
    Classify {
        request: RequestNo,
        addresses: Addresses,
    },
    Send {
        request: RequestNo,
        preflight: bool,
        peer: usize,
        blemishes: Blemishes,
        /// Through the egress: what answers there is at nobody knows which address.
        by_egress: bool,
    },
    Receive {
        request: RequestNo,
        word: Word,
    },
    Ask {
        request: RequestNo,
        question: QuestionNo,
    },
    /// The content of a question was drawn; unfocused or hidden is `Hide`.
    Show {
        question: QuestionNo,
        revision: u64,
        at: Timestamp,
    },
    Hide,
    /// The content of a question named a request.
    List {
        request: RequestNo,
        question: QuestionNo,
        revision: u64,
    },
    /// An answer that counted.
    Answer {
        question: QuestionNo,
        revision: u64,
        choice: Choice,
        at: Timestamp,
    },
    /// A request may go on by this answer, or by a grant that was there.
    Allow {
        request: RequestNo,
        by: Option<QuestionNo>,
    },
    Deliver {
        request: RequestNo,
    },
    Fail {
        request: RequestNo,
    },
    Cancel {
        request: RequestNo,
    },
    RevokeAll,
    /// A target is on the user's blocklist.
    Block {
        target: usize,
    },
    Unblock {
        target: usize,
    },
    /// The machine is on this network now.
    Move {
        network: usize,
    },
    Navigate {
        tab: u64,
    },
    /// By preference, by policy, or since policy cannot be read.
    SwitchOff,
    SwitchOn,
    /// Anonymous requests leave through the egress now, or directly.
    Egress {
        on: bool,
    },
    Quit,
}

impl Event {
    /// Whether a page or a person could tell that it happened, and when.
    pub fn is_visible(&self) -> bool {
        matches!(
            self,
            Self::Start { .. }
                | Self::Ask { .. }
                | Self::List { .. }
                | Self::Show { .. }
                | Self::Answer { .. }
                | Self::Deliver { .. }
                | Self::Fail { .. }
        )
    }
}

/// A whole history, until the browser has quit.
pub type Trace = Vec<Event>;
