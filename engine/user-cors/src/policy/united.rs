//! Two policies at once: the machine's, and the user's beside it.

use super::{LocalNetwork, Policy, PolicyStatus};
use crate::{address_space::AddressSpace, egress::Egress};

impl Policy {
    /// This policy with a less weighty one beside it. What either blocks is blocked, and of two values the stricter counts.
    /// If this one is locked, the other can only tighten: what it would allow is left out.
    #[must_use]
    pub fn united_with(self, mut other: Self) -> Self {
        if self.locked {
            other.keep_what_tightens();
        }
        let enabled = match self.enabled {
            Some(on) if self.locked => Some(on),
            own => stricter(own, other.enabled),
        };
        let local_network = match self.local_network {
            Some(set) if self.locked => Some(set),
            own => stricter(own, other.local_network),
        };
        let egress = match (self.egress, other.egress) {
            (Some(set), _) if self.locked => Some(set),
            (Some(set @ Egress::Proxy(_)), _) | (_, Some(set @ Egress::Proxy(_))) => Some(set),
            (own, other) => own.or(other),
        };
        let dual_check = match self.dual_check {
            Some(set) if self.locked => Some(set),
            own => own.into_iter().chain(other.dual_check).max(),
        };
        let mut address_spaces = self.address_spaces;
        // A range inside of one that the first policy names may not become more public by the second.
        let named = address_spaces.clone();
        address_spaces.extend(other.address_spaces.into_iter().filter(|(range, space)| {
            named.iter().all(|(first, first_space)| {
                let overlap = first.contains(range) || range.contains(first);
                !overlap || (first != range && space.is_less_public_than(*first_space))
            })
        }));
        Self {
            enabled,
            local_network,
            blocked_targets: united(self.blocked_targets, other.blocked_targets),
            blocklists: united(self.blocklists, other.blocklists),
            allowed_pairs: united(self.allowed_pairs, other.allowed_pairs),
            blocked_requesters: united(self.blocked_requesters, other.blocked_requesters),
            address_spaces,
            extra_roots: united(self.extra_roots, other.extra_roots),
            egress,
            dual_check,
            max_grant_days: stricter(self.max_grant_days, other.max_grant_days),
            locked: self.locked,
        }
    }

    fn keep_what_tightens(&mut self) {
        self.enabled = self.enabled.filter(|on| !on);
        self.local_network = self.local_network.filter(|set| *set == LocalNetwork::Block);
        self.allowed_pairs.clear();
        self.address_spaces
            .retain(|(_, space)| *space != AddressSpace::Public);
        self.extra_roots.clear();
        self.egress = self.egress.take().filter(|set| set.proxy().is_some());
        self.dual_check = self.dual_check.filter(|on| *on);
    }
}

impl PolicyStatus {
    /// Both at once, by [`Policy::united_with`]. If either cannot be used, neither can what they come to.
    #[must_use]
    pub fn united_with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unusable(error), _) | (_, Self::Unusable(error)) => Self::Unusable(error),
            (Self::None, status) | (status, Self::None) => status,
            (Self::InForce(policy), Self::InForce(other)) => {
                Self::InForce(policy.united_with(other))
            },
        }
    }
}

/// Of what is set, the value that allows less, which is the smaller one in each case here.
fn stricter<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    one.into_iter().chain(other).min()
}

fn united<T: PartialEq>(mut list: Vec<T>, more: Vec<T>) -> Vec<T> {
    for entry in more {
        if !list.contains(&entry) {
            list.push(entry);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{origin::TupleOrigin, policy::PolicyError};

    fn policy(inner: &str) -> Policy {
        Policy::parse(&format!(
            "{{\"policies\": {{\"UserEnabledCORS\": {{{inner}}}}}}}"
        ))
        .unwrap()
    }

    fn origin(text: &str) -> TupleOrigin {
        TupleOrigin::parse(text).unwrap()
    }

    #[test]
    fn blocks_are_united_and_the_stricter_value_counts() {
        let machine = policy(
            r#""Enabled": true, "LocalNetwork": "warn", "BlockedTargets": ["https://a.example"], "MaxGrantDays": 7"#,
        );
        let user = policy(
            r#""Enabled": false, "LocalNetwork": "block", "BlockedTargets": ["https://a.example", "https://b.example"],
               "BlockedRequesters": ["https://c.example"], "MaxGrantDays": 30,
               "AllowedPairs": [{"Requester": "https://d.example", "Target": "https://e.example"}]"#,
        );
        let both = machine.united_with(user);
        assert_eq!(
            (both.enabled, both.local_network, both.max_grant_days),
            (Some(false), Some(LocalNetwork::Block), Some(7))
        );
        assert_eq!(both.blocked_targets.len(), 2);
        assert!(both.blocks_requester(&origin("https://c.example")));
        assert!(both.allows_pair(&origin("https://d.example"), &origin("https://e.example")));
        assert!(!both.locked);
    }

    #[test]
    fn beside_a_locked_policy_the_other_only_tightens() {
        let machine = policy(r#""Enabled": true, "Locked": true"#);
        let user = policy(
            r#""Enabled": false, "LocalNetwork": "warn", "BlockedTargets": ["https://b.example"],
               "AllowedPairs": [{"Requester": "https://d.example", "Target": "https://e.example"}],
               "AddressSpaces": {"10.0.0.0/8": "public", "93.0.0.0/8": "local"}, "ExtraRoots": ["/roots.pem"],
               "Egress": "direct""#,
        );
        let both = machine.united_with(user);
        assert_eq!((both.enabled, both.locked), (Some(true), true));
        assert_eq!((both.local_network, both.egress.is_none()), (None, true));
        assert!(both.allowed_pairs.is_empty() && both.extra_roots.is_empty());
        assert_eq!(both.address_spaces.len(), 1);
        assert!(both.blocks_target(&origin("https://b.example")));
        let silent = policy(r#""Locked": true"#);
        let off = silent.united_with(policy(r#""Enabled": false"#));
        assert_eq!(off.enabled, Some(false));
    }

    #[test]
    fn an_egress_beside_none_tightens_and_the_locked_one_decides() {
        const OWN: &str = "\"Egress\": \"socks5://own.example:1\", \"DualCheck\": true";
        const SET: &str = "\"Egress\": \"http://set.example:2\"";
        const DIRECT: &str = "\"Egress\": \"direct\", \"DualCheck\": false";
        for (machine, locked, user, egress, dual_check) in [
            (SET, false, OWN, "http://set.example:2", Some(true)),
            (DIRECT, false, OWN, "socks5://own.example:1", Some(true)),
            (DIRECT, true, OWN, "direct", Some(false)),
            (SET, true, DIRECT, "http://set.example:2", None),
            (
                "\"Enabled\": true",
                true,
                OWN,
                "socks5://own.example:1",
                Some(true),
            ),
            ("\"Enabled\": true", false, DIRECT, "direct", Some(false)),
        ] {
            let machine = policy(&format!("{machine}, \"Locked\": {locked}"));
            let both = machine.united_with(policy(user));
            assert_eq!(
                both.egress.map(|set| set.to_string()).as_deref(),
                Some(egress)
            );
            assert_eq!(both.dual_check, dual_check, "{egress}");
        }
    }

    #[test]
    fn no_range_becomes_more_public_by_the_second_policy() {
        let machine = policy(r#""AddressSpaces": {"93.0.0.0/8": "local", "94.0.0.0/8": "public"}"#);
        let user = policy(
            r#""AddressSpaces": {"93.1.0.0/16": "public", "92.0.0.0/7": "public", "94.1.0.0/16": "local",
                                 "95.0.0.0/8": "local"}"#,
        );
        let ranges: Vec<String> = machine
            .united_with(user)
            .address_spaces
            .iter()
            .map(|(range, space)| format!("{range} {}", space.as_str()))
            .collect();
        assert_eq!(
            ranges,
            [
                "93.0.0.0/8 local",
                "94.0.0.0/8 public",
                "94.1.0.0/16 local",
                "95.0.0.0/8 local"
            ]
        );
    }

    #[test]
    fn one_that_cannot_be_used_spoils_both() {
        let bad = || PolicyStatus::Unusable(PolicyError::TooLarge);
        let good = || PolicyStatus::InForce(Policy::default());
        for (one, other, usable) in [
            (bad(), good(), false),
            (good(), bad(), false),
            (bad(), PolicyStatus::None, false),
            (PolicyStatus::None, good(), true),
            (good(), PolicyStatus::None, true),
            (good(), good(), true),
        ] {
            assert_eq!(one.united_with(other).policy().is_some(), usable);
        }
        assert_eq!(
            PolicyStatus::None.united_with(PolicyStatus::None),
            PolicyStatus::None
        );
    }
}
