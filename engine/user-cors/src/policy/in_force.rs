//! What policy and the user's settings come to.

use super::{LocalNetwork, Policy, PolicyStatus};
use crate::{
    decision::Switch,
    egress::{DualCheck, Egress},
    permission::MAX_GRANT_DAYS,
    refusal::Refusal,
};

impl PolicyStatus {
    /// Step 1, for a user who has set `own`. A policy that is not locked can only switch off.
    ///
    /// # Errors
    /// What has switched the feature off.
    pub fn switched_off(&self, own: Switch) -> Result<(), Refusal> {
        match self {
            Self::Unusable(_) => return Err(Refusal::PolicyUnusable),
            Self::InForce(Policy {
                enabled: Some(false),
                ..
            }) => return Err(Refusal::SwitchedOffByPolicy),
            Self::InForce(Policy {
                enabled: Some(true),
                locked: true,
                ..
            }) => return Ok(()),
            Self::InForce(_) | Self::None => {},
        }
        match own {
            Switch::On => Ok(()),
            Switch::Off => Err(Refusal::SwitchedOff),
        }
    }

    /// Policy's word on the local network where it is locked; else the stricter of policy's and the user's.
    pub fn local_network(&self, own: LocalNetwork) -> LocalNetwork {
        match self {
            Self::InForce(Policy {
                local_network: Some(set),
                locked: true,
                ..
            }) => *set,
            Self::InForce(Policy {
                local_network: Some(set),
                ..
            }) => own.min(*set),
            Self::InForce(_) | Self::None => own,
            Self::Unusable(_) => LocalNetwork::Block,
        }
    }

    /// The way out of anonymous requests: policy's where it is locked or names a proxy, else the user's.
    pub fn egress<'a>(&'a self, own: &'a Egress) -> &'a Egress {
        match self {
            Self::InForce(Policy {
                egress: Some(set),
                locked: true,
                ..
            })
            | Self::InForce(Policy {
                egress: Some(set @ Egress::Proxy(_)),
                ..
            }) => set,
            Self::InForce(_) | Self::None | Self::Unusable(_) => own,
        }
    }

    /// Whether answers are checked twice: policy's word where it is locked; else if policy or the user wants it.
    pub fn dual_check(&self, own: DualCheck) -> DualCheck {
        match self {
            Self::InForce(Policy {
                dual_check: Some(false),
                locked: true,
                ..
            }) => DualCheck::Off,
            Self::InForce(Policy {
                dual_check: Some(true),
                ..
            }) => DualCheck::On,
            Self::InForce(_) | Self::None | Self::Unusable(_) => own,
        }
    }

    /// Whether policy leaves the user no choice of whether the feature is on.
    pub fn fixes_switch(&self) -> bool {
        self.switched_off(Switch::On).is_ok() == self.switched_off(Switch::Off).is_ok()
    }

    /// Whether policy leaves the user no choice of the way out.
    pub fn fixes_egress(&self) -> bool {
        self.policy().is_some_and(|policy| match &policy.egress {
            Some(Egress::Direct) => policy.locked,
            Some(Egress::Proxy(_)) => true,
            None => false,
        })
    }

    /// Whether policy leaves the user no choice of whether answers are checked twice.
    pub fn fixes_dual_check(&self) -> bool {
        self.dual_check(DualCheck::Off) == self.dual_check(DualCheck::On)
    }

    /// Whether policy leaves the user no choice of what to do about the local network.
    pub fn fixes_local_network(&self) -> bool {
        self.local_network(LocalNetwork::Block) == self.local_network(LocalNetwork::Warn)
    }

    /// The most days that a lasting grant lives from the click.
    pub fn max_grant_days(&self) -> u32 {
        self.policy()
            .and_then(|policy| policy.max_grant_days)
            .unwrap_or(MAX_GRANT_DAYS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::PolicyError;

    fn in_force(enabled: Option<bool>, local: Option<LocalNetwork>, locked: bool) -> PolicyStatus {
        PolicyStatus::InForce(Policy {
            enabled,
            local_network: local,
            locked,
            ..Policy::default()
        })
    }

    #[test]
    fn what_the_user_may_still_choose() {
        use LocalNetwork::{Block, Warn};
        for (status, fixes_switch, fixes_local_network) in [
            (PolicyStatus::None, false, false),
            (PolicyStatus::Unusable(PolicyError::TooLarge), true, true),
            (in_force(None, None, true), false, false),
            (in_force(Some(false), Some(Block), false), true, true),
            (in_force(Some(true), Some(Warn), false), false, false),
            (in_force(Some(true), Some(Warn), true), true, true),
        ] {
            assert_eq!(status.fixes_switch(), fixes_switch, "{status:?}");
            assert_eq!(
                status.fixes_local_network(),
                fixes_local_network,
                "{status:?}"
            );
        }
    }

    #[test]
    fn an_unlocked_policy_only_tightens() {
        use LocalNetwork::{Block, Warn};
        let loose = in_force(Some(true), Some(Warn), false);
        assert_eq!(loose.switched_off(Switch::Off), Err(Refusal::SwitchedOff));
        assert_eq!(loose.local_network(Block), Block);
        let locked = in_force(Some(true), Some(Warn), true);
        assert_eq!(locked.switched_off(Switch::Off), Ok(()));
        assert_eq!(locked.local_network(Block), Warn);
    }
}
