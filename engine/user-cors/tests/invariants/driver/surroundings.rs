//! What changes around requests: pages, networks, lists, policy, settings, and things that leave no trace.

use super::*;

impl Driver<'_> {
    pub(super) fn navigate(&mut self) {
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

    pub(super) fn move_to(&mut self, network: usize) {
        self.trace.push(Event::Move { network });
        let identity = MachineNetwork::new(&format!("network {network}"));
        let settled = self.user_cors.network_changed(Some(identity), self.now());
        self.settle(settled, None);
    }

    pub(super) fn change_blocklist(&mut self) {
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

    pub(super) fn change_policy(&mut self) {
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

    pub(super) fn set_policy(&mut self, policy: PolicyStatus) {
        self.policy_is_off = match &policy {
            PolicyStatus::Unusable(_) => true,
            PolicyStatus::InForce(policy) => policy.enabled == Some(false),
            PolicyStatus::None => false,
        };
        self.note_switch();
        let settled = self.user_cors.set_policy(policy, self.now());
        self.settle(settled, None);
    }

    pub(super) fn apply_settings(&mut self) {
        self.note_switch();
        let on = self.way_out() == WayOut::Egress;
        self.trace.push(Event::Egress { on });
        let settled = self
            .user_cors
            .set_settings(self.settings.clone(), self.now());
        self.settle(settled, None);
    }

    pub(super) fn note_switch(&mut self) {
        let off = self.policy_is_off || self.settings.enabled == Switch::Off;
        self.trace.push(if off {
            Event::SwitchOff
        } else {
            Event::SwitchOn
        });
    }

    /// Under another top-level site, the same two have a history of their own.
    pub(super) fn make_noise(&mut self) {
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
    pub(super) fn end(&mut self) {
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
