//! Holding a response while the person thinks.

use bytes::Bytes;
use futures::stream;
use user_cors::{HeldState, HoldBudget, HoldId, TabId};

use crate::embedding::Embedding;
use crate::fetch::body::{Body, BodyError};

/// A response's body that is read into memory, within the tab's budget, while a question about it is open.
///
/// It is read at the speed of the network, so that a shared HTTP/2 connection never waits for a person. Until the first
/// [`read`](Self::read), when there is something to wait for, it is not counted.
pub(super) struct Hold {
    embedding: &'static Embedding,
    tab: TabId,
    id: Option<HoldId>,
    body: Body,
    chunks: Vec<Bytes>,
    state: HeldState,
    complete: bool,
}

impl Hold {
    /// Holds `body` for `tab`.
    pub fn of(embedding: &'static Embedding, tab: TabId, body: Body) -> Self {
        Self {
            embedding,
            tab,
            id: None,
            body,
            chunks: Vec::new(),
            state: HeldState::Held,
            complete: false,
        }
    }

    /// Holds nothing: the response is not what the page will get.
    pub fn nothing(embedding: &'static Embedding, tab: TabId) -> Self {
        let mut hold = Self::of(embedding, tab, Body::Empty);
        hold.state = HeldState::OverBudget;
        hold
    }

    /// Reads on until all of the body is held or it cannot be. Cancelling this future loses nothing.
    pub async fn read(&mut self) {
        if self.state == HeldState::Held && self.id.is_none() {
            self.id = self.embedding.user_cors().begin_hold(self.tab);
            if self.id.is_none() {
                self.give_up(HeldState::OverBudget);
            }
        }
        while self.state == HeldState::Held && !self.complete {
            match self.body.next().await {
                None => self.complete = true,
                Some(Ok(chunk)) => self.keep(chunk),
                Some(Err(_)) => self.give_up(HeldState::Interrupted),
            }
        }
    }

    fn keep(&mut self, chunk: Bytes) {
        let within = self.id.is_some_and(|id| {
            self.embedding.user_cors().grow_hold(id, chunk.len() as u64) == HoldBudget::Within
        });
        if within {
            self.chunks.push(chunk);
        } else {
            self.give_up(HeldState::OverBudget);
        }
    }

    fn give_up(&mut self, state: HeldState) {
        self.state = state;
        self.chunks = Vec::new();
        // Dropping the body closes its connection or stream.
        self.body = Body::Empty;
        self.end();
    }

    fn end(&mut self) {
        if let Some(id) = self.id.take() {
            self.embedding.user_cors().end_hold(id);
        }
    }

    /// What has become of the body.
    pub fn state(&self) -> HeldState {
        self.state
    }

    /// The body from its beginning: what is held, then what still arrives.
    pub fn into_body(mut self) -> Body {
        let held = std::mem::take(&mut self.chunks);
        let rest = std::mem::take(&mut self.body);
        if self.complete {
            return Body::Bytes(held.concat().into());
        }
        if held.is_empty() {
            return rest;
        }
        Body::from_stream(stream::unfold(
            (held.into_iter(), rest),
            |(mut held, mut rest)| async move {
                let next: Result<Bytes, BodyError> = match held.next() {
                    Some(chunk) => Ok(chunk),
                    None => rest.next().await?,
                };
                Some((next, (held, rest)))
            },
        ))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.end();
    }
}
