//! Requests: how they start, what is recorded of them, and what the model is told.

use super::*;

impl Driver<'_> {
    pub(super) fn about(&mut self) -> (About, Addresses) {
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

    pub(super) fn start(&mut self) {
        let (about, addresses) = self.about();
        self.start_with(about, addresses);
    }

    /// A page that asks for more than a question lists.
    pub(super) fn burst(&mut self) {
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

    pub(super) fn start_with(&mut self, about: About, addresses: Addresses) {
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
    pub(super) fn follow_chain(
        &mut self,
        about: About,
        failure: &mut CorsFailure,
    ) -> Result<(), Refusal> {
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
    pub(super) fn blemishes(&mut self, about: About, needs_preflight: bool) -> Blemishes {
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

    pub(super) fn route(&self, about: About, addresses: Addresses, peer: usize) -> Route {
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

    pub(super) fn route_through_egress(&self, about: About) -> Route {
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

    pub(super) fn failure(
        &mut self,
        about: About,
        needs_preflight: bool,
        word: Word,
    ) -> CorsFailure {
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

    pub(super) fn said(&mut self, word: Word) -> HeaderMap {
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

    pub(super) fn run(
        &mut self,
        request: RequestNo,
        about: About,
        failure: CorsFailure,
        state: State,
    ) {
        self.running.insert(
            request,
            Running {
                about,
                failure,
                state,
            },
        );
    }
}

pub(super) fn address(number: usize) -> IpAddr {
    ADDRESSES[number].0.parse().expect("an address")
}

/// What the fetch stack records of an exchange with these blemishes.
pub(super) fn provenance(blemishes: Blemishes, preflight: bool) -> Provenance {
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
