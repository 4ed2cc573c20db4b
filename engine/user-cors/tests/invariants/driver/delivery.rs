//! How requests that were allowed come to their end.

use super::requests::{address, provenance};
use super::*;

impl Driver<'_> {
    pub(super) fn pick_running(&mut self, allowed: bool) -> Option<RequestNo> {
        let list: Vec<RequestNo> = self
            .running
            .iter()
            .filter(|(_, running)| matches!(running.state, State::Allowed(_)) == allowed)
            .map(|(request, _)| *request)
            .collect();
        (!list.is_empty()).then(|| self.pick(&list))
    }

    pub(super) fn deliver_one(&mut self) {
        if let Some(request) = self.pick_running(true) {
            self.deliver(request);
        }
    }

    pub(super) fn deliver(&mut self, request: RequestNo) {
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
    pub(super) fn delivered(
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
    pub(super) fn found_elsewhere(
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

    pub(super) fn cancel_one(&mut self) {
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
}
