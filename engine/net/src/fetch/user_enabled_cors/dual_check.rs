//! The dual check: what came through the egress is handed over only if a direct request gets the same.
//!
//! Only reads are checked, and only answers that can be held: the model says so before anybody is asked, and here what is too
//! large is refused.

use aws_lc_rs::digest::{Context, SHA256};
use user_cors::{
    DualCheckFailure, FailedStage, GrantUse, HeldState, Refusal, RootsVerdict, WayOut,
};

use super::chain::{Errand, Pin};
use super::hold::Hold;
use super::{Hook, method_class};
use crate::fetch::body::Body;
use crate::fetch::params::FetchParams;
use crate::fetch::response::FetchResponse;
use crate::network_state::FetchContext;

/// What is compared of two answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print {
    status: u16,
    length: u64,
    digest: [u8; 32],
}

impl Hook {
    /// The response again, once a direct request has got the same.
    ///
    /// # Errors
    /// [`Refusal::DualCheck`], or what forbids the direct answer.
    pub(super) async fn check_twice(
        &self,
        params: &mut FetchParams,
        mut response: FetchResponse,
        grant: &GrantUse,
        context: &FetchContext,
    ) -> Result<FetchResponse, Refusal> {
        // NB: the check may have been switched on, and the egress off, since the request was looked at last.
        if !method_class(&params.request)?.is_safe() {
            return Err(Refusal::DualCheck(DualCheckFailure::Method));
        }
        if self.way_out() == WayOut::Direct {
            return Err(Refusal::DualCheck(DualCheckFailure::NoEgress));
        }
        let body = std::mem::take(&mut response.body);
        let mut hold = Hold::of(self.embedding, self.requester.tab, body);
        hold.read().await;
        if hold.state() != HeldState::Held {
            return Err(Refusal::DualCheck(DualCheckFailure::TooLarge));
        }
        let status = response.head.status.raw_code();
        let held = hold.into_body();
        let (held, print) = match held {
            Body::Bytes(bytes) => {
                let print = print_of(status, [&*bytes]);
                (Body::Bytes(bytes), print)
            },
            Body::Empty => (Body::Empty, print_of(status, [])),
            // A hold that was read to its end is bytes.
            _ => return Err(Refusal::DualCheck(DualCheckFailure::TooLarge)),
        };
        let direct = self.fetch_directly(params, grant, context).await?;
        let headers = direct.head.headers.clone();
        let answered = self.facts(params, &direct, headers, FailedStage::Response);
        if direct.is_network_error() {
            return Err(Refusal::DualCheck(DualCheckFailure::Unanswered));
        }
        self.still_grants(grant, &answered)?;
        let status = direct.head.status.raw_code();
        if printed(status, direct.body, print.length).await != Some(print) {
            return Err(Refusal::DualCheck(DualCheckFailure::Differs));
        }
        response.body = held;
        Ok(response)
    }

    /// The same request once more, to the target itself: to the addresses that were classified, or to those that its name has
    /// and that are classified first.
    async fn fetch_directly(
        &self,
        params: &mut FetchParams,
        grant: &GrantUse,
        context: &FetchContext,
    ) -> Result<FetchResponse, Refusal> {
        let before = params.chain.anonymous_mut().and_then(|it| it.pin.clone());
        let pin = match before.clone().filter(Pin::has_addresses) {
            Some(pin) => pin,
            None => {
                let roots = RootsVerdict::Public;
                let route = self
                    .look_up_directly(&params.request, roots, context)
                    .await?;
                Pin::of(&route)
                    .filter(Pin::is_public)
                    .ok_or(Refusal::AddressesChanged)?
            },
        };
        self.set_errand(params, Errand::Compare, Some(pin));
        let direct = self.exchange(params, Some(grant), context).await;
        self.set_errand(params, Errand::Deliver, before);
        direct
    }

    fn set_errand(&self, params: &mut FetchParams, errand: Errand, pin: Option<Pin>) {
        if let Some(anonymous) = params.chain.anonymous_mut() {
            anonymous.errand = errand;
            anonymous.pin = pin;
        }
    }
}

fn print_of<'a>(status: u16, chunks: impl IntoIterator<Item = &'a [u8]>) -> Print {
    let mut context = Context::new(&SHA256);
    let mut length = 0;
    for chunk in chunks {
        context.update(chunk);
        length += chunk.len() as u64;
    }
    finish(status, length, context)
}

fn finish(status: u16, length: u64, context: Context) -> Print {
    let mut digest = [0; 32];
    // SHA-256 has as many bytes.
    digest.copy_from_slice(context.finish().as_ref());
    Print {
        status,
        length,
        digest,
    }
}

/// The print of a body, of which nothing is kept; `None` if it breaks off, or is longer than `most` bytes.
async fn printed(status: u16, mut body: Body, most: u64) -> Option<Print> {
    let mut context = Context::new(&SHA256);
    let mut length = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.ok()?;
        length += chunk.len() as u64;
        if length > most {
            return None;
        }
        context.update(&chunk);
    }
    Some(finish(status, length, context))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::stream;

    use super::*;
    use crate::fetch::body::BodyError;

    fn streamed(chunks: &[&'static str]) -> Body {
        let chunks: Vec<Result<Bytes, BodyError>> = chunks
            .iter()
            .map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())))
            .collect();
        Body::from_stream(stream::iter(chunks))
    }

    #[tokio::test]
    async fn answers_agree_by_status_length_and_content() {
        let print = print_of(200, [&b"what "[..], b"anyone reads"]);
        assert_eq!(print.length, 17);
        for (status, chunks, expected) in [
            (200, &["what anyone", " reads"][..], true),
            (200, &["what anyone reads"], true),
            (404, &["what anyone reads"], false),
            (200, &["what others reads"], false),
            (200, &["what anyone read"], false),
            (200, &["what anyone reads", "!"], false),
        ] {
            let other = printed(status, streamed(chunks), print.length).await;
            assert_eq!(other == Some(print), expected, "{status} {chunks:?}");
        }
        let broken = Body::from_stream(stream::iter([Err(BodyError::Truncated)]));
        assert_eq!(printed(200, broken, 17).await, None);
        assert_eq!(printed(204, Body::Empty, 0).await, Some(print_of(204, [])));
    }
}
