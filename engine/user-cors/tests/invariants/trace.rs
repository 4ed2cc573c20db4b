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
    pub method: usize,
    /// Whether it has a header beyond the safelist.
    pub header: bool,
}

impl About {
    /// Whether the method is not GET or HEAD.
    pub fn is_unsafe(self) -> bool {
        self.method > 0
    }

    /// Whether what was allowed for one is enough for the other.
    pub fn covers(self, other: Self) -> bool {
        (self.target, self.method) == (other.target, other.method) && (self.header || !other.header)
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
    Send {
        request: RequestNo,
        preflight: bool,
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
    Navigate {
        tab: u64,
    },
    SwitchOff,
    SwitchOn,
    Quit,
}

/// A whole history, until the browser has quit.
pub type Trace = Vec<Event>;
